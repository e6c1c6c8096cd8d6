/* SPDX-License-Identifier: MIT
 *
 * One round asks every port on which a tunnel's program may tell of itself, side by side; at each port one question after the other. When the last
 * has answered, what was found takes the place of what was known.
 *
 * cloudflared does not say in one answer where its tunnel leads, so its name counts when its rules name our port. One that is too old to tell its
 * rules counts where somebody who knows has named its port (atr_agents_name). */
#include "reach/agents.h"

#include "base/error.h"
#include "reach/http_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ngrok takes the next port where another one runs already; cloudflared has five of its own. */
static const uint16_t ngrok_ports[] = {4040, 4041, 4042};
static const uint16_t cloudflared_ports[] = {20241, 20242, 20243, 20244, 20245};

enum { NGROKS = sizeof ngrok_ports / sizeof *ngrok_ports };
enum { CLOUDFLAREDS = sizeof cloudflared_ports / sizeof *cloudflared_ports };
enum { PLACES = NGROKS + CLOUDFLAREDS + 1 };

enum question { TUNNELS, ENDPOINTS, QUICKTUNNEL, CONFIG, QUESTIONS };

static const char *const paths[QUESTIONS] = {"/api/tunnels", "/api/endpoints", "/quicktunnel", "/config"};

/* A port at which a program may be. */
typedef struct place {
  struct atr_agents *agents;
  uint16_t port; /* 0: none */
  enum question next, end;
  atr_http_call *call;
  size_t count;
  atr_endpoint found[ATR_ENDPOINTS_MAX];
  bool has_quick;
  atr_endpoint quick;
} place;

struct atr_agents {
  uv_loop_t *loop;
  uv_timer_t timer;
  uint16_t port, named;
  bool polls, knows, asks_again;
  size_t under_way;
  place places[PLACES];
  size_t count;
  atr_endpoint list[ATR_ENDPOINTS_MAX];
  void (*on_change)(void *ctx);
  void *ctx;
};

/* --- a round ------------------------------------------------------------------------------------------------------- */

static bool is_same(const atr_endpoint *a, const atr_endpoint *b)
{
  char one[ATR_ADDRESS_TEXT_BYTES], other[ATR_ADDRESS_TEXT_BYTES];

  atr_address_text(&a->address, one);
  atr_address_text(&b->address, other);
  return strcmp(a->program, b->program) == 0 && strcmp(one, other) == 0;
}

static bool has(const atr_endpoint *list, size_t count, const atr_endpoint *one)
{
  for (size_t i = 0; i < count; i++)
    if (is_same(&list[i], one))
      return true;
  return false;
}

static void end_round(atr_agents *a)
{
  atr_endpoint list[ATR_ENDPOINTS_MAX];
  size_t count = 0;
  bool is_new;

  for (size_t i = 0; i < PLACES; i++)
    for (size_t k = 0; k < a->places[i].count && count < ATR_ENDPOINTS_MAX; k++)
      if (!has(list, count, &a->places[i].found[k]))
        list[count++] = a->places[i].found[k];
  is_new = count != a->count || !a->knows;
  for (size_t i = 0; i < count && !is_new; i++)
    is_new = !is_same(&list[i], &a->list[i]);
  memcpy(a->list, list, count * sizeof *list);
  a->count = count;
  a->knows = true;
  if (is_new)
    a->on_change(a->ctx);
}

static void ask_next(place *p);

static void read_answer(place *p, enum question question, atr_span body)
{
  switch (question) {
  case TUNNELS:
  case ENDPOINTS:
    p->count = atr_agents_read_ngrok(body, p->agents->port, p->found, p->count);
    break;
  case QUICKTUNNEL:
    p->has_quick = atr_agents_read_quicktunnel(body, &p->quick);
    break;
  case CONFIG:
    if (p->has_quick && atr_agents_leads_here(body, p->agents->port) && p->count < ATR_ENDPOINTS_MAX)
      p->found[p->count++] = p->quick;
    break;
  case QUESTIONS:
    break;
  }
}

