/* SPDX-License-Identifier: MIT
 *
 * Five steps: take off what pasting adds (spaces, quotes, what is invisible), find the address in a whole line or screen, look at the
 * scheme and path, split host and port, look at the host.
 *
 * In a text of several words each that could be an address is one candidate, and the best one counts: rather what a tunnel's program
 * calls its address than another, rather one that leads to another machine, the outer side of an arrow, one with a scheme, and one without a path, which the
 * pages of help have that such programs print.
 *
 * One thing is ambiguous: an IPv6 address without brackets may end in what looks like a port (`fe80::1:9090`). It is
 * then all address, as browsers and ssh read it; whoever means a port writes brackets.
 */
#include "transport/address.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/limits.h"
#include "transport/pasted.h"

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

/* Length of one forgiven character at the start of `p`: ASCII white space and quotes, and in UTF-8 other spaces, typographic quotes, what is invisible, and
 * the punctuation of Chinese and Japanese, which have no spaces, and of Spanish. */
static size_t forgiven(const char *p, size_t n)
{
  static const char *const wide[] = {
      "\xc2\xa0",     "\xe2\x80\x98", "\xe2\x80\x99", "\xe2\x80\x9c", "\xe2\x80\x9d", "\xe2\x80\x9e", "\xc2\xab",
      "\xc2\xbb",     "\xe2\x80\xa6", "\xc2\xa1",     "\xc2\xbf",     "\xe3\x80\x80", "\xe3\x80\x81", "\xe3\x80\x82",
      "\xe3\x80\x8c", "\xe3\x80\x8d", "\xef\xbc\x81", "\xef\xbc\x88", "\xef\xbc\x89", "\xef\xbc\x8c", "\xef\xbc\x9b"};

  if (n > 0 && *p != 0 && strchr(" \t\r\n\v\f\"'`<>", *p))
    return 1;
  for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
    if (n >= strlen(wide[i]) && memcmp(p, wide[i], strlen(wide[i])) == 0)
      return strlen(wide[i]);
  return atr_pasted_invisible(p, n);
}

/* Without what is invisible, and with the full-width colon of a Chinese or Japanese keyboard as a colon. -1: it is too long for whatever one pastes. */
static ptrdiff_t plain(text t, char *out, size_t max)
{
  size_t n = 0;

  for (size_t skip; t.n > 0; t.p += skip, t.n -= skip) {
    bool is_colon = t.n >= 3 && memcmp(t.p, "\xef\xbc\x9a", 3) == 0;

    skip = is_colon ? 3 : atr_pasted_invisible(t.p, t.n);
    if (skip > 0 && !is_colon)
      continue;
    if (n == max)
      return -1;
    out[n++] = (char)(is_colon ? ':' : *t.p);
    skip = skip ? skip : 1;
  }
  return (ptrdiff_t)n;
}

/* Whether this ends a sentence or a clause rather than an address. */
static bool is_stop(char c)
{
  return c != 0 && strchr(".,;!?", c);
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
    while (n > 0 && is_stop(slash[n - 1]))
      n--;
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

/* What the programs of tunnels print beside the tunnel's address: their makers' terms, manuals and accounts. With a dot in front: it and all below. Tunnels lead to none of
 * them, and whoever is taken there by mistake is told that Atrium does not answer. */
static bool is_page(const char *host)
{
  static const char *const pages[] = {".cloudflare.com", ".argotunnel.com",     ".ngrok.com",  ".github.com",
                                      "localhost.run",   "admin.localhost.run", "twitter.com", "pinggy.io",
                                      "www.pinggy.io",   "dashboard.pinggy.io", "playit.gg"};
  size_t n = strlen(host);

  for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
    const char *page = pages[i] + (*pages[i] == '.');
    size_t page_n = strlen(page);

    if (n < page_n || strcmp(host + n - page_n, page) != 0)
      continue;
    if (n == page_n || (*pages[i] == '.' && host[n - page_n - 1] == '.'))
      return true;
  }
  return false;
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
  err = parse_name(host, out, why, why_bytes);
  if (err == 0 && is_page(out->host))
    return wrong(why, why_bytes,
                 "This is a page of those who make a tunnel's program: copy the address that the program shows.");
  return err;
}

/* --- the address in a line ------------------------------------------------------------------------------------- */

/* `:9090` and then an emoji: no port goes on like that. */
static bool is_behind_port(text t, size_t n)
{
  size_t digits = n;

  while (digits > 0 && is_digit(t.p[digits - 1]))
    digits--;
  return (unsigned char)t.p[n] >= 0x80 && digits < n && digits > 0 && t.p[digits - 1] == ':';
}

