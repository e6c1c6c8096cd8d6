/* SPDX-License-Identifier: MIT
 *
 * See shelf.h. */
#include "client/shelf.h"

#include "base/table.h"

#include <stdlib.h>
#include <uv.h>

typedef struct item {
  atr_hash hash;
  atr_bytes *bytes;
  UT_hash_handle hh;
} item;

struct shelf {
  uv_mutex_t lock;
  item *items;
};

shelf *shelf_new(void)
{
  shelf *s = calloc(1, sizeof *s);

  if (s && uv_mutex_init(&s->lock) != 0) {
    free(s);
    return NULL;
  }
  return s;
}

static void drop(shelf *s, item *i)
{
  HASH_DEL(s->items, i);
  atr_bytes_release(i->bytes);
  free(i);
}

void shelf_free(shelf *s)
{
  item *i, *next;

  if (!s)
    return;
  HASH_ITER (hh, s->items, i, next)
    drop(s, i);
  uv_mutex_destroy(&s->lock);
  free(s);
}

static item *find(const shelf *s, const atr_hash *hash)
{
  item *i;

  HASH_FIND(hh, s->items, hash, sizeof *hash, i);
  return i;
}

atr_bytes *shelf_get(shelf *s, const atr_hash *hash)
{
  atr_bytes *bytes = NULL;
  item *i;

  uv_mutex_lock(&s->lock);
  i = find(s, hash);
  if (i)
    bytes = atr_bytes_retain(i->bytes);
  uv_mutex_unlock(&s->lock);
  return bytes;
}

void shelf_put(shelf *s, const atr_hash *hash, atr_bytes *bytes)
{
  item *i;

  if (find(s, hash)) /* only this thread writes, so it may read without the lock */
    return;
  i = calloc(1, sizeof *i);
  if (!i)
    return;
  i->hash = *hash;
  i->bytes = atr_bytes_retain(bytes);
  uv_mutex_lock(&s->lock);
  HASH_ADD(hh, s->items, hash, sizeof i->hash, i);
  uv_mutex_unlock(&s->lock);
  if (!atr_table_added(i)) {
    atr_bytes_release(i->bytes);
    free(i);
  }
}

void shelf_sweep(shelf *s, const atr_blobs *blobs)
{
  item *i, *next;

  HASH_ITER (hh, s->items, i, next)
    if (!atr_blobs_have(blobs, &i->hash)) {
      uv_mutex_lock(&s->lock);
      drop(s, i);
      uv_mutex_unlock(&s->lock);
    }
}
