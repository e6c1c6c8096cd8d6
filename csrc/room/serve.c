/* SPDX-License-Identifier: MIT
 *
 * What members are owed: from the ring as long as it reaches back to their cursor, else from the documents.
 *
 * Ring. Consecutive operations lie consecutively in memory, as the frames that go out: a pull copies runs. A run ends at an
 * operation of the member itself, which becomes an ACK, and where the ring wraps.
 *
 * Documents (docs/protocol.md, 3.2). The member has a mark in the order of last changes; the documents behind it are sent, and a
 * document that changes moves to the end, behind every mark. One that a member was sent before it changed again would be met again
 * and again where it changes faster than the line carries it. It need not be sent: its operations since this pass began lie in
 * the ring and follow. `known` has a bit for that per document, of 64 members at most that catch up at the same time; those beyond
 * are simply sent such documents again. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "room/internal.h"

void room_wake(atr_room_member *m, int lane)
{
  if (m->awake & 1u << lane)
    return;
  m->awake |= (uint8_t)(1u << lane);
  m->room->cb.on_wake(m->room->ctx, m, lane);
}

void room_wake_all(atr_room *room, int lane, atr_room_member *last)
{
  for (atr_room_member *m = room->members; m; m = m->next)
    if (m != last)
      room_wake(m, lane);
  if (last)
    room_wake(last, lane);
}

/* --- passes through the documents -------------------------------------------------------------------------------- */

static void mark_unlink(atr_room_member *m)
{
  m->mark.prev->next = m->mark.next;
  m->mark.next->prev = m->mark.prev;
}

static void mark_before(atr_room_member *m, node *n)
{
  m->mark.is_mark = true;
  m->mark.next = n;
  m->mark.prev = n->prev;
  n->prev->next = &m->mark;
  n->prev = &m->mark;
}

static void take_slot(atr_room_member *m)
{
  uint64_t *taken = &m->room->known_slots;

  if (m->known_slot >= 0 || *taken == UINT64_MAX)
    return;
  m->known_slot = (int8_t)__builtin_ctzll(~*taken);
  *taken |= UINT64_C(1) << m->known_slot;
}

void room_begin_pass(atr_room_member *m, uint64_t cursor)
{
  atr_room *room = m->room;
  node *n = &room->order;
  uint64_t keep;

  if (m->mode == MODE_LISTING)
    mark_unlink(m);
  take_slot(m);
  keep = m->known_slot >= 0 ? ~(UINT64_C(1) << m->known_slot) : UINT64_MAX;
  for (; n->prev != &room->order; n = n->prev) { /* as many steps as documents will be sent */
    if (n->prev->is_mark)
      continue;
    if (doc_number((room_doc *)n->prev) <= cursor)
      break;
    ((room_doc *)n->prev)->known &= keep;
  }
  mark_before(m, n);
  m->mode = MODE_LISTING;
  m->passed = m->told_cursor = cursor;
  m->target = room->head;
  m->settled = m->part->committed;
  m->pass_begun = false;
  m->need_live = m->need_live || ((cursor || m->returning) && cursor < room->tombs_floor);
}

void room_end_pass(atr_room_member *m)
{
  if (m->mode != MODE_LISTING)
    return;
  mark_unlink(m);
  if (m->known_slot >= 0)
    m->room->known_slots &= ~(UINT64_C(1) << m->known_slot);
  m->known_slot = -1;
}

void room_doc_moves(atr_room *room, room_doc *d, uint64_t old_number)
{
  if (!room->known_slots)
    return;
  for (atr_room_member *m = room->members; m; m = m->next)
    if (m->mode == MODE_LISTING && m->known_slot >= 0 && old_number <= m->passed)
      d->known |= UINT64_C(1) << m->known_slot;
}

/* --- messages --------------------------------------------------------------------------------------------------- */

static int append_catchup(atr_room_member *m, atr_buf *out)
{
  atr_msg_catchup c = {.room = m->room->config.handle, .settled = m->settled, .target = m->target};
  size_t mark;
  int err = atr_frame_begin(out, &mark);

  if (!err)
    err = atr_msg_write_catchup(out, &c);
  return atr_frame_finish(out, mark, ATR_LANE_STATE, err);
}

