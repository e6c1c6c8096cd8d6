/* SPDX-License-Identifier: MIT
 *
 * Seats: this participant's places in rooms, across connections.
 *
 * A seat is made when a room is created or joined (enter.c) and ends when it is left; in between connections come and go. What the
 * application edits meanwhile waits in the replica.
 *
 * Everything that waits for something (a flush for acknowledgements and deliveries, a leave for what is still on its way, the
 * first completeness of a join) is looked at in seats_pump(), after whatever may have changed it. */
#include "client/internal.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

seat *seat_of_room(const atr_client *c, const atr_id *room)
{
  seat *s = c->seats;

  while (s && !atr_id_equal(&s->room, room))
    s = s->next;
  return s;
}

seat *seat_of_handle(const atr_client *c, uint32_t handle)
{
  seat *s = c->seats;

  while (s && !(s->joined && s->handle == handle))
    s = s->next;
  return s;
}

/* --- what the replica tells ---------------------------------------------------------------------------------- */

static const atr_id *participant_of(const seat *s, uint32_t member)
{
  for (size_t i = 0; i < s->n_people; i++)
    if (s->people[i].member == member)
      return &s->people[i].participant;
  return NULL;
}

static int put_on_shelf(void *ctx, const atr_blob_ref *ref)
{
  atr_client *c = ctx;
  atr_bytes *bytes = atr_blobs_get(c->blobs, &ref->hash);

  if (bytes)
    shelf_put(c->shelf, &ref->hash, bytes);
  return 0;
}

static int on_event(void *ctx, const atr_replica_event *event)
{
  static const char *const kinds[] = {[ATR_OP_CREATE] = "create", [ATR_OP_EDIT] = "edit", [ATR_OP_DELETE] = "delete"};
  seat *s = ctx;
  atr_client *c = s->client;
  const atr_id *by = participant_of(s, event->by);
  atr_jw w;
  int err;

  if (!event_has_room(c)) {
    atomic_store(&c->starved, true);
    if (!event_has_room(c))
      return ATR_FULL;
  }
  if (event->tree)
    (void)atr_json_visit_blobs(event->tree, put_on_shelf, c);
  w = event_begin(c, "doc");
  atr_jw_int(&w, "n", (int64_t)(c->event_count + 1));
  atr_jw_id(&w, "room", &s->room);
  atr_jw_id(&w, "doc", &event->doc);
  atr_jw_str(&w, "kind", kinds[event->kind]);
  if (event->tree)
    atr_jw_tree(&w, "tree", event->tree);
  if (event->show)
    atr_jw_str(&w, "show", event->show);
  atr_jw_int(&w, "seq", (int64_t)event->seq);
  if (by)
    atr_jw_id(&w, "by", by);
  else
    atr_jw_str(&w, "by", "");
  err = event_push_doc(c, &w);
  if (err == ATR_OK)
    err = atr_seen_queued(&s->seen, c->event_count, event->n);
  return err;
}

static void tell_refused(seat *s, const atr_id *doc, int err, const char *text)
{
  atr_jw w = event_begin(s->client, "refused");
  char hex[ATR_ID_HEX + 1];

  atr_id_to_hex(doc, hex);
  atr_log(ATR_LOG_INFO, "room \"%s\" refused a change of %s: %s", s->name, hex, atr_err_name(err));
  atr_jw_id(&w, "room", &s->room);
  atr_jw_id(&w, "doc", doc);
  atr_jw_str(&w, "code", atr_err_name(err));
  atr_jw_str(&w, "text", text && *text ? text : atr_err_text(err));
  event_end(s->client, &w, NULL);
}

static void on_refused(void *ctx, const atr_id *doc, int err, const char *text)
{
  tell_refused(ctx, doc, err, text);
}

