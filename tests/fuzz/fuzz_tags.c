/* SPDX-License-Identifier: MIT
 *
 * Tags in any tree: checking and visiting agree, and what a visitor is given keeps its bounds. */
#include "fuzz.h"

#include "proto/json.h"
#include "proto/tags.h"

static int on_blob(void *ctx, const atr_blob_ref *blob)
{
  uint64_t bytes = blob->elem_bytes;

  ++*(size_t *)ctx;
  CHECK(blob->dims >= 1 && blob->dims <= ATR_BLOB_DIMS_MAX && blob->dtype);
  for (uint32_t i = 0; i < blob->dims; i++)
    bytes *= blob->shape[i];
  CHECK(bytes == blob->bytes && bytes <= ATR_BLOB_BYTES_MAX);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  atr_json_info info;
  cJSON *tree;
  size_t found = 0;
  int err;

  if (atr_json_check((const char *)data, size, &info) || atr_json_parse((const char *)data, size, &tree))
    return 0;
  err = atr_tags_check(tree);
  CHECK(err == 0 || err == ATR_JSON_TAG);
  CHECK(info.tags || err == 0); /* what the check does not announce is not there */
  CHECK(atr_json_visit_blobs(tree, on_blob, &found) == err);
  CHECK(info.tags || found == 0);
  cJSON_Delete(tree);
  return 0;
}
