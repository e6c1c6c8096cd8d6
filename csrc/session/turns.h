/* SPDX-License-Identifier: MIT
 *
 * turns.h - several rooms share the lanes of one connection
 *
 * A session asks one source per lane (atr_session_set_source). Where a participant is in several rooms each of them has frames for
 * that lane, and two rules hold. Between the fragments of a message nothing else may come: they would be taken for its
 * continuation. And the room that was asked first is asked last the next time, so that a busy one does not starve the others.
 *
 * Whoever goes in the middle of a message takes its rest along; then the message is broken off (docs/protocol.md, 2). To send the rest all the same would
 * make the next room wait for up to 8 MiB that nobody wants any more.
 *
 * @locality the loop's thread.
 */
#ifndef ATR_SESSION_TURNS_H
#define ATR_SESSION_TURNS_H

#include "session/session.h"

/* One that takes turns: a part of its owner's struct. */
typedef struct atr_turn {
  struct atr_turn *prev, *next;
  atr_session_pull pull;
  void *ctx;
} atr_turn;

/* All zeros is a valid beginning. */
typedef struct atr_turns {
  atr_turn *all;
  struct {
    atr_turn *at;   /* who is asked first; NULL: the first of all */
    bool is_within; /* `at` is in the middle of a message */
    bool is_broken; /* who was in the middle of one has gone */
  } lanes[ATR_LANES];
} atr_turns;

void atr_turns_add(atr_turns *turns, atr_turn *turn, atr_session_pull pull, void *ctx);
/* Its owner goes. The session is to be woken on all lanes: what it had begun may have to be broken off. */
void atr_turns_remove(atr_turns *turns, atr_turn *turn);
/* The connection has ended, and all that had begun with it. */
void atr_turns_reset(atr_turns *turns);
/* As atr_session_pull. */
int64_t atr_turns_pull(atr_turns *turns, int lane, atr_buf *out, size_t budget);

#endif
