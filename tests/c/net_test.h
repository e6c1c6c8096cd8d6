/* SPDX-License-Identifier: MIT
 *
 * What the tests of transport and session share: a loop with a time limit, and a pair of sessions over loopback.
 */
#ifndef ATR_NET_TEST_H
#define ATR_NET_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first */
#include <cmocka.h>

#include "base/error.h"
#include "base/limits.h"
#include "session/identity.h"
#include "session/session.h"
#include "transport/listen.h"
#include "transport/tcp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- a loop ---------------------------------------------------------------------------------------------------- */

typedef struct bench {
  uv_loop_t loop;
  atr_net *net;
  uv_timer_t limit;
  bool timed_out;
} bench;

static inline void bench_time_is_up(uv_timer_t *timer)
{
  ((bench *)timer->data)->timed_out = true;
}

static inline void bench_open(bench *b)
{
  memset(b, 0, sizeof *b);
  assert_int_equal(uv_loop_init(&b->loop), 0);
  assert_int_equal(atr_net_new(&b->net, &b->loop), 0);
  uv_timer_init(&b->loop, &b->limit);
  b->limit.data = b;
}

/* Runs the loop until `*done`, at most `ms`. The loop's clock stands still while the test works: a limit that had passed already would be told
 * before the loop waits, and then nothing would end that. */
static inline bool bench_run(bench *b, const bool *done, unsigned ms)
{
  b->timed_out = false;
  uv_update_time(&b->loop);
  uv_timer_start(&b->limit, bench_time_is_up, ms, 0);
  while (!*done && !b->timed_out)
    uv_run(&b->loop, UV_RUN_ONCE);
  uv_timer_stop(&b->limit);
  return *done;
}

static inline void bench_idle(bench *b, unsigned ms)
{
  const bool never = false;

  (void)bench_run(b, &never, ms);
}

/* Everything must be closed by then: a handle that is left over fails the test. What waits for the system (the other end of a connection, a
 * look-up) gets some seconds. */
static inline void bench_close(bench *b)
{
  uv_close((uv_handle_t *)&b->limit, NULL);
  atr_net_free(b->net);
  for (int i = 0; i < 5000 && uv_run(&b->loop, UV_RUN_NOWAIT) != 0; i++)
    if (i >= 100)
      uv_sleep(1);
  assert_int_equal(uv_loop_close(&b->loop), 0);
}

/* --- one side of a session ------------------------------------------------------------------------------------- */

typedef struct side {
  atr_session *session;
  const char *name;
  bool has_key, closed, got;
  bool refuse_key, hold_key;
  atr_hash key;
  int err;
  char detail[256];
  unsigned messages[ATR_LANES];
  uint64_t bytes[ATR_LANES];
  char last[ATR_LANES][64];
  int answer; /* what on_message returns */
  void (*on_message)(struct side *side, int lane, atr_span message);
  void *ctx;
} side;

static inline void side_on_key(void *ctx, const atr_hash *key, atr_span spki)
{
  side *s = ctx;

  assert_true(spki.n > 0);
  s->has_key = true;
  s->key = *key;
  if (s->refuse_key)
    atr_session_close(s->session, ATR_KEY_UNKNOWN, "not this one");
  else if (!s->hold_key)
    atr_session_accept_key(s->session);
}

static inline int side_on_message(void *ctx, int lane, atr_span message)
{
  side *s = ctx;
  size_t n = message.n < sizeof s->last[lane] - 1 ? message.n : sizeof s->last[lane] - 1;

  s->messages[lane]++;
  s->bytes[lane] += message.n;
  memcpy(s->last[lane], message.p, n);
  s->last[lane][n] = 0;
  s->got = true;
  if (s->on_message)
    s->on_message(s, lane, message);
  return s->answer;
}

static inline void side_on_close(void *ctx, int err, const char *detail)
{
  side *s = ctx;

  assert_false(s->closed);
  s->closed = true;
  s->err = err;
  snprintf(s->detail, sizeof s->detail, "%s", detail);
}

static const atr_session_callbacks side_callbacks = {side_on_key, side_on_message, side_on_close};

/* --- a server and a client ------------------------------------------------------------------------------------- */

typedef struct pair {
  bench bench;
  atr_identity *server_identity, *client_identity;
  atr_listener *listener;
  side server, client;
  unsigned accepted;
  bool ready;
} pair;

static inline void pair_accept(void *ctx, atr_stream *stream)
{
  pair *p = ctx;

  p->accepted++;
  if (p->server.session && p->server.closed) {
    atr_session_free(p->server.session);
    p->server.session = NULL;
    p->server.closed = false;
  }
  if (p->server.session) {
    atr_stream_close(stream);
    return;
  }
  assert_int_equal(atr_session_new(&p->server.session, stream, true, p->server_identity, &side_callbacks, &p->server),
                   0);
}

static inline void pair_listen(pair *p, const atr_listen_options *options)
{
  char why[256];

  memset(p, 0, sizeof *p);
  bench_open(&p->bench);
  p->server.name = "server";
  p->client.name = "client";
  assert_int_equal(atr_identity_new(&p->server_identity), 0);
  assert_int_equal(atr_identity_new(&p->client_identity), 0);
  assert_int_equal(atr_listener_new(&p->listener, p->bench.net, options, pair_accept, p, why, sizeof why), 0);
}

static inline void pair_connected(void *ctx, int err, atr_stream *stream)
{
  pair *p = ctx;

  assert_int_equal(err, 0);
  assert_int_equal(atr_session_new(&p->client.session, stream, false, p->client_identity, &side_callbacks, &p->client),
                   0);
  p->ready = true;
}

static inline void pair_connect(pair *p, uint16_t port)
{
  atr_tcp_connect *attempt;
  struct sockaddr_in to;

  uv_ip4_addr("127.0.0.1", port, &to);
  p->ready = false;
  assert_int_equal(atr_tcp_connect_start(&attempt, p->bench.net, (struct sockaddr *)&to, pair_connected, p), 0);
  assert_true(bench_run(&p->bench, &p->ready, 5000));
}

/* Listening, connected, and both keys known. */
static inline void pair_open(pair *p)
{
  const atr_listen_options options = {.bind = "127.0.0.1"};

  pair_listen(p, &options);
  pair_connect(p, atr_listener_port(p->listener));
  assert_true(bench_run(&p->bench, &p->client.has_key, 5000));
  assert_true(bench_run(&p->bench, &p->server.has_key, 5000));
}

static inline void pair_close(pair *p)
{
  atr_session_free(p->client.session);
  atr_session_free(p->server.session);
  atr_listener_free(p->listener);
  bench_close(&p->bench);
  atr_identity_free(p->server_identity);
  atr_identity_free(p->client_identity);
}

#endif
