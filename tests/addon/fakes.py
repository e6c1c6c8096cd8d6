# SPDX-License-Identifier: MIT
"""An engine, a scene, a replicator and a server start that do what a test tells them.

They keep what they were asked, in order, so that a test can say what must have gone out and when. Nothing here
answers by itself: a test that wants an event puts it in, which makes every order of events reachable.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Event = dict[str, Any]


class FakeEngine:
    participant = "aa" * 16
    check_code = "ABCD-EFGH-JKMN-PQRS-TVWX"

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.events: list[Event] = []
        self.room = 1_000_000  # messages that the queue takes
        self.closed = 0

    def send(self, message: dict[str, Any]) -> bool:
        if self.room <= 0:
            return False
        self.room -= 1
        self.sent.append(message)
        return True

    def poll(self, max: int = 256) -> list[Event]:
        out, self.events = self.events[:max], self.events[max:]
        return out

    def put_blob(self, data: bytes) -> str:
        return "00" * 32

    def blob(self, hash: str) -> bytes | None:
        return None

    def fingerprint(self, data: bytes) -> int:
        return 0

    def close(self) -> None:
        self.closed += 1

    def kinds(self) -> list[str]:
        return [message["t"] for message in self.sent]


class FakeReplicator:
    def __init__(self, scene: FakeScene, link: Any, room_id: str) -> None:
        self.scene, self.link, self.room_id = scene, link, room_id
        self.refused: list[str] = []
        self.unread: list[str] = []
        self.left_out: list[str] = []
        self.busy = False
        self.pending = 0
        self.behind = False
        self.log: list[str] = []
        self.fails = ""  # name of the method that raises
        self.steps = 3
        self.full = 0  # times that the queue is full before it takes everything

    def _steps(self, name: str) -> Iterator[float]:
        for step in range(self.steps):
            if self.fails == name and step == 1:
                raise RuntimeError(f"{name} failed")
            yield step / self.steps
        self.log.append(name)

    def upload_all(self) -> Iterator[float]:
        return self._steps("upload_all")

    def upload_again(self) -> Iterator[float]:
        return self._steps("upload_again")

    def replace_all(self) -> Iterator[float]:
        return self._steps("replace_all")

    def tick(self, budget_ms: float) -> None:
        self.log.append("tick")
        if self.fails == "tick":
            raise RuntimeError("tick failed")
        self.link.poll(10)

    def capture_slowly(self) -> Iterator[float]:
        if self.full > 0:
            self.full -= 1
            raise BlockingIOError
        return self._steps("capture_all")

    def name_of(self, doc: str) -> str:
        return "Cube" if doc == "00" * 16 else ""

    def detach(self) -> None:
        self.log.append("detach")


class FakeScene:
    """Remembers what was done to the user's work."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.replicators: list[FakeReplicator] = []
        self.unsaved = False
        self.rendering = False
        self.fails = ""
        self.replicator_fails = ""
        self.replicator_steps = 3

    def replicator(self, link: Any, room_id: str) -> FakeReplicator:
        self.replicators.append(FakeReplicator(self, link, room_id))
        self.replicators[-1].fails = self.replicator_fails
        self.replicators[-1].steps = self.replicator_steps
        return self.replicators[-1]

    def is_full(self, error: Exception) -> bool:
        return isinstance(error, BlockingIOError)

    def is_rendering(self) -> bool:
        return self.rendering

    def is_unsaved(self) -> bool:
        return self.unsaved

    holds_others_work = False

    def secure(self, mode: str) -> str:
        if self.fails == "secure":
            raise RuntimeError("The disk is full.")
        self.log.append(f"secure {mode}")
        return "copy"

    def clear(self) -> None:
        self.log.append("clear")

    def restore(self, copy: str) -> None:
        if self.fails == "restore":
            raise RuntimeError(f"/home/recovered/{copy}.blend (no such thing)")
        self.log.append(f"restore {copy}")

    def discard(self, copy: str) -> None:
        self.log.append(f"discard {copy}")

    def mark_unsaved(self) -> None:
        self.holds_others_work = True
        self.log.append("mark_unsaved")


class FakeServerStart:
    def __init__(self, port: int, how: dict[str, Any]) -> None:
        self.port, self.how = port, how
        self.phase = "ready"
        self.error = self.detail = ""
        self.cancelled = False

    def poll(self) -> str:
        return self.phase

    def cancel(self) -> None:
        self.cancelled = True


class FakeCheck:
    """A network check that finds what a test puts in."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.found: Any = None
        self.cancelled = 0
        self.ended = True

    def poll(self) -> Any:
        return self.found

    def cancel(self) -> None:
        self.cancelled += 1


class FakeTunnel:
    """A tunnel's program that does what a test says."""

    def __init__(self, program: str, port: int) -> None:
        self.program, self.port = program, port
        self.phase, self.agent, self.failure = "starting", 0, ""
        self.stopped = self.closed = False

    @property
    def parameters(self) -> dict[str, str]:
        return {"program": self.program, "said": "it did not say why."}

    def poll(self) -> str:
        return self.phase

    def stop(self) -> None:
        self.stopped = True

    def close(self) -> None:
        self.closed = True


class ObedientEngine(FakeEngine):
    """Answers every command as a server with one room would, with the next poll."""

    ROOM = "ab" * 16

    def __init__(self, blender: list[int]) -> None:
        super().__init__()
        self.blender = blender
        self.silent: set[str] = set()  # commands that get no answer

    def send(self, message: dict[str, Any]) -> bool:
        kind = message["t"]
        if kind not in self.silent:
            answer = getattr(self, f"_answer_{kind}", None)
            if answer is not None:
                self.events.extend(answer(message))
        return super().send(message)

    def _answer_connect(self, message: dict[str, Any]) -> list[Event]:
        room = {
            "id": self.ROOM,
            "name": "Set",
            "users": 1,
            "bytes": 3_000_000_000,
            "blender": self.blender,
            "ready": True,
        }
        old = {"id": "cd" * 16, "name": "Old", "users": 0, "bytes": 10, "blender": [3, 6, 0], "ready": True}
        return [
            {"t": "welcome", "host": True, "port": 12800, "check_code": self.check_code},
            {"t": "state", "state": "LOBBY", "address": "127.0.0.1:12800"},
            {"t": "rooms", "rooms": [room, old]},
        ]

    def _joined(self, created: bool, name: str) -> list[Event]:
        members = [{"member": 1, "participant": self.participant, "name": "Anna", "color": [1, 0, 0]}]
        return [
            {
                "t": "joined",
                "room": self.ROOM,
                "handle": 1,
                "created": created,
                "name": name,
                "participant": self.participant,
            },
            {"t": "members", "room": 1, "members": members},
        ]

    def _answer_create(self, message: dict[str, Any]) -> list[Event]:
        return self._joined(True, message["name"])

    def _answer_join(self, message: dict[str, Any]) -> list[Event]:
        return [*self._joined(False, "Set"), {"t": "progress", "room": self.ROOM, "value": 1.0, "complete": True}]

    def _answer_flush(self, message: dict[str, Any]) -> list[Event]:
        return [{"t": "flushed", "room": self.ROOM, "n": message["n"], "seq": 1}]

    def _answer_password(self, message: dict[str, Any]) -> list[Event]:
        return [{"t": "password", "set": bool(message["text"])}]

    def _answer_leave(self, message: dict[str, Any]) -> list[Event]:
        return [{"t": "state", "state": "LOBBY"}]

    def _answer_disconnect(self, message: dict[str, Any]) -> list[Event]:
        return [{"t": "state", "state": "OFFLINE"}]

    _answer_cancel = _answer_disconnect
