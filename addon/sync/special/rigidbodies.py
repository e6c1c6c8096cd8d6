# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigid bodies: settings of objects and of a scene that come and go by operators only.

Those operators also put the object into the collections of the scene's rigid body world, and make these, which are
documents of their own here. So bodies are made where there is nothing to spoil: in a workshop's world, whose
collection gives whatever is linked to it a body.
"""

from __future__ import annotations

from typing import Any

import bpy

from .workshop import workshop

# The part of an object -> the collection of the world that gives it, the operator that takes it away.
_OBJECTS = {
    "rigid_body": ("collection", "object_remove"),
    "rigid_body_constraint": ("constraints", "constraint_remove"),
}


def makes(name: str) -> bool:
    return name in _OBJECTS or name == "rigidbody_world"


def make(struct: Any, name: str) -> Any:
    if name == "rigidbody_world":
        with bpy.context.temp_override(scene=struct):
            bpy.ops.rigidbody.world_add()
        return struct.rigidbody_world
    with workshop() as shop:
        make(shop.scene, "rigidbody_world")
        collection = shop.collection()
        setattr(shop.scene.rigidbody_world, _OBJECTS[name][0], collection)
        collection.objects.link(struct)
        collection.objects.unlink(struct)
    return getattr(struct, name)


def remove(struct: Any, name: str) -> None:
    if getattr(struct, name) is None:
        return
    if name == "rigidbody_world":
        with bpy.context.temp_override(scene=struct):
            bpy.ops.rigidbody.world_remove()
        return
    with workshop() as shop:
        make(shop.scene, "rigidbody_world")
        shop.take(struct)
        shop.run(getattr(bpy.ops.rigidbody, _OBJECTS[name][1]))
