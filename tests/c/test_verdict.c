/* SPDX-License-Identifier: MIT
 *
 * Who can reach this machine: for each situation that people meet, the verdict and the reason whose next step helps them. Nothing works before
 * somebody has come. */
#include "test.h"

#include "proto/json.h"
#include "reach/typed.h"
#include "reach/verdict.h"

#define MAPPED(scope, address)                                                                                 \
  {                                                                                                            \
    .state = ATR_PORTMAP_MAPPED, .way = ATR_PORTMAP_BY_UPNP, .router = "192.168.0.1", .inner = "192.168.0.48", \
    .outer = address, .inner_port = 12800, .outer_port = 9090, .outer_scope = scope                            \
  }

static const atr_interface home[] = {
    {.address = "192.168.0.48", .name = "wlan0", .prefix_bits = 24},
    {.address = "10.147.17.3", .name = "zt5u4x", .prefix_bits = 24},
    {.address = "172.17.0.1", .name = "docker0", .prefix_bits = 16},
    {.address = "fe80::1%wlan0", .name = "wlan0", .prefix_bits = 64, .is_link_local = true},
};

static const atr_portmap_view off = {.state = ATR_PORTMAP_OFF};
static const atr_portmap_view asking = {.state = ATR_PORTMAP_ASKING};
static const atr_portmap_view none = {.state = ATR_PORTMAP_NONE, .reason = ATR_PORTMAP_SILENT};
static const atr_portmap_view no_router = {.state = ATR_PORTMAP_NONE, .reason = ATR_PORTMAP_NO_ROUTER};
static const atr_portmap_view refused = {
    .state = ATR_PORTMAP_REFUSED, .reason = ATR_PORTMAP_NO_ROOM, .router = "192.168.0.1"};
static const atr_portmap_view no_outside = {.state = ATR_PORTMAP_REFUSED, .reason = ATR_PORTMAP_NO_OUTSIDE};
static const atr_portmap_view mapped = MAPPED(ATR_PORTMAP_SCOPE_PUBLIC, "203.0.113.17");
static const atr_portmap_view mapped_private = MAPPED(ATR_PORTMAP_SCOPE_PRIVATE, "192.168.1.7");
static const atr_portmap_view mapped_shared = MAPPED(ATR_PORTMAP_SCOPE_SHARED, "100.70.1.2");
static const atr_portmap_view mapped_nowhere = MAPPED(ATR_PORTMAP_SCOPE_UNKNOWN, "");
static const atr_portmap_view refused_shared = {
    .state = ATR_PORTMAP_REFUSED, .outer = "100.70.1.2", .outer_scope = ATR_PORTMAP_SCOPE_SHARED};

static atr_facts at_home(const atr_portmap_view *mapping)
{
  return (atr_facts){
      .around = {.interfaces = home, .interfaces_count = sizeof home / sizeof *home, .typed = "", .outer = ""},
      .port = 12800,
      .bound = "",
      .mapping = mapping,
      .pinhole = &off,
  };
}

/* A machine with one network alone. */
static void only_at(atr_facts *facts, const atr_interface *one)
{
  facts->around.interfaces = one;
  facts->around.interfaces_count = 1;
}

static atr_verdict list[ATR_VERDICTS_MAX];

static const atr_verdict *verdict_on(const atr_facts *facts, atr_audience audience)
{
  size_t n = atr_verdicts_of(facts, list);

  for (size_t i = 0; i < n; i++)
    if (list[i].audience == audience)
      return &list[i];
  return NULL;
}

static void expect(const atr_facts *facts, atr_audience audience, atr_reach_state state, atr_reach_reason reason)
{
  const atr_verdict *v = verdict_on(facts, audience);

  assert_non_null(v);
  if (v->state != state || v->reason != reason)
    fail_msg("%s is %s, %s", atr_audience_name(audience), atr_reach_state_name(v->state),
             atr_reach_reason_name(v->reason));
}

static void what_the_router_says_of_the_internet(void **state)
{
  static const struct {
    const atr_portmap_view *mapping;
    atr_reach_state state;
    atr_reach_reason reason;
  } cases[] = {
      {&off, ATR_REACH_NO, ATR_REACH_MAPPING_OFF},
      {&asking, ATR_REACH_CHECKING, ATR_REACH_ASKING_ROUTER},
      {&none, ATR_REACH_NO, ATR_REACH_NO_MAPPING},
      {&no_router, ATR_REACH_NO, ATR_REACH_NO_ROUTER},
      {&refused, ATR_REACH_NO, ATR_REACH_MAPPING_REFUSED},
      {&no_outside, ATR_REACH_NO, ATR_REACH_NO_OUTSIDE},
      {&mapped, ATR_REACH_SHOULD, ATR_REACH_MAPPED},
      {&mapped_private, ATR_REACH_NO, ATR_REACH_DOUBLE_NAT},
      {&mapped_shared, ATR_REACH_NO, ATR_REACH_CGNAT},
      {&refused_shared, ATR_REACH_NO, ATR_REACH_CGNAT}, /* a mapping would not have helped */
      {&mapped_nowhere, ATR_REACH_UNKNOWN, ATR_REACH_MAPPED_NOWHERE},
  };

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    atr_facts facts = at_home(cases[i].mapping);

    expect(&facts, ATR_AUDIENCE_INTERNET, cases[i].state, cases[i].reason);
  }
}

