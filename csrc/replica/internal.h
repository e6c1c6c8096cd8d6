/* SPDX-License-Identifier: MIT
 *
 * The replica's parts. Only csrc/replica includes this.
 *
 * What is shown of a document is built in layers: confirmed, the newest preview of somebody else, own pending operations in the order of
 * submission, the own preview. `told` is what the application holds. Both are the same most of the time, and then `told`
 * is not stored at all (TOLD_SHOWN): an own edit and its acknowledgement change neither the one relative to the other, and a
 * remote edit that the application takes at once is passed on as it came. Only where the two come apart, `told` becomes a
 * tree of its own until the difference was delivered.
 *
 * Most documents rest: their confirmed tree is kept in the compact form of proto/compact.h, a thirtieth of its memory. Those that were used last are
 * warm. A borrowed tree stays until the end of the call from outside, since documents are made compact there only.
 *
 * docs.c: layers and delivery. rest.c: warm trees and compact ones. pending.c: submit, counters, sending. receive.c: what the server says. transfer.c: blobs.
 * reconcile.c: digests and epochs. taint.c: edits that crossed with events. names.c: equal names. */
#ifndef ATR_REPLICA_INTERNAL_H
#define ATR_REPLICA_INTERNAL_H

#include "base/limits.h"
#include "base/mem.h"
#include "base/table.h"
#include "blob/blobs.h"
#include "blob/refs.h"
#include "blob/xfer.h"
#include "proto/compact.h"
#include "proto/json.h"
#include "proto/keys.h"
#include "proto/message.h"
#include "proto/patch.h"
#include "proto/tags.h"
#include "replica/names.h"
#include "replica/replica.h"

typedef struct rdoc rdoc;
typedef struct pend pend;
typedef struct want want;

typedef struct waiter { /* `who` may not be sent before the one in whose list this is */
  struct waiter *next;
  pend *who;
} waiter;

struct pend {                /* an own operation, from submit until the server has settled it; or the own preview */
  pend *prev, *next;         /* of the replica, in the order of submission */
  pend *doc_prev, *doc_next; /* of the document */
  pend *send_prev, *send_next;
  UT_hash_handle hh; /* by counter, while it has one */
  rdoc *doc;
  cJSON *tree;
  atr_hash *blobs;
  atr_hash *bases; /* per blob: the one that it replaces, or zeros */
  atr_id *needs;
  waiter *waiters;
  uint64_t counter; /* 0: not ready to be sent */
  uint64_t action;
  uint64_t order; /* number of submission */
  size_t bytes;   /* of its text, about */
  uint32_t n_blobs, n_needs, n_waits;
  uint8_t kind;
  bool preview;
  bool in_sendq;
  bool dropped; /* freed when nothing that it waits for points to it any more */
};

typedef struct resting { /* a tree in its compact form */
  uint8_t *bytes;        /* NULL: none */
  uint32_t n;
} resting;

struct rdoc {
  UT_hash_handle hh;
  atr_id id;
  cJSON *tree;  /* confirmed, while it is warm (rest.c) */
  resting rest; /* confirmed, while it is not; neither: does not live */
  rdoc *warm_prev, *warm_next;
  uint64_t seq; /* 0: never heard of */
  uint64_t created;
  uint64_t preview_seq;
  cJSON *preview;
  cJSON *told; /* where !told_shown; NULL: the application has none */
  resting told_rest;
  pend *pends;
  pend *own_preview;
  char *told_show;
  atr_blob_refs blobs; /* of `confirmed` */
  rdoc *dirty_prev, *dirty_next;
  rdoc *tomb_prev, *tomb_next; /* not NULL: in the list of tombstones */
  atr_name name;
  want **wants; /* blobs that it waits for */
  uint64_t last_event;
  uint64_t checked_seq; /* whose digest was compared */
  uint32_t warmed;      /* the tick of its last use */
  uint32_t preview_member;
  uint32_t by;
  uint32_t live_gen;
  uint32_t n_wants;
  bool told_shown;  /* told is what is shown */
  bool told_unsure; /* the next event must be whole */
  bool dirty;       /* in the list of what is to be delivered */
  bool parked;      /* waits for blobs */
  bool old_epoch;   /* not yet heard of in this epoch */
  bool wanted;      /* the server asked to have it brought back */
  bool brought;     /* and has got it */
};

