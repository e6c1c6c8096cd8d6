/* SPDX-License-Identifier: MIT
 *
 * The port on the router, with routers on loopback that speak PCP, NAT-PMP or UPnP, well or badly: what is asked, what is known in the end, that it
 * is kept and taken back, and that no answer holds anything up. */
#include "router_test.h"

#include "base/error.h"
#include "base/limits.h"
#include "reach/portmap.h"

static const uint8_t outside[4] = {203, 0, 113, 17};

typedef struct scene {
  router router;
  uint32_t check_ms;
  atr_portmap *portmap;
  int changes;
  bool has_ended;
} scene;

static void on_change(void *ctx, const atr_portmap_view *view)
{
  scene *s = ctx;

  s->changes++;
  assert_memory_equal(view, atr_portmap_look(s->portmap), sizeof *view);
}

/* A port of this process: of several that listen on one, a packet to this machine alone reaches the last. */
static uint16_t announce_port(void)
{
  return (uint16_t)(10000 + getpid() % 20000);
}

static void begin(scene *s)
{
  atr_portmap_options options = {.port = 12800};

  if (!s->router.outer[0])
    memcpy(s->router.outer, outside, 4);
  open_router(&s->router);
  options.router = s->router.text;
  options.is_ipv6 = s->router.is_ipv6;
  options.own = "::1";
  options.control_port = s->router.control_port;
  options.check_ms = s->check_ms;
  options.announce_port = announce_port();
  assert_ok(
      atr_portmap_new(&s->portmap, &test_loop, &options, &(atr_portmap_callbacks){.on_change = on_change, .ctx = s}));
  assert_int_equal(atr_portmap_look(s->portmap)->state, ATR_PORTMAP_ASKING);
}

static const atr_portmap_view *wait_known(scene *s, uint32_t max_ms)
{
  uint64_t end = uv_hrtime() + max_ms * UINT64_C(1000000);

  while (atr_portmap_look(s->portmap)->state == ATR_PORTMAP_ASKING && uv_hrtime() < end)
    uv_run(&test_loop, UV_RUN_ONCE);
  return atr_portmap_look(s->portmap);
}

static void run_until(const int *counter, int wanted, uint32_t max_ms)
{
  uint64_t end = uv_hrtime() + max_ms * UINT64_C(1000000);

  while (*counter < wanted && uv_hrtime() < end)
    uv_run(&test_loop, UV_RUN_ONCE);
  assert_true(*counter >= wanted);
}

static void on_ended(void *ctx)
{
  ((scene *)ctx)->has_ended = true;
}

static void finish(scene *s)
{
  uint64_t end = uv_hrtime() + UINT64_C(5000000000);

  atr_portmap_end(s->portmap, on_ended, s);
  assert_false(s->has_ended);
  while (!s->has_ended && uv_hrtime() < end)
    uv_run(&test_loop, UV_RUN_ONCE);
  assert_true(s->has_ended);
  atr_portmap_free(s->portmap);
  drain_router(&s->router);
}

static void expect_mapped(const atr_portmap_view *view, atr_portmap_way way, uint16_t outer_port)
{
  assert_string_equal(atr_portmap_state_name(view->state), "mapped");
  assert_string_equal(atr_portmap_way_name(view->way), atr_portmap_way_name(way));
  assert_string_equal(view->outer, "203.0.113.17");
  assert_string_equal(view->inner, "127.0.0.1");
  assert_int_equal(view->inner_port, 12800);
  assert_int_equal(view->outer_port, outer_port);
  assert_int_equal(view->outer_scope, ATR_PORTMAP_SCOPE_PUBLIC);
}

static void expect_refused(const atr_portmap_view *view, atr_portmap_reason reason)
{
  assert_string_equal(atr_portmap_state_name(view->state), "refused");
  assert_string_equal(atr_portmap_reason_name(view->reason), atr_portmap_reason_name(reason));
  assert_int_equal(view->outer_port, 0);
}

