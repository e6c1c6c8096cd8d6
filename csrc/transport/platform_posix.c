/* SPDX-License-Identifier: MIT
 *
 * POSIX: Linux and macOS. The only file of the engine with calls that Windows lacks.
 */
#include "transport/platform.h"

#include "base/limits.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
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

void atr_platform_block_sigpipe(void)
{
  sigset_t set;

  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int atr_platform_file_lock(uv_file file)
{
  while (flock(file, LOCK_EX) != 0)
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
