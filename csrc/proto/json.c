/* SPDX-License-Identifier: MIT
 *
 * Trees: parsing (check, then cJSON), typed getters, comparison, size. Printing is in json_print.c, the check in
 * json_check.c, numbers in number.c. */
#include "proto/json.h"

#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "proto/keys.h"

int atr_json_parse(const char *text, size_t len, cJSON **out)
{
  int err = atr_json_check(text, len, NULL);

  *out = NULL;
  if (err)
    return err;
  /* What is checked cannot fail for any other reason. */
  *out = cJSON_ParseWithLength(text, len);
  return *out ? 0 : ATR_NOMEM;
}

int atr_json_parse_object(const char *text, size_t len, cJSON **out)
{
  int err = atr_json_parse(text, len, out);

  if (err || cJSON_IsObject(*out))
    return err;
  cJSON_Delete(*out);
  *out = NULL;
  return ATR_JSON_TYPE;
}

cJSON *atr_json_get(const cJSON *object, const char *key)
{
  cJSON *member;

  if (!cJSON_IsObject(object))
    return NULL;
  cJSON_ArrayForEach (member, object)
    if (strcmp(member->string, key) == 0)
      return member;
  return NULL;
}

int atr_json_get_str(const cJSON *object, const char *key, const char **out)
{
  const cJSON *member = atr_json_get(object, key);

  if (!cJSON_IsString(member))
    return ATR_JSON_TYPE;
  *out = member->valuestring;
  return 0;
}

int atr_json_get_num(const cJSON *object, const char *key, double min, double max, double *out)
{
  const cJSON *member = atr_json_get(object, key);

  if (!cJSON_IsNumber(member) || !(member->valuedouble >= min && member->valuedouble <= max))
    return ATR_JSON_TYPE;
  *out = member->valuedouble;
  return 0;
}

int atr_json_get_u64(const cJSON *object, const char *key, uint64_t max, uint64_t *out)
{
  double limit = max < (uint64_t)ATR_JSON_INT_MAX ? (double)max : ATR_JSON_INT_MAX, v;
  int err = atr_json_get_num(object, key, 0, limit, &v);

  if (err || v != (double)(uint64_t)v)
    return ATR_JSON_TYPE;
  *out = (uint64_t)v;
  return 0;
}

int atr_json_get_bool(const cJSON *object, const char *key, bool *out)
{
  const cJSON *member = atr_json_get(object, key);

  if (!cJSON_IsBool(member))
    return ATR_JSON_TYPE;
  *out = cJSON_IsTrue(member) != 0;
  return 0;
}

int atr_json_get_id(const cJSON *object, const char *key, atr_id *out)
{
  const char *text = NULL;
  int err = atr_json_get_str(object, key, &text);

  return err || atr_id_from_hex(text, strlen(text), out) ? ATR_JSON_TYPE : 0;
}

int atr_json_get_hash(const cJSON *object, const char *key, atr_hash *out)
{
  const char *text = NULL;
  int err = atr_json_get_str(object, key, &text);

  return err || atr_hash_from_hex(text, strlen(text), out) ? ATR_JSON_TYPE : 0;
}

int atr_json_get_bytes(const cJSON *object, const char *key, uint8_t *out, size_t n)
{
  const char *hex = NULL;
  int err = atr_json_get_str(object, key, &hex);

  return err ? err : atr_hex_decode(hex, strlen(hex), out, n);
}

int atr_json_set(cJSON *object, const char *key, cJSON *value)
{
  cJSON *old = atr_json_get(object, key);

  if (!value)
    return ATR_NOMEM;
  /* Added first: where that fails the old one stays. */
  if (!cJSON_AddItemToObject(object, key, value)) {
    cJSON_Delete(value);
    return ATR_NOMEM;
  }
  if (old)
    cJSON_Delete(cJSON_DetachItemViaPointer(object, old));
  return 0;
}

bool atr_json_has_null(const cJSON *tree)
{
  const cJSON *child;

  if (cJSON_IsNull(tree))
    return true;
  cJSON_ArrayForEach (child, tree)
    if (atr_json_has_null(child))
      return true;
  return false;
}

/* Every member of `a` has an equal in `b`; the caller has seen that both have as many. */
static bool members_equal(const cJSON *a, const cJSON *b)
{
  atr_keys keys;
  const cJSON *member, *other;
  bool equal = true;

  if (atr_keys_open(&keys, b))
    keys.object = b; /* no memory for a table: slower, and as right */
  cJSON_ArrayForEach (member, a) {
    other = atr_keys_find(&keys, member->string);
    equal = other && atr_json_equal(member, other);
    if (!equal)
      break;
  }
  atr_keys_close(&keys);
  return equal;
}

/* The common case is two trees that were built alike: then members stand in the same order and no look-up is
 * needed. Sets *same_order to false at the first key that differs. */
static bool children_equal(const cJSON *a, const cJSON *b, bool *same_order)
{
  bool named = cJSON_IsObject(a);

  for (a = a->child, b = b->child; a && b; a = a->next, b = b->next) {
    if (named && strcmp(a->string, b->string) != 0) {
      *same_order = false;
      return false;
    }
    if (!atr_json_equal(a, b))
      return false;
  }
  return !a && !b;
}

static size_t count_children(const cJSON *a)
{
  size_t n = 0;
  const cJSON *child;

  cJSON_ArrayForEach (child, a)
    n++;
  return n;
}

static bool same_bits(double a, double b)
{
  uint64_t x, y;

  memcpy(&x, &a, sizeof x);
  memcpy(&y, &b, sizeof y);
  return x == y;
}

bool atr_json_equal(const cJSON *a, const cJSON *b)
{
  bool same_order = true, equal;

  if (!a || !b || (a->type & 0xff) != (b->type & 0xff))
    return a == b;
  switch (a->type & 0xff) {
  case cJSON_Number:
    return same_bits(a->valuedouble, b->valuedouble);
  case cJSON_String:
    return strcmp(a->valuestring, b->valuestring) == 0;
  case cJSON_Array:
    return children_equal(a, b, &same_order);
  case cJSON_Object:
    equal = children_equal(a, b, &same_order);
    if (!same_order)
      equal = count_children(a) == count_children(b) && members_equal(a, b);
    return equal;
  default:
    return true;
  }
}

size_t atr_json_memory(const cJSON *tree)
{
  enum { MALLOC_OVERHEAD = 16 };
  const cJSON *child;
  size_t n;

  if (!tree)
    return 0;
  n = sizeof *tree + MALLOC_OVERHEAD;
  if (tree->string)
    n += strlen(tree->string) + MALLOC_OVERHEAD;
  if (tree->valuestring)
    n += strlen(tree->valuestring) + MALLOC_OVERHEAD;
  cJSON_ArrayForEach (child, tree)
    n += atr_json_memory(child);
  return n;
}
