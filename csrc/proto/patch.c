/* SPDX-License-Identifier: MIT
 *
 * Merge and difference.
 *
 * Merging takes the patch apart: its nodes move into the target, which is what the room and the replica want (the
 * patch was parsed for this purpose); the variant that keeps the patch merges a copy. A value that is new goes
 * through the same merge, onto an empty object, since that is what removes nulls and incomplete items from it. */
#include "proto/patch.h"

#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "proto/json.h"
#include "proto/keys.h"

static int merge_object(cJSON *target, cJSON *patch);

bool atr_patch_is_item(const char *key)
{
  return key[0] == '@';
}

/* True for an object that says its type: such a value makes a whole item. */
static bool is_typed(const cJSON *value)
{
  const cJSON *type = atr_json_get(value, "type");

  return type && !cJSON_IsNull(type);
}

/* cJSON numbers its levels as it likes; ours are counted as in the check of texts. */
static bool too_deep(const cJSON *tree, int depth)
{
  const cJSON *child;

  if (!cJSON_IsObject(tree) && !cJSON_IsArray(tree))
    return false;
  if (depth >= ATR_JSON_DEPTH_MAX)
    return true;
  cJSON_ArrayForEach (child, tree)
    if (too_deep(child, depth + 1))
      return true;
  return false;
}

/* What a new value becomes: an object goes through the merge, anything else stays. Consumes `value`, gives NULL with
 * *err set. */
static cJSON *cleaned(cJSON *value, int *err)
{
  cJSON *object;

  *err = 0;
  if (!cJSON_IsObject(value))
    return value;
  object = cJSON_CreateObject();
  *err = object ? merge_object(object, value) : ATR_NOMEM;
  if (!*err) {
    object->string = value->string; /* the key moves, too */
    value->string = NULL;
  } else {
    cJSON_Delete(object);
    object = NULL;
  }
  cJSON_Delete(value);
  return object;
}

/* Puts `value` (detached, with its key) in the place of `old`, or at the end where there is none. */
static void put(cJSON *target, cJSON *old, cJSON *value)
{
  if (old)
    cJSON_ReplaceItemViaPointer(target, old, value);
  else
    cJSON_AddItemToArray(target, value); /* keeps the key that the node has; AddItemToObject would copy it */
}

/* What one member of a patch does to the target: */
enum action { ACTION_DROP, ACTION_DELETE, ACTION_MERGE, ACTION_PUT };

static enum action action_of(const cJSON *member, const cJSON *old)
{
  bool into_object = cJSON_IsObject(member) && cJSON_IsObject(old);

  if (cJSON_IsNull(member))
    return ACTION_DELETE;
  if (!atr_patch_is_item(member->string))
    return into_object ? ACTION_MERGE : ACTION_PUT;
  if (is_typed(member))
    return ACTION_PUT;
  return into_object ? ACTION_MERGE : ACTION_DROP;
}

/* Consumes `member`. */
static int merge_member(cJSON *target, cJSON *old, cJSON *member)
{
  int err = 0;

  switch (action_of(member, old)) {
  case ACTION_DROP:
    break;
  case ACTION_DELETE:
    if (old)
      cJSON_Delete(cJSON_DetachItemViaPointer(target, old));
    break;
  case ACTION_MERGE:
    if (atr_patch_is_item(member->string)) /* here it is null, if anything: an item keeps its type for life */
      cJSON_Delete(cJSON_DetachItemViaPointer(member, atr_json_get(member, "type")));
    err = merge_object(old, member);
    break;
  case ACTION_PUT:
    member = cleaned(member, &err);
    if (member)
      put(target, old, member);
    return err;
  }
  cJSON_Delete(member);
  return err;
}

/* Takes all members out of `patch`. */
static int merge_object(cJSON *target, cJSON *patch)
{
  atr_keys keys;
  cJSON *member;
  int err = target->child ? atr_keys_open(&keys, target) : atr_keys_open(&keys, NULL);

  while (!err && (member = patch->child)) {
    cJSON_DetachItemViaPointer(patch, member);
    err = merge_member(target, atr_keys_take(&keys, member->string), member);
  }
  atr_keys_close(&keys);
  return err;
}

