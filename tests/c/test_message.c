/* SPDX-License-Identifier: MIT
 *
 * Binary messages: the examples of docs/protocol.md are read, written again, and compared byte by byte; every shorter or
 * longer one is refused; limits and reserved bits are enforced. The page is the source of truth: an example that this
 * file does not know is a failure, so that none stands there unchecked. */
#include "test.h"

#include "base/hash.h"
#include "examples.h"
#include "message_again.h"
#include "proto/delta.h"
#include "proto/json.h"

static int setup(void **state)
{
  (void)state;
  read_examples("docs/protocol.md");
  return 0;
}

/* What is not one has a test of its own: invites in test_invite.c, the packets that find hosts in test_beacon.c. */
static bool is_message(const struct example *e)
{
  return strcmp(e->name, "invite") != 0 && strncmp(e->name, "beacon-", 7) != 0 && strncmp(e->name, "frame-", 6) != 0 &&
         strncmp(e->name, "op-", 3) != 0;
}

static void check_again(const struct example *e)
{
  atr_buf out;
  int err;

  atr_buf_init(&out, SIZE_MAX);
  err = message_again(atr_span_of(e->bytes, e->n), &out);
  if (err)
    fail_msg("example %s: %s", e->name, atr_err_name(err));
  if (out.len != e->n || memcmp(out.data, e->bytes, e->n) != 0)
    fail_msg("example %s is written differently", e->name);
  atr_buf_free(&out);
}

static void every_example_is_read_and_written_again(void **state)
{
  uint8_t seen[256] = {0};

  (void)state;
  for (size_t i = 0; i < n_examples; i++)
    if (is_message(&examples[i])) {
      check_again(&examples[i]);
      seen[examples[i].bytes[0]] = 1;
      assert_true(atr_msg_lane(examples[i].bytes[0]) >= 0);
    }
  for (int type = 0; type < 256; type++)
    if (atr_msg_lane((uint8_t)type) >= 0 && type != ATR_MSG_JSON && !seen[type])
      fail_msg("no example of message type 0x%02x", (unsigned)type);
}

/* How far a message may be cut and still be one: those that end in free bytes have no fixed end. */
static bool has_open_end(uint8_t type)
{
  switch (type) {
  case ATR_MSG_JSON:
  case ATR_MSG_PRESENCE:
  case ATR_MSG_PRESENCE_OF:
  case ATR_MSG_SUBMIT:
  case ATR_MSG_OP:
  case ATR_MSG_REFUSED:
  case ATR_MSG_DOC:
  case ATR_MSG_RECREATE:
  case ATR_MSG_BLOB_DATA:
  case ATR_MSG_BLOB_DELTA:
    return true;
  default:
    return false;
  }
}

/* Each cut is a block of its own, so that AddressSanitizer sees a read behind its end. */
static int again_of_copy(const uint8_t *bytes, size_t n)
{
  uint8_t *copy = malloc(n ? n : 1);
  atr_buf out;
  int err;

  memcpy(copy, bytes, n);
  atr_buf_init(&out, SIZE_MAX);
  err = message_again(atr_span_of(copy, n), &out);
  /* A refusal for a reason that we do not know is written as the reason PROTO. */
  if (!err && copy[0] != ATR_MSG_REFUSED)
    assert_true(out.len == n && memcmp(out.data, copy, n) == 0);
  atr_buf_free(&out);
  free(copy);
  return err;
}

static void no_length_but_the_right_one_is_accepted(void **state)
{
  (void)state;
  for (size_t i = 0; i < n_examples; i++) {
    const struct example *e = &examples[i];

    if (!is_message(e))
      continue;
    for (size_t n = 0; n < e->n; n++) {
      int err = again_of_copy(e->bytes, n);

      if (!has_open_end(e->bytes[0]))
        assert_err(err, ATR_PROTO);
    }
    if (!has_open_end(e->bytes[0]))
      assert_err(again_of_copy(e->bytes, e->n + 1), ATR_PROTO);
  }
}