/* What IPv4 cannot do, IPv6 may: behind a CGNAT mostly. */
static void a_hole_for_ipv6_lets_guests_in(void **state)
{
  static const atr_portmap_view hole = {.state = ATR_PORTMAP_MAPPED,
                                        .way = ATR_PORTMAP_BY_PCP,
                                        .router = "fe80::1",
                                        .outer = "2001:db8::10",
                                        .outer_port = 12800,
                                        .outer_scope = ATR_PORTMAP_SCOPE_PUBLIC};
  static const struct {
    const atr_portmap_view *mapping, *pinhole;
    atr_reach_state state;
    atr_reach_reason reason;
  } cases[] = {
      {&none, &hole, ATR_REACH_SHOULD, ATR_REACH_IPV6_OPENED},
      {&mapped_shared, &hole, ATR_REACH_SHOULD, ATR_REACH_IPV6_OPENED},
      {&refused_shared, &hole, ATR_REACH_SHOULD, ATR_REACH_IPV6_OPENED},
      {&mapped_nowhere, &hole, ATR_REACH_SHOULD, ATR_REACH_IPV6_OPENED},
      {&mapped, &hole, ATR_REACH_SHOULD, ATR_REACH_MAPPED}, /* for everybody, then */
      {&asking, &hole, ATR_REACH_CHECKING, ATR_REACH_ASKING_ROUTER},
      {&none, &asking, ATR_REACH_CHECKING, ATR_REACH_ASKING_ROUTER},
      {&mapped, &asking, ATR_REACH_SHOULD, ATR_REACH_MAPPED},
      {&none, &none, ATR_REACH_NO, ATR_REACH_NO_MAPPING},
  };

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    atr_facts facts = at_home(cases[i].mapping);
    const atr_verdict *v;
    bool is_listed = false;

    facts.pinhole = cases[i].pinhole;
    expect(&facts, ATR_AUDIENCE_INTERNET, cases[i].state, cases[i].reason);
    v = verdict_on(&facts, ATR_AUDIENCE_INTERNET);
    for (size_t k = 0; k < v->addresses_count; k++)
      is_listed = is_listed || strcmp(v->addresses[k], "[2001:db8::10]:12800") == 0;
    assert_int_equal(is_listed, cases[i].pinhole == &hole);
  }
}

static void the_public_port_may_differ(void **state)
{
  atr_facts facts = at_home(&mapped);
  const atr_verdict *v = verdict_on(&facts, ATR_AUDIENCE_INTERNET);

  (void)state;
  assert_int_equal(v->addresses_count, 1);
  assert_string_equal(v->addresses[0], "203.0.113.17:9090");
}

static void networks_are_told_apart_and_bridges_are_none(void **state)
{
  atr_facts facts = at_home(&off);
  size_t n = atr_verdicts_of(&facts, list);

  (void)state;
  assert_int_equal(n, 4);
  assert_string_equal(list[0].addresses[0], "localhost:12800");
  assert_string_equal(list[1].label, "Wi-Fi");
  assert_int_equal(list[1].addresses_count, 1); /* the link-local one is for nobody who types */
  assert_string_equal(list[1].addresses[0], "192.168.0.48:12800");
  assert_string_equal(list[2].label, "ZeroTier");
  assert_string_equal(list[2].addresses[0], "10.147.17.3:12800");
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < list[i].addresses_count; k++)
      assert_null(strstr(list[i].addresses[k], "172.17"));
}

