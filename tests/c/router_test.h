/* SPDX-License-Identifier: MIT
 *
 * Home routers, each on an address of its own within 127.0.0.0/8 (for IPv6 at ports of their own): they speak PCP, NAT-PMP and UPnP, as well and as honestly as a test wants, and
 * keep one port each. All of a test share its loop, so that those that are slow are slow at once. */
#ifndef ATR_ROUTER_TEST_H
#define ATR_ROUTER_TEST_H

#include "test.h"

#include "base/buf.h"
#include "proto/pcp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

static uv_loop_t test_loop;
static uv_timer_t heartbeat; /* a turn of the loop ends soon, also where all that was due is done at its beginning */
static int n_routers;        /* of this test */

typedef enum control { NO_CONTROL, /* nobody listens */ CONTROL_SILENT, CONTROL_PCP, CONTROL_NATPMP } control;

typedef enum upnp {
  NO_UPNP,
  UPNP_FINE,
  UPNP_ELSEWHERE, /* its description is another machine's */
  UPNP_HUGE,      /* a description without end */
  UPNP_SLOW,      /* a byte at a time */
  UPNP_HTML,      /* pages for people */
  UPNP_LAZY,      /* everything in two seconds */
} upnp;

typedef struct router {
  uint8_t ip[4];
  char text[16];
  uv_udp_t control_socket, search_socket;
  uv_tcp_t web;
  bool has_control, has_upnp;
  char piece[4096];
  /* how it behaves */
  control control;
  upnp upnp;
  uint8_t outer[4];
  bool is_ipv6; /* and then speaks PCP alone */
  uint8_t outer_ipv6[16];
  uint16_t outer_port; /* what it gives; 0: what is wanted */
  uint32_t lifetime_s; /* what it grants; 0: what is wanted */
  uint8_t result;      /* PCP's or NAT-PMP's */
  uint32_t epoch_s;
  bool other_nonce, short_answers, forgets;
  int lease_error;     /* knows only permanent mappings, and says it so */
  uint16_t taken_port; /* somebody else's */
  bool all_taken, shows_nobody;
  unsigned junk;    /* packets before each answer to a search */
  unsigned devices; /* it says that it is so many */
  /* what it has done */
  uint16_t control_port;     /* where it does it */
  uint8_t inner[16];         /* who has asked over PCP */
  uint8_t suggested[16];     /* with it, over PCP: what is wanted outside */
  uint16_t port, inner_port; /* 0: passes on none */
  uint32_t lease_s;
  int mapped, removed, asked, described, looked_up;
  int visitors; /* that are connected */
} router;

typedef struct visitor {
  uv_tcp_t tcp;
  router *router;
  char text[8192];
  size_t n;
  uv_timer_t timer;
  bool has_timer;
} visitor;

/* --- PCP and NAT-PMP ------------------------------------------------------------------------------------------- */

static void keep_port(router *r, uint16_t inner_port, uint16_t wanted, uint32_t lifetime_s)
{
  if (lifetime_s == 0) {
    r->port = r->inner_port = 0;
    r->removed++;
    return;
  }
  r->port = r->outer_port ? r->outer_port : wanted;
  r->inner_port = inner_port;
  r->lease_s = r->lifetime_s ? r->lifetime_s : lifetime_s;
  r->mapped++;
}

static size_t answer_pcp(router *r, const uint8_t *q, uint8_t *a)
{
  uint32_t lifetime_s = atr_get_u32(q + 4);

  memcpy(a, q, ATR_PCP_MAP_BYTES);
  a[1] |= 0x80;
  a[3] = r->result;
  memset(a + 12, 0, 12);
  atr_put_u32(a + 8, r->epoch_s);
  if (r->other_nonce)
    a[24] ^= 1;
  else if (r->result == 0)
    keep_port(r, atr_get_u16(q + 40), atr_get_u16(q + 42), lifetime_s);
  atr_put_u32(a + 4, lifetime_s ? r->lease_s : 0);
  atr_put_u16(a + 42, r->port);
  if (r->is_ipv6)
    memcpy(a + 44, r->outer_ipv6, 16);
  else
    atr_pcp_of_ipv4(r->outer, a + 44);
  memcpy(r->inner, q + 8, 16);
  memcpy(r->suggested, q + 44, 16);
  return ATR_PCP_MAP_BYTES;
}

static size_t answer_natpmp(router *r, const uint8_t *q, uint8_t *a)
{
  memset(a, 0, 16);
  a[1] = (uint8_t)(q[1] | 0x80);
  a[3] = q[0] == 0 ? r->result : 1;
  atr_put_u32(a + 4, r->epoch_s);
  if (a[3])
    return 8;
  if (q[1] == 0) {
    memcpy(a + 8, r->outer, 4);
    return r->short_answers ? 8 : 12;
  }
  keep_port(r, atr_get_u16(q + 4), atr_get_u16(q + 6), atr_get_u32(q + 8));
  memcpy(a + 8, q + 4, 2);
  atr_put_u16(a + 10, r->port);
  atr_put_u32(a + 12, r->port ? r->lease_s : 0);
  return 16;
}

