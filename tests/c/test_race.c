/* SPDX-License-Identifier: MIT
 *
 * Connecting to what was typed: the order in which addresses are tried, who wins, what a failure is called, and that
 * it can be given up at any moment. A host that swallows packets is made of a listener whose queue is full: the
 * kernel then drops what comes, as a firewall does.
 */
#include "net_test.h"

#include "transport/address.h"
#include "transport/interfaces.h"
#include "transport/race.h"
#include "transport/race_order.h"

typedef struct run {
  bench bench;
  bool done;
  atr_race_result result;
} run;

static void on_done(void *ctx, const atr_race_result *result)
{
  run *r = ctx;

  assert_false(r->done);
  r->done = true;
  r->result = *result;
}

static atr_address address_of(const char *text, uint16_t port)
{
  atr_address address;
  char why[256];

  assert_int_equal(atr_address_parse(text, strlen(text), port, &address, why, sizeof why), 0);
  return address;
}

static void drop_stream(void *ctx, atr_stream *stream)
{
  (void)ctx;
  atr_stream_close(stream);
}

static atr_listener *listener_at(bench *b, const char *bind)
{
  const atr_listen_options options = {.bind = bind};
  atr_listener *listener;
  char why[256];

  assert_int_equal(atr_listener_new(&listener, b->net, &options, drop_stream, NULL, why, sizeof why), 0);
  return listener;
}

/* A port where nobody listens: one that was free a moment ago. */
static uint16_t free_port(bench *b)
{
  atr_listener *listener = listener_at(b, "127.0.0.1");
  uint16_t port = atr_listener_port(listener);

  atr_listener_free(listener);
  bench_idle(b, 5);
  return port;
}

/* --- order ----------------------------------------------------------------------------------------------------- */

static struct sockaddr_storage ip(const char *text)
{
  struct sockaddr_storage a = {0};

  if (strchr(text, ':'))
    uv_ip6_addr(text, 1, (struct sockaddr_in6 *)(void *)&a);
  else
    uv_ip4_addr(text, 1, (struct sockaddr_in *)(void *)&a);
  return a;
}

static void check_order(const char *const *in, const char *const *expected, size_t n_in, size_t n)
{
  atr_candidate list[ATR_CANDIDATES_MAX];
  size_t count = 0;
  char text[64], want[64];

  for (size_t i = 0; i < n_in; i++) {
    atr_candidate a = {.to = ip(in[i])};

    atr_race_order_add(list, &count, &a);
  }
  assert_int_equal(count, n);
  atr_race_order_arrange(list, count);
  for (size_t i = 0; i < n; i++) {
    struct sockaddr_storage a = ip(expected[i]);

    atr_tcp_address_text((struct sockaddr *)&list[i].to, text, sizeof text);
    atr_tcp_address_text((struct sockaddr *)&a, want, sizeof want);
    assert_string_equal(text, want);
  }
}

static void families_take_turns(void **state)
{
  const char *const in[] = {"2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1", "192.0.2.2", "2001:db8::1"};
  const char *const out[] = {"2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2", "2001:db8::3"};
  const char *const in4[] = {"192.0.2.1", "192.0.2.2", "2001:db8::1"};
  const char *const out4[] = {"192.0.2.1", "2001:db8::1", "192.0.2.2"};
  const char *const one[] = {"192.0.2.1", "192.0.2.2"};

  (void)state;
  check_order(in, out, 6, 5);
  check_order(in4, out4, 3, 3);
  check_order(one, one, 2, 2);
  check_order(one, one, 0, 0);
}

static void add(atr_candidate *list, size_t *count, unsigned from, const char *format, unsigned number)
{
  atr_candidate a = {.from = from};
  char text[64];

  snprintf(text, sizeof text, format, from, number);
  a.to = ip(text);
  atr_race_order_add(list, count, &a);
}

