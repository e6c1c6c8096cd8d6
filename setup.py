# SPDX-License-Identifier: MIT
"""Builds `atrium._core`: csrc/pymod linked with the Makefile's libatrium.a.

The engine itself is compiled by the Makefile, the same objects that the C tests and `atrium-server` use; this file adds only what
knows Python.h. One module serves every Python from 3.11 on (stable ABI). Nothing but PyInit__core is visible: Blender has loaded
other versions of the libraries that are linked in here.

ATRIUM_VARIANT=asan (or debug, tsan) takes that build of the engine.
"""

import os
import re
import shlex
import subprocess
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
VARIANT = os.environ.get("ATRIUM_VARIANT", "release")
# Hidden symbols of the archives; without the debugging information, which would double the zip.
LINK = ["-Wl,--exclude-libs,ALL", *(["-Wl,--strip-debug"] if VARIANT == "release" else [])]


def make(*arguments: str) -> str:
    """The Makefile's answer, or its failure."""
    command = ["make", "--no-print-directory", f"VARIANT={VARIANT}", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


class BuildEngine(build_ext):
    """Builds the engine first, then the module with the Makefile's own flags."""

    def build_extension(self, ext: Extension) -> None:
        print(make("-j2", f"build/{VARIANT}/libatrium.a"), flush=True)
        ext.extra_compile_args = shlex.split(make("print-cflags"))
        ext.extra_link_args = [*LINK, *shlex.split(make("print-libs"))]
        ext.extra_objects = [f"build/{VARIANT}/libatrium.a"]
        ext.depends = [*ext.extra_objects, *map(str, ROOT.glob("csrc/*/*.h"))]
        # Some Pythons have the module look for libraries where they were built themselves. It needs none of there.
        self.compiler.linker_so = [word for word in self.compiler.linker_so if not word.startswith("-Wl,-rpath")]
        super().build_extension(ext)


class Wheel(bdist_wheel):
    """Names the C library that the module really needs, which is older than the one it was built with."""

    def get_tag(self) -> tuple[str, str, str]:
        python, abi, platform = super().get_tag()
        if not platform.startswith("linux_"):
            return python, abi, platform
        (module,) = ROOT.glob("build/lib.*/atrium/_core.abi3.so")
        symbols = subprocess.run(["objdump", "-T", module], check=True, stdout=subprocess.PIPE, text=True).stdout
        minor = max(int(version) for version in re.findall(r"GLIBC_2\.(\d+)", symbols))
        return python, abi, f"manylinux_2_{minor}_{platform.removeprefix('linux_')}"


setup(
    ext_modules=[
        Extension(
            "atrium._core",
            sources=sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("csrc/pymod/*.c")),
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            py_limited_api=True,
        )
    ],
    cmdclass={"build_ext": BuildEngine, "bdist_wheel": Wheel},
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
