/* SPDX-License-Identifier: MIT
 *
 * Frames: whatever the pieces in which bytes arrive, the same messages come out; lanes interleave; each limit holds and
 * each malformed header has its error. */
#include "test.h"

#include "proto/frame.h"

struct sink {
  atr_buf got; /* per message: lane u8, length u32, bytes */
  int messages;
  int result;
  const uint8_t *last; /* where the last message lay */
};

static int keep(void *ctx, enum atr_lane lane, const uint8_t *msg, size_t len)
{
  struct sink *sink = ctx;

  sink->messages++;
  sink->last = msg;
  atr_buf_append_u8(&sink->got, (uint8_t)lane);
  atr_buf_append_u32(&sink->got, (uint32_t)len);
  atr_buf_append(&sink->got, msg, len);
  return sink->result;
}

static void sink_init(struct sink *sink)
{
  memset(sink, 0, sizeof *sink);
  atr_buf_init(&sink->got, SIZE_MAX);
}

static int feed(const char *hex, struct sink *sink)
{
  uint8_t bytes[256];
  size_t n = test_unhex(hex, bytes, sizeof bytes);
  atr_frame_reader *reader = atr_frame_reader_new();
  int err = atr_frame_reader_feed(reader, bytes, n, keep, sink);

  atr_frame_reader_free(reader);
  return err;
}

/* ATR_FRAME_BYTES_MAX among them. */
static void malformed_headers_are_refused(void **state)
{
  static const struct {
    const char *hex;
    int err;
  } cases[] = {{"04 0001 00", ATR_PROTO},            /* a reserved bit */
               {"20 0001 00", ATR_PROTO},            /* another one */
               {"42 0000", ATR_PROTO},               /* breaks off what has not begun */
               {"82 0001 22 42 0001 00", ATR_PROTO}, /* and says something */
               {"82 0001 22 c2 0000", ATR_PROTO},    /* or that it goes on */
               {"82 0001 22 41 0000", ATR_PROTO},    /* of another lane */
               {"00 0000", ATR_PROTO},               /* empty payload */
               {"02 fffe", ATR_FRAME_SIZE},          /* 65,534 bytes of payload: a frame of 65,537 */
               {"02 ffff", ATR_FRAME_SIZE},          /* more */
               {"02 fffd", ATR_OK},                  /* the longest frame; its payload has not arrived */
               {"01 1001", ATR_MESSAGE_SIZE},        /* presence above 4 KiB is refused when it is announced */
               {"81 0fff", ATR_OK}};
  struct sink sink;

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    sink_init(&sink);
    assert_err(feed(cases[i].hex, &sink), cases[i].err);
    assert_int_equal(sink.messages, 0);
  }
}

static void an_error_stays(void **state)
{
  static const uint8_t bad[] = {0x04, 0, 1, 0}, good[] = {0, 0, 1, 7};
  atr_frame_reader *reader = atr_frame_reader_new();
  struct sink sink;

  (void)state;
  sink_init(&sink);
  assert_err(atr_frame_reader_feed(reader, bad, sizeof bad, keep, &sink), ATR_PROTO);
  assert_err(atr_frame_reader_feed(reader, good, sizeof good, keep, &sink), ATR_PROTO);
  assert_int_equal(sink.messages, 0);
  atr_frame_reader_free(reader);
}

static void a_whole_message_is_not_copied(void **state)
{
  static const uint8_t frame[] = {0, 0, 2, 7, 8};
  atr_frame_reader *reader = atr_frame_reader_new();
  struct sink sink;

  (void)state;
  sink_init(&sink);
  assert_ok(atr_frame_reader_feed(reader, frame, sizeof frame, keep, &sink));
  assert_ptr_equal(sink.last, frame + 3);
  assert_int_equal(atr_frame_reader_held(reader), 0);
  atr_buf_free(&sink.got);
  atr_frame_reader_free(reader);
}

