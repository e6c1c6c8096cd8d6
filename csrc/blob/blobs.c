/* SPDX-License-Identifier: MIT
 *
 * An entry per hash, in a table and in one list ordered by last use. An entry lives while it has references or bytes:
 * references may come before the bytes (a document that was brought back names blobs that are still on their way).
 *
 * What is referenced is never dropped. What is not may be wanted again soon (undo, a second join), so it stays until such
 * spare bytes pass the bound; then the least recently used goes first. What the application has put and not yet named is no
 * spare: an operation is read for as long as it takes and names all its blobs at its end, and together they may be far more
 * than the bound. It is held instead, in a list with a bound of its own, until something names it or it is let go. Both
 * lists hold only what has no references, so that dropping never searches.
 *
 * The newest delta that made a blob is kept with it as long as its base is there: it was encoded once by the sender and goes to
 * every receiver as it came. */
#include "blob/blobs.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/table.h"

#include <utlist.h>

typedef struct blob {
  atr_hash hash;
  atr_bytes *bytes; /* NULL: referenced, not here yet */
  atr_bytes *delta; /* packed, from `delta_base`; or NULL */
  atr_hash delta_base;
  uint64_t refs;             /* all of them */
  uint64_t by_docs, by_ring; /* of these */
  uint64_t held;             /* the round in which it was put and not named since; 0: it is not held */
  struct blob *prev, *next;  /* in `held` or `spare` while refs is 0 */
  UT_hash_handle hh;
} blob;

_Static_assert(sizeof(blob) <= ATR_BLOB_ENTRY_BYTES - 32, "an entry is larger than what is counted for it");

struct atr_blobs {
  blob *table;
  blob *spare, *held; /* oldest first */
  size_t bytes, spare_bytes, spare_bytes_max, held_bytes, held_bytes_max;
  size_t named_bytes, ring_bytes;
  uint64_t round;
};

static size_t payload(const blob *b)
{
  return (b->bytes ? atr_bytes_len(b->bytes) : 0) + (b->delta ? atr_bytes_len(b->delta) : 0);
}

/* What it takes of a bound: blobs of four bytes are mostly entry. */
static size_t weight(const blob *b)
{
  return payload(b) + ATR_BLOB_ENTRY_BYTES;
}

/* Taken out of what it counts for before it changes, and put in again after. */
static void uncount(atr_blobs *t, const blob *b)
{
  if (b->by_docs && b->bytes)
    t->named_bytes -= atr_bytes_len(b->bytes);
  if (b->by_ring && b->by_ring == b->refs)
    t->ring_bytes -= payload(b);
}

static void count(atr_blobs *t, const blob *b)
{
  if (b->by_docs && b->bytes)
    t->named_bytes += atr_bytes_len(b->bytes);
  if (b->by_ring && b->by_ring == b->refs)
    t->ring_bytes += payload(b);
}

static blob *find(const atr_blobs *t, const atr_hash *hash)
{
  blob *b;

  HASH_FIND(hh, t->table, hash, sizeof *hash, b);
  return b;
}

static void drop(atr_blobs *t, blob *b)
{
  uncount(t, b);
  t->bytes -= payload(b);
  HASH_DEL(t->table, b);
  atr_bytes_release(b->bytes);
  atr_bytes_release(b->delta);
  free(b);
}

/* A blob with bytes that nothing names (any more). */
static void put_aside(atr_blobs *t, blob *b)
{
  if (b->held) {
    DL_APPEND(t->held, b);
    t->held_bytes += weight(b);
  } else {
    DL_APPEND(t->spare, b);
    t->spare_bytes += weight(b);
  }
}

static void take_back(atr_blobs *t, blob *b)
{
  if (b->held) {
    DL_DELETE(t->held, b);
    t->held_bytes -= weight(b);
  } else {
    DL_DELETE(t->spare, b);
    t->spare_bytes -= weight(b);
  }
}

static void let_go_oldest(atr_blobs *t)
{
  blob *oldest = t->held;

  take_back(t, oldest);
  oldest->held = 0;
  put_aside(t, oldest);
}

