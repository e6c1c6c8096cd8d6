/* SPDX-License-Identifier: MIT
 *
 * Rules are tried in order, so a name counts before a range, and a special name before a general one. Windows names adapters as people read
 * them ("Radmin VPN"), the others by short prefixes; case does not count.
 *
 * 100.64/10 alone means nothing: mobile networks give it out too (CGNAT). Behind a tunnel's name it is Tailscale, which on macOS has no name of
 * its own. Hamachi and Radmin live in ranges that belong to two ministries of defence, and an interface with such an address
 * is practically never theirs. */
#include "reach/adapters.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <uv.h>

typedef struct rule {
  const char *prefix; /* of the name; "": any */
  const char *range;  /* NULL: any */
  int bits;
  const char *label;
  bool is_vpn;
} rule;

static const rule rules[] = {
    {"ham", NULL, 0, "Hamachi", true},
    {"logmein hamachi", NULL, 0, "Hamachi", true},
    {"radmin", NULL, 0, "Radmin VPN", true},
    {"famatech radmin", NULL, 0, "Radmin VPN", true},
    {"tailscale", NULL, 0, "Tailscale", true},
    {"zerotier", NULL, 0, "ZeroTier", true},
    {"zt", NULL, 0, "ZeroTier", true},
    {"feth", NULL, 0, "ZeroTier", true},
    {"netbird", NULL, 0, "NetBird", true},
    {"wt", NULL, 0, "NetBird", true},
    {"n2n", NULL, 0, "n2n", true},
    {"edge", NULL, 0, "n2n", true},
    {"wireguard", NULL, 0, "WireGuard", true},
    {"wg", NULL, 0, "WireGuard", true},
    {"openvpn", NULL, 0, "OpenVPN", true},
    {"", "fd7a:115c:a1e0::", 48, "Tailscale", true},
    {"utun", "100.64.0.0", 10, "Tailscale", true},
    {"", "25.0.0.0", 8, "Hamachi", true},
    {"", "26.0.0.0", 8, "Radmin VPN", true},
    {"tun", NULL, 0, "OpenVPN", true},
    {"tap", NULL, 0, "OpenVPN", true},
    {"utun", NULL, 0, "VPN", true},
    {"wl", NULL, 0, "Wi-Fi", false}, /* wlan0, wlp3s0, WLAN */
    {"wi-fi", NULL, 0, "Wi-Fi", false},
    {"", NULL, 0, "LAN", false},
};

static char lower(char c)
{
  return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool begins(const char *text, const char *prefix)
{
  while (*prefix && lower(*text) == *prefix) {
    text++;
    prefix++;
  }
  return !*prefix;
}

static bool is_in(const char *address, const char *range, int bits)
{
  int family = strchr(range, ':') ? AF_INET6 : AF_INET;
  uint8_t a[16] = {0}, r[16] = {0};

  if (uv_inet_pton(family, address, a) != 0 || uv_inet_pton(family, range, r) != 0)
    return false;
  for (int i = 0; i < bits; i++)
    if ((a[i / 8] ^ r[i / 8]) & 0x80 >> i % 8)
      return false;
  return true;
}

atr_adapter atr_adapter_of(const char *name, const char *address)
{
  size_t i = 0;

  while (!begins(name, rules[i].prefix) || (rules[i].range && !is_in(address, rules[i].range, rules[i].bits)))
    i++; /* the last rule always holds */
  return (atr_adapter){rules[i].label, rules[i].is_vpn};
}
