/* SPDX-License-Identifier: MIT
 *
 * A write is tried at once (one system call, no allocation, no turn of the loop). What the kernel does not take is
 * swapped into the stream and handed to uv_write(), whose completion makes the stream writable again; with
 * TCP_NOTSENT_LOWAT that is the moment when little is left unsent. Linux accepts about the low-water mark per call,
 * so on a fast line a large buffer would cost a turn of the loop for each 16 KiB: hence the try is repeated while it
 * makes progress.
 */
#include "transport/tcp.h"

#include "base/error.h"
#include "base/limits.h"
#include "transport/platform.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct tcp_stream {
  atr_stream base;
  uv_tcp_t tcp;
  uv_write_t write;
  uv_shutdown_t shutdown;
  atr_buf out;    /* what uv_write() is busy with */
  atr_buf unread; /* given back by who read the first bytes */
  atr_net_task unread_task;
  atr_net_task resume_task;
  uint64_t turn; /* of the loop, in which `turn_bytes` were read */
  size_t turn_bytes;
  bool reading;
  bool ended;
  bool shut; /* our direction is to end once `out` is gone */
} tcp_stream;

struct atr_tcp_connect {
  tcp_stream *stream;
  uv_connect_t request;
  atr_net_task failed;
  atr_tcp_connect_done done; /* NULL once cancelled */
  void *ctx;
  int err;
};

static const atr_stream_kind tcp_kind;

/* --- errors and addresses -------------------------------------------------------------------------------------- */

int atr_tcp_error(int uv_error)
{
  switch (uv_error) {
  case 0:
    return ATR_OK;
  case UV_ENOMEM:
  case UV_ENOBUFS:
    return ATR_NOMEM;
  case UV_ECONNREFUSED:
    return ATR_CONNREFUSED;
  case UV_ETIMEDOUT:
    return ATR_SILENT;
  case UV_ENETUNREACH:
  case UV_EHOSTUNREACH:
  case UV_ENETDOWN:
  case UV_EADDRNOTAVAIL:
  case UV_EAFNOSUPPORT:
  case UV_EINVAL: /* a link-local address without its scope */
    return ATR_UNREACHABLE;
  case UV_EADDRINUSE:
    return ATR_PORT_BUSY;
  case UV_EACCES:
  case UV_EPERM:
    return ATR_DENIED;
  case UV_EOF:
  case UV_ECONNRESET:
  case UV_ECONNABORTED:
  case UV_EPIPE:
  case UV_ENOTCONN:
    return ATR_CLOSED;
  case UV_ECANCELED:
    return ATR_CANCELED;
  default:
    return ATR_IO;
  }
}

void atr_tcp_address_text(const struct sockaddr *address, char *out, size_t out_bytes)
{
  char ip[64] = "?";

  if (address->sa_family == AF_INET6) {
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
    char scope[16] = "";

    uv_ip6_name(in6, ip, sizeof ip);
    if (in6->sin6_scope_id != 0)
      snprintf(scope, sizeof scope, "%%%u", (unsigned)in6->sin6_scope_id);
    if (strncmp(ip, "::ffff:", 7) == 0 && strchr(ip, '.')) /* IPv4 at a dual-stack listener */
      snprintf(out, out_bytes, "%s:%u", ip + 7, (unsigned)ntohs(in6->sin6_port));
    else
      snprintf(out, out_bytes, "[%s%s]:%u", ip, scope, (unsigned)ntohs(in6->sin6_port));
  } else {
    const struct sockaddr_in *in4 = (const struct sockaddr_in *)(const void *)address;

    uv_ip4_name(in4, ip, sizeof ip);
    snprintf(out, out_bytes, "%s:%u", ip, (unsigned)ntohs(in4->sin_port));
  }
}

/* An IPv4 address, or the 48 bits of an IPv6 one beyond which a customer chooses as he likes: most get a /56, some a /48. */
enum { IPV4_BYTES = 4, SITE_BYTES = 6 };

