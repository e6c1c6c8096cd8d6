/* SPDX-License-Identifier: MIT
 *
 * The few calls that libuv does not have, one implementation per platform (platform_posix.c).
 */
#ifndef ATR_TRANSPORT_PLATFORM_H
#define ATR_TRANSPORT_PLATFORM_H

#include <stdbool.h>
#include <uv.h>

/* Bounds what the kernel takes without sending it, where the system can (Linux, macOS). A system without it costs
 * latency, not correctness. */
void atr_platform_tcp_tune(const uv_tcp_t *tcp);

/* Before it connects: neither side sends larger segments than ATR_SEGMENT_BYTES. Needs a handle that has its socket already; a
 * system without it (Windows) looks for such black holes by itself. */
void atr_platform_tcp_narrow(const uv_tcp_t *tcp);

/* A write to a connection that the peer has reset shall be an error, not a signal that ends Blender: for the calling
 * thread. (libuv writes without MSG_NOSIGNAL, and the process's own handlers are not ours to change.) */
void atr_platform_block_sigpipe(void);

/* Exclusive between processes; ends when the file is closed, also by a crash. 0 or a libuv error: UV_EAGAIN where another has it and this one does
 * not wait. */
int atr_platform_file_lock(uv_file file, bool waits);

/* Whether the file belongs to the user of this process (always true where files have no such owner). */
bool atr_platform_owned_by_me(const uv_stat_t *stat);

/* Whether others than the owner may read or write the file; `write`: whether they may write it. */
bool atr_platform_open_to_others(const uv_stat_t *stat, bool write);

/* Whether two socket addresses are on the same machine for sure: loopback. */
bool atr_platform_is_loopback(const struct sockaddr *address);

/* The number of an interface, which scopes an address of its link; 0: there is none of this name. */
uint32_t atr_platform_interface_number(const char *name);

/* How many files this process may have open, sockets included, as far as `wanted`. `raise`: where the system lets each process choose up to a bound
 * (POSIX), so many are chosen first. */
uint32_t atr_platform_files(uint32_t wanted, bool raise);

/* Looks at a datagram that waits, and leaves it there: how many bytes of it were copied, at most `max`. UV_EAGAIN where none waits, or what was
 * wrong with one that was sent, which is said once (UV_ECONNREFUSED). */
int atr_platform_peek(uv_os_sock_t socket, void *bytes, size_t max);

/* Takes it off. False where none waits. */
bool atr_platform_drop(uv_os_sock_t socket);

/* Wakes a loop from other threads, as uv_async_t does. That one makes the loop spin, 15 us and then a yield, where it runs before the
 * other thread has come back from the system call: on a busy machine mostly, and in front of every operation that is submitted. (So in the
 * libuv of Debian 12; newer ones do not.)
 * @locality new, close and free: the loop's thread, or none runs it; wake: any thread, also from within `on_wake` */
typedef struct atr_waker atr_waker;

int atr_waker_new(atr_waker **out, uv_loop_t *loop, void (*on_wake)(void *ctx), void *ctx);
/* `on_wake` is called once or more often after it. */
void atr_waker_wake(atr_waker *waker);
/* The loop lets go of it; waking is harmless from then on. May be called again. */
void atr_waker_close(atr_waker *waker);
/* After the loop has run dry, when no thread wakes any more. NULL is allowed. */
void atr_waker_free(atr_waker *waker);

#endif
