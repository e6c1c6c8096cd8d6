/* SPDX-License-Identifier: MIT
 *
 * See keeper.h. Those who wait are in two lists: for the write that is under way, and for the next one, which begins as soon as that has ended and does not
 * wait for ATR_KEEP_MS to pass. The end may come while a write stands in the pool behind passwords that are being derived: it is taken out of there and done at once. */
#include "server/keeper.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"

#include <stdlib.h>
#include <utlist.h>

typedef struct waiter {
  struct waiter *next;
  atr_keeper_cb done;
  void *ctx;
} waiter;

struct atr_keeper {
  uv_loop_t *loop;
  atr_kept *file;
  waiter *waiting, *served; /* for the next write; for this one */
  uint64_t now_ms, due_ms;
  bool has_ended;
  bool is_writing;
  /* While is_writing: the pool's, until `written`. */
  uv_work_t work;
  uv_sem_t written;
  atr_buf text;
  int err;
  char why[512];
};

/* --- the file -------------------------------------------------------------------------------------------------- */

/* What is in it may be as good as a password. */
static void drop_text(atr_buf *text)
{
  if (text->data)
    atr_wipe(text->data, text->len);
  atr_buf_free(text);
}

static int take(atr_kept *file, atr_buf *text)
{
  int err;

  atr_buf_init(text, file->bytes_max);
  err = file->write(file->of, text);
  if (err)
    drop_text(text);
  file->is_changed = err != ATR_OK;
  return err;
}

int atr_kept_save(atr_kept *file, char *why, size_t why_bytes)
{
  atr_buf text;
  int err;

  if (!file->is_changed)
    return ATR_OK;
  err = take(file, &text);
  if (err)
    return err;
  err = atr_file_replace(file->path, atr_buf_span(&text), why, why_bytes);
  file->is_changed = err != ATR_OK;
  drop_text(&text);
  return err;
}

/* --- one write ------------------------------------------------------------------------------------------------- */

/* @locality pool thread */
static void write_text(uv_work_t *work)
{
  atr_keeper *k = work->data;

  k->err = atr_file_replace(k->file->path, atr_buf_span(&k->text), k->why, sizeof k->why);
  uv_sem_post(&k->written);
}

static void log_failure(int err, const char *why)
{
  atr_log(ATR_LOG_WARN, "what was decided counts until this server ends: %s", err == ATR_IO ? why : atr_err_text(err));
}

/* One of them may ask for the next write. */
static void tell(waiter *list, int err)
{
  waiter *w, *next;

  LL_FOREACH_SAFE(list, w, next)
  {
    atr_keeper_cb done = w->done;
    void *ctx = w->ctx;

    free(w);
    done(ctx, err);
  }
}

static void end_write(atr_keeper *k)
{
  waiter *served = k->served;
  int err;

  uv_sem_wait(&k->written);
  uv_sem_destroy(&k->written);
  drop_text(&k->text);
  k->is_writing = false;
  k->served = NULL;
  err = k->err;
  if (err) {
    k->file->is_changed = true;
    k->due_ms = k->now_ms + ATR_KEEP_AGAIN_MS;
    log_failure(err, k->why);
  }
  tell(served, err);
}

static void begin_write(atr_keeper *k);

static void on_written(uv_work_t *work, int status)
{
  atr_keeper *k = work->data;

  (void)status; /* canceled: by the end, which has written it itself */
  if (!k->is_writing)
    return;
  end_write(k);
  if (k->waiting && !k->is_writing)
    begin_write(k);
}

static void fail(atr_keeper *k, int err)
{
  waiter *waiting = k->waiting;

  k->waiting = NULL;
  k->due_ms = k->now_ms + ATR_KEEP_AGAIN_MS;
  log_failure(err, "");
  tell(waiting, err);
}

static void begin_write(atr_keeper *k)
{
  int err = take(k->file, &k->text);

  if (!err && uv_sem_init(&k->written, 0) != 0) {
    drop_text(&k->text);
    k->file->is_changed = true;
    err = ATR_NOMEM;
  }
  if (err) {
    fail(k, err);
    return;
  }
  k->is_writing = true;
  k->served = k->waiting;
  k->waiting = NULL;
  k->due_ms = k->now_ms + ATR_KEEP_MS;
  k->work.data = k;
  (void)uv_queue_work(k->loop, &k->work, write_text, on_written); /* fails only without a function */
}

/* --- whoever decides ------------------------------------------------------------------------------------------- */

int atr_keeper_new(atr_keeper **out, uv_loop_t *loop, atr_kept *file)
{
  atr_keeper *k = calloc(1, sizeof *k);

  if (!k)
    return ATR_NOMEM;
  k->loop = loop;
  k->file = file;
  *out = k;
  return ATR_OK;
}

void atr_keeper_free(atr_keeper *keeper)
{
  free(keeper);
}

void atr_keeper_then(atr_keeper *k, atr_keeper_cb done, void *ctx)
{
  waiter *w;

  if (k->has_ended) {
    done(ctx, atr_kept_save(k->file, k->why, sizeof k->why));
    return;
  }
  if (!k->file->is_changed && !k->is_writing) {
    done(ctx, ATR_OK);
    return;
  }
  w = calloc(1, sizeof *w);
  if (!w) {
    done(ctx, ATR_NOMEM);
    return;
  }
  *w = (waiter){.done = done, .ctx = ctx};
  if (k->file->is_changed)
    LL_APPEND(k->waiting, w);
  else
    LL_APPEND(k->served, w);
  if (!k->is_writing)
    begin_write(k);
}

bool atr_keeper_is_awaited(const atr_keeper *k)
{
  return k->waiting != NULL;
}

void atr_keeper_tick(atr_keeper *k, uint64_t now_ms)
{
  k->now_ms = now_ms;
  if (k->file->is_changed && !k->is_writing && !k->has_ended && now_ms >= k->due_ms)
    begin_write(k);
}

void atr_keeper_end(atr_keeper *k)
{
  waiter *waiting;
  int err;

  k->has_ended = true;
  if (k->is_writing) {
    if (uv_cancel((uv_req_t *)&k->work) == 0)
      write_text(&k->work);
    end_write(k);
  }
  err = atr_kept_save(k->file, k->why, sizeof k->why);
  if (err)
    log_failure(err, k->why);
  waiting = k->waiting;
  k->waiting = NULL;
  tell(waiting, err);
}
