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

/* ATR_GUESS_MS_MAX: who never stops waits longer and longer, and who stops is forgiven. */
static void guessing_on_and_on_gets_slower(void **state)
{
  uint64_t now_ms = 0, at_ms[ATR_GUESSES_AT_ONCE + 8];
  uint32_t wait_s;
  atr_guard guard;

  (void)state;
  atr_guard_init(&guard, 0);
  for (size_t i = 0; i < sizeof at_ms / sizeof *at_ms; i++) {
    while (!atr_guard_take(&guard, now_ms, &wait_s))
      now_ms += 100;
    at_ms[i] = now_ms;
  }
  for (uint64_t i = 0, pause = ATR_GUESS_MS; i < 8; i++) {
    uint64_t waited = at_ms[ATR_GUESSES_AT_ONCE + i] - at_ms[ATR_GUESSES_AT_ONCE + i - 1];

    assert_true(waited + 200 >= pause && waited <= pause + 200); /* what one step of 100 ms is worth */
    pause = pause < ATR_GUESS_MS_MAX ? 2 * pause : pause;
  }
  assert_int_equal(guard.pause_ms, ATR_GUESS_MS_MAX);
  now_ms += (uint64_t)ATR_GUESSES_AT_ONCE * ATR_GUESS_MS_MAX;
  for (int i = 0; i < ATR_GUESSES_AT_ONCE; i++)
    assert_true(atr_guard_take(&guard, now_ms, &wait_s));
  assert_false(atr_guard_take(&guard, now_ms, &wait_s));
  assert_int_equal(wait_s, ATR_GUESS_MS / 1000 + 1);
}

static void a_right_guess_slows_nobody(void **state)
{
  uint64_t now_ms = 0;
  uint32_t wait_s;
  atr_guard guard;

  (void)state;
  atr_guard_init(&guard, 0);
  for (int i = 0; i < ATR_GUESSES_AT_ONCE; i++)
    assert_true(atr_guard_take(&guard, 0, &wait_s));
  for (int i = 0; i < 100; i++) {
    now_ms += ATR_GUESS_MS;
    assert_true(atr_guard_take(&guard, now_ms, &wait_s));
    atr_guard_give_back(&guard);
  }
  assert_int_equal(guard.pause_ms, ATR_GUESS_MS);
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

/* A name answers alike whether somebody has set a password for it or not, and only this server can tell. */
static void what_nobody_has_set_looks_like_what_somebody_has(void **state)
{
  uint8_t key[ATR_KEYED_BYTES] = {1}, other[ATR_KEYED_BYTES] = {2};
  atr_password film, again, book, elsewhere;

  (void)state;
  atr_password_of_nobody(&film, key, "Film");
  atr_password_of_nobody(&again, key, "Film");
  atr_password_of_nobody(&book, key, "Book");
  atr_password_of_nobody(&elsewhere, other, "Film");
  assert_memory_equal(&film, &again, sizeof film);
  assert_memory_not_equal(film.salt, book.salt, sizeof film.salt);
  assert_memory_not_equal(film.secret, book.secret, sizeof film.secret);
  assert_memory_not_equal(film.salt, elsewhere.salt, sizeof film.salt);
  assert_memory_not_equal(film.secret, elsewhere.secret, sizeof film.secret);
  assert_memory_not_equal(film.secret, film.salt, sizeof film.salt);
  assert_int_equal(atr_password_slot(key, "Film", ATR_GUESS_SLOTS), atr_password_slot(key, "Film", ATR_GUESS_SLOTS));
}

/* ATR_GUESS_SLOTS: names spread over all of the buckets, and none is outside. */
static void names_are_spread_over_the_buckets(void **state)
{
  static unsigned met[ATR_GUESS_SLOTS];
  uint8_t key[ATR_KEYED_BYTES] = {1};
  unsigned used = 0;
  char name[16];

  (void)state;
  for (int i = 0; i < 20 * (int)ATR_GUESS_SLOTS; i++) {
    snprintf(name, sizeof name, "room %d", i);
    met[atr_password_slot(key, name, ATR_GUESS_SLOTS)]++;
  }
  for (unsigned i = 0; i < ATR_GUESS_SLOTS; i++) {
    used += met[i] > 0;
    assert_true(met[i] < 60);
  }
  assert_int_equal(used, ATR_GUESS_SLOTS);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ten_thousand_guesses_take_a_day),
      cmocka_unit_test(a_person_who_mistypes_does_not_wait),
      cmocka_unit_test(guessing_on_and_on_gets_slower),
      cmocka_unit_test(a_right_guess_slows_nobody),
      cmocka_unit_test(what_nobody_has_set_looks_like_what_somebody_has),
      cmocka_unit_test(names_are_spread_over_the_buckets),
      cmocka_unit_test(a_password_and_its_salt_make_the_secret),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
