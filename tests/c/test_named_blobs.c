/* SPDX-License-Identifier: MIT
 *
 * The blobs that documents name (blob/refs.h): none is ever without a reference while its document names it, whatever was named before; and
 * documents that name very many of them, or have very many members, cost the room and the replica no more than their length. */
#include "room_test.h"

#include "blob/refs.h"
#include "replica_test.h"

#include <time.h>

enum { MANY = 60000, MANY_MEMBERS = 60000, SECONDS_MAX = 3 };

/* --- the set ------------------------------------------------------------------------------------------------------ */

static atr_hash hash_of(uint32_t number)
{
  atr_hash hash = {{0}};

  atr_put_u32(hash.b, number * UINT32_C(2654435761)); /* in no order */
  atr_put_u32(hash.b + 4, number);
  return hash;
}

static void put_blob(atr_blobs *table, uint32_t number)
{
  atr_hash hash = hash_of(number);

  assert_ok(atr_blobs_put(table, &hash, atr_bytes_copy(&number, 1)));
}

static void assert_refs(atr_blobs *table, uint32_t number, uint64_t refs)
{
  atr_hash hash = hash_of(number);

  assert_int_equal(atr_blobs_refs(table, &hash), refs);
}

static void a_set_takes_each_blob_once_and_gives_all_back(void **state)
{
  atr_hash some[4] = {hash_of(7), hash_of(3), hash_of(7), hash_of(5)}, others[2] = {hash_of(3), hash_of(9)};
  atr_blob_refs refs = {0};
  atr_blobs *table;

  (void)state;
  assert_ok(atr_blobs_new(&table, SIZE_MAX));
  assert_ok(atr_blob_refs_add(&refs, table, some, 4));
  assert_ok(atr_blob_refs_add(&refs, table, others, 2));
  assert_int_equal(refs.n, 4);
  for (uint32_t i = 1; i < refs.n; i++)
    assert_true(atr_hash_compare(&refs.list[i - 1], &refs.list[i]) < 0);
  for (uint32_t number = 3; number <= 9; number += 2)
    assert_refs(table, number, 1);
  others[0] = hash_of(9);
  others[1] = hash_of(11);
  assert_ok(atr_blob_refs_replace(&refs, table, others, 2));
  assert_int_equal(refs.n, 2);
  assert_refs(table, 3, 0);
  assert_refs(table, 9, 1);
  atr_blob_refs_drop(&refs, table);
  assert_refs(table, 9, 0);
  assert_refs(table, 11, 0);
  atr_blobs_free(table);
}

/* --- texts -------------------------------------------------------------------------------------------------------- */

static void append_tag(atr_buf *out, const char *before, uint32_t number)
{
  atr_hash hash = hash_of(number);
  char hex[ATR_HASH_HEX + 1], text[ATR_HASH_HEX + 64];

  atr_hash_to_hex(&hash, hex);
  snprintf(text, sizeof text, "%s[\"$blob\",\"%s\",\"u1\",[1]]", before, hex);
  assert_ok(atr_buf_append_str(out, text));
}

/* {"a":{"<from>":[blob], ...}} */
static void append_named(atr_buf *out, uint32_t from, uint32_t n)
{
  char key[32];

  assert_ok(atr_buf_append_str(out, "{\"a\":{"));
  for (uint32_t i = from; i < from + n; i++) {
    snprintf(key, sizeof key, "%s\"%u\":", i > from ? "," : "", i);
    append_tag(out, key, i);
  }
  assert_ok(atr_buf_append_str(out, "}}"));
}

/* {"a":{"<number>":{"x":<x>}, ...}<end>} */
static void append_members(atr_buf *out, uint32_t n, int x, const char *end)
{
  char text[64];

  assert_ok(atr_buf_append_str(out, "{\"a\":{"));
  for (uint32_t i = 0; i < n; i++) {
    snprintf(text, sizeof text, "%s\"%u\":{\"x\":%d}", i ? "," : "", i, x);
    assert_ok(atr_buf_append_str(out, text));
  }
  assert_ok(atr_buf_append_str(out, "}"));
  assert_ok(atr_buf_append_str(out, end));
  assert_ok(atr_buf_append_str(out, "}"));
}

/* Of the processor: others use it too. */
static void assert_short(clock_t since)
{
  assert_true(clock() - since < (clock_t)SECONDS_MAX * CLOCKS_PER_SEC);
}

/* --- the room ----------------------------------------------------------------------------------------------------- */

static int begin_large(void **state)
{
  room_config.ring_bytes_max = 16 << 20;
  return begin(state);
}

