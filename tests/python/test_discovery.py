# SPDX-License-Identifier: MIT
"""Hosts on the same network are found by themselves.

On one machine the loopback interface is the network. Every server of a test run answers there, so a test looks for its own by their
keys. With root there are also real networks of this test's own: namespaces, bridges and cables between them, all
of which go when it ends; nothing of the machine's network is touched.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from atrium import Client, FoundHost

from .conftest import ROOT, TIMEOUT_S, Process, server_command

Start = Callable[..., Process]
Clients = Callable[..., Client]


def find(client: Client, wanted: set[str]) -> dict[str, FoundHost]:
    """Looks until all of these keys are found; a packet may get lost on a busy machine, and is sent again."""
    for seconds in (0.5, 4.0, 12.0):
        found = {host.key: host for host in client.discover(seconds)}
        if wanted <= set(found):
            break
    return found


def test_servers_of_one_machine_are_found_and_can_be_connected(start: Start, clients: Clients, tmp_path: Path) -> None:
    one, two = start("--open"), start("--open", home=tmp_path / "two")
    client = clients()
    found = find(client, {one.key, two.key})
    assert found[one.key].address == f"127.0.0.1:{one.port}"
    assert found[two.key].address == f"127.0.0.1:{two.port}"
    assert found[one.key].name == socket.gethostname().partition(".")[0] and not found[one.key].known
    client.connect(found[one.key].address)
    found = find(client, {one.key, two.key})  # also while one is connected
    assert found[one.key].known and not found[two.key].known
    assert next(iter(found)) == one.key, "who is known comes first"


def test_a_host_with_another_address_is_known_again_by_its_key(start: Start, clients: Clients, tmp_path: Path) -> None:
    """As after a new lease: it was pinned at one address, and answers from another. Nothing is pinned by looking."""
    server, stranger = start("--open"), start("--open", home=tmp_path / "stranger")
    client = clients()
    client.connect(f"127.0.0.2:{server.port}")
    client.create_room("Film")
    client.disconnect()
    assert not find(client, {server.key})[server.key].known, "it only says so, as long as nobody has looked"

    def proved() -> dict[str, FoundHost]:
        client._command({"t": "discover", "on": True, "port": 0, "rooms": True})
        client._pump_until(lambda: any(one.key == server.key and one.rooms for one in client.hosts), TIMEOUT_S)
        client._pump_until(lambda: any(one.key == stranger.key for one in client.hosts), TIMEOUT_S)
        return {one.key: one for one in client.hosts}

    pins = tmp_path / "guest" / "known_hosts"
    before = pins.read_text()
    found = proved()
    assert (found[server.key].address, found[server.key].known) == (f"127.0.0.1:{server.port}", True)
    assert [room.name for room in found[server.key].rooms or ()] == ["Film"]
    assert (found[stranger.key].known, found[stranger.key].rooms) == (False, None)
    assert pins.read_text() == before
    client.connect(found[server.key].address, key=server.key)
    client.disconnect()
    assert f"127.0.0.1:{server.port} {server.key}" in pins.read_text()


def test_so_many_hosts_show_their_rooms(start: Start, clients: Clients, tmp_path: Path) -> None:
    """ATR_GLANCE_HOSTS_MAX; the others are found all the same."""
    servers = [start("--open", home=tmp_path / f"host {n}") for n in range(9)]
    client = clients()
    for server in servers:
        client.connect(f"127.0.0.1:{server.port}")  # as it is found
        client.disconnect()
    keys = {server.key for server in servers}
    client._command({"t": "discover", "on": True, "port": 0, "rooms": True})
    assert client._pump_until(lambda: sum(one.rooms is not None for one in client.hosts) >= 8, TIMEOUT_S)
    client._pump_until(lambda: keys <= {one.key for one in client.hosts if one.known}, TIMEOUT_S)
    client.pump(2.0)
    assert sum(one.rooms is not None for one in client.hosts if one.key in keys) == 8
    assert all(one.rooms is None for one in client.hosts if one.key not in keys)


def test_who_does_not_want_to_be_found_is_not(start: Start, clients: Clients, tmp_path: Path) -> None:
    shown = start()
    hidden = start("--no-discovery", home=tmp_path / "hidden")
    local = start("--bind", "127.0.0.1", home=tmp_path / "local")
    found = find(clients(), {shown.key})
    assert shown.key in found and hidden.key not in found and local.key not in found


def test_a_lost_question_costs_a_second(clients: Clients) -> None:
    """ATR_DISCOVERY_SECOND_MS, not the three seconds of the later ones: on Wi-Fi a packet to all is easily lost, and somebody waits."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as host:
        host.bind(("", 0))
        clients().discover(2.5, port=host.getsockname()[1])
        host.setblocking(False)
        questions = set()
        with contextlib.suppress(BlockingIOError):
            while True:
                questions.add(host.recv(2048))
    assert len(questions) == 2