static void a_callback_stops_and_the_rest_is_fed_later(void **state)
{
  static const uint8_t frames[] = {0, 0, 1, 1, 0, 0, 1, 2, 0, 0, 1, 3};
  atr_frame_reader *reader = atr_frame_reader_new();
  struct sink sink;

  (void)state;
  sink_init(&sink);
  sink.result = ATR_FRAME_STOP;
  assert_int_equal(atr_frame_reader_feed(reader, frames, sizeof frames, keep, &sink), ATR_FRAME_STOP);
  assert_int_equal(atr_frame_reader_used(reader), 4);
  sink.result = 0;
  assert_ok(atr_frame_reader_feed(reader, frames + 4, sizeof frames - 4, keep, &sink));
  assert_int_equal(sink.messages, 3);
  sink.result = ATR_DENIED;
  assert_err(atr_frame_reader_feed(reader, frames, sizeof frames, keep, &sink), ATR_DENIED);
  assert_int_equal(sink.messages, 4);
  atr_buf_free(&sink.got);
  atr_frame_reader_free(reader);
}

/* --- limits ------------------------------------------------------------------------------------------------------ */

static int feed_message(enum atr_lane lane, size_t len, int *messages)
{
  atr_frame_reader *reader = atr_frame_reader_new();
  uint8_t *msg = calloc(1, len);
  struct sink sink;
  atr_buf wire;
  int err;

  sink_init(&sink);
  atr_buf_init(&wire, SIZE_MAX);
  assert_ok(atr_frame_append(&wire, lane, msg, len));
  assert_int_equal(wire.len, atr_frame_size(len));
  err = atr_frame_reader_feed(reader, wire.data, wire.len, keep, &sink);
  *messages = sink.messages;
  atr_buf_free(&sink.got);
  atr_buf_free(&wire);
  free(msg);
  atr_frame_reader_free(reader);
  return err;
}

static void each_lane_has_its_limit(void **state)
{
  static const size_t limits[ATR_LANES] = {ATR_CONTROL_BYTES_MAX, ATR_PRESENCE_BYTES_MAX, ATR_MESSAGE_BYTES_MAX,
                                           ATR_BULK_BYTES_MAX};
  int messages;

  (void)state;
  for (int lane = 0; lane < ATR_LANES; lane++) {
    assert_ok(feed_message((enum atr_lane)lane, limits[lane], &messages));
    assert_int_equal(messages, 1);
    assert_err(feed_message((enum atr_lane)lane, limits[lane] + 1, &messages), ATR_MESSAGE_SIZE);
    assert_int_equal(messages, 0);
  }
}

static void a_lane_can_be_limited_further(void **state)
{
  static const uint8_t frame[] = {0, 0, 3, 1, 2, 3};
  atr_frame_reader *reader = atr_frame_reader_new();
  struct sink sink;

  (void)state;
  sink_init(&sink);
  atr_frame_reader_limit(reader, ATR_LANE_CONTROL, 2);
  assert_err(atr_frame_reader_feed(reader, frame, sizeof frame, keep, &sink), ATR_MESSAGE_SIZE);
  atr_frame_reader_free(reader);
}

static void an_announced_length_costs_no_memory(void **state)
{
  static const uint8_t start[] = {0x82, 0xff, 0xfd, 1, 2, 3};
  atr_frame_reader *reader = atr_frame_reader_new();
  struct sink sink;

  (void)state;
  sink_init(&sink);
  assert_ok(atr_frame_reader_feed(reader, start, sizeof start, keep, &sink));
  assert_int_equal(atr_frame_reader_held(reader), 3);
  atr_frame_reader_free(reader);
}

/* --- any pieces, any interleaving ---------------------------------------------------------------------------------- */

enum { MESSAGES = 60 };

struct outgoing {
  enum atr_lane lane;
  size_t len, at;
  uint8_t *bytes;
};

