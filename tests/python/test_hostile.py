# SPDX-License-Identifier: MIT
"""Bytes that no client of ours would send, behind a proper TLS handshake; and a server that is none.

Each must end the connection that sent it, with a named error, and nothing else: the room, the other members and the server go on. The raw
peer below speaks frames (docs/protocol.md, 2) over Python's own TLS, with a key that the openssl command made.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import secrets
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from atrium import AtriumError, Client
from atrium.engine import Engine

from .conftest import TIMEOUT_S, Process, eventually, host_of, make_certificate, settle
from .raw import BULK, CONTROL, PRESENCE, STATE, WELCOME, Raw, frame, hello, message, submit
from .test_engine import events_until
from .test_entering import connect_in_thread

Start = Callable[..., Process]
Clients = Callable[..., Client]


@pytest.fixture
def busy(start: Start, clients: Clients) -> Iterator[Process]:
    """An open server with a room in which somebody works; checked again afterwards."""
    server = start("--open")
    client = clients("witness")
    client.connect(server.address)
    room = client.create_room("room")
    doc = room.create({"type": "Object", "p": {"n": 0}})
    room.flush()
    yield server
    room.edit(doc, {"p": {"n": 1}})
    room.flush(10)
    assert room.documents == {doc: {"type": "Object", "p": {"n": 1}}}
    assert server.popen.poll() is None


def test_another_protocol_version_is_named_on_both_sides(busy: Process, raw: Callable[[int], Raw]) -> None:
    peer = raw(busy.port)
    peer.send(hello(proto=2, version="9.9.9"))
    error = peer.until("error")
    assert error["code"] == "VERSION"
    assert "9.9.9" in error["text"]
    assert "0.1.0" in error["text"]
    assert list(peer.messages()) == []  # closed


def test_a_version_that_is_cut_within_a_character_is_named_all_the_same(
    busy: Process, raw: Callable[[int], Raw]
) -> None:
    peer = raw(busy.port)
    peer.send(hello(proto=2, version="x" * 31 + "\u00e9"))
    error = peer.until("error")
    assert error["code"] == "VERSION"
    assert "x" * 31 + " (protocol 2)" in error["text"]


BROKEN = "The other side sent bytes that break the protocol."
MISSING = "A JSON member is missing or has another type than expected."
TOO_LARGE = "A message is larger than allowed."
EARLY = "A message came before the hello was answered."


def is_gone(server: Process, name: str, sentence: str) -> None:
    eventually(lambda: f'"{name}" is gone: {sentence}' in server.log.read_text(), what=sentence)


# What ends the connection before the welcome, and the sentence that the server's log has for it.
@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (message(b"{"), "The text is not JSON."),
        (message(b"[]"), MISSING),
        (message(b'{"t":1}'), MISSING),
        (message(b'{"a":' * 300 + b"1" + b"}" * 300), "JSON is nested too deeply."),
        (message(b'{"a":' * 1000 + b"1" + b"}" * 1000), TOO_LARGE),
        (message(b'{"t":"hello","t":"hello"}'), "A JSON object has the same key twice."),
        (message(b'{"t":"\xff\xfe"}'), "JSON text is not valid UTF-8."),
        (message(b'{"t":"he\\u0000llo"}'), "JSON text holds a NUL character."),
        (frame(STATE, b"\x20" + bytes(60)), TOO_LARGE),  # nothing is taken on these lanes yet
        (frame(BULK, b"\x30" + bytes(60)), TOO_LARGE),
        (frame(CONTROL, b"\x77"), BROKEN),
        (b"\x00\x00\x00", BROKEN),
        (b"\x44\x00\x01x", BROKEN),
        (frame(CONTROL, b"\x01" + b"x" * 65000, more=True) * 40, TOO_LARGE),
    ],
)
def test_nonsense_before_the_welcome_ends_the_connection(
    busy: Process, raw: Callable[[int], Raw], bad: bytes, sentence: str
) -> None:
    peer = raw(busy.port)
    peer.send(bad)
    assert list(peer.messages()) == []
    is_gone(busy, "", sentence)


# What is no hello although it is JSON is answered, as its sender may be of another version.
@pytest.mark.parametrize(
    ("bad", "re", "sentence"),
    [
        (message(b'{"t":"hello"}'), "hello", BROKEN),
        (hello(name=7), "hello", BROKEN),
        (hello(participant="short"), "hello", BROKEN),
        (hello(color=[2, 0, 0]), "hello", BROKEN),
        (hello(color="red"), "hello", BROKEN),
        (message({"t": "rooms"}), "rooms", EARLY),
        (message({"t": "join", "room": "0" * 32}), "join", EARLY),
    ],
)
def test_a_hello_that_is_none_is_answered_by_name(
    busy: Process, raw: Callable[[int], Raw], bad: bytes, re: str, sentence: str
) -> None:
    peer = raw(busy.port)
    peer.send(bad)
    assert list(peer.messages()) == [{"t": "error", "code": "PROTO", "text": sentence, "re": re}]


@pytest.mark.parametrize(
    "bad",
    [
        frame(STATE, b"\x20" + struct.pack(">I", 1) + b"\xff" * 40),
        frame(STATE, b"\x21" + struct.pack(">I", 1) + bytes(60)),
        frame(STATE, b"\x99" + struct.pack(">I", 1) + bytes(60)),
        frame(BULK, b"\x30" + struct.pack(">I", 1) + b"\xff" * 60),
        frame(CONTROL, b"\x05" + struct.pack(">IH", 1, 60000) + bytes(10)),
        frame(STATE, b"\x2b" + struct.pack(">I", 1) + bytes(33) + b"[1"),
        frame(STATE, b"\x20" + struct.pack(">IQ", 1, 5) + b"\x01\x00" + bytes(26) + b"{}"),
    ],
)
def test_nonsense_in_a_room_ends_the_connection(busy: Process, raw: Callable[[int], Raw], bad: bytes) -> None:
    peer = raw(busy.port)
    assert peer.join() == 1
    peer.send(bad, message({"t": "rooms"}))
    assert "error" not in [m["t"] for m in peer.messages()]  # closed
    is_gone(busy, "raw", BROKEN)


def test_presence_that_could_not_be_passed_on_hurts_nobody_else(
    busy: Process, clients: Callable[..., Client], raw: Callable[[int], Raw]
) -> None:
    """ATR_PRESENCE_JSON_BYTES_MAX: it fits a message to the server; with the sender's number before it, it would fit none to the others, and end
    their connections."""
    other = clients("other")
    other.connect(busy.address)
    room = other.join("room")
    seen: list[Any] = []
    room.on_presence = lambda _member, data: seen.append(data)
    peer = raw(busy.port)
    handle = peer.join()
    text = json.dumps({"x": "y" * (4096 - 5 - len('{"x": ""}'))}).encode()
    peer.send(frame(PRESENCE, b"\x10" + struct.pack(">I", handle) + b'{"frame":1}'))
    settle([other], lambda: bool(seen), what="the presence that fits")
    peer.send(frame(PRESENCE, b"\x10" + struct.pack(">I", handle) + text))
    is_gone(busy, "raw", "A message is larger than allowed.")
    room.flush(10)
    assert seen == [{"frame": 1}] and other.state != "OFFLINE"


# What is asked for in a room, and the name of the error that answers it; none where nothing is answered because a correct client may have said
# it too late, or too early.
@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ({"t": "create", "name": "", "blender": [5, 0, 1], "schema": 1}, "ROOM_NAME"),
        ({"t": "create", "name": "x" * 10000, "blender": [5, 0, 1], "schema": 1}, "ROOM_NAME"),
        ({"t": "create", "name": "x", "blender": "5.0", "schema": 1}, "PROTO"),
        ({"t": "create", "name": "x", "blender": [5, 0, 1], "room": "zz", "epoch": 1, "base": -1}, "PROTO"),
        ({"t": "join", "room": "0" * 32, "blender": [5, 0, 1]}, "NOROOM"),
        ({"t": "join", "room": 7}, "PROTO"),
        ({"t": "admit", "key": "../../etc/passwd"}, "PROTO"),
        ({"t": "leave", "room": 4_000_000_000}, None),  # of a room that was closed meanwhile
        ({"t": "ready", "room": []}, None),
        ({"t": "head", "room": 1, "n": -1}, None),
        ({"t": "something of a later version", "x": [None]}, None),
    ],
)
def test_nonsense_asked_for_in_a_room_is_answered_by_name(
    busy: Process, raw: Callable[[int], Raw], bad: dict[str, Any], code: str | None
) -> None:
    """The connection stays."""
    peer = raw(busy.port)
    assert peer.join() == 1
    peer.send(message(bad), message({"t": "join", "room": "f" * 32, "blender": [5, 0, 1]}))
    errors = [peer.until("error")]
    if code:
        assert (errors[0]["code"], errors[0]["re"]) == (code, bad["t"])
        errors.append(peer.until("error"))
    assert (errors[-1]["code"], errors[-1]["room"]) == ("NOROOM", "f" * 32)


DOC = b"d" * 16


# What ends the connection, and the sentence that the server's log has for it.
@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (b"\x02\xff\xff" + bytes(65535), "A frame is larger than allowed."),
        (frame(STATE, b"\x20" + bytes(60000), more=True) * 150, TOO_LARGE),
        (submit(1, 1, DOC, b'{"a":' * 1000 + b"1" + b"}" * 1000), "JSON is nested too deeply."),
        (submit(1, 1, DOC, b'{"a":"\xff\xfe"}'), "JSON text is not valid UTF-8."),
        (submit(1, 1, DOC, b'{"a":1'), "The text is not JSON."),
        (submit(1, 1, DOC, b'{"a":1,"a":2}'), "A JSON object has the same key twice."),
        (submit(1, 1, DOC, b'{"a":"\\u0000"}'), "JSON text holds a NUL character."),
        (submit(1, 1, DOC, b'{"a":1e999}'), "A JSON number cannot be held exactly."),
        (submit(1, 9, DOC, b"{}"), BROKEN),
        (frame(BULK, b"\x30" + struct.pack(">I", 1) + bytes(70)), BROKEN),
        (message(b'{"t":"\xff"}'), "JSON text is not valid UTF-8."),
        (message(b'{"t":' + b"[" * 1000 + b"]" * 1000 + b"}"), "JSON is nested too deeply."),
    ],
)
def test_what_breaks_the_protocol_is_named(busy: Process, raw: Callable[[int], Raw], bad: bytes, sentence: str) -> None:
    peer = raw(busy.port)
    peer.join()
    peer.send(bad)
    for _ in peer.messages():
        pass
    is_gone(busy, "raw", sentence)


def test_truncated_bytes_are_the_end_of_a_connection(busy: Process, raw: Callable[[int], Raw]) -> None:
    whole = submit(1, 1, DOC, b'{"a":1}')
    for end in (1, 2, 3, 4, 20, len(whole) - 1):
        peer = raw(busy.port)
        peer.join()
        peer.send(whole[:end])
        peer.tls.close()
    watcher = Client(busy.home)
    with contextlib.closing(watcher):
        watcher.connect(busy.address)
        assert DOC.hex() not in watcher.join("room").documents


HASH = hashlib.sha256(b"twelve bytes").digest()


def named(shape: int) -> bytes:
    return json.dumps({"type": "Mesh", "p": {"co": ["$blob", HASH.hex(), "f4", [shape]]}}).encode()


@pytest.mark.parametrize(
    ("bad", "name"),
    [
        (submit(1, 2, DOC, b'{"a":1}'), "NOENT"),
        (submit(1, 3, DOC, b""), "NOENT"),
        (submit(1, 1, DOC, b'{"a":null}'), "JSON_NULL"),
        (submit(1, 1, DOC, b'{"a":["$blob","x"]}'), "JSON_TAG"),
        (submit(1, 1, DOC, named(3), (HASH,)), "NOBLOB"),
        (submit(1, 1, DOC, named(3)), "NOBLOB"),
    ],
)
def test_an_operation_that_makes_no_sense_is_refused_by_name(
    busy: Process, raw: Callable[[int], Raw], bad: bytes, name: str
) -> None:
    """The connection stays: a correct client may send such a thing at a wrong moment."""
    peer = raw(busy.port)
    peer.join()
    peer.send(bad, submit(2, 2, DOC, b"{}"))
    assert peer.refusal()[0] == name
    assert peer.refusal()[0] == "NOENT"


def blob_data(size: int, data: bytes, digest: bytes = HASH) -> bytes:
    return frame(BULK, b"\x30" + struct.pack(">I32sQQB", 1, digest, size, 0, 2) + data)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (blob_data(5, b"twelv"), "A blob is larger than allowed, or has another size than its array."),
        (blob_data(12, b"twelve bites"), "The bytes of a blob do not match its name."),
        (blob_data(12, b"twelve bytes and more"), BROKEN),
    ],
)
def test_a_blob_of_another_size_or_content_is_named(
    busy: Process, raw: Callable[[int], Raw], data: bytes, sentence: str
) -> None:
    peer = raw(busy.port)
    peer.join()
    peer.send(frame(CONTROL, b"\x05" + struct.pack(">IH32sQ32s", 1, 1, HASH, 12, bytes(32))), data)
    for _ in peer.messages():
        pass
    is_gone(busy, "raw", sentence)


def test_a_blob_is_not_named_as_an_array_of_another_size(
    busy: Process, raw: Callable[[int], Raw], clients: Clients
) -> None:
    """Members allocate by the array's shape: one that lies would cost each of them its connection."""
    peer = raw(busy.port)
    peer.join()
    offer = frame(CONTROL, b"\x05" + struct.pack(">IH32sQ32s", 1, 1, HASH, 12, bytes(32)))
    peer.send(offer, blob_data(12, b"twelve bytes"), submit(1, 1, DOC, named(4), (HASH,)))
    assert peer.refusal()[0] == "BLOB_SIZE"
    client = clients()
    client.connect(busy.address)
    room = client.join("room")
    name = client.put_blob(b"twelve bytes")
    room.create({"type": "Mesh", "p": {"co": ["$blob", name, "f4", [400]]}})
    room.flush()
    assert [refusal["code"] for refusal in room.refusals] == ["BLOB_SIZE"]