static void every_byte_may_be_wrong(void **state)
{
  (void)state;
  for (size_t i = 0; i < n_examples; i++) {
    struct example e = examples[i];

    if (!is_message(&e))
      continue;
    for (size_t at = 0; at < e.n; at++)
      for (int c = 0; c < 256; c += 5) {
        e.bytes[at] = (uint8_t)c;
        (void)again_of_copy(e.bytes, e.n);
        e.bytes[at] = examples[i].bytes[at];
      }
  }
}

/* --- what the examples say ------------------------------------------------------------------------------------------ */

static const atr_id doc = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};

static void check_edit(const atr_op *op)
{
  static const char patch[] = "{\"p\":{\"location\":[1,0,0]}}";

  assert_int_equal(op->kind, ATR_OP_EDIT);
  assert_int_equal(op->flags, 0);
  assert_true(atr_id_equal(&op->doc, &doc));
  assert_int_equal(op->action, 7);
  assert_int_equal(op->blobs.count, 0);
  assert_true(atr_span_equal(op->json, atr_span_of(patch, strlen(patch))));
}

static void operations_say_what_the_page_says(void **state)
{
  atr_op op;
  atr_msg_submit submit;
  atr_msg_op relayed;
  atr_hash hash, abc;

  (void)state;
  assert_ok(atr_op_read(example_span("op-edit"), &op));
  check_edit(&op);
  assert_ok(atr_msg_read_submit(example_span("submit"), &submit));
  assert_true(submit.room == 1 && submit.counter == 42);
  check_edit(&submit.op);
  assert_true(atr_span_equal(submit.op.raw, example_span("op-edit")));
  assert_ok(atr_msg_read_op(example_span("relayed-op"), &relayed));
  assert_true(relayed.room == 1 && relayed.seq == 1001 && relayed.member == 3 && relayed.counter == 42);
  assert_true(atr_span_equal(relayed.op.raw, example_span("op-edit")));
  assert_ok(atr_msg_read_submit(example_span("submit-with-blob"), &submit));
  assert_int_equal(submit.op.blobs.count, 1);
  assert_true(atr_list_next_hash(&submit.op.blobs, &hash));
  assert_false(atr_list_next_hash(&submit.op.blobs, &abc));
  assert_ok(atr_sha256_of("abc", 3, &abc));
  assert_true(atr_hash_equal(&hash, &abc));
  assert_ok(atr_json_check((const char *)submit.op.json.p, submit.op.json.n, NULL));
}

static void answers_say_what_the_page_says(void **state)
{
  atr_msg_ack ack;
  atr_msg_refused refused;
  atr_msg_credit credit;
  uint32_t room;
  atr_list list;
  atr_doc_version version;
  uint8_t digest[ATR_DIGEST_BYTES];
  cJSON *tree;
  atr_buf text;

  (void)state;
  atr_buf_init(&text, SIZE_MAX);
  assert_ok(atr_msg_read_ack(example_span("ack"), &ack));
  assert_true(ack.room == 1 && ack.counter == 42 && ack.seq == 1001);
  assert_ok(atr_msg_read_credit(example_span("credit"), &credit));
  assert_true(credit.lane == ATR_LANE_BULK && credit.consumed == 65536);
  assert_ok(atr_msg_read_refused(example_span("refused"), &refused));
  assert_int_equal(refused.err, ATR_GONE);
  assert_true(refused.counter == 44);
  assert_ok(atr_msg_read_digest(example_span("digest"), &room, &list));
  assert_true(atr_list_next_digest(&list, &version));
  assert_ok(atr_json_parse("{\"p\":{}}", 8, &tree));
  assert_ok(atr_json_canonical(tree, &text));
  atr_xxh128(text.data, text.len, digest);
  atr_buf_free(&text);
  assert_memory_equal(version.digest, digest, sizeof digest);
  cJSON_Delete(tree);
}

