/* SPDX-License-Identifier: MIT */
#include "transport/pasted.h"

#include <string.h>

size_t atr_pasted_invisible(const char *p, size_t n)
{
  /* U+00AD, U+200B to U+200F, U+202A to U+202E, U+2060, U+2066 to U+2069, U+FEFF. */
  static const char *const list[] = {"\xc2\xad",     "\xe2\x80\x8b", "\xe2\x80\x8c", "\xe2\x80\x8d", "\xe2\x80\x8e",
                                     "\xe2\x80\x8f", "\xe2\x80\xaa", "\xe2\x80\xab", "\xe2\x80\xac", "\xe2\x80\xad",
                                     "\xe2\x80\xae", "\xe2\x81\xa0", "\xe2\x81\xa6", "\xe2\x81\xa7", "\xe2\x81\xa8",
                                     "\xe2\x81\xa9", "\xef\xbb\xbf"};

  if (n < 2 || (unsigned char)*p < 0xc2)
    return 0;
  for (size_t i = 0; i < sizeof list / sizeof *list; i++)
    if (n >= strlen(list[i]) && memcmp(p, list[i], strlen(list[i])) == 0)
      return strlen(list[i]);
  return 0;
}
