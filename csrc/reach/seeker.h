/* SPDX-License-Identifier: MIT
 *
 * The client's side of finding hosts: asks on every network at once, again after ATR_DISCOVERY_SECOND_MS, then every
 * ATR_DISCOVERY_QUERY_MS, and keeps who has answered.
 *
 * An answer counts only where it repeats the random number of one of the last two questions, so that nobody who does not hear them can put a
 * host into the list. What it says is a hint all the same: neighbors.h says what follows from that.
 *
 * @locality everything here runs on the loop's thread. */
#ifndef ATR_REACH_SEEKER_H
#define ATR_REACH_SEEKER_H

#include "reach/neighbors.h"

#include <stdint.h>
#include <uv.h>

typedef struct atr_seeker atr_seeker;

typedef struct atr_seeker_callbacks {
  /* What is shown has changed. It may free the seeker. */
  void (*on_change)(void *ctx, const atr_neighbors *neighbors);
  /* What is known of this key at this address; asked once for each that is new. */
  atr_known (*knows)(void *ctx, const char *address, const atr_hash *key);
  void *ctx;
} atr_seeker_callbacks;

/* Asks at once. `discovery_port` 0: ATR_DISCOVERY_PORT. 0, ATR_NOMEM, or ATR_IO where no socket could be had. */
int atr_seeker_new(atr_seeker **out, uv_loop_t *loop, uint16_t discovery_port, const atr_seeker_callbacks *callbacks);

/* As they were told last, or are about to be. */
const atr_neighbors *atr_seeker_neighbors(const atr_seeker *seeker);

/* As atr_neighbors_prove(), and tells what is new of it. */
void atr_seeker_prove(atr_seeker *seeker, const atr_hash *key, const char *address, bool is_proved);

/* The memory goes when the loop has closed the handles. NULL is allowed. */
void atr_seeker_free(atr_seeker *seeker);

#endif
