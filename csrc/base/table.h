/* SPDX-License-Identifier: MIT
 *
 * uthash, set up for keys that come from a peer.
 *
 * Keys are hashed by XXH3 under a seed of this process, so that nobody can choose documents or blobs that collide.
 * Where memory is short an insertion fails instead of ending the process: after HASH_ADD the element is in the table
 * if and only if atr_table_added() says so. */
#ifndef ATR_BASE_TABLE_H
#define ATR_BASE_TABLE_H

#include "base/hash.h"

#define HASH_FUNCTION(key, len, hash) ((hash) = (unsigned)atr_xxh64_seeded((key), (len), atr_hash_seed()))
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define atr_table_added(element) ((element)->hh.tbl != NULL)

#endif
