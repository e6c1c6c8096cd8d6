/* SPDX-License-Identifier: MIT
 *
 * Messages that hold a list of entries of one size: offers, digests, versions ...
 *
 * A short list (u16) is always whole in one message. A long one (u32) may come in parts, the first and the last of which are marked. Entries
 * stay in the message's bytes and are taken one after the other. */
#include "proto/message_impl.h"

enum {
  OFFER_BYTES = ATR_HASH_BYTES + 8 + ATR_HASH_BYTES,
  STATUS_BYTES = ATR_HASH_BYTES + 1,
  GET_BYTES = 2 * ATR_HASH_BYTES,
  DIGEST_BYTES = ATR_ID_BYTES + 8 + 16,
  VERSION_BYTES = ATR_ID_BYTES + 8 + 8 + 16
};

/* --- entries ----------------------------------------------------------------------------------------------------- */

const uint8_t *atr_list_next(atr_list *list)
{
  const uint8_t *entry = list->p;

  if (!list->count)
    return NULL;
  list->count--;
  list->p += list->entry_bytes;
  return entry;
}

atr_list message_read_list(atr_rd *rd, uint32_t count, uint32_t count_max, uint32_t entry_bytes)
{
  atr_list list = {NULL, 0, entry_bytes};
  atr_span bytes;

  if (count > count_max) {
    rd->err = ATR_PROTO;
    return list;
  }
  bytes = atr_rd_bytes(rd, (size_t)count * entry_bytes);
  if (!rd->err) {
    list.p = bytes.p;
    list.count = count;
  }
  return list;
}

static atr_rd open_entry(atr_list *list)
{
  const uint8_t *entry = atr_list_next(list);

  return atr_rd_of(entry, entry ? list->entry_bytes : 0);
}

bool atr_list_next_id(atr_list *list, atr_id *out)
{
  atr_rd rd = open_entry(list);

  atr_rd_copy(&rd, out->b, sizeof out->b);
  return !rd.err;
}

bool atr_list_next_hash(atr_list *list, atr_hash *out)
{
  atr_rd rd = open_entry(list);

  atr_rd_copy(&rd, out->b, sizeof out->b);
  return !rd.err;
}

bool atr_list_next_offer(atr_list *list, atr_blob_offer *out)
{
  atr_rd rd = open_entry(list);

  atr_rd_copy(&rd, out->hash.b, sizeof out->hash.b);
  out->size = atr_rd_u64(&rd);
  atr_rd_copy(&rd, out->base.b, sizeof out->base.b);
  return !rd.err;
}

bool atr_list_next_status(atr_list *list, atr_blob_status *out)
{
  atr_rd rd = open_entry(list);

  atr_rd_copy(&rd, out->hash.b, sizeof out->hash.b);
  out->status = atr_rd_u8(&rd);
  return !rd.err;
}

bool atr_list_next_get(atr_list *list, atr_blob_get *out)
{
  atr_rd rd = open_entry(list);

  atr_rd_copy(&rd, out->hash.b, sizeof out->hash.b);
  atr_rd_copy(&rd, out->base.b, sizeof out->base.b);
  return !rd.err;
}

bool atr_list_next_digest(atr_list *list, atr_doc_version *out)
{
  atr_rd rd = open_entry(list);

  atr_rd_copy(&rd, out->doc.b, sizeof out->doc.b);
  out->seq = atr_rd_u64(&rd);
  out->created = 0;
  atr_rd_copy(&rd, out->digest, sizeof out->digest);
  return !rd.err;
}

bool atr_list_next_version(atr_list *list, atr_doc_version *out)
{
  atr_rd rd = open_entry(list);

  atr_rd_copy(&rd, out->doc.b, sizeof out->doc.b);
  out->seq = atr_rd_u64(&rd);
  out->created = atr_rd_u64(&rd);
  atr_rd_copy(&rd, out->digest, sizeof out->digest);
  return !rd.err;
}

/* --- short lists ------------------------------------------------------------------------------------------------- */

