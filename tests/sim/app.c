/* SPDX-License-Identifier: MIT
 *
 * An application as Blender is one: it holds what it was told, edits that whenever it likes, and learns of others' changes only when it
 * takes events from its queue. Its edits travel through a queue of their own, so that edits and events cross. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "proto/json.h"
#include "proto/patch.h"
#include "proto/tags.h"
#include "sim.h"

app_doc *app_find(app *a, const atr_id *id)
{
  for (size_t i = 0; i < a->n; i++)
    if (atr_id_equal(&a->docs[i].id, id))
      return &a->docs[i];
  return NULL;
}

static app_doc *get(app *a, const atr_id *id)
{
  app_doc *d = app_find(a, id);

  if (d)
    return d;
  if (a->n == APP_DOCS)
    sim_fail("an application has too many documents");
  d = &a->docs[a->n++];
  memset(d, 0, sizeof *d);
  d->id = *id;
  return d;
}

static void free_event(app_event *e)
{
  cJSON_Delete(e->tree);
  free(e->show);
}

static void free_command(app_command *c)
{
  cJSON_Delete(c->submit.tree);
  atr_bytes_release(c->blob);
}

void app_free(app *a)
{
  for (size_t i = 0; i < a->n; i++) {
    cJSON_Delete(a->docs[i].tree);
    free(a->docs[i].show);
  }
  for (size_t i = 0; i < a->n_events; i++)
    free_event(&a->events[i]);
  for (size_t i = 0; i < a->n_commands; i++)
    free_command(&a->commands[i]);
  memset(a, 0, sizeof *a);
}

/* --- events ------------------------------------------------------------------------------------------------------- */

static int is_here(void *ctx, const atr_blob_ref *blob)
{
  const app *a = ctx;

  if (!atr_blobs_have(a->blobs, &blob->hash))
    sim_fail("an event names a blob that is not here");
  return 0;
}

/* Nobody but this application ever changed the document, and nothing of it is under way: whatever it is told must be what it
 * holds already. Anything else is a flicker. */
static void check_flicker(app *a, const atr_replica_event *event)
{
  app_doc *d = app_find(a, &event->doc);
  cJSON *tree;

  if (d && (a->n_commands || a->n_events)) /* may have crossed with an edit, which is then told again */
    d->only_mine = false;
  if (!d || !d->only_mine)
    return;
  tree = d->tree ? cJSON_Duplicate(d->tree, true) : NULL;
  if (event->kind == ATR_OP_EDIT && tree && atr_patch_apply(&tree, event->tree))
    sim_fail("an event's patch cannot be applied");
  if (!sim_same(event->kind == ATR_OP_EDIT ? tree : event->tree, d->tree))
    sim_fail("document %02x flickers for its only editor:\n  %s is to be\n  %s", d->id.b[0], sim_text(d->tree),
             sim_text(event->kind == ATR_OP_EDIT ? tree : event->tree));
  cJSON_Delete(tree);
}

int app_event_arrives(app *a, const atr_replica_event *event)
{
  app_event *e;

  check_flicker(a, event);
  if (event->tree)
    atr_json_visit_blobs(event->tree, is_here, a);
  if (a->n_events >= a->events_max)
    return ATR_FULL;
  e = &a->events[a->n_events++];
  e->n = event->n;
  e->doc = event->doc;
  e->kind = event->kind;
  e->tree = event->tree ? cJSON_Duplicate(event->tree, true) : NULL;
  e->show = event->show ? strdup(event->show) : NULL;
  return 0;
}

static void take_one(app *a, app_event *e)
{
  app_doc *d = get(a, &e->doc);

  if (e->n <= a->seen)
    sim_fail("event %llu came after %llu", (unsigned long long)e->n, (unsigned long long)a->seen);
  a->seen = e->n;
  if (e->kind == ATR_OP_EDIT) {
    if (d->tree && atr_patch_apply(&d->tree, e->tree))
      sim_fail("an event's patch cannot be applied");
  } else {
    cJSON_Delete(d->tree);
    d->tree = e->tree;
    e->tree = NULL;
  }
  free(d->show);
  d->show = e->show;
  e->show = NULL;
}

void app_take(app *a, size_t max)
{
  size_t n = max < a->n_events ? max : a->n_events;

  for (size_t i = 0; i < n; i++) {
    take_one(a, &a->events[i]);
    free_event(&a->events[i]);
  }
  memmove(a->events, a->events + n, (a->n_events - n) * sizeof *a->events);
  a->n_events -= n;
}

/* --- edits -------------------------------------------------------------------------------------------------------- */

/* Whoever names a document shows that name. */
static void forget_show(app_doc *d)
{
  free(d->show);
  d->show = NULL;
}

