/* SPDX-License-Identifier: MIT
 *
 * bench.c - clock, payload stamps and samples of the benchmark programs; see bench.h
 */
#include "bench.h"

#include <stdlib.h>
#include <time.h>

uint64_t bench_now_ns(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void put_hex(char *text, uint64_t value)
{
  static const char digits[] = "0123456789abcdef";
  for (int i = 15; i >= 0; i--, value >>= 4)
    text[i] = digits[value & 15u];
}

static int get_hex(const char *text, uint64_t *value)
{
  uint64_t v = 0;
  for (int i = 0; i < 16; i++) {
    const char c = text[i];
    if (c >= '0' && c <= '9')
      v = v << 4 | (uint64_t)(c - '0');
    else if (c >= 'a' && c <= 'f')
      v = v << 4 | (uint64_t)(c - 'a' + 10);
    else
      return -1;
  }
  *value = v;
  return 0;
}

void bench_stamp(char *text, uint64_t number, uint64_t time_ns)
{
  put_hex(text, number);
  put_hex(text + 16, time_ns);
}

int bench_stamp_read(const char *text, uint64_t *number, uint64_t *time_ns)
{
  return get_hex(text, number) || get_hex(text + 16, time_ns) ? -1 : 0;
}

void bench_sample(bench_samples *s, uint64_t sent_ns, uint64_t received_ns)
{
  if (s->n == s->cap) {
    s->cap = s->cap ? s->cap * 2 : 4096;
    s->ms = realloc(s->ms, s->cap * sizeof *s->ms);
    if (!s->ms)
      bench_die("out of memory");
  }
  s->ms[s->n++] = (float)((double)(received_ns - sent_ns) / 1e6);
}

int bench_samples_write(const bench_samples *s, const char *path)
{
  FILE *f = fopen(path, "wb");
  if (!f)
    return -1;
  const size_t written = fwrite(s->ms, sizeof *s->ms, s->n, f);
  return fclose(f) || written != s->n ? -1 : 0;
}

void bench_sleep_until(uint64_t due_ns)
{
  for (uint64_t now; (now = bench_now_ns()) < due_ns;) {
    const uint64_t left = due_ns - now;
    const struct timespec t = {(time_t)(left / 1000000000u), (long)(left % 1000000000u)};
    nanosleep(&t, NULL);
  }
}

void bench_die(const char *what)
{
  fprintf(stderr, "bench: %s\n", what);
  exit(2);
}
