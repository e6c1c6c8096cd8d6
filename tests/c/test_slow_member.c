/* SPDX-License-Identifier: MIT
 *
 * A member that does not read for a while, and what others make the room tell it meanwhile: who is here, which blobs are sought. It was all queued, which
 * cut the innocent when a bound was reached, or left half a frame behind. Now each is written when the member has room for it: the newest, once. */
#include "room_test.h"

#include "base/hash.h"

enum { OFTEN = 20000, ASKERS = 4, SOUGHT = ASKERS * 15000 };

static struct peer slow, other;

static int begin_two(void **state)
{
  begin(state);
  join(&slow, 0);
  join(&other, 1);
  pull(&slow);
  pull(&other);
  return 0;
}

static int end_two(void **state)
{
  leave(&slow);
  leave(&other);
  return end(state);
}

/* OFTEN lists of some 500 bytes are more than the 4 MiB that a control queue holds. */
static void who_is_here_is_told_once_however_often_it_has_changed(void **state)
{
  size_t memory = atr_room_memory(room), before = slow.jsons;
  struct peer guest;

  (void)state;
  for (uint32_t i = 0; i < OFTEN; i++) {
    assert_ok(try_join(&guest, 2));
    leave_as(&guest, true);
  }
  assert_true(atr_room_memory(room) < memory + 4096);
  pull(&slow);
  assert_int_equal(slow.jsons, before + 1);
  assert_null(strstr(slow.json, "\"member\":3"));
  pull(&slow);
  assert_int_equal(slow.jsons, before + 1);
  assert_ok(try_join(&guest, 2));
  pull(&slow);
  assert_int_equal(slow.jsons, before + 2);
  assert_non_null(strstr(slow.json, "\"member\":3"));
  leave(&guest);
}

static void get(struct peer *peer, const atr_hash *hash)
{
  atr_blob_get one = {.hash = *hash};
  atr_buf msg;

  atr_buf_init(&msg, SIZE_MAX);
  assert_ok(atr_msg_write_blob_get(&msg, HANDLE, &one, 1));
  assert_ok(atr_room_receive(room, peer->member, ATR_LANE_CONTROL, atr_buf_span(&msg)));
  atr_buf_free(&msg);
}

static void blobs_named(uint32_t from, uint32_t n, bool named)
{
  for (uint32_t i = from; i < from + n; i++) {
    atr_hash hash;

    assert_ok(atr_sha256_of(&i, sizeof i, &hash));
    if (named)
      assert_ok(atr_blobs_ref(blobs, &hash)); /* as a document that was brought back does */
    else
      atr_blobs_unref(blobs, &hash);
  }
}

/* One member may wait for ATR_GETS_MAX of them: ASKERS together want all. */
static void ask_for(struct peer *askers, uint32_t from, uint32_t n)
{
  for (uint32_t i = from; i < from + n; i++) {
    atr_hash hash;

    assert_ok(atr_sha256_of(&i, sizeof i, &hash));
    get(&askers[i % ASKERS], &hash);
  }
}

static void thousands_of_sought_blobs_are_told_by_and_by(void **state)
{
  struct peer late, askers[ASKERS];

  (void)state;
  for (uint32_t i = 0; i < ASKERS; i++)
    join(&askers[i], 3 + i);
  blobs_named(0, SOUGHT + 2, true);
  ask_for(askers, 0, SOUGHT);
  pull(&slow);
  assert_int_equal(slow.statuses, SOUGHT);
  assert_int_equal(slow.status, ATR_BLOB_STATUS_SOUGHT);
  ask_for(askers, SOUGHT, 2);
  pull(&slow);
  assert_int_equal(slow.statuses, SOUGHT + 2);
  join(&late, 2);
  assert_int_equal(late.statuses, SOUGHT + 2);
  leave(&late);
  for (uint32_t i = 0; i < ASKERS; i++)
    leave(&askers[i]);
  blobs_named(0, SOUGHT + 2, false);
}

static void offer_sought(struct peer *peer, const atr_hash *hash)
{
  atr_blob_offer offer = {.hash = *hash, .size = 4};
  atr_buf msg;

  atr_buf_init(&msg, SIZE_MAX);
  assert_ok(atr_msg_write_blob_offer(&msg, HANDLE, &offer, 1));
  assert_ok(atr_room_receive(room, peer->member, ATR_LANE_CONTROL, atr_buf_span(&msg)));
  atr_buf_free(&msg);
}

/* Nobody who has it would offer it again of himself. */
static void a_blob_is_sought_again_when_who_was_sending_it_leaves(void **state)
{
  struct peer sender;
  atr_hash hash;
  uint32_t number = 0;

  (void)state;
  assert_ok(atr_sha256_of(&number, sizeof number, &hash));
  blobs_named(0, 1, true);
  join(&sender, 2);
  get(&other, &hash);
  pull(&slow);
  assert_int_equal(slow.statuses, 1);
  offer_sought(&sender, &hash);
  pull(&sender);
  assert_int_equal(sender.status, ATR_BLOB_STATUS_WANT);
  leave(&sender);
  pull(&slow);
  assert_int_equal(slow.statuses, 2);
  assert_int_equal(slow.status, ATR_BLOB_STATUS_SOUGHT);
  leave(&other);
  other.reader = NULL;
  other.member = NULL;
  blobs_named(0, 1, false);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(who_is_here_is_told_once_however_often_it_has_changed, begin_two, end_two),
      cmocka_unit_test_setup_teardown(thousands_of_sought_blobs_are_told_by_and_by, begin_two, end_two),
      cmocka_unit_test_setup_teardown(a_blob_is_sought_again_when_who_was_sending_it_leaves, begin_two, end_two),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
