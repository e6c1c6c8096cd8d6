/* SPDX-License-Identifier: MIT
 *
 * Which router this machine stands behind, and at which address the router sees it. */
#ifndef ATR_REACH_PORTMAP_ROUTER_H
#define ATR_REACH_PORTMAP_ROUTER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

/* The default router for IPv4; false where there is none. */
bool atr_router_find(uint8_t router[4]);

/* The default router for IPv6, by its address on the link, and which of this machine's addresses others can reach if it lets them. */
typedef struct atr_router_ipv6 {
  uint8_t router[16], own[16];
  uint32_t scope; /* number of the interface; 0: the router's address needs none */
} atr_router_ipv6;

/* False where there is none of both, and on systems other than Linux: whoever asks there for another's firewall finds no router. */
bool atr_router_find_ipv6(atr_router_ipv6 *out);

/* One line of Linux's table of routes (/proc/net/ipv6_route). True where it is a default route through a router. */
typedef struct atr_route_ipv6 {
  uint8_t router[16];
  uint32_t metric;
  char interface[64];
} atr_route_ipv6;
bool atr_route_ipv6_read(const char *line, atr_route_ipv6 *out);

/* The address from which this machine would send there; nothing is sent. False where there is no way. */
bool atr_router_own_address(uv_loop_t *loop, const uint8_t router[4], uint8_t own[4]);

#endif
