/* SPDX-License-Identifier: MIT
 *
 * The engine's two sides: the functions that the application calls, and the loop on the engine's thread.
 *
 * Wake-ups. Towards the engine: after a push, atr_waker_wake if the engine sleeps; it then drains up to ATR_QUEUE_DRAIN_MAX commands
 * and re-arms. Towards the application: Blender polls by itself and never sleeps in here; a script may, in atr_client_wait, and
 * is woken once per turn of the loop, however many events came. Where the queue of events was full, `starved` asks the next poll for a
 * wake-up of the engine.
 *
 * What must not wait behind other commands (cancel, the end) is a bit beside the queue. `cancel` and `disconnect` are both. A cancel takes its turn in the queue
 * too, for what it is to cancel may still stand there before it; and where it comes to its turn first, it takes the bit back, which could hit what was sent
 * after it. A disconnect lets earlier edits go out first, and the bit limits how long that may take.
 *
 * Work that many messages of one turn of the loop ask for (delivering, looking whether a flush is done, waking the application) is done
 * once, in pump(), before the loop sleeps again. */
#include "client/internal.h"

#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the application's side ---------------------------------------------------------------------------------- */

void command_free(command *cmd)
{
  if (!cmd)
    return;
  atr_bytes_release(cmd->blob);
  free(cmd);
}

static int push_command(atr_client *c, command *cmd)
{
  int err = atr_ring_push(c->commands, cmd);

  if (err == ATR_OK && atr_ring_must_wake(c->commands))
    atr_waker_wake(c->waker);
  return err;
}

/* Commands that are more than a place in the queue. They have no other fields, so the text is short and looks one way. */
static int urgency_of(const char *json, size_t len)
{
  static const struct {
    const char *t;
    int bit;
  } urgent[] = {{"\"cancel\"", URGENT_CANCEL}, {"\"disconnect\"", URGENT_DISCONNECT}};
  char text[48];

  if (len >= sizeof text)
    return 0;
  memcpy(text, json, len);
  text[len] = '\0';
  for (size_t i = 0; i < sizeof urgent / sizeof *urgent; i++)
    if (strstr(text, "\"t\"") && strstr(text, urgent[i].t))
      return urgent[i].bit;
  return 0;
}

int atr_client_send(atr_client *c, const char *json, size_t len)
{
  int urgent = urgency_of(json, len), err;
  command *cmd;

  if (len > ATR_MESSAGE_BYTES_MAX)
    return ATR_MESSAGE_SIZE;
  if (urgent) {
    atomic_fetch_or(&c->urgent, urgent);
    atr_waker_wake(c->waker);
  }
  cmd = calloc(1, sizeof *cmd + len);
  if (!cmd)
    return ATR_NOMEM;
  cmd->seen = c->seen;
  cmd->len = len;
  memcpy(cmd->json, json, len);
  err = push_command(c, cmd);
  if (err < 0)
    command_free(cmd);
  return urgent ? ATR_OK : err;
}

int atr_client_put_blob(atr_client *c, const atr_hash *hash, atr_bytes *bytes)
{
  command *cmd = calloc(1, sizeof *cmd);
  int err;

  if (!cmd) {
    atr_bytes_release(bytes);
    return ATR_NOMEM;
  }
  cmd->blob = bytes;
  cmd->hash = *hash;
  err = push_command(c, cmd);
  if (err < 0)
    command_free(cmd);
  return err;
}

atr_bytes *atr_client_blob(atr_client *c, const atr_hash *hash)
{
  return shelf_get(c->shelf, hash);
}

size_t atr_client_poll(atr_client *c, atr_client_event **events, size_t max)
{
  size_t n = atr_ring_pop(c->events, (void **)events, max);

  for (size_t i = n; i-- > 0;)
    if (events[i]->n) {
      c->seen = events[i]->n;
      break;
    }
  if (n > 0 && atomic_exchange(&c->starved, false))
    atr_waker_wake(c->waker);
  return n;
}

bool atr_client_wait(atr_client *c, uint32_t timeout_ms)
{
  uint64_t end_ns = uv_hrtime() + (uint64_t)timeout_ms * 1000000, now_ns;

  uv_mutex_lock(&c->lock);
  c->has_event = false; /* of a sleep that was over before */
  if (atr_ring_sleep(c->events)) {
    while (!c->has_event && !c->interrupted && (now_ns = uv_hrtime()) < end_ns)
      uv_cond_timedwait(&c->wake, &c->lock, end_ns - now_ns);
    c->interrupted = false;
  }
  uv_mutex_unlock(&c->lock);
  return atr_ring_count(c->events) > 0;
}

void atr_client_interrupt(atr_client *c)
{
  uv_mutex_lock(&c->lock);
  c->interrupted = true;
  uv_cond_signal(&c->wake);
  uv_mutex_unlock(&c->lock);
}

const atr_identity *atr_client_identity(const atr_client *c)
{
  return c->identity;
}

const atr_id *atr_client_participant(const atr_client *c)
{
  return &c->participant;
}

