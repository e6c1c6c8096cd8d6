# SPDX-License-Identifier: MIT
"""Blenders on machines of their own, with routers between them (tests/net/lab.py): from the host's panel to a guest's, over a real path.

People in a room have one minor version, so each path is gone with one, and the oldest, the long-supported and the newest have some each.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.blender.blenders import Blender
from tests.blender.extension import MODULE
from tests.blender.party import Party, Person
from tests.blender.test_invited import invite_of, make_object, names, paste
from tests.net import lab as labs
from tests.net.conftest import needs
from tests.net.gateways import OUTSIDE, Miniupnpd
from tests.net.lab import Host, Lab, Router
from tests.net.test_tunnels import nginx, ssh_tunnel
from tests.net.test_vpn import openvpn
from tests.net.tunnel import Hoarder

HOST = "203.0.113.17"
RELAY = "203.0.113.99"


def invite_with(module: str, address: str) -> Generator[None, None, str]:
    """As Copy Invite does, with what the host knows of its router."""
    import importlib

    runtime = importlib.import_module(f"{module}.session.runtime")
    task = runtime.need().create_invite(2.0, [address])
    while not task.done:
        yield
    if task.problem is not None:
        raise RuntimeError(str(task.problem))
    return str(runtime.state().invite)


def two_homes(lab: Lab, outside: str = HOST) -> tuple[Host, Router, Host]:
    """Anna's machine and router, and Ben's machine behind a router of his."""
    internet, anna_lan, ben_lan = lab.segment("internet"), lab.segment("anna-lan"), lab.segment("ben-lan")
    router = lab.router("anna-router", (internet, f"{outside}/24"), (anna_lan, "192.168.0.1/24"))
    lab.router("ben-router", (internet, f"{outside.rpartition('.')[0]}.40/24"), (ben_lan, "192.168.0.1/24"))
    anna, ben = lab.host("anna"), lab.host("ben")
    anna.plug(anna_lan, "192.168.0.10/24", via="192.168.0.1")
    ben.plug(ben_lan, "192.168.0.48/24", via="192.168.0.1")
    return anna, router, ben


@pytest.fixture
def lab() -> Iterator[Lab]:
    if reason := labs.why_not():
        pytest.skip(f"NO NETWORK LAB: {reason}")
    with Lab() as one:
        yield one


def who_hosts(kind: Blender, party: Party, machine: Host) -> Person:
    """Anna, in her room; with online access, for else only her own machine is served."""
    with machine.inside():
        anna = party.invite(kind, "anna")
    anna.blender.execute("bpy.context.preferences.system.use_online_access = True")
    anna.host("Film")
    return anna


def who_comes(kind: Blender, party: Party, machine: Host, name: str, link: str, makes: str) -> Person:
    """Somebody who pastes an invite, is in the room by it, and makes something there."""
    with machine.inside():
        guest = party.invite(kind, name)
    paste(guest, link)
    guest.operate("atrium.connect")
    assert guest.state == "JOINED"
    guest.call(make_object, makes)
    return guest


@pytest.mark.parametrize("kind", ["bpy42"], indirect=True)
def test_an_invite_leads_through_a_forwarded_port(kind: Blender, lab: Lab, party: Party) -> None:
    """9090 outside, another port inside."""
    anna_host, router, ben_host = two_homes(lab)
    router.forward(9090, "192.168.0.10", party.port)
    anna = who_hosts(kind, party, anna_host)
    link = anna.call(invite_with, MODULE, f"{HOST}:9090")
    ben = who_comes(kind, party, ben_host, "ben", f"We meet here: <{link}>", "From Ben")
    ben.flush()
    anna.flush()
    assert "From Ben" in anna.call(names)
    assert anna.call(names) == ben.call(names)


@needs("miniupnpd")
@pytest.mark.parametrize("kind", ["bpy50"], indirect=True)
def test_an_invite_leads_through_a_router_that_was_asked(kind: Blender, lab: Lab, party: Party, tmp_path: Path) -> None:
    """Nobody has typed anything: who hosts has the port mapped, and the invite says where."""
    anna_host, router, ben_host = two_homes(lab, OUTSIDE)
    gateway = Miniupnpd(router, tmp_path, "upnp")
    anna = who_hosts(kind, party, anna_host)
    end = time.monotonic() + 30
    while ("192.168.0.10", party.port) not in gateway.ports().values():
        assert time.monotonic() < end, "the port is not mapped"
        time.sleep(0.1)
    link = invite_of(anna)
    ben = who_comes(kind, party, ben_host, "ben", link, "From Ben")
    ben.flush()
    anna.flush()
    assert anna.call(names) == ben.call(names)


@needs("openvpn")
@pytest.mark.parametrize("kind", ["bpy45"], indirect=True)
def test_an_invite_leads_through_a_vpn(kind: Blender, lab: Lab, party: Party, tmp_path: Path) -> None:
    """Its address there is in the invite by itself."""
    anna_host, router, ben_host = two_homes(lab)
    anna = who_hosts(kind, party, anna_host)
    openvpn(router, anna_host, ben_host, tmp_path)
    ben_host.listens(party.port, address="10.8.0.1", timeout=20)
    link = invite_of(anna)
    ben = who_comes(kind, party, ben_host, "ben", link, "From Ben")
    ben.flush()
    anna.flush()
    assert "From Ben" in anna.call(names)


def link_local_address(host: Host, interface: str) -> str:
    """As the kernel gives one to every interface; in the first second or two it is still looking whether anybody has it."""
    end = time.monotonic() + 20
    while True:
        said = host.ip(f"-6 addr show dev {interface} scope link")
        found = re.search(r"inet6 (fe80:[0-9a-f:]+)/", said)
        if found and "tentative" not in said:
            return found[1]
        assert time.monotonic() < end, said
        time.sleep(0.05)


def way_to(lab: Lab, way: str, port: int) -> tuple[Host, Host, str]:
    """Anna's machine, Ben's, and what he types to get from his to hers."""
    if way == "link-local":
        # Every network has such addresses: only the zone says that she is behind his second interface.
        anna, ben = lab.host("anna"), lab.host("ben")
        lan = lab.segment("lan")
        ben.plug(lab.segment("another"))
        anna.plug(lan)
        zone = ben.plug(lan)
        link_local_address(ben, zone)
        return anna, ben, f" [{link_local_address(anna, 'eth0')}%{zone}]:{port} "
    if way == "lan":
        lan = lab.segment("lan")
        anna, ben = lab.host("anna"), lab.host("ben")
        anna.plug(lan, "192.168.0.10/24")
        ben.plug(lan, "192.168.0.48/24")
        return anna, ben, f"192.168.0.10:{port}"
    anna, router, ben = two_homes(lab)
    router.forward(port, "192.168.0.10", port)
    return anna, ben, f"{HOST}:{port}" if way == "forwarded port" else f"ws://{RELAY}/atrium"


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        ("bpy42", "lan"),
        ("bpy50", "link-local"),
        ("bpy45", "forwarded port"),
        ("bpy42", "websocket that is held back"),
        pytest.param("bpy50", "websocket by nginx", marks=needs("nginx")),
    ],
    indirect=["kind"],
)
def test_a_typed_address_and_a_password(kind: Blender, lab: Lab, party: Party, way: str, tmp_path: Path) -> None:
    anna_host, ben_host, typed = way_to(lab, way, party.port)
    with contextlib.ExitStack() as stack:
        if typed.startswith("ws"):
            relay = lab.host("relay")
            relay.plug(lab.segments[0], f"{RELAY}/24")
            if "nginx" in way:
                nginx(relay, tmp_path, f"{HOST}:{party.port}")
            else:
                stack.enter_context(Hoarder(relay, 80, (HOST, party.port)))
        anna = who_hosts(kind, party, anna_host)
        anna.operate("atrium.set_password", password="näher als gedacht")
        with ben_host.inside():
            ben = party.invite(kind, "ben")
        paste(ben, typed)
        ben.operate("atrium.connect", password="näher als gedacht")
        ben.join("Film")
        anna.call(make_object, "From Anna")
        anna.flush()
        ben.flush()
        assert "From Anna" in ben.call(names)
        assert anna.call(names) == ben.call(names)


@needs("ssh", "sshd")
@pytest.mark.parametrize("kind", ["bpy50"], indirect=True)
def test_five_people_come_through_one_ssh_tunnel(kind: Blender, lab: Lab, party: Party, tmp_path: Path) -> None:
    """All arrive at the server from this machine itself, and each is a user of its own."""
    anna_host, _, ben_host = two_homes(lab)
    relay = lab.host("relay")
    relay.plug(lab.segments[0], f"{RELAY}/24")
    anna = who_hosts(kind, party, anna_host)
    ssh_tunnel(anna_host, relay, party.port, tmp_path)
    link = anna.call(invite_with, MODULE, f"tcp://{RELAY}:9090")
    guests = []
    for i in range(5):
        guests.append(who_comes(kind, party, ben_host, f"guest{i}", link, f"From guest {i}"))
    for _ in range(2):
        for person in (*guests, anna):
            person.flush()
    everything = anna.call(names)
    assert {f"From guest {i}" for i in range(5)} <= set(everything)
    assert all(guest.call(names) == everything for guest in guests)
    assert anna.blender.evaluate("len(bpy.context.window_manager.atrium.users)") == 6
