# SPDX-License-Identifier: MIT
"""The fixtures of the Blender tests: each official build in turn, processes that end with the test."""

from tests.blender.conftest import official, pytest_terminal_summary, start

__all__ = ["official", "pytest_terminal_summary", "start"]
