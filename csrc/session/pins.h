/* SPDX-License-Identifier: MIT
 *
 * Known hosts: which key answered at which address, so that another one is noticed.
 *
 * A text file `known_hosts` in ATRIUM_HOME, one line per address: address, key hash, time first seen, name. It is
 * read whole (at most ATR_PINS_MAX lines), changed under a lock between processes, and replaced in one step, so that
 * a crash leaves the old or the new one. Lines that this version does not understand are kept.
 *
 * @locality blocking file access of some ten microseconds; small files, rare use. Not on a loop that others wait for.
 */
#ifndef ATR_SESSION_PINS_H
#define ATR_SESSION_PINS_H

#include "base/id.h"

typedef enum atr_pin_state { ATR_PIN_UNKNOWN, ATR_PIN_MATCHES, ATR_PIN_CHANGED } atr_pin_state;

/* `address` is atr_address_shown() of what was typed. What is pinned is copied to `pinned` (may be NULL) on MATCHES
 * and CHANGED. Returns an atr_pin_state, or ATR_IO, ATR_NOMEM. */
int atr_pins_check(const char *home, const char *address, const atr_hash *key, atr_hash *pinned);

/* 1 where a key is pinned for the address: it is copied. 0 where none is. Or ATR_IO, ATR_NOMEM. */
int atr_pins_find(const char *home, const char *address, atr_hash *pinned);

/* 1 where the key is pinned for some address, 0 where it is for none. Or ATR_IO, ATR_NOMEM. */
int atr_pins_know(const char *home, const atr_hash *key);

/* Adds or replaces; a line that says so already stays as it is. `name` is what the user calls it, may be NULL (as before). 0, ATR_IO, ATR_LIMIT, ATR_NOMEM. */
int atr_pins_set(const char *home, const char *address, const atr_hash *key, const char *name);

/* 0, ATR_NOENT where there is none, ATR_IO, ATR_NOMEM. */
int atr_pins_forget(const char *home, const char *address);

#endif
