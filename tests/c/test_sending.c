/* SPDX-License-Identifier: MIT
 *
 * How much is still to go from a replica to its room, in bytes: what the bar of Create Room shows. It counted operations, and stood at its end
 * from the first second on where nearly all of a scene is meshes and images. */
#include "replica_test.h"

#include "base/error.h"
#include "base/hash.h"
#include "blob/blobs.h"
#include "proto/frame.h"
#include "proto/json.h"
#include "proto/message.h"
#include "room/room.h"
#include "store/store.h"

enum { HANDLE = 1, OBJECTS = 200, MESHES = 20, BLOB_BYTES = 150000, PIECE = 4096, TURNS_MAX = 10000 };

static atr_store *store;
static atr_blobs *far_blobs, *near_blobs;
static atr_room *room;
static atr_room_member *member; /* NULL: not in the room */
static atr_replica *replica;
static atr_frame_reader *up, *down;
static uint32_t last_doc;

/* --- the room's side ----------------------------------------------------------------------------------------------- */

static void on_room_wake(void *ctx, atr_room_member *m, int lane)
{
  (void)ctx;
  (void)m;
  (void)lane;
}

static void on_control(void *ctx, atr_room_member *m, atr_span json)
{
  cJSON *tree = NULL;
  const char *t = "";

  (void)ctx;
  (void)m;
  assert_ok(atr_json_parse((const char *)json.p, json.n, &tree));
  assert_ok(atr_json_get_str(tree, "t", &t));
  if (!strcmp(t, "joined"))
    assert_ok(atr_replica_joined(replica, tree));
  cJSON_Delete(tree);
}

static void on_evicted(void *ctx, atr_room_member *m)
{
  (void)ctx;
  (void)m;
}

static int up_message(void *ctx, enum atr_lane lane, const uint8_t *msg, size_t len)
{
  (void)ctx;
  return atr_room_receive(room, member, (int)lane, atr_span_of(msg, len));
}

static int down_message(void *ctx, enum atr_lane lane, const uint8_t *msg, size_t len)
{
  (void)ctx;
  return msg[0] == ATR_MSG_JSON ? 0 : atr_replica_receive(replica, (int)lane, atr_span_of(msg, len));
}

/* --- the replica's side -------------------------------------------------------------------------------------------- */

/* Everything that the room has for the replica, and of what the replica has for the room at most `budget` on each lane (a bit per lane). */
static bool carry(unsigned lanes, size_t budget)
{
  atr_buf out;
  bool any = false;

  atr_buf_init(&out, SIZE_MAX);
  for (int lane = 0; lane < ATR_LANES; lane++) {
    if (lanes & 1u << lane)
      any = atr_replica_pull(replica, lane, &out, budget) > 0 || any;
    assert_ok(atr_frame_reader_feed(up, out.data, out.len, up_message, NULL));
    atr_buf_clear(&out);
    any = atr_room_pull(member, lane, &out, 1 << 20) > 0 || any;
    assert_ok(atr_frame_reader_feed(down, out.data, out.len, down_message, NULL));
    atr_buf_clear(&out);
  }
  atr_buf_free(&out);
  return any;
}

static void settle(unsigned lanes)
{
  size_t turns = 0;

  while (carry(lanes, 1 << 20))
    assert_true(++turns < TURNS_MAX);
}

static void enter(void)
{
  atr_room_join join = {.participant = {{1}}, .name = "somebody"};

  join.returning = atr_replica_returning(replica, &join.cursor, &join.partial, &join.epoch);
  up = atr_frame_reader_new();
  down = atr_frame_reader_new();
  assert_ok(atr_room_join_member(room, &join, NULL, &member));
}

static void cut(void)
{
  atr_room_leave(room, member, false);
  atr_replica_disconnected(replica);
  atr_frame_reader_free(up);
  atr_frame_reader_free(down);
  member = NULL;
}

static void submit(const char *json)
{
  atr_submit op = {.kind = ATR_OP_CREATE, .seen = UINT64_MAX, .tree = cJSON_Parse(json)};

  atr_put_u32(op.doc.b, ++last_doc);
  assert_ok(atr_replica_submit(replica, &op));
}

/* Noise, which no compression makes less. */
static atr_hash array(uint8_t *bytes, uint32_t number)
{
  uint32_t noise = number + 1;
  atr_hash hash;

  for (uint32_t i = 0; i < BLOB_BYTES; i++) {
    noise = noise * UINT32_C(1664525) + UINT32_C(1013904223);
    bytes[i] = (uint8_t)(noise >> 24);
  }
  assert_ok(atr_sha256_of(bytes, BLOB_BYTES, &hash));
  return hash;
}

static void submit_mesh(uint32_t blob)
{
  static uint8_t bytes[BLOB_BYTES];
  atr_hash hash = array(bytes, blob);
  char text[256], hex[ATR_HASH_HEX + 1];

  assert_ok(atr_blobs_put(near_blobs, &hash, atr_bytes_copy(bytes, sizeof bytes)));
  atr_hash_to_hex(&hash, hex);
  snprintf(text, sizeof text, "{\"type\":\"Mesh\",\"co\":[\"$blob\",\"%s\",\"u1\",[%d]]}", hex, BLOB_BYTES);
  submit(text);
}

