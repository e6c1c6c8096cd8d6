# SPDX-License-Identifier: MIT
"""Who can reach this machine? `python -m atrium check`.

Asks the server of this user that runs here; where none runs, it starts one in this process for as long as the question takes, since
what a router and a firewall do with a port shows only when somebody listens. It is started as the one would be that is asked about: the router
passes a port on only where `map_port` says so. The report can be passed on: addresses and check codes are in
it, and neither keys, tokens nor passwords.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import time
from dataclasses import dataclass, field

from atrium import reach
from atrium._core import AtriumError, __version__
from atrium.engine import Engine, Message
from atrium.home import home_folder
from atrium.serving import RunningServer, serve

# A router has a few seconds to answer in one of three ways; everything else is known at once.
TIMEOUT_S = 15.0
# A server of ours on this machine answers within milliseconds (ATR_CHECKUP_ANSWER_MS is the same).
ANSWER_S = 3.0
POLL_S = 0.05

TEXTS = {
    "running": "You host here, on port {port}. Check code: {code}.",
    "tried": "You do not host here now. This was tried on port {port} with a server that has ended again.",
    "other": "Another user of this machine hosts on port {port}: that user's panel shows who can connect.",
    "taken": "Another program uses port {port} of this machine: choose another port in Atrium's preferences.",
    "failed": "This could not be found out: {said}",
    "over": "Not everything was known in time.",
}


@dataclass(frozen=True)
class MachineResult:
    """What was found. `how`: a key of TEXTS. `audiences` as in the protocol, 8."""

    how: str
    port: int
    code: str = ""
    said: str = ""
    complete: bool = True
    audiences: list[Message] = field(default_factory=list)

    @property
    def listening(self) -> bool:
        """Whether a server of this user listens there, or can."""
        return self.how in ("running", "tried")

    def report(self) -> str:
        """Some lines of plain text, to read and to pass on."""
        lines = [TEXTS[self.how].format(port=self.port, code=self.code, said=self.said)]
        lines += [line for entry in self.audiences for line in reach.lines(entry)]
        return "\n".join(lines if self.complete else [*lines, TEXTS["over"]])


class MachineCheck:
    """One look, for who must not wait: `poll` until it gives a result; then, or earlier, `cancel`."""

    def __init__(
        self,
        port: int = 12800,
        home: str | os.PathLike[str] | None = None,
        bind: str = "::",
        map_port: bool = False,
    ) -> None:
        self._port, self._home, self._bind, self._map_port = port, home_folder(home), bind, map_port
        self._result: MachineResult | None = None
        self._server: RunningServer | None = None
        self._code = ""
        self._audiences: list[Message] = []
        self._close = contextlib.ExitStack()
        self._engine = Engine(self._home)
        self._close.callback(self._engine.close)
        self._end = time.monotonic() + TIMEOUT_S
        self._silent_at: float | None = time.monotonic() + ANSWER_S  # None: whoever listens there has answered
        if _is_own(bind):
            self._connect()
        else:
            self._serve()  # says what is wrong with the address

    def poll(self) -> MachineResult | None:
        """What was found, once that is known; never waits."""
        events = [] if self._result else self._engine.poll()
        for event in events:
            if self._result is None:
                self._take(event)
        if self._result is None and self._silent_at is not None and time.monotonic() >= self._silent_at:
            self._finish("taken")
        if self._result is None and time.monotonic() >= self._end:
            self._finish("tried" if self._server else "running", complete=False)
        return self._result

    def wait(self, timeout_s: float) -> None:
        """Sleeps until something is new, or the time is over."""
        self._engine.wait(timeout_s)

    def cancel(self) -> None:
        """Gives up, or tidies up; may be called again."""
        self._close.close()

    def _connect(self) -> None:
        host = f"[{self._bind}]:{self._port}" if ":" in self._bind else f"{self._bind}:{self._port}"
        if self._bind in ("::", "0.0.0.0"):
            host = f"127.0.0.1:{self._port}"
        user = {"name": "check", "color": [0, 0, 0], "version": __version__}
        # Another user's server must not take this for a guest, and its key is not remembered.
        self._engine.send({"t": "connect", "host": host, "own": True, **user})

    def _take(self, event: Message) -> None:
        if event["t"] == "state":
            self._state(event)
        elif event["t"] == "welcome" and event["host"]:
            self._silent_at = None
            self._code = event["check_code"]
            self._engine.send({"t": "reach"})
        elif event["t"] in ("probed", "welcome"):
            self._finish("other")
        elif event["t"] == "reach":
            self._audiences = event["audiences"]
            if event["settled"]:
                self._finish("tried" if self._server else "running")

    def _state(self, event: Message) -> None:
        code = event.get("code")
        if event["state"] == "KNOCKING":
            self._finish("other")
        elif code == "CONNREFUSED" and self._server is None:
            self._serve()
        elif code in ("NOT_ATRIUM", "TLS", "CLOSED", "TIMEOUT"):
            self._finish("taken")
        elif code:
            self._finish("failed", said=str(event.get("error", "")))

    def _serve(self) -> None:
        self._silent_at = None
        try:
            self._server = self._close.enter_context(
                serve(
                    self._port, self._bind, home=self._home, discovery=False, map_port=self._map_port, looks_only=True
                )
            )
        except AtriumError as error:
            self._finish("taken" if error.code == "PORT_BUSY" else "failed", said=str(error))
            return
        self._port = self._server.port
        self._connect()

    def _finish(self, how: str, *, said: str = "", complete: bool = True) -> None:
        self._result = MachineResult(how, self._port, self._code, said, complete, self._audiences)
        self.cancel()


def _is_own(bind: str) -> bool:
    """Whether one can listen at that address. What answers at one of another machine says nothing of this one, and is not called."""
    try:
        family = socket.AF_INET6 if ipaddress.ip_address(bind).version == 6 else socket.AF_INET
        with socket.socket(family) as probe:
            if bind != "::":  # for all, also where there is no IPv6
                probe.bind((bind, 0))
    except (OSError, ValueError):
        return bind == "::"
    return True


def check_machine(
    port: int = 12800, home: str | os.PathLike[str] | None = None, bind: str = "::", map_port: bool = False
) -> MachineResult:
    """Looks for a few seconds. `map_port`: as the server would do that is asked about."""
    look = MachineCheck(port, home, bind, map_port)
    try:
        while (result := look.poll()) is None:
            look.wait(POLL_S)
        return result
    finally:
        look.cancel()
