/* SPDX-License-Identifier: MIT
 *
 * atr_ring: a bounded lock-free queue of owned pointers, from one producer thread to one consumer thread.
 *
 * Ownership. What was pushed with success belongs to the ring, then to whoever pops it. A full ring is a return
 * value (ATR_FULL) and leaves the item with the caller; nothing is ever dropped. What is left when the ring is
 * freed goes through the destructor that atr_ring_free takes.
 *
 * How it works. `tail` counts the items ever pushed, `head` those ever popped; both only grow and wrap as 64-bit
 * numbers never do in practice; slot i is at i modulo the power-of-two size. Each counter is written by one side
 * only and lives on a cache line of its own, together with that side's last look at the other counter: while the
 * cached value proves that there is room (or an item), the other side's line is not touched at all.
 *
 *   push: slot[tail] = item;  store tail + 1, RELEASE      the item is visible before the count that admits it
 *   pop:  load tail, ACQUIRE; item = slot[head]            pairs with that store
 *         store head + 1, RELEASE                          the slot was read before it is given back
 *   push: load head, ACQUIRE; slot[tail] = next item       pairs with that store: no slot is overwritten unread
 *
 * Waking. The consumer mostly sleeps in its own loop (uv_run, or Blender between two ticks) and must be woken by
 * a call that costs microseconds, so one wake-up shall stand for many pushes:
 *
 *   consumer: pop a batch; when the ring is empty, atr_ring_sleep; when that returns true it may sleep,
 *             when false something arrived meanwhile and it pops again.
 *             When it stops after ATR_QUEUE_DRAIN_MAX items with more left, it wakes itself instead of sleeping.
 *   producer: push any number, then once: if (atr_ring_must_wake(ring)) wake the consumer (atr_waker_wake).
 *
 *   atr_ring_sleep:      store sleeping = 1, SEQ_CST;      load tail, SEQ_CST: empty?
 *   atr_ring_must_wake:  store tail again,   SEQ_CST;      load sleeping, SEQ_CST: asleep?
 *
 * Each side stores its own flag and then looks at the other's. With weaker orders both loads could run before
 * both stores: the consumer would see an empty ring, the producer an awake consumer, and the item would lie
 * there for ever. All four being sequentially consistent there is one order of them: whichever store comes
 * second in it, the load after it sees the first. The producer stores the unchanged tail a second time so that a
 * push itself need not pay for a full barrier. The one who turns `sleeping` from 1 to 0 has the duty to wake, and
 * an exchange gives it to one only. A woken consumer that finds nothing is normal.
 *
 * atr_ring_sleep touches nothing but atomics, so the consumer may have a thread that only sleeps for it while another pops: it may then sleep although an
 * item was there that the other has taken, or be told of one that is gone, both of which a limit on its sleep makes harmless. */
#ifndef ATR_QUEUE_RING_H
#define ATR_QUEUE_RING_H

#include <stdbool.h>
#include <stddef.h>

typedef struct atr_ring atr_ring;

/* A ring of at least `slots` slots (rounded up to a power of two, at most 2^24). NULL when memory is short. */
atr_ring *atr_ring_new(size_t slots);

/* Frees the ring; `drop(item, ctx)` gets what was never popped (NULL: nothing may be left).
 * @locality either thread, once the other one has ended or will never touch the ring again */
void atr_ring_free(atr_ring *ring, void (*drop)(void *item, void *ctx), void *ctx);

/* Adds `item` (not NULL). 0: the ring owns it now. ATR_FULL: the caller still owns it.
 * @locality producer  @locks none */
int atr_ring_push(atr_ring *ring, void *item);

/* True where the consumer sleeps and the caller is the one to wake it. To be called after a push or a batch of
 * pushes, and never needed before one.
 * @locality producer  @locks none */
bool atr_ring_must_wake(atr_ring *ring);

/* Takes up to `max` items in order; returns how many. The caller owns them.
 * @locality consumer  @locks none */
size_t atr_ring_pop(atr_ring *ring, void **items, size_t max);

/* Announces that the consumer is about to sleep. False: something is there, go on popping.
 * @locality consumer, or one thread that sleeps for it  @locks none */
bool atr_ring_sleep(atr_ring *ring);

/* Items in the ring at some moment during the call; exact on a quiet ring. Either thread. */
size_t atr_ring_count(const atr_ring *ring);

size_t atr_ring_slots(const atr_ring *ring);

#endif
