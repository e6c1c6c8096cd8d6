# SPDX-License-Identifier: MIT
"""Lines that are slow, lossy, cut, forgetful or too narrow: who is in stays in, or comes back by itself, and no edit is lost."""

from __future__ import annotations

import contextlib
import signal
import socket
import time

import pytest

from atrium import Client, Room
from tests.net.conftest import PORT, World, settle
from tests.net.lab import Host, Segment
from tests.net.test_paths import HOST, edit_together


def far_away(world: World, near: Segment, *addresses: str, **line: float) -> Host:
    """A machine at the other end of a bad line."""
    far = world.lab.segment("far")
    world.lab.wire(near, far, **line)
    host = world.lab.host("ben")
    host.plug(far, *addresses)
    return host


def named(client: Client, room_id: str) -> set[str]:
    return {str(tree["name"]) for tree in client.joined[room_id].documents.values()}


def two_people(world: World) -> tuple[Host, Client, Room, Client, Room]:
    """Ben's machine; Anna, who hosts on another, and Ben, each with their place in the room."""
    anna = world.on_the_internet("anna", f"{HOST}/24")
    ben = world.on_the_internet("ben", "203.0.113.50/24")
    host = world.owner(world.serve(anna))
    room = host.create_room("Film")
    guest = world.client(ben)
    guest.connect(host.create_invite(), timeout=10)
    return ben, host, room, guest, guest.join(room.id)


def test_another_continent(world: World) -> None:
    """200 ms each way with 50 ms of jitter, and one packet of fifty is lost."""
    anna = world.on_the_internet("anna", f"{HOST}/24")
    ben = far_away(world, world.internet, "203.0.113.50/24", delay_ms=200, jitter_ms=50, loss_percent=2)
    server = world.serve(anna, "--open")
    host = world.owner(server)
    room = host.create_room("Film")
    start = time.monotonic()
    guest = world.guest(ben, server, HOST)
    assert time.monotonic() - start > 0.8, "the line is not slow at all"
    edit_together(host, guest, room.id)
    mine, theirs = room, guest.joined[room.id]
    for i in range(200):
        mine.create({"type": "Text", "name": f"a{i}"})
        theirs.create({"type": "Text", "name": f"b{i}"})
        settle([host, guest], lambda: True)
    wanted = {f"{who}{i}" for who in "ab" for i in range(200)}
    settle([host, guest], lambda: wanted <= named(host, room.id) & named(guest, room.id), what="all edits' arrival")
    assert 0.3 < guest.latency_us / 1e6 < 3


@pytest.mark.parametrize(
    ("form", "place"), [("invite", "room"), (f"ws://{HOST}:{PORT}", "room"), (f"{HOST}:{PORT}", "lobby")]
)
def test_a_middle_box_that_forgets_idle_connections(world: World, form: str, place: str) -> None:
    """It forgets after 12 s, and drops what it does not know, without a word. The keepalive keeps it awake; a plain connection dies."""
    anna = world.on_the_internet("anna", f"{HOST}/24")
    ben, router, _ = world.home_of("ben", "203.0.113.50")
    router.set("netfilter/nf_conntrack_tcp_timeout_established", 12)
    router.set("netfilter/nf_conntrack_tcp_loose", 0)
    server = world.serve(anna, "--open")
    host = world.owner(server)
    room = host.create_room("Film")
    guest = world.invited(host, ben, 10) if form == "invite" else world.guest(ben, server, form)
    if place == "room":
        guest.join(room.id)
    states = []
    with anna.inside(), socket.create_server((HOST, 7)) as plain, contextlib.ExitStack() as stack:
        with ben.inside():
            idle = stack.enter_context(socket.create_connection((HOST, 7), 5))
        peer = stack.enter_context(plain.accept()[0])
        idle.sendall(b"before")
        assert peer.recv(100) == b"before"
        end = time.monotonic() + 27
        while time.monotonic() < end:
            host.pump(0.05)
            guest.pump(0.05)
            states.append(guest.state)
        idle.sendall(b"after")
        peer.settimeout(2)
        with pytest.raises(TimeoutError):
            peer.recv(100)
    assert set(states) == {"JOINED" if place == "room" else "LOBBY"}
    start = time.monotonic()
    theirs = guest.joined.get(room.id) or guest.join(room.id)
    theirs.create({"type": "Text", "name": "still here"})
    settle([host, guest], lambda: "still here" in named(host, room.id), what="the edit's arrival")
    assert time.monotonic() - start < 2


def test_a_guest_who_goes_home_comes_back_by_the_hosts_public_address(world: World) -> None:
    """At the host's, the invite's address in that network was the way in. From home it leads to a machine of one's own network, and the router's does to the host."""
    anna, router, inside = world.home_of("anna", HOST)
    router.forward(9090, "192.168.0.10", PORT)
    ben = world.lab.host("ben")
    ben.plug(inside, "192.168.0.48/24")  # no way to the internet: only the inner address can be the one
    host = world.owner(world.serve(anna))
    room = host.create_room("Film")
    guest = world.client(ben)
    guest.connect(host.create_invite(addresses=[f"{HOST}:9090"]), timeout=15)
    theirs = guest.join(room.id)
    assert guest._now.address == f"192.168.0.10:{PORT}"
    ben.ip("link set eth0 down")
    ben.ip("addr flush dev eth0")
    theirs.create({"type": "Text", "name": "made in the train"})
    settle([host, guest], lambda: guest.state == "RECONNECTING", timeout=40, what="noticing the cut")
    home = world.lab.segment("ben-lan")
    world.lab.router("ben-router", (world.internet, "203.0.113.50/24"), (home, "192.168.0.1/24"))
    ben.plug(home, "192.168.0.48/24", via="192.168.0.1")
    other = world.lab.host("carl")
    other.plug(home, "192.168.0.10/24", via="192.168.0.1")
    stranger = world.serve(other)  # hosts, too, with the address that anna has in hers
    settle([host, guest], lambda: "made in the train" in named(host, room.id), timeout=30, what="coming back")
    assert guest.state == "JOINED" and guest._now.address == f"{HOST}:9090"
    assert "is in" not in stranger.log.read_text()


