/* SPDX-License-Identifier: MIT
 *
 * The hosts are told who can reach this machine (docs/protocol.md, 8).
 *
 * What is known is gathered from where it is: interfaces and the firewall by looking, tunnels and the router by asking, and from everybody who is
 * let in, where he came from. The table of reach/verdict.h makes verdicts of it; the message goes out when it is another one
 * than before. Looking and asking go on only while a host is here: nobody else wants to know. */
#include "server/internal.h"

#include "base/log.h"
#include "proto/json.h"
#include "reach/agents.h"
#include "reach/typed.h"
#include "reach/verdict.h"
#include "transport/interfaces.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reach {
  atr_server *server;
  atr_agents *agents;
  uint64_t looked_ms;
  bool has_host;
  char bound[80]; /* the only address that is listened on; empty: all */
  char typed[ATR_ADDRESS_TEXT_BYTES];
  atr_address public_address; /* the same */
  char outer[ATR_PORTMAP_ADDRESS_BYTES];
  size_t interfaces_count;
  atr_interface interfaces[ATR_INTERFACES_MAX];
  atr_firewall firewall;
  atr_proofs proofs;
  atr_verdict verdicts[ATR_VERDICTS_MAX];
  atr_buf told; /* the newest message */
};

static const atr_portmap_view *mapping_of(const struct reach *r)
{
  return atr_portmap_look(r->server->portmap);
}

static const atr_portmap_view *pinhole_of(const struct reach *r)
{
  return atr_portmap_look(r->server->pinhole);
}

static atr_surroundings surroundings_of(const struct reach *r)
{
  atr_surroundings around = {
      .interfaces = r->interfaces,
      .interfaces_count = r->interfaces_count,
      .typed = r->typed,
      .outer = mapping_of(r)->outer,
  };

  around.endpoints = atr_agents_list(r->agents, &around.endpoints_count);
  return around;
}

/* --- telling --------------------------------------------------------------------------------------------------------- */

/* `n`: what the question said that it answers; negative: it answers none. */
static int write_message(struct reach *r, int64_t n, atr_buf *out)
{
  atr_facts facts = {
      .around = surroundings_of(r),
      .port = r->server->port,
      .bound = r->bound,
      .is_loopback = !r->server->all_interfaces,
      .mapping = mapping_of(r),
      .pinhole = pinhole_of(r),
      .firewall = r->firewall,
      .proofs = r->proofs.list,
      .proofs_count = r->proofs.count,
  };
  size_t count = atr_verdicts_of(&facts, r->verdicts);
  atr_jw w = atr_jw_begin(out);

  atr_jw_str(&w, "t", "reach");
  atr_jw_bool(&w, "settled",
              atr_agents_known(r->agents) && facts.mapping->state != ATR_PORTMAP_ASKING &&
                  facts.pinhole->state != ATR_PORTMAP_ASKING);
  if (n >= 0)
    atr_jw_int(&w, "n", n);
  atr_verdicts_write(&w, &facts, r->verdicts, count);
  return atr_jw_finish(&w);
}

static bool wants_to_know(const conn *c)
{
  return c->state == CONN_IN && atr_rights_may(c->server->rights, &c->who, ATR_MAY_SEE_REACH, NULL, NULL);
}

/* To all hosts where it is news, to `newcomer` in any case. */
static void tell(struct reach *r, conn *newcomer)
{
  bool is_new;
  atr_buf text;

  if (!r->has_host)
    return;
  atr_buf_init(&text, ATR_CONTROL_BYTES_MAX);
  if (write_message(r, -1, &text) < 0) {
    atr_buf_free(&text);
    return;
  }
  is_new = text.len != r->told.len || memcmp(text.data, r->told.data, text.len) != 0;
  atr_buf_free(&r->told);
  r->told = text;
  for (conn *c = r->server->conns; c; c = c->next)
    if (wants_to_know(c) && (is_new || c == newcomer))
      conn_send_text(c, atr_buf_span(&r->told));
}

static void answer(struct reach *r, conn *host, int64_t n)
{
  atr_buf text;

  atr_buf_init(&text, ATR_CONTROL_BYTES_MAX);
  if (write_message(r, n, &text) == ATR_OK)
    conn_send_text(host, atr_buf_span(&text));
  atr_buf_free(&text);
}

/* --- looking --------------------------------------------------------------------------------------------------------- */

/* What is remembered holds only as long as what it was about. */
static void review(struct reach *r)
{
  atr_surroundings around = surroundings_of(r);

  (void)atr_proofs_review(&r->proofs, &around);
  if (strcmp(r->outer, around.outer) != 0) {
    if (r->outer[0] && around.outer[0])
      atr_proofs_drop(&r->proofs, ATR_AUDIENCE_INTERNET); /* another provider, or another place */
    if (around.outer[0])
      snprintf(r->outer, sizeof r->outer, "%s", around.outer);
  }
}

static void look(struct reach *r)
{
  r->interfaces_count = atr_interfaces_list(r->interfaces, ATR_INTERFACES_MAX);
  r->looked_ms = server_now_ms(r->server);
  review(r);
}

static void on_change(void *ctx)
{
  struct reach *r = ctx;

  review(r);
  tell(r, NULL);
}

void reach_changed(atr_server *server)
{
  if (server->reach)
    on_change(server->reach);
}

/* --- what happens in the server ---------------------------------------------------------------------------------------- */

