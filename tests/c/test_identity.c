/* SPDX-License-Identifier: MIT
 *
 * The files of ATRIUM_HOME: a key that stays the same, is made once by however many processes, and is nobody else's
 * to read; known hosts that survive and are changed whole. What a user can mend is explained in a sentence that names
 * the file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first */
#include <cmocka.h>

#include "home_test.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/limits.h"
#include "session/identity.h"
#include "session/pins.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *at_home(const char *name)
{
  static char path[256];

  snprintf(path, sizeof path, "%s/%s", home, name);
  return path;
}

static unsigned mode_of(const char *path)
{
  struct stat st;

  assert_int_equal(stat(path, &st), 0);
  return st.st_mode & 0777;
}

static atr_hash open_key(const char *folder)
{
  atr_identity *id;
  atr_hash key;
  char why[256] = "";

  if (atr_identity_open(&id, folder, why, sizeof why) != 0)
    fail_msg("%s", why);
  key = *atr_identity_key(id);
  atr_identity_free(id);
  return key;
}

/* --- the key --------------------------------------------------------------------------------------------------- */

static void the_key_stays(void **state)
{
  char folder[128];
  atr_hash first, second;

  (void)state;
  snprintf(folder, sizeof folder, "%s", at_home("a/b/c"));
  first = open_key(folder);
  second = open_key(folder);
  assert_memory_equal(&first, &second, sizeof first);
  assert_int_equal(mode_of(folder), 0700);
  assert_int_equal(mode_of(at_home("a/b/c/identity.pem")), 0600);
  second = open_key(at_home("other"));
  assert_memory_not_equal(&first, &second, sizeof first);
}

static void the_key_is_the_hash_of_the_spki(void **state)
{
  atr_identity *id;
  atr_hash hash;

  (void)state;
  assert_int_equal(atr_identity_new(&id), 0);
  assert_int_equal(atr_identity_spki(id).n, 44); /* an Ed25519 SPKI is 12 bytes of DER and the key */
  assert_int_equal(atr_sha256_of(atr_identity_spki(id).p, atr_identity_spki(id).n, &hash), 0);
  assert_memory_equal(&hash, atr_identity_key(id), sizeof hash);
  atr_identity_free(id);
}

/* Without the lock each of them makes a key, and all but the last one hold a key that no file knows. */
static void processes_that_start_together_have_one_key(void **state)
{
  enum { PROCESSES = 8 };
  int pipes[2];
  atr_hash keys[PROCESSES];

  (void)state;
  assert_int_equal(pipe(pipes), 0);
  for (int i = 0; i < PROCESSES; i++) {
    if (fork() == 0) {
      atr_hash key = open_key(at_home("shared"));

      _exit(write(pipes[1], &key, sizeof key) == sizeof key ? 0 : 1);
    }
  }
  for (int i = 0; i < PROCESSES; i++) {
    int status;

    assert_int_equal(read(pipes[0], &keys[i], sizeof keys[i]), sizeof keys[i]);
    assert_true(wait(&status) > 0);
    assert_int_equal(status, 0);
    assert_memory_equal(&keys[i], &keys[0], sizeof keys[0]);
  }
  close(pipes[0]);
  close(pipes[1]);
}

static void unsafe_permissions_are_repaired(void **state)
{
  atr_hash before, after;

  (void)state;
  before = open_key(at_home("loose"));
  assert_int_equal(chmod(at_home("loose/identity.pem"), 0644), 0);
  assert_int_equal(chmod(at_home("loose"), 0777), 0);
  after = open_key(at_home("loose"));
  assert_memory_equal(&before, &after, sizeof before);
  assert_int_equal(mode_of(at_home("loose/identity.pem")), 0600);
  assert_int_equal(mode_of(at_home("loose")), 0755);
}

static void expect_failure(const char *folder, const char *sentence)
{
  char why[512] = "";
  atr_identity *id = NULL;

  assert_int_equal(atr_identity_open(&id, folder, why, sizeof why), ATR_IO);
  assert_null(id);
  if (!strstr(why, sentence))
    fail_msg("%s", why);
}

static void write_file(const char *path, const char *text)
{
  FILE *f = fopen(path, "w");

  assert_non_null(f);
  assert_true(fputs(text, f) >= 0);
  fclose(f);
}

