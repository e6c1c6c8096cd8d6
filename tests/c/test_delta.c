/* SPDX-License-Identifier: MIT
 *
 * Array delta: what is applied is byte for byte the new blob, for every pair of lengths and element sizes; a delta that would
 * not pay is not made; a hostile one writes nothing outside and reads nothing outside (each buffer here is a block of
 * exactly its length, for AddressSanitizer). */
#include "test.h"

#include "proto/delta.h"

static uint8_t *block(size_t n)
{
  return malloc(n ? n : 1);
}

/* Encodes, applies, compares. Returns what encode did. */
static int round_trip(atr_span base, atr_span next, uint32_t elem_bytes)
{
  atr_buf delta;
  uint64_t base_len, next_len;
  uint8_t *out = block(next.n), *exact;
  int result;

  atr_buf_init(&delta, SIZE_MAX);
  result = atr_delta_encode(base, next, elem_bytes, &delta);
  assert_true(result >= 0);
  assert_true(result || delta.len == 0);
  if (result) {
    exact = block(delta.len);
    memcpy(exact, delta.data, delta.len);
    assert_true(delta.len <= next.n * ATR_DELTA_PERCENT_MAX / 100);
    assert_ok(atr_delta_sizes(atr_span_of(exact, delta.len), &base_len, &next_len));
    assert_true(base_len == base.n && next_len == next.n);
    assert_ok(atr_delta_apply(base, atr_span_of(exact, delta.len), out, next.n));
    assert_memory_equal(out, next.p, next.n);
    assert_err(atr_delta_apply(atr_span_of(base.p, base.n - 1), atr_span_of(exact, delta.len), out, next.n), ATR_DELTA);
    assert_err(atr_delta_apply(base, atr_span_of(exact, delta.len), out, next.n - 1), ATR_DELTA);
    free(exact);
  }
  atr_buf_free(&delta);
  free(out);
  return result;
}

static void random_changes(uint64_t *random)
{
  size_t base_n = 1 + test_below(random, 3000), next_n = test_below(random, 4) ? base_n : 1 + test_below(random, 3000);
  uint8_t *base = block(base_n), *next = block(next_n);
  uint32_t elem = (uint32_t)(1 + test_below(random, ATR_DELTA_ELEM_BYTES_MAX));

  for (size_t i = 0; i < base_n; i++)
    base[i] = (uint8_t)test_below(random, 3);
  for (size_t i = 0; i < next_n; i++)
    next[i] = i < base_n ? base[i] : (uint8_t)test_random(random);
  for (size_t n = test_below(random, 40); n; n--)
    next[test_below(random, next_n)] ^= (uint8_t)test_random(random);
  round_trip(atr_span_of(base, base_n), atr_span_of(next, next_n), elem);
  free(base);
  free(next);
}

static void applying_gives_the_new_blob(void **state)
{
  uint64_t random = test_seed();

  (void)state;
  for (int i = 0; i < 20000; i++)
    random_changes(&random);
}

static void it_says_whether_it_pays(void **state)
{
  uint8_t base[12000] = {0}, next[12000] = {0};
  atr_span b = {base, sizeof base}, n = {next, sizeof next};

  (void)state;
  assert_int_equal(round_trip(b, n, 12), 1); /* equal: 20 bytes */
  next[5000] = 1;
  assert_int_equal(round_trip(b, n, 12), 1);
  memset(next, 1, 8300);
  assert_int_equal(round_trip(b, n, 12), 1);
  memset(next, 1, 8500);
  assert_int_equal(round_trip(b, n, 12), 0);
  assert_int_equal(round_trip(b, atr_span_of(next, 0), 1), 0);
  assert_int_equal(round_trip(b, atr_span_of(next, 20), 1), 0); /* shorter than a delta's own header */
  assert_int_equal(round_trip(atr_span_of(base, 0), n, 12), 0);
  assert_int_equal(round_trip(b, atr_span_of(base, 6000), 12), 1); /* cut */
  for (size_t i = 0; i < sizeof next; i++)
    next[i] = i % 40 ? 0 : 1; /* many small ranges: 9 bytes for each 40 */
  assert_int_equal(round_trip(b, n, 1), 1);
}

static void neighbours_join(void **state)
{
  uint8_t base[1000] = {0}, next[1000] = {0};
  atr_buf delta;

  (void)state;
  next[100] = next[104] = next[113] = 1; /* gaps of 3 and 8 bytes: joining costs no more than a header */
  next[400] = next[410] = 1;             /* a gap of 9 */
  atr_buf_init(&delta, SIZE_MAX);
  assert_int_equal(atr_delta_encode(atr_span_of(base, 1000), atr_span_of(next, 1000), 1, &delta), 1);
  assert_int_equal(atr_get_u32(delta.data + 16), 3);
  assert_int_equal(atr_get_u32(delta.data + 20), 100);
  assert_int_equal(atr_get_u32(delta.data + 24), 14);
  atr_buf_free(&delta);
}