/* ATR_RACE_FURTHER_MAX, ATR_CANDIDATES_MAX. As many names as there can be, each of 20 numbers of each family, one name answered after the other. */
static void a_name_with_many_numbers_keeps_no_other_address_out(void **state)
{
  atr_candidate list[ATR_CANDIDATES_MAX];
  size_t count = 0, firsts = (size_t)ATR_ADDRESSES_MAX * 2;

  (void)state;
  for (unsigned from = 0; from < ATR_ADDRESSES_MAX; from++)
    for (unsigned i = 1; i <= 20; i++) {
      add(list, &count, from, "10.0.%u.%u", i);
      add(list, &count, from, "2001:db8:%x::%x", i);
    }
  assert_int_equal(count, ATR_CANDIDATES_MAX);
  atr_race_order_arrange(list, count);
  for (size_t i = 0; i < firsts; i++) {
    assert_int_equal(list[i].from, i / 2);
    assert_int_equal(list[i].to.ss_family, i % 2 ? AF_INET6 : AF_INET);
    assert_int_equal(list[i].round, 0);
  }
  for (size_t i = firsts; i < count; i++)
    assert_in_range(list[i].round, 1, ATR_RACE_FURTHER_MAX);
}

/* --- races ----------------------------------------------------------------------------------------------------- */

static void race(run *r, const atr_address *addresses, size_t count, const atr_race_options *options)
{
  atr_race *handle;

  r->done = false;
  assert_int_equal(atr_race_start(&handle, r->bench.net, addresses, count, options, on_done, r), 0);
  assert_false(r->done);
  assert_true(bench_run(&r->bench, &r->done, 8000));
}

static void a_listener_is_found(void **state)
{
  run r = {0};
  atr_listener *listener;
  atr_address address;

  (void)state;
  bench_open(&r.bench);
  listener = listener_at(&r.bench, NULL);
  address = address_of("localhost", atr_listener_port(listener));
  race(&r, &address, 1, NULL);
  assert_int_equal(r.result.err, 0);
  assert_non_null(r.result.stream);
  assert_true(r.result.stream->is_loopback);
  atr_stream_close(r.result.stream);
  atr_listener_free(listener);
  bench_close(&r.bench);
}

/* ATR_ADDRESSES_MAX: the one that would answer is the last of them, and then one too many. */
static void so_many_addresses_race(void **state)
{
  const atr_race_options options = {.delay_ms = 1};
  atr_address addresses[ATR_ADDRESSES_MAX + 1];
  atr_listener *listener;
  run r = {0};
  char text[32];

  (void)state;
  bench_open(&r.bench);
  listener = listener_at(&r.bench, "127.0.0.1");
  for (size_t i = 0; i < ATR_ADDRESSES_MAX + 1; i++) {
    snprintf(text, sizeof text, "127.0.0.%u", (unsigned)i + 2); /* nobody listens there */
    addresses[i] = address_of(text, atr_listener_port(listener));
  }
  addresses[ATR_ADDRESSES_MAX] = address_of("127.0.0.1", atr_listener_port(listener));
  race(&r, addresses, ATR_ADDRESSES_MAX + 1, &options);
  assert_int_equal(r.result.err, ATR_CONNREFUSED);
  race(&r, addresses + 1, ATR_ADDRESSES_MAX, &options);
  assert_int_equal(r.result.err, 0);
  atr_stream_close(r.result.stream);
  atr_listener_free(listener);
  bench_close(&r.bench);
}

/* The first answers that nobody is there: the second is tried at once, not after the pause. */
static void a_failure_starts_the_next_attempt(void **state)
{
  const atr_race_options options = {.delay_ms = 5000};
  run r = {0};
  atr_listener *listener;
  atr_address addresses[2];

  (void)state;
  bench_open(&r.bench);
  addresses[0] = address_of("127.0.0.1", free_port(&r.bench));
  listener = listener_at(&r.bench, "127.0.0.1");
  addresses[1] = address_of("127.0.0.1", atr_listener_port(listener));
  race(&r, addresses, 2, &options);
  assert_int_equal(r.result.err, 0);
  atr_stream_close(r.result.stream);
  atr_listener_free(listener);
  bench_close(&r.bench);
}