static void damaged_keys_are_named(void **state)
{
  (void)state;
  (void)open_key(at_home("damaged"));
  write_file(at_home("damaged/identity.pem"), "-----BEGIN PRIVATE KEY-----\nnonsense\n");
  expect_failure(at_home("damaged"), "identity.pem holds no usable key");
  write_file(at_home("damaged/identity.pem"), "");
  expect_failure(at_home("damaged"), "identity.pem holds no usable key");
  assert_int_equal(truncate(at_home("damaged/identity.pem"), 1 << 20), 0);
  expect_failure(at_home("damaged"), "file too large");
  assert_int_equal(remove(at_home("damaged/identity.pem")), 0);
  assert_int_equal(mkdir(at_home("damaged/identity.pem"), 0700), 0);
  expect_failure(at_home("damaged"), "identity.pem");
}

static void folders_that_cannot_be_are_named(void **state)
{
  char name[5000];

  (void)state;
  write_file(at_home("file"), "x");
  expect_failure(at_home("file"), "file");
  expect_failure(at_home("file/below"), "file/below cannot be made");
  expect_failure("", "The folder");
  memset(name, 'a', sizeof name);
  name[0] = '/';
  name[sizeof name - 1] = 0;
  expect_failure(name, "name too long");
}

static void another_users_files_are_refused(void **state)
{
  (void)state;
  if (geteuid() != 0) {
    print_message("skipped: only root can give a file away\n");
    return;
  }
  (void)open_key(at_home("given"));
  assert_int_equal(chown(at_home("given/identity.pem"), 65534, 65534), 0);
  expect_failure(at_home("given"), "identity.pem belongs to another user");
  assert_int_equal(chown(at_home("given"), 65534, 65534), 0);
  expect_failure(at_home("given"), "belongs to another user");
}

