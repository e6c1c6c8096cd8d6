/* SPDX-License-Identifier: MIT
 *
 * The invites that a server has given out: who shows the token of one is let in, until it expires or is revoked.
 *
 * A token is never kept, only its SHA-256: who reads the file cannot enter with it. The file `invites` in the data folder has
 * one line per invite and is replaced in one step. Letting in is remembered by key (rights.h), so revoking an invite keeps
 * the access of those who came by it. */
#ifndef ATR_SERVER_INVITES_H
#define ATR_SERVER_INVITES_H

#include "base/id.h"
#include "server/keeper.h"
#include "transport/invite.h"

#include <stdbool.h>

typedef struct atr_invites atr_invites;

/* Reads folder/invites where it exists; what has expired is left out. 0, ATR_IO (`why`), ATR_NOMEM. */
int atr_invites_open(atr_invites **out, const char *folder, uint64_t now_s, char *why, size_t why_bytes);
void atr_invites_free(atr_invites *invites);
/* To be kept by somebody (keeper.h), else it stays as it was. */
atr_kept *atr_invites_file(atr_invites *invites);

/* A new one with a fresh token. `expires_s`: seconds since 1970, 0: never. 0, ATR_LIMIT (ATR_INVITES_MAX), ATR_RANDOM or ATR_NOMEM. */
int atr_invites_add(atr_invites *invites, const atr_id *room, uint64_t expires_s, uint64_t now_s,
                    uint8_t token[ATR_INVITE_TOKEN_BYTES]);

/* It could not be kept, so nobody is given its link, and nobody could revoke it. */
void atr_invites_withdraw(atr_invites *invites, const uint8_t token[ATR_INVITE_TOKEN_BYTES]);

/* Whether the token opens the door now, and of which room. */
bool atr_invites_check(const atr_invites *invites, const uint8_t token[ATR_INVITE_TOKEN_BYTES], uint64_t now_s,
                       atr_id *room);

/* A key that was not known before comes in by it. False: `keys_max` have (ATR_INVITE_KEYS_MAX) since this server began. */
bool atr_invites_use(atr_invites *invites, const uint8_t token[ATR_INVITE_TOKEN_BYTES], uint32_t keys_max);

/* All links that were given out stop working. How many. */
size_t atr_invites_revoke(atr_invites *invites);

#endif
