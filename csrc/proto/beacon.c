/* SPDX-License-Identifier: MIT
 *
 * A name is shown to people beside a button, so one that could disguise itself (base/utf8.h) is none. */
#include "proto/beacon.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/utf8.h"

#include <string.h>

enum { VERSION = 1, KIND_QUERY = 1, KIND_ANSWER = 2 };

static const uint8_t magic[4] = {'A', 'T', 'R', 'd'};
static const char nameless[] = "?";

/* --- writing --------------------------------------------------------------------------------------------------- */

static uint8_t *put_head(uint8_t *out, uint8_t kind, const atr_beacon_nonce *nonce)
{
  memcpy(out, magic, sizeof magic);
  out[4] = VERSION;
  out[5] = kind;
  memcpy(out + 6, nonce->b, sizeof nonce->b);
  return out + ATR_BEACON_HEAD_BYTES;
}

size_t atr_beacon_query_write(const atr_beacon_nonce *nonce, uint8_t out[ATR_BEACON_BYTES_MAX])
{
  memset(out, 0, ATR_BEACON_BYTES_MAX);
  put_head(out, KIND_QUERY, nonce);
  return ATR_BEACON_BYTES_MAX;
}

size_t atr_beacon_answer_write(const atr_beacon *beacon, uint8_t out[ATR_BEACON_BYTES_MAX])
{
  size_t len = strlen(beacon->name);
  atr_span name = atr_span_of(beacon->name, atr_utf8_prefix(beacon->name, len, ATR_HOST_NAME_BYTES_MAX));
  uint8_t *p = put_head(out, KIND_ANSWER, &beacon->nonce);

  if (!atr_utf8_shows_well((const char *)name.p, name.n))
    name = atr_span_of(nameless, sizeof nameless - 1);
  atr_put_u16(p, beacon->port);
  memcpy(p + 2, beacon->key.b, sizeof beacon->key.b);
  p += 2 + sizeof beacon->key.b;
  *p++ = (uint8_t)name.n;
  memcpy(p, name.p, name.n);
  return (size_t)(p + name.n - out);
}

/* --- reading --------------------------------------------------------------------------------------------------- */

static int get_head(atr_rd *rd, uint8_t kind, atr_beacon_nonce *nonce)
{
  atr_span start = atr_rd_bytes(rd, sizeof magic);
  uint8_t version = atr_rd_u8(rd), found = atr_rd_u8(rd);

  atr_rd_copy(rd, nonce->b, sizeof nonce->b);
  if (rd->err || memcmp(start.p, magic, sizeof magic) != 0 || version != VERSION || found != kind)
    return ATR_PROTO;
  return ATR_OK;
}

int atr_beacon_query_read(const uint8_t *bytes, size_t n, atr_beacon_nonce *nonce)
{
  atr_rd rd = atr_rd_of(bytes, n);

  return n < ATR_BEACON_BYTES_MAX ? ATR_PROTO : get_head(&rd, KIND_QUERY, nonce);
}

int atr_beacon_answer_read(const uint8_t *bytes, size_t n, atr_beacon *out)
{
  atr_rd rd = atr_rd_of(bytes, n);
  atr_span name;
  int err;

  memset(out, 0, sizeof *out);
  err = get_head(&rd, KIND_ANSWER, &out->nonce);
  if (err < 0)
    return err;
  out->port = atr_rd_u16(&rd);
  atr_rd_copy(&rd, out->key.b, sizeof out->key.b);
  name = atr_rd_bytes(&rd, atr_rd_u8(&rd));
  if (rd.err || out->port == 0 || name.n > ATR_HOST_NAME_BYTES_MAX ||
      !atr_utf8_shows_well((const char *)name.p, name.n))
    return ATR_PROTO;
  memcpy(out->name, name.p, name.n);
  return ATR_OK;
}
