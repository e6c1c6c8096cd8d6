/* SPDX-License-Identifier: MIT
 *
 * See rights.h. Rows of one key are one entry, found by a hash table: the list of rooms asks for each room and each connection. Entries keep the order in
 * which they came, and so do the lines of the file. */
#include "server/rights.h"

#include "base/error.h"
#include "base/limits.h"
#include "base/table.h"
#include "session/identity.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In front of a name in the file. */
static const char code_mark[] = "code:";

enum { MARK_BYTES = sizeof code_mark - 1 };
enum { CODE_BYTES = MARK_BYTES + ATR_CHECK_CODE_BYTES }; /* with a blank */
enum { LINE_BYTES = 7 + ATR_HASH_HEX + 1 + ATR_ID_HEX + 1 + CODE_BYTES + ATR_USER_NAME_BYTES_MAX + 2 };

typedef struct entry {
  UT_hash_handle hh;
  atr_hash key;
  atr_standing standing; /* for good: as in the file */
  bool once;             /* a member until the server ends */
  bool has_guard;
  atr_guard guard;
  atr_id *rooms; /* oldest first; NULL: none */
  size_t n_rooms;
  char name[ATR_USER_NAME_BYTES_MAX + 1];
  char code[ATR_CHECK_CODE_BYTES]; /* of who was refused; empty: not known */
} entry;

struct atr_rights {
  atr_kept file;
  entry *entries;
  size_t n_rows;
  bool open;
};

/* --- the deeds ------------------------------------------------------------------------------------------------- */

/* Who may do it: from this standing on, and besides whoever has a row for the room, or has created it. */
static const struct {
  atr_standing from;
  bool with_row, its_creator;
} deeds[ATR_DEEDS] = {
    [ATR_MAY_ENTER] = {.from = ATR_IS_MEMBER, .with_row = true},
    [ATR_MAY_CREATE] = {.from = ATR_IS_MEMBER},
    [ATR_MAY_ADMIT] = {.from = ATR_IS_HOST},
    [ATR_MAY_INVITE] = {.from = ATR_IS_HOST},
    [ATR_MAY_SET_PASSWORD] = {.from = ATR_IS_HOST},
    [ATR_MAY_SET_ROOM_PASSWORD] = {.from = ATR_IS_HOST, .its_creator = true},
    [ATR_MAY_SEE_REACH] = {.from = ATR_IS_HOST},
    [ATR_MAY_END] = {.from = ATR_IS_HOST},
};

static entry *find(const atr_rights *rights, const atr_hash *key)
{
  entry *e;

  HASH_FIND(hh, rights->entries, key, sizeof *key, e);
  return e;
}

static bool has_room(const entry *e, const atr_id *room)
{
  for (size_t i = 0; e && i < e->n_rooms; i++)
    if (atr_id_equal(&e->rooms[i], room))
      return true;
  return false;
}

static atr_standing standing_of(const atr_rights *rights, const entry *e, bool is_host)
{
  if (is_host)
    return ATR_IS_HOST;
  if (e && e->once)
    return ATR_IS_MEMBER;
  if (e && e->standing == ATR_IS_REFUSED)
    return ATR_IS_REFUSED;
  if (rights->open)
    return ATR_IS_MEMBER;
  return e ? e->standing : ATR_IS_STRANGER;
}

atr_standing atr_rights_standing(const atr_rights *rights, const atr_who *who)
{
  return standing_of(rights, find(rights, &who->key), who->is_host);
}

bool atr_rights_is_known(const atr_rights *rights, const atr_who *who)
{
  const entry *e = find(rights, &who->key);

  return who->is_host || (e && (e->once || e->standing >= ATR_IS_GUEST));
}

bool atr_rights_may(const atr_rights *rights, const atr_who *who, atr_deed deed, const atr_id *room,
                    const atr_hash *creator)
{
  const entry *e = find(rights, &who->key);
  atr_standing standing = standing_of(rights, e, who->is_host);

  if (standing >= deeds[deed].from)
    return true;
  if (standing < ATR_IS_GUEST)
    return false;
  return (deeds[deed].with_row && room && has_room(e, room)) ||
         (deeds[deed].its_creator && creator && atr_hash_equal(creator, &who->key));
}

