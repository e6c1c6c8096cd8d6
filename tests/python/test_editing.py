# SPDX-License-Identifier: MIT
"""Several clients edit one room: at rest all hold the same documents, whatever happened in between.

Real processes, real TLS. The fine grain of ordering is the simulator's; here it is shown that the parts together keep the promise.
"""

from __future__ import annotations

import random
import secrets
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atrium import AtriumError, Client, Event, Room
from atrium.engine import Engine

from .conftest import Process, Wire, eventually, settle

Start = Callable[..., Process]
Clients = Callable[..., Client]


def party(start: Start, clients: Clients, count: int) -> tuple[list[Client], list[Room]]:
    """A server, a room, and so many clients in it."""
    server = start("--open")
    everybody = [clients(f"user{i}") for i in range(count)]
    for client in everybody:
        client.connect(server.address)
    rooms = [everybody[0].create_room("party")]
    rooms += [client.join("party") for client in everybody[1:]]
    return everybody, rooms


def assert_equal(clients: list[Client], rooms: list[Room]) -> None:
    """All flush, then all flush again: the second time nothing is on its way any more."""
    for _ in range(2):
        for room in rooms:
            room.flush()
    for client in clients:
        client.pump()
    for room in rooms[1:]:
        assert room.documents == rooms[0].documents


