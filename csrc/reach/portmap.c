/* SPDX-License-Identifier: MIT
 *
 * When what is asked of the router.
 *
 * A *round* asks the three ways in order until one has mapped the port. Where it is mapped, a round asks only that way again, with the same
 * nonce, service and outer port: that renews the mapping, makes it anew where the router has forgotten it, and tells when its outer address has
 * changed. If that fails, a full round follows at once. Where no way works, rounds come at growing intervals.
 *
 * Everything waits on one timer, which also looks every ATR_PORTMAP_LOOK_MS whether this machine still stands behind the same router with the
 * same address. Besides, routers say when they were restarted, to all, on port 5350: that only hastens the next round, so nothing is lost
 * where that port is not to be had. */
#include "reach/portmap.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/log.h"
#include "reach/portmap_ask.h"
#include "reach/portmap_router.h"

#include <stdlib.h>
#include <string.h>

enum { DATAGRAM_BYTES = 128 };

static const atr_asker *const askers[] = {&atr_ask_pcp, &atr_ask_natpmp, &atr_ask_upnp};

enum { ASKERS = sizeof askers / sizeof *askers, IPV6_ASKERS = 1 };

struct atr_portmap {
  uv_loop_t *loop;
  uv_timer_t timer;
  uv_udp_t announcements;
  bool hears_announcements;
  int open_handles;
  bool is_closing, is_ending;
  atr_portmap_callbacks on;
  atr_portmap_view view;
  bool has_fixed_router, has_router;
  atr_ask_request request; /* of the mapping that there is, or is wanted */
  bool has_secret;
  uint8_t secret[ATR_HASH_BYTES];
  uint16_t port;
  size_t asker;     /* that is asked, or was last */
  size_t mapped_by; /* ASKERS: none */
  bool is_renewal;
  atr_ask *ask;
  atr_portmap_reason refusal; /* of this round; SILENT: nobody has answered */
  atr_portmap_way refused_by;
  uint64_t due_ms, began_ms;
  uint32_t check_ms, retry_ms;
  atr_pcp_epoch epoch;
  void (*on_ended)(void *ctx);
  void *ended_ctx;
  char datagram[DATAGRAM_BYTES];
};

static void on_timer(uv_timer_t *timer);

/* --- the view -------------------------------------------------------------------------------------------------- */

static void put_address(const uint8_t ip[4], char out[ATR_PORTMAP_ADDRESS_BYTES])
{
  (void)uv_inet_ntop(AF_INET, ip, out, ATR_PORTMAP_ADDRESS_BYTES);
}

static void put_ipv6(const uint8_t ip[16], char out[ATR_PORTMAP_ADDRESS_BYTES])
{
  (void)uv_inet_ntop(AF_INET6, ip, out, ATR_PORTMAP_ADDRESS_BYTES);
}

/* What is known apart from the mapping. */
static atr_portmap_view plain_view(const atr_portmap *p, atr_portmap_state state, atr_portmap_reason reason)
{
  atr_portmap_view view;

  memset(&view, 0, sizeof view); /* views are compared as bytes */
  view.state = state;
  view.reason = reason;
  view.inner_port = p->port;
  if (p->has_router && p->request.is_ipv6) {
    put_ipv6(p->request.ipv6.router, view.router);
    put_ipv6(p->request.ipv6.own, view.inner);
  } else if (p->has_router) {
    put_address(p->request.router, view.router);
    put_address(p->request.inner, view.inner);
  }
  return view;
}

static void log_ipv6(const atr_portmap_view *v)
{
  if (v->state == ATR_PORTMAP_MAPPED)
    atr_log(ATR_LOG_INFO, "the router %s lets guests with IPv6 in at [%s]:%u", v->router, v->outer, v->outer_port);
  else if (v->state != ATR_PORTMAP_ASKING && v->reason != ATR_PORTMAP_NO_ROUTER)
    atr_log(ATR_LOG_INFO, "the router %s opens no way in for IPv6: %s", v->router, atr_portmap_reason_name(v->reason));
}

