/* SPDX-License-Identifier: MIT
 *
 * What a connection that came in proves: from which audience it came, by which of this machine's addresses.
 *
 * Only who has been let in is asked about, so that neither a port scan nor what a stranger says of himself proves anything. The judgement errs on
 * the side of "proves nothing": what comes from this machine itself proves nothing but this machine, unless it came by a tunnel or a relay; what comes from a private address beyond our own networks may be a neighbour or the outside of a second router, and what comes
 * from the router's own public address has only turned round there. What a VPN passes on from the internet proves that VPN to nobody, and a router
 * that gives guests an address of the LAN does not make them neighbours.
 *
 * Pure: addresses are texts, as sessions and interfaces give them. */
#ifndef ATR_REACH_ORIGIN_H
#define ATR_REACH_ORIGIN_H

#include "base/limits.h"
#include "reach/endpoint.h"
#include "transport/interfaces.h"

typedef enum atr_audience {
  ATR_AUDIENCE_MACHINE,
  ATR_AUDIENCE_LAN,
  ATR_AUDIENCE_VPN,
  ATR_AUDIENCE_INTERNET,
  ATR_AUDIENCE_TUNNEL,
  ATR_AUDIENCES,
  ATR_AUDIENCE_NOBODY = ATR_AUDIENCES,
} atr_audience;

/* What is known of this machine when a connection comes. */
typedef struct atr_surroundings {
  const atr_interface *interfaces;
  size_t interfaces_count;
  const atr_endpoint *endpoints;
  size_t endpoints_count;
  const char *typed; /* the public address that the host has typed, as atr_address_text writes it; "": none */
  const char *outer; /* the router's public address, without port; "": not known */
} atr_surroundings;

typedef struct atr_proof {
  atr_audience audience;
  char at[ATR_ADDRESS_TEXT_BYTES]; /* this machine's address without port; behind a tunnel the tunnel's, as text */
  char by
      [ATR_ADDRESS_TEXT_BYTES]; /* from the internet: the public address that the peer says it came by; "": not known */
} atr_proof;

/* `local` and `peer` as atr_session_local_address gives them; `via`: the address by which the peer says that it came, "" where it
 * says nothing. */
atr_proof atr_origin_of(const atr_surroundings *around, const char *local, const char *peer, const char *via);

/* Whether what was proved is still so: the address is still here, the tunnel still up. */
bool atr_proof_holds(const atr_surroundings *around, const atr_proof *proof);

/* All that was proved, each thing once; of more than ATR_PROOFS_MAX the oldest goes. Begins as zeros. */
typedef struct atr_proofs {
  size_t count;
  atr_proof list[ATR_PROOFS_MAX];
} atr_proofs;

/* True where it is new. What proves nothing is not kept. */
bool atr_proofs_add(atr_proofs *proofs, const atr_proof *proof);
/* Drops what holds no more. True where something went. */
bool atr_proofs_review(atr_proofs *proofs, const atr_surroundings *around);
/* Drops all of an audience: what it was about is another one now. */
void atr_proofs_drop(atr_proofs *proofs, atr_audience audience);

/* The address in a text such as "[fe80::1%eth0]:12800", "192.0.2.1:80" or "192.0.2.1", without port and scope, in one spelling. False where it
 * is none. */
typedef struct atr_ip {
  uint8_t bytes[16]; /* the first 4 of an IPv4 one */
  uint8_t bits;      /* 32 or 128 */
} atr_ip;
bool atr_ip_read(const char *text, atr_ip *out);
bool atr_ip_equal(const atr_ip *a, const atr_ip *b, uint32_t bits);
/* Can be reached from all of the internet. Not so 198.18/15, which some proxies give to this machine. The ranges for documentation count as
 * public: they are the internet of our examples and tests. */
bool atr_ip_is_public(const atr_ip *ip);
/* 100.64/10, and 192.0.0/24 where IPv4 goes through IPv6 (DS-Lite, 464XLAT): behind a provider's NAT. */
bool atr_ip_is_shared(const atr_ip *ip);

#endif
