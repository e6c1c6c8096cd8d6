/* SPDX-License-Identifier: MIT
 *
 * Writing JSON piece by piece into a buffer, without building a tree.
 *
 * For control messages and events, whose shape is known where they are written. Commas and closing brackets are the writer's business;
 * failures (memory, the buffer's cap) stay in the buffer's `err`, and text that is not UTF-8 in the writer's, so a message is
 * written without looking and asked about once, at atr_jw_finish. */
#ifndef ATR_PROTO_JSONW_H
#define ATR_PROTO_JSONW_H

#include "base/buf.h"
#include "base/id.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#define ATR_JW_DEPTH_MAX 8

typedef struct atr_jw {
  atr_buf *out;
  size_t start;                   /* length of `out` before */
  int err;                        /* what the buffer does not know of */
  bool comma;                     /* something stands before the next value */
  uint32_t depth;                 /* open objects and arrays */
  char closers[ATR_JW_DEPTH_MAX]; /* what closes each */
} atr_jw;

/* Starts behind what `out` holds, with an open object. */
atr_jw atr_jw_begin(atr_buf *out);

/* Closes all that is open. 0, or the first error with `out` as it was at the start. */
int atr_jw_finish(atr_jw *w);

/* `key` is a literal of ours (never escaped), NULL for an element of an array. */
void atr_jw_object(atr_jw *w, const char *key);
void atr_jw_array(atr_jw *w, const char *key);
void atr_jw_end(atr_jw *w); /* of the innermost object or array */

void atr_jw_str(atr_jw *w, const char *key, const char *text);
void atr_jw_strn(atr_jw *w, const char *key, const char *text, size_t len);
void atr_jw_bool(atr_jw *w, const char *key, bool value);
void atr_jw_int(atr_jw *w, const char *key, int64_t value); /* within +-2^53 */
void atr_jw_num(atr_jw *w, const char *key, double value);
void atr_jw_id(atr_jw *w, const char *key, const atr_id *id);
void atr_jw_hash(atr_jw *w, const char *key, const atr_hash *hash);
void atr_jw_tree(atr_jw *w, const char *key, const cJSON *tree);
/* Text that is JSON already. */
void atr_jw_raw(atr_jw *w, const char *key, atr_span json);

#endif
