/* SPDX-License-Identifier: MIT
 *
 * Responders and a seeker on one loop, over the loopback interface, whose broadcast address is 127.255.255.255. Where the machine has other
 * interfaces they are found over those too; what is asserted holds either way. */
#include "test.h"

#include "proto/beacon.h"
#include "reach/networks.h"
#include "reach/responder.h"
#include "reach/seeker.h"

#include <uv.h>

static uv_loop_t loop;
static uint16_t port; /* for discovery: free a moment ago */

/* --- running --------------------------------------------------------------------------------------------------- */

static void on_time(uv_timer_t *timer)
{
  *(bool *)timer->data = true;
}

/* Turns the loop until `done` holds or the time is over; returns whether it held. */
static bool run(bool (*done)(void), uint64_t ms)
{
  bool late = false;
  uv_timer_t timer;

  uv_timer_init(&loop, &timer);
  timer.data = &late;
  uv_timer_start(&timer, on_time, ms, 0);
  while (!late && !(done && done()))
    uv_run(&loop, UV_RUN_ONCE);
  uv_close((uv_handle_t *)&timer, NULL);
  uv_run(&loop, UV_RUN_NOWAIT);
  return !late;
}

/* --- a plain socket, for what no seeker or responder would send -------------------------------------------------- */

static uv_udp_t plain;
static size_t plain_heard;
static atr_beacon plain_last;
static struct sockaddr_storage plain_peer;

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
  static char bytes[2048];

  (void)handle;
  (void)suggested;
  *out = uv_buf_init(bytes, sizeof bytes);
}

static void on_plain(uv_udp_t *socket, ssize_t n, const uv_buf_t *buf, const struct sockaddr *peer, unsigned flags)
{
  (void)socket;
  (void)flags;
  if (n <= 0 || !peer)
    return;
  plain_heard++;
  memcpy(&plain_peer, peer, sizeof(struct sockaddr_in));
  (void)atr_beacon_answer_read((const uint8_t *)buf->base, (size_t)n, &plain_last);
  if (atr_beacon_query_read((const uint8_t *)buf->base, (size_t)n, &plain_last.nonce) < 0)
    return;
}

static void plain_open(uint16_t at)
{
  struct sockaddr_in any;

  plain_heard = 0;
  uv_udp_init(&loop, &plain);
  uv_ip4_addr("0.0.0.0", at, &any);
  assert_int_equal(uv_udp_bind(&plain, (struct sockaddr *)&any, UV_UDP_REUSEADDR), 0);
  assert_int_equal(uv_udp_set_broadcast(&plain, 1), 0);
  assert_int_equal(uv_udp_recv_start(&plain, on_alloc, on_plain), 0);
}

static int plain_send(const void *bytes, size_t n, const struct sockaddr *to)
{
  uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)n);

  return uv_udp_try_send(&plain, &buf, 1, to);
}

static void plain_ask(size_t cut)
{
  atr_beacon_nonce nonce = {{1, 2, 3}};
  uint8_t bytes[ATR_BEACON_BYTES_MAX];
  struct sockaddr_in to;

  uv_ip4_addr("127.255.255.255", port, &to);
  (void)plain_send(bytes, atr_beacon_query_write(&nonce, bytes) - cut, (struct sockaddr *)&to);
}

static bool plain_has_heard(void)
{
  return plain_heard > 0;
}

/* --- responders and the seeker ----------------------------------------------------------------------------------- */

static const atr_neighbors *found;
static int known_asked;

static void on_change(void *ctx, const atr_neighbors *neighbors)
{
  (void)ctx;
  found = neighbors;
}

static atr_known knows(void *ctx, const char *address, const atr_hash *key)
{
  (void)ctx;
  (void)address;
  known_asked++;
  return key->b[0] == 2 ? ATR_KNOWN_PINNED : ATR_KNOWN_NOT;
}

static atr_seeker *seek(void)
{
  atr_seeker_callbacks callbacks = {on_change, knows, NULL};
  atr_seeker *seeker;

  found = NULL;
  known_asked = 0;
  assert_ok(atr_seeker_new(&seeker, &loop, port, &callbacks));
  return seeker;
}

