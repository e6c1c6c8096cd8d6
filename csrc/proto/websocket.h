/* SPDX-License-Identifier: MIT
 *
 * WebSocket (RFC 6455), as far as a byte stream needs it: the upgrade of an HTTP/1.1 connection, and binary frames.
 *
 * It is only a way through tunnels that carry nothing but HTTP, so the messages' boundaries mean nothing: what the data
 * frames hold is one stream of bytes, in which our own TLS runs. No extensions, no text. Sans-I/O; bytes come from
 * strangers, so all of it is bounded and fuzzed.
 *
 * Our own code, because of the libraries that fit, wslay has no static build in Debian and Ubuntu, and llhttp no package in
 * the older ones; what is needed here is a header of 14 bytes and a handful of header lines. */
#ifndef ATR_PROTO_WEBSOCKET_H
#define ATR_PROTO_WEBSOCKET_H

#include "base/buf.h"

#include <stdbool.h>

/* --- the upgrade ----------------------------------------------------------------------------------------------- */

#define ATR_WS_KEY_BYTES 25    /* text of Sec-WebSocket-Key, with NUL */
#define ATR_WS_ACCEPT_BYTES 29 /* of Sec-WebSocket-Accept */

/* A fresh key. 0, ATR_RANDOM or ATR_CRYPTO. */
int atr_ws_key(char out[ATR_WS_KEY_BYTES]);

/* What the server answers to a key. 0 or ATR_CRYPTO. */
int atr_ws_accept(const char *key, size_t key_bytes, char out[ATR_WS_ACCEPT_BYTES]);

/* The client's request. `host` as in the URL, with its port where it is not the scheme's own. */
int atr_ws_write_request(atr_buf *out, const char *host, const char *path, const char *key);

/* The server's answer: 101 to a right request, else a short page that says what this port is. */
int atr_ws_write_response(atr_buf *out, const char *accept);
int atr_ws_write_refusal(atr_buf *out, int status);

/* Bytes of the head in `bytes` (a request's or a response's), its empty line included; 0: not complete yet; ATR_LIMIT: it
 * is longer than ATR_HTTP_HEAD_BYTES_MAX; ATR_PROTO: it is no text. */
int atr_http_head_bytes(atr_span bytes);

/* Looks at a complete request. 0: `key` gets the text of Sec-WebSocket-Key (in place). Otherwise the status to refuse it
 * with, as a positive number: 400, 404, 405, 426. */
int atr_ws_check_request(atr_span head, atr_span *key);

/* Looks at a complete response. 0, or ATR_NOT_ATRIUM, or ATR_TUNNEL_EMPTY where a tunnel or proxy says that it reaches nobody; then `detail` says what
 * answered instead. */
int atr_ws_check_response(atr_span head, const char *key, char *detail, size_t detail_bytes);

/* Whether a complete response sends whoever asked by http:// on to https:// of the same host, whatever the ports. `host` as in the request. A login page, to which
 * networks send everybody, is another's. It is not followed: who asked is told. */
bool atr_ws_wants_https(atr_span head, const char *host);

/* --- frames ---------------------------------------------------------------------------------------------------- */

enum atr_ws_opcode {
  ATR_WS_MORE = 0,
  ATR_WS_TEXT = 1,
  ATR_WS_BINARY = 2,
  ATR_WS_CLOSE = 8,
  ATR_WS_PING = 9,
  ATR_WS_PONG = 10
};

#define ATR_WS_HEADER_BYTES_MAX 14
#define ATR_WS_CONTROL_BYTES_MAX 125

/* Writes the header of a whole frame; returns its bytes. `mask` NULL: from a server. */
size_t atr_ws_write_header(uint8_t out[ATR_WS_HEADER_BYTES_MAX], enum atr_ws_opcode opcode, uint64_t payload,
                           const uint8_t mask[4]);

/* XORs `n` bytes that stand at `offset` of a payload; from and to may be the same. */
void atr_ws_mask(uint8_t *to, const uint8_t *from, size_t n, const uint8_t mask[4], uint64_t offset);

typedef struct atr_ws_reader {
  bool from_client; /* frames must be masked; otherwise must not */
  bool in_message;  /* a data frame without FIN came: a continuation must follow */
  uint8_t header[ATR_WS_HEADER_BYTES_MAX];
  size_t header_have;
  bool in_payload;
  enum atr_ws_opcode opcode;
  uint8_t mask[4];
  uint64_t payload, done;
  uint8_t control[ATR_WS_CONTROL_BYTES_MAX];
} atr_ws_reader;

void atr_ws_reader_init(atr_ws_reader *reader, bool from_client);

/* One thing of what was read. DATA: bytes of the stream, masked ones as they are (`mask` and `offset` tell how to undo it;
 * mask NULL: plain). PING: answer with a PONG of the same bytes. CLOSE: the peer ends. */
enum atr_ws_what { ATR_WS_NOTHING, ATR_WS_DATA, ATR_WS_GOT_PING, ATR_WS_GOT_CLOSE };

typedef struct atr_ws_part {
  enum atr_ws_what what;
  atr_span bytes;
  const uint8_t *mask;
  uint64_t offset;
} atr_ws_part;

/* Takes from the front of `*bytes` what makes one part; NOTHING: all is taken and more is needed. 0 or ATR_PROTO. `part` is
 * valid until the next call. */
int atr_ws_read(atr_ws_reader *reader, atr_span *bytes, atr_ws_part *part);

#endif