static void make_messages(struct outgoing *out, uint64_t *random)
{
  for (int i = 0; i < MESSAGES; i++) {
    out[i].lane = (enum atr_lane)test_below(random, ATR_LANES);
    out[i].len = 1 + test_below(random, out[i].lane == ATR_LANE_PRESENCE ? 4096 : 1u << test_below(random, 17));
    if (out[i].lane == ATR_LANE_BULK && out[i].len > ATR_BULK_BYTES_MAX)
      out[i].len = ATR_BULK_BYTES_MAX;
    out[i].at = 0;
    out[i].bytes = malloc(out[i].len);
    for (size_t j = 0; j < out[i].len; j++)
      out[i].bytes[j] = (uint8_t)test_random(random);
  }
}

/* The next message of a lane that is not all sent. */
static struct outgoing *next_of(struct outgoing *out, int lane)
{
  for (int i = 0; i < MESSAGES; i++)
    if ((int)out[i].lane == lane && out[i].at < out[i].len)
      return &out[i];
  return NULL;
}

/* Fragments of random size, lanes at random; `expected` gets the messages in the order in which they end. */
static void interleave(struct outgoing *out, atr_buf *wire, atr_buf *expected, uint64_t *random)
{
  for (int left = MESSAGES; left;) {
    struct outgoing *o = next_of(out, (int)test_below(random, ATR_LANES));
    bool last = false;

    if (!o)
      continue;
    assert_ok(atr_frame_append_part(wire, o->lane, o->bytes, o->len, &o->at, 1 + test_below(random, 70000), &last));
    if (!last)
      continue;
    left--;
    atr_buf_append_u8(expected, (uint8_t)o->lane);
    atr_buf_append_u32(expected, (uint32_t)o->len);
    atr_buf_append(expected, o->bytes, o->len);
  }
}

static void one_round(uint64_t *random)
{
  struct outgoing out[MESSAGES];
  atr_frame_reader *reader = atr_frame_reader_new();
  atr_buf wire, expected;
  struct sink sink;
  size_t piece_max = 1u << test_below(random, 18);

  sink_init(&sink);
  atr_buf_init(&wire, SIZE_MAX);
  atr_buf_init(&expected, SIZE_MAX);
  make_messages(out, random);
  interleave(out, &wire, &expected, random);
  for (size_t at = 0; at < wire.len;) {
    size_t n = 1 + test_below(random, piece_max);

    n = n < wire.len - at ? n : wire.len - at;
    assert_ok(atr_frame_reader_feed(reader, wire.data + at, n, keep, &sink));
    assert_int_equal(atr_frame_reader_used(reader), n);
    at += n;
  }
  assert_int_equal(sink.messages, MESSAGES);
  assert_true(atr_span_equal(atr_buf_span(&sink.got), atr_buf_span(&expected)));
  assert_int_equal(atr_frame_reader_held(reader), 0);
  for (int i = 0; i < MESSAGES; i++)
    free(out[i].bytes);
  atr_buf_free(&sink.got);
  atr_buf_free(&wire);
  atr_buf_free(&expected);
  atr_frame_reader_free(reader);
}

static void pieces_and_interleaving_change_nothing(void **state)
{
  uint64_t random = test_seed();

  (void)state;
  for (int i = 0; i < 60; i++)
    one_round(&random);
}

static void built_in_place_equals_appended(void **state)
{
  static const size_t lens[] = {1, 2, 65532, 65533, 65534, 131066, 131067, 300000};
  atr_buf appended, in_place;
  uint64_t random = test_seed();

  (void)state;
  atr_buf_init(&appended, SIZE_MAX);
  atr_buf_init(&in_place, SIZE_MAX);
  for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
    uint8_t *msg = malloc(lens[i]);
    size_t mark;

    for (size_t j = 0; j < lens[i]; j++)
      msg[j] = (uint8_t)test_random(&random);
    assert_ok(atr_frame_append(&appended, ATR_LANE_STATE, msg, lens[i]));
    assert_ok(atr_frame_begin(&in_place, &mark));
    assert_ok(atr_buf_append(&in_place, msg, lens[i]));
    assert_ok(atr_frame_end(&in_place, mark, ATR_LANE_STATE));
    free(msg);
  }
  assert_true(atr_span_equal(atr_buf_span(&appended), atr_buf_span(&in_place)));
  atr_buf_free(&appended);
  atr_buf_free(&in_place);
}