def test_a_document_may_have_a_name_of_ten_thousand_characters(busy: Process, clients: Clients) -> None:
    """What Blender makes of it is the add-on's business; two of them get different names to show."""
    client = clients()
    client.connect(busy.address)
    room = client.join("room")
    ids = [room.create({"type": "Object", "name": "\u00e9" * 10000, "p": {}}) for _ in range(2)]
    room.flush()
    assert not room.refusals
    shown = [room.shown_names.get(id, "") for id in ids]
    assert sorted(len(name.encode()) < 100 for name in shown) == [True, True] and any(shown)
    for id in ids:
        room.delete(id)
    room.flush()


def nested(depth: int) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for _ in range(depth - 1):
        tree = {"a": tree}
    return tree


def test_a_script_is_told_what_it_cannot_send(busy: Process, clients: Clients) -> None:
    """At the call, and nothing of it stands in `documents`; what comes nearest to it passes."""
    client = clients()
    client.connect(busy.address)
    room = client.join("room")
    deepest = room.create(nested(63))
    room.edit(deepest, {"b": [2**53, -(2**53), "\U0001f600"]})
    room.flush()
    before = copy.deepcopy(room.documents)
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("JSON_DEPTH", nested(64)),
        ("JSON_NUL", {"a": "x\0y"}),
        ("JSON_NUL", {"a": [{"x\0y": 1}]}),
        ("JSON_UTF8", {"a": "\ud800"}),
        ("JSON_NUMBER", {"a": 2**53 + 1}),
    ]
    for code, tree in wrong:
        for send in (room.create, lambda tree: room.edit(deepest, tree)):
            with pytest.raises(AtriumError) as mistake:
                send(tree)
            assert mistake.value.code == code
    room.flush()
    assert room.documents == before
    room.delete(deepest)
    core = client._engine._core
    core.send(b'{"t":"\xff"}')
    eventually(lambda: client.pump(0.01) and client._now.error is not None)
    assert client._now.error is not None and client._now.error.code == "JSON_UTF8"
    client._now.error = None
    room.flush()


