/* SPDX-License-Identifier: MIT
 *
 * What a server keeps of passwords: each room's and its own, in one file that survives restarts, names with spaces, and is refused by name where somebody has
 * written something else into it. A name that has none is answered like one that has. */
#include "home_test.h"
#include "test.h"

#include "server/passwords.h"

static const uint8_t key[ATR_KEYED_BYTES] = {7};

static int try_open(atr_passwords **out, char *why, size_t why_bytes)
{
  return atr_passwords_open(out, home, key, why, why_bytes);
}

static atr_passwords *open_kept(void)
{
  atr_passwords *passwords;
  char why[512] = "";

  assert_ok(try_open(&passwords, why, sizeof why));
  return passwords;
}

/* The server writes what has changed, and ends. */
static void end_kept(atr_passwords *passwords)
{
  char why[512] = "";

  assert_ok(atr_kept_save(atr_passwords_file(passwords), why, sizeof why));
  atr_passwords_free(passwords);
}

static atr_password derived(uint8_t n)
{
  atr_password p = {.passes = 2, .memory_kib = 64};

  memset(p.salt, n, sizeof p.salt);
  memset(p.secret, n + 1, sizeof p.secret);
  return p;
}

static bool is_of(const atr_passwords *passwords, const char *name, const atr_id *room, const atr_password *expected)
{
  atr_password found;
  atr_id id;

  atr_passwords_of_name(passwords, name, &found, &id);
  return atr_id_equal(&id, room) && found.passes == expected->passes && found.memory_kib == expected->memory_kib &&
         memcmp(found.salt, expected->salt, sizeof found.salt) == 0 &&
         memcmp(found.secret, expected->secret, sizeof found.secret) == 0;
}

static void they_are_there_after_a_restart(void **state)
{
  atr_id film = {{1}}, book = {{2}}, nobody = {{0}};
  atr_password of_film = derived(1), of_book = derived(2), own = derived(3), made_up;
  atr_passwords *passwords = open_kept();

  (void)state;
  atr_password_of_nobody(&made_up, key, "Book");
  assert_true(is_of(passwords, "Book", &nobody, &made_up));
  assert_ok(atr_passwords_set(passwords, &film, " Der  Film ", &of_film));
  assert_ok(atr_passwords_set(passwords, NULL, NULL, &own));
  assert_ok(atr_passwords_set(passwords, &book, "Book", &of_book));
  for (int again = 0; again < 2; again++) {
    assert_true(is_of(passwords, " Der  Film ", &film, &of_film));
    assert_true(is_of(passwords, "Book", &book, &of_book));
    assert_false(is_of(passwords, "book", &book, &of_book));
    assert_memory_equal(atr_passwords_of_server(passwords)->secret, own.secret, sizeof own.secret);
    end_kept(passwords);
    passwords = open_kept();
  }
  assert_ok(atr_passwords_set(passwords, NULL, NULL, NULL));
  assert_ok(atr_passwords_set(passwords, &book, "Book", NULL));
  assert_ok(atr_passwords_set(passwords, &book, "Book", NULL)); /* there is none any more */
  end_kept(passwords);
  passwords = open_kept();
  assert_null(atr_passwords_of_server(passwords));
  assert_false(atr_passwords_has(passwords, &book));
  assert_true(atr_passwords_has(passwords, &film));
  assert_true(is_of(passwords, "Book", &nobody, &made_up));
  end_kept(passwords);
}

/* The salt is that of the name, before and after. */
static void a_new_password_has_the_salt_that_was_always_shown(void **state)
{
  atr_passwords *passwords = open_kept();
  atr_password shown, begun, again;
  atr_id room;

  (void)state;
  atr_passwords_of_name(passwords, "Film", &shown, &room);
  assert_ok(atr_passwords_begin(passwords, "Film", &begun));
  assert_memory_equal(shown.salt, begun.salt, sizeof shown.salt);
  assert_int_equal(shown.passes, begun.passes);
  assert_int_equal(shown.memory_kib, begun.memory_kib);
  assert_ok(atr_passwords_begin(passwords, NULL, &begun)); /* the server's: random */
  assert_ok(atr_passwords_begin(passwords, NULL, &again));
  assert_memory_not_equal(begun.salt, again.salt, sizeof begun.salt);
  end_kept(passwords);
}

/* Rooms that there are, and the name of one more that has no password. */
static struct {
  atr_id ids[2];
  const char *other;
} here;

static bool has_room(const void *ctx, const atr_id *room)
{
  (void)ctx;
  return !atr_id_is_zero(room) && (atr_id_equal(&here.ids[0], room) || atr_id_equal(&here.ids[1], room));
}

static bool has_named(const void *ctx, const char *name)
{
  (void)ctx;
  return here.other && strcmp(here.other, name) == 0;
}

static const atr_rooms_there rooms = {.has = has_room, .has_named = has_named};

