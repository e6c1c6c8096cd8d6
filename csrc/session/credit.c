/* SPDX-License-Identifier: MIT
 *
 * One measurement in two is used: a ping that was queued right after the window changed still meets the queue of the
 * old one, and a rule that trusts it swings (the loop then has a lag of one step and a gain of one: undamped). The
 * first ping after a change only waits for the change to take effect.
 *
 * Starting. Until queueing is seen for the first time the window doubles with each used measurement while it limits:
 * a line of 1 GB/s is filled within some ten round trips. Overshoot is at most one doubling, and the rule takes it
 * back in one step.
 */
#include "session/credit.h"

#include "base/error.h"
#include "base/limits.h"
#include "proto/frame.h"

#include <assert.h>
#include <string.h>

/* Queueing that is aimed at: a part that every machine's scheduling hides anyway, and a quarter of the distance, as a
 * far line needs more in store to stay full. Never more than what a hand notices. */
enum { TARGET_LEAST_US = 4000, TARGET_MOST_US = 20000 };

/* The same on one machine while presence goes out, which it has while it is moved: several times a second. On a busy machine that takes a
 * fifth of the rate of a gigabyte beside it, and more than half of what a cursor waits (18 ms instead of 37 in the worst hundredth). Not for other
 * lines: over radio a delay varies by more than this, and the window would collapse. */
enum { TARGET_SHARED_US = 1000, PRESENCE_LASTS_US = 1000000 };

/* The pause between two pings: of a line whose window is in use, so that a line of 100 us does not carry pings only; and of one with so
 * little under way that its delay would say nothing about the window. A ping per small operation would double what each receiver has
 * to do for it. */
enum { PING_GAP_US = 2000, PING_GAP_QUIET_US = 200000 };

/* How long the least delay is believed, for how many delays the window is then held small, and grows again. */
enum { PERIOD_US = 30000000, DRAIN_DELAYS = 3, RAMP_DELAYS = 2 };

/* State and bulk may each fill the window, and a frame may pass it: half of what the protocol allows. */
#define WINDOW_MAX_BYTES (ATR_CREDIT_BYTES_MAX / 2)

/* A peer that is nearer is on this machine or in this room. */
enum { NEAR_US = 1000 };

/* Bulk keeps this part of the window when state would take all: 1/8. */
enum { BULK_SHARE = 8 };

void atr_credit_init(atr_credit *credit, uint64_t now_us)
{
  memset(credit, 0, sizeof *credit);
  credit->window = ATR_WINDOW_FIRST_BYTES;
  credit->period_us = now_us;
  credit->starting = true;
}

static atr_credit_lane *lane_of(atr_credit *credit, int lane)
{
  assert(lane == ATR_LANE_STATE || lane == ATR_LANE_BULK);
  return lane == ATR_LANE_STATE ? &credit->state : &credit->bulk;
}

static uint64_t unconsumed(const atr_credit_lane *lane)
{
  return lane->sent - lane->consumed;
}

uint64_t atr_credit_outstanding(const atr_credit *credit)
{
  return unconsumed(&credit->state) + unconsumed(&credit->bulk);
}

static uint64_t above(uint64_t limit, uint64_t used)
{
  return limit > used ? limit - used : 0;
}

/* Held small at the beginning of a period, then let out slowly: all at once it would be a burst into an empty line. */
uint64_t atr_credit_window(const atr_credit *credit, uint64_t now_us)
{
  uint64_t small = credit->window / 4;

  if (now_us >= credit->ramp_us)
    return credit->window;
  if (now_us > credit->drain_us)
    small += (credit->window - small) * (now_us - credit->drain_us) / (credit->ramp_us - credit->drain_us);
  return small > ATR_WINDOW_MIN_BYTES ? small : ATR_WINDOW_MIN_BYTES;
}

size_t atr_credit_available(atr_credit *credit, int lane, uint64_t now_us)
{
  uint64_t window = atr_credit_window(credit, now_us), bytes, share;

  if (lane == ATR_LANE_STATE) {
    bytes = above(window, unconsumed(&credit->state));
  } else {
    bytes = above(window, atr_credit_outstanding(credit));
    share = above(window / BULK_SHARE, unconsumed(&credit->bulk));
    bytes = bytes > share ? bytes : share;
  }
  if (bytes == 0)
    credit->limited = true;
  return (size_t)bytes;
}

void atr_credit_sent(atr_credit *credit, int lane, size_t payload_bytes)
{
  lane_of(credit, lane)->sent += payload_bytes;
  credit->moved = true;
}

