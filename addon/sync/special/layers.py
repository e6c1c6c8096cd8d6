# SPDX-License-Identifier: GPL-3.0-or-later
"""View layers: what they exclude and hide of the collection tree.

A layer collection mirrors the scene's tree and comes and goes with it; it is known by the collections on the way to it. So the
room may lack one that is there: whoever put the collection there knew nothing of this scene or of this layer, or another has taken the
way to it apart at the same time. Blender gives such a one the flags of what it is in, or those that it had elsewhere, which depends on
what came first; here none of its flags is set, for all (viewlayers.py). Its first change makes the whole of it in the room.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import mergepatch

Tree = dict[str, Any]

_FLAGS = ("exclude", "holdout", "indirect_only", "hide_viewport")


def _root(view_layer: Any) -> Any:
    """With a window, a view layer that was just made has no tree of collections before its first update (5.2)."""
    if view_layer.layer_collection is None:
        view_layer.update()
    return view_layer.layer_collection


def _walk(reader: Any, layer: Any, path: str) -> Iterator[tuple[str, Any]]:
    for child in layer.children:
        doc = reader.identity.doc_or_mint(child.collection)
        here = f"{path}/{doc}" if path else f"@={doc}"
        yield here, child
        yield from _walk(reader, child, here)


def read(reader: Any, view_layer: Any, old: Tree, out: Tree) -> None:
    found: Tree = {}
    for key, layer in _walk(reader, _root(view_layer), ""):
        target = reader.identity.reference(layer.collection)
        found[key] = {
            "type": "LayerCollection",
            "p": {"collection": target, **{name: getattr(layer, name) for name in _FLAGS}},
        }
    if found:
        out.setdefault("i", {})["layer_collections"] = found


def write(writer: Any, view_layer: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    change = (patch.get("i") or {}).get("layer_collections")
    if change:
        show(writer, view_layer, entries(full), change)


def show(writer: Any, view_layer: Any, room: Tree, keys: Tree) -> None:
    """Gives the layer collections under these keys, where they are there, the flags that they are to have."""
    turned: list[str] = []
    # Those above first: excluding a collection excludes what is below it, whatever the room says of that.
    for key, layer in list(_walk(writer.reader, _root(view_layer), "")):
        if key not in keys and not any(key.startswith(above) for above in turned):
            continue
        for name, value in _flags(room.get(key)).items():
            if getattr(layer, name) != value:
                setattr(layer, name, value)
                if name == "exclude":
                    turned.append(key + "/")


def entries(view_layer: Tree) -> Tree:
    """The layer collections of a view layer's tree."""
    found = (view_layer.get("i") or {}).get("layer_collections")
    return found if isinstance(found, dict) else {}


def collections_of(scene: Tree) -> set[str]:
    """The documents of all collections that a scene's view layers tell of."""
    found: set[str] = set()
    for layer in _of_scene(scene).values():
        for key in entries(layer):
            found.update(key.removeprefix("@=").split("/"))
    return found


def misshown(read: Tree, room: Tree) -> dict[str, Tree]:
    """Of the view layers of a scene, those layer collections that do not show what they are to: under the same keys."""
    found: dict[str, Tree] = {}
    wanted = _of_scene(room)
    for key, layer in _of_scene(read).items():
        # What a layer shows that the room does not have is nobody's.
        told = entries(wanted[key]) if key in wanted else entries(layer)
        wrong = {k: None for k, entry in entries(layer).items() if _flags(entry) != _flags(told.get(k))}
        if wrong:
            found[key] = wrong
    return found


def _of_scene(tree: Tree) -> dict[str, Tree]:
    found = (tree.get("i") or {}).get("view_layers")
    return {k: v for k, v in found.items() if isinstance(v, dict)} if isinstance(found, dict) else {}


def _flags(entry: Any) -> dict[str, bool]:
    said = entry.get("p") if isinstance(entry, dict) else None
    return {name: isinstance(said, dict) and said.get(name) is True for name in _FLAGS}


def complete(patch: Tree, room: Tree, tree: Tree) -> None:
    """A change of a layer collection that the room lacks makes it: the room would drop what is not the whole of it."""
    here, there = _of_scene(tree), _of_scene(room)
    for key, change in _of_scene(patch).items():
        if mergepatch.is_typed(change) or key not in here:
            continue
        known = entries(there.get(key, {}))
        changes = entries(change)
        for at in [at for at, entry in changes.items() if entry is not None and at not in known]:
            changes[at] = entries(here[key])[at]
