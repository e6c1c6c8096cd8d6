/* SPDX-License-Identifier: MIT
 *
 * Payload: version u8, key 32, token 16, room 16, then addresses as type u8, length u8, value, and CRC32C of all that
 * u32. Types that are not known are skipped, so a later version may add some.
 *
 * Where the link ends is not said in it: what follows may be a line break of a mail program in the middle of it, or the
 * next word of the sentence. So the run of base64url characters is tried alone, then with what follows the next line
 * break, and so on; the checksum tells which is right. Base64 has one spelling only (base64.h).
 *
 * Where it begins is not certain either: hands leave out the first letters, programs write %23, and a message may speak of
 * links before the link comes. So all that may be the beginning is tried: what stands behind `join#` in each of its spellings, and each long
 * run of base64url characters. Where none is whole, such a beginning, or a run that no host's name can be, is a piece of an invite. */
#include "transport/invite.h"

#include "base/base64.h"
#include "base/error.h"
#include "base/hash.h"
#include "transport/pasted.h"
#include "transport/scope.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

enum {
  VERSION = 1,
  FIXED_BYTES = 1 + ATR_HASH_BYTES + ATR_INVITE_TOKEN_BYTES + ATR_ID_BYTES,
  CRC_BYTES = 4,
  VALUE_BYTES_MAX = 255,
  PAYLOAD_BYTES_MAX = FIXED_BYTES + ATR_ADDRESSES_MAX * (2 + VALUE_BYTES_MAX) + CRC_BYTES,
  LINES_MAX = 64, /* a mail program's lines of 76 characters: the longest payload has 75 */
};

enum {
  RUN_CHARS_MIN = 16, /* of a payload's first line that is tried without a mark: a narrow terminal's have 40 */
  PIECE_CHARS = 40, /* of base64url, with letters of both cases: what holds a whole token has as many, few names have */
  NAME_CHARS_MAX = 63, /* a part of a host's name has no more (RFC 1035) */
  WRAP_CHARS = 4,      /* behind a link in __bold__ or the dash after it: characters of base64url that are none of it */
};

enum { TYPE_IPV4 = 1, TYPE_IPV6 = 2, TYPE_NAME = 3, TYPE_WSS = 4, TYPE_WS = 5 };

static const char prefix[] = "atrium://join#";

/* --- writing --------------------------------------------------------------------------------------------------- */

static int put(atr_buf *out, uint8_t type, const void *value, size_t n)
{
  if (n > VALUE_BYTES_MAX)
    return ATR_INVAL;
  atr_buf_append_u8(out, type);
  atr_buf_append_u8(out, (uint8_t)n);
  return atr_buf_append(out, value, n);
}

static int put_ip(atr_buf *out, const atr_address *address, uint8_t type, int family, size_t ip_bytes)
{
  uint8_t value[18];

  /* A scope means something on its own machine only (and libuv would leave it out). */
  if (strchr(address->host, '%') || uv_inet_pton(family, address->host, value) != 0)
    return ATR_INVAL;
  atr_put_u16(value + ip_bytes, address->port);
  return put(out, type, value, ip_bytes + 2);
}

static int put_name(atr_buf *out, const atr_address *address)
{
  uint8_t value[2 + ATR_ADDRESS_NAME_BYTES];
  size_t n = strlen(address->host);

  atr_put_u16(value, address->port);
  memcpy(value + 2, address->host, n);
  return put(out, TYPE_NAME, value, n + 2);
}

static int put_web(atr_buf *out, const atr_address *address)
{
  char text[ATR_ADDRESS_TEXT_BYTES];
  const char *value;

  atr_address_text(address, text);
  value = strstr(text, "://") + 3;
  return put(out, address->carrier == ATR_CARRIER_WSS ? TYPE_WSS : TYPE_WS, value, strlen(value));
}

