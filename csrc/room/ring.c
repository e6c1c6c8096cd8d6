/* SPDX-License-Identifier: MIT
 *
 * The ring: the newest operations as frames, contiguous, bounded in bytes: their own, and those of the blobs that they keep.
 *
 * An entry never wraps round the end of the memory, so that it can be copied (and found) as one run. Entries are found by
 * their number, since each number has exactly one. Dropping an entry merges it into its document, gives back its
 * references to blobs, and saves the rest of a long message for a member that is in the middle of it. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "room/internal.h"

enum { INDEX_FIRST = 256, BYTES_PER_ENTRY = 128 };

int room_ring_init(ring *r, size_t cap)
{
  r->cap = cap;
  r->data = malloc(cap);
  r->index = calloc(INDEX_FIRST, sizeof *r->index);
  r->index_cap = INDEX_FIRST;
  /* The index stays a fraction of the ring even where operations are as small as they get. */
  for (r->index_max = INDEX_FIRST; r->index_max * BYTES_PER_ENTRY < cap; r->index_max *= 2)
    ;
  return r->data && r->index ? 0 : ATR_NOMEM;
}

void room_ring_free(ring *r)
{
  free(r->data);
  free(r->index);
}

int room_message_of(atr_room *room, const uint8_t *frames, size_t len, atr_span *out)
{
  size_t at = 0;

  if (!(frames[0] & ATR_FRAME_MORE)) {
    *out = atr_span_of(frames + ATR_FRAME_HEADER_BYTES, len - ATR_FRAME_HEADER_BYTES);
    return 0;
  }
  atr_buf_clear(&room->scratch);
  while (at < len) {
    size_t n = atr_get_u16(frames + at + 1);
    int err = atr_buf_append(&room->scratch, frames + at + ATR_FRAME_HEADER_BYTES, n);

    if (err)
      return err;
    at += ATR_FRAME_HEADER_BYTES + n;
  }
  *out = atr_buf_span(&room->scratch);
  return 0;
}

/* A member in the middle of this entry gets the rest from a copy: a message that has begun must end. */
static void save_rest(atr_room *room, const entry *e, uint64_t seq)
{
  for (atr_room_member *m = room->members; m; m = m->next) {
    if (m->mode != MODE_RING || m->at != seq || !m->part_off)
      continue;
    if (atr_buf_append(&m->big, room->ring.data + e->offset + m->part_off, e->len - m->part_off))
      room_cut(m, ATR_NOMEM);
    m->part_off = 0;
    m->at++;
  }
}

static void unref_blobs(atr_room *room, const entry *e)
{
  atr_span msg;
  atr_msg_op op;
  atr_hash hash;

  if (room_message_of(room, room->ring.data + e->offset, e->len, &msg) || atr_msg_read_op(msg, &op))
    return;
  while (atr_list_next_hash(&op.op.blobs, &hash))
    atr_blobs_unref_by(room->config.blobs, &hash, ATR_BLOB_BY_RING);
}

static void drop_first(atr_room *room)
{
  ring *r = &room->ring;
  uint64_t seq = r->first;
  entry *e = room_ring_at(r, seq);
  int err = 0;

  if (e->len > ATR_FRAME_BYTES_MAX)
    save_rest(room, e, seq);
  if (e->doc->chain_first && e->doc->chain_first <= seq)
    err = room_doc_merge(room, e->doc);
  if (err) { /* and what cannot be merged now never will be */
    room_doc_unchain(room, e->doc);
    room_fail(room, err);
  }
  if (e->n_blobs)
    unref_blobs(room, e);
  r->used -= e->len;
  r->first++;
}

void room_ring_drop_through(atr_room *room, uint64_t seq)
{
  while (room->ring.first < room->ring.next && room->ring.first <= seq)
    drop_first(room);
}

/* One half for documents that were edited and not merged, as what an edit replaces is known only then; the other for what entries hold. */
void room_ring_trim_blobs(atr_room *room)
{
  ring *r = &room->ring;
  size_t half = room->config.ring_blob_bytes_max / 2;

  while (room->unmerged_bytes > half && room_doc_merge(room, room->unmerged) == 0)
    ;
  while (atr_blobs_ring_bytes(room->config.blobs) > half && r->first < r->next)
    drop_first(room);
}

static bool place(ring *r, size_t len, size_t *offset)
{
  size_t oldest;

  if (r->first == r->next) {
    *offset = 0;
    return true;
  }
  oldest = room_ring_at(r, r->first)->offset;
  *offset = r->write;
  if (r->write <= oldest)
    return oldest - r->write >= len;
  if (r->cap - r->write >= len)
    return true;
  *offset = 0;
  return oldest >= len;
}

static bool grow_index(ring *r)
{
  size_t cap = r->index_cap * 2;
  entry *index = cap <= r->index_max ? calloc(cap, sizeof *index) : NULL;

  if (!index)
    return false;
  for (uint64_t seq = r->first; seq < r->next; seq++)
    index[seq & (cap - 1)] = *room_ring_at(r, seq);
  free(r->index);
  r->index = index;
  r->index_cap = cap;
  return true;
}

bool room_ring_push(atr_room *room, const uint8_t *frames, size_t len, const entry *e)
{
  ring *r = &room->ring;
  size_t offset;
  entry *slot;

  if (len > r->cap) {
    room_ring_drop_through(room, r->next);
    r->first = ++r->next;
    return false;
  }
  if (r->next - r->first == r->index_cap && !grow_index(r))
    drop_first(room);
  while (!place(r, len, &offset))
    drop_first(room);
  memcpy(r->data + offset, frames, len);
  slot = room_ring_at(r, r->next++);
  *slot = *e;
  slot->offset = (uint32_t)offset;
  slot->len = (uint32_t)len;
  r->write = offset + len;
  r->used += len;
  return true;
}