def test_a_document_with_more_bytes_than_are_kept_to_spare(start: Start, clients: Clients) -> None:
    """An image strip: all its files are put first, and the scene that names them comes last. It was refused, as the first files
    were dropped meanwhile."""
    (mine, theirs), (a, b) = party(start, clients, 2)
    size, spare = 80 << 20, 256 << 20
    names = [mine.put_blob(bytes([i]) * size) for i in range(4)]
    assert len(names) * size > spare
    strip = a.create({"type": "Scene", "files": [["$blob", name, "file", [size], "x.png"] for name in names]})
    a.flush()
    settle([mine, theirs], lambda: strip in b.documents, timeout=120, what="the strip")
    for i, name in enumerate(names):
        assert memoryview(theirs.blob(name) or b"")[:: size // 4] == bytes([i]) * 4


def test_who_joins_gets_more_blobs_than_may_be_asked_for_at_once(start: Start, clients: Clients) -> None:
    """A scene of many small meshes has several arrays each. Who asked for all of them at once was put out of the room."""
    server, mine = start("--open"), clients("mine")
    mine.connect(server.address)
    room = mine.create_room("many")
    docs, blobs = 180, 100
    assert docs * blobs > 16384
    for doc in range(docs):
        names = [mine.put_blob(struct.pack("<2I", doc, i) * 500) for i in range(blobs)]
        room.create({"type": "Mesh", "arrays": [["$blob", name, "u1", [4000]] for name in names]})
    room.flush(60)
    theirs = clients("theirs")
    theirs.connect(server.address)
    joined = theirs.join(room.id, timeout=60)
    settle([mine, theirs], lambda: len(joined.documents) == docs, timeout=60, what="all of it")
    arrays = [array for tree in joined.documents.values() for array in tree["arrays"]]
    assert all(theirs.blob(array[1]) is not None for array in arrays) and len(arrays) == docs * blobs


def test_an_edit_arrives(start: Start, clients: Clients) -> None:
    everybody, (a, b) = party(start, clients, 2)
    lamp = a.create({"type": "Light", "p": {"energy": 10.0}})
    a.edit(lamp, {"p": {"energy": 12.5, "name": "Lämpchen"}})
    a.flush()
    b.flush()
    assert b.documents == {lamp: {"type": "Light", "p": {"energy": 12.5, "name": "Lämpchen"}}}
    b.edit(lamp, {"p": {"name": None}})
    event = next(a.follow(10))
    assert (event.doc, event.kind, event.tree, event.by) == (
        lamp,
        "edit",
        {"p": {"name": None}},
        everybody[1].participant,
    )
    b.delete(lamp)
    assert next(a.follow(10)).kind == "delete"
    assert_equal(everybody, [a, b])
    assert a.documents == {}


def test_what_nobody_follows_is_not_kept_for_ever(
    start: Start, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events are changes: whoever rebuilds something from them must know that some are missing."""
    monkeypatch.setattr("atrium.client._FOLLOW_EVENTS_MAX", 10)
    server = start("--open")
    first, second = clients("a"), clients("b")
    first.connect(server.address)
    a = first.create_room("Set")
    second.connect(server.address)
    b = second.join("Set")
    doc = b.create({"type": "Object"})
    for number in range(11):
        b.edit(doc, {"n": number})
        b.flush()
    eventually(lambda: (first.pump(0.01) and False) or a.documents.get(doc, {}).get("n") == 10, what="the last edit")
    with pytest.raises(AtriumError) as missed:
        next(a.follow(1))
    assert missed.value.code == "LIMIT"
    assert 1 <= len(list(a.follow(0.1))) <= 10


def test_three_edit_the_same_properties_and_agree(start: Start, clients: Clients) -> None:
    everybody, rooms = party(start, clients, 3)
    docs = [rooms[0].create({"type": "Object", "p": {"x": 0}}) for _ in range(3)]
    assert_equal(everybody, rooms)
    chance = random.Random(7)
    for _ in range(300):
        who = chance.randrange(3)
        room = rooms[who]
        doc = chance.choice(docs)
        if doc in room.documents:
            room.edit(doc, {"p": {chance.choice("xyz"): chance.randrange(1000)}})
        if chance.random() < 0.3:
            everybody[chance.randrange(3)].pump(0.001)
    assert_equal(everybody, rooms)


def test_edits_that_crossed_are_told_without_the_engines_own_marks(start: Start, clients: Clients) -> None:
    server = start("--open")
    first, second = clients("first"), clients("second")
    first.connect(server.address)
    second.connect(server.address)
    room = first.create_room("r")
    doc = room.create({"type": "Object", "p": {"x": 0, "y": {"z": 0}}})
    room.flush()
    theirs = second.join("r")
    told: list[Event] = []
    room.on_event = told.append
    theirs.edit(doc, {"p": {"x": 1, "y": {"z": 1}}})
    theirs.flush()
    time.sleep(0.3)  # the event is in the first one's queue, and not taken
    room.edit(doc, {"p": {"x": 2, "y": {"z": 2}}})
    room.flush()
    assert [event.tree for event in told] == [{"p": {"x": i, "y": {"z": i}}} for i in (1, 2)]


def test_no_key_of_a_document_is_taken_for_a_mark(start: Start, clients: Clients) -> None:
    """A script may name a member as it likes."""
    server = start("--open")
    everybody = first, second = clients("first"), clients("second")
    first.connect(server.address)
    second.connect(server.address)
    room = first.create_room("r")
    doc = room.create({"type": "Object", "p": {"x": 0}})
    room.flush()
    theirs = second.join("r")
    theirs.edit(doc, {"p": {"x": 1, "\x01": 1}})
    theirs.flush()
    time.sleep(0.3)  # the event is in the first one's queue, and not taken
    room.edit(doc, {"p": {"x": 2, "\x01": 2}})
    room.flush()
    assert_equal(list(everybody), [room, theirs])
    assert room.documents[doc]["p"] == {"x": 2, "\x01": 2}


def test_deleting_what_others_edit(start: Start, clients: Clients) -> None:
    everybody, rooms = party(start, clients, 3)
    chance = random.Random(3)
    for _ in range(200):
        room = chance.choice(rooms)
        if room.documents and chance.random() < 0.7:
            doc = chance.choice(sorted(room.documents))
            if chance.random() < 0.3:
                room.delete(doc)
            else:
                room.edit(
                    doc, {"p": {"x": chance.random()}, "@k": chance.choice([None, {"type": "M", "v": 1}, {"v": 2}])}
                )
        else:
            room.create({"type": "Object", "p": {}})
        if chance.random() < 0.2:
            chance.choice(everybody).pump(0.001)
    assert_equal(everybody, rooms)


def test_a_late_joiner_gets_everything(start: Start, clients: Clients) -> None:
    server = start("--open")
    first, late = clients("first"), clients("late")
    first.connect(server.address)
    room = first.create_room("big", ready=False)
    for i in range(10_000):
        room.create({"type": "Object", "p": {"name": f"Object.{i:05}", "location": [i, 0.5, -1]}})
    room.flush()
    room.ready()
    late.connect(server.address)
    (listed,) = late.rooms()
    assert listed.bytes > 10_000 * 50  # the list says how much there is to load
    other = late.join("big")
    assert len(other.documents) == 10_000
    assert other.documents == room.documents


def test_a_join_tells_how_far_it_is(start: Start, clients: Clients, tmp_path: Path) -> None:
    """What the progress bar shows: what is being loaded, a value that only grows, and one last event that says it is all there."""
    server = start("--open")
    first = clients("first")
    first.connect(server.address)
    room = first.create_room("big", ready=False)
    for i in range(20_000):
        room.create({"type": "Object", "p": {"name": f"Object.{i:05}", "location": [i, 0.5, -1]}})
    data = secrets.token_bytes(30_000_000)
    room.create({"type": "Mesh", "p": {"co": ["$blob", first.put_blob(data), "u1", [len(data)]]}})
    room.flush(60)
    room.ready()
    told: list[dict[str, Any]] = []
    with Engine(tmp_path / "late") as late:
        late.send({"t": "connect", "host": server.address, "name": "late", "color": [1, 1, 1], "version": "1"})

        def done() -> bool:
            for event in late.poll(256):
                if event["t"] == "welcome":
                    late.send({"t": "join", "room": room.id, "blender": [5, 0, 1]})
                if event["t"] == "progress":
                    told.append(event)
            return bool(told) and told[-1]["complete"]

        eventually(done, timeout=60, what="the end of the join")
    values = [event["value"] for event in told]
    assert values == sorted(values)
    assert values[-1] == 1
    assert len({round(value, 1) for value in values}) >= 3, values
    assert all(event["text"] for event in told[:-1])
    assert [event["complete"] for event in told].count(True) == 1


def test_who_rests_compares_with_the_room(start: Start, clients: Clients, wire: Callable[[int], Wire]) -> None:
    """Nobody edits, and each client goes once round its documents and says what it holds: a silent divergence would be found."""
    server = start("--open")
    line = wire(server.port)
    client = clients()
    client.connect(f"localhost:{line.port}")
    room = client.create_room("r")
    for _ in range(200):
        room.create({"type": "Object", "p": {}})
    room.flush()
    before = line.sent  # all that was edited is on the other side
    digests = 200 * (16 + 8 + 16)  # id, sequence number, digest; besides, a connection at rest says 60 bytes a second
    eventually(lambda: (client.pump(0.05) or line.sent) > before + digests, timeout=15, what="a round of digests")


def test_a_room_that_is_not_ready_is_not_joined(start: Start, clients: Clients) -> None:
    server = start("--open")
    first, other = clients("first"), clients("other")
    first.connect(server.address)
    other.connect(server.address)
    room = first.create_room("half", ready=False)
    assert [info.ready for info in other.rooms()] == [False]
    with pytest.raises(AtriumError) as early:
        other.join("half")
    assert early.value.code == "STATE"
    room.ready()
    settle([other], lambda: other.rooms()[0].ready, what="ready")
    other.join("half")


def test_another_blender_is_refused_with_both_versions(start: Start, clients: Clients) -> None:
    server = start("--open")
    first, other = clients("first"), clients("other")
    first.connect(server.address)
    room = first.create_room("five")
    other.connect(server.address)
    with pytest.raises(AtriumError) as wrong:
        other._enter({"t": "join", "room": room.id, "blender": [4, 2, 3]}, 10)
    assert wrong.value.code == "BLENDER_VERSION"
    assert "5.0" in wrong.value.text
    assert "4.2" in wrong.value.text


def test_blobs_arrive_and_are_the_same_bytes(start: Start, clients: Clients) -> None:
    everybody, (a, b) = party(start, clients, 2)
    data = secrets.token_bytes(3_000_000)
    name = everybody[0].put_blob(data)
    mesh = a.create({"type": "Mesh", "p": {"co": ["$blob", name, "u1", [len(data)]]}})
    a.flush()
    settle(everybody, lambda: mesh in b.documents, what="the mesh")
    blob = everybody[1].blob(name)
    assert blob is not None
    assert bytes(memoryview(blob)) == data
    assert len(blob) == len(data)
    changed = bytearray(data)
    changed[1000:1100] = bytes(100)
    name = everybody[1].put_blob(changed)
    b.edit(mesh, {"p": {"co": ["$blob", name, "u1", [len(changed)]]}})
    settle(everybody, lambda: a.documents[mesh]["p"]["co"][1] == name, what="the change")
    blob = everybody[0].blob(name)
    assert blob is not None
    assert bytes(memoryview(blob)) == changed


def test_leaving_sends_what_was_submitted(start: Start, clients: Clients) -> None:
    everybody, (a, b) = party(start, clients, 2)
    for i in range(500):
        a.create({"type": "Object", "p": {"i": i}})
    a.leave()
    settle(everybody, lambda: len(b.documents) == 500, what="the last documents")
    settle(everybody, lambda: len(b.members) == 1, what="the member's leaving")


def test_disconnecting_sends_what_was_submitted(start: Start, clients: Clients) -> None:
    everybody, (a, b) = party(start, clients, 2)
    for i in range(500):
        a.create({"type": "Object", "p": {"i": i}})
    everybody[0].disconnect()
    settle(everybody[1:], lambda: len(b.documents) == 500, what="the last documents")


PRESENCES = 2000
PRESENCE_BYTES = 3900  # of each: more than all that the kernel and the engines take in on the way


def test_presence_is_seen_and_only_the_newest_counts(
    start: Start, clients: Clients, wire: Callable[[int], Wire]
) -> None:
    """Somebody whose line stands still is not sent what is outdated when it moves again."""
    server = start("--open")
    near, far = clients("near"), clients("far")
    near.connect(server.address)
    line = wire(server.port)
    far.connect(f"localhost:{line.port}")
    a = near.create_room("party")
    b = far.join("party")
    seen: list[int] = []
    b.on_presence = lambda _member, data: seen.append(data["frame"])
    a.send_presence({"frame": -1})
    settle([near, far], lambda: seen == [-1], what="the first presence")
    line.stalled = True
    for i in range(PRESENCES):
        a.send_presence({"frame": i, "looks": "x" * PRESENCE_BYTES})
        if i % 10 == 9:
            a.flush()  # so the server has had every one
    line.stalled = False
    settle([near, far], lambda: seen[-1] == PRESENCES - 1, what="the newest presence")
    assert seen == sorted(set(seen))
    print(f"{len(seen)} of {PRESENCES}")
    assert len(seen) < PRESENCES // 10


def test_a_burst_of_presence_ends_with_the_newest(start: Start, clients: Clients) -> None:
    """Faster than the sender's own line takes them: the last one is what counts."""
    (near, far), (a, b) = party(start, clients, 2)
    seen: list[int] = []
    b.on_presence = lambda _member, data: seen.append(data["frame"])
    for i in range(3000):
        a.send_presence({"frame": i, "looks": "x" * PRESENCE_BYTES})
    settle([near, far], lambda: seen and seen[-1] == 2999, what="the newest presence")
    assert seen == sorted(set(seen))


def test_an_edit_of_what_is_gone_is_refused_and_reported(start: Start, clients: Clients) -> None:
    everybody, (a, b) = party(start, clients, 2)
    doc = a.create({"type": "Object", "p": {}})
    assert_equal(everybody, [a, b])
    a.delete(doc)
    a.flush()
    b.edit(doc, {"p": {"x": 1}})  # b has not pumped since
    assert_equal(everybody, [a, b])
    assert [refusal["code"] for refusal in b.refusals] == ["GONE"]


def test_two_rooms_at_once(start: Start, clients: Clients) -> None:
    server = start("--open")
    a, b = clients("a"), clients("b")
    a.connect(server.address)
    b.connect(server.address)
    one, two = a.create_room("one"), a.create_room("two")
    one_b, two_b = b.join("one"), b.join("two")
    doc_one, doc_two = one.create({"type": "A", "p": {}}), two.create({"type": "B", "p": {}})
    chance = random.Random(1)
    for i in range(200):
        room, doc = chance.choice([(one, doc_one), (two, doc_two), (one_b, doc_one), (two_b, doc_two)])
        if doc in room.documents:
            room.edit(doc, {"p": {"x": i}})
        b.pump(0.001)
    assert_equal([a, b], [one, one_b])
    assert_equal([a, b], [two, two_b])
    assert set(one.documents) == {doc_one}
    assert set(two.documents) == {doc_two}


def test_mistakes_are_told_where_they_are_made(start: Start, clients: Clients) -> None:
    """Found while following docs/scripting.md: what the engine refused later stood in `documents` all the same."""
    (client,), (room,) = party(start, clients, 1)
    lamp = room.create({"type": "Light"})
    mistakes: list[tuple[str, Callable[[], object]]] = [
        ("JSON_NULL", lambda: room.create({"type": "Light", "p": {"energy": None}})),
        ("INVAL", lambda: room.create({"type": "Light"}, doc="short")),
        ("INVAL", lambda: room.create({"type": "Light"}, doc="AB" * 16)),
        ("NOENT", lambda: room.edit("00" * 16, {"p": {}})),
        ("NOENT", lambda: room.delete("00" * 16)),
        ("INVAL", lambda: client.admit("somebody")),
        ("INVAL", lambda: client.refuse("00" * 16)),
        ("STATE", lambda: client.connect("localhost:1")),
    ]
    for code, mistake in mistakes:
        with pytest.raises(AtriumError) as caught:
            mistake()
        assert caught.value.code == code
    room.flush()
    assert (room.documents, room.refusals) == ({lamp: {"type": "Light"}}, [])


def test_a_connect_that_failed_may_be_repeated_at_once(start: Start, clients: Clients, nobody: str) -> None:
    server = start("--open")
    client = clients("guest")
    for _ in range(3):
        with pytest.raises(AtriumError):
            client.connect(nobody)
    client.connect(server.address)
    assert client.state == "LOBBY"
