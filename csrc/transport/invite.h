/* SPDX-License-Identifier: MIT
 *
 * An invite: one link that holds all that a guest needs (docs/protocol.md, 5).
 *
 * `atrium://join#` and one base64url payload: whose key answers, a token that opens the door, the room, and the addresses at
 * which the host may be reached. The guest races them; the first that proves the key wins, and only then is the token
 * shown. The payload ends with a checksum, so a link that lost a character says so instead of failing later.
 *
 * Reading forgives what chat programs and hands do: the link may stand inside of a sentence, in <> or quotes, be broken by line
 * ends, and lack its beginning. What looks like an invite or a piece of one is a secret, whole or not, so this is also the one place
 * that knows what looks so: all who show, store or log what was pasted ask here. A pure parser: it asks nobody. */
#ifndef ATR_TRANSPORT_INVITE_H
#define ATR_TRANSPORT_INVITE_H

#include "base/buf.h"
#include "base/id.h"
#include "base/limits.h"
#include "transport/address.h"

#define ATR_INVITE_TOKEN_BYTES 16

typedef struct atr_invite {
  atr_hash key; /* SHA-256 of the host's SPKI */
  uint8_t token[ATR_INVITE_TOKEN_BYTES];
  atr_id room; /* zero: the lobby */
  size_t addresses_count;
  atr_address addresses[ATR_ADDRESSES_MAX]; /* in the order in which the host would try them */
} atr_invite;

/* Appends the link. 0, ATR_INVAL (no address, too many, or one that cannot be written) or the buffer's error. */
int atr_invite_write(const atr_invite *invite, atr_buf *out);

/* Where the text holds an invite: the first whole one, else what looks like a damaged one or a piece of one; NULL where there is neither. */
const char *atr_invite_find(const char *text, size_t len);

/* True where there is one, whole or damaged: then it is not an address. */
bool atr_invite_is_in(const char *text, size_t len);

/* Reads the first whole one in the text. 0, or ATR_INVITE; then `why` gets one sentence that says what is wrong. */
int atr_invite_read(const char *text, size_t len, atr_invite *out, char *why, size_t why_bytes);

#endif
