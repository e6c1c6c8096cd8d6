/* SPDX-License-Identifier: MIT
 *
 * Invites: what is written is read as the same, whatever a chat program does around it; a damaged one is never taken for
 * another. */
#include "examples.h"

#include "base/base64.h"
#include "transport/invite.h"

#include <uv.h>

static const char *const texts[] = {
    "192.168.0.48",        "192.168.0.48:9090",        "[2001:db8::5]:9090",   "host.example:12800",
    "0.tcp.example:12489", "https://x.tunnel.example", "ws://host:81/a/b?k=v",
};

static void fill(atr_invite *invite)
{
  memset(invite, 0, sizeof *invite);
  for (size_t i = 0; i < ATR_HASH_BYTES; i++)
    invite->key.b[i] = (uint8_t)(i * 7);
  for (size_t i = 0; i < ATR_INVITE_TOKEN_BYTES; i++)
    invite->token[i] = (uint8_t)(0xff - i * 5);
  invite->room.b[3] = 9;
  invite->addresses_count = sizeof texts / sizeof *texts;
  for (size_t i = 0; i < invite->addresses_count; i++) {
    char why[128] = "";

    assert_ok(atr_address_parse(texts[i], strlen(texts[i]), ATR_PORT_DEFAULT, &invite->addresses[i], why, sizeof why));
  }
}

static char *link_of(const atr_invite *invite)
{
  atr_buf buf;
  char *link;

  atr_buf_init(&buf, 16384);
  assert_ok(atr_invite_write(invite, &buf));
  link = calloc(1, buf.len + 1);
  assert_non_null(link);
  memcpy(link, buf.data, buf.len);
  atr_buf_free(&buf);
  return link;
}

static void assert_same(const atr_invite *a, const atr_invite *b)
{
  assert_true(atr_hash_equal(&a->key, &b->key));
  assert_memory_equal(a->token, b->token, sizeof a->token);
  assert_true(atr_id_equal(&a->room, &b->room));
  assert_int_equal(a->addresses_count, b->addresses_count);
  for (size_t i = 0; i < a->addresses_count; i++) {
    char one[ATR_ADDRESS_TEXT_BYTES], two[ATR_ADDRESS_TEXT_BYTES];

    atr_address_text(&a->addresses[i], one);
    atr_address_text(&b->addresses[i], two);
    assert_string_equal(one, two);
    assert_int_equal(a->addresses[i].kind, b->addresses[i].kind);
  }
}

static void read_text(const char *text, size_t len, const atr_invite *expected)
{
  char why[256] = "";
  atr_invite read;

  assert_true(atr_invite_is_in(text, len));
  if (atr_invite_read(text, len, &read, why, sizeof why) < 0)
    fail_msg("%.*s: %s", (int)len, text, why);
  assert_same(expected, &read);
}

static void is_read_as_it_was_written(void **state)
{
  static const char *const around[][2] = {
      {"", ""},           {"  ", "\n"},
      {"<", ">"},         {"\"", "\""},
      {"Join me: ", "."}, {"(", ")"},
      {"`", "`"},         {"> ", " \r\n> thanks"},
      {"", ", or call"},  {"\xe2\x80\x9c", "\xe2\x80\x9d"},
  };
  atr_invite invite;
  char *link, text[8192];

  (void)state;
  fill(&invite);
  link = link_of(&invite);
  assert_memory_equal(link, "atrium://join#", 14);
  for (size_t i = 0; i < sizeof around / sizeof *around; i++) {
    snprintf(text, sizeof text, "%s%s%s", around[i][0], link, around[i][1]);
    read_text(text, strlen(text), &invite);
  }
  free(link);
}

/* As mail programs break long lines, with the sentence going on in the next. */
static void may_be_broken_by_lines(void **state)
{
  static const char *const breaks[] = {"\n", "\r\n", "\n> ", " \n", "\n>> ", "\n| ", "\xc2\xa0\n", "=\n", " > "};
  atr_invite invite;
  char *link, text[8192];

  (void)state;
  fill(&invite);
  link = link_of(&invite);
  for (size_t k = 0; k < sizeof breaks / sizeof *breaks; k++) {
    size_t n = 0;

    for (size_t i = 0; link[i]; i++) {
      text[n++] = link[i];
      if (i % 72 == 71) {
        memcpy(text + n, breaks[k], strlen(breaks[k]));
        n += strlen(breaks[k]);
      }
    }
    n += (size_t)snprintf(text + n, sizeof text - n, "%ssee you there", breaks[k]);
    read_text(text, n, &invite);
  }
  free(link);
}

