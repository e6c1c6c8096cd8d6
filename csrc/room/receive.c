/* SPDX-License-Identifier: MIT
 *
 * What members say: operations are checked here, once, and everything else is passed on to its part of the room.
 *
 * Two kinds of "no". A message that no correct client sends (bad encoding, a counter that skips, text that is not JSON) is an
 * error: the member is cut and nobody else notices. An operation that a correct client may send at the wrong moment or that asks
 * too much (the document is gone, a blob is missing, it became too large) is answered with REFUSED, and its counter is used up. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "proto/json.h"
#include "proto/tags.h"
#include "room/internal.h"

/* --- answers ---------------------------------------------------------------------------------------------------- */

/* A client waits for each answer, so one that cannot be given ends the connection: then it asks again. */
static void end_answer(atr_room_member *m, size_t mark, int err)
{
  err = atr_frame_finish(&m->answers, mark, ATR_LANE_STATE, err);
  if (err)
    room_cut(m, err);
  else
    room_wake(m, ATR_LANE_STATE);
}

static void append_refused(atr_room_member *m, uint64_t counter, int err)
{
  const char *text = atr_err_text(err);
  atr_msg_refused refused = {
      .room = m->room->config.handle, .counter = counter, .err = err, .text = atr_span_of(text, strlen(text))};
  size_t mark;
  int failed = atr_frame_begin(&m->answers, &mark);

  if (!failed)
    failed = atr_msg_write_refused(&m->answers, &refused);
  end_answer(m, mark, failed);
}

/* A client has at most ATR_PENDING_MAX operations out, so older refusals can no longer be asked for. */
static void forget_old(participant *part)
{
  uint32_t n = 0;

  while (n < part->n_refused && part->refused[n].counter + ATR_PENDING_MAX <= part->last)
    n++;
  if (n)
    memmove(part->refused, part->refused + n, (part->n_refused - n) * sizeof *part->refused);
  part->n_refused -= n;
}

static bool remember(participant *part, uint64_t counter, int err)
{
  if (part->n_refused == part->refused_cap) {
    uint32_t cap;
    refused_op *list;

    forget_old(part);
    cap = part->n_refused * 2 > 16 ? part->n_refused * 2 : 16;
    list = realloc(part->refused, cap * sizeof *list);
    if (!list)
      return false;
    part->refused = list;
    part->refused_cap = cap;
  }
  part->refused[part->n_refused++] = (refused_op){counter, err};
  return true;
}

void room_refuse(participant *part, uint64_t counter, int err)
{
  remember(part, counter, err);
  if (part->member)
    append_refused(part->member, counter, err);
}

/* A counter at or below the last one: the client has not seen the answer. */
static void answer_again(atr_room_member *m, uint64_t counter)
{
  atr_msg_ack ack = {.room = m->room->config.handle, .counter = counter, .seq = 0};
  size_t mark;
  int err;

  for (uint32_t i = 0; i < m->part->n_refused; i++) {
    if (m->part->refused[i].counter == counter) {
      append_refused(m, counter, m->part->refused[i].err);
      return;
    }
  }
  if (counter > m->part->committed)
    return; /* still with the store: the answer comes when that is done */
  err = atr_frame_begin(&m->answers, &mark);
  if (!err)
    err = atr_msg_write_ack(&m->answers, &ack);
  end_answer(m, mark, err);
}

/* --- checking --------------------------------------------------------------------------------------------------- */

typedef struct checking {
  const atr_room *room;
  size_t n;
  atr_hash listed[ATR_OP_BLOBS_MAX]; /* in order: there may be many more tags than blobs */
} checking;

/* The members expect as many bytes as the array has. */
int room_check_blob_size(const atr_room *room, const atr_blob_ref *blob)
{
  const atr_bytes *bytes = atr_blobs_get(room->config.blobs, &blob->hash);

  return !bytes || atr_bytes_len(bytes) == blob->bytes ? 0 : ATR_BLOB_SIZE;
}

static int is_listed(void *ctx, const atr_blob_ref *blob)
{
  const checking *c = ctx;
  size_t at;

  return atr_hash_find(c->listed, c->n, &blob->hash, &at) ? room_check_blob_size(c->room, blob) : ATR_NOBLOB;
}

/* Only an operation with tagged values is ever made a tree here. */
static int check_tags(const atr_room *room, const atr_op *op)
{
  checking c;
  cJSON *tree = NULL;
  int err = atr_json_parse((const char *)op->json.p, op->json.n, &tree);

  c.room = room;
  c.n = atr_hash_sort(c.listed, room_op_blobs(op, c.listed));
  if (!err)
    err = atr_tags_check(tree);
  if (!err)
    err = atr_json_visit_blobs(tree, is_listed, &c);
  cJSON_Delete(tree);
  return err;
}

int room_check_json(const atr_room *room, const atr_op *op, int *refusal, size_t *printed)
{
  atr_json_info info;
  int err;

  *refusal = 0;
  *printed = 0;
  if (op->kind == ATR_OP_DELETE)
    return 0;
  err = atr_json_check((const char *)op->json.p, op->json.n, &info);
  if (err)
    return err;
  if (info.kind != ATR_KIND_OBJECT)
    return ATR_JSON_TYPE;
  *printed = info.printed;
  if (info.array_nulls || (op->kind == ATR_OP_CREATE && info.nulls))
    *refusal = ATR_JSON_NULL;
  else if (info.tags)
    *refusal = check_tags(room, op);
  return 0;
}

