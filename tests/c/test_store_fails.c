/* SPDX-License-Identifier: MIT
 *
 * A store that fails. The store in memory never does and is done at once, so nothing else takes these ways; a store on disk
 * will be slow and will fail. Whatever a batch held is refused with the store's error, was neither acknowledged nor
 * relayed, and leaves no trace: numbers, counters, documents, limits and blobs go on as if it had never been sent. */
#include "room_test.h"

#include "base/hash.h"

static struct peer one, two;

static int begin_two(void **state)
{
  begin(state);
  join(&one, 0);
  join(&two, 1);
  submit(&one, ATR_OP_CREATE, 0, "{\"a\":1}");
  pull(&one);
  pull(&two);
  assert_int_equal(one.seq, 1);
  assert_int_equal(two.ops, 1);
  return 0;
}

static int end_two(void **state)
{
  leave(&one);
  leave(&two);
  return end(state);
}

/* All of `one`'s operations since the first were refused, nobody heard of them, and the next one is number 2. */
static void assert_as_before(size_t refusals)
{
  pull(&one);
  pull(&two);
  assert_int_equal(one.refusals, refusals);
  assert_int_equal(one.refused, one.counter);
  assert_err(one.refused_as, ATR_NOMEM);
  assert_int_equal(one.acks, 1);
  assert_int_equal(two.ops, 1);
  assert_int_equal(atr_room_head(room), 1);
  assert_int_equal(atr_room_documents(room), 1);
  assert_document(0, "{\"a\":1}");

  store_does = STORE_DONE;
  submit(&one, ATR_OP_EDIT, 0, "{\"b\":2}");
  pull(&one);
  pull(&two);
  assert_int_equal(one.acked, one.counter);
  assert_int_equal(one.seq, 2);
  assert_int_equal(two.op_seq, 2);
  assert_document(0, "{\"a\":1,\"b\":2}");
}

static void a_commit_that_fails_at_once(void **state)
{
  (void)state;
  store_does = STORE_RETURNS_ERROR;
  submit(&one, ATR_OP_EDIT, 0, "{\"a\":2}");
  assert_as_before(1);
}

static void a_commit_that_fails_from_within(void **state)
{
  (void)state;
  store_does = STORE_DONE_WITH_ERROR;
  submit(&one, ATR_OP_CREATE, 1, "{}");
  submit(&one, ATR_OP_DELETE, 0, "");
  assert_as_before(2);
}

/* What came while the store was busy was checked against what failed, so it fails too. */
static void a_commit_that_fails_later(void **state)
{
  (void)state;
  store_does = STORE_WAITS;
  submit(&one, ATR_OP_CREATE, 1, "{}");
  submit(&one, ATR_OP_EDIT, 1, "{\"c\":3}");
  submit(&one, ATR_OP_DELETE, 0, "");
  pull(&one);
  pull(&two);
  assert_int_equal(one.acks, 1);
  assert_int_equal(two.ops, 1);
  store_done(ATR_NOMEM);
  assert_null(store_waiting);
  assert_as_before(3);
}

static void what_is_with_the_store_is_not_acknowledged_to_a_repeat(void **state)
{
  (void)state;
  store_does = STORE_WAITS;
  submit(&one, ATR_OP_EDIT, 0, "{\"a\":2}");
  submit_as(&one, one.counter, ATR_OP_EDIT, 0, "{\"a\":2}", NULL);
  pull(&one);
  assert_int_equal(one.acks, 1);
  store_done(ATR_NOMEM);
  submit_as(&one, one.counter, ATR_OP_EDIT, 0, "{\"a\":2}", NULL); /* now the answer is known */
  assert_as_before(2);
}

