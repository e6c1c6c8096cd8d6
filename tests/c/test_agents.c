/* SPDX-License-Identifier: MIT
 *
 * What tunnels' programs say of themselves: only what leads to our port counts, in each of the forms that their versions have had; and a program that
 * answers nonsense, or nothing, is as if it were not there. */
#include "test.h"

#include "net_test.h"

#include "reach/agents.h"

static size_t ngrok(const char *text, atr_endpoint *out)
{
  return atr_agents_read_ngrok(atr_span_of(text, strlen(text)), 12800, out, 0);
}

static void expect_one(const char *text, const char *address)
{
  atr_endpoint out[ATR_ENDPOINTS_MAX];
  char found[ATR_ADDRESS_TEXT_BYTES];

  assert_int_equal(ngrok(text, out), 1);
  atr_address_text(&out[0].address, found);
  assert_string_equal(found, address);
  assert_string_equal(out[0].program, "ngrok");
}

static void ngrok_in_all_its_forms(void **state)
{
  atr_endpoint out[ATR_ENDPOINTS_MAX];

  (void)state;
  expect_one("{\"tunnels\":[{\"name\":\"command_line\",\"uri\":\"/api/tunnels/command_line\",\"public_url\":"
             "\"tcp://0.tcp.example.org:12489\",\"proto\":\"tcp\",\"config\":{\"addr\":\"localhost:12800\",\"inspect\":"
             "false},\"metrics\":{\"conns\":{\"count\":0}}}],\"uri\":\"/api/tunnels\"}",
             "0.tcp.example.org:12489");
  expect_one("{\"tunnels\":[{\"public_url\":\"http://a.example.org\",\"config\":{\"addr\":\"http://localhost:12800\"}},"
             "{\"public_url\":\"https://a.example.org\",\"config\":{\"addr\":\"http://localhost:12800\"}}]}",
             "wss://a.example.org:443/atrium");
  expect_one(
      "{\"endpoints\":[{\"url\":\"tcp://1.tcp.example.org:2\",\"upstream\":{\"url\":\"tcp://127.0.0.1:12800\"}}]}",
      "1.tcp.example.org:2");
  expect_one("{\"endpoints\":[{\"public_url\":\"tcp://1.tcp.example.org:2\",\"upstream_url\":\"12800\"}]}",
             "1.tcp.example.org:2");
  assert_int_equal(ngrok("{\"tunnels\":[],\"uri\":\"/api/tunnels\"}", out), 0);
}

static void what_leads_elsewhere_is_left_out(void **state)
{
  static const char *const targets[] = {
      "localhost:80",
      "localhost:128000",
      "localhost:1280",
      "192.168.0.7:12800",
      "http://example.org:12800",
      "localhost:12800x",
      "",
      "localhost:-12800",
      "file:///tmp",
  };
  atr_endpoint out[ATR_ENDPOINTS_MAX];

  (void)state;
  for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
    char text[256];

    snprintf(text, sizeof text,
             "{\"tunnels\":[{\"public_url\":\"tcp://a.example.org:1\",\"config\":{\"addr\":\"%s\"}}]}", targets[i]);
    if (ngrok(text, out) != 0)
      fail_msg("\"%s\" counts", targets[i]);
  }
}

static void nonsense_is_nothing(void **state)
{
  static const char *const texts[] = {
      "",
      "null",
      "[]",
      "{\"tunnels\":{}}",
      "{\"tunnels\":[1,null,[],\"x\"]}",
      "{\"tunnels\":[{\"public_url\":1,\"config\":{\"addr\":2}}]}",
      "{\"tunnels\":[{\"public_url\":\"tcp://127.0.0.1:1\",\"config\":{\"addr\":\"localhost:12800\"}}]}",
      "{\"tunnels\":[{\"public_url\":\"tcp://a b\",\"config\":{\"addr\":\"localhost:12800\"}}]}",
      "{\"tunnels\":[{\"public_url\":\"nonsense\",\"config\":{\"addr\":\"localhost:12800\"}}]}",
  };
  atr_endpoint out[ATR_ENDPOINTS_MAX];

  (void)state;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    atr_span body = atr_span_of(texts[i], strlen(texts[i]));

    if (ngrok(texts[i], out) != 0 || atr_agents_read_quicktunnel(body, out) || atr_agents_leads_here(body, 12800))
      fail_msg("%s counts", texts[i]);
  }
}

