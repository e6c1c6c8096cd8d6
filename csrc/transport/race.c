/* SPDX-License-Identifier: MIT
 *
 * A race has lookups (of addresses that are names), a queue of candidates (socket addresses), and attempts under
 * way. Each thing that happens (a lookup answers, an attempt fails, the pause is over) leads to step(), which starts
 * what is due and notices the end. The race ends with the first attempt that succeeds, when nothing is left to try,
 * or when time is up.
 *
 * An attempt gets a candidate and gives one result (attempt.h).
 *
 * Order: of every address one of each family before any second one; the families take turns, within a family the resolver's order stays
 * (race_order.c). Of all failures the most telling is reported: a server that is full before a tunnel that says that the host is away (it is the
 * host's own; at an address of some network strangers answer, too), before another key, before something that is not Atrium, before refused
 * (somebody is there), before a name that leads inside, before silent, before unreachable, before an unknown name, before a name server that is silent.
 *
 * A system looks up both families in one question to itself and gives no answer before it has both; where a name server never answers for IPv6, as
 * many home routers do, that takes longer than anybody waits. So a name that is slow is looked up a second time, for IPv4 alone. (One question
 * for each family from the start would lose the system's own order between them, and libuv runs two lookups at a time.)
 *
 * A name of which the system says that there is none is one thing; that nobody answered is another, and most often the network of this machine. The
 * second look-up may know better than the first, which still waits for IPv6: then the name server answers.
 *
 * What a name of an invite leads to may be none of its maker's business (scope.h); then it is not tried, and told as a failure of the name. "localhost" asks
 * nobody and is written where it can be read, so it counts as the number that it is.
 *
 * libuv cannot stop a lookup that runs in its thread pool, so a race that is cancelled leaves its lookups behind: they free themselves when they
 * return. Until then they are in the way of others, of all engines of the process. What needs nobody's answer, numbers and this machine itself,
 * therefore never goes there.
 */
#include "transport/race.h"

#include "base/error.h"
#include "base/limits.h"
#include "transport/attempt.h"
#include "transport/race_order.h"
#include "transport/scope.h"
#include "transport/tcp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct lookup {
  uv_getaddrinfo_t request;
  atr_race *race; /* NULL once that has ended */
  size_t from;    /* index of the address */
  bool is_second; /* for IPv4 alone, while the first one goes on */
  struct lookup *next;
} lookup;

typedef struct attempt {
  atr_race *race;
  atr_attempt *running; /* NULL: not running */
  atr_candidate to;
} attempt;

struct atr_race {
  atr_net *net;
  uv_timer_t pause; /* until the next attempt */
  uv_timer_t limit;
  uv_timer_t patience; /* until names are looked up a second time */
  atr_net_task task;
  int handles;
  lookup *lookups;
  unsigned lookups_running;
  atr_address addresses[ATR_ADDRESSES_MAX];
  int answer[ATR_ADDRESSES_MAX]; /* to the second look-up, as an error; 0: none yet */
  atr_candidate candidates[ATR_CANDIDATES_MAX];
  size_t candidates_count, next;
  attempt attempts[ATR_CANDIDATES_MAX];
  unsigned attempts_running;
  uint32_t delay_ms;
  const atr_tls_config *tls;
  atr_hash key; /* while tls */
  bool is_invited;
  bool ended;
  atr_race_done done;
  void *ctx;
  atr_race_result result;
};

static void step(atr_race *race);

/* --- results --------------------------------------------------------------------------------------------------- */

/* How much an error tells about what is wrong. */
static int weight(int err)
{
  static const int order[] = {ATR_NAME_SERVER, ATR_RESOLVE,     ATR_UNREACHABLE,  ATR_SILENT,     ATR_NAME_INSIDE,
                              ATR_CONNREFUSED, ATR_TIMEOUT,     ATR_CLOSED,       ATR_NOT_ATRIUM, ATR_HTTPS_ONLY,
                              ATR_TLS,         ATR_KEY_CHANGED, ATR_TUNNEL_EMPTY, ATR_SERVER_FULL};

  for (int i = 0; i < (int)(sizeof order / sizeof *order); i++)
    if (order[i] == err)
      return i + 2;
  return err == 0 ? 0 : 1;
}

