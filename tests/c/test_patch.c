/* SPDX-License-Identifier: MIT
 *
 * Merge patch: the RFC's own test cases, the rule for items, and the property on which the replica stands: whatever two
 * trees are given, applying their difference to the first gives the second. */
#include "test.h"

#include "proto/json.h"
#include "proto/patch.h"

static cJSON *parse(const char *text)
{
  cJSON *tree;

  if (atr_json_parse(text, strlen(text), &tree))
    fail_msg("no JSON: %s", text);
  return tree;
}

static char *text_of(const cJSON *tree)
{
  atr_buf text;
  size_t n;

  atr_buf_init(&text, SIZE_MAX);
  assert_ok(atr_json_canonical(tree, &text));
  atr_buf_append_u8(&text, 0);
  return (char *)atr_buf_detach(&text, &n);
}

/* Applies in both ways and compares with `expected`. */
static void check_apply(const char *target_text, const char *patch_text, const char *expected_text)
{
  cJSON *expected = parse(expected_text), *patch = parse(patch_text);
  char *wanted = text_of(expected);

  for (int move = 0; move < 2; move++) {
    cJSON *target = target_text ? parse(target_text) : NULL;
    char *got;

    assert_ok(move ? atr_patch_apply_move(&target, parse(patch_text)) : atr_patch_apply(&target, patch));
    got = text_of(target);
    if (strcmp(got, wanted) != 0)
      fail_msg("%s + %s = %s, not %s", target_text ? target_text : "nothing", patch_text, got, wanted);
    free(got);
    cJSON_Delete(target);
  }
  free(wanted);
  cJSON_Delete(expected);
  cJSON_Delete(patch);
}

/* tests/merge_patch.json: the cases of RFC 7396 (appendix A and section 3) and of the rule for items. The add-on's Python
 * merges too; its test reads the same file. A case without a target is a create. */
static void the_shared_cases(void **state)
{
  atr_buf text;
  cJSON *cases, *c;
  FILE *file = fopen("tests/merge_patch.json", "r");
  int n = 0, byte;

  (void)state;
  assert_non_null(file); /* run from the top of the project */
  atr_buf_init(&text, SIZE_MAX);
  while ((byte = getc(file)) != EOF)
    atr_buf_append_u8(&text, (uint8_t)byte);
  fclose(file);
  assert_ok(atr_json_parse((const char *)text.data, text.len, &cases));
  cJSON_ArrayForEach (c, cases) {
    const cJSON *target = atr_json_get(c, "target");
    char *before = target ? text_of(target) : NULL, *patch = text_of(atr_json_get(c, "patch"));
    char *after = text_of(atr_json_get(c, "result"));

    check_apply(before, patch, after);
    free(before);
    free(patch);
    free(after);
    n++;
  }
  assert_true(n >= 30);
  cJSON_Delete(cases);
  atr_buf_free(&text);
}

static void check_diff_text(const char *from_text, const char *to_text, const char *expected)
{
  cJSON *from = parse(from_text), *to = parse(to_text), *patch;
  char *got;

  assert_ok(atr_patch_diff(from, to, &patch));
  if (!expected) {
    assert_null(patch);
  } else {
    assert_non_null(patch);
    got = text_of(patch);
    assert_string_equal(got, expected);
    free(got);
  }
  cJSON_Delete(patch);
  cJSON_Delete(from);
  cJSON_Delete(to);
}

