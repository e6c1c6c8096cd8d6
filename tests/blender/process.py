# SPDX-License-Identifier: MIT
"""Starts a real Blender and runs functions in it.

    with BlenderProcess(blenders.find("bpy42"), folder) as blender:
        blender.call(add_cube, "Cube.001")

A function is sent as source text and runs on Blender's main thread; what it
returns must be JSON. It sees `bpy`, `json`, `os`, `signal`, `sys`,
`time` and the functions sent before it, and imports what else it needs itself. A generator function is
advanced once per main loop round, with the add-on ticking between, until it
returns (see child.py).

Each process has preferences, extensions, an ATRIUM_HOME, a temporary folder
and a log of its own, all below one folder. Every wait is bounded: at its end
the main thread's stack is put into the log, the process is killed, and the
exception carries the log's last lines. The socket is the only link, so a
Blender ends by itself when the test run is gone.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import select
import signal
import socket
import subprocess
import textwrap
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from tests.blender.blenders import REPO, Blender

START_TIMEOUT_S = 120.0
"""A cold start with a window under software GL on a busy machine takes 40 s."""
CALL_TIMEOUT_S = 60.0
STACK_DUMP_S = 0.5
"""How long a process that is to be killed may take to print its stack."""
LOG_TAIL_LINES = 30
CHILD = Path(__file__).with_name("child.py")


class BlenderError(Exception):
    """Something went wrong in Blender: its exception, its death or its silence."""

    def __init__(self, text: str, kind: str = "") -> None:
        super().__init__(text)
        self.kind = kind
        """Name of the exception's class in Blender."""


