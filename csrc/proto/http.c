/* SPDX-License-Identifier: MIT
 *
 * How long a body is, is said in one of three ways: in chunks, by a number, or by the end of the connection (RFC 9112, 6.3). */
#include "proto/http.h"

#include "base/error.h"
#include "base/limits.h"
#include "proto/lines.h"

#include <string.h>

/* --- fields ---------------------------------------------------------------------------------------------------- */

atr_span atr_http_field(atr_span head, const char *name)
{
  size_t name_bytes = strlen(name);
  atr_span line;

  while (atr_line_take(&head, &line))
    if (atr_text_begins(line, name) && line.n > name_bytes && line.p[name_bytes] == ':')
      return atr_text_trim(atr_span_of(line.p + name_bytes + 1, line.n - name_bytes - 1));
  return atr_span_of(NULL, 0);
}

/* --- numbers --------------------------------------------------------------------------------------------------- */

static int digit(uint8_t c, unsigned base)
{
  unsigned value = c >= '0' && c <= '9'   ? c - (unsigned)'0'
                   : c >= 'a' && c <= 'f' ? c - (unsigned)'a' + 10
                   : c >= 'A' && c <= 'F' ? c - (unsigned)'A' + 10
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

  if (line.n < 12 || !atr_text_begins(line, "http/1.") || line.p[8] != ' ' ||
      !get_size(atr_span_of(line.p + 9, 3), 10, &status) || status < 100 || status > 599)
    return ATR_PROTO;
  return (int)status;
}

/* Takes a head off `*rest`. 1, 0: it is not whole; ATR_PROTO. */
static int take_head(atr_span *rest, atr_http_answer *out)
{
  atr_span all = *rest, line;
  bool is_first = true;

  while (atr_line_take(rest, &line)) {
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

  if (!atr_line_take(rest, &line))
    return rest->n > ATR_HTTP_HEAD_BYTES_MAX ? ATR_PROTO : 0;
  if (!get_size(atr_text_trim(line), 16, &n))
    return ATR_PROTO;
  if (rest->n < n)
    return 0;
  *chunk = atr_span_of(rest->p, n);
  *rest = atr_span_of(rest->p + n, rest->n - n);
  if (n == 0) /* what may follow, trailers and an empty line, says nothing */
    return 1;
  if (!atr_line_take(rest, &line))
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

  if (atr_text_begins(atr_http_field(out->head, "transfer-encoding"), "chunked"))
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
