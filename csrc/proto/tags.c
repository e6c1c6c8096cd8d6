/* SPDX-License-Identifier: MIT
 *
 * One table of tags with the check of each shape; every other function goes through it. */
#include "proto/tags.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "proto/json.h"

/* What follows the tag's name, or NULL; and how many elements there are in all. */
static const cJSON *second(const cJSON *node)
{
  return node->child ? node->child->next : NULL;
}

static bool has_elements(const cJSON *node, int n)
{
  const cJSON *child;

  cJSON_ArrayForEach (child, node)
    if (n-- == 0)
      return false;
  return n == 0;
}

static const char *text_of(const cJSON *node)
{
  return node && cJSON_IsString(node) ? node->valuestring : "";
}

static bool is_ref(const cJSON *node)
{
  atr_id id;
  const char *text = text_of(second(node));

  return has_elements(node, 2) && atr_id_from_hex(text, strlen(text), &id) == 0;
}

static bool is_none(const cJSON *node)
{
  return has_elements(node, 1);
}

static bool read_float(const cJSON *node, double *out)
{
  const char *text = text_of(second(node));

  if (!has_elements(node, 2))
    return false;
  if (strcmp(text, "nan") == 0)
    *out = (double)NAN;
  else if (strcmp(text, "inf") == 0)
    *out = (double)INFINITY;
  else if (strcmp(text, "-inf") == 0)
    *out = (double)-INFINITY;
  else
    return false;
  return true;
}

static bool is_float(const cJSON *node)
{
  double v;

  return read_float(node, &v);
}

/* Only what a plain number cannot say: beyond +-2^53, and within the signed or unsigned 64 bits. */
static bool read_int(const cJSON *node, bool *negative, uint64_t *magnitude)
{
  const char *p = text_of(second(node)), *start;
  uint64_t v = 0;

  *negative = *p == '-';
  start = p += *negative;
  if (!has_elements(node, 2) || *p == '0')
    return false;
  for (; *p >= '0' && *p <= '9'; p++) {
    uint64_t digit = (uint64_t)(*p - '0');

    if (v > (UINT64_MAX - digit) / 10)
      return false;
    v = v * 10 + digit;
  }
  if (*p || p == start || v <= (uint64_t)ATR_JSON_INT_MAX)
    return false;
  *magnitude = v;
  return !*negative || v <= (uint64_t)INT64_MAX + 1;
}

static bool is_int(const cJSON *node)
{
  bool negative;
  uint64_t magnitude;

  return read_int(node, &negative, &magnitude);
}

static uint32_t dtype_bytes(const char *dtype)
{
  static const struct {
    const char *name;
    uint32_t bytes;
  } dtypes[] = {{"u1", 1}, {"b1", 1}, {"i1", 1}, {"i2", 2}, {"i4", 4}, {"i8", 8},  {"u2", 2},
                {"u4", 4}, {"u8", 8}, {"f2", 2}, {"f4", 4}, {"f8", 8}, {"file", 1}};

  for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
    if (strcmp(dtypes[i].name, dtype) == 0)
      return dtypes[i].bytes;
  return 0;
}

/* The bytes stay within ATR_BLOB_BYTES_MAX at every step, so no product overflows; a zero makes the rest zero. */
static bool read_shape(const cJSON *shape, atr_blob_ref *out)
{
  const cJSON *dim;

  out->dims = 0;
  out->bytes = out->elem_bytes;
  if (!cJSON_IsArray(shape))
    return false;
  cJSON_ArrayForEach (dim, shape) {
    double v = cJSON_IsNumber(dim) ? dim->valuedouble : -1;

    if (out->dims == ATR_BLOB_DIMS_MAX || !(v >= 0 && v <= ATR_BLOB_BYTES_MAX) || v != (double)(uint64_t)v)
      return false;
    out->shape[out->dims++] = (uint64_t)v;
    out->bytes *= (uint64_t)v;
    if (out->bytes > ATR_BLOB_BYTES_MAX)
      return false;
  }
  return out->dims > 0;
}

static bool read_blob(const cJSON *node, atr_blob_ref *out)
{
  const cJSON *hash = second(node), *dtype = hash ? hash->next : NULL, *shape = dtype ? dtype->next : NULL;
  const cJSON *name = shape ? shape->next : NULL;
  const char *hex = text_of(hash);

  memset(out, 0, sizeof *out);
  if (!has_elements(node, name ? 5 : 4) || atr_hash_from_hex(hex, strlen(hex), &out->hash))
    return false;
  out->dtype = text_of(dtype);
  out->elem_bytes = dtype_bytes(out->dtype);
  if (!out->elem_bytes || !read_shape(shape, out))
    return false;
  if (strcmp(out->dtype, "file") != 0)
    return !name;
  return out->dims == 1 && (!name || cJSON_IsString(name));
}

static bool is_blob(const cJSON *node)
{
  atr_blob_ref blob;

  return read_blob(node, &blob);
}

static bool is_literal(const cJSON *node)
{
  return has_elements(node, 2) && cJSON_IsArray(second(node));
}

static const struct {
  const char *name;
  enum atr_tag tag;
  bool (*has_shape)(const cJSON *node);
} tags[] = {{"$ref", ATR_TAG_REF, is_ref}, {"$none", ATR_TAG_NONE, is_none}, {"$f", ATR_TAG_FLOAT, is_float},
            {"$i", ATR_TAG_INT, is_int},   {"$blob", ATR_TAG_BLOB, is_blob}, {"$lit", ATR_TAG_LITERAL, is_literal}};

enum atr_tag atr_tag_of(const cJSON *node)
{
  const char *name;

  if (!cJSON_IsArray(node) || !cJSON_IsString(node->child) || node->child->valuestring[0] != '$')
    return ATR_TAG_PLAIN;
  name = node->child->valuestring;
  for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
    if (strcmp(tags[i].name, name) == 0)
      return tags[i].has_shape(node) ? tags[i].tag : ATR_TAG_BAD;
  return ATR_TAG_BAD;
}

int atr_tag_blob(const cJSON *node, atr_blob_ref *out)
{
  return atr_tag_of(node) == ATR_TAG_BLOB && read_blob(node, out) ? 0 : ATR_JSON_TAG;
}

/* --- visiting ---------------------------------------------------------------------------------------------------- */

struct visitor {
  int (*on_blob)(void *ctx, const atr_blob_ref *blob);
  void *ctx;
};

/* Depth is bounded: trees come from checked texts, and from hand within the same limit. */
static int visit(const cJSON *node, const struct visitor *v)
{
  const cJSON *child;
  atr_blob_ref blob;
  int result = 0;

  switch (atr_tag_of(node)) {
  case ATR_TAG_BAD:
    return ATR_JSON_TAG;
  case ATR_TAG_BLOB:
    return v->on_blob && read_blob(node, &blob) ? v->on_blob(v->ctx, &blob) : 0;
  case ATR_TAG_PLAIN:
    for (child = node ? node->child : NULL; child && !result; child = child->next)
      result = visit(child, v);
    return result;
  default:
    return 0;
  }
}

int atr_tags_check(const cJSON *tree)
{
  struct visitor v = {NULL, NULL};

  return visit(tree, &v);
}

int atr_json_visit_blobs(const cJSON *tree, int (*on_blob)(void *ctx, const atr_blob_ref *blob), void *ctx)
{
  struct visitor v = {on_blob, ctx};

  return visit(tree, &v);
}
