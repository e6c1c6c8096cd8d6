/* SPDX-License-Identifier: MIT
 *
 * What the files of the client engine share.
 *
 *   client.c    the two sides of the queues, the thread, the end
 *   events.c    events to the application: writing, queueing, keeping only the newest where that is enough
 *   commands.c  commands from the application
 *   link.c      the connection: racing, hello, knocking, reconnecting
 *   roaming.c   this machine changes its networks
 *   trust.c     whether a host's key is the right one
 *   enter.c     into a room: create, join, again after a cut
 *   questions.c commands that the server has not answered yet
 *   seats.c     rooms: replicas, submit, flush, leaving
 *   password.c  a host that is trusted because it knows the password too
 *   tap.c       a seat that only listens to operations
 *   discover.c  looking for hosts on the local network
 *   inbox.c     messages from the server
 *   seen.c      which event of a room the application had taken when it sent a command
 *   shelf.c     blobs that the application may ask for, from its own thread
 *
 * A *seat* is this participant's place in one room; it outlives connections. Everything below runs on the engine's thread except
 * where a comment says otherwise.
 */
#ifndef ATR_CLIENT_INTERNAL_H
#define ATR_CLIENT_INTERNAL_H

#include "base/error.h"
#include "base/limits.h"
#include "blob/blobs.h"
#include "client/client.h"
#include "client/seen.h"
#include "client/shelf.h"
#include "proto/json.h"
#include "proto/jsonw.h"
#include "proto/message.h"
#include "proto/tags.h"
#include "queue/ring.h"
#include "reach/seeker.h"
#include "replica/replica.h"
#include "session/password.h"
#include "session/pins.h"
#include "session/session.h"
#include "session/token.h"
#include "session/turns.h"
#include "transport/invite.h"
#include "transport/platform.h"
#include "transport/race.h"

#include <stdatomic.h>
#include <uv.h>

typedef struct seat seat;
typedef struct tap tap;
typedef struct guess guess;
typedef struct glances glances;
typedef struct question question;

/* --- messages of the queues ---------------------------------------------------------------------------------- */

/* Application to engine. The ring owns it, then the engine; freed with command_free(). */
typedef struct command {
  uint64_t seen;   /* number of `doc` events that the application had taken */
  atr_bytes *blob; /* put_blob; then there is no text */
  atr_hash hash;   /* of the blob */
  size_t len;
  char json[];
} command;

void command_free(command *cmd);

/* --- seats --------------------------------------------------------------------------------------------------- */

/* One `flush` on its way: own operations acknowledged, head asked, delivered up to it. */
typedef struct flush {
  struct flush *next;
  uint64_t n;
  uint64_t submitted; /* own operations before it */
  uint64_t seq;       /* the head, once known */
  bool asked, has_seq;
  uint64_t delivered_ms; /* when everything up to it was delivered but for blobs; 0: not yet */
} flush;

struct seat {
  seat *next;
  atr_turn turn;
  atr_client *client;
  atr_id room;
  atr_replica *replica;
  tap *tap; /* then the replica stays empty */
  atr_seen seen;
  uint32_t handle; /* on the present connection, while `joined` */
  int blender[3];
  char name[ATR_ROOM_NAME_BYTES_MAX + 1];
  bool joined;      /* the server has said so on the present connection */
  atr_buf presence; /* the newest one, as text, until the lane has room */
  bool ever_joined;
  bool is_filled; /* `ready` was said: again on each connection, as it may be lost with one */
  bool whole;     /* the replica says that it has everything */
  bool complete;  /* and the application was told: never taken back */
  bool leaving;   /* `leave` waits until what was submitted before is out */
  uint64_t leave_by_ms;
  uint64_t whole_ms, last_bulk_ms; /* since when `whole`; when the last part of a blob came */
  uint64_t submitted;              /* durable operations, ever */
  size_t pending_told;
  uint64_t unsent_told, pending_told_ms;
  double progress_told;
  flush *flushes;
  struct {
    uint32_t member;
    atr_id participant;
  } * people; /* who a member's number is */
  size_t n_people;
};

