/* SPDX-License-Identifier: MIT
 *
 * Into a room: `create` and `join`, what the server answers, and the same again for every new connection.
 *
 * Each connection asks to join with the replica's cursor; where the server has lost the room, the seat creates it again under its id. */
#include "client/internal.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>

static bool read_blender(const cJSON *message, int out[3])
{
  const cJSON *blender = atr_json_get(message, "blender");

  for (int i = 0; i < 3; i++) {
    const cJSON *part = cJSON_IsArray(blender) ? cJSON_GetArrayItem(blender, i) : NULL;

    if (!cJSON_IsNumber(part) || !(part->valuedouble >= 0 && part->valuedouble < 10000))
      return false;
    out[i] = (int)part->valuedouble;
  }
  return true;
}

static void write_blender(atr_jw *w, const int blender[3])
{
  atr_jw_array(w, "blender");
  for (int i = 0; i < 3; i++)
    atr_jw_int(w, NULL, blender[i]);
  atr_jw_end(w);
  atr_jw_int(w, "schema", ATR_SCHEMA);
}

void seat_create(atr_client *c, const cJSON *message)
{
  const char *name;
  atr_buf buf;
  atr_jw w;

  if (c->creating) {
    event_error(c, ATR_STATE, "A room is being created already.", "create", NULL);
    return;
  }
  if (atr_json_get_str(message, "name", &name) < 0 || !read_blender(message, c->creating_blender)) {
    event_error(c, ATR_INVAL, NULL, "create", NULL);
    return;
  }
  c->creating = true;
  w = link_begin_json(c, &buf, "create");
  atr_jw_str(&w, "name", name);
  write_blender(&w, c->creating_blender);
  link_send_json(c, &w);
  link_tell_state(c, ATR_OK, NULL, NULL);
}

void seat_send_join(seat *s)
{
  uint64_t cursor = 0;
  bool partial = false;
  atr_id epoch;
  atr_buf buf;
  atr_jw w = link_begin_json(s->client, &buf, "join");

  atr_jw_id(&w, "room", &s->room);
  write_blender(&w, s->blender);
  if (atr_replica_returning(s->replica, &cursor, &partial, &epoch)) {
    atr_jw_int(&w, "cursor", (int64_t)cursor);
    atr_jw_bool(&w, "partial", partial);
    atr_jw_id(&w, "epoch", &epoch);
  }
  link_send_json(s->client, &w);
}

/* The server has lost the room: this member brings it back. */
static void send_create_again(seat *s)
{
  uint64_t cursor;
  bool partial;
  atr_id epoch;
  atr_buf buf;
  atr_jw w = link_begin_json(s->client, &buf, "create");

  atr_jw_str(&w, "name", s->name);
  write_blender(&w, s->blender);
  atr_jw_id(&w, "room", &s->room);
  atr_jw_int(&w, "base", (int64_t)atr_replica_highest(s->replica));
  if (atr_replica_returning(s->replica, &cursor, &partial, &epoch)) /* else it has nothing to compare */
    atr_jw_id(&w, "epoch", &epoch);
  link_send_json(s->client, &w);
}

void seat_join(atr_client *c, const cJSON *message)
{
  int blender[3];
  bool taps = false;
  atr_id room;
  seat *s;

  if (atr_json_get_id(message, "room", &room) < 0 || !read_blender(message, blender)) {
    event_error(c, ATR_INVAL, NULL, "join", NULL);
    return;
  }
  s = seat_of_room(c, &room);
  if (s) {
    event_error(c, ATR_STATE,
                s->leaving ? "This room is still being left: try again in a moment." : "This room is joined already.",
                "join", &room);
    return;
  }
  (void)atr_json_get_bool(message, "tap", &taps);
  s = seat_new(c, &room, blender);
  if (s && taps && !(s->tap = tap_new())) {
    seat_free(s);
    s = NULL;
  }
  if (!s) {
    event_error(c, ATR_NOMEM, NULL, "join", &room);
    return;
  }
  seat_send_join(s);
  link_tell_state(c, ATR_OK, NULL, NULL);
}

static void tell_joined(seat *s, bool created)
{
  atr_jw w = event_begin(s->client, "joined");

  atr_jw_id(&w, "room", &s->room);
  atr_jw_bool(&w, "created", created);
  atr_jw_str(&w, "name", s->name);
  atr_jw_id(&w, "participant", &s->client->participant);
  event_end(s->client, &w, NULL);
}

static void send_ready(seat *s)
{
  atr_buf buf;
  atr_jw w = link_begin_json(s->client, &buf, "ready");

  atr_jw_int(&w, "room", s->handle);
  link_send_json(s->client, &w);
}

void seat_ready(seat *s)
{
  s->is_filled = true;
  if (s->joined)
    send_ready(s);
}

void seat_joined(atr_client *c, const cJSON *message)
{
  const char *name = "";
  bool created = false;
  uint64_t handle;
  atr_id room;
  seat *s;
  int err;

  if (atr_json_get_id(message, "room", &room) < 0 || atr_json_get_u64(message, "handle", UINT32_MAX, &handle) < 0)
    return;
  (void)atr_json_get_bool(message, "created", &created);
  (void)atr_json_get_str(message, "name", &name);
  s = seat_of_room(c, &room);
  if (!s && c->creating && created) {
    c->creating = false;
    s = seat_new(c, &room, c->creating_blender);
  }
  if (!s) {
    seat_send_leave(c, (uint32_t)handle); /* cancelled while the server was answering */
    return;
  }
  s->handle = (uint32_t)handle;
  s->joined = s->ever_joined = true;
  snprintf(s->name, sizeof s->name, "%s", name);
  atr_log(ATR_LOG_INFO, "room \"%s\" is %s", s->name, created ? "created" : "joined");
  tell_joined(s, created);
  err = s->tap ? ATR_OK : atr_replica_joined(s->replica, message);
  if (err < 0) {
    atr_session_close(c->session, err, "the server's answer to join was not understood");
    return;
  }
  if (s->is_filled)
    send_ready(s);
  for (int lane = 0; lane < ATR_LANES; lane++)
    atr_session_wake(c->session, lane);
  link_tell_state(c, ATR_OK, NULL, NULL);
}

bool seat_failed(atr_client *c, int err, const char *re, const atr_id *room)
{
  seat *s = room ? seat_of_room(c, room) : NULL;

  if (strcmp(re, "create") == 0 && !s)
    c->creating = false;
  if (s && !s->joined && s->ever_joined && err == ATR_NOROOM && strcmp(re, "join") == 0) {
    send_create_again(s);
    return true;
  }
  if (s && !s->joined) {
    if (s->ever_joined)
      seat_tell_closed(s, atr_err_name(err), atr_err_text(err));
    seat_free(s);
  }
  link_tell_state(c, ATR_OK, NULL, NULL);
  return false;
}
