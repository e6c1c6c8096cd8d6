/* SPDX-License-Identifier: MIT
 *
 * The store of a server that keeps its rooms in memory only: a commit is as safe as it gets at once. */
#include "store/store.h"

#include <stdlib.h>

#include "base/error.h"

static int commit(atr_store *store, const atr_store_batch *batch, atr_store_done done, void *ctx)
{
  (void)store;
  (void)batch;
  done(ctx, 0);
  return 0;
}

static void close_store(atr_store *store)
{
  free(store);
}

static const atr_store_ops memory_ops = {.commit = commit, .close = close_store};

int atr_store_memory_new(atr_store **out)
{
  *out = calloc(1, sizeof **out);
  if (!*out)
    return ATR_NOMEM;
  (*out)->ops = &memory_ops;
  return 0;
}