static int put_address(atr_buf *out, const atr_address *address)
{
  if (address->carrier != ATR_CARRIER_TCP)
    return put_web(out, address);
  switch (address->kind) {
  case ATR_ADDRESS_IPV4:
    return put_ip(out, address, TYPE_IPV4, AF_INET, 4);
  case ATR_ADDRESS_IPV6:
    return put_ip(out, address, TYPE_IPV6, AF_INET6, 16);
  case ATR_ADDRESS_NAME:
    break;
  }
  return put_name(out, address);
}

static int put_payload(atr_buf *out, const atr_invite *invite)
{
  if (invite->addresses_count < 1 || invite->addresses_count > ATR_ADDRESSES_MAX)
    return ATR_INVAL;
  atr_buf_append_u8(out, VERSION);
  atr_buf_append(out, invite->key.b, sizeof invite->key.b);
  atr_buf_append(out, invite->token, sizeof invite->token);
  atr_buf_append(out, invite->room.b, sizeof invite->room.b);
  for (size_t i = 0; i < invite->addresses_count; i++) {
    int err = put_address(out, &invite->addresses[i]);

    if (err)
      return err;
  }
  atr_buf_append_u32(out, atr_crc32c(out->data, out->len));
  return out->err;
}

int atr_invite_write(const atr_invite *invite, atr_buf *out)
{
  char text[ATR_BASE64_CHARS(PAYLOAD_BYTES_MAX)];
  atr_buf payload;
  int err;

  atr_buf_init(&payload, PAYLOAD_BYTES_MAX);
  err = put_payload(&payload, invite);
  if (!err) {
    atr_base64_encode(ATR_BASE64_URL, payload.data, payload.len, text);
    atr_buf_append_str(out, prefix);
    err = atr_buf_append_str(out, text);
  }
  atr_buf_free(&payload);
  return err;
}

/* --- reading --------------------------------------------------------------------------------------------------- */

static int wrong(char *why, size_t why_bytes, const char *sentence)
{
  snprintf(why, why_bytes, "%s", sentence);
  return ATR_INVITE;
}

static int get_ip(atr_address *out, atr_span value, int family, size_t ip_bytes)
{
  if (value.n != ip_bytes + 2 || uv_inet_ntop(family, value.p, out->host, sizeof out->host) != 0)
    return ATR_INVITE;
  out->kind = family == AF_INET ? ATR_ADDRESS_IPV4 : ATR_ADDRESS_IPV6;
  out->port = atr_get_u16(value.p + ip_bytes);
  return out->port > 0 ? ATR_OK : ATR_INVITE;
}

/* By the parser of typed addresses, so that nothing comes in this way that could not be typed. */
static int get_text(atr_address *out, const char *scheme, atr_span value, uint16_t port)
{
  char text[VALUE_BYTES_MAX + 16], why[128];
  int n = snprintf(text, sizeof text, "%s%.*s", scheme, (int)value.n, (const char *)value.p);

  if (n < 0 || memchr(value.p, 0, value.n) || memchr(value.p, ' ', value.n))
    return ATR_INVITE;
  return atr_address_parse(text, (size_t)n, port, out, why, sizeof why) == ATR_OK ? ATR_OK : ATR_INVITE;
}

static int get_name(atr_address *out, atr_span value)
{
  uint16_t port = value.n > 2 ? atr_get_u16(value.p) : 0;

  if (port == 0 || get_text(out, "", atr_span_of(value.p + 2, value.n - 2), port) < 0 || out->has_port ||
      out->carrier != ATR_CARRIER_TCP)
    return ATR_INVITE;
  return ATR_OK;
}

/* 1: an address; 0: of a kind that this version does not know. */
static int get_address(atr_address *out, uint8_t type, atr_span value)
{
  int err;

  memset(out, 0, sizeof *out);
  switch (type) {
  case TYPE_IPV4:
    err = get_ip(out, value, AF_INET, 4);
    break;
  case TYPE_IPV6:
    err = get_ip(out, value, AF_INET6, 16);
    break;
  case TYPE_NAME:
    err = get_name(out, value);
    break;
  case TYPE_WSS:
  case TYPE_WS:
    err = get_text(out, type == TYPE_WSS ? "wss://" : "ws://", value, 0);
    break;
  default:
    return 0;
  }
  out->has_port = true;
  return err < 0 ? err : 1;
}

