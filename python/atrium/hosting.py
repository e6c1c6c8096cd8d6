# SPDX-License-Identifier: MIT
"""Find the server of this machine, or start one, without ever blocking.

Connect with `localhost` calls `ensure_server` and then `poll`s the result once per tick. What happens underneath:

1. The port is probed on the loopback address (probe.py).
2. Nothing answers: a lock in the home folder decides which of several Blenders starts the server. The others go on probing.
3. The server is a process of its own session with a log file, run by Blender's own Python in isolated mode; it outlives Blender. An isolated
   Python does not see the folder into which Blender unpacked the package, so that folder is put on its path by hand.
4. The port is probed until it answers, the process has ended (its log says why), or the time is over.
"""

from __future__ import annotations

import enum
import os
import subprocess
import sys
import time
from pathlib import Path

from atrium.home import home_folder
from atrium.lockfile import LockFile
from atrium.probe import Answer, Probe

# A server started by Connect ends by itself this long after the last user left: long enough for a Blender that crashed to come back.
IDLE_EXIT_MIN = 10.0

# Blender's Python is up in 0.1 to 0.5 s from a warm disk; a cold start on a slow machine takes several seconds.
START_TIMEOUT_S = 30.0

# Between two probes while nothing answers yet: a refused loopback connection costs some 50 microseconds.
PROBE_PAUSE_S = 0.05

SAYS = "atrium-server: "  # before what it says when it ends at once
LOG_BYTES_MAX = 1 << 20

# Servers that this process has started and that may still run. Kept so that their end is noticed (no zombies) and their Popen objects
# are not collected with a warning.
_children: list[subprocess.Popen[bytes]] = []


class Phase(enum.StrEnum):
    """What an `EnsureServer` is doing, or how it ended."""

    LOOKING = "looking"
    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"


class EnsureServer:
    """The pollable result of `ensure_server`. Never blocks: each `poll` does what can be done at once."""

    def __init__(
        self, port: int, home: str, bind: str, open: bool, discovery: bool = True, map_port: bool = False
    ) -> None:
        self.port = port
        self.phase = Phase.LOOKING
        self.started = False  # True where this object, not somebody else, has started the server
        self.error = ""  # one sentence, when FAILED
        self.detail = ""
        self._home = Path(home)
        self._options = ["--bind", bind, *(["--open"] if open else [])]
        self._options += [] if discovery else ["--no-discovery"]
        self._options += ["--map-port"] if map_port else []
        self._lock = LockFile(self._home / f"server-{port}.lock")
        self._end = time.monotonic() + START_TIMEOUT_S
        self._next_probe = 0.0
        self._probe: Probe | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def log(self) -> Path:
        """The log file of the server that is started here."""
        return self._home / "logs" / f"server-{self.port}.log"

    def poll(self) -> Phase:
        """Goes on; READY and FAILED are final."""
        if self.phase in (Phase.READY, Phase.FAILED):
            return self.phase
        now = time.monotonic()
        if self._probe is None and now >= self._next_probe:
            self._probe = Probe(self.port)
        answer = self._probe.step() if self._probe else Answer.WAITING
        if answer is not Answer.WAITING:
            self._probe = None
            self._next_probe = now + PROBE_PAUSE_S
            self._answered(answer)
        if self.phase in (Phase.LOOKING, Phase.STARTING) and now >= self._end:
            self._fail(
                f"The server on port {self.port} did not start within {START_TIMEOUT_S:.0f} seconds.", self._log_tail()
            )
        return self.phase

    def wait(self, timeout_s: float = START_TIMEOUT_S) -> Phase:
        """Polls until it is decided. For scripts and background mode only."""
        end = time.monotonic() + timeout_s
        while self.poll() not in (Phase.READY, Phase.FAILED) and time.monotonic() < end:
            time.sleep(0.005)
        return self.phase

    def cancel(self) -> None:
        """Gives up at once. A server that is already starting goes on and is found the next time."""
        if self._probe:
            self._probe.close()
            self._probe = None
        self._lock.release()
        if self.phase is not Phase.READY:
            self.phase = Phase.FAILED
            self.error = self.error or "It was cancelled."

    def _answered(self, answer: Answer) -> None:
        if answer is Answer.OURS:
            self.phase = Phase.READY
            self._lock.release()
        elif answer is Answer.FOREIGN:
            self._fail(
                f"Another program uses port {self.port} of this machine: choose another port in Atrium's preferences.",
                f"What listens on 127.0.0.1:{self.port} does not answer as an Atrium server.",
            )
        elif self._process is not None:
            self._check_process(self._process)
        elif self._lock.try_acquire():
            self._start()

    def _check_process(self, process: subprocess.Popen[bytes]) -> None:
        """Nothing answers yet. If the process has ended it may have lost the port to a server that is answering from now on, which the
        next probe sees; so an end counts only when a later probe finds nothing again."""
        status = process.poll()
        if status is None:
            return
        if not self._lock.held:
            self._fail(f"The server did not start: {self._last_line()}", self._log_tail())
        self._lock.release()

    def _start(self) -> None:
        self.phase = Phase.STARTING
        try:
            self._process = self._spawn()
            self.started = True
        except OSError as error:
            self._fail(f"The server could not be started: {error.strerror}.", str(error))

    def _spawn(self) -> subprocess.Popen[bytes]:
        package_folder = str(Path(__file__).resolve().parent.parent)
        code = f"import sys; sys.path.insert(0, {package_folder!r}); from atrium.server import main; sys.exit(main())"
        options = ["--port", str(self.port), "--idle-exit-min", f"{IDLE_EXIT_MIN:g}", *self._options]
        self.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES_MAX:
            self.log.replace(self.log.with_suffix(".log.1"))
        with open(os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
            self._log_start = log.tell()
            process = subprocess.Popen(
                [sys.executable, "-I", "-c", code, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._home,
                env={**os.environ, "ATRIUM_HOME": str(self._home)},
                start_new_session=True,
            )
        _children[:] = [child for child in _children if child.poll() is None]
        _children.append(process)
        return process

    def _fail(self, error: str, detail: str) -> None:
        self.phase = Phase.FAILED
        self.error = error
        self.detail = detail
        self._lock.release()

    def _log_tail(self) -> str:
        try:
            with self.log.open("rb") as log:
                log.seek(max(self._log_start, log.seek(0, os.SEEK_END) - 4096))
                return log.read().decode("utf-8", "replace").strip()
        except OSError:
            return ""

    def _last_line(self) -> str:
        """What the server said when it ended. Another one of this home may write into the same log meanwhile."""
        lines = self._log_tail().splitlines()
        last_words = [line.removeprefix(SAYS) for line in lines if line.startswith(SAYS)]
        return (last_words or lines or [f"see {self.log}"])[-1]


def ensure_server(
    port: int = 12800,
    home: str | os.PathLike[str] | None = None,
    *,
    bind: str = "::",
    open: bool = False,
    discovery: bool = True,
    map_port: bool = False,
) -> EnsureServer:
    """Begins to find or start the server of this machine; `poll` the result. `bind`, `open`, `discovery` and `map_port` count only
    if one is started here; a host sees in the welcome's `runs_with` what a server was started with that `end` may end."""
    return EnsureServer(port, home_folder(home), bind, open, discovery, map_port)
