# SPDX-License-Identifier: MIT
"""Turns one Blender datablock into records: every readable property of every struct that it owns.

Nothing here is specific to a datablock type; what generic RNA does not show (pixels, weights,
types of custom properties ...) is in `extras.py`. The walk takes two passes over a datablock:

1. *Discover.* Every struct gets a path. RNA does not say whether a pointer owns what it points to
   (`Scene.render`) or merely refers to it (`Bone.parent`), so the rule is breadth first, through
   collections before single pointers: a struct belongs where it is first found, and anything that
   finds it later refers to it.
2. *Emit.* One record per struct, with all paths known.

An item of a collection is named by what identifies it (its RNA name property where these are unique,
else its index), so that one insertion does not make all later items differ; the order is a value of
its own, except in sets. Long collections of plain numbers (vertices, keyframes, spline points ...)
become one record `path[*]` with one array per property.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable
from typing import Any

import bpy
import numpy as np

from tests.fidelity import exclusions, extras
from tests.fidelity.records import Props, Value, Writer

Struct = Any  # a bpy_struct: bpy has no types that a checker could use
DTYPES = {"BOOLEAN": np.bool_, "INT": np.int32, "FLOAT": np.float32, "ENUM": np.int32}
INLINE_MAX = 64  # longer array properties are stored as bytes
READ_ERRORS = (AttributeError, TypeError, ValueError, RuntimeError, ReferenceError, SystemError)

# Collections without order: (struct, property). Their items are compared sorted.
SETS = frozenset(
    {
        ("Collection", "objects"),
        ("Collection", "children"),
        ("Collection", "all_objects"),
        ("Collection", "collection_objects"),
        ("Collection", "collection_children"),
        ("BoneCollection", "bones"),
        ("Scene", "objects"),
        ("ViewLayer", "objects"),
        ("LayerCollection", "children"),
        ("NodeTree", "links"),
        ("NodeTree", "nodes"),  # their order is that of drawing: a click brings a node to the front
        ("RenderSettings", "stereo_views"),  # a choice of `views`, which has the order
    }
)


class Prop:
    """What the walk needs to know about one RNA property."""

    __slots__ = ("is_array", "is_flag", "is_path", "kind", "length", "name", "range", "rna", "srna")

    def __init__(self, rna: Struct) -> None:
        self.name: str = rna.identifier
        self.kind: str = rna.type
        self.rna = rna
        self.is_flag = rna.type == "ENUM" and rna.is_enum_flag
        self.is_path = rna.type == "STRING" and rna.subtype in ("FILE_PATH", "DIR_PATH")
        self.is_array = rna.type in ("BOOLEAN", "INT", "FLOAT") and rna.is_array
        self.length: int = rna.array_length if self.is_array else 0
        has_range = rna.type in ("INT", "FLOAT")
        self.range = (rna.hard_min, rna.hard_max) if has_range else None
        self.srna: Struct = rna.srna if rna.type == "COLLECTION" else None


_props_of: dict[int, tuple[str, tuple[str, ...], list[Prop]]] = {}
_has_subtypes: set[str] = set()


def forget_types() -> None:
    """To be called before each dump: 5.2 makes types for the inputs of geometry nodes, and frees them."""
    _props_of.clear()


def describe(struct_rna: Struct) -> tuple[str, tuple[str, ...], list[Prop]]:
    """RNA type, the type and its bases, and the properties that are not excluded."""
    key = struct_rna.as_pointer()
    if key not in _props_of:
        types = []
        base = struct_rna
        while base is not None:
            types.append(base.identifier)
            base = base.base
        props = [Prop(p) for p in struct_rna.properties if not exclusions.excluded(tuple(types), p.identifier)]
        _props_of[key] = (struct_rna.identifier, tuple(types), props)
    return _props_of[key]


def has_subtypes(identifier: str) -> bool:
    """Whether other RNA types derive from this one: then items of one collection differ in type."""
    if not _has_subtypes:
        _has_subtypes.add("")
        for name in dir(bpy.types):
            rna = getattr(getattr(bpy.types, name), "bl_rna", None)
            if rna is not None and getattr(rna, "base", None) is not None:
                _has_subtypes.add(rna.base.identifier)
    return identifier in _has_subtypes


def plain_type(prop: Prop, items: Any) -> Struct:
    """The type of a collection's items if it holds plain numbers only, else None."""
    item = prop.rna.fixed_type
    if item.identifier == "UnknownType":  # shape keys: known at run time only
        found = {i.bl_rna.identifier: i.bl_rna for i in items}
        if len(found) != 1:
            return None
        item = next(iter(found.values()))
    return item if _is_plain(item) else None


