/* SPDX-License-Identifier: MIT
 *
 * The sink is one atomic pointer to a constant struct, so that function and context change together without a
 * lock. A line is formatted on the caller's stack. */
#include "base/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

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

static void write_line(enum atr_log_level level, const char *format, va_list args)
{
  const atr_log_sink *sink = atomic_load_explicit(&current_sink, memory_order_acquire);
  char line[ATR_LOG_LINE_BYTES];

  if (!sink || level < sink->level)
    return;
  if (vsnprintf(line, sizeof line, format, args) < 0)
    line[0] = '\0';
  replace_control_characters(line);
  sink->write(sink->ctx, level, line);
}

void atr_log(enum atr_log_level level, const char *format, ...)
{
  va_list args;

  va_start(args, format);
  write_line(level, format, args);
  va_end(args);
}

static bool take(atr_log_quota *quota, uint64_t now_ms)
{
  const uint64_t ahead_ms_max = (uint64_t)(ATR_LOG_STRANGERS_AT_ONCE - 1) * ATR_LOG_STRANGERS_EVERY_MS;
  uint64_t from_ms = quota->spent_until_ms > now_ms ? quota->spent_until_ms : now_ms;

  if (from_ms - now_ms > ahead_ms_max) {
    quota->left_out++;
    return false;
  }
  quota->spent_until_ms = from_ms + ATR_LOG_STRANGERS_EVERY_MS;
  return true;
}

void atr_log_stranger(atr_log_quota *quota, uint64_t now_ms, enum atr_log_level level, const char *format, ...)
{
  va_list args;

  if (quota && !take(quota, now_ms))
    return;
  if (quota && quota->left_out)
    atr_log(ATR_LOG_WARN, "%" PRIu64 " more lines about strangers were left out", quota->left_out);
  if (quota)
    quota->left_out = 0;
  va_start(args, format);
  write_line(level, format, args);
  va_end(args);
}
