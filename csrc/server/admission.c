/* SPDX-License-Identifier: MIT
 *
 * Who comes in, and which row of the table (rights.h) it gets. The token of this home makes a host (its user's own programs). A row lets in, and adds
 * what an invite or a password that is shown gives beyond it; one without a row needs one of these, or --open. Everybody else knocks, and
 * waits until somebody who may admit says yes or no, or nobody does for ATR_KNOCK_TIMEOUT_MS. So does a guest of rooms none of which is here any more:
 * he could neither enter one nor create one. But who returns to a room that he was in is let in, as he may bring it back; and when somebody does
 * that, whoever knocks and may enter it is let in, too.
 *
 * A key that is let in without "remember" stays so until the server ends, for a connection that breaks must not make its user
 * knock again; a refusal without it counts for this knock only.
 *
 * The token is a file of the home (session/token.h). */
#include "server/internal.h"

#include "base/log.h"
#include "base/utf8.h"
#include "base/version.h"
#include "proto/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- token --------------------------------------------------------------------------------------------------- */

/* Users that only run a server often have no home. */
static int failed_at_home(int err, char *why, size_t why_bytes)
{
  size_t n = strlen(why);

  snprintf(why + n, why_bytes - n, "; set ATRIUM_HOME to a folder of the server's own user");
  return err;
}

int admission_open_token(atr_server *server, const char *home, char *why, size_t why_bytes)
{
  const atr_hash *key = atr_identity_key(server->identity);
  char hex[ATR_TOKEN_HEX + 1];
  int err = atr_token_read(home, key, hex, why, why_bytes);

  if (err == ATR_OK)
    return atr_hex_decode(hex, strlen(hex), server->token, sizeof server->token);
  if (err != ATR_NOENT)
    return failed_at_home(err, why, why_bytes);
  err = atr_random(server->token, sizeof server->token);
  if (err == ATR_OK)
    err = atr_token_write(home, key, server->token, why, why_bytes);
  return err == ATR_OK ? err : failed_at_home(err, why, why_bytes);
}

/* Takes the same time wherever the first difference is. */
static bool token_matches(const atr_server *server, const char *hex)
{
  uint8_t token[ATR_TOKEN_BYTES];
  unsigned difference = 0;

  if (atr_hex_decode(hex, strlen(hex), token, sizeof token) < 0)
    return false;
  for (size_t i = 0; i < sizeof token; i++)
    difference |= token[i] ^ server->token[i];
  return difference == 0;
}

/* --- letting in ---------------------------------------------------------------------------------------------- */

static void write_knock(atr_jw *w, const conn *who)
{
  atr_jw_str(w, "t", "knock");
  atr_jw_hash(w, "key", &who->who.key);
  atr_jw_str(w, "name", who->name);
  atr_jw_str(w, "code", who->check_code);
}

static void tell_knock(conn *host, const conn *who)
{
  atr_buf buf;
  atr_jw w;

  atr_buf_init(&buf, ATR_CONTROL_BYTES_MAX);
  w = atr_jw_begin(&buf);
  write_knock(&w, who);
  conn_send_json(host, &w);
  atr_buf_free(&buf);
}

static void let_in(conn *c)
{
  atr_server *server = c->server;
  atr_id id;
  atr_buf buf;
  atr_jw w;

  c->state = CONN_IN;
  atr_session_restrict(c->session, false);
  server->n_in++;
  memcpy(id.b, atr_identity_key(server->identity)->b, sizeof id.b);
  atr_buf_init(&buf, ATR_CONTROL_BYTES_MAX);
  w = atr_jw_begin(&buf);
  atr_jw_str(&w, "t", "welcome");
  atr_jw_str(&w, "version", atr_version());
  atr_jw_id(&w, "server", &id);
  atr_jw_bool(&w, "host", c->who.is_host);
  atr_jw_int(&w, "port", server->port);
  if (c->who.is_host)
    server_write_settings(server, &w);
  if (!atr_id_is_zero(&c->invited_to))
    atr_jw_id(&w, "invited_to", &c->invited_to);
  if (atr_rights_standing(server->rights, &c->who) == ATR_IS_GUEST)
    atr_jw_bool(&w, "guest", true);
  if (c->wants_rooms)
    atr_jw_bool(&w, "rooms", true);
  conn_send_json(c, &w);
  atr_buf_free(&buf);
  if (c->wants_rooms)
    lobby_list(c);
  atr_log_stranger(conn_quota(c), server_now_ms(server), ATR_LOG_INFO, "%s: \"%s\" is in%s",
                   atr_session_peer_address(c->session), c->name, c->who.is_host ? ", as host" : "");
  for (conn *other = server->conns; c->who.is_host && other; other = other->next)
    if (other->state == CONN_KNOCKING)
      tell_knock(c, other);
  kept_out_greet(c);
  reach_let_in(c);
}

