# SPDX-License-Identifier: MIT
"""Installs an extension as a user's `blender --command extension ...` does.

The bpy wheels have no executable, but the same command line code: there it is
called through the module that `blender --command` itself uses. Every command
is a process of its own with the preferences and extensions of the folder that
the later BlenderProcess gets too.
"""

from __future__ import annotations

import atexit
import fcntl
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.blender.blenders import REPO, Blender
from tests.blender.process import BlenderProcess

COMMAND_TIMEOUT_S = 180.0
BUILD_TIMEOUT_S = 900.0
MODULE = "bl_ext.user_default.atrium"
"""How Blender calls the installed add-on's module."""

_CLI = """\
import sys
import bl_pkg
sys.exit(bl_pkg.cli_extension(sys.argv[sys.argv.index("--") + 1 :]))
"""


class ExtensionError(Exception):
    """The command failed; the text is what it printed."""


def build() -> Path:
    """Packs the add-on from the sources; one test run at a time, as the
    compiler's folders are shared."""
    (REPO / "build").mkdir(exist_ok=True)
    with (REPO / "build" / ".zip.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            [sys.executable, str(REPO / "addon" / "build_zip.py")],
            cwd=REPO,
            check=False,
            timeout=BUILD_TIMEOUT_S,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    if done.returncode != 0:
        raise ExtensionError(f"the zip could not be built\n{done.stdout}")
    return Path(done.stdout.splitlines()[-1])


def run_command(blender: Blender, folder: Path, label: str, *arguments: str) -> str:
    """Runs `blender --command extension ARGUMENTS`; what it printed. `folder`
    and `label` are those of the BlenderProcess that it prepares."""
    home = folder / label
    (home / "tmp").mkdir(parents=True, exist_ok=True)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    env.update(
        BLENDER_USER_RESOURCES=str(home / "resources"),
        TMPDIR=str(home / "tmp"),
        ATRIUM_HOME=str(home / "atrium"),
        ATRIUM_BIND=f"{REPO}:{folder}",
    )
    if blender.has_executable:
        command = [str(blender.folder / "blender"), "--command", "extension", *arguments]
    else:
        script = home / "extension_cli.py"
        script.write_text(_CLI)
        command = [str(blender.folder / "run"), str(script), *arguments]
    done = subprocess.run(
        command,
        env=env,
        check=False,
        timeout=COMMAND_TIMEOUT_S,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        what = " ".join(arguments)
        raise ExtensionError(f"{blender.name}: extension {what}: {done.returncode}\n{done.stdout}")
    return done.stdout


def validate(blender: Blender, folder: Path, zip_file: Path) -> str:
    return run_command(blender, folder, "validate", "validate", str(zip_file))


def install(blender: Blender, folder: Path, label: str, zip_file: Path) -> str:
    """Installs and enables the zip for the BlenderProcess of that folder and label. Blender's command ends well also where it could not."""
    told = run_command(blender, folder, label, "install-file", "-r", "user_default", "-e", str(zip_file))
    if not (folder / label / "resources" / "extensions" / "user_default" / "atrium" / "__init__.py").exists():
        raise ExtensionError(f"{blender.name}: {zip_file} was not installed\n{told}")
    return told


@functools.cache
def _installed(blender: Blender, zip_file: Path, packed_ns: int) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="atrium-installed-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    install(blender, folder, "anybody", zip_file)
    return folder / "anybody" / "resources"


def install_again(blender: Blender, folder: Path, label: str, zip_file: Path) -> None:
    """The same for one more person: the files that the command has left for the first one of this test run. They name no folder."""
    made = _installed(blender, zip_file, zip_file.stat().st_mtime_ns)
    shutil.copytree(made, folder / label / "resources", dirs_exist_ok=True)


def remove(blender: Blender, folder: Path, label: str, name: str) -> str:
    return run_command(blender, folder, label, "remove", f"user_default.{name}")


def enable(process: BlenderProcess, module: str = MODULE) -> None:
    """Enables an installed extension. A Blender with an executable did so at
    its start, from the saved preferences; the bpy wheels read none."""
    process.execute(
        f"import addon_utils\n"
        f"if not addon_utils.check({module!r})[1]:\n"
        f"    bpy.ops.preferences.addon_enable(module={module!r})\n"
    )
