/* SPDX-License-Identifier: MIT
 *
 * CONNECTING (tcp.h) -> UPGRADING (websocket.h) -> PROVING (tls.h) -> done, each where it is needed. The result is handed over by a task: TLS reports its end from inside of
 * its own work, and whoever is called back may free everything. */
#include "transport/attempt.h"

#include "base/error.h"
#include "transport/tcp.h"
#include "transport/websocket.h"

#include <stdio.h>
#include <stdlib.h>

struct atr_attempt {
  atr_net *net;
  atr_tcp_connect *connect; /* CONNECTING */
  atr_stream *stream;       /* UPGRADING, PROVING, and the result */
  const atr_address *web;
  const atr_tls_config *tls;
  bool proves;
  atr_hash key;
  int err;
  atr_net_task task;
  atr_attempt_done done;
  void *ctx;
};

static void run_task(atr_net_task *task)
{
  atr_attempt *a = (atr_attempt *)(void *)((char *)task - offsetof(atr_attempt, task));
  atr_attempt_done done = a->done;
  atr_stream *stream = a->stream;
  void *ctx = a->ctx;
  int err = a->err;

  if (err)
    atr_stream_close(stream);
  free(a);
  done(ctx, err, err ? NULL : stream);
}

static void finish_later(atr_attempt *a, int err)
{
  a->err = err;
  atr_net_later(a->net, &a->task);
}

static void on_open(void *ctx)
{
  atr_attempt *a = ctx;

  atr_stream_read_stop(a->stream);
  finish_later(a, ATR_OK);
}

static void on_end(void *ctx, int err, const char *detail)
{
  (void)detail;
  finish_later(ctx, err ? err : ATR_CLOSED);
}

static void on_read(void *ctx, const uint8_t *bytes, size_t n)
{
  (void)ctx;
  (void)bytes;
  (void)n;
}

static void on_writable(void *ctx)
{
  (void)ctx;
}

static const atr_stream_callbacks proving = {
    .on_open = on_open, .on_read = on_read, .on_writable = on_writable, .on_end = on_end};

static void prove(atr_attempt *a)
{
  atr_stream *stream = a->stream;
  int err;

  a->stream = NULL;
  err = atr_tls_stream_new(&a->stream, stream, a->tls, false);
  if (err) {
    a->stream = NULL;
    finish_later(a, err);
    return;
  }
  atr_tls_expect(a->stream, &a->key);
  atr_stream_set_owner(a->stream, &proving, a);
  atr_stream_read_start(a->stream);
}

/* The WebSocket is open: what a key must prove runs inside of it. Not from inside of its own callback. */
static void run_upgraded(atr_net_task *task)
{
  atr_attempt *a = (atr_attempt *)(void *)((char *)task - offsetof(atr_attempt, task));

  a->task.run = run_task;
  if (a->proves)
    prove(a);
  else
    run_task(task);
}

static void on_upgraded(void *ctx)
{
  atr_attempt *a = ctx;

  atr_stream_read_stop(a->stream);
  a->task.run = run_upgraded;
  atr_net_later(a->net, &a->task);
}

static void on_upgrade_end(void *ctx, int err, const char *detail)
{
  atr_attempt *a = ctx;

  (void)detail;
  a->task.run = run_task;
  finish_later(a, err ? err : ATR_CLOSED);
}

static const atr_stream_callbacks upgrading = {
    .on_open = on_upgraded, .on_read = on_read, .on_writable = on_writable, .on_end = on_upgrade_end};

/* As it stands in the URL: the port only where it is not the scheme's own. */
static void write_host(const atr_address *web, char *out, size_t out_bytes)
{
  bool brackets = web->kind == ATR_ADDRESS_IPV6, own = web->port == (web->carrier == ATR_CARRIER_WSS ? 443 : 80);
  int n = snprintf(out, out_bytes, "%s%s%s", brackets ? "[" : "", web->host, brackets ? "]" : "");

  if (!own && n > 0)
    snprintf(out + n, out_bytes - (size_t)n, ":%u", (unsigned)web->port);
}

static void upgrade(atr_attempt *a, atr_stream *stream)
{
  char host[ATR_ADDRESS_NAME_BYTES + 16];
  bool is_open = a->web->carrier == ATR_CARRIER_WS;
  int err = is_open ? ATR_OK : atr_tls_outer_new(&stream, stream, a->web->host);

  write_host(a->web, host, sizeof host);
  if (!err)
    err = atr_ws_client_new(&a->stream, stream, is_open, host, a->web->path);
  if (err) {
    a->stream = NULL;
    finish_later(a, err);
    return;
  }
  atr_stream_set_owner(a->stream, &upgrading, a);
  atr_stream_read_start(a->stream);
}

static void connected(void *ctx, int err, atr_stream *stream)
{
  atr_attempt *a = ctx;

  a->connect = NULL;
  a->stream = stream;
  a->err = err;
  if (!err && a->web)
    upgrade(a, stream);
  else if (!err && a->proves)
    prove(a);
  else
    run_task(&a->task);
}

int atr_attempt_start(atr_attempt **out, atr_net *net, const atr_attempt_target *target, atr_attempt_done done,
                      void *ctx)
{
  atr_attempt *a = calloc(1, sizeof *a);
  int err;

  *out = NULL;
  if (!a)
    return ATR_NOMEM;
  a->net = net;
  a->web = target->web;
  a->tls = target->tls;
  a->proves = target->tls && target->key;
  if (a->proves)
    a->key = *target->key;
  a->task.run = run_task;
  a->done = done;
  a->ctx = ctx;
  err = atr_tcp_connect_start(&a->connect, net, target->to, connected, a);
  if (err) {
    free(a);
    return err;
  }
  *out = a;
  return ATR_OK;
}

void atr_attempt_cancel(atr_attempt *attempt)
{
  if (!attempt)
    return;
  if (attempt->connect)
    atr_tcp_connect_cancel(attempt->connect);
  atr_net_task_cancel(&attempt->task);
  atr_stream_close(attempt->stream);
  free(attempt);
}

int atr_attempt_silence(const atr_attempt *attempt)
{
  return attempt->connect ? ATR_SILENT : ATR_TIMEOUT;
}
