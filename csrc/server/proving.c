/* SPDX-License-Identifier: MIT
 *
 * A guest proves that it knows a password, the server's or a room's, without showing it (session/cpace.h).
 *
 * Three questions and answers before the hello, each a `pake`: how the password is derived, where the guest says which one it means; the two shares; the
 * two tags, the guest's first. A guess is counted when its share comes, and given back when its tag is right (guard.h). The run is
 * bound to this connection and to both keys, so what a host in the middle passes on proves nothing to the other side.
 *
 * Who knows a room's name may be anybody. What he gets does not tell whether there is such a room, or whether it has a password: not the salt
 * (passwords.h), not the steps nor the work in them, and not the guesses, which are counted by name. */
#include "server/internal.h"

#include "base/log.h"
#include "proto/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct proof {
  atr_password password; /* as it was when the guest asked */
  atr_cpace run;
  bool of_room;   /* and not the server's */
  bool has_share; /* each step comes once */
  atr_id room;    /* zero: there is no such room, or it has no password */
  uint32_t slot;  /* of the guesses at that name */
};

void proving_drop(conn *c)
{
  if (c->proof) {
    atr_cpace_wipe(&c->proof->run);
    atr_password_wipe(&c->proof->password);
  }
  free(c->proof);
  c->proof = NULL;
}

static void answer(conn *c, const char *name, const uint8_t *bytes, size_t n)
{
  char hex[2 * ATR_CPACE_TAG_BYTES + 1];
  atr_buf buf;
  atr_jw w;

  atr_hex_encode(bytes, n, hex);
  atr_buf_init(&buf, ATR_CONTROL_BYTES_MAX);
  w = atr_jw_begin(&buf);
  atr_jw_str(&w, "t", "pake");
  atr_jw_str(&w, name, hex);
  if (strcmp(name, "salt") == 0) {
    atr_jw_int(&w, "passes", c->proof->password.passes);
    atr_jw_int(&w, "memory_kib", c->proof->password.memory_kib);
  }
  conn_send_json(c, &w);
  atr_buf_free(&buf);
}

/* Whoever trusts this host already goes on without, as if nothing had been typed. */
static void answer_none(conn *c)
{
  atr_buf buf;
  atr_jw w;

  atr_buf_init(&buf, ATR_CONTROL_BYTES_MAX);
  w = atr_jw_begin(&buf);
  atr_jw_str(&w, "t", "pake");
  atr_jw_bool(&w, "none", true);
  conn_send_json(c, &w);
  atr_buf_free(&buf);
}

/* --- which password -------------------------------------------------------------------------------------------- */

/* 0, ATR_NOENT (the server has none), or an error of the guest's. */
static int begin(conn *c, const cJSON *message)
{
  atr_server *server = c->server;
  const atr_password *own = atr_passwords_of_server(server->passwords);
  const char *name = NULL;

  if (atr_json_get(message, "room") &&
      (atr_json_get_str(message, "room", &name) < 0 || strlen(name) > ATR_ROOM_NAME_BYTES_MAX))
    return ATR_PROTO;
  if (!name && !own)
    return ATR_NOENT;
  c->proof = calloc(1, sizeof *c->proof);
  if (!c->proof)
    return ATR_NOMEM;
  c->proof->of_room = name != NULL;
  if (name) {
    atr_passwords_of_name(server->passwords, name, &c->proof->password, &c->proof->room);
    c->proof->slot = atr_password_slot(server->keyed, name, ATR_GUESS_SLOTS);
  } else {
    c->proof->password = *own;
  }
  return ATR_OK;
}

/* Its own, where the guest may enter there already; else that of all strangers. A key that was let into one room is a stranger
 * to the others: whoever has an invite to that one can make as many such keys as he likes. */
