/* SPDX-License-Identifier: MIT
 *
 * A line with a rate, a distance, a bounded buffer and an end, between two TCP connections over loopback.
 *
 * Each direction reads from one side until its buffer is full, lets the bytes out at the line's rate, and delivers them
 * after the distance. The sockets' receive buffers are small too, so that the kernel does not add a buffer of its own
 * choice. One connection at a time; everything on the test's own loop.
 */
#ifndef ATR_PROXY_H
#define ATR_PROXY_H

#include "net_test.h"

enum { PROXY_CHUNK = 4096, PROXY_CHUNKS = 4096 };

typedef struct proxy_options {
  double mbit;             /* 0: as fast as it goes */
  unsigned one_way_ms;     /* distance */
  size_t buffer_bytes;     /* that wait for their turn, per direction; 0: 64 KiB */
  uint64_t cut_after;      /* both connections are reset after so many bytes from the client; 0: never */
  uint64_t cut_back_after; /* the same for bytes from the server */
} proxy_options;

typedef struct proxy_chunk {
  uint64_t sent_us; /* when the line has let it out */
  size_t bytes;
  uint8_t data[PROXY_CHUNK];
} proxy_chunk;

struct proxy;

typedef struct proxy_way {
  struct proxy *proxy;
  uv_tcp_t *from, *to;
  uv_timer_t timer;
  proxy_chunk *ring; /* PROXY_CHUNKS */
  size_t head, tail; /* delivered up to head, read up to tail */
  uint64_t free_us;  /* when the line is free */
  uint64_t total, cut_after;
  bool reading, eof, stalled;
  uint8_t scratch[PROXY_CHUNK];
} proxy_way;

typedef struct proxy {
  uv_loop_t *loop;
  uv_tcp_t listener, client, server;
  uv_connect_t connect;
  proxy_options options;
  proxy_way up, down;
  uint16_t port, target;
  bool connected, closed;
} proxy;

static inline uint64_t proxy_now(void)
{
  return uv_hrtime() / 1000;
}

static inline void proxy_cut(proxy *p)
{
  if (!p->connected || p->closed)
    return;
  p->closed = true;
  uv_timer_stop(&p->up.timer);
  uv_timer_stop(&p->down.timer);
  if (!uv_is_closing((uv_handle_t *)&p->client))
    uv_close((uv_handle_t *)&p->client, NULL);
  if (!uv_is_closing((uv_handle_t *)&p->server))
    uv_close((uv_handle_t *)&p->server, NULL);
}

/* Bytes that wait for their turn on the line. */
static inline size_t proxy_waiting(const proxy_way *w)
{
  size_t bytes = 0;
  uint64_t now = proxy_now();

  for (size_t i = w->tail; i > w->head && w->ring[(i - 1) % PROXY_CHUNKS].sent_us > now; i--)
    bytes += w->ring[(i - 1) % PROXY_CHUNKS].bytes;
  return bytes;
}

static inline void proxy_pump(proxy_way *w);

static inline void proxy_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
  proxy_way *w = handle->data;

  (void)suggested;
  *buf = uv_buf_init((char *)w->scratch, sizeof w->scratch);
}

static inline void proxy_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
  proxy_way *w = stream->data;
  proxy *p = w->proxy;
  proxy_chunk *c;

  if (n == 0)
    return;
  if (n < 0) {
    w->eof = true;
    uv_read_stop(stream);
    w->reading = false;
    if (n != UV_EOF)
      proxy_cut(p);
    else
      proxy_pump(w);
    return;
  }
  if (w->cut_after && w->total + (uint64_t)n >= w->cut_after)
    n = (ssize_t)(w->cut_after - w->total);
  w->total += (uint64_t)n;
  c = &w->ring[w->tail++ % PROXY_CHUNKS];
  c->bytes = (size_t)n;
  memcpy(c->data, buf->base, (size_t)n);
  if (w->free_us < proxy_now())
    w->free_us = proxy_now();
  if (p->options.mbit > 0)
    w->free_us += (uint64_t)((double)n * 8 / p->options.mbit);
  c->sent_us = w->free_us;
  proxy_pump(w);
}

static inline void proxy_timer(uv_timer_t *timer)
{
  proxy_pump(timer->data);
}

static inline void proxy_no_shutdown(uv_shutdown_t *request, int status)
{
  (void)status;
  free(request);
}

