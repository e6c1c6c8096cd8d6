# SPDX-License-Identifier: MIT
"""A session whose engine, scene, server and helpers are fakes: what the tests of addon/session turn and look at.

A test puts events into the engine, lets the session tick, and looks at what the engine was told and at what the panel would show. Nothing
here runs by a clock or on a thread.
"""

from __future__ import annotations

from typing import Any

from atrium_session import settings
from atrium_session.driver import Helpers, Options, Session
from atrium_session.state import State

from tests.addon.fakes import FakeCheck, FakeEngine, FakeScene, FakeServerStart, FakeTunnel

ROOM = "ab" * 16
LINK = "atrium://join#AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
HOSTING = (
    {"t": "welcome", "host": True, "port": 12800},
    {"t": "state", "state": "LOBBY", "address": "127.0.0.1:12800"},
)


class Bench:
    """A session with everything around it faked."""

    def __init__(self, **options: Any) -> None:
        self.engine = FakeEngine()
        self.scene = FakeScene()
        self.starts: list[FakeServerStart] = []
        self.start_phase = "ready"
        self.checks: list[FakeCheck] = []
        self.tunnels: list[FakeTunnel] = []
        self.options = Options(**options)
        state = State(settings.Settings("Anna", (1.0, 0.5, 0.0)), (5, 0, 1))
        self.session = Session(
            state, self.scene, lambda: self.engine, self._ensure, lambda: self.options, self._helpers()
        )
        self.state = state

    def _ensure(self, port: int, **how: Any) -> FakeServerStart:
        self.starts.append(FakeServerStart(port, how))
        self.starts[-1].phase = self.start_phase
        return self.starts[-1]

    def _helpers(self) -> Helpers:
        return Helpers(self._check, self._look_at_machine, self._tunnel, lambda: ["ngrok", "cloudflared"])

    def _tunnel(self, program: str, port: int) -> FakeTunnel:
        self.tunnels.append(FakeTunnel(program, port))
        return self.tunnels[-1]

    def _look_at_machine(self, port: int | None) -> FakeCheck:
        return self._check(f":{port}" if port else "")

    def _check(self, host: str) -> FakeCheck:
        self.checks.append(FakeCheck(host))
        return self.checks[-1]

    def tick(self, *events: dict[str, Any], times: int = 3) -> None:
        self.engine.events.extend(events)
        for _ in range(times):
            self.session.tick(1000.0)

    def in_lobby(self) -> Bench:
        self.session.connect("192.0.2.7")
        rooms = [
            {"id": ROOM, "name": "Set", "users": 2, "bytes": 10, "blender": [5, 0, 1], "ready": True},
            {"id": "cd" * 16, "name": "Old", "users": 1, "bytes": 10, "blender": [4, 2, 9], "ready": True},
            {"id": "ef" * 16, "name": "New", "users": 1, "bytes": 10, "blender": [5, 0, 1], "ready": False},
        ]
        self.tick({"t": "state", "state": "LOBBY", "address": "192.0.2.7:12800"}, {"t": "rooms", "rooms": rooms})
        return self

    def receiving(self, unsaved: str = "KEEP_COPY") -> Any:
        task = self.session.join_room("Set", unsaved)
        self.tick({"t": "joined", "room": ROOM, "handle": 3, "created": False, "name": "Set", "participant": "aa" * 16})
        return task

    def joined(self) -> Bench:
        self.receiving()
        self.tick(progress(1.0, True))
        assert self.state.phase == "JOINED"
        return self


def progress(value: float, complete: bool) -> dict[str, Any]:
    return {"t": "progress", "room": ROOM, "value": value, "complete": complete}


def doc(n: int) -> dict[str, Any]:
    return {"t": "doc", "n": n, "room": ROOM, "doc": "00" * 16, "kind": "create", "tree": {"type": "Object"}}


def found(*names: str) -> dict[str, Any]:
    hosts = [
        {"name": n, "address": f"192.0.2.{i}:12800", "key": "ab" * 32, "known": i == 1} for i, n in enumerate(names, 1)
    ]
    return {"t": "hosts", "hosts": hosts}


def hosting(**options: Any) -> Bench:
    bench = Bench(**options)
    bench.session.connect("localhost")
    bench.tick()
    bench.tick(*HOSTING, {"t": "rooms", "rooms": []})
    return bench
