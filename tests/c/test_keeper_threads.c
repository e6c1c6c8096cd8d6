/* SPDX-License-Identifier: MIT
 *
 * A file that follows what is in memory: changes gather, whoever waits is told when his is on the disk and not before, a disk that fails loses
 * nothing, and the end leaves nothing behind. The loop that asks is never held up, but by the end. */
#include "home_test.h"
#include "test.h"

#include "server/keeper.h"

#include <unistd.h>

enum { POOL_THREADS = 4 };

static uv_loop_t loop;
static atr_kept file;
static atr_keeper *keeper;
static unsigned decided; /* what is in memory */
static unsigned writes;

static int write_decided(const void *of, atr_buf *out)
{
  char text[16];

  snprintf(text, sizeof text, "%u\n", *(const unsigned *)of);
  writes++;
  return atr_buf_append_str(out, text);
}

/* What is on the disk. */
static unsigned kept(void)
{
  char text[16] = "0";
  FILE *f = fopen(file.path, "r");

  if (f && !fgets(text, sizeof text, f))
    text[0] = 0;
  if (f)
    fclose(f);
  return (unsigned)strtoul(text, NULL, 10);
}

static void decide(unsigned n)
{
  decided = n;
  file.is_changed = true;
}

static int begin(void **state)
{
  make_home(state);
  decided = writes = 0;
  file = (atr_kept){.bytes_max = 1000, .write = write_decided, .of = &decided};
  snprintf(file.path, sizeof file.path, "%s/decisions", home);
  return uv_loop_init(&loop) || atr_keeper_new(&keeper, &loop, &file);
}

static int end(void **state)
{
  atr_keeper_end(keeper);
  uv_run(&loop, UV_RUN_DEFAULT);
  atr_keeper_free(keeper);
  return uv_loop_close(&loop) || remove_home(state);
}

/* Somebody who waits, and what was on the disk when he was told. */
struct waiting {
  unsigned told, kept;
  int err;
};

static void note(void *ctx, int err)
{
  struct waiting *w = ctx;

  w->told++;
  w->err = err;
  w->kept = kept();
}

static void until_told(const struct waiting *w)
{
  while (!w->told) {
    assert_int_not_equal(uv_loop_alive(&loop), 0);
    uv_run(&loop, UV_RUN_ONCE);
  }
}

static void many_changes_become_one_write(void **state)
{
  (void)state;
  decide(1);
  atr_keeper_tick(keeper, 5000);
  for (unsigned n = 2; n <= 100; n++) {
    decide(n);
    atr_keeper_tick(keeper, 5000 + n);
  }
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(writes, 1);
  assert_int_equal(kept(), 1);
  atr_keeper_tick(keeper, 5000 + ATR_KEEP_MS - 1);
  assert_int_equal(writes, 1);
  atr_keeper_tick(keeper, 5000 + ATR_KEEP_MS);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(writes, 2);
  assert_int_equal(kept(), 100);
  atr_keeper_tick(keeper, 5000 + 10 * ATR_KEEP_MS);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(writes, 2);
}

static void who_waits_is_told_when_it_is_on_the_disk(void **state)
{
  struct waiting first = {0}, second = {0}, third = {0};

  (void)state;
  decide(1);
  atr_keeper_then(keeper, note, &first);
  decide(2); /* the write of the first is under way */
  atr_keeper_then(keeper, note, &second);
  decide(3);
  atr_keeper_then(keeper, note, &third);
  assert_true(atr_keeper_is_awaited(keeper));
  assert_false(first.told);
  until_told(&first);
  assert_int_equal(first.kept, 1);
  until_told(&third);
  assert_int_equal(second.told, 1);
  assert_int_equal(second.kept, 3);
  assert_int_equal(third.kept, 3);
  assert_int_equal(writes, 2);
  assert_false(atr_keeper_is_awaited(keeper));
}