static void the_delta_gives_the_blob_that_it_names(void **state)
{
  static const uint8_t zeros[64] = {0};
  uint8_t out[64];
  atr_msg_blob_delta m;
  atr_hash hash;
  atr_buf again;

  (void)state;
  assert_ok(atr_msg_read_blob_delta(example_span("blob-delta"), &m));
  assert_int_equal(m.total, m.bytes.n);
  assert_int_equal(atr_get_u32(m.bytes.p), 0);
  m.bytes = atr_span_of(m.bytes.p + 4, m.bytes.n - 4);
  assert_ok(atr_sha256_of(zeros, sizeof zeros, &hash));
  assert_true(atr_hash_equal(&hash, &m.base));
  assert_ok(atr_delta_apply(atr_span_of(zeros, 64), m.bytes, out, 64));
  assert_ok(atr_sha256_of(out, sizeof out, &hash));
  assert_true(atr_hash_equal(&hash, &m.hash));
  atr_buf_init(&again, SIZE_MAX);
  assert_int_equal(atr_delta_encode(atr_span_of(zeros, 64), atr_span_of(out, 64), 1, &again), 1);
  assert_true(atr_span_equal(atr_buf_span(&again), m.bytes));
  atr_buf_free(&again);
}

struct received {
  int n;
  atr_span expected[4];
};

static int compare_message(void *ctx, enum atr_lane lane, const uint8_t *msg, size_t len)
{
  struct received *r = ctx;

  assert_int_equal(lane, atr_msg_lane(msg[0]));
  assert_true(atr_span_equal(r->expected[r->n++], atr_span_of(msg, len)));
  return 0;
}

static void the_frames_of_the_page_carry_their_messages(void **state)
{
  static const uint8_t rooms[] = "\x01{\"t\":\"rooms\"}", presence[] = "\x10\0\0\0\1{}";
  struct received r = {0, {{rooms, sizeof rooms - 1}, {presence, sizeof presence - 1}, example_span("ack")}};
  atr_span frames = example_span("frame-control-json"), fragments = example_span("frame-fragments"),
           broken = example_span("frame-broken-off");
  atr_frame_reader *reader = atr_frame_reader_new();
  atr_buf out;
  size_t at = 0;
  bool last;

  (void)state;
  assert_ok(atr_frame_reader_feed(reader, frames.p, frames.n, compare_message, &r));
  assert_ok(atr_frame_reader_feed(reader, fragments.p, fragments.n, compare_message, &r));
  assert_int_equal(r.n, 3);
  r.expected[3] = r.expected[2];
  assert_ok(atr_frame_reader_feed(reader, broken.p, broken.n, compare_message, &r));
  assert_int_equal(r.n, 4);
  atr_frame_reader_free(reader);
  atr_buf_init(&out, SIZE_MAX);
  assert_ok(atr_frame_append(&out, ATR_LANE_CONTROL, rooms, sizeof rooms - 1));
  assert_true(atr_span_equal(atr_buf_span(&out), frames));
  atr_buf_clear(&out);
  assert_ok(atr_frame_append_part(&out, ATR_LANE_STATE, r.expected[2].p, r.expected[2].n, &at, 2, &last));
  assert_ok(atr_frame_append(&out, ATR_LANE_PRESENCE, presence, sizeof presence - 1));
  assert_ok(atr_frame_append_part(&out, ATR_LANE_STATE, r.expected[2].p, r.expected[2].n, &at, SIZE_MAX, &last));
  assert_true(last && atr_span_equal(atr_buf_span(&out), fragments));
  atr_buf_clear(&out);
  at = 0;
  assert_ok(atr_frame_append_part(&out, ATR_LANE_STATE, r.expected[2].p, r.expected[2].n, &at, 2, &last));
  assert_ok(atr_frame_break(&out, ATR_LANE_STATE));
  assert_ok(atr_frame_append(&out, ATR_LANE_STATE, r.expected[2].p, r.expected[2].n));
  assert_true(atr_span_equal(atr_buf_span(&out), broken));
  atr_buf_free(&out);
}

/* --- rules and limits ------------------------------------------------------------------------------------------------ */

