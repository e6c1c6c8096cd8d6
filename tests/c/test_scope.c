/* SPDX-License-Identifier: MIT
 *
 * How far numbers reach, in all their spellings, and to which of them a name in an invite may lead. */
#include "test.h"

#include "transport/scope.h"

static struct sockaddr_storage number(const char *text)
{
  struct sockaddr_storage a = {0};

  if (strchr(text, ':'))
    assert_int_equal(uv_ip6_addr(text, 1, (struct sockaddr_in6 *)(void *)&a), 0);
  else
    assert_int_equal(uv_ip4_addr(text, 1, (struct sockaddr_in *)(void *)&a), 0);
  return a;
}

static void numbers_reach_so_far(void **state)
{
  static const struct {
    const char *text;
    atr_scope scope;
  } cases[] = {
      {"203.0.113.17", ATR_SCOPE_PUBLIC},
      {"1.1.1.1", ATR_SCOPE_PUBLIC},
      {"198.18.0.7", ATR_SCOPE_PUBLIC},
      {"172.32.0.1", ATR_SCOPE_PUBLIC},
      {"100.128.0.1", ATR_SCOPE_PUBLIC},
      {"11.0.0.0", ATR_SCOPE_PUBLIC},
      {"223.255.255.255", ATR_SCOPE_PUBLIC},
      {"10.0.0.1", ATR_SCOPE_PRIVATE},
      {"172.16.0.0", ATR_SCOPE_PRIVATE},
      {"172.31.255.255", ATR_SCOPE_PRIVATE},
      {"192.168.255.1", ATR_SCOPE_PRIVATE},
      {"100.64.0.1", ATR_SCOPE_PRIVATE},
      {"100.127.255.255", ATR_SCOPE_PRIVATE},
      {"169.254.169.254", ATR_SCOPE_LINK},
      {"127.0.0.1", ATR_SCOPE_MACHINE},
      {"127.255.0.9", ATR_SCOPE_MACHINE},
      {"0.0.0.0", ATR_SCOPE_MACHINE},
      {"0.1.2.3", ATR_SCOPE_MACHINE},
      {"224.0.0.1", ATR_SCOPE_NOBODY},
      {"255.255.255.255", ATR_SCOPE_NOBODY},
      {"240.0.0.1", ATR_SCOPE_NOBODY},
      {"2001:db8::5", ATR_SCOPE_PUBLIC},
      {"2606:4700::1", ATR_SCOPE_PUBLIC},
      {"fd12:3456::1", ATR_SCOPE_PRIVATE},
      {"fc00::1", ATR_SCOPE_PRIVATE},
      {"fec0::1", ATR_SCOPE_PRIVATE},
      {"fe80::1", ATR_SCOPE_LINK},
      {"febf::1", ATR_SCOPE_LINK},
      {"::1", ATR_SCOPE_MACHINE},
      {"::", ATR_SCOPE_MACHINE},
      {"::2", ATR_SCOPE_NOBODY},
      {"::7f00:1", ATR_SCOPE_NOBODY},
      {"ff02::1", ATR_SCOPE_NOBODY},
      {"::ffff:127.0.0.1", ATR_SCOPE_MACHINE},
      {"::ffff:10.1.2.3", ATR_SCOPE_PRIVATE},
      {"::ffff:203.0.113.17", ATR_SCOPE_PUBLIC},
      {"64:ff9b::169.254.1.1", ATR_SCOPE_LINK},
      {"64:ff9b::203.0.113.17", ATR_SCOPE_PUBLIC},
      {"64:ff9b:1::10.0.0.1", ATR_SCOPE_PRIVATE},
      {"64:ff9b:1:a00:0:100::", ATR_SCOPE_MACHINE}, /* 10.0.0.1 elsewhere in it: not public either */
      {"2002:7f00:1::1", ATR_SCOPE_MACHINE},
      {"2002:cb00:7111::1", ATR_SCOPE_PUBLIC},
      {"2002:c0a8:1::1", ATR_SCOPE_PRIVATE},
  };

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct sockaddr_storage a = number(cases[i].text);

    if (atr_scope_of((const struct sockaddr *)&a) != cases[i].scope)
      fail_msg("%s: %d", cases[i].text, (int)atr_scope_of((const struct sockaddr *)&a));
  }
}

static const atr_interface studio[] = {
    {.address = "10.1.2.3", .name = "eth0", .prefix_bits = 24},
    {.address = "100.101.102.103", .name = "tailscale0", .prefix_bits = 32},
    {.address = "203.0.113.40", .name = "eth1", .prefix_bits = 24},
    {.address = "2001:db8:1::40", .name = "eth1", .prefix_bits = 64},
    {.address = "fe80::1%eth0", .name = "eth0", .prefix_bits = 64, .is_link_local = true},
};

static void check(const char *text, bool is_order, bool is_open)
{
  struct sockaddr_storage a = number(text);

  if (atr_scope_is_open((const struct sockaddr *)&a, is_order, studio, sizeof studio / sizeof *studio) != is_open)
    fail_msg("%s%s", text, is_order ? ", with an order" : "");
}

static void a_name_may_lead_there(void **state)
{
  (void)state;
  check("203.0.113.17", false, true);
  check("203.0.113.17", true, true);
  check("2001:db8::5", true, true);
  check("10.9.0.1", false, true);   /* another subnet of the studio's */
  check("100.64.0.9", false, true); /* somebody in the VPN */
  check("::ffff:10.9.0.1", false, true);
}

static void a_name_may_not_lead_there(void **state)
{
  static const char *const inside[] = {
      "127.0.0.1",
      "127.0.1.1",
      "::1",
      "0.0.0.0",
      "::",
      "::ffff:127.0.0.1",
      "169.254.169.254",
      "fe80::1",
      "192.168.0.1",
      "172.16.0.1",
      "fd00::1",
      "224.0.0.251",
      "255.255.255.255",
      "10.1.2.3",
      "::ffff:10.1.2.3",
      "203.0.113.40",
      "2001:db8:1::40",
      "100.101.102.103",
  };

  (void)state;
  for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
    check(inside[i], false, false);
  check("10.9.0.1", true, false); /* a query may be an order to a machine that believes whoever is inside */
  check("100.64.0.9", true, false);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_reach_so_far),
      cmocka_unit_test(a_name_may_lead_there),
      cmocka_unit_test(a_name_may_not_lead_there),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
