# SPDX-License-Identifier: MIT
"""While somebody waits for a near server, ticks come sooner than Blender's timers do; a window that is closed, or a file that is loaded, ends that.

Blender's main loop sleeps for 5 ms between rounds in which nothing happens, so two ticks that are nearer show it. The host answers nobody, so that
there is something to wait for.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.addon.screenshots import allow_online
from tests.blender.blenders import Blender
from tests.blender.inside import bpy
from tests.blender.party import Party, Person

NEARER_S = 0.003
TRIES = (
    10  # the first one makes a key and draws for the first time; and on a busy machine a tenth of a second is soon over
)


def module(name: str) -> Any:
    return next(m for key, m in sys.modules.items() if key.endswith(f"atrium.session.{name}"))


def connect_to(address: str) -> None:
    bpy.context.window_manager.atrium.host = address
    bpy.ops.atrium.connect()


def gaps_of(seconds: float, address: str = "") -> Iterator[list[float]]:
    """Between the add-on's ticks, from Connect on."""
    import itertools

    if address:
        connect_to(address)
    session = module("runtime").session()
    real, times = session.tick, []

    def noted(budget_ms: float) -> None:
        times.append(time.monotonic())
        real(budget_ms)

    session.tick = noted
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
    del session.tick
    return [b - a for a, b in itertools.pairwise(times)]


def hurries() -> bool:
    return module("haste")._timer is not None


def connect_and_load(address: str) -> bool:
    connect_to(address)
    hurried = hurries()
    bpy.ops.wm.read_homefile()
    return hurried and not hurries()


def connect_and_close_the_window(address: str) -> bool:
    bpy.ops.wm.window_new_main()
    connect_to(address)
    hurried = hurries()
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        bpy.ops.wm.window_close()
    return hurried


def cancelled() -> Iterator[None]:
    bpy.ops.atrium.cancel()
    while bpy.context.window_manager.atrium.state != "OFFLINE":
        yield


def quiet() -> Iterator[None]:
    while hurries():
        yield


@pytest.fixture
def anna(window_kind: Blender, tmp_path: Path, zip_file: Path) -> Iterator[Person]:
    with Party(tmp_path, zip_file) as party:
        anna = party.invite(window_kind, "anna", window=True)
        anna.blender.define(module, hurries, connect_to)
        anna.call(allow_online)
        yield anna
        log = anna.blender.log.read_text(errors="replace")
        assert "Traceback" not in log, log[-3000:]


def test_ticks_come_sooner_while_a_near_server_is_waited_for(anna: Person) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        for _ in range(TRIES):
            nearest = min(anna.call(gaps_of, 0.09, address), default=1.0)
            if nearest < NEARER_S:
                break
            anna.call(cancelled)
        assert nearest < NEARER_S
        anna.call(quiet)  # it goes on connecting; what is far away does not come sooner by being looked for more often
        assert anna.call(hurries) is False
        assert min(anna.call(gaps_of, 0.3)) > NEARER_S
        anna.call(cancelled)
        assert anna.call(connect_and_load, address) is True
        anna.call(cancelled)
        assert anna.call(connect_and_close_the_window, address) is True
        anna.call(quiet)
        anna.call(cancelled)
