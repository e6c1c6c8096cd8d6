/* SPDX-License-Identifier: MIT
 *
 * Compression: what shrinks comes back exactly, what does not is said so, and no few bytes become many: the length in
 * the clear is binding. */
#include "test.h"

#include "proto/pack.h"

static void what_shrinks_comes_back(void **state)
{
  atr_pack_ctx *ctx = atr_pack_ctx_new();
  size_t n = 300000;
  uint8_t *in = malloc(n), *out = malloc(n);
  atr_buf packed;

  (void)state;
  for (size_t i = 0; i < n; i++)
    in[i] = (uint8_t)(i / 100);
  atr_buf_init(&packed, SIZE_MAX);
  for (int round = 0; round < 3; round++) {
    atr_pack_ctx *used = round ? ctx : NULL;

    atr_buf_clear(&packed);
    assert_int_equal(atr_pack(used, atr_span_of(in, n), &packed), 1);
    assert_true(packed.len < n / 10);
    memset(out, 0, n);
    assert_ok(atr_unpack(used, atr_buf_span(&packed), out, n));
    assert_memory_equal(in, out, n);
  }
  atr_buf_free(&packed);
  free(in);
  free(out);
  atr_pack_ctx_free(ctx);
  atr_pack_ctx_free(NULL);
}

static void what_does_not_shrink_is_left_alone(void **state)
{
  uint8_t in[5000];
  uint64_t random = test_seed();
  atr_buf packed;

  (void)state;
  for (size_t i = 0; i < sizeof in; i++)
    in[i] = (uint8_t)test_random(&random);
  atr_buf_init(&packed, SIZE_MAX);
  assert_ok(atr_buf_append_str(&packed, "before"));
  assert_int_equal(atr_pack(NULL, atr_span_of(in, sizeof in), &packed), 0);
  memset(in, 0, sizeof in);
  assert_int_equal(atr_pack(NULL, atr_span_of(in, ATR_PACK_BYTES_MIN - 1), &packed), 0);
  assert_int_equal(packed.len, 6);
  assert_int_equal(atr_pack(NULL, atr_span_of(in, ATR_PACK_BYTES_MIN), &packed), 1);
  atr_buf_clear(&packed);
  packed.max = 100;
  assert_err(atr_pack(NULL, atr_span_of(in, sizeof in), &packed), ATR_LIMIT);
  atr_buf_free(&packed);
}

static void the_length_is_binding(void **state)
{
  static uint8_t in[100000], out[100001];
  atr_buf packed;

  (void)state;
  atr_buf_init(&packed, SIZE_MAX);
  assert_int_equal(atr_pack(NULL, atr_span_of(in, sizeof in), &packed), 1);
  assert_true(packed.len < 100); /* a bomb, in small */
  assert_err(atr_unpack(NULL, atr_buf_span(&packed), out, 1000), ATR_PACK);
  assert_err(atr_unpack(NULL, atr_buf_span(&packed), out, sizeof in - 1), ATR_PACK);
  assert_err(atr_unpack(NULL, atr_buf_span(&packed), out, sizeof in + 1), ATR_PACK);
  assert_ok(atr_unpack(NULL, atr_buf_span(&packed), out, sizeof in));
  assert_ok(atr_buf_append(&packed, packed.data, packed.len)); /* two frames */
  assert_err(atr_unpack(NULL, atr_buf_span(&packed), out, sizeof out), ATR_PACK);
  atr_buf_free(&packed);
}

static void damage_is_noticed(void **state)
{
  uint8_t in[4000], out[4000];
  atr_buf packed;

  (void)state;
  for (size_t i = 0; i < sizeof in; i++)
    in[i] = (uint8_t)(i * i / 1000);
  atr_buf_init(&packed, SIZE_MAX);
  assert_int_equal(atr_pack(NULL, atr_span_of(in, sizeof in), &packed), 1);
  for (size_t n = 0; n < packed.len; n++)
    assert_err(atr_unpack(NULL, atr_span_of(packed.data, n), out, sizeof out), ATR_PACK);
  for (size_t i = 0; i < packed.len; i++) { /* a flipped bit may decompress, the SHA-256 of the blob sees that */
    packed.data[i] ^= 0x10;
    (void)atr_unpack(NULL, atr_buf_span(&packed), out, sizeof out);
    packed.data[i] ^= 0x10;
  }
  assert_err(atr_unpack(NULL, atr_span_of(NULL, 0), out, sizeof out), ATR_PACK);
  atr_buf_free(&packed);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_shrinks_comes_back),
      cmocka_unit_test(what_does_not_shrink_is_left_alone),
      cmocka_unit_test(the_length_is_binding),
      cmocka_unit_test(damage_is_noticed),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
