# SPDX-License-Identifier: MIT
"""A client of Multi-User's `replication` library, for the latency benchmark.

Multi-User sends each change of a datablock as a node through this library: Python, pickle, no encryption. One process
sends updates of one node at a fixed rate, the others receive them through the library's own listen(); each update carries the
time at which it was handed to the library.

    replication_peer.py sub PORT COUNT SAMPLES_FILE     prints "ready", later one JSON line
    replication_peer.py idle-pub PORT, idle PORT        stay in the session and do nothing
    replication_peer.py connect PORT                    prints one JSON line: milliseconds from connecting to knowing who is there
    replication_peer.py pub PORT COUNT RATE             prints "ready" when the session is open, starts at a line on its standard input
"""

from __future__ import annotations

import array
import json
import sys
import time
from typing import Any

from replication import porcelain
from replication.constants import STATE_ACTIVE, STATE_LOBBY, STATE_SYNCING
from replication.interface import session
from replication.objects import Node
from replication.protocol import DataTranslationProtocol, ReplicatedDatablock
from replication.repository import Repository

TIMEOUT_S = 30
NODE = "11111111-2222-4333-8444-555555555555"


class Transform:
    """Stands for a datablock; what travels is the dict of one update."""


class TransformProtocol(ReplicatedDatablock):
    is_root = True

    @staticmethod
    def construct(data: dict[str, Any]) -> object:
        return Transform()

    @staticmethod
    def dump(datablock: object) -> dict[str, Any]:
        return {"text": ""}

    @staticmethod
    def load(data: dict[str, Any], datablock: object) -> None:
        pass

    @staticmethod
    def resolve_deps(datablock: object) -> list[object]:
        return []


def open_session(port: int, name: str, creates: bool) -> Repository:
    protocol = DataTranslationProtocol()
    protocol.register_implementation(Transform, TransformProtocol)
    repository = Repository(rdp=protocol, username=name)
    porcelain.remote_add(repository, "origin", "127.0.0.1", port, server_password="bench", admin_password="bench")
    if creates:
        repository.object_store[NODE] = Node(
            owner="COMMON", uuid=NODE, data={"type_id": "Transform", "text": ""}, instance=Transform()
        )
    session.connect(repository, timeout=TIMEOUT_S * 1000, server_password="bench", admin_password="bench")
    end = time.monotonic() + TIMEOUT_S
    asked = False
    while session.state != STATE_ACTIVE:
        if time.monotonic() > end:
            raise SystemExit("replication: the session did not open")
        session.listen(timeout=10)
        if creates and not asked and session.state == STATE_LOBBY:
            session.request_server_repository_init()
            asked = True
        if not creates and session.state not in (STATE_ACTIVE, STATE_LOBBY, STATE_SYNCING):
            continue
    return repository


def subscribe(port: int, count: int, samples_path: str) -> None:
    repository = open_session(port, f"sub-{time.monotonic_ns()}", creates=False)
    print("ready", flush=True)
    samples = array.array("f")
    last = -1
    end = time.monotonic() + TIMEOUT_S + count / 100
    while last + 1 < count:
        session.listen(timeout=100)
        text = repository.graph[NODE].data["text"]
        if text and int(text[:16], 16) != last:
            samples.append((time.monotonic_ns() - int(text[16:32], 16)) / 1e6)
            last = int(text[:16], 16)
        if time.monotonic() > end:
            raise SystemExit("replication: updates are missing")
    with open(samples_path, "wb") as file:
        samples.tofile(file)
    print(json.dumps({"received": len(samples)}), flush=True)
    session.disconnect()


def publish(port: int, count: int, rate: float) -> None:
    repository = open_session(port, "pub", creates=True)
    print("ready", flush=True)
    sys.stdin.readline()
    start = time.monotonic_ns()
    for i in range(count):
        while (due := start + int(i / rate * 1e9)) > time.monotonic_ns():
            session.listen(timeout=max(0, int((due - time.monotonic_ns()) / 1e6)))
        text = f"{i:016x}{time.monotonic_ns():016x}".ljust(200, "x")
        node = Node(owner="COMMON", uuid=NODE, data={"type_id": "Transform", "text": text})
        repository.push(repository.remote.data, node)
    for _ in range(50):
        session.listen(timeout=20)
    print(json.dumps({"start_ns": start}), flush=True)
    session.disconnect()


def stay(port: int, creates: bool) -> None:
    open_session(port, f"idle-{time.monotonic_ns()}", creates)
    print("ready", flush=True)
    while True:
        session.listen(timeout=1000)


def connect(port: int) -> None:
    """What Multi-User's Connect does, up to where its panel can show the session's users. It knows no rooms: a server is one."""
    protocol = DataTranslationProtocol()
    protocol.register_implementation(Transform, TransformProtocol)
    start = time.perf_counter()
    repository = Repository(rdp=protocol, username=f"one-{time.monotonic_ns()}")
    porcelain.remote_add(repository, "origin", "127.0.0.1", port, server_password="bench", admin_password="bench")
    session.connect(repository, timeout=TIMEOUT_S * 1000, server_password="bench", admin_password="bench")
    while session.state != STATE_LOBBY or not repository.remote.online_users:
        if time.perf_counter() - start > TIMEOUT_S:
            raise SystemExit("replication: the session did not open")
        session.listen(timeout=1)
    print(json.dumps({"ms": (time.perf_counter() - start) * 1000}), flush=True)
    session.disconnect()


if __name__ == "__main__":
    if sys.argv[1].startswith("idle"):
        stay(int(sys.argv[2]), sys.argv[1] == "idle-pub")
    elif sys.argv[1] == "connect":
        connect(int(sys.argv[2]))
    elif sys.argv[1] == "sub":
        subscribe(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
    else:
        publish(int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
