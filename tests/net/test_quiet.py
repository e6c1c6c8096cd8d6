# SPDX-License-Identifier: MIT
"""Nothing is said to anybody but those whom the user named, the local network, the router, and this machine's own tunnel programs.

Two machines are watched from before their first step: who hosts, and who comes by the invite. Both have a way out to everywhere, over either
family, and a name server that writes down what it is asked; so whatever asked a third party for its address, its name or its news would be seen to.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.net.conftest import BINARY, PORT, ROOT, World, needs
from tests.net.gateways import INSIDE, LAN, OUTSIDE, PCP_PORT, SSDP_PORT, WEB_PORT, Miniupnpd
from tests.net.lab import Host, Router
from tests.net.names import NameServer
from tests.net.watch import Allowed, Watch, strays, unused

STREET = OUTSIDE.rpartition(".")[0]  # where both homes' routers have their outside
GUEST_OUTSIDE, NAMES = f"{STREET}.40", f"{STREET}.53"
HOST_ADDRESS, GUEST_ADDRESS = "192.168.0.10", "192.168.0.48"
HOST_NET, GUEST_NET = "2001:db8:1::", "2001:db8:2::"
NAME = "film.example"
FURTHER = "203.0.113.9"  # nobody is there; the host has typed it
AGENTS = (4040, 4041, 4042, 20241, 20242, 20243, 20244, 20245)

# Hosts: looks who can come, makes a room and a link to it, waits for a guest's work, looks around. argv: home, the further address
OWNER = """
import sys
from atrium import Client
with Client(sys.argv[1]) as owner:
    owner.connect("localhost", timeout=15)
    while not owner.reach or any(one["state"] == "checking" for one in owner.reach):
        owner.pump(0.05)
    owner.look_around(public=sys.argv[2])
    room = owner.create_room("Film")
    print("link", owner.create_invite(room.id), flush=True)
    while not room.documents:
        owner.pump(0.05)
    owner.look_around()
    print("found", [one.address for one in owner.discover(2.5)], flush=True)
"""

# Comes: looks who is near, then pastes the link, and works. argv: home, the link
GUEST = """
import sys
from atrium import Client
with Client(sys.argv[1]) as guest:
    print("found", [one.address for one in guest.discover(2.5)], flush=True)
    guest.connect(sys.argv[2], timeout=20)
    room = guest.join(guest.invited_to)
    room.create({"type": "Text", "name": "From the guest"})
    room.flush()
    guest.pump(1)
    print("done", guest.state, flush=True)
"""

# Has been there, and looks who is near and what rooms they have. argv: home
LOOKS = """
import sys
from atrium import Client
with Client(sys.argv[1]) as guest:
    for one in guest.discover(5, rooms=True):
        print("found", one.address, one.known, [room.name for room in one.rooms or ()], flush=True)
"""

# Speaks to third parties, as nothing of ours may: a question for a name, a page of a look-up service, one over IPv6.
STRAY = """
import socket
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"?", ("198.51.100.7", 53))
for family, address in ((socket.AF_INET, "198.51.100.7"), (socket.AF_INET6, "2001:db8:9::7")):
    one = socket.socket(family)
    one.setblocking(False)
    one.connect_ex((address, 443))
