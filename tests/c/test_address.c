/* SPDX-License-Identifier: MIT
 *
 * What people type into the Host box. The list is the specification: each line is a text and what becomes of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first */
#include <cmocka.h>

#include "base/error.h"
#include "base/limits.h"
#include "transport/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *typed, *text;
  int kind;
} good[] = {
    {"localhost", "localhost:12800", ATR_ADDRESS_NAME},
    {"LocalHost", "localhost:12800", ATR_ADDRESS_NAME},
    {"192.168.0.48", "192.168.0.48:12800", ATR_ADDRESS_IPV4},
    {"192.168.0.48:9090", "192.168.0.48:9090", ATR_ADDRESS_IPV4},
    {"::1", "[::1]:12800", ATR_ADDRESS_IPV6},
    {"[::1]", "[::1]:12800", ATR_ADDRESS_IPV6},
    {"[::1]:9090", "[::1]:9090", ATR_ADDRESS_IPV6},
    {"[fe80::1%eth0]:12800", "[fe80::1%eth0]:12800", ATR_ADDRESS_IPV6},
    {"fe80::1%eth0", "[fe80::1%eth0]:12800", ATR_ADDRESS_IPV6},
    {"fe80::1:9090", "[fe80::1:9090]:12800", ATR_ADDRESS_IPV6},
    {"2001:DB8:0:0::0:1", "[2001:db8::1]:12800", ATR_ADDRESS_IPV6},
    {"somehost:9090", "somehost:9090", ATR_ADDRESS_NAME},
    {"some_host", "some_host:12800", ATR_ADDRESS_NAME},
    {"b\xc3\xbcro-pc.local.", "b\xc3\xbcro-pc.local:12800", ATR_ADDRESS_NAME},
    {"tcp://0.tcp.example.org:12489", "0.tcp.example.org:12489", ATR_ADDRESS_NAME},
    {"TCP://host:1/", "host:1", ATR_ADDRESS_NAME},
    {"  192.168.0.48 \n", "192.168.0.48:12800", ATR_ADDRESS_IPV4},
    {"\"192.168.0.48:9090\"", "192.168.0.48:9090", ATR_ADDRESS_IPV4},
    {"`tcp://host:80`", "host:80", ATR_ADDRESS_NAME},
    {"\xe2\x80\x9chost : 80\xe2\x80\x9d", "host:80", ATR_ADDRESS_NAME},
    {"\xc2\xa0host\xe2\x80\x8b", "host:12800", ATR_ADDRESS_NAME},
    {"<host>", "host:12800", ATR_ADDRESS_NAME},
    {"host:65535", "host:65535", ATR_ADDRESS_NAME},
    {"1.2.3.4.example", "1.2.3.4.example:12800", ATR_ADDRESS_NAME},
    {"atrium://host", "host:12800", ATR_ADDRESS_NAME},
    {"atrium://203.0.113.17:9090/", "203.0.113.17:9090", ATR_ADDRESS_IPV4},
    {"https://x.example.com", "wss://x.example.com:443/atrium", ATR_ADDRESS_NAME},
    {"HTTPS://x.example.com/", "wss://x.example.com:443/atrium", ATR_ADDRESS_NAME},
    {"http://x.example.com:8080", "ws://x.example.com:8080/atrium", ATR_ADDRESS_NAME},
    {"wss://x.example.com/my/path?k=v#part", "wss://x.example.com:443/my/path?k=v", ATR_ADDRESS_NAME},
    {"ws://[2001:db8::5]:81?k=v", "ws://[2001:db8::5]:81/?k=v", ATR_ADDRESS_IPV6},
    {"Forwarding                    tcp://0.tcp.sa.ngrok.io:12489 -> localhost:12800", "0.tcp.sa.ngrok.io:12489",
     ATR_ADDRESS_NAME},
    {"Forwarding\thttps://ab-12.ngrok-free.app -> http://localhost:12800", "wss://ab-12.ngrok-free.app:443/atrium",
     ATR_ADDRESS_NAME},
    {"come to <tcp://host:5> please", "host:5", ATR_ADDRESS_NAME},
    {"listening at bore.pub:35735", "bore.pub:35735", ATR_ADDRESS_NAME},
    {"2024-05-01T09:30:00.123456Z  INFO bore_cli::client: listening at bore.pub:35735", "bore.pub:35735",
     ATR_ADDRESS_NAME},
    {"Forwarding 0.tcp.example.org:12489 -> localhost:12800", "0.tcp.example.org:12489", ATR_ADDRESS_NAME},
    {"0.tcp.example.org:12489 leads to 127.0.0.1:12800.", "0.tcp.example.org:12489", ATR_ADDRESS_NAME},
    {"I am at 203.0.113.17:9090, come in!", "203.0.113.17:9090", ATR_ADDRESS_IPV4},
    {"it is [2001:db8::5]:9090.", "[2001:db8::5]:9090", ATR_ADDRESS_IPV6},
    /* in a sentence */
    {"Join me at tcp://0.tcp.sa.ngrok.io:12489, please", "0.tcp.sa.ngrok.io:12489", ATR_ADDRESS_NAME},
    {"Join me: tcp://0.tcp.sa.ngrok.io:12489!", "0.tcp.sa.ngrok.io:12489", ATR_ADDRESS_NAME},
    {"tcp://0.tcp.sa.ngrok.io:12489.", "0.tcp.sa.ngrok.io:12489", ATR_ADDRESS_NAME},
    {"tcp://0.tcp.sa.ngrok.io:12489?", "0.tcp.sa.ngrok.io:12489", ATR_ADDRESS_NAME},
    {"tcp://0.tcp.sa.ngrok.io:12489...", "0.tcp.sa.ngrok.io:12489", ATR_ADDRESS_NAME},
    {"(tcp://0.tcp.sa.ngrok.io:12489)", "0.tcp.sa.ngrok.io:12489", ATR_ADDRESS_NAME},
    {"[ngrok](tcp://0.tcp.sa.ngrok.io:12489), come", "0.tcp.sa.ngrok.io:12489", ATR_ADDRESS_NAME},
    {"[https://x.example.org](https://x.example.org)", "wss://x.example.org:443/atrium", ATR_ADDRESS_NAME},
    {"<https://x.example.org|x.example.org>", "wss://x.example.org:443/atrium", ATR_ADDRESS_NAME},
    {"Anna: tcp://0.tcp.sa.ngrok.io:12489 ;)", "0.tcp.sa.ngrok.io:12489", ATR_ADDRESS_NAME},
    {"Mira: https://x.trycloudflare.com, gracias", "wss://x.trycloudflare.com:443/atrium", ATR_ADDRESS_NAME},
    {"https://x.trycloudflare.com,gracias", "wss://x.trycloudflare.com:443/atrium", ATR_ADDRESS_NAME},
    {"https://x.trycloudflare.com/,", "wss://x.trycloudflare.com:443/atrium", ATR_ADDRESS_NAME},
    {"https://x.trycloudflare.com/)", "wss://x.trycloudflare.com:443/atrium", ATR_ADDRESS_NAME},
    {"\"https://x.trycloudflare.com\".", "wss://x.trycloudflare.com:443/atrium", ATR_ADDRESS_NAME},
    {"wss://x.example/atrium.", "wss://x.example:443/atrium", ATR_ADDRESS_NAME},
    {"wss://x.example/a(b)c).", "wss://x.example:443/a(b)c", ATR_ADDRESS_NAME},
    {"url=https://x.example.org", "wss://x.example.org:443/atrium", ATR_ADDRESS_NAME},
    {"Address:https://x.example.org", "wss://x.example.org:443/atrium", ATR_ADDRESS_NAME},
    {"**tcp://host.example:9090**", "host.example:9090", ATR_ADDRESS_NAME},
    {"_https://x.example.org/a_!", "wss://x.example.org:443/a", ATR_ADDRESS_NAME},
    {"https://x.example.org/a_", "wss://x.example.org:443/a_", ATR_ADDRESS_NAME},
    {"**203.0.113.17:9090**", "203.0.113.17:9090", ATR_ADDRESS_IPV4},
    {"_203.0.113.17:9090_!", "203.0.113.17:9090", ATR_ADDRESS_IPV4},
    {"_a.example", "_a.example:12800", ATR_ADDRESS_NAME}, /* a letter of names as well */
    {"_a.example:9090", "_a.example:9090", ATR_ADDRESS_NAME},
    {"203.0.113.17:9090.", "203.0.113.17:9090", ATR_ADDRESS_IPV4},
    {"203.0.113.17:9090!", "203.0.113.17:9090", ATR_ADDRESS_IPV4},
    {"(203.0.113.17:9090)", "203.0.113.17:9090", ATR_ADDRESS_IPV4},
    {"pc:9090.", "pc:9090", ATR_ADDRESS_NAME},
    {"(pc)", "pc:12800", ATR_ADDRESS_NAME},
    {"203.0.113.17!", "203.0.113.17:12800", ATR_ADDRESS_IPV4},
    {"203.0.113.17\xef\xbc\x9a"
     "9090",
     "203.0.113.17:9090", ATR_ADDRESS_IPV4},
    {"\xe5\x9c\xb0\xe5\x9d\x80\xe3\x80\x8chttps://x.example.org\xe3\x80\x8d\xe3\x80\x82",
     "wss://x.example.org:443/atrium", ATR_ADDRESS_NAME},
    {"\xc2\xa1"
     "203.0.113.17:9090!",
     "203.0.113.17:9090", ATR_ADDRESS_IPV4},
    {"\xe2\x80\xaa"
     "203.0.113.17:9090\xe2\x80\xac",
     "203.0.113.17:9090", ATR_ADDRESS_IPV4},
    {"tcp://0.tcp.sa\xe2\x80\x8b.ngrok\xc2\xad.io:12489", "0.tcp.sa.ngrok.io:12489", ATR_ADDRESS_NAME},
    {"203.0.113.17:9090\xe2\x9c\x85", "203.0.113.17:9090", ATR_ADDRESS_IPV4},
    {"tcp://0.tcp.sa.ngrok.io:12489\xf0\x9f\x8e\x89 come!", "0.tcp.sa.ngrok.io:12489", ATR_ADDRESS_NAME},
    {"||203.0.113.17:9090||", "203.0.113.17:9090", ATR_ADDRESS_IPV4},
    {"||203.0.113.17||", "203.0.113.17:12800", ATR_ADDRESS_IPV4},
    {"203.0.113.17 : 9090", "203.0.113.17:9090", ATR_ADDRESS_IPV4},
    /* without a colon */
    {"0.tcp.sa.ngrok.io 12489", "0.tcp.sa.ngrok.io:12489", ATR_ADDRESS_NAME},
    {"203.0.113.17 9090", "203.0.113.17:9090", ATR_ADDRESS_IPV4},
    {"2001:db8::5 9090", "[2001:db8::5]:9090", ATR_ADDRESS_IPV6},
    {"IP: 203.0.113.17 Port: 9090", "203.0.113.17:9090", ATR_ADDRESS_IPV4},
    {"IP: 203.0.113.17\nPuerto: 9090\n", "203.0.113.17:9090", ATR_ADDRESS_IPV4},
    {"my ip is 192.168.0.48", "192.168.0.48:12800", ATR_ADDRESS_IPV4},
    {"my ip is 192.168.0.48, port 9090!", "192.168.0.48:9090", ATR_ADDRESS_IPV4},
    {"mine is 2001:db8::5.", "[2001:db8::5]:12800", ATR_ADDRESS_IPV6},
    /* of what programs print */
    {"Web Interface                 http://127.0.0.1:4040\nForwarding                    tcp://0.tcp.sa.ngrok.io:12489 "
     "-> localhost:12800",
     "0.tcp.sa.ngrok.io:12489", ATR_ADDRESS_NAME},
    {"Full request capture now available in your browser: https://ngrok.com/r/ti Session Status online Account Anna "
     "(Plan: Free) Version 3.5.0 Region South America (sa) "
     "Latency 30ms Web Interface http://127.0.0.1:4040 Forwarding https://ab-12.ngrok-free.app -> "
     "http://localhost:12800 Connections ttl opn rt1 rt5 p50 p90 0 0 0.00 0.00",
     "wss://ab-12.ngrok-free.app:443/atrium", ATR_ADDRESS_NAME},
    {"http://127.0.0.1:4040 and host.example:9090", "host.example:9090", ATR_ADDRESS_NAME},
    {"http://127.0.0.1:4040", "ws://127.0.0.1:4040/atrium", ATR_ADDRESS_IPV4},
    {"t=2024-11-22T04:00:00 lvl=info msg=\"started tunnel\" obj=tunnels addr=http://localhost:12800 "
     "url=https://x.ngrok-free.app",
     "wss://x.ngrok-free.app:443/atrium", ATR_ADDRESS_NAME},
    {"INF Thank you for trying Cloudflare Tunnel. (https://www.cloudflare.com/website-terms/) INF |  "
     "https://some-words.trycloudflare.com  |",
     "wss://some-words.trycloudflare.com:443/atrium", ATR_ADDRESS_NAME},
    {"Web Interface http://localhost:4040 see https://ngrok.com or https://dashboard.ngrok.com, or host.example:9090",
     "host.example:9090", ATR_ADDRESS_NAME},
    {"https://www.cloudflare.com.example.org", "wss://www.cloudflare.com.example.org:443/atrium", ATR_ADDRESS_NAME},
    {"https://my-ngrok.com", "wss://my-ngrok.com:443/atrium", ATR_ADDRESS_NAME},
    {"https://ab12.localhost.run", "wss://ab12.localhost.run:443/atrium", ATR_ADDRESS_NAME},
    {"203.0.113.17:9090 -> 192.168.0.48:12800", "203.0.113.17:9090", ATR_ADDRESS_IPV4},
    {"203.0.113.17:9090->192.168.0.48:12800", "203.0.113.17:9090", ATR_ADDRESS_IPV4},
    {"203.0.113.17:9090 \xe2\x86\x92 192.168.0.48:12800", "203.0.113.17:9090", ATR_ADDRESS_IPV4},
    {"192.168.0.48:12800 <- 203.0.113.17:9090", "203.0.113.17:9090", ATR_ADDRESS_IPV4},
    {"192.168.0.48:12800 <= 203.0.113.17:9090", "203.0.113.17:9090", ATR_ADDRESS_IPV4},
    {"anna-52814.portmap.io:52814 => 12800", "anna-52814.portmap.io:52814", ATR_ADDRESS_NAME},
    {"see v4.2.0: 203.0.113.17:9090 at 10.30:15", "203.0.113.17:9090", ATR_ADDRESS_IPV4},
};

