/* SPDX-License-Identifier: MIT
 *
 * The examples of docs/protocol.md: bytes in blocks that begin with "```example name". */
#ifndef ATR_EXAMPLES_H
#define ATR_EXAMPLES_H

#include "test.h"

struct example {
  char name[64];
  uint8_t bytes[1024];
  size_t n;
};

static struct example examples[64];
static size_t n_examples;

static inline void read_examples(const char *path)
{
  FILE *file = fopen(path, "r");
  char line[512], hex[4096] = "";
  bool inside = false;

  if (!file)
    fail_msg("%s is not there: run from the top of the project", path);
  while (fgets(line, sizeof line, file)) {
    struct example *e = &examples[n_examples];

    if (inside && strncmp(line, "```", 3) == 0) {
      e->n = test_unhex(hex, e->bytes, sizeof e->bytes);
      n_examples++;
      inside = false;
    } else if (inside) {
      assert_true(strlen(hex) + strlen(line) < sizeof hex);
      strcat(hex, line);
    } else if (sscanf(line, "```example %63s", e->name) == 1) {
      assert_true(n_examples < sizeof examples / sizeof *examples - 1);
      inside = true;
      hex[0] = '\0';
    }
  }
  fclose(file);
}

static inline const struct example *example(const char *name)
{
  for (size_t i = 0; i < n_examples; i++)
    if (strcmp(examples[i].name, name) == 0)
      return &examples[i];
  fail_msg("docs/protocol.md has no example %s", name);
  return NULL;
}

static inline atr_span example_span(const char *name)
{
  const struct example *e = example(name);

  return atr_span_of(e->bytes, e->n);
}

#endif
