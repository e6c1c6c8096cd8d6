/* SPDX-License-Identifier: MIT
 *
 * Blobs of a replica: offering what own operations name, fetching what documents name.
 *
 * A blob is offered each time an operation names it, even if the server had it a moment ago: the server keeps what is offered until
 * the operation has come, and only that. Fewer offers are open than the server allows. What is missing is asked for once,
 * with the blob that it replaces as base where that has the same size, and its documents are looked at again when it is here. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "replica/internal.h"

#include <utlist.h>

enum { OPEN_OFFERS = ATR_OFFERS_MAX / 2, OPEN_GETS = ATR_GETS_MAX / 2, PER_MESSAGE = 64 };

/* --- walking ------------------------------------------------------------------------------------------------------ */

static int visit_one(const cJSON *node, const cJSON *old, rep_blob_visit visit, void *ctx)
{
  atr_blob_ref blob, before;
  int err = atr_tag_blob(node, &blob);

  if (err)
    return err;
  if (old && atr_tag_of(old) == ATR_TAG_BLOB && atr_tag_blob(old, &before) == 0 && before.bytes == blob.bytes &&
      !atr_hash_equal(&before.hash, &blob.hash))
    return visit(ctx, &blob, &before.hash);
  return visit(ctx, &blob, NULL);
}

int rep_visit_blobs(const cJSON *patch, const cJSON *old, rep_blob_visit visit, void *ctx)
{
  atr_keys keys;
  int err = 0;

  if (cJSON_IsArray(patch)) {
    enum atr_tag tag = atr_tag_of(patch);
    const cJSON *o = cJSON_IsArray(old) ? old->child : NULL;

    if (tag == ATR_TAG_BLOB)
      return visit_one(patch, old, visit, ctx);
    if (tag != ATR_TAG_PLAIN)
      return 0;
    for (const cJSON *m = patch->child; m && !err; m = m->next, o = o ? o->next : NULL)
      err = rep_visit_blobs(m, o, visit, ctx);
    return err;
  }
  if (!cJSON_IsObject(patch))
    return 0;
  atr_keys_open_for(&keys, old, patch);
  for (const cJSON *m = patch->child; m && !err; m = m->next)
    if (cJSON_IsObject(m) || cJSON_IsArray(m))
      err = rep_visit_blobs(m, atr_keys_find(&keys, m->string), visit, ctx);
  atr_keys_close(&keys);
  return err;
}

/* --- offering ----------------------------------------------------------------------------------------------------- */

static void count_bytes(atr_replica *r, offer *o, uint64_t bytes)
{
  r->offered_bytes += bytes - o->bytes;
  o->bytes = bytes;
}

int rep_offer(atr_replica *r, const atr_hash *hash, const atr_hash *base, pend *who)
{
  const atr_bytes *bytes = atr_blobs_get(r->blobs, hash);
  offer *o;

  HASH_FIND(hh, r->offers, hash, sizeof *hash, o);
  if (!o) {
    o = calloc(1, sizeof *o);
    if (!o)
      return ATR_NOMEM;
    o->hash = *hash;
    o->base = *base;
    HASH_ADD(hh, r->offers, hash, sizeof o->hash, o);
    if (!atr_table_added(o)) {
      free(o);
      return ATR_NOMEM;
    }
    count_bytes(r, o, bytes ? atr_bytes_len(bytes) : 0);
    DL_APPEND(r->offers_queue, o);
    r->cb.on_wake(r->ctx, ATR_LANE_CONTROL);
  }
  return who ? rep_wait(&o->waiters, who) : 0;
}

/* Takes the offer off the table; its waiters are the caller's. */
static waiter *end_offer(atr_replica *r, offer *o)
{
  waiter *waiters = o->waiters;

  if (o->offered)
    r->n_offered--;
  else
    DL_DELETE(r->offers_queue, o);
  count_bytes(r, o, 0);
  HASH_DEL(r->offers, o);
  free(o);
  if (r->offers_queue && r->online)
    r->cb.on_wake(r->ctx, ATR_LANE_CONTROL);
  return waiters;
}

