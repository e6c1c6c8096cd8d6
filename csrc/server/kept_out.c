/* SPDX-License-Identifier: MIT
 *
 * Whom the host has refused for good: told to him behind his welcome and whenever it changes, and the way back from it.
 *
 * Taking a refusal back gives nothing but what every stranger has: a name is chosen by its owner, and of two who had one name their check codes tell
 * the host which is which. Whoever comes again shows an invite or the password, or knocks, and then the host sees the code. */
#include "server/internal.h"

#include "base/utf8.h"
#include "proto/json.h"

#include <string.h>

/* A name in a file that people edit need not be UTF-8; the message must. */
static void write_one(void *ctx, const atr_hash *key, const char *name, const char *code)
{
  atr_jw *w = ctx;

  atr_jw_object(w, NULL);
  atr_jw_hash(w, "key", key);
  atr_jw_str(w, "name", atr_utf8_valid(name, strlen(name)) ? name : "");
  if (code[0])
    atr_jw_str(w, "code", code);
  atr_jw_end(w);
}

static void tell(conn *host)
{
  atr_buf buf;
  atr_jw w;

  atr_buf_init(&buf, ATR_CONTROL_BYTES_MAX);
  w = atr_jw_begin(&buf);
  atr_jw_str(&w, "t", "kept_out");
  atr_jw_array(&w, "users");
  atr_rights_refused(host->server->rights, write_one, &w);
  atr_jw_end(&w);
  conn_send_json(host, &w);
  atr_buf_free(&buf);
}

static void note(void *ctx, const atr_hash *key, const char *name, const char *code)
{
  (void)key;
  (void)name;
  (void)code;
  *(bool *)ctx = true;
}

void kept_out_greet(conn *host)
{
  bool any = false;

  if (host->who.is_host)
    atr_rights_refused(host->server->rights, note, &any);
  if (any)
    tell(host);
}

void kept_out_changed(atr_server *server)
{
  for (conn *c = server->conns; c; c = c->next)
    if (c->state == CONN_IN && c->who.is_host)
      tell(c);
}

void kept_out_pardon(conn *host, const cJSON *message)
{
  atr_server *server = host->server;
  atr_hash key;

  if (atr_json_get_hash(message, "key", &key) < 0) {
    conn_send_error(host, ATR_PROTO, NULL, "pardon", NULL);
    return;
  }
  if (!atr_rights_may(server->rights, &host->who, ATR_MAY_ADMIT, NULL, NULL)) {
    conn_send_error(host, ATR_DENIED, "Only the host can let others in.", "pardon", NULL);
    return;
  }
  (void)atr_rights_pardon(server->rights, &key); /* where another of his programs was first, it is as he wants it */
  admission_decided(host, "pardon", true);
}
