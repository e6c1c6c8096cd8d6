/* SPDX-License-Identifier: MIT
 *
 * store.h - where a room's commits go before they are acknowledged
 *
 * Asynchronous by contract: commit() takes a batch of encoded operations and calls `done` when it is as safe as this store makes it.
 * Acknowledgement and relay run in `done`. The memory store calls it at once, from within commit(); a store on disk will call it
 * later from the loop. The room is written for the latter.
 */
#ifndef ATR_STORE_H
#define ATR_STORE_H

#include "base/buf.h"
#include "base/id.h"

#include <stdint.h>

typedef struct atr_store atr_store;

typedef struct atr_store_batch {
  atr_id room;
  uint64_t seq_first;
  uint32_t count;
  atr_span bytes; /* `count` OP messages as they are relayed, back to back as frames; valid until done */
} atr_store_batch;

typedef void (*atr_store_done)(void *ctx, int err);

typedef struct atr_store_ops {
  int (*commit)(atr_store *store, const atr_store_batch *batch, atr_store_done done, void *ctx);
  void (*close)(atr_store *store);
} atr_store_ops;

struct atr_store {
  const atr_store_ops *ops;
};

int atr_store_memory_new(atr_store **out);

#endif