static void on_control(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *peer, unsigned flags)
{
  router *r = udp->data;
  const uint8_t *q = (const uint8_t *)buf->base;
  uint8_t bytes[ATR_PCP_BYTES_MAX];
  uv_buf_t answer = uv_buf_init((char *)bytes, 0);

  (void)flags;
  if (n <= 0 || !peer)
    return;
  r->asked++;
  if (r->control == CONTROL_PCP && q[0] == 2)
    answer.len = answer_pcp(r, q, bytes);
  else if (r->control == CONTROL_NATPMP)
    answer.len = answer_natpmp(r, q, bytes);
  else if (r->control == CONTROL_PCP) { /* it speaks no NAT-PMP */
    memcpy(bytes, (uint8_t[8]){0, (uint8_t)(q[1] | 0x80), 0, 5}, 8);
    answer.len = 8;
  }
  if (answer.len)
    (void)uv_udp_try_send(udp, &answer, 1, peer);
}

/* --- UPnP ------------------------------------------------------------------------------------------------------ */

#define ENVELOPE(inner)                                                                                            \
  "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>" inner "</s:" \
  "Body></s:Envelope>"

static void on_search(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *peer, unsigned flags)
{
  router *r = udp->data;
  struct sockaddr_in web;
  int web_bytes = sizeof web;
  char text[256] = "junk";
  uv_buf_t answer = uv_buf_init(text, 0);

  (void)flags;
  if (n <= 0 || !peer || memcmp(buf->base, "M-SEARCH", 8) != 0)
    return;
  uv_tcp_getsockname(&r->web, (struct sockaddr *)&web, &web_bytes);
  answer.len = 4;
  for (unsigned i = 0; i < r->junk; i++)
    (void)uv_udp_try_send(udp, &answer, 1, peer);
  for (unsigned i = 0; i < (r->devices ? r->devices : 1); i++) {
    answer.len = (size_t)snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nLOCATION: http://%s:%d/%u.xml\r\n\r\n",
                                  r->upnp == UPNP_ELSEWHERE ? "127.0.0.1" : r->text, ntohs(web.sin_port), i);
    (void)uv_udp_try_send(udp, &answer, 1, peer);
  }
}

static void free_visitor(uv_handle_t *handle)
{
  visitor *v = handle->data;

  if (handle == (uv_handle_t *)&v->timer)
    v->has_timer = false;
  else if (v->has_timer) {
    uv_close((uv_handle_t *)&v->timer, free_visitor);
    return;
  }
  v->router->visitors--;
  free(v);
}

static void leave(visitor *v)
{
  if (!uv_is_closing((uv_handle_t *)&v->tcp))
    uv_close((uv_handle_t *)&v->tcp, free_visitor);
}

static void send_text(visitor *v, const char *text, size_t n)
{
  uv_buf_t buf = uv_buf_init((char *)text, (unsigned)n);
  size_t done = 0;

  for (int tries = 0; done < n && tries < 100; tries++) {
    int sent = uv_try_write((uv_stream_t *)&v->tcp, &(uv_buf_t){.base = buf.base + done, .len = n - done}, 1);

    if (sent > 0)
      done += (size_t)sent;
  }
}

static void say(visitor *v, int status, const char *body)
{
  char text[4096];
  int n = snprintf(text, sizeof text, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(body), body);

  send_text(v, text, (size_t)n);
}

static void say_error(visitor *v, int code)
{
  char body[512];

  snprintf(body, sizeof body,
           ENVELOPE("<s:Fault><detail><UPnPError><errorCode>%d</errorCode></UPnPError></detail></s:Fault>"), code);
  say(v, 500, body);
}

static void say_done(visitor *v, const char *action, const char *values)
{
  char body[1024];

  snprintf(body, sizeof body, ENVELOPE("<u:%sResponse xmlns:u=\"x\">%s</u:%sResponse>"), action, values, action);
  say(v, 200, body);
}

static unsigned value_of(const char *text, const char *name)
{
  char tag[64];
  const char *found;

  snprintf(tag, sizeof tag, "<%s>", name);
  found = strstr(text, tag);
  return found ? (unsigned)strtoul(found + strlen(tag), NULL, 10) : 0;
}

static void describe(visitor *v)
{
  router *r = v->router;

  r->described++;
  if (r->upnp == UPNP_HTML)
    say(v, 200, "<html><body>Please log in</body></html>");
  else
    say(v, 200,
        "<?xml version=\"1.0\"?><root><device><deviceList><device><serviceList><service><serviceType>"
        "urn:schemas-upnp-org:service:WANIPConnection:1</serviceType><controlURL>/ctl</controlURL></service>"
        "</serviceList></device></deviceList></device></root>");
}