/* What is tried of a word, from its start: up to what stands in no host's name, or to a closing bracket of the sentence; without the sentence's stop. */
static text cut(text t, bool has_scheme)
{
  size_t n = 0, round = 0, square = 0;
  bool in_path = false;

  if (has_scheme)
    while (memcmp(t.p + n, "://", 3) != 0)
      n++;
  for (n += has_scheme ? 3 : 0; n < t.n; n++) {
    char c = t.p[n];

    in_path = in_path || c == '/' || c == '?' || c == '#';
    if (c == '|' || (!in_path && c != 0 && strchr(",;!()*", c)) || (c == ')' && round == 0) ||
        (c == ']' && square == 0) || (!in_path && is_behind_port(t, n)))
      break;
    round = c == '(' ? round + 1 : c == ')' ? round - 1 : round;
    square = c == '[' ? square + 1 : c == ']' ? square - 1 : square;
  }
  while (n > 0 && (is_stop(t.p[n - 1]) ||
                   (!in_path && (t.p[n - 1] == '-' || t.p[n - 1] == '=')))) /* an arrow's begin: `host:1->` */
    n--;
  return (text){t.p, n};
}

/* Without the marks of emphasis that stand on both sides. */
static text unwrap(text t, char mark)
{
  while (t.n > 0 && mark != 0 && strchr("*_~", mark) && (t.p[t.n - 1] == mark || is_stop(t.p[t.n - 1])))
    t.n--;
  return t;
}

/* Of a word, from the first scheme on that this parser knows: what stands before it may be a bracket, or `url=`. */
static bool from_scheme(text word, text *out)
{
  for (size_t k = 1; k + 2 < word.n; k++) {
    if (memcmp(word.p + k, "://", 3) != 0)
      continue;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
      size_t n = strlen(schemes[i].scheme) - 3;
      text from = {word.p + k - n, word.n - k + n};
      char before = k > n ? from.p[-1] : 0;

      if (n > k || !starts_with(from, schemes[i].scheme) || (lower(before) >= 'a' && lower(before) <= 'z'))
        continue;
      *out = cut(unwrap(from, before), true);
      return true;
    }
  }
  return false;
}

/* Emphasis, whose other end may be words away; but an underscore is also a letter of names, and is emphasis only where it stands on both sides. */
static bool is_opening(text word)
{
  size_t n = word.n;

  if (n == 0 || word.p[0] == 0 || !strchr("(*_~|", word.p[0]))
    return false;
  while (n > 0 && is_stop(word.p[n - 1]))
    n--;
  return word.p[0] != '_' || (n > 1 && word.p[n - 1] == '_');
}

/* A number or a name with a dot, and a port. A single name such as `pc:9090` is more likely to be what somebody typed with a blank in it. */
static bool from_port(text word, text *out)
{
  char before = 0;

  while (is_opening(word)) {
    before = word.p[0];
    word.p++;
    word.n--;
  }
  *out = cut(unwrap(word, before), false);
  return memchr(out->p, '.', out->n) || memchr(out->p, ']', out->n);
}

static bool ends_with(text t, const char *end)
{
  size_t n = strlen(end);

  return t.n >= n && memcmp(t.p + t.n - n, end, n) == 0;
}

/* What ngrok writes before its address, whatever else is on its screen. */
static bool is_forwarding(text before)
{
  static const char name[] = "forwarding";
  size_t n = sizeof name - 1;

  while (before.n > 0 && before.p[before.n - 1] != 0 && strchr(" \t:", before.p[before.n - 1]))
    before.n--;
  return before.n >= n && starts_with((text){before.p + before.n - n, n}, name);
}

/* `203.0.113.17:9090 -> 192.168.0.48:12800`: routers and tunnels write so what leads where. */
static bool is_inner(text before, text after)
{
  while (before.n > 0 && before.p[before.n - 1] != 0 && strchr(" \t", before.p[before.n - 1]))
    before.n--;
  while (after.n > 0 && *after.p != 0 && strchr(" \t", *after.p)) {
    after.p++;
    after.n--;
  }
  return ends_with(before, "->") || ends_with(before, "=>") || ends_with(before, "\xe2\x86\x92") ||
         starts_with(after, "<-") || starts_with(after, "<=") || starts_with(after, "\xe2\x86\x90");
}

typedef struct place {
  bool is_told;  /* the program says that this is its address */
  bool is_inner; /* an arrow leads to it */
  bool has_scheme;
} place;

static place place_of(text whole, text word, bool has_scheme)
{
  const char *end = word.p + word.n;
  text before = {whole.p, (size_t)(word.p - whole.p)}, after = {end, (size_t)(whole.p + whole.n - end)};

  return (place){.is_told = is_forwarding(before), .is_inner = is_inner(before, after), .has_scheme = has_scheme};
}

/* How likely it is that this one is meant; 0: it is none. */
static unsigned weigh(text t, const place *at)
{
  atr_address address;
  char why[256];
  unsigned weight = 1;
  bool is_far;

  if (parse(t, 1, &address, why, sizeof why) < 0)
    return 0;
  is_far = !atr_address_is_loopback(&address);
  if (!at->has_scheme && !(address.has_port && is_far))
    return 0;
  weight += at->is_told ? 16u : 0;
  weight += is_far ? 8u : 0;
  weight += at->is_inner ? 0 : 4u;
  weight += at->has_scheme ? 2u : 0;
  weight += address.path[0] == 0 || strcmp(address.path, default_path) == 0;
  return weight;
}