static int append_cursor(atr_room_member *m, uint64_t seq, uint8_t flags, atr_buf *out)
{
  atr_msg_cursor c = {.room = m->room->config.handle, .seq = seq, .flags = flags};
  size_t mark;
  int err = atr_frame_begin(out, &mark);

  if (!err)
    err = atr_msg_write_cursor(out, &c);
  m->told_cursor = seq;
  return atr_frame_finish(out, mark, ATR_LANE_STATE, err);
}

static int append_ack(atr_room_member *m, uint64_t counter, uint64_t seq, atr_buf *out)
{
  atr_msg_ack ack = {.room = m->room->config.handle, .counter = counter, .seq = seq};
  size_t mark;
  int err = atr_frame_begin(out, &mark);

  if (!err)
    err = atr_msg_write_ack(out, &ack);
  return atr_frame_finish(out, mark, ATR_LANE_STATE, err);
}

static int append_preview(atr_room *room, const room_doc *d, atr_buf *out)
{
  const preview *p = d->preview;
  const uint8_t *json = p ? p->bytes + p->n_hashes * sizeof(atr_hash) : (const uint8_t *)"{}";
  atr_msg_doc msg = {.room = room->config.handle,
                     .seq = d->preview_seq,
                     .created = p ? p->number : 0,
                     .flags = ATR_DOC_PREVIEW,
                     .doc = d->id};
  size_t mark;
  int err = atr_frame_begin(out, &mark);

  if (!err)
    err = atr_msg_write_doc_head(out, ATR_MSG_DOC, &msg);
  if (!err)
    err = atr_buf_append(out, json, p ? p->json_len : 2);
  return atr_frame_finish(out, mark, ATR_LANE_STATE, err);
}

int room_append_doc(atr_room *room, room_doc *d, uint8_t flags, atr_buf *out)
{
  atr_msg_doc msg = {.room = room->config.handle, .seq = d->seq, .created = d->created, .flags = flags, .doc = d->id};
  size_t mark;
  int err = room_doc_merge(room, d);

  if (err)
    return err;
  if (!d->alive)
    msg.flags |= ATR_DOC_TOMBSTONE;
  err = atr_frame_begin(out, &mark);
  if (!err)
    err = atr_msg_write_doc_head(out, ATR_MSG_DOC, &msg);
  if (!err && d->alive)
    err = atr_buf_append(out, d->json, d->json_len);
  err = atr_frame_finish(out, mark, ATR_LANE_STATE, err);
  if (!err && d->alive && (d->preview || d->preview_seq > d->seq))
    err = append_preview(room, d, out);
  return err;
}

/* All that live at this moment, at once: it must be one moment's truth. */
static int append_live(atr_room_member *m, uint8_t settles, atr_buf *out)
{
  atr_room *room = m->room;
  atr_id *ids = malloc((HASH_COUNT(room->docs) + 1) * sizeof *ids);
  size_t n = 0, at = 0, mark;
  int err = ids ? 0 : ATR_NOMEM;

  for (room_doc *d = room->docs; d && !err; d = d->hh.next)
    if (d->alive || (d->staged && d->staged_alive))
      ids[n++] = d->id;
  do {
    size_t part = n - at < ATR_LIST_LONG_MAX ? n - at : ATR_LIST_LONG_MAX;
    uint8_t flags = (uint8_t)((at ? 0 : ATR_PART_FIRST) | (at + part == n ? ATR_PART_LAST : 0) | settles);

    if (!err) {
      err = atr_frame_begin(out, &mark);
      if (!err)
        err = atr_msg_write_live(out, room->config.handle, room->head, flags, ids + at, part);
      err = atr_frame_finish(out, mark, ATR_LANE_STATE, err);
    }
    at += part;
  } while (!err && at < n);
  free(ids);
  m->need_live = false;
  return err;
}

/* --- pulling ---------------------------------------------------------------------------------------------------- */

