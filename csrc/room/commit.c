/* SPDX-License-Identifier: MIT
 *
 * From a checked operation to a committed one.
 *
 * An operation gets its number and is encoded as the OP message of everybody; while the store is busy with a batch the next
 * one gathers, so that groups form by themselves and as large as the store is slow. Relay, acknowledgement and merging
 * happen when the store is done. Checks see documents as they will be after what is staged (`staged_alive`). Where the
 * store fails, everything staged is refused: what came later was checked against what failed. What has no counter cannot be refused:
 * a member whose document was to be brought back is cut, so that it compares again, and the end of a preview is tried again.
 *
 * Where memory is too short to keep what the store has committed, the room ends (room_fail): what it holds would no longer be what its
 * numbers say. Its members are cut, and bring it back in a new epoch.
 *
 * A store that is slower than the members for long: from half of the bound on they are told to hold back (on_hold), and what comes
 * all the same is refused at the bound. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/log.h"
#include "room/internal.h"

#include <utlist.h>

/* --- how much waits --------------------------------------------------------------------------------------------- */

enum { KEEP_BYTES = 1 << 20, KEEP_OPS = 4096 };

static size_t staged_bytes(const atr_room *room)
{
  return room->stages[0].bytes.len + room->stages[1].bytes.len;
}

bool room_stage_has_room(const atr_room *room, size_t n)
{
  size_t bytes = staged_bytes(room);

  return !bytes || bytes + n <= room->config.staged_bytes_max;
}

void room_hold(atr_room *room, atr_room_member *m)
{
  if (m->held == room->holding || !room->cb.on_hold)
    return;
  m->held = room->holding;
  room->cb.on_hold(room->ctx, m, m->held);
}

/* Between the half and the quarter nothing changes, so that a full store does not make everybody stop and go. */
static void check_hold(atr_room *room)
{
  size_t bytes = staged_bytes(room), limit = room->config.staged_bytes_max;

  if (bytes > limit / 2)
    room->holding = true;
  else if (bytes <= limit / 4)
    room->holding = false;
  for (atr_room_member *m = room->members; m; m = m->next)
    room_hold(room, m);
}

/* Everything of it was committed or refused. One that grew large once is not kept. */
static void empty(stage *st)
{
  st->n = 0;
  if (st->bytes.cap > KEEP_BYTES)
    atr_buf_free(&st->bytes);
  atr_buf_clear(&st->bytes);
  if (st->cap <= KEEP_OPS)
    return;
  free(st->ops);
  st->ops = NULL;
  st->cap = 0;
}

/* --- staging ---------------------------------------------------------------------------------------------------- */

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

  if (!err)
    err = atr_msg_write_op_head(out, room->config.handle, s->seq, s->member, s->counter);
  if (!err)
    err = atr_buf_append(out, op->raw.p, op->raw.n);
  return atr_frame_finish(out, mark, ATR_LANE_STATE, err);
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

