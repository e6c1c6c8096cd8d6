/* SPDX-License-Identifier: MIT
 *
 * nats_peer.c - a NATS client over TLS, for the fan-out and latency benchmarks
 *
 * The peer that Atrium's relay is measured against: one publisher and N subscribers, each a process of its own, over TLS 1.3 to a nats-server. It speaks
 * just enough of the protocol (INFO, CONNECT, SUB, PUB, MSG, PING) and is written to be fast, so that the figure is the server's: the publisher writes batches of
 * 64 KiB, the subscriber parses in place.
 *
 *   nats_peer sub PORT COUNT [SAMPLES_FILE]   prints "ready", then a JSON line when COUNT messages came in order
 *   nats_peer pub PORT COUNT RATE [BYTES]     RATE 0: as fast as it goes; BYTES of payload, else PAYLOAD_BYTES
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
#include <unistd.h>

enum { BATCH_BYTES = 64 * 1024, READ_BYTES = 256 * 1024, PAYLOAD_BYTES_MAX = 1024, LINE_BYTES_MAX = 1536 };

typedef struct peer {
  SSL *ssl;
  char *in;
  size_t start, end;
} peer;

static int connect_loopback(int port)
{
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to))
    bench_die("cannot connect to nats-server");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

static void skip_info(int fd)
{
  char c = 0;
  while (c != '\n')
    if (read(fd, &c, 1) != 1)
      bench_die("no INFO from nats-server");
}

static void peer_write(peer *p, const char *text, size_t len)
{
  if (SSL_write(p->ssl, text, (int)len) != (int)len)
    bench_die("nats-server closed the connection");
}

static void peer_open(peer *p, int port)
{
  const int fd = connect_loopback(port);
  skip_info(fd);
  SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
  SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256");
  p->ssl = SSL_new(ctx);
  SSL_set_fd(p->ssl, fd);
  SSL_set_read_ahead(p->ssl, 1);
  if (SSL_connect(p->ssl) != 1)
    bench_die("TLS handshake with nats-server failed");
  p->in = malloc(READ_BYTES);
  if (!p->in)
    bench_die("out of memory");
  static const char hello[] = "CONNECT {\"verbose\":false,\"pedantic\":false,\"tls_required\":true}\r\n";
  peer_write(p, hello, sizeof hello - 1);
}

static void peer_fill(peer *p)
{
  memmove(p->in, p->in + p->start, p->end - p->start);
  p->end -= p->start;
  p->start = 0;
  const int n = SSL_read(p->ssl, p->in + p->end, (int)(READ_BYTES - p->end));
  if (n <= 0)
    bench_die("nats-server closed the connection");
  p->end += (size_t)n;
}

/* One line without its CRLF; valid until the next call. */
static char *peer_line(peer *p)
{
  for (;;) {
    char *from = p->in + p->start;
    char *eol = memchr(from, '\n', p->end - p->start);
    if (eol) {
      eol[-1] = 0;
      p->start = (size_t)(eol + 1 - p->in);
      return from;
    }
    peer_fill(p);
  }
}

static const char *peer_payload(peer *p, size_t len)
{
  while (p->end - p->start < len + 2)
    peer_fill(p);
  const char *payload = p->in + p->start;
  p->start += len + 2;
  return payload;
}

/* Waits for the answer to a PING: everything sent before has been processed. */
static void peer_sync(peer *p)
{
  peer_write(p, "PING\r\n", 6);
  while (strcmp(peer_line(p), "PONG") != 0)
    continue;
}

static void subscribe(peer *p, uint64_t count, const char *samples_path)
{
  bench_samples samples = {0};
  peer_write(p, "SUB op 1\r\n", 10);
  peer_sync(p);
  printf("ready\n");
  fflush(stdout);
  for (uint64_t next = 0; next < count;) {
    char *line = peer_line(p);
    if (!strncmp(line, "PING", 4))
      peer_write(p, "PONG\r\n", 6);
    if (strncmp(line, "MSG ", 4) != 0)
      continue;
    const char *size = strrchr(line, ' ');
    const char *payload = peer_payload(p, strtoul(size, NULL, 10));
    uint64_t number = 0, sent_ns = 0;
    if (bench_stamp_read(payload, &number, &sent_ns) || number != next++)
      bench_die("a message is out of order");
    if (samples_path)
      bench_sample(&samples, sent_ns, bench_now_ns());
  }
  printf("{\"received\": %llu, \"end_ns\": %llu}\n", (unsigned long long)count, (unsigned long long)bench_now_ns());
  if (samples_path && bench_samples_write(&samples, samples_path))
    bench_die("cannot write the samples");
}

static void publish(peer *p, uint64_t count, double rate, int bytes)
{
  static char batch[BATCH_BYTES + LINE_BYTES_MAX];
  size_t used = 0;
  char payload[PAYLOAD_BYTES_MAX];
  memset(payload, 'x', sizeof payload);
  const uint64_t start_ns = bench_now_ns();
  for (uint64_t i = 0; i < count; i++) {
    if (rate > 0)
      bench_sleep_until(start_ns + (uint64_t)((double)i / rate * 1e9));
    bench_stamp(payload, i, bench_now_ns());
    used += (size_t)snprintf(batch + used, LINE_BYTES_MAX, "PUB op %d\r\n%.*s\r\n", bytes, bytes, payload);
    if (used >= BATCH_BYTES || rate > 0 || i + 1 == count) {
      peer_write(p, batch, used);
      used = 0;
    }
  }
  peer_sync(p);
  printf("{\"start_ns\": %llu}\n", (unsigned long long)start_ns);
}

int main(int argc, char **argv)
{
  if (argc < 4)
    bench_die("usage: nats_peer sub PORT COUNT [FILE] | pub PORT COUNT RATE");
  signal(SIGPIPE, SIG_IGN);
  peer p = {0};
  peer_open(&p, atoi(argv[2]));
  const uint64_t count = strtoull(argv[3], NULL, 10);
  if (!strcmp(argv[1], "sub"))
    subscribe(&p, count, argc > 4 ? argv[4] : NULL);
  else
    publish(&p, count, argc > 4 ? atof(argv[4]) : 0, argc > 5 ? atoi(argv[5]) : PAYLOAD_BYTES);
  return 0;
}
