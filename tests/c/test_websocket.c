/* SPDX-License-Identifier: MIT
 *
 * The upgrade and the frames of RFC 6455: its own examples, bytes in pieces of every size, and everything that must be
 * refused. */
#include "test.h"

#include "proto/websocket.h"

/* --- the upgrade ----------------------------------------------------------------------------------------------- */

static void the_rfcs_own_key(void **state)
{
  char accept[ATR_WS_ACCEPT_BYTES], key[ATR_WS_KEY_BYTES], other[ATR_WS_KEY_BYTES];

  (void)state;
  assert_ok(atr_ws_accept("dGhlIHNhbXBsZSBub25jZQ==", 24, accept));
  assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  assert_ok(atr_ws_key(key));
  assert_ok(atr_ws_key(other));
  assert_int_equal(strlen(key), 24);
  assert_string_not_equal(key, other);
}

static void what_is_written_is_accepted(void **state)
{
  char accept[ATR_WS_ACCEPT_BYTES], key[ATR_WS_KEY_BYTES], detail[128] = "";
  atr_buf out;
  atr_span found;

  (void)state;
  assert_ok(atr_ws_key(key));
  atr_buf_init(&out, 4096);
  assert_ok(atr_ws_write_request(&out, "x.example:443", "/atrium", key));
  assert_int_equal(atr_http_head_bytes(atr_buf_span(&out)), out.len);
  for (size_t n = 0; n < out.len; n++)
    assert_int_equal(atr_http_head_bytes(atr_span_of(out.data, n)), 0);
  assert_int_equal(atr_ws_check_request(atr_buf_span(&out), &found), 0);
  assert_memory_equal(found.p, key, found.n);
  assert_ok(atr_ws_accept(key, strlen(key), accept));
  atr_buf_truncate(&out, 0);
  assert_ok(atr_ws_write_response(&out, accept));
  assert_int_equal(atr_http_head_bytes(atr_buf_span(&out)), out.len);
  assert_ok(atr_ws_check_response(atr_buf_span(&out), key, detail, sizeof detail));
  key[3] = key[3] == 'A' ? 'B' : 'A';
  assert_err(atr_ws_check_response(atr_buf_span(&out), key, detail, sizeof detail), ATR_NOT_ATRIUM);
  atr_buf_free(&out);
}

#define REST "Host: h\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define OURS "Sec-WebSocket-Protocol: chat, atrium.1\r\n"

static void requests(void **state)
{
  static const struct {
    const char *head;
    int status;
  } table[] = {
      {"GET /atrium HTTP/1.1\r\n" REST KEY OURS "\r\n", 0},
      {"GET /any/path?x HTTP/1.1\r\n" REST KEY OURS "\r\n", 0},
      {"GET / HTTP/1.1\r\nhost: h\r\nUPGRADE: WebSocket\r\nconnection:upgrade\r\nsec-websocket-version:\t13\r\n" KEY
           OURS "\r\n",
       0},
      {"POST /atrium HTTP/1.1\r\n" REST KEY OURS "\r\n", 405},
      {"GET /atrium HTTP/1.0\r\n" REST KEY OURS "\r\n", 400},
      {"GET http://h/ HTTP/1.1\r\n" REST KEY OURS "\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", 426},
      {"GET / HTTP/1.1\r\n" REST KEY "\r\n", 426},
      {"GET / HTTP/1.1\r\n" REST OURS "\r\n", 400},
      {"GET / HTTP/1.1\r\n" REST KEY KEY OURS "\r\n", 400},
      {"GET / HTTP/1.1\r\n" REST "Sec-WebSocket-Key: short\r\n" OURS "\r\n", 400},
      {"\r\n\r\n", 400},
  };

  (void)state;
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    atr_span key = {NULL, 0}, head = atr_span_of(table[i].head, strlen(table[i].head));

    if (atr_ws_check_request(head, &key) != table[i].status)
      fail_msg("%s: %d", table[i].head, atr_ws_check_request(head, &key));
  }
}

/* A captive portal, a router's page, another program. */
static void responses_of_others(void **state)
{
  static const char *const table[] = {
      "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n",
      "HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "
      "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
      "SSH-2.0-OpenSSH\r\n\r\n",
  };
  char detail[128];

  (void)state;
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    detail[0] = 0;
    assert_err(atr_ws_check_response(atr_span_of(table[i], strlen(table[i])), "dGhlIHNhbXBsZSBub25jZQ==", detail,
                                     sizeof detail),
               ATR_NOT_ATRIUM);
    assert_true(detail[0] != 0);
  }
}

