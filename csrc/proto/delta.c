/* SPDX-License-Identifier: MIT
 *
 * Most of an array is unchanged, so most of the time goes into finding the next byte that differs: 64 bytes at a time,
 * in a loop that compilers turn into vector instructions. Elements are looked at one by one only where something
 * changed. Measured: 1M float3 of which 1 % changed take 1.6 ms (7.4 GB/s), a memcpy of them 1.1 ms. */
#include "proto/delta.h"

#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"

enum { HEADER_BYTES = 8 + 8 + 4, RANGE_BYTES = 4 + 4, BLOCK_BYTES = 64 };

/* --- finding ----------------------------------------------------------------------------------------------------- */

static bool block_differs(const uint8_t *a, const uint8_t *b)
{
  uint64_t x[BLOCK_BYTES / 8], y[BLOCK_BYTES / 8], any = 0;

  memcpy(x, a, sizeof x);
  memcpy(y, b, sizeof y);
  for (int i = 0; i < BLOCK_BYTES / 8; i++)
    any |= x[i] ^ y[i];
  return any != 0;
}

/* The first position from `i` on where a and b differ, or n. */
static size_t next_difference(const uint8_t *a, const uint8_t *b, size_t i, size_t n)
{
  while (n - i >= BLOCK_BYTES && !block_differs(a + i, b + i))
    i += BLOCK_BYTES;
  while (i < n && a[i] == b[i])
    i++;
  return i;
}

struct encoder {
  atr_span base, next;
  size_t elem_bytes;
  size_t bytes_max;  /* a longer delta does not pay */
  size_t changed;    /* bytes in all ranges so far */
  size_t start, end; /* the range that may still grow; none while both are 0 */
  atr_buf *out;
};

static size_t encoded_bytes(const struct encoder *e, size_t before)
{
  return e->out->len - before + e->changed;
}

static int flush_range(struct encoder *e)
{
  int err;

  if (e->start == e->end)
    return 0;
  err = atr_buf_append_u32(e->out, (uint32_t)e->start);
  if (!err)
    err = atr_buf_append_u32(e->out, (uint32_t)(e->end - e->start));
  e->changed += e->end - e->start;
  return err;
}

/* A range that follows closer than its own header would cost joins the one before. */
static int add_range(struct encoder *e, size_t start, size_t end)
{
  int err = 0;

  if (e->start == e->end || start - e->end > RANGE_BYTES) {
    err = flush_range(e);
    e->start = start;
  }
  e->end = end;
  return err;
}

static size_t at_most(size_t a, size_t b)
{
  return a < b ? a : b;
}

/* The end of the run of changed elements that starts at `start`. */
static size_t end_of_run(const struct encoder *e, size_t start, size_t common)
{
  size_t end = at_most(start + e->elem_bytes, common);

  while (end < common) {
    size_t n = at_most(e->elem_bytes, common - end);

    if (memcmp(e->base.p + end, e->next.p + end, n) == 0)
      break;
    end += n;
  }
  return end;
}

/* 1 when all ranges are appended, 0 when it became clear that they do not pay, or an error. */
static int find_ranges(struct encoder *e)
{
  size_t common = at_most(e->base.n, e->next.n), before = e->out->len, at = 0;
  int err = 0;

  while (!err && (at = next_difference(e->base.p, e->next.p, at, common)) < common) {
    size_t start = at - at % e->elem_bytes;

    at = end_of_run(e, start, common);
    err = add_range(e, start, at);
    if (encoded_bytes(e, before) > e->bytes_max)
      return 0;
  }
  if (!err && e->next.n > common)
    err = add_range(e, common, e->next.n);
  if (!err)
    err = flush_range(e);
  if (err)
    return err;
  return encoded_bytes(e, before) <= e->bytes_max;
}

/* Appends the bytes of the ranges that stand at `ranges` in `out`. */
static int append_changed(struct encoder *e, size_t ranges, size_t n)
{
  int err = atr_buf_reserve(e->out, e->changed);

  for (size_t i = 0; i < n && !err; i++) {
    const uint8_t *range = e->out->data + ranges + i * RANGE_BYTES;

    err = atr_buf_append(e->out, e->next.p + atr_get_u32(range), atr_get_u32(range + 4));
  }
  return err;
}

