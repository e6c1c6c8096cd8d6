# SPDX-License-Identifier: MIT
"""The engine's edges: full queues, bad commands, and an end at any moment.

Blender closes the engine from `unregister()` and at exit, in whatever state it is; a hang there is a hang of Blender.
"""

from __future__ import annotations

import array
import gc
import hashlib
import os
import random
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from atrium import AtriumError, Client, _core
from atrium.engine import Engine

from .conftest import ROOT, Process, Wire, eventually

Start = Callable[..., Process]
Clients = Callable[..., Client]


def events_until(engine: Engine, t: str, timeout: float = 10, **fields: object) -> list[dict[str, object]]:
    """Polls until an event of that kind with these fields came; all events so far, that one last."""
    seen = []
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        engine.wait(0.1)
        for event in engine.poll(1):
            seen.append(event)
            if event["t"] == t and all(event.get(key) == value for key, value in fields.items()):
                return seen
    raise AssertionError(f"no {t} {fields} among {seen}")


def test_bad_commands_are_answered(tmp_path: Path) -> None:
    with Engine(tmp_path) as engine:
        core = engine._core
        for text, code in (
            ("nonsense", "JSON_SYNTAX"),
            ("[1]", "JSON_TYPE"),
            ('{"t":"what"}', "INVAL"),
            ("[" * 1000 + "]" * 1000, "JSON_DEPTH"),
            ('{"t":"rooms"}', "STATE"),
            ('{"t":"submit","room":"x"}', "INVAL"),
            ('{"t":"flush","room":"00000000000000000000000000000000"}', "NOROOM"),
            ('{"a":1,"a":2}', "JSON_DUPKEY"),
            (b'{"t":"\xff"}', "JSON_UTF8"),
        ):
            assert core.send(text)
            assert events_until(engine, "error")[-1]["code"] == code, text
        with pytest.raises(AtriumError) as large:
            core.send(b" " * 9_000_000)
        assert large.value.code == "MESSAGE_SIZE"
        with pytest.raises(ValueError, match="Out of range"):
            engine.send({"t": "presence", "data": float("nan")})


def test_what_is_typed_wrong_is_said_at_once(tmp_path: Path, nobody: str) -> None:
    with Engine(tmp_path) as engine:
        for host, code in (("[::1", "ADDR_SYNTAX"), ("", "ADDR_SYNTAX"), (nobody, "CONNREFUSED")):
            engine.send({"t": "connect", "host": host, "name": "x"})
            event = events_until(engine, "state", state="OFFLINE", code=code)[-1]
            assert str(event["error"]).endswith(("?", "."))
        assert nobody in str(event["error"])


def test_a_full_queue_is_a_return_value(tmp_path: Path) -> None:
    """Nothing is lost and nothing waits: what was taken is answered, what was not is said. Taking events from a full
    queue wakes the engine, or it would refill only once per tick (3,000 answers through 8 slots: 37 s)."""
    with Engine(tmp_path, queue_slots=8) as engine:
        taken = refused = answers = 0
        while taken < 3000:  # more than ATR_EVENT_BACKLOG_MAX (4096) without a look only a hostile application sends
            if engine.send({"t": "rooms"}):
                taken += 1
            else:
                refused += 1
        end = time.monotonic() + 20
        while answers < taken and time.monotonic() < end:
            engine.wait(0.1)
            answers += sum(event["t"] == "error" for event in engine.poll())
        assert answers == taken
        assert refused


def test_a_queue_that_is_full_takes_no_blob(tmp_path: Path) -> None:
    """It says so as `send` does, and takes it later."""
    with Engine(tmp_path, queue_slots=8) as engine:
        names = [engine.put_blob(i.to_bytes(4, "big")) for i in range(5000)]
        assert None in names
        end = time.monotonic() + 10
        while (name := engine.put_blob(b"later")) is None:
            assert time.monotonic() < end
        assert name == hashlib.sha256(b"later").hexdigest()