/* --- the engine's side --------------------------------------------------------------------------------------- */

uint64_t client_now_ms(const atr_client *c)
{
  return uv_now(&c->loop);
}

void client_pump_later(atr_client *c)
{
  if (c->net && !c->closing)
    atr_net_later(c->net, &c->pump_task);
}

/* False where the command has to wait; then it is held, and everything behind it stays in the queue. */
static bool run_or_hold(atr_client *c, command *cmd)
{
  if (command_run(c, cmd) == ATR_FULL) {
    c->held = cmd;
    return false;
  }
  command_free(cmd);
  return true;
}

static void drain(atr_client *c)
{
  command *cmd = c->held;
  void *item;

  c->held = NULL;
  if (cmd && !run_or_hold(c, cmd))
    return;
  for (uint32_t left = ATR_QUEUE_DRAIN_MAX; left > 0; left--) {
    if (atr_ring_pop(c->commands, &item, 1) == 1) {
      if (!run_or_hold(c, item))
        return;
    } else if (atr_ring_sleep(c->commands)) {
      return;
    }
  }
  atr_waker_wake(c->waker);
}

static void pump(atr_net_task *task)
{
  atr_client *c = (atr_client *)((char *)task - offsetof(atr_client, pump_task));

  event_flush_waiting(c);
  seats_pump(c);
  if (c->held)
    drain(c);
  event_wake_application(c);
}

static void close_handle(uv_handle_t *handle)
{
  if (!uv_is_closing(handle))
    uv_close(handle, NULL);
}

static void on_closed_late(uv_timer_t *timer)
{
  uv_stop(timer->loop);
}

/* Lets the goodbye go out, but not for longer than a moment. */
static void begin_close(atr_client *c)
{
  if (c->closing)
    return;
  link_end(c);
  c->closing = true;
  uv_timer_start(&c->retry, on_closed_late, ATR_CLIENT_CLOSE_MS, 0);
  if (!c->session)
    uv_stop(&c->loop);
}

static void on_wake(void *ctx)
{
  atr_client *c = ctx;
  int urgent = atomic_exchange(&c->urgent, 0);

  if (urgent & URGENT_CLOSE) {
    begin_close(c);
    return;
  }
  if (urgent & URGENT_CANCEL)
    link_cancel(c);
  if (urgent & URGENT_DISCONNECT)
    c->disconnect_by_ms = client_now_ms(c) + ATR_LEAVE_MS;
  if (!c->closing)
    drain(c);
  client_pump_later(c);
}

static void on_tick(uv_timer_t *timer)
{
  atr_client *c = timer->data;
  uint64_t now_ms = client_now_ms(c);

  if (c->closing)
    return;
  link_tick(c, now_ms);
  roaming_tick(c, now_ms);
  glances_tick(c->glances, now_ms);
  seats_tick(c, now_ms);
  client_pump_later(c);
}

/* Closes all that stands on the loop. */
static void close_all(atr_client *c)
{
  while (c->seats)
    seat_free(c->seats);
  questions_lost(c, false);
  atr_session_free(c->session);
  c->session = NULL;
  if (c->race)
    atr_race_cancel(c->race);
  c->race = NULL;
  discover_end(c);
  if (c->net) {
    atr_net_task_cancel(&c->pump_task);
    atr_net_free(c->net);
    c->net = NULL;
  }
  atr_waker_close(c->waker);
  close_handle((uv_handle_t *)&c->tick);
  close_handle((uv_handle_t *)&c->retry);
}

static void tell_end(atr_client *c, thread_end end)
{
  uv_mutex_lock(&c->lock);
  c->end = end;
  uv_cond_signal(&c->wake);
  uv_mutex_unlock(&c->lock);
}

/* The loop runs dry at once, except where a name is being resolved: that call of the system cannot be cut short, and may take many
 * seconds. Then the application is let go first. */
static void run_dry(atr_client *c)
{
  uint64_t end_ns = uv_hrtime() + (uint64_t)ATR_CLIENT_CLOSE_MS * 1000000;

  while (uv_run(&c->loop, UV_RUN_NOWAIT) != 0) {
    if (uv_hrtime() >= end_ns) {
      tell_end(c, THREAD_ORPHANED);
      uv_run(&c->loop, UV_RUN_DEFAULT);
      break;
    }
    uv_sleep(1);
  }
}

static void run(void *arg)
{
  atr_client *c = arg;

  drain(c);
  uv_run(&c->loop, UV_RUN_DEFAULT);
  close_all(c);
  run_dry(c);
  tell_end(c, THREAD_ENDED);
}

/* --- life ---------------------------------------------------------------------------------------------------- */

static void drop_command(void *item, void *ctx)
{
  (void)ctx;
  command_free(item);
}

static void drop_event(void *item, void *ctx)
{
  (void)ctx;
  free(item);
}

