/* SPDX-License-Identifier: MIT
 *
 * The rooms of a server: list, create, join, leave.
 *
 * A room is made by `create`, filled by its creator, and open to others from `ready` on. It stays as long as the server runs, also when
 * nobody is in it; except one that never became ready, which goes ATR_ROOM_UNREADY_MS after its creator has left without coming back.
 *
 * A room that a server does not have any more is created under its old id by the first member that returns: `create` with `room`. Its
 * numbers begin above all of the older epochs (atr_room_seq_base), so that nothing of the new epoch can be taken for older than
 * something of the last one (docs/protocol.md, 3.3). Whoever comes second with the same `create` just joins.
 *
 * The list is sent to those who have asked for it, at most once per turn of the loop and only when their line has room. */
#include "server/internal.h"

#include "base/log.h"
#include "proto/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- list ---------------------------------------------------------------------------------------------------- */

static bool may_enter(const conn *c, const atr_id *room)
{
  return atr_rights_may(c->server->rights, &c->who, ATR_MAY_ENTER, room, NULL);
}

static void write_hall(atr_jw *w, hall *h, const conn *c)
{
  h->bytes_told = atr_room_size(h->room);
  atr_jw_object(w, NULL);
  atr_jw_id(w, "id", &h->id);
  atr_jw_str(w, "name", h->name);
  atr_jw_int(w, "users", h->users);
  atr_jw_int(w, "bytes", (int64_t)h->bytes_told);
  atr_jw_array(w, "blender");
  for (int i = 0; i < 3; i++)
    atr_jw_int(w, NULL, h->blender[i]);
  atr_jw_end(w);
  atr_jw_int(w, "schema", (int64_t)h->schema);
  atr_jw_bool(w, "ready", h->ready);
  atr_jw_bool(w, "password", atr_passwords_has(h->server->passwords, &h->id));
  atr_jw_bool(w, "mine", atr_hash_equal(&h->creator_key, &c->who.key));
  atr_jw_end(w);
}

static int write_list(const conn *c, atr_buf *buf)
{
  atr_jw w = atr_jw_begin(buf);

  atr_jw_str(&w, "t", "rooms");
  atr_jw_array(&w, "rooms");
  for (hall *h = c->server->halls; h; h = h->next)
    if (may_enter(c, &h->id) && !atr_room_failed(h->room))
      write_hall(&w, h, c);
  return atr_jw_finish(&w);
}

/* Asked for when all that was queued is out: who reads slowly gets the newest list, once. */
int64_t lobby_pull_list(void *ctx, int lane, atr_buf *out, size_t budget)
{
  conn *c = ctx;
  size_t before = out->len, mark;
  atr_buf text;
  int err;

  (void)budget;
  if (lane != ATR_LANE_CONTROL || !c->rooms_due || c->state != CONN_IN)
    return 0;
  c->rooms_due = false;
  atr_buf_init(&text, ATR_CONTROL_BYTES_MAX);
  err = write_list(c, &text);
  if (err == ATR_OK)
    err = atr_frame_begin(out, &mark);
  if (err == ATR_OK)
    err = atr_frame_finish(out, mark, ATR_LANE_CONTROL, atr_msg_write_json(out, atr_buf_span(&text)));
  atr_buf_free(&text);
  return err < 0 ? err : (int64_t)(out->len - before);
}

void lobby_list(conn *c)
{
  c->rooms_due = true;
  atr_session_wake(c->session, ATR_LANE_CONTROL);
}

void lobby_show(conn *c)
{
  atr_buf text;

  atr_buf_init(&text, ATR_CONTROL_BYTES_MAX);
  if (write_list(c, &text) == ATR_OK)
    conn_send_text(c, atr_buf_span(&text));
  atr_buf_free(&text);
}

void lobby_list_task(atr_net_task *task)
{
  atr_server *server = (atr_server *)((char *)task - offsetof(atr_server, list_task));

  for (conn *c = server->conns; c; c = c->next)
    if (c->state == CONN_IN && c->wants_rooms)
      lobby_list(c);
}

void lobby_changed(atr_server *server)
{
  if (!server->is_stopping)
    atr_net_later(server->net, &server->list_task);
}

/* --- members ------------------------------------------------------------------------------------------------- */

