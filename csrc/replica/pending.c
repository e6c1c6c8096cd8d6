/* SPDX-License-Identifier: MIT
 *
 * Own operations: from submit until the server has settled them.
 *
 * An operation gets its counter, and is sent, when nothing stands before it any more: its blobs are with the server, the
 * earlier operations on its document have theirs, and so have the documents that its constructor needs. What it waits for keeps a list of
 * those that wait, so nothing here walks all that is pending. After a new connection everything that the server has not
 * settled starts again: blobs it was sent may be gone.
 *
 * The own preview of a document is an operation without counter that the next one replaces. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "replica/internal.h"

#include <utlist.h>

/* --- waiting ------------------------------------------------------------------------------------------------------ */

int rep_wait(waiter **list, pend *who)
{
  waiter *w = malloc(sizeof *w);

  if (!w)
    return ATR_NOMEM;
  w->who = who;
  w->next = *list;
  *list = w;
  who->n_waits++;
  return 0;
}

static void free_pend(pend *p)
{
  cJSON_Delete(p->tree);
  free(p->blobs);
  free(p->bases);
  free(p->needs);
  free(p);
}

void rep_release(atr_replica *r, waiter **list)
{
  waiter *w = *list, *reversed = NULL;

  *list = NULL;
  while (w) { /* in the order in which they began to wait */
    waiter *next = w->next;

    w->next = reversed;
    reversed = w;
    w = next;
  }
  while (reversed) {
    pend *p = reversed->who;

    w = reversed->next;
    free(reversed);
    reversed = w;
    if (--p->n_waits)
      continue;
    if (p->dropped)
      free_pend(p);
    else
      rep_pend_ready(r, p);
  }
}

void rep_forget_waiters(waiter **list)
{
  while (*list) {
    waiter *w = *list;

    *list = w->next;
    w->who->n_waits--;
    if (!w->who->n_waits && w->who->dropped)
      free_pend(w->who);
    free(w);
  }
}

/* --- life of an operation ----------------------------------------------------------------------------------------- */

pend *rep_pend_find(const atr_replica *r, uint64_t counter)
{
  pend *p;

  HASH_FIND(hh, r->by_counter, &counter, sizeof counter, p);
  return p;
}

/* Off every list; those that wait for it go on. */
void rep_pend_drop(atr_replica *r, pend *p)
{
  if (p->in_sendq)
    DL_DELETE2(r->sendq, p, send_prev, send_next);
  p->in_sendq = false;
  if (p->counter)
    HASH_DEL(r->by_counter, p);
  if (p->preview) {
    p->doc->own_preview = NULL;
  } else {
    DL_DELETE(r->pending, p);
    DL_DELETE2(p->doc->pends, p, doc_prev, doc_next);
    r->n_pending--;
    r->pending_bytes -= p->bytes;
  }
  for (uint32_t i = 0; i < p->n_blobs; i++)
    atr_blobs_unref(r->blobs, &p->blobs[i]);
  p->n_blobs = 0;
  p->dropped = true;
  rep_release(r, &p->waiters);
  if (!p->n_waits)
    free_pend(p);
}

static void queue_to_send(atr_replica *r, pend *p)
{
  if (!p->preview) {
    p->counter = r->next_counter++;
    HASH_ADD(hh, r->by_counter, counter, sizeof p->counter, p);
    if (!atr_table_added(
            p)) { /* its answer would not be found: the connection ends, and on the next one it begins anew */
      r->next_counter--;
      p->counter = 0;
      p->in_sendq = false;
      r->is_short = true;
      r->cb.on_wake(r->ctx, ATR_LANE_STATE);
      return;
    }
  }
  DL_APPEND2(r->sendq, p, send_prev, send_next);
  r->cb.on_wake(r->ctx, ATR_LANE_STATE);
  rep_release(r, &p->waiters);
}

