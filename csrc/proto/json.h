/* SPDX-License-Identifier: MIT
 *
 * JSON as Atrium speaks it: RFC 8259, and stricter.
 *
 * Text from a peer is checked in one pass before any tree is built: valid UTF-8 without NUL (also as \u0000) and
 * lone surrogates, nesting of at most ATR_JSON_DEPTH_MAX, no key twice in one object, every number finite, and
 * integers within +-2^53 (larger ones travel as ["$i", "..."]). What passes can be handed to cJSON, or relayed
 * without ever becoming a tree. The check is on the server's hot path, once per operation.
 *
 * Trees are cJSON's. Printing is ours, since cJSON's loses digits: a number prints as the fewest digits that
 * read back as the same double, an integral one without point or exponent up to 2^53, minus zero as -0.0. The
 * canonical form sorts keys bytewise; digests are taken over it.
 *
 * Look-ups are case-sensitive always. cJSON's own functions that ignore case must not be used. */
#ifndef ATR_PROTO_JSON_H
#define ATR_PROTO_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/id.h"

enum atr_json_kind {
  ATR_KIND_NULL,
  ATR_KIND_BOOL,
  ATR_KIND_NUMBER,
  ATR_KIND_STRING,
  ATR_KIND_ARRAY,
  ATR_KIND_OBJECT,
};

/* What the check learned on its way. */
typedef struct atr_json_info {
  enum atr_json_kind kind; /* of the outermost value */
  uint32_t values;         /* all values, at any depth */
  uint32_t depth;          /* deepest nesting of arrays and objects; 0 for a plain value */
  uint32_t nulls;          /* null values: allowed in a patch's objects only */
  uint32_t array_nulls;    /* null values that are elements of an array: allowed nowhere in a patch */
  bool tags;               /* some array begins with a string that begins with '$': see proto/tags.h */
  size_t
      printed; /* bytes as atr_json_print prints it, at most: more than the text has where numbers are written short (1e15) */
  size_t error_at; /* offset of the first offending byte, on failure */
} atr_json_info;

/* Checks `text` of `len` bytes (no terminator needed). 0 or an ATR_JSON_* code. `info` may be NULL.
 * @locality any thread  @locks none, allocates only for objects of more than 8 keys or beyond 64 open ones, and keys with escapes */
int atr_json_check(const char *text, size_t len, atr_json_info *info);

/* Check, then build the tree. On success the caller owns *out (cJSON_Delete). Fails as the check does, or with
 * ATR_NOMEM; *out is NULL then. */
int atr_json_parse(const char *text, size_t len, cJSON **out);

/* As atr_json_parse, and the outermost value must be an object: ATR_JSON_TYPE otherwise. */
int atr_json_parse_object(const char *text, size_t len, cJSON **out);

/* Appends the compact text of a tree. 0, ATR_NOMEM, ATR_LIMIT (the buffer's cap), ATR_JSON_DEPTH, ATR_JSON_NUMBER
 * (not finite), ATR_JSON_UTF8, ATR_JSON_TYPE (a node that is no JSON). On failure the buffer is as it was. */
int atr_json_print(const cJSON *tree, atr_buf *out);

/* The same with each object's keys in bytewise order: equal trees give equal bytes. */
int atr_json_canonical(const cJSON *tree, atr_buf *out);

/* Of the digest of a document: XXH3-128 of the canonical form (docs/protocol.md, 3.3). */
#define ATR_DIGEST_BYTES 16

/* The text of one number as printed above, NUL-terminated; returns its length, or ATR_JSON_NUMBER. */
#define ATR_JSON_NUMBER_CHARS 32
int atr_json_number_text(double v, char out[ATR_JSON_NUMBER_CHARS]);

/* Appends `text` as a quoted JSON string. ATR_JSON_UTF8 where it is not valid UTF-8. */
int atr_json_append_string(atr_buf *out, const char *text, size_t len);

/* Length of the run at `p` that stands in a string as it is: ASCII without quotes, backslashes and control characters. */
size_t atr_json_plain_run(const uint8_t *p, const uint8_t *end);

/* The member of that exact key, or NULL (also where `object` is NULL or no object). Linear: for one or a few
 * look-ups in small objects. */
cJSON *atr_json_get(const cJSON *object, const char *key);

/* Typed getters: 0, or ATR_JSON_TYPE where the member is missing, of another type or out of range; *out is
 * untouched then. Strings are borrowed from the tree. */
int atr_json_get_str(const cJSON *object, const char *key, const char **out);
int atr_json_get_num(const cJSON *object, const char *key, double min, double max, double *out);
int atr_json_get_u64(const cJSON *object, const char *key, uint64_t max, uint64_t *out); /* max <= 2^53 */
int atr_json_get_bool(const cJSON *object, const char *key, bool *out);
int atr_json_get_id(const cJSON *object, const char *key, atr_id *out);     /* 32 hex digits */
int atr_json_get_hash(const cJSON *object, const char *key, atr_hash *out); /* 64 hex digits */
/* Exactly `n` bytes as hexadecimal digits. 0, ATR_JSON_TYPE or ATR_INVAL. */
int atr_json_get_bytes(const cJSON *object, const char *key, uint8_t *out, size_t n);

/* Adds or replaces a member. The object owns `value` then; on ATR_NOMEM it is deleted. */
int atr_json_set(cJSON *object, const char *key, cJSON *value);

/* True where a null is anywhere in the tree: such a tree must not be stored. */
bool atr_json_has_null(const cJSON *tree);

/* Equality of trees: numbers as doubles bit for bit (so -0 is not 0), keys in any order. */
bool atr_json_equal(const cJSON *a, const cJSON *b);

/* Bytes that a tree occupies in memory, by its own account: for the bounds of room and replica. */
size_t atr_json_memory(const cJSON *tree);

#endif