static void on_wake(void *ctx, atr_room_member *m, int lane)
{
  membership *ms = atr_room_member_user(m);

  (void)ctx;
  atr_session_wake(ms->conn->session, lane);
}

static void on_control(void *ctx, atr_room_member *m, atr_span json)
{
  membership *ms = atr_room_member_user(m);
  atr_buf message;

  (void)ctx;
  atr_buf_init(&message, ATR_CONTROL_BYTES_MAX);
  if (atr_msg_write_json(&message, json) < 0 ||
      atr_session_send(ms->conn->session, ATR_LANE_CONTROL, atr_buf_span(&message)) < 0)
    conn_close(ms->conn, ATR_LIMIT, "its control messages pile up");
  atr_buf_free(&message);
}

static hall *hall_of_id(const atr_server *server, const atr_id *id)
{
  hall *h = server->halls;

  while (h && (!atr_id_equal(&h->id, id) || atr_room_failed(h->room)))
    h = h->next;
  return h;
}

bool lobby_has(const atr_server *server, const atr_id *room)
{
  return hall_of_id(server, room) != NULL;
}

static bool has(const void *ctx, const atr_id *room)
{
  return lobby_has(ctx, room);
}

static bool has_named(const void *ctx, const char *name)
{
  const atr_server *server = ctx;
  bool found = false;

  for (const hall *h = server->halls; h; h = h->next)
    found = (strcmp(h->name, name) == 0 && !atr_room_failed(h->room)) || found;
  return found;
}

atr_rooms_there lobby_rooms_there(const atr_server *server)
{
  return (atr_rooms_there){.ctx = server, .has = has, .has_named = has_named};
}

bool lobby_has_one_for(const conn *c)
{
  for (const hall *h = c->server->halls; h; h = h->next)
    if (may_enter(c, &h->id) && !atr_room_failed(h->room))
      return true;
  return false;
}

/* One that it may not enter is not there. */
static hall *visible(const conn *c, const atr_id *id)
{
  return may_enter(c, id) ? hall_of_id(c->server, id) : NULL;
}

const hall *lobby_visible(const conn *c, const atr_id *room)
{
  return visible(c, room);
}

/* The membership of a handle that a message names, or NULL. */
static membership *membership_of(conn *c, const cJSON *message)
{
  uint64_t handle;
  membership *m = c->memberships;

  if (atr_json_get_u64(message, "room", UINT32_MAX, &handle) < 0)
    return NULL;
  while (m && m->hall->handle != handle)
    m = m->next;
  return m;
}

/* One lane carries the operations for all rooms of a connection, so one store that does not keep up holds it. */
static void hold_session(const conn *c)
{
  bool hold = false;

  for (const membership *m = c->memberships; m; m = m->next)
    hold = hold || m->held;
  atr_session_hold(c->session, ATR_LANE_STATE, hold);
}

static void on_hold(void *ctx, atr_room_member *m, bool hold)
{
  membership *ms = atr_room_member_user(m);

  (void)ctx;
  ms->held = hold;
  hold_session(ms->conn);
}

static void wake_lanes(const conn *c)
{
  for (int lane = 0; lane < ATR_LANES; lane++)
    atr_session_wake(c->session, lane);
}

static int64_t pull(void *ctx, int lane, atr_buf *out, size_t budget)
{
  membership *m = ctx;

  return atr_room_pull(m->member, lane, out, budget);
}

/* The room's member is gone, or is about to go. */
static void drop_membership(membership *m)
{
  membership **at = &m->conn->memberships;
  hall *h = m->hall;

  while (*at != m)
    at = &(*at)->next;
  *at = m->next;
  atr_turns_remove(&m->conn->turns, &m->turn);
  wake_lanes(m->conn);
  if (m->held)
    hold_session(m->conn);
  h->users--;
  if (h->users == 0)
    h->empty_since_ms = server_now_ms(h->server);
  lobby_changed(h->server);
  free(m);
}

static void end_membership(membership *m, bool for_good)
{
  atr_room_leave(m->hall->room, m->member, for_good);
  drop_membership(m);
}

static void on_evicted(void *ctx, atr_room_member *m)
{
  (void)ctx;
  drop_membership(atr_room_member_user(m));
}

