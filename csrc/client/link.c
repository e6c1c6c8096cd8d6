/* SPDX-License-Identifier: MIT
 *
 * The connection to a host: addresses race, the winner proves its key, the key is trusted or not (trust.c), hello, welcome; and again, when the
 * line breaks.
 *
 * Reconnecting. Only a connection that was up comes back by itself, after a pause that doubles and has jitter (many clients of one
 * restarted server must not return in step), and only for reasons that can pass. Seats keep their replicas meanwhile.
 *
 * Every failure becomes one sentence for the user, with the address in it, and a detail line that can be copied. */
#include "client/internal.h"
#include "client/sentences.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void lost(atr_client *c, int err, const char *detail);

/* --- state --------------------------------------------------------------------------------------------------- */

static const char *seats_state(const atr_client *c)
{
  const char *state = c->creating ? "JOINING" : "LOBBY";

  for (const seat *s = c->seats; s; s = s->next) {
    if (s->leaving)
      continue;
    if (!s->complete)
      return "JOINING";
    state = "JOINED";
  }
  return state;
}

static const char *state_of(const atr_client *c)
{
  switch (c->link) {
  case LINK_DOWN:
    return "OFFLINE";
  case LINK_CONFIRMING:
    return "CONFIRMING";
  case LINK_KNOCKING:
    return "KNOCKING";
  case LINK_UP:
    return seats_state(c);
  case LINK_RACING:
  case LINK_TLS:
  case LINK_PASSWORD:
  case LINK_HELLO:
  case LINK_PAUSE:
    break;
  }
  return c->was_up ? "RECONNECTING" : "CONNECTING";
}

/* A row of a host whose key is pinned for this very address is as good as the address itself. */
static bool is_by_hint(const atr_client *c)
{
  return c->is_key_given && atr_pins_check(c->home, c->address_text, &c->given_key, NULL) != ATR_PIN_MATCHES;
}

static atr_guide guide_of(const atr_client *c)
{
  if (c->invite)
    return ATR_GUIDE_INVITE;
  return is_by_hint(c) ? ATR_GUIDE_FOUND : ATR_GUIDE_TYPED;
}

/* Told when it changes, when a further attempt begins, and with every failure. */
void link_tell_state(atr_client *c, int err, const char *sentence, const char *detail)
{
  const char *state = state_of(c);
  atr_jw w;

  if (err == ATR_OK && strcmp(state, c->state_told) == 0 && c->attempt == c->attempt_told)
    return;
  if (strcmp(state, c->state_told) != 0)
    c->state_since_ms = client_now_ms(c);
  c->state_told = state;
  c->attempt_told = c->attempt;
  w = event_begin(c, "state");
  atr_jw_str(&w, "state", state);
  atr_jw_str(&w, "address", c->address_text);
  atr_jw_int(&w, "since_ms", (int64_t)(client_now_ms(c) - c->state_since_ms));
  atr_jw_int(&w, "attempt", c->attempt);
  if (c->server_restarts)
    atr_jw_bool(&w, "restarts", true);
  if (err < 0) {
    atr_jw_str(&w, "code", atr_err_name(err));
    if (guide_of(c) == ATR_GUIDE_FOUND)
      atr_jw_bool(&w, "found", true);
    if (c->said_err == err && c->said_text[0] && strcmp(c->said_text, atr_err_text(err)) != 0)
      atr_jw_bool(&w, "said", true);
    atr_jw_str(&w, "error", sentence);
    atr_jw_str(&w, "detail", detail ? detail : "");
  }
  event_end(c, &w, NULL);
}

/* --- sentences ----------------------------------------------------------------------------------------------- */

/* Where the server has said none. */
static void write_sentence(const atr_client *c, int err, bool is_again, char *out, size_t out_bytes)
{
  const char *at = c->address_text;

  if (err == ATR_KEY_UNKNOWN)
    snprintf(out, out_bytes,
             "The host at %s is not known yet: its check code is %s; if that is what its panel shows, trust it.", at,
             c->host_code);
  else if (!atr_sentence_write(err, guide_of(c), is_again, at, out, out_bytes))
    snprintf(out, out_bytes, "The connection to %s failed: %s", at, atr_err_text(err));
}

/* --- ends ---------------------------------------------------------------------------------------------------- */

