/* SPDX-License-Identifier: MIT
 *
 * Tagged arrays: the values of a document that JSON itself cannot say.
 *
 *   ["$ref", "<32 hex>"]                          a pointer to a document
 *   ["$none"]                                     an empty pointer (null would delete)
 *   ["$f", "nan" | "inf" | "-inf"]                a number that is not finite
 *   ["$i", "<decimal>"]                           an integer beyond +-2^53, within 64 bits
 *   ["$blob", "<64 hex>", "<dtype>", [shape...]]  an array or file by the SHA-256 of its bytes
 *   ["$blob", "<64 hex>", "file", [size], "name"] a file with the name it had; a name, never a path
 *   ["$lit", [...]]                               a literal array that begins with a string that begins with '$'
 *
 * They are arrays because a merge patch replaces arrays whole but would merge objects. An array whose first element
 * is a string that begins with '$' and that is none of these is refused: it could mean something to a later
 * version. What is inside of $lit is not looked at. */
#ifndef ATR_PROTO_TAGS_H
#define ATR_PROTO_TAGS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"
#include "base/limits.h"

enum atr_tag {
  ATR_TAG_PLAIN, /* no tagged array */
  ATR_TAG_REF,
  ATR_TAG_NONE,
  ATR_TAG_FLOAT,
  ATR_TAG_INT,
  ATR_TAG_BLOB,
  ATR_TAG_LITERAL,
  ATR_TAG_BAD, /* begins like a tag and is malformed or unknown */
};

/* What kind of value `node` is, with its shape checked. */
enum atr_tag atr_tag_of(const cJSON *node);

/* A blob's tag, decoded. `dtype` is borrowed from the tree: one of "u1" "b1" "i1" "i2" "i4" "i8" "u2" "u4" "u8"
 * "f2" "f4" "f8" (little-endian elements), or "file" (one dimension: its bytes). */
typedef struct atr_blob_ref {
  atr_hash hash;
  const char *dtype;
  uint32_t elem_bytes; /* of one number of that dtype */
  uint32_t dims;
  uint64_t shape[ATR_BLOB_DIMS_MAX];
  uint64_t bytes; /* elem_bytes times the product of shape; at most ATR_BLOB_BYTES_MAX */
} atr_blob_ref;

/* 0, or ATR_JSON_TAG where the node is no such tag or has a wrong shape. */
int atr_tag_blob(const cJSON *node, atr_blob_ref *out);

/* Checks every tag of a tree. 0 or ATR_JSON_TAG. */
int atr_tags_check(const cJSON *tree);

/* Calls `visit` for each blob that the tree names, in document order, repeats included, and stops at
 * the first result that is not 0, which it returns. ATR_JSON_TAG for a malformed tag. */
int atr_json_visit_blobs(const cJSON *tree, int (*visit)(void *ctx, const atr_blob_ref *blob), void *ctx);

#endif
