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

/* The address from which this machine would send there; nothing is sent. False where there is no way. */
bool atr_router_own_address(uv_loop_t *loop, const uint8_t router[4], uint8_t own[4]);

#endif