def test_a_port_scanner_is_nobody(busy: Process) -> None:
    for data in (b"", b"\n", b"\x16", b"HEAD / HTTP/1.0\r\n\r\n", b"OPTIONS * RTSP/1.0\r\n\r\n", bytes(1)):
        with socket.create_connection(("127.0.0.1", busy.port), timeout=5) as scanner:
            scanner.sendall(data)
    with socket.create_connection(("127.0.0.1", busy.port), timeout=5) as scanner:
        scanner.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, as nmap does
    eventually(lambda: "speaks neither TLS nor HTTP" in busy.log.read_text(), what="the log line")


def test_whoever_floods_the_port_does_not_fill_the_disk(start: Start, certificate: Path, clients: Clients) -> None:
    """ATR_LOG_STRANGERS_AT_ONCE, 200 lines of the listener and 200 of the server, however many come: bytes that are nothing, TLS that is
    none, and greetings that are, also of somebody whom a server that is open to all lets in."""
    server = start("--open")
    for data in (b"\n", b"\x16\x00nothing"):
        for _ in range(700):
            with socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT_S) as scanner:
                scanner.sendall(data)
                with contextlib.suppress(OSError):
                    scanner.recv(100)
    for greeting in (hello(proto=2), hello(token="0" * 64), b"nonsense") * 5:
        peer = Raw(server.port, certificate)
        peer.send(greeting)
        peer.tls.close()
    host = clients(home=server.home)
    host.connect(server.address, name="Ada")
    host.disconnect()
    eventually(lambda: '"Ada" is gone' in server.log.read_text(), what="the line about the host, who is no stranger")
    lines = server.log.read_text().splitlines()
    assert sum("speaks neither TLS nor HTTP" in line for line in lines) == 200
    assert sum(" is gone: " in line and "Ada" not in line for line in lines) <= 200
    assert 400 <= len(lines) < 450, len(lines)


