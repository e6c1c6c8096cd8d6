# SPDX-License-Identifier: GPL-3.0-or-later
"""The network check: can the host in the Host box be reached, and who can reach this machine? Ends in a report to pass on.

It runs beside whatever the session does: with an engine of its own (atrium.check), polled once per tick, so nothing waits for it and it
can be given up at any time. It tells nobody anything: an invite is not shown, nothing is trusted, nothing remembered. The report holds
addresses, versions and check codes, which are for passing on, and neither invites nor passwords.
"""

from __future__ import annotations

import platform
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


class Checking:
    def __init__(self, state: State, make_check: Callable[[str], CheckLike]) -> None:
        self._state, self._make_check = state, make_check
        self._check: CheckLike | None = None

    @property
    def running(self) -> bool:
        return self._check is not None

    def start(self, host: str) -> Task:
        """Looks at `host`, if it is another machine, and at this machine as far as its server tells."""
        self.cancel()
        task = self._state.checking = Task("check", translated("Checking the network."))
        self._state.check_report = []
        if address.is_local(host) or not address.tidy(host):
            self._finish([])
        else:
            try:
                self._check = self._make_check(address.tidy(host))
            except Exception as error:
                task.finish(problem("NO_ENGINE", text=str(error)))
        self._state.changed()
        return task

    def step(self) -> None:
        if self._check is None:
            return
        result = self._check.poll()
        if result is not None:
            self._end_check()
            self._finish(str(result.report(said)).splitlines())

    def cancel(self) -> None:
        """Harmless where nothing runs."""
        if self._check is not None:
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
        state = self._state
        own = [line for verdict in reaching.verdicts(state.reach) for line in reaching.report(verdict)]
        if not found and not own:
            found = [translated("Host, or type the address of a host, to find out more.")]
        state.check_report = [*found, *own, self._versions()]
        state.checking.finish()
        state.changed()

    def _versions(self) -> str:
        from atrium import __version__

        system = f"{platform.system()} {platform.machine()}"
        return f"Atrium {__version__}; Blender {dotted(self._state.blender)}; {system}"
