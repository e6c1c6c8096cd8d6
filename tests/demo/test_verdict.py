# SPDX-License-Identifier: MIT
"""`make demo` tells a script, too, whether what it showed was well: it once printed what differed and exited with 0."""

from __future__ import annotations

from pathlib import Path

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


@pytest.mark.parametrize(
    ("says", "taken"),
    [
        ("Blender 4.1.0", None),
        ("Blender 4.2.0 LTS", "4.2.0"),
        ("Blender 5.2.2 LTS\n  build date: 2026-01-01", "5.2.2"),
        ("", None),
    ],
)
def test_the_blender_on_path_is_taken_if_it_is_new_enough(
    says: str, taken: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "blender"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nprintf '%s' '{says}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    own = demo.on_path(tmp_path / "own")
    assert (own and (own.folder / "version").read_text()) == taken
    monkeypatch.setenv("PATH", str(tmp_path))
    assert demo.on_path(tmp_path / "none") is None