def test_nobody_comes_in_as_somebody_else(busy: Process, raw: Callable[[int], Raw]) -> None:
    """A participant's id is known to all members; with another key it opens nothing."""
    first = raw(busy.port)
    first.send(hello(), message({"t": "rooms"}))
    (room,) = first.until("rooms")["rooms"]
    join = {"t": "join", "room": room["id"], "blender": [5, 0, 1], "schema": 1}
    first.send(message(join))
    witness = next(m for m in first.until("members")["members"] if m["name"] != "raw")
    second = raw(busy.port)
    second.send(hello(participant=witness["participant"]), message(join))
    assert second.until("error")["code"] == "DENIED"


def test_what_create_finds_there_it_joins_as_join_does(busy: Process, raw: Callable[[int], Raw]) -> None:
    """`create` with the id of a room that exists is `join`: no way around what that asks for."""
    peer = raw(busy.port)
    peer.send(hello(), message({"t": "rooms"}))
    (room,) = peer.until("rooms")["rooms"]
    create = {"t": "create", "name": "x", "schema": 1, "room": room["id"], "base": 0}
    peer.send(message({**create, "blender": [4, 2, 0]}))
    error = peer.until("error")
    assert (error["code"], error["re"], error["room"]) == ("BLENDER_VERSION", "create", room["id"])
    peer.send(message({**create, "schema": 2, "blender": room["blender"]}))
    error = peer.until("error")
    assert (error["code"], error["re"], error["room"]) == ("VERSION", "create", room["id"])
    assert "schema 1, and this one writes 2" in error["text"]
    peer.send(message({**create, "blender": room["blender"]}))
    assert peer.until("joined")["room"] == room["id"]


