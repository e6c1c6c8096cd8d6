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
#include "transport/filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct ws_stream {
  atr_filter f; /* its task asks for the upgrade, too */
  bool is_client;
  bool lower_open;
  bool is_plain; /* of a client: no TLS below */
  char key[ATR_WS_KEY_BYTES];
  char *host, *path; /* of a client, until the request is out */
  atr_ws_reader reader;
} ws_stream;

/* --- writing --------------------------------------------------------------------------------------------------- */

static int put_frame(ws_stream *s, enum atr_ws_opcode opcode, const uint8_t *payload, size_t n)
{
  uint8_t header[ATR_WS_HEADER_BYTES_MAX], mask[4];
  size_t head;
  int err = s->is_client ? atr_random(mask, sizeof mask) : ATR_OK;

  head = atr_ws_write_header(header, opcode, n, s->is_client ? mask : NULL);
  if (!err)
    err = atr_buf_reserve(&s->f.out, head + n);
  if (err)
    return err;
  atr_buf_append(&s->f.out, header, head);
  if (s->is_client) {
    atr_ws_mask(s->f.out.data + s->f.out.len, payload, n, mask, 0);
    atr_buf_added(&s->f.out, n);
  } else {
    atr_buf_append(&s->f.out, payload, n);
  }
  return s->f.out.err;
}

static int ws_write(atr_stream *stream, atr_buf *bytes)
{
  ws_stream *s = (ws_stream *)stream;
  int err = ATR_OK;

  if (bytes->len > 0)
    err = put_frame(s, ATR_WS_BINARY, bytes->data, bytes->len);
  atr_buf_consume(bytes, bytes->len);
  return atr_filter_written(&s->f, err);
}

/* --- life ------------------------------------------------------------------------------------------------------ */

static void say_goodbye(atr_filter *f)
{
  static const uint8_t normal[] = {0x03, 0xe8}; /* 1000 */

  (void)put_frame((ws_stream *)f, ATR_WS_CLOSE, normal, sizeof normal);
}

static void destroy(atr_filter *f)
{
  ws_stream *s = (ws_stream *)f;

  free(s->host);
  free(s->path);
  free(s);
}

static const atr_filter_kind filter_kind = {.say_goodbye = say_goodbye, .destroy = destroy};

/* --- the upgrade ----------------------------------------------------------------------------------------------- */

static void opened(ws_stream *s)
{
  s->f.open = true;
  atr_ws_reader_init(&s->reader, !s->is_client);
  if (atr_filter_flush(&s->f) < 0)
    atr_filter_end(&s->f, ATR_CLOSED, "the connection broke");
  if (!atr_filter_is_over(&s->f) && s->f.base.cb && s->f.base.cb->on_open)
    s->f.base.cb->on_open(s->f.base.ctx);
  if (!atr_filter_is_over(&s->f) && s->f.base.writable && s->f.base.cb)
    s->f.base.cb->on_writable(s->f.base.ctx);
}

static void ask(ws_stream *s)
{
  int err = atr_ws_key(s->key);

  if (!err)
    err = atr_ws_write_request(&s->f.out, s->host, s->path, s->key);
  if (!err)
    err = atr_filter_flush(&s->f);
  if (err)
    atr_filter_end(&s->f, err, "the upgrade to a WebSocket could not be asked for");
  else
    atr_stream_read_start(s->f.lower);
}

static void refuse(ws_stream *s, int status)
{
  char detail[ATR_PEER_TEXT_BYTES + 80];

  snprintf(detail, sizeof detail, "%s: an HTTP request that asks for no WebSocket of ours (%d)", s->f.base.peer,
           status);
  (void)atr_ws_write_refusal(&s->f.out, status);
  if (atr_filter_flush(&s->f) == 0 && s->f.out.len == 0)
    atr_stream_shutdown(s->f.lower);
  atr_filter_end(&s->f, ATR_NOT_ATRIUM, detail);
}

