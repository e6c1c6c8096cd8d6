/* SPDX-License-Identifier: MIT
 *
 * An entry per hash, in a table and in one list ordered by last use. An entry lives while it has references or bytes:
 * references may come before the bytes (a document that was brought back names blobs that are still on their way).
 *
 * What is referenced is never dropped. What is not may be wanted again soon (undo, a second join), so it stays until such
 * spare bytes pass the bound; then the least recently used goes first. Spare entries stand in a list of their own, so
 * that dropping never searches.
 *
 * The newest delta that made a blob is kept with it as long as its base is there: it was encoded once by the sender and goes to
 * every receiver as it came. */
#include "blob/blobs.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/table.h"

#include <utlist.h>

typedef struct blob {
  atr_hash hash;
  atr_bytes *bytes; /* NULL: referenced, not here yet */
  atr_bytes *delta; /* packed, from `delta_base`; or NULL */
  atr_hash delta_base;
  uint64_t refs;
  struct blob *prev, *next; /* in `spare` while refs is 0 */
  UT_hash_handle hh;
} blob;

struct atr_blobs {
  blob *table;
  blob *spare; /* oldest first */
  size_t bytes, spare_bytes, spare_bytes_max;
};

static size_t weight(const blob *b)
{
  return (b->bytes ? atr_bytes_len(b->bytes) : 0) + (b->delta ? atr_bytes_len(b->delta) : 0);
}

static blob *find(const atr_blobs *t, const atr_hash *hash)
{
  blob *b;

  HASH_FIND(hh, t->table, hash, sizeof *hash, b);
  return b;
}

static void drop(atr_blobs *t, blob *b)
{
  t->bytes -= weight(b);
  HASH_DEL(t->table, b);
  atr_bytes_release(b->bytes);
  atr_bytes_release(b->delta);
  free(b);
}

static void trim(atr_blobs *t)
{
  while (t->spare_bytes > t->spare_bytes_max) {
    blob *oldest = t->spare;

    DL_DELETE(t->spare, oldest);
    t->spare_bytes -= weight(oldest);
    drop(t, oldest);
  }
}

static blob *find_or_add(atr_blobs *t, const atr_hash *hash)
{
  blob *b = find(t, hash);

  if (b)
    return b;
  b = calloc(1, sizeof *b);
  if (!b)
    return NULL;
  b->hash = *hash;
  HASH_ADD(hh, t->table, hash, sizeof b->hash, b);
  if (!atr_table_added(b)) {
    free(b);
    return NULL;
  }
  return b;
}

int atr_blobs_new(atr_blobs **out, size_t spare_bytes_max)
{
  atr_blobs *t = calloc(1, sizeof *t);

  *out = t;
  if (!t)
    return ATR_NOMEM;
  t->spare_bytes_max = spare_bytes_max;
  return 0;
}

void atr_blobs_free(atr_blobs *t)
{
  blob *b, *tmp;

  if (!t)
    return;
  HASH_ITER (hh, t->table, b, tmp) {
    drop(t, b);
  }
  free(t);
}

bool atr_blobs_have(const atr_blobs *t, const atr_hash *hash)
{
  const blob *b = find(t, hash);

  return b && b->bytes;
}

atr_bytes *atr_blobs_get(const atr_blobs *t, const atr_hash *hash)
{
  const blob *b = find(t, hash);

  return b ? b->bytes : NULL;
}

int atr_blobs_put(atr_blobs *t, const atr_hash *hash, atr_bytes *bytes)
{
  blob *b = find_or_add(t, hash);

  if (!b || b->bytes) {
    atr_bytes_release(bytes);
    return b ? 0 : ATR_NOMEM;
  }
  b->bytes = bytes;
  t->bytes += atr_bytes_len(bytes);
  if (!b->refs) {
    DL_APPEND(t->spare, b);
    t->spare_bytes += weight(b);
    trim(t);
  }
  return 0;
}

void atr_blobs_set_delta(atr_blobs *t, const atr_hash *hash, const atr_hash *base, atr_bytes *packed)
{
  blob *b = find(t, hash);

  if (!b || !b->bytes || b->delta) {
    atr_bytes_release(packed);
    return;
  }
  b->delta = packed;
  b->delta_base = *base;
  t->bytes += atr_bytes_len(packed);
  if (!b->refs) {
    t->spare_bytes += atr_bytes_len(packed);
    trim(t);
  }
}

atr_bytes *atr_blobs_delta(const atr_blobs *t, const atr_hash *hash, const atr_hash *base)
{
  const blob *b = find(t, hash);

  return b && b->delta && atr_hash_equal(&b->delta_base, base) ? b->delta : NULL;
}

int atr_blobs_ref(atr_blobs *t, const atr_hash *hash)
{
  blob *b = find_or_add(t, hash);

  if (!b)
    return ATR_NOMEM;
  if (!b->refs++ && b->bytes) {
    DL_DELETE(t->spare, b);
    t->spare_bytes -= weight(b);
  }
  return 0;
}

void atr_blobs_unref(atr_blobs *t, const atr_hash *hash)
{
  blob *b = find(t, hash);

  if (!b || !b->refs || --b->refs)
    return;
  if (!b->bytes) {
    drop(t, b);
    return;
  }
  DL_APPEND(t->spare, b);
  t->spare_bytes += weight(b);
  trim(t);
}

uint64_t atr_blobs_refs(const atr_blobs *t, const atr_hash *hash)
{
  const blob *b = find(t, hash);

  return b ? b->refs : 0;
}

size_t atr_blobs_bytes(const atr_blobs *t)
{
  return t->bytes;
}
