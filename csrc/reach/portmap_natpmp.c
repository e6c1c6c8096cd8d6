/* SPDX-License-Identifier: MIT
 *
 * NAT-PMP by libnatpmp: two questions, the router's outer address and the port. The library builds and reads the packets and says when to repeat
 * one; its socket never blocks, so the loop waits for it. It would go on for a minute; ATR_PORTMAP_TRY_MS is enough for a router that is
 * in the same home.
 *
 * One thing it does not do: look how long an answer is. What a short one lacks would be read from where an older one, or nothing, has been;
 * so a short one is taken off the socket here. */
#include "reach/portmap_ask.h"

#include "base/limits.h"
#include "transport/platform.h"

#include <natpmp.h>
#include <stdlib.h>
#include <string.h>

enum { DATAGRAM_BYTES = 16, ERROR_BYTES = 8, ADDRESS_BYTES = 12 };

typedef struct natpmp_ask {
  atr_ask base;
  natpmp_t natpmp;
  uv_poll_t poll;
  bool is_open; /* the library has a socket */
  bool has_poll;
  bool knows_outside;
  bool heard_nonsense;
  uint64_t end_ms;
} natpmp_ask;

/* The socket goes when the loop has let go of it, which it has when its handle is closing. */
static void on_over(atr_ask *ask)
{
  natpmp_ask *p = (natpmp_ask *)ask;

  if (p->has_poll) {
    uv_poll_stop(&p->poll);
    atr_ask_close(ask, (uv_handle_t *)&p->poll);
  }
  if (p->is_open)
    closenatpmp(&p->natpmp);
}

static atr_portmap_reason reason_of(int err)
{
  switch (err) {
  case NATPMP_ERR_NOGATEWAYSUPPORT:
    return ATR_PORTMAP_SILENT;
  case NATPMP_ERR_NOTAUTHORIZED:
    return ATR_PORTMAP_NOT_AUTHORIZED;
  case NATPMP_ERR_NETWORKFAILURE:
    return ATR_PORTMAP_NO_OUTSIDE;
  case NATPMP_ERR_OUTOFRESOURCES:
    return ATR_PORTMAP_NO_ROOM;
  case NATPMP_ERR_UNSUPPORTEDVERSION:
  case NATPMP_ERR_UNSUPPORTEDOPCODE:
    return ATR_PORTMAP_UNSUPPORTED;
  default:
    return ATR_PORTMAP_FAILED;
  }
}

static int ask_for_port(natpmp_ask *p)
{
  const atr_ask_request *r = &p->base.request;

  return sendnewportmappingrequest(&p->natpmp, NATPMP_PROTOCOL_TCP, r->inner_port, r->lifetime_s ? r->outer_port : 0,
                                   r->lifetime_s);
}

/* --- answers --------------------------------------------------------------------------------------------------- */

/* Whether what waits on the socket is the library's to read. Otherwise it is not there any more. */
static bool is_readable(natpmp_ask *p)
{
  uint8_t bytes[DATAGRAM_BYTES];
  int n = atr_platform_peek((uv_os_sock_t)p->natpmp.s, bytes, sizeof bytes), least = ERROR_BYTES;

  if (n == UV_ECONNREFUSED) {
    atr_ask_finish(&p->base, ATR_PORTMAP_SILENT);
    return false;
  }
  if (n >= ERROR_BYTES && bytes[2] == 0 && bytes[3] == 0)
    least = bytes[1] == 0x80 ? ADDRESS_BYTES : DATAGRAM_BYTES;
  if (n < 0 || n >= least)
    return true;
  (void)atr_platform_drop((uv_os_sock_t)p->natpmp.s);
  p->heard_nonsense = true;
  return false;
}

static atr_portmap_reason judge(natpmp_ask *p, const natpmpresp_t *got)
{
  atr_ask *ask = &p->base;

  ask->answer.outer_port = got->pnu.newportmapping.mappedpublicport;
  ask->answer.lifetime_s = got->pnu.newportmapping.lifetime;
  if (ask->request.lifetime_s > 0 && (ask->answer.outer_port == 0 || ask->answer.lifetime_s == 0))
    return ATR_PORTMAP_LIES;
  return ATR_PORTMAP_FINE;
}

