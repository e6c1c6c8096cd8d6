/* SPDX-License-Identifier: MIT
 *
 * The room as a whole: making and freeing it, participants and members.
 *
 * A participant is remembered when it leaves (its number and counters answer its repeats), a member is one connection of it.
 * `joined` is sent before anything else is: what it says about the last counter is what the client builds on. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "proto/json.h"
#include "room/internal.h"

#include <utlist.h>

/* --- the room --------------------------------------------------------------------------------------------------- */

/* The clock counts 4,096 numbers a millisecond from 2020 on, more than any room gives out; it lasts until 2088. What a member has seen
 * counts only where the clock was set back: if it could push the numbers ahead of the clock, two restarts after each other, each met
 * first by a member that missed the epoch between, would begin alike. */
uint64_t atr_room_seq_base(uint64_t unix_ms, uint64_t base)
{
  static const uint64_t year_2020_ms = UINT64_C(1577836800000), gap = UINT64_C(1) << 32;
  uint64_t by_clock = unix_ms > year_2020_ms ? (unix_ms - year_2020_ms) << 12 : 0;

  return by_clock > base || base >= UINT64_C(1) << 52 ? by_clock : base + gap;
}

int atr_room_new(atr_room **out, const atr_room_config *config, const atr_room_callbacks *cb, void *ctx)
{
  atr_room *room = calloc(1, sizeof *room);
  size_t len = strlen(config->name);

  *out = NULL;
  if (!room)
    return ATR_NOMEM;
  room->order.next = room->order.prev = &room->order;
  room->order.is_mark = true;
  if (len > ATR_ROOM_NAME_BYTES_MAX ||
      room_ring_init(&room->ring, config->ring_bytes_max ? config->ring_bytes_max : ATR_RING_BYTES)) {
    atr_room_free(room);
    return len > ATR_ROOM_NAME_BYTES_MAX ? ATR_ROOM_NAME : ATR_NOMEM;
  }
  room->config = *config;
  if (!room->config.ring_blob_bytes_max)
    room->config.ring_blob_bytes_max = ATR_RING_BLOB_BYTES;
  if (!room->config.chain_bytes_max)
    room->config.chain_bytes_max = ATR_CHAIN_BYTES;
  if (!room->config.tombstones_max)
    room->config.tombstones_max = ATR_TOMBSTONES_MAX;
  if (!room->config.participants_max)
    room->config.participants_max = ATR_PARTICIPANTS_MAX;
  if (!room->config.staged_bytes_max)
    room->config.staged_bytes_max = ATR_STAGED_BYTES_MAX;
  if (!room->config.holds_bytes_max)
    room->config.holds_bytes_max = ATR_HOLDS_BYTES_MAX;
  if (!room->config.blob_bytes_max)
    room->config.blob_bytes_max = ATR_ROOM_BLOB_BYTES_MAX;
  memcpy(room->name, config->name, len);
  room->config.name = room->name;
  room->cb = *cb;
  room->ctx = ctx;
  room->head = room->staged_head = config->seq_base;
  room->ring.first = room->ring.next = config->seq_base + 1;
  atr_buf_init(&room->scratch, ATR_MESSAGE_BYTES_MAX);
  atr_buf_init(&room->members_list, 2 * ATR_CONTROL_BYTES_MAX);
  for (int i = 0; i < 2; i++)
    atr_buf_init(&room->stages[i].bytes, SIZE_MAX / 2);
  *out = room;
  return 0;
}

static void free_member(atr_room_member *m, bool for_good);

static void free_participant(atr_room *room, participant *p)
{
  HASH_DEL(room->participants, p);
  room->n_participants--;
  free(p->refused);
  free(p);
}

void atr_room_free(atr_room *room)
{
  room_doc *d, *dtmp;
  participant *p, *ptmp;

  if (!room)
    return;
  while (room->members)
    free_member(room->members, true);
  if (room->in_flight) {
    room->dying = true; /* the store still uses our bytes; its `done` comes back here */
    return;
  }
  if (room->ring.index)
    room_ring_drop_through(room, UINT64_MAX);
  HASH_ITER (hh, room->docs, d, dtmp) {
    room_doc_free(room, d);
  }
  HASH_ITER (hh, room->participants, p, ptmp) {
    free_participant(room, p);
  }
  for (int i = 0; i < 2; i++) {
    atr_buf_free(&room->stages[i].bytes);
    free(room->stages[i].ops);
  }
  room_ring_free(&room->ring);
  atr_buf_free(&room->scratch);
  atr_buf_free(&room->members_list);
  if (room->config.owns_blobs)
    atr_blobs_free(room->config.blobs);
  free(room);
}

