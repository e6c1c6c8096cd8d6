/* SPDX-License-Identifier: MIT
 *
 * A message of any type that is accepted is written again as the same bytes: no field is lost, none is invented. */
#include "fuzz.h"

#include "message_again.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  atr_span msg = atr_span_of(data, size);
  atr_buf out;
  int err;

  atr_buf_init(&out, SIZE_MAX);
  err = message_again(msg, &out);
  /* A refusal for a reason that we do not know is written as the reason PROTO. */
  if (!err && data[0] != ATR_MSG_REFUSED)
    CHECK(atr_span_equal(atr_buf_span(&out), msg));
  atr_buf_free(&out);
  return 0;
}
