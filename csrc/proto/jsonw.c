/* SPDX-License-Identifier: MIT
 *
 * See jsonw.h. A value is: comma where due, key, value; a container leaves `comma` false for its first member. */
#include "proto/jsonw.h"

#include "base/error.h"
#include "proto/json.h"

#include <assert.h>
#include <string.h>

/* One look at the buffer for comma, key and colon: a receiver of operations writes six keys for each of them. */
static void before_value(atr_jw *w, const char *key)
{
  size_t key_bytes = key ? strlen(key) : 0;
  uint8_t *p;

  if (atr_buf_reserve(w->out, key_bytes + 4) != 0) /* remembered in the buffer */
    return;
  p = w->out->data + w->out->len;
  if (w->comma)
    *p++ = ',';
  w->comma = true;
  if (key) {
    *p++ = '"';
    while (*key)
      *p++ = (uint8_t)*key++;
    *p++ = '"';
    *p++ = ':';
  }
  atr_buf_added(w->out, (size_t)(p - (w->out->data + w->out->len)));
}

static void open(atr_jw *w, char opener, char closer)
{
  assert(w->depth < ATR_JW_DEPTH_MAX);
  atr_buf_append_u8(w->out, (uint8_t)opener);
  w->closers[w->depth++] = closer;
  w->comma = false;
}

static void remember(atr_jw *w, int err)
{
  if (err < 0 && w->err == 0)
    w->err = err;
}

atr_jw atr_jw_begin(atr_buf *out)
{
  atr_jw w = {.out = out, .start = out->len};

  open(&w, '{', '}');
  return w;
}

int atr_jw_finish(atr_jw *w)
{
  while (w->depth > 0)
    atr_jw_end(w);
  remember(w, w->out->err);
  if (w->err < 0)
    atr_buf_truncate(w->out, w->start);
  return w->err;
}

void atr_jw_object(atr_jw *w, const char *key)
{
  before_value(w, key);
  open(w, '{', '}');
}

void atr_jw_array(atr_jw *w, const char *key)
{
  before_value(w, key);
  open(w, '[', ']');
}

void atr_jw_end(atr_jw *w)
{
  assert(w->depth > 0);
  atr_buf_append_u8(w->out, (uint8_t)w->closers[--w->depth]);
  w->comma = true;
}

void atr_jw_strn(atr_jw *w, const char *key, const char *text, size_t len)
{
  before_value(w, key);
  remember(w, atr_json_append_string(w->out, text, len));
}

void atr_jw_str(atr_jw *w, const char *key, const char *text)
{
  atr_jw_strn(w, key, text, strlen(text));
}

void atr_jw_bool(atr_jw *w, const char *key, bool value)
{
  before_value(w, key);
  atr_buf_append_str(w->out, value ? "true" : "false");
}

void atr_jw_int(atr_jw *w, const char *key, int64_t value)
{
  char text[24]; /* filled from its end; snprintf() took a tenth of a receiver's time */
  size_t at = sizeof text;
  uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

  before_value(w, key);
  do {
    text[--at] = (char)('0' + left % 10);
    left /= 10;
  } while (left > 0);
  if (value < 0)
    text[--at] = '-';
  atr_buf_append(w->out, text + at, sizeof text - at);
}

void atr_jw_num(atr_jw *w, const char *key, double value)
{
  char text[ATR_JSON_NUMBER_CHARS];
  int n = atr_json_number_text(value, text);

  before_value(w, key);
  remember(w, n);
  if (n > 0)
    atr_buf_append(w->out, text, (size_t)n);
}

/* Straight into the buffer: hexadecimal text needs no escapes, and each event names a room and a document. */
static void write_hex(atr_jw *w, const char *key, const uint8_t *bytes, size_t n)
{
  char *to;

  before_value(w, key);
  if (atr_buf_reserve(w->out, 2 * n + 3) != 0) /* quotes, and the terminator that the second one replaces */
    return;
  to = (char *)w->out->data + w->out->len;
  to[0] = '"';
  atr_hex_encode(bytes, n, to + 1);
  to[1 + 2 * n] = '"';
  atr_buf_added(w->out, 2 * n + 2);
}

void atr_jw_id(atr_jw *w, const char *key, const atr_id *id)
{
  write_hex(w, key, id->b, sizeof id->b);
}

void atr_jw_hash(atr_jw *w, const char *key, const atr_hash *hash)
{
  write_hex(w, key, hash->b, sizeof hash->b);
}

void atr_jw_tree(atr_jw *w, const char *key, const cJSON *tree)
{
  before_value(w, key);
  remember(w, atr_json_print(tree, w->out));
}

void atr_jw_raw(atr_jw *w, const char *key, atr_span json)
{
  before_value(w, key);
  atr_buf_append(w->out, json.p, json.n);
}
