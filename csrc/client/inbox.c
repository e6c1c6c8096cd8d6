/* SPDX-License-Identifier: MIT
 *
 * Messages from the server. JSON ones go by their `t`; what names a room by its handle is told to the application under the room's id.
 * Binary ones go to the replica of the room that they name. */
#include "client/internal.h"
#include "client/shape.h"

#include <stdio.h>
#include <string.h>

static int on_error(atr_client *c, const cJSON *message)
{
  const char *code = "", *text = "", *re = "";
  atr_id room;
  bool has_room = atr_json_get_id(message, "room", &room) == ATR_OK;
  int err;

  (void)atr_json_get_str(message, "code", &code);
  (void)atr_json_get_str(message, "text", &text);
  (void)atr_json_get_str(message, "re", &re);
  err = atr_err_from_name(code);
  if (c->link == LINK_UP && !re[0])
    (void)atr_json_get_bool(message, "restarts", &c->server_restarts);
  if (c->link != LINK_UP || !re[0])
    link_said(c, err, text);
  else if (!seat_failed(c, err, re, has_room ? &room : NULL)) {
    question_answered(c, re, message);
    event_error(c, err, text, re, has_room ? &room : NULL);
  }
  return ATR_OK;
}

static int on_welcome(atr_client *c, const cJSON *message)
{
  link_welcome(c, message);
  return ATR_OK;
}

static int on_knocking(atr_client *c, const cJSON *message)
{
  (void)message;
  link_knocking(c);
  return ATR_OK;
}

/* Of these only the newest waits for an application that does not look. An answer to a question is not one of them. */
static const char *what_of(const char *t, const cJSON *message)
{
  if (strcmp(t, "rooms") == 0 || strcmp(t, "kept_out") == 0 || (strcmp(t, "reach") == 0 && !atr_json_get(message, "n")))
    return t;
  return NULL;
}

/* `rooms`, `knock`, `knock_end`, `kept_out`, `invite`, `invites_revoked`, `reach`: told as they came. */
static int pass_on(atr_client *c, const cJSON *message)
{
  const char *t = "", *what;
  atr_jw w;

  (void)atr_json_get_str(message, "t", &t);
  what = what_of(t, message);
  c->awaits_rooms = c->awaits_rooms && strcmp(t, "rooms") != 0;
  if (!what)
    question_answered(c, t, message);
  w = event_begin(c, t);
  for (const cJSON *member = message->child; member; member = member->next)
    if (strcmp(member->string, "t") != 0)
      atr_jw_tree(&w, member->string, member);
  event_end(c, &w, what);
  return ATR_OK;
}

static int on_pake(atr_client *c, const cJSON *message)
{
  return password_message(c, message);
}

static int on_joined(atr_client *c, const cJSON *message)
{
  seat_joined(c, message);
  return ATR_OK;
}

static seat *seat_named(const atr_client *c, const cJSON *message)
{
  uint64_t handle;

  return atr_json_get_u64(message, "room", UINT32_MAX, &handle) < 0 ? NULL : seat_of_handle(c, (uint32_t)handle);
}

static int on_members(atr_client *c, const cJSON *message)
{
  seat *s = seat_named(c, message);

  if (s)
    seat_members(s, message);
  return ATR_OK;
}

static int on_head(atr_client *c, const cJSON *message)
{
  seat *s = seat_named(c, message);
  uint64_t n, seq;

  if (atr_json_get_u64(message, "n", UINT64_C(1) << 53, &n) < 0 ||
      atr_json_get_u64(message, "seq", UINT64_C(1) << 53, &seq) < 0)
    return ATR_PROTO;
  if (s)
    seat_head(s, n, seq);
  return ATR_OK;
}

static int on_closed(atr_client *c, const cJSON *message)
{
  seat *s = seat_named(c, message);

  if (s)
    seat_closed(s, message);
  return ATR_OK;
}

static const struct {
  const char *t;
  bool when_up; /* counts only after the welcome */
  int (*handle)(atr_client *c, const cJSON *message);
} handlers[] = {
    {"error", false, on_error},    {"welcome", false, on_welcome}, {"knocking", false, on_knocking},
    {"rooms", true, pass_on},      {"invite", true, pass_on},      {"invites_revoked", true, pass_on},
    {"reach", true, pass_on},      {"password", true, pass_on},    {"pake", false, on_pake},
    {"knock", true, pass_on},      {"knock_end", true, pass_on},   {"joined", true, on_joined},
    {"members", true, on_members}, {"head", true, on_head},        {"closed", true, on_closed},
    {"kept_out", true, pass_on},
};

static int on_json(atr_client *c, atr_span message)
{
  const char *t = "";
  atr_span text;
  cJSON *json;
  int err = atr_msg_read_json(message, &text);

  if (err == ATR_OK)
    err = atr_json_parse_object((const char *)text.p, text.n, &json);
  if (err < 0)
    return err;
  err = atr_json_get_str(json, "t", &t);
  for (size_t i = 0; err == ATR_OK && i < sizeof handlers / sizeof *handlers; i++)
    if (strcmp(handlers[i].t, t) == 0 && (c->link == LINK_UP || !handlers[i].when_up)) {
      err = shape_check(t, json);
      if (err == ATR_OK)
        err = handlers[i].handle(c, json);
      break;
    }
  cJSON_Delete(json);
  return err;
}

static int on_presence(atr_client *c, atr_span message)
{
  atr_msg_presence presence;
  char what[96], hex[ATR_ID_HEX + 1];
  seat *s;
  atr_jw w;
  int err = atr_msg_read_presence_of(message, &presence);

  if (err == ATR_OK)
    err = atr_json_check((const char *)presence.json.p, presence.json.n, NULL);
  if (err < 0)
    return err;
  s = seat_of_handle(c, presence.room);
  if (!s)
    return ATR_OK;
  atr_id_to_hex(&s->room, hex);
  snprintf(what, sizeof what, "presence %s %u", hex, presence.member);
  w = event_begin(c, "presence");
  atr_jw_str(&w, "room", hex);
  atr_jw_int(&w, "member", presence.member);
  atr_jw_raw(&w, "data", presence.json);
  event_end(c, &w, what);
  return ATR_OK;
}

int inbox_message(void *ctx, int lane, atr_span message)
{
  atr_client *c = ctx;
  seat *s;

  if (c->link == LINK_DOWN || c->closing)
    return ATR_OK;
  client_pump_later(c);
  if (message.p[0] == ATR_MSG_JSON)
    return on_json(c, message);
  if (c->link != LINK_UP || message.n < 5)
    return ATR_PROTO;
  if (message.p[0] == ATR_MSG_PRESENCE_OF)
    return on_presence(c, message);
  s = seat_of_handle(c, atr_get_u32(message.p + 1));
  if (!s) /* was on its way when the room was left */
    return ATR_OK;
  if (lane == ATR_LANE_BULK)
    s->last_bulk_ms = client_now_ms(c);
  return s->tap ? tap_message(s, message) : atr_replica_receive(s->replica, lane, message);
}
