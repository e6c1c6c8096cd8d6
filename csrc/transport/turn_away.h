/* SPDX-License-Identifier: MIT
 *
 * The last word to whom a server has no room for.
 *
 * A connection that is just closed looks like a tunnel whose host is gone; whoever comes to a full server shall know that it is one. So
 * its ClientHello is answered, with one TLS record in the clear: the fatal alert ATR_TLS_ALERT_FULL, a number that the registry of TLS
 * has not given to anybody, so that no web server's own trouble is taken for it. No key is shown and none is asked for: seven bytes
 * cost nothing, so being full is no way to keep a server busy. A client that has pinned a key believes it no more than a closed
 * connection: it is a reason to try again, and nothing else follows from it.
 *
 * Bounded: who sends no ClientHello, or does not go, is a half-open connection for the listener (listen.h), which has a time limit for
 * those and a number; who sends more than a ClientHello can be is closed.
 *
 * @locality everything here runs on the loop's thread.
 */
#ifndef ATR_TRANSPORT_TURN_AWAY_H
#define ATR_TRANSPORT_TURN_AWAY_H

#include "transport/stream.h"

/* The description byte of the alert. */
#define ATR_TLS_ALERT_FULL 200

/* Takes the stream, on which a TLS handshake begins next (listen.h). */
void atr_turn_away(atr_stream *stream);

#endif
