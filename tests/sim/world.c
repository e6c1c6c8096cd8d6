/* SPDX-License-Identifier: MIT
 *
 * The world of one run: a server with one room, clients with one replica each, and the lines between them.
 *
 * A line is two streams of bytes. What a side pulls goes to the end of a stream, pieces of any length arrive at the other end and
 * pass the real frame reader. A cut loses what is under way; the server may notice late, or only when the participant comes in again.
 * Pulls happen only on lanes that were woken, so a forgotten wake-up shows as a world that comes to rest too early. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "proto/json.h"
#include "proto/message.h"
#include "sim.h"

enum { CLIENTS_MAX = 6, LINES_MAX = 24, STEPS_MAX = 700, REST_MAX = 400000, HANDLE = 7 };

typedef struct line {
  bool used, client_here, server_here;
  bool held; /* the room's store does not keep up: the client sends little more */
  struct client *client;
  atr_room_member *member;
  atr_buf up, down;
  size_t down_max;
  atr_frame_reader *at_server, *at_client;
  bool server_awake[ATR_LANES], client_awake[ATR_LANES];
} line;

typedef struct client {
  int number;
  bool active; /* has begun to take part */
  bool gone;   /* has left for good */
  atr_id participant;
  atr_replica *replica;
  atr_blobs *blobs;
  app app;
  line *line;
  uint64_t refused, unsure, durable;
} client;

typedef struct sim_store {
  atr_store base;
  bool slow;
  atr_store_done done;
  void *ctx;
  int err; /* that it is going to be done with */
} sim_store;

static struct {
  uint64_t seed;
  sim_stats *stats;
  uint64_t steps;
  atr_room *room;
  atr_blobs *blobs;
  sim_store store;
  atr_id room_id;
  uint64_t seq_base;
  uint64_t clock; /* of the server, milliseconds */
  size_t ring_bytes, ring_blob_bytes, tombstones_max, spare_bytes, participants_max, staged_bytes_max,
      own_tombstones_max;
  bool lost; /* the room was lost at least once */
  bool left; /* somebody has left for good */
  struct {
    atr_id id;
    uint64_t seq;
    cJSON *tree; /* NULL: deleted */
  } held[512];   /* the newest that anybody held of each document when the room was lost last */
  size_t n_held;
  bool calm; /* coming to rest: no more edits, cuts and losses */
  uint32_t cut_percent, loss_permille, failing_percent;
  client clients[CLIENTS_MAX];
  int n_clients;
  line lines[LINES_MAX];
  model model;
} w;

/* --- chance and failure ------------------------------------------------------------------------------------------- */

static uint64_t state;
bool sim_verbose;

void sim_seed(uint64_t seed)
{
  state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

uint64_t sim_next(void)
{
  uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));

  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

uint32_t sim_below(uint32_t n)
{
  return (uint32_t)(sim_next() >> 33) % n;
}

bool sim_chance(uint32_t percent)
{
  return sim_below(100) < percent;
}

void sim_id(atr_id *out)
{
  for (size_t i = 0; i < sizeof out->b; i++)
    out->b[i] = (uint8_t)sim_next();
}

void sim_fail(const char *format, ...)
{
  va_list args;

  fprintf(stderr, "seed %llu: ", (unsigned long long)w.seed);
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fprintf(stderr, "\n");
  exit(1);
}

void sim_log(const char *format, ...)
{
  va_list args;

  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fprintf(stderr, "\n");
}

/* --- the store ---------------------------------------------------------------------------------------------------- */

/* In one of the three ways that its contract allows. */
static int store_fails(sim_store *s, atr_store_done done, void *ctx)
{
  SIM_LOG("the store fails");
  if (sim_chance(30))
    return ATR_IO;
  if (!s->slow) {
    done(ctx, ATR_IO);
    return 0;
  }
  s->done = done;
  s->ctx = ctx;
  s->err = ATR_IO;
  return 0;
}

static void note_commit(const atr_store_batch *batch)
{
  sim_heap_enter(SIM_WORLD);
  model_commit(&w.model, batch->bytes, batch->count);
  sim_heap_leave();
  w.stats->commits += batch->count;
}

static int store_commit(atr_store *store, const atr_store_batch *batch, atr_store_done done, void *ctx)
{
  sim_store *s = (sim_store *)store;

  if (batch->seq_first != w.model.seq + 1)
    sim_fail("a batch begins at %llu", (unsigned long long)batch->seq_first);
  if (batch->count > 1 && batch->bytes.n > w.staged_bytes_max + 1000) /* ends of previews pass */
    sim_fail("a batch has %zu bytes", batch->bytes.n);
  if (!w.calm && sim_chance(w.failing_percent))
    return store_fails(s, done, ctx);
  note_commit(batch);
  if (s->slow) {
    s->done = done;
    s->ctx = ctx;
    s->err = 0;
  } else {
    done(ctx, 0);
  }
  return 0;
}

