/* SPDX-License-Identifier: MIT
 *
 * server.h - a listener, the connections of those who came in, and the rooms they share
 *
 * One server is one loop on one thread. atr_server_new() prepares it (key, files, port), so that what can fail fails before anything
 * runs; atr_server_run() serves until it is stopped. A program may have several, each on a thread of its own.
 */
#ifndef ATR_SERVER_SERVER_H
#define ATR_SERVER_SERVER_H

#include "base/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct atr_server atr_server;

typedef struct atr_server_config {
  const char *home;      /* ATRIUM_HOME: the token by which its user's own clients are known goes there */
  const char *data;      /* key and list of known users; NULL: home/server */
  const char *bind;      /* NULL: every interface */
  uint16_t port;         /* 0: any free one */
  bool open;             /* everybody may enter */
  const char *password;  /* who knows it may enter; NULL: the one that the host has set, where it has */
  const atr_hash *allow; /* keys that may enter besides those in the list */
  size_t n_allow;
  bool no_discovery;       /* is not to be found on the local network */
  uint16_t discovery_port; /* UDP; 0: ATR_DISCOVERY_PORT */
  bool map_port;           /* asks the router to pass the port on */
  uint32_t idle_exit_ms;   /* ends by itself after so long without a user; 0: never */
  /* Limits; 0: those of base/limits.h. */
  uint32_t hello_timeout_ms, knock_timeout_ms, room_unready_ms, rooms_max, connections_max, ring_bytes_max,
      invite_keys_max;
  bool looks_only; /* for a check: another server may have the folder, nothing there is changed */
  bool signals;    /* SIGTERM and SIGINT end it; only for a program that is nothing but a server */
} atr_server_config;

/* `why` gets one sentence about a failure. */
int atr_server_new(atr_server **out, const atr_server_config *config, char *why, size_t why_bytes);

/* Serves on the calling thread. Returns 0 after atr_server_stop(), a signal or idleness, else an error. */
int atr_server_run(atr_server *server);

/* The same on a thread that the server makes. 0 or ATR_NOMEM. */
int atr_server_start(atr_server *server);

/* False before the loop runs and after it has ended. Any thread. */
bool atr_server_running(const atr_server *server);

/* Makes run() return, after a goodbye to everybody. Any thread, any number of times, until free(). */
void atr_server_stop(atr_server *server);

/* Once run() has returned, or instead of it. After start(): stops it, waits for it, then frees. */
void atr_server_free(atr_server *server);

uint16_t atr_server_port(const atr_server *server);
const atr_hash *atr_server_key(const atr_server *server);
const char *atr_server_check_code(const atr_server *server);

#endif
