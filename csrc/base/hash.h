/* SPDX-License-Identifier: MIT
 *
 * Hashes: SHA-256 for names that must be trusted, XXH3 for comparing only.
 *
 * SHA-256 goes through OpenSSL, which uses the processor's SHA instructions (measured in hash.c). OpenSSL reads
 * its configuration file when first used unless it is told otherwise; atr_crypto_init does that, and every
 * function here calls it, so that whoever comes first decides the same. */
#ifndef ATR_BASE_HASH_H
#define ATR_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/id.h"

/* Prepares OpenSSL (without configuration files) and libsodium. Idempotent, any thread, cheap when repeated.
 * Call it before any other use of either library. 0, ATR_CRYPTO or ATR_RANDOM. */
int atr_crypto_init(void);

/* Zeros where a secret was; unlike memset() not left out by a compiler that sees nobody read it afterwards. */
void atr_wipe(void *bytes, size_t n);

/* SHA-256 of one run of bytes. 0 or ATR_CRYPTO. */
int atr_sha256_of(const void *bytes, size_t n, atr_hash *out);

/* SHA-1 of one run of bytes: only for the greeting of a WebSocket, where nothing rests on it. 0 or ATR_CRYPTO. */
#define ATR_SHA1_BYTES 20
int atr_sha1_of(const void *bytes, size_t n, uint8_t out[ATR_SHA1_BYTES]);

/* SHA-256 of what arrives in parts. Opaque; one thread at a time. */
typedef struct atr_sha256 atr_sha256;

atr_sha256 *atr_sha256_new(void); /* NULL when memory is short */
void atr_sha256_free(atr_sha256 *sha);
int atr_sha256_update(atr_sha256 *sha, const void *bytes, size_t n);

/* Gives the hash and starts anew. */
int atr_sha256_final(atr_sha256 *sha, atr_hash *out);

/* XXH3: equality of values within one process or between peers that trust each other. Never names anything. */
uint64_t atr_xxh64(const void *bytes, size_t n);
void atr_xxh128(const void *bytes, size_t n, uint8_t out[16]);

/* XXH3-64 with a seed: for hash tables that a peer fills, so that it cannot choose collisions. */
uint64_t atr_xxh64_seeded(const void *bytes, size_t n, uint64_t seed);

/* CRC-32C (Castagnoli), as iSCSI and SCTP use it: notices what was copied wrongly, and nothing else. */
uint32_t atr_crc32c(const void *bytes, size_t n);

/* A random seed, the same for the whole life of the process. */
uint64_t atr_hash_seed(void);

#endif