static bool store_step(void)
{
  atr_store_done done = w.store.done;

  if (!done)
    return false;
  w.store.done = NULL;
  sim_heap_enter(SIM_SERVER);
  done(w.store.ctx, w.store.err);
  sim_heap_leave();
  return true;
}

static const atr_store_ops store_ops = {.commit = store_commit};

/* --- the room ----------------------------------------------------------------------------------------------------- */

static void server_wake(void *ctx, atr_room_member *m, int lane)
{
  line *l = atr_room_member_user(m);

  (void)ctx;
  if (l->server_awake[lane])
    sim_fail("lane %d was woken twice", lane);
  l->server_awake[lane] = true;
}

static void server_control(void *ctx, atr_room_member *m, atr_span json)
{
  line *l = atr_room_member_user(m);
  size_t mark;

  (void)ctx;
  if (atr_frame_begin(&l->down, &mark) || atr_msg_write_json(&l->down, json) ||
      atr_frame_end(&l->down, mark, ATR_LANE_CONTROL))
    sim_fail("no memory");
}

static void server_evicted(void *ctx, atr_room_member *m)
{
  line *l = atr_room_member_user(m);

  (void)ctx;
  l->member = NULL;
  l->server_here = false;
}

static void server_hold(void *ctx, atr_room_member *m, bool hold)
{
  line *l = atr_room_member_user(m);

  (void)ctx;
  if (l->held == hold)
    sim_fail("a member is held twice");
  l->held = hold;
}

static void open_room(uint64_t base)
{
  static const atr_room_callbacks cb = {
      .on_wake = server_wake, .on_control = server_control, .on_evicted = server_evicted, .on_hold = server_hold};
  atr_room_config config = {.id = w.room_id,
                            .handle = HANDLE,
                            .seq_base = base,
                            .name = "Room",
                            .ring_bytes_max = w.ring_bytes,
                            .ring_blob_bytes_max = w.ring_blob_bytes,
                            .chain_bytes_max = w.ring_blob_bytes / 2,
                            .tombstones_max = w.tombstones_max,
                            .participants_max = w.participants_max,
                            .staged_bytes_max = w.staged_bytes_max,
                            .store = &w.store.base};

  sim_id(&config.epoch);
  w.seq_base = base;
  w.store.base.ops = &store_ops;
  w.store.slow = sim_chance(30);
  model_reset(&w.model, base);
  w.model.whole_history = !w.lost && !w.failing_percent && !w.participants_max && w.staged_bytes_max > 1 << 16;
  w.spare_bytes = sim_chance(50) ? 0 : 100000;
  sim_heap_enter(SIM_SERVER);
  if (atr_blobs_new(&w.blobs, w.spare_bytes))
    sim_fail("no memory");
  config.blobs = w.blobs;
  if (atr_room_new(&w.room, &config, &cb, NULL))
    sim_fail("no room");
  sim_heap_leave();
}

static void forget_mine(client *c, const atr_id *doc);

/* --- clients ------------------------------------------------------------------------------------------------------ */

static int client_event(void *ctx, const atr_replica_event *event)
{
  client *c = ctx;
  int err;

  sim_heap_enter(SIM_WORLD);
  err = app_event_arrives(&c->app, event);
  sim_heap_leave();
  if (!err)
    w.stats->events++;
  if (sim_verbose) {
    char *text = sim_text(event->tree);

    sim_log("client %d: event %llu kind %d doc %02x%s: %s", c->number, (unsigned long long)event->n, (int)event->kind,
            event->doc.b[0], err ? " FULL" : "", text);
    free(text);
  }
  return err;
}

static bool may_refuse(int err)
{
  switch (err) {
  case ATR_GONE:
  case ATR_NOENT:
    return true;
  case ATR_IO:
    return w.failing_percent;
  case ATR_FORGOTTEN:
    return w.participants_max;
  case ATR_STORE_BUSY:
    return w.store.slow;
  default:
    return w.lost;
  }
}

static void client_refused(void *ctx, const atr_id *doc, int err, const char *text)
{
  client *c = ctx;

  (void)text;
  forget_mine(c, doc);
  SIM_LOG("client %d: refused %02x %s", c->number, doc->b[0], atr_err_name(err));
  if (!may_refuse(err))
    sim_fail("client %d was refused with %s", c->number, atr_err_name(err));
  c->refused++;
  c->unsure += err == ATR_FORGOTTEN;
  w.stats->refused++;
}

static void client_wake(void *ctx, int lane)
{
  client *c = ctx;

  if (c->line)
    c->line->client_awake[lane] = true;
}

static void client_progress(void *ctx, double progress, bool complete, uint64_t seq)
{
  (void)ctx;
  (void)complete;
  (void)seq;
  if (progress < 0 || progress > 1)
    sim_fail("progress %g", progress);
}

