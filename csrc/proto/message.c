/* SPDX-License-Identifier: MIT
 *
 * A writer asks for all its bytes at once and fills them in: a message is appended whole or not at all. A reader goes
 * through atr_rd and asks once at its end whether all was there. */
#include "proto/message.h"

#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/utf8.h"

enum {
  OFFER_BYTES = ATR_HASH_BYTES + 8 + ATR_HASH_BYTES,
  STATUS_BYTES = ATR_HASH_BYTES + 1,
  GET_BYTES = 2 * ATR_HASH_BYTES,
  DIGEST_BYTES = ATR_ID_BYTES + 8 + 16,
  VERSION_BYTES = ATR_ID_BYTES + 8 + 8 + 16
};

int atr_msg_lane(uint8_t type)
{
  switch (type) {
  case ATR_MSG_JSON:
  case ATR_MSG_CREDIT:
  case ATR_MSG_PING:
  case ATR_MSG_PONG:
  case ATR_MSG_BLOB_OFFER:
  case ATR_MSG_BLOB_STATUS:
  case ATR_MSG_BLOB_GET:
    return ATR_LANE_CONTROL;
  case ATR_MSG_PRESENCE:
  case ATR_MSG_PRESENCE_OF:
    return ATR_LANE_PRESENCE;
  case ATR_MSG_SUBMIT:
  case ATR_MSG_OP:
  case ATR_MSG_ACK:
  case ATR_MSG_REFUSED:
  case ATR_MSG_CATCHUP:
  case ATR_MSG_DOC:
  case ATR_MSG_CURSOR:
  case ATR_MSG_LIVE:
  case ATR_MSG_DIGEST:
  case ATR_MSG_VERSIONS:
  case ATR_MSG_WANT:
  case ATR_MSG_RECREATE:
    return ATR_LANE_STATE;
  case ATR_MSG_BLOB_DATA:
  case ATR_MSG_BLOB_DELTA:
    return ATR_LANE_BULK;
  default:
    return -1;
  }
}

/* --- helpers of readers and writers ---------------------------------------------------------------------------- */

static atr_rd open_message(atr_span msg, uint8_t type)
{
  atr_rd rd = atr_rd_of(msg.p, msg.n);

  if (atr_rd_u8(&rd) != type)
    rd.err = ATR_PROTO;
  return rd;
}

/* `n` writable bytes at the end of `out`, counted already; NULL with *err set where they do not fit. */
static uint8_t *append_room(atr_buf *out, size_t n, int *err)
{
  *err = atr_buf_reserve(out, n);
  if (*err)
    return NULL;
  atr_buf_added(out, n);
  return out->data + out->len - n;
}

static uint8_t *put_bytes(uint8_t *p, const void *bytes, size_t n)
{
  if (n)
    memcpy(p, bytes, n);
  return p + n;
}

static uint8_t *put_u8(uint8_t *p, uint8_t v)
{
  *p = v;
  return p + 1;
}

static uint8_t *put_u16(uint8_t *p, uint16_t v)
{
  atr_put_u16(p, v);
  return p + 2;
}

static uint8_t *put_u32(uint8_t *p, uint32_t v)
{
  atr_put_u32(p, v);
  return p + 4;
}

static uint8_t *put_u64(uint8_t *p, uint64_t v)
{
  atr_put_u64(p, v);
  return p + 8;
}

/* --- control ----------------------------------------------------------------------------------------------------- */

int atr_msg_read_credit(atr_span msg, atr_msg_credit *out)
{
  atr_rd rd = open_message(msg, ATR_MSG_CREDIT);

  out->lane = atr_rd_u8(&rd);
  out->consumed = atr_rd_u64(&rd);
  if (out->lane != ATR_LANE_STATE && out->lane != ATR_LANE_BULK)
    return ATR_PROTO;
  return atr_rd_end(&rd);
}

int atr_msg_write_credit(atr_buf *out, const atr_msg_credit *m)
{
  int err;
  uint8_t *p = append_room(out, 1 + 1 + 8, &err);

  if (!p)
    return err;
  p = put_u8(p, ATR_MSG_CREDIT);
  p = put_u8(p, m->lane);
  put_u64(p, m->consumed);
  return 0;
}

int atr_msg_read_ping(atr_span msg, uint64_t *token)
{
  atr_rd rd = atr_rd_of(msg.p, msg.n);
  uint8_t type = atr_rd_u8(&rd);

  *token = atr_rd_u64(&rd);
  if (type != ATR_MSG_PING && type != ATR_MSG_PONG)
    return ATR_PROTO;
  return atr_rd_end(&rd);
}

