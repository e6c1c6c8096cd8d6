/* SPDX-License-Identifier: MIT
 *
 * Blobs between two ends. What a blob's name promises must hold for every byte that reaches the table, whatever a peer sends:
 * a wrong byte, size, offset or base, or a few bytes that unpack to many, are refused; nothing is kept of them, and no more
 * memory is ever taken than the blob that was expected. Good blobs arrive, whole, packed or as a delta. */
#include "short_memory.h"
#include "test.h"

#include "base/hash.h"
#include "base/mem.h"
#include "blob/blobs.h"
#include "blob/xfer.h"
#include "proto/delta.h"
#include "proto/frame.h"
#include "proto/message.h"
#include "proto/pack.h"

#include <uv.h>

enum { ROOM = 7, NOISE_BYTES = 200000 };

static atr_blobs *ours, *theirs;
static atr_xfer *from, *to;
static size_t received, sent_bytes;

static uint8_t noise[NOISE_BYTES], changed[NOISE_BYTES], plain[NOISE_BYTES];
static atr_hash noise_hash, changed_hash, plain_hash;

static void on_received(void *ctx, const atr_hash *hash)
{
  (void)ctx;
  (void)hash;
  received++;
}

static int begin(void **state)
{
  uint64_t seed = test_seed();

  (void)state;
  for (size_t i = 0; i < NOISE_BYTES; i++)
    noise[i] = (uint8_t)test_random(&seed);
  memcpy(changed, noise, sizeof noise);
  memset(changed + 1000, 1, 400);
  assert_ok(atr_sha256_of(noise, sizeof noise, &noise_hash));
  assert_ok(atr_sha256_of(changed, sizeof changed, &changed_hash));
  assert_ok(atr_sha256_of(plain, sizeof plain, &plain_hash));
  received = sent_bytes = 0;
  assert_ok(atr_blobs_new(&ours, SIZE_MAX));
  assert_ok(atr_blobs_new(&theirs, SIZE_MAX));
  assert_ok(atr_xfer_new(&from, ours, on_received, NULL));
  assert_ok(atr_xfer_new(&to, theirs, on_received, NULL));
  return 0;
}

static int end(void **state)
{
  (void)state;
  atr_xfer_free(from);
  atr_xfer_free(to);
  atr_blobs_free(ours);
  atr_blobs_free(theirs);
  return 0;
}

static void put(atr_blobs *blobs, const atr_hash *hash, const uint8_t *bytes, size_t len)
{
  assert_ok(atr_blobs_put(blobs, hash, atr_bytes_copy(bytes, len)));
}

static int on_message(void *ctx, enum atr_lane lane, const uint8_t *bytes, size_t len)
{
  (void)ctx;
  assert_int_equal(lane, ATR_LANE_BULK);
  return atr_xfer_receive(to, ROOM, atr_span_of(bytes, len));
}

/* Hands over at most `pulls` pieces as the line would. */
static void carry(size_t pulls)
{
  atr_frame_reader *reader = atr_frame_reader_new();
  atr_buf out;

  atr_buf_init(&out, SIZE_MAX);
  while (pulls-- && atr_xfer_pull(from, ROOM, &out, 4096) > 0) {
    sent_bytes += out.len;
    assert_ok(atr_frame_reader_feed(reader, out.data, out.len, on_message, NULL));
    atr_buf_clear(&out);
  }
  atr_buf_free(&out);
  atr_frame_reader_free(reader);
}

static void assert_arrived(const atr_hash *hash, const uint8_t *bytes, size_t len)
{
  atr_bytes *got = atr_blobs_get(theirs, hash);

  assert_int_equal(received, 1);
  assert_non_null(got);
  assert_int_equal(atr_bytes_len(got), len);
  assert_memory_equal(atr_bytes_data(got), bytes, len);
  assert_int_equal(atr_xfer_queued(from), 0);
  assert_int_equal(atr_xfer_memory(to), 0);
  assert_false(atr_xfer_expects(to, hash));
}

/* --- good ones ----------------------------------------------------------------------------------------------------- */

static void a_whole_blob_arrives(void **state)
{
  (void)state;
  put(ours, &noise_hash, noise, sizeof noise);
  assert_ok(atr_xfer_expect(to, &noise_hash, sizeof noise, NULL));
  assert_ok(atr_xfer_send(from, &noise_hash, NULL));
  assert_ok(atr_xfer_send(from, &noise_hash, NULL)); /* queued already */
  assert_int_equal(atr_xfer_queued(from), 1);
  carry(SIZE_MAX);
  assert_arrived(&noise_hash, noise, sizeof noise);
}

