# SPDX-License-Identifier: GPL-3.0-or-later
"""What no Blender can be without: a scene, and a view layer in each.

Blender lets nobody delete the last one. But two people who each delete another of the last two leave none in the room, where nobody
could take his own away: they would differ for ever. So whoever is told that none is left says again the one that he looks
at, as it stood in the room and with its keys: to say so twice is to say the same. Everybody does so alone and waits for nobody, who might
have left meanwhile. So of two that went at once the later one is back, or both where nobody had heard of that in time.
"""

from __future__ import annotations

from typing import Any

import bpy

from . import mergepatch
from .identity import Identity
from .outgoing import Outgoing
from .state import State

Tree = dict[str, Any]


class Last:
    def __init__(self, identity: Identity, state: State, outgoing: Outgoing) -> None:
        self._identity = identity
        self._state = state
        self._outgoing = outgoing
        # Scenes of which a layer has been said again: one that the room does not take is not offered for ever.
        self._said: set[str] = set()

    def is_last_scene(self, block: Any) -> bool:
        return isinstance(block, bpy.types.Scene) and not any(s != block and s.library is None for s in bpy.data.scenes)

    def keep_a_scene(self, going: set[str]) -> tuple[str, Tree] | None:
        """The scene that stays of those that the room says are going, where it is the last one here, and its tree. Raises QueueFull."""
        here = {self._identity.doc(s) or "" for s in bpy.data.scenes if s.library is None}
        if not here <= going | self._state.buried:
            return None
        shown = self._identity.doc(bpy.context.scene)
        doc = shown if shown in self._state.shadows else next((d for d in here if d in self._state.shadows), None)
        room = self._state.room_tree(doc) if doc is not None else None
        if doc is None or room is None:
            return None
        self._outgoing.send_again(doc, room)
        return doc, room

    def keep_a_layer(self, doc: str, before: Tree, room: Tree) -> Tree:
        """The room's tree of a scene with the layer that stays where none is left in it. Raises QueueFull."""
        layers = _layers(before)
        if _layers(room) or not layers or doc in self._said:
            self._said.discard(doc)
            return room
        shown = getattr(bpy.context.view_layer, "name", "")
        key = next((k for k, layer in layers.items() if layer.get("name") == shown), min(layers))
        patch = {"i": {"view_layers": {key: layers[key]}}}
        self._outgoing.send_edit(doc, patch)
        self._said.add(doc)
        merged: Tree = mergepatch.merge(room, patch)
        return merged


def _layers(tree: Tree) -> Tree:
    found = (tree.get("i") or {}).get("view_layers")
    return {k: v for k, v in found.items() if isinstance(v, dict)} if isinstance(found, dict) else {}
