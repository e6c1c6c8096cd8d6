/* SPDX-License-Identifier: MIT
 *
 * The group is libsodium's ristretto255: every string of 64 bytes maps to an element, every element has one encoding, and
 * there are no small subgroups, so that the only thing to check of a share is that it is an element and not the neutral
 * one (libsodium's multiplication refuses both).
 *
 * All lengths are prefixed as in the draft (LEB128); everything here is below 128 bytes or checked to be, so a length is
 * one byte, but for the padding that fills SHA-512's first block. */
#include "session/cpace.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/limits.h"

#include <sodium.h>
#include <string.h>

static const char dsi[] = "CPaceRistretto255";
static const char dsi_isk[] = "CPaceRistretto255_ISK";
static const char dsi_mac[] = "CPaceMac";

enum { BLOCK_BYTES = 128, TEXT_BYTES_MAX = 1024 };

static atr_span text(const char *s)
{
  return atr_span_of(s, strlen(s));
}

/* prepend_len() of the draft. */
static void put(atr_buf *out, atr_span part)
{
  size_t n = part.n;

  do {
    atr_buf_append_u8(out, (uint8_t)((n & 0x7f) | (n > 0x7f ? 0x80 : 0)));
    n >>= 7;
  } while (n > 0);
  atr_buf_append(out, part.p, part.n);
}

int atr_cpace_generator_string(atr_buf *out, atr_span secret, atr_span ci, atr_span sid)
{
  static const uint8_t zeros[BLOCK_BYTES];
  size_t used;

  if (secret.n > ATR_CPACE_SECRET_BYTES_MAX || ci.n > ATR_CPACE_CI_BYTES_MAX || sid.n > ATR_CPACE_SID_BYTES_MAX)
    return ATR_LIMIT;
  put(out, text(dsi));
  put(out, secret);
  /* The padding brings the hash's first block to an end, so that the password is compressed in a block of its own. */
  used = out->len + 1;
  put(out, atr_span_of(zeros, used < BLOCK_BYTES ? BLOCK_BYTES - used : 0));
  put(out, ci);
  put(out, sid);
  return out->err;
}

static int generator(uint8_t out[32], atr_span secret, atr_span ci, atr_span sid)
{
  uint8_t hash[crypto_hash_sha512_BYTES];
  atr_buf buf;
  int err;

  atr_buf_init(&buf, TEXT_BYTES_MAX);
  atr_buf_reserve(&buf, TEXT_BYTES_MAX);
  err = atr_cpace_generator_string(&buf, secret, ci, sid);
  if (!err) {
    crypto_hash_sha512(hash, buf.data, buf.len);
    if (crypto_core_ristretto255_from_hash(out, hash) != 0)
      err = ATR_CRYPTO;
    sodium_memzero(hash, sizeof hash);
    sodium_memzero(buf.data, buf.len);
  }
  atr_buf_free(&buf);
  return err;
}

int atr_cpace_start(atr_cpace *run, bool is_initiator, atr_span secret, atr_span ci, atr_span sid, atr_span ad,
                    const uint8_t *scalar)
{
  uint8_t g[crypto_core_ristretto255_BYTES];
  int err = atr_crypto_init();

  memset(run, 0, sizeof *run);
  if (err)
    return err;
  if (sid.n > sizeof run->sid || ad.n > sizeof run->ad)
    return ATR_LIMIT;
  err = generator(g, secret, ci, sid);
  if (err)
    return err;
  run->is_initiator = is_initiator;
  memcpy(run->sid, sid.p, sid.n);
  run->sid_bytes = sid.n;
  memcpy(run->ad, ad.p, ad.n);
  run->ad_bytes = ad.n;
  if (scalar) {
    memcpy(run->scalar, scalar, sizeof run->scalar);
  } else {
    err = atr_random(run->scalar, sizeof run->scalar);
    run->scalar[31] &= 0x0f; /* below the group's order, as the draft samples */
  }
  if (!err && crypto_scalarmult_ristretto255(run->share, run->scalar, g) != 0)
    err = ATR_CRYPTO;
  sodium_memzero(g, sizeof g);
  if (err)
    atr_cpace_wipe(run);
  return err;
}