/* A document is stored as it prints, which may be longer than what was sent: an operation that is acknowledged must be possible to merge. */
static bool fits(atr_room *room, room_doc *d, const atr_op *op, size_t printed)
{
  if (op->kind != ATR_OP_EDIT)
    return printed <= ATR_DOC_BYTES_MAX;
  if ((uint64_t)d->bytes_est + d->bytes_staged + printed <= ATR_DOC_BYTES_MAX)
    return true;
  room_doc_merge(room, d); /* gives the exact length of what is committed */
  return (uint64_t)d->bytes_est + d->bytes_staged + printed <= ATR_DOC_BYTES_MAX;
}

static int check_state(atr_room *room, const atr_op *op, size_t printed)
{
  room_doc *d = room_doc_find(room, &op->doc);
  bool alive = d && (d->staged ? d->staged_alive : d->alive);
  atr_list list = op->blobs;
  atr_hash hash;

  if (op->kind == ATR_OP_CREATE && !alive && room->n_alive >= ATR_DOCS_MAX)
    return ATR_LIMIT;
  if (op->kind != ATR_OP_CREATE && !alive)
    return d ? ATR_GONE : ATR_NOENT;
  if (!fits(room, d, op, printed))
    return ATR_DOC_SIZE;
  while (atr_list_next_hash(&list, &hash))
    if (!atr_blobs_have(room->config.blobs, &hash))
      return ATR_NOBLOB;
  return 0;
}

/* The operation that closes a preview was refused, so it does not end it; but its sender shows it no more. */
static void end_own_preview(atr_room *room, const atr_room_member *m, const atr_op *op)
{
  const room_doc *d = room_doc_find(room, &op->doc);

  if (!d || !d->preview || d->preview->member != m || (op->flags & ATR_OP_PREVIEW && op->json.n != 2))
    return;
  room_preview_orphan(room, d->preview);
  if (room_stage_has_room(room, 0))
    room_end_orphans(room);
}

static int receive_submit(atr_room *room, atr_room_member *m, atr_span message)
{
  participant *part = m->part;
  atr_msg_submit s;
  int err = atr_msg_read_submit(message, &s), refusal;
  size_t printed;

  if (err)
    return err;
  if (s.room != room->config.handle || m->mode == MODE_COMPARE)
    return ATR_PROTO;
  if (s.counter > part->last + 1)
    return ATR_PROTO;
  if (s.counter && s.counter <= part->last) {
    answer_again(m, s.counter);
    return 0;
  }
  err = room_check_json(room, &s.op, &refusal, &printed);
  if (err)
    return err;
  if (!refusal)
    refusal = check_state(room, &s.op, printed);
  if (!refusal && !room_stage_has_room(room, message.n))
    refusal = ATR_STORE_BUSY;
  if (!refusal)
    err = room_stage(room, part, part->number, s.counter, 0, &s.op, printed);
  if (err)
    return err; /* the counter is as it was: `settled` must not speak of what was never staged */
  if (s.counter)
    part->last = s.counter;
  if (!refusal)
    return 0;
  end_own_preview(room, m, &s.op);
  if (s.counter)
    room_refuse(part, s.counter, refusal);
  return 0;
}

/* --- presence --------------------------------------------------------------------------------------------------- */

static int receive_presence(atr_room *room, atr_room_member *m, atr_span message)
{
  atr_msg_presence p;
  atr_json_info info;
  size_t mark;
  int err = atr_msg_read_presence(message, &p);

  if (err)
    return err;
  if (p.room != room->config.handle)
    return ATR_PROTO;
  if (p.json.n > ATR_PRESENCE_JSON_BYTES_MAX)
    return ATR_MESSAGE_SIZE;
  err = atr_json_check((const char *)p.json.p, p.json.n, &info);
  if (err)
    return err;
  if (info.kind != ATR_KIND_OBJECT)
    return ATR_JSON_TYPE;
  p.member = m->part->number;
  atr_buf_clear(&m->presence);
  err = atr_frame_begin(&m->presence, &mark);
  if (!err)
    err = atr_msg_write_presence_of(&m->presence, &p);
  err = atr_frame_finish(&m->presence, mark, ATR_LANE_PRESENCE, err);
  if (err)
    return err;
  for (atr_room_member *o = room->members; o; o = o->next) {
    if (o == m)
      continue;
    o->presence_due[m->slot / 64] |= UINT64_C(1) << m->slot % 64;
    room_wake(o, ATR_LANE_PRESENCE);
  }
  return 0;
}

int atr_room_receive(atr_room *room, atr_room_member *m, int lane, atr_span message)
{
  if (room->failed)
    return room->failed;
  if (!message.n || atr_msg_lane(message.p[0]) != lane)
    return ATR_PROTO;
  if (m->answers.len > ATR_CONTROL_BYTES_MAX || m->control.len > ATR_CONTROL_BYTES_MAX)
    return ATR_LIMIT; /* asks and never reads */
  if (room->orphans && !room->in_flight)
    room_end_orphans(room);
  switch (message.p[0]) {
  case ATR_MSG_SUBMIT:
    return receive_submit(room, m, message);
  case ATR_MSG_PRESENCE:
    return receive_presence(room, m, message);
  case ATR_MSG_DIGEST:
    return room_receive_digest(m, message);
  case ATR_MSG_VERSIONS:
    return room_receive_versions(m, message);
  case ATR_MSG_RECREATE:
    return room_receive_recreate(m, message);
  case ATR_MSG_BLOB_OFFER:
    return room_receive_offer(m, message);
  case ATR_MSG_BLOB_GET:
    return room_receive_get(m, message);
  case ATR_MSG_BLOB_DATA:
  case ATR_MSG_BLOB_DELTA:
    return room_receive_bulk(m, message);
  default:
    return ATR_PROTO;
  }
}
