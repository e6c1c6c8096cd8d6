/* SPDX-License-Identifier: MIT
 *
 * What a connection that came in proves, and above all what it does not. */
#include "test.h"

#include "reach/origin.h"

static const atr_interface home[] = {
    {.address = "192.168.0.48", .name = "eth0", .prefix_bits = 24},
    {.address = "2001:db8:1:2::48", .name = "eth0", .prefix_bits = 64},
    {.address = "25.1.2.3", .name = "ham0", .prefix_bits = 8},
    {.address = "10.9.0.6", .name = "tun0", .prefix_bits = 16},
    {.address = "10.66.0.1", .name = "wg0", .prefix_bits = 32}, /* between two points: no network to compare with */
    {.address = "172.17.0.1", .name = "docker0", .prefix_bits = 16},
};

static atr_endpoint tunnel = {.program = "ngrok"};

static atr_surroundings around(void)
{
  char why[64];

  assert_ok(atr_address_parse("tcp://0.tcp.example.org:12489", 29, 443, &tunnel.address, why, sizeof why));
  return (atr_surroundings){.interfaces = home,
                            .interfaces_count = sizeof home / sizeof *home,
                            .endpoints = &tunnel,
                            .endpoints_count = 1,
                            .typed = "relay.example.org:2200",
                            .outer = "203.0.113.17"};
}

static void where_a_connection_comes_from(void **state)
{
  static const struct {
    const char *local, *peer, *via;
    atr_audience audience;
    const char *at;
  } cases[] = {
      {"127.0.0.1:12800", "127.0.0.1:4711", "", ATR_AUDIENCE_MACHINE, ""},
      {"[::1]:12800", "[::1]:4711", "", ATR_AUDIENCE_MACHINE, ""},
      {"192.168.0.48:12800", "192.168.0.48:4711", "", ATR_AUDIENCE_MACHINE, ""},
      {"127.0.0.1:12800", "127.0.0.1:4711", "0.tcp.example.org:12489", ATR_AUDIENCE_TUNNEL, "0.tcp.example.org:12489"},
      {"127.0.0.1:12800", "127.0.0.1:4711", "relay.example.org:2200", ATR_AUDIENCE_INTERNET, "relay.example.org:2200"},
      {"127.0.0.1:12800", "127.0.0.1:4711", "elsewhere.example.org:1", ATR_AUDIENCE_MACHINE, ""},
      {"192.168.0.48:12800", "192.168.0.77:4711", "", ATR_AUDIENCE_LAN, "192.168.0.48"},
      /* A peer cannot talk its way into another audience. */
      {"192.168.0.48:12800", "192.168.0.77:4711", "0.tcp.example.org:12489", ATR_AUDIENCE_LAN, "192.168.0.48"},
      {"[2001:db8:1:2::48]:12800", "[2001:db8:1:2::77]:4711", "", ATR_AUDIENCE_LAN, "2001:db8:1:2::48"},
      {"[2001:db8:1:2::48]:12800", "[2001:db8:1:3::77]:4711", "", ATR_AUDIENCE_NOBODY,
       ""}, /* the next room, or customer */
      {"[2001:db8:1:2::48]:12800", "[2001:db8:9::1]:4711", "", ATR_AUDIENCE_INTERNET, "2001:db8:1:2::48"},
      {"25.1.2.3:12800", "25.9.9.9:4711", "", ATR_AUDIENCE_VPN, "25.1.2.3"},
      {"10.66.0.1:12800", "10.66.0.5:4711", "10.66.0.1:12800", ATR_AUDIENCE_VPN, "10.66.0.1"},
      {"10.9.0.6:12800", "10.9.3.3:4711", "elsewhere.example.org:1", ATR_AUDIENCE_VPN, "10.9.0.6"},
      /* Passed on by a VPN that forwards a public port: nobody could come by the VPN's own address. */
      {"10.9.0.6:12800", "198.51.100.4:4711", "relay.example.org:2200", ATR_AUDIENCE_INTERNET, "10.9.0.6"},
      {"10.66.0.1:12800", "198.51.100.4:4711", "relay.example.org:2200", ATR_AUDIENCE_INTERNET, "10.66.0.1"},
      {"10.9.0.6:12800", "198.51.100.4:4711", "203.0.113.17:9090", ATR_AUDIENCE_INTERNET, "10.9.0.6"},
      {"10.9.0.6:12800", "198.51.100.4:4711", "", ATR_AUDIENCE_NOBODY, ""},
      {"10.9.0.6:12800", "203.0.113.17:4711", "relay.example.org:2200", ATR_AUDIENCE_NOBODY,
       ""}, /* from the same home */
      /* A member who typed the public address, or the VPN's NAT: they look alike, and neither proves the one or the other. */
      {"10.9.0.6:12800", "10.9.0.1:4711", "relay.example.org:2200", ATR_AUDIENCE_NOBODY, ""},
      {"10.66.0.1:12800", "10.66.0.5:4711", "relay.example.org:2200", ATR_AUDIENCE_NOBODY, ""},
      {"25.1.2.3:12800", "25.9.9.9:4711", "relay.example.org:2200", ATR_AUDIENCE_NOBODY, ""},
      {"192.168.0.48:12800", "192.168.0.77:4711", "192.168.0.48:12800", ATR_AUDIENCE_LAN, "192.168.0.48"},
      /* A router that puts its own address in the place of the guest's, or a neighbour who typed the public one. */
      {"192.168.0.48:12800", "192.168.0.1:4711", "relay.example.org:2200", ATR_AUDIENCE_NOBODY, ""},
      {"192.168.0.48:12800", "192.168.0.1:4711", "203.0.113.17:9090", ATR_AUDIENCE_NOBODY, ""},
      /* From this machine to its other addresses: the typed name may be its own. Relays come to the loopback. */
      {"192.168.0.48:12800", "192.168.0.48:4711", "relay.example.org:2200", ATR_AUDIENCE_MACHINE, ""},
      {"[2001:db8:1:2::48]:12800", "[2001:db8:1:2::48]:4711", "relay.example.org:2200", ATR_AUDIENCE_MACHINE, ""},
      {"127.0.1.1:12800", "127.0.0.1:4711", "relay.example.org:2200", ATR_AUDIENCE_MACHINE, ""},
      {"127.0.1.1:12800", "127.0.1.1:4711", "relay.example.org:2200", ATR_AUDIENCE_MACHINE, ""},
      {"[::1]:12800", "[::1]:4711", "relay.example.org:2200", ATR_AUDIENCE_INTERNET, "relay.example.org:2200"},
      {"192.168.0.48:12800", "25.1.2.3:4711", "", ATR_AUDIENCE_MACHINE, ""},
      {"25.1.2.3:12800", "192.168.0.48:4711", "relay.example.org:2200", ATR_AUDIENCE_MACHINE, ""},
      {"192.168.0.48:12800", "198.51.100.4:4711", "", ATR_AUDIENCE_INTERNET, "192.168.0.48"},
      {"192.168.0.48:12800", "203.0.113.17:4711", "", ATR_AUDIENCE_NOBODY, ""}, /* turned round at the router */
      {"192.168.0.48:12800", "10.9.9.9:4711", "", ATR_AUDIENCE_NOBODY, ""},     /* a second router's outside? */
      {"192.168.0.48:12800", "100.64.0.9:4711", "", ATR_AUDIENCE_NOBODY, ""},
      {"192.168.0.48:12800", "172.17.0.2:4711", "", ATR_AUDIENCE_NOBODY, ""}, /* a container of this machine */
      {"172.17.0.1:12800", "172.17.0.2:4711", "", ATR_AUDIENCE_NOBODY, ""},
      {"192.168.7.7:12800", "192.168.7.8:4711", "", ATR_AUDIENCE_NOBODY, ""}, /* that address is gone already */
      {"", "", "", ATR_AUDIENCE_NOBODY, ""},
  };
  atr_surroundings here = around();

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    atr_proof proof = atr_origin_of(&here, cases[i].local, cases[i].peer, cases[i].via);

    if (proof.audience != cases[i].audience || strcmp(proof.at, cases[i].at) != 0)
      fail_msg("%s from %s is %d at \"%s\"", cases[i].local, cases[i].peer, (int)proof.audience, proof.at);
  }
}

