/* SPDX-License-Identifier: MIT
 *
 * One connection: from the listener to its end.
 *
 * Its session gives whole messages. JSON ones go by their `t` to the table below; binary ones name a room by its handle and go to
 * that room as they are. What rooms owe this connection is pulled by the session when the line has room; the memberships take turns
 * (session/turns.h). */
#include "server/internal.h"

#include "base/log.h"
#include "proto/json.h"
#include "proto/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- out ----------------------------------------------------------------------------------------------------- */

void conn_send_json(conn *c, atr_jw *w)
{
  int err = atr_jw_finish(w);

  if (err < 0)
    atr_log(ATR_LOG_ERROR, "a message could not be written: %s", atr_err_text(err));
  else
    conn_send_text(c, atr_buf_span(w->out));
}

void conn_send_text(conn *c, atr_span json)
{
  atr_buf message;
  int err;

  if (c->state == CONN_CLOSING)
    return;
  atr_buf_init(&message, ATR_CONTROL_BYTES_MAX);
  err = atr_msg_write_json(&message, json);
  if (err == ATR_OK)
    err = atr_session_send(c->session, ATR_LANE_CONTROL, atr_buf_span(&message));
  atr_buf_free(&message);
  if (err < 0)
    conn_close(c, err, "its control messages pile up");
}

static atr_jw begin_error(atr_buf *buf, int err, const char *text, const char *re)
{
  atr_jw w;

  atr_buf_init(buf, ATR_CONTROL_BYTES_MAX);
  w = atr_jw_begin(buf);
  atr_jw_str(&w, "t", "error");
  atr_jw_str(&w, "code", atr_err_name(err));
  atr_jw_str(&w, "text", text ? text : atr_err_text(err));
  atr_jw_str(&w, "re", re);
  return w;
}

void conn_send_restarts(conn *c, const char *text)
{
  atr_buf buf;
  atr_jw w = begin_error(&buf, ATR_CLOSED, text, "");

  atr_jw_bool(&w, "restarts", true);
  conn_send_json(c, &w);
  atr_buf_free(&buf);
}

void conn_send_error(conn *c, int err, const char *text, const char *re, const atr_id *room)
{
  atr_buf buf;
  atr_jw w = begin_error(&buf, err, text, re);

  if (room)
    atr_jw_id(&w, "room", room);
  conn_send_json(c, &w);
  atr_buf_free(&buf);
}

atr_log_quota *conn_quota(conn *c)
{
  return atr_rights_is_known(c->server->rights, &c->who) ? NULL : &c->server->logged;
}

void conn_fail(conn *c, int err, const char *text, const char *re)
{
  conn_send_error(c, err, text, re, NULL);
  conn_close(c, err, text ? text : atr_err_text(err));
}

void conn_close(conn *c, int err, const char *detail)
{
  conn_state was = c->state;

  if (was == CONN_CLOSING)
    return;
  c->state = CONN_CLOSING;
  if (was == CONN_IN)
    c->server->n_in--;
  if (was == CONN_KNOCKING)
    admission_knock_ended(c);
  /* The rooms are left when the session has ended: this may be called from inside of one of them. */
  atr_session_close(c->session, err, detail);
}

static int64_t pull(void *ctx, int lane, atr_buf *out, size_t budget)
{
  conn *c = ctx;

  return atr_turns_pull(&c->turns, lane, out, budget);
}

/* --- in ------------------------------------------------------------------------------------------------------ */

static void on_rooms(conn *c, const cJSON *message)
{
  (void)message;
  c->wants_rooms = true;
  lobby_list(c);
}

static void on_bye(conn *c, const cJSON *message)
{
  (void)message;
  lobby_leave_all(c, true);
  conn_close(c, ATR_OK, "said goodbye");
}

static const struct {
  const char *t;
  void (*handle)(conn *c, const cJSON *message);
} handlers[] = {
    {"rooms", on_rooms},
    {"create", lobby_create},
    {"join", lobby_join},
    {"ready", lobby_ready},
    {"leave", lobby_leave},
    {"head", lobby_head},
    {"admit", admission_admit},
    {"refuse", admission_refuse},
    {"pardon", kept_out_pardon},
    {"bye", on_bye},
    {"invite_create", inviting_create},
    {"invites_revoke", inviting_revoke},
    {"password", setting_password},
    {"reach", reach_ask},
    {"end", server_end},
};

/* `t` of a message that is not known is of a later version and ignored. */
static void dispatch(conn *c, const char *t, const cJSON *message)
{
  if (c->state == CONN_HELLO || c->state == CONN_KNOCKING) {
    if (c->state == CONN_HELLO && strcmp(t, "hello") == 0)
      admission_hello(c, message);
    else if (c->state == CONN_HELLO && strcmp(t, "pake") == 0)
      proving_pake(c, message);
    else if (strcmp(t, "bye") == 0)
      on_bye(c, message);
    else
      conn_fail(c, ATR_PROTO, "A message came before the hello was answered.", t);
    return;
  }
  for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++)
    if (strcmp(t, handlers[i].t) == 0) {
      handlers[i].handle(c, message);
      return;
    }
}