/* Nobody will ever take this blob: the operations that name it are dropped. */
static void refuse_offer(atr_replica *r, offer *o)
{
  waiter *w = end_offer(r, o);

  for (waiter *i = w; i; i = i->next) {
    if (i->who->dropped)
      continue;
    if (i->who->preview)
      rep_pend_drop(r, i->who);
    else
      rep_refuse(r, i->who, ATR_BLOB_SIZE, atr_err_text(ATR_BLOB_SIZE));
  }
  rep_release(r, &w);
}

/* From here on the queue counts its bytes. */
static int send_blob(atr_replica *r, offer *o, bool delta)
{
  int err = atr_xfer_send(r->xfer, &o->hash, delta ? &o->base : NULL);

  count_bytes(r, o, 0);
  if (err == ATR_NOENT)
    return 0; /* what named it was dropped meanwhile */
  r->cb.on_wake(r->ctx, ATR_LANE_BULK);
  return err;
}

/* The server holds the blob once for each `have`, until an operation comes that names it: so one operation goes, and for the
 * next one it is offered again. */
static int have(atr_replica *r, offer *o)
{
  atr_hash hash = o->hash, base = o->base;
  waiter *all = end_offer(r, o), *last = all;
  int err = 0;

  while (last && last->next && last->next->next)
    last = last->next;
  if (last && last->next) { /* they stand newest first */
    waiter *oldest = last->next;

    last->next = NULL;
    while (all && !err) {
      waiter *w = all;

      err = rep_offer(r, &hash, &base, w->who);
      HASH_FIND(hh, r->offers, &hash, sizeof hash, o);
      if (o)
        count_bytes(r, o, 0); /* the server has them */
      all = w->next;
      w->who->n_waits--;
      free(w);
    }
    rep_release(r, &oldest);
    return err;
  }
  rep_release(r, &all);
  return err;
}

/* --- fetching ----------------------------------------------------------------------------------------------------- */

/* An answer has come for one that was asked for: there is room for another. */
static void answered(atr_replica *r)
{
  r->n_awaited--;
  if (r->n_unasked)
    r->cb.on_wake(r->ctx, ATR_LANE_CONTROL);
}

static void free_want(atr_replica *r, want *w)
{
  if (!w->asked)
    r->n_unasked--;
  else if (!w->unknown)
    answered(r);
  HASH_DEL(r->wants, w);
  r->wanted_bytes -= w->bytes;
  free(w->docs);
  free(w);
}

static want *find_want(const atr_replica *r, const atr_hash *hash)
{
  want *w;

  HASH_FIND(hh, r->wants, hash, sizeof *hash, w);
  return w;
}

static want *new_want(atr_replica *r, const atr_blob_ref *blob, const atr_hash *base)
{
  want *w = calloc(1, sizeof *w);

  if (!w)
    return NULL;
  w->hash = blob->hash;
  w->bytes = blob->bytes;
  if (base && atr_blobs_have(r->blobs, base))
    w->base = *base;
  HASH_ADD(hh, r->wants, hash, sizeof w->hash, w);
  if (!atr_table_added(w)) {
    free(w);
    return NULL;
  }
  r->wanted_bytes += w->bytes;
  r->n_unasked++;
  return w;
}

/* Either list tells, and the shorter one sooner: a document may want a hundred thousand blobs, or one blob be wanted by as many. */
static bool is_linked(const rdoc *d, const want *w)
{
  for (uint32_t i = 0; d->n_wants <= w->n_docs && i < d->n_wants; i++)
    if (d->wants[i] == w)
      return true;
  for (uint32_t i = 0; w->n_docs < d->n_wants && i < w->n_docs; i++)
    if (w->docs[i] == d)
      return true;
  return false;
}

/* The list of `n` with room for one more: it grows where `n` is a power of two, to the next one. NULL: memory is short. */
static void *with_room(void *list, uint32_t n, size_t each)
{
  return n & (n - 1) ? list : realloc(list, (n ? (size_t)n * 2 : 1) * each);
}

