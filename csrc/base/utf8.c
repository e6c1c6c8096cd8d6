/* SPDX-License-Identifier: MIT
 *
 * The table of RFC 3629, section 4, as comparisons: which second bytes may follow a first byte. */
#include "base/utf8.h"

static bool continues(uint8_t c)
{
  return (c & 0xc0) == 0x80;
}

size_t atr_utf8_sequence(const uint8_t *p, const uint8_t *end)
{
  size_t left = (size_t)(end - p);
  uint8_t a = p[0];

  if (a >= 0xc2 && a <= 0xdf)
    return left >= 2 && continues(p[1]) ? 2 : 0;
  if (a >= 0xe0 && a <= 0xef) {
    uint8_t low = a == 0xe0 ? 0xa0 : 0x80, high = a == 0xed ? 0x9f : 0xbf; /* no overlong forms, no surrogates */

    return left >= 3 && p[1] >= low && p[1] <= high && continues(p[2]) ? 3 : 0;
  }
  if (a >= 0xf0 && a <= 0xf4) {
    uint8_t low = a == 0xf0 ? 0x90 : 0x80, high = a == 0xf4 ? 0x8f : 0xbf; /* up to U+10FFFF */

    return left >= 4 && p[1] >= low && p[1] <= high && continues(p[2]) && continues(p[3]) ? 4 : 0;
  }
  return 0;
}

bool atr_utf8_valid(const char *text, size_t len)
{
  const uint8_t *p = (const uint8_t *)text, *end = p + len;

  while (p < end) {
    size_t n = *p < 0x80 ? (*p != 0) : atr_utf8_sequence(p, end);

    if (!n)
      return false;
    p += n;
  }
  return true;
}

size_t atr_utf8_prefix(const char *text, size_t len, size_t max)
{
  size_t n = len < max ? len : max;

  if (n < len)
    while (n && continues((uint8_t)text[n]))
      n--;
  return n;
}

/* U+061C, U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069: marks, separators, and overrides of the direction. */
static bool is_disguise(const uint8_t *p, size_t left)
{
  if (left >= 2 && p[0] == 0xd8)
    return p[1] == 0x9c;
  if (left < 3 || p[0] != 0xe2)
    return false;
  if (p[1] == 0x80)
    return p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xa8 && p[2] <= 0xae);
  return p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9;
}

bool atr_utf8_shows_well(const char *text, size_t len)
{
  const uint8_t *p = (const uint8_t *)text;

  if (len == 0 || !atr_utf8_valid(text, len))
    return false;
  for (size_t i = 0; i < len; i++)
    if (p[i] < 0x20 || p[i] == 0x7f || (p[i] == 0xc2 && p[i + 1] < 0xa0) || is_disguise(p + i, len - i))
      return false;
  return true;
}