def _is_plain(item: Struct) -> bool:
    if has_subtypes(item.identifier):
        return False
    return all(
        (p.kind in DTYPES and not p.is_flag and not (p.is_array and p.length == 0)) or p.name in extras.PER_ITEM
        for p in describe(item)[2]
    )


def listed(struct: Struct, prop: Prop, items: Iterable[Struct]) -> list[tuple[str, Struct]]:
    """The items with what identifies each: a key of its own, else its unique name, else its index."""
    rows = [(extras.item_key(item), item) for item in items]
    rows = [row for row in rows if not exclusions.item_excluded(prop.name, row[0])]
    counts = Counter(name for name, _item in rows)
    if None in counts or "" in counts or any(n > 1 for n in counts.values()):
        return [(str(index), item) for index, (_name, item) in enumerate(rows)]
    return [(str(name), item) for name, item in rows]


def id_name(block: Struct) -> str:
    """`collection/name`, with the library's name for linked data."""
    base = f"{extras.collection_of(block)}/{block.name}"
    return f"{base} @{block.library.name}" if block.library else base


class Walk:
    """The dump of one datablock."""

    def __init__(self, block: Struct, out: Writer) -> None:
        self.out = out
        self.block = block
        self.paths: dict[tuple[int, str], str] = {}
        self.found: list[tuple[Struct, str]] = []
        self.owners = {block.as_pointer()}
        self.stale = extras.stale(block)
        self._collections: deque[tuple[Struct, str]] = deque()
        self._pointers: deque[tuple[Struct, str]] = deque()

    def run(self) -> None:
        self._collections.append((self.block, id_name(self.block)))
        while self._collections or self._pointers:
            queue = self._collections or self._pointers
            self._discover(*queue.popleft())
        for struct, path in self.found:
            self._emit(struct, path)

    # Pass 1

    def _owned(self, struct: Struct) -> bool:
        """Whether this datablock may own the struct: nothing of another datablock, nor one itself."""
        if isinstance(struct, bpy.types.ID):
            return bool(struct.is_embedded_data)
        owner = struct.id_data
        return owner is None or owner.as_pointer() in self.owners

    def _discover(self, struct: Struct, path: str) -> None:
        key = identity(struct)
        if key in self.paths or not (self._owned(struct) or struct == self.block):
            return
        self.paths[key] = path
        self.found.append((struct, path))
        if isinstance(struct, bpy.types.ID):
            self.owners.add(struct.as_pointer())
        for prop in describe(struct.bl_rna)[2]:
            if prop.kind == "POINTER":
                target = get(struct, prop.name)
                if target is not None:
                    self._pointers.append((target, f"{path}.{prop.name}"))
            elif prop.kind == "COLLECTION":
                items = get(struct, prop.name)
                if items is None or plain_type(prop, items) is not None:
                    continue
                for name, item in listed(struct, prop, items):
                    if item is not None:
                        self._collections.append((item, f"{path}.{prop.name}[{name}]"))

    # Pass 2

    def _emit(self, struct: Struct, path: str) -> None:
        type_name, types, props = describe(struct.bl_rna)
        values: Props = {}
        for prop in props:
            if prop.name in self.stale and exclusions.evaluated(types, prop.name):
                continue
            value = self._value(struct, types, prop, path)
            if value is not extras.NOTHING:
                values[prop.name] = value
        values.update(extras.custom_properties(struct, self))
        values.update(extras.more(struct, types, self))
        self.out.record(path, extras.class_of(struct, type_name), values)

    def _value(self, struct: Struct, types: tuple[str, ...], prop: Prop, path: str) -> Value:
        special = extras.special_value(struct, types, prop.name, self)
        if special is not NotImplemented:
            return special
        try:
            value = getattr(struct, prop.name)
        except READ_ERRORS as error:  # what cannot be read must be unreadable on both sides
            return {"unreadable": type(error).__name__}
        if prop.kind == "POINTER":
            return self.reference(value)
        if prop.kind == "COLLECTION":
            return self._collection(struct, types, prop, value, path)
        if prop.is_array:
            return self._array(struct, prop, value)
        if prop.is_flag:
            return sorted(value)
        if isinstance(value, bytes):
            return self.out.array("|u1", len(value), value)
        if prop.is_path:
            return extras.path_value(self.block, value)
        return {"unsettable": value} if is_unsettable(prop, value) else value

    def _array(self, struct: Struct, prop: Prop, value: Any) -> Value:
        if prop.length <= INLINE_MAX and len(value) <= INLINE_MAX:
            return nested(value)
        data: np.ndarray[Any, Any] = np.array(nested(value), dtype=DTYPES[prop.kind])
        return self.array(data)

    def array(self, data: np.ndarray[Any, Any]) -> Value:
        return self.out.array(data.dtype.str, data.size, data.tobytes())

    def reference(self, target: Struct) -> Value:
        """The value of a pointer: the name of a datablock, or the path of a struct."""
        if target is None:
            return None
        path = self.paths.get(identity(target))
        if path is not None:
            return {"at": path}
        if isinstance(target, bpy.types.ID):
            return {"id": extras.owner_name(target) if target.is_embedded_data else id_name(target)}
        owner = target.id_data
        try:
            inside = target.path_from_id()
        except (ValueError, AttributeError):
            inside = f"<{target.bl_rna.identifier} {getattr(target, 'name', '')}>"
        return {"foreign": [id_name(owner) if owner else None, inside]}

    def _collection(self, struct: Struct, types: tuple[str, ...], prop: Prop, items: Any, path: str) -> Value:
        own = f"{path}.{prop.name}"
        if prop.srna is not None:
            self._collection_struct(items, own)
        item_rna = plain_type(prop, items)
        if item_rna is not None:
            return self._plain(item_rna, items, own)
        refs = []
        for name, item in listed(struct, prop, items):
            ref = self.reference(item)
            refs.append(name if ref == {"at": f"{own}[{name}]"} else ref)
        if any((t, prop.name) in SETS for t in types):
            refs.sort(key=str)
        first = exclusions.unplaced(prop.name, [ref for ref in refs if isinstance(ref, str)])
        return first + [ref for ref in refs if ref not in first]

    def _collection_struct(self, items: Any, path: str) -> None:
        """Collections have properties of their own, such as which UV map renders."""
        type_name, types, props = describe(items.bl_rna)
        values = {}
        for prop in props:
            value = self._value(items, types, prop, path) if prop.kind != "COLLECTION" else extras.NOTHING
            if value is not extras.NOTHING:
                values[prop.name] = value
        if values:
            self.out.record(f"{path}.*", type_name, values)

    def _plain(self, item_rna: Struct, items: Any, path: str) -> Value:
        """One array per property for all the items."""
        count = len(items)
        values: Props = {}
        for part in describe(item_rna)[2] if count else ():
            if part.name in extras.PER_ITEM:
                values.update(extras.per_item(items, part.name, self))
                continue
            if part.kind == "ENUM" and count <= INLINE_MAX:
                # In bulk some enums come with the flags that share their byte, such as selection.
                values[part.name] = [getattr(item, part.name) for item in items]
                continue
            data: np.ndarray[Any, Any] = np.empty(count * max(part.length, 1), dtype=DTYPES[part.kind])
            items.foreach_get(part.name, data)
            values[part.name] = self.array(data)
        if values:
            self.out.record(f"{path}[*]", item_rna.identifier, values)
        return {"count": count}


def identity(struct: Struct) -> tuple[int, str]:
    """Address and type: a struct and its first member share an address."""
    return struct.as_pointer(), struct.bl_rna.identifier


def get(struct: Struct, name: str) -> Any:
    try:
        return getattr(struct, name)
    except READ_ERRORS:  # reported by the second pass
        return None


def is_unsettable(prop: Prop, value: Any) -> bool:
    """Whether Blender itself would not take this value: an enum that no item names, a number out of its range.

    Old files hold such values. The comparer counts them apart: nothing but a file can carry them.
    """
    if prop.kind == "ENUM":
        return bool(value == "")
    if prop.range is not None and math.isfinite(value):
        return not prop.range[0] <= value <= prop.range[1]
    return False


def nested(value: Any) -> Any:
    """Vectors, matrices and arrays as (nested) lists."""
    if isinstance(value, (bool, int, float)):
        return value
    return [nested(v) for v in value]