static int read_op(uint8_t kind, uint8_t flags, uint16_t n, size_t hashes, size_t json_bytes)
{
  atr_buf bytes;
  atr_op op;
  int err;

  atr_buf_init(&bytes, SIZE_MAX);
  atr_buf_append_u8(&bytes, kind);
  atr_buf_append_u8(&bytes, flags);
  atr_buf_append(&bytes, doc.b, sizeof doc.b);
  atr_buf_append_u64(&bytes, 0);
  atr_buf_append_u8(&bytes, (uint8_t)(n >> 8));
  atr_buf_append_u8(&bytes, (uint8_t)n);
  assert_ok(atr_buf_reserve(&bytes, hashes * ATR_HASH_BYTES + json_bytes));
  memset(bytes.data + bytes.len, ' ', hashes * ATR_HASH_BYTES + json_bytes);
  atr_buf_added(&bytes, hashes * ATR_HASH_BYTES + json_bytes);
  err = atr_op_read(atr_buf_span(&bytes), &op);
  atr_buf_free(&bytes);
  return err;
}

static void operations_are_checked(void **state)
{
  (void)state;
  assert_ok(read_op(ATR_OP_EDIT, 0, 0, 0, 2));
  assert_ok(read_op(ATR_OP_EDIT, ATR_OP_PREVIEW, 0, 0, 2));
  assert_ok(read_op(ATR_OP_DELETE, 0, 0, 0, 0));
  assert_err(read_op(0, 0, 0, 0, 2), ATR_PROTO);
  assert_err(read_op(4, 0, 0, 0, 2), ATR_PROTO);
  assert_err(read_op(ATR_OP_EDIT, 2, 0, 0, 2), ATR_PROTO);
  assert_err(read_op(ATR_OP_CREATE, ATR_OP_PREVIEW, 0, 0, 2), ATR_PROTO);
  assert_err(read_op(ATR_OP_DELETE, ATR_OP_PREVIEW, 0, 0, 0), ATR_PROTO);
  assert_err(read_op(ATR_OP_DELETE, 0, 0, 0, 2), ATR_PROTO);
  assert_err(read_op(ATR_OP_DELETE, 0, 1, 1, 0), ATR_PROTO);
  assert_err(read_op(ATR_OP_CREATE, 0, 0, 0, 0), ATR_PROTO);
  assert_err(read_op(ATR_OP_CREATE, 0, 2, 1, 2), ATR_PROTO);
  assert_ok(read_op(ATR_OP_CREATE, 0, ATR_OP_BLOBS_MAX, ATR_OP_BLOBS_MAX, 2));
  assert_err(read_op(ATR_OP_CREATE, 0, ATR_OP_BLOBS_MAX + 1, ATR_OP_BLOBS_MAX + 1, 2), ATR_PROTO);
  assert_ok(read_op(ATR_OP_CREATE, 0, 0, 0, ATR_DOC_BYTES_MAX));
  assert_err(read_op(ATR_OP_CREATE, 0, 0, 0, ATR_DOC_BYTES_MAX + 1), ATR_DOC_SIZE);
}

static void only_previews_have_no_counter(void **state)
{
  struct example e = *example("submit");
  atr_msg_submit m;

  (void)state;
  e.bytes[12] = 0;
  assert_err(atr_msg_read_submit(atr_span_of(e.bytes, e.n), &m), ATR_PROTO);
  e = *example("submit-preview");
  e.bytes[12] = 1;
  assert_err(atr_msg_read_submit(atr_span_of(e.bytes, e.n), &m), ATR_PROTO);
}

static void blobs_are_bounded(void **state)
{
  atr_msg_blob_data data = {.size = ATR_BLOB_BYTES_MAX, .offset = ATR_BLOB_BYTES_MAX - 3}, got;
  atr_buf out;

  (void)state;
  atr_buf_init(&out, SIZE_MAX);
  assert_ok(atr_msg_write_blob_data_head(&out, &data));
  assert_int_equal(out.len, ATR_MSG_BLOB_DATA_HEAD_BYTES);
  assert_ok(atr_buf_append(&out, "abc", 3));
  assert_ok(atr_msg_read_blob_data(atr_buf_span(&out), &got));
  assert_ok(atr_buf_append(&out, "d", 1)); /* behind the blob's end */
  assert_err(atr_msg_read_blob_data(atr_buf_span(&out), &got), ATR_PROTO);
  data.size++;
  atr_buf_clear(&out);
  assert_ok(atr_msg_write_blob_data_head(&out, &data));
  assert_ok(atr_buf_append(&out, "abc", 3));
  assert_err(atr_msg_read_blob_data(atr_buf_span(&out), &got), ATR_BLOB_SIZE);
  atr_buf_free(&out);
}