def test_an_endless_message_is_cut(busy: Process, raw: Callable[[int], Raw]) -> None:
    """Fragments without an end: cut at the lane's bound, long before the server's memory knows."""
    peer = raw(busy.port)
    peer.send(hello())
    peer.until("welcome")
    fragment = frame(CONTROL, b"x" * 65000, more=True)
    sent = 0
    with contextlib.suppress(OSError):
        while sent < 64_000_000:
            peer.tls.sendall(fragment)
            sent += len(fragment)
    assert sent < 64_000_000


def test_a_certificate_is_read_up_to_so_many_bytes(busy: Process, tmp_path: Path) -> None:
    """ATR_CERTIFICATE_BYTES_MAX: what a stranger sends is kept until the handshake is over."""
    for names, is_in in ((10, True), (300, False)):
        subject = ",".join(f"DNS:{number}.example.org" for number in range(names))
        command = "openssl req -x509 -newkey ed25519 -nodes -days 2 -subj /CN=x -keyout key.pem -out cert.pem -addext"
        subprocess.run([*command.split(), f"subjectAltName={subject}"], cwd=tmp_path, check=True, capture_output=True)
        both = tmp_path / "both.pem"
        both.write_text((tmp_path / "key.pem").read_text() + (tmp_path / "cert.pem").read_text())
        peer = Raw(busy.port, both)
        peer.send(hello())
        answer = next((one["t"] for one in peer.messages()), "none")
        assert (answer == "welcome") == is_in, answer
        peer.tls.close()


def has_ticket(peer: Raw) -> bool:
    return peer.tls.session is not None and peer.tls.session.has_ticket


def test_no_session_is_ever_resumed(busy: Process, raw: Callable[[int], Raw], certificate: Path) -> None:
    """Without a ticket there is neither resumption nor early data. A server of another kind shows that one would be seen here."""
    peer = raw(busy.port)
    peer.send(hello())
    peer.until("welcome")
    assert not has_ticket(peer)
    impostor = Impostor(certificate, message({"t": "welcome"}))
    other = raw(impostor.port)
    other.until("welcome")
    impostor.close()
    assert has_ticket(other)


def knock(server: Process, certificate: Path, source: str = "127.0.0.1") -> Raw:
    peer = Raw(server.port, certificate, source)
    peer.send(hello())
    assert next(peer.messages())["t"] == "knocking"
    return peer