/* Longer than the steps in which its memory is asked for, and no multiple of them. */
static void a_large_blob_arrives(void **state)
{
  static uint8_t large[(3 << 20) + 4321];
  atr_hash hash;

  (void)state;
  for (size_t at = 0; at + sizeof noise <= sizeof large; at += sizeof noise)
    memcpy(large + at, noise, sizeof noise);
  assert_ok(atr_sha256_of(large, sizeof large, &hash));
  put(ours, &hash, large, sizeof large);
  assert_ok(atr_xfer_expect(to, &hash, sizeof large, NULL));
  assert_ok(atr_xfer_send(from, &hash, NULL));
  carry(SIZE_MAX);
  assert_arrived(&hash, large, sizeof large);
}

static void a_blob_that_packs_arrives_in_few_bytes(void **state)
{
  (void)state;
  put(ours, &plain_hash, plain, sizeof plain);
  assert_ok(atr_xfer_expect(to, &plain_hash, UINT64_MAX, NULL));
  assert_ok(atr_xfer_send(from, &plain_hash, NULL));
  carry(SIZE_MAX);
  assert_arrived(&plain_hash, plain, sizeof plain);
  assert_true(sent_bytes < sizeof plain / 10);
}

static void an_empty_blob_arrives(void **state)
{
  atr_hash hash;

  (void)state;
  assert_ok(atr_sha256_of("", 0, &hash));
  put(ours, &hash, plain, 0);
  assert_ok(atr_xfer_expect(to, &hash, 0, NULL));
  assert_ok(atr_xfer_send(from, &hash, NULL));
  carry(SIZE_MAX);
  assert_arrived(&hash, plain, 0);
}

static void a_delta_arrives_in_few_bytes(void **state)
{
  (void)state;
  put(ours, &noise_hash, noise, sizeof noise);
  put(ours, &changed_hash, changed, sizeof changed);
  put(theirs, &noise_hash, noise, sizeof noise);
  assert_ok(atr_xfer_expect(to, &changed_hash, sizeof changed, &noise_hash));
  assert_ok(atr_xfer_send(from, &changed_hash, &noise_hash));
  carry(SIZE_MAX);
  assert_arrived(&changed_hash, changed, sizeof changed);
  assert_true(sent_bytes < 2000);
  assert_non_null(atr_blobs_delta(theirs, &changed_hash, &noise_hash)); /* to be sent on as it is */
}

/* ATR_DELTA_BLOB_BYTES_MAX: it would be put together and hashed at one go, while everybody else waits. */
static void a_large_blob_is_not_made_of_a_delta(void **state)
{
  const size_t len = ATR_DELTA_BLOB_BYTES_MAX + 4;
  uint8_t *large = calloc(1, len);
  atr_msg_blob_delta m = {.room = ROOM, .size = len, .total = 4};
  atr_hash base;
  atr_buf msg;

  (void)state;
  assert_ok(atr_sha256_of(large, len, &base));
  put(ours, &base, large, len);
  put(theirs, &base, large, len);
  large[1000] = 1;
  assert_ok(atr_sha256_of(large, len, &m.hash));
  put(ours, &m.hash, large, len);
  m.base = base;
  assert_ok(atr_xfer_expect(to, &m.hash, len, &base));
  atr_buf_init(&msg, SIZE_MAX);
  assert_ok(atr_msg_write_blob_delta_head(&msg, &m));
  assert_ok(atr_buf_append_u32(&msg, 0));
  assert_err(atr_xfer_receive(to, ROOM, atr_buf_span(&msg)), ATR_PROTO);
  atr_buf_free(&msg);
  assert_ok(atr_xfer_send(from, &m.hash, &base));
  carry(SIZE_MAX);
  assert_arrived(&m.hash, large, len);
  assert_null(atr_blobs_delta(theirs, &m.hash, &base));
  free(large);
}

static void one_that_is_not_there_is_not_sent(void **state)
{
  (void)state;
  assert_err(atr_xfer_send(from, &noise_hash, NULL), ATR_NOENT);
  assert_int_equal(atr_xfer_queued(from), 0);
}

/* --- bad ones ------------------------------------------------------------------------------------------------------ */

/* One BLOB_DATA message; whatever it does not say is right for a piece of `noise`. */
static int data(atr_msg_blob_data m, const void *bytes, size_t len)
{
  atr_buf msg;
  int err;

  m.room = m.room ? m.room : ROOM;
  m.hash = atr_hash_is_zero(&m.hash) ? noise_hash : m.hash;
  m.size = m.size ? m.size : sizeof noise;
  atr_buf_init(&msg, SIZE_MAX);
  assert_ok(atr_msg_write_blob_data_head(&msg, &m));
  assert_ok(atr_buf_append(&msg, bytes, len));
  err = atr_xfer_receive(to, ROOM, atr_buf_span(&msg));
  atr_buf_free(&msg);
  return err;
}