static void who_changed_nothing_is_told_at_once_or_with_what_is_under_way(void **state)
{
  struct waiting first = {0}, second = {0}, third = {0};

  (void)state;
  atr_keeper_then(keeper, note, &first);
  assert_int_equal(first.told, 1);
  assert_ok(first.err);
  decide(1);
  atr_keeper_then(keeper, note, &second);
  atr_keeper_then(keeper, note, &third); /* the first may have been decided by it as well */
  assert_false(third.told);
  until_told(&third);
  assert_int_equal(third.kept, 1);
  assert_int_equal(writes, 1);
}

static void a_disk_that_fails_loses_nothing(void **state)
{
  struct waiting first = {0}, second = {0};

  (void)state;
  atr_keeper_tick(keeper, 5000);
  assert_int_equal(rmdir(home), 0);
  decide(1);
  atr_keeper_then(keeper, note, &first);
  until_told(&first);
  assert_err(first.err, ATR_IO);
  assert_int_equal(mkdir(home, 0700), 0);
  atr_keeper_tick(keeper, 5000 + ATR_KEEP_AGAIN_MS - 1);
  assert_int_equal(writes, 1);
  atr_keeper_tick(keeper, 5000 + ATR_KEEP_AGAIN_MS);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(kept(), 1);
  decide(2);
  atr_keeper_then(keeper, note, &second); /* and nobody waits because of what was before */
  until_told(&second);
  assert_ok(second.err);
  assert_int_equal(second.kept, 2);
}

static void the_end_waits_for_all_of_it(void **state)
{
  struct waiting first = {0}, second = {0}, late = {0};

  (void)state;
  decide(1);
  atr_keeper_then(keeper, note, &first);
  decide(2);
  atr_keeper_then(keeper, note, &second);
  atr_keeper_end(keeper);
  assert_int_equal(first.told, 1);
  assert_int_equal(first.kept, 1);
  assert_int_equal(second.told, 1);
  assert_int_equal(second.kept, 2);
  decide(3);
  atr_keeper_then(keeper, note, &late);
  assert_int_equal(late.kept, 3);
}

/* A decision that follows from one that was just told. */
static void decide_more(void *ctx, int err)
{
  (void)err;
  decide(7);
  atr_keeper_then(keeper, note, ctx);
}

static void whoever_is_told_may_decide_at_once(void **state)
{
  struct waiting more = {0}, late = {0};

  (void)state;
  decide(1);
  atr_keeper_then(keeper, decide_more, &more);
  until_told(&more);
  assert_int_equal(more.kept, 7);
  decide(1);
  atr_keeper_then(keeper, decide_more, &late);
  atr_keeper_end(keeper);
  assert_int_equal(late.kept, 7);
}

/* --- a pool without a free thread ------------------------------------------------------------------------------- */

static uv_sem_t go;

static void occupy(uv_work_t *work)
{
  (void)work;
  uv_sem_wait(&go);
}

static void over(uv_work_t *work, int status)
{
  (void)work;
  (void)status;
}

static void the_end_does_not_wait_for_the_pool(void **state)
{
  uv_work_t works[POOL_THREADS];
  struct waiting first = {0};

  (void)state;
  assert_int_equal(uv_sem_init(&go, 0), 0);
  for (int i = 0; i < POOL_THREADS; i++)
    assert_int_equal(uv_queue_work(&loop, &works[i], occupy, over), 0);
  decide(1);
  atr_keeper_then(keeper, note, &first);
  atr_keeper_end(keeper);
  assert_int_equal(first.kept, 1);
  for (int i = 0; i < POOL_THREADS; i++)
    uv_sem_post(&go);
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_sem_destroy(&go);
  assert_int_equal(first.told, 1);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(many_changes_become_one_write, begin, end),
      cmocka_unit_test_setup_teardown(who_waits_is_told_when_it_is_on_the_disk, begin, end),
      cmocka_unit_test_setup_teardown(who_changed_nothing_is_told_at_once_or_with_what_is_under_way, begin, end),
      cmocka_unit_test_setup_teardown(a_disk_that_fails_loses_nothing, begin, end),
      cmocka_unit_test_setup_teardown(the_end_waits_for_all_of_it, begin, end),
      cmocka_unit_test_setup_teardown(whoever_is_told_may_decide_at_once, begin, end),
      cmocka_unit_test_setup_teardown(the_end_does_not_wait_for_the_pool, begin, end),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
