/* SPDX-License-Identifier: MIT
 *
 * participant.h - one participant with the engine that Blender uses, for the benchmark programs
 *
 * A program is one participant. Commands and events go through the engine's queues as JSON, as the add-on's do; what goes wrong ends the
 * program with a sentence, and so does a benchmark that takes too long.
 */
#ifndef ATR_BENCH_PARTICIPANT_H
#define ATR_BENCH_PARTICIPANT_H

#include "bench.h"

#include "client/client.h"

#include <stdbool.h>

enum { COMMAND_BYTES = 8192 };

extern atr_client *engine;
extern char room[33]; /* hexadecimal, once it was made or joined */

/* Waits where the engine's queue is full. */
void send_text(const char *text, size_t len);
__attribute__((format(printf, 1, 2))) void command(const char *format, ...);

/* Where `needle` ends in an event's text, or NULL. */
const char *find(const char *json, size_t len, const char *needle);
/* Whether an event is one of type `t`. */
bool is(const atr_client_event *e, const char *t);
/* Takes events until `handle` says true. */
void run_until(bool (*handle)(const atr_client_event *e));
bool saw_flushed(const atr_client_event *e);
/* Whether the program should have ended by now. */
bool time_is_up(void);

/* Starts the engine (its folder is ATRIUM_HOME) and connects to the server on that port of this machine; with
 * ATRIUM_BENCH_SCHEME=ws:// through a WebSocket. */
void enter(int port);
void doc_name(char out[33], unsigned i);
/* A room with `docs` objects named o0, o1 ... with no properties. */
void make_room(unsigned docs);
/* The first room of the server; returns when it is complete. A tap gets operations and keeps no documents. */
void join_room(bool tap);
void say_ready(bool wait_for_line);

#endif