int atr_msg_write_ping(atr_buf *out, uint8_t type, uint64_t token)
{
  int err;
  uint8_t *p = append_room(out, 1 + 8, &err);

  if (!p)
    return err;
  put_u64(put_u8(p, type), token);
  return 0;
}

int atr_msg_read_json(atr_span msg, atr_span *json)
{
  atr_rd rd = open_message(msg, ATR_MSG_JSON);

  *json = atr_rd_rest(&rd);
  return rd.err || !json->n ? ATR_PROTO : 0;
}

int atr_msg_write_json(atr_buf *out, atr_span json)
{
  int err;
  uint8_t *p = append_room(out, 1 + json.n, &err);

  if (!p)
    return err;
  put_bytes(put_u8(p, ATR_MSG_JSON), json.p, json.n);
  return 0;
}

/* --- lists ------------------------------------------------------------------------------------------------------- */

const uint8_t *atr_list_next(atr_list *list)
{
  const uint8_t *entry = list->p;

  if (!list->count)
    return NULL;
  list->count--;
  list->p += list->entry_bytes;
  return entry;
}

/* The `count` entries that come next in the message. */
static atr_list read_list(atr_rd *rd, uint32_t count, uint32_t count_max, uint32_t entry_bytes)
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

static int read_short_list(atr_span msg, uint8_t type, uint32_t entry_bytes, uint32_t *room, atr_list *list)
{
  atr_rd rd = open_message(msg, type);
  uint32_t count;

  *room = atr_rd_u32(&rd);
  count = atr_rd_u16(&rd);
  *list = read_list(&rd, count, ATR_LIST_SHORT_MAX, entry_bytes);
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
  p = append_room(out, 1 + 4 + 2 + n * entry_bytes, err);
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

/* --- presence ---------------------------------------------------------------------------------------------------- */

int atr_msg_read_presence(atr_span msg, atr_msg_presence *out)
{
  atr_rd rd = open_message(msg, ATR_MSG_PRESENCE);

  out->room = atr_rd_u32(&rd);
  out->member = 0;
  out->json = atr_rd_rest(&rd);
  return rd.err || !out->json.n ? ATR_PROTO : 0;
}

int atr_msg_read_presence_of(atr_span msg, atr_msg_presence *out)
{
  atr_rd rd = open_message(msg, ATR_MSG_PRESENCE_OF);

  out->room = atr_rd_u32(&rd);
  out->member = atr_rd_u32(&rd);
  out->json = atr_rd_rest(&rd);
  return rd.err || !out->json.n ? ATR_PROTO : 0;
}

int atr_msg_write_presence(atr_buf *out, const atr_msg_presence *m)
{
  int err;
  uint8_t *p = append_room(out, 1 + 4 + m->json.n, &err);

  if (!p)
    return err;
  p = put_u32(put_u8(p, ATR_MSG_PRESENCE), m->room);
  put_bytes(p, m->json.p, m->json.n);
  return 0;
}

int atr_msg_write_presence_of(atr_buf *out, const atr_msg_presence *m)
{
  int err;
  uint8_t *p = append_room(out, 1 + 4 + 4 + m->json.n, &err);

  if (!p)
    return err;
  p = put_u32(put_u32(put_u8(p, ATR_MSG_PRESENCE_OF), m->room), m->member);
  put_bytes(p, m->json.p, m->json.n);
  return 0;
}

/* --- operations -------------------------------------------------------------------------------------------------- */

static int check_op(const atr_op *op)
{
  bool preview = (op->flags & ATR_OP_PREVIEW) != 0;

  if (op->kind < ATR_OP_CREATE || op->kind > ATR_OP_DELETE || op->flags & ~ATR_OP_PREVIEW)
    return ATR_PROTO;
  if (preview && op->kind != ATR_OP_EDIT)
    return ATR_PROTO;
  if ((op->kind == ATR_OP_DELETE) != (op->json.n == 0))
    return ATR_PROTO;
  if (op->json.n > ATR_DOC_BYTES_MAX)
    return ATR_DOC_SIZE;
  return 0;
}

int atr_op_read(atr_span bytes, atr_op *out)
{
  atr_rd rd = atr_rd_of(bytes.p, bytes.n);
  uint32_t n;

  out->kind = atr_rd_u8(&rd);
  out->flags = atr_rd_u8(&rd);
  atr_rd_copy(&rd, out->doc.b, sizeof out->doc.b);
  out->action = atr_rd_u64(&rd);
  n = atr_rd_u16(&rd);
  out->blobs = read_list(&rd, n, ATR_OP_BLOBS_MAX, ATR_HASH_BYTES);
  out->json = atr_rd_rest(&rd);
  out->raw = bytes;
  if (rd.err || (out->kind == ATR_OP_DELETE && n))
    return ATR_PROTO;
  return check_op(out);
}

int atr_op_write(atr_buf *out, const atr_op *op, const atr_hash *hashes, size_t n_hashes)
{
  int err = n_hashes > ATR_OP_BLOBS_MAX ? ATR_INVAL : check_op(op);
  uint8_t *p = NULL;

  if (!err)
    p = append_room(out, ATR_OP_HEADER_BYTES + n_hashes * ATR_HASH_BYTES + op->json.n, &err);
  if (!p)
    return err;
  p = put_u8(put_u8(p, op->kind), op->flags);
  p = put_bytes(p, op->doc.b, sizeof op->doc.b);
  p = put_u64(p, op->action);
  p = put_u16(p, (uint16_t)n_hashes);
  for (size_t i = 0; i < n_hashes; i++)
    p = put_bytes(p, hashes[i].b, sizeof hashes[i].b);
  put_bytes(p, op->json.p, op->json.n);
  return 0;
}

static int read_rest_as_op(atr_rd *rd, atr_op *op)
{
  return rd->err ? ATR_PROTO : atr_op_read(atr_rd_rest(rd), op);
}

int atr_msg_read_submit(atr_span msg, atr_msg_submit *out)
{
  atr_rd rd = open_message(msg, ATR_MSG_SUBMIT);
  int err;

  out->room = atr_rd_u32(&rd);
  out->counter = atr_rd_u64(&rd);
  err = read_rest_as_op(&rd, &out->op);
  if (err)
    return err;
  /* Previews are not numbered, everything else is. */
  return (out->counter == 0) == ((out->op.flags & ATR_OP_PREVIEW) != 0) ? 0 : ATR_PROTO;
}

int atr_msg_read_op(atr_span msg, atr_msg_op *out)
{
  atr_rd rd = open_message(msg, ATR_MSG_OP);
  int err;

  out->room = atr_rd_u32(&rd);
  out->seq = atr_rd_u64(&rd);
  out->member = atr_rd_u32(&rd);
  out->counter = atr_rd_u64(&rd);
  err = read_rest_as_op(&rd, &out->op);
  if (err)
    return err;
  /* A document that was brought back into a new epoch has counter 0, too. */
  return out->counter && out->op.flags & ATR_OP_PREVIEW ? ATR_PROTO : 0;
}

int atr_msg_write_submit_head(atr_buf *out, uint32_t room, uint64_t counter)
{
  int err;
  uint8_t *p = append_room(out, ATR_MSG_SUBMIT_HEAD_BYTES, &err);

  if (!p)
    return err;
  put_u64(put_u32(put_u8(p, ATR_MSG_SUBMIT), room), counter);
  return 0;
}

int atr_msg_write_op_head(atr_buf *out, uint32_t room, uint64_t seq, uint32_t member, uint64_t counter)
{
  int err;
  uint8_t *p = append_room(out, ATR_MSG_OP_HEAD_BYTES, &err);

  if (!p)
    return err;
  p = put_u32(put_u8(p, ATR_MSG_OP), room);
  put_u64(put_u32(put_u64(p, seq), member), counter);
  return 0;
}

int atr_msg_read_ack(atr_span msg, atr_msg_ack *out)
{
  atr_rd rd = open_message(msg, ATR_MSG_ACK);

  out->room = atr_rd_u32(&rd);
  out->counter = atr_rd_u64(&rd);
  out->seq = atr_rd_u64(&rd);
  return atr_rd_end(&rd);
}

int atr_msg_write_ack(atr_buf *out, const atr_msg_ack *m)
{
  int err;
  uint8_t *p = append_room(out, 1 + 4 + 8 + 8, &err);

  if (!p)
    return err;
  put_u64(put_u64(put_u32(put_u8(p, ATR_MSG_ACK), m->room), m->counter), m->seq);
  return 0;
}

int atr_msg_read_refused(atr_span msg, atr_msg_refused *out)
{
  atr_rd rd = open_message(msg, ATR_MSG_REFUSED);
  char name[UINT8_MAX + 1];
  atr_span span;

  out->room = atr_rd_u32(&rd);
  out->counter = atr_rd_u64(&rd);
  span = atr_rd_bytes(&rd, atr_rd_u8(&rd));
  out->text = atr_rd_rest(&rd);
  if (rd.err || out->text.n > ATR_REASON_BYTES_MAX)
    return ATR_PROTO;
  if (span.n)
    memcpy(name, span.p, span.n);
  name[span.n] = '\0';
  out->err = atr_err_from_name(name);
  return 0;
}

int atr_msg_write_refused(atr_buf *out, const atr_msg_refused *m)
{
  const char *name = atr_err_name(m->err);
  size_t name_len = strlen(name), text_len = atr_utf8_prefix((const char *)m->text.p, m->text.n, ATR_REASON_BYTES_MAX);
  int err;
  uint8_t *p = append_room(out, 1 + 4 + 8 + 1 + name_len + text_len, &err);

  if (!p)
    return err;
  p = put_u64(put_u32(put_u8(p, ATR_MSG_REFUSED), m->room), m->counter);
  p = put_u8(p, (uint8_t)name_len);
  p = put_bytes(p, name, name_len);
  put_bytes(p, m->text.p, text_len);
  return 0;
}

/* --- catching up ------------------------------------------------------------------------------------------------- */

int atr_msg_read_catchup(atr_span msg, atr_msg_catchup *out)
{
  atr_rd rd = open_message(msg, ATR_MSG_CATCHUP);

  out->room = atr_rd_u32(&rd);
  out->settled = atr_rd_u64(&rd);
  out->target = atr_rd_u64(&rd);
  return atr_rd_end(&rd);
}

int atr_msg_write_catchup(atr_buf *out, const atr_msg_catchup *m)
{
  int err;
  uint8_t *p = append_room(out, 1 + 4 + 8 + 8, &err);

  if (!p)
    return err;
  put_u64(put_u64(put_u32(put_u8(p, ATR_MSG_CATCHUP), m->room), m->settled), m->target);
  return 0;
}

int atr_msg_read_cursor(atr_span msg, atr_msg_cursor *out)
{
  atr_rd rd = open_message(msg, ATR_MSG_CURSOR);

  out->room = atr_rd_u32(&rd);
  out->seq = atr_rd_u64(&rd);
  out->flags = atr_rd_u8(&rd);
  return out->flags & ~ATR_CURSOR_WHOLE ? ATR_PROTO : atr_rd_end(&rd);
}

int atr_msg_write_cursor(atr_buf *out, const atr_msg_cursor *m)
{
  int err;
  uint8_t *p = append_room(out, 1 + 4 + 8 + 1, &err);

  if (!p)
    return err;
  put_u8(put_u64(put_u32(put_u8(p, ATR_MSG_CURSOR), m->room), m->seq), m->flags);
  return 0;
}

static int read_document(atr_span msg, uint8_t type, unsigned flags_allowed, atr_msg_doc *out)
{
  atr_rd rd = open_message(msg, type);
  bool tombstone;

  out->room = atr_rd_u32(&rd);
  out->seq = atr_rd_u64(&rd);
  out->created = atr_rd_u64(&rd);
  out->flags = atr_rd_u8(&rd);
  atr_rd_copy(&rd, out->doc.b, sizeof out->doc.b);
  out->json = atr_rd_rest(&rd);
  tombstone = (out->flags & ATR_DOC_TOMBSTONE) != 0;
  if (rd.err || out->flags & ~flags_allowed || tombstone != (out->json.n == 0))
    return ATR_PROTO;
  if (tombstone && out->flags & ATR_DOC_PREVIEW)
    return ATR_PROTO;
  return out->json.n > ATR_DOC_BYTES_MAX ? ATR_DOC_SIZE : 0;
}

int atr_msg_read_doc(atr_span msg, atr_msg_doc *out)
{
  return read_document(msg, ATR_MSG_DOC, ATR_DOC_TOMBSTONE | ATR_DOC_HEALING | ATR_DOC_PREVIEW, out);
}

int atr_msg_read_recreate(atr_span msg, atr_msg_doc *out)
{
  return read_document(msg, ATR_MSG_RECREATE, ATR_DOC_TOMBSTONE, out);
}

int atr_msg_write_doc_head(atr_buf *out, uint8_t type, const atr_msg_doc *m)
{
  int err;
  uint8_t *p = append_room(out, 1 + 4 + 8 + 8 + 1 + ATR_ID_BYTES, &err);

  if (!p)
    return err;
  p = put_u64(put_u64(put_u32(put_u8(p, type), m->room), m->seq), m->created);
  put_bytes(put_u8(p, m->flags), m->doc.b, sizeof m->doc.b);
  return 0;
}

/* LIVE has a sequence number before its flags, WANT and VERSIONS have none. */
static int read_part(atr_span msg, uint8_t type, uint32_t entry_bytes, atr_msg_part *out)
{
  atr_rd rd = open_message(msg, type);
  uint32_t n;

  out->room = atr_rd_u32(&rd);
  out->seq = type == ATR_MSG_LIVE ? atr_rd_u64(&rd) : 0;
  out->flags = atr_rd_u8(&rd);
  n = atr_rd_u32(&rd);
  out->entries = read_list(&rd, n, ATR_LIST_LONG_MAX, entry_bytes);
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
  p = append_room(out, 1 + 4 + seq_bytes + 1 + 4 + n * entry_bytes, err);
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

/* --- blobs ------------------------------------------------------------------------------------------------------- */

int atr_msg_read_blob_data(atr_span msg, atr_msg_blob_data *out)
{
  atr_rd rd = open_message(msg, ATR_MSG_BLOB_DATA);

  out->room = atr_rd_u32(&rd);
  atr_rd_copy(&rd, out->hash.b, sizeof out->hash.b);
  out->size = atr_rd_u64(&rd);
  out->offset = atr_rd_u64(&rd);
  out->flags = atr_rd_u8(&rd);
  out->bytes = atr_rd_rest(&rd);
  if (rd.err || out->flags & ~(ATR_BLOB_DATA_ZSTD | ATR_BLOB_DATA_LAST))
    return ATR_PROTO;
  if (out->size > ATR_BLOB_BYTES_MAX)
    return ATR_BLOB_SIZE;
  if (out->offset > out->size || (!out->bytes.n && out->size))
    return ATR_PROTO;
  if (!(out->flags & ATR_BLOB_DATA_ZSTD) && out->bytes.n > out->size - out->offset)
    return ATR_PROTO;
  return 0;
}

int atr_msg_read_blob_delta(atr_span msg, atr_msg_blob_delta *out)
{
  atr_rd rd = open_message(msg, ATR_MSG_BLOB_DELTA);

  out->room = atr_rd_u32(&rd);
  atr_rd_copy(&rd, out->hash.b, sizeof out->hash.b);
  atr_rd_copy(&rd, out->base.b, sizeof out->base.b);
  out->size = atr_rd_u64(&rd);
  out->total = atr_rd_u64(&rd);
  out->offset = atr_rd_u64(&rd);
  out->bytes = atr_rd_rest(&rd);
  if (rd.err)
    return ATR_PROTO;
  if (out->size > ATR_BLOB_BYTES_MAX || out->total > ATR_BLOB_BYTES_MAX)
    return ATR_BLOB_SIZE;
  if (!out->bytes.n || out->offset > out->total || out->bytes.n > out->total - out->offset)
    return ATR_PROTO;
  return 0;
}

int atr_msg_write_blob_data_head(atr_buf *out, const atr_msg_blob_data *m)
{
  int err;
  uint8_t *p = append_room(out, ATR_MSG_BLOB_DATA_HEAD_BYTES, &err);

  if (!p)
    return err;
  p = put_u32(put_u8(p, ATR_MSG_BLOB_DATA), m->room);
  p = put_bytes(p, m->hash.b, sizeof m->hash.b);
  put_u8(put_u64(put_u64(p, m->size), m->offset), m->flags);
  return 0;
}

int atr_msg_write_blob_delta_head(atr_buf *out, const atr_msg_blob_delta *m)
{
  int err;
  uint8_t *p = append_room(out, ATR_MSG_BLOB_DELTA_HEAD_BYTES, &err);

  if (!p)
    return err;
  p = put_u32(put_u8(p, ATR_MSG_BLOB_DELTA), m->room);
  p = put_bytes(put_bytes(p, m->hash.b, sizeof m->hash.b), m->base.b, sizeof m->base.b);
  put_u64(put_u64(put_u64(p, m->size), m->total), m->offset);
  return 0;
}
