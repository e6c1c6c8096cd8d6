# SPDX-License-Identifier: MIT
"""What members cost: a server's memory while one of them does not read, its processor while nobody does anything, a replica's bytes per object.

A member that does not read is a process that is stopped (SIGSTOP): its kernel takes what fits into the socket's buffers, and then nothing moves.
"""

from __future__ import annotations

import json
import re
import signal
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import (
    PROGRAMS,
    Bench,
    Entry,
    atrium,
    atrium_client,
    bench,
    entry,
    in_turns,
    nats_port,
    quantile,
    read_samples,
    replication_server,
)

MIB = 1 << 20
MEMBERS = 10
OPERATIONS = 200_000
OPERATION_BYTES = 1024
DOCUMENTS = 1000
RATE = 12_500.0
RING_MB = 8
SLACK_MB = 16

IDLE_CLIENTS = 20
IDLE_SETTLE_S = 5.0
IDLE_S = 20.0

OBJECTS = 20_000
OBJECT = Path(__file__).with_name("object.json")


# --- looking at a process


def memory_bytes(process: subprocess.Popen[str], which: str) -> int:
    """`VmRSS`, what it occupies now, or `VmHWM`, the most that it ever did."""
    text = Path(f"/proc/{process.pid}/status").read_text()
    found = re.search(rf"^{which}:\s+(\d+) kB", text, re.M)
    assert found
    return int(found.group(1)) * 1024