static void note(atr_race *race, int err, const char *address)
{
  atr_race_result *r = &race->result;
  size_t n = strlen(r->detail), room = sizeof r->detail - n;

  if (snprintf(r->detail + n, room, "%s%s %s", n > 0 ? ", " : "", address, atr_err_name(err)) >= (int)room)
    r->detail[n] = '\0'; /* a name, of which part would be another one */
  if (weight(err) > weight(r->err)) {
    r->err = err;
    snprintf(r->address, sizeof r->address, "%s", address);
  }
}

/* What was tried, as the user would type it. */
static void write_address(const atr_race *race, const atr_candidate *to, char out[ATR_ADDRESS_TEXT_BYTES])
{
  if (to->web > 0)
    atr_address_shown(&race->addresses[to->web - 1], out);
  else
    atr_tcp_address_text((const struct sockaddr *)&to->to, out, ATR_ADDRESS_TEXT_BYTES);
}

static void note_name(atr_race *race, int err, size_t from)
{
  char text[ATR_ADDRESS_TEXT_BYTES];

  if (err == ATR_NAME_SERVER && race->answer[from])
    err = race->answer[from];
  atr_address_shown(&race->addresses[from], text);
  note(race, err, text);
}

static void note_attempt(atr_race *race, int err, const atr_candidate *to)
{
  char text[ATR_ADDRESS_TEXT_BYTES];

  write_address(race, to, text);
  note(race, err, text);
}

/* --- the end --------------------------------------------------------------------------------------------------- */

static void handle_closed(uv_handle_t *handle)
{
  atr_race *race = handle->data;

  if (--race->handles == 0)
    free(race);
}

/* Stops all that runs. The struct lives until libuv has closed its timers. */
static void stop(atr_race *race)
{
  race->ended = true;
  for (size_t i = 0; i < race->next; i++)
    atr_attempt_cancel(race->attempts[i].running);
  for (lookup *l = race->lookups; l; l = l->next) {
    l->race = NULL;
    uv_cancel((uv_req_t *)&l->request);
  }
  race->lookups = NULL;
  atr_net_task_cancel(&race->task);
  uv_close((uv_handle_t *)&race->pause, handle_closed);
  uv_close((uv_handle_t *)&race->limit, handle_closed);
  uv_close((uv_handle_t *)&race->patience, handle_closed);
}

static void finish(atr_race *race)
{
  if (!race->result.stream && race->result.err == 0)
    note(race, ATR_RESOLVE, "no address");
  stop(race);
  race->done(race->ctx, &race->result);
}

void atr_race_cancel(atr_race *race)
{
  if (race && !race->ended)
    stop(race);
}

static void time_is_up(uv_timer_t *timer)
{
  atr_race *race = timer->data;

  for (size_t i = 0; i < race->next; i++)
    if (race->attempts[i].running)
      note_attempt(race, atr_attempt_silence(race->attempts[i].running), &race->attempts[i].to);
  for (const lookup *l = race->lookups; l; l = l->next)
    if (!l->is_second)
      note_name(race, ATR_NAME_SERVER, l->from);
  finish(race);
}

/* --- attempts -------------------------------------------------------------------------------------------------- */

/* The address by which it came. Whom a name has led to his own machine came by no way that anybody else could come by: the name of a relay or of a
 * router's port proves something where it has led to that. */
static void write_via(const atr_race *race, const atr_candidate *to, char out[ATR_ADDRESS_TEXT_BYTES])
{
  const atr_address *address = &race->addresses[to->from];
  atr_interface own[ATR_INTERFACES_MAX];

  out[0] = '\0';
  if (address->kind != ATR_ADDRESS_NAME || atr_address_is_loopback(address) ||
      !atr_scope_is_here((const struct sockaddr *)&to->to, own, atr_interfaces_list(own, ATR_INTERFACES_MAX)))
    atr_address_text(address, out);
}

static void attempt_done(void *ctx, int err, atr_stream *stream)
{
  attempt *a = ctx;
  atr_race *race = a->race;

  a->running = NULL;
  race->attempts_running--;
  if (err) {
    note_attempt(race, err, &a->to);
    step(race);
    return;
  }
  race->result.err = 0;
  race->result.stream = stream;
  write_address(race, &a->to, race->result.address);
  write_via(race, &a->to, race->result.via);
  finish(race);
}

