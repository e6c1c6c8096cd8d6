/* SPDX-License-Identifier: MIT
 *
 * Two sessions over loopback: what a user of atr_session relies on. Keys are proved both ways, messages of every lane
 * arrive whole and in order, an end is told once and with its reason, and a session may be freed from any of its
 * callbacks.
 */
#include "net_test.h"

#include "proto/message.h"

static atr_span text(const char *t)
{
  return atr_span_of(t, strlen(t));
}

static void both_sides_prove_their_keys(void **state)
{
  pair p;

  (void)state;
  pair_open(&p);
  assert_true(atr_hash_equal(&p.client.key, atr_identity_key(p.server_identity)));
  assert_true(atr_hash_equal(&p.server.key, atr_identity_key(p.client_identity)));
  assert_true(atr_hash_equal(atr_session_peer_key(p.server.session), &p.server.key));
  assert_true(atr_session_peer_is_loopback(p.client.session));
  assert_memory_equal(atr_session_peer_address(p.client.session), "127.0.0.1:", 10);
  assert_int_equal(atr_listener_half_open(p.listener), 0);
  assert_int_equal(atr_listener_connections(p.listener), 1);
  pair_close(&p);
}

static void messages_arrive_on_their_lanes(void **state)
{
  pair p;

  (void)state;
  pair_open(&p);
  assert_int_equal(atr_session_send(p.client.session, ATR_LANE_CONTROL, text("\x01{\"t\":\"hello\"}")), 0);
  assert_int_equal(atr_session_send(p.client.session, ATR_LANE_PRESENCE, text("\x10where")), 0);
  assert_true(bench_run(&p.bench, &p.server.got, 5000));
  bench_idle(&p.bench, 20);
  assert_string_equal(p.server.last[ATR_LANE_CONTROL], "\x01{\"t\":\"hello\"}");
  assert_string_equal(p.server.last[ATR_LANE_PRESENCE], "\x10where");
  assert_int_equal(atr_session_send(p.server.session, ATR_LANE_CONTROL, text("\x01{}")), 0);
  assert_true(bench_run(&p.bench, &p.client.got, 5000));
  assert_string_equal(p.client.last[ATR_LANE_CONTROL], "\x01{}");
  assert_true(atr_session_latency_us(p.client.session) > 0);
  assert_true(atr_session_latency_us(p.client.session) < 1000000);
  pair_close(&p);
}

/* A source of numbered messages of one lane. */
typedef struct numbers {
  uint32_t next, count;
  size_t bytes;
} numbers;

static int64_t pull_numbers(void *ctx, int lane, atr_buf *out, size_t budget)
{
  numbers *n = ctx;
  size_t before = out->len;
  uint8_t *message = calloc(1, n->bytes);

  message[0] = lane == ATR_LANE_BULK ? 0x30 : 0x20;
  while (n->next < n->count && out->len - before < budget) {
    atr_put_u32(message + 1, n->next++);
    assert_int_equal(atr_frame_append(out, (enum atr_lane)lane, message, n->bytes), 0);
  }
  free(message);
  return (int64_t)(out->len - before);
}

static void check_number(side *s, int lane, atr_span message)
{
  uint32_t *expected = s->ctx;

  if (lane != ATR_LANE_STATE && lane != ATR_LANE_BULK)
    return;
  assert_int_equal(atr_get_u32(message.p + 1), expected[lane]);
  expected[lane]++;
}

static void run_sources(size_t state_bytes, uint32_t state_count, size_t bulk_bytes, uint32_t bulk_count)
{
  numbers state = {0, state_count, state_bytes}, bulk = {0, bulk_count, bulk_bytes};
  uint32_t expected[ATR_LANES] = {0};
  pair p;

  pair_open(&p);
  p.server.on_message = check_number;
  p.server.ctx = expected;
  atr_session_set_source(p.client.session, ATR_LANE_STATE, pull_numbers, &state);
  atr_session_set_source(p.client.session, ATR_LANE_BULK, pull_numbers, &bulk);
  for (int i = 0; i < 600 && (expected[ATR_LANE_STATE] < state_count || expected[ATR_LANE_BULK] < bulk_count); i++)
    bench_idle(&p.bench, 50);
  assert_int_equal(expected[ATR_LANE_STATE], state_count);
  assert_int_equal(expected[ATR_LANE_BULK], bulk_count);
  assert_false(p.client.closed);
  pair_close(&p);
}

static void pulled_lanes_keep_their_order(void **state)
{
  (void)state;
  run_sources(200, 20000, 60000, 200);
}

/* A document of 8 MiB is far larger than the first window: its fragments must count as consumed while it is not yet
 * whole. */
