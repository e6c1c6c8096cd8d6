/* SPDX-License-Identifier: MIT
 *
 * What anybody on the network may send: what is read as an answer is written as what reads the same again, and its name can be shown. */
#include "fuzz.h"

#include "base/utf8.h"
#include "proto/beacon.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  uint8_t bytes[ATR_BEACON_BYTES_MAX];
  atr_beacon_nonce nonce, same;
  atr_beacon beacon, again;

  if (atr_beacon_query_read(data, size, &nonce) == 0) {
    size_t n = atr_beacon_query_write(&nonce, bytes);

    CHECK(n <= size); /* never longer than what asked for it */
    CHECK(atr_beacon_query_read(bytes, n, &same) == 0 && memcmp(&nonce, &same, sizeof nonce) == 0);
  }
  if (atr_beacon_answer_read(data, size, &beacon) == 0) {
    size_t len = strlen(beacon.name), n = atr_beacon_answer_write(&beacon, bytes);

    CHECK(len > 0 && len <= ATR_HOST_NAME_BYTES_MAX && atr_utf8_valid(beacon.name, len) &&
          !strpbrk(beacon.name, "\n\r\x1b"));
    CHECK(n <= size && n <= sizeof bytes && memcmp(data, bytes, n) == 0);
    CHECK(atr_beacon_answer_read(bytes, n, &again) == 0 && memcmp(&beacon, &again, sizeof beacon) == 0);
  }
  return 0;
}
