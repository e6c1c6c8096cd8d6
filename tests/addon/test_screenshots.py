# SPDX-License-Identifier: MIT
"""The pictures of the documentation can be made anew: the script that makes them goes its way through a whole visit, and leaves every picture
that a page links to. In Spanish, whose texts are the longer ones: the way is the same in both languages.

A script that nobody runs stops working with the first button that is renamed, and is found out when the pictures are needed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.blender import blenders
from tests.blender.blenders import REPO

PAGES = [REPO / "README.md", *sorted((REPO / "docs").glob("*.md")), *sorted((REPO / "docs" / "es").glob("*.md"))]
VISIT_S = 400.0

# A picture of nothing, or of a panel that could not be drawn, has a handful of grey tones and no light in it.
COLORS_MIN = 24
WIDTH_MIN, HEIGHT_MIN = 300, 150
BRIGHT_MIN = 0.6  # the letters


def linked(language: str) -> set[str]:
    """Names of the pictures that pages link to, in that language."""
    folder = "images/es" if language == "es" else "images"
    found = {
        name for page in PAGES for name in re.findall(rf"\]\([./]*(?:docs/)?{folder}/(\w+)\.png\)", page.read_text())
    }
    assert len(found) >= 5, found
    return found


def look(picture: Path) -> tuple[int, int, int, float]:
    """Width, height, number of colours, and the brightest (0 to 1)."""
    command = ["identify", "-format", "%w %h %k %[fx:maxima]", str(picture)]
    width, height, colors, brightest = subprocess.run(
        command, capture_output=True, text=True, check=True
    ).stdout.split()
    return int(width), int(height), int(colors), float(brightest)


def test_every_picture_that_a_page_links_to_is_made(tmp_path: Path, zip_file: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("NOT ROOT: the pictures are made in a network of their own")
    if shutil.which("Xvfb") is None or not (blenders.find("deb52") or blenders.find("deb43")):
        pytest.skip("NO WINDOW: run tests/setup/blenders.sh deb52")
    names = linked("es")
    command = [sys.executable, "-m", "tests.addon.screenshots", "--language", "es", "--out", str(tmp_path)]
    environment = {**os.environ, "ATRIUM_ZIP": str(zip_file)}
    done = subprocess.run(
        [*command, "--only", ",".join(sorted(names))],
        cwd=REPO,
        env=environment,
        capture_output=True,
        text=True,
        timeout=VISIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    folder = tmp_path / "es"
    assert {path.stem for path in folder.glob("*.png")} == names
    for name in names:
        width, height, colors, brightest = look(folder / f"{name}.png")
        assert width >= WIDTH_MIN and height >= HEIGHT_MIN, (name, width, height)
        assert colors >= COLORS_MIN and brightest >= BRIGHT_MIN, (name, colors, brightest)
