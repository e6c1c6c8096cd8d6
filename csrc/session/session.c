/* SPDX-License-Identifier: MIT
 *
 * The life of a session, and what it receives.
 *
 * HANDSHAKE -> ASKING -> OPEN -> (CLOSING) -> CLOSED. Whatever ends it goes through session_end(): the stream is
 * closed at once, and on_close() follows from a task of its own, so that no user is called back below his own call.
 * Freeing closes the timer; the struct itself goes when libuv reports the timer closed, that is in a later phase of
 * the loop, when no function of ours is on the stack any more.
 *
 * CLOSING sends what is queued, ends our direction, and waits until the peer has ended his (or ATR_CLOSE_MS): closing
 * a socket with unread input would reset the connection and may destroy the last words on their way.
 *
 * Keepalive: a ping every ATR_KEEPALIVE_MS; a peer that was not heard for as many periods as make ATR_DEAD_MS is
 * dead. Periods, not time: a laptop that wakes up has missed one, however long it slept. Bulk does not delay any of
 * it by more than the window allows.
 */
#include "session/session.h"

#include "base/error.h"
#include "base/hash.h"
#include "proto/message.h"
#include "session/identity.h"
#include "session/session_impl.h"
#include "transport/tls.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- ending ---------------------------------------------------------------------------------------------------- */

static void run_close(atr_net_task *task)
{
  atr_session *s = (atr_session *)(void *)((char *)task - offsetof(atr_session, close_task));

  s->cb.on_close(s->ctx, s->err, s->detail);
}

static void keep_reason(atr_session *s, int err, const char *detail)
{
  s->err = err;
  snprintf(s->detail, sizeof s->detail, "%s", detail ? detail : err ? atr_err_text(err) : "");
}

static void finish(atr_session *s)
{
  s->state = SESSION_CLOSED;
  atr_net_task_cancel(&s->flush_task);
  atr_net_task_cancel(&s->open_task);
  uv_timer_stop(&s->timer);
  atr_stream_close(s->stream);
  s->stream = NULL;
  if (!s->freed)
    atr_net_later(s->net, &s->close_task);
}

void session_end(atr_session *s, int err, const char *detail)
{
  if (s->state == SESSION_CLOSED)
    return;
  if (s->state != SESSION_CLOSING) /* the reason for closing was given before */
    keep_reason(s, err, detail);
  finish(s);
}

/* CLOSING: ends our direction once everything is out. What the peer answers, or the timer, is the end. */
static void try_finish(atr_session *s)
{
  if (!s->shut && s->stream->writable && outbox_is_empty(s)) {
    s->shut = true;
    atr_stream_shutdown(s->stream);
  }
}

static void close_timed_out(uv_timer_t *timer)
{
  finish(timer->data);
}

void atr_session_close(atr_session *s, int err, const char *detail)
{
  if (s->state == SESSION_CLOSED || s->state == SESSION_CLOSING)
    return;
  if (s->state == SESSION_HANDSHAKE) {
    session_end(s, err, detail);
    return;
  }
  keep_reason(s, err, detail);
  s->state = SESSION_CLOSING;
  uv_timer_start(&s->timer, close_timed_out, s->close_ms, 0);
  atr_stream_read_start(s->stream);
  outbox_schedule(s);
}

void atr_session_abort(atr_session *s, int err, const char *detail)
{
  session_end(s, err, detail);
}

static void timer_closed(uv_handle_t *handle)
{
  atr_session *s = handle->data;

  atr_frame_reader_free(s->reader);
  outbox_free(&s->out);
  free(s);
}

void atr_session_free(atr_session *s)
{
  if (!s || s->freed)
    return;
  s->freed = true;
  if (s->state != SESSION_CLOSED)
    finish(s);
  atr_net_task_cancel(&s->close_task);
  uv_close((uv_handle_t *)&s->timer, timer_closed);
}

/* --- time ------------------------------------------------------------------------------------------------------ */

static void handshake_timed_out(uv_timer_t *timer)
{
  session_end(timer->data, ATR_TIMEOUT, "the TLS handshake took too long");
}

static void keepalive(uv_timer_t *timer)
{
  atr_session *s = timer->data;
  int err = 0;

  if (++s->silent_ticks > ATR_DEAD_MS / ATR_KEEPALIVE_MS) {
    session_end(s, ATR_TIMEOUT, "the peer has not been heard for too long");
    return;
  }
  if (s->credit.ping_us == 0)
    err = outbox_ping(s);
  if (err)
    session_end(s, err, NULL);
}

