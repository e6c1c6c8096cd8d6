/* SPDX-License-Identifier: MIT
 *
 * refs.h - the blobs that one document names, as references to a table
 *
 * References are taken as changes name blobs, and given back when somebody looks at the tree as a whole (recount), which is due when the set
 * has grown well beyond what the tree named then, in number or in bytes. So it may hold some that the tree named before, and never lacks one.
 *
 * A set is a plain struct, empty when zeroed. A document may name a hundred thousand blobs, and a hostile one will: nothing here takes the
 * square of that.
 *
 * @locality as the table's. */
#ifndef ATR_BLOB_REFS_H
#define ATR_BLOB_REFS_H

#include "base/id.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

struct atr_blobs;

typedef struct atr_blob_refs {
  atr_hash *list; /* ascending; NULL while nothing was ever named */
  uint32_t n, cap;
  uint32_t exact; /* that the tree named when it was looked at as a whole */
  /* The same in bytes, as the tags of trees say; what two trees name counts twice. */
  uint64_t bytes, exact_bytes;
} atr_blob_refs;

/* Adds what is not in it yet. `hashes`, in any order, is put in order. 0, or ATR_NOMEM: then it is as it was before. */
int atr_blob_refs_add(atr_blob_refs *refs, struct atr_blobs *blobs, atr_hash *hashes, size_t n);

/* The same with the blobs of a tree, or of a patch. Also ATR_JSON_TAG, of one that is damaged. */
int atr_blob_refs_add_tree(atr_blob_refs *refs, struct atr_blobs *blobs, const cJSON *tree);

bool atr_blob_refs_recount_is_due(const atr_blob_refs *refs);

/* Exactly these; what they share with the former set is never without a reference in between. On failure it is as it was before. */
int atr_blob_refs_replace(atr_blob_refs *refs, struct atr_blobs *blobs, atr_hash *hashes, size_t n);
/* Exactly those of the tree (NULL: none). */
int atr_blob_refs_recount(atr_blob_refs *refs, struct atr_blobs *blobs, const cJSON *tree);

/* Gives all back; the set is empty. */
void atr_blob_refs_drop(atr_blob_refs *refs, struct atr_blobs *blobs);

size_t atr_blob_refs_memory(const atr_blob_refs *refs);

#endif