bool atr_rights_only_room(const atr_rights *rights, const atr_hash *key, atr_id *room)
{
  const entry *e = find(rights, key);

  if (!e || standing_of(rights, e, false) != ATR_IS_GUEST || e->n_rooms != 1)
    return false;
  *room = e->rooms[0];
  return true;
}

atr_guard *atr_rights_guard(atr_rights *rights, const atr_hash *key, uint64_t now_ms)
{
  entry *e = find(rights, key);

  if (!e || standing_of(rights, e, false) < ATR_IS_GUEST)
    return NULL;
  if (!e->has_guard)
    atr_guard_init(&e->guard, now_ms);
  e->has_guard = true;
  return &e->guard;
}

void atr_rights_open_to_all(atr_rights *rights)
{
  rights->open = true;
}

/* --- rows ------------------------------------------------------------------------------------------------------ */

/* The entry of a key, a new one where there is none: that costs a row. */
static int entry_of(atr_rights *rights, const atr_hash *key, entry **out)
{
  entry *e = find(rights, key);

  if (!e) {
    if (rights->n_rows >= ATR_GUESTS_MAX)
      return ATR_LIMIT;
    e = calloc(1, sizeof *e);
    if (!e)
      return ATR_NOMEM;
    e->key = *key;
    e->standing = ATR_IS_STRANGER;
    HASH_ADD(hh, rights->entries, key, sizeof e->key, e);
    if (!atr_table_added(e)) {
      free(e);
      return ATR_NOMEM;
    }
    rights->n_rows++;
  }
  *out = e;
  return ATR_OK;
}

static int add_room(atr_rights *rights, entry *e, const atr_id *room)
{
  atr_id *more;

  if (has_room(e, room))
    return ATR_OK;
  if (e->n_rooms == ATR_GUEST_ROOMS_MAX) {
    memmove(e->rooms, e->rooms + 1, (e->n_rooms - 1) * sizeof *e->rooms);
    e->rooms[e->n_rooms - 1] = *room;
    return ATR_OK;
  }
  if (e->n_rooms > 0 && rights->n_rows >= ATR_GUESTS_MAX)
    return ATR_LIMIT;
  more = realloc(e->rooms, (e->n_rooms + 1) * sizeof *more);
  if (!more)
    return ATR_NOMEM;
  e->rooms = more;
  e->rooms[e->n_rooms++] = *room;
  rights->n_rows += e->n_rooms > 1; /* the first one's was counted with the entry */
  return ATR_OK;
}

static void forget_rooms(atr_rights *rights, entry *e)
{
  rights->n_rows -= e->n_rooms > 1 ? e->n_rooms - 1 : 0;
  free(e->rooms);
  e->rooms = NULL;
  e->n_rooms = 0;
}

/* A name has no line breaks in the file. An empty one is that of nobody who is there, and takes no other's place. */
static void set_name(entry *e, const char *name)
{
  if (!name[0])
    return;
  snprintf(e->name, sizeof e->name, "%s", name);
  for (char *p = e->name; *p; p++)
    if ((unsigned char)*p < ' ' || *p == 0x7f)
      *p = ' ';
}

/* --- the file -------------------------------------------------------------------------------------------------- */

static int append_line(atr_buf *text, const entry *e, const atr_id *room)
{
  char line[LINE_BYTES], key[ATR_HASH_HEX + 1], id[ATR_ID_HEX + 1] = "", code[CODE_BYTES + 1] = "";
  bool is_refused = !room && e->standing == ATR_IS_REFUSED;

  atr_hash_to_hex(&e->key, key);
  if (room)
    atr_id_to_hex(room, id);
  if (is_refused && (e->code[0] || strncmp(e->name, code_mark, MARK_BYTES) == 0)) /* no name passes for a code */
    snprintf(code, sizeof code, "%s%s ", code_mark, e->code[0] ? e->code : "?");
  snprintf(line, sizeof line, "%s %s %s%s%s%s\n",
           room         ? "room"
           : is_refused ? "refuse"
                        : "allow",
           key, id, room ? " " : "", code, e->name);
  return atr_buf_append_str(text, line);
}

