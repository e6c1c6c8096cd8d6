/* SPDX-License-Identifier: MIT
 *
 * The room's parts and how they hold together. Only csrc/room includes this.
 *
 * An operation's way: receive.c reads and checks a SUBMIT, commit.c encodes it once as the OP message that everybody will
 * get, hands it to the store and, when that is done, puts it into the ring (ring.c) and into its document (docs.c).
 * serve.c gives each member what its cursor lacks. reconcile.c compares digests and epochs, transfer.c moves blobs.
 *
 * Documents are kept as JSON text: it is what a joiner is sent, and takes a tenth of a tree's memory. Operations on a
 * document that are still in the ring are linked from it (`chain_first`, entry.chain_next) and merged into the text when the
 * oldest of them is dropped, somebody needs the text, or they have become as long as the text and ATR_CHAIN_BYTES; all of them at once,
 * so that a document that changes sixty times a second is parsed and printed every few seconds. */
#ifndef ATR_ROOM_INTERNAL_H
#define ATR_ROOM_INTERNAL_H

#include "base/limits.h"
#include "base/table.h"
#include "blob/blobs.h"
#include "blob/refs.h"
#include "blob/xfer.h"
#include "proto/json.h"
#include "proto/message.h"
#include "proto/tags.h"
#include "room/room.h"
#include "store/store.h"

/* A place in the order of last changes: a document, or the mark of a member that catches up. */
typedef struct node {
  struct node *prev, *next;
  bool is_mark;
} node;

typedef struct preview {
  struct preview *prev, *next; /* of the same member */
  struct room_doc *doc;
  struct atr_room_member *member;
  uint32_t number; /* the member's */
  bool is_orphan;  /* in room->orphans, to be ended by the room: its member has left, or its end was lost */
  uint64_t seq;
  uint32_t n_hashes;
  uint32_t json_len;
  uint8_t bytes[]; /* hashes, then the JSON */
} preview;

typedef struct room_doc {
  node order; /* first: a node that is no mark is a document */
  struct room_doc *tomb_prev, *tomb_next;
  struct room_doc *unmerged_prev, *unmerged_next; /* in room->unmerged */
  UT_hash_handle hh;
  atr_id id;
  uint64_t seq;            /* last durable change */
  uint64_t created;        /* number of its newest create: members that missed a delete in between agree on it too */
  uint64_t version;        /* what returning clients are compared with: seq, or that of an older epoch */
  uint64_t preview_seq;    /* newest preview, or the end of one; may be below seq */
  uint64_t unmerged_bytes; /* of the blobs that it named when it was merged, and of those that were named since */
  uint64_t chain_first, chain_last; /* operations in the ring that are not merged yet; 0: none */
  uint64_t chain_edit_bytes;        /* of the texts of those that are edits */
  uint64_t known;                   /* bit per catching-up slot: changed since, but sent before (serve.c) */
  char *json;                       /* NULL before the first merge and for a tombstone */
  uint32_t json_len;
  uint32_t bytes_est;    /* the text's length when it is printed next, at most: with what is not merged */
  uint32_t bytes_staged; /* and what operations between receive and commit may add */
  uint32_t staged;       /* operations between receive and commit */
  atr_blob_refs blobs;
  preview *preview;
  bool alive;          /* as committed */
  bool staged_alive;   /* with what is staged */
  uint64_t digest_seq; /* what `digest` is of; 0: of nothing */
  uint8_t digest[ATR_DIGEST_BYTES];
} room_doc;

typedef struct entry { /* one operation of the ring */
  room_doc *doc;
  uint64_t counter;    /* 0: preview, or brought back; then the sender gets the operation itself */
  uint64_t chain_next; /* next one on the same document; 0 none */
  uint32_t offset, len;
  uint32_t member;
  uint16_t n_blobs;
  uint8_t kind;
  bool preview;
} entry;

typedef struct ring {
  uint8_t *data;
  size_t cap, write, used;
  entry *index; /* by seq modulo index_cap, a power of two */
  size_t index_cap, index_max;
  uint64_t first, next; /* seq numbers: [first, next) are here */
} ring;

typedef struct refused_op {
  uint64_t counter;
  int err;
} refused_op;

typedef struct participant {
  UT_hash_handle hh;
  struct participant *prev, *next; /* those not here, in order of leaving */
  bool for_good;                   /* said goodbye: in room->left instead of room->away */
  uint32_t staged;                 /* operations between receive and commit: they point here */
  atr_id id;
  atr_hash key; /* whose it is: an id is known to all members, and only this key may come as it */
  uint32_t number;
  struct atr_room_member *member; /* NULL while away */
  uint64_t last;                  /* last counter received */
  uint64_t committed;             /* last counter committed */
  refused_op *refused;            /* as they were refused; only what a repeat could still ask for */
  uint32_t n_refused, refused_cap;
} participant;

