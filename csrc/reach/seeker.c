/* SPDX-License-Identifier: MIT
 *
 * One socket for each family, on a port of its own, to which the answers come. A network that cannot be asked (it went away a moment ago,
 * or forbids it) is passed over: the next question looks at the list of networks anew. */
#include "reach/seeker.h"

#include "base/error.h"
#include "base/limits.h"
#include "proto/beacon.h"
#include "reach/networks.h"
#include "transport/platform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IPV4, IPV6, FAMILIES };

enum { DATAGRAM_BYTES = 2048 };

struct atr_seeker {
  uv_udp_t sockets[FAMILIES];
  bool is_open[FAMILIES];
  uv_timer_t timer;
  int open_handles;
  bool is_closing;
  uint16_t port;
  atr_seeker_callbacks on;
  atr_beacon_nonce nonces[2]; /* of the last question and of the one before */
  uint32_t heard;             /* since the last question */
  atr_neighbors neighbors;
  uint64_t revision_told;
  char datagram[DATAGRAM_BYTES];
};

/* --- hearing --------------------------------------------------------------------------------------------------- */

static void tell(atr_seeker *s)
{
  if (s->neighbors.revision == s->revision_told)
    return;
  s->revision_told = s->neighbors.revision;
  s->on.on_change(s->on.ctx, &s->neighbors);
}

static atr_nearness nearness_of(const struct sockaddr *peer)
{
  if (atr_platform_is_loopback(peer))
    return ATR_NEAR_SELF;
  if (peer->sa_family == AF_INET)
    return ATR_NEAR_IPV4;
  return atr_network_is_link((const struct sockaddr_in6 *)peer) ? ATR_NEAR_LINK : ATR_NEAR_IPV6;
}

/* In the spelling of the Host box, which is also that of the pins. */
static bool write_address(const struct sockaddr *peer, uint16_t port, char out[ATR_ADDRESS_TEXT_BYTES])
{
  const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)peer;
  atr_address address = {.port = port, .has_port = true};
  char scope[UV_IF_NAMESIZE];
  size_t n = sizeof scope;

  if (peer->sa_family == AF_INET) {
    address.kind = ATR_ADDRESS_IPV4;
    if (uv_ip4_name((const struct sockaddr_in *)peer, address.host, sizeof address.host) != 0)
      return false;
  } else {
    address.kind = ATR_ADDRESS_IPV6;
    if (uv_ip6_name(v6, address.host, sizeof address.host) != 0)
      return false;
    if (atr_network_is_link(v6)) {
      size_t len = strlen(address.host);

      if (uv_if_indextoiid(v6->sin6_scope_id, scope, &n) != 0)
        return false;
      snprintf(address.host + len, sizeof address.host - len, "%%%s", scope);
    }
  }
  atr_address_text(&address, out);
  return true;
}

static bool is_ours(const atr_seeker *s, const atr_beacon_nonce *nonce)
{
  return memcmp(nonce, &s->nonces[0], sizeof *nonce) == 0 || memcmp(nonce, &s->nonces[1], sizeof *nonce) == 0;
}

static void on_datagram(uv_udp_t *socket, ssize_t n, const uv_buf_t *buf, const struct sockaddr *peer, unsigned flags)
{
  atr_seeker *s = socket->data;
  atr_neighbor heard = {.heard_ms = uv_now(s->timer.loop)};
  atr_beacon beacon;

  if (n <= 0 || !peer || (flags & UV_UDP_PARTIAL) || s->heard++ >= ATR_DISCOVERY_HEARD_MAX)
    return;
  if (atr_beacon_answer_read((const uint8_t *)buf->base, (size_t)n, &beacon) < 0 || !is_ours(s, &beacon.nonce) ||
      !write_address(peer, beacon.port, heard.address))
    return;
  heard.key = beacon.key;
  heard.nearness = nearness_of(peer);
  memcpy(heard.name, beacon.name, sizeof heard.name);
  if (!atr_neighbors_find(&s->neighbors, &heard.key, heard.address))
    heard.known = s->on.knows(s->on.ctx, heard.address, &heard.key);
  atr_neighbors_hear(&s->neighbors, &heard);
  tell(s);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
  atr_seeker *s = handle->data;

  (void)suggested;
  *out = uv_buf_init(s->datagram, sizeof s->datagram);
}

/* --- asking ---------------------------------------------------------------------------------------------------- */

static void ask_ipv4(atr_seeker *s, const uv_interface_address_t *one, const uv_buf_t *query)
{
  struct sockaddr_in to;
  char interface[96];

  if (atr_network_broadcast(one, &to)) {
    to.sin_port = htons(s->port);
    (void)uv_udp_try_send(&s->sockets[IPV4], query, 1, (struct sockaddr *)&to);
  }
  if (atr_network_for_groups(one, interface, sizeof interface) &&
      uv_udp_set_multicast_interface(&s->sockets[IPV4], interface) == 0) {
    uv_ip4_addr(ATR_DISCOVERY_GROUP_IPV4, s->port, &to);
    (void)uv_udp_try_send(&s->sockets[IPV4], query, 1, (struct sockaddr *)&to);
  }
}