/* --- receiving ------------------------------------------------------------------------------------------------- */

static int got_credit(atr_session *s, atr_span message)
{
  atr_msg_credit credit;
  int err = atr_msg_read_credit(message, &credit);

  if (!err)
    err = atr_credit_consumed(&s->credit, credit.lane, credit.consumed);
  outbox_schedule(s);
  return err;
}

static int got_ping(atr_session *s, atr_span message)
{
  uint64_t token;
  int err = atr_msg_read_ping(message, &token);

  if (err)
    return err;
  if (message.p[0] == ATR_MSG_PING)
    return outbox_pong(s, token);
  outbox_schedule(s); /* the window may have grown */
  return atr_credit_pong(&s->credit, token, atr_net_now_us());
}

static int dispatch(atr_session *s, enum atr_lane lane, atr_span message)
{
  uint8_t type = message.p[0];

  if (lane == ATR_LANE_CONTROL && type == ATR_MSG_CREDIT)
    return got_credit(s, message);
  if (lane == ATR_LANE_CONTROL && (type == ATR_MSG_PING || type == ATR_MSG_PONG))
    return got_ping(s, message);
  if (s->state == SESSION_CLOSING)
    return 0;
  return s->cb.on_message(s->ctx, (int)lane, message);
}

static int got_message(void *ctx, enum atr_lane lane, const uint8_t *bytes, size_t n)
{
  atr_session *s = ctx;
  int err = dispatch(s, lane, atr_span_of(bytes, n));

  if (s->freed || s->state == SESSION_CLOSED)
    return ATR_FRAME_STOP;
  return err < 0 ? err : 0;
}

/* Something was consumed: a report may be due. One flush per turn of the loop serves all messages of it. */
static void check_reports(atr_session *s)
{
  for (enum atr_lane lane = ATR_LANE_STATE; lane <= ATR_LANE_BULK; lane++)
    if (atr_frame_reader_payload(s->reader, lane) - s->out.reported[lane] >= ATR_CREDIT_REPORT_BYTES)
      outbox_schedule(s);
}

static void on_read(void *ctx, const uint8_t *bytes, size_t n)
{
  atr_session *s = ctx;
  int err;

  s->silent_ticks = 0;
  err = atr_frame_reader_feed(s->reader, bytes, n, got_message, s);
  if (s->freed || s->state == SESSION_CLOSED)
    return;
  if (err < 0)
    session_end(s, err, atr_err_text(err));
  else
    check_reports(s);
}

/* --- the stream's events --------------------------------------------------------------------------------------- */

static void on_open(void *ctx)
{
  atr_session *s = ctx;
  atr_span spki = atr_tls_peer_spki(s->stream);

  uv_timer_stop(&s->timer);
  atr_stream_read_stop(s->stream);
  if (atr_sha256_of(spki.p, spki.n, &s->peer_key) != 0) {
    session_end(s, ATR_CRYPTO, NULL);
    return;
  }
  s->state = SESSION_ASKING;
  s->cb.on_key(s->ctx, &s->peer_key, spki);
}

static void on_writable(void *ctx)
{
  atr_session *s = ctx;

  if (s->state != SESSION_OPEN && s->state != SESSION_CLOSING)
    return;
  outbox_flush(s);
  if (s->state == SESSION_CLOSING)
    try_finish(s);
}

static void on_end(void *ctx, int err, const char *detail)
{
  atr_session *s = ctx;
  char code[ATR_CHECK_CODE_BYTES];

  if (err == ATR_KEY_CHANGED) { /* the expected key was not shown, but this one */
    atr_span spki = atr_tls_peer_spki(s->stream);

    if (atr_sha256_of(spki.p, spki.n, &s->peer_key) != 0 || atr_check_code(spki, code) != 0)
      err = ATR_CRYPTO;
    else
      detail = code;
  }
  session_end(s, err, detail);
}

static void run_flush(atr_net_task *task)
{
  atr_session *s = (atr_session *)(void *)((char *)task - offsetof(atr_session, flush_task));

  outbox_flush(s);
  if (s->state == SESSION_CLOSING)
    try_finish(s);
}

static const atr_stream_callbacks stream_callbacks = {
    .on_open = on_open,
    .on_read = on_read,
    .on_writable = on_writable,
    .on_end = on_end,
};

