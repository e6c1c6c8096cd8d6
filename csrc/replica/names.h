/* SPDX-License-Identifier: MIT
 *
 * names.h - which name each document shows where several have the same one
 *
 * Names are unique per namespace (a document's type). The document that was created first in room order shows the name, the
 * others show it with the first free suffix, `.001`, `.002` ... Computed from room state only, so that every
 * member shows the same without a word about it on the wire.
 *
 * Free means: no document of the namespace has that name for its own. What two groups of equal names produce cannot collide: a
 * suffix is appended to a stem, and all documents with one stem share one count. The stem is the name, cut on a
 * character boundary to what leaves room for the longest suffix in Blender's 63 bytes. */
#ifndef ATR_NAMES_H
#define ATR_NAMES_H

#include "base/id.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct atr_names atr_names;

/* Embedded in a document; zeroed before first use. */
typedef struct atr_name {
  struct atr_name_group *group; /* NULL: has no name */
  struct atr_name *prev, *next; /* in the group, in the order of creation */
  uint64_t created;
  atr_id id;  /* breaks ties */
  char *show; /* NULL: its own name */
} atr_name;

/* `on_change`: another name is to be shown for this document. Called from atr_names_settle(). */
int atr_names_new(atr_names **out, void (*on_change)(void *ctx, atr_name *name), void *ctx);
void atr_names_free(atr_names *names);

/* Gives the document a name (`text` NULL: none, it is gone). Cheap where nothing changes. */
int atr_names_set(atr_names *names, atr_name *name, const char *type, const char *text, uint64_t created);

/* Computes the suffixes of all groups that have changed. */
int atr_names_settle(atr_names *names);

#endif
