/* SPDX-License-Identifier: MIT
 *
 * The public address that a host has typed: what its router or a tunnel of its own gives this machine.
 *
 * Only its user knows whether it leads here, so it is never called reachable before somebody has come in by it (reach/verdict.h). What can be known
 * by looking at it is said where it is typed: an address of this machine, of a private network or behind a provider's NAT leads nobody here from
 * the internet. A name may be anything; it is not looked up. Pure: no socket. */
#ifndef ATR_REACH_TYPED_H
#define ATR_REACH_TYPED_H

#include "transport/address.h"

/* 0 or ATR_ADDR_SYNTAX; then `why` gets one sentence that says what is wrong. `port` counts where none was typed. */
int atr_typed_read(const char *text, uint16_t port, atr_address *out, char *why, size_t why_bytes);

/* Of such an address, as atr_address_text writes it: the port that a router would pass on; 0 where no router's rule makes it lead here,
 * as it is a relay's that speaks HTTP. */
uint16_t atr_typed_port(const char *address_text);

#endif
