/* SPDX-License-Identifier: MIT
 *
 * A server that is full. Somebody who has not said hello makes room for the next, for anybody can make keys and connect with them, and
 * whoever is known says hello within a moment: of the network that has the most such connections the oldest goes, so a flood pushes out
 * itself. Where everybody is in, whoever comes is told that the server is full (turn_away.h).
 *
 * Who has no key yet takes nobody's place here: listen.c bounds those. They, those that are told, and those whose last words are on their way come on
 * top of the limit, each for a limited time. So the server is prepared for more connections than may stay. */
#include "server/internal.h"

#include "base/log.h"
#include "transport/turn_away.h"

#include <stdlib.h>

/* Of all files: so many are an eighth of what is asked for. */
enum { HALF_OPEN_SHARE = CROWD_FILES / ATR_HALF_OPEN_MAX };

uint32_t crowd_half_open_max(uint32_t files)
{
  uint32_t share = files / HALF_OPEN_SHARE;

  return share < 1 ? 1 : share < ATR_HALF_OPEN_MAX ? share : ATR_HALF_OPEN_MAX;
}

uint32_t crowd_beside(uint32_t half_open_max)
{
  return 3 * half_open_max;
}

uint32_t crowd_connections_max(uint32_t files)
{
  const uint32_t spare = crowd_beside(crowd_half_open_max(files)) + ATR_FILES_SPARE;

  if (files <= spare)
    return 1;
  return files - spare < ATR_CONNECTIONS_MAX ? files - spare : ATR_CONNECTIONS_MAX;
}

typedef struct waiting {
  conn *conn;
  uint64_t turn; /* of those of a network the one with the highest goes */
} waiting;

static int by_network(const void *a, const void *b)
{
  const waiting *x = a, *y = b;

  if (x->conn->network != y->conn->network)
    return x->conn->network < y->conn->network ? -1 : 1;
  return (x->turn > y->turn) - (x->turn < y->turn);
}

/* Their time began at one and the same distance from the deadline; `newer` are here that came later. */
static uint64_t turn_of(const conn *c, size_t newer)
{
  uint64_t began = c->deadline_ms * 2 * ATR_CONNECTIONS_MAX - newer;

  return c->state == CONN_KNOCKING ? began : UINT64_MAX - began;
}

conn *crowd_greediest(const atr_server *server, conn_state state)
{
  waiting list[ATR_CONNECTIONS_MAX + 1]; /* the newest may be one too many */
  const waiting *found = NULL;
  size_t n = 0, held = 0, most = 0;

  for (conn *c = server->conns; c && n < sizeof list / sizeof *list; c = c->next) /* the newest is the first */
    if (c->state == state && c->has_key) {
      list[n] = (waiting){c, turn_of(c, n)};
      n++;
    }
  qsort(list, n, sizeof *list, by_network);
  for (size_t i = 0; i < n; i++) {
    held = i > 0 && list[i].conn->network == list[i - 1].conn->network ? held + 1 : 1;
    if (held > most || (held == most && list[i].turn > found->turn)) {
      most = held;
      found = &list[i];
    }
  }
  return found ? found->conn : NULL;
}

static uint32_t staying(const atr_server *server)
{
  uint32_t n = 0;

  if (server->n_conns < server->connections_max)
    return server->n_conns;
  for (const conn *c = server->conns; c; c = c->next)
    n += c->has_key && c->state != CONN_CLOSING;
  return n;
}

void crowd_proved(conn *c)
{
  conn *oldest = staying(c->server) > c->server->connections_max ? crowd_greediest(c->server, CONN_HELLO) : NULL;

  if (oldest == c) { /* there was a place when it came */
    conn_fail(c, ATR_SERVER_FULL, NULL, "hello");
  } else if (oldest) {
    oldest->state = CONN_CLOSING;
    atr_session_abort(oldest->session, ATR_LIMIT, "said no hello, and others need the place");
  }
}

void crowd_arrives(atr_server *server, atr_stream *stream)
{
  if (staying(server) >= server->connections_max && !crowd_greediest(server, CONN_HELLO)) {
    atr_log_stranger(&server->logged, server_now_ms(server), ATR_LOG_WARN, "%s: turned away, %u users are here",
                     stream->peer, (unsigned)server->n_conns);
    atr_turn_away(stream);
    return;
  }
  conn_accept(server, stream);
}