static void take_outside(natpmp_ask *p, const natpmpresp_t *got)
{
  uint8_t outer[4];

  memcpy(outer, &got->pnu.publicaddress.addr, sizeof outer);
  atr_ask_set_outer(&p->base, outer);
  p->knows_outside = true;
  if (!p->base.answer.has_outer)
    atr_ask_finish(&p->base, ATR_PORTMAP_NO_OUTSIDE);
  else if (ask_for_port(p) < 0)
    atr_ask_finish(&p->base, ATR_PORTMAP_SILENT);
}

static void take_answer(natpmp_ask *p, const natpmpresp_t *got)
{
  p->base.answer.has_epoch = true;
  p->base.answer.epoch_s = got->epoch;
  if (!p->knows_outside && got->type == NATPMP_RESPTYPE_PUBLICADDRESS)
    take_outside(p, got);
  else if (p->knows_outside && got->type == NATPMP_RESPTYPE_TCPPORTMAPPING &&
           got->pnu.newportmapping.privateport == p->base.request.inner_port)
    atr_ask_finish(&p->base, judge(p, got));
  else if ((p->knows_outside ? ask_for_port(p) : sendpublicaddressrequest(&p->natpmp)) < 0) /* a late repetition */
    atr_ask_finish(&p->base, ATR_PORTMAP_SILENT);
}

/* --- waiting --------------------------------------------------------------------------------------------------- */

static void step(natpmp_ask *p);

static void on_timer(uv_timer_t *timer)
{
  step(timer->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
  (void)status;
  (void)events;
  step(poll->data);
}

static void wait_on(natpmp_ask *p)
{
  uint64_t now_ms = uv_now(p->base.timer.loop);
  struct timeval left = {0};
  int64_t pause_ms = 0;

  if (now_ms >= p->end_ms) {
    atr_ask_finish(&p->base, p->heard_nonsense ? ATR_PORTMAP_NONSENSE : ATR_PORTMAP_SILENT);
    return;
  }
  if (getnatpmprequesttimeout(&p->natpmp, &left) == 0)
    pause_ms = (int64_t)left.tv_sec * 1000 + left.tv_usec / 1000;
  if (pause_ms < 1 || (uint64_t)pause_ms > p->end_ms - now_ms) /* its clock is the wall's, which jumps */
    pause_ms = pause_ms < 1 ? 1 : (int64_t)(p->end_ms - now_ms);
  uv_timer_start(&p->base.timer, on_timer, (uint64_t)pause_ms, 0);
}

static void step(natpmp_ask *p)
{
  natpmpresp_t got = {0};
  int err;

  if (p->base.is_over)
    return;
  err = is_readable(p) ? readnatpmpresponseorretry(&p->natpmp, &got) : NATPMP_TRYAGAIN;
  if (err == 0)
    take_answer(p, &got);
  else if (err == NATPMP_ERR_WRONGPACKETSOURCE)
    p->heard_nonsense = true;
  else if (err != NATPMP_TRYAGAIN)
    atr_ask_finish(&p->base, reason_of(err));
  if (!p->base.is_over)
    wait_on(p);
}

static atr_ask *begin(uv_loop_t *loop, const atr_ask_request *request, atr_ask_done done, void *ctx)
{
  natpmp_ask *p = calloc(1, sizeof *p);
  in_addr_t router;

  if (!p)
    return NULL;
  memcpy(&router, request->router, sizeof router);
  atr_ask_init(&p->base, loop, request, on_over, done, ctx);
  p->end_ms = uv_now(loop) + ATR_PORTMAP_TRY_MS;
  p->knows_outside = request->lifetime_s == 0; /* of no interest when it is taken back */
  p->is_open = initnatpmp(&p->natpmp, 1, router) == 0;
  if (p->is_open && uv_poll_init_socket(loop, &p->poll, (uv_os_sock_t)p->natpmp.s) == 0) {
    p->has_poll = true;
    p->poll.data = p;
    atr_ask_opened(&p->base);
  }
  if (!p->has_poll || (p->knows_outside ? ask_for_port(p) : sendpublicaddressrequest(&p->natpmp)) < 0 ||
      uv_poll_start(&p->poll, UV_READABLE, on_poll) < 0)
    atr_ask_finish_soon(&p->base, ATR_PORTMAP_SILENT);
  else
    uv_timer_start(&p->base.timer, on_timer, 1, 0);
  return &p->base;
}

const atr_asker atr_ask_natpmp = {ATR_PORTMAP_BY_NATPMP, begin};
