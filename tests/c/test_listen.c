/* SPDX-License-Identifier: MIT
 *
 * Who knocks at the port and is not one of us: plain text, garbage, old TLS, peers without a key or with one of the
 * wrong kind, slow ones, many at once. Each gets a named end, and nobody else notices.
 *
 * The strangers use OpenSSL or plain sockets in a thread of their own; the server under test runs on the test's loop.
 */
#include "net_test.h"
#include "short_memory.h"

#include "base/hash.h"
#include "transport/tls.h"
#include "transport/turn_away.h"

#include <openssl/ssl.h>
#include <unistd.h>

/* --- a server, and strangers ----------------------------------------------------------------------------------- */

typedef struct stranger {
  uint16_t port;
  int version, fd;
  bool with_key, without_alpn;
  unsigned new_keys;    /* it asks for so many after the handshake */
  const char *key_type; /* NULL: Ed25519 */
  bool connected, done;
  char answer[64];
} stranger;

static int dial_from(const char *from, uint16_t port)
{
  struct sockaddr_in a, own;
  int fd = socket(AF_INET, SOCK_STREAM, 0);

  uv_ip4_addr("127.0.0.1", port, &a);
  uv_ip4_addr(from, 0, &own);
  assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof own), 0);
  assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
  return fd;
}

static int dial(uint16_t port)
{
  return dial_from("127.0.0.1", port);
}

static X509 *self_signed(EVP_PKEY *key)
{
  X509 *x = X509_new();

  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
  X509_gmtime_adj(X509_getm_notBefore(x), -1000000); /* long over */
  X509_gmtime_adj(X509_getm_notAfter(x), -900000);
  X509_set_pubkey(x, key);
  X509_sign(x, key, key && EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256());
  return x;
}

