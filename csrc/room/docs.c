/* SPDX-License-Identifier: MIT
 *
 * Documents of a room: their text, what waits to be merged into it, their blobs, tombstones and newest preview, and
 * their order by last change.
 *
 * A create or delete makes whatever was not merged yet irrelevant, so a chain begins at the newest create or after it, and a
 * document that was created and not edited is never parsed at all.
 *
 * References to blobs (blob/refs.h) are taken as operations name them and given back when a merge shows that the tree names them no
 * longer. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/log.h"
#include "proto/json.h"
#include "proto/patch.h"
#include "proto/tags.h"
#include "room/internal.h"

#include <utlist.h>

room_doc *room_doc_find(const atr_room *room, const atr_id *id)
{
  room_doc *d;

  HASH_FIND(hh, room->docs, id, sizeof *id, d);
  return d;
}

static void order_remove(room_doc *d)
{
  d->order.prev->next = d->order.next;
  d->order.next->prev = d->order.prev;
}

/* Not committed yet: number 0, before all others. */
static void order_prepend(atr_room *room, room_doc *d)
{
  d->order.next = room->order.next;
  d->order.prev = &room->order;
  room->order.next->prev = &d->order;
  room->order.next = &d->order;
}

static void order_append(atr_room *room, room_doc *d)
{
  d->order.prev = room->order.prev;
  d->order.next = &room->order;
  room->order.prev->next = &d->order;
  room->order.prev = &d->order;
}

room_doc *room_doc_add(atr_room *room, const atr_id *id)
{
  room_doc *d = calloc(1, sizeof *d);

  if (!d)
    return NULL;
  d->id = *id;
  HASH_ADD(hh, room->docs, id, sizeof d->id, d);
  if (!atr_table_added(d)) {
    free(d);
    return NULL;
  }
  order_prepend(room, d);
  room->docs_bytes += sizeof *d;
  return d;
}

/* --- text ------------------------------------------------------------------------------------------------------- */

static void set_text(atr_room *room, room_doc *d, char *json, size_t len)
{
  room->docs_bytes += len - d->json_len;
  free(d->json);
  d->json = json;
  d->json_len = (uint32_t)len;
}

static int copy_text(atr_room *room, room_doc *d, atr_span json)
{
  char *text = malloc(json.n + 1);

  if (!text)
    return ATR_NOMEM;
  memcpy(text, json.p, json.n);
  set_text(room, d, text, json.n);
  return 0;
}

/* --- blobs ------------------------------------------------------------------------------------------------------ */

static void drop_blobs(atr_room *room, room_doc *d)
{
  room->docs_bytes -= atr_blob_refs_memory(&d->blobs);
  atr_blob_refs_drop(&d->blobs, room->config.blobs);
}

/* Whoever merges has gone through the whole tree anyway. Where memory is too short the set stays as it is: it lacks nothing. */
static void exact_blobs(atr_room *room, room_doc *d, const cJSON *tree)
{
  if (!d->blobs.n)
    return;
  room->docs_bytes -= atr_blob_refs_memory(&d->blobs);
  (void)atr_blob_refs_recount(&d->blobs, room->config.blobs, tree);
  room->docs_bytes += atr_blob_refs_memory(&d->blobs);
}

size_t room_op_blobs(const atr_op *op, atr_hash out[ATR_OP_BLOBS_MAX])
{
  atr_list list = op->blobs;
  size_t n = 0;

  while (n < ATR_OP_BLOBS_MAX && atr_list_next_hash(&list, &out[n]))
    n++;
  return n;
}

/* Those that the operation names: of an edit besides what was named before, of a create alone. */
static int take_blobs(atr_room *room, room_doc *d, const atr_op *op)
{
  atr_hash named[ATR_OP_BLOBS_MAX];
  size_t n = room_op_blobs(op, named);
  int err;

  room->docs_bytes -= atr_blob_refs_memory(&d->blobs);
  err = op->kind == ATR_OP_CREATE ? atr_blob_refs_replace(&d->blobs, room->config.blobs, named, n)
                                  : atr_blob_refs_add(&d->blobs, room->config.blobs, named, n);
  room->docs_bytes += atr_blob_refs_memory(&d->blobs);
  return err;
}

