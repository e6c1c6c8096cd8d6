/* SPDX-License-Identifier: MIT
 *
 * A room without a server: its store, its blobs, and members that submit operations and keep what they are told.
 *
 * The store does what the test says (`store_does`): it is done at once, fails at once in either of the two ways that its
 * contract allows, or waits until the test ends the commit with store_done(). */
#ifndef ATR_ROOM_TEST_H
#define ATR_ROOM_TEST_H

#include "test.h"

#include "blob/blobs.h"
#include "proto/frame.h"
#include "proto/message.h"
#include "room/room.h"
#include "store/store.h"

enum { HANDLE = 1, RING_BYTES = 1 << 20 };

static enum { STORE_DONE, STORE_RETURNS_ERROR, STORE_DONE_WITH_ERROR, STORE_WAITS } store_does;
static atr_store_done store_waiting; /* NULL: no commit is under way */
static void *store_waiting_ctx;

static atr_room *room;
static atr_blobs *blobs;
static atr_room_config room_config; /* what a test wants otherwise, before it begins */

static int store_commit(atr_store *s, const atr_store_batch *batch, atr_store_done done, void *ctx)
{
  (void)s;
  (void)batch;
  assert_null(store_waiting); /* one batch at a time */
  if (store_does == STORE_RETURNS_ERROR)
    return ATR_NOMEM;
  if (store_does == STORE_WAITS) {
    store_waiting = done;
    store_waiting_ctx = ctx;
    return 0;
  }
  done(ctx, store_does == STORE_DONE_WITH_ERROR ? ATR_NOMEM : 0);
  return 0;
}

static inline void store_done(int err)
{
  atr_store_done done = store_waiting;

  assert_non_null(done);
  store_waiting = NULL;
  done(store_waiting_ctx, err);
}

static const atr_store_ops store_ops = {.commit = store_commit};
static atr_store store = {&store_ops};

static atr_room_member *woken_last; /* on the state lane */

static void on_wake(void *ctx, atr_room_member *m, int lane);

static void on_control(void *ctx, atr_room_member *m, atr_span json)
{
  (void)ctx;
  (void)m;
  (void)json;
}

static void on_evicted(void *ctx, atr_room_member *m);

static void on_hold(void *ctx, atr_room_member *m, bool hold);

static int begin(void **state)
{
  static const atr_room_callbacks callbacks = {
      .on_wake = on_wake, .on_control = on_control, .on_evicted = on_evicted, .on_hold = on_hold};
  atr_room_config config = room_config;

  (void)state;
  memset(&room_config, 0, sizeof room_config);
  config.handle = HANDLE;
  config.name = "room";
  if (!config.ring_bytes_max)
    config.ring_bytes_max = RING_BYTES;
  config.store = &store;
  store_does = STORE_DONE;
  store_waiting = NULL;
  config.id.b[0] = config.epoch.b[0] = 1;
  assert_ok(atr_blobs_new(&blobs, 0));
  config.blobs = blobs;
  assert_ok(atr_room_new(&room, &config, &callbacks, NULL));
  return 0;
}

static int end(void **state)
{
  (void)state;
  atr_room_free(room);
  atr_blobs_free(blobs);
  return 0;
}

/* One member, and what it has received. */
struct peer {
  atr_room_member *member;
  atr_frame_reader *reader;
  uint64_t counter;
  size_t acks, refusals, ops;
  uint64_t acked, seq; /* of the last ACK */
  uint64_t refused;    /* of the last REFUSED */
  int refused_as;
  uint64_t op_seq; /* of the last OP of somebody else */
  char op_json[64];
  size_t docs, lives; /* DOC and LIVE */
  size_t jsons;       /* JSON messages, and the last one */
  char json[1024];
  size_t statuses; /* BLOB_STATUS, and the last one */
  uint8_t status;
  bool held;    /* as the room said last */
  bool evicted; /* the room has said so, and speaks of it no more */
};

static void on_wake(void *ctx, atr_room_member *m, int lane)
{
  const struct peer *peer = atr_room_member_user(m);

  (void)ctx;
  assert_false(peer->evicted);
  if (lane == ATR_LANE_STATE)
    woken_last = m;
}

static void on_evicted(void *ctx, atr_room_member *m)
{
  struct peer *peer = atr_room_member_user(m);

  (void)ctx;
  peer->evicted = true;
}

static void on_hold(void *ctx, atr_room_member *m, bool hold)
{
  struct peer *peer = atr_room_member_user(m);

  (void)ctx;
  peer->held = hold;
}

