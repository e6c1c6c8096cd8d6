/* SPDX-License-Identifier: MIT
 *
 * What a member may ask of a room, and of a replica: each bound is passed here by one, and what happens is named: a
 * refusal that the member is told, an error that cuts it, or the oldest that makes room. Nothing else suffers. */
#include "replica_test.h"
#include "room_test.h"

#include "base/hash.h"
#include "proto/json.h"

#include <time.h>

#if defined(__SANITIZE_ADDRESS__)
#define SLOW_MACHINE true /* 400,000 documents take a gigabyte there */
#else
#define SLOW_MACHINE false
#endif

static int give(struct peer *peer, uint8_t kind, uint32_t doc, atr_span json, const atr_hash *hash)
{
  return try_submit(peer, ++peer->counter, kind, doc, json, hash);
}

static atr_span text(const char *json)
{
  return atr_span_of(json, strlen(json));
}

static atr_hash hash_of(uint32_t number)
{
  atr_hash hash;

  assert_ok(atr_sha256_of(&number, sizeof number, &hash));
  return hash;
}

/* --- the ring ----------------------------------------------------------------------------------------------------- */

/* ATR_RING_BYTES, a megabyte here. Who does not read costs the ring and no more, and is then told what there is instead of all that was. */
static void the_ring_keeps_so_many_bytes(void **state)
{
  enum { OPERATIONS = 8000, DOCS = 10, SLACK_BYTES = 1 << 18 };
  struct peer peer, slow;
  char json[1024];

  (void)state;
  join(&peer, 0);
  join(&slow, 1);
  for (uint32_t i = 0; i < DOCS; i++)
    assert_ok(give(&peer, ATR_OP_CREATE, i, text("{}"), NULL));
  pull(&slow);
  slow.ops = slow.docs = 0;
  for (uint32_t i = 0; i < OPERATIONS; i++) {
    snprintf(json, sizeof json, "{\"a\":\"%0900u\"}", i);
    assert_ok(give(&peer, ATR_OP_EDIT, i % DOCS, text(json), NULL));
    pull(&peer);
    assert_true(atr_room_memory(room) < RING_BYTES + 2 * SLACK_BYTES);
  }
  assert_int_equal(peer.acks, DOCS + OPERATIONS);
  pull(&slow);
  assert_int_equal(slow.docs, DOCS);
  assert_true(slow.ops < RING_BYTES / 900 + 1);
  leave(&slow);
  leave(&peer);
}

/* --- documents --------------------------------------------------------------------------------------------------- */

static void a_room_holds_so_many_documents(void **state)
{
  struct peer peer;

  (void)state;
  if (SLOW_MACHINE)
    skip();
  join(&peer, 0);
  for (uint32_t i = 0; i < ATR_DOCS_MAX; i++) {
    assert_ok(give(&peer, ATR_OP_CREATE, i, text("{}"), NULL));
    if (i % 4096 == 0)
      pull(&peer);
  }
  assert_int_equal(atr_room_documents(room), ATR_DOCS_MAX);
  assert_ok(give(&peer, ATR_OP_CREATE, ATR_DOCS_MAX, text("{}"), NULL));
  pull(&peer);
  assert_err(peer.refused_as, ATR_LIMIT);
  assert_int_equal(peer.refusals, 1);
  assert_ok(give(&peer, ATR_OP_CREATE, 5, text("{}"), NULL)); /* one that lives may be created again */
  assert_ok(give(&peer, ATR_OP_DELETE, 6, text(""), NULL));
  assert_ok(give(&peer, ATR_OP_CREATE, ATR_DOCS_MAX, text("{}"), NULL));
  pull(&peer);
  assert_int_equal(peer.refusals, 1);
  leave(&peer);
}

static void old_tombstones_make_room(void **state)
{
  struct peer peer;

  (void)state;
  join(&peer, 0);
  for (uint32_t i = 0; i < ATR_TOMBSTONES_MAX + 10; i++) {
    assert_ok(give(&peer, ATR_OP_CREATE, i, text("{}"), NULL));
    assert_ok(give(&peer, ATR_OP_DELETE, i, text(""), NULL));
    if (i % 4096 == 0)
      pull(&peer);
  }
  pull(&peer);
  assert_int_equal(peer.refusals, 0);
  assert_int_equal(atr_room_documents(room), 0);
  assert_true(atr_room_tombstones(room) <= ATR_TOMBSTONES_MAX);
  assert_ok(give(&peer, ATR_OP_EDIT, ATR_TOMBSTONES_MAX, text("{\"a\":1}"), NULL));
  pull(&peer);
  assert_err(peer.refused_as, ATR_GONE);
  assert_ok(give(&peer, ATR_OP_EDIT, 0, text("{\"a\":1}"), NULL)); /* forgotten */
  pull(&peer);
  assert_err(peer.refused_as, ATR_NOENT);
  leave(&peer);
}