def test_a_laptop_sleeps_and_wakes_up_elsewhere(world: World) -> None:
    """Another address, another network; the old connection gets no answer any more. Edits made meanwhile arrive on both sides."""
    ben, host, room, guest, theirs = two_people(world)
    ben.ip("link set eth0 down")
    ben.ip("addr flush dev eth0")
    theirs.create({"type": "Text", "name": "made offline"})
    room.create({"type": "Text", "name": "made meanwhile"})
    settle([host, guest], lambda: guest.state == "RECONNECTING", timeout=40, what="noticing the cut")
    ben.ip("addr add 203.0.113.77/24 dev eth0")
    ben.ip("link set eth0 up")
    wanted = {"made offline", "made meanwhile"}
    settle([host, guest], lambda: named(host, room.id) == named(guest, room.id) == wanted, 30, "coming back")
    assert guest.state == "JOINED"
    assert len({member["key"] for member in room.members if "key" in member}) <= 2


def test_another_network_is_noticed_in_seconds(world: World) -> None:
    """A laptop that is carried from one Wi-Fi to another keeps no address: nobody waits for keepalive, which takes 25 s."""
    ben, host, room, guest, theirs = two_people(world)
    ben.ip("addr flush dev eth0")
    begin = time.monotonic()
    theirs.create({"type": "Text", "name": "made on the way"})
    settle([host, guest], lambda: guest.state == "RECONNECTING", timeout=8, what="noticing that the address is gone")
    assert time.monotonic() - begin < 5
    # Long enough for pauses between attempts of several seconds; the new network ends the one that is under way.
    guest.pump(6)
    ben.ip("addr add 203.0.113.77/24 dev eth0")
    begin = time.monotonic()
    settle([host, guest], lambda: "made on the way" in named(host, room.id), timeout=8, what="coming back")
    assert time.monotonic() - begin < 3


def test_a_connection_stays_while_its_address_does(world: World) -> None:
    """Other networks come and go; nothing of it is felt."""
    ben, _, _, guest, _ = two_people(world)
    seen: list[str] = []
    for words in ("addr add 10.0.0.9/24 dev eth0", "addr del 10.0.0.9/24 dev eth0", "link set lo down"):
        ben.ip(words)
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            guest.pump(0.05)
            seen.append(guest.state)
    assert set(seen) == {"JOINED"}


def test_a_router_that_starts_anew_under_another_address(world: World) -> None:
    """The guest's provider gives out another address at night: what the host sends goes to the old one, where nobody is."""
    anna = world.on_the_internet("anna", f"{HOST}/24")
    ben, router, _ = world.home_of("ben", "203.0.113.50")
    host = world.owner(world.serve(anna))
    room = host.create_room("Film")
    guest = world.client(ben)
    guest.connect(host.create_invite(), timeout=10)
    theirs = guest.join(room.id)
    router.set("netfilter/nf_conntrack_tcp_loose", 0)
    router.ip("addr flush dev eth0")
    router.ip("addr add 203.0.113.51/24 dev eth0")
    theirs.create({"type": "Text", "name": "after the night"})
    settle([host, guest], lambda: "after the night" in named(host, room.id), timeout=45, what="coming back")


@pytest.mark.parametrize("way", ["both", "to the host", "to the guest"])
def test_an_mtu_black_hole(world: World, way: str) -> None:
    """Behind a tunnel that carries 1,320 bytes, whose router says nothing about what it drops: all small packets pass, no full one does."""
    anna = world.on_the_internet("anna", f"{HOST}/24")
    ben, router, _ = world.home_of("ben", "203.0.113.50")
    rules = {"to the host": 'iifname "eth1"', "to the guest": 'iifname "eth0"', "both": ""}
    router.nft(f"insert rule ip filter forward {rules[way]} meta length > 1320 drop")
    server = world.serve(anna, "--open")
    host = world.owner(server)
    room = host.create_room("Film")
    guest = world.guest(ben, server, f"{HOST}:{PORT}")
    edit_together(host, guest, room.id)
    mine = guest.put_blob(bytes(range(256)) * 3000)
    guest.joined[room.id].create({"type": "Mesh", "name": "N", "a": ["$blob", mine, "u1", [768000]]})
    settle([host, guest], lambda: host.blob(mine) is not None, what="the blob's arrival")


def test_the_host_s_laptop_sleeps(world: World) -> None:
    """Its lid is shut for longer than a connection lives; when it is open again, everybody is back, and nothing was lost."""
    anna = world.on_the_internet("anna", f"{HOST}/24")
    ben = world.on_the_internet("ben", "203.0.113.50/24")
    server = world.serve(anna)
    host = world.owner(server)
    room = host.create_room("Film")
    guest = world.client(ben)
    guest.connect(host.create_invite(), timeout=10)
    theirs = guest.join(room.id)
    server.process.send_signal(signal.SIGSTOP)
    theirs.create({"type": "Text", "name": "while it slept"})
    settle([host, guest], lambda: guest.state == "RECONNECTING", timeout=40, what="noticing the silence")
    server.process.send_signal(signal.SIGCONT)
    settle([host, guest], lambda: "while it slept" in named(host, room.id), timeout=30, what="coming back")
    settle([host, guest], lambda: (host.state, guest.state) == ("JOINED", "JOINED"), timeout=30, what="coming back")