static void look_up(visitor *v, uint16_t port)
{
  router *r = v->router;
  char values[256];

  r->looked_up++;
  if (r->shows_nobody) {
    say_done(v, "GetSpecificPortMappingEntry",
             "<NewInternalPort>0</NewInternalPort><NewInternalClient></NewInternalClient>");
    return;
  }
  if (port == r->taken_port || r->all_taken) {
    say_done(v, "GetSpecificPortMappingEntry",
             "<NewInternalPort>80</NewInternalPort><NewInternalClient>192.168.0.99</NewInternalClient>");
  } else if (port == r->port && port) {
    snprintf(values, sizeof values,
             "<NewInternalPort>%u</NewInternalPort><NewInternalClient>127.0.0.1</NewInternalClient>"
             "<NewLeaseDuration>%u</NewLeaseDuration>",
             r->inner_port, r->lease_s);
    say_done(v, "GetSpecificPortMappingEntry", values);
  } else
    say_error(v, 714);
}

static void add(visitor *v, uint16_t port)
{
  router *r = v->router;
  unsigned lease_s = value_of(v->text, "NewLeaseDuration");

  if (r->lease_error && lease_s) {
    say_error(v, r->lease_error);
    return;
  }
  r->mapped++;
  if (!r->forgets) {
    r->port = port;
    r->inner_port = (uint16_t)value_of(v->text, "NewInternalPort");
    r->lease_s = r->lifetime_s ? r->lifetime_s : lease_s;
  }
  say_done(v, "AddPortMapping", "");
}

static void serve(visitor *v)
{
  router *r = v->router;
  uint16_t port = (uint16_t)value_of(v->text, "NewExternalPort");
  char values[128];

  if (strncmp(v->text, "GET ", 4) == 0) {
    describe(v);
  } else if (strstr(v->text, "#GetExternalIPAddress")) {
    snprintf(values, sizeof values, "<NewExternalIPAddress>%u.%u.%u.%u</NewExternalIPAddress>", r->outer[0],
             r->outer[1], r->outer[2], r->outer[3]);
    say_done(v, "GetExternalIPAddress", values);
  } else if (strstr(v->text, "#GetSpecificPortMappingEntry")) {
    look_up(v, port);
  } else if (strstr(v->text, "#AddPortMapping")) {
    add(v, port);
  } else if (strstr(v->text, "#DeletePortMapping")) {
    r->removed++;
    r->port = 0;
    say_done(v, "DeletePortMapping", "");
  }
}

/* A byte in 100 ms, or much of it for ever. */
static void drip(uv_timer_t *timer)
{
  static char much[16384];
  visitor *v = timer->data;

  memset(much, 'x', sizeof much);
  send_text(v, much, v->router->upnp == UPNP_SLOW ? 1 : sizeof much);
}

static void serve_late(uv_timer_t *timer)
{
  serve(timer->data);
}

static void on_heard(uv_stream_t *tcp, ssize_t n, const uv_buf_t *buf)
{
  visitor *v = tcp->data;
  router *r = v->router;
  const char *head_end;
  unsigned long body = 0;

  if (n <= 0) {
    leave(v);
    return;
  }
  assert_true(v->n + (size_t)n < sizeof v->text);
  memcpy(v->text + v->n, buf->base, (size_t)n);
  v->n += (size_t)n;
  v->text[v->n] = '\0';
  head_end = strstr(v->text, "\r\n\r\n");
  if (strstr(v->text, "Content-Length: "))
    body = strtoul(strstr(v->text, "Content-Length: ") + 16, NULL, 10);
  if (!head_end || strlen(head_end + 4) < body)
    return;
  if (r->upnp == UPNP_HUGE || r->upnp == UPNP_SLOW) {
    static const char head[] = "HTTP/1.1 200 OK\r\n\r\n<?xml version=\"1.0\"?>";

    r->described++;
    send_text(v, head, strlen(head));
    uv_timer_init(&test_loop, &v->timer);
    v->has_timer = true;
    v->timer.data = v;
    uv_timer_start(&v->timer, drip, 0, r->upnp == UPNP_SLOW ? 100 : 1);
    return;
  }
  if (r->upnp == UPNP_LAZY) {
    uv_timer_init(&test_loop, &v->timer);
    v->has_timer = true;
    v->timer.data = v;
    uv_timer_start(&v->timer, serve_late, 2000, 0);
    return;
  }
  serve(v);
}

static void on_visitor_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
  visitor *v = handle->data;

  (void)suggested;
  *out = uv_buf_init(v->router->piece, sizeof v->router->piece);
}

