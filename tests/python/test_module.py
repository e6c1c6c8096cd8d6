# SPDX-License-Identifier: MIT
"""What the compiled module shows to the process that loads it, which is a Blender with an OpenSSL, a zstd and a SQLite of its own.

A symbol too many, or a library taken from the machine, would end in somebody else's crash: the wrong copy is called.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import re
import subprocess
import sys
import textwrap
import time
import weakref
from pathlib import Path
from types import ModuleType

import pytest

from atrium import _core

from .conftest import BINARY, ROOT

pytestmark = pytest.mark.skipif(
    os.environ.get("ATRIUM_VARIANT", "release") != "release", reason="sanitizers bring libraries and symbols of theirs"
)

assert _core.__file__ is not None
FILE = _core.__file__


def lines(*command: str) -> list[str]:
    return subprocess.run([*command, FILE], capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.parametrize("path", [Path(FILE), BINARY], ids=["module", "server"])
def test_nothing_tells_where_it_was_built(path: Path) -> None:
    """Both are given away: the folder of who builds them is nobody's business, and libraries are looked for in no folder of theirs."""
    if not path.exists():
        pytest.skip("only the module was built")
    assert str(ROOT).encode() not in path.read_bytes()
    shown = subprocess.run(["readelf", "-dSW", str(path)], capture_output=True, text=True, check=True).stdout
    assert ".dynamic" in shown
    assert "RPATH" not in shown and "RUNPATH" not in shown
    assert ".debug_info" not in shown


def test_only_the_entry_is_visible() -> None:
    defined = {line.split()[-1] for line in lines("nm", "--dynamic", "--defined-only")}
    assert defined == {"PyInit__core"}


def test_only_the_systems_own_libraries_are_needed() -> None:
    needed = {match[1] for line in lines("readelf", "--dynamic") if (match := re.search(r"NEEDED.*\[(.*?)\.so", line))}
    assert needed <= {"libc", "libm", "libpthread", "libdl", "librt", "ld-linux-x86-64", "ld-linux-aarch64"}


TYPES = ("AtriumError", "Blob", "Engine", "Server")
HEAP_TYPE = 1 << 9
"""Py_TPFLAGS_HEAPTYPE of the stable ABI."""


def test_its_types_are_heap_types() -> None:
    found = {name: value for name, value in vars(_core).items() if isinstance(value, type)}
    assert set(found) == set(TYPES)
    assert all(value.__flags__ & HEAP_TYPE for value in found.values())


def load_again() -> ModuleType:
    spec = importlib.util.spec_from_file_location("atrium._core", FILE)
    assert spec is not None and spec.loader is not None
    again = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(again)
    return again


def test_it_can_be_loaded_twice() -> None:
    """Multi-phase initialisation: Blender may load the module again when the extension is replaced; each has types of its own."""
    again = load_again()
    assert again is not sys.modules["atrium._core"]
    assert again.Engine is not _core.Engine and again.sha256(b"x") == _core.sha256(b"x")


def test_a_module_that_is_dropped_goes_with_its_types(tmp_path: Path) -> None:
    """Also one that was used: an object, or a reference too many, would keep all of it for ever."""
    again = load_again()
    kept = [weakref.ref(getattr(again, name)) for name in TYPES]
    engine = again.Engine(str(tmp_path))
    engine.close()
    error = again.AtriumError("CODE", "text")
    del again, engine
    gc.collect()
    assert all(ref() is not None for ref in kept)  # the error is one of its objects
    del error
    gc.collect()
    assert [ref() for ref in kept] == [None] * len(TYPES)


def use_once(home: str) -> None:
    """Makes and drops one object of each type, also in the ways that fail."""
    engine = _core.Engine(home)
    name = engine.put_blob(b"x" * 1000)
    end = time.monotonic() + 5
    while (blob := engine.blob(name)) is None:
        assert time.monotonic() < end
    engine.close()
    with pytest.raises(_core.AtriumError):
        engine.poll()
    with pytest.raises(TypeError):
        _core.Engine(home, no_such=True)  # type: ignore[call-arg]
    server = _core.Server(home=home, port=0, bind="127.0.0.1", discovery=False)
    server.start()
    server.close()
    assert len(blob) == 1000


def held() -> dict[str, int]:
    """What a leak would make grow: references to the types, descriptors, threads, memory."""
    gc.collect()
    found = {name: sys.getrefcount(getattr(_core, name)) for name in TYPES}
    found["descriptors"] = len(os.listdir("/proc/self/fd"))
    found["threads"] = len(os.listdir("/proc/self/task"))
    return found


def resident_kb() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024


ROUNDS = 100
RESIDENT_KB_MAX = 1000
"""An engine that stayed would be some 100 KB of each round."""


def test_objects_that_are_dropped_leave_nothing(tmp_path: Path) -> None:
    for _ in range(20):
        use_once(str(tmp_path))
    before, resident = held(), resident_kb()
    for _ in range(ROUNDS):
        use_once(str(tmp_path))
    assert held() == before
    assert resident_kb() - resident < RESIDENT_KB_MAX


def test_other_interpreters_can_load_it_or_are_told(tmp_path: Path) -> None:
    """Each gets a module of its own and leaves the others alone when it ends; one with a GIL of its own gets an ImportError."""
    inside = f"""\
        import sys
        sys.path.insert(0, {str(ROOT / "python")!r})
        from atrium import _core
        engine = _core.Engine({str(tmp_path)!r})
        assert len(engine.put_blob(b"inside")) == 64
        try:
            raise _core.AtriumError("CODE", "text")
        except _core.AtriumError as error:
            assert error.code == "CODE"
        """
    outside = f"""\
        import sys
        sys.path.insert(0, {str(ROOT / "python")!r})
        from atrium import _core
        inside = {textwrap.dedent(inside)!r}
        engine = _core.Engine({str(tmp_path)!r})
        if sys.version_info >= (3, 13):
            import _interpreters as others
            run = lambda one: (lambda problem: problem and problem.formatted)(others.exec(one, inside))
            shared, own = lambda: others.create("legacy"), lambda: others.create("isolated")
        else:
            import _xxsubinterpreters as others
            def run(one):
                try:
                    others.run_string(one, inside)
                except others.RunFailedError as error:
                    return str(error)
            shared = (lambda: others.create(isolated=False)) if sys.version_info >= (3, 12) else others.create
            own = others.create if sys.version_info >= (3, 12) else None
        for _ in range(3):
            one = shared()
            assert run(one) is None, "shared"
            others.destroy(one)
            assert len(engine.put_blob(b"outside")) == 64
        if own:
            one = own()
            assert "does not support loading in subinterpreters" in run(one)
            others.destroy(one)
        engine.close()
        print("all well")
        """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(outside)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "all well\n"), done.stderr


def test_the_stubs_say_what_the_module_has(tmp_path: Path) -> None:
    """What scripts are type-checked against is written by hand."""
    allowed = tmp_path / "allowed"
    allowed.write_text("atrium._core.Blob.__buffer__\n")  # Python names it from 3.12 on
    environment = {**os.environ, "MYPYPATH": str(ROOT / "python"), "PYTHONPATH": str(ROOT / "python")}
    command = [sys.executable, "-m", "mypy.stubtest", "--allowlist", str(allowed), "--ignore-unused-allowlist"]
    run = subprocess.run(
        [*command, "atrium._core"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
