/* SPDX-License-Identifier: MIT
 *
 * The window over simulated lines: full lines, short queues. A line here is a rate, a distance and nothing else:
 * everything that was sent stands in one queue before it, as it does in reality in our buffer, in two kernels and in
 * a router together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first */
#include <cmocka.h>

#include "base/error.h"
#include "base/limits.h"
#include "proto/frame.h"
#include "session/credit.h"

#include <stdlib.h>
#include <string.h>

enum { EVENTS_MAX = 1 << 16 };

/* What comes back to the sender, and when. */
typedef struct event {
  uint64_t at_us;
  enum { CREDIT, PONG } what;
  uint64_t value;
} event;

typedef struct line {
  atr_credit credit;
  uint64_t now_us, free_us; /* when the line has sent everything that stands before it */
  double bytes_per_us;
  uint64_t one_way_us;
  uint64_t sent, arrived, reported;
  event events[EVENTS_MAX];
  size_t head, tail;
  uint64_t queue_us; /* longest queueing since it was last cleared */
} line;

static line the_line;

static line *line_new(double mbit, uint64_t round_trip_us)
{
  line *l = &the_line;

  memset(l, 0, sizeof *l);
  l->now_us = 1000000;
  l->bytes_per_us = mbit / 8;
  l->one_way_us = round_trip_us / 2;
  atr_credit_init(&l->credit, l->now_us);
  return l;
}

static uint64_t max(uint64_t a, uint64_t b)
{
  return a > b ? a : b;
}

/* `bytes` enter the line; returns when they have arrived. */
static uint64_t transmit(line *l, size_t bytes)
{
  l->free_us = max(l->free_us, l->now_us) + (uint64_t)((double)bytes / l->bytes_per_us);
  return l->free_us + l->one_way_us;
}

static void come_back(line *l, uint64_t at_us, int what, uint64_t value)
{
  event e = {at_us + l->one_way_us, what, value};

  assert_true(l->tail - l->head < EVENTS_MAX);
  l->events[l->tail++ % EVENTS_MAX] = e;
}

static void send_ping(line *l)
{
  l->queue_us = max(l->queue_us, l->free_us > l->now_us ? l->free_us - l->now_us : 0);
  come_back(l, transmit(l, 12), PONG, atr_credit_ping(&l->credit, l->now_us));
}

static void send_bulk(line *l)
{
  size_t available;

  while ((available = atr_credit_available(&l->credit, ATR_LANE_BULK, l->now_us)) > 0) {
    size_t record = atr_credit_window(&l->credit, l->now_us) / 8 < 8192 ? 8192 : 16384;
    size_t n = available < record ? available : record;
    uint64_t at;

    atr_credit_sent(&l->credit, ATR_LANE_BULK, n);
    l->sent += n;
    at = transmit(l, n);
    if (l->sent - l->reported >= ATR_CREDIT_REPORT_BYTES) {
      l->reported = l->sent;
      come_back(l, at, CREDIT, l->reported);
    }
  }
}

static void check_ping(line *l)
{
  if (atr_credit_ping_due(&l->credit, l->now_us))
    send_ping(l);
}

static void run(line *l, uint64_t duration_us)
{
  uint64_t end = l->now_us + duration_us;

  if (l->sent == 0) /* as a session does when it opens */
    send_ping(l);
  send_bulk(l);
  while (l->head < l->tail && l->events[l->head % EVENTS_MAX].at_us < end) {
    event e = l->events[l->head++ % EVENTS_MAX];

    l->now_us = e.at_us;
    if (e.what == CREDIT) {
      assert_int_equal(atr_credit_consumed(&l->credit, ATR_LANE_BULK, e.value), 0);
      l->arrived = e.value;
    } else {
      assert_int_equal(atr_credit_pong(&l->credit, e.value, l->now_us), 0);
    }
    check_ping(l); /* stands before the bulk of the same batch */
    send_bulk(l);
  }
  l->now_us = end;
}

/* Rate as a share of the line's, over a time. */
static double use_of(line *l, uint64_t duration_us)
{
  uint64_t before = l->arrived;

  run(l, duration_us);
  return (double)(l->arrived - before) / ((double)duration_us * l->bytes_per_us);
}

static void check_line(double mbit, uint64_t round_trip_us, uint64_t queue_us_max)
{
  line *l = line_new(mbit, round_trip_us);
  double use;

  run(l, 3000000);
  l->queue_us = 0;
  use = use_of(l, 20000000);
  if (use < 0.93 || l->queue_us > queue_us_max)
    fail_msg("%g Mbit/s, %u us: %g of the line used, queue of %u us", mbit, (unsigned)round_trip_us, use,
             (unsigned)l->queue_us);
}