static int begin_with_one_tombstone(void **state)
{
  room_config.tombstones_max = 1;
  return begin(state);
}

/* Its cursor is 0 as a newcomer's, but it has got documents: one of them is deleted and forgotten while it is away. */
static void who_was_cut_in_its_first_pass_hears_what_lives(void **state)
{
  atr_room_join again = {.name = "somebody", .participant = {{9}}};
  struct peer peer, cut = {0};
  atr_buf out;

  (void)state;
  join(&peer, 0);
  for (uint32_t i = 0; i < 4; i++)
    assert_ok(give(&peer, ATR_OP_CREATE, i, text("{}"), NULL));
  cut.reader = atr_frame_reader_new();
  assert_ok(atr_room_join_member(room, &again, &cut, &cut.member));
  atr_buf_init(&out, SIZE_MAX);
  while (!cut.docs) {
    atr_buf_clear(&out);
    assert_true(atr_room_pull(cut.member, ATR_LANE_STATE, &out, 1) > 0);
    assert_ok(atr_frame_reader_feed(cut.reader, out.data, out.len, peer_message, &cut));
  }
  atr_buf_free(&out);
  leave(&cut);
  for (uint32_t i = 0; i < 2; i++)
    assert_ok(give(&peer, ATR_OP_DELETE, i, text(""), NULL));
  assert_int_equal(atr_room_tombstones(room), 1);
  memset(&cut, 0, sizeof cut);
  cut.reader = atr_frame_reader_new();
  again.returning = again.partial = true;
  again.epoch.b[0] = 1;
  assert_ok(atr_room_join_member(room, &again, &cut, &cut.member));
  pull(&cut);
  assert_int_equal(cut.lives, 1);
  leave(&cut);
  leave(&peer);
}

/* {"<key>":"xxx..."} of `len` bytes in all. */
static atr_span large_json(char key, size_t len)
{
  static char json[ATR_DOC_BYTES_MAX];

  memset(json, 'x', len);
  memcpy(json, "{\"k\":\"", 6);
  json[2] = key;
  memcpy(json + len - 2, "\"}", 2);
  return atr_span_of(json, len);
}

static void a_document_grows_so_far(void **state)
{
  struct peer peer;

  (void)state;
  join(&peer, 0);
  assert_ok(give(&peer, ATR_OP_CREATE, 0, large_json('a', ATR_DOC_BYTES_MAX), NULL));
  pull(&peer);
  assert_int_equal(peer.refusals, 0);
  assert_ok(give(&peer, ATR_OP_EDIT, 0, large_json('b', ATR_DOC_BYTES_MAX / 2), NULL));
  pull(&peer);
  assert_err(peer.refused_as, ATR_DOC_SIZE);
  assert_ok(give(&peer, ATR_OP_CREATE, 0, large_json('a', ATR_DOC_BYTES_MAX / 2), NULL));
  assert_ok(give(&peer, ATR_OP_EDIT, 0, large_json('b', ATR_DOC_BYTES_MAX / 3), NULL));
  pull(&peer);
  assert_int_equal(peer.refusals, 1);
  leave(&peer);
}

/* {"a":[1e15,1e15,...]}, `n` numbers, each of which we print four times as long. */
static atr_span short_numbers(size_t n, char end)
{
  static atr_buf json;

  if (!json.max)
    atr_buf_init(&json, SIZE_MAX);
  atr_buf_clear(&json);
  assert_ok(atr_buf_append_str(&json, "{\"a\":["));
  for (size_t i = 0; i < n; i++)
    assert_ok(atr_buf_append_str(&json, i ? ",1e15" : "1e15"));
  assert_ok(atr_buf_append(&json, "]", 1));
  assert_ok(atr_buf_append_u8(&json, (uint8_t)end));
  return atr_buf_span(&json);
}

