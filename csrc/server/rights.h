/* SPDX-License-Identifier: MIT
 *
 * Who may do what: the one table of a server.
 *
 * A row is a key and what it was let into: everything, or one room. Invite, password, the host's yes to a knock and --allow each only add a row;
 * --open is a row for everybody; the host's own programs need none, they show a token. What somebody may do follows from the row (`standing`)
 * by one list of deeds in rights.c, which the rest of the server asks before it does anything. Who has no row sees neither rooms nor users, and
 * who has one for a room sees that room and nothing else, not even whether others exist.
 *
 * What counts for good is the text file `guests` in the data folder, one line per row, which people may edit while no server runs:
 *
 *     allow <key> <name>          everything
 *     room <key> <room> <name>    that room
 *     refuse <key> code:<check code> <name>    nothing, whatever else it has
 *
 * The check code tells two who are kept out under one name apart; it cannot be had from the key's hash, so it stands there, or nothing where nobody knows it.
 * The name is the one that was shown when it was decided; who is decided about without being there keeps the one that stands there. The file is replaced in one step, so a crash leaves the old or the new one;
 * when, is its keeper's business (keeper.h). */
#ifndef ATR_SERVER_RIGHTS_H
#define ATR_SERVER_RIGHTS_H

#include "base/id.h"
#include "server/guard.h"
#include "server/keeper.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct atr_rights atr_rights;

/* Least first, so that they can be compared. */
typedef enum atr_standing {
  ATR_IS_REFUSED,  /* by the host, for good */
  ATR_IS_STRANGER, /* no row */
  ATR_IS_GUEST,    /* of the rooms that it has rows for */
  ATR_IS_MEMBER,   /* of all of them */
  ATR_IS_HOST,     /* has shown the token of this home */
} atr_standing;

/* Somebody who wants to do something. */
typedef struct atr_who {
  atr_hash key;
  bool is_host;
} atr_who;

typedef enum atr_deed {
  ATR_MAY_ENTER, /* see a room, join it, bring it back after a loss */
  ATR_MAY_CREATE,
  ATR_MAY_ADMIT, /* answer knocks */
  ATR_MAY_INVITE,
  ATR_MAY_SET_PASSWORD,
  ATR_MAY_SET_ROOM_PASSWORD,
  ATR_MAY_SEE_REACH, /* who can reach this machine */
  ATR_MAY_END,       /* the server */
  ATR_DEEDS,
} atr_deed;

/* Reads folder/guests where it exists. 0, ATR_IO (`why`), ATR_NOMEM. */
int atr_rights_open(atr_rights **out, const char *folder, char *why, size_t why_bytes);
void atr_rights_free(atr_rights *rights);
/* To be kept by somebody, else it stays as it was. */
atr_kept *atr_rights_file(atr_rights *rights);

/* --open: nobody but the refused is less than a member, until the server ends. */
void atr_rights_open_to_all(atr_rights *rights);

atr_standing atr_rights_standing(const atr_rights *rights, const atr_who *who);
/* The host, or somebody with a row that lets in. `--open` makes nobody known. */
bool atr_rights_is_known(const atr_rights *rights, const atr_who *who);

/* `room`: which one, for deeds that are about one, and `creator` the key of who has created it; both may be NULL. */
bool atr_rights_may(const atr_rights *rights, const atr_who *who, atr_deed deed, const atr_id *room,
                    const atr_hash *creator);

/* The room of somebody who may enter only one; false: there are none, or several. */
bool atr_rights_only_room(const atr_rights *rights, const atr_hash *key, atr_id *room);

/* The guesses of a key that has a row; NULL: it has none. */
atr_guard *atr_rights_guard(atr_rights *rights, const atr_hash *key, uint64_t now_ms);

/* A row. `remember`: also in the file. 0, ATR_LIMIT (ATR_GUESTS_MAX rows: there is none then) or ATR_NOMEM. Of more than ATR_GUEST_ROOMS_MAX rooms of one key the oldest is forgotten. */
int atr_rights_admit(atr_rights *rights, const atr_hash *key, const char *name, bool remember);
int atr_rights_admit_to(atr_rights *rights, const atr_hash *key, const atr_id *room, const char *name);
/* `code`: the key's check code; empty: that stays which was known. */
int atr_rights_refuse(atr_rights *rights, const atr_hash *key, const char *name, const char *code);

/* Takes a refusal back: the key is a stranger's again, who may show what lets strangers in, or knock. 0 or ATR_NOENT (it is not refused). */
int atr_rights_pardon(atr_rights *rights, const atr_hash *key);

/* Those who are refused, in the order of the file; of more than ATR_KEPT_OUT_TOLD_MAX the last. `code`: empty where it is not known. */
typedef void (*atr_refused_cb)(void *ctx, const atr_hash *key, const char *name, const char *code);
void atr_rights_refused(const atr_rights *rights, atr_refused_cb each, void *ctx);

#endif