static uint64_t network_of(const struct sockaddr *address)
{
  const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
  bool is_v4 = address->sa_family == AF_INET || IN6_IS_ADDR_V4MAPPED(v6);
  const uint8_t *bytes = v6->s6_addr;
  uint64_t network = is_v4 ? 0 : 1; /* no site is a number of IPv4 */

  if (address->sa_family == AF_INET)
    bytes = (const uint8_t *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
  else if (is_v4)
    bytes += sizeof v6->s6_addr - IPV4_BYTES;
  for (int i = 0; i < (is_v4 ? IPV4_BYTES : SITE_BYTES); i++)
    network = network << 8 | bytes[i];
  return network;
}

/* --- life ------------------------------------------------------------------------------------------------------ */

static void closed(uv_handle_t *handle)
{
  tcp_stream *s = handle->data;

  atr_buf_free(&s->out);
  atr_buf_free(&s->unread);
  free(s);
}

static void tcp_close(atr_stream *stream)
{
  tcp_stream *s = (tcp_stream *)stream;

  atr_net_task_cancel(&s->unread_task);
  atr_net_task_cancel(&s->resume_task);
  if (!uv_is_closing((uv_handle_t *)&s->tcp))
    uv_close((uv_handle_t *)&s->tcp, closed);
}

static void end(tcp_stream *s, int uv_error)
{
  char detail[ATR_PEER_TEXT_BYTES + 80];

  if (s->ended || !s->base.cb)
    return;
  s->ended = true;
  s->base.writable = false;
  uv_read_stop((uv_stream_t *)&s->tcp);
  snprintf(detail, sizeof detail, "%s: %s", s->base.peer, uv_error == UV_EOF ? "ended" : uv_strerror(uv_error));
  s->base.cb->on_end(s->base.ctx, atr_tcp_error(uv_error), detail);
}

static void run_unread(atr_net_task *task);
static void run_resume(atr_net_task *task);

/* `family`: makes the socket at once; where the system has none such, connecting will say so. AF_UNSPEC: it comes later. */
static tcp_stream *tcp_new(atr_net *net, unsigned family)
{
  tcp_stream *s = calloc(1, sizeof *s);

  if (!s)
    return NULL;
  s->base.kind = &tcp_kind;
  s->base.net = net;
  s->unread_task.run = run_unread;
  s->resume_task.run = run_resume;
  atr_buf_init(&s->out, SIZE_MAX / 2); /* swapped in: its owner has bounded it */
  atr_buf_init(&s->unread, ATR_READ_BYTES);
  if (uv_tcp_init_ex(atr_net_loop(net), &s->tcp, family) != 0 && uv_tcp_init(atr_net_loop(net), &s->tcp) != 0) {
    free(s);
    return NULL;
  }
  s->tcp.data = s;
  s->write.data = s;
  s->shutdown.data = s;
  return s;
}

/* Once connected. */
static void tcp_opened(tcp_stream *s)
{
  struct sockaddr_storage peer = {0};
  int len = sizeof peer;

  uv_tcp_nodelay(&s->tcp, 1);
  atr_platform_tcp_tune(&s->tcp);
  s->base.writable = true;
  if (uv_tcp_getpeername(&s->tcp, (struct sockaddr *)&peer, &len) == 0) {
    atr_tcp_address_text((struct sockaddr *)&peer, s->base.peer, sizeof s->base.peer);
    s->base.is_loopback = atr_platform_is_loopback((struct sockaddr *)&peer);
    s->base.network = network_of((struct sockaddr *)&peer);
  }
  len = sizeof peer;
  if (uv_tcp_getsockname(&s->tcp, (struct sockaddr *)&peer, &len) == 0)
    atr_tcp_address_text((struct sockaddr *)&peer, s->base.local, sizeof s->base.local);
}

int atr_tcp_accept(atr_stream **out, atr_net *net, uv_stream_t *listener)
{
  tcp_stream *s = tcp_new(net, AF_UNSPEC);
  int r;

  *out = NULL;
  if (!s)
    return ATR_NOMEM;
  r = uv_accept(listener, (uv_stream_t *)&s->tcp);
  if (r != 0) {
    atr_stream_close(&s->base);
    return atr_tcp_error(r);
  }
  tcp_opened(s);
  *out = &s->base;
  return 0;
}

/* --- connecting ------------------------------------------------------------------------------------------------ */

static void connect_finish(atr_tcp_connect *attempt, int uv_error)
{
  tcp_stream *s = attempt->stream;
  atr_tcp_connect_done done = attempt->done;
  void *ctx = attempt->ctx;

  free(attempt);
  if (done && uv_error == 0) {
    tcp_opened(s);
    done(ctx, 0, &s->base);
    return;
  }
  atr_stream_close(&s->base);
  if (done)
    done(ctx, atr_tcp_error(uv_error), NULL);
}

static void connected(uv_connect_t *request, int status)
{
  connect_finish(request->data, status);
}

static void connect_failed(atr_net_task *task)
{
  atr_tcp_connect *attempt = (atr_tcp_connect *)((char *)task - offsetof(atr_tcp_connect, failed));

  connect_finish(attempt, attempt->err);
}

int atr_tcp_connect_start(atr_tcp_connect **out, atr_net *net, const struct sockaddr *to, atr_tcp_connect_done done,
                          void *ctx)
{
  atr_tcp_connect *attempt = calloc(1, sizeof *attempt);
  tcp_stream *s = attempt ? tcp_new(net, to->sa_family) : NULL;

  *out = NULL;
  if (!s) {
    free(attempt);
    return ATR_NOMEM;
  }
  attempt->stream = s;
  attempt->done = done;
  attempt->ctx = ctx;
  attempt->request.data = attempt;
  attempt->failed.run = connect_failed;
  if (!atr_platform_is_loopback(to))
    atr_platform_tcp_narrow(&s->tcp);
  attempt->err = uv_tcp_connect(&attempt->request, &s->tcp, to, connected);
  if (attempt->err != 0) /* no route, no such family: still an answer, and never from inside */
    atr_net_later(net, &attempt->failed);
  *out = attempt;
  return 0;
}

void atr_tcp_connect_cancel(atr_tcp_connect *attempt)
{
  attempt->done = NULL;
  if (attempt->err != 0) {
    atr_net_task_cancel(&attempt->failed);
    connect_finish(attempt, attempt->err);
  } else {
    /* connected() follows with UV_ECANCELED and frees the attempt; it finds the stream closing already. */
    atr_stream_close(&attempt->stream->base);
  }
}

/* --- reading --------------------------------------------------------------------------------------------------- */

static void alloc_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
  tcp_stream *s = handle->data;

  (void)suggested;
  buf->base = (char *)atr_net_buffer_take(s->base.net);
  buf->len = buf->base ? ATR_READ_BYTES : 0; /* 0 gives UV_ENOBUFS to got_bytes() */
}

