/* SPDX-License-Identifier: MIT
 *
 * What a stranger sends to the port after a `G`, and what a tunnel answers: heads and frames. The first byte chooses. Frames
 * are read in two ways, whole and byte by byte, which must find the same. */
#include "fuzz.h"

#include "proto/websocket.h"

#include <stdlib.h>

static void heads(const uint8_t *data, size_t size)
{
  char detail[160];
  atr_span key = {NULL, 0}, head;
  int n = atr_http_head_bytes(atr_span_of(data, size));

  CHECK(n <= (int)size && (n <= 0 || n >= 4));
  if (n <= 0)
    return;
  head = atr_span_of(data, (size_t)n);
  if (atr_ws_check_request(head, &key) == 0) {
    char accept[ATR_WS_ACCEPT_BYTES];

    CHECK(key.p >= data && key.p + key.n <= data + size);
    CHECK(atr_ws_accept((const char *)key.p, key.n, accept) == 0);
  }
  (void)atr_ws_wants_https(head, "x.example:8080");
  (void)atr_ws_check_response(head, "dGhlIHNhbXBsZSBub25jZQ==", detail, sizeof detail);
}

typedef struct found {
  uint8_t *data;
  size_t n, pings, closes;
  int err;
} found;

static void frames(const uint8_t *data, size_t size, bool from_client, size_t piece, found *out)
{
  atr_ws_reader reader;

  atr_ws_reader_init(&reader, from_client);
  for (size_t at = 0; at < size && !out->err;) {
    atr_span bytes = atr_span_of(data + at, size - at < piece ? size - at : piece);

    at += bytes.n;
    while (bytes.n > 0 && !out->err) {
      atr_ws_part part;

      out->err = atr_ws_read(&reader, &bytes, &part);
      out->pings += !out->err && part.what == ATR_WS_GOT_PING;
      out->closes += !out->err && part.what == ATR_WS_GOT_CLOSE;
      if (out->err || part.what != ATR_WS_DATA)
        continue;
      CHECK((part.mask != NULL) == from_client && out->n + part.bytes.n <= size);
      if (part.mask)
        atr_ws_mask(out->data + out->n, part.bytes.p, part.bytes.n, part.mask, part.offset);
      else
        memcpy(out->data + out->n, part.bytes.p, part.bytes.n);
      out->n += part.bytes.n;
    }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  found whole = {0}, bytewise = {0};
  bool from_client;

  if (size < 2)
    return 0;
  if (data[0] & 2) {
    heads(data + 1, size - 1);
    return 0;
  }
  from_client = data[0] & 1;
  whole.data = malloc(size);
  bytewise.data = malloc(size);
  CHECK(whole.data && bytewise.data);
  frames(data + 1, size - 1, from_client, size, &whole);
  frames(data + 1, size - 1, from_client, 1, &bytewise);
  CHECK(whole.err == bytewise.err && whole.n == bytewise.n && whole.pings == bytewise.pings &&
        whole.closes == bytewise.closes);
  CHECK(memcmp(whole.data, bytewise.data, whole.n) == 0);
  free(whole.data);
  free(bytewise.data);
  return 0;
}
