/* SPDX-License-Identifier: MIT
 *
 * UPnP: a search (SSDP) for the router's description, the description, and calls, each over a connection of its own:
 *
 *   OUTSIDE  the outer address; a service that has none is passed over for the next
 *   LOOK     whose is the outer port? another machine's, then the next port; some routers would take it away from that one without a word
 *   ADD      the mapping; a router that knows only permanent ones gets one
 *   CHECK    LOOK again: a router that says "done" and has nothing in its table lies; and some grant less than was asked for, which stands there
 *   REMOVE   the mapping is taken back
 *
 * A service that has mapped before is called without a search. Where it does not answer there any more, as after a restart, it is searched.
 *
 * Only what comes from the router's own address and leads to the router's own address counts. Anybody on the network can answer a search, and
 * an answer that names another machine would have us call that one. */
#include "reach/portmap_ask.h"

#include "base/error.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/log.h"
#include "reach/http_call.h"

#include <stdlib.h>
#include <string.h>

enum { DATAGRAM_BYTES = 2048, REQUEST_BYTES = 8192 };

typedef enum step { SEARCH, DESCRIBE, OUTSIDE, LOOK, ADD, CHECK, REMOVE } step;

typedef struct upnp_ask {
  atr_ask base; /* its timer ends everything */
  uv_udp_t udp;
  uv_timer_t pace; /* of the search */
  bool is_searching, has_searched;
  unsigned searches, heard;
  bool heard_nonsense;
  atr_upnp_url devices[ATR_PORTMAP_DEVICES_MAX];
  size_t n_devices, next_device;
  atr_upnp_service services[ATR_UPNP_SERVICES_MAX];
  size_t n_services, next_service;
  const atr_upnp_service *service;
  atr_http_call *call;
  step step;
  atr_portmap_reason refusal; /* the last service's */
  atr_upnp_entry entry;       /* what is to stand in the table */
  unsigned tries;             /* outer ports */
  bool is_ours;               /* it stands there already */
  char datagram[DATAGRAM_BYTES];
} upnp_ask;

static void search(upnp_ask *u);
static void call(upnp_ask *u, step next);

/* --- the end --------------------------------------------------------------------------------------------------- */

static void stop_search(upnp_ask *u)
{
  if (!u->is_searching)
    return;
  u->is_searching = false;
  uv_timer_stop(&u->pace);
  atr_ask_close(&u->base, (uv_handle_t *)&u->udp);
}

static void on_over(atr_ask *ask)
{
  upnp_ask *u = (upnp_ask *)ask;

  stop_search(u);
  atr_http_call_cancel(u->call);
  u->call = NULL;
  atr_ask_close(ask, (uv_handle_t *)&u->pace);
}

static void on_end(uv_timer_t *timer)
{
  upnp_ask *u = timer->data;

  atr_ask_finish(&u->base, ATR_PORTMAP_NONSENSE); /* it has answered, and does not come to an end */
}

static atr_portmap_reason reason_of(int error)
{
  switch (error) {
  case ATR_UPNP_NOT_AUTHORIZED:
    return ATR_PORTMAP_NOT_AUTHORIZED;
  case ATR_UPNP_INVALID_ACTION:
    return ATR_PORTMAP_UNSUPPORTED;
  case ATR_UPNP_NO_MAPPINGS_LEFT:
    return ATR_PORTMAP_NO_ROOM;
  case ATR_UPNP_CONFLICT:
  case ATR_UPNP_CONFLICT_OTHER:
    return ATR_PORTMAP_PORTS_TAKEN;
  default:
    return ATR_PORTMAP_FAILED;
  }
}

/* --- calls ----------------------------------------------------------------------------------------------------- */

static void use_next_service(upnp_ask *u)
{
  if (u->next_service == u->n_services) {
    atr_ask_finish(&u->base, u->refusal);
    return;
  }
  u->service = &u->services[u->next_service++];
  call(u, u->base.request.lifetime_s > 0 ? OUTSIDE : REMOVE);
}