/* --- participants ----------------------------------------------------------------------------------------------- */

static void put_away(atr_room *room, participant *p, bool for_good)
{
  p->for_good = for_good;
  if (for_good)
    DL_APPEND(room->left, p);
  else
    DL_APPEND(room->away, p);
}

static void take_back(atr_room *room, participant *p)
{
  if (p->for_good)
    DL_DELETE(room->left, p);
  else
    DL_DELETE(room->away, p);
}

static participant *oldest_of(participant *list)
{
  while (list && list->staged)
    list = list->next;
  return list;
}

/* Whoever said goodbye asks about nothing any more. One that was cut may: it will find that it has another number, and that nobody
 * knows which of its operations arrived (docs/protocol.md, 3.1). */
static void forget_oldest(atr_room *room)
{
  participant *p = oldest_of(room->left);

  if (!p)
    p = oldest_of(room->away);
  if (!p)
    return;
  take_back(room, p);
  free_participant(room, p);
}

static participant *find_participant(atr_room *room, const atr_id *id, const atr_hash *key)
{
  participant *p;

  HASH_FIND(hh, room->participants, id, sizeof *id, p);
  if (p)
    return p;
  if (room->n_participants >= room->config.participants_max)
    forget_oldest(room);
  p = calloc(1, sizeof *p);
  if (!p)
    return NULL;
  p->id = *id;
  p->key = *key;
  HASH_ADD(hh, room->participants, id, sizeof p->id, p);
  if (!atr_table_added(p)) {
    free(p);
    return NULL;
  }
  p->number = ++room->last_number;
  put_away(room, p, true);
  room->n_participants++;
  return p;
}

/* --- control messages ------------------------------------------------------------------------------------------- */

static cJSON *add_id(cJSON *object, const char *key, const atr_id *id)
{
  char hex[ATR_ID_HEX + 1];

  atr_id_to_hex(id, hex);
  return cJSON_AddStringToObject(object, key, hex);
}

/* Takes the tree over. */
static int print_and_delete(cJSON *json, atr_buf *text)
{
  int err;

  atr_buf_init(text, ATR_CONTROL_BYTES_MAX);
  err = json ? atr_json_print(json, text) : ATR_NOMEM;
  cJSON_Delete(json);
  return err;
}

static cJSON *joined_json(atr_room *room, const atr_room_member *m, bool created)
{
  cJSON *j = cJSON_CreateObject(), *refused = cJSON_AddArrayToObject(j, "refused");

  cJSON_AddStringToObject(j, "t", "joined");
  add_id(j, "room", &room->config.id);
  cJSON_AddNumberToObject(j, "handle", room->config.handle);
  add_id(j, "epoch", &room->config.epoch);
  cJSON_AddNumberToObject(j, "member", m->part->number);
  cJSON_AddNumberToObject(j, "head", (double)room->head);
  cJSON_AddNumberToObject(j, "settled", (double)m->part->last);
  cJSON_AddNumberToObject(j, "blobs", (double)atr_blobs_named_bytes(room->config.blobs));
  cJSON_AddBoolToObject(j, "created", created);
  cJSON_AddStringToObject(j, "name", room->name);
  for (uint32_t i = 0; i < m->part->n_refused; i++) {
    const refused_op *r = &m->part->refused[i];
    cJSON *pair;

    if (r->counter + ATR_PENDING_MAX <= m->part->last)
      continue;
    pair = cJSON_CreateArray();
    cJSON_AddItemToArray(pair, cJSON_CreateNumber((double)r->counter));
    cJSON_AddItemToArray(pair, cJSON_CreateString(atr_err_name(r->err)));
    cJSON_AddItemToArray(refused, pair);
  }
  return j;
}

static cJSON *members_json(atr_room *room)
{
  cJSON *j = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(j, "members");

  cJSON_AddStringToObject(j, "t", "members");
  cJSON_AddNumberToObject(j, "room", room->config.handle);
  for (const atr_room_member *m = room->members; m; m = m->next) {
    cJSON *o = cJSON_CreateObject(), *color = cJSON_AddArrayToObject(o, "color");
    char key[ATR_HASH_HEX + 1];

    atr_hash_to_hex(&m->key, key);
    cJSON_AddNumberToObject(o, "member", m->part->number);
    add_id(o, "participant", &m->part->id);
    cJSON_AddStringToObject(o, "key", key);
    cJSON_AddStringToObject(o, "name", m->name);
    for (int i = 0; i < 3; i++)
      cJSON_AddItemToArray(color, cJSON_CreateNumber((double)m->color[i]));
    cJSON_AddItemToArray(list, o);
  }
  return j;
}