static int write_file(const void *of, atr_buf *text)
{
  const atr_rights *rights = of;
  int err = ATR_OK;

  for (const entry *e = rights->entries; e && !err; e = e->hh.next) {
    if (e->standing == ATR_IS_MEMBER || e->standing == ATR_IS_REFUSED)
      err = append_line(text, e, NULL);
    for (size_t i = 0; i < e->n_rooms && !err; i++)
      err = append_line(text, e, &e->rooms[i]);
  }
  return err;
}

/* "room KEY ROOM name"; `name` is moved behind it. */
static int read_room(atr_rights *rights, entry *e, const char **name)
{
  char hex[ATR_ID_HEX + 1];
  int name_at = 0;
  atr_id room;

  if (sscanf(*name, "%32s %n", hex, &name_at) < 1 || atr_id_from_hex(hex, strlen(hex), &room) < 0)
    return ATR_OK;
  *name += name_at;
  if (e->standing == ATR_IS_STRANGER)
    e->standing = ATR_IS_GUEST;
  return e->standing == ATR_IS_GUEST ? add_room(rights, e, &room) : ATR_OK;
}

/* "refuse KEY code:CODE name"; `name` is moved behind the code. */
static void read_code(entry *e, const char **name)
{
  static const char characters[] = "-0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  const char *code = *name + MARK_BYTES;
  size_t n;

  if (strncmp(*name, code_mark, MARK_BYTES) != 0)
    return;
  n = strcspn(code, " \r\n");
  if (n == ATR_CHECK_CODE_BYTES - 1 && strspn(code, characters) == n)
    snprintf(e->code, sizeof e->code, "%.*s", (int)n, code);
  *name = code + n + (code[n] == ' ');
}

/* 0, or an error for a list that is too long. Lines of another kind are comments. Of "allow" and "refuse" the first counts, and more than any room. */
static int read_line(atr_rights *rights, const char *line)
{
  char word[8], hex[ATR_HASH_HEX + 1];
  const char *name = line;
  int name_at = 0, err;
  atr_hash key;
  entry *e;

  if (sscanf(line, "%7s %64s %n", word, hex, &name_at) < 2 || atr_hash_from_hex(hex, strlen(hex), &key) < 0 ||
      (strcmp(word, "allow") != 0 && strcmp(word, "refuse") != 0 && strcmp(word, "room") != 0))
    return ATR_OK;
  err = entry_of(rights, &key, &e);
  if (err < 0)
    return err;
  name += name_at;
  if (word[1] == 'o') {
    err = read_room(rights, e, &name);
  } else if (e->standing == ATR_IS_STRANGER || e->standing == ATR_IS_GUEST) {
    forget_rooms(rights, e);
    e->standing = word[0] == 'a' ? ATR_IS_MEMBER : ATR_IS_REFUSED;
  }
  if (word[1] == 'e')
    read_code(e, &name);
  if (!e->name[0])
    snprintf(e->name, sizeof e->name, "%.*s", (int)strcspn(name, "\r\n"), name);
  return err;
}

static int read_file(atr_rights *rights, char *why, size_t why_bytes)
{
  FILE *file = fopen(rights->file.path, "r");
  char line[512];
  int err = ATR_OK;

  if (!file && errno == ENOENT)
    return ATR_OK;
  if (!file) {
    snprintf(why, why_bytes, "The list of keys %s cannot be read: %s.", rights->file.path, strerror(errno));
    return ATR_IO;
  }
  while (err == ATR_OK && fgets(line, sizeof line, file))
    err = read_line(rights, line);
  if (err < 0)
    snprintf(why, why_bytes, "The list of keys %s is too long.", rights->file.path);
  fclose(file);
  return err;
}

