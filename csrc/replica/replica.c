/* SPDX-License-Identifier: MIT
 *
 * The replica as a whole: making and freeing it, connections, what goes out. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "replica/internal.h"

#include <utlist.h>

static void on_name(void *ctx, atr_name *name)
{
  rep_dirty(ctx, (rdoc *)((char *)name - offsetof(rdoc, name)));
}

int atr_replica_new(atr_replica **out, const atr_id *participant, atr_blobs *blobs, const atr_replica_callbacks *cb,
                    void *ctx)
{
  atr_replica *r = calloc(1, sizeof *r);

  *out = NULL;
  if (!r)
    return ATR_NOMEM;
  r->participant = *participant;
  r->blobs = blobs;
  r->cb = *cb;
  r->ctx = ctx;
  r->tombs_max = ATR_TOMBSTONES_MAX;
  r->warm_max = ATR_WARM_DOCS;
  atr_buf_init(&r->out, SIZE_MAX / 2);
  atr_buf_init(&r->scratch, 3 * (size_t)ATR_DOC_BYTES_MAX); /* a number of 4 characters may take 9 bytes compact */
  r->words = atr_words_new();
  if (!r->words || atr_names_new(&r->names, on_name, r) || atr_xfer_new(&r->xfer, blobs, rep_on_received, r)) {
    atr_replica_free(r);
    return ATR_NOMEM;
  }
  *out = r;
  return 0;
}

void atr_replica_keep_tombstones(atr_replica *r, size_t max)
{
  r->tombs_max = max;
}

void atr_replica_free(atr_replica *r)
{
  rdoc *d, *tmp;

  if (!r)
    return;
  r->online = false;
  if (r->xfer)
    rep_transfer_stop(r);
  HASH_ITER (hh, r->docs, d, tmp) {
    while (d->pends)
      rep_pend_drop(r, d->pends);
    if (d->own_preview)
      rep_pend_drop(r, d->own_preview);
  }
  rep_transfer_free(r);
  HASH_ITER (hh, r->docs, d, tmp) {
    rep_doc_free(r, d);
  }
  atr_names_free(r->names);
  atr_words_free(r->words);
  atr_buf_free(&r->out);
  atr_buf_free(&r->scratch);
  free(r->recreate);
  free(r);
}

/* --- connections -------------------------------------------------------------------------------------------------- */

bool atr_replica_returning(const atr_replica *r, uint64_t *cursor, bool *partial, atr_id *epoch)
{
  if (!r->has_epoch || !r->n_confirmed)
    return false;
  *epoch = r->epoch;
  *cursor = r->comparing ? 0 : r->cursor;
  *partial = !r->comparing && !r->whole;
  return true;
}

void atr_replica_disconnected(atr_replica *r)
{
  r->online = false;
  r->may_submit = false;
  r->live_begun = false;
  rep_transfer_stop(r);
  atr_buf_clear(&r->out);
}

static int drop_refused(atr_replica *r, const cJSON *list)
{
  const cJSON *pair;

  cJSON_ArrayForEach (pair, list) {
    const cJSON *counter = cJSON_GetArrayItem(pair, 0), *code = cJSON_GetArrayItem(pair, 1);
    pend *p;
    int err;

    if (!cJSON_IsNumber(counter) || !cJSON_IsString(code) || counter->valuedouble < 1 ||
        counter->valuedouble > (double)(UINT64_C(1) << 53))
      return ATR_JSON_TYPE;
    p = rep_pend_find(r, (uint64_t)counter->valuedouble);
    err = atr_err_from_name(code->valuestring);
    if (p)
      rep_refuse(r, p, err, atr_err_text(err));
  }
  return 0;
}

/* A server that does not say how large its blobs are is an older one. */
static void begin_progress(atr_replica *r, const cJSON *joined)
{
  r->progress = 0;
  r->fetched_bytes = 0;
  if (atr_json_get_u64(joined, "blobs", UINT64_C(1) << 53, &r->named_bytes))
    r->named_bytes = 0;
}

int atr_replica_joined(atr_replica *r, const cJSON *joined)
{
  uint64_t handle, member, settled;
  atr_id epoch;
  bool returning = r->has_epoch && r->n_confirmed, forgotten;
  int err = atr_json_get_u64(joined, "handle", UINT32_MAX, &handle);

  if (!err)
    err = atr_json_get_u64(joined, "member", UINT32_MAX, &member);
  if (!err)
    err = atr_json_get_u64(joined, "settled", UINT64_C(1) << 53, &settled);
  if (!err)
    err = atr_json_get_id(joined, "epoch", &epoch);
  if (err)
    return err;
  if (r->online)
    atr_replica_disconnected(r);
  r->online = r->may_submit = true;
  r->is_short = false;
  r->told_complete = false;
  forgotten = r->self && member != r->self && atr_id_equal(&epoch, &r->now_epoch);
  if (!atr_id_equal(&epoch, &r->epoch))
    err = rep_end_previews(r);
  else if (forgotten)
    err = rep_end_previews_of(r, r->self);
  if (err)
    return err;
  r->handle = (uint32_t)handle;
  r->self = (uint32_t)member;
  r->settled = r->settled_whole = 0;
  r->want_begun = false;
  r->in_pass = false;
  err = drop_refused(r, atr_json_get(joined, "refused"));
  if (err)
    return err;
  if (forgotten)
    rep_drop_unsure(r);
  rep_transfer_start(r);
  r->now_epoch = epoch;
  if (returning && !atr_id_equal(&epoch, &r->epoch)) {
    err = rep_begin_compare(r);
  } else {
    r->highest = atr_replica_highest(r);
    if (!returning) {
      r->cursor = 0;
      r->whole = false;
      begin_progress(r, joined);
    }
    r->epoch = epoch;
    r->has_epoch = true;
    r->comparing = false;
  }
  if (!err)
    err = rep_restart_pending(r, settled);
  r->cb.on_wake(r->ctx, ATR_LANE_STATE);
  return err;
}

