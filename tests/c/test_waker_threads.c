/* SPDX-License-Identifier: MIT
 *
 * Waking a loop from other threads. What was written before a wake-up is seen by the loop after it, whoever was faster; a loop that does
 * not run for a long time neither blocks those who wake it nor forgets them; and a loop that has let go may still be woken. */
#include "test.h"

#include "transport/platform.h"

#include <stdatomic.h>
#include <uv.h>

enum { ROUNDS = 20000, MORE_THAN_A_PIPE_HOLDS = 200000 };

static uv_loop_t loop;
static atr_waker *waker;
static _Atomic unsigned written;
static unsigned seen, calls;

static void on_wake(void *ctx)
{
  assert_ptr_equal(ctx, &loop);
  calls++;
  seen = atomic_load(&written);
  if (seen >= ROUNDS)
    atr_waker_close(waker);
}

static int begin(void **state)
{
  (void)state;
  atomic_store(&written, 0);
  seen = calls = 0;
  assert_int_equal(uv_loop_init(&loop), 0);
  assert_ok(atr_waker_new(&waker, &loop, on_wake, &loop));
  return 0;
}

static int end(void **state)
{
  (void)state;
  atr_waker_close(waker); /* the second time, in most tests */
  uv_run(&loop, UV_RUN_DEFAULT);
  atr_waker_free(waker);
  assert_int_equal(uv_loop_close(&loop), 0);
  return 0;
}

static void write_and_wake(void *arg)
{
  (void)arg;
  for (unsigned i = 1; i <= ROUNDS; i++) {
    atomic_store(&written, i);
    atr_waker_wake(waker);
  }
}

/* Ends only when the last number was seen; a wake-up that is lost shows as a test that does not end. */
static void nothing_that_was_written_stays_unseen(void **state)
{
  uv_thread_t thread;

  (void)state;
  assert_int_equal(uv_thread_create(&thread, write_and_wake, NULL), 0);
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_thread_join(&thread);
  assert_int_equal(seen, ROUNDS);
}

static void a_loop_that_does_not_run_blocks_nobody(void **state)
{
  (void)state;
  for (int i = 0; i < MORE_THAN_A_PIPE_HOLDS; i++)
    atr_waker_wake(waker);
  atomic_store(&written, ROUNDS);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(seen, ROUNDS);
}

static void a_loop_that_sleeps_is_woken_once(void **state)
{
  (void)state;
  uv_run(&loop, UV_RUN_NOWAIT);
  assert_int_equal(calls, 0);
  atr_waker_wake(waker);
  uv_run(&loop, UV_RUN_ONCE);
  uv_run(&loop, UV_RUN_NOWAIT);
  assert_int_equal(calls, 1);
}

static void waking_after_the_end_is_harmless(void **state)
{
  (void)state;
  atr_waker_close(waker);
  atr_waker_wake(waker);
  uv_run(&loop, UV_RUN_DEFAULT);
  atr_waker_wake(waker);
  assert_int_equal(calls, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(nothing_that_was_written_stays_unseen, begin, end),
      cmocka_unit_test_setup_teardown(a_loop_that_does_not_run_blocks_nobody, begin, end),
      cmocka_unit_test_setup_teardown(a_loop_that_sleeps_is_woken_once, begin, end),
      cmocka_unit_test_setup_teardown(waking_after_the_end_is_harmless, begin, end),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
