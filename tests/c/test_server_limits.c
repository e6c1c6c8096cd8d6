/* SPDX-License-Identifier: MIT
 *
 * The server's limits in time and number, each passed: whoever proves a key and says nothing goes, a knock that nobody answers ends, a room that was
 * never filled goes when its creator does, no more rooms are made than the server holds; and a server that is full says so, but not to somebody for
 * whom those can make room who have only proved a key. */
#include "test.h"

#include "client/client.h"
#include "server/server.h"
#include "session/session.h"
#include "transport/race.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

enum { LIMIT_MS = 300, SLACK_MS = 5000, PLACES = 3, KEYS = 2 };

static char home[64], guest_home[80];
static atr_server *server;

static int start_with(bool open, uint32_t hello_timeout_ms)
{
  char why[256] = "";
  atr_server_config config = {.home = home,
                              .bind = "127.0.0.1",
                              .open = open,
                              .hello_timeout_ms = hello_timeout_ms, /* instead of ATR_HELLO_TIMEOUT_MS, */
                              .knock_timeout_ms = LIMIT_MS,         /* ATR_KNOCK_TIMEOUT_MS, */
                              .room_unready_ms = LIMIT_MS,          /* ATR_ROOM_UNREADY_MS and */
                              .rooms_max = 2,                       /* ATR_ROOMS_MAX, */
                              .connections_max = PLACES,            /* ATR_CONNECTIONS_MAX and */
                              .invite_keys_max = KEYS};             /* ATR_INVITE_KEYS_MAX */

  snprintf(home, sizeof home, "/tmp/atrium-limits-XXXXXX");
  if (!mkdtemp(home) || atr_server_new(&server, &config, why, sizeof why) < 0) {
    fprintf(stderr, "%s\n", why);
    return -1;
  }
  snprintf(guest_home, sizeof guest_home, "%s/guest", home);
  return atr_server_start(server);
}

static int start_open(void **state)
{
  (void)state;
  return start_with(true, LIMIT_MS);
}

static int start_closed(void **state)
{
  (void)state;
  return start_with(false, LIMIT_MS);
}

static int start_for_guests(void **state)
{
  (void)state;
  return start_with(false, 60000);
}

static int start_patient(void **state)
{
  (void)state;
  return start_with(true, 60000);
}

static int stop(void **state)
{
  char command[128];

  (void)state;
  atr_server_free(server);
  snprintf(command, sizeof command, "rm -rf %s", home);
  return system(command);
}

/* --- clients ------------------------------------------------------------------------------------------------- */

static void say(atr_client *client, const char *text)
{
  assert_ok(atr_client_send(client, text, strlen(text)));
}

static atr_client *open_client_at(const char *of, const char *host)
{
  char why[256] = "", text[1024];
  atr_client_config config = {.home = of};
  atr_client *client;

  assert_ok(atr_client_new(&client, &config, why, sizeof why));
  snprintf(text, sizeof text, "{\"t\":\"connect\",\"host\":\"%s\",\"name\":\"t\"}", host);
  say(client, text);
  return client;
}

static atr_client *open_client(const char *of)
{
  char host[32];

  snprintf(host, sizeof host, "127.0.0.1:%u", atr_server_port(server));
  return open_client_at(of, host);
}

/* True where an event that holds `wanted` came within SLACK_MS; `found_text`, which may be NULL, gets it. */
static bool hears_text(atr_client *client, const char *wanted, char **found_text)
{
  uint64_t end = uv_hrtime() + (uint64_t)SLACK_MS * 1000000;

  while (uv_hrtime() < end) {
    atr_client_event *event;

    if (atr_client_poll(client, &event, 1) == 1) {
      char *text = strndup(event->json, event->len);
      bool found = strstr(text, wanted) != NULL;

      if (found && found_text)
        *found_text = text;
      else
        free(text);
      free(event);
      if (found)
        return true;
    } else {
      atr_client_wait(client, 50);
    }
  }
  return false;
}

static bool hears(atr_client *client, const char *wanted)
{
  return hears_text(client, wanted, NULL);
}

/* --- somebody who says nothing ------------------------------------------------------------------------------- */

typedef struct mute {
  uv_loop_t loop;
  atr_net *net;
  atr_identity *identity;
  atr_session *session;
  int closed_err;
  bool closed;
} mute;

static void mute_on_key(void *ctx, const atr_hash *key, atr_span spki)
{
  (void)key;
  (void)spki;
  atr_session_accept_key(((mute *)ctx)->session);
}

static int mute_on_message(void *ctx, int lane, atr_span message)
{
  (void)ctx;
  (void)lane;
  (void)message;
  return ATR_OK;
}

