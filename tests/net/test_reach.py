# SPDX-License-Identifier: MIT
"""Who can reach a host, over real routes: each audience is proved by somebody who comes from there and by nobody else; and whoever cannot come is
told why, each way of failing by its own name.

What the router says is in test_router.py, the table of verdicts in tests/c/test_verdict.c.
"""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from atrium import Client
from atrium.check import Result, check
from tests.net.conftest import PORT, World, needs, settle
from tests.net.lab import Host
from tests.net.names import NameServer
from tests.net.test_names import NAMES, comes_by
from tests.net.test_paths import HOST
from tests.net.test_tunnels import RELAY, nginx, ssh_tunnel


def entry(host: Client, audience: str, label: str = "") -> dict[str, Any]:
    return next((one for one in host.reach if one["audience"] == audience and label in one["label"]), {})


def states(host: Client) -> dict[str, str]:
    return {one["audience"]: one["state"] for one in host.reach}


def comes(world: World, at: Host, host: Client, link: str) -> Client:
    guest = world.client(at)
    guest.connect(link, timeout=15)
    host.pump(0.5)
    return guest


def test_each_audience_is_proved_by_its_own(world: World) -> None:
    anna, router, lan = world.home_of("anna", HOST)
    vpn = world.lab.segment("vpn")
    interface = anna.plug(vpn)
    for words in (f"link set {interface} down", f"link set {interface} name zt5u4xkd", "link set zt5u4xkd up"):
        anna.ip(words)
    anna.ip("addr add 10.147.17.3/24 dev zt5u4xkd")
    router.forward(9090, "192.168.0.10", PORT, hairpin=True)
    server = world.serve(anna)
    host = world.owner(server)
    host.look_around(public=f"{HOST}:9090")
    assert states(host) == {"machine": "works", "lan": "should", "vpn": "should", "internet": "unknown"}
    assert entry(host, "vpn")["label"] == "ZeroTier"
    rule = entry(host, "internet")["with"]
    assert (rule["address"], rule["port"], rule["public_port"]) == ("192.168.0.10", PORT, 9090)
    link = host.create_invite()
    held = base64.urlsafe_b64decode(link.partition("#")[2] + "==")
    places = [held.index(socket.inet_aton(one)) for one in ("10.147.17.3", "192.168.0.10", HOST)]
    assert places == sorted(places), "those of VPNs first, then those of networks, then what was typed"

    neighbour = world.lab.host("neighbour")
    neighbour.plug(lan, "192.168.0.11/24", via="192.168.0.1")
    near = comes(world, neighbour, host, link)
    settle([host], lambda: states(host)["lan"] == "works", what="the proof of the LAN")
    assert states(host) == {"machine": "works", "lan": "works", "vpn": "should", "internet": "unknown"}
    # Round by the router's own address: the port is passed on, and nobody has come from outside.
    near.disconnect()
    near.trust_host(server.check_code)
    near.connect(f"{HOST}:9090", timeout=15)
    host.pump(0.5)
    assert states(host)["internet"] == "unknown"

    member = world.lab.host("member")
    member.plug(vpn, "10.147.17.4/24")
    comes(world, member, host, link)
    settle([host], lambda: states(host)["vpn"] == "works", what="the proof of the VPN")
    assert states(host)["internet"] == "unknown"

    stranger = world.on_the_internet("stranger", "203.0.113.50/24")
    comes(world, stranger, host, link)
    settle([host], lambda: states(host)["internet"] == "works", what="the proof of the internet")
    host.look_around(public=f"{HOST}:9090")
    assert states(host)["internet"] == "works"
    host.look_around(public=f"{HOST}:9091")  # another one, by which nobody has come
    assert states(host)["internet"] == "unknown"

    # What was proved is gone with the address that it was about.
    anna.ip("addr del 10.147.17.3/24 dev zt5u4xkd")
    settle([host], lambda: not entry(host, "vpn"), what="the end of the VPN")
    anna.ip("addr add 10.147.17.9/24 dev zt5u4xkd")
    settle([host], lambda: entry(host, "vpn"), what="the VPN under another address")
    assert entry(host, "vpn")["state"] == "should"


