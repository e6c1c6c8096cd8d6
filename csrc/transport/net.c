/* SPDX-License-Identifier: MIT
 *
 * The list of tasks runs in a prepare handle: libuv calls it after timers and before it computes how long to poll,
 * that is once per turn, after all that the last poll brought. A task that queues itself again runs in the next turn.
 * As a prepare handle alone does not keep poll from sleeping, an idle handle stands beside it while something is
 * queued: with it the next poll returns at once.
 */
#include "transport/net.h"

#include "base/error.h"
#include "base/limits.h"
#include "transport/platform.h"

#include <stdlib.h>

/* Read buffers that are kept for the next read. On Unix one is in use at a time; Windows lends one per pending read. */
enum { SPARE_BUFFERS = 4 };

struct atr_net {
  uv_loop_t *loop;
  uv_prepare_t prepare;
  uv_idle_t idle;
  atr_net_task tasks; /* head of a ring */
  uint8_t *spare[SPARE_BUFFERS];
  int spare_count;
  bool on_thread;
  uint64_t turn;
  int closing;
};

static void list_init(atr_net_task *head)
{
  head->next = head;
  head->prev = head;
}

static void list_append(atr_net_task *head, atr_net_task *task)
{
  task->next = head;
  task->prev = head->prev;
  head->prev->next = task;
  head->prev = task;
}

/* Moves what is queued to a list of its own first: what a task queues is for the next turn, so that input and output
 * take turns however busy the tasks keep each other. */
static void run_tasks(uv_prepare_t *handle)
{
  atr_net *net = handle->data;
  atr_net_task now;

  net->turn++;
  if (!net->on_thread) { /* here for the first time, and therefore on the loop's own thread */
    net->on_thread = true;
    atr_platform_block_sigpipe();
  }
  uv_idle_stop(&net->idle); /* also where all were cancelled: with it no poll would ever wait again */
  if (net->tasks.next == &net->tasks)
    return;
  now = net->tasks;
  now.next->prev = &now;
  now.prev->next = &now;
  list_init(&net->tasks);
  while (now.next != &now) {
    atr_net_task *task = now.next;

    atr_net_task_cancel(task);
    task->run(task);
  }
}

static void nothing(uv_idle_t *handle)
{
  (void)handle;
}

int atr_net_new(atr_net **out, uv_loop_t *loop)
{
  atr_net *net = calloc(1, sizeof *net);

  *out = net;
  if (!net)
    return ATR_NOMEM;
  net->loop = loop;
  list_init(&net->tasks);
  uv_prepare_init(loop, &net->prepare);
  uv_idle_init(loop, &net->idle);
  net->prepare.data = net;
  net->idle.data = net;
  uv_prepare_start(&net->prepare, run_tasks);
  uv_unref((uv_handle_t *)&net->prepare); /* a loop with nothing else to do may end */
  return 0;
}

static void closed(uv_handle_t *handle)
{
  atr_net *net = handle->data;

  if (--net->closing > 0)
    return;
  while (net->spare_count > 0)
    free(net->spare[--net->spare_count]);
  free(net);
}

void atr_net_free(atr_net *net)
{
  if (!net)
    return;
  net->closing = 2;
  uv_close((uv_handle_t *)&net->prepare, closed);
  uv_close((uv_handle_t *)&net->idle, closed);
}

uv_loop_t *atr_net_loop(const atr_net *net)
{
  return net->loop;
}

uint64_t atr_net_turn(const atr_net *net)
{
  return net->turn;
}

uint64_t atr_net_now_us(void)
{
  return uv_hrtime() / 1000;
}

void atr_net_later(atr_net *net, atr_net_task *task)
{
  if (task->next)
    return;
  list_append(&net->tasks, task);
  if (!uv_is_active((uv_handle_t *)&net->idle))
    uv_idle_start(&net->idle, nothing);
}

void atr_net_task_cancel(atr_net_task *task)
{
  if (!task->next)
    return;
  task->prev->next = task->next;
  task->next->prev = task->prev;
  task->next = NULL;
  task->prev = NULL;
}

uint8_t *atr_net_buffer_take(atr_net *net)
{
  if (net->spare_count > 0)
    return net->spare[--net->spare_count];
  return malloc(ATR_READ_BYTES);
}

void atr_net_buffer_give(atr_net *net, uint8_t *buffer)
{
  if (!buffer)
    return;
  if (net->spare_count == SPARE_BUFFERS)
    free(buffer);
  else
    net->spare[net->spare_count++] = buffer;
}
