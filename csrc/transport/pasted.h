/* SPDX-License-Identifier: MIT
 *
 * What pasting adds to a text and nobody sees: zero-width spaces and soft hyphens, with which messengers and web pages allow a long word to be broken, byte
 * order marks, and the marks of writing direction around a text from left to right in one from right to left. They mean nothing in an address nor in an invite. */
#ifndef ATR_TRANSPORT_PASTED_H
#define ATR_TRANSPORT_PASTED_H

#include <stddef.h>

/* Bytes of the invisible character at the start of `p`; 0: there is none. */
size_t atr_pasted_invisible(const char *p, size_t n);

#endif
