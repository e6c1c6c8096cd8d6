# SPDX-License-Identifier: GPL-3.0-or-later
"""The network check: can the host in the Host box be reached, and who can reach this machine? Ends in a report to pass on.

It runs beside whatever the session does: with an engine of its own (atrium.check), polled once per tick, so nothing waits for it and it
can be given up at any time. It tells nobody anything: an invite is not shown, nothing is trusted, nothing remembered. The report holds
addresses, versions and check codes, which are for passing on, and neither invites nor passwords.
"""

from __future__ import annotations

import platform
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from . import address, reaching
from .said import said
from .sentences import problem
from .state import OFFLINE, State, Task, dotted
from .words import translated


class CheckLike(Protocol):
    """`atrium.check.Check`, as far as it is used here, and `MachineLook` below."""

    def poll(self) -> Any: ...
    def cancel(self) -> None: ...


# The server asks the router and the tunnels' programs; a router that is silent costs it some seconds.
OWN_MACHINE_S = 12.0


class MachineLook:
    """`atrium.machine.MachineCheck` on a thread of its own: it may start a server and end it again, and a router takes up to a second to
    give the port back."""

    POLL_S = 0.05

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._cancelled = threading.Event()
        self._result: Any = None
        self._failed: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="atrium-check", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def poll(self) -> Any:
        """The result, once everything is put back."""
        if not self.ended:
            return None
        if self._failed is not None:
            raise self._failed
        return self._result

    def cancel(self) -> None:
        self._cancelled.set()

    def _run(self) -> None:
        try:
            look = self._make()
            try:
                while not self._cancelled.is_set() and (result := look.poll()) is None:
                    look.wait(self.POLL_S)
                self._result = None if self._cancelled.is_set() else result
            finally:
                look.cancel()
        except Exception as error:
            self._failed = error


class Checking:
    def __init__(
        self,
        state: State,
        make_check: Callable[[str], CheckLike],
        look_at_machine: Callable[[int | None], CheckLike],
        send: Callable[[dict[str, Any]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._state, self._make_check, self._look_at_machine = state, make_check, look_at_machine
        self._send, self._clock = send, clock
        self._check: CheckLike | None = None
        self._report: Callable[[Any], list[str]] = reaching.machine_report
        self._given_up: CheckLike | None = None
        self._own_until = 0.0  # this machine's server looks around, at most so long
        self._news = 0

    @property
    def running(self) -> bool:
        return not self._state.checking.done

    @property
    def ending(self) -> bool:
        """A check that was given up still has a server of its own, which nobody may take for the real one."""
        return not getattr(self._given_up, "ended", True)

    def start(self, host: str) -> Task:
        """Looks at `host`, if it is another machine, or else at this one: through its server, if it has one."""
        self.cancel()
        state, host = self._state, address.tidy(host)
        task = state.checking = Task("check", translated("Checking the network."))
        state.check_report = []
        if host and not address.is_local(host):
            self._begin(lambda: self._make_check(host), lambda result: str(result.report(said)).splitlines())
        elif state.host is not None and state.host.is_mine:
            self._send({"t": "reach"})
            self._own_until, self._news = self._clock() + OWN_MACHINE_S, state.reach_news
        elif state.link != OFFLINE:
            task.finish(problem("CONNECTED"))
        else:
            port = address.port_in(host)
            self._begin(lambda: self._look_at_machine(port), reaching.machine_report)
        state.changed()
        return task

    def _begin(self, make: Callable[[], CheckLike], report: Callable[[Any], list[str]]) -> None:
        try:
            self._check, self._report = make(), report
        except Exception as error:
            self._state.checking.finish(problem("NO_ENGINE", text=str(error)))

    def step(self) -> None:
        state = self._state
        if self._check is not None:
            self._take(self._check)
        elif self.running and (state.reach_news > self._news or self._clock() >= self._own_until):
            self._finish([line for verdict in reaching.verdicts(state.reach) for line in reaching.report(verdict)])

    def _take(self, check: CheckLike) -> None:
        try:
            result = check.poll()
        except Exception as error:
            self._end_check()
            self._state.checking.finish(problem("INTERNAL", detail=repr(error)))
            self._state.changed()
            return
        if result is not None:
            self._end_check()
            self._finish(self._report(result))

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
            self._given_up = check

    def _finish(self, found: list[str]) -> None:
        self._state.check_report = [*found, self._versions()]
        self._state.checking.finish()
        self._state.changed()

    def _versions(self) -> str:
        from atrium import __version__

        system = f"{platform.system()} {platform.machine()}"
        return f"Atrium {__version__}; Blender {dotted(self._state.blender)}; {system}"
