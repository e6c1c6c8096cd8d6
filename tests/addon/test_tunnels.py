# SPDX-License-Identifier: MIT
"""The button for a tunnel in a real Blender with a real server: the program is started, its address is among those who can reach this
machine and in invites, a guest comes in that way, and the program ends with the connection to the server.

ngrok needs an account and the internet, so tests/python/stand_in_tunnel.py takes its place: its arguments, its words, a real tunnel.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.addon.together import session
from tests.addresses import own_address
from tests.blender import blenders
from tests.blender.blenders import REPO
from tests.blender.conftest import _get
from tests.blender.inside import bpy
from tests.blender.party import Party, admit_next

STAND_IN = REPO / "tests" / "python" / "stand_in_tunnel.py"


def use_programs(environment: dict[str, str]) -> None:
    """Online, for tunnels are the internet's; but without asking a router, or looking round in the network."""
    os.environ.update(environment)
    bpy.context.preferences.system.use_online_access = True
    (preferences,) = (a.preferences for a in bpy.context.preferences.addons if a.module.endswith("atrium"))
    preferences.map_port = preferences.discovery = False


def tunnel_is(wanted: bool) -> Iterator[None]:
    """Whether the server tells of one."""
    while any(entry["audience"] == "tunnel" for entry in session().state.reach) is not wanted:
        yield


def program_ends(pid: int) -> bool:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if not Path(f"/proc/{pid}").exists():
            return True
        time.sleep(0.05)
    return False


def test_a_tunnel_is_opened_used_and_closed(tmp_path: Path, party: Party) -> None:
    programs, pid_file = tmp_path / "bin", tmp_path / "pid"
    programs.mkdir()
    ngrok = programs / "ngrok"
    ngrok.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I "{STAND_IN}" ngrok "$@"\n')
    ngrok.chmod(0o755)
    path = f"{programs}:{os.environ['PATH']}"
    anna = party.invite(_get(blenders.OFFICIAL[-1]), "anna")
    anna.blender.define(session)
    anna.call(use_programs, {"PATH": path, "STAND_IN_HOST": own_address(), "STAND_IN_PID": str(pid_file)})
    anna.host("Studio")
    assert anna.blender.evaluate("session().tunneling.programs") == ["ngrok"]
    anna.operate("atrium.start_tunnel", program="ngrok")
    anna.call(tunnel_is, True, timeout=30)
    (tunnel,) = (e for e in anna.blender.evaluate("session().state.reach") if e["audience"] == "tunnel")
    assert tunnel["label"] == "ngrok" and tunnel["state"] in ("should", "works")

    ben = party.invite(anna.blender.blender, "ben")
    ben.blender.execute("bpy.context.preferences.system.use_online_access = True")
    ben.blender.execute(f"bpy.context.window_manager.atrium.host = 'tcp://{tunnel['addresses'][0]}'")
    ben.operate("atrium.trust_host", code=anna.blender.evaluate("session().state.host.check_code"))
    number = ben.begin("atrium.connect")
    anna.call(admit_next, False)
    ben.wait(number)
    assert ben.state == "LOBBY"

    anna.operate("atrium.restart_server")
    anna.blender.execute("session().state.reach.clear()")
    anna.call(tunnel_is, True, timeout=30)

    pid = int(pid_file.read_text())
    anna.operate("atrium.stop_tunnel")
    anna.call(tunnel_is, False)
    assert program_ends(pid)
    anna.operate("atrium.start_tunnel", program="ngrok")
    pid = int(pid_file.read_text())
    anna.operate("atrium.disconnect")
    assert program_ends(pid), "a door to the internet that nobody remembers"


@pytest.fixture(autouse=True)
def only_on_linux() -> None:
    if not Path("/proc/self").exists():
        pytest.skip("NO PROC: whether a program has ended is read from /proc")