/* Whatever carries the connection goes; seats learn that the line is down. Silent. */
static void drop_line(atr_client *c)
{
  atr_session *session = c->session;

  if (c->race)
    atr_race_cancel(c->race);
  c->race = NULL;
  c->session = NULL;
  password_cancel(c);
  atr_session_free(session);
  uv_timer_stop(&c->retry);
  c->answer_by_ms = 0;
  seats_link_down(c);
}

static void go_offline(atr_client *c, int err, const char *detail)
{
  char sentence[ATR_REASON_BYTES_MAX];

  if (c->said_err < 0 && c->said_text[0])
    snprintf(sentence, sizeof sentence, "%s", c->said_text);
  else
    write_sentence(c, err, false, sentence, sizeof sentence);
  questions_lost(c, err < 0);
  drop_line(c);
  password_forget(c);
  c->link = LINK_DOWN;
  c->disconnecting = false;
  c->server_restarts = false;
  c->attempt = 0;
  if (err < 0)
    seats_close_all(c, err, sentence);
  else
    seats_close_all(c, ATR_OK, NULL);
  if (err < 0)
    atr_log(ATR_LOG_WARN, "no connection to %s: %s%s%s (%s)", c->address_text, sentence, detail && *detail ? " " : "",
            detail ? detail : "", atr_err_name(err));
  link_tell_state(c, err, sentence, detail);
}

static void on_retry(uv_timer_t *timer)
{
  link_race(timer->data);
}

/* 250 ms, 500, 1 s ... up to ATR_BACKOFF_LAST_MS, each between one half and the whole of it. */
static void begin_pause(atr_client *c)
{
  uint64_t ms = ATR_BACKOFF_FIRST_MS;
  uint32_t random = 0;

  for (uint32_t i = 0; i < c->attempt && ms < ATR_BACKOFF_LAST_MS; i++)
    ms *= 2;
  if (ms > ATR_BACKOFF_LAST_MS)
    ms = ATR_BACKOFF_LAST_MS;
  (void)atr_random(&random, sizeof random);
  ms = ms / 2 + random % (ms / 2 + 1);
  c->attempt++;
  c->link = LINK_PAUSE;
  uv_timer_start(&c->retry, on_retry, ms, 0);
}

/* Reasons that a further attempt would only meet again.
 *
 * To who was in, something else that answers is none: a proxy has its own page while the server is away, a hotel its login. Nor is another key
 * where an invite says whose it must be and has more addresses: in the network where a laptop wakes up one of them may be a stranger's, who
 * learns nothing of us. A typed address with a new key, or an invite to that one alone, is a matter for the user. */
static bool is_final(const atr_client *c, int err)
{
  switch (err) {
  case ATR_HTTPS_ONLY:
  case ATR_NOT_ATRIUM:
    return !c->was_up;
  case ATR_KEY_CHANGED:
    return !(c->was_up && c->invite && c->invite->addresses_count > 1);
  case ATR_REFUSED:
  case ATR_KICKED:
  case ATR_VERSION:
  case ATR_KEY_UNKNOWN:
  case ATR_DENIED:
  case ATR_PROTO:
  case ATR_PASSWORD:
  case ATR_INVITE:
    return true;
  default:
    return false;
  }
}

/* Before anything was said: not while a password is proved, which is a guess, nor while the host is asked. */
static bool is_worth_another_try(const atr_client *c, int err)
{
  return !c->was_up && !c->hung_up && err == ATR_CLOSED && c->said_err == ATR_OK &&
         (c->link == LINK_RACING || c->link == LINK_TLS || c->link == LINK_HELLO);
}

/* Once more, after a pause. A server that just starts anew is there again before anybody has read why it was not. */
static void try_again(atr_client *c, int err, const char *detail)
{
  char sentence[ATR_REASON_BYTES_MAX];

  if (c->link == LINK_UP && client_now_ms(c) - c->up_since_ms >= ATR_BACKOFF_FORGOTTEN_MS)
    c->attempt = 0;
  drop_line(c);
  begin_pause(c);
  c->said_err = ATR_OK;
  c->said_text[0] = '\0';
  atr_log(ATR_LOG_INFO, "the connection to %s broke (%s, %s)", c->address_text, atr_err_name(err), detail);
  if (c->attempt <= ATR_ATTEMPTS_UNEXPLAINED) {
    link_tell_state(c, ATR_OK, NULL, NULL);
  } else {
    write_sentence(c, err, true, sentence, sizeof sentence);
    link_tell_state(c, err, sentence, detail);
  }
  questions_lost(c, true); /* last: who then asks again knows that the line is down */
}

