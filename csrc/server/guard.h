/* SPDX-License-Identifier: MIT
 *
 * How often somebody may guess a password.
 *
 * A guess costs a token of a bucket, which fills up again slowly; and the slower, the longer somebody goes on with every token that comes: each one that an
 * empty bucket gives doubles the pause before the next, up to ATR_GUESS_MS_MAX, until the bucket is full again. Anybody can make keys, so all strangers
 * share one bucket per target (the server, a room): ten thousand keys from as many addresses guess no faster than one. Whoever may enter
 * there already has a bucket of its own and never waits for strangers; members need no password at all. A right guess gives its
 * token back.
 *
 * Without sockets and clock: the caller says what time it is. */
#ifndef ATR_SERVER_GUARD_H
#define ATR_SERVER_GUARD_H

#include "base/id.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct atr_guard {
  double tokens;
  uint64_t at_ms;    /* when `tokens` was right */
  uint32_t pause_ms; /* until the next token */
  bool was_empty;    /* since the bucket was full */
} atr_guard;

/* A full bucket. */
void atr_guard_init(atr_guard *guard, uint64_t now_ms);

/* Takes a token; false: there is none, and `wait_s` says when to come back. */
bool atr_guard_take(atr_guard *guard, uint64_t now_ms, uint32_t *wait_s);

/* The guess was right. */
void atr_guard_give_back(atr_guard *guard);

#endif
