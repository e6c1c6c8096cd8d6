/* SPDX-License-Identifier: MIT
 *
 * The compact form of a tree: it gives back exactly what went in, takes the memory that it promises, and its table of words stays within
 * its bounds whatever keys a peer invents. */
#include "test.h"

#include <math.h>

#include "base/limits.h"
#include "proto/compact.h"
#include "proto/json.h"

static cJSON *parse(const char *text)
{
  cJSON *tree;

  assert_ok(atr_json_parse(text, strlen(text), &tree));
  return tree;
}

static size_t check_same(atr_words *words, const cJSON *tree)
{
  atr_buf bytes, text, again;
  cJSON *back;
  size_t n;

  atr_buf_init(&bytes, SIZE_MAX);
  atr_buf_init(&text, SIZE_MAX);
  atr_buf_init(&again, SIZE_MAX);
  assert_ok(atr_compact_write(words, tree, &bytes));
  assert_ok(atr_compact_read(words, atr_buf_span(&bytes), &back));
  assert_ok(atr_json_print(tree, &text));
  assert_ok(atr_json_print(back, &again));
  assert_true(atr_span_equal(atr_buf_span(&text), atr_buf_span(&again)));
  n = bytes.len;
  cJSON_Delete(back);
  atr_buf_free(&bytes);
  atr_buf_free(&text);
  atr_buf_free(&again);
  return n;
}

static void what_goes_in_comes_out(void **state)
{
  static const char *const texts[] = {
      "null",
      "true",
      "false",
      "\"\"",
      "\"text \xe2\x82\xac\"",
      "[]",
      "{}",
      "[[[]]]",
      "[0,1,127,128,-1,-128,65536,9007199254740992,-9007199254740992]",
      "[0.1,-0.0,0.5,1e300,-1e300,1e-300,5e-324,3.4028234663852886e38,3.4028235677973366e38,0.10000000149011612]",
      "{\"a\":{\"\":1,\"b\":[{\"a\":2}]},\"@1234\":{\"type\":\"T\"}}",
  };
  atr_words *words = atr_words_new();

  (void)state;
  for (int round = 0; round < 2; round++) /* with new words and with known ones */
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
      cJSON *tree = parse(texts[i]);

      check_same(words, tree);
      cJSON_Delete(tree);
    }
  atr_words_free(words);
}

static void repeated_keys_cost_two_bytes_at_most(void **state)
{
  atr_words *words = atr_words_new();
  cJSON *tree = cJSON_CreateObject();
  char key[40];

  (void)state;
  for (int i = 0; i < 200; i++) {
    snprintf(key, sizeof key, "use_a_property_of_that_name_%d", i);
    cJSON_AddBoolToObject(tree, key, true);
  }
  assert_true(check_same(words, tree) <= 3 + 200 * 3);
  assert_int_equal(atr_words_count(words), 200);
  assert_true(atr_words_memory(words) < 200 * 200 + 4096);
  cJSON_Delete(tree);
  atr_words_free(words);
}

/* ATR_WORDS_MAX and ATR_WORD_BYTES_MAX. */
static void invented_keys_do_not_fill_the_memory(void **state)
{
  atr_words *words = atr_words_new();
  char key[ATR_WORD_BYTES_MAX + 2];

  (void)state;
  for (unsigned i = 0; i < ATR_WORDS_MAX + 100; i++) {
    cJSON *tree = cJSON_CreateObject();

    snprintf(key, sizeof key, "invented_%u", i);
    cJSON_AddNumberToObject(tree, key, i);
    check_same(words, tree);
    cJSON_Delete(tree);
  }
  assert_int_equal(atr_words_count(words), ATR_WORDS_MAX);
  atr_words_free(words);

  words = atr_words_new();
  for (size_t len = ATR_WORD_BYTES_MAX; len <= ATR_WORD_BYTES_MAX + 1; len++) {
    cJSON *tree = cJSON_CreateObject();

    memset(key, 'k', len);
    key[len] = 0;
    cJSON_AddTrueToObject(tree, key);
    check_same(words, tree);
    cJSON_Delete(tree);
  }
  assert_int_equal(atr_words_count(words), 1);
  atr_words_free(words);
}

static void random_keys_of_items_are_no_words(void **state)
{
  atr_words *words = atr_words_new();
  cJSON *tree = parse("{\"@0123456789ab\":{\"type\":\"T\"},\"@display\":{\"type\":\"D\"}}");

  (void)state;
  check_same(words, tree);
  assert_int_equal(atr_words_count(words), 2); /* type, @display */
  cJSON_Delete(tree);
  atr_words_free(words);
}

static void damaged_bytes_are_refused(void **state)
{
  atr_words *words = atr_words_new();
  cJSON *tree = parse("{\"key\":[1,2.5,\"text\",{\"other\":-7}]}"), *back;
  atr_buf bytes;

  (void)state;
  atr_buf_init(&bytes, SIZE_MAX);
  assert_ok(atr_compact_write(words, tree, &bytes));
  for (size_t n = 0; n < bytes.len; n++) {
    assert_int_equal(atr_compact_read(words, atr_span_of(bytes.data, n), &back), ATR_INVAL);
    assert_null(back);
  }
  assert_ok(atr_buf_append_u8(&bytes, 0));
  assert_int_equal(atr_compact_read(words, atr_buf_span(&bytes), &back), ATR_INVAL);
  atr_buf_free(&bytes);
  cJSON_Delete(tree);
  atr_words_free(words);
}

static void what_is_no_number_is_refused(void **state)
{
  static const uint8_t infinite[] = {4, 0x7f, 0x80, 0, 0};
  atr_words *words = atr_words_new();
  cJSON *number = cJSON_CreateNumber(0), *back;
  atr_buf bytes;

  (void)state;
  atr_buf_init(&bytes, SIZE_MAX);
  number->valuedouble = NAN;
  assert_int_equal(atr_compact_write(words, number, &bytes), ATR_JSON_NUMBER);
  assert_int_equal(atr_compact_read(words, atr_span_of(infinite, sizeof infinite), &back), ATR_INVAL);
  cJSON_Delete(number);
  atr_buf_free(&bytes);
  atr_words_free(words);
}

static void too_deep_is_refused(void **state)
{
  atr_words *words = atr_words_new();
  cJSON *tree = cJSON_CreateArray();
  atr_buf bytes;

  (void)state;
  for (int i = 1; i < ATR_JSON_DEPTH_MAX; i++) {
    cJSON *outer = cJSON_CreateArray();

    cJSON_AddItemToArray(outer, tree);
    tree = outer;
  }
  atr_buf_init(&bytes, SIZE_MAX);
  assert_ok(atr_compact_write(words, tree, &bytes));
  cJSON *outer = cJSON_CreateArray();
  cJSON_AddItemToArray(outer, tree);
  atr_buf_clear(&bytes);
  assert_int_equal(atr_compact_write(words, outer, &bytes), ATR_JSON_DEPTH);
  assert_int_equal(bytes.len, 0);
  atr_buf_free(&bytes);
  cJSON_Delete(outer);
  atr_words_free(words);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_goes_in_comes_out),
      cmocka_unit_test(repeated_keys_cost_two_bytes_at_most),
      cmocka_unit_test(invented_keys_do_not_fill_the_memory),
      cmocka_unit_test(random_keys_of_items_are_no_words),
      cmocka_unit_test(damaged_bytes_are_refused),
      cmocka_unit_test(what_is_no_number_is_refused),
      cmocka_unit_test(too_deep_is_refused),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
