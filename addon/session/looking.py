# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking for hosts on the local network: while somebody has the panel that shows them before his eyes, and nothing longer.

Blender draws a panel when something in its window changes, and tells nobody when it is hidden. So each drawing counts
as a glance, which is good for GLANCE_S; every REDRAW_S a redraw is asked for, which is a new glance where the panel is
still there to be drawn. With it the engine looks at the rooms of those hosts that this machine has been let in by. Questions go out only while Blender may be online, the user has not switched it off, and there is
no connection.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from .state import OFFLINE, State

GLANCE_S = 20.0
REDRAW_S = 8.0


class Looking:
    def __init__(
        self,
        state: State,
        may: Callable[[], bool],
        send: Callable[[dict[str, object]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.on = False
        self._state, self._may, self._send, self._clock = state, may, send, clock
        self._seen_until = 0.0
        self._redraw_at = 0.0

    def glance(self) -> None:
        """The panel was drawn. Changes nothing that is drawn: it is called in the middle of that."""
        self._seen_until = self._clock() + GLANCE_S

    @property
    def wanted(self) -> bool:
        return self._clock() < self._seen_until and self._state.link == OFFLINE and self._may()

    def step(self) -> None:
        """Begins or ends it. The engine is there."""
        wanted = self.wanted
        if wanted != self.on:
            self.on = wanted
            self._send({"t": "discover", "on": wanted, "rooms": wanted})
            if not wanted:
                self._state.hosts = []
                self._state.changed()
            self._redraw_at = self._clock() + REDRAW_S
        elif wanted and self._clock() >= self._redraw_at:
            self._redraw_at = self._clock() + REDRAW_S
            self._state.changed()

    def forget(self) -> None:
        """The engine is gone, or there is none to be had: not before the next glance."""
        self.on, self._seen_until = False, 0.0
        self._state.hosts = []