/* A TLS client as OpenSSL makes it when left alone; what it is told it does. */
static void knock_with_tls(void *arg)
{
  stranger *s = arg;
  SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
  EVP_PKEY *key =
      s->key_type ? EVP_PKEY_Q_keygen(NULL, NULL, s->key_type, "P-256") : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
  X509 *x = self_signed(key);
  SSL *ssl;
  int n;

  SSL_CTX_set_min_proto_version(ctx, s->version ? s->version : TLS1_3_VERSION);
  SSL_CTX_set_max_proto_version(ctx, s->version ? s->version : TLS1_3_VERSION);
  if (s->with_key) {
    SSL_CTX_use_certificate(ctx, x);
    SSL_CTX_use_PrivateKey(ctx, key);
  }
  if (!s->without_alpn)
    SSL_CTX_set_alpn_protos(ctx,
                            (const unsigned char *)"\x08"
                                                   "atrium/1",
                            9);
  ssl = SSL_new(ctx);
  SSL_set_fd(ssl, s->fd);
  s->connected = SSL_connect(ssl) == 1;
  for (unsigned i = 0; s->connected && i < s->new_keys; i++) { /* he goes on whatever the answer */
    SSL_key_update(ssl, i % 2 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
    (void)SSL_do_handshake(ssl);
  }
  if (s->connected) { /* TLS 1.3: a refusal comes after the client believes itself in */
    n = SSL_read(ssl, s->answer, sizeof s->answer);
    s->connected = n > 0;
  }
  SSL_free(ssl);
  SSL_CTX_free(ctx);
  X509_free(x);
  EVP_PKEY_free(key);
  close(s->fd);
  s->done = true;
}

static void knock(pair *p, stranger *s)
{
  uv_thread_t thread;

  s->port = atr_listener_port(p->listener);
  s->fd = dial(s->port);
  assert_int_equal(uv_thread_create(&thread, knock_with_tls, s), 0);
  for (int i = 0; i < 500 && !s->done; i++)
    bench_idle(&p->bench, 10);
  uv_thread_join(&thread);
}

static void serve(pair *p, uint32_t half_open_max, uint32_t handshake_timeout_ms)
{
  const atr_listen_options options = {
      .bind = "127.0.0.1", .half_open_max = half_open_max, .handshake_timeout_ms = handshake_timeout_ms};

  pair_listen(p, &options);
}

/* A good client still comes in: nothing that happened before has harmed the server. */
static void expect_service(pair *p)
{
  atr_session_free(p->server.session);
  memset(&p->server, 0, sizeof p->server);
  pair_connect(p, atr_listener_port(p->listener));
  assert_true(bench_run(&p->bench, &p->server.has_key, 5000));
  assert_true(bench_run(&p->bench, &p->client.has_key, 5000));
}

static void expect_refused(stranger *s, const char *detail)
{
  pair p;

  serve(&p, 0, 0);
  knock(&p, s);
  assert_false(s->connected);
  assert_false(p.server.has_key);
  assert_true(bench_run(&p.bench, &p.server.closed, 5000)); /* the stranger may know before we do */
  assert_true(p.server.err == ATR_TLS || p.server.err == ATR_NOT_ATRIUM);
  if (!strstr(p.server.detail, detail))
    fail_msg("%s", p.server.detail);
  expect_service(&p);
  pair_close(&p);
}

/* --- TLS ------------------------------------------------------------------------------------------------------- */

static void a_stranger_with_a_key_is_let_to_the_door(void **state)
{
  stranger s = {.with_key = true};
  pair p;

  (void)state;
  serve(&p, 0, 0);
  knock(&p, &s); /* reads the first ping */
  assert_true(s.connected);
  assert_true(p.server.has_key);
  assert_memory_equal(s.answer, "\x00\x00\x09\x03", 4);
  pair_close(&p);
}

static void a_peer_without_a_key_is_refused(void **state)
{
  stranger s = {0};

  (void)state;
  expect_refused(&s, "did not return a certificate");
}

static void other_kinds_of_keys_are_refused(void **state)
{
  stranger s = {.with_key = true, .key_type = "EC"};

  (void)state;
  expect_refused(&s, "TLS handshake");
}

static void old_tls_is_refused(void **state)
{
  stranger s = {.with_key = true, .version = TLS1_2_VERSION};

  (void)state;
  expect_refused(&s, "unsupported protocol");
}

static void another_protocol_inside_of_tls_is_refused(void **state)
{
  stranger s = {.with_key = true, .without_alpn = true};

  (void)state;
  expect_refused(&s, "another protocol");
}

/* --- what is not TLS ------------------------------------------------------------------------------------------- */

/* Sends bytes and reads until the end; false when the server says something other than an alert, or does not end. */
static bool is_hung_up_on(pair *p, const void *bytes, size_t n)
{
  int fd = dial(atr_listener_port(p->listener));
  struct timeval wait = {0, 1000};
  uint8_t answer[256];
  ssize_t got = -1;
  bool ended = false;

  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  assert_int_equal(write(fd, bytes, n), (ssize_t)n);
  for (int i = 0; i < 300 && !ended; i++) {
    bench_idle(&p->bench, 5);
    got = read(fd, answer, sizeof answer);
    ended = got == 0 || (got < 0 && errno != EAGAIN);
    if (got > 0 && answer[0] != 0x15)
      break;
  }
  close(fd);
  return ended;
}

static void what_is_not_tls_is_closed(void **state)
{
  static const char *const texts[] = {"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", "SSH-2.0-x\r\n", "\n", "\xff\xff",
                                      "\x80\x2e\x01"};
  uint8_t garbage[4096];
  pair p;

  (void)state;
  serve(&p, 0, 0);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    assert_true(is_hung_up_on(&p, texts[i], strlen(texts[i])));
  assert_int_equal(p.accepted, 0);
  for (int round = 0; round < 50; round++) {
    assert_int_equal(atr_random(garbage, sizeof garbage), 0);
    garbage[0] = 0x16;  /* as far as it goes */
    garbage[3] &= 0x07; /* a record that is all there: for a longer one the server would wait */
    if (round % 2) {
      garbage[1] = 3;
      garbage[2] = 1;
    }
    assert_true(is_hung_up_on(&p, garbage, sizeof garbage));
    atr_session_free(p.server.session);
    memset(&p.server, 0, sizeof p.server);
  }
  expect_service(&p);
  assert_int_equal(atr_listener_connections(p.listener), 1);
  pair_close(&p);
}

/* A browser: it gets a page that says what this port is, and the connection ends. */
static void a_plain_request_gets_a_page(void **state)
{
  static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  struct timeval wait = {0, 1000};
  char answer[1024] = "";
  size_t have = 0;
  bool ended = false;
  pair p;
  int fd;

  (void)state;
  serve(&p, 0, 0);
  fd = dial(atr_listener_port(p.listener));
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  assert_int_equal(write(fd, request, sizeof request - 1), sizeof request - 1);
  for (int i = 0; i < 200 && !ended; i++) {
    ssize_t got;

    bench_idle(&p.bench, 5);
    got = read(fd, answer + have, sizeof answer - 1 - have);
    have += got > 0 ? (size_t)got : 0;
    ended = got == 0;
  }
  close(fd);
  assert_true(ended);
  assert_non_null(strstr(answer, "HTTP/1.1 426 "));
  assert_non_null(strstr(answer, "Host box"));
  atr_session_free(p.server.session);
  memset(&p.server, 0, sizeof p.server);
  expect_service(&p);
  pair_close(&p);
}

static void a_scanner_that_connects_and_goes_leaves_nothing(void **state)
{
  pair p;

  (void)state;
  serve(&p, 0, 0);
  for (int i = 0; i < 20; i++) {
    int fd = dial(atr_listener_port(p.listener));

    if (i % 2)
      bench_idle(&p.bench, 2);
    close(fd);
  }
  bench_idle(&p.bench, 30);
  assert_int_equal(atr_listener_connections(p.listener), 0);
  expect_service(&p);
  pair_close(&p);
}

/* --- servers that are not ours --------------------------------------------------------------------------------- */

/* Answers whatever comes: with a text, or as a TLS server that knows nothing of Atrium. */
typedef struct other_server {
  int fd;
  const char *text;
  const char *key_type;
} other_server;

static void answer(void *arg)
{
  other_server *o = arg;
  int fd = accept(o->fd, NULL, NULL);
  uint8_t bytes[1024];
  EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, o->key_type, "P-256");
  X509 *x = self_signed(key);
  SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
  SSL *ssl;

  if (o->text) {
    (void)!read(fd, bytes, sizeof bytes);
    (void)!write(fd, o->text, strlen(o->text));
  }
  SSL_CTX_use_certificate(ctx, x);
  SSL_CTX_use_PrivateKey(ctx, key);
  ssl = SSL_new(ctx);
  SSL_set_fd(ssl, fd);
  if (!o->text && SSL_accept(ssl) == 1)
    (void)SSL_read(ssl, bytes, sizeof bytes);
  SSL_free(ssl);
  SSL_CTX_free(ctx);
  X509_free(x);
  EVP_PKEY_free(key);
  close(fd);
}