/* What has the same label is told apart by its interface, and one cable's proof says nothing of the other. */
static void two_cables_are_two_networks(void **state)
{
  static const atr_interface two[] = {
      {.address = "192.168.0.48", .name = "eth0", .prefix_bits = 24},
      {.address = "192.168.1.48", .name = "eth1", .prefix_bits = 24},
      {.address = "2001:db8::5", .name = "eth0", .prefix_bits = 64},
      {.address = "10.8.0.3", .name = "tun0", .prefix_bits = 24},
      {.address = "10.9.0.3", .name = "tun1", .prefix_bits = 24},
      {.address = "10.147.17.3", .name = "zt5u4x", .prefix_bits = 24},
  };
  static const atr_proof proofs[] = {{ATR_AUDIENCE_LAN, "192.168.1.48", ""}, {ATR_AUDIENCE_VPN, "10.8.0.3", ""}};
  atr_facts facts = at_home(&mapped);

  (void)state;
  facts.around.interfaces = two;
  facts.around.interfaces_count = 6;
  facts.proofs = proofs;
  facts.proofs_count = 2;
  assert_int_equal(atr_verdicts_of(&facts, list), 7);
  assert_string_equal(list[1].label, "LAN, eth0");
  assert_int_equal(list[1].addresses_count, 2);
  assert_string_equal(list[1].addresses[1], "[2001:db8::5]:12800");
  assert_int_equal(list[1].state, ATR_REACH_SHOULD);
  assert_string_equal(list[2].label, "LAN, eth1");
  assert_int_equal(list[2].state, ATR_REACH_WORKS);
  assert_string_equal(list[3].label, "OpenVPN, tun0");
  assert_int_equal(list[3].state, ATR_REACH_WORKS);
  assert_string_equal(list[4].label, "OpenVPN, tun1");
  assert_int_equal(list[4].state, ATR_REACH_SHOULD);
  assert_string_equal(list[5].label, "ZeroTier");
}

/* Somebody has come in by one of several addresses: the others stand apart, whatever their order was. */
static void a_proof_is_of_its_address_alone(void **state)
{
  static const atr_interface both[] = {
      {.address = "192.168.0.48", .name = "eth0", .prefix_bits = 24},
      {.address = "2001:db8:1:2::5", .name = "eth0", .prefix_bits = 64},
  };
  static const struct {
    atr_proof proof;
    const char *addresses[3];
    size_t proved;
  } cases[] = {
      {{ATR_AUDIENCE_INTERNET, "2001:db8:1:2::5", ""},
       {"[2001:db8:1:2::5]:12800", "203.0.113.17:9090", "203.0.113.99:4000"},
       1},
      {{ATR_AUDIENCE_INTERNET, "192.168.0.48", "203.0.113.99:4000"},
       {"203.0.113.99:4000", "203.0.113.17:9090", "[2001:db8:1:2::5]:12800"},
       1},
      {{ATR_AUDIENCE_INTERNET, "192.168.0.48", "203.0.113.17:9090"},
       {"203.0.113.17:9090", "[2001:db8:1:2::5]:12800", "203.0.113.99:4000"},
       1},
      /* Through the router, by a name that only the guest knows: by one of these two. */
      {{ATR_AUDIENCE_INTERNET, "192.168.0.48", ""},
       {"203.0.113.17:9090", "203.0.113.99:4000", "[2001:db8:1:2::5]:12800"},
       2},
  };

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    atr_facts facts = at_home(&mapped);
    const atr_verdict *v;

    facts.around.interfaces = both;
    facts.around.interfaces_count = 2;
    facts.around.typed = "203.0.113.99:4000";
    facts.proofs = &cases[i].proof;
    facts.proofs_count = 1;
    expect(&facts, ATR_AUDIENCE_INTERNET, ATR_REACH_WORKS, ATR_REACH_PROVED);
    v = verdict_on(&facts, ATR_AUDIENCE_INTERNET);
    assert_int_equal(v->addresses_count, cases[i].proved);
    assert_int_equal(v->others_count, 3 - cases[i].proved);
    for (size_t k = 0; k < 3; k++)
      assert_string_equal(v->addresses[k], cases[i].addresses[k]);
  }
}

static void link_local_alone_is_better_than_nothing(void **state)
{
  atr_facts facts = at_home(&off);

  (void)state;
  only_at(&facts, &home[3]);
  assert_string_equal(verdict_on(&facts, ATR_AUDIENCE_LAN)->addresses[0], "[fe80::1%wlan0]:12800");
}

static void nothing_works_before_somebody_has_come(void **state)
{
  atr_facts facts = at_home(&mapped);
  size_t n = atr_verdicts_of(&facts, list);

  (void)state;
  for (size_t i = 0; i < n; i++)
    assert_int_not_equal(list[i].state, ATR_REACH_WORKS);
}

static void each_proof_is_of_its_audience_alone(void **state)
{
  static const atr_proof proofs[] = {
      {ATR_AUDIENCE_MACHINE, "", ""},
      {ATR_AUDIENCE_LAN, "192.168.0.48", ""},
      {ATR_AUDIENCE_VPN, "10.147.17.3", ""},
      {ATR_AUDIENCE_INTERNET, "192.168.0.48", ""},
  };

  (void)state;
  for (size_t i = 0; i < 4; i++) {
    atr_facts facts = at_home(&mapped);
    size_t n;

    facts.proofs = &proofs[i];
    facts.proofs_count = 1;
    n = atr_verdicts_of(&facts, list);
    for (size_t k = 0; k < n; k++)
      assert_int_equal(list[k].state == ATR_REACH_WORKS, list[k].audience == proofs[i].audience);
  }
}

