/* SPDX-License-Identifier: MIT
 *
 * Warm trees and compact ones.
 *
 * An edit needs its document's tree, and whoever edits a document mostly edits it again at once: so trees stay warm until ATR_WARM_DOCS others
 * were used after them, or idle time has passed. What only looks (a digest, a delivery) makes a tree for itself and leaves the order alone: a walk
 * over all documents must not push out the ones that somebody works on. What the application was told rests likewise while it looks away: a Blender that
 * renders for an hour, while others edit everything, must not keep two trees of each object. Where memory is too short to make a document compact, it
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

static void drop(resting *rest)
{
  free(rest->bytes);
  *rest = (resting){0};
}

static int wake(const atr_replica *r, resting *rest, cJSON **tree)
{
  int err = rest->bytes ? atr_compact_read(r->words, atr_span_of(rest->bytes, rest->n), tree) : 0;

  if (!err)
    drop(rest);
  return err;
}

int rep_warm(atr_replica *r, rdoc *d)
{
  int err = wake(r, &d->rest, &d->tree);

  if (d->tree)
    use(r, d);
  return err;
}

int rep_warm_told(atr_replica *r, rdoc *d)
{
  int err = wake(r, &d->told_rest, &d->told);

  if (d->told)
    use(r, d);
  return err;
}

int rep_read(const atr_replica *r, const rdoc *d, cJSON **owned, const cJSON **tree)
{
  int err = 0;

  *owned = NULL;
  if (d->rest.bytes)
    err = atr_compact_read(r->words, atr_span_of(d->rest.bytes, d->rest.n), owned);
  *tree = d->rest.bytes ? *owned : d->tree;
  return err;
}

static void put(atr_replica *r, rdoc *d, cJSON **place, resting *rest, cJSON *tree)
{
  cJSON_Delete(*place);
  drop(rest);
  *place = tree;
  if (tree)
    use(r, d);
  else if (!d->tree && !d->told)
    unwarm(r, d);
}

void rep_put(atr_replica *r, rdoc *d, cJSON *tree)
{
  put(r, d, &d->tree, &d->rest, tree);
}

void rep_put_told(atr_replica *r, rdoc *d, cJSON *told)
{
  put(r, d, &d->told, &d->told_rest, told);
}

static bool lay_down(atr_replica *r, cJSON **tree, resting *rest)
{
  if (!*tree)
    return true;
  atr_buf_clear(&r->scratch);
  if (atr_compact_write(r->words, *tree, &r->scratch))
    return false;
  rest->bytes = malloc(r->scratch.len);
  if (!rest->bytes)
    return false;
  memcpy(rest->bytes, r->scratch.data, r->scratch.len);
  rest->n = (uint32_t)r->scratch.len;
  cJSON_Delete(*tree);
  *tree = NULL;
  return true;
}

static bool make_compact(atr_replica *r, rdoc *d)
{
  if (!lay_down(r, &d->tree, &d->rest) || !lay_down(r, &d->told, &d->told_rest))
    return false;
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