/* --- the client ---------------------------------------------------------------------------------------------- */

typedef enum link_state {
  LINK_DOWN,
  LINK_RACING,     /* TCP */
  LINK_TLS,        /* until the host's key is proved */
  LINK_PASSWORD,   /* proving that both know it */
  LINK_CONFIRMING, /* the user is asked about the key; the session may already be gone */
  LINK_HELLO,      /* until the welcome */
  LINK_KNOCKING,
  LINK_UP,
  LINK_PAUSE, /* between two attempts */
} link_state;

/* An event that found the queue full. */
typedef struct waiting_event {
  struct waiting_event *next;
  char what[96]; /* of those with an equal name only the newest is kept; empty: all are */
  atr_client_event *event;
} waiting_event;

typedef enum thread_end {
  THREAD_RUNS,
  THREAD_ORPHANED, /* needs nobody any more, and nobody need wait for it */
  THREAD_ENDED,
} thread_end;

enum { URGENT_CANCEL = 1, URGENT_DISCONNECT = 2, URGENT_CLOSE = 4 };

struct atr_client {
  /* both threads */
  atr_ring *commands;
  atr_ring *events;
  atr_waker *waker;
  atomic_int urgent;   /* what must not wait in the queue */
  atomic_bool starved; /* the engine waits for room in `events` */
  uv_mutex_t lock;     /* of what follows; held for some instructions only */
  uv_cond_t wake;
  bool has_event, interrupted;
  thread_end end;
  shelf *shelf; /* locks for itself */

  /* the application's thread */
  uint64_t seen; /* number of the newest `doc` event that was taken */

  struct atr_client *next_orphan; /* see client.c */

  /* constant */
  char *home;
  bool interactive, first_use;
  atr_identity *identity;
  atr_id participant;
  uv_thread_t thread;

  /* the engine's thread */
  uv_loop_t loop;
  atr_net *net;
  uv_timer_t tick;  /* ATR_CLIENT_TICK_MS */
  uv_timer_t retry; /* LINK_PAUSE */
  atr_net_task pump_task;
  atr_buf scratch;        /* for writing messages and events */
  uint64_t event_count;   /* `doc` events ever queued */
  waiting_event *waiting; /* oldest first */
  waiting_event **waiting_end;
  size_t n_waiting;
  command *held; /* waits for room in a replica */
  bool closing;

  link_state link;
  bool was_up;          /* since the last `connect` */
  bool server_restarts; /* said the one that has gone */
  bool disconnecting;
  bool hung_up;             /* the first connection was closed without a word: once is no answer yet */
  uint64_t look_at_ms;      /* at this machine's networks, next */
  uint64_t networks_digest; /* as they were */
  uint32_t looks_without;   /* in a row that have not seen the connection's address */
  uint32_t attempt;
  uint64_t up_since_ms; /* of the last welcome */
  atr_race *race;
  atr_session *session;
  atr_address address;
  char address_text[ATR_ADDRESS_TEXT_BYTES]; /* as it may be shown, and is pinned */
  char via[ATR_ADDRESS_TEXT_BYTES]; /* the address that won the race, as it was typed or stands in the invite */
  char password[ATR_PASSWORD_BYTES_MAX + 1];       /* until the welcome; empty: none */
  char password_room[ATR_ROOM_NAME_BYTES_MAX + 1]; /* whose it is; empty: the server's */
  guess *guess;
  atr_invite *invite; /* instead of the address: what was pasted; NULL: none */
  char user_name[ATR_USER_NAME_BYTES_MAX + 1];
  char user_version[64];
  double color[3];
  atr_hash host_key; /* of LINK_CONFIRMING */
  bool probes;       /* only looks who answers: nothing is said to it */
  bool only_own;     /* the same, where this home has no token for the key */
  bool asks_here;    /* being on this machine is no reason to trust a server of another home */
  bool asks_rooms;   /* the list of rooms comes with each welcome */
  bool awaits_rooms; /* it was asked for, and has not come */
  bool is_pinned;    /* the host's key is the one that is pinned for its address, or was given */
  bool is_key_given; /* by the application: that of a host that was found. It stands for the pin of the address */
  atr_hash given_key;
  bool keep_pin; /* the address is pinned to another host; an invite, or a key that was given, does not change that */
  char host_code[ATR_CHECK_CODE_BYTES];
  bool host_accepted;    /* by the user, while the session was gone */
  char trusted_code[64]; /* of `trust` before `connect` */
  int said_err;          /* the server's last word */
  char said_text[ATR_REASON_BYTES_MAX];
  uint64_t state_since_ms;
  const char *state_told;
  uint32_t attempt_told;
  uint32_t latency_told_us;
  uint64_t disconnect_by_ms;
  uint64_t answer_by_ms; /* the host's, before the welcome; 0: none is due */
  question *questions;   /* oldest first */

