# SPDX-License-Identifier: GPL-3.0-or-later
"""Packs the add-on and the engine's wheel into one Blender extension.

    python addon/build_zip.py [--wheel FILE]... [--out FOLDER]

writes build/atrium-<version>.zip: one folder that holds the add-on, its
manifest, the licences and the wheels, as Blender 4.2 and later install it.
Without --wheel the wheel is built here first.

The version has one source, pyproject.toml. The manifest in the repository
therefore names neither version nor wheels nor platforms; they are written
into the packed one: the platforms are those of the wheels, so Blender refuses
the file with a clear sentence where it cannot run. Files are packed in sorted
order with one fixed date, so equal sources give an equal file.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable
from pathlib import Path

ADDON = Path(__file__).resolve().parent
ROOT = ADDON.parent
MANIFEST = "blender_manifest.toml"
FOLDER = "atrium"
PACKED_SUFFIXES = {".py", ".toml", ".json", ".png", ".dat", ".md"}
NOT_PACKED = {Path(__file__).name}
DATE = (1980, 1, 1, 0, 0, 0)
"""The oldest that a zip can hold."""

# Wheel platform tags -> Blender's names of platforms.
SYSTEMS = (("manylinux", "linux"), ("linux", "linux"), ("macosx", "macos"), ("win", "windows"))
MACHINES = (
    ("x86_64", "x64"),
    ("amd64", "x64"),
    ("aarch64", "arm64"),
    ("arm64", "arm64"),
    ("win32", "x86"),
)


# Libraries that are linked into the engine, and where the terms under which they may be passed on stand.
LINKED = {
    "cjson": ROOT / "build/deps/cjson/LICENSE",
    "libuv": ROOT / "build/deps/libuv/LICENSE",
    "openssl": Path("/usr/share/doc/libssl-dev/copyright"),
    "zlib": Path("/usr/share/doc/zlib1g-dev/copyright"),  # OpenSSL's, from Debian 13 on
    "openssl-apache-2.0": Path("/usr/share/common-licenses/Apache-2.0"),
    "libsodium": Path("/usr/share/doc/libsodium-dev/copyright"),
    "zstd": Path("/usr/share/doc/libzstd-dev/copyright"),
    "xxhash": Path("/usr/share/doc/libxxhash-dev/copyright"),
    "miniupnpc": Path("/usr/share/doc/libminiupnpc-dev/copyright"),
    "libnatpmp": Path("/usr/share/doc/libnatpmp-dev/copyright"),
    "uthash": Path("/usr/share/doc/uthash-dev/copyright"),
}


def linked_licences() -> dict[str, bytes]:
    """Name in the zip -> text, of every library that the wheel contains."""
    missing = [name for name, path in LINKED.items() if not path.is_file()]
    if missing:
        raise SystemExit(
            f"build_zip: no licence found of {', '.join(missing)}; run tests/setup/packages.sh and make all"
        )
    return {f"licences/{name}.txt": path.read_bytes() for name, path in LINKED.items()}


def project_version(pyproject: Path) -> str:
    version: str = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]["version"]
    return version


def blender_platform(wheel: Path) -> str:
    """The platform for which the wheel was built, in Blender's words."""
    tag = wheel.stem.rsplit("-", 1)[1]
    system = next((name for start, name in SYSTEMS if tag.startswith(start)), None)
    machine = next((name for end, name in MACHINES if tag.endswith(end)), None)
    if system is None or machine is None:
        raise SystemExit(f"build_zip: {wheel.name} is for no platform that Blender knows")
    return f"{system}-{machine}"


def build_wheel(folder: Path) -> Path:
    """Builds the wheel with the interpreter that runs this; it needs setuptools."""
    for stale in (ROOT / "build").glob("lib*"):  # a module that was removed would be packed for ever
        shutil.rmtree(stale)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    # A checked variant is for tests of the engine; what users install is the release.
    subprocess.run(command, check=True, env={**os.environ, "ATRIUM_VARIANT": "release"})
    (wheel,) = folder.glob("*.whl")
    return wheel


def check_wheel(wheel: Path, version: str) -> None:
    name, wheel_version, python, abi, _ = wheel.stem.split("-")
    if wheel_version != version:
        raise SystemExit(f"build_zip: {wheel.name} is not of version {version}")
    if (python, abi) != ("cp311", "abi3"):
        # Blender 4.2 to 5.2 bring Python 3.11 to 3.13; one module serves all.
        raise SystemExit(f"build_zip: {name} must be built for cp311-abi3, not {python}-{abi}")


def packed_manifest(text: str, version: str, wheels: Iterable[Path]) -> str:
    """The manifest with the lines that only packing knows, after its `id`."""
    wheels = sorted(wheels)
    manifest = tomllib.loads(text)
    for key in ("version", "wheels", "platforms", "build"):
        if key in manifest:
            raise SystemExit(f"build_zip: {key} does not belong into {MANIFEST}; it is written here")
    platforms = sorted({blender_platform(wheel) for wheel in wheels})
    lines = [
        f'version = "{version}"',
        "platforms = [{}]".format(", ".join(f'"{name}"' for name in platforms)),
        "wheels = [",
        *(f'    "./wheels/{wheel.name}",' for wheel in wheels),
        "]",
    ]
    found = re.search(r"^id\s*=.*$", text, re.MULTILINE)
    if found is None:
        raise SystemExit(f"build_zip: {MANIFEST} has no id")
    packed = "\n".join([text[: found.end()], *lines]) + text[found.end() :]
    tomllib.loads(packed)
    return packed


def addon_files(addon: Path) -> list[Path]:
    files = (path for path in addon.rglob("*") if path.is_file())
    return sorted(
        path
        for path in files
        if path.suffix in PACKED_SUFFIXES
        and path.name not in NOT_PACKED
        and path.name != MANIFEST
        and "__pycache__" not in path.parts
        and not any(part.startswith(".") for part in path.relative_to(addon).parts)
    )


def write(pack: zipfile.ZipFile, name: str, data: bytes) -> None:
    info = zipfile.ZipInfo(f"{FOLDER}/{name}", DATE)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o100644 << 16
    pack.writestr(info, data)


def build(addon: Path, licences: dict[str, bytes], wheels: list[Path], version: str, out: Path) -> Path:
    """Writes the zip and returns its path. A half-written one never has the final name."""
    for wheel in wheels:
        check_wheel(wheel, version)
    text = (addon / MANIFEST).read_text(encoding="utf-8")
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"atrium-{version}.zip"
    partial = path.with_suffix(".zip.part")
    with zipfile.ZipFile(partial, "w") as pack:
        write(pack, MANIFEST, packed_manifest(text, version, wheels).encode())
        for file in addon_files(addon):
            write(pack, file.relative_to(addon).as_posix(), file.read_bytes())
        for name, licence in sorted(licences.items()):
            write(pack, name, licence)
        for wheel in sorted(wheels):
            write(pack, f"wheels/{wheel.name}", wheel.read_bytes())
    partial.replace(path)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description="Packs the Blender extension.")
    parser.add_argument("--wheel", type=Path, action="append", help="a built wheel of the engine")
    parser.add_argument("--out", type=Path, default=ROOT / "build")
    options = parser.parse_args()
    version = project_version(ROOT / "pyproject.toml")
    own = {name: (ROOT / name).read_bytes() for name in ("LICENSE", "LICENSE-GPL")}
    with tempfile.TemporaryDirectory() as folder:
        wheels = options.wheel or [build_wheel(Path(folder))]
        print(build(ADDON, own | linked_licences(), wheels, version, options.out))


if __name__ == "__main__":
    main()
