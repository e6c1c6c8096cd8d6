/* SPDX-License-Identifier: MIT
 *
 * One function per audience, in the order in which people read them. Networks of one label are one entry: who has two cables has one LAN. */
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

  *v = (atr_verdict){.audience = audience, .label = label};
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

/* Those of link-local kind only where there is no other: they need the typist's own scope. */
static void add_network_addresses(atr_verdict *v, const atr_facts *f)
{
  for (int link_local = 0; link_local < 2 && v->addresses_count == 0; link_local++)
    for (size_t i = 0; i < f->around.interfaces_count; i++) {
      const atr_interface *one = &f->around.interfaces[i];

      if (audience_of(one) == v->audience && strcmp(label_of(one), v->label) == 0 && is_open(f, one) &&
          one->is_link_local == (link_local == 1))
        add_address(v, one->address, f->port);
    }
}

static bool network_is_proved(const atr_facts *f, const atr_verdict *v)
{
  for (size_t i = 0; i < f->around.interfaces_count; i++) {
    const atr_interface *one = &f->around.interfaces[i];

    if (audience_of(one) == v->audience && strcmp(label_of(one), v->label) == 0 &&
        is_proved(f, v->audience, one->address))
      return true;
  }
  return false;
}

static void judge_network(list *l, atr_audience audience, const char *label)
{
  atr_verdict *v = add(l, audience, label);

  add_network_addresses(v, l->facts);
  if (v->addresses_count == 0)
    decide(v, ATR_REACH_NO, l->facts->is_loopback ? ATR_REACH_LOOPBACK_ONLY : ATR_REACH_OTHER_ADDRESS);
  else if (network_is_proved(l->facts, v))
    decide(v, ATR_REACH_WORKS, ATR_REACH_PROVED);
  else
    decide(v, ATR_REACH_SHOULD, should_of(l->facts, ATR_REACH_LISTENING));
}

/* Each label once. Returns how many. */
static size_t judge_networks(list *l, atr_audience audience)
{
  const atr_facts *f = l->facts;
  size_t before = l->count;

  for (size_t i = 0; i < f->around.interfaces_count; i++) {
    const char *label = label_of(&f->around.interfaces[i]);
    bool is_new = audience_of(&f->around.interfaces[i]) == audience;

    for (size_t k = before; k < l->count && is_new; k++)
      is_new = strcmp(l->verdicts[k].label, label) != 0;
    if (is_new)
      judge_network(l, audience, label);
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
