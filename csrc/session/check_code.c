/* SPDX-License-Identifier: MIT
 *
 * Check codes: 100 bits of a key's hash in a form that two people can read to each other. Crockford's alphabet has no
 * I, L, O and U; whoever types them means 1, 1, 0 (U stays an error).
 */
#include "session/identity.h"

#include "base/error.h"
#include "base/hash.h"

#include <string.h>

enum { CODE_CHARACTERS = 20, GROUP = 4 };

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
static const char prefix[] = "atrium-code";

int atr_check_code(atr_span spki, char out[ATR_CHECK_CODE_BYTES])
{
  atr_sha256 *sha = atr_sha256_new();
  atr_hash hash;
  unsigned bits = 0, have = 0;
  size_t at = 0, byte = 0;
  int err = sha ? 0 : ATR_NOMEM;

  if (!err)
    err = atr_sha256_update(sha, prefix, sizeof prefix - 1);
  if (!err)
    err = atr_sha256_update(sha, spki.p, spki.n);
  if (!err)
    err = atr_sha256_final(sha, &hash);
  atr_sha256_free(sha);
  if (err)
    return err;
  for (int i = 0; i < CODE_CHARACTERS; i++) {
    if (i > 0 && i % GROUP == 0)
      out[at++] = '-';
    if (have < 5) {
      bits = bits << 8 | hash.b[byte++];
      have += 8;
    }
    have -= 5;
    out[at++] = alphabet[bits >> have & 31u];
  }
  out[at] = 0;
  return 0;
}

/* The next character that counts, in the alphabet's spelling; 0 at the end. */
static char next_character(const char **text)
{
  char c;

  while ((c = *(*text)) != 0 && strchr(" -\t\r\n\"'", c))
    (*text)++;
  if (c == 0)
    return 0;
  (*text)++;
  if (c >= 'a' && c <= 'z')
    c = (char)(c - 'a' + 'A');
  if (c == 'O')
    return '0';
  return c == 'I' || c == 'L' ? '1' : c;
}

bool atr_check_code_equal(const char *typed, const char *code)
{
  char a, b;

  do {
    a = next_character(&typed);
    b = next_character(&code);
  } while (a == b && a != 0);
  return a == b;
}