static void client_healed(void *ctx, const atr_id *doc, uint64_t seq)
{
  const client *c = ctx;

  sim_fail("client %d: document %02x at %llu was healed", c->number, doc->b[0], (unsigned long long)seq);
}

static void start_client(client *c)
{
  static const atr_replica_callbacks cb = {.on_event = client_event,
                                           .on_refused = client_refused,
                                           .on_wake = client_wake,
                                           .on_progress = client_progress,
                                           .on_healed = client_healed};

  c->active = true;
  sim_id(&c->participant);
  sim_heap_enter(SIM_CLIENT + c->number);
  if (atr_blobs_new(&c->blobs, 200000) || atr_replica_new(&c->replica, &c->participant, c->blobs, &cb, c))
    sim_fail("no memory");
  atr_replica_keep_tombstones(c->replica, w.own_tombstones_max);
  atr_replica_keep_warm(c->replica, (size_t)(c - w.clients) % 3); /* a document's tree is almost never at hand */
  sim_heap_leave();
  c->app.events_max = sim_chance(30) ? 1 + sim_below(3) : APP_EVENTS;
  c->app.blobs = c->blobs;
}

static void forget_mine(client *c, const atr_id *doc)
{
  app_doc *d = app_find(&c->app, doc);

  if (d)
    d->only_mine = false;
}

/* What the application made is the client's from now on. */
static void take_over(client *c, app_command *cmd)
{
  cJSON *made = cmd->submit.tree;

  sim_heap_enter(SIM_CLIENT + c->number);
  if (cmd->blob && atr_blobs_hold(c->blobs, &cmd->hash, cmd->blob))
    sim_fail("no memory");
  cmd->submit.tree = made ? cJSON_Duplicate(made, true) : NULL;
  sim_heap_leave();
  cJSON_Delete(made);
}

static void client_submits(client *c)
{
  app_command cmd;
  int err;

  if (!app_command_leaves(&c->app, &cmd))
    return;
  SIM_LOG("client %d: submit kind %d doc %02x preview %d seen %llu", c->number, (int)cmd.submit.kind,
          cmd.submit.doc.b[0], cmd.submit.preview, (unsigned long long)cmd.submit.seen);
  if (sim_verbose) {
    char *text = sim_text(cmd.submit.tree);

    sim_log("  %s", text);
    free(text);
  }
  take_over(c, &cmd);
  cmd.submit.needs = &cmd.needs;
  c->durable += !cmd.submit.preview;
  for (int i = 0; i < w.n_clients; i++)
    if (i != c->number)
      forget_mine(&w.clients[i], &cmd.submit.doc);
  sim_heap_enter(SIM_CLIENT + c->number);
  err = atr_replica_submit(c->replica, &cmd.submit);
  sim_heap_leave();
  if (err)
    sim_fail("client %d: submit gives %s", c->number, atr_err_name(err));
}

/* --- lines -------------------------------------------------------------------------------------------------------- */

static void close_line(line *l)
{
  if (l->client_here || l->server_here)
    return;
  atr_frame_reader_free(l->at_server);
  atr_frame_reader_free(l->at_client);
  atr_buf_free(&l->up);
  atr_buf_free(&l->down);
  l->used = false;
}

static void server_drops(line *l)
{
  sim_heap_enter(SIM_SERVER);
  if (l->server_here && l->member)
    atr_room_leave(w.room, l->member, false);
  sim_heap_leave();
  l->member = NULL;
  l->server_here = false;
  close_line(l);
}

static void client_drops(client *c)
{
  line *l = c->line;

  c->line = NULL;
  l->client_here = false;
  sim_heap_enter(SIM_CLIENT + c->number);
  atr_replica_disconnected(c->replica);
  sim_heap_leave();
  close_line(l);
}

static void connect_client(client *c)
{
  atr_room_join join = {.participant = c->participant, .name = "Somebody"};
  line *l = w.lines;

  while (l < w.lines + LINES_MAX && l->used)
    l++;
  if (l == w.lines + LINES_MAX)
    return;
  if (!w.room)
    open_room(atr_room_seq_base(w.clock += 1000, atr_replica_highest(c->replica)));
  memset(l, 0, sizeof *l);
  l->used = l->client_here = l->server_here = true;
  l->client = c;
  c->line = l;
  l->at_server = atr_frame_reader_new();
  l->at_client = atr_frame_reader_new();
  l->down_max = sim_chance(30) ? 300 : 100000;
  atr_buf_init(&l->up, SIZE_MAX / 2);
  atr_buf_init(&l->down, SIZE_MAX / 2);
  if (atr_buf_reserve(&l->up, 1) || atr_buf_reserve(&l->down, 1)) /* so that they are the world's, whoever fills them */
    sim_fail("no memory");
  join.returning = atr_replica_returning(c->replica, &join.cursor, &join.partial, &join.epoch);
  SIM_LOG("client %d joins at %llu%s", c->number, (unsigned long long)join.cursor, join.partial ? " partial" : "");
  sim_heap_enter(SIM_SERVER);
  if (atr_room_join_member(w.room, &join, l, &l->member))
    sim_fail("client %d cannot join", c->number);
  sim_heap_leave();
}

