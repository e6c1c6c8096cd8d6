/* SPDX-License-Identifier: MIT
 *
 * One line per address, fields separated by a blank:
 *
 *     <address> <key hash, 64 hex digits> <first seen, seconds since 1970> <name, to the end of the line>
 *
 * An address has no blanks (atr_address_shown). Changing reads the file, copies every line except the one that
 * changes, and replaces the file, under the lock; reading needs none, as a file is replaced in one step.
 */
#include "session/pins.h"

#include "base/error.h"
#include "base/limits.h"
#include "base/log.h"
#include "session/file.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define PINS_BYTES_MAX ((size_t)ATR_PINS_MAX * 256)

typedef struct line {
  const char *p;
  size_t n; /* without the end of the line */
} line;

/* Takes the next line off `*rest`; false at the end. */
static bool next_line(atr_span *rest, line *out)
{
  const uint8_t *end;

  if (rest->n == 0)
    return false;
  end = memchr(rest->p, '\n', rest->n);
  out->p = (const char *)rest->p;
  out->n = end ? (size_t)(end - rest->p) : rest->n;
  rest->p += out->n + (end ? 1 : 0);
  rest->n -= out->n + (end ? 1 : 0);
  return true;
}

/* Whether the line is about `address`, and then its key; a line whose key cannot be read counts as none. */
static bool is_about(line l, const char *address, atr_hash *key)
{
  size_t n = strlen(address);

  return l.n > n + ATR_HASH_HEX && memcmp(l.p, address, n) == 0 && l.p[n] == ' ' &&
         atr_hash_from_hex(l.p + n + 1, ATR_HASH_HEX, key) == 0;
}

static int read_pins(const char *home, atr_buf *out, char path[ATR_PATH_BYTES])
{
  char why[512] = "";
  int err = atr_file_path(path, home, "known_hosts", why, sizeof why);

  atr_buf_init(out, PINS_BYTES_MAX);
  if (!err)
    err = atr_file_read(path, ATR_FILE_PRIVATE, out, why, sizeof why);
  if (err == ATR_NOENT)
    err = 0;
  if (err)
    atr_log(ATR_LOG_ERROR, "known hosts: %s", why);
  return err;
}

static bool find(atr_span pins, const char *address, atr_hash *key)
{
  line l;

  while (next_line(&pins, &l))
    if (is_about(l, address, key))
      return true;
  return false;
}

int atr_pins_check(const char *home, const char *address, const atr_hash *key, atr_hash *pinned)
{
  char path[ATR_PATH_BYTES];
  atr_hash found;
  atr_buf pins;
  int result = read_pins(home, &pins, path);

  if (!result && find(atr_buf_span(&pins), address, &found)) {
    result = atr_hash_equal(&found, key) ? ATR_PIN_MATCHES : ATR_PIN_CHANGED;
    if (pinned)
      *pinned = found;
  }
  atr_buf_free(&pins);
  return result;
}

int atr_pins_find(const char *home, const char *address, atr_hash *pinned)
{
  static const atr_hash nobodys = {0};
  int state = atr_pins_check(home, address, &nobodys, pinned);

  return state < 0 ? state : state != ATR_PIN_UNKNOWN;
}

/* The key of a line, whatever its address is; a line without one has none. */
static bool has_key(line l, const atr_hash *key)
{
  const char *blank = memchr(l.p, ' ', l.n);
  atr_hash found;

  return blank && (size_t)(l.p + l.n - blank) > ATR_HASH_HEX &&
         atr_hash_from_hex(blank + 1, ATR_HASH_HEX, &found) == 0 && atr_hash_equal(&found, key);
}

int atr_pins_know(const char *home, const atr_hash *key)
{
  char path[ATR_PATH_BYTES];
  atr_buf pins;
  int result = read_pins(home, &pins, path);
  atr_span rest = atr_buf_span(&pins);
  line l;

  while (result == 0 && next_line(&rest, &l))
    result = has_key(l, key);
  atr_buf_free(&pins);
  return result;
}

/* Copies all lines but those about `address`; counts them. */
static bool copy_others(atr_span pins, const char *address, atr_buf *out, size_t *count)
{
  bool found = false;
  atr_hash key;
  line l;

  while (next_line(&pins, &l)) {
    if (is_about(l, address, &key)) {
      found = true;
      continue;
    }
    (void)atr_buf_append(out, l.p, l.n);
    (void)atr_buf_append_u8(out, '\n');
    (*count)++;
  }
  return found;
}

static void append_pin(atr_buf *out, const char *address, const atr_hash *key, const char *name)
{
  char hex[ATR_HASH_HEX + 1], seen[24];

  atr_hash_to_hex(key, hex);
  snprintf(seen, sizeof seen, "%lld", (long long)time(NULL));
  (void)atr_buf_append_str(out, address);
  (void)atr_buf_append_u8(out, ' ');
  (void)atr_buf_append_str(out, hex);
  (void)atr_buf_append_u8(out, ' ');
  (void)atr_buf_append_str(out, seen);
  (void)atr_buf_append_u8(out, ' ');
  for (size_t i = 0; name && name[i] && i < ATR_USER_NAME_BYTES_MAX; i++)
    (void)atr_buf_append_u8(out, (uint8_t)name[i] < ' ' ? ' ' : (uint8_t)name[i]);
  (void)atr_buf_append_u8(out, '\n');
}

/* Nothing to change, then: the line says since when, and every connection comes by here. A file that is written for each costs some
 * milliseconds of the disk's between a host's key and our hello. */
static bool has_already(atr_span pins, const char *address, const atr_hash *key, const char *name)
{
  atr_hash pinned;

  return key && !name && find(pins, address, &pinned) && atr_hash_equal(&pinned, key);
}

/* With the lock held. `key` NULL: forget. */
static int rewrite(const char *home, const char *address, const atr_hash *key, const char *name)
{
  char path[ATR_PATH_BYTES], why[512];
  atr_buf old, new;
  size_t count = 0;
  bool found;
  int err = read_pins(home, &old, path);

  atr_buf_init(&new, PINS_BYTES_MAX);
  if (err || has_already(atr_buf_span(&old), address, key, name))
    goto Exit;
  found = copy_others(atr_buf_span(&old), address, &new, &count);
  err = !found && !key ? ATR_NOENT : key && count >= ATR_PINS_MAX ? ATR_LIMIT : 0;
  if (err)
    goto Exit;
  if (key)
    append_pin(&new, address, key, name);
  err = new.err ? new.err : atr_file_replace(path, atr_buf_span(&new), why, sizeof why);
  if (err == ATR_IO)
    atr_log(ATR_LOG_ERROR, "known hosts: %s", why);
Exit:
  atr_buf_free(&old);
  atr_buf_free(&new);
  return err;
}

static int change(const char *home, const char *address, const atr_hash *key, const char *name)
{
  char why[512];
  uv_file lock = -1;
  int err = strpbrk(address, " \n\r") || strlen(address) > ATR_PIN_LINE_BYTES / 2 ? ATR_INVAL : 0;

  if (err)
    return err;
  err = atr_file_folder(home, why, sizeof why);
  if (!err)
    err = atr_file_lock(&lock, home, why, sizeof why);
  if (err) {
    atr_log(ATR_LOG_ERROR, "known hosts: %s", why);
    return err;
  }
  err = rewrite(home, address, key, name);
  atr_file_unlock(lock);
  return err;
}

int atr_pins_set(const char *home, const char *address, const atr_hash *key, const char *name)
{
  return change(home, address, key, name);
}

int atr_pins_forget(const char *home, const char *address)
{
  return change(home, address, NULL, NULL);
}