/* Nothing is lost by it, but somewhere there is a mistake: the log says which document, and the application counts. */
static void on_healed(void *ctx, const atr_id *doc, uint64_t seq)
{
  const seat *s = ctx;
  atr_jw w = event_begin(s->client, "healed");
  char hex[ATR_ID_HEX + 1];

  atr_id_to_hex(doc, hex);
  atr_log(ATR_LOG_WARN, "room \"%s\": %s differed from the server's at %llu and is healed", s->name, hex,
          (unsigned long long)seq);
  atr_jw_id(&w, "room", &s->room);
  atr_jw_id(&w, "doc", doc);
  atr_jw_int(&w, "seq", (int64_t)seq);
  atr_jw_int(&w, "count", (int64_t)atr_replica_healed(s->replica));
  event_end(s->client, &w, NULL);
}

static void on_wake(void *ctx, int lane)
{
  const seat *s = ctx;

  if (s->client->session && s->joined)
    atr_session_wake(s->client->session, lane);
}

static void tell_progress(seat *s, double value, bool complete)
{
  atr_jw w = event_begin(s->client, "progress");
  char what[64], hex[ATR_ID_HEX + 1];

  s->progress_told = value;
  atr_id_to_hex(&s->room, hex);
  snprintf(what, sizeof what, "%s%s", complete ? "" : "progress ", complete ? "" : hex);
  atr_jw_str(&w, "room", hex);
  atr_jw_num(&w, "value", value);
  atr_jw_str(&w, "text",
             complete                         ? "Complete"
             : atr_replica_parked(s->replica) ? "Loading meshes and images"
                                              : "Loading objects");
  atr_jw_bool(&w, "complete", complete);
  event_end(s->client, &w, what);
}

static void on_progress(void *ctx, double progress, bool complete, uint64_t seq)
{
  seat *s = ctx;

  (void)seq;
  s->whole = s->whole || complete;
  if (!s->complete && progress - s->progress_told >= 0.01)
    tell_progress(s, progress < 0.99 ? progress : 0.99, false);
  client_pump_later(s->client);
}

/* --- making and ending --------------------------------------------------------------------------------------- */

static int64_t pull_presence(seat *s, atr_buf *out)
{
  atr_msg_presence presence = {.room = s->handle, .json = atr_buf_span(&s->presence)};
  size_t begin = out->len, mark;
  int err;

  if (s->presence.len == 0)
    return 0;
  err = atr_frame_begin(out, &mark);
  if (!err)
    err = atr_msg_write_presence(out, &presence);
  if (!err)
    err = atr_frame_end(out, mark, ATR_LANE_PRESENCE);
  atr_buf_clear(&s->presence);
  return err ? err : (int64_t)(out->len - begin);
}

static int64_t pull(void *ctx, int lane, atr_buf *out, size_t budget)
{
  seat *s = ctx;

  if (!s->joined)
    return 0;
  if (lane == ATR_LANE_PRESENCE)
    return pull_presence(s, out);
  return s->tap ? 0 : atr_replica_pull(s->replica, lane, out, budget);
}

seat *seat_new(atr_client *c, const atr_id *room, const int blender[3])
{
  static const atr_replica_callbacks callbacks = {.on_event = on_event,
                                                  .on_refused = on_refused,
                                                  .on_wake = on_wake,
                                                  .on_progress = on_progress,
                                                  .on_healed = on_healed};
  seat *s = calloc(1, sizeof *s);

  if (!s)
    return NULL;
  s->client = c;
  s->room = *room;
  atr_buf_init(&s->presence, ATR_PRESENCE_JSON_BYTES_MAX);
  memcpy(s->blender, blender, sizeof s->blender);
  if (atr_replica_new(&s->replica, &c->participant, c->blobs, &callbacks, s) < 0) {
    free(s);
    return NULL;
  }
  s->next = c->seats;
  c->seats = s;
  atr_turns_add(&c->turns, &s->turn, pull, s);
  return s;
}

void seat_free(seat *s)
{
  seat **at = &s->client->seats;

  while (*at != s)
    at = &(*at)->next;
  *at = s->next;
  atr_turns_remove(&s->client->turns, &s->turn);
  atr_buf_free(&s->presence);
  for (int lane = 0; s->client->session && lane < ATR_LANES; lane++)
    atr_session_wake(s->client->session, lane);
  while (s->flushes) {
    flush *f = s->flushes;

    s->flushes = f->next;
    free(f);
  }
  atr_replica_free(s->replica);
  tap_free(s->tap);
  atr_seen_free(&s->seen);
  free(s->people);
  free(s);
}

