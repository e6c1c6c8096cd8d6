/* SPDX-License-Identifier: MIT
 *
 * What a peer says once TLS is up: frames, credit, pings, in pieces of any size. The first byte of the input cuts the
 * rest into pieces. The stream below is one that takes everything; sources on two lanes keep credit and window in
 * motion.
 */
#include "fuzz.h"

#include "session/session_impl.h"

static void no_op(atr_stream *stream)
{
  (void)stream;
}

static int swallow(atr_stream *stream, atr_buf *bytes)
{
  (void)stream;
  atr_buf_clear(bytes);
  return 0;
}

static const atr_stream_kind fake_kind = {
    .name = "fake", .read_start = no_op, .read_stop = no_op, .write = swallow, .shutdown = no_op, .close = no_op};

static int on_message(void *ctx, int lane, atr_span message)
{
  (void)ctx;
  CHECK(lane >= 0 && lane < ATR_LANES && message.n > 0);
  return message.p[0] == 0xee ? ATR_JSON_SYNTAX : 0;
}

static void on_key(void *ctx, const atr_hash *key, atr_span spki)
{
  (void)ctx;
  (void)key;
  (void)spki;
}

static void on_close(void *ctx, int err, const char *detail)
{
  bool *closed = ctx;

  CHECK(!*closed && err != 0 && detail);
  *closed = true;
}

static int64_t pull(void *ctx, int lane, atr_buf *out, size_t budget)
{
  static const uint8_t message[3000] = {0x20};
  size_t before = out->len;

  (void)ctx;
  (void)budget;
  CHECK(atr_frame_append(out, (enum atr_lane)lane, message, sizeof message) == 0);
  return (int64_t)(out->len - before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const atr_session_callbacks callbacks = {on_key, on_message, on_close};
  static uv_loop_t loop;
  static atr_net *net;
  atr_stream stream = {.kind = &fake_kind, .writable = true};
  atr_session *s;
  bool closed = false;
  size_t piece;

  CHECK(net || (uv_loop_init(&loop) == 0 && atr_net_new(&net, &loop) == 0));
  stream.net = net;
  if (size < 2 || session_over(&s, &stream, &callbacks, &closed) != 0)
    return 0;
  s->state = SESSION_ASKING; /* as after the handshake */
  atr_session_accept_key(s);
  atr_session_set_source(s, ATR_LANE_STATE, pull, NULL);
  atr_session_set_source(s, ATR_LANE_BULK, pull, NULL);
  piece = (size_t)data[0] * data[0] + 1;
  for (size_t at = 1; at < size && stream.cb; at += piece) {
    stream.cb->on_read(stream.ctx, data + at, size - at < piece ? size - at : piece);
    uv_run(&loop, UV_RUN_NOWAIT);
  }
  atr_session_free(s);
  uv_run(&loop, UV_RUN_NOWAIT);
  return 0;
}