int room_stage(atr_room *room, participant *part, uint32_t member, uint64_t counter, uint64_t version, const atr_op *op,
               size_t printed)
{
  stage *st = &room->stages[room->stage_now];
  staged *s = add_op(st);
  size_t before = st->bytes.len;
  room_doc *known = room_doc_find(room, &op->doc), *d = known;
  int err;

  if (s && !known)
    d = room_doc_add(room, &op->doc);
  if (!s || !d)
    return ATR_NOMEM;
  *s = (staged){.doc = d,
                .part = part,
                .seq = room->staged_head + 1,
                .counter = counter,
                .version = version,
                .member = member,
                .printed = (uint32_t)printed,
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
  if (part)
    part->staged++;
  if (!d->staged++)
    d->staged_alive = d->alive;
  if (!s->preview) {
    d->staged_alive = op->kind != ATR_OP_DELETE;
    d->bytes_staged += s->printed;
  }
  ref_blobs(room, op, true);
  room_flush(room);
  if (room->in_flight && !room->holding)
    check_hold(room);
  return 0;
}

int room_stage_preview_end(atr_room *room, const atr_id *doc, uint32_t number)
{
  atr_op op = {.kind = ATR_OP_EDIT, .flags = ATR_OP_PREVIEW, .doc = *doc, .json = atr_span_of("{}", 2)};
  atr_buf out;
  int err;

  atr_buf_init(&out, ATR_OP_HEADER_BYTES + op.json.n);
  err = atr_op_write(&out, &op, NULL, 0);
  if (!err)
    err = atr_op_read(atr_buf_span(&out), &op);
  if (!err)
    err = room_stage(room, NULL, number, 0, 0, &op, op.json.n);
  atr_buf_free(&out);
  return err;
}

void room_preview_orphan(atr_room *room, preview *p)
{
  if (!p || p->is_orphan)
    return;
  if (p->member)
    DL_DELETE(p->member->previews, p);
  p->member = NULL;
  p->is_orphan = true;
  DL_APPEND(room->orphans, p);
}

/* Each is tried once; a store that fails at once puts it back. What is staged for a document may be a newer preview of the same
 * member, behind which the end would come: it waits for that. */
void room_end_orphans(atr_room *room)
{
  size_t n;
  preview *p;

  DL_COUNT(room->orphans, p, n);
  for (; n && room->orphans; n--) {
    room_doc *d = room->orphans->doc;

    p = room->orphans;
    DL_DELETE(room->orphans, p);
    p->is_orphan = false;
    if (d->staged || room_stage_preview_end(room, &d->id, p->number))
      room_preview_orphan(room, d->preview);
  }
}

/* --- done ------------------------------------------------------------------------------------------------------- */

/* The references of the stage become those of the ring's entry. An entry that exists takes no memory. */
static void hand_over_blobs(atr_room *room, const atr_op *op, bool in_ring)
{
  atr_list list = op->blobs;
  atr_hash hash;

  while (atr_list_next_hash(&list, &hash)) {
    if (in_ring)
      (void)atr_blobs_ref_by(room->config.blobs, &hash, ATR_BLOB_BY_RING);
    atr_blobs_unref(room->config.blobs, &hash);
  }
}

static int commit_one(atr_room *room, const stage *st, const staged *s)
{
  const uint8_t *frames = st->bytes.data + s->offset;
  entry e = {.doc = s->doc, .counter = s->counter, .member = s->member, .kind = s->kind, .preview = s->preview};
  atr_buf gathered;
  atr_msg_op op;
  atr_span msg;
  bool in_ring;
  int err = room_message_of(room, frames, s->len, &msg);

  atr_buf_init(&gathered, ATR_MESSAGE_BYTES_MAX);
  if (!err && s->len > ATR_FRAME_BYTES_MAX) { /* room->scratch is needed by merges below */
    err = atr_buf_append(&gathered, msg.p, msg.n);
    msg = atr_buf_span(&gathered);
  }
  if (!err)
    err = atr_msg_read_op(msg, &op);
  if (err)
    goto Exit;
  s->doc->staged--;
  if (s->part)
    s->part->staged--;
  in_ring = room_ring_push(room, frames, s->len, &e);
  if (in_ring)
    room_ring_at(&room->ring, s->seq)->n_blobs = (uint16_t)op.op.blobs.count;
  room_doc_commit(room, s, &op.op, in_ring);
  hand_over_blobs(room, &op.op, in_ring);
  room->head = s->seq;
  if (s->part && s->counter)
    s->part->committed = s->counter;
  if (s->part && s->part->member && op.op.blobs.count)
    room_release_holds(s->part->member, &op.op);
  room_ring_trim_blobs(room);
Exit:
  atr_buf_free(&gathered);
  return err;
}

/* Its sender shows it no more: the empty preview, and the durable operation that closes it. */
static bool ends_preview(const staged *s, const atr_op *op)
{
  return (!s->preview || op->json.n == 2) && s->doc->preview && s->doc->preview->number == s->member;
}

static void refuse_one(atr_room *room, const stage *st, const staged *s, int err)
{
  room_doc *d = s->doc;
  atr_msg_op op;
  atr_span msg;

  if (room_message_of(room, st->bytes.data + s->offset, s->len, &msg) == 0 && atr_msg_read_op(msg, &op) == 0) {
    ref_blobs(room, &op.op, false);
    if (!s->preview)
      d->bytes_staged -= s->printed;
    if (ends_preview(s, &op.op))
      room_preview_orphan(room, d->preview);
  }
  if (s->part)
    s->part->staged--;
  /* Its client must not believe that the document was brought back: it would take it for deleted since, and nobody else may have it. */
  if (s->version && s->part->member)
    room_cut(s->part->member, err);
  if (!--d->staged)
    d->staged_alive = d->alive;
  if (!d->staged && !doc_number(d))
    room_doc_free(room, d);
  if (s->part && s->counter)
    room_refuse(s->part, s->counter, err);
}

static void refuse_from(atr_room *room, stage *st, size_t first, int err)
{
  for (size_t i = first; i < st->n; i++)
    refuse_one(room, st, &st->ops[i], err);
  empty(st);
}

static void refuse_all(atr_room *room, stage *st, int err)
{
  refuse_from(room, st, 0, err);
}

void room_fail(atr_room *room, int err)
{
  if (room->failed)
    return;
  atr_log(ATR_LOG_ERROR, "room \"%s\" has lost what was committed and ends: %s", room->name, atr_err_text(err));
  room->failed = err;
  for (atr_room_member *m = room->members; m; m = m->next)
    room_cut(m, err);
}

/* Whose operation ended the batch, if he is here. */
static atr_room_member *last_author(const stage *st)
{
  const participant *part = st->n ? st->ops[st->n - 1].part : NULL;

  return part ? part->member : NULL;
}

/* The others wait for the operation itself, its author only for the acknowledgement: he comes last. */
static void done(void *ctx, int err)
{
  atr_room *room = ctx;
  stage *st = &room->stages[!room->stage_now];
  atr_room_member *author;

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
    check_hold(room);
    return;
  }
  for (size_t i = 0; i < st->n && !room->failed; i++) {
    err = commit_one(room, st, &st->ops[i]);
    if (!err)
      continue;
    refuse_from(room, st, i, err);
    refuse_all(room, &room->stages[room->stage_now], err);
    room_fail(room, err);
  }
  author = last_author(st);
  empty(st);
  room_end_orphans(room);
  room_tombs_trim(room);
  room_wake_all(room, ATR_LANE_STATE, author);
  if (!room->committing)
    room_flush(room);
  if (room->holding)
    check_hold(room);
}

/* A store that is done at once calls back from within commit(): the loop here, not recursion, takes the next batch. */
void room_flush(atr_room *room)
{
  if (room->committing || room->failed)
    return;
  room->committing = true;
  while (!room->in_flight && !room->failed && room->stages[room->stage_now].n) {
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
