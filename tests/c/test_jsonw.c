/* SPDX-License-Identifier: MIT
 *
 * What is written piece by piece is the JSON that was meant, and a failure leaves the buffer as it was. */
#include "test.h"

#include "proto/json.h"
#include "proto/jsonw.h"

static void pieces_make_a_message(void **state)
{
  atr_id id = {{0xab}};
  atr_hash hash = {{0xcd}};
  cJSON *tree = NULL;
  atr_buf buf;
  atr_jw w;

  (void)state;
  assert_ok(atr_json_parse("{\"x\":[1.5,null]}", 16, &tree));
  atr_buf_init(&buf, 4096);
  assert_ok(atr_buf_append_str(&buf, "before "));
  w = atr_jw_begin(&buf);
  atr_jw_str(&w, "s", "\"\n\xc3\xa4");
  atr_jw_array(&w, "list");
  atr_jw_int(&w, NULL, -5);
  atr_jw_num(&w, NULL, 0.1);
  atr_jw_object(&w, NULL);
  atr_jw_bool(&w, "b", true);
  atr_jw_end(&w);
  atr_jw_array(&w, NULL);
  atr_jw_end(&w);
  atr_jw_end(&w);
  atr_jw_tree(&w, "tree", tree);
  atr_jw_raw(&w, "raw", atr_span_of("[2]", 3));
  atr_jw_object(&w, "open");
  assert_ok(atr_jw_finish(&w));
  assert_ok(atr_buf_append_u8(&buf, 0));
  assert_string_equal((char *)buf.data,
                      "before {\"s\":\"\\\"\\n\xc3\xa4\",\"list\":[-5,0.1,{\"b\":true},[]],\"tree\":{\"x\":[1.5,"
                      "null]},\"raw\":[2],\"open\":{}}");
  atr_buf_clear(&buf);
  w = atr_jw_begin(&buf);
  atr_jw_id(&w, "id", &id);
  atr_jw_hash(&w, "hash", &hash);
  assert_ok(atr_jw_finish(&w));
  assert_int_equal(buf.len, strlen("{\"id\":\"\",\"hash\":\"\"}") + ATR_ID_HEX + ATR_HASH_HEX);
  atr_buf_free(&buf);
  cJSON_Delete(tree);
}

static void a_failure_leaves_the_buffer_as_it_was(void **state)
{
  atr_buf buf;
  atr_jw w;

  (void)state;
  atr_buf_init(&buf, 32);
  assert_ok(atr_buf_append_str(&buf, "before"));
  w = atr_jw_begin(&buf);
  atr_jw_str(&w, "key", "\xff");
  assert_err(atr_jw_finish(&w), ATR_JSON_UTF8);
  assert_int_equal(buf.len, 6);
  w = atr_jw_begin(&buf);
  atr_jw_str(&w, "key", "a text that is longer than the buffer's cap");
  assert_err(atr_jw_finish(&w), ATR_LIMIT);
  assert_int_equal(buf.len, 6);
  atr_buf_free(&buf);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pieces_make_a_message),
      cmocka_unit_test(a_failure_leaves_the_buffer_as_it_was),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
