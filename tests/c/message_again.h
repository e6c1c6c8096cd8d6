/* SPDX-License-Identifier: MIT
 *
 * Reads a binary message of any type and writes it again from what was read: both halves of every codec, shared by the
 * tests of the protocol's examples, of random messages and by the fuzzer. */
#ifndef ATR_TEST_MESSAGE_AGAIN_H
#define ATR_TEST_MESSAGE_AGAIN_H

#include "base/error.h"
#include "base/limits.h"
#include "proto/message.h"

#include <stdlib.h>

/* Every entry of a list, decoded, as an array of `type`. */
#define ALL_OF(type, list, next)                      \
  type *all = calloc((list).count + 1u, sizeof *all); \
  size_t n = 0;                                       \
  while (next(&(list), &all[n]))                      \
    n++;

static int offer_again(atr_span msg, atr_buf *out)
{
  uint32_t room;
  atr_list list;
  int err = atr_msg_read_blob_offer(msg, &room, &list);

  if (err)
    return err;
  ALL_OF(atr_blob_offer, list, atr_list_next_offer)
  err = atr_msg_write_blob_offer(out, room, all, n);
  free(all);
  return err;
}

static int status_again(atr_span msg, atr_buf *out)
{
  uint32_t room;
  atr_list list;
  int err = atr_msg_read_blob_status(msg, &room, &list);

  if (err)
    return err;
  ALL_OF(atr_blob_status, list, atr_list_next_status)
  err = atr_msg_write_blob_status(out, room, all, n);
  free(all);
  return err;
}

static int get_again(atr_span msg, atr_buf *out)
{
  uint32_t room;
  atr_list list;
  int err = atr_msg_read_blob_get(msg, &room, &list);

  if (err)
    return err;
  ALL_OF(atr_blob_get, list, atr_list_next_get)
  err = atr_msg_write_blob_get(out, room, all, n);
  free(all);
  return err;
}

static int digest_again(atr_span msg, atr_buf *out)
{
  uint32_t room;
  atr_list list;
  int err = atr_msg_read_digest(msg, &room, &list);

  if (err)
    return err;
  ALL_OF(atr_doc_version, list, atr_list_next_digest)
  err = atr_msg_write_digest(out, room, all, n);
  free(all);
  return err;
}

static int versions_again(atr_span msg, atr_buf *out)
{
  atr_msg_part part;
  int err = atr_msg_read_versions(msg, &part);

  if (err)
    return err;
  ALL_OF(atr_doc_version, part.entries, atr_list_next_version)
  err = atr_msg_write_versions(out, part.room, part.flags, all, n);
  free(all);
  return err;
}

static int ids_again(atr_span msg, bool live, atr_buf *out)
{
  atr_msg_part part;
  int err = live ? atr_msg_read_live(msg, &part) : atr_msg_read_want(msg, &part);

  if (err)
    return err;
  ALL_OF(atr_id, part.entries, atr_list_next_id)
  err = live ? atr_msg_write_live(out, part.room, part.seq, part.flags, all, n)
             : atr_msg_write_want(out, part.room, part.flags, all, n);
  free(all);
  return err;
}

static int op_again(const atr_op *op, atr_buf *out)
{
  atr_list list = op->blobs;

  ALL_OF(atr_hash, list, atr_list_next_hash)
  int err = atr_op_write(out, op, all, n);

  free(all);
  return err;
}

static int submit_again(atr_span msg, atr_buf *out)
{
  atr_msg_submit m;
  int err = atr_msg_read_submit(msg, &m);

  if (!err)
    err = atr_msg_write_submit_head(out, m.room, m.counter);
  return err ? err : op_again(&m.op, out);
}

static int relayed_again(atr_span msg, atr_buf *out)
{
  atr_msg_op m;
  int err = atr_msg_read_op(msg, &m);

  if (!err)
    err = atr_msg_write_op_head(out, m.room, m.seq, m.member, m.counter);
  return err ? err : op_again(&m.op, out);
}

