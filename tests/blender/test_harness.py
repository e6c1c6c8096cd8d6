# SPDX-License-Identifier: MIT
"""The harness itself, in every Blender.

All other Blender tests trust it: that a process is isolated, that what fails
in Blender fails the test with Blender's own traceback, that nothing waits for
ever, and that nothing survives the test run.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.blender.blenders import REPO, Blender
from tests.blender.conftest import Start
from tests.blender.inside import bpy
from tests.blender.process import BlenderError


def add_cube(name: str, x: float) -> str:
    bpy.ops.mesh.primitive_cube_add(location=(x, 0, 0))
    bpy.context.object.name = name
    return str(bpy.context.object.name)


def where(name: str) -> list[float]:
    return list(bpy.data.objects[name].location)


def test_what_one_call_makes_another_reads(kind: Blender, start: Start) -> None:
    one = start(kind, "one")
    two = start(kind, "two")
    assert one.hello["version"][:2] == list(kind.version[:2])
    assert one.hello["background"] is True
    assert one.call(add_cube, "Box", 2.5) == "Box"
    assert one.call(where, "Box") == [2.5, 0.0, 0.0]
    with pytest.raises(BlenderError) as raised:
        two.call(where, "Box")
    assert raised.value.kind == "KeyError"
    assert "in where" in str(raised.value)
    assert "test_harness.py" in str(raised.value)


def folders() -> dict[str, str]:
    return {
        "config": bpy.utils.user_resource("CONFIG"),
        "extensions": bpy.utils.user_resource("EXTENSIONS"),
        "atrium": os.environ["ATRIUM_HOME"],
        "temporary": bpy.app.tempdir,
    }


def test_each_process_has_folders_of_its_own(kind: Blender, start: Start, tmp_path: Path) -> None:
    for name, folder in start(kind, "anna").call(folders).items():
        assert Path(folder).is_relative_to(tmp_path / "anna"), (name, folder)


def install_counter() -> None:
    import types

    module: Any = types.ModuleType("counting_addon")
    module.ticks = 0

    def tick() -> None:
        module.ticks += 1

    module.tick = tick
    sys.modules["counting_addon"] = module


def wait_for_ticks(n: int) -> Generator[None, None, int]:
    module: Any = sys.modules["counting_addon"]
    while module.ticks < n:
        yield
    return int(module.ticks)


def test_the_tick_hook_runs_between_and_during_requests(kind: Blender, start: Start) -> None:
    blender = start(kind, tick="counting_addon:tick")
    blender.call(install_counter)
    assert blender.call(wait_for_ticks, 20, timeout=10) >= 20
    blender.set_tick("")
    before = blender.evaluate("sys.modules['counting_addon'].ticks")
    time.sleep(0.1)
    assert blender.evaluate("sys.modules['counting_addon'].ticks") == before


def break_tick() -> None:
    def tick() -> None:
        raise ValueError("the tick is broken")

    module: Any = sys.modules["counting_addon"]
    module.tick = tick


def test_a_tick_that_raises_fails_the_test(start: Start, official: Blender) -> None:
    blender = start(official, tick="counting_addon:tick")
    blender.call(install_counter)
    blender.call(break_tick)
    with pytest.raises(BlenderError, match="the tick is broken"):
        for _ in range(100):
            blender.evaluate("1")
            time.sleep(0.01)


def sleep_long() -> None:
    time.sleep(100)


def test_a_hanging_blender_is_killed_and_says_where_it_hung(kind: Blender, start: Start) -> None:
    blender = start(kind)
    begin = time.monotonic()
    with pytest.raises(BlenderError, match="no answer within 1 s") as raised:
        blender.call(sleep_long, timeout=1)
    assert time.monotonic() - begin < 10
    assert "in sleep_long" in str(raised.value)
    assert not blender.is_running


def die() -> None:
    print("last words", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_crash_is_reported_with_the_log(kind: Blender, start: Start) -> None:
    blender = start(kind)
    with pytest.raises(BlenderError, match="last words"):
        blender.call(die, timeout=20)


def test_a_killed_test_run_leaves_no_blender(kind: Blender, tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path\n"
        "from tests.blender import blenders; from tests.blender.process import BlenderProcess\n"
        f"b = BlenderProcess(blenders.find({kind.name!r}), Path({str(tmp_path)!r}))\n"
        "print(b.pid, flush=True); os._exit(9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=False,
        cwd=REPO,
        capture_output=True,
        text=True,
        timeout=150,
    )
    pid = int(done.stdout)
    end = time.monotonic() + 10
    while is_alive(pid):
        assert time.monotonic() < end, f"{kind.name} ({pid}) is still there"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_no_mount_outlives_a_blender(kind: Blender, start: Start) -> None:
    before = Path("/proc/self/mounts").read_text()
    blender = start(kind)
    assert Path("/proc/self/mounts").read_text() == before
    blender.close()
