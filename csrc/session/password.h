/* SPDX-License-Identifier: MIT
 *
 * What a password becomes before it is of any use: Argon2id with a salt, 32 bytes that CPace (cpace.h) takes as the secret.
 *
 * The server keeps these bytes, and whoever has them needs the password no more (docs/security.md); what the derivation gains is
 * that a stolen file does not tell the password itself, and that a fake host cannot try passwords quickly. Both sides derive the
 * same way; the parameters travel, and a client refuses ones that would cost it too much.
 *
 * Deriving takes about a tenth of a second and ATR_ARGON_BYTES of memory: never on a loop's thread. */
#ifndef ATR_SESSION_PASSWORD_H
#define ATR_SESSION_PASSWORD_H

#include "base/buf.h"
#include "base/limits.h"

#include <stdint.h>

#define ATR_PASSWORD_SALT_BYTES 16
#define ATR_PASSWORD_SECRET_BYTES 32

typedef struct atr_password {
  uint8_t salt[ATR_PASSWORD_SALT_BYTES];
  uint32_t passes;
  uint32_t memory_kib;
  uint8_t secret[ATR_PASSWORD_SECRET_BYTES];
} atr_password;

/* A fresh salt and our own parameters; the secret is still to be derived. 0 or ATR_RANDOM. */
int atr_password_init(atr_password *password);

/* Fills in `secret`. Blocks. 0, ATR_INVAL (empty, or longer than ATR_PASSWORD_BYTES_MAX), ATR_LIMIT (parameters that nobody needs),
 * ATR_NOMEM. */
int atr_password_derive(atr_password *password, atr_span text);

/* What answers for a password that nobody has set: salt and secret follow from `name` and from `key`, which only the server knows, and
 * no password leads to the secret. The salt is also that of a password which is set later under that name. */
#define ATR_KEYED_BYTES 32
void atr_password_of_nobody(atr_password *password, const uint8_t key[ATR_KEYED_BYTES], const char *name);

/* Which of so many guards counts the guesses at a name: it must not tell which names there are. */
uint32_t atr_password_slot(const uint8_t key[ATR_KEYED_BYTES], const char *name, uint32_t slots);

/* Nothing of it stays in memory. */
void atr_password_wipe(atr_password *password);

/* One CPace run between two keys on one connection: what both sides put in beside the secret. `exporter`: 32 bytes of TLS's
 * exporter (ATR_PASSWORD_EXPORTER). */
#define ATR_PASSWORD_EXPORTER "EXPORTER-atrium-cpace"
#define ATR_PASSWORD_CI "atrium/1 password"

#endif