/* --- knocking ------------------------------------------------------------------------------------------------ */

static bool another_knocks(const conn *c)
{
  for (const conn *other = c->server->conns; other; other = other->next)
    if (other != c && other->state == CONN_KNOCKING && atr_hash_equal(&other->who.key, &c->who.key))
      return true;
  return false;
}

/* A key knocks once, however many connections it has: its newest one. Where too many keys do, the network that has sent most of them makes room, so
 * that a flood pushes out itself (crowd.c). The newcomer knocks already: hosts who know of its key are told nothing. False: it was itself who went. */
static bool make_way_for(conn *c)
{
  atr_server *server = c->server;
  conn *goes;

  for (conn *other = server->conns; other; other = other->next)
    if (other != c && other->state == CONN_KNOCKING && atr_hash_equal(&other->who.key, &c->who.key))
      conn_fail(other, ATR_DENIED, "You have asked to enter a second time: the host's answer goes there.", "hello");
  goes = server->n_knocking > ATR_KNOCKS_MAX ? crowd_greediest(server, CONN_KNOCKING) : NULL;
  if (goes == c) { /* no host has heard of it */
    c->state = CONN_HELLO;
    server->n_knocking--;
  }
  if (goes)
    conn_fail(goes, ATR_SERVER_FULL, "Too many people are asking to enter: try again in a few minutes.", "hello");
  return goes != c;
}

static void knock(conn *c)
{
  atr_server *server = c->server;
  bool told = another_knocks(c);
  atr_buf buf;
  atr_jw w;

  c->state = CONN_KNOCKING;
  c->deadline_ms = server_now_ms(server) + server->knock_timeout_ms;
  server->n_knocking++;
  if (!make_way_for(c))
    return;
  atr_log_stranger(conn_quota(c), server_now_ms(server), ATR_LOG_INFO, "%s: \"%s\" knocks, check code %s",
                   atr_session_peer_address(c->session), c->name, c->check_code);
  atr_buf_init(&buf, ATR_CONTROL_BYTES_MAX);
  w = atr_jw_begin(&buf);
  atr_jw_str(&w, "t", "knocking");
  conn_send_json(c, &w);
  atr_buf_free(&buf);
  for (conn *host = server->conns; !told && host; host = host->next)
    if (host->state == CONN_IN && host->who.is_host)
      tell_knock(host, c);
}

void admission_knock_ended(conn *c)
{
  atr_server *server = c->server;
  atr_buf buf;
  atr_jw w;

  server->n_knocking--;
  if (another_knocks(c))
    return;
  for (conn *host = server->conns; host; host = host->next) {
    if (host->state != CONN_IN || !host->who.is_host)
      continue;
    atr_buf_init(&buf, ATR_CONTROL_BYTES_MAX);
    w = atr_jw_begin(&buf);
    atr_jw_str(&w, "t", "knock_end");
    atr_jw_hash(&w, "key", &c->who.key);
    conn_send_json(host, &w);
    atr_buf_free(&buf);
  }
}

/* --- hello --------------------------------------------------------------------------------------------------- */

/* Of what a peer says that it runs. */
enum { VERSION_BYTES_SHOWN = 32 };

static void refuse_version(conn *c, double proto, const char *version)
{
  int shown = (int)atr_utf8_prefix(version, strlen(version), VERSION_BYTES_SHOWN);
  char text[256];

  snprintf(
      text, sizeof text,
      "This server runs Atrium %s (protocol %d), you run Atrium %.*s (protocol %.0f): both must be of one version.",
      atr_version(), ATR_PROTO_VERSION, shown, version, proto);
  conn_fail(c, ATR_VERSION, text, "hello");
}

static int read_color(const cJSON *hello, float out[3])
{
  const cJSON *color = atr_json_get(hello, "color");

  if (!cJSON_IsArray(color) || cJSON_GetArraySize(color) != 3)
    return ATR_PROTO;
  for (int i = 0; i < 3; i++) {
    const cJSON *part = cJSON_GetArrayItem(color, i);

    if (!cJSON_IsNumber(part) || !(part->valuedouble >= 0 && part->valuedouble <= 1))
      return ATR_PROTO;
    out[i] = (float)part->valuedouble;
  }
  return ATR_OK;
}

/* One that cannot be read says nothing. */
static void read_via(conn *c, const cJSON *hello)
{
  atr_address address;
  const char *text;
  char why[128];

  if (atr_json_get_str(hello, "via", &text) == ATR_OK &&
      atr_address_parse(text, strlen(text), ATR_PORT_DEFAULT, &address, why, sizeof why) == ATR_OK)
    atr_address_text(&address, c->via);
}

