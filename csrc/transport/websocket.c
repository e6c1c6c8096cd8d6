/* SPDX-License-Identifier: MIT
 *
 * UPGRADE -> OPEN -> ended. What the lower stream delivers is taken at once: a head is collected in `held` until it is
 * whole; afterwards `held` keeps what came while the owner did not read, and comes first later.
 *
 * Frames of ours go into `out` with their header in front (a client's are masked on the way), and down as a whole. What we
 * answer to pings stands there too, while the lower stream is busy; a peer that floods us with them gets fewer answers
 * than it asked for, so `out` is bounded by what the owner writes.
 *
 * Closing has no half: whoever is sent CLOSE ends. Our last words are inside of TLS, and were before it. */
#include "transport/websocket.h"

#include "base/error.h"
#include "base/id.h"
#include "base/limits.h"
#include "proto/websocket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  OUT_BYTES_MAX = 64 << 20, /* one buffer of the owner, as in tls.c */
  PONGS_BYTES_MAX = 1024,   /* answers that may wait */
};

typedef struct ws_stream {
  atr_stream base;
  atr_stream *lower;
  bool is_client;
  bool lower_open, open, reading, ended, shut, closed;
  char key[ATR_WS_KEY_BYTES];
  char *host, *path; /* of a client, until the request is out */
  atr_ws_reader reader;
  atr_buf held;
  atr_buf out;
  atr_net_task task; /* asks for the upgrade; delivers `held` */
  int busy;          /* depth of calls that use this struct: closing frees later */
} ws_stream;

static const atr_stream_kind ws_kind;

/* --- life ------------------------------------------------------------------------------------------------------ */

static void destroy(ws_stream *s)
{
  atr_buf_free(&s->held);
  atr_buf_free(&s->out);
  free(s->host);
  free(s->path);
  free(s);
}

static void enter(ws_stream *s)
{
  s->busy++;
}

static void leave(ws_stream *s)
{
  if (--s->busy == 0 && s->closed)
    destroy(s);
}

static void ws_close(atr_stream *stream)
{
  ws_stream *s = (ws_stream *)stream;

  if (s->closed)
    return;
  s->closed = true;
  atr_net_task_cancel(&s->task);
  atr_stream_close(s->lower);
  s->lower = NULL;
  if (s->busy == 0)
    destroy(s);
}

static void end(ws_stream *s, int err, const char *detail)
{
  if (s->ended || s->closed)
    return;
  s->ended = true;
  s->base.writable = false;
  atr_stream_read_stop(s->lower);
  if (s->base.cb)
    s->base.cb->on_end(s->base.ctx, err, detail);
}

static bool is_over(const ws_stream *s)
{
  return s->ended || s->closed;
}

/* --- writing --------------------------------------------------------------------------------------------------- */

static int flush(ws_stream *s)
{
  int err = 0;

  if (s->out.len > 0 && s->lower->writable)
    err = atr_stream_write(s->lower, &s->out);
  s->base.writable = s->open && !s->shut && !s->ended && s->lower->writable && s->out.len == 0;
  return err;
}

static int put_frame(ws_stream *s, enum atr_ws_opcode opcode, const uint8_t *payload, size_t n)
{
  uint8_t header[ATR_WS_HEADER_BYTES_MAX], mask[4];
  size_t head;
  int err = s->is_client ? atr_random(mask, sizeof mask) : ATR_OK;

  head = atr_ws_write_header(header, opcode, n, s->is_client ? mask : NULL);
  if (!err)
    err = atr_buf_reserve(&s->out, head + n);
  if (err)
    return err;
  atr_buf_append(&s->out, header, head);
  if (s->is_client) {
    atr_ws_mask(s->out.data + s->out.len, payload, n, mask, 0);
    atr_buf_added(&s->out, n);
  } else {
    atr_buf_append(&s->out, payload, n);
  }
  return s->out.err;
}