static void expect_not_atrium(other_server *o)
{
  struct sockaddr_in a;
  socklen_t len = sizeof a;
  uv_thread_t thread;
  pair p;

  o->fd = socket(AF_INET, SOCK_STREAM, 0);
  uv_ip4_addr("127.0.0.1", 0, &a);
  assert_int_equal(bind(o->fd, (struct sockaddr *)&a, sizeof a), 0);
  assert_int_equal(listen(o->fd, 1), 0);
  getsockname(o->fd, (struct sockaddr *)&a, &len);
  assert_int_equal(uv_thread_create(&thread, answer, o), 0);
  serve(&p, 0, 0);
  pair_connect(&p, ntohs(a.sin_port));
  assert_true(bench_run(&p.bench, &p.client.closed, 5000));
  assert_false(p.client.has_key);
  assert_int_equal(p.client.err, ATR_NOT_ATRIUM);
  pair_close(&p);
  uv_thread_join(&thread);
  close(o->fd);
}

static void a_client_notices_that_it_is_not_atrium(void **state)
{
  other_server http = {.text = "HTTP/1.1 400 Bad Request\r\n\r\n", .key_type = "EC"};
  other_server ssh = {.text = "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", .key_type = "EC"};
  other_server https = {.key_type = "EC"};
  other_server tls = {.key_type = "ED25519"}; /* the handshake itself succeeds */

  (void)state;
  expect_not_atrium(&http);
  expect_not_atrium(&ssh);
  expect_not_atrium(&https);
  expect_not_atrium(&tls);
}

/* --- slow and many --------------------------------------------------------------------------------------------- */

static bool is_open(int fd)
{
  uint8_t byte;
  ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);

  return n > 0 || (n < 0 && errno == EAGAIN);
}

