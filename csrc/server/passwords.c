/* SPDX-License-Identifier: MIT
 *
 * The server's password: who knows it is let in, and proves that without showing it (session/cpace.h).
 *
 * Three questions and answers before the hello, each a `pake`: how the password is derived; the two shares; the two tags, the
 * guest's first. A guess is counted when its share comes, and given back when its tag is right (guard.h). The run is
 * bound to this connection and to both keys, so what a host in the middle passes on proves nothing to the other side.
 *
 * What is kept is in the file `password` of the data folder: salt, parameters, secret. It is as good as the password. */
#include "server/internal.h"

#include "base/hash.h"
#include "base/log.h"
#include "proto/json.h"
#include "session/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the file -------------------------------------------------------------------------------------------------- */

/* A number without sign that is all of the text. */
static bool get_number(const char *text, uint32_t *out)
{
  unsigned long value;
  char *end;

  errno = 0;
  value = strtoul(text, &end, 10);
  *out = (uint32_t)value;
  return errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == 0 && value <= UINT32_MAX;
}

static bool read_line(atr_password *p, const char *line)
{
  char passes[11], memory_kib[11], salt[2 * ATR_PASSWORD_SALT_BYTES + 1], secret[2 * ATR_PASSWORD_SECRET_BYTES + 1];

  return sscanf(line, "argon2id %10s %10s %32s %64s", passes, memory_kib, salt, secret) == 4 &&
         get_number(passes, &p->passes) && get_number(memory_kib, &p->memory_kib) &&
         atr_hex_decode(salt, strlen(salt), p->salt, sizeof p->salt) == 0 &&
         atr_hex_decode(secret, strlen(secret), p->secret, sizeof p->secret) == 0;
}

/* An empty file: the host has removed its password. */
static int read_file(atr_server *server, char *why, size_t why_bytes)
{
  atr_buf text;
  int err;

  atr_buf_init(&text, 4096);
  err = atr_file_read(server->password_path, ATR_FILE_PRIVATE, &text, why, why_bytes);
  if (!err)
    err = atr_buf_append_u8(&text, 0);
  if (!err && text.data[0]) {
    server->has_password = read_line(&server->password, (const char *)text.data);
    if (!server->has_password) {
      snprintf(why, why_bytes,
               "The file %s is not one that this server has written: delete it and set the password anew.",
               server->password_path);
      err = ATR_IO;
    }
  }
  atr_buf_free(&text);
  return err == ATR_NOENT ? ATR_OK : err;
}

static int write_file(const atr_server *server)
{
  char salt[2 * ATR_PASSWORD_SALT_BYTES + 1], secret[2 * ATR_PASSWORD_SECRET_BYTES + 1], line[256] = "", why[512];
  const atr_password *p = &server->password;

  atr_hex_encode(p->salt, sizeof p->salt, salt);
  atr_hex_encode(p->secret, sizeof p->secret, secret);
  if (server->has_password)
    snprintf(line, sizeof line, "argon2id %u %u %s %s\n", p->passes, p->memory_kib, salt, secret);
  return atr_file_replace(server->password_path, atr_span_of(line, strlen(line)), why, sizeof why);
}

int passwords_open(atr_server *server, const char *folder, const char *text, char *why, size_t why_bytes)
{
  int err = atr_file_path(server->password_path, folder, "password", why, why_bytes);

  atr_guard_init(&server->strangers, 0);
  if (!err && !text)
    return read_file(server, why, why_bytes);
  if (!err)
    err = atr_password_init(&server->password);
  if (!err)
    err = atr_password_derive(&server->password, atr_span_of(text, strlen(text)));
  if (err == ATR_INVAL)
    snprintf(why, why_bytes, "A password has between 1 and %d bytes.", ATR_PASSWORD_BYTES_MAX);
  server->has_password = !err;
  return err; /* not kept: the file that it came from is */
}

/* --- the host sets it ------------------------------------------------------------------------------------------ */

/* One that is derived while a newer one comes counts no more: threads of the pool end in any order. */
typedef struct setting {
  uv_work_t work;
  atr_server *server;
  atr_password password;
  char text[ATR_PASSWORD_BYTES_MAX + 1];
  int err;
} setting;

static void derive(uv_work_t *work)
{
  setting *s = work->data;

  s->err = atr_password_derive(&s->password, atr_span_of(s->text, strlen(s->text)));
}

static void tell_hosts(const atr_server *server, int err)
{
  for (conn *c = server->conns; c; c = c->next) {
    atr_buf buf;
    atr_jw w;

    if (c->state != CONN_IN || !c->is_host)
      continue;
    if (err) {
      conn_send_error(c, err, "The password could not be set: it is as it was before.", "password", NULL);
      continue;
    }
    atr_buf_init(&buf, ATR_CONTROL_BYTES_MAX);
    w = atr_jw_begin(&buf);
    atr_jw_str(&w, "t", "password");
    atr_jw_bool(&w, "set", server->has_password);
    conn_send_json(c, &w);
    atr_buf_free(&buf);
  }
}

static void keep(atr_server *server)
{
  if (write_file(server) < 0)
    atr_log(ATR_LOG_WARN, "the password could not be kept: it counts until this server ends");
  atr_log(ATR_LOG_INFO, "the host has %s", server->has_password ? "set a password" : "removed the password");
  tell_hosts(server, ATR_OK);
}