static int ws_write(atr_stream *stream, atr_buf *bytes)
{
  ws_stream *s = (ws_stream *)stream;
  int err = ATR_OK;

  if (bytes->len > 0)
    err = put_frame(s, ATR_WS_BINARY, bytes->data, bytes->len);
  atr_buf_consume(bytes, bytes->len);
  if (!err)
    err = flush(s);
  if (err) {
    s->ended = true;
    stream->writable = false;
  }
  return err;
}

static void ws_shutdown(atr_stream *stream)
{
  static const uint8_t normal[] = {0x03, 0xe8}; /* 1000 */
  ws_stream *s = (ws_stream *)stream;

  if (s->shut || s->ended)
    return;
  s->shut = true;
  if (s->open)
    (void)put_frame(s, ATR_WS_CLOSE, normal, sizeof normal);
  if (flush(s) == 0 && s->out.len == 0)
    atr_stream_shutdown(s->lower);
}

/* --- the upgrade ----------------------------------------------------------------------------------------------- */

static void opened(ws_stream *s)
{
  s->open = true;
  atr_ws_reader_init(&s->reader, !s->is_client);
  if (flush(s) < 0)
    end(s, ATR_CLOSED, "the connection broke");
  if (!is_over(s) && s->base.cb && s->base.cb->on_open)
    s->base.cb->on_open(s->base.ctx);
  if (!is_over(s) && s->base.writable && s->base.cb)
    s->base.cb->on_writable(s->base.ctx);
}

static void ask(ws_stream *s)
{
  int err = atr_ws_key(s->key);

  if (!err)
    err = atr_ws_write_request(&s->out, s->host, s->path, s->key);
  if (!err)
    err = flush(s);
  if (err)
    end(s, err, "the upgrade to a WebSocket could not be asked for");
  else
    atr_stream_read_start(s->lower);
}

static void refuse(ws_stream *s, int status)
{
  char detail[ATR_PEER_TEXT_BYTES + 80];

  snprintf(detail, sizeof detail, "%s: an HTTP request that asks for no WebSocket of ours (%d)", s->base.peer, status);
  (void)atr_ws_write_refusal(&s->out, status);
  if (flush(s) == 0 && s->out.len == 0)
    atr_stream_shutdown(s->lower);
  end(s, ATR_NOT_ATRIUM, detail);
}

static void answer(ws_stream *s, atr_span head)
{
  char accept[ATR_WS_ACCEPT_BYTES];
  atr_span key;
  int status = atr_ws_check_request(head, &key);

  if (status == 0 &&
      (atr_ws_accept((const char *)key.p, key.n, accept) < 0 || atr_ws_write_response(&s->out, accept) < 0)) {
    end(s, ATR_NOMEM, atr_err_text(ATR_NOMEM));
    return;
  }
  if (status)
    refuse(s, status);
  else
    opened(s);
}

static void check(ws_stream *s, atr_span head)
{
  char detail[160], text[ATR_PEER_TEXT_BYTES + 170];

  if (atr_ws_check_response(head, s->key, detail, sizeof detail) < 0) {
    snprintf(text, sizeof text, "%s: %s", s->base.peer, detail);
    end(s, ATR_NOT_ATRIUM, text);
    return;
  }
  opened(s);
}

/* With what is in `held`. */
static void upgrade(ws_stream *s)
{
  int n = atr_http_head_bytes(atr_buf_span(&s->held));

  if (n < 0)
    end(s, ATR_NOT_ATRIUM, "what answers speaks neither HTTP nor anything of ours");
  if (n <= 0)
    return;
  if (s->is_client)
    check(s, atr_span_of(s->held.data, (size_t)n));
  else
    answer(s, atr_span_of(s->held.data, (size_t)n));
  if (!s->closed)
    atr_buf_consume(&s->held, (size_t)n);
}

/* --- reading --------------------------------------------------------------------------------------------------- */

