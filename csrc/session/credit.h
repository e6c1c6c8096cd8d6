/* SPDX-License-Identifier: MIT
 *
 * How much state and bulk may be under way: a window that follows the delay.
 *
 * What a cursor waits behind is what was sent before it and not yet consumed: in our buffer, in two kernels, in a
 * router. The only place to bound all of them is the sender. It measures the delay that a small message meets now (a
 * ping's round trip) and the least that was ever seen; the difference is queueing. The window goes, once per round
 * trip, to
 *
 *     window * (least + target) / delay          at most twofold, at least halved
 *
 * so that in balance the line is full and `target` worth of bytes waits (FAST TCP's rule). It grows only while it is
 * what limits. The least delay is forgotten after a while; as our own queue would then be taken for distance, the
 * window is small for two round trips before.
 *
 * Bulk stops when both lanes together fill the window, state when it alone does: state overtakes bulk without waiting
 * for its credit.
 *
 * On one machine there is no line that must be kept full, only processes that take turns: what lies between them is work that a cursor waits
 * for, once on its way to the server and once from there. So while presence goes out on such a connection its window is held smaller; without, it
 * is for bulk alone.
 *
 * A pure machine: no clock, no socket; time comes in as `now_us`, monotonic.
 */
#ifndef ATR_SESSION_CREDIT_H
#define ATR_SESSION_CREDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct atr_credit_lane {
  uint64_t sent;     /* payload bytes since the connection began */
  uint64_t consumed; /* what the peer has reported of them */
} atr_credit_lane;

typedef struct atr_credit {
  atr_credit_lane state, bulk;
  uint64_t window;
  uint64_t least_us[2]; /* least delay of the present and the last period; 0 none */
  uint64_t period_us;   /* when the present period began */
  uint64_t drain_us;    /* until when the window is held small to see the distance */
  uint64_t ramp_us;     /* until when it grows back */
  uint64_t smooth_us;   /* smoothed delay, for people */
  uint64_t ping_us;     /* when the ping under way was queued; 0 none */
  uint64_t pong_us;     /* when the last answer came */
  uint64_t presence_us; /* when presence last went out here; 0 never */
  uint64_t ping_token;
  bool is_local;  /* set by the owner: both ends are on one machine, unless the delay says otherwise (a tunnel's end) */
  bool ping_busy; /* when it was queued, enough was under way for its delay to say something about the window */
  bool moved;     /* something was sent since the last ping */
  bool limited;   /* the window has held something back since it was last changed */
  bool settled;   /* the next measurement is of the present window */
  bool starting;  /* no queueing was seen yet */
} atr_credit;

void atr_credit_init(atr_credit *credit, uint64_t now_us);

/* Bytes that may be sent now on a lane (ATR_LANE_STATE or ATR_LANE_BULK), and that they were. */
size_t atr_credit_available(atr_credit *credit, int lane, uint64_t now_us);
void atr_credit_sent(atr_credit *credit, int lane, size_t payload_bytes);

/* Presence goes out now, beside what is under way. */
void atr_credit_presence(atr_credit *credit, uint64_t now_us);

/* A report of the peer. 0, or ATR_PROTO where it goes back or beyond what was sent, or names another lane. */
int atr_credit_consumed(atr_credit *credit, int lane, uint64_t consumed);

/* Whether now is the time for a ping: none under way, and data that has moved since the last one. */
bool atr_credit_ping_due(const atr_credit *credit, uint64_t now_us);

/* A ping goes into the queue; gives its token. Its answer: 0, or ATR_PROTO for one that was not asked for. */
uint64_t atr_credit_ping(atr_credit *credit, uint64_t now_us);
int atr_credit_pong(atr_credit *credit, uint64_t token, uint64_t now_us);

/* Bytes sent and not reported as consumed. */
uint64_t atr_credit_outstanding(const atr_credit *credit);

/* The window that counts now, and the least delay that is believed (0: none yet). */
uint64_t atr_credit_window(const atr_credit *credit, uint64_t now_us);
uint64_t atr_credit_least_us(const atr_credit *credit);

#endif