  atr_seeker *seeker; /* while the application looks for hosts */
  glances *glances;   /* and wants to see their rooms */

  atr_blobs *blobs;
  seat *seats;
  atr_turns turns;    /* of the seats, on the lanes */
  uint64_t swept_ms;  /* the shelf */
  uint64_t let_go_ms; /* blobs that were put and not named */
  bool creating;      /* one `create` is under way */
  int creating_blender[3];
};

uint64_t client_now_ms(const atr_client *c);
/* Delivers, checks what waits, wakes the application: once, before the loop sleeps again. */
void client_pump_later(atr_client *c);

/* --- events.c --- */

/* Begins an event in the scratch buffer: {"t":t ... */
atr_jw event_begin(atr_client *c, const char *t);
/* Queues it. `what` as in waiting_event, or NULL. */
void event_end(atr_client *c, atr_jw *w, const char *what);
/* A `doc` event: 0 or ATR_FULL. */
int event_push_doc(atr_client *c, atr_jw *w);
/* The finished event as the queue takes it, NULL on failure; the caller owns it. */
atr_client_event *event_of(atr_client *c, atr_jw *w, uint64_t n);
bool event_has_room(const atr_client *c);
/* Into the queue; false where it is full, and then the engine is told when it no longer is. The caller keeps the event. */
bool event_push(atr_client *c, atr_client_event *event);
/* Moves what waited into the queue. */
void event_flush_waiting(atr_client *c);
void event_wake_application(atr_client *c);
void event_free_waiting(atr_client *c);
void event_error(atr_client *c, int err, const char *text, const char *re, const atr_id *room);

/* --- commands.c --- */

/* 0, or ATR_FULL: a replica has no room now, try this command again later. */
int command_run(atr_client *c, command *cmd);

/* --- link.c --- */

void link_connect(atr_client *c, const cJSON *message);
/* A connection to the present address. */
void link_race(atr_client *c);
/* The host's key is accepted. */
void link_hello(atr_client *c);
void link_cancel(atr_client *c);
void link_disconnect(atr_client *c);
void link_end(atr_client *c); /* of the engine: at once, silently */
void link_tick(atr_client *c, uint64_t now_ms);
void link_tell_state(atr_client *c, int err, const char *sentence, const char *detail);
/* The host has ATR_ANSWER_TIMEOUT_MS from now to say something. */
void link_await(atr_client *c);
/* `hello` was answered. */
void link_welcome(atr_client *c, const cJSON *message);
void link_ask_rooms(atr_client *c);
void link_knocking(atr_client *c);
/* What the server says before it closes. */
void link_said(atr_client *c, int err, const char *text);
/* The address of the connection is no longer this machine's. */
void link_left_network(atr_client *c);
/* In the pause before an attempt: there is a network that was not there before. */
void link_try_now(atr_client *c);

/* --- roaming.c --- */

void roaming_tick(atr_client *c, uint64_t now_ms);
/* Sends a finished or unfinished JSON message; a failure ends the session. */
void link_send_json(atr_client *c, atr_jw *w);
atr_jw link_begin_json(atr_client *c, atr_buf *buf, const char *t);

/* --- trust.c --- */