static void give(ws_stream *s, const uint8_t *bytes, size_t n)
{
  if (s->base.cb && n > 0)
    s->base.cb->on_read(s->base.ctx, bytes, n);
}

/* A part has at most ATR_READ_BYTES. */
static void give_data(ws_stream *s, const atr_ws_part *part)
{
  uint8_t *plain;

  if (!part->mask) {
    give(s, part->bytes.p, part->bytes.n);
    return;
  }
  plain = atr_net_buffer_take(s->base.net);
  if (!plain) {
    end(s, ATR_NOMEM, atr_err_text(ATR_NOMEM));
    return;
  }
  atr_ws_mask(plain, part->bytes.p, part->bytes.n, part->mask, part->offset);
  give(s, plain, part->bytes.n);
  atr_net_buffer_give(s->base.net, plain);
}

static void take_part(ws_stream *s, const atr_ws_part *part)
{
  switch (part->what) {
  case ATR_WS_DATA:
    give_data(s, part);
    break;
  case ATR_WS_GOT_PING:
    if (s->out.len < PONGS_BYTES_MAX && (put_frame(s, ATR_WS_PONG, part->bytes.p, part->bytes.n) < 0 || flush(s) < 0))
      end(s, ATR_CLOSED, "the connection broke");
    break;
  case ATR_WS_GOT_CLOSE:
    end(s, ATR_CLOSED, "the peer closed the WebSocket");
    break;
  case ATR_WS_NOTHING:
    break;
  }
}

/* Uses the bytes as far as the owner wants; the rest is kept. */
static void deliver(ws_stream *s, atr_span bytes)
{
  while (bytes.n > 0 && s->reading && !is_over(s)) {
    atr_span some = atr_span_of(bytes.p, bytes.n < ATR_READ_BYTES ? bytes.n : ATR_READ_BYTES);
    size_t n = some.n;
    atr_ws_part part;

    if (atr_ws_read(&s->reader, &some, &part) < 0) {
      end(s, ATR_PROTO, "a WebSocket frame breaks the rules");
      return;
    }
    bytes.p += n - some.n;
    bytes.n -= n - some.n;
    take_part(s, &part);
  }
  if (bytes.n > 0 && !is_over(s) && atr_buf_append(&s->held, bytes.p, bytes.n) != 0)
    end(s, ATR_LIMIT, "more came than was asked for");
}

static void run_held(ws_stream *s)
{
  atr_buf held = s->held;

  atr_buf_init(&s->held, held.max);
  deliver(s, atr_buf_span(&held));
  atr_buf_free(&held);
}

static void lower_read(void *ctx, const uint8_t *bytes, size_t n)
{
  ws_stream *s = ctx;

  enter(s);
  if (s->open && s->held.len == 0) {
    deliver(s, atr_span_of(bytes, n));
  } else if (atr_buf_append(&s->held, bytes, n) != 0) {
    end(s, ATR_LIMIT, "more came than was asked for");
  } else {
    if (!s->open)
      upgrade(s);
    if (s->open && s->reading && !is_over(s))
      run_held(s);
  }
  if (!is_over(s) && s->open && !s->reading)
    atr_stream_read_stop(s->lower);
  leave(s);
}

/* A client asks here, whether its owner reads yet or not; everybody goes on with what was kept. */
static void run_task(atr_net_task *task)
{
  ws_stream *s = (ws_stream *)(void *)((char *)task - offsetof(ws_stream, task));

  enter(s);
  if (!s->open && s->is_client && s->lower_open && s->key[0] == 0)
    ask(s);
  else if (s->open && s->reading)
    run_held(s);
  if (!is_over(s) && s->reading)
    atr_stream_read_start(s->lower);
  leave(s);
}

static void ws_read_start(atr_stream *stream)
{
  ws_stream *s = (ws_stream *)stream;

  if (s->reading || s->ended)
    return;
  s->reading = true;
  atr_net_later(s->base.net, &s->task);
}