def test_bridges_of_containers_cost_no_vpn_its_line(world: World) -> None:
    """ATR_INTERFACES_MAX: the rest is not seen, and a developer's machine has dozens of bridges before its VPN."""
    anna, _, _ = world.home_of("anna", HOST)
    for number in range(60):
        anna.ip(f"link add docker{number} type bridge")
        anna.ip(f"addr add 172.17.{number}.1/24 dev docker{number}")
        anna.ip(f"link set docker{number} up")
    interface = anna.plug(world.lab.segment("vpn"))
    for words in (f"link set {interface} down", f"link set {interface} name zt5u4xkd", "link set zt5u4xkd up"):
        anna.ip(words)
    anna.ip("addr add 10.147.17.3/24 dev zt5u4xkd")
    host = world.owner(world.serve(anna))
    settle([host], lambda: host.reach, what="the report")
    assert entry(host, "vpn")["label"] == "ZeroTier"


@pytest.mark.parametrize("hides_guests", [False, True], ids=["passes on", "translates"])
def test_who_comes_through_a_vpn_that_forwards_a_port_is_no_member(world: World, hides_guests: bool) -> None:
    """As portmap.io does it: the public port is on the VPN's own machine, and nobody outside can use the host's address in the VPN. Where
    that machine puts its own address in the place of its guests', nothing tells them from members any more, and nothing is proved."""
    anna, _, _ = world.home_of("anna", HOST)
    vpn = world.lab.segment("vpn")
    relay = world.lab.router("relay", (world.internet, f"{RELAY}/24"), (vpn, "10.9.0.1/24"))
    relay.forward(9090, "10.9.0.6", PORT)
    if hides_guests:
        relay.nft('add rule ip nat post oifname "eth1" masquerade')
    interface = anna.plug(vpn)
    for words in (f"link set {interface} down", f"link set {interface} name tun0", "link set tun0 up"):
        anna.ip(words)
    anna.ip("addr add 10.9.0.6/24 dev tun0")
    anna.ip("route add 10.9.0.0/24 dev tun0 table 9")
    anna.ip("route add default via 10.9.0.1 table 9")
    for name in ("all", "tun0"):
        anna.set(f"ipv4/conf/{name}/rp_filter", 0)
    anna.ip("rule add from 10.9.0.6 table 9")
    host = world.owner(world.serve(anna))
    host.look_around(public=f"{RELAY}:9090")
    assert (states(host)["vpn"], states(host)["internet"]) == ("should", "unknown")
    link = host.create_invite()
    comes(world, world.on_the_internet("stranger", "203.0.113.50/24"), host, link)
    wanted = "unknown" if hides_guests else "works"
    settle([host], lambda: states(host)["internet"] == wanted, what="the proof of the internet")
    assert states(host)["vpn"] == "should"
    member = world.lab.host("member")
    member.plug(vpn, "10.9.0.7/24")
    comes(world, member, host, link)
    settle([host], lambda: states(host)["vpn"] == "works", what="the proof of the VPN")
    assert states(host)["internet"] == wanted


def test_a_port_scan_proves_nothing(world: World) -> None:
    anna, router, _ = world.home_of("anna", HOST)
    router.forward(9090, "192.168.0.10", PORT)
    stranger = world.on_the_internet("stranger", "203.0.113.50/24")
    host = world.owner(world.serve(anna))
    host.look_around(public=f"{HOST}:9090")
    with stranger.inside():
        for words in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello"):
            with socket.create_connection((HOST, 9090), timeout=5) as scan:
                scan.sendall(words)
    host.pump(1.0)
    assert states(host)["internet"] == "unknown"


def program_page(at: Host, port: int, pages: dict[str, Any], folder: Path) -> subprocess.Popen[bytes]:
    """What a tunnel's program tells on that port of its own machine; not found is all that is not in `pages`."""
    script = (
        f"import http.server\npages = { ({path: json.dumps(page).encode() for path, page in pages.items()})!r}\n"
        "class H(http.server.BaseHTTPRequestHandler):\n"
        " def do_GET(self):\n  self.send_response(200 if self.path in pages else 404); self.end_headers()\n"
        "  self.wfile.write(pages.get(self.path, b''))\n"
        f"http.server.HTTPServer(('127.0.0.1', {port}), H).serve_forever()"
    )
    agent = at.spawn(sys.executable, "-c", script, log=folder / f"agent{port}.log")
    at.listens(port)
    return agent


