# SPDX-License-Identifier: MIT
"""Hosts on the same network are found by themselves: on every network that a machine is in, over either family, and no further."""

from __future__ import annotations

import os
import sys

import pytest

from atrium.engine import Message
from tests.net.conftest import PORT, ROOT, World, settle
from tests.net.test_paths import HOST

SECONDS = 2.5
SECRET = "over the cable"


def test_a_host_in_two_networks_is_found_in_both(world: World) -> None:
    anna, _, lan = world.home_of("anna", HOST)
    cable = world.lab.segment("cable")
    anna.plug(cable, "10.77.0.10/24")
    near, wired, outside = (
        world.lab.host("near"),
        world.lab.host("wired"),
        world.on_the_internet("far", "203.0.113.50/24"),
    )
    near.plug(lan, "192.168.0.48/24", via="192.168.0.1")
    wired.plug(cable, "10.77.0.20/24")
    host = world.owner(world.serve(anna))
    link = host.create_invite()
    for machine, address in ((near, "192.168.0.10"), (wired, "10.77.0.10")):
        guest = world.client(machine)
        guest.connect(link, timeout=10)
        guest.disconnect()
        found = guest.discover(SECONDS)
        assert [(one.address.rpartition(":")[0], one.known) for one in found] == [(address, True)]
        guest.connect(found[0].address, timeout=10)  # what was found is no more than an address; its key is remembered
        assert guest.state == "LOBBY"
    assert world.client(outside).discover(SECONDS) == []


@pytest.mark.parametrize(
    ("dropped", "found"), [("broadcast", True), ("multicast", True), ("{ broadcast, multicast }", False)]
)
def test_a_network_that_drops_one_kind_of_question(world: World, dropped: str, found: bool) -> None:
    """Many a Wi-Fi does, to save its air: who hosts is found by the other kind. Where both are dropped an address leads there all the same."""
    anna, ben, lan = world.lab.host("anna"), world.lab.host("ben"), world.lab.segment("lan")
    anna.plug(lan, "192.168.0.10/24")
    ben.plug(lan, "192.168.0.48/24")
    rule = f"udp dport {PORT} meta pkttype {dropped} drop"
    anna.nft(f"table inet wifi {{ chain in {{ type filter hook input priority 0; {rule}; }}; }}")
    server = world.serve(anna, "--open")
    guest = world.client(ben)
    listed = [one.address for one in guest.discover(SECONDS)]
    assert listed == ([f"192.168.0.10:{PORT}"] if found else [])
    guest.trust_host(server.check_code)
    guest.connect("192.168.0.10", timeout=10)
    assert guest.state == "LOBBY"


# Looks, and connects to what it has found with the password. argv: home, seconds, password
GUEST = """
import sys
from atrium import Client
with Client(sys.argv[1]) as guest:
    (found,) = guest.discover(float(sys.argv[2]))
    print(found.address)
    guest.connect(found.address, sys.argv[3], timeout=10)
    print(guest.state)
"""


def test_a_host_is_found_where_only_ipv6_is(world: World) -> None:
    """Nobody has given out addresses: machines on one cable have link-local ones, which name the interface too."""
    anna, ben = world.on_the_internet("anna"), world.on_the_internet("ben")
    for machine in (anna, ben):
        settle([], lambda m=machine: "tentative" not in m.ip("-6 addr show dev eth0"), what="the address")
    world.owner(world.serve(anna)).set_password(SECRET)
    log = world.folder / "guest.log"
    words = (sys.executable, "-c", GUEST, str(world.folder / "ben"), str(SECONDS), SECRET)
    guest = ben.spawn(*words, log=log, env={**os.environ, "PYTHONPATH": str(ROOT / "python")})
    guest.wait(30)
    address, state = log.read_text().split()[-2:]
    assert address.startswith("[fe80::") and address.endswith(f"%eth0]:{PORT}"), log.read_text()
    assert state == "LOBBY"


def lan_addresses(audiences: list[Message]) -> list[str]:
    (lan,) = (one for one in audiences if one["audience"] == "lan")
    return list(lan["addresses"])


def test_two_machines_on_a_cable_without_dhcp(world: World) -> None:
    """The system gives itself an address of 169.254/16: the panel shows it, and the invite leads there. Without one the invite would lead to the reader's
    own machine, and the host is told."""
    anna, ben = world.on_the_internet("anna"), world.on_the_internet("ben")
    host = world.owner(world.serve(anna))
    host.create_invite()
    assert host._now.invite["only_here"] is True
    for i, machine in enumerate((anna, ben)):
        machine.ip(f"addr add 169.254.7.{i + 1}/16 dev eth0")
    audiences = host.look_around()
    link = host.create_invite()
    assert "only_here" not in host._now.invite
    assert lan_addresses(audiences) == [f"169.254.7.1:{PORT}"]
    guest = world.client(ben)
    guest.connect(link, timeout=10)
    assert guest.state == "LOBBY"


def test_such_an_address_comes_last(world: World) -> None:
    anna = world.on_the_internet("anna", "192.168.7.1/24", "169.254.7.1/16")
    host = world.owner(world.serve(anna))
    assert lan_addresses(host.look_around()) == [f"192.168.7.1:{PORT}", f"169.254.7.1:{PORT}"]
