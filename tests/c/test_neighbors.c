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

static atr_neighbor neighbor(unsigned key, const char *address, atr_nearness nearness, atr_known known)
{
  atr_neighbor one = {.nearness = nearness, .known = known, .heard_ms = 1000};

  one.key.b[0] = (uint8_t)(key >> 8);
  one.key.b[1] = (uint8_t)key;
  snprintf(one.name, sizeof one.name, "host%u", key);
  snprintf(one.address, sizeof one.address, "%s", address);
  return one;
}

static uint64_t hear(unsigned key, const char *address, atr_nearness nearness, atr_known known)
{
  atr_neighbor one = neighbor(key, address, nearness, known);
  uint64_t before = table.revision;

  atr_neighbors_hear(&table, &one);
  return table.revision - before;
}

static void a_host_at_many_addresses_is_one(void **state)
{
  (void)state;
  assert_int_equal(hear(1, "[fe80::1%eth0]:12800", ATR_NEAR_LINK, ATR_KNOWN_NOT), 1);
  assert_int_equal(hear(1, "[2001:db8::1]:12800", ATR_NEAR_IPV6, ATR_KNOWN_NOT), 1);
  assert_int_equal(hear(1, "192.0.2.1:12800", ATR_NEAR_IPV4, ATR_KNOWN_NOT), 1);
  assert_int_equal(hear(1, "192.0.2.1:12800", ATR_NEAR_IPV4, ATR_KNOWN_NOT), 0); /* nothing new */
  assert_int_equal(atr_neighbors_shown(&table, shown), 1);
  assert_string_equal(shown[0]->address, "192.0.2.1:12800");
  hear(1, "127.0.0.1:12800", ATR_NEAR_SELF, ATR_KNOWN_NOT);
  assert_int_equal(atr_neighbors_shown(&table, shown), 1);
  assert_string_equal(shown[0]->address, "127.0.0.1:12800");
}

/* Somebody announces a known host's key at his own, nearer address. */
static void a_known_host_keeps_its_place(void **state)
{
  (void)state;
  hear(7, "[fe80::7%eth0]:12800", ATR_NEAR_LINK, ATR_KNOWN_PINNED);
  hear(7, "192.0.2.66:12800", ATR_NEAR_IPV4, ATR_KNOWN_NOT);
  hear(1, "192.0.2.1:12800", ATR_NEAR_IPV4, ATR_KNOWN_NOT);
  assert_int_equal(atr_neighbors_shown(&table, shown), 2);
  assert_string_equal(shown[0]->address, "[fe80::7%eth0]:12800");
  assert_true(atr_neighbor_is_known(shown[0]));
  assert_string_equal(shown[1]->name, "host1");
}

static void who_is_silent_goes(void **state)
{
  atr_neighbor again = neighbor(2, "192.0.2.2:12800", ATR_NEAR_IPV4, ATR_KNOWN_NOT);

  (void)state;
  hear(1, "192.0.2.1:12800", ATR_NEAR_IPV4, ATR_KNOWN_NOT);
  hear(2, "192.0.2.2:12800", ATR_NEAR_IPV4, ATR_KNOWN_NOT);
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
    hear(1000 + i, "192.0.2.66:12800", ATR_NEAR_IPV4, ATR_KNOWN_NOT);
  assert_int_equal(atr_neighbors_shown(&table, shown), ATR_NEIGHBORS_MAX);
  assert_int_equal(hear(1, "192.0.2.1:12800", ATR_NEAR_IPV4, ATR_KNOWN_NOT), 0); /* no place for another stranger */
  assert_int_equal(hear(7, "192.0.2.7:12800", ATR_NEAR_IPV4, ATR_KNOWN_PINNED), 1);
  assert_int_equal(atr_neighbors_shown(&table, shown), ATR_NEIGHBORS_MAX);
  assert_string_equal(shown[0]->name, "host7");
  for (unsigned i = 0; i < 4 * ATR_NEIGHBORS_MAX; i++)
    hear(2000 + i, "192.0.2.66:12800", ATR_NEAR_IPV4, ATR_KNOWN_NOT);
  atr_neighbors_shown(&table, shown);
  assert_string_equal(shown[0]->name, "host7");
}

static void prove(unsigned key, const char *address, bool is_proved, uint64_t now_ms)
{
  atr_neighbor one = neighbor(key, address, ATR_NEAR_IPV4, ATR_KNOWN_NOT);

  atr_neighbors_prove(&table, &one.key, one.address, is_proved, now_ms);
}

static const char *shown_at(void)
{
  assert_int_equal(atr_neighbors_shown(&table, shown), 1);
  return shown[0]->address;
}

/* Two liars announce the key of a host that has got a third address since. */
static void a_host_that_has_moved_is_found_by_its_key(void **state)
{
  uint64_t before;

  (void)state;
  hear(7, "192.0.2.1:12800", ATR_NEAR_IPV4, ATR_KNOWN_MAYBE);
  hear(7, "192.0.2.2:12800", ATR_NEAR_IPV4, ATR_KNOWN_MAYBE);
  hear(7, "192.0.2.3:12800", ATR_NEAR_IPV6, ATR_KNOWN_MAYBE);
  assert_string_equal(shown_at(), "192.0.2.1:12800");
  assert_false(atr_neighbor_is_known(shown[0])); /* it only says so */
  prove(7, "192.0.2.1:12800", false, 2000);
  assert_string_equal(shown_at(), "192.0.2.2:12800");
  prove(7, "192.0.2.2:12800", false, 3000);
  assert_string_equal(shown_at(), "192.0.2.3:12800");
  prove(7, "192.0.2.3:12800", true, 4000);
  assert_string_equal(shown_at(), "192.0.2.3:12800");
  assert_true(atr_neighbor_is_known(shown[0]));
  assert_int_equal(hear(7, "192.0.2.3:12800", ATR_NEAR_IPV6, ATR_KNOWN_NOT),
                   0); /* hearing it again takes nothing back */
  assert_true(atr_neighbor_is_known(shown[0]));
  before = table.revision;
  prove(7, "192.0.2.3:12800", true, 34000);
  assert_int_equal(table.revision, before);
  prove(7, "192.0.2.3:12800", false, 64000);          /* it has gone, or another has its address now */
  assert_string_equal(shown_at(), "192.0.2.1:12800"); /* which was tried longest ago */
  assert_false(atr_neighbor_is_known(shown[0]));
  hear(7, "192.0.2.9:12800", ATR_NEAR_LINK, ATR_KNOWN_PINNED);
  assert_string_equal(shown_at(), "192.0.2.9:12800");
}