/* --- making one ------------------------------------------------------------------------------------------------ */

static void run_open(atr_net_task *task)
{
  on_open((atr_session *)(void *)((char *)task - offsetof(atr_session, open_task)));
}

int session_over(atr_session **out, atr_stream *secure, const atr_session_callbacks *cb, void *ctx)
{
  atr_session *s = calloc(1, sizeof *s);

  *out = s;
  if (s)
    s->reader = atr_frame_reader_new();
  if (!s || !s->reader) {
    atr_stream_close(secure);
    free(s);
    *out = NULL;
    return ATR_NOMEM;
  }
  s->net = secure->net;
  s->stream = secure;
  s->cb = *cb;
  s->ctx = ctx;
  s->flush_task.run = run_flush;
  s->close_task.run = run_close;
  s->open_task.run = run_open;
  s->keepalive_ms = ATR_KEEPALIVE_MS;
  s->close_ms = ATR_CLOSE_MS;
  s->is_loopback = secure->is_loopback;
  memcpy(s->peer, secure->peer, sizeof s->peer);
  memcpy(s->local, secure->local, sizeof s->local);
  atr_credit_init(&s->credit, atr_net_now_us());
  s->credit.is_local = s->is_loopback;
  outbox_init(&s->out);
  uv_timer_init(atr_net_loop(s->net), &s->timer);
  s->timer.data = s;
  uv_timer_start(&s->timer, handshake_timed_out, ATR_HANDSHAKE_TIMEOUT_MS, 0);
  atr_stream_set_owner(secure, &stream_callbacks, s);
  atr_stream_read_start(secure);
  return 0;
}

int atr_session_new(atr_session **out, struct atr_stream *stream, bool is_server, const struct atr_identity *self,
                    const atr_session_callbacks *cb, void *ctx)
{
  atr_stream *secure;
  int err = atr_tls_stream_new(&secure, stream, atr_identity_tls(self), is_server);

  *out = NULL;
  return err ? err : session_over(out, secure, cb, ctx);
}

int atr_session_new_secure(atr_session **out, struct atr_stream *secure, const atr_session_callbacks *cb, void *ctx)
{
  int err = session_over(out, secure, cb, ctx);

  if (err)
    return err;
  atr_stream_read_stop(secure);
  atr_net_later((*out)->net, &(*out)->open_task);
  return ATR_OK;
}

void atr_session_expect(atr_session *s, const atr_hash *key)
{
  atr_tls_expect(s->stream, key);
}

void atr_session_accept_key(atr_session *s)
{
  if (s->state != SESSION_ASKING)
    return;
  s->state = SESSION_OPEN;
  uv_timer_start(&s->timer, keepalive, s->keepalive_ms, s->keepalive_ms);
  atr_stream_read_start(s->stream);
  if (outbox_ping(s) != 0) /* the first latency; also wakes the outbox for sources that are there already */
    session_end(s, ATR_NOMEM, NULL);
}

void atr_session_restrict(atr_session *s, bool is_stranger)
{
  static const size_t limits[ATR_LANES] = {ATR_CONTROL_BYTES_MAX, ATR_PRESENCE_BYTES_MAX, ATR_MESSAGE_BYTES_MAX,
                                           ATR_BULK_BYTES_MAX};

  for (int lane = 0; lane < ATR_LANES; lane++)
    atr_frame_reader_limit(s->reader, (enum atr_lane)lane, is_stranger ? 0 : limits[lane]);
  if (is_stranger)
    atr_frame_reader_limit(s->reader, ATR_LANE_CONTROL, ATR_STRANGER_BYTES_MAX);
}

/* --- questions ------------------------------------------------------------------------------------------------- */

const atr_hash *atr_session_peer_key(const atr_session *s)
{
  return &s->peer_key;
}

int atr_session_export(const atr_session *s, const char *label, uint8_t out[32])
{
  return s->stream ? atr_tls_export(s->stream, label, out, 32) : ATR_STATE;
}

uint32_t atr_session_latency_us(const atr_session *s)
{
  return s->credit.smooth_us < UINT32_MAX ? (uint32_t)s->credit.smooth_us : UINT32_MAX;
}

bool atr_session_peer_is_loopback(const atr_session *s)
{
  return s->is_loopback;
}

const char *atr_session_peer_address(const atr_session *s)
{
  return s->peer;
}

const char *atr_session_local_address(const atr_session *s)
{
  return s->local;
}
