/* SPDX-License-Identifier: MIT
 *
 * One PEM file holds the private key and the certificate: two files could be out of step after a crash. It is written
 * under a temporary name and renamed, with a lock file held by whoever makes it, so that a second process waits and
 * then loads.
 *
 * Nothing in the certificate counts, so nothing in it tells anything: a fixed name, all of time, a random serial
 * number (OpenSSL requires one).
 */
#include "session/identity.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "session/file.h"
#include "transport/tls.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A key and a certificate take 700 bytes. */
enum { PEM_BYTES_MAX = 16384 };

struct atr_identity {
  EVP_PKEY *key;
  X509 *certificate;
  atr_tls_config *tls;
  uint8_t *spki;
  size_t spki_bytes;
  atr_hash hash;
};

/* --- key and certificate --------------------------------------------------------------------------------------- */

static X509 *certificate_new(EVP_PKEY *key)
{
  X509 *x = X509_new();
  X509_NAME *name = x ? X509_get_subject_name(x) : NULL;
  uint64_t serial;

  if (!name || RAND_bytes((unsigned char *)&serial, sizeof serial) != 1)
    goto Fail;
  if (!X509_set_version(x, X509_VERSION_3) || !ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1 | 1) ||
      !ASN1_TIME_set_string_X509(X509_getm_notBefore(x), "19700101000000Z") ||
      !ASN1_TIME_set_string_X509(X509_getm_notAfter(x), "99991231235959Z") ||
      !X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"Atrium", -1, -1, 0) ||
      !X509_set_issuer_name(x, name) || !X509_set_pubkey(x, key) || !X509_sign(x, key, NULL))
    goto Fail;
  return x;
Fail:
  X509_free(x);
  return NULL;
}

/* Completes an identity that has key and certificate. */
static int complete(atr_identity *id)
{
  int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(id->certificate), &id->spki);

  if (n <= 0)
    return ATR_CRYPTO;
  id->spki_bytes = (size_t)n;
  if (atr_sha256_of(id->spki, id->spki_bytes, &id->hash) != 0)
    return ATR_CRYPTO;
  return atr_tls_config_new(&id->tls, id->key, id->certificate);
}

int atr_identity_new(atr_identity **out)
{
  atr_identity *id;
  int err = atr_crypto_init();

  *out = NULL;
  if (err)
    return err;
  id = calloc(1, sizeof *id);
  if (!id)
    return ATR_NOMEM;
  id->key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
  id->certificate = id->key ? certificate_new(id->key) : NULL;
  err = id->certificate ? complete(id) : ATR_CRYPTO;
  if (err)
    atr_identity_free(id);
  else
    *out = id;
  return err;
}

int atr_identity_secret(const atr_identity *id, const char *label, uint8_t out[32])
{
  uint8_t raw[crypto_generichash_KEYBYTES];
  size_t n = sizeof raw;
  int err = ATR_CRYPTO;

  if (EVP_PKEY_get_raw_private_key(id->key, raw, &n) == 1 && n == sizeof raw &&
      crypto_generichash(out, 32, (const uint8_t *)label, strlen(label), raw, sizeof raw) == 0)
    err = ATR_OK;
  sodium_memzero(raw, sizeof raw);
  return err;
}

void atr_identity_free(atr_identity *id)
{
  if (!id)
    return;
  atr_tls_config_free(id->tls);
  OPENSSL_free(id->spki);
  X509_free(id->certificate);
  EVP_PKEY_free(id->key);
  free(id);
}

/* --- the file -------------------------------------------------------------------------------------------------- */

/* An encrypted PEM would ask for a password at the terminal; this answers that there is none. */
static int no_password(char *out, int size, int writing, void *ctx)
{
  (void)out;
  (void)size;
  (void)writing;
  (void)ctx;
  return -1;
}

