/* SPDX-License-Identifier: MIT
 *
 * Blobs between a room and its members: who is asked to send one, who waits for it.
 *
 * A blob that several members offer is sent by the first; the others wait for its end, and the next of them is asked if the first
 * leaves. What a member has sent is held for it until it names it: the table drops what nobody references. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "room/internal.h"

#include <utlist.h>

enum { SOUGHT_PER_MESSAGE = 256 };

typedef struct waiting {
  struct waiting *prev, *next;
  atr_room_member *member;
  atr_hash base;
  uint64_t size;
} waiting;

struct upload {
  UT_hash_handle hh;
  struct upload *prev, *next; /* in room->sought */
  uint64_t sought;            /* place in that list; 0: not in it */
  atr_hash hash;
  atr_room_member *sender; /* NULL: named by a document, but nobody has offered it yet */
  waiting *offering;       /* the sender is not among them */
  waiting *getting;
};

static upload *find(atr_room *room, const atr_hash *hash)
{
  upload *u;

  HASH_FIND(hh, room->uploads, hash, sizeof *hash, u);
  return u;
}

static upload *add(atr_room *room, const atr_hash *hash)
{
  upload *u = calloc(1, sizeof *u);

  if (!u)
    return NULL;
  u->hash = *hash;
  HASH_ADD(hh, room->uploads, hash, sizeof u->hash, u);
  if (!atr_table_added(u)) {
    free(u);
    return NULL;
  }
  atr_blobs_ref(room->config.blobs, hash); /* so that it survives from its last chunk to the first hold */
  return u;
}

static bool is_waiting(const waiting *list, const atr_room_member *m)
{
  const waiting *w;

  DL_SEARCH_SCALAR(list, w, member, m);
  return w != NULL;
}

static int add_waiting(waiting **list, atr_room_member *m, const atr_hash *base, uint64_t size)
{
  waiting *w;

  w = calloc(1, sizeof *w);
  if (!w)
    return ATR_NOMEM;
  w->member = m;
  w->base = *base;
  w->size = size;
  DL_APPEND(*list, w);
  return 0;
}

static bool remove_waiting(waiting **list, const atr_room_member *m)
{
  waiting *w;

  DL_SEARCH_SCALAR(*list, w, member, m);
  if (!w)
    return false;
  DL_DELETE(*list, w);
  free(w);
  return true;
}

/* --- what is sought ----------------------------------------------------------------------------------------------- */

/* Others may have what a document names and nobody is sending, and offer it when they hear of it. Each member is told by and by, from
 * where it has come to in the list: thousands may be sought at once, and a slow line must not be a reason to be cut. */
static void seek(atr_room *room, upload *u)
{
  u->sought = ++room->last_sought;
  DL_APPEND(room->sought, u);
  for (atr_room_member *m = room->members; m; m = m->next)
    room_wake(m, ATR_LANE_CONTROL);
}

static void seek_no_more(atr_room *room, upload *u)
{
  if (u->sought)
    DL_DELETE(room->sought, u);
  u->sought = 0;
}

/* The first that the member was not told of. */
static upload *next_sought(const atr_room_member *m)
{
  upload *u = m->room->sought ? m->room->sought->prev : NULL;

  if (!u || u->sought <= m->sought)
    return NULL;
  while (u != m->room->sought && u->prev->sought > m->sought)
    u = u->prev;
  return u;
}

int room_append_sought(atr_room_member *m, atr_buf *out, size_t end)
{
  atr_blob_status list[SOUGHT_PER_MESSAGE];
  upload *u = next_sought(m);
  int err = 0;

  while (!err && u && out->len < end) {
    size_t n = 0, mark;

    for (; u && n < SOUGHT_PER_MESSAGE; u = u->next) {
      list[n++] = (atr_blob_status){.hash = u->hash, .status = ATR_BLOB_STATUS_SOUGHT};
      m->sought = u->sought;
    }
    err = atr_frame_begin(out, &mark);
    if (!err)
      err = atr_msg_write_blob_status(out, m->room->config.handle, list, n);
    err = atr_frame_finish(out, mark, ATR_LANE_CONTROL, err);
  }
  return err;
}

/* --- its end ------------------------------------------------------------------------------------------------------ */

static void drop(atr_room *room, upload *u)
{
  waiting *w, *tmp;

  seek_no_more(room, u);
  HASH_DEL(room->uploads, u);
  atr_blobs_unref(room->config.blobs, &u->hash);
  DL_FOREACH_SAFE (u->offering, w, tmp) {
    free(w);
  }
  DL_FOREACH_SAFE (u->getting, w, tmp) {
    w->member->getting--;
    free(w);
  }
  free(u);
}

