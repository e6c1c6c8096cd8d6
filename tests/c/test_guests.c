/* SPDX-License-Identifier: MIT
 *
 * The server's list of guests survives restarts, names that try to be lines, and hands that edit it. */
#include "test.h"

#include "server/guests.h"

#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static int make_folder(void **state)
{
  (void)state;
  snprintf(folder, sizeof folder, "/tmp/atrium-guests-XXXXXX");
  return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state)
{
  char path[128];

  (void)state;
  snprintf(path, sizeof path, "%s/guests", folder);
  (void)unlink(path);
  return rmdir(folder);
}

static atr_guests *open_list(void)
{
  char why[256];
  atr_guests *guests;

  assert_ok(atr_guests_open(&guests, folder, why, sizeof why));
  return guests;
}

static atr_hash key(uint8_t n)
{
  atr_hash hash;

  memset(hash.b, n, sizeof hash.b);
  return hash;
}

static void what_is_remembered_is_there_again(void **state)
{
  atr_hash good = key(1), bad = key(2), once = key(3), changed = key(4);
  atr_guests *guests = open_list();

  (void)state;
  assert_int_equal(atr_guests_find(guests, &good), ATR_GUEST_STRANGER);
  assert_ok(atr_guests_set(guests, &good, ATR_GUEST_ALLOWED, "Ada\nrefuse", true));
  assert_ok(atr_guests_set(guests, &once, ATR_GUEST_ALLOWED, "Once", false));
  assert_ok(atr_guests_set(guests, &bad, ATR_GUEST_REFUSED, "", true));
  assert_ok(atr_guests_set(guests, &changed, ATR_GUEST_REFUSED, "x", true));
  assert_ok(atr_guests_set(guests, &changed, ATR_GUEST_ALLOWED, "x", true));
  assert_int_equal(atr_guests_find(guests, &once), ATR_GUEST_ALLOWED);
  atr_guests_free(guests);

  guests = open_list();
  assert_int_equal(atr_guests_find(guests, &good), ATR_GUEST_ALLOWED);
  assert_int_equal(atr_guests_find(guests, &bad), ATR_GUEST_REFUSED);
  assert_int_equal(atr_guests_find(guests, &once), ATR_GUEST_STRANGER);
  assert_int_equal(atr_guests_find(guests, &changed), ATR_GUEST_ALLOWED);
  atr_guests_free(guests);
}

/* Whoever may enter, and by which name, is the host's affair. */
static void nobody_else_reads_it(void **state)
{
  atr_hash somebody = key(9);
  atr_guests *guests = open_list();
  char path[128];
  struct stat st;

  (void)state;
  assert_ok(atr_guests_set(guests, &somebody, ATR_GUEST_ALLOWED, "Ada", true));
  snprintf(path, sizeof path, "%s/guests", folder);
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  atr_guests_free(guests);
}

static void lines_that_are_none_are_passed_over(void **state)
{
  atr_hash good = key(0x11);
  char path[128];
  atr_guests *guests;
  FILE *file;

  (void)state;
  snprintf(path, sizeof path, "%s/guests", folder);
  file = fopen(path, "w");
  assert_non_null(file);
  fputs("# who may enter\n\nallow\nallow 12\nwelcome 1111 x\n", file);
  fprintf(file, "allow %064d \xff\xfe\n", 0);
  for (int i = 0; i < 2000; i++)
    fputc('a', file);
  fputs("\nallow 1111111111111111111111111111111111111111111111111111111111111111\n", file);
  fclose(file);
  guests = open_list();
  assert_int_equal(atr_guests_find(guests, &good), ATR_GUEST_ALLOWED);
  atr_guests_free(guests);
}

static void the_list_is_bounded(void **state)
{
  atr_guests *guests = open_list();
  atr_hash hash = {{0}};

  (void)state;
  for (uint32_t i = 0; i < ATR_GUESTS_MAX; i++) {
    atr_put_u32(hash.b, i);
    assert_ok(atr_guests_set(guests, &hash, ATR_GUEST_ALLOWED, "", false));
  }
  hash.b[8] = 1;
  assert_err(atr_guests_set(guests, &hash, ATR_GUEST_ALLOWED, "", false), ATR_LIMIT);
  atr_guests_free(guests);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(what_is_remembered_is_there_again, make_folder, drop_folder),
      cmocka_unit_test_setup_teardown(nobody_else_reads_it, make_folder, drop_folder),
      cmocka_unit_test_setup_teardown(lines_that_are_none_are_passed_over, make_folder, drop_folder),
      cmocka_unit_test_setup_teardown(the_list_is_bounded, make_folder, drop_folder),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