static int read_short_list(atr_span msg, uint8_t type, uint32_t entry_bytes, uint32_t *room, atr_list *list)
{
  atr_rd rd = message_open(msg, type);
  uint32_t count;

  *room = atr_rd_u32(&rd);
  count = atr_rd_u16(&rd);
  *list = message_read_list(&rd, count, ATR_LIST_SHORT_MAX, entry_bytes);
  return atr_rd_end(&rd);
}

int atr_msg_read_blob_offer(atr_span msg, uint32_t *room, atr_list *offers)
{
  return read_short_list(msg, ATR_MSG_BLOB_OFFER, OFFER_BYTES, room, offers);
}

int atr_msg_read_blob_get(atr_span msg, uint32_t *room, atr_list *gets)
{
  return read_short_list(msg, ATR_MSG_BLOB_GET, GET_BYTES, room, gets);
}

int atr_msg_read_blob_status(atr_span msg, uint32_t *room, atr_list *statuses)
{
  int err = read_short_list(msg, ATR_MSG_BLOB_STATUS, STATUS_BYTES, room, statuses);
  atr_list look = *statuses;
  atr_blob_status status;

  while (!err && atr_list_next_status(&look, &status))
    if (status.status > ATR_BLOB_STATUS_SOUGHT)
      err = ATR_PROTO;
  return err;
}

int atr_msg_read_digest(atr_span msg, uint32_t *room, atr_list *digests)
{
  return read_short_list(msg, ATR_MSG_DIGEST, DIGEST_BYTES, room, digests);
}

/* The head of a message with a u16 list, and room for its entries, of which the first one's place is returned. */
static uint8_t *open_short_list(atr_buf *out, uint8_t type, uint32_t room, size_t n, size_t entry_bytes, int *err)
{
  uint8_t *p;

  *err = ATR_INVAL;
  if (n > ATR_LIST_SHORT_MAX)
    return NULL;
  p = message_room(out, 1 + 4 + 2 + n * entry_bytes, err);
  return p ? put_u16(put_u32(put_u8(p, type), room), (uint16_t)n) : NULL;
}

int atr_msg_write_blob_offer(atr_buf *out, uint32_t room, const atr_blob_offer *offers, size_t n)
{
  int err;
  uint8_t *p = open_short_list(out, ATR_MSG_BLOB_OFFER, room, n, OFFER_BYTES, &err);

  for (size_t i = 0; p && i < n; i++) {
    p = put_bytes(p, offers[i].hash.b, sizeof offers[i].hash.b);
    p = put_u64(p, offers[i].size);
    p = put_bytes(p, offers[i].base.b, sizeof offers[i].base.b);
  }
  return err;
}

int atr_msg_write_blob_status(atr_buf *out, uint32_t room, const atr_blob_status *statuses, size_t n)
{
  int err;
  uint8_t *p = open_short_list(out, ATR_MSG_BLOB_STATUS, room, n, STATUS_BYTES, &err);

  for (size_t i = 0; p && i < n; i++) {
    p = put_bytes(p, statuses[i].hash.b, sizeof statuses[i].hash.b);
    p = put_u8(p, statuses[i].status);
  }
  return err;
}

int atr_msg_write_blob_get(atr_buf *out, uint32_t room, const atr_blob_get *gets, size_t n)
{
  int err;
  uint8_t *p = open_short_list(out, ATR_MSG_BLOB_GET, room, n, GET_BYTES, &err);

  for (size_t i = 0; p && i < n; i++) {
    p = put_bytes(p, gets[i].hash.b, sizeof gets[i].hash.b);
    p = put_bytes(p, gets[i].base.b, sizeof gets[i].base.b);
  }
  return err;
}

int atr_msg_write_digest(atr_buf *out, uint32_t room, const atr_doc_version *digests, size_t n)
{
  int err;
  uint8_t *p = open_short_list(out, ATR_MSG_DIGEST, room, n, DIGEST_BYTES, &err);

  for (size_t i = 0; p && i < n; i++) {
    p = put_bytes(p, digests[i].doc.b, sizeof digests[i].doc.b);
    p = put_u64(p, digests[i].seq);
    p = put_bytes(p, digests[i].digest, sizeof digests[i].digest);
  }
  return err;
}

