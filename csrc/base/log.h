/* SPDX-License-Identifier: MIT
 *
 * Logging: one line at a time, to a sink that the program chooses.
 *
 * Without a sink nothing is formatted. A sink is called from whatever thread logs, possibly from several at
 * once, so it locks for itself; it must not log. Lines never hold secrets: no tokens, passwords, private keys or
 * exported key material; peers' text is cut and control characters are replaced before the sink sees a line. */
#ifndef ATR_BASE_LOG_H
#define ATR_BASE_LOG_H

#include <stdint.h>

enum atr_log_level { ATR_LOG_DEBUG, ATR_LOG_INFO, ATR_LOG_WARN, ATR_LOG_ERROR };

typedef struct atr_log_sink {
  enum atr_log_level level; /* lines below are dropped before they are formatted */
  void (*write)(void *ctx, enum atr_log_level level, const char *line);
  void *ctx;
} atr_log_sink;

/* `sink` is borrowed: it lives until all threads that log have ended, or for ever. NULL turns logging off.
 * @locality any thread  @locks none (one atomic pointer) */
void atr_log_set_sink(const atr_log_sink *sink);

/* "debug", "info", "warning", "error". */
const char *atr_log_level_name(enum atr_log_level level);

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void atr_log(enum atr_log_level level, const char *format, ...);

/* How many lines strangers have caused lately; zeroed to begin with, and used by one thread. */
typedef struct atr_log_quota {
  uint64_t spent_until_ms; /* each line puts it off by ATR_LOG_STRANGERS_EVERY_MS */
  uint64_t left_out;
} atr_log_quota;

/* The same for a line that a stranger can cause: ATR_LOG_STRANGERS_AT_ONCE of them, then one now and then, each after the number of those that
 * were left out. `quota` NULL: it is nobody strange. `now_ms` is of a clock that never goes back. */
#if defined(__GNUC__)
__attribute__((format(printf, 4, 5)))
#endif
void atr_log_stranger(atr_log_quota *quota, uint64_t now_ms, enum atr_log_level level, const char *format, ...);

#endif
