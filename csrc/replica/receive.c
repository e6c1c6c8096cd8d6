/* SPDX-License-Identifier: MIT
 *
 * What the server says about documents: operations, acknowledgements, documents while catching up.
 *
 * Each operation has the next number; a gap is an error of the server, not something to guess about. An operation whose number
 * is not above its document's is part of what a DOC brought already. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "replica/internal.h"

#include <utlist.h>

static int next_number(atr_replica *r, uint64_t seq)
{
  if (!r->whole || seq != r->cursor + 1)
    return ATR_PROTO;
  r->cursor = seq;
  r->told_complete = false;
  return 0;
}

static void lives(atr_replica *r, rdoc *d, uint64_t seq)
{
  if (!d->seq)
    r->n_confirmed++;
  d->seq = seq;
  if (seq > r->highest)
    r->highest = seq;
  rep_buried(r, d);
}

/* Puts a durable operation into the confirmed state. Takes the tree over. */
int rep_apply(atr_replica *r, rdoc *d, uint8_t kind, cJSON *tree, uint64_t seq, uint32_t member)
{
  int err = 0, merged = 0;

  if (kind == ATR_OP_EDIT) {
    err = rep_warm(r, d);
    if (!err)
      err = atr_blob_refs_add_tree(&d->blobs, r->blobs, tree);
    if (d->tree)
      merged = atr_patch_apply_move(&d->tree, tree);
    else
      cJSON_Delete(tree);
    err = err ? err : merged;
    if (!err && atr_blob_refs_recount_is_due(&d->blobs)) /* not before: the tree names what is new only now */
      err = atr_blob_refs_recount(&d->blobs, r->blobs, d->tree);
  } else {
    if (kind == ATR_OP_CREATE)
      d->created = seq;
    err = rep_set_confirmed(r, d, tree);
  }
  if (kind != ATR_OP_EDIT || d->preview_member == member)
    rep_end_preview(r, d);
  rep_drop_dead_preview(r, d);
  lives(r, d, seq);
  d->by = member;
  rep_heard(r, d);
  return err;
}

/* --- operations of others ----------------------------------------------------------------------------------------- */

/* True where the patch says exactly what happens to the tree: each item that it merges into is there. */
static bool is_exact(const cJSON *tree, const cJSON *patch);

static bool is_exact_member(const cJSON *t, const cJSON *p)
{
  bool is_item = atr_patch_is_item(p->string);

  if (!cJSON_IsObject(p))
    return !is_item || cJSON_IsNull(p);
  if (is_item && (!cJSON_IsObject(t) || atr_json_get(p, "type")))
    return false;
  return cJSON_IsObject(t) ? is_exact(t, p) : !atr_json_has_null(p);
}

static bool is_exact(const cJSON *tree, const cJSON *patch)
{
  bool exact = true;
  atr_keys keys;

  atr_keys_open_for(&keys, tree, patch);
  for (const cJSON *p = patch->child; p && exact; p = p->next)
    exact = is_exact_member(cJSON_IsObject(p) ? atr_keys_find(&keys, p->string) : NULL, p);
  atr_keys_close(&keys);
  return exact;
}

/* The application holds the confirmed tree and has room: the patch itself is the event. */
static bool pass_on(atr_replica *r, rdoc *d, const cJSON *patch, uint64_t seq, uint32_t member)
{
  uint64_t seq_before = d->seq;
  uint32_t by_before = d->by;

  if (!d->told_shown || d->pends || d->own_preview || d->preview || !d->tree || r->dirty || d->dirty || d->parked ||
      atr_json_get(patch, "name") || atr_json_get(patch, "type") || !is_exact(d->tree, patch))
    return false;
  d->seq = seq;
  d->by = member;
  if (rep_emit(r, d, ATR_OP_EDIT, patch) == 0)
    return true;
  d->seq = seq_before;
  d->by = by_before;
  return false;
}

static int apply_foreign(atr_replica *r, rdoc *d, const atr_msg_op *m, cJSON *tree)
{
  int err = m->op.kind == ATR_OP_EDIT ? rep_warm(r, d) : 0;

  if (!err && m->op.kind == ATR_OP_EDIT && !m->op.blobs.count && pass_on(r, d, tree, m->seq, m->member))
    return rep_apply(r, d, m->op.kind, tree, m->seq, m->member);
  if (!err)
    err = rep_part(r, d);
  if (err) {
    cJSON_Delete(tree);
    return err;
  }
  err = rep_apply(r, d, m->op.kind, tree, m->seq, m->member);
  rep_named(r, d);
  rep_dirty(r, d);
  return err;
}