static int link_want(rdoc *d, want *w)
{
  rdoc **docs;
  want **wants;

  if (is_linked(d, w))
    return 0;
  docs = with_room(w->docs, w->n_docs, sizeof(*docs));
  if (!docs)
    return ATR_NOMEM;
  w->docs = docs;
  wants = with_room(d->wants, d->n_wants, sizeof(*wants));
  if (!wants)
    return ATR_NOMEM;
  d->wants = wants;
  docs[w->n_docs++] = d;
  wants[d->n_wants++] = w;
  return 0;
}

int rep_want(atr_replica *r, rdoc *d, const atr_blob_ref *blob, const atr_hash *base)
{
  want *w = find_want(r, &blob->hash);

  if (!w) {
    w = new_want(r, blob, base);
    if (!w)
      return ATR_NOMEM;
  } else if (w->asked && w->unknown) {
    w->asked = w->unknown = false;
    r->n_unasked++;
  } else if (w->asked) {
    w->again = true;
  }
  w->looked = r->looks;
  if (r->online && !w->asked)
    r->cb.on_wake(r->ctx, ATR_LANE_CONTROL);
  return link_want(d, w);
}

static void unlink_doc(want *w, const rdoc *d)
{
  for (uint32_t i = 0; i < w->n_docs; i++)
    if (w->docs[i] == d) {
      w->docs[i] = w->docs[--w->n_docs];
      return;
    }
}

static void unlink_want_at(rdoc *d, uint32_t at)
{
  d->wants[at] = d->wants[--d->n_wants];
  if (d->n_wants)
    return;
  free(d->wants);
  d->wants = NULL;
}

static void unlink_want(rdoc *d, const want *w)
{
  for (uint32_t i = 0; i < d->n_wants; i++)
    if (d->wants[i] == w) {
      unlink_want_at(d, i);
      return;
    }
}

/* What is under way stays until it is here, or the server does not know it. */
static void release_want(atr_replica *r, want *w)
{
  if (!w->n_docs && (!w->asked || w->unknown))
    free_want(r, w);
}

void rep_drop_stale_wants(atr_replica *r, rdoc *d)
{
  for (uint32_t i = d->n_wants; i-- > 0;) {
    want *w = d->wants[i];

    if (w->looked == r->looks)
      continue;
    unlink_doc(w, d);
    unlink_want_at(d, i);
    release_want(r, w);
  }
}

void rep_on_received(void *ctx, const atr_hash *hash)
{
  atr_replica *r = ctx;
  want *w = find_want(r, hash);

  if (!w)
    return;
  for (uint32_t i = 0; i < w->n_docs; i++) {
    unlink_want(w->docs[i], w);
    rep_dirty(r, w->docs[i]);
  }
  r->fetched_bytes += w->bytes;
  free_want(r, w);
}

/* No document of the room names it (any more, or yet): it is asked for again when a document of ours that names it has
 * changed. */
static void unknown(atr_replica *r, const atr_hash *hash)
{
  want *w = find_want(r, hash);

  atr_xfer_expect_no_more(r->xfer, hash);
  if (!w || !w->asked)
    return;
  if (!w->unknown)
    answered(r);
  w->unknown = !w->again;
  if (w->again) { /* wanted anew since it was asked for: what names it may have come in between */
    w->asked = w->again = false;
    r->n_unasked++;
    r->cb.on_wake(r->ctx, ATR_LANE_CONTROL);
  }
  release_want(r, w);
}

/* --- what the server says of blobs ------------------------------------------------------------------------------- */

int rep_receive_status(atr_replica *r, atr_span message)
{
  static const atr_hash none;
  uint32_t handle;
  atr_list list;
  atr_blob_status s;
  int err = atr_msg_read_blob_status(message, &handle, &list);

  if (!err && handle != r->handle)
    err = ATR_PROTO;
  while (!err && atr_list_next_status(&list, &s)) {
    offer *o;

    HASH_FIND(hh, r->offers, &s.hash, sizeof s.hash, o);
    if (s.status == ATR_BLOB_STATUS_UNKNOWN) {
      unknown(r, &s.hash);
    } else if (s.status == ATR_BLOB_STATUS_SOUGHT) {
      if (!o && atr_blobs_have(r->blobs, &s.hash))
        err = rep_offer(r, &s.hash, &none, NULL); /* somebody misses it, and we have it */
    } else if (!o || !o->offered) {
      continue; /* no longer needed */
    } else if (s.status == ATR_BLOB_STATUS_HAVE) {
      err = have(r, o);
    } else if (s.status == ATR_BLOB_STATUS_REFUSED) {
      refuse_offer(r, o);
    } else {
      err = send_blob(r, o, s.status == ATR_BLOB_STATUS_WANT_DELTA);
    }
  }
  return err;
}