/* --- long lists, in parts ---------------------------------------------------------------------------------------- */

/* LIVE has a sequence number before its flags, WANT and VERSIONS have none. */
static int read_part(atr_span msg, uint8_t type, uint32_t entry_bytes, atr_msg_part *out)
{
  atr_rd rd = message_open(msg, type);
  uint32_t n;

  out->room = atr_rd_u32(&rd);
  out->seq = type == ATR_MSG_LIVE ? atr_rd_u64(&rd) : 0;
  out->flags = atr_rd_u8(&rd);
  n = atr_rd_u32(&rd);
  out->entries = message_read_list(&rd, n, ATR_LIST_LONG_MAX, entry_bytes);
  if (out->flags & ~(ATR_PART_FIRST | ATR_PART_LAST | (type == ATR_MSG_LIVE ? ATR_PART_SETTLES : 0)))
    return ATR_PROTO;
  return atr_rd_end(&rd);
}

int atr_msg_read_live(atr_span msg, atr_msg_part *out)
{
  return read_part(msg, ATR_MSG_LIVE, ATR_ID_BYTES, out);
}

int atr_msg_read_want(atr_span msg, atr_msg_part *out)
{
  return read_part(msg, ATR_MSG_WANT, ATR_ID_BYTES, out);
}

int atr_msg_read_versions(atr_span msg, atr_msg_part *out)
{
  return read_part(msg, ATR_MSG_VERSIONS, VERSION_BYTES, out);
}

static uint8_t *open_part(atr_buf *out, uint8_t type, const atr_msg_part *m, size_t n, size_t entry_bytes, int *err)
{
  size_t seq_bytes = type == ATR_MSG_LIVE ? 8 : 0;
  uint8_t *p;

  *err = ATR_INVAL;
  if (n > ATR_LIST_LONG_MAX)
    return NULL;
  p = message_room(out, 1 + 4 + seq_bytes + 1 + 4 + n * entry_bytes, err);
  if (!p)
    return NULL;
  p = put_u32(put_u8(p, type), m->room);
  if (seq_bytes)
    p = put_u64(p, m->seq);
  return put_u32(put_u8(p, m->flags), (uint32_t)n);
}

int atr_msg_write_live(atr_buf *out, uint32_t room, uint64_t seq, uint8_t flags, const atr_id *ids, size_t n)
{
  atr_msg_part head = {.room = room, .seq = seq, .flags = flags};
  int err;
  uint8_t *p = open_part(out, ATR_MSG_LIVE, &head, n, ATR_ID_BYTES, &err);

  for (size_t i = 0; p && i < n; i++)
    p = put_bytes(p, ids[i].b, sizeof ids[i].b);
  return err;
}

int atr_msg_write_want(atr_buf *out, uint32_t room, uint8_t flags, const atr_id *ids, size_t n)
{
  atr_msg_part head = {.room = room, .flags = flags};
  int err;
  uint8_t *p = open_part(out, ATR_MSG_WANT, &head, n, ATR_ID_BYTES, &err);

  for (size_t i = 0; p && i < n; i++)
    p = put_bytes(p, ids[i].b, sizeof ids[i].b);
  return err;
}

int atr_msg_write_versions(atr_buf *out, uint32_t room, uint8_t flags, const atr_doc_version *versions, size_t n)
{
  atr_msg_part head = {.room = room, .flags = flags};
  int err;
  uint8_t *p = open_part(out, ATR_MSG_VERSIONS, &head, n, VERSION_BYTES, &err);

  for (size_t i = 0; p && i < n; i++) {
    p = put_bytes(p, versions[i].doc.b, sizeof versions[i].doc.b);
    p = put_u64(put_u64(p, versions[i].seq), versions[i].created);
    p = put_bytes(p, versions[i].digest, sizeof versions[i].digest);
  }
  return err;
}
