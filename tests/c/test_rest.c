/* SPDX-License-Identifier: MIT
 *
 * What a replica keeps ready and what rests: as many warm trees as ATR_WARM_DOCS and no more, none of them after ATR_WARM_TICKS of quiet, and
 * a document that rests is edited, compared and brought back like any other. */
#include "replica_test.h"

#include "blob/blobs.h"
#include "proto/json.h"
#include "proto/message.h"

enum { HANDLE = 1, DOCS = ATR_WARM_DOCS + 500, OBJECT_BYTES = 4096 };

static atr_blobs *blobs;
static atr_replica *replica;
static char *last_tree;
static size_t events;

static bool looks_away; /* the application takes nothing */

static int on_event(void *ctx, const atr_replica_event *event)
{
  (void)ctx;
  if (looks_away)
    return ATR_FULL;
  cJSON_free(last_tree);
  last_tree = event->tree ? cJSON_PrintUnformatted(event->tree) : NULL;
  events++;
  return 0;
}

static atr_id id_of(uint32_t number)
{
  atr_id id = {{0}};

  memcpy(id.b, &number, sizeof number);
  id.b[15] = 1;
  return id;
}

static void receive(atr_buf *message)
{
  assert_ok(atr_replica_receive(replica, ATR_LANE_STATE, atr_buf_span(message)));
  atr_buf_clear(message);
}

/* An object of 250 properties: 2.6 KB of text, about 25 KB as a tree. */
static void append_object(atr_buf *out, uint32_t number)
{
  char text[64];

  snprintf(text, sizeof text, "{\"type\":\"Object\",\"name\":\"o%u\",\"p\":{\"x\":%u", number, number);
  assert_ok(atr_buf_append_str(out, text));
  for (int i = 0; i < 250; i++) {
    snprintf(text, sizeof text, ",\"use_%d\":false", i);
    assert_ok(atr_buf_append_str(out, text));
  }
  assert_ok(atr_buf_append_str(out, "}}"));
}

/* A room of DOCS documents, numbered from 1, is joined and its cursor is there. */
static void join(void)
{
  cJSON *joined =
      cJSON_Parse("{\"handle\":1,\"member\":2,\"settled\":0,\"epoch\":\"01000000000000000000000000000000\"}");
  atr_buf message;

  assert_ok(atr_replica_joined(replica, joined));
  cJSON_Delete(joined);
  atr_buf_init(&message, SIZE_MAX);
  assert_ok(atr_msg_write_catchup(&message, &(atr_msg_catchup){.room = HANDLE, .target = DOCS}));
  receive(&message);
  for (uint32_t i = 1; i <= DOCS; i++) {
    atr_msg_doc m = {.room = HANDLE, .seq = i, .created = i, .doc = id_of(i)};

    assert_ok(atr_msg_write_doc_head(&message, ATR_MSG_DOC, &m));
    append_object(&message, i);
    receive(&message);
  }
  assert_ok(atr_msg_write_cursor(&message, &(atr_msg_cursor){.room = HANDLE, .seq = DOCS, .flags = ATR_CURSOR_WHOLE}));
  receive(&message);
  atr_buf_free(&message);
  while (atr_replica_deliver(replica, 1000) > 0)
    continue;
  assert_int_equal(events, DOCS);
}

static int begin(void **state)
{
  static const atr_replica_callbacks callbacks = {on_event, no_refusal, ignore_wake, ignore_progress, no_healing};
  static const atr_id participant = {{1}};

  (void)state;
  events = 0;
  looks_away = false;
  assert_ok(atr_blobs_new(&blobs, 0));
  assert_ok(atr_replica_new(&replica, &participant, blobs, &callbacks, NULL));
  join();
  return 0;
}

static int end(void **state)
{
  (void)state;
  atr_replica_free(replica);
  atr_blobs_free(blobs);
  cJSON_free(last_tree);
  last_tree = NULL;
  return 0;
}

static void edit(uint32_t number, uint64_t seq, const char *json)
{
  atr_op op = {.kind = ATR_OP_EDIT, .doc = id_of(number), .json = atr_span_of(json, strlen(json))};
  atr_buf message;

  atr_buf_init(&message, SIZE_MAX);
  assert_ok(atr_msg_write_op_head(&message, HANDLE, seq, 7, 0));
  assert_ok(atr_op_write(&message, &op, NULL, 0));
  receive(&message);
  atr_buf_free(&message);
  atr_replica_deliver(replica, 1000);
}