static void enter(conn *c, hall *h, const atr_room_join *join, const char *re)
{
  membership *m = calloc(1, sizeof *m);
  int err;

  if (!m) {
    conn_send_error(c, ATR_NOMEM, NULL, re, &h->id);
    return;
  }
  m->conn = c;
  m->hall = h;
  m->next = c->memberships; /* before the call: from inside of it the room already wakes and writes */
  c->memberships = m;
  atr_turns_add(&c->turns, &m->turn, pull, m);
  h->users++;
  err = atr_room_join_member(h->room, join, m, &m->member);
  if (err < 0) {
    drop_membership(m);
    conn_send_error(c, err, NULL, re, &h->id);
    return;
  }
  atr_log_stranger(conn_quota(c), server_now_ms(c->server), ATR_LOG_INFO, "%s: \"%s\" joins \"%s\"",
                   atr_session_peer_address(c->session), c->name, h->name);
  lobby_changed(h->server);
  wake_lanes(c);
}

static atr_room_join join_of(const conn *c)
{
  atr_room_join join = {.participant = c->participant, .key = c->who.key, .name = c->name};

  memcpy(join.color, c->color, sizeof join.color);
  return join;
}

/* --- create -------------------------------------------------------------------------------------------------- */

/* What a member's documents are written for: its Blender, and its schema (docs/schema.md). */
static int read_blender(const cJSON *message, int out[3], uint64_t *schema)
{
  const cJSON *blender = atr_json_get(message, "blender");

  if (!cJSON_IsArray(blender) || cJSON_GetArraySize(blender) != 3)
    return ATR_PROTO;
  for (int i = 0; i < 3; i++) {
    const cJSON *part = cJSON_GetArrayItem(blender, i);

    if (!cJSON_IsNumber(part) || !(part->valuedouble >= 0 && part->valuedouble < 10000))
      return ATR_PROTO;
    out[i] = (int)part->valuedouble;
  }
  return atr_json_get_u64(message, "schema", UINT32_MAX, schema);
}

/* A name that a list can show: not empty, no control characters. */
static bool is_room_name(const char *name)
{
  size_t n = strlen(name);

  if (n == 0 || n > ATR_ROOM_NAME_BYTES_MAX)
    return false;
  for (; *name; name++)
    if ((unsigned char)*name < ' ' || *name == 0x7f)
      return false;
  return true;
}

/* Blobs of its own: a blob is asked for by its hash, and who may enter one room must not get at another's by that. */
static int new_hall(atr_server *server, const atr_id *id, uint64_t seq_base, const char *name, hall **out)
{
  static const atr_room_callbacks callbacks = {
      .on_wake = on_wake, .on_control = on_control, .on_evicted = on_evicted, .on_hold = on_hold};
  atr_room_config config = {.id = *id,
                            .seq_base = seq_base,
                            .ring_bytes_max = server->ring_bytes_max,
                            .store = server->store,
                            .owns_blobs = true};
  hall *h = calloc(1, sizeof *h);
  int err;

  if (!h)
    return ATR_NOMEM;
  h->server = server;
  h->id = *id;
  h->handle = config.handle = ++server->last_handle;
  snprintf(h->name, sizeof h->name, "%s", name);
  config.name = h->name;
  err = atr_id_random(&config.epoch);
  if (err == ATR_OK)
    err = atr_blobs_new(&config.blobs, ATR_BLOBS_BYTES);
  if (err == ATR_OK)
    err = atr_room_new(&h->room, &config, &callbacks, h);
  if (err < 0) {
    atr_blobs_free(config.blobs);
    free(h);
    return err;
  }
  h->next = server->halls;
  server->halls = h;
  server->n_halls++;
  *out = h;
  return ATR_OK;
}

/* Where `create` brings a lost room back: its id, the highest sequence that the member saw, and, if it holds anything, its epoch. */
static int read_return(const cJSON *message, atr_id *id, atr_room_join *join)
{
  join->returning = atr_json_get(message, "epoch") != NULL;
  if (atr_json_get_id(message, "room", id) < 0 ||
      (join->returning && atr_json_get_id(message, "epoch", &join->epoch) < 0) ||
      atr_json_get_u64(message, "base", UINT64_C(1) << 52, &join->cursor) < 0)
    return ATR_PROTO;
  return ATR_OK;
}