/* What anybody holds when the room is lost must be in the next one, if only to be deleted there. */
static void forget_held(void)
{
  while (w.n_held)
    cJSON_Delete(w.held[--w.n_held].tree);
}

static const cJSON *confirmed(const client *c, const atr_id *id, uint64_t *seq)
{
  const cJSON *tree;

  sim_heap_enter(SIM_CLIENT + c->number);
  tree = atr_replica_confirmed(c->replica, id, seq);
  sim_heap_leave();
  return tree;
}

static void note_one(const client *c, const atr_id *id)
{
  uint64_t seq;
  const cJSON *tree = confirmed(c, id, &seq);
  size_t i = 0;

  while (i < w.n_held && !atr_id_equal(&w.held[i].id, id))
    i++;
  if (!seq || i == 512 || (i < w.n_held && w.held[i].seq >= seq))
    return;
  if (i == w.n_held)
    w.n_held++;
  else
    cJSON_Delete(w.held[i].tree);
  w.held[i].id = *id;
  w.held[i].seq = seq;
  w.held[i].tree = tree ? cJSON_Duplicate(tree, true) : NULL;
}

/* Documents of the room, and of epochs before. A deletion may be held by one whose own application never heard of the document. */
static void note_held_by(const client *c)
{
  for (size_t k = 0; k < w.model.n; k++)
    note_one(c, &w.model.docs[k].id);
  for (const client *o = w.clients; o < w.clients + w.n_clients; o++)
    for (size_t k = 0; k < o->app.n; k++)
      note_one(c, &o->app.docs[k].id);
}

static void note_held(void)
{
  forget_held();
  for (const client *c = w.clients; c < w.clients + w.n_clients; c++)
    if (c->active)
      note_held_by(c);
}

static void lose_room(void)
{
  note_held();
  SIM_LOG("the room is lost");
  w.lost = true;
  for (int i = 0; i < w.n_clients; i++)
    for (size_t k = 0; k < w.clients[i].app.n; k++)
      w.clients[i].app.docs[k].only_mine = false;
  w.stats->losses++;
  for (line *l = w.lines; l < w.lines + LINES_MAX; l++) {
    if (!l->used)
      continue;
    if (l->client_here)
      client_drops(l->client);
    if (l->used)
      l->server_here = false, l->member = NULL, close_line(l);
  }
  atr_room_free(w.room);
  while (store_step())
    ;
  atr_blobs_free(w.blobs);
  w.room = NULL;
  w.blobs = NULL;
}

static int server_message(void *ctx, enum atr_lane lane, const uint8_t *msg, size_t len)
{
  line *l = ctx;
  int err;

  if (!l->member)
    return 0;
  sim_heap_enter(SIM_SERVER);
  err = atr_room_receive(w.room, l->member, (int)lane, atr_span_of(msg, len));
  sim_heap_leave();
  if (err == ATR_STORE_BUSY && w.store.slow)
    server_drops(l);
  else if (err)
    sim_fail("the room cuts client %d: %s (message %02x)", l->client->number, atr_err_name(err), msg[0]);
  return 0;
}

static int client_json(client *c, atr_span msg)
{
  cJSON *json;
  const char *t = "";
  atr_span text;
  int err = atr_msg_read_json(msg, &text);

  if (err || atr_json_parse((const char *)text.p, text.n, &json))
    sim_fail("a control message is no JSON");
  atr_json_get_str(json, "t", &t);
  if (!strcmp(t, "joined"))
    err = atr_replica_joined(c->replica, json);
  cJSON_Delete(json);
  return err;
}

static int client_message(void *ctx, enum atr_lane lane, const uint8_t *msg, size_t len)
{
  client *c = ctx;
  int err;

  sim_heap_enter(SIM_CLIENT + c->number);
  err = msg[0] == ATR_MSG_JSON ? client_json(c, atr_span_of(msg, len))
                               : atr_replica_receive(c->replica, (int)lane, atr_span_of(msg, len));
  sim_heap_leave();
  SIM_LOG("client %d: message %02x%s, cursor %llu, pending %zu", c->number, msg[0],
          msg[0] == ATR_MSG_CURSOR && msg[len - 1] ? " whole" : "", (unsigned long long)atr_replica_cursor(c->replica),
          atr_replica_pending(c->replica));
  w.stats->listings += msg[0] == ATR_MSG_CATCHUP;
  if (err)
    sim_fail("client %d does not take message %02x: %s", c->number, msg[0], atr_err_name(err));
  return 0;
}

