/* SPDX-License-Identifier: MIT
 *
 * libuv lists only interfaces that are up. Loopback is left out, which is no use to anybody who types. IPv4's link-local addresses (169.254/16) mean
 * that nobody gives out addresses: two machines with one cable between them have no others, so they come last of those that need no scope.
 */
#include "transport/interfaces.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

enum rank { RANK_IPV4, RANK_IPV6, RANK_SELF_GIVEN, RANK_LINK_LOCAL, RANKS, RANK_NONE };

static enum rank rank_of(const uv_interface_address_t *i)
{
  if (i->is_internal)
    return RANK_NONE;
  if (i->address.address4.sin_family == AF_INET) {
    const uint8_t *ip = (const uint8_t *)&i->address.address4.sin_addr;

    return ip[0] == 169 && ip[1] == 254 ? RANK_SELF_GIVEN : RANK_IPV4;
  }
  if (i->address.address6.sin6_family == AF_INET6) {
    const uint8_t *ip = (const uint8_t *)&i->address.address6.sin6_addr;

    return ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80 ? RANK_LINK_LOCAL : RANK_IPV6;
  }
  return RANK_NONE;
}

static uint8_t prefix_bits(const uv_interface_address_t *i)
{
  bool is_v4 = i->address.address4.sin_family == AF_INET;
  const uint8_t *mask =
      is_v4 ? (const uint8_t *)&i->netmask.netmask4.sin_addr : (const uint8_t *)&i->netmask.netmask6.sin6_addr;
  uint8_t bits = 0;

  while (bits < (is_v4 ? 32 : 128) && mask[bits / 8] & 0x80 >> bits % 8)
    bits++;
  return bits;
}

static void describe(const uv_interface_address_t *i, enum rank rank, atr_interface *out)
{
  char ip[48] = "";

  if (rank == RANK_IPV4 || rank == RANK_SELF_GIVEN)
    uv_ip4_name(&i->address.address4, ip, sizeof ip);
  else
    uv_ip6_name(&i->address.address6, ip, sizeof ip);
  out->prefix_bits = prefix_bits(i);
  out->is_link_local = rank == RANK_LINK_LOCAL;
  snprintf(out->name, sizeof out->name, "%s", i->name);
  if (out->is_link_local)
    snprintf(out->address, sizeof out->address, "%s%%%.20s", ip, i->name);
  else
    snprintf(out->address, sizeof out->address, "%s", ip);
}

size_t atr_interfaces_list(atr_interface *out, size_t max)
{
  uv_interface_address_t *all;
  int count;
  size_t n = 0;

  if (uv_interface_addresses(&all, &count) != 0)
    return 0;
  for (int rank = 0; rank < RANKS; rank++)
    for (int i = 0; i < count && n < max; i++)
      if (rank_of(&all[i]) == (enum rank)rank)
        describe(&all[i], (enum rank)rank, &out[n++]);
  uv_free_interface_addresses(all, count);
  return n;
}
