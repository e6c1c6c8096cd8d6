/* SPDX-License-Identifier: MIT
 *
 * Commands whose answer comes from the server: what was asked and not answered yet.
 *
 * An answer is lost with its line, and nobody can tell whether the question had arrived. So whoever waits is told at once, by an `error` with the
 * code UNANSWERED, and asks again: a password may be set twice, links may be revoked twice, and a link that nobody was told lets nobody in. A
 * question is not asked again from here, as its answer might come minutes later, when the user has long done something else. Of a
 * connection that the application itself ends no answer is waited for. */
#include "client/internal.h"

#include <stdlib.h>
#include <string.h>

struct question {
  question *next;
  const char *asked; /* the command */
  atr_id room;       /* zero where none was named, or where the answer does not name it */
};

static const struct {
  const char *asked, *answer;
  bool by_room; /* the answer is about this room, others may come meanwhile */
} kinds[] = {
    {"invite_create", "invite", false},
    {"invites_revoke", "invites_revoked", false},
    {"password", "password", true},
    {"reach", "reach", false},
};

enum { N_KINDS = sizeof kinds / sizeof *kinds };

static atr_id room_of(size_t kind, const cJSON *message)
{
  atr_id room = {{0}};

  if (kinds[kind].by_room)
    (void)atr_json_get_id(message, "room", &room);
  return room;
}

static int add(atr_client *c, size_t kind, const cJSON *message)
{
  question *q = calloc(1, sizeof *q), **at = &c->questions;

  if (!q)
    return ATR_NOMEM;
  q->asked = kinds[kind].asked;
  q->room = room_of(kind, message);
  while (*at)
    at = &(*at)->next;
  *at = q;
  return ATR_OK;
}

int question_asked(atr_client *c, const char *t, const cJSON *message)
{
  if (strcmp(t, "reach") == 0 && !atr_json_get(message, "n")) /* tells the server something, and asks nothing */
    return ATR_OK;
  for (size_t kind = 0; kind < N_KINDS; kind++)
    if (strcmp(kinds[kind].asked, t) == 0)
      return add(c, kind, message);
  return ATR_OK;
}

/* The oldest of its kind: the server answers them in order. */
static void drop(atr_client *c, size_t kind, const atr_id *room)
{
  for (question **at = &c->questions, *q; (q = *at); at = &q->next)
    if (strcmp(q->asked, kinds[kind].asked) == 0 && atr_id_equal(&q->room, room)) {
      *at = q->next;
      free(q);
      return;
    }
}

void question_answered(atr_client *c, const char *t, const cJSON *message)
{
  for (size_t kind = 0; kind < N_KINDS; kind++)
    if (strcmp(kinds[kind].answer, t) == 0 || strcmp(kinds[kind].asked, t) == 0) {
      atr_id room = room_of(kind, message);

      drop(c, kind, &room);
    }
}

void questions_lost(atr_client *c, bool tells)
{
  if (tells && c->creating)
    event_error(c, ATR_UNANSWERED, NULL, "create", NULL);
  c->creating = false;
  while (c->questions) {
    question *q = c->questions;

    c->questions = q->next;
    if (tells)
      event_error(c, ATR_UNANSWERED, NULL, q->asked, atr_id_is_zero(&q->room) ? NULL : &q->room);
    free(q);
  }
}