/* Delivers what has arrived, and reads on if there is room. */
static inline void proxy_pump(proxy_way *w)
{
  proxy *p = w->proxy;
  uint64_t distance_us = p->options.one_way_ms * 1000u;

  while (!p->closed && !w->stalled && w->head < w->tail) {
    proxy_chunk *c = &w->ring[w->head % PROXY_CHUNKS];
    uv_buf_t buf = uv_buf_init((char *)c->data, (unsigned)c->bytes);
    int n;

    if (c->sent_us + distance_us > proxy_now())
      break;
    n = c->bytes == 0 ? 0 : uv_try_write((uv_stream_t *)w->to, &buf, 1);
    if (n == UV_EAGAIN)
      break;
    if (n < 0) {
      proxy_cut(p);
      return;
    }
    c->bytes -= (size_t)n;
    memmove(c->data, c->data + n, c->bytes);
    if (c->bytes == 0)
      w->head++;
  }
  if (p->closed)
    return;
  if (w->cut_after && w->total >= w->cut_after && w->head == w->tail) {
    proxy_cut(p);
    return;
  }
  if (w->eof && w->head == w->tail) {
    uv_shutdown_t *request = malloc(sizeof *request);

    w->eof = false;
    if (uv_shutdown(request, (uv_stream_t *)w->to, proxy_no_shutdown) != 0)
      free(request);
  }
  if (!w->reading && !w->eof && proxy_waiting(w) < p->options.buffer_bytes && w->tail - w->head < PROXY_CHUNKS - 1 &&
      !(w->cut_after && w->total >= w->cut_after)) {
    w->reading = uv_read_start((uv_stream_t *)w->from, proxy_alloc, proxy_read) == 0;
  } else if (w->reading && (proxy_waiting(w) >= p->options.buffer_bytes || w->tail - w->head >= PROXY_CHUNKS - 1 ||
                            (w->cut_after && w->total >= w->cut_after))) {
    uv_read_stop((uv_stream_t *)w->from);
    w->reading = false;
  }
  if (w->head < w->tail || !w->reading)
    uv_timer_start(&w->timer, proxy_timer, 1, 0);
}

static inline void proxy_connected(uv_connect_t *request, int status)
{
  proxy *p = request->data;

  if (status != 0) {
    proxy_cut(p);
    return;
  }
  uv_tcp_nodelay(&p->server, 1);
  proxy_pump(&p->up);
  proxy_pump(&p->down);
}

static inline void proxy_accept(uv_stream_t *listener, int status)
{
  proxy *p = listener->data;
  struct sockaddr_in to;
  int bytes = 32 << 10;

  assert_int_equal(status, 0);
  if (p->connected)
    return;
  uv_tcp_init(p->loop, &p->client);
  uv_tcp_init(p->loop, &p->server);
  assert_int_equal(uv_accept(listener, (uv_stream_t *)&p->client), 0);
  p->client.data = &p->up;
  p->server.data = &p->down;
  p->up.from = p->down.to = &p->client;
  p->down.from = p->up.to = &p->server;
  p->connected = true;
  uv_tcp_nodelay(&p->client, 1);
  uv_ip4_addr("127.0.0.1", p->target, &to);
  p->connect.data = p;
  assert_int_equal(uv_tcp_connect(&p->connect, &p->server, (struct sockaddr *)&to, proxy_connected), 0);
  if (p->options.mbit > 0) {
    uv_recv_buffer_size((uv_handle_t *)&p->client, &bytes);
    uv_recv_buffer_size((uv_handle_t *)&p->server, &bytes);
  }
}

static inline void proxy_way_open(proxy *p, proxy_way *w, uint64_t cut_after)
{
  memset(w, 0, sizeof *w);
  w->proxy = p;
  w->cut_after = cut_after;
  w->ring = malloc(PROXY_CHUNKS * sizeof *w->ring);
  uv_timer_init(p->loop, &w->timer);
  w->timer.data = w;
}

static inline void proxy_open(proxy *p, uv_loop_t *loop, uint16_t target, const proxy_options *options)
{
  struct sockaddr_in a;
  int len = sizeof a;

  memset(p, 0, sizeof *p);
  p->loop = loop;
  p->target = target;
  p->options = *options;
  if (p->options.buffer_bytes == 0)
    p->options.buffer_bytes = 64 << 10;
  proxy_way_open(p, &p->up, options->cut_after);
  proxy_way_open(p, &p->down, options->cut_back_after);
  uv_tcp_init(loop, &p->listener);
  p->listener.data = p;
  uv_ip4_addr("127.0.0.1", 0, &a);
  assert_int_equal(uv_tcp_bind(&p->listener, (struct sockaddr *)&a, 0), 0);
  assert_int_equal(uv_listen((uv_stream_t *)&p->listener, 4, proxy_accept), 0);
  uv_tcp_getsockname(&p->listener, (struct sockaddr *)&a, &len);
  p->port = ntohs(a.sin_port);
}

/* The struct must live until the loop has run once more (bench_close does). */
static inline void proxy_close(proxy *p)
{
  proxy_cut(p);
  uv_close((uv_handle_t *)&p->listener, NULL);
  uv_close((uv_handle_t *)&p->up.timer, NULL);
  uv_close((uv_handle_t *)&p->down.timer, NULL);
}

static inline void proxy_free(proxy *p)
{
  free(p->up.ring);
  free(p->down.ring);
}

#endif