static void expect_wrong(const char *text, size_t len, const char *sentence)
{
  char why[256] = "";
  atr_invite read;

  assert_err(atr_invite_read(text, len, &read, why, sizeof why), ATR_INVITE);
  if (!strstr(why, sentence))
    fail_msg("%.*s: %s", (int)len, text, why);
}

static void damage_is_noticed(void **state)
{
  atr_invite invite;
  char *link;
  size_t n;

  (void)state;
  fill(&invite);
  link = link_of(&invite);
  n = strlen(link);
  for (size_t cut = 14; cut < n; cut++)
    expect_wrong(link, cut, "not copied whole");
  for (size_t i = 14; i < n; i++) {
    char was = link[i];

    link[i] = was == 'A' ? 'B' : 'A';
    expect_wrong(link, n, "not copied whole");
    link[i] = was;
  }
  expect_wrong("localhost", 9, "no invite");
  free(link);
}

/* Hands leave out the beginning, programs rewrite it, messages speak of links first: a whole payload is enough. */
static void the_beginning_may_be_damaged(void **state)
{
  static const char *const before[] = {
      "trium://join#",
      "atrium://join%23",
      "atrium://join/#",
      "ATRIUM://JOIN#",
      "atrium:join#",
      "join#",
      "oin#",
      "in%23",
      "#",
      "",
      "Hello, the link: ",
      "https://example.com/?url=atrium%3A%2F%2Fjoin%23",
      "https://example.com/#",
      "a\xe2\x80\x8btrium://jo\xc2\xadin\xe2\x81\xa0#\xef\xbb\xbf",
      "Paste the whole atrium://join# link: atrium://join#",
      "atrium://join#AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4foKGio... sorry, again: atrium://join#",
      "[join](atrium://join#",
  };
  static const char *const around[][2] = {
      {"_", "_"},   {"__", "__"}, {"*", "*"},    {"**", "**"},         {"", "-"}, {"", "_"}, {"", "--"},
      {"- ", " -"}, {"", "&x=1"}, {"", "|join"}, {"", "\xe2\x80\xa6"},
  };
  atr_invite invite;
  char *link, text[8192];

  (void)state;
  fill(&invite);
  link = link_of(&invite);
  for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
    snprintf(text, sizeof text, "%s%s", before[i], link + 14);
    read_text(text, strlen(text), &invite);
  }
  for (size_t i = 0; i < sizeof around / sizeof *around; i++) {
    snprintf(text, sizeof text, "%s%s%s", around[i][0], link, around[i][1]);
    read_text(text, strlen(text), &invite);
    snprintf(text, sizeof text, "%s%s%s", around[i][0], link + 14, around[i][1]);
    read_text(text, strlen(text), &invite);
  }
  free(link);
}

static void invisible_characters_are_left_out(void **state)
{
  static const char *const invisible[] = {"\xe2\x80\x8b", "\xc2\xad", "\xe2\x81\xa0", "\xef\xbb\xbf"};
  atr_invite invite;
  char *link, text[8192];

  (void)state;
  fill(&invite);
  link = link_of(&invite);
  for (size_t i = 0; i < sizeof invisible / sizeof *invisible; i++)
    for (size_t at = 0; at <= strlen(link); at += 5) {
      snprintf(text, sizeof text, "%.*s%s%s", (int)at, link, invisible[i], link + at);
      read_text(text, strlen(text), &invite);
    }
  free(link);
}

/* What holds a token is one, so that nobody shows, keeps or logs it for an address. */
static void pieces_are_known(void **state)
{
  static const char *const no_invites[] = {
      "",
      "localhost",
      "some-words-here-trycloudflare.example:9090",
      "[2001:db8:1:2:3:4:5:6]:12800",
      "Annas-MacBook-Pro-von-der-Arbeit-2.local",
      "a-name-of-sixty-three-characters-is-the-longest-that-there-can-.example.org",
      "join me at host.example:9090",
      "join #general",
      "https://x.example/AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfGhIjKlMnOpQrStUvWxYz0123456789",
      "wss://x.example/?token=AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfGhIjKlMnOpQrStUvWxYz0123456789",
      "Forwarding  tcp://0.tcp.sa.ngrok.io:12489 -> localhost:12800",
      "de305d54-75b4-431b-adb2-eb6b9e546014.example.org",
      "Version 2025.2.1 (Checksum 0f38e8c9f5cd0b4a9d2e3d5e2d9b2f3e8a55ffb6b27a4c55f6bd1ec3a54b0a7f)",
  };
  atr_invite invite;
  char *link, text[8192];
  size_t n;

  (void)state;
  fill(&invite);
  link = link_of(&invite);
  n = strlen(link);
  for (size_t begin = 1; begin <= 14 + 44; begin++) /* where the token begins */
    for (size_t end = n - 40; end < n; end++) {
      assert_true(atr_invite_is_in(link + begin, end - begin));
      expect_wrong(link + begin, end - begin, "not copied whole");
    }
  snprintf(text, sizeof text, "atrium://%.*s", 100, link + 14);
  expect_wrong(text, strlen(text), "not copied whole");
  snprintf(text, sizeof text, "Come: %.*s, Anna", 100, link + 20);
  expect_wrong(text, strlen(text), "not copied whole");
  for (size_t i = 0; i < sizeof no_invites / sizeof *no_invites; i++)
    if (atr_invite_is_in(no_invites[i], strlen(no_invites[i])))
      fail_msg("%s", no_invites[i]);
  free(link);
}