static void attempt_start(atr_race *race)
{
  attempt *a = &race->attempts[race->next];
  atr_attempt_target target = {0};
  int err;

  a->race = race;
  a->to = race->candidates[race->next++];
  target.to = (struct sockaddr *)&a->to.to;
  target.web = a->to.web > 0 ? &race->addresses[a->to.web - 1] : NULL;
  target.tls = race->tls;
  target.key = race->tls ? &race->key : NULL;
  err = atr_attempt_start(&a->running, race->net, &target, attempt_done, a);
  if (err)
    note_attempt(race, err, &a->to);
  else
    race->attempts_running++;
}

static void pause_over(uv_timer_t *timer)
{
  step(timer->data);
}

/* Called when something has happened: an answer, a failure, the end of a pause. Each is a reason for the next
 * attempt. */
static void step(atr_race *race)
{
  if (race->next < race->candidates_count) {
    attempt_start(race);
    uv_timer_start(&race->pause, pause_over, race->delay_ms, 0);
  }
  if (race->attempts_running == 0 && race->next < race->candidates_count)
    atr_net_later(race->net, &race->task); /* the attempt failed at once */
  else if (race->attempts_running == 0 && race->lookups_running == 0)
    finish(race);
}

static void run_task(atr_net_task *task)
{
  step((atr_race *)(void *)((char *)task - offsetof(atr_race, task)));
}

/* --- lookups --------------------------------------------------------------------------------------------------- */

/* Candidates that have not been tried are ordered anew; a second address of the same kind is left out, and what a name of an invite may not lead to.
 * False where that is all that was found. */
static bool add_candidates(atr_race *race, const struct addrinfo *found, size_t from, bool is_free)
{
  const atr_address *address = &race->addresses[from];
  bool is_web = address->carrier != ATR_CARRIER_TCP, is_order = strchr(address->path, '?') != NULL;
  atr_interface own[ATR_INTERFACES_MAX];
  size_t n = is_free ? 0 : atr_interfaces_list(own, ATR_INTERFACES_MAX), inside = 0, open = 0;

  for (; found; found = found->ai_next) {
    atr_candidate candidate = {.web = is_web ? (unsigned)from + 1 : 0, .from = (unsigned)from};

    if (found->ai_addrlen > sizeof candidate.to || (found->ai_family != AF_INET && found->ai_family != AF_INET6))
      continue;
    if (!is_free && !atr_scope_is_open(found->ai_addr, is_order, own, n)) {
      inside++;
      continue;
    }
    open++;
    memcpy(&candidate.to, found->ai_addr, found->ai_addrlen);
    atr_race_order_add(race->candidates, &race->candidates_count, &candidate);
  }
  atr_race_order_arrange(race->candidates + race->next, race->candidates_count - race->next);
  return open > 0 || inside == 0;
}

static void lookup_unlink(atr_race *race, lookup *l)
{
  lookup **at = &race->lookups;

  while (*at != l)
    at = &(*at)->next;
  *at = l->next;
  race->lookups_running--;
}

/* Why a name led nowhere. AGAIN is what a system says of a name server that is silent, not there, or broken; FAIL, where it says so itself. */
static int lookup_error(int status)
{
  if (status == UV_ENOMEM || status == UV_EAI_MEMORY)
    return ATR_NOMEM;
  return status == UV_EAI_AGAIN || status == UV_EAI_FAIL ? ATR_NAME_SERVER : ATR_RESOLVE;
}

static void looked_up(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
  lookup *l = request->data;
  atr_race *race = l->race;

  if (race) {
    int err = status != 0 ? lookup_error(status) : ATR_OK;

    lookup_unlink(race, l);
    if (!err && !add_candidates(race, found, l->from, !race->is_invited))
      err = ATR_NAME_INSIDE;
    if (l->is_second)
      race->answer[l->from] = err ? err : ATR_RESOLVE;
    else if (err)
      note_name(race, err, l->from);
    if (race->attempts_running == 0 || !uv_is_active((uv_handle_t *)&race->pause))
      step(race);
  }
  uv_freeaddrinfo(found);
  free(l);
}

