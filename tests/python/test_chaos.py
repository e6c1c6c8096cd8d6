# SPDX-License-Identifier: MIT
"""Random edits while lines are cut and the server is killed and started again: at rest all hold the same.

The simulator (tests/sim) explores the same with virtual time and far more seeds; this shows it for the whole: real processes, TLS, the client's
reconnecting, the server's admission and lobby. What it has found is in the log of csrc/client/seats.c and csrc/server/lobby.c. More seeds by hand:

    ATRIUM_CHAOS=300-360 python -m pytest tests/python/test_chaos.py
"""

from __future__ import annotations

import os
import random
import secrets
import signal
from collections.abc import Callable
from typing import Any

import pytest

from atrium import Client, Room

from .conftest import Process, Wire, free_port
from .test_editing import assert_equal

Start = Callable[..., Process]
Clients = Callable[..., Client]

STEPS = 2000
FIRST, LAST = map(int, os.environ.get("ATRIUM_CHAOS", "1-3").split("-"))


def any_edit(chance: random.Random, client: Client, room: Room, blobs: list[bytes], step: int) -> None:
    docs = list(room.documents)
    what = chance.random()
    if what < 0.25 or not docs:
        properties: dict[str, Any] = {"i": step, "name": chance.choice("AB")}
        if chance.random() < 0.3:
            data = chance.choice(blobs)
            properties["data"] = ["$blob", client.put_blob(data), "u1", [len(data)]]
        room.create({"type": "Object", "p": properties})
    elif what < 0.85:
        item = chance.choice([None, {"type": "M", "v": step}, {"v": 1}])
        patch = {"p": {chance.choice("xyz"): chance.randrange(100)}, chance.choice(["@a", "@b"]): item}
        room.edit(chance.choice(docs), patch)
    else:
        room.delete(chance.choice(docs))


@pytest.mark.parametrize("seed", range(FIRST, LAST + 1))
def test_all_agree_after_whatever_happened(
    start: Start, clients: Clients, wire: Callable[[int], Wire], seed: int
) -> None:
    chance = random.Random(seed)
    port = free_port()
    server = start("--open", "--port", str(port))
    lines = [wire(port) for _ in range(3)]
    everybody = [clients(f"user{i}") for i in range(3)]
    for client, line in zip(everybody, lines, strict=True):
        client.connect(f"localhost:{line.port}")
    rooms = [everybody[0].create_room("chaos")]
    rooms += [client.join("chaos") for client in everybody[1:]]
    blobs = [secrets.token_bytes(chance.choice([100, 5000, 300_000])) for _ in range(10)]
    for step in range(STEPS):
        i = chance.randrange(3)
        any_edit(chance, everybody[i], rooms[i], blobs, step)
        if chance.random() < 0.02:
            chance.choice(lines).cut()
        if chance.random() < 0.3:
            chance.choice(everybody).pump(chance.random() * 0.004)
        if chance.random() < 4 / STEPS:
            server.end(signal.SIGKILL)
            server = start("--open", "--port", str(port), home=server.home)
    assert_equal(everybody, rooms)

    assert "of type 0x" not in server.log.read_text()  # nobody was cut for what it sent