/* An edit of somebody else was acknowledged and lost where the document did not fit any more as it was printed to be merged. */
static void a_document_is_as_long_as_it_prints(void **state)
{
  size_t most = (ATR_DOC_BYTES_MAX - 20) / 17;
  struct peer peer;
  atr_id id = doc_of(0);
  uint64_t seq;
  atr_buf out;

  (void)state;
  join(&peer, 0);
  assert_ok(give(&peer, ATR_OP_CREATE, 0, short_numbers(ATR_DOC_BYTES_MAX / 16, '}'), NULL));
  pull(&peer);
  assert_err(peer.refused_as, ATR_DOC_SIZE);
  assert_ok(give(&peer, ATR_OP_CREATE, 0, short_numbers(most / 2, '}'), NULL));
  assert_ok(
      give(&peer, ATR_OP_EDIT, 0, large_json('b', ATR_DOC_BYTES_MAX * 5 / 8), NULL)); /* as they were sent they fit */
  pull(&peer);
  assert_int_equal(peer.refusals, 2);
  assert_ok(give(&peer, ATR_OP_EDIT, 0, text("{\"mine\":1}"), NULL));
  pull(&peer);
  assert_int_equal(peer.refusals, 2);
  atr_buf_init(&out, SIZE_MAX);
  assert_ok(atr_room_document(room, &id, &out, &seq));
  assert_non_null(memmem(out.data, out.len, ",\"mine\":1", 9));
  atr_buf_free(&out);
  leave(&peer);
}

static void strange_operations_are_refused_or_cut(void **state)
{
  atr_hash missing = hash_of(1);
  struct peer peer, fresh;

  (void)state;
  join(&peer, 0);
  assert_ok(give(&peer, ATR_OP_EDIT, 0, text("{\"a\":1}"), NULL));
  pull(&peer);
  assert_err(peer.refused_as, ATR_NOENT);
  assert_ok(give(&peer, ATR_OP_CREATE, 0, text("{\"a\":null}"), NULL));
  pull(&peer);
  assert_err(peer.refused_as, ATR_JSON_NULL);
  assert_ok(give(&peer, ATR_OP_CREATE, 0, text("{\"a\":[\"$later\"]}"), NULL));
  pull(&peer);
  assert_err(peer.refused_as, ATR_JSON_TAG);
  assert_ok(give(&peer, ATR_OP_CREATE, 0, text("{\"a\":1}"), &missing));
  pull(&peer);
  assert_err(peer.refused_as, ATR_NOBLOB);
  assert_int_equal(peer.refusals, 4);
  assert_err(give(&peer, ATR_OP_CREATE, 0, text("{\"a\":1"), NULL), ATR_JSON_SYNTAX);
  leave(&peer);
  join(&fresh, 1);
  fresh.counter = 1;
  assert_err(give(&fresh, ATR_OP_CREATE, 0, text("{}"), NULL), ATR_PROTO); /* counters never skip */
  leave(&fresh);
  assert_int_equal(atr_room_documents(room), 0);
}

/* --- members ----------------------------------------------------------------------------------------------------- */

static void a_room_holds_so_many_members(void **state)
{
  static struct peer peers[ATR_MEMBERS_MAX];
  struct peer one_more;

  (void)state;
  for (uint32_t i = 0; i < ATR_MEMBERS_MAX; i++)
    join(&peers[i], i);
  assert_err(try_join(&one_more, ATR_MEMBERS_MAX), ATR_ROOM_FULL);
  leave(&one_more);
  leave(&peers[7]);
  join(&peers[7], ATR_MEMBERS_MAX);
  assert_int_equal(atr_room_members(room), ATR_MEMBERS_MAX);
  for (uint32_t i = 0; i < ATR_MEMBERS_MAX; i++)
    leave(&peers[i]);
}

static void participants_who_left_long_ago_are_forgotten(void **state)
{
  struct peer peer;
  size_t memory;

  (void)state;
  for (uint32_t i = 0; i < ATR_PARTICIPANTS_MAX; i++) {
    join(&peer, i);
    leave(&peer);
  }
  memory = atr_room_memory(room);
  for (uint32_t i = 0; i < 100; i++) {
    join(&peer, ATR_PARTICIPANTS_MAX + i);
    leave(&peer);
  }
  assert_int_equal(atr_room_memory(room), memory);
}

static int begin_small(void **state)
{
  room_config.participants_max = 4;
  return begin(state);
}