/* --- the three ways -------------------------------------------------------------------------------------------- */

static void pcp_maps_and_takes_back(void **state)
{
  scene s = {.router = {.control = CONTROL_PCP, .outer_port = 9090, .lifetime_s = 7200}};
  const atr_portmap_view *view;

  (void)state;
  begin(&s);
  view = wait_known(&s, 5000);
  expect_mapped(view, ATR_PORTMAP_BY_PCP, 9090);
  assert_string_equal(view->router, s.router.text);
  assert_int_equal(view->lifetime_s, 7200);
  assert_int_equal(s.router.inner_port, 12800);
  finish(&s);
  assert_int_equal(s.router.removed, 1);
  assert_int_equal(s.router.port, 0);
}

static const uint8_t own_ipv6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 0x10};

static void a_hole_for_ipv6_is_opened_kept_and_closed(void **state)
{
  scene s = {.router = {.control = CONTROL_PCP, .is_ipv6 = true, .lifetime_s = 2}};
  const atr_portmap_view *view;

  (void)state;
  memcpy(s.router.outer_ipv6, own_ipv6, sizeof own_ipv6);
  begin(&s);
  view = wait_known(&s, 5000);
  assert_string_equal(atr_portmap_state_name(view->state), "mapped");
  assert_string_equal(atr_portmap_way_name(view->way), "pcp");
  assert_string_equal(view->router, "::1");
  assert_string_equal(view->inner, "::1");
  assert_string_equal(view->outer, "2001:db8::10");
  assert_int_equal(view->outer_port, 12800);
  assert_int_equal(view->outer_scope, ATR_PORTMAP_SCOPE_PUBLIC);
  assert_memory_equal(s.router.inner, ((uint8_t[16]){[15] = 1}), 16);
  assert_memory_equal(s.router.suggested, s.router.inner, 16);
  run_until(&s.router.mapped, 3, 4000);
  finish(&s);
  assert_int_equal(s.router.removed, 1);
  assert_memory_equal(s.router.suggested, (uint8_t[16]){0}, 16);
}

/* Nobody is asked over NAT-PMP or UPnP, which know no such thing; and what is no address of a machine is none that others could type. */
static void a_router_that_opens_no_hole_is_known_at_once(void **state)
{
  static const struct {
    router router;
    atr_portmap_reason reason;
  } cases[] = {
      {{.control = NO_CONTROL}, ATR_PORTMAP_SILENT},
      {{.control = CONTROL_SILENT}, ATR_PORTMAP_SILENT},
      {{.control = CONTROL_NATPMP}, ATR_PORTMAP_UNSUPPORTED},
      {{.control = CONTROL_PCP, .result = 2}, ATR_PORTMAP_NOT_AUTHORIZED},
      {{.control = CONTROL_PCP, .outer_ipv6 = {0}}, ATR_PORTMAP_NO_OUTSIDE},
      {{.control = CONTROL_PCP, .outer_ipv6 = {0xfe, 0x80, [15] = 1}}, ATR_PORTMAP_NO_OUTSIDE},
      {{.control = CONTROL_PCP, .outer_ipv6 = {0xfd, 0x12, [15] = 1}}, ATR_PORTMAP_NO_OUTSIDE},
      {{.control = CONTROL_PCP, .outer_ipv6 = {[10] = 0xff, 0xff, 203, 0, 113, 17}}, ATR_PORTMAP_NO_OUTSIDE},
  };

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    scene s = {.router = cases[i].router};

    s.router.is_ipv6 = true;
    begin(&s);
    assert_string_equal(atr_portmap_reason_name(wait_known(&s, 2500)->reason),
                        atr_portmap_reason_name(cases[i].reason));
    assert_string_equal(atr_portmap_look(s.portmap)->outer, "");
    finish(&s);
  }
}

