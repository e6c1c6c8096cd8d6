/* SPDX-License-Identifier: MIT
 *
 * Files of a home that a decision rests on: what was written is there after a power cut, and what makes a host is read by nobody else. */
#include "home_test.h"
#include "test.h"

#include "session/file.h"
#include "session/token.h"

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

static int synced_folders;

/* In place of the system's, for all of this program. */
int fsync(int file)
{
  struct stat st;

  synced_folders += fstat(file, &st) == 0 && S_ISDIR(st.st_mode);
  return (int)syscall(SYS_fsync, file);
}

/* The bytes were on the disk, the name that leads to them was not. */
static void a_replaced_file_is_in_its_folder_for_good(void **state)
{
  char path[128], why[512];

  (void)state;
  snprintf(path, sizeof path, "%s/guests", home);
  synced_folders = 0;
  assert_ok(atr_file_replace(path, atr_span_of("x", 1), why, sizeof why));
  assert_int_equal(synced_folders, 1);
}

static void a_token_is_as_private_as_a_key(void **state)
{
  static const uint8_t token[ATR_TOKEN_BYTES] = {1, 2, 3};
  static const atr_hash key = {{7}}, other = {{8}};
  char path[256], hex[ATR_HASH_HEX + 1], found[ATR_TOKEN_HEX + 1], why[512];
  struct stat st;

  (void)state;
  assert_err(atr_token_read(home, &key, found, why, sizeof why), ATR_NOENT);
  assert_ok(atr_token_write(home, &key, token, why, sizeof why));
  assert_err(atr_token_read(home, &other, found, why, sizeof why), ATR_NOENT);
  atr_hash_to_hex(&key, hex);
  snprintf(path, sizeof path, "%s/tokens/%s", home, hex);
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  assert_int_equal(chmod(path, 0644), 0); /* a backup was put back */
  assert_ok(atr_token_read(home, &key, found, why, sizeof why));
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  assert_memory_equal(found, "01020300", 8);
  assert_int_equal(truncate(path, 10), 0);
  assert_err(atr_token_read(home, &key, found, why, sizeof why), ATR_NOENT);
  if (geteuid() != 0)
    return;
  assert_int_equal(chown(path, 12345, 12345), 0); /* whoever may write there could make himself a host */
  assert_err(atr_token_read(home, &key, found, why, sizeof why), ATR_IO);
  assert_non_null(strstr(why, "belongs to another user"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_replaced_file_is_in_its_folder_for_good, make_home, remove_home),
      cmocka_unit_test_setup_teardown(a_token_is_as_private_as_a_key, make_home, remove_home),
  };

  return cmocka_run_group_tests_name("home files", tests, NULL, NULL);
}
