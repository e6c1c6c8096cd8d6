/* SPDX-License-Identifier: MIT
 *
 * shelf - the blobs that the application may ask for, from its own thread
 *
 * The engine's table of blobs belongs to the engine's thread. What an event names, and what the application handed over, stands
 * here too, under a lock that is held for one look-up. The bytes are shared; an entry goes when the table has dropped the
 * blob, which it does only when no document names it any more. */
#ifndef ATR_CLIENT_SHELF_H
#define ATR_CLIENT_SHELF_H

#include "base/id.h"
#include "base/mem.h"
#include "blob/blobs.h"

typedef struct shelf shelf;

shelf *shelf_new(void); /* NULL when memory is short */
void shelf_free(shelf *s);

/* One more owner, or NULL. Any thread. */
atr_bytes *shelf_get(shelf *s, const atr_hash *hash);

/* Retains. @locality engine's thread */
void shelf_put(shelf *s, const atr_hash *hash, atr_bytes *bytes);

/* Drops what the table does not have any more. @locality engine's thread */
void shelf_sweep(shelf *s, const atr_blobs *blobs);

#endif
