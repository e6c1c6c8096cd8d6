# SPDX-License-Identifier: MIT
"""Whom a machine of the lab speaks to: every destination of what leaves it, over any interface, the loopback too.

    watch = Watch(host)
    ...
    strays(watch, [Allowed("the router", "192.168.0.1", "udp", {5351})])      # what nothing allows

Counted by the kernel, in the hook through which each packet of the machine's own goes, before any rule can turn it away. A TCP connection is its
first packet (what comes after goes to whoever was called, or has called); of everything else each packet counts.
"""

from __future__ import annotations

import ipaddress
import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

from tests.net.lab import COMMAND_S, Host

SEEN_MAX = 16384
PROTOCOLS = {1: "icmp", 2: "igmp", 6: "tcp", 17: "udp", 58: "icmpv6"}

_TABLE = f"""
table inet watch {{
    set ports4 {{ type ipv4_addr . inet_proto . inet_service . inet_service; flags dynamic; size {SEEN_MAX}; }}
    set ports6 {{ type ipv6_addr . inet_proto . inet_service . inet_service; flags dynamic; size {SEEN_MAX}; }}
    set other4 {{ type ipv4_addr . inet_proto; flags dynamic; size {SEEN_MAX}; }}
    set other6 {{ type ipv6_addr . inet_proto; flags dynamic; size {SEEN_MAX}; }}
    chain out {{ type filter hook output priority -400;
        meta l4proto tcp tcp flags & (syn | ack) != syn return
        meta l4proto {{ tcp, udp }} meta nfproto ipv4 add @ports4 {{ ip daddr . meta l4proto . th sport . th dport }} return
        meta l4proto {{ tcp, udp }} meta nfproto ipv6 add @ports6 {{ ip6 daddr . meta l4proto . th sport . th dport }} return
        meta nfproto ipv4 add @other4 {{ ip daddr . meta l4proto }}
        meta nfproto ipv6 add @other6 {{ ip6 daddr . meta l4proto }}
    }}
}}
"""


@dataclass(frozen=True, order=True)
class Destination:
    """Protocols without ports have zeros there."""

    address: str
    protocol: str
    port: int = 0
    from_port: int = 0

    def __str__(self) -> str:
        return f"{self.protocol} {self.address} port {self.port} (from {self.from_port})"


@dataclass(frozen=True)
class Allowed:
    """One reason for which packets may leave. Empty ports: any. `from_ports` is for answers, which go to whatever port was asked from."""

    why: str
    network: str
    protocol: str
    ports: Iterable[int] = ()
    from_ports: Iterable[int] = ()

    def fits(self, to: Destination) -> bool:
        address, network = ipaddress.ip_address(to.address), ipaddress.ip_network(self.network)
        return (
            address.version == network.version
            and address in network
            and to.protocol == self.protocol
            and (not self.ports or to.port in self.ports)
            and (not self.from_ports or to.from_port in self.from_ports)
        )


class Watch:
    """Begins with its making, and lasts as long as the machine."""

    def __init__(self, host: Host) -> None:
        self.host = host
        host.nft(_TABLE)

    def destinations(self) -> set[Destination]:
        found: set[Destination] = set()
        for name in ("ports4", "ports6", "other4", "other6"):
            elements = self._elements(name)
            assert len(elements) < SEEN_MAX, f"{name} is full: it may have missed some"
            for address, protocol, source, port in elements:
                found.add(Destination(address, PROTOCOLS.get(protocol, str(protocol)), port, source))
        return found

    def _elements(self, name: str) -> list[tuple[str, int, int, int]]:
        """Address, protocol, port from, port to."""
        command = ["nft", "-j", "-n", "list", "set", "inet", "watch", name]
        with self.host.inside():
            told = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_S, check=True).stdout
        (found,) = [entry["set"] for entry in json.loads(told)["nftables"] if "set" in entry]
        return [(*element["concat"], 0, 0)[:4] for element in found.get("elem", [])]


def strays(watch: Watch, allowed: Iterable[Allowed]) -> list[Destination]:
    """Destinations that none of these reasons explains."""
    reasons = list(allowed)
    return sorted(to for to in watch.destinations() if not any(reason.fits(to) for reason in reasons))


def unused(watch: Watch, allowed: Iterable[Allowed]) -> list[str]:
    """Reasons for which nothing left."""
    seen = watch.destinations()
    return [reason.why for reason in allowed if not any(reason.fits(to) for to in seen)]