def last_word(peer: Raw) -> str:
    return str(list(peer.messages())[-1]["code"])


@pytest.fixture
def keys(tmp_path: Path) -> list[Path]:
    folders = [tmp_path / f"key{i}" for i in range(33)]
    for folder in folders:
        folder.mkdir()
    return [make_certificate(folder) for folder in folders]


def test_many_knocks_are_bounded(start: Start, keys: list[Path], clients: Clients) -> None:
    """ATR_KNOCKS_MAX, 32. A flood of keys from one network pushes out itself: whoever knocks from another one stays, and whoever comes gets in line."""
    server = start()
    with contextlib.ExitStack() as stack:
        peers = [knock(server, key, "127.0.0.1") for key in keys[:32]]
        peers.append(knock(server, keys[32], "127.0.0.2"))
        for peer in peers:
            stack.callback(peer.tls.close)
        assert last_word(peers[31]) == "SERVER_FULL"
        host = host_of(server, clients)
        settle([host], lambda: len(host.knocks) == 32, what="the knocks")
        host.admit(next(knock.key for knock in host.knocks.values()), remember=False)
        settle([host], lambda: len(host.knocks) == 31, what="the one that was let in")


def test_who_waits_is_not_pushed_out(start: Start, keys: list[Path], clients: Clients) -> None:
    """Whatever comes later, from one network or from one each: the host answers in minutes, and whom he has been asked about is still there. Hosts hear
    nothing of who was turned away."""
    server = start()
    host = host_of(server, clients)
    with contextlib.ExitStack() as stack:
        honest = knock(server, keys[0], "127.0.0.9")
        stack.callback(honest.tls.close)
        for i, key in enumerate(keys[1:32]):
            stack.callback(knock(server, key, f"127.0.1.{i + 1}").tls.close)
        settle([host], lambda: len(host.knocks) == 32, what="the knocks")
        asked = dict(host.knocks)
        for source in ("127.0.2.1", "127.0.2.2", "127.0.1.1", "127.0.0.9"):
            late = Raw(server.port, keys[32], source)
            late.send(hello())
            assert last_word(late) == "SERVER_FULL"
            late.tls.close()
        host.pump(0.5)
        assert host.knocks == asked
        for question in asked.values():
            host.admit(question.key, remember=False)
        assert honest.until("welcome")


def test_whoever_is_turned_away_does_not_go_on_asking(start: Start, keys: list[Path], clients: Clients) -> None:
    server = start()
    guest = clients()
    with contextlib.ExitStack() as stack:
        for key in keys[:32]:
            stack.callback(knock(server, key).tls.close)
        thread, failures = connect_in_thread(guest, f"127.0.0.1:{server.port}")
        thread.join(TIMEOUT_S)
        (full,) = failures
        assert full.code == "SERVER_FULL" and "try again in a few minutes" in full.text
        guest.pump(1.0)
        assert guest.state == "OFFLINE"


def test_one_key_knocks_once(start: Start, certificate: Path, clients: Clients) -> None:
    """Its newest connection has the knock: as many as it likes to open take no place from others, and the host sees one question throughout."""
    server = start()
    host = host_of(server, clients)
    with contextlib.ExitStack() as stack:
        peers = [knock(server, certificate) for _ in range(40)]
        for peer in peers:
            stack.callback(peer.tls.close)
        assert {last_word(peer) for peer in peers[:-1]} == {"DENIED"}
        settle([host], lambda: host.knocks, what="the knock")
        (question,) = host.knocks
        host.admit(question, remember=False)
        assert peers[-1].until("welcome")


@pytest.mark.parametrize("name", ["Ada\nlet in", "Ada\x1b[2J", "\u202eadA", "\u061cAda", "A\u2028da", "A\x7f"])
def test_a_name_that_could_disguise_itself_is_not_shown(
    start: Start, certificate: Path, clients: Clients, name: str
) -> None:
    """The host reads it in a question: line breaks would write that anew, marks of direction turn it around."""
    server = start()
    peer = Raw(server.port, certificate)
    with contextlib.closing(peer.tls):
        peer.send(hello(name=name))
        assert next(peer.messages())["t"] == "knocking"
        host = host_of(server, clients)
        settle([host], lambda: host.knocks, what="the knock")
        assert [knock.name for knock in host.knocks.values()] == ["?"]


# --- a server that is none ---