/* A machine with a public address, which was typed: its own programs pass where a firewall lets nobody else in, also by way of a web server on it. */
static void the_typed_address_of_this_machine_itself(void **state)
{
  static const atr_interface own[] = {{.address = "203.0.113.17", .name = "eth0", .prefix_bits = 24},
                                      {.address = "2001:db8:1:2::48", .name = "eth0", .prefix_bits = 64}};
  static const struct {
    const char *typed, *local;
  } cases[] = {
      {"203.0.113.17:12800", "203.0.113.17:12800"},
      {"203.0.113.17:12800", "127.0.0.1:12800"},
      {"[2001:db8:1:2::48]:12800", "[2001:db8:1:2::48]:12800"},
      {"wss://203.0.113.17:443/atrium", "127.0.0.1:12800"},
      {"wss://[2001:db8:1:2::48]:443/atrium", "[::1]:12800"},
  };
  atr_surroundings here = {.interfaces = own, .interfaces_count = 2, .typed = "", .outer = ""};

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    here.typed = cases[i].typed;
    assert_int_equal(atr_origin_of(&here, cases[i].local, cases[i].local, here.typed).audience, ATR_AUDIENCE_MACHINE);
  }
  here.typed = "203.0.113.17:12800";
  assert_int_equal(atr_origin_of(&here, "203.0.113.17:12800", "198.51.100.4:1", here.typed).audience,
                   ATR_AUDIENCE_INTERNET);
}

