/* SPDX-License-Identifier: MIT
 *
 * The input as damaged compressed bytes, with a stated length of its first two bytes; then compressed and read back. */
#include "fuzz.h"

#include "proto/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  atr_span in = atr_span_of(data + 2, size < 2 ? 0 : size - 2);
  size_t stated = size < 2 ? 0 : (size_t)(data[0] | data[1] << 8);
  uint8_t *out = malloc((stated > in.n ? stated : in.n) + 1);
  static atr_pack_ctx *ctx;
  atr_buf packed;
  int err;

  if (!ctx)
    ctx = atr_pack_ctx_new();
  if (size >= 2) {
    err = atr_unpack(ctx, in, out, stated);
    CHECK(err == 0 || err == ATR_PACK);
    atr_buf_init(&packed, SIZE_MAX);
    if (atr_pack(ctx, in, &packed) == 1) {
      CHECK(packed.len < in.n);
      CHECK(atr_unpack(ctx, atr_buf_span(&packed), out, in.n) == 0);
      CHECK(memcmp(out, in.p, in.n) == 0);
    }
    atr_buf_free(&packed);
  }
  free(out);
  return 0;
}
