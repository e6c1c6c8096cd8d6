# SPDX-License-Identifier: MIT
"""Connect with `localhost`: the server of this machine is found, or started once, and nothing ever blocks.

What is shown here would otherwise only be noticed by users: two Blenders started from one script, a port that another program has, a
server that cannot start.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from atrium import Client, hosting
from atrium.hosting import EnsureServer, Phase, ensure_server

from .conftest import ROOT, Process, free_port

Start = Callable[..., Process]


@pytest.fixture(autouse=True)
def no_server_outlives_a_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PYTHONPATH", "/nonexistent")  # an isolated Python must find the package all the same
    yield
    for child in hosting._children:
        if child.poll() is None:
            child.terminate()
            child.wait(10)
    hosting._children.clear()


def poll_fast(ensure: EnsureServer, timeout: float = 30) -> float:
    """Polls until decided; returns the longest that one poll took."""
    worst = 0.0
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        began = time.perf_counter()
        phase = ensure.poll()
        worst = max(worst, time.perf_counter() - began)
        if phase in (Phase.READY, Phase.FAILED):
            return worst
        time.sleep(0.002)
    raise AssertionError(f"still {ensure.phase}")


def test_a_server_is_started_and_then_found(tmp_path: Path) -> None:
    port = free_port()
    first = ensure_server(port, tmp_path)
    poll_fast(first)
    assert (first.phase, first.started, first.error) == (Phase.READY, True, "")
    second = ensure_server(port, tmp_path)
    worst = poll_fast(second)
    assert (second.phase, second.started) == (Phase.READY, False)
    assert worst < 0.1  # a poll that finds a server does a local handshake at most
    with Client(tmp_path) as host:
        host.connect(f"localhost:{port}")
        assert host.welcome["host"] is True
    assert first.log.stat().st_mode & 0o077 == 0


def test_the_router_is_asked_for_no_port_that_it_cannot_reach(tmp_path: Path) -> None:
    ensure = ensure_server(free_port(), tmp_path, bind="127.0.0.1", map_port=True)
    poll_fast(ensure)
    assert ensure.phase is Phase.READY
    assert "the router is not asked for a port" in ensure.log.read_text()


def test_an_open_door_lets_strangers_in(tmp_path: Path) -> None:
    ensure = ensure_server(free_port(), tmp_path / "host", bind="127.0.0.1", open=True)
    poll_fast(ensure)
    with Client(tmp_path / "stranger") as stranger:
        stranger.connect(f"localhost:{ensure.port}")
        assert (stranger.state, stranger.welcome["host"]) == ("LOBBY", False)
    with Client(tmp_path / "host") as host:
        host.connect(f"localhost:{ensure.port}")
        assert "loopback_only" in {entry["reason"] for entry in host.look_around()}


def answer_to_end(person: Client, **how: bool) -> str:
    """The code of the refusal; empty where the server ends."""
    person._engine.send({"t": "end", **how})
    end = time.monotonic() + 10
    while time.monotonic() < end:
        for event in person._engine.poll():
            if event["t"] == "error" and event["re"] == "end":
                return str(event["code"])
            if event["t"] == "state" and event["state"] == "RECONNECTING":
                return ""
        person._engine.wait(0.05)
    raise AssertionError("no answer")


def told(person: Client, state: str) -> dict[str, Any]:
    """The engine's next event about that state."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        for event in person._engine.poll():
            if event["t"] == "state" and event["state"] == state:
                return event
        person._engine.wait(0.05)
    raise AssertionError(f"not {state}")


def test_members_are_told_that_the_server_is_restarted(tmp_path: Path) -> None:
    """And of a server that just ends they are not."""
    port = free_port()
    ensure = ensure_server(port, tmp_path / "host", bind="127.0.0.1", open=True)
    poll_fast(ensure)
    with Client(tmp_path / "host") as host, Client(tmp_path / "guest") as guest:
        host.connect(f"localhost:{port}")
        guest.connect(f"localhost:{port}")
        host._engine.send({"t": "end"})
        people = (host, guest)
        assert all(told(person, "RECONNECTING")["restarts"] is True for person in people)
        poll_fast(ensure_server(port, tmp_path / "host", bind="127.0.0.1", open=True))
        assert all("restarts" not in told(person, "LOBBY") for person in people)
        hosting._children[-1].terminate()
        assert all("restarts" not in told(person, "RECONNECTING") for person in people)


def test_its_host_ends_a_server_that_connect_has_started(tmp_path: Path) -> None:
    """To have another with other settings. Without being asked it ends only where nobody else loses anything."""
    ensure = ensure_server(free_port(), tmp_path / "host", bind="127.0.0.1", open=True)
    poll_fast(ensure)
    with Client(tmp_path / "host") as host, Client(tmp_path / "guest") as guest:
        host.connect(f"localhost:{ensure.port}")
        assert host.welcome["runs_with"] == ["open", "discovery"]
        guest.connect(f"localhost:{ensure.port}")
        assert "runs_with" not in guest.welcome
        assert answer_to_end(guest) == "DENIED"
        assert answer_to_end(host, unused=True) == "DENIED", "somebody else is here"
        room = guest.create_room("Film")
        room.leave()
        guest.disconnect()
        assert answer_to_end(host, unused=True) == "DENIED", "a room would be lost"
        assert answer_to_end(host) == ""
        assert hosting._children[-1].wait(10) == 0