static void failures_have_names(void **state)
{
  const atr_race_options options = {.timeout_ms = 2000};
  run r = {0};
  atr_address address;
  char text[64];

  (void)state;
  bench_open(&r.bench);
  address = address_of("127.0.0.1", free_port(&r.bench));
  race(&r, &address, 1, NULL);
  assert_int_equal(r.result.err, ATR_CONNREFUSED);
  snprintf(text, sizeof text, "127.0.0.1:%u", address.port);
  assert_string_equal(r.result.address, text);
  assert_null(r.result.stream);
  address = address_of("no-such-host.invalid", 1);
  race(&r, &address, 1, &options);
  assert_int_equal(r.result.err, ATR_RESOLVE);
  address = address_of("fe80::1%nosuchif0", 1);
  race(&r, &address, 1, &options);
  assert_true(r.result.err == ATR_RESOLVE || r.result.err == ATR_UNREACHABLE);
  race(&r, &address, 0, &options); /* nothing to try is an answer too */
  assert_true(r.result.err != 0);
  bench_close(&r.bench);
}

/* Each by what was typed: of two names one may be spelled wrongly. */
static void names_that_are_not_known_are_told_by_name(void **state)
{
  const atr_race_options options = {.timeout_ms = 2000};
  run r = {0};
  atr_address addresses[ATR_ADDRESSES_MAX];
  char name[128];

  (void)state;
  bench_open(&r.bench);
  addresses[0] = address_of("no-such-host.invalid", 1);
  addresses[1] = address_of("https://nor-this-one.invalid", 1);
  race(&r, addresses, 2, &options);
  assert_int_equal(r.result.err, ATR_RESOLVE);
  assert_non_null(strstr(r.result.address, ".invalid:")); /* whichever was first */
  assert_non_null(strstr(r.result.detail, "no-such-host.invalid:1 RESOLVE"));
  assert_non_null(strstr(r.result.detail, "wss://nor-this-one.invalid:443/atrium RESOLVE"));
  for (unsigned i = 0; i < ATR_ADDRESSES_MAX; i++) { /* more than ATR_REASON_BYTES_MAX */
    snprintf(name, sizeof name, "%02u%059u.%040u.invalid", i, 0, 0);
    addresses[i] = address_of(name, 1);
  }
  race(&r, addresses, ATR_ADDRESSES_MAX, &options);
  assert_in_range(strlen(r.result.detail), ATR_REASON_BYTES_MAX - 130, ATR_REASON_BYTES_MAX - 1);
  assert_string_equal(r.result.detail + strlen(r.result.detail) - 8, " RESOLVE");
  bench_close(&r.bench);
}

/* --- a host that swallows packets ------------------------------------------------------------------------------ */

typedef struct black_hole {
  int listener, client[8];
  uint16_t port;
} black_hole;

static void black_hole_open(black_hole *h)
{
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof a;

  h->listener = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(bind(h->listener, (struct sockaddr *)&a, sizeof a), 0);
  assert_int_equal(listen(h->listener, 0), 0);
  getsockname(h->listener, (struct sockaddr *)&a, &len);
  h->port = ntohs(a.sin_port);
  for (int i = 0; i < 8; i++) {
    h->client[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void)!connect(h->client[i], (struct sockaddr *)&a, sizeof a);
  }
}

static void black_hole_close(black_hole *h)
{
  for (int i = 0; i < 8; i++)
    close(h->client[i]);
  close(h->listener);
}

/* ATR_CONNECT_TIMEOUT_MS, 0.3 s here. */
static void silence_is_told_after_the_time_limit(void **state)
{
  const atr_race_options options = {.timeout_ms = 300};
  run r = {0};
  black_hole hole;
  atr_address address;

  (void)state;
  bench_open(&r.bench);
  black_hole_open(&hole);
  address = address_of("127.0.0.1", hole.port);
  race(&r, &address, 1, &options);
  assert_int_equal(r.result.err, ATR_SILENT);
  black_hole_close(&hole);
  bench_close(&r.bench);
}

