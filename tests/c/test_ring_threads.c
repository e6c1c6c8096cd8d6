/* SPDX-License-Identifier: MIT
 *
 * The ring under load: order, ownership, full and empty, and no lost wake-up.
 *
 * A wake-up that is lost shows only where no later push makes up for it. So in one test the producer pushes a single item
 * and waits until it was taken, while the consumer, having taken one, goes to sleep: both meet in the window for which
 * the four sequentially consistent operations are there, a million times. Without either of the two stores
 * it fails in most runs (on x86; elsewhere without the order of the loads, too). Items are counted blocks of memory: the
 * sanitizers see a lost or doubled one.
 *
 * The numbers of items take seconds where each thread has a processor. Where they must share one, each turn of theirs may cost a time
 * slice: then a stress ends after STRESS_S with as many as it got through. */
#include "test.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

#include "queue/ring.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define ITEMS 1000000u
#else
#define ITEMS 4000000u
#endif

static void capacity_is_a_return_value(void **state)
{
  atr_ring *ring = atr_ring_new(5);
  int items[8];
  void *out[8];

  (void)state;
  assert_int_equal(atr_ring_slots(ring), 8);
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < 8; i++)
      assert_ok(atr_ring_push(ring, &items[i]));
    assert_err(atr_ring_push(ring, &items[0]), ATR_FULL);
    assert_int_equal(atr_ring_count(ring), 8);
    assert_int_equal(atr_ring_pop(ring, out, 3), 3);
    assert_ptr_equal(out[2], &items[2]);
    assert_int_equal(atr_ring_pop(ring, out, 8), 5);
    assert_ptr_equal(out[0], &items[3]);
    assert_int_equal(atr_ring_pop(ring, out, 8), 0);
  }
  atr_ring_free(ring, NULL, NULL);
}

static void count_drop(void *item, void *ctx)
{
  free(item);
  ++*(int *)ctx;
}

static void what_is_left_goes_through_the_destructor(void **state)
{
  atr_ring *ring = atr_ring_new(16);
  int dropped = 0;

  (void)state;
  for (int i = 0; i < 10; i++)
    assert_ok(atr_ring_push(ring, malloc(16)));
  atr_ring_free(ring, count_drop, &dropped);
  assert_int_equal(dropped, 10);
  atr_ring_free(NULL, NULL, NULL);
}

static void one_wake_up_stands_for_many_pushes(void **state)
{
  atr_ring *ring = atr_ring_new(16);
  int item;
  void *out;

  (void)state;
  assert_ok(atr_ring_push(ring, &item));
  assert_true(atr_ring_must_wake(ring)); /* a consumer that never ran is asleep */
  assert_ok(atr_ring_push(ring, &item));
  assert_false(atr_ring_must_wake(ring));
  assert_false(atr_ring_sleep(ring)); /* there is something */
  assert_int_equal(atr_ring_pop(ring, &out, 1), 1);
  assert_int_equal(atr_ring_pop(ring, &out, 1), 1);
  assert_true(atr_ring_sleep(ring));
  assert_ok(atr_ring_push(ring, &item));
  assert_true(atr_ring_must_wake(ring));
  assert_false(atr_ring_must_wake(ring));
  assert_int_equal(atr_ring_pop(ring, &out, 1), 1);
  atr_ring_free(ring, NULL, NULL);
}

#define STRESS_S 40

static time_t now_s(void)
{
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec;
}

struct stress {
  atr_ring *ring;
  sem_t wake;
  atomic_uint items; /* lowered by the producer when its time is over */
  uint64_t wakes;
  unsigned batch_max; /* pushes before one look at must_wake */
  atomic_bool failed;
};

