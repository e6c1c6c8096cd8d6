/* SPDX-License-Identifier: MIT
 *
 * TCP as a stream: small packets at once, and little that lies unsent in the kernel.
 *
 * TCP_NODELAY, because the session batches by itself and a cursor must not wait for an acknowledgement;
 * TCP_NOTSENT_LOWAT (ATR_NOTSENT_BYTES), because what the kernel has taken can no longer be overtaken. A write goes
 * to the socket directly; only what does not fit waits in the stream, in the caller's own buffer.
 *
 * @locality everything here runs on the loop's thread.
 */
#ifndef ATR_TRANSPORT_TCP_H
#define ATR_TRANSPORT_TCP_H

#include "transport/stream.h"

/* Starts a connection; done() is called exactly once and never from inside, unless the attempt is cancelled: with the
 * stream, now the callee's, or with ATR_CONNREFUSED, ATR_UNREACHABLE, ATR_SILENT (the kernel gave up) or ATR_IO. */
typedef struct atr_tcp_connect atr_tcp_connect;
typedef void (*atr_tcp_connect_done)(void *ctx, int err, atr_stream *stream);
int atr_tcp_connect_start(atr_tcp_connect **out, atr_net *net, const struct sockaddr *to, atr_tcp_connect_done done,
                          void *ctx);
void atr_tcp_connect_cancel(atr_tcp_connect *attempt);

/* Takes the next connection of a listening handle. 0 or an error. */
int atr_tcp_accept(atr_stream **out, atr_net *net, uv_stream_t *listener);

/* Gives bytes back that were read but not used (the first byte told the listener who comes): they are delivered first
 * once reading starts again. 0 or ATR_NOMEM. */
int atr_tcp_unread(atr_stream *stream, const uint8_t *bytes, size_t n);

/* The error list's name for one of libuv's numbers, as it comes from connecting, reading or writing. */
int atr_tcp_error(int uv_error);

/* "192.0.2.1:4711" or "[fe80::1%2]:4711". */
void atr_tcp_address_text(const struct sockaddr *address, char *out, size_t out_bytes);

#endif
