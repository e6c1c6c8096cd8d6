/* SPDX-License-Identifier: MIT
 *
 * Who can reach this machine: facts in, one verdict per audience out (docs/protocol.md, 8).
 *
 * A table of rules and nothing else: no socket, no clock, nothing remembered, so every line of it has a test. Its rule of conduct: `works` is
 * what somebody has done, by the addresses that then stand apart from the others; what only ought to work is `should`; and whoever is told `no` is told the reason whose next step helps most, where there
 * are several. */
#ifndef ATR_REACH_VERDICT_H
#define ATR_REACH_VERDICT_H

#include "proto/jsonw.h"
#include "reach/firewall.h"
#include "reach/origin.h"
#include "reach/portmap.h"

typedef enum atr_reach_state {
  ATR_REACH_WORKS,
  ATR_REACH_SHOULD,
  ATR_REACH_NO,
  ATR_REACH_CHECKING,
  ATR_REACH_UNKNOWN,
} atr_reach_state;

#define ATR_REACH_REASONS(X)              \
  X(PROVED, "proved")                     \
  X(LISTENING, "listening")               \
  X(FIREWALL, "firewall")                 \
  X(FIREWALL_WINDOWS, "firewall_windows") \
  X(FIREWALL_MACOS, "firewall_macos")     \
  X(LOOPBACK_ONLY, "loopback_only")       \
  X(NO_NETWORK, "no_network")             \
  X(OTHER_ADDRESS, "other_address")       \
  X(ASKING_ROUTER, "asking_router")       \
  X(MAPPED, "mapped")                     \
  X(TYPED, "typed")                       \
  X(PUBLIC_ADDRESS, "public_address")     \
  X(IPV6, "ipv6")                         \
  X(IPV6_OPENED, "ipv6_opened")           \
  X(DOUBLE_NAT, "double_nat")             \
  X(CGNAT, "cgnat")                       \
  X(NO_ROUTER, "no_router")               \
  X(NO_OUTSIDE, "no_outside")             \
  X(NO_MAPPING, "no_mapping")             \
  X(MAPPING_REFUSED, "mapping_refused")   \
  X(MAPPING_OFF, "mapping_off")           \
  X(MAPPED_NOWHERE, "mapped_nowhere")     \
  X(TUNNEL, "tunnel")

typedef enum atr_reach_reason {
#define X(name, text) ATR_REACH_##name,
  ATR_REACH_REASONS(X)
#undef X
} atr_reach_reason;

typedef struct atr_facts {
  atr_surroundings around;
  uint16_t port;
  const char *bound;               /* the only address that the server listens on; "": all */
  bool is_loopback;                /* and that one is the machine's own */
  const atr_portmap_view *mapping; /* never NULL */
  const atr_portmap_view *pinhole; /* the same for IPv6; never NULL */
  atr_firewall firewall;
  const atr_proof *proofs; /* those that hold */
  size_t proofs_count;
} atr_facts;

/* A program's or VPN's name with the name of an interface. */
enum { ATR_VERDICT_LABEL_BYTES = 128 };

typedef struct atr_verdict {
  atr_audience audience;
  char label[ATR_VERDICT_LABEL_BYTES];
  atr_reach_state state;
  atr_reach_reason reason;
  atr_reach_reason beside; /* with ATR_REACH_TYPED: what may keep guests out; the same where nothing is known to */
  char outside[ATR_PORTMAP_ADDRESS_BYTES]; /* the router's private address on its outside, where the reason names it */
  size_t addresses_count;                  /* where it works: by which somebody has come */
  size_t others_count;                     /* behind them: by which nobody has yet */
  char addresses[ATR_ADDRESSES_MAX][ATR_ADDRESS_TEXT_BYTES];
} atr_verdict;

/* How many were written, at most ATR_VERDICTS_MAX; `out` has room for them. */
size_t atr_verdicts_of(const atr_facts *facts, atr_verdict *out);

/* Appends `"audiences": [...]` as the protocol has it. */
void atr_verdicts_write(atr_jw *w, const atr_facts *facts, const atr_verdict *verdicts, size_t count);

const char *atr_reach_state_name(atr_reach_state state);
const char *atr_reach_reason_name(atr_reach_reason reason);
const char *atr_audience_name(atr_audience audience);

#endif
