/* SPDX-License-Identifier: MIT
 *
 * One function per audience, in the order in which people read them. Each interface is a network of its own: who has come by the studio's VPN has not come by
 * the one beside it, so what has the same label is told apart by the interface's name. */
#include "reach/verdict.h"

#include "reach/adapters.h"

#include <stdio.h>
#include <string.h>

/* --- small parts --------------------------------------------------------------------------------------------------- */

typedef struct list {
  const atr_facts *facts;
  atr_verdict *verdicts;
  size_t count;
  atr_verdict spare; /* what finds no place is written here, and never read */
} list;

static atr_verdict *add(list *l, atr_audience audience, const char *label)
{
  atr_verdict *v = l->count < ATR_VERDICTS_MAX ? &l->verdicts[l->count++] : &l->spare;

  *v = (atr_verdict){.audience = audience};
  snprintf(v->label, sizeof v->label, "%s", label);
  return v;
}

static void decide(atr_verdict *v, atr_reach_state state, atr_reach_reason reason)
{
  v->state = state;
  v->reason = reason;
}

static void add_text(atr_verdict *v, const char *text)
{
  for (size_t i = 0; i < v->addresses_count; i++)
    if (strcmp(v->addresses[i], text) == 0)
      return;
  if (v->addresses_count < ATR_ADDRESSES_MAX)
    snprintf(v->addresses[v->addresses_count++], sizeof v->addresses[0], "%s", text);
}

