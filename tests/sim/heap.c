/* SPDX-License-Identifier: MIT
 *
 * Weighs what the room and each replica really hold, whatever they say of it themselves.
 *
 * Every allocation of the process passes here and has an owner: whoever was at work when it was made. The world says who that is around each
 * call into the code under test, and is at work itself in what that calls back. A chunk that grows keeps its owner, and may be freed by
 * anybody. So a bound that no longer holds, and a chunk that is not given back at the end, show at once, and deterministically.
 *
 * The functions take the place of libc's for the whole program. Under a sanitizer, which does that itself and finds what is lost, nothing is weighed. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

enum { DEPTH_MAX = 8 };

static size_t held[SIM_OWNERS], small[SIM_OWNERS];
static int at_work[DEPTH_MAX];
static int depth;

void sim_heap_enter(int owner)
{
  if (depth + 1 == DEPTH_MAX)
    sim_fail("calls are nested too deeply");
  at_work[++depth] = owner;
}

void sim_heap_leave(void)
{
  depth--;
}

size_t sim_heap_held(int owner)
{
  return held[owner];
}

size_t sim_heap_small(int owner)
{
  return small[owner];
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && defined(__GLIBC__)

/* In front of each chunk; keeps it aligned as malloc does. */
typedef struct head {
  _Alignas(max_align_t) size_t n;
  int owner;
  unsigned before; /* bytes from where libc's chunk begins to the user's */
} head;

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t count, size_t n);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t alignment, size_t n);
extern void __libc_free(void *p);

static void *weighed_behind(void *chunk, size_t before, size_t n, int owner)
{
  head *h;

  if (!chunk)
    return NULL;
  h = (head *)(void *)((char *)chunk + before) - 1;
  h->n = n;
  h->before = (unsigned)before;
  h->owner = owner;
  held[owner] += n;
  small[owner] += n < SIM_SMALL_BYTES ? n : 0;
  return h + 1;
}

static void *weighed(void *chunk, size_t n, int owner)
{
  return weighed_behind(chunk, sizeof(head), n, owner);
}

static void gone(const head *h)
{
  held[h->owner] -= h->n;
  small[h->owner] -= h->n < SIM_SMALL_BYTES ? h->n : 0;
}

#pragma GCC visibility push(default) /* libc itself calls them, too */

void *malloc(size_t n)
{
  return weighed(__libc_malloc(sizeof(head) + n), n, at_work[depth]);
}

void *calloc(size_t count, size_t n)
{
  size_t bytes;

  if (__builtin_mul_overflow(count, n, &bytes)) {
    errno = ENOMEM;
    return NULL;
  }
  return weighed(__libc_calloc(1, sizeof(head) + bytes), bytes, at_work[depth]);
}

void *realloc(void *p, size_t n)
{
  head *h = (head *)p - 1;
  int owner;

  if (!p)
    return malloc(n);
  if (h->before != sizeof(head))
    sim_fail("an aligned chunk is resized");
  owner = h->owner;
  gone(h);
  return weighed(__libc_realloc(h, sizeof(head) + n), n, owner);
}

void free(void *p)
{
  head *h = (head *)p - 1;

  if (!p)
    return;
  gone(h);
  __libc_free((char *)p - h->before);
}

/* OpenSSL 3.5 has its tables so, and frees them as anything else. */
int posix_memalign(void **out, size_t alignment, size_t n)
{
  size_t before = alignment > sizeof(head) ? alignment : sizeof(head);
  void *chunk = __libc_memalign(before, before + n);

  if (!chunk)
    return ENOMEM;
  *out = weighed_behind(chunk, before, n, at_work[depth]);
  return 0;
}

void *aligned_alloc(size_t alignment, size_t n)
{
  void *out;

  return posix_memalign(&out, alignment, n) == 0 ? out : NULL;
}

#pragma GCC visibility pop

#endif
