/* SPDX-License-Identifier: MIT
 *
 * A glance at the rooms of hosts on the local network that know us: who has access sees where people are without going there.
 *
 * Only where the key that a host announces is pinned: for its address, or for another, as a host that has got a new address is found again by its
 * key. One connection at a time goes there and demands that key, as a race for an invite does: an impostor sees a connection, and learns neither
 * who calls nor what for. To the true one `hello` says that we only look, so that it asks nobody and keeps nothing; it answers with the
 * rooms that our key may enter, or hangs up. Each host is looked at once when it is found, and then every ATR_GLANCE_AGAIN_MS; what is
 * shown of it goes when it no longer says so. A key that is announced at several addresses, and pinned for none of them, is sought at one after
 * the other (neighbors.h); nothing is pinned by that. */
#include "client/internal.h"
#include "client/shape.h"

#include "base/version.h"

#include <stdlib.h>
#include <string.h>

typedef struct view {
  bool is_used, is_shown;
  atr_known known;
  atr_hash key;
  char address[ATR_ADDRESS_TEXT_BYTES];
  uint64_t due_ms;
  cJSON *rooms; /* NULL: it has not told us */
} view;

struct glances {
  atr_client *client;
  view views[ATR_GLANCE_HOSTS_MAX];
  view *at; /* whose turn it is; NULL: nobody's */
  atr_race *race;
  atr_session *session;
  char via[ATR_ADDRESS_TEXT_BYTES];
  uint64_t end_ms;
  bool is_proved, has_seen; /* in this turn */
};

/* --- one glance ------------------------------------------------------------------------------------------------ */

static void stop(glances *g)
{
  if (g->race)
    atr_race_cancel(g->race);
  atr_session_free(g->session);
  g->race = NULL;
  g->session = NULL;
  g->at = NULL;
}

static void keep(glances *g, view *v, cJSON *rooms)
{
  bool is_same = v->rooms && rooms ? cJSON_Compare(v->rooms, rooms, true) : v->rooms == rooms;

  cJSON_Delete(v->rooms);
  v->rooms = rooms;
  if (!is_same)
    discover_tell(g->client);
}

/* Whether the key was proved there. False where nobody wants to see this host any more. */
static bool tell_proved(glances *g, bool is_proved)
{
  view *v = g->at;

  g->is_proved = is_proved;
  if (g->client->seeker)
    atr_seeker_prove(g->client->seeker, &v->key, v->address, is_proved);
  return g->at == v;
}

static void end(glances *g)
{
  view *v = g->at;

  if (!g->has_seen)
    keep(g, v, NULL);
  if (!g->is_proved && !tell_proved(g, false))
    return;
  stop(g);
}

static void say_hello(glances *g)
{
  atr_client *c = g->client;
  char token[65];
  atr_buf buf;
  atr_jw w = link_begin_json(c, &buf, "hello");
  int err;

  atr_jw_int(&w, "proto", ATR_PROTO_VERSION);
  atr_jw_str(&w, "version", atr_version());
  atr_jw_bool(&w, "look", true);
  atr_jw_str(&w, "via", g->via);
  if (trust_token(c, atr_session_peer_key(g->session), token))
    atr_jw_str(&w, "token", token);
  err = atr_jw_finish(&w);
  if (err == ATR_OK)
    err = atr_session_send(g->session, ATR_LANE_CONTROL, atr_buf_span(&buf));
  atr_buf_free(&buf);
  if (err < 0)
    atr_session_close(g->session, err, NULL);
}

static void on_key(void *ctx, const atr_hash *key, atr_span spki)
{
  glances *g = ctx;

  (void)key; /* the race has demanded it */
  (void)spki;
  atr_session_accept_key(g->session);
  say_hello(g);
}

static void take_rooms(glances *g, cJSON *message)
{
  const char *t = "";

  if (g->has_seen || atr_json_get_str(message, "t", &t) < 0 || strcmp(t, "rooms") != 0 || shape_check(t, message) < 0)
    return;
  g->has_seen = true;
  keep(g, g->at, cJSON_DetachItemFromObjectCaseSensitive(message, "rooms"));
  atr_session_close(g->session, ATR_OK, NULL);
}

static int on_message(void *ctx, int lane, atr_span bytes)
{
  cJSON *message;
  atr_span text;
  int err;

  if (lane != ATR_LANE_CONTROL || bytes.p[0] != ATR_MSG_JSON)
    return ATR_PROTO;
  err = atr_msg_read_json(bytes, &text);
  if (err == ATR_OK)
    err = atr_json_parse_object((const char *)text.p, text.n, &message);
  if (err < 0)
    return err;
  take_rooms(ctx, message);
  cJSON_Delete(message);
  return ATR_OK;
}

static void on_close(void *ctx, int err, const char *detail)
{
  (void)err;
  (void)detail;
  end(ctx);
}