/* It does not say what its own address is: who comes from the typed one has turned round there. */
static void a_router_that_is_silent(void **state)
{
  atr_surroundings here = around();

  (void)state;
  here.outer = "";
  here.typed = "203.0.113.17:9090";
  assert_int_equal(atr_origin_of(&here, "192.168.0.48:12800", "203.0.113.17:4711", here.typed).audience,
                   ATR_AUDIENCE_NOBODY);
  assert_int_equal(atr_origin_of(&here, "192.168.0.48:12800", "198.51.100.4:4711", here.typed).audience,
                   ATR_AUDIENCE_INTERNET);
}

/* So that no other public address is called proved. */
static void who_comes_from_outside_says_by_which_address(void **state)
{
  static const struct {
    const char *local, *via, *by;
  } cases[] = {
      {"192.168.0.48:12800", "relay.example.org:2200", "relay.example.org:2200"},
      {"192.168.0.48:12800", "203.0.113.17:9090", "203.0.113.17:9090"},
      {"192.168.0.48:12800", "home.example.org:9090", ""}, /* a name that the host does not know */
      {"192.168.0.48:12800", "", ""},
      {"10.9.0.6:12800", "relay.example.org:2200", "relay.example.org:2200"},
  };
  atr_surroundings here = around();
  atr_proofs proofs = {0};

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    atr_proof proof = atr_origin_of(&here, cases[i].local, "198.51.100.4:4711", cases[i].via);

    assert_int_equal(proof.audience, ATR_AUDIENCE_INTERNET);
    assert_string_equal(proof.by, cases[i].by);
    assert_int_equal(atr_proofs_add(&proofs, &proof), i != 3);
  }
}

static void a_link_local_neighbour(void **state)
{
  static const atr_interface link = {
      .address = "fe80::1%eth0", .name = "eth0", .prefix_bits = 64, .is_link_local = true};
  atr_surroundings here = {.interfaces = &link, .interfaces_count = 1, .typed = "", .outer = ""};

  (void)state;
  assert_int_equal(atr_origin_of(&here, "[fe80::1%2]:12800", "[fe80::2%2]:4711", "").audience, ATR_AUDIENCE_LAN);
}

static void a_proof_goes_with_what_it_was_about(void **state)
{
  atr_surroundings here = around();
  atr_proof lan = atr_origin_of(&here, "192.168.0.48:12800", "192.168.0.77:4711", "");
  atr_proof by_tunnel = atr_origin_of(&here, "127.0.0.1:12800", "127.0.0.1:1", "0.tcp.example.org:12489");
  atr_proof typed = atr_origin_of(&here, "127.0.0.1:12800", "127.0.0.1:1", "relay.example.org:2200");
  atr_proof machine = atr_origin_of(&here, "127.0.0.1:12800", "127.0.0.1:1", "");

  (void)state;
  assert_true(atr_proof_holds(&here, &lan) && atr_proof_holds(&here, &by_tunnel) && atr_proof_holds(&here, &typed));
  here.interfaces++; /* another network */
  here.interfaces_count--;
  here.endpoints_count = 0;
  here.typed = "";
  assert_false(atr_proof_holds(&here, &lan));
  assert_false(atr_proof_holds(&here, &by_tunnel));
  assert_false(atr_proof_holds(&here, &typed));
  assert_true(atr_proof_holds(&here, &machine));
}

/* ATR_PROOFS_MAX: the oldest goes. */
static void a_thousand_proofs(void **state)
{
  static atr_proofs proofs;
  atr_surroundings nowhere = {.typed = "", .outer = ""};

  (void)state;
  for (unsigned i = 0; i < 1000; i++) {
    atr_proof one = {.audience = ATR_AUDIENCE_LAN};

    snprintf(one.at, sizeof one.at, "10.0.%u.%u", i / 250, i % 250);
    assert_true(atr_proofs_add(&proofs, &one));
    assert_false(atr_proofs_add(&proofs, &one));
  }
  assert_int_equal(proofs.count, ATR_PROOFS_MAX);
  assert_string_equal(proofs.list[ATR_PROOFS_MAX - 1].at, "10.0.3.249");
  assert_false(atr_proofs_add(&proofs, &(atr_proof){.audience = ATR_AUDIENCE_NOBODY}));
  atr_proofs_drop(&proofs, ATR_AUDIENCE_VPN);
  assert_int_equal(proofs.count, ATR_PROOFS_MAX);
  assert_true(atr_proofs_review(&proofs, &nowhere));
  assert_int_equal(proofs.count, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(where_a_connection_comes_from),
      cmocka_unit_test(the_typed_address_of_this_machine_itself),
      cmocka_unit_test(a_router_that_is_silent),
      cmocka_unit_test(who_comes_from_outside_says_by_which_address),
      cmocka_unit_test(a_link_local_neighbour),
      cmocka_unit_test(a_proof_goes_with_what_it_was_about),
      cmocka_unit_test(a_thousand_proofs),
  };

  return cmocka_run_group_tests_name("origin", tests, NULL, NULL);
}
