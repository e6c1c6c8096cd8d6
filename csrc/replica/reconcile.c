/* SPDX-License-Identifier: MIT
 *
 * Digests, what lives, and coming to a room whose history is another one (docs/protocol.md, 3.3).
 *
 * Coming from another epoch every document is `old_epoch` until it is heard of again, by DOC, by an operation, or by the end of the pass,
 * which means that it is gone. Those that the server asked for come back as operations. Until none is left the replica says
 * that it belongs to the old epoch, and would begin again. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "replica/internal.h"

enum { VERSIONS_PER_PART = 1024 };

static int digest_of(atr_replica *r, const rdoc *d, uint8_t out[16])
{
  const cJSON *tree;
  cJSON *owned;
  int err = rep_read(r, d, &owned, &tree);

  memset(out, 0, 16);
  atr_buf_clear(&r->scratch);
  if (!err && tree)
    err = atr_json_canonical(tree, &r->scratch);
  if (!err && tree)
    atr_xxh128(r->scratch.data, r->scratch.len, out);
  cJSON_Delete(owned);
  return err;
}

void atr_replica_idle(atr_replica *r, int max)
{
  atr_doc_version list[ATR_DIGESTS_MAX];
  size_t n = 0, mark, walked = HASH_COUNT(r->docs);
  int err;

  rep_cool_idle(r);
  if (!r->online || !r->whole || r->comparing || r->out.len)
    return;
  max = max > (int)ATR_DIGESTS_MAX ? (int)ATR_DIGESTS_MAX : max;
  if (walked > 16 * (size_t)max)
    walked = 16 * (size_t)max;
  for (; walked && n < (size_t)max; walked--) {
    rdoc *d = r->idle_at ? r->idle_at : r->docs;

    r->idle_at = d->hh.next;
    if (!d->seq || d->checked_seq == d->seq || digest_of(r, d, list[n].digest))
      continue;
    d->checked_seq = d->seq;
    list[n].doc = d->id;
    list[n++].seq = d->seq;
  }
  if (!n)
    return;
  err = atr_frame_begin(&r->out, &mark);
  if (!err)
    err = atr_msg_write_digest(&r->out, r->handle, list, n);
  (void)atr_frame_finish(&r->out, mark, ATR_LANE_STATE, err); /* memory is short: another time */
  r->cb.on_wake(r->ctx, ATR_LANE_STATE);
}

/* --- what lives --------------------------------------------------------------------------------------------------- */

static int gone(atr_replica *r, rdoc *d)
{
  int err = rep_part(r, d);

  if (!err)
    err = rep_set_confirmed(r, d, NULL);
  rep_buried(r, d);
  rep_end_preview(r, d);
  rep_drop_dead_preview(r, d);
  rep_named(r, d);
  rep_dirty(r, d);
  return err;
}

int rep_receive_live(atr_replica *r, atr_span message)
{
  atr_msg_part m;
  atr_id id;
  rdoc *d, *tmp;
  int err = atr_msg_read_live(message, &m);

  if (!err && (m.room != r->handle || r->live_begun == ((m.flags & ATR_PART_FIRST) != 0)))
    err = ATR_PROTO;
  if (err)
    return err;
  if (m.flags & ATR_PART_FIRST)
    r->live_gen++;
  r->live_begun = !(m.flags & ATR_PART_LAST);
  while (atr_list_next_id(&m.entries, &id)) {
    d = rep_find(r, &id);
    if (d)
      d->live_gen = r->live_gen;
  }
  if (r->live_begun)
    return 0;
  HASH_ITER (hh, r->docs, d, tmp) {
    bool old;

    d->brought = d->brought || (d->wanted && m.flags & ATR_PART_SETTLES);
    old = d->old_epoch && (!d->wanted || d->brought);
    if (err || d->live_gen == r->live_gen || !(old || (rdoc_lives(d) && !d->old_epoch && d->seq <= m.seq)))
      continue;
    err = gone(r, d);
    rep_heard(r, d);
  }
  return err;
}

/* --- another epoch ------------------------------------------------------------------------------------------------ */

static int append_versions(atr_replica *r, const atr_doc_version *list, size_t n, uint8_t flags)
{
  size_t mark;
  int err = atr_frame_begin(&r->out, &mark);

  if (!err)
    err = atr_msg_write_versions(&r->out, r->handle, flags, list, n);
  return atr_frame_finish(&r->out, mark, ATR_LANE_STATE, err);
}

/* Numbers of members begin anew with the epoch, so this comes before the own one changes: it tells own previews from others'. */
int rep_end_previews(atr_replica *r)
{
  rdoc *d, *tmp;
  int err = 0;

  HASH_ITER (hh, r->docs, d, tmp) {
    d->preview_seq = 0;
    if (!d->preview)
      continue;
    if (!err)
      err = rep_part(r, d);
    rep_end_preview(r, d);
    rep_dirty(r, d);
  }
  return err;
}

/* The own number has changed within an epoch: what was shown by the old one is over, and its end may not come under that name. */
int rep_end_previews_of(atr_replica *r, uint32_t member)
{
  rdoc *d, *tmp;
  int err = 0;

  HASH_ITER (hh, r->docs, d, tmp) {
    if (!d->preview || d->preview_member != member)
      continue;
    if (!err)
      err = rep_part(r, d);
    rep_end_preview(r, d);
    rep_dirty(r, d);
  }
  return err;
}