static void hash_of(const atr_buf *buf, uint8_t out[crypto_hash_sha512_BYTES])
{
  crypto_hash_sha512(out, buf->data, buf->len);
}

/* As put(), of a part whose length takes one byte. */
static void authenticate(crypto_auth_hmacsha512_state *state, atr_span part)
{
  uint8_t n = (uint8_t)part.n;

  crypto_auth_hmacsha512_update(state, &n, 1);
  crypto_auth_hmacsha512_update(state, part.p, part.n);
}

/* What each side's tag is over: its own message. It cannot fail: a tag of less than that would be the same for both sides. */
static void make_tag(uint8_t out[ATR_CPACE_TAG_BYTES], const uint8_t key[64], atr_span share, atr_span ad)
{
  crypto_auth_hmacsha512_state state;

  crypto_auth_hmacsha512_init(&state, key, 64);
  authenticate(&state, share);
  authenticate(&state, ad);
  crypto_auth_hmacsha512_final(&state, out);
  sodium_memzero(&state, sizeof state);
}

static int derive(atr_cpace *run, const uint8_t k[32], atr_span peer_share, atr_span peer_ad)
{
  atr_span share = atr_span_of(run->share, sizeof run->share), ad = atr_span_of(run->ad, run->ad_bytes);
  uint8_t mac_key[crypto_hash_sha512_BYTES];
  atr_buf buf;
  int err;

  atr_buf_init(&buf, TEXT_BYTES_MAX);
  atr_buf_reserve(&buf, TEXT_BYTES_MAX); /* all at once: what is left behind when it grows nobody would wipe */
  put(&buf, text(dsi_isk));
  put(&buf, atr_span_of(run->sid, run->sid_bytes));
  put(&buf, atr_span_of(k, 32));
  put(&buf, run->is_initiator ? share : peer_share);
  put(&buf, run->is_initiator ? ad : peer_ad);
  put(&buf, run->is_initiator ? peer_share : share);
  put(&buf, run->is_initiator ? peer_ad : ad);
  err = buf.err;
  if (!err)
    hash_of(&buf, run->isk);
  if (buf.data)
    sodium_memzero(buf.data, buf.len);
  atr_buf_truncate(&buf, 0);
  atr_buf_append(&buf, (const uint8_t *)dsi_mac, sizeof dsi_mac - 1);
  atr_buf_append(&buf, run->sid, run->sid_bytes);
  atr_buf_append(&buf, run->isk, sizeof run->isk);
  if (!err)
    err = buf.err;
  if (!err) {
    hash_of(&buf, mac_key);
    sodium_memzero(buf.data, buf.len);
    make_tag(run->tag, mac_key, share, ad);
    make_tag(run->expected, mac_key, peer_share, peer_ad);
    sodium_memzero(mac_key, sizeof mac_key);
  }
  atr_buf_free(&buf);
  return err;
}

int atr_cpace_agree(atr_cpace *run, const uint8_t peer_share[ATR_CPACE_SHARE_BYTES], atr_span peer_ad)
{
  uint8_t k[crypto_core_ristretto255_BYTES];
  int err;

  if (peer_ad.n > ATR_CPACE_AD_BYTES_MAX)
    return ATR_LIMIT;
  if (crypto_core_ristretto255_is_valid_point(peer_share) != 1 ||
      crypto_scalarmult_ristretto255(k, run->scalar, peer_share) != 0)
    return ATR_PROTO;
  err = derive(run, k, atr_span_of(peer_share, ATR_CPACE_SHARE_BYTES), peer_ad);
  sodium_memzero(k, sizeof k);
  sodium_memzero(run->scalar, sizeof run->scalar);
  run->has_agreed = err == ATR_OK;
  return err;
}

int atr_cpace_confirm(const atr_cpace *run, const uint8_t peer_tag[ATR_CPACE_TAG_BYTES])
{
  if (!run->has_agreed)
    return ATR_PROTO;
  return sodium_memcmp(run->expected, peer_tag, ATR_CPACE_TAG_BYTES) == 0 ? ATR_OK : ATR_PASSWORD;
}

void atr_cpace_wipe(atr_cpace *run)
{
  sodium_memzero(run, sizeof *run);
}
