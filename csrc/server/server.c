/* SPDX-License-Identifier: MIT
 *
 * The life of a server.
 *
 * new() opens key, token, list of keys and port, so everything that can go wrong for a user goes wrong there, with a sentence. run() turns the
 * loop. Stopping has two steps: everybody gets a goodbye and the connections close in order, within ATR_CLOSE_MS; then the handles
 * are closed and the loop runs dry. One timer of ATR_SERVER_TICK_MS watches every deadline: none of them needs to be exact. */
#include "server/internal.h"

#include "base/hash.h"
#include "base/log.h"
#include "proto/json.h"
#include "session/file.h"
#include "transport/platform.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t server_now_ms(const atr_server *server)
{
  return uv_now(&server->loop);
}

/* --- the end ------------------------------------------------------------------------------------------------- */

static void close_handle(uv_handle_t *handle)
{
  if (!uv_is_closing(handle))
    uv_close(handle, NULL);
}

static void close_responder(atr_server *server)
{
  atr_responder_free(server->responder);
  server->responder = NULL;
}

static void close_portmap(atr_server *server)
{
  atr_portmap_free(server->portmap);
  atr_portmap_free(server->pinhole);
  server->portmap = server->pinhole = NULL;
}

static void on_unmapped(void *ctx)
{
  ((atr_server *)ctx)->n_unmapping--;
}

static void unmap(atr_server *server, atr_portmap *portmap)
{
  if (!portmap)
    return;
  server->n_unmapping++;
  atr_portmap_end(portmap, on_unmapped, server);
}

static void close_own_handles(atr_server *server)
{
  close_handle((uv_handle_t *)&server->stop_async);
  close_handle((uv_handle_t *)&server->tick);
  if (server->has_signals) {
    close_handle((uv_handle_t *)&server->sigterm);
    close_handle((uv_handle_t *)&server->sigint);
  }
}

static void say_end(conn *c)
{
  bool restarts = c->server->is_restarting;
  const char *text = restarts ? "The host restarts the server." : "The server was stopped.";

  if (c->state == CONN_IN && restarts)
    conn_send_restarts(c, text);
  else if (c->state == CONN_IN || c->state == CONN_KNOCKING)
    conn_send_error(c, ATR_CLOSED, text, "", NULL);
  conn_close(c, ATR_CLOSED, text);
}

static void begin_stop(atr_server *server, const char *why)
{
  if (server->is_stopping)
    return;
  atr_log(ATR_LOG_INFO, "the server ends: %s", why);
  server->is_stopping = true;
  server->stop_deadline_ms = server_now_ms(server) + ATR_CLOSE_MS + 500;
  atr_net_task_cancel(&server->list_task);
  keeping_end(server); /* before anybody else can listen on the port: that may be the next server of this data folder */
  atr_listener_free(server->listener);
  server->listener = NULL;
  close_responder(server);
  unmap(server, server->portmap);
  unmap(server, server->pinhole);
  reach_close(server);
  for (conn *c = server->conns; c; c = c->next)
    say_end(c);
  uv_timer_start(&server->tick, server->tick.timer_cb, 0, 20);
}

static void on_stop(uv_async_t *async)
{
  atr_server *server = async->data;

  begin_stop(server, server->is_restarting ? "its host starts another" : "it was told to");
}

/* One that ends by itself was started by Connect, which starts the next; a service was started by somebody who did not ask for this. */
static bool is_passing(const atr_server *server)
{
  return server->idle_exit_ms > 0;
}

void server_write_settings(const atr_server *server, atr_jw *w)
{
  if (!is_passing(server))
    return;
  atr_jw_array(w, "runs_with");
  if (server->all_interfaces)
    atr_jw_str(w, NULL, "network");
  if (server->is_open)
    atr_jw_str(w, NULL, "open");
  if (server->is_discovered)
    atr_jw_str(w, NULL, "discovery");
  if (server->maps_port)
    atr_jw_str(w, NULL, "map_port");
  atr_jw_end(w);
}

void server_end(conn *host, const cJSON *message)
{
  atr_server *server = host->server;
  bool only_unused = false;

  (void)atr_json_get_bool(message, "unused", &only_unused);
  if (!atr_rights_may(server->rights, &host->who, ATR_MAY_END, NULL, NULL))
    conn_send_error(host, ATR_DENIED, "Only the host can end the server.", "end", NULL);
  else if (!is_passing(server))
    conn_send_error(host, ATR_DENIED, "Blender has not started this server: end it where it was started.", "end", NULL);
  else if (only_unused && (server->halls || server->n_in > 1 || server->n_knocking > 0))
    conn_send_error(host, ATR_DENIED, "Somebody else is here, or there are rooms.", "end", NULL);
  else {
    server->is_restarting = true;
    atr_server_stop(server);
  }
}