/* After ATR_RACE_DELAY_MS, 0.1 s here. */
static void a_silent_address_is_overtaken(void **state)
{
  const atr_race_options options = {.delay_ms = 100};
  run r = {0};
  black_hole hole;
  atr_listener *listener;
  atr_address addresses[2];
  uint64_t start;

  (void)state;
  bench_open(&r.bench);
  black_hole_open(&hole);
  listener = listener_at(&r.bench, "127.0.0.1");
  addresses[0] = address_of("127.0.0.1", hole.port);
  addresses[1] = address_of("127.0.0.1", atr_listener_port(listener));
  start = atr_net_now_us();
  race(&r, addresses, 2, &options);
  assert_int_equal(r.result.err, 0);
  assert_true(atr_net_now_us() - start < 900000); /* the first SYN would be repeated after a second */
  atr_stream_close(r.result.stream);
  atr_listener_free(listener);
  black_hole_close(&hole);
  bench_close(&r.bench);
}

static void a_race_can_be_given_up_at_any_moment(void **state)
{
  (void)state;
  for (unsigned ms = 0; ms < 8; ms++) {
    run r = {0};
    black_hole hole;
    atr_race *handle;
    atr_address addresses[3];

    bench_open(&r.bench);
    black_hole_open(&hole);
    addresses[0] = address_of("127.0.0.1", hole.port);
    addresses[1] = address_of("localhost", hole.port);
    addresses[2] = address_of("127.0.0.1", free_port(&r.bench));
    assert_int_equal(atr_race_start(&handle, r.bench.net, addresses, 3, NULL, on_done, &r), 0);
    if (ms > 0)
      bench_idle(&r.bench, ms);
    atr_race_cancel(handle);
    bench_idle(&r.bench, 5);
    assert_false(r.done);
    black_hole_close(&hole);
    bench_close(&r.bench);
  }
}

/* --- whose key must answer ------------------------------------------------------------------------------------- */

/* A server with a key of its own, and how often somebody came. */
typedef struct host {
  atr_identity *identity;
  atr_listener *listener;
  side sides[4];
  unsigned came;
} host;

static void host_accept(void *ctx, atr_stream *stream)
{
  host *h = ctx;
  side *s = &h->sides[h->came++];

  assert_true(h->came <= 4);
  assert_int_equal(atr_session_new(&s->session, stream, true, h->identity, &side_callbacks, s), 0);
}

static void host_open(host *h, bench *b)
{
  const atr_listen_options options = {.bind = "127.0.0.1"};
  char why[256];

  memset(h, 0, sizeof *h);
  assert_int_equal(atr_identity_new(&h->identity), 0);
  assert_int_equal(atr_listener_new(&h->listener, b->net, &options, host_accept, h, why, sizeof why), 0);
}

static void host_close(host *h)
{
  for (unsigned i = 0; i < h->came; i++)
    atr_session_free(h->sides[i].session);
  atr_listener_free(h->listener);
}

/* Something that answers at once and is not Atrium. */
static void hang_up(void *ctx, atr_stream *stream)
{
  (void)ctx;
  atr_stream_close(stream);
}

/* A server knows a key once the handshake is over. Here it ends before this side has said anything about itself. */
static void assert_who_came_is_unknown(bench *b, host *h, unsigned came)
{
  assert_int_equal(h->came, came);
  for (unsigned i = 0; i < came; i++) {
    assert_true(bench_run(b, &h->sides[i].closed, 5000));
    assert_false(h->sides[i].has_key);
  }
}