static void answer(ws_stream *s, atr_span head)
{
  char accept[ATR_WS_ACCEPT_BYTES];
  atr_span key;
  int status = atr_ws_check_request(head, &key);

  if (status == 0 &&
      (atr_ws_accept((const char *)key.p, key.n, accept) < 0 || atr_ws_write_response(&s->f.out, accept) < 0)) {
    atr_filter_end(&s->f, ATR_NOMEM, atr_err_text(ATR_NOMEM));
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

  int err = atr_ws_check_response(head, s->key, detail, sizeof detail);

  if (err == ATR_NOT_ATRIUM && s->is_plain && atr_ws_wants_https(head, s->host))
    err = ATR_HTTPS_ONLY;
  if (err < 0) {
    snprintf(text, sizeof text, "%s: %s", s->f.base.peer, detail);
    atr_filter_end(&s->f, err, text);
    return;
  }
  opened(s);
}

/* With what is in `held`. */
static void upgrade(ws_stream *s)
{
  int n = atr_http_head_bytes(atr_buf_span(&s->f.held));

  if (n < 0)
    atr_filter_end(&s->f, ATR_NOT_ATRIUM, "what answers speaks neither HTTP nor anything of ours");
  if (n <= 0)
    return;
  if (s->is_client)
    check(s, atr_span_of(s->f.held.data, (size_t)n));
  else
    answer(s, atr_span_of(s->f.held.data, (size_t)n));
  if (!s->f.closed)
    atr_buf_consume(&s->f.held, (size_t)n);
}

/* --- reading --------------------------------------------------------------------------------------------------- */

static void give(ws_stream *s, const uint8_t *bytes, size_t n)
{
  if (s->f.base.cb && n > 0)
    s->f.base.cb->on_read(s->f.base.ctx, bytes, n);
}

/* A part has at most ATR_READ_BYTES. */
static void give_data(ws_stream *s, const atr_ws_part *part)
{
  uint8_t *plain;

  if (!part->mask) {
    give(s, part->bytes.p, part->bytes.n);
    return;
  }
  plain = atr_net_buffer_take(s->f.base.net);
  if (!plain) {
    atr_filter_end(&s->f, ATR_NOMEM, atr_err_text(ATR_NOMEM));
    return;
  }
  atr_ws_mask(plain, part->bytes.p, part->bytes.n, part->mask, part->offset);
  give(s, plain, part->bytes.n);
  atr_net_buffer_give(s->f.base.net, plain);
}

static void take_part(ws_stream *s, const atr_ws_part *part)
{
  switch (part->what) {
  case ATR_WS_DATA:
    give_data(s, part);
    break;
  case ATR_WS_GOT_PING:
    if (s->f.out.len < ATR_WS_PONGS_BYTES_MAX &&
        (put_frame(s, ATR_WS_PONG, part->bytes.p, part->bytes.n) < 0 || atr_filter_flush(&s->f) < 0))
      atr_filter_end(&s->f, ATR_CLOSED, "the connection broke");
    break;
  case ATR_WS_GOT_CLOSE:
    atr_filter_end(&s->f, ATR_CLOSED, "the peer closed the WebSocket");
    break;
  case ATR_WS_NOTHING:
    break;
  }
}

/* Uses the bytes as far as the owner wants; the rest is kept. */
static void deliver(ws_stream *s, atr_span bytes)
{
  while (bytes.n > 0 && s->f.reading && !atr_filter_is_over(&s->f)) {
    atr_span some = atr_span_of(bytes.p, bytes.n < ATR_READ_BYTES ? bytes.n : ATR_READ_BYTES);
    size_t n = some.n;
    atr_ws_part part;

    if (atr_ws_read(&s->reader, &some, &part) < 0) {
      atr_filter_end(&s->f, ATR_PROTO, "a WebSocket frame breaks the rules");
      return;
    }
    bytes.p += n - some.n;
    bytes.n -= n - some.n;
    take_part(s, &part);
  }
  if (bytes.n > 0 && !atr_filter_is_over(&s->f) && atr_buf_append(&s->f.held, bytes.p, bytes.n) != 0)
    atr_filter_end(&s->f, ATR_LIMIT, "more came than was asked for");
}

static void run_held(ws_stream *s)
{
  atr_buf held = s->f.held;

  atr_buf_init(&s->f.held, held.max);
  deliver(s, atr_buf_span(&held));
  atr_buf_free(&held);
}

static void lower_read(void *ctx, const uint8_t *bytes, size_t n)
{
  ws_stream *s = ctx;

  atr_filter_enter(&s->f);
  if (s->f.open && s->f.held.len == 0) {
    deliver(s, atr_span_of(bytes, n));
  } else if (atr_buf_append(&s->f.held, bytes, n) != 0) {
    atr_filter_end(&s->f, ATR_LIMIT, "more came than was asked for");
  } else {
    if (!s->f.open)
      upgrade(s);
    if (s->f.open && s->f.reading && !atr_filter_is_over(&s->f))
      run_held(s);
  }
  if (!atr_filter_is_over(&s->f) && s->f.open && !s->f.reading)
    atr_stream_read_stop(s->f.lower);
  atr_filter_leave(&s->f);
}

/* A client asks here, whether its owner reads yet or not; everybody goes on with what was kept. */
static void run_task(atr_net_task *task)
{
  ws_stream *s = (ws_stream *)atr_filter_of_task(task);

  atr_filter_enter(&s->f);
  if (!s->f.open && s->is_client && s->lower_open && s->key[0] == 0)
    ask(s);
  else if (s->f.open && s->f.reading)
    run_held(s);
  if (!atr_filter_is_over(&s->f) && s->f.reading)
    atr_stream_read_start(s->f.lower);
  atr_filter_leave(&s->f);
}

static void ws_read_stop(atr_stream *stream)
{
  ws_stream *s = (ws_stream *)stream;

  s->f.reading = false;
  if (s->f.open && s->f.lower) {
    atr_net_task_cancel(&s->f.task);
    atr_stream_read_stop(s->f.lower);
  }
}

/* --- from below ------------------------------------------------------------------------------------------------ */

static void lower_opened(void *ctx)
{
  ws_stream *s = ctx;

  s->lower_open = true;
  atr_net_later(s->f.base.net, &s->f.task);
}

static void lower_end(void *ctx, int err, const char *detail)
{
  ws_stream *s = ctx;

  atr_filter_enter(&s->f);
  atr_filter_end(&s->f, s->is_client && !s->f.open && err == ATR_CLOSED ? ATR_NOT_ATRIUM : err, detail);
  atr_filter_leave(&s->f);
}

static const atr_stream_callbacks lower_callbacks = {
    .on_open = lower_opened,
    .on_read = lower_read,
    .on_writable = atr_filter_lower_writable,
    .on_end = lower_end,
};

/* The listener counts what it accepted by the stream at the bottom; who proves a key does so at the top. */
static void pass_greeted(void *ctx)
{
  ws_stream *s = ctx;

  if (s->f.lower && s->f.lower->watcher)
    s->f.lower->watcher->greeted(s->f.lower->watcher_ctx);
}

static void pass_proved(void *ctx)
{
  ws_stream *s = ctx;

  if (s->f.lower && s->f.lower->watcher)
    s->f.lower->watcher->proved(s->f.lower->watcher_ctx);
}

static void pass_closed(void *ctx)
{
  (void)ctx; /* closing reaches the bottom by itself */
}

static const atr_stream_watcher pass_on = {pass_greeted, pass_proved, pass_closed};

/* --- making one ------------------------------------------------------------------------------------------------ */

static const atr_stream_kind ws_kind = {
    .name = "websocket",
    .read_start = atr_filter_read_start,
    .read_stop = ws_read_stop,
    .write = ws_write,
    .shutdown = atr_filter_shutdown,
    .close = atr_filter_close,
};

static ws_stream *make(atr_stream *lower, bool is_client)
{
  ws_stream *s = calloc(1, sizeof *s);

  if (!s) {
    atr_stream_close(lower);
    return NULL;
  }
  atr_filter_init(&s->f, &ws_kind, &filter_kind, lower, &lower_callbacks, run_task,
                  ATR_HTTP_HEAD_BYTES_MAX + 2 * ATR_READ_BYTES);
  s->f.base.watcher = &pass_on;
  s->f.base.watcher_ctx = s;
  s->is_client = is_client;
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
    atr_filter_close(&s->f.base);
    return ATR_NOMEM;
  }
  s->lower_open = s->is_plain = lower_is_open;
  if (lower_is_open)
    atr_net_later(s->f.base.net, &s->f.task);
  else
    atr_stream_read_start(lower); /* a handshake below runs while it is read */
  *out = &s->f.base;
  return ATR_OK;
}

int atr_ws_server_new(atr_stream **out, atr_stream *lower)
{
  ws_stream *s = make(lower, false);

  *out = s ? &s->f.base : NULL;
  if (!s)
    return ATR_NOMEM;
  s->lower_open = true;
  return ATR_OK;
}
