/* SPDX-License-Identifier: MIT
 *
 * session.h - one authenticated connection, seen from above
 *
 * A session owns one TLS stream and gives its user four lanes of whole messages. It does the TLS handshake (with a time
 * limit), asks its user whether the peer's key is welcome, keeps the connection alive, measures latency, and shares
 * the line among the lanes: control before presence before state before bulk, with credit on state and bulk. Hello and
 * welcome are ordinary control messages to it: whoever uses it decides when a peer is in, and how long that may take.
 *
 * Sending. Small messages (control, presence) are pushed with atr_session_send() and queued within a named bound.
 * State and bulk are pulled: when the line and the lane's credit have room the session calls the lane's
 * source, which appends whole frames. So nothing piles up in front of a slow peer, and the source decides as late as
 * possible what is newest. Control and presence may have a source too; it comes after what is queued.
 *
 * Everything is batched per turn of the loop: sends and wakes only note that there is something to do, and one flush
 * before the loop polls again writes it. Callbacks are never called from inside of the functions below, and these,
 * atr_session_free() included, may be called from any callback.
 *
 * @locality everything here runs on the loop's thread.
 */
#ifndef ATR_SESSION_H
#define ATR_SESSION_H

#include "base/buf.h"
#include "base/id.h"
#include "proto/frame.h" /* the lanes */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct atr_session atr_session;
struct atr_stream;   /* transport/stream.h: TCP, TLS or WebSocket */
struct atr_identity; /* session/identity.h: this side's key and certificate */

typedef struct atr_session_callbacks {
  /* TLS is up; the peer proved this key. The user answers, now or later, with atr_session_accept_key() or
   * atr_session_close(). `spki` is the DER of the key, from which the check code is made. */
  void (*on_key)(void *ctx, const atr_hash *key, atr_span spki);
  /* One whole message. The bytes are valid during the call. A result < 0 closes the session with that error. */
  int (*on_message)(void *ctx, int lane, atr_span message);
  /* Gone; called exactly once, last. `err` is ATR_OK after a deliberate close. The session may be freed from here. */
  void (*on_close)(void *ctx, int err, const char *detail);
} atr_session_callbacks;

/* Appends whole frames of `lane`, at least one if there is anything to send, about `budget` bytes: the last message
 * may pass it, and is then sent frame by frame. (On a slow line the budget is small, and a bulk frame that respects
 * it keeps a cursor fluent.) Returns the bytes appended, 0 if there is nothing (call atr_session_wake() later), or an
 * error < 0, which closes the session. A new source counts as awake. */
typedef int64_t (*atr_session_pull)(void *ctx, int lane, atr_buf *out, size_t budget);

/* Takes ownership of `stream` (connected: from atr_race_start() or the listener), also on failure. `self` outlives
 * the session. */
int atr_session_new(atr_session **out, struct atr_stream *stream, bool is_server, const struct atr_identity *self,
                    const atr_session_callbacks *cb, void *ctx);
/* The same over a TLS stream whose handshake is done, as a race that knows the key hands it over: on_key follows. */
int atr_session_new_secure(atr_session **out, struct atr_stream *secure, const atr_session_callbacks *cb, void *ctx);
/* Directly after atr_session_new() of a client: who shows another key is not shown ours, and the session ends with ATR_KEY_CHANGED; its detail is the
 * check code of the key that was shown, atr_session_peer_key() its hash. on_key comes for the expected one only. */
void atr_session_expect(atr_session *s, const atr_hash *key);
void atr_session_accept_key(atr_session *s);
/* Whether the peer is a stranger still, who may send control messages of ATR_STRANGER_BYTES_MAX and nothing else: for
 * a server, from the key until the welcome. A session begins without this restriction. */
void atr_session_restrict(atr_session *s, bool is_stranger);
/* What arrives on the state or bulk lane is reported as consumed no more until `hold` is false again: the peer stops when its window
 * is full. What it has sent by then still arrives, ATR_CREDIT_BYTES_MAX of it at most: more breaks the protocol. */
void atr_session_hold(atr_session *s, int lane, bool hold);
void atr_session_set_source(atr_session *s, int lane, atr_session_pull pull, void *ctx);
void atr_session_wake(atr_session *s, int lane);
/* Queues one message (copied) of the control or presence lane. ATR_FULL when the lane's bound is reached
 * (ATR_CONTROL_QUEUE_BYTES, ATR_PRESENCE_QUEUE_BYTES): the caller decides whether that peer is too slow. ATR_STATE
 * once closing, or before the key was accepted; ATR_MESSAGE_SIZE. */
int atr_session_send(atr_session *s, int lane, atr_span message);
/* Starts an orderly close: what is queued on the control lane goes out first, within ATR_CLOSE_MS. on_close follows,
 * with `err` and `detail` (copied; may be NULL). Messages that still arrive are dropped. */
void atr_session_close(atr_session *s, int err, const char *detail);
/* At once and without last words; on_close follows. */
void atr_session_abort(atr_session *s, int err, const char *detail);
/* At once; on_close is not called any more. NULL is allowed. */
void atr_session_free(atr_session *s);

const atr_hash *atr_session_peer_key(const atr_session *s);
uint32_t atr_session_latency_us(const atr_session *s); /* smoothed round trip, microseconds; 0 before the first */
/* 32 bytes that are this connection's alone, under this label: to bind another proof to it. 0, ATR_STATE or ATR_CRYPTO. */
int atr_session_export(const atr_session *s, const char *label, uint8_t out[32]);
bool atr_session_peer_is_loopback(const atr_session *s);
const char *
atr_session_peer_address(const atr_session *s); /* "192.0.2.1:4711", for logs and lists, never for identity */
const char *atr_session_local_address(const atr_session *s); /* this end of the connection, in the same form */

#endif