/* Numbers that lead to the reader's own machine or network: to its programs and its router, which believe whoever asks from inside. */
static bool is_inside(const atr_address *address)
{
  struct sockaddr_storage to;

  if (address->kind == ATR_ADDRESS_NAME)
    return atr_address_is_loopback(address); /* where other names lead is not known yet: race.c */
  if (address->kind == ATR_ADDRESS_IPV4
          ? uv_ip4_addr(address->host, address->port, (struct sockaddr_in *)(void *)&to) != 0
          : strchr(address->host, '%') ||
                uv_ip6_addr(address->host, address->port, (struct sockaddr_in6 *)(void *)&to) != 0)
    return true;
  return atr_scope_of((const struct sockaddr *)&to) != ATR_SCOPE_PUBLIC;
}

/* Whoever makes an invite chooses what its readers ask for: `GET` of any path, which a proxy may want in front of ours, and of any query, in which tunnels
 * have tokens. So there are few of them, and none with a query to a machine that no tunnel stands on. */
static bool is_taken(const atr_address *address, unsigned *web)
{
  if (address->carrier == ATR_CARRIER_TCP)
    return true;
  if (*web == ATR_INVITE_WEB_MAX || (strchr(address->path, '?') && is_inside(address)))
    return false;
  (*web)++;
  return true;
}

static int get_payload(const uint8_t *p, size_t n, atr_invite *out, char *why, size_t why_bytes)
{
  atr_rd rd = atr_rd_of(p, n - CRC_BYTES);
  unsigned web = 0;

  memset(out, 0, sizeof *out);
  if (atr_rd_u8(&rd) != VERSION)
    return wrong(why, why_bytes, "This invite was made by another version of Atrium: both must be of one version.");
  atr_rd_copy(&rd, out->key.b, sizeof out->key.b);
  atr_rd_copy(&rd, out->token, sizeof out->token);
  atr_rd_copy(&rd, out->room.b, sizeof out->room.b);
  while (rd.left > 0 && !rd.err) {
    uint8_t type = atr_rd_u8(&rd);
    atr_span value = atr_rd_bytes(&rd, atr_rd_u8(&rd));
    int known;

    if (rd.err || out->addresses_count == ATR_ADDRESSES_MAX)
      break;
    known = get_address(&out->addresses[out->addresses_count], type, value);
    if (known < 0)
      return wrong(why, why_bytes, "This invite holds an address that is none: ask for a new one.");
    out->addresses_count += known && is_taken(&out->addresses[out->addresses_count], &web);
  }
  if (rd.err || rd.left > 0)
    return wrong(why, why_bytes, "This invite is not well formed: ask for a new one.");
  if (out->addresses_count == 0)
    return wrong(why, why_bytes, "This invite holds no address that this version of Atrium knows: ask for a new one.");
  return ATR_OK;
}

static bool is_whole(const uint8_t *p, size_t n)
{
  return n >= FIXED_BYTES + CRC_BYTES && atr_crc32c(p, n - CRC_BYTES) == atr_get_u32(p + n - CRC_BYTES);
}

/* What stands between the lines of one link: the break, quotation marks of mail, the soft break of quoted-printable. Its bytes, or 0. */
static size_t blank(const char *p, size_t n)
{
  if (n > 0 && *p != 0 && strchr(" \t\r\n\v\f>|=", *p))
    return 1;
  if (n >= 2 && memcmp(p, "\xc2\xa0", 2) == 0) /* a no-break space */
    return 2;
  return atr_pasted_invisible(p, n);
}