/* A connection that has had its share of this turn pauses until the next. */
static void count_bytes(tcp_stream *s, size_t n)
{
  uint64_t turn = atr_net_turn(s->base.net);

  s->turn_bytes = (turn == s->turn ? s->turn_bytes : 0) + n;
  s->turn = turn;
  if (s->turn_bytes >= ATR_TURN_BYTES) {
    uv_read_stop((uv_stream_t *)&s->tcp);
    atr_net_later(s->base.net, &s->resume_task);
  }
}

static void got_bytes(uv_stream_t *handle, ssize_t n, const uv_buf_t *buf)
{
  tcp_stream *s = handle->data;
  atr_net *net = s->base.net; /* the callback may close the stream */

  if (n > 0)
    count_bytes(s, (size_t)n);
  if (n > 0 && s->base.cb)
    s->base.cb->on_read(s->base.ctx, (const uint8_t *)buf->base, (size_t)n);
  else if (n < 0)
    end(s, (int)n);
  atr_net_buffer_give(net, (uint8_t *)buf->base);
}

static void read_on(tcp_stream *s)
{
  int r = uv_read_start((uv_stream_t *)&s->tcp, alloc_buffer, got_bytes);

  if (r != 0 && r != UV_EALREADY)
    end(s, r);
}

static void run_resume(atr_net_task *task)
{
  tcp_stream *s = (tcp_stream *)(void *)((char *)task - offsetof(tcp_stream, resume_task));

  if (s->reading && !s->ended)
    read_on(s);
}

