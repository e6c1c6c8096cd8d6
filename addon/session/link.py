# SPDX-License-Identifier: GPL-3.0-or-later
"""What the replicator sees of the engine: one room, documents out and in, blobs.

The engine has one queue for all that it tells; the driver takes from it and puts what concerns documents here. The
replicator takes them in its own time: that is how a join holds the whole room back until all has arrived, and how
nothing is applied while Blender renders. What waits here is bounded by `WAITING_MAX`, what the replicator has taken in
by its own bound (`behind`): beyond either the driver leaves the events in the engine, whose replica then merges newer
changes into those not yet delivered. Only a join may hold more, as it must hold the room, and Create Room what is
refused of the scene.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol

from .state import Event

# Events: at some KB each a few MB, and more than one tick ever applies.
WAITING_MAX = 4096


class EngineLike(Protocol):
    """`atrium.engine.Engine`, as far as the add-on uses it; tests put a fake in its place."""

    participant: str
    check_code: str

    def send(self, message: dict[str, Any], /) -> bool: ...
    def poll(self, max: int = 256, /) -> list[Event]: ...
    def put_blob(self, data: Any, /) -> str | None: ...
    def blob(self, hash: str, /) -> Any: ...
    def fingerprint(self, data: Any, /) -> int: ...
    def close(self) -> None: ...


class Link:
    def __init__(self, engine: EngineLike, room: str) -> None:
        self.room = room
        self.complete = False  # the room has arrived up to the time of joining
        self._engine = engine
        self._events: deque[Event] = deque()

    # --- for the driver ----------------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        return len(self._events)

    @property
    def full(self) -> bool:
        return self.complete and len(self._events) >= WAITING_MAX

    def deliver(self, event: Event) -> None:
        self._events.append(event)

    # --- for the replicator ------------------------------------------------------------------------------------------

    def submit(
        self,
        doc: str,
        kind: str,
        tree: dict[str, Any] | None,
        *,
        needs: Sequence[str] = (),
        action: int = 0,
        preview: bool = False,
    ) -> bool:
        """Queues one operation. False: the queue is full; the caller still sees the difference in its next pass."""
        message = {"t": "submit", "room": self.room, "doc": doc, "kind": kind, "action": action}
        if tree is not None:
            message["tree"] = tree
        if needs:
            message["needs"] = list(needs)
        if preview:
            message["preview"] = True
        return self._engine.send(message)

    def put_blob(self, data: Any) -> str | None:
        return self._engine.put_blob(data)

    def blob(self, hash: str) -> Any:
        return self._engine.blob(hash)

    def fingerprint(self, data: Any) -> int:
        return self._engine.fingerprint(data)

    def poll(self, max: int = 256) -> list[Event]:
        """At most `max` events about documents, oldest first."""
        events = self._events
        return [events.popleft() for _ in range(min(max, len(events)))]
