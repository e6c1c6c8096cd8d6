/* SPDX-License-Identifier: MIT
 *
 * Numbers print in their shortest exact form. The oracle is the C library: the first of "%.1e" to "%.17e" that reads
 * back as the same double has the fewest digits, and is the nearest of those (correct rounding). Only below a power of
 * two, where the interval is lopsided, may a text that is not the nearest be a digit shorter still. The table of
 * powers of ten is computed anew with exact integers. */
#include "test.h"

#include <math.h>

#include "proto/json.h"
#include "proto/pow10.h"

static double from_bits(uint64_t bits)
{
  double v;

  memcpy(&v, &bits, sizeof v);
  return v;
}

static void known_texts(void **state)
{
  static const struct {
    double v;
    const char *text;
  } cases[] = {{0, "0"},
               {-0.0, "-0.0"},
               {1, "1"},
               {-1, "-1"},
               {0.1, "0.1"},
               {(double)0.1f, "0.10000000149011612"},
               {1e15, "1000000000000000"},
               {9007199254740992.0, "9007199254740992"},
               {-9007199254740992.0, "-9007199254740992"},
               {9007199254740994.0, "9007199254740994.0"},
               {1e16, "1e+16"},
               {1.5e16, "1.5e+16"},
               {123456789.125, "123456789.125"},
               {0.0001, "0.0001"},
               {0.00001, "1e-05"},
               {0.00012345, "0.00012345"},
               {1e300, "1e+300"},
               {1.7976931348623157e308, "1.7976931348623157e+308"},
               {5e-324, "5e-324"},
               {2.2250738585072014e-308, "2.2250738585072014e-308"},
               {3.4028234663852886e38, "3.4028234663852886e+38"},
               {1.1754943508222875e-38, "1.1754943508222875e-38"},
               {2.0 / 3, "0.6666666666666666"},
               {-1.0 / 3, "-0.3333333333333333"}};
  char text[ATR_JSON_NUMBER_CHARS];

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(atr_json_number_text(cases[i].v, text), strlen(cases[i].text));
    assert_string_equal(text, cases[i].text);
  }
  assert_err(atr_json_number_text((double)NAN, text), ATR_JSON_NUMBER);
  assert_err(atr_json_number_text((double)INFINITY, text), ATR_JSON_NUMBER);
  assert_err(atr_json_number_text((double)-INFINITY, text), ATR_JSON_NUMBER);
}

/* The significant digits of a text, without point, leading and trailing zeros. */
static void digits_of(const char *text, char *out)
{
  size_t n = 0;

  for (; *text && *text != 'e'; text++)
    if (*text >= '0' && *text <= '9' && (n || *text != '0'))
      out[n++] = *text;
  while (n && out[n - 1] == '0')
    n--;
  out[n] = '\0';
}

static void compare_with_library(double v)
{
  char ours[ATR_JSON_NUMBER_CHARS], library[40], our_digits[40], library_digits[40];
  int n = atr_json_number_text(v, ours);
  atr_json_info info;

  assert_true(n > 0 && n < ATR_JSON_NUMBER_CHARS);
  if (strtod(ours, NULL) != v)
    fail_msg("%.17g printed as %s", v, ours);
  assert_ok(atr_json_check(ours, (size_t)n, &info));
  assert_int_equal(info.printed, n);
  for (int precision = 0; precision <= 16; precision++) {
    int len = snprintf(library, sizeof library, "%.*e", precision, v);

    if (fabs(v) < 1e308 && atr_json_check(library, (size_t)len, &info) == 0 && strtod(library, NULL) == v)
      assert_in_range(info.printed, n, (len > n ? len : n) + 2); /* written otherwise */
    if (strtod(library, NULL) == v)
      break;
  }
  digits_of(ours, our_digits);
  digits_of(library, library_digits);
  if (strlen(our_digits) >= strlen(library_digits) && strcmp(our_digits, library_digits) != 0)
    fail_msg("%.17g: %s, the library %s", v, ours, library);
}

static void random_numbers_are_shortest(void **state)
{
  uint64_t random = test_seed();

  (void)state;
  for (int i = 0; i < 100000; i++) {
    double v = from_bits(test_random(&random));

    if (isfinite(v))
      compare_with_library(v);
    compare_with_library((double)(float)(1e-3 * (double)(int32_t)test_random(&random)));
  }
}

static void every_power_and_its_neighbours_are_shortest(void **state)
{
  (void)state;
  for (uint64_t exponent = 0; exponent < 2047; exponent++)
    for (uint64_t d = 0; d < 5; d++)
      compare_with_library(from_bits((exponent << 52) + d - (exponent ? 2 : 0)));
  for (int e = -323; e <= 308; e++) {
    char text[16];
    double v;

    snprintf(text, sizeof text, "1e%d", e);
    v = strtod(text, NULL);
    compare_with_library(v);
    compare_with_library(nextafter(v, 0));
    compare_with_library(nextafter(v, 1e308));
  }
}

/* --- the table ----------------------------------------------------------------------------------------------------- */

/* Unsigned integers of 1280 bits: enough for 2^1216 / 10^292 and for 10^324. */
enum { LIMBS = 40 };

struct big {
  uint32_t limb[LIMBS]; /* lowest first */
};

static void times_ten(struct big *b)
{
  uint64_t carry = 0;

  for (int i = 0; i < LIMBS; i++) {
    carry += (uint64_t)b->limb[i] * 10;
    b->limb[i] = (uint32_t)carry;
    carry >>= 32;
  }
  assert_int_equal(carry, 0);
}

/* True where something was left over. */
static bool divide_by_ten(struct big *b)
{
  uint64_t rest = 0;

  for (int i = LIMBS; i-- > 0;) {
    rest = rest << 32 | b->limb[i];
    b->limb[i] = (uint32_t)(rest / 10);
    rest %= 10;
  }
  return rest != 0;
}

static bool bit(const struct big *b, int i)
{
  return i >= 0 && (b->limb[i / 32] >> (i % 32) & 1);
}

/* The upper 128 bits, rounded up where `inexact` or anything below is set. */
static void top_bits(const struct big *b, bool inexact, uint64_t out[2])
{
  int top = LIMBS * 32 - 1;

  while (!bit(b, top))
    top--;
  out[0] = out[1] = 0;
  for (int i = 0; i < 128; i++)
    out[i / 64] = out[i / 64] << 1 | bit(b, top - i);
  for (int i = 0; i <= top - 128; i++)
    inexact |= bit(b, i);
  if (inexact && ++out[1] == 0)
    out[0]++;
}

static void check_power(int k, const struct big *b, bool inexact)
{
  uint64_t expected[2];

  top_bits(b, inexact, expected);
  assert_memory_equal(atr_pow10[k - ATR_POW10_MIN], expected, sizeof expected);
}

static void the_table_of_powers_is_exact(void **state)
{
  struct big b = {{1}};
  bool inexact = false;

  (void)state;
  for (int k = 0; k <= ATR_POW10_MAX; k++, times_ten(&b))
    check_power(k, &b, false);
  memset(&b, 0, sizeof b);
  b.limb[LIMBS - 1] = 0x80000000u;
  for (int k = -1; k >= ATR_POW10_MIN; k--) {
    inexact |= divide_by_ten(&b);
    check_power(k, &b, inexact);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(known_texts),
      cmocka_unit_test(random_numbers_are_shortest),
      cmocka_unit_test(every_power_and_its_neighbours_are_shortest),
      cmocka_unit_test(the_table_of_powers_is_exact),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
