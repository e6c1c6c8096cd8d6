/* SPDX-License-Identifier: MIT
 *
 * Four steps: take off what pasting adds (spaces, quotes, the rest of a line), look at the scheme and path, split host and
 * port, look at the host.
 *
 * One thing is ambiguous: an IPv6 address without brackets may end in what looks like a port (`fe80::1:9090`). It is
 * then all address, as browsers and ssh read it; whoever means a port writes brackets.
 */
#include "transport/address.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/limits.h"

#include <stdio.h>
#include <string.h>
#include <uv.h>

/* RFC 1035: a label has up to 63 bytes, a name up to 253. */
enum { LABEL_BYTES_MAX = 63, NAME_BYTES_MAX = 253, SCOPE_BYTES_MAX = 32 };

/* In the place of a query. So few digits tell nobody what they are of. */
static const char stars[] = "?***";
enum { DIGITS = 4, DIGITS_MASK = 0xffff };

typedef struct text {
  const char *p;
  size_t n;
} text;

static int wrong(char *why, size_t why_bytes, const char *sentence)
{
  snprintf(why, why_bytes, "%s", sentence);
  return ATR_ADDR_SYNTAX;
}

static bool is_digit(char c)
{
  return c >= '0' && c <= '9';
}

static char lower(char c)
{
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool starts_with(text t, const char *prefix)
{
  size_t n = strlen(prefix);

  if (t.n < n)
    return false;
  for (size_t i = 0; i < n; i++)
    if (lower(t.p[i]) != prefix[i])
      return false;
  return true;
}

/* --- what pasting adds ----------------------------------------------------------------------------------------- */

/* Length of one forgiven character at the start of `t`: ASCII white space and quotes, and in UTF-8 the no-break
 * space, the byte order mark, zero-width spaces and typographic quotes. */
static size_t forgiven(const char *p, size_t n)
{
  static const char *const wide[] = {"\xc2\xa0",     "\xef\xbb\xbf", "\xe2\x80\x8b", "\xe2\x80\x8e",
                                     "\xe2\x80\x98", "\xe2\x80\x99", "\xe2\x80\x9c", "\xe2\x80\x9d",
                                     "\xe2\x80\x9e", "\xc2\xab",     "\xc2\xbb"};

  if (n > 0 && *p != 0 && strchr(" \t\r\n\v\f\"'`<>", *p))
    return 1;
  for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
    if (n >= strlen(wide[i]) && memcmp(p, wide[i], strlen(wide[i])) == 0)
      return strlen(wide[i]);
  return 0;
}

static text trim(text t)
{
  size_t n;

  while (t.n > 0 && (n = forgiven(t.p, t.n)) > 0) {
    t.p += n;
    t.n -= n;
  }
  for (bool again = true; again && t.n > 0;) {
    again = false;
    for (n = 1; n <= 3 && n <= t.n && !again; n++)
      if (forgiven(t.p + t.n - n, n) == n) {
        t.n -= n;
        again = true;
      }
  }
  return t;
}

/* --- scheme and path ------------------------------------------------------------------------------------------- */

static const struct {
  const char *scheme;
  atr_carrier carrier;
  uint16_t port; /* where none is typed; 0: the caller's */
} schemes[] = {
    {"tcp://", ATR_CARRIER_TCP, 0},  {"atrium://", ATR_CARRIER_TCP, 0}, {"ws://", ATR_CARRIER_WS, 80},
    {"http://", ATR_CARRIER_WS, 80}, {"wss://", ATR_CARRIER_WSS, 443},  {"https://", ATR_CARRIER_WSS, 443},
};

/* The path that a server of ours answers to where the address has none (docs/protocol.md, 1). */
static const char default_path[] = "/atrium";

/* The next word from `*at` on; empty where none is left. */
static text next_word(text t, size_t *at)
{
  text word;

  while (*at < t.n && forgiven(t.p + *at, t.n - *at) > 0)
    *at += forgiven(t.p + *at, t.n - *at);
  word = (text){t.p + *at, 0};
  while (*at < t.n && forgiven(t.p + *at, t.n - *at) == 0) {
    word.n++;
    (*at)++;
  }
  return word;
}

/* Of a text of several words, the one with a scheme: what a tunnel's program prints is pasted as a whole line. */
static bool word_with_scheme(text t, text *out)
{
  size_t at = 0;

  for (text word = next_word(t, &at); word.n > 0; word = next_word(t, &at))
    for (size_t k = 1; k + 2 < word.n; k++)
      if (memcmp(word.p + k, "://", 3) == 0) {
        *out = word;
        return true;
      }
  return false;
}

/* The path is what it says, for the tunnel's server to understand; a fragment is never sent. */
static int take_path(text *t, atr_address *out, char *why, size_t why_bytes)
{
  const char *slash = NULL;
  size_t n = 0;

  for (size_t i = 0; i < t->n && !slash; i++)
    if (strchr("/?#", t->p[i]))
      slash = t->p + i;
  if (slash) {
    const char *hash = memchr(slash, '#', t->n - (size_t)(slash - t->p));

    n = (size_t)((hash ? hash : t->p + t->n) - slash);
    t->n = (size_t)(slash - t->p);
  }
  if (n == 0 || (n == 1 && *slash == '/')) {
    snprintf(out->path, sizeof out->path, "%s", default_path);
    return 0;
  }
  if (n + 2 > sizeof out->path)
    return wrong(why, why_bytes, "The path behind the host is too long.");
  for (size_t i = 0; i < n; i++)
    if (slash[i] <= ' ' || slash[i] > '~' || strchr("\"<>\\^`{|}", slash[i]))
      return wrong(why, why_bytes, "There is a character in the path that no address has.");
  snprintf(out->path, sizeof out->path, "%s%.*s", *slash == '/' ? "" : "/", (int)n, slash);
  return 0;
}

static int take_scheme(text *t, atr_address *out, char *why, size_t why_bytes)
{
  bool has_scheme = false;

  for (size_t i = 0; i + 2 < t->n; i++)
    has_scheme = has_scheme || memcmp(t->p + i, "://", 3) == 0;
  for (size_t i = 0; has_scheme && i < sizeof schemes / sizeof *schemes; i++) {
    if (!starts_with(*t, schemes[i].scheme))
      continue;
    t->p += strlen(schemes[i].scheme);
    t->n -= strlen(schemes[i].scheme);
    out->carrier = schemes[i].carrier;
    if (schemes[i].port)
      out->port = schemes[i].port;
    if (out->carrier != ATR_CARRIER_TCP)
      return take_path(t, out, why, why_bytes);
    has_scheme = false;
  }
  if (has_scheme)
    return wrong(why, why_bytes,
                 "Addresses begin with nothing, or with tcp://, atrium://, wss://, ws://, https:// or http://.");
  while (t->n > 0 && t->p[t->n - 1] == '/')
    t->n--;
  return 0;
}

/* --- host and port --------------------------------------------------------------------------------------------- */

static int parse_port(text t, uint16_t *port, char *why, size_t why_bytes)
{
  unsigned value = 0;

  if (t.n == 0)
    return wrong(why, why_bytes, "After the colon the port is missing.");
  for (size_t i = 0; i < t.n; i++) {
    if (!is_digit(t.p[i]))
      return wrong(why, why_bytes, "After the colon there must be a port, a number from 1 to 65535.");
    if (value <= 65535)
      value = value * 10 + (unsigned)(t.p[i] - '0');
  }
  if (value < 1 || value > 65535)
    return wrong(why, why_bytes, "A port is a number from 1 to 65535.");
  *port = (uint16_t)value;
  return 0;
}

static int split(text t, text *host, text *port, bool *brackets, char *why, size_t why_bytes)
{
  const char *colon = memchr(t.p, ':', t.n), *end;

  *host = t;
  *port = (text){NULL, 0};
  *brackets = t.p[0] == '[';
  if (*brackets) {
    end = memchr(t.p, ']', t.n);
    if (!end)
      return wrong(why, why_bytes, "The closing bracket is missing.");
    *host = (text){t.p + 1, (size_t)(end - t.p) - 1};
    *port = (text){end + 1, t.n - host->n - 2};
    if (port->n > 0 && port->p[0] != ':')
      return wrong(why, why_bytes, "After the bracket only a colon and a port may follow.");
  } else if (colon && !memchr(colon + 1, ':', t.n - (size_t)(colon - t.p) - 1)) {
    *host = (text){t.p, (size_t)(colon - t.p)};
    *port = (text){colon, t.n - host->n};
  }
  return 0;
}

/* --- hosts ----------------------------------------------------------------------------------------------------- */

static int parse_ipv6(text host, atr_address *out, char *why, size_t why_bytes)
{
  const char *percent = memchr(host.p, '%', host.n);
  size_t ip_bytes = percent ? (size_t)(percent - host.p) : host.n, scope_bytes = percent ? host.n - ip_bytes - 1 : 0;
  char ip[64], scope[SCOPE_BYTES_MAX + 1] = "";
  unsigned char bytes[16];

  if (ip_bytes >= sizeof ip || scope_bytes > SCOPE_BYTES_MAX)
    return wrong(why, why_bytes, "This IPv6 address is too long.");
  memcpy(ip, host.p, ip_bytes);
  ip[ip_bytes] = 0;
  if (uv_inet_pton(AF_INET6, ip, bytes) != 0 || uv_inet_ntop(AF_INET6, bytes, ip, sizeof ip) != 0)
    return wrong(why, why_bytes, "This is not an IPv6 address.");
  if (percent && scope_bytes == 0)
    return wrong(why, why_bytes, "After the % the name of a network interface is missing.");
  for (size_t i = 0; i < scope_bytes; i++) {
    if (percent[1 + i] <= ' ' || percent[1 + i] > '~' || strchr("[]%:/\"", percent[1 + i]))
      return wrong(why, why_bytes, "After the % there must be the name of a network interface.");
    scope[i] = percent[1 + i];
  }
  out->kind = ATR_ADDRESS_IPV6;
  snprintf(out->host, sizeof out->host, "%s%s%s", ip, percent ? "%" : "", scope);
  return 0;
}

/* Four numbers: an IPv4 address, or a typing error; never a name. */
static bool looks_like_ipv4(const char *host)
{
  for (; *host; host++)
    if (!is_digit(*host) && *host != '.')
      return false;
  return true;
}

static int check_name(const char *name, char *why, size_t why_bytes)
{
  size_t label = 0, n = strlen(name);

  if (n > NAME_BYTES_MAX)
    return wrong(why, why_bytes, "This name is longer than a host's name can be.");
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)name[i];

    if (c == '.') {
      if (label == 0)
        return wrong(why, why_bytes, "There is a dot too many in this name.");
      label = 0;
      continue;
    }
    if (forgiven(name + i, n - i) > 0 || c <= ' ' || c == 127 || strchr("!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~", c))
      return wrong(why, why_bytes, "There is a character in this name that no host's name has.");
    if (++label > LABEL_BYTES_MAX)
      return wrong(why, why_bytes, "A part of this name is longer than 63 characters.");
  }
  if (label == 0)
    return wrong(why, why_bytes, "There is a dot too many in this name.");
  return 0;
}