/* Two VPNs: who came by one says nothing of the other. */
static void a_proof_is_of_one_vpn(void **state)
{
  static const atr_interface vpns[] = {
      {.address = "10.147.17.3", .name = "zt5u4x", .prefix_bits = 24},
      {.address = "10.66.66.2", .name = "wg0", .prefix_bits = 24},
  };
  static const atr_proof proof = {ATR_AUDIENCE_VPN, "10.66.66.2", ""};
  atr_facts facts = at_home(&off);
  size_t n;

  (void)state;
  facts.around.interfaces = vpns;
  facts.around.interfaces_count = 2;
  facts.proofs = &proof;
  facts.proofs_count = 1;
  n = atr_verdicts_of(&facts, list);
  for (size_t i = 0; i < n; i++)
    assert_int_equal(list[i].state == ATR_REACH_WORKS, strcmp(list[i].label, "WireGuard") == 0);
  expect(&facts, ATR_AUDIENCE_LAN, ATR_REACH_NO, ATR_REACH_NO_NETWORK);
}

static void a_firewall_is_named_where_it_matters(void **state)
{
  atr_facts facts = at_home(&mapped);

  (void)state;
  facts.firewall = ATR_FIREWALL_UFW;
  expect(&facts, ATR_AUDIENCE_MACHINE, ATR_REACH_SHOULD, ATR_REACH_LISTENING);
  expect(&facts, ATR_AUDIENCE_LAN, ATR_REACH_SHOULD, ATR_REACH_FIREWALL);
  expect(&facts, ATR_AUDIENCE_VPN, ATR_REACH_SHOULD, ATR_REACH_FIREWALL);
  expect(&facts, ATR_AUDIENCE_INTERNET, ATR_REACH_SHOULD, ATR_REACH_FIREWALL);
  facts.mapping = &mapped_shared; /* here no rule of the firewall would help */
  expect(&facts, ATR_AUDIENCE_INTERNET, ATR_REACH_NO, ATR_REACH_CGNAT);
  facts.firewall = ATR_FIREWALL_WINDOWS;
  facts.mapping = &mapped;
  expect(&facts, ATR_AUDIENCE_LAN, ATR_REACH_SHOULD, ATR_REACH_FIREWALL_WINDOWS);
  expect(&facts, ATR_AUDIENCE_INTERNET, ATR_REACH_SHOULD, ATR_REACH_MAPPED);
  facts.firewall = ATR_FIREWALL_MACOS;
  expect(&facts, ATR_AUDIENCE_LAN, ATR_REACH_SHOULD, ATR_REACH_FIREWALL_MACOS);
}

static void this_machine_only(void **state)
{
  atr_facts facts = at_home(&off);

  (void)state;
  facts.bound = "127.0.0.1";
  facts.is_loopback = true;
  expect(&facts, ATR_AUDIENCE_MACHINE, ATR_REACH_SHOULD, ATR_REACH_LISTENING);
  expect(&facts, ATR_AUDIENCE_LAN, ATR_REACH_NO, ATR_REACH_LOOPBACK_ONLY);
  expect(&facts, ATR_AUDIENCE_VPN, ATR_REACH_NO, ATR_REACH_LOOPBACK_ONLY);
  expect(&facts, ATR_AUDIENCE_INTERNET, ATR_REACH_NO, ATR_REACH_LOOPBACK_ONLY);
}

static void one_address_only(void **state)
{
  atr_facts facts = at_home(&off);

  (void)state;
  facts.bound = "10.147.17.3";
  expect(&facts, ATR_AUDIENCE_LAN, ATR_REACH_NO, ATR_REACH_OTHER_ADDRESS);
  expect(&facts, ATR_AUDIENCE_VPN, ATR_REACH_SHOULD, ATR_REACH_LISTENING);
  expect(&facts, ATR_AUDIENCE_INTERNET, ATR_REACH_NO, ATR_REACH_OTHER_ADDRESS);
  assert_string_equal(verdict_on(&facts, ATR_AUDIENCE_MACHINE)->addresses[0], "10.147.17.3:12800");
}

static void a_machine_without_a_network(void **state)
{
  atr_facts facts = at_home(&no_router);

  (void)state;
  facts.around.interfaces_count = 0;
  expect(&facts, ATR_AUDIENCE_LAN, ATR_REACH_NO, ATR_REACH_NO_NETWORK);
  expect(&facts, ATR_AUDIENCE_INTERNET, ATR_REACH_NO, ATR_REACH_NO_NETWORK);
}

static void a_machine_of_the_internet_itself(void **state)
{
  static const atr_interface rented = {.address = "203.0.113.80", .name = "eth0", .prefix_bits = 24};
  atr_facts facts = at_home(&none);

  (void)state;
  only_at(&facts, &rented);
  expect(&facts, ATR_AUDIENCE_INTERNET, ATR_REACH_SHOULD, ATR_REACH_PUBLIC_ADDRESS);
  assert_string_equal(verdict_on(&facts, ATR_AUDIENCE_INTERNET)->addresses[0], "203.0.113.80:12800");
}