void seat_tell_closed(seat *s, const char *code, const char *text)
{
  atr_jw w = event_begin(s->client, "closed");

  atr_jw_id(&w, "room", &s->room);
  atr_jw_str(&w, "code", code);
  atr_jw_str(&w, "text", text);
  event_end(s->client, &w, NULL);
}

void seats_close_all(atr_client *c, int err, const char *text)
{
  while (c->seats) {
    if (err < 0)
      seat_tell_closed(c->seats, atr_err_name(err), text);
    seat_free(c->seats);
  }
}

void seat_closed(seat *s, const cJSON *message)
{
  atr_client *c = s->client;
  const char *code = "", *text = "";

  (void)atr_json_get_str(message, "code", &code);
  (void)atr_json_get_str(message, "text", &text);
  seat_tell_closed(s, code, text);
  seat_free(s);
  link_tell_state(c, ATR_OK, NULL, NULL);
}

/* --- leaving ------------------------------------------------------------------------------------------------- */

void seat_send_leave(atr_client *c, uint32_t handle)
{
  atr_buf buf;
  atr_jw w = link_begin_json(c, &buf, "leave");

  atr_jw_int(&w, "room", handle);
  link_send_json(c, &w);
}

static void finish_leave(seat *s)
{
  atr_client *c = s->client;

  if (s->joined && c->session)
    seat_send_leave(c, s->handle);
  seat_free(s);
  link_tell_state(c, ATR_OK, NULL, NULL);
}

void seat_leave(atr_client *c, seat *s)
{
  if (!s->joined || atr_replica_pending(s->replica) == 0) {
    finish_leave(s);
    return;
  }
  if (!s->leaving)
    s->leave_by_ms = client_now_ms(c) + ATR_LEAVE_MS;
  s->leaving = true;
}

/* --- the application's work ---------------------------------------------------------------------------------- */

static int read_needs(const cJSON *message, atr_id **out, size_t *n)
{
  const cJSON *needs = atr_json_get(message, "needs"), *item;
  size_t count = cJSON_IsArray(needs) ? (size_t)cJSON_GetArraySize(needs) : 0;

  *out = NULL;
  *n = 0;
  if (count == 0)
    return ATR_OK;
  *out = calloc(count, sizeof **out);
  if (!*out)
    return ATR_NOMEM;
  cJSON_ArrayForEach (item, needs)
    if (!cJSON_IsString(item) || atr_id_from_hex(item->valuestring, strlen(item->valuestring), &(*out)[(*n)++]) < 0)
      return ATR_INVAL;
  return ATR_OK;
}

static int read_submit(cJSON *message, atr_submit *op, atr_id **needs)
{
  const char *kind = "";

  (void)atr_json_get_str(message, "kind", &kind);
  op->kind = strcmp(kind, "create") == 0   ? ATR_OP_CREATE
             : strcmp(kind, "edit") == 0   ? ATR_OP_EDIT
             : strcmp(kind, "delete") == 0 ? ATR_OP_DELETE
                                           : 0;
  if (op->kind == 0 || atr_json_get_id(message, "doc", &op->doc) < 0)
    return ATR_INVAL;
  (void)atr_json_get_u64(message, "action", UINT64_C(1) << 53, &op->action);
  (void)atr_json_get_bool(message, "preview", &op->preview);
  if (op->kind != ATR_OP_DELETE && !cJSON_IsObject(atr_json_get(message, "tree")))
    return ATR_INVAL;
  op->tree = op->kind == ATR_OP_DELETE ? NULL : cJSON_DetachItemViaPointer(message, atr_json_get(message, "tree"));
  return read_needs(message, needs, &op->n_needs);
}

