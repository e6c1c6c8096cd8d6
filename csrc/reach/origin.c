/* SPDX-License-Identifier: MIT
 *
 * The order of the questions matters: a connection within the machine first, which is also how everything from a tunnel arrives; then by the
 * address to which the peer came, as a VPN's peers have addresses that mean nothing elsewhere; then by the peer's own address.
 *
 * Over a VPN not only its members come: some VPNs are there to forward a public port (portmap.io), and those whom they pass on must not prove an
 * address that nobody but a member can use. The same goes for a LAN whose router puts its own address in the place of the guest's: there the
 * address by which the peer came tells guests from neighbours, and as long as it may still be said nothing is proved. */
#include "reach/origin.h"

#include "reach/adapters.h"

#include <stdio.h>
#include <string.h>
#include <uv.h>

/* What is assigned to one customer at most: a peer with the same 48 bits may stand in the next room, or be the provider's next customer. */
enum { IPV6_SITE_BITS = 48 };

/* --- addresses --------------------------------------------------------------------------------------------------- */

bool atr_ip_read(const char *text, atr_ip *out)
{
  char host[80];
  const char *begin = text, *end;

  memset(out, 0, sizeof *out);
  if (*begin == '[')
    end = strpbrk(++begin, "%]");
  else
    end = strchr(begin, ':') == strrchr(begin, ':') ? strchr(begin, ':') : strchr(begin, '%');
  snprintf(host, sizeof host, "%.*s", end ? (int)(end - begin) : (int)sizeof host - 1, begin);
  out->bits = strchr(host, ':') ? 128 : 32;
  return uv_inet_pton(out->bits == 32 ? AF_INET : AF_INET6, host, out->bytes) == 0;
}

bool atr_ip_equal(const atr_ip *a, const atr_ip *b, uint32_t bits)
{
  if (a->bits != b->bits)
    return false;
  for (uint32_t i = 0; i < bits; i++)
    if ((a->bytes[i / 8] ^ b->bytes[i / 8]) & 0x80 >> i % 8)
      return false;
  return true;
}

bool atr_ip_is_shared(const atr_ip *ip)
{
  const uint8_t *b = ip->bytes;

  return ip->bits == 32 && ((b[0] == 100 && (b[1] & 0xc0) == 64) || (b[0] == 192 && b[1] == 0 && b[2] == 0));
}

bool atr_ip_is_public(const atr_ip *ip)
{
  const uint8_t *b = ip->bytes;

  if (ip->bits == 128) /* 2000::/3 is all that is given out */
    return (b[0] & 0xe0) == 0x20;
  return !(b[0] == 0 || b[0] == 10 || b[0] == 127 || b[0] >= 224 || (b[0] == 172 && (b[1] & 0xf0) == 16) ||
           (b[0] == 192 && b[1] == 168) || (b[0] == 169 && b[1] == 254) || (b[0] == 198 && (b[1] & 0xfe) == 18) ||
           atr_ip_is_shared(ip));
}

/* --- where it came from -------------------------------------------------------------------------------------------- */

static const atr_interface *interface_with(const atr_surroundings *around, const atr_ip *ip)
{
  for (size_t i = 0; i < around->interfaces_count; i++) {
    atr_ip own;

    if (atr_ip_read(around->interfaces[i].address, &own) && atr_ip_equal(&own, ip, own.bits))
      return &around->interfaces[i];
  }
  return NULL;
}

static bool is_of_this_machine(const atr_surroundings *around, const atr_ip *ip)
{
  static const atr_ip loopback6 = {.bits = 128, .bytes = {[15] = 1}};

  return (ip->bits == 32 && ip->bytes[0] == 127) || atr_ip_equal(ip, &loopback6, 128) || interface_with(around, ip);
}

static bool is_in_network_of(const atr_interface *one, const atr_ip *peer)
{
  atr_ip own;

  return atr_ip_read(one->address, &own) && atr_ip_equal(&own, peer, one->prefix_bits);
}

