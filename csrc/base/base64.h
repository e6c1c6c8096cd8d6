/* SPDX-License-Identifier: MIT
 *
 * Base64 in its two spellings (RFC 4648): with padding for HTTP's headers, URL-safe and without for links. libsodium's, which
 * reads only what it would have written. */
#ifndef ATR_BASE_BASE64_H
#define ATR_BASE_BASE64_H

#include <stddef.h>
#include <stdint.h>

enum atr_base64 { ATR_BASE64_PLAIN, ATR_BASE64_URL };

/* Characters of n bytes, NUL included, in either spelling. */
#define ATR_BASE64_CHARS(n) (((n) + 2) / 3 * 4 + 1)

/* Writes a NUL-terminated text to `out`, which has room for ATR_BASE64_CHARS(n). */
void atr_base64_encode(enum atr_base64 kind, const uint8_t *bytes, size_t n, char *out);

/* Reads all of `text`; returns the number of bytes. 0 or ATR_INVAL; ATR_LIMIT where `max` is too little. */
int atr_base64_decode(enum atr_base64 kind, const char *text, size_t len, uint8_t *out, size_t max, size_t *n);

#endif
