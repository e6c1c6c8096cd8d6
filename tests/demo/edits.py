# SPDX-License-Identifier: MIT
"""The edits that the demo makes and measures, and how the others see them.

Each is a pair of functions that run in different Blenders: `do` makes the edit
and returns the time at which it began, `see` is advanced once per main loop
round until the scene shows it and returns the time. Both clocks are the
machine's monotonic one, so their difference is from edit to edit, with nothing
in between left out: Blender's own work on the edit counts, too. `see` asks only
what a user of that Blender could ask.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from tests.blender.inside import bpy

Seen = Generator[None, None, float]


@dataclass(frozen=True)
class Edit:
    title: str
    do: Callable[..., float]
    see: Callable[..., Seen]
    args: tuple[Any, ...] = ()


def first_mesh_object() -> str:
    """The name of an object that everybody has and sees. Blender reports no
    change of a hidden one, which then travels only when it is polled."""
    return str(min(o.name for o in bpy.context.scene.objects if o.type == "MESH" and o.visible_get()))


def do_move(name: str, x: float) -> float:
    began = time.monotonic()
    bpy.data.objects[name].location.x = x
    bpy.context.view_layer.update()
    return began


def see_move(name: str, x: float) -> Seen:
    while abs(bpy.data.objects[name].location.x - x) > 1e-6:
        yield
    return time.monotonic()


def do_add(name: str) -> float:
    began = time.monotonic()
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    found = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(found)
    bpy.context.view_layer.update()
    return began


def see_add(name: str) -> Seen:
    while name not in bpy.context.scene.objects or not len(bpy.data.objects[name].data.polygons):
        yield
    return time.monotonic()


def do_material(name: str) -> float:
    began = time.monotonic()
    material = bpy.data.materials.new(name)
    material.diffuse_color = (0.25, 0.5, 0.75, 1.0)
    bpy.data.objects[name].data.materials.append(material)
    bpy.context.view_layer.update()
    return began


def see_material(name: str) -> Seen:
    while True:
        found = bpy.data.objects[name].active_material
        if found is not None and abs(found.diffuse_color[1] - 0.5) < 1e-6:
            return time.monotonic()
        yield


def do_vertices(name: str, z: float) -> float:
    began = time.monotonic()
    mesh = bpy.data.objects[name].data
    for vertex in mesh.vertices:
        vertex.co.z = z
    mesh.update()
    bpy.context.view_layer.update()
    return began


def see_vertices(name: str, z: float) -> Seen:
    while any(abs(v.co.z - z) > 1e-6 for v in bpy.data.objects[name].data.vertices):
        yield
    return time.monotonic()


def do_custom(name: str, value: int) -> float:
    began = time.monotonic()
    bpy.data.objects[name]["told"] = value
    return began


def see_custom(name: str, value: int) -> Seen:
    while bpy.data.objects[name].get("told") != value:
        yield
    return time.monotonic()


def do_rename(old: str, new: str) -> float:
    began = time.monotonic()
    bpy.data.objects[old].name = new
    bpy.context.view_layer.update()
    return began


def see_rename(old: str, new: str) -> Seen:
    while new not in bpy.data.objects or old in bpy.data.objects:
        yield
    return time.monotonic()


def do_delete(name: str) -> float:
    began = time.monotonic()
    bpy.data.objects.remove(bpy.data.objects[name])
    bpy.context.view_layer.update()
    return began


def see_delete(name: str) -> Seen:
    while name in bpy.context.scene.objects:
        yield
    return time.monotonic()


def all_edits(target: str) -> list[Edit]:
    """In this order: later ones change what earlier ones made."""
    return [
        Edit(f"moves {target}", do_move, see_move, (target, 1.25)),
        Edit("adds an object with a mesh", do_add, see_add, ("Shared thing",)),
        Edit("gives it a material", do_material, see_material, ("Shared thing",)),
        Edit("moves its vertices", do_vertices, see_vertices, ("Shared thing", 0.5)),
        Edit("sets a custom property", do_custom, see_custom, ("Shared thing", 7)),
        Edit("renames it", do_rename, see_rename, ("Shared thing", "Our thing")),
        Edit("deletes it", do_delete, see_delete, ("Our thing",)),
        Edit(f"moves {target} again", do_move, see_move, (target, -2.5)),
    ]
