/* SPDX-License-Identifier: MIT
 *
 * blobs.h - content-addressed immutable byte arrays, reference-counted and bounded
 *
 * A blob is named by its SHA-256. One table serves a whole server or client; rooms and replicas hold references by owner and count, and a blob without a
 * reference is dropped when the bound is passed (oldest first). Uploads and downloads in progress are part of the table too: `atr_blob_xfer`
 * (xfer.h) cuts blobs into BLOB_DATA or BLOB_DELTA messages and puts them together again, sans-I/O.
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

typedef struct atr_blobs atr_blobs;

int atr_blobs_new(atr_blobs **out, size_t bytes_max);
void atr_blobs_free(atr_blobs *t);

bool atr_blobs_have(const atr_blobs *t, const atr_hash *hash);
/* Borrowed until the next change of the table; retain with atr_bytes_retain() to keep. NULL if absent. */
atr_bytes *atr_blobs_get(const atr_blobs *t, const atr_hash *hash);
/* Takes one reference to `bytes`, also on failure. The caller vouches for the hash (it has just computed or checked it). */
int atr_blobs_put(atr_blobs *t, const atr_hash *hash, atr_bytes *bytes);
void atr_blobs_ref(atr_blobs *t, const atr_hash *hash);
void atr_blobs_unref(atr_blobs *t, const atr_hash *hash);
size_t atr_blobs_bytes(const atr_blobs *t);

#endif
