/* SPDX-License-Identifier: MIT
 *
 * See guests.h. Some hundred keys at most in practice, looked up once per connection: a list is enough. */
#include "server/guests.h"

#include "base/error.h"
#include "base/limits.h"
#include "session/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 7 + ATR_HASH_HEX + 1 + ATR_USER_NAME_BYTES_MAX + 2 };

typedef struct entry {
  atr_hash key;
  atr_guest_verdict verdict;
  bool remembered, has_guard;
  atr_guard guard;
  char name[ATR_USER_NAME_BYTES_MAX + 1];
} entry;

struct atr_guests {
  char *path;
  entry *entries;
  size_t n, cap;
};

static entry *find(const atr_guests *guests, const atr_hash *key)
{
  for (size_t i = 0; i < guests->n; i++)
    if (atr_hash_equal(&guests->entries[i].key, key))
      return &guests->entries[i];
  return NULL;
}

static int add(atr_guests *guests, const atr_hash *key, entry **out)
{
  if (guests->n == ATR_GUESTS_MAX)
    return ATR_LIMIT;
  if (guests->n == guests->cap) {
    size_t cap = guests->cap ? 2 * guests->cap : 16;
    entry *more = realloc(guests->entries, cap * sizeof *more);

    if (!more)
      return ATR_NOMEM;
    guests->entries = more;
    guests->cap = cap;
  }
  *out = &guests->entries[guests->n++];
  memset(*out, 0, sizeof **out);
  (*out)->key = *key;
  return ATR_OK;
}

/* "allow HASH name": 0, or an error for a list that is too long. Lines of another kind are comments. */
static int read_line(atr_guests *guests, const char *line)
{
  char verdict[8], hex[ATR_HASH_HEX + 1];
  int name_at = 0, err;
  atr_hash key;
  entry *e;

  if (sscanf(line, "%7s %64s %n", verdict, hex, &name_at) < 2 ||
      (strcmp(verdict, "allow") != 0 && strcmp(verdict, "refuse") != 0))
    return ATR_OK;
  if (atr_hash_from_hex(hex, strlen(hex), &key) < 0 || find(guests, &key))
    return ATR_OK;
  err = add(guests, &key, &e);
  if (err < 0)
    return err;
  e->verdict = verdict[0] == 'a' ? ATR_GUEST_ALLOWED : ATR_GUEST_REFUSED;
  e->remembered = true;
  snprintf(e->name, sizeof e->name, "%.*s", (int)strcspn(line + name_at, "\r\n"), line + name_at);
  return ATR_OK;
}

static int read_file(atr_guests *guests, char *why, size_t why_bytes)
{
  FILE *file = fopen(guests->path, "r");
  char line[512];
  int err = ATR_OK;

  if (!file && errno == ENOENT)
    return ATR_OK;
  if (!file) {
    snprintf(why, why_bytes, "The list of keys %s cannot be read: %s.", guests->path, strerror(errno));
    return ATR_IO;
  }
  while (err == ATR_OK && fgets(line, sizeof line, file))
    err = read_line(guests, line);
  if (err < 0)
    snprintf(why, why_bytes, "The list of keys %s is too long.", guests->path);
  fclose(file);
  return err;
}

int atr_guests_open(atr_guests **out, const char *folder, char *why, size_t why_bytes)
{
  atr_guests *guests = calloc(1, sizeof *guests);
  size_t bytes = strlen(folder) + sizeof "/guests";
  int err;

  if (!guests || !(guests->path = malloc(bytes))) {
    free(guests);
    return ATR_NOMEM;
  }
  snprintf(guests->path, bytes, "%s/guests", folder);
  err = read_file(guests, why, why_bytes);
  if (err < 0) {
    atr_guests_free(guests);
    return err;
  }
  *out = guests;
  return ATR_OK;
}

void atr_guests_free(atr_guests *guests)
{
  if (!guests)
    return;
  free(guests->path);
  free(guests->entries);
  free(guests);
}

atr_guest_verdict atr_guests_find(const atr_guests *guests, const atr_hash *key)
{
  const entry *e = find(guests, key);

  return e ? e->verdict : ATR_GUEST_STRANGER;
}

atr_guard *atr_guests_guard(atr_guests *guests, const atr_hash *key, uint64_t now_ms)
{
  entry *e = find(guests, key);

  if (!e || e->verdict != ATR_GUEST_ALLOWED)
    return NULL;
  if (!e->has_guard)
    atr_guard_init(&e->guard, now_ms);
  e->has_guard = true;
  return &e->guard;
}

/* A name has no line breaks in the file. */
static void set_name(entry *e, const char *name)
{
  snprintf(e->name, sizeof e->name, "%s", name);
  for (char *p = e->name; *p; p++)
    if ((unsigned char)*p < ' ' || *p == 0x7f)
      *p = ' ';
}

static int write_file(const atr_guests *guests)
{
  char line[LINE_BYTES], hex[ATR_HASH_HEX + 1], why[512];
  atr_buf text;
  int err = ATR_OK;

  atr_buf_init(&text, (size_t)ATR_GUESTS_MAX * LINE_BYTES);
  for (size_t i = 0; i < guests->n && !err; i++) {
    const entry *e = &guests->entries[i];

    if (!e->remembered)
      continue;
    atr_hash_to_hex(&e->key, hex);
    snprintf(line, sizeof line, "%s %s %s\n", e->verdict == ATR_GUEST_ALLOWED ? "allow" : "refuse", hex, e->name);
    err = atr_buf_append_str(&text, line);
  }
  if (!err)
    err = atr_file_replace(guests->path, atr_buf_span(&text), why, sizeof why);
  atr_buf_free(&text);
  return err;
}

int atr_guests_set(atr_guests *guests, const atr_hash *key, atr_guest_verdict verdict, const char *name, bool remember)
{
  entry *e = find(guests, key);

  if (!e) {
    int err = add(guests, key, &e);

    if (err < 0)
      return err;
  }
  e->verdict = verdict;
  set_name(e, name);
  if (!remember)
    return ATR_OK;
  e->remembered = true;
  return write_file(guests);
}
