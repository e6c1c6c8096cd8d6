# SPDX-License-Identifier: MIT
"""The packing of add-on and wheel into one extension, in every Blender.

Packs a tiny add-on with a tiny wheel by the same code that packs the real
ones: Blender's own checker must accept it, and installing, installing a newer
version over it and removing it must leave what a user expects. The real zip
has tests of its own; these show which side is at fault when those fail.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from tests.blender import extension
from tests.blender.blenders import REPO, Blender
from tests.blender.conftest import Start

INIT = """\
import trial_engine
VALUE = trial_engine.VALUE
def register(): pass
def unregister(): pass
"""
MANIFEST = """\
schema_version = "1.0.0"
id = "atrium"
name = "Trial"
tagline = "Shows that packing works"
maintainer = "Nobody"
type = "add-on"
blender_version_min = "4.2.0"
license = ["SPDX:GPL-3.0-or-later"]

[permissions]
network = "Shows that tables come after the added keys"
"""


def load_build_zip() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_zip", REPO / "addon" / "build_zip.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


build_zip = load_build_zip()


def make_wheel(folder: Path, version: str, tag: str = "cp311-abi3-manylinux_2_34_x86_64") -> Path:
    path = folder / f"trial_engine-{version}-{tag}.whl"
    info = f"trial_engine-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("trial_engine/__init__.py", f"VALUE = {version!r}\n")
        metadata = f"Metadata-Version: 2.1\nName: trial-engine\nVersion: {version}\n"
        wheel.writestr(f"{info}/METADATA", metadata)
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: test\nTag: {tag}\n")
        # Blender removes what RECORD lists when the extension goes.
        names = ["trial_engine/__init__.py", f"{info}/METADATA", f"{info}/WHEEL", f"{info}/RECORD"]
        wheel.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in names))
    return path


def make_addon(folder: Path, manifest: str = MANIFEST) -> Path:
    addon = folder / "addon"
    (addon / "__pycache__").mkdir(parents=True, exist_ok=True)
    (addon / "__pycache__" / "x.py").write_text("")
    (addon / "__init__.py").write_text(INIT)
    (addon / "build_zip.py").write_text("")
    (addon / "blender_manifest.toml").write_text(manifest)
    return addon


def make_zip(folder: Path, version: str) -> Path:
    wheel = make_wheel(folder, version)
    path: Path = build_zip.build(make_addon(folder), {"LICENSE": b"terms"}, [wheel], version, folder)
    return path


def test_the_zip_holds_what_it_should_and_is_reproducible(tmp_path: Path) -> None:
    first = make_zip(tmp_path, "0.1.0")
    assert first.name == "atrium-0.1.0.zip"
    data = first.read_bytes()
    with zipfile.ZipFile(first) as pack:
        assert pack.namelist() == [
            "atrium/blender_manifest.toml",
            "atrium/__init__.py",
            "atrium/LICENSE",
            "atrium/wheels/trial_engine-0.1.0-cp311-abi3-manylinux_2_34_x86_64.whl",
        ]
    assert make_zip(tmp_path, "0.1.0").read_bytes() == data
    assert not list(tmp_path.glob("*.part"))


def test_what_does_not_fit_together_is_not_packed(tmp_path: Path) -> None:
    addon = make_addon(tmp_path)
    newer = make_wheel(tmp_path, "0.2.0")
    with pytest.raises(SystemExit, match=r"not of version 0\.1\.0"):
        build_zip.build(addon, {}, [newer], "0.1.0", tmp_path)
    narrow = make_wheel(tmp_path, "0.1.0", "cp313-cp313-manylinux_2_34_x86_64")
    with pytest.raises(SystemExit, match="cp311-abi3"):
        build_zip.build(addon, {}, [narrow], "0.1.0", tmp_path)
    other = make_wheel(tmp_path, "0.1.0", "cp311-abi3-plan9_mips")
    with pytest.raises(SystemExit, match="no platform"):
        build_zip.build(addon, {}, [other], "0.1.0", tmp_path)
    make_addon(tmp_path, 'version = "9.9.9"\n' + MANIFEST)
    with pytest.raises(SystemExit, match="version does not belong"):
        build_zip.build(addon, {}, [make_wheel(tmp_path, "0.1.0")], "0.1.0", tmp_path)


@pytest.mark.parametrize(
    ("tag", "platform"),
    [
        ("manylinux_2_36_x86_64", "linux-x64"),
        ("manylinux_2_36_aarch64", "linux-arm64"),
        ("macosx_11_0_arm64", "macos-arm64"),
        ("win_amd64", "windows-x64"),
    ],
)
def test_platforms_are_named_as_blender_names_them(tag: str, platform: str) -> None:
    assert build_zip.blender_platform(Path(f"a-1-cp311-abi3-{tag}.whl")) == platform


VALUE = f"sys.modules[{extension.MODULE!r}].VALUE"


def test_install_upgrade_downgrade_and_removal(kind: Blender, start: Start, tmp_path: Path) -> None:
    old, new = make_zip(tmp_path, "0.1.0"), make_zip(tmp_path, "0.2.0")
    extension.validate(kind, tmp_path, old)
    for zip_file, version in ((old, "0.1.0"), (new, "0.2.0"), (new, "0.2.0"), (old, "0.1.0")):
        extension.install(kind, tmp_path, "anna", zip_file)
        anna = start(kind, "anna")
        extension.enable(anna)
        assert anna.evaluate(VALUE) == version
        anna.close()
    extension.remove(kind, tmp_path, "anna", "atrium")
    assert list((tmp_path / "anna").rglob("*trial_engine*")) == []


def test_the_terms_of_every_library_are_known() -> None:
    """What the engine is linked with is what the zip brings terms of."""
    whose = {
        "ssl": "openssl",
        "crypto": "openssl",
        "z": "zlib",
        "uv": "libuv",
        "sodium": "libsodium",
        "natpmp": "libnatpmp",
    }
    libs = subprocess.run(
        ["make", "--no-print-directory", "print-libs"], cwd=REPO, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    names = re.findall(r"/lib(\w+)\.a\b", libs)
    assert len(names) >= 7
    assert {whose.get(name, name) for name in names} <= set(build_zip.LINKED)


def test_the_terms_of_what_is_linked_go_along(atrium_zip: Path) -> None:
    """Most of the libraries inside the engine may be passed on only with their notice."""
    with zipfile.ZipFile(atrium_zip) as pack:
        for name in build_zip.LINKED:
            assert b"opyright" in pack.read(f"atrium/licences/{name}.txt"), name
