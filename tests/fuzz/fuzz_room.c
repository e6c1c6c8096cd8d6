/* SPDX-License-Identifier: MIT
 *
 * Two members say anything to a room. The input is a list of records: a byte that says who speaks on which lane and
 * whether the members then pull, the length of the message in two bytes, the message. A member whose message breaks the
 * protocol is cut and comes back, as the server would do it.
 *
 * What must hold: the room gives messages of its own lanes only, whole frames, and never an error to a member that pulls; its
 * number never goes back; its ring and its tombstones stay in their (small) bounds. */
#include "fuzz.h"

#include "blob/blobs.h"
#include "proto/frame.h"
#include "proto/message.h"
#include "room/room.h"
#include "store/store.h"

enum { MEMBERS = 2, RING_BYTES = 4096, TOMBSTONES = 4, PULL_BYTES = 1 << 16 };

struct world {
  atr_room *room;
  atr_room_member *members[MEMBERS];
  atr_frame_reader *readers[MEMBERS]; /* what each member receives must be frames */
};

static void on_wake(void *ctx, atr_room_member *m, int lane)
{
  (void)ctx;
  (void)m;
  CHECK(lane >= 0 && lane < ATR_LANES);
}

static void on_control(void *ctx, atr_room_member *m, atr_span json)
{
  (void)ctx;
  (void)m;
  CHECK(json.n > 0 && json.p[0] == '{' && json.p[json.n - 1] == '}');
}

static void on_evicted(void *ctx, atr_room_member *m)
{
  struct world *w = ctx;

  for (int i = 0; i < MEMBERS; i++)
    if (w->members[i] == m)
      w->members[i] = NULL;
}

static void join(struct world *w, int i)
{
  atr_room_join join = {.participant = {{(uint8_t)(i + 1)}}, .name = "somebody"};

  CHECK(atr_room_join_member(w->room, &join, w, &w->members[i]) == 0);
  atr_frame_reader_free(w->readers[i]);
  w->readers[i] = atr_frame_reader_new();
}

static int check_message(void *ctx, enum atr_lane lane, const uint8_t *msg, size_t len)
{
  (void)ctx;
  (void)len;
  CHECK(atr_msg_lane(msg[0]) == (int)lane);
  return 0;
}

static void pull(struct world *w, int i)
{
  atr_buf out;

  atr_buf_init(&out, SIZE_MAX);
  for (int lane = 0; lane < ATR_LANES; lane++) {
    int64_t n = atr_room_pull(w->members[i], lane, &out, PULL_BYTES);

    CHECK(n >= 0 && (size_t)n == out.len);
    CHECK(atr_frame_reader_feed(w->readers[i], out.data, out.len, check_message, NULL) == 0);
    atr_buf_clear(&out);
  }
  atr_buf_free(&out);
}

/* One record; returns how many bytes it took. */
static size_t record(struct world *w, const uint8_t *p, size_t size)
{
  size_t n = (size_t)(p[1] << 8 | p[2]);
  int i = p[0] & 1, lane = p[0] >> 1 & 3;
  uint64_t head = atr_room_head(w->room);
  uint8_t *copy;

  if (n > size - 3)
    n = size - 3;
  copy = malloc(n + 1);
  memcpy(copy, p + 3, n);
  if (n && atr_room_receive(w->room, w->members[i], lane, atr_span_of(copy, n)) < 0) {
    atr_room_leave(w->room, w->members[i], false);
    join(w, i);
  }
  free(copy);
  CHECK(atr_room_head(w->room) >= head);
  CHECK(atr_room_tombstones(w->room) <= TOMBSTONES);
  if (p[0] & 8)
    pull(w, i);
  if (p[0] & 16)
    pull(w, 1 - i);
  return 3 + n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const atr_room_callbacks callbacks = {.on_wake = on_wake, .on_control = on_control, .on_evicted = on_evicted};
  struct world w = {0};
  atr_store *store;
  atr_blobs *blobs;
  atr_room_config config = {.handle = 1, .name = "room", .ring_bytes_max = RING_BYTES, .tombstones_max = TOMBSTONES};

  config.id.b[0] = config.epoch.b[0] = 1;
  CHECK(atr_store_memory_new(&store) == 0 && atr_blobs_new(&blobs, 1 << 16) == 0);
  config.store = store;
  config.blobs = blobs;
  CHECK(atr_room_new(&w.room, &config, &callbacks, &w) == 0);
  for (int i = 0; i < MEMBERS; i++)
    join(&w, i);
  for (size_t at = 0; size - at > 3;)
    at += record(&w, data + at, size - at);
  for (int i = 0; i < MEMBERS; i++) {
    pull(&w, i);
    atr_room_leave(w.room, w.members[i], false);
    atr_frame_reader_free(w.readers[i]);
  }
  atr_room_free(w.room);
  atr_blobs_free(blobs);
  store->ops->close(store);
  return 0;
}