/* ATR_HANDSHAKE_TIMEOUT_MS, a second here. A byte now and then keeps an idle timer happy; the handshake has a time of its own. */
static void slow_handshakes_are_cut(void **state)
{
  static const uint8_t start[] = {0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3};
  uint64_t begin;
  pair p;
  int slow, silent;

  (void)state;
  serve(&p, 0, 1000);
  slow = dial(atr_listener_port(p.listener));
  silent = dial(atr_listener_port(p.listener));
  begin = atr_net_now_us();
  for (int i = 0; i < 200 && is_open(slow); i++) {
    (void)!send(slow, i < (int)sizeof start ? start + i : start, 1, MSG_NOSIGNAL);
    bench_idle(&p.bench, 20);
  }
  assert_false(is_open(slow));
  assert_false(is_open(silent));
  assert_in_range(atr_net_now_us() - begin, 900000, 3000000);
  assert_true(bench_run(&p.bench, &p.server.closed, 1000));
  assert_int_equal(p.server.err, ATR_TIMEOUT);
  assert_int_equal(atr_listener_connections(p.listener), 0);
  expect_service(&p);
  close(slow);
  close(silent);
  pair_close(&p);
}

/* ATR_HALF_OPEN_MAX, 16 here. The oldest goes for the next: who comes with a key gets in however many hold the door. */
static void a_flood_of_half_open_connections_is_bounded(void **state)
{
  enum { FLOOD = 200, LIMIT = 16 };
  int fds[FLOOD], open = 0;
  pair p;

  (void)state;
  serve(&p, LIMIT, 60000);
  for (int i = 0; i < FLOOD; i++) {
    fds[i] = dial(atr_listener_port(p.listener));
    bench_idle(&p.bench, 1);
    assert_true(atr_listener_half_open(p.listener) <= LIMIT);
  }
  expect_service(&p);
  bench_idle(&p.bench, 10);
  for (int i = 0; i < FLOOD; i++) {
    open += is_open(fds[i]);
    close(fds[i]);
  }
  assert_in_range(open, LIMIT - 1, LIMIT);
  pair_close(&p);
}

/* Somebody from elsewhere, who is slow, keeps the place in the flood of another; among equals the oldest goes. */
static void a_flood_pushes_out_itself_alone(void **state)
{
  enum { FLOOD = 100, LIMIT = 16 };
  int fds[FLOOD], slow, slower;
  pair p;

  (void)state;
  serve(&p, LIMIT, 60000);
  slower = dial_from("127.0.0.3", atr_listener_port(p.listener));
  bench_idle(&p.bench, 1);
  slow = dial_from("127.0.0.2", atr_listener_port(p.listener));
  for (int i = 0; i < FLOOD; i++) {
    fds[i] = dial(atr_listener_port(p.listener));
    bench_idle(&p.bench, 1);
  }
  bench_idle(&p.bench, 10);
  assert_true(is_open(slow));
  assert_true(is_open(slower));
  assert_true(is_open(fds[FLOOD - 1]));
  assert_false(is_open(fds[FLOOD - LIMIT]));
  for (int i = 0; i < FLOOD; i++)
    close(fds[i]);
  close(slow);
  close(slower);
  pair_close(&p);
}

/* --- who greets ------------------------------------------------------------------------------------------------ */

static void greeted_end(void *ctx, int err, const char *detail)
{
  (void)err;
  (void)detail;
  atr_stream_close(ctx);
}

static void greeted_nothing(void *ctx)
{
  (void)ctx;
}

static void greeted_bytes(void *ctx, const uint8_t *bytes, size_t n)
{
  (void)ctx;
  (void)bytes;
  (void)n;
}

static const atr_stream_callbacks greeted_callbacks = {greeted_nothing, greeted_bytes, greeted_nothing, greeted_end};

/* `ctx` is the server's identity. */
static void speak_tls(void *ctx, atr_stream *stream)
{
  atr_stream *tls;

  assert_int_equal(atr_tls_stream_new(&tls, stream, atr_identity_tls(ctx), true), 0);
  atr_stream_set_owner(tls, &greeted_callbacks, tls);
  atr_stream_read_start(tls);
}

/* A server all of whose guests greet, and do no more. */
typedef struct door {
  bench bench;
  atr_identity *identity;
  atr_listener *listener;
} door;

static void door_open(door *d, uint32_t half_open_max)
{
  const atr_listen_options options = {.bind = "127.0.0.1", .half_open_max = half_open_max};
  char why[256];

  bench_open(&d->bench);
  assert_int_equal(atr_identity_new(&d->identity), 0);
  assert_int_equal(atr_listener_new(&d->listener, d->bench.net, &options, speak_tls, d->identity, why, sizeof why), 0);
}

