# SPDX-License-Identifier: MIT
"""Loads the parts of addon/session that know no Blender, without Blender.

Importing the add-on's own package would import bpy, so the folder is loaded as a package of another name.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.blender.party import Party

FOLDER = Path(__file__).resolve().parents[2] / "addon" / "session"


def _load() -> None:
    spec = importlib.util.spec_from_file_location(
        "atrium_session", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["atrium_session"] = module
    spec.loader.exec_module(module)


if "atrium_session" not in sys.modules:
    _load()


@pytest.fixture(scope="session")
def zip_file() -> Path:
    """The add-on as users install it."""
    from tests.addon.together import find_zip

    return find_zip()


@pytest.fixture
def party(tmp_path: Path, zip_file: Path) -> Iterator[Party]:
    with Party(tmp_path, zip_file) as party:
        yield party


# The Blenders of tests/blender, for the tests here that need one.
from tests.addon.windows import people  # noqa: E402, F401
from tests.blender.conftest import kind, pytest_terminal_summary, start, window_kind  # noqa: E402, F401