static void mute_on_close(void *ctx, int err, const char *detail)
{
  mute *m = ctx;

  (void)detail;
  m->closed = true;
  m->closed_err = err;
  atr_session_free(m->session);
  m->session = NULL;
}

static void mute_on_race(void *ctx, const atr_race_result *result)
{
  static const atr_session_callbacks callbacks = {mute_on_key, mute_on_message, mute_on_close};
  mute *m = ctx;

  assert_ok(result->err);
  assert_ok(atr_session_new(&m->session, result->stream, false, m->identity, &callbacks, m));
}

static void mute_connect(mute *m)
{
  atr_address address;
  atr_race *race;
  char text[64], why[64];

  memset(m, 0, sizeof *m);
  assert_int_equal(uv_loop_init(&m->loop), 0);
  assert_ok(atr_net_new(&m->net, &m->loop));
  assert_ok(atr_identity_new(&m->identity));
  snprintf(text, sizeof text, "127.0.0.1:%u", atr_server_port(server));
  assert_ok(atr_address_parse(text, strlen(text), 1, &address, why, sizeof why));
  assert_ok(atr_race_start(&race, m->net, &address, 1, NULL, mute_on_race, m));
}

static bool is_welcome(const mute *m)
{
  return m->session &&
         atr_session_latency_us(m->session) > 0; /* the server answers its pings, so it has taken the key */
}

static bool is_gone(const mute *m)
{
  return m->closed;
}

static void mute_await(mute *m, bool (*done)(const mute *m))
{
  uint64_t end = uv_hrtime() + (uint64_t)SLACK_MS * 1000000;

  while (!done(m) && uv_hrtime() < end) {
    uv_run(&m->loop, UV_RUN_NOWAIT);
    uv_sleep(1);
  }
  assert_true(done(m));
}

static void mute_free(mute *m)
{
  atr_session_free(m->session);
  atr_net_free(m->net);
  uv_run(&m->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&m->loop), 0);
  atr_identity_free(m->identity);
}

static void who_says_no_hello_goes(void **state)
{
  mute m;

  (void)state;
  mute_connect(&m);
  mute_await(&m, is_gone);
  mute_free(&m);
}

/* --- a server that is full ------------------------------------------------------------------------------------- */

static void a_full_server_says_so(void **state)
{
  atr_client *in[PLACES], *late;

  (void)state;
  for (int i = 0; i < PLACES; i++) {
    in[i] = open_client(guest_home);
    assert_true(hears(in[i], "\"LOBBY\""));
  }
  late = open_client(guest_home);
  assert_true(hears(late, "\"code\":\"SERVER_FULL\",\"error\":\"The server at 127.0.0.1"));
  atr_client_free(in[0]);
  atr_client_free(late);
  late = open_client(guest_home); /* those whose last words are on their way take no place */
  assert_true(hears(late, "\"LOBBY\""));
  atr_client_free(late);
  for (int i = 1; i < PLACES; i++)
    atr_client_free(in[i]);
}

/* Keys cost nothing: without an end to it, whoever makes a thousand would keep everybody out. */
static void who_only_proves_a_key_takes_nobodys_place(void **state)
{
  mute mutes[PLACES];
  atr_client *client;

  (void)state;
  for (int i = 0; i < PLACES; i++) {
    mute_connect(&mutes[i]);
    mute_await(&mutes[i], is_welcome);
  }
  client = open_client(guest_home);
  assert_true(hears(client, "\"LOBBY\""));
  mute_await(&mutes[0], is_gone);
  for (int i = 1; i < PLACES; i++) {
    uv_run(&mutes[i].loop, UV_RUN_NOWAIT);
    assert_false(is_gone(&mutes[i]));
  }
  for (int i = 0; i < PLACES; i++)
    mute_free(&mutes[i]);
  atr_client_free(client);
}

/* A connection from one of this machine's own addresses, so far that only a hello is missing: the server has answered. */
static int upgrade_from(const char *ip)
{
  static const char request[] = "GET /atrium HTTP/1.1\r\nHost: t\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                "Sec-WebSocket-Protocol: atrium.1\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
                                "AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
  const struct timeval patience = {.tv_sec = SLACK_MS / 1000};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address;
  char answer[1024];

  assert_true(fd >= 0);
  assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
  uv_ip4_addr(ip, 0, &address);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
  uv_ip4_addr("127.0.0.1", atr_server_port(server), &address);
  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
  assert_true(recv(fd, answer, sizeof answer, 0) > 12);
  assert_memory_equal(answer, "HTTP/1.1 101", 12);
  return fd;
}

