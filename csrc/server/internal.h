/* SPDX-License-Identifier: MIT
 *
 * What the files of the server share.
 *
 *   server.c     life of a server: loop, listener, timers, the end
 *   crowd.c      what happens when the server is full
 *   conn.c       one connection: hello, messages in and out, memberships
 *   rights.c     the table of who may do what, a file
 *   admission.c  who comes in, and which row it gets: token, invite, password, knocking
 *   keeper.c     a file that follows what is in memory
 *   keeping.c    the three of them, and answers that wait for the disk
 *   passwords.c  what is kept of passwords, a file
 *   setting.c    a password is set
 *   proving.c    a guest proves that it knows one
 *   guard.c      how often one may guess
 *   invites.c    the tokens that open the door, a file
 *   inviting.c   the host makes and revokes invites
 *   kept_out.c   whom the host has refused for good, and the way back from that
 *   reach.c      the hosts are told who can reach this machine
 *   lobby.c      the rooms: create, join, leave, list
 *   checkup.c    --check: a host for a moment, over the loopback
 *   command.c    the command line
 *
 * Everything runs on the server's loop; nothing here is locked. A connection is freed in one place only, when its session reports
 * its end, which never happens inside of another call; so a pointer to one stays valid throughout a callback.
 */
#ifndef ATR_SERVER_INTERNAL_H
#define ATR_SERVER_INTERNAL_H

#include "base/error.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/log.h"
#include "blob/blobs.h"
#include "proto/jsonw.h"
#include "proto/message.h"
#include "reach/portmap.h"
#include "reach/responder.h"
#include "room/room.h"
#include "server/guard.h"
#include "server/invites.h"
#include "server/passwords.h"
#include "server/rights.h"
#include "server/server.h"
#include "session/cpace.h"
#include "session/file.h"
#include "session/identity.h"
#include "session/password.h"
#include "session/session.h"
#include "session/token.h"
#include "session/turns.h"
#include "store/store.h"
#include "transport/listen.h"
#include "transport/net.h"

#include <stdatomic.h>
#include <uv.h>

typedef struct conn conn;
typedef struct hall hall;
typedef struct proof proof;
typedef struct setting setting;
typedef struct reply reply;

/* A room of this server and what only the server knows of it. */
struct hall {
  hall *next;
  atr_server *server;
  atr_room *room;
  atr_id id;
  atr_id creator;       /* participant that fills it */
  atr_hash creator_key; /* the user who has made it; zero: it was brought back after a loss, by whoever came first */
  uint32_t handle;
  uint32_t users;
  char name[ATR_ROOM_NAME_BYTES_MAX + 1];
  int blender[3];
  uint64_t schema;
  bool ready;              /* the first upload is complete: others may join */
  bool given_up;           /* before it was ready: its creator has left and does not come back */
  uint64_t empty_since_ms; /* while users is 0 */
  size_t bytes_told;       /* size in the last list */
};

/* One connection in one room. */
typedef struct membership {
  struct membership *next;
  atr_turn turn;
  conn *conn;
  hall *hall;
  atr_room_member *member;
  bool held; /* the room's store does not keep up */
} membership;

typedef enum conn_state {
  CONN_HELLO,    /* until its hello */
  CONN_KNOCKING, /* the hosts are asked */
  CONN_IN,
  CONN_CLOSING,
} conn_state;

struct conn {
  conn *next;
  conn *prev;
  atr_server *server;
  atr_session *session;
  conn_state state;
  bool has_key;
  uint64_t network;     /* where it comes from, as its stream knows */
  uint64_t deadline_ms; /* of CONN_HELLO and CONN_KNOCKING */
  atr_who who;
  atr_id participant;
  char check_code[ATR_CHECK_CODE_BYTES];
  char name[ATR_USER_NAME_BYTES_MAX + 1];
  float color[3];
  bool returns;     /* to a room that it was in: it may bring that back */
  bool wants_rooms; /* has asked for the list, with its hello or later */
  bool rooms_due;   /* and has not been sent the newest */
  proof *proof;     /* while a password is being proved */
  bool has_proved;  /* or has tried to: once per connection */
  bool knows_password;
  atr_id knows_room;                /* whose password it knows; zero: none */
  char via[ATR_ADDRESS_TEXT_BYTES]; /* the address by which it says that it came; empty: it does not say */
  atr_id invited_to;                /* the room that it came for, by invite or password; zero: none */
  membership *memberships;
  atr_turns turns; /* of the memberships, on the lanes */
  atr_turn list_turn;
};

typedef enum kept_file { KEPT_RIGHTS, KEPT_INVITES, KEPT_PASSWORDS, KEPT_FILES } kept_file;

