/* SPDX-License-Identifier: MIT
 *
 * See refs.h. The list is kept in order; what is added is put in order too, and merged into it from the end. */
#include "blob/refs.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/limits.h"
#include "blob/blobs.h"
#include "proto/tags.h"

enum { FIRST_CAP = 4, SPARE = 8 };

/* --- what a tree names ------------------------------------------------------------------------------------------- */

typedef struct named {
  atr_hash *list;
  size_t n, cap;
  uint64_t bytes;
} named;

static int name(void *ctx, const atr_blob_ref *blob)
{
  named *all = ctx;

  if (all->n == all->cap) {
    size_t cap = all->cap ? all->cap * 2 : 64;
    atr_hash *list = realloc(all->list, cap * sizeof *list);

    if (!list)
      return ATR_NOMEM;
    all->list = list;
    all->cap = cap;
  }
  all->list[all->n++] = blob->hash;
  all->bytes += blob->bytes;
  return 0;
}

/* --- the set ------------------------------------------------------------------------------------------------------ */

static int make_room(atr_blob_refs *refs, size_t n)
{
  uint32_t cap = refs->cap ? refs->cap : FIRST_CAP;
  atr_hash *list;

  if (n <= refs->cap)
    return 0;
  while (cap < n)
    cap *= 2;
  list = realloc(refs->list, cap * sizeof *list);
  if (!list)
    return ATR_NOMEM;
  refs->list = list;
  refs->cap = cap;
  return 0;
}

static void unref_all(atr_blobs *blobs, const atr_hash *list, size_t n)
{
  for (size_t i = 0; i < n; i++)
    atr_blobs_unref_by(blobs, &list[i], ATR_BLOB_BY_DOCUMENT);
}

static int ref_all(atr_blobs *blobs, const atr_hash *list, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (atr_blobs_ref_by(blobs, &list[i], ATR_BLOB_BY_DOCUMENT)) {
      unref_all(blobs, list, i);
      return ATR_NOMEM;
    }
  return 0;
}

/* Neither list has what the other has, and there is room for both. */
static void merge(atr_blob_refs *refs, const atr_hash *fresh, size_t n)
{
  size_t old = refs->n, to = refs->n + n;

  refs->n = (uint32_t)to;
  while (n > 0) {
    bool takes_old = old > 0 && atr_hash_compare(&refs->list[old - 1], &fresh[n - 1]) > 0;

    refs->list[--to] = takes_old ? refs->list[--old] : fresh[--n];
  }
}

int atr_blob_refs_add(atr_blob_refs *refs, struct atr_blobs *blobs, atr_hash *hashes, size_t n)
{
  size_t fresh = 0, at;
  int err;

  n = atr_hash_sort(hashes, n);
  for (size_t i = 0; i < n; i++)
    if (!atr_hash_find(refs->list, refs->n, &hashes[i], &at))
      hashes[fresh++] = hashes[i];
  err = make_room(refs, refs->n + fresh);
  if (!err)
    err = ref_all(blobs, hashes, fresh);
  if (!err)
    merge(refs, hashes, fresh);
  return err;
}

int atr_blob_refs_add_tree(atr_blob_refs *refs, struct atr_blobs *blobs, const cJSON *tree)
{
  named all = {0};
  int err = atr_json_visit_blobs(tree, name, &all);

  if (!err && all.n)
    err = atr_blob_refs_add(refs, blobs, all.list, all.n);
  if (!err)
    refs->bytes += all.bytes;
  free(all.list);
  return err;
}

bool atr_blob_refs_recount_is_due(const atr_blob_refs *refs)
{
  return refs->n > 2 * refs->exact + SPARE || refs->bytes > 2 * refs->exact_bytes + ATR_REFS_PAST_BYTES;
}

static int become(atr_blob_refs *refs, atr_blobs *blobs, atr_blob_refs *exact, int err)
{
  if (err) {
    atr_blob_refs_drop(exact, blobs);
    return err;
  }
  atr_blob_refs_drop(refs, blobs);
  *refs = *exact;
  refs->exact = refs->n;
  refs->exact_bytes = refs->bytes;
  return 0;
}

int atr_blob_refs_replace(atr_blob_refs *refs, struct atr_blobs *blobs, atr_hash *hashes, size_t n)
{
  atr_blob_refs exact = {0};

  return become(refs, blobs, &exact, atr_blob_refs_add(&exact, blobs, hashes, n));
}

int atr_blob_refs_recount(atr_blob_refs *refs, struct atr_blobs *blobs, const cJSON *tree)
{
  atr_blob_refs exact = {0};

  return become(refs, blobs, &exact, tree ? atr_blob_refs_add_tree(&exact, blobs, tree) : 0);
}

void atr_blob_refs_drop(atr_blob_refs *refs, struct atr_blobs *blobs)
{
  unref_all(blobs, refs->list, refs->n);
  free(refs->list);
  *refs = (atr_blob_refs){0};
}

size_t atr_blob_refs_memory(const atr_blob_refs *refs)
{
  return refs->cap * sizeof *refs->list;
}