static const struct {
  const char *typed, *why;
} bad[] = {
    {"", "Type the address"},
    {"  \"\" ", "Type the address"},
    {"tcp://", "Type the address"},
    {":9090", "host is missing"},
    {"host:", "port is missing"},
    {"host:0", "1 to 65535"},
    {"host:65536", "1 to 65535"},
    {"host:99999999999999999999", "1 to 65535"},
    {"host:12a", "1 to 65535"},
    {"[::1", "closing bracket"},
    {"[::1]9090", "After the bracket"},
    {"[::1]:", "port is missing"},
    {"[]", "host is missing"},
    {"[host]", "not an IPv6"},
    {"1:2:3", "not an IPv6"},
    {"fe80::1%", "interface is missing"},
    {"fe80::1%a/b", "name of a network interface"},
    {"300.1.1.1", "IPv4"},
    {"1.2.3", "IPv4"},
    {"12800", "IPv4"},
    {"ftp://host", "tcp://"},
    {"come by ftp://host", "tcp://"},
    {"Forwarding tcp://host:99999 -> localhost:12800", "1 to 65535"},
    {"see tcp://a:x or tcp://b:0, please", "must be a port"},
    {"gopher://host/path", "tcp://"},
    {"https://", "Type the address"},
    {"https:///path", "Type the address"},
    {"wss://host/pa\x01th", "character in the path"},
    {"two words", "character in this name"},
    {"studio pc:9090", "character in this name"},
    {"listening at localhost:12800", "character in this name"},
    {"at bore.pub:0", ""},
    {"user@host", "character in this name"},
    {"host/path", "character in this name"},
    {"a..b", "a dot too many"},
    {".a", "a dot too many"},
    {"a..", "a dot too many"},
    {"a\tb", "character in this name"},
    /* a choice, or a guess */
    {"192.168.0.48 or 192.168.0.49", "character in this name"},
    {"192.168.0.48 192.168.0.49", "character in this name"},
    {"203.0.113.17 port 9090 port 9091", "character in this name"},
    {"my ip is 127.0.0.1", "character in this name"},
    {"host.example come", "character in this name"},
    {"come to host.example 9090", "character in this name"},
    {"host.example 99999", "character in this name"},
    {"203.0.113.17 soon", "character in this name"},
    {"https://ngrok.com/r/ti", "those who make a tunnel's program"},
    {"http://WWW.Cloudflare.com./website-terms/", "those who make a tunnel's program"},
    {"see https://developers.cloudflare.com/x, please", "those who make a tunnel's program"},
    {"localhost.run", "those who make a tunnel's program"},
};

