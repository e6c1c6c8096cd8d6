/* SPDX-License-Identifier: MIT
 *
 * Members that hold something else than the room. Two ways lead there: a defect or a bad byte, of which nobody would ever
 * hear if idle members did not compare digests; and a room that was lost, to which members come back with different ages of
 * the same document. In both all end with one document, and in the second it is the newest, whoever comes first. */
#include "replica_test.h"

#include "blob/blobs.h"
#include "proto/frame.h"
#include "proto/json.h"
#include "proto/message.h"
#include "room/room.h"
#include "store/store.h"

enum { HANDLE = 1 };

struct client {
  atr_replica *replica;
  atr_room_member *member; /* NULL: not in the room */
  atr_frame_reader *up, *down;
  char *told;   /* the tree or patch of the last event */
  bool corrupt; /* a bit of the next operation that it receives flips */
  uint64_t healed;
};

static atr_store *store;
static atr_blobs *blobs;
static atr_room *room;
static struct client one, two;
static const atr_id doc = {{9}};

/* --- the room's side ----------------------------------------------------------------------------------------------- */

static void on_room_wake(void *ctx, atr_room_member *m, int lane)
{
  (void)ctx;
  (void)m;
  (void)lane;
}

static void on_control(void *ctx, atr_room_member *m, atr_span json)
{
  struct client *c = atr_room_member_user(m);
  cJSON *tree = NULL;
  const char *t = "";

  (void)ctx;
  assert_ok(atr_json_parse((const char *)json.p, json.n, &tree));
  assert_ok(atr_json_get_str(tree, "t", &t));
  if (!strcmp(t, "joined"))
    assert_ok(atr_replica_joined(c->replica, tree));
  cJSON_Delete(tree);
}

static void on_evicted(void *ctx, atr_room_member *m)
{
  (void)ctx;
  (void)m;
}

static void open_room(uint8_t epoch, uint64_t seq_base)
{
  static const atr_room_callbacks callbacks = {
      .on_wake = on_room_wake, .on_control = on_control, .on_evicted = on_evicted};
  atr_room_config config = {.handle = HANDLE, .name = "room", .seq_base = seq_base, .store = store, .blobs = blobs};

  config.id.b[0] = 1;
  config.epoch.b[0] = epoch;
  assert_ok(atr_room_new(&room, &config, &callbacks, NULL));
}

/* --- the clients' side --------------------------------------------------------------------------------------------- */

static int on_event(void *ctx, const atr_replica_event *event)
{
  struct client *c = ctx;

  cJSON_free(c->told);
  c->told = event->tree ? cJSON_PrintUnformatted(event->tree) : NULL;
  return 0;
}

static void on_healed(void *ctx, const atr_id *id, uint64_t seq)
{
  struct client *c = ctx;

  assert_true(atr_id_equal(id, &doc) && seq);
  c->healed++;
  assert_int_equal(atr_replica_healed(c->replica), c->healed); /* the count is right when it is told */
}

static void new_client(struct client *c, uint8_t number)
{
  static const atr_replica_callbacks callbacks = {on_event, no_refusal, ignore_wake, ignore_progress, on_healed};
  atr_id participant = {{number}};

  memset(c, 0, sizeof *c);
  assert_ok(atr_replica_new(&c->replica, &participant, blobs, &callbacks, c));
}

static int up_message(void *ctx, enum atr_lane lane, const uint8_t *msg, size_t len)
{
  struct client *c = ctx;

  return atr_room_receive(room, c->member, (int)lane, atr_span_of(msg, len));
}

static int down_message(void *ctx, enum atr_lane lane, const uint8_t *msg, size_t len)
{
  struct client *c = ctx;
  uint8_t copy[256];

  if (msg[0] == ATR_MSG_JSON)
    return 0; /* who is here */
  if (!c->corrupt || msg[0] != ATR_MSG_OP)
    return atr_replica_receive(c->replica, (int)lane, atr_span_of(msg, len));
  assert_true(len <= sizeof copy);
  memcpy(copy, msg, len);
  copy[len - 2] ^= 1; /* the digit before the brace */
  c->corrupt = false;
  return atr_replica_receive(c->replica, (int)lane, atr_span_of(copy, len));
}

/* Carries what one client and the room have for each other; false: nothing. */
static bool carry(struct client *c)
{
  atr_buf out;
  bool any = false;

  if (!c->member)
    return false;
  atr_buf_init(&out, SIZE_MAX);
  for (int lane = 0; lane < ATR_LANES; lane++) {
    if (atr_replica_pull(c->replica, lane, &out, 1 << 20) > 0)
      any = true;
    assert_ok(atr_frame_reader_feed(c->up, out.data, out.len, up_message, c));
    atr_buf_clear(&out);
    if (atr_room_pull(c->member, lane, &out, 1 << 20) > 0)
      any = true;
    assert_ok(atr_frame_reader_feed(c->down, out.data, out.len, down_message, c));
    atr_buf_clear(&out);
  }
  atr_buf_free(&out);
  atr_replica_deliver(c->replica, 100);
  return any;
}

static void settle(void)
{
  size_t turns = 0;
  bool any;

  do {
    any = carry(&one);
    any = carry(&two) || any;
    assert_true(++turns < 1000);
  } while (any);
}

static void enter(struct client *c, uint8_t number)
{
  atr_room_join join = {.participant = {{number}}, .name = "somebody"};

  join.returning = atr_replica_returning(c->replica, &join.cursor, &join.partial, &join.epoch);
  c->up = atr_frame_reader_new();
  c->down = atr_frame_reader_new();
  assert_ok(atr_room_join_member(room, &join, c, &c->member));
  settle();
}

