/* SPDX-License-Identifier: MIT
 *
 * A server says anything to a replica, while the application goes on editing. The input is a list of records: a byte that
 * says who speaks, the length in two bytes, the bytes. A message that breaks the protocol ends the connection; the next
 * record finds the replica joined again.
 *
 * What must hold: the application is told only what can be: a create or an edit has a tree without null, a delete has none,
 * numbers ascend; what the replica sends are whole frames of the right lane. */
#include "fuzz.h"

#include "blob/blobs.h"
#include "proto/json.h"
#include "proto/message.h"
#include "replica/replica.h"

enum { FROM_APPLICATION = 0x80, APPLICATION_FULL = 0x40, PULL_BYTES = 1 << 16 };

struct world {
  atr_replica *replica;
  atr_frame_reader *reader;
  uint64_t events;
  bool full, joined;
};

static int on_event(void *ctx, const atr_replica_event *event)
{
  struct world *w = ctx;

  CHECK(event->kind >= ATR_OP_CREATE && event->kind <= ATR_OP_DELETE);
  CHECK((event->kind == ATR_OP_DELETE) == (event->tree == NULL));
  CHECK(event->kind != ATR_OP_CREATE || !atr_json_has_null(event->tree));
  if (w->full)
    return ATR_FULL;
  CHECK(event->n > w->events);
  w->events = event->n;
  return 0;
}

static void on_refused(void *ctx, const atr_id *doc, int err, const char *text)
{
  (void)ctx;
  CHECK(doc && err < 0 && text);
}

static void on_wake(void *ctx, int lane)
{
  (void)ctx;
  CHECK(lane >= 0 && lane < ATR_LANES);
}

static void on_progress(void *ctx, double progress, bool complete, uint64_t seq)
{
  (void)ctx;
  (void)complete;
  (void)seq;
  CHECK(progress >= 0 && progress <= 1);
}

static void on_healed(void *ctx, const atr_id *doc, uint64_t seq)
{
  (void)ctx;
  (void)doc;
  (void)seq;
}

static void join(struct world *w)
{
  static const char text[] =
      "{\"t\":\"joined\",\"room\":\"000102030405060708090a0b0c0d0e0f\",\"handle\":1,\"epoch\":"
      "\"000102030405060708090a0b0c0d0e0f\",\"member\":3,\"head\":5,\"settled\":0,\"refused\":[],"
      "\"created\":false,\"name\":\"r\"}";
  cJSON *joined;

  CHECK(atr_json_parse(text, sizeof text - 1, &joined) == 0);
  CHECK(atr_replica_joined(w->replica, joined) == 0);
  cJSON_Delete(joined);
  atr_frame_reader_free(w->reader);
  w->reader = atr_frame_reader_new();
  w->joined = true;
}

/* bytes: kind, number of the document, flags, JSON */
static void submit(struct world *w, const uint8_t *p, size_t n)
{
  atr_submit op = {.seen = w->events};
  atr_json_info info;

  if (n < 3)
    return;
  op.kind = (enum atr_op_kind)(1 + p[0] % 3);
  op.doc.b[15] = p[1];
  op.preview = op.kind == ATR_OP_EDIT && p[2] & 1;
  op.action = p[2] >> 1;
  if (op.kind != ATR_OP_DELETE) {
    if (atr_json_check((const char *)p + 3, n - 3, &info) || info.array_nulls)
      return;
    if (atr_json_parse_object((const char *)p + 3, n - 3, &op.tree))
      return;
  }
  (void)atr_replica_submit(w->replica, &op);
}

static int check_message(void *ctx, enum atr_lane lane, const uint8_t *msg, size_t len)
{
  (void)ctx;
  (void)len;
  CHECK(atr_msg_lane(msg[0]) == (int)lane);
  return 0;
}

static void pull(struct world *w)
{
  atr_buf out;

  atr_buf_init(&out, SIZE_MAX);
  for (int lane = 0; lane < ATR_LANES; lane++) {
    int64_t n = atr_replica_pull(w->replica, lane, &out, PULL_BYTES);

    CHECK(n >= 0 && (size_t)n == out.len);
    CHECK(atr_frame_reader_feed(w->reader, out.data, out.len, check_message, NULL) == 0);
    atr_buf_clear(&out);
  }
  atr_buf_free(&out);
}

static size_t record(struct world *w, const uint8_t *p, size_t size)
{
  size_t n = (size_t)(p[1] << 8 | p[2]);
  uint8_t *copy;

  if (n > size - 3)
    n = size - 3;
  copy = malloc(n + 1);
  memcpy(copy, p + 3, n);
  if (!w->joined)
    join(w);
  w->full = p[0] & APPLICATION_FULL;
  if (p[0] & FROM_APPLICATION) {
    submit(w, copy, n);
  } else if (n && atr_replica_receive(w->replica, p[0] & 3, atr_span_of(copy, n)) < 0) {
    atr_replica_disconnected(w->replica);
    w->joined = false;
  }
  free(copy);
  atr_replica_deliver(w->replica, 1);
  if (p[0] & 8)
    atr_replica_idle(w->replica, 4);
  if (w->joined && p[0] & 16)
    pull(w);
  return 3 + n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const atr_replica_callbacks callbacks = {on_event, on_refused, on_wake, on_progress, on_healed};
  static const atr_id participant = {{1}};
  struct world w = {0};
  atr_blobs *blobs;

  CHECK(atr_blobs_new(&blobs, 1 << 16) == 0);
  CHECK(atr_replica_new(&w.replica, &participant, blobs, &callbacks, &w) == 0);
  atr_replica_keep_warm(w.replica, size % 2);
  for (size_t at = 0; size - at > 3;)
    at += record(&w, data + at, size - at);
  w.full = false;
  atr_replica_deliver(w.replica, 1000);
  atr_replica_free(w.replica);
  atr_frame_reader_free(w.reader);
  atr_blobs_free(blobs);
  return 0;
}