static int from_pem(atr_identity **out, atr_span pem)
{
  atr_identity *id = calloc(1, sizeof *id);
  BIO *bio = BIO_new_mem_buf(pem.n > 0 ? (const void *)pem.p : "", (int)pem.n);
  int err = ATR_NOMEM;

  if (!id || !bio)
    goto Exit;
  err = ATR_CRYPTO;
  id->key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
  id->certificate = id->key ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;
  if (id->certificate && EVP_PKEY_is_a(id->key, "ED25519") && X509_check_private_key(id->certificate, id->key) == 1)
    err = complete(id);
Exit:
  BIO_free(bio);
  if (err) {
    atr_identity_free(id);
    id = NULL;
  }
  *out = id;
  return err;
}

static int to_pem(const atr_identity *id, atr_buf *out)
{
  BIO *bio = BIO_new(BIO_s_secmem());
  char *text;
  long n;
  int err = ATR_CRYPTO;

  if (bio && PEM_write_bio_PrivateKey(bio, id->key, NULL, NULL, 0, NULL, NULL) &&
      PEM_write_bio_X509(bio, id->certificate) && (n = BIO_get_mem_data(bio, &text)) > 0)
    err = atr_buf_append(out, text, (size_t)n);
  BIO_free(bio);
  return err;
}

static int load(atr_identity **out, const char *path, char *why, size_t why_bytes)
{
  atr_buf pem;
  int err;

  atr_buf_init(&pem, PEM_BYTES_MAX);
  err = atr_file_read(path, ATR_FILE_PRIVATE, &pem, why, why_bytes);
  if (!err) {
    err = from_pem(out, atr_buf_span(&pem));
    if (err == ATR_CRYPTO) {
      snprintf(why, why_bytes, "%s holds no usable key. If no other copy exists, delete it: a new one is made.", path);
      err = ATR_IO;
    }
  }
  if (pem.data)
    OPENSSL_cleanse(pem.data, pem.len);
  atr_buf_free(&pem);
  return err;
}

static int create(atr_identity **out, const char *path, char *why, size_t why_bytes)
{
  atr_identity *id = NULL;
  atr_buf pem;
  int err = atr_identity_new(&id);

  atr_buf_init(&pem, PEM_BYTES_MAX);
  if (!err)
    err = to_pem(id, &pem);
  if (!err)
    err = atr_file_replace(path, atr_buf_span(&pem), why, why_bytes);
  else
    snprintf(why, why_bytes, "No key could be made: %s", atr_err_text(err));
  if (pem.data)
    OPENSSL_cleanse(pem.data, pem.len);
  atr_buf_free(&pem);
  if (err)
    atr_identity_free(id);
  else
    *out = id;
  return err;
}

int atr_identity_open(atr_identity **out, const char *folder, char *why, size_t why_bytes)
{
  char path[ATR_PATH_BYTES];
  uv_file lock = -1;
  int err;

  *out = NULL;
  if (why_bytes > 0)
    why[0] = 0;
  err = atr_file_folder(folder, why, why_bytes);
  if (!err)
    err = atr_file_path(path, folder, "identity.pem", why, why_bytes);
  if (err)
    return err;
  err = load(out, path, why, why_bytes);
  if (err != ATR_NOENT)
    return err;
  err = atr_file_lock(&lock, folder, why, why_bytes);
  if (err)
    return err;
  err = load(out, path, why, why_bytes); /* somebody else may have made it meanwhile */
  if (err == ATR_NOENT)
    err = create(out, path, why, why_bytes);
  atr_file_unlock(lock);
  return err;
}

/* --- questions ------------------------------------------------------------------------------------------------- */

const atr_hash *atr_identity_key(const atr_identity *id)
{
  return &id->hash;
}

atr_span atr_identity_spki(const atr_identity *id)
{
  return atr_span_of(id->spki, id->spki_bytes);
}

const struct atr_tls_config *atr_identity_tls(const atr_identity *id)
{
  return id->tls;
}
