/* SPDX-License-Identifier: MIT
 *
 * Several rooms on one connection. Each has its turn, a busy one too; nothing comes between the fragments of a message; and the message of one that
 * has gone in its middle is broken off, so that the next one's is not taken for its rest: that ended connections. */
#include "test.h"

#include "proto/frame.h"
#include "session/turns.h"

enum { ENDLESS = 1 << 20, FRAGMENTS = 4 };

/* Has messages of FRAGMENTS frames each, whose first byte is its name; frames of `frame_bytes`. */
typedef struct room {
  atr_turn turn;
  char name;
  size_t frame_bytes;
  int left; /* frames */
  int at;   /* fragments of the present message that were sent */
} room;

static atr_turns turns;
static room a, b;

static int64_t pull_room(void *ctx, int lane, atr_buf *out, size_t budget)
{
  static uint8_t payload[4096];
  size_t start = out->len;
  room *r = ctx;

  payload[0] = (uint8_t)r->name;
  while (r->left && out->len - start < budget) {
    uint8_t header[ATR_FRAME_HEADER_BYTES] = {(uint8_t)lane};

    r->at = (r->at + 1) % FRAGMENTS;
    header[0] |= (uint8_t)(r->at ? ATR_FRAME_MORE : 0);
    atr_put_u16(header + 1, (uint16_t)r->frame_bytes);
    assert_ok(atr_buf_append(out, header, sizeof header));
    assert_ok(atr_buf_append(out, payload, r->frame_bytes));
    r->left--;
  }
  return (int64_t)(out->len - start);
}

static int64_t fail_room(void *ctx, int lane, atr_buf *out, size_t budget)
{
  (void)ctx;
  (void)lane;
  (void)out;
  (void)budget;
  return ATR_LIMIT;
}

/* Names of the messages that arrived whole, in order. */
typedef struct sink {
  char names[256];
  int n;
} sink;

static int keep(void *ctx, enum atr_lane lane, const uint8_t *msg, size_t len)
{
  sink *s = ctx;

  (void)lane;
  for (size_t at = 0; at < len; at += len / FRAGMENTS)
    assert_int_equal(msg[at], msg[0]); /* no fragment of another one */
  s->names[s->n++] = (char)msg[0];
  return 0;
}

static int begin(void **state)
{
  (void)state;
  memset(&turns, 0, sizeof turns);
  a = (room){.name = 'a', .frame_bytes = 100, .left = ENDLESS};
  b = (room){.name = 'b', .frame_bytes = 100, .left = ENDLESS};
  atr_turns_add(&turns, &a.turn, pull_room, &a);
  atr_turns_add(&turns, &b.turn, pull_room, &b);
  return 0;
}

static void take(atr_frame_reader *reader, int lane, size_t budget, sink *to)
{
  atr_buf out;

  atr_buf_init(&out, SIZE_MAX);
  assert_true(atr_turns_pull(&turns, lane, &out, budget) == (int64_t)out.len);
  assert_ok(atr_frame_reader_feed(reader, out.data, out.len, keep, to));
  atr_buf_free(&out);
}

static void a_busy_one_does_not_starve_the_other(void **state)
{
  atr_frame_reader *reader = atr_frame_reader_new();
  sink got = {.n = 0};

  (void)state;
  for (int i = 0; i < 40; i++)
    take(reader, ATR_LANE_STATE, 300, &got);
  assert_true(got.n > 10);
  for (int i = 0; i + 1 < got.n; i++)
    assert_int_not_equal(got.names[i], got.names[i + 1]);
  atr_frame_reader_free(reader);
}

/* On every lane for itself. */
static void what_one_has_not_the_other_takes(void **state)
{
  atr_frame_reader *reader = atr_frame_reader_new();
  sink got = {.n = 0};

  (void)state;
  a.left = FRAGMENTS;
  b.left = 2 * FRAGMENTS;
  take(reader, ATR_LANE_STATE, 10000, &got);
  take(reader, ATR_LANE_BULK, 10000, &got);
  assert_int_equal(got.n, 3);
  assert_string_equal(got.names, "abb");
  take(reader, ATR_LANE_STATE, 10000, &got);
  assert_int_equal(got.n, 3);
  atr_frame_reader_free(reader);
}

static void the_message_of_one_that_has_gone_is_broken_off(void **state)
{
  atr_frame_reader *reader = atr_frame_reader_new();
  sink got = {.n = 0};

  (void)state;
  take(reader, ATR_LANE_STATE, 1, &got);
  atr_turns_remove(&turns, &a.turn);
  assert_int_equal(got.n, 0);
  for (int i = 0; i < FRAGMENTS + 1; i++)
    take(reader, ATR_LANE_STATE, 1, &got);
  assert_string_equal(got.names, "b");
  atr_turns_remove(&turns, &b.turn); /* the last one, in the middle of its second */
  take(reader, ATR_LANE_STATE, 1, &got);
  assert_int_equal(atr_frame_reader_held(reader), 0);
  a.at = b.at = 0;
  atr_turns_add(&turns, &b.turn, pull_room, &b);
  take(reader, ATR_LANE_STATE, 1, &got);
  atr_turns_remove(&turns, &b.turn); /* and somebody else goes before the connection has asked */
  atr_turns_add(&turns, &a.turn, pull_room, &a);
  atr_turns_remove(&turns, &a.turn);
  take(reader, ATR_LANE_STATE, 1, &got);
  assert_int_equal(atr_frame_reader_held(reader), 0);
  assert_int_equal(got.n, 1);
  atr_frame_reader_free(reader);
}

/* One that comes in the middle of another's message waits; it stood first in the list, and was asked first. */
static void who_comes_waits_for_the_end_of_the_message(void **state)
{
  atr_frame_reader *reader = atr_frame_reader_new();
  sink got = {.n = 0};

  (void)state;
  atr_turns_remove(&turns, &a.turn);
  take(reader, ATR_LANE_STATE, 1, &got);
  atr_turns_add(&turns, &a.turn, pull_room, &a);
  for (int i = 0; i < 3 * FRAGMENTS; i++)
    take(reader, ATR_LANE_STATE, 1, &got);
  assert_string_equal(got.names, "bab");
  atr_frame_reader_free(reader);
}

static void another_connection_begins_anew(void **state)
{
  atr_frame_reader *reader = atr_frame_reader_new(), *next = atr_frame_reader_new();
  sink got = {.n = 0};

  (void)state;
  take(reader, ATR_LANE_STATE, 1, &got);
  atr_turns_reset(&turns);
  a.at = 0;
  atr_turns_remove(&turns, &a.turn);
  take(next, ATR_LANE_STATE, 10000, &got);
  assert_int_equal(got.names[0], 'b');
  atr_frame_reader_free(reader);
  atr_frame_reader_free(next);
}

static void an_error_of_one_is_everybodys(void **state)
{
  atr_buf out;

  (void)state;
  atr_buf_init(&out, SIZE_MAX);
  a.turn.pull = fail_room;
  assert_int_equal(atr_turns_pull(&turns, ATR_LANE_STATE, &out, 1), ATR_LIMIT);
  atr_buf_free(&out);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_busy_one_does_not_starve_the_other, begin),
      cmocka_unit_test_setup(what_one_has_not_the_other_takes, begin),
      cmocka_unit_test_setup(the_message_of_one_that_has_gone_is_broken_off, begin),
      cmocka_unit_test_setup(who_comes_waits_for_the_end_of_the_message, begin),
      cmocka_unit_test_setup(another_connection_begins_anew, begin),
      cmocka_unit_test_setup(an_error_of_one_is_everybodys, begin),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
