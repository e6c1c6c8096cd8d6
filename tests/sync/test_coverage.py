# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing of Blender's is left out in silence.

All of RNA that can be reached from `bpy.data` is walked: every type of a property, and every class below it (nodes, modifiers,
constraints, strips, F-modifiers ...). Each collection in it is synchronised or has a line with a reason, and so has each property
that RNA calls read-only: some of those hold what a function sets.
"""

from __future__ import annotations

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import joined

WALK = """
    from sync import exclude, handlers, idtypes, readonly, rna
    # What is behind a property with one of these reasons is left out with it.
    ENDS = {exclude.CACHE, exclude.UI, exclude.DERIVED, exclude.LOCAL, exclude.LATER, exclude.CLASS}
    KINDS = {}
    for kind in dir(bpy.types):
        found = getattr(getattr(bpy.types, kind), "bl_rna", None)
        if found is not None and found.identifier == kind:
            KINDS[kind] = found
    BELOW = {}
    for kind, found in KINDS.items():
        for base in rna.lineage_of(found):
            BELOW.setdefault(base, []).append(kind)

    def leads_on(lineage, prop):
        if prop.type not in ("POINTER", "COLLECTION"):
            return False
        why = exclude.reason(lineage, prop.identifier)
        if why and why != exclude.SPECIAL:
            return False
        return not rna.is_id(prop.fixed_type) or any((t, prop.identifier) in rna.EMBEDDED for t in lineage)

    def reachable():
        todo = [prop.fixed_type.identifier for prop in bpy.types.BlendData.bl_rna.properties
                if prop.type == "COLLECTION" and prop.fixed_type.identifier not in idtypes.LEFT_OUT]
        seen = set()
        while todo:
            for kind in BELOW.get(todo.pop(), ()):
                if kind not in seen:
                    seen.add(kind)
                    lineage = rna.lineage_of(KINDS[kind])
                    todo += [p.fixed_type.identifier for p in KINDS[kind].properties if leads_on(lineage, p)]
        return sorted(seen)

    def properties():
        for kind in reachable():
            lineage = rna.lineage_of(KINDS[kind])
            for prop in KINDS[kind].properties:
                yield kind, lineage, prop

    def left_out():
        # Collections that are neither synchronised nor named with a reason.
        out = []
        for kind, lineage, prop in properties():
            if prop.type != "COLLECTION" or exclude.reason(lineage, prop.identifier) or rna.is_id(prop.fixed_type):
                continue
            if handlers.handler(rna.Plan(kind, lineage), prop.identifier) is None:
                out.append(f"{kind}.{prop.identifier}")
        return out

    def read_only():
        for kind, lineage, prop in properties():
            if prop.is_readonly and prop.type not in ("POINTER", "COLLECTION"):
                if not exclude.reason(lineage, prop.identifier):
                    yield kind, lineage, prop

    def unlisted():
        return [f"{kind}.{p.identifier}" for kind, lineage, p in read_only() if not readonly.reason(lineage, p.identifier)]

    def settable():
        # With a function that sets what cannot be assigned, a property is state: it is carried, or named as lost.
        out = {}
        for kind, lineage, prop in read_only():
            calls = KINDS[kind].functions
            if any(call in calls for call in (f"{prop.identifier}_set", f"set_{prop.identifier}")):
                out[f"{kind}.{prop.identifier}"] = readonly.reason(lineage, prop.identifier)
        return out
"""


@pytest.fixture
def one(version):
    with joined(version, 1) as (_, (peer,)):
        peer.do(WALK)
        yield peer


def test_the_walk_comes_everywhere(one):
    kinds = set(one.do("reachable()"))
    assert len(kinds) > 900
    assert kinds >= {"HookModifier", "FModifierEnvelope", "CopyLocationConstraint", "CompositorNodeBlur", "NlaStrip"}
    assert kinds >= {"ShapeKey", "LayerCollection", "DriverTarget", "FreestyleLineSet", "ParticleSystem", "PoseBone"}


def test_every_collection_is_synchronised_or_has_a_reason(one):
    assert one.do("left_out()") == []


def test_every_read_only_property_has_a_reason(one):
    assert one.do("unlisted()") == []


def test_what_a_function_sets_is_carried(one):
    found = one.do("settable()")
    assert "HookModifier.vertex_indices" in found
    assert {name for name, why in found.items() if why != one.do("exclude.SPECIAL")} == set()
