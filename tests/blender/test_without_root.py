# SPDX-License-Identifier: MIT
"""Without root much cannot be shown: each such thing is skipped with a loud line, fails nothing, and asks nobody for a password.

Root plays somebody else here: in a user namespace of one's own everybody is nobody, for the kernel and for all that asks it, and can read
what they could read before.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.blender.blenders import DEBIAN, OFFICIAL, OFFICIAL_SINCE_5_1, REPO

TIMEOUT_S = 120
LOUD = "************ SKIPPED"
AS_NOBODY = [] if os.geteuid() else ["unshare", "--user"]


@pytest.fixture(autouse=True)
def nobody() -> None:
    asked = subprocess.run([*AS_NOBODY, "id", "-u"], capture_output=True, text=True, check=False)
    if asked.returncode or asked.stdout.strip() == "0":
        pytest.skip(f"NOT SHOWN HERE: this system lets nobody give up root: {asked.stderr.strip()}")


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*AS_NOBODY, *command],
        cwd=REPO,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def run_tests(*names: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # What failed last is remembered for the run that this one is a part of.
    return run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *names, **environment)


@pytest.mark.parametrize("name", DEBIAN)
def test_debians_blenders_are_not_got(name: str, tmp_path: Path) -> None:
    done = run("tests/setup/blenders.sh", name, ATRIUM_CACHE=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, f"blenders: {LOUD} {name}: needs root\n")


LACKING = [(name, "needs Python 3.11, or root to get it") for name in OFFICIAL]
LACKING += [(name, "needs Python 3.13") for name in OFFICIAL_SINCE_5_1]


@pytest.mark.parametrize(("name", "reason"), LACKING)
def test_official_blenders_are_not_got_without_their_python(name: str, reason: str, tmp_path: Path) -> None:
    older = tmp_path / "bin"
    older.mkdir()
    for python in ("python3", "python3.11", "python3.13"):
        (older / python).write_text("#!/bin/sh\nexit 1\n")
        (older / python).chmod(0o755)
    path = f"{older}:{os.environ['PATH']}"
    named = {"ATRIUM_PYTHON311": "", "ATRIUM_PYTHON313": ""}
    done = run("tests/setup/blenders.sh", name, ATRIUM_CACHE=str(tmp_path), PATH=path, **named)
    assert (done.returncode, done.stdout) == (0, f"blenders: {LOUD} {name}: {reason}\n")


def test_tests_in_windows_say_that_they_were_skipped() -> None:
    done = run_tests("tests/blender/test_window.py")
    for name in DEBIAN:
        assert f"{LOUD}: NO BLENDER: {name} needs root" in done.stdout
    assert "passed" not in done.stdout
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file", ["tests/net/test_paths.py", "tests/blender/test_networks.py"])
def test_tests_over_networks_say_that_they_were_skipped(file: str, tmp_path: Path) -> None:
    done = run_tests(file, ATRIUM_ZIP=str(tmp_path / "not-needed.zip"))
    lines = [line for line in done.stdout.splitlines() if line.startswith(LOUD)]
    assert lines and all("NO NETWORK LAB" in line or "NO BLENDER" in line for line in lines), done.stdout
    assert done.returncode == 0, done.stdout


def test_tests_of_the_server_say_what_they_left_out() -> None:
    done = run_tests("tests/python/test_server.py", "-k", "somebody_elses or full_disk")
    assert f"{LOUD}: NOT ROOT: nobody else to become" in done.stdout
    assert f"{LOUD}: NOT ROOT: no small disk can be mounted" in done.stdout
    assert done.returncode == 0, done.stdout


def test_packages_that_are_missing_are_named(tmp_path: Path) -> None:
    """The one thing that nobody can go on without: said at once, not by a compiler later."""
    if shutil.which("dpkg-query") is None:
        pytest.skip("NOT SHOWN HERE: this is neither Debian nor Ubuntu")
    for name, code in (("dpkg-query", 0), ("sudo", 1)):
        (tmp_path / name).write_text(f"#!/bin/sh\nexit {code}\n")
        (tmp_path / name).chmod(0o755)
    done = run("tests/setup/packages.sh", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode == 1
    assert "packages: MISSING" in done.stdout
    assert "sudo apt-get install" in done.stdout and "xvfb" in done.stdout
