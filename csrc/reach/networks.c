/* SPDX-License-Identifier: MIT
 *
 * The arithmetic of subnets, over what libuv lists. */
#include "reach/networks.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

void atr_networks_read(atr_networks *networks)
{
  atr_networks_free(networks);
  if (uv_interface_addresses(&networks->list, &networks->n) != 0)
    memset(networks, 0, sizeof *networks);
}

void atr_networks_free(atr_networks *networks)
{
  if (networks->list)
    uv_free_interface_addresses(networks->list, networks->n);
  memset(networks, 0, sizeof *networks);
}

bool atr_network_is_link(const struct sockaddr_in6 *address)
{
  const uint8_t *ip = (const uint8_t *)&address->sin6_addr;

  return ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80;
}

static bool is_same(const void *a, const void *b, const void *mask, size_t n)
{
  const uint8_t *p = a, *q = b, *m = mask;

  for (size_t i = 0; i < n; i++)
    if ((p[i] ^ q[i]) & m[i])
      return false;
  return true;
}

bool atr_networks_hold(const atr_networks *networks, const struct sockaddr *peer)
{
  const struct sockaddr_in *v4 = (const struct sockaddr_in *)peer;
  const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)peer;

  if (peer->sa_family == AF_INET6 && atr_network_is_link(v6))
    return true;
  for (int i = 0; i < networks->n; i++) {
    const uv_interface_address_t *one = &networks->list[i];

    if (one->address.address4.sin_family != peer->sa_family)
      continue;
    if (peer->sa_family == AF_INET
            ? is_same(&one->address.address4.sin_addr, &v4->sin_addr, &one->netmask.netmask4.sin_addr, 4)
            : is_same(&one->address.address6.sin6_addr, &v6->sin6_addr, &one->netmask.netmask6.sin6_addr, 16))
      return true;
  }
  return false;
}

bool atr_network_broadcast(const uv_interface_address_t *one, struct sockaddr_in *out)
{
  uint32_t mask;

  if (one->address.address4.sin_family != AF_INET)
    return false;
  mask = ntohl(one->netmask.netmask4.sin_addr.s_addr);
  if (mask >= 0xfffffffe) /* two ends of a line: nobody else is there */
    return false;
  *out = one->address.address4;
  out->sin_addr.s_addr |= htonl(~mask);
  return true;
}

bool atr_network_for_groups(const uv_interface_address_t *one, char *out, size_t out_bytes)
{
  char ip[48], scope[UV_IF_NAMESIZE];
  size_t n = sizeof scope;

  if (one->is_internal)
    return false;
  if (one->address.address4.sin_family == AF_INET)
    return uv_ip4_name(&one->address.address4, out, out_bytes) == 0;
  if (one->address.address6.sin6_family != AF_INET6 || !atr_network_is_link(&one->address.address6) ||
      uv_ip6_name(&one->address.address6, ip, sizeof ip) != 0 ||
      uv_if_indextoiid(one->address.address6.sin6_scope_id, scope, &n) != 0)
    return false;
  return (size_t)snprintf(out, out_bytes, "%s%%%s", ip, scope) < out_bytes;
}
