/* SPDX-License-Identifier: MIT
 *
 * RFC 6887: 7.1 and 7.2 (headers), 8.5 (epoch), 11.1 (MAP), 14.1 (ANNOUNCE). What NAT-PMP routers send instead is RFC 6886, 3.2.1 and 3.5. */
#include "proto/pcp.h"

#include "base/buf.h"
#include "base/error.h"

#include <string.h>

enum {
  VERSION = 2,
  OPCODE_ANNOUNCE = 0,
  OPCODE_MAP = 1,
  IS_ANSWER = 0x80,
  HEADER_BYTES = 24,
  NATPMP_VERSION = 0,
  NATPMP_ERROR_BYTES = 8,
  NATPMP_ADDRESS_BYTES = 12,
};

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

void atr_pcp_of_ipv4(const uint8_t ipv4[4], uint8_t out[16])
{
  memcpy(out, mapped, sizeof mapped);
  memcpy(out + sizeof mapped, ipv4, 4);
}

bool atr_pcp_to_ipv4(const uint8_t ip[16], uint8_t ipv4[4])
{
  memcpy(ipv4, ip + sizeof mapped, 4);
  return memcmp(ip, mapped, sizeof mapped) == 0;
}

const char *atr_pcp_result_name(atr_pcp_result result)
{
  switch (result) {
#define X(name)        \
  case ATR_PCP_##name: \
    return #name;
    ATR_PCP_RESULTS(X)
#undef X
  }
  return "UNKNOWN";
}

/* --- MAP ------------------------------------------------------------------------------------------------------- */

void atr_pcp_map_write(const atr_pcp_map *map, uint8_t out[ATR_PCP_MAP_BYTES])
{
  uint8_t *p = out + HEADER_BYTES;

  memset(out, 0, ATR_PCP_MAP_BYTES);
  out[0] = VERSION;
  out[1] = OPCODE_MAP;
  atr_put_u32(out + 4, map->lifetime_s);
  memcpy(out + 8, map->inner, 16);
  memcpy(p, map->nonce, ATR_PCP_NONCE_BYTES);
  p[12] = map->protocol;
  atr_put_u16(p + 16, map->inner_port);
  atr_put_u16(p + 18, map->outer_port);
  memcpy(p + 20, map->outer, 16);
}

/* A router that does not know the version answers with its own: a NAT-PMP one with eight bytes, one of a later PCP with a header. */
static bool is_other_version(const uint8_t *bytes, size_t n)
{
  if (bytes[0] == NATPMP_VERSION)
    return n >= NATPMP_ERROR_BYTES && atr_get_u16(bytes + 2) != 0;
  return n >= HEADER_BYTES && (bytes[0] != VERSION || bytes[3] == ATR_PCP_UNSUPP_VERSION);
}

int atr_pcp_map_read(const uint8_t *bytes, size_t n, const atr_pcp_map *map, atr_pcp_answer *answer)
{
  atr_rd rd = atr_rd_of(bytes, n);
  atr_span nonce;
  uint8_t protocol;

  memset(answer, 0, sizeof *answer);
  if (n < NATPMP_ERROR_BYTES || n > ATR_PCP_BYTES_MAX || !(bytes[1] & IS_ANSWER))
    return ATR_PROTO;
  if (is_other_version(bytes, n))
    return ATR_VERSION;
  if (n < HEADER_BYTES || n % 4 != 0 || bytes[0] != VERSION)
    return ATR_PROTO;
  if (bytes[1] != (IS_ANSWER | OPCODE_MAP) || n < ATR_PCP_MAP_BYTES)
    return ATR_NOENT;
  atr_rd_bytes(&rd, 3);
  answer->result = atr_rd_u8(&rd);
  answer->lifetime_s = atr_rd_u32(&rd);
  answer->epoch_s = atr_rd_u32(&rd);
  atr_rd_bytes(&rd, 12);
  nonce = atr_rd_bytes(&rd, ATR_PCP_NONCE_BYTES);
  protocol = atr_rd_u8(&rd);
  atr_rd_bytes(&rd, 3);
  if (memcmp(nonce.p, map->nonce, sizeof map->nonce) != 0 || protocol != map->protocol ||
      atr_rd_u16(&rd) != map->inner_port)
    return ATR_NOENT;
  answer->outer_port = atr_rd_u16(&rd);
  atr_rd_copy(&rd, answer->outer, sizeof answer->outer);
  return ATR_OK;
}

/* --- restarts -------------------------------------------------------------------------------------------------- */

int atr_pcp_announce_read(const uint8_t *bytes, size_t n, uint32_t *epoch_s)
{
  *epoch_s = 0;
  if (n >= HEADER_BYTES && bytes[0] == VERSION && bytes[1] == (IS_ANSWER | OPCODE_ANNOUNCE) && bytes[3] == 0)
    *epoch_s = atr_get_u32(bytes + 8);
  else if (n == NATPMP_ADDRESS_BYTES && bytes[0] == NATPMP_VERSION && bytes[1] == IS_ANSWER)
    *epoch_s = atr_get_u32(bytes + 4);
  else
    return ATR_PROTO;
  return ATR_OK;
}

bool atr_pcp_epoch_lost(atr_pcp_epoch *epoch, uint32_t router_s, uint64_t own_s)
{
  atr_pcp_epoch before = *epoch;
  uint64_t router, own;

  *epoch = (atr_pcp_epoch){.is_known = true, .router_s = router_s, .own_s = own_s};
  if (!before.is_known)
    return false;
  if ((uint64_t)router_s + 1 < before.router_s) /* it may have gone back by a second: answers overtake each other */
    return true;
  router = router_s > before.router_s ? router_s - before.router_s : 0;
  own = own_s > before.own_s ? own_s - before.own_s : 0;
  return own + 2 < router - router / 16 || router + 2 < own - own / 16;
}