static uint64_t bytes_of(const atr_room *room, const atr_hash *hashes, size_t n)
{
  uint64_t bytes = 0;

  for (size_t i = 0; i < n; i++) {
    const atr_bytes *blob = atr_blobs_get(room->config.blobs, &hashes[i]);

    bytes += blob ? atr_bytes_len(blob) : 0;
  }
  return bytes;
}

/* Until it is merged it keeps all that it named before the edit. */
static void edited(atr_room *room, room_doc *d, const atr_op *op)
{
  atr_hash named[ATR_OP_BLOBS_MAX];
  uint64_t more;

  if (!d->blobs.n)
    return;
  if (d->unmerged_prev) {
    more = bytes_of(room, named, room_op_blobs(op, named));
  } else {
    more = bytes_of(room, d->blobs.list, d->blobs.n);
    DL_APPEND2(room->unmerged, d, unmerged_prev, unmerged_next);
  }
  d->unmerged_bytes += more;
  room->unmerged_bytes += more;
}

void room_doc_unchain(atr_room *room, room_doc *d)
{
  d->chain_first = d->chain_last = d->chain_edit_bytes = 0;
  if (!d->unmerged_prev)
    return;
  DL_DELETE2(room->unmerged, d, unmerged_prev, unmerged_next);
  d->unmerged_prev = d->unmerged_next = NULL;
  room->unmerged_bytes -= d->unmerged_bytes;
  d->unmerged_bytes = 0;
}

/* --- merging ---------------------------------------------------------------------------------------------------- */

static int print_into(atr_room *room, room_doc *d, const cJSON *tree)
{
  atr_buf text;
  size_t len;
  char *json;
  int err;

  atr_buf_init(&text, ATR_DOC_BYTES_MAX);
  err = atr_json_print(tree, &text);
  if (err) {
    atr_buf_free(&text);
    return err;
  }
  json = (char *)atr_buf_detach(&text, &len);
  if (!json)
    return ATR_NOMEM;
  set_text(room, d, json, len);
  d->bytes_est = (uint32_t)len;
  return 0;
}

static int apply(cJSON **tree, atr_span json)
{
  cJSON *patch = NULL;
  int err = atr_json_parse((const char *)json.p, json.n, &patch);

  return err ? err : atr_patch_apply_move(tree, patch);
}

static int read_entry(atr_room *room, uint64_t seq, atr_msg_op *op)
{
  entry *e = room_ring_at(&room->ring, seq);
  atr_span msg;
  int err = room_message_of(room, room->ring.data + e->offset, e->len, &msg);

  return err ? err : atr_msg_read_op(msg, op);
}

static int merge_chain(atr_room *room, room_doc *d)
{
  uint64_t seq = d->chain_first;
  cJSON *tree = NULL;
  int err = 0;
  atr_msg_op op;

  if (room_ring_at(&room->ring, seq)->kind == ATR_OP_CREATE) {
    err = read_entry(room, seq, &op);
    if (!err && seq == d->chain_last)
      return copy_text(room, d, op.op.json);
    if (!err)
      err = atr_json_parse((const char *)op.op.json.p, op.op.json.n, &tree);
    seq = room_ring_at(&room->ring, seq)->chain_next;
  } else {
    err = atr_json_parse(d->json, d->json_len, &tree);
  }
  for (; !err && seq; seq = room_ring_at(&room->ring, seq)->chain_next) {
    err = read_entry(room, seq, &op);
    if (!err)
      err = apply(&tree, op.op.json);
  }
  if (!err)
    err = print_into(room, d, tree);
  if (!err)
    exact_blobs(room, d, tree);
  cJSON_Delete(tree);
  return err;
}

