/* SPDX-License-Identifier: MIT
 *
 * CONNECTING (tcp.h) -> PROVING (tls.h) -> done. The result is handed over by a task: TLS reports its end from inside of
 * its own work, and whoever is called back may free everything. */
#include "transport/attempt.h"

#include "base/error.h"
#include "base/hash.h"
#include "transport/tcp.h"

#include <stdlib.h>

struct atr_attempt {
  atr_net *net;
  atr_tcp_connect *connect; /* CONNECTING */
  atr_stream *stream;       /* PROVING, and the result */
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
  atr_span spki = atr_tls_peer_spki(a->stream);
  atr_hash key;
  int err;

  atr_stream_read_stop(a->stream);
  err = atr_sha256_of(spki.p, spki.n, &key);
  if (!err && !atr_hash_equal(&key, &a->key))
    err = ATR_KEY_CHANGED;
  finish_later(a, err);
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

static void connected(void *ctx, int err, atr_stream *stream)
{
  atr_attempt *a = ctx;

  a->connect = NULL;
  if (err || !a->proves) {
    a->stream = stream;
    a->err = err;
    run_task(&a->task);
    return;
  }
  err = atr_tls_stream_new(&a->stream, stream, a->tls, false);
  if (err) {
    a->stream = NULL;
    finish_later(a, err);
    return;
  }
  atr_stream_set_owner(a->stream, &proving, a);
  atr_stream_read_start(a->stream);
}

int atr_attempt_start(atr_attempt **out, atr_net *net, const struct sockaddr *to, const atr_tls_config *tls,
                      const atr_hash *key, atr_attempt_done done, void *ctx)
{
  atr_attempt *a = calloc(1, sizeof *a);
  int err;

  *out = NULL;
  if (!a)
    return ATR_NOMEM;
  a->net = net;
  a->tls = tls;
  a->proves = tls && key;
  if (a->proves)
    a->key = *key;
  a->task.run = run_task;
  a->done = done;
  a->ctx = ctx;
  err = atr_tcp_connect_start(&a->connect, net, to, connected, a);
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
