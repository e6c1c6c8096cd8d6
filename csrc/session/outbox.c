/* SPDX-License-Identifier: MIT
 *
 * Sending: what goes next when the stream has room.
 *
 * A batch is filled by priority and handed to the stream as one buffer. Its size follows the window: on a slow line
 * it is small, because a batch in the stream can no longer be overtaken; on a fast line it is large, because a batch
 * costs a system call. Of a batch state takes at most seven eighths while bulk waits: operations wait for blobs, and
 * must not starve what they wait for.
 *
 * A source that appends a message of 8 MiB at once does no harm: what passes its budget waits here, frame by frame.
 *
 * The session's own messages (CREDIT, PING, PONG) pass control messages that wait, but never between the fragments
 * of one: fragments of a lane belong together.
 */
#include "session/session_impl.h"

#include "base/error.h"
#include "proto/message.h"

#include <assert.h>
#include <string.h>

/* Batches of one flush: then other connections get their turn. 1 MiB takes about a millisecond. */
enum { BATCHES_PER_FLUSH = 8 };

enum { BATCH_LEAST_BYTES = 8 << 10, BULK_SHARE = 8 };

/* What a source may append to a batch: one message of the largest kind beyond its budget, in frames. */
#define PULL_BYTES_MAX (2 * (size_t)ATR_MESSAGE_BYTES_MAX)

/* A batch that grew beyond this for one large message gives its memory back. */
#define BATCH_KEEP_BYTES (2 * (size_t)ATR_SEND_BUFFER_BYTES)

void outbox_init(session_outbox *out)
{
  atr_buf_init(&out->urgent, ATR_URGENT_BYTES_MAX);
  atr_buf_init(&out->waiting[ATR_LANE_CONTROL], ATR_CONTROL_QUEUE_BYTES);
  atr_buf_init(&out->waiting[ATR_LANE_PRESENCE], ATR_PRESENCE_QUEUE_BYTES);
  atr_buf_init(&out->waiting[ATR_LANE_STATE], PULL_BYTES_MAX);
  atr_buf_init(&out->waiting[ATR_LANE_BULK], PULL_BYTES_MAX);
  atr_buf_init(&out->batch, 2 * PULL_BYTES_MAX);
}

void outbox_free(session_outbox *out)
{
  atr_buf_free(&out->urgent);
  for (int lane = 0; lane < ATR_LANES; lane++)
    atr_buf_free(&out->waiting[lane]);
  atr_buf_free(&out->batch);
}

bool outbox_is_empty(const atr_session *s)
{
  return s->out.urgent.len == 0 && s->out.waiting[ATR_LANE_CONTROL].len == 0;
}

void outbox_schedule(atr_session *s)
{
  if (s->state == SESSION_OPEN || s->state == SESSION_CLOSING)
    atr_net_later(s->net, &s->flush_task);
}

/* --- queueing -------------------------------------------------------------------------------------------------- */

int atr_session_send(atr_session *s, int lane, atr_span message)
{
  atr_buf *queue = &s->out.waiting[lane];
  size_t message_bytes_max = lane == ATR_LANE_CONTROL ? ATR_CONTROL_BYTES_MAX : ATR_PRESENCE_BYTES_MAX;
  int err;

  assert(lane == ATR_LANE_CONTROL || lane == ATR_LANE_PRESENCE);
  if (s->state != SESSION_OPEN)
    return ATR_STATE;
  if (message.n > message_bytes_max)
    return ATR_MESSAGE_SIZE;
  err = atr_frame_append(queue, (enum atr_lane)lane, message.p, message.n);
  queue->err = 0;
  if (err == ATR_LIMIT)
    return ATR_FULL;
  if (!err)
    outbox_schedule(s);
  return err;
}

void atr_session_set_source(atr_session *s, int lane, atr_session_pull pull, void *ctx)
{
  s->sources[lane] = (session_source){pull, ctx, pull != NULL};
  outbox_schedule(s);
}

void atr_session_hold(atr_session *s, int lane, bool hold)
{
  s->out.held[lane] = hold;
  outbox_schedule(s);
}

void atr_session_wake(atr_session *s, int lane)
{
  if (s->sources[lane].pull && !s->sources[lane].awake) {
    s->sources[lane].awake = true;
    outbox_schedule(s);
  }
}

