/* SPDX-License-Identifier: MIT
 *
 * atr_net: what all streams of one loop share.
 *
 * Two things. First, read buffers: a connection needs ATR_READ_BYTES of room only between the moment the kernel has
 * bytes and the moment they are parsed, so 1,024 idle connections share one buffer instead of holding 128 MiB.
 * Second, calls for later: many events of one turn of the loop (a hundred operations arrive, each wakes ten sessions)
 * shall cost one flush per session. Whoever has something to do puts its task on a list that is emptied right before
 * the loop polls again; it also gives every callback that ends something a stack of its own, so that no object is
 * freed below its user.
 *
 * @locality everything here runs on the loop's thread.
 */
#ifndef ATR_TRANSPORT_NET_H
#define ATR_TRANSPORT_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

typedef struct atr_net atr_net;

/* A call for later, embedded in its owner and zeroed before its first use. */
typedef struct atr_net_task {
  struct atr_net_task *next;
  struct atr_net_task *prev;
  void (*run)(struct atr_net_task *task);
} atr_net_task;

/* `loop` is borrowed and outlives the net. 0 or ATR_NOMEM. */
int atr_net_new(atr_net **out, uv_loop_t *loop);

/* To be called when no stream, listener or race is left; the memory goes with the next turn of the loop. */
void atr_net_free(atr_net *net);

uv_loop_t *atr_net_loop(const atr_net *net);

/* A number for each turn of the loop. */
uint64_t atr_net_turn(const atr_net *net);

/* Monotonic clock in microseconds, read anew (uv_now() is the time when this turn of the loop began). */
uint64_t atr_net_now_us(void);

/* Runs `task->run` before the loop polls again. Queued already: nothing happens. */
void atr_net_later(atr_net *net, atr_net_task *task);

/* Takes it off the list; whoever frees a task's owner calls this. */
void atr_net_task_cancel(atr_net_task *task);

/* A buffer of ATR_READ_BYTES, NULL when memory is short, and its return. */
uint8_t *atr_net_buffer_take(atr_net *net);
void atr_net_buffer_give(atr_net *net, uint8_t *buffer);

#endif