static void a_message_larger_than_the_window_passes(void **state)
{
  (void)state;
  run_sources(ATR_DOC_BYTES_MAX, 3, 1000, 10);
}

/* Whoever cannot keep up holds the peer back: that stops at its window, which is far below what would break the protocol, while
 * small messages pass. It goes on when it may. */
static void a_lane_that_is_held_stops_at_the_window(void **state)
{
  numbers many = {0, 2 * ATR_CREDIT_BYTES_MAX / 1000, 1000};
  uint32_t expected[ATR_LANES] = {0}, stopped;
  pair p;

  (void)state;
  pair_open(&p);
  p.server.on_message = check_number;
  p.server.ctx = expected;
  atr_session_hold(p.server.session, ATR_LANE_STATE, true);
  atr_session_set_source(p.client.session, ATR_LANE_STATE, pull_numbers, &many);
  bench_idle(&p.bench, 100);
  stopped = expected[ATR_LANE_STATE];
  assert_in_range(stopped, 1, ATR_CREDIT_BYTES_MAX / 1000);
  assert_int_equal(atr_session_send(p.client.session, ATR_LANE_CONTROL, text("\x01{}")), 0);
  bench_idle(&p.bench, 50);
  assert_int_equal(p.server.messages[ATR_LANE_CONTROL], 1);
  assert_int_equal(expected[ATR_LANE_STATE], stopped);
  atr_session_hold(p.server.session, ATR_LANE_STATE, false);
  for (int i = 0; i < 200 && expected[ATR_LANE_STATE] < many.count; i++)
    bench_idle(&p.bench, 50);
  assert_int_equal(expected[ATR_LANE_STATE], many.count);
  assert_false(p.server.closed);
  pair_close(&p);
}

static void a_key_may_be_refused(void **state)
{
  const atr_listen_options options = {.bind = "127.0.0.1"};
  pair p;

  (void)state;
  pair_listen(&p, &options);
  p.client.refuse_key = true;
  pair_connect(&p, atr_listener_port(p.listener));
  assert_true(bench_run(&p.bench, &p.client.closed, 5000));
  assert_int_equal(p.client.err, ATR_KEY_UNKNOWN);
  assert_string_equal(p.client.detail, "not this one");
  assert_true(bench_run(&p.bench, &p.server.closed, 5000));
  assert_int_equal(p.server.err, ATR_CLOSED);
  assert_int_equal(p.server.messages[ATR_LANE_CONTROL], 0);
  pair_close(&p);
}

/* The user thinks about the check code: what the server says meanwhile waits, and nothing is sent. */
static void nothing_is_sent_or_read_before_the_key_is_accepted(void **state)
{
  const atr_listen_options options = {.bind = "127.0.0.1"};
  pair p;

  (void)state;
  pair_listen(&p, &options);
  p.client.hold_key = true;
  pair_connect(&p, atr_listener_port(p.listener));
  assert_true(bench_run(&p.bench, &p.server.has_key, 5000));
  assert_int_equal(atr_session_send(p.server.session, ATR_LANE_CONTROL, text("\x01{}")), 0);
  assert_int_equal(atr_session_send(p.client.session, ATR_LANE_CONTROL, text("\x01{}")), ATR_STATE);
  bench_idle(&p.bench, 50);
  assert_int_equal(p.client.messages[ATR_LANE_CONTROL], 0);
  atr_session_accept_key(p.client.session);
  assert_true(bench_run(&p.bench, &p.client.got, 5000));
  pair_close(&p);
}

static void last_words_arrive_before_the_end(void **state)
{
  uint8_t *large = calloc(1, ATR_CONTROL_BYTES_MAX);
  pair p;

  (void)state;
  pair_open(&p);
  large[0] = 1;
  for (int i = 0; i < 3; i++)
    assert_int_equal(atr_session_send(p.server.session, ATR_LANE_CONTROL, atr_span_of(large, ATR_CONTROL_BYTES_MAX)),
                     0);
  assert_int_equal(atr_session_send(p.server.session, ATR_LANE_CONTROL, text("\x01{\"t\":\"error\"}")), 0);
  atr_session_close(p.server.session, ATR_DENIED, "no");
  assert_int_equal(atr_session_send(p.server.session, ATR_LANE_CONTROL, text("\x01{}")), ATR_STATE);
  atr_session_close(p.server.session, ATR_OK, "a second close changes nothing");
  assert_true(bench_run(&p.bench, &p.client.closed, 5000));
  assert_int_equal(p.client.messages[ATR_LANE_CONTROL], 4);
  assert_string_equal(p.client.last[ATR_LANE_CONTROL], "\x01{\"t\":\"error\"}");
  assert_int_equal(p.client.err, ATR_CLOSED);
  assert_true(bench_run(&p.bench, &p.server.closed, 5000));
  assert_int_equal(p.server.err, ATR_DENIED);
  assert_string_equal(p.server.detail, "no");
  free(large);
  pair_close(&p);
}