"""
STRAYS = {("198.51.100.7", "udp", 53), ("198.51.100.7", "tcp", 443), ("2001:db8:9::7", "tcp", 443)}

# What each system does in its own network, with nothing of ours running: neighbours' addresses, routers, membership of groups.
SYSTEM = [
    Allowed("groups", "224.0.0.0/24", "igmp"),
    Allowed("groups, neighbours and routers over IPv6", "ff02::/16", "icmpv6"),
    Allowed("neighbours", "fe80::/10", "icmpv6"),
    Allowed("a packet that came too late", LAN, "icmp"),
]
OWN_SERVER = Allowed("this machine's own server", "127.0.0.1/32", "tcp", {PORT})
OWN_SERVER_IPV6 = Allowed("this machine's own server over IPv6", "::1/128", "tcp", {PORT})
TUNNELS = Allowed("this machine's own tunnel programs", "127.0.0.1/32", "tcp", AGENTS)
ROUTER = [
    Allowed("the router, by PCP and NAT-PMP", f"{INSIDE}/32", "udp", {PCP_PORT}),
    Allowed("the router, where is it (UPnP)", "239.255.255.250/32", "udp", {SSDP_PORT}),
    Allowed("the router, are you it (UPnP)", f"{INSIDE}/32", "udp", {SSDP_PORT}),
    Allowed("the router, by UPnP", f"{INSIDE}/32", "tcp", {WEB_PORT}),
]
LOOKING = [
    Allowed("who is near, to all of the network", "192.168.0.255/32", "udp", {PORT}),
    Allowed("who is near, to the group", "239.255.65.84/32", "udp", {PORT}),
    Allowed("who is near, to the group over IPv6", "ff12::4174:7269:756d/128", "udp", {PORT}),
    Allowed("who is on this machine", "127.255.255.255/32", "udp", {PORT}),
]
# To ports that nobody knows before, so from the one port that answers.
ANSWERS = [
    Allowed("an answer to who looks on this machine", "127.0.0.1/32", "udp", from_ports={PORT}),
    Allowed("an answer to who looks", LAN, "udp", from_ports={PORT}),
    Allowed("an answer to who looks over IPv6", "fe80::/10", "udp", from_ports={PORT}),
]
NAMED = Allowed("the name that the user typed", f"{NAMES}/32", "udp", {53})


def router_over_ipv6(net: str) -> Allowed:
    return Allowed("the router, by PCP over IPv6", f"{net}1/128", "udp", {PCP_PORT})


def invited_to() -> list[Allowed]:
    """The addresses in the invite, all of the host's: the further one that its user typed, the router's, and the machine's own."""
    given = (f"{FURTHER}/32", f"{OUTSIDE}/32", f"{HOST_ADDRESS}/32", f"{HOST_NET}10/128")
    return [Allowed(f"the invite's address {one}", one, "tcp", {PORT}) for one in given]


def home(world: World, name: str, outside: str, machine: str, net: str) -> tuple[Host, Router]:
    """A home with both families and a way out over both."""
    host, router, _ = world.home_of(name, outside, machine)
    router.ip(f"addr add {net}1/64 dev eth1 nodad")
    host.ip(f"addr add {net}10/64 dev eth0 nodad")
    host.ip(f"-6 route add default via {net}1")
    host.names_from(NAMES, world.folder)
    return host, router


def run(at: Host, *words: str, home: Path, timeout: float = 40, status: int | None = 0) -> str:
    """Runs a program there to its end; what it wrote."""
    log = home / f"{len(list(home.glob('*.out')))}.out"
    process = at.spawn(*words, log=log, env=environment(home))
    ended = process.wait(timeout)
    text = log.read_text()
    assert status is None or ended == status, f"{words}: {ended}\n{text}"
    return text


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "ATRIUM_HOME": str(home), "PYTHONPATH": str(ROOT / "python")}


def word_of(log: Path, word: str, process: subprocess.Popen[bytes], timeout: float = 40) -> str:
    """The rest of the line that begins so, once it is there."""
    end = time.monotonic() + timeout
    while True:
        for line in log.read_text().splitlines():
            if line.startswith(f"{word} "):
                return line.partition(" ")[2]
        assert process.poll() is None and time.monotonic() < end, log.read_text()
        time.sleep(0.05)


def goes_astray(at: Host, watch: Watch, allowed: list[Allowed]) -> None:
    """The proof that a stray would have been noticed, on this very machine and with these very reasons."""
    assert at.spawn(sys.executable, "-c", STRAY).wait(20) == 0
    assert {(one.address, one.protocol, one.port) for one in strays(watch, allowed)} == STRAYS


@pytest.fixture
def names(world: World) -> Iterator[NameServer]:
    with NameServer(world.on_the_internet("names", f"{NAMES}/24"), {NAME: [OUTSIDE]}) as one:
        yield one