static uint64_t unix_ms(void)
{
  uv_timeval64_t now;

  if (uv_gettimeofday(&now) != 0 || now.tv_sec < 0)
    return 0;
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_usec / 1000;
}

static int check_blender(const hall *h, const int blender[3], uint64_t schema, char *text, size_t text_bytes)
{
  if (h->schema != schema) {
    snprintf(
        text, text_bytes,
        "The room \"%s\" was made by an Atrium that writes documents of schema %llu, and this one writes %llu: install "
        "the same version.",
        h->name, (unsigned long long)h->schema, (unsigned long long)schema);
    return ATR_VERSION;
  }
  if (h->blender[0] == blender[0] && h->blender[1] == blender[1])
    return ATR_OK;
  snprintf(text, text_bytes,
           "The room \"%s\" was made with Blender %d.%d, and this is Blender %d.%d: both must be equal.", h->name,
           h->blender[0], h->blender[1], blender[0], blender[1]);
  return ATR_BLENDER_VERSION;
}

static int check_join(const conn *c, const hall *h, const cJSON *message, char *text, size_t text_bytes)
{
  int blender[3];
  uint64_t schema;

  if (!h) {
    snprintf(text, text_bytes, "This server has no such room any more.");
    return ATR_NOROOM;
  }
  if (read_blender(message, blender, &schema) < 0)
    return ATR_PROTO;
  if (!h->ready && !atr_id_equal(&h->creator, &c->participant)) {
    snprintf(text, text_bytes, "The room \"%s\" is still being filled by who created it: try again in a moment.",
             h->name);
    return ATR_STATE;
  }
  if (h->users >= ATR_MEMBERS_MAX) {
    snprintf(text, text_bytes, "The room \"%s\" is full.", h->name);
    return ATR_ROOM_FULL;
  }
  return check_blender(h, blender, schema, text, text_bytes);
}

/* One that was lost is brought back by whoever may enter it. */
static bool may_create(const conn *c, const atr_id *lost)
{
  return lost ? may_enter(c, lost) : atr_rights_may(c->server->rights, &c->who, ATR_MAY_CREATE, NULL, NULL);
}

void lobby_create(conn *c, const cJSON *message)
{
  atr_room_join join = join_of(c);
  bool returns = atr_json_get(message, "room") != NULL, is_back = false;
  char text[512] = "";
  const char *name;
  uint64_t schema;
  int blender[3], err;
  atr_id id;
  hall *h;

  err = returns ? read_return(message, &id, &join) : atr_id_random(&id);
  if (err == ATR_OK && (atr_json_get_str(message, "name", &name) < 0 || read_blender(message, blender, &schema) < 0))
    err = ATR_PROTO;
  if (err == ATR_OK && !is_room_name(name))
    err = ATR_ROOM_NAME;
  if (err < 0) {
    conn_send_error(c, err, err == ATR_ROOM_NAME ? "A room's name has 1 to 255 bytes." : NULL, "create", NULL);
    return;
  }
  if (!may_create(c, returns ? &id : NULL)) {
    conn_send_error(c, ATR_DENIED, "You were let into single rooms: only these can be joined.", "create",
                    returns ? &id : NULL);
    return;
  }
  h = hall_of_id(c->server, &id);
  err = h ? check_join(c, h, message, text, sizeof text) : ATR_OK; /* somebody else was first */
  if (err < 0) {
    conn_send_error(c, err, text[0] ? text : NULL, "create", &id);
    return;
  }
  if (!h && c->server->n_halls >= c->server->rooms_max) {
    conn_send_error(c, ATR_SERVER_FULL, "This server has as many rooms as it can hold.", "create", NULL);
    return;
  }
  if (!h) {
    err = new_hall(c->server, &id, returns ? atr_room_seq_base(unix_ms(), join.cursor) : 0, name, &h);
    if (err < 0) {
      conn_send_error(c, err, NULL, "create", NULL);
      return;
    }
    h->creator = c->participant;
    h->ready = returns;
    if (!returns)
      h->creator_key = c->who.key;
    memcpy(h->blender, blender, sizeof blender);
    h->schema = schema;
    is_back = returns;
  }
  enter(c, h, &join, "create");
  if (is_back)
    admission_room_is_back(c->server);
}

