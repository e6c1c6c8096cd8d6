/* SPDX-License-Identifier: MIT
 *
 * Reading a head is a look at lines, not a parser of HTTP: what matters is in five of them, and everything that is not
 * exactly as it must be is refused. Nothing of a request decides anything but whether the connection becomes a WebSocket;
 * who the peer is, its TLS inside proves. */
#include "proto/websocket.h"

#include "base/base64.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/limits.h"
#include "proto/lines.h"

#include <stdio.h>
#include <string.h>

static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
static const char subprotocol[] = "atrium.1";

enum { NONCE_BYTES = 16 };

/* --- the upgrade ----------------------------------------------------------------------------------------------- */

int atr_ws_key(char out[ATR_WS_KEY_BYTES])
{
  uint8_t nonce[NONCE_BYTES];
  int err = atr_random(nonce, sizeof nonce);

  if (!err)
    atr_base64_encode(ATR_BASE64_PLAIN, nonce, sizeof nonce, out);
  return err;
}

int atr_ws_accept(const char *key, size_t key_bytes, char out[ATR_WS_ACCEPT_BYTES])
{
  char text[ATR_WS_KEY_BYTES + sizeof guid];
  uint8_t hash[ATR_SHA1_BYTES];

  if (key_bytes != ATR_WS_KEY_BYTES - 1)
    return ATR_CRYPTO;
  memcpy(text, key, key_bytes);
  memcpy(text + key_bytes, guid, sizeof guid - 1);
  if (atr_sha1_of(text, key_bytes + sizeof guid - 1, hash) < 0)
    return ATR_CRYPTO;
  atr_base64_encode(ATR_BASE64_PLAIN, hash, sizeof hash, out);
  return ATR_OK;
}

int atr_ws_write_request(atr_buf *out, const char *host, const char *path, const char *key)
{
  atr_buf_append_str(out, "GET ");
  atr_buf_append_str(out, path);
  atr_buf_append_str(out, " HTTP/1.1\r\nHost: ");
  atr_buf_append_str(out, host);
  atr_buf_append_str(
      out, "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ");
  atr_buf_append_str(out, key);
  atr_buf_append_str(out, "\r\nSec-WebSocket-Protocol: ");
  atr_buf_append_str(out, subprotocol);
  /* ngrok shows browsers a page of warning first unless a header like this is there. */
  return atr_buf_append_str(out, "\r\nUser-Agent: Atrium\r\nngrok-skip-browser-warning: 1\r\n\r\n");
}

