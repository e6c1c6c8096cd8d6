/* SPDX-License-Identifier: MIT
 *
 * One question and one answer over a real connection, and servers that are slow, endless, silent or not there. */
#include "test.h"

#include "base/error.h"
#include "base/limits.h"
#include "reach/http_call.h"

#include <stdlib.h>
#include <string.h>

/* --- a web server that answers in the way a test wants ---------------------------------------------------------- */

typedef struct web {
  uv_loop_t loop;
  uv_tcp_t listener, line;
  uv_timer_t timer;
  bool has_line;
  struct sockaddr_in address;
  const char *answer; /* sent when the question has come */
  uint32_t drip_ms;   /* ... a byte in so much time; 0: at once */
  bool closes, is_endless;
  size_t sent;
  char heard[256], piece[1024];
  /* what the caller was told */
  int told, err, status;
  char body[64];
  atr_http_call *call;
} web;

static void free_write(uv_write_t *write, int status)
{
  (void)status;
  free(write);
}

static void send_bytes(web *w, const char *bytes, size_t n)
{
  uv_write_t *write = malloc(sizeof *write);
  uv_buf_t buf = uv_buf_init((char *)bytes, (unsigned)n);

  assert_non_null(write);
  assert_int_equal(uv_write(write, (uv_stream_t *)&w->line, &buf, 1, free_write), 0);
  w->sent += n;
}

static void on_drip(uv_timer_t *timer)
{
  static char much[16384];
  web *w = timer->data;

  memset(much, 'x', sizeof much);
  if (w->is_endless)
    send_bytes(w, much, sizeof much);
  else if (w->sent < strlen(w->answer))
    send_bytes(w, w->answer + w->sent, 1);
}

static void on_heard(uv_stream_t *line, ssize_t n, const uv_buf_t *buf)
{
  web *w = line->data;

  if (n <= 0) {
    uv_timer_stop(&w->timer);
    return;
  }
  strncat(w->heard, buf->base, (size_t)n);
  if (!strstr(w->heard, "\r\n\r\n") || w->sent)
    return;
  if (w->drip_ms) {
    uv_timer_start(&w->timer, on_drip, 0, w->drip_ms);
    return;
  }
  if (w->answer)
    send_bytes(w, w->answer, strlen(w->answer));
  if (w->is_endless)
    uv_timer_start(&w->timer, on_drip, 0, 1);
  if (w->closes) {
    uv_close((uv_handle_t *)&w->line, NULL);
    w->has_line = false;
  }
}

static void on_piece(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
  web *w = handle->data;

  (void)suggested;
  *out = uv_buf_init(w->piece, sizeof w->piece);
}

static void on_connection(uv_stream_t *listener, int status)
{
  web *w = listener->data;

  assert_int_equal(status, 0);
  uv_tcp_init(&w->loop, &w->line);
  w->line.data = w;
  w->has_line = true;
  assert_int_equal(uv_accept(listener, (uv_stream_t *)&w->line), 0);
  uv_read_start((uv_stream_t *)&w->line, on_piece, on_heard);
}

static void open_web(web *w, bool listens)
{
  int n = sizeof w->address;

  uv_loop_init(&w->loop);
  uv_tcp_init(&w->loop, &w->listener);
  uv_timer_init(&w->loop, &w->timer);
  w->listener.data = w->timer.data = w;
  uv_ip4_addr("127.0.0.1", 0, &w->address);
  assert_int_equal(uv_tcp_bind(&w->listener, (struct sockaddr *)&w->address, 0), 0);
  assert_int_equal(uv_tcp_getsockname(&w->listener, (struct sockaddr *)&w->address, &n), 0);
  if (listens)
    assert_int_equal(uv_listen((uv_stream_t *)&w->listener, 8, on_connection), 0);
}

static void close_web(web *w)
{
  uv_close((uv_handle_t *)&w->listener, NULL);
  uv_close((uv_handle_t *)&w->timer, NULL);
  if (w->has_line)
    uv_close((uv_handle_t *)&w->line, NULL);
  uv_run(&w->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&w->loop), 0);
}

