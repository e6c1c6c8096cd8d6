# SPDX-License-Identifier: MIT
"""The port on the router: asked for, used, kept, given back; with miniupnpd, which is what many real routers run, and with a stand-in that lies."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from atrium import AtriumError, Client
from tests.net.conftest import BINARY, PORT, ROOT, Server, World, needs, settle
from tests.net.gateways import INSIDE, LINK_LOCAL, OUTSIDE, Miniupnpd, holes, lie
from tests.net.lab import Host
from tests.net.test_reach import ngrok_pages, program_page
from tests.net.watch import Watch

WAYS = ("pcp", "natpmp", "upnp")
LIAR_OUTSIDE = "203.0.113.99"
GUEST = "25.0.113.40/24"

real_router = needs("miniupnpd")


def internet(host: Client) -> dict[str, Any]:
    """What the host is told about guests from the internet."""
    (found,) = [entry for entry in host.reach if entry["audience"] == "internet"]
    return found


def settled(host: Client, timeout: float = 20) -> dict[str, Any]:
    """The same, when the router has been asked."""
    settle([host], lambda: host.reach and internet(host)["state"] != "checking", timeout, "an answer about the router")
    return internet(host)


def until(done: Any, timeout: float, what: str) -> None:
    end = time.monotonic() + timeout
    while not done():
        assert time.monotonic() < end, f"{what} did not happen within {timeout} s"
        time.sleep(0.05)


def hosting(world: World, host: Host, *options: str) -> tuple[Server, Client]:
    server = world.serve(host, "--map-port", *options)
    return server, world.owner(server)


def end(server: Server) -> float:
    """SIGTERM; how long it takes."""
    start = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(10) == 0
    return time.monotonic() - start


def says(server: Server, words: str) -> bool:
    return words in server.log.read_text()


def proved_by(world: World, machine: Host, server: Server, host: Client) -> None:
    """A guest comes from there by invite, so that the internet is known to work; then all end."""
    room = host.create_room("Film")
    guest = world.client(machine)
    guest.connect(host.create_invite(room.id), timeout=20)
    guest.join(room.id)
    settle([host, guest], lambda: internet(host)["state"] == "works", what="word that somebody came from outside")
    guest.close()
    host.close()
    assert end(server) < 2.0


def home_with(world: World, way: str, lifetime_s: int = 600) -> tuple[Host, Miniupnpd]:
    anna, router, _ = world.home_of("anna", OUTSIDE)
    return anna, Miniupnpd(router, world.folder, way, lifetime_s)


# --- a router that does what it says ---------------------------------------------------------------------------------


@real_router
@pytest.mark.parametrize("way", WAYS)
def test_a_guest_comes_through_the_mapped_port_which_is_gone_at_the_end(world: World, way: str) -> None:
    anna, gateway = home_with(world, way)
    server, host = hosting(world, anna)
    told = settled(host)
    assert (told["state"], told["reason"]) == ("should", "mapped"), told
    assert f"{OUTSIDE}:{PORT}" in told["addresses"]
    assert gateway.ports() == {PORT: ("192.168.0.10", PORT)}
    proved_by(world, world.on_the_internet("cora", GUEST), server, host)
    assert gateway.ports() == {}, "SIGTERM gives the port back"


CHECKS = {"python": [sys.executable, "-m", "atrium", "check"], "server": [str(BINARY), "--check"]}


def checked(at: Host, program: str, home: Path, *options: str) -> tuple[str, float]:
    """The report of the network check of one of the programs, and how many seconds it took."""
    environment = {**os.environ, "ATRIUM_HOME": str(home), "PYTHONPATH": str(ROOT / "python")}
    if program == "server":  # a sanitizer that Python was given is not for it
        environment |= {"ASAN_OPTIONS": "detect_leaks=1:exitcode=99", "LD_PRELOAD": ""}
    start = time.monotonic()
    with at.inside():
        check = subprocess.run(
            [*CHECKS[program], *options], capture_output=True, text=True, timeout=30, env=environment, check=False
        )
    assert check.returncode == 0, check
    return check.stdout, time.monotonic() - start


@real_router
@pytest.mark.parametrize("program", CHECKS)
def test_the_network_check_looks_everywhere(world: World, tmp_path: Path, program: str) -> None:
    """Nobody hosts here yet: a server of the check's own asks the router, and takes back what it was given."""
    anna, gateway = home_with(world, "upnp")
    interface = anna.plug(world.lab.segment("vpn"))
    for words in (f"link set {interface} down", f"link set {interface} name zt5u4xkd", "link set zt5u4xkd up"):
        anna.ip(words)
    anna.ip("addr add 10.147.17.3/24 dev zt5u4xkd")
    program_page(anna, 4040, ngrok_pages("tcp://0.tcp.example.org:12489"), tmp_path)
    report, took_s = checked(anna, program, tmp_path / "home", "--map-port")
    for line in (
        f"This machine: works: localhost:{PORT}",
        f"Your network (LAN): should work: 192.168.0.10:{PORT}",
        f"VPN: ZeroTier: should work: 10.147.17.3:{PORT}",
        f"The internet: should work: {OUTSIDE}:{PORT}",
        "Tunnel: ngrok: should work: 0.tcp.example.org:12489",
    ):
        assert line in report.splitlines(), report
    assert "(UPnP)" in report and took_s < 5, (took_s, report)
    assert gateway.ports() == {}


