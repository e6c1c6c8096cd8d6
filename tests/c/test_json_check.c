/* SPDX-License-Identifier: MIT
 *
 * The check of JSON text: what RFC 8259 allows and Atrium's further rules refuse, each with its own error. Texts are
 * copied to blocks of exactly their length, so that AddressSanitizer sees a read behind the end. */
#include "test.h"

#include "proto/json.h"

static int check_bytes(const char *text, size_t len, atr_json_info *info)
{
  char *exact = malloc(len ? len : 1);
  int err;

  memcpy(exact, text, len);
  err = atr_json_check(exact, len, info);
  free(exact);
  return err;
}

static int check(const char *text)
{
  return check_bytes(text, strlen(text), NULL);
}

static void valid_texts_pass(void **state)
{
  static const char *const texts[] = {
      "0",
      "-0",
      "12",
      "-12.5e+3",
      "1E5",
      "1e-5",
      "0.1",
      "true",
      "false",
      "null",
      "\"\"",
      "[]",
      "{}",
      " [ 1 , 2 ] ",
      "\t{\r\n\"a\" : [ ] , \"b\":{} }\n",
      "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u20ac\"",
      "\"\\ud83d\\ude00\"",
      "\"\xf0\x9f\x98\x80 \xc3\xa4 \x7f\"",
      "[[[[]]]]",
      "{\"a\":1,\"b\":1,\"A\":1}",
      "9007199254740992",
      "-9007199254740992",
      "1e308",
      "1.7976931348623157e308",
      "0.00017976931348623157e312",
      "1e-999",
      "0e999",
      "0.0000e99999",
      "17976931348623157e292",
      "{\"\":1}",
      "{\"a\":{\"a\":1},\"b\":{\"a\":1}}",
      "3.4028234663852886e+38",
      "\"a string that is rather longer than sixteen bytes, to go through the fast path\""};

  (void)state;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    cJSON *tree;

    if (check(texts[i]))
      fail_msg("%s: %s", texts[i], atr_err_name(check(texts[i])));
    assert_ok(atr_json_parse(texts[i], strlen(texts[i]), &tree)); /* and cJSON agrees */
    cJSON_Delete(tree);
  }
}

static void broken_texts_are_refused(void **state)
{
  static const char *const texts[] = {"",
                                      " ",
                                      "01",
                                      "-",
                                      "-a",
                                      "1.",
                                      ".5",
                                      "1e",
                                      "1e+",
                                      "+1",
                                      "1 2",
                                      "[1,]",
                                      "[,1]",
                                      "[1 2]",
                                      "[",
                                      "]",
                                      "[1",
                                      "{",
                                      "}",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{a:1}",
                                      "{1:1}",
                                      "{\"a\":1 \"b\":2}",
                                      "{\"a\" 1}",
                                      "tru",
                                      "truE",
                                      "nul",
                                      "nan",
                                      "Infinity",
                                      "'a'",
                                      "\"",
                                      "\"a",
                                      "\"\\\"",
                                      "\"\\",
                                      "\"\\x\"",
                                      "\"\\u12\"",
                                      "\"\\u12g4\"",
                                      "\"\n\"",
                                      "\"\t\"",
                                      "\"\x01\"",
                                      "/**/1",
                                      "1//",
                                      "[1}",
                                      "{\"a\":[}",
                                      "\xef\xbb\xbf"
                                      "1",
                                      "\"abcdefgh\x1fijklmnop\"",
                                      "[1]x",
                                      "\xc3\xa4"};

  (void)state;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    if (check(texts[i]) != ATR_JSON_SYNTAX)
      fail_msg("\"%s\" gave %s", texts[i], atr_err_name(check(texts[i])));
}

static void unicode_is_strict(void **state)
{
  static const char *const bad[] = {"\"\xff\"",         "\"\xc3\"",
                                    "\"\xc3",           "\"\xed\xa0\x80\"",
                                    "\"\xc0\x80\"",     "\"\\ud800\"",
                                    "\"\\udc00\"",      "\"\\ud800\\u0041\"",
                                    "\"\\ud800x\"",     "\"\xf4\x90\x80\x80\"",
                                    "{\"\xe2\x82\":1}", "\"abcdefgh\xc3\""};

  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (check(bad[i]) != ATR_JSON_UTF8)
      fail_msg("case %zu gave %s", i, atr_err_name(check(bad[i])));
}

static void nul_is_refused_everywhere(void **state)
{
  (void)state;
  assert_err(check("\"\\u0000\""), ATR_JSON_NUL);
  assert_err(check("{\"a\\u0000b\":1}"), ATR_JSON_NUL);
  assert_err(check_bytes("\"a\0b\"", 5, NULL), ATR_JSON_NUL);
  assert_err(check_bytes("1\0", 2, NULL), ATR_JSON_NUL);
  assert_err(check_bytes("\0", 1, NULL), ATR_JSON_NUL);
}

