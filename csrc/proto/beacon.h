/* SPDX-License-Identifier: MIT
 *
 * The two packets by which hosts on one network are found (docs/protocol.md, 7). Bytes only: who sends them where is reach/.
 *
 * Who looks sends a *query*, each server that hears it sends an *answer* back to the sender alone. An answer says how to connect and
 * whose key to expect, and nothing that a stranger who connects would not learn: no rooms, no users. It is a hint, never
 * a proof: anybody on the network can write one.
 *
 * A query is as long as the longest answer, so that nobody with a forged sender makes a server send more than he does himself. What
 * stands behind the known fields is ignored, so that a later version may add some. */
#ifndef ATR_PROTO_BEACON_H
#define ATR_PROTO_BEACON_H

#include "base/id.h"
#include "base/limits.h"

#define ATR_BEACON_NONCE_BYTES 8

/* Magic, version, kind, nonce; port, key, length of the name; the name. */
#define ATR_BEACON_HEAD_BYTES (4 + 1 + 1 + ATR_BEACON_NONCE_BYTES)
#define ATR_BEACON_BYTES_MAX (ATR_BEACON_HEAD_BYTES + 2 + ATR_HASH_BYTES + 1 + ATR_HOST_NAME_BYTES_MAX)

typedef struct atr_beacon_nonce {
  uint8_t b[ATR_BEACON_NONCE_BYTES];
} atr_beacon_nonce;

typedef struct atr_beacon {
  atr_beacon_nonce nonce; /* of the query that it answers */
  uint16_t port;          /* TCP */
  atr_hash key;           /* SHA-256 of the server's SPKI: one host is one key, at however many addresses */
  char name[ATR_HOST_NAME_BYTES_MAX + 1];
} atr_beacon;

/* Both write ATR_BEACON_BYTES_MAX at most and return how many. A name that is too long is cut between characters, one that could not
 * be shown (not UTF-8, control characters, empty) is replaced. */
size_t atr_beacon_query_write(const atr_beacon_nonce *nonce, uint8_t out[ATR_BEACON_BYTES_MAX]);
size_t atr_beacon_answer_write(const atr_beacon *beacon, uint8_t out[ATR_BEACON_BYTES_MAX]);

/* Both 0 or ATR_PROTO. */
int atr_beacon_query_read(const uint8_t *bytes, size_t n, atr_beacon_nonce *nonce);
int atr_beacon_answer_read(const uint8_t *bytes, size_t n, atr_beacon *out);

#endif