/* The port that is wanted; then ours and those above it; then any. */
static void use_next_port(upnp_ask *u)
{
  uint16_t any = 0, own = u->base.request.inner_port;

  if (u->tries == ATR_PORTMAP_PORTS_MAX) {
    atr_ask_finish(&u->base, ATR_PORTMAP_PORTS_TAKEN);
    return;
  }
  (void)atr_random(&any, sizeof any);
  if (u->tries == 0)
    u->entry.outer_port = u->base.request.outer_port;
  else if (u->tries < ATR_PORTMAP_PORTS_MAX / 2 && own < UINT16_MAX - u->tries)
    u->entry.outer_port = (uint16_t)(own + u->tries);
  else
    u->entry.outer_port = (uint16_t)(20000 + any % 30000);
  u->tries++;
  u->entry.lease_s = u->base.request.lifetime_s;
  call(u, LOOK);
}

static bool is_own_entry(const upnp_ask *u, const atr_upnp_entry *e)
{
  return e->inner_port == u->entry.inner_port && memcmp(e->inner, u->entry.inner, sizeof e->inner) == 0;
}

/* Some routers have no error for a port that nobody has: they show an entry without a machine. */
static bool is_foreign_entry(const upnp_ask *u, const atr_upnp_entry *e)
{
  static const uint8_t nobody[4] = {0};

  return e->inner_port != 0 && memcmp(e->inner, nobody, sizeof nobody) != 0 && !is_own_entry(u, e);
}

static void take_outside(upnp_ask *u, const atr_upnp_reply *reply)
{
  if (reply->error == 0 && reply->has_outside)
    atr_ask_set_outer(&u->base, reply->outside);
  if (u->base.answer.has_outer) {
    use_next_port(u);
    return;
  }
  u->refusal = reply->error ? reason_of(reply->error) : ATR_PORTMAP_NO_OUTSIDE;
  use_next_service(u);
}

/* Not every router can be asked; one that cannot is believed. */
static void take_look(upnp_ask *u, const atr_upnp_reply *reply)
{
  u->is_ours = reply->error == 0 && is_own_entry(u, &reply->entry);
  if (reply->error == 0 && is_foreign_entry(u, &reply->entry))
    use_next_port(u);
  else
    call(u, ADD);
}

static void take_add(upnp_ask *u, const atr_upnp_reply *reply)
{
  bool is_conflict = reply->error == ATR_UPNP_CONFLICT || reply->error == ATR_UPNP_CONFLICT_OTHER;
  /* the first is what the standard has for it, the second is what some have instead */
  bool is_about_lease = reply->error == ATR_UPNP_ONLY_PERMANENT || reply->error == ATR_UPNP_INVALID_ARGUMENTS;

  if (reply->error == 0 || (is_conflict && u->is_ours)) {
    call(u, CHECK);
  } else if (is_conflict) {
    use_next_port(u);
  } else if (is_about_lease && u->entry.lease_s > 0) {
    u->entry.lease_s = 0;
    call(u, ADD);
  } else {
    atr_log(ATR_LOG_DEBUG, "UPnP: the router says error %d", reply->error);
    atr_ask_finish(&u->base, reason_of(reply->error));
  }
}

static void take_check(upnp_ask *u, const atr_upnp_reply *reply)
{
  if (reply->error == ATR_UPNP_NO_SUCH_ENTRY || (reply->error == 0 && is_foreign_entry(u, &reply->entry))) {
    atr_ask_finish(&u->base, ATR_PORTMAP_LIES);
    return;
  }
  u->base.answer.lifetime_s = u->entry.lease_s;
  u->base.answer.left_s = reply->error == 0 ? reply->entry.lease_s : 0;
  u->base.answer.service = *u->service;
  atr_ask_finish(&u->base, ATR_PORTMAP_FINE);
}

static void take_reply(upnp_ask *u, const atr_upnp_reply *reply)
{
  switch (u->step) {
  case OUTSIDE:
    take_outside(u, reply);
    break;
  case LOOK:
    take_look(u, reply);
    break;
  case ADD:
    take_add(u, reply);
    break;
  case CHECK:
    take_check(u, reply);
    break;
  default:
    atr_ask_finish(&u->base,
                   reply->error && reply->error != ATR_UPNP_NO_SUCH_ENTRY ? reason_of(reply->error) : ATR_PORTMAP_FINE);
  }
}

