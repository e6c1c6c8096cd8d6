/* SPDX-License-Identifier: MIT
 *
 * Who is asked for a blob: the first who offers it, and when that one goes, the next. Whoever offers what the server is just being sent waits, and
 * hears `have` with the others. The simulator meets this, too, but rarely enough to miss it. */
#include "room_test.h"
#include "short_memory.h"

#include "base/hash.h"

static struct peer one, two, three;
static const char *text; /* of four bytes */
static atr_hash blob;    /* its name */

static void take(const char *chosen)
{
  text = chosen;
  assert_ok(atr_sha256_of(text, 4, &blob));
}

static int begin_three(void **state)
{
  begin(state);
  take("blob");
  join(&one, 0);
  join(&two, 1);
  join(&three, 2);
  return 0;
}

static void offer(struct peer *peer)
{
  atr_blob_offer offer = {.hash = blob, .size = 4};
  atr_buf msg;

  atr_buf_init(&msg, SIZE_MAX);
  assert_ok(atr_msg_write_blob_offer(&msg, HANDLE, &offer, 1));
  assert_ok(atr_room_receive(room, peer->member, ATR_LANE_CONTROL, atr_buf_span(&msg)));
  atr_buf_free(&msg);
}

static void get(struct peer *peer)
{
  atr_blob_get get = {.hash = blob};
  atr_buf msg;

  atr_buf_init(&msg, SIZE_MAX);
  assert_ok(atr_msg_write_blob_get(&msg, HANDLE, &get, 1));
  assert_ok(atr_room_receive(room, peer->member, ATR_LANE_CONTROL, atr_buf_span(&msg)));
  atr_buf_free(&msg);
}

static void send_blob(struct peer *peer)
{
  atr_msg_blob_data head = {.room = HANDLE, .hash = blob, .size = 4, .flags = ATR_BLOB_DATA_LAST};
  atr_buf msg;

  atr_buf_init(&msg, SIZE_MAX);
  assert_ok(atr_msg_write_blob_data_head(&msg, &head));
  assert_ok(atr_buf_append(&msg, text, 4));
  assert_ok(atr_room_receive(room, peer->member, ATR_LANE_BULK, atr_buf_span(&msg)));
  atr_buf_free(&msg);
}

static void assert_told(struct peer *peer, size_t statuses, int status)
{
  pull(peer);
  assert_int_equal(peer->statuses, statuses);
  assert_int_equal(peer->status, status);
}

static void offer_and_send(struct peer *peer, const char *chosen)
{
  take(chosen);
  offer(peer);
  send_blob(peer);
}

static void the_first_is_asked_and_all_hear_of_its_end(void **state)
{
  (void)state;
  offer(&one);
  offer(&two);
  assert_told(&one, 1, ATR_BLOB_STATUS_WANT);
  assert_told(&two, 0, 0);
  send_blob(&one);
  assert_told(&one, 2, ATR_BLOB_STATUS_HAVE);
  assert_told(&two, 1, ATR_BLOB_STATUS_HAVE);
  assert_told(&three, 0, 0);
  leave(&one);
  leave(&two);
  leave(&three);
}

static void the_next_is_asked_when_the_sender_leaves(void **state)
{
  (void)state;
  offer(&one);
  offer(&two);
  offer(&three);
  leave(&one);
  assert_told(&two, 1, ATR_BLOB_STATUS_WANT);
  assert_told(&three, 0, 0);
  leave(&two);
  assert_told(&three, 1, ATR_BLOB_STATUS_WANT);
  send_blob(&three);
  assert_told(&three, 2, ATR_BLOB_STATUS_HAVE);
  leave(&three);
}

/* Its connection was told of the place that it left, over which it was forgotten: in the server that was memory of nobody's. */
static void who_was_taken_over_is_not_woken(void **state)
{
  struct peer again;

  (void)state;
  assert_ok(atr_blobs_ref(blobs, &blob)); /* as a document does that was brought back by somebody who lacks it */
  get(&two);
  offer(&one);
  assert_told(&one, 1, ATR_BLOB_STATUS_WANT);
  join(&again, 0);
  assert_true(one.evicted);
  atr_frame_reader_free(one.reader);
  offer(&again);
  assert_told(&again, 2, ATR_BLOB_STATUS_WANT);
  leave(&again);
  leave(&two);
  leave(&three);
  atr_blobs_unref(blobs, &blob);
}

