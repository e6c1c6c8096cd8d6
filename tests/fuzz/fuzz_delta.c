/* SPDX-License-Identifier: MIT
 *
 * The input as a hostile delta onto a base of the length that it states; then as two blobs, of which the difference
 * leads from one to the other. */
#include "fuzz.h"

#include "proto/delta.h"

enum { SMALL = 1 << 16 };

static void apply_hostile(atr_span delta)
{
  uint64_t base_len, next_len;
  uint8_t *base, *out;

  if (atr_delta_sizes(delta, &base_len, &next_len) || base_len > SMALL || next_len > SMALL)
    return;
  base = calloc(1, (size_t)base_len + 1);
  out = malloc((size_t)next_len + 1);
  memset(out, 0xa5, (size_t)next_len + 1);
  CHECK(atr_delta_apply(atr_span_of(base, (size_t)base_len), delta, out, (size_t)next_len) == 0);
  CHECK(out[next_len] == 0xa5);
  free(base);
  free(out);
}

static void encode(const uint8_t *data, size_t size)
{
  size_t base_n = size > 2 ? (size_t)(data[0] | data[1] << 8) % (size - 1) : 0;
  atr_span base, next;
  atr_buf delta;
  uint8_t *out;

  if (size < 3)
    return;
  base = atr_span_of(data + 2, base_n < size - 2 ? base_n : size - 2);
  next = atr_span_of(data + 2 + base.n, size - 2 - base.n);
  atr_buf_init(&delta, SIZE_MAX);
  if (atr_delta_encode(base, next, 1 + data[0] % ATR_DELTA_ELEM_BYTES_MAX, &delta) == 1) {
    out = malloc(next.n + 1);
    CHECK(atr_delta_apply(base, atr_buf_span(&delta), out, next.n) == 0);
    CHECK(memcmp(out, next.p, next.n) == 0);
    free(out);
  }
  atr_buf_free(&delta);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  apply_hostile(atr_span_of(data, size));
  encode(data, size);
  return 0;
}
