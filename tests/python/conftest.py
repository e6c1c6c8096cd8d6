# SPDX-License-Identifier: MIT
"""Real processes on loopback: servers on ports of their own, clients in this process and in others.

Every test gets fresh homes, so keys, pins and tokens never meet those of the user or of another test. A process that a test has started is
killed when the test ends, however it ends.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from atrium import Client
from tests.loud import pytest_terminal_summary  # noqa: F401

from .raw import Raw

ROOT = Path(__file__).resolve().parents[2]
# `make test-python VARIANT=asan` runs all of this with an engine under AddressSanitizer.
VARIANT = os.environ.get("ATRIUM_VARIANT", "release")
BINARY = ROOT / "build" / VARIANT / "atrium-server"
# Memory is only compared there: a sanitizer keeps what is freed.
IS_RELEASE = VARIANT == "release"
# Python itself leaks by design; the server of C must not.
SERVER_ENVIRONMENT = {"LD_PRELOAD": "", "ASAN_OPTIONS": "detect_leaks=1:exitcode=99"}
TIMEOUT_S = 20.0


def resident_bytes(pid: int | str) -> int:
    """The memory of a process, on Linux."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def free_port() -> int:
    """A port that nobody used a moment ago, for tests that must know it before the server starts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address at which nothing answers: the port is taken, but nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def silent() -> Iterator[str]:
    """An address at which somebody takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def eventually(done: Callable[[], object], timeout: float = TIMEOUT_S, what: str = "it") -> None:
    """Waits until `done` says so."""
    end = time.monotonic() + timeout
    while not done():
        assert time.monotonic() < end, f"{what} did not happen within {timeout} s"
        time.sleep(0.01)


def settle(clients: list[Client], done: Callable[[], object], timeout: float = TIMEOUT_S, what: str = "it") -> None:
    """Pumps all clients until `done` says so."""
    end = time.monotonic() + timeout
    while not done():
        assert time.monotonic() < end, f"{what} did not happen within {timeout} s"
        for client in clients:
            client.pump(0.005)


class Process:
    """A server process; reads what it says."""

    def __init__(self, home: Path, *options: str, command: list[str] | None = None, stderr: Path | None = None) -> None:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.home = home
        self.log = stderr or home / "stderr.txt"
        if "--port" not in options:
            options = ("--port", "0", *options)
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                [*(command or server_command()), *options],
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "ATRIUM_HOME": str(home), "PYTHONPATH": str(ROOT / "python"), **sanitizer(command)},
                text=True,
            )
        assert self.popen.stdout
        self.lines = [self.popen.stdout.readline().rstrip() for _ in range(3)]
        self.port = int(self.lines[0].split()[-1]) if self.lines[0] else 0
        self.key = self.lines[1].removeprefix("key ")
        self.check_code = self.lines[2].removeprefix("check code ")

    @property
    def address(self) -> str:
        return f"localhost:{self.port}"

    def end(self, number: int = signal.SIGTERM) -> int:
        self.popen.send_signal(number)
        return self.wait()

    def wait(self, timeout: float = TIMEOUT_S) -> int:
        status = self.popen.wait(timeout)
        assert self.popen.stdout
        self.popen.stdout.close()
        return status


def server_command() -> list[str]:
    """The C command where it was built, so that most tests run it; the Python one has tests of its own."""
    return [str(BINARY)] if BINARY.exists() else [sys.executable, "-m", "atrium.server"]


def sanitizer(command: list[str] | None) -> dict[str, str]:
    """The C server brings its sanitizer along; Python gets it from outside."""
    return SERVER_ENVIRONMENT if command is None and BINARY.exists() else {}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts servers: start(*options, home=, command=)."""
    running: list[Process] = []

    def start_one(*options: str, home: Path | None = None, command: list[str] | None = None) -> Process:
        process = Process(home or tmp_path / "host", *options, command=command)
        running.append(process)
        assert process.port, process.log.read_text()
        return process

    yield start_one
    for process in running:
        if process.popen.poll() is None:
            process.popen.kill()
            process.popen.wait()
        if process.popen.stdout:
            process.popen.stdout.close()


@pytest.fixture
def clients(tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """Makes clients: clients(name) has a home of its own, clients(home=) that one."""
    made: list[Client] = []

    def make(name: str = "guest", home: Path | None = None) -> Client:
        client = Client(home or tmp_path / name)
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


class Wire:
    """A TCP proxy that can be cut: what a bad network does to a connection."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        self.refuses = False
        self.stalled = False
        self.sent = 0  # bytes towards the server
        self.taken = 0  # the same, and those that are held
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    if self.refuses:
                        raise ConnectionRefusedError
                    far = socket.create_connection(("127.0.0.1", self._to_port))
                except OSError:  # the server is away: so is the way to it
                    near.close()
                    continue
                with self._lock:
                    self._pairs.append((near, far))
                for a, b in ((near, far), (far, near)):
                    threading.Thread(target=self._copy, args=(a, b, a is near), daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket, to_server: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self.taken += len(data) if to_server else 0
                while self.stalled:
                    time.sleep(0.01)
                sink.sendall(data)
                self.sent += len(data) if to_server else 0
            sink.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        """Every connection ends at once, without a goodbye."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()

    def close(self) -> None:
        self._listener.close()
        self.cut()


@pytest.fixture
def wire() -> Iterator[Callable[[int], Wire]]:
    made: list[Wire] = []

    def make(port: int) -> Wire:
        made.append(Wire(port))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed Ed25519 certificate and its key, in one file."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


def make_certificate(folder: Path) -> Path:
    command = "openssl req -x509 -newkey ed25519 -nodes -days 2 -subj /CN=x -keyout key.pem -out cert.pem"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return both


@pytest.fixture
def operator_certificate(tmp_path: Path) -> Path:
    """Key and certificate of a tunnel's operator, which nobody has reason to trust."""
    path = tmp_path / "operator.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=tunnel.example -days 2"
    subprocess.run(
        [*command.split(), "-keyout", str(path), "-out", str(tmp_path / "cert")], check=True, capture_output=True
    )
    path.write_bytes(path.read_bytes() + (tmp_path / "cert").read_bytes())
    return path


@pytest.fixture
def raw(certificate: Path) -> Iterator[Callable[[int], Raw]]:
    made: list[Raw] = []

    def make(port: int) -> Raw:
        made.append(Raw(port, certificate))
        return made[-1]

    yield make
    for one in made:
        one.tls.close()


def host_of(server: Process, clients: Callable[..., Client]) -> Client:
    host = clients(home=server.home)
    host.connect(server.address)
    return host


@pytest.fixture
def server(start: Callable[..., Process]) -> Process:
    """One that is only asked from this machine; who enters is asked about."""
    return start("--bind", "127.0.0.1")


@pytest.fixture
def host(server: Process, clients: Callable[..., Client]) -> Client:
    """Who hosts that server."""
    return host_of(server, clients)
