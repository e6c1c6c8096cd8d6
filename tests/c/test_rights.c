/* SPDX-License-Identifier: MIT
 *
 * The server's table of rights: who may do what, and a file that survives restarts, names that try to be lines, and hands that edit it. */
#include "test.h"

#include "server/rights.h"

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

static atr_rights *open_list(void)
{
  char why[256];
  atr_rights *rights;

  assert_ok(atr_rights_open(&rights, folder, why, sizeof why));
  return rights;
}

/* The server writes what has changed, and ends. */
static void end_list(atr_rights *rights)
{
  char why[256] = "";

  assert_ok(atr_kept_save(atr_rights_file(rights), why, sizeof why));
  atr_rights_free(rights);
}

static atr_hash key(uint8_t n)
{
  atr_hash hash;

  memset(hash.b, n, sizeof hash.b);
  return hash;
}

static atr_standing standing(const atr_rights *rights, const atr_hash *hash)
{
  atr_who who = {.key = *hash};

  return atr_rights_standing(rights, &who);
}

static bool may(const atr_rights *rights, uint8_t n, atr_deed deed, const atr_id *room)
{
  atr_who who = {.key = key(n)};

  return atr_rights_may(rights, &who, deed, room, NULL);
}

static void what_is_remembered_is_there_again(void **state)
{
  atr_hash good = key(1), bad = key(2), once = key(3), changed = key(4);
  atr_rights *rights = open_list();

  (void)state;
  assert_int_equal(standing(rights, &good), ATR_IS_STRANGER);
  assert_ok(atr_rights_admit(rights, &good, "Ada\nrefuse", true));
  assert_ok(atr_rights_admit(rights, &once, "Once", false));
  assert_ok(atr_rights_refuse(rights, &bad, "", ""));
  assert_ok(atr_rights_refuse(rights, &changed, "x", ""));
  assert_ok(atr_rights_admit(rights, &changed, "x", true));
  assert_int_equal(standing(rights, &once), ATR_IS_MEMBER);
  end_list(rights);

  rights = open_list();
  assert_int_equal(standing(rights, &good), ATR_IS_MEMBER);
  assert_int_equal(standing(rights, &bad), ATR_IS_REFUSED);
  assert_int_equal(standing(rights, &once), ATR_IS_STRANGER);
  assert_int_equal(standing(rights, &changed), ATR_IS_MEMBER);
  end_list(rights);
}

/* Whoever may enter, and by which name, is the host's affair. */
static void nobody_else_reads_it(void **state)
{
  atr_hash somebody = key(9);
  atr_rights *rights = open_list();
  char path[128];
  struct stat st;

  (void)state;
  assert_ok(atr_rights_admit(rights, &somebody, "Ada", true));
  end_list(rights);
  snprintf(path, sizeof path, "%s/guests", folder);
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
}

static void lines_that_are_none_are_passed_over(void **state)
{
  atr_hash good = key(0x11);
  char path[128];
  atr_rights *rights;
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
  rights = open_list();
  assert_int_equal(standing(rights, &good), ATR_IS_MEMBER);
  end_list(rights);
}