/* Each time counted as one more, until it was one too many. */
static void an_offer_that_is_said_again_is_the_same_offer(void **state)
{
  (void)state;
  offer(&one);
  for (uint32_t i = 0; i < 2 * ATR_OFFERS_MAX; i++)
    offer(&two);
  send_blob(&one);
  assert_told(&two, 1, ATR_BLOB_STATUS_HAVE);
  leave(&one);
  leave(&two);
  leave(&three);
}

static int begin_small(void **state)
{
  room_config.blob_bytes_max = 10; /* instead of ATR_ROOM_BLOB_BYTES_MAX */
  return begin_three(state);
}

/* A member could fill the server's memory, with blobs that cost it a few bytes each. Whatever is offered at the same time finds room. */
static void a_room_that_is_full_takes_no_more_blobs(void **state)
{
  (void)state;
  for (int i = 0; i < 3; i++) {
    take((const char *[]){"aaaa", "bbbb", "cccc"}[i]);
    offer(&one);
  }
  assert_told(&one, 3, ATR_BLOB_STATUS_WANT);
  for (int i = 0; i < 3; i++) {
    take((const char *[]){"aaaa", "bbbb", "cccc"}[i]);
    send_blob(&one);
    assert_told(&one, 4 + (size_t)i, i < 2 ? ATR_BLOB_STATUS_HAVE : ATR_BLOB_STATUS_REFUSED);
  }
  assert_false(atr_blobs_have(blobs, &blob));
  take("dddd");
  offer(&one);
  assert_told(&one, 7, ATR_BLOB_STATUS_REFUSED);
  leave(&one); /* it named none of them */
  offer(&two);
  assert_told(&two, 1, ATR_BLOB_STATUS_WANT);
  leave(&two);
  leave(&three);
}

static int begin_with_few_holds(void **state)
{
  room_config.holds_bytes_max = 8; /* instead of ATR_HOLDS_BYTES_MAX */
  return begin_three(state);
}

static void what_is_held_for_a_member_is_bounded_in_bytes(void **state)
{
  (void)state;
  offer_and_send(&one, "aaaa");
  offer_and_send(&one, "bbbb");
  assert_int_equal(atr_blobs_bytes(blobs), 8);
  offer_and_send(&one, "cccc");
  assert_int_equal(atr_blobs_bytes(blobs), 8);
  assert_true(atr_blobs_have(blobs, &blob));
  take("aaaa");
  assert_false(atr_blobs_have(blobs, &blob));
  leave(&one);
  leave(&two);
  leave(&three);
}

#ifdef SHORT_MEMORY
/* Who offered and then was forgotten waited for an answer that never came. */
static void who_cannot_be_asked_begins_anew_and_the_next_is_asked(void **state)
{
  atr_buf out;

  (void)state;
  offer(&one);
  offer(&two);
  offer(&three);
  pull(&two);
  calls_until_short = 1;
  leave(&one);
  assert_int_equal(calls_until_short, 0);
  atr_buf_init(&out, SIZE_MAX);
  assert_err((int)atr_room_pull(two.member, ATR_LANE_STATE, &out, 1 << 16), ATR_NOMEM);
  atr_buf_free(&out);
  assert_told(&three, 1, ATR_BLOB_STATUS_WANT);
  leave(&two);
  send_blob(&three);
  assert_told(&three, 2, ATR_BLOB_STATUS_HAVE);
  leave(&three);
}
#endif

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(the_first_is_asked_and_all_hear_of_its_end, begin_three, end),
      cmocka_unit_test_setup_teardown(the_next_is_asked_when_the_sender_leaves, begin_three, end),
      cmocka_unit_test_setup_teardown(who_was_taken_over_is_not_woken, begin_three, end),
      cmocka_unit_test_setup_teardown(an_offer_that_is_said_again_is_the_same_offer, begin_three, end),
      cmocka_unit_test_setup_teardown(a_room_that_is_full_takes_no_more_blobs, begin_small, end),
      cmocka_unit_test_setup_teardown(what_is_held_for_a_member_is_bounded_in_bytes, begin_with_few_holds, end),
#ifdef SHORT_MEMORY
      cmocka_unit_test_setup_teardown(who_cannot_be_asked_begins_anew_and_the_next_is_asked, begin_three, end),
#endif
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