/* A chain of operations that wait for each other is as long as all that is pending: a list, not recursion. */
void rep_pend_ready(atr_replica *r, pend *p)
{
  if (!r->online || !r->may_submit || p->n_waits || p->in_sendq || p->counter)
    return;
  p->in_sendq = true;
  DL_APPEND2(r->ready, p, send_prev, send_next);
  if (r->readying)
    return;
  r->readying = true;
  while (r->ready) {
    p = r->ready;
    DL_DELETE2(r->ready, p, send_prev, send_next);
    queue_to_send(r, p);
  }
  r->readying = false;
}

/* Waits for the document's newest operation that has no counter yet, if there is one before `p`. */
static int wait_for_doc(rdoc *d, pend *p)
{
  pend *last = d->pends ? d->pends->doc_prev : NULL;

  while (last && last != p && last->order > p->order)
    last = last == d->pends ? NULL : last->doc_prev;
  if (last == p)
    last = last == d->pends ? NULL : last->doc_prev;
  return last && !last->counter ? rep_wait(&last->waiters, p) : 0;
}

/* Finds out what it has to wait for, and offers its blobs. */
static int start(atr_replica *r, pend *p)
{
  int err = wait_for_doc(p->doc, p);

  for (uint32_t i = 0; i < p->n_needs && !err; i++) {
    rdoc *d = rep_find(r, &p->needs[i]);

    if (d && d != p->doc)
      err = wait_for_doc(d, p);
  }
  for (uint32_t i = 0; i < p->n_blobs && !err; i++)
    err = rep_offer(r, &p->blobs[i], &p->bases[i], p);
  if (!err)
    rep_pend_ready(r, p);
  return err;
}

/* After `joined`: what is settled keeps its counter, everything else begins again from settled + 1. (In another epoch nothing is settled
 * at first, so no counter of an older one is left.) */
int rep_restart_pending(atr_replica *r, uint64_t settled)
{
  rdoc *d, *dtmp;
  pend *p;
  int err = 0;

  r->next_counter = settled + 1;
  DL_FOREACH (r->pending, p) {
    rep_forget_waiters(&p->waiters);
    p->in_sendq = false;
    if (p->counter > settled) {
      HASH_DEL(r->by_counter, p);
      p->counter = 0;
    }
  }
  r->sendq = NULL;
  DL_FOREACH (r->pending, p) {
    if (!err && !p->counter)
      err = start(r, p);
  }
  HASH_ITER (hh, r->docs, d, dtmp) {
    if (!d->own_preview || err)
      continue;
    rep_forget_waiters(&d->own_preview->waiters);
    d->own_preview->in_sendq = false;
    err = start(r, d->own_preview);
  }
  return err;
}

void rep_refuse(atr_replica *r, pend *p, int err, const char *text)
{
  rdoc *d = p->doc;

  rep_part(r, d);
  rep_pend_drop(r, p);
  rep_named(r, d);
  rep_dirty(r, d);
  r->cb.on_refused(r->ctx, &d->id, err, text);
}

/* The server no longer knows what this participant has sent. What was under way may have arrived: sent again, it might be done twice, on
 * top of what others have done since. */
void rep_drop_unsure(atr_replica *r)
{
  pend *p, *tmp;

  DL_FOREACH_SAFE (r->pending, p, tmp) {
    if (p->counter && !p->in_sendq)
      rep_refuse(r, p, ATR_FORGOTTEN, atr_err_text(ATR_FORGOTTEN));
  }
}

/* --- submit ------------------------------------------------------------------------------------------------------- */

typedef struct naming {
  atr_replica *r;
  pend *p;
  uint32_t cap;
} naming;

