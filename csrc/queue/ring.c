/* SPDX-License-Identifier: MIT
 *
 * See ring.h for the design and for the reason of every memory order below. */
#include "queue/ring.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/error.h"

/* Two lines: the prefetcher of current processors fetches them in pairs. Padding of that size keeps the groups below on
 * lines of their own wherever the struct begins, so plain malloc will do. */
enum { CACHE_BYTES = 128 };

static const size_t slots_max = (size_t)1 << 24;

struct atr_ring {
  /* Constant. */
  uint64_t mask;
  void **slots;
  char pad0[CACHE_BYTES];

  /* Written by the producer. */
  _Atomic uint64_t tail;
  uint64_t head_seen; /* producer's last look at `head`: at most the true one */
  char pad1[CACHE_BYTES];

  /* Written by the consumer. */
  _Atomic uint64_t head;
  uint64_t tail_seen; /* consumer's last look at `tail` */
  char pad2[CACHE_BYTES];

  /* Written by both, but only around sleeping. */
  atomic_bool sleeping;
  char pad3[CACHE_BYTES];
};

atr_ring *atr_ring_new(size_t slots)
{
  size_t n = 2;
  atr_ring *ring;

  while (n < slots && n < slots_max)
    n *= 2;
  ring = malloc(sizeof *ring);
  if (!ring)
    return NULL;
  ring->slots = malloc(n * sizeof *ring->slots);
  if (!ring->slots) {
    free(ring);
    return NULL;
  }
  atomic_init(&ring->tail, 0);
  atomic_init(&ring->head, 0);
  /* The consumer has not run yet and may never have looked: the first push wakes it. */
  atomic_init(&ring->sleeping, true);
  ring->head_seen = ring->tail_seen = 0;
  ring->mask = n - 1;
  return ring;
}

void atr_ring_free(atr_ring *ring, void (*drop)(void *item, void *ctx), void *ctx)
{
  void *item;

  if (!ring)
    return;
  while (atr_ring_pop(ring, &item, 1))
    if (drop)
      drop(item, ctx);
  free(ring->slots);
  free(ring);
}

int atr_ring_push(atr_ring *ring, void *item)
{
  uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

  if (tail - ring->head_seen > ring->mask) {
    ring->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
    if (tail - ring->head_seen > ring->mask)
      return ATR_FULL;
  }
  ring->slots[tail & ring->mask] = item;
  atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
  return 0;
}

bool atr_ring_must_wake(atr_ring *ring)
{
  uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

  atomic_store_explicit(&ring->tail, tail, memory_order_seq_cst);
  if (!atomic_load_explicit(&ring->sleeping, memory_order_seq_cst))
    return false;
  return atomic_exchange_explicit(&ring->sleeping, false, memory_order_acq_rel);
}

size_t atr_ring_pop(atr_ring *ring, void **items, size_t max)
{
  uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
  size_t n;

  if (ring->tail_seen - head < max)
    ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
  n = (size_t)(ring->tail_seen - head);
  if (n > max)
    n = max;
  for (size_t i = 0; i < n; i++)
    items[i] = ring->slots[(head + i) & ring->mask];
  if (n)
    atomic_store_explicit(&ring->head, head + n, memory_order_release);
  return n;
}

bool atr_ring_sleep(atr_ring *ring)
{
  uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

  atomic_store_explicit(&ring->sleeping, true, memory_order_seq_cst);
  /* Not kept in `tail_seen`: another thread of the consumer's side may be popping. */
  if (atomic_load_explicit(&ring->tail, memory_order_seq_cst) == head)
    return true;
  /* Awake after all. A producer that saw the flag meanwhile wakes for nothing, which is harmless. */
  atomic_store_explicit(&ring->sleeping, false, memory_order_relaxed);
  return false;
}

size_t atr_ring_count(const atr_ring *ring)
{
  /* head first: the tail that is read after it is at least as far. */
  uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
  uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);

  return (size_t)(tail - head);
}

size_t atr_ring_slots(const atr_ring *ring)
{
  return (size_t)ring->mask + 1;
}
