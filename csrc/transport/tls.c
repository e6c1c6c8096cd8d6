/* SPDX-License-Identifier: MIT
 *
 * TLS with OpenSSL 3 between two buffers.
 *
 * Reading. The bytes that the lower stream delivers lie in its read buffer during the call; the reading BIO walks
 * over them. SSL_read() decrypts record by record into a second buffer of the net, which goes up when it is full or
 * the input is used up, so that the owner sees up to ATR_READ_BYTES at a time. Where the owner stops reading in
 * between, the rest of the input is kept (`held`) and comes first later.
 *
 * Writing. SSL_write() cuts the owner's buffer into records of 16 KiB; the writing BIO appends them to `out`, which
 * goes down whole. The stream is writable when the lower one is. What OpenSSL wants to say itself (handshake, alerts,
 * key updates) also lands in `out`, and waits there while the lower stream is busy.
 *
 * Everything that OpenSSL reports as an error ends the stream; the alert that it has written goes out if the line has
 * room.
 */
#include "transport/tls.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/limits.h"
#include "transport/filter.h"
#include "transport/turn_away.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The head of a record, and of a handshake message; a peer's first bytes are both. */
enum { RECORD_BYTES = 16384, RECORD_HEAD_BYTES = 5, MESSAGE_HEAD_BYTES = 4 };

static const unsigned char alpn_list[] = "\x08"
                                         "atrium/1";
#define ALPN_LIST_BYTES (sizeof alpn_list - 1)

struct atr_tls_config {
  SSL_CTX *ssl;
  BIO_METHOD *bio;
  uint64_t rekey_records;
};

typedef struct tls_stream {
  atr_filter f; /* its task starts the handshake, too */
  SSL *ssl;
  uint8_t *spki;
  size_t spki_bytes;
  const uint8_t *in; /* input of the present call */
  size_t in_bytes;
  uint64_t records; /* sent under the present key */
  uint64_t rekey_records;
  uint32_t extras;            /* received, less one for each record of data */
  atr_tls_config *own_config; /* of an outer one */
  atr_hash expected;          /* while `expects` */
  bool expects, is_other;     /* and another one was shown */
  bool greeted;
  uint8_t head[RECORD_HEAD_BYTES + MESSAGE_HEAD_BYTES]; /* a client's first bytes */
  size_t head_bytes;
} tls_stream;

/* --- configuration --------------------------------------------------------------------------------------------- */

/* Once: the certificate of one handshake does not change. */
static bool keep_spki(tls_stream *s, X509 *certificate)
{
  int n = certificate && !s->spki ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &s->spki) : -1;

  if (n > 0)
    s->spki_bytes = (size_t)n;
  return s->spki_bytes > 0;
}

/* Whoever shows another key than the expected one hears an alert and no more: our own certificate, which says who we are, comes later in the handshake. */
static bool is_expected(tls_stream *s, X509 *certificate)
{
  atr_hash key;

  if (!s->expects)
    return true;
  if (!keep_spki(s, certificate) || atr_sha256_of(s->spki, s->spki_bytes, &key) != 0)
    return false;
  s->is_other = !atr_hash_equal(&key, &s->expected);
  return !s->is_other;
}