int rep_begin_compare(atr_replica *r)
{
  atr_doc_version *list = malloc(VERSIONS_PER_PART * sizeof *list);
  uint8_t flags = ATR_PART_FIRST;
  rdoc *d, *tmp;
  size_t n = 0;
  int err = list ? 0 : ATR_NOMEM;

  r->comparing = true;
  r->may_submit = r->whole = r->want_begun = false;
  r->n_old = r->n_recreate = r->at_recreate = 0;
  r->highest = atr_replica_highest(r);
  r->cursor = 0;
  HASH_ITER (hh, r->docs, d, tmp) {
    if (err || !d->seq)
      continue;
    d->old_epoch = true;
    d->wanted = d->brought = false;
    r->n_old++;
    if (!err)
      err = digest_of(r, d, list[n].digest);
    list[n].doc = d->id;
    list[n].seq = d->seq;
    list[n++].created = d->created;
    if (!err && n == VERSIONS_PER_PART) {
      err = append_versions(r, list, n, flags);
      flags = 0;
      n = 0;
    }
  }
  if (!err)
    err = append_versions(r, list, n, (uint8_t)(flags | ATR_PART_LAST));
  free(list);
  r->cb.on_wake(r->ctx, ATR_LANE_STATE);
  return err;
}

static void end_compare(atr_replica *r)
{
  if (!r->comparing || !r->whole || r->n_old)
    return;
  r->comparing = false;
  r->epoch = r->now_epoch;
  r->told_complete = false;
}

void rep_heard(atr_replica *r, rdoc *d)
{
  if (!d->old_epoch)
    return;
  d->old_epoch = d->wanted = d->brought = false;
  r->n_old--;
  end_compare(r);
}

/* Whole: what was not heard of and is not to be brought back does not live any more. */
void rep_end_pass(atr_replica *r)
{
  rdoc *d, *tmp;

  if (!r->comparing)
    return;
  HASH_ITER (hh, r->docs, d, tmp) {
    if (!d->old_epoch || d->wanted)
      continue;
    gone(r, d);
    rep_heard(r, d);
  }
  end_compare(r);
}

static int by_created(const void *a, const void *b)
{
  const rdoc *x = *(rdoc *const *)a, *y = *(rdoc *const *)b;

  return x->created < y->created ? -1 : x->created > y->created;
}

/* In the order of creation, so that equal names are resolved as before. */
static int sort_recreate(atr_replica *r)
{
  rdoc **docs = malloc((r->n_recreate + 1) * sizeof(*docs));

  if (!docs)
    return ATR_NOMEM;
  for (size_t i = 0; i < r->n_recreate; i++)
    docs[i] = rep_find(r, &r->recreate[i]);
  qsort(docs, r->n_recreate, sizeof(*docs), by_created);
  for (size_t i = 0; i < r->n_recreate; i++)
    r->recreate[i] = docs[i]->id;
  free(docs);
  return 0;
}

int rep_receive_want(atr_replica *r, atr_span message)
{
  atr_msg_part m;
  atr_id id, *list;
  int err = atr_msg_read_want(message, &m);

  if (!err && (m.room != r->handle || !r->comparing))
    err = ATR_PROTO;
  if (err)
    return err;
  list = realloc(r->recreate, (r->n_recreate + m.entries.count + 1) * sizeof *list);
  if (!list)
    return ATR_NOMEM;
  r->recreate = list;
  while (atr_list_next_id(&m.entries, &id)) {
    rdoc *d = rep_find(r, &id);

    if (!d || !d->old_epoch || d->wanted)
      return ATR_PROTO;
    d->wanted = true;
    list[r->n_recreate++] = id;
  }
  if (!(m.flags & ATR_PART_LAST))
    return 0;
  r->want_begun = true;
  r->cb.on_wake(r->ctx, ATR_LANE_STATE);
  return sort_recreate(r);
}

typedef struct offering {
  atr_replica *r;
} offering;

static int offer_blob(void *ctx, const atr_blob_ref *blob)
{
  const offering *o = ctx;
  static const atr_hash none;

  return atr_blobs_have(o->r->blobs, &blob->hash) ? rep_offer(o->r, &blob->hash, &none, NULL) : 0;
}

static int append_recreate(atr_replica *r, rdoc *d)
{
  atr_msg_doc m = {.room = r->handle,
                   .seq = d->seq,
                   .created = d->created,
                   .flags = (uint8_t)(rdoc_lives(d) ? 0u : ATR_DOC_TOMBSTONE),
                   .doc = d->id};
  offering o = {r};
  const cJSON *tree;
  cJSON *owned;
  size_t mark = r->out.len;
  int err = rep_read(r, d, &owned, &tree);

  if (!err)
    err = atr_frame_begin(&r->out, &mark);
  if (!err)
    err = atr_msg_write_doc_head(&r->out, ATR_MSG_RECREATE, &m);
  if (!err && tree)
    err = atr_json_print(tree, &r->out);
  err = atr_frame_finish(&r->out, mark, ATR_LANE_STATE, err);
  if (!err && tree)
    err = atr_json_visit_blobs(tree, offer_blob, &o);
  cJSON_Delete(owned);
  return err;
}

int rep_fill_recreate(atr_replica *r)
{
  int err = 0;

  if (!r->want_begun || r->may_submit)
    return 0;
  while (!err && r->at_recreate < r->n_recreate && !r->out.len) {
    rdoc *d = rep_find(r, &r->recreate[r->at_recreate++]);

    if (d && d->old_epoch) /* else somebody else brought it back meanwhile */
      err = append_recreate(r, d);
  }
  if (err || r->out.len)
    return err;
  err = append_versions(r, NULL, 0, ATR_PART_FIRST | ATR_PART_LAST);
  if (err)
    return err;
  r->may_submit = true;
  return rep_restart_pending(r, r->next_counter - 1);
}
