/* SPDX-License-Identifier: MIT
 *
 * See base64.h. */
#include "base/base64.h"

#include "base/error.h"

#include <sodium.h>

static int variant(enum atr_base64 kind)
{
  return kind == ATR_BASE64_URL ? sodium_base64_VARIANT_URLSAFE_NO_PADDING : sodium_base64_VARIANT_ORIGINAL;
}

void atr_base64_encode(enum atr_base64 kind, const uint8_t *bytes, size_t n, char *out)
{
  sodium_bin2base64(out, ATR_BASE64_CHARS(n), bytes, n, variant(kind));
}

int atr_base64_decode(enum atr_base64 kind, const char *text, size_t len, uint8_t *out, size_t max, size_t *n)
{
  if (len / 4 * 3 > max)
    return ATR_LIMIT;
  return sodium_base642bin(out, max, text, len, NULL, n, NULL, variant(kind)) == 0 ? ATR_OK : ATR_INVAL;
}