/* What is announced is a number; only what arrives may take memory of the machine, and at most some steps ahead. */
static void an_announced_gigabyte_takes_no_memory(void **state)
{
  atr_msg_blob_data m = {.size = ATR_BLOB_BYTES_MAX};
  size_t before, after;

  (void)state;
  assert_ok(atr_xfer_expect(to, &noise_hash, m.size, NULL));
  assert_int_equal(uv_resident_set_memory(&before), 0);
  assert_ok(data(m, noise, 60000));
  assert_int_equal(uv_resident_set_memory(&after), 0);
  assert_true(after < before + ATR_MIB(16));
}

/* ATR_ARRIVING_BYTES_MAX: each may be a gigabyte, and a member may have offered many. */
static void blobs_come_one_after_the_other(void **state)
{
  atr_msg_blob_data m = {.size = ATR_BLOB_BYTES_MAX};

  (void)state;
  for (uint8_t i = 1; i <= 3; i++) {
    memset(&m.hash, i, sizeof m.hash);
    assert_ok(atr_xfer_expect(to, &m.hash, m.size, NULL));
    if (i * (uint64_t)ATR_BLOB_BYTES_MAX <= ATR_ARRIVING_BYTES_MAX)
      assert_ok(data(m, noise, 1000));
    else
      assert_err(data(m, noise, 1000), ATR_LIMIT);
  }
}

static void expect_noise(void)
{
  assert_ok(atr_xfer_expect(to, &noise_hash, sizeof noise, NULL));
}

static void assert_nothing_came(const atr_hash *hash)
{
  assert_int_equal(received, 0);
  assert_false(atr_blobs_have(theirs, hash));
  assert_true(atr_xfer_memory(to) <= sizeof noise);
  atr_xfer_reset(to); /* what the connection does after any of these */
  assert_int_equal(atr_xfer_memory(to), 0);
}

static void bytes_that_are_not_the_blobs(void **state)
{
  (void)state;
  expect_noise();
  for (size_t at = 0; at + 50000 < sizeof noise; at += 50000)
    assert_ok(data((atr_msg_blob_data){.offset = at}, noise + at, 50000));
  changed[sizeof changed - 1] ^= 1;
  assert_err(data((atr_msg_blob_data){.offset = 150000}, changed + 150000, 50000), ATR_BLOB_HASH);
  assert_nothing_came(&noise_hash);
}

static void a_blob_that_nobody_expects(void **state)
{
  (void)state;
  assert_err(data((atr_msg_blob_data){0}, noise, 100), ATR_PROTO);
  expect_noise();
  assert_err(data((atr_msg_blob_data){.hash = changed_hash}, noise, 100), ATR_PROTO);
  assert_err(data((atr_msg_blob_data){.room = ROOM + 1}, noise, 100), ATR_PROTO);
  assert_int_equal(atr_xfer_memory(to), 0);
  assert_nothing_came(&noise_hash);
}

static void a_size_that_was_not_offered(void **state)
{
  (void)state;
  expect_noise();
  assert_err(data((atr_msg_blob_data){.size = sizeof noise + 1}, noise, 100), ATR_BLOB_SIZE);
  assert_err(data((atr_msg_blob_data){.size = ATR_BLOB_BYTES_MAX + 1ull}, noise, 100), ATR_BLOB_SIZE);
  assert_int_equal(atr_xfer_memory(to), 0);
  assert_ok(data((atr_msg_blob_data){0}, noise, 100));
  assert_err(data((atr_msg_blob_data){.size = sizeof noise - 1, .offset = 100}, noise + 100, 100), ATR_PROTO);
  assert_nothing_came(&noise_hash);
}

static void pieces_out_of_order(void **state)
{
  (void)state;
  expect_noise();
  assert_err(data((atr_msg_blob_data){.offset = 100}, noise + 100, 100), ATR_PROTO);
  assert_ok(data((atr_msg_blob_data){0}, noise, 100));
  assert_err(data((atr_msg_blob_data){.offset = 0}, noise, 100), ATR_PROTO);
  assert_err(data((atr_msg_blob_data){.offset = 200}, noise + 200, 100), ATR_PROTO);
  assert_err(data((atr_msg_blob_data){.offset = 100}, noise + 100, 0), ATR_PROTO); /* without an end */
  assert_nothing_came(&noise_hash);
}

