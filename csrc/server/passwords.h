/* SPDX-License-Identifier: MIT
 *
 * The passwords of a server and of its rooms, as they are kept: what was derived from each (session/password.h), never the text.
 *
 * A room is named by who types its password before anything proves that he may know of it. So every name gets the same answer, whether there is
 * such a room or not, with a password or without: a salt that follows from the name and from this server's key, and, where there is no password, a
 * secret that nobody knows. Since the salt depends on nothing else, it does not change when a room comes, goes, or gets a password.
 *
 * One run proves one password, so a name stands for one. That of a room which the server does not have any more stays, for the room may be
 * brought back, until ATR_ROOMS_MAX have one; a new room of its name hides it meanwhile, as whoever types that name means the room that is there.
 * Where the lost room comes back and the new one has got a password of its own, the one that had it first counts: nobody takes a
 * room's name from it by being quick.
 *
 * The file `password` of the data folder, whose lines are as good as the passwords:
 *
 *     argon2id <passes> <KiB> <salt> <secret>                       the server's
 *     room <room> argon2id <passes> <KiB> <salt> <secret> <name>    a room's */
#ifndef ATR_SERVER_PASSWORDS_H
#define ATR_SERVER_PASSWORDS_H

#include "base/id.h"
#include "server/keeper.h"
#include "session/password.h"

#include <stdbool.h>

typedef struct atr_passwords atr_passwords;

/* Reads folder/password where it exists. `key`: a secret of this server, the same whenever it starts. 0, ATR_IO (`why`), ATR_NOMEM. */
int atr_passwords_open(atr_passwords **out, const char *folder, const uint8_t key[ATR_KEYED_BYTES], char *why,
                       size_t why_bytes);
void atr_passwords_free(atr_passwords *passwords);
/* To be kept by somebody (keeper.h), else it stays as it was. */
atr_kept *atr_passwords_file(atr_passwords *passwords);

/* Which rooms there are. */
typedef struct atr_rooms_there {
  const void *ctx;
  bool (*has)(const void *ctx, const atr_id *room);
  bool (*has_named)(const void *ctx, const char *name);
} atr_rooms_there;

/* Until it is told, none is there. */
void atr_passwords_tell_rooms(atr_passwords *passwords, const atr_rooms_there *rooms);

/* The server's, from elsewhere (--password-file): counts until the server ends, and is not written down. Blocks while it is derived. 0,
 * ATR_INVAL (`why`), ATR_RANDOM, ATR_NOMEM. */
int atr_passwords_give(atr_passwords *passwords, const char *text, char *why, size_t why_bytes);

/* The server's; NULL: it has none. */
const atr_password *atr_passwords_of_server(const atr_passwords *passwords);

/* What answers to the name of a room. `room` is zero where there is none: the same work was done, and `out` holds a secret that no password leads to. */
void atr_passwords_of_name(const atr_passwords *passwords, const char *name, atr_password *out, atr_id *room);

/* Whether it has one, and its name stands for it. */
bool atr_passwords_has(const atr_passwords *passwords, const atr_id *room);

/* The room that is there whose password answers to this name; false: none. */
bool atr_passwords_holder(const atr_passwords *passwords, const char *name, atr_id *room);

/* Salt and parameters for a new password: to be derived, then set. `name` is the room's; NULL: the server's. 0 or ATR_RANDOM. */
int atr_passwords_begin(const atr_passwords *passwords, const char *name, atr_password *out);

/* `password` NULL: none any more. `room` NULL: the server's. 0, ATR_LIMIT (ATR_ROOMS_MAX rooms have one) or ATR_NOMEM. */
int atr_passwords_set(atr_passwords *passwords, const atr_id *room, const char *name, const atr_password *password);

/* Drops the oldest password of a room that is not there. False: all are there. */
bool atr_passwords_drop_lost(atr_passwords *passwords);

#endif
