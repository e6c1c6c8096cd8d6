/* SPDX-License-Identifier: MIT
 *
 * The two fixed-size names of the engine: atr_id (128 bits: documents, participants, rooms, actions, epochs) and
 * atr_hash (256 bits: blobs by SHA-256 of their bytes, keys by SHA-256 of their SPKI).
 *
 * They are plain values, copied by assignment. Their text is lower-case hexadecimal without dashes; upper case is
 * read but never written, so that a name has one spelling. */
#ifndef ATR_BASE_ID_H
#define ATR_BASE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ATR_ID_BYTES 16
#define ATR_HASH_BYTES 32
#define ATR_ID_HEX (2 * ATR_ID_BYTES)
#define ATR_HASH_HEX (2 * ATR_HASH_BYTES)

typedef struct atr_id {
  uint8_t b[ATR_ID_BYTES];
} atr_id;

typedef struct atr_hash {
  uint8_t b[ATR_HASH_BYTES];
} atr_hash;

static inline bool atr_id_equal(const atr_id *a, const atr_id *b)
{
  return memcmp(a->b, b->b, ATR_ID_BYTES) == 0;
}

static inline bool atr_hash_equal(const atr_hash *a, const atr_hash *b)
{
  return memcmp(a->b, b->b, ATR_HASH_BYTES) == 0;
}

/* Bytewise order, as memcmp: the order of ties between fractional indices and of equal names. */
static inline int atr_id_compare(const atr_id *a, const atr_id *b)
{
  return memcmp(a->b, b->b, ATR_ID_BYTES);
}

static inline int atr_hash_compare(const atr_hash *a, const atr_hash *b)
{
  return memcmp(a->b, b->b, ATR_HASH_BYTES);
}

/* Ascending, each once; returns how many are left. */
size_t atr_hash_sort(atr_hash *list, size_t n);

/* Whether it is in an ascending list; `*at` is where, or would be. */
bool atr_hash_find(const atr_hash *list, size_t n, const atr_hash *hash, size_t *at);

bool atr_id_is_zero(const atr_id *id);
bool atr_hash_is_zero(const atr_hash *hash);

/* A fresh random id: version 4 of RFC 9562 (so that Python's uuid module likes it). 0 or ATR_RANDOM. */
int atr_id_random(atr_id *out);

/* Writes 32 (64) digits and a NUL. */
void atr_id_to_hex(const atr_id *id, char out[ATR_ID_HEX + 1]);
void atr_hash_to_hex(const atr_hash *hash, char out[ATR_HASH_HEX + 1]);

/* Reads exactly 32 (64) digits from `text` of `len` bytes. 0 or ATR_INVAL; `out` is untouched on failure. */
int atr_id_from_hex(const char *text, size_t len, atr_id *out);
int atr_hash_from_hex(const char *text, size_t len, atr_hash *out);

/* Any bytes as hexadecimal: writes 2 * n digits and a NUL; reads exactly n bytes from 2 * n digits. */
void atr_hex_encode(const uint8_t *bytes, size_t n, char *out);
int atr_hex_decode(const char *text, size_t len, uint8_t *out, size_t n);

/* Cryptographically strong random bytes, from any thread. 0 or ATR_RANDOM. */
int atr_random(void *out, size_t n);

#endif
