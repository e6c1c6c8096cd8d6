/* SPDX-License-Identifier: MIT
 *
 * atr_filter: what streams that run over another stream have in common (tls.c, websocket.c).
 *
 * Such a stream takes what the lower one delivers, changes it, and gives it up; and the other way round. All that is
 * not about the change stands here: the life cycle, what waits in either direction, the end.
 *
 * - `out` is what waits for the lower stream. It goes down whole, and the filter is writable while it is empty.
 * - `held` is what came while the owner did not read; the task delivers it later.
 * - Callbacks of the owner may close the stream. Whoever calls them stands between atr_filter_enter() and
 *   atr_filter_leave(), asks atr_filter_is_over() afterwards, and the memory is freed by the last to leave.
 *
 * @locality everything here runs on the loop's thread.
 */
#ifndef ATR_TRANSPORT_FILTER_H
#define ATR_TRANSPORT_FILTER_H

#include "transport/stream.h"

typedef struct atr_filter atr_filter;

typedef struct atr_filter_kind {
  /* Puts what the protocol says at its end into `out`; only once it is open. */
  void (*say_goodbye)(atr_filter *f);
  /* Frees what the kind owns, and the struct; not `held` and `out`. */
  void (*destroy)(atr_filter *f);
} atr_filter_kind;

/* A kind's struct begins with it. */
struct atr_filter {
  atr_stream base;
  const atr_filter_kind *kind;
  atr_stream *lower;
  atr_buf held;
  atr_buf out;
  atr_net_task task;
  bool reading, open, ended, shut, closed;
  int busy;
};

/* Of zeroed memory. Takes `lower` and what it knows of its peer; `run` is the task's. `out` holds one buffer of the
 * owner and what the kind adds to it. */
void atr_filter_init(atr_filter *f, const atr_stream_kind *stream_kind, const atr_filter_kind *kind, atr_stream *lower,
                     const atr_stream_callbacks *from_below, void (*run)(atr_net_task *), size_t held_bytes_max);

atr_filter *atr_filter_of_task(atr_net_task *task);

void atr_filter_enter(atr_filter *f);
void atr_filter_leave(atr_filter *f);
bool atr_filter_is_over(const atr_filter *f);

/* Tells the owner, once. */
void atr_filter_end(atr_filter *f, int err, const char *detail);

/* Sends `out` if the lower stream takes it now; else its on_writable() does. */
int atr_filter_flush(atr_filter *f);

/* The end of a write: what is in `out` goes down. `err` is what the kind has met before; gives the result of all. */
int atr_filter_written(atr_filter *f, int err);

/* Functions of atr_stream_kind that all have in common. */
void atr_filter_read_start(atr_stream *stream);
void atr_filter_shutdown(atr_stream *stream);
void atr_filter_close(atr_stream *stream);

/* And of the callbacks from below. */
void atr_filter_lower_writable(void *ctx);

#endif