/* Names may hold UTF-8: the resolver knows what to do with it. A dot at the end is the root, as in DNS. */
static int parse_name(text host, atr_address *out, char *why, size_t why_bytes)
{
  unsigned char ip[4];
  size_t n = host.n;

  if (n > 1 && host.p[n - 1] == '.')
    n--;
  if (n >= sizeof out->host)
    return wrong(why, why_bytes, "This name is longer than a host's name can be.");
  for (size_t i = 0; i < n; i++)
    out->host[i] = lower(host.p[i]);
  out->host[n] = 0;
  if (looks_like_ipv4(out->host)) {
    if (uv_inet_pton(AF_INET, out->host, ip) != 0)
      return wrong(why, why_bytes, "This is not an IPv4 address: it has four numbers from 0 to 255.");
    out->kind = ATR_ADDRESS_IPV4;
    return 0;
  }
  out->kind = ATR_ADDRESS_NAME;
  return check_name(out->host, why, why_bytes);
}

/* One word, or few that belong to one address. */
static int parse(text t, uint16_t port_default, atr_address *out, char *why, size_t why_bytes)
{
  text host, port;
  bool brackets;
  int err;

  memset(out, 0, sizeof *out);
  out->port = port_default;
  if (t.n > ATR_HOST_BYTES_MAX)
    return wrong(why, why_bytes, "This is too long for an address.");
  if (t.n > 0 && memchr(t.p, 0, t.n))
    return wrong(why, why_bytes, "There is a character in this name that no host's name has.");
  err = take_scheme(&t, out, why, why_bytes);
  if (err)
    return err;
  t = trim(t);
  if (t.n == 0)
    return wrong(why, why_bytes, "Type the address of a host: a name or an IP address.");
  err = split(t, &host, &port, &brackets, why, why_bytes);
  if (err)
    return err;
  host = trim(host);
  if (host.n == 0)
    return wrong(why, why_bytes, "Before the colon the host is missing.");
  if (port.n > 0) {
    out->has_port = true;
    err = parse_port(trim((text){port.p + 1, port.n - 1}), &out->port, why, why_bytes);
    if (err)
      return err;
  }
  if (brackets || memchr(host.p, ':', host.n))
    return parse_ipv6(host, out, why, why_bytes);
  return parse_name(host, out, why, why_bytes);
}

