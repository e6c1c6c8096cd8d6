# SPDX-License-Identifier: MIT
"""A tap: a member that gets the room's operations as they are.

What records or forwards a room must see every operation once, in order, after the state it builds on, and must not lose one when its reader is
slow. A replica may coalesce, a tap may not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atrium import Client, Room
from atrium.engine import Engine

from .conftest import Process, settle

Start = Callable[..., Process]
Clients = Callable[..., Client]


def take(engine: Engine, done: Callable[[dict[str, Any]], bool], timeout: float = 20) -> list[dict[str, Any]]:
    """All events until one for which `done` says so; what comes behind it stays in the queue."""
    seen: list[dict[str, Any]] = []
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if not engine.wait(0.1):
            continue
        seen += engine.poll(1)
        if seen and done(seen[-1]):
            return seen
    raise AssertionError(f"not among {seen[-5:]}")


def tap(process: Process, home: Path, room: str, **options: Any) -> Engine:
    engine = Engine(home, **options)
    assert engine.send({"t": "connect", "host": process.address, "name": "tap", "color": [1, 1, 1], "version": "0"})
    take(engine, lambda e: e["t"] == "welcome")
    assert engine.send({"t": "join", "room": room, "blender": [5, 0, 1], "tap": True})
    take(engine, lambda e: e["t"] == "joined")
    return engine


@pytest.fixture(autouse=True)
def first_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """Taps here have homes of their own, which know no host yet."""
    monkeypatch.setenv("ATRIUM_TRUST", "first-use")


def a_room(start: Start, clients: Clients) -> tuple[Process, Room, str]:
    """A server, a room on it, and its one document."""
    process = start("--open")
    alice = clients("alice")
    alice.connect(process.address)
    room = alice.create_room("tapped")
    doc = room.create({"type": "Object", "name": "Cube", "p": {}})
    room.ready()
    room.flush()
    return process, room, doc


def test_a_tap_sees_the_state_then_every_operation_once_and_in_order(
    start: Start, clients: Clients, tmp_path: Path
) -> None:
    process, room, doc = a_room(start, clients)
    with tap(process, tmp_path / "tap", room.id) as engine:
        state = take(engine, lambda e: e["t"] == "op")[-1]
        assert (state["kind"], state["doc"], state["tree"]["name"]) == ("state", doc, "Cube")
        for x in range(1, 2001):
            room.edit(doc, {"p": {"x": x}})
        room.delete(doc)
        events = [e for e in take(engine, lambda e: e.get("kind") == "delete") if e["t"] == "op"]
    assert [e["tree"]["p"]["x"] for e in events[:-1]] == list(range(1, 2001))
    assert [e["seq"] for e in events] == list(range(events[0]["seq"], events[0]["seq"] + 2001))


def test_a_slow_tap_loses_nothing(start: Start, clients: Clients, tmp_path: Path) -> None:
    process, room, doc = a_room(start, clients)
    with tap(process, tmp_path / "tap", room.id, queue_slots=16) as engine:
        for x in range(500):
            room.edit(doc, {"p": {"x": x}})
        room.flush()
        events = [
            e for e in take(engine, lambda e: e["t"] == "op" and e["tree"]["p"].get("x") == 499) if e["t"] == "op"
        ]
    assert [e["tree"]["p"]["x"] for e in events if e["kind"] == "edit"] == list(range(500))


def test_a_tap_only_listens(start: Start, clients: Clients, tmp_path: Path) -> None:
    process, room, doc = a_room(start, clients)
    with tap(process, tmp_path / "tap", room.id) as engine:
        assert engine.send({"t": "submit", "room": room.id, "doc": doc, "kind": "edit", "tree": {"p": {"x": 1}}})
        refused = take(engine, lambda e: e["t"] == "refused")[-1]
    assert refused["code"] == "DENIED"


def test_a_tap_that_takes_nothing_begins_anew(start: Start, clients: Clients, tmp_path: Path) -> None:
    """ATR_TAP_BYTES_MAX, 64 MiB: it cannot leave anything out, and must not keep everything either. What it has kept comes without a gap, and then the
    documents as they stand."""
    process, room, doc = a_room(start, clients)
    text = "x" * 1_000_000
    with tap(process, tmp_path / "tap", room.id, queue_slots=16) as engine:
        settle([room._client], lambda: len(room.members) == 2, what="the tap's coming")
        for x in range(100):
            room.edit(doc, {"p": {"x": x, "text": text}})
        room.flush()
        settle([room._client], lambda: len(room.members) == 1, what="the end of the tap's connection")
        events = [e for e in take(engine, lambda e: e.get("kind") == "state" and e["seq"] > 1) if e["t"] == "op"]
    edits = [e["tree"]["p"]["x"] for e in events if e["kind"] == "edit"]
    assert edits == list(range(len(edits)))
    assert 60 < len(edits) < 100
    assert events[-1]["tree"]["p"]["x"] == 99
