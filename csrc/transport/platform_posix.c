/* SPDX-License-Identifier: MIT
 *
 * POSIX: Linux and macOS. The only file of the engine with calls that Windows lacks.
 */
#include "transport/platform.h"

#include "base/error.h"
#include "base/limits.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

void atr_platform_tcp_tune(const uv_tcp_t *tcp)
{
#ifdef TCP_NOTSENT_LOWAT
  int bytes = (int)ATR_NOTSENT_BYTES;
  uv_os_fd_t fd;

  if (uv_fileno((const uv_handle_t *)tcp, &fd) == 0)
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes);
#else
  (void)tcp;
#endif
}

void atr_platform_tcp_narrow(const uv_tcp_t *tcp)
{
  int bytes = ATR_SEGMENT_BYTES;
  uv_os_fd_t fd;

  if (uv_fileno((const uv_handle_t *)tcp, &fd) == 0)
    (void)setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &bytes, sizeof bytes);
}

void atr_platform_block_sigpipe(void)
{
  sigset_t set;

  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int atr_platform_file_lock(uv_file file, bool waits)
{
  while (flock(file, waits ? LOCK_EX : LOCK_EX | LOCK_NB) != 0)
    if (errno != EINTR)
      return uv_translate_sys_error(errno);
  return 0;
}

bool atr_platform_owned_by_me(const uv_stat_t *stat)
{
  return stat->st_uid == geteuid();
}

bool atr_platform_open_to_others(const uv_stat_t *stat, bool write)
{
  return (stat->st_mode & (write ? 0022u : 0077u)) != 0;
}

bool atr_platform_is_loopback(const struct sockaddr *address)
{
  if (address->sa_family == AF_INET)
    return (ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24) == 127;
  if (address->sa_family == AF_INET6) {
    const struct in6_addr *ip = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;

    return IN6_IS_ADDR_LOOPBACK(ip) || (IN6_IS_ADDR_V4MAPPED(ip) && ip->s6_addr[12] == 127);
  }
  return false;
}

uint32_t atr_platform_interface_number(const char *name)
{
  return if_nametoindex(name);
}

uint32_t atr_platform_files(uint32_t wanted, bool raise)
{
  struct rlimit limit;

  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return wanted;
  if (raise && limit.rlim_cur < wanted) {
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    (void)getrlimit(RLIMIT_NOFILE, &limit);
  }
  return limit.rlim_cur < wanted ? (uint32_t)limit.rlim_cur : wanted;
}

int atr_platform_peek(uv_os_sock_t socket, void *bytes, size_t max)
{
  ssize_t n = recv(socket, bytes, max, MSG_PEEK | MSG_DONTWAIT);

  return n < 0 ? uv_translate_sys_error(errno) : (int)n;
}

bool atr_platform_drop(uv_os_sock_t socket)
{
  char byte;

  return recv(socket, &byte, 1, MSG_DONTWAIT) >= 0;
}

/* --- waker: a pipe that the loop polls ------------------------------------------------------------------------- */

struct atr_waker {
  uv_poll_t poll;
  uv_file ends[2]; /* reading, writing; both never block */
  void (*on_wake)(void *ctx);
  void *ctx;
};

static void drain_pipe(uv_poll_t *poll, int status, int events)
{
  atr_waker *waker = poll->data;
  char bytes[512];

  (void)status;
  (void)events;
  /* One read: what is left of more than 512 wake-ups makes the loop come again. */
  if (read(waker->ends[0], bytes, sizeof bytes) > 0)
    waker->on_wake(waker->ctx);
}

int atr_waker_new(atr_waker **out, uv_loop_t *loop, void (*on_wake)(void *ctx), void *ctx)
{
  atr_waker *waker = calloc(1, sizeof *waker);

  *out = NULL;
  if (!waker || uv_pipe(waker->ends, UV_NONBLOCK_PIPE, UV_NONBLOCK_PIPE) != 0) {
    free(waker);
    return ATR_NOMEM;
  }
  waker->on_wake = on_wake;
  waker->ctx = ctx;
  if (uv_poll_init(loop, &waker->poll, waker->ends[0]) != 0) {
    atr_waker_free(waker);
    return ATR_NOMEM;
  }
  waker->poll.data = waker;
  (void)uv_poll_start(&waker->poll, UV_READABLE, drain_pipe); /* fails on handles that are closing only */
  *out = waker;
  return 0;
}

/* A pipe that is full wakes anyway; nothing else can go wrong while both ends are open. */
void atr_waker_wake(atr_waker *waker)
{
  ssize_t n;

  do {
    n = write(waker->ends[1], "", 1);
  } while (n < 0 && errno == EINTR);
}

void atr_waker_close(atr_waker *waker)
{
  if (!uv_is_closing((uv_handle_t *)&waker->poll))
    uv_close((uv_handle_t *)&waker->poll, NULL);
}

void atr_waker_free(atr_waker *waker)
{
  if (!waker)
    return;
  close(waker->ends[0]);
  close(waker->ends[1]);
  free(waker);
}
