/* SPDX-License-Identifier: MIT
 *
 * See scope.h. Ranges are a table of prefixes, the first that fits counts; two private numbers are of one range where the same line has them. */
#include "transport/scope.h"

#include <string.h>

typedef struct range {
  uint8_t prefix[2]; /* no range needs more */
  uint8_t bits;
  atr_scope scope;
} range;

/* 198.18/15 counts as public: proxies that answer for every name give numbers of it to what is anywhere. */
static const range ranges4[] = {
    {{0}, 8, ATR_SCOPE_MACHINE},        {{127}, 8, ATR_SCOPE_MACHINE},      {{169, 254}, 16, ATR_SCOPE_LINK},
    {{10}, 8, ATR_SCOPE_PRIVATE},       {{172, 16}, 12, ATR_SCOPE_PRIVATE}, {{192, 168}, 16, ATR_SCOPE_PRIVATE},
    {{100, 64}, 10, ATR_SCOPE_PRIVATE}, {{224}, 3, ATR_SCOPE_NOBODY}, /* groups, broadcast, what was kept for later */
    {{0}, 0, ATR_SCOPE_PUBLIC},
};

static const range ranges6[] = {
    {{0xfe, 0x80}, 10, ATR_SCOPE_LINK}, {{0xfe, 0xc0}, 10, ATR_SCOPE_PRIVATE}, {{0xfc}, 7, ATR_SCOPE_PRIVATE},
    {{0xff}, 8, ATR_SCOPE_NOBODY},      {{0}, 16, ATR_SCOPE_NOBODY}, /* ::1 is looked for before */
    {{0}, 0, ATR_SCOPE_PUBLIC},
};

typedef struct number {
  uint8_t bytes[16]; /* the first 4 of an IPv4 one */
  bool is_v4;
} number;

static bool begins_with(const uint8_t *bytes, const uint8_t *prefix, unsigned bits)
{
  for (unsigned i = 0; i < bits; i++)
    if ((bytes[i / 8] ^ prefix[i / 8]) & 0x80 >> i % 8)
      return false;
  return true;
}

static number v4_of(const uint8_t *bytes)
{
  number out = {.is_v4 = true};

  memcpy(out.bytes, bytes, 4);
  return out;
}

/* The IPv4 number in it, where it is only another way of writing one. */
static number unwrapped(number n)
{
  static const struct {
    uint8_t prefix[12];
    uint8_t bits, at;
  } wraps[] = {
      {{[10] = 0xff, [11] = 0xff}, 96, 12}, /* mapped: ::ffff:0:0/96 */
      {{0, 0x64, 0xff, 0x9b}, 96, 12},      /* NAT64 */
      {{0, 0x64, 0xff, 0x9b, 0, 1},
       48,
       12},                  /* the same in networks of their own, RFC 8215, mostly with the number at the end */
      {{0x20, 0x02}, 16, 2}, /* 6to4 */
  };

  if (n.is_v4)
    return n;
  for (size_t i = 0; i < sizeof wraps / sizeof *wraps; i++)
    if (begins_with(n.bytes, wraps[i].prefix, wraps[i].bits))
      return v4_of(n.bytes + wraps[i].at);
  return n;
}

static number number_of(const struct sockaddr *address)
{
  number out = {0};

  if (address->sa_family == AF_INET)
    return v4_of((const uint8_t *)&((const struct sockaddr_in *)(const void *)address)->sin_addr);
  memcpy(out.bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, sizeof out.bytes);
  return unwrapped(out);
}

static const range *range_of(const number *n)
{
  static const range loopback = {{0}, 128, ATR_SCOPE_MACHINE};
  static const uint8_t zeros[15];
  const range *r = n->is_v4 ? ranges4 : ranges6;

  if (!n->is_v4 && memcmp(n->bytes, zeros, sizeof zeros) == 0 && n->bytes[15] <= 1)
    return &loopback;
  while (!begins_with(n->bytes, r->prefix, r->bits))
    r++;
  return r;
}

atr_scope atr_scope_of(const struct sockaddr *address)
{
  number n = number_of(address);

  return range_of(&n)->scope;
}

/* Its own text has no port, and a scope only where it is link-local, which is of no interest here. */
static bool own_number(const atr_interface *own, number *out)
{
  memset(out, 0, sizeof *out);
  out->is_v4 = !strchr(own->address, ':');
  return !own->is_link_local && uv_inet_pton(out->is_v4 ? AF_INET : AF_INET6, own->address, out->bytes) == 0;
}

bool atr_scope_is_here(const struct sockaddr *address, const atr_interface *own, size_t n)
{
  number to = number_of(address), one;

  if (range_of(&to)->scope == ATR_SCOPE_MACHINE)
    return true;
  for (size_t i = 0; i < n; i++)
    if (own_number(&own[i], &one) && one.is_v4 == to.is_v4 && memcmp(one.bytes, to.bytes, sizeof one.bytes) == 0)
      return true;
  return false;
}

static bool is_near(const range *r, const atr_interface *own, size_t n)
{
  number one;

  for (size_t i = 0; i < n; i++)
    if (own_number(&own[i], &one) && range_of(&one) == r)
      return true;
  return false;
}

bool atr_scope_is_open(const struct sockaddr *address, bool is_order, const atr_interface *own, size_t n)
{
  number to = number_of(address);
  const range *r = range_of(&to);

  if (atr_scope_is_here(address, own, n))
    return false;
  return r->scope == ATR_SCOPE_PUBLIC || (r->scope == ATR_SCOPE_PRIVATE && !is_order && is_near(r, own, n));
}
