/* SPDX-License-Identifier: MIT
 *
 * What a router's or a tunnel program's web server may answer: what is found lies within what came, and an answer that is whole at
 * some byte stays the same one when more comes. */
#include "fuzz.h"

#include "proto/http.h"

static uint8_t *copy_of(const uint8_t *data, size_t n)
{
  uint8_t *bytes = malloc(n ? n : 1);

  CHECK(bytes);
  if (n)
    memcpy(bytes, data, n);
  return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  atr_http_answer whole, part;
  uint8_t *all = copy_of(data, size);
  int got = atr_http_read_answer(all, size, false, &whole);

  CHECK(got == 0 || got == 1 || got == ATR_PROTO);
  if (got == 1) {
    CHECK(whole.status >= 200 && whole.status <= 599);
    CHECK(whole.body.n == 0 || (whole.body.p > all && whole.body.p + whole.body.n <= all + size));
    CHECK(whole.head.p >= all && whole.head.p + whole.head.n <= all + size);
    CHECK(atr_http_field(whole.head, "location").n < size);
  }
  if (size > 1) { /* one byte less: not yet, or the same */
    uint8_t *less = copy_of(data, size - 1);
    int before = atr_http_read_answer(less, size - 1, false, &part);

    CHECK(before <= 0 || (got == 1 && part.status == whole.status && atr_span_equal(part.body, whole.body)));
    free(less);
  }
  free(all);
  all = copy_of(data, size);
  CHECK(atr_http_read_answer(all, size, true, &part) != 0);
  free(all);
  return 0;
}