def test_answers_that_nobody_takes_are_bounded(tmp_path: Path) -> None:
    """ATR_EVENT_BACKLOG_MAX, 4096: what waits beside the queue is bounded, and the engine goes on."""
    slots = 8
    with Engine(tmp_path, queue_slots=slots) as engine:
        sent = 0
        while sent < 6000:
            sent += engine.send({"t": "rooms"})
        answers = [e for e in events_until(engine, "error", code="STATE") if e["t"] == "error"]
        while engine.wait(0.3):
            answers += [e for e in engine.poll() if e["t"] == "error"]
        assert 4096 <= len(answers) <= 4096 + 2 * slots
        assert engine.send({"t": "what"})
        events_until(engine, "error", code="INVAL")


def test_documents_wait_for_a_slow_application(start: Start, clients: Clients, tmp_path: Path) -> None:
    """A queue of 16 events and 3,000 documents: they come as there is room, each in its newest state."""
    server = start("--open")
    fast = clients("fast")
    fast.connect(server.address)
    room = fast.create_room("r")
    with Engine(tmp_path / "slow", queue_slots=16) as slow:
        slow.send({"t": "connect", "host": server.address, "name": "slow", "color": [1, 1, 1], "version": "1"})
        events_until(slow, "state", state="LOBBY")
        slow.send({"t": "join", "room": room.id, "blender": [5, 0, 1]})
        events_until(slow, "progress", complete=True)
        docs = [room.create({"type": "Object", "p": {"i": 0}}) for _ in range(3000)]
        for doc in docs:
            room.edit(doc, {"p": {"i": 1}})
        room.flush()
        time.sleep(0.5)  # the queue is full by now
        state: dict[object, object] = {}
        end = time.monotonic() + 20
        while time.monotonic() < end and not (len(state) == 3000 and set(state.values()) == {1}):
            slow.wait(0.1)
            for event in slow.poll(5):
                if event["t"] == "doc":
                    state[event["doc"]] = event["tree"]["p"]["i"]
        assert len(state) == 3000
        assert set(state.values()) == {1}


