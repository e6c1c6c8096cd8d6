/* SPDX-License-Identifier: MIT
 *
 * From a checked operation to a committed one.
 *
 * An operation gets its number and is encoded as the OP message of everybody; while the store is busy with a batch the next
 * one gathers, so that groups form by themselves and as large as the store is slow. Relay, acknowledgement and merging
 * happen when the store is done. Checks see documents as they will be after what is staged (`staged_alive`). Where the
 * store fails, everything staged is refused: what came later was checked against what failed. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "room/internal.h"

#include <utlist.h>

static staged *add_op(stage *st)
{
  if (st->n == st->cap) {
    size_t cap = st->cap ? st->cap * 2 : 64;
    staged *ops = realloc(st->ops, cap * sizeof *ops);

    if (!ops)
      return NULL;
    st->ops = ops;
    st->cap = cap;
  }
  return &st->ops[st->n];
}

static int encode(atr_room *room, atr_buf *out, const staged *s, const atr_op *op)
{
  size_t mark;
  int err = atr_frame_begin(out, &mark);

  if (err)
    return err;
  err = atr_msg_write_op_head(out, room->config.handle, s->seq, s->member, s->counter);
  if (!err)
    err = atr_buf_append(out, op->raw.p, op->raw.n);
  if (!err)
    err = atr_frame_end(out, mark, ATR_LANE_STATE);
  if (err)
    atr_buf_truncate(out, mark);
  return err;
}

/* What is staged keeps its blobs: who sent them may leave before it is committed. */
static void ref_blobs(atr_room *room, const atr_op *op, bool ref)
{
  atr_list list = op->blobs;
  atr_hash hash;

  while (atr_list_next_hash(&list, &hash)) {
    if (ref)
      atr_blobs_ref(room->config.blobs, &hash);
    else
      atr_blobs_unref(room->config.blobs, &hash);
  }
}

int room_stage(atr_room *room, participant *part, uint32_t member, uint64_t counter, uint64_t version, const atr_op *op)
{
  stage *st = &room->stages[room->stage_now];
  staged *s = add_op(st);
  size_t before = st->bytes.len;
  bool known = room_doc_find(room, &op->doc) != NULL;
  room_doc *d = known ? room_doc_find(room, &op->doc) : room_doc_add(room, &op->doc);
  int err;

  if (!s || !d)
    return ATR_NOMEM;
  *s = (staged){.doc = d,
                .part = part,
                .seq = room->staged_head + 1,
                .counter = counter,
                .version = version,
                .member = member,
                .kind = op->kind,
                .preview = (op->flags & ATR_OP_PREVIEW) != 0};
  err = encode(room, &st->bytes, s, op);
  if (err) {
    if (!known)
      room_doc_free(room, d);
    return err;
  }
  s->offset = (uint32_t)before;
  s->len = (uint32_t)(st->bytes.len - before);
  st->n++;
  room->staged_head++;
  if (!d->staged++)
    d->staged_alive = d->alive;
  if (!s->preview) {
    d->staged_alive = op->kind != ATR_OP_DELETE;
    d->bytes_staged += (uint32_t)op->json.n;
  }
  ref_blobs(room, op, true);
  room_flush(room);
  return 0;
}

void room_stage_preview_end(atr_room *room, const atr_id *doc, uint32_t number)
{
  atr_op op = {.kind = ATR_OP_EDIT, .flags = ATR_OP_PREVIEW, .doc = *doc, .json = atr_span_of("{}", 2)};
  atr_buf out;

  atr_buf_init(&out, ATR_OP_HEADER_BYTES + op.json.n);
  if (atr_op_write(&out, &op, NULL, 0) == 0 && atr_op_read(atr_buf_span(&out), &op) == 0)
    room_stage(room, NULL, number, 0, 0, &op);
  atr_buf_free(&out);
}

static void end_orphans(atr_room *room)
{
  while (room->orphans) {
    preview *p = room->orphans;

    DL_DELETE(room->orphans, p);
    p->is_orphan = false;
    room_stage_preview_end(room, &p->doc->id, p->number);
  }
}