static void add_address(atr_verdict *v, const char *host, uint16_t port)
{
  char text[ATR_ADDRESS_TEXT_BYTES];

  snprintf(text, sizeof text, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
  add_text(v, text);
}

static atr_audience audience_of(const atr_interface *one)
{
  atr_adapter adapter = atr_adapter_of(one->name, one->address);

  if (adapter.is_virtual || (adapter.is_vpn && one->is_link_local)) /* a VPN gives its members addresses */
    return ATR_AUDIENCE_NOBODY;
  return adapter.is_vpn ? ATR_AUDIENCE_VPN : ATR_AUDIENCE_LAN;
}

static const char *label_of(const atr_interface *one)
{
  return atr_adapter_of(one->name, one->address).label;
}

static bool is_open(const atr_facts *f, const atr_interface *one)
{
  atr_ip bound, own;

  if (f->is_loopback)
    return false;
  return !f->bound[0] ||
         (atr_ip_read(f->bound, &bound) && atr_ip_read(one->address, &own) && atr_ip_equal(&bound, &own, own.bits));
}

static bool is_proved(const atr_facts *f, atr_audience audience, const char *at)
{
  for (size_t i = 0; i < f->proofs_count; i++)
    if (f->proofs[i].audience == audience && (!at || strcmp(f->proofs[i].at, at) == 0))
      return true;
  return false;
}

static bool is_ip(const char *text, const char *other)
{
  atr_ip a, b;

  return atr_ip_read(text, &a) && atr_ip_read(other, &b) && atr_ip_equal(&a, &b, a.bits);
}

/* Whether who came so came by that address, as far as is known: what a router or a relay passes on arrives at an address of the machine's own, and where the
 * peer does not name the public one, it may have been any of them. */
static bool shows(const atr_facts *f, const atr_proof *proof, const char *address)
{
  atr_ip at;

  if (proof->by[0])
    return strcmp(proof->by, address) == 0;
  if (proof->audience != ATR_AUDIENCE_INTERNET || (atr_ip_read(proof->at, &at) && atr_ip_is_public(&at)))
    return is_ip(proof->at, address);
  return strcmp(f->around.typed, address) == 0 || is_ip(f->mapping->outer, address);
}

/* Puts the addresses by which somebody has come in front, and the others apart. Where none of them is known, all stay what they are. */
static void set_proved_apart(atr_verdict *v, const atr_facts *f)
{
  char others[ATR_ADDRESSES_MAX][ATR_ADDRESS_TEXT_BYTES];
  size_t n = v->addresses_count, proved = 0, rest = 0;

  for (size_t i = 0; i < n; i++) {
    bool is_shown = false;

    for (size_t k = 0; k < f->proofs_count && !is_shown; k++)
      is_shown = f->proofs[k].audience == v->audience && shows(f, &f->proofs[k], v->addresses[i]);
    if (is_shown)
      memmove(v->addresses[proved++], v->addresses[i], sizeof v->addresses[0]);
    else
      memcpy(others[rest++], v->addresses[i], sizeof others[0]);
  }
  memcpy(v->addresses[proved], others, rest * sizeof others[0]);
  if (proved > 0) {
    v->addresses_count = proved;
    v->others_count = rest;
  }
}

/* What stands in the way of somebody in a network that is fine. */
static atr_reach_reason should_of(const atr_facts *f, atr_reach_reason otherwise)
{
  switch (f->firewall) {
  case ATR_FIREWALL_UFW:
  case ATR_FIREWALL_FIREWALLD:
    return ATR_REACH_FIREWALL;
  case ATR_FIREWALL_WINDOWS:
    return otherwise == ATR_REACH_LISTENING ? ATR_REACH_FIREWALL_WINDOWS : otherwise;
  case ATR_FIREWALL_MACOS:
    return otherwise == ATR_REACH_LISTENING ? ATR_REACH_FIREWALL_MACOS : otherwise;
  case ATR_FIREWALL_NONE:
    break;
  }
  return otherwise;
}

/* --- this machine, networks, VPNs ------------------------------------------------------------------------------------ */

static void judge_machine(list *l)
{
  const atr_facts *f = l->facts;
  atr_verdict *v = add(l, ATR_AUDIENCE_MACHINE, "");

  add_address(v, f->bound[0] && !f->is_loopback ? f->bound : "localhost", f->port);
  if (is_proved(f, ATR_AUDIENCE_MACHINE, NULL))
    decide(v, ATR_REACH_WORKS, ATR_REACH_PROVED);
  else
    decide(v, ATR_REACH_SHOULD, ATR_REACH_LISTENING);
}

/* Whether both are one network: an interface has addresses of several kinds. */
static bool is_same(const atr_interface *one, const atr_interface *other)
{
  return audience_of(one) == audience_of(other) && strcmp(one->name, other->name) == 0;
}

/* Those of link-local kind only where there is no other: they need the typist's own scope. */
static void add_network_addresses(atr_verdict *v, const atr_facts *f, const atr_interface *network)
{
  for (int link_local = 0; link_local < 2 && v->addresses_count == 0; link_local++)
    for (size_t i = 0; i < f->around.interfaces_count; i++) {
      const atr_interface *one = &f->around.interfaces[i];

      if (is_same(one, network) && is_open(f, one) && one->is_link_local == (link_local == 1))
        add_address(v, one->address, f->port);
    }
}

static bool network_is_proved(const atr_facts *f, const atr_interface *network)
{
  for (size_t i = 0; i < f->around.interfaces_count; i++) {
    const atr_interface *one = &f->around.interfaces[i];

    if (is_same(one, network) && is_proved(f, audience_of(one), one->address))
      return true;
  }
  return false;
}

static void judge_network(list *l, const atr_interface *network)
{
  const atr_facts *f = l->facts;
  atr_verdict *v = add(l, audience_of(network), label_of(network));

  for (size_t i = 0; i < f->around.interfaces_count; i++) {
    const atr_interface *one = &f->around.interfaces[i];

    if (audience_of(one) == v->audience && !is_same(one, network) && strcmp(label_of(one), label_of(network)) == 0) {
      snprintf(v->label, sizeof v->label, "%s, %s", label_of(network), network->name);
      break;
    }
  }
  add_network_addresses(v, f, network);
  if (v->addresses_count == 0) {
    decide(v, ATR_REACH_NO, f->is_loopback ? ATR_REACH_LOOPBACK_ONLY : ATR_REACH_OTHER_ADDRESS);
  } else if (network_is_proved(f, network)) {
    decide(v, ATR_REACH_WORKS, ATR_REACH_PROVED);
    set_proved_apart(v, f);
  } else {
    decide(v, ATR_REACH_SHOULD, should_of(f, ATR_REACH_LISTENING));
  }
}

/* Each once, where its first address stands. Returns how many. */
static size_t judge_networks(list *l, atr_audience audience)
{
  const atr_interface *all = l->facts->around.interfaces;
  size_t before = l->count;

  for (size_t i = 0; i < l->facts->around.interfaces_count; i++) {
    bool is_new = audience_of(&all[i]) == audience;

    for (size_t k = 0; k < i && is_new; k++)
      is_new = !is_same(&all[k], &all[i]);
    if (is_new)
      judge_network(l, &all[i]);
  }
  return l->count - before;
}

static void judge_lan(list *l)
{
  if (judge_networks(l, ATR_AUDIENCE_LAN) == 0)
    decide(add(l, ATR_AUDIENCE_LAN, "LAN"), ATR_REACH_NO, ATR_REACH_NO_NETWORK);
}

/* --- the internet -------------------------------------------------------------------------------------------------- */

/* The first address of a LAN that answers `wanted`, NULL where none does. */
static const atr_interface *find_interface(const atr_facts *f, bool (*wanted)(const atr_ip *ip))
{
  for (size_t i = 0; i < f->around.interfaces_count; i++) {
    const atr_interface *one = &f->around.interfaces[i];
    atr_ip ip;

    if (audience_of(one) == ATR_AUDIENCE_LAN && is_open(f, one) && atr_ip_read(one->address, &ip) && wanted(&ip))
      return one;
  }
  return NULL;
}

static bool is_any(const atr_ip *ip)
{
  (void)ip;
  return true;
}

static bool is_public_v4(const atr_ip *ip)
{
  return ip->bits == 32 && atr_ip_is_public(ip);
}

static bool is_public_v6(const atr_ip *ip)
{
  return ip->bits == 128 && atr_ip_is_public(ip);
}

static void add_public(atr_verdict *v, const atr_facts *f, bool (*wanted)(const atr_ip *ip))
{
  for (size_t i = 0; i < f->around.interfaces_count; i++) {
    const atr_interface *one = &f->around.interfaces[i];
    atr_ip ip;

    if (audience_of(one) == ATR_AUDIENCE_LAN && is_open(f, one) && atr_ip_read(one->address, &ip) && wanted(&ip))
      add_address(v, one->address, f->port);
  }
}

/* Another NAT in front of the router, or of this machine where it has no router of its own. */
static bool is_behind_another(atr_verdict *v, const atr_facts *f)
{
  const atr_interface *shared = find_interface(f, atr_ip_is_shared);

  if (f->mapping->outer_scope == ATR_PORTMAP_SCOPE_PRIVATE || f->mapping->outer_scope == ATR_PORTMAP_SCOPE_SHARED) {
    bool is_private = f->mapping->outer_scope == ATR_PORTMAP_SCOPE_PRIVATE;

    snprintf(v->outside, sizeof v->outside, "%s", f->mapping->outer);
    decide(v, ATR_REACH_NO, is_private ? ATR_REACH_DOUBLE_NAT : ATR_REACH_CGNAT);
    return true;
  }
  if (shared && f->mapping->state != ATR_PORTMAP_MAPPED) {
    snprintf(v->outside, sizeof v->outside, "%.15s", shared->address);
    decide(v, ATR_REACH_NO, ATR_REACH_CGNAT);
    return true;
  }
  return false;
}

static void judge_unmapped(atr_verdict *v, const atr_facts *f)
{
  if (find_interface(f, is_public_v6)) {
    decide(v, ATR_REACH_UNKNOWN, ATR_REACH_IPV6);
  } else if (f->mapping->state == ATR_PORTMAP_OFF) {
    decide(v, ATR_REACH_NO, ATR_REACH_MAPPING_OFF);
  } else if (f->mapping->state == ATR_PORTMAP_REFUSED) {
    bool has_outside = f->mapping->reason != ATR_PORTMAP_NO_OUTSIDE;

    decide(v, ATR_REACH_NO, has_outside ? ATR_REACH_MAPPING_REFUSED : ATR_REACH_NO_OUTSIDE);
  } else {
    decide(v, ATR_REACH_NO, f->mapping->reason == ATR_PORTMAP_NO_ROUTER ? ATR_REACH_NO_ROUTER : ATR_REACH_NO_MAPPING);
  }
}

/* What stands in the way of IPv4 does not for IPv6: behind a CGNAT there is mostly a public address of the other kind. */
static void judge_mapping(atr_verdict *v, const atr_facts *f)
{
  bool is_mapped = f->mapping->state == ATR_PORTMAP_MAPPED && f->mapping->outer_scope == ATR_PORTMAP_SCOPE_PUBLIC;

  if (f->mapping->state == ATR_PORTMAP_ASKING || (!is_mapped && f->pinhole->state == ATR_PORTMAP_ASKING))
    decide(v, ATR_REACH_CHECKING, ATR_REACH_ASKING_ROUTER);
  else if (!is_mapped && f->pinhole->state == ATR_PORTMAP_MAPPED)
    decide(v, ATR_REACH_SHOULD, should_of(f, ATR_REACH_IPV6_OPENED));
  else if (is_behind_another(v, f))
    return;
  else if (f->mapping->state != ATR_PORTMAP_MAPPED)
    judge_unmapped(v, f);
  else if (f->mapping->outer_scope == ATR_PORTMAP_SCOPE_UNKNOWN)
    decide(v, ATR_REACH_UNKNOWN, ATR_REACH_MAPPED_NOWHERE);
  else
    decide(v, ATR_REACH_SHOULD, should_of(f, ATR_REACH_MAPPED));
}

/* As though nothing had been typed. */
static void judge_known(atr_verdict *v, const atr_facts *f)
{
  if (is_proved(f, ATR_AUDIENCE_INTERNET, NULL))
    decide(v, ATR_REACH_WORKS, ATR_REACH_PROVED);
  else if (f->is_loopback)
    decide(v, ATR_REACH_NO, ATR_REACH_LOOPBACK_ONLY);
  else if (find_interface(f, is_public_v4))
    decide(v, ATR_REACH_SHOULD, should_of(f, ATR_REACH_PUBLIC_ADDRESS));
  else if (f->bound[0])
    decide(v, ATR_REACH_NO, ATR_REACH_OTHER_ADDRESS);
  else if (!find_interface(f, is_any))
    decide(v, ATR_REACH_NO, ATR_REACH_NO_NETWORK);
  else
    judge_mapping(v, f);
}

/* What may keep guests out although the host has typed an address: that the router is not to be told, it knows by then. */
static atr_reach_reason beside_typed(const atr_verdict *v, const atr_facts *f)
{
  switch (v->reason) {
  case ATR_REACH_LOOPBACK_ONLY:
  case ATR_REACH_NO_NETWORK:
  case ATR_REACH_OTHER_ADDRESS:
  case ATR_REACH_DOUBLE_NAT:
  case ATR_REACH_CGNAT:
  case ATR_REACH_NO_ROUTER:
  case ATR_REACH_NO_OUTSIDE:
    return v->reason;
  default:
    return should_of(f, ATR_REACH_TYPED);
  }
}

/* Where another way is there, what was typed stands behind it, and the verdict is that way's. */
static void judge_internet(list *l)
{
  const atr_facts *f = l->facts;
  atr_verdict *v = add(l, ATR_AUDIENCE_INTERNET, "");
  bool is_mapped = f->mapping->state == ATR_PORTMAP_MAPPED && f->mapping->outer_scope == ATR_PORTMAP_SCOPE_PUBLIC;
  bool has_typed = f->around.typed[0] != '\0';

  judge_known(v, f);
  if (has_typed && !is_mapped && !find_interface(f, is_public_v4))
    add_text(v, f->around.typed);
  if (is_mapped)
    add_address(v, f->mapping->outer, f->mapping->outer_port);
  if (f->pinhole->state == ATR_PORTMAP_MAPPED)
    add_address(v, f->pinhole->outer, f->pinhole->outer_port);
  add_public(v, f, is_public_v4);
  if (v->state == ATR_REACH_WORKS || v->reason == ATR_REACH_IPV6)
    add_public(v, f, is_public_v6);
  if (has_typed)
    add_text(v, f->around.typed);
  if (v->state == ATR_REACH_WORKS)
    set_proved_apart(v, f);
  if (has_typed && v->state != ATR_REACH_WORKS && v->state != ATR_REACH_SHOULD) {
    v->beside = beside_typed(v, f);
    decide(v, ATR_REACH_UNKNOWN, ATR_REACH_TYPED);
  }
}

/* --- tunnels ------------------------------------------------------------------------------------------------------- */

static void judge_tunnels(list *l)
{
  for (size_t i = 0; i < l->facts->around.endpoints_count; i++) {
    const atr_endpoint *endpoint = &l->facts->around.endpoints[i];
    atr_verdict *v = add(l, ATR_AUDIENCE_TUNNEL, endpoint->program);
    char text[ATR_ADDRESS_TEXT_BYTES];

    atr_address_text(&endpoint->address, text);
    add_text(v, text);
    if (is_proved(l->facts, ATR_AUDIENCE_TUNNEL, text))
      decide(v, ATR_REACH_WORKS, ATR_REACH_PROVED);
    else
      decide(v, ATR_REACH_SHOULD, ATR_REACH_TUNNEL);
  }
}

size_t atr_verdicts_of(const atr_facts *facts, atr_verdict *out)
{
  list l = {.facts = facts, .verdicts = out};

  judge_machine(&l);
  judge_lan(&l);
  judge_networks(&l, ATR_AUDIENCE_VPN);
  judge_internet(&l);
  judge_tunnels(&l);
  return l.count;
}
