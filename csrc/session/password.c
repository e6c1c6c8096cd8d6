/* SPDX-License-Identifier: MIT
 *
 * See password.h. The parameters are libsodium's "interactive" ones. */
#include "session/password.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/limits.h"

#include <sodium.h>
#include <string.h>

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

/* A keyed hash of the name, one for each purpose. */
static void keyed(uint8_t *out, size_t n, const uint8_t key[ATR_KEYED_BYTES], uint8_t purpose, const char *name)
{
  crypto_generichash_state state;

  crypto_generichash_init(&state, key, ATR_KEYED_BYTES, n);
  crypto_generichash_update(&state, &purpose, 1);
  crypto_generichash_update(&state, (const uint8_t *)name, strlen(name));
  crypto_generichash_final(&state, out, n);
  sodium_memzero(&state, sizeof state);
}

void atr_password_of_nobody(atr_password *password, const uint8_t key[ATR_KEYED_BYTES], const char *name)
{
  password->passes = ATR_ARGON_PASSES;
  password->memory_kib = ATR_ARGON_KIB;
  keyed(password->salt, sizeof password->salt, key, 's', name);
  keyed(password->secret, sizeof password->secret, key, 'n', name);
}

uint32_t atr_password_slot(const uint8_t key[ATR_KEYED_BYTES], const char *name, uint32_t slots)
{
  uint8_t hash[crypto_generichash_BYTES_MIN];

  keyed(hash, sizeof hash, key, 'g', name);
  return atr_get_u32(hash) % slots;
}

void atr_password_wipe(atr_password *password)
{
  sodium_memzero(password, sizeof *password);
}
