/* SPDX-License-Identifier: MIT
 *
 * Linux 5.14 and later have a call for it. An older one answers with an error, which changes nothing either; other POSIX systems have none. */
#include "base/pages.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Whole pages only: those at the ends fault as ever. */
void atr_pages_will_write(void *bytes, size_t n)
{
#ifdef MADV_POPULATE_WRITE
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  uintptr_t from = ((uintptr_t)bytes + page - 1) / page * page, to = ((uintptr_t)bytes + n) / page * page;

  if (from < to)
    (void)madvise((void *)from, to - from, MADV_POPULATE_WRITE);
#else
  (void)bytes;
  (void)n;
#endif
}
