# SPDX-License-Identifier: MIT
"""A large room and a hasty client: time and memory stay in proportion, and "full" is a return value.

ATRIUM_SCALE=50000 runs it at full size (a minute); without it a tenth is enough to see what grows faster than it should. Memory is that of
the processes, so each step is compared with what both hold after the same steps in a small room: what is left is what the documents take,
and it may be about twice what was measured. The time a document may take is a generous one.
"""

from __future__ import annotations

import os
import secrets
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atrium import Client
from atrium.engine import Engine, Message

from .conftest import IS_RELEASE, Process, Wire, resident_bytes, settle

Start = Callable[..., Process]
Clients = Callable[..., Client]
DOCUMENTS = int(os.environ.get("ATRIUM_SCALE", "5000"))
HELD = 8192  # operations that a replica holds until the server has answered (ATR_PENDING_MAX)
QUEUED = 256  # commands that wait for the replica, in the test of a full queue
PATIENCE = 400  # refusals in a row: a fifth of a second, in which a replica that could take more would have

WARM = 500  # documents of the small room
FIXED_BYTES = 1 << 20  # what allocators keep and give back as they like, of a step as a whole
SECONDS = 0.004  # a document, on a busy machine and under sanitizers

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="NOT LINUX: memory is read from /proc")


def tree(i: int) -> dict[str, Any]:
    properties = {
        "location": [i * 0.5, -i, 0.125],
        "rotation_euler": [0, 0, i / 8],
        "scale": [1, 1, 1],
        "hide_render": False,
        "pass_index": i,
        "color": [1, 1, 1, 1],
        "display_type": "TEXTURED",
        "empty_display_size": 1,
        "instance_type": "NONE",
    }
    return {"type": "Object", "name": f"Object.{i:05}", "p": properties}


class Cost:
    """Time and memory of what is done within; checked at its end. The bounds are bytes for each document, of this process and of the server's."""

    def __init__(self, what: str, server: Process, documents: int, client_bytes: int, server_bytes: int) -> None:
        self._what, self._server, self._documents = what, server, documents
        self._bounds = client_bytes, server_bytes

    def __enter__(self) -> None:
        self._began = time.monotonic()
        self._memory = resident_bytes("self"), resident_bytes(self._server.popen.pid)

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            return
        seconds = time.monotonic() - self._began
        client = resident_bytes("self") - self._memory[0]
        server = resident_bytes(self._server.popen.pid) - self._memory[1]
        per = f"{client / self._documents:.0f} and {server / self._documents:.0f} bytes a document"
        print(f"{self._what}: {seconds:.2f} s, {per}")
        assert seconds < 5 + self._documents * SECONDS
        if IS_RELEASE:
            assert client < FIXED_BYTES + self._documents * self._bounds[0], per
            assert server < FIXED_BYTES + self._documents * self._bounds[1], per


def warm_up(writer: Client, late: Client) -> None:
    """Whatever is allocated once, by whichever step, is allocated."""
    room = writer.create_room("warm")
    copy = late.join("warm")
    for i in [room.create(tree(i)) for i in range(WARM)]:
        room.edit(i, {"p": {"pass_index": -1}})
    room.flush()
    copy.flush()
    assert copy.documents == room.documents
    room.leave()
    copy.leave()


def test_a_large_room_is_uploaded_joined_late_and_resumed(
    start: Start, clients: Clients, wire: Callable[[int], Wire]
) -> None:
    server = start("--open")
    writer, late = clients("writer"), clients("late")
    line = wire(server.port)
    writer.connect(server.address)
    late.connect(f"localhost:{line.port}")
    warm_up(writer, late)
    room = writer.create_room("large", ready=False)
    with Cost("upload", server, DOCUMENTS, 4500, 1100):
        ids = [room.create(tree(i)) for i in range(DOCUMENTS)]
        room.flush(300)
        room.ready()
    with Cost("late join", server, DOCUMENTS, 7500, 650):
        copy = late.join("large", 300)
    assert copy.documents == room.documents
    with Cost("resume after a cut, a tenth changed", server, DOCUMENTS // 10, 2500, 600):
        line.cut()
        settle([late], lambda: late.state == "RECONNECTING")
        for i in ids[::10]:
            room.edit(i, {"p": {"pass_index": -1}})
        room.flush(300)
        settle([late], lambda: late.state == "JOINED", 60)
        copy.flush(300)
    assert copy.documents == room.documents
    with Cost("delete all", server, DOCUMENTS, 250, 250):
        for i in ids:
            room.delete(i)
        room.flush(300)
        copy.flush(300)
    assert copy.documents == room.documents == {}


def test_a_hasty_client_is_told_that_the_queue_is_full(start: Start, tmp_path: Path) -> None:
    """More than the queue and the replica hold, as fast as Python can: nothing is lost, nothing grows, and it ends."""
    server = start("--open")
    held = 0
    with Engine(tmp_path / "hasty", queue_slots=QUEUED) as engine:

        def until(t: str, **fields: object) -> Message:
            while True:
                engine.wait(10)
                for event in engine.poll(1):
                    if event["t"] == t and all(event.get(key) == value for key, value in fields.items()):
                        return event

        engine.send({"t": "connect", "host": server.address, "name": "hasty"})
        until("welcome")
        engine.send({"t": "create", "name": "r", "blender": [5, 0, 1]})
        room = until("joined")["room"]
        ids = [secrets.token_hex(16) for _ in range(HELD + QUEUED + 1000)]
        server.popen.send_signal(signal.SIGSTOP)  # so that it fills up, however fast the machine
        with Cost("submits", server, len(ids), 5000, 1300):
            for i, doc in enumerate(ids):
                submit = {"t": "submit", "room": room, "doc": doc, "kind": "create", "tree": tree(i)}
                refused = 0
                while not engine.send(submit):
                    refused += 1
                    engine.poll(4096)
                    time.sleep(0.0005)
                    if refused == PATIENCE:  # it stays full: the replica and the queue hold all that they take
                        held = i
                        server.popen.send_signal(signal.SIGCONT)
            while not engine.send({"t": "flush", "room": room, "n": 1}):
                engine.poll(4096)
                time.sleep(0.001)
            until("flushed", n=1)
        engine.send({"t": "ready", "room": room})
        engine.send({"t": "flush", "room": room, "n": 2})
        until("flushed", n=2)
    assert HELD <= held <= HELD + 2 * QUEUED
    with Client(tmp_path / "other") as other:
        other.connect(server.address)
        assert other.join("r").documents == {doc: tree(i) for i, doc in enumerate(ids)}
