/* SPDX-License-Identifier: MIT
 *
 * See seen.h. Runs that are taken whole are dropped from the front, in one move per call. */
#include "client/seen.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

int atr_seen_queued(atr_seen *seen, uint64_t e, uint64_t n)
{
  atr_seen_run *last = seen->n_runs ? &seen->runs[seen->n_runs - 1] : NULL;

  if (last && last->e + last->count == e && last->n + last->count == n) {
    last->count++;
    return ATR_OK;
  }
  if (seen->n_runs == seen->cap) {
    size_t cap = seen->cap ? 2 * seen->cap : 8;
    atr_seen_run *more = realloc(seen->runs, cap * sizeof *more);

    if (!more)
      return ATR_NOMEM;
    seen->runs = more;
    seen->cap = cap;
  }
  seen->runs[seen->n_runs++] = (atr_seen_run){e, n, 1};
  return ATR_OK;
}

uint64_t atr_seen_taken(atr_seen *seen, uint64_t e)
{
  size_t whole = 0;

  for (; whole < seen->n_runs && seen->runs[whole].e <= e; whole++) {
    atr_seen_run *run = &seen->runs[whole];

    if (run->e + run->count - 1 > e) {
      uint64_t taken = e - run->e + 1;

      seen->n = run->n + taken - 1;
      run->e += taken;
      run->n += taken;
      run->count -= taken;
      break;
    }
    seen->n = run->n + run->count - 1;
  }
  seen->n_runs -= whole;
  if (whole > 0 && seen->n_runs > 0)
    memmove(seen->runs, seen->runs + whole, seen->n_runs * sizeof *seen->runs);
  return seen->n;
}

void atr_seen_free(atr_seen *seen)
{
  free(seen->runs);
  memset(seen, 0, sizeof *seen);
}
