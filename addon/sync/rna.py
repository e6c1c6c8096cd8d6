# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is to synchronise in a struct, found by introspection and remembered.

A `Plan` lists the properties of one RNA class by kind. It is made once per class: asking `bl_rna` costs more than
reading the values. Classes come and go with add-ons, so plans are keyed by the class object and hold no datablock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import bpy

from . import exclude

BOOL, INT, FLOAT, STRING, ENUM, ENUM_SET, ARRAY_BOOL, ARRAY_INT, ARRAY_FLOAT, REFERENCE = range(10)


@dataclass(slots=True)
class Prop:
    name: str
    kind: int
    rna: Any
    # Arrays of more than one dimension (matrices) are flattened; 0 for scalars.
    length: int = 0
    flat: bool = True


@dataclass(slots=True)
class Plan:
    """The properties of one class."""

    type_name: str
    # Names of this class and its bases, most special first: tables are keyed by any of them.
    lineage: tuple[str, ...]
    props: dict[str, Prop] = field(default_factory=dict)
    # Owned structs behind read-only pointers.
    parts: list[str] = field(default_factory=list)
    # Collections of things that are no datablocks.
    collections: list[str] = field(default_factory=list)
    # Collections of datablocks.
    members: list[str] = field(default_factory=list)
    has_custom: bool = False


_plans: dict[type, Plan] = {}
# Of classes that add-ons have registered, with what registering gave them: it is another one when that is done again.
_registered: dict[type, tuple[Any, Plan]] = {}

_SCALARS = {"BOOLEAN": BOOL, "INT": INT, "FLOAT": FLOAT, "STRING": STRING}
_ARRAYS = {"BOOLEAN": ARRAY_BOOL, "INT": ARRAY_INT, "FLOAT": ARRAY_FLOAT}

# RNA calls these read-only or plain pointers, but they are owned structs of their own: followed all the same.
EMBEDDED = {
    ("Material", "node_tree"),
    ("World", "node_tree"),
    ("Light", "node_tree"),
    ("FreestyleLineStyle", "node_tree"),
    ("Texture", "node_tree"),
    ("Scene", "node_tree"),
    ("Scene", "collection"),
}


def plan_of(struct: Any) -> Plan:
    cls = type(struct)
    plan = _plans.get(cls)
    if plan is None:
        if "bl_rna" in vars(cls) and cls.__module__ != "bpy.types":
            return _plan_of_registered(cls)
        plan = _make_plan(struct.bl_rna)
        # Classes that Blender makes at run time (the inputs of a node group) are freed again: not remembered.
        if getattr(bpy.types, plan.type_name, None) is cls:
            _plans[cls] = plan
    return plan


def _plan_of_registered(cls: Any) -> Plan:
    rna = vars(cls)["bl_rna"]
    known = _registered.get(cls)
    if known is None or known[0] is not rna:
        known = _registered[cls] = (rna, _make_plan(rna))
    return known[1]


def limits_of(type_name: str, name: str) -> tuple[float, float] | None:
    """Between what Blender clamps a number; None where it is none, or a class that only exists at run time."""
    cls = getattr(bpy.types, type_name, None)
    prop = cls.bl_rna.properties.get(name) if cls is not None and hasattr(cls, "bl_rna") else None
    return (prop.hard_min, prop.hard_max) if prop is not None and prop.type in ("INT", "FLOAT") else None


def lineage_of(rna: Any) -> tuple[str, ...]:
    out = []
    while rna is not None:
        out.append(rna.identifier)
        rna = rna.base
    return tuple(out)


def is_id(rna: Any) -> bool:
    return "ID" in lineage_of(rna)


def _make_plan(rna: Any) -> Plan:
    plan = Plan(rna.identifier, lineage_of(rna))
    for prop in rna.properties:
        if not exclude.reason(plan.lineage, prop.identifier):
            _sort_in(plan, prop)
    plan.has_custom = exclude.may_hold_custom(plan.lineage) and _supports_custom(rna)
    return plan


def _supports_custom(rna: Any) -> bool:
    cls = getattr(bpy.types, rna.identifier, None)
    return cls is None or hasattr(cls, "id_properties_ensure")


def _sort_in(plan: Plan, prop: Any) -> None:
    name = prop.identifier
    if prop.type == "POINTER":
        if is_id(prop.fixed_type) and not any((t, name) in EMBEDDED for t in plan.lineage):
            if not prop.is_readonly:
                plan.props[name] = Prop(name, REFERENCE, prop)
        elif prop.is_readonly:
            plan.parts.append(name)
        elif any((t, name) in EMBEDDED for t in plan.lineage):
            plan.parts.append(name)
    elif prop.type == "COLLECTION":
        (plan.members if is_id(prop.fixed_type) else plan.collections).append(name)
    elif not prop.is_readonly:
        plan.props[name] = _plain(prop)


def _plain(prop: Any) -> Prop:
    name = prop.identifier
    if prop.type == "ENUM":
        return Prop(name, ENUM_SET if prop.is_enum_flag else ENUM, prop)
    # Where the length varies at run time RNA states 0 and yet calls it an array.
    if getattr(prop, "is_array", False):
        dimensions = [d for d in prop.array_dimensions if d]
        return Prop(name, _ARRAYS[prop.type], prop, prop.array_length, len(dimensions) <= 1)
    return Prop(name, _SCALARS[prop.type], prop)