int atr_rights_open(atr_rights **out, const char *folder, char *why, size_t why_bytes)
{
  atr_rights *rights = calloc(1, sizeof *rights);
  int err;

  if (!rights)
    return ATR_NOMEM;
  rights->file.bytes_max = (size_t)ATR_GUESTS_MAX * LINE_BYTES;
  rights->file.write = write_file;
  rights->file.of = rights;
  err = atr_file_path(rights->file.path, folder, "guests", why, why_bytes);
  if (!err)
    err = read_file(rights, why, why_bytes);
  if (err < 0) {
    atr_rights_free(rights);
    return err;
  }
  *out = rights;
  return ATR_OK;
}

void atr_rights_free(atr_rights *rights)
{
  entry *e, *next;

  if (!rights)
    return;
  HASH_ITER (hh, rights->entries, e, next) {
    HASH_DEL(rights->entries, e);
    free(e->rooms);
    free(e);
  }
  free(rights);
}

atr_kept *atr_rights_file(atr_rights *rights)
{
  return &rights->file;
}

/* --- adding ---------------------------------------------------------------------------------------------------- */

/* For good, whatever was there before. */
static void settle(atr_rights *rights, entry *e, atr_standing standing)
{
  forget_rooms(rights, e);
  e->standing = standing;
  rights->file.is_changed = true;
}

int atr_rights_admit(atr_rights *rights, const atr_hash *key, const char *name, bool remember)
{
  entry *e;
  int err = entry_of(rights, key, &e);

  if (err < 0)
    return err;
  if (e->standing == ATR_IS_MEMBER)
    return ATR_OK;
  e->once = true;
  set_name(e, name);
  if (remember)
    settle(rights, e, ATR_IS_MEMBER);
  return ATR_OK;
}

int atr_rights_refuse(atr_rights *rights, const atr_hash *key, const char *name, const char *code)
{
  entry *e;
  int err = entry_of(rights, key, &e);

  if (err < 0)
    return err;
  e->once = false;
  set_name(e, name);
  if (code[0])
    snprintf(e->code, sizeof e->code, "%s", code);
  settle(rights, e, ATR_IS_REFUSED);
  return ATR_OK;
}

int atr_rights_admit_to(atr_rights *rights, const atr_hash *key, const atr_id *room, const char *name)
{
  entry *e;
  int err = entry_of(rights, key, &e);

  if (err < 0)
    return err;
  if (e->standing == ATR_IS_MEMBER || e->standing == ATR_IS_REFUSED || has_room(e, room)) /* nothing new for good */
    return ATR_OK;
  err = add_room(rights, e, room);
  if (err < 0)
    return err;
  e->standing = ATR_IS_GUEST;
  set_name(e, name);
  rights->file.is_changed = true;
  return ATR_OK;
}

/* --- taking back ----------------------------------------------------------------------------------------------- */

int atr_rights_pardon(atr_rights *rights, const atr_hash *key)
{
  entry *e = find(rights, key);

  if (!e || e->standing != ATR_IS_REFUSED)
    return ATR_NOENT;
  e->standing = ATR_IS_STRANGER;
  if (!e->once) { /* a stranger has no row; who was let in until the server ends has */
    HASH_DEL(rights->entries, e);
    free(e);
    rights->n_rows--;
  }
  rights->file.is_changed = true;
  return ATR_OK;
}

static bool is_kept_out(const atr_rights *rights, const entry *e)
{
  return standing_of(rights, e, false) == ATR_IS_REFUSED;
}

void atr_rights_refused(const atr_rights *rights, atr_refused_cb each, void *ctx)
{
  size_t n = 0, skip;

  for (const entry *e = rights->entries; e; e = e->hh.next)
    n += is_kept_out(rights, e);
  skip = n > ATR_KEPT_OUT_TOLD_MAX ? n - ATR_KEPT_OUT_TOLD_MAX : 0;
  for (const entry *e = rights->entries; e; e = e->hh.next)
    if (is_kept_out(rights, e)) {
      if (skip > 0)
        skip--;
      else
        each(ctx, &e->key, e->name, e->code);
    }
}