static void commit_one(atr_room *room, const stage *st, const staged *s)
{
  const uint8_t *frames = st->bytes.data + s->offset;
  entry e = {.doc = s->doc, .counter = s->counter, .member = s->member, .kind = s->kind, .preview = s->preview};
  atr_buf gathered;
  atr_msg_op op;
  atr_span msg;
  bool in_ring;

  atr_buf_init(&gathered, ATR_MESSAGE_BYTES_MAX);
  if (s->len > ATR_FRAME_BYTES_MAX) { /* room->scratch is needed by merges below */
    if (room_message_of(room, frames, s->len, &msg) || atr_buf_append(&gathered, msg.p, msg.n))
      goto Exit;
    msg = atr_buf_span(&gathered);
  } else {
    msg = atr_span_of(frames + ATR_FRAME_HEADER_BYTES, s->len - ATR_FRAME_HEADER_BYTES);
  }
  if (atr_msg_read_op(msg, &op))
    goto Exit;
  s->doc->staged--;
  in_ring = room_ring_push(room, frames, s->len, &e);
  if (in_ring) /* the ring takes over the references of the stage */
    room_ring_at(&room->ring, s->seq)->n_blobs = (uint16_t)op.op.blobs.count;
  room_doc_commit(room, s, &op.op, in_ring);
  if (!in_ring)
    ref_blobs(room, &op.op, false);
  room->head = s->seq;
  if (s->part && s->counter)
    s->part->committed = s->counter;
  if (s->part && s->part->member && op.op.blobs.count)
    room_release_holds(s->part->member, &op.op);
Exit:
  atr_buf_free(&gathered);
}

/* The preview outlives the operation that was to end it: what is committed next is followed by another one. */
static void keep_orphan(atr_room *room, preview *p)
{
  if (!p || p->member || p->is_orphan)
    return;
  p->is_orphan = true;
  DL_APPEND(room->orphans, p);
}

static void refuse_one(atr_room *room, const stage *st, const staged *s, int err)
{
  room_doc *d = s->doc;
  atr_msg_op op;
  atr_span msg;

  if (room_message_of(room, st->bytes.data + s->offset, s->len, &msg) == 0 && atr_msg_read_op(msg, &op) == 0) {
    ref_blobs(room, &op.op, false);
    if (!s->preview)
      d->bytes_staged -= (uint32_t)op.op.json.n;
  }
  if (!s->part)
    keep_orphan(room, d->preview);
  if (!--d->staged)
    d->staged_alive = d->alive;
  if (!d->staged && !doc_number(d))
    room_doc_free(room, d);
  if (s->part && s->counter)
    room_refuse(room, s->part, s->counter, err);
}

static void refuse_all(atr_room *room, stage *st, int err)
{
  for (size_t i = 0; i < st->n; i++)
    refuse_one(room, st, &st->ops[i], err);
  st->n = 0;
  atr_buf_clear(&st->bytes);
}

static void done(void *ctx, int err)
{
  atr_room *room = ctx;
  stage *st = &room->stages[!room->stage_now];

  room->in_flight = false;
  if (room->dying) {
    refuse_all(room, st, ATR_CANCELED);
    refuse_all(room, &room->stages[room->stage_now], ATR_CANCELED);
    atr_room_free(room);
    return;
  }
  if (err) {
    refuse_all(room, st, err);
    refuse_all(room, &room->stages[room->stage_now], err);
    room->staged_head = room->head;
    return;
  }
  for (size_t i = 0; i < st->n; i++)
    commit_one(room, st, &st->ops[i]);
  st->n = 0;
  atr_buf_clear(&st->bytes);
  end_orphans(room);
  room_tombs_trim(room);
  room_wake_all(room, ATR_LANE_STATE);
  if (!room->committing)
    room_flush(room);
}

/* A store that is done at once calls back from within commit(): the loop here, not recursion, takes the next batch. */
void room_flush(atr_room *room)
{
  if (room->committing)
    return;
  room->committing = true;
  while (!room->in_flight && room->stages[room->stage_now].n) {
    stage *st = &room->stages[room->stage_now];
    atr_store_batch batch = {.room = room->config.id,
                             .seq_first = room->head + 1,
                             .count = (uint32_t)st->n,
                             .bytes = atr_buf_span(&st->bytes)};
    int err;

    room->in_flight = true;
    room->stage_now = !room->stage_now;
    err = room->config.store->ops->commit(room->config.store, &batch, done, room);
    if (err && room->in_flight)
      done(room, err);
  }
  room->committing = false;
}