static void a_message_is_written_whole_or_not_at_all(void **state)
{
  static const uint8_t msg[100] = {0};
  atr_buf out;
  size_t mark;

  (void)state;
  atr_buf_init(&out, 110);
  assert_ok(atr_buf_append(&out, "1234567", 7));
  assert_ok(atr_frame_append(&out, ATR_LANE_CONTROL, msg, 100));
  atr_buf_truncate(&out, 8);
  assert_err(atr_frame_append(&out, ATR_LANE_CONTROL, msg, 100), ATR_LIMIT);
  assert_int_equal(out.len, 8);
  assert_err(atr_frame_append(&out, ATR_LANE_CONTROL, msg, 0), ATR_INVAL);
  assert_ok(atr_frame_begin(&out, &mark));
  assert_err(atr_frame_end(&out, mark, ATR_LANE_CONTROL), ATR_INVAL);
  assert_int_equal(out.len, 8);
  atr_buf_free(&out);
}

/* The next one on that lane is whole again, and messages of other lanes never noticed. */
static void what_is_broken_off_counts_for_nothing(void **state)
{
  struct sink sink;
  atr_buf out;

  (void)state;
  sink_init(&sink);
  assert_ok(feed("82 0002 2200 81 0001 10 42 0000 02 0002 2201 01 0001 11", &sink));
  assert_int_equal(sink.messages, 2);
  assert_memory_equal(sink.got.data, "\x02\0\0\0\x02\x22\x01\x01\0\0\0\x02\x10\x11", sink.got.len);
  atr_buf_free(&sink.got);
  atr_buf_init(&out, SIZE_MAX);
  assert_ok(atr_frame_break(&out, ATR_LANE_STATE));
  assert_int_equal(out.len, 3);
  assert_memory_equal(out.data, "\x42\0\0", 3);
  assert_false(atr_frame_is_within(out.data, out.len));
  atr_buf_free(&out);
}

/* A frame was left in the buffer without its header, with whatever the memory held, where the buffer was full in the middle of a message. */
static void a_message_that_did_not_fit_leaves_nothing_behind(void **state)
{
  static const uint8_t msg[100] = {0};
  atr_buf out;
  size_t mark;
  int err;

  (void)state;
  atr_buf_init(&out, 20);
  assert_ok(atr_frame_append(&out, ATR_LANE_CONTROL, msg, 5));
  assert_ok(atr_frame_begin(&out, &mark));
  assert_ok(atr_buf_append(&out, msg, 4));
  err = atr_buf_append(&out, msg, 100);
  assert_err(atr_frame_finish(&out, mark, ATR_LANE_CONTROL, err), ATR_LIMIT);
  assert_int_equal(out.len, 8);
  assert_ok(atr_frame_begin(&out, &mark));
  assert_ok(atr_frame_finish(&out, mark, ATR_LANE_CONTROL, atr_buf_append(&out, msg, 4)));
  assert_memory_equal(out.data + 8, "\0\0\4", 3);
  atr_buf_free(&out);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(malformed_headers_are_refused),
      cmocka_unit_test(an_error_stays),
      cmocka_unit_test(what_is_broken_off_counts_for_nothing),
      cmocka_unit_test(a_message_that_did_not_fit_leaves_nothing_behind),
      cmocka_unit_test(a_whole_message_is_not_copied),
      cmocka_unit_test(a_callback_stops_and_the_rest_is_fed_later),
      cmocka_unit_test(each_lane_has_its_limit),
      cmocka_unit_test(a_lane_can_be_limited_further),
      cmocka_unit_test(an_announced_length_costs_no_memory),
      cmocka_unit_test(pieces_and_interleaving_change_nothing),
      cmocka_unit_test(built_in_place_equals_appended),
      cmocka_unit_test(a_message_is_written_whole_or_not_at_all),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