/* No reply, or none that is one. */
static void take_failure(upnp_ask *u, int err)
{
  atr_upnp_reply cannot = {.error = ATR_UPNP_INVALID_ACTION};

  if (err != ATR_PROTO && !u->has_searched)
    search(u); /* it was there before: a restarted router listens at another port */
  else if (err == ATR_PROTO && (u->step == LOOK || u->step == CHECK))
    take_reply(u, &cannot);
  else if (u->step == OUTSIDE) {
    u->refusal = ATR_PORTMAP_NONSENSE;
    use_next_service(u);
  } else
    atr_ask_finish(&u->base, ATR_PORTMAP_NONSENSE);
}

static void on_reply(void *ctx, int err, const atr_http_answer *answer)
{
  static const atr_upnp_action actions[] = {[OUTSIDE] = ATR_UPNP_OUTSIDE,
                                            [LOOK] = ATR_UPNP_LOOK,
                                            [ADD] = ATR_UPNP_ADD,
                                            [CHECK] = ATR_UPNP_LOOK,
                                            [REMOVE] = ATR_UPNP_REMOVE};
  upnp_ask *u = ctx;
  atr_upnp_reply reply;

  u->call = NULL;
  if (!err)
    err = atr_upnp_reply_read(answer, actions[u->step], &reply);
  if (err)
    take_failure(u, err);
  else
    take_reply(u, &reply);
}

static void send_request(upnp_ask *u, const atr_upnp_url *to, const atr_buf *request, atr_http_done done)
{
  struct sockaddr_in address = atr_ask_socket_address(to->ip, to->port);

  if (!request->err)
    u->call = atr_http_call_new(u->base.timer.loop, (const struct sockaddr *)&address, atr_buf_span(request),
                                ATR_PORTMAP_CALL_MS, done, u);
  if (!u->call)
    atr_ask_finish_soon(&u->base, ATR_PORTMAP_FAILED);
}

static void call(upnp_ask *u, step next)
{
  atr_upnp_action action = next == OUTSIDE  ? ATR_UPNP_OUTSIDE
                           : next == ADD    ? ATR_UPNP_ADD
                           : next == REMOVE ? ATR_UPNP_REMOVE
                                            : ATR_UPNP_LOOK;
  atr_buf request;

  u->step = next;
  if (next == ADD) { /* from now on there may be something to take back */
    u->base.answer.outer_port = u->entry.outer_port;
    u->base.answer.service = *u->service;
  }
  atr_buf_init(&request, REQUEST_BYTES);
  (void)atr_upnp_call_write(&request, u->service, action, &u->entry);
  send_request(u, &u->service->control, &request, on_reply);
  atr_buf_free(&request);
}

/* --- the description ------------------------------------------------------------------------------------------- */

static void look_at_next_device(upnp_ask *u);

static void on_description(void *ctx, int err, const atr_http_answer *answer)
{
  upnp_ask *u = ctx;

  u->call = NULL;
  u->n_services = 0;
  if (!err && answer->status == 200)
    u->n_services = atr_upnp_description_read(answer->body, &u->devices[u->next_device - 1], u->services);
  if (u->n_services > 0) {
    stop_search(u);
    u->next_service = 0;
    use_next_service(u);
    return;
  }
  /* a media server's is not nonsense, but then it maps nothing either */
  u->heard_nonsense = u->heard_nonsense || err || answer->status != 200;
  look_at_next_device(u);
}

static void look_at_next_device(upnp_ask *u)
{
  atr_buf request;

  if (u->call)
    return;
  if (u->next_device == u->n_devices) {
    if (!u->is_searching)
      atr_ask_finish_soon(&u->base, u->heard_nonsense ? ATR_PORTMAP_NONSENSE : ATR_PORTMAP_SILENT);
    return;
  }
  u->step = DESCRIBE;
  atr_buf_init(&request, REQUEST_BYTES);
  (void)atr_upnp_describe_write(&request, &u->devices[u->next_device]);
  send_request(u, &u->devices[u->next_device++], &request, on_description);
  atr_buf_free(&request);
}

/* --- the search ------------------------------------------------------------------------------------------------ */

static void add_device(upnp_ask *u, const atr_upnp_url *device)
{
  for (size_t i = 0; i < u->n_devices; i++)
    if (u->devices[i].port == device->port && strcmp(u->devices[i].path, device->path) == 0)
      return;
  if (u->n_devices == ATR_PORTMAP_DEVICES_MAX)
    return;
  u->devices[u->n_devices++] = *device;
  look_at_next_device(u);
}