static void ws_read_stop(atr_stream *stream)
{
  ws_stream *s = (ws_stream *)stream;

  s->reading = false;
  if (s->open && s->lower) {
    atr_net_task_cancel(&s->task);
    atr_stream_read_stop(s->lower);
  }
}

/* --- from below ------------------------------------------------------------------------------------------------ */

static void lower_opened(void *ctx)
{
  ws_stream *s = ctx;

  s->lower_open = true;
  atr_net_later(s->base.net, &s->task);
}

static void lower_writable(void *ctx)
{
  ws_stream *s = ctx;
  bool was = s->base.writable;

  enter(s);
  if (flush(s) < 0)
    end(s, ATR_CLOSED, "the connection broke");
  else if (s->shut && s->out.len == 0)
    atr_stream_shutdown(s->lower);
  else if (!was && s->base.writable && s->base.cb)
    s->base.cb->on_writable(s->base.ctx);
  leave(s);
}

static void lower_end(void *ctx, int err, const char *detail)
{
  ws_stream *s = ctx;

  enter(s);
  end(s, s->is_client && !s->open && err == ATR_CLOSED ? ATR_NOT_ATRIUM : err, detail);
  leave(s);
}

static const atr_stream_callbacks lower_callbacks = {
    .on_open = lower_opened,
    .on_read = lower_read,
    .on_writable = lower_writable,
    .on_end = lower_end,
};

/* The listener counts what it accepted by the stream at the bottom; who proves a key does so at the top. */
static void pass_proved(void *ctx)
{
  ws_stream *s = ctx;

  if (s->lower && s->lower->watcher)
    s->lower->watcher->proved(s->lower->watcher_ctx);
}

static void pass_closed(void *ctx)
{
  (void)ctx; /* closing reaches the bottom by itself */
}

static const atr_stream_watcher pass_on = {pass_proved, pass_closed};

/* --- making one ------------------------------------------------------------------------------------------------ */

static ws_stream *make(atr_stream *lower, bool is_client)
{
  ws_stream *s = calloc(1, sizeof *s);

  if (!s) {
    atr_stream_close(lower);
    return NULL;
  }
  s->base.kind = &ws_kind;
  s->base.net = lower->net;
  s->base.is_loopback = lower->is_loopback;
  s->base.watcher = &pass_on;
  s->base.watcher_ctx = s;
  memcpy(s->base.peer, lower->peer, sizeof s->base.peer);
  s->lower = lower;
  s->is_client = is_client;
  s->task.run = run_task;
  atr_buf_init(&s->held, ATR_HTTP_HEAD_BYTES_MAX + 2 * ATR_READ_BYTES);
  atr_buf_init(&s->out, OUT_BYTES_MAX);
  atr_stream_set_owner(lower, &lower_callbacks, s);
  return s;
}

int atr_ws_client_new(atr_stream **out, atr_stream *lower, bool lower_is_open, const char *host, const char *path)
{
  ws_stream *s = make(lower, true);

  *out = NULL;
  if (!s)
    return ATR_NOMEM;
  s->host = strdup(host);
  s->path = strdup(path);
  if (!s->host || !s->path) {
    ws_close(&s->base);
    return ATR_NOMEM;
  }
  s->lower_open = lower_is_open;
  if (lower_is_open)
    atr_net_later(s->base.net, &s->task);
  else
    atr_stream_read_start(lower); /* a handshake below runs while it is read */
  *out = &s->base;
  return ATR_OK;
}

int atr_ws_server_new(atr_stream **out, atr_stream *lower)
{
  ws_stream *s = make(lower, false);

  *out = s ? &s->base : NULL;
  if (!s)
    return ATR_NOMEM;
  s->lower_open = true;
  return ATR_OK;
}

static const atr_stream_kind ws_kind = {
    .name = "websocket",
    .read_start = ws_read_start,
    .read_stop = ws_read_stop,
    .write = ws_write,
    .shutdown = ws_shutdown,
    .close = ws_close,
};
