/* SPDX-License-Identifier: MIT
 *
 * This side's persistent key (Ed25519) and its self-signed certificate, in one file of one folder.
 *
 * The file `identity.pem` (0600 in a folder of 0700) is written whole and put in place under a lock, so two processes
 * that start at the same moment end with one key. A file or folder that others could read or write is repaired, or
 * refused where that is impossible. The key never leaves the file and this struct.
 *
 * @locality creating does blocking file access: call it before the loop runs, or off it. Afterwards read-only, any thread.
 */
#ifndef ATR_SESSION_IDENTITY_H
#define ATR_SESSION_IDENTITY_H

#include "base/buf.h"
#include "base/id.h"

typedef struct atr_identity atr_identity;
struct atr_tls_config;

/* Loads the key in `folder`, or makes folder and key. 0, ATR_IO (`why` says which file and what is wrong with it),
 * ATR_CRYPTO or ATR_NOMEM. */
int atr_identity_open(atr_identity **out, const char *folder, char *why, size_t why_bytes);

/* A key that lives in memory only: tests, benchmarks. */
int atr_identity_new(atr_identity **out);
void atr_identity_free(atr_identity *identity);

const atr_hash *atr_identity_key(const atr_identity *identity); /* SHA-256 of the SPKI: who this is */
atr_span atr_identity_spki(const atr_identity *identity);       /* DER */
/* A secret that follows from the key and the label, the same in each process. 0 or ATR_CRYPTO. */
int atr_identity_secret(const atr_identity *identity, const char *label, uint8_t out[32]);
const struct atr_tls_config *atr_identity_tls(const atr_identity *identity);

/* "ABCD-EFGH-JKMN-PQRS-TVWX" of one key, for people to compare (docs/protocol.md, 1). 0 or ATR_CRYPTO. */
#define ATR_CHECK_CODE_BYTES 25
int atr_check_code(atr_span spki, char out[ATR_CHECK_CODE_BYTES]);

/* Compares what a person typed with a code: case, spaces and dashes do not count, O is 0, I and L are 1. */
bool atr_check_code_equal(const char *typed, const char *code);

#endif