static void a_piece_beyond_the_end(void **state)
{
  (void)state;
  assert_ok(atr_xfer_expect(to, &noise_hash, 150, NULL));
  assert_ok(data((atr_msg_blob_data){.size = 150}, noise, 100));
  assert_err(data((atr_msg_blob_data){.size = 150, .offset = 100}, noise + 100, 51), ATR_PROTO);
  assert_err(data((atr_msg_blob_data){.size = 150, .offset = UINT64_MAX}, noise, 51), ATR_PROTO);
  assert_nothing_came(&noise_hash);
}

/* A piece that says `stated` and holds `real` packed zeros. */
static int packed(uint32_t stated, size_t real)
{
  atr_buf piece;
  int err;

  atr_buf_init(&piece, SIZE_MAX);
  assert_ok(atr_buf_append_u32(&piece, stated));
  assert_int_equal(atr_pack(NULL, atr_span_of(plain, real), &piece), 1);
  err = data((atr_msg_blob_data){.flags = ATR_BLOB_DATA_ZSTD}, piece.data, piece.len);
  atr_buf_free(&piece);
  return err;
}

static void a_few_bytes_that_unpack_to_many(void **state)
{
  (void)state;
  expect_noise();
  assert_err(packed(1000, sizeof plain), ATR_PACK);          /* more than it says */
  assert_err(packed(1000, 999), ATR_PACK);                   /* less */
  assert_err(packed(sizeof plain, sizeof plain), ATR_PROTO); /* more than a piece may hold */
  assert_err(packed(UINT32_MAX, sizeof plain), ATR_PROTO);
  assert_err(data((atr_msg_blob_data){.flags = ATR_BLOB_DATA_ZSTD}, noise, 3), ATR_PROTO);
  assert_err(data((atr_msg_blob_data){.flags = ATR_BLOB_DATA_ZSTD}, "\0\0\3\350 not zstd", 13), ATR_PACK);
  assert_nothing_came(&noise_hash);
}

static void a_connection_that_ends_in_the_middle(void **state)
{
  (void)state;
  put(ours, &noise_hash, noise, sizeof noise);
  expect_noise();
  assert_ok(atr_xfer_send(from, &noise_hash, NULL));
  carry(3);
  assert_int_equal(atr_xfer_memory(to), sizeof noise);
  assert_int_equal(atr_xfer_queued(from), 1);
  atr_xfer_reset(from);
  assert_int_equal(atr_xfer_queued(from), 0);
  assert_nothing_came(&noise_hash);
  expect_noise(); /* and once more, from its beginning */
  assert_ok(atr_xfer_send(from, &noise_hash, NULL));
  carry(SIZE_MAX);
  assert_arrived(&noise_hash, noise, sizeof noise);
}

/* --- bad deltas ---------------------------------------------------------------------------------------------------- */

/* One BLOB_DELTA message with all of a delta: u32 `unpacked`, then `bytes`. */
static int delta(const atr_hash *base, uint64_t size, uint32_t unpacked, atr_span bytes)
{
  atr_msg_blob_delta m = {.room = ROOM, .hash = changed_hash, .base = *base, .size = size, .total = bytes.n + 4};
  atr_buf msg;
  int err;

  atr_buf_init(&msg, SIZE_MAX);
  assert_ok(atr_msg_write_blob_delta_head(&msg, &m));
  assert_ok(atr_buf_append_u32(&msg, unpacked));
  assert_ok(atr_buf_append(&msg, bytes.p, bytes.n));
  err = atr_xfer_receive(to, ROOM, atr_buf_span(&msg));
  atr_buf_free(&msg);
  return err;
}

/* The delta that makes `changed` of `noise`. */
static void encode(atr_buf *out)
{
  atr_buf_init(out, SIZE_MAX);
  assert_int_equal(atr_delta_encode(atr_span_of(noise, sizeof noise), atr_span_of(changed, sizeof changed), 4, out), 1);
}

static void a_delta_without_its_base(void **state)
{
  atr_buf good;

  (void)state;
  encode(&good);
  assert_ok(atr_xfer_expect(to, &changed_hash, sizeof changed, &noise_hash)); /* which the table does not have */
  assert_err(delta(&noise_hash, sizeof changed, 0, atr_buf_span(&good)), ATR_PROTO);
  atr_xfer_reset(to);
  put(theirs, &noise_hash, noise, sizeof noise);
  put(theirs, &plain_hash, plain, sizeof plain);
  assert_ok(atr_xfer_expect(to, &changed_hash, sizeof changed, &noise_hash));
  assert_err(delta(&plain_hash, sizeof changed, 0, atr_buf_span(&good)), ATR_PROTO); /* there, but not agreed on */
  assert_int_equal(atr_xfer_memory(to), 0);
  assert_nothing_came(&changed_hash);
  assert_ok(atr_xfer_expect(to, &changed_hash, sizeof changed, &plain_hash)); /* agreed on, but of another blob */
  assert_err(delta(&plain_hash, sizeof changed, 0, atr_buf_span(&good)), ATR_BLOB_HASH);
  assert_nothing_came(&changed_hash);
  atr_buf_free(&good);
}

