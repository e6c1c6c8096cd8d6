/* SPDX-License-Identifier: MIT
 *
 * Commands from the application: one table, one small function each.
 *
 * A command that is not understood or that cannot be done now is answered by an `error` event that names it; it never ends anything. */
#include "client/internal.h"

#include <stdlib.h>
#include <string.h>

static const char offline_text[] = "There is no connection: connect first.";

/* The seat that a command names; otherwise NULL, and the application has been told. */
static seat *seat_named(atr_client *c, const cJSON *message, const char *t)
{
  atr_id room;
  seat *s;

  if (atr_json_get_id(message, "room", &room) < 0) {
    event_error(c, ATR_INVAL, "The command names no room.", t, NULL);
    return NULL;
  }
  s = seat_of_room(c, &room);
  if (!s)
    event_error(c, ATR_NOROOM, "This room is not joined.", t, &room);
  return s;
}

static bool is_up(atr_client *c, const char *t)
{
  if (c->link == LINK_UP)
    return true;
  event_error(c, ATR_STATE, offline_text, t, NULL);
  return false;
}

static int on_connect(atr_client *c, cJSON *message, uint64_t seen)
{
  (void)seen;
  link_connect(c, message);
  return ATR_OK;
}

static int on_trust(atr_client *c, cJSON *message, uint64_t seen)
{
  (void)seen;
  link_trust(c, message);
  return ATR_OK;
}

static int on_cancel(atr_client *c, cJSON *message, uint64_t seen)
{
  (void)message;
  (void)seen;
  (void)atomic_fetch_and(&c->urgent, ~URGENT_CANCEL);
  link_cancel(c);
  return ATR_OK;
}

static int on_disconnect(atr_client *c, cJSON *message, uint64_t seen)
{
  (void)message;
  (void)seen;
  link_disconnect(c);
  return ATR_OK;
}

static int on_forget(atr_client *c, cJSON *message, uint64_t seen)
{
  (void)seen;
  link_forget(c, message);
  return ATR_OK;
}

static int on_discover(atr_client *c, cJSON *message, uint64_t seen)
{
  (void)seen;
  discover_set(c, message);
  return ATR_OK;
}

static int on_rooms(atr_client *c, cJSON *message, uint64_t seen)
{
  (void)message;
  (void)seen;
  if (is_up(c, "rooms"))
    link_ask_rooms(c);
  return ATR_OK;
}

static int on_create(atr_client *c, cJSON *message, uint64_t seen)
{
  (void)seen;
  if (is_up(c, "create"))
    seat_create(c, message);
  return ATR_OK;
}

static int on_join(atr_client *c, cJSON *message, uint64_t seen)
{
  (void)seen;
  if (is_up(c, "join"))
    seat_join(c, message);
  return ATR_OK;
}

static int on_ready(atr_client *c, cJSON *message, uint64_t seen)
{
  seat *s = seat_named(c, message, "ready");

  (void)seen;
  if (s)
    seat_ready(s);
  return ATR_OK;
}

static int on_leave(atr_client *c, cJSON *message, uint64_t seen)
{
  seat *s = seat_named(c, message, "leave");

  (void)seen;
  if (s)
    seat_leave(c, s);
  return ATR_OK;
}

static int on_submit(atr_client *c, cJSON *message, uint64_t seen)
{
  seat *s = seat_named(c, message, "submit");

  return s ? seat_submit(c, s, message, seen) : ATR_OK;
}

static int on_flush(atr_client *c, cJSON *message, uint64_t seen)
{
  seat *s = seat_named(c, message, "flush");
  uint64_t n = 0;

  (void)seen;
  (void)atr_json_get_u64(message, "n", UINT64_C(1) << 53, &n);
  if (s)
    seat_flush(c, s, n);
  return ATR_OK;
}

/* Presence is only ever the newest: where the lane is full this one is skipped, the next tick has another. */
static int on_presence(atr_client *c, cJSON *message, uint64_t seen)
{
  seat *s = seat_named(c, message, "presence");
  const cJSON *data = atr_json_get(message, "data");

  (void)seen;
  if (s && s->joined && c->session && data)
    seat_presence(c, s, data);
  return ATR_OK;
}

