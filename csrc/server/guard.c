/* SPDX-License-Identifier: MIT
 *
 * See guard.h. A newcomer who waits is the price: while somebody guesses without end, others without an invite wait for their
 * turn, and may knock instead. */
#include "server/guard.h"

#include "base/limits.h"

void atr_guard_init(atr_guard *guard, uint64_t now_ms)
{
  *guard = (atr_guard){.tokens = ATR_GUESSES_AT_ONCE, .at_ms = now_ms, .pause_ms = ATR_GUESS_MS};
}

static void refill(atr_guard *guard, uint64_t now_ms)
{
  uint64_t passed_ms = now_ms > guard->at_ms ? now_ms - guard->at_ms : 0;

  guard->at_ms = now_ms;
  guard->tokens += (double)passed_ms / guard->pause_ms;
  if (guard->tokens >= ATR_GUESSES_AT_ONCE)
    atr_guard_init(guard, now_ms);
}

bool atr_guard_take(atr_guard *guard, uint64_t now_ms, uint32_t *wait_s)
{
  refill(guard, now_ms);
  if (guard->tokens < 1) {
    *wait_s = (uint32_t)((1 - guard->tokens) * guard->pause_ms / 1000) + 1;
    return false;
  }
  guard->tokens -= 1;
  *wait_s = 0;
  if (guard->was_empty && guard->pause_ms < ATR_GUESS_MS_MAX)
    guard->pause_ms *= 2;
  guard->was_empty = guard->was_empty || guard->tokens < 1;
  return true;
}

void atr_guard_give_back(atr_guard *guard)
{
  guard->tokens += 1;
  if (guard->was_empty && guard->pause_ms > ATR_GUESS_MS)
    guard->pause_ms /= 2;
}