def processor_ns(process: subprocess.Popen[str]) -> int:
    """What all its threads have used. In nanoseconds, where /proc/PID/stat counts hundredths of a second."""
    threads = Path(f"/proc/{process.pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads)


@contextmanager
def stopped(process: subprocess.Popen[str], really: bool) -> Iterator[None]:
    if really:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


# --- one member does not read


def atrium_stalled(stall: bool) -> tuple[int, int, float]:
    """Growth of the server's memory and size of the documents, in bytes; the others' p99 in milliseconds.

    Ends with an error if the member that did not read does not come to hold all that it has missed."""
    peer = PROGRAMS / "members_peer"
    with atrium("--ring-mb", RING_MB) as (b, port):
        sender = b.start(peer, "change", port, OPERATIONS, RATE, ready=True, env=atrium_client(b, 0))
        paths = b.samples("others", MEMBERS - 2)
        followers = [
            b.start(peer, "follow", port, OPERATIONS, path, ready=True, env=atrium_client(b, 1 + i))
            for i, path in enumerate(paths)
        ]
        slow = b.start(peer, "hold", port, OPERATIONS, ready=True, env=atrium_client(b, MEMBERS - 1))
        assert b.server
        before = memory_bytes(b.server, "VmRSS")
        with stopped(slow, stall):
            b.go(sender)
            sent = b.result(sender)
            behind = sum(b.result(follower)["documents"] for follower in followers)
        held = b.result(slow)
        if held["documents"] != DOCUMENTS:
            raise SystemExit(f"the stalled member holds {held['documents']} of {DOCUMENTS} documents")
        if behind:
            print(
                f"relay.stalled: readers got {behind} documents instead of operations: this machine has too much else to do"
            )
        growth = memory_bytes(b.server, "VmHWM") - before
        return growth, int(sent["documents_bytes"]), quantile(read_samples(paths), 0.99)


def nats_stalled() -> tuple[int, float, bool]:
    """The same with nats-server, and whether the one that did not read got everything."""
    peer = PROGRAMS / "nats_peer"
    with bench() as b:
        port = nats_port(b)
        paths = b.samples("nats", MEMBERS - 1)
        others = [b.start(peer, "sub", port, OPERATIONS, path, ready=True) for path in paths[1:]]
        slow = b.start(peer, "sub", port, OPERATIONS, paths[0], ready=True)
        assert b.server
        before = memory_bytes(b.server, "VmRSS")
        with stopped(slow, True):
            b.result(b.start(peer, "pub", port, OPERATIONS, RATE, OPERATION_BYTES))
            for other in others:
                b.result(other)
        slow.communicate(timeout=30)
        growth = memory_bytes(b.server, "VmHWM") - before
        return growth, quantile(read_samples(paths[1:]), 0.99), slow.returncode == 0


def relay_stalled() -> list[Entry]:
    stalled, free = in_turns(lambda: atrium_stalled(stall=True), lambda: atrium_stalled(stall=False))
    growth, documents = max(growth for growth, _, _ in stalled), min(documents for _, documents, _ in stalled)
    all_with, all_without = [ms for _, _, ms in stalled], [ms for _, _, ms in free]
    with_ms, without_ms = statistics.median(all_with), statistics.median(all_without)
    nats_growth, nats_ms, nats_complete = nats_stalled()
    print(f"relay.stalled: {documents / MIB:.1f} MB of documents; the stalled member's state is complete")
    for label, values in (("stopped", all_with), ("not", all_without)):
        print(f"relay.stalled: p99 where one is {label}: {', '.join(f'{ms:.1f}' for ms in values)} ms")
    print(f"relay.stalled: nats-server's stalled subscriber {'got everything' if nats_complete else 'lost messages'}")
    limit = RING_MB + documents / MIB + SLACK_MB
    rss, p99 = "relay.stalled_rss", "relay.stalled_others_p99"
    return [
        entry(rss, growth / MIB, "MB", "limit", limit, more_is_better=False),
        entry(rss, growth / MIB, "MB", "nats-server TLS", nats_growth / MIB, more_is_better=False),
        entry(p99, with_ms, "ms", "twice without", 2 * without_ms, more_is_better=False),
        entry(p99, with_ms, "ms", "nats-server TLS", nats_ms, more_is_better=False),
    ]


# --- nobody does anything


def idle_percent(b: Bench) -> float:
    """Percent of one core that the server uses."""
    assert b.server
    time.sleep(IDLE_SETTLE_S)
    used, begin = processor_ns(b.server), time.monotonic_ns()
    time.sleep(IDLE_S)
    return 100 * (processor_ns(b.server) - used) / (time.monotonic_ns() - begin)


def atrium_idle() -> float:
    peer = PROGRAMS / "members_peer"
    with atrium() as (b, port):
        filler = b.start(peer, "change", port, DOCUMENTS, RATE, ready=True, env=atrium_client(b, 0))
        b.go(filler)
        b.result(filler)
        for i in range(IDLE_CLIENTS):
            b.start(peer, "idle", port, 0, ready=True, env=atrium_client(b, 1 + i))
        return idle_percent(b)


def replication_idle() -> float:
    with bench() as b:
        python, peer, port = replication_server(b)
        b.start(python, peer, "idle-pub", port, ready=True)
        for _ in range(IDLE_CLIENTS - 1):
            b.start(python, peer, "idle", port, ready=True)
        return idle_percent(b)


def relay_idle_cpu() -> list[Entry]:
    ours, theirs = atrium_idle(), replication_idle()
    return [
        entry("relay.idle_cpu", ours, "% of a core", "limit", 0.3, more_is_better=False),
        entry("relay.idle_cpu", ours, "% of a core", "replication 0.10.3", theirs, more_is_better=False),
    ]


# --- bytes per object


def sample_object(path: Path) -> None:
    """The captured object with marks where members_peer puts what differs from one object to the next."""
    tree = json.loads(OBJECT.read_text())
    tree["name"] = "@N"
    tree["p"]["location"][0] = "@X"
    tree["p"]["data"][1] = "@D"
    path.write_text(json.dumps(tree, separators=(",", ":"), ensure_ascii=False).replace('"@X"', "@X"))


def engine_bytes_per_object() -> list[Entry]:
    peer = PROGRAMS / "members_peer"
    with atrium() as (b, port):
        sample = b.folder / "object"
        sample_object(sample)
        b.start(peer, "fill", port, OBJECTS, sample, ready=True, env=atrium_client(b, 0))
        weighed = b.result(b.start(peer, "weigh", port, OBJECTS, env=atrium_client(b, 1)))
    name = "engine.bytes_per_object"
    return [
        entry(name, weighed["heap_bytes"], "bytes", "limit", 4096, more_is_better=False),
        entry(f"{name}_resident", weighed["resident_bytes"], "bytes", "limit", 4096, more_is_better=False),
    ]