static void on_datagram(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *peer, unsigned flags)
{
  upnp_ask *u = udp->data;
  const uint8_t *router = u->base.request.router;
  atr_upnp_url device;

  if (n <= 0 || !peer || u->base.is_over || !u->is_searching)
    return;
  if (++u->heard == ATR_PORTMAP_HEARD_MAX)
    uv_udp_recv_stop(udp);
  if (peer->sa_family != AF_INET || memcmp(&((const struct sockaddr_in *)(const void *)peer)->sin_addr, router, 4) != 0)
    return;
  if ((flags & UV_UDP_PARTIAL) || atr_upnp_found_read((const uint8_t *)buf->base, (size_t)n, &device) < 0 ||
      memcmp(device.ip, router, 4) != 0)
    u->heard_nonsense = true;
  else
    add_device(u, &device);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
  upnp_ask *u = handle->data;

  (void)suggested;
  *out = uv_buf_init(u->datagram, sizeof u->datagram);
}

/* To all and to the router itself: some hear only one of both. */
static void send_searches(upnp_ask *u)
{
  static const uint8_t group[4] = {239, 255, 255, 250};
  struct sockaddr_in to[] = {atr_ask_socket_address(group, ATR_UPNP_PORT),
                             atr_ask_socket_address(u->base.request.router, ATR_UPNP_PORT)};
  atr_buf text;

  atr_buf_init(&text, 1024);
  for (unsigned number = 0;; number++) {
    uv_buf_t bytes;

    atr_buf_clear(&text);
    atr_upnp_search_write(&text, number);
    if (text.len == 0)
      break;
    bytes = uv_buf_init((char *)text.data, (unsigned)text.len);
    for (size_t i = 0; i < sizeof to / sizeof *to; i++)
      (void)uv_udp_try_send(&u->udp, &bytes, 1, (const struct sockaddr *)&to[i]);
  }
  atr_buf_free(&text);
}

static void on_pace(uv_timer_t *timer)
{
  upnp_ask *u = timer->data;

  if (u->searches++ < 2) {
    send_searches(u);
    uv_timer_start(timer, on_pace, u->searches == 1 ? ATR_PORTMAP_SEARCH_MS / 4 : ATR_PORTMAP_SEARCH_MS * 3 / 4, 0);
    return;
  }
  stop_search(u);
  look_at_next_device(u);
}

static void search(upnp_ask *u)
{
  struct sockaddr_in own = atr_ask_socket_address(u->base.request.inner, 0);
  char interface[INET_ADDRSTRLEN];

  u->has_searched = true;
  u->is_searching = true;
  uv_udp_init(u->base.timer.loop, &u->udp);
  u->udp.data = u;
  atr_ask_opened(&u->base);
  uv_ip4_name(&own, interface, sizeof interface);
  if (uv_udp_bind(&u->udp, (const struct sockaddr *)&own, 0) < 0 ||
      uv_udp_recv_start(&u->udp, on_alloc, on_datagram) < 0) {
    atr_ask_finish_soon(&u->base, ATR_PORTMAP_SILENT);
    return;
  }
  (void)uv_udp_set_multicast_interface(&u->udp, interface);
  uv_timer_start(&u->pace, on_pace, 0, 0);
}

static atr_ask *begin(uv_loop_t *loop, const atr_ask_request *request, atr_ask_done done, void *ctx)
{
  upnp_ask *u = calloc(1, sizeof *u);

  if (!u)
    return NULL;
  atr_ask_init(&u->base, loop, request, on_over, done, ctx);
  uv_timer_init(loop, &u->pace);
  u->pace.data = u;
  atr_ask_opened(&u->base);
  uv_timer_start(&u->base.timer, on_end, ATR_PORTMAP_UPNP_MS, 0);
  u->refusal = ATR_PORTMAP_FAILED;
  u->entry.outer_port = request->outer_port;
  u->entry.inner_port = request->inner_port;
  memcpy(u->entry.inner, request->inner, sizeof u->entry.inner);
  if (request->service.type[0] && memcmp(request->service.control.ip, request->router, 4) == 0) {
    u->services[u->n_services++] = request->service;
    use_next_service(u);
  } else {
    search(u);
  }
  return &u->base;
}

const atr_asker atr_ask_upnp = {ATR_PORTMAP_BY_UPNP, begin};