static void on_done(void *ctx, int err, const atr_http_answer *answer)
{
  web *w = ctx;

  w->told++;
  w->err = err;
  if (!err) {
    assert_true(answer->body.n < sizeof w->body);
    memcpy(w->body, answer->body.p, answer->body.n);
    w->status = answer->status;
  }
}

static void ask(web *w, uint32_t timeout_ms)
{
  static const char request[] = "GET /x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

  w->call = atr_http_call_new(&w->loop, (struct sockaddr *)&w->address, atr_span_of(request, strlen(request)),
                              timeout_ms, on_done, w);
  assert_non_null(w->call);
  assert_int_equal(w->told, 0); /* never from within */
}

static void wait_for_it(web *w)
{
  uint64_t end = uv_hrtime() + 10000000000u;

  while (!w->told && uv_hrtime() < end)
    uv_run(&w->loop, UV_RUN_ONCE);
  assert_int_equal(w->told, 1);
}

/* --- tests ------------------------------------------------------------------------------------------------------ */

static void a_question_is_answered(void **state)
{
  web w = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"};

  (void)state;
  open_web(&w, true);
  ask(&w, 5000);
  wait_for_it(&w);
  assert_int_equal(w.err, ATR_OK);
  assert_int_equal(w.status, 200);
  assert_string_equal(w.body, "hello");
  assert_string_equal(w.heard, "GET /x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  close_web(&w);
  assert_int_equal(w.told, 1);
}

static void the_end_of_the_connection_ends_the_answer(void **state)
{
  web w = {.answer = "HTTP/1.0 200 OK\r\n\r\nhello", .closes = true};

  (void)state;
  open_web(&w, true);
  ask(&w, 5000);
  wait_for_it(&w);
  assert_string_equal(w.body, "hello");
  close_web(&w);
}

static void what_breaks_off_is_none(void **state)
{
  web w = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", .closes = true};

  (void)state;
  open_web(&w, true);
  ask(&w, 5000);
  wait_for_it(&w);
  assert_int_equal(w.err, ATR_PROTO);
  close_web(&w);
}

static void an_endless_answer_is_bounded(void **state)
{
  web w = {.answer = "HTTP/1.1 200 OK\r\n\r\n", .is_endless = true};

  (void)state;
  open_web(&w, true);
  ask(&w, 5000);
  wait_for_it(&w);
  assert_int_equal(w.err, ATR_LIMIT);
  assert_true(w.sent > ATR_HTTP_ANSWER_BYTES_MAX / 2);
  close_web(&w);
}

/* Each byte comes well within the time limit; all of them do not. */
static void who_answers_a_byte_at_a_time_is_not_waited_for(void **state)
{
  web w = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", .drip_ms = 20};
  uint64_t start = uv_hrtime();

  (void)state;
  open_web(&w, true);
  ask(&w, 200);
  wait_for_it(&w);
  assert_int_equal(w.err, ATR_TIMEOUT);
  assert_true(uv_hrtime() - start < 5000000000u);
  close_web(&w);
}

static void nobody_there_is_known_at_once(void **state)
{
  web w = {0};

  (void)state;
  open_web(&w, false);
  ask(&w, 60000);
  wait_for_it(&w);
  assert_int_equal(w.err, ATR_CONNREFUSED);
  close_web(&w);
}

static void who_gives_up_hears_nothing(void **state)
{
  web w = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"};

  (void)state;
  open_web(&w, true);
  ask(&w, 5000);
  atr_http_call_cancel(w.call);
  close_web(&w); /* the loop runs dry: no handle is left */
  assert_int_equal(w.told, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_question_is_answered),
      cmocka_unit_test(the_end_of_the_connection_ends_the_answer),
      cmocka_unit_test(what_breaks_off_is_none),
      cmocka_unit_test(an_endless_answer_is_bounded),
      cmocka_unit_test(who_answers_a_byte_at_a_time_is_not_waited_for),
      cmocka_unit_test(nobody_there_is_known_at_once),
      cmocka_unit_test(who_gives_up_hears_nothing),
  };

  return cmocka_run_group_tests_name("http call", tests, NULL, NULL);
}