int atr_patch_apply_move(cJSON **target, cJSON *patch)
{
  int err = 0;

  if (!patch)
    return ATR_NOMEM; /* most likely a copy that failed */
  if (too_deep(patch, 0)) {
    cJSON_Delete(patch);
    return ATR_JSON_DEPTH;
  }
  if (cJSON_IsObject(patch) && cJSON_IsObject(*target)) {
    err = merge_object(*target, patch);
    cJSON_Delete(patch);
    return err;
  }
  patch = cleaned(patch, &err);
  if (!patch)
    return err;
  cJSON_Delete(*target);
  *target = patch;
  return 0;
}

int atr_patch_apply(cJSON **target, const cJSON *patch)
{
  return atr_patch_apply_move(target, cJSON_Duplicate(patch, 1));
}

/* --- difference -------------------------------------------------------------------------------------------------- */

static int diff_object(const cJSON *from, const cJSON *to, cJSON **patch);

/* Whether a patch can create this value: no nulls in objects, and items that are typed objects. Arrays are values;
 * nothing inside of them is merged, but null is stored nowhere. */
static int check_creatable(const cJSON *value)
{
  const cJSON *child;
  int err = cJSON_IsNull(value) ? ATR_JSON_NULL : 0;

  cJSON_ArrayForEach (child, value) {
    if (!err && cJSON_IsObject(value) && atr_patch_is_item(child->string) && !is_typed(child))
      err = ATR_INVAL;
    if (!err && (cJSON_IsObject(value) || cJSON_IsNull(child)))
      err = check_creatable(child);
    else if (!err && atr_json_has_null(child))
      err = ATR_JSON_NULL;
  }
  return err;
}

/* Adds `value` (owned; NULL is a failed allocation) to *patch, which is made when it is first needed. */
static int add(cJSON **patch, const char *key, cJSON *value)
{
  if (value && !*patch)
    *patch = cJSON_CreateObject();
  if (!value || !*patch || !cJSON_AddItemToObject(*patch, key, value)) {
    cJSON_Delete(value);
    return ATR_NOMEM;
  }
  return 0;
}

static int add_whole(cJSON **patch, const char *key, const cJSON *value)
{
  int err = check_creatable(value);

  return err ? err : add(patch, key, cJSON_Duplicate(value, 1));
}

/* Two objects under one key merge, unless they are items of different types: those are different things. */
static bool may_merge(const char *key, const cJSON *old, const cJSON *now)
{
  if (!cJSON_IsObject(old) || !cJSON_IsObject(now))
    return false;
  if (!atr_patch_is_item(key))
    return true;
  return atr_json_equal(atr_json_get(old, "type"), atr_json_get(now, "type"));
}

static int diff_member(const cJSON *old, const cJSON *now, cJSON **patch)
{
  cJSON *inner = NULL;
  int err;

  if (!old)
    return atr_patch_is_item(now->string) && !is_typed(now) ? ATR_INVAL : add_whole(patch, now->string, now);
  if (may_merge(now->string, old, now)) {
    err = diff_object(old, now, &inner);
    if (!err && inner)
      return add(patch, now->string, inner);
    cJSON_Delete(inner);
    return err;
  }
  if (atr_json_equal(old, now))
    return 0;
  if (atr_patch_is_item(now->string) && !is_typed(now))
    return ATR_INVAL;
  return add_whole(patch, now->string, now);
}

/* Adds to *patch (NULL while nothing differs) what turns one object into the other. */
static int diff_object(const cJSON *from, const cJSON *to, cJSON **patch)
{
  atr_keys old_keys, new_keys;
  const cJSON *member;
  int err = atr_keys_open(&old_keys, from), err_new = atr_keys_open(&new_keys, to);

  if (!err)
    err = err_new;
  for (member = to->child; member && !err; member = member->next)
    err = diff_member(atr_keys_find(&old_keys, member->string), member, patch);
  for (member = from->child; member && !err; member = member->next)
    if (!atr_keys_find(&new_keys, member->string))
      err = add(patch, member->string, cJSON_CreateNull());
  atr_keys_close(&old_keys);
  atr_keys_close(&new_keys);
  return err;
}

int atr_patch_diff(const cJSON *from, const cJSON *to, cJSON **patch)
{
  int err;

  *patch = NULL;
  if (cJSON_IsObject(from) && cJSON_IsObject(to)) {
    err = diff_object(from, to, patch);
  } else if (from && atr_json_equal(from, to)) {
    return 0;
  } else {
    err = check_creatable(to);
    if (!err)
      *patch = cJSON_Duplicate(to, 1);
    if (!err && !*patch)
      err = ATR_NOMEM;
  }
  if (err) {
    cJSON_Delete(*patch);
    *patch = NULL;
  }
  return err;
}
