/* SPDX-License-Identifier: MIT
 *
 * Translating "the application had taken E `doc` events" into "it had taken event N of this room".
 *
 * The application only remembers one number for the whole engine. Events of one room that follow each other in the queue are one run here, so
 * with one room the list has one entry; with several it has as many as there are changes of room among the events that
 * the application has not taken yet. */
#ifndef ATR_CLIENT_SEEN_H
#define ATR_CLIENT_SEEN_H

#include <stddef.h>
#include <stdint.h>

typedef struct atr_seen_run {
  uint64_t e, n, count; /* events e ... e + count - 1 of the engine are events n ... of the room */
} atr_seen_run;

typedef struct atr_seen {
  atr_seen_run *runs; /* ascending */
  size_t n_runs, cap;
  uint64_t n; /* newest event of the room that is known to be taken */
} atr_seen;

/* Event `e` of the engine was queued and is event `n` of the room. 0 or ATR_NOMEM. */
int atr_seen_queued(atr_seen *seen, uint64_t e, uint64_t n);

/* The newest event of the room among the first `e` of the engine. `e` never decreases from call to call. */
uint64_t atr_seen_taken(atr_seen *seen, uint64_t e);

void atr_seen_free(atr_seen *seen);

#endif