/* Another machine has its old address by now, and announces its key, too. */
static void a_host_is_sought_while_somebody_else_is_where_it_was(void **state)
{
  (void)state;
  hear(7, "192.0.2.7:12800", ATR_NEAR_IPV4, ATR_KNOWN_PINNED);
  hear(7, "192.0.2.8:12800", ATR_NEAR_IPV4, ATR_KNOWN_MAYBE);
  hear(7, "192.0.2.9:12800", ATR_NEAR_IPV4, ATR_KNOWN_MAYBE);
  assert_string_equal(shown_at(), "192.0.2.7:12800");
  prove(7, "192.0.2.7:12800", false, 2000);
  assert_string_equal(shown_at(), "192.0.2.8:12800");
  prove(7, "192.0.2.8:12800", false, 3000);
  assert_string_equal(shown_at(), "192.0.2.9:12800");
  prove(7, "192.0.2.9:12800", false, 4000);
  assert_string_equal(shown_at(), "192.0.2.7:12800"); /* nobody is the one: as before */
  assert_true(atr_neighbor_is_known(shown[0]));
  hear(7, "192.0.2.7:12800", ATR_NEAR_IPV4, ATR_KNOWN_PINNED); /* he goes on saying so */
  prove(7, "192.0.2.7:12800", false, 32000);
  assert_string_equal(shown_at(), "192.0.2.8:12800"); /* the next round */
  prove(7, "192.0.2.8:12800", true, 33000);
  assert_string_equal(shown_at(), "192.0.2.8:12800");
  assert_true(atr_neighbor_is_known(shown[0]));
  prove(7, "192.0.2.7:12800", true, 63000); /* it has come home */
  assert_string_equal(shown_at(), "192.0.2.7:12800");
}

/* Of a stranger nothing can be proved, and a pin stays what it is. */
static void proofs_are_about_keys_that_are_pinned_elsewhere(void **state)
{
  (void)state;
  hear(1, "192.0.2.1:12800", ATR_NEAR_IPV4, ATR_KNOWN_NOT);
  prove(1, "192.0.2.1:12800", true, 2000);
  assert_false(atr_neighbor_is_known(&table.list[0]));
  hear(2, "192.0.2.2:12800", ATR_NEAR_IPV4, ATR_KNOWN_PINNED);
  prove(2, "192.0.2.2:12800", false, 2000);
  assert_true(atr_neighbor_is_known(&table.list[1]));
  prove(3, "192.0.2.3:12800", true, 2000); /* not heard any more */
  assert_int_equal(table.n, 2);
}

/* Somebody announces a known key from more addresses than there are places for. */
static void a_known_key_everywhere_hides_neither_its_owner_nor_others_for_good(void **state)
{
  char address[ATR_ADDRESS_TEXT_BYTES];

  (void)state;
  for (unsigned i = 0; i < ATR_NEIGHBORS_MAX; i++) {
    snprintf(address, sizeof address, "192.0.2.%u:12800", i + 1);
    hear(7, address, ATR_NEAR_IPV4, ATR_KNOWN_MAYBE);
  }
  assert_int_equal(hear(7, "198.51.100.7:12800", ATR_NEAR_IPV4, ATR_KNOWN_MAYBE),
                   0); /* no place as long as none was tried */
  prove(7, "192.0.2.1:12800", false, 2000);
  assert_int_equal(hear(7, "198.51.100.7:12800", ATR_NEAR_IPV4, ATR_KNOWN_MAYBE), 1);
  prove(7, "198.51.100.7:12800", true, 3000);
  assert_int_equal(hear(8, "198.51.100.8:12800", ATR_NEAR_IPV4, ATR_KNOWN_PINNED), 1);
  assert_int_equal(atr_neighbors_shown(&table, shown), 2);
  assert_string_equal(shown[0]->address, "198.51.100.7:12800");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_host_at_many_addresses_is_one, clear),
      cmocka_unit_test_setup(a_known_host_keeps_its_place, clear),
      cmocka_unit_test_setup(who_is_silent_goes, clear),
      cmocka_unit_test_setup(a_flood_does_not_hide_a_known_host, clear),
      cmocka_unit_test_setup(a_host_that_has_moved_is_found_by_its_key, clear),
      cmocka_unit_test_setup(a_host_is_sought_while_somebody_else_is_where_it_was, clear),
      cmocka_unit_test_setup(proofs_are_about_keys_that_are_pinned_elsewhere, clear),
      cmocka_unit_test_setup(a_known_key_everywhere_hides_neither_its_owner_nor_others_for_good, clear),
  };

  return cmocka_run_group_tests_name("neighbors", tests, NULL, NULL);
}