static void a_mobile_network_shares_its_address(void **state)
{
  static const atr_interface mobile = {.address = "100.70.8.9", .name = "wwan0", .prefix_bits = 30};
  atr_facts facts = at_home(&no_router);

  (void)state;
  only_at(&facts, &mobile);
  expect(&facts, ATR_AUDIENCE_INTERNET, ATR_REACH_NO, ATR_REACH_CGNAT);
  assert_string_equal(verdict_on(&facts, ATR_AUDIENCE_INTERNET)->outside, "100.70.8.9");
}

/* DS-Lite and 464XLAT give the machine 192.0.0.x, proxies with made-up addresses 198.18.x: neither is the internet's. */
static void what_only_looks_public_is_not(void **state)
{
  static const atr_interface translated = {.address = "192.0.0.4", .name = "clat4", .prefix_bits = 32};
  static const atr_interface made_up = {.address = "198.18.0.1", .name = "eth1", .prefix_bits = 16};
  atr_facts facts = at_home(&none);

  (void)state;
  only_at(&facts, &translated);
  expect(&facts, ATR_AUDIENCE_INTERNET, ATR_REACH_NO, ATR_REACH_CGNAT);
  only_at(&facts, &made_up);
  expect(&facts, ATR_AUDIENCE_INTERNET, ATR_REACH_NO, ATR_REACH_NO_MAPPING);
}

static void ipv6_may_reach_where_ipv4_does_not(void **state)
{
  static const atr_interface both[] = {
      {.address = "192.168.0.48", .name = "eth0", .prefix_bits = 24},
      {.address = "2001:db8::5", .name = "eth0", .prefix_bits = 64},
  };
  atr_facts facts = at_home(&none);

  (void)state;
  facts.around.interfaces = both;
  facts.around.interfaces_count = 2;
  expect(&facts, ATR_AUDIENCE_INTERNET, ATR_REACH_UNKNOWN, ATR_REACH_IPV6);
  assert_string_equal(verdict_on(&facts, ATR_AUDIENCE_INTERNET)->addresses[0], "[2001:db8::5]:12800");
}

/* Only its user knows whether it leads here; what speaks against it stays in sight. */
static void what_was_typed_is_not_known_to_work(void **state)
{
  static const struct {
    const atr_portmap_view *mapping;
    atr_reach_reason beside;
  } cases[] = {
      {&off, ATR_REACH_TYPED},
      {&asking, ATR_REACH_TYPED},
      {&none, ATR_REACH_TYPED},
      {&refused, ATR_REACH_TYPED},
      {&mapped_nowhere, ATR_REACH_TYPED},
      {&no_router, ATR_REACH_NO_ROUTER},
      {&no_outside, ATR_REACH_NO_OUTSIDE},
      {&mapped_private, ATR_REACH_DOUBLE_NAT},
      {&mapped_shared, ATR_REACH_CGNAT},
  };

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    atr_facts facts = at_home(cases[i].mapping);
    const atr_verdict *v;

    facts.around.typed = "203.0.113.99:4000";
    expect(&facts, ATR_AUDIENCE_INTERNET, ATR_REACH_UNKNOWN, ATR_REACH_TYPED);
    v = verdict_on(&facts, ATR_AUDIENCE_INTERNET);
    assert_string_equal(v->addresses[0], "203.0.113.99:4000");
    assert_string_equal(atr_reach_reason_name(v->beside), atr_reach_reason_name(cases[i].beside));
  }
}

static void a_firewall_is_named_beside_what_was_typed(void **state)
{
  atr_facts facts = at_home(&none);

  (void)state;
  facts.around.typed = "203.0.113.99:4000";
  facts.firewall = ATR_FIREWALL_UFW;
  expect(&facts, ATR_AUDIENCE_INTERNET, ATR_REACH_UNKNOWN, ATR_REACH_TYPED);
  assert_int_equal(verdict_on(&facts, ATR_AUDIENCE_INTERNET)->beside, ATR_REACH_FIREWALL);
  facts.bound = "127.0.0.1"; /* where ssh -R leads to */
  facts.is_loopback = true;
  expect(&facts, ATR_AUDIENCE_INTERNET, ATR_REACH_UNKNOWN, ATR_REACH_TYPED);
  assert_int_equal(verdict_on(&facts, ATR_AUDIENCE_INTERNET)->beside, ATR_REACH_LOOPBACK_ONLY);
}

/* An old address in the field makes nothing worse. */
static void another_way_counts_for_more_than_what_was_typed(void **state)
{
  atr_facts facts = at_home(&mapped);
  const atr_verdict *v;

  (void)state;
  facts.around.typed = "203.0.113.99:4000";
  expect(&facts, ATR_AUDIENCE_INTERNET, ATR_REACH_SHOULD, ATR_REACH_MAPPED);
  v = verdict_on(&facts, ATR_AUDIENCE_INTERNET);
  assert_int_equal(v->addresses_count, 2);
  assert_string_equal(v->addresses[0], "203.0.113.17:9090");
  assert_string_equal(v->addresses[1], "203.0.113.99:4000");
}

