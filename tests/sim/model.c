/* SPDX-License-Identifier: MIT
 *
 * The order of commits and what it means, written down a second time as plainly as possible: a list, linear search,
 * recursion. Shares nothing with the room but the JSON tree and the reader of messages. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json.h"
#include "proto/message.h"
#include "proto/tags.h"
#include "sim.h"

char *sim_text(const cJSON *tree)
{
  atr_buf text;
  size_t n;
  char *s;

  if (!tree)
    return strdup("(none)");
  atr_buf_init(&text, SIZE_MAX / 2);
  if (atr_json_canonical(tree, &text))
    sim_fail("a tree cannot be printed");
  atr_buf_append_u8(&text, 0);
  s = (char *)atr_buf_detach(&text, &n);
  return s;
}

bool sim_same(const cJSON *a, const cJSON *b)
{
  char *x = sim_text(a), *y = sim_text(b);
  bool same = strcmp(x, y) == 0;

  free(x);
  free(y);
  return same;
}

static bool is_item(const char *key)
{
  return key[0] == '@';
}

static void set(cJSON *object, const char *key, cJSON *value)
{
  cJSON_DeleteItemFromObjectCaseSensitive(object, key);
  if (value)
    cJSON_AddItemToObject(object, key, value);
}

/* RFC 7396 and the rule of items (docs/protocol.md, 3.1). Returns what `target` becomes. */
static cJSON *merge(cJSON *target, const cJSON *patch)
{
  if (!cJSON_IsObject(patch)) {
    cJSON_Delete(target);
    return cJSON_Duplicate(patch, true);
  }
  if (!cJSON_IsObject(target)) {
    cJSON_Delete(target);
    target = cJSON_CreateObject();
  }
  for (const cJSON *p = patch->child; p; p = p->next) {
    cJSON *old = cJSON_GetObjectItemCaseSensitive(target, p->string);

    if (cJSON_IsNull(p)) {
      set(target, p->string, NULL);
    } else if (is_item(p->string) && !cJSON_IsObject(p)) {
      continue;
    } else if (is_item(p->string) && cJSON_GetObjectItemCaseSensitive(p, "type")) {
      set(target, p->string, merge(NULL, p));
    } else if (is_item(p->string) && !old) {
      continue;
    } else {
      cJSON *copy = old ? cJSON_Duplicate(old, true) : NULL;

      set(target, p->string, merge(copy, p));
    }
  }
  return target;
}

void model_reset(model *m, uint64_t seq_base)
{
  for (size_t i = 0; i < m->n; i++)
    cJSON_Delete(m->docs[i].tree);
  memset(m, 0, sizeof *m);
  m->seq = seq_base;
}

model_doc *model_find(model *m, const atr_id *id)
{
  for (size_t i = 0; i < m->n; i++)
    if (atr_id_equal(&m->docs[i].id, id))
      return &m->docs[i];
  return NULL;
}

static model_doc *get(model *m, const atr_id *id)
{
  model_doc *d = model_find(m, id);

  if (d)
    return d;
  if (m->n == sizeof m->docs / sizeof *m->docs)
    sim_fail("the simulator has too many documents");
  d = &m->docs[m->n++];
  d->id = *id;
  return d;
}

/* What a constructor needs was there before, if only to be deleted again. */
static void check_needs(model *m, const atr_msg_op *op, const cJSON *tree)
{
  const cJSON *ref = atr_json_get(tree, "data");
  atr_id id;

  if (atr_tag_of(ref) == ATR_TAG_REF && !atr_id_from_hex(cJSON_GetArrayItem(ref, 1)->valuestring, ATR_ID_HEX, &id) &&
      !model_find(m, &id))
    sim_fail("document %02x was created before %02x, which it needs", op->op.doc.b[0], id.b[0]);
}

static int commit_one(void *ctx, enum atr_lane lane, const uint8_t *msg, size_t len)
{
  model *m = ctx;
  atr_msg_op op;
  model_doc *d;
  cJSON *tree = NULL;

  if (lane != ATR_LANE_STATE || atr_msg_read_op(atr_span_of(msg, len), &op))
    sim_fail("the store was given something else than an operation");
  if (op.seq != ++m->seq)
    sim_fail("commit %llu follows %llu", (unsigned long long)op.seq, (unsigned long long)m->seq - 1);
  if (op.counter && op.counter <= m->last_counter[op.member % 64])
    sim_fail("member %u: counter %llu was committed twice or out of order", op.member, (unsigned long long)op.counter);
  if (op.counter) {
    m->last_counter[op.member % 64] = op.counter;
    m->commits[op.member % 64]++;
  }
  if (op.counter && m->acted[op.op.action % SIM_ACTIONS])
    sim_fail("member %u: action %llu was committed twice", op.member, (unsigned long long)op.op.action);
  m->acted[op.op.action % SIM_ACTIONS] = op.counter != 0;
  if (op.op.flags & ATR_OP_PREVIEW) {
    SIM_LOG("commit %llu: preview of %02x by %u: %.*s", (unsigned long long)op.seq, op.op.doc.b[0], op.member,
            (int)op.op.json.n, (const char *)op.op.json.p);
    return 0;
  }
  if (op.op.json.n && atr_json_parse((const char *)op.op.json.p, op.op.json.n, &tree))
    sim_fail("a committed operation is no JSON");
  if (m->whole_history && op.op.kind == ATR_OP_CREATE)
    check_needs(m, &op, tree);
  d = get(m, &op.op.doc);
  SIM_LOG("commit %llu: kind %u of %02x by %u, counter %llu", (unsigned long long)op.seq, op.op.kind, d->id.b[0],
          op.member, (unsigned long long)op.counter);
  if (op.op.kind == ATR_OP_EDIT) {
    if (!d->tree)
      sim_fail("an edit of what does not live was committed");
    d->tree = merge(d->tree, tree);
    cJSON_Delete(tree);
  } else {
    if (op.op.kind == ATR_OP_CREATE)
      d->created = op.seq;
    cJSON_Delete(d->tree);
    d->tree = tree;
  }
  d->seq = op.seq;
  d->edited = d->edited || op.counter;
  return 0;
}