static int tell(atr_room *room, atr_room_member *m, cJSON *json)
{
  atr_buf text;
  int err = print_and_delete(json, &text);

  if (!err)
    room->cb.on_control(room->ctx, m, atr_buf_span(&text));
  atr_buf_free(&text);
  return err;
}

/* Each is sent the newest when its line has room (serve.c): somebody who comes and goes all the time costs the others one list, and not one for
 * each time. */
static void tell_members(atr_room *room)
{
  atr_buf_clear(&room->members_list);
  for (atr_room_member *m = room->members; m; m = m->next) {
    m->members_due = true;
    room_wake(m, ATR_LANE_CONTROL);
  }
}

static int write_members(atr_room *room)
{
  atr_buf text;
  size_t mark = 0;
  int err = print_and_delete(members_json(room), &text);

  if (!err)
    err = atr_frame_begin(&room->members_list, &mark);
  if (!err)
    err = atr_msg_write_json(&room->members_list, atr_buf_span(&text));
  err = atr_frame_finish(&room->members_list, mark, ATR_LANE_CONTROL, err);
  atr_buf_free(&text);
  return err;
}

int room_append_members(atr_room_member *m, atr_buf *out)
{
  atr_buf *list = &m->room->members_list;
  int err = list->len ? 0 : write_members(m->room);

  m->members_due = false;
  return err ? err : atr_buf_append(out, list->data, list->len);
}

/* --- members ---------------------------------------------------------------------------------------------------- */

static void free_member(atr_room_member *m, bool for_good)
{
  atr_room *room = m->room;

  m->awake = UINT8_MAX; /* whoever is told below of what it leaves behind: its user may be gone already */
  room_end_pass(m);
  room_transfer_leave(m);
  while (m->previews)
    room_preview_orphan(room, m->previews);
  for (atr_room_member *o = room->members; o; o = o->next)
    o->presence_due[m->slot / 64] &= ~(UINT64_C(1) << m->slot % 64);
  room->by_slot[m->slot] = NULL;
  DL_DELETE(room->members, m);
  room->n_members--;
  m->part->member = NULL;
  put_away(room, m->part, for_good);
  atr_buf_free(&m->big);
  atr_buf_free(&m->control);
  atr_buf_free(&m->answers);
  atr_buf_free(&m->presence);
  free(m->heal);
  free(m);
}

void atr_room_leave(atr_room *room, atr_room_member *m, bool for_good)
{
  free_member(m, for_good);
  room_end_orphans(room);
  tell_members(room);
}

void room_cut(atr_room_member *m, int err)
{
  m->cut = err;
  room_wake(m, ATR_LANE_CONTROL); /* which needs no credit */
}

static void evict(atr_room *room, atr_room_member *m)
{
  cJSON *j = cJSON_CreateObject();

  cJSON_AddStringToObject(j, "t", "closed");
  cJSON_AddNumberToObject(j, "room", room->config.handle);
  cJSON_AddStringToObject(j, "code", atr_err_name(ATR_CLOSED));
  cJSON_AddStringToObject(j, "text", "The same participant has come in over another connection.");
  tell(room, m, j);
  room->cb.on_evicted(room->ctx, m);
  free_member(m, false);
  room_end_orphans(room);
}

static void place_cursor(atr_room *room, atr_room_member *m, const atr_room_join *join)
{
  bool same = join->returning && atr_id_equal(&join->epoch, &room->config.epoch) && join->cursor <= room->head;

  m->known_slot = -1;
  if (join->returning && !atr_id_equal(&join->epoch, &room->config.epoch)) {
    m->mode = MODE_COMPARE;
  } else if (same && !join->partial && join->cursor + 1 >= room->ring.first) {
    m->mode = MODE_RING;
    m->at = join->cursor + 1;
  } else {
    m->mode = MODE_RING;
    m->returning = same; /* cut in its first pass it has documents although its cursor is 0 */
    room_begin_pass(m, same ? join->cursor : 0);
  }
}