/* The first was lost with the server; the second was made the next day, before the first has come back. The password of the first ended by that. */
static void a_room_that_was_lost_keeps_its_password_whoever_takes_its_name(void **state)
{
  atr_id first = {{1}}, second = {{2}}, nobody = {{0}}, holder;
  atr_password one = derived(1), two = derived(2), made_up;
  atr_passwords *passwords = open_kept();

  (void)state;
  memset(&here, 0, sizeof here);
  atr_password_of_nobody(&made_up, key, "Film");
  assert_ok(atr_passwords_set(passwords, &first, "Film", &one));
  end_kept(passwords);
  passwords = open_kept();
  atr_passwords_tell_rooms(passwords, &rooms);
  assert_true(is_of(passwords, "Film", &first, &one));
  assert_false(atr_passwords_holder(passwords, "Film", &holder));

  here.other = "Film"; /* whoever types the name means what is there */
  assert_true(is_of(passwords, "Film", &nobody, &made_up));
  here.ids[0] = second;
  assert_ok(atr_passwords_set(passwords, &second, "Film", &two));
  assert_true(is_of(passwords, "Film", &second, &two));
  assert_true(atr_passwords_holder(passwords, "Film", &holder));
  assert_true(atr_id_equal(&holder, &second));
  assert_true(atr_passwords_has(passwords, &second));
  assert_false(atr_passwords_has(passwords, &first));

  here.ids[1] = first; /* it comes back */
  assert_true(is_of(passwords, "Film", &first, &one));
  assert_true(atr_passwords_holder(passwords, "Film", &holder));
  assert_true(atr_id_equal(&holder, &first));
  assert_true(atr_passwords_has(passwords, &first));
  assert_false(atr_passwords_has(passwords, &second));
  end_kept(passwords);

  memset(&here, 0, sizeof here); /* both are lost: the last one was there last */
  passwords = open_kept();
  atr_passwords_tell_rooms(passwords, &rooms);
  assert_true(is_of(passwords, "Film", &second, &two));
  assert_ok(atr_passwords_set(passwords, &second, "Film", &one)); /* its own, changed */
  assert_true(is_of(passwords, "Film", &second, &one));
  assert_ok(atr_passwords_set(passwords, &second, "Film", NULL));
  assert_ok(atr_passwords_set(passwords, &first, "Film", NULL));
  assert_true(is_of(passwords, "Film", &nobody, &made_up));
  end_kept(passwords);
}

/* ATR_PASSWORD_BYTES_MAX */
static void a_password_has_so_many_bytes(void **state)
{
  char text[ATR_PASSWORD_BYTES_MAX + 1];
  atr_password p = derived(1);

  (void)state;
  memset(text, 'x', sizeof text);
  assert_ok(atr_password_derive(&p, atr_span_of(text, ATR_PASSWORD_BYTES_MAX)));
  assert_err(atr_password_derive(&p, atr_span_of(text, ATR_PASSWORD_BYTES_MAX + 1)), ATR_INVAL);
  assert_err(atr_password_derive(&p, atr_span_of(text, 0)), ATR_INVAL);
}

/* ATR_ROOMS_MAX, of which all may have one; those of rooms that are gone make way. */
static void as_many_rooms_as_there_can_be_have_one(void **state)
{
  atr_passwords *passwords = open_kept();
  atr_password p = derived(1);
  char name[ATR_ROOM_NAME_BYTES_MAX + 1];
  atr_id room = {{0}};

  (void)state;
  for (uint32_t i = 1; i <= ATR_ROOMS_MAX; i++) {
    atr_put_u32(room.b, i);
    snprintf(name, sizeof name, "%0*u", (int)sizeof name - 1, i);
    assert_ok(atr_passwords_set(passwords, &room, name, &p));
  }
  assert_ok(atr_passwords_set(passwords, &room, name, &p)); /* changed */
  atr_put_u32(room.b, ATR_ROOMS_MAX + 1);
  assert_err(atr_passwords_set(passwords, &room, "one more", &p), ATR_LIMIT);
  end_kept(passwords);
  passwords = open_kept();
  atr_put_u32(room.b, ATR_ROOMS_MAX);
  assert_true(atr_passwords_has(passwords, &room));
  atr_put_u32(room.b, 3);
  memset(&here, 0, sizeof here);
  here.ids[0] = room;
  atr_passwords_tell_rooms(passwords, &rooms);
  for (uint32_t i = 1; i < ATR_ROOMS_MAX; i++)
    assert_true(atr_passwords_drop_lost(passwords));
  assert_false(atr_passwords_drop_lost(passwords));
  assert_true(atr_passwords_has(passwords, &room));
  end_kept(passwords);
  passwords = open_kept();
  assert_true(atr_passwords_has(passwords, &room));
  atr_put_u32(room.b, ATR_ROOMS_MAX);
  assert_false(atr_passwords_has(passwords, &room));
  end_kept(passwords);
}

#define SALT "00112233445566778899aabbccddeeff"
#define SECRET SALT SALT
#define ROOM SALT

static void a_file_that_was_not_written_so_is_named(void **state)
{
  static const char *const bad[] = {
      "nonsense\n",
      "argon2id 2 64 " SALT " 12\n",
      "argon2id -2 64 " SALT " " SECRET "\n",
      "argon2id 2 99999999999 " SALT " " SECRET "\n",
      "room " ROOM " argon2id 2 64 " SALT " " SECRET "\n",
      "room 12 argon2id 2 64 " SALT " " SECRET " Film\n",
      "room " ROOM " argon2id 2 64 " SALT " 12 Film\n",
      "room " ROOM "\n",
  };
  atr_passwords *passwords;
  char path[128], why[512];

  (void)state;
  snprintf(path, sizeof path, "%s/password", home);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(bad[i], file);
    fclose(file);
    why[0] = 0;
    assert_err(try_open(&passwords, why, sizeof why), ATR_IO);
    assert_non_null(strstr(why, "delete it and set the password anew"));
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(they_are_there_after_a_restart, make_home, remove_home),
      cmocka_unit_test_setup_teardown(a_new_password_has_the_salt_that_was_always_shown, make_home, remove_home),
      cmocka_unit_test_setup_teardown(a_room_that_was_lost_keeps_its_password_whoever_takes_its_name, make_home,
                                      remove_home),
      cmocka_unit_test(a_password_has_so_many_bytes),
      cmocka_unit_test_setup_teardown(as_many_rooms_as_there_can_be_have_one, make_home, remove_home),
      cmocka_unit_test_setup_teardown(a_file_that_was_not_written_so_is_named, make_home, remove_home),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
