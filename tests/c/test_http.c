/* SPDX-License-Identifier: MIT
 *
 * Answers of web servers as routers have them: whole, in pieces, in chunks, and what is none. */
#include "test.h"

#include "base/error.h"
#include "base/limits.h"
#include "proto/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In a block of its own, so that AddressSanitizer sees each step beside it. */
static int read_text(const char *text, size_t n, bool is_end, int *status, char *body, size_t body_bytes)
{
  uint8_t *bytes = malloc(n ? n : 1);
  atr_http_answer answer;
  int got;

  assert_non_null(bytes);
  memcpy(bytes, text, n);
  got = atr_http_read_answer(bytes, n, is_end, &answer);
  if (got == 1) {
    assert_true(answer.body.n < body_bytes);
    if (answer.body.n)
      memcpy(body, answer.body.p, answer.body.n);
    body[answer.body.n] = '\0';
    *status = answer.status;
  }
  free(bytes);
  return got;
}

static void expect(const char *text, bool is_end, int wanted_status, const char *wanted)
{
  char body[256];
  int status;

  assert_int_equal(read_text(text, strlen(text), is_end, &status, body, sizeof body), 1);
  assert_int_equal(status, wanted_status);
  assert_string_equal(body, wanted);
}

static void expect_err(const char *text, bool is_end, int err)
{
  char body[256];
  int status;

  assert_int_equal(read_text(text, strlen(text), is_end, &status, body, sizeof body), err);
}

static void a_body_ends_as_its_head_says(void **state)
{
  (void)state;
  expect("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false, 200, "hello");
  expect("HTTP/1.1 200 OK\r\ncontent-length:5 \r\n\r\nhello and more", false, 200, "hello");
  expect("HTTP/1.0 404 Not Found\n\nhello", true, 404, "hello");
  expect("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, 200, "");
  expect("HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;name=value\r\nlo\r\n0\r\n\r\n", false, 200,
         "hello");
  expect("HTTP/1.1 200 OK\r\nTRANSFER-ENCODING: Chunked\r\nContent-Length: 1\r\n\r\n 5 \nhello\n0\n", false, 200,
         "hello");
  expect("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 Internal Server Error\r\nContent-Length: 3\r\n\r\nbad", false, 500,
         "bad");
}

static void it_waits_for_the_rest(void **state)
{
  static const char *const all[] = {
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n",
  };
  char body[256];
  int status;

  (void)state;
  for (size_t i = 0; i < 2; i++)
    for (size_t n = 0; n < strlen(all[i]); n++) {
      assert_int_equal(read_text(all[i], n, false, &status, body, sizeof body), 0);
      assert_int_equal(read_text(all[i], n, true, &status, body, sizeof body), ATR_PROTO);
    }
  expect_err("HTTP/1.0 200 OK\r\n\r\nhello", false, 0);
}

static void what_is_no_answer_is_refused(void **state)
{
  (void)state;
  expect_err("SSH-2.0-OpenSSH\r\n", false, ATR_PROTO);
  expect_err("HTTP/2 200\r\n\r\n", false, ATR_PROTO);
  expect_err("HTTP/1.1 abc OK\r\n", false, ATR_PROTO);
  expect_err("HTTP/1.1 999 OK\r\n", false, ATR_PROTO);
  expect_err("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", false, ATR_PROTO);
  expect_err("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", false, ATR_PROTO);
  expect_err("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", false, ATR_PROTO);
  expect_err("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n", false, ATR_PROTO);
  expect_err("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx", false, ATR_PROTO);
}

static void a_head_is_so_long(void **state)
{
  char text[ATR_HTTP_HEAD_BYTES_MAX + 64] = "HTTP/1.1 200 OK\r\nX: ", body[256];
  int status;

  (void)state;
  memset(text + strlen(text), 'x', sizeof text - strlen(text));
  assert_int_equal(read_text(text, ATR_HTTP_HEAD_BYTES_MAX, false, &status, body, sizeof body), 0);
  assert_int_equal(read_text(text, ATR_HTTP_HEAD_BYTES_MAX + 1, false, &status, body, sizeof body), ATR_PROTO);
}

static void fields_are_found_by_name(void **state)
{
  static const char head[] = "HTTP/1.1 200 OK\r\nLocation:  http://192.168.0.1:5000/x \r\nX-Location: no\r\n\r\n";
  atr_span all = atr_span_of(head, strlen(head)), found = atr_http_field(all, "location");

  (void)state;
  assert_int_equal(found.n, strlen("http://192.168.0.1:5000/x"));
  assert_memory_equal(found.p, "http://192.168.0.1:5000/x", found.n);
  assert_int_equal(atr_http_field(all, "server").n, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_body_ends_as_its_head_says), cmocka_unit_test(it_waits_for_the_rest),
      cmocka_unit_test(what_is_no_answer_is_refused), cmocka_unit_test(a_head_is_so_long),
      cmocka_unit_test(fields_are_found_by_name),
  };

  return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
