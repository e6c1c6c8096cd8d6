/* SPDX-License-Identifier: MIT
 *
 * What every fuzzer includes. A fuzzer is one file, tests/fuzz/fuzz_<name>.c, with its corpus in
 * tests/fuzz/corpus/<name>/. It does more than not to crash: it states what must hold for every input, with CHECK. */
#ifndef ATR_FUZZ_H
#define ATR_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"

#define CHECK(condition)                                              \
  do {                                                                \
    if (!(condition)) {                                               \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      abort();                                                        \
    }                                                                 \
  } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
