/* SPDX-License-Identifier: MIT
 *
 * See turns.h. A turn ends where the budget does, or with the message that is open then: that is asked for frame by frame, as a room whose
 * messages are all large would otherwise be within one whenever a budget ends. */
#include "session/turns.h"

#include "proto/frame.h"

#include <string.h>
#include <utlist.h>

void atr_turns_add(atr_turns *turns, atr_turn *turn, atr_session_pull pull, void *ctx)
{
  turn->pull = pull;
  turn->ctx = ctx;
  DL_APPEND(turns->all, turn);
}

void atr_turns_remove(atr_turns *turns, atr_turn *turn)
{
  for (int lane = 0; lane < ATR_LANES; lane++) {
    if (turns->lanes[lane].at != turn)
      continue;
    turns->lanes[lane].at = turn->next;
    turns->lanes[lane].is_broken |= turns->lanes[lane].is_within;
    turns->lanes[lane].is_within = false;
  }
  DL_DELETE(turns->all, turn);
}

void atr_turns_reset(atr_turns *turns)
{
  memset(turns->lanes, 0, sizeof turns->lanes);
}

int64_t atr_turns_pull(atr_turns *turns, int lane, atr_buf *out, size_t budget)
{
  size_t start = out->len, end = start + (budget ? budget : 1);
  atr_turn *first = turns->lanes[lane].at ? turns->lanes[lane].at : turns->all, *t = first;
  int err = turns->lanes[lane].is_broken ? atr_frame_break(out, (enum atr_lane)lane) : 0;

  turns->lanes[lane].is_broken = false;
  while (!err && t && out->len < end) {
    size_t before = out->len;
    int64_t n = t->pull(t->ctx, lane, out, turns->lanes[lane].is_within ? 1 : end - before);

    if (n < 0)
      return n;
    turns->lanes[lane].at = t;
    if (n > 0)
      turns->lanes[lane].is_within = atr_frame_is_within(out->data + before, (size_t)n);
    if (turns->lanes[lane].is_within && n > 0)
      continue;
    if (turns->lanes[lane].is_within)
      break;
    t = t->next ? t->next : turns->all;
    turns->lanes[lane].at = t;
    if (t == first)
      break;
  }
  return err ? err : (int64_t)(out->len - start);
}
