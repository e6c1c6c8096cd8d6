/* SPDX-License-Identifier: MIT
 *
 * The sentences of atrium/reach.py and atrium/machine.py, for the report of a server where no Python is. Those tables are the source;
 * tests/python/test_reach.py compares. */
#ifndef ATR_SERVER_SENTENCES_H
#define ATR_SERVER_SENTENCES_H

typedef struct said {
  const char *code, *sentence, *step;
} said;

static const said said_audiences[] = {
    {"machine", "This machine", ""},  {"lan", "Your network ({label})", ""}, {"vpn", "VPN: {label}", ""},
    {"internet", "The internet", ""}, {"tunnel", "Tunnel: {label}", ""},
};

static const said said_states[] = {
    {"works", "works", ""},       {"should", "should work", ""}, {"no", "not reachable", ""},
    {"checking", "checking", ""}, {"unknown", "not known", ""},
};

static const said said_reasons[] = {
    {"proved", "Somebody has come in this way.", ""},
    {"listening", "Atrium listens here; nobody has come in this way yet.", ""},
    {"firewall", "The firewall {tool} is active on this machine and may keep guests out.",
     "If they cannot connect, allow the port: {tcp}"},
    {"firewall_windows",
     "Windows asks whether Blender, or the Python in it, may be reached when you host for the first time.",
     "Tick private networks, and public ones too if your network counts as one, then allow access."},
    {"firewall_macos",
     "macOS asks whether Blender, or the Python in it, may accept incoming connections when you host for the first "
     "time.",
     "Choose Allow. Later it is found in System Settings, Network, Firewall."},
    {"loopback_only", "This server takes connections from this machine only.",
     "If Blender has started it, allow online access in Blender's preferences (System, Network), then press Restart "
     "Server in Atrium's panel, or Host; else start it without --bind."},
    {"no_network", "This machine is not in a network.",
     "Connect it by cable or Wi-Fi; its addresses are found by themselves."},
    {"other_address", "This server listens at {bound} only.", "Start it without --bind to listen on every network."},
    {"asking_router", "Your router is being asked to pass the port on.", ""},
    {"mapped", "Your router passes the port on ({protocol}); nobody has come in this way yet.", ""},
    {"typed", "This is the address that you have typed; nobody has come in this way yet.",
     "If it is your router's, a rule there has to pass the port on; if it is a tunnel's, the tunnel has to run."},
    {"public_address", "This machine has a public address of its own; nobody has come in this way yet.", ""},
    {"ipv6", "Guests with IPv6 may reach this machine directly, if your router lets them in.",
     "For everybody else enter the rule below in your router, or use a VPN or a tunnel."},
    {"ipv6_opened", "Your router lets guests with IPv6 in ({protocol}); nobody has come in this way yet.",
     "For everybody else enter the rule below in your router, or use a VPN or a tunnel."},
    {"double_nat",
     "There is another router in front of yours: the address on its outside, {outside}, is a private one.",
     "Use a VPN or a tunnel, or pass the port on in both routers."},
    {"cgnat", "Your provider shares your public address with others (CGNAT).",
     "Use a VPN that all of you are in, or a tunnel."},
    {"no_router", "There is no router through which the internet could reach this machine.",
     "Use a VPN that all of you are in, or a tunnel."},
    {"no_outside",
     "Your router has no public address: your provider shares one, or there is another router in front of it.",
     "Use a VPN that all of you are in, or a tunnel."},
    {"no_mapping", "Your router does not open ports by itself.",
     "Enter the rule below in your router and its public address in Atrium's panel, or use a VPN or a tunnel."},
    {"mapping_refused", "Your router refuses to open the port.",
     "Allow UPnP in your router, or enter the rule below there; or use a VPN or a tunnel."},
    {"mapping_off", "Your router is not asked to open the port.",
     "Switch on Map Port on the Router in Atrium's preferences, then press Restart Server in Atrium's panel, or Host; "
     "a "
     "server that Blender has not started needs --map-port. Or enter the rule below in your router and its public "
     "address in Atrium's panel."},
    {"mapped_nowhere", "Your router passes the port on, but does not know its own public address.",
     "Enter it in Atrium's panel: your router's status page shows it."},
    {"tunnel", "{label} forwards to this machine; nobody has come in this way yet.", ""},
    {"", "There is a reason that this version of Atrium does not know ({reason}).", "Update Atrium."},
};

static const said said_rule[] = {
    {"Protocol", "TCP", ""},
    {"Public port", "{public_port}", ""},
    {"This machine's address", "{address}", ""},
    {"This machine's port", "{port}", ""},
};

static const said said_others[] = {
    {"", "Nobody has come in by these addresses yet:", ""},
};

/* Of this machine, where `bound` is "*". */
static const said said_all_networks[] = {
    {"", "This server listens on all networks of this machine.", ""},
};

static const said said_texts[] = {
    {"running", "You host here, on port {port}. Check code: {code}.", ""},
    {"tried", "You do not host here now. This was tried on port {port} with a server that has ended again.", ""},
    {"other", "Another user of this machine hosts on port {port}: that user's panel shows who can connect.", ""},
    {"taken", "Another program uses port {port} of this machine: choose another port in Atrium's preferences.", ""},
    {"failed", "This could not be found out: {said}", ""},
    {"over", "Not everything was known in time.", ""},
};

#endif
