# SPDX-License-Identifier: MIT
"""Fixtures: a lab per test, real servers and real clients on its hosts.

Without root, or where the kernel makes no namespaces, all of it is skipped, and the end of the run says so in capitals.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from atrium import Client
from tests.loud import pytest_terminal_summary  # noqa: F401
from tests.net import lab as labs
from tests.net.lab import Host, Lab, Router, Segment

ROOT = Path(__file__).resolve().parents[2]
BINARY = ROOT / "build" / os.environ.get("ATRIUM_VARIANT", "release") / "atrium-server"
PORT = 12800
TIMEOUT_S = 20.0
WHY_NOT = labs.why_not()


def needs(*programs: str) -> pytest.MarkDecorator:
    missing = [name for name in programs if shutil.which(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"NO NETWORK LAB: there is no {', no '.join(missing)}")


def settle(clients: list[Client], done: Callable[[], object], timeout: float = TIMEOUT_S, what: str = "it") -> None:
    """Pumps all clients until `done` says so."""
    end = time.monotonic() + timeout
    while not done():
        assert time.monotonic() < end, f"{what} did not happen within {timeout} s"
        for client in clients:
            client.pump(0.005)


@pytest.fixture
def lab() -> Iterator[Lab]:
    if WHY_NOT:
        pytest.skip(f"NO NETWORK LAB: {WHY_NOT}")
    with Lab() as one:
        yield one


class Server:
    """An `atrium-server` on a host of the lab."""

    def __init__(self, host: Host, home: Path, *options: str) -> None:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.host, self.home, self.log = host, home, home / "stderr.txt"
        env = {**os.environ, "ATRIUM_HOME": str(home), "ASAN_OPTIONS": "detect_leaks=1:exitcode=99", "LD_PRELOAD": ""}
        self.process = host.spawn(str(BINARY), "--port", str(PORT), *options, log=self.log, env=env)
        host.listens(PORT)

    @property
    def check_code(self) -> str:
        """What its panel shows; a guest who typed an address compares it. It is printed after the port has begun to listen."""
        end = time.monotonic() + TIMEOUT_S
        while not (found := re.search(r"^check code (\S+)$", self.log.read_text(), re.M)):
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.01)
        return found[1]


class World:
    """What the tests share: somebody's machine with a server behind a router, a street of other machines, and who sits at them."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.folder = lab, folder
        self.clients: list[Client] = []
        self.internet: Segment = lab.segment("internet")

    def serve(self, host: Host, *options: str) -> Server:
        return Server(host, self.folder / f"{host.name}-server", *options)

    def home_of(self, name: str, outside: str, machine: str = "192.168.0.10") -> tuple[Host, Router, Segment]:
        """A machine behind a home's router, that router, and the home's network."""
        inside = self.lab.segment(f"{name}-lan")
        router = self.lab.router(f"{name}-router", (self.internet, f"{outside}/24"), (inside, "192.168.0.1/24"))
        host = self.lab.host(name)
        host.plug(inside, f"{machine}/24", via="192.168.0.1")
        return host, router, inside

    def on_the_internet(self, name: str, *addresses: str) -> Host:
        host = self.lab.host(name)
        host.plug(self.internet, *addresses)
        return host

    def client(self, host: Host, name: str = "", home: Path | None = None) -> Client:
        """Somebody at that machine, with a key of their own."""
        with host.inside():
            client = Client(home or self.folder / (name or f"{host.name}-user"))
        self.clients.append(client)
        return client

    def guest(self, host: Host, server: Server, address: str, name: str = "") -> Client:
        """Somebody who typed an address and has compared the check code."""
        client = self.client(host, name)
        client.trust_host(server.check_code)
        client.connect(address, timeout=TIMEOUT_S)
        return client

    def invited(self, host: Client, machine: Host, timeout: float) -> Client:
        """Somebody who pasted an invite to everything there."""
        client = self.client(machine)
        client.connect(host.create_invite(), timeout=timeout)
        return client

    def owner(self, server: Server) -> Client:
        """Who hosts: at the same machine, with the server's own home."""
        client = self.client(server.host, home=server.home)
        client.connect("localhost", timeout=TIMEOUT_S)
        assert client.welcome["host"] is True
        return client


@pytest.fixture
def world(lab: Lab, tmp_path: Path) -> Iterator[World]:
    one = World(lab, tmp_path)
    yield one
    for client in one.clients:
        client.close()