static int drain(atr_buf *from, atr_buf *out, size_t end)
{
  while (from->len && out->len < end) {
    size_t n = ATR_FRAME_HEADER_BYTES + atr_get_u16(from->data + 1);
    int err = atr_buf_append(out, from->data, n);

    if (err)
      return err;
    atr_buf_consume(from, n);
  }
  return 0;
}

/* A document that fits into a frame goes straight out. */
static int send_doc(atr_room_member *m, room_doc *d, uint8_t flags, atr_buf *out)
{
  int err = room_doc_merge(m->room, d);

  if (err)
    return err;
  return room_append_doc(m->room, d, flags, d->json_len < ATR_KIB(32) && !d->preview ? out : &m->big);
}

/* The last document was passed. */
static int finish_pass(atr_room_member *m, atr_buf *out)
{
  if (m->target + 1 < m->room->ring.first) {
    room_begin_pass(m, m->target);
    return 0;
  }
  room_end_pass(m);
  m->mode = MODE_RING;
  m->at = m->target + 1;
  m->part_off = 0;
  return append_cursor(m, m->target, ATR_CURSOR_WHOLE, out);
}

static int list_one(atr_room_member *m, atr_buf *out)
{
  node *n = m->mark.next;
  room_doc *d;

  if (!m->pass_begun || m->part->committed > m->settled) {
    if (m->pass_begun) /* the first one of a pass speaks of its target, the others of the documents behind them */
      m->settled = m->part->committed;
    m->pass_begun = true;
    return append_catchup(m, out);
  }
  if (m->need_live)
    return append_live(m, 0, &m->big);
  while (n != &m->room->order && n->is_mark)
    n = n->next;
  mark_unlink(m);
  mark_before(m, n == &m->room->order ? n : n->next);
  if (n == &m->room->order)
    return finish_pass(m, out);
  d = (room_doc *)n;
  m->passed = doc_number(d);
  if (m->known_slot >= 0 && d->known & UINT64_C(1) << m->known_slot)
    return 0;
  return send_doc(m, d, 0, out);
}

static int pull_listing(atr_room_member *m, atr_buf *out, size_t end)
{
  uint64_t reached;
  int err = 0;

  while (!err && m->mode == MODE_LISTING && out->len < end) {
    err = list_one(m, out);
    if (!err)
      err = drain(&m->big, out, end);
    if (m->big.len)
      return err; /* the message must end before anything else */
  }
  reached = m->passed < m->target ? m->passed : m->target;
  if (!err && m->mode == MODE_LISTING && m->pass_begun && reached > m->told_cursor)
    err = append_cursor(m, reached, 0, out);
  return err;
}

/* Frames of one long message; true when it has gone out whole. */
static int send_long(atr_room_member *m, const entry *e, atr_buf *out, size_t end)
{
  const uint8_t *data = m->room->ring.data + e->offset;

  while (m->part_off < e->len && out->len < end) {
    uint32_t n = ATR_FRAME_HEADER_BYTES + atr_get_u16(data + m->part_off + 1);
    int err = atr_buf_append(out, data + m->part_off, n);

    if (err)
      return err;
    m->part_off += n;
  }
  if (m->part_off == e->len) {
    m->part_off = 0;
    m->at++;
  }
  return 0;
}

static bool is_own(const atr_room_member *m, const entry *e)
{
  return e->member == m->part->number && e->counter;
}

/* Copies operations that lie side by side. */
static int send_run(atr_room_member *m, atr_buf *out, size_t end)
{
  const ring *r = &m->room->ring;
  size_t from = room_ring_at(r, m->at)->offset, to = from;
  int err;

  while (m->at < r->next && out->len + (to - from) < end) {
    const entry *e = room_ring_at(r, m->at);

    if (e->offset != to || is_own(m, e) || e->len > ATR_FRAME_BYTES_MAX)
      break;
    to += e->len;
    m->at++;
  }
  err = atr_buf_append(out, r->data + from, to - from);
  return err;
}

