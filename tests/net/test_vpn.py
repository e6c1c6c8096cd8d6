# SPDX-License-Identifier: MIT
"""A VPN between two homes: the invite holds the host's address in it, and that one wins the race from where no other leads to the host."""

from __future__ import annotations

import base64
import functools
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.net.conftest import PORT, World, needs, settle
from tests.net.lab import Host, Router
from tests.net.test_paths import HOST, edit_together

VPN_PORT = 1194


def key_of(folder: Path, name: str) -> str:
    """Makes a key and a certificate that needs no authority: the fingerprint by which the other side knows it."""
    command = f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name} -days 2"
    subprocess.run(
        [*command.split(), "-keyout", f"{name}.key", "-out", f"{name}.crt"],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=20,
    )
    told = subprocess.run(
        ["openssl", "x509", "-in", f"{name}.crt", "-noout", "-fingerprint", "-sha256"],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        timeout=20,
    )
    return told.stdout.strip().partition("=")[2]


class Homes:
    """Anna's home with a server in it, and Ben's; the invite is made when the VPN stands."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder = world, folder
        self.anna, self.router, _ = world.home_of("anna", HOST)
        self.ben, _, _ = world.home_of("ben", "203.0.113.50", machine="192.168.0.48")
        self.server = world.serve(self.anna)
        self.host = world.owner(self.server)

    def vpn(self) -> dict[str, Any]:
        return next((one for one in self.host.reach if one["audience"] == "vpn"), {})

    def meet(self, label: str, host_address: str, guest_address: str) -> None:
        """By an invite that names the VPN's address before others, of which none leads here. The host is told of the VPN by its name, and that it
        works once somebody has come over it; nothing else is proved by that."""
        self.ben.listens(PORT, address=host_address, timeout=25)
        room = self.host.create_room("Film")
        self.host.look_around()
        assert self.vpn()["label"] == label and self.vpn()["addresses"] == [f"{host_address}:{PORT}"]
        assert self.vpn()["state"] == "should", "an adapter alone proves nothing"
        before = {one["audience"]: one["state"] for one in self.host.reach}
        guest = self.world.client(self.ben)
        link = self.host.create_invite(room.id)
        held = base64.urlsafe_b64decode(link.partition("#")[2] + "==")
        assert held.index(socket.inet_aton(host_address)) < held.index(socket.inet_aton("192.168.0.10"))
        guest.connect(f"<{link}>", timeout=15)
        assert guest_address in self.server.log.read_text()
        settle([self.host], lambda: self.vpn()["state"] == "works", timeout=10, what="the proof of the VPN")
        assert self.vpn()["label"] == label
        assert {one["audience"]: one["state"] for one in self.host.reach} == {**before, "vpn": "works"}
        edit_together(self.host, guest, room.id)


def openvpn(router: Router, anna: Host, ben: Host, folder: Path) -> None:
    """Between two machines: 10.8.0.1 is the first, which the second calls through the router before it."""
    router.nft(f"add rule ip nat pre iifname eth0 udp dport {VPN_PORT} dnat to 192.168.0.10:{VPN_PORT}")
    prints = {name: key_of(folder, name) for name in ("anna", "ben")}
    ends = {
        "anna": (anna, "ben", f"--tls-server --dh none --port {VPN_PORT} --ifconfig 10.8.0.1 10.8.0.2"),
        "ben": (ben, "anna", f"--tls-client --nobind --remote {HOST} {VPN_PORT} --ifconfig 10.8.0.2 10.8.0.1"),
    }
    for name, (machine, other, words) in ends.items():
        own = f"--cert {folder}/{name}.crt --key {folder}/{name}.key --peer-fingerprint {prints[other]}"
        common = "openvpn --dev tun --proto udp --verb 3 --disable-dco --cipher AES-256-GCM"
        machine.spawn(*common.split(), *own.split(), *words.split(), log=folder / f"{name}.log")


@needs("openvpn")
def test_openvpn(world: World, tmp_path: Path) -> None:
    homes = Homes(world, tmp_path)
    openvpn(homes.router, homes.anna, homes.ben, tmp_path)
    homes.meet("OpenVPN", "10.8.0.1", "10.8.0.2")


@needs("supernode", "edge")
def test_n2n(world: World, tmp_path: Path) -> None:
    """As Hamachi: both homes call a machine on the internet, no router knows of anything, and the addresses begin with 25."""
    homes = Homes(world, tmp_path)
    world.on_the_internet("supernode", "203.0.113.99/24").spawn("supernode", "-f", "-l", "7654")
    for i, machine in enumerate((homes.anna, homes.ben)):
        words = f"edge -f -d ham0 -c film -k secret -a 25.0.0.{i + 1} -l 203.0.113.99:7654 -u 0 -g 0"
        machine.spawn(*words.split(), log=tmp_path / f"edge{i}.log")
    homes.meet("Hamachi", "25.0.0.1", "25.0.0.2")


@needs("wireguard-go", "wg")
def test_wireguard(world: World, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    homes = Homes(world, tmp_path)
    homes.router.nft("add rule ip nat pre iifname eth0 udp dport 51820 dnat to 192.168.0.10:51820")
    machines = (homes.anna, homes.ben)
    public = []
    for i in range(2):
        private = subprocess.run(["wg", "genkey"], check=True, capture_output=True, timeout=10).stdout
        (tmp_path / f"key{i}").write_bytes(private)
        told = subprocess.run(["wg", "pubkey"], input=private, check=True, capture_output=True, timeout=10)
        public.append(told.stdout.decode().strip())
    for i, machine in enumerate(machines):
        name = f"wg{i}p{os.getpid()}"  # its control socket is the whole machine's
        machine.spawn("wireguard-go", "-f", name, log=tmp_path / f"wireguard{i}.log")
        control = Path(f"/var/run/wireguard/{name}.sock")
        request.addfinalizer(functools.partial(control.unlink, missing_ok=True))
        settle([], control.exists, timeout=10, what="the adapter")
        peer = f"peer {public[1 - i]} allowed-ips 10.9.0.0/24 " + (
            f"endpoint {HOST}:51820 persistent-keepalive 5" if i else ""
        )
        listen = "" if i else "listen-port 51820"
        with machine.inside():
            command = f"wg set {name} private-key {tmp_path}/key{i} {listen} {peer}"
            subprocess.run(command.split(), check=True, timeout=10)
        machine.ip(f"addr add 10.9.0.{i + 1}/24 dev {name}")
        machine.ip(f"link set {name} mtu 1420 up")
    homes.meet("WireGuard", "10.9.0.1", "10.9.0.2")