static void door_close(door *d)
{
  atr_listener_free(d->listener);
  bench_idle(&d->bench, 10);
  atr_identity_free(d->identity);
  bench_close(&d->bench);
}

/* What a client says first. */
static size_t greeting(uint8_t *out, size_t max)
{
  SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
  SSL *ssl = SSL_new(ctx);
  BIO *said = BIO_new(BIO_s_mem());
  int n;

  SSL_set_bio(ssl, BIO_new(BIO_s_mem()), said);
  SSL_set_alpn_protos(ssl,
                      (const unsigned char *)"\x08"
                                             "atrium/1",
                      9);
  assert_int_equal(SSL_connect(ssl), -1);
  n = BIO_read(said, out, (int)max);
  assert_true(n > 100);
  SSL_free(ssl);
  SSL_CTX_free(ctx);
  return (size_t)n;
}

/* They come from one address, as all do who come by a tunnel: who says nothing, or not all, pushes out nobody who has greeted, nor he those; and
 * among each the oldest goes. */
static void who_says_nothing_pushes_out_nobody_who_greets(void **state)
{
  enum { FLOOD = 100, LIMIT = 16 };
  int greets[LIMIT + 4], silent[FLOOD];
  uint8_t hello[1024];
  size_t n = greeting(hello, sizeof hello);
  door d;

  (void)state;
  door_open(&d, LIMIT);
  for (int i = 0; i < LIMIT; i++) {
    greets[i] = dial(atr_listener_port(d.listener));
    assert_int_equal(write(greets[i], hello, n), n);
    bench_idle(&d.bench, 2);
  }
  for (int i = 0; i < FLOOD; i++) {
    silent[i] = dial(atr_listener_port(d.listener));
    assert_int_equal(write(silent[i], hello, i % 2 ? n - 1 : 0), i % 2 ? n - 1 : 0);
    bench_idle(&d.bench, 1);
    assert_true(atr_listener_half_open(d.listener) <= 2 * LIMIT);
  }
  bench_idle(&d.bench, 10);
  assert_int_equal(atr_listener_half_open(d.listener), 2 * LIMIT);
  for (int i = 0; i < LIMIT; i++)
    assert_true(is_open(greets[i]));
  for (int i = LIMIT; i < LIMIT + 4; i++) {
    greets[i] = dial(atr_listener_port(d.listener));
    assert_int_equal(write(greets[i], hello, n), n);
    bench_idle(&d.bench, 10);
  }
  while (recv(greets[0], hello, sizeof hello, MSG_DONTWAIT) > 0)
    ;
  assert_false(is_open(greets[0]));
  while (recv(greets[4], hello, sizeof hello, MSG_DONTWAIT) > 0)
    ;
  assert_true(is_open(greets[4]));
  assert_false(is_open(silent[FLOOD - LIMIT]));
  assert_true(is_open(silent[FLOOD - 1]));
  for (int i = 0; i < LIMIT + 4; i++)
    close(greets[i]);
  for (int i = 0; i < FLOOD; i++)
    close(silent[i]);
  bench_idle(&d.bench, 30);
  assert_int_equal(atr_listener_half_open(d.listener), 0);
  door_close(&d);
}

/* ATR_CLIENT_HELLO_BYTES_MAX: so much memory is what nine bytes may ask for. */
static void a_greeting_has_so_many_bytes(void **state)
{
  static const uint8_t fits[] = {0x16, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc}, over[] = {0x16, 3, 1, 0x40, 0, 1, 0, 0x40, 1},
                       far_over[] = {0x16, 3, 1, 0x40, 0, 1, 1, 0, 0}, pieces[] = {0x16, 3, 1, 0, 1, 1, 0x16, 3, 1};
  static const struct {
    const uint8_t *bytes;
    bool stays;
  } greetings[] = {{fits, true}, {over, false}, {far_over, false}, {pieces, false}};
  door d;

  (void)state;
  door_open(&d, 0);
  for (size_t i = 0; i < sizeof greetings / sizeof *greetings; i++) {
    int fd = dial(atr_listener_port(d.listener));

    for (size_t at = 0; at < sizeof fits; at += 3) {
      assert_int_equal(send(fd, greetings[i].bytes + at, 3, MSG_NOSIGNAL), 3);
      bench_idle(&d.bench, 5);
    }
    bench_idle(&d.bench, 20);
    assert_int_equal(is_open(fd), greetings[i].stays);
    close(fd);
  }
  bench_idle(&d.bench, 20);
  door_close(&d);
}