/* The peer is in one of this machine's networks that are neither a VPN nor inside of it. */
static bool is_neighbour(const atr_surroundings *around, const atr_ip *peer)
{
  if (peer->bits == 128 && peer->bytes[0] == 0xfe && (peer->bytes[1] & 0xc0) == 0x80)
    return true;
  for (size_t i = 0; i < around->interfaces_count; i++) {
    const atr_interface *one = &around->interfaces[i];
    atr_adapter adapter = atr_adapter_of(one->name, one->address);

    if (!adapter.is_vpn && !adapter.is_virtual && is_in_network_of(one, peer))
      return true;
  }
  return false;
}

static bool is_of_one_site(const atr_surroundings *around, const atr_ip *peer)
{
  for (size_t i = 0; i < around->interfaces_count && peer->bits == 128; i++) {
    atr_ip own;

    if (atr_ip_read(around->interfaces[i].address, &own) && atr_ip_equal(&own, peer, IPV6_SITE_BITS))
      return true;
  }
  return false;
}

static bool is_outer(const atr_surroundings *around, const atr_ip *ip)
{
  atr_ip outer;

  return around->outer[0] && atr_ip_read(around->outer, &outer) && atr_ip_equal(&outer, ip, outer.bits);
}

/* Also in an address of the web. False where it is a name. */
static bool typed_number(const atr_surroundings *around, atr_ip *out)
{
  const char *scheme = strstr(around->typed, "://");

  return around->typed[0] && atr_ip_read(scheme ? scheme + 3 : around->typed, out);
}

/* The typed number may be the router's, which did not say so: who comes from there has only turned round. */
static bool is_from_internet(const atr_surroundings *around, const atr_ip *peer)
{
  atr_ip typed;

  if (typed_number(around, &typed) && atr_ip_equal(&typed, peer, typed.bits))
    return false;
  return atr_ip_is_public(peer) && !is_outer(around, peer) && !is_of_one_site(around, peer);
}

/* The peer says that it came by what the host has typed, or by the router's own address. */
static bool is_by_public_address(const atr_surroundings *around, const char *via)
{
  atr_ip ip;

  return via[0] && (strcmp(around->typed, via) == 0 || (atr_ip_read(via, &ip) && is_outer(around, &ip)));
}

static const atr_endpoint *endpoint_at(const atr_surroundings *around, const char *text)
{
  for (size_t i = 0; i < around->endpoints_count; i++) {
    char own[ATR_ADDRESS_TEXT_BYTES];

    atr_address_text(&around->endpoints[i].address, own);
    if (strcmp(own, text) == 0)
      return &around->endpoints[i];
  }
  return NULL;
}

static atr_proof proof_of(atr_audience audience, const char *at)
{
  atr_proof proof = {.audience = audience};

  snprintf(proof.at, sizeof proof.at, "%s", at);
  return proof;
}

/* From the internet, to the interface `here`. */
static atr_proof from_outside(const atr_surroundings *around, const atr_interface *here, const char *via)
{
  atr_proof proof = proof_of(ATR_AUDIENCE_INTERNET, here->address);

  if (is_by_public_address(around, via))
    snprintf(proof.by, sizeof proof.by, "%s", via);
  return proof;
}

/* Programs that pass a port on come to the loopback; who comes by another address of this machine may have been led there by a name, or by the
 * system, which gives loopback addresses to the machine's own name. What was typed is a relay's only where it is not this machine's. */
static bool is_by_relay(const atr_surroundings *around, const atr_ip *at, const atr_ip *from, const char *via)
{
  static const atr_ip loopback = {.bits = 32, .bytes = {127, 0, 0, 1}}, loopback6 = {.bits = 128, .bytes = {[15] = 1}};
  atr_ip typed;

  if (!via[0] || strcmp(around->typed, via) != 0 || !atr_ip_equal(at, from, at->bits))
    return false;
  if (!atr_ip_equal(at, &loopback, 32) && !atr_ip_equal(at, &loopback6, 128))
    return false;
  return !typed_number(around, &typed) || !is_of_this_machine(around, &typed);
}

