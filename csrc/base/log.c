/* SPDX-License-Identifier: MIT
 *
 * The sink is one atomic pointer to a constant struct, so that function and context change together without a
 * lock. A line is formatted on the caller's stack. */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/limits.h"

static _Atomic(const atr_log_sink *) current_sink;

void atr_log_set_sink(const atr_log_sink *sink)
{
  atomic_store_explicit(&current_sink, sink, memory_order_release);
}

const char *atr_log_level_name(enum atr_log_level level)
{
  switch (level) {
  case ATR_LOG_DEBUG:
    return "debug";
  case ATR_LOG_INFO:
    return "info";
  case ATR_LOG_WARN:
    return "warning";
  case ATR_LOG_ERROR:
    return "error";
  }
  return "error";
}

/* Names and reasons come from peers: no line break or escape sequence of theirs may forge a line or reach a
 * terminal. Bytes from 0x80 on are UTF-8 and stay. */
static void replace_control_characters(char *line)
{
  for (; *line; line++)
    if ((unsigned char)*line < 0x20 || *line == 0x7f)
      *line = '?';
}

void atr_log(enum atr_log_level level, const char *format, ...)
{
  const atr_log_sink *sink = atomic_load_explicit(&current_sink, memory_order_acquire);
  char line[ATR_LOG_LINE_BYTES];
  va_list args;

  if (!sink || level < sink->level)
    return;
  va_start(args, format);
  if (vsnprintf(line, sizeof line, format, args) < 0)
    line[0] = '\0';
  va_end(args);
  replace_control_characters(line);
  sink->write(sink->ctx, level, line);
}

static void write_stderr(void *ctx, enum atr_log_level level, const char *line)
{
  struct timespec now = {0, 0};

  (void)ctx;
  timespec_get(&now, TIME_UTC);
  /* One call, which stdio locks: lines of several threads do not mix. */
  fprintf(stderr, "%lld.%03ld %s: %s\n", (long long)now.tv_sec, now.tv_nsec / 1000000, atr_log_level_name(level), line);
}

const atr_log_sink atr_log_stderr = {ATR_LOG_INFO, write_stderr, NULL};