int atr_ws_write_response(atr_buf *out, const char *accept)
{
  atr_buf_append_str(out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Accept: ");
  atr_buf_append_str(out, accept);
  atr_buf_append_str(out, "\r\nSec-WebSocket-Protocol: ");
  atr_buf_append_str(out, subprotocol);
  return atr_buf_append_str(out, "\r\n\r\n");
}

int atr_ws_write_refusal(atr_buf *out, int status)
{
  static const char body[] = "This is Atrium, for Blender: paste the address of this page into its Host box.\n";
  char head[256];

  snprintf(head, sizeof head,
           "HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n%sConnection: close\r\n\r\n", status,
           status == 426   ? "Upgrade Required"
           : status == 405 ? "Method Not Allowed"
           : status == 404 ? "Not Found"
                           : "Bad Request",
           sizeof body - 1, status == 426 ? "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" : "");
  atr_buf_append_str(out, head);
  return atr_buf_append_str(out, body);
}

int atr_http_head_bytes(atr_span bytes)
{
  size_t n = bytes.n < ATR_HTTP_HEAD_BYTES_MAX ? bytes.n : ATR_HTTP_HEAD_BYTES_MAX;

  for (size_t i = 0; i < n; i++) {
    uint8_t c = bytes.p[i];

    if ((c < ' ' && c != '\r' && c != '\n' && c != '\t') || c == 0x7f)
      return ATR_PROTO;
    if (c == '\n' && i >= 3 && memcmp(bytes.p + i - 3, "\r\n\r\n", 4) == 0)
      return (int)i + 1;
  }
  return n < ATR_HTTP_HEAD_BYTES_MAX ? 0 : ATR_LIMIT;
}

/* The value of a header; {NULL, 0} where it is missing or stands twice: two spellings of one thing are how proxies are
 * fooled. `name` in lower case. */
static atr_span header(atr_span head, const char *name)
{
  atr_span found = {NULL, 0}, line;

  (void)atr_line_take(&head, &line);
  while (atr_line_take(&head, &line) && line.n > 0) {
    const uint8_t *colon = memchr(line.p, ':', line.n);

    if (!colon || !atr_text_is(atr_span_of(line.p, (size_t)(colon - line.p)), name))
      continue;
    if (found.p)
      return atr_span_of(NULL, 0);
    found = atr_text_trim(atr_span_of(colon + 1, line.n - (size_t)(colon - line.p) - 1));
  }
  return found;
}

/* Whether a list such as "keep-alive, Upgrade" has this word, whatever its case. */
static bool lists(atr_span list, const char *word)
{
  while (list.n > 0) {
    const uint8_t *comma = memchr(list.p, ',', list.n);
    size_t n = comma ? (size_t)(comma - list.p) : list.n, taken = n + (comma ? 1 : 0);

    if (atr_text_is(atr_text_trim(atr_span_of(list.p, n)), word))
      return true;
    list.p += taken;
    list.n -= taken;
  }
  return false;
}

static bool starts_with(atr_span s, const char *prefix)
{
  return s.n >= strlen(prefix) && memcmp(s.p, prefix, strlen(prefix)) == 0;
}

static bool ends_with(atr_span s, const char *suffix)
{
  size_t n = strlen(suffix);

  return s.n >= n && memcmp(s.p + s.n - n, suffix, n) == 0;
}

int atr_ws_check_request(atr_span head, atr_span *key)
{
  atr_span rest = head, line;

  if (!atr_line_take(&rest, &line) || !ends_with(line, " HTTP/1.1"))
    return 400;
  if (!starts_with(line, "GET "))
    return 405;
  if (!starts_with(line, "GET /"))
    return 400;
  if (!lists(header(head, "upgrade"), "websocket") || !lists(header(head, "connection"), "upgrade"))
    return 426;
  if (!atr_text_is(header(head, "sec-websocket-version"), "13") ||
      !lists(header(head, "sec-websocket-protocol"), subprotocol))
    return 426;
  *key = header(head, "sec-websocket-key");
  return key->n == ATR_WS_KEY_BYTES - 1 ? 0 : 400;
}

/* 0 where the first line is none of a response. */
static int status_of(atr_span line)
{
  static const char before[] = "HTTP/1.1 ";
  size_t begin = sizeof before - 1;
  int status = 0;

  if (line.n < begin + 3 || !starts_with(line, "HTTP/1.") || line.p[begin - 1] != ' ')
    return 0;
  for (size_t i = begin; i < begin + 3; i++) {
    if (line.p[i] < '0' || line.p[i] > '9')
      return 0;
    status = status * 10 + line.p[i] - '0';
  }
  return status;
}

/* What tunnels and proxies answer themselves while nobody is behind them: nginx and its like 502, 503 and 504; Cloudflare's own 521 to 523, and 530
 * where cloudflared is gone; ngrok 404, which others say of a page, and the number of its error. */
static bool says_nobody(atr_span head, int status)
{
  switch (status) {
  case 502:
  case 503:
  case 504:
  case 521:
  case 522:
  case 523:
  case 530:
    return true;
  case 404:
    return header(head, "ngrok-error-code").n > 0;
  default:
    return false;
  }
}

int atr_ws_check_response(atr_span head, const char *key, char *detail, size_t detail_bytes)
{
  char accept[ATR_WS_ACCEPT_BYTES];
  atr_span rest = head, line = head, value;
  int status = atr_line_take(&rest, &line) ? status_of(line) : 0;

  if (status != 101 || !starts_with(line, "HTTP/1.1")) {
    snprintf(detail, detail_bytes, "a web server answered: %.*s", (int)(line.n < 80 ? line.n : 80),
             (const char *)line.p);
    return says_nobody(head, status) ? ATR_TUNNEL_EMPTY : ATR_NOT_ATRIUM;
  }
  value = header(head, "sec-websocket-accept");
  if (atr_ws_accept(key, strlen(key), accept) < 0 || !value.p || value.n != strlen(accept) ||
      memcmp(value.p, accept, value.n) != 0 || !lists(header(head, "upgrade"), "websocket") ||
      !atr_text_is(header(head, "sec-websocket-protocol"), subprotocol)) {
    snprintf(detail, detail_bytes, "a WebSocket of another program answered");
    return ATR_NOT_ATRIUM;
  }
  return ATR_OK;
}

/* Of "host:port" and what may follow, the host; IPv6 with its brackets. Empty where a name and password stand before it. */
static atr_span host_in(atr_span text)
{
  size_t n = 0, end = 0;
  bool brackets = text.n > 0 && text.p[0] == '[';

  while (end < text.n && !strchr("/?#", text.p[end]))
    end++;
  if (memchr(text.p, '@', end))
    return atr_span_of(text.p, 0);
  while (n < end && text.p[n] != (brackets ? ']' : ':'))
    n++;
  return atr_span_of(text.p, n);
}

bool atr_ws_wants_https(atr_span head, const char *host)
{
  static const char scheme[] = "https://";
  atr_span rest = head, line = head, to = header(head, "location"), here = host_in(atr_span_of(host, strlen(host)));
  int status = atr_line_take(&rest, &line) ? status_of(line) : 0;
  char name[256];

  if ((status != 301 && status != 302 && status != 307 && status != 308) || !atr_text_begins(to, scheme) ||
      here.n >= sizeof name)
    return false;
  memcpy(name, here.p, here.n);
  name[here.n] = 0; /* lower case, as addresses are read */
  return atr_text_is(host_in(atr_span_of(to.p + sizeof scheme - 1, to.n - (sizeof scheme - 1))), name);
}

/* --- frames ---------------------------------------------------------------------------------------------------- */

enum { FIN = 0x80, RESERVED = 0x70, OPCODE = 0x0f, MASKED = 0x80, LENGTH = 0x7f, LENGTH_16 = 126, LENGTH_64 = 127 };

size_t atr_ws_write_header(uint8_t out[ATR_WS_HEADER_BYTES_MAX], enum atr_ws_opcode opcode, uint64_t payload,
                           const uint8_t mask[4])
{
  uint8_t masked = mask ? MASKED : 0;
  size_t n = 2;

  out[0] = (uint8_t)(FIN | opcode);
  if (payload < LENGTH_16) {
    out[1] = (uint8_t)(masked | payload);
  } else if (payload <= UINT16_MAX) {
    out[1] = (uint8_t)(masked | LENGTH_16);
    atr_put_u16(out + 2, (uint16_t)payload);
    n = 4;
  } else {
    out[1] = (uint8_t)(masked | LENGTH_64);
    atr_put_u64(out + 2, payload);
    n = 10;
  }
  if (mask) {
    memcpy(out + n, mask, 4);
    n += 4;
  }
  return n;
}

/* Eight bytes at a time where there are so many: all that a server receives passes through here. */
void atr_ws_mask(uint8_t *to, const uint8_t *from, size_t n, const uint8_t mask[4], uint64_t offset)
{
  uint8_t turned[8];
  uint64_t wide, word;
  size_t i = 0;

  for (size_t k = 0; k < sizeof turned; k++)
    turned[k] = mask[(offset + k) & 3];
  memcpy(&wide, turned, sizeof wide);
  for (; i + sizeof word <= n; i += sizeof word) {
    memcpy(&word, from + i, sizeof word);
    word ^= wide;
    memcpy(to + i, &word, sizeof word);
  }
  for (; i < n; i++)
    to[i] = (uint8_t)(from[i] ^ turned[i & 7]);
}

void atr_ws_reader_init(atr_ws_reader *reader, bool from_client)
{
  memset(reader, 0, sizeof *reader);
  reader->from_client = from_client;
}

/* Bytes that the header has in all, as far as its first two tell. */
static size_t header_bytes(const uint8_t *header)
{
  uint8_t length = header[1] & LENGTH;

  return 2u + (length == LENGTH_16 ? 2u : length == LENGTH_64 ? 8u : 0u) + (header[1] & MASKED ? 4u : 0u);
}

/* RFC 6455, 5.2: the shortest of the three forms, and no sign bit. */
static int read_length(const uint8_t *header, uint64_t *out)
{
  uint8_t length = header[1] & LENGTH;

  *out = length == LENGTH_16 ? atr_get_u16(header + 2) : length == LENGTH_64 ? atr_get_u64(header + 2) : length;
  if ((length == LENGTH_16 && *out < LENGTH_16) || (length == LENGTH_64 && *out <= UINT16_MAX))
    return ATR_PROTO;
  return *out <= ATR_WS_FRAME_BYTES_MAX ? ATR_OK : ATR_PROTO;
}

static int check_data(atr_ws_reader *r, bool fin)
{
  if ((r->opcode == ATR_WS_MORE) != r->in_message)
    return ATR_PROTO;
  r->in_message = !fin;
  return ATR_OK;
}

static int begin_frame(atr_ws_reader *r)
{
  bool fin = (r->header[0] & FIN) != 0, masked = (r->header[1] & MASKED) != 0;
  int err = read_length(r->header, &r->payload);

  r->opcode = (enum atr_ws_opcode)(r->header[0] & OPCODE);
  if (err || (r->header[0] & RESERVED) || masked != r->from_client)
    return ATR_PROTO;
  if (masked)
    memcpy(r->mask, r->header + header_bytes(r->header) - 4, 4);
  r->done = 0;
  r->in_payload = true;
  switch (r->opcode) {
  case ATR_WS_MORE:
  case ATR_WS_BINARY:
    return check_data(r, fin);
  case ATR_WS_CLOSE:
  case ATR_WS_PING:
  case ATR_WS_PONG:
    return fin && r->payload <= ATR_WS_CONTROL_BYTES_MAX ? ATR_OK : ATR_PROTO;
  case ATR_WS_TEXT:
    break;
  }
  return ATR_PROTO;
}

static int read_header(atr_ws_reader *r, atr_span *bytes)
{
  while (bytes->n > 0) {
    r->header[r->header_have++] = *bytes->p++;
    bytes->n--;
    if (r->header_have >= 2 && r->header_have == header_bytes(r->header)) {
      r->header_have = 0;
      return begin_frame(r);
    }
  }
  return ATR_OK;
}

static void end_control(atr_ws_reader *r, atr_ws_part *part)
{
  size_t n = (size_t)r->payload;

  if (r->from_client)
    atr_ws_mask(r->control, r->control, n, r->mask, 0);
  part->bytes = atr_span_of(r->control, n);
  part->what = r->opcode == ATR_WS_PING    ? ATR_WS_GOT_PING
               : r->opcode == ATR_WS_CLOSE ? ATR_WS_GOT_CLOSE
                                           : ATR_WS_NOTHING;
}

static void read_payload(atr_ws_reader *r, atr_span *bytes, atr_ws_part *part)
{
  uint64_t left = r->payload - r->done;
  size_t n = left < bytes->n ? (size_t)left : bytes->n;
  bool is_control = r->opcode >= ATR_WS_CLOSE;

  if (is_control) {
    memcpy(r->control + r->done, bytes->p, n);
  } else if (n > 0) {
    part->what = ATR_WS_DATA;
    part->bytes = atr_span_of(bytes->p, n);
    part->mask = r->from_client ? r->mask : NULL;
    part->offset = r->done;
  }
  bytes->p += n;
  bytes->n -= n;
  r->done += n;
  if (r->done < r->payload)
    return;
  r->in_payload = false;
  if (is_control)
    end_control(r, part);
}

int atr_ws_read(atr_ws_reader *reader, atr_span *bytes, atr_ws_part *part)
{
  memset(part, 0, sizeof *part);
  for (;;) {
    int err = reader->in_payload ? ATR_OK : read_header(reader, bytes);

    if (err || !reader->in_payload)
      return err;
    read_payload(reader, bytes, part);
    if (part->what != ATR_WS_NOTHING || (bytes->n == 0 && reader->in_payload))
      return ATR_OK;
  }
}
