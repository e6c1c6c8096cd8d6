# SPDX-License-Identifier: GPL-3.0-or-later
"""The network check: can the host in the Host box be reached, and who can reach this machine? Ends in a report to pass on.

It runs beside whatever the session does: with an engine of its own (atrium.check), polled once per tick, so nothing waits for it and it
can be given up at any time. It tells nobody anything: an invite is not shown, nothing is trusted, nothing remembered. The report holds
addresses, versions and check codes, which are for passing on, and neither invites nor passwords.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from typing import Any, Protocol

from . import address, reaching
from .said import said
from .sentences import problem
from .state import State, Task, dotted
from .words import translated


class CheckLike(Protocol):
    """`atrium.check.Check`, as far as it is used here."""

    def poll(self) -> Any: ...
    def cancel(self) -> None: ...


# The server asks the router and the tunnels' programs; a router that is silent costs it some seconds.
OWN_MACHINE_S = 12.0


class Checking:
    def __init__(
        self,
        state: State,
        make_check: Callable[[str], CheckLike],
        send: Callable[[dict[str, Any]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._state, self._make_check, self._send, self._clock = state, make_check, send, clock
        self._check: CheckLike | None = None  # of another machine
        self._own_until = 0.0  # this machine's server looks around, at most so long
        self._news = 0

    @property
    def running(self) -> bool:
        return not self._state.checking.done

    def start(self, host: str) -> Task:
        """Looks at `host`, if it is another machine, or else at this machine, as its server sees it."""
        self.cancel()
        state, host = self._state, address.tidy(host)
        task = state.checking = Task("check", translated("Checking the network."))
        state.check_report = []
        if host and not address.is_local(host):
            try:
                self._check = self._make_check(host)
            except Exception as error:
                task.finish(problem("NO_ENGINE", text=str(error)))
        elif state.host is not None and state.host.is_mine:
            self._send({"t": "reach"})
            self._own_until, self._news = self._clock() + OWN_MACHINE_S, state.reach_news
        else:
            self._finish([translated("Host, or type the address of a host, to find out more.")])
        state.changed()
        return task

    def step(self) -> None:
        state = self._state
        if self._check is not None:
            result = self._check.poll()
            if result is not None:
                self._end_check()
                self._finish(str(result.report(said)).splitlines())
        elif self.running and (state.reach_news > self._news or self._clock() >= self._own_until):
            self._finish([line for verdict in reaching.verdicts(state.reach) for line in reaching.report(verdict)])

    def cancel(self) -> None:
        """Harmless where nothing runs."""
        if self.running:
            self._end_check()
            self._state.checking.finish(problem("CANCELED"))
            self._state.changed()

    def put_away(self) -> None:
        """Also what was found."""
        self.cancel()
        self._state.check_report = []
        self._state.changed()

    def _end_check(self) -> None:
        check, self._check = self._check, None
        if check is not None:
            check.cancel()

    def _finish(self, found: list[str]) -> None:
        self._state.check_report = [*found, self._versions()]
        self._state.checking.finish()
        self._state.changed()

    def _versions(self) -> str:
        from atrium import __version__

        system = f"{platform.system()} {platform.machine()}"
        return f"Atrium {__version__}; Blender {dotted(self._state.blender)}; {system}"
