/* SPDX-License-Identifier: MIT
 *
 * What is pasted into the Host box and looks like an invite. The checksum would keep a fuzzer out, so the text is tried as
 * it is, and the same bytes as a payload under a right checksum. What is read is written as what reads the same again,
 * and found where it begins; what is refused as damaged is found, too, so that nobody shows it. */
#include "fuzz.h"

#include "base/base64.h"
#include "base/buf.h"
#include "base/hash.h"
#include "transport/invite.h"

#include <stdlib.h>

static void try(const char *text, size_t len)
{
  const char *found = atr_invite_find(text, len);
  atr_invite invite, again;
  char why[256] = "";
  atr_buf link;

  CHECK(!found || (found >= text && found < text + len));
  if (atr_invite_read(text, len, &invite, why, sizeof why) != 0) {
    CHECK(why[0] != 0 && (strstr(why, "no invite in this text") != NULL) == (found == NULL));
    return;
  }
  CHECK(found != NULL && atr_invite_read(found, (size_t)(text + len - found), &again, why, sizeof why) == 0);
  atr_buf_init(&link, 16384);
  CHECK(atr_invite_write(&invite, &link) == 0);
  CHECK(atr_invite_read((const char *)link.data, link.len, &again, why, sizeof why) == 0);
  CHECK(again.addresses_count == invite.addresses_count && atr_hash_equal(&again.key, &invite.key));
  for (size_t i = 0; i < invite.addresses_count; i++) {
    char one[ATR_ADDRESS_TEXT_BYTES], two[ATR_ADDRESS_TEXT_BYTES];

    atr_address_text(&invite.addresses[i], one);
    atr_address_text(&again.addresses[i], two);
    CHECK(strcmp(one, two) == 0);
  }
  atr_buf_free(&link);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const char prefix[] = "atrium://join#";
  uint8_t payload[4096];
  char text[sizeof prefix + ATR_BASE64_CHARS(sizeof payload)];

  try((const char *)data, size);
  if (size + 4 > sizeof payload)
    return 0;
  memcpy(payload, data, size);
  atr_put_u32(payload + size, atr_crc32c(payload, size));
  memcpy(text, prefix, sizeof prefix);
  atr_base64_encode(ATR_BASE64_URL, payload, size + 4, text + sizeof prefix - 1);
  try(text, strlen(text));
  return 0;
}
