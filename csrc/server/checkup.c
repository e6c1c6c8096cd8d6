/* SPDX-License-Identifier: MIT
 *
 * A host for a moment: connects to the server on the port, over the loopback and with this home's token, asks who can reach it, waits until nothing
 * is being asked any more, and writes sentences. Where nobody listens, a server of its own is started on a thread first, since what a router
 * does with a port shows only when somebody listens; it ends as servers do, and takes its mapping back. Whoever else listens there is told
 * nothing: without a token for its key there is no hello. */
#include "server/checkup.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/version.h"
#include "proto/json.h"
#include "proto/jsonw.h"
#include "proto/message.h"
#include "server/sentences.h"
#include "session/file.h"
#include "session/identity.h"
#include "session/session.h"
#include "session/token.h"
#include "transport/net.h"
#include "transport/tcp.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

typedef struct checkup {
  const atr_server_config *config;
  FILE *out;
  uv_loop_t loop;
  uv_timer_t timer;
  uv_timer_t answer; /* until whoever listens there has shown a key */
  uv_signal_t sigint;
  uv_tcp_t probe;
  atr_net *net;
  atr_identity *identity; /* of this moment */
  atr_tcp_connect *attempt;
  atr_session *session;
  atr_server *server; /* for this moment; NULL: one runs already */
  char code[ATR_CHECK_CODE_BYTES], token[ATR_TOKEN_HEX + 1];
  cJSON *reach;    /* the newest */
  const char *how; /* of said_texts; NULL: not decided */
  char why[512];
  bool over, interrupted;
} checkup;

/* --- writing --------------------------------------------------------------------------------------------------------- */

static const said *find(const said *table, size_t n, const char *code)
{
  for (size_t i = 0; i < n; i++)
    if (strcmp(table[i].code, code) == 0)
      return &table[i];
  return NULL;
}

#define FIND(table, code) find(table, sizeof(table) / sizeof *(table), code)

static const char *text_of(const cJSON *object, const char *key)
{
  const char *text = "";

  (void)atr_json_get_str(object, key, &text);
  return text;
}

static void put_field(const checkup *k, const cJSON *entry, const char *name)
{
  const cJSON *with = atr_json_get(entry, "with"), *value = atr_json_get(with, name);

  if (!value)
    value = atr_json_get(entry, name);
  if (cJSON_IsString(value))
    fputs(value->valuestring, k->out);
  else if (cJSON_IsNumber(value))
    fprintf(k->out, "%.0f", value->valuedouble);
  else
    fputc('?', k->out);
}

/* The template with what the entry has in the place of its braces. */
static void put(const checkup *k, const char *template, const cJSON *entry)
{
  while (*template) {
    size_t plain = strcspn(template, "{"), n;
    char name[32];

    fwrite(template, 1, plain, k->out);
    template += plain;
    if (!*template)
      return;
    n = strcspn(++template, "}");
    snprintf(name, sizeof name, "%.*s", (int)n, template);
    put_field(k, entry, name);
    template += n + (template[n] == '}');
  }
}

static void put_line(const checkup *k, const char *template, const cJSON *entry)
{
  if (!template[0])
    return;
  fputs("    ", k->out);
  put(k, template, entry);
  fputc('\n', k->out);
}

static void put_rule(const checkup *k, const cJSON *entry)
{
  if (!atr_json_get(atr_json_get(entry, "with"), "public_port"))
    return;
  for (size_t i = 0; i < sizeof said_rule / sizeof *said_rule; i++) {
    fprintf(k->out, "        %s: ", said_rule[i].code);
    put(k, said_rule[i].sentence, entry);
    fputc('\n', k->out);
  }
}

static void put_reason(const checkup *k, const char *code, const cJSON *entry)
{
  const said *reason = FIND(said_reasons, code);

  if (!reason)
    reason = FIND(said_reasons, "");
  put_line(k, reason->sentence, entry);
  put_line(k, reason->step, entry);
}

static void put_addresses(const checkup *k, const cJSON *list, const char *before)
{
  for (const cJSON *one = list ? list->child : NULL; one; one = one->next)
    fprintf(k->out, "%s%s", one == list->child ? before : ", ", cJSON_IsString(one) ? one->valuestring : "?");
  fputc('\n', k->out);
}

static void put_entry(const checkup *k, const cJSON *entry)
{
  const said *audience = FIND(said_audiences, text_of(entry, "audience"));
  const said *state = FIND(said_states, text_of(entry, "state"));
  const cJSON *others = atr_json_get(entry, "others");

  if (!audience || !state)
    return;
  put(k, audience->sentence, entry);
  fprintf(k->out, ": %s", state->sentence);
  put_addresses(k, atr_json_get(entry, "addresses"), ": ");
  put_reason(k, text_of(entry, "reason"), entry);
  if (strcmp(text_of(atr_json_get(entry, "with"), "bound"), "*") == 0)
    put_line(k, said_all_networks[0].sentence, entry);
  if (text_of(entry, "beside")[0])
    put_reason(k, text_of(entry, "beside"), entry);
  if (others) {
    fprintf(k->out, "    %s", said_others[0].sentence);
    put_addresses(k, others, " ");
  }
  if (strcmp(state->code, "no") == 0 || strcmp(state->code, "unknown") == 0)
    put_rule(k, entry);
}

