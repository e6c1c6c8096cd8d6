/* SPDX-License-Identifier: MIT
 *
 * The shortest text of a double that reads back as the same double.
 *
 * The method is Raffaello Giulietti's Schubfach: all reals that round to a double form an interval around it; among
 * the decimals inside of it the ones with the fewest digits are taken, and of these the nearest. One look-up of a
 * power of ten and three 64 x 128 bit products find it, without loops. Trying printf("%.15g") to "%.17g" and
 * reading each back would give the same text in 1.8 us instead of 0.1, and depends on the process's locale.
 *
 * The form is Python's repr() (exponents outside of -4 to 15), except that an integral number up to 2^53 prints as
 * an integer. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "proto/json.h"
#include "proto/pow10.h"

__extension__ typedef unsigned __int128 u128;

enum { FRACTION_BITS = 52, EXPONENT_BIAS = 1023 + FRACTION_BITS, EXPONENT_MASK = 0x7ff };

/* digits * 10^exponent */
struct decimal {
  uint64_t digits;
  int exponent;
};

/* floor(log2(10^e)) and floor(log10(2^e)), exact for every exponent of a double; >> rounds towards minus infinity. */
static int floor_log2_pow10(int e)
{
  return (e * 1741647) >> 19;
}

/* With `closer` floor(log10(3/4 * 2^e)): the interval below a power of two is half as wide. */
static int floor_log10_pow2(int e, bool closer)
{
  return (e * 1262611 - (closer ? 524031 : 0)) >> 22;
}

/* The upper 64 bits of g * c, with the lowest one set where what is cut off is not zero ("round to odd": no
 * information that later comparisons need is lost). g is up to one too large, hence > 1. */
static uint64_t round_to_odd(const uint64_t g[2], uint64_t c)
{
  u128 low = (u128)g[1] * c;
  u128 high = (u128)g[0] * c + (uint64_t)(low >> 64);

  return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

/* For positive finite numbers. */
static struct decimal shortest(uint64_t fraction, int biased)
{
  uint64_t c = biased ? fraction | (uint64_t)1 << FRACTION_BITS : fraction;
  int q = (biased ? biased : 1) - EXPONENT_BIAS;
  bool closer = fraction == 0 && biased > 1, odd = c & 1;
  int k = floor_log10_pow2(q, closer), shift = q + floor_log2_pow10(-k) + 1;
  const uint64_t *g = atr_pow10[-k - ATR_POW10_MIN];
  /* The number and the ends of its interval, times 4 so that the ends are integers, scaled to 10^k. An end belongs to the
   * interval where c is even: reading rounds halves to even. */
  uint64_t lower = round_to_odd(g, (4 * c - 2 + closer) << shift) + odd;
  uint64_t value = round_to_odd(g, (4 * c) << shift);
  uint64_t upper = round_to_odd(g, (4 * c + 2) << shift) - odd;
  uint64_t s = value / 4, t = s / 10;

  if (s >= 10) { /* one digit less: at most one of the two neighbours can be inside */
    bool below = lower <= 40 * t, above = 40 * t + 40 <= upper;

    if (below != above)
      return (struct decimal){t + above, k + 1};
  }
  bool below = lower <= 4 * s, above = 4 * s + 4 <= upper;

  if (below != above)
    return (struct decimal){s + above, k};
  /* Both inside: the nearer one, halves to even. */
  bool up = value > 4 * s + 2 || (value == 4 * s + 2 && (s & 1));

  return (struct decimal){s + up, k};
}

static size_t put_digits(char *out, uint64_t v)
{
  char reversed[20];
  size_t n = 0;

  do
    reversed[n++] = (char)('0' + v % 10);
  while (v /= 10);
  for (size_t i = 0; i < n; i++)
    out[i] = reversed[n - 1 - i];
  return n;
}

static size_t put_zeros(char *out, size_t n)
{
  memset(out, '0', n);
  return n;
}

/* d.ddde+xx */
static size_t put_scientific(char *out, const char *digits, size_t n, int exponent)
{
  size_t at = 0;

  out[at++] = digits[0];
  if (n > 1) {
    out[at++] = '.';
    memcpy(out + at, digits + 1, n - 1);
    at += n - 1;
  }
  out[at++] = 'e';
  out[at++] = exponent < 0 ? '-' : '+';
  if (exponent < 0)
    exponent = -exponent;
  if (exponent < 10)
    out[at++] = '0';
  return at + put_digits(out + at, (uint64_t)exponent);
}

/* The point stands after `point` digits. */
static size_t put_positional(char *out, const char *digits, size_t n, int point)
{
  size_t at = 0, whole = point > 0 ? (size_t)point : 0;

  if (!whole) { /* 0.000ddd */
    at += put_zeros(out, 1);
    out[at++] = '.';
    at += put_zeros(out + at, (size_t)-point);
    memcpy(out + at, digits, n);
    return at + n;
  }
  if (whole >= n) { /* ddd000.0: above 2^53, or it would have been printed as an integer */
    memcpy(out, digits, n);
    at = n + put_zeros(out + n, whole - n);
    out[at++] = '.';
    return at + put_zeros(out + at, 1);
  }
  memcpy(out, digits, whole);
  out[whole] = '.';
  memcpy(out + whole + 1, digits + whole, n - whole);
  return n + 1;
}

static size_t put_fraction(char *out, uint64_t bits)
{
  struct decimal d =
      shortest(bits & (((uint64_t)1 << FRACTION_BITS) - 1), (int)(bits >> FRACTION_BITS & EXPONENT_MASK));
  char digits[20];
  size_t n = put_digits(digits, d.digits);
  int point = (int)n + d.exponent;

  while (n > 1 && digits[n - 1] == '0')
    n--;
  if (point > -4 && point <= 16)
    return put_positional(out, digits, n, point);
  return put_scientific(out, digits, n, point - 1);
}

int atr_json_number_text(double v, char out[ATR_JSON_NUMBER_CHARS])
{
  size_t at = 0;
  uint64_t bits;

  if (!isfinite(v))
    return ATR_JSON_NUMBER;
  memcpy(&bits, &v, sizeof bits);
  if (bits >> 63)
    out[at++] = '-';
  v = fabs(v);
  if (v == 0 && at) {
    memcpy(out + at, "0.0", 3);
    at += 3;
  } else if (v <= ATR_JSON_INT_MAX && v == (double)(uint64_t)v) {
    at += put_digits(out + at, (uint64_t)v);
  } else {
    at += put_fraction(out + at, bits);
  }
  out[at] = '\0';
  return (int)at;
}