static void good_addresses(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    char text[ATR_ADDRESS_TEXT_BYTES], why[256] = "";
    atr_address address, again;
    int err = atr_address_parse(good[i].typed, strlen(good[i].typed), ATR_PORT_DEFAULT, &address, why, sizeof why);

    if (err)
      fail_msg("%s: %s", good[i].typed, why);
    atr_address_text(&address, text);
    assert_string_equal(text, good[i].text);
    assert_int_equal(address.kind, good[i].kind);
    /* What it writes it reads as the same. */
    assert_int_equal(atr_address_parse(text, strlen(text), 1, &again, why, sizeof why), 0);
    assert_string_equal(again.host, address.host);
    assert_int_equal(again.port, address.port);
    assert_true(again.has_port);
  }
}

/* The token of a tunnel stands there. */
static void queries_are_not_shown(void **state)
{
  static const struct {
    const char *typed, *begin;
  } table[] = {
      {"https://x.example/p?token=secret", "wss://x.example:443/p?***"},
      {"ws://x.example?secret", "ws://x.example:80/?***"},
      {"wss://x.example/a@b?a=1?secret", "wss://x.example:443/a@b?***"},
      {"wss://x.example/?***secret", "wss://x.example:443/?***"},
  };
  char shown[ATR_ADDRESS_TEXT_BYTES], other[ATR_ADDRESS_TEXT_BYTES], why[256];
  atr_address address;

  (void)state;
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    size_t n = strlen(table[i].begin);

    assert_int_equal(atr_address_parse(table[i].typed, strlen(table[i].typed), 1, &address, why, sizeof why), 0);
    atr_address_shown(&address, shown);
    assert_int_equal(strncmp(shown, table[i].begin, n), 0);
    assert_int_equal(strlen(shown), n + 4);
    assert_int_equal(atr_address_parse(shown, strlen(shown), 1, &address, why, sizeof why), 0);
    atr_address_shown(&address, other);
    assert_string_equal(other, shown);
  }
  assert_int_equal(atr_address_parse("ws://x.example?others", 21, 1, &address, why, sizeof why), 0);
  atr_address_shown(&address, other);
  assert_int_equal(strncmp(other, "ws://x.example:80/?***", 22), 0);
  assert_int_equal(atr_address_parse("ws://x.example?secret", 21, 1, &address, why, sizeof why), 0);
  atr_address_shown(&address, shown);
  assert_string_not_equal(other, shown); /* two tunnels are two */
}