class Impostor:
    """Listens with TLS and sends each connection the given bytes; `ends` closes it then, `answers` says what is sent for what was heard."""

    def __init__(
        self, certificate: Path, data: bytes, *, ends: bool = False, answers: dict[bytes, bytes] | None = None
    ) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        context.set_alpn_protocols(["atrium/1"])
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.heard = b""
        self.port = int(self._listener.getsockname()[1])

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = self._listener.accept()
                    with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as tls:
                        tls.sendall(data)
                        while not ends and (more := tls.recv(1000)):
                            self.heard += more
                            tls.sendall(b"".join(a for q, a in (answers or {}).items() if q in more))

        threading.Thread(target=serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"garbage that is no frame", "PROTO"),
        (message(b"{"), "JSON_SYNTAX"),
        (message(b"[" * 65 + b"]" * 65), "JSON_DEPTH"),
        (message({"t": "welcome"}) + frame(STATE, b"\x21" + bytes(60)) + b"\xff\xff\xff", "PROTO"),
        (message({"t": "welcome"}) + message({"t": "joined", "room": 1, "handle": "x"}) + b"\xff\xff\xff", "PROTO"),
        (message({"t": "error", "code": 5, "text": ["x"]}) + b"\xff\xff\xff", "PROTO"),
        (frame(PRESENCE, b"\x11" + bytes(20)), "PROTO"),
        (frame(STATE, secrets.token_bytes(500)), "PROTO"),
    ],
)
def test_a_client_survives_a_server_that_is_none(clients: Clients, certificate: Path, data: bytes, code: str) -> None:
    impostor = Impostor(certificate, data)
    client = clients()
    try:
        with pytest.raises(AtriumError) as wrong:
            client.connect(f"localhost:{impostor.port}", timeout=5)
        client.pump(0.2)
    finally:
        impostor.close()
    assert wrong.value.code == code
    assert client.state == "OFFLINE"


def test_a_client_names_both_versions(clients: Clients, certificate: Path) -> None:
    """What a server of another protocol says before it closes is what the user reads."""
    text = "This server is Atrium 9.9.9 with protocol 2, and you have 0.1.0 with protocol 1."
    answer = {"t": "error", "code": "VERSION", "text": text, "re": "hello"}
    impostor = Impostor(certificate, message(answer), ends=True)
    try:
        with pytest.raises(AtriumError) as refused:
            clients().connect(f"localhost:{impostor.port}", timeout=5)
    finally:
        impostor.close()
    assert refused.value.code == "VERSION"
    assert "9.9.9" in str(refused.value)
    assert "0.1.0" in str(refused.value)


ROOM = {"id": "0" * 32, "name": "r", "users": 1, "bytes": 1, "blender": [5, 0, 1], "schema": 1, "ready": True}
AUDIENCE = {"audience": "lan", "label": "", "addresses": [], "state": "no", "reason": "no_network", "with": {}}


@pytest.mark.parametrize(
    "bad",
    [
        {"t": "welcome"},
        {**WELCOME, "port": 1e300},
        {**WELCOME, "invited_to": "x"},
        {"t": "rooms"},
        {"t": "rooms", "rooms": {}},
        {"t": "rooms", "rooms": [ROOM, 1]},
        {"t": "rooms", "rooms": [{**ROOM, "users": "x"}]},
        {"t": "rooms", "rooms": [{**ROOM, "blender": [5, 0]}]},
        {"t": "password"},
        {"t": "invite", "link": 1},
        {"t": "invite", "link": "x", "expires": 0, "room": "00" * 16, "only_here": 1},
        {"t": "invites_revoked", "count": -1},
        {"t": "knock", "name": "x", "code": "x"},
        {"t": "knock_end", "key": []},
        {"t": "reach", "settled": True, "audiences": [{**AUDIENCE, "addresses": [1]}]},
        {"t": "reach", "settled": True, "audiences": [{**AUDIENCE, "with": []}]},
    ],
)
def test_what_a_server_leaves_out_never_reaches_the_application(
    clients: Clients, certificate: Path, bad: dict[str, Any]
) -> None:
    """Whoever hosts may be anybody: a script, or Blender, must not stumble over what it says."""
    impostor = Impostor(certificate, message(WELCOME) + message({"t": "rooms", "rooms": [ROOM]}) + message(bad))
    if bad["t"] == "welcome":
        impostor = Impostor(certificate, message(bad))
    client = clients()
    try:
        wrong = None
        try:
            client.connect(f"localhost:{impostor.port}", timeout=5)
        except AtriumError as early:  # or right behind the welcome
            wrong = early
        settle([client], lambda: client.state == "OFFLINE", what="the end")
        wrong = wrong or client._now.error
        assert wrong is not None and wrong.code == "PROTO"
    finally:
        impostor.close()


