/* SPDX-License-Identifier: MIT
 *
 * PCP against the figures of RFC 6887: the bytes of a request and of its answers, what is not ours, refusals by name, and the
 * clock of a router that was restarted. */
#include "test.h"

#include "base/error.h"
#include "proto/pcp.h"

#include <stdlib.h>
#include <string.h>

/* Figures 2 and 9: TCP port 12800 of 192.168.0.10 for 600 s, wanted from outside at the same. */
static const uint8_t request[ATR_PCP_MAP_BYTES] = {
    2,    1,    0,    0,    /* version, R = 0 and MAP, reserved */
    0,    0,    2,    0x58, /* lifetime */
    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0xff, 0xff, 192, 168, 0, 10, /* client */
    0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab,                  /* nonce */
    6,    0,    0,    0,                                                                     /* TCP, reserved */
    0x32, 0x00, 0x32, 0x00,                                                                 /* inner port, outer port */
    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0xff, 0xff, 0,   0,   0, 0, /* outer address: any */
};

/* Figures 3 and 10: port 9090 of 203.0.113.17 for 120 s, by a router that was started 4,096 s ago. */
static const uint8_t granted[ATR_PCP_MAP_BYTES] = {
    2,    0x81, 0,    0,                                                    /* version, R = 1 and MAP, SUCCESS */
    0,    0,    0,    120,                                                  /* lifetime */
    0,    0,    0x10, 0,                                                    /* epoch */
    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    /* reserved */
    0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, /* nonce */
    6,    0,    0,    0,                                                    /* TCP, reserved */
    0x32, 0x00, 0x23, 0x82,                                                 /* inner port, outer port */
    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0xff, 0xff, 203, 0, 113, 17, /* outer address */
};

static atr_pcp_map sample(void)
{
  static const uint8_t inner[4] = {192, 168, 0, 10}, any[4] = {0};
  atr_pcp_map map = {.protocol = ATR_PCP_TCP, .inner_port = 12800, .outer_port = 12800, .lifetime_s = 600};

  for (size_t i = 0; i < sizeof map.nonce; i++)
    map.nonce[i] = (uint8_t)(0xa0 + i);
  atr_pcp_of_ipv4(inner, map.inner);
  atr_pcp_of_ipv4(any, map.outer);
  return map;
}

/* In a block of its own size, so that AddressSanitizer sees each step beside it. */
static int read_bytes(const uint8_t *bytes, size_t n, atr_pcp_answer *answer)
{
  atr_pcp_map map = sample();
  uint8_t *copy = malloc(n ? n : 1);
  int err;

  assert_non_null(copy);
  memcpy(copy, bytes, n);
  err = atr_pcp_map_read(copy, n, &map, answer);
  free(copy);
  return err;
}

static int read_changed(size_t at, uint8_t value, atr_pcp_answer *answer)
{
  uint8_t bytes[ATR_PCP_MAP_BYTES];

  memcpy(bytes, granted, sizeof bytes);
  bytes[at] = value;
  return read_bytes(bytes, sizeof bytes, answer);
}

static void a_request_is_as_the_rfc_draws_it(void **state)
{
  atr_pcp_map map = sample();
  uint8_t bytes[ATR_PCP_MAP_BYTES];

  (void)state;
  atr_pcp_map_write(&map, bytes);
  assert_memory_equal(bytes, request, sizeof request);
}

static void an_answer_is_read(void **state)
{
  static const uint8_t outside[4] = {203, 0, 113, 17};
  atr_pcp_answer answer;
  uint8_t ipv4[4];

  (void)state;
  assert_ok(read_bytes(granted, sizeof granted, &answer));
  assert_int_equal(answer.result, ATR_PCP_SUCCESS);
  assert_int_equal(answer.lifetime_s, 120);
  assert_int_equal(answer.epoch_s, 4096);
  assert_int_equal(answer.outer_port, 9090);
  assert_true(atr_pcp_to_ipv4(answer.outer, ipv4));
  assert_memory_equal(ipv4, outside, sizeof ipv4);
  answer.outer[0] = 0x20; /* an IPv6 address */
  assert_false(atr_pcp_to_ipv4(answer.outer, ipv4));
}

/* RFC 6887, 11.4: nonce, protocol and inner port are those of the request, or it is dropped without a word. */
static void answers_to_others_are_passed_over(void **state)
{
  atr_pcp_answer answer;

  (void)state;
  assert_err(read_changed(24, 0, &answer), ATR_NOENT);
  assert_err(read_changed(35, 0, &answer), ATR_NOENT);
  assert_err(read_changed(36, 17, &answer), ATR_NOENT);
  assert_err(read_changed(41, 1, &answer), ATR_NOENT);
  assert_err(read_changed(1, 0x80, &answer), ATR_NOENT); /* ANNOUNCE */
  assert_err(read_changed(1, 0x82, &answer), ATR_NOENT); /* PEER */
  assert_err(read_changed(1, 0x01, &answer), ATR_PROTO); /* a request, our own that comes back */
}