/* What the room still knows of an operation that it was sent before. */
static bool is_known(uint32_t number)
{
  struct peer peer;
  bool known;

  join(&peer, number);
  known = try_submit(&peer, 1, ATR_OP_CREATE, number, text("{}"), NULL) == 0;
  pull(&peer);
  known = known && peer.acked == 1 && peer.seq == 0; /* settled earlier */
  leave_as(&peer, true);
  return known;
}

/* They wait for no answer. Those that were cut do, so they stay as long as there is anybody else to forget. */
static void whoever_said_goodbye_is_forgotten_first(void **state)
{
  struct peer peer;

  (void)state;
  for (uint32_t i = 0; i < 2; i++) {
    join(&peer, i);
    assert_ok(give(&peer, ATR_OP_CREATE, i, text("{}"), NULL));
    leave(&peer); /* cut */
  }
  for (uint32_t i = 2; i < 20; i++) {
    join(&peer, i);
    assert_ok(give(&peer, ATR_OP_CREATE, i, text("{}"), NULL));
    leave_as(&peer, true);
  }
  assert_true(is_known(0));
  assert_true(is_known(1));
  assert_false(is_known(2));
}

/* What is with the store names its participant: however long that takes, and whoever comes meanwhile. */
static void nobody_is_forgotten_while_the_store_is_busy_with_him(void **state)
{
  struct peer peer;

  (void)state;
  store_does = STORE_WAITS;
  join(&peer, 0);
  assert_ok(give(&peer, ATR_OP_CREATE, 0, text("{}"), NULL));
  leave_as(&peer, true);
  for (uint32_t i = 1; i < 20; i++) {
    join(&peer, i);
    leave(&peer);
  }
  store_does = STORE_DONE;
  store_done(ATR_OK);
  assert_true(is_known(0));
}

/* --- blobs ------------------------------------------------------------------------------------------------------- */

static int offer(struct peer *peer, uint32_t number)
{
  atr_blob_offer offer = {.hash = hash_of(number), .size = sizeof number};
  atr_buf msg;
  int err;

  atr_buf_init(&msg, SIZE_MAX);
  assert_ok(atr_msg_write_blob_offer(&msg, HANDLE, &offer, 1));
  err = atr_room_receive(room, peer->member, ATR_LANE_CONTROL, atr_buf_span(&msg));
  atr_buf_free(&msg);
  return err;
}

static void put(uint32_t number)
{
  atr_hash hash = hash_of(number);

  assert_ok(atr_blobs_put(blobs, &hash, atr_bytes_copy(&number, sizeof number)));
}

static void a_member_has_so_many_offers_open(void **state)
{
  struct peer peer;

  (void)state;
  join(&peer, 0);
  for (uint32_t i = 0; i < ATR_OFFERS_MAX; i++)
    assert_ok(offer(&peer, i));
  assert_ok(offer(&peer, 0)); /* again: the same one */
  assert_err(offer(&peer, ATR_OFFERS_MAX), ATR_LIMIT);
  leave(&peer);
}

static void the_oldest_of_many_sent_blobs_is_let_go(void **state)
{
  atr_hash first = hash_of(0), last = hash_of(ATR_HOLDS_MAX);
  struct peer peer;

  (void)state;
  join(&peer, 0);
  for (uint32_t i = 0; i <= ATR_HOLDS_MAX; i++) {
    atr_hash hash = hash_of(i);

    assert_ok(atr_blobs_ref(blobs, &hash)); /* or the table would drop it before it is offered */
    put(i);
    assert_ok(offer(&peer, i));
    atr_blobs_unref(blobs, &hash);
  }
  assert_int_equal(atr_blobs_refs(blobs, &first), 0);
  assert_int_equal(atr_blobs_refs(blobs, &last), 1);
  leave(&peer);
  assert_int_equal(atr_blobs_refs(blobs, &last), 0);
}