static int end_urgent(atr_session *s, size_t mark)
{
  int err = s->out.urgent.err; /* of the message, which the caller has written without looking */

  if (!err)
    err = atr_frame_end(&s->out.urgent, mark, ATR_LANE_CONTROL);
  outbox_schedule(s);
  return err;
}

int outbox_ping(atr_session *s)
{
  uint64_t token = atr_credit_ping(&s->credit, atr_net_now_us());
  size_t mark;
  int err = atr_frame_begin(&s->out.urgent, &mark);

  if (err)
    return err;
  (void)atr_msg_write_ping(&s->out.urgent, ATR_MSG_PING, token);
  return end_urgent(s, mark);
}

int outbox_pong(atr_session *s, uint64_t token)
{
  size_t mark;
  int err = atr_frame_begin(&s->out.urgent, &mark);

  if (err)
    return err;
  (void)atr_msg_write_ping(&s->out.urgent, ATR_MSG_PONG, token);
  return end_urgent(s, mark);
}

/* Tells the peer what was consumed since the last report, where it is worth it. */
static int report_credit(atr_session *s, enum atr_lane lane)
{
  atr_msg_credit credit = {(uint8_t)lane, atr_frame_reader_payload(s->reader, lane)};
  size_t mark;
  int err;

  if (credit.consumed - s->out.reported[lane] > ATR_CREDIT_BYTES_MAX) /* it does not heed its window */
    return ATR_PROTO;
  if (s->out.held[lane] || credit.consumed - s->out.reported[lane] < ATR_CREDIT_REPORT_BYTES)
    return 0;
  err = atr_frame_begin(&s->out.urgent, &mark);
  if (err)
    return err;
  s->out.reported[lane] = credit.consumed;
  (void)atr_msg_write_credit(&s->out.urgent, &credit);
  return end_urgent(s, mark);
}

/* --- filling a batch ------------------------------------------------------------------------------------------- */

/* Length of the frames from `from` on that a batch takes which may grow by `room` bytes: whole ones, at least one. */
static size_t frames_that_fit(const atr_buf *frames, size_t from, size_t room, size_t *payload)
{
  size_t n = 0;

  *payload = 0;
  while (from + n < frames->len && n < room) {
    size_t bytes = atr_get_u16(frames->data + from + n + 1);

    *payload += bytes;
    n += ATR_FRAME_HEADER_BYTES + bytes;
  }
  assert(from + n <= frames->len);
  return n;
}

/* Moves whole frames from a queue to the batch until that has grown by `room`. Returns their payload. */
static size_t take_frames(atr_buf *queue, atr_buf *batch, size_t room)
{
  size_t payload, n = frames_that_fit(queue, 0, room, &payload);

  if (n == 0 || atr_buf_append(batch, queue->data, n) != 0)
    return 0;
  atr_buf_consume(queue, n);
  if (queue->len == 0 && queue->cap > BATCH_KEEP_BYTES)
    atr_buf_free(queue);
  else if (queue->len == 0)
    atr_buf_clear(queue);
  return payload;
}

/* Asks a lane's source for about `room` bytes, appended to `to`. 0 when it has nothing, or an error. */
static int pull(atr_session *s, int lane, atr_buf *to, size_t room)
{
  session_source *source = &s->sources[lane];
  size_t before = to->len;
  int64_t n;

  if (!source->pull || !source->awake)
    return 0;
  n = source->pull(source->ctx, lane, to, room);
  if (s->freed || s->state == SESSION_CLOSED)
    return ATR_CANCELED;
  if (n < 0 || to->err)
    return n < 0 ? (int)n : to->err;
  assert(to->len == before + (size_t)n);
  if (n == 0)
    source->awake = false;
  return n > 0;
}

/* Lets state or bulk fill the batch up to `limit` bytes, as far as the window allows. */
static int fill_credited(atr_session *s, int lane, size_t limit)
{
  atr_buf *batch = &s->out.batch, *waiting = &s->out.waiting[lane];
  int more = 1;

  while (more > 0 && batch->len < limit && (waiting->len > 0 || s->sources[lane].awake)) {
    size_t before = batch->len, room = limit - before, payload, keep;
    size_t available = atr_credit_available(&s->credit, lane, atr_net_now_us());

    if (available == 0)
      return 0;
    room = room < available ? room : available;
    if (waiting->len > 0) {
      payload = take_frames(waiting, batch, room);
      more = batch->err ? batch->err : 1;
    } else {
      more = pull(s, lane, batch, room);
      if (more < 0)
        return more;
      keep = before + frames_that_fit(batch, before, room, &payload);
      if (atr_buf_append(waiting, batch->data + keep, batch->len - keep) != 0)
        return waiting->err;
      atr_buf_truncate(batch, keep);
    }
    atr_credit_sent(&s->credit, lane, payload);
  }
  return more < 0 ? more : 0;
}

