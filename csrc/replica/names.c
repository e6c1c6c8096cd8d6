/* SPDX-License-Identifier: MIT
 *
 * A group is the documents of one (type, name); a pool is the groups of one (type, stem), whose second and later
 * documents share the suffixes of that stem. Most groups have one document and most pools one group, so both are small. A
 * change marks its pool, and the pool that a name such as "Cube.001" takes a suffix from; settling recomputes marked pools as
 * a whole: a pool has as many losers as people made equal names, which is few, and it happens once per delivery. */
#include "replica/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/table.h"

#include <utlist.h>

enum { NAME_BYTES_MAX = 63, SUFFIX_BYTES_MAX = 7, STEM_BYTES_MAX = NAME_BYTES_MAX - SUFFIX_BYTES_MAX };

typedef struct pool {
  UT_hash_handle hh;
  struct atr_name_group *groups;
  struct pool *dirty_next;
  uint32_t n_groups;
  bool dirty;
  uint32_t key_len;
  char key[]; /* type, NUL, stem */
} pool;

typedef struct atr_name_group {
  UT_hash_handle hh;
  struct atr_name_group *prev, *next; /* in the pool */
  pool *pool;
  atr_name *members; /* by creation */
  uint32_t type_len;
  uint32_t key_len;
  char key[]; /* type, NUL, name, NUL (not counted) */
} group;

struct atr_names {
  group *groups;
  pool *pools;
  pool *dirty;
  void (*on_change)(void *ctx, atr_name *name);
  void *ctx;
};

int atr_names_new(atr_names **out, void (*on_change)(void *, atr_name *), void *ctx)
{
  *out = calloc(1, sizeof **out);
  if (!*out)
    return ATR_NOMEM;
  (*out)->on_change = on_change;
  (*out)->ctx = ctx;
  return 0;
}

void atr_names_free(atr_names *names)
{
  group *g, *gtmp;
  pool *p, *ptmp;

  if (!names)
    return;
  HASH_ITER (hh, names->groups, g, gtmp) {
    HASH_DEL(names->groups, g);
    free(g);
  }
  HASH_ITER (hh, names->pools, p, ptmp) {
    HASH_DEL(names->pools, p);
    free(p);
  }
  free(names);
}

/* "a" and "b" are never cut in the middle of a character. */
static size_t stem_of(const char *name, size_t len)
{
  if (len <= STEM_BYTES_MAX)
    return len;
  len = STEM_BYTES_MAX;
  while (len && ((unsigned char)name[len] & 0xc0) == 0x80)
    len--;
  return len;
}

static void mark(atr_names *names, pool *p)
{
  if (!p || p->dirty)
    return;
  p->dirty = true;
  p->dirty_next = names->dirty;
  names->dirty = p;
}

static pool *find_pool(atr_names *names, const char *key, size_t len)
{
  pool *p;

  HASH_FIND(hh, names->pools, key, len, p);
  return p;
}

static pool *get_pool(atr_names *names, const char *key, size_t len)
{
  pool *p = find_pool(names, key, len);

  if (p)
    return p;
  p = calloc(1, sizeof *p + len);
  if (!p)
    return NULL;
  memcpy(p->key, key, len);
  p->key_len = (uint32_t)len;
  HASH_ADD_KEYPTR(hh, names->pools, p->key, len, p);
  if (!atr_table_added(p)) {
    free(p);
    return NULL;
  }
  return p;
}

/* A name such as "Cube.001" takes a suffix away from the pool of "Cube". */
static void mark_taken_from(atr_names *names, const group *g)
{
  const char *name = g->key + g->type_len + 1, *dot = strrchr(name, '.');

  if (!dot || strlen(dot) < 4 || strspn(dot + 1, "0123456789") != strlen(dot + 1))
    return;
  mark(names, find_pool(names, g->key, g->type_len + 1 + (size_t)(dot - name)));
}

static group *get_group(atr_names *names, const char *type, const char *name)
{
  size_t type_len = strlen(type), name_len = strlen(name), len = type_len + 1 + name_len;
  group *g, *found;
  pool *p;

  g = calloc(1, sizeof *g + len + 1);
  if (!g)
    return NULL;
  memcpy(g->key, type, type_len + 1);
  memcpy(g->key + type_len + 1, name, name_len + 1);
  g->type_len = (uint32_t)type_len;
  g->key_len = (uint32_t)len;
  HASH_FIND(hh, names->groups, g->key, len, found);
  if (found) {
    free(g);
    return found;
  }
  p = get_pool(names, g->key, type_len + 1 + stem_of(name, name_len));
  if (p)
    HASH_ADD_KEYPTR(hh, names->groups, g->key, len, g);
  if (!p || !atr_table_added(g)) {
    free(g);
    return NULL;
  }
  g->pool = p;
  p->n_groups++;
  DL_APPEND(p->groups, g);
  mark_taken_from(names, g);
  return g;
}