static void lost(atr_client *c, int err, const char *detail)
{
  char text[ATR_REASON_BYTES_MAX];

  snprintf(text, sizeof text, "%s", detail ? detail : "");
  if (c->said_err < 0)
    err = c->said_err;
  if (err == ATR_OK)
    err = ATR_CLOSED;
  if (c->disconnecting) {
    go_offline(c, ATR_OK, NULL);
    return;
  }
  if (c->link == LINK_HELLO && c->host_accepted && c->said_err == ATR_OK) {
    /* The line broke, unnoticed, while the user looked at the check code. The key is pinned by now. */
    c->host_accepted = false;
    drop_line(c);
    link_race(c);
    return;
  }
  if (is_worth_another_try(c, err)) {
    c->hung_up = true; /* a server that is just starting anew, or a tunnel's first connection */
    drop_line(c);
    begin_pause(c);
    return;
  }
  if (!c->was_up || is_final(c, err)) {
    go_offline(c, err, text);
    return;
  }
  try_again(c, err, text);
}

void link_left_network(atr_client *c)
{
  lost(c, ATR_UNREACHABLE, "this machine has left the network of the connection");
}

void link_try_now(atr_client *c)
{
  if (c->link != LINK_PAUSE)
    return;
  uv_timer_stop(&c->retry);
  c->attempt = 0;
  link_race(c);
}

void link_said(atr_client *c, int err, const char *text)
{
  c->said_err = err;
  snprintf(c->said_text, sizeof c->said_text, "%s", text);
}

/* --- out ----------------------------------------------------------------------------------------------------- */

atr_jw link_begin_json(atr_client *c, atr_buf *buf, const char *t)
{
  atr_jw w;

  (void)c;
  atr_buf_init(buf, ATR_CONTROL_BYTES_MAX);
  atr_buf_append_u8(buf, ATR_MSG_JSON);
  w = atr_jw_begin(buf);
  atr_jw_str(&w, "t", t);
  return w;
}

void link_send_json(atr_client *c, atr_jw *w)
{
  int err = atr_jw_finish(w);

  if (err == ATR_OK && c->session)
    err = atr_session_send(c->session, ATR_LANE_CONTROL, atr_buf_span(w->out));
  atr_buf_free(w->out);
  if (err < 0 && c->session)
    atr_session_close(c->session, err, "a control message could not be sent");
}

void link_await(atr_client *c)
{
  c->answer_by_ms = client_now_ms(c) + ATR_ANSWER_TIMEOUT_MS;
}

/* To a room that it was in: where the server has lost that, it is brought back from here. */
static bool returns(const atr_client *c)
{
  const seat *s = c->seats;

  while (s && !s->ever_joined)
    s = s->next;
  return s != NULL;
}

void link_hello(atr_client *c)
{
  char token[ATR_TOKEN_HEX + 1];
  atr_buf buf;
  atr_jw w;

  c->link = LINK_HELLO;
  w = link_begin_json(c, &buf, "hello");
  atr_jw_int(&w, "proto", ATR_PROTO_VERSION);
  atr_jw_str(&w, "version", c->user_version[0] ? c->user_version : atr_version());
  atr_jw_str(&w, "name", c->user_name);
  atr_jw_array(&w, "color");
  for (int i = 0; i < 3; i++)
    atr_jw_num(&w, NULL, c->color[i]);
  atr_jw_end(&w);
  atr_jw_id(&w, "participant", &c->participant);
  if (c->via[0])
    atr_jw_str(&w, "via", c->via);
  if (returns(c))
    atr_jw_bool(&w, "returns", true);
  if (c->asks_rooms)
    atr_jw_bool(&w, "rooms", true);
  if (trust_token(c, atr_session_peer_key(c->session), token))
    atr_jw_str(&w, "token", token);
  if (c->invite && atr_hash_equal(&c->invite->key, atr_session_peer_key(c->session))) {
    atr_hex_encode(c->invite->token, sizeof c->invite->token, token);
    atr_jw_str(&w, "invite", token);
  }
  link_send_json(c, &w);
  link_await(c);
  link_tell_state(c, ATR_OK, NULL, NULL);
}