static void tcp_read_start(atr_stream *stream)
{
  tcp_stream *s = (tcp_stream *)stream;

  if (s->reading || s->ended)
    return;
  s->reading = true;
  if (s->unread.len > 0)
    atr_net_later(s->base.net, &s->unread_task);
  else
    read_on(s);
}

static void tcp_read_stop(atr_stream *stream)
{
  tcp_stream *s = (tcp_stream *)stream;

  s->reading = false;
  atr_net_task_cancel(&s->unread_task);
  atr_net_task_cancel(&s->resume_task);
  uv_read_stop((uv_stream_t *)&s->tcp);
}

int atr_tcp_unread(atr_stream *stream, const uint8_t *bytes, size_t n)
{
  tcp_stream *s = (tcp_stream *)stream;

  assert(stream->kind == &tcp_kind);
  return atr_buf_append(&s->unread, bytes, n);
}

/* The callback may close the stream, so the bytes leave it first. Memory is still there afterwards: closing frees
 * later. */
static void run_unread(atr_net_task *task)
{
  tcp_stream *s = (tcp_stream *)(void *)((char *)task - offsetof(tcp_stream, unread_task));
  atr_buf bytes = s->unread;

  atr_buf_init(&s->unread, ATR_READ_BYTES);
  s->base.cb->on_read(s->base.ctx, bytes.data, bytes.len);
  atr_buf_free(&bytes);
  if (s->reading && s->base.cb)
    read_on(s);
}

/* --- writing --------------------------------------------------------------------------------------------------- */

static void shut_done(uv_shutdown_t *request, int status)
{
  (void)request;
  (void)status; /* a connection that cannot be shut down says so when it is read */
}

static void shut_now(tcp_stream *s)
{
  (void)uv_shutdown(&s->shutdown, (uv_stream_t *)&s->tcp, shut_done);
}

static void written(uv_write_t *request, int status)
{
  tcp_stream *s = request->data;

  atr_buf_clear(&s->out);
  if (!s->base.cb || status == UV_ECANCELED)
    return;
  if (status < 0) {
    end(s, status);
  } else if (s->shut) {
    shut_now(s);
  } else if (!s->ended) {
    s->base.writable = true;
    s->base.cb->on_writable(s->base.ctx);
  }
}

static int tcp_write(atr_stream *stream, atr_buf *bytes)
{
  tcp_stream *s = (tcp_stream *)stream;
  atr_buf swap = s->out;
  uv_buf_t buf;
  int r;

  while (bytes->len > 0) {
    buf = uv_buf_init((char *)bytes->data, (unsigned)bytes->len);
    r = uv_try_write((uv_stream_t *)&s->tcp, &buf, 1);
    if (r == UV_EAGAIN)
      break;
    if (r < 0)
      return atr_tcp_error(r);
    atr_buf_consume(bytes, (size_t)r);
  }
  if (bytes->len == 0)
    return 0;
  s->out = *bytes;
  *bytes = swap;
  bytes->max = s->out.max;
  buf = uv_buf_init((char *)s->out.data, (unsigned)s->out.len);
  r = uv_write(&s->write, (uv_stream_t *)&s->tcp, &buf, 1, written);
  if (r < 0)
    return atr_tcp_error(r);
  s->base.writable = false;
  return 0;
}

static void tcp_shutdown(atr_stream *stream)
{
  tcp_stream *s = (tcp_stream *)stream;
  bool idle = stream->writable;

  if (s->shut || s->ended)
    return;
  s->shut = true;
  stream->writable = false;
  if (idle)
    shut_now(s);
}

static const atr_stream_kind tcp_kind = {
    .name = "tcp",
    .read_start = tcp_read_start,
    .read_stop = tcp_read_stop,
    .write = tcp_write,
    .shutdown = tcp_shutdown,
    .close = tcp_close,
};
