/* SPDX-License-Identifier: MIT
 *
 * Typed address and password: the host is trusted because it knows the password too, and learns nothing if it does not.
 *
 * Runs between the host's key and the hello. The password is derived off the loop; a run that its connection has left behind
 * ends by itself. A host that does not know the password has had one guess, and its key is not trusted. */
#include "client/internal.h"

#include "base/hash.h"
#include "session/cpace.h"
#include "session/password.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct guess {
  uv_work_t work;
  atr_client *client; /* NULL: given up */
  bool has_salt;      /* there is one: a second would be a second guess for the host */
  bool working;
  atr_password password;
  atr_cpace run;
  int err;
  char text[ATR_PASSWORD_BYTES_MAX + 1];
};

static void forget(guess *g)
{
  atr_password_wipe(&g->password);
  atr_cpace_wipe(&g->run);
  atr_wipe(g->text, sizeof g->text); /* memset() before free() is left out by the compiler */
  free(g);
}

void password_cancel(atr_client *c)
{
  guess *g = c->guess;

  c->guess = NULL;
  if (!g)
    return;
  g->client = NULL;
  if (!g->working)
    forget(g);
  else
    uv_cancel((uv_req_t *)&g->work);
}

void password_forget(atr_client *c)
{
  password_cancel(c);
  atr_wipe(c->password, sizeof c->password);
}

static void fail(atr_client *c, int err, const char *text)
{
  link_said(c, err, text);
  atr_session_close(c->session, err, text);
}

static void ask(atr_client *c)
{
  atr_buf buf;
  atr_jw w = link_begin_json(c, &buf, "pake");

  if (c->password_room[0])
    atr_jw_str(&w, "room", c->password_room);
  link_send_json(c, &w);
  link_await(c);
}

static void say(atr_client *c, const char *name, const uint8_t *bytes, size_t n)
{
  char hex[2 * ATR_CPACE_TAG_BYTES + 1];
  atr_buf buf;
  atr_jw w = link_begin_json(c, &buf, "pake");

  atr_hex_encode(bytes, n, hex);
  atr_jw_str(&w, name, hex);
  link_send_json(c, &w);
  link_await(c);
}

void password_begin(atr_client *c)
{
  password_cancel(c);
  c->guess = calloc(1, sizeof *c->guess);
  if (!c->guess) {
    fail(c, ATR_NOMEM, atr_err_text(ATR_NOMEM));
    return;
  }
  c->guess->client = c;
  snprintf(c->guess->text, sizeof c->guess->text, "%s", c->password);
  atr_session_accept_key(c->session);
  ask(c);
}

/* --- the secret ------------------------------------------------------------------------------------------------ */

static void derive(uv_work_t *work)
{
  guess *g = work->data;

  g->err = atr_password_derive(&g->password, atr_span_of(g->text, strlen(g->text)));
}

static int start_run(atr_client *c, guess *g)
{
  const atr_hash *own = atr_identity_key(c->identity);
  uint8_t sid[32];
  int err = c->session ? atr_session_export(c->session, ATR_PASSWORD_EXPORTER, sid) : ATR_STATE;

  return err ? err
             : atr_cpace_start(&g->run, true, atr_span_of(g->password.secret, sizeof g->password.secret),
                               atr_span_of(ATR_PASSWORD_CI, sizeof ATR_PASSWORD_CI - 1), atr_span_of(sid, sizeof sid),
                               atr_span_of(own->b, sizeof own->b), NULL);
}

static void derived(uv_work_t *work, int status)
{
  guess *g = work->data;
  atr_client *c = g->client;
  int err = status < 0 ? ATR_CANCELED : g->err;

  g->working = false;
  if (!c) {
    forget(g);
    return;
  }
  if (!err)
    err = start_run(c, g);
  if (err && c->session)
    fail(c, err,
         err == ATR_LIMIT ? "This host asks for more work than a password needs: is it really the right one?"
                          : atr_err_text(err));
  else if (!err)
    say(c, "share", g->run.share, sizeof g->run.share);
  client_pump_later(c);
}

static int on_salt(atr_client *c, guess *g, const cJSON *message)
{
  uint64_t passes, memory_kib;

  if (atr_json_get_bytes(message, "salt", g->password.salt, sizeof g->password.salt) < 0 ||
      atr_json_get_u64(message, "passes", UINT32_MAX, &passes) < 0 ||
      atr_json_get_u64(message, "memory_kib", UINT32_MAX, &memory_kib) < 0)
    return ATR_PROTO;
  g->has_salt = true;
  c->answer_by_ms = 0; /* it is our turn, which may take a while */
  g->password.passes = (uint32_t)passes;
  g->password.memory_kib = (uint32_t)memory_kib;
  g->work.data = g;
  g->working = uv_queue_work(&c->loop, &g->work, derive, derived) == 0;
  return g->working ? ATR_OK : ATR_NOMEM;
}

/* The host has no password. That proves nothing, so it counts only where the key was trusted before. */
static void on_none(atr_client *c)
{
  password_cancel(c);
  if (c->is_pinned)
    trust_password_proved(c);
  else
    fail(c, ATR_PASSWORD, "This host has no password: connect without one, and it is asked to let you in.");
}

int password_message(atr_client *c, const cJSON *message)
{
  const atr_hash *host = c->session ? atr_session_peer_key(c->session) : NULL;
  uint8_t share[ATR_CPACE_SHARE_BYTES], tag[ATR_CPACE_TAG_BYTES];
  guess *g = c->guess;
  bool none = false;
  int err;

  if (c->link != LINK_PASSWORD || !g || !host)
    return ATR_PROTO;
  if (!g->has_salt && atr_json_get_bool(message, "none", &none) == ATR_OK && none) {
    on_none(c);
    return ATR_OK;
  }
  if (!g->has_salt)
    return on_salt(c, g, message);
  if (g->working)
    return ATR_PROTO;
  if (atr_json_get_bytes(message, "share", share, sizeof share) == ATR_OK) {
    err = atr_cpace_agree(&g->run, share, atr_span_of(host->b, sizeof host->b));
    if (!err)
      say(c, "tag", g->run.tag, sizeof g->run.tag);
    return err;
  }
  if (atr_json_get_bytes(message, "tag", tag, sizeof tag) < 0)
    return ATR_PROTO;
  err = atr_cpace_confirm(&g->run, tag);
  if (err == ATR_PROTO)
    return err;
  password_cancel(c);
  if (err)
    fail(c, ATR_PASSWORD, "What answers here does not know the password: it is not the host that you mean.");
  else
    trust_password_proved(c);
  return ATR_OK;
}
