# SPDX-License-Identifier: GPL-3.0-or-later
"""What depends on Blender's own types runs in each of the official builds; ATRIUM_SYNC_BLENDER names one to run alone."""

from __future__ import annotations

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from dumps import differences_with_a_late_one
from peers import OFFICIAL, assert_silent, available, joined, next_chapter
from tests.loud import pytest_terminal_summary  # noqa: F401

GIVEN = os.environ.get("ATRIUM_SYNC_BLENDER")


# Of the session: all tests of one Blender stand together, so that it is started once.
@pytest.fixture(scope="session", params=(GIVEN,) if GIVEN else OFFICIAL)
def version(request):
    if not available(request.param):
        pytest.skip(f"NO BLENDER: no {request.param} here: run tests/setup/blenders.sh")
    return request.param


@pytest.fixture(scope="module", autouse=True)
def chapter():
    next_chapter()


@pytest.fixture
def two(version):
    """Two Blenders in one room, which at the end exchange nothing."""
    with joined(version, 2) as (stage, (a, b)):
        yield stage, a, b
        stage.settle()
        assert_silent(stage)


@pytest.fixture
def three(version):
    """Three Blenders in one room, which at the end exchange nothing, and show the same to one who comes late."""
    with joined(version, 3) as (stage, (a, b, c)):
        yield stage, a, b, c
        found = differences_with_a_late_one(stage, [a, b, c])
        assert not found, "\n".join(found)
