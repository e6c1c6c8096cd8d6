# SPDX-License-Identifier: GPL-3.0-or-later
"""What view layers show of collections of which the room does not say it.

Blender makes and moves layer collections with the collections themselves, in every scene and view layer, and gives them flags that depend
on where they are or were: of a collection that is put into one which holds out, the layers hold out as well. Whoever has put it
there says so of the scenes and layers that he knows; of others, that somebody else was making at the same time, nobody does. So what the room does not say is
not set (special/layers.py), and what it says stays when Blender makes a layer collection anew.

A suspect is a scene of which a view layer shows something else.
"""

from __future__ import annotations

from . import dirty, special
from .apply import ERRORS
from .mender import Mender, Tree


class ViewLayers(Mender):
    decides = ("layer_collections",)

    def note(self, doc: str, read: Tree, room: Tree) -> None:
        if room.get("type") == "Scene":
            self._suspect(doc, bool(special.layers.misshown(read, room)))

    def mend(self) -> None:
        # What Blender does not take now it may take after the next change: nobody waits for it.
        suspects, self.suspects = sorted(self.suspects), set()
        for doc in suspects:
            if doc in self._state.shadows:
                self._capture(doc)
                self._show(doc)
        self.suspects.clear()

    def _show(self, doc: str) -> None:
        block = self._identity.block(doc)
        known = self._state.shadows.get(doc)
        if block is None or known is None:
            return
        read, room, _ = known.load()
        wrong = special.layers.misshown(read, room)
        if not wrong:
            return
        dirty.tracker.foreign = True
        self._writer.doc = doc
        for key, layer in zip(read["i"]["view_layers"], block.view_layers, strict=False):
            if key in wrong:
                self._give(layer, room["i"]["view_layers"][key], wrong[key])
        self._settle(doc)

    def _give(self, layer: object, room: Tree, keys: Tree) -> None:
        try:
            special.layers.show(self._writer, layer, special.layers.entries(room), keys)
        except ERRORS as e:
            self._writer.refuse("layer_collections", e)
