/* SPDX-License-Identifier: MIT
 *
 * Digests in idle time, and members that come from another epoch (docs/protocol.md, 3.3).
 *
 * A document that was brought back gets a number of this epoch like any change, so that everybody learns of it in the usual way;
 * `version` keeps the number that it was brought back as, so that a third client with a newer one still wins. Numbers of
 * this epoch are above seq_base and never compared with those of another. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "proto/json.h"
#include "proto/tags.h"
#include "room/internal.h"

/* Once per version: a member that asks again and again costs no more than one that asks once. */
static int digest_of(atr_room *room, room_doc *d, uint8_t out[ATR_DIGEST_BYTES])
{
  atr_buf text;
  cJSON *tree = NULL;
  int err;

  memcpy(out, d->digest, ATR_DIGEST_BYTES);
  if (d->digest_seq == d->seq)
    return ATR_OK;
  err = room_doc_merge(room, d);
  atr_buf_init(&text, ATR_DOC_BYTES_MAX);
  if (!err)
    err = atr_json_parse(d->json, d->json_len, &tree);
  if (!err)
    err = atr_json_canonical(tree, &text);
  if (!err) {
    atr_xxh128(text.data, text.len, out);
    memcpy(d->digest, out, ATR_DIGEST_BYTES);
    d->digest_seq = d->seq;
  }
  cJSON_Delete(tree);
  atr_buf_free(&text);
  return err;
}

static bool differs(atr_room *room, const atr_doc_version *v)
{
  static const uint8_t zeros[16];
  room_doc *d = room_doc_find(room, &v->doc);
  uint8_t digest[ATR_DIGEST_BYTES];

  if (!d || d->seq != v->seq)
    return false; /* changed since, or forgotten: it will hear of it anyway */
  if (!d->alive || !memcmp(v->digest, zeros, sizeof zeros))
    return d->alive == !memcmp(v->digest, zeros, sizeof zeros);
  return digest_of(room, d, digest) == 0 && memcmp(digest, v->digest, sizeof digest) != 0;
}

int room_receive_digest(atr_room_member *m, atr_span message)
{
  uint32_t handle;
  atr_list list;
  atr_doc_version v;
  int err = atr_msg_read_digest(message, &handle, &list);

  if (err)
    return err;
  if (handle != m->room->config.handle || list.count > ATR_DIGESTS_MAX)
    return ATR_PROTO;
  if (m->mode == MODE_COMPARE)
    return 0;
  if (!m->heal)
    m->heal = malloc(ATR_DIGESTS_MAX * sizeof *m->heal);
  if (!m->heal)
    return ATR_NOMEM;
  while (atr_list_next_digest(&list, &v)) {
    if (m->n_heal < ATR_DIGESTS_MAX && differs(m->room, &v))
      m->heal[m->n_heal++] = v.doc;
  }
  if (m->n_heal)
    room_wake(m, ATR_LANE_STATE);
  return 0;
}

/* What this epoch has given a number to is newer than anything that can be brought back. */
static bool wanted(atr_room *room, const atr_id *doc, uint64_t seq)
{
  room_doc *d = room_doc_find(room, doc);

  return seq <= room->config.seq_base && (!d || seq > d->version) && !(d && d->staged);
}

static int append_want(atr_room_member *m, const atr_id *ids, size_t n, uint8_t flags)
{
  size_t mark;
  int err = atr_frame_begin(&m->big, &mark);

  if (!err)
    err = atr_msg_write_want(&m->big, m->room->config.handle, flags, ids, n);
  return atr_frame_finish(&m->big, mark, ATR_LANE_STATE, err);
}

