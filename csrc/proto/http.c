/* SPDX-License-Identifier: MIT
 *
 * How long a body is, is said in one of three ways: in chunks, by a number, or by the end of the connection (RFC 9112, 6.3). Lines end with LF
 * here, a CR before it is dropped: the web servers of routers are not all as their standard wants them. */
#include "proto/http.h"

#include "base/error.h"
#include "base/limits.h"

#include <string.h>

/* --- lines ----------------------------------------------------------------------------------------------------- */

/* The next line of `*rest` without its end. False: there is no whole line. */
static bool take_line(atr_span *rest, atr_span *line)
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

static uint8_t lower(uint8_t c)
{
  return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static bool is_space(uint8_t c)
{
  return c == ' ' || c == '\t';
}

static atr_span trim(atr_span s)
{
  for (; s.n > 0 && is_space(s.p[0]); s.p++)
    s.n--;
  while (s.n > 0 && is_space(s.p[s.n - 1]))
    s.n--;
  return s;
}

static bool begins_with(atr_span text, const char *word)
{
  size_t n = strlen(word);

  if (text.n < n)
    return false;
  for (size_t i = 0; i < n; i++)
    if (lower(text.p[i]) != (uint8_t)word[i])
      return false;
  return true;
}

atr_span atr_http_field(atr_span head, const char *name)
{
  size_t name_bytes = strlen(name);
  atr_span line;

  while (take_line(&head, &line))
    if (begins_with(line, name) && line.n > name_bytes && line.p[name_bytes] == ':')
      return trim(atr_span_of(line.p + name_bytes + 1, line.n - name_bytes - 1));
  return atr_span_of(NULL, 0);
}

/* --- numbers --------------------------------------------------------------------------------------------------- */

static int digit(uint8_t c, unsigned base)
{
  unsigned value = c >= '0' && c <= '9'                   ? c - (unsigned)'0'
                   : (lower(c) >= 'a' && lower(c) <= 'f') ? lower(c) - 87u
                                                          : 99;

  return value < base ? (int)value : -1;
}

/* The number that `text` begins with, up to 2^31; false where it begins with none. */
static bool get_size(atr_span text, unsigned base, size_t *out)
{
  size_t i = 0;

  *out = 0;
  for (; i < text.n && digit(text.p[i], base) >= 0; i++) {
    *out = *out * base + (size_t)digit(text.p[i], base);
    if (*out > INT32_MAX)
      return false;
  }
  return i > 0;
}

/* --- the head -------------------------------------------------------------------------------------------------- */

/* "HTTP/1.1 200 OK" */
static int get_status(atr_span line)
{
  size_t status;

  if (line.n < 12 || !begins_with(line, "http/1.") || line.p[8] != ' ' ||
      !get_size(atr_span_of(line.p + 9, 3), 10, &status) || status < 100 || status > 599)
    return ATR_PROTO;
  return (int)status;
}

/* Takes a head off `*rest`. 1, 0: it is not whole; ATR_PROTO. */
static int take_head(atr_span *rest, atr_http_answer *out)
{
  atr_span all = *rest, line;
  bool is_first = true;

  while (take_line(rest, &line)) {
    if (is_first && (out->status = get_status(line)) < 0)
      return ATR_PROTO;
    is_first = false;
    if (line.n == 0) {
      out->head = atr_span_of(all.p, (size_t)(rest->p - all.p));
      return 1;
    }
    if ((size_t)(rest->p - all.p) > ATR_HTTP_HEAD_BYTES_MAX)
      return ATR_PROTO;
  }
  return all.n > ATR_HTTP_HEAD_BYTES_MAX ? ATR_PROTO : 0;
}

/* --- the body -------------------------------------------------------------------------------------------------- */

/* One chunk off `*rest`; an empty one is the last. 1, 0: not whole; ATR_PROTO. */
static int take_chunk(atr_span *rest, atr_span *chunk)
{
  atr_span line;
  size_t n;

  if (!take_line(rest, &line))
    return rest->n > ATR_HTTP_HEAD_BYTES_MAX ? ATR_PROTO : 0;
  if (!get_size(trim(line), 16, &n))
    return ATR_PROTO;
  if (rest->n < n)
    return 0;
  *chunk = atr_span_of(rest->p, n);
  *rest = atr_span_of(rest->p + n, rest->n - n);
  if (n == 0) /* what may follow, trailers and an empty line, says nothing */
    return 1;
  if (!take_line(rest, &line))
    return rest->n > 2 ? ATR_PROTO : 0;
  return line.n == 0 ? 1 : ATR_PROTO;
}

static int join_chunks(uint8_t *body, atr_span rest, atr_http_answer *out)
{
  atr_span look = rest, chunk;
  uint8_t *end = body;
  int got;

  do { /* whether it is whole, before anything is moved */
    got = take_chunk(&look, &chunk);
    if (got <= 0)
      return got;
  } while (chunk.n > 0);
  while (take_chunk(&rest, &chunk) > 0 && chunk.n > 0) {
    memmove(end, chunk.p, chunk.n);
    end += chunk.n;
  }
  out->body = atr_span_of(body, (size_t)(end - body));
  return 1;
}

static int take_body(uint8_t *body, atr_span rest, bool is_end, atr_http_answer *out)
{
  atr_span length = atr_http_field(out->head, "content-length");
  size_t n;

  if (begins_with(atr_http_field(out->head, "transfer-encoding"), "chunked"))
    return join_chunks(body, rest, out);
  if (length.n > 0) {
    if (!get_size(length, 10, &n))
      return ATR_PROTO;
    out->body = atr_span_of(rest.p, n);
    return rest.n >= n;
  }
  out->body = rest;
  return is_end;
}

int atr_http_read_answer(uint8_t *bytes, size_t n, bool is_end, atr_http_answer *out)
{
  atr_span rest = atr_span_of(bytes, n);
  int got;

  memset(out, 0, sizeof *out);
  do { /* a 100 goes before the answer */
    got = take_head(&rest, out);
  } while (got > 0 && out->status < 200);
  if (got > 0)
    got = take_body(bytes + (rest.p - bytes), rest, is_end, out);
  return got == 0 && is_end ? ATR_PROTO : got;
}