def ngrok_pages(public: str) -> dict[str, Any]:
    tunnel = {"public_url": public, "proto": "tcp", "config": {"addr": f"localhost:{PORT}"}}
    return {"/api/tunnels": {"tunnels": [tunnel]}}


def newer_ngrok_pages(public: str) -> dict[str, Any]:
    """Of a version that knows the other page alone."""
    return {"/api/endpoints": {"endpoints": [{"url": public, "upstream": {"url": f"tcp://localhost:{PORT}"}}]}}


def cloudflared_pages(hostname: str) -> dict[str, Any]:
    ingress = [{"service": f"http://localhost:{PORT}"}, {"service": "http_status:404"}]
    return {"/quicktunnel": {"hostname": hostname}, "/config": {"version": 0, "config": {"ingress": ingress}}}


@needs("ssh", "sshd", "nginx")
@pytest.mark.parametrize(
    ("label", "port", "pages", "address"),
    [
        ("ngrok", 4040, ngrok_pages(f"tcp://{RELAY}:9090"), f"{RELAY}:9090"),
        ("ngrok", 4040, newer_ngrok_pages(f"tcp://{RELAY}:9090"), f"{RELAY}:9090"),
        ("cloudflared", 20241, cloudflared_pages(RELAY), f"wss://{RELAY}:443/atrium"),
    ],
    ids=["ngrok", "newer ngrok", "cloudflared"],
)
def test_a_running_tunnel_is_found_used_and_proved(
    world: World, tmp_path: Path, label: str, port: int, pages: dict[str, Any], address: str
) -> None:
    """The programs' part is played by `ssh -R`, which carries the bytes, for cloudflared with a proxy before it that speaks HTTP alone, and
    by pages on the programs' own ports, which tell of it."""
    anna, _, _ = world.home_of("anna", HOST)
    relay = world.on_the_internet("relay", f"{RELAY}/24")
    host = world.owner(world.serve(anna))
    settle([host], lambda: host.reach, what="the report")
    assert not entry(host, "tunnel")
    ssh_tunnel(anna, relay, PORT, tmp_path)
    nginx(relay, tmp_path, "127.0.0.1:9090")
    agent = program_page(anna, port, pages, tmp_path)
    settle([host], lambda: entry(host, "tunnel"), timeout=15, what="the tunnel, asked for by itself")
    assert (entry(host, "tunnel")["label"], entry(host, "tunnel")["addresses"]) == (label, [address])
    assert entry(host, "tunnel")["state"] == "should"
    ben = world.on_the_internet("ben", "203.0.113.50/24")
    guest = comes(world, ben, host, host.create_invite())
    settle([host, guest], lambda: entry(host, "tunnel")["state"] == "works", what="the proof of the tunnel")
    assert states(host)["internet"] == "no"
    agent.kill()
    settle([host], lambda: not entry(host, "tunnel"), timeout=15, what="the end of the tunnel")


@needs("ssh", "sshd")
def test_a_relay_that_the_host_has_typed_is_proved_by_who_comes_by_it(world: World, tmp_path: Path) -> None:
    """Everybody arrives from the machine itself, and says by which address."""
    anna, _, _ = world.home_of("anna", HOST)
    relay = world.on_the_internet("relay", f"{RELAY}/24")
    host = world.owner(world.serve(anna))
    host.look_around(public=f"{RELAY}:9090")
    assert states(host)["internet"] == "unknown"
    ssh_tunnel(anna, relay, PORT, tmp_path)
    ben = world.on_the_internet("ben", "203.0.113.50/24")
    guest = comes(world, ben, host, host.create_invite())
    settle([host, guest], lambda: states(host)["internet"] == "works", what="the proof of the relay")


