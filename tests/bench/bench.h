/* SPDX-License-Identifier: MIT
 *
 * bench.h - what the benchmark programs share: a clock all processes agree on, one payload, one way to report
 *
 * Every payload is PAYLOAD_BYTES long and distinct: it holds its number and the time at which it was handed to the sender's library, both as fixed-width hexadecimal
 * text, so that receivers can check the order and measure the way. Times are CLOCK_MONOTONIC in nanoseconds, which all processes of one machine share.
 *
 * A receiver prints one JSON line at its end and, when measuring latency, writes each sample as a float (milliseconds) into a file.
 */
#ifndef ATR_BENCH_H
#define ATR_BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { PAYLOAD_BYTES = 200, STAMP_BYTES = 32 };

uint64_t bench_now_ns(void);
/* Writes number and time into `text` (STAMP_BYTES characters, no terminator). */
void bench_stamp(char *text, uint64_t number, uint64_t time_ns);
/* Reads them back; -1 where the text is no stamp. */
int bench_stamp_read(const char *text, uint64_t *number, uint64_t *time_ns);

typedef struct bench_samples {
  float *ms;
  size_t n, cap;
} bench_samples;

void bench_sample(bench_samples *s, uint64_t sent_ns, uint64_t received_ns);
int bench_samples_write(const bench_samples *s, const char *path);

/* Waits until `due_ns`, sleeping for the larger part. */
void bench_sleep_until(uint64_t due_ns);
_Noreturn void bench_die(const char *what);

#endif