static void answer_knock(atr_client *c, const cJSON *message, const char *t)
{
  bool remember = false;
  atr_hash key;
  atr_buf buf;
  atr_jw w;

  if (!is_up(c, t))
    return;
  (void)atr_json_get_bool(message, "remember", &remember);
  if (atr_json_get_hash(message, "key", &key) < 0) {
    event_error(c, ATR_INVAL, "The command names no key.", t, NULL);
    return;
  }
  w = link_begin_json(c, &buf, t);
  atr_jw_hash(&w, "key", &key);
  atr_jw_bool(&w, "remember", remember);
  link_send_json(c, &w);
}

/* The host's commands about invites and whom he keeps out: the server decides what of them is possible. */
static int pass_on(atr_client *c, const cJSON *message, const char *t)
{
  atr_buf buf;
  atr_jw w;

  if (!is_up(c, t))
    return ATR_OK;
  if (question_asked(c, t, message) < 0) {
    event_error(c, ATR_NOMEM, NULL, t, NULL);
    return ATR_OK;
  }
  w = link_begin_json(c, &buf, t);
  for (const cJSON *member = message->child; member; member = member->next)
    if (strcmp(member->string, "t") != 0)
      atr_jw_tree(&w, member->string, member);
  link_send_json(c, &w);
  return ATR_OK;
}

static int on_invite_create(atr_client *c, cJSON *message, uint64_t seen)
{
  (void)seen;
  return pass_on(c, message, "invite_create");
}

static int on_pardon(atr_client *c, cJSON *message, uint64_t seen)
{
  (void)seen;
  return pass_on(c, message, "pardon");
}

static int on_invites_revoke(atr_client *c, cJSON *message, uint64_t seen)
{
  (void)seen;
  return pass_on(c, message, "invites_revoke");
}

static int on_end(atr_client *c, cJSON *message, uint64_t seen)
{
  (void)seen;
  return pass_on(c, message, "end");
}

static int on_reach(atr_client *c, cJSON *message, uint64_t seen)
{
  (void)seen;
  return pass_on(c, message, "reach");
}

static int on_password(atr_client *c, cJSON *message, uint64_t seen)
{
  (void)seen;
  return pass_on(c, message, "password");
}

static int on_admit(atr_client *c, cJSON *message, uint64_t seen)
{
  (void)seen;
  answer_knock(c, message, "admit");
  return ATR_OK;
}

static int on_refuse(atr_client *c, cJSON *message, uint64_t seen)
{
  (void)seen;
  answer_knock(c, message, "refuse");
  return ATR_OK;
}

static const struct {
  const char *t;
  int (*run)(atr_client *c, cJSON *message, uint64_t seen);
} commands[] = {
    {"submit", on_submit},
    {"presence", on_presence},
    {"flush", on_flush},
    {"rooms", on_rooms},
    {"create", on_create},
    {"join", on_join},
    {"ready", on_ready},
    {"leave", on_leave},
    {"connect", on_connect},
    {"trust", on_trust},
    {"cancel", on_cancel},
    {"disconnect", on_disconnect},
    {"forget_host", on_forget},
    {"discover", on_discover},
    {"admit", on_admit},
    {"invite_create", on_invite_create},
    {"invites_revoke", on_invites_revoke},
    {"end", on_end},
    {"password", on_password},
    {"reach", on_reach},
    {"refuse", on_refuse},
    {"pardon", on_pardon},
};

static int run_json(atr_client *c, cJSON *message, uint64_t seen)
{
  const char *t;

  if (atr_json_get_str(message, "t", &t) < 0)
    t = "";
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
    if (strcmp(commands[i].t, t) == 0)
      return commands[i].run(c, message, seen);
  event_error(c, ATR_INVAL, "There is no such command.", t, NULL);
  return ATR_OK;
}

int command_run(atr_client *c, command *cmd)
{
  cJSON *message;
  int err;

  if (cmd->blob) {
    shelf_put(c->shelf, &cmd->hash, cmd->blob);
    err = atr_blobs_hold(c->blobs, &cmd->hash, cmd->blob);
    cmd->blob = NULL;
    if (err < 0)
      event_error(c, err, NULL, "put_blob", NULL);
    return ATR_OK;
  }
  err = atr_json_parse_object(cmd->json, cmd->len, &message);
  if (err < 0) {
    event_error(c, err, NULL, "", NULL);
    return ATR_OK;
  }
  err = run_json(c, message, cmd->seen);
  cJSON_Delete(message);
  return err;
}