static void the_whole_one_is_found(void **state)
{
  static const char cut[] = "atrium://join#AQAB ... ";
  atr_invite invite;
  char *link, text[8192];

  (void)state;
  fill(&invite);
  link = link_of(&invite);
  snprintf(text, sizeof text, "Hi! %s%s", cut, link);
  assert_ptr_equal(atr_invite_find(text, strlen(text)), text + 4 + strlen(cut));
  assert_ptr_equal(atr_invite_find(text, 4 + strlen(cut)), text + 4);
  assert_null(atr_invite_find(text, 4));
  free(link);
}

/* In a time that does not grow with more than the text. */
static void long_texts(void **state)
{
  static const char *const of[] = {"A", "join#", "AAAAAAAAAAAAAAAA.", "x\n",
                                   "_", "%23",   "\xe2\x80\x8b",      "/AAAAAAAAAAAAAAAA"};
  size_t n = 2000000;
  char *text = calloc(1, n);

  (void)state;
  assert_non_null(text);
  for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
    uint64_t start_ns = uv_hrtime();

    for (size_t at = 0; at < n; at++)
      text[at] = of[i][at % strlen(of[i])];
    (void)atr_invite_is_in(text, n);
    assert_true(uv_hrtime() - start_ns < 5000000000u);
  }
  free(text);
}

static void expect_addresses(const char *const *typed, size_t n, const char *expected)
{
  char why[256], all[4096] = "", text[ATR_ADDRESS_TEXT_BYTES];
  atr_invite invite, read;
  char *link;

  fill(&invite);
  invite.addresses_count = n;
  for (size_t i = 0; i < n; i++)
    assert_ok(atr_address_parse(typed[i], strlen(typed[i]), 1, &invite.addresses[i], why, sizeof why));
  link = link_of(&invite);
  assert_ok(atr_invite_read(link, strlen(link), &read, why, sizeof why));
  for (size_t i = 0; i < read.addresses_count; i++) {
    atr_address_text(&read.addresses[i], text);
    snprintf(all + strlen(all), sizeof all - strlen(all), "%s ", text);
  }
  assert_string_equal(all, expected);
  free(link);
}

/* Whose invite is pasted decides what is asked for in whose network. */
static void few_tunnels_are_asked(void **state)
{
  static const char *const many[] = {"ws://a", "ws://b", "wss://c", "ws://d", "wss://e",
                                     "ws://f", "ws://g", "wss://h", "host:1"};
  static const char *const inside[] = {"http://192.168.0.1/reboot?now",
                                       "http://10.0.0.1?a",
                                       "https://172.16.0.1/?a",
                                       "http://169.254.169.254/?a",
                                       "http://100.64.0.1/?a",
                                       "http://[fe80::1]/?a",
                                       "http://[fd00::1]/?a",
                                       "http://[::ffff:192.168.0.1]/?a",
                                       "http://[64:ff9b::192.168.0.1]/?a",
                                       "http://[2002:a00:1::1]/?a",
                                       "http://192.168.0.1/studio",
                                       "https://relay.example/p?token",
                                       "http://203.0.113.1/?k"};
  static const char *const here[] = {"http://127.0.0.1:8080/order?do=now", "http://localhost:8080/order?do=now",
                                     "http://0.0.0.0:8080/order?do=now",   "http://[::1]:8080/?a",
                                     "http://[::ffff:127.0.0.1]/?a",       "http://[64:ff9b:1::192.168.0.1]/?a",
                                     "http://127.0.0.1:8080/order"};

  (void)state;
  assert_int_equal(ATR_INVITE_WEB_MAX, 6);
  expect_addresses(many, sizeof many / sizeof *many,
                   "ws://a:80/atrium ws://b:80/atrium wss://c:443/atrium ws://d:80/atrium wss://e:443/atrium "
                   "ws://f:80/atrium host:1 ");
  expect_addresses(inside, sizeof inside / sizeof *inside,
                   "ws://192.168.0.1:80/studio wss://relay.example:443/p?token ws://203.0.113.1:80/?k ");
  expect_addresses(here, sizeof here / sizeof *here, "ws://127.0.0.1:8080/order ");
}