@needs("miniupnpd")
def test_who_hosts_and_who_comes_speak_to_nobody_else(world: World, names: NameServer) -> None:
    anna, router = home(world, "anna", OUTSIDE, HOST_ADDRESS, HOST_NET)
    Miniupnpd(router, world.folder, "upnp")
    ben, _ = home(world, "ben", GUEST_OUTSIDE, GUEST_ADDRESS, GUEST_NET)
    hosts, comes = Watch(anna), Watch(ben)
    guest_home = world.folder / "guest"
    guest_home.mkdir(mode=0o700)

    server = world.serve(anna, "--map-port")
    owner_log = server.home / "owner.txt"
    owner = anna.spawn(
        sys.executable, "-c", OWNER, str(server.home), FURTHER, log=owner_log, env=environment(server.home)
    )
    link = word_of(owner_log, "link", owner)
    assert "done JOINED" in run(ben, sys.executable, "-c", GUEST, str(guest_home), link, home=guest_home)
    assert owner.wait(40) == 0, owner_log.read_text()
    looked = run(anna, str(BINARY), "--check", home=server.home)
    assert f"{OUTSIDE}:{PORT}" in looked, looked
    run(anna, sys.executable, "-m", "atrium", "check", home=server.home)
    (guest_home / "invite").write_text(link)  # it is taken from nowhere but the standard input
    by_invite = ("sh", "-c", 'exec "$0" -m atrium check - < "$1"', sys.executable, str(guest_home / "invite"))
    for words in ((sys.executable, "-m", "atrium", "check", OUTSIDE), by_invite):
        checked = run(ben, *words, home=guest_home)
        assert "Atrium answers at" in checked, checked
    for words in ((str(BINARY), "--check", "--map-port"), (sys.executable, "-m", "atrium", "check", "--map-port")):
        run(ben, *words, home=guest_home)  # whom could he host?

    looking = [OWN_SERVER, TUNNELS, *ROUTER, *LOOKING]
    hosting = [*looking, router_over_ipv6(HOST_NET), OWN_SERVER_IPV6, *ANSWERS]
    coming = [*looking, router_over_ipv6(GUEST_NET), *invited_to()]
    assert strays(hosts, [*SYSTEM, *hosting]) == []
    assert strays(comes, [*SYSTEM, *coming]) == []
    assert names.asked == [], "nobody has typed a name"
    assert unused(hosts, hosting) == [], "of what is allowed, all has been seen: the watch does see"
    used = {one.why for one in coming} - set(unused(comes, coming))
    assert {f"the invite's address {one}/32" for one in (FURTHER, OUTSIDE)} <= used

    # A name that the user typed is asked for, at the user's own name server, and nothing but that name.
    checked = run(ben, sys.executable, "-m", "atrium", "check", NAME, home=guest_home)
    assert "Atrium answers at" in checked, checked
    assert {name for name, _ in names.asked} == {NAME}
    assert strays(comes, [*SYSTEM, *coming, NAMED]) == []
    assert strays(comes, [*SYSTEM, *coming]) != [], "the question for it was seen"

    goes_astray(anna, hosts, [*SYSTEM, *hosting])
    goes_astray(ben, comes, [*SYSTEM, *coming, NAMED])


def test_who_looks_at_rooms_goes_to_the_hosts_that_know_him_alone(world: World) -> None:
    """Two hosts in this network: one has let him in, the other is a stranger, who is found all the same."""
    lan, machines = world.lab.segment("lan"), []
    for name, address in (("anna", HOST_ADDRESS), ("eve", "192.168.0.66"), ("ben", GUEST_ADDRESS)):
        machine = world.lab.host(name)
        machine.plug(lan, f"{address}/24")
        machines.append(machine)
    anna, eve, ben = machines
    host = world.owner(world.serve(anna))
    host.create_room("Film")
    world.owner(world.serve(eve)).create_room("Secret")
    member = world.invited(host, ben, timeout=20)
    member.disconnect()
    guest_home = world.folder / "ben-user"
    comes = Watch(ben)
    looked = run(ben, sys.executable, "-c", LOOKS, str(guest_home), home=guest_home)
    assert sorted(looked.splitlines()) == [
        f"found {HOST_ADDRESS}:{PORT} True ['Film']",
        f"found 192.168.0.66:{PORT} False []",
    ]
    known = Allowed("the rooms of a known host", f"{HOST_ADDRESS}/32", "tcp", {PORT})
    assert strays(comes, [*SYSTEM, *LOOKING, known]) == []
    assert unused(comes, [*LOOKING, known]) == [], "all of it has been seen"
    assert strays(comes, [*SYSTEM, *LOOKING]) != [], "and that one would have been noticed"
