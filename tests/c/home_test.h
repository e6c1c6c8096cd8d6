/* SPDX-License-Identifier: MIT
 *
 * A folder of its own for each test that writes files: setup and teardown for cmocka. */
#ifndef ATR_HOME_TEST_H
#define ATR_HOME_TEST_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char home[64];

static inline int remove_one(const char *path, const struct stat *st, int flag, struct FTW *at)
{
  (void)st;
  (void)flag;
  (void)at;
  return remove(path);
}

static inline int make_home(void **state)
{
  (void)state;
  snprintf(home, sizeof home, "/tmp/atrium-test-XXXXXX");
  return mkdtemp(home) ? 0 : -1;
}

static inline int remove_home(void **state)
{
  (void)state;
  return nftw(home, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