static void put_report(const checkup *k)
{
  const cJSON *list = atr_json_get(k->reach, "audiences");
  cJSON *head = cJSON_CreateObject();

  cJSON_AddNumberToObject(head, "port", k->server ? atr_server_port(k->server) : k->config->port);
  cJSON_AddStringToObject(head, "code", k->code);
  cJSON_AddStringToObject(head, "said", k->why);
  put(k, FIND(said_texts, k->how)->sentence, head);
  fputc('\n', k->out);
  cJSON_Delete(head);
  for (const cJSON *one = list ? list->child : NULL; one; one = one->next)
    put_entry(k, one);
  if (k->over)
    fprintf(k->out, "%s\n", FIND(said_texts, "over")->sentence);
  fflush(k->out);
}

/* --- asking ---------------------------------------------------------------------------------------------------------- */

static void finish(checkup *k, const char *how)
{
  if (!k->how)
    k->how = how;
  uv_stop(&k->loop);
}

static bool read_token(checkup *k, const atr_hash *key)
{
  return atr_token_read(k->config->home, key, k->token, k->why, sizeof k->why) == ATR_OK;
}

static void send_json(checkup *k, atr_buf *buf, atr_jw *w)
{
  if (atr_jw_finish(w) == ATR_OK)
    (void)atr_session_send(k->session, ATR_LANE_CONTROL, atr_buf_span(buf));
  atr_buf_free(buf);
}

static atr_jw begin(atr_buf *buf, const char *t)
{
  atr_jw w;

  atr_buf_init(buf, ATR_CONTROL_BYTES_MAX);
  (void)atr_buf_append_u8(buf, ATR_MSG_JSON);
  w = atr_jw_begin(buf);
  atr_jw_str(&w, "t", t);
  return w;
}

static void say_hello(checkup *k)
{
  atr_id participant;
  atr_buf buf;
  atr_jw w = begin(&buf, "hello");

  (void)atr_random(&participant, sizeof participant);
  atr_jw_int(&w, "proto", ATR_PROTO_VERSION);
  atr_jw_str(&w, "version", atr_version());
  atr_jw_str(&w, "name", "check");
  atr_jw_array(&w, "color");
  for (int i = 0; i < 3; i++)
    atr_jw_num(&w, NULL, 0);
  atr_jw_end(&w);
  atr_jw_id(&w, "participant", &participant);
  atr_jw_str(&w, "token", k->token);
  send_json(k, &buf, &w);
}

static void on_key(void *ctx, const atr_hash *key, atr_span spki)
{
  checkup *k = ctx;

  uv_timer_stop(&k->answer);
  if (atr_check_code(spki, k->code) < 0 || !read_token(k, key)) {
    finish(k, "other");
    return;
  }
  atr_session_accept_key(k->session);
  say_hello(k);
}

static void take(checkup *k, const char *t, cJSON **message)
{
  bool settled = false;
  atr_buf buf;
  atr_jw w;

  if (strcmp(t, "welcome") == 0) {
    w = begin(&buf, "reach");
    send_json(k, &buf, &w);
  } else if (strcmp(t, "reach") == 0) {
    cJSON_Delete(k->reach);
    k->reach = *message;
    *message = NULL;
    (void)atr_json_get_bool(k->reach, "settled", &settled);
    if (settled)
      finish(k, k->server ? "tried" : "running");
  } else if (strcmp(t, "error") == 0) {
    snprintf(k->why, sizeof k->why, "%s", text_of(*message, "text"));
    finish(k, "failed");
  }
}

static int on_message(void *ctx, int lane, atr_span bytes)
{
  checkup *k = ctx;
  cJSON *message;
  atr_span text;
  int err;

  (void)lane;
  if (bytes.p[0] != ATR_MSG_JSON)
    return ATR_OK;
  err = atr_msg_read_json(bytes, &text);
  if (err == ATR_OK)
    err = atr_json_parse_object((const char *)text.p, text.n, &message);
  if (err < 0)
    return err;
  take(k, text_of(message, "t"), &message);
  cJSON_Delete(message);
  return ATR_OK;
}

static void on_close(void *ctx, int err, const char *detail)
{
  checkup *k = ctx;

  (void)err, (void)detail;
  finish(k, "taken"); /* nothing of ours hangs up before it has said why */
}

static int connect_to_server(checkup *k);

/* Nobody listens there. */
static void start_server(checkup *k)
{
  atr_server_config config = *k->config;
  int err;

  config.looks_only = true;
  err = atr_server_new(&k->server, &config, k->why, sizeof k->why);
  if (err == ATR_OK)
    err = atr_server_start(k->server);
  if (err == ATR_OK)
    err = connect_to_server(k);
  if (err < 0)
    finish(k, err == ATR_PORT_BUSY ? "taken" : "failed");
}