static void *produce(void *arg)
{
  struct stress *s = arg;
  uint64_t random = test_seed(), pushed = 0;
  time_t end = now_s() + STRESS_S;

  while (pushed < ITEMS && (pushed % 64 || now_s() < end)) {
    uint64_t batch = 1 + test_below(&random, s->batch_max);

    for (; batch && pushed < ITEMS; batch--, pushed++) {
      uint32_t *item = malloc(sizeof *item);

      *item = (uint32_t)pushed;
      while (atr_ring_push(s->ring, item)) { /* full: it is still ours */
        if (atr_ring_must_wake(s->ring)) {
          s->wakes++;
          sem_post(&s->wake);
        }
        sched_yield();
      }
    }
    if (atr_ring_must_wake(s->ring)) {
      s->wakes++;
      sem_post(&s->wake);
    }
  }
  atomic_store(&s->items, (unsigned)pushed);
  sem_post(&s->wake);
  return NULL;
}

/* False after 20 seconds without a wake-up: one was lost. */
static bool sleep_until_woken(struct stress *s)
{
  struct timespec deadline;

  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_sec += 20;
  return sem_timedwait(&s->wake, &deadline) == 0;
}

static void *consume(void *arg)
{
  struct stress *s = arg;
  uint64_t random = test_seed() + 1;
  uint32_t expected = 0;
  void *items[64];

  while (expected < atomic_load(&s->items) && !atomic_load(&s->failed)) {
    size_t n = atr_ring_pop(s->ring, items, 1 + test_below(&random, 64));

    for (size_t i = 0; i < n; i++) {
      if (*(uint32_t *)items[i] != expected++)
        atomic_store(&s->failed, true);
      free(items[i]);
    }
    if (!n && atr_ring_sleep(s->ring) && !sleep_until_woken(s))
      atomic_store(&s->failed, true);
  }
  return NULL;
}

static void run_stress(size_t slots, unsigned batch_max)
{
  struct stress s = {.ring = atr_ring_new(slots), .batch_max = batch_max, .items = ITEMS};
  pthread_t producer, consumer;

  sem_init(&s.wake, 0, 0);
  assert_int_equal(pthread_create(&consumer, NULL, consume, &s), 0);
  assert_int_equal(pthread_create(&producer, NULL, produce, &s), 0);
  pthread_join(producer, NULL);
  pthread_join(consumer, NULL);
  assert_false(atomic_load(&s.failed));
  assert_int_equal(atr_ring_count(s.ring), 0);
  print_message("    %zu slots, batches up to %u: %llu wake-ups for %u items\n", slots, batch_max,
                (unsigned long long)s.wakes, atomic_load(&s.items));
  sem_destroy(&s.wake);
  atr_ring_free(s.ring, NULL, NULL);
}

static void nothing_is_lost_in_a_tiny_ring(void **state)
{
  (void)state;
  run_stress(2, 1);
}

static void nothing_is_lost_in_batches(void **state)
{
  (void)state;
  run_stress(1024, 100);
}

static void nothing_is_lost_in_a_large_ring(void **state)
{
  (void)state;
  run_stress(ATR_QUEUE_SLOTS, 1);
}

/* --- one item at a time ---------------------------------------------------------------------------------------------- */

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define LONELY_ITEMS 30000u
#else
#define LONELY_ITEMS 1000000u
#endif

struct lonely {
  atr_ring *ring;
  atomic_uint items, wakes, taken;
  atomic_bool failed;
};

/* Spins, so that both threads are on a processor when it matters. False after 20 seconds. */
static bool wait_until_above(const atomic_uint *counter, unsigned value, const atomic_bool *failed)
{
  time_t deadline = time(NULL) + 20;

  for (unsigned spins = 0; atomic_load_explicit(counter, memory_order_acquire) <= value; spins++) {
    if (spins % 1000 == 999)
      sched_yield();
    if (spins % 100000 == 99999 && (time(NULL) > deadline || atomic_load(failed)))
      return false;
  }
  return true;
}

/* So that the two meet at every distance. */
static void pause_a_little(uint64_t *random)
{
  for (volatile size_t n = test_below(random, 100); n; n--)
    ;
}

