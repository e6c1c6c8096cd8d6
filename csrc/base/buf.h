/* SPDX-License-Identifier: MIT
 *
 * Byte buffers and bounded readers.
 *
 * atr_buf grows up to a hard cap that its owner names when it starts, so that no peer can make it grow further.
 * Bytes are appended at the end and consumed at the front; consuming moves no bytes, the room at the front is
 * won back when the buffer would otherwise grow. A failed append leaves the content alone and is remembered in
 * `err`: an encoder may append without looking and ask once at its end.
 *
 * atr_span is a borrowed run of bytes: it owns nothing and dies with what it points into.
 *
 * atr_rd reads big-endian numbers from a span. Reading past the end gives zeros and sets `err` for good: a
 * decoder reads all its fields and asks once.
 *
 * Nothing here is shared between threads. */
#ifndef ATR_BASE_BUF_H
#define ATR_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct atr_span {
  const uint8_t *p;
  size_t n;
} atr_span;

/* Fields are read freely and written only by the functions below. */
typedef struct atr_buf {
  uint8_t *data; /* first unread byte; NULL while nothing was ever reserved */
  size_t len;    /* unread bytes */
  size_t cap;    /* bytes from `data` to the end of the allocation */
  size_t max;    /* `len` never passes this */
  size_t head;   /* consumed bytes before `data` */
  int err;       /* first failure since init or clear: ATR_NOMEM or ATR_LIMIT */
} atr_buf;

/* An empty buffer that allocates nothing yet. */
void atr_buf_init(atr_buf *buf, size_t max);

/* Frees the bytes; the buffer is as after init and may be used again. */
void atr_buf_free(atr_buf *buf);

/* Empties it and forgets `err`; keeps the memory for reuse. */
void atr_buf_clear(atr_buf *buf);

/* Makes room for `n` more bytes after the present ones (write them at data + len, then atr_buf_added).
 * 0, ATR_NOMEM or ATR_LIMIT. */
int atr_buf_reserve(atr_buf *buf, size_t n);

/* Tells that `n` reserved bytes were written. */
void atr_buf_added(atr_buf *buf, size_t n);

int atr_buf_append(atr_buf *buf, const void *bytes, size_t n);
int atr_buf_append_str(atr_buf *buf, const char *text);
int atr_buf_append_u8(atr_buf *buf, uint8_t v);
int atr_buf_append_u32(atr_buf *buf, uint32_t v);
int atr_buf_append_u64(atr_buf *buf, uint64_t v);

/* Drops the first `n` bytes; `n` is at most `len`. */
void atr_buf_consume(atr_buf *buf, size_t n);

/* Cuts the buffer to its first `len` bytes: takes back what was appended since. Does not touch `err`. */
void atr_buf_truncate(atr_buf *buf, size_t len);

/* Hands the content over as one malloc'ed block that the caller frees, of *n bytes (perhaps NULL where that is
 * 0), and leaves the buffer as after init. Look at the buffer's `err` before. */
uint8_t *atr_buf_detach(atr_buf *buf, size_t *n);

static inline atr_span atr_buf_span(const atr_buf *buf)
{
  atr_span span = {buf->data, buf->len};
  return span;
}

static inline atr_span atr_span_of(const void *p, size_t n)
{
  atr_span span = {(const uint8_t *)p, n};
  return span;
}

bool atr_span_equal(atr_span a, atr_span b);

/* Big-endian stores and loads at any alignment. */
static inline void atr_put_u16(uint8_t *p, uint16_t v)
{
  p[0] = (uint8_t)(v >> 8);
  p[1] = (uint8_t)v;
}

static inline void atr_put_u32(uint8_t *p, uint32_t v)
{
  atr_put_u16(p, (uint16_t)(v >> 16));
  atr_put_u16(p + 2, (uint16_t)v);
}

static inline void atr_put_u64(uint8_t *p, uint64_t v)
{
  atr_put_u32(p, (uint32_t)(v >> 32));
  atr_put_u32(p + 4, (uint32_t)v);
}

static inline uint16_t atr_get_u16(const uint8_t *p)
{
  return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t atr_get_u32(const uint8_t *p)
{
  return (uint32_t)atr_get_u16(p) << 16 | atr_get_u16(p + 2);
}

static inline uint64_t atr_get_u64(const uint8_t *p)
{
  return (uint64_t)atr_get_u32(p) << 32 | atr_get_u32(p + 4);
}

/* Start one with atr_rd_of. */
typedef struct atr_rd {
  const uint8_t *p;
  size_t left;
  int err; /* 0, or ATR_PROTO from the first read past the end on */
} atr_rd;

static inline atr_rd atr_rd_of(const void *p, size_t n)
{
  atr_rd rd = {(const uint8_t *)p, n, 0};
  return rd;
}

uint8_t atr_rd_u8(atr_rd *rd);
uint16_t atr_rd_u16(atr_rd *rd);
uint32_t atr_rd_u32(atr_rd *rd);
uint64_t atr_rd_u64(atr_rd *rd);

/* The next `n` bytes, in place; {NULL, 0} when there are fewer. */
atr_span atr_rd_bytes(atr_rd *rd, size_t n);

/* Copies the next `n` bytes to `out`; zeros when there are fewer. */
void atr_rd_copy(atr_rd *rd, void *out, size_t n);

/* All that is left, in place. */
atr_span atr_rd_rest(atr_rd *rd);

/* 0 when all was read and nothing is left over, else ATR_PROTO: ends a decoder that allows no trailing bytes. */
int atr_rd_end(const atr_rd *rd);

#endif