static atr_responder *respond(uint8_t key, const char *name)
{
  atr_hash hash = {{key}};
  atr_responder_options options = {.discovery_port = port, .port = (uint16_t)(9000 + key), .key = &hash, .name = name};
  atr_responder *responder;

  assert_ok(atr_responder_new(&responder, &loop, &options));
  return responder;
}

static size_t shown(const atr_neighbor *out[ATR_NEIGHBORS_MAX])
{
  return found ? atr_neighbors_shown(found, out) : 0;
}

static bool two_are_found(void)
{
  const atr_neighbor *list[ATR_NEIGHBORS_MAX];

  return shown(list) == 2;
}

static int set_up(void **state)
{
  struct sockaddr_in any;
  int n = sizeof any;
  uv_udp_t probe;

  (void)state;
  uv_loop_init(&loop);
  uv_udp_init(&loop, &probe);
  uv_ip4_addr("0.0.0.0", 0, &any);
  uv_udp_bind(&probe, (struct sockaddr *)&any, 0);
  uv_udp_getsockname(&probe, (struct sockaddr *)&any, &n);
  port = ntohs(any.sin_port);
  uv_close((uv_handle_t *)&probe, NULL);
  uv_run(&loop, UV_RUN_NOWAIT);
  return 0;
}

/* Everything that was freed leaves nothing on the loop. */
static int tear_down(void **state)
{
  (void)state;
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);
  return 0;
}

/* --- tests ----------------------------------------------------------------------------------------------------- */

static void servers_of_one_machine_are_all_found(void **state)
{
  atr_responder *one = respond(1, "alpha"), *two = respond(2, "beta");
  atr_seeker *seeker = seek();
  const atr_neighbor *list[ATR_NEIGHBORS_MAX];

  (void)state;
  assert_true(run(two_are_found, 10000));
  assert_int_equal(shown(list), 2);
  assert_string_equal(list[0]->name, "beta"); /* known: first */
  assert_true(list[0]->known == ATR_KNOWN_PINNED);
  assert_string_equal(list[0]->address, "127.0.0.1:9002");
  assert_string_equal(list[1]->name, "alpha");
  assert_string_equal(list[1]->address, "127.0.0.1:9001");
  assert_false(list[1]->known == ATR_KNOWN_PINNED);
  assert_int_equal(known_asked, found->n); /* once for each that is new */
  atr_seeker_free(seeker);
  atr_responder_free(one);
  atr_responder_free(two);
}

static void who_does_not_ask_rightly_gets_no_answer(void **state)
{
  atr_responder *responder = respond(1, "alpha");

  (void)state;
  plain_open(0);
  plain_ask(1);
  assert_false(run(plain_has_heard, 300));
  plain_ask(0);
  assert_true(run(plain_has_heard, 10000));
  assert_string_equal(plain_last.name, "alpha");
  assert_int_equal(plain_last.port, 9001);
  uv_close((uv_handle_t *)&plain, NULL);
  atr_responder_free(responder);
}

static bool all_are_heard(void)
{
  return plain_heard >= ATR_DISCOVERY_ANSWERS_MAX;
}

/* The queries may fall into two seconds. */
static void so_many_answers_go_out_in_a_second(void **state)
{
  atr_responder *responder = respond(1, "alpha");

  (void)state;
  plain_open(0);
  for (int i = 0; i < 3 * ATR_DISCOVERY_ANSWERS_MAX; i++) {
    plain_ask(0);
    if (i % 50 == 0)
      uv_run(&loop, UV_RUN_NOWAIT); /* the kernel's buffer is not what limits them */
  }
  run(all_are_heard, 2000);
  run(NULL, 100);
  assert_true(plain_heard > 0);
  assert_true(plain_heard <= 2 * ATR_DISCOVERY_ANSWERS_MAX);
  uv_close((uv_handle_t *)&plain, NULL);
  atr_responder_free(responder);
}

static void send_answer(uint8_t key, const atr_beacon_nonce *nonce)
{
  atr_beacon beacon = {.nonce = *nonce, .port = 9000, .key = {{key}}, .name = "liar"};
  uint8_t bytes[ATR_BEACON_BYTES_MAX];

  (void)plain_send(bytes, atr_beacon_answer_write(&beacon, bytes), (struct sockaddr *)&plain_peer);
}

static bool somebody_is_found(void)
{
  return found != NULL;
}

