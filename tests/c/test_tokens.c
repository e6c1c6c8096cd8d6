/* SPDX-License-Identifier: MIT
 *
 * The invites that a server keeps: so many at a time, each until it expires, and in a file that does not hold a token. */
#include "home_test.h"
#include "test.h"

#include "server/invites.h"

static atr_invites *open_at(uint64_t now_s)
{
  atr_invites *invites;
  char why[256] = "";

  assert_ok(atr_invites_open(&invites, home, now_s, why, sizeof why));
  return invites;
}

static void keep(atr_invites *invites)
{
  char why[256] = "";

  assert_ok(atr_kept_save(atr_invites_file(invites), why, sizeof why));
}

static void so_many_invites_are_valid_at_a_time(void **state)
{
  uint8_t token[ATR_INVITE_TOKEN_BYTES], first[ATR_INVITE_TOKEN_BYTES];
  atr_invites *invites = open_at(1000);
  atr_id room = {{7}}, found;

  (void)state;
  assert_ok(atr_invites_add(invites, &room, 2000, 1000, first));
  for (unsigned i = 1; i < ATR_INVITES_MAX; i++)
    assert_ok(atr_invites_add(invites, &room, 0, 1000, token));
  assert_err(atr_invites_add(invites, &room, 0, 1000, token), ATR_LIMIT);
  assert_true(atr_invites_check(invites, first, 1999, &found));
  assert_true(atr_id_equal(&found, &room));
  assert_false(atr_invites_check(invites, first, 2000, &found));
  assert_ok(atr_invites_add(invites, &room, 0, 2000, token)); /* the one that has expired made room */
  assert_false(atr_invites_check(invites, first, 1999, &found));
  assert_int_equal(atr_invites_revoke(invites), ATR_INVITES_MAX);
  assert_false(atr_invites_check(invites, token, 2000, &found));
  atr_invites_free(invites);
}

/* An invite that could not be kept is given to nobody, so it may take nobody's place either. */
static void one_that_cannot_be_kept_takes_no_place(void **state)
{
  uint8_t token[ATR_INVITE_TOKEN_BYTES], first[ATR_INVITE_TOKEN_BYTES];
  atr_invites *invites = open_at(1000);
  atr_id room = {{7}}, found;

  (void)state;
  assert_ok(atr_invites_add(invites, &room, 0, 1000, first));
  for (unsigned i = 0; i < ATR_INVITES_MAX + 1; i++) {
    assert_ok(atr_invites_add(invites, &room, 0, 1000, token));
    atr_invites_withdraw(invites, token);
    assert_false(atr_invites_check(invites, token, 1000, &found));
  }
  atr_invites_withdraw(invites, token);
  assert_ok(atr_invites_add(invites, &room, 0, 1000, token));
  atr_invites_withdraw(invites, first);
  assert_true(atr_invites_check(invites, token, 1000, &found));
  assert_int_equal(atr_invites_revoke(invites), 1);
  atr_invites_free(invites);
}

static void they_are_there_after_a_restart(void **state)
{
  uint8_t kept[ATR_INVITE_TOKEN_BYTES], expired[ATR_INVITE_TOKEN_BYTES], wrong[ATR_INVITE_TOKEN_BYTES] = {0};
  atr_invites *invites = open_at(1000);
  atr_id room = {{7}}, found;

  (void)state;
  assert_ok(atr_invites_add(invites, &room, 0, 1000, kept));
  assert_ok(atr_invites_add(invites, &room, 1500, 1000, expired));
  keep(invites);
  atr_invites_free(invites);
  invites = open_at(1600);
  assert_true(atr_invites_check(invites, kept, 1600, &found));
  assert_true(atr_id_equal(&found, &room));
  assert_false(atr_invites_check(invites, expired, 1600, &found));
  assert_false(atr_invites_check(invites, wrong, 1600, &found));
  atr_invites_free(invites);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(so_many_invites_are_valid_at_a_time, make_home, remove_home),
      cmocka_unit_test_setup_teardown(one_that_cannot_be_kept_takes_no_place, make_home, remove_home),
      cmocka_unit_test_setup_teardown(they_are_there_after_a_restart, make_home, remove_home),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