static void ask_ipv6(atr_seeker *s, const uv_interface_address_t *one, const uv_buf_t *query)
{
  struct sockaddr_in6 to;
  char interface[96];

  if (!atr_network_for_groups(one, interface, sizeof interface))
    return;
  uv_ip6_addr(ATR_DISCOVERY_GROUP_IPV6, s->port, &to);
  to.sin6_scope_id = one->address.address6.sin6_scope_id;
  (void)uv_udp_try_send(&s->sockets[IPV6], query, 1, (struct sockaddr *)&to);
}

static void ask(atr_seeker *s)
{
  uint8_t bytes[ATR_BEACON_BYTES_MAX];
  uv_buf_t query = uv_buf_init((char *)bytes, sizeof bytes);
  atr_networks networks = {0};

  s->nonces[1] = s->nonces[0];
  s->heard = 0;
  if (atr_random(&s->nonces[0], sizeof s->nonces[0]) < 0)
    return;
  atr_beacon_query_write(&s->nonces[0], bytes);
  atr_networks_read(&networks);
  for (int i = 0; i < networks.n; i++) {
    const uv_interface_address_t *one = &networks.list[i];

    if (one->address.address4.sin_family == AF_INET && s->is_open[IPV4])
      ask_ipv4(s, one, &query);
    else if (one->address.address4.sin_family == AF_INET6 && s->is_open[IPV6])
      ask_ipv6(s, one, &query);
  }
  atr_networks_free(&networks);
}

static void on_timer(uv_timer_t *timer)
{
  atr_seeker *s = timer->data;

  ask(s);
  atr_neighbors_expire(&s->neighbors, uv_now(timer->loop));
  tell(s);
}

/* --- life ------------------------------------------------------------------------------------------------------ */

static void on_closed(uv_handle_t *handle)
{
  atr_seeker *s = handle->data;

  if (--s->open_handles == 0)
    free(s);
}

static void open_socket(atr_seeker *s, uv_loop_t *loop, int family)
{
  uv_udp_t *socket = &s->sockets[family];
  struct sockaddr_storage any;
  int err;

  if (uv_udp_init(loop, socket) != 0)
    return;
  socket->data = s;
  s->open_handles++;
  if (family == IPV4)
    uv_ip4_addr("0.0.0.0", 0, (struct sockaddr_in *)&any);
  else
    uv_ip6_addr("::", 0, (struct sockaddr_in6 *)&any);
  err = uv_udp_bind(socket, (struct sockaddr *)&any, family == IPV6 ? (unsigned)UV_UDP_IPV6ONLY : 0u);
  if (err == 0 && family == IPV4)
    err = uv_udp_set_broadcast(socket, 1);
  if (err == 0)
    err = uv_udp_recv_start(socket, on_alloc, on_datagram);
  if (err == 0)
    s->is_open[family] = true;
  else
    uv_close((uv_handle_t *)socket, on_closed);
}

int atr_seeker_new(atr_seeker **out, uv_loop_t *loop, uint16_t discovery_port, const atr_seeker_callbacks *callbacks)
{
  atr_seeker *s = calloc(1, sizeof *s);

  *out = NULL;
  if (!s)
    return ATR_NOMEM;
  uv_timer_init(loop, &s->timer);
  s->timer.data = s;
  s->open_handles = 1;
  s->port = discovery_port ? discovery_port : (uint16_t)ATR_DISCOVERY_PORT;
  s->on = *callbacks;
  for (int family = 0; family < FAMILIES; family++)
    open_socket(s, loop, family);
  if (!s->is_open[IPV4] && !s->is_open[IPV6]) {
    atr_seeker_free(s);
    return ATR_IO;
  }
  (void)atr_random(&s->nonces[0], sizeof s->nonces[0]); /* so that zeros are never the right answer */
  ask(s);
  uv_timer_start(&s->timer, on_timer, ATR_DISCOVERY_SECOND_MS, ATR_DISCOVERY_QUERY_MS);
  *out = s;
  return ATR_OK;
}

const atr_neighbors *atr_seeker_neighbors(const atr_seeker *s)
{
  return &s->neighbors;
}

void atr_seeker_prove(atr_seeker *s, const atr_hash *key, const char *address, bool is_proved)
{
  atr_neighbors_prove(&s->neighbors, key, address, is_proved, uv_now(s->timer.loop));
  tell(s);
}

void atr_seeker_free(atr_seeker *s)
{
  if (!s || s->is_closing)
    return;
  s->is_closing = true;
  for (int family = 0; family < FAMILIES; family++)
    if (s->is_open[family])
      uv_close((uv_handle_t *)&s->sockets[family], on_closed);
  uv_close((uv_handle_t *)&s->timer, on_closed);
}