def test_close_is_idempotent_and_final(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    engine.close()
    engine.close()
    for call in (lambda: engine.send({}), lambda: engine.poll(), lambda: engine.wait(0), lambda: engine.put_blob(b"x")):
        with pytest.raises(AtriumError) as closed:
            call()
        assert closed.value.code == "STATE"
    assert len(engine.key) == 64


def test_times_that_are_none(tmp_path: Path) -> None:
    with Engine(tmp_path) as engine:
        assert not engine.wait(float("nan"))
        assert not engine.wait(-1)
    for minutes in (float("nan"), float("inf"), 1e9, -1):
        with pytest.raises(ValueError, match="idle_exit_min"):
            _core.Server(home=str(tmp_path), idle_exit_min=minutes)


def test_close_while_busy(start: Start, clients: Clients, tmp_path: Path, nobody: str, silent: str) -> None:
    """In every state and at random moments, hundreds of times; each within a moment (ATR_CLIENT_CLOSE_MS, 100 ms, and a busy machine's)."""
    server = start("--open")
    other = clients("other")
    other.connect(server.address)
    room = other.create_room("busy")
    for i in range(200):
        room.create({"type": "Object", "p": {"i": i}})
    room.flush()
    chance = random.Random(5)
    worst = 0.0
    for i in range(300):
        engine = Engine(tmp_path / "busy")
        host = chance.choice([server.address, nobody, "no-such-name.invalid", silent])
        engine.send({"t": "connect", "host": host, "name": "x", "color": [1, 1, 1], "version": "1"})
        if host == server.address and chance.random() < 0.8:
            events_until(engine, "state", state="LOBBY")
            engine.send({"t": "join", "room": room.id, "blender": [5, 0, 1]})
            for _ in range(chance.randrange(50)):
                engine.put_blob(bytes(1000))
                engine.send(
                    {"t": "submit", "room": room.id, "doc": f"{i:032x}", "kind": "create", "tree": {"type": "Object"}}
                )
            if chance.random() < 0.5:
                engine.poll(3)
        time.sleep(chance.random() * 0.005)
        began = time.monotonic()
        engine.close()
        worst = max(worst, time.monotonic() - began)
    assert worst < 1.0
    room.flush()


def test_forgetting_to_close_is_harmless(tmp_path: Path, nobody: str) -> None:
    for _ in range(20):
        Engine(tmp_path).send({"t": "connect", "host": nobody, "name": "x"})
    gc.collect()


def test_exit_without_close_is_clean(start: Start, tmp_path: Path) -> None:
    server = start("--open")
    code = textwrap.dedent(f"""
        import sys
        sys.path.insert(0, {str(ROOT / "python")!r})
        import atrium
        own = atrium.serve(port=0, home={str(tmp_path / "own")!r})
        client = atrium.Client({str(tmp_path / "home")!r})
        client.connect({server.address!r})
        room = client.create_room("r")
        for i in range(2000):
            room.create({{"type": "Object", "p": {{"i": i}}}})
        END
        """)
    for end in ("", "raise SystemExit(3)", "client = own = None", "import gc; gc.disable(); sys.modules.clear()"):
        run = subprocess.run(
            [sys.executable, "-c", code.replace("END", end)], capture_output=True, timeout=30, check=False
        )
        assert (run.returncode, run.stderr) == (3 if "3" in end else 0, b"")


def test_close_from_another_thread_ends_a_wait(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(engine.wait(30)))
    thread.start()
    time.sleep(0.05)
    engine.close()
    thread.join(5)
    assert results == [False]


def test_a_signals_handler_may_close_the_engine_that_waits(tmp_path: Path) -> None:
    """In a process of its own: who does it wrong turns for ever."""
    script = f"""
        import signal
        from atrium import _core
        engine = _core.Engine({str(tmp_path)!r})
        signal.signal(signal.SIGALRM, lambda *_: engine.close())
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        assert engine.wait(5) is False
        try:
            engine.poll()
        except _core.AtriumError as error:
            print(error)
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "python")},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert "closed" in result.stdout, result.stderr


def test_an_argument_may_close_the_engine_that_is_asked(tmp_path: Path) -> None:
    engine = _core.Engine(str(tmp_path))

    class Closes:
        def __index__(self) -> int:
            engine.close()
            return 1

    with pytest.raises(AtriumError, match="closed"):
        engine.poll(Closes())  # type: ignore[arg-type]


def test_a_cancel_is_also_of_what_still_stands_in_the_queue(tmp_path: Path, nobody: str, silent: str) -> None:
    """And of nothing that comes behind it."""
    with Engine(tmp_path) as engine:
        for _ in range(50):
            engine.send({"t": "connect", "host": silent, "name": "x"})
            engine.send({"t": "cancel"})
            engine.send({"t": "connect", "host": nobody, "name": "x"})
            seen = events_until(engine, "state", state="OFFLINE", code="CONNREFUSED")
            assert nobody in str(seen[-1]["error"])
            engine.send({"t": "connect", "host": silent, "name": "x"})
            engine.send({"t": "cancel"})
            engine.send({"t": "rooms"})
            before = [event for event in events_until(engine, "error", code="STATE") if event["t"] == "state"]
            assert before[-1]["state"] == "OFFLINE", before


def test_a_document_that_no_room_takes_is_refused_and_the_others_go_on(
    start: Start, clients: Clients, tmp_path: Path
) -> None:
    """A command may be longer than a document. It was tried again at each reconnect, for ever."""
    server = start()
    host = clients(home=server.home)
    host.connect(server.address)
    room = host.create_room("Film")
    before = room.create({"type": "Mesh", "name": "before"})
    large = room.create({"type": "Mesh", "text": "x" * (8 << 20)})
    after = room.create({"type": "Mesh", "name": "after"})
    room.flush(20)
    assert [(refusal["doc"], refusal["code"]) for refusal in room.refusals] == [(large, "DOC_SIZE")]
    guest = clients(home=server.home)
    guest.connect(server.address)
    assert set(guest.join(room.id).documents) == {before, after}


def test_it_is_told_how_many_bytes_are_still_to_go(start: Start, wire: Callable[[int], Wire], tmp_path: Path) -> None:
    """Also while one large blob goes out and nothing else happens: only operations were counted. Between two connections nobody knows."""
    server = start("--open")
    line = wire(server.port)
    data = random.Random(1).randbytes(32 << 20)
    with Engine(tmp_path / "creator") as engine:
        host = f"127.0.0.1:{line.port}"
        engine.send({"t": "connect", "host": host, "name": "x", "color": [1, 1, 1], "version": "1"})
        events_until(engine, "state", state="LOBBY")
        engine.send({"t": "create", "name": "Film", "blender": [5, 0, 1], "schema": 1})
        room = str(events_until(engine, "joined")[-1]["room"])
        line.stalled = True
        name = engine.put_blob(data)
        tree = {"type": "Mesh", "co": ["$blob", name, "u1", [len(data)]]}
        engine.send({"t": "submit", "room": room, "doc": "01" * 16, "kind": "create", "tree": tree})
        told = events_until(engine, "pending", operations=1)[-1]
        assert len(data) < int(str(told["bytes"])) < len(data) + 1000
        time.sleep(0.2)
        line.stalled = False
        events = [e for e in events_until(engine, "pending", operations=0, timeout=30) if e["t"] == "pending"]
        left = [int(str(e["bytes"])) for e in events]
        assert left == sorted(left, reverse=True) and left[-1] == 0
        assert any(0 < bytes_left < len(data) for bytes_left in left[:-1])
        line.stalled = True
        engine.send({"t": "submit", "room": room, "doc": "02" * 16, "kind": "create", "tree": {"type": "Object"}})
        assert int(str(events_until(engine, "pending", operations=1)[-1]["bytes"])) < 200
        line.refuses = True
        line.cut()
        events_until(engine, "state", state="RECONNECTING")
        engine.send({"t": "submit", "room": room, "doc": "03" * 16, "kind": "create", "tree": {"type": "Object"}})
        assert "bytes" not in events_until(engine, "pending", operations=2)[-1]
        line.refuses = line.stalled = False
        assert events_until(engine, "pending", operations=0, timeout=30)[-1]["bytes"] == 0


def test_two_threads_start_one_server_and_a_close_meanwhile_counts(tmp_path: Path) -> None:
    started, errors = [], []
    others = len(os.listdir("/proc/self/task"))
    server = _core.Server(home=str(tmp_path), port=0, bind="127.0.0.1", discovery=False)

    def start_it() -> None:
        try:
            server.start()
            started.append(True)
        except AtriumError as error:
            errors.append(error.code)

    for _ in range(20):
        threads = [threading.Thread(target=start_it) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(started) == 1 and set(errors) == {"STATE"}
        server.close()
        eventually(lambda: len(os.listdir("/proc/self/task")) == others, what="the end of every server's thread")
        started.clear()
        errors.clear()
    thread = threading.Thread(target=start_it)
    thread.start()
    server.close()
    thread.join()
    if started:  # it was up before the close, or after
        server.close()


def test_cancel_is_at_once(tmp_path: Path, silent: str) -> None:
    with Engine(tmp_path) as engine:
        engine.send({"t": "connect", "host": silent, "name": "x"})  # nobody answers there
        events_until(engine, "state", state="CONNECTING")
        began = time.monotonic()
        engine.send({"t": "cancel"})
        last = events_until(engine, "state", state="OFFLINE")[-1]
        assert time.monotonic() - began < 0.5
        assert "error" not in last


def test_others_go_on_while_bytes_are_hashed(tmp_path: Path) -> None:
    """Blender draws while a large mesh is handed over: the interpreter is not held for the 256 MB."""
    data = bytes(256 << 20)
    counted, ended = 0, threading.Event()

    def count() -> None:
        nonlocal counted
        while not ended.wait(0.001):
            counted += 1

    with Engine(tmp_path) as engine:
        thread = threading.Thread(target=count)
        thread.start()
        engine.put_blob(b"x")
        before = counted
        began = time.monotonic()
        engine.put_blob(data)
        seconds = time.monotonic() - began
        others = counted - before
        ended.set()
        thread.join()
    assert others > seconds / 0.001 / 20, f"{others} turns in {seconds:.3f} s"


def test_blobs_are_named_by_their_bytes(tmp_path: Path) -> None:
    with Engine(tmp_path) as engine:
        for data in (b"", b"abc", bytes(1_000_000), memoryview(array.array("f", [1.0, 2.0]))):
            name = engine.put_blob(data)
            assert name == hashlib.sha256(data).hexdigest() == _core.sha256(data)
            end = time.monotonic() + 5
            while (blob := engine.blob(name)) is None:
                assert time.monotonic() < end
            assert bytes(memoryview(blob)) == bytes(data)
            assert memoryview(blob).readonly
        kept = blob
        assert engine.blob("0" * 64) is None
        with pytest.raises(ValueError, match="64"):
            engine.blob("xyz")
    assert bytes(memoryview(kept)) == bytes(data)  # outlives the engine


def test_fingerprints_differ_where_bytes_do() -> None:
    assert _core.fingerprint(b"a" * 100_000) == _core.fingerprint(bytearray(b"a" * 100_000))
    assert _core.fingerprint(b"a" * 100_000) != _core.fingerprint(b"a" * 99_999 + b"b")


def test_errors_have_a_code_and_a_sentence() -> None:
    error = AtriumError("CODE", "A sentence.")
    assert (error.code, error.text, str(error)) == ("CODE", "A sentence.", "A sentence.")
    assert AtriumError("X").text == ""  # type: ignore[call-arg]  # copies and subclasses may be made with less


def test_a_room_whose_creation_is_given_up_goes_at_once(start: Start, clients: Clients, tmp_path: Path) -> None:
    """Long before ATR_ROOM_UNREADY_MS: nobody comes back to fill it, and a room that nobody can join only puzzles who sees it."""
    server = start("--open")
    with Engine(tmp_path / "watcher") as watcher, Engine(tmp_path / "creator") as creator:
        for engine in (watcher, creator):
            engine.send({"t": "connect", "host": server.address, "name": "x", "color": [1, 1, 1], "version": "1"})
            events_until(engine, "state", state="LOBBY")
        listed: list[object] = []

        def count() -> int:
            for event in watcher.poll():
                if event["t"] == "rooms":
                    listed[:] = event["rooms"]
            return len(listed)

        watcher.send({"t": "rooms"})
        creator.send({"t": "create", "name": "half", "blender": [5, 0, 1], "schema": 1})
        room = events_until(creator, "joined")[-1]["room"]
        eventually(lambda: count() == 1, what="the room in the list")
        creator.send({"t": "leave", "room": room})
        eventually(lambda: count() == 0, what="the list without it")


def test_a_forked_child_lets_go_of_what_runs_in_its_parent(tmp_path: Path) -> None:
    """The threads stay behind at a fork: a child that waited for one would never end."""
    program = textwrap.dedent("""
        import os, sys, atrium
        server = atrium.serve(port=0, bind="127.0.0.1", home=sys.argv[1])
        client = atrium.Client(sys.argv[1])
        client.connect(f"127.0.0.1:{server.port}")
        room = client.create_room("Set")
        child = os.fork()
        if child == 0:
            try:
                client.pump(1)
            except atrium.AtriumError as error:
                print(error.code, flush=True)
            with atrium.Client(sys.argv[1]) as own:
                own.connect(f"127.0.0.1:{server.port}")
            server.close()
            sys.exit(7)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        room.create({"type": "Object"})
        room.flush()
        client.close()
        server.close()
    """)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    words = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, env=environment, check=False)
    assert (done.stdout, done.returncode) == ("STATE\n7\n", 0), done.stderr