/* Somebody who came for one room. */
static void a_row_for_a_room_opens_that_room_alone(void **state)
{
  atr_id film = {{1}}, other = {{2}}, only;
  atr_hash ada = key(1), ben = key(2), zoe = key(3);
  atr_rights *rights = open_list();

  (void)state;
  assert_ok(atr_rights_admit_to(rights, &ada, &film, "Ada"));
  assert_ok(atr_rights_admit_to(rights, &ben, &film, "Ben\nallow"));
  assert_ok(atr_rights_admit_to(rights, &ben, &other, "Ben\nallow"));
  assert_ok(atr_rights_refuse(rights, &zoe, "Zoe", ""));
  assert_ok(atr_rights_admit_to(rights, &zoe, &film, "Zoe"));
  for (int again = 0; again < 2; again++) {
    assert_int_equal(standing(rights, &ada), ATR_IS_GUEST);
    assert_true(may(rights, 1, ATR_MAY_ENTER, &film));
    assert_false(may(rights, 1, ATR_MAY_ENTER, &other));
    assert_false(may(rights, 1, ATR_MAY_ENTER, NULL));
    assert_true(may(rights, 2, ATR_MAY_ENTER, &other));
    assert_false(may(rights, 3, ATR_MAY_ENTER, &film));
    assert_false(may(rights, 4, ATR_MAY_ENTER, &film));
    assert_true(atr_rights_only_room(rights, &ada, &only) && atr_id_equal(&only, &film));
    assert_false(atr_rights_only_room(rights, &ben, &only));
    end_list(rights);
    rights = open_list();
  }
  assert_ok(atr_rights_admit(rights, &ada, "Ada", false)); /* until the server ends */
  assert_true(may(rights, 1, ATR_MAY_ENTER, &other));
  assert_ok(atr_rights_admit_to(rights, &ada, &film, "Ada"));
  end_list(rights);
  rights = open_list();
  assert_int_equal(standing(rights, &ada), ATR_IS_GUEST);
  assert_ok(atr_rights_admit(rights, &ada, "Ada", true));
  end_list(rights);
  rights = open_list();
  assert_int_equal(standing(rights, &ada), ATR_IS_MEMBER);
  end_list(rights);
}

/* The table of docs/security.md. */
static void who_may_do_what(void **state)
{
  static const struct {
    const char *who;
    bool may[ATR_DEEDS];
  } table[] = {
      /*              enter, create, admit, invite, password, room's password, who can reach it, end */
      {"stranger", {false, false, false, false, false, false, false, false}},
      {"guest", {true, false, false, false, false, false, false, false}},
      {"member", {true, true, false, false, false, false, false, false}},
      {"creator", {true, true, false, false, false, true, false, false}},
      {"host", {true, true, true, true, true, true, true, true}},
  };
  atr_id film = {{1}};
  atr_hash guest = key(1), member = key(2), creator = key(3);
  atr_rights *rights = open_list();

  (void)state;
  assert_ok(atr_rights_admit_to(rights, &guest, &film, ""));
  assert_ok(atr_rights_admit(rights, &member, "", true));
  assert_ok(atr_rights_admit(rights, &creator, "", true));
  for (unsigned i = 0; i < 5; i++) {
    atr_who who = {.key = key((uint8_t)i), .is_host = i == 4};

    for (int deed = 0; deed < ATR_DEEDS; deed++)
      if (atr_rights_may(rights, &who, deed, &film, &creator) != table[i].may[deed])
        fail_msg("%s, deed %d", table[i].who, deed);
  }
  /* Who has created a room and was thrown out has lost that, too. */
  assert_ok(atr_rights_refuse(rights, &creator, "", ""));
  assert_false(atr_rights_may(rights, &(atr_who){.key = creator}, ATR_MAY_SET_ROOM_PASSWORD, &film, &creator));
  atr_rights_open_to_all(rights);
  assert_true(may(rights, 9, ATR_MAY_CREATE, NULL));
  assert_false(may(rights, 3, ATR_MAY_ENTER, &film));
  end_list(rights);
}

/* ATR_GUEST_ROOMS_MAX. */
static void so_many_rooms_of_one_guest_are_remembered(void **state)
{
  atr_rights *rights = open_list();
  atr_hash ada = key(1);
  atr_id room = {{0}};

  (void)state;
  for (uint32_t i = 0; i <= ATR_GUEST_ROOMS_MAX; i++) {
    atr_put_u32(room.b, i + 1);
    assert_ok(atr_rights_admit_to(rights, &ada, &room, "Ada"));
  }
  assert_true(may(rights, 1, ATR_MAY_ENTER, &room));
  atr_put_u32(room.b, 2);
  assert_true(may(rights, 1, ATR_MAY_ENTER, &room));
  atr_put_u32(room.b, 1);
  assert_false(may(rights, 1, ATR_MAY_ENTER, &room));
  end_list(rights);
}