static void trim(atr_blobs *t)
{
  while (t->held_bytes > t->held_bytes_max)
    let_go_oldest(t);
  while (t->spare_bytes > t->spare_bytes_max) {
    blob *oldest = t->spare;

    take_back(t, oldest);
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
  t->held_bytes_max = ATR_BLOBS_PUT_BYTES;
  t->round = 1;
  return 0;
}

void atr_blobs_hold_at_most(atr_blobs *t, size_t held_bytes_max)
{
  t->held_bytes_max = held_bytes_max;
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

static int put(atr_blobs *t, const atr_hash *hash, atr_bytes *bytes, bool held)
{
  blob *b = find_or_add(t, hash);
  bool here = b && b->bytes;

  if (!b || here)
    atr_bytes_release(bytes);
  if (!b)
    return ATR_NOMEM;
  if (here && !b->refs)
    take_back(t, b);
  if (!here) {
    uncount(t, b);
    b->bytes = bytes;
    t->bytes += atr_bytes_len(bytes);
    count(t, b);
  }
  if (held)
    b->held = t->round;
  if (!b->refs) {
    put_aside(t, b);
    trim(t);
  }
  return 0;
}

int atr_blobs_put(atr_blobs *t, const atr_hash *hash, atr_bytes *bytes)
{
  return put(t, hash, bytes, false);
}

int atr_blobs_hold(atr_blobs *t, const atr_hash *hash, atr_bytes *bytes)
{
  return put(t, hash, bytes, true);
}

void atr_blobs_let_go(atr_blobs *t)
{
  while (t->held && t->held->held < t->round)
    let_go_oldest(t);
  t->round++;
  trim(t);
}

void atr_blobs_set_delta(atr_blobs *t, const atr_hash *hash, const atr_hash *base, atr_bytes *packed)
{
  blob *b = find(t, hash);

  if (!b || !b->bytes || b->delta) {
    atr_bytes_release(packed);
    return;
  }
  uncount(t, b);
  b->delta = packed;
  b->delta_base = *base;
  t->bytes += atr_bytes_len(packed);
  count(t, b);
  if (!b->refs) {
    *(b->held ? &t->held_bytes : &t->spare_bytes) += atr_bytes_len(packed);
    trim(t);
  }
}

atr_bytes *atr_blobs_delta(const atr_blobs *t, const atr_hash *hash, const atr_hash *base)
{
  const blob *b = find(t, hash);

  return b && b->delta && atr_hash_equal(&b->delta_base, base) ? b->delta : NULL;
}

int atr_blobs_ref_by(atr_blobs *t, const atr_hash *hash, enum atr_blob_by by)
{
  blob *b = find_or_add(t, hash);

  if (!b)
    return ATR_NOMEM;
  uncount(t, b);
  if (!b->refs++ && b->bytes)
    take_back(t, b);
  b->by_docs += by == ATR_BLOB_BY_DOCUMENT;
  b->by_ring += by == ATR_BLOB_BY_RING;
  b->held = 0;
  count(t, b);
  return 0;
}

void atr_blobs_unref_by(atr_blobs *t, const atr_hash *hash, enum atr_blob_by by)
{
  blob *b = find(t, hash);

  if (!b || !b->refs)
    return;
  uncount(t, b);
  b->refs--;
  b->by_docs -= by == ATR_BLOB_BY_DOCUMENT && b->by_docs;
  b->by_ring -= by == ATR_BLOB_BY_RING && b->by_ring;
  count(t, b);
  if (b->refs)
    return;
  if (!b->bytes) {
    drop(t, b);
    return;
  }
  put_aside(t, b);
  trim(t);
}

int atr_blobs_ref(atr_blobs *t, const atr_hash *hash)
{
  return atr_blobs_ref_by(t, hash, ATR_BLOB_BY_ANY);
}

void atr_blobs_unref(atr_blobs *t, const atr_hash *hash)
{
  atr_blobs_unref_by(t, hash, ATR_BLOB_BY_ANY);
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

size_t atr_blobs_named_bytes(const atr_blobs *t)
{
  return t->named_bytes;
}

size_t atr_blobs_ring_bytes(const atr_blobs *t)
{
  return t->ring_bytes;
}