def test_looking_ends_with_an_empty_list(start: Start, clients: Clients) -> None:
    server, client = start(), clients()
    assert server.key in find(client, {server.key})
    assert client._pump_until(lambda: not client.hosts, TIMEOUT_S)
    client.pump(4.0)  # longer than from one question to the next
    assert client.hosts == []


def test_an_answer_tells_what_the_page_says_and_nothing_else(start: Start, clients: Clients) -> None:
    """With a room and a user there, so that there would be something to tell."""
    server = start()
    host = clients(home=server.home)
    host.connect(server.address, name="Secretive")
    host.create_room("Secret plans")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        asking.settimeout(TIMEOUT_S)
        nonce = os.urandom(8)
        asking.sendto((b"ATRd\x01\x01" + nonce).ljust(112, b"\0"), ("127.255.255.255", 12800))
        while (answer := asking.recv(2048))[16:48] != bytes.fromhex(server.key):
            pass
    name = socket.gethostname().partition(".")[0].encode()
    assert answer == b"".join(
        (
            b"ATRd\x01\x02",
            nonce,
            server.port.to_bytes(2, "big"),
            bytes.fromhex(server.key),
            bytes([len(name)]),
            name,
        )
    )


# --- real networks --------------------------------------------------------------------------------------------------


class Networks:
    """Namespaces, each a machine, joined by bridges, each a network."""

    def __init__(self) -> None:
        self._prefix = f"atd{os.getpid()}"
        self._machines: list[str] = []
        self._bridges = self._machine("switch")

    def _ip(self, *words: str) -> None:
        subprocess.run(["ip", *words], check=True, timeout=TIMEOUT_S, capture_output=True)

    def _machine(self, name: str) -> str:
        full = f"{self._prefix}{name}"
        self._ip("netns", "add", full)
        self._machines.append(full)
        self._ip("-n", full, "link", "set", "lo", "up")
        return full

    def machine(self, name: str, **networks: str) -> list[str]:
        """A machine with one interface for each network, named as it; the value is its address, empty: only that of the link.
        Returns what a command is put behind, to run there."""
        full = self._machine(name)
        for network, address in networks.items():
            self._bridge(network)
            near, far = network, f"{network}{name}"
            self._ip("-n", full, "link", "add", near, "type", "veth", "peer", "name", far, "netns", self._bridges)
            self._ip("-n", self._bridges, "link", "set", far, "master", f"br{network}", "up")
            if address:
                self._ip("-n", full, "address", "add", address, "brd", "+", "dev", near)
            # The address of the link counts at once: nobody else has it here.
            subprocess.run(
                ["ip", "netns", "exec", full, "sysctl", "-qw", f"net.ipv6.conf.{near}.accept_dad=0"], check=True
            )
            self._ip("-n", full, "link", "set", near, "up")
        return ["ip", "netns", "exec", full]

    def _bridge(self, network: str) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):  # it is there already
            self._ip("-n", self._bridges, "link", "add", f"br{network}", "type", "bridge")
            self._ip("-n", self._bridges, "link", "set", f"br{network}", "up")

    def close(self) -> None:
        for full in self._machines:
            pids = subprocess.run(["ip", "netns", "pids", full], capture_output=True, text=True, check=False).stdout
            for pid in pids.split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), 9)
            subprocess.run(["ip", "netns", "del", full], check=False, capture_output=True)


@pytest.fixture
def networks() -> Iterator[Networks]:
    if os.geteuid() != 0 or not shutil.which("ip"):
        pytest.skip("NOT SHOWN HERE: discovery between machines needs root and iproute2 for network namespaces")
    made = None
    try:
        made = Networks()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"NOT SHOWN HERE: this system makes no network namespaces: {error.stderr!r}")
    yield made
    made.close()


INVITE = """
import json, sys
from atrium import Client
with Client(sys.argv[1]) as client:
    client.connect(sys.argv[2])
    print(json.dumps([client.create_invite(), client.look_around()]))
"""


def test_the_addresses_of_a_vpn_come_first_in_an_invite(networks: Networks, start: Start) -> None:
    """And in the panel each has the network's name."""
    studio = networks.machine("host", lan="192.168.0.10/24", wg0="10.66.0.1/24", zt0="10.147.17.3/24")
    server = start(command=[*studio, *server_command()])
    out = subprocess.run(
        [*studio, sys.executable, "-c", INVITE, str(server.home), f"127.0.0.1:{server.port}"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "python")},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert out.returncode == 0, out.stderr
    link, audiences = json.loads(out.stdout)
    payload = base64.urlsafe_b64decode(link.partition("#")[2] + "==")[65:-4]
    invited = [
        socket.inet_ntoa(payload[at + 2 : at + 6]) for at in range(0, len(payload), 8)
    ]  # type, length, IPv4, port
    assert set(invited[:2]) == {"10.66.0.1", "10.147.17.3"} and invited[2:] == ["192.168.0.10"]
    named = {address.partition(":")[0]: one["label"] for one in audiences for address in one["addresses"]}
    assert {"192.168.0.10": "LAN", "10.66.0.1": "WireGuard", "10.147.17.3": "ZeroTier"}.items() <= named.items()


