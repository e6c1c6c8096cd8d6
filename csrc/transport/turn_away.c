/* SPDX-License-Identifier: MIT
 *
 * Waits for the first bytes, answers, ends our direction, and drops what still comes until the peer has ended its own: closing a socket
 * with unread input would reset the connection, and may take the answer back that is on its way. */
#include "transport/turn_away.h"

#include "base/error.h"
#include "base/limits.h"

#include <stdlib.h>

typedef struct guest {
  atr_stream *stream;
  size_t bytes; /* that came */
  bool told;
} guest;

/* An alert of TLS 1.3 in the clear (RFC 8446, 5.1 and 6): type, version, length; fatal, and which. */
static const uint8_t alert[] = {0x15, 0x03, 0x03, 0x00, 0x02, 0x02, ATR_TLS_ALERT_FULL};

static void drop(guest *g)
{
  atr_stream_close(g->stream);
  free(g);
}

static int tell(guest *g)
{
  atr_buf out;
  int err;

  g->told = true;
  if (!g->stream->writable)
    return ATR_CLOSED;
  atr_buf_init(&out, sizeof alert);
  err = atr_buf_append(&out, alert, sizeof alert);
  if (!err)
    err = atr_stream_write(g->stream, &out);
  atr_buf_free(&out);
  if (!err)
    atr_stream_shutdown(g->stream);
  return err;
}

static void on_open(void *ctx)
{
  (void)ctx;
}

static void on_read(void *ctx, const uint8_t *bytes, size_t n)
{
  guest *g = ctx;

  (void)bytes;
  g->bytes += n;
  if (g->bytes > ATR_CLIENT_HELLO_BYTES_MAX || (!g->told && tell(g) < 0))
    drop(g);
}

static void on_writable(void *ctx)
{
  (void)ctx;
}

static void on_end(void *ctx, int err, const char *detail)
{
  (void)err;
  (void)detail;
  drop(ctx);
}

static const atr_stream_callbacks callbacks = {
    .on_open = on_open, .on_read = on_read, .on_writable = on_writable, .on_end = on_end};

void atr_turn_away(atr_stream *stream)
{
  guest *g = calloc(1, sizeof *g);

  if (!g) {
    atr_stream_close(stream);
    return;
  }
  g->stream = stream;
  atr_stream_set_owner(stream, &callbacks, g);
  atr_stream_read_start(stream);
}