static void lines_are_full_and_queues_short(void **state)
{
  (void)state;
  check_line(20, 50000, 26000);
  check_line(20, 5000, 26000);
  check_line(100, 20000, 20000);
  check_line(100, 150000, 30000);
  check_line(10, 100000, 40000);
  check_line(1000, 300, 10000);
  check_line(1000, 20000, 20000);
}

/* Less than the least window: nothing better than that one can be had, but no worse either. */
static void a_very_slow_line_keeps_the_least_window(void **state)
{
  line *l = line_new(1, 40000);

  (void)state;
  run(l, 5000000);
  l->queue_us = 0;
  assert_true(use_of(l, 10000000) > 0.9);
  assert_true(l->queue_us < 280000);
  assert_true(atr_credit_window(&l->credit, l->now_us) <= 2 * ATR_WINDOW_MIN_BYTES);
}

static void the_first_moments_do_not_flood(void **state)
{
  line *l = line_new(20, 50000);

  (void)state;
  run(l, 2000000);
  assert_true(l->queue_us < 80000);
}

/* Cutting the rate to a fifth must not leave a queue for long, and a raised rate must be found. */
static void the_window_follows_a_line_that_changes(void **state)
{
  line *l = line_new(100, 30000);

  (void)state;
  run(l, 5000000);
  l->bytes_per_us = 20 / 8.0;
  run(l, 2000000);
  l->queue_us = 0;
  run(l, 2000000);
  assert_true(l->queue_us < 30000);
  l->bytes_per_us = 200 / 8.0;
  run(l, 4000000);
  assert_true(use_of(l, 5000000) > 0.9);
}

/* A line that becomes longer (another route) looks like one with a queue, until the least delay is forgotten. */
static void a_longer_route_is_learnt(void **state)
{
  line *l = line_new(50, 20000);

  (void)state;
  run(l, 5000000);
  l->one_way_us = 75000;
  run(l, 100000000);
  assert_true(atr_credit_least_us(&l->credit) >= 150000);
  assert_true(use_of(l, 10000000) > 0.9);
}

static void our_own_queue_is_not_taken_for_distance(void **state)
{
  line *l = line_new(20, 50000);

  (void)state;
  run(l, 300000000); /* ten periods of a busy line */
  assert_in_range(atr_credit_least_us(&l->credit), 49000, 60000);
  l->queue_us = 0;
  run(l, 20000000);
}

static void state_overtakes_bulk_and_leaves_it_a_share(void **state)
{
  atr_credit c;
  uint64_t window;

  (void)state;
  atr_credit_init(&c, 1);
  window = atr_credit_window(&c, 1);
  assert_int_equal(atr_credit_available(&c, ATR_LANE_BULK, 1), window);
  atr_credit_sent(&c, ATR_LANE_BULK, window);
  assert_int_equal(atr_credit_available(&c, ATR_LANE_BULK, 1), 0);
  assert_int_equal(atr_credit_available(&c, ATR_LANE_STATE, 1), window);
  atr_credit_sent(&c, ATR_LANE_STATE, window);
  assert_int_equal(atr_credit_available(&c, ATR_LANE_STATE, 1), 0);
  assert_int_equal(atr_credit_consumed(&c, ATR_LANE_BULK, window), 0);
  assert_int_equal(atr_credit_available(&c, ATR_LANE_BULK, 1), window / 8);
}

/* On a busy machine a process waits some ten milliseconds for its turn, whatever the window: it must not collapse. */
static void check_least_window(bool is_local, bool presence, uint64_t distance_us, uint64_t expected)
{
  atr_credit c;
  uint64_t now = 1000;

  atr_credit_init(&c, now);
  c.is_local = is_local;
  assert_int_equal(atr_credit_pong(&c, atr_credit_ping(&c, now), now + distance_us), 0);
  for (int i = 0; i < 100; i++) {
    if (presence)
      atr_credit_presence(&c, now);
    atr_credit_sent(&c, ATR_LANE_BULK, atr_credit_available(&c, ATR_LANE_BULK, now));
    (void)atr_credit_available(&c, ATR_LANE_BULK, now);
    assert_int_equal(atr_credit_pong(&c, atr_credit_ping(&c, now), now + 30000), 0);
    now += 40000;
    assert_int_equal(atr_credit_consumed(&c, ATR_LANE_BULK, c.bulk.sent), 0);
  }
  assert_int_equal(atr_credit_window(&c, now), expected);
}

