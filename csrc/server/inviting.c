/* SPDX-License-Identifier: MIT
 *
 * The host's side of invites: making the link, revoking all of them. Which tokens open the door is invites.h's business.
 *
 * The link holds what this server knows of itself: what came with the request first, then the addresses of this machine, those of VPNs before the
 * others, without those that work only on the same link; then what leads here from outside (reach.c), for which room is kept. Bridges of
 * containers lead nowhere for whoever is elsewhere, and what runs inside of this machine comes by its other addresses as well: one is
 * named where there is nothing else. Where there is none at all it is the loopback: such an invite works between programs of one machine, and says so
 * to the host.
 *
 * Chats that render Markdown take two underscores out of some links, and what is between them stands there in italics: the token of such a
 * link is drawn again. Where the key or the room alone make one, it stays. */
#include "server/internal.h"

#include "proto/json.h"
#include "reach/adapters.h"
#include "transport/interfaces.h"
#include "transport/invite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t now_s(void)
{
  return (uint64_t)time(NULL);
}

static bool holds(const atr_invite *invite, const atr_address *address)
{
  char text[ATR_ADDRESS_TEXT_BYTES], other[ATR_ADDRESS_TEXT_BYTES];

  atr_address_text(address, text);
  for (size_t i = 0; i < invite->addresses_count; i++) {
    atr_address_text(&invite->addresses[i], other);
    if (strcmp(text, other) == 0)
      return true;
  }
  return false;
}

/* Once each. */
static int add_text(atr_invite *invite, const char *text, uint16_t port, char *why, size_t why_bytes)
{
  atr_address address;
  int err;

  if (invite->addresses_count == ATR_ADDRESSES_MAX)
    return ATR_OK;
  err = atr_address_parse(text, strlen(text), port, &address, why, why_bytes);
  if (!err && !holds(invite, &address))
    invite->addresses[invite->addresses_count++] = address;
  return err;
}

/* What the host typed: a public address that its router or tunnel has. */
static int add_typed(atr_invite *invite, const atr_server *server, const cJSON *message, char *why, size_t why_bytes)
{
  const cJSON *typed = atr_json_get(message, "addresses"), *one;
  int err = ATR_OK;

  for (one = cJSON_IsArray(typed) ? typed->child : NULL; one && !err; one = one->next)
    err = cJSON_IsString(one) ? add_text(invite, one->valuestring, server->port, why, why_bytes) : ATR_PROTO;
  return err;
}

enum { OF_VPN, OF_LAN, OF_NOBODY, KINDS };

static int kind_of(const atr_interface *one)
{
  atr_adapter adapter = atr_adapter_of(one->name, one->address);

  return adapter.is_vpn ? OF_VPN : adapter.is_virtual ? OF_NOBODY : OF_LAN;
}

/* Those of this machine that are of one kind, `max` in all. */
static void add_own(atr_invite *invite, const atr_server *server, int kind, size_t max)
{
  atr_interface list[ATR_INTERFACES_MAX];
  size_t n = server->all_interfaces ? atr_interfaces_list(list, ATR_INTERFACES_MAX) : 0;
  char why[128];

  for (size_t i = 0; i < n && invite->addresses_count < max; i++)
    if (!list[i].is_link_local && kind_of(&list[i]) == kind)
      (void)add_text(invite, list[i].address, server->port, why, sizeof why);
}

static void add_all(atr_invite *invite, const atr_server *server)
{
  atr_address outside[REACH_OUTSIDE_MAX];
  size_t n = reach_outside(server, outside);
  char text[ATR_ADDRESS_TEXT_BYTES], why[128];

  add_own(invite, server, OF_VPN, ATR_ADDRESSES_MAX - n);
  add_own(invite, server, OF_LAN, ATR_ADDRESSES_MAX - n);
  for (size_t i = 0; i < n; i++) {
    atr_address_text(&outside[i], text);
    (void)add_text(invite, text, server->port, why, sizeof why);
  }
  if (invite->addresses_count == 0)
    add_own(invite, server, OF_NOBODY, 1);
  if (invite->addresses_count == 0)
    (void)add_text(invite, "127.0.0.1", server->port, why, sizeof why);
}

