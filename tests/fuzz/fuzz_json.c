/* SPDX-License-Identifier: MIT
 *
 * Text that passes the check can be parsed, and what is printed from it passes again, reads back as the same tree and
 * prints the same. So does what was made compact in between; and the input as compact bytes does no harm. */
#include "fuzz.h"

#include "base/limits.h"

#include "proto/compact.h"
#include "proto/json.h"

/* The compact form gives the tree back, down to what is printed. */
static void check_compact(const cJSON *tree)
{
  static atr_words *words;
  atr_buf bytes, text, again;
  cJSON *back = NULL;

  if (!words || atr_words_count(words) > ATR_WORDS_MAX / 2) {
    atr_words_free(words);
    words = atr_words_new();
  }
  atr_buf_init(&bytes, SIZE_MAX);
  atr_buf_init(&text, SIZE_MAX);
  atr_buf_init(&again, SIZE_MAX);
  CHECK(atr_compact_write(words, tree, &bytes) == 0);
  CHECK(atr_compact_read(words, atr_buf_span(&bytes), &back) == 0);
  CHECK(atr_json_equal(tree, back));
  CHECK(atr_json_print(tree, &text) == 0 && atr_json_print(back, &again) == 0);
  CHECK(atr_span_equal(atr_buf_span(&text), atr_buf_span(&again)));
  cJSON_Delete(back);
  atr_buf_free(&bytes);
  atr_buf_free(&text);
  atr_buf_free(&again);
}

static void read_damaged(atr_span bytes)
{
  static atr_words *words;
  cJSON *tree;

  if (!words)
    words = atr_words_new();
  CHECK(atr_compact_read(words, bytes, &tree) != 0 || tree);
  cJSON_Delete(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  atr_json_info info, printed_info;
  cJSON *tree, *again;
  atr_buf text, text_again;

  read_damaged(atr_span_of(data, size));
  if (atr_json_check((const char *)data, size, &info)) {
    CHECK(info.error_at <= size);
    return 0;
  }
  CHECK(atr_json_parse((const char *)data, size, &tree) == 0);
  atr_buf_init(&text, SIZE_MAX);
  atr_buf_init(&text_again, SIZE_MAX);
  check_compact(tree);
  CHECK(atr_json_print(tree, &text) == 0);
  CHECK(atr_json_check((const char *)text.data, text.len, &printed_info) == 0);
  CHECK(printed_info.values == info.values && printed_info.nulls == info.nulls && printed_info.depth == info.depth);
  CHECK(text.len <= info.printed && printed_info.printed == text.len);
  CHECK(printed_info.tags == info.tags && printed_info.array_nulls == info.array_nulls);
  CHECK((info.nulls > 0) == atr_json_has_null(tree));
  CHECK(atr_json_parse((const char *)text.data, text.len, &again) == 0);
  CHECK(atr_json_equal(tree, again));
  CHECK(atr_json_canonical(tree, &text_again) == 0);
  atr_buf_clear(&text);
  CHECK(atr_json_canonical(again, &text) == 0);
  CHECK(atr_span_equal(atr_buf_span(&text), atr_buf_span(&text_again)));
  atr_buf_free(&text);
  atr_buf_free(&text_again);
  cJSON_Delete(tree);
  cJSON_Delete(again);
  return 0;
}
