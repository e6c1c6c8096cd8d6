/* SPDX-License-Identifier: MIT
 *
 * What a replica asks for at once: never more blobs than the server takes from one member (ATR_GETS_MAX), and the next as answers come. */
#include "replica_test.h"

#include "blob/blobs.h"
#include "proto/frame.h"
#include "proto/json.h"
#include "proto/message.h"

enum { HANDLE = 1, DOCS = 200, BLOBS = 100 };

static atr_replica *replica;
static size_t asked;
static atr_hash hashes[DOCS * BLOBS];

static int down(void *ctx, enum atr_lane lane, const uint8_t *message, size_t len)
{
  atr_blob_get get;
  atr_list gets;
  uint32_t room;

  (void)ctx;
  if (lane != ATR_LANE_CONTROL || message[0] != ATR_MSG_BLOB_GET)
    return 0;
  assert_ok(atr_msg_read_blob_get(atr_span_of(message, len), &room, &gets));
  while (atr_list_next_get(&gets, &get))
    hashes[asked++] = get.hash;
  return 0;
}

/* All that the replica wants to say now. */
static void listen(void)
{
  atr_frame_reader *reader = atr_frame_reader_new();
  atr_buf out;

  atr_buf_init(&out, SIZE_MAX);
  while (atr_replica_pull(replica, ATR_LANE_CONTROL, &out, 65536) > 0)
    continue;
  assert_ok(atr_frame_reader_feed(reader, out.data, out.len, down, NULL));
  atr_frame_reader_free(reader);
  atr_buf_free(&out);
}

static void receive(int lane, atr_buf *message)
{
  assert_ok(atr_replica_receive(replica, lane, atr_buf_span(message)));
  atr_buf_clear(message);
}

static void receive_documents(atr_buf *message)
{
  char text[128];

  for (uint32_t i = 1; i <= DOCS; i++) {
    atr_msg_doc m = {.room = HANDLE, .seq = i, .created = i, .doc = {.b = {(uint8_t)i, (uint8_t)(i >> 8), 1}}};

    assert_ok(atr_msg_write_doc_head(message, ATR_MSG_DOC, &m));
    assert_ok(atr_buf_append_str(message, "{\"type\":\"Mesh\",\"arrays\":["));
    for (uint32_t k = 0; k < BLOBS; k++) {
      snprintf(text, sizeof text, "%s[\"$blob\",\"%032x%032x\",\"u1\",[8]]", k ? "," : "", (unsigned)i, (unsigned)k);
      assert_ok(atr_buf_append_str(message, text));
    }
    assert_ok(atr_buf_append_str(message, "]}"));
    receive(ATR_LANE_STATE, message);
  }
}

/* The server knows none of them: that is an answer too. */
static void answer(atr_buf *message, size_t from, size_t to)
{
  atr_blob_status list[64];

  for (size_t at = from; at < to;) {
    size_t n = 0;

    for (; n < 64 && at < to; at++)
      list[n++] = (atr_blob_status){.hash = hashes[at], .status = ATR_BLOB_STATUS_UNKNOWN};
    assert_ok(atr_msg_write_blob_status(message, HANDLE, list, n));
    receive(ATR_LANE_CONTROL, message);
  }
}

static void a_replica_asks_for_no_more_than_the_server_takes(void **state)
{
  static const atr_replica_callbacks callbacks = {ignore_event, no_refusal, ignore_wake, ignore_progress, no_healing};
  static const atr_id participant = {{1}};
  cJSON *joined =
      cJSON_Parse("{\"handle\":1,\"member\":2,\"settled\":0,\"epoch\":\"01000000000000000000000000000000\"}");
  size_t answered = 0;
  atr_blobs *blobs;
  atr_buf message;

  (void)state;
  assert_true(DOCS * BLOBS > ATR_GETS_MAX);
  atr_buf_init(&message, SIZE_MAX);
  assert_ok(atr_blobs_new(&blobs, 0));
  assert_ok(atr_replica_new(&replica, &participant, blobs, &callbacks, NULL));
  assert_ok(atr_replica_joined(replica, joined));
  assert_ok(atr_msg_write_catchup(&message, &(atr_msg_catchup){.room = HANDLE, .target = DOCS}));
  receive(ATR_LANE_STATE, &message);
  receive_documents(&message);
  atr_replica_deliver(replica, DOCS); /* looks at each, and delivers none */
  while (answered < DOCS * BLOBS) {
    size_t before = asked;

    listen();
    assert_true(asked > before || asked == DOCS * BLOBS);
    assert_true(asked - answered <= ATR_GETS_MAX / 2);
    answer(&message, answered, answered + (asked - answered) / 2 + 1);
    answered += (asked - answered) / 2 + 1;
  }
  assert_int_equal(asked, DOCS * BLOBS);
  cJSON_Delete(joined);
  atr_replica_free(replica);
  atr_blobs_free(blobs);
  atr_buf_free(&message);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_replica_asks_for_no_more_than_the_server_takes)};

  return cmocka_run_group_tests_name("gets", tests, NULL, NULL);
}