/* Of a text of several words without a scheme, the last one that is a number or a name with a dot, and has a port: `listening at bore.pub:35735`. Not
 * this machine's own, to which the tunnel leads. A single name such as `pc:9090` is more likely to be what somebody typed with a blank in it. */
static bool word_with_port(text t, text *out)
{
  bool found = false;
  size_t at = 0;

  for (text word = next_word(t, &at); word.n > 0; word = next_word(t, &at)) {
    atr_address address;
    char why[256];

    while (word.n > 0 && word.p[word.n - 1] && strchr(".,;!)", word.p[word.n - 1]))
      word.n--;
    if (word.n < t.n && (memchr(word.p, '.', word.n) || memchr(word.p, ']', word.n)) &&
        parse(word, 1, &address, why, sizeof why) == 0 && address.has_port && !atr_address_is_loopback(&address)) {
      *out = word;
      found = true;
    }
  }
  return found;
}

int atr_address_parse(const char *string, size_t len, uint16_t port_default, atr_address *out, char *why,
                      size_t why_bytes)
{
  text whole = trim((text){string, len}), t = whole;

  if (!word_with_scheme(whole, &t))
    (void)word_with_port(whole, &t);
  return parse(trim(t), port_default, out, why, why_bytes);
}

void atr_address_text(const atr_address *address, char out[ATR_ADDRESS_TEXT_BYTES])
{
  static const char *const scheme[] = {
      [ATR_CARRIER_TCP] = "", [ATR_CARRIER_WS] = "ws://", [ATR_CARRIER_WSS] = "wss://"};
  bool brackets = address->kind == ATR_ADDRESS_IPV6;

  snprintf(out, ATR_ADDRESS_TEXT_BYTES, "%s%s%s%s:%u%s", scheme[address->carrier], brackets ? "[" : "", address->host,
           brackets ? "]" : "", (unsigned)address->port, address->path);
}