static void say(atr_room_member *m, const atr_hash *hash, uint8_t code)
{
  atr_blob_status status = {.hash = *hash, .status = code};
  size_t mark;
  int err = atr_frame_begin(&m->control, &mark);

  if (!err)
    err = atr_msg_write_blob_status(&m->control, m->room->config.handle, &status, 1);
  err = atr_frame_finish(&m->control, mark, ATR_LANE_CONTROL, err);
  if (err) /* its operations would wait for this `have` for ever */
    room_cut(m, err);
  else
    room_wake(m, ATR_LANE_CONTROL);
}

/* --- holds ------------------------------------------------------------------------------------------------------ */

static void release_oldest(atr_room_member *m)
{
  hold *h = m->holds;

  m->holds = h->next;
  if (!m->holds)
    m->holds_last = NULL;
  m->n_holds--;
  m->holds_bytes -= h->bytes;
  atr_blobs_unref(m->room->config.blobs, &h->hash);
  free(h);
}

static void hold_blob(atr_room_member *m, const atr_hash *hash)
{
  const atr_bytes *bytes = atr_blobs_get(m->room->config.blobs, hash);
  hold *h = bytes ? calloc(1, sizeof *h) : NULL;

  if (!h || atr_blobs_ref(m->room->config.blobs, hash)) {
    free(h);
    return;
  }
  h->hash = *hash;
  h->bytes = atr_bytes_len(bytes);
  m->holds_bytes += h->bytes;
  if (m->holds_last)
    m->holds_last->next = h;
  else
    m->holds = h;
  m->holds_last = h;
  m->n_holds++;
  while (m->n_holds > ATR_HOLDS_MAX || (m->holds_bytes > m->room->config.holds_bytes_max && m->n_holds > 1))
    release_oldest(m);
}

static void release_hold(atr_room_member *m, const atr_hash *hash)
{
  hold *before = NULL;

  for (hold *h = m->holds; h; before = h, h = h->next) {
    if (!atr_hash_equal(&h->hash, hash))
      continue;
    if (before)
      before->next = h->next;
    else
      m->holds = h->next;
    if (m->holds_last == h)
      m->holds_last = before;
    m->n_holds--;
    m->holds_bytes -= h->bytes;
    atr_blobs_unref(m->room->config.blobs, hash);
    free(h);
    return;
  }
}

void room_release_holds(atr_room_member *m, const atr_op *op)
{
  atr_list list = op->blobs;
  atr_hash hash;

  while (m->holds && atr_list_next_hash(&list, &hash))
    release_hold(m, &hash);
}

/* --- uploads ---------------------------------------------------------------------------------------------------- */

/* Whether the room may hold so many bytes more. */
static bool has_space(const atr_room *room, uint64_t bytes)
{
  return atr_blobs_bytes(room->config.blobs) + bytes <= room->config.blob_bytes_max;
}

static int ask(atr_room_member *m, upload *u, uint64_t size, const atr_hash *base)
{
  bool delta = !atr_hash_is_zero(base) && atr_blobs_have(m->room->config.blobs, base);
  int err = atr_xfer_expect(m->xfer, &u->hash, size, delta ? base : NULL);

  if (err)
    return err;
  u->sender = m;
  seek_no_more(m->room, u);
  say(m, &u->hash, delta ? ATR_BLOB_STATUS_WANT_DELTA : ATR_BLOB_STATUS_WANT);
  return 0;
}

static void give(atr_room_member *m, const atr_hash *hash, const atr_hash *base)
{
  if (atr_xfer_send(m->xfer, hash, base) == 0)
    room_wake(m, ATR_LANE_BULK);
}

/* It has come, and stays for who has sent it; or there is no room for it, as what was offered at the same time came before. */
static void tell_arrived(atr_room_member *m, const atr_hash *hash)
{
  if (has_space(m->room, 0)) {
    hold_blob(m, hash);
    say(m, hash, ATR_BLOB_STATUS_HAVE);
  } else {
    say(m, hash, ATR_BLOB_STATUS_REFUSED);
  }
}

static void on_received(void *ctx, const atr_hash *hash)
{
  atr_room_member *m = ctx;
  upload *u = find(m->room, hash);
  waiting *w;

  if (!u)
    return;
  u->sender->offers--;
  tell_arrived(u->sender, hash);
  DL_FOREACH (u->offering, w) {
    w->member->offers--;
    tell_arrived(w->member, hash);
  }
  DL_FOREACH (u->getting, w) {
    give(w->member, hash, &w->base);
  }
  drop(m->room, u);
}

