# SPDX-License-Identifier: MIT
"""The fixtures of the Blender tests: each Blender in turn, processes that end with the test."""

from tests.blender.conftest import atrium_zip, kind, official, pytest_terminal_summary, start

__all__ = ["atrium_zip", "kind", "official", "pytest_terminal_summary", "start"]
