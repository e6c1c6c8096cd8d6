/* SPDX-License-Identifier: MIT
 *
 * A host sets a password, the server's or a room's; whoever has created a room sets that room's.
 *
 * It is derived off the loop, and counts when that has ended, unless its target was set anew meanwhile: threads of the pool end in any
 * order. Deriving takes memory, so few are under way at a time, those included that count no more. */
#include "server/internal.h"

#include "base/hash.h"
#include "base/log.h"
#include "proto/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct setting {
  setting *next;
  uv_work_t work;
  atr_server *server;
  atr_hash by; /* who set it: hosts and this key are told */
  atr_id room; /* zero: the server's */
  bool is_stale;
  atr_password password;
  char name[ATR_ROOM_NAME_BYTES_MAX + 1];
  char text[ATR_PASSWORD_BYTES_MAX + 1];
  int err;
};

/* What `password` is about: what it was called with, and what all are told. */
typedef struct target {
  atr_id room; /* zero: the server */
  const char *name;
} target;

static const char name_is_taken[] =
    "Another room of this name has a password: have that one removed, or create a room with another name.";

/* --- the answer ------------------------------------------------------------------------------------------------ */

/* All hosts, and who has set it. */
static bool is_told(const conn *c, const atr_hash *by)
{
  return c->state == CONN_IN && (c->who.is_host || atr_hash_equal(&c->who.key, by));
}

static const atr_id *named(const atr_id *room)
{
  return atr_id_is_zero(room) ? NULL : room;
}

static void tell_error(const atr_server *server, const atr_id *room, const atr_hash *by, int err, const char *text)
{
  for (conn *c = server->conns; c; c = c->next)
    if (is_told(c, by))
      conn_send_error(c, err, text, "password", named(room));
}

static void tell(conn *c, const atr_id *room, bool set)
{
  atr_buf buf;
  atr_jw w;

  atr_buf_init(&buf, ATR_CONTROL_BYTES_MAX);
  w = atr_jw_begin(&buf);
  atr_jw_str(&w, "t", "password");
  atr_jw_bool(&w, "set", set);
  if (named(room))
    atr_jw_id(&w, "room", room);
  conn_send_json(c, &w);
  atr_buf_free(&buf);
}

static void failed(const atr_server *server, const atr_id *room, const atr_hash *by, int err)
{
  tell_error(server, room, by, err,
             err == ATR_LIMIT   ? "As many rooms have a password as can have one: remove another first."
             : err == ATR_STATE ? name_is_taken
                                : "The password could not be set: it is as it was before.");
}

/* It counts either way. */
static void kept(reply *a, int err)
{
  if (err)
    tell_error(a->server, &a->room, &a->by, err,
               "The password is changed until this server ends: its file cannot be written.");
  for (conn *c = a->server->conns; c; c = c->next)
    if (is_told(c, &a->by))
      tell(c, &a->room, a->is_set);
}

/* A room's password is found by the room's name, so of rooms with one name that are there one gets it. */
static bool is_taken(const atr_server *server, const target *of)
{
  atr_id other;

  return !atr_id_is_zero(&of->room) && atr_passwords_holder(server->passwords, of->name, &other) &&
         !atr_id_equal(&other, &of->room);
}

/* Rooms that are gone leave theirs behind. */
static int set(atr_server *server, const target *of, const atr_password *password)
{
  const atr_id *room = named(&of->room);
  int err =
      password && is_taken(server, of) ? ATR_STATE : atr_passwords_set(server->passwords, room, of->name, password);

  if (err == ATR_LIMIT && atr_passwords_drop_lost(server->passwords))
    err = atr_passwords_set(server->passwords, room, of->name, password);
  return err;
}

/* `password` NULL: removed. */
static void keep(atr_server *server, const target *of, const atr_hash *by, const atr_password *password)
{
  bool is_room = !atr_id_is_zero(&of->room);
  reply *a = keeping_reply(server, NULL, kept);
  int err = a ? set(server, of, password) : ATR_NOMEM;

  if (err) {
    if (a)
      keeping_drop(a);
    failed(server, &of->room, by, err);
    return;
  }
  atr_log(ATR_LOG_INFO, "the password of %s%s was %s", is_room ? "room " : "the server", is_room ? of->name : "",
          password ? "set" : "removed");
  lobby_changed(server);
  a->room = of->room;
  a->by = *by;
  a->is_set = password != NULL;
  keeping_then(a, KEPT_PASSWORDS);
}