static int offer(atr_room_member *m, const atr_blob_offer *o)
{
  atr_room *room = m->room;
  upload *u;
  int err;

  if (atr_blobs_have(room->config.blobs, &o->hash)) {
    hold_blob(m, &o->hash);
    say(m, &o->hash, ATR_BLOB_STATUS_HAVE);
    return 0;
  }
  if (o->size > ATR_BLOB_BYTES_MAX || !has_space(room, o->size)) {
    say(m, &o->hash, ATR_BLOB_STATUS_REFUSED);
    return 0;
  }
  u = find(room, &o->hash);
  if (u && (u->sender == m || is_waiting(u->offering, m)))
    return 0; /* said again */
  if (m->offers >= ATR_OFFERS_MAX)
    return ATR_LIMIT;
  if (!u)
    u = add(room, &o->hash);
  if (!u)
    return ATR_NOMEM;
  err = u->sender ? add_waiting(&u->offering, m, &o->base, o->size) : ask(m, u, o->size, &o->base);
  if (!err)
    m->offers++;
  return err;
}

int room_receive_offer(atr_room_member *m, atr_span message)
{
  uint32_t handle;
  atr_list list;
  atr_blob_offer o;
  int err = atr_msg_read_blob_offer(message, &handle, &list);

  if (!err && handle != m->room->config.handle)
    err = ATR_PROTO;
  while (!err && atr_list_next_offer(&list, &o))
    err = offer(m, &o);
  return err;
}

static int wait_for(atr_room_member *m, upload *u, const atr_hash *base)
{
  int err;

  if (is_waiting(u->getting, m))
    return 0; /* asked again */
  err = add_waiting(&u->getting, m, base, 0);
  m->getting += !err;
  return err;
}

static int get(atr_room_member *m, const atr_blob_get *g)
{
  atr_room *room = m->room;
  upload *u = find(room, &g->hash);

  if (atr_xfer_queued(m->xfer) + m->getting >= ATR_GETS_MAX)
    return ATR_LIMIT;
  if (atr_blobs_have(room->config.blobs, &g->hash)) {
    give(m, &g->hash, &g->base);
    return 0;
  }
  if (!u && !atr_blobs_refs(room->config.blobs, &g->hash)) {
    say(m, &g->hash, ATR_BLOB_STATUS_UNKNOWN);
    return 0;
  }
  if (!u && (u = add(room, &g->hash)))
    seek(room, u); /* a document was brought back by somebody who lacks one of its blobs himself */
  return u ? wait_for(m, u, &g->base) : ATR_NOMEM;
}

int room_receive_get(atr_room_member *m, atr_span message)
{
  uint32_t handle;
  atr_list list;
  atr_blob_get g;
  int err = atr_msg_read_blob_get(message, &handle, &list);

  if (!err && handle != m->room->config.handle)
    err = ATR_PROTO;
  while (!err && atr_list_next_get(&list, &g))
    err = get(m, &g);
  return err;
}

int room_receive_bulk(atr_room_member *m, atr_span message)
{
  return atr_xfer_receive(m->xfer, m->room->config.handle, message);
}

int room_transfer_init(atr_room_member *m)
{
  return atr_xfer_new(&m->xfer, m->room->config.blobs, on_received, m);
}

/* The next one that offered it is asked in place of who has left. One who cannot be asked, as memory is short, must not wait for an answer that never
 * comes: it is cut, returns and offers again. */
static void next_sender(atr_room *room, upload *u)
{
  waiting *w;

  u->sender = NULL;
  while ((w = u->offering)) {
    atr_room_member *m = w->member;
    atr_hash base = w->base;
    uint64_t size = w->size;
    int err;

    DL_DELETE(u->offering, w);
    free(w);
    err = ask(m, u, size, &base);
    if (!err)
      return;
    room_cut(m, err);
  }
  if (atr_blobs_refs(room->config.blobs, &u->hash) > 1 && u->getting) { /* ours, and a document's */
    seek(room, u);
    return;
  }
  DL_FOREACH (u->getting, w) {
    say(w->member, &u->hash, ATR_BLOB_STATUS_UNKNOWN);
  }
  drop(room, u);
}

void room_transfer_leave(atr_room_member *m)
{
  upload *u, *tmp;

  while (m->holds)
    release_oldest(m);
  HASH_ITER (hh, m->room->uploads, u, tmp) {
    (void)remove_waiting(&u->offering, m);
    m->getting -= remove_waiting(&u->getting, m);
    if (u->sender == m)
      next_sender(m->room, u);
    else if (!u->sender && !u->getting)
      drop(m->room, u);
  }
  atr_xfer_free(m->xfer);
}