static int lookup_start(atr_race *race, size_t from, bool is_second)
{
  const atr_address *address = &race->addresses[from];
  lookup *l = calloc(1, sizeof *l);
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = is_second ? AF_INET : AF_UNSPEC};
  char port[8];
  int r;

  if (!l)
    return ATR_NOMEM;
  snprintf(port, sizeof port, "%u", (unsigned)address->port);
  l->request.data = l;
  l->from = from;
  l->is_second = is_second;
  r = uv_getaddrinfo(atr_net_loop(race->net), &l->request, looked_up, address->host, port, &hints);
  if (r != 0) {
    free(l);
    return lookup_error(r);
  }
  l->race = race;
  l->next = race->lookups;
  race->lookups = l;
  race->lookups_running++;
  return 0;
}

/* At once: only the system knows what a scope's name means, but it asks nobody for a number. */
static int add_number(atr_race *race, size_t from, const char *host)
{
  const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC, .ai_flags = AI_NUMERICHOST};
  uv_getaddrinfo_t request;
  char port[8];
  int r;

  snprintf(port, sizeof port, "%u", (unsigned)race->addresses[from].port);
  r = uv_getaddrinfo(atr_net_loop(race->net), &request, NULL, host, port, &hints);
  if (r != 0)
    return lookup_error(r);
  (void)add_candidates(race, request.addrinfo, from, true);
  uv_freeaddrinfo(request.addrinfo);
  return 0;
}

/* No name in "invalid" exists, and no name server need be there to say so (RFC 6761, 6.4). */
static bool is_never_known(const char *host)
{
  static const char domain[] = ".invalid";
  size_t n = strlen(host);

  return n >= sizeof domain - 1 && strcmp(host + n - (sizeof domain - 1), domain) == 0;
}

/* "localhost" is this machine everywhere (RFC 6761, 6.3). */
static int look_up(atr_race *race, size_t from)
{
  const atr_address *address = &race->addresses[from];
  int err;

  if (address->kind != ATR_ADDRESS_NAME)
    return add_number(race, from, address->host);
  if (is_never_known(address->host))
    return ATR_RESOLVE;
  if (strcmp(address->host, "localhost") != 0)
    return lookup_start(race, from, false);
  err = add_number(race, from, "::1");
  return err ? err : add_number(race, from, "127.0.0.1");
}

static void look_up_again(uv_timer_t *timer)
{
  atr_race *race = timer->data;

  for (lookup *l = race->lookups; l; l = l->next) /* new ones are put before it */
    (void)lookup_start(race, l->from, true);
}

int atr_race_start(atr_race **out, atr_net *net, const atr_address *addresses, size_t count,
                   const atr_race_options *options, atr_race_done done, void *ctx)
{
  atr_race *race = calloc(1, sizeof *race);
  uint32_t timeout_ms = options && options->timeout_ms ? options->timeout_ms : ATR_CONNECT_TIMEOUT_MS;

  *out = race;
  if (!race)
    return ATR_NOMEM;
  race->net = net;
  race->done = done;
  race->ctx = ctx;
  race->delay_ms = options && options->delay_ms ? options->delay_ms : ATR_RACE_DELAY_MS;
  race->task.run = run_task;
  race->is_invited = options && options->is_invited;
  if (options && options->tls && options->key) {
    race->tls = options->tls;
    race->key = *options->key;
  }
  uv_timer_init(atr_net_loop(net), &race->pause);
  uv_timer_init(atr_net_loop(net), &race->limit);
  uv_timer_init(atr_net_loop(net), &race->patience);
  race->pause.data = race;
  race->limit.data = race;
  race->patience.data = race;
  race->handles = 3;
  uv_timer_start(&race->limit, time_is_up, timeout_ms, 0);
  uv_timer_start(&race->patience, look_up_again, ATR_LOOKUP_PATIENCE_MS, 0);
  for (size_t i = 0; i < count && i < ATR_ADDRESSES_MAX; i++) {
    int err;

    race->addresses[i] = addresses[i];
    err = look_up(race, i);
    if (err)
      note_name(race, err, i);
  }
  if (race->lookups_running == 0 || race->candidates_count > 0)
    atr_net_later(net, &race->task);
  return 0;
}