static void on_signal(uv_signal_t *handle, int number)
{
  begin_stop(handle->data, number == SIGINT ? "interrupted" : "terminated");
}

/* --- time ---------------------------------------------------------------------------------------------------- */

/* Whoever knocks keeps nothing open: without a host nobody can let them in, and anybody can go on knocking for ever. */
static void check_idle(atr_server *server, uint64_t now_ms)
{
  if (server->n_in > 0 || server->idle_since_ms == 0)
    server->idle_since_ms = now_ms;
  if (server->idle_exit_ms > 0 && now_ms - server->idle_since_ms >= server->idle_exit_ms)
    begin_stop(server, "nobody was here for a while");
}

static void on_tick(uv_timer_t *timer)
{
  atr_server *server = timer->data;
  uint64_t now_ms = server_now_ms(server);

  if (server->is_stopping) {
    if ((server->n_conns == 0 && server->n_unmapping == 0) || now_ms >= server->stop_deadline_ms)
      uv_stop(&server->loop);
    return;
  }
  for (conn *c = server->conns; c; c = c->next)
    conn_tick(c, now_ms);
  lobby_tick(server, now_ms);
  reach_tick(server, now_ms);
  keeping_tick(server, now_ms);
  check_idle(server, now_ms);
}

/* --- the beginning ------------------------------------------------------------------------------------------- */

static void on_stream(void *ctx, atr_stream *stream)
{
  crowd_arrives(ctx, stream);
}

/* `text`: from --password-file. */
static int open_passwords(atr_server *server, const char *data, const char *text, char *why, size_t why_bytes)
{
  atr_rooms_there rooms = lobby_rooms_there(server);
  int err = atr_identity_secret(server->identity, "atrium passwords of nobody", server->keyed);

  if (err == ATR_OK)
    err = atr_passwords_open(&server->passwords, data, server->keyed, why, why_bytes);
  if (err == ATR_OK)
    atr_passwords_tell_rooms(server->passwords, &rooms);
  if (err == ATR_OK && text)
    err = atr_passwords_give(server->passwords, text, why, why_bytes);
  atr_guard_init(&server->strangers, 0);
  for (size_t i = 0; i < ATR_GUESS_SLOTS; i++)
    atr_guard_init(&server->room_guards[i], 0);
  return err;
}

/* Two servers would each write what they remember over what the other has written: who was let in, who was refused. */
static int hold_folder(atr_server *server, const char *data, char *why, size_t why_bytes)
{
  uint32_t port;
  int err = atr_file_folder(data, why, why_bytes);

  if (err == ATR_OK)
    err = atr_file_hold(&server->folder_hold, data, server->port, &port, why, why_bytes);
  if (err == ATR_EXISTS)
    snprintf(
        why, why_bytes,
        "Another server uses %.300s already, at port %u: connect to that one, end it first, or choose another folder "
        "(--data).",
        data, (unsigned)port);
  return err;
}

static int open_files(atr_server *server, const atr_server_config *config, char *why, size_t why_bytes)
{
  char data[4096];
  int n, err = ATR_OK;

  n = config->data ? snprintf(data, sizeof data, "%s", config->data)
                   : snprintf(data, sizeof data, "%s/server", config->home);
  if (n < 0 || (size_t)n >= sizeof data) {
    snprintf(why, why_bytes, "The path of the data folder is too long.");
    return ATR_IO;
  }
  if (!config->looks_only)
    err = hold_folder(server, data, why, why_bytes);
  if (err == ATR_OK)
    err = atr_identity_open(&server->identity, data, why, why_bytes);
  if (err == ATR_OK)
    err = atr_check_code(atr_identity_spki(server->identity), server->check_code);
  if (err == ATR_OK)
    err = atr_rights_open(&server->rights, data, why, why_bytes);
  if (err == ATR_OK)
    err = atr_invites_open(&server->invites, data, (uint64_t)time(NULL), why, why_bytes);
  if (err == ATR_OK)
    err = open_passwords(server, data, config->password, why, why_bytes);
  if (err == ATR_OK)
    err = keeping_open(server);
  if (err == ATR_OK)
    err = admission_open_token(server, config->home, why, why_bytes);
  for (size_t i = 0; err == ATR_OK && i < config->n_allow; i++)
    err = atr_rights_admit(server->rights, &config->allow[i], "", false);
  if (err == ATR_OK && config->open)
    atr_rights_open_to_all(server->rights);
  return err;
}

