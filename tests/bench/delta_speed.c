/* SPDX-License-Identifier: MIT
 *
 * delta_speed.c - how fast the delta between two arrays is found and applied, beside a memcpy of the same bytes
 *
 *   delta_speed VERTICES PERCENT
 *
 * The arrays are float3, like a mesh's positions. The changed vertices lie scattered, each alone, which is the worst case: a stroke changes neighbours, which are one
 * range. Rounds of delta, apply and memcpy take turns, so that whatever else the machine does meets all of them; the medians count. One JSON line: bytes of the array
 * per second.
 */
#include "bench.h"

#include "proto/delta.h"

#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 101, VERTEX_BYTES = 12 };

static int by_size(const void *a, const void *b)
{
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

  return x < y ? -1 : x > y;
}

static double per_second(uint64_t *ns, size_t bytes)
{
  qsort(ns, ROUNDS, sizeof *ns, by_size);
  return (double)bytes / ((double)ns[ROUNDS / 2] / 1e9);
}

static float *positions(size_t vertices)
{
  float *f = malloc(vertices * VERTEX_BYTES);

  if (!f)
    bench_die("out of memory");
  for (size_t i = 0; i < vertices * 3; i++)
    f[i] = (float)(i % 1000003) * 0.001f;
  return f;
}

static void move_some(float *f, size_t vertices, double percent)
{
  const size_t n = (size_t)((double)vertices * percent / 100);

  for (size_t i = 0; i < n; i++)
    f[(i * 2654435761u % vertices) * 3 + i % 3] += 0.25f;
}

int main(int argc, char **argv)
{
  static uint64_t find_ns[ROUNDS], apply_ns[ROUNDS], copy_ns[ROUNDS];
  const size_t vertices = argc > 2 ? strtoul(argv[1], NULL, 10) : 0, bytes = vertices * VERTEX_BYTES;
  if (!vertices)
    bench_die("usage: delta_speed VERTICES PERCENT");
  float *old = positions(vertices), *new = positions(vertices);
  uint8_t *out = calloc(1, bytes);
  atr_buf delta;

  move_some(new, vertices, atof(argv[2]));
  atr_buf_init(&delta, SIZE_MAX / 2);
  for (int i = 0; i < ROUNDS; i++) {
    const uint64_t t0 = bench_now_ns();
    atr_buf_clear(&delta);
    if (atr_delta_encode(atr_span_of(old, bytes), atr_span_of(new, bytes), VERTEX_BYTES, &delta) != 1)
      bench_die("the delta does not pay");
    const uint64_t t1 = bench_now_ns();
    if (atr_delta_apply(atr_span_of(old, bytes), atr_buf_span(&delta), out, bytes))
      bench_die("the delta is malformed");
    const uint64_t t2 = bench_now_ns();
    if (memcmp(out, new, bytes) != 0)
      bench_die("the delta does not give the new array");
    const uint64_t before_copy = bench_now_ns();
    memcpy(out, old, bytes);
    const uint64_t t3 = bench_now_ns();
    find_ns[i] = t1 - t0, apply_ns[i] = t2 - t1, copy_ns[i] = t3 - before_copy;
  }
  printf("{\"find\": %.0f, \"apply\": %.0f, \"memcpy\": %.0f, \"delta_bytes\": %zu}\n", per_second(find_ns, bytes),
         per_second(apply_ns, bytes), per_second(copy_ns, bytes), delta.len);
  return 0;
}