/* A token that no link can hold would be valid for a week, and nobody's. */
static int check_writable(const atr_invite *invite)
{
  atr_buf link;
  int err;

  atr_buf_init(&link, ATR_KIB(16));
  err = atr_invite_write(invite, &link);
  atr_buf_free(&link);
  return err;
}

static bool is_for_here(const atr_invite *invite)
{
  for (size_t i = 0; i < invite->addresses_count; i++)
    if (!atr_address_is_loopback(&invite->addresses[i]))
      return false;
  return true;
}

static void send_link(conn *host, const atr_invite *invite, uint64_t expires_s)
{
  atr_buf link, buf;
  atr_jw w;
  int err;

  atr_buf_init(&link, ATR_KIB(16));
  err = atr_invite_write(invite, &link);
  if (!err)
    err = atr_buf_append_u8(&link, 0);
  if (err) {
    conn_send_error(host, err, NULL, "invite_create", NULL);
  } else {
    atr_buf_init(&buf, ATR_CONTROL_BYTES_MAX);
    w = atr_jw_begin(&buf);
    atr_jw_str(&w, "t", "invite");
    atr_jw_str(&w, "link", (const char *)link.data);
    atr_jw_int(&w, "expires", (int64_t)expires_s);
    atr_jw_id(&w, "room", &invite->room);
    if (is_for_here(invite))
      atr_jw_bool(&w, "only_here", true);
    conn_send_json(host, &w);
    atr_buf_free(&buf);
  }
  atr_buf_free(&link);
}

/* The room that the message names, the lobby where it names none. */
static bool read_room(conn *host, const cJSON *message, atr_id *room)
{
  memset(room, 0, sizeof *room);
  if (!atr_json_get(message, "room"))
    return true;
  if (atr_json_get_id(message, "room", room) == ATR_OK && (atr_id_is_zero(room) || lobby_has(host->server, room)))
    return true;
  conn_send_error(host, ATR_NOROOM, NULL, "invite_create", NULL);
  return false;
}

static void created(reply *a, int err)
{
  if (err)
    atr_invites_withdraw(a->server->invites, a->invite->token);
  if (err && a->to)
    conn_send_error(a->to, err, "The invite could not be kept: the list of invites cannot be written.", "invite_create",
                    NULL);
  else if (a->to)
    send_link(a->to, a->invite, a->expires_s);
}

/* Takes the invite. */
static void send_when_kept(conn *host, atr_invite *invite, uint64_t expires_s)
{
  reply *a = keeping_reply(host->server, host, created);

  if (!a) {
    atr_invites_withdraw(host->server->invites, invite->token);
    free(invite);
    conn_send_error(host, ATR_NOMEM, NULL, "invite_create", NULL);
    return;
  }
  a->invite = invite;
  a->expires_s = expires_s;
  keeping_then(a, KEPT_INVITES);
}

/* One link in some hundred is drawn again. */
enum { TRIES = 32 };

/* An underscore opens emphasis behind a sign that is no letter, and closes it before one; two of them do both. */
static bool is_emphasis(const char *link)
{
  const char *opens = NULL;

  for (const char *p = link; *p; p++) {
    bool is_pair = p[0] == '_' && p[1] == '_';

    if (opens && p > opens + 1 && (is_pair || (p[0] == '_' && (p[1] == '-' || !p[1]))))
      return true;
    if (!opens && (is_pair || (p[0] == '-' && p[1] == '_')))
      opens = p;
  }
  return false;
}

static bool is_spoiled(const atr_invite *invite)
{
  bool is_so = false;
  atr_buf link;

  atr_buf_init(&link, ATR_KIB(16));
  if (atr_invite_write(invite, &link) == ATR_OK && atr_buf_append_u8(&link, 0) == ATR_OK)
    is_so = is_emphasis((const char *)link.data);
  atr_buf_free(&link);
  return is_so;
}

static int draw(const atr_server *server, atr_invite *invite, uint64_t expires_s)
{
  int err = atr_invites_add(server->invites, &invite->room, expires_s, now_s(), invite->token);

  for (int i = 1; err == ATR_OK && i < TRIES && is_spoiled(invite); i++) {
    atr_invites_withdraw(server->invites, invite->token);
    err = atr_invites_add(server->invites, &invite->room, expires_s, now_s(), invite->token);
  }
  return err;
}