static void log_view(const atr_portmap_view *v)
{
  if (v->state == ATR_PORTMAP_MAPPED)
    atr_log(ATR_LOG_INFO, "the router %s passes on %s:%u to this server (%s, %s address)", v->router, v->outer,
            v->outer_port, atr_portmap_way_name(v->way), atr_portmap_scope_name(v->outer_scope));
  else if (v->state == ATR_PORTMAP_NONE || v->state == ATR_PORTMAP_REFUSED)
    atr_log(ATR_LOG_INFO, "the router %s does not pass on a port to this server: %s", v->router,
            atr_portmap_reason_name(v->reason));
}

static void show(atr_portmap *p, const atr_portmap_view *view)
{
  if (memcmp(&p->view, view, sizeof *view) == 0)
    return;
  p->view = *view;
  if (p->request.is_ipv6)
    log_ipv6(view);
  else
    log_view(view);
  if (!p->is_ending && p->on.on_change)
    p->on.on_change(p->on.ctx, &p->view);
}

static void show_mapped(atr_portmap *p, const atr_ask_answer *answer)
{
  atr_portmap_view view = plain_view(p, ATR_PORTMAP_MAPPED, ATR_PORTMAP_FINE);

  view.way = askers[p->mapped_by]->way;
  if (p->request.is_ipv6) {
    put_ipv6(answer->outer_ipv6, view.outer);
    view.outer_scope = ATR_PORTMAP_SCOPE_PUBLIC;
  } else {
    put_address(answer->outer, view.outer);
    view.outer_scope = atr_portmap_scope_of(answer->outer);
  }
  view.outer_port = answer->outer_port;
  view.lifetime_s = answer->lifetime_s;
  show(p, &view);
}

/* --- waiting --------------------------------------------------------------------------------------------------- */

static void wait_on(atr_portmap *p)
{
  uint64_t now_ms = uv_now(p->loop), pause_ms = p->due_ms > now_ms ? p->due_ms - now_ms : 0;

  if (p->is_ending)
    return;
  uv_timer_start(&p->timer, on_timer, pause_ms < ATR_PORTMAP_LOOK_MS ? pause_ms : ATR_PORTMAP_LOOK_MS, 0);
}

static void next_round_in(atr_portmap *p, uint64_t ms)
{
  p->due_ms = uv_now(p->loop) + ms;
  wait_on(p);
}

/* --- a round --------------------------------------------------------------------------------------------------- */

static void on_answer(void *ctx, const atr_ask_answer *answer);

static void end_round(atr_portmap *p, const atr_ask_answer *last)
{
  bool is_silent = p->refusal == ATR_PORTMAP_SILENT;
  atr_portmap_view view = plain_view(p, is_silent ? ATR_PORTMAP_NONE : ATR_PORTMAP_REFUSED, p->refusal);

  view.way = p->refused_by;
  if (last->has_outer && !p->request.is_ipv6) { /* it refuses, but has said what stands behind it */
    put_address(last->outer, view.outer);
    view.outer_scope = atr_portmap_scope_of(last->outer);
  }
  show(p, &view);
  next_round_in(p, p->retry_ms);
  p->retry_ms = p->retry_ms * 2 < ATR_PORTMAP_RETRY_LAST_MS ? p->retry_ms * 2 : ATR_PORTMAP_RETRY_LAST_MS;
}

static void ask(atr_portmap *p, size_t asker)
{
  p->asker = asker;
  p->ask = askers[asker]->begin(p->loop, &p->request, on_answer, p);
  if (!p->ask)
    next_round_in(p, p->retry_ms);
}

static void begin_round(atr_portmap *p)
{
  p->began_ms = uv_now(p->loop);
  p->refusal = ATR_PORTMAP_SILENT;
  p->refused_by = ATR_PORTMAP_BY_NOTHING;
  p->is_renewal = p->mapped_by < ASKERS;
  ask(p, p->is_renewal ? p->mapped_by : 0);
}

static uint64_t renew_in_ms(const atr_portmap *p, const atr_ask_answer *answer)
{
  uint32_t lifetime_s = answer->left_s ? answer->left_s : answer->lifetime_s;
  uint64_t half_ms = lifetime_s ? (uint64_t)lifetime_s * 500 : p->check_ms;

  if (half_ms < ATR_PORTMAP_CHECK_MIN_MS)
    return ATR_PORTMAP_CHECK_MIN_MS;
  return half_ms < p->check_ms ? half_ms : p->check_ms;
}

