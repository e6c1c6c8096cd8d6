/* SPDX-License-Identifier: MIT
 *
 * A small file that follows what is in memory: the list of keys, the invites, the passwords.
 *
 * A disk takes its time, and whoever holds an invite can make keys as he likes, each of which is a line; so the file is written on libuv's pool, and what
 * changes is written together, ATR_KEEP_MS later at most. Whoever decides something that must not be undone by a crash asks to be told when it is on the disk
 * (atr_keeper_then), and answers then. A write that fails loses nothing: memory counts, and it is tried again.
 *
 * Everything is called on the loop's thread; only the bytes of one write, which nobody else touches meanwhile, are in the hands of the pool. */
#ifndef ATR_SERVER_KEEPER_H
#define ATR_SERVER_KEEPER_H

#include "base/buf.h"
#include "session/file.h"

#include <stdbool.h>
#include <uv.h>

/* What is kept, in memory of its owner, who says `is_changed` and nothing else afterwards. */
typedef struct atr_kept {
  char path[ATR_PATH_BYTES];
  size_t bytes_max;
  int (*write)(const void *of, atr_buf *out); /* appends the whole file */
  const void *of;
  bool is_changed;
} atr_kept;

/* Writes it now where it has changed, and blocks for that. 0, ATR_IO (`why`), ATR_NOMEM. */
int atr_kept_save(atr_kept *file, char *why, size_t why_bytes);

typedef struct atr_keeper atr_keeper;

/* `err`: as of atr_kept_save(). */
typedef void (*atr_keeper_cb)(void *ctx, int err);

/* `file` outlives it. 0 or ATR_NOMEM. */
int atr_keeper_new(atr_keeper **out, uv_loop_t *loop, atr_kept *file);
/* After atr_keeper_end(), when the loop has run dry. */
void atr_keeper_free(atr_keeper *keeper);

/* Calls `done` when all that has been decided so far is on the disk, or that has failed; before it returns where nothing has changed. In the order of the calls. */
void atr_keeper_then(atr_keeper *keeper, atr_keeper_cb done, void *ctx);
/* Somebody waits for what was decided later than what `done` was just called for. */
bool atr_keeper_is_awaited(const atr_keeper *keeper);

/* Begins a write where it is time for one. */
void atr_keeper_tick(atr_keeper *keeper, uint64_t now_ms);
/* Blocks until everything is on the disk, and everybody was told. What changes afterwards is written by atr_keeper_then() itself. */
void atr_keeper_end(atr_keeper *keeper);

#endif