static int pull_ring(atr_room_member *m, atr_buf *out, size_t end)
{
  const ring *r = &m->room->ring;
  int err = 0;

  while (!err && m->at < r->next && out->len < end) {
    const entry *e;

    if (m->at < r->first) {
      room_begin_pass(m, m->at - 1);
      return 0;
    }
    e = room_ring_at(r, m->at);
    if (is_own(m, e))
      err = append_ack(m, e->counter, m->at++, out);
    else if (e->len > ATR_FRAME_BYTES_MAX)
      err = send_long(m, e, out, end);
    else
      err = send_run(m, out, end);
  }
  return err;
}

static int pull_healing(atr_room_member *m, atr_buf *out, size_t end)
{
  int err = 0;

  while (!err && m->n_heal && out->len < end && !m->big.len) {
    room_doc *d = room_doc_find(m->room, &m->heal[--m->n_heal]);

    if (d)
      err = send_doc(m, d, ATR_DOC_HEALING, out);
    if (!err)
      err = drain(&m->big, out, end);
  }
  return err;
}

static int pull_state(atr_room_member *m, atr_buf *out, size_t end)
{
  int err = drain(&m->big, out, end);

  if (!err && m->mode == MODE_RING && m->part_off)
    err = pull_ring(m, out, end);
  if (err || m->big.len || m->part_off || out->len >= end)
    return err;
  err = drain(&m->answers, out, end);
  if (!err && m->want_ends) {
    m->want_ends = false;
    err = append_live(m, ATR_PART_SETTLES, &m->big);
    if (!err)
      err = drain(&m->big, out, end);
  }
  if (!err)
    err = pull_healing(m, out, end);
  while (!err && !m->big.len && out->len < end && m->mode != MODE_COMPARE) {
    enum member_mode before = m->mode;

    err = m->mode == MODE_RING ? pull_ring(m, out, end) : pull_listing(m, out, end);
    if (m->mode == before)
      break;
  }
  return err;
}

/* What comes last is always at hand: it is written only when all that was queued is out, so that a member who reads slowly has the newest once. */
static int pull_control(atr_room_member *m, atr_buf *out, size_t end)
{
  int err = drain(&m->control, out, end);

  if (!err && m->members_due && out->len < end)
    err = room_append_members(m, out);
  if (!err && out->len < end)
    err = room_append_sought(m, out, end);
  return err;
}

static int pull_presence(atr_room_member *m, atr_buf *out, size_t end)
{
  int err = 0;

  for (size_t word = 0; word < sizeof m->presence_due / sizeof *m->presence_due; word++) {
    while (!err && m->presence_due[word] && out->len < end) {
      unsigned bit = (unsigned)__builtin_ctzll(m->presence_due[word]);
      const atr_room_member *of = m->room->by_slot[word * 64 + bit];

      m->presence_due[word] &= ~(UINT64_C(1) << bit);
      if (of && of->presence.len)
        err = atr_buf_append(out, of->presence.data, of->presence.len);
    }
  }
  return err;
}

static int64_t pull_bulk(atr_room_member *m, atr_buf *out, size_t budget)
{
  int64_t n = atr_xfer_pull(m->xfer, m->room->config.handle, out, budget);

  if (!n)
    m->awake &= (uint8_t) ~(1u << ATR_LANE_BULK);
  return n;
}

int64_t atr_room_pull(atr_room_member *m, int lane, atr_buf *out, size_t budget)
{
  size_t start = out->len, end = start + (budget ? budget : 1);
  int err;

  if (m->cut)
    return m->cut;
  switch (lane) {
  case ATR_LANE_CONTROL:
    err = pull_control(m, out, end);
    break;
  case ATR_LANE_PRESENCE:
    err = pull_presence(m, out, end);
    break;
  case ATR_LANE_STATE:
    err = pull_state(m, out, end);
    break;
  default:
    return pull_bulk(m, out, end - start);
  }
  if (err)
    return err;
  if (out->len == start)
    m->awake &= (uint8_t) ~(1u << lane);
  return (int64_t)(out->len - start);
}
