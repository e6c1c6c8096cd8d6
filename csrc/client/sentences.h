/* SPDX-License-Identifier: MIT
 *
 * What a connection failed by, as one sentence that says how it is and what to do.
 *
 * Each cause has a sentence of its own: refused and silent are mended in different ways. The same sentence stands in the error of a Python program,
 * in the report of the network check and, translated, in the panel: addon/session/failures.py is the same table, and a test compares. */
#ifndef ATR_CLIENT_SENTENCES_H
#define ATR_CLIENT_SENTENCES_H

#include <stdbool.h>
#include <stddef.h>

/* What the user went by. */
typedef enum atr_guide {
  ATR_GUIDE_TYPED,
  ATR_GUIDE_FOUND, /* a row of those that were found on the network: it named the key, and nobody trusted that at this address before */
  ATR_GUIDE_INVITE /* it names the key, too */
} atr_guide;

/* `is_again`: the host was there before, and is tried again and again. False where `err` has no sentence here. */
bool atr_sentence_write(int err, atr_guide guide, bool is_again, const char *address, char *out, size_t out_bytes);

#endif
