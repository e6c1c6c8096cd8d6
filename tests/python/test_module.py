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

import pytest

from atrium import _core

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