void inviting_create(conn *host, const cJSON *message)
{
  atr_server *server = host->server;
  double hours = ATR_INVITE_HOURS;
  char why[256] = "";
  atr_invite *invite;
  uint64_t expires_s;
  int err;

  if (!atr_rights_may(server->rights, &host->who, ATR_MAY_INVITE, NULL, NULL)) {
    conn_send_error(host, ATR_DENIED, "Only the host can invite others.", "invite_create", NULL);
    return;
  }
  if (atr_json_get(message, "expires_h") && atr_json_get_num(message, "expires_h", 0, 24 * 365 * 10, &hours) < 0) {
    conn_send_error(host, ATR_INVAL, "An invite can last from a moment to ten years; 0 hours: for ever.",
                    "invite_create", NULL);
    return;
  }
  invite = calloc(1, sizeof *invite);
  if (!invite) {
    conn_send_error(host, ATR_NOMEM, NULL, "invite_create", NULL);
    return;
  }
  expires_s = hours > 0 ? now_s() + (uint64_t)(hours * 3600) : 0;
  invite->key = *atr_identity_key(server->identity);
  if (!read_room(host, message, &invite->room))
    goto Exit;
  err = add_typed(invite, server, message, why, sizeof why);
  if (err) {
    conn_send_error(host, err, why[0] ? why : NULL, "invite_create", NULL);
    goto Exit;
  }
  add_all(invite, server);
  if (check_writable(invite) < 0) {
    conn_send_error(host, ATR_INVAL, "One of the addresses is too long for an invite.", "invite_create", NULL);
    goto Exit;
  }
  err = draw(server, invite, expires_s);
  if (err)
    conn_send_error(host, err, err == ATR_LIMIT ? "There are too many invites: revoke the old ones first." : NULL,
                    "invite_create", NULL);
  if (err)
    goto Exit;
  send_when_kept(host, invite, expires_s);
  return;
Exit:
  free(invite);
}

static void revoked(reply *a, int err)
{
  atr_buf buf;
  atr_jw w;

  if (!a->to)
    return;
  if (err) {
    conn_send_error(a->to, err, "The invites are revoked until this server ends: their list cannot be written.",
                    "invites_revoke", NULL);
    return;
  }
  atr_buf_init(&buf, ATR_CONTROL_BYTES_MAX);
  w = atr_jw_begin(&buf);
  atr_jw_str(&w, "t", "invites_revoked");
  atr_jw_int(&w, "count", (int64_t)a->count);
  conn_send_json(a->to, &w);
  atr_buf_free(&buf);
}

void inviting_revoke(conn *host, const cJSON *message)
{
  reply *a;

  (void)message;
  if (!atr_rights_may(host->server->rights, &host->who, ATR_MAY_INVITE, NULL, NULL)) {
    conn_send_error(host, ATR_DENIED, "Only the host can revoke invites.", "invites_revoke", NULL);
    return;
  }
  a = keeping_reply(host->server, host, revoked);
  if (!a) {
    conn_send_error(host, ATR_NOMEM, NULL, "invites_revoke", NULL);
    return;
  }
  a->count = atr_invites_revoke(host->server->invites);
  keeping_then(a, KEPT_INVITES);
}

static int read_token(const cJSON *hello, uint8_t token[ATR_INVITE_TOKEN_BYTES])
{
  const char *hex;

  if (!atr_json_get(hello, "invite"))
    return ATR_NOENT;
  if (atr_json_get_str(hello, "invite", &hex) < 0 ||
      atr_hex_decode(hex, strlen(hex), token, ATR_INVITE_TOKEN_BYTES) < 0)
    return ATR_PROTO;
  return ATR_OK;
}

int inviting_check(const atr_server *server, const cJSON *hello, atr_id *room)
{
  uint8_t token[ATR_INVITE_TOKEN_BYTES];
  int err = read_token(hello, token);

  if (err < 0)
    return err;
  return atr_invites_check(server->invites, token, now_s(), room) ? ATR_OK : ATR_INVITE;
}

bool inviting_use(atr_server *server, const cJSON *hello)
{
  uint8_t token[ATR_INVITE_TOKEN_BYTES];

  return read_token(hello, token) == ATR_OK && atr_invites_use(server->invites, token, server->invite_keys_max);
}
