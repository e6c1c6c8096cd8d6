/* SPDX-License-Identifier: MIT
 *
 * Merge patch: RFC 7396, and Atrium's rule for items.
 *
 * In a patch a member that is null deletes, an object merges, anything else replaces. Null is therefore never
 * stored in a tree.
 *
 * An object member whose key begins with '@' is an item: something with an identity of its own (a modifier, a
 * node, a bone) under a random key that its creator minted. For it:
 *   - a patch whose value is an object with the member "type" creates the item or replaces it whole;
 *   - an object without "type" merges into the item where that exists, and is dropped where it does not: an edit
 *     of what somebody else just deleted must not bring back a part of it;
 *   - null deletes it, as anywhere; any other value is dropped, since an item is an object;
 *   - "type": null inside is ignored: an item keeps its type for life.
 * Inside a value that creates or replaces, nulls are removed as the RFC says.
 *
 * Objects of many keys are indexed for the merge, so that it stays linear. */
#ifndef ATR_PROTO_PATCH_H
#define ATR_PROTO_PATCH_H

#include <cjson/cJSON.h>
#include <stdbool.h>

/* Merges `patch` into *target (NULL counts as absent; the tree may be replaced). Copies what it takes from the
 * patch. 0, ATR_NOMEM, or ATR_JSON_DEPTH for a patch deeper than ATR_JSON_DEPTH_MAX. After ATR_NOMEM the
 * target is a valid tree with part of the patch applied: the caller drops or rebuilds it. */
int atr_patch_apply(cJSON **target, const cJSON *patch);

/* The same, but takes the patch's nodes instead of copying them, and deletes the patch in every case. */
int atr_patch_apply_move(cJSON **target, cJSON *patch);

/* The patch that turns `from` into `to` (both objects, or anything else to replace whole): on success *patch is
 * NULL where they are equal, else the caller owns it. apply(from, diff) equals `to` always. An item whose "type"
 * differs or that is new goes whole. `to` must hold no null (ATR_JSON_NULL), and no item that is not an object
 * with a "type" (ATR_INVAL): no patch could make them. */
int atr_patch_diff(const cJSON *from, const cJSON *to, cJSON **patch);

/* True where `key` names an item. */
bool atr_patch_is_item(const char *key);

#endif
