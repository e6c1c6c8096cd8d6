# SPDX-License-Identifier: MIT
"""Functions sent to Blender: the add-on from the repository, with a fake engine behind it.

The real scene functions stay (saving, emptying, restoring are what is tested), only the engine, the server start and the
replicator are fakes.
"""

from __future__ import annotations

import os
from typing import Any

from tests.blender.blenders import REPO
from tests.blender.inside import bpy
from tests.blender.process import BlenderProcess


def load_package(name: str, path: str) -> Any:
    import importlib.util
    import sys

    where = [os.path.dirname(path)] if path.endswith("__init__.py") else None
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=where)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def load_addon(root: str) -> None:
    import sys

    sys.path.insert(0, os.path.join(root, "python"))  # the engine's package, as its wheel would be there
    addon = load_package("atrium_addon", os.path.join(root, "addon", "__init__.py"))
    fakes = load_package("atrium_fakes", os.path.join(root, "tests", "addon", "fakes.py"))
    runtime = addon.runtime
    engine = fakes.ObedientEngine(list(bpy.app.version))

    class RoomReplicator(fakes.FakeReplicator):
        """Builds one object, as a room's scene would."""

        def replace_all(self) -> Any:
            yield 0.0
            if os.environ.get("ATRIUM_TEST_FAIL"):
                raise RuntimeError("no such thing")
            for scene in bpy.data.scenes:
                scene.collection.objects.link(bpy.data.objects.new("From the room", None))
            yield 1.0

    addon.register()
    scene = fakes.FakeScene()
    runtime.scene().replicator = lambda link, room: RoomReplicator(scene, link, room)
    runtime._make_engine = lambda: engine
    runtime._ensure_server = fakes.FakeServerStart
    runtime.need()._make_engine = runtime._make_engine
    runtime.need()._ensure_server = lambda port, **how: fakes.FakeServerStart(port, how)
    tunneling = runtime.need().tunneling
    tunneling._make_tunnel, tunneling._installed = fakes.FakeTunnel, lambda: ["ngrok", "cloudflared"]
    globals().update(addon=addon, engine=engine, runtime=runtime)


def atrium() -> Any:
    return bpy.context.window_manager.atrium


def error_of(call: Any, **arguments: Any) -> str:
    """The sentence with which an operator fails; empty if it does not."""
    try:
        call(**arguments)
    except RuntimeError as error:
        return str(error).removeprefix("Error: ").strip()
    return ""


def prepare(process: BlenderProcess) -> None:
    process.define(load_package, atrium, error_of)
    process.call(load_addon, str(REPO))
