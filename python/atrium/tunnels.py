# SPDX-License-Identifier: MIT
"""Start a tunnel's program for the server of this machine, and stop it again, without ever blocking.

Two programs are known: ngrok, which carries TCP where its owner's account allows it and else HTTP, and cloudflared, whose quick tunnels carry
HTTP and need no account. Through HTTP our own TLS runs inside of a WebSocket, so neither reads what passes (docs/protocol.md, 1).

`installed()` says which are there. A `Tunnel` starts one and is `poll`ed once per tick until it is RUNNING; then `address` is its public
address, and `agent` the port on which the program tells of itself, which the server wants to know (`Client.look_around`): from there on the
server finds the address by itself, puts it into invites, and notices its end. What the program writes goes to a log file, which is read from
its end; nothing of the user's account is ever in an argument.

The program ends with the process that has started it, however that ends (keeper.py).
"""

from __future__ import annotations

import contextlib
import enum
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from atrium.home import home_folder

# ngrok and cloudflared are up in 1 to 5 s; a slow line and a first start take longer.
START_TIMEOUT_S = 45.0

# Asked to end, they say goodbye to their service first.
STOP_TIMEOUT_S = 5.0

# Of what it has written: enough for its last words.
LOG_TAIL_BYTES = 65536


class Phase(enum.StrEnum):
    """What a `Tunnel` is doing, or how it ended."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True)
class Failure:
    """`sentence` says what happened, `step` what to do next. Braces: {program}, {said} (its own words)."""

    sentence: str
    step: str = ""


FAILURES = {
    "missing": Failure("{program} is not installed on this machine.", "Install it, or use a VPN."),
    "account": Failure(
        "ngrok wants an account before it opens a tunnel.",
        "Make a free one at ngrok's site, then type the command that it shows you there into a terminal, once.",
    ),
    "busy": Failure(
        "ngrok says that your account has as many tunnels as it may have.",
        "Close the other one, perhaps on another machine, and try again.",
    ),
    "silent": Failure(
        "{program} has not opened a tunnel in time: {said}",
        "Is this machine connected to the internet? Then try again.",
    ),
    "ended": Failure("{program} has ended: {said}", "Try again, or use a VPN."),
    "start": Failure("{program} could not be started: {said}", "Start it in a terminal to see what is wrong."),
}

# In the place of {said}.
SAID_NOTHING = "it did not say why."

# Where people and installers put programs besides PATH: what a desktop starts often has a shorter one than a terminal.
_PLACES = ("/opt/homebrew/bin", "/usr/local/bin", "/snap/bin", "~/.local/bin", "~/bin")


def find(program: str) -> str | None:
    """The path of an installed program."""
    found = shutil.which(program)
    if found:
        return found
    places = os.pathsep.join(os.path.expanduser(place) for place in _PLACES)
    return shutil.which(program, path=places)


def installed() -> list[str]:
    """Those of the known programs that are on this machine, ngrok first."""
    return [program for program in _PROGRAMS if find(program)]


@dataclass
class _Said:
    """What the program has said so far."""

    address: str = ""
    agent: int = 0
    failure: str = ""  # a key of FAILURES, or "http": TCP is not for this account
    last: str = ""  # its newest complaint


# --- ngrok ---

# Of its error codes, those whose next step we know; it has hundreds.
_NGROK_CODES = {
    "ERR_NGROK_4018": "account",  # no authtoken
    "ERR_NGROK_105": "account",  # a wrong one
    "ERR_NGROK_107": "account",  # one that was taken back
    "ERR_NGROK_108": "busy",
    "ERR_NGROK_8013": "http",  # TCP needs a card in the account
    "ERR_NGROK_324": "busy",
}


def _ngrok_arguments(port: int, _agent: int, _folder: Path, kind: str) -> list[str]:
    return [kind, f"127.0.0.1:{port}", "--log", "stdout", "--log-format", "json"]


def _read_ngrok(line: str, said: _Said) -> None:
    for code in re.findall(r"ERR_NGROK_\d+", line):
        said.failure = said.failure or _NGROK_CODES.get(code, "")
    try:
        record = json.loads(line)
    except ValueError:
        said.last = line
        return
    if not isinstance(record, dict):
        return
    message, error = str(record.get("msg", "")), str(record.get("err", ""))
    if message == "started tunnel" and "url" in record:
        said.address = str(record["url"])
    if message == "starting web service" and str(record.get("addr", "")).rpartition(":")[2].isdigit():
        said.agent = int(str(record["addr"]).rpartition(":")[2])
    if error and error != "<nil>":
        said.last = error.splitlines()[0]


# --- cloudflared ---


def _cloudflared_arguments(port: int, agent: int, folder: Path, _kind: str) -> list[str]:
    # A configuration of the user's own would forbid quick tunnels; so it gets an empty one.
    empty = folder / "cloudflared.yml"
    empty.write_text("{}\n")
    arguments = ["tunnel", "--config", str(empty), "--no-autoupdate", "--metrics", f"127.0.0.1:{agent}"]
    return [*arguments, "--url", f"http://127.0.0.1:{port}"]


def _read_cloudflared(line: str, said: _Said) -> None:
    found = re.search(r"https://[^\s|]+", line)
    if found and "|" in line:  # it frames the address, and names its terms of use elsewhere
        said.address = found.group()
    if " ERR " in line:
        said.last = line.partition(" ERR ")[2].strip()


@dataclass(frozen=True)
class _Program:
    arguments: Callable[[int, int, Path, str], list[str]]
    read: Callable[[str, _Said], None]
    kinds: tuple[str, ...]  # tried in this order
    names_agent: bool  # it says on which port it tells of itself, else it is told


_PROGRAMS: Mapping[str, _Program] = {
    "ngrok": _Program(_ngrok_arguments, _read_ngrok, ("tcp", "http"), True),
    "cloudflared": _Program(_cloudflared_arguments, _read_cloudflared, ("http",), False),
}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Tunnel:
    """One program that is started for one port. Never blocks: each `poll` does what can be done at once."""

    def __init__(
        self, program: str, port: int, home: str | os.PathLike[str] | None = None, *, path: str | None = None
    ) -> None:
        self.program = program
        self.port = port
        self.phase = Phase.STARTING
        self.address = ""  # "tcp://0.tcp.example.org:12489", once it is RUNNING
        self.agent = 0  # the port on which it tells of itself; 0: not known
        self.failure = ""  # a key of FAILURES, when FAILED
        self._said = _Said()
        self._path = path or find(program) or ""
        self._kinds = list(_PROGRAMS[program].kinds)
        self._home = Path(home_folder(home))
        self._folder = tempfile.TemporaryDirectory(prefix="atrium-tunnel-")
        self._process: subprocess.Popen[bytes] | None = None
        self._read_to = 0
        self._rest = b""
        self._end = 0.0
        if self._path:
            self._start()
        else:
            self._fail("missing")

    @property
    def log(self) -> Path:
        """What the program writes."""
        return self._home / "logs" / f"tunnel-{self.program}.log"

    @property
    def error(self) -> str:
        """One sentence, when FAILED."""
        return self._filled(FAILURES[self.failure].sentence) if self.failure else ""

    @property
    def step(self) -> str:
        """What to do next, when FAILED."""
        return self._filled(FAILURES[self.failure].step) if self.failure else ""

    @property
    def parameters(self) -> dict[str, str]:
        """What the braces in a `Failure` stand for, for who translates it."""
        return {"program": self.program, "said": self._said.last or SAID_NOTHING}

    def poll(self) -> Phase:
        """Goes on; STOPPED and FAILED are final."""
        if self.phase in (Phase.STOPPED, Phase.FAILED) or self._process is None:
            return self.phase
        ended = self._process.poll() is not None
        self._read()
        if self.phase is Phase.STOPPING:
            self._poll_stopping(ended)
        elif ended:
            self._ended()
        elif self.phase is Phase.STARTING:
            self._poll_starting()
        return self.phase

    def wait(self, timeout_s: float = START_TIMEOUT_S) -> Phase:
        """Polls until it runs or has ended. For scripts and background mode only."""
        end = time.monotonic() + timeout_s
        while self.poll() in (Phase.STARTING, Phase.STOPPING) and time.monotonic() < end:
            time.sleep(0.02)
        return self.phase

    def stop(self) -> None:
        """Tells it to end; `poll` goes on until it has."""
        if self.phase in (Phase.STARTING, Phase.RUNNING):
            self.phase = Phase.STOPPING
            self._end = time.monotonic() + STOP_TIMEOUT_S
            self._let_go()

    def close(self) -> None:
        """Ends it without waiting: the keeper goes on until the program has ended. Any number of times."""
        self.stop()
        if self._process is not None:
            self._process.poll()
            if self.phase is Phase.STOPPING:
                self.phase = Phase.STOPPED
        self._folder.cleanup()

    # --- steps ---

    def _start(self) -> None:
        known = _PROGRAMS[self.program]
        self._said = _Said()
        self._read_to, self._rest = 0, b""
        self._end = time.monotonic() + START_TIMEOUT_S
        try:
            agent = 0 if known.names_agent else _free_port()
            arguments = known.arguments(self.port, agent, Path(self._folder.name), self._kinds.pop(0))
            self._said.agent = agent
            self._process = self._spawn([self._path, *arguments])
        except OSError as error:
            self._said.last = f"{error.strerror}."
            self._fail("start")

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        self.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        keeper = str(Path(__file__).with_name("keeper.py"))
        with open(os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "ab") as log:
            return subprocess.Popen(
                [sys.executable, "-I", keeper, *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )

    def _let_go(self) -> None:
        """The keeper sees the end of the pipe, and ends the program."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def _read(self) -> None:
        try:
            with self.log.open("rb") as log:
                log.seek(self._read_to)
                new = log.read(LOG_TAIL_BYTES)
        except OSError:
            return
        self._read_to += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")
        self._rest = self._rest[-LOG_TAIL_BYTES:]
        for line in lines:
            _PROGRAMS[self.program].read(line.decode("utf-8", "replace").strip(), self._said)

    def _poll_starting(self) -> None:
        if self._said.address:  # ngrok names the other port before; where it was told not to listen there, it has none
            self.address, self.agent = self._said.address, self._said.agent
            self.phase = Phase.RUNNING
        elif self._said.failure:
            self._ended()
        elif time.monotonic() >= self._end:
            self._fail("silent")

    def _poll_stopping(self, ended: bool) -> None:
        if not ended and time.monotonic() < self._end:
            return
        if not ended and self._process is not None:
            self._process.kill()
        self.phase = Phase.STOPPED
        self.address = ""

    def _ended(self) -> None:
        """It has ended, or said that it cannot. Where only TCP is not for this account, HTTP is the next try."""
        failure = self._said.failure
        if failure == "http" and self._kinds and self.phase is Phase.STARTING:
            self._let_go()
            if self._process is not None and self._process.poll() is None:
                return  # the next poll: two at once would be one too many for the account
            self._start()
            return
        self._fail(failure if failure in FAILURES else "ended")

    def _fail(self, failure: str) -> None:
        self.failure = failure
        self.phase = Phase.FAILED
        self.address = ""
        self._let_go()
        self._folder.cleanup()

    def _filled(self, template: str) -> str:
        return template.format_map(self.parameters)
