/* SPDX-License-Identifier: MIT
 *
 * The struct that session.c (life, receiving) and outbox.c (sending) share; nobody else includes it.
 */
#ifndef ATR_SESSION_IMPL_H
#define ATR_SESSION_IMPL_H

#include "base/limits.h"
#include "proto/frame.h"
#include "session/credit.h"
#include "session/session.h"
#include "transport/stream.h"

typedef enum session_state {
  SESSION_HANDSHAKE, /* TLS */
  SESSION_ASKING,    /* the user decides about the key; nothing is sent, nothing read */
  SESSION_OPEN,
  SESSION_CLOSING, /* what is queued goes out, what comes in is dropped */
  SESSION_CLOSED,  /* on_close is due or was called */
} session_state;

typedef struct session_source {
  atr_session_pull pull; /* NULL: none */
  void *ctx;
  bool awake; /* it may have something */
} session_source;

/* What waits to be sent besides what sources hold back. Everything is frames. */
typedef struct session_outbox {
  atr_buf urgent;             /* CREDIT, PING, PONG: in front of other control messages */
  atr_buf waiting[ATR_LANES]; /* what was sent (control, presence), or pulled beyond the budget */
  atr_buf batch;              /* the buffer that is being filled for the stream */
  bool within_control;        /* the last control frame sent has a successor that belongs to it */
  uint64_t reported[ATR_LANES];
  bool held[ATR_LANES]; /* no reports */
} session_outbox;

struct atr_session {
  atr_net *net;
  atr_stream *stream; /* TLS; NULL once closed */
  atr_session_callbacks cb;
  void *ctx;
  session_state state;
  bool freed;
  bool shut; /* our direction is ended */
  atr_hash peer_key;
  atr_frame_reader *reader;
  atr_credit credit;
  session_source sources[ATR_LANES];
  session_outbox out;
  atr_net_task flush_task;
  atr_net_task close_task;
  atr_net_task open_task; /* of a stream that was open before the session */
  uv_timer_t timer;
  unsigned silent_ticks; /* keepalive periods since the peer was heard */
  uint32_t keepalive_ms; /* ATR_KEEPALIVE_MS; tests hurry */
  uint32_t close_ms;     /* ATR_CLOSE_MS */
  int err;
  bool is_loopback;
  char peer[ATR_PEER_TEXT_BYTES];
  char local[ATR_PEER_TEXT_BYTES];
  char detail[ATR_REASON_BYTES_MAX];
};

/* A session over a TLS stream whose handshake is still to come. Takes the stream, also on failure. */
int session_over(atr_session **out, atr_stream *secure, const atr_session_callbacks *cb, void *ctx);

/* The session is over: on_close follows from a task. */
void session_end(atr_session *s, int err, const char *detail);

void outbox_init(session_outbox *out);
void outbox_free(session_outbox *out);
int outbox_ping(atr_session *s);
int outbox_pong(atr_session *s, uint64_t token);

/* Writes what the line takes now. */
void outbox_flush(atr_session *s);

/* Flush before the loop polls again. */
void outbox_schedule(atr_session *s);

/* Nothing is queued any more. */
bool outbox_is_empty(const atr_session *s);

#endif