static atr_guard *guard_of(conn *c)
{
  atr_server *server = c->server;
  const proof *p = c->proof;
  bool is_known = p->of_room && atr_id_is_zero(&p->room)
                      ? atr_rights_standing(server->rights, &c->who) >= ATR_IS_MEMBER
                      : atr_rights_may(server->rights, &c->who, ATR_MAY_ENTER, p->of_room ? &p->room : NULL, NULL);
  atr_guard *own = is_known ? atr_rights_guard(server->rights, &c->who.key, server_now_ms(server)) : NULL;

  if (own)
    return own;
  return p->of_room ? &server->room_guards[p->slot] : &server->strangers;
}

/* --- the steps ------------------------------------------------------------------------------------------------- */

static int on_share(conn *c, const uint8_t share[ATR_CPACE_SHARE_BYTES])
{
  const atr_hash *own = atr_identity_key(c->server->identity);
  proof *p = c->proof;
  uint8_t sid[32];
  uint32_t wait_s;
  char text[128];
  int err;

  if (p->has_share)
    return ATR_PROTO;
  p->has_share = true;
  if (!atr_guard_take(guard_of(c), server_now_ms(c->server), &wait_s)) {
    snprintf(text, sizeof text, "Too many passwords were tried here: try again in %u seconds, or ask for an invite.",
             wait_s);
    conn_fail(c, ATR_LATER, text, "pake");
    return ATR_OK;
  }
  err = atr_session_export(c->session, ATR_PASSWORD_EXPORTER, sid);
  if (!err)
    err = atr_cpace_start(&p->run, false, atr_span_of(p->password.secret, sizeof p->password.secret),
                          atr_span_of(ATR_PASSWORD_CI, sizeof ATR_PASSWORD_CI - 1), atr_span_of(sid, sizeof sid),
                          atr_span_of(own->b, sizeof own->b), NULL);
  if (!err)
    err = atr_cpace_agree(&p->run, share, atr_span_of(c->who.key.b, sizeof c->who.key.b));
  if (!err)
    answer(c, "share", p->run.share, sizeof p->run.share);
  return err;
}

static int on_tag(conn *c, const uint8_t tag[ATR_CPACE_TAG_BYTES])
{
  proof *p = c->proof;
  int err = atr_cpace_confirm(&p->run, tag);

  if (err == ATR_OK) {
    atr_guard_give_back(guard_of(c));
    c->knows_password = !p->of_room;
    c->knows_room = p->room;
    answer(c, "tag", p->run.tag, sizeof p->run.tag);
  } else if (err == ATR_PASSWORD) {
    atr_log_stranger(conn_quota(c), server_now_ms(c->server), ATR_LOG_INFO, "%s: a wrong password",
                     atr_session_peer_address(c->session));
    conn_fail(c, err,
              p->of_room ? "There is no such room, or the password is not right." : "The password is not right.",
              "pake");
    err = ATR_OK;
  }
  proving_drop(c);
  c->has_proved = true;
  return err;
}

void proving_pake(conn *c, const cJSON *message)
{
  uint8_t share[ATR_CPACE_SHARE_BYTES], tag[ATR_CPACE_TAG_BYTES];
  bool is_share = atr_json_get_bytes(message, "share", share, sizeof share) == ATR_OK;
  bool is_tag = !is_share && atr_json_get_bytes(message, "tag", tag, sizeof tag) == ATR_OK;
  int err = c->has_proved ? ATR_PROTO : ATR_OK;

  if (!err && !c->proof)
    err = is_tag ? ATR_PROTO : begin(c, message);
  else if (!err && !is_share && !is_tag)
    err = ATR_PROTO;
  if (err == ATR_NOENT) {
    answer_none(c);
    return;
  }
  if (!err && is_share)
    err = on_share(c, share);
  else if (!err && is_tag)
    err = on_tag(c, tag);
  else if (!err)
    answer(c, "salt", c->proof->password.salt, sizeof c->proof->password.salt);
  if (err)
    conn_fail(c, err, NULL, "pake");
}
