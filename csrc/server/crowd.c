/* SPDX-License-Identifier: MIT
 *
 * A server that is full. Somebody who has not said hello makes room for the next, for anybody can make keys and connect with them, and
 * whoever is known says hello within a moment: of the network that has the most such connections the oldest goes, so a flood pushes out
 * itself (as in listen.c, before there is a key). Where everybody is in, whoever comes is told that the server is full (turn_away.h).
 *
 * Those that are told, those without a key, and those whose last words are on their way come on top of the limit: they are few, and each
 * has a time limit. So the server is prepared for more connections than may stay. */
#include "server/internal.h"

#include "base/log.h"
#include "transport/turn_away.h"

#include <stdlib.h>

uint32_t crowd_connections_max(uint32_t files)
{
  const uint32_t spare = 2 * ATR_HALF_OPEN_MAX + ATR_FILES_SPARE;

  if (files <= spare)
    return 1;
  return files - spare < ATR_CONNECTIONS_MAX ? files - spare : ATR_CONNECTIONS_MAX;
}

static int by_number(const void *a, const void *b)
{
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

  return (x > y) - (x < y);
}

/* The one that most of the connections have which have not said hello. False: all have. */
static bool greediest(const atr_server *server, uint64_t *found)
{
  uint64_t networks[ATR_CONNECTIONS_MAX];
  size_t n = 0, most = 0;

  for (const conn *c = server->conns; c && n < ATR_CONNECTIONS_MAX; c = c->next)
    if (c->state == CONN_HELLO)
      networks[n++] = c->network;
  qsort(networks, n, sizeof *networks, by_number);
  for (size_t i = 0, first = 0; i < n; i++) {
    if (networks[i] != networks[first])
      first = i;
    if (i - first + 1 > most) {
      most = i - first + 1;
      *found = networks[i];
    }
  }
  return n > 0;
}

static bool make_room(atr_server *server)
{
  conn *oldest = NULL;
  uint64_t network;

  if (!greediest(server, &network))
    return false;
  for (conn *c = server->conns; c; c = c->next) /* the newest is the first */
    if (c->state == CONN_HELLO && c->network == network)
      oldest = c;
  oldest->state = CONN_CLOSING;
  atr_session_abort(oldest->session, ATR_LIMIT, "said no hello, and others need the place");
  return true;
}

static bool is_full(const atr_server *server)
{
  uint32_t staying = 0;

  if (server->n_conns < server->connections_max)
    return false;
  for (const conn *c = server->conns; c; c = c->next)
    staying += c->state != CONN_CLOSING;
  return staying >= server->connections_max;
}

void crowd_arrives(atr_server *server, atr_stream *stream)
{
  if (is_full(server) && !make_room(server)) {
    atr_log_stranger(&server->logged, server_now_ms(server), ATR_LOG_WARN, "%s: turned away, %u users are here",
                     stream->peer, (unsigned)server->n_conns);
    atr_turn_away(stream);
    return;
  }
  conn_accept(server, stream);
}
