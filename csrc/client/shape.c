/* SPDX-License-Identifier: MIT
 *
 * See shape.h. A table per message; a list of objects has one of its own. What only the engine reads (`error`, `pake`, `head`)
 * is checked where it is read. */
#include "client/shape.h"

#include "base/error.h"

#include <string.h>

enum kind { TEXT, TRUTH, NUMBER, U32, ID, KEY, TEXTS, THREE, VALUES, OBJECTS };

/* No number of a message is above this: applications count with them. */
#define NUMBER_MAX 9007199254740992.0 /* 2^53 */

typedef struct field {
  const char *name;
  enum kind kind;
  bool optional;
  const struct field *of; /* OBJECTS: each of them */
} field;

#define FIELD(n, k)          \
  {                          \
    .name = (n), .kind = (k) \
  }
#define LIST(n, fields)                          \
  {                                              \
    .name = (n), .kind = OBJECTS, .of = (fields) \
  }
#define END      \
  {              \
    .name = NULL \
  }

static const field room[] = {FIELD("id", ID),
                             FIELD("name", TEXT),
                             FIELD("users", NUMBER),
                             FIELD("bytes", NUMBER),
                             FIELD("blender", THREE),
                             FIELD("schema", NUMBER),
                             FIELD("ready", TRUTH),
                             {.name = "password", .kind = TRUTH, .optional = true},
                             {.name = "mine", .kind = TRUTH, .optional = true},
                             END};
static const field member[] = {FIELD("member", U32), FIELD("participant", ID), FIELD("key", KEY),
                               FIELD("name", TEXT),  FIELD("color", THREE),    END};
static const field welcome[] = {FIELD("version", TEXT),
                                FIELD("server", ID),
                                FIELD("host", TRUTH),
                                FIELD("port", NUMBER),
                                {.name = "runs_with", .kind = TEXTS, .optional = true},
                                {.name = "invited_to", .kind = ID, .optional = true},
                                {.name = "guest", .kind = TRUTH, .optional = true},
                                {.name = "rooms", .kind = TRUTH, .optional = true},
                                END};
static const field rooms[] = {LIST("rooms", room), END};
static const field members[] = {FIELD("room", U32), LIST("members", member), END};
static const field joined[] = {FIELD("room", ID),
                               FIELD("handle", U32),
                               FIELD("epoch", ID),
                               FIELD("member", U32),
                               FIELD("created", TRUTH),
                               FIELD("name", TEXT),
                               END};
static const field closed[] = {FIELD("room", U32), FIELD("code", TEXT), FIELD("text", TEXT), END};
static const field invite[] = {FIELD("link", TEXT),
                               FIELD("expires", NUMBER),
                               FIELD("room", ID),
                               {.name = "only_here", .kind = TRUTH, .optional = true},
                               END};
static const field invites_revoked[] = {FIELD("count", NUMBER), END};
static const field password[] = {FIELD("set", TRUTH), {.name = "room", .kind = ID, .optional = true}, END};
static const field knock[] = {FIELD("key", KEY), FIELD("name", TEXT), FIELD("code", TEXT), END};
static const field knock_end[] = {FIELD("key", KEY), END};
static const field kept_out_user[] = {
    FIELD("key", KEY), FIELD("name", TEXT), {.name = "code", .kind = TEXT, .optional = true}, END};
static const field kept_out[] = {LIST("users", kept_out_user), END};

static const field audience[] = {FIELD("audience", TEXT),
                                 FIELD("label", TEXT),
                                 FIELD("addresses", TEXTS),
                                 FIELD("state", TEXT),
                                 FIELD("reason", TEXT),
                                 FIELD("with", VALUES),
                                 END};
static const field reach[] = {
    FIELD("settled", TRUTH), LIST("audiences", audience), {.name = "n", .kind = NUMBER, .optional = true}, END};

static const struct {
  const char *t;
  const field *fields;
} shapes[] = {
    {"welcome", welcome},
    {"rooms", rooms},
    {"members", members},
    {"joined", joined},
    {"closed", closed},
    {"invite", invite},
    {"invites_revoked", invites_revoked},
    {"password", password},
    {"knock", knock},
    {"knock_end", knock_end},
    {"kept_out", kept_out},
    {"reach", reach},
};

static bool has_shape(const cJSON *object, const field *fields);

static bool is_number(const cJSON *value, double max)
{
  return cJSON_IsNumber(value) && value->valuedouble >= 0 && value->valuedouble <= max;
}

static bool all_are(const cJSON *list, const field *f)
{
  if (!cJSON_IsArray(list) || (f->kind == THREE && cJSON_GetArraySize(list) != 3))
    return false;
  for (const cJSON *item = list->child; item; item = item->next) {
    bool fits = f->kind == TEXTS   ? cJSON_IsString(item) != 0
                : f->kind == THREE ? is_number(item, NUMBER_MAX)
                                   : cJSON_IsObject(item) && has_shape(item, f->of);

    if (!fits)
      return false;
  }
  return true;
}

static bool is_kind(const cJSON *object, const field *f)
{
  const cJSON *value = atr_json_get(object, f->name);
  atr_hash hash;
  atr_id id;

  switch (f->kind) {
  case TEXT:
    return cJSON_IsString(value);
  case TRUTH:
    return cJSON_IsBool(value);
  case NUMBER:
    return is_number(value, NUMBER_MAX);
  case U32:
    return is_number(value, UINT32_MAX);
  case ID:
    return atr_json_get_id(object, f->name, &id) == ATR_OK;
  case KEY:
    return atr_json_get_hash(object, f->name, &hash) == ATR_OK;
  case VALUES: /* an object that only people read: texts and numbers by name */
    if (!cJSON_IsObject(value))
      return false;
    for (value = value->child; value; value = value->next)
      if (!cJSON_IsString(value) && !is_number(value, NUMBER_MAX))
        return false;
    return true;
  case TEXTS:
  case THREE:
  case OBJECTS:
    return all_are(value, f);
  }
  return false;
}

static bool has_shape(const cJSON *object, const field *fields)
{
  for (const field *f = fields; f->name; f++)
    if (!(f->optional && !atr_json_get(object, f->name)) && !is_kind(object, f))
      return false;
  return true;
}

int shape_check(const char *t, const cJSON *message)
{
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    if (strcmp(shapes[i].t, t) == 0)
      return has_shape(message, shapes[i].fields) ? ATR_OK : ATR_PROTO;
  return ATR_OK;
}