static void a_near_peer_that_is_slow_to_answer_keeps_a_window(void **state)
{
  (void)state;
  check_least_window(false, false, 200, ATR_WINDOW_NEAR_BYTES);
  check_least_window(true, false, 200, ATR_WINDOW_LOCAL_BYTES);
  check_least_window(true, false, 2000, ATR_WINDOW_MIN_BYTES); /* the near end of a tunnel */
}

/* With a gigabyte beside it a cursor waited for a megabyte to be checked, twice. */
static void presence_makes_the_window_smaller_within_one_machine(void **state)
{
  (void)state;
  check_least_window(true, true, 200, ATR_WINDOW_NEAR_BYTES);
  check_least_window(false, true, 200, ATR_WINDOW_NEAR_BYTES); /* as without */
  check_least_window(true, true, 2000, ATR_WINDOW_MIN_BYTES);
}

/* Bytes that wait in balance on a line within one machine of 400 MB/s, with presence until `presence_until_us`. */
static uint64_t balance(uint64_t presence_until_us)
{
  const uint64_t rate = 400, least_us = 100; /* bytes per microsecond */
  atr_credit c;
  uint64_t now = 1000;

  atr_credit_init(&c, now);
  c.is_local = true;
  assert_int_equal(atr_credit_pong(&c, atr_credit_ping(&c, now), now + least_us), 0);
  for (now += 1000; now < 4000000; now += 5000) {
    uint64_t n = atr_credit_available(&c, ATR_LANE_BULK, now), token;

    if (now < presence_until_us)
      atr_credit_presence(&c, now);
    atr_credit_sent(&c, ATR_LANE_BULK, n);
    (void)atr_credit_available(&c, ATR_LANE_BULK, now);
    token = atr_credit_ping(&c, now);
    assert_int_equal(atr_credit_pong(&c, token, now + least_us + n / rate), 0);
    assert_int_equal(atr_credit_consumed(&c, ATR_LANE_BULK, c.bulk.sent), 0);
  }
  return atr_credit_window(&c, now);
}

static void the_window_is_for_bulk_alone_when_presence_has_ended(void **state)
{
  uint64_t without = balance(0), with = balance(UINT64_MAX);

  (void)state;
  assert_in_range(without, 1200000, 2000000);           /* 4 ms */
  assert_in_range(with, ATR_WINDOW_NEAR_BYTES, 600000); /* 1 ms */
  assert_in_range(balance(1000000), without * 9 / 10, without * 11 / 10);
}

static void what_cannot_be_is_an_error(void **state)
{
  atr_credit c;
  uint64_t token;

  (void)state;
  atr_credit_init(&c, 1);
  assert_int_equal(atr_credit_pong(&c, 0, 5), ATR_PROTO);
  token = atr_credit_ping(&c, 5);
  assert_int_equal(atr_credit_pong(&c, token + 1, 6), ATR_PROTO);
  assert_int_equal(atr_credit_pong(&c, token, 6), 0);
  assert_int_equal(atr_credit_pong(&c, token, 7), ATR_PROTO);
  atr_credit_sent(&c, ATR_LANE_BULK, 10);
  assert_int_equal(atr_credit_consumed(&c, ATR_LANE_BULK, 11), ATR_PROTO);
  assert_int_equal(atr_credit_consumed(&c, ATR_LANE_BULK, 10), 0);
  assert_int_equal(atr_credit_consumed(&c, ATR_LANE_BULK, 9), ATR_PROTO);
  assert_int_equal(atr_credit_consumed(&c, ATR_LANE_CONTROL, 0), ATR_PROTO);
  assert_int_equal(atr_credit_consumed(&c, 200, 0), ATR_PROTO);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lines_are_full_and_queues_short),
      cmocka_unit_test(a_very_slow_line_keeps_the_least_window),
      cmocka_unit_test(the_first_moments_do_not_flood),
      cmocka_unit_test(the_window_follows_a_line_that_changes),
      cmocka_unit_test(a_longer_route_is_learnt),
      cmocka_unit_test(our_own_queue_is_not_taken_for_distance),
      cmocka_unit_test(state_overtakes_bulk_and_leaves_it_a_share),
      cmocka_unit_test(a_near_peer_that_is_slow_to_answer_keeps_a_window),
      cmocka_unit_test(presence_makes_the_window_smaller_within_one_machine),
      cmocka_unit_test(the_window_is_for_bulk_alone_when_presence_has_ended),
      cmocka_unit_test(what_cannot_be_is_an_error),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
