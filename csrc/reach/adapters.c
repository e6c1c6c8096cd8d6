/* SPDX-License-Identifier: MIT
 *
 * Rules are tried in order, so a name counts before a range, and a special name before a general one. Windows names adapters as people read
 * them ("Radmin VPN"), the others by short prefixes; case does not count.
 *
 * 100.64/10 alone means nothing: mobile networks give it out too (CGNAT). Behind a tunnel's name it is Tailscale, which on macOS has no name of
 * its own. Hamachi and Radmin live in ranges that belong to two ministries of defence, and an interface with such an address
 * is practically never theirs.
 *
 * Bridges of containers and virtual machines have addresses that exist on every such machine: who types 172.17.0.1 elsewhere meets
 * himself. A Linux bridge called br0 is the LAN; br- and twelve hexadecimal digits is what Docker makes for a network. */
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
  enum { PLAIN, VPN, VIRTUAL } kind;
} rule;

static const rule rules[] = {
    {"docker", NULL, 0, "Virtual", VIRTUAL},
    {"podman", NULL, 0, "Virtual", VIRTUAL},
    {"cni", NULL, 0, "Virtual", VIRTUAL},
    {"virbr", NULL, 0, "Virtual", VIRTUAL},
    {"lxcbr", NULL, 0, "Virtual", VIRTUAL},
    {"lxdbr", NULL, 0, "Virtual", VIRTUAL},
    {"incusbr", NULL, 0, "Virtual", VIRTUAL},
    {"vboxnet", NULL, 0, "Virtual", VIRTUAL},
    {"virtualbox host-only", NULL, 0, "Virtual", VIRTUAL},
    {"vmnet", NULL, 0, "Virtual", VIRTUAL},
    {"vmware network adapter", NULL, 0, "Virtual", VIRTUAL},
    {"vethernet (wsl", NULL, 0, "Virtual", VIRTUAL},
    {"vethernet (default switch", NULL, 0, "Virtual", VIRTUAL},
    {"bridge10", NULL, 0, "Virtual", VIRTUAL}, /* macOS: bridge100 and up, of virtual machines */
    {"ham", NULL, 0, "Hamachi", VPN},
    {"logmein hamachi", NULL, 0, "Hamachi", VPN},
    {"radmin", NULL, 0, "Radmin VPN", VPN},
    {"famatech radmin", NULL, 0, "Radmin VPN", VPN},
    {"tailscale", NULL, 0, "Tailscale", VPN},
    {"zerotier", NULL, 0, "ZeroTier", VPN},
    {"zt", NULL, 0, "ZeroTier", VPN},
    {"feth", NULL, 0, "ZeroTier", VPN},
    {"netbird", NULL, 0, "NetBird", VPN},
    {"wt", NULL, 0, "NetBird", VPN},
    {"n2n", NULL, 0, "n2n", VPN},
    {"edge", NULL, 0, "n2n", VPN},
    {"wireguard", NULL, 0, "WireGuard", VPN},
    {"wg", NULL, 0, "WireGuard", VPN},
    {"openvpn", NULL, 0, "OpenVPN", VPN},
    {"", "fd7a:115c:a1e0::", 48, "Tailscale", VPN},
    {"utun", "100.64.0.0", 10, "Tailscale", VPN},
    {"", "25.0.0.0", 8, "Hamachi", VPN},
    {"", "26.0.0.0", 8, "Radmin VPN", VPN},
    {"tun", NULL, 0, "OpenVPN", VPN},
    {"tap", NULL, 0, "OpenVPN", VPN},
    {"utun", NULL, 0, "VPN", VPN},
    {"wl", NULL, 0, "Wi-Fi", PLAIN}, /* wlan0, wlp3s0, WLAN */
    {"wi-fi", NULL, 0, "Wi-Fi", PLAIN},
    {"", NULL, 0, "LAN", PLAIN},
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

static bool is_docker_network(const char *name)
{
  return begins(name, "br-") && strlen(name) == 15 && strspn(name + 3, "0123456789abcdef") == 12;
}

atr_adapter atr_adapter_of(const char *name, const char *address)
{
  size_t i = 0;

  if (is_docker_network(name))
    return (atr_adapter){rules[0].label, false, true};
  while (!begins(name, rules[i].prefix) || (rules[i].range && !is_in(address, rules[i].range, rules[i].bits)))
    i++; /* the last rule always holds */
  return (atr_adapter){rules[i].label, rules[i].kind == VPN, rules[i].kind == VIRTUAL};
}
