/* SPDX-License-Identifier: MIT
 *
 * Growth doubles, so that appending n bytes costs O(n) in all, and stops at the cap. Consumed room at the front is
 * taken back only when an append does not fit behind: each byte is then moved at most once per doubling. */
#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* The first allocation: most messages fit. */
enum { FIRST_BYTES = 256 };

void atr_buf_init(atr_buf *buf, size_t max)
{
  memset(buf, 0, sizeof *buf);
  buf->max = max;
}

void atr_buf_free(atr_buf *buf)
{
  if (buf->data)
    free(buf->data - buf->head);
  atr_buf_init(buf, buf->max);
}

static void slide_to_front(atr_buf *buf)
{
  if (!buf->head)
    return;
  uint8_t *start = buf->data - buf->head;

  if (buf->len)
    memmove(start, buf->data, buf->len);
  buf->data = start;
  buf->cap += buf->head;
  buf->head = 0;
}

void atr_buf_clear(atr_buf *buf)
{
  buf->len = 0;
  buf->err = 0;
  slide_to_front(buf);
}

static int fail(atr_buf *buf, int err)
{
  if (!buf->err)
    buf->err = err;
  return err;
}

static int grow(atr_buf *buf, size_t need)
{
  size_t cap = buf->cap ? buf->cap : FIRST_BYTES;
  uint8_t *data;

  while (cap < need)
    cap = cap > SIZE_MAX / 2 ? need : cap * 2;
  if (cap > buf->max)
    cap = buf->max; /* `need` is within the cap: the caller has looked */
  data = realloc(buf->data, cap);
  if (!data)
    return fail(buf, ATR_NOMEM);
  buf->data = data;
  buf->cap = cap;
  return 0;
}

int atr_buf_reserve(atr_buf *buf, size_t n)
{
  if (n <= buf->cap - buf->len && n <= buf->max - buf->len)
    return 0;
  if (n > buf->max - buf->len)
    return fail(buf, ATR_LIMIT);
  slide_to_front(buf);
  if (n <= buf->cap - buf->len)
    return 0;
  return grow(buf, buf->len + n);
}

void atr_buf_added(atr_buf *buf, size_t n)
{
  buf->len += n;
}

int atr_buf_append(atr_buf *buf, const void *bytes, size_t n)
{
  int err = atr_buf_reserve(buf, n);

  if (err)
    return err;
  if (n)
    memcpy(buf->data + buf->len, bytes, n);
  buf->len += n;
  return 0;
}

int atr_buf_append_str(atr_buf *buf, const char *text)
{
  return atr_buf_append(buf, text, strlen(text));
}

int atr_buf_append_u8(atr_buf *buf, uint8_t v)
{
  return atr_buf_append(buf, &v, 1);
}

int atr_buf_append_u32(atr_buf *buf, uint32_t v)
{
  uint8_t b[4];

  atr_put_u32(b, v);
  return atr_buf_append(buf, b, sizeof b);
}

int atr_buf_append_u64(atr_buf *buf, uint64_t v)
{
  uint8_t b[8];

  atr_put_u64(b, v);
  return atr_buf_append(buf, b, sizeof b);
}

void atr_buf_consume(atr_buf *buf, size_t n)
{
  if (n >= buf->len) {
    buf->len = 0;
    slide_to_front(buf);
    return;
  }
  buf->data += n;
  buf->head += n;
  buf->len -= n;
  buf->cap -= n;
}

void atr_buf_truncate(atr_buf *buf, size_t len)
{
  if (len < buf->len)
    buf->len = len;
}

uint8_t *atr_buf_detach(atr_buf *buf, size_t *n)
{
  uint8_t *data;

  slide_to_front(buf);
  data = buf->data;
  *n = buf->len;
  atr_buf_init(buf, buf->max);
  return data;
}

bool atr_span_equal(atr_span a, atr_span b)
{
  return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* The next `n` bytes, or NULL and the sticky error. */
static const uint8_t *take(atr_rd *rd, size_t n)
{
  const uint8_t *p = rd->p;

  if (n > rd->left || rd->err) {
    rd->err = ATR_PROTO;
    rd->left = 0;
    return NULL;
  }
  rd->left -= n;
  if (n)
    rd->p += n;
  return p;
}

uint8_t atr_rd_u8(atr_rd *rd)
{
  const uint8_t *p = take(rd, 1);

  return p ? *p : 0;
}

uint16_t atr_rd_u16(atr_rd *rd)
{
  const uint8_t *p = take(rd, 2);

  return p ? atr_get_u16(p) : 0;
}

uint32_t atr_rd_u32(atr_rd *rd)
{
  const uint8_t *p = take(rd, 4);

  return p ? atr_get_u32(p) : 0;
}

uint64_t atr_rd_u64(atr_rd *rd)
{
  const uint8_t *p = take(rd, 8);

  return p ? atr_get_u64(p) : 0;
}

atr_span atr_rd_bytes(atr_rd *rd, size_t n)
{
  const uint8_t *p = take(rd, n);

  return atr_span_of(p, p ? n : 0);
}

void atr_rd_copy(atr_rd *rd, void *out, size_t n)
{
  const uint8_t *p = take(rd, n);

  if (p)
    memcpy(out, p, n);
  else
    memset(out, 0, n);
}

atr_span atr_rd_rest(atr_rd *rd)
{
  return atr_rd_bytes(rd, rd->left);
}

int atr_rd_end(const atr_rd *rd)
{
  return rd->err || rd->left ? ATR_PROTO : 0;
}