/* Of a text in which none was found: the stop behind it, and brackets around it. A dot is one behind a port, else perhaps the root of all names. */
static text bare(text t)
{
  bool has_port = memchr(t.p, ':', t.n);

  if (t.n > 0 && *t.p == '(') {
    t.p++;
    t.n--;
  }
  while (t.n > 0 && t.p[t.n - 1] != 0 && strchr(has_port ? ".,;!?)" : ",;!?)", t.p[t.n - 1]))
    t.n--;
  return t;
}

static bool is_port_label(text word)
{
  while (word.n > 0 && (word.p[word.n - 1] == ':' || word.p[word.n - 1] == '='))
    word.n--;
  return (word.n == 4 && starts_with(word, "port")) || (word.n == 6 && starts_with(word, "puerto"));
}

/* A number of another machine; as the first of two words also a name with a dot. */
static bool is_host(text t, bool may_be_name, atr_address *out)
{
  char why[256];

  if (t.n == 0 || memchr(t.p, '/', t.n) || parse(t, 1, out, why, sizeof why) < 0 || out->has_port ||
      atr_address_is_loopback(out))
    return false;
  if (out->kind == ATR_ADDRESS_NAME)
    return may_be_name && memchr(t.p, '.', t.n);
  return out->kind == ATR_ADDRESS_IPV4 || t.n >= sizeof "fe80::" - 1;
}

static bool is_address(text t)
{
  atr_address address;
  char why[256];

  return parse(t, 1, &address, why, sizeof why) == 0;
}

static bool is_port(text t)
{
  char why[256];
  uint16_t port;

  return parse_port(t, &port, why, sizeof why) == 0;
}

/* Where no colon joins them: `my ip is 192.168.0.48`, `0.tcp.sa.ngrok.io 12489`, `IP: 203.0.113.17 Port: 9090`. Empty where that leaves a choice. */
static text find_apart(text whole, char out[ATR_ADDRESS_TEXT_BYTES])
{
  text port = {NULL, 0}, one, word;
  unsigned hosts = 0, ports = 0, words = 0;
  bool is_labeled = false, is_pair;
  atr_address address, host = {0};
  size_t at = 0;

  while (next_word(whole, &at).n > 0)
    words++;
  is_pair = words == 2;
  at = 0;
  for (unsigned i = 0; i < words; i++) {
    word = next_word(whole, &at);
    (void)from_port(word, &one);
    if (is_host(one, is_pair && i == 0, &address)) {
      host = address;
      hosts++;
    } else if ((is_labeled || (is_pair && hosts == 1)) && is_port(one)) {
      port = one;
      ports++;
    } else if (is_pair && i == 1) {
      return (text){NULL, 0};
    }
    is_labeled = is_port_label(word);
  }
  if (hosts != 1 || ports > 1 || (host.kind == ATR_ADDRESS_NAME && ports == 0))
    return (text){NULL, 0};
  snprintf(out, ATR_ADDRESS_TEXT_BYTES, host.kind == ATR_ADDRESS_IPV6 ? "[%s]%s%.*s" : "%s%s%.*s", host.host,
           ports ? ":" : "", (int)port.n, ports ? port.p : "");
  return (text){out, strlen(out)};
}

/* The best candidate of a text. Of equal ones the first with a scheme, and the last without one: what stands before those is the time in a log. Where none is an
 * address, the first with a scheme tells best what is wrong. */
static text find(text whole, char apart[ATR_ADDRESS_TEXT_BYTES])
{
  text best = bare(whole), one;
  unsigned best_weight = 0;
  bool has_wrong = false;
  size_t at = 0;

  for (text word = next_word(whole, &at); word.n > 0; word = next_word(whole, &at)) {
    bool has_scheme = from_scheme(word, &one);
    unsigned weight;
    place here;

    if (!has_scheme && !from_port(word, &one))
      continue;
    here = place_of(whole, word, has_scheme);
    weight = weigh(one, &here);
    if (weight > best_weight || (weight == best_weight && (weight > 0 ? !has_scheme : has_scheme && !has_wrong))) {
      best = one;
      best_weight = weight;
      has_wrong = weight == 0;
    }
  }
  if (best_weight > 0 || has_wrong || is_address(trim(best)))
    return best;
  one = find_apart(whole, apart);
  return one.n > 0 ? one : best;
}

int atr_address_parse(const char *string, size_t len, uint16_t port_default, atr_address *out, char *why,
                      size_t why_bytes)
{
  char copy[ATR_PASTED_BYTES_MAX], apart[ATR_ADDRESS_TEXT_BYTES];
  ptrdiff_t n = plain(trim((text){string, len}), copy, sizeof copy);

  if (n < 0)
    return wrong(why, why_bytes, "This is too long for an address.");
  return parse(trim(find((text){copy, (size_t)n}, apart)), port_default, out, why, why_bytes);
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
  return strcmp(address->host, "::1") == 0 || strcmp(address->host, "localhost") == 0 ||
         strcmp(address->host, "ip6-localhost") == 0;
}