void link_trust(atr_client *c, const cJSON *message);
void link_forget(atr_client *c, const cJSON *message);
/* As atr_session_callbacks.on_key. */
void trust_on_key(void *ctx, const atr_hash *key, atr_span spki);
/* The host has shown another key than the pinned one, with this check code. True: no more was asked, and all is done. */
bool trust_on_other_key(atr_client *c, const char *code);
/* Both know the password. */
void trust_password_proved(atr_client *c);
/* The token that this home's own server left for its key, or false. */
bool trust_token(const atr_client *c, const atr_hash *key, char out[ATR_TOKEN_HEX + 1]);

/* --- enter.c --- */

void seat_create(atr_client *c, const cJSON *message);
void seat_join(atr_client *c, const cJSON *message);
void seat_joined(atr_client *c, const cJSON *message);
/* The server's error about `create` or `join`; true where the application need not know. */
bool seat_failed(atr_client *c, int err, const char *re, const atr_id *room);
/* With what the replica holds, over a new connection. */
void seat_send_join(seat *s);
/* The application has filled the room: others may join. */
void seat_ready(seat *s);

/* --- password.c --- */

void password_begin(atr_client *c);
int password_message(atr_client *c, const cJSON *message);
void password_cancel(atr_client *c);
/* And the password itself. */
void password_forget(atr_client *c);

/* --- questions.c --- */

/* The command `t`, which goes out now, may be a question; others are ignored. 0, or an error: it cannot be asked. */
int question_asked(atr_client *c, const char *t, const cJSON *message);
/* `t`: the answer, or the command about which an error came. */
void question_answered(atr_client *c, const char *t, const cJSON *message);
/* The line is down. `tells`: the application waits for answers. */
void questions_lost(atr_client *c, bool tells);

/* --- seats.c --- */

/* NULL where memory is short. */
seat *seat_new(atr_client *c, const atr_id *room, const int blender[3]);
void seat_send_leave(atr_client *c, uint32_t handle);
void seat_tell_closed(seat *s, const char *code, const char *text);

seat *seat_of_room(const atr_client *c, const atr_id *room);
seat *seat_of_handle(const atr_client *c, uint32_t handle);
void seat_leave(atr_client *c, seat *s);
void seat_flush(atr_client *c, seat *s, uint64_t n);
int seat_submit(atr_client *c, seat *s, cJSON *message, uint64_t seen);
/* Takes the place of what has not gone out yet. */
void seat_presence(atr_client *c, seat *s, const cJSON *data);
void seat_head(seat *s, uint64_t n, uint64_t seq);
void seat_members(seat *s, const cJSON *message);
void seat_closed(seat *s, const cJSON *message);
void seat_free(seat *s);
void seats_link_up(atr_client *c);
void seats_link_down(atr_client *c);
/* All rooms are left because the connection has ended for good. */
void seats_close_all(atr_client *c, int err, const char *text);
void seats_pump(atr_client *c);
void seats_tick(atr_client *c, uint64_t now_ms);
int64_t seats_pull(void *ctx, int lane, atr_buf *out, size_t budget);

/* --- tap.c --- */

tap *tap_new(void);
void tap_free(tap *t);
void tap_link_down(tap *t);
int tap_message(seat *s, atr_span message);
/* Hands over what found the queue full. */
void tap_pump(atr_client *c, tap *t);

/* --- discover.c --- */

void discover_set(atr_client *c, const cJSON *message);
void discover_end(atr_client *c);
/* What is shown has changed. */
void discover_tell(atr_client *c);
/* What the pins say of this key at this address. */
atr_known discover_knows(const atr_client *c, const char *address, const atr_hash *key);

/* --- glance.c --- */

/* NULL, also where memory is short: no rooms are shown. Of NULL nothing is asked. */
glances *glances_new(atr_client *c);
void glances_free(glances *g);
/* The hosts that are found now. Does not tell. */
void glances_shown(glances *g, const atr_neighbor **shown, size_t n);
void glances_tick(glances *g, uint64_t now_ms);
/* As in `rooms`; NULL: it has not told us. */
const cJSON *glances_rooms(glances *g, const atr_neighbor *host);

/* --- inbox.c --- */

int inbox_message(void *ctx, int lane, atr_span message);

#endif
