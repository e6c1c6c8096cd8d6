/* SPDX-License-Identifier: MIT
 *
 * atr_bytes: an immutable block of bytes with a count of its owners.
 *
 * The server encodes an operation once and hands the same block to every receiver's queue, and a blob's chunk to
 * everyone who asked; whoever drops the last reference frees it, on whatever thread that is.
 *
 * Memory order. Taking a reference needs no order: who takes one already holds one, so the block cannot vanish
 * meanwhile (relaxed). Dropping one is a release: all that this owner read from the block happens before the
 * count goes down. The owner that brings it to zero then acquires: the others' reads happen before the free.
 * Without the pair the free could overtake a read on another core. */
#ifndef ATR_BASE_MEM_H
#define ATR_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

typedef struct atr_bytes atr_bytes;

/* A block of `n` bytes with one owner, uninitialised: fill atr_bytes_mutable before anybody else gets it.
 * NULL when memory is short. */
atr_bytes *atr_bytes_new(size_t n);

/* A block that holds a copy of `n` bytes. NULL when memory is short. */
atr_bytes *atr_bytes_copy(const void *bytes, size_t n);

/* One more owner. Returns its argument. Any thread. */
atr_bytes *atr_bytes_retain(atr_bytes *bytes);

/* One owner less; the last one frees. NULL is allowed. Any thread. */
void atr_bytes_release(atr_bytes *bytes);

const uint8_t *atr_bytes_data(const atr_bytes *bytes);
size_t atr_bytes_len(const atr_bytes *bytes);
atr_span atr_bytes_span(const atr_bytes *bytes);

/* For filling a new block, while it has one owner. */
uint8_t *atr_bytes_mutable(atr_bytes *bytes);

#endif
