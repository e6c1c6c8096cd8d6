# SPDX-License-Identifier: GPL-3.0-or-later
"""Document -> Blender: writes a patch of one document into its datablock.

The counterpart of capture.py. For every struct it is given three things: the patch (what to change), the full tree
(what the room holds afterwards) and the tree that was read just before (what is there now, in Blender's order).
Structures come before the values that depend on them, and what Blender clamps against something else (a start frame
against an end frame) is set a second time. What Blender will not take is listed, never raised.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from mathutils import Matrix

from . import constructors, customprops, dirty, handlers, identity, mergepatch, paths, rna, special, values
from .blobs import Blobs, MissingBlob
from .capture import Reader
from .identity import Identity

Tree = dict[str, Any]

# What Blender's setters raise: a wrong type, a value out of an enum, a read-only state, a missing context.
ERRORS = (TypeError, ValueError, AttributeError, RuntimeError, OverflowError, KeyError, IndexError, ReferenceError)

ROTATIONS = ("rotation_euler", "rotation_quaternion", "rotation_axis_angle")

# Before all others in their struct: they decide what the others mean or whether they can be set.
FIRST: dict[str, tuple[str, ...]] = {
    "Object": ("data", "rotation_mode"),
    "PoseBone": ("rotation_mode",),
    "Scene": ("frame_end",),
    "Light": ("type",),
    "Texture": ("type",),
    "RenderSettings": ("engine",),
    "ImageFormatSettings": ("media_type", "file_format", "color_mode"),
    "NodesModifier": ("node_group",),
    "Camera": ("type", "sensor_width", "sensor_height", "sensor_fit"),
    "Material": ("use_nodes", "surface_render_method", "blend_method"),
    "DriverTarget": ("id_type", "id"),
    "Curve": ("dimensions",),
    "ColorManagedViewSettings": ("view_transform",),
    "ColorManagedDisplaySettings": ("display_device",),
}


# Blender keeps no change to what a library brings: it would be gone when the file is next loaded.
LINKED = "it is linked from another file; make it local, or change it there"


class Told(NamedTuple):
    """Why something was refused, and what its document showed otherwise then: with the last of that it is over."""

    why: str
    # Where that is; None until the document has been read back.
    places: frozenset[str] | None = None
    # It stays until its document shows just what the room says, or is written again: it tells of more than of a place.
    firm: bool = False


class Writer:
    def __init__(self, ids: Identity, blobs: Blobs, reader: Reader) -> None:
        self.identity = ids
        self.blobs = blobs
        self.reader = reader
        self.doc = ""
        self.block: Any = None
        # Of each document what Blender would not take, for the panel.
        self.refused: dict[str, dict[str, Told]] = {}
        self.missing_blobs: set[str] = set()
        # Documents that wait for the user to leave edit mode.
        self.deferred: set[str] = set()
        # target that is not here -> documents that point to it.
        self.waiting: dict[str, set[str]] = {}

    def refuse(self, what: str, why: object, *, firm: bool = False) -> None:
        if isinstance(why, MissingBlob):
            self.missing_blobs.add(str(why))
        self.refused.setdefault(self.doc, {})[what] = Told(str(why), firm=firm)

    def look_again(self, doc: str, what: str, otherwise: AbstractSet[str], *, alike: bool) -> None:
        """What was refused of a document counts for as long as something that it showed otherwise then it still shows otherwise."""
        told = self.refused[doc][what]
        places = frozenset(otherwise if told.places is None else told.places & otherwise)
        if alike or not (places or told.firm):
            self._take_back(doc, what)
        else:
            self.refused[doc][what] = told._replace(places=places)

    def _take_back(self, doc: str, what: str) -> None:
        del self.refused[doc][what]
        if not self.refused[doc]:
            del self.refused[doc]

    def forget(self, doc: str) -> None:
        """What was refused of a document before no longer counts."""
        self.refused.pop(doc, None)

    def defer(self, what: str, why: str) -> None:
        """Not now: the document is written again once its datablock is no longer being edited."""
        self.deferred.add(self.doc)
        self.refuse(what, why)

    def resolve(self, value: Any) -> Any:
        """The datablock of a reference; one that is not here yet makes this document be written again when it comes."""
        block = self.identity.resolve(value)
        if block is None:
            target = values.ref_target(value)
            if target is not None:
                self.waiting.setdefault(target, set()).add(self.doc)
        return block

    def set_class(self, doc: str, room: Tree) -> bool:
        """Gives lights and textures their type, which is their class. Objects and curves are made anew where theirs is another one; says
        whether that was done: then all is still to be written.

        Python's object for a datablock keeps the class it was made with for as long as anybody holds it, so this is done
        before the datablock is fetched for writing, and nothing here holds one.
        """
        if room.get("type") in ("Object", "Curve"):
            try:
                return constructors.remake(self, doc, room)
            except (constructors.CannotMake, *ERRORS) as e:
                self.doc = doc
                self.refuse("type", e)
                return False
        kind = room.get("p", {}).get("type")
        if room.get("type") not in identity.CHANGING_CLASS or not kind:
            return False
        try:
            block = self.identity.block(doc)
            if block is not None and block.library is None and block.type != kind:
                block.type = kind
        except ERRORS as e:
            self.doc = doc
            self.refuse("type", e)
        return False

    def write_block(self, doc: str, block: Any, patch: Tree, full: Tree, cur: Tree) -> None:
        """Writes a patch into a datablock. Its name is not touched: names are set in two steps for all (incoming.py)."""
        self.doc, self.block = doc, block
        dirty.tracker.foreign = True
        # What is refused of a property stays so, though others change something else: it is looked at again when it has been read back.
        for what in [what for what in self.refused.get(doc, ()) if not property_of(what)]:
            self._take_back(doc, what)
        if block.library is not None:
            self.refuse("what others have changed", LINKED)
        else:
            self.write_struct(block, patch, full, cur)
        self.block = None

    def write_struct(self, struct: Any, patch: Tree, full: Tree, cur: Tree) -> None:
        plan = rna.plan_of(struct)
        patch = _spelt_out(patch, cur)
        special.before(self, struct, plan, patch, full, cur)
        # An object's modifiers bring parts along, and making a force field changes properties: the other way round there.
        # A driver's expression is only known to be harmless once its variables are there.
        steps = ("i", "s", "p") if plan.type_name in ("Object", "Driver") else ("p", "s", "i")
        for step in steps:
            if step not in patch:
                continue
            if step == "p":
                self._write_props(struct, plan, patch["p"] or {}, full.get("p", {}))
            elif step == "s":
                self._write_parts(struct, plan, patch["s"], full.get("s", {}), cur.get("s", {}))
            else:
                self._write_items(struct, plan, patch, full, cur)
        if "c" in patch and plan.has_custom:
            customprops.write(self, struct, patch["c"], full.get("c", {}))
        for name, change in patch.get("m", {}).items():
            self._write_members(struct, name, change)
        special.write(self, struct, plan, patch, full, cur)

    def all_of(self, struct: Any, full: Tree) -> Tree:
        """The patch that makes a struct what it is to be which Blender has just made. What Blender has put into it by itself may have
        to go: a collection that is to be empty is named."""
        plan = rna.plan_of(struct)
        wanted = full.get("i", {})
        begun: Tree = {}
        for name in plan.collections:
            handler = handlers.handler(plan, name) if name not in wanted else None
            if handler is not None and not handler.fixed and handler.list(struct):
                begun[name] = {}
        return {**full, "i": {**wanted, **begun}} if begun else full

    def _write_items(self, struct: Any, plan: rna.Plan, patch: Tree, full: Tree, cur: Tree) -> None:
        for name, change in patch["i"].items():
            handler = handlers.handler(plan, name)
            if handler is not None and hasattr(struct, name):
                handler.write(
                    self,
                    struct,
                    change,
                    full.get("i", {}).get(name, {}),
                    cur.get("i", {}).get(name, {}),
                )

    # Plain properties

    def _write_props(self, struct: Any, plan: rna.Plan, patch: Tree, full: Tree) -> None:
        written = []
        if patch.get("rotation_mode") is not None:
            # Blender converts to the new mode what it shows here, which need not be what stood where the mode was chosen.
            patch = {**{name: full[name] for name in ROTATIONS if name in full}, **patch}
        for name in _in_order(plan, patch):
            prop = plan.props.get(name)
            value = patch[name]
            if prop is None or value is None:
                continue
            if self.write_prop(struct, plan, prop, value):
                written.append((prop, value))
        for prop, value in written:
            if not mergepatch.same(self.reader.read_prop(struct, prop, plan), value):
                self.write_prop(struct, plan, prop, value)

    def write_prop(self, struct: Any, plan: rna.Plan, prop: rna.Prop, value: Any) -> bool:
        """Sets one property unless it has the value already; says whether it was set."""
        try:
            if mergepatch.same(self.reader.read_prop(struct, prop, plan), value):
                return False
            if paths.is_path(plan, prop):
                paths.write(self, struct, plan, prop, value)
            elif prop.kind == rna.REFERENCE:
                target = self.resolve(value)
                if (
                    prop.name == "instance_collection"
                    and target is not None
                    and special.objects.leads_to(target, struct)
                ):
                    raise ValueError("it would show itself")
                setattr(struct, prop.name, target)
            else:
                setattr(struct, prop.name, _shaped(prop, values.decode(value)))
            return True
        except ERRORS as e:
            self.refuse(f"{plan.type_name}.{prop.name}", e)
        except MissingBlob as e:
            self.refuse(f"{plan.type_name}.{prop.name}", e)
        return False

    # Parts and members

    def _write_parts(self, struct: Any, plan: rna.Plan, patch: Tree, full: Tree, cur: Tree) -> None:
        for key, change in patch.items():
            name = key[1:]
            if name not in plan.parts:
                continue
            try:
                if change is None:
                    special.remove_part(struct, name)
                    continue
                part = getattr(struct, name, None)
                if part is None:
                    part = special.make_part(struct, name, full.get(key, {}))
                    if part is None and special.follows(plan, name, struct, part):
                        self.refuse(f"{plan.type_name}.{name}", "this Blender made none")
                    if part is None:
                        continue
                before = cur.get(key)
                if before is None:
                    before = self.reader.read_item(part, {})
                    change = mergepatch.diff(before, full.get(key, {}))
                if change.get("name") and getattr(part, "name", None) not in (None, change["name"]):
                    part.name = change["name"]
                self.write_struct(part, change, full.get(key, {}), before)
            except ERRORS as e:
                self.refuse(f"{plan.type_name}.{name}", e)

    def _write_members(self, struct: Any, name: str, patch: Tree) -> None:
        collection = getattr(struct, name, None)
        if collection is None or not hasattr(collection, "link"):
            return
        for doc, present in patch.items():
            block = self.resolve(values.ref(doc)) if present else self.identity.block(doc)
            if block is None:
                continue
            try:
                is_in = collection.get(block.name) == block
                if present and not is_in:
                    collection.link(block)
                elif not present and is_in:
                    collection.unlink(block)
            except ERRORS as e:
                self.refuse(f"{name}: {block.name}", e)


def property_of(what: str) -> str:
    """The property that a refusal speaks of, where it is one."""
    kind, dot, name = what.partition(".")
    return name if dot and kind.isidentifier() and name.isidentifier() else ""


def _spelt_out(patch: Tree, cur: Tree) -> Tree:
    """A patch names the uppermost thing that is gone: the last modifier goes with all of `i`. Here each thing is named."""
    out = dict(patch)
    for member in ("s", "c", "i", "m"):
        if member not in patch:
            continue
        here = cur.get(member, {})
        out[member] = dict.fromkeys(here) if patch[member] is None else patch[member]
        if member in ("i", "m"):
            out[member] = {n: dict.fromkeys(here.get(n, {})) if c is None else c for n, c in out[member].items()}
    return out


def _in_order(plan: rna.Plan, patch: Tree) -> list[str]:
    first: list[str] = []
    for kind in plan.lineage:
        first.extend(n for n in FIRST.get(kind, ()) if n in patch)
    return first + [n for n in patch if n not in first]


def _shaped(prop: rna.Prop, value: Any) -> Any:
    if prop.kind == rna.ENUM_SET:
        return set(value)
    if not prop.flat:
        dimensions = [d for d in prop.rna.array_dimensions if d]
        width = dimensions[-1]
        rows = [value[i : i + width] for i in range(0, len(value), width)]
        # RNA stores matrices by columns; only a Matrix is turned on its way in, as it was on its way out.
        return Matrix(rows) if prop.kind == rna.ARRAY_FLOAT and len(rows) in (3, 4) else rows
    return value