def test_a_document_that_is_healed_is_counted(clients: Clients, certificate: Path) -> None:
    """Convergence is checked: where a digest differs, the server sends its document of the very same version, and the application hears of it."""
    joined = {"t": "joined", "room": ROOM["id"], "handle": 1, "epoch": "1" * 32, "member": 2, "head": 5, "settled": 0}
    healing = [
        frame(STATE, b"\x24" + struct.pack(">IQQ", 1, 0, 5)),
        *(
            frame(STATE, b"\x25" + struct.pack(">IQQB", 1, 5, 5, flags) + DOC + b'{"type":"Light"}')
            for flags in (0, 2, 2)
        ),
        frame(STATE, b"\x26" + struct.pack(">IQB", 1, 5, 1)),
    ]
    answers = {
        b'"rooms"': message({"t": "rooms", "rooms": [ROOM]}),
        b'"join"': message({**joined, "refused": [], "created": False, "name": "r"}) + b"".join(healing),
    }
    impostor = Impostor(certificate, message(WELCOME), answers=answers)
    client = clients()
    try:
        client.connect(f"localhost:{impostor.port}", timeout=5)
        room = client.join("r", timeout=10)
        settle([client], lambda: room.healed == 2, what="the second healing")
    finally:
        impostor.close()
    assert room.documents == {DOC.hex(): {"type": "Light"}}


@pytest.mark.parametrize("knows", [True, False])
def test_an_engine_has_the_rooms_with_every_server(certificate: Path, tmp_path: Path, knows: bool) -> None:
    """One that does not know the hello's `rooms`, as its welcome shows, is asked; one that does is not asked twice."""
    listed = message({"t": "rooms", "rooms": []})
    welcome = message({**WELCOME, "rooms": True}) + listed if knows else message(WELCOME)
    impostor = Impostor(certificate, b"", answers={b'"hello"': welcome, b'{"t":"rooms"}': listed})
    try:
        with Engine(tmp_path / "guest") as engine:
            user = {"name": "x", "color": [1, 1, 1], "version": "1"}
            engine.send({"t": "connect", "host": f"localhost:{impostor.port}", "rooms": True, **user})
            events = events_until(engine, "rooms")
            assert [e["t"] for e in events if e["t"] != "state"] == ["welcome", "rooms"]
            assert "rooms" not in next(e for e in events if e["t"] == "welcome")
    finally:
        impostor.close()
    assert (b'{"t":"rooms"}' in impostor.heard) is not knows and b'"rooms":true' in impostor.heard


SALT = {"t": "pake", "salt": "00" * 16, "passes": 1, "memory_kib": 8}
TAG_OF_NOTHING = {"t": "pake", "tag": "00" * 64}


@pytest.mark.parametrize(
    "data",
    [
        message(TAG_OF_NOTHING),
        message(SALT) + message(TAG_OF_NOTHING),
        message({"t": "pake", "share": "00" * 32}) + message(TAG_OF_NOTHING),
        message(SALT) + message(SALT),
        message({"t": "welcome"}),
        message({"t": "pake"}),
    ],
)
def test_a_host_that_skips_its_proof_is_not_trusted(
    clients: Clients, certificate: Path, tmp_path: Path, data: bytes
) -> None:
    """Somebody in the middle who does not know the password, and leaves out what he cannot do."""
    impostor = Impostor(certificate, data)
    client = clients("guest")
    try:
        with pytest.raises(AtriumError):
            client.connect(f"127.0.0.1:{impostor.port}", "secret", timeout=3)
    finally:
        impostor.close()
    assert client.state == "OFFLINE"
    assert not (tmp_path / "guest" / "known_hosts").exists()
    assert b'"hello"' not in impostor.heard


def test_something_else_on_the_port_is_said_to_be_something_else(clients: Clients) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def serve() -> None:
            with contextlib.suppress(OSError):
                connection, _ = other.accept()
                connection.sendall(b"220 mail.example.org ESMTP\r\n")
                connection.recv(1000)
                connection.close()

        threading.Thread(target=serve, daemon=True).start()
        with pytest.raises(AtriumError) as wrong:
            clients().connect(f"localhost:{other.getsockname()[1]}", timeout=10)
    assert "not Atrium" in wrong.value.text