/* --- connecting ---------------------------------------------------------------------------------------------- */

static void on_close(void *ctx, int err, const char *detail)
{
  atr_client *c = ctx;
  atr_session *session = c->session;
  bool is_answered = c->link == LINK_TLS && err == ATR_KEY_CHANGED && !c->closing && trust_on_other_key(c, detail);

  if (is_answered) {
    client_pump_later(c);
    return;
  }
  c->session = NULL;
  atr_session_free(session);
  if (c->closing) {
    uv_stop(&c->loop);
    return;
  }
  if (c->link == LINK_CONFIRMING) /* the question stays open */
    return;
  lost(c, err, detail);
  client_pump_later(c);
}

static const atr_session_callbacks session_callbacks = {
    .on_key = trust_on_key, .on_message = inbox_message, .on_close = on_close};

/* Over a connection to the typed address. Where the key is known nobody else gets so far as to see who calls. */
static int begin_session(atr_client *c, atr_stream *stream)
{
  atr_hash key = c->given_key;
  int is_expected = c->is_key_given ? 1 : atr_pins_find(c->home, c->address_text, &key), err;

  if (is_expected < 0) {
    atr_stream_close(stream);
    return is_expected;
  }
  err = atr_session_new(&c->session, stream, false, c->identity, &session_callbacks, c);
  if (err == ATR_OK && is_expected)
    atr_session_expect(c->session, &key);
  return err;
}

static void on_race(void *ctx, const atr_race_result *result)
{
  atr_client *c = ctx;
  int err;

  c->race = NULL;
  snprintf(c->via, sizeof c->via, "%s", result->via);
  if (c->invite)
    snprintf(c->address_text, sizeof c->address_text, "%s", result->address);
  if (result->err < 0) {
    lost(c, result->err, result->detail);
    return;
  }
  c->link = LINK_TLS;
  err = c->invite ? atr_session_new_secure(&c->session, result->stream, &session_callbacks, c)
                  : begin_session(c, result->stream);
  if (err < 0) {
    c->session = NULL;
    lost(c, err, atr_err_text(err));
  }
}

void link_race(atr_client *c)
{
  atr_race_options options = {.tls = atr_identity_tls(c->identity)};
  int err;

  c->link = LINK_RACING;
  c->said_err = ATR_OK;
  c->said_text[0] = '\0';
  link_tell_state(c, ATR_OK, NULL, NULL);
  if (c->invite) {
    options.key = &c->invite->key;
    options.is_invited = true;
    /* Most of an invite's addresses are dead for whoever is elsewhere: all have begun within what one pause would take. */
    options.delay_ms = ATR_RACE_DELAY_MS / (uint32_t)c->invite->addresses_count;
    err = atr_race_start(&c->race, c->net, c->invite->addresses, c->invite->addresses_count, &options, on_race, c);
  } else {
    err = atr_race_start(&c->race, c->net, &c->address, 1, NULL, on_race, c);
  }
  if (err < 0) {
    c->race = NULL;
    lost(c, err, "");
  }
}

static void read_user(atr_client *c, const cJSON *message)
{
  const cJSON *color = atr_json_get(message, "color");
  const char *text;

  c->user_name[0] = c->user_version[0] = '\0';
  if (atr_json_get_str(message, "name", &text) == ATR_OK)
    snprintf(c->user_name, sizeof c->user_name, "%s", text);
  if (atr_json_get_str(message, "version", &text) == ATR_OK)
    snprintf(c->user_version, sizeof c->user_version, "%s", text);
  for (int i = 0; i < 3; i++) {
    const cJSON *part = cJSON_IsArray(color) ? cJSON_GetArrayItem(color, i) : NULL;

    c->color[i] = cJSON_IsNumber(part) && part->valuedouble >= 0 && part->valuedouble <= 1 ? part->valuedouble : 0.8;
  }
}

