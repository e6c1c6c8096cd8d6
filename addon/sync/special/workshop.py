# SPDX-License-Identifier: GPL-3.0-or-later
"""A scene made for a moment, for what only operators can do.

In the user's own scene each operator would evaluate all that is there (1.8 s with 3,000 objects) and take their active object.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bpy

from .. import history


class Workshop:
    def __init__(self) -> None:
        history.rigs.note_datablocks()
        self.scene = bpy.data.scenes.new("atrium workshop")
        self.layer = self.scene.view_layers[0]
        self._made: list[Any] = []

    def close(self) -> None:
        for block in self._made:
            bpy.data.batch_remove([block])
        bpy.data.scenes.remove(self.scene)

    def use(self, data: Any) -> Any:
        """An object of its own for a datablock, the active one."""
        ob = bpy.data.objects.new("atrium workshop", data)
        self._made.append(ob)
        self.take(ob)
        return ob

    def take(self, ob: Any) -> None:
        """Somebody's object, as the active one."""
        self.scene.collection.objects.link(ob)
        self.layer.update()
        self.layer.objects.active = ob

    def collection(self) -> Any:
        found = bpy.data.collections.new("atrium workshop")
        self._made.append(found)
        return found

    def run(self, operator: Any, edited: Any = None, **options: Any) -> None:
        ob = self.layer.objects.active
        with bpy.context.temp_override(
            scene=self.scene, view_layer=self.layer, active_object=ob, object=ob, edit_object=edited
        ):
            operator(**options)

    @contextmanager
    def edit(self) -> Iterator[None]:
        """Edit mode of the active object."""
        ob = self.layer.objects.active
        self.run(bpy.ops.object.mode_set, mode="EDIT")
        try:
            yield
        finally:
            self.run(bpy.ops.object.mode_set, ob, mode="OBJECT")


@contextmanager
def workshop() -> Iterator[Workshop]:
    shop = Workshop()
    try:
        yield shop
    finally:
        shop.close()