static void what_was_typed_works_when_somebody_has_come(void **state)
{
  static const atr_proof proof = {ATR_AUDIENCE_INTERNET, "203.0.113.99:4000", ""};
  atr_facts facts = at_home(&none);

  (void)state;
  facts.around.typed = "203.0.113.99:4000";
  facts.proofs = &proof;
  facts.proofs_count = 1;
  expect(&facts, ATR_AUDIENCE_INTERNET, ATR_REACH_WORKS, ATR_REACH_PROVED);
  assert_string_equal(verdict_on(&facts, ATR_AUDIENCE_INTERNET)->addresses[0], "203.0.113.99:4000");
}

static void what_cannot_be_public_is_refused(void **state)
{
  static const struct {
    const char *typed, *why;
  } cases[] = {
      {"127.0.0.1", "this machine itself"},
      {"localhost:9090", "this machine itself"},
      {"[::1]:9090", "this machine itself"},
      {"192.168.0.48", "private network"},
      {"10.0.0.5:9090", "an outer router of yours, type its name"},
      {"tcp://10.1.2.3:9090", "private network"},
      {"https://172.16.0.1", "private network"},
      {"169.254.1.1", "private network"},
      {"198.18.0.1", "private network"},
      {"fe80::1%eth0", "private network"},
      {"[fd00::5]:12800", "private network"},
      {"100.64.3.4", "CGNAT"},
      {"192.0.0.4:80", "CGNAT"},
      {"no address", "character"},
  };
  char why[256];
  atr_address out;

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(atr_typed_read(cases[i].typed, 12800, &out, why, sizeof why), ATR_ADDR_SYNTAX);
    if (!strstr(why, cases[i].why))
      fail_msg("%s: %s", cases[i].typed, why);
  }
}

static void what_may_be_public_is_taken(void **state)
{
  static const char *const good[] = {
      "203.0.113.17",          "203.0.113.17:9090",  "2001:db8::5",   "tcp://bore.example.org:35735",
      "https://a.example.org", "studio.example.org", "relay.lan:9090"};
  char why[256];
  atr_address out;

  (void)state;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    assert_ok(atr_typed_read(good[i], 12800, &out, why, sizeof why));
}

static void tunnels_stand_beside_the_internet(void **state)
{
  static const atr_proof proof = {ATR_AUDIENCE_TUNNEL, "wss://a.example.org:443/atrium", ""};
  atr_endpoint endpoints[2] = {{.program = "ngrok"}, {.program = "cloudflared"}};
  atr_facts facts = at_home(&mapped_shared);
  char why[64];
  size_t n;

  (void)state;
  assert_ok(atr_address_parse("tcp://0.tcp.example.org:12489", 29, 443, &endpoints[0].address, why, sizeof why));
  assert_ok(atr_address_parse("https://a.example.org", 21, 443, &endpoints[1].address, why, sizeof why));
  facts.around.endpoints = endpoints;
  facts.around.endpoints_count = 2;
  facts.proofs = &proof;
  facts.proofs_count = 1;
  n = atr_verdicts_of(&facts, list);
  assert_int_equal(n, 6);
  assert_string_equal(list[4].label, "ngrok");
  assert_string_equal(list[4].addresses[0], "0.tcp.example.org:12489");
  assert_int_equal(list[4].state, ATR_REACH_SHOULD);
  assert_string_equal(list[5].addresses[0], "wss://a.example.org:443/atrium");
  assert_int_equal(list[5].state, ATR_REACH_WORKS);
  assert_int_equal(list[3].reason, ATR_REACH_CGNAT);
}

/* ATR_VERDICTS_MAX: what finds no place is left out, and the rest is told. */
static void a_machine_with_a_hundred_networks(void **state)
{
  static atr_endpoint many[100];
  atr_facts facts = at_home(&mapped);

  (void)state;
  for (size_t i = 0; i < 100; i++) {
    many[i].program = "ngrok";
    snprintf(many[i].address.host, sizeof many[i].address.host, "t%u.example.org", (unsigned)i);
  }
  facts.around.endpoints = many;
  facts.around.endpoints_count = 100;
  assert_int_equal(atr_verdicts_of(&facts, list), ATR_VERDICTS_MAX);
}

/* --- as JSON --------------------------------------------------------------------------------------------------------- */

static cJSON *json_of(const atr_facts *facts)
{
  size_t n = atr_verdicts_of(facts, list);
  cJSON *tree;
  atr_buf buf;
  atr_jw w;

  atr_buf_init(&buf, ATR_KIB(256));
  w = atr_jw_begin(&buf);
  atr_verdicts_write(&w, facts, list, n);
  assert_ok(atr_jw_finish(&w));
  assert_ok(atr_json_parse_object((const char *)buf.data, buf.len, &tree));
  atr_buf_free(&buf);
  return tree;
}

