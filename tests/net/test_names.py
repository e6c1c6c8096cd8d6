# SPDX-License-Identifier: MIT
"""A name that leads to two addresses, of which one is dead: it is really looked up, and whoever typed it does not wait for the dead one.

The lab's own name server answers (names.py), and the guest's system puts the addresses in an order, as every system does by rules of its own;
so each family is once the first and dead, and once the second and dead.
"""

from __future__ import annotations

import base64
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.net.conftest import PORT, ROOT, Server, World
from tests.net.lab import Host
from tests.net.names import NameServer
from tests.net.test_paths import HOST
from tests.net.watch import Watch

NAME, NAMES = "film.example", "203.0.113.53"
ADDRESSES = {"IPv4": "203.0.113.5", "IPv6": "2001:db8::5"}
QUICK_S = 2.0
GIVES_UP_S = 1.0

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


# Waits for names that nobody answers for, gives up, and goes on with what needs no name. argv: home, code, an address; prints what each took
GOES_ON = (
    f"GIVES_UP_S = {GIVES_UP_S}"
    + """
import sys, time
from atrium import AtriumError, Client
with Client(sys.argv[1]) as guest:
    for typed in ("one.example", "two.example", *sys.argv[3:]):
        if typed != "localhost":
            guest.trust_host(sys.argv[2])
        start = time.monotonic()
        try:
            guest.connect(typed, timeout=GIVES_UP_S if "example" in typed else 15)
        except AtriumError as error:
            print(typed, error.code, flush=True)
        else:
            print(typed, time.monotonic() - start, flush=True)
            guest.disconnect()
"""
)

# How it failed. argv: home, code, what was typed or pasted
FAILS = """
import sys
from atrium import AtriumError, Client
with Client(sys.argv[1]) as guest:
    guest.trust_host(sys.argv[2])
    try:
        guest.connect(sys.argv[3], timeout=15)
    except AtriumError as error:
        print(error.code, error)
"""


@pytest.fixture
def names(world: World) -> Iterator[NameServer]:
    with NameServer(world.on_the_internet("names", f"{NAMES}/24"), {NAME: list(ADDRESSES.values())}) as one:
        yield one


def script(at: Host, text: str, folder: Path, *words: str) -> str:
    """Runs it there, with a home of its own; what it printed."""
    log = folder / "guest.log"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    guest = at.spawn(sys.executable, "-c", text, str(folder / "guest"), *words, log=log, env=environment)
    assert guest.wait(60) == 0, log.read_text()
    return log.read_text()


def comes_by(at: Host, server: Server, folder: Path, typed: str) -> float:
    """Seconds from Connect to the list of rooms."""
    _, took_s, state = script(at, GUEST, folder, server.check_code, typed).split()
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
    assert comes_by(ben, server, world.folder, NAME) < QUICK_S


def test_a_host_s_public_name_goes_into_the_invite(world: World, names: NameServer) -> None:
    """Typed in by who hosts, with the port that his router passes on; looked up by who comes."""
    names.names = {NAME: [HOST]}
    anna, router, _ = world.home_of("anna", HOST)
    ben, _, _ = world.home_of("ben", "203.0.113.40", machine="192.168.0.48")
    router.forward(9090, "192.168.0.10", PORT)
    anna.names_from(NAMES, world.folder)
    ben.names_from(NAMES, world.folder)
    server = world.serve(anna)
    host = world.owner(server)
    host.look_around(public=f"{NAME}:9090")
    assert names.asked == [], "who hosts need not know where his name leads"
    assert comes_by(ben, server, world.folder, host.create_invite()) < QUICK_S
    assert set(names.asked) == {(NAME, "A"), (NAME, "AAAA")}
    internet = next(one for one in host.look_around() if one["audience"] == "internet")
    assert internet["state"] == "works", internet


@pytest.mark.parametrize(
    "dead", [["203.0.113.100", "2001:db8::100"], [f"203.0.113.{100 + i}" for i in range(16)]], ids=["both", "sixteen"]
)
def test_a_dead_name_keeps_no_living_one_out(world: World, names: NameServer, dead: list[str]) -> None:
    """Both are in the invite of a machine with many networks for containers: however many numbers the first name has, each of them silent, and
    however much else is in the link, the second one is tried."""
    names.names = {"dead.example": dead, "good.example": [HOST, "2001:db8::17"]}
    anna, router, _ = world.home_of("anna", HOST)
    ben, _, _ = world.home_of("ben", "203.0.113.40", machine="192.168.0.48")
    router.forward(9090, "192.168.0.10", PORT)
    for number in range(13):
        bridge = f"br-{number:012x}"
        for words in (f"link add {bridge} type bridge", f"addr add 172.{17 + number}.0.1/16 dev {bridge}"):
            anna.ip(words)
        anna.ip(f"link set {bridge} up")
    ben.names_from(NAMES, world.folder)
    server = world.serve(anna)
    link = world.owner(server).create_invite(addresses=["dead.example:9090", "good.example:9090"])
    assert comes_by(ben, server, world.folder, link) < QUICK_S
    held = base64.urlsafe_b64decode(link.partition("#")[2] + "==")
    assert socket.inet_aton("192.168.0.10") in held
    assert not [bridge for bridge in range(13) if socket.inet_aton(f"172.{17 + bridge}.0.1") in held]


