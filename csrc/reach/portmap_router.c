/* SPDX-License-Identifier: MIT
 *
 * Each system has another way to tell its routes; for IPv4 libnatpmp knows them all. For IPv6 it knows none: Linux has a file. */
#include "reach/portmap_router.h"

#include "base/id.h"
#include "reach/adapters.h"
#include "reach/origin.h"
#include "transport/platform.h"

#include <natpmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool atr_router_find(uint8_t router[4])
{
  natpmp_t natpmp;

  if (initnatpmp(&natpmp, 0, 0) != 0)
    return false;
  memcpy(router, &natpmp.gateway, 4);
  closenatpmp(&natpmp);
  return true;
}

static void free_handle(uv_handle_t *handle)
{
  free(handle);
}

bool atr_router_own_address(uv_loop_t *loop, const uint8_t router[4], uint8_t own[4])
{
  struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(NATPMP_PORT)}, here;
  int n = sizeof here;
  uv_udp_t *udp = malloc(sizeof *udp);
  bool ok;

  if (!udp)
    return false;
  memcpy(&there.sin_addr, router, 4);
  uv_udp_init(loop, udp);
  ok = uv_udp_connect(udp, (const struct sockaddr *)&there) == 0 &&
       uv_udp_getsockname(udp, (struct sockaddr *)&here, &n) == 0 && here.sin_family == AF_INET;
  if (ok)
    memcpy(own, &here.sin_addr, 4);
  uv_close((uv_handle_t *)udp, free_handle);
  return ok;
}

/* --- IPv6 -------------------------------------------------------------------------------------------------------- */

bool atr_route_ipv6_read(const char *line, atr_route_ipv6 *out)
{
  enum { IS_UP = 1, HAS_ROUTER = 2 };
  char to[33], bits[3], router[33], metric[9], flags[9];

  memset(out, 0, sizeof *out);
  if (sscanf(line, "%32[0-9a-f] %2[0-9a-f] %*32s %*2s %32[0-9a-f] %8[0-9a-f] %*8s %*8s %8[0-9a-f] %63s", to, bits,
             router, metric, flags, out->interface) != 6 ||
      strspn(to, "0") != 32 || strcmp(bits, "00") != 0 || (~strtoul(flags, NULL, 16) & (IS_UP | HAS_ROUTER)) != 0 ||
      strlen(router) != 32 || atr_hex_decode(router, 32, out->router, sizeof out->router) < 0)
    return false;
  out->metric = (uint32_t)strtoul(metric, NULL, 16);
  return true;
}

/* The one that the system prefers. */
static bool find_route(atr_route_ipv6 *best)
{
  FILE *file = fopen("/proc/net/ipv6_route", "r");
  bool found = false;
  char line[256];

  while (file && fgets(line, sizeof line, file)) {
    atr_route_ipv6 one;

    if (!atr_route_ipv6_read(line, &one) || (found && one.metric >= best->metric))
      continue;
    *best = one;
    found = true;
  }
  if (file)
    fclose(file);
  return found;
}

/* The first, in the order in which invites have them: somebody who has several of them is reached at one. */
static bool find_public(const char *interface, uint8_t own[16])
{
  atr_interface list[ATR_INTERFACES_MAX];
  size_t n = atr_interfaces_list(list, ATR_INTERFACES_MAX);

  for (size_t i = 0; i < n; i++) {
    atr_ip ip;

    if (strcmp(list[i].name, interface) == 0 && atr_ip_read(list[i].address, &ip) && ip.bits == 128 &&
        atr_ip_is_public(&ip) && !atr_adapter_of(list[i].name, list[i].address).is_vpn) {
      memcpy(own, ip.bytes, 16);
      return true;
    }
  }
  return false;
}

bool atr_router_find_ipv6(atr_router_ipv6 *out)
{
  atr_route_ipv6 route;

  memset(out, 0, sizeof *out);
  if (!find_route(&route) || !find_public(route.interface, out->own))
    return false;
  memcpy(out->router, route.router, sizeof out->router);
  out->scope = atr_platform_interface_number(route.interface);
  return true;
}