static void keep_mapping(atr_portmap *p, const atr_ask_answer *answer)
{
  p->mapped_by = p->asker;
  p->request.outer_port = answer->outer_port;
  p->request.service = answer->service;
  p->retry_ms = ATR_PORTMAP_RETRY_FIRST_MS;
  if (answer->has_epoch && atr_pcp_epoch_lost(&p->epoch, answer->epoch_s, uv_now(p->loop) / 1000))
    atr_log(ATR_LOG_INFO, "the router was restarted; it has the port again");
  show_mapped(p, answer);
  next_round_in(p, renew_in_ms(p, answer));
}

/* Silence says nothing, that a way is not known says little, and nonsense not much more. Of the others the first is shown, but that there is no
 * outside explains whatever else a router says: miniupnpd behind a CGNAT has "no resources" for PCP. */
static int worth_of(atr_portmap_reason reason)
{
  switch (reason) {
  case ATR_PORTMAP_SILENT:
    return 0;
  case ATR_PORTMAP_UNSUPPORTED:
    return 1;
  case ATR_PORTMAP_NONSENSE:
    return 2;
  case ATR_PORTMAP_NO_OUTSIDE:
    return 4;
  default:
    return 3;
  }
}

static void note_refusal(atr_portmap *p, const atr_ask_answer *answer)
{
  if (worth_of(answer->reason) <= worth_of(p->refusal))
    return;
  p->refusal = answer->reason;
  p->refused_by = askers[p->asker]->way;
}

static void on_answer(void *ctx, const atr_ask_answer *answer)
{
  atr_portmap *p = ctx;

  p->ask = NULL;
  if (answer->reason == ATR_PORTMAP_FINE) {
    keep_mapping(p, answer);
    return;
  }
  p->mapped_by = ASKERS;
  if (p->is_renewal) {
    p->is_renewal = false;
    ask(p, 0);
    return;
  }
  note_refusal(p, answer);
  if (p->asker + 1 < (p->request.is_ipv6 ? IPV6_ASKERS : ASKERS))
    ask(p, p->asker + 1);
  else
    end_round(p, answer);
}

/* --- the router ------------------------------------------------------------------------------------------------ */

/* Of PCP, the right to a mapping: only who knows it gets it again. RFC 6887 (11.2) recommends a new one whenever a client begins, which would keep a server that
 * was killed out of its own mapping until that lapses. So it follows from a secret, and from all that makes the mapping: another router is shown another one. */
static void make_nonce(atr_portmap *p)
{
  const atr_ask_request *r = &p->request;
  uint8_t from[sizeof p->secret + sizeof r->router + sizeof r->inner + sizeof r->ipv6.router + sizeof r->ipv6.own + 2];
  uint8_t *at = from;
  atr_hash hash;

  memcpy(at, p->secret, sizeof p->secret);
  memcpy(at += sizeof p->secret, r->router, sizeof r->router);
  memcpy(at += sizeof r->router, r->inner, sizeof r->inner);
  memcpy(at += sizeof r->inner, r->ipv6.router, sizeof r->ipv6.router);
  memcpy(at += sizeof r->ipv6.router, r->ipv6.own, sizeof r->ipv6.own);
  atr_put_u16(at + sizeof r->ipv6.own, p->port);
  if (p->has_secret && atr_sha256_of(from, sizeof from, &hash) == ATR_OK)
    memcpy(p->request.nonce, hash.b, sizeof p->request.nonce);
  else
    (void)atr_random(p->request.nonce, sizeof p->request.nonce);
}

/* Another router, or another address of ours: what was mapped is nothing to that one. What was wanted outside stays wanted. */
static void change_router(atr_portmap *p, bool has, const atr_ask_request *there)
{
  atr_portmap_view view;

  atr_ask_cancel(p->ask);
  p->ask = NULL;
  p->mapped_by = ASKERS;
  p->has_router = has;
  p->retry_ms = ATR_PORTMAP_RETRY_FIRST_MS;
  p->epoch = (atr_pcp_epoch){0};
  memset(&p->request.service, 0, sizeof p->request.service);
  if (has) {
    memcpy(p->request.router, there->router, sizeof p->request.router);
    memcpy(p->request.inner, there->inner, sizeof p->request.inner);
    p->request.ipv6 = there->ipv6;
    make_nonce(p);
  }
  view = plain_view(p, has ? ATR_PORTMAP_ASKING : ATR_PORTMAP_NONE, has ? ATR_PORTMAP_FINE : ATR_PORTMAP_NO_ROUTER);
  show(p, &view);
}

