# SPDX-License-Identifier: MIT
"""The names that scripts use are a promise: a change of one is noticed here, before it is in somebody's pipeline."""

from __future__ import annotations

import inspect

import pytest

import atrium


@pytest.mark.parametrize(
    ("function", "promised"),
    [
        (atrium.Client, {"home": None}),
        (atrium.Client.connect, {"host": "localhost", "password": None, "timeout": 60.0}),
        (atrium.Client.join, {"room": inspect.Parameter.empty, "timeout": 60.0}),
        (atrium.serve, {"port": 12800, "bind": "::", "data": None, "open": False}),
    ],
)
def test_arguments_keep_their_names_order_and_defaults(function: object, promised: dict[str, object]) -> None:
    assert callable(function)
    found = {name: p.default for name, p in inspect.signature(function).parameters.items() if name != "self"}
    assert list(found.items())[: len(promised)] == list(promised.items())
