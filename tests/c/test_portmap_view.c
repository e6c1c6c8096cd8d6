/* SPDX-License-Identifier: MIT
 *
 * What a router's outer address means: the first and the last of each range, and its neighbours. */
#include "test.h"

#include "reach/portmap.h"
#include "reach/portmap_router.h"

#include <string.h>
#include <uv.h>

static const char *scope_of(const char *text)
{
  uint8_t ip[4];

  assert_int_equal(uv_inet_pton(AF_INET, text, ip), 0);
  return atr_portmap_scope_name(atr_portmap_scope_of(ip));
}

static void a_second_router_is_known_by_its_range(void **state)
{
  static const struct {
    const char *ip, *scope;
  } all[] = {
      {"203.0.113.17", "public"},     {"8.8.8.8", "public"},          {"9.255.255.255", "public"},
      {"10.0.0.0", "private"},        {"10.255.255.255", "private"},  {"11.0.0.0", "public"},
      {"172.15.255.255", "public"},   {"172.16.0.0", "private"},      {"172.31.255.255", "private"},
      {"172.32.0.0", "public"},       {"192.167.255.255", "public"},  {"192.168.0.0", "private"},
      {"192.168.255.255", "private"}, {"192.169.0.0", "public"},      {"169.253.255.255", "public"},
      {"169.254.0.1", "private"},     {"169.254.255.255", "private"}, {"169.255.0.0", "public"},
      {"100.63.255.255", "public"},   {"100.64.0.0", "shared"},       {"100.127.255.255", "shared"},
      {"100.128.0.0", "public"},      {"0.0.0.0", "unknown"},         {"0.1.2.3", "unknown"},
      {"127.0.0.1", "unknown"},       {"223.255.255.255", "public"},  {"224.0.0.1", "unknown"},
      {"255.255.255.255", "unknown"}, {"191.255.255.255", "public"},  {"192.0.0.0", "shared"},
      {"192.0.0.255", "shared"},      {"192.0.1.0", "public"},        {"198.17.255.255", "public"},
      {"198.18.0.0", "private"},      {"198.19.255.255", "private"},  {"198.20.0.0", "public"},
  };

  (void)state;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    assert_string_equal(scope_of(all[i].ip), all[i].scope);
}

static void everything_has_a_name(void **state)
{
  (void)state;
  assert_string_equal(atr_portmap_state_name(ATR_PORTMAP_REFUSED), "refused");
  assert_string_equal(atr_portmap_way_name(ATR_PORTMAP_BY_UPNP), "upnp");
  assert_string_equal(atr_portmap_reason_name(ATR_PORTMAP_FINE), "");
  assert_string_equal(atr_portmap_reason_name(ATR_PORTMAP_LIES), "lies");
  assert_string_equal(atr_portmap_state_name(atr_portmap_view_off.state), "off");
}

static void the_default_route_is_found_among_linux_routes(void **state)
{
  static const char prefix[] = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 ";
  static const char *const others[] = {
      "",
      "nonsense\n",
      "20010db8000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 "
      "00000100 00000001 00000000 00000001     eth0\n", /* its own network */
      "20010db8000000000000000000000000 20 00000000000000000000000000000000 00 fe800000000000000000000000000001 "
      "00000100 00000001 00000000 00000003     eth0\n", /* a router, but not to everywhere */
      "00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 "
      "ffffffff 00000001 00000000 00200200       lo\n", /* everywhere leads nowhere */
      "00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 "
      "00000400 00000001 00000000 00000001     ppp0\n", /* a line without a router */
      "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe80000000000000000000000000 "
      "00000400 00000001 00000000 00000003     eth0\n",
  };
  static const uint8_t router[16] = {0xfe, 0x80, [15] = 1};
  char line[256];
  atr_route_ipv6 route;

  (void)state;
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (atr_route_ipv6_read(others[i], &route))
      fail_msg("%s", others[i]);
  snprintf(line, sizeof line, "%s%s", prefix,
           "fe800000000000000000000000000001 00000400 00000001 00000000 00450003   enp0s3\n");
  assert_true(atr_route_ipv6_read(line, &route));
  assert_memory_equal(route.router, router, sizeof router);
  assert_int_equal(route.metric, 0x400);
  assert_string_equal(route.interface, "enp0s3");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_second_router_is_known_by_its_range),
      cmocka_unit_test(the_default_route_is_found_among_linux_routes),
      cmocka_unit_test(everything_has_a_name),
  };

  return cmocka_run_group_tests_name("portmap view", tests, NULL, NULL);
}
