/* SPDX-License-Identifier: MIT
 *
 * The reader is a small machine: it waits for a header, then for the payload that the header announces. Payload that
 * arrives in pieces, or that is a fragment, goes straight to its lane's buffer, so that nothing is copied twice; a
 * message that lies whole in the input is handed out from there. Memory grows with bytes that really arrived, never
 * with an announced length. */
#include "proto/frame.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum {
  LANE_MASK = 0x03,
  RESERVED_MASK = 0x3c,
  /* A lane's buffer that grew beyond this for one large message gives its memory back. */
  KEEP_BYTES = 256 * 1024
};

_Static_assert((int)ATR_LANES == LANE_MASK + 1, "every value of the lane's bits is a lane");

struct atr_frame_reader {
  atr_buf partial[ATR_LANES]; /* payload of unfinished messages; `max` is the lane's bound */
  uint8_t header[ATR_FRAME_HEADER_BYTES];
  size_t header_len;   /* bytes of the header that have arrived */
  size_t payload_left; /* of the frame whose header is complete; 0 while a header is awaited */
  enum atr_lane lane;  /* of that frame */
  bool more;           /* of that frame: its message goes on */
  size_t used;
  uint64_t payload[ATR_LANES];
  int err;
};

atr_frame_reader *atr_frame_reader_new(void)
{
  static const size_t limits[ATR_LANES] = {ATR_CONTROL_BYTES_MAX, ATR_PRESENCE_BYTES_MAX, ATR_MESSAGE_BYTES_MAX,
                                           ATR_BULK_BYTES_MAX};
  atr_frame_reader *reader = calloc(1, sizeof *reader);

  for (int lane = 0; reader && lane < ATR_LANES; lane++)
    atr_buf_init(&reader->partial[lane], limits[lane]);
  return reader;
}

void atr_frame_reader_free(atr_frame_reader *reader)
{
  if (!reader)
    return;
  for (int lane = 0; lane < ATR_LANES; lane++)
    atr_buf_free(&reader->partial[lane]);
  free(reader);
}

void atr_frame_reader_limit(atr_frame_reader *reader, enum atr_lane lane, size_t message_bytes_max)
{
  reader->partial[lane].max = message_bytes_max;
}

static int break_off(atr_frame_reader *reader, size_t payload)
{
  atr_buf *partial = &reader->partial[reader->header[0] & LANE_MASK];

  if (reader->header[0] & ATR_FRAME_MORE || payload || !partial->len)
    return ATR_PROTO;
  reader->header_len = 0;
  atr_buf_free(partial);
  return 0;
}

static int read_header(atr_frame_reader *reader)
{
  size_t n = atr_get_u16(reader->header + 1);
  const atr_buf *partial;

  if (reader->header[0] & RESERVED_MASK)
    return ATR_PROTO;
  if (reader->header[0] & ATR_FRAME_BREAK)
    return break_off(reader, n);
  if (n == 0)
    return ATR_PROTO;
  if (n > ATR_FRAME_PAYLOAD_BYTES_MAX)
    return ATR_FRAME_SIZE;
  reader->lane = (enum atr_lane)(reader->header[0] & LANE_MASK);
  reader->more = (reader->header[0] & ATR_FRAME_MORE) != 0;
  partial = &reader->partial[reader->lane];
  if (partial->len > partial->max || n > partial->max - partial->len)
    return ATR_MESSAGE_SIZE;
  reader->payload_left = n;
  reader->header_len = 0;
  return 0;
}

static int deliver_partial(atr_frame_reader *reader, atr_frame_message_fn on_message, void *ctx)
{
  atr_buf *partial = &reader->partial[reader->lane];
  int result = on_message(ctx, reader->lane, partial->data, partial->len);

  if (partial->cap > KEEP_BYTES)
    atr_buf_free(partial);
  else
    atr_buf_clear(partial);
  return result;
}

/* Takes what there is of the present frame's payload; delivers where that completes a message. */
static int read_payload(atr_frame_reader *reader, atr_span in, atr_frame_message_fn on_message, void *ctx)
{
  atr_buf *partial = &reader->partial[reader->lane];
  size_t n = in.n < reader->payload_left ? in.n : reader->payload_left;
  bool complete = n == reader->payload_left && !reader->more;
  int err;

  reader->used += n;
  reader->payload_left -= n;
  reader->payload[reader->lane] += n;
  if (complete && partial->len == 0)
    return on_message(ctx, reader->lane, in.p, n);
  err = atr_buf_append(partial, in.p, n);
  if (err)
    return err;
  return complete ? deliver_partial(reader, on_message, ctx) : 0;
}

int atr_frame_reader_feed(atr_frame_reader *reader, const uint8_t *bytes, size_t len, atr_frame_message_fn on_message,
                          void *ctx)
{
  int result = reader->err;

  reader->used = 0;
  while (!result && reader->used < len) {
    if (reader->payload_left) {
      result = read_payload(reader, atr_span_of(bytes + reader->used, len - reader->used), on_message, ctx);
    } else {
      reader->header[reader->header_len++] = bytes[reader->used++];
      if (reader->header_len == ATR_FRAME_HEADER_BYTES)
        result = read_header(reader);
    }
  }
  if (result < 0)
    reader->err = result;
  return result;
}