/* What a host is told when his decision is on the disk. */
struct reply {
  reply *prev, *next;
  atr_server *server;
  conn *to; /* NULL: has gone, or nobody in particular */
  void (*give)(reply *a, int err);
  unsigned waits; /* for so many files */
  int err;
  /* What it is about; each sort of reply uses some. */
  const char *re;
  atr_hash by;
  atr_id room;
  atr_invite *invite; /* owned */
  uint64_t expires_s;
  size_t count;
  bool is_set;
};

struct atr_server {
  uv_loop_t loop;
  uv_async_t stop_async;
  uv_timer_t tick;
  uv_signal_t sigterm, sigint;
  uv_thread_t thread;
  bool has_thread, has_signals, is_stopping;
  bool is_restarting; /* its host ends it, to start another */
  atomic_bool running;
  atr_net *net;
  atr_listener *listener;
  atr_responder *responder; /* NULL: is not to be found on the local network */
  atr_portmap *portmap;     /* NULL: the router is asked for nothing */
  atr_portmap *pinhole;     /* the same for IPv6 */
  uint32_t n_unmapping;     /* of both; the end waits for them */
  struct reach *reach;
  uv_file folder_hold; /* -1: none */
  atr_identity *identity;
  atr_store *store;
  atr_rights *rights;
  atr_invites *invites;
  atr_passwords *passwords;
  atr_keeper *keepers[KEPT_FILES];
  reply *replies;    /* that wait for the disk */
  setting *settings; /* passwords that are being derived */
  uint32_t n_settings;
  uint8_t keyed[ATR_KEYED_BYTES];         /* what made-up answers follow from */
  atr_guard strangers;                    /* their guesses at the server's password */
  atr_guard room_guards[ATR_GUESS_SLOTS]; /* and at those of rooms */
  atr_net_task list_task;                 /* sends the list of rooms */
  char check_code[ATR_CHECK_CODE_BYTES];
  uint8_t token[ATR_TOKEN_BYTES];
  uint16_t port;
  bool all_interfaces;
  bool is_open, is_discovered, maps_port; /* as it was told to */
  uint32_t idle_exit_ms, hello_timeout_ms, knock_timeout_ms, room_unready_ms, rooms_max, ring_bytes_max;
  uint32_t connections_max, half_open_max, invite_keys_max;
  atr_log_quota logged; /* about strangers */
  uint64_t idle_since_ms;
  uint64_t stop_deadline_ms;
  conn *conns;
  uint32_t n_conns, n_in, n_knocking;
  hall *halls;
  uint32_t n_halls, last_handle;
};

/* --- server.c --- */

uint64_t server_now_ms(const atr_server *server);
/* What it was started with, for a host who wants something else now; nothing where it is not for the host to end. */
void server_write_settings(const atr_server *server, atr_jw *w);
/* The host ends the server, to start another. */
void server_end(conn *host, const cJSON *message);

/* --- crowd.c --- */

/* Files that a server asks for: as many again as it needs where all that is bounded is full. */
enum { CROWD_FILES = 8192 };

/* How many may stay where so many files can be open, and how many of either kind may be half-open. */
uint32_t crowd_connections_max(uint32_t files);
uint32_t crowd_half_open_max(uint32_t files);
/* Connections beyond those that stay: both kinds of half-open ones, and those whose last words are on their way. */
uint32_t crowd_beside(uint32_t half_open_max);
/* Who goes for another, of those in this state: one of the network that has the most of them, or of all networks that have as many, as no number of an
 * address may make somebody go first. Who could say hello at once and has not said it for long is the one; but of those who knock, who wait for
 * somebody, the newest, so that who has come first stays. NULL: there are none. */
conn *crowd_greediest(const atr_server *server, conn_state state);
/* It has a key now, and makes room for itself; it may be gone on return, as conn_fail() has it. */
void crowd_proved(conn *c);
/* A new connection from the listener; takes the stream. */
void crowd_arrives(atr_server *server, atr_stream *stream);

/* --- conn.c --- */

/* A new connection for which there is room; takes the stream. */
void conn_accept(atr_server *server, atr_stream *stream);
/* Sends what `w` has written. A peer that lets its control lane fill up is cut. */
void conn_send_json(conn *c, atr_jw *w);
/* The same for JSON that is written already. */
void conn_send_text(conn *c, atr_span json);
/* {"t":"error", ...}; `text` NULL: the error's own sentence; `room` may be NULL. */
void conn_send_error(conn *c, int err, const char *text, const char *re, const atr_id *room);
/* The last word of a server that another one follows at once: {"t":"error", "code":"CLOSED", ..., "restarts":true}. */
void conn_send_restarts(conn *c, const char *text);
/* An error as the last word. */
void conn_fail(conn *c, int err, const char *text, const char *re);
void conn_close(conn *c, int err, const char *detail);
/* For what is logged about this connection: bounded where it is a stranger's, also one that `--open` has let in. */
atr_log_quota *conn_quota(conn *c);
/* A connection that has stayed too long where it is. */
void conn_tick(conn *c, uint64_t now_ms);

