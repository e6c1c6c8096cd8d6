/* SPDX-License-Identifier: MIT
 *
 * Compression where it pays: zstd, level 1.
 *
 * Meshes and text shrink to a half or a tenth, images that are compressed already do not shrink at all. The sender
 * tries and says whether it paid; the receiver is told the exact length in the clear and gives up at the first
 * byte beyond it, so that a few bytes can never become gigabytes.
 *
 * Contexts are kept per thread by whoever compresses often: atr_pack_ctx. NULL makes one for the call. */
#ifndef ATR_PROTO_PACK_H
#define ATR_PROTO_PACK_H

#include <stddef.h>

#include "base/buf.h"

typedef struct atr_pack_ctx atr_pack_ctx;

atr_pack_ctx *atr_pack_ctx_new(void); /* NULL when memory is short */
void atr_pack_ctx_free(atr_pack_ctx *ctx);

/* Appends the compressed form of `in`. 1 where it pays (at least 1/16 shorter); 0 where it does not or `in` is shorter than
 * ATR_PACK_BYTES_MIN (`out` unchanged: send it as it is); or ATR_NOMEM or ATR_LIMIT. */
int atr_pack(atr_pack_ctx *ctx, atr_span in, atr_buf *out);

/* Decompresses to exactly `out_len` bytes at `out`. ATR_PACK for damaged bytes and for any other length. */
int atr_unpack(atr_pack_ctx *ctx, atr_span in, uint8_t *out, size_t out_len);

#endif
