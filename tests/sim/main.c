/* SPDX-License-Identifier: MIT
 *
 * sim [--seeds A..B] [--verbose] [--file seeds.txt]: runs the simulator, ends with 1 at the first seed that fails.
 *
 * The file holds seeds that once failed, one per line with what they found; they run first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "sim.h"

static void run_file(const char *path, sim_stats *stats)
{
  FILE *f = fopen(path, "r");
  char text[512];

  if (!f) {
    perror(path);
    exit(2);
  }
  while (fgets(text, sizeof text, f)) {
    char *end;
    unsigned long long seed = strtoull(text, &end, 10);

    if (end != text)
      world_run(seed, stats);
  }
  fclose(f);
}

int main(int argc, char **argv)
{
  unsigned long long from = 1, to = 2000;
  sim_stats stats = {0};
  atr_hash hash;

  atr_crypto_init();
  if (atr_sha256_of("", 0, &hash)) /* what the library allocates once is no run's */
    return 2;
  for (int i = 1; i < argc; i++) {
    if (!strcmp(argv[i], "--verbose")) {
      sim_verbose = true;
    } else if (!strcmp(argv[i], "--file") && i + 1 < argc) {
      run_file(argv[++i], &stats);
    } else if (!strcmp(argv[i], "--seeds") && i + 1 < argc && sscanf(argv[i + 1], "%llu..%llu", &from, &to) >= 1) {
      if (!strstr(argv[++i], ".."))
        to = from;
    } else {
      fprintf(stderr, "usage: sim [--file FILE] [--seeds A..B] [--verbose]\n");
      return 2;
    }
  }
  for (unsigned long long seed = from; seed <= to; seed++)
    world_run(seed, &stats);
  printf(
      "%llu runs: %llu steps, %llu commits, %llu events, %llu refusals, %llu cuts, %llu times from the documents, %llu "
      "rooms lost\n",
      (unsigned long long)stats.runs, (unsigned long long)stats.steps, (unsigned long long)stats.commits,
      (unsigned long long)stats.events, (unsigned long long)stats.refused, (unsigned long long)stats.cuts,
      (unsigned long long)stats.listings, (unsigned long long)stats.losses);
  return 0;
}
