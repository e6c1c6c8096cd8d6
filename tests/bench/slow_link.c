/* SPDX-License-Identifier: MIT
 *
 * slow_link.c - a TCP proxy that behaves like a slow line: rate, delay, and a small buffer
 *
 * Each direction of each connection is a queue of at most BUFFER bytes, a serialiser of RATE bits per second, and a wire on which what was serialised
 * travels for half the round trip. The kernel's receive buffer towards the sender is as small as it gets, so that the sender's bytes wait
 * with the sender, as with a real line. netem would do the same, but not every kernel has it.
 *
 *   slow_link LISTEN_PORT TARGET_PORT MBIT_PER_S ROUND_TRIP_MS BUFFER_BYTES SECONDS_MAX    (loopback only; prints "ready")
 */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 32, PIECE_BYTES = 1460, PIECES_MAX = 4096, RECEIVE_BUFFER_BYTES = 4096 };

typedef struct piece {
  uint64_t serialised_ns, arrives_ns;
  size_t len, sent;
  char bytes[PIECE_BYTES];
} piece;

typedef struct pipe_way {
  int from, to;
  piece *pieces; /* ring of PIECES_MAX */
  size_t head, tail;
  uint64_t line_free_ns;
  bool from_ended;
} pipe_way;

static struct {
  double ns_per_byte;
  uint64_t delay_ns;
  size_t buffer_bytes;
} line;

static pipe_way ways[2 * CONNECTIONS_MAX];
static size_t n_ways;

/* Bytes that still wait for the serialiser. */
static size_t waiting(const pipe_way *w, uint64_t now)
{
  size_t bytes = 0;
  for (size_t i = w->tail; i != w->head; i++)
    if (w->pieces[i % PIECES_MAX].serialised_ns > now)
      bytes += w->pieces[i % PIECES_MAX].len;
  return bytes;
}

static bool can_read(const pipe_way *w, uint64_t now)
{
  return !w->from_ended && w->head - w->tail < PIECES_MAX && waiting(w, now) + PIECE_BYTES <= line.buffer_bytes;
}

static void way_read(pipe_way *w, uint64_t now)
{
  piece *p = &w->pieces[w->head % PIECES_MAX];
  const ssize_t n = read(w->from, p->bytes, PIECE_BYTES);
  if (n < 0 && errno == EAGAIN)
    return;
  if (n <= 0) {
    w->from_ended = true;
    return;
  }
  p->len = (size_t)n;
  p->sent = 0;
  w->line_free_ns = (w->line_free_ns > now ? w->line_free_ns : now) + (uint64_t)((double)n * line.ns_per_byte);
  p->serialised_ns = w->line_free_ns;
  p->arrives_ns = w->line_free_ns + line.delay_ns;
  w->head++;
}

static void way_write(pipe_way *w, uint64_t now)
{
  while (w->tail != w->head) {
    piece *p = &w->pieces[w->tail % PIECES_MAX];
    if (p->arrives_ns > now)
      return;
    const ssize_t n = write(w->to, p->bytes + p->sent, p->len - p->sent);
    if (n < 0)
      return;
    p->sent += (size_t)n;
    if (p->sent < p->len)
      return;
    w->tail++;
  }
  if (w->from_ended)
    shutdown(w->to, SHUT_WR);
}

static struct sockaddr_in loopback(int port)
{
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return a;
}

static int make_socket(void)
{
  const int fd = socket(AF_INET, SOCK_STREAM, 0), size = RECEIVE_BUFFER_BYTES, on = 1;
  if (fd < 0)
    bench_die("no socket");
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  return fd;
}

static void way_open(int from, int to)
{
  const int on = 1;
  setsockopt(to, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(from, F_SETFL, O_NONBLOCK);
  ways[n_ways] = (pipe_way){.from = from, .to = to, .pieces = calloc(PIECES_MAX, sizeof(piece))};
  if (!ways[n_ways++].pieces)
    bench_die("out of memory");
}

static void accept_one(int listener, int target_port)
{
  const int near = accept(listener, NULL, NULL), far = make_socket();
  const struct sockaddr_in to = loopback(target_port);
  if (near < 0 || n_ways + 2 > sizeof ways / sizeof *ways || connect(far, (const struct sockaddr *)&to, sizeof to)) {
    close(near);
    close(far);
    return;
  }
  way_open(near, far);
  way_open(far, near);
}

static void step(int listener, int target_port)
{
  struct pollfd p[1 + 2 * CONNECTIONS_MAX] = {{.fd = listener, .events = POLLIN}};
  const uint64_t now = bench_now_ns();
  for (size_t i = 0; i < n_ways; i++)
    p[1 + i] = (struct pollfd){.fd = can_read(&ways[i], now) ? ways[i].from : -1, .events = POLLIN};
  const size_t polled = n_ways;
  const struct timespec tick = {0, 500000};
  if (ppoll(p, 1 + polled, &tick, NULL) < 0)
    return;
  if (p[0].revents)
    accept_one(listener, target_port);
  for (size_t i = 0; i < polled; i++) {
    if (p[1 + i].revents)
      way_read(&ways[i], bench_now_ns());
    way_write(&ways[i], bench_now_ns());
  }
}

int main(int argc, char **argv)
{
  if (argc != 7)
    bench_die("usage: slow_link LISTEN_PORT TARGET_PORT MBIT_PER_S ROUND_TRIP_MS BUFFER_BYTES SECONDS_MAX");
  signal(SIGPIPE, SIG_IGN);
  line.ns_per_byte = 8000.0 / atof(argv[3]);
  line.delay_ns = (uint64_t)(atof(argv[4]) / 2 * 1e6);
  line.buffer_bytes = strtoul(argv[5], NULL, 10);
  const int listener = make_socket();
  const struct sockaddr_in at = loopback(atoi(argv[1]));
  if (bind(listener, (const struct sockaddr *)&at, sizeof at) || listen(listener, 16))
    bench_die("cannot listen");
  printf("ready\n");
  fflush(stdout);
  const uint64_t end_ns = bench_now_ns() + strtoull(argv[6], NULL, 10) * 1000000000u;
  while (bench_now_ns() < end_ns)
    step(listener, atoi(argv[2]));
  return 0;
}
