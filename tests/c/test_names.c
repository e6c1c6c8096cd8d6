/* SPDX-License-Identifier: MIT
 *
 * Several documents with one name. In Blender two objects cannot share a name, in a room they can, and every member must show
 * the same without a word about it on the wire. So the rule is checked here case by case: who was created first shows
 * the name, the others the first free suffixes, in whatever order a member hears of them. */
#include "test.h"

#include "replica/names.h"

enum { NAMES_MAX = 8 };

static atr_names *names;
static atr_name entries[NAMES_MAX];
static size_t changes;

static void on_change(void *ctx, atr_name *name)
{
  (void)ctx;
  assert_true(name >= entries && name < entries + NAMES_MAX);
  changes++;
}

static int begin(void **state)
{
  (void)state;
  memset(entries, 0, sizeof entries);
  for (size_t i = 0; i < NAMES_MAX; i++)
    entries[i].id.b[0] = (uint8_t)i;
  changes = 0;
  assert_ok(atr_names_new(&names, on_change, NULL));
  return 0;
}

static int end(void **state)
{
  (void)state;
  for (size_t i = 0; i < NAMES_MAX; i++)
    assert_ok(atr_names_set(names, &entries[i], "", NULL, 0));
  assert_ok(atr_names_settle(names));
  atr_names_free(names);
  return 0;
}

/* Document `i` was created as number i + 1. NULL: it is gone. */
static void name_as(size_t i, const char *type, const char *text)
{
  assert_ok(atr_names_set(names, &entries[i], type, text, i + 1));
}

static void name(size_t i, const char *text)
{
  name_as(i, "object", text);
}

/* What document `i` shows; NULL: its own name. */
static void assert_show(size_t i, const char *expected)
{
  assert_ok(atr_names_settle(names));
  if (!expected) {
    assert_null(entries[i].show);
    return;
  }
  assert_non_null(entries[i].show);
  assert_string_equal(entries[i].show, expected);
}

static void the_first_created_shows_the_name(void **state)
{
  (void)state;
  name(2, "Cube"); /* heard of in another order than they were created */
  name(0, "Cube");
  assert_show(2, "Cube.001");
  name(1, "Cube");
  assert_show(0, NULL);
  assert_show(1, "Cube.001");
  assert_show(2, "Cube.002");
}

static void ids_decide_between_equal_numbers(void **state)
{
  (void)state;
  assert_ok(atr_names_set(names, &entries[1], "object", "Cube", 1));
  assert_ok(atr_names_set(names, &entries[0], "object", "Cube", 1));
  assert_show(0, NULL);
  assert_show(1, "Cube.001");
}

static void a_literal_name_takes_its_suffix(void **state)
{
  (void)state;
  name(0, "Cube");
  name(1, "Cube");
  assert_show(1, "Cube.001");
  name(2, "Cube.001"); /* created later, but that is its own name */
  assert_show(2, NULL);
  assert_show(1, "Cube.002");
  name(2, NULL);
  assert_show(1, "Cube.001");
}

static void equal_literal_names_have_suffixes_of_their_own(void **state)
{
  (void)state;
  name(0, "Cube");
  name(1, "Cube");
  name(2, "Cube.001");
  name(3, "Cube.001");
  assert_show(0, NULL);
  assert_show(1, "Cube.002");
  assert_show(2, NULL);
  assert_show(3, "Cube.001.001");
}

static void a_deletion_frees_the_name(void **state)
{
  (void)state;
  for (size_t i = 0; i < 3; i++)
    name(i, "Cube");
  assert_show(2, "Cube.002");
  name(0, NULL);
  assert_show(1, NULL);
  assert_show(2, "Cube.001");
  name(1, NULL);
  assert_show(2, NULL);
}

static void a_document_created_again_comes_last(void **state)
{
  (void)state;
  name(0, "Cube");
  name(1, "Cube");
  assert_ok(atr_names_set(names, &entries[0], "object", "Cube", 9));
  assert_show(1, NULL);
  assert_show(0, "Cube.001");
}

static void renames_onto_each_other(void **state)
{
  (void)state;
  name(0, "A");
  name(1, "B");
  assert_ok(atr_names_settle(names));
  name(0, "B"); /* for a moment both are "B" */
  assert_show(1, "B.001");
  name(1, "A");
  assert_show(0, NULL);
  assert_show(1, NULL);
}

static void each_type_has_names_of_its_own(void **state)
{
  (void)state;
  name_as(0, "object", "Cube");
  name_as(1, "mesh", "Cube");
  name_as(2, "mesh", "Cube");
  name_as(3, "object", "Cube.001"); /* takes nothing from meshes */
  assert_show(0, NULL);
  assert_show(1, NULL);
  assert_show(2, "Cube.001");
  name_as(2, "object", "Cube"); /* and one may change sides */
  assert_show(2, "Cube.002");
}

static void nothing_is_told_twice(void **state)
{
  (void)state;
  name(0, "Cube");
  name(1, "Cube");
  assert_ok(atr_names_settle(names));
  assert_int_equal(changes, 1);
  name(1, "Cube");
  name(2, "Sphere");
  assert_ok(atr_names_settle(names));
  assert_int_equal(changes, 1);
}

/* 63 bytes of which 7 are kept for the suffix: a longer name is cut, on a character's boundary. */
static void a_suffix_fits_into_the_longest_name(void **state)
{
  char text[64], expected[64];

  (void)state;
  memset(text, 'x', 63);
  text[63] = 0;
  name(0, text);
  name(1, text);
  snprintf(expected, sizeof expected, "%.56s.001", text);
  assert_show(0, NULL);
  assert_show(1, expected);

  memcpy(text + 55, "\xc3\xa9", 2); /* bytes 55 and 56: a cut after 56 would halve it */
  name(2, text);
  name(3, text);
  snprintf(expected, sizeof expected, "%.55s.001", text);
  assert_show(2, NULL);
  assert_show(3, expected);
}

/* Names that differ only behind the cut share their suffixes, or both would show the same. */
static void long_names_with_one_stem_share_their_suffixes(void **state)
{
  char one[64], other[64], first[64], second[64];

  (void)state;
  memset(one, 'x', 63);
  one[63] = 0;
  memcpy(other, one, sizeof one);
  other[62] = 'y';
  snprintf(first, sizeof first, "%.56s.001", one);
  snprintf(second, sizeof second, "%.56s.002", one);
  name(0, one);
  name(1, other);
  name(2, other);
  name(3, one);
  assert_show(0, NULL);
  assert_show(1, NULL);
  assert_show(2, first);
  assert_show(3, second);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(the_first_created_shows_the_name, begin, end),
      cmocka_unit_test_setup_teardown(ids_decide_between_equal_numbers, begin, end),
      cmocka_unit_test_setup_teardown(a_literal_name_takes_its_suffix, begin, end),
      cmocka_unit_test_setup_teardown(equal_literal_names_have_suffixes_of_their_own, begin, end),
      cmocka_unit_test_setup_teardown(a_deletion_frees_the_name, begin, end),
      cmocka_unit_test_setup_teardown(a_document_created_again_comes_last, begin, end),
      cmocka_unit_test_setup_teardown(renames_onto_each_other, begin, end),
      cmocka_unit_test_setup_teardown(each_type_has_names_of_its_own, begin, end),
      cmocka_unit_test_setup_teardown(nothing_is_told_twice, begin, end),
      cmocka_unit_test_setup_teardown(a_suffix_fits_into_the_longest_name, begin, end),
      cmocka_unit_test_setup_teardown(long_names_with_one_stem_share_their_suffixes, begin, end),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