def test_an_invite_with_names_for_which_nobody_answers(world: World, names: NameServer) -> None:
    """A studio without the internet: the host's tunnels, which are in his invite, are names; his address on the spot is not."""
    names.mute = {"A", "AAAA"}
    _, ben, server = street(world)
    tunnels = ["tcp://0.tunnel.example:12489", "wss://some-words.tunnel.example"]
    link = world.owner(server).create_invite(addresses=tunnels)
    assert comes_by(ben, server, world.folder, link) < QUICK_S


def test_numbers_do_not_wait_for_names(world: World, names: NameServer) -> None:
    """No system can stop a look-up. What is still asked for somewhere must not keep anybody from an address, or from his own machine."""
    names.mute = {"A", "AAAA"}
    _, ben, server = street(world)
    world.serve(ben, "--open")
    told = script(
        ben, GOES_ON, world.folder, server.check_code, ADDRESSES["IPv4"], f"[{ADDRESSES['IPv6']}]", "localhost"
    )
    took = dict(line.split() for line in told.splitlines())
    assert [took.pop(name) for name in ("one.example", "two.example")] == ["TIMEOUT", "TIMEOUT"], told
    assert len(took) == 3 and all(float(one) < QUICK_S for one in took.values()), told


def test_a_program_ends_while_a_name_is_looked_up(world: World, names: NameServer) -> None:
    """Blender is closed, or the network check given up: nobody wants to know that name any more."""
    names.mute = {"A", "AAAA"}
    _, ben, server = street(world)
    start = time.monotonic()
    told = script(ben, GOES_ON, world.folder, server.check_code)
    assert told.split() == ["one.example", "TIMEOUT", "two.example", "TIMEOUT"]
    assert time.monotonic() - start < 2 * GIVES_UP_S + QUICK_S


def checked(at: Host, folder: Path, name: str) -> str:
    """What the network check says of a name that leads nowhere."""
    log = folder / "check.log"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python"), "ATRIUM_HOME": str(folder / "guest")}
    check = at.spawn(sys.executable, "-m", "atrium", "check", name, log=log, env=environment)
    assert check.wait(30) == 1
    return log.read_text()


@pytest.mark.parametrize("mute", [set(), {"AAAA"}])
def test_a_name_that_nobody_knows(world: World, names: NameServer, mute: set[str]) -> None:
    """Also where the name server says so to one question only, and is silent about IPv6."""
    names.mute = mute
    _, ben, server = street(world)
    told = checked(ben, world.folder, "flim.example")
    assert "(RESOLVE after" in told, told
    assert "No machine is known by the name in “flim.example:12800”" in told
    assert {name for name, _ in names.asked} == {"flim.example"}


@pytest.mark.parametrize("options", ["", "timeout:1 attempts:1"])
def test_a_name_server_that_is_silent(world: World, names: NameServer, options: str) -> None:
    """The spelling is not what is wrong. The system gives up after Atrium does, or before it."""
    names.mute = {"A", "AAAA"}
    _, ben, _ = street(world)
    ben.names_from(NAMES, world.folder, options=f"options {options}" if options else "")
    told = checked(ben, world.folder, NAME)
    assert "(NAME_SERVER after" in told, told
    assert f"The name server does not answer, so nobody knows where “{NAME}:12800” is" in told


def test_a_machine_without_a_way_to_its_name_server(world: World) -> None:
    ben = world.on_the_internet("ben", "203.0.113.6/24")
    ben.names_from("198.51.100.53", world.folder)
    told = checked(ben, world.folder, NAME)
    assert "(NAME_SERVER after" in told, told


# What the name in an invite leads to, and what of it is tried by whose machine is in 203.0.113/24 and 10.1.2/24.
INSIDE: dict[str, tuple[list[str], set[str]]] = {
    "this machine": (["127.0.0.1", "::1", "::ffff:127.0.0.1", "203.0.113.6", "10.1.2.3"], set()),
    "the link": (["169.254.169.254", "fe80::5"], set()),
    "networks of others": (["192.168.0.1", "172.16.0.1", "100.64.0.1", "fd00::1"], set()),
    "another subnet": (["10.9.0.5", "127.0.0.1", "192.168.0.1"], {"10.9.0.5"}),
}


@pytest.mark.parametrize("leads", INSIDE)
def test_a_name_in_an_invite_does_not_lead_inside(world: World, names: NameServer, leads: str) -> None:
    """Whoever makes an invite chooses the names in it, and their name server what they mean; what somebody types is their own choice."""
    numbers, tried = INSIDE[leads]
    names.names = {NAME: numbers}
    _, ben, server = street(world)
    ben.ip("address add 10.1.2.3/24 dev eth0")
    ben.ip(f"route add unreachable {ADDRESSES['IPv4']}/32")
    ben.ip(f"-6 route add unreachable {ADDRESSES['IPv6']}/128")
    for reachable in ("10.9.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"):
        ben.ip(f"route add {reachable} dev eth0")
    link = world.owner(server).create_invite(addresses=[f"{NAME}:{PORT}"])
    watch = Watch(ben)
    told = script(ben, FAILS, world.folder, server.check_code, link)
    called = {to.address for to in watch.destinations() if to.protocol == "tcp"}
    assert (NAME, "A") in names.asked and called == tried
    if tried:
        assert told.startswith("UNREACHABLE"), told
    else:
        assert told.startswith("NAME_INSIDE A name in this invite, film.example:12800, leads"), told
    told = script(ben, FAILS, world.folder, server.check_code, f"{NAME}:{PORT}")
    called = {to.address for to in watch.destinations() if to.protocol == "tcp"}
    assert numbers[0] in called, told
