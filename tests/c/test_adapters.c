/* SPDX-License-Identifier: MIT
 *
 * Interfaces as the systems name them, and what people call their networks. */
#include "test.h"

#include "reach/adapters.h"

static void networks_have_their_names(void **state)
{
  static const struct {
    const char *name, *address, *label;
    bool is_vpn;
  } cases[] = {
      {"ham0", "25.12.3.4", "Hamachi", true},
      {"Hamachi", "25.12.3.4", "Hamachi", true},
      {"Ethernet 3", "25.12.3.4", "Hamachi", true},
      {"Radmin VPN", "26.1.2.3", "Radmin VPN", true},
      {"Ethernet 4", "26.1.2.3", "Radmin VPN", true},
      {"tailscale0", "100.101.102.103", "Tailscale", true},
      {"Tailscale", "100.101.102.103", "Tailscale", true},
      {"utun4", "100.101.102.103", "Tailscale", true},
      {"utun4", "fd7a:115c:a1e0::7", "Tailscale", true},
      {"utun5", "10.0.0.2", "VPN", true},
      {"wwan0", "100.101.102.103", "LAN", false}, /* a mobile network's CGNAT */
      {"utun5", "100.128.0.1", "VPN", true},      /* just behind the range */
      {"ztabc12345", "10.147.17.3", "ZeroTier", true},
      {"ZeroTier One [8056c2e21c000001]", "10.147.17.3", "ZeroTier", true},
      {"feth1234", "10.147.17.3", "ZeroTier", true},
      {"wt0", "100.90.1.2", "NetBird", true},
      {"wg0", "10.66.66.2", "WireGuard", true},
      {"WireGuard Tunnel", "10.66.66.2", "WireGuard", true},
      {"tun0", "10.8.0.6", "OpenVPN", true},
      {"tap0", "10.8.0.6", "OpenVPN", true},
      {"OpenVPN TAP-Windows6", "10.8.0.6", "OpenVPN", true},
      {"n2n0", "25.0.0.1", "n2n", true}, /* the name before the range */
      {"edge0", "10.1.1.1", "n2n", true},
      {"wlan0", "192.168.0.48", "Wi-Fi", false},
      {"wlp3s0", "192.168.0.48", "Wi-Fi", false},
      {"Wi-Fi", "192.168.0.48", "Wi-Fi", false},
      {"eth0", "192.168.0.48", "LAN", false},
      {"enp3s0", "2001:db8::5", "LAN", false},
      {"Ethernet", "fe80::1%Ethernet", "LAN", false},
      {"", "", "LAN", false},
      {"docker0", "172.17.0.1", "Virtual", false},
      {"br-0123456789ab", "172.18.0.1", "Virtual", false},
      {"br-lan", "192.168.1.1", "LAN", false},
      {"br0", "192.168.0.2", "LAN", false},
      {"virbr0", "192.168.122.1", "Virtual", false},
      {"lxcbr0", "10.0.3.1", "Virtual", false},
      {"vmnet8", "192.168.99.1", "Virtual", false},
      {"vEthernet (WSL (Hyper-V firewall))", "172.20.0.1", "Virtual", false},
      {"vEthernet (External)", "192.168.0.48", "LAN", false}, /* Hyper-V's bridge to the real network */
      {"bridge100", "192.168.64.1", "Virtual", false},
  };

  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    atr_adapter found = atr_adapter_of(cases[i].name, cases[i].address);

    if (strcmp(found.label, cases[i].label) != 0 || found.is_vpn != cases[i].is_vpn ||
        found.is_virtual != (strcmp(cases[i].label, "Virtual") == 0))
      fail_msg("%s with %s is %s", cases[i].name, cases[i].address, found.label);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(networks_have_their_names)};

  return cmocka_run_group_tests_name("adapters", tests, NULL, NULL);
}