static int name_blob(void *ctx, const atr_blob_ref *blob, const atr_hash *base)
{
  naming *c = ctx;
  pend *p = c->p;
  const atr_bytes *bytes = atr_blobs_get(c->r->blobs, &blob->hash);

  for (uint32_t i = 0; i < p->n_blobs; i++)
    if (atr_hash_equal(&p->blobs[i], &blob->hash))
      return 0;
  if (!bytes)
    return ATR_NOBLOB;
  if (atr_bytes_len(bytes) != blob->bytes)
    return ATR_BLOB_SIZE;
  if (p->n_blobs == ATR_OP_BLOBS_MAX)
    return ATR_LIMIT;
  if (p->n_blobs == c->cap) {
    uint32_t cap = c->cap ? c->cap * 2 : 4;
    atr_hash *blobs = realloc(p->blobs, cap * sizeof *blobs);
    atr_hash *bases;

    if (!blobs)
      return ATR_NOMEM;
    p->blobs = blobs;
    bases = realloc(p->bases, cap * sizeof *bases);
    if (!bases)
      return ATR_NOMEM;
    p->bases = bases;
    c->cap = cap;
  }
  p->blobs[p->n_blobs] = blob->hash;
  memset(&p->bases[p->n_blobs], 0, sizeof *p->bases);
  if (base)
    p->bases[p->n_blobs] = *base;
  p->n_blobs++;
  return atr_blobs_ref(c->r->blobs, &blob->hash);
}

/* Of the printed text, where what is no character takes `each` bytes per value and a character takes `per_char`. */
static size_t printed_bytes(const cJSON *tree, size_t each, size_t per_char)
{
  size_t n = each;

  if (tree->string)
    n += per_char * strlen(tree->string);
  if (tree->valuestring)
    n += per_char * strlen(tree->valuestring);
  for (const cJSON *one = tree->child; one; one = one->next)
    n += printed_bytes(one, each, per_char);
  return n;
}

/* Never less than it has: a number, a constant and its marks need 32 bytes at most, a character 6 where it is escaped. */
static size_t printed_bytes_at_most(const cJSON *tree)
{
  return printed_bytes(tree, 32, 6);
}

/* Within a tenth for what Blender's objects are made of. */
static size_t printed_bytes_about(const cJSON *tree)
{
  return printed_bytes(tree, 7, 1);
}

/* What no room would take must not get a counter: it could neither be sent nor left out. */
static int check_size(atr_replica *r, const cJSON *tree)
{
  int err;

  if (printed_bytes_at_most(tree) <= ATR_DOC_BYTES_MAX)
    return 0;
  atr_buf_clear(&r->scratch);
  err = atr_json_print(tree, &r->scratch);
  return !err && r->scratch.len <= ATR_DOC_BYTES_MAX ? 0 : ATR_DOC_SIZE;
}

static int check_tree(const atr_submit *op)
{
  if (op->kind == ATR_OP_DELETE)
    return op->tree || op->preview ? ATR_INVAL : 0;
  if (op->kind != ATR_OP_CREATE && op->kind != ATR_OP_EDIT)
    return ATR_INVAL;
  if (!cJSON_IsObject(op->tree))
    return ATR_JSON_TYPE;
  if (op->preview && op->kind != ATR_OP_EDIT)
    return ATR_INVAL;
  if (op->kind == ATR_OP_CREATE && atr_json_has_null(op->tree))
    return ATR_JSON_NULL;
  return atr_tags_check(op->tree);
}

/* Takes op->tree over on success. */
static int new_pend(atr_replica *r, rdoc *d, atr_submit *op, pend **out)
{
  pend *p = calloc(1, sizeof *p);
  naming c = {r, p, 0};
  int err = 0;

  *out = NULL;
  if (!p)
    return ATR_NOMEM;
  p->doc = d;
  p->kind = (uint8_t)op->kind;
  p->preview = op->preview;
  p->action = op->action;
  p->order = ++r->submissions;
  if (op->n_needs) {
    p->needs = malloc(op->n_needs * sizeof *p->needs);
    if (p->needs)
      memcpy(p->needs, op->needs, op->n_needs * sizeof *p->needs);
    p->n_needs = (uint32_t)op->n_needs;
    err = p->needs ? 0 : ATR_NOMEM;
  }
  if (!err && op->tree)
    err = rep_warm(r, d);
  if (!err && op->tree)
    err = rep_visit_blobs(op->tree, d->tree, name_blob, &c);
  if (err) {
    for (uint32_t i = 0; i < p->n_blobs; i++)
      atr_blobs_unref(r->blobs, &p->blobs[i]);
    free_pend(p);
    return err;
  }
  p->bytes = ATR_OP_HEADER_BYTES + (op->tree ? printed_bytes_about(op->tree) : 0);
  p->tree = op->tree;
  op->tree = NULL;
  *out = p;
  return 0;
}

