/* SPDX-License-Identifier: MIT
 *
 * What is known of the port on the router, in words: the part of reach/portmap.h that needs no router. */
#include "reach/portmap.h"

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

atr_portmap_scope atr_portmap_scope_of(const uint8_t ip[4])
{
  if (ip[0] == 0 || ip[0] == 127 || ip[0] >= 224)
    return ATR_PORTMAP_SCOPE_UNKNOWN;
  if (ip[0] == 100 && (ip[1] & 0xc0) == 64)
    return ATR_PORTMAP_SCOPE_SHARED;
  if (ip[0] == 10 || (ip[0] == 172 && (ip[1] & 0xf0) == 16) || (ip[0] == 192 && ip[1] == 168) ||
      (ip[0] == 169 && ip[1] == 254))
    return ATR_PORTMAP_SCOPE_PRIVATE;
  return ATR_PORTMAP_SCOPE_PUBLIC;
}
