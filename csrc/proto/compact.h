/* SPDX-License-Identifier: MIT
 *
 * A tree at rest: the same JSON in a thirtieth of the memory.
 *
 * A cJSON node takes a hundred bytes with its key, and a plain Blender object has 280 of them: 31 KB, of which most say `false`. Compact, the
 * same tree is about 1 KB: a value is one byte and what it needs, and a key is the number of a word. Words are the keys that many
 * documents have; they are kept once, by whoever keeps the documents, in a table that only grows and is bounded (ATR_WORDS_MAX): keys that find no
 * place there stand in the text, and so do those of items, which are random.
 *
 * Exact: numbers keep all bits (so minus zero stays what it is), keys keep their order. Reading takes some 15 us for that object,
 * writing 5. This form never leaves the process. */
#ifndef ATR_PROTO_COMPACT_H
#define ATR_PROTO_COMPACT_H

#include <cjson/cJSON.h>
#include <stddef.h>

#include "base/buf.h"

typedef struct atr_words atr_words;

atr_words *atr_words_new(void); /* NULL when memory is short */
void atr_words_free(atr_words *words);
size_t atr_words_count(const atr_words *words);
size_t atr_words_memory(const atr_words *words);

/* Appends the compact form. 0, ATR_NOMEM, ATR_LIMIT (the buffer's cap), ATR_JSON_DEPTH, ATR_JSON_NUMBER (not finite) or ATR_JSON_TYPE (a node that is no JSON). On failure the
 * buffer is as it was. */
int atr_compact_write(atr_words *words, const cJSON *tree, atr_buf *out);

/* Makes the tree of bytes that were written with the same words; the caller owns it. 0, ATR_NOMEM, or ATR_INVAL for other bytes. */
int atr_compact_read(const atr_words *words, atr_span bytes, cJSON **out);

#endif