static int apply_preview(atr_replica *r, rdoc *d, uint64_t seq, uint32_t member, cJSON *patch)
{
  bool ends = !patch->child;
  int err = rep_part(r, d);

  d->preview_seq = seq;
  if (ends && d->preview_member != member) {
    cJSON_Delete(patch);
  } else {
    rep_end_preview(r, d);
    d->preview = ends ? NULL : patch;
    d->preview_member = ends ? 0 : member;
    if (ends)
      cJSON_Delete(patch);
  }
  rep_dirty(r, d);
  return err;
}

static int receive_op(atr_replica *r, atr_span message)
{
  atr_msg_op m;
  cJSON *tree = NULL;
  rdoc *d;
  int err = atr_msg_read_op(message, &m);

  if (err)
    return err;
  if (m.room != r->handle)
    return ATR_PROTO;
  err = next_number(r, m.seq);
  if (err)
    return err;
  d = rep_get(r, &m.op.doc);
  if (!d)
    return ATR_NOMEM;
  if (m.seq <= rdoc_number(d) && !d->old_epoch)
    return 0;
  if (m.op.kind != ATR_OP_DELETE)
    err = atr_json_parse_object((const char *)m.op.json.p, m.op.json.n, &tree);
  if (err)
    return err;
  if (m.op.flags & ATR_OP_PREVIEW)
    return apply_preview(r, d, m.seq, m.member, tree);
  return apply_foreign(r, d, &m, tree);
}

/* --- answers to own operations ------------------------------------------------------------------------------------ */

/* The operation moves from pending to confirmed. Nothing changes for the application where it is the first of its document and
 * no preview lies between. */
static int settle(atr_replica *r, pend *p, uint64_t seq)
{
  rdoc *d = p->doc;
  bool quiet = p == d->pends && !d->preview && (p->kind != ATR_OP_EDIT || rdoc_lives(d));
  cJSON *tree = p->tree;
  uint8_t kind = p->kind;
  bool names = !quiet || rep_names(kind, tree);
  int err = quiet ? 0 : rep_part(r, d);

  p->tree = NULL;
  rep_pend_drop(r, p);
  if (!err)
    err = rep_apply(r, d, kind, tree, seq, r->self);
  else
    cJSON_Delete(tree);
  if (names)
    rep_named(r, d);
  if (!quiet)
    rep_dirty(r, d);
  return err;
}

static int drop_contained(atr_replica *r, pend *p)
{
  rdoc *d = p->doc;
  int err = rep_part(r, d);

  rep_pend_drop(r, p);
  rep_named(r, d);
  rep_dirty(r, d);
  return err;
}

static int receive_ack(atr_replica *r, atr_span message)
{
  atr_msg_ack m;
  pend *p;
  int err = atr_msg_read_ack(message, &m);

  if (!err && (m.room != r->handle || !m.counter))
    err = ATR_PROTO;
  if (!err && m.seq)
    err = next_number(r, m.seq);
  if (err)
    return err;
  p = rep_pend_find(r, m.counter);
  if (!p)
    return 0; /* it came as part of its document */
  if (!m.seq || m.seq <= rdoc_number(p->doc))
    return drop_contained(r, p);
  return settle(r, p, m.seq);
}

static int receive_refused(atr_replica *r, atr_span message)
{
  atr_msg_refused m;
  char text[ATR_REASON_BYTES_MAX + 1];
  pend *p;
  int err = atr_msg_read_refused(message, &m);

  if (!err && m.room != r->handle)
    err = ATR_PROTO;
  if (err)
    return err;
  p = rep_pend_find(r, m.counter);
  if (!p)
    return 0;
  memcpy(text, m.text.p, m.text.n);
  text[m.text.n] = 0;
  rep_refuse(r, p, m.err, text);
  return 0;
}

/* --- catching up -------------------------------------------------------------------------------------------------- */

static int receive_catchup(atr_replica *r, atr_span message)
{
  atr_msg_catchup m;
  int err = atr_msg_read_catchup(message, &m);

  if (!err && m.room != r->handle)
    err = ATR_PROTO;
  if (err)
    return err;
  if (!r->in_pass) {
    r->pass_from = r->cursor;
    r->pass_bytes = 0;
  }
  if (!r->in_pass || r->target != m.target)
    r->settled_whole = m.settled;
  r->in_pass = true;
  r->whole = false;
  r->target = m.target;
  r->settled = m.settled;
  r->told_complete = false;
  return 0;
}

