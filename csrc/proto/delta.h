/* SPDX-License-Identifier: MIT
 *
 * Array delta: "this blob is that one with these ranges changed".
 *
 * Only a way of transport: the result is named by its own SHA-256 and checked against it by whoever applies. The
 * lengths may differ: what the new blob has beyond the old one counts as changed, what the old one has beyond is cut.
 * Ranges are whole elements, byte-exact otherwise (so NaNs and minus zeros survive), and changed elements that lie
 * closer together than the cost of a range's header are joined.
 *
 * Encoding, all numbers big-endian:
 *   u64 length of the base, u64 length of the result, u32 number of ranges,
 *   then per range u32 offset and u32 length (bytes, ascending, not overlapping, not empty),
 *   then the bytes of all ranges in order.
 * The ranges stand together before the bytes so that the bytes compress well and apply streams through them. */
#ifndef ATR_PROTO_DELTA_H
#define ATR_PROTO_DELTA_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Appends the delta from `base` to `next`, found in elements of `elem_bytes` (1 ... ATR_DELTA_ELEM_BYTES_MAX). Returns 1 where
 * it pays, 0 where it would be longer than ATR_DELTA_PERCENT_MAX of `next` (`out` is unchanged then: send the whole),
 * or ATR_NOMEM, ATR_LIMIT, ATR_INVAL, ATR_BLOB_SIZE. */
int atr_delta_encode(atr_span base, atr_span next, uint32_t elem_bytes, atr_buf *out);

/* The lengths that a delta states, after a check of all its ranges: what to allocate. 0 or ATR_DELTA (malformed) or
 * ATR_BLOB_SIZE (a result above ATR_BLOB_BYTES_MAX). */
int atr_delta_sizes(atr_span delta, uint64_t *base_len, uint64_t *next_len);

/* Writes the result to `out` of `out_len` bytes. ATR_DELTA where the base or `out_len` is not what the delta states or
 * the delta is malformed; never reads or writes outside. On failure the content of `out` is undefined. */
int atr_delta_apply(atr_span base, atr_span delta, uint8_t *out, size_t out_len);

#endif
