/* SPDX-License-Identifier: MIT
 *
 * Who is asked for a blob: the first who offers it, and when that one goes, the next. Whoever offers what the server is just being sent waits, and
 * hears `have` with the others. The simulator meets this, too, but rarely enough to miss it. */
#include "room_test.h"

#include "base/hash.h"

static struct peer one, two, three;
static atr_hash blob;

static int begin_three(void **state)
{
  begin(state);
  assert_ok(atr_sha256_of("blob", 4, &blob));
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

static void send_blob(struct peer *peer)
{
  atr_msg_blob_data head = {.room = HANDLE, .hash = blob, .size = 4, .flags = ATR_BLOB_DATA_LAST};
  atr_buf msg;

  atr_buf_init(&msg, SIZE_MAX);
  assert_ok(atr_msg_write_blob_data_head(&msg, &head));
  assert_ok(atr_buf_append(&msg, "blob", 4));
  assert_ok(atr_room_receive(room, peer->member, ATR_LANE_BULK, atr_buf_span(&msg)));
  atr_buf_free(&msg);
}

static void assert_told(struct peer *peer, size_t statuses, int status)
{
  pull(peer);
  assert_int_equal(peer->statuses, statuses);
  assert_int_equal(peer->status, status);
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

/* AddressSanitizer has an allocator of its own. */
#ifndef __SANITIZE_ADDRESS__
static int calls_until_short;

void *__libc_calloc(size_t n, size_t size);

/* In place of the system's, for all of this program. */
void *calloc(size_t n, size_t size)
{
  if (calls_until_short > 0 && --calls_until_short == 0)
    return NULL;
  return __libc_calloc(n, size);
}

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
      cmocka_unit_test_setup_teardown(an_offer_that_is_said_again_is_the_same_offer, begin_three, end),
#ifndef __SANITIZE_ADDRESS__
      cmocka_unit_test_setup_teardown(who_cannot_be_asked_begins_anew_and_the_next_is_asked, begin_three, end),
#endif
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
