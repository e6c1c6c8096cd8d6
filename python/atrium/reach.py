# SPDX-License-Identifier: MIT
"""Who can reach a host, in words.

The server says it in codes (docs/protocol.md, 8): for each audience a state, a reason and what the reason's sentence names. Here is the
one table that makes English sentences of them, for the add-on's panel (which translates them), for the reports of the network check, and
for whoever writes another front end. Each reason is a sentence that says how it is, and one that says what to do next; the second is
empty where there is nothing to do. A step reads the same in a panel and in a terminal: it says where a thing is entered. Braces name a
parameter of the audience's `with`; a sentence whose parameter is missing still reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# What people call the audiences. `{label}` is the network's or the program's name.
TITLES = {
    "machine": "This machine",
    "lan": "Your network ({label})",
    "vpn": "VPN: {label}",
    "internet": "The internet",
    "tunnel": "Tunnel: {label}",
}

STATES = {
    "works": "works",
    "should": "should work",
    "no": "not reachable",
    "checking": "checking",
    "unknown": "not known",
}


@dataclass(frozen=True)
class Reason:
    """`sentence` says how it is, `step` what to do next."""

    sentence: str
    step: str = ""


_WAY_ROUND = "Use a VPN that all of you are in, or a tunnel."

REASONS = {
    "proved": Reason("Somebody has come in this way."),
    "listening": Reason("Atrium listens here; nobody has come in this way yet."),
    "firewall": Reason(
        "The firewall {tool} is active on this machine and may keep guests out.",
        "If they cannot connect, allow the port: {tcp}",
    ),
    "firewall_windows": Reason(
        "Windows asks whether Blender, or the Python in it, may be reached when you host for the first time.",
        "Tick private networks, and public ones too if your network counts as one, then allow access.",
    ),
    "firewall_macos": Reason(
        "macOS asks whether Blender, or the Python in it, may accept incoming connections when you host for the first time.",
        "Choose Allow. Later it is found in System Settings, Network, Firewall.",
    ),
    "loopback_only": Reason(
        "This server takes connections from this machine only.",
        "If Blender has started it, allow online access in Blender's preferences (System, Network), then press Restart "
        "Server in Atrium's panel, or Host; else start it without --bind.",
    ),
    "no_network": Reason(
        "This machine is not in a network.",
        "Connect it by cable or Wi-Fi; its addresses are found by themselves.",
    ),
    "other_address": Reason(
        "This server listens at {bound} only.",
        "Start it without --bind to listen on every network.",
    ),
    "asking_router": Reason("Your router is being asked to pass the port on."),
    "mapped": Reason("Your router passes the port on ({protocol}); nobody has come in this way yet."),
    "typed": Reason(
        "This is the address that you have typed; nobody has come in this way yet.",
        "If it is your router's, a rule there has to pass the port on; if it is a tunnel's, the tunnel has to run.",
    ),
    "public_address": Reason("This machine has a public address of its own; nobody has come in this way yet."),
    "ipv6": Reason(
        "Guests with IPv6 may reach this machine directly, if your router lets them in.",
        "For everybody else enter the rule below in your router, or use a VPN or a tunnel.",
    ),
    "ipv6_opened": Reason(
        "Your router lets guests with IPv6 in ({protocol}); nobody has come in this way yet.",
        "For everybody else enter the rule below in your router, or use a VPN or a tunnel.",
    ),
    "double_nat": Reason(
        "There is another router in front of yours: the address on its outside, {outside}, is a private one.",
        "Use a VPN or a tunnel, or pass the port on in both routers.",
    ),
    "cgnat": Reason("Your provider shares your public address with others (CGNAT).", _WAY_ROUND),
    "no_router": Reason(
        "There is no router through which the internet could reach this machine.",
        _WAY_ROUND,
    ),
    "no_outside": Reason(
        "Your router has no public address: your provider shares one, or there is another router in front of it.",
        _WAY_ROUND,
    ),
    "no_mapping": Reason(
        "Your router does not open ports by itself.",
        "Enter the rule below in your router and its public address in Atrium's panel, or use a VPN or a tunnel.",
    ),
    "mapping_refused": Reason(
        "Your router refuses to open the port.",
        "Allow UPnP in your router, or enter the rule below there; or use a VPN or a tunnel.",
    ),
    "mapping_off": Reason(
        "Your router is not asked to open the port.",
        "Switch on Map Port on the Router in Atrium's preferences, then press Restart Server in Atrium's panel, or Host; a "
        "server that Blender has not started needs --map-port. Or enter the rule below in your router and its public "
        "address in Atrium's panel.",
    ),
    "mapped_nowhere": Reason(
        "Your router passes the port on, but does not know its own public address.",
        "Enter it in Atrium's panel: your router's status page shows it.",
    ),
    "tunnel": Reason("{label} forwards to this machine; nobody has come in this way yet."),
}

# Of a way that works: what stands before the entry's `others`.
OTHERS = "Nobody has come in by these addresses yet:"

# Beside the reason of this machine, where `bound` is "*".
ALL_NETWORKS = Reason("This server listens on all networks of this machine.")

# For a reason that a newer server may send.
UNKNOWN = Reason("There is a reason that this version of Atrium does not know ({reason}).", "Update Atrium.")

# What a person enters in the router, one line each.
RULE = (
    ("Protocol", "TCP"),
    ("Public port", "{public_port}"),
    ("This machine's address", "{address}"),
    ("This machine's port", "{port}"),
)


class _Parameters(dict[str, object]):
    def __missing__(self, name: str) -> str:
        return "?"


def fill(template: str, entry: Mapping[str, Any]) -> str:
    """Puts an entry's parameters into a sentence, translated or not."""
    named = _Parameters(entry.get("with") or {})
    named["label"] = entry.get("label", "")
    named["reason"] = entry.get("reason", "")
    return template.format_map(named)


