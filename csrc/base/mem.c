/* SPDX-License-Identifier: MIT
 *
 * Header and bytes are one allocation: one malloc per block, and the count lies on the cache line that is touched
 * anyway. */
#include "base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct atr_bytes {
  atomic_size_t owners;
  size_t len;
  uint8_t data[];
};

atr_bytes *atr_bytes_new(size_t n)
{
  atr_bytes *bytes;

  if (n > SIZE_MAX - sizeof *bytes)
    return NULL;
  bytes = malloc(sizeof *bytes + n);
  if (!bytes)
    return NULL;
  atomic_init(&bytes->owners, 1);
  bytes->len = n;
  return bytes;
}

atr_bytes *atr_bytes_copy(const void *from, size_t n)
{
  atr_bytes *bytes = atr_bytes_new(n);

  if (bytes && n)
    memcpy(bytes->data, from, n);
  return bytes;
}

atr_bytes *atr_bytes_retain(atr_bytes *bytes)
{
  atomic_fetch_add_explicit(&bytes->owners, 1, memory_order_relaxed);
  return bytes;
}

void atr_bytes_release(atr_bytes *bytes)
{
  if (!bytes)
    return;
  /* Release and acquire in one step (see the header). A release and a fence on the last owner's path only would
     * save nothing on x86 and is not understood by ThreadSanitizer. */
  if (atomic_fetch_sub_explicit(&bytes->owners, 1, memory_order_acq_rel) == 1)
    free(bytes);
}

const uint8_t *atr_bytes_data(const atr_bytes *bytes)
{
  return bytes->data;
}

size_t atr_bytes_len(const atr_bytes *bytes)
{
  return bytes->len;
}

atr_span atr_bytes_span(const atr_bytes *bytes)
{
  return atr_span_of(bytes->data, bytes->len);
}

uint8_t *atr_bytes_mutable(atr_bytes *bytes)
{
  return bytes->data;
}
