# SPDX-License-Identifier: MIT
"""Can that host be reached from here? `python -m atrium check HOST`.

Goes the way that Connect goes (names, racing, TLS or WebSocket, the key) and stops before anything is said: nobody is asked to let
in, an invite is not shown, nothing is trusted and nothing remembered. The report can be passed on: no secret is in it.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from atrium._core import __version__
from atrium.engine import Engine, Message
from atrium.home import home_folder

TIMEOUT_S = 15.0
POLL_S = 0.05

KEYS = {
    "known": "Its key is the one that you trust at this address.",
    "changed": "Its key is NOT the one that you trust at this address: ask the host before you connect.",
    "new": "You have not connected to this address before.",
}

TEXTS = {
    "canceled": "It was cancelled.",
    "over": "The time is over, and nothing is known yet.",
    "answers": "Atrium answers at {address}, after {ms} ms.",
    "code": "Its check code is {code}: the host's panel shows the same.",
    "fails": "({code} after {ms} ms)",
    "tried": "Tried: {detail}",
}


@dataclass(frozen=True)
class Result:
    """What was found. `code` is empty where Atrium answered, else a name of csrc/base/error.h. `key`: "known" where its key is the one
    that this user trusts at this address, "changed" where it is another, "new" where none is pinned."""

    code: str
    address: str
    sentence: str
    detail: str
    took_ms: float
    check_code: str = ""
    key: str = ""

    @property
    def reached(self) -> bool:
        return not self.code

    def report(self, translate: Callable[[str], str] = str) -> str:
        """Some lines of plain text, to read and to pass on. `translate` looks up each line before it is filled in."""

        def line(name: str) -> str:
            fields = {"address": self.address, "ms": f"{self.took_ms:.0f}", "code": self.check_code or self.code}
            return translate(TEXTS[name]).format(**fields, detail=self.detail)

        if self.reached:
            lines = [line("answers"), line("code"), translate(KEYS[self.key])]
        else:
            lines = [translate(self.sentence), line("fails")]
        return "\n".join(text for text in [*lines, self.detail and line("tried")] if text)


class Check:
    """One attempt, for who must not wait: `poll` until it gives a result. `home` is looked into for known keys; where there is no key of
    this user's yet, none is made."""

    def __init__(self, host: str, timeout: float = TIMEOUT_S, home: str | os.PathLike[str] | None = None) -> None:
        folder = home_folder(home)
        self._close = contextlib.ExitStack()
        if not os.path.exists(os.path.join(folder, "identity.pem")):
            folder = self._close.enter_context(tempfile.TemporaryDirectory(prefix="atrium-check-"))
        self._result: Result | None = None
        self._ending: threading.Thread | None = None
        self._engine = Engine(folder)
        self._close.callback(self._engine.close)
        self._start = time.monotonic()
        self._end = self._start + timeout
        self._engine.send(
            {"t": "connect", "host": host, "name": "", "color": [0, 0, 0], "version": __version__, "probe": True}
        )

    def poll(self) -> Result | None:
        """What was found, once that is known; never waits."""
        if self._result is None:
            self._look()
        return self._result

    def wait(self, timeout_s: float) -> None:
        """Sleeps until something is new, or the time is over."""
        self._engine.wait(timeout_s)

    def cancel(self) -> None:
        """Gives up, or tidies up; may be called again. `poll` says CANCELED where nothing was found yet."""
        if self._result is None:
            self._finish({"t": "state", "code": "CANCELED", "error": TEXTS["canceled"]})

    def _look(self) -> None:
        for event in self._engine.poll():
            if event["t"] == "probed" or (event["t"] == "state" and event.get("code")):
                self._finish(event)
                return
        if time.monotonic() >= self._end:
            self._finish({"t": "state", "code": "TIMEOUT", "error": TEXTS["over"]})

    def join(self) -> None:
        """Waits until all is tidied up, some time after there was a result."""
        if self._ending is not None:
            self._ending.join()

    def _finish(self, event: Message) -> None:
        """An engine that looks up a name which nobody answers takes a tenth of a second to close: not on this thread."""
        self._result = _result(event, (time.monotonic() - self._start) * 1000)
        self._ending = threading.Thread(target=self._close.close, name="atrium-check-end")
        self._ending.start()


def check(host: str, timeout: float = TIMEOUT_S, home: str | os.PathLike[str] | None = None) -> Result:
    """Tries to reach a host, for so many seconds at most."""
    attempt = Check(host, timeout, home)
    try:
        while (result := attempt.poll()) is None:
            attempt.wait(POLL_S)
        return result
    finally:
        attempt.cancel()
        attempt.join()


def _result(event: Message, took_ms: float) -> Result:
    def text(name: str) -> str:
        return str(event.get(name) or "")

    if event["t"] == "probed":
        return Result("", text("address"), "", "", took_ms, text("code"), text("key"))
    return Result(text("code"), text("address"), text("error"), text("detail"), took_ms)
