/* SPDX-License-Identifier: MIT
 *
 * Messages without lists of entries (those are message_list.c's): control, presence, operations and their answers, documents, blobs. */
#include "proto/message_impl.h"

#include "base/utf8.h"

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

/* --- control ----------------------------------------------------------------------------------------------------- */

int atr_msg_read_credit(atr_span msg, atr_msg_credit *out)
{
  atr_rd rd = message_open(msg, ATR_MSG_CREDIT);

  out->lane = atr_rd_u8(&rd);
  out->consumed = atr_rd_u64(&rd);
  if (out->lane != ATR_LANE_STATE && out->lane != ATR_LANE_BULK)
    return ATR_PROTO;
  return atr_rd_end(&rd);
}

int atr_msg_write_credit(atr_buf *out, const atr_msg_credit *m)
{
  int err;
  uint8_t *p = message_room(out, 1 + 1 + 8, &err);

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
  uint8_t *p = message_room(out, 1 + 8, &err);

  if (!p)
    return err;
  put_u64(put_u8(p, type), token);
  return 0;
}

int atr_msg_read_json(atr_span msg, atr_span *json)
{
  atr_rd rd = message_open(msg, ATR_MSG_JSON);

  *json = atr_rd_rest(&rd);
  return rd.err || !json->n ? ATR_PROTO : 0;
}

int atr_msg_write_json(atr_buf *out, atr_span json)
{
  int err;
  uint8_t *p = message_room(out, 1 + json.n, &err);

  if (!p)
    return err;
  put_bytes(put_u8(p, ATR_MSG_JSON), json.p, json.n);
  return 0;
}

/* --- presence ---------------------------------------------------------------------------------------------------- */

int atr_msg_read_presence(atr_span msg, atr_msg_presence *out)
{
  atr_rd rd = message_open(msg, ATR_MSG_PRESENCE);

  out->room = atr_rd_u32(&rd);
  out->member = 0;
  out->json = atr_rd_rest(&rd);
  return rd.err || !out->json.n ? ATR_PROTO : 0;
}

int atr_msg_read_presence_of(atr_span msg, atr_msg_presence *out)
{
  atr_rd rd = message_open(msg, ATR_MSG_PRESENCE_OF);

  out->room = atr_rd_u32(&rd);
  out->member = atr_rd_u32(&rd);
  out->json = atr_rd_rest(&rd);
  return rd.err || !out->json.n ? ATR_PROTO : 0;
}

int atr_msg_write_presence(atr_buf *out, const atr_msg_presence *m)
{
  int err;
  uint8_t *p = message_room(out, 1 + 4 + m->json.n, &err);

  if (!p)
    return err;
  p = put_u32(put_u8(p, ATR_MSG_PRESENCE), m->room);
  put_bytes(p, m->json.p, m->json.n);
  return 0;
}

int atr_msg_write_presence_of(atr_buf *out, const atr_msg_presence *m)
{
  int err;
  uint8_t *p = message_room(out, 1 + 4 + 4 + m->json.n, &err);

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
  out->blobs = message_read_list(&rd, n, ATR_OP_BLOBS_MAX, ATR_HASH_BYTES);
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
    p = message_room(out, ATR_OP_HEADER_BYTES + n_hashes * ATR_HASH_BYTES + op->json.n, &err);
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
  atr_rd rd = message_open(msg, ATR_MSG_SUBMIT);
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
  atr_rd rd = message_open(msg, ATR_MSG_OP);
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
  uint8_t *p = message_room(out, ATR_MSG_SUBMIT_HEAD_BYTES, &err);

  if (!p)
    return err;
  put_u64(put_u32(put_u8(p, ATR_MSG_SUBMIT), room), counter);
  return 0;
}

int atr_msg_write_op_head(atr_buf *out, uint32_t room, uint64_t seq, uint32_t member, uint64_t counter)
{
  int err;
  uint8_t *p = message_room(out, ATR_MSG_OP_HEAD_BYTES, &err);

  if (!p)
    return err;
  p = put_u32(put_u8(p, ATR_MSG_OP), room);
  put_u64(put_u32(put_u64(p, seq), member), counter);
  return 0;
}

