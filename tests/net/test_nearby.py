# SPDX-License-Identifier: MIT
"""Rooms on the same network appear by themselves: to who has been let in, and to nobody else.

Ben looks, and what he sees before any click is what a real `atrium-server` shows to his key. A stranger sees machines; and whoever only pretends to be a
known host sees a connection, and not who calls.
"""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path

import pytest

from atrium import AtriumError, Client, FoundHost
from tests.net.conftest import PORT, Server, World, settle
from tests.net.lab import Host
from tests.python.conftest import make_certificate

ANNA, BEN, CARLA, EVE, LATER = "192.168.0.10", "192.168.0.48", "192.168.0.49", "192.168.0.66", "192.168.0.99"
SECONDS = 12.0  # a packet may get lost on a busy machine, and is sent again after three seconds

# Says that it is the host with this key, at its own address, and asks everybody who comes who he is. Each line is what came of one connection.
# argv: the key, a certificate with its key
IMPOSTOR = """
import socket, ssl, sys, threading

def answer():
    s = socket.socket(type=socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("0.0.0.0", 12800))
    while True:
        asked, peer = s.recvfrom(999)
        if asked[:6] == b"ATRd\\1\\1":
            s.sendto(b"ATRd\\1\\2" + asked[6:14] + (12800).to_bytes(2, "big") + bytes.fromhex(sys.argv[1]) + b"\\5Anna!", peer)

threading.Thread(target=answer, daemon=True).start()
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2])
context.set_alpn_protocols(["atrium/1"])
context.verify_mode = ssl.CERT_REQUIRED  # none is trusted, but each is looked at
listening = socket.create_server(("0.0.0.0", 12800))
print("ready", flush=True)
while True:
    near, _ = listening.accept()
    near.settimeout(5)
    try:
        with context.wrap_socket(near, server_side=True) as tls:
            print("said", tls.recv(999), flush=True)
    except ssl.SSLCertVerificationError:
        print("certificate", flush=True)
    except OSError as error:
        print("nothing", error, flush=True)
"""


def neighborhood(world: World, *addresses: str) -> list[Host]:
    lan = world.lab.segment("lan")
    hosts = []
    for address in addresses:
        host = world.lab.host(f"m{address.rpartition('.')[2]}")
        host.plug(lan, f"{address}/24")
        hosts.append(host)
    return hosts


def let_in(guest: Client, link: str) -> None:
    guest.connect(link, timeout=20)
    guest.disconnect()


def acquainted(world: World, anna: Host, ben: Host, *flags: str) -> tuple[Server, Client, Client, str]:
    """A server with a room on anna, its host, somebody on ben who has been there, and the key that he knows it by."""
    server = world.serve(anna, *flags)
    host = world.owner(server)
    host.create_room("Film")
    member = world.client(ben)
    let_in(member, host.create_invite())
    (token,) = (server.home / "tokens").iterdir()
    return server, host, member, token.name


def impersonate(world: World, machine: Host, key: str) -> Path:
    """Somebody on this machine announces that key; what became of it is in the file."""
    log = world.folder / f"{machine.name}-impostor.txt"
    machine.spawn(sys.executable, "-c", IMPOSTOR, key, str(make_certificate(world.folder)), log=log)
    settle([], lambda: "ready" in log.read_text(), what="the impostor")
    return log


def looks(guest: Client, until: int = 1) -> list[FoundHost]:
    """What is shown once so many rooms are, or no more come."""
    guest._command({"t": "discover", "on": True, "port": 0, "rooms": True})
    guest._pump_until(lambda: sum(len(one.rooms or ()) for one in guest.hosts) >= until, SECONDS)
    found = guest.hosts
    guest._command({"t": "discover", "on": False})
    return found


def names(found: list[FoundHost]) -> list[list[str] | None]:
    return [None if one.rooms is None else sorted(room.name for room in one.rooms) for one in found]


def test_who_was_let_in_sees_the_rooms_before_any_click(world: World) -> None:
    anna, ben, carla, eve = neighborhood(world, ANNA, BEN, CARLA, EVE)
    host = world.owner(world.serve(anna))
    film = host.create_room("Film")
    host.create_room("Secret")
    member, guest, stranger = world.client(ben), world.client(carla), world.client(eve)
    let_in(member, host.create_invite())
    let_in(guest, host.create_invite(film.id))

    (seen,) = looks(member, until=2)
    assert seen.known and names([seen]) == [["Film", "Secret"]]
    assert seen.rooms is not None and {room.users for room in seen.rooms} == {1}
    assert member.state == "OFFLINE", "nothing was connected by itself"
    assert names(looks(guest)) == [["Film"]], "a room's guest is told of that room alone"
    assert names(looks(stranger)) == [None]
    host.pump(0.5)
    assert host.knocks == {}, "who looks asks nobody"
    assert [room.users for room in host.rooms() if room.name == "Film"] == [1], "who looks is nobody there"

    host.refuse(member.key, remember=True)
    host.pump(0.5)
    assert names(looks(member)) == [None], "whom the host keeps out sees no more than a stranger"


def test_a_look_proves_the_network_that_it_came_by_and_nothing_else(world: World) -> None:
    """It is a real connection from another machine whose user has proved a key. The proof of the first visit went with the first server."""
    anna, ben = neighborhood(world, ANNA, BEN)
    server = world.serve(anna)
    host = world.owner(server)
    member = world.client(ben)
    let_in(member, host.create_invite())
    host.close()
    server.process.terminate()
    server.process.wait(20)

    host = world.owner(world.serve(anna))
    host.create_room("Film")

    def states() -> dict[str, str]:
        return {one["audience"]: one["state"] for one in host.reach}

    settle([host], lambda: "lan" in states(), what="the report")
    before = states()
    assert before["lan"] == "should"
    looks(member)
    settle([host], lambda: states()["lan"] == "works", what="the proof of the LAN")
    assert states() == {**before, "lan": "works"}
    assert host.knocks == {}


