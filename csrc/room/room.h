/* SPDX-License-Identifier: MIT
 *
 * room.h - one room on the server: documents, order, members
 *
 * Gives every committed operation the next number, keeps the documents (tree, version, tombstone), keeps the newest operations as
 * ready-made frames in a ring bounded in bytes, and serves each member from its cursor: from the ring while it reaches
 * back that far, else from the documents (docs/protocol.md, 3.2). Knows no socket and no clock: it is told what members say and asked
 * what they are owed, so that a simulator can run it from a seed.
 *
 * Merging waits: an operation in the ring is applied to its document's tree when somebody needs the tree (catching up, digest) or when the
 * ring drops the operation.
 *
 * @locality one thread, the server's loop or the simulator.
 */
#ifndef ATR_ROOM_H
#define ATR_ROOM_H

#include "base/buf.h"
#include "base/id.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct atr_room atr_room;
typedef struct atr_room_member atr_room_member;
struct atr_store;
struct atr_blobs;

typedef struct atr_room_config {
  atr_id id;
  atr_id epoch;
  uint32_t handle;            /* of the room, goes into every binary message */
  uint64_t seq_base;          /* the first operation gets seq_base + 1 */
  const char *name;           /* UTF-8, as shown */
  size_t ring_bytes_max;      /* 0: ATR_RING_BYTES */
  size_t ring_blob_bytes_max; /* 0: ATR_RING_BLOB_BYTES */
  size_t chain_bytes_max;     /* 0: ATR_CHAIN_BYTES */
  size_t tombstones_max;      /* 0: ATR_TOMBSTONES_MAX */
  size_t participants_max;    /* 0: ATR_PARTICIPANTS_MAX */
  size_t staged_bytes_max;    /* 0: ATR_STAGED_BYTES_MAX */
  uint64_t holds_bytes_max;   /* 0: ATR_HOLDS_BYTES_MAX */
  uint64_t blob_bytes_max;    /* 0: ATR_ROOM_BLOB_BYTES_MAX */
  struct atr_store *store;
  struct atr_blobs *blobs;
  bool owns_blobs; /* they are freed with the room, which may outlive atr_room_free() by a commit */
} atr_room_config;

/* None of these may call back into the room. */
typedef struct atr_room_callbacks {
  /* The member has something to pull on that lane (called once per lane until a pull there finds nothing). The control lane
   * carries blob statuses, so it is pulled too. */
  void (*on_wake)(void *ctx, atr_room_member *m, int lane);
  /* The text of one JSON control message for this member: `joined`, `closed`. What it need not have at once is pulled. */
  void (*on_control)(void *ctx, atr_room_member *m, atr_span json);
  /* The participant has come in again over another connection: this member is about to be freed. Forget it; `closed`
   * was sent. */
  void (*on_evicted)(void *ctx, atr_room_member *m);
  /* The store does not keep up: the member's state lane gets no credit from now on; or it does again. May be NULL where the store never
   * waits. */
  void (*on_hold)(void *ctx, atr_room_member *m, bool hold);
} atr_room_callbacks;

typedef struct atr_room_join {
  atr_id participant;
  atr_hash key;
  const char *name;
  float color[3];
  bool returning; /* cursor, partial and epoch are set */
  bool partial;   /* it was cut while catching up: the cursor counts in the documents' order only (protocol, 3.2) */
  uint64_t cursor;
  atr_id epoch;
} atr_room_join;

/* seq_base of a new epoch: above every number of every older one, whoever is the first to return and however little that one has seen.
 * `base` is what the first member says (0: none). Numbers stay below 2^53. */
uint64_t atr_room_seq_base(uint64_t unix_ms, uint64_t base);

int atr_room_new(atr_room **out, const atr_room_config *config, const atr_room_callbacks *cb, void *ctx);
void atr_room_free(atr_room *room);

/* A participant that is still a member (its old connection not yet found dead) is taken over: the old member gets `closed`. `user` is the
 * caller's handle of the member (its connection). The `joined` answer goes through on_control before this returns. */
int atr_room_join_member(atr_room *room, const atr_room_join *join, void *user, atr_room_member **out);
/* `for_good`: it said goodbye, and has nothing under way that it could ask about again. */
void atr_room_leave(atr_room *room, atr_room_member *m, bool for_good);
void *atr_room_member_user(const atr_room_member *m);

/* One state or blob-negotiation or presence message from a member. < 0: the peer broke the protocol and must be cut. */
int atr_room_receive(atr_room *room, atr_room_member *m, int lane, atr_span message);
/* As atr_session_pull: frames that the member is owed on that lane, in order. */
int64_t atr_room_pull(atr_room_member *m, int lane, atr_buf *out, size_t budget);

/* < 0: memory was too short to keep what was committed, and the room has ended. Its members are cut and bring it back in a new epoch, under the same
 * id: it is to be forgotten, and freed when they have left. */
int atr_room_failed(const atr_room *room);
uint64_t atr_room_head(const atr_room *room);
size_t atr_room_members(const atr_room *room);
size_t atr_room_documents(const atr_room *room); /* living ones */
size_t atr_room_tombstones(const atr_room *room);
/* The document's tree at the head as JSON text, or ATR_NOENT or ATR_GONE: for tests, tools and, later, the store. */
int atr_room_document(atr_room *room, const atr_id *doc, atr_buf *out, uint64_t *seq);
/* Bytes of its documents and of the blobs that they name, each once, with those that edits have replaced and no merge has given back yet: what a
 * list of rooms shows. */
size_t atr_room_size(const atr_room *room);
size_t atr_room_memory(
    const atr_room *room); /* bytes held by ring, trees, tombstones, outcomes: checked against the limits by tests */

#endif
