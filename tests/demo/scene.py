# SPDX-License-Identifier: MIT
"""The scene that the demo hosts: a real one where there is one, else a small
one that is made on the spot."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.blender.blenders import REPO
from tests.blender.inside import bpy
from tests.blender.party import Person

PREFERRED = "grande_salle.blend"
MADE_OBJECTS = 60


def find() -> Path | None:
    folder = Path(os.environ.get("ATRIUM_SCENES") or REPO.parent / "shared" / "scenes")
    preferred = folder / PREFERRED
    if preferred.is_file():
        return preferred
    return min(folder.glob("*.blend"), default=None)


def open_file(path: str) -> None:
    bpy.ops.wm.open_mainfile(filepath=path, load_ui=False)


def make(count: int) -> None:
    """Adds objects of some kinds with materials to the startup scene."""
    import random

    chance = random.Random(1)
    makers = (
        bpy.ops.mesh.primitive_cube_add,
        bpy.ops.mesh.primitive_uv_sphere_add,
        bpy.ops.mesh.primitive_monkey_add,
        bpy.ops.mesh.primitive_torus_add,
    )
    materials = []
    for number in range(6):
        material = bpy.data.materials.new(f"Paint {number}")
        material.use_nodes = True
        color = (chance.random(), chance.random(), chance.random(), 1.0)
        material.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = color
        materials.append(material)
    for number in range(count):
        place = (chance.uniform(-8, 8), chance.uniform(-8, 8), chance.uniform(0, 4))
        with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
            makers[number % len(makers)](location=place)
            made = bpy.context.object
        made.name = f"Thing {number}"
        made.data.materials.append(chance.choice(materials))


def open_or_make(person: Person) -> str:
    """Loads the scene into that person's Blender; what to call it."""
    path = find()
    if path is None:
        person.call(make, MADE_OBJECTS, timeout=120)
        return "a scene made for the demo"
    # A copy in the person's own folder: nothing can happen to the original.
    copy = shutil.copy(path, person.blender.folder)
    person.call(open_file, str(copy), timeout=120)
    return path.name