enum member_mode {
  MODE_RING,    /* gets operations from `next` on */
  MODE_LISTING, /* gets documents behind its mark */
  MODE_COMPARE, /* another epoch: its VERSIONS are awaited, and what it brings back */
};

typedef struct hold {
  atr_hash hash;
  size_t bytes;
  struct hold *next;
} hold;

struct atr_room_member {
  struct atr_room_member *prev, *next;
  atr_room *room;
  void *user;
  participant *part;
  atr_hash key;
  char name[ATR_USER_NAME_BYTES_MAX + 1];
  float color[3];
  uint16_t slot; /* bit in the others' masks */
  uint8_t awake; /* bit per lane: on_wake was called and it has not pulled since */

  enum member_mode mode;
  uint64_t at;       /* MODE_RING: next operation to send */
  uint32_t part_off; /* bytes of it that were sent */
  node mark;         /* MODE_LISTING: all before it was sent */
  uint64_t passed;   /* number of the last document before the mark */
  uint64_t target;   /* head when this pass began */
  uint64_t told_cursor;
  uint64_t settled;  /* own counter that CATCHUP told of, or tells of next */
  int8_t known_slot; /* bit in room_doc.known, or -1 */
  bool pass_begun;   /* CATCHUP of this pass was sent */
  bool need_live;
  bool returning;
  bool want_begun;
  bool want_told;    /* all of WANT: what is brought back comes next, and then the documents go out */
  bool want_ends;    /* LIVE is owed, to tell what became of what it brought back */
  uint64_t versions; /* told so far */

  atr_buf big;     /* frames of messages that did not fit into one pull */
  atr_buf control; /* frames for the control lane */
  atr_buf answers; /* frames of REFUSED, ACK of repeats, WANT, healing documents */
  atr_id *heal;    /* documents to send again */
  uint32_t n_heal;
  int cut;                                     /* the error of its next pull: what it brought back was lost */
  bool held;                                   /* as on_hold said */
  bool members_due;                            /* has not been sent who is here now */
  atr_buf presence;                            /* its newest presence as a frame for the others */
  uint64_t presence_due[ATR_MEMBERS_MAX / 64]; /* whose presence it has not been sent */
  preview *previews;

  atr_xfer *xfer;
  uint32_t offers;  /* open */
  uint32_t getting; /* blobs that it has asked for and that are not here yet */
  uint64_t sought;  /* was told of all that is sought up to this number */
  hold *holds, *holds_last;
  uint32_t n_holds;
  uint64_t holds_bytes;
};

typedef struct staged {
  room_doc *doc;
  participant *part; /* NULL: by the room itself */
  uint64_t seq, counter, version;
  uint32_t offset, len, member;
  uint32_t printed; /* bytes of its JSON as we print it, at most */
  uint8_t kind;
  bool preview;
} staged;

typedef struct stage {
  atr_buf bytes;
  staged *ops;
  size_t n, cap;
} stage;

typedef struct upload upload;

struct atr_room {
  atr_room_config config;
  char name[ATR_ROOM_NAME_BYTES_MAX + 1];
  atr_room_callbacks cb;
  void *ctx;

  room_doc *docs;
  node order;      /* head of the list, by number */
  room_doc *tombs; /* oldest first */
  size_t n_alive, n_tombs;
  room_doc *unmerged; /* edited since they were merged, and with blobs: nobody knows which they still name */
  uint64_t unmerged_bytes;
  uint64_t tombs_floor; /* newest tombstone that was dropped */
  size_t docs_bytes;

  ring ring;
  uint64_t head; /* committed */
  uint64_t staged_head;
  stage stages[2];
  int stage_now; /* being filled; the other is with the store */
  bool in_flight, committing, dying;
  int failed;   /* what was committed could not be kept: the room has ended, with this error */
  bool holding; /* members get no credit for state */

  participant *participants;
  participant *away; /* those that were cut */
  participant *left; /* those that said goodbye */
  uint32_t n_participants, last_number;
  atr_room_member *members;
  size_t n_members;
  atr_room_member *by_slot[ATR_MEMBERS_MAX];
  uint64_t known_slots; /* taken */
  bool ever_joined;

  upload *uploads;
  upload *sought; /* those of them that nobody sends, by number */
  uint64_t last_sought;
  atr_buf members_list; /* `members` as frames; empty: to be written anew */
  preview *orphans;
  atr_buf scratch;
};

static inline uint64_t doc_number(const room_doc *d)
{
  return d->seq > d->preview_seq ? d->seq : d->preview_seq;
}