static void a_member_asks_for_so_many_blobs(void **state)
{
  static atr_blob_get gets[ATR_LIST_SHORT_MAX];
  struct peer peer;
  atr_buf msg;
  uint32_t number = 0;
  int err = 0;

  (void)state;
  join(&peer, 0);
  atr_buf_init(&msg, SIZE_MAX);
  while (!err && number < 2 * ATR_GETS_MAX) {
    for (size_t i = 0; i < ATR_LIST_SHORT_MAX; i++, number++) {
      gets[i].hash = hash_of(number);
      assert_ok(atr_blobs_ref(blobs, &gets[i].hash));
      put(number);
    }
    atr_buf_clear(&msg);
    assert_ok(atr_msg_write_blob_get(&msg, HANDLE, gets, ATR_LIST_SHORT_MAX));
    err = atr_room_receive(room, peer.member, ATR_LANE_CONTROL, atr_buf_span(&msg));
  }
  assert_err(err, ATR_LIMIT);
  assert_int_equal(number, ATR_GETS_MAX + ATR_LIST_SHORT_MAX);
  while (number--) {
    atr_hash hash = hash_of(number);

    atr_blobs_unref(blobs, &hash);
  }
  atr_buf_free(&msg);
  leave(&peer);
}

static int get_many(struct peer *peer, uint32_t first, uint32_t n)
{
  static atr_blob_get gets[ATR_LIST_SHORT_MAX];
  atr_buf msg;
  int err;

  atr_buf_init(&msg, SIZE_MAX);
  for (uint32_t i = 0; i < n; i++)
    gets[i].hash = hash_of(first + i);
  assert_ok(atr_msg_write_blob_get(&msg, HANDLE, gets, n));
  err = atr_room_receive(room, peer->member, ATR_LANE_CONTROL, atr_buf_span(&msg));
  atr_buf_free(&msg);
  return err;
}

/* A document names them, and nobody has them: the member waits for those as well. */
static void blobs_that_nobody_has_yet_count_too(void **state)
{
  struct peer peer;
  uint32_t number = 0;
  int err = 0;

  (void)state;
  join(&peer, 0);
  for (uint32_t i = 0; i < 2 * ATR_GETS_MAX; i++) {
    atr_hash hash = hash_of(i);

    assert_ok(atr_blobs_ref(blobs, &hash));
  }
  for (; !err && number < 2 * ATR_GETS_MAX; number += ATR_LIST_SHORT_MAX) {
    err = get_many(&peer, number, ATR_LIST_SHORT_MAX);
    pull(&peer);
  }
  assert_err(err, ATR_LIMIT);
  assert_int_equal(number, ATR_GETS_MAX + ATR_LIST_SHORT_MAX);
  leave(&peer);
  for (uint32_t i = 0; i < 2 * ATR_GETS_MAX; i++) {
    atr_hash hash = hash_of(i);

    atr_blobs_unref(blobs, &hash);
  }
}

/* Whoever offers them goes again and again, which is an answer, too. */
static void what_a_member_waits_for_no_more_does_not_count(void **state)
{
  struct peer peer, other;

  (void)state;
  join(&peer, 0);
  for (uint32_t number = 0; number < 2 * ATR_GETS_MAX; number += ATR_OFFERS_MAX) {
    join(&other, 1);
    for (uint32_t i = 0; i < ATR_OFFERS_MAX; i++)
      assert_ok(offer(&other, number + i));
    assert_ok(get_many(&peer, number, ATR_OFFERS_MAX));
    leave(&other);
    pull(&peer);
  }
  assert_int_equal(peer.statuses, 2 * ATR_GETS_MAX);
  assert_int_equal(peer.status, ATR_BLOB_STATUS_UNKNOWN);
  leave(&peer);
}

static void so_many_digests_are_compared_at_once(void **state)
{
  static const atr_doc_version digests[ATR_DIGESTS_MAX + 1];
  struct peer peer;
  atr_buf msg;

  (void)state;
  join(&peer, 0);
  atr_buf_init(&msg, SIZE_MAX);
  assert_ok(atr_msg_write_digest(&msg, HANDLE, digests, ATR_DIGESTS_MAX));
  assert_ok(atr_room_receive(room, peer.member, ATR_LANE_STATE, atr_buf_span(&msg)));
  atr_buf_clear(&msg);
  assert_ok(atr_msg_write_digest(&msg, HANDLE, digests, ATR_DIGESTS_MAX + 1));
  assert_err(atr_room_receive(room, peer.member, ATR_LANE_STATE, atr_buf_span(&msg)), ATR_PROTO);
  atr_buf_free(&msg);
  leave(&peer);
}

