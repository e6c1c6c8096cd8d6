# SPDX-License-Identifier: MIT
"""What the compiled module shows to the process that loads it, which is a Blender with an OpenSSL, a zstd and a SQLite of its own.

A symbol too many, or a library taken from the machine, would end in somebody else's crash: the wrong copy is called.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from atrium import _core

from .conftest import ROOT

pytestmark = pytest.mark.skipif(
    os.environ.get("ATRIUM_VARIANT", "release") != "release", reason="sanitizers bring libraries and symbols of theirs"
)

assert _core.__file__ is not None
FILE = _core.__file__


def lines(*command: str) -> list[str]:
    return subprocess.run([*command, FILE], capture_output=True, text=True, check=True).stdout.splitlines()


def test_only_the_entry_is_visible() -> None:
    defined = {line.split()[-1] for line in lines("nm", "--dynamic", "--defined-only")}
    assert defined == {"PyInit__core"}


def test_only_the_systems_own_libraries_are_needed() -> None:
    needed = {match[1] for line in lines("readelf", "--dynamic") if (match := re.search(r"NEEDED.*\[(.*?)\.so", line))}
    assert needed <= {"libc", "libm", "libpthread", "libdl", "librt", "ld-linux-x86-64", "ld-linux-aarch64"}


def test_it_can_be_loaded_twice() -> None:
    """Multi-phase initialisation: Blender may load the module again when the extension is replaced; each has types of its own."""
    spec = importlib.util.spec_from_file_location("atrium._core", FILE)
    assert spec is not None and spec.loader is not None
    again = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(again)
    assert again is not sys.modules["atrium._core"]
    assert again.Engine is not _core.Engine and again.sha256(b"x") == _core.sha256(b"x")


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