class BlenderProcess:
    """One running Blender. `label` names its folder and its error messages."""

    def __init__(
        self,
        blender: Blender,
        folder: Path,
        label: str = "blender",
        *,
        tick: str = "",
        environment: dict[str, str] | None = None,
        display: str | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        self.blender = blender
        self.label = f"{label} ({blender.name})"
        self.folder = folder / label
        self.log = self.folder / "log.txt"
        self._next_id = 1
        self._received = b""
        self._answers: dict[int, dict[str, Any]] = {}
        self._tick_errors: list[str] = []
        self._killed = False
        for name in ("resources", "atrium", "tmp"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self._socket, theirs = socket.socketpair()
        env = self._environment(tick, theirs.fileno(), display, environment or {})
        with self.log.open("ab") as log, theirs:
            self._process = subprocess.Popen(
                self._command(display, arguments),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=env,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        try:
            self.hello: dict[str, Any] = self._wait_for(0, START_TIMEOUT_S)
        except BaseException:
            self.kill()
            raise

    def _command(self, display: str | None, arguments: Sequence[str]) -> list[str]:
        if not self.blender.has_executable:
            return [str(self.blender.folder / "run"), str(CHILD), *arguments]
        # Not --factory-startup: the folder of its own isolates it as well, and
        # preferences that a test saved shall count at the next start.
        mode = ["--background"] if display is None else []
        return [
            str(self.blender.folder / "blender"),
            *mode,
            *arguments,
            "--python-exit-code",
            "1",
            "--python",
            str(CHILD),
        ]

    def _environment(self, tick: str, fd: int, display: str | None, extra: dict[str, str]) -> dict[str, str]:
        # Nothing of the test run's own Python may reach Blender's.
        env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
        for name in ("DISPLAY", "WAYLAND_DISPLAY"):
            env.pop(name, None)
        env.update(
            BLENDER_USER_RESOURCES=str(self.folder / "resources"),
            ATRIUM_HOME=str(self.folder / "atrium"),
            TMPDIR=str(self.folder / "tmp"),
            ATRIUM_BIND=f"{REPO}:{self.folder}:{os.environ.get('ATRIUM_BIND', '')}",
            ATRIUM_TEST_FD=str(fd),
            ATRIUM_TEST_TICK=tick,
            PYTHONUNBUFFERED="1",
        )
        if display is not None:
            env.update(DISPLAY=display, LIBGL_ALWAYS_SOFTWARE="1")
        env.update(extra)
        return env

    # --- asking --------------------------------------------------------------

    def call(
        self,
        function: Callable[..., Any],
        *args: Any,
        timeout: float = CALL_TIMEOUT_S,
        **kwargs: Any,
    ) -> Any:
        """Runs the function in Blender and returns what it returned."""
        return self.wait(self.send(function, *args, **kwargs), timeout=timeout)

    def send(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> int:
        """Starts the function without waiting; `wait` takes the number. Only
        one function should be under way beside generators."""
        source, line = inspect.getsourcelines(function)
        return self._send(
            name=function.__name__,
            source=textwrap.dedent("".join(source)),
            file=inspect.getsourcefile(function) or "?",
            line=line,
            args=args,
            kwargs=kwargs,
        )

    def define(self, *functions: Callable[..., Any]) -> None:
        """Makes helper functions known to the functions sent later."""
        for function in functions:
            source, line = inspect.getsourcelines(function)
            text = textwrap.dedent("".join(source))
            file = inspect.getsourcefile(function) or "?"
            self.wait(self._send(name=None, source=text, file=file, line=line))

    def execute(self, source: str, timeout: float = CALL_TIMEOUT_S) -> None:
        """Runs statements in the namespace that all functions share."""
        number = self._send(name=None, source=textwrap.dedent(source), file="<test>", line=1)
        self.wait(number, timeout=timeout)

    def evaluate(self, expression: str, timeout: float = CALL_TIMEOUT_S) -> Any:
        """The value of one expression."""
        source = f"def _expression():\n    return ({expression})\n"
        number = self._send(name="_expression", source=source, file="<test>", line=1, args=[], kwargs={})
        return self.wait(number, timeout=timeout)

    def set_tick(self, hook: str) -> None:
        """Another tick hook ("module:function"); "" stops the ticking."""
        self.wait(self._send(tick=hook))

    def wait(self, number: int, timeout: float = CALL_TIMEOUT_S) -> Any:
        """Waits for the answer to a request."""
        try:
            return self._wait_for(number, timeout)
        finally:
            if self._tick_errors:
                text = self._tick_errors.pop(0)
                raise BlenderError(f"{self.label}: the add-on's tick raised\n{text}")

    # --- ending --------------------------------------------------------------

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        """Ends it: at once, without Blender's own clean-up."""
        if self.is_running:
            try:
                self._wait_for(self._send(quit=True), 5.0)
                self._process.wait(5.0)
            except (BlenderError, OSError, subprocess.TimeoutExpired):
                pass
        self.kill()

    def kill(self) -> None:
        """As if it crashed: SIGKILL, to it and to what it started in its session."""
        if self._killed:
            return
        self._killed = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(10.0)
        self._socket.close()

    def wait_for_end(self, timeout: float = 30.0) -> int:
        """Waits until it ended by itself; its exit status."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise self._gone(f"did not end within {timeout:g} s") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- the wire ------------------------------------------------------------

    def _send(self, **request: Any) -> int:
        number = self._next_id
        self._next_id += 1
        line = json.dumps({"id": number, **request}) + "\n"
        try:
            self._socket.sendall(line.encode())
        except OSError:
            raise self._gone("is gone") from None
        return number

    def _wait_for(self, number: int, timeout: float) -> Any:
        end = time.monotonic() + timeout
        while number not in self._answers:
            message = self._next_message(end, timeout)
            if "tick_error" in message:
                self._tick_errors.append(message["tick_error"])
            else:
                self._answers[message["id"]] = message
        message = self._answers.pop(number)
        if "error" in message:
            text = f"{self.label}: {message['kind']}: {message['error']}\n{message['trace']}"
            raise BlenderError(text, message["kind"])
        return message["value"]

    def _next_message(self, end: float, timeout: float) -> dict[str, Any]:
        while b"\n" not in self._received:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._socket], [], [], left)[0]:
                raise self._gone(f"gave no answer within {timeout:g} s")
            try:
                chunk = self._socket.recv(1 << 16)
            except OSError:
                chunk = b""
            if not chunk:
                raise self._gone("is gone")
            self._received += chunk
        line, _, self._received = self._received.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    def _gone(self, what: str) -> BlenderError:
        """Kills it, asking where it hangs first, and tells what its log says."""
        if self.is_running:
            os.kill(self._process.pid, signal.SIGUSR1)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STACK_DUMP_S)
        status = self._process.poll()
        self.kill()
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return BlenderError("\n".join([f"{self.label} {what} (exit status {status}); its log:", *lines]))
