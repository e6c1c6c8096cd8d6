/* SPDX-License-Identifier: MIT
 *
 * An edit that crossed with events on their way to the application.
 *
 * The application edited, and will then apply events that were told before it edited: at every path of the edit it may
 * end with the edit's value or with the event's, and the replica cannot know which. So `told` gets, at each of these paths, a value that
 * equals nothing (a string that is not UTF-8, which no document can hold); the next difference then names each of them.
 *
 * Objects need care, since a patch merges them: where the application may hold an object, all of its members that it may hold
 * become unequal too, and one more that no document can have, so that even an empty object is named. */
#include <stdlib.h>

#include "base/error.h"
#include "replica/internal.h"

static const char NOTHING[] = "\xff";
static const char NO_KEY[] = "\xff";

static int add_nothing(cJSON *object, const char *key)
{
  cJSON *s = cJSON_CreateString(NOTHING);

  return s ? atr_json_set(object, key, s) : ATR_NOMEM;
}

/* Turns a value into NOTHING in place: its key stays. */
static int make_nothing(cJSON *m)
{
  cJSON *s = cJSON_CreateString(NOTHING);

  if (!s)
    return ATR_NOMEM;
  cJSON_Delete(m->child);
  free(m->valuestring);
  m->child = NULL;
  m->valuestring = s->valuestring;
  m->type = s->type | (m->type & cJSON_StringIsConst);
  s->valuestring = NULL;
  cJSON_Delete(s);
  return 0;
}

static int taint_all(cJSON *object)
{
  int err = 0;

  for (cJSON *m = object->child; m && !err; m = m->next)
    err = cJSON_IsObject(m) ? taint_all(m) : make_nothing(m);
  return err ? err : add_nothing(object, NO_KEY);
}

static int taint_object(cJSON *told, const cJSON *patch);

static int taint_member(cJSON *told, const cJSON *p)
{
  cJSON *t = atr_json_get(told, p->string);
  bool is_item = atr_patch_is_item(p->string);
  int err;

  if (is_item && !cJSON_IsNull(p) && (!cJSON_IsObject(p) || (!t && !atr_json_get(p, "type"))))
    return 0; /* dropped by everybody */
  if (cJSON_IsObject(t)) {
    if (!cJSON_IsObject(p) || (is_item && atr_json_get(p, "type")))
      err = taint_all(t);
    else
      err = 0;
    return err || !cJSON_IsObject(p) ? err : taint_object(t, p);
  }
  if (!cJSON_IsObject(p) && !is_item)
    return add_nothing(told, p->string);
  t = cJSON_CreateObject();
  err = t ? atr_json_set(told, p->string, t) : ATR_NOMEM;
  if (!err && is_item)
    err = add_nothing(t, "type");
  return err || !cJSON_IsObject(p) ? err : taint_object(t, p);
}

static int taint_object(cJSON *told, const cJSON *patch)
{
  int err = 0;

  for (const cJSON *p = patch->child; p && !err; p = p->next)
    err = taint_member(told, p);
  return err ? err : add_nothing(told, NO_KEY);
}

int rep_taint(cJSON **told, const cJSON *patch)
{
  return *told ? taint_object(*told, patch) : 0;
}

void rep_untaint(cJSON *patch)
{
  cJSON *mark = atr_json_get(patch, NO_KEY);

  if (mark)
    cJSON_Delete(cJSON_DetachItemViaPointer(patch, mark));
  for (cJSON *m = patch->child; m; m = m->next)
    if (cJSON_IsObject(m))
      rep_untaint(m);
}