static int fill_control(atr_session *s, size_t limit)
{
  session_outbox *out = &s->out;
  atr_buf *waiting = &out->waiting[ATR_LANE_CONTROL];
  int more = 1;

  if (!out->within_control)
    (void)take_frames(&out->urgent, &out->batch, SIZE_MAX);
  while (more > 0 && out->batch.len < limit) {
    size_t before = out->batch.len;

    if (waiting->len == 0 && s->state == SESSION_OPEN)
      more = pull(s, ATR_LANE_CONTROL, waiting, limit - before);
    if (more < 0 || waiting->len == 0)
      break;
    /* One frame at a time, to see whether its message goes on. */
    out->within_control = (waiting->data[0] & ATR_FRAME_MORE) != 0;
    (void)take_frames(waiting, &out->batch, 1);
    more = out->batch.err ? out->batch.err : 1;
  }
  return more < 0 ? more : 0;
}

static int fill_presence(atr_session *s, size_t limit)
{
  atr_buf *waiting = &s->out.waiting[ATR_LANE_PRESENCE];
  int more = 0;

  if (waiting->len == 0)
    more = pull(s, ATR_LANE_PRESENCE, waiting, limit);
  if (more >= 0 && take_frames(waiting, &s->out.batch, SIZE_MAX) > 0)
    atr_credit_presence(&s->credit, atr_net_now_us());
  return more < 0 ? more : s->out.batch.err;
}

static size_t batch_bytes(const atr_session *s)
{
  uint64_t bytes = atr_credit_window(&s->credit, atr_net_now_us()) / 8;

  if (bytes < BATCH_LEAST_BYTES)
    return BATCH_LEAST_BYTES;
  return bytes < ATR_SEND_BUFFER_BYTES ? (size_t)bytes : ATR_SEND_BUFFER_BYTES;
}

static int fill(atr_session *s)
{
  session_outbox *out = &s->out;
  size_t bytes = batch_bytes(s), bulk = 0;
  int err = fill_control(s, bytes);

  if (err || s->state != SESSION_OPEN)
    return err;
  err = fill_presence(s, bytes);
  if (out->waiting[ATR_LANE_BULK].len > 0 || s->sources[ATR_LANE_BULK].awake)
    bulk = bytes / BULK_SHARE;
  if (!err)
    err = fill_credited(s, ATR_LANE_STATE, bytes - bulk);
  if (!err)
    err = fill_credited(s, ATR_LANE_BULK, out->batch.len + bulk > bytes ? out->batch.len + bulk : bytes);
  return err;
}

/* --- flushing -------------------------------------------------------------------------------------------------- */

static int prepare(atr_session *s)
{
  int err = report_credit(s, ATR_LANE_STATE);

  if (!err)
    err = report_credit(s, ATR_LANE_BULK);
  if (!err && s->state == SESSION_OPEN && atr_credit_ping_due(&s->credit, atr_net_now_us()))
    err = outbox_ping(s);
  return err;
}

static void flush_failed(atr_session *s, int err)
{
  if (s->freed || s->state == SESSION_CLOSED)
    return;
  session_end(s, err, err == ATR_LIMIT ? "the peer asks for more answers than it reads" : atr_err_text(err));
}

void outbox_flush(atr_session *s)
{
  int err = prepare(s);

  for (int i = 0; !err && s->stream->writable && i < BATCHES_PER_FLUSH; i++) {
    err = fill(s);
    if (err || s->out.batch.len == 0)
      break;
    err = atr_stream_write(s->stream, &s->out.batch);
    if (s->out.batch.cap > BATCH_KEEP_BYTES)
      atr_buf_free(&s->out.batch);
    else
      atr_buf_clear(&s->out.batch);
    if (!err && i == BATCHES_PER_FLUSH - 1)
      outbox_schedule(s);
  }
  if (err)
    flush_failed(s, err);
}
