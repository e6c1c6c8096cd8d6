/* SPDX-License-Identifier: MIT
 *
 * When a preview ends. It ends with what closes it: its own empty preview, an edit by the same member, a create or a delete. Nobody but
 * its member can close it, and its member believes it closed once that was sent; so where what closes it is refused, by a check or by a
 * store that fails, or where the member leaves, the room ends it in its place. Otherwise the others would show for good what nobody is doing. */
#include "room_test.h"

#include "base/hash.h"

static struct peer one, two;

/* Both hold document 0, of which the first shows a preview. */
static int begin_preview(void **state)
{
  begin(state);
  join(&one, 0);
  join(&two, 1);
  submit(&one, ATR_OP_CREATE, 0, "{\"a\":1}");
  submit_as(&one, 0, ATR_OP_EDIT, 0, "{\"a\":5}", NULL);
  pull(&one);
  pull(&two);
  assert_int_equal(two.ops, 2);
  assert_string_equal(two.op_json, "{\"a\":5}");
  return 0;
}

static int end_two(void **state)
{
  leave(&one);
  leave(&two);
  return end(state);
}

/* That it ended is all that the others heard since. */
static void assert_ended(void)
{
  pull(&two);
  assert_int_equal(two.ops, 3);
  assert_string_equal(two.op_json, "{}");
}

static void assert_shown(void)
{
  pull(&two);
  assert_int_equal(two.ops, 2);
  assert_string_equal(two.op_json, "{\"a\":5}");
}

/* What the room does as soon as it can, it does when anybody says anything; the sender of this hears only an acknowledgement. */
static void say_something(void)
{
  submit(&two, ATR_OP_CREATE, 7, "{}");
}

/* --- refused by a check -------------------------------------------------------------------------------------------- */

static void an_edit_that_is_refused_ends_it(void **state)
{
  atr_hash hash;

  (void)state;
  assert_ok(atr_sha256_of("nobody has it", 13, &hash));
  submit_as(&one, ++one.counter, ATR_OP_EDIT, 0, "{\"a\":6}", &hash);
  pull(&one);
  assert_err(one.refused_as, ATR_NOBLOB);
  assert_ended();
}

static void a_create_that_is_refused_ends_it(void **state)
{
  (void)state;
  submit(&one, ATR_OP_CREATE, 0, "{\"a\":null}");
  pull(&one);
  assert_err(one.refused_as, ATR_JSON_NULL);
  assert_ended();
}

static void what_others_are_refused_does_not(void **state)
{
  (void)state;
  submit(&two, ATR_OP_CREATE, 0, "{\"a\":null}");
  pull(&two);
  assert_err(two.refused_as, ATR_JSON_NULL);
  say_something();
  assert_shown();
}

/* --- lost with the store ------------------------------------------------------------------------------------------- */

static void send_while_the_store_fails(struct peer *peer, int how, uint8_t kind, const char *json, bool durable)
{
  store_does = how;
  submit_as(peer, durable ? ++peer->counter : 0, kind, 0, json, NULL);
  if (how == STORE_WAITS)
    store_done(ATR_IO);
  store_does = STORE_DONE;
  pull(peer);
  assert_int_equal(peer->refusals, durable);
}

static void assert_its_loss_ends_it(uint8_t kind, const char *json, bool durable)
{
  static const int ways[] = {STORE_RETURNS_ERROR, STORE_DONE_WITH_ERROR, STORE_WAITS};
  void *state = NULL;

  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    begin_preview(&state);
    send_while_the_store_fails(&one, ways[i], kind, json, durable);
    say_something();
    assert_ended();
    say_something(); /* and once is enough */
    assert_ended();
    end_two(&state);
  }
}

static void an_edit_that_is_lost_ends_it(void **state)
{
  (void)state;
  assert_its_loss_ends_it(ATR_OP_EDIT, "{\"a\":6}", true);
}

static void a_create_that_is_lost_ends_it(void **state)
{
  (void)state;
  assert_its_loss_ends_it(ATR_OP_CREATE, "{\"a\":6}", true);
}

static void a_delete_that_is_lost_ends_it(void **state)
{
  (void)state;
  assert_its_loss_ends_it(ATR_OP_DELETE, "", true);
}

static void its_own_end_is_not_lost(void **state)
{
  (void)state;
  assert_its_loss_ends_it(ATR_OP_EDIT, "{}", false);
}

