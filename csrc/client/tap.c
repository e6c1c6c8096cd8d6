/* SPDX-License-Identifier: MIT
 *
 * A seat that only listens: the room's operations as they are, for tools that record, count or pass them on.
 *
 * Without a replica there is no merging and no document to be told about: each operation is one `op` event in the room's order, its JSON as the
 * server relayed it. Before the first come the documents as they stand (`kind` is "state"), after a lost connection they come again. The numbers of
 * operations have no gaps; one that has is the server's mistake and ends the connection.
 *
 * An application that does not take its events makes the engine keep messages; above ATR_TAP_BYTES_MAX the connection ends, because
 * unlike a replica a tap cannot leave anything out, and as after any lost one the documents come again. */
#include "client/internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct tap_event {
  struct tap_event *next;
  atr_client_event *event;
} tap_event;

struct tap {
  uint64_t seq; /* newest that was taken; 0: none since the connection was made */
  tap_event *kept, **kept_end;
  size_t kept_bytes;
};

tap *tap_new(void)
{
  tap *t = calloc(1, sizeof *t);

  if (t)
    t->kept_end = &t->kept;
  return t;
}

void tap_free(tap *t)
{
  while (t && t->kept) {
    tap_event *e = t->kept;

    t->kept = e->next;
    free(e->event);
    free(e);
  }
  free(t);
}

void tap_link_down(tap *t)
{
  t->seq = 0;
}

static int keep(tap *t, atr_client_event *event)
{
  tap_event *e = t->kept_bytes + event->len <= ATR_TAP_BYTES_MAX ? malloc(sizeof *e) : NULL;

  if (!e)
    return ATR_LIMIT;
  *e = (tap_event){.event = event};
  *t->kept_end = e;
  t->kept_end = &e->next;
  t->kept_bytes += event->len;
  return ATR_OK;
}

void tap_pump(atr_client *c, tap *t)
{
  while (t->kept) {
    tap_event *e = t->kept;

    if (c->waiting || !event_push(c, e->event))
      return;
    t->kept_bytes -= e->event->len;
    t->kept = e->next;
    if (!t->kept)
      t->kept_end = &t->kept;
    free(e);
  }
}

/* What an `op` event says besides its JSON. */
typedef struct told {
  const char *kind;
  atr_id doc;
  uint64_t seq, action;
  uint32_t member;
  bool preview;
  atr_span json;
} told;

static int tell(seat *s, const told *o)
{
  atr_client *c = s->client;
  atr_client_event *event;
  atr_jw w;
  int err = o->json.n ? atr_json_check((const char *)o->json.p, o->json.n, NULL) : ATR_OK;

  if (err < 0)
    return err;
  w = event_begin(c, "op");
  atr_jw_id(&w, "room", &s->room);
  atr_jw_str(&w, "kind", o->kind);
  atr_jw_id(&w, "doc", &o->doc);
  atr_jw_int(&w, "seq", (int64_t)o->seq);
  atr_jw_int(&w, "member", o->member);
  if (o->action && o->action <= UINT64_C(1) << 53)
    atr_jw_int(&w, "action", (int64_t)o->action);
  if (o->preview)
    atr_jw_bool(&w, "preview", true);
  if (o->json.n)
    atr_jw_raw(&w, "tree", o->json);
  event = event_of(c, &w, 0);
  if (!event)
    return ATR_NOMEM;
  client_pump_later(c);
  if (s->tap->kept || c->waiting || !event_push(c, event)) {
    err = keep(s->tap, event);
    if (err < 0)
      free(event);
  }
  return err;
}

static int on_op(seat *s, atr_span message)
{
  static const char *const kinds[] = {[ATR_OP_CREATE] = "create", [ATR_OP_EDIT] = "edit", [ATR_OP_DELETE] = "delete"};
  atr_msg_op m;
  int err = atr_msg_read_op(message, &m);

  if (err < 0)
    return err;
  if (s->tap->seq && m.seq != s->tap->seq + 1)
    return ATR_PROTO;
  s->tap->seq = m.seq;
  return tell(s, &(told){.kind = kinds[m.op.kind],
                         .doc = m.op.doc,
                         .seq = m.seq,
                         .action = m.op.action,
                         .member = m.member,
                         .preview = m.op.flags & ATR_OP_PREVIEW,
                         .json = m.op.json});
}

static int on_doc(seat *s, atr_span message)
{
  atr_msg_doc m;
  int err = atr_msg_read_doc(message, &m);

  if (err < 0 || m.flags & ATR_DOC_TOMBSTONE)
    return err;
  return tell(
      s, &(told){.kind = "state", .doc = m.doc, .seq = m.seq, .preview = m.flags & ATR_DOC_PREVIEW, .json = m.json});
}

static int on_cursor(seat *s, atr_span message)
{
  atr_msg_cursor m;
  int err = atr_msg_read_cursor(message, &m);

  if (err == ATR_OK && m.flags & ATR_CURSOR_WHOLE)
    s->tap->seq = m.seq;
  return err;
}

int tap_message(seat *s, atr_span message)
{
  switch (message.p[0]) {
  case ATR_MSG_OP:
    return on_op(s, message);
  case ATR_MSG_DOC:
    return on_doc(s, message);
  case ATR_MSG_CURSOR:
    return on_cursor(s, message);
  default:
    return ATR_OK;
  }
}
