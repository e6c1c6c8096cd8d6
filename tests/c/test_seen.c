/* SPDX-License-Identifier: MIT
 *
 * From "the application had taken E events" to "it had taken event N of this room": wrong by one and an edit that crossed with an event is
 * either repeated for ever or lost. Compared with the obvious but unbounded answer, a list of all events. */
#include "test.h"

#include "client/seen.h"

enum { ROOMS = 3, EVENTS = 5000 };

static void one_room_is_one_run(void **state)
{
  atr_seen seen = {0};

  (void)state;
  assert_int_equal(atr_seen_taken(&seen, 100), 0);
  for (uint64_t i = 1; i <= 1000; i++)
    assert_ok(atr_seen_queued(&seen, i, i));
  assert_int_equal(seen.n_runs, 1);
  assert_int_equal(atr_seen_taken(&seen, 0), 0);
  assert_int_equal(atr_seen_taken(&seen, 1), 1);
  assert_int_equal(atr_seen_taken(&seen, 999), 999);
  assert_int_equal(atr_seen_taken(&seen, 999), 999);
  assert_int_equal(atr_seen_taken(&seen, 1000), 1000);
  assert_int_equal(seen.n_runs, 0);
  assert_int_equal(atr_seen_taken(&seen, 5000), 1000);
  atr_seen_free(&seen);
}

static void several_rooms_agree_with_a_full_list(void **state)
{
  static struct {
    int room;
    uint64_t n;
  } list[EVENTS + 1];
  atr_seen seen[ROOMS] = {0};
  uint64_t random = test_seed(), n[ROOMS] = {0}, newest[ROOMS] = {0}, taken = 0;

  (void)state;
  for (uint64_t e = 1; e <= EVENTS; e++) {
    int room = (int)test_below(&random, ROOMS);

    n[room] += 1 + test_below(&random, 2); /* a room may skip numbers: a new replica, a refused event */
    list[e].room = room;
    list[e].n = n[room];
    assert_ok(atr_seen_queued(&seen[room], e, n[room]));
    if (test_below(&random, 4))
      continue;
    for (uint64_t to = taken + test_below(&random, (size_t)(e - taken) + 1); taken < to; taken++)
      newest[list[taken + 1].room] = list[taken + 1].n;
    for (room = 0; room < ROOMS; room++)
      if (test_below(&random, 2))
        assert_int_equal(atr_seen_taken(&seen[room], taken), newest[room]);
  }
  for (int room = 0; room < ROOMS; room++) {
    assert_int_equal(atr_seen_taken(&seen[room], EVENTS), n[room]);
    assert_int_equal(seen[room].n_runs, 0);
    atr_seen_free(&seen[room]);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_room_is_one_run),
      cmocka_unit_test(several_rooms_agree_with_a_full_list),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
