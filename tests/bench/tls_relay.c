/* SPDX-License-Identifier: MIT
 *
 * tls_relay.c - the plainest way to move bytes over two TLS hops, for the bulk benchmark
 *
 * The peer of `relay.bulk`: a sender writes BYTES to a relay, which copies what it reads to one receiver. Both hops are TLS 1.3 with the same cipher
 * as Atrium's. Nothing is hashed, framed or kept: what Atrium's figure lacks against this one is the price of content addressing.
 *
 *   tls_relay relay PORT CERT KEY   accepts the receiver, then the sender; prints "ready"
 *   tls_relay recv PORT BYTES       prints a JSON line at its end
 *   tls_relay send PORT BYTES       prints a JSON line with its start
 */
#include "bench.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { CHUNK_BYTES = 64 * 1024 };

static char chunk[CHUNK_BYTES];

static SSL *handshake(SSL_CTX *ctx, int fd, int is_server)
{
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
  SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256");
  SSL *ssl = SSL_new(ctx);
  SSL_set_fd(ssl, fd);
  SSL_set_read_ahead(ssl, 1);
  if ((is_server ? SSL_accept(ssl) : SSL_connect(ssl)) != 1)
    bench_die("TLS handshake failed");
  return ssl;
}

static struct sockaddr_in loopback(const char *port)
{
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return a;
}

static SSL *dial(const char *port)
{
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const struct sockaddr_in to = loopback(port);
  if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to))
    bench_die("cannot connect to the relay");
  return handshake(SSL_CTX_new(TLS_client_method()), fd, 0);
}

static void write_all(SSL *ssl, int len)
{
  if (SSL_write(ssl, chunk, len) != len)
    bench_die("the other side closed");
}

static void relay(const char *port, const char *cert, const char *key)
{
  SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
  if (SSL_CTX_use_certificate_file(ctx, cert, SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
    bench_die("cannot read certificate and key");
  SSL_CTX_set_num_tickets(ctx, 0); /* a sender that never reads would end with a reset */
  const int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  const struct sockaddr_in at = loopback(port);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (const struct sockaddr *)&at, sizeof at) || listen(listener, 2))
    bench_die("cannot listen");
  printf("ready\n");
  fflush(stdout);
  SSL *to = handshake(ctx, accept(listener, NULL, NULL), 1);
  SSL *from = handshake(ctx, accept(listener, NULL, NULL), 1);
  for (int n; (n = SSL_read(from, chunk, CHUNK_BYTES)) > 0;)
    write_all(to, n);
  SSL_shutdown(to);
}

static void receive(const char *port, uint64_t bytes)
{
  SSL *ssl = dial(port);
  printf("ready\n");
  fflush(stdout);
  uint64_t got = 0;
  for (int n; got < bytes && (n = SSL_read(ssl, chunk, CHUNK_BYTES)) > 0;)
    got += (uint64_t)n;
  if (got != bytes)
    bench_die("bytes are missing");
  printf("{\"received\": %llu, \"end_ns\": %llu}\n", (unsigned long long)got, (unsigned long long)bench_now_ns());
}

static void send_bytes(const char *port, uint64_t bytes)
{
  SSL *ssl = dial(port);
  const uint64_t start_ns = bench_now_ns();
  for (uint64_t sent = 0; sent < bytes; sent += CHUNK_BYTES) {
    bench_stamp(chunk, sent, start_ns);
    write_all(ssl, CHUNK_BYTES);
  }
  SSL_shutdown(ssl);
  printf("{\"start_ns\": %llu}\n", (unsigned long long)start_ns);
}

int main(int argc, char **argv)
{
  signal(SIGPIPE, SIG_IGN);
  if (argc == 5 && !strcmp(argv[1], "relay"))
    relay(argv[2], argv[3], argv[4]);
  else if (argc == 4 && !strcmp(argv[1], "recv"))
    receive(argv[2], strtoull(argv[3], NULL, 10));
  else if (argc == 4 && !strcmp(argv[1], "send"))
    send_bytes(argv[2], strtoull(argv[3], NULL, 10) / CHUNK_BYTES * CHUNK_BYTES);
  else
    bench_die("usage: tls_relay relay PORT CERT KEY | recv PORT BYTES | send PORT BYTES");
  return 0;
}