int seat_submit(atr_client *c, seat *s, cJSON *message, uint64_t seen)
{
  atr_submit op = {.seen = atr_seen_taken(&s->seen, seen)};
  atr_id *needs = NULL;
  int err = read_submit(message, &op, &needs);
  bool preview = op.preview;
  atr_id doc = op.doc;

  op.needs = needs;
  if (err == ATR_OK && !s->tap) {
    err = atr_replica_submit(s->replica, &op);
  } else {
    cJSON_Delete(op.tree);
    err = err < 0 ? err : ATR_DENIED;
  }
  free(needs);
  if (err == ATR_FULL)
    return ATR_FULL;
  if (err < 0)
    tell_refused(s, &doc, err, NULL);
  else if (!preview)
    s->submitted++;
  client_pump_later(c);
  return ATR_OK;
}

void seat_presence(atr_client *c, seat *s, const cJSON *data)
{
  atr_buf_clear(&s->presence);
  if (atr_json_print(data, &s->presence) < 0) {
    atr_buf_clear(&s->presence);
    event_error(c, ATR_MESSAGE_SIZE, "The presence is too large.", "presence", &s->room);
    return;
  }
  atr_session_wake(c->session, ATR_LANE_PRESENCE);
}

void seat_flush(atr_client *c, seat *s, uint64_t n)
{
  flush *f = calloc(1, sizeof *f), **at = &s->flushes;

  if (!f) {
    event_error(c, ATR_NOMEM, NULL, "flush", &s->room);
    return;
  }
  f->n = n;
  f->submitted = s->submitted;
  while (*at)
    at = &(*at)->next;
  *at = f;
  client_pump_later(c);
}

void seat_head(seat *s, uint64_t n, uint64_t seq)
{
  for (flush *f = s->flushes; f; f = f->next)
    if (f->n == n && f->asked) {
      f->has_seq = true;
      f->seq = seq;
    }
}

void seat_members(seat *s, const cJSON *message)
{
  const cJSON *list = atr_json_get(message, "members"), *item;
  char what[64], hex[ATR_ID_HEX + 1];
  atr_jw w;

  cJSON_ArrayForEach (item, list) {
    uint64_t number;
    atr_id id;
    void *more;

    if (atr_json_get_u64(item, "member", UINT32_MAX, &number) < 0 || atr_json_get_id(item, "participant", &id) < 0 ||
        participant_of(s, (uint32_t)number))
      continue;
    more = realloc(s->people, (s->n_people + 1) * sizeof *s->people);
    if (!more)
      break;
    s->people = more;
    s->people[s->n_people].member = (uint32_t)number;
    s->people[s->n_people++].participant = id;
  }
  atr_id_to_hex(&s->room, hex);
  snprintf(what, sizeof what, "members %s", hex);
  w = event_begin(s->client, "members");
  atr_jw_str(&w, "room", hex);
  atr_jw_tree(&w, "members", list);
  event_end(s->client, &w, what);
}

/* --- connections come and go --------------------------------------------------------------------------------- */

void seats_link_up(atr_client *c)
{
  for (seat *s = c->seats; s; s = s->next)
    seat_send_join(s);
}

void seats_link_down(atr_client *c)
{
  atr_turns_reset(&c->turns);
  for (seat *s = c->seats; s; s = s->next) {
    if (s->joined)
      atr_replica_disconnected(s->replica);
    if (s->tap)
      tap_link_down(s->tap);
    s->joined = false;
    s->n_people = 0; /* a room that was brought back counts its members anew */
    for (flush *f = s->flushes; f; f = f->next)
      f->asked = f->has_seq = false, f->delivered_ms = 0;
  }
}

int64_t seats_pull(void *ctx, int lane, atr_buf *out, size_t budget)
{
  atr_client *c = ctx;

  return atr_turns_pull(&c->turns, lane, out, budget);
}

/* --- what waits ---------------------------------------------------------------------------------------------- */

static void tell_pending(seat *s, size_t pending, uint64_t unsent)
{
  char what[64], hex[ATR_ID_HEX + 1];
  atr_jw w;

  s->pending_told = pending;
  s->unsent_told = unsent;
  s->pending_told_ms = client_now_ms(s->client);
  atr_id_to_hex(&s->room, hex);
  snprintf(what, sizeof what, "pending %s", hex);
  w = event_begin(s->client, "pending");
  atr_jw_str(&w, "room", hex);
  atr_jw_int(&w, "operations", (int64_t)pending);
  if (s->joined)
    atr_jw_int(&w, "bytes", (int64_t)unsent);
  event_end(s->client, &w, what);
}

