# SPDX-License-Identifier: MIT
"""Builds `atrium._core`: csrc/pymod linked with the Makefile's libatrium.a.

The engine itself is compiled by the Makefile, the same objects that the C tests and `atrium-server` use; this file adds only what
knows Python.h. One module serves every Python from 3.11 on (stable ABI). Nothing but PyInit__core is visible: Blender has loaded
other versions of the libraries that are linked in here.

ATRIUM_VARIANT=asan (or debug, tsan) takes that build of the engine.
"""

import os
import shlex
import subprocess
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
VARIANT = os.environ.get("ATRIUM_VARIANT", "release")
HIDE = "-Wl,--exclude-libs,ALL"


def make(*arguments: str) -> str:
    """The Makefile's answer, or its failure."""
    command = ["make", "--no-print-directory", f"VARIANT={VARIANT}", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


class BuildEngine(build_ext):
    """Builds the engine first, then the module with the Makefile's own flags."""

    def build_extension(self, ext: Extension) -> None:
        print(make("-j2", f"build/{VARIANT}/libatrium.a"), flush=True)
        ext.extra_compile_args = shlex.split(make("print-cflags"))
        ext.extra_link_args = [HIDE, *shlex.split(make("print-libs"))]
        ext.extra_objects = [f"build/{VARIANT}/libatrium.a"]
        ext.depends = [*ext.extra_objects, *map(str, ROOT.glob("csrc/*/*.h"))]
        super().build_extension(ext)


def platform_tag() -> str:
    """Honest about the C library: what was linked here needs one that is at least as new as this machine's."""
    tag = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    libc = os.confstr("CS_GNU_LIBC_VERSION") if "CS_GNU_LIBC_VERSION" in os.confstr_names else None
    if libc is None or not tag.startswith("linux_"):
        return tag
    return f"manylinux_{libc.split()[1].replace('.', '_')}_{tag.removeprefix('linux_')}"


setup(
    ext_modules=[
        Extension(
            "atrium._core",
            sources=sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("csrc/pymod/*.c")),
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            py_limited_api=True,
        )
    ],
    cmdclass={"build_ext": BuildEngine},
    options={"bdist_wheel": {"py_limited_api": "cp311", "plat_name": platform_tag()}},
)