static app_command *new_command(app *a, enum atr_op_kind kind, const atr_id *doc)
{
  app_doc *d = app_find(a, doc);
  app_command *c = &a->commands[a->n_commands++];

  if (d && a->n_events)
    d->only_mine = false;
  memset(c, 0, sizeof *c);
  c->submit.kind = kind;
  c->submit.doc = *doc;
  c->submit.seen = a->seen;
  c->submit.action = ++sim_actions;
  return c;
}

bool app_command_leaves(app *a, app_command *out)
{
  if (!a->n_commands)
    return false;
  *out = a->commands[0];
  memmove(a->commands, a->commands + 1, --a->n_commands * sizeof *a->commands);
  return true;
}

/* A blob that is mostly like the others of its length, so that deltas pay; and sometimes one that everybody makes alike. */
static cJSON *new_blob(app_command *c)
{
  static const uint32_t sizes[] = {64, 600, 3000, 70000};
  bool common = sim_chance(30);
  uint32_t n = sizes[sim_chance(common ? 30 : 3) ? 3 : sim_below(3)];
  uint8_t *bytes = malloc(n);
  char hex[ATR_HASH_HEX + 1];
  cJSON *tag = cJSON_CreateArray(), *shape = cJSON_CreateArray();

  for (uint32_t i = 0; i < n; i++)
    bytes[i] = (uint8_t)(i * 2654435761u >> 13);
  for (uint32_t i = 0; i < 1 + n / 100 && !common; i++)
    bytes[sim_below(n)] = (uint8_t)sim_next();
  if (common)
    bytes[0] = (uint8_t)sim_below(4);
  c->blob = atr_bytes_copy(bytes, n);
  atr_sha256_of(bytes, n, &c->hash);
  free(bytes);
  atr_hash_to_hex(&c->hash, hex);
  cJSON_AddItemToArray(tag, cJSON_CreateString("$blob"));
  cJSON_AddItemToArray(tag, cJSON_CreateString(hex));
  cJSON_AddItemToArray(tag, cJSON_CreateString("u1"));
  cJSON_AddItemToArray(shape, cJSON_CreateNumber(n));
  cJSON_AddItemToArray(tag, shape);
  return tag;
}

uint32_t sim_long_percent, sim_longs;
uint64_t sim_actions;

/* Makes messages of several frames. */
static cJSON *long_text(void)
{
  uint32_t n = SIM_LONG_BYTES - sim_below(90000);
  char *text = malloc(n + 1);
  cJSON *v;

  sim_longs++;
  memset(text, 'a' + (int)sim_below(26), n);
  text[n] = 0;
  v = cJSON_CreateString(text);
  free(text);
  return v;
}

static cJSON *some_value(int depth)
{
  cJSON *v;

  switch (sim_below(depth < 2 ? 7 : 5)) {
  case 0:
    return cJSON_CreateNumber(sim_below(1000) / 8.0);
  case 1:
    return cJSON_CreateBool(sim_chance(50));
  case 2:
    return sim_chance(sim_long_percent) ? long_text() : cJSON_CreateString(sim_chance(50) ? "left" : "right");
  case 3:
    v = cJSON_CreateArray();
    for (uint32_t i = sim_below(4); i; i--)
      cJSON_AddItemToArray(v, cJSON_CreateNumber(sim_below(9)));
    return v;
  case 4:
    return cJSON_CreateNumber(sim_below(3));
  default:
    v = cJSON_CreateObject();
    for (uint32_t i = sim_below(3); i; i--) {
      char key[] = {(char)('x' + sim_below(3)), 0};

      if (!cJSON_GetObjectItemCaseSensitive(v, key))
        cJSON_AddItemToObject(v, key, some_value(depth + 1));
    }
    return v;
  }
}

static cJSON *some_name(void)
{
  static const char *const names[] = {
      "Cube", "Cube",     "Cube.001",
      "Lamp", "Cube.002", "A name that is so long that no suffix fits behind it, \xc3\xa9t\xc3\xa9 inclus"};

  return cJSON_CreateString(names[sim_below(sizeof names / sizeof *names)]);
}

static cJSON *some_item(void)
{
  cJSON *item = cJSON_CreateObject();

  cJSON_AddStringToObject(item, "type", sim_chance(50) ? "BEVEL" : "ARRAY");
  cJSON_AddItemToObject(item, "v", some_value(1));
  return item;
}

static void put(cJSON *object, const char *key, cJSON *value)
{
  cJSON_DeleteItemFromObjectCaseSensitive(object, key);
  cJSON_AddItemToObject(object, key, value);
}