static void *push_one_by_one(void *arg)
{
  struct lonely *l = arg;
  uint64_t random = test_seed();
  time_t end = now_s() + STRESS_S;
  unsigned i = 0;

  for (; i < LONELY_ITEMS && (i % 64 || now_s() < end) && !atomic_load(&l->failed); i++) {
    pause_a_little(&random);
    atr_ring_push(l->ring, l);
    if (atr_ring_must_wake(l->ring))
      atomic_fetch_add(&l->wakes, 1);
    if (!wait_until_above(&l->taken, i, &l->failed))
      atomic_store(&l->failed, true);
  }
  atomic_store(&l->items, i);
  atomic_fetch_add(&l->wakes, 1);
  return NULL;
}

static void *take_one_by_one(void *arg)
{
  struct lonely *l = arg;
  uint64_t random = test_seed() + 1;
  unsigned taken = 0, wakes = 0;
  void *item;

  while (taken < atomic_load(&l->items) && !atomic_load(&l->failed)) {
    if (atr_ring_pop(l->ring, &item, 1)) {
      atomic_store_explicit(&l->taken, ++taken, memory_order_release);
      pause_a_little(&random);
    } else if (atr_ring_sleep(l->ring)) {
      if (!wait_until_above(&l->wakes, wakes, &l->failed))
        atomic_store(&l->failed, true);
      wakes = atomic_load(&l->wakes);
    }
  }
  return NULL;
}

static void no_wake_up_is_lost(void **state)
{
  struct lonely l = {.ring = atr_ring_new(16), .items = LONELY_ITEMS};
  pthread_t producer, consumer;

  (void)state;
  assert_int_equal(pthread_create(&consumer, NULL, take_one_by_one, &l), 0);
  assert_int_equal(pthread_create(&producer, NULL, push_one_by_one, &l), 0);
  pthread_join(producer, NULL);
  pthread_join(consumer, NULL);
  assert_false(atomic_load(&l.failed));
  atr_ring_free(l.ring, NULL, NULL);
}

/* --- a thread that sleeps while another takes ------------------------------------------------------------------------- */

struct shared {
  atr_ring *ring;
  atomic_bool is_over;
};

static void *push_numbers(void *arg)
{
  struct shared *s = arg;

  for (uintptr_t i = 1; i <= LONELY_ITEMS; i++)
    while (atr_ring_push(s->ring, (void *)i) != 0)
      sched_yield();
  return NULL;
}

static void *sleep_all_the_time(void *arg)
{
  struct shared *s = arg;

  while (!atomic_load(&s->is_over))
    (void)atr_ring_sleep(s->ring);
  return NULL;
}

/* As Engine.wait() does without the GIL beside another thread's poll(): it must not touch what only the one who pops may. */
static void who_sleeps_leaves_alone_what_belongs_to_who_pops(void **state)
{
  struct shared s = {.ring = atr_ring_new(8)};
  pthread_t producer, sleeper;
  uintptr_t taken = 0;
  void *item;

  (void)state;
  assert_int_equal(pthread_create(&sleeper, NULL, sleep_all_the_time, &s), 0);
  assert_int_equal(pthread_create(&producer, NULL, push_numbers, &s), 0);
  while (taken < LONELY_ITEMS) {
    if (!atr_ring_pop(s.ring, &item, 1))
      sched_yield();
    else if ((uintptr_t)item != ++taken)
      fail_msg("%zu came in the place of %zu", (size_t)(uintptr_t)item, (size_t)taken);
  }
  atomic_store(&s.is_over, true);
  pthread_join(producer, NULL);
  pthread_join(sleeper, NULL);
  atr_ring_free(s.ring, NULL, NULL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(capacity_is_a_return_value),
      cmocka_unit_test(what_is_left_goes_through_the_destructor),
      cmocka_unit_test(one_wake_up_stands_for_many_pushes),
      cmocka_unit_test(nothing_is_lost_in_a_tiny_ring),
      cmocka_unit_test(nothing_is_lost_in_batches),
      cmocka_unit_test(nothing_is_lost_in_a_large_ring),
      cmocka_unit_test(no_wake_up_is_lost),
      cmocka_unit_test(who_sleeps_leaves_alone_what_belongs_to_who_pops),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