/* Once the thread has ended, or was never started. */
static void free_all(atr_client *c)
{
  password_forget(c);
  close_all(c);
  uv_run(&c->loop, UV_RUN_DEFAULT);
  uv_loop_close(&c->loop);
  atr_waker_free(c->waker);
  event_free_waiting(c);
  command_free(c->held);
  if (c->commands)
    atr_ring_free(c->commands, drop_command, NULL);
  if (c->events)
    atr_ring_free(c->events, drop_event, NULL);
  shelf_free(c->shelf);
  atr_blobs_free(c->blobs);
  atr_identity_free(c->identity);
  atr_buf_free(&c->scratch);
  uv_mutex_destroy(&c->lock);
  uv_cond_destroy(&c->wake);
  free(c->home);
  free(c->invite);
  free(c);
}

static int open_loop(atr_client *c)
{
  int err = uv_loop_init(&c->loop);

  if (err == 0)
    err = atr_waker_new(&c->waker, &c->loop, on_wake, c);
  if (err == 0)
    err = uv_timer_init(&c->loop, &c->tick);
  if (err == 0)
    err = uv_timer_init(&c->loop, &c->retry);
  if (err == 0)
    err = uv_mutex_init(&c->lock);
  if (err == 0)
    err = uv_cond_init(&c->wake);
  if (err < 0)
    return ATR_NOMEM;
  c->tick.data = c->retry.data = c;
  uv_timer_start(&c->tick, on_tick, ATR_CLIENT_TICK_MS, ATR_CLIENT_TICK_MS);
  return ATR_OK;
}

static int open_all(atr_client *c, const atr_client_config *config, char *why, size_t why_bytes)
{
  size_t slots = config->queue_slots ? config->queue_slots : ATR_QUEUE_SLOTS;
  int err = atr_crypto_init();

  if (err == ATR_OK)
    err = atr_id_random(&c->participant);
  if (err == ATR_OK)
    err = atr_identity_open(&c->identity, config->home, why, why_bytes);
  if (err == ATR_OK)
    err = atr_net_new(&c->net, &c->loop);
  if (err == ATR_OK)
    err = atr_blobs_new(&c->blobs, ATR_BLOBS_BYTES);
  if (err < 0)
    return err;
  c->home = strdup(config->home);
  c->shelf = shelf_new();
  c->commands = atr_ring_new(slots);
  c->events = atr_ring_new(slots);
  return c->home && c->shelf && c->commands && c->events ? ATR_OK : ATR_NOMEM;
}

/* Engines whose thread was still waiting for the resolver when they were closed. They are joined and freed when the next one is opened or
 * closed after that; the end of the process ends them too. */
static struct {
  uv_once_t once;
  uv_mutex_t lock;
  atr_client *first;
} orphans = {.once = UV_ONCE_INIT};

static void init_orphans(void)
{
  uv_mutex_init(&orphans.lock);
}

static bool has_ended(atr_client *c)
{
  bool ended;

  uv_mutex_lock(&c->lock);
  ended = c->end == THREAD_ENDED;
  uv_mutex_unlock(&c->lock);
  return ended;
}

static void bury_orphans(void)
{
  uv_once(&orphans.once, init_orphans);
  uv_mutex_lock(&orphans.lock);
  for (atr_client **at = &orphans.first; *at;) {
    atr_client *c = *at;

    if (!has_ended(c)) {
      at = &c->next_orphan;
      continue;
    }
    *at = c->next_orphan;
    uv_thread_join(&c->thread);
    free_all(c);
  }
  uv_mutex_unlock(&orphans.lock);
}

int atr_client_new(atr_client **out, const atr_client_config *config, char *why, size_t why_bytes)
{
  atr_client *c = calloc(1, sizeof *c);
  int err;

  why[0] = '\0';
  if (!c)
    return ATR_NOMEM;
  bury_orphans();
  c->interactive = config->interactive;
  c->first_use = config->first_use;
  c->waiting_end = &c->waiting;
  c->pump_task.run = pump;
  c->state_told = "OFFLINE";
  atr_buf_init(&c->scratch, 2 * (size_t)ATR_MESSAGE_BYTES_MAX);
  err = open_loop(c);
  if (err < 0) { /* the system has no handles left: there is nothing to tidy up with */
    free(c);
    return err;
  }
  err = open_all(c, config, why, why_bytes);
  if (err == ATR_OK && uv_thread_create(&c->thread, run, c) != 0)
    err = ATR_NOMEM;
  if (err < 0) {
    free_all(c);
    return err;
  }
  *out = c;
  return ATR_OK;
}

void atr_client_free(atr_client *c)
{
  thread_end end;

  if (!c)
    return;
  atomic_fetch_or(&c->urgent, URGENT_CLOSE);
  atr_waker_wake(c->waker);
  uv_mutex_lock(&c->lock);
  while ((end = c->end) == THREAD_RUNS)
    uv_cond_wait(&c->wake, &c->lock);
  uv_mutex_unlock(&c->lock);
  bury_orphans();
  if (end == THREAD_ENDED) {
    uv_thread_join(&c->thread);
    free_all(c);
    return;
  }
  uv_mutex_lock(&orphans.lock);
  c->next_orphan = orphans.first;
  orphans.first = c;
  uv_mutex_unlock(&orphans.lock);
}
