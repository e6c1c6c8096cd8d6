/* SPDX-License-Identifier: MIT
 *
 * A calloc that fails once, in place of the system's for all of the program that includes this: the `calls_until_short`th call from now on; 0: none.
 * AddressSanitizer has an allocator of its own, so tests of it stand within SHORT_MEMORY. */
#ifndef ATR_SHORT_MEMORY_H
#define ATR_SHORT_MEMORY_H

#include <stdlib.h>

#ifndef __SANITIZE_ADDRESS__
#define SHORT_MEMORY
static int calls_until_short;

void *__libc_calloc(size_t n, size_t size);

void *calloc(size_t n, size_t size)
{
  if (calls_until_short > 0 && --calls_until_short == 0)
    return NULL;
  return __libc_calloc(n, size);
}
#endif

#endif