int atr_delta_encode(atr_span base, atr_span next, uint32_t elem_bytes, atr_buf *out)
{
  struct encoder e = {.base = base, .next = next, .elem_bytes = elem_bytes, .out = out};
  size_t before = out->len, n;
  int result;

  if (!elem_bytes || elem_bytes > ATR_DELTA_ELEM_BYTES_MAX)
    return ATR_INVAL;
  if (base.n > ATR_BLOB_BYTES_MAX || next.n > ATR_BLOB_BYTES_MAX)
    return ATR_BLOB_SIZE;
  e.bytes_max = (size_t)((uint64_t)next.n * ATR_DELTA_PERCENT_MAX / 100);
  if (e.bytes_max < HEADER_BYTES)
    return 0;
  e.bytes_max -= HEADER_BYTES;
  result = atr_buf_reserve(out, HEADER_BYTES);
  if (result)
    return result;
  atr_buf_added(out, HEADER_BYTES);
  result = find_ranges(&e);
  if (result > 0) {
    n = (out->len - before - HEADER_BYTES) / RANGE_BYTES;
    atr_put_u64(out->data + before, base.n);
    atr_put_u64(out->data + before + 8, next.n);
    atr_put_u32(out->data + before + 16, (uint32_t)n);
    result = append_changed(&e, before + HEADER_BYTES, n);
    if (!result)
      return 1;
  }
  atr_buf_truncate(out, before);
  return result;
}

/* --- applying ---------------------------------------------------------------------------------------------------- */

struct decoder {
  uint64_t base_len, next_len;
  atr_span ranges, bytes;
};

/* Checks that the ranges ascend, lie inside of the result, and that their bytes are exactly those that follow; and
 * that what no range covers is there in the base. */
static int check_ranges(const struct decoder *d)
{
  atr_rd rd = atr_rd_of(d->ranges.p, d->ranges.n);
  uint64_t at = 0, sum = 0;

  while (rd.left) {
    uint64_t offset = atr_rd_u32(&rd), len = atr_rd_u32(&rd);

    if (offset < at || !len || len > d->next_len || offset > d->next_len - len)
      return ATR_DELTA;
    if (offset > at && offset > d->base_len)
      return ATR_DELTA;
    at = offset + len;
    sum += len;
  }
  if (at < d->next_len && d->next_len > d->base_len)
    return ATR_DELTA;
  return sum == d->bytes.n ? 0 : ATR_DELTA;
}

static int open_delta(atr_span delta, struct decoder *d)
{
  atr_rd rd = atr_rd_of(delta.p, delta.n);
  uint32_t n;

  d->base_len = atr_rd_u64(&rd);
  d->next_len = atr_rd_u64(&rd);
  n = atr_rd_u32(&rd);
  if (rd.err || n > rd.left / RANGE_BYTES)
    return ATR_DELTA;
  if (d->next_len > ATR_BLOB_BYTES_MAX)
    return ATR_BLOB_SIZE;
  d->ranges = atr_rd_bytes(&rd, (size_t)n * RANGE_BYTES);
  d->bytes = atr_rd_rest(&rd);
  return check_ranges(d);
}

int atr_delta_sizes(atr_span delta, uint64_t *base_len, uint64_t *next_len)
{
  struct decoder d;
  int err = open_delta(delta, &d);

  *base_len = err ? 0 : d.base_len;
  *next_len = err ? 0 : d.next_len;
  return err;
}

static void copy(uint8_t *to, const uint8_t *from, size_t n)
{
  if (n)
    memcpy(to, from, n);
}

int atr_delta_apply(atr_span base, atr_span delta, uint8_t *out, size_t out_len)
{
  struct decoder d;
  int err = open_delta(delta, &d);
  const uint8_t *from;
  atr_rd ranges;
  size_t at = 0;

  if (err)
    return err;
  from = d.bytes.p;
  if (base.n != d.base_len || out_len != d.next_len)
    return ATR_DELTA;
  ranges = atr_rd_of(d.ranges.p, d.ranges.n);
  while (ranges.left) {
    size_t offset = atr_rd_u32(&ranges), len = atr_rd_u32(&ranges);

    if (offset > at)
      copy(out + at, base.p + at, offset - at);
    copy(out + offset, from, len);
    from += len;
    at = offset + len;
  }
  if (at < out_len)
    copy(out + at, base.p + at, out_len - at);
  return 0;
}