static void natpmp_maps_and_takes_back(void **state)
{
  scene s = {.router = {.control = CONTROL_NATPMP, .outer_port = 9090}};

  (void)state;
  begin(&s);
  expect_mapped(wait_known(&s, 5000), ATR_PORTMAP_BY_NATPMP, 9090);
  assert_int_equal(atr_portmap_look(s.portmap)->lifetime_s, ATR_PORTMAP_LIFETIME_S);
  finish(&s);
  assert_int_equal(s.router.removed, 1);
  assert_int_equal(s.router.port, 0);
}

static void upnp_maps_and_takes_back(void **state)
{
  scene s = {.router = {.upnp = UPNP_FINE}};

  (void)state;
  begin(&s);
  expect_mapped(wait_known(&s, 10000), ATR_PORTMAP_BY_UPNP, 12800);
  assert_int_equal(s.router.lease_s, ATR_PORTMAP_LIFETIME_S);
  assert_int_equal(s.router.described, 1);
  finish(&s);
  assert_int_equal(s.router.removed, 1);
  assert_int_equal(s.router.port, 0);
}

static void an_outer_port_that_is_taken_is_left_alone(void **state)
{
  scene s = {.router = {.upnp = UPNP_FINE, .taken_port = 12800}};

  (void)state;
  begin(&s);
  expect_mapped(wait_known(&s, 10000), ATR_PORTMAP_BY_UPNP, 12801);
  assert_int_equal(s.router.mapped, 1);
  finish(&s);
}

static void a_router_that_knows_only_permanent_mappings_gets_one(void **state)
{
  static const int errors[] = {725, 402};

  (void)state;
  for (size_t i = 0; i < 2; i++) {
    scene s = {.router = {.upnp = UPNP_FINE, .lease_error = errors[i]}};

    begin(&s);
    expect_mapped(wait_known(&s, 10000), ATR_PORTMAP_BY_UPNP, 12800);
    assert_int_equal(atr_portmap_look(s.portmap)->lifetime_s, 0);
    finish(&s);
    assert_int_equal(s.router.port, 0);
  }
}

static void an_entry_without_a_machine_is_nobodys(void **state)
{
  scene s = {.router = {.upnp = UPNP_FINE, .shows_nobody = true}};

  (void)state;
  begin(&s);
  expect_mapped(wait_known(&s, 10000), ATR_PORTMAP_BY_UPNP, 12800);
  finish(&s);
  assert_int_equal(s.router.port, 0);
}

/* --- what is behind the router --------------------------------------------------------------------------------- */

static void a_second_router_is_seen(void **state)
{
  scene s = {.router = {.control = CONTROL_PCP, .outer = {100, 64, 7, 7}}};
  const atr_portmap_view *view;

  (void)state;
  begin(&s);
  view = wait_known(&s, 5000);
  assert_int_equal(view->state, ATR_PORTMAP_MAPPED);
  assert_int_equal(view->outer_scope, ATR_PORTMAP_SCOPE_SHARED);
  assert_string_equal(view->outer, "100.64.7.7");
  finish(&s);
}

static void a_router_without_an_outer_address_is_of_no_use(void **state)
{
  scene all[3] = {{.router = {.control = CONTROL_PCP}},
                  {.router = {.control = CONTROL_NATPMP, .outer = {127, 0, 0, 1}}},
                  {.router = {.upnp = UPNP_FINE, .outer = {255, 255, 255, 255}}}};

  (void)state;
  for (size_t i = 0; i < 3; i++)
    begin(&all[i]);
  memset(all[0].router.outer, 0, 4);
  for (size_t i = 0; i < 3; i++)
    expect_refused(wait_known(&all[i], 15000), ATR_PORTMAP_NO_OUTSIDE);
  for (size_t i = 0; i < 3; i++)
    finish(&all[i]);
}

/* --- over time ------------------------------------------------------------------------------------------------- */

