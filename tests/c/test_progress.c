/* SPDX-License-Identifier: MIT
 *
 * How far a join has come, in bytes: of a room with meshes and images nearly all that comes is blobs. */
#include "replica_test.h"

#include "base/hash.h"
#include "blob/blobs.h"
#include "proto/frame.h"
#include "proto/message.h"

enum { HANDLE = 1, OBJECTS = 200, MESHES = 40, BLOB_BYTES = 150000, CHUNK = 50000, STEPS_MAX = 1000 };

static atr_replica *replica;
static atr_blobs *blobs;
static double told[STEPS_MAX];
static size_t n_told;
static bool complete, at_once; /* what has come is looked at */

static void on_progress(void *ctx, double progress, bool whole, uint64_t seq)
{
  (void)ctx;
  (void)seq;
  assert_true(n_told < STEPS_MAX);
  assert_true(progress >= (n_told ? told[n_told - 1] : 0) && progress <= 1);
  told[n_told++] = progress;
  complete = whole && progress >= 1;
}

static double newest(void)
{
  return n_told ? told[n_told - 1] : 0;
}

static void receive(uint8_t type, atr_buf *message)
{
  assert_ok(atr_replica_receive(replica, atr_msg_lane(type), atr_buf_span(message)));
  atr_buf_clear(message);
}

static const uint8_t *array(uint32_t number, atr_hash *hash)
{
  static uint8_t bytes[BLOB_BYTES];

  memcpy(bytes, &number, sizeof number);
  assert_ok(atr_sha256_of(bytes, sizeof bytes, hash));
  return bytes;
}

static void receive_doc(uint32_t seq, const char *json)
{
  atr_msg_doc doc = {.room = HANDLE, .seq = seq, .created = seq};
  atr_msg_cursor cursor = {.room = HANDLE, .seq = seq};
  atr_buf message;

  atr_put_u32(doc.doc.b, seq);
  atr_buf_init(&message, SIZE_MAX);
  assert_ok(atr_msg_write_doc_head(&message, ATR_MSG_DOC, &doc));
  assert_ok(atr_buf_append_str(&message, json));
  receive(ATR_MSG_DOC, &message);
  cursor.flags = seq == OBJECTS + MESHES ? ATR_CURSOR_WHOLE : 0;
  assert_ok(atr_msg_write_cursor(&message, &cursor));
  receive(ATR_MSG_CURSOR, &message);
  atr_buf_free(&message);
  if (at_once)
    atr_replica_deliver(replica, 1000);
}

static void receive_docs(void)
{
  char text[256], hex[ATR_HASH_HEX + 1];
  atr_hash hash;

  for (uint32_t seq = 1; seq <= OBJECTS; seq++)
    receive_doc(seq, "{\"type\":\"Object\",\"name\":\"one of many\",\"location\":[1,2,3]}");
  for (uint32_t i = 0; i < MESHES; i++) {
    array(i, &hash);
    atr_hash_to_hex(&hash, hex);
    snprintf(text, sizeof text, "{\"type\":\"Mesh\",\"co\":[\"$blob\",\"%s\",\"u1\",[%d]]}", hex, BLOB_BYTES);
    receive_doc(OBJECTS + 1 + i, text);
  }
}

/* After each chunk what is told is near what is true. */
static void receive_blobs(void)
{
  atr_buf message, out;

  atr_buf_init(&out, SIZE_MAX);
  assert_true(atr_replica_pull(replica, ATR_LANE_CONTROL, &out, 1 << 20) > 0); /* it asks for them */
  atr_buf_free(&out);
  atr_buf_init(&message, SIZE_MAX);
  for (uint32_t i = 0; i < MESHES; i++) {
    for (uint32_t at = 0; at < BLOB_BYTES; at += CHUNK) {
      atr_msg_blob_data data = {.room = HANDLE, .size = BLOB_BYTES, .offset = at};
      const uint8_t *bytes = array(i, &data.hash);
      double true_part = (double)(i * BLOB_BYTES + at + CHUNK) / ((double)MESHES * BLOB_BYTES);

      data.flags = at + CHUNK == BLOB_BYTES ? ATR_BLOB_DATA_LAST : 0;
      assert_ok(atr_msg_write_blob_data_head(&message, &data));
      assert_ok(atr_buf_append(&message, bytes + at, CHUNK));
      receive(ATR_MSG_BLOB_DATA, &message);
      atr_replica_deliver(replica, 1000);
      assert_true(newest() > true_part - 0.03 && newest() < true_part + 0.03);
    }
  }
  atr_buf_free(&message);
}

/* Into a room whose blobs have so many bytes. */
static void come_in(int blob_bytes)
{
  static const atr_replica_callbacks callbacks = {ignore_event, no_refusal, ignore_wake, on_progress, no_healing};
  static const atr_id participant = {{1}};
  char text[256];
  cJSON *joined;
  atr_buf message;

  snprintf(text, sizeof text,
           "{\"handle\":1,\"member\":2,\"settled\":0,\"epoch\":\"01000000000000000000000000000000\",\"blobs\":%d}",
           blob_bytes);
  joined = cJSON_Parse(text);
  n_told = 0;
  complete = false;
  at_once = true;
  assert_ok(atr_blobs_new(&blobs, SIZE_MAX));
  assert_ok(atr_replica_new(&replica, &participant, blobs, &callbacks, NULL));
  assert_ok(atr_replica_joined(replica, joined));
  cJSON_Delete(joined);
  atr_replica_deliver(replica, 1000);
  assert_true(newest() < 0.01); /* nothing is here */
  atr_buf_init(&message, SIZE_MAX);
  assert_ok(atr_msg_write_catchup(&message, &(atr_msg_catchup){.room = HANDLE, .target = OBJECTS + MESHES}));
  receive(ATR_MSG_CATCHUP, &message);
  atr_buf_free(&message);
}

static void go(void)
{
  atr_replica_free(replica);
  atr_blobs_free(blobs);
}

/* It stood at 99 % from the first moment on: only documents counted, and they are here at once. */
static void a_join_that_is_mostly_blobs_moves_with_them(void **state)
{
  (void)state;
  come_in(MESHES * BLOB_BYTES);
  receive_docs();
  assert_true(newest() < 0.05);
  assert_false(complete);
  receive_blobs();
  assert_true(complete);
  assert_true(n_told > 75);
  go();
}

/* The application takes some at a time; the last of them name the blobs. */
static void documents_that_wait_to_be_looked_at_count_as_what_they_may_name(void **state)
{
  (void)state;
  come_in(MESHES * BLOB_BYTES);
  at_once = false;
  receive_docs();
  for (uint32_t i = 0; i < OBJECTS + MESHES; i++) {
    atr_replica_deliver(replica, 1);
    assert_true(newest() < 0.05);
  }
  receive_blobs();
  assert_true(complete);
  go();
}

/* Documents alone count by how far the cursor is. */
static void a_join_without_blobs_moves_with_its_documents(void **state)
{
  (void)state;
  come_in(0);
  for (uint32_t seq = 1; seq <= OBJECTS + MESHES; seq++) {
    double part = (double)seq / (OBJECTS + MESHES);

    receive_doc(seq, "{\"type\":\"Object\",\"name\":\"one of many\"}");
    assert_true(newest() > part - 0.02 && newest() < part + 0.02);
  }
  assert_true(complete);
  go();
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_join_that_is_mostly_blobs_moves_with_them),
      cmocka_unit_test(documents_that_wait_to_be_looked_at_count_as_what_they_may_name),
      cmocka_unit_test(a_join_without_blobs_moves_with_its_documents),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
