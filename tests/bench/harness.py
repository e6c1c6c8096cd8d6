# SPDX-License-Identifier: MIT
"""What the benchmarks share: starting programs and ending them, samples, the servers that are measured.

Programs talk over loopback only, each in a process of its own; everything that is started here is killed when its benchmark is over.
"""

from __future__ import annotations

import array
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "build" / "bench"
TIMEOUT_S = 180
LOOPBACK = "127.0.0.1"
ROUNDS = 3
T = TypeVar("T")

Entry = dict[str, Any]


def entry(name: str, value: float, unit: str, peer: str, peer_value: float, *, more_is_better: bool) -> Entry:
    """One line of bench.json; the ratio is above 1 where Atrium does better."""
    ratio = value / peer_value if more_is_better else peer_value / value
    return {
        "name": name,
        "value": round(value, 4),
        "unit": unit,
        "peer": peer,
        "peer_value": round(peer_value, 4),
        "ratio": round(ratio, 3),
    }


def own_address() -> str:
    """This machine's in its network, by which it reaches itself over loopback all the same; loopback's own where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # asks the routing table, and sends nothing
            return str(probe.getsockname()[0])
        except OSError:
            return LOOPBACK


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class Bench:
    """Starts programs, waits for their "ready", reads their one JSON line, ends them."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.stack = stack
        self.folder = folder
        self.server: subprocess.Popen[str] | None = None

    def start(self, *command: object, ready: bool = False, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [str(c) for c in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=self.folder,  # some leave logs behind
            env={**os.environ, **(env or {})},
        )
        self.stack.callback(self.end, process)
        if ready:
            self.expect(process, "ready")
        return process

    @staticmethod
    def expect(process: subprocess.Popen[str], word: str) -> None:
        assert process.stdout
        for line in process.stdout:
            if line.strip() == word:
                return
        raise SystemExit(f"{process.args} ended without saying {word!r}")

    @staticmethod
    def go(process: subprocess.Popen[str]) -> None:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()

    @staticmethod
    def end(process: subprocess.Popen[str]) -> None:
        process.kill()  # ends a stopped one too
        process.wait()

    @staticmethod
    def result(process: subprocess.Popen[str]) -> dict[str, Any]:
        out, _ = process.communicate(timeout=TIMEOUT_S)
        if process.returncode:
            raise SystemExit(f"{process.args} failed with exit code {process.returncode}")
        return dict(json.loads(out.strip().splitlines()[-1]))

    def samples(self, name: str, count: int) -> list[Path]:
        return [self.folder / f"{name}-{i}.f32" for i in range(count)]


def read_samples(paths: list[Path]) -> list[float]:
    values = array.array("f")
    for path in paths:
        values.frombytes(path.read_bytes())
    return sorted(values)


def quantile(ordered: list[float], q: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * q))]


def in_turns(ours: Callable[[], T], theirs: Callable[[], T], rounds: int = ROUNDS) -> tuple[list[T], list[T]]:
    """Atrium and its peer one after the other, several times: what else the machine does meets both. Who begins changes from round to round,
    as going second is sometimes better and sometimes worse."""
    a: list[T] = []
    b: list[T] = []
    for i in range(rounds):
        turn = [(ours, a), (theirs, b)]
        for run, results in turn if i % 2 == 0 else reversed(turn):
            results.append(run())
    return a, b


@contextmanager
def bench() -> Iterator[Bench]:
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="atrium-bench-"))
        yield Bench(stack, Path(folder))


def certificate(folder: Path) -> tuple[Path, Path]:
    cert, key = folder / "cert.pem", folder / "key.pem"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    subprocess.run(
        [*words, "-subj", "/CN=bench", "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True
    )
    return cert, key


# --- peers


def nats_server() -> str:
    cache = Path(os.environ.get("ATRIUM_CACHE", Path.home() / ".cache" / "atrium"))
    newest = cache / "bench" / "nats-server"
    found = str(newest) if newest.exists() else shutil.which("nats-server")
    if not found:
        raise SystemExit("No nats-server here: run tests/setup/bench.sh, which installs it.")
    return found


def nats_port(b: Bench) -> int:
    cert, key = certificate(b.folder)
    port = free_port()
    words = ("-a", "127.0.0.1", "-p", port, "--tls", "--tlscert", cert, "--tlskey", key)
    b.server = b.start(nats_server(), *words, "-l", b.folder / "nats.log")
    wait_for_port(port)
    return port


def replication_server(b: Bench) -> tuple[Path, Path, int]:
    """The Python and the program of its clients, and the port."""
    python = ROOT / "build" / "bench-venv" / "bin" / "python"
    server = next(python.parents[1].glob("lib/python*/site-packages/replication/server.py"), None)
    if not server:
        raise SystemExit("No `replication` library here: run tests/setup/bench.sh, which installs it.")
    port = free_port()
    words = ("-p", port, "-t", 30000, "-spwd", "bench", "-apwd", "bench", "--attached", "--log-level", "ERROR")
    b.server = b.start(python, server, *words)
    wait_for_port(port)
    return python, Path(__file__).resolve().with_name("replication_peer.py"), port


def wait_for_port(port: int, address: str = LOOPBACK) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with socket.socket() as s:
            if s.connect_ex((address, port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"nothing answers on port {port}")


# --- Atrium


@contextmanager
def atrium(*options: object, address: str = LOOPBACK) -> Iterator[tuple[Bench, int]]:
    """A server of its own in a process of its own, open to all."""
    with bench() as b:
        port = free_port()
        program = ROOT / "build" / "release" / "atrium-server"
        words = ("--port", port, "--bind", address, "--data", b.folder / "server", "--open")
        b.server = b.start(program, *words, "--log", b.folder / "server.log", *options)
        wait_for_port(port, address)
        yield b, port


def atrium_client(b: Bench, number: int) -> dict[str, str]:
    return {"ATRIUM_HOME": str(b.folder / f"home-{number}"), "ATRIUM_TRUST": "first-use"}