/* 0; or an error, with `text` where the error's own sentence says too little. */
static int read_hello(conn *c, const cJSON *hello, const char **text)
{
  const char *name;

  if (atr_json_get_str(hello, "name", &name) < 0 || atr_json_get_id(hello, "participant", &c->participant) < 0 ||
      read_color(hello, c->color) < 0)
    return ATR_PROTO;
  if (strlen(name) > ATR_USER_NAME_BYTES_MAX) {
    *text = "The user name is longer than 255 bytes: choose a shorter one.";
    return ATR_LIMIT;
  }
  /* Hosts are shown it in a question, and everybody beside whoever really has the name that it would look like. */
  snprintf(c->name, sizeof c->name, "%s", !name[0] || atr_utf8_shows_well(name, strlen(name)) ? name : "?");
  read_via(c, hello);
  (void)atr_json_get_bool(hello, "returns", &c->returns);
  (void)atr_json_get_bool(hello, "rooms", &c->wants_rooms);
  return ATR_OK;
}

/* A row for this key: for one room, or for all (NULL). False where there is no place for one, and the connection ends with that. */
static bool add_row(conn *c, const atr_id *room)
{
  atr_rights *rights = c->server->rights;
  int err = room ? atr_rights_admit_to(rights, &c->who.key, room, c->name)
                 : atr_rights_admit(rights, &c->who.key, c->name, true);

  if (err < 0)
    conn_fail(c, ATR_SERVER_FULL, "This server's list of keys is full: ask the host to make room in it.", "hello");
  return err == ATR_OK;
}

/* Rows for what this user has shown: an invite, a password. False: it may not come in, and knows why. */
static bool add_rows(conn *c, const cJSON *hello, int invite)
{
  const atr_id *room = atr_id_is_zero(&c->invited_to) ? NULL : &c->invited_to;

  if (c->who.is_host)
    return true;
  if (invite == ATR_OK && !atr_rights_is_known(c->server->rights, &c->who) && !inviting_use(c->server, hello)) {
    conn_fail(c, ATR_INVITE, "This invite has let in as many as it can: ask the host for a new one.", "hello");
    return false;
  }
  if ((invite == ATR_OK && !add_row(c, room)) || (c->knows_password && !add_row(c, NULL)) ||
      (!atr_id_is_zero(&c->knows_room) && !add_row(c, &c->knows_room)))
    return false;
  if (atr_rights_standing(c->server->rights, &c->who) >= ATR_IS_GUEST || invite == ATR_NOENT)
    return true;
  conn_fail(c, invite, invite == ATR_INVITE ? "This invite is no longer valid: ask the host for a new one." : NULL,
            "hello");
  return false;
}

/* Where it came for. An old link of somebody who may enter one room only was a link to that. */
static void note_destination(conn *c, int invite)
{
  if (!atr_id_is_zero(&c->knows_room))
    c->invited_to = c->knows_room;
  else if (invite == ATR_INVITE)
    (void)atr_rights_only_room(c->server->rights, &c->who.key, &c->invited_to);
}

static bool has_somewhere_to_go(const conn *c)
{
  atr_standing standing = atr_rights_standing(c->server->rights, &c->who);

  return standing > ATR_IS_GUEST || (standing == ATR_IS_GUEST && (c->returns || lobby_has_one_for(c)));
}

static void enter_or_knock(conn *c, const cJSON *hello)
{
  int invite = inviting_check(c->server, hello, &c->invited_to);

  if (!add_rows(c, hello, invite))
    return;
  note_destination(c, invite);
  if (has_somewhere_to_go(c))
    let_in(c);
  else
    knock(c);
}

void admission_room_is_back(atr_server *server)
{
  for (conn *c = server->conns; c; c = c->next)
    if (c->state == CONN_KNOCKING && has_somewhere_to_go(c)) {
      let_in(c);
      admission_knock_ended(c);
    }
}

/* To who only looks: the rooms that his key may enter, and goodbye; where there are none for him only that. Nobody is asked, and nothing is
 * kept of it but that somebody who may enter has come from there. */
static void show_rooms(conn *c, const cJSON *hello)
{
  read_via(c, hello);
  if (atr_rights_standing(c->server->rights, &c->who) >= ATR_IS_GUEST) {
    reach_came(c);
    lobby_show(c);
  }
  conn_close(c, ATR_OK, "has looked");
}

