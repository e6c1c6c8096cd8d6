/* SPDX-License-Identifier: MIT
 *
 * Two texts with a zero byte between: the second is merged into the first, and what was merged differs from nothing; the
 * difference of the two, where there is one, leads from one to the other. */
#include "fuzz.h"

#include "proto/json.h"
#include "proto/patch.h"

static void merge(const cJSON *from, const cJSON *patch)
{
  cJSON *target = cJSON_Duplicate(from, 1), *moved = cJSON_Duplicate(from, 1), *rest = NULL;

  CHECK(atr_patch_apply(&target, patch) == 0);
  CHECK(atr_patch_apply_move(&moved, cJSON_Duplicate(patch, 1)) == 0);
  CHECK(atr_json_equal(target, moved));
  CHECK(atr_patch_diff(target, moved, &rest) == 0 && !rest);
  cJSON_Delete(target);
  cJSON_Delete(moved);
}

static void differ(const cJSON *from, const cJSON *to)
{
  cJSON *patch, *target;

  if (atr_patch_diff(from, to, &patch))
    return; /* `to` holds what no patch can make */
  CHECK(patch || atr_json_equal(from, to));
  if (!patch)
    return;
  target = cJSON_Duplicate(from, 1);
  CHECK(atr_patch_apply_move(&target, patch) == 0);
  CHECK(atr_json_equal(target, to));
  cJSON_Delete(target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
  cJSON *from, *to, *clean = NULL;

  if (!zero || atr_json_parse((const char *)data, (size_t)(zero - data), &from))
    return 0;
  if (atr_json_parse((const char *)zero + 1, size - (size_t)(zero - data) - 1, &to) == 0) {
    merge(from, to);
    differ(from, to);
    CHECK(atr_patch_apply(&clean, to) == 0); /* as room and replica hold it */
    if (!atr_json_has_null(clean))
      differ(from, clean);
    cJSON_Delete(clean);
    cJSON_Delete(to);
  }
  cJSON_Delete(from);
  return 0;
}
