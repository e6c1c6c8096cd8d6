/* SPDX-License-Identifier: MIT
 *
 * The token of a home: a server leaves it in a file of the home that is named after its key, private as the key itself, and whoever runs with that home
 * finds it there by the key that has just been proved. So a token is never shown to another server. */
#ifndef ATR_SESSION_TOKEN_H
#define ATR_SESSION_TOKEN_H

#include "base/id.h"

#include <stddef.h>

#define ATR_TOKEN_BYTES 32
#define ATR_TOKEN_HEX (2 * ATR_TOKEN_BYTES)

/* 0; ATR_NOENT where there is none, or nothing that is one; ATR_IO, with a sentence. */
int atr_token_read(const char *home, const atr_hash *key, char hex[ATR_TOKEN_HEX + 1], char *why, size_t why_bytes);

/* Instead of what is there. 0 or ATR_IO, with a sentence. */
int atr_token_write(const char *home, const atr_hash *key, const uint8_t token[ATR_TOKEN_BYTES], char *why,
                    size_t why_bytes);

#endif