void admission_hello(conn *c, const cJSON *hello)
{
  const char *text = NULL, *token, *version = "?";
  bool looks = false;
  double proto;
  int err;

  (void)atr_json_get_str(hello, "version", &version);
  if (atr_json_get_num(hello, "proto", 0, 1e9, &proto) < 0) {
    conn_fail(c, ATR_PROTO, NULL, "hello");
    return;
  }
  if (proto != ATR_PROTO_VERSION) {
    refuse_version(c, proto, version);
    return;
  }
  c->who.is_host = atr_json_get_str(hello, "token", &token) == ATR_OK && token_matches(c->server, token);
  (void)atr_json_get_bool(hello, "look", &looks);
  if (looks) {
    show_rooms(c, hello);
    return;
  }
  err = read_hello(c, hello, &text);
  if (err < 0) {
    conn_fail(c, err, text, "hello");
    return;
  }
  if (atr_rights_standing(c->server->rights, &c->who) == ATR_IS_REFUSED)
    conn_fail(c, ATR_REFUSED, "The host has decided not to let you in.", "hello");
  else
    enter_or_knock(c, hello);
}

/* --- the host's answer --------------------------------------------------------------------------------------- */

static int read_answer(conn *host, const cJSON *message, const char *t, atr_hash *key, bool *remember)
{
  *remember = false;
  (void)atr_json_get_bool(message, "remember", remember);
  if (atr_json_get_hash(message, "key", key) < 0) {
    conn_send_error(host, ATR_PROTO, NULL, t, NULL);
    return ATR_PROTO;
  }
  if (!atr_rights_may(host->server->rights, &host->who, ATR_MAY_ADMIT, NULL, NULL)) {
    conn_send_error(host, ATR_DENIED, "Only the host can let others in.", t, NULL);
    return ATR_DENIED;
  }
  return ATR_OK;
}

/* To the host who decided, where that has failed; and whom it keeps out to all of them, unless there is more to come. */
static void decided(reply *a, int err)
{
  if (err && a->to)
    conn_send_error(a->to, err, "The decision could not be kept: the list of keys cannot be written.", a->re, NULL);
  if (a->is_set && !keeping_is_awaited(a->server, KEPT_RIGHTS))
    kept_out_changed(a->server);
}

void admission_decided(conn *host, const char *re, bool keeps_out)
{
  reply *a = keeping_reply(host->server, host, decided);

  if (!a) {
    conn_send_error(host, ATR_NOMEM, NULL, re, NULL);
    return;
  }
  a->re = re;
  a->is_set = keeps_out;
  keeping_then(a, KEPT_RIGHTS);
}

/* Who is here with that key, knocking or in; NULL: nobody any more. */
static const conn *conn_of(const atr_server *server, const atr_hash *key)
{
  for (const conn *c = server->conns; c; c = c->next)
    if ((c->state == CONN_KNOCKING || c->state == CONN_IN) && atr_hash_equal(&c->who.key, key))
      return c;
  return NULL;
}

void admission_admit(conn *host, const cJSON *message)
{
  atr_server *server = host->server;
  const conn *who;
  bool remember, was_out;
  atr_hash key;
  int err;

  if (read_answer(host, message, "admit", &key, &remember) < 0)
    return;
  was_out = atr_rights_standing(server->rights, &(atr_who){.key = key}) == ATR_IS_REFUSED;
  who = conn_of(server, &key);
  err = atr_rights_admit(server->rights, &key, who ? who->name : "", remember);
  if (err < 0)
    conn_send_error(host, err, NULL, "admit", NULL);
  else
    admission_decided(host, "admit", was_out);
  for (conn *c = server->conns; c; c = c->next)
    if (c->state == CONN_KNOCKING && atr_hash_equal(&c->who.key, &key)) {
      let_in(c);
      admission_knock_ended(c);
    }
}

void admission_refuse(conn *host, const cJSON *message)
{
  atr_server *server = host->server;
  const conn *who;
  bool remember;
  atr_hash key;
  int err = ATR_OK;

  if (read_answer(host, message, "refuse", &key, &remember) < 0)
    return;
  who = conn_of(server, &key);
  if (remember)
    err = atr_rights_refuse(server->rights, &key, who ? who->name : "", who ? who->check_code : "");
  if (err < 0)
    conn_send_error(host, err, NULL, "refuse", NULL);
  else if (remember)
    admission_decided(host, "refuse", true);
  for (conn *c = server->conns; c; c = c->next)
    if (c->state == CONN_KNOCKING && atr_hash_equal(&c->who.key, &key))
      conn_fail(c, ATR_REFUSED, "The host did not let you in.", "hello");
    else if (c->state == CONN_IN && !c->who.is_host && atr_hash_equal(&c->who.key, &key))
      conn_fail(c, ATR_KICKED, NULL, "");
}