int room_doc_merge(atr_room *room, room_doc *d)
{
  int err;

  if (!d->chain_first)
    return 0;
  err = merge_chain(room, d);
  if (err) /* memory only, as what is in the ring was checked and fits: it can be tried again */
    atr_log(ATR_LOG_ERROR, "room: a document could not be merged: %s", atr_err_text(err));
  else
    room_doc_unchain(room, d);
  return err;
}

/* An operation larger than the whole ring is merged at once. */
static int merge_now(atr_room *room, room_doc *d, const atr_op *op)
{
  cJSON *tree = NULL;
  int err;

  if (op->kind == ATR_OP_CREATE)
    return copy_text(room, d, op->json);
  err = atr_json_parse(d->json, d->json_len, &tree);
  if (!err)
    err = apply(&tree, op->json);
  if (!err)
    err = print_into(room, d, tree);
  if (!err)
    exact_blobs(room, d, tree);
  cJSON_Delete(tree);
  return err;
}

/* --- previews --------------------------------------------------------------------------------------------------- */

void room_preview_end(atr_room *room, preview *p)
{
  if (!p)
    return;
  for (uint32_t i = 0; i < p->n_hashes; i++) {
    atr_hash hash;

    memcpy(&hash, p->bytes + i * sizeof hash, sizeof hash);
    atr_blobs_unref(room->config.blobs, &hash);
  }
  if (p->member)
    DL_DELETE(p->member->previews, p);
  else if (p->is_orphan)
    DL_DELETE(room->orphans, p);
  p->doc->preview = NULL;
  room->docs_bytes -= sizeof *p + p->n_hashes * sizeof(atr_hash) + p->json_len;
  free(p);
}

static preview *new_preview(atr_room *room, const staged *s, const atr_op *op)
{
  size_t hashes = op->blobs.count * sizeof(atr_hash);
  preview *p = calloc(1, sizeof *p + hashes + op->json.n);
  atr_list list = op->blobs;
  atr_hash hash;

  if (!p)
    return NULL;
  p->doc = s->doc;
  p->number = s->member;
  p->seq = s->seq;
  p->json_len = (uint32_t)op->json.n;
  while (atr_list_next_hash(&list, &hash)) {
    atr_blobs_ref(room->config.blobs, &hash);
    memcpy(p->bytes + p->n_hashes++ * sizeof hash, &hash, sizeof hash);
  }
  memcpy(p->bytes + hashes, op->json.p, op->json.n);
  room->docs_bytes += sizeof *p + hashes + op->json.n;
  return p;
}

static void commit_preview(atr_room *room, const staged *s, const atr_op *op)
{
  room_doc *d = s->doc;
  bool ends = op->json.n == 2; /* "{}" */
  preview *p;

  d->preview_seq = s->seq;
  if (ends) {
    if (d->preview && d->preview->number == s->member)
      room_preview_end(room, d->preview);
    return;
  }
  p = new_preview(room, s, op);
  room_preview_end(room, d->preview);
  d->preview = p;
  if (!p)
    return;
  p->member = s->part ? s->part->member : NULL;
  p->is_orphan = !p->member;
  if (p->member)
    DL_APPEND(p->member->previews, p);
  else /* it has left while the store was busy */
    DL_APPEND(room->orphans, p);
}

/* --- committing ------------------------------------------------------------------------------------------------- */

static void tomb_remove(atr_room *room, room_doc *d)
{
  if (!d->tomb_prev)
    return;
  DL_DELETE2(room->tombs, d, tomb_prev, tomb_next);
  d->tomb_prev = d->tomb_next = NULL;
  room->n_tombs--;
}

static void live(atr_room *room, room_doc *d, uint64_t seq)
{
  d->created = seq;
  if (d->alive)
    return;
  tomb_remove(room, d);
  d->alive = true;
  room->n_alive++;
}

static void die(atr_room *room, room_doc *d)
{
  if (d->alive)
    room->n_alive--;
  d->alive = false;
  tomb_remove(room, d);
  DL_APPEND2(room->tombs, d, tomb_prev, tomb_next);
  room->n_tombs++;
  drop_blobs(room, d);
  set_text(room, d, NULL, 0);
}

