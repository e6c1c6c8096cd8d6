/* SPDX-License-Identifier: MIT
 *
 * A WebSocket as a stream over any stream: the way through tunnels and proxies that carry nothing but HTTP.
 *
 * It carries bytes and proves nothing; our own TLS runs inside, so whoever owns the tunnel reads nothing. Born closed: the
 * upgrade runs first, on_open() tells that it is done. A write becomes one binary frame.
 *
 * @locality everything here runs on the loop's thread. */
#ifndef ATR_TRANSPORT_WEBSOCKET_H
#define ATR_TRANSPORT_WEBSOCKET_H

#include "transport/stream.h"

/* Asks for the upgrade once `lower` is open. `host` as in the URL ("x.example", "[::1]:81"), `path` begins with a slash; both
 * are copied. Takes `lower`, also on failure. 0 or an error. What answers without being ours ends the stream with
 * ATR_NOT_ATRIUM. */
int atr_ws_client_new(atr_stream **out, atr_stream *lower, bool lower_is_open, const char *host, const char *path);

/* Waits for the request and answers it; a wrong one gets a page that says what this port is, and the stream ends. Takes
 * `lower` (open), also on failure. */
int atr_ws_server_new(atr_stream **out, atr_stream *lower);

#endif