/* What was typed or pasted: an invite, or an address. */
static int read_host(atr_client *c, const char *host, uint16_t port, char *why, size_t why_bytes)
{
  int err;

  free(c->invite);
  c->invite = NULL;
  if (!atr_invite_is_in(host, strlen(host)))
    return atr_address_parse(host, strlen(host), port, &c->address, why, why_bytes);
  /* From here on no text of ours holds what was pasted: there is a token in it. */
  snprintf(c->address_text, sizeof c->address_text, "the invite's host");
  c->invite = calloc(1, sizeof *c->invite);
  if (!c->invite)
    return ATR_NOMEM;
  err = atr_invite_read(host, strlen(host), c->invite, why, why_bytes);
  if (err) {
    free(c->invite);
    c->invite = NULL;
    return err;
  }
  c->address = c->invite->addresses[0];
  return ATR_OK;
}

void link_connect(atr_client *c, const cJSON *message)
{
  const char *host = "localhost", *name = "", *password = "", *room = "";
  uint64_t port = ATR_PORT_DEFAULT;
  char why[256] = "";
  int err;

  go_offline(c, ATR_OK, NULL);
  (void)atr_json_get_str(message, "host", &host);
  (void)atr_json_get_str(message, "name", &name);
  (void)atr_json_get_str(message, "password", &password);
  (void)atr_json_get_str(message, "room", &room);
  (void)atr_json_get_u64(message, "port", UINT16_MAX, &port);
  c->was_up = false;
  c->host_accepted = false;
  c->hung_up = false;
  c->probes = false;
  c->only_own = c->asks_here = false;
  c->asks_rooms = c->awaits_rooms = false;
  c->is_key_given = atr_json_get_hash(message, "key", &c->given_key) == ATR_OK;
  (void)atr_json_get_bool(message, "probe", &c->probes);
  (void)atr_json_get_bool(message, "own", &c->only_own);
  (void)atr_json_get_bool(message, "asks_here", &c->asks_here);
  (void)atr_json_get_bool(message, "rooms", &c->asks_rooms);
  c->said_err = ATR_OK;
  c->said_text[0] = '\0';
  c->disconnect_by_ms = 0;
  snprintf(c->address_text, sizeof c->address_text, "%s", host);
  err = read_host(c, host, (uint16_t)port, why, sizeof why);
  if (err == ATR_OK && strlen(password) > ATR_PASSWORD_BYTES_MAX) {
    err = ATR_LIMIT;
    snprintf(why, sizeof why, "A password has at most 1,024 bytes.");
  }
  if (err == ATR_OK && strlen(room) > ATR_ROOM_NAME_BYTES_MAX) {
    err = ATR_ROOM_NAME;
    snprintf(why, sizeof why, "A room's name has 1 to 255 bytes.");
  }
  if (err == ATR_OK && strlen(name) > ATR_USER_NAME_BYTES_MAX) {
    err = ATR_LIMIT;
    snprintf(why, sizeof why, "The user name is longer than 255 bytes: choose a shorter one.");
  }
  if (err < 0) {
    atr_address_hide(c->address_text);
    link_tell_state(c, err, why, "");
    return;
  }
  atr_address_shown(&c->address, c->address_text);
  snprintf(c->password, sizeof c->password, "%s", password);
  snprintf(c->password_room, sizeof c->password_room, "%s", room);
  read_user(c, message);
  link_race(c);
}

void link_cancel(atr_client *c)
{
  if (c->link != LINK_UP) {
    if (c->link != LINK_DOWN)
      go_offline(c, ATR_OK, NULL);
    return;
  }
  for (seat *s = c->seats, *next; s; s = next) {
    next = s->next;
    if (!s->complete)
      seat_leave(c, s);
  }
  link_tell_state(c, ATR_OK, NULL, NULL);
}

/* --- up and down --------------------------------------------------------------------------------------------- */

void link_knocking(atr_client *c)
{
  if (c->link != LINK_HELLO)
    return;
  c->link = LINK_KNOCKING;
  c->answer_by_ms = 0;
  link_tell_state(c, ATR_OK, NULL, NULL);
}

void link_ask_rooms(atr_client *c)
{
  atr_buf buf;
  atr_jw w = link_begin_json(c, &buf, "rooms");

  c->awaits_rooms = true;
  link_send_json(c, &w);
}

