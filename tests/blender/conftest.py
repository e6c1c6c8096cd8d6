# SPDX-License-Identifier: MIT
"""Fixtures: one test, every Blender.

`kind` gives each of the five Blenders in turn, `window_kind` those that can
open a window; one that this machine lacks is skipped, and the end of the run
says so in capitals. `start` starts processes and ends them with the test.
`-k bpy42` runs one Blender's tests alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.blender import blenders, extension
from tests.blender.blenders import Blender
from tests.blender.party import Party
from tests.blender.process import BlenderProcess
from tests.loud import pytest_terminal_summary  # noqa: F401

Start = Callable[..., BlenderProcess]


def _get(name: str) -> Blender:
    reason = blenders.why_missing(name)
    if reason is not None:
        pytest.skip(f"NO BLENDER: {reason}")
    found = blenders.find(name)
    assert found is not None
    return found


@pytest.fixture(params=blenders.ALL)
def kind(request: pytest.FixtureRequest) -> Blender:
    """Each Blender in turn."""
    return _get(request.param)


@pytest.fixture(params=(*blenders.ALL, *blenders.OFFICIAL_SINCE_5_1))
def any_kind(request: pytest.FixtureRequest) -> Blender:
    """Each Blender in turn, with those that only installing is tried in."""
    return _get(request.param)


@pytest.fixture(params=blenders.OFFICIAL)
def official(request: pytest.FixtureRequest) -> Blender:
    """Each official build in turn."""
    return _get(request.param)


@pytest.fixture(params=blenders.DEBIAN)
def window_kind(request: pytest.FixtureRequest) -> Blender:
    """Each Blender that can open a window in turn."""
    found = _get(request.param)
    if found.missing_for_window is not None:
        pytest.skip(f"NO WINDOW: {found.missing_for_window}")
    return found


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """start(blender, "anna", tick=...) -> BlenderProcess, ended after the test."""
    started: list[BlenderProcess] = []

    def start_one(blender: Blender, label: str = "blender", **options: Any) -> BlenderProcess:
        process = BlenderProcess(blender, tmp_path, label, **options)
        started.append(process)
        return process

    yield start_one
    for process in started:
        process.close()


@pytest.fixture(scope="session")
def atrium_zip() -> Path:
    """The real add-on, packed: ATRIUM_ZIP, else built from the sources."""
    given = os.environ.get("ATRIUM_ZIP")
    return Path(given).resolve() if given else extension.build()


@pytest.fixture
def party(tmp_path: Path, atrium_zip: Path) -> Iterator[Party]:
    """Several people around one server, all ended after the test."""
    with Party(tmp_path, atrium_zip) as people:
        yield people