static size_t piece(const atr_buf *b)
{
  size_t n = sim_chance(30) ? 1 + sim_below(40) : sim_chance(50) ? 1 + sim_below(2000) : b->len;

  return n < b->len ? n : b->len;
}

static void deliver_bytes(atr_buf *b, atr_frame_reader *reader, atr_frame_message_fn fn, void *ctx)
{
  size_t n = piece(b);
  uint8_t *bytes;

  if (!n)
    return;
  bytes = malloc(n); /* exactly as long as it is, so that reading beyond shows */
  memcpy(bytes, b->data, n);
  atr_buf_consume(b, n);
  if (atr_frame_reader_feed(reader, bytes, n, fn, ctx))
    sim_fail("a frame cannot be read");
  free(bytes);
}

static void server_pulls(line *l)
{
  int lane = (int)sim_below(ATR_LANES);
  int64_t n;

  if (!l->member || !l->server_awake[lane] || l->down.len > l->down_max)
    return;
  sim_heap_enter(SIM_SERVER);
  n = atr_room_pull(l->member, lane, &l->down, 1 + sim_below(sim_chance(50) ? 300 : 70000));
  sim_heap_leave();
  if (n == ATR_IO && w.failing_percent) {
    server_drops(l);
    return;
  }
  if (n < 0)
    sim_fail("pull gives %s", atr_err_name((int)n));
  l->server_awake[lane] = n != 0;
}

