# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents that no replicator would make, for test_hostile.py and for tests that send them over the wire. Knows no Blender."""

from __future__ import annotations

from typing import Any

CREATES: list[dict[str, Any]] = [
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
                                "name": "x",
                                "make": {"array_index": -9},
                                "p": {"keys": [1, 2, 3]},
                            },
                            "@g": {"type": "FCurve", "name": ["x"], "make": "none"},
                            "@h": {"type": "FCurve"},
                        }
                    },
                }
            }
        },
    },
]

GEOMETRIES: list[dict[str, Any]] = [
    {"counts": [3, 0, 1, 3], "face_offsets": [0]},
    {"counts": [1000000000, 0, 0, 0], "face_offsets": []},
    {"counts": [-1, 0, 0, 0], "face_offsets": []},
    {"counts": "many"},
]


def mesh(name: str, geometry: dict[str, Any]) -> dict[str, Any]:
    arrays = {
        "@=position": {"type": "FLOAT_VECTOR", "domain": "POINT", "v": [0.0] * 9},
        "@=.corner_vert": {"type": "INT", "domain": "CORNER", "v": [0, 1, 77]},
        "@=.corner_edge": {"type": "INT", "domain": "CORNER", "v": [0, 1, 2]},
    }
    items = {"geometry": {"@g": {"type": "Geometry", "p": geometry, "a": arrays}}}
    return {"type": "Mesh", "name": name, "p": {"geometry": "@g"}, "i": items}


MESHES = [mesh(f"bad {i}", geometry) for i, geometry in enumerate(GEOMETRIES)]