static inline int peer_message(void *ctx, enum atr_lane lane, const uint8_t *bytes, size_t len)
{
  struct peer *peer = ctx;
  atr_span msg = {bytes, len};
  atr_msg_refused refused;
  atr_msg_ack ack;
  atr_msg_op op;

  (void)lane;
  if (bytes[0] == ATR_MSG_REFUSED) {
    assert_ok(atr_msg_read_refused(msg, &refused));
    peer->refused = refused.counter;
    peer->refused_as = refused.err;
    peer->refusals++;
  } else if (bytes[0] == ATR_MSG_ACK) {
    assert_ok(atr_msg_read_ack(msg, &ack));
    peer->acked = ack.counter;
    peer->seq = ack.seq;
    peer->acks++;
  } else if (bytes[0] == ATR_MSG_OP) {
    assert_ok(atr_msg_read_op(msg, &op));
    peer->op_seq = op.seq;
    snprintf(peer->op_json, sizeof peer->op_json, "%.*s", (int)op.op.json.n, (const char *)op.op.json.p);
    peer->ops++;
  } else if (bytes[0] == ATR_MSG_JSON) {
    snprintf(peer->json, sizeof peer->json, "%.*s", (int)len - 1, (const char *)bytes + 1);
    peer->jsons++;
  } else if (bytes[0] == ATR_MSG_DOC) {
    peer->docs++;
  } else if (bytes[0] == ATR_MSG_LIVE) {
    peer->lives++;
  } else if (bytes[0] == ATR_MSG_BLOB_STATUS) {
    uint32_t handle;
    atr_list list;
    atr_blob_status status;

    assert_ok(atr_msg_read_blob_status(msg, &handle, &list));
    while (atr_list_next_status(&list, &status)) {
      peer->status = status.status;
      peer->statuses++;
    }
  }
  return 0;
}

/* Takes all that the member is owed; the error where it is to be cut. */
static inline int try_pull(struct peer *peer)
{
  int64_t n = 0;
  atr_buf out;

  atr_buf_init(&out, SIZE_MAX);
  for (int lane = 0; lane < ATR_LANES && n >= 0; lane++)
    while ((n = atr_room_pull(peer->member, lane, &out, 1 << 20)) > 0) {
      assert_ok(atr_frame_reader_feed(peer->reader, out.data, out.len, peer_message, peer));
      atr_buf_clear(&out);
    }
  atr_buf_free(&out);
  return (int)n;
}

static inline void pull(struct peer *peer)
{
  assert_ok(try_pull(peer));
}

static inline int try_join(struct peer *peer, uint32_t number)
{
  atr_room_join join = {.name = "somebody"};

  memset(peer, 0, sizeof *peer);
  atr_put_u32(join.participant.b, number + 1);
  peer->reader = atr_frame_reader_new();
  return atr_room_join_member(room, &join, peer, &peer->member);
}

static inline void join(struct peer *peer, uint32_t number)
{
  assert_ok(try_join(peer, number));
  pull(peer);
}

static inline void leave_as(struct peer *peer, bool for_good)
{
  if (peer->member)
    atr_room_leave(room, peer->member, for_good);
  atr_frame_reader_free(peer->reader);
}

static inline void leave(struct peer *peer)
{
  leave_as(peer, false);
}

static inline atr_id doc_of(uint32_t number)
{
  atr_id id = {{0}};

  atr_put_u32(id.b + 12, number + 1);
  return id;
}

/* Under a given counter; 0: a preview. */
static inline int try_submit(struct peer *peer, uint64_t counter, uint8_t kind, uint32_t doc, atr_span json,
                             const atr_hash *blob)
{
  atr_op op = {.kind = kind, .flags = (uint8_t)(counter ? 0 : ATR_OP_PREVIEW), .doc = doc_of(doc), .json = json};
  atr_buf msg;
  int err;

  atr_buf_init(&msg, SIZE_MAX);
  assert_ok(atr_msg_write_submit_head(&msg, HANDLE, counter));
  assert_ok(atr_op_write(&msg, &op, blob, blob != NULL));
  err = atr_room_receive(room, peer->member, ATR_LANE_STATE, atr_buf_span(&msg));
  atr_buf_free(&msg);
  return err;
}

static inline void submit_as(struct peer *peer, uint64_t counter, uint8_t kind, uint32_t doc, const char *json,
                             const atr_hash *blob)
{
  assert_ok(try_submit(peer, counter, kind, doc, atr_span_of(json, strlen(json)), blob));
}

static inline void submit(struct peer *peer, uint8_t kind, uint32_t doc, const char *json)
{
  submit_as(peer, ++peer->counter, kind, doc, json, NULL);
}

static inline void assert_document(uint32_t doc, const char *expected)
{
  atr_id id = doc_of(doc);
  uint64_t seq;
  atr_buf out;

  atr_buf_init(&out, SIZE_MAX);
  assert_ok(atr_room_document(room, &id, &out, &seq));
  assert_ok(atr_buf_append(&out, "", 1));
  assert_string_equal((const char *)out.data, expected);
  atr_buf_free(&out);
}

#endif
