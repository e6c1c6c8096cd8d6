/* SPDX-License-Identifier: MIT
 *
 * Some ten entries, looked at once in seconds: plain arrays and plain loops. */
#include "reach/neighbors.h"

#include <stdlib.h>
#include <string.h>

atr_neighbor *atr_neighbors_find(atr_neighbors *table, const atr_hash *key, const char *address)
{
  for (size_t i = 0; i < table->n; i++)
    if (atr_hash_equal(&table->list[i].key, key) && strcmp(table->list[i].address, address) == 0)
      return &table->list[i];
  return NULL;
}

bool atr_neighbor_is_known(const atr_neighbor *one)
{
  return one->known >= ATR_KNOWN_PROVED || one->known == ATR_KNOWN_AWAY;
}

static bool goes_first(const atr_neighbor *a, const atr_neighbor *b)
{
  return a->known != b->known ? a->known < b->known : a->heard_ms < b->heard_ms;
}

/* A place for a new one, NULL where there is none. */
static atr_neighbor *place_for(atr_neighbors *table, const atr_neighbor *heard)
{
  atr_neighbor *least = NULL;

  if (table->n < ATR_NEIGHBORS_MAX)
    return &table->list[table->n++];
  for (size_t i = 0; i < table->n; i++)
    if (table->list[i].known < heard->known && (!least || goes_first(&table->list[i], least)))
      least = &table->list[i];
  return least;
}

void atr_neighbors_hear(atr_neighbors *table, const atr_neighbor *heard)
{
  atr_neighbor *old = atr_neighbors_find(table, &heard->key, heard->address);
  atr_neighbor *place = old ? old : place_for(table, heard), before;

  if (!place)
    return;
  if (!old || strcmp(old->name, heard->name) != 0 || old->nearness != heard->nearness)
    table->revision++;
  before = *place;
  *place = *heard;
  if (old) {
    place->known = before.known;
    place->tried_ms = before.tried_ms;
  }
}

void atr_neighbors_prove(atr_neighbors *table, const atr_hash *key, const char *address, bool is_proved,
                         uint64_t now_ms)
{
  atr_neighbor *one = atr_neighbors_find(table, key, address);
  bool is_pinned;

  if (!one || one->known == ATR_KNOWN_NOT)
    return;
  is_pinned = one->known == ATR_KNOWN_PINNED || one->known == ATR_KNOWN_AWAY;
  if (is_proved && one->known >= ATR_KNOWN_PROVED)
    return;
  if (is_proved)
    one->known = is_pinned ? ATR_KNOWN_PINNED : ATR_KNOWN_PROVED;
  else
    one->known = is_pinned ? ATR_KNOWN_AWAY : ATR_KNOWN_ELSEWHERE;
  one->tried_ms = now_ms;
  table->revision++;
}

void atr_neighbors_expire(atr_neighbors *table, uint64_t now_ms)
{
  for (size_t i = 0; i < table->n;) {
    if (now_ms - table->list[i].heard_ms < ATR_DISCOVERY_EXPIRE_MS) {
      i++;
      continue;
    }
    table->list[i] = table->list[--table->n];
    table->revision++;
  }
}

static bool was_in_vain(const atr_neighbor *one)
{
  return one->known == ATR_KNOWN_ELSEWHERE || one->known == ATR_KNOWN_AWAY;
}

static bool is_better(const atr_neighbor *a, const atr_neighbor *b)
{
  bool in_vain = was_in_vain(a) && was_in_vain(b);

  if (a->known != b->known && !in_vain)
    return a->known > b->known;
  if (in_vain && a->tried_ms != b->tried_ms)
    return a->tried_ms < b->tried_ms; /* each has its turn */
  if (a->nearness != b->nearness)
    return a->nearness < b->nearness;
  return strcmp(a->address, b->address) < 0; /* always the same one, whichever answer came first */
}

static int compare(const void *left, const void *right)
{
  const atr_neighbor *a = *(const atr_neighbor *const *)left, *b = *(const atr_neighbor *const *)right;
  int order;

  if (atr_neighbor_is_known(a) != atr_neighbor_is_known(b))
    return atr_neighbor_is_known(a) ? -1 : 1;
  order = strcmp(a->name, b->name);
  return order ? order : atr_hash_compare(&a->key, &b->key);
}

size_t atr_neighbors_shown(const atr_neighbors *table, const atr_neighbor *out[ATR_NEIGHBORS_MAX])
{
  size_t n = 0;

  for (size_t i = 0; i < table->n; i++) {
    const atr_neighbor *one = &table->list[i];
    size_t at = 0;

    while (at < n && !atr_hash_equal(&out[at]->key, &one->key))
      at++;
    if (at == n)
      out[n++] = one;
    else if (is_better(one, out[at]))
      out[at] = one;
  }
  if (n > 1)
    qsort(out, n, sizeof *out, compare);
  return n;
}