/* Two wrong hosts answer before the right one; the session of the winner goes on as if it had connected by itself. */
static void the_first_that_proves_the_key_wins(void **state)
{
  const atr_listen_options listen = {.bind = "127.0.0.1"};
  run r = {0};
  host wrong, right;
  atr_listener *other;
  atr_identity *self;
  atr_address addresses[3];
  atr_race_options options = {0};
  side client = {.name = "client"};
  char why[256];

  (void)state;
  bench_open(&r.bench);
  host_open(&wrong, &r.bench);
  host_open(&right, &r.bench);
  assert_int_equal(atr_listener_new(&other, r.bench.net, &listen, hang_up, NULL, why, sizeof why), 0);
  assert_int_equal(atr_identity_new(&self), 0);
  addresses[0] = address_of("127.0.0.1", atr_listener_port(other));
  addresses[1] = address_of("127.0.0.1", atr_listener_port(wrong.listener));
  addresses[2] = address_of("127.0.0.1", atr_listener_port(right.listener));
  options.tls = atr_identity_tls(self);
  options.key = atr_identity_key(right.identity);
  race(&r, addresses, 3, &options);
  assert_int_equal(r.result.err, 0);
  assert_int_equal(atr_session_new_secure(&client.session, r.result.stream, &side_callbacks, &client), 0);
  assert_true(bench_run(&r.bench, &client.has_key, 5000));
  assert_memory_equal(&client.key, options.key, sizeof client.key);
  assert_true(bench_run(&r.bench, &right.sides[0].has_key, 5000));
  assert_int_equal(atr_session_send(client.session, ATR_LANE_CONTROL, atr_span_of("\x01{}", 3)), 0);
  assert_true(bench_run(&r.bench, &right.sides[0].got, 5000));
  options.key = atr_identity_key(self);
  race(&r, addresses, 3, &options);
  assert_int_equal(r.result.err, ATR_KEY_CHANGED);
  assert_null(r.result.stream);
  assert_who_came_is_unknown(&r.bench, &wrong, 2);
  atr_session_free(client.session);
  host_close(&wrong);
  host_close(&right);
  atr_listener_free(other);
  bench_close(&r.bench);
  atr_identity_free(wrong.identity);
  atr_identity_free(right.identity);
  atr_identity_free(self);
}

static void proving_can_be_given_up_at_any_moment(void **state)
{
  (void)state;
  for (unsigned ms = 0; ms < 6; ms++) {
    run r = {0};
    host h;
    atr_identity *self;
    atr_race *handle;
    atr_address address;
    atr_race_options options = {0};

    bench_open(&r.bench);
    host_open(&h, &r.bench);
    assert_int_equal(atr_identity_new(&self), 0);
    address = address_of("127.0.0.1", atr_listener_port(h.listener));
    options.tls = atr_identity_tls(self);
    options.key = atr_identity_key(h.identity);
    assert_int_equal(atr_race_start(&handle, r.bench.net, &address, 1, &options, on_done, &r), 0);
    if (ms > 0)
      bench_idle(&r.bench, ms);
    if (r.done)
      atr_stream_close(r.result.stream);
    else
      atr_race_cancel(handle);
    bench_idle(&r.bench, 5);
    host_close(&h);
    bench_close(&r.bench);
    atr_identity_free(h.identity);
    atr_identity_free(self);
  }
}

/* --- what others can type -------------------------------------------------------------------------------------- */

static void interfaces_can_be_typed(void **state)
{
  atr_interface list[ATR_INTERFACES_MAX];
  size_t n = atr_interfaces_list(list, ATR_INTERFACES_MAX);

  (void)state;
  for (size_t i = 0; i < n; i++) {
    atr_address address = address_of(list[i].address, 1);

    assert_false(atr_address_is_loopback(&address));
    assert_true(list[i].name[0] != 0);
    assert_true(i == 0 || list[i].is_link_local || !list[i - 1].is_link_local);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(families_take_turns),
      cmocka_unit_test(a_name_with_many_numbers_keeps_no_other_address_out),
      cmocka_unit_test(a_listener_is_found),
      cmocka_unit_test(so_many_addresses_race),
      cmocka_unit_test(a_failure_starts_the_next_attempt),
      cmocka_unit_test(failures_have_names),
      cmocka_unit_test(names_that_are_not_known_are_told_by_name),
      cmocka_unit_test(silence_is_told_after_the_time_limit),
      cmocka_unit_test(a_silent_address_is_overtaken),
      cmocka_unit_test(a_race_can_be_given_up_at_any_moment),
      cmocka_unit_test(the_first_that_proves_the_key_wins),
      cmocka_unit_test(proving_can_be_given_up_at_any_moment),
      cmocka_unit_test(interfaces_can_be_typed),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
