/* SPDX-License-Identifier: MIT
 *
 * See guard.h. A newcomer who waits is the price: while somebody guesses without end, others without an invite wait for their
 * turn, and may knock instead. */
#include "server/guard.h"

#include "base/limits.h"

void atr_guard_init(atr_guard *guard, uint64_t now_ms)
{
  guard->tokens = ATR_GUESSES_AT_ONCE;
  guard->at_ms = now_ms;
}

static void refill(atr_guard *guard, uint64_t now_ms)
{
  uint64_t passed_ms = now_ms > guard->at_ms ? now_ms - guard->at_ms : 0;

  guard->at_ms = now_ms;
  guard->tokens += (double)passed_ms / ATR_GUESS_MS;
  if (guard->tokens > ATR_GUESSES_AT_ONCE)
    guard->tokens = ATR_GUESSES_AT_ONCE;
}

bool atr_guard_take(atr_guard *guard, uint64_t now_ms, uint32_t *wait_s)
{
  refill(guard, now_ms);
  if (guard->tokens < 1) {
    *wait_s = (uint32_t)((1 - guard->tokens) * ATR_GUESS_MS / 1000) + 1;
    return false;
  }
  guard->tokens -= 1;
  *wait_s = 0;
  return true;
}

void atr_guard_give_back(atr_guard *guard)
{
  guard->tokens += 1;
}
