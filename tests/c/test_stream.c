/* SPDX-License-Identifier: MIT
 *
 * What every kind of stream promises (transport/stream.h), shown for each kind by the same tests: bytes arrive whole
 * and in order whatever the sizes, none are lost while reading is off, one buffer at a time is taken, the end is told
 * after the last byte, and a stream may be closed from any of its callbacks.
 */
#include "net_test.h"

#include "base/limits.h"
#include "proto/websocket.h"
#include "transport/tls.h"
#include "transport/websocket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

enum kind { KIND_TCP, KIND_TLS, KIND_WS, KIND_TLS_IN_WS };

/* One end of a connection, with a checker of the bytes that it receives: byte i is a function of i. */
typedef struct end {
  atr_stream *stream;
  const char *name;
  bool open, ended, closed_it;
  int err;
  uint64_t received, to_send, sent;
  size_t chunk;
  bool stop_now_and_then, close_on_read, close_on_writable, shutdown_when_sent;
  unsigned stops;
} end;

typedef struct ends {
  bench bench;
  enum kind kind;
  atr_identity *identity;
  atr_listener *listener;
  end server, client;
} ends;

static uint8_t byte_at(uint64_t i)
{
  return (uint8_t)(i ^ i >> 8 ^ i >> 16);
}

static void close_end(end *e)
{
  atr_stream_close(e->stream);
  e->stream = NULL;
  e->closed_it = true;
}

static void send_more(end *e)
{
  while (e->stream && e->stream->writable && e->sent < e->to_send) {
    size_t n = e->to_send - e->sent < e->chunk ? (size_t)(e->to_send - e->sent) : e->chunk;
    atr_buf bytes;

    atr_buf_init(&bytes, n);
    assert_int_equal(atr_buf_reserve(&bytes, n), 0);
    for (size_t i = 0; i < n; i++)
      bytes.data[i] = byte_at(e->sent + i);
    atr_buf_added(&bytes, n);
    assert_int_equal(atr_stream_write(e->stream, &bytes), 0);
    assert_int_equal(bytes.len, 0);
    atr_buf_free(&bytes);
    e->sent += n;
  }
  if (e->stream && e->shutdown_when_sent && e->sent == e->to_send) {
    e->shutdown_when_sent = false;
    atr_stream_shutdown(e->stream);
    assert_false(e->stream->writable);
  }
}

static void on_open(void *ctx)
{
  ((end *)ctx)->open = true;
}

static void on_read(void *ctx, const uint8_t *bytes, size_t n)
{
  end *e = ctx;

  assert_true(n > 0);
  for (size_t i = 0; i < n; i++)
    if (bytes[i] != byte_at(e->received + i))
      fail_msg("%s: byte %llu is wrong", e->name, (unsigned long long)(e->received + i));
  e->received += n;
  if (e->stop_now_and_then) {
    atr_stream_read_stop(e->stream);
    e->stops++;
  }
  if (e->close_on_read)
    close_end(e);
}

static void on_writable(void *ctx)
{
  end *e = ctx;

  if (e->close_on_writable)
    close_end(e);
  else
    send_more(e);
}

static void on_end(void *ctx, int err, const char *detail)
{
  end *e = ctx;

  assert_false(e->ended);
  assert_true(detail[0] != 0);
  e->ended = true;
  e->err = err;
}

static const atr_stream_callbacks callbacks = {on_open, on_read, on_writable, on_end};

/* --- links of each kind ---------------------------------------------------------------------------------------- */

static bool has_tls(const ends *l)
{
  return l->kind == KIND_TLS || l->kind == KIND_TLS_IN_WS;
}

