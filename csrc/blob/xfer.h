/* SPDX-License-Identifier: MIT
 *
 * xfer.h - blobs on one connection, both directions: cut into bulk messages, put together again and checked
 *
 * Sans-I/O. Blobs to be sent stand in a queue and are cut when the line asks for bytes (atr_xfer_pull). Blobs to be received
 * must be expected first; their SHA-256 is computed as the chunks arrive, so that the last chunk of a gigabyte costs no more than
 * the others, and a blob that is not what its name says never reaches the table.
 *
 * @locality one thread, that of the table. */
#ifndef ATR_XFER_H
#define ATR_XFER_H

#include "base/buf.h"
#include "base/id.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct atr_xfer atr_xfer;
struct atr_blobs;

/* The blob is in the table now. */
typedef void (*atr_xfer_received)(void *ctx, const atr_hash *hash);

int atr_xfer_new(atr_xfer **out, struct atr_blobs *blobs, atr_xfer_received on_received, void *ctx);
void atr_xfer_free(atr_xfer *x);
/* The connection is gone: forgets everything under way. */
void atr_xfer_reset(atr_xfer *x);

/* Queues a blob of the table (ATR_NOENT: it is not there), as a delta from `base` where the peer has that, the table too, and
 * it pays. `base` may be NULL. A blob that is queued already is not queued again. */
int atr_xfer_send(atr_xfer *x, const atr_hash *hash, const atr_hash *base);
size_t atr_xfer_queued(const atr_xfer *x);
/* Bytes of the blobs in the queue that have not gone. */
uint64_t atr_xfer_unsent(const atr_xfer *x);

/* Allows the peer to send this blob, of `size` bytes (UINT64_MAX: unknown), whole or as a delta from `base` (NULL: whole only). */
int atr_xfer_expect(atr_xfer *x, const atr_hash *hash, uint64_t size, const atr_hash *base);
/* The peer has said that it does not have it. */
void atr_xfer_expect_no_more(atr_xfer *x, const atr_hash *hash);
bool atr_xfer_expects(const atr_xfer *x, const atr_hash *hash);

/* A BLOB_DATA or BLOB_DELTA message. An error means that the peer broke the protocol. */
int atr_xfer_receive(atr_xfer *x, uint32_t room, atr_span message);

/* As atr_session_pull, of the bulk lane. */
int64_t atr_xfer_pull(atr_xfer *x, uint32_t room, atr_buf *out, size_t budget);

/* Of blobs that are not complete: bytes that have come, and bytes that are held for them. */
uint64_t atr_xfer_arrived(const atr_xfer *x);
size_t atr_xfer_memory(const atr_xfer *x);

#endif
