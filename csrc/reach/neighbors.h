/* SPDX-License-Identifier: MIT
 *
 * The hosts that were heard on this network: a table, without sockets and clock.
 *
 * One host answers over every network that it shares with this machine, so it is heard at several addresses; its key says that they are
 * one. For each key one address is shown: one that is pinned to that key before all others, then one where it was proved, one that is still to be
 * tried, the nearest. So somebody who announces a known host's key at an address of his own does not take its place; and a flood of made-up
 * hosts fills the table, but a known one still finds a place in it. Whether an announced key is the true one shows when its owner proves it.
 *
 * A host that has got another address since is found again by its key: that one may be at each of the addresses that announce it, which are
 * tried in turn until it is proved at one. So it is also where somebody else has its old address by now, and announces the key as his own: as long as
 * nobody proves it there, that address has its turn like the others. It remains the one that is shown while none is tried. */
#ifndef ATR_REACH_NEIGHBORS_H
#define ATR_REACH_NEIGHBORS_H

#include "base/id.h"
#include "base/limits.h"
#include "proto/beacon.h"
#include "transport/address.h"

#include <stdbool.h>

/* How near an address is; the lower, the better. */
typedef enum atr_nearness { ATR_NEAR_SELF, ATR_NEAR_IPV4, ATR_NEAR_IPV6, ATR_NEAR_LINK } atr_nearness;

/* What is known of a key at an address; the higher, the sooner it is shown. The two that were tried in vain have turns. */
typedef enum atr_known {
  ATR_KNOWN_NOT,
  ATR_KNOWN_ELSEWHERE, /* it is pinned for another address, and was not proved when this one was tried */
  ATR_KNOWN_AWAY,      /* it is pinned for this address, and was not proved when it was tried */
  ATR_KNOWN_MAYBE,     /* it is pinned for another address, and this one was not tried yet */
  ATR_KNOWN_PROVED,    /* the same, and it was proved here */
  ATR_KNOWN_PINNED,    /* it is pinned for this address */
} atr_known;

typedef struct atr_neighbor {
  char address[ATR_ADDRESS_TEXT_BYTES];
  atr_hash key;
  char name[ATR_HOST_NAME_BYTES_MAX + 1];
  atr_nearness nearness;
  atr_known known;
  uint64_t heard_ms;
  uint64_t tried_ms; /* with ATR_KNOWN_ELSEWHERE and AWAY */
} atr_neighbor;

typedef struct atr_neighbors {
  atr_neighbor list[ATR_NEIGHBORS_MAX];
  size_t n;
  uint64_t revision; /* grows with every change that somebody could see */
} atr_neighbors;

/* The entry of this key at this address, NULL where it is new. */
atr_neighbor *atr_neighbors_find(atr_neighbors *table, const atr_hash *key, const char *address);

/* As the user is told: a host that is where it was, as far as its announcement goes, or has shown that it is the one that has moved. */
bool atr_neighbor_is_known(const atr_neighbor *one);

/* Adds or refreshes; `heard` says all of it but what trying an old entry has shown. Where the table is full, the newcomer takes the place of the one
 * that was silent longest among those of whom less is known, and finds none where there is no such. */
void atr_neighbors_hear(atr_neighbors *table, const atr_neighbor *heard);

/* Whoever is at that address has proved the key, or has not. */
void atr_neighbors_prove(atr_neighbors *table, const atr_hash *key, const char *address, bool is_proved,
                         uint64_t now_ms);

/* Drops who was silent for ATR_DISCOVERY_EXPIRE_MS. */
void atr_neighbors_expire(atr_neighbors *table, uint64_t now_ms);

/* One entry for each key: known ones first, then by name, key. Returns how many. */
size_t atr_neighbors_shown(const atr_neighbors *table, const atr_neighbor *out[ATR_NEIGHBORS_MAX]);

#endif
