/* SPDX-License-Identifier: MIT
 *
 * The callbacks of a replica whose application listens to little: a test takes from here what it does not look at. A refusal is
 * something that no test overlooks. */
#ifndef ATR_REPLICA_TEST_H
#define ATR_REPLICA_TEST_H

#include "test.h"

#include "replica/replica.h"

static inline int ignore_event(void *ctx, const atr_replica_event *event)
{
  (void)ctx;
  (void)event;
  return 0;
}

static inline void no_refusal(void *ctx, const atr_id *doc, int err, const char *text)
{
  (void)ctx;
  (void)doc;
  (void)err;
  fail_msg("refused: %s", text);
}

static inline void ignore_wake(void *ctx, int lane)
{
  (void)ctx;
  (void)lane;
}

static inline void ignore_progress(void *ctx, double progress, bool complete, uint64_t seq)
{
  (void)ctx;
  (void)progress;
  (void)complete;
  (void)seq;
}

static inline void no_healing(void *ctx, const atr_id *doc, uint64_t seq)
{
  (void)ctx;
  (void)doc;
  fail_msg("healed at %llu", (unsigned long long)seq);
}

#endif