void model_commit(model *m, atr_span frames, uint32_t count)
{
  atr_frame_reader *reader = atr_frame_reader_new();
  uint64_t before = m->seq;

  if (atr_frame_reader_feed(reader, frames.p, frames.n, commit_one, m) || atr_frame_reader_held(reader))
    sim_fail("a batch is not whole frames");
  if (m->seq - before != count)
    sim_fail("a batch of %u had %llu operations", count, (unsigned long long)(m->seq - before));
  atr_frame_reader_free(reader);
}

/* --- blobs -------------------------------------------------------------------------------------------------------- */

typedef struct named {
  atr_blob_ref *list;
  size_t n;
} named;

static int add_blob(void *ctx, const atr_blob_ref *blob)
{
  named *all = ctx;

  all->list = realloc(all->list, (all->n + 1) * sizeof *all->list);
  all->list[all->n++] = *blob;
  return 0;
}

static int by_hash(const void *a, const void *b)
{
  return atr_hash_compare(&((const atr_blob_ref *)a)->hash, &((const atr_blob_ref *)b)->hash);
}

size_t model_blob_bytes(model *m)
{
  named all = {0};
  size_t bytes = 0;

  for (size_t i = 0; i < m->n; i++)
    if (m->docs[i].tree && atr_json_visit_blobs(m->docs[i].tree, add_blob, &all))
      sim_fail("a blob's tag is damaged");
  if (all.n)
    qsort(all.list, all.n, sizeof *all.list, by_hash);
  for (size_t i = 0; i < all.n; i++)
    if (!i || by_hash(&all.list[i - 1], &all.list[i]))
      bytes += all.list[i].bytes;
  free(all.list);
  return bytes;
}

/* --- names -------------------------------------------------------------------------------------------------------- */

static const char *text_of(const model_doc *d, const char *key)
{
  const char *s = "";

  atr_json_get_str(d->tree, key, &s);
  return s;
}

static size_t stem_length(const char *name)
{
  size_t n = strlen(name);

  if (n <= 56)
    return n;
  for (n = 56; ((unsigned char)name[n] & 0xc0) == 0x80;)
    n--;
  return n;
}

static bool same_pool(const model_doc *a, const model_doc *b)
{
  const char *x = text_of(a, "name"), *y = text_of(b, "name");

  return a->tree && b->tree && strcmp(text_of(a, "type"), text_of(b, "type")) == 0 &&
         stem_length(x) == stem_length(y) && memcmp(x, y, stem_length(x)) == 0;
}

static bool comes_before(const model_doc *a, const model_doc *b)
{
  return a->created < b->created || (a->created == b->created && atr_id_compare(&a->id, &b->id) < 0);
}

static bool is_first(model *m, const model_doc *d)
{
  for (size_t i = 0; i < m->n; i++) {
    const model_doc *o = &m->docs[i];

    if (same_pool(o, d) && strcmp(text_of(o, "name"), text_of(d, "name")) == 0 && comes_before(o, d))
      return false;
  }
  return true;
}

static bool is_own_name(model *m, const model_doc *like, const char *name)
{
  for (size_t i = 0; i < m->n; i++)
    if (m->docs[i].tree && strcmp(text_of(&m->docs[i], "type"), text_of(like, "type")) == 0 &&
        strcmp(text_of(&m->docs[i], "name"), name) == 0)
      return true;
  return false;
}

const char *model_show(model *m, const model_doc *d)
{
  static char name[300];
  unsigned before = 1, number = 0;
  size_t stem = stem_length(text_of(d, "name"));

  if (is_first(m, d))
    return NULL;
  for (size_t i = 0; i < m->n; i++)
    before += same_pool(&m->docs[i], d) && comes_before(&m->docs[i], d) && !is_first(m, &m->docs[i]);
  while (before) {
    snprintf(name, sizeof name, "%.*s.%03u", (int)stem, text_of(d, "name"), ++number);
    before -= !is_own_name(m, d, name);
  }
  return name;
}
