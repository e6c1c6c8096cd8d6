# SPDX-License-Identifier: MIT
"""Every way in which people reach each other, over real paths: a server on one machine, guests on others, routers and proxies between."""

from __future__ import annotations

import time

import pytest

from atrium import AtriumError, Client
from tests.net.conftest import PORT, World, settle

HOST = "203.0.113.17"


def edit_together(host: Client, guest: Client, room_id: str) -> None:
    """Both write, both see, in both directions, with something that fills more than a packet."""
    mine = host.joined[room_id]
    theirs = guest.join(room_id)
    blob = host.put_blob(bytes(range(256)) * 4000)
    mine.create({"type": "Mesh", "name": "M", "a": ["$blob", blob, "u1", [1024000]]})
    theirs.create({"type": "Object", "name": guest.participant})
    mine.flush()
    theirs.flush()
    mine.flush()
    assert guest.participant in {tree["name"] for tree in mine.documents.values()}
    settle([host, guest], lambda: guest.blob(blob) is not None, what="the blob's arrival")


def test_lan_by_address(world: World) -> None:
    anna, _, lan = world.home_of("anna", HOST)
    ben = world.lab.host("ben")
    ben.plug(lan, "192.168.0.48/24", via="192.168.0.1")
    server = world.serve(anna, "--open")
    host = world.owner(server)
    room = host.create_room("Film")
    guest = world.guest(ben, server, "192.168.0.10")
    edit_together(host, guest, room.id)
    other = world.client(ben, "by invite")
    other.connect(host.create_invite(room.id), timeout=10)
    assert other.invited_to == room.id


def test_nothing_gets_through_a_router_uninvited(world: World) -> None:
    """The control: without a rule the lab's router lets nobody in, so that what gets in below came by the rule."""
    anna, _, _ = world.home_of("anna", HOST)
    world.serve(anna, "--open")
    guest = world.client(world.on_the_internet("cora", "203.0.113.40/24"))
    with pytest.raises(AtriumError) as failure:
        guest.connect(HOST, timeout=15)
    assert failure.value.code == "SILENT", failure.value


def test_ipv6_only(world: World) -> None:
    anna = world.on_the_internet("anna", "2001:db8::5/64")
    ben = world.on_the_internet("ben", "2001:db8::6/64")
    server = world.serve(anna, "--open")
    host = world.owner(server)
    room = host.create_room("Film")
    guest = world.guest(ben, server, f"[2001:db8::5]:{PORT}")
    edit_together(host, guest, room.id)
    other = world.client(ben, "by invite")
    other.connect(host.create_invite(), timeout=10)
    assert other.state == "LOBBY"


@pytest.mark.parametrize("broken", ["ip6", "ip"])
def test_both_families_and_one_is_broken(world: World, broken: str) -> None:
    """What is sent over one of them goes nowhere, and nobody says so: the other one must win without a wait."""
    anna = world.on_the_internet("anna", "203.0.113.5/24", "2001:db8::5/64")
    ben = world.on_the_internet("ben", "203.0.113.6/24", "2001:db8::6/64")
    host = world.owner(world.serve(anna))
    link = host.create_invite()
    rule = f"iifname eth0 tcp dport {PORT} drop"
    anna.nft(f"table {broken} broken {{ chain in {{ type filter hook input priority 0; {rule}; }}; }}")
    guest = world.client(ben)
    start = time.monotonic()
    guest.connect(link, timeout=10)
    assert time.monotonic() - start < 3


def test_router_forwards_the_same_port(world: World) -> None:
    anna, router, _ = world.home_of("anna", HOST)
    ben, _, _ = world.home_of("ben", "203.0.113.40", machine="192.168.0.10")  # the same inner address as the host
    router.forward(PORT, "192.168.0.10", PORT)
    server = world.serve(anna, "--open")
    host = world.owner(server)
    room = host.create_room("Film")
    guest = world.guest(ben, server, HOST)
    edit_together(host, guest, room.id)


def test_router_forwards_another_port(world: World) -> None:
    anna, router, _ = world.home_of("anna", HOST)
    ben, _, _ = world.home_of("ben", "203.0.113.40", machine="192.168.0.48")
    router.forward(9090, "192.168.0.10", PORT)
    server = world.serve(anna, "--open")
    host = world.owner(server)
    room = host.create_room("Film")
    typed = world.guest(ben, server, f"{HOST}:9090", "typed")
    edit_together(host, typed, room.id)
    invited = world.client(ben, "invited")
    start = time.monotonic()
    invited.connect(f"Here: <{host.create_invite(room.id, addresses=[f'{HOST}:9090'])}>.", timeout=10)
    assert time.monotonic() - start < 5
    edit_together(host, invited, room.id)


def test_hairpin(world: World) -> None:
    """Who sits in the host's own network may use the public address too, where the router turns such packets back."""
    anna, router, lan = world.home_of("anna", HOST)
    ben = world.lab.host("ben")
    ben.plug(lan, "192.168.0.48/24", via="192.168.0.1")
    router.forward(9090, "192.168.0.10", PORT, hairpin=True)
    server = world.serve(anna, "--open")
    host = world.owner(server)
    room = host.create_room("Film")
    guest = world.guest(ben, server, f"{HOST}:9090")
    edit_together(host, guest, room.id)


def test_without_a_hairpin_the_invite_finds_the_inner_address(world: World) -> None:
    anna, router, lan = world.home_of("anna", HOST)
    ben = world.lab.host("ben")
    ben.plug(lan, "192.168.0.48/24", via="192.168.0.1")
    router.forward(9090, "192.168.0.10", PORT)
    host = world.owner(world.serve(anna))
    guest = world.client(ben)
    start = time.monotonic()
    guest.connect(host.create_invite(addresses=[f"{HOST}:9090"]), timeout=10)
    assert time.monotonic() - start < 3
