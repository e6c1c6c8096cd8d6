/* SPDX-License-Identifier: MIT
 *
 * An invite: one link that holds all that a guest needs (docs/protocol.md, 5).
 *
 * `atrium://join#` and one base64url payload: whose key answers, a token that opens the door, the room, and the addresses at
 * which the host may be reached. The guest races them; the first that proves the key wins, and only then is the token
 * shown. The payload ends with a checksum, so a link that lost a character says so instead of failing later.
 *
 * Reading forgives what chat programs do: the link may stand inside of a sentence, in <> or quotes, and be broken by line
 * ends. A pure parser: it asks nobody. */
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

/* True where the text holds a link, whole or damaged: then it is not an address. */
bool atr_invite_is_in(const char *text, size_t len);

/* Reads the first link in the text. 0, or ATR_INVITE; then `why` gets one sentence that says what is wrong. */
int atr_invite_read(const char *text, size_t len, atr_invite *out, char *why, size_t why_bytes);

#endif
