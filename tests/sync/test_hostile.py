# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents that no replicator would make: Blender neither crashes nor stops, and the other documents go on."""

from __future__ import annotations

import json
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import assert_silent, joined_pair

CREATES = [
    {},
    {"type": 5},
    {"type": "Nonsense", "name": "x"},
    {"type": "Object"},
    {"type": "Object", "name": "x", "p": []},
    {"type": "Object", "name": "n" * 10000, "p": {"location": "here", "data": ["$none"], "parent": ["$ref"]}},
    {
        "type": "Object",
        "name": "y",
        "p": {"location": [1, 2], "rotation_mode": 7, "scale": [["$f", "nan"]] * 3},
        "i": {
            "modifiers": {"@1": {"type": "SubsurfModifier"}, "@2": {"type": "No", "make": {"type": "NOPE"}, "name": 5}},
            "constraints": {"@3": 7},
        },
        "s": {"@pose": {"type": "Pose", "i": {"bones": {"@=x": {"type": "PoseBone"}}}}},
    },
    {"type": "Light", "name": "l", "p": {"type": "MOON"}},
    {"type": "Image", "name": "i", "p": {"generated_width": 1e9, "file": ["$blob", "00" * 32, "file", [1], "../../x"]}},
    {
        "type": "Material",
        "name": "m",
        "s": {
            "@node_tree": {
                "type": "ShaderNodeTree",
                "i": {
                    "nodes": {"@a": {"type": "Operator", "name": "n"}},
                    "links": {"@l": {"type": "NodeLink", "make": {"from": 1}}},
                },
            }
        },
    },
    {
        "type": "Curve",
        "name": "c",
        "make": {"type": "CURVE"},
        "i": {"splines": {"@s": {"type": "Spline", "make": {"type": "BEZIER", "points": -4}}}},
    },
    {"type": "Key", "name": "k", "make": {"user": ["$ref", "ff" * 16]}},
    {
        "type": "Action",
        "name": "a",
        "i": {
            "slots": {
                "@legacy": {
                    "type": "ActionSlot",
                    "make": {"id": "OBJECT"},
                    "i": {
                        "fcurves": {
                            "@f": {
                                "type": "FCurve",
                                "make": {"data_path": "x", "array_index": -9},
                                "p": {"keys": [1, 2, 3]},
                            }
                        }
                    },
                }
            }
        },
    },
]

MESHES = [
    {"counts": [3, 0, 1, 3], "face_offsets": [0]},
    {"counts": [1000000000, 0, 0, 0], "face_offsets": []},
    {"counts": [-1, 0, 0, 0], "face_offsets": []},
    {"counts": "many"},
]


@pytest.fixture
def two(version):
    with joined_pair(version) as (stage, a, b):
        yield stage, a, b


def test_strange_documents(two):
    stage, a, b = two
    stage.room._name_all = lambda: None
    for i, tree in enumerate(CREATES):
        stage.room.submit(9, f"{i:032x}", "create", json.dumps(tree))
        for peer in (a, b):
            peer.do("rep.tick(1000)")
    for i, p in enumerate(MESHES):
        tree = {
            "type": "Mesh",
            "name": f"bad {i}",
            "p": {"geometry": "@g"},
            "i": {
                "geometry": {
                    "@g": {
                        "type": "Geometry",
                        "p": p,
                        "a": {
                            "@=position": {"type": "FLOAT_VECTOR", "domain": "POINT", "v": [0.0] * 9},
                            "@=.corner_vert": {"type": "INT", "domain": "CORNER", "v": [0, 1, 77]},
                            "@=.corner_edge": {"type": "INT", "domain": "CORNER", "v": [0, 1, 2]},
                        },
                    }
                }
            },
        }
        stage.room.submit(9, f"{100 + i:032x}", "create", json.dumps(tree))
    b.do("rep.tick(1000)")
    a.do("bpy.data.objects['Cube'].location.x = 5; rep.capture_all()")
    b.do("rep.tick(1000)")
    assert b.do("bpy.data.objects['Cube'].location.x") == 5
    assert b.do("len(rep.refused)") > 10
    b.do("bpy.context.view_layer.update()")
    stage.settle()
    assert_silent(stage)


def test_strange_patches(two):
    stage, a, b = two
    cube = a.do("rep.identity.doc(bpy.data.objects['Cube'])")
    scene = a.do("rep.identity.doc(bpy.context.scene)")
    mesh = a.do("rep.identity.doc(bpy.data.objects['Cube'].data)")
    geometry = stage.room.tree_of(mesh)["p"]["geometry"]
    for doc, patch in [
        (cube, {"p": 5}),
        (cube, {"p": {"location": None}}),
        (cube, {"p": {"data": ["$ref", "00" * 16]}}),
        (cube, {"i": {"modifiers": "none"}}),
        (cube, {"s": None}),
        (cube, {"c": {"@=x": {"type": "int", "v": "a"}}}),
        (scene, {"m": {"objects": 3}}),
        (scene, {"s": {"@collection": None}}),
        (scene, {"i": {"view_layers": None}}),
        (mesh, {"i": {"geometry": {geometry: {"a": {"@=.corner_vert": {"v": [9, 9, 9]}}}}}}),
        (mesh, {"i": {"geometry": None}}),
        (mesh, {"i": {"vertex_groups": 1}}),
    ]:
        stage.room.submit(9, doc, "edit", json.dumps(patch))
        for peer in (a, b):
            peer.do("rep.tick(1000)")
    a.do("bpy.data.objects['Light'].location.x = 5; rep.capture_all()")
    b.do("rep.tick(1000); bpy.context.view_layer.update()")
    assert b.do("bpy.data.objects['Light'].location.x") == 5