/* Each blob was compared with all that the document named before: a member could stop a server for a minute with one document. */
static void a_document_of_a_room_may_name_many_blobs(void **state)
{
  clock_t since = clock();
  struct peer peer;
  uint64_t seq;
  atr_id id = doc_of(0);
  atr_buf text;

  (void)state;
  join(&peer, 0);
  atr_buf_init(&text, SIZE_MAX);
  for (uint32_t from = 0; from + ATR_OP_BLOBS_MAX <= MANY; from += ATR_OP_BLOBS_MAX) {
    atr_op op = {.kind = from ? ATR_OP_EDIT : ATR_OP_CREATE, .doc = id};
    atr_hash named[ATR_OP_BLOBS_MAX];
    atr_buf msg;

    for (uint32_t i = 0; i < ATR_OP_BLOBS_MAX; i++) {
      named[i] = hash_of(from + i);
      assert_ok(atr_blobs_ref(blobs, &named[i])); /* as a member's hold does */
      put_blob(blobs, from + i);
    }
    atr_buf_clear(&text);
    append_named(&text, from, ATR_OP_BLOBS_MAX);
    op.json = atr_buf_span(&text);
    atr_buf_init(&msg, SIZE_MAX);
    assert_ok(atr_msg_write_submit_head(&msg, HANDLE, ++peer.counter));
    assert_ok(atr_op_write(&msg, &op, named, ATR_OP_BLOBS_MAX));
    assert_ok(atr_room_receive(room, peer.member, ATR_LANE_STATE, atr_buf_span(&msg)));
    atr_buf_free(&msg);
  }
  pull(&peer);
  assert_int_equal(peer.refusals, 0);
  atr_buf_clear(&text);
  assert_ok(atr_room_document(room, &id, &text, &seq)); /* merges, and counts anew */
  assert_short(since);
  assert_refs(blobs, 0, 3); /* its hold's, the ring's and the document's */
  atr_buf_free(&text);
  leave(&peer);
}

/* --- the replica -------------------------------------------------------------------------------------------------- */

static atr_replica *replica;
static atr_blobs *held;
static uint64_t seq_now;

static void receive(uint8_t type, atr_buf *message)
{
  assert_ok(atr_replica_receive(replica, atr_msg_lane(type), atr_buf_span(message)));
  atr_buf_clear(message);
}

/* A room of one document, whose text is at the end of `message`. */
static void come_in(atr_buf *message, void (*append)(atr_buf *out))
{
  static const atr_replica_callbacks callbacks = {ignore_event, no_refusal, ignore_wake, ignore_progress, no_healing};
  static const atr_id participant = {{1}};
  atr_msg_doc doc = {.room = HANDLE, .seq = 1, .created = 1, .doc = doc_of(0)};
  atr_msg_cursor cursor = {.room = HANDLE, .seq = 1, .flags = ATR_CURSOR_WHOLE};
  cJSON *joined =
      cJSON_Parse("{\"handle\":1,\"member\":2,\"settled\":0,\"epoch\":\"01000000000000000000000000000000\"}");

  assert_ok(atr_blobs_new(&held, SIZE_MAX));
  assert_ok(atr_replica_new(&replica, &participant, held, &callbacks, NULL));
  assert_ok(atr_replica_joined(replica, joined));
  cJSON_Delete(joined);
  atr_buf_init(message, SIZE_MAX);
  assert_ok(atr_msg_write_catchup(message, &(atr_msg_catchup){.room = HANDLE, .target = 1}));
  receive(ATR_MSG_CATCHUP, message);
  assert_ok(atr_msg_write_doc_head(message, ATR_MSG_DOC, &doc));
  append(message);
  receive(ATR_MSG_DOC, message);
  assert_ok(atr_msg_write_cursor(message, &cursor));
  receive(ATR_MSG_CURSOR, message);
  seq_now = 1;
}

/* An edit of another member; what the replica says to it. */
static int hear_edit(atr_buf *message, atr_span json, atr_hash *named)
{
  atr_op op = {.kind = ATR_OP_EDIT, .doc = doc_of(0), .json = json};
  int err;

  seq_now++;
  assert_ok(atr_msg_write_op_head(message, HANDLE, seq_now, 3, seq_now));
  assert_ok(atr_op_write(message, &op, named, named != NULL));
  err = atr_replica_receive(replica, ATR_LANE_STATE, atr_buf_span(message));
  atr_buf_clear(message);
  return err;
}

static void go(atr_buf *message)
{
  atr_replica_free(replica);
  atr_blobs_free(held);
  atr_buf_free(message);
}

static void append_nothing(atr_buf *out)
{
  assert_ok(atr_buf_append_str(out, "{\"type\":\"Mesh\"}"));
}

/* Where it was time to count anew, the tree was counted to which the edit was still to come: what it named was kept by nobody then. Every replica did
 * so at the same edit, and a room that is brought back has only what replicas hold. */
