# SPDX-License-Identifier: MIT
"""One participant in several rooms, over one connection.

Their messages share its lanes. What one room, or the client for one room, had begun to say when it was left is broken off there: the next
room's first frame was once taken for its continuation, which ended the connection.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

from atrium import Client
from atrium.engine import Engine

from .conftest import Process, eventually
from .raw import Raw, hello, message
from .test_engine import events_until

Start = Callable[..., Process]
Clients = Callable[..., Client]

LARGE = "x" * 7_000_000


def enter(tmp_path: Path, server: Process) -> Engine:
    engine = Engine(tmp_path / "guest")
    engine.send({"t": "connect", "host": server.address, "name": "guest"})
    events_until(engine, "state", state="LOBBY")
    return engine


def hosted(start: Start, clients: Clients) -> tuple[Process, str, str]:
    """A server with a room of large documents and one with a small one."""
    server = start("--open")
    client = clients("host")
    client.connect(server.address)
    large, small = client.create_room("large"), client.create_room("small")
    for _ in range(4):
        large.create({"type": "Text", "text": LARGE})
    small.create({"type": "Object", "n": 1})
    large.flush()
    small.flush()
    return server, large.id, small.id


def test_a_room_is_left_while_it_sends(start: Start, clients: Clients, tmp_path: Path) -> None:
    server, large, small = hosted(start, clients)
    for _ in range(3):
        with enter(tmp_path, server) as engine:
            engine.send({"t": "join", "room": large, "blender": [5, 0, 1]})
            events_until(engine, "joined", room=large)
            engine.send({"t": "leave", "room": large})
            engine.send({"t": "join", "room": small, "blender": [5, 0, 1]})
            events_until(engine, "doc", room=small)
            engine.send({"t": "flush", "room": small, "n": 1})
            seen = events_until(engine, "flushed", room=small)
            assert not [e for e in seen if e["t"] == "state" and e["state"] in ("OFFLINE", "RECONNECTING")]


def test_a_room_is_joined_while_another_sends(start: Start, clients: Clients, tmp_path: Path) -> None:
    server, large, small = hosted(start, clients)
    with enter(tmp_path, server) as engine:
        engine.send({"t": "join", "room": large, "blender": [5, 0, 1]})
        events_until(engine, "joined", room=large)
        engine.send({"t": "join", "room": small, "blender": [5, 0, 1]})
        for room in (small, large):
            engine.send({"t": "flush", "room": room, "n": 1})
            seen = events_until(engine, "flushed", 30, room=room)
            assert not [e for e in seen if e["t"] == "state" and e["state"] in ("OFFLINE", "RECONNECTING")]


def test_a_room_is_left_before_all_is_out(start: Start, clients: Clients, tmp_path: Path) -> None:
    """The other way: what was submitted has ATR_LEAVE_MS (3 s) to go out. A store that is never done is not to be had here, so the server is stopped
    while it goes."""
    server, _, small = hosted(start, clients)
    other = clients("other")
    other.connect(server.address)
    room = other.create_room("left")
    for _ in range(12):
        room.create({"type": "Text", "text": LARGE})
    other.pump(0.05)
    server.popen.send_signal(signal.SIGSTOP)
    other._engine.send({"t": "leave", "room": room.id})
    time.sleep(3.5)
    server.popen.send_signal(signal.SIGCONT)
    joined = other.join(small)
    doc = joined.create({"type": "Object", "n": 2})
    joined.flush(20)
    assert doc in joined.documents
    eventually(lambda: other.state == "JOINED")


def test_who_does_not_read_gets_the_newest_list_once(start: Start, clients: Clients, raw: Callable[[int], Raw]) -> None:
    """The list of rooms was queued whole each time that somebody came or went: a line that was slow for a while had its bound filled by others,
    and was cut."""
    server = start("--open")
    client = clients("host")
    client.connect(server.address)
    rooms = [client.create_room(f"{number} ".ljust(250, "x")) for number in range(150)]
    slow = raw(server.port)
    slow.send(hello(), message({"t": "rooms"}))
    assert len(slow.until("rooms")["rooms"]) == len(rooms)
    guest = clients("guest")
    guest.connect(server.address)
    for _ in range(300):  # 20 MB of lists
        guest.join(rooms[0].id).leave()
    rooms.append(client.create_room("the last"))
    client.rooms()
    lists = 0
    while len(slow.until("rooms")["rooms"]) < len(rooms):
        lists += 1
    assert lists < 200
