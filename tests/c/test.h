/* SPDX-License-Identifier: MIT
 *
 * What every C test includes: cmocka with what its header needs, a random generator that a seed repeats, and bytes from
 * hexadecimal text. A test program is one file, tests/c/test_<behaviour>.c; those named test_*_threads.c run under
 * ThreadSanitizer too. A test that draws random numbers prints its seed when it fails; ATRIUM_SEED=n repeats it. */
#ifndef ATR_TEST_H
#define ATR_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/id.h"
#include "base/limits.h"

/* Errors by name, so that a failure says what it was. */
#define assert_err(expression, expected) assert_string_equal(atr_err_name(expression), atr_err_name(expected))
#define assert_ok(expression) assert_err(expression, ATR_OK)

/* SplitMix64: small, fast, and every seed is a good one. */
static inline uint64_t test_random(uint64_t *state)
{
  uint64_t z = *state += 0x9e3779b97f4a7c15u;

  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/* A number below n. */
static inline size_t test_below(uint64_t *state, size_t n)
{
  return (size_t)(test_random(state) % n);
}

/* The seed of this run: ATRIUM_SEED, or always the same one, so that a plain run is repeatable. */
static inline uint64_t test_seed(void)
{
  const char *text = getenv("ATRIUM_SEED");

  return text ? strtoull(text, NULL, 0) : 1;
}

/* Bytes from hex digits with any white space between; returns how many. */
static inline size_t test_unhex(const char *text, uint8_t *out, size_t max)
{
  size_t n = 0;

  while (*text) {
    if (strchr(" \n\t", *text)) {
      text++;
      continue;
    }
    assert_true(n < max);
    assert_ok(atr_hex_decode(text, 2, out + n, 1));
    n++;
    text += 2;
  }
  return n;
}

#endif
