# SPDX-License-Identifier: MIT
"""Tests of the add-on's session and user interface."""