@real_router
@pytest.mark.parametrize("options", [(), ("--map-port", "--no-map-port")], ids=["without", "taken back"])
@pytest.mark.parametrize("program", CHECKS)
def test_the_network_check_asks_no_router_that_the_server_would_not_ask(
    world: World, tmp_path: Path, program: str, options: tuple[str, ...]
) -> None:
    """It opened the port, and told of guests from the internet whom the server that was started then never got."""
    anna, gateway = home_with(world, "upnp")
    watch = Watch(anna)
    report, _ = checked(anna, program, tmp_path / "home", *options)
    assert not [to for to in watch.destinations() if to.protocol == "udp" and to.port in (1900, 5350, 5351)]
    assert gateway.ports() == {}
    told = settled(world.owner(world.serve(anna, *options)))
    assert (told["state"], told["reason"]) == ("no", "mapping_off"), told
    assert "The internet: not reachable\n    Your router is not asked to open the port." in report, report


@pytest.mark.parametrize("program", CHECKS)
def test_the_network_check_does_not_wait_long_for_a_silent_router(world: World, tmp_path: Path, program: str) -> None:
    anna, router, _ = world.home_of("anna", OUTSIDE)
    router.nft('add rule ip filter input iifname "eth1" drop')
    report, took_s = checked(anna, program, tmp_path / "home", "--map-port")
    assert "The internet: " in report and "Not everything was known in time." not in report, report
    assert took_s < 12, report


@real_router
@pytest.mark.parametrize("way", WAYS)
def test_a_second_host_in_the_home_gets_another_outer_port(world: World, way: str) -> None:
    anna, router, lan = world.home_of("anna", OUTSIDE)
    gateway = Miniupnpd(router, world.folder, way)
    _, first = hosting(world, anna)
    settled(first)
    ben = world.lab.host("ben")
    ben.plug(lan, "192.168.0.48/24", via=INSIDE)
    _, second = hosting(world, ben)
    told = settled(second)
    assert told["reason"] == "mapped"
    ports = gateway.ports()
    (outer,) = [port for port, inside in ports.items() if inside == ("192.168.0.48", PORT)]
    assert outer != PORT and ports[PORT] == ("192.168.0.10", PORT), ports
    assert f"{OUTSIDE}:{outer}" in told["addresses"]
    guest = world.client(world.on_the_internet("cora", GUEST))
    room = second.create_room("Film")
    guest.connect(second.create_invite(room.id), timeout=20)
    assert guest.invited_to == room.id


SHORT_S = 8


@real_router
@pytest.mark.parametrize("way", WAYS)
def test_a_mapping_of_seconds_is_renewed_before_it_ends_and_lapses_when_its_server_is_killed(
    world: World, way: str
) -> None:
    anna, gateway = home_with(world, way, lifetime_s=SHORT_S)
    server, host = hosting(world, anna)
    settled(host)
    time.sleep(2 * SHORT_S + 1)
    assert not gateway.has_ended_one()
    until(lambda: gateway.ports() == {PORT: ("192.168.0.10", PORT)}, 5, "having the port mapped still")
    host.close()
    server.process.kill()
    until(lambda: gateway.ports() == {}, 8 * SHORT_S, "the end of what a killed server has left behind")
    assert gateway.has_ended_one()