static void client_pulls(client *c)
{
  int lane = (int)sim_below(ATR_LANES);
  line *l = c->line;
  int64_t n;

  if (!l || !l->client_awake[lane] || l->up.len > 100000)
    return;
  sim_heap_enter(SIM_CLIENT + c->number);
  n = atr_replica_pull(c->replica, lane, &l->up, 1 + sim_below(sim_chance(50) ? 300 : 70000));
  sim_heap_leave();
  if (n < 0)
    sim_fail("client %d: pull gives %s", c->number, atr_err_name((int)n));
  l->client_awake[lane] = n != 0;
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

/* Measured, and half as much again. What is large is counted apart: zstd's memory is most of it, 380 KB for each connection that has packed and
 * unpacked a blob, and would hide what grows by small pieces. */
enum {
  WEIGH_STEPS = 256,
  SERVER_BYTES = 24 << 10,
  CLIENT_BYTES = 24 << 10,
  MEMBER_BYTES = 6 << 10,
  DOC_BYTES = 2 << 10, /* of which a tenth is text here */
  PENDING_BYTES = 1 << 10,
  LARGE_BYTES = 560 << 10,         /* of each connection */
  LONG_BYTES = 3 * SIM_LONG_BYTES, /* confirmed, told, pending, and in buffers that have doubled */
};

static void weigh_one(int owner, size_t small_max, size_t all_max)
{
  if (sim_heap_small(owner) > small_max || sim_heap_held(owner) > all_max)
    sim_fail("owner %d holds %zu bytes in small pieces and %zu in all instead of at most %zu and %zu", owner,
             sim_heap_small(owner), sim_heap_held(owner), small_max, all_max);
}

/* Whatever members and merges are about: beside what documents name, and what comes and goes, no more than the ring may keep. */
static void weigh_blobs(void)
{
  size_t ring = atr_blobs_ring_bytes(w.blobs), named = atr_blobs_named_bytes(w.blobs), living;

  if (ring > w.ring_blob_bytes)
    sim_fail("the ring keeps %zu bytes of blobs instead of at most %zu", ring, w.ring_blob_bytes);
  if (w.store.done) /* the model is ahead of the room */
    return;
  living = model_blob_bytes(&w.model);
  if (named > living + w.ring_blob_bytes)
    sim_fail("documents keep %zu bytes of blobs, of which they name %zu", named, living);
}

static void weigh_server(void)
{
  size_t members = 0, small;

  for (line *l = w.lines; l < w.lines + LINES_MAX; l++)
    members += l->used && l->member;
  small = SERVER_BYTES + members * MEMBER_BYTES + w.model.n * DOC_BYTES;
  weigh_one(SIM_SERVER, small,
            small + w.ring_bytes + atr_blobs_bytes(w.blobs) + (1 + members) * LARGE_BYTES + sim_longs * LONG_BYTES);
}

static void weigh_client(client *c)
{
  size_t docs = w.model.n > c->app.n ? w.model.n : c->app.n;
  size_t small = CLIENT_BYTES + docs * DOC_BYTES + atr_replica_pending(c->replica) * PENDING_BYTES;

  weigh_one(SIM_CLIENT + c->number, small, small + atr_blobs_bytes(c->blobs) + LARGE_BYTES + sim_longs * LONG_BYTES);
}

static void weigh(void)
{
  if (w.room) {
    weigh_server();
    weigh_blobs();
  }
  for (client *c = w.clients; c < w.clients + w.n_clients; c++)
    if (c->active && !c->gone)
      weigh_client(c);
}

static void check_nothing_is_left(const size_t *before)
{
  for (int i = 0; i < SIM_OWNERS; i++)
    if (sim_heap_held(i) != before[i])
      sim_fail("owner %d leaves %zu bytes behind", i, sim_heap_held(i) - before[i]);
}

/* --- steps -------------------------------------------------------------------------------------------------------- */

static void random_line_step(void)
{
  line *l = &w.lines[sim_below(LINES_MAX)];

  for (int i = 0; i < LINES_MAX && !l->used; i++)
    l = l + 1 == w.lines + LINES_MAX ? w.lines : l + 1;
  if (!l->used)
    return;
  if (!l->client_here) { /* cut: what was under way is lost, or some of it still arrives */
    if (sim_chance(30))
      deliver_bytes(&l->up, l->at_server, server_message, l);
    else if (sim_chance(20) || w.calm)
      server_drops(l);
    return;
  }
  if (!l->server_here) { /* taken over, or the server has gone */
    client_drops(l->client);
    return;
  }
  switch (sim_below(4)) {
  case 0:
    server_pulls(l);
    break;
  case 1:
    client_pulls(l->client);
    break;
  case 2:
    if (!l->held || sim_chance(10))
      deliver_bytes(&l->up, l->at_server, server_message, l);
    break;
  default:
    deliver_bytes(&l->down, l->at_client, client_message, l->client);
  }
}

static int deliver(client *c, int max)
{
  int n;

  sim_heap_enter(SIM_CLIENT + c->number);
  n = atr_replica_deliver(c->replica, max);
  sim_heap_leave();
  return n;
}

static void idle(client *c, int max)
{
  sim_heap_enter(SIM_CLIENT + c->number);
  atr_replica_idle(c->replica, max);
  sim_heap_leave();
}

static void client_step(client *c)
{
  if (c->gone)
    return;
  if (!c->active) {
    if (sim_chance(w.calm ? 100 : 5))
      start_client(c);
    return;
  }
  switch (sim_below(6)) {
  case 0:
    if (!w.calm && sim_chance(60))
      app_edit(&c->app);
    break;
  case 1:
    app_take(&c->app, 1 + sim_below(4));
    break;
  case 2:
    client_submits(c);
    break;
  case 3:
    deliver(c, 1 + (int)sim_below(8));
    break;
  case 4:
    if (!c->line && sim_chance(w.calm ? 100 : 30))
      connect_client(c);
    else if (c->line && !w.calm && sim_chance(w.cut_percent))
      w.stats->cuts++, client_drops(c);
    break;
  default:
    if (sim_chance(10))
      idle(c, 8);
  }
}

static void step(void)
{
  w.stats->steps++;
  if (++w.steps % WEIGH_STEPS == 0)
    weigh();
  if (sim_chance(25))
    client_step(&w.clients[sim_below((uint32_t)w.n_clients)]);
  else
    random_line_step();
  if (sim_chance(20))
    store_step();
  if (!w.calm && w.room && sim_below(10000) < w.loss_permille)
    lose_room();
}

/* --- rest --------------------------------------------------------------------------------------------------------- */

static void print_unrest(void)
{
  for (int i = 0; i < w.n_clients; i++) {
    client *c = &w.clients[i];
    line *l = c->line;

    if (!c->active)
      continue;
    fprintf(stderr, "client %d: line %d commands %zu events %zu pending %zu parked %zu told %d cursor %llu\n", i,
            l != NULL, c->app.n_commands, c->app.n_events, atr_replica_pending(c->replica),
            atr_replica_parked(c->replica), atr_replica_told_all(c->replica),
            (unsigned long long)atr_replica_cursor(c->replica));
    for (int lane = 0; l && lane < ATR_LANES; lane++)
      fprintf(stderr, "  lane %d: client awake %d, server awake %d\n", lane, l->client_awake[lane],
              l->server_awake[lane]);
    if (l)
      fprintf(stderr, "  up %zu down %zu\n", l->up.len, l->down.len);
  }
}

static bool client_rests(client *c)
{
  bool awake = false;

  if (!c->active || !c->line || !c->line->server_here || c->app.n_commands || c->app.n_events ||
      atr_replica_pending(c->replica) || atr_replica_parked(c->replica))
    return false;
  for (int lane = 0; lane < ATR_LANES; lane++)
    awake = awake || c->line->client_awake[lane] || c->line->server_awake[lane];
  /* Names are settled when something is delivered: a client that has just submitted need not have come to that. */
  return !awake && !c->line->up.len && !c->line->down.len && !deliver(c, 8) && atr_replica_told_all(c->replica);
}

static bool rests(void)
{
  if (!w.room || w.store.done)
    return false;
  for (line *l = w.lines; l < w.lines + LINES_MAX; l++)
    if (l->used && !l->client_here)
      return false;
  for (int i = 0; i < w.n_clients; i++)
    if (!w.clients[i].gone && !client_rests(&w.clients[i]))
      return false;
  return true;
}

static void leave_for_good(client *c)
{
  if (!c->active)
    return;
  if (c->line)
    client_drops(c);
  c->gone = w.left = true;
}

static void come_to_rest(void)
{
  uint32_t i = 0;

  w.calm = true;
  if (!w.lost && sim_chance(30))
    leave_for_good(&w.clients[1 + sim_below((uint32_t)w.n_clients - 1)]);
  for (; i < REST_MAX && !rests(); i++)
    step();
  for (int c = 0; c < w.n_clients; c++)
    if (!w.clients[c].gone)
      app_end_previews(&w.clients[c].app);
  for (; i < REST_MAX && !rests(); i++)
    step();
  for (int c = 0; c < w.n_clients; c++)
    for (int k = 0; k < 100 && !w.clients[c].gone; k++)
      idle(&w.clients[c], 64);
  for (; i < REST_MAX && !rests(); i++)
    step();
  if (i == REST_MAX)
    print_unrest();
  if (i == REST_MAX)
    sim_fail("the world does not come to rest");
}

/* --- checks ------------------------------------------------------------------------------------------------------- */

static void check_room(void)
{
  size_t living = 0;

  for (size_t i = 0; i < w.model.n; i++) {
    model_doc *d = &w.model.docs[i];
    atr_buf text;
    cJSON *tree = NULL;
    uint64_t seq;
    int err;

    atr_buf_init(&text, SIZE_MAX / 2);
    err = atr_room_document(w.room, &d->id, &text, &seq);
    if (!err && atr_json_parse((const char *)text.data, text.len, &tree))
      sim_fail("the room holds no JSON");
    if ((d->tree != NULL) != (err == 0) || (!err && seq != d->seq) || (!err && !sim_same(tree, d->tree)))
      sim_fail("document %02x is another one in the room", d->id.b[0]);
    living += d->tree != NULL;
    cJSON_Delete(tree);
    atr_buf_free(&text);
  }
  if (living != atr_room_documents(w.room))
    sim_fail("%zu documents live, the room counts %zu", living, atr_room_documents(w.room));
  if (atr_room_tombstones(w.room) > w.tombstones_max)
    sim_fail("%zu tombstones", atr_room_tombstones(w.room));
}

static void check_text(const client *c, const model_doc *d, const cJSON *tree, const char *what)
{
  char *a, *b;

  if (sim_same(tree, d->tree))
    return;
  a = sim_text(tree);
  b = sim_text(d->tree);
  sim_fail("client %d: %s of document %02x is\n  %s\nand should be\n  %s", c->number, what, d->id.b[0], a, b);
}

static void check_client(client *c)
{
  for (size_t i = 0; i < w.model.n; i++) {
    model_doc *d = &w.model.docs[i];
    const app_doc *a = app_find(&c->app, &d->id);
    const char *show = d->tree ? model_show(&w.model, d) : NULL;
    uint64_t seq;

    check_text(c, d, confirmed(c, &d->id, &seq), "the replica");
    if (d->tree && seq != d->seq)
      sim_fail("client %d: document %02x is at %llu instead of %llu", c->number, d->id.b[0], (unsigned long long)seq,
               (unsigned long long)d->seq);
    check_text(c, d, a ? a->tree : NULL, "the application");
    if (d->tree && (!show != !a->show || (show && strcmp(show, a->show))))
      sim_fail("client %d: document %02x shows %s instead of %s", c->number, d->id.b[0], a->show ? a->show : "its name",
               show ? show : "its name");
  }
  for (size_t i = 0; i < c->app.n; i++)
    if (c->app.docs[i].tree && !model_find(&w.model, &c->app.docs[i].id))
      sim_fail("client %d holds document %02x, which nobody else has", c->number, c->app.docs[i].id.b[0]);
  if (atr_replica_cursor(c->replica) != atr_room_head(w.room) ||
      !atr_replica_delivered(c->replica, atr_room_head(w.room)))
    sim_fail("client %d stands at %llu of %llu", c->number, (unsigned long long)atr_replica_cursor(c->replica),
             (unsigned long long)atr_room_head(w.room));
  if (atr_replica_pending(c->replica) || atr_replica_parked(c->replica))
    sim_fail("client %d: %zu pending, %zu parked", c->number, atr_replica_pending(c->replica),
             atr_replica_parked(c->replica));
  if (atr_replica_tombstones(c->replica) > w.own_tombstones_max)
    sim_fail("client %d: %zu tombstones", c->number, atr_replica_tombstones(c->replica));
  if (atr_replica_healed(c->replica))
    sim_fail("client %d: a digest differed", c->number);
}

/* Each durable operation was committed once or refused once; both, where the room had forgotten who sent it. */
static void check_counts(void)
{
  uint64_t submitted = 0, refused = 0, committed = 0, unsure = 0;

  for (int i = 0; i < w.n_clients; i++) {
    submitted += w.clients[i].durable;
    refused += w.clients[i].refused;
    unsure += w.clients[i].unsure;
  }
  for (size_t i = 0; i < sizeof w.model.commits / sizeof *w.model.commits; i++)
    committed += w.model.commits[i];
  if (!w.lost && !w.left && (refused + committed < submitted || refused + committed > submitted + unsure))
    sim_fail("%llu submitted, %llu committed, %llu refused", (unsigned long long)submitted,
             (unsigned long long)committed, (unsigned long long)refused);
}

/* Whoever came back first, and whatever that one held: the newest that anybody had stands, unless it was edited since. Where tombstones are
 * dropped early a deletion may be forgotten. */
static void check_brought_back(void)
{
  bool remembers = w.tombstones_max == 1000 && w.own_tombstones_max == 1000;

  for (size_t i = 0; i < w.n_held; i++) {
    const model_doc *d = model_find(&w.model, &w.held[i].id);

    if (!d && w.held[i].tree)
      sim_fail("document %02x was not brought back", w.held[i].id.b[0]);
    if (!d || d->edited || (!w.held[i].tree && !remembers))
      continue;
    if (!sim_same(d->tree, w.held[i].tree))
      sim_fail("document %02x was brought back as\n  %s\nand the newest was\n  %s", d->id.b[0], sim_text(d->tree),
               sim_text(w.held[i].tree));
  }
}

static void tear_down(void)
{
  forget_held();
  for (line *l = w.lines; l < w.lines + LINES_MAX; l++) {
    if (!l->used)
      continue;
    if (l->client_here)
      client_drops(l->client);
    if (l->used)
      server_drops(l);
  }
  atr_room_free(w.room);
  while (store_step())
    ;
  for (int i = 0; i < w.n_clients; i++) {
    atr_replica_free(w.clients[i].replica);
    app_free(&w.clients[i].app);
    atr_blobs_free(w.clients[i].blobs);
  }
  if (atr_blobs_bytes(w.blobs) > w.spare_bytes) /* a reference was not given back */
    sim_fail("a freed room left %zu bytes of blobs behind", atr_blobs_bytes(w.blobs));
  atr_blobs_free(w.blobs);
  model_reset(&w.model, 0);
}

void world_run(uint64_t seed, sim_stats *stats)
{
  static const size_t rings[] = {600, 3000, 20000, 200000, 1000000};
  size_t before[SIM_OWNERS];
  uint32_t steps;

  for (int i = 0; i < SIM_OWNERS; i++)
    before[i] = sim_heap_held(i);
  memset(&w, 0, sizeof w);
  w.seed = seed;
  w.stats = stats;
  sim_seed(seed);
  sim_id(&w.room_id);
  w.ring_bytes = rings[sim_below(5)];
  w.ring_blob_bytes = (size_t)1 << (8 + 2 * sim_below(6));
  sim_long_percent = w.ring_bytes == 200000 && sim_chance(30) ? 40 : 2;
  w.tombstones_max = sim_chance(50) ? 1 + sim_below(3) : 1000;
  w.own_tombstones_max = sim_chance(50) ? sim_below(3) : 1000;
  w.staged_bytes_max = sim_chance(20) ? 500 + sim_below(2000) : 1 << 20;
  w.failing_percent = sim_chance(25) ? 1 + sim_below(30) : 0;
  sim_actions = 0;
  sim_longs = 0;
  w.n_clients = 2 + (int)sim_below(CLIENTS_MAX - 1);
  w.participants_max = sim_chance(20) ? 1 + sim_below((uint32_t)w.n_clients) : 0;
  w.cut_percent = sim_chance(60) ? 1 + sim_below(20) : 0;
  w.loss_permille = sim_chance(25) ? 1 + sim_below(20) : 0;
  for (int i = 0; i < w.n_clients; i++)
    w.clients[i].number = i;
  start_client(&w.clients[0]);
  w.clock = UINT64_C(1700000000000);
  open_room(atr_room_seq_base(w.clock, 0));
  steps = 200 * (uint32_t)w.n_clients + sim_below(2000);
  for (uint32_t i = 0; i < steps; i++)
    step();
  come_to_rest();
  check_counts();
  check_brought_back();
  check_room();
  for (int i = 0; i < w.n_clients; i++)
    if (!w.clients[i].gone)
      check_client(&w.clients[i]);
  stats->runs++;
  tear_down();
  check_nothing_is_left(before);
}
