/* SPDX-License-Identifier: MIT
 *
 * The ground that everything stands on: errors, buffers with their cap, readers that cannot pass their end, ids,
 * shared bytes, hashes, UTF-8, log lines. */
#include "test.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"

static void errors_have_names_and_texts(void **state)
{
  (void)state;
#define X(name, text)                                     \
  assert_true(ATR_##name < 0);                            \
  assert_string_equal(atr_err_name(ATR_##name), #name);   \
  assert_string_equal(atr_err_text(ATR_##name), text);    \
  assert_int_equal(atr_err_from_name(#name), ATR_##name); \
  assert_int_equal(text[strlen(text) - 1] == '.' || text[strlen(text) - 1] == '?', 1);
  ATR_ERRORS(X)
#undef X
  assert_string_equal(atr_err_name(-1), "UNKNOWN");
  assert_string_equal(atr_err_name(0), "OK");
  assert_int_equal(atr_err_from_name("FROM_THE_FUTURE"), ATR_PROTO);
}

static void a_buffer_stops_at_its_cap(void **state)
{
  atr_buf buf;

  (void)state;
  atr_buf_init(&buf, 10);
  assert_ok(atr_buf_append(&buf, "0123456789", 10));
  assert_err(atr_buf_append_u8(&buf, 1), ATR_LIMIT);
  assert_int_equal(buf.len, 10);
  assert_err(buf.err, ATR_LIMIT);
  assert_err(atr_buf_reserve(&buf, SIZE_MAX), ATR_LIMIT);
  atr_buf_clear(&buf);
  assert_ok(buf.err);
  assert_ok(atr_buf_append_u32(&buf, 0x01020304));
  assert_memory_equal(buf.data, "\1\2\3\4", 4);
  atr_buf_free(&buf);
}

static void what_is_consumed_is_room_again(void **state)
{
  atr_buf buf;
  uint64_t random = test_seed();
  uint8_t next_in = 0, next_out = 0;

  (void)state;
  atr_buf_init(&buf, 1000);
  for (int i = 0; i < 20000; i++) {
    size_t n = test_below(&random, 300);

    for (size_t j = 0; j < n; j++)
      if (atr_buf_append_u8(&buf, next_in) == 0)
        next_in++;
      else
        assert_int_equal(buf.len, 1000);
    n = test_below(&random, 300);
    for (size_t j = 0; j < n && buf.len; j++) {
      assert_int_equal(buf.data[0], next_out++);
      atr_buf_consume(&buf, 1);
    }
    assert_true(buf.cap + buf.head <= 1000);
  }
  atr_buf_free(&buf);
}

static void a_buffer_can_be_cut_and_detached(void **state)
{
  atr_buf buf;
  size_t n;
  uint8_t *bytes;

  (void)state;
  atr_buf_init(&buf, SIZE_MAX);
  assert_null(atr_buf_detach(&buf, &n));
  assert_ok(atr_buf_append_str(&buf, "abcdef"));
  atr_buf_consume(&buf, 2);
  atr_buf_truncate(&buf, 3);
  bytes = atr_buf_detach(&buf, &n);
  assert_int_equal(n, 3);
  assert_memory_equal(bytes, "cde", 3);
  assert_int_equal(buf.len, 0);
  free(bytes);
}

static void a_reader_never_passes_its_end(void **state)
{
  const uint8_t bytes[] = {1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4, 9, 9};
  atr_rd rd = atr_rd_of(bytes, sizeof bytes);
  uint8_t copy[4] = {7, 7, 7, 7};

  (void)state;
  assert_int_equal(atr_rd_u8(&rd), 1);
  assert_int_equal(atr_rd_u16(&rd), 2);
  assert_int_equal(atr_rd_u32(&rd), 3);
  assert_int_equal(atr_rd_u64(&rd), 4);
  assert_err(atr_rd_end(&rd), ATR_PROTO); /* two bytes are left */
  assert_int_equal(atr_rd_bytes(&rd, 2).n, 2);
  assert_ok(atr_rd_end(&rd));
  assert_int_equal(atr_rd_u32(&rd), 0);
  assert_err(rd.err, ATR_PROTO);
  atr_rd_copy(&rd, copy, sizeof copy);
  assert_memory_equal(copy, "\0\0\0\0", 4);
  assert_null(atr_rd_bytes(&rd, 0).p);
  rd = atr_rd_of(NULL, 0);
  assert_int_equal(atr_rd_rest(&rd).n, 0);
  assert_ok(atr_rd_end(&rd));
}

static void ids_have_one_text(void **state)
{
  atr_id a, b;
  atr_hash hash = {{0}};
  char hex[ATR_HASH_HEX + 1];

  (void)state;
  assert_ok(atr_id_random(&a));
  assert_false(atr_id_is_zero(&a));
  assert_int_equal(a.b[6] >> 4, 4);
  atr_id_to_hex(&a, hex);
  assert_int_equal(strlen(hex), ATR_ID_HEX);
  assert_ok(atr_id_from_hex(hex, ATR_ID_HEX, &b));
  assert_true(atr_id_equal(&a, &b));
  assert_err(atr_id_from_hex(hex, ATR_ID_HEX - 1, &b), ATR_INVAL);
  hex[5] = 'g';
  assert_err(atr_id_from_hex(hex, ATR_ID_HEX, &b), ATR_INVAL);
  assert_true(atr_id_equal(&a, &b)); /* untouched */
  assert_ok(atr_hex_decode("aBCd", 4, b.b, 2));
  assert_memory_equal(b.b, "\xab\xcd", 2);
  assert_true(atr_hash_is_zero(&hash));
  atr_hash_to_hex(&hash, hex);
  assert_int_equal(strlen(hex), ATR_HASH_HEX);
}

static void sha256_gives_the_standard_vectors(void **state)
{
  /* FIPS 180-2, appendix B */
  static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  static const char none[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  atr_sha256 *sha = atr_sha256_new();
  atr_hash hash;
  char hex[ATR_HASH_HEX + 1];

  (void)state;
  assert_ok(atr_sha256_of("abc", 3, &hash));
  atr_hash_to_hex(&hash, hex);
  assert_string_equal(hex, abc);
  for (int round = 0; round < 2; round++) { /* final starts anew */
    assert_ok(atr_sha256_update(sha, "a", 1));
    assert_ok(atr_sha256_update(sha, "bc", 2));
    assert_ok(atr_sha256_final(sha, &hash));
    atr_hash_to_hex(&hash, hex);
    assert_string_equal(hex, abc);
  }
  assert_ok(atr_sha256_final(sha, &hash));
  atr_hash_to_hex(&hash, hex);
  assert_string_equal(hex, none);
  atr_sha256_free(sha);
}

/* RFC 3720, B.4, and the check value of every catalogue. */
static void crc32c_gives_the_standard_vectors(void **state)
{
  uint8_t zeros[32] = {0};

  (void)state;
  assert_int_equal(atr_crc32c("123456789", 9), 0xe3069283u);
  assert_int_equal(atr_crc32c(zeros, sizeof zeros), 0x8a9136aau);
  assert_int_equal(atr_crc32c("", 0), 0);
}

static void shared_bytes_live_as_long_as_an_owner(void **state)
{
  atr_bytes *bytes = atr_bytes_copy("hello", 5), *empty = atr_bytes_copy(NULL, 0);

  (void)state;
  assert_ptr_equal(atr_bytes_retain(bytes), bytes);
  atr_bytes_release(bytes);
  assert_int_equal(atr_bytes_len(bytes), 5);
  assert_true(atr_span_equal(atr_bytes_span(bytes), atr_span_of("hello", 5)));
  atr_bytes_release(bytes);
  assert_int_equal(atr_bytes_len(empty), 0);
  atr_bytes_release(empty);
  atr_bytes_release(NULL);
}

static void utf8_is_what_rfc_3629_says(void **state)
{
  static const char *const good[] = {"", "abc", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"};
  static const char *const bad[] = {"\x80",         "\xc3",      "\xc0\x80",         "\xe0\x80\x80",
                                    "\xed\xa0\x80", "\xe2\x82",  "\xf0\x80\x80\x80", "\xf4\x90\x80\x80",
                                    "\xff",         "a\xc3\x28", "\xf0\x9f\x98"};

  (void)state;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    assert_true(atr_utf8_valid(good[i], strlen(good[i])));
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_false(atr_utf8_valid(bad[i], strlen(bad[i])));
  assert_false(atr_utf8_valid("a\0b", 3));
  assert_int_equal(atr_utf8_prefix("a\xe2\x82\xac", 4, 3), 1);
  assert_int_equal(atr_utf8_prefix("a\xe2\x82\xac", 4, 4), 4);
  assert_int_equal(atr_utf8_prefix("abc", 3, 2), 2);
}

static char logged[ATR_LOG_LINE_BYTES];

static void keep_line(void *ctx, enum atr_log_level level, const char *line)
{
  (void)level;
  ++*(int *)ctx;
  snprintf(logged, sizeof logged, "%s", line);
}

static void a_log_line_is_one_line(void **state)
{
  int lines = 0;
  atr_log_sink sink = {ATR_LOG_INFO, keep_line, &lines};

  (void)state;
  atr_log(ATR_LOG_ERROR, "nobody listens");
  atr_log_set_sink(&sink);
  atr_log(ATR_LOG_DEBUG, "below the level");
  assert_int_equal(lines, 0);
  atr_log(ATR_LOG_WARN, "name \"%s\"", "a\nb\x1b[31m\xc3\xa4");
  assert_string_equal(logged, "name \"a?b?[31m\xc3\xa4\"");
  atr_log(ATR_LOG_WARN, "%5000d", 1);
  assert_int_equal(strlen(logged), ATR_LOG_LINE_BYTES - 1);
  atr_log_set_sink(NULL);
  atr_log(ATR_LOG_ERROR, "nobody listens");
  assert_int_equal(lines, 2);
}

/* As many as somebody likes who scans the port filled the host's disk, 5 GB a day. */
static void lines_about_strangers_are_bounded_and_counted(void **state)
{
  int lines = 0;
  atr_log_sink sink = {ATR_LOG_INFO, keep_line, &lines};
  atr_log_quota quota = {0, 0};
  uint64_t now_ms = 5000;

  (void)state;
  atr_log_set_sink(&sink);
  for (uint32_t i = 0; i < 5 * ATR_LOG_STRANGERS_AT_ONCE; i++)
    atr_log_stranger(&quota, now_ms, ATR_LOG_INFO, "stranger %u", (unsigned)i);
  assert_int_equal(lines, ATR_LOG_STRANGERS_AT_ONCE);
  atr_log_stranger(NULL, now_ms, ATR_LOG_INFO, "a friend");
  assert_string_equal(logged, "a friend");
  now_ms += ATR_LOG_STRANGERS_EVERY_MS;
  atr_log_stranger(&quota, now_ms, ATR_LOG_INFO, "stranger");
  assert_string_equal(logged, "stranger");
  assert_int_equal(lines, ATR_LOG_STRANGERS_AT_ONCE + 3); /* before it, how many were left out */
  for (int second = 0; second < 7 * 24 * 60 * 60; second++)
    atr_log_stranger(&quota, now_ms += 1000, ATR_LOG_INFO, "stranger");
  assert_int_equal(lines, ATR_LOG_STRANGERS_AT_ONCE + 3 + 2 * 7 * 24 * 60);
  now_ms += ATR_LOG_STRANGERS_AT_ONCE * ATR_LOG_STRANGERS_EVERY_MS;
  lines = 0;
  for (uint32_t i = 0; i < ATR_LOG_STRANGERS_AT_ONCE; i++)
    atr_log_stranger(&quota, now_ms, ATR_LOG_INFO, "a quiet night later");
  assert_int_equal(lines, ATR_LOG_STRANGERS_AT_ONCE);
  atr_log_set_sink(NULL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(errors_have_names_and_texts),
      cmocka_unit_test(a_buffer_stops_at_its_cap),
      cmocka_unit_test(what_is_consumed_is_room_again),
      cmocka_unit_test(a_buffer_can_be_cut_and_detached),
      cmocka_unit_test(a_reader_never_passes_its_end),
      cmocka_unit_test(ids_have_one_text),
      cmocka_unit_test(sha256_gives_the_standard_vectors),
      cmocka_unit_test(crc32c_gives_the_standard_vectors),
      cmocka_unit_test(shared_bytes_live_as_long_as_an_owner),
      cmocka_unit_test(utf8_is_what_rfc_3629_says),
      cmocka_unit_test(a_log_line_is_one_line),
      cmocka_unit_test(lines_about_strangers_are_bounded_and_counted),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