@real_router
@pytest.mark.parametrize("way", WAYS)
def test_a_router_that_was_restarted_passes_the_port_on_again(world: World, way: str) -> None:
    """It says so itself over PCP and NAT-PMP; over UPnP it is noticed when the mapping is renewed."""
    says_so = way != "upnp"
    anna, gateway = home_with(world, way, *([] if says_so else [SHORT_S]))
    server, host = hosting(world, anna)
    settled(host)
    if says_so:
        time.sleep(5)  # a router that has run for less might as well be the same one: its clock says how long
    gateway.crash()
    assert gateway.ports() == {}
    gateway.start()
    until(lambda: gateway.ports() == {PORT: ("192.168.0.10", PORT)}, 30, "mapping the port again")
    told = settled(host)
    assert (told["state"], told["reason"]) == ("should", "mapped"), told
    assert end(server) < 2.0
    assert gateway.ports() == {}


ENDS = ("restarted", "killed")


@real_router
@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("way", WAYS)
def test_guests_come_back_by_themselves_through_the_port_of_the_next_server(world: World, way: str, how: str) -> None:
    """Restart Server gives the port back, and the next server asks for it; one that was killed has left it behind, and the next takes it over.
    Either way it is the same outer port, which stands in invites and is where the guests try."""
    anna, gateway = home_with(world, way)
    first, host = hosting(world, anna, "--idle-exit-min", "10")
    settled(host)
    film = host.create_room("Film")
    cora = world.client(world.on_the_internet("cora", GUEST))
    cora.connect(host.create_invite(film.id), timeout=20)
    mine = cora.join(film.id)
    if how == "restarted":
        host._engine.send({"t": "end"})
        assert first.process.wait(10) == 0
        assert gateway.ports() == {}
    else:
        first.process.kill()
        first.process.wait(10)
        assert gateway.ports() == {PORT: ("192.168.0.10", PORT)}
    second, _ = hosting(world, anna, "--idle-exit-min", "10")
    cube = mine.create({"type": "object", "name": "Cube"})
    settle([host, cora], lambda: cube in film.documents, 30, "what the guest did meanwhile")
    settle([host], lambda: f"{OUTSIDE}:{PORT}" in internet(host)["addresses"], what="the router's answer")
    assert (internet(host)["state"], internet(host)["reason"]) == ("works", "proved")
    assert gateway.ports() == {PORT: ("192.168.0.10", PORT)}
    assert end(second) < 2.0
    assert gateway.ports() == {}, "it was the second server's to give back"


@real_router
def test_another_address_of_the_host_is_mapped_instead(world: World) -> None:
    anna, gateway = home_with(world, "pcp", lifetime_s=10)
    _, host = hosting(world, anna)
    settled(host)
    anna.ip("addr del 192.168.0.10/24 dev eth0")
    anna.ip("addr add 192.168.0.20/24 dev eth0")
    anna.ip(f"route add default via {INSIDE}")
    until(lambda: ("192.168.0.20", PORT) in gateway.ports().values(), 20, "mapping for the new address")


# --- more than one router --------------------------------------------------------------------------------------------


@real_router
@pytest.mark.parametrize("way", WAYS)
def test_a_real_router_behind_cgnat_does_not_map(world: World, way: str) -> None:
    anna, router, _ = world.home_of("anna", "100.64.7.7")
    Miniupnpd(router, world.folder, way)
    _, host = hosting(world, anna)
    told = settled(host)
    # Newer ones tell their outer address over UPnP all the same.
    assert (told["state"], told["reason"]) in (("no", "no_outside"), ("no", "cgnat")), told


@pytest.mark.parametrize(
    ("outside", "reason"),
    [
        ("100.64.7.7", "cgnat"),
        ("100.127.255.254", "cgnat"),
        ("192.168.178.20", "double_nat"),
        ("10.1.2.3", "double_nat"),
    ],
)
@pytest.mark.parametrize("way", WAYS)
def test_a_second_nat_is_recognised_by_the_outer_address(world: World, way: str, outside: str, reason: str) -> None:
    anna, router, _ = world.home_of("anna", "203.0.113.17")
    lie(router, world.folder, INSIDE, way, outside)
    _, host = hosting(world, anna)
    told = settled(host)
    assert (told["state"], told["reason"]) == ("no", reason), told
    assert outside not in host.create_invite(), "nobody is sent to an address that leads nowhere"


