/* SPDX-License-Identifier: MIT
 *
 * Events on their way to the application.
 *
 * An event is printed once, here, into a block of its own that the queue owns, then the poller. Where the queue is full `doc` events are refused to
 * the replica, which keeps the difference by itself. The others wait in a list, and of those that describe a state (members, presence,
 * latency ...) only the newest waits; so an application that looks away for an hour costs a bounded list. What is left then are
 * answers to the application's own commands; when even those pass ATR_EVENT_BACKLOG_MAX the oldest connection state is beyond repair and the
 * link ends. */
#include "client/internal.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

atr_jw event_begin(atr_client *c, const char *t)
{
  atr_jw w;

  atr_buf_clear(&c->scratch);
  w = atr_jw_begin(&c->scratch);
  atr_jw_str(&w, "t", t);
  return w;
}

atr_client_event *event_of(atr_client *c, atr_jw *w, uint64_t n)
{
  atr_client_event *event;
  int err = atr_jw_finish(w);

  if (err < 0) {
    atr_log(ATR_LOG_ERROR, "an event could not be written: %s", atr_err_text(err));
    return NULL;
  }
  event = malloc(sizeof *event + c->scratch.len);
  if (!event)
    return NULL;
  event->n = n;
  event->len = c->scratch.len;
  memcpy(event->json, c->scratch.data, c->scratch.len);
  return event;
}

static void replace(waiting_event *old, atr_client_event *event)
{
  free(old->event);
  old->event = event;
}

static void wait_for_room(atr_client *c, atr_client_event *event, const char *what)
{
  waiting_event *e;

  for (e = what ? c->waiting : NULL; e; e = e->next)
    if (strcmp(e->what, what) == 0) {
      replace(e, event);
      return;
    }
  e = c->n_waiting < ATR_EVENT_BACKLOG_MAX ? calloc(1, sizeof *e) : NULL;
  if (!e) {
    free(event);
    if (c->session)
      atr_session_close(c->session, ATR_LIMIT, "the application does not take its events");
    return;
  }
  snprintf(e->what, sizeof e->what, "%s", what ? what : "");
  e->event = event;
  *c->waiting_end = e;
  c->waiting_end = &e->next;
  c->n_waiting++;
}

void event_end(atr_client *c, atr_jw *w, const char *what)
{
  atr_client_event *event = event_of(c, w, 0);

  if (!event)
    return;
  if (c->waiting || atr_ring_push(c->events, event) < 0) {
    wait_for_room(c, event, what);
    atomic_store(&c->starved, true);
  }
  client_pump_later(c);
}

bool event_has_room(const atr_client *c)
{
  return !c->waiting && atr_ring_count(c->events) < atr_ring_slots(c->events);
}

int event_push_doc(atr_client *c, atr_jw *w)
{
  atr_client_event *event = event_of(c, w, c->event_count + 1);
  int err;

  if (!event)
    return ATR_NOMEM;
  err = atr_ring_push(c->events, event);
  if (err < 0) {
    free(event);
    return err;
  }
  c->event_count++;
  client_pump_later(c);
  return ATR_OK;
}

/* The application is asked to say when it has taken something before the last try: it may have done so between the two. */
bool event_push(atr_client *c, atr_client_event *event)
{
  if (atr_ring_push(c->events, event) == ATR_OK)
    return true;
  atomic_store(&c->starved, true);
  return atr_ring_push(c->events, event) == ATR_OK;
}

void event_flush_waiting(atr_client *c)
{
  while (c->waiting) {
    waiting_event *e = c->waiting;

    if (!event_push(c, e->event))
      return;
    c->waiting = e->next;
    c->n_waiting--;
    if (!c->waiting)
      c->waiting_end = &c->waiting;
    free(e);
  }
}

void event_free_waiting(atr_client *c)
{
  while (c->waiting) {
    waiting_event *e = c->waiting;

    c->waiting = e->next;
    free(e->event);
    free(e);
  }
  c->waiting_end = &c->waiting;
  c->n_waiting = 0;
}

void event_wake_application(atr_client *c)
{
  if (!atr_ring_must_wake(c->events))
    return;
  uv_mutex_lock(&c->lock);
  c->has_event = true;
  uv_mutex_unlock(&c->lock);
  uv_cond_signal(&c->wake); /* after the unlock: who is woken takes the lock first, and would sleep again on it */
}

void event_error(atr_client *c, int err, const char *text, const char *re, const atr_id *room)
{
  atr_jw w = event_begin(c, "error");

  atr_jw_str(&w, "code", atr_err_name(err));
  atr_jw_str(&w, "text", text ? text : atr_err_text(err));
  atr_jw_str(&w, "re", re);
  if (room)
    atr_jw_id(&w, "room", room);
  event_end(c, &w, NULL);
}