static bool is_stars(const char *query)
{
  return strncmp(query, stars, sizeof stars - 1) == 0 && strlen(query) == sizeof stars - 1 + DIGITS &&
         strspn(query + sizeof stars - 1, "0123456789abcdef") == DIGITS;
}

void atr_address_shown(const atr_address *address, char out[ATR_ADDRESS_TEXT_BYTES])
{
  char *query;

  atr_address_text(address, out);
  query = strchr(out, '?');
  if (query && !is_stars(query))
    snprintf(query, (size_t)(out + ATR_ADDRESS_TEXT_BYTES - query), "%s%0*x", stars, DIGITS,
             (unsigned)(atr_xxh64(query, strlen(query)) & DIGITS_MASK));
}

void atr_address_hide(char *string)
{
  char *begin = strstr(string, "://"), *at;

  string[strcspn(string, "?")] = 0;
  at = strrchr(string, '@');
  if (!at)
    return;
  begin = begin && begin < at ? begin + 3 : string;
  memmove(begin, at + 1, strlen(at + 1) + 1);
}

bool atr_address_is_loopback(const atr_address *address)
{
  if (address->kind == ATR_ADDRESS_IPV4)
    return strncmp(address->host, "127.", 4) == 0;
  return strcmp(address->host, "::1") == 0 || strcmp(address->host, "localhost") == 0;
}