static void submit_scene(void)
{
  for (uint32_t i = 0; i < OBJECTS; i++)
    submit("{\"type\":\"Object\",\"name\":\"one of many\",\"location\":[1,2,3]}");
  for (uint32_t i = 0; i < MESHES; i++)
    submit_mesh(i);
}

static int begin(void **state)
{
  static const atr_room_callbacks room_callbacks = {
      .on_wake = on_room_wake, .on_control = on_control, .on_evicted = on_evicted};
  static const atr_replica_callbacks callbacks = {ignore_event, no_refusal, ignore_wake, ignore_progress, no_healing};
  static const atr_id participant = {{1}};
  atr_room_config config = {.id = {{1}}, .epoch = {{1}}, .handle = HANDLE, .name = "room"};

  (void)state;
  assert_ok(atr_store_memory_new(&store));
  assert_ok(atr_blobs_new(&far_blobs, SIZE_MAX));
  assert_ok(atr_blobs_new(&near_blobs, SIZE_MAX));
  config.store = store;
  config.blobs = far_blobs;
  assert_ok(atr_room_new(&room, &config, &room_callbacks, NULL));
  assert_ok(atr_replica_new(&replica, &participant, near_blobs, &callbacks, NULL));
  last_doc = 0;
  enter();
  settle(~0u);
  assert_int_equal(atr_replica_unsent(replica), 0);
  return 0;
}

static int end(void **state)
{
  (void)state;
  cut();
  atr_replica_free(replica);
  atr_room_free(room);
  atr_blobs_free(far_blobs);
  atr_blobs_free(near_blobs);
  store->ops->close(store);
  return 0;
}

/* --- what is told -------------------------------------------------------------------------------------------------- */

/* All objects are there, and all the bulk is still to come. */
static void what_is_still_to_go_is_bytes_those_of_blobs_included(void **state)
{
  const uint64_t bulk = (uint64_t)MESHES * BLOB_BYTES;
  uint64_t left, before;
  size_t turns = 0;

  (void)state;
  submit_scene();
  left = atr_replica_unsent(replica);
  assert_in_range(left, bulk + OBJECTS * 60, bulk + (OBJECTS + MESHES) * 250);
  settle(1u << ATR_LANE_CONTROL | 1u << ATR_LANE_STATE);
  assert_int_equal(atr_replica_pending(replica), MESHES);
  left = atr_replica_unsent(replica);
  assert_in_range(left, bulk, bulk + MESHES * 250);
  while (left > 0) {
    before = left;
    (void)carry(~0u, PIECE);
    left = atr_replica_unsent(replica);
    assert_true(left <= before && before - left <= 3 * PIECE + 8 * 250); /* by what has gone */
    assert_true(++turns < TURNS_MAX);
  }
  assert_true(turns > bulk / (3 * PIECE));
  assert_int_equal(atr_replica_pending(replica), 0);
}

/* Objects that are copies of each other name the same arrays; each operation offers them, and one time they go. */
static void a_blob_that_many_operations_name_counts_once(void **state)
{
  uint64_t left;

  (void)state;
  for (uint32_t i = 0; i < MESHES; i++)
    submit_mesh(7);
  left = atr_replica_unsent(replica);
  assert_in_range(left, BLOB_BYTES, BLOB_BYTES + MESHES * 250);
  while (left > 0) {
    uint64_t before = left;

    assert_true(carry(~0u, PIECE));
    left = atr_replica_unsent(replica);
    assert_true(left <= before);
  }
  assert_int_equal(atr_replica_pending(replica), 0);
}

static void a_blob_that_the_room_has_is_not_to_go(void **state)
{
  (void)state;
  submit_mesh(1);
  settle(~0u);
  submit_mesh(1);
  assert_true(atr_replica_unsent(replica) > BLOB_BYTES); /* nobody knows yet */
  (void)carry(1u << ATR_LANE_CONTROL, PIECE);
  (void)carry(0, 0);
  assert_in_range(atr_replica_unsent(replica), 1, 250);
  settle(~0u);
  assert_int_equal(atr_replica_unsent(replica), 0);
}

/* What was under way begins anew, and is counted anew; what the room had confirmed is not. */
static void a_connection_that_breaks_takes_back_only_what_was_not_confirmed(void **state)
{
  const uint64_t bulk = (uint64_t)MESHES * BLOB_BYTES;

  (void)state;
  submit_scene();
  while (atr_replica_pending(replica) > MESHES / 2)
    assert_true(carry(~0u, PIECE));
  cut();
  assert_in_range(atr_replica_unsent(replica), 1, MESHES / 2 * 250);
  enter();
  (void)carry(0, 0);
  assert_in_range(atr_replica_unsent(replica), bulk / 2, bulk / 2 + MESHES / 2 * 250);
  settle(~0u);
  assert_int_equal(atr_replica_unsent(replica), 0);
  assert_int_equal(atr_replica_pending(replica), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(what_is_still_to_go_is_bytes_those_of_blobs_included, begin, end),
      cmocka_unit_test_setup_teardown(a_blob_that_many_operations_name_counts_once, begin, end),
      cmocka_unit_test_setup_teardown(a_blob_that_the_room_has_is_not_to_go, begin, end),
      cmocka_unit_test_setup_teardown(a_connection_that_breaks_takes_back_only_what_was_not_confirmed, begin, end),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