/* ATR_ENDPOINTS_MAX: an invite has room for more than one program's. */
static void a_hundred_tunnels(void **state)
{
  atr_endpoint out[ATR_ENDPOINTS_MAX];
  char text[16384] = "{\"tunnels\":[";
  size_t n = strlen(text);

  (void)state;
  for (int i = 0; i < 100; i++)
    n += (size_t)snprintf(text + n, sizeof text - n,
                          "%s{\"public_url\":\"tcp://t%d.example.org:1\",\"config\":{\"addr\":\"localhost:12800\"}}",
                          i ? "," : "", i);
  snprintf(text + n, sizeof text - n, "]}");
  assert_int_equal(ngrok(text, out), ATR_ENDPOINTS_MAX);
}

static void cloudflared_says_it_in_two_answers(void **state)
{
  static const char name[] = "{\"hostname\":\"some-words.example.org\"}";
  static const char rules[] =
      "{\"version\":0,\"config\":{\"ingress\":[{\"hostname\":\"\",\"path\":\"\",\"service\":\"http://localhost:12800\","
      "\"originRequest\":{}}],\"warp-routing\":{},\"originRequest\":{}}}";
  char found[ATR_ADDRESS_TEXT_BYTES];
  atr_endpoint out;

  (void)state;
  assert_true(atr_agents_read_quicktunnel(atr_span_of(name, sizeof name - 1), &out));
  atr_address_text(&out.address, found);
  assert_string_equal(found, "wss://some-words.example.org:443/atrium");
  assert_true(atr_agents_leads_here(atr_span_of(rules, sizeof rules - 1), 12800));
  assert_false(atr_agents_leads_here(atr_span_of(rules, sizeof rules - 1), 12801));
}

/* --- over sockets ------------------------------------------------------------------------------------------------------ */

typedef struct desk {
  uv_tcp_t tcp;
  uint16_t port;
  const char *quick; /* the answer to /quicktunnel; NULL: says nothing at all */
  char seen[4][256];
  size_t asked;
} desk;

typedef struct caller {
  uv_tcp_t tcp;
  uv_write_t write;
  desk *desk;
  char answer[512], chunk[1024];
} caller;

static void caller_closed(uv_handle_t *handle)
{
  free(handle->data);
}

static void caller_answered(uv_write_t *write, int status)
{
  (void)status;
  uv_close((uv_handle_t *)write->handle, caller_closed);
}

static void caller_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
  caller *c = handle->data;

  (void)suggested;
  *out = uv_buf_init(c->chunk, sizeof c->chunk - 1);
}

static void caller_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
  caller *c = stream->data;
  bool is_quick;
  uv_buf_t out;

  if (n <= 0) {
    if (!uv_is_closing((uv_handle_t *)stream))
      uv_close((uv_handle_t *)stream, caller_closed);
    return;
  }
  c->chunk[n] = '\0';
  if (c->desk->asked < 4)
    snprintf(c->desk->seen[c->desk->asked++], sizeof c->desk->seen[0], "%.*s", (int)strcspn(buf->base, "\r"),
             buf->base);
  if (!c->desk->quick)
    return;
  is_quick = strstr(c->chunk, "/quicktunnel ") != NULL;
  snprintf(c->answer, sizeof c->answer, "HTTP/1.1 %s\r\nContent-Type: application/json\r\n\r\n%s",
           is_quick ? "200 OK" : "404 Not Found", is_quick ? c->desk->quick : "404 page not found");
  uv_read_stop(stream);
  out = uv_buf_init(c->answer, (unsigned)strlen(c->answer));
  uv_write(&c->write, stream, &out, 1, caller_answered);
}

static void desk_called(uv_stream_t *listener, int status)
{
  caller *c = calloc(1, sizeof *c);

  (void)status;
  assert_non_null(c);
  c->desk = listener->data;
  uv_tcp_init(listener->loop, &c->tcp);
  c->tcp.data = c;
  assert_int_equal(uv_accept(listener, (uv_stream_t *)&c->tcp), 0);
  uv_read_start((uv_stream_t *)&c->tcp, caller_alloc, caller_read);
}

