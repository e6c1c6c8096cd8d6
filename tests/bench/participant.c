/* SPDX-License-Identifier: MIT
 *
 * participant.c - commands, events, entering a room; see participant.h
 */
#include "participant.h"

#include "base/error.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { POLL_MAX = 512, WAIT_MS = 1000, SECONDS_MAX = 170 };

atr_client *engine;
char room[33];
static uint64_t deadline_ns;

/* --- commands and events --- */

void send_text(const char *text, size_t len)
{
  int err;

  while ((err = atr_client_send(engine, text, len)) == ATR_FULL) {
    const struct timespec nap = {0, 200000};
    nanosleep(&nap, NULL);
  }
  if (err < 0)
    bench_die(atr_err_text(err));
}

void command(const char *format, ...)
{
  char text[COMMAND_BYTES];
  va_list args;

  va_start(args, format);
  const int len = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  send_text(text, (size_t)len);
}

const char *find(const char *json, size_t len, const char *needle)
{
  const char *at = memmem(json, len, needle, strlen(needle));
  return at ? at + strlen(needle) : NULL;
}

bool is(const atr_client_event *e, const char *t)
{
  static const char head[] = "{\"t\":\"";
  const size_t at = sizeof head - 1, n = strlen(t);
  return e->len > at + n && !memcmp(e->json, head, at) && !memcmp(e->json + at, t, n) && e->json[at + n] == '"';
}

void run_until(bool (*handle)(const atr_client_event *e))
{
  atr_client_event *events[POLL_MAX];
  bool done = false;

  while (!done) {
    const size_t n = atr_client_poll(engine, events, POLL_MAX);
    for (size_t i = 0; i < n; i++) {
      if (is(events[i], "error") || is(events[i], "refused") || is(events[i], "closed")) {
        fprintf(stderr, "%.*s\n", (int)events[i]->len, events[i]->json);
        exit(2);
      }
      done = handle(events[i]) || done;
      free(events[i]);
    }
    if (!n && !done)
      atr_client_wait(engine, WAIT_MS);
    if (time_is_up())
      bench_die("this takes too long");
  }
}

bool time_is_up(void)
{
  return bench_now_ns() > deadline_ns;
}

/* --- entering --- */

static bool saw_lobby(const atr_client_event *e)
{
  return is(e, "welcome");
}

static bool saw_joined(const atr_client_event *e)
{
  if (!is(e, "joined"))
    return false;
  memcpy(room, find(e->json, e->len, "\"room\":\""), 32);
  return true;
}

static bool saw_room(const atr_client_event *e)
{
  const char *id = is(e, "rooms") ? find(e->json, e->len, "\"id\":\"") : NULL;
  if (id && find(e->json, e->len, "\"ready\":true"))
    memcpy(room, id, 32);
  return room[0] != 0;
}

static bool saw_complete(const atr_client_event *e)
{
  return is(e, "progress") && find(e->json, e->len, "\"complete\":true");
}

bool saw_flushed(const atr_client_event *e)
{
  return is(e, "flushed");
}

void enter(int port)
{
  char why[256];
  const atr_client_config config = {.home = getenv("ATRIUM_HOME"), .first_use = true};

  deadline_ns = bench_now_ns() + (uint64_t)SECONDS_MAX * 1000000000u;
  if (!config.home || atr_client_new(&engine, &config, why, sizeof why) < 0)
    bench_die("the engine did not start: is ATRIUM_HOME set?");
  command("{\"t\":\"connect\",\"host\":\"%s127.0.0.1:%d\",\"name\":\"bench\",\"color\":[1,1,1],\"version\":\"0\"}",
          getenv("ATRIUM_BENCH_SCHEME") ? getenv("ATRIUM_BENCH_SCHEME") : "", port);
  run_until(saw_lobby);
}

void doc_name(char out[33], unsigned i)
{
  snprintf(out, 33, "%032x", i + 1);
}

void make_room(unsigned docs)
{
  char doc[33];

  command("{\"t\":\"create\",\"name\":\"bench\",\"blender\":[5,0,1]}");
  run_until(saw_joined);
  for (unsigned i = 0; i < docs; i++) {
    doc_name(doc, i);
    command("{\"t\":\"submit\",\"room\":\"%s\",\"doc\":\"%s\",\"kind\":\"create\",\"tree\":{\"type\":\"Object\","
            "\"name\":\"o%u\",\"p\":{}}}",
            room, doc, i);
  }
  command("{\"t\":\"ready\",\"room\":\"%s\"}", room);
  command("{\"t\":\"flush\",\"room\":\"%s\",\"n\":1}", room);
  run_until(saw_flushed);
}

void join_room(bool tap)
{
  command("{\"t\":\"rooms\"}");
  run_until(saw_room);
  command("{\"t\":\"join\",\"room\":\"%s\",\"blender\":[5,0,1]%s}", room, tap ? ",\"tap\":true" : "");
  run_until(tap ? saw_joined : saw_complete);
}

void say_ready(bool wait_for_line)
{
  char line[16];

  printf("ready\n");
  fflush(stdout);
  if (wait_for_line && !fgets(line, sizeof line, stdin))
    bench_die("nobody said go");
}