static void as_many_beginnings_are_tried_as_a_message_has(void **state)
{
  atr_invite invite, read;
  char *link, text[8192] = "", why[256];
  size_t n = 0;

  (void)state;
  fill(&invite);
  link = link_of(&invite);
  for (size_t i = 1; i < ATR_INVITE_STARTS_MAX; i++)
    n += (size_t)snprintf(text + n, sizeof text - n, "join#! ");
  snprintf(text + n, sizeof text - n, "%s", link);
  read_text(text, strlen(text), &invite);
  memmove(text + 7, text, strlen(text) + 1);
  assert_true(atr_invite_is_in(text, strlen(text)));
  assert_err(atr_invite_read(text, strlen(text), &read, why, sizeof why), ATR_INVITE);
  free(link);
}

/* A thread of German e-mails, or the links of a newsletter, above the invite: a link that says what it is comes first, half of one does not. */
static void a_link_behind_many_long_words_is_found(void **state)
{
  enum { WORDS = 1000, WORD_BYTES = 28 };
  char *text = calloc(WORDS + 1000, WORD_BYTES), *link, why[256];
  size_t payload = strlen("atrium://join#");
  atr_invite invite, read;

  (void)state;
  fill(&invite);
  link = link_of(&invite);
  for (size_t i = 0; i < WORDS; i++)
    memcpy(text + i * WORD_BYTES, "arbeitsbeschaffungsprogramm ", WORD_BYTES);
  assert_true(atr_invite_is_in(text, strlen(text))); /* nobody has read it to the end */
  memcpy(text + WORDS * WORD_BYTES, link, strlen(link) + 1);
  read_text(text, strlen(text), &invite);
  memcpy(text + WORDS * WORD_BYTES, link + payload, strlen(link + payload) + 1);
  assert_err(atr_invite_read(text, strlen(text), &read, why, sizeof why), ATR_INVITE);
  free(link);
  free(text);
}

/* The protocol's own example, with an address of a later kind in the middle. */
static void unknown_kinds_of_address_are_skipped(void **state)
{
  char link[512] = "atrium://join#";
  char why[256] = "", text[ATR_ADDRESS_TEXT_BYTES];
  atr_invite read;

  (void)state;
  read_examples("docs/protocol.md");
  atr_base64_encode(ATR_BASE64_URL, example("invite")->bytes, example("invite")->n, link + strlen(link));
  if (atr_invite_read(link, strlen(link), &read, why, sizeof why) < 0)
    fail_msg("%s", why);
  assert_int_equal(read.addresses_count, 1);
  atr_address_text(&read.addresses[0], text);
  assert_string_equal(text, "192.0.2.48:12800");
  assert_true(atr_id_is_zero(&read.room));
}

static void what_cannot_be_written(void **state)
{
  atr_invite invite;
  atr_buf buf;

  (void)state;
  fill(&invite);
  atr_buf_init(&buf, 16384);
  invite.addresses_count = 0;
  assert_err(atr_invite_write(&invite, &buf), ATR_INVAL);
  invite.addresses_count = ATR_ADDRESSES_MAX + 1;
  assert_err(atr_invite_write(&invite, &buf), ATR_INVAL);
  invite.addresses_count = 1;
  snprintf(invite.addresses[0].host, sizeof invite.addresses[0].host, "fe80::1%%eth0");
  invite.addresses[0].kind = ATR_ADDRESS_IPV6;
  assert_err(atr_invite_write(&invite, &buf), ATR_INVAL);
  assert_int_equal(buf.len, 0);
  atr_buf_free(&buf);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(is_read_as_it_was_written),
      cmocka_unit_test(may_be_broken_by_lines),
      cmocka_unit_test(damage_is_noticed),
      cmocka_unit_test(unknown_kinds_of_address_are_skipped),
      cmocka_unit_test(what_cannot_be_written),
      cmocka_unit_test(the_beginning_may_be_damaged),
      cmocka_unit_test(invisible_characters_are_left_out),
      cmocka_unit_test(pieces_are_known),
      cmocka_unit_test(the_whole_one_is_found),
      cmocka_unit_test(long_texts),
      cmocka_unit_test(few_tunnels_are_asked),
      cmocka_unit_test(as_many_beginnings_are_tried_as_a_message_has),
      cmocka_unit_test(a_link_behind_many_long_words_is_found),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
