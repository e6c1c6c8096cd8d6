/* SPDX-License-Identifier: MIT
 *
 * Warm trees and compact ones.
 *
 * An edit needs its document's tree, and whoever edits a document mostly edits it again at once: so trees stay warm until ATR_WARM_DOCS others
 * were used after them, or idle time has passed. What only looks (a digest, a delivery) makes a tree for itself and leaves the order alone: a walk
 * over all documents must not push out the ones that somebody works on. Where memory is too short to make a document compact, it
 * stays warm. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "replica/internal.h"

#include <utlist.h>

static void use(atr_replica *r, rdoc *d)
{
  if (r->warm == d) {
    d->warmed = r->ticks;
    return;
  }
  if (d->warm_prev)
    DL_DELETE2(r->warm, d, warm_prev, warm_next);
  else
    r->n_warm++;
  DL_PREPEND2(r->warm, d, warm_prev, warm_next);
  d->warmed = r->ticks;
}

static void unwarm(atr_replica *r, rdoc *d)
{
  if (!d->warm_prev)
    return;
  DL_DELETE2(r->warm, d, warm_prev, warm_next);
  d->warm_prev = d->warm_next = NULL;
  r->n_warm--;
}

static void drop_rest(rdoc *d)
{
  free(d->rest);
  d->rest = NULL;
  d->rest_bytes = 0;
}

int rep_warm(atr_replica *r, rdoc *d)
{
  int err;

  if (d->rest) {
    err = atr_compact_read(r->words, atr_span_of(d->rest, d->rest_bytes), &d->tree);
    if (err)
      return err;
    drop_rest(d);
  }
  if (d->tree)
    use(r, d);
  return 0;
}

int rep_read(const atr_replica *r, const rdoc *d, cJSON **owned, const cJSON **tree)
{
  int err = 0;

  *owned = NULL;
  if (d->rest)
    err = atr_compact_read(r->words, atr_span_of(d->rest, d->rest_bytes), owned);
  *tree = d->rest ? *owned : d->tree;
  return err;
}

void rep_put(atr_replica *r, rdoc *d, cJSON *tree)
{
  cJSON_Delete(d->tree);
  drop_rest(d);
  d->tree = tree;
  if (tree)
    use(r, d);
  else
    unwarm(r, d);
}

static bool make_compact(atr_replica *r, rdoc *d)
{
  atr_buf_clear(&r->scratch);
  if (atr_compact_write(r->words, d->tree, &r->scratch))
    return false;
  d->rest = malloc(r->scratch.len);
  if (!d->rest)
    return false;
  memcpy(d->rest, r->scratch.data, r->scratch.len);
  d->rest_bytes = (uint32_t)r->scratch.len;
  cJSON_Delete(d->tree);
  d->tree = NULL;
  unwarm(r, d);
  return true;
}

void rep_cool(atr_replica *r)
{
  while (r->n_warm > r->warm_max) {
    rdoc *oldest = r->warm->warm_prev;

    if (make_compact(r, oldest))
      continue;
    use(r, oldest); /* so that it does not keep the others warm */
    return;
  }
}

void rep_cool_idle(atr_replica *r)
{
  r->ticks++;
  for (int n = 0; n < ATR_COOL_PER_TICK && r->warm; n++) {
    rdoc *oldest = r->warm->warm_prev;

    if (r->ticks - oldest->warmed < ATR_WARM_TICKS || !make_compact(r, oldest))
      return;
  }
}