static void chain(atr_room *room, room_doc *d, uint64_t seq, size_t edit_bytes)
{
  if (d->chain_first)
    room_ring_at(&room->ring, d->chain_last)->chain_next = seq;
  else
    d->chain_first = seq;
  d->chain_last = seq;
  d->chain_edit_bytes += edit_bytes;
}

enum { SPREAD = 256 };

/* From SPREAD / 2 to SPREAD, another for each document: of what is reached at SPREAD by a thousand documents that are moved together, each has
 * its turn at another time before. */
static unsigned turn_of(const room_doc *d)
{
  uint8_t n = 0;

  for (size_t i = 0; i < sizeof d->id.b; i++)
    n = (uint8_t)(n + d->id.b[i]);
  return SPREAD / 2 + n % (SPREAD / 2);
}

/* What waits is bounded by what the document takes to be parsed, and is merged before a full ring drops it. */
static void trim_chain(atr_room *room, room_doc *d)
{
  const ring *r = &room->ring;
  uint64_t n = r->next - r->first, age = r->next - d->chain_first, turn = turn_of(d);
  bool is_full = r->used * SPREAD > r->cap * turn || n * SPREAD > r->index_max * turn;

  if (d->chain_edit_bytes > d->json_len + room->config.chain_bytes_max * turn / SPREAD ||
      (is_full && age * SPREAD > n * turn))
    (void)room_doc_merge(room, d); /* where memory is short the next operation tries it again */
}

static void commit_durable(atr_room *room, const staged *s, const atr_op *op, bool in_ring)
{
  room_doc *d = s->doc;
  int err = 0;

  if (op->kind != ATR_OP_EDIT || (d->preview && d->preview->number == s->member))
    room_preview_end(room, d->preview);
  if (op->kind != ATR_OP_EDIT)
    room_doc_unchain(room, d);
  if (op->kind == ATR_OP_CREATE)
    live(room, d, s->seq);
  if (op->kind == ATR_OP_DELETE)
    die(room, d);
  else
    err = take_blobs(room, d, op);
  d->bytes_staged -= s->printed;
  d->bytes_est = (op->kind == ATR_OP_EDIT ? d->bytes_est : 0) + s->printed;
  if (op->kind != ATR_OP_DELETE && in_ring)
    chain(room, d, s->seq, op->kind == ATR_OP_EDIT ? op->json.n : 0);
  else if (op->kind != ATR_OP_DELETE && !err)
    err = merge_now(room, d, op);
  if (op->kind == ATR_OP_EDIT && in_ring)
    edited(room, d, op);
  if (err)
    room_fail(room, err);
  d->seq = s->seq;
  d->version = s->version ? s->version : s->seq;
  if (d->chain_first)
    trim_chain(room, d);
}

void room_doc_commit(atr_room *room, const staged *s, const atr_op *op, bool in_ring)
{
  room_doc *d = s->doc;

  room_doc_moves(room, d, doc_number(d));
  order_remove(d);
  order_append(room, d);
  if (s->preview)
    commit_preview(room, s, op);
  else
    commit_durable(room, s, op, in_ring);
}

void room_doc_free(atr_room *room, room_doc *d)
{
  room_preview_end(room, d->preview);
  room_doc_unchain(room, d);
  drop_blobs(room, d);
  tomb_remove(room, d);
  order_remove(d);
  HASH_DEL(room->docs, d);
  room->docs_bytes -= sizeof *d + d->json_len;
  free(d->json);
  free(d);
}

/* A member that is behind a dropped tombstone is told what lives instead. The ring's entries point to their documents, so
 * they go first. */
void room_tombs_trim(atr_room *room)
{
  while (room->n_tombs > room->config.tombstones_max && !room->tombs->staged) {
    room_doc *d = room->tombs;

    room_ring_drop_through(room, doc_number(d));
    room->tombs_floor = d->seq;
    for (atr_room_member *m = room->members; m; m = m->next)
      if (m->mode == MODE_LISTING && m->passed < d->seq)
        m->need_live = true;
    room_doc_free(room, d);
  }
}
