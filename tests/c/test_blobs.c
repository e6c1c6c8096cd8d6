/* SPDX-License-Identifier: MIT
 *
 * The table of blobs: what nothing names any more is kept within its bound, the least recently used goes first, and what something names
 * stays whatever the bound says. What is put to be named stays until it is, is given up, or passes a bound of its own. */
#include "test.h"

#include "base/hash.h"
#include "blob/blobs.h"

enum { BYTES = 1000, WEIGHT = BYTES + ATR_BLOB_ENTRY_BYTES, SPARE = 4 * WEIGHT };

static atr_hash put_by(int (*how)(atr_blobs *, const atr_hash *, atr_bytes *), atr_blobs *table, uint32_t number,
                       size_t n)
{
  uint8_t *bytes = calloc(1, n);
  atr_hash hash;

  memcpy(bytes, &number, sizeof number);
  assert_ok(atr_sha256_of(bytes, n, &hash));
  assert_ok(how(table, &hash, atr_bytes_copy(bytes, n)));
  free(bytes);
  return hash;
}

static atr_hash put(atr_blobs *table, uint32_t number, size_t n)
{
  return put_by(atr_blobs_put, table, number, n);
}

static atr_hash hold(atr_blobs *table, uint32_t number, size_t n)
{
  return put_by(atr_blobs_hold, table, number, n);
}

/* ATR_BLOBS_BYTES, four blobs here. */
static void what_nothing_names_is_bounded(void **state)
{
  atr_hash hashes[10];
  atr_blobs *table;

  (void)state;
  assert_ok(atr_blobs_new(&table, SPARE));
  for (uint32_t i = 0; i < 10; i++) {
    hashes[i] = put(table, i, BYTES);
    assert_ok(atr_blobs_ref(table, &hashes[i]));
  }
  assert_true(atr_blobs_bytes(table) >= 10 * (size_t)BYTES); /* all are named */
  for (uint32_t i = 0; i < 10; i++)
    atr_blobs_unref(table, &hashes[i]);
  assert_true(atr_blobs_bytes(table) <= SPARE);
  for (uint32_t i = 0; i < 10; i++)
    assert_int_equal(atr_blobs_have(table, &hashes[i]), i >= 6); /* the newest stay */
  put(table, 77, SPARE + 1);
  assert_true(atr_blobs_bytes(table) <= SPARE);
  atr_blobs_free(table);
}

/* ATR_BLOB_ENTRY_BYTES: the table itself took fifty times what it counted. */
static void small_blobs_are_counted_with_their_entries(void **state)
{
  atr_blobs *table;
  size_t kept = 0;

  (void)state;
  assert_ok(atr_blobs_new(&table, SPARE));
  for (uint32_t i = 0; i < 1000; i++)
    put(table, i, sizeof i);
  kept = atr_blobs_bytes(table) / sizeof(uint32_t);
  assert_int_equal(kept, SPARE / (ATR_BLOB_ENTRY_BYTES + sizeof(uint32_t)));
  atr_blobs_free(table);
}

static void what_something_names_stays(void **state)
{
  atr_blobs *table;
  atr_hash kept, other;

  (void)state;
  assert_ok(atr_blobs_new(&table, 0));
  kept = put(table, 1, BYTES);
  assert_false(atr_blobs_have(table, &kept));
  assert_ok(atr_blobs_ref(table, &kept)); /* before the bytes are there */
  kept = put(table, 1, BYTES);
  other = put(table, 2, BYTES);
  assert_true(atr_blobs_have(table, &kept));
  assert_false(atr_blobs_have(table, &other));
  atr_blobs_unref(table, &kept);
  assert_false(atr_blobs_have(table, &kept));
  atr_blobs_free(table);
}

/* An image strip of four times 90 MB lost three of its images before its scene named them; here of ten times the bound. */
static void what_is_put_to_be_named_stays_until_it_is(void **state)
{
  atr_hash hashes[40], large;
  atr_blobs *table;

  (void)state;
  assert_ok(atr_blobs_new(&table, SPARE));
  large = hold(table, 100, SPARE + 1); /* alone it is more than the spare */
  for (uint32_t i = 0; i < 40; i++)
    hashes[i] = hold(table, i, BYTES);
  for (uint32_t i = 0; i < 10; i++)
    put(table, 200 + i, BYTES); /* others are put and dropped meanwhile */
  assert_true(atr_blobs_have(table, &large));
  for (uint32_t i = 0; i < 40; i++) {
    assert_true(atr_blobs_have(table, &hashes[i]));
    assert_ok(atr_blobs_ref(table, &hashes[i]));
  }
  for (uint32_t i = 0; i < 40; i++)
    atr_blobs_unref(table, &hashes[i]);
  assert_false(atr_blobs_have(table, &hashes[0])); /* named, and no more: as any other */
  assert_true(atr_blobs_have(table, &hashes[39]));
  assert_true(atr_blobs_bytes(table) <= 2 * SPARE + 1);
  atr_blobs_free(table);
}

/* It was here already: as a spare, or named by what is about to let go of it. */
static void what_is_put_again_is_held_too(void **state)
{
  atr_hash spare, named;
  atr_blobs *table;

  (void)state;
  assert_ok(atr_blobs_new(&table, SPARE));
  spare = put(table, 1, BYTES);
  named = hold(table, 2, BYTES);
  assert_ok(atr_blobs_ref(table, &named));
  hold(table, 1, BYTES);
  hold(table, 2, BYTES);
  atr_blobs_unref(table, &named);
  for (uint32_t i = 10; i < 20; i++)
    put(table, i, BYTES);
  assert_true(atr_blobs_have(table, &spare));
  assert_true(atr_blobs_have(table, &named));
  atr_blobs_free(table);
}

/* ATR_BLOBS_PUT_BYTES, six blobs here. */
static void what_is_held_is_bounded(void **state)
{
  atr_hash hashes[10];
  atr_blobs *table;

  (void)state;
  assert_ok(atr_blobs_new(&table, 0));
  atr_blobs_hold_at_most(table, 6 * WEIGHT);
  for (uint32_t i = 0; i < 10; i++)
    hashes[i] = hold(table, i, BYTES);
  for (uint32_t i = 0; i < 10; i++)
    assert_int_equal(atr_blobs_have(table, &hashes[i]), i >= 4); /* the newest stay */
  assert_int_equal(atr_blobs_bytes(table), 6 * BYTES);
  atr_blobs_free(table);
}

/* The client says so every ATR_BLOBS_PUT_MS. */
static void what_nobody_came_to_name_is_let_go(void **state)
{
  atr_blobs *table;
  atr_hash old, young;

  (void)state;
  assert_ok(atr_blobs_new(&table, 0));
  old = hold(table, 1, BYTES);
  atr_blobs_let_go(table);
  assert_true(atr_blobs_have(table, &old));
  young = hold(table, 2, BYTES);
  atr_blobs_let_go(table);
  assert_false(atr_blobs_have(table, &old));
  assert_true(atr_blobs_have(table, &young));
  atr_blobs_let_go(table);
  assert_int_equal(atr_blobs_bytes(table), 0);
  atr_blobs_free(table);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_nothing_names_is_bounded),
      cmocka_unit_test(small_blobs_are_counted_with_their_entries),
      cmocka_unit_test(what_something_names_stays),
      cmocka_unit_test(what_is_put_to_be_named_stays_until_it_is),
      cmocka_unit_test(what_is_put_again_is_held_too),
      cmocka_unit_test(what_is_held_is_bounded),
      cmocka_unit_test(what_nobody_came_to_name_is_let_go),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