static int new_member(atr_room *room, const atr_room_join *join, void *user, participant *part, atr_room_member **out)
{
  atr_room_member *m = calloc(1, sizeof *m);
  size_t len = strnlen(join->name, ATR_USER_NAME_BYTES_MAX);

  if (!m)
    return ATR_NOMEM;
  m->room = room;
  m->user = user;
  m->part = part;
  m->key = join->key;
  memcpy(m->name, join->name, len);
  memcpy(m->color, join->color, sizeof m->color);
  if (room_transfer_init(m)) {
    free(m);
    return ATR_NOMEM;
  }
  while (room->by_slot[m->slot])
    m->slot++;
  room->by_slot[m->slot] = m;
  atr_buf_init(&m->big, 4 * (size_t)ATR_MESSAGE_BYTES_MAX);
  atr_buf_init(&m->control, 2 * ATR_CONTROL_BYTES_MAX);
  atr_buf_init(&m->answers, 2 * ATR_CONTROL_BYTES_MAX);
  atr_buf_init(&m->presence, ATR_PRESENCE_BYTES_MAX + ATR_KIB(1));
  take_back(room, part);
  part->member = m;
  DL_APPEND(room->members, m);
  room->n_members++;
  *out = m;
  return 0;
}

int atr_room_join_member(atr_room *room, const atr_room_join *join, void *user, atr_room_member **out)
{
  participant *part = find_participant(room, &join->participant, &join->key);
  bool created = !room->ever_joined;
  atr_room_member *m;
  int err;

  *out = NULL;
  if (!part || room->failed)
    return room->failed ? room->failed : ATR_NOMEM;
  if (!atr_hash_equal(&part->key, &join->key))
    return ATR_DENIED;
  if (part->member)
    evict(room, part->member);
  if (room->n_members >= ATR_MEMBERS_MAX)
    return ATR_ROOM_FULL;
  err = new_member(room, join, user, part, &m);
  if (err)
    return err;
  room->ever_joined = true;
  *out = m;
  err = tell(room, m, joined_json(room, m, created));
  if (err) {
    free_member(m, false);
    *out = NULL;
    return err;
  }
  place_cursor(room, m, join);
  for (uint16_t slot = 0; slot < ATR_MEMBERS_MAX; slot++)
    if (room->by_slot[slot] && slot != m->slot && room->by_slot[slot]->presence.len)
      m->presence_due[slot / 64] |= UINT64_C(1) << slot % 64;
  for (int lane = 0; lane < ATR_LANES; lane++)
    room_wake(m, lane);
  room_hold(room, m);
  tell_members(room);
  return 0;
}

void *atr_room_member_user(const atr_room_member *m)
{
  return m->user;
}

/* --- looking ---------------------------------------------------------------------------------------------------- */

uint64_t atr_room_head(const atr_room *room)
{
  return room->head;
}

int atr_room_failed(const atr_room *room)
{
  return room->failed;
}

size_t atr_room_members(const atr_room *room)
{
  return room->n_members;
}

size_t atr_room_documents(const atr_room *room)
{
  return room->n_alive;
}

size_t atr_room_tombstones(const atr_room *room)
{
  return room->n_tombs;
}

int atr_room_document(atr_room *room, const atr_id *doc, atr_buf *out, uint64_t *seq)
{
  room_doc *d = room_doc_find(room, doc);
  int err;

  if (!d || !doc_number(d))
    return ATR_NOENT;
  *seq = d->seq;
  if (!d->alive)
    return ATR_GONE;
  err = room_doc_merge(room, d);
  return err ? err : atr_buf_append(out, d->json, d->json_len);
}

static size_t held(const atr_buf *buf)
{
  return buf->head + buf->cap;
}

size_t atr_room_size(const atr_room *room)
{
  return room->docs_bytes + atr_blobs_named_bytes(room->config.blobs);
}

size_t atr_room_memory(const atr_room *room)
{
  size_t n = sizeof *room + room->ring.cap + room->ring.index_cap * sizeof *room->ring.index + room->docs_bytes;

  n += held(&room->scratch) + held(&room->members_list) + held(&room->stages[0].bytes) + held(&room->stages[1].bytes);
  n += (room->stages[0].cap + room->stages[1].cap) * sizeof(staged);
  for (const participant *p = room->participants; p; p = p->hh.next)
    n += sizeof *p + p->refused_cap * sizeof *p->refused;
  for (const atr_room_member *m = room->members; m; m = m->next)
    n += sizeof *m + held(&m->big) + held(&m->control) + held(&m->answers) + held(&m->presence);
  return n;
}