static void an_answer_to_no_question_is_not_heard(void **state)
{
  atr_beacon_nonce wrong = {{9}};
  atr_seeker *seeker;

  (void)state;
  plain_open(port);
  seeker = seek();
  assert_true(run(plain_has_heard, 10000)); /* the question */
  send_answer(1, &wrong);
  send_answer(1, &(atr_beacon_nonce){{0}});
  assert_false(run(somebody_is_found, 300));
  send_answer(1, &plain_last.nonce);
  assert_true(run(somebody_is_found, 10000));
  atr_seeker_free(seeker);
  uv_close((uv_handle_t *)&plain, NULL);
}

static void a_flood_of_answers_is_not_read(void **state)
{
  atr_beacon_nonce wrong = {{9}};
  atr_seeker *seeker;

  (void)state;
  plain_open(port);
  seeker = seek();
  assert_true(run(plain_has_heard, 10000));
  for (int i = 0; i < 2 * ATR_DISCOVERY_HEARD_MAX; i++) {
    send_answer(1, &wrong);
    if (i % 32 == 0)
      uv_run(&loop, UV_RUN_NOWAIT);
  }
  run(NULL, 50);
  send_answer(1, &plain_last.nonce);
  assert_false(run(somebody_is_found, 300)); /* not before the next question */
  plain_heard = 0;
  assert_true(run(plain_has_heard, 10000));
  send_answer(1, &plain_last.nonce);
  assert_true(run(somebody_is_found, 10000));
  atr_seeker_free(seeker);
  uv_close((uv_handle_t *)&plain, NULL);
}

static void only_neighbours_are_answered(void **state)
{
  struct sockaddr_in far, near;
  struct sockaddr_in6 link, far6;
  atr_networks networks = {0};

  (void)state;
  atr_networks_read(&networks);
  uv_ip4_addr("127.1.2.3", 1, &near);
  uv_ip4_addr("203.0.113.77", 1, &far);
  uv_ip6_addr("fe80::77", 1, &link);
  uv_ip6_addr("2001:db8:77::1", 1, &far6);
  assert_true(atr_networks_hold(&networks, (struct sockaddr *)&near));
  assert_false(atr_networks_hold(&networks, (struct sockaddr *)&far));
  assert_true(atr_networks_hold(&networks, (struct sockaddr *)&link));
  assert_false(atr_networks_hold(&networks, (struct sockaddr *)&far6));
  atr_networks_free(&networks);
  assert_false(atr_networks_hold(&networks, (struct sockaddr *)&near));
}

static void a_subnet_has_a_broadcast_address_or_none(void **state)
{
  static const struct {
    const char *address, *mask, *broadcast;
  } cases[] = {
      {"192.168.0.48", "255.255.255.0", "192.168.0.255"},
      {"10.1.2.3", "255.0.0.0", "10.255.255.255"},
      {"100.64.0.1", "255.255.255.255", NULL},
      {"10.8.0.2", "255.255.255.254", NULL},
      {"25.1.2.3", "255.0.0.0", "25.255.255.255"},
  };

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    uv_interface_address_t one = {0};
    struct sockaddr_in out;
    char text[32];

    uv_ip4_addr(cases[i].address, 0, &one.address.address4);
    uv_ip4_addr(cases[i].mask, 0, &one.netmask.netmask4);
    assert_int_equal(atr_network_broadcast(&one, &out), cases[i].broadcast != NULL);
    if (cases[i].broadcast) {
      uv_ip4_name(&out, text, sizeof text);
      assert_string_equal(text, cases[i].broadcast);
    }
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(servers_of_one_machine_are_all_found, set_up, tear_down),
      cmocka_unit_test_setup_teardown(who_does_not_ask_rightly_gets_no_answer, set_up, tear_down),
      cmocka_unit_test_setup_teardown(so_many_answers_go_out_in_a_second, set_up, tear_down),
      cmocka_unit_test_setup_teardown(an_answer_to_no_question_is_not_heard, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_flood_of_answers_is_not_read, set_up, tear_down),
      cmocka_unit_test(only_neighbours_are_answered),
      cmocka_unit_test(a_subnet_has_a_broadcast_address_or_none),
  };

  return cmocka_run_group_tests_name("discovery", tests, NULL, NULL);
}
