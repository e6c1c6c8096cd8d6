/* SPDX-License-Identifier: MIT
 *
 * Who is served first. Members are served in the order in which they are woken, and each costs the server a record and a system call; so
 * the author of an operation, who waits for no more than its acknowledgement, stands behind those who have not seen it yet. */
#include "room_test.h"

static struct peer one, two, three;

static int begin_three(void **state)
{
  begin(state);
  join(&one, 0);
  join(&two, 1);
  join(&three, 2);
  submit(&two, ATR_OP_CREATE, 0, "{\"a\":1}");
  pull(&one);
  pull(&two);
  pull(&three);
  return 0;
}

static int end_three(void **state)
{
  leave(&one);
  leave(&two);
  leave(&three);
  return end(state);
}

static void assert_comes_last(struct peer *author)
{
  submit(author, ATR_OP_EDIT, 0, "{\"a\":2}");
  assert_ptr_equal(woken_last, author->member);
  pull(&one);
  pull(&two);
  pull(&three);
}

static void the_author_comes_last_wherever_he_stands(void **state)
{
  (void)state;
  assert_comes_last(&one);
  assert_comes_last(&two);
  assert_comes_last(&three);
  assert_int_equal(one.acks, 1);
  assert_int_equal(one.ops, 3);
}

static void an_author_who_has_left_is_nobody(void **state)
{
  (void)state;
  store_does = STORE_WAITS;
  submit(&two, ATR_OP_EDIT, 0, "{\"a\":2}");
  leave(&two);
  store_done(0);
  pull(&one);
  pull(&three);
  assert_int_equal(one.ops, 2);
  assert_int_equal(three.ops, 2);
  join(&two, 1);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(the_author_comes_last_wherever_he_stands, begin_three, end_three),
      cmocka_unit_test_setup_teardown(an_author_who_has_left_is_nobody, begin_three, end_three),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
