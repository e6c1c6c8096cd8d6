/* SPDX-License-Identifier: MIT
 *
 * What may stand in a packet from the router's address: the first bytes are what was asked, the rest what comes back. An answer counts only
 * where it repeats the request's nonce and port. */
#include "fuzz.h"

#include "proto/pcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  atr_pcp_map map = {.protocol = ATR_PCP_TCP, .inner_port = 12800};
  atr_pcp_epoch epoch = {0};
  atr_pcp_answer answer;
  uint32_t epoch_s;
  int err;

  if (size < sizeof map.nonce)
    return 0;
  memcpy(map.nonce, data, sizeof map.nonce);
  data += sizeof map.nonce;
  size -= sizeof map.nonce;
  err = atr_pcp_map_read(data, size, &map, &answer);
  CHECK(err == ATR_OK || err == ATR_VERSION || err == ATR_NOENT || err == ATR_PROTO);
  if (err == ATR_OK) {
    CHECK(size >= ATR_PCP_MAP_BYTES && size <= ATR_PCP_BYTES_MAX && data[1] == 0x81);
    CHECK(memcmp(data + 24, map.nonce, sizeof map.nonce) == 0 && data[36] == ATR_PCP_TCP);
    CHECK(atr_pcp_result_name(answer.result)[0]);
    atr_pcp_epoch_lost(&epoch, answer.epoch_s, 1);
  }
  if (atr_pcp_announce_read(data, size, &epoch_s) == ATR_OK)
    atr_pcp_epoch_lost(&epoch, epoch_s, 2);
  return 0;
}
