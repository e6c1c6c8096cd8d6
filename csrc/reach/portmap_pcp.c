/* SPDX-License-Identifier: MIT
 *
 * PCP: the request is sent three times at most, at growing intervals that add up to ATR_PORTMAP_TRY_MS. The RFC would have us wait three
 * seconds before the second; but this is one hop in a home, and there are two more ways to try.
 *
 * The socket is connected, so the kernel passes on nothing but what comes from the router's own port. */
#include "reach/portmap_ask.h"

#include "base/error.h"
#include "base/limits.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum { DATAGRAM_BYTES = 2048 };

typedef struct pcp_ask {
  atr_ask base;
  uv_udp_t udp;
  atr_pcp_map map;
  unsigned sent;
  bool heard_nonsense;
  char datagram[DATAGRAM_BYTES];
} pcp_ask;

static void on_over(atr_ask *ask)
{
  atr_ask_close(ask, (uv_handle_t *)&((pcp_ask *)ask)->udp);
}

/* --- answers --------------------------------------------------------------------------------------------------- */

static atr_portmap_reason reason_of(atr_pcp_result result)
{
  switch (result) {
  case ATR_PCP_SUCCESS:
    return ATR_PORTMAP_FINE;
  case ATR_PCP_NOT_AUTHORIZED:
    return ATR_PORTMAP_NOT_AUTHORIZED;
  case ATR_PCP_UNSUPP_VERSION:
  case ATR_PCP_UNSUPP_OPCODE:
  case ATR_PCP_UNSUPP_OPTION:
  case ATR_PCP_UNSUPP_PROTOCOL:
    return ATR_PORTMAP_UNSUPPORTED;
  case ATR_PCP_NETWORK_FAILURE:
    return ATR_PORTMAP_NO_OUTSIDE;
  case ATR_PCP_NO_RESOURCES:
  case ATR_PCP_USER_EX_QUOTA:
    return ATR_PORTMAP_NO_ROOM;
  case ATR_PCP_CANNOT_PROVIDE_EXTERNAL:
    return ATR_PORTMAP_PORTS_TAKEN;
  case ATR_PCP_MALFORMED_REQUEST:
  case ATR_PCP_MALFORMED_OPTION:
  case ATR_PCP_ADDRESS_MISMATCH:
  case ATR_PCP_EXCESSIVE_REMOTE_PEERS:
    break;
  }
  return ATR_PORTMAP_FAILED;
}

static atr_portmap_reason judge(pcp_ask *p, const atr_pcp_answer *got)
{
  atr_ask *ask = &p->base;
  atr_portmap_reason reason = reason_of(got->result);
  uint8_t outer[4];

  ask->answer.has_epoch = true;
  ask->answer.epoch_s = got->epoch_s;
  ask->answer.lifetime_s = got->lifetime_s;
  ask->answer.outer_port = got->outer_port;
  if (reason != ATR_PORTMAP_FINE) {
    atr_log(ATR_LOG_DEBUG, "PCP: the router says %s", atr_pcp_result_name(got->result));
    return reason;
  }
  if (ask->request.lifetime_s == 0)
    return reason;
  if (got->lifetime_s == 0 || got->outer_port == 0)
    return ATR_PORTMAP_LIES;
  if (ask->request.is_ipv6) {
    memcpy(ask->answer.outer_ipv6, got->outer, sizeof ask->answer.outer_ipv6);
    ask->answer.has_outer = atr_portmap_is_public_ipv6(got->outer);
    return ask->answer.has_outer ? reason : ATR_PORTMAP_NO_OUTSIDE;
  }
  if (atr_pcp_to_ipv4(got->outer, outer))
    atr_ask_set_outer(ask, outer);
  return ask->answer.has_outer ? reason : ATR_PORTMAP_NO_OUTSIDE;
}

static void on_datagram(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *peer, unsigned flags)
{
  pcp_ask *p = udp->data;
  atr_pcp_answer got;
  int err;

  if (p->base.is_over || (n == 0 && !peer))
    return;
  if (n < 0) { /* nobody listens there */
    atr_ask_finish(&p->base, ATR_PORTMAP_SILENT);
    return;
  }
  err = flags & UV_UDP_PARTIAL ? ATR_PROTO : atr_pcp_map_read((const uint8_t *)buf->base, (size_t)n, &p->map, &got);
  if (err == ATR_OK)
    atr_ask_finish(&p->base, judge(p, &got));
  else if (err == ATR_VERSION)
    atr_ask_finish(&p->base, ATR_PORTMAP_UNSUPPORTED);
  else
    p->heard_nonsense = true;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
  pcp_ask *p = handle->data;

  (void)suggested;
  *out = uv_buf_init(p->datagram, sizeof p->datagram);
}

