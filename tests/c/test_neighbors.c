/* SPDX-License-Identifier: MIT
 *
 * Who is shown of those that were heard on the network. */
#include "test.h"

#include "reach/neighbors.h"

static atr_neighbors table;
static const atr_neighbor *shown[ATR_NEIGHBORS_MAX];

static int clear(void **state)
{
  (void)state;
  memset(&table, 0, sizeof table);
  return 0;
}

static atr_neighbor neighbor(unsigned key, const char *address, atr_nearness nearness, bool known)
{
  atr_neighbor one = {.nearness = nearness, .is_known = known, .heard_ms = 1000};

  one.key.b[0] = (uint8_t)(key >> 8);
  one.key.b[1] = (uint8_t)key;
  snprintf(one.name, sizeof one.name, "host%u", key);
  snprintf(one.address, sizeof one.address, "%s", address);
  return one;
}

static uint64_t hear(unsigned key, const char *address, atr_nearness nearness, bool known)
{
  atr_neighbor one = neighbor(key, address, nearness, known);
  uint64_t before = table.revision;

  atr_neighbors_hear(&table, &one);
  return table.revision - before;
}

static void a_host_at_many_addresses_is_one(void **state)
{
  (void)state;
  assert_int_equal(hear(1, "[fe80::1%eth0]:12800", ATR_NEAR_LINK, false), 1);
  assert_int_equal(hear(1, "[2001:db8::1]:12800", ATR_NEAR_IPV6, false), 1);
  assert_int_equal(hear(1, "192.0.2.1:12800", ATR_NEAR_IPV4, false), 1);
  assert_int_equal(hear(1, "192.0.2.1:12800", ATR_NEAR_IPV4, false), 0); /* nothing new */
  assert_int_equal(atr_neighbors_shown(&table, shown), 1);
  assert_string_equal(shown[0]->address, "192.0.2.1:12800");
  hear(1, "127.0.0.1:12800", ATR_NEAR_SELF, false);
  assert_int_equal(atr_neighbors_shown(&table, shown), 1);
  assert_string_equal(shown[0]->address, "127.0.0.1:12800");
}

/* Somebody announces a known host's key at his own, nearer address. */
static void a_known_host_keeps_its_place(void **state)
{
  (void)state;
  hear(7, "[fe80::7%eth0]:12800", ATR_NEAR_LINK, true);
  hear(7, "192.0.2.66:12800", ATR_NEAR_IPV4, false);
  hear(1, "192.0.2.1:12800", ATR_NEAR_IPV4, false);
  assert_int_equal(atr_neighbors_shown(&table, shown), 2);
  assert_string_equal(shown[0]->address, "[fe80::7%eth0]:12800");
  assert_true(shown[0]->is_known);
  assert_string_equal(shown[1]->name, "host1");
}

static void who_is_silent_goes(void **state)
{
  atr_neighbor again = neighbor(2, "192.0.2.2:12800", ATR_NEAR_IPV4, false);

  (void)state;
  hear(1, "192.0.2.1:12800", ATR_NEAR_IPV4, false);
  hear(2, "192.0.2.2:12800", ATR_NEAR_IPV4, false);
  again.heard_ms = 5000;
  atr_neighbors_hear(&table, &again);
  atr_neighbors_expire(&table, 1000 + ATR_DISCOVERY_EXPIRE_MS - 1);
  assert_int_equal(atr_neighbors_shown(&table, shown), 2);
  atr_neighbors_expire(&table, 1000 + ATR_DISCOVERY_EXPIRE_MS);
  assert_int_equal(atr_neighbors_shown(&table, shown), 1);
  assert_string_equal(shown[0]->name, "host2");
}

static void a_flood_does_not_hide_a_known_host(void **state)
{
  (void)state;
  for (unsigned i = 0; i < 4 * ATR_NEIGHBORS_MAX; i++)
    hear(1000 + i, "192.0.2.66:12800", ATR_NEAR_IPV4, false);
  assert_int_equal(atr_neighbors_shown(&table, shown), ATR_NEIGHBORS_MAX);
  assert_int_equal(hear(1, "192.0.2.1:12800", ATR_NEAR_IPV4, false), 0); /* no place for another stranger */
  assert_int_equal(hear(7, "192.0.2.7:12800", ATR_NEAR_IPV4, true), 1);
  assert_int_equal(atr_neighbors_shown(&table, shown), ATR_NEIGHBORS_MAX);
  assert_string_equal(shown[0]->name, "host7");
  for (unsigned i = 0; i < 4 * ATR_NEIGHBORS_MAX; i++)
    hear(2000 + i, "192.0.2.66:12800", ATR_NEAR_IPV4, false);
  atr_neighbors_shown(&table, shown);
  assert_string_equal(shown[0]->name, "host7");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_host_at_many_addresses_is_one, clear),
      cmocka_unit_test_setup(a_known_host_keeps_its_place, clear),
      cmocka_unit_test_setup(who_is_silent_goes, clear),
      cmocka_unit_test_setup(a_flood_does_not_hide_a_known_host, clear),
  };

  return cmocka_run_group_tests_name("neighbors", tests, NULL, NULL);
}
