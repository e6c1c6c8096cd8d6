/* SPDX-License-Identifier: MIT
 *
 * The packets by which hosts are found: the bytes of the protocol's page, and what is refused. */
#include "examples.h"

#include "proto/beacon.h"

static atr_beacon sample(const char *name)
{
  atr_beacon beacon = {.port = ATR_PORT_DEFAULT};

  for (size_t i = 0; i < ATR_HASH_BYTES; i++)
    beacon.key.b[i] = (uint8_t)i;
  for (size_t i = 0; i < ATR_BEACON_NONCE_BYTES; i++)
    beacon.nonce.b[i] = (uint8_t)(0xa0 + i);
  snprintf(beacon.name, sizeof beacon.name, "%s", name);
  return beacon;
}

static void it_is_as_the_page_says(void **state)
{
  atr_beacon wanted = sample("studio"), found;
  uint8_t bytes[ATR_BEACON_BYTES_MAX];
  atr_beacon_nonce nonce;
  atr_span example;

  (void)state;
  example = example_span("beacon-query");
  assert_int_equal(atr_beacon_query_write(&wanted.nonce, bytes), example.n);
  assert_memory_equal(bytes, example.p, example.n);
  assert_ok(atr_beacon_query_read(example.p, example.n, &nonce));
  assert_memory_equal(&nonce, &wanted.nonce, sizeof nonce);

  example = example_span("beacon-answer");
  assert_int_equal(atr_beacon_answer_write(&wanted, bytes), example.n);
  assert_memory_equal(bytes, example.p, example.n);
  assert_ok(atr_beacon_answer_read(example.p, example.n, &found));
  assert_memory_equal(&found, &wanted, sizeof found);
}

/* Nobody sends a server less than he makes it send to another one. */
static void a_query_is_never_shorter_than_an_answer(void **state)
{
  atr_beacon longest = sample("");
  uint8_t query[ATR_BEACON_BYTES_MAX], answer[ATR_BEACON_BYTES_MAX];
  atr_beacon_nonce nonce;
  size_t n = atr_beacon_query_write(&longest.nonce, query);

  (void)state;
  memset(longest.name, 'x', ATR_HOST_NAME_BYTES_MAX);
  assert_true(atr_beacon_answer_write(&longest, answer) <= n);
  for (size_t cut = 0; cut < n; cut++)
    assert_err(atr_beacon_query_read(query, cut, &nonce), ATR_PROTO);
}

static void what_is_no_packet_is_refused(void **state)
{
  atr_beacon beacon = sample("studio"), found;
  uint8_t bytes[ATR_BEACON_BYTES_MAX + 4] = {0};
  size_t n = atr_beacon_answer_write(&beacon, bytes);
  atr_beacon_nonce nonce;

  (void)state;
  for (size_t cut = 0; cut < n; cut++)
    assert_err(atr_beacon_answer_read(bytes, cut, &found), ATR_PROTO);
  for (size_t i = 0; i < 6; i++) { /* magic, version, kind */
    bytes[i] ^= 0x40;
    assert_err(atr_beacon_answer_read(bytes, n, &found), ATR_PROTO);
    bytes[i] ^= 0x40;
  }
  assert_err(atr_beacon_query_read(bytes, sizeof bytes, &nonce), ATR_PROTO);
  assert_ok(atr_beacon_answer_read(bytes, n + 4, &found)); /* a later version's fields */
  beacon.port = 0;
  assert_err(atr_beacon_answer_read(bytes, atr_beacon_answer_write(&beacon, bytes), &found), ATR_PROTO);
}

static int read_name(const void *name, size_t len)
{
  atr_beacon beacon = sample("?"), found;
  uint8_t bytes[ATR_BEACON_BYTES_MAX + 256];
  size_t n = atr_beacon_answer_write(&beacon, bytes);

  bytes[n - 2] = (uint8_t)len;
  memcpy(bytes + n - 1, name, len);
  return atr_beacon_answer_read(bytes, n - 1 + len, &found);
}

static void names_are_shown_as_they_are_or_not_at_all(void **state)
{
  static const char *const bad[] = {"a\nb",
                                    "\x1b[2J",
                                    "a\x7f",
                                    "\xc2\x85",
                                    "a\xe2\x80\xae",
                                    "\xe2\x81\xa6sdf",
                                    "\xff",
                                    "\xe2\x82",
                                    "a\xc0\x80",
                                    "\xe2\x80\xa8",
                                    "\t tab",
                                    "",
                                    "\xd8\x9c"
                                    "ab"};
  char name[ATR_HOST_NAME_BYTES_MAX + 2];
  uint8_t bytes[ATR_BEACON_BYTES_MAX];
  atr_beacon found, beacon;

  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_err(read_name(bad[i], strlen(bad[i])), ATR_PROTO);
    beacon = sample(bad[i]);
    assert_ok(atr_beacon_answer_read(bytes, atr_beacon_answer_write(&beacon, bytes), &found));
    assert_string_equal(found.name, "?");
  }
  assert_err(read_name("a\0b", 3), ATR_PROTO);
  assert_ok(read_name("Añil – 工作室", strlen("Añil – 工作室")));
  memset(name, 'n', sizeof name);
  assert_ok(read_name(name, ATR_HOST_NAME_BYTES_MAX));
  assert_err(read_name(name, ATR_HOST_NAME_BYTES_MAX + 1), ATR_PROTO);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_is_as_the_page_says),
      cmocka_unit_test(a_query_is_never_shorter_than_an_answer),
      cmocka_unit_test(what_is_no_packet_is_refused),
      cmocka_unit_test(names_are_shown_as_they_are_or_not_at_all),
  };

  read_examples("docs/protocol.md");
  return cmocka_run_group_tests_name("beacon", tests, NULL, NULL);
}