static void tunnels_that_reach_nobody(void **state)
{
  static const struct {
    const char *head;
    int err;
  } table[] = {
      {"HTTP/1.1 502 Bad Gateway\r\nServer: nginx\r\n\r\n", ATR_TUNNEL_EMPTY},
      {"HTTP/1.0 503 Service Unavailable\r\n\r\n", ATR_TUNNEL_EMPTY},
      {"HTTP/1.1 504 Gateway Time-out\r\n\r\n", ATR_TUNNEL_EMPTY},
      {"HTTP/1.1 521 \r\nServer: cloudflare\r\n\r\n", ATR_TUNNEL_EMPTY},
      {"HTTP/1.1 530 <none>\r\nServer: cloudflare\r\n\r\n", ATR_TUNNEL_EMPTY},
      {"HTTP/1.1 404 Not Found\r\nNgrok-Error-Code: ERR_NGROK_3200\r\n\r\n", ATR_TUNNEL_EMPTY},
      {"HTTP/1.1 404 Not Found\r\nServer: nginx\r\n\r\n", ATR_NOT_ATRIUM},
      {"HTTP/1.1 500 Internal Server Error\r\n\r\n", ATR_NOT_ATRIUM},
      {"HTTP/1.1-502 Bad Gateway\r\n\r\n", ATR_NOT_ATRIUM},
      {"HTTP/1.1 50\r\n\r\n", ATR_NOT_ATRIUM},
      {"HTTP/1.0 101 Switching Protocols\r\n\r\n", ATR_NOT_ATRIUM},
  };
  char detail[128];

  (void)state;
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    assert_err(atr_ws_check_response(atr_span_of(table[i].head, strlen(table[i].head)),
                                     "dGhlIHNhbXBsZSBub25jZQ==", detail, sizeof detail),
               table[i].err);
}

static void who_is_sent_on_to_https(void **state)
{
  static const struct {
    const char *host, *status, *location;
    bool wants;
  } table[] = {
      {"x.example", "301 Moved Permanently", "https://x.example/atrium", true},
      {"x.example", "302 Found", "HTTPS://X.Example", true},
      {"x.example", "307 Temporary Redirect", "https://x.example:443/?a", true},
      {"x.example:8080", "308 Permanent Redirect", "https://x.example:8443/", true},
      {"[2001:db8::5]:81", "301 Moved", "https://[2001:db8::5]/", true},
      {"x.example", "302 Found", "https://portal.example/?from=https://x.example/", false},
      {"x.example", "302 Found", "https://x.example.portal.example/", false},
      {"x.example", "302 Found", "https://x.example@portal.example/", false},
      {"x.example", "302 Found", "https://x.example:443@portal.example/", false},
      {"x.example", "302 Found", "https://x.exampl", false},
      {"x.example", "302 Found", "http://x.example/login", false},
      {"x.example", "302 Found", "/login", false},
      {"x.example", "302 Found", "https://", false},
      {"x.example", "200 OK", "https://x.example/", false},
      {"[2001:db8::5]:81", "301 Moved", "https://[2001:db8::6]/", false},
  };

  (void)state;
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    char head[256];
    int n = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nLocation: %s\r\n\r\n", table[i].status, table[i].location);

    if (atr_ws_wants_https(atr_span_of(head, (size_t)n), table[i].host) != table[i].wants)
      fail_msg("%s -> %s", table[i].host, table[i].location);
  }
}

static void heads_are_bounded(void **state)
{
  uint8_t large[ATR_HTTP_HEAD_BYTES_MAX + 10];

  (void)state;
  memset(large, 'a', sizeof large);
  assert_int_equal(atr_http_head_bytes(atr_span_of(large, ATR_HTTP_HEAD_BYTES_MAX - 1)), 0);
  assert_err(atr_http_head_bytes(atr_span_of(large, sizeof large)), ATR_LIMIT);
  large[4] = 0;
  assert_err(atr_http_head_bytes(atr_span_of(large, 10)), ATR_PROTO);
}

/* --- frames ---------------------------------------------------------------------------------------------------- */

static void the_rfcs_own_frames(void **state)
{
  static const uint8_t ping[] = {0x89, 0x05, 'H', 'e', 'l', 'l', 'o'};
  static const uint8_t masked[] = {0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58};
  static const uint8_t long16[] = {0x82, 0x7e, 0x01, 0x00}, long64[] = {0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0};
  static const uint8_t mask[] = {0x37, 0xfa, 0x21, 0x3d};
  uint8_t out[ATR_WS_HEADER_BYTES_MAX + 8];
  atr_ws_reader reader;
  atr_ws_part part;
  atr_span bytes = atr_span_of(ping, sizeof ping);

  (void)state;
  atr_ws_reader_init(&reader, false);
  assert_ok(atr_ws_read(&reader, &bytes, &part));
  assert_int_equal(part.what, ATR_WS_GOT_PING);
  assert_memory_equal(part.bytes.p, "Hello", 5);
  assert_int_equal(atr_ws_write_header(out, ATR_WS_PONG, 5, mask), 6);
  atr_ws_mask(out + 6, (const uint8_t *)"Hello", 5, mask, 0);
  assert_memory_equal(out, masked, sizeof masked);
  assert_int_equal(atr_ws_write_header(out, ATR_WS_BINARY, 256, NULL), sizeof long16);
  assert_memory_equal(out, long16, sizeof long16);
  assert_int_equal(atr_ws_write_header(out, ATR_WS_BINARY, 65536, NULL), sizeof long64);
  assert_memory_equal(out, long64, sizeof long64);
}

