# SPDX-License-Identifier: MIT
"""Bytes from a peer are never evaluated, unpickled or used as a path: shown over the sources of the library and the add-on.

What evaluates, unpickles or starts something is not called at all, but for STARTS. What touches a file is called in the functions
of FILES alone, each with the reason why no peer decides where it goes. Where a name of a peer's plays a part, tests/sync/test_paths.py
shows in Blender that it stays a name, and that every property of Blender's that is a path goes that way. So a new call of either kind fails here, until somebody has thought about it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from .conftest import ROOT

STARTS = {
    ("python/atrium/hosting.py", "EnsureServer._spawn", "subprocess.Popen"): "this Python, options from preferences",
    ("python/atrium/tunnels.py", "Tunnel._spawn", "subprocess.Popen"): "an installed ngrok or cloudflared, started by this user",
    ("python/atrium/keeper.py", "main", "subprocess.Popen"): "what Tunnel._spawn has named",
    ("addon/build_zip.py", "build_wheel", "subprocess.run"): "pip, when the add-on is packed; not in the zip",
    ("python/atrium/client.py", "Client._take", "getattr(_on_)"): "one of the class's own methods, by the kind of an engine's event",
    ("addon/sync/special/strokes.py", "_resize", "getattr(remove_)"): "strokes or curves, which this function has chosen",
    ("addon/sync/special/strokes.py", "_resize", "getattr(add_)"): "strokes or curves, which this function has chosen",
}  # fmt: skip

OWN = "a fixed name below ATRIUM_HOME, or one that this machine's user has given"
BY_HASH = "the folder is named by a SHA-256, the file by paths.name_of, which leaves no separator"
FILES = {
    "python/atrium/check.py:Check.__init__": OWN,
    "python/atrium/home.py:home_folder": OWN,
    "python/atrium/hosting.py:EnsureServer._spawn": OWN,
    "python/atrium/hosting.py:EnsureServer._log_tail": OWN,
    "python/atrium/lockfile.py:LockFile.try_acquire": OWN,
    "python/atrium/tunnels.py:find": "installed programs, by two fixed names",
    "python/atrium/tunnels.py:Tunnel.__init__": "a temporary folder of its own",
    "python/atrium/tunnels.py:_cloudflared_arguments": "an empty configuration in that folder",
    "python/atrium/tunnels.py:Tunnel._spawn": OWN,
    "python/atrium/tunnels.py:Tunnel._read": OWN,
    "addon/session/runtime.py:open": OWN,
    "addon/session/settings.py:load": OWN,
    "addon/session/settings.py:save": OWN,
    "addon/session/history.py:History._read": OWN,
    "addon/session/history.py:History._write": OWN,
    "addon/ui/panels.py:ATRIUM_PT_main.draw": OWN,
    "addon/ui/preferences.py:_set_log": OWN,
    "addon/session/backup.py:set_original": "the copy that BlenderScene has just written",
    "addon/session/whole.py:is_whole": "the file that BlenderScene has just written",
    "addon/session/whole.py:is_compressed": "the user's own file",
    "addon/session/join.py:BlenderScene.discard": "the copy that BlenderScene has written",
    "addon/session/join.py:BlenderScene.restore": "the copy that BlenderScene has written",
    "addon/session/join.py:BlenderScene.clear": "empty.dat of the add-on",
    "addon/session/join.py:BlenderScene._free_path": "named after the user's own file and the time",
    "addon/session/join.py:BlenderScene._save": "the user's own file",
    "addon/session/join.py:BlenderScene._save_copy": "what _free_path gave",
    "addon/sync/paths.py:read_input": "a path of this scene that no peer has set (_foreign)",
    "addon/sync/paths.py:local_path": BY_HASH,
    "addon/sync/paths.py:_foreign_path": "looks whether something is there; if so, only the name is kept",
    "addon/sync/constructors.py:_load": "what local_path gave",
    "addon/sync/special/images.py:_write_source": "what local_path gave",
    "addon/sync/special/sequencer.py:_new": "what local_path or _stored gave",
    "addon/sync/special/sequencer.py:_new_sound": "the path of a sound that _load has made",
    "addon/sync/special/sequencer.py:_set_files": "what _stored gave",
    "addon/sync/special/sequencer.py:_stored": BY_HASH,
    "addon/sync/special/tiles.py:_stored": BY_HASH,
    "addon/sync/special/tiles.py:write": "what _stored gave",
}

RUNS = {
    "eval", "exec", "compile", "__import__", "breakpoint", "execfile",
    "importlib.import_module", "importlib.reload", "runpy.run_path", "runpy.run_module", "code.interact",
    "os.system", "os.popen", "os.startfile", "os.fork", "pty.spawn",
    "bpy.ops.text.run_script", "bpy.ops.script.python_file_run", "bpy.data.libraries.load",
}  # fmt: skip
RUNS_LIKE = re.compile(
    r"(os\.(exec|spawn|posix_spawn)\w*|subprocess\.\w+|.*\.(as_module|driver_namespace)|bpy\.ops\.wm\.(append|link))"
)
MODULES = {"pickle", "cPickle", "marshal", "shelve", "dill", "code", "codeop", "ctypes", "runpy", "importlib", "imp", "pty", "yaml", "xmlrpc"}  # fmt: skip

TOUCHES = {"open", "os.open", "io.open"}
TOUCHES_LIKE = re.compile(
    r"os\.(remove|unlink|rename|replace|mkdir|makedirs|rmdir|link|symlink|chmod|truncate|listdir|scandir|stat|lstat"
    r"|path\.(exists|isfile|isdir|lexists|getsize|getmtime))"
    r"|(shutil|tempfile|glob)\.\w+"
    r"|.*\.(read_bytes|read_text|write_bytes|write_text|mkdir|rmdir|touch|symlink_to|hardlink_to|open|chmod"
    r"|iterdir|glob|rglob|is_file|is_dir|exists|stat|new_image|new_movie|new_sound)"
)
PATH_ATTRIBUTES = {"filepath", "filepath_raw", "directory", "filename"}


@dataclass
class Sights:
    """What one module calls, as (function that contains it, what, line)."""

    runs: list[tuple[str, str, int]] = field(default_factory=list)
    files: list[tuple[str, str, int]] = field(default_factory=list)
    imports: list[tuple[str, int]] = field(default_factory=list)


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value) or '?'}.{node.attr}"
    return ""


class Reader(ast.NodeVisitor):
    def __init__(self) -> None:
        self.sights = Sights()
        self._inside: list[str] = []
        self._local: set[str] = set()  # functions of this module, such as runtime.open
        self._dynamic: dict[str, str] = {}  # variables that hold getattr(x, name)

    @property
    def where(self) -> str:
        return ".".join(self._inside)

    def read(self, text: str) -> Sights:
        tree = ast.parse(text)
        self._local = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        self.visit(tree)
        return self.sights

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.ClassDef) -> None:
        self._inside.append(node.name)
        kept, self._dynamic = self._dynamic, {}
        self.generic_visit(node)
        self._dynamic = kept
        self._inside.pop()

    visit_ClassDef = visit_FunctionDef

    def visit_Import(self, node: ast.Import) -> None:
        self.sights.imports += [(alias.name.partition(".")[0], node.lineno) for alias in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if not node.level:
            self.sights.imports.append(((node.module or "").partition(".")[0], node.lineno))

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            if isinstance(target, ast.Attribute) and target.attr in PATH_ATTRIBUTES:
                self.sights.files.append((self.where, f".{target.attr} =", node.lineno))
            if isinstance(target, ast.Name) and (name := made_up_name(node.value)):
                self._dynamic[target.id] = name
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = dotted(node.func)
        made_up = made_up_name(node.func) or self._dynamic.get(name, "")
        if made_up:
            self.sights.runs.append((self.where, made_up, node.lineno))
        if name in RUNS or RUNS_LIKE.fullmatch(name) or any(keyword.arg == "shell" for keyword in node.keywords):
            self.sights.runs.append((self.where, name, node.lineno))
        if self._touches(node, name):
            self.sights.files.append((self.where, name, node.lineno))
        self.generic_visit(node)

    def _touches(self, node: ast.Call, name: str) -> bool:
        if name in self._local or name == "runtime.open":
            return False
        last = name.rpartition(".")[2]
        arguments = len(node.args) + len(node.keywords)
        return (
            name in TOUCHES
            or TOUCHES_LIKE.fullmatch(name) is not None
            or (last == "unlink" and all(keyword.arg == "missing_ok" for keyword in node.keywords) and not node.args)
            or (last in ("replace", "rename") and arguments == 1)  # of a string or an item it takes two
            or (last == "load" and len(node.args) == 1)  # of bpy.data's collections
            or (name.startswith("bpy.ops.") and any(k.arg in PATH_ATTRIBUTES for k in node.keywords))
        )


def made_up_name(node: ast.expr) -> str:
    """getattr(x, "remove_" + kind) gives "getattr(remove_)": a function whose name is put together, not one of a list."""
    if isinstance(node, ast.Call) and dotted(node.func) == "getattr" and len(node.args) > 1:
        wanted = node.args[1]
        if isinstance(wanted, ast.JoinedStr):
            start = wanted.values[0]
            return f"getattr({start.value if isinstance(start, ast.Constant) else ''})"
        if isinstance(wanted, ast.BinOp):
            return f"getattr({wanted.left.value if isinstance(wanted.left, ast.Constant) else ''})"
    return ""


def sights() -> Iterator[tuple[str, Sights]]:
    for folder in ("python", "addon"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), Reader().read(path.read_text(encoding="utf-8"))


def test_nothing_is_evaluated_unpickled_or_started() -> None:
    found = {(path, where, what) for path, seen in sights() for where, what, _ in seen.runs}
    assert found - STARTS.keys() == set()
    assert STARTS.keys() - found == set(), "no longer there"


def test_nothing_that_could_do_so_is_imported() -> None:
    found = [f"{path}:{line}: {name}" for path, seen in sights() for name, line in seen.imports if name in MODULES]
    assert found == []


def test_every_place_that_touches_a_file_has_its_reason() -> None:
    found = {f"{path}:{where}": f"{what}, line {line}" for path, seen in sights() for where, what, line in seen.files}
    found = {at: what for at, what in found.items() if not at.startswith("addon/build_zip.py:")}
    assert {at: what for at, what in found.items() if at not in FILES} == {}
    assert FILES.keys() - found.keys() == set(), "no longer there"


def test_the_engine_starts_no_program_and_loads_no_code() -> None:
    starts = re.compile(
        r"\b(system|popen|exec[lv]p?e?|fexecve|posix_spawnp?|v?fork|uv_spawn|dlopen|uv_dlopen)\s*\(|\bPyRun_\w+|PyEval_EvalCode|PyMarshal_\w+"
    )
    lines = (
        (p, n, line) for p in (ROOT / "csrc").rglob("*.[ch]") for n, line in enumerate(p.read_text().splitlines(), 1)
    )
    assert [f"{p.name}:{n}: {line}" for p, n, line in lines if starts.search(line)] == []


@pytest.mark.parametrize(
    "code",
    [
        "eval(x)",
        "import subprocess\nsubprocess.run(x)",
        "os.system(x)",
        "os.execv(x, y)",
        "run(x, shell=True)",
        "getattr(self, '_on_' + x)(y)",
        "def f():\n f = getattr(self, f'do_{x}')\n f()",
        "text.as_module()",
        "bpy.data.libraries.load(x)",
        "__import__(x)",
    ],
)
def test_this_test_sees_what_runs(code: str) -> None:
    assert Reader().read(code).runs


@pytest.mark.parametrize(
    "code",
    [
        "open(x)",
        "os.remove(x)",
        "Path(x).write_bytes(y)",
        "place.replace(x)",
        "place.unlink()",
        "shutil.rmtree(x)",
        "image.filepath = x",
        "blocks.load(x)",
        "bpy.ops.wm.save_mainfile(filepath=x)",
        "strips.new_movie(name, x)",
    ],
)
def test_this_test_sees_what_touches_files(code: str) -> None:
    assert Reader().read(code).files


@pytest.mark.parametrize(
    "code", ["text.replace(a, b)", "known.load()", "runtime.open()", "collection.objects.unlink(x)"]
)
def test_this_test_sees_no_more_than_there_is(code: str) -> None:
    seen = Reader().read(code)
    assert not seen.files and not seen.runs
