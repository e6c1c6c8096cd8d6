/* SPDX-License-Identifier: MIT
 *
 * Shared bytes are read and released by several threads at once: under ThreadSanitizer a missing order between the
 * last read on one thread and the free on another is a report, under AddressSanitizer a use after free. The log's sink
 * is set and used meanwhile, and the lazily made parts of the hashes are first used by all threads at once. */
#include "test.h"

#include <pthread.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"

enum { THREADS = 4, ROUNDS = 20000 };

static atr_bytes *shared[ROUNDS];

static void *read_and_release(void *arg)
{
  uint64_t *sum = arg;
  atr_hash hash;

  if (atr_sha256_of("x", 1, &hash))
    return NULL;
  *sum += atr_hash_seed();
  for (int i = 0; i < ROUNDS; i++) {
    *sum += atr_bytes_data(shared[i])[i % 64];
    atr_log(ATR_LOG_INFO, "round %d", i);
    atr_bytes_release(shared[i]);
  }
  return NULL;
}

static void ignore_line(void *ctx, enum atr_log_level level, const char *line)
{
  (void)ctx;
  (void)level;
  (void)line;
}

static void the_last_owner_frees(void **state)
{
  static const atr_log_sink sink = {ATR_LOG_INFO, ignore_line, NULL};
  pthread_t threads[THREADS];
  uint64_t sums[THREADS] = {0};

  (void)state;
  for (int i = 0; i < ROUNDS; i++) {
    shared[i] = atr_bytes_new(64);
    memset(atr_bytes_mutable(shared[i]), i & 0xff, 64);
    for (int t = 1; t < THREADS; t++)
      atr_bytes_retain(shared[i]);
  }
  for (int t = 0; t < THREADS; t++)
    assert_int_equal(pthread_create(&threads[t], NULL, read_and_release, &sums[t]), 0);
  for (int i = 0; i < 1000; i++)
    atr_log_set_sink(i % 2 ? NULL : &sink);
  for (int t = 0; t < THREADS; t++)
    pthread_join(threads[t], NULL);
  for (int t = 1; t < THREADS; t++)
    assert_int_equal(sums[t], sums[0]); /* and all saw one seed */
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_last_owner_frees)};

  return cmocka_run_group_tests(tests, NULL, NULL);
}
