/* SPDX-License-Identifier: MIT
 *
 * See lines.h. Not the C library's tolower() and its like: they follow the locale, which is the user's. */
#include "proto/lines.h"

#include <string.h>

bool atr_line_take(atr_span *rest, atr_span *line)
{
  const uint8_t *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;

  if (!end)
    return false;
  *line = atr_span_of(rest->p, (size_t)(end - rest->p));
  *rest = atr_span_of(end + 1, rest->n - line->n - 1);
  if (line->n > 0 && line->p[line->n - 1] == '\r')
    line->n--;
  return true;
}

static bool is_space(uint8_t c)
{
  return c == ' ' || c == '\t';
}

atr_span atr_text_trim(atr_span text)
{
  for (; text.n > 0 && is_space(text.p[0]); text.p++)
    text.n--;
  while (text.n > 0 && is_space(text.p[text.n - 1]))
    text.n--;
  return text;
}

bool atr_text_begins(atr_span text, const char *word)
{
  size_t n = strlen(word);

  if (text.n < n)
    return false;
  for (size_t i = 0; i < n; i++)
    if ((text.p[i] >= 'A' && text.p[i] <= 'Z' ? text.p[i] | 0x20 : text.p[i]) != (uint8_t)word[i])
      return false;
  return true;
}

bool atr_text_is(atr_span text, const char *word)
{
  return text.n == strlen(word) && atr_text_begins(text, word);
}
