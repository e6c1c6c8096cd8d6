/* SPDX-License-Identifier: MIT
 *
 * Trees: what is printed reads back as the same tree, the canonical form does not depend on order, getters are exact
 * in type, range and case. */
#include "test.h"

#include <math.h>

#include "proto/json.h"

static cJSON *parse(const char *text)
{
  cJSON *tree;

  assert_ok(atr_json_parse(text, strlen(text), &tree));
  return tree;
}

static void check_print(const char *text, const char *printed, const char *canonical)
{
  cJSON *tree = parse(text);
  atr_buf out;

  atr_buf_init(&out, SIZE_MAX);
  assert_ok(atr_json_print(tree, &out));
  assert_ok(atr_buf_append_u8(&out, 0));
  assert_string_equal((char *)out.data, printed);
  atr_buf_clear(&out);
  assert_ok(atr_json_canonical(tree, &out));
  assert_ok(atr_buf_append_u8(&out, 0));
  assert_string_equal((char *)out.data, canonical);
  atr_buf_free(&out);
  cJSON_Delete(tree);
}

static void printing_is_compact_and_exact(void **state)
{
  (void)state;
  check_print(" { \"b\" : [ 1.0 , 2e0, -0.0, true,false,null ], \"a\" : {\"z\":0.1,\"y\":\"\"} } ",
              "{\"b\":[1,2,-0.0,true,false,null],\"a\":{\"z\":0.1,\"y\":\"\"}}",
              "{\"a\":{\"y\":\"\",\"z\":0.1},\"b\":[1,2,-0.0,true,false,null]}");
  check_print("\"\\u0001\\u001f\\b\\f\\n\\r\\t\\\"\\\\\\/\\u20ac\\ud83d\\ude00\x7f\"",
              "\"\\u0001\\u001f\\b\\f\\n\\r\\t\\\"\\\\/\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"",
              "\"\\u0001\\u001f\\b\\f\\n\\r\\t\\\"\\\\/\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"");
  /* bytewise: upper case before lower, a prefix before what it begins, beyond ASCII last */
  check_print("{\"\xc3\xa4\":1,\"b\":2,\"B\":3,\"bb\":4,\"\":5}", "{\"\xc3\xa4\":1,\"b\":2,\"B\":3,\"bb\":4,\"\":5}",
              "{\"\":5,\"B\":3,\"b\":2,\"bb\":4,\"\xc3\xa4\":1}");
}

static void equal_trees_have_one_text(void **state)
{
  cJSON *a = parse("{\"x\":{\"b\":1,\"a\":[1,2]},\"y\":2}"), *b = parse("{\"y\":2.0,\"x\":{\"a\":[1,2],\"b\":1}}");
  cJSON *c = parse("{\"y\":2.0,\"x\":{\"a\":[2,1],\"b\":1}}");
  atr_buf of_a, of_b, of_c;

  (void)state;
  atr_buf_init(&of_a, SIZE_MAX);
  atr_buf_init(&of_b, SIZE_MAX);
  atr_buf_init(&of_c, SIZE_MAX);
  assert_ok(atr_json_canonical(a, &of_a));
  assert_ok(atr_json_canonical(b, &of_b));
  assert_ok(atr_json_canonical(c, &of_c));
  assert_true(atr_span_equal(atr_buf_span(&of_a), atr_buf_span(&of_b)));
  assert_false(atr_span_equal(atr_buf_span(&of_a), atr_buf_span(&of_c)));
  atr_buf_free(&of_a);
  atr_buf_free(&of_b);
  atr_buf_free(&of_c);
  assert_true(atr_json_equal(a, b));
  assert_false(atr_json_equal(a, c));
  cJSON_Delete(a);
  cJSON_Delete(b);
  cJSON_Delete(c);
}

static void what_cannot_be_printed_leaves_the_buffer_alone(void **state)
{
  cJSON *tree = cJSON_CreateArray(), *deep = cJSON_CreateArray();
  atr_buf out;

  (void)state;
  atr_buf_init(&out, 20);
  assert_ok(atr_buf_append_str(&out, "before"));
  cJSON_AddItemToArray(tree, cJSON_CreateNumber((double)NAN));
  assert_err(atr_json_print(tree, &out), ATR_JSON_NUMBER);
  cJSON_ReplaceItemInArray(tree, 0, cJSON_CreateString("\xff"));
  assert_err(atr_json_print(tree, &out), ATR_JSON_UTF8);
  cJSON_ReplaceItemInArray(tree, 0, cJSON_CreateRaw("1"));
  assert_err(atr_json_print(tree, &out), ATR_JSON_TYPE);
  cJSON_ReplaceItemInArray(tree, 0, cJSON_CreateString("longer than the buffer"));
  assert_err(atr_json_print(tree, &out), ATR_LIMIT);
  for (int i = 0; i < ATR_JSON_DEPTH_MAX; i++) {
    cJSON *outer = cJSON_CreateArray();

    cJSON_AddItemToArray(outer, deep);
    deep = outer;
  }
  atr_buf_truncate(&out, 6);
  out.max = SIZE_MAX;
  assert_err(atr_json_print(deep, &out), ATR_JSON_DEPTH);
  assert_err(atr_json_canonical(deep, &out), ATR_JSON_DEPTH);
  assert_err(atr_json_print(NULL, &out), ATR_JSON_TYPE);
  assert_int_equal(out.len, 6);
  assert_memory_equal(out.data, "before", 6);
  atr_buf_free(&out);
  cJSON_Delete(tree);
  cJSON_Delete(deep);
}

static void getters_are_exact(void **state)
{
  cJSON *o = parse("{\"s\":\"x\",\"n\":-1.5,\"u\":9007199254740992,\"b\":true,"
                   "\"id\":\"000102030405060708090a0b0c0d0e0f\",\"f\":1.5}");
  const char *s = "untouched";
  double n = 7;
  uint64_t u = 7;
  bool b = false;
  atr_id id = {{0}};
  atr_hash hash;

  (void)state;
  assert_ok(atr_json_get_str(o, "s", &s));
  assert_string_equal(s, "x");
  assert_err(atr_json_get_str(o, "S", &s), ATR_JSON_TYPE);
  assert_err(atr_json_get_str(o, "n", &s), ATR_JSON_TYPE);
  assert_err(atr_json_get_str(NULL, "s", &s), ATR_JSON_TYPE);
  assert_ok(atr_json_get_num(o, "n", -2, 2, &n));
  assert_true(n == -1.5);
  assert_err(atr_json_get_num(o, "n", -1, 2, &n), ATR_JSON_TYPE);
  assert_ok(atr_json_get_u64(o, "u", UINT64_MAX, &u));
  assert_true(u == 9007199254740992u);
  assert_err(atr_json_get_u64(o, "u", 9007199254740991u, &u), ATR_JSON_TYPE);
  assert_err(atr_json_get_u64(o, "n", 10, &u), ATR_JSON_TYPE);
  assert_err(atr_json_get_u64(o, "f", 10, &u), ATR_JSON_TYPE);
  assert_ok(atr_json_get_bool(o, "b", &b));
  assert_true(b);
  assert_ok(atr_json_get_id(o, "id", &id));
  assert_int_equal(id.b[15], 15);
  assert_err(atr_json_get_hash(o, "id", &hash), ATR_JSON_TYPE);
  assert_ok(atr_json_set(o, "s", cJSON_CreateNumber(2)));
  assert_ok(atr_json_get_num(o, "s", 0, 9, &n));
  assert_err(atr_json_set(o, "s", NULL), ATR_NOMEM);
  assert_true(atr_json_memory(o) > 6 * sizeof(cJSON));
  cJSON_Delete(o);
}

static void only_objects_where_objects_are_wanted(void **state)
{
  cJSON *tree;

  (void)state;
  assert_err(atr_json_parse_object("[1]", 3, &tree), ATR_JSON_TYPE);
  assert_null(tree);
  assert_err(atr_json_parse_object("{", 1, &tree), ATR_JSON_SYNTAX);
  assert_null(tree);
  assert_ok(atr_json_parse_object("{}", 2, &tree));
  cJSON_Delete(tree);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(printing_is_compact_and_exact),
      cmocka_unit_test(equal_trees_have_one_text),
      cmocka_unit_test(what_cannot_be_printed_leaves_the_buffer_alone),
      cmocka_unit_test(getters_are_exact),
      cmocka_unit_test(only_objects_where_objects_are_wanted),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