/* ATR_CONNECTIONS_MAX, three here. */
static void connections_are_limited(void **state)
{
  const atr_listen_options options = {.bind = "127.0.0.1", .connections_max = 3};
  int fds[4];
  pair p;

  (void)state;
  pair_listen(&p, &options);
  for (int i = 0; i < 4; i++)
    fds[i] = dial(atr_listener_port(p.listener));
  bench_idle(&p.bench, 30);
  assert_int_equal(atr_listener_connections(p.listener), 3);
  assert_true(is_open(fds[2]));
  assert_false(is_open(fds[3]));
  for (int i = 0; i < 4; i++)
    close(fds[i]);
  bench_idle(&p.bench, 30);
  expect_service(&p);
  pair_close(&p);
}

/* --- turned away ------------------------------------------------------------------------------------------------ */

static void turn_away(void *ctx, atr_stream *stream)
{
  (void)ctx;
  atr_turn_away(stream);
}

static void serve_nobody(bench *b, atr_listener **listener, uint32_t handshake_timeout_ms)
{
  const atr_listen_options options = {.bind = "127.0.0.1", .handshake_timeout_ms = handshake_timeout_ms};
  char why[256];

  bench_open(b);
  assert_int_equal(atr_listener_new(listener, b->net, &options, turn_away, NULL, why, sizeof why), 0);
}

/* Reads until the end; how many bytes came. */
static size_t read_all(bench *b, int fd, uint8_t *bytes, size_t max)
{
  size_t have = 0;

  for (int i = 0; i < 300; i++) {
    ssize_t n = recv(fd, bytes + have, max - have, MSG_DONTWAIT);

    if (n == 0 || (n < 0 && errno != EAGAIN))
      return have;
    have += n > 0 ? (size_t)n : 0;
    bench_idle(b, 5);
  }
  fail_msg("it does not end");
  return have;
}

static void who_is_turned_away_is_told(void **state)
{
  static const uint8_t hello[] = {0x16, 3, 1, 0, 200, 1, 0, 0}, full[] = {0x15, 3, 3, 0, 2, 2, ATR_TLS_ALERT_FULL};
  uint8_t answer[64];
  atr_listener *listener;
  bench b;
  int fd;

  (void)state;
  serve_nobody(&b, &listener, 0);
  fd = dial(atr_listener_port(listener));
  assert_int_equal(write(fd, hello, sizeof hello), sizeof hello);
  assert_int_equal(read_all(&b, fd, answer, sizeof answer), sizeof full);
  assert_memory_equal(answer, full, sizeof full);
  assert_int_equal(atr_listener_half_open(listener), 1); /* its own end is still to come */
  close(fd);
  bench_idle(&b, 30);
  assert_int_equal(atr_listener_connections(listener), 0);
  atr_listener_free(listener);
  bench_close(&b);
}

/* As any other without a key, these have a time limit; and nothing that they send is kept. ATR_CLIENT_HELLO_BYTES_MAX. */
static void who_is_turned_away_and_stays_is_cut(void **state)
{
  uint8_t bytes[4096] = {0x16, 3, 1};
  atr_listener *listener;
  size_t sent = 0;
  int silent, stays, talks;
  bench b;

  (void)state;
  serve_nobody(&b, &listener, 500);
  silent = dial(atr_listener_port(listener));
  stays = dial(atr_listener_port(listener));
  talks = dial(atr_listener_port(listener));
  assert_int_equal(write(stays, bytes, 100), 100);
  for (int i = 0; i < 50 && atr_listener_connections(listener) != 2; i++) {
    ssize_t n = send(talks, bytes, sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT);

    sent += n > 0 ? (size_t)n : 0;
    bench_idle(&b, 2);
  }
  assert_true(sent > ATR_CLIENT_HELLO_BYTES_MAX);
  assert_int_equal(atr_listener_connections(listener), 2);
  bench_idle(&b, 700);
  assert_int_equal(atr_listener_connections(listener), 0);
  close(stays);
  stays = dial(atr_listener_port(listener)); /* and one is there when the listener goes */
  assert_int_equal(write(stays, bytes, 100), 100);
  bench_idle(&b, 30);
  atr_listener_free(listener);
  bench_close(&b);
  close(silent);
  close(stays);
  close(talks);
}