static double x_of(uint32_t number)
{
  atr_id id = id_of(number);
  uint64_t seq;

  return atr_json_get(atr_json_get(atr_replica_confirmed(replica, &id, &seq), "p"), "x")->valuedouble;
}

/* What one more warm tree takes, and how many are warm. */
static size_t warm_docs(void)
{
  size_t all = atr_replica_memory(replica), none, tree_bytes;
  atr_id id = id_of(1);
  uint64_t seq;

  atr_replica_keep_warm(replica, 0);
  none = atr_replica_memory(replica);
  atr_replica_keep_warm(replica, ATR_WARM_DOCS);
  assert_non_null(atr_replica_confirmed(replica, &id, &seq));
  tree_bytes = atr_replica_memory(replica) - none;
  assert_true(tree_bytes > 4 * (size_t)OBJECT_BYTES);
  return (all - none + tree_bytes / 2) / tree_bytes;
}

/* ATR_WARM_DOCS */
static void so_many_trees_are_kept_ready(void **state)
{
  (void)state;
  assert_in_range(warm_docs(), ATR_WARM_DOCS - 2, ATR_WARM_DOCS);
}

/* ATR_WARM_TICKS, ATR_COOL_PER_TICK */
static void what_nobody_uses_rests_after_a_while(void **state)
{
  const unsigned ticks = ATR_WARM_DOCS / ATR_COOL_PER_TICK + 1;
  size_t before = atr_replica_memory(replica), after;

  (void)state;
  for (unsigned i = 0; i < ATR_WARM_TICKS - 1; i++)
    atr_replica_idle(replica, 1);
  assert_true(atr_replica_memory(replica) + 4 * (size_t)OBJECT_BYTES > before);
  edit(3, DOCS + 1, "{\"p\":{\"x\":0.5}}"); /* in use: stays */
  atr_replica_idle(replica, 1);
  after = atr_replica_memory(replica);
  assert_true(after < before);
  assert_true(before - after < (ATR_COOL_PER_TICK + 1) * (size_t)OBJECT_BYTES * 10); /* one tick does not do it all */
  for (unsigned i = 1; i < ticks; i++)
    atr_replica_idle(replica, 1);
  assert_true(atr_replica_memory(replica) < (size_t)DOCS * OBJECT_BYTES);
  assert_int_equal(warm_docs(), 1);
}

static void a_resting_document_is_edited_like_any_other(void **state)
{
  (void)state;
  atr_replica_keep_warm(replica, 0);
  edit(1, DOCS + 1, "{\"p\":{\"x\":-0.25}}");
  assert_string_equal(last_tree, "{\"p\":{\"x\":-0.25}}");
  assert_true(x_of(1) == -0.25);
  edit(1, DOCS + 2, "{\"p\":{\"y\":true}}");
  assert_true(x_of(1) == -0.25);
  assert_true(x_of(2) == 2);
}

/* A Blender renders, and others edit every object meanwhile: neither what it was told nor what there is now is kept as trees. */
static void who_looks_away_costs_two_compact_forms(void **state)
{
  char json[64];

  (void)state;
  looks_away = true;
  for (uint32_t i = 1; i <= DOCS; i++) {
    snprintf(json, sizeof json, "{\"p\":{\"x\":%u}}", i + 5);
    edit(i, DOCS + i, json);
  }
  for (unsigned i = 0; i < ATR_WARM_TICKS + DOCS / ATR_COOL_PER_TICK; i++)
    atr_replica_idle(replica, 1);
  assert_true(atr_replica_memory(replica) < (size_t)DOCS * OBJECT_BYTES);
  looks_away = false;
  events = 0;
  while (atr_replica_deliver(replica, 1000) > 0)
    continue;
  assert_int_equal(events, DOCS);
  snprintf(json, sizeof json, "{\"p\":{\"x\":%u}}", DOCS + 5);
  assert_string_equal(last_tree, json);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(so_many_trees_are_kept_ready, begin, end),
      cmocka_unit_test_setup_teardown(what_nobody_uses_rests_after_a_while, begin, end),
      cmocka_unit_test_setup_teardown(who_looks_away_costs_two_compact_forms, begin, end),
      cmocka_unit_test_setup_teardown(a_resting_document_is_edited_like_any_other, begin, end),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