/* From the machine itself: a program on it, or the end of a tunnel, which the peer names. */
static atr_proof from_within(const atr_surroundings *around, const atr_ip *at, const atr_ip *from, const char *via)
{
  if (via[0] && endpoint_at(around, via))
    return proof_of(ATR_AUDIENCE_TUNNEL, via);
  if (is_by_relay(around, at, from, via)) {
    atr_proof proof = proof_of(ATR_AUDIENCE_INTERNET, via);

    memcpy(proof.by, proof.at, sizeof proof.by);
    return proof;
  }
  return proof_of(ATR_AUDIENCE_MACHINE, "");
}

/* Public addresses beyond the VPN's network are no member's. Private ones may be, as an adapter between two points has no network to compare with;
 * who came by the public address from one of these is a member who typed it, or anybody at all behind the VPN's own NAT. */
static atr_proof over_vpn(const atr_surroundings *around, const atr_interface *here, const atr_ip *peer,
                          const char *via)
{
  bool is_stranger = atr_ip_is_public(peer) && !is_in_network_of(here, peer);
  bool is_by_public = is_by_public_address(around, via);

  if (is_stranger && is_by_public && is_from_internet(around, peer))
    return from_outside(around, here, via);
  if (is_stranger || is_by_public)
    return proof_of(ATR_AUDIENCE_NOBODY, "");
  return proof_of(ATR_AUDIENCE_VPN, here->address);
}

atr_proof atr_origin_of(const atr_surroundings *around, const char *local, const char *peer, const char *via)
{
  const atr_proof nothing = {.audience = ATR_AUDIENCE_NOBODY};
  const atr_interface *here;
  atr_adapter adapter;
  atr_ip at, from;

  if (!atr_ip_read(local, &at) || !atr_ip_read(peer, &from))
    return nothing;
  if (atr_ip_equal(&at, &from, at.bits) || is_of_this_machine(around, &from))
    return from_within(around, &at, &from, via);
  here = interface_with(around, &at);
  if (!here)
    return nothing;
  adapter = atr_adapter_of(here->name, here->address);
  if (adapter.is_vpn)
    return over_vpn(around, here, &from, via);
  if (adapter.is_virtual)
    return nothing;
  if (is_neighbour(around, &from))
    return is_by_public_address(around, via) ? nothing : proof_of(ATR_AUDIENCE_LAN, here->address);
  return is_from_internet(around, &from) ? from_outside(around, here, via) : nothing;
}

bool atr_proof_holds(const atr_surroundings *around, const atr_proof *proof)
{
  atr_ip at;

  if (proof->audience == ATR_AUDIENCE_MACHINE)
    return true;
  if (proof->audience == ATR_AUDIENCE_TUNNEL)
    return endpoint_at(around, proof->at) != NULL;
  if (proof->audience == ATR_AUDIENCE_INTERNET && strcmp(around->typed, proof->at) == 0)
    return true;
  return atr_ip_read(proof->at, &at) && interface_with(around, &at) != NULL;
}

/* --- what is remembered ---------------------------------------------------------------------------------------------- */

static void drop_at(atr_proofs *proofs, size_t i)
{
  proofs->count--;
  memmove(&proofs->list[i], &proofs->list[i + 1], (proofs->count - i) * sizeof *proofs->list);
}

bool atr_proofs_add(atr_proofs *proofs, const atr_proof *proof)
{
  if (proof->audience == ATR_AUDIENCE_NOBODY)
    return false;
  for (size_t i = 0; i < proofs->count; i++)
    if (proofs->list[i].audience == proof->audience && strcmp(proofs->list[i].at, proof->at) == 0 &&
        strcmp(proofs->list[i].by, proof->by) == 0)
      return false;
  if (proofs->count == ATR_PROOFS_MAX)
    drop_at(proofs, 0);
  proofs->list[proofs->count++] = *proof;
  return true;
}

bool atr_proofs_review(atr_proofs *proofs, const atr_surroundings *around)
{
  size_t before = proofs->count;

  for (size_t i = proofs->count; i-- > 0;)
    if (!atr_proof_holds(around, &proofs->list[i]))
      drop_at(proofs, i);
  return proofs->count != before;
}

void atr_proofs_drop(atr_proofs *proofs, atr_audience audience)
{
  for (size_t i = proofs->count; i-- > 0;)
    if (proofs->list[i].audience == audience)
      drop_at(proofs, i);
}
