/* SPDX-License-Identifier: MIT
 *
 * See invites.h. Line: "invite <hash of the token> <expires> <room>"; other lines are comments. Some dozen at most, looked at
 * once per newcomer: a list is enough. Comparing hashes of a random token tells nothing by its time. */
#include "server/invites.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 7 + ATR_HASH_HEX + 1 + 20 + 1 + ATR_ID_HEX + 2 };

typedef struct entry {
  atr_hash token; /* SHA-256 of it */
  uint64_t expires_s;
  atr_id room;
  uint32_t keys; /* that have come in by it since the server began */
} entry;

struct atr_invites {
  atr_kept file;
  entry entries[ATR_INVITES_MAX];
  size_t n;
};

static bool has_expired(const entry *e, uint64_t now_s)
{
  return e->expires_s != 0 && now_s >= e->expires_s;
}

static void drop_expired(atr_invites *invites, uint64_t now_s)
{
  size_t kept = 0;

  for (size_t i = 0; i < invites->n; i++)
    if (!has_expired(&invites->entries[i], now_s))
      invites->entries[kept++] = invites->entries[i];
  invites->n = kept;
}

static void read_line(atr_invites *invites, const char *line)
{
  char token[ATR_HASH_HEX + 1], expires[21], room[ATR_ID_HEX + 1];
  entry e = {.keys = 0};

  if (invites->n < ATR_INVITES_MAX && sscanf(line, "invite %64s %20s %32s", token, expires, room) == 3 &&
      atr_file_number(expires, UINT64_MAX, &e.expires_s) && atr_hash_from_hex(token, strlen(token), &e.token) == 0 &&
      atr_id_from_hex(room, strlen(room), &e.room) == 0)
    invites->entries[invites->n++] = e;
}

static int read_file(atr_invites *invites, char *why, size_t why_bytes)
{
  atr_buf text;
  int err;

  atr_buf_init(&text, (size_t)ATR_INVITES_MAX * LINE_BYTES + ATR_KIB(64));
  err = atr_file_read(invites->file.path, ATR_FILE_PRIVATE, &text, why, why_bytes);
  if (!err)
    err = atr_buf_append_u8(&text, 0);
  for (char *line = err ? NULL : (char *)text.data; line && *line;) {
    char *end = strchr(line, '\n');

    if (end)
      *end = 0;
    read_line(invites, line);
    line = end ? end + 1 : NULL;
  }
  atr_buf_free(&text);
  return err == ATR_NOENT ? ATR_OK : err;
}

static int write_file(const void *of, atr_buf *text)
{
  char line[LINE_BYTES + 1], token[ATR_HASH_HEX + 1], room[ATR_ID_HEX + 1];
  const atr_invites *invites = of;
  int err = ATR_OK;

  for (size_t i = 0; i < invites->n && !err; i++) {
    const entry *e = &invites->entries[i];

    atr_hash_to_hex(&e->token, token);
    atr_id_to_hex(&e->room, room);
    snprintf(line, sizeof line, "invite %s %" PRIu64 " %s\n", token, e->expires_s, room);
    err = atr_buf_append_str(text, line);
  }
  return err;
}

int atr_invites_open(atr_invites **out, const char *folder, uint64_t now_s, char *why, size_t why_bytes)
{
  atr_invites *invites = calloc(1, sizeof *invites);
  int err;

  if (!invites)
    return ATR_NOMEM;
  invites->file.bytes_max = (size_t)ATR_INVITES_MAX * LINE_BYTES;
  invites->file.write = write_file;
  invites->file.of = invites;
  err = atr_file_path(invites->file.path, folder, "invites", why, why_bytes);
  if (!err)
    err = read_file(invites, why, why_bytes);
  if (err) {
    free(invites);
    return err;
  }
  drop_expired(invites, now_s);
  *out = invites;
  return ATR_OK;
}

void atr_invites_free(atr_invites *invites)
{
  free(invites);
}

atr_kept *atr_invites_file(atr_invites *invites)
{
  return &invites->file;
}

int atr_invites_add(atr_invites *invites, const atr_id *room, uint64_t expires_s, uint64_t now_s,
                    uint8_t token[ATR_INVITE_TOKEN_BYTES])
{
  entry e = {.expires_s = expires_s, .room = *room};
  int err;

  drop_expired(invites, now_s);
  if (invites->n == ATR_INVITES_MAX)
    return ATR_LIMIT;
  err = atr_random(token, ATR_INVITE_TOKEN_BYTES);
  if (!err)
    err = atr_sha256_of(token, ATR_INVITE_TOKEN_BYTES, &e.token);
  if (err)
    return err;
  invites->entries[invites->n++] = e;
  invites->file.is_changed = true;
  return ATR_OK;
}

/* The number of entries: there is none. */
static size_t find(const atr_invites *invites, const uint8_t token[ATR_INVITE_TOKEN_BYTES])
{
  atr_hash hash;
  size_t i = 0;

  if (atr_sha256_of(token, ATR_INVITE_TOKEN_BYTES, &hash) < 0)
    return invites->n;
  while (i < invites->n && !atr_hash_equal(&invites->entries[i].token, &hash))
    i++;
  return i;
}

void atr_invites_withdraw(atr_invites *invites, const uint8_t token[ATR_INVITE_TOKEN_BYTES])
{
  size_t i = find(invites, token);

  if (i == invites->n)
    return;
  invites->n--;
  memmove(&invites->entries[i], &invites->entries[i + 1], (invites->n - i) * sizeof(entry));
  invites->file.is_changed = true;
}

bool atr_invites_check(const atr_invites *invites, const uint8_t token[ATR_INVITE_TOKEN_BYTES], uint64_t now_s,
                       atr_id *room)
{
  size_t i = find(invites, token);

  if (i == invites->n || has_expired(&invites->entries[i], now_s))
    return false;
  *room = invites->entries[i].room;
  return true;
}

bool atr_invites_use(atr_invites *invites, const uint8_t token[ATR_INVITE_TOKEN_BYTES], uint32_t keys_max)
{
  size_t i = find(invites, token);

  if (i == invites->n || invites->entries[i].keys >= keys_max)
    return false;
  invites->entries[i].keys++;
  return true;
}

size_t atr_invites_revoke(atr_invites *invites)
{
  size_t n = invites->n;

  invites->n = 0;
  invites->file.is_changed = true;
  return n;
}
