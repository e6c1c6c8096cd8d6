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