/* --- what goes out ------------------------------------------------------------------------------------------------ */

static int append_submit(atr_replica *r, const pend *p)
{
  atr_op op = {.kind = p->kind, .flags = p->preview ? ATR_OP_PREVIEW : 0, .doc = p->doc->id, .action = p->action};
  size_t mark = r->out.len;
  int err;

  atr_buf_clear(&r->scratch);
  err = p->tree ? atr_json_print(p->tree, &r->scratch) : 0;
  op.json = atr_buf_span(&r->scratch);
  if (!err)
    err = atr_frame_begin(&r->out, &mark);
  if (!err)
    err = atr_msg_write_submit_head(&r->out, r->handle, p->counter);
  if (!err)
    err = atr_op_write(&r->out, &op, p->blobs, p->n_blobs);
  return atr_frame_finish(&r->out, mark, ATR_LANE_STATE, err);
}

static int fill(atr_replica *r)
{
  pend *p;
  int err;

  err = rep_fill_recreate(r);
  if (err || r->out.len || !r->may_submit || !(p = r->sendq))
    return err;
  DL_DELETE2(r->sendq, p, send_prev, send_next);
  p->in_sendq = false;
  err = append_submit(r, p);
  if (!err && p->preview && !p->tree->child) { /* the end of a preview: nothing is left to show */
    rdoc *d = p->doc;

    rep_pend_drop(r, p);
    rep_doc_forget(r, d);
  }
  return err;
}

static int64_t pull_state(atr_replica *r, atr_buf *out, size_t budget)
{
  size_t start = out->len;
  int err = r->is_short ? ATR_NOMEM : 0;

  while (r->online && !err && out->len - start < budget) {
    size_t n;

    if (!r->out.len)
      err = fill(r);
    if (err || !r->out.len)
      break;
    n = ATR_FRAME_HEADER_BYTES + atr_get_u16(r->out.data + 1);
    err = atr_buf_append(out, r->out.data, n);
    if (!err)
      atr_buf_consume(&r->out, n);
  }
  return err ? err : (int64_t)(out->len - start);
}

int64_t atr_replica_pull(atr_replica *r, int lane, atr_buf *out, size_t budget)
{
  budget = budget ? budget : 1;
  switch (lane) {
  case ATR_LANE_CONTROL:
    return rep_pull_control(r, out, budget);
  case ATR_LANE_STATE:
    return pull_state(r, out, budget);
  case ATR_LANE_BULK:
    return r->online ? atr_xfer_pull(r->xfer, r->handle, out, budget) : 0;
  default:
    return 0;
  }
}

/* --- looking ------------------------------------------------------------------------------------------------------ */

size_t atr_replica_pending(const atr_replica *r)
{
  return r->n_pending;
}

uint64_t atr_replica_unsent(const atr_replica *r)
{
  return r->pending_bytes + r->offered_bytes + atr_xfer_unsent(r->xfer);
}

uint64_t atr_replica_cursor(const atr_replica *r)
{
  return r->cursor;
}

uint64_t atr_replica_highest(const atr_replica *r)
{
  return r->highest > r->cursor ? r->highest : r->cursor;
}

const cJSON *atr_replica_confirmed(atr_replica *r, const atr_id *doc, uint64_t *seq)
{
  rdoc *d = rep_find(r, doc);

  *seq = d ? d->seq : 0;
  return d && rep_warm(r, d) == 0 ? d->tree : NULL;
}

void atr_replica_keep_warm(atr_replica *r, size_t docs)
{
  r->warm_max = docs;
  rep_cool(r);
}

bool atr_replica_told_all(const atr_replica *r)
{
  return !r->dirty;
}

bool atr_replica_delivered(const atr_replica *r, uint64_t seq)
{
  return r->whole && !r->comparing && r->cursor >= seq && !r->dirty;
}

size_t atr_replica_tombstones(const atr_replica *r)
{
  return r->n_tombs;
}

size_t atr_replica_parked(const atr_replica *r)
{
  return r->n_parked;
}

uint64_t atr_replica_healed(const atr_replica *r)
{
  return r->healed;
}

static size_t memory_of(const cJSON *tree)
{
  return tree ? atr_json_memory(tree) : 0;
}

size_t atr_replica_memory(const atr_replica *r)
{
  size_t n = sizeof *r + r->out.head + r->out.cap + r->scratch.head + r->scratch.cap + atr_xfer_memory(r->xfer) +
             atr_words_memory(r->words);

  for (const rdoc *d = r->docs; d; d = d->hh.next) {
    n += sizeof *d + atr_blob_refs_memory(&d->blobs) + d->rest.n + d->told_rest.n + memory_of(d->tree) +
         memory_of(d->told) + memory_of(d->preview);
    for (const pend *p = d->pends; p; p = p->doc_next)
      n += sizeof *p + memory_of(p->tree) + p->n_blobs * 2 * sizeof *p->blobs;
  }
  return n;
}
