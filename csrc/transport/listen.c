/* SPDX-License-Identifier: MIT
 *
 * Every accepted connection has a `guest` in the listener's books until it is closed, whoever owns it by then (it
 * learns of closing, of the greeting and of the proved key as the stream's watcher). While it is half-open it also hangs in a list in
 * order of arrival: the oldest is the first, and as all have the same time one timer serves them.
 *
 * The half-open ones are of two stages, and each stage has its own number of places: who comes makes room among those who have not said a
 * whole ClientHello, who has said one among those who have. To open connections and say nothing is cheap, and pushes out nobody who speaks; who
 * speaks at once is in the first stage for a moment only. Each guest knows how many of his stage come from his network: keeping that costs a walk
 * over the list when one comes or goes, some 10 us where it is full.
 *
 * A connection that was not taken, as memory was short, stays with libuv, which offers no other one before it is: it is taken a moment later.
 */
#include "transport/listen.h"

#include "base/error.h"
#include "base/limits.h"
#include "base/log.h"
#include "transport/platform.h"
#include "transport/tcp.h"
#include "transport/websocket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first byte of a TLS handshake record, and of the only method with which a WebSocket begins. */
enum { FIRST_BYTE_TLS = 0x16, FIRST_BYTE_GET = 'G' };

/* Until a connection is tried again for which there was no memory. */
enum { ACCEPT_AGAIN_MS = 100 };

typedef enum stage {
  STAGE_SILENT,  /* no whole ClientHello yet */
  STAGE_GREETED, /* no key yet */
  STAGES,
  STAGE_OVER = STAGES, /* not half-open any more */
} stage;

typedef struct guest {
  atr_listener *listener;
  atr_stream *stream;
  struct guest *next, *prev;     /* all */
  struct guest *younger, *older; /* the half-open ones */
  uint64_t due_ms;
  uint64_t network;
  uint32_t held; /* of its network, in its stage, with itself */
  stage stage;
  bool handed_out;
} guest;

struct atr_listener {
  atr_net *net;
  uv_tcp_t tcp;
  uv_timer_t timer;
  uv_timer_t again; /* until what could not be taken is tried again */
  int handles;
  guest *all;
  guest *oldest, *youngest;
  uint32_t connections, half_open[STAGES];
  atr_listen_options options;
  atr_log_quota logged;
  atr_listen_on_stream on_stream;
  void *ctx;
  uint16_t port;
  bool all_interfaces;
};

/* --- the books ------------------------------------------------------------------------------------------------- */

static void enter_stage(atr_listener *l, guest *g, stage to)
{
  g->stage = to;
  g->held = 1;
  for (guest *other = l->oldest; other; other = other->younger)
    if (other != g && other->stage == to && other->network == g->network)
      g->held = ++other->held;
  l->half_open[to]++;
}

static void leave_stage(atr_listener *l, guest *g)
{
  for (guest *other = l->oldest; other; other = other->younger)
    other->held -= other->stage == g->stage && other->network == g->network;
  l->half_open[g->stage]--;
  g->stage = STAGE_OVER;
}

static void enter_half_open(atr_listener *l, guest *g)
{
  g->network = g->stream->network;
  g->due_ms = uv_now(atr_net_loop(l->net)) + l->options.handshake_timeout_ms;
  g->older = l->youngest;
  *(l->youngest ? &l->youngest->younger : &l->oldest) = g;
  l->youngest = g;
  enter_stage(l, g, STAGE_SILENT);
}

static void leave_half_open(guest *g)
{
  atr_listener *l = g->listener;

  if (g->stage == STAGE_OVER)
    return;
  leave_stage(l, g);
  *(g->older ? &g->older->younger : &l->oldest) = g->younger;
  *(g->younger ? &g->younger->older : &l->youngest) = g->older;
}

static void enter(atr_listener *l, guest *g)
{
  g->listener = l;
  g->next = l->all;
  if (l->all)
    l->all->prev = g;
  l->all = g;
  l->connections++;
}

static void make_room(atr_listener *l, stage in);

static void guest_greeted(void *ctx)
{
  guest *g = ctx;

  if (g->stage != STAGE_SILENT)
    return;
  make_room(g->listener, STAGE_GREETED);
  leave_stage(g->listener, g);
  enter_stage(g->listener, g, STAGE_GREETED);
}

static void guest_proved(void *ctx)
{
  leave_half_open(ctx);
}

static void guest_closed(void *ctx)
{
  guest *g = ctx;
  atr_listener *l = g->listener;

  leave_half_open(g);
  *(g->prev ? &g->prev->next : &l->all) = g->next;
  if (g->next)
    g->next->prev = g->prev;
  l->connections--;
  free(g);
}

static const atr_stream_watcher guest_watcher = {guest_greeted, guest_proved, guest_closed};