static void a_client_that_is_turned_away_knows_why(void **state)
{
  atr_listener *listener;
  pair p;

  (void)state;
  serve(&p, 0, 0);
  assert_int_equal(atr_listener_new(&listener, p.bench.net, &(atr_listen_options){.bind = "127.0.0.1"}, turn_away, NULL,
                                    (char[256]){0}, 256),
                   0);
  pair_connect(&p, atr_listener_port(listener));
  assert_true(bench_run(&p.bench, &p.client.closed, 5000));
  assert_int_equal(p.client.err, ATR_SERVER_FULL);
  bench_idle(&p.bench, 30);
  assert_int_equal(atr_listener_connections(listener), 0);
  atr_listener_free(listener);
  pair_close(&p);
}

/* --- ports and interfaces -------------------------------------------------------------------------------------- */

static int try_listen(bench *b, const char *bind, uint16_t port, char *why, size_t why_bytes)
{
  const atr_listen_options options = {.bind = bind, .port = port};
  atr_listener *listener;
  int err = atr_listener_new(&listener, b->net, &options, pair_accept, NULL, why, why_bytes);

  atr_listener_free(listener);
  return err;
}

static void ports_and_addresses_that_cannot_be_used_are_named(void **state)
{
  const atr_listen_options any = {0};
  atr_listener *listener;
  char why[256] = "", port[16];
  bench b;

  (void)state;
  bench_open(&b);
  assert_int_equal(atr_listener_new(&listener, b.net, &any, pair_accept, NULL, why, sizeof why), 0);
  assert_true(atr_listener_all_interfaces(listener));
  snprintf(port, sizeof port, "Port %u", atr_listener_port(listener));
  assert_int_equal(try_listen(&b, NULL, atr_listener_port(listener), why, sizeof why), ATR_PORT_BUSY);
  assert_non_null(strstr(why, port));
  assert_int_equal(try_listen(&b, "127.0.0.1", atr_listener_port(listener), why, sizeof why), ATR_PORT_BUSY);
  assert_int_equal(try_listen(&b, "192.0.2.77", 0, why, sizeof why), ATR_UNREACHABLE);
  assert_non_null(strstr(why, "192.0.2.77"));
  assert_int_equal(try_listen(&b, "everywhere", 0, why, sizeof why), ATR_ADDR_SYNTAX);
  atr_listener_free(listener);
  bench_close(&b);
}

static void both_families_reach_the_default(void **state)
{
  const atr_listen_options any = {0};
  struct sockaddr_in6 to;
  atr_tcp_connect *attempt;
  pair p;

  (void)state;
  pair_listen(&p, &any);
  pair_connect(&p, atr_listener_port(p.listener)); /* IPv4 */
  assert_true(bench_run(&p.bench, &p.server.has_key, 5000));
  assert_memory_equal(atr_session_peer_address(p.server.session), "127.0.0.1:", 10);
  assert_true(atr_session_peer_is_loopback(p.server.session));
  atr_session_free(p.server.session);
  atr_session_free(p.client.session);
  memset(&p.server, 0, sizeof p.server);
  memset(&p.client, 0, sizeof p.client);
  p.ready = false;
  uv_ip6_addr("::1", atr_listener_port(p.listener), &to);
  assert_int_equal(atr_tcp_connect_start(&attempt, p.bench.net, (struct sockaddr *)&to, pair_connected, &p), 0);
  if (!bench_run(&p.bench, &p.ready, 5000))
    fail_msg("no IPv6 on loopback");
  assert_true(bench_run(&p.bench, &p.server.has_key, 5000));
  assert_memory_equal(atr_session_peer_address(p.server.session), "[::1]:", 6);
  pair_close(&p);
}

/* ATR_TLS_REKEY_RECORDS, 3 and 5 here. New sending keys in the middle of a stream: nothing of it shows. */
static void keys_are_renewed(void **state)
{
  pair p;

  (void)state;
  serve(&p, 0, 0);
  atr_tls_config_set_rekey((atr_tls_config *)atr_identity_tls(p.client_identity), 3);
  atr_tls_config_set_rekey((atr_tls_config *)atr_identity_tls(p.server_identity), 5);
  pair_connect(&p, atr_listener_port(p.listener));
  assert_true(bench_run(&p.bench, &p.server.has_key, 5000));
  assert_true(bench_run(&p.bench, &p.client.has_key, 5000));
  for (unsigned i = 0; i < 200; i++) {
    assert_int_equal(atr_session_send(p.client.session, ATR_LANE_CONTROL, atr_span_of("\x01{}", 3)), 0);
    assert_int_equal(atr_session_send(p.server.session, ATR_LANE_CONTROL, atr_span_of("\x01{}", 3)), 0);
    bench_idle(&p.bench, 1);
  }
  bench_idle(&p.bench, 20);
  assert_int_equal(p.server.messages[ATR_LANE_CONTROL], 200);
  assert_int_equal(p.client.messages[ATR_LANE_CONTROL], 200);
  pair_close(&p);
}

