# SPDX-License-Identifier: MIT
"""Runs the benchmarks and writes build/bench.json; `make bench`. docs/benchmarks.md says what each figure means.

Every figure is taken beside its peer in the same run, so a slow or busy machine slows both. Programs talk over loopback only,
each in a process of its own, and everything started here is killed at the end.
"""

from __future__ import annotations

import array
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "build" / "bench"
RECEIVERS = 10
TIMEOUT_S = 180

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


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class Bench:
    """Starts programs, waits for their "ready", reads their one JSON line, ends them."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.stack = stack
        self.folder = folder

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
    def end(process: subprocess.Popen[str]) -> None:
        process.kill()
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


@contextmanager
def bench() -> Iterator[Bench]:
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="atrium-bench-"))
        yield Bench(stack, Path(folder))


def certificate(folder: Path) -> tuple[Path, Path]:
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=bench",
        ]
        + ["-keyout", str(key), "-out", str(cert)],
        check=True,
        capture_output=True,
    )
    return cert, key


def fan(publisher: dict[str, Any], receivers: list[dict[str, Any]]) -> float:
    """Deliveries per second: from the first message handed over to the last one taken by the last receiver."""
    seconds = (max(r["end_ns"] for r in receivers) - publisher["start_ns"]) / 1e9
    return float(sum(r["received"] for r in receivers)) / seconds


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
    b.start(
        nats_server(),
        "-a",
        "127.0.0.1",
        "-p",
        port,
        "--tls",
        "--tlscert",
        cert,
        "--tlskey",
        key,
        "-l",
        b.folder / "nats.log",
    )
    wait_for_port(port)
    return port


def wait_for_port(port: int) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"nothing answers on port {port}")


def nats_fanout(count: int) -> float:
    with bench() as b:
        port = nats_port(b)
        subs = [b.start(PROGRAMS / "nats_peer", "sub", port, count, ready=True) for _ in range(RECEIVERS)]
        pub = b.start(PROGRAMS / "nats_peer", "pub", port, count, 0)
        return fan(b.result(pub), [b.result(s) for s in subs])


def nats_latency(count: int, rate: float) -> list[float]:
    with bench() as b:
        port = nats_port(b)
        paths = b.samples("nats", RECEIVERS)
        subs = [b.start(PROGRAMS / "nats_peer", "sub", port, count, path, ready=True) for path in paths]
        b.result(b.start(PROGRAMS / "nats_peer", "pub", port, count, rate))
        for s in subs:
            b.result(s)
        return read_samples(paths)


def replication_latency(count: int, rate: float) -> list[float]:
    python = ROOT / "build" / "bench-venv" / "bin" / "python"
    server = next(python.parents[1].glob("lib/python*/site-packages/replication/server.py"), None)
    if not server:
        raise SystemExit("No `replication` library here: run tests/setup/bench.sh, which installs it.")
    peer = Path(__file__).resolve().with_name("replication_peer.py")
    with bench() as b:
        port = free_port()
        b.start(
            python,
            server,
            "-p",
            port,
            "-t",
            30000,
            "-spwd",
            "bench",
            "-apwd",
            "bench",
            "--attached",
            "--log-level",
            "ERROR",
        )
        wait_for_port(port)
        pub = b.start(python, peer, "pub", port, count, rate, ready=True)
        paths = b.samples("replication", RECEIVERS)
        subs = [b.start(python, peer, "sub", port, count, path, ready=True) for path in paths]
        assert pub.stdin
        pub.stdin.write("go\n")
        pub.stdin.flush()
        for s in subs:
            b.result(s)
        return read_samples(paths)


def tls_relay_bulk(size: int) -> float:
    """Megabytes per second through the plain TLS relay."""
    with bench() as b:
        cert, key = certificate(b.folder)
        port = free_port()
        b.start(PROGRAMS / "tls_relay", "relay", port, cert, key, ready=True)
        receiver = b.start(PROGRAMS / "tls_relay", "recv", port, size, ready=True)
        sent = b.result(b.start(PROGRAMS / "tls_relay", "send", port, size))
        return size / 1e6 / ((b.result(receiver)["end_ns"] - sent["start_ns"]) / 1e9)


# --- Atrium


@contextmanager
def atrium() -> Iterator[tuple[Bench, int]]:
    """A server of its own in a process of its own, open to all."""
    with bench() as b:
        port = free_port()
        server = ROOT / "build" / "release" / "atrium-server"
        b.start(
            server,
            "--port",
            port,
            "--bind",
            "127.0.0.1",
            "--data",
            b.folder / "server",
            "--open",
            "--log",
            b.folder / "server.log",
        )
        wait_for_port(port)
        yield b, port


def atrium_client(b: Bench, number: int) -> dict[str, str]:
    return {"ATRIUM_HOME": str(b.folder / f"home-{number}"), "ATRIUM_TRUST": "first-use"}


def atrium_fanout(count: int, mode: str) -> float:
    with atrium() as (b, port):
        pub = b.start(PROGRAMS / "atrium_peer", "pub", port, count, 0, ready=True, env=atrium_client(b, 0))
        subs = [
            b.start(PROGRAMS / "atrium_peer", mode, port, count, ready=True, env=atrium_client(b, 1 + i))
            for i in range(RECEIVERS)
        ]
        assert pub.stdin
        pub.stdin.write("go\n")
        pub.stdin.flush()
        return fan(b.result(pub), [b.result(s) for s in subs])


def atrium_latency(count: int, rate: float) -> list[float]:
    with atrium() as (b, port):
        pub = b.start(PROGRAMS / "atrium_peer", "pub", port, count, rate, ready=True, env=atrium_client(b, 0))
        paths = b.samples("atrium", RECEIVERS)
        subs = [
            b.start(PROGRAMS / "atrium_peer", "sub", port, count, path, ready=True, env=atrium_client(b, 1 + i))
            for i, path in enumerate(paths)
        ]
        assert pub.stdin
        pub.stdin.write("go\n")
        pub.stdin.flush()
        b.result(pub)
        for s in subs:
            b.result(s)
        return read_samples(paths)


def atrium_bulk(size: int) -> float:
    with atrium() as (b, port):
        sender = b.start(PROGRAMS / "atrium_peer", "bulk-send", port, size, ready=True, env=atrium_client(b, 0))
        receiver = b.start(PROGRAMS / "atrium_peer", "bulk-recv", port, size, ready=True, env=atrium_client(b, 1))
        assert sender.stdin
        sender.stdin.write("go\n")
        sender.stdin.flush()
        sent, received = b.result(sender), b.result(receiver)
        return size / 1e6 / ((received["end_ns"] - sent["start_ns"]) / 1e9)


def atrium_presence(size: int, link: tuple[float, float, int] | None) -> list[float]:
    """Presence latencies in milliseconds while `size` bytes of blobs pass to the same receiver, through a slow line if given."""
    with atrium() as (b, port):
        receiver_port = port
        if link:
            receiver_port = free_port()
            b.start(PROGRAMS / "slow_link", receiver_port, port, *link, TIMEOUT_S, ready=True)
        sender = b.start(PROGRAMS / "atrium_peer", "presence-send", port, size, ready=True, env=atrium_client(b, 0))
        path = b.samples("presence", 1)[0]
        receiver = b.start(
            PROGRAMS / "atrium_peer", "presence-recv", receiver_port, size, path, ready=True, env=atrium_client(b, 1)
        )
        assert sender.stdin
        sender.stdin.write("go\n")
        sender.stdin.flush()
        b.result(receiver)
        return read_samples([path])


# --- the list


def relay_fanout() -> list[Entry]:
    count = 200_000
    rounds = [(atrium_fanout(count, "sub"), nats_fanout(count)) for _ in range(3)]
    ours, theirs = statistics.median(r[0] for r in rounds), statistics.median(r[1] for r in rounds)
    merged = atrium_fanout(count // 4, "sub-merged")
    return [
        entry("relay.fanout", ours, "deliveries/s", "nats-server TLS", theirs, more_is_better=True),
        entry("relay.fanout_merged", merged, "deliveries/s", "nats-server TLS", theirs, more_is_better=True),
    ]


def relay_latency() -> list[Entry]:
    count, rate = 5_000, 500.0
    ours = atrium_latency(count, rate)
    peers = [("nats-server TLS", nats_latency(count, rate)), ("replication 0.10.3", replication_latency(count, rate))]
    return [
        entry(f"relay.latency_{label}", quantile(ours, q), "ms", peer, quantile(theirs, q), more_is_better=False)
        for peer, theirs in peers
        for label, q in (("p50", 0.5), ("p99", 0.99))
    ]


def relay_bulk() -> list[Entry]:
    size = 1 << 30
    return [
        entry("relay.bulk", atrium_bulk(size), "MB/s", "plain TLS relay", tls_relay_bulk(size), more_is_better=True)
    ]


def relay_presence() -> list[Entry]:
    slow = atrium_presence(100_000_000, (20, 50, 65536))
    fast = atrium_presence(1 << 30, None)
    return [
        entry("relay.presence_slow_link_p99", quantile(slow, 0.99), "ms", "limit", 110, more_is_better=False),
        entry("relay.presence_loopback_p99", quantile(fast, 0.99), "ms", "limit", 20, more_is_better=False),
    ]


BENCHMARKS: dict[str, Callable[[], list[Entry]]] = {
    "relay.fanout": relay_fanout,
    "relay.latency": relay_latency,
    "relay.bulk": relay_bulk,
    "relay.presence": relay_presence,
}


def show(entries: list[Entry]) -> None:
    print(f"{'name':32} {'value':>14} {'unit':14} {'peer':20} {'peer value':>14} {'ratio':>7}")
    for e in entries:
        print(
            f"{e['name']:32} {e['value']:14,.3f} {e['unit']:14} {e['peer']:20} {e['peer_value']:14,.3f} {e['ratio']:7.2f}"
        )


def main() -> None:
    wanted = sys.argv[1:] or list(BENCHMARKS)
    if unknown := set(wanted) - set(BENCHMARKS):
        raise SystemExit(f"No benchmark {', '.join(sorted(unknown))}; there are: {', '.join(BENCHMARKS)}")
    entries = [e for name in wanted for e in BENCHMARKS[name]()]
    path = ROOT / "build" / "bench.json"
    path.write_text(json.dumps(entries, indent=1) + "\n")
    show(entries)


if __name__ == "__main__":
    main()