static void evict(guest *g, int err, const char *detail)
{
  atr_stream *stream = g->stream;

  leave_half_open(g); /* an owner that closes later than now must not be evicted twice */
  if (g->handed_out)
    atr_stream_abort(stream, err, detail);
  else
    atr_stream_close(stream);
}

/* Of the network that has the most half-open connections of that stage, the oldest one. Who floods from one place is in nobody's way but its own:
 * a newcomer from afar, whose handshake takes most of a second, is not pushed out by a thousand others in that time. */
static guest *greediest(const atr_listener *l, stage in)
{
  guest *found = NULL;

  for (guest *g = l->oldest; g; g = g->younger)
    if (g->stage == in && (!found || g->held > found->held))
      found = g;
  return found;
}

static void make_room(atr_listener *l, stage in)
{
  if (l->half_open[in] >= l->options.half_open_max)
    evict(greediest(l, in), ATR_LIMIT, "too many connections without a key: the oldest went");
}

static void arm(atr_listener *l);

static void time_is_up(uv_timer_t *timer)
{
  atr_listener *l = timer->data;

  while (l->oldest && l->oldest->due_ms <= uv_now(atr_net_loop(l->net)))
    evict(l->oldest, ATR_TIMEOUT, "the handshake took too long");
  arm(l);
}

static void arm(atr_listener *l)
{
  uint64_t now = uv_now(atr_net_loop(l->net));

  if (l->oldest && !uv_is_active((uv_handle_t *)&l->timer))
    uv_timer_start(&l->timer, time_is_up, l->oldest->due_ms > now ? l->oldest->due_ms - now : 0, 0);
}

/* --- the first byte -------------------------------------------------------------------------------------------- */

static void first_bytes(void *ctx, const uint8_t *bytes, size_t n)
{
  guest *g = ctx;
  atr_listener *l = g->listener;
  atr_stream *stream = g->stream;

  bool is_web = bytes[0] == FIRST_BYTE_GET;

  if ((bytes[0] != FIRST_BYTE_TLS && !is_web) || atr_tcp_unread(stream, bytes, n) != 0) {
    atr_log_stranger(&l->logged, uv_now(atr_net_loop(l->net)), ATR_LOG_INFO, "%s: speaks neither TLS nor HTTP",
                     stream->peer);
    atr_stream_close(stream);
    return;
  }
  atr_stream_read_stop(stream);
  g->handed_out = true;
  atr_stream_set_owner(stream, NULL, NULL);
  if (is_web && atr_ws_server_new(&stream, stream) != 0)
    return;
  l->on_stream(l->ctx, stream);
}

static void first_end(void *ctx, int err, const char *detail)
{
  (void)err;
  (void)detail;
  atr_stream_close(((guest *)ctx)->stream);
}

static const atr_stream_callbacks first_callbacks = {.on_read = first_bytes, .on_end = first_end};

static void accept_again(uv_timer_t *timer);

static void accept_one(uv_stream_t *server, int status)
{
  atr_listener *l = server->data;
  guest *g = NULL;
  atr_stream *stream;
  int err;

  if (status < 0) /* libuv closes what comes where there are no more descriptors */
    return;
  err = atr_tcp_accept(&stream, l->net, server);
  if (err == ATR_NOMEM)
    uv_timer_start(&l->again, accept_again, ACCEPT_AGAIN_MS, 0);
  if (err)
    return;
  if (l->connections < l->options.connections_max)
    g = calloc(1, sizeof *g);
  if (!g) {
    atr_log_stranger(&l->logged, uv_now(atr_net_loop(l->net)), ATR_LOG_WARN, "%s: refused, %u connections are open",
                     stream->peer, (unsigned)l->connections);
    atr_stream_close(stream);
    return;
  }
  make_room(l, STAGE_SILENT);
  g->stream = stream;
  enter(l, g);
  enter_half_open(l, g);
  arm(l);
  stream->watcher = &guest_watcher;
  stream->watcher_ctx = g;
  atr_stream_set_owner(stream, &first_callbacks, g);
  atr_stream_read_start(stream);
}

static void accept_again(uv_timer_t *timer)
{
  atr_listener *l = timer->data;

  accept_one((uv_stream_t *)&l->tcp, 0);
}

/* --- opening and closing --------------------------------------------------------------------------------------- */

static int parse_bind(const char *bind, uint16_t port, struct sockaddr_storage *out)
{
  if (uv_ip6_addr(bind, port, (struct sockaddr_in6 *)(void *)out) == 0)
    return 0;
  return uv_ip4_addr(bind, port, (struct sockaddr_in *)(void *)out) == 0 ? 0 : ATR_ADDR_SYNTAX;
}

