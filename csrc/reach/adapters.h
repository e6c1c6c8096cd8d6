/* SPDX-License-Identifier: MIT
 *
 * Which network an interface belongs to, in words that people know: the VPN's own name, Wi-Fi, or LAN.
 *
 * One table, by name and by range of addresses; nothing is asked of anybody. It is a guess for a label and for the order in an invite: where a
 * VPN is up, those who shall come are most likely on it too, and its address works wherever they are. */
#ifndef ATR_REACH_ADAPTERS_H
#define ATR_REACH_ADAPTERS_H

#include <stdbool.h>

typedef struct atr_adapter {
  const char *label; /* "ZeroTier"; never NULL */
  bool is_vpn;
  bool is_virtual; /* between this machine and what runs inside of it: nobody else is there */
} atr_adapter;

/* `name` and `address` as in atr_interface: "zt5u4x", "10.147.17.3". */
atr_adapter atr_adapter_of(const char *name, const char *address);

#endif