static void free_setting(setting *s)
{
  atr_wipe(&s->password, sizeof s->password);
  atr_wipe(s->text, sizeof s->text);
  free(s);
}

static void derived(uv_work_t *work, int status)
{
  setting *s = work->data;
  atr_server *server = s->server;
  int err = status < 0 ? ATR_CANCELED : s->err;

  if (server->setting == s) {
    server->setting = NULL;
    if (err == ATR_OK && !server->is_stopping) {
      server->password = s->password;
      server->has_password = true;
      keep(server);
    } else if (!server->is_stopping) {
      tell_hosts(server, err);
    }
  }
  free_setting(s);
}

static void drop_setting(atr_server *server)
{
  if (server->setting)
    uv_cancel((uv_req_t *)&server->setting->work); /* where it runs already, it is only not counted */
  server->setting = NULL;
}

void passwords_set(conn *host, const cJSON *message)
{
  atr_server *server = host->server;
  const char *text;
  setting *s;

  if (!host->is_host) {
    conn_send_error(host, ATR_DENIED, "Only the host can set the password.", "password", NULL);
    return;
  }
  if (atr_json_get_str(message, "text", &text) < 0 || strlen(text) > ATR_PASSWORD_BYTES_MAX) {
    conn_send_error(host, ATR_INVAL, "A password has at most 1,024 bytes.", "password", NULL);
    return;
  }
  drop_setting(server);
  if (!text[0]) {
    server->has_password = false;
    atr_password_wipe(&server->password);
    keep(server);
    return;
  }
  s = calloc(1, sizeof *s);
  if (!s || atr_password_init(&s->password) < 0) {
    free(s);
    conn_send_error(host, ATR_NOMEM, NULL, "password", NULL);
    return;
  }
  s->server = server;
  s->work.data = s;
  snprintf(s->text, sizeof s->text, "%s", text);
  server->setting = s;
  (void)uv_queue_work(&server->loop, &s->work, derive, derived); /* fails only without a function */
}

/* --- a guest proves it ----------------------------------------------------------------------------------------- */

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
    atr_jw_int(&w, "passes", c->server->password.passes);
    atr_jw_int(&w, "memory_kib", c->server->password.memory_kib);
  }
  conn_send_json(c, &w);
  atr_buf_free(&buf);
}

static atr_guard *guard_of(conn *c)
{
  atr_guard *own = atr_guests_guard(c->server->guests, &c->key, server_now_ms(c->server));

  return own ? own : &c->server->strangers;
}

static void on_share(conn *c, const uint8_t share[ATR_CPACE_SHARE_BYTES])
{
  const atr_hash *own = atr_identity_key(c->server->identity);
  atr_span secret = atr_span_of(c->server->password.secret, sizeof c->server->password.secret);
  uint8_t sid[32];
  uint32_t wait_s;
  char text[128];
  int err;

  if (!atr_guard_take(guard_of(c), server_now_ms(c->server), &wait_s)) {
    snprintf(text, sizeof text, "Too many passwords were tried here: try again in %u seconds, or ask for an invite.",
             wait_s);
    conn_fail(c, ATR_LATER, text, "pake");
    return;
  }
  if (!c->pake)
    c->pake = calloc(1, sizeof *c->pake);
  err = c->pake ? atr_session_export(c->session, ATR_PASSWORD_EXPORTER, sid) : ATR_NOMEM;
  if (!err)
    err = atr_cpace_start(c->pake, false, secret, atr_span_of(ATR_PASSWORD_CI, sizeof ATR_PASSWORD_CI - 1),
                          atr_span_of(sid, sizeof sid), atr_span_of(own->b, sizeof own->b), NULL);
  if (!err)
    err = atr_cpace_agree(c->pake, share, atr_span_of(c->key.b, sizeof c->key.b));
  if (err)
    conn_fail(c, err, NULL, "pake");
  else
    answer(c, "share", c->pake->share, sizeof c->pake->share);
}

static void on_tag(conn *c, const uint8_t tag[ATR_CPACE_TAG_BYTES])
{
  int err = c->pake ? atr_cpace_confirm(c->pake, tag) : ATR_PROTO;

  if (err == ATR_OK) {
    atr_guard_give_back(guard_of(c));
    c->knows_password = true;
    answer(c, "tag", c->pake->tag, sizeof c->pake->tag);
  } else {
    atr_log(ATR_LOG_INFO, "%s: a wrong password", atr_session_peer_address(c->session));
    conn_fail(c, err, err == ATR_PASSWORD ? "The password is not right." : NULL, "pake");
  }
  passwords_drop_run(c);
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

void passwords_pake(conn *c, const cJSON *message)
{
  uint8_t share[ATR_CPACE_SHARE_BYTES], tag[ATR_CPACE_TAG_BYTES];

  if (!c->server->has_password)
    answer_none(c);
  else if (atr_json_get_bytes(message, "share", share, sizeof share) == ATR_OK)
    on_share(c, share);
  else if (atr_json_get_bytes(message, "tag", tag, sizeof tag) == ATR_OK)
    on_tag(c, tag);
  else
    answer(c, "salt", c->server->password.salt, sizeof c->server->password.salt);
}

void passwords_drop_run(conn *c)
{
  if (c->pake)
    atr_cpace_wipe(c->pake);
  free(c->pake);
  c->pake = NULL;
}