static int doc_again(atr_span msg, uint8_t type, atr_buf *out)
{
  atr_msg_doc m;
  int err = type == ATR_MSG_DOC ? atr_msg_read_doc(msg, &m) : atr_msg_read_recreate(msg, &m);

  if (!err)
    err = atr_msg_write_doc_head(out, type, &m);
  return err ? err : atr_buf_append(out, m.json.p, m.json.n);
}

static int data_again(atr_span msg, atr_buf *out)
{
  atr_msg_blob_data m;
  int err = atr_msg_read_blob_data(msg, &m);

  if (!err)
    err = atr_msg_write_blob_data_head(out, &m);
  return err ? err : atr_buf_append(out, m.bytes.p, m.bytes.n);
}

static int delta_again(atr_span msg, atr_buf *out)
{
  atr_msg_blob_delta m;
  int err = atr_msg_read_blob_delta(msg, &m);

  if (!err)
    err = atr_msg_write_blob_delta_head(out, &m);
  return err ? err : atr_buf_append(out, m.bytes.p, m.bytes.n);
}

#undef ALL_OF

/* Messages of fixed fields: read into `m`, written from it. */
#define FIXED(name, type)                             \
  {                                                   \
    type m;                                           \
    int err = atr_msg_read_##name(msg, &m);           \
    return err ? err : atr_msg_write_##name(out, &m); \
  }

static int ping_again(atr_span msg, atr_buf *out)
{
  uint64_t token;
  int err = atr_msg_read_ping(msg, &token);

  return err ? err : atr_msg_write_ping(out, msg.p[0], token);
}

static int json_again(atr_span msg, atr_buf *out)
{
  atr_span json;
  int err = atr_msg_read_json(msg, &json);

  return err ? err : atr_msg_write_json(out, json);
}

static int message_again(atr_span msg, atr_buf *out)
{
  switch (msg.n ? msg.p[0] : 0) {
  case ATR_MSG_JSON:
    return json_again(msg, out);
  case ATR_MSG_PING:
  case ATR_MSG_PONG:
    return ping_again(msg, out);
  case ATR_MSG_CREDIT:
    FIXED(credit, atr_msg_credit)
  case ATR_MSG_PRESENCE:
    FIXED(presence, atr_msg_presence)
  case ATR_MSG_PRESENCE_OF:
    FIXED(presence_of, atr_msg_presence)
  case ATR_MSG_ACK:
    FIXED(ack, atr_msg_ack)
  case ATR_MSG_REFUSED:
    FIXED(refused, atr_msg_refused)
  case ATR_MSG_CATCHUP:
    FIXED(catchup, atr_msg_catchup)
  case ATR_MSG_CURSOR:
    FIXED(cursor, atr_msg_cursor)
  case ATR_MSG_BLOB_OFFER:
    return offer_again(msg, out);
  case ATR_MSG_BLOB_STATUS:
    return status_again(msg, out);
  case ATR_MSG_BLOB_GET:
    return get_again(msg, out);
  case ATR_MSG_SUBMIT:
    return submit_again(msg, out);
  case ATR_MSG_OP:
    return relayed_again(msg, out);
  case ATR_MSG_DOC:
  case ATR_MSG_RECREATE:
    return doc_again(msg, msg.p[0], out);
  case ATR_MSG_LIVE:
  case ATR_MSG_WANT:
    return ids_again(msg, msg.p[0] == ATR_MSG_LIVE, out);
  case ATR_MSG_DIGEST:
    return digest_again(msg, out);
  case ATR_MSG_VERSIONS:
    return versions_again(msg, out);
  case ATR_MSG_BLOB_DATA:
    return data_again(msg, out);
  case ATR_MSG_BLOB_DELTA:
    return delta_again(msg, out);
  default:
    return ATR_PROTO;
  }
}

#undef FIXED

#endif
