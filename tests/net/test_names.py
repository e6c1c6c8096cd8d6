# SPDX-License-Identifier: MIT
"""A name that leads to two addresses, of which one is dead: it is really looked up, and whoever typed it does not wait for the dead one.

The lab's own name server answers (names.py), and the guest's system puts the addresses in an order, as every system does by rules of its own;
so each family is once the first and dead, and once the second and dead.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.net.conftest import PORT, ROOT, Server, World
from tests.net.lab import Host
from tests.net.names import NameServer
from tests.net.watch import Watch

NAME, NAMES = "film.example", "203.0.113.53"
ADDRESSES = {"IPv4": "203.0.113.5", "IPv6": "2001:db8::5"}
QUICK_S = 2.0

# Who has typed that, and compares the code. argv: home, code, what was typed
GUEST = """
import sys, time
from atrium import Client
with Client(sys.argv[1]) as guest:
    guest.trust_host(sys.argv[2])
    start = time.monotonic()
    guest.connect(sys.argv[3], timeout=15)
    print("took", time.monotonic() - start, guest.state)
"""


@pytest.fixture
def names(world: World) -> Iterator[NameServer]:
    with NameServer(world.on_the_internet("names", f"{NAMES}/24"), {NAME: list(ADDRESSES.values())}) as one:
        yield one


def comes_by(at: Host, server: Server, folder: Path, typed: str) -> float:
    """Seconds from Connect to the list of rooms."""
    log = folder / "guest.log"
    words = (sys.executable, "-c", GUEST, str(folder / "guest"), server.check_code, typed)
    guest = at.spawn(*words, log=log, env={**os.environ, "PYTHONPATH": str(ROOT / "python")})
    assert guest.wait(40) == 0, log.read_text()
    _, took_s, state = log.read_text().split()
    assert state == "LOBBY"
    return float(took_s)


def street(world: World, first: str = "IPv6") -> tuple[Host, Host, Server]:
    """Anna's machine with a server, Ben's, and which family his system prefers."""
    anna = world.on_the_internet("anna", f"{ADDRESSES['IPv4']}/24", f"{ADDRESSES['IPv6']}/64")
    ben = world.on_the_internet("ben", "203.0.113.6/24", "2001:db8::6/64")
    ben.names_from(NAMES, world.folder, prefer_ipv4=first == "IPv4")
    return anna, ben, world.serve(anna, "--open")


@pytest.mark.parametrize("typed", [f"{NAME}:{PORT}", f"ws://{NAME}:{PORT}"])
@pytest.mark.parametrize("dead", ADDRESSES)
@pytest.mark.parametrize("first", ADDRESSES)
def test_a_name_with_a_dead_address(world: World, names: NameServer, first: str, dead: str, typed: str) -> None:
    anna, ben, server = street(world, first)
    rule = f"meta nfproto {dead.lower()} tcp dport {PORT} drop"
    anna.nft(f"table inet broken {{ chain in {{ type filter hook input priority 0; {rule}; }}; }}")
    watch = Watch(ben)
    assert comes_by(ben, server, world.folder, typed) < QUICK_S
    assert set(names.asked) == {(NAME, "A"), (NAME, "AAAA")}
    tried = {to.address for to in watch.destinations() if to.protocol == "tcp" and to.port == PORT}
    living = next(one for one in ADDRESSES if one != dead)
    assert {ADDRESSES[first], ADDRESSES[living]} <= tried, "the preferred one was tried"


@pytest.mark.parametrize("dead", ADDRESSES)
def test_a_name_with_an_address_to_which_no_way_leads(world: World, names: NameServer, dead: str) -> None:
    """The commonest case: the host has both, the guest's provider one."""
    anna, ben, server = street(world, dead)
    if dead == "IPv6":
        ben.set("ipv6/conf/eth0/disable_ipv6", 1)
    else:
        ben.ip(f"route add unreachable {ADDRESSES[dead]}/32")
    assert comes_by(ben, server, world.folder, NAME) < QUICK_S


def test_a_name_server_that_answers_for_one_family_only(world: World, names: NameServer) -> None:
    """As many home routers' do, who never learned of IPv6. The system gives no answer for as long as it hopes for both, which is longer than
    Atrium tries to connect; after ATR_LOOKUP_PATIENCE_MS the name is looked up for IPv4 alone."""
    names.mute = {"AAAA"}
    _, ben, server = street(world)
    ben.names_from(NAMES, world.folder, options="timeout:2 attempts:1")  # 6 s in all, by themselves 20
    assert comes_by(ben, server, world.folder, NAME) < QUICK_S


def test_a_name_that_nobody_knows(world: World, names: NameServer) -> None:
    _, ben, server = street(world)
    log = world.folder / "check.log"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python"), "ATRIUM_HOME": str(world.folder / "guest")}
    check = ben.spawn(sys.executable, "-m", "atrium", "check", "flim.example", log=log, env=environment)
    assert check.wait(30) == 1
    assert "(RESOLVE after" in log.read_text(), log.read_text()
    assert {name for name, _ in names.asked} == {"flim.example"}