/* ATR_TLS_EXTRAS_MAX. Each costs a flood 27 bytes, and the server two derivations of a key, and an answer where one is asked for. */
static void a_flood_of_new_keys_is_cut(void **state)
{
  stranger good = {.with_key = true, .new_keys = ATR_TLS_EXTRAS_MAX};
  stranger bad = {.with_key = true, .new_keys = 100 * ATR_TLS_EXTRAS_MAX};
  pair p;

  (void)state;
  serve(&p, 0, 0);
  knock(&p, &good);
  assert_true(good.connected);
  assert_true(bench_run(&p.bench, &p.server.closed, 5000));
  assert_string_equal(atr_err_name(p.server.err), atr_err_name(ATR_CLOSED));
  atr_session_free(p.server.session);
  memset(&p.server, 0, sizeof p.server);
  knock(&p, &bad);
  assert_true(bench_run(&p.bench, &p.server.closed, 5000));
  assert_string_equal(atr_err_name(p.server.err), atr_err_name(ATR_TLS));
  if (!strstr(p.server.detail, "renews keys"))
    fail_msg("%s", p.server.detail);
  expect_service(&p);
  pair_close(&p);
}

#ifdef SHORT_MEMORY
/* Nobody came in any more, for ever: libuv offers no connection before the last one was taken. */
static void who_comes_while_memory_is_short_comes_in_later(void **state)
{
  pair p;
  int fd;

  (void)state;
  serve(&p, 0, 0);
  calls_until_short = 1;
  fd = dial(atr_listener_port(p.listener));
  bench_idle(&p.bench, 20);
  assert_int_equal(calls_until_short, 0);
  assert_int_equal(atr_listener_connections(p.listener), 0);
  for (int i = 0; i < 500 && atr_listener_connections(p.listener) == 0; i++)
    bench_idle(&p.bench, 10);
  assert_int_equal(atr_listener_connections(p.listener), 1);
  expect_service(&p);
  close(fd);
  pair_close(&p);
}
#endif

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_stranger_with_a_key_is_let_to_the_door),
      cmocka_unit_test(a_peer_without_a_key_is_refused),
      cmocka_unit_test(other_kinds_of_keys_are_refused),
      cmocka_unit_test(old_tls_is_refused),
      cmocka_unit_test(another_protocol_inside_of_tls_is_refused),
      cmocka_unit_test(what_is_not_tls_is_closed),
      cmocka_unit_test(a_plain_request_gets_a_page),
      cmocka_unit_test(a_scanner_that_connects_and_goes_leaves_nothing),
      cmocka_unit_test(a_client_notices_that_it_is_not_atrium),
      cmocka_unit_test(slow_handshakes_are_cut),
      cmocka_unit_test(a_flood_of_half_open_connections_is_bounded),
      cmocka_unit_test(a_flood_pushes_out_itself_alone),
      cmocka_unit_test(who_says_nothing_pushes_out_nobody_who_greets),
      cmocka_unit_test(a_greeting_has_so_many_bytes),
      cmocka_unit_test(connections_are_limited),
      cmocka_unit_test(who_is_turned_away_is_told),
      cmocka_unit_test(who_is_turned_away_and_stays_is_cut),
      cmocka_unit_test(a_client_that_is_turned_away_knows_why),
      cmocka_unit_test(ports_and_addresses_that_cannot_be_used_are_named),
      cmocka_unit_test(both_families_reach_the_default),
      cmocka_unit_test(keys_are_renewed),
      cmocka_unit_test(a_flood_of_new_keys_is_cut),
#ifdef SHORT_MEMORY
      cmocka_unit_test(who_comes_while_memory_is_short_comes_in_later),
#endif
  };

  signal(SIGPIPE, SIG_IGN);
  assert_int_equal(atr_crypto_init(), 0);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
