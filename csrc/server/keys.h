/* SPDX-License-Identifier: MIT
 *
 * The keys that a server knows: admitted or refused, for good or as long as it runs.
 *
 * What counts for good is a text file `keys` in the data folder, one line per key: "allow" or "refuse", the key hash, the name that was
 * shown when it was decided. People may edit it while no server runs. It is replaced in one step, so a crash leaves the old or the
 * new one. */
#ifndef ATR_SERVER_KEYS_H
#define ATR_SERVER_KEYS_H

#include "base/id.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct atr_keys atr_keys;

typedef enum atr_key_verdict { ATR_KEY_STRANGER, ATR_KEY_ALLOWED, ATR_KEY_REFUSED } atr_key_verdict;

/* Reads folder/keys where it exists. 0, ATR_IO (`why`), ATR_NOMEM. */
int atr_keys_open(atr_keys **out, const char *folder, char *why, size_t why_bytes);
void atr_keys_free(atr_keys *keys);

atr_key_verdict atr_keys_find(const atr_keys *keys, const atr_hash *key);

/* Adds or changes. `remember`: also in the file. 0, ATR_LIMIT (ATR_KEYS_MAX), ATR_NOMEM, or ATR_IO (then it counts until the server ends). */
int atr_keys_set(atr_keys *keys, const atr_hash *key, atr_key_verdict verdict, const char *name, bool remember);

#endif