/* Appends a frame that a client (masked) or a server sends. */
static size_t frame(uint8_t *out, uint8_t first, const uint8_t *payload, size_t n, bool masked, uint64_t *seed)
{
  uint8_t mask[4];
  size_t head;

  for (int i = 0; i < 4; i++)
    mask[i] = (uint8_t)test_random(seed);
  head = atr_ws_write_header(out, ATR_WS_BINARY, n, masked ? mask : NULL);
  out[0] = first;
  if (masked)
    atr_ws_mask(out + head, payload, n, mask, 0);
  else
    memcpy(out + head, payload, n);
  return head + n;
}

/* Fragments, pings between them, payloads of every length of header; fed in pieces of random size. */
static void streams_survive_any_cut(void **state)
{
  uint64_t seed = test_seed();
  uint8_t *sent = malloc(1 << 20), *wire = malloc(1 << 21), *got = malloc(1 << 20);

  (void)state;
  assert_true(sent && wire && got);
  for (int round = 0; round < 40; round++) {
    bool masked = round % 2 == 0;
    size_t n_sent = 0, n_wire = 0, n_got = 0, pings = 0, sent_pings = 0, at = 0;
    atr_ws_reader reader;

    for (int f = 0; f < 6; f++) {
      size_t n = test_below(&seed, f == 3 ? 70000 : f == 4 ? 300 : 130);
      uint8_t first = (uint8_t)(f % 3 == 0 ? 0x02 : f % 3 == 1 ? 0x00 : 0x80);

      for (size_t i = 0; i < n; i++)
        sent[n_sent + i] = (uint8_t)test_random(&seed);
      n_wire += frame(wire + n_wire, first, sent + n_sent, n, masked, &seed);
      n_sent += n;
      n_wire += frame(wire + n_wire, 0x89, (const uint8_t *)"hey", 3, masked, &seed);
      sent_pings++;
    }
    atr_ws_reader_init(&reader, masked);
    while (at < n_wire) {
      size_t n = 1 + test_below(&seed, round < 4 ? 3 : 4000);
      atr_span bytes = atr_span_of(wire + at, n < n_wire - at ? n : n_wire - at);

      at += bytes.n;
      while (bytes.n > 0) {
        atr_ws_part part;

        assert_ok(atr_ws_read(&reader, &bytes, &part));
        if (part.what == ATR_WS_GOT_PING) {
          assert_int_equal(part.bytes.n, 3);
          assert_memory_equal(part.bytes.p, "hey", 3);
          pings++;
        } else if (part.what == ATR_WS_DATA && part.mask) {
          atr_ws_mask(got + n_got, part.bytes.p, part.bytes.n, part.mask, part.offset);
          n_got += part.bytes.n;
        } else if (part.what == ATR_WS_DATA) {
          memcpy(got + n_got, part.bytes.p, part.bytes.n);
          n_got += part.bytes.n;
        }
      }
    }
    assert_int_equal(n_got, n_sent);
    assert_memory_equal(got, sent, n_sent);
    assert_int_equal(pings, sent_pings);
  }
  free(sent);
  free(wire);
  free(got);
}

static void what_breaks_the_rules_is_refused(void **state)
{
  static const struct {
    const char *hex;
    bool from_client;
  } table[] = {
      {"8205 0102030405", true},        /* a client's frame without mask */
      {"8281 00000000 01", false},      /* a server's with one */
      {"c205 0102030405", false},       /* a reserved bit */
      {"8105 48656c6c6f", false},       /* text */
      {"8300", false},                  /* an opcode that nobody has given a meaning */
      {"8000", false},                  /* a continuation of nothing */
      {"0200 8200", false},             /* a message begins inside of another */
      {"0900", false},                  /* a control frame in fragments */
      {"897e 0080", false},             /* a long one */
      {"827e 007d", false},             /* a length in a longer form than it needs */
      {"827f 000000000000ffff", false}, /* the same */
      {"827f 8000000000000000", false}, /* a negative length */
      {"827f 0000000001000001", false}, /* more than ATR_WS_FRAME_BYTES_MAX */
  };

  (void)state;
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    uint8_t raw[64];
    atr_span bytes = atr_span_of(raw, test_unhex(table[i].hex, raw, sizeof raw));
    atr_ws_reader reader;
    atr_ws_part part;
    int err = ATR_OK;

    atr_ws_reader_init(&reader, table[i].from_client);
    while (err == ATR_OK && bytes.n > 0)
      err = atr_ws_read(&reader, &bytes, &part);
    if (err != ATR_PROTO)
      fail_msg("%s was taken", table[i].hex);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_rfcs_own_key),
      cmocka_unit_test(what_is_written_is_accepted),
      cmocka_unit_test(requests),
      cmocka_unit_test(responses_of_others),
      cmocka_unit_test(tunnels_that_reach_nobody),
      cmocka_unit_test(who_is_sent_on_to_https),
      cmocka_unit_test(heads_are_bounded),
      cmocka_unit_test(the_rfcs_own_frames),
      cmocka_unit_test(streams_survive_any_cut),
      cmocka_unit_test(what_breaks_the_rules_is_refused),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