static int drop_settled(atr_replica *r, rdoc *d)
{
  pend *p, *tmp;
  int err = 0;

  DL_FOREACH_SAFE2 (d->pends, p, tmp, doc_next) {
    if (!err && p->counter && p->counter <= r->settled)
      err = drop_contained(r, p);
  }
  return err;
}

static int replace(atr_replica *r, rdoc *d, const atr_msg_doc *m)
{
  cJSON *tree = NULL;
  int err = 0;

  if (!(m->flags & ATR_DOC_TOMBSTONE))
    err = atr_json_parse_object((const char *)m->json.p, m->json.n, &tree);
  if (!err)
    err = rep_part(r, d);
  if (err) {
    cJSON_Delete(tree);
    return err;
  }
  err = rep_set_confirmed(r, d, tree);
  lives(r, d, m->seq);
  d->created = m->created;
  d->by = 0;
  d->checked_seq = 0;
  rep_drop_dead_preview(r, d);
  return err;
}

static int receive_doc(atr_replica *r, atr_span message)
{
  atr_msg_doc m;
  cJSON *patch = NULL;
  rdoc *d;
  int err = atr_msg_read_doc(message, &m);

  if (!err && m.room != r->handle)
    err = ATR_PROTO;
  if (err)
    return err;
  d = rep_get(r, &m.doc);
  if (!d)
    return ATR_NOMEM;
  r->pass_bytes += m.json.n;
  if (m.flags & ATR_DOC_PREVIEW) {
    err = atr_json_parse_object((const char *)m.json.p, m.json.n, &patch);
    rep_end_preview(r, d);
    return err ? err : apply_preview(r, d, m.seq, (uint32_t)m.created, patch);
  }
  if (m.flags & ATR_DOC_HEALING) {
    r->healed++;
    r->cb.on_healed(r->ctx, &m.doc, m.seq);
  }
  if (d->preview) {
    err = rep_part(r, d);
    rep_end_preview(r, d);
  }
  d->preview_seq = 0;
  if (!err && (m.flags & ATR_DOC_HEALING || d->old_epoch || m.seq > d->seq))
    err = replace(r, d, &m);
  rep_heard(r, d);
  if (!err && !r->whole)
    err = drop_settled(r, d);
  rep_named(r, d);
  rep_dirty(r, d);
  return err;
}

static int receive_cursor(atr_replica *r, atr_span message)
{
  atr_msg_cursor m;
  pend *p, *tmp;
  int err = atr_msg_read_cursor(message, &m);

  if (!err && (m.room != r->handle || !r->in_pass))
    err = ATR_PROTO;
  if (err)
    return err;
  r->cursor = m.seq;
  r->told_complete = false;
  if (!(m.flags & ATR_CURSOR_WHOLE))
    return 0;
  r->whole = true;
  r->in_pass = false;
  DL_FOREACH_SAFE (r->pending, p, tmp) {
    if (!err && p->counter && p->counter <= r->settled_whole)
      err = drop_contained(r, p);
  }
  rep_end_pass(r);
  return err;
}

static int receive(atr_replica *r, atr_span message)
{
  switch (message.p[0]) {
  case ATR_MSG_OP:
    return receive_op(r, message);
  case ATR_MSG_ACK:
    return receive_ack(r, message);
  case ATR_MSG_REFUSED:
    return receive_refused(r, message);
  case ATR_MSG_CATCHUP:
    return receive_catchup(r, message);
  case ATR_MSG_DOC:
    return receive_doc(r, message);
  case ATR_MSG_CURSOR:
    return receive_cursor(r, message);
  case ATR_MSG_LIVE:
    return rep_receive_live(r, message);
  case ATR_MSG_WANT:
    return rep_receive_want(r, message);
  case ATR_MSG_BLOB_STATUS:
    return rep_receive_status(r, message);
  case ATR_MSG_BLOB_DATA:
  case ATR_MSG_BLOB_DELTA:
    return atr_xfer_receive(r->xfer, r->handle, message);
  default:
    return ATR_PROTO;
  }
}

int atr_replica_receive(atr_replica *r, int lane, atr_span message)
{
  int err;

  if (!r->online || !message.n || atr_msg_lane(message.p[0]) != lane)
    return ATR_PROTO;
  err = receive(r, message);
  rep_cool(r);
  return err;
}
