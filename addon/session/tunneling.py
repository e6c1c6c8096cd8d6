# SPDX-License-Identifier: GPL-3.0-or-later
"""The button that opens a tunnel: ngrok or cloudflared, where one is installed, started for the port of this machine's server.

`atrium.tunnels` starts and stops the program and is polled once per tick. The server is told where the program tells of itself, and finds the
address there: it comes back among those who can reach this machine, like that of a tunnel that somebody opened by hand. A tunnel is a
door to the internet, so it never stands longer than the connection to the server that it leads to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from .sentences import Problem, problem
from .state import OFFLINE, State, Task
from .words import translated

RUNNING, STOPPED, FAILED = "running", "stopped", "failed"
ENDED = (STOPPED, FAILED)


class TunnelLike(Protocol):
    """`atrium.tunnels.Tunnel`, as far as it is used here."""

    program: str
    agent: int
    failure: str

    @property
    def parameters(self) -> dict[str, str]: ...
    def poll(self) -> Any: ...
    def stop(self) -> None: ...
    def close(self) -> None: ...


class Tunneling:
    def __init__(
        self,
        state: State,
        make_tunnel: Callable[[str, int], TunnelLike],
        installed: Callable[[], list[str]],
        send: Callable[[dict[str, Any]], None],
    ) -> None:
        self._state, self._make_tunnel, self._installed, self._send = state, make_tunnel, installed, send
        self._tunnel: TunnelLike | None = None
        self._phase = STOPPED
        self._closing = False  # it was told to end
        self._task = Task("tunnel", "", done=True)
        self.programs: list[str] = []  # that are installed: looked up once per connection, not in each drawing
        self.failure: Problem | None = None

    @property
    def program(self) -> str:
        """That is under way or running; else empty."""
        return self._tunnel.program if self._tunnel is not None else ""

    @property
    def running(self) -> bool:
        return self._phase == RUNNING

    @property
    def closing(self) -> bool:
        """It was told to end, which takes it a moment."""
        return self._tunnel is not None and self._closing

    def look(self) -> None:
        """Which programs could be started."""
        self.programs = self._installed()

    def tell(self) -> None:
        """To a server that may be a new one: where the program that runs tells of itself."""
        if self._tunnel is not None and self.running:
            self._send({"t": "reach", "agent": self._tunnel.agent})

    def start(self, program: str) -> Task:
        self.close()
        assert self._state.host is not None
        self.failure = None
        self._task = Task("tunnel", translated("Opening a tunnel with {program}.").format(program=program))
        self._tunnel, self._phase = self._make_tunnel(program, self._state.host.port), "starting"
        self._closing = False
        self._state.changed()
        return self._task

    def stop(self) -> None:
        """Asks the program to end; `step` sees it end."""
        if self._tunnel is not None:
            self._tunnel.stop()
            self._closing = True
            self._task.finish(problem("CANCELED"))
            self._state.changed()

    def step(self) -> None:
        if self._tunnel is None:
            return
        if self._state.link == OFFLINE and not self._closing:
            self.stop()
        phase = str(self._tunnel.poll())
        if phase != self._phase:
            self._phase = phase
            self._changed(self._tunnel)

    def close(self) -> None:
        """At once, whatever it was doing."""
        tunnel, self._tunnel, self._phase = self._tunnel, None, STOPPED
        if tunnel is not None:
            tunnel.close()
            self._task.finish(problem("CANCELED"))
            self._state.changed()

    def _changed(self, tunnel: TunnelLike) -> None:
        if self._phase == RUNNING:
            self.tell()
            self._task.finish()
        elif self._phase in ENDED:
            self.failure = failure_of(tunnel) if self._phase == FAILED else None
            self._task.finish(self.failure)
            tunnel.close()
            self._tunnel = None
            if self._state.link != OFFLINE:
                self._send({"t": "reach", "agent": 0})
        self._state.changed()


def failure_of(tunnel: TunnelLike) -> Problem:
    """What happened and what to do next, in the user's language."""
    from atrium import tunnels

    failure = tunnels.FAILURES[tunnel.failure]
    named = tunnel.parameters
    if named.get("said") == tunnels.SAID_NOTHING:
        named = {**named, "said": translated(tunnels.SAID_NOTHING)}
    texts = [translated(text).format_map(named) for text in (failure.sentence, failure.step) if text]
    return Problem("TUNNEL", " ".join(texts))