static void the_newest_blob_is_never_without_a_reference(void **state)
{
  atr_buf message, json;

  (void)state;
  come_in(&message, append_nothing);
  atr_buf_init(&json, SIZE_MAX);
  for (uint32_t number = 1; number <= 40; number++) {
    atr_hash hash = hash_of(number);

    put_blob(held, number);
    atr_buf_clear(&json);
    append_tag(&json, "{\"a\":", number);
    assert_ok(atr_buf_append_str(&json, "}"));
    assert_ok(hear_edit(&message, atr_buf_span(&json), &hash));
    assert_refs(held, number, 1);
    atr_replica_deliver(replica, 1);
  }
  assert_refs(held, 1, 0);
  atr_buf_free(&json);
  go(&message);
}

/* ATR_REFS_PAST_BYTES. Ten arrays stayed that nobody named any more, for each mesh that was edited, however large they were. */
static void what_a_document_named_before_is_bounded_in_bytes(void **state)
{
  enum { BYTES = 40000, EDITS = 30 };
  atr_buf message, json;

  (void)state;
  come_in(&message, append_nothing);
  atr_buf_init(&json, SIZE_MAX);
  for (uint32_t number = 1; number <= EDITS; number++) {
    uint64_t refs = 0;
    char hex[ATR_HASH_HEX + 1], text[ATR_HASH_HEX + 64];
    atr_hash hash = hash_of(number);

    atr_hash_to_hex(&hash, hex);
    snprintf(text, sizeof text, "{\"a\":[\"$blob\",\"%s\",\"u1\",[%d]]}", hex, BYTES);
    assert_ok(hear_edit(&message, atr_span_of(text, strlen(text)), &hash));
    for (uint32_t before = 1; before < number; before++) {
      hash = hash_of(before);
      refs += atr_blobs_refs(held, &hash);
    }
    assert_true(refs * BYTES <= BYTES + ATR_REFS_PAST_BYTES);
    assert_refs(held, number, 1);
  }
  atr_buf_free(&json);
  go(&message);
}

/* As a create with such a tag does. */
static void an_edit_with_a_damaged_tag_ends_the_connection(void **state)
{
  static const char bad[] = "{\"a\":[\"$blob\",\"no hash\"]}";
  atr_buf message;

  (void)state;
  come_in(&message, append_nothing);
  assert_err(hear_edit(&message, atr_span_of(bad, sizeof bad - 1), NULL), ATR_JSON_TAG);
  go(&message);
}

static void append_many_blobs(atr_buf *out)
{
  append_named(out, 0, MANY);
}

static void a_document_of_a_replica_may_name_many_blobs(void **state)
{
  static const char none[] = "{\"a\":1}";
  clock_t since = clock();
  atr_buf message;

  (void)state;
  come_in(&message, append_many_blobs);
  assert_int_equal(atr_replica_deliver(replica, 1), 0); /* it wants them all */
  assert_int_equal(atr_replica_parked(replica), 1);
  assert_ok(hear_edit(&message, atr_span_of(none, sizeof none - 1), NULL));
  assert_int_equal(atr_replica_deliver(replica, 1), 1); /* and now none */
  assert_short(since);
  go(&message);
}

static void append_many_members(atr_buf *out)
{
  append_members(out, MANY_MEMBERS, 1, "");
}

/* One edit is passed on as it came, the other one is compared with what was told. */
static void an_edit_of_many_members_takes_no_longer_than_its_text(void **state)
{
  clock_t since = clock();
  atr_buf message, json;

  (void)state;
  come_in(&message, append_many_members);
  assert_int_equal(atr_replica_deliver(replica, 1), 1);
  atr_buf_init(&json, SIZE_MAX);
  append_members(&json, MANY_MEMBERS, 2, "");
  assert_ok(hear_edit(&message, atr_buf_span(&json), NULL));
  atr_buf_clear(&json);
  append_members(&json, MANY_MEMBERS, 3, ",\"name\":\"another\"");
  assert_ok(hear_edit(&message, atr_buf_span(&json), NULL));
  assert_int_equal(atr_replica_deliver(replica, 1), 1);
  assert_short(since);
  atr_buf_free(&json);
  go(&message);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_set_takes_each_blob_once_and_gives_all_back),
      cmocka_unit_test_setup_teardown(a_document_of_a_room_may_name_many_blobs, begin_large, end),
      cmocka_unit_test(the_newest_blob_is_never_without_a_reference),
      cmocka_unit_test(what_a_document_named_before_is_bounded_in_bytes),
      cmocka_unit_test(an_edit_with_a_damaged_tag_ends_the_connection),
      cmocka_unit_test(a_document_of_a_replica_may_name_many_blobs),
      cmocka_unit_test(an_edit_of_many_members_takes_no_longer_than_its_text),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