@pytest.mark.parametrize(
    ("typed", "leads"),
    [
        ("203.0.113.17:12800", HOST),
        ("film.example:12800", HOST),
        ("film.example:12800", "127.0.0.1"),
        ("film.example:12800", "::1"),
    ],
    ids=["number", "name", "name of the loopback", "name of the other loopback"],
)
def test_this_machine_s_own_programs_do_not_prove_the_internet(world: World, typed: str, leads: str) -> None:
    """They come to its public address, which a firewall keeps from everybody else; or by a name that leads to the loopback here, as a hosts file
    may have it for the machine's own name. There everybody arrives who comes by a relay."""
    anna = world.on_the_internet("anna", f"{HOST}/24")
    rule = f"iifname eth0 tcp dport {PORT} drop"
    anna.nft(f"table inet wall {{ chain in {{ type filter hook input priority 0; {rule}; }}; }}")
    with NameServer(world.on_the_internet("names", f"{NAMES}/24"), {"film.example": [leads]}):
        anna.names_from(NAMES, world.folder)
        server = world.serve(anna, "--open")
        host = world.owner(server)
        host.look_around(public=typed)
        before = states(host)
        assert before["internet"] != "works"
        comes_by(anna, server, world.folder, typed)
        host.pump(0.5)
        assert states(host) == before


@pytest.mark.parametrize("ports", [(4040, 4041, 4042), (20241, 20242), (20243, 20244, 20245)])
def test_each_port_of_a_tunnels_program_is_asked(world: World, tmp_path: Path, ports: tuple[int, ...]) -> None:
    """Both programs take the next port where another one of them runs already. (ATR_ENDPOINTS_MAX are told of at a time.)"""
    anna, _, _ = world.home_of("anna", HOST)
    host = world.owner(world.serve(anna))
    for port in ports:
        name = f"{port}.example.org"
        program_page(
            anna, port, ngrok_pages(f"tcp://{name}:9090") if port < 5000 else cloudflared_pages(name), tmp_path
        )

    def found() -> set[str]:
        return {address for one in host.reach if one["audience"] == "tunnel" for address in one["addresses"]}

    host.look_around()
    settle([host], lambda: len(found()) == len(ports), what="all of them")
    assert all(any(f"{port}.example.org" in address for address in found()) for port in ports)


# --- whoever cannot come -----------------------------------------------------------------------------------------------


def tried(at: Host, address: str, timeout: float = 12) -> Result:
    with at.inside():
        return check(address, timeout)


def hangs_up(host: Host, port: int, words: bytes) -> None:
    def serve() -> None:
        peer, _ = listener.accept()
        with listener, peer:
            peer.recv(4096)
            peer.sendall(words)

    with host.inside():
        listener = socket.create_server(("0.0.0.0", port))
        threading.Thread(target=serve, daemon=True).start()


@pytest.mark.parametrize(
    ("address", "code", "said"),
    [
        ("no-such-host.invalid", "RESOLVE", "No machine is known by the name"),
        ("198.51.100.7", "UNREACHABLE", "There is no way from this machine to 198.51.100.7:12800"),
        (f"{HOST}:4000", "CONNREFUSED", f"Nobody listens at {HOST}:4000"),
        (f"{HOST}:4001", "SILENT", f"Nothing answers at {HOST}:4001"),
        (f"{HOST}:4002", "NOT_ATRIUM", f"What answers at {HOST}:4002 is not Atrium"),
        (HOST, "", f"Atrium answers at {HOST}:12800"),
    ],
)
def test_each_way_of_failing_has_its_name(world: World, address: str, code: str, said: str) -> None:
    """What comes after these, once Atrium has answered, is in tests/python: another version and full in test_hostile.py, a wrong key in
    test_invites.py, a wrong password in test_passwords.py, refused by the host in test_entering.py."""
    anna = world.on_the_internet("anna", f"{HOST}/24")
    ben = world.on_the_internet("ben", "203.0.113.50/24")
    anna.nft("add table inet wall")
    anna.nft("add chain inet wall in { type filter hook input priority 0; }")
    anna.nft("add rule inet wall in tcp dport 4001 drop")
    hangs_up(anna, 4002, b"220 mail.example.org ESMTP\r\n")
    world.serve(anna)
    result = tried(ben, address)
    assert result.code == code, result.report()
    assert result.report().startswith(said), result.report()