static void arguments_are_checked(void **state)
{
  uint8_t byte = 0;
  atr_span one = {&byte, 1}, huge = {&byte, (size_t)ATR_BLOB_BYTES_MAX + 1};
  uint8_t base[1000] = {0};
  atr_buf delta;

  (void)state;
  atr_buf_init(&delta, 30);
  assert_err(atr_delta_encode(one, one, 0, &delta), ATR_INVAL);
  assert_err(atr_delta_encode(one, one, ATR_DELTA_ELEM_BYTES_MAX + 1, &delta), ATR_INVAL);
  assert_err(atr_delta_encode(huge, one, 1, &delta), ATR_BLOB_SIZE);
  assert_err(atr_delta_encode(one, huge, 1, &delta), ATR_BLOB_SIZE);
  assert_ok(atr_buf_append_str(&delta, "0123456789ab"));
  assert_err(atr_delta_encode(atr_span_of(base, 1000), atr_span_of(base, 1000), 1, &delta), ATR_LIMIT);
  assert_int_equal(delta.len, 12);
  atr_buf_free(&delta);
}

/* --- hostile deltas ------------------------------------------------------------------------------------------------ */

static int apply_hex(const char *hex, size_t base_n, size_t out_n)
{
  uint8_t bytes[256], *exact, *base = calloc(1, base_n + 1), *out = block(out_n);
  size_t n = test_unhex(hex, bytes, sizeof bytes);
  int err;

  exact = block(n);
  memcpy(exact, bytes, n);
  err = atr_delta_apply(atr_span_of(base, base_n), atr_span_of(exact, n), out, out_n);
  free(exact);
  free(base);
  free(out);
  return err;
}

#define L8 "0000000000000008"
#define L9 "0000000000000009"

static void hostile_deltas_are_refused(void **state)
{
  static const struct {
    const char *hex;
    size_t base_n, out_n;
    int err;
  } cases[] = {{L8 L8 "00000000", 8, 8, ATR_OK},
               {L8 L8 "00000001 00000007 00000001 ff", 8, 8, ATR_OK},
               {L8 L9 "00000001 00000008 00000001 ff", 8, 9, ATR_OK},
               {L9 L8 "00000000", 9, 8, ATR_OK},
               {L8 L8 "00000001 00000008 00000001 ff", 8, 8, ATR_DELTA},   /* behind the end */
               {L8 L8 "00000001 00000007 00000002 ffff", 8, 8, ATR_DELTA}, /* across the end */
               {L8 L8 "00000001 ffffffff 00000002 ffff", 8, 8, ATR_DELTA}, /* sum beyond 32 bits */
               {L8 L8 "00000001 00000002 ffffffff ffff", 8, 8, ATR_DELTA},
               {L8 L8 "00000001 00000000 00000000", 8, 8, ATR_DELTA},                          /* empty */
               {L8 L8 "00000002 00000002 00000001 00000001 00000001 ffff", 8, 8, ATR_DELTA},   /* descending */
               {L8 L8 "00000002 00000001 00000002 00000002 00000001 ffffff", 8, 8, ATR_DELTA}, /* overlapping */
               {L8 L8 "00000001 00000001 00000002 ff", 8, 8, ATR_DELTA},                       /* a byte too few */
               {L8 L8 "00000001 00000001 00000001 ffff", 8, 8, ATR_DELTA},                     /* a byte too many */
               {L8 L8 "00000002 00000001 00000001 ff", 8, 8, ATR_DELTA}, /* fewer ranges than said */
               {L8 L8 "ffffffff 00000001 00000001 ff", 8, 8, ATR_DELTA},
               {L8 L9 "00000000", 8, 9, ATR_DELTA}, /* a byte from nowhere */
               {L8 L9 "00000001 00000000 00000001 ff", 8, 9, ATR_DELTA},
               {L8 "000000000000000b"
                   "00000001 0000000a 00000001 ff",
                8, 11, ATR_DELTA},                  /* a gap behind the base */
               {L8 L8 "00000000", 7, 8, ATR_DELTA}, /* another base */
               {L8 L8 "00000000", 8, 9, ATR_DELTA}, /* another length */
               {L8 "0000000040000001"
                   "00000000",
                8, 8, ATR_BLOB_SIZE},
               {L8 "ffffffffffffffff"
                   "00000000",
                8, 8, ATR_BLOB_SIZE},
               {L8 L8 "000000", 8, 8, ATR_DELTA},
               {"", 0, 0, ATR_DELTA}};

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    if (apply_hex(cases[i].hex, cases[i].base_n, cases[i].out_n) != cases[i].err)
      fail_msg("%s: %s", cases[i].hex, atr_err_name(apply_hex(cases[i].hex, cases[i].base_n, cases[i].out_n)));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(applying_gives_the_new_blob),
      cmocka_unit_test(it_says_whether_it_pays),
      cmocka_unit_test(neighbours_join),
      cmocka_unit_test(arguments_are_checked),
      cmocka_unit_test(hostile_deltas_are_refused),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