/* Root reads everything, so a child that is nobody tries. */
static void an_unreadable_key_is_named(void **state)
{
  pid_t child;
  int status;

  (void)state;
  child = fork();
  if (child == 0) {
    char folder[] = "/tmp/atrium-test-XXXXXX", file[64], why[256] = "";
    atr_identity *id = NULL;
    bool told = false;

    if ((geteuid() == 0 && setuid(65534) != 0) || !mkdtemp(folder))
      _exit(2);
    snprintf(file, sizeof file, "%s/identity.pem", folder);
    if (atr_identity_open(&id, folder, why, sizeof why) == 0) {
      atr_identity_free(id);
      told = chmod(file, 0) == 0 && atr_identity_open(&id, folder, why, sizeof why) == ATR_IO &&
             strstr(why, "identity.pem") && strstr(why, "permission denied") && mode_of(file) == 0;
    }
    (void)nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    _exit(told ? 0 : 1);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
}

/* A limit on file sizes fails as a full disk does: with an error in the middle of writing. */
static void a_full_disk_leaves_no_half_key(void **state)
{
  pid_t child;
  int status;

  (void)state;
  child = fork();
  if (child == 0) {
    const struct rlimit none = {100, 100};
    atr_identity *id;
    char why[256] = "";

    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &none);
    _exit(atr_identity_open(&id, at_home("full"), why, sizeof why) == ATR_IO && strstr(why, "identity.pem") ? 0 : 1);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  assert_int_not_equal(access(at_home("full/identity.pem"), F_OK), 0);
  (void)open_key(at_home("full"));
}

/* --- check codes ----------------------------------------------------------------------------------------------- */

/* The bits are cut here in another way than in the code: digit by digit from the hash as a number. */
static void check_codes(void **state)
{
  static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  const char spki[] = "some key";
  char code[ATR_CHECK_CODE_BYTES], input[64], expected[ATR_CHECK_CODE_BYTES] = "";
  atr_hash hash;
  size_t at = 0;

  (void)state;
  assert_int_equal(atr_check_code(atr_span_of(spki, strlen(spki)), code), 0);
  snprintf(input, sizeof input, "atrium-code%s", spki);
  assert_int_equal(atr_sha256_of(input, strlen(input), &hash), 0);
  for (int i = 0; i < 20; i++) {
    unsigned value = 0;

    for (int bit = 5 * i; bit < 5 * i + 5; bit++)
      value = value << 1 | ((unsigned)hash.b[bit / 8] >> (7 - bit % 8) & 1u);
    if (i > 0 && i % 4 == 0)
      expected[at++] = '-';
    expected[at++] = alphabet[value];
  }
  assert_string_equal(code, expected);
}

static void codes_are_compared_as_people_type(void **state)
{
  (void)state;
  assert_true(atr_check_code_equal("ab10-01xy", "AB10-01XY"));
  assert_true(atr_check_code_equal(" aBio oLxY\n", "AB10-01XY"));
  assert_false(atr_check_code_equal("ab10-01x", "AB10-01XY"));
  assert_false(atr_check_code_equal("ab10-01xyz", "AB10-01XY"));
  assert_false(atr_check_code_equal("", "AB10-01XY"));
}

/* --- known hosts ----------------------------------------------------------------------------------------------- */

static atr_hash key_of(uint8_t n)
{
  atr_hash key = {{n, 1, 2, 3}};

  return key;
}

static void hosts_are_pinned_changed_and_forgotten(void **state)
{
  const char *folder = at_home("pins");
  char where[128];
  atr_hash a = key_of(1), b = key_of(2), found;

  (void)state;
  snprintf(where, sizeof where, "%s", folder);
  assert_int_equal(atr_pins_check(where, "host:1", &a, &found), ATR_PIN_UNKNOWN);
  assert_int_equal(atr_pins_forget(where, "host:1"), ATR_NOENT);
  assert_int_equal(atr_pins_set(where, "host:1", &a, "The host"), 0);
  assert_int_equal(atr_pins_set(where, "host:12", &b, NULL), 0);
  assert_int_equal(atr_pins_check(where, "host:1", &a, &found), ATR_PIN_MATCHES);
  assert_int_equal(atr_pins_check(where, "host:1", &b, &found), ATR_PIN_CHANGED);
  assert_memory_equal(&found, &a, sizeof a);
  assert_int_equal(atr_pins_check(where, "host:12", &b, NULL), ATR_PIN_MATCHES);
  assert_int_equal(atr_pins_know(where, &b), 1); /* whatever its address is */
  assert_int_equal(atr_pins_know(where, &(atr_hash){{9}}), 0);
  assert_int_equal(atr_pins_check(where, "host:", &a, NULL), ATR_PIN_UNKNOWN);
  assert_int_equal(atr_pins_set(where, "host:1", &b, "two\nlines"), 0);
  assert_int_equal(atr_pins_check(where, "host:1", &b, NULL), ATR_PIN_MATCHES);
  assert_int_equal(atr_pins_forget(where, "host:1"), 0);
  assert_int_equal(atr_pins_check(where, "host:1", &b, NULL), ATR_PIN_UNKNOWN);
  assert_int_equal(atr_pins_check(where, "host:12", &b, NULL), ATR_PIN_MATCHES);
  assert_int_equal(atr_pins_set(where, "two words", &b, NULL), ATR_INVAL);
  assert_int_equal(mode_of(at_home("pins/known_hosts")), 0600);
}

static void lines_of_a_newer_version_are_kept(void **state)
{
  char where[128];
  atr_hash a = key_of(1);
  char text[512] = "";
  FILE *f;

  (void)state;
  snprintf(where, sizeof where, "%s", at_home("newer"));
  assert_int_equal(mkdir(where, 0700), 0);
  write_file(at_home("newer/known_hosts"), "# a comment\n@future host:1 something\nhost:1 nothex");
  assert_int_equal(atr_pins_check(where, "host:1", &a, NULL), ATR_PIN_UNKNOWN);
  assert_int_equal(atr_pins_set(where, "host:1", &a, NULL), 0);
  assert_int_equal(atr_pins_check(where, "host:1", &a, NULL), ATR_PIN_MATCHES);
  f = fopen(at_home("newer/known_hosts"), "r");
  assert_true(fread(text, 1, sizeof text - 1, f) > 0);
  fclose(f);
  assert_memory_equal(text, "# a comment\n@future host:1 something\nhost:1 nothex\nhost:1 01", 60);
}

/* Every connection pinned its host anew: "first seen" was when it was seen last, and two syncs to the disk stood between the key and the hello. */
static void a_host_that_is_pinned_already_is_not_written_again(void **state)
{
  static const char first[] = "host:1 0101020300000000000000000000000000000000000000000000000000000000 5 Ada\n";
  char where[128], text[512] = "";
  atr_hash a = key_of(1), b = key_of(2);
  struct stat before, after;
  FILE *f;

  (void)state;
  snprintf(where, sizeof where, "%s", at_home("again"));
  assert_int_equal(mkdir(where, 0700), 0);
  write_file(at_home("again/known_hosts"), first);
  assert_int_equal(stat(at_home("again/known_hosts"), &before), 0);
  assert_int_equal(atr_pins_set(where, "host:1", &a, NULL), 0);
  assert_int_equal(stat(at_home("again/known_hosts"), &after), 0);
  assert_int_equal(before.st_ino, after.st_ino);
  f = fopen(at_home("again/known_hosts"), "r");
  assert_int_equal(fread(text, 1, sizeof text - 1, f), sizeof first - 1);
  fclose(f);
  assert_string_equal(text, first);
  assert_int_equal(atr_pins_set(where, "host:1", &a, "Bob"), 0); /* another name, or another key, is a change */
  assert_int_equal(stat(at_home("again/known_hosts"), &after), 0);
  assert_int_not_equal(before.st_ino, after.st_ino);
  assert_int_equal(atr_pins_set(where, "host:1", &b, NULL), 0);
  assert_int_equal(atr_pins_check(where, "host:1", &b, NULL), ATR_PIN_MATCHES);
}

static void processes_that_pin_together_lose_nothing(void **state)
{
  enum { PROCESSES = 6, HOSTS = 10 };
  char where[128], name[32];

  (void)state;
  snprintf(where, sizeof where, "%s", at_home("together"));
  for (int p = 0; p < PROCESSES; p++) {
    if (fork() != 0)
      continue;
    for (int h = 0; h < HOSTS; h++) {
      atr_hash key = key_of((uint8_t)p);

      snprintf(name, sizeof name, "host%d-%d:1", p, h);
      if (atr_pins_set(where, name, &key, NULL) != 0)
        _exit(1);
    }
    _exit(0);
  }
  for (int p = 0; p < PROCESSES; p++) {
    int status;

    assert_true(wait(&status) > 0);
    assert_int_equal(status, 0);
  }
  for (int p = 0; p < PROCESSES; p++)
    for (int h = 0; h < HOSTS; h++) {
      atr_hash key = key_of((uint8_t)p);

      snprintf(name, sizeof name, "host%d-%d:1", p, h);
      assert_int_equal(atr_pins_check(where, name, &key, NULL), ATR_PIN_MATCHES);
    }
}

/* ATR_PIN_LINE_BYTES: half of it is the address, the rest key, time and name. */
static void what_is_said_of_a_host_is_limited(void **state)
{
  char where[128], address[ATR_PIN_LINE_BYTES / 2 + 2], name[2000], line[2 * ATR_PIN_LINE_BYTES];
  atr_hash key = key_of(1);
  FILE *f;

  (void)state;
  snprintf(where, sizeof where, "%s", at_home("long"));
  memset(address, 'a', sizeof address);
  address[sizeof address - 1] = 0;
  memset(name, 'n', sizeof name);
  name[sizeof name - 1] = 0;
  assert_int_equal(atr_pins_set(where, address, &key, NULL), ATR_INVAL);
  address[sizeof address - 2] = 0;
  assert_int_equal(atr_pins_set(where, address, &key, name), 0);
  assert_int_equal(atr_pins_check(where, address, &key, NULL), ATR_PIN_MATCHES);
  f = fopen(at_home("long/known_hosts"), "r");
  assert_non_null(fgets(line, sizeof line, f));
  fclose(f);
  assert_true(strlen(line) <= ATR_PIN_LINE_BYTES);
}

static void the_number_of_hosts_is_limited(void **state)
{
  char where[128];
  atr_hash key = key_of(1);
  FILE *f;

  (void)state;
  snprintf(where, sizeof where, "%s", at_home("many"));
  assert_int_equal(mkdir(where, 0700), 0);
  f = fopen(at_home("many/known_hosts"), "w");
  for (unsigned i = 0; i < ATR_PINS_MAX; i++)
    fprintf(f, "host%u:1 %064u 2026-01-01 \n", i, i);
  fclose(f);
  assert_int_equal(atr_pins_set(where, "new:1", &key, NULL), ATR_LIMIT);
  assert_int_equal(atr_pins_set(where, "host77:1", &key, NULL), 0);
  assert_int_equal(atr_pins_check(where, "host77:1", &key, NULL), ATR_PIN_MATCHES);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_key_stays),
      cmocka_unit_test(the_key_is_the_hash_of_the_spki),
      cmocka_unit_test(processes_that_start_together_have_one_key),
      cmocka_unit_test(unsafe_permissions_are_repaired),
      cmocka_unit_test(damaged_keys_are_named),
      cmocka_unit_test(folders_that_cannot_be_are_named),
      cmocka_unit_test(another_users_files_are_refused),
      cmocka_unit_test(an_unreadable_key_is_named),
      cmocka_unit_test(a_full_disk_leaves_no_half_key),
      cmocka_unit_test(check_codes),
      cmocka_unit_test(codes_are_compared_as_people_type),
      cmocka_unit_test(hosts_are_pinned_changed_and_forgotten),
      cmocka_unit_test(lines_of_a_newer_version_are_kept),
      cmocka_unit_test(a_host_that_is_pinned_already_is_not_written_again),
      cmocka_unit_test(processes_that_pin_together_lose_nothing),
      cmocka_unit_test(what_is_said_of_a_host_is_limited),
      cmocka_unit_test(the_number_of_hosts_is_limited),
  };

  return cmocka_run_group_tests(tests, make_home, remove_home);
}
