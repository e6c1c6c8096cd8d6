/* SPDX-License-Identifier: MIT
 *
 * Invites: what is written is read as the same, whatever a chat program does around it; a damaged one is never taken for
 * another. */
#include "examples.h"

#include "base/base64.h"
#include "transport/invite.h"

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

static char *write(const atr_invite *invite)
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
  link = write(&invite);
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
  static const char *const breaks[] = {"\n", "\r\n", "\n> ", " \n"};
  atr_invite invite;
  char *link, text[8192];

  (void)state;
  fill(&invite);
  link = write(&invite);
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
  link = write(&invite);
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
      cmocka_unit_test(is_read_as_it_was_written), cmocka_unit_test(may_be_broken_by_lines),
      cmocka_unit_test(damage_is_noticed),         cmocka_unit_test(unknown_kinds_of_address_are_skipped),
      cmocka_unit_test(what_cannot_be_written),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
