/* SPDX-License-Identifier: MIT
 *
 * blobs.h - content-addressed immutable byte arrays, reference-counted and bounded
 *
 * A blob is named by its SHA-256. A server has a table for each room, a client one for all of its rooms; rooms and replicas hold references, and blobs
 * without a reference are dropped when their bound is passed (least recently used first), other than those that the
 * application has just handed over to be named. xfer.h cuts blobs into BLOB_DATA or
 * BLOB_DELTA messages and puts them together again, sans-I/O.
 *
 * @locality the table is used on one thread; the bytes (atr_bytes) are immutable and may be read and released on any thread.
 */
#ifndef ATR_BLOBS_H
#define ATR_BLOBS_H

#include "base/buf.h"
#include "base/id.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct atr_blobs atr_blobs;

/* At most `spare_bytes_max` bytes are kept that nothing names (0: none). */
int atr_blobs_new(atr_blobs **out, size_t spare_bytes_max);
void atr_blobs_free(atr_blobs *t);

bool atr_blobs_have(const atr_blobs *t, const atr_hash *hash);
/* Borrowed until the next change of the table; retain with atr_bytes_retain() to keep. NULL if absent. */
atr_bytes *atr_blobs_get(const atr_blobs *t, const atr_hash *hash);
/* Takes one reference to `bytes`, also on failure. The caller vouches for the hash (it has just computed or checked it). */
int atr_blobs_put(atr_blobs *t, const atr_hash *hash, atr_bytes *bytes);

/* As put, by an application that names the blob later: it is no spare until something has named it. Of such, ATR_BLOBS_PUT_BYTES are held, the
 * oldest become spare first. */
int atr_blobs_hold(atr_blobs *t, const atr_hash *hash, atr_bytes *bytes);
void atr_blobs_hold_at_most(atr_blobs *t, size_t held_bytes_max);
/* What was held already at the last call and is not named yet becomes spare: nothing waits for what its owner gave up. */
void atr_blobs_let_go(atr_blobs *t);

/* References. They may be taken before the bytes are there. Those by a document, and those by an operation that can be dropped, are told
 * apart: what the latter alone hold must stay within a bound (room/ring.c). */
enum atr_blob_by { ATR_BLOB_BY_ANY, ATR_BLOB_BY_DOCUMENT, ATR_BLOB_BY_RING };

int atr_blobs_ref_by(atr_blobs *t, const atr_hash *hash, enum atr_blob_by by);
void atr_blobs_unref_by(atr_blobs *t, const atr_hash *hash, enum atr_blob_by by); /* as it was taken */
/* By uploads, previews, operations on their way. */
int atr_blobs_ref(atr_blobs *t, const atr_hash *hash);
void atr_blobs_unref(atr_blobs *t, const atr_hash *hash);
uint64_t atr_blobs_refs(const atr_blobs *t, const atr_hash *hash);

/* The packed delta (docs/protocol.md, 3.4) from `base` that made this blob, to be sent on as it is. Set takes one reference, always. */
void atr_blobs_set_delta(atr_blobs *t, const atr_hash *hash, const atr_hash *base, atr_bytes *packed);
atr_bytes *atr_blobs_delta(const atr_blobs *t, const atr_hash *hash, const atr_hash *base);

size_t atr_blobs_bytes(const atr_blobs *t);
/* Of those that documents name, each once. */
size_t atr_blobs_named_bytes(const atr_blobs *t);
/* Of those that the ring alone holds, with their deltas. */
size_t atr_blobs_ring_bytes(const atr_blobs *t);

#endif