static int open_handles(atr_server *server, const atr_server_config *config)
{
  server->stop_async.data = server->tick.data = server->sigterm.data = server->sigint.data = server;
  if (uv_async_init(&server->loop, &server->stop_async, on_stop) < 0)
    return ATR_NOMEM;
  uv_timer_init(&server->loop, &server->tick);
  uv_timer_start(&server->tick, on_tick, ATR_SERVER_TICK_MS, ATR_SERVER_TICK_MS);
  if (config->signals) {
    server->has_signals = true;
    uv_signal_init(&server->loop, &server->sigterm);
    uv_signal_init(&server->loop, &server->sigint);
    uv_signal_start(&server->sigterm, on_signal, SIGTERM);
    uv_signal_start(&server->sigint, on_signal, SIGINT);
  }
  return ATR_OK;
}

static int open_network(atr_server *server, const atr_server_config *config, char *why, size_t why_bytes)
{
  atr_listen_options options = {.bind = config->bind,
                                .port = config->port,
                                .connections_max = server->connections_max + crowd_beside(server->half_open_max),
                                .half_open_max = server->half_open_max};
  int err = atr_net_new(&server->net, &server->loop);

  if (err == ATR_OK)
    err = atr_listener_new(&server->listener, server->net, &options, on_stream, server, why, why_bytes);
  if (err < 0)
    return err;
  server->port = atr_listener_port(server->listener);
  server->all_interfaces = atr_listener_all_interfaces(server->listener);
  return ATR_OK;
}

/* A server that one address was given to is reached at that one only, and the answer would come from any: it is not found. Nor is
 * a failure one of the server. */
static void open_discovery(atr_server *server, const atr_server_config *config)
{
  const char *bind = config->bind ? config->bind : "::";
  atr_responder_options options = {
      .discovery_port = config->discovery_port,
      .port = server->port,
      .key = atr_identity_key(server->identity),
      .no_ipv6 = strcmp(bind, "0.0.0.0") == 0,
  };

  if (config->no_discovery || (strcmp(bind, "::") != 0 && !options.no_ipv6))
    return;
  if (atr_responder_new(&server->responder, &server->loop, &options) < 0)
    atr_log(ATR_LOG_WARN, "this server cannot be found on the local network; its address works");
}

static void on_mapping(void *ctx, const atr_portmap_view *view)
{
  (void)view;
  reach_changed(ctx);
}

/* The router passes on to this machine's address, so that must be listened on. A failure is none of the server, either. */
static void open_portmap(atr_server *server, const atr_server_config *config)
{
  const char *bind = config->bind ? config->bind : "::";
  uint8_t secret[ATR_HASH_BYTES];
  atr_portmap_options options = {.port = server->port};
  atr_portmap_callbacks callbacks = {on_mapping, server};

  if (!config->map_port)
    return;
  if (strcmp(bind, "::") != 0 && strcmp(bind, "0.0.0.0") != 0) {
    atr_log(ATR_LOG_INFO, "the router is not asked for a port: this server listens on one address only");
    return;
  }
  if (atr_identity_secret(server->identity, "atrium port mappings", secret) == ATR_OK)
    options.secret = secret;
  if (atr_portmap_new(&server->portmap, &server->loop, &options, &callbacks) < 0)
    atr_log(ATR_LOG_WARN, "the router cannot be asked for a port");
  options.is_ipv6 = true;
  if (strcmp(bind, "::") == 0 && atr_portmap_new(&server->pinhole, &server->loop, &options, &callbacks) < 0)
    atr_log(ATR_LOG_WARN, "the router cannot be asked to let guests with IPv6 in");
}

/* A program that is nothing but a server may change what the whole process may open. */
static void bound_connections(atr_server *server, const atr_server_config *config)
{
  uint32_t files = atr_platform_files(CROWD_FILES, config->signals), max = crowd_connections_max(files);

  if (max < ATR_CONNECTIONS_MAX)
    atr_log(ATR_LOG_INFO, "at most %u users: the system lets this program open few files (ulimit -n)", (unsigned)max);
  server->connections_max = config->connections_max ? config->connections_max : max;
  server->half_open_max = crowd_half_open_max(files);
}

