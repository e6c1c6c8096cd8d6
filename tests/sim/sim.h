/* SPDX-License-Identifier: MIT
 *
 * sim.h - a deterministic simulator of one room: the real room, replica and blob code, and everything around them random
 *
 * One seed decides everything: who edits what, which byte of which stream arrives next, who is cut, when the store is done, when the server
 * forgets. Virtual time is the order of steps. At the end the world comes to rest and must agree (world.c, check.c): every application
 * holds what its replica holds, what the room holds, and what an independent model computes from the recorded order of
 * commits. */
#ifndef ATR_SIM_H
#define ATR_SIM_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/id.h"
#include "base/mem.h"
#include "blob/blobs.h"
#include "proto/frame.h"
#include "replica/replica.h"
#include "room/room.h"
#include "store/store.h"

/* --- chance ------------------------------------------------------------------------------------------------------- */

uint64_t sim_next(void);
uint32_t sim_below(uint32_t n); /* 0 ... n - 1 */
bool sim_chance(uint32_t percent);
void sim_seed(uint64_t seed);
void sim_id(atr_id *out);

/* Ends the run of this seed: prints what is wrong. */
_Noreturn void sim_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
extern bool sim_verbose;
#define SIM_LOG(...)        \
  do {                      \
    if (sim_verbose)        \
      sim_log(__VA_ARGS__); \
  } while (0)
void sim_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* --- memory ------------------------------------------------------------------------------------------------------- */

enum { SIM_WORLD, SIM_SERVER, SIM_CLIENT, SIM_OWNERS = SIM_CLIENT + 6 };

/* From here on the owner is at work, until it leaves: what is allocated is its. */
void sim_heap_enter(int owner);
void sim_heap_leave(void);
size_t sim_heap_held(int owner); /* bytes */
enum { SIM_SMALL_BYTES = 4096 };
size_t sim_heap_small(int owner); /* bytes of chunks below that */

/* --- the model: what the recorded order means --------------------------------------------------------------------- */

typedef struct model_doc {
  atr_id id;
  cJSON *tree; /* NULL: does not live */
  uint64_t seq, created;
  bool edited; /* by an operation of this epoch, not only brought back */
} model_doc;

enum { SIM_ACTIONS = 1 << 15 };

typedef struct model {
  model_doc docs[512];
  size_t n;
  uint64_t seq;
  bool whole_history;        /* nothing was ever lost, or refused but for being deleted */
  uint64_t last_counter[64]; /* by member number */
  uint64_t commits[64];
  bool acted[SIM_ACTIONS]; /* by the number of the action: an operation is committed once, whoever says it is whose */
} model;

void model_reset(model *m, uint64_t seq_base);
/* The frames of one commit. */
void model_commit(model *m, atr_span frames, uint32_t count);
model_doc *model_find(model *m, const atr_id *id);
/* Bytes of the blobs that living documents name, each once. */
size_t model_blob_bytes(model *m);
/* The name that this document shows, by the rule and not by the code under test; NULL for its own. */
const char *model_show(model *m, const model_doc *d);
char *sim_text(const cJSON *tree); /* canonical; to be freed */
bool sim_same(const cJSON *a, const cJSON *b);

/* --- a model of an application ------------------------------------------------------------------------------------ */

extern uint32_t sim_long_percent; /* of texts that fill several frames */
extern uint32_t sim_longs;        /* made in this run, each of at most SIM_LONG_BYTES */
extern uint64_t sim_actions;      /* commands given in this run: each has a number of its own */

typedef struct app_doc {
  atr_id id;
  cJSON *tree;
  char *show;
  bool previewing;
  bool only_mine; /* made here, and nobody else has changed it, nor was it previewed or refused */
} app_doc;

typedef struct app_event {
  uint64_t n;
  atr_id doc;
  enum atr_op_kind kind;
  cJSON *tree;
  char *show;
} app_event;

typedef struct app_command {
  atr_submit submit;
  atr_id needs;
  atr_hash hash; /* of the blob to hand over before */
  atr_bytes *blob;
} app_command;

enum { SIM_LONG_BYTES = 150000 };

enum { APP_DOCS = 512, APP_EVENTS = 64, APP_COMMANDS = 64 };

typedef struct app {
  app_doc docs[APP_DOCS];
  size_t n;
  app_event events[APP_EVENTS]; /* on their way to it */
  size_t events_max, n_events;
  app_command commands[APP_COMMANDS]; /* on their way from it */
  size_t n_commands;
  uint64_t seen;
  uint64_t submitted;
  const atr_blobs *blobs; /* what an event names must be here when it is taken */
} app;

void app_free(app *a);
int app_event_arrives(app *a, const atr_replica_event *event); /* ATR_FULL when its queue is full */
void app_take(app *a, size_t max);
void app_edit(app *a);
void app_end_previews(app *a);
/* Takes the oldest command; false: there is none. The caller owns what is in it. */
bool app_command_leaves(app *a, app_command *out);
app_doc *app_find(app *a, const atr_id *id);

/* --- the world ---------------------------------------------------------------------------------------------------- */

typedef struct sim_stats {
  uint64_t runs, steps, commits, events, cuts, losses, listings, refused, healed;
} sim_stats;

void world_run(uint64_t seed, sim_stats *stats);

#endif