static void desk_open(desk *d, bench *b, const char *quick)
{
  struct sockaddr_in any;
  struct sockaddr_storage own;
  int n = sizeof own;

  memset(d, 0, sizeof *d);
  d->quick = quick;
  uv_ip4_addr("127.0.0.1", 0, &any);
  uv_tcp_init(&b->loop, &d->tcp);
  d->tcp.data = d;
  assert_int_equal(uv_tcp_bind(&d->tcp, (struct sockaddr *)&any, 0), 0);
  assert_int_equal(uv_listen((uv_stream_t *)&d->tcp, 8, desk_called), 0);
  assert_int_equal(uv_tcp_getsockname(&d->tcp, (struct sockaddr *)&own, &n), 0);
  d->port = ntohs(((struct sockaddr_in *)(void *)&own)->sin_port);
}

static void on_change(void *ctx)
{
  *(bool *)ctx = true;
}

/* One that is too old to tell its rules counts where its port was named. */
static void the_port_that_was_named_is_asked(void **state)
{
  static const char *const questions[] = {"GET /api/tunnels HTTP/1.0", "GET /api/endpoints HTTP/1.0",
                                          "GET /quicktunnel HTTP/1.0", "GET /config HTTP/1.0"};
  bench b;
  desk d;
  atr_agents *agents;
  const atr_endpoint *list;
  bool changed = false;
  size_t count;

  (void)state;
  bench_open(&b);
  desk_open(&d, &b, "{\"hostname\":\"some-words.example.org\"}");
  assert_ok(atr_agents_new(&agents, &b.loop, 12800, on_change, &changed));
  assert_false(atr_agents_known(agents));
  atr_agents_name(agents, d.port);
  atr_agents_ask(agents);
  assert_true(bench_run(&b, &changed, 10000));
  list = atr_agents_list(agents, &count);
  assert_int_equal(count, 1);
  assert_string_equal(list[0].program, "cloudflared");
  assert_string_equal(list[0].address.host, "some-words.example.org");
  assert_int_equal(d.asked, 4);
  for (size_t i = 0; i < 4; i++)
    assert_string_equal(d.seen[i], questions[i]);
  atr_agents_free(agents);
  uv_close((uv_handle_t *)&d.tcp, NULL);
  bench_close(&b);
}

/* ATR_AGENT_TIMEOUT_MS: who takes the connection and says nothing is not waited for. */
static void a_program_that_says_nothing(void **state)
{
  bench b;
  desk d;
  atr_agents *agents;
  bool changed = false;
  uint64_t began;
  size_t count;

  (void)state;
  bench_open(&b);
  desk_open(&d, &b, NULL);
  assert_ok(atr_agents_new(&agents, &b.loop, 12800, on_change, &changed));
  began = uv_now(&b.loop);
  atr_agents_name(agents, d.port);
  atr_agents_ask(agents);
  assert_true(bench_run(&b, &changed, 3 * ATR_AGENT_TIMEOUT_MS));
  assert_in_range(uv_now(&b.loop) - began, ATR_AGENT_TIMEOUT_MS - 50, 3 * ATR_AGENT_TIMEOUT_MS);
  assert_int_equal(d.asked, 1);
  (void)atr_agents_list(agents, &count);
  assert_int_equal(count, 0);
  assert_true(atr_agents_known(agents));
  /* And it may be freed in the middle of a round. */
  atr_agents_name(agents, d.port);
  atr_agents_ask(agents);
  atr_agents_free(agents);
  uv_close((uv_handle_t *)&d.tcp, NULL);
  bench_close(&b);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ngrok_in_all_its_forms),
      cmocka_unit_test(what_leads_elsewhere_is_left_out),
      cmocka_unit_test(nonsense_is_nothing),
      cmocka_unit_test(a_hundred_tunnels),
      cmocka_unit_test(cloudflared_says_it_in_two_answers),
      cmocka_unit_test(the_port_that_was_named_is_asked),
      cmocka_unit_test(a_program_that_says_nothing),
  };

  return cmocka_run_group_tests_name("agents", tests, NULL, NULL);
}