/* --- the control lane --------------------------------------------------------------------------------------------- */

static int append_offers(atr_replica *r, atr_buf *out)
{
  atr_blob_offer list[PER_MESSAGE];
  size_t n = 0, mark;
  int err;

  while (r->offers_queue && r->n_offered < OPEN_OFFERS && n < PER_MESSAGE) {
    offer *o = r->offers_queue;
    const atr_bytes *bytes = atr_blobs_get(r->blobs, &o->hash);

    DL_DELETE(r->offers_queue, o);
    o->offered = true;
    r->n_offered++;
    list[n++] = (atr_blob_offer){.hash = o->hash, .base = o->base, .size = bytes ? atr_bytes_len(bytes) : 0};
  }
  if (!n)
    return 0;
  err = atr_frame_begin(out, &mark);
  if (!err)
    err = atr_msg_write_blob_offer(out, r->handle, list, n);
  return atr_frame_finish(out, mark, ATR_LANE_CONTROL, err);
}

static int append_gets(atr_replica *r, atr_buf *out)
{
  atr_blob_get list[PER_MESSAGE];
  size_t n = 0, mark;
  want *w = r->wants;
  int err = 0;

  /* A whole message or none: to find those that are left takes a walk over all. */
  if (r->n_awaited + PER_MESSAGE > OPEN_GETS)
    return 0;
  for (; w && n < PER_MESSAGE && r->n_unasked && !err; w = w->hh.next) {
    bool based = !atr_hash_is_zero(&w->base);

    if (w->asked)
      continue;
    w->asked = true;
    r->n_unasked--;
    r->n_awaited++;
    list[n++] = (atr_blob_get){.hash = w->hash, .base = w->base};
    /* Of whatever size: what a hostile member has named wrongly must not cost the connection. Delivery looks at it (docs.c). */
    err = atr_xfer_expect(r->xfer, &w->hash, UINT64_MAX, based ? &w->base : NULL);
  }
  if (!n || err)
    return err;
  err = atr_frame_begin(out, &mark);
  if (!err)
    err = atr_msg_write_blob_get(out, r->handle, list, n);
  return atr_frame_finish(out, mark, ATR_LANE_CONTROL, err);
}

int64_t rep_pull_control(atr_replica *r, atr_buf *out, size_t budget)
{
  size_t start = out->len;
  int err = 0;

  if (!r->online)
    return 0;
  while (!err && out->len - start < budget) {
    size_t before = out->len;

    err = append_offers(r, out);
    if (!err)
      err = append_gets(r, out);
    if (out->len == before)
      break;
  }
  return err ? err : (int64_t)(out->len - start);
}

/* --- connections -------------------------------------------------------------------------------------------------- */

void rep_transfer_stop(atr_replica *r)
{
  offer *o, *tmp;

  atr_xfer_reset(r->xfer);
  HASH_ITER (hh, r->offers, o, tmp) {
    rep_forget_waiters(&o->waiters);
    end_offer(r, o);
  }
  r->n_offered = 0;
}

void rep_transfer_start(atr_replica *r)
{
  want *w, *tmp;

  r->n_unasked = r->n_awaited = 0;
  HASH_ITER (hh, r->wants, w, tmp) {
    w->asked = w->unknown = w->again = false;
    r->n_unasked++;
    release_want(r, w);
  }
  r->cb.on_wake(r->ctx, ATR_LANE_CONTROL);
}

void rep_transfer_free(atr_replica *r)
{
  want *w, *tmp;

  HASH_ITER (hh, r->wants, w, tmp) {
    HASH_DEL(r->wants, w);
    free(w->docs);
    free(w);
  }
  atr_xfer_free(r->xfer);
}
