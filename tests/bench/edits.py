# SPDX-License-Identifier: MIT
"""What a user waits for, in real Blenders with the add-on as users install it: an edit until another one reads it, and Connect until the
rooms are listed.

Without a window Blender's timers never fire, so the harness calls the add-on's tick, and here no more often than its timer would in a window: ticks are as
far apart as `runtime._interval()` says. The pauses between edits are random, so that an edit meets every phase of the ticks.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from unittest.mock import patch

from harness import ROOT, Entry, atrium, bench, entry, own_address, replication_server

sys.path.insert(0, str(ROOT))  # what these files share with the tests

from tests.blender import blenders, extension
from tests.blender.blenders import Blender
from tests.blender.inside import bpy
from tests.blender.party import Party, Person

ANY_OF = ("bpy50", "bpy45", "bpy42")
WITH_WINDOW = ("deb52", "deb43")
CONNECTS = 15
LIMIT_MS = 40.0
MULTI_USER_MS = 1000.0
REPORTED = (100, 0.03, 0.12)
"""How many edits, and the least and the longest pause before one in seconds."""
UNREPORTED = (40, 0.3, 0.6)
"""Longer than the 0.25 s after which the add-on looks for what Blender does not report."""


# --- sent to Blender


def paced_tick() -> None:
    module = "bl_ext.user_default.atrium"
    now = time.monotonic()
    if now < globals().get("due_s", 0.0):
        return
    sys.modules[module].tick()
    globals()["due_s"] = time.monotonic() + sys.modules[f"{module}.session.runtime"]._interval()


def edit(what: str, pauses: list[float]) -> Generator[None, None, list[float]]:
    """Sets the location, which Blender reports, or a custom property, which it does not; the times."""
    cube = bpy.data.objects["Cube"]
    bpy.context.view_layer.objects.active = cube
    times = []
    for i, pause in enumerate(pauses):
        end = time.monotonic() + pause
        while time.monotonic() < end:
            yield
        times.append(time.monotonic())
        if what == "location":
            cube.location.x = i + 1
            bpy.context.view_layer.update()
        else:
            cube["told"] = i + 1
    return times


def see(what: str, count: int) -> Generator[None, None, list[float]]:
    """When each of the edits could be read first."""
    times: list[float] = []
    while len(times) < count:
        cube = bpy.data.objects["Cube"]
        value = cube.location.x if what == "location" else cube.get("told", 0)
        while len(times) < round(value):
            times.append(time.monotonic())
        yield
    return times


def connect() -> Generator[None, None, float]:
    """Milliseconds from Connect until the panel has rooms to list. The panel is told so, and this beside it: the harness would look only in its
    next round, 5 ms later."""
    listeners = sys.modules["bl_ext.user_default.atrium.session.runtime"]._listeners
    listed: list[float] = []

    def look() -> None:
        if bpy.context.window_manager.atrium.rooms:
            listed.append(time.monotonic())

    listeners.append(look)
    start = time.monotonic()
    bpy.ops.atrium.connect()
    while not listed:
        yield
    listeners.remove(look)
    bpy.ops.atrium.disconnect()
    while bpy.context.window_manager.atrium.state != "OFFLINE":
        yield
    return (listed[0] - start) * 1000


# --- measuring


def measure(anna: Person, ben: Person, what: str, plan: tuple[int, float, float]) -> list[float]:
    """Milliseconds of each edit."""
    count, least, longest = plan
    for person in (anna, ben):
        person.blender.execute("child.round_s = 0.002")
    number = ben.send(see, what, count)
    pauses = [random.uniform(least, longest) for _ in range(count)]
    made = anna.call(edit, what, pauses, timeout=60)
    seen = ben.wait(number, timeout=20)
    return [(s - m) * 1000 for m, s in zip(made, seen, strict=True)]


def pace(person: Person) -> None:
    person.blender.define(paced_tick)
    person.blender.set_tick("atrium_test:paced_tick")


def any_blender() -> Blender:
    if not any(blenders.find(name) for name in ANY_OF):
        subprocess.run([ROOT / "tests/setup/blenders.sh", ANY_OF[0]], check=True)
    return next(found for name in ANY_OF if (found := blenders.find(name)))


def blender_edit_to_edit() -> list[Entry]:
    blender = any_blender()
    with (
        tempfile.TemporaryDirectory(prefix="atrium-bench-") as folder,
        Party(Path(folder), extension.build()) as party,
    ):
        anna, ben = party.invite(blender, "anna"), party.invite(blender, "ben")
        anna.host("Bench")
        ben.join("Bench", let_in_by=anna)
        for person in (anna, ben):
            pace(person)
        reported = statistics.median(measure(anna, ben, "location", REPORTED))
        unreported = statistics.median(measure(anna, ben, "told", UNREPORTED))
    name, timer = "blender.edit_to_edit_p50", "Multi-User's timer"
    other = "blender.edit_to_edit_unreported_p50"
    return [
        entry(name, reported, "ms", "limit", LIMIT_MS, more_is_better=False),
        entry(name, reported, "ms", timer, MULTI_USER_MS, more_is_better=False),
        entry(other, unreported, "ms", timer, MULTI_USER_MS, more_is_better=False),
    ]


# --- connecting


def any_windowed() -> Blender:
    """One whose timers are Blender's own."""
    for name in WITH_WINDOW:
        if not blenders.find(name):
            subprocess.run([ROOT / "tests/setup/blenders.sh", name], check=False)
        if found := blenders.find(name):
            return found
    raise SystemExit("NO WINDOW: this needs root and Debian's Blenders (see tests/setup/blenders.sh)")


def connect_lan() -> list[Entry]:
    """In turns with a client of the peer that is new each time. Mixer is no peer here: see docs/benchmarks.md.

    By this machine's address in its network, as for loopback's the add-on first looks whether to start a server."""
    from atrium import Client

    ours, theirs = [], []
    address = own_address()
    with (
        patch.dict(os.environ, {"ATRIUM_TRUST": "first-use"}),
        atrium(address=address) as (b, port),
        bench() as peer,
        Client(b.folder / "host") as host,
        Party(b.folder / "party", extension.build()) as party,
    ):
        host.connect(f"{address}:{port}")
        host.create_room("Film")
        (b.folder / "party").mkdir(exist_ok=True)
        guest = party.invite(any_windowed(), "guest", window=True)
        guest.blender.execute("bpy.context.preferences.system.use_online_access = True")
        guest.blender.execute(f"bpy.context.window_manager.atrium.host = '{address}:{port}'")
        guest.call(connect)  # the first time makes a key
        python, program, peer_port = replication_server(peer)
        for _ in range(CONNECTS):
            time.sleep(random.uniform(0.1, 0.3))
            ours.append(guest.call(connect))
            theirs.append(peer.result(peer.start(python, program, "connect", peer_port))["ms"])
    print("************ NO PEER: Mixer is archived and in no registry, so reach.connect_lan has replication alone")
    ms = statistics.median(ours), statistics.median(theirs)
    return [entry("reach.connect_lan", ms[0], "ms", "replication 0.10.3", ms[1], more_is_better=False)]
