/* SPDX-License-Identifier: MIT
 *
 * A certificate is no secret: everybody whom somebody has connected to has seen theirs. Who shows it without the key to it, or with another
 * key, is nobody, also to a server that lets everybody in.
 *
 * No library makes such a peer willingly. Here its key is put together of two: the public half that the certificate names, and the private
 * half of somebody else's, which signs. */
#include "home_test.h"
#include "test.h"

#include "server/server.h"

#include <arpa/inet.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

enum { KEY_BYTES = 32 };

static const char hello[] = "{\"t\":\"hello\",\"proto\":1,\"version\":\"x\",\"name\":\"x\",\"color\":[1,1,1],"
                            "\"participant\":\"00112233445566778899aabbccddeeff\"}";

static atr_server *server;

static int start(void **state)
{
  char why[256] = "";
  atr_server_config config = {.home = home, .bind = "127.0.0.1", .open = true, .no_discovery = true};

  if (make_home(state) < 0 || atr_server_new(&server, &config, why, sizeof why) < 0)
    return -1;
  return atr_server_start(server);
}

static int stop(void **state)
{
  atr_server_free(server);
  return remove_home(state);
}

/* The public half of one, the private half of the other. */
static EVP_PKEY *key_of(EVP_PKEY *shown, EVP_PKEY *signs)
{
  uint8_t public_half[KEY_BYTES], private_half[KEY_BYTES];
  size_t n = KEY_BYTES;
  EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "ED25519", NULL);
  EVP_PKEY *key = NULL;
  OSSL_PARAM parts[3];

  assert_int_equal(EVP_PKEY_get_raw_public_key(shown, public_half, &n), 1);
  assert_int_equal(EVP_PKEY_get_raw_private_key(signs, private_half, &n), 1);
  parts[0] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, public_half, KEY_BYTES);
  parts[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, private_half, KEY_BYTES);
  parts[2] = OSSL_PARAM_construct_end();
  assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
  assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, parts), 1);
  EVP_PKEY_CTX_free(ctx);
  return key;
}

static X509 *certificate_of(EVP_PKEY *key)
{
  X509 *certificate = X509_new();

  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  assert_true(X509_sign(certificate, key, NULL) > 0);
  return certificate;
}

static int open_line(void)
{
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atr_server_port(server))};
  struct timeval patience = {.tv_sec = 5};
  int line = socket(AF_INET, SOCK_STREAM, 0);

  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  assert_int_equal(setsockopt(line, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
  assert_int_equal(connect(line, (struct sockaddr *)&at, sizeof at), 0);
  return line;
}

/* Says hello with this key; whether it is answered. */
static bool is_heard(EVP_PKEY *key)
{
  static const uint8_t alpn[] = "\x08"
                                "atrium/1";
  SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
  X509 *certificate = certificate_of(key);
  uint8_t frame[4 + sizeof hello - 1] = {0, 0, sizeof hello, 1}, answer[4096];
  SSL *ssl = SSL_new(ctx);
  int line = open_line();
  bool heard;

  memcpy(frame + 4, hello, sizeof hello - 1);
  assert_int_equal(SSL_use_certificate(ssl, certificate), 1);
  assert_int_equal(SSL_use_PrivateKey(ssl, key), 1);
  assert_int_equal(SSL_set_alpn_protos(ssl, alpn, sizeof alpn - 1), 0);
  assert_int_equal(SSL_set_fd(ssl, line), 1);
  heard = SSL_connect(ssl) == 1 && SSL_write(ssl, frame, sizeof frame) > 0 && SSL_read(ssl, answer, sizeof answer) > 0;
  SSL_free(ssl);
  SSL_CTX_free(ctx);
  X509_free(certificate);
  close(line);
  return heard;
}

static void a_certificate_without_its_key_is_nobodys(void **state)
{
  EVP_PKEY *ada = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), *thief = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
  EVP_PKEY *own = key_of(ada, ada), *stolen = key_of(ada, thief);

  (void)state;
  assert_true(is_heard(ada));
  assert_true(is_heard(own)); /* put together like the stolen one, of halves that belong together */
  assert_false(is_heard(stolen));
  assert_true(is_heard(thief)); /* with a certificate of his own */
  EVP_PKEY_free(ada);
  EVP_PKEY_free(thief);
  EVP_PKEY_free(own);
  EVP_PKEY_free(stolen);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_certificate_without_its_key_is_nobodys, start, stop),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