static void on_connected(void *ctx, int err, atr_stream *stream)
{
  static const atr_session_callbacks callbacks = {.on_key = on_key, .on_message = on_message, .on_close = on_close};
  checkup *k = ctx;

  k->attempt = NULL;
  if (err == ATR_OK)
    err = atr_session_new(&k->session, stream, false, k->identity, &callbacks, k);
  if (err == ATR_CONNREFUSED && !k->server) {
    uv_timer_stop(&k->answer);
    start_server(k);
  } else if (err < 0) {
    snprintf(k->why, sizeof k->why, "%s", atr_err_text(err));
    finish(k, "failed");
  }
}

/* 0, or ATR_ADDR_SYNTAX: it is no number. */
static int read_bind(const checkup *k, uint16_t port, struct sockaddr_storage *out)
{
  const char *bind = k->config->bind;
  bool is_any = !bind || strcmp(bind, "::") == 0 || strcmp(bind, "0.0.0.0") == 0;

  if (uv_ip4_addr(is_any ? "127.0.0.1" : bind, port, (struct sockaddr_in *)out) < 0 &&
      uv_ip6_addr(bind, port, (struct sockaddr_in6 *)out) < 0)
    return ATR_ADDR_SYNTAX;
  return ATR_OK;
}

/* Whether one can listen at that address. What answers at one of another machine says nothing of this one, and is not called. */
static bool is_own(checkup *k)
{
  struct sockaddr_storage at;
  bool out;

  if (read_bind(k, 0, &at) < 0 || uv_tcp_init(&k->loop, &k->probe) < 0)
    return false;
  out = uv_tcp_bind(&k->probe, (struct sockaddr *)&at, 0) == 0;
  uv_close((uv_handle_t *)&k->probe, NULL);
  return out;
}

static int connect_to_server(checkup *k)
{
  uint16_t port = k->server ? atr_server_port(k->server) : k->config->port;
  struct sockaddr_storage to;
  int err = read_bind(k, port, &to);

  return err < 0 ? err : atr_tcp_connect_start(&k->attempt, k->net, (struct sockaddr *)&to, on_connected, k);
}

/* --- life -------------------------------------------------------------------------------------------------------------- */

static void on_time(uv_timer_t *timer)
{
  checkup *k = timer->data;

  k->over = true;
  finish(k, !k->session ? "taken" : k->server ? "tried" : "running");
}

/* Who takes a connection and says nothing is not ours. */
static void on_silence(uv_timer_t *timer)
{
  finish(timer->data, "taken");
}

static void on_interrupt(uv_signal_t *handle, int number)
{
  checkup *k = handle->data;

  (void)number;
  k->interrupted = true;
  uv_stop(&k->loop);
}

static void close_all(checkup *k)
{
  if (k->attempt)
    atr_tcp_connect_cancel(k->attempt);
  atr_session_free(k->session);
  atr_server_free(k->server); /* waits for its goodbye to the router */
  uv_close((uv_handle_t *)&k->timer, NULL);
  uv_close((uv_handle_t *)&k->answer, NULL);
  uv_close((uv_handle_t *)&k->sigint, NULL);
  if (k->net)
    atr_net_free(k->net);
  uv_run(&k->loop, UV_RUN_DEFAULT);
  uv_loop_close(&k->loop);
  atr_identity_free(k->identity);
  cJSON_Delete(k->reach);
}

int atr_server_checkup(const atr_server_config *config, FILE *out)
{
  checkup k = {.config = config, .out = out};
  int status = 1, err;

  if (uv_loop_init(&k.loop) < 0)
    return 1;
  k.timer.data = k.answer.data = k.sigint.data = &k;
  uv_timer_init(&k.loop, &k.timer);
  uv_timer_start(&k.timer, on_time, ATR_CHECKUP_MS, 0);
  uv_timer_init(&k.loop, &k.answer);
  uv_signal_init(&k.loop, &k.sigint);
  uv_signal_start(&k.sigint, on_interrupt, SIGINT);
  err = atr_crypto_init();
  if (err == ATR_OK)
    err = atr_identity_new(&k.identity);
  if (err == ATR_OK)
    err = atr_net_new(&k.net, &k.loop);
  if (err == ATR_OK && (config->port == 0 || !is_own(&k))) {
    start_server(&k); /* which says what is wrong with the address */
  } else if (err == ATR_OK) {
    uv_timer_start(&k.answer, on_silence, ATR_CHECKUP_ANSWER_MS, 0);
    err = connect_to_server(&k);
  }
  if (err == ATR_OK && !k.how)
    uv_run(&k.loop, UV_RUN_DEFAULT);
  if (k.interrupted) {
    status = 130;
  } else if (k.how) {
    put_report(&k);
    status = strcmp(k.how, "running") == 0 || strcmp(k.how, "tried") == 0 ? 0 : 1;
  } else {
    fprintf(stderr, "atrium-server: %s\n", atr_err_text(err));
  }
  close_all(&k);
  return status;
}