struct want { /* a blob that is to be fetched */
  UT_hash_handle hh;
  atr_hash hash, base;
  uint64_t bytes; /* as who names it says */
  rdoc **docs;
  uint32_t n_docs;
  uint32_t looked; /* r->looks of the last document that was found to need it */
  bool asked;
  bool unknown; /* to the server */
  bool again;   /* wanted once more since it was asked for */
};

typedef struct offer {
  UT_hash_handle hh;
  struct offer *prev, *next; /* while not offered yet */
  atr_hash hash, base;
  waiter *waiters;
  uint64_t bytes; /* that are to go, as far as is known before the server has answered */
  bool offered;
} offer;

struct atr_replica {
  atr_id participant;
  atr_blobs *blobs;
  atr_replica_callbacks cb;
  void *ctx;

  rdoc *docs;
  rdoc *dirty;
  rdoc *tombs; /* oldest first */
  size_t n_confirmed, n_parked, n_old, n_tombs, tombs_max;
  uint64_t forgotten_event; /* newest event of a document that was forgotten */
  atr_names *names;
  atr_words *words;
  rdoc *warm; /* the one that was used last comes first */
  size_t n_warm, warm_max;
  uint32_t ticks;  /* of idle time */
  uint64_t events; /* number of the last one */
  uint64_t submissions;
  size_t memory;

  bool online;     /* between joined and disconnected */
  bool may_submit; /* what is brought back goes first */
  bool is_short;   /* of memory: the next pull fails */
  uint32_t handle, self;
  bool has_epoch;
  atr_id epoch;     /* of what is confirmed */
  atr_id now_epoch; /* of the room, while they differ */
  bool comparing;
  uint64_t cursor;
  uint64_t highest; /* ever, except the cursor itself */
  bool whole;       /* all documents are of the cursor's age */
  uint64_t target, pass_from;
  uint64_t settled;       /* own operations up to here are part of the documents that come */
  uint64_t settled_whole; /* and up to here of the whole */
  bool in_pass;           /* catching up */
  bool told_complete;
  double progress;        /* told, of this join */
  uint64_t pass_bytes;    /* of documents that came in this pass */
  uint64_t wanted_bytes;  /* of blobs that are wanted, */
  uint64_t fetched_bytes; /* and of those that were and have come */
  uint64_t named_bytes;   /* of blobs of the whole room, as the server said at the join; 0: not known */
  uint32_t live_gen;
  bool live_begun;

  pend *pending;
  pend *by_counter;
  pend *sendq;
  pend *ready; /* about to get their counters */
  bool readying;
  size_t n_pending;
  uint64_t pending_bytes;
  uint64_t next_counter;

  atr_xfer *xfer;
  offer *offers, *offers_queue;
  uint32_t n_offered;
  uint64_t offered_bytes; /* those of all offers */
  want *wants;
  size_t n_unasked, n_awaited; /* not asked for yet; asked for, and no answer so far */
  uint32_t looks;              /* how often a document was looked at for what it needs */

  atr_id *recreate;
  size_t n_recreate, at_recreate;
  bool want_begun;
  rdoc *idle_at;
  uint64_t healed;
  atr_buf out; /* frames for the state lane that are ready */
  atr_buf scratch;
};

static inline uint64_t rdoc_number(const rdoc *d)
{
  return d->seq > d->preview_seq ? d->seq : d->preview_seq;
}

/* docs.c */
rdoc *rep_find(const atr_replica *r, const atr_id *id);
rdoc *rep_get(atr_replica *r, const atr_id *id);
void rep_doc_free(atr_replica *r, rdoc *d);
/* To be called when a document has got a number, or has died. */
void rep_buried(atr_replica *r, rdoc *d);
/* Forgets the oldest tombstones that are too many. */
void rep_trim_tombs(atr_replica *r);
/* Frees a document of which nothing is known and nothing pending. */
void rep_doc_forget(atr_replica *r, rdoc *d);
/* To be called before what is shown changes in a way that the application does not know of. */
int rep_part(atr_replica *r, rdoc *d);
void rep_dirty(atr_replica *r, rdoc *d);
bool rep_names(enum atr_op_kind kind, const cJSON *tree);
void rep_named(atr_replica *r, rdoc *d);
void rep_end_preview(atr_replica *r, rdoc *d);
int rep_set_confirmed(atr_replica *r, rdoc *d, cJSON *tree);
int rep_shown(const atr_replica *r, const rdoc *d, cJSON **owned, const cJSON **shown);
int rep_emit(atr_replica *r, rdoc *d, enum atr_op_kind kind, const cJSON *tree);