/* Documents wait for blobs, and those still come: not for ever, a blob may be lost with the only one who had it. */
static bool waits_for_blobs(const seat *s, uint64_t since_ms)
{
  uint64_t from_ms = s->last_bulk_ms > since_ms ? s->last_bulk_ms : since_ms;

  return atr_replica_parked(s->replica) > 0 && client_now_ms(s->client) - from_ms < ATR_BLOB_STALL_MS;
}

static bool is_flushed(seat *s, flush *f, size_t pending)
{
  atr_buf buf;
  atr_jw w;

  if (!s->joined || (pending > 0 && s->submitted - pending < f->submitted))
    return false;
  if (!f->asked) {
    f->asked = true;
    w = link_begin_json(s->client, &buf, "head");
    atr_jw_int(&w, "room", s->handle);
    atr_jw_int(&w, "n", (int64_t)f->n);
    link_send_json(s->client, &w);
  }
  if (!f->has_seq || !atr_replica_delivered(s->replica, f->seq))
    return false;
  if (f->delivered_ms == 0)
    f->delivered_ms = client_now_ms(s->client);
  return !waits_for_blobs(s, f->delivered_ms);
}

/* In order: a later flush is not done before an earlier one. */
static void check_flushes(seat *s, size_t pending)
{
  while (s->flushes && is_flushed(s, s->flushes, pending)) {
    flush *f = s->flushes;
    atr_jw w = event_begin(s->client, "flushed");

    s->flushes = f->next;
    atr_jw_id(&w, "room", &s->room);
    atr_jw_int(&w, "n", (int64_t)f->n);
    atr_jw_int(&w, "seq", (int64_t)f->seq);
    event_end(s->client, &w, NULL);
    free(f);
  }
}

/* A join is complete when every document was delivered, those that waited for blobs included; one whose blob does not come holds it up for a
 * bounded time only. */
static void check_complete(seat *s)
{
  if (s->complete || !s->whole || !atr_replica_told_all(s->replica))
    return;
  if (s->whole_ms == 0)
    s->whole_ms = client_now_ms(s->client);
  if (waits_for_blobs(s, s->whole_ms))
    return;
  s->complete = true;
  tell_progress(s, 1, true);
  link_tell_state(s->client, ATR_OK, NULL, NULL);
}

static void pump_seat(seat *s)
{
  uint64_t now_ms = client_now_ms(s->client), unsent;
  size_t pending;

  if (s->tap)
    tap_pump(s->client, s->tap);
  if (atr_replica_deliver(s->replica, ATR_DELIVER_MAX) >= ATR_DELIVER_MAX)
    client_pump_later(s->client);
  check_complete(s);
  pending = atr_replica_pending(s->replica);
  unsent = s->joined ? atr_replica_unsent(s->replica) : s->unsent_told;
  if ((pending == 0 && s->pending_told) ||
      ((pending != s->pending_told || unsent != s->unsent_told) && now_ms - s->pending_told_ms >= ATR_PENDING_TELL_MS))
    tell_pending(s, pending, unsent);
  check_flushes(s, pending);
  if (s->leaving && (pending == 0 || !s->joined || now_ms >= s->leave_by_ms))
    finish_leave(s);
}

void seats_pump(atr_client *c)
{
  for (seat *s = c->seats, *next; s; s = next) {
    next = s->next;
    pump_seat(s);
  }
}

void seats_tick(atr_client *c, uint64_t now_ms)
{
  for (seat *s = c->seats; s; s = s->next)
    if (s->joined && s->complete && atr_replica_pending(s->replica) == 0)
      atr_replica_idle(s->replica, ATR_DIGESTS_PER_TICK);
  if (now_ms - c->swept_ms >= ATR_SHELF_SWEEP_MS) {
    c->swept_ms = now_ms;
    shelf_sweep(c->shelf, c->blobs);
  }
  if (now_ms - c->let_go_ms >= ATR_BLOBS_PUT_MS) {
    c->let_go_ms = now_ms;
    atr_blobs_let_go(c->blobs);
  }
}