static bool find_router(const atr_portmap *p, atr_ask_request *there)
{
  if (p->request.is_ipv6)
    return p->has_fixed_router || atr_router_find_ipv6(&there->ipv6);
  return (p->has_fixed_router || atr_router_find(there->router)) &&
         atr_router_own_address(p->loop, there->router, there->inner);
}

/* True where everything is as it was. */
static bool look_at_router(atr_portmap *p)
{
  atr_ask_request there = p->request;
  bool has = find_router(p, &there);

  if (has == p->has_router && (!has || (memcmp(there.router, p->request.router, sizeof there.router) == 0 &&
                                        memcmp(there.inner, p->request.inner, sizeof there.inner) == 0 &&
                                        memcmp(&there.ipv6, &p->request.ipv6, sizeof there.ipv6) == 0)))
    return true;
  change_router(p, has, &there);
  return false;
}

static void on_timer(uv_timer_t *timer)
{
  atr_portmap *p = timer->data;
  bool is_same = look_at_router(p);

  if (!p->has_router) {
    atr_portmap_view view = plain_view(p, ATR_PORTMAP_NONE, ATR_PORTMAP_NO_ROUTER);

    show(p, &view);
    next_round_in(p, ATR_PORTMAP_LOOK_MS);
  } else if (p->ask) {
    uv_timer_start(timer, on_timer, ATR_PORTMAP_LOOK_MS, 0);
  } else if (!is_same || uv_now(p->loop) >= p->due_ms) {
    uv_timer_start(timer, on_timer, ATR_PORTMAP_LOOK_MS, 0); /* while it is asked */
    begin_round(p);
  } else {
    wait_on(p);
  }
}

/* --- restarts -------------------------------------------------------------------------------------------------- */

static void on_announcement(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *peer, unsigned flags)
{
  atr_portmap *p = udp->data;
  bool is_known = p->epoch.is_known;
  uint64_t now_ms = uv_now(p->loop);
  uint32_t epoch_s;

  if (n <= 0 || !peer || (flags & UV_UDP_PARTIAL) || peer->sa_family != AF_INET || !p->has_router || p->is_ending ||
      memcmp(&((const struct sockaddr_in *)(const void *)peer)->sin_addr, p->request.router, 4) != 0 ||
      atr_pcp_announce_read((const uint8_t *)buf->base, (size_t)n, &epoch_s) < 0)
    return;
  if (p->ask || now_ms < p->began_ms + ATR_PORTMAP_ANNOUNCED_MS)
    return;
  if (atr_pcp_epoch_lost(&p->epoch, epoch_s, now_ms / 1000) || !is_known || p->mapped_by == ASKERS)
    next_round_in(p, 0);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
  atr_portmap *p = handle->data;

  (void)suggested;
  *out = uv_buf_init(p->datagram, sizeof p->datagram);
}

static void on_closed(uv_handle_t *handle)
{
  atr_portmap *p = handle->data;

  if (--p->open_handles == 0)
    free(p);
}

/* 224.0.0.1 is every machine's group already: there is nothing to join. */
static void open_announcements(atr_portmap *p, uint16_t port)
{
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};

  if (uv_udp_init(p->loop, &p->announcements) != 0)
    return;
  p->announcements.data = p;
  p->open_handles++;
  p->hears_announcements = uv_udp_bind(&p->announcements, (const struct sockaddr *)&any, UV_UDP_REUSEADDR) == 0 &&
                           uv_udp_recv_start(&p->announcements, on_alloc, on_announcement) == 0;
  if (!p->hears_announcements)
    uv_close((uv_handle_t *)&p->announcements, on_closed);
}

/* --- life ------------------------------------------------------------------------------------------------------ */