static void own(ends *l, end *e, atr_stream *stream, bool is_server)
{
  /* The listener makes a server's WebSocket itself. */
  if (l->kind == KIND_TLS_IN_WS && !is_server)
    assert_int_equal(atr_ws_client_new(&stream, stream, true, "127.0.0.1", "/atrium"), 0);
  if (l->kind == KIND_WS)
    assert_int_equal(is_server ? atr_ws_server_new(&stream, stream)
                               : atr_ws_client_new(&stream, stream, true, "127.0.0.1", "/atrium"),
                     0);
  if (has_tls(l))
    assert_int_equal(atr_tls_stream_new(&stream, stream, atr_identity_tls(l->identity), is_server), 0);
  else if (l->kind == KIND_TCP)
    e->open = true;
  e->stream = stream;
  atr_stream_set_owner(stream, &callbacks, e);
  atr_stream_read_start(stream);
}

static void accepted(void *ctx, atr_stream *stream)
{
  ends *l = ctx;

  own(l, &l->server, stream, true);
}

static void connected(void *ctx, int err, atr_stream *stream)
{
  ends *l = ctx;

  assert_int_equal(err, 0);
  own(l, &l->client, stream, false);
}

/* The listener only lets in what begins like TLS: for bare TCP one of its own. */
static uv_tcp_t bare;

static void bare_accept(uv_stream_t *server, int status)
{
  ends *l = server->data;
  atr_stream *stream;

  assert_int_equal(status, 0);
  assert_int_equal(atr_tcp_accept(&stream, l->bench.net, server), 0);
  own(l, &l->server, stream, true);
}

static uint16_t listen_for(ends *l)
{
  const atr_listen_options options = {.bind = "127.0.0.1"};
  struct sockaddr_in a;
  int len = sizeof a;
  char why[256];

  if (has_tls(l)) {
    assert_int_equal(atr_listener_new(&l->listener, l->bench.net, &options, accepted, l, why, sizeof why), 0);
    return atr_listener_port(l->listener);
  }
  uv_ip4_addr("127.0.0.1", 0, &a);
  uv_tcp_init(&l->bench.loop, &bare);
  bare.data = l;
  assert_int_equal(uv_tcp_bind(&bare, (struct sockaddr *)&a, 0), 0);
  assert_int_equal(uv_listen((uv_stream_t *)&bare, 1, bare_accept), 0);
  uv_tcp_getsockname(&bare, (struct sockaddr *)&a, &len);
  return ntohs(a.sin_port);
}

static void link_open(ends *l, enum kind kind)
{
  atr_tcp_connect *attempt;
  struct sockaddr_in to;

  memset(l, 0, sizeof *l);
  l->kind = kind;
  l->server.name = "server";
  l->client.name = "client";
  l->server.chunk = 100000;
  l->client.chunk = 100000;
  bench_open(&l->bench);
  assert_int_equal(atr_identity_new(&l->identity), 0);
  uv_ip4_addr("127.0.0.1", listen_for(l), &to);
  assert_int_equal(atr_tcp_connect_start(&attempt, l->bench.net, (struct sockaddr *)&to, connected, l), 0);
  assert_true(bench_run(&l->bench, &l->client.open, 5000));
  assert_true(bench_run(&l->bench, &l->server.open, 5000));
}

static void link_close(ends *l)
{
  atr_stream_close(l->client.stream);
  atr_stream_close(l->server.stream);
  if (!has_tls(l))
    uv_close((uv_handle_t *)&bare, NULL);
  atr_listener_free(l->listener);
  bench_close(&l->bench);
  atr_identity_free(l->identity);
}

/* Runs until both have received so many bytes; restarts reading where it was stopped. */
static void run_until(ends *l, uint64_t server_bytes, uint64_t client_bytes)
{
  for (int i = 0; i < 20000 && (l->server.received < server_bytes || l->client.received < client_bytes); i++) {
    uint64_t before = l->server.received;

    bench_idle(&l->bench, 1);
    if (l->server.stop_now_and_then && l->server.stream && !l->server.ended) {
      assert_true(l->server.received - before <= ATR_READ_BYTES);
      atr_stream_read_start(l->server.stream);
    }
  }
  assert_int_equal(l->server.received, server_bytes);
  assert_int_equal(l->client.received, client_bytes);
}

/* --- promises -------------------------------------------------------------------------------------------------- */

