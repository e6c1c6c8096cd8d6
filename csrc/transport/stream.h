/* SPDX-License-Identifier: MIT
 *
 * atr_stream: an ordered flow of bytes in both directions, whatever carries it.
 *
 * TCP is one (tcp.h), TLS over any stream is another (tls.h). A kind is a table of five functions; its struct begins
 * with an atr_stream. The owner of a stream sees only what is declared here, and the same tests run over every kind.
 *
 * Writing. One buffer at a time: a stream is `writable` or it is not. A write takes the whole buffer (by swapping, no
 * byte is copied) and may end the state; on_writable() announces its return. So what waits in a stream is bounded by
 * what its owner puts into one buffer, and the owner decides as late as possible what goes next.
 *
 * Reading. Off until atr_stream_read_start(). After atr_stream_read_stop() no byte is delivered and none is lost; the
 * peer is slowed down by TCP's own window.
 *
 * Ending. on_end() says that no more bytes will come: ATR_CLOSED where the peer ended in order, otherwise why. The
 * owner then calls atr_stream_close(), which may also be called at any other time, from any callback; after it no
 * callback runs. The memory is freed later, by the loop.
 *
 * @locality everything here runs on the loop's thread.
 */
#ifndef ATR_TRANSPORT_STREAM_H
#define ATR_TRANSPORT_STREAM_H

#include "base/buf.h"
#include "transport/net.h"

#include <stdbool.h>

/* Text of an IP address with scope, brackets and port: "[fe80::1%eth0]:12800". */
#define ATR_PEER_TEXT_BYTES 96

typedef struct atr_stream atr_stream;

typedef struct atr_stream_callbacks {
  /* Ready for bytes: TLS has finished its handshake. Streams that are born connected never call it. */
  void (*on_open)(void *ctx);
  /* Valid during the call only; n >= 1. */
  void (*on_read)(void *ctx, const uint8_t *bytes, size_t n);
  /* Never from inside of a write. */
  void (*on_writable)(void *ctx);
  /* At most once. `detail` is one line for the log and for copyable details; never NULL. */
  void (*on_end)(void *ctx, int err, const char *detail);
} atr_stream_callbacks;

typedef struct atr_stream_kind {
  const char *name;
  void (*read_start)(atr_stream *stream);
  void (*read_stop)(atr_stream *stream);
  int (*write)(atr_stream *stream, atr_buf *bytes);
  void (*shutdown)(atr_stream *stream);
  void (*close)(atr_stream *stream);
} atr_stream_kind;

/* Who keeps count of streams without owning them (listen.c). */
typedef struct atr_stream_watcher {
  void (*greeted)(void *ctx); /* the peer's whole ClientHello is here, and was answered */
  void (*proved)(void *ctx);  /* the peer has proved a key */
  void (*closed)(void *ctx);  /* the owner closes the stream */
} atr_stream_watcher;

/* Written by the kind, read by all. */
struct atr_stream {
  const atr_stream_kind *kind;
  atr_net *net;
  const atr_stream_callbacks *cb; /* NULL after close */
  void *ctx;
  bool writable;
  bool is_loopback; /* both ends are on this machine */
  char peer[ATR_PEER_TEXT_BYTES];
  char local[ATR_PEER_TEXT_BYTES];   /* this end: the address to which the peer came */
  uint64_t network;                  /* names where the peer comes from, for comparing; see tcp.c */
  const atr_stream_watcher *watcher; /* NULL: none */
  void *watcher_ctx;
};

/* Who gets the callbacks from now on. `cb` is borrowed (usually static). */
void atr_stream_set_owner(atr_stream *stream, const atr_stream_callbacks *cb, void *ctx);

void atr_stream_read_start(atr_stream *stream);
void atr_stream_read_stop(atr_stream *stream);

/* Only while writable. Takes all of `bytes`, which is empty afterwards (with other memory, perhaps none). 0, or an
 * error; after an error the stream is of no more use and on_end() does not follow. */
int atr_stream_write(atr_stream *stream, atr_buf *bytes);

/* Ends our direction once everything written is out. Nothing may be written afterwards. */
void atr_stream_shutdown(atr_stream *stream);

/* Ends the stream in its owner's eyes: on_end() is called, from inside. For watchers. */
void atr_stream_abort(atr_stream *stream, int err, const char *detail);

/* At once, whatever is under way. NULL is allowed. */
void atr_stream_close(atr_stream *stream);

#endif