/* --- admission.c --- */

/* Makes or reads the token of this home's own clients. */
int admission_open_token(atr_server *server, const char *home, char *why, size_t why_bytes);
void admission_hello(conn *c, const cJSON *hello);
void admission_admit(conn *host, const cJSON *message);
void admission_refuse(conn *host, const cJSON *message);
/* A host has decided about a key: he hears `re` where it could not be kept, and all hosts whom it keeps out. */
void admission_decided(conn *host, const char *re, bool keeps_out);
/* A room was brought back: who knocks and may enter it is let in. */
void admission_room_is_back(atr_server *server);
/* A knocking connection has gone or was answered. */
void admission_knock_ended(conn *c);

/* --- kept_out.c --- */

/* Behind the welcome of a host: the list, where it is not empty. */
void kept_out_greet(conn *host);
/* The list may be another one: all hosts are told. */
void kept_out_changed(atr_server *server);
void kept_out_pardon(conn *host, const cJSON *message);

/* --- keeping.c --- */

int keeping_open(atr_server *server);
void keeping_tick(atr_server *server, uint64_t now_ms);
/* What is not on the disk yet is when this returns, and everybody was answered. */
void keeping_end(atr_server *server);
void keeping_close(atr_server *server);
/* An answer, for one connection or for nobody in particular (NULL). NULL: no memory. Given by keeping_then(), or dropped. */
reply *keeping_reply(atr_server *server, conn *to, void (*give)(reply *a, int err));
void keeping_drop(reply *a);
/* Gives it when what was decided so far is on the disk, or cannot be. */
void keeping_then(reply *a, kept_file file);
/* Another answer waits for a newer state of the file. */
bool keeping_is_awaited(const atr_server *server, kept_file file);
/* The connection is about to be freed. */
void keeping_left(const conn *c);

/* --- setting.c, proving.c --- */

void setting_password(conn *c, const cJSON *message);
/* A step of a guest's proof. */
void proving_pake(conn *c, const cJSON *message);
void proving_drop(conn *c);

/* --- inviting.c --- */

void inviting_create(conn *host, const cJSON *message);
void inviting_revoke(conn *host, const cJSON *message);
/* 0 where the hello shows a token that opens the door, and of which room; ATR_NOENT (it shows none), ATR_INVITE, ATR_PROTO. */
int inviting_check(const atr_server *server, const cJSON *hello, atr_id *room);
/* A new key comes in by it; false where it has let in as many as it can. */
bool inviting_use(atr_server *server, const cJSON *hello);

/* --- reach.c --- */

int reach_open(atr_server *server, const char *bind);
void reach_close(atr_server *server);
/* Somebody who may enter has come this way. What others say counts for nothing. */
void reach_came(conn *c);
/* And is in. */
void reach_let_in(conn *c);
/* What the router says is news. */
void reach_changed(atr_server *server);
void reach_tick(atr_server *server, uint64_t now_ms);
/* A host asks, and may tell something. */
void reach_ask(conn *host, const cJSON *message);
/* Public addresses for an invite: what the host has typed, what the router gives (IPv4, IPv6), tunnels. */
#define REACH_OUTSIDE_MAX (3 + ATR_ENDPOINTS_MAX)
size_t reach_outside(const atr_server *server, atr_address out[REACH_OUTSIDE_MAX]);

/* --- lobby.c --- */

bool lobby_has(const atr_server *server, const atr_id *room);
/* The same for who looks for passwords. */
atr_rooms_there lobby_rooms_there(const atr_server *server);
/* There is a room that this user may enter. */
bool lobby_has_one_for(const conn *c);
/* The room, where it exists and this user may enter it; else NULL. */
const hall *lobby_visible(const conn *c, const atr_id *room);

void lobby_list(conn *c); /* `rooms`: it is due */
/* Sends it, as atr_session_pull. */
int64_t lobby_pull_list(void *ctx, int lane, atr_buf *out, size_t budget);
void lobby_show(conn *c); /* once, to who is not in */
void lobby_changed(atr_server *server);
void lobby_list_task(atr_net_task *task);
void lobby_create(conn *c, const cJSON *message);
void lobby_join(conn *c, const cJSON *message);
void lobby_ready(conn *c, const cJSON *message);
void lobby_leave(conn *c, const cJSON *message);
void lobby_head(conn *c, const cJSON *message);
/* `for_good`: it said goodbye, and asks about nothing any more. */
void lobby_leave_all(conn *c, bool for_good);
void lobby_tick(atr_server *server, uint64_t now_ms);
void lobby_free(atr_server *server);

#endif