static void cut(struct client *c)
{
  if (!c->member)
    return;
  atr_room_leave(room, c->member, false);
  atr_replica_disconnected(c->replica);
  atr_frame_reader_free(c->up);
  atr_frame_reader_free(c->down);
  c->member = NULL;
}

static void submit(struct client *c, enum atr_op_kind kind, const char *json)
{
  atr_submit op = {.kind = kind, .doc = doc, .seen = UINT64_MAX, .tree = cJSON_Parse(json)};

  assert_ok(atr_replica_submit(c->replica, &op));
  settle();
}

static void assert_holds(const struct client *c, const char *expected)
{
  uint64_t seq;
  const cJSON *tree = atr_replica_confirmed(c->replica, &doc, &seq);
  char *text;

  assert_non_null(tree);
  text = cJSON_PrintUnformatted(tree);
  assert_string_equal(text, expected);
  cJSON_free(text);
}

static int begin(void **state)
{
  (void)state;
  assert_ok(atr_store_memory_new(&store));
  assert_ok(atr_blobs_new(&blobs, 0));
  open_room(1, 0);
  new_client(&one, 1);
  new_client(&two, 2);
  enter(&one, 1);
  enter(&two, 2);
  submit(&one, ATR_OP_CREATE, "{\"a\":1}");
  assert_holds(&two, "{\"a\":1}");
  return 0;
}

static int end(void **state)
{
  (void)state;
  cut(&one);
  cut(&two);
  atr_replica_free(one.replica);
  atr_replica_free(two.replica);
  cJSON_free(one.told);
  cJSON_free(two.told);
  atr_room_free(room);
  atr_blobs_free(blobs);
  store->ops->close(store);
  return 0;
}

/* --- digests ------------------------------------------------------------------------------------------------------- */

static void equal_documents_need_no_healing(void **state)
{
  (void)state;
  submit(&one, ATR_OP_EDIT, "{\"a\":2}");
  atr_replica_idle(two.replica, 64);
  settle();
  assert_int_equal(atr_replica_healed(two.replica), 0);
}

static void a_document_that_differs_is_healed(void **state)
{
  (void)state;
  two.corrupt = true;
  submit(&one, ATR_OP_EDIT, "{\"a\":2}");
  assert_holds(&two, "{\"a\":3}");
  assert_string_equal(two.told, "{\"a\":3}");
  atr_replica_idle(two.replica, 64);
  settle();
  assert_int_equal(atr_replica_healed(two.replica), 1);
  assert_holds(&two, "{\"a\":2}");
  assert_int_equal(two.healed, 1);
  assert_string_equal(two.told, "{\"a\":2}"); /* and so is what the application shows */
  atr_replica_idle(two.replica, 64);
  settle();
  assert_int_equal(atr_replica_healed(two.replica), 1);
}

/* An own edit that is not confirmed yet stays on top of what is healed. */
static void healing_keeps_own_edits(void **state)
{
  (void)state;
  two.corrupt = true;
  submit(&one, ATR_OP_EDIT, "{\"a\":2}");
  atr_replica_idle(two.replica, 64);
  submit(&two, ATR_OP_EDIT, "{\"b\":5}");
  atr_replica_idle(two.replica, 64); /* the first look came too late or not: the second sees both */
  settle();
  assert_int_equal(atr_replica_healed(two.replica), 1);
  assert_holds(&two, "{\"a\":2,\"b\":5}");
  assert_holds(&one, "{\"a\":2,\"b\":5}");
}

/* --- a room that was lost ------------------------------------------------------------------------------------------ */

/* `two` has missed an edit when the room is lost. */
static void lose_room(void)
{
  cut(&two);
  submit(&one, ATR_OP_EDIT, "{\"a\":2}");
  cut(&one);
  atr_room_free(room);
  open_room(2, 1000);
}

static void the_newer_document_wins_if_it_comes_first(void **state)
{
  (void)state;
  lose_room();
  enter(&one, 1);
  enter(&two, 2);
  assert_holds(&one, "{\"a\":2}");
  assert_holds(&two, "{\"a\":2}");
  assert_string_equal(two.told, "{\"a\":2}");
}

static void the_newer_document_wins_if_it_comes_last(void **state)
{
  (void)state;
  lose_room();
  enter(&two, 2);
  assert_holds(&two, "{\"a\":1}");
  enter(&one, 1);
  assert_holds(&one, "{\"a\":2}");
  assert_holds(&two, "{\"a\":2}");
}

static void what_the_new_room_has_changed_wins(void **state)
{
  (void)state;
  lose_room();
  enter(&two, 2);
  submit(&two, ATR_OP_EDIT, "{\"a\":7}");
  enter(&one, 1);
  assert_holds(&one, "{\"a\":7}");
  assert_holds(&two, "{\"a\":7}");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(equal_documents_need_no_healing, begin, end),
      cmocka_unit_test_setup_teardown(a_document_that_differs_is_healed, begin, end),
      cmocka_unit_test_setup_teardown(healing_keeps_own_edits, begin, end),
      cmocka_unit_test_setup_teardown(the_newer_document_wins_if_it_comes_first, begin, end),
      cmocka_unit_test_setup_teardown(the_newer_document_wins_if_it_comes_last, begin, end),
      cmocka_unit_test_setup_teardown(what_the_new_room_has_changed_wins, begin, end),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
