/* SPDX-License-Identifier: MIT
 *
 * The answer to one small HTTP request: for the machines that can be asked about the way to this one, the router and tunnel programs,
 * which speak HTTP and little of it.
 *
 * The reader looks at all that has come so far, from the beginning, and says whether it is whole. That is simple, and costs nothing at the
 * few KiB that such an answer has; its caller bounds them. No redirection is followed, nothing is unpacked. Sans-I/O, and fuzzed: a router on a
 * strange network is a stranger. */
#ifndef ATR_PROTO_HTTP_H
#define ATR_PROTO_HTTP_H

#include "base/buf.h"

#include <stdbool.h>

typedef struct atr_http_answer {
  int status;    /* 200 to 599 */
  atr_span head; /* status line and header fields, up to the empty line */
  atr_span body;
} atr_http_answer;

/* Looks at the `n` bytes of an answer that have come. 1: it is whole, and `out` points into them. 0: more must come. ATR_PROTO: it is none.
 * `is_end`: the other side has closed the connection, so that no more will come; never 0 then. A body that came in chunks is put
 * together in place: the bytes are of no further use but to `out`. */
int atr_http_read_answer(uint8_t *bytes, size_t n, bool is_end, atr_http_answer *out);

/* The value of a header field, in place; n == 0 where there is none. `name` in lower case. */
atr_span atr_http_field(atr_span head, const char *name);

#endif