size_t atr_frame_reader_used(const atr_frame_reader *reader)
{
  return reader->used;
}

uint64_t atr_frame_reader_payload(const atr_frame_reader *reader, enum atr_lane lane)
{
  return reader->payload[lane];
}

size_t atr_frame_reader_held(const atr_frame_reader *reader)
{
  size_t held = reader->header_len;

  for (int lane = 0; lane < ATR_LANES; lane++)
    held += reader->partial[lane].len;
  return held;
}

static void put_header(uint8_t *at, enum atr_lane lane, bool more, size_t n)
{
  at[0] = (uint8_t)((unsigned)lane | (more ? ATR_FRAME_MORE : 0u));
  atr_put_u16(at + 1, (uint16_t)n);
}

static size_t frames_of(size_t len)
{
  return (len + ATR_FRAME_PAYLOAD_BYTES_MAX - 1) / ATR_FRAME_PAYLOAD_BYTES_MAX;
}

size_t atr_frame_size(size_t len)
{
  return len + frames_of(len) * ATR_FRAME_HEADER_BYTES;
}

int atr_frame_append(atr_buf *out, enum atr_lane lane, const uint8_t *msg, size_t len)
{
  size_t at = 0;
  bool last = false;
  int err = atr_buf_reserve(out, atr_frame_size(len));

  if (!len)
    return ATR_INVAL;
  while (!err && !last)
    err = atr_frame_append_part(out, lane, msg, len, &at, ATR_FRAME_PAYLOAD_BYTES_MAX, &last);
  return err;
}

int atr_frame_append_part(atr_buf *out, enum atr_lane lane, const uint8_t *msg, size_t len, size_t *at,
                          size_t payload_bytes_max, bool *last)
{
  size_t n = len - *at;
  int err;

  if (*at >= len || !payload_bytes_max)
    return ATR_INVAL;
  if (payload_bytes_max > ATR_FRAME_PAYLOAD_BYTES_MAX)
    payload_bytes_max = ATR_FRAME_PAYLOAD_BYTES_MAX;
  if (n > payload_bytes_max)
    n = payload_bytes_max;
  err = atr_buf_reserve(out, ATR_FRAME_HEADER_BYTES + n);
  if (err)
    return err;
  *last = *at + n == len;
  put_header(out->data + out->len, lane, !*last, n);
  memcpy(out->data + out->len + ATR_FRAME_HEADER_BYTES, msg + *at, n);
  atr_buf_added(out, ATR_FRAME_HEADER_BYTES + n);
  *at += n;
  return 0;
}

int atr_frame_begin(atr_buf *out, size_t *mark)
{
  int err = atr_buf_reserve(out, ATR_FRAME_HEADER_BYTES);

  *mark = out->len;
  if (!err)
    atr_buf_added(out, ATR_FRAME_HEADER_BYTES);
  return err;
}

/* Opens gaps for the headers after the first, from the last fragment backwards. */
static void spread(uint8_t *first, size_t len, size_t frames, enum atr_lane lane)
{
  const size_t full = ATR_FRAME_PAYLOAD_BYTES_MAX, header = ATR_FRAME_HEADER_BYTES;

  for (size_t i = frames; i-- > 0;) {
    size_t n = i == frames - 1 ? len - i * full : full;
    uint8_t *to = first + i * (header + full);

    memmove(to + header, first + header + i * full, n);
    put_header(to, lane, i != frames - 1, n);
  }
}

int atr_frame_end(atr_buf *out, size_t mark, enum atr_lane lane)
{
  size_t len = out->len - mark - ATR_FRAME_HEADER_BYTES, frames = frames_of(len);
  int err = len ? atr_buf_reserve(out, (frames - 1) * ATR_FRAME_HEADER_BYTES) : ATR_INVAL;

  if (err) {
    atr_buf_truncate(out, mark);
    return err;
  }
  spread(out->data + mark, len, frames, lane);
  atr_buf_added(out, (frames - 1) * ATR_FRAME_HEADER_BYTES);
  return 0;
}

int atr_frame_finish(atr_buf *out, size_t mark, enum atr_lane lane, int err)
{
  if (!err)
    err = atr_frame_end(out, mark, lane);
  if (!err)
    return 0;
  atr_buf_truncate(out, mark);
  out->err = 0;
  return err;
}

int atr_frame_break(atr_buf *out, enum atr_lane lane)
{
  const uint8_t frame[ATR_FRAME_HEADER_BYTES] = {(uint8_t)((unsigned)lane | ATR_FRAME_BREAK)};

  return atr_buf_append(out, frame, sizeof frame);
}

bool atr_frame_is_within(const uint8_t *frames, size_t len)
{
  bool more = false;

  for (size_t at = 0; at < len; at += ATR_FRAME_HEADER_BYTES + atr_get_u16(frames + at + 1))
    more = (frames[at] & ATR_FRAME_MORE) != 0;
  return more;
}
