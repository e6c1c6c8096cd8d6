/* SPDX-License-Identifier: MIT
 *
 * Text that passes the check can be parsed, and what is printed from it passes again, reads back as the same tree and
 * prints the same. */
#include "fuzz.h"

#include "proto/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  atr_json_info info, printed_info;
  cJSON *tree, *again;
  atr_buf text, text_again;

  if (atr_json_check((const char *)data, size, &info)) {
    CHECK(info.error_at <= size);
    return 0;
  }
  CHECK(atr_json_parse((const char *)data, size, &tree) == 0);
  atr_buf_init(&text, SIZE_MAX);
  atr_buf_init(&text_again, SIZE_MAX);
  CHECK(atr_json_print(tree, &text) == 0);
  CHECK(atr_json_check((const char *)text.data, text.len, &printed_info) == 0);
  CHECK(printed_info.values == info.values && printed_info.nulls == info.nulls && printed_info.depth == info.depth);
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