static void it_is_renewed_at_half_of_its_life(void **state)
{
  scene s = {.router = {.control = CONTROL_PCP, .lifetime_s = 2}};
  uint64_t start;
  int changes;

  (void)state;
  begin(&s);
  wait_known(&s, 5000);
  assert_int_equal(s.router.mapped, 1);
  changes = s.changes;
  start = uv_hrtime();
  run_until(&s.router.mapped, 3, 10000);
  assert_true(uv_hrtime() - start >= UINT64_C(1800000000));
  assert_int_equal(s.changes, changes); /* nobody is told about what has not changed */
  finish(&s);
}

/* Seconds count from when the mapping is had to when it is asked for again. */
static void a_router_that_grants_a_second_is_not_flooded(void **state)
{
  scene s = {.router = {.control = CONTROL_PCP, .lifetime_s = 1}};
  uint64_t start;

  (void)state;
  begin(&s);
  wait_known(&s, 5000);
  start = uv_hrtime();
  run_until(&s.router.mapped, 3, 10000);
  assert_true(uv_hrtime() - start >= 2 * (ATR_PORTMAP_CHECK_MIN_MS - 100) * UINT64_C(1000000));
  finish(&s);
}

/* It says nothing of it when it is asked, and has it in its table. */
static void a_upnp_router_that_grants_less_than_was_asked_for_is_asked_in_time(void **state)
{
  scene s = {.router = {.upnp = UPNP_FINE, .lifetime_s = 3}};

  (void)state;
  begin(&s);
  expect_mapped(wait_known(&s, 10000), ATR_PORTMAP_BY_UPNP, 12800);
  run_until(&s.router.mapped, 3, 15000);
  assert_int_equal(s.router.described, 1);
  finish(&s);
}

static void a_router_that_was_restarted_gets_the_port_again(void **state)
{
  scene s = {.router = {.control = CONTROL_PCP, .lifetime_s = 2, .outer_port = 9090, .epoch_s = 100000}};

  (void)state;
  begin(&s);
  wait_known(&s, 5000);
  s.router.port = 0; /* its table is lost */
  s.router.epoch_s = 1;
  s.router.outer_port = 0; /* and it gives what is wanted: the one of before, which stands in invites */
  run_until(&s.router.mapped, 2, 10000);
  assert_int_equal(s.router.port, 9090);
  expect_mapped(atr_portmap_look(s.portmap), ATR_PORTMAP_BY_PCP, 9090);
  finish(&s);
}

/* It listens at another port then, and its table is empty. */
static void a_upnp_router_that_was_restarted_is_searched_again(void **state)
{
  scene s = {.router = {.upnp = UPNP_FINE, .taken_port = 12800}, .check_ms = 1500};

  (void)state;
  begin(&s);
  expect_mapped(wait_known(&s, 10000), ATR_PORTMAP_BY_UPNP, 12801);
  run_until(&s.router.mapped, 2, 10000); /* checked, without a search */
  assert_int_equal(s.router.described, 1);
  close_services(&s.router);
  uv_run(&test_loop, UV_RUN_NOWAIT);
  open_services(&s.router);
  s.router.port = s.router.taken_port = 0;
  run_until(&s.router.mapped, 3, 15000);
  assert_int_equal(s.router.described, 2);
  assert_int_equal(s.router.port, 12801); /* as it stands in invites */
  expect_mapped(atr_portmap_look(s.portmap), ATR_PORTMAP_BY_UPNP, 12801);
  finish(&s);
  assert_int_equal(s.router.port, 0);
}

static void a_router_that_was_away_is_asked_again(void **state)
{
  scene s = {.router = {.control = CONTROL_NATPMP, .lifetime_s = 2}};
  uint64_t end;

  (void)state;
  begin(&s);
  wait_known(&s, 5000);
  close_services(&s.router);
  end = uv_hrtime() + UINT64_C(15000000000);
  while (atr_portmap_look(s.portmap)->state != ATR_PORTMAP_NONE && uv_hrtime() < end)
    uv_run(&test_loop, UV_RUN_ONCE);
  assert_int_equal(atr_portmap_look(s.portmap)->reason, ATR_PORTMAP_SILENT);
  open_services(&s.router);
  s.router.port = 0;
  end = uv_hrtime() + UINT64_C(15000000000);
  while (atr_portmap_look(s.portmap)->state != ATR_PORTMAP_MAPPED && uv_hrtime() < end)
    uv_run(&test_loop, UV_RUN_ONCE);
  expect_mapped(atr_portmap_look(s.portmap), ATR_PORTMAP_BY_NATPMP, 12800);
  finish(&s);
}