static void on_answer(void *ctx, int err, const atr_http_answer *answer)
{
  place *p = ctx;
  enum question question = p->next++;
  bool is_named = p == &p->agents->places[PLACES - 1];

  p->call = NULL;
  if (err == ATR_OK && answer->status == 200)
    read_answer(p, question, answer->body);
  else if (err == ATR_OK && question == CONFIG && p->has_quick && is_named && p->count < ATR_ENDPOINTS_MAX)
    p->found[p->count++] = p->quick;
  else if (err < 0)
    p->next = p->end; /* nobody is there, or nobody who answers */
  ask_next(p);
}

static void leave_round(atr_agents *a);

static atr_http_call *ask(place *p, const char *path)
{
  struct sockaddr_in to;
  char text[128];
  int n = snprintf(text, sizeof text,
                   "GET %s HTTP/1.0\r\nHost: 127.0.0.1:%u\r\nAccept: application/json\r\nConnection: close\r\n\r\n",
                   path, p->port);

  uv_ip4_addr("127.0.0.1", p->port, &to);
  return atr_http_call_new(p->agents->loop, (struct sockaddr *)&to, atr_span_of(text, (size_t)n), ATR_AGENT_TIMEOUT_MS,
                           on_answer, p);
}

static void ask_next(place *p)
{
  atr_agents *a = p->agents;

  if (p->next == CONFIG && !p->has_quick)
    p->next = p->end;
  if (p->next < p->end)
    p->call = ask(p, paths[p->next]);
  if (!p->call)
    leave_round(a);
}

static void begin_round(atr_agents *a)
{
  if (a->under_way > 0) {
    a->asks_again = true;
    return;
  }
  a->asks_again = false;
  a->places[PLACES - 1].port = a->named;
  a->under_way = 1; /* this function, so that the round does not end before all have begun */
  for (size_t i = 0; i < PLACES; i++) {
    place *p = &a->places[i];

    p->count = 0;
    p->has_quick = false;
    p->next = i < NGROKS || i == PLACES - 1 ? TUNNELS : QUICKTUNNEL;
    p->end = i < NGROKS ? QUICKTUNNEL : QUESTIONS;
    if (p->port == 0)
      continue;
    a->under_way++;
    ask_next(p);
  }
  leave_round(a);
}

static void leave_round(atr_agents *a)
{
  if (--a->under_way > 0)
    return;
  end_round(a);
  if (a->asks_again)
    begin_round(a);
}

static void on_timer(uv_timer_t *timer)
{
  begin_round(timer->data);
}

/* --- for the owner --------------------------------------------------------------------------------------------------- */

int atr_agents_new(atr_agents **out, uv_loop_t *loop, uint16_t port, void (*on_change)(void *ctx), void *ctx)
{
  atr_agents *a = calloc(1, sizeof *a);

  *out = a;
  if (!a)
    return ATR_NOMEM;
  a->loop = loop;
  a->port = port;
  a->on_change = on_change;
  a->ctx = ctx;
  for (size_t i = 0; i < PLACES; i++) {
    a->places[i].agents = a;
    a->places[i].port = i < NGROKS ? ngrok_ports[i] : i < PLACES - 1 ? cloudflared_ports[i - NGROKS] : 0;
  }
  uv_timer_init(loop, &a->timer);
  a->timer.data = a;
  return ATR_OK;
}

void atr_agents_poll(atr_agents *a, bool on)
{
  if (on == a->polls)
    return;
  a->polls = on;
  if (on)
    uv_timer_start(&a->timer, on_timer, 0, ATR_AGENT_POLL_MS);
  else
    uv_timer_stop(&a->timer);
}

void atr_agents_name(atr_agents *a, uint16_t port)
{
  a->named = port;
}

void atr_agents_ask(atr_agents *a)
{
  begin_round(a);
}

bool atr_agents_known(const atr_agents *a)
{
  return a->knows;
}

const atr_endpoint *atr_agents_list(const atr_agents *a, size_t *count)
{
  *count = a->count;
  return a->list;
}

static void on_closed(uv_handle_t *handle)
{
  free(handle->data);
}

void atr_agents_free(atr_agents *a)
{
  if (!a)
    return;
  for (size_t i = 0; i < PLACES; i++)
    atr_http_call_cancel(a->places[i].call);
  uv_close((uv_handle_t *)&a->timer, on_closed);
}