static const char *text_in(const cJSON *object, const char *key)
{
  const char *text = NULL;

  assert_ok(atr_json_get_str(object, key, &text));
  return text;
}

static const cJSON *entry(const cJSON *tree, const char *audience)
{
  for (const cJSON *one = atr_json_get(tree, "audiences")->child; one; one = one->next)
    if (strcmp(text_in(one, "audience"), audience) == 0)
      return one;
  return NULL;
}

static void where_the_server_listens_is_said_at_the_machine(void **state)
{
  atr_facts facts = at_home(&mapped);
  cJSON *tree = json_of(&facts);

  (void)state;
  assert_string_equal(text_in(atr_json_get(entry(tree, "machine"), "with"), "bound"), "*");
  cJSON_Delete(tree);
  facts.bound = "192.168.0.48";
  tree = json_of(&facts);
  assert_string_equal(text_in(atr_json_get(entry(tree, "machine"), "with"), "bound"), "192.168.0.48");
  cJSON_Delete(tree);
}

static void what_nobody_has_come_by_is_listed_apart(void **state)
{
  static const atr_proof proof = {ATR_AUDIENCE_INTERNET, "192.168.0.48", "203.0.113.99:4000"};
  atr_facts facts = at_home(&mapped);
  const cJSON *internet;
  cJSON *tree;

  (void)state;
  facts.around.typed = "203.0.113.99:4000";
  tree = json_of(&facts);
  assert_null(atr_json_get(entry(tree, "internet"), "others"));
  cJSON_Delete(tree);
  facts.proofs = &proof;
  facts.proofs_count = 1;
  tree = json_of(&facts);
  internet = entry(tree, "internet");
  assert_int_equal(cJSON_GetArraySize(atr_json_get(internet, "addresses")), 1);
  assert_string_equal(atr_json_get(internet, "addresses")->child->valuestring, "203.0.113.99:4000");
  assert_int_equal(cJSON_GetArraySize(atr_json_get(internet, "others")), 1);
  assert_string_equal(atr_json_get(internet, "others")->child->valuestring, "203.0.113.17:9090");
  cJSON_Delete(tree);
}

/* Tunnels put what lets their users in behind a question mark; and reports are sent to others. */
static void what_may_be_a_secret_in_an_address_is_not_written(void **state)
{
  static const atr_proof proof = {ATR_AUDIENCE_INTERNET, "192.168.0.48",
                                  "wss://relay.example.org:443/atrium?key=hunter2"};
  static const char url[] = "wss://a.example.org/atrium?token=hunter3";
  atr_endpoint endpoint = {.program = "ngrok"};
  atr_facts facts = at_home(&mapped);
  const char *first;
  char why[64], *text;
  cJSON *tree;

  (void)state;
  assert_ok(atr_address_parse(url, strlen(url), 443, &endpoint.address, why, sizeof why));
  facts.around.endpoints = &endpoint;
  facts.around.endpoints_count = 1;
  facts.around.typed = "wss://relay.example.org:443/atrium?key=hunter2";
  for (size_t proofs = 0; proofs < 2; proofs++) {
    facts.proofs = &proof;
    facts.proofs_count = proofs;
    tree = json_of(&facts);
    text = cJSON_PrintUnformatted(tree);
    assert_null(strstr(text, "hunter"));
    assert_non_null(strstr(text, "wss://relay.example.org:443/atrium?***")); /* it is there, and told from others */
    assert_non_null(strstr(text, "wss://a.example.org:443/atrium?***"));
    first = atr_json_get(entry(tree, "internet"), "addresses")->child->valuestring;
    assert_int_equal(strncmp(first, "wss://relay", 11) == 0, proofs == 1); /* by which somebody has come */
    cJSON_free(text);
    cJSON_Delete(tree);
  }
}

static void the_rule_to_enter_by_hand(void **state)
{
  atr_facts facts = at_home(&refused);
  cJSON *tree = json_of(&facts);
  const cJSON *with = atr_json_get(entry(tree, "internet"), "with");

  (void)state;
  assert_string_equal(text_in(with, "address"), "192.168.0.48"); /* of the LAN, not of the VPN or a bridge */
  assert_int_equal(atr_json_get(with, "port")->valueint, 12800);
  assert_int_equal(atr_json_get(with, "public_port")->valueint, 12800);
  assert_string_equal(text_in(with, "why"), "no_room");
  cJSON_Delete(tree);
  facts.mapping = &mapped;
  tree = json_of(&facts);
  with = atr_json_get(entry(tree, "internet"), "with");
  assert_int_equal(atr_json_get(with, "public_port")->valueint, 9090);
  assert_string_equal(text_in(with, "protocol"), "UPnP");
  cJSON_Delete(tree);
}