/* The member is away when the store fails: it hears of it when it asks again. */
static void the_refusal_waits_for_who_has_left(void **state)
{
  uint64_t counter;

  (void)state;
  store_does = STORE_WAITS;
  submit(&one, ATR_OP_EDIT, 0, "{\"a\":2}");
  counter = one.counter;
  leave(&one);
  store_done(ATR_NOMEM);
  store_does = STORE_DONE;
  join(&one, 0);
  submit_as(&one, counter, ATR_OP_EDIT, 0, "{\"a\":2}", NULL);
  pull(&one);
  assert_int_equal(one.acks, 0);
  assert_int_equal(one.refused, counter);
  assert_err(one.refused_as, ATR_NOMEM);
  one.counter = counter;
  submit(&one, ATR_OP_EDIT, 0, "{\"b\":2}");
  pull(&one);
  assert_int_equal(one.acked, counter + 1);
  assert_int_equal(one.seq, 2);
}

static void its_blobs_are_let_go(void **state)
{
  atr_hash hash;

  (void)state;
  assert_ok(atr_sha256_of("blob", 4, &hash));
  assert_ok(atr_blobs_ref(blobs, &hash));
  assert_ok(atr_blobs_put(blobs, &hash, atr_bytes_copy("blob", 4)));
  store_does = STORE_WAITS;
  submit_as(&one, ++one.counter, ATR_OP_CREATE, 1, "{}", &hash);
  submit_as(&one, ++one.counter, ATR_OP_EDIT, 1, "{\"a\":1}", &hash);
  assert_int_equal(atr_blobs_refs(blobs, &hash), 3);
  store_done(ATR_NOMEM);
  assert_int_equal(atr_blobs_refs(blobs, &hash), 1);
  atr_blobs_unref(blobs, &hash);
  assert_as_before(2);
}

/* {"<key>":"xxx..."} of `len` bytes in all. */
static const char *large(char key, size_t len)
{
  static char json[ATR_DOC_BYTES_MAX + 1];

  memset(json, 'x', len);
  memcpy(json, "{\"k\":\"", 6);
  json[2] = key;
  json[len - 2] = '"';
  json[len - 1] = '}';
  json[len] = 0;
  return json;
}

/* A small document that was to replace a large one made room for an edit that would be too much with the large one. */
static void a_document_is_as_large_as_it_was(void **state)
{
  (void)state;
  submit(&one, ATR_OP_CREATE, 0, large('a', ATR_DOC_BYTES_MAX / 4 * 3));
  store_does = STORE_WAITS;
  submit(&one, ATR_OP_CREATE, 0, "{}");
  store_done(ATR_NOMEM);
  store_does = STORE_DONE;
  submit(&one, ATR_OP_EDIT, 0, large('b', ATR_DOC_BYTES_MAX / 2));
  pull(&one);
  assert_int_equal(one.refusals, 2);
  assert_int_equal(one.refused, one.counter);
  assert_err(one.refused_as, ATR_DOC_SIZE);
}

/* What is staged counts too, and no longer once it was refused. */
static void a_document_does_not_grow_while_the_store_is_busy(void **state)
{
  (void)state;
  store_does = STORE_WAITS;
  submit(&one, ATR_OP_CREATE, 0, "{}");
  submit(&one, ATR_OP_EDIT, 0, large('a', ATR_DOC_BYTES_MAX / 4 * 3));
  store_done(ATR_OK); /* the first; the second goes next */
  submit(&one, ATR_OP_EDIT, 0, large('b', ATR_DOC_BYTES_MAX / 2));
  pull(&one);
  assert_int_equal(one.refusals, 1);
  assert_err(one.refused_as, ATR_DOC_SIZE);
  store_done(ATR_NOMEM);
  store_does = STORE_DONE;
  submit(&one, ATR_OP_EDIT, 0, large('b', ATR_DOC_BYTES_MAX / 2));
  pull(&one);
  assert_int_equal(one.refusals, 2);
  assert_int_equal(atr_room_head(room), 3); /* larger than the ring, so no ACK tells of it */
}