def test_a_server_that_nobody_uses_is_ended_unasked(tmp_path: Path) -> None:
    ensure = ensure_server(free_port(), tmp_path, bind="127.0.0.1", discovery=False, map_port=True)
    poll_fast(ensure)
    with Client(tmp_path) as host:
        host.connect(f"localhost:{ensure.port}")
        assert host.welcome["runs_with"] == ["map_port"]
        assert answer_to_end(host, unused=True) == ""
        assert hosting._children[-1].wait(10) == 0


def test_a_server_that_somebody_else_looks_after_is_not_ended(start: Start) -> None:
    server = start("--open")
    with Client(server.home) as host:
        host.connect(server.address)
        assert host.welcome["host"] is True and "runs_with" not in host.welcome
        assert answer_to_end(host) == "DENIED"


def test_a_running_server_is_used_whoever_started_it(start: Start, tmp_path: Path) -> None:
    server = start()
    ensure = ensure_server(server.port, tmp_path / "another home")
    poll_fast(ensure)
    assert (ensure.phase, ensure.started) == (Phase.READY, False)


def test_another_program_on_the_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ensure = ensure_server(port, tmp_path)
        end = time.monotonic() + 10
        while ensure.poll() is Phase.LOOKING and time.monotonic() < end:
            time.sleep(0.01)  # it takes connections and says nothing
        assert ensure.phase is Phase.FAILED
        assert str(port) in ensure.error
        assert "preferences" in ensure.error


def test_two_at_the_same_time_end_with_one_server(tmp_path: Path) -> None:
    """Two processes, as two Blenders are; each prints whether it started the server."""
    port = free_port()
    code = textwrap.dedent(f"""
        import sys
        sys.path.insert(0, {str(ROOT / "python")!r})
        from atrium.hosting import ensure_server
        ensure = ensure_server({port}, {str(tmp_path)!r})
        ensure.wait()
        print(ensure.phase.value, ensure.started, ensure.error, flush=True)
        sys.stdin.read()
        for child in __import__("atrium.hosting").hosting._children:
            child.terminate()
            child.wait()
        """)
    both = [
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        said = sorted(one.stdout.readline().split()[:2] for one in both if one.stdout)
        assert said == [["ready", "False"], ["ready", "True"]]
    finally:
        for one in both:
            one.communicate(timeout=20)


def test_homes_that_race_end_with_one_server(tmp_path: Path) -> None:
    """With different homes there is no common lock: the port decides, and the loser uses the winner's server."""
    port = free_port()
    both = [ensure_server(port, tmp_path / name) for name in "ab"]
    for ensure in both:
        ensure.poll()
    end = time.monotonic() + 30
    while time.monotonic() < end and any(ensure.poll() not in (Phase.READY, Phase.FAILED) for ensure in both):
        time.sleep(0.005)
    assert [ensure.phase for ensure in both] == [Phase.READY, Phase.READY]


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir(mode=0o700)
    (tmp_path / "server" / "identity.pem").write_text("garbage")
    (tmp_path / "server" / "identity.pem").chmod(0o600)
    ensure = ensure_server(free_port(), tmp_path)
    poll_fast(ensure)
    assert ensure.phase is Phase.FAILED
    assert "identity.pem" in ensure.error


def test_the_server_outlives_who_started_it(tmp_path: Path) -> None:
    port = free_port()
    code = textwrap.dedent(f"""
        import os, sys
        sys.path.insert(0, {str(ROOT / "python")!r})
        from atrium import hosting
        hosting.ensure_server({port}, {str(tmp_path)!r}).wait()
        print(hosting._children[0].pid, flush=True)
        os.kill(os.getpid(), 9)
        """)
    pid = int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stdout)
    try:
        ensure = ensure_server(port, tmp_path)
        poll_fast(ensure)
        assert (ensure.phase, ensure.started) == (Phase.READY, False)
        assert os.getpgid(pid) == pid  # a session of its own: no Ctrl-C of Blender's terminal reaches it
    finally:
        os.kill(pid, signal.SIGTERM)


def test_it_ends_some_minutes_after_the_last_user_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 1 <= hosting.IDLE_EXIT_MIN <= 60
    monkeypatch.setattr(hosting, "IDLE_EXIT_MIN", 0.02)
    ensure = ensure_server(free_port(), tmp_path)
    poll_fast(ensure)
    with Client(tmp_path) as host:
        host.connect(f"localhost:{ensure.port}")
        time.sleep(2.0)
        assert hosting._children[0].poll() is None  # somebody is here
    assert hosting._children[0].wait(20) == 0


def test_cancel_leaves_nothing_behind(tmp_path: Path) -> None:
    ensure = ensure_server(free_port(), tmp_path)
    ensure.poll()
    ensure.cancel()
    assert ensure.poll() is Phase.FAILED
    assert ensure.error


def test_what_the_server_said_is_found_among_what_another_one_logs(tmp_path: Path) -> None:
    """Both write into the log of the home: the one that runs says who has left just when the other one says why it cannot run."""
    start = ensure_server(free_port(), tmp_path)
    start.log.parent.mkdir(parents=True, exist_ok=True)
    start.log.write_text("INFO Ben came\natrium-server: Another server uses it.\nINFO Ben left\n")
    assert start._last_line() == "Another server uses it."
    start.log.write_text("ImportError: no such file\n")
    assert start._last_line() == "ImportError: no such file"
    start.cancel()