static void bytes_arrive_in_order(enum kind kind)
{
  static const size_t chunks[] = {1, 100, 16383, 16384, 16385, 200000, 1 << 20};

  for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
    ends l;

    link_open(&l, kind);
    l.client.chunk = chunks[i];
    l.client.to_send = chunks[i] == 1 ? 300 : 20 * chunks[i] + 77;
    l.server.to_send = l.client.to_send / 3;
    send_more(&l.client);
    send_more(&l.server);
    run_until(&l, l.client.to_send, l.server.to_send);
    link_close(&l);
  }
}

static void nothing_is_lost_while_reading_is_off(enum kind kind)
{
  ends l;

  link_open(&l, kind);
  l.server.stop_now_and_then = true;
  l.client.to_send = 5000000;
  send_more(&l.client);
  assert_false(l.client.stream->writable);
  bench_idle(&l.bench, 50);
  assert_int_equal(l.server.stops, 1); /* and the writer waits */
  assert_true(l.client.sent < l.client.to_send || !l.client.stream->writable);
  run_until(&l, 5000000, 0);
  assert_true(l.server.stops > 20);
  link_close(&l);
}

static void the_end_comes_after_the_last_byte(enum kind kind)
{
  ends l;

  link_open(&l, kind);
  l.client.to_send = 3000000;
  l.client.shutdown_when_sent = true;
  send_more(&l.client);
  assert_true(bench_run(&l.bench, &l.server.ended, 5000));
  assert_int_equal(l.server.err, ATR_CLOSED);
  assert_int_equal(l.server.received, 3000000);
  close_end(&l.server);
  assert_true(bench_run(&l.bench, &l.client.ended, 5000));
  assert_int_equal(l.client.err, ATR_CLOSED);
  link_close(&l);
}

static void a_stream_may_be_closed_from_its_callbacks(enum kind kind)
{
  ends l;

  link_open(&l, kind);
  l.server.close_on_read = true;
  l.client.close_on_writable = true;
  l.client.to_send = 1 << 26; /* more than the kernel takes: on_writable follows, or the end */
  send_more(&l.client);
  for (int i = 0; i < 500 && !(l.server.closed_it && (l.client.closed_it || l.client.ended)); i++)
    bench_idle(&l.bench, 2);
  assert_true(l.server.closed_it);
  assert_true(l.client.closed_it || l.client.ended);
  link_close(&l);
}

static void a_close_at_once_is_an_end_for_the_other(enum kind kind)
{
  ends l;

  link_open(&l, kind);
  close_end(&l.client);
  assert_true(bench_run(&l.bench, &l.server.ended, 5000));
  assert_int_equal(l.server.err, ATR_CLOSED);
  link_close(&l);
}

static int write_zeros(end *e, size_t n)
{
  atr_buf bytes;
  int err;

  atr_buf_init(&bytes, n);
  assert_int_equal(atr_buf_reserve(&bytes, n), 0);
  memset(bytes.data, 0, n);
  atr_buf_added(&bytes, n);
  err = atr_stream_write(e->stream, &bytes);
  atr_buf_free(&bytes);
  return err;
}

/* ATR_STREAM_OUT_BYTES_MAX, with what each kind adds: of what does not fit nothing is sent, and the stream is of no more use. */
static void a_write_beyond_the_bound_is_refused(void **state)
{
  static const enum kind kinds[] = {KIND_TLS, KIND_WS, KIND_TLS_IN_WS};

  (void)state;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    ends l;

    link_open(&l, kinds[i]);
    assert_int_equal(write_zeros(&l.client, ATR_STREAM_OUT_BYTES_MAX), ATR_LIMIT);
    assert_false(l.client.stream->writable);
    bench_idle(&l.bench, 50);
    assert_int_equal(l.server.received, 0);
    assert_false(l.client.ended); /* who writes has been told already */
    close_end(&l.client);
    assert_true(bench_run(&l.bench, &l.server.ended, 5000));
    link_close(&l);
  }
}

