# SPDX-License-Identifier: MIT
"""Strangers who want to be in the way, from machines of their own: members go on working meanwhile, and get in at once."""

from __future__ import annotations

import contextlib
import re
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest

from atrium import AtriumError, Client
from tests.net.conftest import PORT, TIMEOUT_S, World, settle
from tests.net.lab import Host
from tests.net.test_bad_lines import far_away, named
from tests.net.test_paths import HOST

FLOOD_PER_S = 1000
FLOOD_BY_TUNNEL_PER_S = 300
GUESSES = 10_000
MANY = 200
SECRET = "näher als gedacht"
ROOM_SECRET = "nur für den Film"

# Opens connections at a steady rate and lets each of them hang for two seconds; the first of three says nothing, the second begins to speak, the third says
# a true greeting of TLS. argv: address, port, rate, the greeting in hex; and the site of IPv6 from all of whose networks they come
FLOOD = """
import collections, random, resource, socket, sys, time
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
address, port, rate, greeting = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), bytes.fromhex(sys.argv[4])
open_ones, start, made = collections.deque(), time.monotonic(), 0
while True:
    while made < (time.monotonic() - start) * rate:
        one = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        one.setblocking(False)
        if len(sys.argv) > 5:
            one.setsockopt(socket.IPPROTO_IPV6, 78, 1)  # IPV6_TRANSPARENT: any address of what is routed here
            one.bind((f"{sys.argv[5]}:{random.randrange(65536):x}::1", 0))
        one.connect_ex((address, port))
        open_ones.append(one)
        made += 1
        if made % 3 and len(open_ones) > 50:
            try:
                open_ones[-50].send(greeting if made % 3 == 1 else greeting[:3])
            except OSError:
                pass
        if len(open_ones) > rate * 2:
            open_ones.popleft().close()
    time.sleep(0.01)
"""

# What a tunnel's program does: every connection from outside is one from this machine. argv: port outside, port inside
RELAY = """
import asyncio, contextlib, sys
async def pipe(reader, writer):
    with contextlib.suppress(OSError):
        while some := await reader.read(65536):
            writer.write(some)
            await writer.drain()
    writer.close()
async def relay(reader, writer):
    try:
        there = await asyncio.open_connection("127.0.0.1", int(sys.argv[2]))
    except OSError:
        writer.close()
    else:
        await asyncio.gather(pipe(reader, there[1]), pipe(there[0], writer))
async def main():
    await (await asyncio.start_server(relay, "0.0.0.0", int(sys.argv[1]), backlog=1000)).serve_forever()
asyncio.run(main())
"""

# Twenty connections that say a true greeting of TLS, byte by byte. argv: address, port, the greeting in hex; prints when each ended
DRIP = """
import select, socket, sys, time
greeting, start = bytes.fromhex(sys.argv[3]), time.monotonic()
peers = [socket.create_connection((sys.argv[1], int(sys.argv[2])), 5) for _ in range(20)]
for byte in greeting:
    for peer in list(peers):
        try:
            peer.send(bytes([byte]))
        except OSError:
            pass
        if select.select([peer], [], [], 0)[0]:
            peers.remove(peer)
            print(time.monotonic() - start, flush=True)
    if not peers:
        break
    time.sleep(1)
"""