/* ring.c */
int room_ring_init(ring *r, size_t cap);
void room_ring_free(ring *r);
static inline entry *room_ring_at(const ring *r, uint64_t seq)
{
  return &r->index[seq & (r->index_cap - 1)];
}
/* Takes frames in as the next entry, dropping old ones; false where they are larger than the ring (which is empty then). */
bool room_ring_push(atr_room *room, const uint8_t *frames, size_t len, const entry *e);
void room_ring_drop_through(atr_room *room, uint64_t seq);
/* After a commit: the oldest entries go while what they alone hold in blobs is too much. */
void room_ring_trim_blobs(atr_room *room);
/* The operation's message without frame headers: in place, or gathered in room->scratch. */
int room_message_of(atr_room *room, const uint8_t *frames, size_t len, atr_span *out);

/* docs.c */
/* The blobs that an operation lists; how many. */
size_t room_op_blobs(const atr_op *op, atr_hash out[ATR_OP_BLOBS_MAX]);
room_doc *room_doc_find(const atr_room *room, const atr_id *id);
room_doc *room_doc_add(atr_room *room, const atr_id *id);
void room_doc_free(atr_room *room, room_doc *d);
int room_doc_merge(atr_room *room, room_doc *d);
/* Nothing waits to be merged into it any more. */
void room_doc_unchain(atr_room *room, room_doc *d);
/* Puts a committed operation in: number, life, blobs, place in the order. `in_ring`: it can be merged later. */
void room_doc_commit(atr_room *room, const staged *s, const atr_op *op, bool in_ring);
void room_preview_end(atr_room *room, preview *p);
void room_tombs_trim(atr_room *room);

/* room.c */
/* Who is here. */
int room_append_members(atr_room_member *m, atr_buf *out);

/* commit.c */
/* Takes a checked operation; `part` is NULL for the room's own. `op` is its encoded form, relayed as it is; its JSON prints as `printed` bytes
 * at most. */
int room_stage(atr_room *room, participant *part, uint32_t member, uint64_t counter, uint64_t version, const atr_op *op,
               size_t printed);
void room_flush(atr_room *room);
/* Something that was committed is lost. */
void room_fail(atr_room *room, int err);
/* Whether `n` more bytes may wait for the store. */
bool room_stage_has_room(const atr_room *room, size_t n);
/* Tells a new member whether the store keeps up. */
void room_hold(atr_room *room, atr_room_member *m);
/* The room ends the preview itself, as soon as it can. */
void room_preview_orphan(atr_room *room, preview *p);
void room_end_orphans(atr_room *room);
/* The room itself ends a preview whose member has left, by an operation like any other. */
int room_stage_preview_end(atr_room *room, const atr_id *doc, uint32_t number);

/* receive.c */
/* Remembers the refusal and answers with it. */
void room_refuse(participant *part, uint64_t counter, int err);
/* What REFUSED says about the JSON of an operation (0: nothing), or ATR_PROTO and the like where the peer must be cut. */
int room_check_json(const atr_room *room, const atr_op *op, int *refusal, size_t *printed);
/* ATR_BLOB_SIZE where the blob is here and has another size than the array that a tree makes of it. */
int room_check_blob_size(const atr_room *room, const atr_blob_ref *blob);

/* serve.c */
void room_wake(atr_room_member *m, int lane);
/* The member's next pull fails with `err`: its connection ends, and it comes back to begin anew. */
void room_cut(atr_room_member *m, int err);
/* `last`, which may be NULL, after all others: who is woken first is served first. */
void room_wake_all(atr_room *room, int lane, atr_room_member *last);
void room_begin_pass(atr_room_member *m, uint64_t cursor);
void room_end_pass(atr_room_member *m);
void room_doc_moves(atr_room *room, room_doc *d, uint64_t old_number);
int room_append_doc(atr_room *room, room_doc *d, uint8_t flags, atr_buf *out);

/* reconcile.c */
int room_receive_digest(atr_room_member *m, atr_span message);
int room_receive_versions(atr_room_member *m, atr_span message);
int room_receive_recreate(atr_room_member *m, atr_span message);

/* transfer.c */
int room_receive_offer(atr_room_member *m, atr_span message);
int room_receive_get(atr_room_member *m, atr_span message);
int room_receive_bulk(atr_room_member *m, atr_span message);
void room_release_holds(atr_room_member *m, const atr_op *op);
void room_transfer_leave(atr_room_member *m);
/* The blobs that are missed and that the member was not told of yet: a new one all of them. */
int room_append_sought(atr_room_member *m, atr_buf *out, size_t end);
int room_transfer_init(atr_room_member *m);

#endif