int atr_server_new(atr_server **out, const atr_server_config *config, char *why, size_t why_bytes)
{
  atr_server *server = calloc(1, sizeof *server);
  int err;

  why[0] = '\0';
  if (!server)
    return ATR_NOMEM;
  if (uv_loop_init(&server->loop) < 0) {
    free(server);
    return ATR_NOMEM;
  }
  server->folder_hold = -1;
  server->idle_exit_ms = config->idle_exit_ms;
  server->is_open = config->open;
  server->is_discovered = !config->no_discovery;
  server->maps_port = config->map_port;
  server->hello_timeout_ms = config->hello_timeout_ms ? config->hello_timeout_ms : ATR_HELLO_TIMEOUT_MS;
  server->knock_timeout_ms = config->knock_timeout_ms ? config->knock_timeout_ms : ATR_KNOCK_TIMEOUT_MS;
  server->room_unready_ms = config->room_unready_ms ? config->room_unready_ms : ATR_ROOM_UNREADY_MS;
  server->rooms_max = config->rooms_max ? config->rooms_max : ATR_ROOMS_MAX;
  server->ring_bytes_max = config->ring_bytes_max;
  server->invite_keys_max = config->invite_keys_max ? config->invite_keys_max : ATR_INVITE_KEYS_MAX;
  bound_connections(server, config);
  server->list_task.run = lobby_list_task;
  err = open_handles(server, config);
  if (err == ATR_OK)
    err = atr_crypto_init();
  /* The port first: of two that are started at once for one port, the other one is then told just that. */
  if (err == ATR_OK)
    err = open_network(server, config, why, why_bytes);
  if (err == ATR_OK)
    err = open_files(server, config, why, why_bytes);
  if (err == ATR_OK)
    err = atr_store_memory_new(&server->store);
  if (err == ATR_OK)
    err = reach_open(server, config->bind);
  if (err < 0) {
    if (!why[0])
      snprintf(why, why_bytes, "%s", atr_err_text(err));
    atr_server_free(server);
    return err;
  }
  open_discovery(server, config);
  open_portmap(server, config);
  *out = server;
  return ATR_OK;
}

int atr_server_run(atr_server *server)
{
  atomic_store(&server->running, true);
  uv_run(&server->loop, UV_RUN_DEFAULT);
  atomic_store(&server->running, false);
  return ATR_OK;
}

static void run_thread(void *arg)
{
  atr_server_run(arg);
}

int atr_server_start(atr_server *server)
{
  atomic_store(&server->running, true);
  if (uv_thread_create(&server->thread, run_thread, server) != 0) {
    atomic_store(&server->running, false);
    return ATR_NOMEM;
  }
  server->has_thread = true;
  return ATR_OK;
}

bool atr_server_running(const atr_server *server)
{
  return atomic_load(&server->running);
}

void atr_server_stop(atr_server *server)
{
  uv_async_send(&server->stop_async);
}

/* What is left of connections that did not end in time. */
static void drop_conns(atr_server *server)
{
  while (server->conns) {
    conn *c = server->conns;

    server->conns = c->next;
    keeping_left(c);
    lobby_leave_all(c, true);
    proving_drop(c);
    atr_session_free(c->session);
    free(c);
  }
}

void atr_server_free(atr_server *server)
{
  if (!server)
    return;
  if (server->has_thread) {
    atr_server_stop(server);
    uv_thread_join(&server->thread);
  }
  server->is_stopping = true;
  keeping_end(server);
  if (server->listener)
    atr_listener_free(server->listener);
  close_responder(server);
  close_portmap(server);
  reach_close(server);
  drop_conns(server);
  lobby_free(server);
  if (server->net) {
    atr_net_task_cancel(&server->list_task);
    atr_net_free(server->net);
  }
  close_own_handles(server);
  uv_run(&server->loop, UV_RUN_DEFAULT);
  uv_loop_close(&server->loop);
  keeping_close(server);
  if (server->store)
    server->store->ops->close(server->store);
  atr_passwords_free(server->passwords);
  atr_rights_free(server->rights);
  atr_invites_free(server->invites);
  atr_identity_free(server->identity);
  atr_file_unlock(server->folder_hold); /* last: whoever waits for it reads what was written */
  free(server);
}

uint16_t atr_server_port(const atr_server *server)
{
  return server->port;
}

const atr_hash *atr_server_key(const atr_server *server)
{
  return atr_identity_key(server->identity);
}

const char *atr_server_check_code(const atr_server *server)
{
  return server->check_code;
}
