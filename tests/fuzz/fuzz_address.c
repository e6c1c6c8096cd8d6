/* SPDX-License-Identifier: MIT
 *
 * What is pasted into the Host box. Whatever is taken as an address must be written in one way, and read as the same
 * again.
 */
#include "fuzz.h"

#include "transport/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  char text[ATR_ADDRESS_TEXT_BYTES], again_text[ATR_ADDRESS_TEXT_BYTES], why[256] = "";
  atr_address address, again;

  if (atr_address_parse((const char *)data, size, ATR_PORT_DEFAULT, &address, why, sizeof why) != 0) {
    CHECK(why[0] != 0);
    return 0;
  }
  atr_address_text(&address, text);
  CHECK(atr_address_parse(text, strlen(text), 1, &again, why, sizeof why) == 0);
  atr_address_text(&again, again_text);
  CHECK(strcmp(text, again_text) == 0 && again.kind == address.kind);
  atr_address_shown(&address, text);
  if (atr_address_parse(text, strlen(text), 1, &again, why, sizeof why) ==
      0) { /* the stars may be longer than what they hide */
    atr_address_shown(&again, again_text);
    CHECK(strcmp(text, again_text) == 0);
  }
  return 0;
}