static bool fix_router(atr_portmap *p, const atr_portmap_options *options)
{
  if (!options->is_ipv6)
    return uv_inet_pton(AF_INET, options->router, p->request.router) == 0;
  return uv_inet_pton(AF_INET6, options->router, p->request.ipv6.router) == 0 &&
         uv_inet_pton(AF_INET6, options->own, p->request.ipv6.own) == 0;
}

int atr_portmap_new(atr_portmap **out, uv_loop_t *loop, const atr_portmap_options *options,
                    const atr_portmap_callbacks *callbacks)
{
  atr_portmap *p = calloc(1, sizeof *p);

  *out = NULL;
  if (!p)
    return ATR_NOMEM;
  p->loop = loop;
  p->on = *callbacks;
  p->port = p->request.inner_port = p->request.outer_port = options->port;
  p->request.lifetime_s = ATR_PORTMAP_LIFETIME_S;
  p->mapped_by = ASKERS;
  p->check_ms = options->check_ms ? options->check_ms : ATR_PORTMAP_CHECK_MS;
  p->retry_ms = ATR_PORTMAP_RETRY_FIRST_MS;
  p->request.is_ipv6 = options->is_ipv6;
  p->request.control_port = options->control_port ? options->control_port : ATR_PCP_PORT;
  p->has_secret = options->secret != NULL;
  if (options->secret)
    memcpy(p->secret, options->secret, sizeof p->secret);
  p->has_fixed_router = options->router && fix_router(p, options);
  p->view = plain_view(p, ATR_PORTMAP_ASKING, ATR_PORTMAP_FINE);
  uv_timer_init(loop, &p->timer);
  p->timer.data = p;
  p->open_handles = 1;
  if (!options->is_ipv6)
    open_announcements(p, options->announce_port ? options->announce_port : ATR_PCP_ANNOUNCE_PORT);
  uv_timer_start(&p->timer, on_timer, 0, 0);
  *out = p;
  return ATR_OK;
}

const atr_portmap_view *atr_portmap_look(const atr_portmap *p)
{
  return p ? &p->view : &atr_portmap_view_off;
}

static void ended(atr_portmap *p)
{
  void (*on_ended)(void *ctx) = p->on_ended;

  atr_ask_cancel(p->ask);
  p->ask = NULL;
  uv_timer_stop(&p->timer);
  p->on_ended = NULL;
  if (on_ended)
    on_ended(p->ended_ctx);
}

static void on_taken_back(void *ctx, const atr_ask_answer *answer)
{
  atr_portmap *p = ctx;

  p->ask = NULL;
  if (answer->reason == ATR_PORTMAP_FINE)
    atr_log(ATR_LOG_INFO, "the router passes on no port to this server any more");
  ended(p);
}

static void on_end_timer(uv_timer_t *timer)
{
  ended(timer->data);
}

/* A question under way may have reached the router already. */
void atr_portmap_end(atr_portmap *p, void (*on_ended)(void *ctx), void *ctx)
{
  size_t asker = p->mapped_by;

  p->is_ending = true;
  p->on_ended = on_ended;
  p->ended_ctx = ctx;
  if (p->ask && p->mapped_by == ASKERS) {
    asker = p->asker;
    p->request.service = p->ask->answer.service;
    p->request.outer_port = p->ask->answer.outer_port ? p->ask->answer.outer_port : p->request.outer_port;
    if (askers[asker] == &atr_ask_upnp && !p->request.service.type[0])
      asker = ASKERS; /* it has only been looked for */
  }
  atr_ask_cancel(p->ask);
  p->ask = NULL;
  p->request.lifetime_s = 0;
  if (asker < ASKERS)
    p->ask = askers[asker]->begin(p->loop, &p->request, on_taken_back, p);
  uv_timer_start(&p->timer, on_end_timer, p->ask ? ATR_PORTMAP_END_MS : 0, 0);
}

void atr_portmap_free(atr_portmap *p)
{
  if (!p || p->is_closing)
    return;
  p->is_closing = p->is_ending = true;
  p->on_ended = NULL;
  atr_ask_cancel(p->ask);
  p->ask = NULL;
  if (p->hears_announcements)
    uv_close((uv_handle_t *)&p->announcements, on_closed);
  uv_close((uv_handle_t *)&p->timer, on_closed);
}