/* --- join, ready, leave, head -------------------------------------------------------------------------------- */

void lobby_join(conn *c, const cJSON *message)
{
  atr_room_join join = join_of(c);
  char text[512] = "";
  atr_id id;
  hall *h;
  int err;

  if (atr_json_get_id(message, "room", &id) < 0) {
    conn_send_error(c, ATR_PROTO, NULL, "join", NULL);
    return;
  }
  h = visible(c, &id);
  err = check_join(c, h, message, text, sizeof text);
  if (err == ATR_OK && atr_json_get(message, "epoch")) {
    join.returning = true;
    if (atr_json_get_id(message, "epoch", &join.epoch) < 0 ||
        atr_json_get_u64(message, "cursor", UINT64_C(1) << 53, &join.cursor) < 0)
      err = ATR_PROTO;
    (void)atr_json_get_bool(message, "partial", &join.partial);
  }
  if (err < 0)
    conn_send_error(c, err, text[0] ? text : NULL, "join", &id);
  else
    enter(c, h, &join, "join");
}

void lobby_ready(conn *c, const cJSON *message)
{
  membership *m = membership_of(c, message);

  if (m && !m->hall->ready && atr_id_equal(&m->hall->creator, &c->participant)) {
    m->hall->ready = true;
    lobby_changed(c->server);
  }
}

void lobby_leave(conn *c, const cJSON *message)
{
  membership *m = membership_of(c, message);

  if (!m)
    return;
  m->hall->given_up = !m->hall->ready && atr_id_equal(&m->hall->creator, &c->participant);
  end_membership(m, true);
}

void lobby_head(conn *c, const cJSON *message)
{
  membership *m = membership_of(c, message);
  uint64_t n = 0;
  atr_buf buf;
  atr_jw w;

  if (!m || atr_json_get_u64(message, "n", UINT64_C(1) << 53, &n) < 0)
    return;
  atr_buf_init(&buf, ATR_CONTROL_BYTES_MAX);
  w = atr_jw_begin(&buf);
  atr_jw_str(&w, "t", "head");
  atr_jw_int(&w, "room", m->hall->handle);
  atr_jw_int(&w, "n", (int64_t)n);
  atr_jw_int(&w, "seq", (int64_t)atr_room_head(m->hall->room));
  conn_send_json(c, &w);
  atr_buf_free(&buf);
}

void lobby_leave_all(conn *c, bool for_good)
{
  while (c->memberships)
    end_membership(c->memberships, for_good);
}

/* --- time ---------------------------------------------------------------------------------------------------- */

static void free_hall(hall *h)
{
  atr_room_free(h->room);
  h->server->n_halls--;
  free(h);
}

/* Nobody has filled it, and nobody will; or it has lost something, and those who were in it bring it back. */
static bool is_abandoned(const hall *h, uint64_t now_ms)
{
  bool late = now_ms - h->empty_since_ms >= h->server->room_unready_ms;

  return h->users == 0 && (atr_room_failed(h->room) || (!h->ready && (h->given_up || late)));
}

/* Sizes drift with every operation; a list goes out when one is off by an eighth. */
static bool size_changed(const hall *h)
{
  size_t now = atr_room_size(h->room), told = h->bytes_told;

  return (now > told ? now - told : told - now) > told / 8 + 4096;
}

void lobby_tick(atr_server *server, uint64_t now_ms)
{
  bool changed = false;

  for (hall **at = &server->halls; *at;) {
    hall *h = *at;

    if (is_abandoned(h, now_ms)) {
      atr_log_stranger(&server->logged, now_ms, ATR_LOG_INFO,
                       "room \"%s\" was never filled or has ended, and is removed", h->name);
      *at = h->next;
      if (!atr_room_failed(h->room)) /* it comes back, with the password that it had */
        (void)atr_passwords_set(server->passwords, &h->id, NULL, NULL);
      free_hall(h);
      changed = true;
      continue;
    }
    changed = changed || size_changed(h);
    at = &h->next;
  }
  if (changed)
    lobby_changed(server);
}

void lobby_free(atr_server *server)
{
  while (server->halls) {
    hall *h = server->halls;

    server->halls = h->next;
    free_hall(h);
  }
}
