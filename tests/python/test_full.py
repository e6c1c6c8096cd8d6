# SPDX-License-Identifier: MIT
"""A server that is full says so, in one plain sentence; and nobody fills it who only has keys, which anybody can make.

A system that lets the server open few files makes the limit small: a real one of ATR_CONNECTIONS_MAX users says it in the same way, and before its
files are used up (ATR_FILES_SPARE), as a connection that cannot be taken would wait, or be closed without a word.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from atrium import AtriumError, Client
from atrium.check import check

from .conftest import ROOT, Process, eventually, server_command
from .raw import Raw, hello, message

Start = Callable[..., Process]
Clients = Callable[..., Client]
# Three eighths of them, and ATR_FILES_SPARE, are no users' (csrc/server/crowd.c).
PLACES = 12
FILES = (64 + PLACES) * 8 // 5


@pytest.fixture
def small(start: Start) -> Process:
    return start("--open", command=["sh", "-c", f'ulimit -n {FILES}; exec "$0" "$@"', *server_command()])


@pytest.fixture
def crowd(small: Process, certificate: Path) -> Iterator[list[Raw]]:
    """As many as it takes, each of whom is in."""
    peers = [Raw(small.port, certificate) for _ in range(PLACES)]
    for peer in peers:
        peer.send(hello())
        peer.until("welcome")
    yield peers
    for peer in peers:
        peer.tls.close()


def stranger(port: int, certificate: Path, address: str) -> ssl.SSLSocket:
    """Proves a key, from an address of this machine's, and says nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(certificate)
    context.set_alpn_protocols(["atrium/1"])
    plain = socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(address, 0))
    made = context.wrap_socket(plain)
    assert made.recv(1000)  # the first ping: the server has taken the key
    return made


def is_open(peer: ssl.SSLSocket) -> bool:
    peer.settimeout(0.01)
    try:
        while peer.recv(1000):
            pass
    except TimeoutError:
        return True
    except OSError:
        return False
    return False


def test_it_is_said_by_a_client_and_by_the_check(
    small: Process, crowd: list[Raw], clients: Clients, tmp_path: Path
) -> None:
    address = f"127.0.0.1:{small.port}"
    guest = clients()
    with pytest.raises(AtriumError) as full:
        guest.connect(address)
    assert full.value.code == "SERVER_FULL"
    assert full.value.text == f"The server at {address} is full: try again when somebody has left."
    with pytest.raises(AtriumError) as web:
        clients("web").connect(f"ws://{address}")
    assert web.value.code == "SERVER_FULL"
    result = check(address, home=tmp_path / "nobody")
    assert result.code == "SERVER_FULL"
    assert f"The server at {address} is full" in result.report()
    command = [sys.executable, "-m", "atrium", "check", address]
    said = subprocess.run(
        command, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT / "python"), "HOME": str(tmp_path)}
    )
    assert said.returncode == 1
    assert "is full: try again when somebody has left." in said.stdout
    crowd[0].send(message({"t": "bye"}))
    crowd[0].tls.close()
    eventually(lambda: check(address, home=tmp_path / "nobody").reached)
    guest.connect(address)


def test_an_invite_meets_it_too(small: Process, certificate: Path, clients: Clients) -> None:
    """The key that an invite names is proved by none who turns people away, and yet it is not taken for somebody else."""
    host = clients(home=small.home)
    host.connect(f"127.0.0.1:{small.port}")
    link = host.create_invite(addresses=[f"127.0.0.1:{small.port}"])
    peers = [Raw(small.port, certificate) for _ in range(PLACES - 1)]
    try:
        for peer in peers:
            peer.send(hello())
            peer.until("welcome")
        with pytest.raises(AtriumError) as full:
            clients("invited").connect(link)
        assert full.value.code == "SERVER_FULL"
    finally:
        for peer in peers:
            peer.tls.close()


def test_keys_alone_fill_no_server(small: Process, certificate: Path, clients: Clients) -> None:
    """Each further one pushes out the oldest of where most of them come from, and somebody who knows what to say gets in."""
    elsewhere = stranger(small.port, certificate, "127.0.0.2")
    flood = [stranger(small.port, certificate, "127.0.0.3") for _ in range(PLACES + 20)]
    guest = clients()
    guest.connect(f"127.0.0.1:{small.port}")
    assert guest.state == "LOBBY"
    assert is_open(elsewhere), "it reads the host's check code, and is in nobody's way"
    assert sum(is_open(peer) for peer in flood) == PLACES - 2
    assert is_open(flood[-1]) and not is_open(flood[0])
    for peer in [elsewhere, *flood]:
        peer.close()


def test_who_has_no_key_yet_takes_nobodys_place(small: Process, certificate: Path, clients: Clients) -> None:
    """One place is left, and ten are in the middle of their handshake: none pushes out another, and whoever is through first has the place."""
    peers = [Raw(small.port, certificate) for _ in range(PLACES - 1)]
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    said = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), said).do_handshake()
    greeting = said.read()
    half = []
    for peer in peers:
        peer.send(hello())
        peer.until("welcome")
    for i in range(10):
        half.append(socket.create_connection(("127.0.0.1", small.port), source_address=(f"127.0.0.{i + 2}", 0)))
        half[-1].sendall(greeting)
        assert half[-1].recv(5)[0] == 0x16  # it is answered
    clients().connect(f"127.0.0.1:{small.port}")
    for one in half:
        one.settimeout(0.2)
        with pytest.raises(TimeoutError):
            while one.recv(4096):
                pass
        one.close()
    for peer in peers:
        peer.tls.close()


def test_whoever_is_told_costs_nothing(small: Process, crowd: list[Raw], clients: Clients) -> None:
    """Hundreds that come and stay, with and without a first byte: those who are in work on, and who comes later is still told."""
    idle = [socket.create_connection(("127.0.0.1", small.port)) for _ in range(300)]
    for i, one in enumerate(idle):
        if i % 2:
            one.sendall(b"\x16\x03\x01\x00\xff")
    crowd[0].send(message({"t": "rooms"}))
    assert crowd[0].until("rooms")["rooms"] == []
    with pytest.raises(AtriumError) as full:
        clients().connect(f"127.0.0.1:{small.port}")
    assert full.value.code == "SERVER_FULL"
    for one in idle:
        one.close()
    crowd[1].send(message({"t": "rooms"}))
    assert crowd[1].until("rooms")["rooms"] == []
    assert small.popen.poll() is None