/* Each in a connection of its own: the first cuts it. */
static void assert_delta(uint64_t size, uint32_t unpacked, atr_span bytes, int expected)
{
  assert_ok(atr_xfer_expect(to, &changed_hash, sizeof changed, &noise_hash));
  assert_err(delta(&noise_hash, size, unpacked, bytes), expected);
  assert_nothing_came(&changed_hash);
}

static void a_delta_that_is_damaged(void **state)
{
  atr_buf good;
  atr_span span;

  (void)state;
  put(theirs, &noise_hash, noise, sizeof noise);
  encode(&good);
  span = atr_buf_span(&good);
  assert_delta(sizeof changed + 1, 0, span, ATR_BLOB_SIZE);
  assert_delta(sizeof changed, 0, atr_span_of(span.p, span.n - 1), ATR_DELTA);
  assert_delta(sizeof changed, 0, atr_span_of(span.p, 3), ATR_DELTA);
  assert_delta(sizeof changed, 0, atr_span_of(noise, 1000), ATR_DELTA);
  assert_delta(sizeof changed, 1000, span, ATR_PACK);
  assert_delta(sizeof changed, UINT32_MAX, span, ATR_DELTA); /* nothing is taken for it */
  good.data[good.len - 1] ^= 1;
  assert_delta(sizeof changed, 0, span, ATR_BLOB_HASH);
  atr_buf_free(&good);
}

#ifdef SHORT_MEMORY
/* It was given back without having been counted: from then on the bound of what may arrive was no bound. */
static void what_could_not_be_begun_is_not_given_back(void **state)
{
  atr_msg_blob_data head = {.room = ROOM, .hash = noise_hash, .size = NOISE_BYTES};
  atr_buf msg;

  (void)state;
  expect_noise();
  atr_buf_init(&msg, SIZE_MAX);
  assert_ok(atr_msg_write_blob_data_head(&msg, &head));
  assert_ok(atr_buf_append(&msg, noise, 1000));
  calls_until_short = 1;
  assert_err(atr_xfer_receive(to, ROOM, atr_buf_span(&msg)), ATR_NOMEM);
  assert_int_equal(calls_until_short, 0);
  atr_buf_free(&msg);
  atr_xfer_reset(to);
  assert_int_equal(atr_xfer_memory(to), 0);
}
#endif

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_whole_blob_arrives, begin, end),
      cmocka_unit_test_setup_teardown(a_large_blob_arrives, begin, end),
      cmocka_unit_test_setup_teardown(an_announced_gigabyte_takes_no_memory, begin, end),
      cmocka_unit_test_setup_teardown(blobs_come_one_after_the_other, begin, end),
      cmocka_unit_test_setup_teardown(a_blob_that_packs_arrives_in_few_bytes, begin, end),
      cmocka_unit_test_setup_teardown(an_empty_blob_arrives, begin, end),
      cmocka_unit_test_setup_teardown(a_delta_arrives_in_few_bytes, begin, end),
      cmocka_unit_test_setup_teardown(a_large_blob_is_not_made_of_a_delta, begin, end),
      cmocka_unit_test_setup_teardown(one_that_is_not_there_is_not_sent, begin, end),
      cmocka_unit_test_setup_teardown(bytes_that_are_not_the_blobs, begin, end),
      cmocka_unit_test_setup_teardown(a_blob_that_nobody_expects, begin, end),
      cmocka_unit_test_setup_teardown(a_size_that_was_not_offered, begin, end),
      cmocka_unit_test_setup_teardown(pieces_out_of_order, begin, end),
      cmocka_unit_test_setup_teardown(a_piece_beyond_the_end, begin, end),
      cmocka_unit_test_setup_teardown(a_few_bytes_that_unpack_to_many, begin, end),
      cmocka_unit_test_setup_teardown(a_connection_that_ends_in_the_middle, begin, end),
      cmocka_unit_test_setup_teardown(a_delta_without_its_base, begin, end),
      cmocka_unit_test_setup_teardown(a_delta_that_is_damaged, begin, end),
#ifdef SHORT_MEMORY
      cmocka_unit_test_setup_teardown(what_could_not_be_begun_is_not_given_back, begin, end),
#endif
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
