# SPDX-License-Identifier: MIT
"""What the documentation shows works: its Python blocks are run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT


@pytest.mark.parametrize("page", ["docs/scripting.md", "python/atrium/__init__.py"])
def test_code_in_the_documentation_runs(page: str, tmp_path: Path) -> None:
    text = (ROOT / page).read_text()
    if page.endswith(".md"):
        code = "".join(re.findall(r"^```python\n(.*?)^```", text, re.M | re.S))
    else:
        code = "".join(line[4:] or "\n" for line in text.split('"""')[1].splitlines(True) if line.startswith("    "))
    assert "import atrium" in code
    environment = {**os.environ, "ATRIUM_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT / "python")}
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""


def test_the_servers_options_are_those_of_its_help() -> None:
    text = (ROOT / "docs" / "scripting.md").read_text()
    told = set(re.findall(r"`(--[a-z-]+)", text))
    command = [sys.executable, "-m", "atrium.server", "--help"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert told == set(re.findall(r"^  (--[a-z-]+)", run.stdout, re.M))


PAGES = sorted(str(page.relative_to(ROOT)) for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
SOURCES = ("csrc", "addon", "python", "tests", "docs")
# A name with one of these endings is a file of ours, unless it is one that Atrium writes.
ENDINGS = (".c", ".h", ".py", ".sh", ".md", ".txt", ".ini", ".mk")


def files() -> set[str]:
    """Every file of the repository by its path, without what was built."""
    return {
        str(path.relative_to(ROOT))
        for folder in SOURCES
        for path in (ROOT / folder).rglob("*")
        if "__pycache__" not in path.parts
    }


def anchors(page: Path) -> set[str]:
    """The headings of a page, as links name them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def test_every_picture_is_shown() -> None:
    shown = "".join((ROOT / page).read_text() for page in PAGES)
    assert [path.name for path in (ROOT / "docs" / "images").iterdir() if f"images/{path.name})" not in shown] == []


@pytest.mark.parametrize("page", PAGES)
def test_files_that_are_named_exist(page: str) -> None:
    """`room.c`, `transport/tls.c` and `csrc/base/error.h` are all names of files; a renamed one is noticed here."""
    known = files()
    text = re.sub(r"^```.*?^```", "", (ROOT / page).read_text(), flags=re.M | re.S)
    named = {word for quoted in re.findall(r"`([^`\n]+)`", text) for word in quoted.split() if word.endswith(ENDINGS)}
    lacking = [name for name in named if not any(file == name or file.endswith("/" + name) for file in known)]
    assert [name for name in lacking if not re.search(r"[<*{]|\.\.\.|^(build|\.\.)/", name)] == []


def test_every_folder_of_sources_is_on_the_map() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    folders = [path for top in ("csrc", "addon", "addon/sync") for path in (ROOT / top).iterdir() if path.is_dir()]
    names = [str(path.relative_to(ROOT)) for path in folders if any(path.glob("*.[ch]")) or any(path.glob("*.py"))]
    assert [name for name in names if name not in page and f"`{Path(name).name}/`" not in page] == []
