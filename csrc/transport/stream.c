/* SPDX-License-Identifier: MIT
 *
 * What is the same for every kind of stream: nearly nothing. The functions only make the calls readable.
 */
#include "transport/stream.h"

#include <assert.h>

void atr_stream_set_owner(atr_stream *stream, const atr_stream_callbacks *cb, void *ctx)
{
  stream->cb = cb;
  stream->ctx = ctx;
}

void atr_stream_read_start(atr_stream *stream)
{
  stream->kind->read_start(stream);
}

void atr_stream_read_stop(atr_stream *stream)
{
  stream->kind->read_stop(stream);
}

int atr_stream_write(atr_stream *stream, atr_buf *bytes)
{
  assert(stream->writable);
  return stream->kind->write(stream, bytes);
}

void atr_stream_shutdown(atr_stream *stream)
{
  stream->kind->shutdown(stream);
}

void atr_stream_abort(atr_stream *stream, int err, const char *detail)
{
  if (stream->cb)
    stream->cb->on_end(stream->ctx, err, detail);
}

void atr_stream_close(atr_stream *stream)
{
  if (!stream)
    return;
  stream->cb = NULL;
  if (stream->watcher)
    stream->watcher->closed(stream->watcher_ctx);
  stream->watcher = NULL;
  stream->kind->close(stream);
}