/* Whoever edits the file need not know in which order lines count. */
static void lines_about_rooms_are_read_as_they_are_meant(void **state)
{
  char path[128], hex[ATR_HASH_HEX + 1];
  atr_hash ada = key(1), ben = key(2);
  atr_id film = {{1}};
  atr_rights *rights;
  FILE *file;

  (void)state;
  snprintf(path, sizeof path, "%s/guests", folder);
  file = fopen(path, "w");
  assert_non_null(file);
  atr_hash_to_hex(&ada, hex);
  fprintf(file, "room %s\nroom %s 12 Ada\nroom %s 01000000000000000000000000000000 Ada\n", hex, hex, hex);
  atr_hash_to_hex(&ben, hex);
  fprintf(file, "room %s 01000000000000000000000000000000 Ben\nallow %s Ben\nrefuse %s\n", hex, hex, hex);
  fclose(file);
  rights = open_list();
  assert_int_equal(standing(rights, &ada), ATR_IS_GUEST);
  assert_true(may(rights, 1, ATR_MAY_ENTER, &film));
  assert_int_equal(standing(rights, &ben), ATR_IS_MEMBER);
  end_list(rights);
}

static void the_list_is_bounded(void **state)
{
  atr_rights *rights = open_list();
  atr_hash hash = {{0}};
  atr_id room = {{1}};

  (void)state;
  for (uint32_t i = 0; i < ATR_GUESTS_MAX; i++) {
    atr_put_u32(hash.b, i);
    assert_ok(atr_rights_admit(rights, &hash, "", false));
  }
  hash.b[8] = 1;
  assert_err(atr_rights_admit(rights, &hash, "", false), ATR_LIMIT);
  assert_err(atr_rights_admit_to(rights, &hash, &room, ""), ATR_LIMIT);
  end_list(rights);
}

struct told {
  uint32_t n;
  atr_hash first, last;
  char name[64], code[64];
};

static void note_refused(void *ctx, const atr_hash *hash, const char *name, const char *code)
{
  struct told *told = ctx;

  if (told->n++ == 0)
    told->first = *hash;
  told->last = *hash;
  snprintf(told->name, sizeof told->name, "%s", name);
  snprintf(told->code, sizeof told->code, "%s", code);
}

static struct told refused(const atr_rights *rights)
{
  struct told told = {0};

  atr_rights_refused(rights, note_refused, &told);
  return told;
}

static void assert_first(const atr_rights *rights, const atr_hash *hash)
{
  struct told told = refused(rights);

  assert_true(atr_hash_equal(&told.first, hash));
}

static void assert_last(const atr_rights *rights, const atr_hash *hash)
{
  struct told told = refused(rights);

  assert_true(atr_hash_equal(&told.last, hash));
}

static void who_was_refused_for_good_is_a_stranger_again(void **state)
{
  atr_hash eve = key(1), bob = key(2), nobody = key(3);
  atr_id film = {{1}};
  atr_rights *rights = open_list();

  (void)state;
  assert_ok(atr_rights_admit_to(rights, &eve, &film, "Eve"));
  assert_ok(atr_rights_refuse(rights, &eve, "Eve", ""));
  assert_ok(atr_rights_refuse(rights, &bob, "Bob", ""));
  assert_ok(atr_rights_refuse(rights, &bob, "", "")); /* who is not here any more keeps the name */
  assert_int_equal(refused(rights).n, 2);
  assert_string_equal(refused(rights).name, "Bob");
  assert_err(atr_rights_pardon(rights, &nobody), ATR_NOENT);
  assert_ok(atr_rights_pardon(rights, &eve));
  assert_err(atr_rights_pardon(rights, &eve), ATR_NOENT);
  for (int again = 0; again < 2; again++) {
    assert_int_equal(standing(rights, &eve), ATR_IS_STRANGER);
    assert_false(may(rights, 1, ATR_MAY_ENTER, &film));
    assert_int_equal(refused(rights).n, 1);
    assert_last(rights, &bob);
    assert_string_equal(refused(rights).name, "Bob");
    end_list(rights);
    rights = open_list();
  }
  end_list(rights);
}