/* Chains, dates and names mean nothing here: the key is judged by the owner, before or after, the signature by OpenSSL itself. */
static int accept_certificate(X509_STORE_CTX *store, void *arg)
{
  X509 *certificate = X509_STORE_CTX_get0_cert(store);
  EVP_PKEY *key = certificate ? X509_get0_pubkey(certificate) : NULL;
  SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());

  (void)arg;
  if (key && EVP_PKEY_is_a(key, "ED25519") && is_expected(SSL_get_app_data(ssl), certificate))
    return 1;
  X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
  return 0;
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_bytes, const unsigned char *in,
                       unsigned in_bytes, void *arg)
{
  unsigned char *chosen;

  (void)ssl;
  (void)arg;
  if (SSL_select_next_proto(&chosen, out_bytes, alpn_list, ALPN_LIST_BYTES, in, in_bytes) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

/* OpenSSL tells what it found as a text of its own: bit 57 of the first word is AES-NI on x86, bit 2 AES on ARM. */
static bool processor_has_aes(void)
{
  const char *cpu = OPENSSL_info(OPENSSL_INFO_CPU_SETTINGS);
  const char *value = cpu ? strchr(cpu, '=') : NULL;
  unsigned long long bits = value ? strtoull(value + 1, NULL, 16) : 0;

  return cpu && (bits >> (strncmp(cpu, "OPENSSL_ia32cap", 15) == 0 ? 57 : 2) & 1) != 0;
}

static bool is_flooded(const tls_stream *s)
{
  return s->extras > ATR_TLS_EXTRAS_MAX;
}

/* Each message of TLS itself, in or out, and what it is made of. */
static void count_extras(int is_sent, int version, int type, const void *bytes, size_t n, SSL *ssl, void *arg)
{
  tls_stream *s = SSL_get_app_data(ssl);

  (void)version;
  (void)bytes;
  (void)n;
  (void)arg;
  if (!is_sent && type == SSL3_RT_HANDSHAKE && s && s->f.open && !is_flooded(s))
    s->extras++;
}

static bool configure(SSL_CTX *ctx, EVP_PKEY *key, X509 *certificate)
{
  const char *suites = processor_has_aes()
                           ? "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
                           : "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384";

  SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                               SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_max_early_data(ctx, 0);
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
  SSL_CTX_set_cert_verify_callback(ctx, accept_certificate, NULL);
  SSL_CTX_set_max_cert_list(ctx, ATR_CERTIFICATE_BYTES_MAX);
  SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, NULL);
  return SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 && SSL_CTX_set_max_proto_version(ctx, 0) == 1 &&
         SSL_CTX_set_num_tickets(ctx, 0) == 1 && SSL_CTX_set_ciphersuites(ctx, suites) == 1 &&
         SSL_CTX_set1_groups_list(ctx, "X25519") == 1 && SSL_CTX_set1_sigalgs_list(ctx, "ed25519") == 1 &&
         SSL_CTX_set_alpn_protos(ctx, alpn_list, ALPN_LIST_BYTES) == 0 &&
         SSL_CTX_use_certificate(ctx, certificate) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1;
}

/* --- the two BIOs, in one: SSL reads from `in`, writes to `out` ------------------------------------------------ */

static int bio_read(BIO *bio, char *to, int n)
{
  tls_stream *s = BIO_get_data(bio);
  size_t take = (size_t)n < s->in_bytes ? (size_t)n : s->in_bytes;

  BIO_clear_retry_flags(bio);
  if (is_flooded(s))
    return -1;
  if (take == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  memcpy(to, s->in, take);
  s->in += take;
  s->in_bytes -= take;
  return (int)take;
}

static int bio_write(BIO *bio, const char *from, int n)
{
  tls_stream *s = BIO_get_data(bio);

  BIO_clear_retry_flags(bio);
  return atr_buf_append(&s->f.out, from, (size_t)n) == 0 ? n : -1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
  (void)bio;
  (void)number;
  (void)pointer;
  return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method(void)
{
  BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "atrium stream");

  if (method && BIO_meth_set_read(method, bio_read) && BIO_meth_set_write(method, bio_write) &&
      BIO_meth_set_ctrl(method, bio_ctrl))
    return method;
  BIO_meth_free(method);
  return NULL;
}

static bool configure_outer(SSL_CTX *ctx)
{
  static const unsigned char http[] = "\x08http/1.1"; /* a WebSocket needs this one */

  SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_alpn_protos(ctx, http, sizeof http - 1) == 0;
}

/* Without a key: an outer one. */
int atr_tls_config_new(atr_tls_config **out, EVP_PKEY *key, X509 *certificate)
{
  atr_tls_config *config;
  int err = atr_crypto_init();

  *out = NULL;
  if (err)
    return err;
  config = calloc(1, sizeof *config);
  if (!config)
    return ATR_NOMEM;
  config->rekey_records = ATR_TLS_REKEY_RECORDS;
  config->bio = bio_method();
  config->ssl = SSL_CTX_new(TLS_method());
  if (config->ssl)
    SSL_CTX_set_msg_callback(config->ssl, count_extras);
  if (!config->bio || !config->ssl ||
      !(key ? configure(config->ssl, key, certificate) : configure_outer(config->ssl))) {
    atr_tls_config_free(config);
    ERR_clear_error();
    return ATR_CRYPTO;
  }
  *out = config;
  return 0;
}

void atr_tls_config_free(atr_tls_config *config)
{
  if (!config)
    return;
  SSL_CTX_free(config->ssl);
  BIO_meth_free(config->bio);
  free(config);
}

void atr_tls_config_set_rekey(atr_tls_config *config, uint64_t records)
{
  config->rekey_records = records;
}

/* --- life ------------------------------------------------------------------------------------------------------ */

static void destroy(atr_filter *f)
{
  tls_stream *s = (tls_stream *)f;

  SSL_free(s->ssl);
  OPENSSL_free(s->spki);
  atr_tls_config_free(s->own_config);
  free(s);
}

static void say_goodbye(atr_filter *f)
{
  ERR_clear_error();
  (void)SSL_shutdown(((tls_stream *)f)->ssl); /* close_notify goes to `out` */
  ERR_clear_error();
}

static const atr_filter_kind filter_kind = {.say_goodbye = say_goodbye, .destroy = destroy};

/* Whatever goes wrong in a client's handshake, what answers does not speak as our servers do; but for one that says that it is full. */
static int end_code(const tls_stream *s, unsigned long code)
{
  if (s->f.open || SSL_is_server(s->ssl))
    return ATR_TLS;
  if (s->is_other)
    return ATR_KEY_CHANGED;
  return !s->own_config && ERR_GET_REASON(code) == SSL_AD_REASON_OFFSET + ATR_TLS_ALERT_FULL ? ATR_SERVER_FULL
                                                                                             : ATR_NOT_ATRIUM;
}

static void end_tls(tls_stream *s)
{
  unsigned long code = ERR_peek_error();
  const char *reason = is_flooded(s) ? "it renews keys all the time" : code != 0 ? ERR_reason_error_string(code) : NULL;
  char detail[ATR_PEER_TEXT_BYTES + 160];

  snprintf(detail, sizeof detail, "%s: TLS%s: %s", s->f.base.peer, s->f.open ? "" : " handshake",
           reason ? reason : "failed");
  ERR_clear_error();
  (void)atr_filter_flush(&s->f); /* the alert */
  atr_filter_end(&s->f, end_code(s, code), detail);
}

/* --- handshake ------------------------------------------------------------------------------------------------- */

static bool take_peer_key(tls_stream *s)
{
  const unsigned char *alpn;
  unsigned alpn_bytes;

  SSL_get0_alpn_selected(s->ssl, &alpn, &alpn_bytes);
  return keep_spki(s, SSL_get0_peer_certificate(s->ssl)) && alpn_bytes + 1 == ALPN_LIST_BYTES;
}

/* OpenSSL makes room for as much as a greeting announces, 131 KB, when it has read no more than that. One in so small pieces that it does not even
 * announce that in the first of them is nobody's either. */
static bool greets_without_end(tls_stream *s)
{
  for (size_t i = 0; i < s->in_bytes && s->head_bytes < sizeof s->head; i++)
    s->head[s->head_bytes++] = s->in[i];
  if (s->head_bytes < sizeof s->head)
    return false;
  return atr_get_u16(s->head + 3) < MESSAGE_HEAD_BYTES || s->head[6] != 0 ||
         atr_get_u16(s->head + 7) > ATR_CLIENT_HELLO_BYTES_MAX;
}

/* A server says nothing before it has the whole ClientHello. */
static void note_greeting(tls_stream *s)
{
  if (s->greeted || s->f.out.len == 0 || !s->f.lower->watcher)
    return;
  s->greeted = true;
  s->f.lower->watcher->greeted(s->f.lower->watcher_ctx);
}

/* One step of the handshake with what is there. False: the stream has ended or been closed. */
static bool handshake(tls_stream *s)
{
  int r, err;

  if (SSL_is_server(s->ssl) && !s->greeted && greets_without_end(s)) {
    atr_filter_end(&s->f, ATR_TLS, "a greeting that is longer than any of ours");
    return false;
  }
  r = SSL_do_handshake(s->ssl);
  if (r != 1 && SSL_get_error(s->ssl, r) != SSL_ERROR_WANT_READ) {
    end_tls(s);
    return false;
  }
  if (r == 1 && !s->own_config && !take_peer_key(s)) {
    atr_filter_end(&s->f, ATR_NOT_ATRIUM, "the peer speaks another protocol inside of TLS");
    return false;
  }
  s->f.open = r == 1;
  note_greeting(s);
  err = atr_filter_flush(&s->f);
  if (err) {
    atr_filter_end(&s->f, err, "the connection broke in the TLS handshake");
    return false;
  }
  if (s->f.open) {
    if (s->f.lower->watcher)
      s->f.lower->watcher->proved(s->f.lower->watcher_ctx);
    s->f.base.cb->on_open(s->f.base.ctx);
  }
  return !s->f.closed && !s->f.ended;
}

/* --- reading --------------------------------------------------------------------------------------------------- */

/* Decrypts until the buffer is full or the input is used up; gives the bytes, or -1 when the stream has ended. */
static ssize_t decrypt(tls_stream *s, uint8_t *to, bool *peer_ended)
{
  size_t n = 0;

  while (n + RECORD_BYTES <= ATR_READ_BYTES) {
    int r = SSL_read(s->ssl, to + n, RECORD_BYTES);

    if (r > 0) {
      n += (size_t)r;
      s->extras -= s->extras > 0;
      continue;
    }
    switch (SSL_get_error(s->ssl, r)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return (ssize_t)n;
    case SSL_ERROR_ZERO_RETURN:
      *peer_ended = true;
      return (ssize_t)n;
    default:
      return -1;
    }
  }
  return (ssize_t)n;
}

/* Uses `in` as far as the owner wants. False: the stream has ended or been closed. */
static bool deliver(tls_stream *s, uint8_t *buffer)
{
  bool peer_ended = false;

  while (s->f.reading) {
    ssize_t n = decrypt(s, buffer, &peer_ended);

    if (n < 0) {
      end_tls(s);
      return false;
    }
    if (n > 0)
      s->f.base.cb->on_read(s->f.base.ctx, buffer, (size_t)n);
    if (s->f.closed || s->f.ended)
      return false;
    if (peer_ended) {
      atr_filter_end(&s->f, ATR_CLOSED, "the peer closed the connection");
      return false;
    }
    if (n == 0)
      break;
  }
  return true;
}

/* Works on `n` bytes of input; what is not used is kept. */
static void work(tls_stream *s, const uint8_t *bytes, size_t n)
{
  uint8_t *buffer = NULL;
  bool alive = true;

  atr_filter_enter(&s->f);
  ERR_clear_error(); /* other users of this thread may have left something; SSL_get_error() looks at it */
  s->in = bytes;
  s->in_bytes = n;
  if (!s->f.open)
    alive = handshake(s);
  if (alive && s->f.open) {
    buffer = atr_net_buffer_take(s->f.base.net);
    if (!buffer) {
      atr_filter_end(&s->f, ATR_NOMEM, atr_err_text(ATR_NOMEM));
      goto Exit;
    }
    alive = deliver(s, buffer);
  }
  if (alive && atr_filter_flush(&s->f) != 0) /* a key update asks for an answer */
    atr_filter_end(&s->f, ATR_CLOSED, "the connection broke");
  else if (alive && s->in_bytes > 0 && atr_buf_append(&s->f.held, s->in, s->in_bytes) != 0)
    atr_filter_end(&s->f, ATR_NOMEM, atr_err_text(ATR_NOMEM));
Exit:
  atr_net_buffer_give(s->f.base.net, buffer);
  s->in_bytes = 0;
  atr_filter_leave(&s->f);
}

static void lower_read(void *ctx, const uint8_t *bytes, size_t n)
{
  work(ctx, bytes, n);
}

/* Starts the handshake, or goes on where the owner had stopped. Bytes may also lie inside of OpenSSL, decrypted or
 * not. */
static void run_task(atr_net_task *task)
{
  tls_stream *s = (tls_stream *)atr_filter_of_task(task);
  atr_buf held = s->f.held;

  atr_buf_init(&s->f.held, held.max);
  atr_filter_enter(&s->f);
  work(s, held.data, held.len);
  if (s->f.reading && !s->f.closed && !s->f.ended)
    atr_stream_read_start(s->f.lower);
  atr_filter_leave(&s->f);
  atr_buf_free(&held);
}

static void tls_read_stop(atr_stream *stream)
{
  tls_stream *s = (tls_stream *)stream;

  s->f.reading = false;
  atr_net_task_cancel(&s->f.task);
  atr_stream_read_stop(s->f.lower);
}

/* --- writing --------------------------------------------------------------------------------------------------- */

static int encrypt(tls_stream *s, atr_buf *bytes)
{
  while (bytes->len > 0) {
    size_t n = bytes->len < RECORD_BYTES ? bytes->len : RECORD_BYTES;

    if (++s->records >= s->rekey_records) {
      s->records = 0;
      SSL_key_update(s->ssl, SSL_KEY_UPDATE_NOT_REQUESTED);
    }
    if (SSL_write(s->ssl, bytes->data, (int)n) != (int)n)
      return ATR_TLS;
    atr_buf_consume(bytes, n);
  }
  return 0;
}

static int tls_write(atr_stream *stream, atr_buf *bytes)
{
  tls_stream *s = (tls_stream *)stream;
  int err;

  ERR_clear_error();
  /* One allocation instead of several that grow; 256 is a record's overhead and the handshake messages between. */
  err = atr_buf_reserve(&s->f.out, bytes->len + (bytes->len / RECORD_BYTES + 2) * 256);
  if (!err)
    err = encrypt(s, bytes);
  return atr_filter_written(&s->f, err);
}

static void lower_end(void *ctx, int err, const char *detail)
{
  tls_stream *s = ctx;

  atr_filter_enter(&s->f);
  /* A FIN in the middle of the handshake: what answers does not like us, or is not Atrium; it does not say. */
  atr_filter_end(&s->f, err, detail);
  atr_filter_leave(&s->f);
}

static const atr_stream_callbacks lower_callbacks = {
    .on_read = lower_read,
    .on_writable = atr_filter_lower_writable,
    .on_end = lower_end,
};

static const atr_stream_kind tls_kind = {
    .name = "tls",
    .read_start = atr_filter_read_start,
    .read_stop = tls_read_stop,
    .write = tls_write,
    .shutdown = atr_filter_shutdown,
    .close = atr_filter_close,
};

static bool ssl_new(tls_stream *s, const atr_tls_config *config, bool is_server)
{
  BIO *bio;

  s->ssl = SSL_new(config->ssl);
  bio = s->ssl ? BIO_new(config->bio) : NULL;
  if (!bio)
    return false;
  BIO_set_data(bio, s);
  BIO_set_init(bio, 1);
  SSL_set_bio(s->ssl, bio, bio);
  SSL_set_app_data(s->ssl, s);
  if (is_server)
    SSL_set_accept_state(s->ssl);
  else
    SSL_set_connect_state(s->ssl);
  return true;
}

int atr_tls_stream_new(atr_stream **out, atr_stream *lower, const atr_tls_config *config, bool is_server)
{
  tls_stream *s = calloc(1, sizeof *s);

  *out = NULL;
  if (!s || !ssl_new(s, config, is_server)) {
    atr_stream_close(lower);
    if (s)
      SSL_free(s->ssl);
    free(s);
    return ATR_NOMEM;
  }
  s->rekey_records = config->rekey_records;
  atr_filter_init(&s->f, &tls_kind, &filter_kind, lower, &lower_callbacks, run_task, 2 * ATR_READ_BYTES);
  *out = &s->f.base;
  return 0;
}

int atr_tls_outer_new(atr_stream **out, atr_stream *lower, const char *host)
{
  atr_tls_config *config;
  int err = atr_tls_config_new(&config, NULL, NULL);
  tls_stream *s;

  *out = NULL;
  if (err) {
    atr_stream_close(lower);
    return err;
  }
  err = atr_tls_stream_new(out, lower, config, false);
  if (err) {
    atr_tls_config_free(config);
    return err;
  }
  s = (tls_stream *)*out;
  s->own_config = config;
  /* A name only: RFC 6066 knows no numbers here. */
  if (strchr(host, ':') == NULL && strspn(host, "0123456789.") != strlen(host))
    SSL_set_tlsext_host_name(s->ssl, host);
  return ATR_OK;
}

void atr_tls_expect(atr_stream *stream, const atr_hash *key)
{
  tls_stream *s = (tls_stream *)stream;

  s->expects = true;
  s->expected = *key;
}

atr_span atr_tls_peer_spki(const atr_stream *stream)
{
  const tls_stream *s = (const tls_stream *)stream;

  return atr_span_of(s->spki, s->spki_bytes);
}

int atr_tls_export(const atr_stream *stream, const char *label, uint8_t *out, size_t n)
{
  const tls_stream *s = (const tls_stream *)stream;

  return s->f.open && SSL_export_keying_material(s->ssl, out, n, label, strlen(label), NULL, 0, 0) == 1 ? ATR_OK
                                                                                                        : ATR_CRYPTO;
}
