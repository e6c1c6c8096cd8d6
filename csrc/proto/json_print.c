/* SPDX-License-Identifier: MIT
 *
 * Trees to text, compact. The canonical form differs only in the order of members: sorted by the bytes of their keys,
 * each object by itself, through a list of pointers, so that the tree is not touched. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "proto/json.h"

enum { MEMBERS_ON_STACK = 32 };

static int print_value(const cJSON *node, atr_buf *out, bool sorted, int depth);

static int append_escape(atr_buf *out, uint8_t c)
{
  static const char letters[] = "btn?fr"; /* for 8 ... 13 */
  char text[] = "\\u00xx";

  if (c == '"' || c == '\\') {
    text[1] = (char)c;
    return atr_buf_append(out, text, 2);
  }
  if (c >= 8 && c <= 13 && c != 11) {
    text[1] = letters[c - 8];
    return atr_buf_append(out, text, 2);
  }
  atr_hex_encode(&c, 1, text + 4);
  return atr_buf_append(out, text, 6);
}

/* The checks of json_check.c are repeated because trees are also built by hand. */
int atr_json_append_string(atr_buf *out, const char *text, size_t len)
{
  const uint8_t *p = (const uint8_t *)text, *end = p + len;
  size_t before = out->len, n;
  int err = atr_buf_append_u8(out, '"');

  while (!err && p < end) {
    n = atr_json_plain_run(p, end);
    err = atr_buf_append(out, p, n);
    p += n;
    if (err || p == end)
      break;
    n = *p < 0x80 ? 1 : atr_utf8_sequence(p, end);
    if (!n)
      err = ATR_JSON_UTF8;
    else
      err = *p < 0x80 ? append_escape(out, *p) : atr_buf_append(out, p, n);
    p += n;
  }
  if (!err)
    err = atr_buf_append_u8(out, '"');
  if (err)
    atr_buf_truncate(out, before);
  return err;
}

static int append_number(atr_buf *out, double v)
{
  char text[ATR_JSON_NUMBER_CHARS];
  int n = atr_json_number_text(v, text);

  return n < 0 ? n : atr_buf_append(out, text, (size_t)n);
}

static int print_member(const cJSON *member, atr_buf *out, bool sorted, int depth, bool first)
{
  int err = first ? 0 : atr_buf_append_u8(out, ',');

  if (!err)
    err = atr_json_append_string(out, member->string, strlen(member->string));
  if (!err)
    err = atr_buf_append_u8(out, ':');
  return err ? err : print_value(member, out, sorted, depth);
}

static int by_key(const void *a, const void *b)
{
  return strcmp((*(const cJSON *const *)a)->string, (*(const cJSON *const *)b)->string);
}

static int print_sorted(const cJSON *object, atr_buf *out, int depth)
{
  const cJSON *on_stack[MEMBERS_ON_STACK], **members = on_stack, *member;
  size_t n = 0, i = 0;
  int err = 0;

  cJSON_ArrayForEach (member, object)
    n++;
  if (n > MEMBERS_ON_STACK)
    members = malloc(n * sizeof *members);
  if (!members)
    return ATR_NOMEM;
  cJSON_ArrayForEach (member, object)
    members[i++] = member;
  qsort(members, n, sizeof *members, by_key);
  for (i = 0; i < n && !err; i++)
    err = print_member(members[i], out, true, depth, i == 0);
  if (members != on_stack)
    free(members);
  return err;
}

static int print_object(const cJSON *object, atr_buf *out, bool sorted, int depth)
{
  const cJSON *member;
  int err = atr_buf_append_u8(out, '{');

  if (!err && sorted) {
    err = print_sorted(object, out, depth);
  } else {
    for (member = object->child; member && !err; member = member->next)
      err = print_member(member, out, sorted, depth, member == object->child);
  }
  return err ? err : atr_buf_append_u8(out, '}');
}

static int print_array(const cJSON *array, atr_buf *out, bool sorted, int depth)
{
  const cJSON *element;
  int err = atr_buf_append_u8(out, '[');

  for (element = array->child; element && !err; element = element->next) {
    if (element != array->child)
      err = atr_buf_append_u8(out, ',');
    if (!err)
      err = print_value(element, out, sorted, depth);
  }
  return err ? err : atr_buf_append_u8(out, ']');
}

static int print_value(const cJSON *node, atr_buf *out, bool sorted, int depth)
{
  switch (node->type & 0xff) {
  case cJSON_NULL:
    return atr_buf_append(out, "null", 4);
  case cJSON_True:
    return atr_buf_append(out, "true", 4);
  case cJSON_False:
    return atr_buf_append(out, "false", 5);
  case cJSON_Number:
    return append_number(out, node->valuedouble);
  case cJSON_String:
    return atr_json_append_string(out, node->valuestring, strlen(node->valuestring));
  case cJSON_Array:
    return depth >= ATR_JSON_DEPTH_MAX ? ATR_JSON_DEPTH : print_array(node, out, sorted, depth + 1);
  case cJSON_Object:
    return depth >= ATR_JSON_DEPTH_MAX ? ATR_JSON_DEPTH : print_object(node, out, sorted, depth + 1);
  default:
    return ATR_JSON_TYPE;
  }
}

static int print_tree(const cJSON *tree, atr_buf *out, bool sorted)
{
  size_t before = out->len;
  int err = tree ? print_value(tree, out, sorted, 0) : ATR_JSON_TYPE;

  if (err)
    atr_buf_truncate(out, before);
  return err;
}

int atr_json_print(const cJSON *tree, atr_buf *out)
{
  return print_tree(tree, out, false);
}

int atr_json_canonical(const cJSON *tree, atr_buf *out)
{
  return print_tree(tree, out, true);
}
