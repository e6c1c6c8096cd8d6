/* SPDX-License-Identifier: MIT
 *
 * The table of blobs: what nothing names any more is kept within its bound, the least recently used goes first, and what something names
 * stays whatever the bound says. */
#include "test.h"

#include "base/hash.h"
#include "blob/blobs.h"

enum { BYTES = 1000, SPARE = 4 * BYTES };

static atr_hash put(atr_blobs *table, uint32_t number, size_t n)
{
  uint8_t *bytes = calloc(1, n);
  atr_hash hash;

  memcpy(bytes, &number, sizeof number);
  assert_ok(atr_sha256_of(bytes, n, &hash));
  assert_ok(atr_blobs_put(table, &hash, atr_bytes_copy(bytes, n)));
  free(bytes);
  return hash;
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

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_nothing_names_is_bounded),
      cmocka_unit_test(what_something_names_stays),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
