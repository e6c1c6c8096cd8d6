/* SPDX-License-Identifier: MIT
 *
 * Two sockets, one for each family, bound with address reuse: the system hands a copy of every broadcast and multicast to each server of
 * the machine. (A question to one address would reach only one of them, so nobody asks that way.) An answer goes out at once or
 * not at all: whoever asked will ask again. */
#include "reach/responder.h"

#include "base/error.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/utf8.h"
#include "proto/beacon.h"
#include "reach/networks.h"

#include <stdlib.h>
#include <string.h>

enum { IPV4, IPV6, FAMILIES };

enum { DATAGRAM_BYTES = 2048 }; /* longer ones are not ours */

struct atr_responder {
  uv_udp_t sockets[FAMILIES];
  bool is_open[FAMILIES];
  uv_timer_t timer;
  int open_handles;
  atr_networks networks;
  atr_beacon beacon;
  uint64_t second;
  uint32_t answered; /* in it */
  char datagram[DATAGRAM_BYTES];
};

/* --- answering ------------------------------------------------------------------------------------------------- */

static bool may_answer(atr_responder *r)
{
  uint64_t second = uv_now(r->timer.loop) / 1000;

  if (second != r->second) {
    r->second = second;
    r->answered = 0;
  }
  return r->answered++ < ATR_DISCOVERY_ANSWERS_MAX;
}

static void on_datagram(uv_udp_t *socket, ssize_t n, const uv_buf_t *buf, const struct sockaddr *peer, unsigned flags)
{
  atr_responder *r = socket->data;
  uint8_t bytes[ATR_BEACON_BYTES_MAX];
  uv_buf_t answer;

  if (n <= 0 || !peer || (flags & UV_UDP_PARTIAL))
    return;
  if (atr_beacon_query_read((const uint8_t *)buf->base, (size_t)n, &r->beacon.nonce) < 0 ||
      !atr_networks_hold(&r->networks, peer) || !may_answer(r))
    return;
  answer = uv_buf_init((char *)bytes, (unsigned)atr_beacon_answer_write(&r->beacon, bytes));
  (void)uv_udp_try_send(socket, &answer, 1, peer);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
  atr_responder *r = handle->data;

  (void)suggested;
  *out = uv_buf_init(r->datagram, sizeof r->datagram);
}

/* --- networks -------------------------------------------------------------------------------------------------- */

/* Joining again a group that was joined before is an error that changes nothing. */
static void look_round(uv_timer_t *timer)
{
  atr_responder *r = timer->data;

  atr_networks_read(&r->networks);
  for (int i = 0; i < r->networks.n; i++) {
    const uv_interface_address_t *one = &r->networks.list[i];
    int family = one->address.address4.sin_family == AF_INET ? IPV4 : IPV6;
    char interface[96];

    if (r->is_open[family] && atr_network_for_groups(one, interface, sizeof interface))
      (void)uv_udp_set_membership(&r->sockets[family],
                                  family == IPV4 ? ATR_DISCOVERY_GROUP_IPV4 : ATR_DISCOVERY_GROUP_IPV6, interface,
                                  UV_JOIN_GROUP);
  }
}

/* --- life ------------------------------------------------------------------------------------------------------ */

static void on_closed(uv_handle_t *handle)
{
  atr_responder *r = handle->data;

  if (--r->open_handles > 0)
    return;
  atr_networks_free(&r->networks);
  free(r);
}

static void open_socket(atr_responder *r, uv_loop_t *loop, int family, uint16_t port)
{
  uv_udp_t *socket = &r->sockets[family];
  struct sockaddr_storage any;
  unsigned flags = UV_UDP_REUSEADDR | (family == IPV6 ? (unsigned)UV_UDP_IPV6ONLY : 0u);
  int err;

  if (uv_udp_init(loop, socket) != 0)
    return;
  socket->data = r;
  r->open_handles++;
  if (family == IPV4)
    uv_ip4_addr("0.0.0.0", port, (struct sockaddr_in *)&any);
  else
    uv_ip6_addr("::", port, (struct sockaddr_in6 *)&any);
  err = uv_udp_bind(socket, (struct sockaddr *)&any, flags);
  if (err == 0)
    err = uv_udp_recv_start(socket, on_alloc, on_datagram);
  if (err == 0) {
    r->is_open[family] = true;
    return;
  }
  atr_log(ATR_LOG_INFO, "this server is not found over %s on the local network: %s", family == IPV4 ? "IPv4" : "IPv6",
          uv_strerror(err));
  uv_close((uv_handle_t *)socket, on_closed);
}

static void set_name(atr_beacon *beacon, const char *name)
{
  char own[UV_MAXHOSTNAMESIZE] = "";
  size_t n = sizeof own;

  if (!name) {
    (void)uv_os_gethostname(own, &n);
    own[strcspn(own, ".")] = '\0';
    name = own;
  }
  memcpy(beacon->name, name, atr_utf8_prefix(name, strlen(name), ATR_HOST_NAME_BYTES_MAX)); /* the rest is zeros */
}

int atr_responder_new(atr_responder **out, uv_loop_t *loop, const atr_responder_options *options)
{
  uint16_t port = options->discovery_port ? options->discovery_port : (uint16_t)ATR_DISCOVERY_PORT;
  atr_responder *r = calloc(1, sizeof *r);

  *out = NULL;
  if (!r)
    return ATR_NOMEM;
  uv_timer_init(loop, &r->timer);
  r->timer.data = r;
  r->open_handles = 1;
  r->beacon.port = options->port;
  r->beacon.key = *options->key;
  set_name(&r->beacon, options->name);
  open_socket(r, loop, IPV4, port);
  if (!options->no_ipv6)
    open_socket(r, loop, IPV6, port);
  if (!r->is_open[IPV4] && !r->is_open[IPV6]) {
    atr_responder_free(r);
    return ATR_IO;
  }
  look_round(&r->timer);
  uv_timer_start(&r->timer, look_round, ATR_DISCOVERY_NETWORKS_MS, ATR_DISCOVERY_NETWORKS_MS);
  *out = r;
  return ATR_OK;
}

void atr_responder_free(atr_responder *r)
{
  if (!r)
    return;
  for (int family = 0; family < FAMILIES; family++)
    if (r->is_open[family])
      uv_close((uv_handle_t *)&r->sockets[family], on_closed);
  uv_close((uv_handle_t *)&r->timer, on_closed);
}