/* ATR_JSON_INT_MAX, ATR_JSON_NUMBER_BYTES_MAX */
static void numbers_are_exact_or_refused(void **state)
{
  char digits[ATR_JSON_NUMBER_BYTES_MAX + 2] = "0.";

  static const char *const bad[] = {"9007199254740993",
                                    "-9007199254740993",
                                    "18446744073709551616",
                                    "100000000000000000000",
                                    "1e309",
                                    "-1e309",
                                    "1e99999999999999999999",
                                    "1.7976931348623159e308",
                                    "17976931348623159e292",
                                    "0.1e310",
                                    "0.00000000000000000000000000000000000000000000000000000000000001"};

  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (check(bad[i]) != ATR_JSON_NUMBER)
      fail_msg("%s gave %s", bad[i], atr_err_name(check(bad[i])));
  assert_ok(check("9007199254740992"));
  assert_ok(check("-9007199254740992"));
  memset(digits + 2, '3', ATR_JSON_NUMBER_BYTES_MAX - 2);
  assert_ok(check(digits));
  digits[ATR_JSON_NUMBER_BYTES_MAX] = '3';
  assert_err(check(digits), ATR_JSON_NUMBER);
}

static int check_nested(int depth, const char *open, const char *close)
{
  atr_buf text;
  int err;

  atr_buf_init(&text, SIZE_MAX);
  for (int i = 0; i < depth; i++)
    atr_buf_append_str(&text, open);
  atr_buf_append_str(&text, "1");
  for (int i = 0; i < depth; i++)
    atr_buf_append_str(&text, close);
  err = check_bytes((const char *)text.data, text.len, NULL);
  atr_buf_free(&text);
  return err;
}

static void nesting_is_bounded(void **state)
{
  (void)state;
  assert_ok(check_nested(ATR_JSON_DEPTH_MAX, "[", "]"));
  assert_err(check_nested(ATR_JSON_DEPTH_MAX + 1, "[", "]"), ATR_JSON_DEPTH);
  assert_ok(check_nested(ATR_JSON_DEPTH_MAX, "{\"a\":", "}"));
  assert_err(check_nested(ATR_JSON_DEPTH_MAX + 1, "{\"a\":", "}"), ATR_JSON_DEPTH);
  assert_err(check_nested(1000, "[", "]"), ATR_JSON_DEPTH);
  assert_err(check_nested(1000000, "[", ""), ATR_JSON_DEPTH);
}

static void length_is_bounded(void **state)
{
  size_t len = (size_t)ATR_MESSAGE_BYTES_MAX + 1;
  char *text = malloc(len);

  (void)state;
  memset(text, ' ', len);
  text[0] = '1';
  assert_ok(atr_json_check(text, len - 1, NULL));
  assert_err(atr_json_check(text, len, NULL), ATR_MESSAGE_SIZE);
  free(text);
}

/* An object of n keys k0 ... , the last one equal to the one at `same` where that is not negative. */
static int check_keys(int n, int same, const char *format)
{
  atr_buf text;
  char key[64];
  int err;

  atr_buf_init(&text, SIZE_MAX);
  for (int i = 0; i < n; i++) {
    snprintf(key, sizeof key, i == n - 1 && same >= 0 ? format : "%s\"k%d\":{\"x\":1,\"y\":2}", i ? "," : "{",
             i == n - 1 && same >= 0 ? same : i);
    atr_buf_append_str(&text, key);
  }
  atr_buf_append_str(&text, "}");
  err = check_bytes((const char *)text.data, text.len, NULL);
  atr_buf_free(&text);
  return err;
}

static void duplicate_keys_are_refused(void **state)
{
  static const int counts[] = {2, 3, 15, 16, 17, 18, 63, 64, 65, 66, 500, 100000};

  (void)state;
  assert_err(check("{\"a\":1,\"a\":1}"), ATR_JSON_DUPKEY);
  assert_err(check("{\"a\":1,\"\\u0061\":1}"), ATR_JSON_DUPKEY);
  assert_err(check("{\"\\u00e4\":1,\"\xc3\xa4\":1}"), ATR_JSON_DUPKEY);
  assert_err(check("{\"\":1,\"\":1}"), ATR_JSON_DUPKEY);
  assert_err(check("[{\"b\":{\"a\":1,\"b\":2,\"a\":3}}]"), ATR_JSON_DUPKEY);
  assert_ok(check("{\"\\ud83d\\ude00\":1,\"\\ud83d\\ude01\":1,\"\\\\u0061\":1,\"a\":2}"));
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    assert_ok(check_keys(counts[i], -1, ""));
    assert_err(check_keys(counts[i], 0, "%s\"k%d\":1"), ATR_JSON_DUPKEY);
    assert_err(check_keys(counts[i], counts[i] - 2, "%s\"\\u006b%d\":1"), ATR_JSON_DUPKEY);
  }
}