static void what_is_cut_or_strange_is_no_answer(void **state)
{
  uint8_t large[ATR_PCP_BYTES_MAX + 4] = {0};
  atr_pcp_answer answer;

  (void)state;
  for (size_t n = 0; n < sizeof granted; n++)
    assert_true(read_bytes(granted, n, &answer) != ATR_OK);
  memcpy(large, granted, sizeof granted);
  assert_ok(read_bytes(large, sizeof granted + 8, &answer)); /* options that nobody asked for */
  assert_ok(read_bytes(large, ATR_PCP_BYTES_MAX, &answer));
  assert_err(read_bytes(large, ATR_PCP_BYTES_MAX + 4, &answer), ATR_PROTO);
  assert_err(read_bytes(large, sizeof granted + 2, &answer), ATR_PROTO);
}

static void refusals_have_names(void **state)
{
  static const struct {
    uint8_t number;
    const char *name;
  } all[] = {{2, "NOT_AUTHORIZED"},    {3, "MALFORMED_REQUEST"},
             {4, "UNSUPP_OPCODE"},     {5, "UNSUPP_OPTION"},
             {6, "MALFORMED_OPTION"},  {7, "NETWORK_FAILURE"},
             {8, "NO_RESOURCES"},      {9, "UNSUPP_PROTOCOL"},
             {10, "USER_EX_QUOTA"},    {11, "CANNOT_PROVIDE_EXTERNAL"},
             {12, "ADDRESS_MISMATCH"}, {13, "EXCESSIVE_REMOTE_PEERS"},
             {14, "UNKNOWN"},          {255, "UNKNOWN"}};
  atr_pcp_answer answer;

  (void)state;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    assert_ok(read_changed(3, all[i].number, &answer));
    assert_string_equal(atr_pcp_result_name(answer.result), all[i].name);
  }
}

static void a_router_of_another_version_says_so(void **state)
{
  static const uint8_t natpmp[8] = {0, 0x81, 0, 1, 0, 0, 0x10, 0}, natpmp_op[8] = {0, 0x80, 0, 5, 0, 0, 0x10, 0};
  static const uint8_t fine[8] = {0, 0x81, 0, 0, 0, 0, 0x10, 0};
  atr_pcp_answer answer;

  (void)state;
  assert_err(read_bytes(natpmp, sizeof natpmp, &answer), ATR_VERSION);
  assert_err(read_bytes(natpmp_op, sizeof natpmp_op, &answer), ATR_VERSION);
  assert_err(read_bytes(fine, sizeof fine, &answer), ATR_PROTO);
  assert_err(read_changed(3, ATR_PCP_UNSUPP_VERSION, &answer), ATR_VERSION);
  assert_err(read_changed(0, 1, &answer), ATR_VERSION);
  assert_err(read_changed(0, 3, &answer), ATR_VERSION);
}

static void routers_announce_their_restart(void **state)
{
  static const uint8_t pcp[24] = {2, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7},
                       natpmp[12] = {0, 0x80, 0, 0, 0, 0, 0, 9, 203, 0, 113, 17};
  uint32_t epoch_s;

  (void)state;
  assert_ok(atr_pcp_announce_read(pcp, sizeof pcp, &epoch_s));
  assert_int_equal(epoch_s, 7);
  assert_ok(atr_pcp_announce_read(natpmp, sizeof natpmp, &epoch_s));
  assert_int_equal(epoch_s, 9);
  assert_err(atr_pcp_announce_read(pcp, 23, &epoch_s), ATR_PROTO);
  assert_err(atr_pcp_announce_read(natpmp, 11, &epoch_s), ATR_PROTO);
  assert_err(atr_pcp_announce_read(granted, sizeof granted, &epoch_s), ATR_PROTO);
  assert_err(atr_pcp_announce_read(request, sizeof request, &epoch_s), ATR_PROTO);
}

/* RFC 6887, 8.5. */
static void a_clock_that_jumps_is_a_restart(void **state)
{
  atr_pcp_epoch epoch = {0};

  (void)state;
  assert_false(atr_pcp_epoch_lost(&epoch, 1000, 50)); /* the first: nothing to compare with */
  assert_false(atr_pcp_epoch_lost(&epoch, 1060, 110));
  assert_false(atr_pcp_epoch_lost(&epoch, 1059, 110)); /* one answer has overtaken another */
  assert_true(atr_pcp_epoch_lost(&epoch, 1057, 111));
  assert_false(atr_pcp_epoch_lost(&epoch, 1117, 171));
  assert_true(atr_pcp_epoch_lost(&epoch, 3, 174)); /* restarted */
  assert_false(atr_pcp_epoch_lost(&epoch, 63, 234));
  assert_false(atr_pcp_epoch_lost(&epoch, 163, 336)); /* clocks differ by up to a sixteenth and two seconds */
  assert_true(atr_pcp_epoch_lost(&epoch, 263, 536));  /* it has begun again in between, and grown */
  assert_true(atr_pcp_epoch_lost(&epoch, 1000, 600)); /* or our machine has slept */
  assert_true(atr_pcp_epoch_lost(&epoch, UINT32_MAX, 601));
  assert_true(atr_pcp_epoch_lost(&epoch, 0, 602));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_request_is_as_the_rfc_draws_it),
      cmocka_unit_test(an_answer_is_read),
      cmocka_unit_test(answers_to_others_are_passed_over),
      cmocka_unit_test(what_is_cut_or_strange_is_no_answer),
      cmocka_unit_test(refusals_have_names),
      cmocka_unit_test(a_router_of_another_version_says_so),
      cmocka_unit_test(routers_announce_their_restart),
      cmocka_unit_test(a_clock_that_jumps_is_a_restart),
  };

  return cmocka_run_group_tests_name("pcp", tests, NULL, NULL);
}