int atr_credit_consumed(atr_credit *credit, int lane, uint64_t consumed)
{
  atr_credit_lane *l;

  if (lane != ATR_LANE_STATE && lane != ATR_LANE_BULK)
    return ATR_PROTO;
  l = lane_of(credit, lane);
  if (consumed < l->consumed || consumed > l->sent)
    return ATR_PROTO;
  l->consumed = consumed;
  return 0;
}

/* --- measuring ------------------------------------------------------------------------------------------------- */

static bool is_busy(const atr_credit *credit)
{
  return credit->limited || atr_credit_outstanding(credit) >= credit->window / 4;
}

bool atr_credit_ping_due(const atr_credit *credit, uint64_t now_us)
{
  uint64_t gap_us = is_busy(credit) ? PING_GAP_US : PING_GAP_QUIET_US;

  return credit->ping_us == 0 && credit->moved && now_us >= credit->pong_us + gap_us;
}

uint64_t atr_credit_ping(atr_credit *credit, uint64_t now_us)
{
  credit->ping_us = now_us;
  credit->ping_busy = is_busy(credit);
  credit->moved = false;
  return ++credit->ping_token;
}

uint64_t atr_credit_least_us(const atr_credit *credit)
{
  uint64_t a = credit->least_us[0], b = credit->least_us[1];

  return a == 0 || (b != 0 && b < a) ? b : a;
}

void atr_credit_presence(atr_credit *credit, uint64_t now_us)
{
  credit->presence_us = now_us;
}

/* With a cursor, and within this machine: is_local alone may be the near end of a tunnel. */
static bool is_shared(const atr_credit *credit, uint64_t least_us, uint64_t now_us)
{
  return credit->is_local && least_us < NEAR_US && credit->presence_us > 0 &&
         now_us < credit->presence_us + PRESENCE_LASTS_US;
}

static uint64_t target_us(uint64_t least_us, bool shared)
{
  uint64_t target = (shared ? TARGET_SHARED_US : TARGET_LEAST_US) + least_us / 4;

  return target < TARGET_MOST_US ? target : TARGET_MOST_US;
}

/* A new period begins with a look at the line without our own queue. Only a busy line needs it: an idle one shows it
 * anyway. */
static void begin_period(atr_credit *credit, uint64_t delay_us, uint64_t now_us)
{
  if (now_us < credit->period_us + PERIOD_US)
    return;
  credit->period_us = now_us;
  credit->least_us[1] = credit->least_us[0];
  credit->least_us[0] = 0;
  credit->drain_us = now_us + DRAIN_DELAYS * delay_us;
  credit->ramp_us = credit->drain_us + RAMP_DELAYS * delay_us;
}

static uint64_t window_least(const atr_credit *credit, uint64_t least_us, bool shared)
{
  if (least_us >= NEAR_US)
    return ATR_WINDOW_MIN_BYTES;
  return credit->is_local && !shared ? ATR_WINDOW_LOCAL_BYTES : ATR_WINDOW_NEAR_BYTES;
}

static void adapt(atr_credit *credit, uint64_t delay_us, uint64_t now_us)
{
  uint64_t least = atr_credit_least_us(credit);
  bool shared = is_shared(credit, least, now_us);
  uint64_t window = credit->window, target = target_us(least, shared), floor = window_least(credit, least, shared),
           wanted;

  if (delay_us > least + target / 2)
    credit->starting = false;
  wanted = credit->starting ? 2 * window : window * (least + target) / delay_us;
  if (wanted > window && !credit->limited)
    return;
  if (wanted > 2 * window)
    wanted = 2 * window;
  if (wanted < window / 2)
    wanted = window / 2;
  if (wanted < floor)
    wanted = floor;
  if (wanted > WINDOW_MAX_BYTES)
    wanted = WINDOW_MAX_BYTES;
  credit->window = wanted;
  credit->limited = false;
}

int atr_credit_pong(atr_credit *credit, uint64_t token, uint64_t now_us)
{
  uint64_t queued_us = credit->ping_us, delay;

  if (queued_us == 0 || token != credit->ping_token)
    return ATR_PROTO;
  delay = now_us > queued_us ? now_us - queued_us : 1;
  credit->ping_us = 0;
  credit->pong_us = now_us;
  credit->smooth_us = credit->smooth_us == 0 ? delay : (7 * credit->smooth_us + delay) / 8;
  if (credit->least_us[0] == 0 || delay < credit->least_us[0])
    credit->least_us[0] = delay;
  if (queued_us < credit->ramp_us) { /* says nothing about the window, which was held small */
    credit->settled = false;
    return 0;
  }
  if (!credit->ping_busy)
    return 0;
  credit->settled = !credit->settled;
  if (!credit->settled)
    adapt(credit, delay, now_us);
  begin_period(credit, delay, now_us);
  return 0;
}