static bool is_base64(char c)
{
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static size_t decode(const char *joined, size_t n, uint8_t *out, size_t out_bytes)
{
  size_t bytes;

  return atr_base64_decode(ATR_BASE64_URL, joined, n, out, out_bytes, &bytes) == 0 && is_whole(out, bytes) ? bytes : 0;
}

/* The same without up to so many of the last characters, where they are such as stand around a word. */
static size_t decode_wrapped(const char *joined, size_t n, uint8_t *out, size_t out_bytes)
{
  size_t bytes = decode(joined, n, out, out_bytes);

  for (int k = 0; k < WRAP_CHARS && bytes == 0 && n > 0 && (joined[n - 1] == '-' || joined[n - 1] == '_'); k++)
    bytes = decode(joined, --n, out, out_bytes);
  return bytes;
}

/* Appends the run of characters at `*at`, without what is invisible in it. False: it is longer than any payload. */
static bool join_run(const char *text, size_t len, size_t *at, char *joined, size_t *n, size_t max)
{
  for (size_t skip; *at < len; *at += skip) {
    skip = is_base64(text[*at]) ? 1 : atr_pasted_invisible(text + *at, len - *at);
    if (skip == 0)
      break;
    if (!is_base64(text[*at]))
      continue;
    if (*n == max)
      return false;
    joined[(*n)++] = text[*at];
  }
  return true;
}

/* The payload at `text`: the run of characters alone, then joined with further lines. Its bytes, 0 where none is whole. */
static size_t find_payload(const char *text, size_t len, uint8_t *out, size_t out_bytes)
{
  char joined[ATR_BASE64_CHARS(PAYLOAD_BYTES_MAX)];
  size_t n = 0, at = 0, bytes, skip;

  for (int line = 0; line < LINES_MAX && at < len; line++) {
    if (!join_run(text, len, &at, joined, &n, sizeof joined - 1))
      return 0;
    bytes = decode_wrapped(joined, n, out, out_bytes);
    if (bytes > 0)
      return bytes;
    if (at < len && blank(text + at, len - at) == 0)
      return 0;
    while (at < len && (skip = blank(text + at, len - at)) > 0)
      at += skip;
  }
  return 0;
}

/* --- where one begins ------------------------------------------------------------------------------------------ */

static char lower(char c)
{
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Bytes of `word`, in small letters, at the start of `p`, in any case and with whatever is invisible in it; or 0. */
static size_t match(const char *p, size_t n, const char *word)
{
  size_t at = 0, skip;

  for (; *word; word++) {
    while ((skip = atr_pasted_invisible(p + at, n - at)) > 0)
      at += skip;
    if (at == n || lower(p[at]) != *word)
      return 0;
    at++;
  }
  return at;
}

/* Bytes of what stands before a payload, as it is written and as programs rewrite it; or 0. */
static size_t mark(const char *p, size_t n)
{
  static const char *const spellings[] = {"atrium://join#", "join#", "join/#", "join%23", "join/%23"};
  size_t bytes = 0;

  if (lower(*p) != 'a' && lower(*p) != 'j')
    return 0;
  for (size_t i = 0; i < sizeof spellings / sizeof *spellings && bytes == 0; i++)
    bytes = match(p, n, spellings[i]);
  return bytes;
}

/* A run of characters of base64url, as one word. */
typedef struct run {
  size_t bytes, chars;                 /* the bytes include what is invisible */
  bool has_upper, has_lower, has_more; /* the latter: what is no hexadecimal digit */
} run;

static run run_at(const char *p, size_t n)
{
  run r = {0};

  for (size_t skip; r.bytes < n; r.bytes += skip) {
    char c = p[r.bytes];

    skip = is_base64(c) ? 1 : atr_pasted_invisible(p + r.bytes, n - r.bytes);
    if (skip == 0)
      break;
    r.chars += is_base64(c);
    r.has_upper = r.has_upper || (c >= 'A' && c <= 'Z');
    r.has_lower = r.has_lower || (c >= 'a' && c <= 'z');
    r.has_more = r.has_more || (is_base64(c) && !isxdigit((unsigned char)c));
  }
  return r;
}

/* The path or query of a web address: what a tunnel wants to have there may be long, and is that tunnel's business. `begin` is where the text does. */
static bool is_in_path(const char *begin, const char *p)
{
  bool has_slash = false;

  for (; p > begin && !strchr(" \t\r\n\"'<>", p[-1]); p--) {
    if (p - begin >= 3 && memcmp(p - 3, "://", 3) == 0)
      return has_slash && !(p - begin >= 9 && match(p - 9, 9, "atrium://") == 9);
    has_slash = has_slash || p[-1] == '/' || p[-1] == '?';
  }
  return false;
}

/* What cloudflared says of its program; chance makes no such piece of an invite. */
static bool is_digest(run r)
{
  return !r.has_more && !(r.has_upper && r.has_lower);
}

static bool is_piece(run r, const char *begin, const char *p)
{
  return !is_digest(r) && (r.chars > NAME_CHARS_MAX || (r.chars >= PIECE_CHARS && r.has_upper && r.has_lower)) &&
         !is_in_path(begin, p);
}

/* Bytes of what is not the beginning of a payload, though it could be: what is invisible, marks of emphasis, a number sign as browsers write it. Or 0. */
static size_t no_start(const char *p, size_t n)
{
  if (*p == '-' || *p == '_')
    return 1;
  return *p == '%' ? match(p, n, "%23") : atr_pasted_invisible(p, n);
}

/* The next place to look at behind a run of base64url. A mark may stand at the end of a long one, so as much of it is gone through as is not tried as a run. */
static size_t step(run r)
{
  return r.chars >= RUN_CHARS_MIN ? r.bytes - RUN_CHARS_MIN + 1 : 1;
}

/* The first invite that is whole, with its payload; else the first piece of one, with none. NULL: neither. Long words have a number of tries of their
 * own, so that none of them keeps out a link that says what it is. A text with more beginnings than are tried is no address in any case. */
static const char *look(const char *text, size_t len, uint8_t *out, size_t out_bytes, size_t *payload)
{
  const char *piece = NULL, *end = text + len, *p = text;
  unsigned marks = 0, words = 0;

  *payload = 0;
  while (p < end && marks < ATR_INVITE_STARTS_MAX) {
    size_t left = (size_t)(end - p), marked = mark(p, left), skip = marked ? 0 : no_start(p, left);
    run r = marked || skip ? (run){0} : run_at(p, left);

    if (marked || (r.chars >= RUN_CHARS_MIN && words++ < ATR_INVITE_STARTS_MAX)) {
      marks += marked > 0;
      *payload = find_payload(p + marked, left - marked, out, out_bytes);
      if (*payload > 0)
        return p;
      if (!piece && (marked || is_piece(r, text, p)))
        piece = p;
    }
    p += marked ? marked : skip ? skip : step(r);
  }
  return piece || (p == end && words <= ATR_INVITE_STARTS_MAX) ? piece : text;
}

const char *atr_invite_find(const char *text, size_t len)
{
  uint8_t payload[PAYLOAD_BYTES_MAX];
  size_t n;

  return look(text, len, payload, sizeof payload, &n);
}

bool atr_invite_is_in(const char *text, size_t len)
{
  return atr_invite_find(text, len) != NULL;
}

int atr_invite_read(const char *text, size_t len, atr_invite *out, char *why, size_t why_bytes)
{
  uint8_t payload[PAYLOAD_BYTES_MAX];
  size_t n;

  if (!look(text, len, payload, sizeof payload, &n))
    return wrong(why, why_bytes, "There is no invite in this text: it begins with atrium://join#.");
  if (n == 0)
    return wrong(why, why_bytes, "This invite is damaged or was not copied whole: copy it once more.");
  return get_payload(payload, n, out, why, why_bytes);
}