# --- IPv6 ------------------------------------------------------------------------------------------------------------

# 2000::/3 is all that is given out; nothing of this gets anyway.
OWN_IPV6, GUEST_IPV6 = "2a0e:2::10", "2a0e:1::40"


def home_with_ipv6(world: World, outside: str, lifetime_s: int = 600) -> tuple[Host, Path, Host]:
    """A machine whose router passes on nothing for IPv4 and lets nothing in for IPv6 before it is asked; what it has opened; a guest."""
    anna, router, _ = world.home_of("anna", outside)
    router.ip("addr add 2a0e:1::17/64 dev eth0 nodad")
    opened = holes(router, world.folder, lifetime_s)
    anna.ip(f"addr add {OWN_IPV6}/64 dev eth0 nodad")
    anna.ip(f"route add default via {LINK_LOCAL} dev eth0")
    router.ip(f"route add {OWN_IPV6}/128 dev eth1")
    cora = world.on_the_internet("cora", f"{GUEST_IPV6}/64")
    cora.ip("route add 2a0e:2::/64 via 2a0e:1::17")
    return anna, opened, cora


def open_at(opened: Path) -> list[list[Any]]:
    return json.loads(opened.read_text())


def can_connect(at: Host) -> bool:
    with at.inside(), contextlib.suppress(OSError), socket.create_connection((OWN_IPV6, PORT), timeout=1.0):
        return True
    return False


@pytest.mark.parametrize("outside", ["203.0.113.17", "100.64.7.7"])
def test_a_router_lets_guests_with_ipv6_in_and_no_longer_at_the_end(world: World, outside: str) -> None:
    """Also where the provider shares its IPv4 addresses, which is where it helps."""
    anna, opened, cora = home_with_ipv6(world, outside)
    shut = world.serve(anna)
    assert not can_connect(cora), "the firewall is one"
    assert end(shut) < 2.0
    server, host = hosting(world, anna)
    told = settled(host)
    assert (told["state"], told["reason"], told["with"]["protocol"]) == ("should", "ipv6_opened", "PCP"), told
    assert told["addresses"] == [f"[{OWN_IPV6}]:{PORT}"]
    assert open_at(opened) == [[OWN_IPV6, PORT]]
    proved_by(world, cora, server, host)
    assert open_at(opened) == [], "SIGTERM closes it again"
    assert not can_connect(cora)


def test_a_hole_for_ipv6_is_kept_and_lapses_when_its_server_is_killed(world: World) -> None:
    anna, opened, cora = home_with_ipv6(world, "203.0.113.17", lifetime_s=2)
    server, host = hosting(world, anna)
    settled(host)
    stop = time.monotonic() + 5
    while time.monotonic() < stop:
        assert open_at(opened) == [[OWN_IPV6, PORT]]
        time.sleep(0.2)
    assert can_connect(cora)
    host.close()
    server.process.kill()
    until(lambda: open_at(opened) == [], 10, "the end of what a killed server has left behind")


def test_a_hole_that_a_killed_server_has_left_is_that_of_the_next(world: World) -> None:
    """A router gives what it has given to nobody but who knows the nonce (RFC 6887, 11.3). The next server of this host is not somebody else, and
    must not wait ten minutes for the end of its own mapping."""
    anna, opened, cora = home_with_ipv6(world, "203.0.113.17")
    first, host = hosting(world, anna)
    settled(host)
    host.close()
    first.process.kill()
    first.process.wait(10)
    assert open_at(opened) == [[OWN_IPV6, PORT]]
    second, host = hosting(world, anna)
    told = settled(host)
    assert (told["state"], told["reason"]) == ("should", "ipv6_opened"), told
    proved_by(world, cora, second, host)
    assert open_at(opened) == [], "it was the second server's to close"


# --- no router, and one that lies ------------------------------------------------------------------------------------


def test_no_router_does_no_harm(world: World) -> None:
    anna = world.lab.host("anna")
    anna.plug(world.lab.segment("alone"), "192.168.0.10/24")
    server, host = hosting(world, anna)
    start = time.monotonic()
    told = settled(host)
    assert time.monotonic() - start < 8
    assert told["state"] in ("no", "unknown"), told
    assert end(server) < 2.0