void reach_came(conn *c)
{
  struct reach *r = c->server->reach;
  atr_surroundings around;
  atr_proof shown;

  if (!r)
    return;
  if (server_now_ms(c->server) >=
      r->looked_ms + ATR_SERVER_TICK_MS) /* a look for each of a flood of keys would cost a tenth of each */
    look(r);
  around = surroundings_of(r);
  shown = atr_origin_of(&around, atr_session_local_address(c->session), atr_session_peer_address(c->session), c->via);
  if (atr_proofs_add(&r->proofs, &shown))
    tell(r, NULL);
}

void reach_let_in(conn *c)
{
  struct reach *r = c->server->reach;

  if (!r)
    return;
  if (wants_to_know(c)) {
    r->has_host = true;
    r->firewall = atr_firewall_look("", c->server->port);
    atr_agents_poll(r->agents, true);
  }
  reach_came(c);
  if (wants_to_know(c))
    tell(r, c);
}

void reach_tick(atr_server *server, uint64_t now_ms)
{
  struct reach *r = server->reach;
  bool has_host = false;

  if (!r || !r->has_host || now_ms < r->looked_ms + ATR_REACH_LOOK_MS)
    return;
  for (const conn *c = server->conns; c && !has_host; c = c->next)
    has_host = wants_to_know(c);
  r->has_host = has_host;
  atr_agents_poll(r->agents, has_host);
  look(r);
  tell(r, NULL);
}

/* The public address that the host has typed; what is none, or empty, takes the former one back. */
static bool read_public(conn *host, const cJSON *message)
{
  struct reach *r = host->server->reach;
  char why[256] = "", typed[ATR_ADDRESS_TEXT_BYTES];
  const char *text;
  atr_address address;

  if (!atr_json_get(message, "public"))
    return true;
  if (atr_json_get_str(message, "public", &text) < 0) {
    conn_send_error(host, ATR_PROTO, NULL, "reach", NULL);
    return false;
  }
  if (!text[0] || atr_typed_read(text, host->server->port, &address, why, sizeof why) < 0) {
    r->typed[0] = '\0';
    if (text[0])
      conn_send_error(host, ATR_ADDR_SYNTAX, why, "reach", NULL);
    return !text[0];
  }
  r->public_address = address;
  atr_address_text(&address, typed);
  if (strcmp(r->typed, typed) != 0)
    atr_proofs_drop(&r->proofs, ATR_AUDIENCE_INTERNET); /* nobody has come in by this one yet */
  snprintf(r->typed, sizeof r->typed, "%s", typed);
  return true;
}

void reach_ask(conn *host, const cJSON *message)
{
  struct reach *r = host->server->reach;
  uint64_t agent = 0, n = 0;

  if (!wants_to_know(host)) {
    conn_send_error(host, ATR_DENIED, "Only the host can ask who can reach it.", "reach", NULL);
    return;
  }
  if (!r)
    return;
  if (!read_public(host, message)) {
    tell(r, NULL);
    return;
  }
  r->firewall = atr_firewall_look("", host->server->port);
  look(r);
  if (atr_json_get_u64(message, "agent", UINT16_MAX, &agent) == ATR_OK)
    atr_agents_name(r->agents, (uint16_t)agent);
  atr_agents_ask(r->agents);
  tell(r, NULL);
  (void)atr_json_get_u64(message, "n", UINT32_MAX, &n);
  answer(r, host, (int64_t)n);
}

/* Where the router says that guests come in, if that can be so. */
static size_t add_outer(const atr_portmap_view *view, atr_address *out)
{
  char why[64];

  if (view->state != ATR_PORTMAP_MAPPED || view->outer_scope != ATR_PORTMAP_SCOPE_PUBLIC)
    return 0;
  return atr_address_parse(view->outer, strlen(view->outer), view->outer_port, out, why, sizeof why) == ATR_OK;
}

size_t reach_outside(const atr_server *server, atr_address out[REACH_OUTSIDE_MAX])
{
  const struct reach *r = server->reach;
  const atr_endpoint *endpoints;
  size_t n = 0, count;

  if (!r)
    return 0;
  if (r->typed[0])
    out[n++] = r->public_address;
  n += add_outer(mapping_of(r), &out[n]);
  n += add_outer(pinhole_of(r), &out[n]);
  endpoints = atr_agents_list(r->agents, &count);
  for (size_t i = 0; i < count; i++)
    out[n++] = endpoints[i].address;
  return n;
}

/* --- life ---------------------------------------------------------------------------------------------------------------- */

int reach_open(atr_server *server, const char *bind)
{
  struct reach *r = calloc(1, sizeof *r);
  int err;

  if (!r)
    return ATR_NOMEM;
  r->server = server;
  if (bind && strcmp(bind, "::") != 0 && strcmp(bind, "0.0.0.0") != 0)
    snprintf(r->bound, sizeof r->bound, "%s", bind);
  atr_buf_init(&r->told, ATR_CONTROL_BYTES_MAX);
  err = atr_agents_new(&r->agents, &server->loop, server->port, on_change, r);
  if (err < 0) {
    free(r);
    return err;
  }
  server->reach = r;
  return ATR_OK;
}

void reach_close(atr_server *server)
{
  struct reach *r = server->reach;

  server->reach = NULL;
  if (!r)
    return;
  atr_agents_free(r->agents);
  atr_buf_free(&r->told);
  free(r);
}