def test_rooms_that_are_new_are_seen_by_who_looks_on(world: World) -> None:
    """The second glance is half a minute after the first."""
    anna, ben = neighborhood(world, ANNA, BEN)
    host = world.owner(world.serve(anna))
    host.create_room("Film")
    member = world.client(ben)
    let_in(member, host.create_invite())
    member._command({"t": "discover", "on": True, "port": 0, "rooms": True})
    settle([member, host], lambda: names(member.hosts) == [["Film"]], what="the first glance")
    began = time.monotonic()
    host.create_room("Poster")
    settle([member, host], lambda: names(member.hosts) == [["Film", "Poster"]], timeout=60, what="the second")
    assert time.monotonic() - began > 20


def test_a_host_that_has_got_another_address_is_known_by_its_key(world: World) -> None:
    """A new lease, while somebody else announces the host's key from the address that he got. A click leads to the host, and asks nothing."""
    anna, ben, eve = neighborhood(world, ANNA, BEN, EVE)
    server, host, member, key = acquainted(world, anna, ben)
    assert [(one.address, one.known) for one in looks(member)] == [(f"{ANNA}:{PORT}", True)]

    log = impersonate(world, eve, key)
    assert [(one.address, one.known) for one in looks(member)] == [(f"{ANNA}:{PORT}", True)]
    assert log.read_text() == "ready\n", "who is where he was is not sought elsewhere"

    anna.ip(f"addr del {ANNA}/24 dev eth0")
    anna.ip(f"addr add {LATER}/24 dev eth0")
    found = looks(member)
    assert [(one.address, one.known) for one in found] == [(f"{LATER}:{PORT}", True)] and names(found) == [["Film"]]
    assert {line.split()[0] for line in log.read_text().splitlines()[1:]} == {"nothing"}, "he was sought there first"
    with pytest.raises(AtriumError) as failed:
        member.connect(LATER, timeout=10)
    assert failed.value.code == "KEY_UNKNOWN", "a typed address says nothing of whom the user means"
    member.connect(LATER, key=found[0].key, timeout=10)
    assert member.state == "LOBBY"
    member.disconnect()
    member.connect(LATER, timeout=10)  # it is pinned there now
    member.disconnect()


def test_a_host_is_found_while_somebody_else_has_its_old_address(world: World) -> None:
    """He announces its key from there. Nothing is asked of him twice; where nobody else has the key, his row remains, and the click is a hard stop."""
    anna, ben, eve = neighborhood(world, ANNA, BEN, EVE)
    server, host, member, key = acquainted(world, anna, ben)
    for machine, old, new in ((anna, ANNA, LATER), (eve, EVE, ANNA)):
        machine.ip(f"addr del {old}/24 dev eth0")
        machine.ip(f"addr add {new}/24 dev eth0")
    log = impersonate(world, eve, key)

    found = looks(member)
    assert [(one.address, one.known) for one in found] == [(f"{LATER}:{PORT}", True)] and names(found) == [["Film"]]
    assert {line.split()[0] for line in log.read_text().splitlines()[1:]} == {"nothing"}, "he was not shown our key"
    with pytest.raises(AtriumError, match="another key than the one you trusted") as failed:
        member.connect(ANNA, timeout=10)
    assert failed.value.code == "KEY_CHANGED"
    server.process.terminate()
    server.process.wait(20)
    found = looks(member)
    assert (f"{ANNA}:{PORT}", True, None) in [(one.address, one.known, one.rooms) for one in found]
    with pytest.raises(AtriumError, match="another key than the one you trusted"):
        member.connect(ANNA, key=key, timeout=10)


def test_an_impostor_does_not_learn_who_looks(world: World) -> None:
    """Neither at an address of his own, where nobody even comes, nor at the known host's own after that has gone."""
    anna, ben, eve = neighborhood(world, ANNA, BEN, EVE)
    server, host, member, key = acquainted(world, anna, ben, "--no-discovery")

    elsewhere = impersonate(world, eve, key)
    found = looks(member)
    assert [(one.known, one.rooms) for one in found] == [(False, None)]
    came = elsewhere.read_text().splitlines()[1:]
    assert came and {line.split()[0] for line in came} == {"nothing"}, "it was asked for the key, and not shown ours"
    with pytest.raises(AtriumError, match="Another host answers at .*, not the one that was found") as failed:
        member.connect(EVE, key=key, timeout=10)
    assert failed.value.code == "KEY_CHANGED"
    assert {line.split()[0] for line in elsewhere.read_text().splitlines()[1:]} == {"nothing"}

    host.close()
    server.process.terminate()
    server.process.wait(20)
    there = impersonate(world, anna, key)
    found = looks(member)
    assert (f"{ANNA}:{PORT}", True, None) in [(one.address, one.known, one.rooms) for one in found]
    came = there.read_text().splitlines()[1:]
    assert came and {line.split()[0] for line in came} == {"nothing"}, came
    newcomer = world.client(ben, "newcomer")
    with contextlib.suppress(AtriumError):
        newcomer.connect(ANNA, timeout=10)
    # One who knows no key shows his: so it would have been seen. The impostor writes it down after that.
    settle([], lambda: "certificate" in there.read_text().splitlines(), what="the newcomer's certificate")
