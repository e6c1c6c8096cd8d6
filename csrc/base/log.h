/* SPDX-License-Identifier: MIT
 *
 * Logging: one line at a time, to a sink that the program chooses.
 *
 * Without a sink nothing is formatted. A sink is called from whatever thread logs, possibly from several at
 * once, so it locks for itself; it must not log. Lines never hold secrets: no tokens, passwords, private keys or
 * exported key material; peers' text is cut and control characters are replaced before the sink sees a line. */
#ifndef ATR_BASE_LOG_H
#define ATR_BASE_LOG_H

enum atr_log_level { ATR_LOG_DEBUG, ATR_LOG_INFO, ATR_LOG_WARN, ATR_LOG_ERROR };

typedef struct atr_log_sink {
  enum atr_log_level level; /* lines below are dropped before they are formatted */
  void (*write)(void *ctx, enum atr_log_level level, const char *line);
  void *ctx;
} atr_log_sink;

/* `sink` is borrowed: it lives until all threads that log have ended, or for ever. NULL turns logging off.
 * @locality any thread  @locks none (one atomic pointer) */
void atr_log_set_sink(const atr_log_sink *sink);

/* A sink that writes "time level line" to stderr. */
extern const atr_log_sink atr_log_stderr;

/* "debug", "info", "warning", "error". */
const char *atr_log_level_name(enum atr_log_level level);

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void atr_log(enum atr_log_level level, const char *format, ...);

#endif