/* --allow: he is in, so he is not kept out; the refusal stands until it is taken back, and then he stays in. */
static void who_is_let_in_until_the_end_is_not_kept_out(void **state)
{
  atr_hash eve = key(1);
  atr_rights *rights = open_list();

  (void)state;
  assert_ok(atr_rights_refuse(rights, &eve, "Eve", ""));
  assert_ok(atr_rights_admit(rights, &eve, "", false));
  assert_int_equal(standing(rights, &eve), ATR_IS_MEMBER);
  assert_int_equal(refused(rights).n, 0);
  end_list(rights);
  rights = open_list();
  assert_string_equal(refused(rights).name, "Eve");
  assert_ok(atr_rights_admit(rights, &eve, "", false));
  assert_ok(atr_rights_pardon(rights, &eve));
  assert_int_equal(standing(rights, &eve), ATR_IS_MEMBER);
  end_list(rights);
  rights = open_list();
  assert_int_equal(standing(rights, &eve), ATR_IS_STRANGER);
  end_list(rights);
}

static void so_many_refusals_are_told(void **state)
{
  atr_hash hash = {{0}}, first = {{0}};
  atr_rights *rights = open_list();
  char path[128];
  FILE *file;

  (void)state;
  end_list(rights);
  snprintf(path, sizeof path, "%s/guests", folder);
  file = fopen(path, "w");
  assert_non_null(file);
  for (uint32_t i = 0; i < ATR_KEPT_OUT_TOLD_MAX + 3; i++)
    fprintf(file, "refuse %08x%056x user\n", i, 0);
  fclose(file);
  rights = open_list();
  assert_int_equal(refused(rights).n, ATR_KEPT_OUT_TOLD_MAX);
  atr_put_u32(hash.b, ATR_KEPT_OUT_TOLD_MAX + 2);
  assert_last(rights, &hash);
  atr_put_u32(first.b, 3);
  assert_first(rights, &first);
  assert_ok(atr_rights_pardon(rights, &hash)); /* the next takes the place */
  atr_put_u32(first.b, 2);
  assert_int_equal(refused(rights).n, ATR_KEPT_OUT_TOLD_MAX);
  assert_first(rights, &first);
  end_list(rights);
}

/* Of two who call themselves alike the code tells which is which, also after a restart; and no name passes for one. */
static void check_codes_of_the_refused_are_kept(void **state)
{
  static const char code[] = "0123-4567-89AB-CDEF-GHJK", other[] = "ZZZZ-4567-89AB-CDEF-GHJK";
  static const char spoof[] = "code:0123-4567-89AB-CDEF-GHJK Bob";
  atr_rights *rights = open_list();
  atr_hash eve = key(1), unknown = key(2), liar = key(3), absent_liar = key(4);

  (void)state;
  assert_ok(atr_rights_refuse(rights, &unknown, "Eve", ""));
  assert_ok(atr_rights_refuse(rights, &eve, "Eve", code));
  assert_ok(atr_rights_refuse(rights, &eve, "", "")); /* once more, when she is not there */
  for (int restarts = 0; restarts < 3; restarts++) {
    assert_int_equal(refused(rights).n, 2);
    assert_string_equal(refused(rights).name, "Eve");
    assert_string_equal(refused(rights).code, code);
    end_list(rights);
    rights = open_list();
  }
  assert_ok(atr_rights_refuse(rights, &liar, spoof, other));
  for (int restarts = 0; restarts < 3; restarts++) {
    assert_string_equal(refused(rights).name, spoof);
    assert_string_equal(refused(rights).code, other);
    end_list(rights);
    rights = open_list();
  }
  assert_ok(atr_rights_refuse(rights, &absent_liar, spoof, ""));
  for (int restarts = 0; restarts < 3; restarts++) {
    assert_string_equal(refused(rights).name, spoof);
    assert_string_equal(refused(rights).code, "");
    end_list(rights);
    rights = open_list();
  }
  assert_int_equal(refused(rights).n, 4);
  atr_rights_free(rights);
}