/* The member goes on showing something: the older preview is nearer to it than none. */
static void a_newer_preview_that_is_lost_does_not(void **state)
{
  (void)state;
  send_while_the_store_fails(&one, STORE_DONE_WITH_ERROR, ATR_OP_EDIT, "{\"a\":6}", false);
  say_something();
  assert_shown();
}

static void what_others_lose_does_not(void **state)
{
  (void)state;
  send_while_the_store_fails(&two, STORE_DONE_WITH_ERROR, ATR_OP_EDIT, "{\"a\":6}", true);
  say_something();
  assert_shown();
}

/* The end of a preview whose member has left is tried again: nobody else could end it. */
static void an_orphaned_preview_ends_all_the_same(void **state)
{
  (void)state;
  pull(&two);
  assert_string_equal(two.op_json, "{\"a\":5}");
  store_does = STORE_DONE_WITH_ERROR;
  leave(&one);
  pull(&two);
  assert_int_equal(two.ops, 2);
  store_does = STORE_DONE;
  submit(&two, ATR_OP_CREATE, 1, "{}");
  pull(&two);
  assert_int_equal(two.ops, 3);
  assert_string_equal(two.op_json, "{}");
  join(&one, 0);
}

/* The end that its own member has sent is lost with the store; the room sends it once more as soon as anybody says anything. */
static void the_end_of_a_preview_is_not_lost(void **state)
{
  (void)state;
  store_does = STORE_DONE_WITH_ERROR;
  submit_as(&one, 0, ATR_OP_EDIT, 0, "{}", NULL);
  submit(&two, ATR_OP_EDIT, 0, "{\"a\":6}"); /* fails, too */
  pull(&two);
  assert_string_equal(two.op_json, "{\"a\":5}");
  store_does = STORE_DONE;
  submit(&two, ATR_OP_CREATE, 7, "{}");
  pull(&two);
  assert_string_equal(two.op_json, "{}");
  assert_int_equal(two.ops, 3);
}

/* While the end waits the member begins anew: what it shows now is not what was to end. */
static void a_newer_preview_is_not_taken_for_the_lost_one(void **state)
{
  (void)state;
  store_does = STORE_DONE_WITH_ERROR;
  submit_as(&one, 0, ATR_OP_EDIT, 0, "{}", NULL);
  store_does = STORE_WAITS;
  submit_as(&one, 0, ATR_OP_EDIT, 0, "{\"a\":7}", NULL); /* behind the end, which is with the store */
  while (store_waiting)
    store_done(ATR_OK);
  pull(&two);
  assert_string_equal(two.op_json, "{\"a\":7}");
  store_does = STORE_DONE;
}

static int begin_slow(void **state)
{
  room_config.staged_bytes_max = 4096;
  return begin_preview(state);
}

static void the_end_of_a_preview_passes_a_full_store(void **state)
{
  (void)state;
  store_does = STORE_WAITS;
  for (int i = 0; i < 100; i++)
    submit(&two, ATR_OP_EDIT, 0, "{\"a\":1}");
  submit_as(&one, 0, ATR_OP_EDIT, 0, "{}", NULL);
  while (store_waiting)
    store_done(ATR_OK);
  store_does = STORE_DONE;
  submit(&two, ATR_OP_EDIT, 0, "{\"a\":1}");
  pull(&two);
  assert_string_equal(two.op_json, "{}");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(an_edit_that_is_refused_ends_it, begin_preview, end_two),
      cmocka_unit_test_setup_teardown(a_create_that_is_refused_ends_it, begin_preview, end_two),
      cmocka_unit_test_setup_teardown(what_others_are_refused_does_not, begin_preview, end_two),
      cmocka_unit_test(an_edit_that_is_lost_ends_it),
      cmocka_unit_test(a_create_that_is_lost_ends_it),
      cmocka_unit_test(a_delete_that_is_lost_ends_it),
      cmocka_unit_test(its_own_end_is_not_lost),
      cmocka_unit_test_setup_teardown(a_newer_preview_that_is_lost_does_not, begin_preview, end_two),
      cmocka_unit_test_setup_teardown(what_others_lose_does_not, begin_preview, end_two),
      cmocka_unit_test_setup_teardown(an_orphaned_preview_ends_all_the_same, begin_preview, end_two),
      cmocka_unit_test_setup_teardown(the_end_of_a_preview_is_not_lost, begin_preview, end_two),
      cmocka_unit_test_setup_teardown(a_newer_preview_is_not_taken_for_the_lost_one, begin_preview, end_two),
      cmocka_unit_test_setup_teardown(the_end_of_a_preview_passes_a_full_store, begin_slow, end_two),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