static void queues_of_small_messages_are_bounded(void **state)
{
  uint8_t message[4096] = {0x10};
  unsigned sent = 0;
  int err = 0;
  pair p;

  (void)state;
  pair_open(&p);
  while (err == 0 && sent < 1000000) /* the loop does not run: nothing leaves */
    if ((err = atr_session_send(p.client.session, ATR_LANE_PRESENCE, atr_span_of(message, sizeof message))) == 0)
      sent++;
  assert_int_equal(err, ATR_FULL);
  assert_in_range(sent, ATR_PRESENCE_QUEUE_BYTES / sizeof message / 2, ATR_PRESENCE_QUEUE_BYTES / sizeof message);
  for (int i = 0; i < 100 && p.server.messages[ATR_LANE_PRESENCE] < sent; i++)
    bench_idle(&p.bench, 20);
  assert_int_equal(p.server.messages[ATR_LANE_PRESENCE], sent);
  assert_int_equal(atr_session_send(p.client.session, ATR_LANE_PRESENCE, atr_span_of(message, sizeof message)), 0);
  assert_int_equal(atr_session_send(p.client.session, ATR_LANE_PRESENCE, atr_span_of(message, sizeof message + 1)),
                   ATR_MESSAGE_SIZE);
  for (err = 0, sent = 0; err == 0; sent += err == 0)
    err = atr_session_send(p.client.session, ATR_LANE_CONTROL, atr_span_of(message, sizeof message));
  assert_int_equal(err, ATR_FULL);
  assert_in_range(sent, ATR_CONTROL_QUEUE_BYTES / sizeof message / 2, ATR_CONTROL_QUEUE_BYTES / sizeof message);
  pair_close(&p);
}

static void an_error_of_the_user_closes_the_session(void **state)
{
  pair p;

  (void)state;
  pair_open(&p);
  p.server.answer = ATR_JSON_SYNTAX;
  assert_int_equal(atr_session_send(p.client.session, ATR_LANE_CONTROL, text("\x01{")), 0);
  assert_true(bench_run(&p.bench, &p.server.closed, 5000));
  assert_int_equal(p.server.err, ATR_JSON_SYNTAX);
  assert_true(bench_run(&p.bench, &p.client.closed, 5000));
  assert_int_equal(p.client.err, ATR_CLOSED);
  pair_close(&p);
}

static void free_me(side *s, int lane, atr_span message)
{
  (void)lane;
  (void)message;
  atr_session_free(s->session);
  s->session = NULL;
}

static void a_session_may_be_freed_while_it_delivers(void **state)
{
  pair p;

  (void)state;
  pair_open(&p);
  p.server.on_message = free_me;
  for (int i = 0; i < 10; i++)
    assert_int_equal(atr_session_send(p.client.session, ATR_LANE_CONTROL, text("\x01{}")), 0);
  assert_true(bench_run(&p.bench, &p.client.closed, 5000));
  assert_int_equal(p.server.messages[ATR_LANE_CONTROL], 1);
  assert_false(p.server.closed);
  pair_close(&p);
}

static int64_t pull_and_free(void *ctx, int lane, atr_buf *out, size_t budget)
{
  side *s = ctx;

  (void)lane;
  (void)out;
  (void)budget;
  atr_session_free(s->session);
  s->session = NULL;
  return 0;
}

static void a_session_may_be_freed_from_its_source(void **state)
{
  pair p;

  (void)state;
  pair_open(&p);
  atr_session_set_source(p.server.session, ATR_LANE_STATE, pull_and_free, &p.server);
  assert_true(bench_run(&p.bench, &p.client.closed, 5000));
  pair_close(&p);
}

static int64_t pull_endless(void *ctx, int lane, atr_buf *out, size_t budget)
{
  static uint8_t message[16000] = {0x30};
  size_t before = out->len;

  (void)ctx;
  (void)budget;
  if (atr_frame_append(out, (enum atr_lane)lane, message, sizeof message) != 0)
    return ATR_NOMEM;
  return (int64_t)(out->len - before);
}