static int add_to_told(atr_replica *r, rdoc *d, const pend *p)
{
  cJSON *told = NULL;

  if (p->kind == ATR_OP_EDIT)
    return d->told ? atr_patch_apply(&d->told, p->tree) : 0;
  if (p->kind == ATR_OP_CREATE && !(told = cJSON_Duplicate(p->tree, true)))
    return ATR_NOMEM;
  rep_put_told(r, d, told);
  d->told_unsure = false;
  return 0;
}

/* What the application holds after its edit. Where it had not seen all events of the document it will apply those over
 * the edit (docs/architecture.md, "Two queues, one order"). */
static int account(atr_replica *r, rdoc *d, const pend *p, uint64_t seen)
{
  bool crossed = d->last_event > seen;
  int err;

  if (!crossed && d->told_shown && !d->own_preview)
    return 0; /* it shows the operation, and so do we */
  err = rep_part(r, d);
  rep_dirty(r, d);
  if (!err)
    err = rep_warm_told(r, d);
  if (err)
    return err;
  if (!crossed)
    return add_to_told(r, d, p);
  if (p->kind == ATR_OP_EDIT && d->told)
    return rep_taint(&d->told, p->tree);
  d->told_unsure = true;
  return 0;
}

static bool lives(const rdoc *d)
{
  bool alive = rdoc_lives(d);

  for (const pend *p = d->pends; p; p = p->doc_next)
    alive = p->kind == ATR_OP_CREATE || (alive && p->kind == ATR_OP_EDIT);
  return alive;
}

void rep_drop_dead_preview(atr_replica *r, rdoc *d)
{
  if (d->own_preview && !lives(d))
    rep_pend_drop(r, d->own_preview);
}

/* An operation that names the document makes the application show that very name. */
static void forget_show(atr_replica *r, rdoc *d, const pend *p)
{
  if (p->kind == ATR_OP_EDIT && !atr_json_get(p->tree, "name"))
    return;
  free(d->told_show);
  d->told_show = NULL;
  if (d->name.show)
    rep_dirty(r, d);
}

int atr_replica_submit(atr_replica *r, atr_submit *op)
{
  int err = check_tree(op);
  rdoc *d = NULL;
  pend *p = NULL;

  if (!err && op->tree)
    err = check_size(r, op->tree);
  if (!err && !op->preview && r->n_pending >= ATR_PENDING_MAX)
    err = ATR_FULL;
  if (!err && !(d = rep_get(r, &op->doc)))
    err = ATR_NOMEM;
  if (!err)
    err = new_pend(r, d, op, &p);
  if (err)
    goto Exit;
  err = account(r, d, p, op->seen);
  if (d->own_preview)
    rep_pend_drop(r, d->own_preview);
  if (p->preview && !lives(d)) { /* deleted, which the application has not seen yet */
    d->own_preview = p;
    rep_pend_drop(r, p);
    goto Exit;
  }
  if (p->preview) {
    d->own_preview = p;
  } else {
    DL_APPEND(r->pending, p);
    DL_APPEND2(d->pends, p, doc_prev, doc_next);
    r->n_pending++;
    r->pending_bytes += p->bytes;
    if (rep_names(p->kind, p->tree))
      rep_named(r, d);
  }
  forget_show(r, d, p);
  if (r->online)
    err = start(r, p);
Exit:
  cJSON_Delete(op->tree);
  op->tree = NULL;
  if (err && d)
    rep_doc_forget(r, d);
  rep_cool(r);
  return err;
}
