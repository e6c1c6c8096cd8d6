/* SPDX-License-Identifier: MIT
 *
 * The addresses of this machine that others can type: every interface that is up, without loopback. IPv4 first
 * (short, and what works in a LAN), then global IPv6, then what only works on the same link: IPv4's 169.254/16, and link-local IPv6 with its scope,
 * which needs the typist's own.
 */
#ifndef ATR_TRANSPORT_INTERFACES_H
#define ATR_TRANSPORT_INTERFACES_H

#include "base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct atr_interface {
  char address[72];    /* "192.168.0.48", "2001:db8::1", "fe80::1%eth0": what is typed, without a port */
  char name[64];       /* "eth0", "Wi-Fi" */
  uint8_t prefix_bits; /* of its subnet: 24 for 255.255.255.0 */
  bool is_link_local;  /* of IPv6: needs a scope */
} atr_interface;

/* Returns how many were written, at most `max`; 0 where the system tells nothing. Any thread. */
size_t atr_interfaces_list(atr_interface *out, size_t max);

#endif