static int recreate(struct peer *peer, uint32_t number, uint64_t seq)
{
  static const atr_doc_version nothing;
  atr_doc_version version = {.doc = doc_of(number), .seq = seq, .created = seq};
  atr_msg_doc doc = {.room = HANDLE, .seq = seq, .created = seq, .doc = doc_of(number)};
  atr_buf msg;
  int err;

  atr_buf_init(&msg, SIZE_MAX);
  assert_ok(atr_msg_write_versions(&msg, HANDLE, ATR_PART_FIRST | ATR_PART_LAST, &version, 1));
  assert_ok(atr_room_receive(room, peer->member, ATR_LANE_STATE, atr_buf_span(&msg)));
  atr_buf_clear(&msg);
  assert_ok(atr_msg_write_doc_head(&msg, ATR_MSG_RECREATE, &doc));
  assert_ok(atr_buf_append(&msg, "{}", 2));
  err = atr_room_receive(room, peer->member, ATR_LANE_STATE, atr_buf_span(&msg));
  atr_buf_clear(&msg);
  assert_ok(atr_msg_write_versions(&msg, HANDLE, ATR_PART_FIRST | ATR_PART_LAST, &nothing, 0));
  if (!err)
    assert_ok(atr_room_receive(room, peer->member, ATR_LANE_STATE, atr_buf_span(&msg)));
  atr_buf_free(&msg);
  return err;
}

/* In a room whose numbers begin at 100, somebody who holds document 1 of an older epoch. */
static int begin_returning(void **state)
{
  atr_room_join join = {.name = "somebody", .participant = {{1}}, .returning = true, .cursor = 50, .epoch = {{7}}};

  room_config.seq_base = 100;
  room_config.staged_bytes_max = 4096;
  begin(state);
  memset(&one, 0, sizeof one);
  one.reader = atr_frame_reader_new();
  return atr_room_join_member(room, &join, &one, &one.member);
}

static int end_returning(void **state)
{
  leave(&one);
  return end(state);
}

/* It would hear that the document does not live, take it for deleted, and it was the last to have it. */
static void whoever_brings_back_what_is_lost_is_cut(void **state)
{
  (void)state;
  store_does = STORE_WAITS;
  assert_ok(recreate(&one, 1, 50));
  pull(&one);
  store_done(ATR_IO);
  assert_err(try_pull(&one), ATR_IO);
  assert_int_equal(atr_room_documents(room), 0);
}

static void a_commit_that_brings_back_fails_at_once(void **state)
{
  (void)state;
  store_does = STORE_DONE_WITH_ERROR;
  assert_ok(recreate(&one, 1, 50));
  assert_err(try_pull(&one), ATR_NOMEM);
}

/* --- a store that is slow ------------------------------------------------------------------------------------------ */

static int begin_slow(void **state)
{
  room_config.staged_bytes_max = 4096;
  return begin_two(state);
}

/* ATR_STAGED_BYTES_MAX, 4 KiB here. */
static void a_slow_store_holds_its_members_and_is_bounded(void **state)
{
  struct peer late;
  size_t memory;
  uint64_t asked;

  (void)state;
  store_does = STORE_WAITS;
  while (!one.held)
    submit(&one, ATR_OP_EDIT, 0, "{\"a\":1}");
  assert_true(two.held);
  assert_in_range(one.counter, 30, 36); /* half of the bound, at 63 bytes each */
  assert_ok(try_join(&late, 9));
  assert_true(late.held);
  for (int i = 0; i < 100; i++)
    submit(&one, ATR_OP_EDIT, 0, "{\"a\":1}"); /* does not care */
  pull(&one);
  memory = atr_room_memory(room);
  for (int i = 0; i < 100; i++)
    submit(&one, ATR_OP_EDIT, 0, "{\"a\":1}");
  pull(&one);
  assert_err(one.refused_as, ATR_STORE_BUSY);
  assert_int_equal(one.refused, one.counter);
  assert_in_range(atr_room_memory(room), memory, memory + 8192); /* the refusals are remembered */
  asked = one.counter - one.refusals;
  store_does = STORE_DONE;
  store_done(ATR_OK);
  assert_false(one.held);
  assert_false(two.held);
  assert_false(late.held);
  pull(&one);
  assert_int_equal(one.acks, asked);
  submit(&one, ATR_OP_EDIT, 0, "{\"b\":1}");
  pull(&one);
  assert_int_equal(one.acked, one.counter);
  leave(&late);
}