def reason_of(entry: Mapping[str, Any]) -> Reason:
    """The templates for one entry of `audiences`."""
    return REASONS.get(str(entry.get("reason")), UNKNOWN)


def reasons_of(entry: Mapping[str, Any]) -> list[tuple[Reason, Mapping[str, Any]]]:
    """The templates for an entry, each with what fills it: its reason, and beside that where the server listens, or what may keep guests out."""
    found = [(reason_of(entry), entry)]
    if (entry.get("with") or {}).get("bound") == "*":
        found.append((ALL_NETWORKS, entry))
    if entry.get("beside"):
        beside = {**entry, "reason": entry["beside"]}
        found.append((reason_of(beside), beside))
    return found


def title(entry: Mapping[str, Any]) -> str:
    """What the audience is called: "Your network (Wi-Fi)"."""
    return fill(TITLES.get(str(entry.get("audience")), "{label}"), entry)


def sentence(entry: Mapping[str, Any]) -> str:
    """How it is."""
    return fill(reason_of(entry).sentence, entry)


def step(entry: Mapping[str, Any]) -> str:
    """What to do next; empty where there is nothing to do."""
    return fill(reason_of(entry).step, entry)


def rule(entry: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The rule to enter in the router by hand, where the entry has one: lines of a name and a value."""
    parameters = entry.get("with") or {}
    if entry.get("audience") != "internet" or not {"address", "port", "public_port"} <= set(parameters):
        return []
    return [(name, fill(value, entry)) for name, value in RULE]


def before_hosting(platform: str) -> Reason | None:
    """What the system will ask when a host is reached for the first time, to be said before it asks. `platform` as in `sys.platform`."""
    return {"win32": REASONS["firewall_windows"], "darwin": REASONS["firewall_macos"]}.get(platform)


def lines(entry: Mapping[str, Any]) -> list[str]:
    """One entry as lines of plain text, for reports."""
    state = STATES.get(str(entry.get("state")), str(entry.get("state")))
    addresses = ", ".join(str(address) for address in entry.get("addresses") or ())
    text = [f"{title(entry)}: {state}" + (f": {addresses}" if addresses else "")]
    for reason, filled in reasons_of(entry):
        text += [f"    {fill(line, filled)}" for line in (reason.sentence, reason.step) if line]
    if entry.get("others"):
        text.append(f"    {OTHERS} {', '.join(str(address) for address in entry['others'])}")
    if entry.get("state") in ("no", "unknown"):
        text += [f"        {name}: {value}" for name, value in rule(entry)]
    return text
