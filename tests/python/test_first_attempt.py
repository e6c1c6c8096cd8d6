# SPDX-License-Identifier: MIT
"""A connection that is closed before anybody has said a word is tried once more: a server that is just starting anew, or a tunnel that wakes up. Twice
is an answer; and what was said is never asked again.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from atrium import AtriumError, Client

from .conftest import Process

Start = Callable[..., Process]
Clients = Callable[..., Client]


class Door:
    """Slams on the first comers, and lets the others through to the server."""

    def __init__(self, target: int, slams: int) -> None:
        self.target, self.slams, self.came = target, slams, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                self.came += 1
                if self.came <= self.slams:
                    near.recv(1)
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self.target))
                threading.Thread(target=self.carry, args=(near, far), daemon=True).start()
                threading.Thread(target=self.carry, args=(far, near), daemon=True).start()

    def carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.listener.close()


@pytest.fixture
def door(start: Start) -> Iterator[Callable[[int], Door]]:
    server = start("--bind", "127.0.0.1", "--open")
    with contextlib.ExitStack() as doors:
        yield lambda slams: doors.enter_context(contextlib.closing(Door(server.port, slams)))


def test_once_is_no_answer(door: Callable[[int], Door], clients: Clients) -> None:
    slamming = door(1)
    guest = clients("guest")
    guest.connect(slamming.address, timeout=15)
    assert guest.state == "LOBBY"
    assert slamming.came == 2


def test_twice_is(door: Callable[[int], Door], clients: Clients) -> None:
    slamming = door(9)
    with pytest.raises(AtriumError) as failure:
        clients("guest").connect(slamming.address, timeout=15)
    assert failure.value.code in ("CLOSED", "NOT_ATRIUM")
    assert slamming.came == 2


def test_a_later_connect_begins_anew(door: Callable[[int], Door], clients: Clients) -> None:
    slamming = door(3)
    guest = clients("guest")
    with pytest.raises(AtriumError):
        guest.connect(slamming.address, timeout=15)
    guest.connect(slamming.address, timeout=15)
    assert slamming.came == 4
