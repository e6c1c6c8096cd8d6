/* SPDX-License-Identifier: MIT
 *
 * Identifiers, their hexadecimal text, and the one source of random bytes (libsodium's: the kernel's generator on
 * every platform, without a file or a state that a fork could copy). */
#include "base/id.h"

#include <sodium.h>
#include <stdlib.h>

#include "base/error.h"

static bool all_zero(const uint8_t *p, size_t n)
{
  uint8_t any = 0;

  for (size_t i = 0; i < n; i++)
    any |= p[i];
  return any == 0;
}

bool atr_id_is_zero(const atr_id *id)
{
  return all_zero(id->b, sizeof id->b);
}

bool atr_hash_is_zero(const atr_hash *hash)
{
  return all_zero(hash->b, sizeof hash->b);
}

int atr_random(void *out, size_t n)
{
  if (sodium_init() < 0) /* 1 when it is initialised already; any thread */
    return ATR_RANDOM;
  randombytes_buf(out, n);
  return 0;
}

int atr_id_random(atr_id *out)
{
  int err = atr_random(out->b, sizeof out->b);

  if (err)
    return err;
  out->b[6] = (uint8_t)((out->b[6] & 0x0f) | 0x40);
  out->b[8] = (uint8_t)((out->b[8] & 0x3f) | 0x80);
  return 0;
}

void atr_hex_encode(const uint8_t *bytes, size_t n, char *out)
{
  static const char digits[] = "0123456789abcdef";

  for (size_t i = 0; i < n; i++) {
    *out++ = digits[bytes[i] >> 4];
    *out++ = digits[bytes[i] & 15];
  }
  *out = '\0';
}

static int digit_value(char c)
{
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

int atr_hex_decode(const char *text, size_t len, uint8_t *out, size_t n)
{
  if (len != 2 * n)
    return ATR_INVAL;
  for (size_t i = 0; i < len; i++)
    if (digit_value(text[i]) < 0)
      return ATR_INVAL;
  for (size_t i = 0; i < n; i++)
    out[i] = (uint8_t)(digit_value(text[2 * i]) << 4 | digit_value(text[2 * i + 1]));
  return 0;
}

void atr_id_to_hex(const atr_id *id, char out[ATR_ID_HEX + 1])
{
  atr_hex_encode(id->b, sizeof id->b, out);
}

void atr_hash_to_hex(const atr_hash *hash, char out[ATR_HASH_HEX + 1])
{
  atr_hex_encode(hash->b, sizeof hash->b, out);
}

int atr_id_from_hex(const char *text, size_t len, atr_id *out)
{
  return atr_hex_decode(text, len, out->b, sizeof out->b);
}

int atr_hash_from_hex(const char *text, size_t len, atr_hash *out)
{
  return atr_hex_decode(text, len, out->b, sizeof out->b);
}

/* --- lists of hashes -------------------------------------------------------------------------------------------- */

static int by_bytes(const void *a, const void *b)
{
  return atr_hash_compare(a, b);
}

size_t atr_hash_sort(atr_hash *list, size_t n)
{
  size_t kept = 0;

  if (n > 1)
    qsort(list, n, sizeof *list, by_bytes);
  for (size_t i = 0; i < n; i++)
    if (kept == 0 || !atr_hash_equal(&list[kept - 1], &list[i]))
      list[kept++] = list[i];
  return kept;
}

bool atr_hash_find(const atr_hash *list, size_t n, const atr_hash *hash, size_t *at)
{
  size_t low = 0, high = n;

  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int order = atr_hash_compare(&list[middle], hash);

    if (order == 0) {
      *at = middle;
      return true;
    }
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  *at = low;
  return false;
}
