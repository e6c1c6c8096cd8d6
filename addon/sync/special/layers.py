# SPDX-License-Identifier: GPL-3.0-or-later
"""View layers: what they exclude and hide of the collection tree.

A layer collection mirrors the scene's tree and comes and goes with it; it is known by the collections on the way to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
    if not change:
        return
    wanted = full.get("i", {}).get("layer_collections", {})
    turned: list[str] = []
    # Those above first: excluding a collection excludes what is below it, whatever the room says of that.
    for key, layer in list(_walk(writer.reader, _root(view_layer), "")):
        again = any(key.startswith(above) for above in turned)
        flags = ((wanted if again else change).get(key) or {}).get("p", {})
        for name in _FLAGS:
            if name in flags and getattr(layer, name) != flags[name]:
                setattr(layer, name, flags[name])
                if name == "exclude":
                    turned.append(key + "/")