static double compare_ms(struct peer *peer, unsigned times)
{
  atr_doc_version wrong = {.doc = doc_of(0), .digest = {1}};
  clock_t start = clock();
  atr_buf msg;

  wrong.seq = atr_room_head(room);
  atr_buf_init(&msg, SIZE_MAX);
  assert_ok(atr_msg_write_digest(&msg, HANDLE, &wrong, 1));
  while (times--)
    assert_ok(atr_room_receive(room, peer->member, ATR_LANE_STATE, atr_buf_span(&msg)));
  atr_buf_free(&msg);
  return (double)(clock() - start) * 1000 / CLOCKS_PER_SEC;
}

/* A digest of the largest document takes tens of milliseconds, the message that asks for it forty bytes. */
static void a_member_that_asks_for_digests_without_end_costs_one_of_each_version(void **state)
{
  struct peer peer;
  double once_ms, often_ms, anew_ms;

  (void)state;
  join(&peer, 0);
  assert_ok(give(&peer, ATR_OP_CREATE, 0, large_json('a', ATR_DOC_BYTES_MAX / 2), NULL));
  once_ms = compare_ms(&peer, 1);
  often_ms = compare_ms(&peer, 200);
  assert_ok(give(&peer, ATR_OP_EDIT, 0, text("{\"b\":1}"), NULL));
  anew_ms = compare_ms(&peer, 1);
  if (often_ms > 10 * once_ms || anew_ms < once_ms / 10)
    fail_msg("%.1f ms once, %.1f ms for two hundred, %.1f ms after an edit", once_ms, often_ms, anew_ms);
  leave(&peer);
}

/* --- the client's side --------------------------------------------------------------------------------------------- */

static int create(atr_replica *replica, uint32_t number)
{
  atr_submit op = {.kind = ATR_OP_CREATE, .doc = doc_of(number), .tree = cJSON_CreateObject()};

  return atr_replica_submit(replica, &op);
}

static void a_client_has_so_many_operations_out(void **state)
{
  static const atr_replica_callbacks callbacks = {ignore_event, no_refusal, ignore_wake, ignore_progress, no_healing};
  static const atr_id participant = {{1}};
  atr_replica *replica;

  (void)state;
  assert_ok(atr_replica_new(&replica, &participant, blobs, &callbacks, NULL));
  for (uint32_t i = 0; i < ATR_PENDING_MAX; i++)
    assert_ok(create(replica, i));
  assert_err(create(replica, ATR_PENDING_MAX), ATR_FULL);
  assert_int_equal(atr_replica_pending(replica), ATR_PENDING_MAX);
  atr_replica_free(replica);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(the_ring_keeps_so_many_bytes, begin, end),
      cmocka_unit_test_setup_teardown(a_room_holds_so_many_documents, begin, end),
      cmocka_unit_test_setup_teardown(old_tombstones_make_room, begin, end),
      cmocka_unit_test_setup_teardown(who_was_cut_in_its_first_pass_hears_what_lives, begin_with_one_tombstone, end),
      cmocka_unit_test_setup_teardown(a_document_grows_so_far, begin, end),
      cmocka_unit_test_setup_teardown(a_document_is_as_long_as_it_prints, begin, end),
      cmocka_unit_test_setup_teardown(strange_operations_are_refused_or_cut, begin, end),
      cmocka_unit_test_setup_teardown(a_room_holds_so_many_members, begin, end),
      cmocka_unit_test_setup_teardown(participants_who_left_long_ago_are_forgotten, begin, end),
      cmocka_unit_test_setup_teardown(whoever_said_goodbye_is_forgotten_first, begin_small, end),
      cmocka_unit_test_setup_teardown(nobody_is_forgotten_while_the_store_is_busy_with_him, begin_small, end),
      cmocka_unit_test_setup_teardown(a_member_has_so_many_offers_open, begin, end),
      cmocka_unit_test_setup_teardown(the_oldest_of_many_sent_blobs_is_let_go, begin, end),
      cmocka_unit_test_setup_teardown(a_member_asks_for_so_many_blobs, begin, end),
      cmocka_unit_test_setup_teardown(blobs_that_nobody_has_yet_count_too, begin, end),
      cmocka_unit_test_setup_teardown(what_a_member_waits_for_no_more_does_not_count, begin, end),
      cmocka_unit_test_setup_teardown(so_many_digests_are_compared_at_once, begin, end),
      cmocka_unit_test_setup_teardown(a_member_that_asks_for_digests_without_end_costs_one_of_each_version, begin, end),
      cmocka_unit_test_setup_teardown(a_client_has_so_many_operations_out, begin, end),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
