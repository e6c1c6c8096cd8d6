/* SPDX-License-Identifier: MIT
 *
 * The hosts that were heard on this network: a table, without sockets and clock.
 *
 * One host answers over every network that it shares with this machine, so it is heard at several addresses; its key says that they are
 * one. For each key one address is shown: one that is pinned to that key before all others, then the nearest. So somebody who
 * announces a known host's key at an address of his own does not take its place; and a flood of made-up hosts fills the table,
 * but a known one still finds a place in it. Whether an announced key is the true one shows when its owner proves it. */
#ifndef ATR_REACH_NEIGHBORS_H
#define ATR_REACH_NEIGHBORS_H

#include "base/id.h"
#include "base/limits.h"
#include "proto/beacon.h"
#include "transport/address.h"

#include <stdbool.h>

/* How near an address is; the lower, the better. */
typedef enum atr_nearness { ATR_NEAR_SELF, ATR_NEAR_IPV4, ATR_NEAR_IPV6, ATR_NEAR_LINK } atr_nearness;

typedef struct atr_neighbor {
  char address[ATR_ADDRESS_TEXT_BYTES];
  atr_hash key;
  char name[ATR_HOST_NAME_BYTES_MAX + 1];
  atr_nearness nearness;
  bool is_known; /* this key is pinned for this address */
  uint64_t heard_ms;
} atr_neighbor;

typedef struct atr_neighbors {
  atr_neighbor list[ATR_NEIGHBORS_MAX];
  size_t n;
  uint64_t revision; /* grows with every change that somebody could see */
} atr_neighbors;

/* The entry of this key at this address, NULL where it is new. */
atr_neighbor *atr_neighbors_find(atr_neighbors *table, const atr_hash *key, const char *address);

/* Adds or refreshes; `heard` says all of it. Where the table is full, a known one takes the place of the unknown one that was silent
 * longest, and an unknown one finds none. */
void atr_neighbors_hear(atr_neighbors *table, const atr_neighbor *heard);

/* Drops who was silent for ATR_DISCOVERY_EXPIRE_MS. */
void atr_neighbors_expire(atr_neighbors *table, uint64_t now_ms);

/* One entry for each key: known ones first, then by name, key. Returns how many. */
size_t atr_neighbors_shown(const atr_neighbors *table, const atr_neighbor *out[ATR_NEIGHBORS_MAX]);

#endif