/* Its memory is not kept for ever because it was needed once. */
static void what_a_slow_store_needed_is_given_back(void **state)
{
  size_t memory = atr_room_memory(room);

  (void)state;
  store_does = STORE_WAITS;
  submit(&one, ATR_OP_CREATE, 1, large('a', ATR_DOC_BYTES_MAX / 2));
  submit(&one, ATR_OP_CREATE, 1, large('a', ATR_DOC_BYTES_MAX / 2));
  submit(&one, ATR_OP_CREATE, 1, "{}");
  store_done(ATR_OK);
  store_done(ATR_OK);
  assert_document(1, "{}");
  assert_in_range(atr_room_memory(room), memory,
                  memory + ATR_DOC_BYTES_MAX + ATR_KIB(64)); /* what gathers long messages stays */
}

static void nothing_is_brought_back_into_a_full_store(void **state)
{
  atr_room_join newcomer = {.name = "somebody", .participant = {{2}}};

  (void)state;
  memset(&two, 0, sizeof two);
  two.reader = atr_frame_reader_new();
  assert_ok(atr_room_join_member(room, &newcomer, &two, &two.member));
  store_does = STORE_WAITS;
  for (int i = 0; i < 100; i++)
    submit(&two, ATR_OP_CREATE, 0, "{\"a\":1}");
  assert_err(recreate(&one, 1, 50), ATR_STORE_BUSY); /* cut: it comes back and compares again */
  store_done(ATR_OK);
  store_done(ATR_OK);
  leave(&two);
}

/* The room is closed while the store is busy: it goes when the store is done, well or not. */
static void a_room_outlives_its_commit(void **state)
{
  (void)state;
  store_does = STORE_WAITS;
  submit(&one, ATR_OP_CREATE, 1, "{}");
  submit(&one, ATR_OP_CREATE, 2, "{}");
  leave(&one);
  leave(&two);
  atr_room_free(room);
  store_done(ATR_NOMEM);
  atr_blobs_free(blobs);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_commit_that_fails_at_once, begin_two, end_two),
      cmocka_unit_test_setup_teardown(a_commit_that_fails_from_within, begin_two, end_two),
      cmocka_unit_test_setup_teardown(a_commit_that_fails_later, begin_two, end_two),
      cmocka_unit_test_setup_teardown(what_is_with_the_store_is_not_acknowledged_to_a_repeat, begin_two, end_two),
      cmocka_unit_test_setup_teardown(the_refusal_waits_for_who_has_left, begin_two, end_two),
      cmocka_unit_test_setup_teardown(its_blobs_are_let_go, begin_two, end_two),
      cmocka_unit_test_setup_teardown(a_document_is_as_large_as_it_was, begin_two, end_two),
      cmocka_unit_test_setup_teardown(a_document_does_not_grow_while_the_store_is_busy, begin_two, end_two),
      cmocka_unit_test_setup_teardown(whoever_brings_back_what_is_lost_is_cut, begin_returning, end_returning),
      cmocka_unit_test_setup_teardown(a_commit_that_brings_back_fails_at_once, begin_returning, end_returning),
      cmocka_unit_test_setup_teardown(a_slow_store_holds_its_members_and_is_bounded, begin_slow, end_two),
      cmocka_unit_test_setup_teardown(what_a_slow_store_needed_is_given_back, begin_two, end_two),
      cmocka_unit_test_setup_teardown(nothing_is_brought_back_into_a_full_store, begin_returning, end_returning),
      cmocka_unit_test_setup(a_room_outlives_its_commit, begin_two),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