static void on_visitor(uv_stream_t *web, int status)
{
  visitor *v = calloc(1, sizeof *v);

  assert_int_equal(status, 0);
  assert_non_null(v);
  v->router = web->data;
  v->router->visitors++;
  uv_tcp_init(&test_loop, &v->tcp);
  v->tcp.data = v;
  assert_int_equal(uv_accept(web, (uv_stream_t *)&v->tcp), 0);
  uv_read_start((uv_stream_t *)&v->tcp, on_visitor_alloc, on_heard);
}

/* --- life ------------------------------------------------------------------------------------------------------ */

static void on_router_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
  router *r = handle->data;

  (void)suggested;
  *out = uv_buf_init(r->piece, sizeof r->piece);
}

static void open_udp(router *r, uv_udp_t *udp, uint16_t port, uv_udp_recv_cb on_packet)
{
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};

  memcpy(&at.sin_addr, r->ip, 4);
  uv_udp_init(&test_loop, udp);
  udp->data = r;
  assert_int_equal(uv_udp_bind(udp, (struct sockaddr *)&at, 0), 0);
  assert_int_equal(uv_udp_recv_start(udp, on_router_alloc, on_packet), 0);
}

static void open_services(router *r)
{
  struct sockaddr_in at = {.sin_family = AF_INET};

  memcpy(&at.sin_addr, r->ip, 4);
  r->has_control = r->control != NO_CONTROL;
  if (r->has_control)
    open_udp(r, &r->control_socket, ATR_PCP_PORT, on_control);
  r->has_upnp = r->upnp != NO_UPNP;
  if (!r->has_upnp)
    return;
  open_udp(r, &r->search_socket, 1900, on_search);
  uv_tcp_init(&test_loop, &r->web);
  r->web.data = r;
  assert_int_equal(uv_tcp_bind(&r->web, (struct sockaddr *)&at, 0), 0);
  assert_int_equal(uv_listen((uv_stream_t *)&r->web, 8, on_visitor), 0);
}

static void open_router_ipv6(router *r)
{
  struct sockaddr_in6 at;
  int n = sizeof at;

  uv_ip6_addr("::1", 0, &at);
  snprintf(r->text, sizeof r->text, "::1");
  uv_udp_init(&test_loop, &r->control_socket);
  r->control_socket.data = r;
  assert_int_equal(uv_udp_bind(&r->control_socket, (struct sockaddr *)&at, 0), 0);
  assert_int_equal(uv_udp_getsockname(&r->control_socket, (struct sockaddr *)&at, &n), 0);
  r->control_port = ntohs(at.sin6_port);
  r->has_control = r->control != NO_CONTROL;
  if (r->has_control)
    assert_int_equal(uv_udp_recv_start(&r->control_socket, on_router_alloc, on_control), 0);
  else
    uv_close((uv_handle_t *)&r->control_socket, NULL);
}

static void open_router(router *r)
{
  int pid = (int)getpid();

  if (r->is_ipv6) {
    open_router_ipv6(r);
    return;
  }
  r->ip[0] = 127;
  r->ip[1] = (uint8_t)(1 + pid / 250 % 250);
  r->ip[2] = (uint8_t)(1 + pid % 250);
  r->ip[3] = (uint8_t)++n_routers;
  snprintf(r->text, sizeof r->text, "%u.%u.%u.%u", r->ip[0], r->ip[1], r->ip[2], r->ip[3]);
  open_services(r);
}

static void close_services(router *r)
{
  if (r->has_control)
    uv_close((uv_handle_t *)&r->control_socket, NULL);
  if (r->has_upnp) {
    uv_close((uv_handle_t *)&r->search_socket, NULL);
    uv_close((uv_handle_t *)&r->web, NULL);
  }
  r->has_control = r->has_upnp = false;
}

/* Until nothing holds on to it, which may stand on a stack. Whoever has visited it must have given up. */
static void drain_router(router *r)
{
  close_services(r);
  do {
    uv_run(&test_loop, r->visitors ? UV_RUN_ONCE : UV_RUN_NOWAIT);
  } while (r->visitors);
}

static void beat(uv_timer_t *timer)
{
  (void)timer;
}

static int open_loop(void **state)
{
  (void)state;
  n_routers = 0;
  assert_int_equal(uv_loop_init(&test_loop), 0);
  uv_timer_init(&test_loop, &heartbeat);
  uv_timer_start(&heartbeat, beat, 20, 20);
  uv_unref((uv_handle_t *)&heartbeat); /* it keeps no loop running */
  return 0;
}

/* It runs dry: nothing of anybody is left. */
static int close_loop(void **state)
{
  (void)state;
  uv_close((uv_handle_t *)&heartbeat, NULL);
  uv_run(&test_loop, UV_RUN_DEFAULT);
  return uv_loop_close(&test_loop);
}

#endif
