# SPDX-License-Identifier: MIT
"""`make demo` tells a script, too, whether what it showed was well: it once printed what differed and exited with 0."""

from __future__ import annotations

import pytest

from tests.blender.process import BlenderError
from tests.demo import demo


@pytest.mark.parametrize(
    ("results", "status", "words"),
    [
        ([set(), set()], 0, "all Blenders hold the same scene"),
        ([set()], 0, "all Blenders hold the same scene"),  # the other act was skipped
        ([set(), {"Mesh.attributes"}], 1, "NOT the same everywhere: Mesh.attributes"),
        ([None, set()], 1, "FAILED"),
        ([], 1, "Nothing could be shown"),
    ],
)
def test_the_exit_status_is_what_was_seen(
    results: list[set[str] | None], status: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo.verdict(results) == status
    assert words in capsys.readouterr().out


def test_an_act_that_breaks_off_is_told_and_the_next_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    def breaks(*_: object) -> set[str]:
        raise BlenderError("ben gave no answer within 60 s")

    assert demo.attempt(breaks, None, None, None) is None
    assert "ben gave no answer" in capsys.readouterr().out
