/* SPDX-License-Identifier: MIT
 *
 * See keys.h. Some hundred keys at most in practice, looked up once per connection: a list is enough. */
#include "server/keys.h"

#include "base/error.h"
#include "base/limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

typedef struct entry {
  atr_hash key;
  atr_key_verdict verdict;
  bool remembered;
  char name[ATR_USER_NAME_BYTES_MAX + 1];
} entry;

struct atr_keys {
  char *path;
  entry *entries;
  size_t n, cap;
};

static entry *find(const atr_keys *keys, const atr_hash *key)
{
  for (size_t i = 0; i < keys->n; i++)
    if (atr_hash_equal(&keys->entries[i].key, key))
      return &keys->entries[i];
  return NULL;
}

static int add(atr_keys *keys, const atr_hash *key, entry **out)
{
  if (keys->n == ATR_KEYS_MAX)
    return ATR_LIMIT;
  if (keys->n == keys->cap) {
    size_t cap = keys->cap ? 2 * keys->cap : 16;
    entry *more = realloc(keys->entries, cap * sizeof *more);

    if (!more)
      return ATR_NOMEM;
    keys->entries = more;
    keys->cap = cap;
  }
  *out = &keys->entries[keys->n++];
  memset(*out, 0, sizeof **out);
  (*out)->key = *key;
  return ATR_OK;
}

/* "allow HASH name": 0, or an error for a list that is too long. Lines of another kind are comments. */
static int read_line(atr_keys *keys, const char *line)
{
  char verdict[8], hex[ATR_HASH_HEX + 1];
  int name_at = 0, err;
  atr_hash key;
  entry *e;

  if (sscanf(line, "%7s %64s %n", verdict, hex, &name_at) < 2 ||
      (strcmp(verdict, "allow") && strcmp(verdict, "refuse")))
    return ATR_OK;
  if (atr_hash_from_hex(hex, strlen(hex), &key) < 0 || find(keys, &key))
    return ATR_OK;
  err = add(keys, &key, &e);
  if (err < 0)
    return err;
  e->verdict = verdict[0] == 'a' ? ATR_KEY_ALLOWED : ATR_KEY_REFUSED;
  e->remembered = true;
  snprintf(e->name, sizeof e->name, "%.*s", (int)strcspn(line + name_at, "\r\n"), line + name_at);
  return ATR_OK;
}

static int read_file(atr_keys *keys, char *why, size_t why_bytes)
{
  FILE *file = fopen(keys->path, "r");
  char line[512];
  int err = ATR_OK;

  if (!file && errno == ENOENT)
    return ATR_OK;
  if (!file) {
    snprintf(why, why_bytes, "The list of keys %s cannot be read: %s.", keys->path, strerror(errno));
    return ATR_IO;
  }
  while (err == ATR_OK && fgets(line, sizeof line, file))
    err = read_line(keys, line);
  if (err < 0)
    snprintf(why, why_bytes, "The list of keys %s is too long.", keys->path);
  fclose(file);
  return err;
}

int atr_keys_open(atr_keys **out, const char *folder, char *why, size_t why_bytes)
{
  atr_keys *keys = calloc(1, sizeof *keys);
  size_t bytes = strlen(folder) + sizeof "/keys";
  int err;

  if (!keys || !(keys->path = malloc(bytes))) {
    free(keys);
    return ATR_NOMEM;
  }
  snprintf(keys->path, bytes, "%s/keys", folder);
  err = read_file(keys, why, why_bytes);
  if (err < 0) {
    atr_keys_free(keys);
    return err;
  }
  *out = keys;
  return ATR_OK;
}

void atr_keys_free(atr_keys *keys)
{
  if (!keys)
    return;
  free(keys->path);
  free(keys->entries);
  free(keys);
}

atr_key_verdict atr_keys_find(const atr_keys *keys, const atr_hash *key)
{
  const entry *e = find(keys, key);

  return e ? e->verdict : ATR_KEY_STRANGER;
}

/* A name has no line breaks in the file. */
static void set_name(entry *e, const char *name)
{
  snprintf(e->name, sizeof e->name, "%s", name);
  for (char *p = e->name; *p; p++)
    if ((unsigned char)*p < ' ' || *p == 0x7f)
      *p = ' ';
}

static int write_entries(const atr_keys *keys, FILE *file)
{
  for (size_t i = 0; i < keys->n; i++) {
    const entry *e = &keys->entries[i];
    char hex[ATR_HASH_HEX + 1];

    atr_hash_to_hex(&e->key, hex);
    if (e->remembered &&
        fprintf(file, "%s %s %s\n", e->verdict == ATR_KEY_ALLOWED ? "allow" : "refuse", hex, e->name) < 0)
      return ATR_IO;
  }
  return fflush(file) == 0 ? ATR_OK : ATR_IO;
}

static int write_file(const atr_keys *keys)
{
  size_t bytes = strlen(keys->path) + sizeof ".new";
  char *temp = malloc(bytes);
  uv_fs_t req;
  FILE *file;
  int err = ATR_IO;

  if (!temp)
    return ATR_NOMEM;
  snprintf(temp, bytes, "%s.new", keys->path);
  file = fopen(temp, "w");
  if (file) {
    err = write_entries(keys, file);
    if (fclose(file) != 0)
      err = ATR_IO;
    if (err == ATR_OK && uv_fs_rename(NULL, &req, temp, keys->path, NULL) < 0)
      err = ATR_IO;
  }
  free(temp);
  return err;
}

int atr_keys_set(atr_keys *keys, const atr_hash *key, atr_key_verdict verdict, const char *name, bool remember)
{
  entry *e = find(keys, key);

  if (!e) {
    int err = add(keys, key, &e);

    if (err < 0)
      return err;
  }
  e->verdict = verdict;
  set_name(e, name);
  if (!remember)
    return ATR_OK;
  e->remembered = true;
  return write_file(keys);
}
