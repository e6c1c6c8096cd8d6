/* SPDX-License-Identifier: MIT
 *
 * Memory is short once: at each single allocation of what a member does, one after the other. Whatever happens then, nobody believes something else than the
 * room does: the member is cut, comes back and says again what was not answered; or, where something was lost that was committed, the room has ended and says so.
 *
 * Among them: a counter that counted as settled although its operation had never been staged, and an operation that was committed without a place. */
#include "room_test.h"

/* AddressSanitizer has an allocator of its own. */
#ifndef __SANITIZE_ADDRESS__

enum { LARGE = 200000, ALLOCATIONS_MAX = 400, OPS = 4 };

static int calls_until_short;
static bool inside; /* of the room: what the test itself needs it gets */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

static bool is_short(void)
{
  return inside && calls_until_short > 0 && --calls_until_short == 0;
}

/* In place of the system's, for all of this program. */
void *malloc(size_t size)
{
  return is_short() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
  return is_short() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
  return is_short() ? NULL : __libc_realloc(p, size);
}

static struct peer one, two;
static char large[LARGE + 16];
static int ended; /* rooms */

/* The operations 1 to OPS of `one`; the first two are too large for one frame. */
static int say(uint64_t counter)
{
  const char *json = counter <= 2 ? large : counter == 3 ? "{\"b\":[1,2]}" : "{\"c\":\"d\"}";
  atr_op op = {.kind = counter == 1 ? ATR_OP_CREATE : ATR_OP_EDIT, .doc = doc_of(0)};
  atr_buf msg;
  int err;

  op.json = atr_span_of(json, strlen(json));
  atr_buf_init(&msg, SIZE_MAX);
  assert_ok(atr_msg_write_submit_head(&msg, HANDLE, counter));
  assert_ok(atr_op_write(&msg, &op, NULL, 0));
  inside = true;
  err = atr_room_receive(room, one.member, ATR_LANE_STATE, atr_buf_span(&msg));
  inside = false;
  atr_buf_free(&msg);
  return err;
}

/* It is cut, and comes in again over another connection. */
static void come_back(struct peer *peer, uint32_t number)
{
  leave(peer);
  join(peer, number);
}

/* Half of it is out when the ring needs the place, so that the rest must be kept. */
static int pull_a_bit(struct peer *peer)
{
  atr_buf out;
  int64_t n;

  atr_buf_init(&out, SIZE_MAX);
  inside = true;
  n = atr_room_pull(peer->member, ATR_LANE_STATE, &out, 1);
  inside = false;
  if (n > 0)
    assert_ok(atr_frame_reader_feed(peer->reader, out.data, out.len, peer_message, peer));
  atr_buf_free(&out);
  return n < 0 ? (int)n : 0;
}

static int do_all(void)
{
  atr_buf text;
  atr_id id = doc_of(0);
  uint64_t seq;
  int err = 0;

  for (uint64_t counter = 1; counter <= OPS && !err; counter++) {
    err = say(counter);
    if (!err)
      err = pull_a_bit(&two);
  }
  atr_buf_init(&text, SIZE_MAX);
  inside = true;
  (void)atr_room_document(room, &id, &text, &seq); /* merges */
  inside = false;
  atr_buf_free(&text);
  return err;
}

/* False: it ended before memory was short. */
static bool short_at(int call)
{
  char expected[LARGE + 64];
  bool was_short;

  room_config.ring_bytes_max = LARGE + 1000;
  begin(NULL);
  join(&one, 0);
  join(&two, 1);
  calls_until_short = call;
  (void)do_all();
  was_short = calls_until_short == 0;
  calls_until_short = 0;
  if (atr_room_failed(room)) {
    assert_err(try_pull(&one), ATR_NOMEM);
    assert_err(try_pull(&two), ATR_NOMEM);
    ended++;
  } else {
    come_back(&one, 0);
    if (try_pull(&two) < 0)
      come_back(&two, 1);
    for (uint64_t counter = 1; counter <= OPS; counter++)
      assert_ok(say(counter));
    pull(&one);
    pull(&two);
    snprintf(expected, sizeof expected, "%.*s,\"b\":[1,2],\"c\":\"d\"}", (int)strlen(large) - 1, large);
    assert_document(0, expected);
    assert_int_equal(atr_room_documents(room), 1);
  }
  leave(&one);
  leave(&two);
  assert_int_equal(atr_room_members(room), 0);
  end(NULL);
  return was_short;
}

static void wherever_memory_is_short_nobody_believes_what_is_not(void **state)
{
  int call = 1;

  (void)state;
  memset(large, 'x', LARGE);
  memcpy(large, "{\"a\":\"", 6);
  memcpy(large + LARGE - 2, "\"}", 3);
  while (short_at(call))
    assert_true(++call < ALLOCATIONS_MAX);
  assert_true(call > 20 && ended > 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(wherever_memory_is_short_nobody_believes_what_is_not)};

  return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
  (void)begin; /* of room_test.h */
  (void)end;
  return 0;
}

#endif
