/* SPDX-License-Identifier: MIT
 *
 * The files of a server are kept (keeper.h), and hosts are answered when what they decided is on the disk: who was refused, or came by a link that was
 * revoked, must not be back because the server was killed a moment after its host was told. In memory a decision counts at once.
 *
 * Revoking links, or a password, takes nothing from those who came by them; so their rows are on the disk then, too.
 *
 * Whoever decided may be gone when the answer is due; then it is nobody's. */
#include "server/internal.h"

#include <stdlib.h>
#include <utlist.h>

int keeping_open(atr_server *server)
{
  atr_kept *files[KEPT_FILES] = {
      [KEPT_RIGHTS] = atr_rights_file(server->rights),
      [KEPT_INVITES] = atr_invites_file(server->invites),
      [KEPT_PASSWORDS] = atr_passwords_file(server->passwords),
  };
  int err = ATR_OK;

  for (int i = 0; i < KEPT_FILES && err == ATR_OK; i++)
    err = atr_keeper_new(&server->keepers[i], &server->loop, files[i]);
  return err;
}

void keeping_tick(atr_server *server, uint64_t now_ms)
{
  for (int i = 0; i < KEPT_FILES; i++)
    atr_keeper_tick(server->keepers[i], now_ms);
}

void keeping_end(atr_server *server)
{
  for (int i = 0; i < KEPT_FILES; i++)
    if (server->keepers[i])
      atr_keeper_end(server->keepers[i]);
}

void keeping_close(atr_server *server)
{
  for (int i = 0; i < KEPT_FILES; i++)
    atr_keeper_free(server->keepers[i]);
}

/* --- answers --------------------------------------------------------------------------------------------------- */

reply *keeping_reply(atr_server *server, conn *to, void (*give)(reply *a, int err))
{
  reply *a = calloc(1, sizeof *a);

  if (!a)
    return NULL;
  a->server = server;
  a->to = to;
  a->give = give;
  DL_APPEND(server->replies, a);
  return a;
}

void keeping_drop(reply *a)
{
  DL_DELETE(a->server->replies, a);
  free(a->invite);
  free(a);
}

static void give(reply *a)
{
  if (--a->waits > 0)
    return;
  a->give(a, a->err);
  keeping_drop(a);
}

static void kept(void *ctx, int err)
{
  reply *a = ctx;

  a->err = err;
  give(a);
}

static void rights_kept(void *ctx, int err)
{
  (void)err; /* is in the log, and no failure of what was decided here */
  give(ctx);
}

void keeping_then(reply *a, kept_file file)
{
  a->waits = file == KEPT_RIGHTS ? 1 : 2;
  if (file != KEPT_RIGHTS)
    atr_keeper_then(a->server->keepers[KEPT_RIGHTS], rights_kept, a);
  atr_keeper_then(a->server->keepers[file], kept, a);
}

bool keeping_is_awaited(const atr_server *server, kept_file file)
{
  return atr_keeper_is_awaited(server->keepers[file]);
}

void keeping_left(const conn *c)
{
  for (reply *a = c->server->replies; a; a = a->next)
    if (a->to == c)
      a->to = NULL;
}
