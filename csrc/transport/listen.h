/* SPDX-License-Identifier: MIT
 *
 * The listener: takes connections and sorts out who does not speak TLS.
 *
 * The first byte of a connection decides what it is (docs/protocol.md, 1): 0x16 begins a TLS handshake, `G` a request for
 * a WebSocket (websocket.h) inside of which the same TLS runs; everything else is closed. Until its peer has proved a key a connection is half-open: it has
 * ATR_HANDSHAKE_TIMEOUT_MS, and of more than ATR_HALF_OPEN_MAX the oldest goes of the network that has the most, so that neither a scanner that
 * waits nor a flood keeps others out. Those who have said a whole ClientHello are counted apart from those who have not.
 * What goes is closed as a stream: its owner, if it has one by then, sees on_end() with ATR_TIMEOUT or ATR_LIMIT.
 *
 * @locality everything here runs on the loop's thread.
 */
#ifndef ATR_TRANSPORT_LISTEN_H
#define ATR_TRANSPORT_LISTEN_H

#include "transport/stream.h"

typedef struct atr_listener atr_listener;

typedef struct atr_listen_options {
  const char *bind;              /* an IP address; NULL or "::" is every interface, IPv6 and IPv4 */
  uint16_t port;                 /* 0: any free one */
  uint32_t connections_max;      /* 0: ATR_CONNECTIONS_MAX */
  uint32_t half_open_max;        /* of either kind; 0: ATR_HALF_OPEN_MAX */
  uint32_t handshake_timeout_ms; /* 0: ATR_HANDSHAKE_TIMEOUT_MS */
} atr_listen_options;

/* A connection on which a TLS handshake begins next; the callee owns it. Reading is off, nothing is lost. */
typedef void (*atr_listen_on_stream)(void *ctx, atr_stream *stream);

/* 0, ATR_PORT_BUSY, ATR_DENIED (a port below 1024), ATR_UNREACHABLE (no such address here), ATR_ADDR_SYNTAX,
 * ATR_NOMEM or ATR_IO. `why` gets one sentence about a failure. */
int atr_listener_new(atr_listener **out, atr_net *net, const atr_listen_options *options,
                     atr_listen_on_stream on_stream, void *ctx, char *why, size_t why_bytes);

/* Stops listening and closes what is half-open; streams that were handed out and proved live on. */
void atr_listener_free(atr_listener *listener);

uint16_t atr_listener_port(const atr_listener *listener);

/* True where machines other than this one can connect. */
bool atr_listener_all_interfaces(const atr_listener *listener);

/* Connections that are open, and those of them that are half-open. */
uint32_t atr_listener_connections(const atr_listener *listener);
uint32_t atr_listener_half_open(const atr_listener *listener);

#endif