static int on_json(conn *c, atr_span bytes)
{
  cJSON *message;
  const char *t;
  atr_span text;
  int err = atr_msg_read_json(bytes, &text);

  if (err == ATR_OK)
    err = atr_json_parse_object((const char *)text.p, text.n, &message);
  if (err < 0)
    return err;
  err = atr_json_get_str(message, "t", &t);
  if (err == ATR_OK)
    dispatch(c, t, message);
  cJSON_Delete(message);
  return err;
}

static membership *membership_of(conn *c, uint32_t handle)
{
  for (membership *m = c->memberships; m; m = m->next)
    if (m->hall->handle == handle)
      return m;
  return NULL;
}

static int receive(conn *c, int lane, atr_span message)
{
  membership *m;

  if (message.p[0] == ATR_MSG_JSON)
    return lane == ATR_LANE_CONTROL ? on_json(c, message) : ATR_PROTO;
  if (c->state != CONN_IN || message.n < 5)
    return ATR_PROTO;
  m = membership_of(c, atr_get_u32(message.p + 1));
  if (!m) /* was on its way when the membership ended */
    return ATR_OK;
  return atr_room_receive(m->hall->room, m->member, lane, message);
}

static int on_message(void *ctx, int lane, atr_span message)
{
  conn *c = ctx;
  int err;

  if (c->state == CONN_CLOSING)
    return ATR_OK;
  err = receive(c, lane, message);
  if (err < 0)
    atr_log_stranger(conn_quota(c), server_now_ms(c->server), ATR_LOG_WARN,
                     "%s: a message of type 0x%02x and %zu bytes on lane %d: %s", atr_session_peer_address(c->session),
                     message.p[0], message.n, lane, atr_err_text(err));
  return err;
}

/* --- life ---------------------------------------------------------------------------------------------------- */

/* Every key may say hello; what it may do then is decided by admission.c. */
static void on_key(void *ctx, const atr_hash *key, atr_span spki)
{
  conn *c = ctx;

  c->who.key = *key;
  c->has_key = true;
  if (atr_check_code(spki, c->check_code) < 0) {
    atr_session_close(c->session, ATR_CRYPTO, NULL);
    return;
  }
  c->deadline_ms = server_now_ms(c->server) + c->server->hello_timeout_ms;
  atr_session_accept_key(c->session);
  atr_session_restrict(c->session, true);
  for (int lane = 0; lane < ATR_LANES; lane++)
    atr_session_set_source(c->session, lane, pull, c);
  crowd_proved(c);
}

static void on_close(void *ctx, int err, const char *detail)
{
  conn *c = ctx;
  atr_server *server = c->server;

  atr_log_stranger(conn_quota(c), server_now_ms(server), err < 0 ? ATR_LOG_WARN : ATR_LOG_INFO,
                   "%s: \"%s\" is gone: %s", atr_session_peer_address(c->session), c->name,
                   detail ? detail : atr_err_text(err));
  if (c->state == CONN_IN)
    server->n_in--;
  if (c->state == CONN_KNOCKING)
    admission_knock_ended(c);
  c->state = CONN_CLOSING;
  lobby_leave_all(c, false);
  if (c->prev)
    c->prev->next = c->next;
  else
    server->conns = c->next;
  if (c->next)
    c->next->prev = c->prev;
  server->n_conns--;
  keeping_left(c);
  proving_drop(c);
  atr_session_free(c->session);
  free(c);
}

void conn_accept(atr_server *server, atr_stream *stream)
{
  static const atr_session_callbacks callbacks = {.on_key = on_key, .on_message = on_message, .on_close = on_close};
  conn *c = calloc(1, sizeof *c);

  if (!c || server->is_stopping) {
    atr_stream_close(stream);
    free(c);
    return;
  }
  c->server = server;
  c->state = CONN_HELLO;
  c->network = stream->network;
  c->deadline_ms = server_now_ms(server) + server->hello_timeout_ms;
  atr_turns_add(&c->turns, &c->list_turn, lobby_pull_list, c);
  if (atr_session_new(&c->session, stream, true, server->identity, &callbacks, c) < 0) {
    free(c);
    return;
  }
  c->next = server->conns;
  if (c->next)
    c->next->prev = c;
  server->conns = c;
  server->n_conns++;
}

void conn_tick(conn *c, uint64_t now_ms)
{
  if (c->state == CONN_HELLO && now_ms >= c->deadline_ms)
    conn_close(c, ATR_TIMEOUT, "sent no hello");
  else if (c->state == CONN_KNOCKING && now_ms >= c->deadline_ms)
    conn_fail(c, ATR_TIMEOUT, "The host has not answered.", "hello");
}