static void a_router_announces_its_restart(void **state)
{
  scene s = {.router = {.control = CONTROL_PCP, .lifetime_s = 7200, .epoch_s = 100000}};
  uint8_t packet[24] = {2, 0x80, [11] = 1};
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(announce_port())};
  uv_buf_t buf = uv_buf_init((char *)packet, sizeof packet);
  uint64_t end;

  (void)state;
  begin(&s);
  wait_known(&s, 5000);
  s.router.epoch_s = 1;
  s.router.port = 0;
  end = uv_hrtime() + (ATR_PORTMAP_ANNOUNCED_MS + 200) * UINT64_C(1000000);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  while (s.router.mapped < 2 && uv_hrtime() < end + UINT64_C(5000000000)) { /* it repeats itself, too */
    (void)uv_udp_try_send(&s.router.control_socket, &buf, 1, (struct sockaddr *)&to);
    uv_run(&test_loop, UV_RUN_ONCE);
    uv_sleep(10);
    uv_run(&test_loop, UV_RUN_NOWAIT);
  }
  assert_int_equal(s.router.mapped, 2);
  finish(&s);
}

/* --- no router, and bad ones ----------------------------------------------------------------------------------- */

static void no_answer_is_known_in_seconds(void **state)
{
  scene s = {.router = {.control = CONTROL_SILENT}};
  uint64_t start = uv_hrtime();
  const atr_portmap_view *view;

  (void)state;
  begin(&s);
  view = wait_known(&s, 20000);
  assert_string_equal(atr_portmap_state_name(view->state), "none");
  assert_string_equal(atr_portmap_reason_name(view->reason), "silent");
  assert_true(uv_hrtime() - start >= (2 * ATR_PORTMAP_TRY_MS + ATR_PORTMAP_SEARCH_MS - 200) * UINT64_C(1000000));
  assert_true(uv_hrtime() - start < 15 * UINT64_C(1000000000));
  finish(&s);
}

static void refusals_are_told(void **state)
{
  static const struct {
    control control;
    uint8_t result;
    atr_portmap_reason reason;
  } all[] = {
      {CONTROL_PCP, ATR_PCP_NOT_AUTHORIZED, ATR_PORTMAP_NOT_AUTHORIZED},
      {CONTROL_PCP, ATR_PCP_NO_RESOURCES, ATR_PORTMAP_NO_ROOM},
      {CONTROL_PCP, ATR_PCP_CANNOT_PROVIDE_EXTERNAL, ATR_PORTMAP_PORTS_TAKEN},
      {CONTROL_PCP, ATR_PCP_NETWORK_FAILURE, ATR_PORTMAP_NO_OUTSIDE},
      {CONTROL_PCP, 99, ATR_PORTMAP_FAILED},
      {CONTROL_NATPMP, 2, ATR_PORTMAP_NOT_AUTHORIZED},
      {CONTROL_NATPMP, 3, ATR_PORTMAP_NO_OUTSIDE},
      {CONTROL_NATPMP, 4, ATR_PORTMAP_NO_ROOM},
  };

  scene scenes[sizeof all / sizeof *all] = {0};

  (void)state;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    scenes[i].router.control = all[i].control;
    scenes[i].router.result = all[i].result;
    begin(&scenes[i]);
  }
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    expect_refused(wait_known(&scenes[i], 15000), all[i].reason);
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    finish(&scenes[i]);
}

