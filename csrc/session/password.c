/* SPDX-License-Identifier: MIT
 *
 * See password.h. The parameters are libsodium's "interactive" ones. */
#include "session/password.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/limits.h"

#include <sodium.h>

_Static_assert(ATR_PASSWORD_SALT_BYTES == crypto_pwhash_argon2id_SALTBYTES, "libsodium's salt");

int atr_password_init(atr_password *password)
{
  password->passes = ATR_ARGON_PASSES;
  password->memory_kib = ATR_ARGON_KIB;
  sodium_memzero(password->secret, sizeof password->secret);
  return atr_random(password->salt, sizeof password->salt);
}

int atr_password_derive(atr_password *password, atr_span text)
{
  int err = atr_crypto_init();

  if (err)
    return err;
  if (text.n == 0 || text.n > ATR_PASSWORD_BYTES_MAX)
    return ATR_INVAL;
  if (password->passes < 1 || password->passes > ATR_ARGON_PASSES_MAX || password->memory_kib < 8 ||
      password->memory_kib > ATR_ARGON_KIB_MAX)
    return ATR_LIMIT;
  return crypto_pwhash_argon2id(password->secret, sizeof password->secret, (const char *)text.p, text.n, password->salt,
                                password->passes, (size_t)password->memory_kib * 1024,
                                crypto_pwhash_argon2id_ALG_ARGON2ID13) == 0
             ? ATR_OK
             : ATR_NOMEM;
}

void atr_password_wipe(atr_password *password)
{
  sodium_memzero(password, sizeof *password);
}