/* A flood from many networks, with one connection each, must not keep out those whose number is small. */
static void of_networks_that_have_as_many_the_oldest_connection_goes(void **state)
{
  static const char *const from[PLACES + 1] = {"127.0.0.3", "127.0.0.2", "127.0.0.4", "127.0.0.1"};
  int fds[PLACES + 1];
  char byte;

  (void)state;
  for (int i = 0; i < PLACES + 1; i++)
    fds[i] = upgrade_from(from[i]);
  assert_true(recv(fds[0], &byte, 1, 0) <= 0);
  for (int i = 1; i < PLACES + 1; i++) {
    assert_int_equal(recv(fds[i], &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
  }
  for (int i = 0; i < PLACES + 1; i++)
    close(fds[i]);
}

/* --- those who wait, and rooms --------------------------------------------------------------------------------- */

static void a_knock_that_nobody_answers_ends(void **state)
{
  atr_client *guest = open_client(guest_home);

  (void)state;
  assert_true(hears(guest, "\"KNOCKING\""));
  assert_true(hears(guest, "\"TIMEOUT\""));
  atr_client_free(guest);
}

static void make_link(atr_client *host, char *link, size_t link_bytes)
{
  char *event, *begin;

  say(host, "{\"t\":\"invite_create\"}");
  assert_true(hears_text(host, "atrium://join#", &event));
  begin = strstr(event, "atrium://join#");
  snprintf(link, link_bytes, "%.*s", (int)strcspn(begin, "\""), begin);
  free(event);
}

/* What a guest with this key hears who comes by the link. */
static void assert_hears(const char *of, const char *link, const char *wanted)
{
  char folder[128];
  atr_client *guest;

  snprintf(folder, sizeof folder, "%s/%s", home, of);
  guest = open_client_at(folder, link);
  assert_true(hears(guest, wanted));
  atr_client_free(guest);
}

/* ATR_INVITE_KEYS_MAX: whoever holds one link could fill the list of keys with his own, for good. */
static void an_invite_lets_in_so_many_keys(void **state)
{
  static const char *const names[KEYS] = {"first", "second"};
  atr_client *host = open_client(home);
  char link[1024], another[1024];

  (void)state;
  assert_true(hears(host, "\"LOBBY\""));
  make_link(host, link, sizeof link);
  for (int again = 0; again < 2; again++) /* who is known may come as often as he likes */
    for (int i = 0; i < KEYS; i++)
      assert_hears(names[i], link, "\"LOBBY\"");
  assert_hears("third", link, "This invite has let in as many as it can");
  make_link(host, another, sizeof another);
  assert_hears("third", another, "\"LOBBY\"");
  assert_hears("third", link, "\"LOBBY\"");
  atr_client_free(host);
}

static void a_room_that_was_never_filled_goes(void **state)
{
  atr_client *creator = open_client(home), *watcher = open_client(guest_home);

  (void)state;
  assert_true(hears(creator, "\"LOBBY\""));
  assert_true(hears(watcher, "\"LOBBY\""));
  say(watcher, "{\"t\":\"rooms\"}");
  say(creator, "{\"t\":\"create\",\"name\":\"half\",\"blender\":[5,0,1]}");
  assert_true(hears(watcher, "\"half\""));
  atr_client_free(creator);
  assert_true(hears(watcher, "\"users\":0"));
  assert_true(hears(watcher, "\"rooms\":[]"));
  atr_client_free(watcher);
}

static void no_more_rooms_than_it_holds(void **state)
{
  atr_client *client = open_client(home);

  (void)state;
  assert_true(hears(client, "\"LOBBY\""));
  for (int i = 0; i < 2; i++) {
    say(client, "{\"t\":\"create\",\"name\":\"r\",\"blender\":[5,0,1]}");
    assert_true(hears(client, "\"joined\""));
  }
  say(client, "{\"t\":\"create\",\"name\":\"r\",\"blender\":[5,0,1]}");
  assert_true(hears(client, "\"SERVER_FULL\""));
  atr_client_free(client);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(who_says_no_hello_goes, start_open, stop),
      cmocka_unit_test_setup_teardown(a_full_server_says_so, start_patient, stop),
      cmocka_unit_test_setup_teardown(who_only_proves_a_key_takes_nobodys_place, start_patient, stop),
      cmocka_unit_test_setup_teardown(of_networks_that_have_as_many_the_oldest_connection_goes, start_patient, stop),
      cmocka_unit_test_setup_teardown(a_knock_that_nobody_answers_ends, start_closed, stop),
      cmocka_unit_test_setup_teardown(an_invite_lets_in_so_many_keys, start_for_guests, stop),
      cmocka_unit_test_setup_teardown(a_room_that_was_never_filled_goes, start_open, stop),
      cmocka_unit_test_setup_teardown(no_more_rooms_than_it_holds, start_open, stop),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
