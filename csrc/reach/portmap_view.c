/* SPDX-License-Identifier: MIT
 *
 * What is known of the port on the router, in words: the part of reach/portmap.h that needs no router. */
#include "reach/portmap.h"

#include "reach/origin.h"

const atr_portmap_view atr_portmap_view_off = {.state = ATR_PORTMAP_OFF};

const char *atr_portmap_state_name(atr_portmap_state state)
{
  static const char *const names[] = {"off", "asking", "mapped", "none", "refused"};

  return names[state];
}

const char *atr_portmap_way_name(atr_portmap_way way)
{
  static const char *const names[] = {"", "pcp", "natpmp", "upnp"};

  return names[way];
}

const char *atr_portmap_reason_name(atr_portmap_reason reason)
{
  static const char *const names[] = {
#define X(name, text) text,
      ATR_PORTMAP_REASONS(X)
#undef X
  };

  return names[reason];
}

const char *atr_portmap_scope_name(atr_portmap_scope scope)
{
  static const char *const names[] = {"unknown", "public", "private", "shared"};

  return names[scope];
}

/* 2000::/3 is all that is given out. */
bool atr_portmap_is_public_ipv6(const uint8_t ip[16])
{
  return (ip[0] & 0xe0) == 0x20;
}

atr_portmap_scope atr_portmap_scope_of(const uint8_t ip[4])
{
  const atr_ip read = {.bytes = {ip[0], ip[1], ip[2], ip[3]}, .bits = 32};

  if (ip[0] == 0 || ip[0] == 127 || ip[0] >= 224)
    return ATR_PORTMAP_SCOPE_UNKNOWN;
  if (atr_ip_is_shared(&read))
    return ATR_PORTMAP_SCOPE_SHARED;
  return atr_ip_is_public(&read) ? ATR_PORTMAP_SCOPE_PUBLIC : ATR_PORTMAP_SCOPE_PRIVATE;
}
