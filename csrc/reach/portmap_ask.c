/* SPDX-License-Identifier: MIT
 *
 * A question is over before its `done` is called, so that this may begin the next one, and its memory lives until the loop has let go of its
 * handles. */
#include "reach/portmap_ask.h"

#include <stdlib.h>
#include <string.h>

void atr_ask_init(atr_ask *ask, uv_loop_t *loop, const atr_ask_request *request, void (*on_over)(atr_ask *ask),
                  atr_ask_done done, void *ctx)
{
  ask->request = *request;
  ask->on_over = on_over;
  ask->done = done;
  ask->ctx = ctx;
  uv_timer_init(loop, &ask->timer);
  ask->timer.data = ask;
  ask->open_handles = 1;
}

void atr_ask_opened(atr_ask *ask)
{
  ask->open_handles++;
}

static void on_closed(uv_handle_t *handle)
{
  atr_ask *ask = handle->data;

  if (--ask->open_handles == 0)
    free(ask);
}

void atr_ask_close(atr_ask *ask, uv_handle_t *handle)
{
  handle->data = ask;
  uv_close(handle, on_closed);
}

void atr_ask_cancel(atr_ask *ask)
{
  if (!ask || ask->is_over)
    return;
  ask->is_over = true;
  ask->on_over(ask);
  atr_ask_close(ask, (uv_handle_t *)&ask->timer);
}

void atr_ask_finish(atr_ask *ask, atr_portmap_reason reason)
{
  if (ask->is_over)
    return;
  ask->answer.reason = reason;
  atr_ask_cancel(ask);
  ask->done(ask->ctx, &ask->answer);
}

static void on_soon(uv_timer_t *timer)
{
  atr_ask *ask = timer->data;

  atr_ask_finish(ask, ask->answer.reason);
}

void atr_ask_finish_soon(atr_ask *ask, atr_portmap_reason reason)
{
  ask->answer.reason = reason;
  uv_timer_start(&ask->timer, on_soon, 0, 0);
}

void atr_ask_set_outer(atr_ask *ask, const uint8_t outer[4])
{
  ask->answer.has_outer = atr_portmap_scope_of(outer) != ATR_PORTMAP_SCOPE_UNKNOWN;
  memcpy(ask->answer.outer, outer, sizeof ask->answer.outer);
}

struct sockaddr_in atr_ask_socket_address(const uint8_t ip[4], uint16_t port)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

  memcpy(&address.sin_addr, ip, 4);
  return address;
}
