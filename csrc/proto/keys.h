/* SPDX-License-Identifier: MIT
 *
 * Finding members of an object by key, many times.
 *
 * cJSON keeps members in a list. Merging or comparing two objects looks up every key of one in the other, which is
 * quadratic; for more than a few members this builds a table once. The table is a snapshot: who
 * removes or replaces members while it is open finds them with atr_keys_take, which forgets them. Seeded, since peers choose the keys. */
#ifndef ATR_PROTO_KEYS_H
#define ATR_PROTO_KEYS_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

typedef struct atr_keys {
  const cJSON *object;
  cJSON **slots; /* NULL while the object is small: then the list is searched */
  size_t mask;
  uint64_t seed;
} atr_keys;

/* `object` may be NULL or no object: then nothing is found. 0 or ATR_NOMEM. */
int atr_keys_open(atr_keys *keys, const cJSON *object);
/* The same where about as many keys are asked for as `asked` has members: for few no table is made, and no memory for one is no failure. */
void atr_keys_open_for(atr_keys *keys, const cJSON *object, const cJSON *asked);
cJSON *atr_keys_find(const atr_keys *keys, const char *key);

/* The same, for a member that may be freed before the table is closed; each key once. */
cJSON *atr_keys_take(atr_keys *keys, const char *key);
void atr_keys_close(atr_keys *keys);

#endif
