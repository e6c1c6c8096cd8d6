/* SPDX-License-Identifier: MIT
 *
 * The networks that this machine stands in, as far as finding hosts needs them: who is a neighbour, and where a question goes.
 *
 * Over IPv4 a question goes to the broadcast address of each subnet and to a multicast group on each interface: some Wi-Fi
 * stations filter the one, some switches the other. Over IPv6, which has no broadcast, it goes to a group of the link. None
 * of them leaves the local network. */
#ifndef ATR_REACH_NETWORKS_H
#define ATR_REACH_NETWORKS_H

#include <stdbool.h>
#include <uv.h>

/* Organisation-local (RFC 2365); and of the link, transient (RFC 4291): "Atrium" in hexadecimal. */
#define ATR_DISCOVERY_GROUP_IPV4 "239.255.65.84"
#define ATR_DISCOVERY_GROUP_IPV6 "ff12::4174:7269:756d"

/* Interfaces that are up, with their masks. */
typedef struct atr_networks {
  uv_interface_address_t *list;
  int n;
} atr_networks;

/* Empty where the system tells nothing. Reading anew frees what was there; so does free. */
void atr_networks_read(atr_networks *networks);
void atr_networks_free(atr_networks *networks);

/* Whether `peer` is in one of the subnets: a packet from further away was not sent on this network. */
bool atr_networks_hold(const atr_networks *networks, const struct sockaddr *peer);

/* An IPv4 interface whose subnet has a broadcast address. */
bool atr_network_broadcast(const uv_interface_address_t *one, struct sockaddr_in *out);

/* fe80::/10. */
bool atr_network_is_link(const struct sockaddr_in6 *address);

/* The interface as libuv's multicast calls want it: an IPv4 address, or an IPv6 one of the link with its scope; false where groups are
 * not for this interface: loopback, and IPv6 addresses other than that of the link. */
bool atr_network_for_groups(const uv_interface_address_t *one, char *out, size_t out_bytes);

#endif