static void the_check_tells_what_it_saw(void **state)
{
  static const char text[] = "{\"a\":null,\"b\":[1,null,[2]],\"c\":\"x\"}";
  atr_json_info info;

  (void)state;
  assert_ok(check_bytes(text, strlen(text), &info));
  assert_int_equal(info.kind, ATR_KIND_OBJECT);
  assert_int_equal(info.values, 8);
  assert_int_equal(info.depth, 3);
  assert_int_equal(info.nulls, 2);
  assert_int_equal(info.array_nulls, 1);
  assert_false(info.tags);
  assert_ok(check_bytes("[{\"a\":null}]", 12, &info));
  assert_int_equal(info.array_nulls, 0);
  assert_ok(check_bytes("{\"a\":[ \"$ref\"]}", 15, &info));
  assert_true(info.tags);
  assert_ok(check_bytes("[\"\\u0024none\"]", 14, &info));
  assert_true(info.tags);
  assert_err(check_bytes("[1,x]", 5, &info), ATR_JSON_SYNTAX);
  assert_int_equal(info.error_at, 3);
}

static void every_prefix_and_every_byte_is_survived(void **state)
{
  static const char text[] = "{\"name\":\"K\xc3\xb6rper\\u0020\",\"@k1\":{\"type\":\"SUBSURF\",\"v\":[1,-2.5e3,true]},"
                             "\"r\":[\"$ref\",\"00\"],\"n\":null}";
  size_t len = strlen(text);
  char copy[sizeof text];

  (void)state;
  assert_ok(check_bytes(text, len, NULL));
  for (size_t n = 0; n < len; n++)
    assert_int_not_equal(check_bytes(text, n, NULL), 0);
  for (size_t i = 0; i < len; i++)
    for (int c = 0; c < 256; c++) {
      cJSON *tree;

      memcpy(copy, text, sizeof text);
      copy[i] = (char)c;
      if (check_bytes(copy, len, NULL) == 0) { /* what passes, cJSON takes */
        assert_ok(atr_json_parse(copy, len, &tree));
        cJSON_Delete(tree);
      }
    }
}

/* A document is stored as it prints: what it says about its length decides whether an operation can still be merged. */
static void it_says_how_long_the_text_prints(void **state)
{
  static const char *const texts[] = {"1e15",
                                      "1E15",
                                      "-1e15",
                                      "1e5",
                                      "1e-5",
                                      "1e-4",
                                      "12e-5",
                                      "1.5e3",
                                      "1e16",
                                      "1e22",
                                      "1e100",
                                      "-0",
                                      "-0.0",
                                      "0e0",
                                      "0.0",
                                      "-0.000",
                                      "1.0",
                                      "100e-2",
                                      "0.1",
                                      "1e-320",
                                      "1e-400",
                                      "-1e-400",
                                      "9007199254740993.5",
                                      "12345678901234567.5",
                                      "123456789012345678e-3",
                                      "9999999999999999.9",
                                      "99999999999999999e-22",
                                      "0.00012345",
                                      "0.000012345",
                                      "179e306",
                                      "0.000e5",
                                      "1.7976931348623157e308",
                                      "[1e15,1e15,-0,7,\"1e15\",{\"1e15\":1e1}]"};

  (void)state;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    atr_json_info info;
    cJSON *tree;
    atr_buf out;

    atr_buf_init(&out, SIZE_MAX);
    assert_ok(atr_json_check(texts[i], strlen(texts[i]), &info));
    assert_ok(atr_json_parse(texts[i], strlen(texts[i]), &tree));
    assert_ok(atr_json_print(tree, &out));
    if (info.printed < out.len || info.printed > (out.len > strlen(texts[i]) ? out.len + 2 : strlen(texts[i]) + 2))
      fail_msg("%s prints as %zu bytes, said were %zu", texts[i], out.len, info.printed);
    cJSON_Delete(tree);
    atr_buf_free(&out);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_says_how_long_the_text_prints),
      cmocka_unit_test(valid_texts_pass),
      cmocka_unit_test(broken_texts_are_refused),
      cmocka_unit_test(unicode_is_strict),
      cmocka_unit_test(nul_is_refused_everywhere),
      cmocka_unit_test(numbers_are_exact_or_refused),
      cmocka_unit_test(nesting_is_bounded),
      cmocka_unit_test(length_is_bounded),
      cmocka_unit_test(duplicate_keys_are_refused),
      cmocka_unit_test(the_check_tells_what_it_saw),
      cmocka_unit_test(every_prefix_and_every_byte_is_survived),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