static void closing_while_busy(void **state)
{
  (void)state;
  for (unsigned ms = 0; ms < 40; ms += 3) {
    pair p;

    pair_open(&p);
    atr_session_set_source(p.client.session, ATR_LANE_BULK, pull_endless, NULL);
    atr_session_set_source(p.client.session, ATR_LANE_STATE, pull_endless, NULL);
    atr_session_set_source(p.server.session, ATR_LANE_BULK, pull_endless, NULL);
    bench_idle(&p.bench, ms);
    atr_session_close(p.client.session, ATR_OK, NULL);
    assert_true(bench_run(&p.bench, &p.server.closed, 5000));
    assert_true(bench_run(&p.bench, &p.client.closed, 5000));
    assert_int_equal(p.client.err, ATR_OK);
    assert_int_equal(p.server.err, ATR_CLOSED);
    pair_close(&p);
  }
}

/* --- what breaks the protocol ---------------------------------------------------------------------------------- */

static void expect_end(const char *message, size_t n, int err)
{
  pair p;

  pair_open(&p);
  assert_int_equal(atr_session_send(p.client.session, ATR_LANE_CONTROL, atr_span_of(message, n)), 0);
  assert_true(bench_run(&p.bench, &p.server.closed, 5000));
  assert_int_equal(p.server.err, err);
  pair_close(&p);
}

static void lies_about_credit_and_pings_end_the_session(void **state)
{
  (void)state;
  expect_end("\x02\x03\0\0\0\0\0\0\0\x01", 10, ATR_PROTO); /* one byte more than was sent */
  expect_end("\x02\x00\0\0\0\0\0\0\0\0", 10, ATR_PROTO);   /* control has no credit */
  expect_end("\x02\x03\0\0", 4, ATR_PROTO);                /* short */
  expect_end("\x04\xff\0\0\0\0\0\0\0", 9, ATR_PROTO);      /* answer to a ping that was not sent */
  expect_end("\x03\0\0\0\0\0\0\0\0\0\0\0", 12, ATR_PROTO); /* long */
}

static void end_of_a_stranger(int lane, size_t bytes)
{
  numbers large = {0, 1, bytes};
  uint8_t message[ATR_STRANGER_BYTES_MAX + 1] = {1};
  pair p;

  pair_open(&p);
  atr_session_restrict(p.server.session, true);
  if (lane == ATR_LANE_CONTROL)
    assert_int_equal(atr_session_send(p.client.session, lane, atr_span_of(message, bytes)), 0);
  else
    atr_session_set_source(p.client.session, lane, pull_numbers, &large);
  assert_true(bench_run(&p.bench, &p.server.closed, 5000));
  assert_int_equal(p.server.err, ATR_MESSAGE_SIZE);
  assert_false(p.server.got);
  pair_close(&p);
}

static void a_stranger_may_only_say_hello(void **state)
{
  uint8_t hello[ATR_STRANGER_BYTES_MAX] = {1};
  pair p;

  (void)state;
  end_of_a_stranger(ATR_LANE_CONTROL, ATR_STRANGER_BYTES_MAX + 1);
  end_of_a_stranger(ATR_LANE_PRESENCE, 10);
  end_of_a_stranger(ATR_LANE_STATE, ATR_DOC_BYTES_MAX);
  end_of_a_stranger(ATR_LANE_BULK, 10);
  pair_open(&p);
  atr_session_restrict(p.server.session, true);
  assert_int_equal(atr_session_send(p.client.session, ATR_LANE_CONTROL, atr_span_of(hello, sizeof hello)), 0);
  assert_true(bench_run(&p.bench, &p.server.got, 5000));
  atr_session_restrict(p.server.session, false);
  p.server.got = false;
  assert_int_equal(atr_session_send(p.client.session, ATR_LANE_PRESENCE, text("\x10where")), 0);
  assert_true(bench_run(&p.bench, &p.server.got, 5000));
  pair_close(&p);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(both_sides_prove_their_keys),
      cmocka_unit_test(messages_arrive_on_their_lanes),
      cmocka_unit_test(pulled_lanes_keep_their_order),
      cmocka_unit_test(a_message_larger_than_the_window_passes),
      cmocka_unit_test(a_lane_that_is_held_stops_at_the_window),
      cmocka_unit_test(a_key_may_be_refused),
      cmocka_unit_test(nothing_is_sent_or_read_before_the_key_is_accepted),
      cmocka_unit_test(last_words_arrive_before_the_end),
      cmocka_unit_test(queues_of_small_messages_are_bounded),
      cmocka_unit_test(an_error_of_the_user_closes_the_session),
      cmocka_unit_test(a_session_may_be_freed_while_it_delivers),
      cmocka_unit_test(a_session_may_be_freed_from_its_source),
      cmocka_unit_test(closing_while_busy),
      cmocka_unit_test(lies_about_credit_and_pings_end_the_session),
      cmocka_unit_test(a_stranger_may_only_say_hello),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