static void differences_are_small(void **state)
{
  (void)state;
  check_diff_text("{\"a\":1}", "{\"a\":1}", NULL);
  check_diff_text("{\"a\":1,\"b\":{\"c\":2}}", "{\"b\":{\"c\":2},\"a\":1}", NULL);
  check_diff_text("{\"a\":{\"b\":1,\"c\":[1,2]}}", "{\"a\":{\"b\":2,\"c\":[1,2]}}", "{\"a\":{\"b\":2}}");
  check_diff_text("{\"a\":1,\"b\":2}", "{\"a\":1}", "{\"b\":null}");
  check_diff_text("{\"a\":0}", "{\"a\":-0.0}", "{\"a\":-0.0}");
  check_diff_text("{}", "{\"a\":{}}", "{\"a\":{}}");
  check_diff_text("{\"a\":1}", "{\"a\":{}}", "{\"a\":{}}");
  check_diff_text("{\"@i\":{\"type\":\"A\",\"v\":1}}", "{\"@i\":{\"type\":\"A\",\"v\":2}}", "{\"@i\":{\"v\":2}}");
  check_diff_text("{\"@i\":{\"type\":\"A\",\"v\":1}}", "{\"@i\":{\"type\":\"B\",\"v\":1}}",
                  "{\"@i\":{\"type\":\"B\",\"v\":1}}");
  check_diff_text("{}", "{\"@i\":{\"type\":\"A\"}}", "{\"@i\":{\"type\":\"A\"}}");
  check_diff_text("{\"@i\":{\"type\":\"A\"}}", "{}", "{\"@i\":null}");
  check_diff_text("5", "{\"a\":1}", "{\"a\":1}");
  check_diff_text("{\"a\":1}", "[1]", "[1]");
}

static void check_diff_err(const char *from_text, const char *to_text, int expected)
{
  cJSON *from = parse(from_text), *to = parse(to_text), *patch;

  assert_err(atr_patch_diff(from, to, &patch), expected);
  assert_null(patch);
  cJSON_Delete(from);
  cJSON_Delete(to);
}

static void what_no_patch_can_make_is_refused(void **state)
{
  (void)state;
  check_diff_err("{}", "{\"a\":null}", ATR_JSON_NULL);
  check_diff_err("{}", "{\"a\":{\"b\":[1,{\"c\":null}]}}", ATR_JSON_NULL);
  check_diff_err("{}", "{\"a\":[null]}", ATR_JSON_NULL);
  check_diff_err("{}", "{\"@i\":{\"v\":1}}", ATR_INVAL);
  check_diff_err("{}", "{\"a\":{\"@i\":5}}", ATR_INVAL);
  check_diff_err("{\"@i\":{\"type\":\"A\"}}", "{\"@i\":{\"v\":1}}", ATR_INVAL);
  check_diff_text("{}", "{\"a\":[{\"@i\":5}]}", "{\"a\":[{\"@i\":5}]}"); /* arrays are values */
}

static void deep_patches_are_refused(void **state)
{
  cJSON *tree = cJSON_CreateObject(), *target = NULL;

  (void)state;
  for (int i = 1; i < ATR_JSON_DEPTH_MAX; i++) {
    cJSON *outer = cJSON_CreateObject();

    cJSON_AddItemToObject(outer, "a", tree);
    tree = outer;
  }
  assert_ok(atr_patch_apply(&target, tree));
  cJSON *outer = cJSON_CreateObject();

  cJSON_AddItemToObject(outer, "a", tree);
  assert_err(atr_patch_apply(&target, outer), ATR_JSON_DEPTH);
  assert_err(atr_patch_apply_move(&target, outer), ATR_JSON_DEPTH);
  cJSON_Delete(target);
}

/* --- properties ---------------------------------------------------------------------------------------------------- */

static cJSON *random_value(uint64_t *random, int depth, size_t members_max);

static cJSON *random_object(uint64_t *random, int depth, size_t members_max, bool typed)
{
  cJSON *object = cJSON_CreateObject();
  size_t n = test_below(random, members_max + 1);

  if (typed)
    cJSON_AddStringToObject(object, "type", test_below(random, 2) ? "A" : "B");
  for (size_t i = 0; i < n; i++) {
    char key[32];
    bool item = test_below(random, 3) == 0;

    snprintf(key, sizeof key, "%s%zu", item ? "@" : "k", test_below(random, members_max * 2));
    if (!atr_json_get(object, key))
      cJSON_AddItemToObject(object, key,
                            item ? random_object(random, depth - 1, depth > 0 ? 4 : 0, true)
                                 : random_value(random, depth - 1, 4));
  }
  return object;
}

