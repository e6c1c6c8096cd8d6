/* SPDX-License-Identifier: MIT
 *
 * libuv's connection as it is: what transport's streams add (one writer among many, turns of the loop) is of no use to one question and one
 * answer. A failure that is known at once is told by the timer, so that `done` never comes from within. */
#include "reach/http_call.h"

#include "base/error.h"
#include "base/limits.h"

#include <stdlib.h>
#include <string.h>

enum { READ_BYTES = 8192 };

struct atr_http_call {
  uv_tcp_t tcp;
  uv_timer_t timer;
  uv_connect_t connect;
  uv_write_t write;
  int open_handles;
  bool is_over;
  int err_at_once;
  atr_buf request, answer;
  char piece[READ_BYTES];
  atr_http_done done;
  void *ctx;
};

/* --- the end --------------------------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
  atr_http_call *call = handle->data;

  if (--call->open_handles > 0)
    return;
  atr_buf_free(&call->request);
  atr_buf_free(&call->answer);
  free(call);
}

void atr_http_call_cancel(atr_http_call *call)
{
  if (!call || call->is_over)
    return;
  call->is_over = true;
  uv_close((uv_handle_t *)&call->tcp, on_closed);
  uv_close((uv_handle_t *)&call->timer, on_closed);
}

/* The handles are closed first: `done` may do what it likes, and the memory stays for this turn of the loop. */
static void finish(atr_http_call *call, int err, const atr_http_answer *answer)
{
  if (call->is_over)
    return;
  atr_http_call_cancel(call);
  call->done(call->ctx, err, answer);
}

static void on_timer(uv_timer_t *timer)
{
  atr_http_call *call = timer->data;

  finish(call, call->err_at_once ? call->err_at_once : ATR_TIMEOUT, NULL);
}

static int err_of(int status)
{
  if (status == UV_ECONNREFUSED)
    return ATR_CONNREFUSED;
  return status == UV_ETIMEDOUT ? ATR_TIMEOUT : ATR_UNREACHABLE;
}

/* --- the answer ------------------------------------------------------------------------------------------------ */

static void look(atr_http_call *call, bool is_end)
{
  atr_http_answer answer;
  int got = atr_http_read_answer(call->answer.data, call->answer.len, is_end, &answer);

  if (got < 0)
    finish(call, got, NULL);
  else if (got > 0)
    finish(call, ATR_OK, &answer);
}

static void on_read(uv_stream_t *tcp, ssize_t n, const uv_buf_t *buf)
{
  atr_http_call *call = tcp->data;

  if (n > 0 && atr_buf_append(&call->answer, buf->base, (size_t)n) < 0)
    finish(call, call->answer.err, NULL);
  else if (n != 0)
    look(call, n < 0);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
  atr_http_call *call = handle->data;

  (void)suggested;
  *out = uv_buf_init(call->piece, sizeof call->piece);
}

/* --- the question ---------------------------------------------------------------------------------------------- */

static void on_written(uv_write_t *write, int status)
{
  (void)write; /* who takes no question gives no answer either, and that is noticed */
  (void)status;
}

static void on_connected(uv_connect_t *connect, int status)
{
  atr_http_call *call = connect->data;
  uv_buf_t bytes = uv_buf_init((char *)call->request.data, (unsigned)call->request.len);

  if (call->is_over)
    return;
  if (status == 0)
    status = uv_write(&call->write, (uv_stream_t *)&call->tcp, &bytes, 1, on_written);
  if (status == 0)
    status = uv_read_start((uv_stream_t *)&call->tcp, on_alloc, on_read);
  if (status < 0)
    finish(call, err_of(status), NULL);
}

atr_http_call *atr_http_call_new(uv_loop_t *loop, const struct sockaddr *to, atr_span request, uint32_t timeout_ms,
                                 atr_http_done done, void *ctx)
{
  atr_http_call *call = calloc(1, sizeof *call);
  int err;

  if (!call)
    return NULL;
  atr_buf_init(&call->request, request.n);
  atr_buf_init(&call->answer, ATR_HTTP_ANSWER_BYTES_MAX);
  if (atr_buf_append(&call->request, request.p, request.n) < 0) {
    free(call);
    return NULL;
  }
  call->done = done;
  call->ctx = ctx;
  uv_tcp_init(loop, &call->tcp);
  uv_timer_init(loop, &call->timer);
  call->open_handles = 2;
  call->tcp.data = call->timer.data = call->connect.data = call;
  err = uv_tcp_connect(&call->connect, &call->tcp, to, on_connected);
  call->err_at_once = err < 0 ? err_of(err) : 0;
  uv_timer_start(&call->timer, on_timer, err < 0 ? 0 : timeout_ms, 0);
  return call;
}