static void leave_group(atr_names *names, atr_name *n)
{
  group *g = n->group;

  DL_DELETE(g->members, n);
  n->group = NULL;
  mark(names, g->pool);
  if (g->members)
    return;
  mark_taken_from(names, g);
  DL_DELETE(g->pool->groups, g);
  g->pool->n_groups--;
  HASH_DEL(names->groups, g);
  free(g);
}

static bool before(const atr_name *a, const atr_name *b)
{
  return a->created != b->created ? a->created < b->created : atr_id_compare(&a->id, &b->id) < 0;
}

static void enter_group(atr_names *names, group *g, atr_name *n)
{
  atr_name *after = g->members ? g->members->prev : NULL; /* the last one: newcomers are mostly newest */

  while (after && before(n, after))
    after = after == g->members ? NULL : after->prev;
  if (after)
    DL_APPEND_ELEM(g->members, after, n);
  else
    DL_PREPEND(g->members, n);
  n->group = g;
  mark(names, g->pool);
}

static bool is_named(const group *g, const char *type, const char *text)
{
  return strcmp(g->key, type) == 0 && strcmp(g->key + g->type_len + 1, text) == 0;
}

int atr_names_set(atr_names *names, atr_name *n, const char *type, const char *text, uint64_t created)
{
  group *g;

  if (n->group && text && n->created == created && is_named(n->group, type, text))
    return 0;
  if (!text) {
    if (n->group)
      leave_group(names, n);
    free(n->show);
    n->show = NULL;
    return 0;
  }
  g = get_group(names, type, text);
  if (!g)
    return ATR_NOMEM;
  if (n->group && n->group != g)
    leave_group(names, n);
  else if (n->group)
    DL_DELETE(g->members, n);
  n->created = created;
  enter_group(names, g, n);
  return 0;
}

/* --- settling --------------------------------------------------------------------------------------------------- */

static int set_show(atr_names *names, atr_name *n, const char *show)
{
  char *copy = NULL;

  if (show == n->show || (show && n->show && strcmp(show, n->show) == 0))
    return 0;
  if (show) {
    copy = strdup(show);
    if (!copy)
      return ATR_NOMEM;
  }
  free(n->show);
  n->show = copy;
  names->on_change(names->ctx, n);
  return 0;
}

static bool is_taken(const atr_names *names, const char *key, size_t len)
{
  group *g;

  HASH_FIND(hh, names->groups, key, len, g);
  return g != NULL;
}

static int compare(const void *a, const void *b)
{
  const atr_name *x = *(atr_name *const *)a, *y = *(atr_name *const *)b;

  return before(x, y) ? -1 : before(y, x);
}

/* Second and later documents of all groups of the pool, by creation. */
static int losers_of(const pool *p, atr_name ***out, size_t *count)
{
  size_t n = 0;
  const group *g;
  atr_name *m;

  DL_FOREACH (p->groups, g) {
    DL_FOREACH (g->members, m) {
      n++;
    }
  }
  *out = malloc((n + 1) * sizeof **out);
  if (!*out)
    return ATR_NOMEM;
  n = 0;
  DL_FOREACH (p->groups, g) {
    for (m = g->members ? g->members->next : NULL; m; m = m->next)
      (*out)[n++] = m;
  }
  if (p->n_groups > 1)
    qsort(*out, n, sizeof **out, compare);
  *count = n;
  return 0;
}

static int settle_pool(atr_names *names, pool *p)
{
  size_t n = 0, type_len = strlen(p->key), room = p->key_len + SUFFIX_BYTES_MAX + 8;
  uint32_t number = 0;
  atr_name **losers = NULL;
  char *key = malloc(room);
  int err = key ? losers_of(p, &losers, &n) : ATR_NOMEM;
  group *g;

  DL_FOREACH (p->groups, g) {
    if (!err)
      err = set_show(names, g->members, NULL);
  }
  if (!err)
    memcpy(key, p->key, p->key_len);
  for (size_t i = 0; i < n && !err; i++) {
    int len;

    do {
      len = snprintf(key + p->key_len, room - p->key_len, ".%03u", ++number);
    } while (is_taken(names, key, p->key_len + (size_t)len));
    err = set_show(names, losers[i], key + type_len + 1);
  }
  free(losers);
  free(key);
  return err;
}

int atr_names_settle(atr_names *names)
{
  int err = 0;

  while (names->dirty && !err) {
    pool *p = names->dirty;

    names->dirty = p->dirty_next;
    p->dirty = false;
    if (p->groups) {
      err = settle_pool(names, p);
    } else {
      HASH_DEL(names->pools, p);
      free(p);
    }
  }
  return err;
}
