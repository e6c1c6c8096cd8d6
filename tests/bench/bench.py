# SPDX-License-Identifier: MIT
"""Runs the benchmarks and writes build/bench.json; `make bench`. docs/benchmarks.md says what each figure means.

Every figure is taken beside its peer in the same run, so a slow or busy machine slows both.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable
from typing import Any

import edits
import members
import reach
from harness import (
    PROGRAMS,
    ROOT,
    ROUNDS,
    TIMEOUT_S,
    Entry,
    atrium,
    atrium_client,
    bench,
    certificate,
    entry,
    free_port,
    in_turns,
    nats_port,
    quantile,
    read_samples,
    replication_server,
)

RECEIVERS = 10


def fan(publisher: dict[str, Any], receivers: list[dict[str, Any]]) -> float:
    """Deliveries per second: from the first message handed over to the last one taken by the last receiver."""
    seconds = (max(r["end_ns"] for r in receivers) - publisher["start_ns"]) / 1e9
    return float(sum(r["received"] for r in receivers)) / seconds


# --- peers


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
    with bench() as b:
        python, peer, port = replication_server(b)
        pub = b.start(python, peer, "pub", port, count, rate, ready=True)
        paths = b.samples("replication", RECEIVERS)
        subs = [b.start(python, peer, "sub", port, count, path, ready=True) for path in paths]
        b.go(pub)
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


def atrium_fanout(count: int, mode: str, scheme: str = "") -> float:
    with atrium() as (b, port):
        way = {"ATRIUM_BENCH_SCHEME": scheme}
        pub = b.start(PROGRAMS / "atrium_peer", "pub", port, count, 0, ready=True, env=atrium_client(b, 0))
        subs = [
            b.start(PROGRAMS / "atrium_peer", mode, port, count, ready=True, env={**atrium_client(b, 1 + i), **way})
            for i in range(RECEIVERS)
        ]
        b.go(pub)
        return fan(b.result(pub), [b.result(s) for s in subs])


def atrium_latency(count: int, rate: float) -> list[float]:
    with atrium() as (b, port):
        pub = b.start(PROGRAMS / "atrium_peer", "pub", port, count, rate, ready=True, env=atrium_client(b, 0))
        paths = b.samples("atrium", RECEIVERS)
        subs = [
            b.start(PROGRAMS / "atrium_peer", "sub", port, count, path, ready=True, env=atrium_client(b, 1 + i))
            for i, path in enumerate(paths)
        ]
        b.go(pub)
        b.result(pub)
        for s in subs:
            b.result(s)
        return read_samples(paths)


def atrium_bulk(size: int) -> float:
    with atrium() as (b, port):
        sender = b.start(PROGRAMS / "atrium_peer", "bulk-send", port, size, ready=True, env=atrium_client(b, 0))
        receiver = b.start(PROGRAMS / "atrium_peer", "bulk-recv", port, size, ready=True, env=atrium_client(b, 1))
        b.go(sender)
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
        b.go(sender)
        b.result(receiver)
        return read_samples([path])


# --- the list


WEBSOCKET_ROUNDS = 10


def relay_fanout() -> list[Entry]:
    count = 200_000
    rounds = [
        (atrium_fanout(count, "sub"), nats_fanout(count), atrium_fanout(count, "sub-merged")) for _ in range(ROUNDS)
    ]
    ours, theirs, merged = map(statistics.median, zip(*rounds, strict=True))
    return [
        entry("relay.fanout", ours, "deliveries/s", "nats-server TLS", theirs, more_is_better=True),
        entry("relay.fanout_merged", merged, "deliveries/s", "nats-server TLS", theirs, more_is_better=True),
    ]


def reach_websocket_overhead() -> list[Entry]:
    """The same fan-out, each receiver through a WebSocket.

    The difference is a few percent, and on two cores two rounds of the same thing differ by more: many short rounds, and a first one that does
    not count, in which programs and pages become warm."""
    count = 50_000

    def through() -> float:
        return atrium_fanout(count, "sub", "ws://")

    def direct() -> float:
        return atrium_fanout(count, "sub")

    in_turns(through, direct, 1)
    ours, theirs = map(statistics.median, in_turns(through, direct, WEBSOCKET_ROUNDS))
    return [entry("reach.websocket_overhead", ours, "deliveries/s", "without WebSocket", theirs, more_is_better=True)]


def relay_latency() -> list[Entry]:
    count, rate = 5_000, 500.0
    ours, nats = in_turns(lambda: atrium_latency(count, rate), lambda: nats_latency(count, rate))
    peers = [("nats-server TLS", nats), ("replication 0.10.3", [replication_latency(count, rate)])]

    def middle(rounds: list[list[float]], q: float) -> float:
        return statistics.median(quantile(r, q) for r in rounds)

    return [
        entry(f"relay.latency_{label}", middle(ours, q), "ms", peer, middle(theirs, q), more_is_better=False)
        for peer, theirs in peers
        for label, q in (("p50", 0.5), ("p99", 0.99))
    ]


def relay_bulk() -> list[Entry]:
    size = 1 << 30
    ours, theirs = map(statistics.median, in_turns(lambda: atrium_bulk(size), lambda: tls_relay_bulk(size)))
    return [entry("relay.bulk", ours, "MB/s", "plain TLS relay", theirs, more_is_better=True)]


def relay_presence() -> list[Entry]:
    slow = atrium_presence(100_000_000, (20, 50, 65536))
    fast = sorted(ms for _ in range(ROUNDS) for ms in atrium_presence(1 << 30, None))  # one round gives some 150
    return [
        entry("relay.presence_slow_link_p99", quantile(slow, 0.99), "ms", "limit", 110, more_is_better=False),
        entry("relay.presence_loopback_p99", quantile(fast, 0.99), "ms", "limit", 20, more_is_better=False),
    ]


def delta_vertices() -> list[Entry]:
    with bench() as b:
        speed = b.result(b.start(PROGRAMS / "delta_speed", 1_000_000, 1))
    return [
        entry("delta.vertices", speed["find"], "bytes/s", "memcpy", speed["memcpy"], more_is_better=True),
        entry("delta.vertices_apply", speed["apply"], "bytes/s", "memcpy", speed["memcpy"], more_is_better=True),
    ]


BENCHMARKS: dict[str, Callable[[], list[Entry]]] = {
    "relay.fanout": relay_fanout,
    "relay.latency": relay_latency,
    "relay.bulk": relay_bulk,
    "relay.presence": relay_presence,
    "relay.stalled": members.relay_stalled,
    "relay.idle_cpu": members.relay_idle_cpu,
    "delta.vertices": delta_vertices,
    "blender.edit_to_edit": edits.blender_edit_to_edit,
    "engine.bytes_per_object": members.engine_bytes_per_object,
    "reach.connect_lan": edits.connect_lan,
    "reach.connect_script": reach.reach_connect_script,
    "reach.handshakes": reach.reach_handshakes,
    "reach.race": reach.reach_race,
    "reach.websocket_overhead": reach_websocket_overhead,
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
    entries: list[Entry] = []
    failed: dict[str, BaseException] = {}
    for name in wanted:
        try:
            entries += BENCHMARKS[name]()
        except (Exception, SystemExit) as e:  # the others are measured all the same
            failed[name] = e
    path = ROOT / "build" / "bench.json"
    path.write_text(json.dumps(entries, indent=1) + "\n")
    show(entries)
    for name, e in failed.items():
        print(f"************ FAILED: {name}: {type(e).__name__}: {e}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
