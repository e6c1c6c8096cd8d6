/* SPDX-License-Identifier: MIT
 *
 * How far a number reaches, and whether a name in an invite may lead to it.
 *
 * The maker of an invite chooses its names, and his name server what they mean, anew at every question: nobody who reads the link knows where they
 * will lead. So they may not lead inside: to this machine, whose programs believe whoever asks from within; to the link (169.254.169.254 gives a
 * cloud's machines their secrets); or to a private network in whose range this machine has no address, as there it would knock at somebody
 * else's doors, its provider's mostly.
 *
 * Private numbers of a range in which this machine has an address are allowed. A studio's own name server gives its host's public name a private
 * number, mostly of another subnet than the guest's (10.1 and 10.9, behind one router), and MagicDNS gives its members 100.64/10; a rule by subnets would
 * refuse those, and allow just the router, which is what a stranger would knock at. Nobody else loses a way by it: an invite has the
 * host's own private numbers as numbers, and these are what they are. A name that the user typed is his own choice.
 *
 * Pure functions. */
#ifndef ATR_TRANSPORT_SCOPE_H
#define ATR_TRANSPORT_SCOPE_H

#include "transport/interfaces.h"

#include <uv.h>

typedef enum atr_scope {
  ATR_SCOPE_PUBLIC,
  ATR_SCOPE_PRIVATE, /* RFC 1918, 100.64/10, fc00::/7 and its forerunner */
  ATR_SCOPE_LINK,    /* 169.254/16, fe80::/10 */
  ATR_SCOPE_MACHINE, /* loopback, and zero, which systems take for it */
  ATR_SCOPE_NOBODY,  /* groups, broadcast, what is reserved */
} atr_scope;

/* An IPv4 number that is written as an IPv6 one (mapped, NAT64, 6to4) reaches as far as itself. */
atr_scope atr_scope_of(const struct sockaddr *number);

/* This machine, by loopback or by an address of its own. `own`: as atr_interfaces_list gives them. */
bool atr_scope_is_here(const struct sockaddr *number, const atr_interface *own, size_t n);

/* Whether such a name may lead there. `is_order`: what is to be sent there says what to do (a query), and is taken to no
 * number but a public one. */
bool atr_scope_is_open(const struct sockaddr *number, bool is_order, const atr_interface *own, size_t n);

#endif