def test_a_router_that_cannot_be_asked_is_known_in_seconds(world: World) -> None:
    anna, router, _ = world.home_of("anna", "203.0.113.17")
    router.nft("add rule ip filter input iifname eth1 udp dport { 5351, 1900 } drop")
    server, host = hosting(world, anna)
    start = time.monotonic()
    told = settled(host)
    assert time.monotonic() - start < 10
    assert (told["state"], told["reason"]) == ("no", "no_mapping"), told
    assert says(server, "does not pass on a port to this server: silent")


def asked(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_a_mapping_that_is_a_lie_is_claimed_only_to_be_likely(world: World) -> None:
    """The router says yes and passes on nothing: the host is never told that it works, and the guest that there is no way."""
    anna, router, _ = world.home_of("anna", "203.0.113.17")
    lie(router, world.folder, INSIDE, "pcp", LIAR_OUTSIDE)
    _, host = hosting(world, anna)
    told = settled(host)
    assert (told["state"], told["reason"]) == ("should", "mapped"), told
    guest = world.client(world.on_the_internet("cora", "203.0.113.40/24"))
    with pytest.raises(AtriumError):
        guest.connect(host.create_invite(), timeout=12)
    settle([host], lambda: True)
    assert internet(host)["state"] == "should"


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("upnp-forgets", "lies"),
        ("garbage", "nonsense"),
        ("huge", "nonsense"),
        ("slow", "nonsense"),
    ],
)
def test_a_router_that_lies_is_survived_and_named(world: World, mode: str, reason: str) -> None:
    anna, router, _ = world.home_of("anna", "203.0.113.17")
    log = lie(router, world.folder, INSIDE, mode)
    server, host = hosting(world, anna)
    told = settled(host, 30)
    assert told["state"] == "no", told
    assert says(server, f"does not pass on a port to this server: {reason}"), server.log.read_text()
    assert len(asked(log)) > 1, "it was asked at all"
    host.create_room("Film")  # the server works on
    assert end(server) < 2.5


@pytest.mark.parametrize("mode", ("upnp-elsewhere", "upnp-detour"))
def test_nobody_is_called_because_a_router_names_them(world: World, mode: str) -> None:
    """An answer that leads to another machine, be it in the home or outside, is not followed."""
    anna, router, lan = world.home_of("anna", "203.0.113.17")
    victim = world.lab.host("victim")
    victim.plug(lan, "192.168.0.77/24", via=INSIDE)
    calls = lie(victim, world.folder, "192.168.0.77", "upnp", LIAR_OUTSIDE)
    log = lie(router, world.folder, INSIDE, mode, "192.168.0.77")
    server, host = hosting(world, anna)
    settled(host, 30)
    assert any("search" in one for one in asked(log))
    assert not any("web" in one for one in asked(calls)), asked(calls)
    assert not says(server, "192.168.0.77")


def test_a_bystander_that_answers_for_the_router_is_not_believed(world: World) -> None:
    anna, _, lan = world.home_of("anna", "203.0.113.17")
    crook = world.lab.host("crook")
    crook.plug(lan, "192.168.0.66/24", via=INSIDE)
    log = lie(crook, world.folder, "192.168.0.66", "bystander")
    _, host = hosting(world, anna)
    told = settled(host, 30)
    assert told["state"] == "no"
    assert any("search" in one for one in asked(log)), "it has heard the search, and answered"
    assert not any("web" in one for one in asked(log))


@real_router
def test_a_router_that_hangs_does_not_hold_up_the_end(world: World) -> None:
    anna, gateway = home_with(world, "upnp")
    server, host = hosting(world, anna)
    settled(host)
    host.close()
    gateway.process.send_signal(signal.SIGSTOP)
    assert end(server) < 2.5
    gateway.process.send_signal(signal.SIGCONT)


@real_router
def test_the_lab_s_router_refuses_who_asks_from_outside(world: World) -> None:
    """The control: what is mapped above was mapped from the inside."""
    _, gateway = home_with(world, "pcp")
    cora = world.on_the_internet("cora", GUEST)
    with cora.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(1.0)
        line.sendto(bytes([0, 0]), (OUTSIDE, 5351))
        with pytest.raises(OSError):
            line.recv(64)
    assert gateway.ports() == {}
