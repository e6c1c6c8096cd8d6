/* SPDX-License-Identifier: MIT
 *
 * See passwords.h. At most one record per room: a list is enough, and is walked to its end by each look-up. */
#include "server/passwords.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARAMETERS "argon2id %10s %10s %32s %64s"

enum { LINE_BYTES = 192 + ATR_ID_HEX + ATR_ROOM_NAME_BYTES_MAX };

typedef struct record {
  struct record *next; /* in the order in which they came */
  atr_id room;
  atr_password password;
  char name[ATR_ROOM_NAME_BYTES_MAX + 1];
} record;

struct atr_passwords {
  atr_kept file;
  uint8_t key[ATR_KEYED_BYTES];
  atr_password server; /* what counts */
  atr_password kept;   /* what the file says */
  bool has_server, has_kept;
  record *rooms;
  size_t n_rooms;
  atr_rooms_there there;
};

/* --- records --------------------------------------------------------------------------------------------------- */

static record **place_of(atr_passwords *passwords, const atr_id *room)
{
  record **at = &passwords->rooms;

  while (*at && !atr_id_equal(&(*at)->room, room))
    at = &(*at)->next;
  return at;
}

static bool is_there(const atr_passwords *passwords, const atr_id *room)
{
  return passwords->there.has && passwords->there.has(passwords->there.ctx, room);
}

/* What counts of this name: of rooms that are there the first that got one, else the last. A look at the rooms is taken in any case. */
static const record *of_name(const atr_passwords *passwords, const char *name, bool *there)
{
  static const atr_id nobody;
  const record *found = NULL;

  *there = false;
  for (const record *r = passwords->rooms; r; r = r->next)
    if (strcmp(r->name, name) == 0 && !*there) {
      found = r;
      *there = is_there(passwords, &r->room);
    }
  if (!found)
    (void)is_there(passwords, &nobody);
  return found;
}

static void drop(atr_passwords *passwords, record **at)
{
  record *r = *at;

  *at = r->next;
  passwords->n_rooms--;
  atr_wipe(r, sizeof *r);
  free(r);
}

static int put(atr_passwords *passwords, const atr_id *room, const char *name, const atr_password *password)
{
  record **at = place_of(passwords, room);

  if (!*at && passwords->n_rooms >= ATR_ROOMS_MAX)
    return ATR_LIMIT;
  if (!*at && !(*at = calloc(1, sizeof **at)))
    return ATR_NOMEM;
  passwords->n_rooms += atr_id_is_zero(&(*at)->room);
  (*at)->room = *room;
  (*at)->password = *password;
  snprintf((*at)->name, sizeof(*at)->name, "%s", name);
  return ATR_OK;
}

void atr_passwords_tell_rooms(atr_passwords *passwords, const atr_rooms_there *rooms)
{
  passwords->there = *rooms;
}

bool atr_passwords_has(const atr_passwords *passwords, const atr_id *room)
{
  bool there;

  for (const record *r = passwords->rooms; r; r = r->next)
    if (atr_id_equal(&r->room, room))
      return of_name(passwords, r->name, &there) == r;
  return false;
}

bool atr_passwords_holder(const atr_passwords *passwords, const char *name, atr_id *room)
{
  bool there;
  const record *found = of_name(passwords, name, &there);

  if (found && there)
    *room = found->room;
  return found && there;
}

const atr_password *atr_passwords_of_server(const atr_passwords *passwords)
{
  return passwords->has_server ? &passwords->server : NULL;
}

void atr_passwords_of_name(const atr_passwords *passwords, const char *name, atr_password *out, atr_id *room)
{
  const atr_rooms_there *rooms = &passwords->there;
  bool there, is_hidden;
  const record *found = of_name(passwords, name, &there);

  is_hidden = rooms->has_named && rooms->has_named(rooms->ctx, name) && !there;
  atr_password_of_nobody(out, passwords->key, name);
  memset(room, 0, sizeof *room);
  if (found && !is_hidden) {
    *out = found->password;
    *room = found->room;
  }
}

int atr_passwords_begin(const atr_passwords *passwords, const char *name, atr_password *out)
{
  if (!name)
    return atr_password_init(out);
  atr_password_of_nobody(out, passwords->key, name);
  return ATR_OK;
}

/* --- the file -------------------------------------------------------------------------------------------------- */

static bool read_parameters(atr_password *p, const char *text)
{
  char passes[11], memory_kib[11], salt[2 * ATR_PASSWORD_SALT_BYTES + 1], secret[2 * ATR_PASSWORD_SECRET_BYTES + 1];
  uint64_t passes_u64, memory_u64;

  if (sscanf(text, PARAMETERS, passes, memory_kib, salt, secret) != 4 ||
      !atr_file_number(passes, UINT32_MAX, &passes_u64) || !atr_file_number(memory_kib, UINT32_MAX, &memory_u64) ||
      atr_hex_decode(salt, strlen(salt), p->salt, sizeof p->salt) < 0 ||
      atr_hex_decode(secret, strlen(secret), p->secret, sizeof p->secret) < 0)
    return false;
  p->passes = (uint32_t)passes_u64;
  p->memory_kib = (uint32_t)memory_u64;
  return true;
}

static int read_line(atr_passwords *passwords, const char *line)
{
  char id[ATR_ID_HEX + 1];
  int rest = 0, name = 0;
  atr_password password;
  atr_id room;

  if (!line[0])
    return ATR_OK;
  if (strncmp(line, "room ", 5) != 0) {
    passwords->has_kept = read_parameters(&passwords->kept, line);
    return passwords->has_kept ? ATR_OK : ATR_INVAL;
  }
  if (sscanf(line, "room %32s %n", id, &rest) != 1 || atr_id_from_hex(id, strlen(id), &room) < 0 ||
      !read_parameters(&password, line + rest) || sscanf(line + rest, "argon2id %*s %*s %*s %*64s%n", &name) < 0 ||
      line[rest + name] != ' ')
    return ATR_INVAL;
  return put(passwords, &room, line + rest + name + 1, &password);
}

