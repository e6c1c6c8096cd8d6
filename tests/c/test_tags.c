/* SPDX-License-Identifier: MIT
 *
 * Tagged arrays: each shape is recognised, each malformed one is refused, and blobs and references are found wherever
 * they stand, except inside of a literal. */
#include "test.h"

#include "proto/json.h"
#include "proto/tags.h"

#define HEX32 "000102030405060708090a0b0c0d0e0f"
#define HEX64 HEX32 HEX32

static enum atr_tag tag_of(const char *text)
{
  cJSON *tree;
  enum atr_tag tag;

  assert_ok(atr_json_parse(text, strlen(text), &tree));
  tag = atr_tag_of(tree);
  cJSON_Delete(tree);
  return tag;
}

static void shapes_are_checked(void **state)
{
  static const struct {
    const char *text;
    enum atr_tag tag;
  } cases[] = {{"[\"$ref\",\"" HEX32 "\"]", ATR_TAG_REF},
               {"[\"$ref\"]", ATR_TAG_BAD},
               {"[\"$ref\",\"" HEX32 "00\"]", ATR_TAG_BAD},
               {"[\"$ref\",5]", ATR_TAG_BAD},
               {"[\"$ref\",\"" HEX32 "\",1]", ATR_TAG_BAD},
               {"[\"$none\"]", ATR_TAG_NONE},
               {"[\"$none\",1]", ATR_TAG_BAD},
               {"[\"$f\",\"nan\"]", ATR_TAG_FLOAT},
               {"[\"$f\",\"inf\"]", ATR_TAG_FLOAT},
               {"[\"$f\",\"-inf\"]", ATR_TAG_FLOAT},
               {"[\"$f\",\"1\"]", ATR_TAG_BAD},
               {"[\"$f\",1]", ATR_TAG_BAD},
               {"[\"$i\",\"9007199254740993\"]", ATR_TAG_INT},
               {"[\"$i\",\"-9223372036854775808\"]", ATR_TAG_INT},
               {"[\"$i\",\"18446744073709551615\"]", ATR_TAG_INT},
               {"[\"$i\",\"18446744073709551616\"]", ATR_TAG_BAD},
               {"[\"$i\",\"-9223372036854775809\"]", ATR_TAG_BAD},
               {"[\"$i\",\"9007199254740992\"]", ATR_TAG_BAD}, /* a plain number says it */
               {"[\"$i\",\"09007199254740993\"]", ATR_TAG_BAD},
               {"[\"$i\",\"99999999999999999999999999\"]", ATR_TAG_BAD},
               {"[\"$i\",\"\"]", ATR_TAG_BAD},
               {"[\"$i\",\"-\"]", ATR_TAG_BAD},
               {"[\"$i\",\"9007199254740993x\"]", ATR_TAG_BAD},
               {"[\"$blob\",\"" HEX64 "\",\"f4\",[100,3]]", ATR_TAG_BLOB},
               {"[\"$blob\",\"" HEX64 "\",\"file\",[0]]", ATR_TAG_BLOB},
               {"[\"$blob\",\"" HEX64 "\",\"file\",[9],\"wood.png\"]", ATR_TAG_BLOB},
               {"[\"$blob\",\"" HEX64 "\",\"file\",[9],7]", ATR_TAG_BAD},
               {"[\"$blob\",\"" HEX64 "\",\"file\",[9],\"a\",\"b\"]", ATR_TAG_BAD},
               {"[\"$blob\",\"" HEX64 "\",\"f4\",[9],\"a\"]", ATR_TAG_BAD},
               {"[\"$blob\",\"" HEX64 "\",\"file\",[1,1]]", ATR_TAG_BAD},
               {"[\"$blob\",\"" HEX64 "\",\"f4\",[]]", ATR_TAG_BAD},
               {"[\"$blob\",\"" HEX64 "\",\"f4\",[-1]]", ATR_TAG_BAD},
               {"[\"$blob\",\"" HEX64 "\",\"f4\",[1.5]]", ATR_TAG_BAD},
               {"[\"$blob\",\"" HEX64 "\",\"f4\",[\"1\"]]", ATR_TAG_BAD},
               {"[\"$blob\",\"" HEX64 "\",\"f4\",5]", ATR_TAG_BAD},
               {"[\"$blob\",\"" HEX64 "\",\"f5\",[1]]", ATR_TAG_BAD},
               {"[\"$blob\",\"" HEX32 "\",\"f4\",[1]]", ATR_TAG_BAD},
               {"[\"$blob\",\"" HEX64 "\",\"f4\"]", ATR_TAG_BAD},
               {"[\"$blob\",\"" HEX64 "\",\"u1\",[1,1,1,1,1,1,1,1]]", ATR_TAG_BLOB},
               {"[\"$blob\",\"" HEX64 "\",\"u1\",[1,1,1,1,1,1,1,1,1]]", ATR_TAG_BAD}, /* ATR_BLOB_DIMS_MAX */
               {"[\"$blob\",\"" HEX64 "\",\"u1\",[1073741824]]", ATR_TAG_BLOB},       /* ATR_BLOB_BYTES_MAX */
               {"[\"$blob\",\"" HEX64 "\",\"u1\",[1073741825]]", ATR_TAG_BAD},
               {"[\"$blob\",\"" HEX64 "\",\"f8\",[1073741824]]", ATR_TAG_BAD},
               {"[\"$blob\",\"" HEX64 "\",\"f8\",[1073741824,1073741824,0]]", ATR_TAG_BAD},
               {"[\"$lit\",[\"$x\"]]", ATR_TAG_LITERAL},
               {"[\"$lit\"]", ATR_TAG_BAD},
               {"[\"$lit\",1]", ATR_TAG_BAD},
               {"[\"$later\",1]", ATR_TAG_BAD},
               {"[\"$\"]", ATR_TAG_BAD},
               {"[\"REF\"]", ATR_TAG_PLAIN},
               {"[[\"$none\"]]", ATR_TAG_PLAIN},
               {"[1,\"$none\"]", ATR_TAG_PLAIN},
               {"[]", ATR_TAG_PLAIN},
               {"\"$none\"", ATR_TAG_PLAIN},
               {"{\"$none\":1}", ATR_TAG_PLAIN}};

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    if (tag_of(cases[i].text) != cases[i].tag)
      fail_msg("%s: %d", cases[i].text, (int)tag_of(cases[i].text));
}

