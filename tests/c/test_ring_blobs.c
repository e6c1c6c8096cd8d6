/* SPDX-License-Identifier: MIT
 *
 * What a room holds beside the blobs that its documents name: operations of the ring and merges that wait keep some, within a bound. */
#include "room_test.h"

#include "base/hash.h"

enum {
  ARRAY_BYTES = 4096,
  LIMIT = 16 * ARRAY_BYTES, /* instead of ATR_RING_BLOB_BYTES */
  EDITS = 500,
  DOCS = 40,
};

static int begin_bounded(void **state)
{
  room_config.ring_blob_bytes_max = LIMIT;
  return begin(state);
}

/* {"a": an array of that number}, whose name is *hash; it is in the table, and nobody has named it yet. */
static void make_array(uint32_t number, char *json, size_t size, atr_hash *hash)
{
  static uint8_t bytes[ARRAY_BYTES];
  char hex[ATR_HASH_HEX + 1];

  memcpy(bytes, &number, sizeof number);
  assert_ok(atr_sha256_of(bytes, sizeof bytes, hash));
  assert_ok(atr_blobs_ref(blobs, hash)); /* as a member's hold does */
  assert_ok(atr_blobs_put(blobs, hash, atr_bytes_copy(bytes, sizeof bytes)));
  atr_hash_to_hex(hash, hex);
  snprintf(json, size, "{\"a\":[\"$blob\",\"%s\",\"u1\",[%d]]}", hex, ARRAY_BYTES);
}

static void submit_array(struct peer *peer, uint8_t kind, uint32_t doc, uint32_t number)
{
  char json[256];
  atr_hash hash;

  make_array(number, json, sizeof json, &hash);
  submit_as(peer, ++peer->counter, kind, doc, json, &hash);
  atr_blobs_unref(blobs, &hash);
}

static void assert_array(uint32_t doc, uint32_t number)
{
  char json[256];
  atr_hash hash;

  make_array(number, json, sizeof json, &hash);
  atr_blobs_unref(blobs, &hash);
  assert_document(doc, json);
  assert_true(atr_blobs_have(blobs, &hash));
}

/* ATR_RING_BLOB_BYTES. Each change of an array of 4 MB cost the server 4 MB: an hour of sculpting filled its memory, and then nobody's work was taken
 * any more. Who did not read in time gets the document. */
static void the_ring_keeps_so_many_bytes_of_blobs(void **state)
{
  struct peer peer, slow;

  (void)state;
  join(&peer, 0);
  submit_array(&peer, ATR_OP_CREATE, 0, 0);
  join(&slow, 1);
  slow.docs = slow.ops = 0;
  for (uint32_t i = 1; i <= EDITS; i++) {
    submit_array(&peer, ATR_OP_EDIT, 0, i);
    pull(&peer);
    assert_true(atr_blobs_bytes(blobs) <= LIMIT + ARRAY_BYTES);
  }
  assert_int_equal(peer.acks, EDITS + 1);
  assert_int_equal(peer.refusals, 0);
  pull(&slow);
  assert_int_equal(slow.docs, 1);
  assert_array(0, EDITS);
  leave(&slow);
  leave(&peer);
  assert_true(atr_blobs_bytes(blobs) <= LIMIT + ARRAY_BYTES);
}

/* Who reads gets the operations themselves. */
static void who_keeps_up_gets_each_change(void **state)
{
  struct peer peer, other;

  (void)state;
  join(&peer, 0);
  submit_array(&peer, ATR_OP_CREATE, 0, 0);
  join(&other, 1);
  other.ops = other.docs = 0;
  for (uint32_t i = 1; i <= EDITS; i++) {
    submit_array(&peer, ATR_OP_EDIT, 0, i);
    pull(&other);
  }
  assert_int_equal(other.ops, EDITS);
  assert_int_equal(other.docs, 0);
  leave(&other);
  leave(&peer);
}

/* An edit may take a blob out of its document without naming another. */
static void what_edits_take_out_is_bounded_too(void **state)
{
  struct peer peer;

  (void)state;
  join(&peer, 0);
  for (uint32_t i = 0; i < DOCS; i++)
    submit_array(&peer, ATR_OP_CREATE, i, i);
  assert_true(atr_blobs_bytes(blobs) == (size_t)DOCS * ARRAY_BYTES);
  for (uint32_t i = 0; i < DOCS; i++)
    submit(&peer, ATR_OP_EDIT, i, "{\"a\":1}");
  pull(&peer);
  assert_int_equal(peer.refusals, 0);
  assert_true(atr_blobs_bytes(blobs) <= LIMIT);
  for (uint32_t i = 0; i < DOCS; i++)
    assert_document(i, "{\"a\":1}");
  leave(&peer);
}

static void deleted_documents_keep_no_more_than_that(void **state)
{
  struct peer peer;

  (void)state;
  join(&peer, 0);
  for (uint32_t i = 0; i < DOCS; i++) {
    submit_array(&peer, ATR_OP_CREATE, i, i);
    submit_as(&peer, ++peer.counter, ATR_OP_DELETE, i, "", NULL);
    assert_true(atr_blobs_bytes(blobs) <= LIMIT);
  }
  leave(&peer);
}

/* It is no bound for what the room is made of: the ring stays, and whoever comes in is not sent anything twice. */
static void what_documents_name_does_not_count(void **state)
{
  struct peer peer, other;

  (void)state;
  join(&peer, 0);
  join(&other, 1);
  for (uint32_t i = 0; i < DOCS; i++)
    submit_array(&peer, ATR_OP_CREATE, i, i);
  pull(&other);
  assert_int_equal(other.ops, DOCS);
  assert_int_equal(other.docs, 0);
  leave(&other);
  leave(&peer);
}

/* As the list of rooms shows it. A blob that several documents name is there once. */
static void the_size_of_a_room_counts_its_blobs(void **state)
{
  struct peer peer;
  size_t empty = atr_room_size(room), full;

  (void)state;
  join(&peer, 0);
  for (uint32_t i = 0; i < DOCS; i++)
    submit_array(&peer, ATR_OP_CREATE, i, i);
  full = atr_room_size(room);
  assert_true(full >= empty + (size_t)DOCS * ARRAY_BYTES);
  submit_array(&peer, ATR_OP_CREATE, DOCS, 0);
  assert_true(atr_room_size(room) < full + ARRAY_BYTES);
  for (uint32_t i = 0; i <= DOCS; i++)
    submit_as(&peer, ++peer.counter, ATR_OP_DELETE, i, "", NULL);
  assert_true(atr_room_size(room) < empty + (size_t)DOCS * ARRAY_BYTES / 2);
  leave(&peer);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(the_ring_keeps_so_many_bytes_of_blobs, begin_bounded, end),
      cmocka_unit_test_setup_teardown(who_keeps_up_gets_each_change, begin_bounded, end),
      cmocka_unit_test_setup_teardown(what_edits_take_out_is_bounded_too, begin_bounded, end),
      cmocka_unit_test_setup_teardown(deleted_documents_keep_no_more_than_that, begin_bounded, end),
      cmocka_unit_test_setup_teardown(what_documents_name_does_not_count, begin_bounded, end),
      cmocka_unit_test_setup_teardown(the_size_of_a_room_counts_its_blobs, begin_bounded, end),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