static void on_race(void *ctx, const atr_race_result *result)
{
  static const atr_session_callbacks callbacks = {.on_key = on_key, .on_message = on_message, .on_close = on_close};
  glances *g = ctx;

  g->race = NULL;
  memcpy(g->via, result->via, sizeof g->via);
  if (result->err == ATR_OK && tell_proved(g, true)) {
    if (atr_session_new_secure(&g->session, result->stream, &callbacks, g) == ATR_OK)
      return;
    g->session = NULL;
    end(g);
  } else if (result->err == ATR_OK) {
    atr_stream_close(result->stream);
  } else {
    end(g);
  }
}

/* The pins are asked again: the user may have forgotten the host since it was heard. */
static bool is_known(const glances *g, const view *v)
{
  return discover_knows(g->client, v->address, &v->key) != ATR_KNOWN_NOT;
}

static void begin(glances *g, view *v, uint64_t now_ms)
{
  atr_race_options options = {
      .timeout_ms = ATR_GLANCE_MS, .tls = atr_identity_tls(g->client->identity), .key = &v->key};
  atr_address address;
  char why[128];

  v->due_ms = now_ms + ATR_GLANCE_AGAIN_MS;
  if (!is_known(g, v) ||
      atr_address_parse(v->address, strlen(v->address), ATR_PORT_DEFAULT, &address, why, sizeof why) < 0) {
    keep(g, v, NULL);
    return;
  }
  g->at = v;
  g->is_proved = g->has_seen = false;
  g->end_ms = now_ms + ATR_GLANCE_MS;
  if (atr_race_start(&g->race, g->client->net, &address, 1, &options, on_race, g) < 0) {
    g->race = NULL;
    end(g);
  }
}

/* --- whose turn it is ------------------------------------------------------------------------------------------ */

void glances_tick(glances *g, uint64_t now_ms)
{
  view *next = NULL;

  if (!g)
    return;
  if (g->at && now_ms >= g->end_ms)
    end(g);
  if (g->at)
    return;
  for (view *v = g->views; v < g->views + ATR_GLANCE_HOSTS_MAX; v++)
    if (v->is_used && v->due_ms <= now_ms && (!next || v->due_ms < next->due_ms))
      next = v;
  if (next)
    begin(g, next, now_ms);
}

static view *view_of(glances *g, const atr_neighbor *host)
{
  for (view *v = g->views; v < g->views + ATR_GLANCE_HOSTS_MAX; v++)
    if (v->is_used && atr_hash_equal(&v->key, &host->key) && strcmp(v->address, host->address) == 0)
      return v;
  return NULL;
}

static void drop(glances *g, view *v)
{
  if (g->at == v)
    stop(g);
  cJSON_Delete(v->rooms);
  memset(v, 0, sizeof *v);
}

/* NULL where all are of hosts of whom as much is known. */
static view *place_for(glances *g, const atr_neighbor *host)
{
  view *least = NULL;

  for (view *v = g->views; v < g->views + ATR_GLANCE_HOSTS_MAX; v++) {
    if (!v->is_used)
      return v;
    if (v->known < host->known && (!least || v->known < least->known))
      least = v;
  }
  if (least)
    drop(g, least);
  return least;
}

static void add(glances *g, const atr_neighbor *host)
{
  view *v = place_for(g, host);

  if (!v)
    return;
  v->is_used = v->is_shown = true;
  v->key = host->key;
  v->known = host->known;
  v->due_ms =
      host->known == ATR_KNOWN_ELSEWHERE || host->known == ATR_KNOWN_AWAY ? host->tried_ms + ATR_GLANCE_AGAIN_MS : 0;
  memcpy(v->address, host->address, sizeof v->address);
}

void glances_shown(glances *g, const atr_neighbor **shown, size_t n)
{
  if (!g)
    return;
  for (view *v = g->views; v < g->views + ATR_GLANCE_HOSTS_MAX; v++)
    v->is_shown = false;
  for (size_t i = 0; i < n; i++) {
    view *v = view_of(g, shown[i]);

    if (v) {
      v->is_shown = shown[i]->known != ATR_KNOWN_NOT;
      v->known = shown[i]->known;
    }
  }
  for (view *v = g->views; v < g->views + ATR_GLANCE_HOSTS_MAX; v++)
    if (v->is_used && !v->is_shown)
      drop(g, v);
  for (size_t i = 0; i < n; i++)
    if (shown[i]->known != ATR_KNOWN_NOT && !view_of(g, shown[i]))
      add(g, shown[i]);
}

const cJSON *glances_rooms(glances *g, const atr_neighbor *host)
{
  const view *v = g ? view_of(g, host) : NULL;

  return v ? v->rooms : NULL;
}

glances *glances_new(atr_client *c)
{
  glances *g = calloc(1, sizeof *g);

  if (g)
    g->client = c;
  return g;
}

void glances_free(glances *g)
{
  if (!g)
    return;
  for (view *v = g->views; v < g->views + ATR_GLANCE_HOSTS_MAX; v++)
    drop(g, v);
  stop(g);
  free(g);
}