/* One buffer, with all that TLS adds to it. */
static void a_write_below_the_bound_arrives(void **state)
{
  enum { RECORD_BYTES = 16384, ADDED_BYTES = 256 };
  const size_t records = ATR_STREAM_OUT_BYTES_MAX / (RECORD_BYTES + ADDED_BYTES) - 2;
  ends l;

  (void)state;
  link_open(&l, KIND_TLS);
  l.client.chunk = l.client.to_send = records * RECORD_BYTES;
  send_more(&l.client);
  run_until(&l, l.client.to_send, 0);
  link_close(&l);
  link_open(&l, KIND_WS);
  assert_int_equal(write_zeros(&l.client, ATR_STREAM_OUT_BYTES_MAX - ATR_WS_HEADER_BYTES_MAX), 0);
  link_close(&l);
}

/* What the kernel has taken can no longer be overtaken by a cursor, and a cursor waits for no acknowledgement. */
static void the_kernel_holds_little_and_sends_at_once(void **state)
{
  ends l;
  int found = 0;

  (void)state;
  link_open(&l, KIND_TCP);
  for (int fd = 0; fd < 256; fd++) {
    int lowat = 0, nodelay = 0, listens = 0;
    socklen_t n = sizeof lowat;

    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) != 0 || listens ||
        getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &n) != 0)
      continue;
    assert_int_not_equal(nodelay, 0);
#ifdef TCP_NOTSENT_LOWAT
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, &n), 0);
    assert_int_equal(lowat, ATR_NOTSENT_BYTES);
#endif
    found++;
  }
  assert_int_equal(found, 2);
  link_close(&l);
}

static void no_work(atr_net_task *task)
{
  (void)task;
  fail();
}

/* The loop went round and round, as fast as it could, until somebody else asked for a call. */
static void a_call_that_is_taken_back_lets_the_loop_sleep(void **state)
{
  atr_net_task task = {.run = no_work};
  uint64_t turns;
  bench b;

  (void)state;
  bench_open(&b);
  atr_net_later(b.net, &task);
  atr_net_task_cancel(&task);
  turns = atr_net_turn(b.net);
  bench_idle(&b, 50);
  assert_true(atr_net_turn(b.net) - turns < 10);
  bench_close(&b);
}

#define OVER_EACH_KIND(promise)                 \
  static void promise##_tcp(void **state)       \
  {                                             \
    (void)state;                                \
    promise(KIND_TCP);                          \
  }                                             \
  static void promise##_tls(void **state)       \
  {                                             \
    (void)state;                                \
    promise(KIND_TLS);                          \
  }                                             \
  static void promise##_ws(void **state)        \
  {                                             \
    (void)state;                                \
    promise(KIND_WS);                           \
  }                                             \
  static void promise##_tls_in_ws(void **state) \
  {                                             \
    (void)state;                                \
    promise(KIND_TLS_IN_WS);                    \
  }

OVER_EACH_KIND(bytes_arrive_in_order)
OVER_EACH_KIND(nothing_is_lost_while_reading_is_off)
OVER_EACH_KIND(the_end_comes_after_the_last_byte)
OVER_EACH_KIND(a_stream_may_be_closed_from_its_callbacks)
OVER_EACH_KIND(a_close_at_once_is_an_end_for_the_other)

#define TESTS_OF(promise)                                                                           \
  cmocka_unit_test(promise##_tcp), cmocka_unit_test(promise##_tls), cmocka_unit_test(promise##_ws), \
      cmocka_unit_test(promise##_tls_in_ws)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TESTS_OF(bytes_arrive_in_order),
      TESTS_OF(nothing_is_lost_while_reading_is_off),
      TESTS_OF(the_end_comes_after_the_last_byte),
      TESTS_OF(a_stream_may_be_closed_from_its_callbacks),
      TESTS_OF(a_close_at_once_is_an_end_for_the_other),
      cmocka_unit_test(a_write_beyond_the_bound_is_refused),
      cmocka_unit_test(a_write_below_the_bound_arrives),
      cmocka_unit_test(the_kernel_holds_little_and_sends_at_once),
      cmocka_unit_test(a_call_that_is_taken_back_lets_the_loop_sleep),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