static void what_is_no_address_is_shown_without_secrets(void **state)
{
  static const struct {
    const char *typed, *shown;
  } table[] = {
      {"https://ada:pass@x.example/p?token", "https://x.example/p"},
      {"ada:pass@x.example", "x.example"},
      {"ada:p@ss@https://x.example", "https://x.example"},
      {"two words", "two words"},
      {"https://x.example:99999/p?a@b", "https://x.example:99999/p"},
      {"?", ""},
  };

  (void)state;
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    char text[64];

    snprintf(text, sizeof text, "%s", table[i].typed);
    atr_address_hide(text);
    assert_string_equal(text, table[i].shown);
  }
}

static void bad_addresses(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char why[256] = "";
    atr_address address;

    if (atr_address_parse(bad[i].typed, strlen(bad[i].typed), ATR_PORT_DEFAULT, &address, why, sizeof why) !=
        ATR_ADDR_SYNTAX)
      fail_msg("%s was taken", bad[i].typed);
    if (!strstr(why, bad[i].why))
      fail_msg("%s: %s", bad[i].typed, why);
  }
}

static void long_and_strange_texts(void **state)
{
  char text[ATR_HOST_BYTES_MAX + 100], why[256], screen[ATR_PASTED_BYTES_MAX + 10];
  atr_address address;

  (void)state;
  memset(text, 'a', sizeof text);
  assert_int_equal(atr_address_parse(text, sizeof text, 1, &address, why, sizeof why), ATR_ADDR_SYNTAX);
  assert_int_equal(atr_address_parse(text, 300, 1, &address, why, sizeof why), ATR_ADDR_SYNTAX);
  assert_int_equal(atr_address_parse(text, 64, 1, &address, why, sizeof why), ATR_ADDR_SYNTAX);
  assert_int_equal(atr_address_parse(text, 63, 1, &address, why, sizeof why), 0);
  memset(screen, ' ', sizeof screen);
  memcpy(screen, "at", 2);
  memcpy(screen + ATR_PASTED_BYTES_MAX - 8, "tcp://h:5", 9);
  assert_int_equal(atr_address_parse(screen, ATR_PASTED_BYTES_MAX + 1, 1, &address, why, sizeof why), ATR_ADDR_SYNTAX);
  assert_non_null(strstr(why, "too long"));
  assert_int_equal(atr_address_parse(screen + 1, ATR_PASTED_BYTES_MAX, 1, &address, why, sizeof why), 0);
  assert_int_equal(atr_address_parse("ho\0st", 5, 1, &address, why, sizeof why), ATR_ADDR_SYNTAX);
  memset(text, ' ', sizeof text);
  text[sizeof text - 1] = 'h';
  assert_int_equal(atr_address_parse(text, sizeof text, 1, &address, why, sizeof why), 0);
}

static bool is_loopback(const char *typed)
{
  char why[256];
  atr_address address;

  assert_int_equal(atr_address_parse(typed, strlen(typed), 1, &address, why, sizeof why), 0);
  return atr_address_is_loopback(&address);
}

static void loopback_is_known(void **state)
{
  (void)state;
  assert_true(is_loopback("localhost"));
  assert_true(is_loopback("LOCALHOST:1"));
  assert_true(is_loopback("ip6-localhost"));
  assert_true(is_loopback("127.0.0.1"));
  assert_true(is_loopback("127.8.9.1:12"));
  assert_true(is_loopback("[::1]:1"));
  assert_true(is_loopback("0:0::1"));
  assert_false(is_loopback("localhost.example.org"));
  assert_false(is_loopback("12.7.0.1"));
  assert_false(is_loopback("127.0.0.1.example.org"));
  assert_false(is_loopback("::2"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(good_addresses),
      cmocka_unit_test(queries_are_not_shown),
      cmocka_unit_test(what_is_no_address_is_shown_without_secrets),
      cmocka_unit_test(bad_addresses),
      cmocka_unit_test(long_and_strange_texts),
      cmocka_unit_test(loopback_is_known),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
