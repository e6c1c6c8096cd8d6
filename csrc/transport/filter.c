/* SPDX-License-Identifier: MIT
 *
 * Beginning, waiting and ending, the same for every stream over another one. */
#include "transport/filter.h"

#include "base/error.h"
#include "base/limits.h"

#include <stddef.h>
#include <string.h>

void atr_filter_init(atr_filter *f, const atr_stream_kind *stream_kind, const atr_filter_kind *kind, atr_stream *lower,
                     const atr_stream_callbacks *from_below, void (*run)(atr_net_task *), size_t held_bytes_max)
{
  f->base.kind = stream_kind;
  f->base.net = lower->net;
  f->base.is_loopback = lower->is_loopback;
  f->base.network = lower->network;
  memcpy(f->base.peer, lower->peer, sizeof f->base.peer);
  memcpy(f->base.local, lower->local, sizeof f->base.local);
  f->kind = kind;
  f->lower = lower;
  f->task.run = run;
  atr_buf_init(&f->held, held_bytes_max);
  atr_buf_init(&f->out, ATR_STREAM_OUT_BYTES_MAX);
  atr_stream_set_owner(lower, from_below, f);
}

atr_filter *atr_filter_of_task(atr_net_task *task)
{
  return (atr_filter *)(void *)((char *)task - offsetof(atr_filter, task));
}

/* --- life ------------------------------------------------------------------------------------------------------ */

static void destroy(atr_filter *f)
{
  atr_buf_free(&f->held);
  atr_buf_free(&f->out);
  f->kind->destroy(f);
}

void atr_filter_enter(atr_filter *f)
{
  f->busy++;
}

void atr_filter_leave(atr_filter *f)
{
  if (--f->busy == 0 && f->closed)
    destroy(f);
}

bool atr_filter_is_over(const atr_filter *f)
{
  return f->ended || f->closed;
}

void atr_filter_end(atr_filter *f, int err, const char *detail)
{
  if (f->ended || f->closed)
    return;
  f->ended = true;
  f->base.writable = false;
  atr_stream_read_stop(f->lower);
  if (f->base.cb)
    f->base.cb->on_end(f->base.ctx, err, detail);
}

void atr_filter_close(atr_stream *stream)
{
  atr_filter *f = (atr_filter *)stream;

  if (f->closed)
    return;
  f->closed = true;
  atr_net_task_cancel(&f->task);
  atr_stream_close(f->lower);
  f->lower = NULL;
  if (f->busy == 0)
    destroy(f);
}

/* --- what waits ------------------------------------------------------------------------------------------------ */

int atr_filter_flush(atr_filter *f)
{
  int err = ATR_OK;

  if (f->out.len > 0 && f->lower->writable)
    err = atr_stream_write(f->lower, &f->out);
  f->base.writable = f->open && !f->shut && !f->ended && f->lower->writable && f->out.len == 0;
  return err;
}

int atr_filter_written(atr_filter *f, int err)
{
  if (!err)
    err = atr_filter_flush(f);
  if (err) {
    f->ended = true;
    f->base.writable = false;
  }
  return err;
}

void atr_filter_lower_writable(void *ctx)
{
  atr_filter *f = ctx;
  bool was = f->base.writable;
  int err;

  atr_filter_enter(f);
  err = atr_filter_flush(f);
  if (err)
    atr_filter_end(f, err, "the connection broke");
  else if (f->shut && f->out.len == 0)
    atr_stream_shutdown(f->lower);
  else if (!was && f->base.writable && f->base.cb)
    f->base.cb->on_writable(f->base.ctx);
  atr_filter_leave(f);
}

void atr_filter_shutdown(atr_stream *stream)
{
  atr_filter *f = (atr_filter *)stream;

  if (f->shut || f->ended)
    return;
  f->shut = true;
  if (f->open)
    f->kind->say_goodbye(f);
  if (atr_filter_flush(f) == 0 && f->out.len == 0)
    atr_stream_shutdown(f->lower);
}

void atr_filter_read_start(atr_stream *stream)
{
  atr_filter *f = (atr_filter *)stream;

  if (f->reading || f->ended)
    return;
  f->reading = true;
  atr_net_later(f->base.net, &f->task);
}
