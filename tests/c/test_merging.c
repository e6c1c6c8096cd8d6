/* SPDX-License-Identifier: MIT
 *
 * Operations wait in the ring to be merged into their document. All that waited was merged when the first of them left the ring: one
 * object that was moved for long, or a thousand that were moved together, stopped the server for as long as a whole ring takes. */
#include "room_test.h"

#include "base/limits.h"

#include <time.h>

enum { RING = 16 << 20, EDITS = 300000, BATCH = 1000, TIMES_MAX = 12 };

static struct peer one;

static int begin_large(void **state)
{
  room_config.ring_bytes_max = RING;
  begin(state);
  join(&one, 1);
  return 0;
}

static int end_large(void **state)
{
  leave(&one);
  return end(state);
}

/* Once round the ring and again: no batch takes much longer than they do on average. Of the processor, as others use it too. */
static void edit_in_turn(uint32_t docs)
{
  clock_t longest = 0, sum = 0;
  char json[64];

  for (uint32_t i = 0; i < docs; i++)
    submit(&one, ATR_OP_CREATE, i, "{\"type\":\"Object\",\"p\":{\"location\":[0,0,0]}}");
  for (uint32_t i = 0; i < EDITS; i += BATCH) {
    clock_t start = clock(), took;

    for (uint32_t k = i; k < i + BATCH; k++) {
      snprintf(json, sizeof json, "{\"p\":{\"location\":[%u,%u,0]}}", k, k / 7);
      submit(&one, ATR_OP_EDIT, k % docs, json);
    }
    took = clock() - start;
    sum += took;
    longest = took > longest ? took : longest;
    pull(&one);
  }
  assert_true(longest < TIMES_MAX * sum / (EDITS / BATCH));
}

static void a_document_that_is_edited_for_long_stops_nothing(void **state)
{
  (void)state;
  edit_in_turn(1);
}

static void a_thousand_documents_that_are_edited_together_stop_nothing(void **state)
{
  (void)state;
  edit_in_turn(BATCH);
}

/* What the list of rooms says of a room's size is not a ring behind. */
static void so_many_bytes_wait_for_a_document(void **state)
{
  size_t before, text = 0;
  char json[128];

  (void)state;
  submit(&one, ATR_OP_CREATE, 1, "{\"type\":\"Object\"}");
  before = atr_room_size(room);
  for (uint32_t i = 0; text < 4 * ATR_CHAIN_BYTES; i++) {
    text += (size_t)snprintf(json, sizeof json, "{\"k%u\":\"as long as a property may be\"}", i);
    submit(&one, ATR_OP_EDIT, 1, json);
  }
  assert_in_range(atr_room_size(room) - before, ATR_CHAIN_BYTES, 4 * ATR_CHAIN_BYTES);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_document_that_is_edited_for_long_stops_nothing, begin_large, end_large),
      cmocka_unit_test_setup_teardown(a_thousand_documents_that_are_edited_together_stop_nothing, begin_large,
                                      end_large),
      cmocka_unit_test_setup_teardown(so_many_bytes_wait_for_a_document, begin_large, end_large),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