def greeting() -> bytes:
    """What a client of TLS says first."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    out = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), out).do_handshake()
    return out.read()


def round_trip(host: Client, guest: Client, room_id: str, name: str) -> float:
    """How long an edit takes from one to the other."""
    start = time.monotonic()
    guest.joined[room_id].create({"type": "Text", "name": name})
    settle([host, guest], lambda: name in named(host, room_id), what="the edit's arrival")
    return time.monotonic() - start


class Flood:
    """Anna hosts, Ben is far away, Mallory floods: from one address, a site of IPv6, two hundred addresses, or through the tunnel by which all come."""

    def __init__(self, world: World, source: str) -> None:
        self.address, self.port, self.site = HOST, PORT, ""
        self.rate = FLOOD_PER_S
        if source == "site":
            self.address, self.site = "2001:db8::5", "2001:db8:66"
            self.anna = world.on_the_internet("anna", "2001:db8::5/64")
            self.ben = far_away(world, world.internet, "2001:db8::50/64", delay_ms=100)
            self.mallory = world.on_the_internet("mallory", "2001:db8::66/64")
            self.mallory.ip(f"-6 route add local {self.site}::/48 dev lo")
            self.anna.ip(f"-6 route add {self.site}::/48 via 2001:db8::66")
        else:
            self.anna = world.on_the_internet("anna", f"{HOST}/24")
            delay_ms = 200 if source == "tunnel" else 100
            self.ben = far_away(world, world.internet, "203.0.113.50/24", delay_ms=delay_ms)
            if source == "addresses":
                self.anna.ip("route add 198.51.100.0/24 via 203.0.113.66")
                self.mallory = many_addresses(world, "mallory")
            else:
                self.mallory = world.on_the_internet("mallory", "203.0.113.66/24")
        self.server = world.serve(self.anna)
        if source == "tunnel":
            self.port, self.rate = 9090, FLOOD_BY_TUNNEL_PER_S
            self.anna.spawn(sys.executable, "-c", RELAY, str(self.port), str(PORT))
            self.anna.listens(self.port)
            self.anna.nft(
                f'table ip a {{ chain in {{ type filter hook input priority 0; iifname "eth0" tcp dport {PORT} drop; }}; }}'
            )

    @property
    def to(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    def begin(self) -> subprocess.Popen[bytes]:
        words = [self.address, str(self.port), str(self.rate), greeting().hex(), *([self.site] if self.site else [])]
        return self.mallory.spawn(sys.executable, "-c", FLOOD, *words)


@pytest.mark.parametrize("source", ["address", "site", "addresses", "tunnel"])
def test_a_flood_of_half_open_connections(world: World, source: str) -> None:
    """More in a second than who is far away needs for a handshake: it costs those who already are in nothing, members come back, and newcomers get in."""
    scene = Flood(world, source)
    host = world.owner(scene.server)
    room = host.create_room("Film")
    link = host.create_invite(addresses=[f"tcp://{scene.to}"])
    member, away = world.client(scene.ben), world.client(scene.ben, "away")
    member.connect(link, timeout=TIMEOUT_S)
    member.join(room.id)
    away.connect(link, timeout=TIMEOUT_S)
    away.disconnect()
    flood = scene.begin()
    time.sleep(3)
    times = []
    for i in range(5):
        assert round_trip(host, member, room.id, f"during {i}") < 2
        for who, words in (away, scene.to), (world.client(scene.ben, f"newcomer {i}"), link):
            start = time.monotonic()
            who.connect(words, timeout=TIMEOUT_S)
            times.append(time.monotonic() - start)
            who.disconnect()
    print(f"flood from {source}, {scene.rate} a second: members and newcomers are in within {max(times):.2f} s")
    assert max(times) < 5, times
    assert flood.poll() is None and member.state == "JOINED"


def test_peers_that_send_one_byte_a_second(world: World) -> None:
    anna = world.on_the_internet("anna", f"{HOST}/24")
    mallory = world.on_the_internet("mallory", "203.0.113.66/24")
    ben = world.on_the_internet("ben", "203.0.113.50/24")
    host = world.owner(world.serve(anna))
    room = host.create_room("Film")
    guest = world.client(ben)
    guest.connect(host.create_invite(), timeout=TIMEOUT_S)
    guest.join(room.id)
    ends = world.folder / "drip.log"
    drip = mallory.spawn(sys.executable, "-c", DRIP, HOST, str(PORT), greeting().hex(), log=ends)
    start = time.monotonic()
    i = 0
    while drip.poll() is None:
        assert time.monotonic() - start < 20, "they are still there"
        assert round_trip(host, guest, room.id, f"during {i}") < 1
        i += 1
        time.sleep(0.2)
    times = [float(line) for line in ends.read_text().split()]
    assert len(times) == 20 and max(times) < 13, times


def many_addresses(world: World, name: str) -> Host:
    """A machine each of whose connections comes from another address."""
    inside = world.lab.segment(f"{name}-lan")
    router = world.lab.router(f"{name}-router", (world.internet, "203.0.113.66/24"), (inside, "10.0.0.1/24"))
    elements = ", ".join(f"{i} : 198.51.100.{i + 1}" for i in range(MANY))
    router.nft(f'insert rule ip nat post oifname "eth0" snat to numgen inc mod {MANY} map {{ {elements} }}')
    host = world.lab.host(name)
    host.plug(inside, "10.0.0.2/24", via="10.0.0.1")
    return host


# Who has connected, as that machine's own kernel saw it: the server's log says little of strangers.
_VISITORS = """
table ip seen {
    set visitors {
        type ipv4_addr
        size 65535
        flags dynamic
    }
    chain input { type filter hook input priority 0;
        ip saddr 198.51.100.0/24 add @visitors { ip saddr }
    }
}
"""


def visitors(host: Host) -> set[str]:
    with host.inside():
        command = ["nft", "list", "set", "ip", "seen", "visitors"]
        listed = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
    return set(re.findall(r"198\.51\.100\.\d+", listed))


def certificate(folder: Path, name: str) -> Path:
    """A key that nobody knows; anybody can make as many as they like."""
    path = folder / f"{name}.pem"
    command = f"openssl req -x509 -newkey ed25519 -nodes -days 2 -subj /CN=x -keyout {name}.key -out {name}.crt"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True, timeout=20)
    path.write_text((folder / f"{name}.key").read_text() + (folder / f"{name}.crt").read_text())
    return path


@pytest.mark.parametrize("addresses", [1, MANY])
def test_ten_thousand_guesses(world: World, addresses: int) -> None:
    """At the server's password and at a room's, from one address and from many, with several keys: the guesses of all strangers together get no further
    than those of one. Who is a member needs none and never waits, and who has an invite comes in as ever."""
    anna = world.on_the_internet("anna", f"{HOST}/24")
    anna.ip("route add 198.51.100.0/24 via 203.0.113.66")
    anna.nft(_VISITORS)
    if addresses == 1:
        mallory = world.on_the_internet("mallory", "203.0.113.66/24")
    else:
        mallory = many_addresses(world, "mallory")
    ben = world.on_the_internet("ben", "203.0.113.50/24")
    server = world.serve(anna)
    host = world.owner(server)
    room = host.create_room("Film")
    host.set_password(SECRET)
    host.set_password(ROOM_SECRET, room=room.id)
    member, inside = world.client(ben, "member"), world.client(ben, "inside")
    member.connect(HOST, ROOM_SECRET, room="Film", timeout=TIMEOUT_S)
    inside.connect(HOST, SECRET, timeout=TIMEOUT_S)
    inside.join(room.id)
    member.disconnect()
    start = time.monotonic()
    logs = [world.folder / f"guesses{i}.log" for i in range(4)]
    runs = []
    for i, log in enumerate(logs):
        key = certificate(world.folder, f"thief{i}")
        words = [sys.executable, "-m", "tests.net.guesser", HOST, str(PORT), str(key), str(GUESSES // 4)]
        runs.append(mallory.spawn(*words, *(["Film"] if i % 2 else []), log=log))
    entered = 0
    while any(run.poll() is None for run in runs):
        assert time.monotonic() - start < 300, [log.read_text()[-500:] for log in logs]
        before = time.monotonic()
        member.connect(HOST, timeout=TIMEOUT_S)
        assert time.monotonic() - before < 2
        member.disconnect()
        assert round_trip(host, inside, room.id, f"after {entered}") < 2
        entered += 1
        time.sleep(0.2)
    seconds = time.monotonic() - start
    codes = [[line for log in logs[of::2] for line in log.read_text().splitlines()] for of in range(2)]
    for of_target in codes:
        assert len(of_target) == GUESSES // 2 and set(of_target) == {"PASSWORD", "LATER"}, of_target[-20:]
        assert 10 <= of_target.count("PASSWORD") <= 11 + seconds / 10
    assert entered >= 3
    if addresses > 1:
        assert len(visitors(anna)) == addresses, "they came from too few addresses"
    print(
        f"{GUESSES} guesses from {addresses} addresses in {seconds:.0f} s; a member came in {entered} times meanwhile"
    )
    for words in ({}, {"room": "Film"}):
        late = world.client(ben, f"late {words}")
        code = "PASSWORD"  # until what the budget has regained since is spent
        while code == "PASSWORD":
            with pytest.raises(AtriumError) as failure:
                late.connect(HOST, "another guess", timeout=TIMEOUT_S, **words)
            code = failure.value.code
        assert code == "LATER"
        with pytest.raises(AtriumError) as failure:
            late.connect(HOST, SECRET, timeout=TIMEOUT_S, **words)
        assert failure.value.code == "LATER"
    late = world.client(ben, "late")
    late.connect(host.create_invite(), timeout=TIMEOUT_S)  # who has an invite waits for nobody