static const cJSON *rule_for(const atr_portmap_view *mapping, const char *typed, cJSON **tree)
{
  atr_facts facts = at_home(mapping);

  facts.around.typed = typed;
  *tree = json_of(&facts);
  return atr_json_get(entry(*tree, "internet"), "with");
}

/* "9090 outside, 12800 inside": outside is what the host tells its guests. */
static void the_rule_has_the_port_that_was_typed(void **state)
{
  cJSON *tree;
  const cJSON *with = rule_for(&none, "203.0.113.17:9090", &tree);

  (void)state;
  assert_string_equal(text_in(with, "address"), "192.168.0.48");
  assert_int_equal(atr_json_get(with, "port")->valueint, 12800);
  assert_int_equal(atr_json_get(with, "public_port")->valueint, 9090);
  assert_null(atr_json_get(entry(tree, "internet"), "beside"));
  cJSON_Delete(tree);
  with = rule_for(&none, "[2001:db8::5]:9090", &tree);
  assert_int_equal(atr_json_get(with, "public_port")->valueint, 9090);
  cJSON_Delete(tree);
}

static void no_rule_is_shown_where_none_helps(void **state)
{
  cJSON *tree;

  (void)state;
  assert_null(atr_json_get(rule_for(&mapped_shared, "", &tree), "public_port"));
  cJSON_Delete(tree);
  assert_null(atr_json_get(rule_for(&no_outside, "203.0.113.17:9090", &tree), "public_port"));
  assert_string_equal(text_in(entry(tree, "internet"), "beside"), "no_outside");
  cJSON_Delete(tree);
  assert_null(atr_json_get(rule_for(&none, "wss://a.example.org:443/atrium", &tree), "public_port"));
  cJSON_Delete(tree);
  assert_non_null(atr_json_get(rule_for(&mapped_private, "", &tree), "public_port")); /* in both routers */
  cJSON_Delete(tree);
}

static void the_commands_for_the_firewall(void **state)
{
  atr_facts facts = at_home(&off);
  const cJSON *with;
  cJSON *tree;

  (void)state;
  facts.firewall = ATR_FIREWALL_UFW;
  facts.port = 9090;
  tree = json_of(&facts);
  with = atr_json_get(entry(tree, "lan"), "with");
  assert_string_equal(text_in(with, "tool"), "ufw");
  assert_string_equal(text_in(with, "tcp"), "sudo ufw allow 9090/tcp");
  assert_string_equal(text_in(with, "udp"), "sudo ufw allow 12800/udp");
  assert_string_equal(text_in(entry(tree, "lan"), "state"), "should");
  cJSON_Delete(tree);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_the_router_says_of_the_internet),
      cmocka_unit_test(a_hole_for_ipv6_lets_guests_in),
      cmocka_unit_test(the_public_port_may_differ),
      cmocka_unit_test(networks_are_told_apart_and_bridges_are_none),
      cmocka_unit_test(two_cables_are_two_networks),
      cmocka_unit_test(a_proof_is_of_its_address_alone),
      cmocka_unit_test(link_local_alone_is_better_than_nothing),
      cmocka_unit_test(nothing_works_before_somebody_has_come),
      cmocka_unit_test(each_proof_is_of_its_audience_alone),
      cmocka_unit_test(a_proof_is_of_one_vpn),
      cmocka_unit_test(a_firewall_is_named_where_it_matters),
      cmocka_unit_test(this_machine_only),
      cmocka_unit_test(one_address_only),
      cmocka_unit_test(a_machine_without_a_network),
      cmocka_unit_test(a_machine_of_the_internet_itself),
      cmocka_unit_test(a_mobile_network_shares_its_address),
      cmocka_unit_test(ipv6_may_reach_where_ipv4_does_not),
      cmocka_unit_test(what_only_looks_public_is_not),
      cmocka_unit_test(what_was_typed_is_not_known_to_work),
      cmocka_unit_test(a_firewall_is_named_beside_what_was_typed),
      cmocka_unit_test(another_way_counts_for_more_than_what_was_typed),
      cmocka_unit_test(what_was_typed_works_when_somebody_has_come),
      cmocka_unit_test(what_cannot_be_public_is_refused),
      cmocka_unit_test(what_may_be_public_is_taken),
      cmocka_unit_test(tunnels_stand_beside_the_internet),
      cmocka_unit_test(a_machine_with_a_hundred_networks),
      cmocka_unit_test(what_nobody_has_come_by_is_listed_apart),
      cmocka_unit_test(what_may_be_a_secret_in_an_address_is_not_written),
      cmocka_unit_test(the_rule_to_enter_by_hand),
      cmocka_unit_test(where_the_server_listens_is_said_at_the_machine),
      cmocka_unit_test(the_rule_has_the_port_that_was_typed),
      cmocka_unit_test(no_rule_is_shown_where_none_helps),
      cmocka_unit_test(the_commands_for_the_firewall),
  };

  return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