static cJSON *some_patch(app_command *c, bool may_delete)
{
  static const char *const items[] = {"@a", "@b", "@c"};
  cJSON *patch = cJSON_CreateObject(), *p = cJSON_CreateObject(), *item;
  char key[] = {(char)('a' + sim_below(4)), 0};

  for (uint32_t i = 1 + sim_below(2); i; i--) {
    switch (sim_below(8)) {
    case 0:
      put(patch, "name", some_name());
      break;
    case 1:
      put(p, items[sim_below(3)], some_item());
      break;
    case 2:
      item = cJSON_CreateObject();
      cJSON_AddItemToObject(item, "v", some_value(1));
      if (may_delete)
        put(p, items[sim_below(3)], item);
      else
        cJSON_Delete(item);
      break;
    case 3:
      if (may_delete)
        put(p, sim_chance(50) ? items[sim_below(3)] : key, cJSON_CreateNull());
      break;
    case 4:
      if (!c->blob)
        put(p, sim_chance(50) ? "mesh" : "image", new_blob(c));
      break;
    default:
      put(p, key, some_value(0));
    }
  }
  if (p->child)
    cJSON_AddItemToObject(patch, "p", p);
  else
    cJSON_Delete(p);
  return patch;
}

static cJSON *some_tree(app_command *c)
{
  cJSON *tree = some_patch(c, false);

  put(tree, "name", some_name());
  put(tree, "type", cJSON_CreateString(sim_chance(80) ? "OB" : "LA"));
  return tree;
}

static app_doc *some_doc(app *a, bool living)
{
  for (int i = 0; i < 8 && a->n; i++) {
    app_doc *d = &a->docs[sim_below((uint32_t)a->n)];

    if (living == (d->tree != NULL))
      return d;
  }
  return NULL;
}

static cJSON *reference(const atr_id *id)
{
  char hex[ATR_ID_HEX + 1];
  const char *elements[] = {"$ref", hex};

  atr_id_to_hex(id, hex);
  return cJSON_CreateStringArray(elements, 2);
}

static void create(app *a, app_doc *d)
{
  const app_doc *needed = sim_chance(50) ? some_doc(a, true) : NULL;
  app_command *c = new_command(a, ATR_OP_CREATE, &d->id);

  c->submit.tree = some_tree(c);
  if (needed == d)
    needed = NULL;
  if (needed) { /* the model looks whether it was there in time */
    c->needs = needed->id;
    put(c->submit.tree, "data", reference(&needed->id));
  }
  cJSON_Delete(d->tree);
  d->tree = cJSON_Duplicate(c->submit.tree, true);
  forget_show(d);
  if (needed)
    c->submit.n_needs = 1;
}

static void edit(app *a, app_doc *d, bool preview)
{
  d->only_mine = d->only_mine && !preview;
  app_command *c = new_command(a, ATR_OP_EDIT, &d->id);

  c->submit.preview = preview;
  c->submit.tree = some_patch(c, true);
  if (preview && !c->submit.tree->child)
    cJSON_AddItemToObject(c->submit.tree, "p", cJSON_CreateObject());
  d->previewing = preview;
  if (atr_json_get(c->submit.tree, "name"))
    forget_show(d);
  if (atr_patch_apply(&d->tree, c->submit.tree))
    sim_fail("an application cannot apply its own patch");
}

static void remove_doc(app *a, app_doc *d)
{
  new_command(a, ATR_OP_DELETE, &d->id);
  forget_show(d);
  cJSON_Delete(d->tree);
  d->tree = NULL;
  d->previewing = false;
}

static void end_preview(app *a, app_doc *d)
{
  app_command *c = new_command(a, ATR_OP_EDIT, &d->id);

  c->submit.preview = true;
  c->submit.tree = cJSON_CreateObject();
  d->previewing = false;
}

/* Whoever drags goes on with it, lets go, or gives up. */
static bool drag(app *a)
{
  for (size_t i = 0; i < a->n; i++) {
    if (!a->docs[i].previewing || !a->docs[i].tree)
      continue;
    if (sim_chance(20))
      end_preview(a, &a->docs[i]);
    else
      edit(a, &a->docs[i], sim_chance(40));
    return true;
  }
  return false;
}

/* A preview replaces the one before, and its end takes it away: the application goes by what it is told then. */
static void edit_something(app *a)
{
  uint32_t what = sim_below(100);
  app_doc *d = some_doc(a, true);
  atr_id id;

  if (!d || what < 12) {
    if (a->n > 20 && d)
      return;
    sim_id(&id);
    d = get(a, &id);
    d->only_mine = true;
    create(a, d);
  } else if (what < 20) {
    remove_doc(a, d);
  } else if (what < 26) {
    app_doc *dead = some_doc(a, false);

    if (dead)
      create(a, dead);
  } else if (what < 30) {
    create(a, d);
  } else if (what < 42) {
    edit(a, d, true);
  } else {
    edit(a, d, false);
  }
}

void app_edit(app *a)
{
  size_t before = a->n_commands;

  if (before == APP_COMMANDS)
    return;
  if (!sim_chance(30) || !drag(a))
    edit_something(a);
  if (a->n_commands > before)
    a->submitted += !a->commands[before].submit.preview;
}

void app_end_previews(app *a)
{
  for (size_t i = 0; i < a->n; i++)
    if (a->docs[i].previewing && a->n_commands < APP_COMMANDS)
      end_preview(a, &a->docs[i]);
}