static void lists_are_bounded(void **state)
{
  static atr_id ids[ATR_LIST_LONG_MAX + 1];
  static atr_blob_get gets[ATR_LIST_SHORT_MAX + 1];
  atr_msg_part part;
  uint32_t room;
  atr_list list;
  atr_buf out;

  (void)state;
  atr_buf_init(&out, SIZE_MAX);
  assert_err(atr_msg_write_want(&out, 1, 0, ids, ATR_LIST_LONG_MAX + 1), ATR_INVAL);
  assert_ok(atr_msg_write_want(&out, 1, 0, ids, ATR_LIST_LONG_MAX));
  assert_ok(atr_msg_read_want(atr_buf_span(&out), &part));
  assert_int_equal(part.entries.count, ATR_LIST_LONG_MAX);
  atr_put_u32(out.data + 6, ATR_LIST_LONG_MAX + 1);
  assert_ok(atr_buf_append(&out, ids, sizeof *ids));
  assert_err(atr_msg_read_want(atr_buf_span(&out), &part), ATR_PROTO);
  atr_buf_clear(&out);
  assert_err(atr_msg_write_blob_get(&out, 1, gets, ATR_LIST_SHORT_MAX + 1), ATR_INVAL);
  assert_ok(atr_msg_write_blob_get(&out, 1, gets, ATR_LIST_SHORT_MAX));
  assert_ok(atr_msg_read_blob_get(atr_buf_span(&out), &room, &list));
  atr_put_u16(out.data + 5, ATR_LIST_SHORT_MAX + 1);
  assert_ok(atr_buf_append(&out, gets, sizeof *gets));
  assert_err(atr_msg_read_blob_get(atr_buf_span(&out), &room, &list), ATR_PROTO);
  atr_buf_free(&out);
}

static void reasons_are_cut_between_characters(void **state)
{
  char text[ATR_REASON_BYTES_MAX + 2];
  atr_msg_refused m = {.room = 1, .counter = 2, .err = ATR_DENIED, .text = atr_span_of(text, sizeof text)}, got;
  atr_buf out;

  (void)state;
  memset(text, 'x', sizeof text);
  memcpy(text + ATR_REASON_BYTES_MAX - 1, "\xe2\x82\xac", 3);
  atr_buf_init(&out, SIZE_MAX);
  assert_ok(atr_msg_write_refused(&out, &m));
  assert_ok(atr_msg_read_refused(atr_buf_span(&out), &got));
  assert_int_equal(got.err, ATR_DENIED);
  assert_int_equal(got.text.n, ATR_REASON_BYTES_MAX - 1);
  assert_ok(atr_buf_append(&out, "xx", 2));
  assert_err(atr_msg_read_refused(atr_buf_span(&out), &got), ATR_PROTO);
  atr_buf_free(&out);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_example_is_read_and_written_again),
      cmocka_unit_test(no_length_but_the_right_one_is_accepted),
      cmocka_unit_test(every_byte_may_be_wrong),
      cmocka_unit_test(operations_say_what_the_page_says),
      cmocka_unit_test(answers_say_what_the_page_says),
      cmocka_unit_test(the_delta_gives_the_blob_that_it_names),
      cmocka_unit_test(the_frames_of_the_page_carry_their_messages),
      cmocka_unit_test(operations_are_checked),
      cmocka_unit_test(only_previews_have_no_counter),
      cmocka_unit_test(blobs_are_bounded),
      cmocka_unit_test(lists_are_bounded),
      cmocka_unit_test(reasons_are_cut_between_characters),
  };

  return cmocka_run_group_tests(tests, setup, NULL);
}
