/* SPDX-License-Identifier: MIT
 *
 * Engines and a server, each with a thread of its own, in one process: the queues, the shelf and the end at any moment, where
 * ThreadSanitizer can see both sides. */
#include "test.h"

#include "base/hash.h"
#include "client/client.h"
#include "server/server.h"

#include <unistd.h>
#include <uv.h>

static char home[64];
static atr_server *server;

static int start_server(void **state)
{
  char why[256] = "";
  atr_server_config config = {.home = home, .bind = "127.0.0.1", .open = true};

  (void)state;
  snprintf(home, sizeof home, "/tmp/atrium-engine-XXXXXX");
  if (!mkdtemp(home) || atr_server_new(&server, &config, why, sizeof why) < 0) {
    fprintf(stderr, "%s\n", why);
    return -1;
  }
  return atr_server_start(server);
}

static int stop_server(void **state)
{
  char command[128];

  (void)state;
  assert_true(atr_server_running(server));
  atr_server_free(server);
  snprintf(command, sizeof command, "rm -rf %s", home);
  return system(command);
}

static atr_client *open_client(void)
{
  char why[256] = "", text[128];
  atr_client_config config = {.home = home, .queue_slots = 64};
  atr_client *client;

  assert_ok(atr_client_new(&client, &config, why, sizeof why));
  snprintf(text, sizeof text, "{\"t\":\"connect\",\"host\":\"127.0.0.1:%u\",\"name\":\"t\"}", atr_server_port(server));
  assert_ok(atr_client_send(client, text, strlen(text)));
  return client;
}

/* Takes events until one holds `wanted`; copies it to `out`. */
static void wait_for(atr_client *client, const char *wanted, char *out, size_t out_bytes)
{
  uint64_t end = uv_hrtime() + UINT64_C(20000000000);
  bool found = false;

  while (!found) {
    atr_client_event *events[16];
    size_t n = atr_client_poll(client, events, 16);

    assert_true(uv_hrtime() < end);
    for (size_t i = 0; i < n; i++) {
      char *text = strndup(events[i]->json, events[i]->len);

      if (!found && strstr(text, wanted)) {
        found = true;
        snprintf(out, out_bytes, "%s", text);
      }
      free(text);
      free(events[i]);
    }
    if (!found && n == 0)
      atr_client_wait(client, 100);
  }
}

static void submit(atr_client *client, const char *room, int i)
{
  char text[256];

  snprintf(text, sizeof text,
           "{\"t\":\"submit\",\"room\":\"%s\",\"doc\":\"%032x\",\"kind\":\"create\",\"tree\":{\"i\":%d}}", room, i + 1,
           i);
  while (atr_client_send(client, text, strlen(text)) == ATR_FULL) {
    atr_client_event *events[16];
    size_t n = atr_client_poll(client, events, 16);

    while (n > 0)
      free(events[--n]);
    atr_client_wait(client, 1);
  }
}

static void read_room(const char *event, char room[ATR_ID_HEX + 1])
{
  const char *at = strstr(event, "\"room\":\"");

  assert_non_null(at);
  snprintf(room, ATR_ID_HEX + 1, "%.32s", at + 8);
}

static void two_engines_exchange_more_than_their_queues_hold(void **state)
{
  atr_client *a = open_client(), *b = open_client();
  char event[1024], room[ATR_ID_HEX + 1], text[256];

  (void)state;
  wait_for(a, "\"LOBBY\"", event, sizeof event);
  wait_for(b, "\"LOBBY\"", event, sizeof event);
  snprintf(text, sizeof text, "{\"t\":\"create\",\"name\":\"r\",\"blender\":[5,0,1]}");
  assert_ok(atr_client_send(a, text, strlen(text)));
  wait_for(a, "\"joined\"", event, sizeof event);
  read_room(event, room);
  snprintf(text, sizeof text, "{\"t\":\"ready\",\"room\":\"%s\"}", room);
  assert_ok(atr_client_send(a, text, strlen(text)));
  snprintf(text, sizeof text, "{\"t\":\"flush\",\"room\":\"%s\",\"n\":1}", room);
  assert_ok(atr_client_send(a, text, strlen(text)));
  wait_for(a, "\"flushed\"", event, sizeof event);
  snprintf(text, sizeof text, "{\"t\":\"join\",\"room\":\"%s\",\"blender\":[5,0,1]}", room);
  assert_ok(atr_client_send(b, text, strlen(text)));
  wait_for(b, "\"complete\":true", event, sizeof event);
  for (int i = 0; i < 500; i++)
    submit(a, room, i);
  wait_for(b, "\"tree\":{\"i\":499}", event, sizeof event);
  atr_client_free(a);
  atr_client_free(b);
}

static void blobs_cross_threads(void **state)
{
  atr_client *client = open_client();
  atr_bytes *found = NULL;

  (void)state;
  for (int i = 0; i < 50; i++) {
    atr_bytes *bytes = atr_bytes_copy(&i, sizeof i);
    atr_hash hash;

    assert_ok(atr_sha256_of(&i, sizeof i, &hash));
    assert_ok(atr_client_put_blob(client, &hash, bytes));
    while (!(found = atr_client_blob(client, &hash)))
      uv_sleep(1);
    assert_memory_equal(atr_bytes_data(found), &i, sizeof i);
    if (i < 49)
      atr_bytes_release(found);
  }
  atr_client_free(client);
  assert_int_equal(atr_bytes_len(found), sizeof(int)); /* outlives the engine */
  atr_bytes_release(found);
}

static void an_end_at_any_moment(void **state)
{
  uint64_t random = test_seed();

  (void)state;
  for (int i = 0; i < 60; i++) {
    atr_client *client = open_client();
    uint64_t began;

    if (test_below(&random, 2))
      assert_ok(atr_client_send(client, "{\"t\":\"cancel\"}", 14));
    for (size_t k = test_below(&random, 20); k > 0; k--)
      submit(client, "00000000000000000000000000000000", (int)k);
    uv_sleep((unsigned)test_below(&random, 12));
    began = uv_hrtime();
    atr_client_free(client);
    assert_true(uv_hrtime() - began < UINT64_C(2000000000));
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(two_engines_exchange_more_than_their_queues_hold),
      cmocka_unit_test(blobs_cross_threads),
      cmocka_unit_test(an_end_at_any_moment),
  };

  return cmocka_run_group_tests(tests, start_server, stop_server);
}
