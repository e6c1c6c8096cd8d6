/* SPDX-License-Identifier: MIT
 *
 * One document: its layers, and the difference that the application is owed.
 *
 * The difference is taken when it is delivered, so it costs nothing to fall behind, and a document that waits for blobs simply is
 * not delivered yet. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "replica/internal.h"

#include <utlist.h>

rdoc *rep_find(const atr_replica *r, const atr_id *id)
{
  rdoc *d;

  HASH_FIND(hh, r->docs, id, sizeof *id, d);
  return d;
}

rdoc *rep_get(atr_replica *r, const atr_id *id)
{
  rdoc *d = rep_find(r, id);

  if (d)
    return d;
  d = calloc(1, sizeof *d);
  if (!d)
    return NULL;
  d->id = d->name.id = *id;
  d->told_shown = true; /* nothing is told and nothing is shown */
  /* Perhaps it was told of before: an edit that crossed with that is then answered in full. */
  d->last_event = r->forgotten_event;
  HASH_ADD(hh, r->docs, id, sizeof d->id, d);
  if (!atr_table_added(d)) {
    free(d);
    return NULL;
  }
  return d;
}

/* --- blobs of the confirmed tree ---------------------------------------------------------------------------------- */

int rep_set_confirmed(atr_replica *r, rdoc *d, cJSON *tree)
{
  rep_put(r, d, tree);
  return atr_blob_refs_recount(&d->blobs, r->blobs, d->tree);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static void bury(atr_replica *r, rdoc *d, bool into)
{
  if (into) {
    DL_APPEND2(r->tombs, d, tomb_prev, tomb_next);
    r->n_tombs++;
  } else {
    DL_DELETE2(r->tombs, d, tomb_prev, tomb_next);
    d->tomb_prev = d->tomb_next = NULL;
    r->n_tombs--;
  }
}

void rep_buried(atr_replica *r, rdoc *d)
{
  if (d->tomb_prev)
    bury(r, d, false);
  if (d->seq && !rdoc_lives(d))
    bury(r, d, true);
}

void rep_doc_free(atr_replica *r, rdoc *d)
{
  if (d->dirty)
    DL_DELETE2(r->dirty, d, dirty_prev, dirty_next);
  if (r->idle_at == d)
    r->idle_at = d->hh.next;
  if (d->tomb_prev)
    bury(r, d, false);
  if (d->last_event > r->forgotten_event)
    r->forgotten_event = d->last_event;
  atr_names_set(r->names, &d->name, NULL, NULL, 0);
  HASH_DEL(r->docs, d);
  rep_put(r, d, NULL);
  cJSON_Delete(d->preview);
  rep_put_told(r, d, NULL);
  atr_blob_refs_drop(&d->blobs, r->blobs);
  free(d->wants);
  free(d->told_show);
  free(d);
}

void rep_doc_forget(atr_replica *r, rdoc *d)
{
  if (d->seq || rdoc_lives(d) || d->pends || d->own_preview || d->dirty || d->n_wants || rdoc_has_told(d) || d->preview)
    return;
  rep_doc_free(r, d);
}

/* What is still owed to the application, or of use to a pending operation, stays. */
static bool may_forget(const atr_replica *r, const rdoc *d)
{
  return d->seq <= r->cursor && !d->pends && !d->own_preview && !d->preview && !rdoc_has_told(d) && !d->dirty &&
         !d->n_wants;
}

enum { TRIM_MAX = 8192 }; /* looked at in one turn; those that must stay go to the end of the list */

/* A tombstone is of use against what is older than it, and on coming to another epoch. Where all is of the cursor's age nothing older can
 * come any more. (Not while offline: what `join` has said of what is held must still be true when it is answered.) */
void rep_trim_tombs(atr_replica *r)
{
  if (!r->online || !r->whole || r->comparing)
    return;
  for (int left = TRIM_MAX; left && r->n_tombs > r->tombs_max; left--) {
    rdoc *d = r->tombs;

    if (!may_forget(r, d)) {
      bury(r, d, false);
      bury(r, d, true);
      continue;
    }
    r->n_confirmed--;
    rep_doc_free(r, d);
  }
}

/* --- layers ------------------------------------------------------------------------------------------------------- */

static int add_pending(cJSON **tree, const pend *p)
{
  if (p->kind == ATR_OP_EDIT)
    return *tree ? atr_patch_apply(tree, p->tree) : 0;
  cJSON_Delete(*tree);
  *tree = NULL;
  if (p->kind == ATR_OP_DELETE)
    return 0;
  *tree = cJSON_Duplicate(p->tree, true);
  return *tree ? 0 : ATR_NOMEM;
}

/* What is shown. *owned is to be deleted by the caller; it is NULL where the confirmed tree itself is shown, and warm, or nothing. */
int rep_shown(const atr_replica *r, const rdoc *d, cJSON **owned, const cJSON **shown)
{
  bool foreign = d->preview && d->preview_member != r->self;
  cJSON *tree;
  int err = rep_read(r, d, owned, shown);

  if (err || (!foreign && !d->pends && !d->own_preview))
    return err;
  tree = *owned;
  if (!tree && *shown && !(tree = cJSON_Duplicate(*shown, true)))
    return ATR_NOMEM;
  if (tree && foreign)
    err = atr_patch_apply(&tree, d->preview);
  for (const pend *p = d->pends; p && !err; p = p->doc_next)
    err = add_pending(&tree, p);
  if (tree && !err && d->own_preview)
    err = atr_patch_apply(&tree, d->own_preview->tree);
  *owned = tree;
  *shown = tree;
  return err;
}

int rep_part(atr_replica *r, rdoc *d)
{
  const cJSON *shown;
  cJSON *owned;
  int err;

  if (!d->told_shown)
    return 0;
  err = rep_shown(r, d, &owned, &shown);
  if (!err && !owned && shown && !(owned = cJSON_Duplicate(shown, true)))
    err = ATR_NOMEM;
  if (err) {
    cJSON_Delete(owned);
    owned = NULL;
    d->told_unsure = true;
  }
  rep_put_told(r, d, owned);
  d->told_shown = false;
  return err;
}

void rep_dirty(atr_replica *r, rdoc *d)
{
  r->told_complete = false;
  if (d->dirty)
    return;
  d->dirty = true;
  DL_APPEND2(r->dirty, d, dirty_prev, dirty_next);
}

void rep_end_preview(atr_replica *r, rdoc *d)
{
  (void)r;
  cJSON_Delete(d->preview);
  d->preview = NULL;
  d->preview_member = 0;
}

/* --- names -------------------------------------------------------------------------------------------------------- */

static const char *text_of(const cJSON *tree, const char *key, const char *otherwise)
{
  const char *text;

  return atr_json_get_str(tree, key, &text) == 0 ? text : otherwise;
}

/* Whether an operation can change which name its document shows. Most are edits that cannot, and computing the name walks all
 * that is pending for the document: a stream of edits would pay for the square of its length. */
bool rep_names(enum atr_op_kind kind, const cJSON *tree)
{
  return kind != ATR_OP_EDIT || atr_json_get(tree, "name") || atr_json_get(tree, "type");
}

/* Own creates that are not acknowledged come after everything else, in their own order. */
void rep_named(atr_replica *r, rdoc *d)
{
  const char *name, *type;
  uint64_t created = d->created;
  bool lives = rdoc_lives(d);
  const cJSON *confirmed;
  cJSON *owned;

  if (rep_read(r, d, &owned, &confirmed))
    return; /* memory is short: it keeps the name that it shows */
  name = text_of(confirmed, "name", NULL);
  type = text_of(confirmed, "type", "");

  for (const pend *p = d->pends; p; p = p->doc_next) {
    if (p->kind == ATR_OP_DELETE) {
      lives = false;
    } else if (p->kind == ATR_OP_CREATE) {
      name = text_of(p->tree, "name", NULL);
      type = text_of(p->tree, "type", "");
      created = (UINT64_C(1) << 63) + p->order;
      lives = true;
    } else if (lives) {
      name = text_of(p->tree, "name", name);
    }
  }
  atr_names_set(r->names, &d->name, type, lives ? name : NULL, created);
  cJSON_Delete(owned);
}

/* --- delivery ----------------------------------------------------------------------------------------------------- */

int rep_emit(atr_replica *r, rdoc *d, enum atr_op_kind kind, const cJSON *tree)
{
  atr_replica_event event = {
      .n = r->events + 1, .doc = d->id, .kind = kind, .tree = tree, .show = d->name.show, .seq = d->seq, .by = d->by};
  int err = r->cb.on_event(r->ctx, &event);
  char *show;

  if (err)
    return err;
  d->last_event = ++r->events;
  show = kind != ATR_OP_DELETE && d->name.show ? strdup(d->name.show) : NULL;
  free(d->told_show);
  d->told_show = show;
  return 0;
}

static bool same_show(const rdoc *d)
{
  const char *a = d->told_show, *b = d->name.show;

  return a == b || (a && b && strcmp(a, b) == 0);
}

/* The event that takes the application from told to shown: its kind, or 0 for none. `*patch` is the caller's. */
static int difference(const rdoc *d, const cJSON *shown, enum atr_op_kind *kind, cJSON **patch, const cJSON **tree)
{
  const cJSON *told = d->told_shown ? shown : d->told;
  int err = 0;

  *kind = 0;
  *patch = NULL;
  *tree = NULL;
  if (!shown) {
    if (told || (!d->told_shown && d->told_unsure))
      *kind = ATR_OP_DELETE;
    return 0;
  }
  if (told && !d->told_shown && !d->told_unsure)
    err = atr_patch_diff(told, shown, patch);
  if (err == ATR_NOMEM)
    return err;
  if (*patch)
    rep_untaint(*patch);
  if (err || !told || (d->told_unsure && !d->told_shown)) { /* a tree that no patch can make goes whole */
    *kind = ATR_OP_CREATE;
    *tree = shown;
    return 0;
  }
  if (!err && !*patch && !same_show(d)) {
    *patch = cJSON_CreateObject();
    err = *patch ? 0 : ATR_NOMEM;
  }
  if (*patch)
    *kind = ATR_OP_EDIT;
  *tree = *patch;
  return err;
}

typedef struct checking {
  atr_replica *r;
  rdoc *d;
  bool missing;
} checking;

static int check_blob(void *ctx, const atr_blob_ref *blob, const atr_hash *base)
{
  checking *c = ctx;
  const atr_bytes *bytes = atr_blobs_get(c->r->blobs, &blob->hash);

  if (bytes && atr_bytes_len(bytes) == blob->bytes)
    return 0;
  c->missing = true;
  if (bytes) /* somebody has named it as an array of another size: nothing that could be shown */
    return 0;
  return rep_want(c->r, c->d, blob, base);
}

enum { DELIVERED, PARKED };

static int deliver_doc(atr_replica *r, rdoc *d)
{
  checking c = {r, d, false};
  enum atr_op_kind kind;
  cJSON *owned = NULL, *patch = NULL;
  const cJSON *shown, *tree;
  int err = rep_warm_told(r, d);

  r->looks++;
  if (!err)
    err = rep_shown(r, d, &owned, &shown);
  if (!err)
    err = difference(d, shown, &kind, &patch, &tree);
  if (!err && tree)
    err = rep_visit_blobs(tree, d->told_shown ? NULL : d->told, check_blob, &c);
  if (!err)
    rep_drop_stale_wants(r, d);
  if (!err && c.missing)
    err = PARKED;
  if (!err && kind)
    err = rep_emit(r, d, kind, tree);
  if (!err) {
    rep_put_told(r, d, NULL);
    d->told_shown = true;
    d->told_unsure = false;
  }
  cJSON_Delete(patch);
  cJSON_Delete(owned);
  return err;
}

/* In bytes: of all that comes most is blobs. Until the last document is here, and was looked at, nobody knows how much there will be: the
 * documents are reckoned from how far the cursor has come, the blobs from what the server says of the room. */
static double progress(const atr_replica *r)
{
  uint64_t blobs = r->fetched_bytes + r->wanted_bytes, here = r->fetched_bytes + atr_xfer_arrived(r->xfer);
  double part = 1, all;

  if (!r->whole && r->target <= r->pass_from)
    return 0; /* nothing has come yet */
  if (!r->whole)
    part = (double)(r->cursor - r->pass_from) / (double)(r->target - r->pass_from);
  if ((!r->whole || r->dirty) && blobs < r->named_bytes)
    blobs = r->named_bytes;
  if (part <= 0)
    return 0;
  all = (double)r->pass_bytes / part + (double)blobs;
  return all > 0 ? ((double)r->pass_bytes + (double)here) / all : part;
}

/* Documents that wait for blobs do not keep it from being complete, but from being 1. */
static void report(atr_replica *r)
{
  bool complete = r->whole && !r->dirty && !r->comparing;
  double value = 1;

  if (!r->online || (r->told_complete && !r->n_parked))
    return;
  if (!complete || r->n_parked)
    value = progress(r);
  if (value > 0.99 && (!complete || r->n_parked))
    value = 0.99;
  if (value < r->progress + 0.01 && (!complete || r->told_complete))
    return;
  if (value > r->progress)
    r->progress = value;
  r->told_complete = complete;
  r->cb.on_progress(r->ctx, r->progress, complete, r->cursor);
}

int atr_replica_deliver(atr_replica *r, int max)
{
  int n = 0;

  atr_names_settle(r->names);
  while (n < max && r->dirty) {
    rdoc *d = r->dirty;
    int err;

    r->n_parked -= d->parked;
    d->parked = false;
    err = deliver_doc(r, d);
    if (err < 0)
      break;
    d->parked = err == PARKED;
    r->n_parked += d->parked;
    DL_DELETE2(r->dirty, d, dirty_prev, dirty_next);
    d->dirty = false;
    n += err == DELIVERED;
    if (err == DELIVERED)
      rep_doc_forget(r, d);
  }
  rep_trim_tombs(r);
  report(r);
  rep_cool(r);
  return n;
}
