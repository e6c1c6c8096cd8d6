/* SPDX-License-Identifier: MIT
 *
 * The keys that a server knows: admitted or refused, for good or as long as it runs.
 *
 * What counts for good is a text file `guests` in the data folder, one line per key: "allow" or "refuse", the key hash, the name that was
 * shown when it was decided. People may edit it while no server runs. It is replaced in one step, so a crash leaves the old or the
 * new one. */
#ifndef ATR_SERVER_GUESTS_H
#define ATR_SERVER_GUESTS_H

#include "base/id.h"
#include "server/guard.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct atr_guests atr_guests;

typedef enum atr_guest_verdict { ATR_GUEST_STRANGER, ATR_GUEST_ALLOWED, ATR_GUEST_REFUSED } atr_guest_verdict;

/* Reads folder/guests where it exists. 0, ATR_IO (`why`), ATR_NOMEM. */
int atr_guests_open(atr_guests **out, const char *folder, char *why, size_t why_bytes);
void atr_guests_free(atr_guests *guests);

atr_guest_verdict atr_guests_find(const atr_guests *guests, const atr_hash *key);

/* The guesses of a key that is let in; NULL: it is a stranger's. */
atr_guard *atr_guests_guard(atr_guests *guests, const atr_hash *key, uint64_t now_ms);

/* Adds or changes. `remember`: also in the file. 0, ATR_LIMIT (ATR_GUESTS_MAX), ATR_NOMEM, or ATR_IO (then it counts until the server ends). */
int atr_guests_set(atr_guests *guests, const atr_hash *key, atr_guest_verdict verdict, const char *name, bool remember);

#endif
