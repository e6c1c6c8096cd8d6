/* SPDX-License-Identifier: MIT
 *
 * UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. Text from a peer is checked
 * before it is stored, shown or logged. */
#ifndef ATR_BASE_UTF8_H
#define ATR_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length of the valid sequence of more than one byte at `p` (which is before `end`); 0 where there is none. */
size_t atr_utf8_sequence(const uint8_t *p, const uint8_t *end);

/* True where all of `text` is valid and holds no NUL. */
bool atr_utf8_valid(const char *text, size_t len);

/* The length of the longest prefix of at most `max` bytes that cuts no sequence. */
size_t atr_utf8_prefix(const char *text, size_t len, size_t max);

/* True where people may be shown it beside a button: valid, not empty, and without what could disguise it. Control characters end lines, and
 * those of Unicode that change the direction of writing make a text look like another one. */
bool atr_utf8_shows_well(const char *text, size_t len);

#endif