static void answers_to_nobody_are_nonsense(void **state)
{
  scene pcp = {.router = {.control = CONTROL_PCP, .other_nonce = true}};
  scene natpmp = {.router = {.control = CONTROL_NATPMP, .short_answers = true}};

  (void)state;
  begin(&pcp);
  begin(&natpmp);
  expect_refused(wait_known(&pcp, 15000), ATR_PORTMAP_NONSENSE);
  expect_refused(wait_known(&natpmp, 15000), ATR_PORTMAP_NONSENSE);
  assert_int_equal(pcp.router.mapped, 0);
  finish(&pcp);
  finish(&natpmp);
}

static void a_router_that_says_done_and_does_nothing_lies(void **state)
{
  scene s = {.router = {.upnp = UPNP_FINE, .forgets = true}};

  (void)state;
  begin(&s);
  expect_refused(wait_known(&s, 15000), ATR_PORTMAP_LIES);
  assert_string_equal(atr_portmap_look(s.portmap)->outer, "203.0.113.17");
  finish(&s);
}

/* The search's answer comes from the router, and names another machine: that one is not called. */
static void nobody_else_is_called(void **state)
{
  scene s = {.router = {.upnp = UPNP_ELSEWHERE}};

  (void)state;
  begin(&s);
  expect_refused(wait_known(&s, 15000), ATR_PORTMAP_NONSENSE);
  assert_int_equal(s.router.described, 0);
  finish(&s);
}

static void descriptions_that_are_none_are_survived(void **state)
{
  scene huge = {.router = {.upnp = UPNP_HUGE}}, slow = {.router = {.upnp = UPNP_SLOW}};
  uint64_t start = uv_hrtime();

  (void)state;
  begin(&huge);
  begin(&slow);
  expect_refused(wait_known(&huge, 20000), ATR_PORTMAP_NONSENSE);
  expect_refused(wait_known(&slow, 20000), ATR_PORTMAP_NONSENSE);
  assert_true(uv_hrtime() - start >= (ATR_PORTMAP_CALL_MS - 100) * UINT64_C(1000000));
  assert_true(uv_hrtime() - start < (ATR_PORTMAP_CALL_MS + 6000) * UINT64_C(1000000));
  assert_true(huge.router.described >= 1 && slow.router.described >= 1);
  finish(&huge);
  finish(&slow);
}

/* Each of its answers comes in time; all of them do not. */
static void a_router_that_takes_its_time_is_given_so_much(void **state)
{
  scene s = {.router = {.upnp = UPNP_LAZY, .all_taken = true}};
  uint64_t start = uv_hrtime();

  (void)state;
  begin(&s);
  expect_refused(wait_known(&s, 30000), ATR_PORTMAP_NONSENSE);
  assert_true(uv_hrtime() - start < (ATR_PORTMAP_UPNP_MS + 6000) * UINT64_C(1000000));
  finish(&s);
}

static void so_many_outer_ports_are_tried(void **state)
{
  scene s = {.router = {.upnp = UPNP_FINE, .all_taken = true}};

  (void)state;
  begin(&s);
  expect_refused(wait_known(&s, 15000), ATR_PORTMAP_PORTS_TAKEN);
  assert_int_equal(s.router.looked_up, ATR_PORTMAP_PORTS_MAX);
  assert_int_equal(s.router.mapped, 0);
  finish(&s);
}

static void so_many_devices_of_a_router_are_looked_at(void **state)
{
  scene s = {.router = {.upnp = UPNP_HTML, .devices = 20}};

  (void)state;
  begin(&s);
  wait_known(&s, 15000);
  assert_int_equal(s.router.described, ATR_PORTMAP_DEVICES_MAX);
  finish(&s);
}

/* The right answer comes behind more than anybody reads. */
static void a_flood_of_packets_is_not_read(void **state)
{
  scene s = {.router = {.upnp = UPNP_FINE, .junk = 2 * ATR_PORTMAP_HEARD_MAX}};

  (void)state;
  begin(&s);
  expect_refused(wait_known(&s, 15000), ATR_PORTMAP_NONSENSE);
  assert_int_equal(s.router.described, 0);
  finish(&s);
}