void link_welcome(atr_client *c, const cJSON *message)
{
  static const char *const copied[] = {"version", "server", "host", "port", "runs_with", "invited_to", "guest"};
  char own_code[ATR_CHECK_CODE_BYTES] = "";
  bool rooms_follow = false;
  atr_jw w;

  if (c->link != LINK_HELLO && c->link != LINK_KNOCKING)
    return;
  c->link = LINK_UP;
  c->answer_by_ms = 0;
  c->was_up = true;
  c->server_restarts = false;
  c->up_since_ms = client_now_ms(c);
  c->trusted_code[0] = '\0';
  password_forget(c);
  (void)atr_check_code(atr_identity_spki(c->identity), own_code);
  w = event_begin(c, "welcome");
  for (size_t i = 0; i < sizeof copied / sizeof *copied; i++) {
    const cJSON *value = atr_json_get(message, copied[i]);

    if (value)
      atr_jw_tree(&w, copied[i], value);
  }
  atr_jw_str(&w, "check_code", c->host_code);
  atr_jw_str(&w, "own_code", own_code);
  event_end(c, &w, NULL);
  atr_log(ATR_LOG_INFO, "connected to %s (%s)", c->address_text, atr_session_peer_address(c->session));
  seats_link_up(c);
  (void)atr_json_get_bool(message, "rooms", &rooms_follow);
  if ((c->asks_rooms || c->awaits_rooms) && !rooms_follow) /* the server did not know the question, or the line broke */
    link_ask_rooms(c);
  link_tell_state(c, ATR_OK, NULL, NULL);
}

static void say_bye(atr_client *c)
{
  atr_buf buf;
  atr_jw w;

  if (!c->session || (c->link != LINK_UP && c->link != LINK_KNOCKING))
    return;
  w = link_begin_json(c, &buf, "bye");
  link_send_json(c, &w);
}

/* Seats first let out what was submitted; the rest follows in link_tick(). */
void link_disconnect(atr_client *c)
{
  if (c->link != LINK_UP) {
    if (c->link != LINK_DOWN)
      go_offline(c, ATR_OK, NULL);
    return;
  }
  c->disconnecting = true;
  if (c->disconnect_by_ms == 0)
    c->disconnect_by_ms = client_now_ms(c) + ATR_LEAVE_MS;
  for (seat *s = c->seats, *next; s; s = next) {
    next = s->next;
    seat_leave(c, s);
  }
  link_tick(c, client_now_ms(c));
}

static void finish_disconnect(atr_client *c)
{
  c->disconnect_by_ms = 0;
  say_bye(c);
  c->disconnecting = true;
  if (c->session) {
    c->link = LINK_DOWN; /* what still arrives is of no interest; on_close follows */
    atr_session_close(c->session, ATR_OK, NULL);
    questions_lost(c, false);
    seats_link_down(c);
    seats_close_all(c, ATR_OK, NULL);
    link_tell_state(c, ATR_OK, NULL, NULL);
  } else {
    go_offline(c, ATR_OK, NULL);
  }
}

void link_end(atr_client *c)
{
  if (c->race)
    atr_race_cancel(c->race);
  c->race = NULL;
  uv_timer_stop(&c->retry);
  say_bye(c);
  if (c->session)
    atr_session_close(c->session, ATR_OK, NULL);
}

/* Pings may be answered all the time: what answers them need not be a server that lets somebody in. */
static void check_answer(atr_client *c, uint64_t now_ms)
{
  if (!c->answer_by_ms || now_ms < c->answer_by_ms)
    return;
  c->answer_by_ms = 0;
  if (c->session)
    atr_session_abort(c->session, ATR_TIMEOUT, "the host did not answer");
}

void link_tick(atr_client *c, uint64_t now_ms)
{
  uint32_t latency_us = c->session && c->link == LINK_UP ? atr_session_latency_us(c->session) : 0;
  uint32_t change = latency_us > c->latency_told_us ? latency_us - c->latency_told_us : c->latency_told_us - latency_us;

  if (latency_us > 0 && change > c->latency_told_us / 8) {
    atr_jw w = event_begin(c, "latency");

    c->latency_told_us = latency_us;
    atr_jw_int(&w, "us", latency_us);
    event_end(c, &w, "latency");
  }
  check_answer(c, now_ms);
  if (c->disconnecting && c->link == LINK_UP && !c->seats)
    finish_disconnect(c);
  else if (c->disconnect_by_ms && now_ms >= c->disconnect_by_ms) {
    if (c->link == LINK_UP)
      finish_disconnect(c);
    else
      link_disconnect(c);
    c->disconnect_by_ms = 0;
  }
}