int room_receive_versions(atr_room_member *m, atr_span message)
{
  atr_msg_part part;
  atr_doc_version v;
  atr_id *ids;
  size_t n = 0;
  int err = atr_msg_read_versions(message, &part);

  if (err)
    return err;
  if (part.room == m->room->config.handle && m->want_told && !part.entries.count) {
    m->want_begun = m->want_told = false;
    m->want_ends = true;
    room_begin_pass(m,
                    0); /* not before: our older documents would take the place of the newer ones that we asked for */
    room_wake(m, ATR_LANE_STATE);
    return 0;
  }
  if (part.room != m->room->config.handle || m->mode != MODE_COMPARE || m->want_told ||
      m->want_begun == ((part.flags & ATR_PART_FIRST) != 0))
    return ATR_PROTO;
  m->want_begun = true;
  m->versions += part.entries.count;
  if (m->versions > 2 * (uint64_t)ATR_DOCS_MAX + ATR_TOMBSTONES_MAX)
    return ATR_LIMIT;
  ids = malloc((part.entries.count + 1) * sizeof *ids);
  if (!ids)
    return ATR_NOMEM;
  while (atr_list_next_version(&part.entries, &v))
    if (wanted(m->room, &v.doc, v.seq))
      ids[n++] = v.doc;
  err = append_want(m, ids, n, part.flags);
  free(ids);
  if (!err && part.flags & ATR_PART_LAST)
    m->want_told = true;
  room_wake(m, ATR_LANE_STATE);
  return err;
}

/* The blobs that the tree names, in `hashes`, for the operation's header. */
typedef struct gathered {
  const atr_room *room;
  atr_hash *hashes; /* in order */
  size_t n;
  size_t printed; /* bytes of the tree as we print it, at most */
} gathered;

static int gather(void *ctx, const atr_blob_ref *blob)
{
  gathered *g = ctx;
  size_t at;

  if (room_check_blob_size(g->room, blob))
    return ATR_BLOB_SIZE;
  if (atr_hash_find(g->hashes, g->n, &blob->hash, &at))
    return 0;
  if (g->n == ATR_OP_BLOBS_MAX)
    return ATR_LIMIT;
  memmove(&g->hashes[at + 1], &g->hashes[at], (g->n - at) * sizeof *g->hashes);
  g->hashes[at] = blob->hash;
  g->n++;
  return 0;
}

static int gather_blobs(atr_span json, gathered *g)
{
  cJSON *tree = NULL;
  atr_json_info info;
  int err = atr_json_check((const char *)json.p, json.n, &info);

  g->printed = info.printed;
  if (!err && g->printed > ATR_DOC_BYTES_MAX)
    err = ATR_DOC_SIZE; /* no room has ever had it */
  if (!err)
    err = atr_json_parse_object((const char *)json.p, json.n, &tree);
  if (!err && atr_json_has_null(tree))
    err = ATR_JSON_NULL;
  if (!err)
    err = atr_tags_check(tree);
  if (!err)
    err = atr_json_visit_blobs(tree, gather, g);
  cJSON_Delete(tree);
  return err;
}

int room_receive_recreate(atr_room_member *m, atr_span message)
{
  atr_room *room = m->room;
  atr_op op = {.kind = ATR_OP_DELETE};
  gathered g = {.room = room};
  atr_msg_doc doc;
  atr_buf bytes;
  int err = atr_msg_read_recreate(message, &doc);

  if (err)
    return err;
  if (doc.room != room->config.handle || !m->want_told)
    return ATR_PROTO;
  if (!wanted(room, &doc.doc, doc.seq) || (room->n_alive >= ATR_DOCS_MAX && !(doc.flags & ATR_DOC_TOMBSTONE)))
    return 0; /* somebody else was first with a newer one */
  if (!room_stage_has_room(room, message.n))
    return ATR_STORE_BUSY;
  atr_buf_init(&bytes, ATR_MESSAGE_BYTES_MAX);
  op.doc = doc.doc;
  if (!(doc.flags & ATR_DOC_TOMBSTONE)) {
    op.kind = ATR_OP_CREATE;
    op.json = doc.json;
    g.hashes = malloc(ATR_OP_BLOBS_MAX * sizeof *g.hashes);
    err = g.hashes ? gather_blobs(doc.json, &g) : ATR_NOMEM;
  }
  if (!err)
    err = atr_op_write(&bytes, &op, g.hashes, g.n);
  if (!err)
    err = atr_op_read(atr_buf_span(&bytes), &op);
  if (!err)
    err = room_stage(room, m->part, m->part->number, 0, doc.seq, &op, g.printed);
  free(g.hashes);
  atr_buf_free(&bytes);
  return err == ATR_BLOB_SIZE ? 0
                              : err; /* who brings it back was deceived himself: it is told that the document is gone */
}