LOOK = """
import json, sys, time
from atrium import Client
home, seconds, *then = sys.argv[1:]
with Client(home) as client:
    found, end = [], time.monotonic() + float(seconds)
    while time.monotonic() < end and len(found) < int(then[0]):
        found = client.discover(1.0)
    if len(then) > 1:
        client.trust_host(then[1])
        client.connect(found[0].address)
        client.create_room("met")
        found = client.discover(1.0)
    print(json.dumps([[h.name, h.address, h.key, h.known] for h in found]))
"""


def look(machine: list[str], home: Path, count: int, *code: str, seconds: float = TIMEOUT_S) -> list[list[str | bool]]:
    """What a client on that machine finds: until it has found so many, or for that long."""
    out = subprocess.run(
        [*machine, sys.executable, "-c", LOOK, str(home), str(seconds), str(count), *code],
        env={**os.environ, "PYTHONPATH": str(ROOT / "python")},
        capture_output=True,
        text=True,
        timeout=4 * TIMEOUT_S,
        check=False,
    )
    assert out.returncode == 0, out.stderr
    return list(json.loads(out.stdout))


def test_a_host_is_found_on_each_of_two_networks(networks: Networks, start: Start, tmp_path: Path) -> None:
    """The host stands in two networks; each guest in one of them, and finds it at the address that works there."""
    studio = networks.machine("host", wifi="192.168.0.10/24", cable="10.7.0.10/16")
    by_wifi = networks.machine("wifi", wifi="192.168.0.20/24")
    by_cable = networks.machine("cable", cable="10.7.3.20/16")
    server = start("--open", command=[*studio, *server_command()])
    for guest, address in ((by_wifi, "192.168.0.10"), (by_cable, "10.7.0.10")):
        found = look(guest, tmp_path / address, 1, server.check_code)
        assert [host[1:] for host in found] == [[f"{address}:{server.port}", server.key, True]]


def test_a_host_is_found_where_there_is_only_ipv6(networks: Networks, start: Start, tmp_path: Path) -> None:
    studio, guest = networks.machine("host", lan=""), networks.machine("guest", lan="")
    server = start("--open", command=[*studio, *server_command()])
    found = look(guest, tmp_path / "guest", 1, server.check_code)
    assert [host[2:] for host in found] == [[server.key, True]]
    assert str(found[0][1]).startswith("[fe80::") and str(found[0][1]).endswith(f"%lan]:{server.port}")


MEET = """
import json, sys
from atrium import AtriumError, Client
home, key = sys.argv[1:]
with Client(home) as client:
    found = next(host for seconds in (1.0, 4.0, 12.0) for host in client.discover(seconds) if host.key == key)
    said = ["", ""]
    try:
        client.connect(found.address)
    except AtriumError as error:
        said = [error.code, error.text]
    print(json.dumps([found.address, found.known, client.state, *said]))
"""


def meet(machine: list[str], home: Path, key: str) -> tuple[str, bool, str, str, str]:
    """Connects to whoever is found with that key, and nobody has said a word about trust: address, known, state, code and text."""
    environment = {name: value for name, value in os.environ.items() if name != "ATRIUM_TRUST"}
    out = subprocess.run(
        [*machine, sys.executable, "-c", MEET, str(home), key],
        env={**environment, "PYTHONPATH": str(ROOT / "python")},
        capture_output=True,
        text=True,
        timeout=4 * TIMEOUT_S,
        check=False,
    )
    assert out.returncode == 0, out.stderr
    address, known, state, code, text = json.loads(out.stdout)
    return address, known, state, code, text


def test_a_host_that_was_found_is_asked_about_like_any_other(networks: Networks, start: Start, tmp_path: Path) -> None:
    studio = networks.machine("host", lan="192.168.0.10/24")
    guest = networks.machine("guest", lan="192.168.0.20/24")
    server = start("--open", command=[*studio, *server_command()])
    for _ in range(2):  # having met it once makes no difference
        address, known, state, code, text = meet(guest, tmp_path / "guest", server.key)
        assert (address, known) == (f"192.168.0.10:{server.port}", False)
        assert (state, code) == ("OFFLINE", "KEY_UNKNOWN") and server.check_code in text


