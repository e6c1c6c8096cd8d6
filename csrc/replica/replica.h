/* SPDX-License-Identifier: MIT
 *
 * replica.h - one room on the client: confirmed state, own pending operations, cursor
 *
 * Holds what the room is known to be (confirmed) and what this participant has done on top (pending), and tells the application, document by
 * document, what to show: the difference between what it was last told and confirmed-with-pending-replayed. The
 * difference is taken when the application has room for it, so a slow application costs nothing but coalescing.
 *
 * Order between the two directions: events to the application are numbered; a submit says which of them the application had seen. What the
 * application was told but had not seen when it edited counts as newer on its side, so the replica repeats its own view (docs/architecture.md, "Two
 * queues, one order").
 *
 * Knows no socket and no clock. @locality one thread, the client's loop or the simulator.
 */
#ifndef ATR_REPLICA_H
#define ATR_REPLICA_H

#include "base/buf.h"
#include "base/id.h"
#include "proto/message.h" /* enum atr_op_kind */

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct atr_replica atr_replica;
struct atr_blobs;

/* What the application is told of one document. `tree` is the whole tree (create: it replaces what the application holds, if
 * anything), a merge patch (edit; may be empty where only `show` changed), NULL (delete); owned by the replica, valid during the call. */
typedef struct atr_replica_event {
  uint64_t n; /* number of the event: what submit's `seen` refers to */
  atr_id doc;
  enum atr_op_kind kind;
  const cJSON *tree;
  const char *show; /* the name to show where another document has the same one and came first; else NULL */
  uint64_t seq;     /* the document's version */
  uint32_t by;      /* member that made the newest change contained; 0: not known */
} atr_replica_event;

typedef struct atr_replica_callbacks {
  /* Deliver one event; called from receive, submit and deliver. ATR_FULL: the application's queue is full; the replica keeps the difference and tries again at
   * atr_replica_deliver(). */
  int (*on_event)(void *ctx, const atr_replica_event *event);
  /* An own operation was refused and dropped; corrective events follow. */
  void (*on_refused)(void *ctx, const atr_id *doc, int err, const char *text);
  /* Something can be pulled for the server on that lane: control (offers, requests for blobs), state or bulk. */
  void (*on_wake)(void *ctx, int lane);
  /* Everything up to `seq` is complete and delivered (joined, or caught up). `progress` 0..1 while catching up. */
  void (*on_progress)(void *ctx, double progress, bool complete, uint64_t seq);
  /* What was confirmed here differed from the server's document of the very same version, which takes its place. It should never happen. */
  void (*on_healed)(void *ctx, const atr_id *doc, uint64_t seq);
} atr_replica_callbacks;

typedef struct atr_submit {
  enum atr_op_kind kind;
  atr_id doc;
  uint64_t action;
  bool preview;
  uint64_t seen;       /* number of the last event that the application had processed */
  const atr_id *needs; /* documents that its constructor needs: it is not sent before them */
  size_t n_needs;
  cJSON *tree; /* taken over, also on failure; NULL for delete */
} atr_submit;

int atr_replica_new(atr_replica **out, const atr_id *participant, struct atr_blobs *blobs,
                    const atr_replica_callbacks *cb, void *ctx);
void atr_replica_free(atr_replica *r);

/* Keeps so many tombstones instead of ATR_TOMBSTONES_MAX: for tests. */
void atr_replica_keep_tombstones(atr_replica *r, size_t max);

/* Whoever begins a preview ends it, whatever happens to the document meanwhile: with a durable operation on it or an empty preview.
 * Errors: ATR_FULL at ATR_PENDING_MAX: nothing was taken in (the tree is freed all the same). */
int atr_replica_submit(atr_replica *r, atr_submit *op);

/* What to say in `join`: cursor, partial and epoch, or false for a newcomer. */
bool atr_replica_returning(const atr_replica *r, uint64_t *cursor, bool *partial, atr_id *epoch);
/* The server's `joined` (parsed). Begins catching up; pending operations are sent again as needed, or, where the server has forgotten this
 * participant, those that were under way are refused with ATR_FORGOTTEN. */
int atr_replica_joined(atr_replica *r, const cJSON *joined);
void atr_replica_disconnected(atr_replica *r);

int atr_replica_receive(atr_replica *r, int lane, atr_span message);
int64_t atr_replica_pull(atr_replica *r, int lane, atr_buf *out, size_t budget);

/* Tries to deliver what is owed to the application, at most `max` events. Returns how many. */
int atr_replica_deliver(atr_replica *r, int max);
/* Idle work: queue digests of up to `max` documents for comparison. */
void atr_replica_idle(atr_replica *r, int max);

size_t atr_replica_pending(const atr_replica *r); /* own operations not yet acknowledged */
/* Bytes of theirs, and of the blobs that are to go to the server: those that it was not offered yet or has not answered for, and of those that
 * it wants what has not left. Between two connections nobody knows which blobs these will be, and none count. */
uint64_t atr_replica_unsent(const atr_replica *r);
uint64_t atr_replica_cursor(const atr_replica *r); /* all up to here is confirmed */
/* The highest number ever seen, in any epoch: `base` when a lost room is created anew. */
uint64_t atr_replica_highest(const atr_replica *r);
/* The confirmed tree, borrowed until the next call of any other function here; NULL where there is none. */
const cJSON *atr_replica_confirmed(atr_replica *r, const atr_id *doc, uint64_t *seq);
bool atr_replica_delivered(
    const atr_replica *r,
    uint64_t seq); /* all up to seq was handed to the application (parked documents count as listed) */
/* How many documents' trees are kept ready for the next edit; the others rest in a compact form. ATR_WARM_DOCS unless said otherwise. */
void atr_replica_keep_warm(atr_replica *r, size_t docs);
/* Documents that wait for blobs. */
size_t atr_replica_parked(const atr_replica *r);
/* Documents that are known to be deleted. */
size_t atr_replica_tombstones(const atr_replica *r);
/* Whether everything that is owed to the application was delivered; parked documents count as listed. */
bool atr_replica_told_all(const atr_replica *r);
size_t atr_replica_memory(const atr_replica *r);   /* bytes held for documents and pending operations */
uint64_t atr_replica_healed(const atr_replica *r); /* digests that differed, since the start */

#endif