static void a_page_for_people_maps_nothing(void **state)
{
  scene s = {.router = {.upnp = UPNP_HTML}};

  (void)state;
  begin(&s);
  assert_int_equal(wait_known(&s, 20000)->state, ATR_PORTMAP_NONE);
  finish(&s);
}

/* --- the end --------------------------------------------------------------------------------------------------- */

static void the_end_does_not_wait_for_a_router(void **state)
{
  scene s = {.router = {.control = CONTROL_PCP}};
  uint64_t start;

  (void)state;
  begin(&s);
  wait_known(&s, 5000);
  s.router.control = CONTROL_SILENT;
  start = uv_hrtime();
  finish(&s);
  assert_true(uv_hrtime() - start >= (ATR_PORTMAP_END_MS - 100) * UINT64_C(1000000));
  assert_true(uv_hrtime() - start < UINT64_C(4000000000));
}

static void it_can_be_dropped_at_any_moment(void **state)
{
  (void)state;
  for (unsigned turns = 0; turns < 16; turns++) {
    scene s = {.router = {.control = turns % 2 ? CONTROL_NATPMP : NO_CONTROL, .upnp = UPNP_FINE, .result = 2}};
    uint64_t start;

    begin(&s);
    for (unsigned i = 0; i < turns / 2; i++)
      uv_run(&test_loop, UV_RUN_ONCE);
    start = uv_hrtime();
    atr_portmap_free(s.portmap);
    drain_router(&s.router);
    uv_run(&test_loop, UV_RUN_DEFAULT); /* it ends: nothing goes on */
    assert_true(uv_hrtime() - start < UINT64_C(1000000000));
  }
}

static void what_is_asked_at_the_end_is_taken_back(void **state)
{
  scene s = {.router = {.control = CONTROL_PCP}};
  uint64_t end = uv_hrtime() + UINT64_C(5000000000);

  (void)state;
  begin(&s);
  while (s.router.asked == 0 && uv_hrtime() < end)
    uv_run(&test_loop, UV_RUN_ONCE);
  finish(&s); /* whether or not the answer has been seen */
  assert_int_equal(s.router.removed, 1);
  assert_int_equal(s.router.port, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(pcp_maps_and_takes_back, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(a_hole_for_ipv6_is_opened_kept_and_closed, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(a_router_that_opens_no_hole_is_known_at_once, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(natpmp_maps_and_takes_back, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(upnp_maps_and_takes_back, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(an_outer_port_that_is_taken_is_left_alone, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(an_entry_without_a_machine_is_nobodys, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(a_router_that_knows_only_permanent_mappings_gets_one, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(a_second_router_is_seen, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(a_router_without_an_outer_address_is_of_no_use, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(it_is_renewed_at_half_of_its_life, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(a_router_that_grants_a_second_is_not_flooded, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(a_upnp_router_that_grants_less_than_was_asked_for_is_asked_in_time, open_loop,
                                      close_loop),
      cmocka_unit_test_setup_teardown(a_router_that_was_restarted_gets_the_port_again, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(a_upnp_router_that_was_restarted_is_searched_again, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(a_router_that_was_away_is_asked_again, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(a_router_announces_its_restart, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(no_answer_is_known_in_seconds, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(refusals_are_told, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(answers_to_nobody_are_nonsense, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(a_router_that_says_done_and_does_nothing_lies, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(nobody_else_is_called, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(descriptions_that_are_none_are_survived, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(a_router_that_takes_its_time_is_given_so_much, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(so_many_outer_ports_are_tried, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(so_many_devices_of_a_router_are_looked_at, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(a_flood_of_packets_is_not_read, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(a_page_for_people_maps_nothing, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(the_end_does_not_wait_for_a_router, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(it_can_be_dropped_at_any_moment, open_loop, close_loop),
      cmocka_unit_test_setup_teardown(what_is_asked_at_the_end_is_taken_back, open_loop, close_loop),
  };

  return cmocka_run_group_tests_name("portmap", tests, NULL, NULL);
}