/* ACK and CATCHUP: a counter and a number of the room's order. */
static int read_pair(atr_span msg, uint8_t type, uint32_t *room, uint64_t *counter, uint64_t *seq)
{
  atr_rd rd = message_open(msg, type);

  *room = atr_rd_u32(&rd);
  *counter = atr_rd_u64(&rd);
  *seq = atr_rd_u64(&rd);
  return atr_rd_end(&rd);
}

static int write_pair(atr_buf *out, uint8_t type, uint32_t room, uint64_t counter, uint64_t seq)
{
  int err;
  uint8_t *p = message_room(out, 1 + 4 + 8 + 8, &err);

  if (!p)
    return err;
  put_u64(put_u64(put_u32(put_u8(p, type), room), counter), seq);
  return 0;
}

int atr_msg_read_ack(atr_span msg, atr_msg_ack *out)
{
  return read_pair(msg, ATR_MSG_ACK, &out->room, &out->counter, &out->seq);
}

int atr_msg_write_ack(atr_buf *out, const atr_msg_ack *m)
{
  return write_pair(out, ATR_MSG_ACK, m->room, m->counter, m->seq);
}

int atr_msg_read_refused(atr_span msg, atr_msg_refused *out)
{
  atr_rd rd = message_open(msg, ATR_MSG_REFUSED);
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
  uint8_t *p = message_room(out, 1 + 4 + 8 + 1 + name_len + text_len, &err);

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
  return read_pair(msg, ATR_MSG_CATCHUP, &out->room, &out->settled, &out->target);
}

int atr_msg_write_catchup(atr_buf *out, const atr_msg_catchup *m)
{
  return write_pair(out, ATR_MSG_CATCHUP, m->room, m->settled, m->target);
}

int atr_msg_read_cursor(atr_span msg, atr_msg_cursor *out)
{
  atr_rd rd = message_open(msg, ATR_MSG_CURSOR);

  out->room = atr_rd_u32(&rd);
  out->seq = atr_rd_u64(&rd);
  out->flags = atr_rd_u8(&rd);
  return out->flags & ~ATR_CURSOR_WHOLE ? ATR_PROTO : atr_rd_end(&rd);
}

int atr_msg_write_cursor(atr_buf *out, const atr_msg_cursor *m)
{
  int err;
  uint8_t *p = message_room(out, 1 + 4 + 8 + 1, &err);

  if (!p)
    return err;
  put_u8(put_u64(put_u32(put_u8(p, ATR_MSG_CURSOR), m->room), m->seq), m->flags);
  return 0;
}

static int read_document(atr_span msg, uint8_t type, unsigned flags_allowed, atr_msg_doc *out)
{
  atr_rd rd = message_open(msg, type);
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
  uint8_t *p = message_room(out, 1 + 4 + 8 + 8 + 1 + ATR_ID_BYTES, &err);

  if (!p)
    return err;
  p = put_u64(put_u64(put_u32(put_u8(p, type), m->room), m->seq), m->created);
  put_bytes(put_u8(p, m->flags), m->doc.b, sizeof m->doc.b);
  return 0;
}

/* --- blobs ------------------------------------------------------------------------------------------------------- */

int atr_msg_read_blob_data(atr_span msg, atr_msg_blob_data *out)
{
  atr_rd rd = message_open(msg, ATR_MSG_BLOB_DATA);

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
  atr_rd rd = message_open(msg, ATR_MSG_BLOB_DELTA);

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
  uint8_t *p = message_room(out, ATR_MSG_BLOB_DATA_HEAD_BYTES, &err);

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
  uint8_t *p = message_room(out, ATR_MSG_BLOB_DELTA_HEAD_BYTES, &err);

  if (!p)
    return err;
  p = put_u32(put_u8(p, ATR_MSG_BLOB_DELTA), m->room);
  p = put_bytes(put_bytes(p, m->hash.b, sizeof m->hash.b), m->base.b, sizeof m->base.b);
  put_u64(put_u64(put_u64(p, m->size), m->total), m->offset);
  return 0;
}