static cJSON *random_value(uint64_t *random, int depth, size_t members_max)
{
  cJSON *array;

  switch (test_below(random, depth > 0 ? 7 : 4)) {
  case 0:
    return cJSON_CreateNumber((double)test_below(random, 3));
  case 1:
    return cJSON_CreateNumber(test_below(random, 2) ? -0.0 : 0.5);
  case 2:
    return cJSON_CreateString(test_below(random, 2) ? "x" : "y");
  case 3:
    return cJSON_CreateBool((cJSON_bool)test_below(random, 2));
  case 4:
    array = cJSON_CreateArray();
    for (size_t n = test_below(random, 3); n; n--)
      cJSON_AddItemToArray(array, random_value(random, depth - 1, 2));
    return array;
  default:
    return random_object(random, depth, members_max, false);
  }
}

static void check_pair(const cJSON *from, const cJSON *to)
{
  cJSON *patch, *target = cJSON_Duplicate(from, 1), *again;
  char *a, *b;

  assert_ok(atr_patch_diff(from, to, &patch));
  a = text_of(from);
  b = text_of(to);
  assert_int_equal(patch == NULL, strcmp(a, b) == 0);
  assert_int_equal(atr_json_equal(from, to), strcmp(a, b) == 0);
  free(a);
  if (patch) {
    assert_ok(atr_patch_apply(&target, patch));
    a = text_of(target);
    assert_string_equal(a, b);
    free(a);
    assert_ok(atr_patch_apply_move(&target, patch)); /* a second time changes nothing */
    a = text_of(target);
    assert_string_equal(a, b);
    free(a);
  }
  assert_false(atr_json_has_null(target));
  assert_ok(atr_patch_diff(target, to, &again));
  assert_null(again);
  free(b);
  cJSON_Delete(target);
}

static void applying_the_difference_gives_the_other(void **state)
{
  uint64_t random = test_seed();

  (void)state;
  for (int i = 0; i < 20000; i++) {
    cJSON *from = random_object(&random, 4, 6, false), *to = random_object(&random, 4, 6, false);

    check_pair(from, to);
    cJSON_Delete(from);
    cJSON_Delete(to);
  }
}

static void large_objects_too(void **state)
{
  uint64_t random = test_seed();

  (void)state;
  for (int i = 0; i < 60; i++) {
    cJSON *from = random_object(&random, 2, 200, false), *to = random_object(&random, 2, 200, false);

    check_pair(from, to);
    cJSON_Delete(from);
    cJSON_Delete(to);
  }
}

static cJSON *wide_object(int n, int step)
{
  cJSON *object = cJSON_CreateObject();
  char key[32];

  for (int i = 0; i < n; i++) {
    snprintf(key, sizeof key, "some_property_%d", i * step);
    cJSON_AddItemToObject(object, key, cJSON_CreateNumber(i));
  }
  return object;
}

/* 200,000 members: 20 milliseconds each way when linear, some minutes when quadratic (and then the runner's time limit
 * strikes). */
static void many_members_stay_linear(void **state)
{
  cJSON *from = wide_object(200000, 2), *to = wide_object(200000, 3);

  (void)state;
  check_pair(from, to);
  cJSON_Delete(from);
  cJSON_Delete(to);
}

/* The index of a large object must forget members that the merge has freed: with one key in two deleted and all of them
 * looked up, some search passes over the place of a deleted one (seen as a use after free by the fuzzer). */
static void deleted_members_are_forgotten(void **state)
{
  cJSON *target = wide_object(5000, 1), *patch = wide_object(5000, 1), *member;
  int i = 0;

  (void)state;
  cJSON_ArrayForEach (member, patch)
    member->type = i++ % 2 ? cJSON_NULL : cJSON_Number;
  assert_ok(atr_patch_apply_move(&target, patch));
  assert_int_equal(cJSON_GetArraySize(target), 2500);
  cJSON_Delete(target);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_shared_cases),
      cmocka_unit_test(differences_are_small),
      cmocka_unit_test(what_no_patch_can_make_is_refused),
      cmocka_unit_test(deep_patches_are_refused),
      cmocka_unit_test(applying_the_difference_gives_the_other),
      cmocka_unit_test(large_objects_too),
      cmocka_unit_test(many_members_stay_linear),
      cmocka_unit_test(deleted_members_are_forgotten),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