# Answers every question with the key of another host.
LIE = """
import socket, sys
s = socket.socket(type=socket.SOCK_DGRAM)
s.bind(("", 12800))
print("ready", flush=True)
while True:
    asked, peer = s.recvfrom(999)
    if asked[:6] == b"ATRd\\1\\1":
        answer = asked[6:14] + int(sys.argv[1]).to_bytes(2, "big") + bytes.fromhex(sys.argv[2]) + b"\\5Anna!"
        s.sendto(b"ATRd\\1\\2" + answer, peer)
"""


def test_who_answers_with_a_known_hosts_key_gains_nothing(networks: Networks, start: Start, tmp_path: Path) -> None:
    studio = networks.machine("host", lan="192.168.0.10/24")
    guest = networks.machine("guest", lan="192.168.0.20/24")
    liar = networks.machine("liar", lan="192.168.0.30/24")
    server = start("--open", "--port", "12800", command=[*studio, *server_command()])
    trap = start("--open", "--no-discovery", home=tmp_path / "trap", command=[*liar, *server_command()])
    home, known = tmp_path / "guest", ("192.168.0.10:12800", True, "LOBBY", "", "")
    look(guest, home, 1, server.check_code)
    with subprocess.Popen(
        [*liar, sys.executable, "-c", LIE, str(trap.port), server.key], stdout=subprocess.PIPE, text=True
    ) as lying:
        assert lying.stdout is not None and lying.stdout.readline() == "ready\n"
        assert meet(guest, home, server.key) == known, "its place in the list is its own"
        assert server.end() == 0
        address, is_known, state, code, text = meet(guest, home, server.key)
        assert (address, is_known) == (f"192.168.0.30:{trap.port}", False)
        assert (state, code) == ("OFFLINE", "KEY_UNKNOWN") and trap.check_code in text
        start("--open", "--port", "12800", command=[*studio, *server_command()])
        assert meet(guest, home, server.key) == known, "the pin is what it was"
        lying.kill()


ASK_GROUP = """
import socket, sys
s = socket.socket(type=socket.SOCK_DGRAM)
s.settimeout(10)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(sys.argv[1]))
s.sendto(b"ATRd\\1\\1".ljust(112, b"\\0"), ("239.255.65.84", 12800))
print(s.recv(999)[16:48].hex())
"""

# Bound to the group's own address, it hears nothing that came by broadcast.
HEAR_GROUP = """
import socket, sys
s = socket.socket(type=socket.SOCK_DGRAM)
s.settimeout(20)
s.bind(("239.255.65.84", 12800))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton("239.255.65.84") + socket.inet_aton(sys.argv[1]))
print("ready", flush=True)
print(s.recv(999)[:6])
"""


def test_the_multicast_group_is_asked_and_answered_too(networks: Networks, start: Start, tmp_path: Path) -> None:
    """Where a network filters broadcasts. (The tests above would pass with broadcasts alone.)"""
    studio = networks.machine("host", lan="192.168.0.10/24")
    guest = networks.machine("guest", lan="192.168.0.20/24")
    server = start("--open", command=[*studio, *server_command()])
    asked = subprocess.run(
        [*guest, sys.executable, "-c", ASK_GROUP, "192.168.0.20"], capture_output=True, text=True, check=False
    )
    assert asked.stdout.strip() == server.key, asked.stderr
    other = networks.machine("other", lan="192.168.0.30/24")
    with subprocess.Popen(
        [*other, sys.executable, "-c", HEAR_GROUP, "192.168.0.30"], stdout=subprocess.PIPE, text=True
    ) as hearing:
        assert hearing.stdout is not None and hearing.stdout.readline() == "ready\n"
        look(guest, tmp_path / "guest", 1)
        assert hearing.stdout.readline() == "b'ATRd\\x01\\x01'\n"


def test_nobody_beyond_the_network_is_answered(networks: Networks, start: Start, tmp_path: Path) -> None:
    """Whoever routes a question to a host from elsewhere learns nothing."""
    studio = networks.machine("host", lan="192.168.0.10/24")
    elsewhere = networks.machine("far", lan="203.0.113.9/24")
    for machine, network in ((studio, "203.0.113.0/24"), (elsewhere, "192.168.0.0/24")):
        subprocess.run([*machine, "ip", "route", "add", network, "dev", "lan"], check=True)
    neighbour = networks.machine("near", lan="192.168.0.20/24")
    start("--open", command=[*studio, *server_command()])
    ask = (
        "import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.settimeout(1)\n"
        "s.sendto(b'ATRd\\1\\1'.ljust(112, b'\\0'), ('192.168.0.10', 12800)); print(len(s.recv(999)) > 48)"
    )
    near, far = (
        subprocess.run([*machine, sys.executable, "-c", ask], capture_output=True, text=True, check=False)
        for machine in (neighbour, elsewhere)
    )
    assert near.stdout == "True\n", near.stderr
    assert "timed out" in far.stderr or "TimeoutError" in far.stderr, far