/* Strangers have no budget here, whatever they try (all of them share one: guard.h); who has a row has one that is nobody else's, and it is bounded. */
static void a_flood_of_strangers_costs_no_guest_a_guess(void **state)
{
  atr_rights *rights = open_list();
  atr_hash ben = key(1), carla = key(2), eve = key(3), stranger = key(4);
  uint64_t now_ms = 1000;
  atr_guard strangers;
  unsigned taken = 0;
  uint32_t wait_s;
  atr_id film = {{7}}, book = {{8}};

  (void)state;
  assert_ok(atr_rights_admit(rights, &ben, "Ben", true));
  assert_ok(atr_rights_admit_to(rights, &carla, &film, "Carla"));
  assert_ok(atr_rights_refuse(rights, &eve, "Eve", ""));
  assert_null(atr_rights_guard(rights, &eve, now_ms));
  atr_guard_init(&strangers, now_ms);
  for (uint32_t i = 0; i < 10000; i++) {
    memcpy(stranger.b, &i, sizeof i);
    assert_null(atr_rights_guard(rights, &stranger, now_ms));
    taken += atr_guard_take(&strangers, now_ms, &wait_s);
  }
  assert_int_equal(taken, ATR_GUESSES_AT_ONCE);
  assert_true(wait_s > 0);
  for (int i = 0; i < ATR_GUESSES_AT_ONCE; i++)
    assert_true(atr_guard_take(atr_rights_guard(rights, &ben, now_ms), now_ms, &wait_s));
  assert_int_equal(wait_s, 0);
  for (int i = 0; i < 10000; i++)
    assert_false(
        atr_guard_take(atr_rights_guard(rights, &ben, now_ms), now_ms, &wait_s)); /* it is the same one each time */
  assert_true(atr_guard_take(atr_rights_guard(rights, &carla, now_ms), now_ms, &wait_s)); /* and Carla has another */
  for (int i = 1; i < ATR_GUESSES_AT_ONCE; i++)
    assert_true(atr_guard_take(atr_rights_guard(rights, &carla, now_ms), now_ms, &wait_s));
  assert_ok(atr_rights_admit_to(rights, &carla, &book, "Carla")); /* a further row, or a name, is no new budget */
  assert_ok(atr_rights_admit(rights, &carla, "Carla", true));
  assert_false(atr_guard_take(atr_rights_guard(rights, &carla, now_ms), now_ms, &wait_s));
  assert_true(atr_guard_take(atr_rights_guard(rights, &ben, now_ms + ATR_GUESS_MS), now_ms + ATR_GUESS_MS, &wait_s));
  atr_rights_free(rights);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(what_is_remembered_is_there_again, make_folder, drop_folder),
      cmocka_unit_test_setup_teardown(nobody_else_reads_it, make_folder, drop_folder),
      cmocka_unit_test_setup_teardown(lines_that_are_none_are_passed_over, make_folder, drop_folder),
      cmocka_unit_test_setup_teardown(a_row_for_a_room_opens_that_room_alone, make_folder, drop_folder),
      cmocka_unit_test_setup_teardown(who_may_do_what, make_folder, drop_folder),
      cmocka_unit_test_setup_teardown(so_many_rooms_of_one_guest_are_remembered, make_folder, drop_folder),
      cmocka_unit_test_setup_teardown(lines_about_rooms_are_read_as_they_are_meant, make_folder, drop_folder),
      cmocka_unit_test_setup_teardown(the_list_is_bounded, make_folder, drop_folder),
      cmocka_unit_test_setup_teardown(who_was_refused_for_good_is_a_stranger_again, make_folder, drop_folder),
      cmocka_unit_test_setup_teardown(who_is_let_in_until_the_end_is_not_kept_out, make_folder, drop_folder),
      cmocka_unit_test_setup_teardown(so_many_refusals_are_told, make_folder, drop_folder),
      cmocka_unit_test_setup_teardown(check_codes_of_the_refused_are_kept, make_folder, drop_folder),
      cmocka_unit_test_setup_teardown(a_flood_of_strangers_costs_no_guest_a_guess, make_folder, drop_folder),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
