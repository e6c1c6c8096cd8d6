/* SPDX-License-Identifier: MIT
 *
 * How often a password can be guessed, and what one becomes. */
#include "test.h"

#include "server/guard.h"
#include "session/password.h"

static void ten_thousand_guesses_take_a_day(void **state)
{
  uint64_t now_ms = 1000, start = now_ms;
  unsigned taken = 0;
  uint32_t wait_s;
  atr_guard guard;

  (void)state;
  atr_guard_init(&guard, now_ms);
  while (taken < 10000) {
    if (atr_guard_take(&guard, now_ms, &wait_s))
      taken++;
    else
      now_ms += 100; /* does not listen to when to come back */
  }
  assert_true(now_ms - start >= (uint64_t)(10000 - ATR_GUESSES_AT_ONCE) * ATR_GUESS_MS);
  assert_true(now_ms - start >= 24u * 3600u * 1000u);
}

static void a_person_who_mistypes_does_not_wait(void **state)
{
  uint32_t wait_s;
  atr_guard guard;

  (void)state;
  atr_guard_init(&guard, 0);
  for (int i = 0; i < ATR_GUESSES_AT_ONCE; i++)
    assert_true(atr_guard_take(&guard, 0, &wait_s));
  assert_false(atr_guard_take(&guard, 0, &wait_s));
  assert_int_equal(wait_s, ATR_GUESS_MS / 1000 + 1);
  assert_true(atr_guard_take(&guard, (uint64_t)wait_s * 1000, &wait_s));
  atr_guard_give_back(&guard); /* it was right */
  assert_true(atr_guard_take(&guard, 0, &wait_s));
  atr_guard_init(&guard, 1000000);
  assert_true(atr_guard_take(&guard, 0, &wait_s)); /* a clock that goes back does no harm */
}

static void a_password_and_its_salt_make_the_secret(void **state)
{
  atr_password a = {.passes = 1, .memory_kib = 64}, b = a, c;

  (void)state;
  b.salt[0] = 1;
  assert_ok(atr_password_derive(&a, atr_span_of("correct horse", 13)));
  c = a;
  assert_ok(atr_password_derive(&c, atr_span_of("correct horse", 13)));
  assert_memory_equal(a.secret, c.secret, sizeof a.secret);
  assert_ok(atr_password_derive(&b, atr_span_of("correct horse", 13)));
  assert_memory_not_equal(a.secret, b.secret, sizeof a.secret);
  assert_ok(atr_password_derive(&c, atr_span_of("correct horsf", 13)));
  assert_memory_not_equal(a.secret, c.secret, sizeof a.secret);
  assert_err(atr_password_derive(&c, atr_span_of("", 0)), ATR_INVAL);
  c.memory_kib = ATR_ARGON_KIB_MAX + 1;
  assert_err(atr_password_derive(&c, atr_span_of("x", 1)), ATR_LIMIT);
  c.memory_kib = 64;
  c.passes = ATR_ARGON_PASSES_MAX + 1;
  assert_err(atr_password_derive(&c, atr_span_of("x", 1)), ATR_LIMIT);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ten_thousand_guesses_take_a_day),
      cmocka_unit_test(a_person_who_mistypes_does_not_wait),
      cmocka_unit_test(a_password_and_its_salt_make_the_secret),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