/* An empty file: the host has removed its password. */
static int read_file(atr_passwords *passwords, char *why, size_t why_bytes)
{
  atr_buf text;
  int err;

  atr_buf_init(&text, (size_t)(ATR_ROOMS_MAX + 2) * LINE_BYTES);
  err = atr_file_read(passwords->file.path, ATR_FILE_PRIVATE, &text, why, why_bytes);
  if (!err)
    err = atr_buf_append_u8(&text, 0);
  for (char *line = err ? NULL : (char *)text.data, *end; line && !err; line = end) {
    end = strchr(line, '\n');
    if (end)
      *end++ = 0;
    err = read_line(passwords, line);
    if (err)
      snprintf(why, why_bytes,
               "The file %s is not one that this server has written: delete it and set the password anew.",
               passwords->file.path);
  }
  if (text.data)
    atr_wipe(text.data, text.len);
  atr_buf_free(&text);
  return err == ATR_NOENT ? ATR_OK : err == ATR_INVAL || err == ATR_LIMIT ? ATR_IO : err;
}

static void write_parameters(const atr_password *p, char *out, size_t out_bytes)
{
  char salt[2 * ATR_PASSWORD_SALT_BYTES + 1], secret[2 * ATR_PASSWORD_SECRET_BYTES + 1];

  atr_hex_encode(p->salt, sizeof p->salt, salt);
  atr_hex_encode(p->secret, sizeof p->secret, secret);
  snprintf(out, out_bytes, "argon2id %u %u %s %s", p->passes, p->memory_kib, salt, secret);
  atr_wipe(secret, sizeof secret);
}

static int write_file(const void *of, atr_buf *text)
{
  char line[LINE_BYTES + 64], parameters[160], id[ATR_ID_HEX + 1];
  const atr_passwords *passwords = of;
  int err = ATR_OK;

  if (passwords->has_kept) {
    write_parameters(&passwords->kept, parameters, sizeof parameters);
    snprintf(line, sizeof line, "%s\n", parameters);
    err = atr_buf_append_str(text, line);
  }
  for (const record *r = passwords->rooms; r && !err; r = r->next) {
    write_parameters(&r->password, parameters, sizeof parameters);
    atr_id_to_hex(&r->room, id);
    snprintf(line, sizeof line, "room %s %s %s\n", id, parameters, r->name);
    err = atr_buf_append_str(text, line);
  }
  atr_wipe(parameters, sizeof parameters);
  atr_wipe(line, sizeof line);
  return err;
}

int atr_passwords_open(atr_passwords **out, const char *folder, const uint8_t key[ATR_KEYED_BYTES], char *why,
                       size_t why_bytes)
{
  atr_passwords *passwords = calloc(1, sizeof *passwords);
  int err;

  if (!passwords)
    return ATR_NOMEM;
  memcpy(passwords->key, key, sizeof passwords->key);
  passwords->file.bytes_max = (size_t)(ATR_ROOMS_MAX + 2) * LINE_BYTES;
  passwords->file.write = write_file;
  passwords->file.of = passwords;
  err = atr_file_path(passwords->file.path, folder, "password", why, why_bytes);
  if (!err)
    err = read_file(passwords, why, why_bytes);
  if (err) {
    atr_passwords_free(passwords);
    return err;
  }
  passwords->server = passwords->kept;
  passwords->has_server = passwords->has_kept;
  *out = passwords;
  return ATR_OK;
}

void atr_passwords_free(atr_passwords *passwords)
{
  if (!passwords)
    return;
  while (passwords->rooms)
    drop(passwords, &passwords->rooms);
  atr_wipe(passwords, sizeof *passwords);
  free(passwords);
}

atr_kept *atr_passwords_file(atr_passwords *passwords)
{
  return &passwords->file;
}

/* --- setting --------------------------------------------------------------------------------------------------- */

int atr_passwords_give(atr_passwords *passwords, const char *text, char *why, size_t why_bytes)
{
  int err = atr_password_init(&passwords->server);

  if (!err)
    err = atr_password_derive(&passwords->server, atr_span_of(text, strlen(text)));
  if (err == ATR_INVAL)
    snprintf(why, why_bytes, "A password has between 1 and %u bytes.", ATR_PASSWORD_BYTES_MAX);
  passwords->has_server = !err;
  return err;
}

int atr_passwords_set(atr_passwords *passwords, const atr_id *room, const char *name, const atr_password *password)
{
  int err = ATR_OK;

  if (!room) {
    passwords->has_server = passwords->has_kept = password != NULL;
    atr_password_wipe(&passwords->server);
    if (password)
      passwords->server = *password;
    passwords->kept = passwords->server;
  } else if (password) {
    err = put(passwords, room, name, password);
  } else if (*place_of(passwords, room)) {
    drop(passwords, place_of(passwords, room));
  } else {
    return ATR_OK;
  }
  passwords->file.is_changed = passwords->file.is_changed || !err;
  return err;
}

bool atr_passwords_drop_lost(atr_passwords *passwords)
{
  for (record **at = &passwords->rooms; *at; at = &(*at)->next)
    if (!is_there(passwords, &(*at)->room)) {
      drop(passwords, at);
      passwords->file.is_changed = true;
      return true;
    }
  return false;
}