/* rest.c */
static inline bool rdoc_lives(const rdoc *d)
{
  return d->tree || d->rest.bytes;
}
static inline bool rdoc_has_told(const rdoc *d)
{
  return d->told || d->told_rest.bytes;
}
/* Makes d->tree be there, where the document lives. */
int rep_warm(atr_replica *r, rdoc *d);
/* The same for d->told, where there is one of its own. */
int rep_warm_told(atr_replica *r, rdoc *d);
void rep_put_told(atr_replica *r, rdoc *d, cJSON *told);
/* The confirmed tree without keeping it warm: *tree is borrowed, or the same as *owned, which the caller deletes. */
int rep_read(const atr_replica *r, const rdoc *d, cJSON **owned, const cJSON **tree);
/* Another confirmed tree (NULL: none); takes it over. */
void rep_put(atr_replica *r, rdoc *d, cJSON *tree);
/* At the end of a call from outside: no more than warm_max stay. */
void rep_cool(atr_replica *r);
/* Once per idle tick: what has not been used for a while. */
void rep_cool_idle(atr_replica *r);

/* taint.c */
int rep_taint(cJSON **told, const cJSON *patch);
/* Takes the marks out of a difference that has named what they stood for. */
void rep_untaint(cJSON *patch);

/* pending.c */
pend *rep_pend_find(const atr_replica *r, uint64_t counter);
void rep_pend_drop(atr_replica *r, pend *p);
/* The application hears that the document is gone, and will not end its preview. */
void rep_drop_dead_preview(atr_replica *r, rdoc *d);
void rep_pend_ready(atr_replica *r, pend *p);
void rep_refuse(atr_replica *r, pend *p, int err, const char *text);
int rep_restart_pending(atr_replica *r, uint64_t settled);
void rep_drop_unsure(atr_replica *r);
void rep_release(atr_replica *r, waiter **list);
int rep_wait(waiter **list, pend *who);
void rep_forget_waiters(waiter **list);

/* transfer.c */
int rep_offer(atr_replica *r, const atr_hash *hash, const atr_hash *base, pend *who);
int rep_want(atr_replica *r, rdoc *d, const atr_blob_ref *blob, const atr_hash *base);
/* The document was looked at: what it was not found to need it waits for no more. */
void rep_drop_stale_wants(atr_replica *r, rdoc *d);
int rep_receive_status(atr_replica *r, atr_span message);
void rep_transfer_start(atr_replica *r);
void rep_transfer_stop(atr_replica *r);
int64_t rep_pull_control(atr_replica *r, atr_buf *out, size_t budget);
void rep_on_received(void *ctx, const atr_hash *hash);
void rep_transfer_free(atr_replica *r);
/* Calls visit(ctx, blob, base) for each blob of `patch`; base is the blob of equal size at the same place in `old`, or NULL. */
typedef int (*rep_blob_visit)(void *ctx, const atr_blob_ref *blob, const atr_hash *base);
int rep_visit_blobs(const cJSON *patch, const cJSON *old, rep_blob_visit visit, void *ctx);

/* receive.c */
int rep_apply(atr_replica *r, rdoc *d, uint8_t kind, cJSON *tree, uint64_t seq, uint32_t member);

/* reconcile.c */
int rep_end_previews(atr_replica *r);
int rep_end_previews_of(atr_replica *r, uint32_t member);
int rep_begin_compare(atr_replica *r);
int rep_receive_want(atr_replica *r, atr_span message);
int rep_receive_live(atr_replica *r, atr_span message);
void rep_heard(atr_replica *r, rdoc *d);
void rep_end_pass(atr_replica *r);
/* Puts the next frames of what is to be brought back into r->out. */
int rep_fill_recreate(atr_replica *r);

#endif