/* --- deriving -------------------------------------------------------------------------------------------------- */

static void derive(uv_work_t *work)
{
  setting *s = work->data;

  s->err = atr_password_derive(&s->password, atr_span_of(s->text, strlen(s->text)));
}

static void free_setting(setting *s)
{
  setting **at = &s->server->settings;

  while (*at != s)
    at = &(*at)->next;
  *at = s->next;
  s->server->n_settings--;
  atr_wipe(s, sizeof *s);
  free(s);
}

static void derived(uv_work_t *work, int status)
{
  setting *s = work->data;
  target of = {.room = s->room, .name = s->name};
  int err = status < 0 ? ATR_CANCELED : s->err;

  if (!s->is_stale && !s->server->is_stopping) {
    if (err == ATR_OK)
      keep(s->server, &of, &s->by, &s->password);
    else
      failed(s->server, &s->room, &s->by, err);
  }
  free_setting(s);
}

/* What was set before is not to come after what is set now. */
static void overtake(atr_server *server, const atr_id *room)
{
  for (setting *s = server->settings; s; s = s->next)
    if (!s->is_stale && atr_id_equal(&s->room, room)) {
      s->is_stale = true;
      uv_cancel((uv_req_t *)&s->work); /* where it runs already, it is only not counted */
    }
}

static int begin(conn *c, const target *of, const char *text)
{
  atr_server *server = c->server;
  setting *s = calloc(1, sizeof *s);
  int err = s ? atr_passwords_begin(server->passwords, of->name, &s->password) : ATR_NOMEM;

  if (err) {
    free(s);
    return err;
  }
  s->server = server;
  s->by = c->who.key;
  s->room = of->room;
  snprintf(s->name, sizeof s->name, "%s", of->name ? of->name : "");
  snprintf(s->text, sizeof s->text, "%s", text);
  s->work.data = s;
  s->next = server->settings;
  server->settings = s;
  server->n_settings++;
  (void)uv_queue_work(&server->loop, &s->work, derive, derived); /* fails only without a function */
  return ATR_OK;
}

/* --- the message ----------------------------------------------------------------------------------------------- */

/* What the message is about, if this user may set it; else it is told. */
static bool read_target(conn *c, const cJSON *message, target *of)
{
  const hall *h;

  *of = (target){.name = NULL};
  if (!atr_json_get(message, "room")) {
    if (atr_rights_may(c->server->rights, &c->who, ATR_MAY_SET_PASSWORD, NULL, NULL))
      return true;
    conn_send_error(c, ATR_DENIED, "Only the host can set the password.", "password", NULL);
    return false;
  }
  h = atr_json_get_id(message, "room", &of->room) == ATR_OK ? lobby_visible(c, &of->room) : NULL;
  if (!h) {
    conn_send_error(c, ATR_NOROOM, NULL, "password", NULL);
    return false;
  }
  of->name = h->name;
  if (atr_rights_may(c->server->rights, &c->who, ATR_MAY_SET_ROOM_PASSWORD, &h->id, &h->creator_key))
    return true;
  conn_send_error(c, ATR_DENIED, "Only the host, and who has created the room, can set its password.", "password",
                  &h->id);
  return false;
}

void setting_password(conn *c, const cJSON *message)
{
  const char *text;
  target of;
  int err = ATR_OK;

  if (!read_target(c, message, &of))
    return;
  if (atr_json_get_str(message, "text", &text) < 0 || strlen(text) > ATR_PASSWORD_BYTES_MAX) {
    conn_send_error(c, ATR_INVAL, "A password has at most 1,024 bytes.", "password", NULL);
    return;
  }
  if (text[0] && is_taken(c->server, &of)) {
    conn_send_error(c, ATR_STATE, name_is_taken, "password", &of.room);
    return;
  }
  if (text[0] && c->server->n_settings >= ATR_PASSWORDS_AT_ONCE) {
    conn_send_error(c, ATR_LATER, "Other passwords are being set: try again in a moment.", "password", NULL);
    return;
  }
  overtake(c->server, &of.room);
  if (!text[0])
    keep(c->server, &of, &c->who.key, NULL);
  else
    err = begin(c, &of, text);
  if (err)
    conn_send_error(c, err, NULL, "password", NULL);
}
