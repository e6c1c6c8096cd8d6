/* SPDX-License-Identifier: MIT
 *
 * The Port Control Protocol (RFC 6887), as far as one port needs it: MAP, the router's word that it was restarted, and how its clock tells the
 * same. Sans-I/O; the bytes come from whatever stands at the router's address, so they are checked and fuzzed.
 *
 * A request is repeated as it is until its answer comes, and again to keep the mapping: same nonce, same port. So one packet does all:
 * it maps, renews, asks for the outer address, and maps anew where a router has lost its table. With a lifetime of 0 it takes the mapping back.
 *
 * Our own code: neither miniupnpc nor libnatpmp speaks it. */
#ifndef ATR_PROTO_PCP_H
#define ATR_PROTO_PCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ATR_PCP_NONCE_BYTES 12
#define ATR_PCP_MAP_BYTES 60
#define ATR_PCP_BYTES_MAX 1100 /* of any packet: RFC 6887, 7 */
#define ATR_PCP_PORT 5351      /* where the router listens; NAT-PMP's, too */
#define ATR_PCP_ANNOUNCE_PORT 5350

#define ATR_PCP_TCP 6 /* IANA's protocol numbers */

/* RFC 6887, 7.4, numbered from 0. */
#define ATR_PCP_RESULTS(X)   \
  X(SUCCESS)                 \
  X(UNSUPP_VERSION)          \
  X(NOT_AUTHORIZED)          \
  X(MALFORMED_REQUEST)       \
  X(UNSUPP_OPCODE)           \
  X(UNSUPP_OPTION)           \
  X(MALFORMED_OPTION)        \
  X(NETWORK_FAILURE)         \
  X(NO_RESOURCES)            \
  X(UNSUPP_PROTOCOL)         \
  X(USER_EX_QUOTA)           \
  X(CANNOT_PROVIDE_EXTERNAL) \
  X(ADDRESS_MISMATCH)        \
  X(EXCESSIVE_REMOTE_PEERS)

typedef enum atr_pcp_result {
#define X(name) ATR_PCP_##name,
  ATR_PCP_RESULTS(X)
#undef X
} atr_pcp_result;

/* Addresses are IPv6's 16 bytes; IPv4's are mapped into them (::ffff:a.b.c.d). */
typedef struct atr_pcp_map {
  uint8_t nonce[ATR_PCP_NONCE_BYTES]; /* random, and kept for as long as the mapping is: it is the right to it */
  uint8_t protocol;
  uint8_t inner[16]; /* the sender's address, as the router must see it */
  uint8_t outer[16]; /* wanted: of a mapping that was lost; ATR_PCP_ANY_IPV4 where there was none */
  uint16_t inner_port, outer_port;
  uint32_t lifetime_s;
} atr_pcp_map;

typedef struct atr_pcp_answer {
  atr_pcp_result result; /* also one that this list does not have */
  uint32_t lifetime_s;   /* of the mapping, or of the error */
  uint32_t epoch_s;      /* since the router has its table */
  uint8_t outer[16];
  uint16_t outer_port;
} atr_pcp_answer;

void atr_pcp_of_ipv4(const uint8_t ipv4[4], uint8_t out[16]);
/* False where it is none that was mapped. */
bool atr_pcp_to_ipv4(const uint8_t ip[16], uint8_t ipv4[4]);

void atr_pcp_map_write(const atr_pcp_map *map, uint8_t out[ATR_PCP_MAP_BYTES]);

/* 0: the answer to `map`, be it a refusal; `answer` says. ATR_VERSION: the router speaks NAT-PMP or another version of PCP. ATR_NOENT: it is
 * the answer to something else, to be passed over. ATR_PROTO: no answer at all, likewise. */
int atr_pcp_map_read(const uint8_t *bytes, size_t n, const atr_pcp_map *map, atr_pcp_answer *answer);

/* What a router sends to all when it was restarted, over PCP or NAT-PMP. 0 and how long it has had its table, or ATR_PROTO. */
int atr_pcp_announce_read(const uint8_t *bytes, size_t n, uint32_t *epoch_s);

/* "NO_RESOURCES"; "UNKNOWN". */
const char *atr_pcp_result_name(atr_pcp_result result);

/* The router's clock beside ours (RFC 6887, 8.5). Zeros at the beginning. */
typedef struct atr_pcp_epoch {
  bool is_known;
  uint32_t router_s;
  uint64_t own_s;
} atr_pcp_epoch;

/* Whether the router has lost its table since the last time. `own_s`: a clock that never goes back. */
bool atr_pcp_epoch_lost(atr_pcp_epoch *epoch, uint32_t router_s, uint64_t own_s);

#endif