static int listen_on(atr_listener *l, const char *bind)
{
  struct sockaddr_storage address = {0};
  int err = parse_bind(bind, l->options.port, &address), len = sizeof address, r;

  if (err)
    return err;
  r = uv_tcp_bind(&l->tcp, (struct sockaddr *)&address, 0);
  if (r == 0) /* reports a busy port only here */
    r = uv_listen((uv_stream_t *)&l->tcp, ATR_LISTEN_BACKLOG, accept_one);
  if (r == 0)
    r = uv_tcp_getsockname(&l->tcp, (struct sockaddr *)&address, &len);
  if (r != 0)
    return r == UV_EINVAL ? ATR_UNREACHABLE : atr_tcp_error(r);
  /* The port is at the same place in both families. */
  l->port = ntohs(((struct sockaddr_in *)(void *)&address)->sin_port);
  l->all_interfaces = !atr_platform_is_loopback((struct sockaddr *)&address);
  return 0;
}

static void handle_closed(uv_handle_t *handle)
{
  atr_listener *l = handle->data;

  if (--l->handles == 0)
    free(l);
}

static int listener_alloc(atr_listener **out, atr_net *net, const atr_listen_options *options)
{
  atr_listener *l = calloc(1, sizeof *l);

  *out = l;
  if (!l)
    return ATR_NOMEM;
  l->net = net;
  l->options = *options;
  if (l->options.connections_max == 0)
    l->options.connections_max = ATR_CONNECTIONS_MAX;
  if (l->options.half_open_max == 0)
    l->options.half_open_max = ATR_HALF_OPEN_MAX;
  if (l->options.handshake_timeout_ms == 0)
    l->options.handshake_timeout_ms = ATR_HANDSHAKE_TIMEOUT_MS;
  uv_tcp_init(atr_net_loop(net), &l->tcp);
  uv_timer_init(atr_net_loop(net), &l->timer);
  uv_timer_init(atr_net_loop(net), &l->again);
  l->tcp.data = l->timer.data = l->again.data = l;
  l->handles = 3;
  return 0;
}

static void explain(int err, const atr_listen_options *o, const char *bind, char *why, size_t why_bytes)
{
  if (err == ATR_PORT_BUSY)
    snprintf(why, why_bytes, "Port %u is in use by another program: end that, or choose another port.",
             (unsigned)o->port);
  else if (err == ATR_DENIED)
    snprintf(why, why_bytes, "This user may not listen on port %u: choose one above 1023.", (unsigned)o->port);
  else if (err == ATR_UNREACHABLE)
    snprintf(why, why_bytes, "%s is not an address of this machine: choose one of its own, or :: for all of them.",
             bind);
  else if (err == ATR_ADDR_SYNTAX)
    snprintf(why, why_bytes,
             "\"%s\" is not an IP address to listen on: choose one of this machine's, or :: for all of them.", bind);
  else
    snprintf(why, why_bytes, "Cannot listen on %s port %u: %s", bind, (unsigned)o->port, atr_err_text(err));
}

int atr_listener_new(atr_listener **out, atr_net *net, const atr_listen_options *options,
                     atr_listen_on_stream on_stream, void *ctx, char *why, size_t why_bytes)
{
  const char *bind = options->bind ? options->bind : "::";
  atr_listener *l;
  int err = listener_alloc(&l, net, options);

  *out = NULL;
  if (err)
    return err;
  err = listen_on(l, bind);
  if (err == ATR_UNREACHABLE && strcmp(bind, "::") == 0) {
    /* No IPv6 on this machine. A handle that has failed is not bound again. */
    atr_listener_free(l);
    err = listener_alloc(&l, net, options);
    if (err)
      return err;
    err = listen_on(l, "0.0.0.0");
  }
  if (err) {
    explain(err, options, bind, why, why_bytes);
    atr_listener_free(l);
    return err;
  }
  l->on_stream = on_stream;
  l->ctx = ctx;
  *out = l;
  return 0;
}

void atr_listener_free(atr_listener *l)
{
  if (!l)
    return;
  while (l->oldest)
    evict(l->oldest, ATR_CANCELED, "the listener was closed");
  for (guest *g = l->all, *next; g; g = next) { /* these live on, unwatched */
    next = g->next;
    g->stream->watcher = NULL;
    free(g);
  }
  uv_close((uv_handle_t *)&l->tcp, handle_closed);
  uv_close((uv_handle_t *)&l->timer, handle_closed);
  uv_close((uv_handle_t *)&l->again, handle_closed);
}

uint16_t atr_listener_port(const atr_listener *l)
{
  return l->port;
}

bool atr_listener_all_interfaces(const atr_listener *l)
{
  return l->all_interfaces;
}

uint32_t atr_listener_connections(const atr_listener *l)
{
  return l->connections;
}

uint32_t atr_listener_half_open(const atr_listener *l)
{
  return l->half_open[STAGE_SILENT] + l->half_open[STAGE_GREETED];
}