static cJSON *parse(const char *text)
{
  cJSON *tree;

  assert_ok(atr_json_parse(text, strlen(text), &tree));
  return tree;
}

static void blobs_are_decoded(void **state)
{
  cJSON *blob = parse("[\"$blob\",\"" HEX64 "\",\"f4\",[100,3]]"), *ref = parse("[\"$ref\",\"" HEX32 "\"]");
  atr_blob_ref b;

  (void)state;
  assert_ok(atr_tag_blob(blob, &b));
  assert_string_equal(b.dtype, "f4");
  assert_int_equal(b.elem_bytes, 4);
  assert_int_equal(b.dims, 2);
  assert_int_equal(b.shape[1], 3);
  assert_int_equal(b.bytes, 1200);
  assert_int_equal(b.hash.b[31], 15);
  assert_err(atr_tag_blob(ref, &b), ATR_JSON_TAG);
  cJSON_Delete(blob);
  cJSON_Delete(ref);
}

static int count_blob(void *ctx, const atr_blob_ref *blob)
{
  assert_int_equal(blob->bytes, 4);
  return ++*(int *)ctx == 3 ? 77 : 0;
}

static void blobs_are_found(void **state)
{
  static const char text[] = "{\"a\":[\"$blob\",\"" HEX64 "\",\"f4\",[1]],\"b\":[{\"c\":[\"$blob\",\"" HEX64
                             "\",\"u4\",[1]]},[\"$ref\",\"" HEX32 "\"]],\"d\":[\"$lit\",[\"$ref\",\"" HEX32
                             "\"]],\"@e\":{\"type\":\"X\",\"r\":[\"$ref\",\"" HEX32 "\"]}}";
  cJSON *tree = parse(text), *bad = parse("{\"a\":[1,[\"$ref\"]]}");
  int blobs = 0;

  (void)state;
  assert_ok(atr_tags_check(tree));
  assert_ok(atr_json_visit_blobs(tree, count_blob, &blobs));
  assert_int_equal(blobs, 2);
  assert_int_equal(atr_json_visit_blobs(tree, count_blob, &blobs), 77); /* stopped */
  assert_err(atr_tags_check(bad), ATR_JSON_TAG);
  assert_err(atr_json_visit_blobs(bad, count_blob, &blobs), ATR_JSON_TAG);
  assert_ok(atr_tags_check(NULL));
  cJSON_Delete(tree);
  cJSON_Delete(bad);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(shapes_are_checked),
      cmocka_unit_test(blobs_are_decoded),
      cmocka_unit_test(blobs_are_found),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