/* --- the request ----------------------------------------------------------------------------------------------- */

static void send_again(uv_timer_t *timer)
{
  static const uint32_t pauses_ms[] = {ATR_PORTMAP_TRY_MS / 7, ATR_PORTMAP_TRY_MS * 2 / 7, ATR_PORTMAP_TRY_MS * 4 / 7};
  pcp_ask *p = timer->data;
  uint8_t bytes[ATR_PCP_MAP_BYTES];
  uv_buf_t buf = uv_buf_init((char *)bytes, sizeof bytes);

  if (p->sent == sizeof pauses_ms / sizeof *pauses_ms) {
    atr_ask_finish(&p->base, p->heard_nonsense ? ATR_PORTMAP_NONSENSE : ATR_PORTMAP_SILENT);
    return;
  }
  atr_pcp_map_write(&p->map, bytes);
  if (uv_udp_try_send(&p->udp, &buf, 1, NULL) == UV_ECONNREFUSED) {
    atr_ask_finish(&p->base, ATR_PORTMAP_SILENT);
    return;
  }
  uv_timer_start(timer, send_again, pauses_ms[p->sent++], 0);
}

/* For IPv6 nothing is translated: what is wanted outside is the address inside. Whoever takes a mapping back names none (RFC 6887, 15.1). */
static void write_addresses(pcp_ask *p)
{
  const atr_ask_request *r = &p->base.request;

  if (r->is_ipv6) {
    memcpy(p->map.inner, r->ipv6.own, sizeof p->map.inner);
    if (r->lifetime_s)
      memcpy(p->map.outer, r->ipv6.own, sizeof p->map.outer);
  } else {
    atr_pcp_of_ipv4(r->inner, p->map.inner);
    atr_pcp_of_ipv4((const uint8_t[4]){0}, p->map.outer);
  }
}

/* A router's address is mostly one of its link, and the system would choose such a one for us; but the router must see that which is to be
 * reached. */
static int connect_to_router(pcp_ask *p)
{
  const atr_ask_request *r = &p->base.request;
  struct sockaddr_in to = atr_ask_socket_address(r->router, r->control_port);
  struct sockaddr_in6 own = {.sin6_family = AF_INET6};
  struct sockaddr_in6 to_ipv6 = {
      .sin6_family = AF_INET6, .sin6_port = htons(r->control_port), .sin6_scope_id = r->ipv6.scope};
  int err;

  if (!r->is_ipv6)
    return uv_udp_connect(&p->udp, (const struct sockaddr *)&to);
  memcpy(&own.sin6_addr, r->ipv6.own, sizeof r->ipv6.own);
  memcpy(&to_ipv6.sin6_addr, r->ipv6.router, sizeof r->ipv6.router);
  err = uv_udp_bind(&p->udp, (const struct sockaddr *)&own, 0);
  return err < 0 ? err : uv_udp_connect(&p->udp, (const struct sockaddr *)&to_ipv6);
}

static atr_ask *begin(uv_loop_t *loop, const atr_ask_request *request, atr_ask_done done, void *ctx)
{
  pcp_ask *p = calloc(1, sizeof *p);

  if (!p)
    return NULL;
  atr_ask_init(&p->base, loop, request, on_over, done, ctx);
  uv_udp_init(loop, &p->udp);
  p->udp.data = p;
  atr_ask_opened(&p->base);
  p->map = (atr_pcp_map){.protocol = ATR_PCP_TCP,
                         .inner_port = request->inner_port,
                         .outer_port = request->lifetime_s ? request->outer_port : 0,
                         .lifetime_s = request->lifetime_s};
  memcpy(p->map.nonce, request->nonce, sizeof p->map.nonce);
  write_addresses(p);
  if (connect_to_router(p) < 0 || uv_udp_recv_start(&p->udp, on_alloc, on_datagram) < 0)
    atr_ask_finish_soon(&p->base, ATR_PORTMAP_SILENT);
  else
    uv_timer_start(&p->base.timer, send_again, 0, 0);
  return &p->base;
}

const atr_asker atr_ask_pcp = {ATR_PORTMAP_BY_PCP, begin};
