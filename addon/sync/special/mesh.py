# SPDX-License-Identifier: GPL-3.0-or-later
"""Meshes and point clouds: attributes, topology, vertex groups.

All bulk data are attributes, read and written by `foreach_get` and `foreach_set` with the exact type (anything else is 10
to 100 times slower). The topology is attributes too (`.edge_verts`, `.corner_vert`, `.corner_edge`) plus the offsets of
the faces. If none of that changes, attributes are set in place; otherwise the geometry is built anew. Indices from the
room are checked before Blender sees them: one out of range crashes it.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np

from .. import identity, items, mergepatch, values
from . import objects, shapekeys, skin, weights

Tree = dict[str, Any]

# data_type -> (property, dtype, numbers per element). Byte colours by their sRGB bytes: the linear ones are rounded.
TYPES: dict[str, tuple[str, str, int]] = {
    "FLOAT": ("value", "float32", 1),
    "INT": ("value", "int32", 1),
    "FLOAT_VECTOR": ("vector", "float32", 3),
    "FLOAT_COLOR": ("color", "float32", 4),
    "BYTE_COLOR": ("color_srgb", "float32", 4),
    "BOOLEAN": ("value", "bool", 1),
    "FLOAT2": ("vector", "float32", 2),
    "INT8": ("value", "int8", 1),
    "INT16_2D": ("value", "int16", 2),
    "INT32_2D": ("value", "int32", 2),
    "QUATERNION": ("value", "float32", 4),
    "FLOAT4X4": ("value", "float32", 16),
}

# Text cannot be had as an array: read and written one by one, and packed as (length, bytes) each.
STRING = "STRING"
_LENGTH_BYTES = 4

POSITION = "@=position"
MATERIALS = "@=material_index"
TOPOLOGY = ("@=.edge_verts", "@=.corner_vert", "@=.corner_edge")
# What every mesh has that was built of something: (data_type, domain).
BUILT = {
    POSITION: ("FLOAT_VECTOR", "POINT"),
    "@=.edge_verts": ("INT32_2D", "EDGE"),
    "@=.corner_vert": ("INT", "CORNER"),
    "@=.corner_edge": ("INT", "CORNER"),
}
_BUILT_IN = {"position", ".edge_verts", ".corner_vert", ".corner_edge"}
# Freestyle marks are attributes from 5.0 on. Before, they are layers of their own: in a document they look alike.
_HAS_MARKS = "use_freestyle_mark" in bpy.types.MeshEdge.bl_rna.properties
MARKS = {"@=freestyle_edge": ("edges", "EDGE"), "@=freestyle_face": ("polygons", "FACE")} if _HAS_MARKS else {}
# Of larger meshes, marks are only read where they may have changed: a million edges take 50 ms, and their positions 2 ms. Only edit mode
# and scripts change them.
MARKS_READ_EDGES_MAX = 20_000
# Selection belongs to the user; the names differ from version to version.
_SELECTION = (".select_", ".vs.", ".es.", ".uv_select")


def _is_selection(name: str) -> bool:
    return name.startswith(_SELECTION)


def read_attributes(reader: Any, data: Any, old: Tree, where: tuple[Any, ...] = ()) -> Tree:
    """`where` tells several sets of attributes in one document apart."""
    attributes = list(data.attributes)
    heads = [(a.name, a.data_type, a.domain, len(a.data)) for a in attributes]
    found = reader.draft("/".join(("attributes", *map(str, where))), heads).entries
    for attribute, (name, kind, domain, _) in zip(attributes, heads, strict=True):
        key = values.name_key(name)
        if key in found or _is_selection(name):
            continue
        if kind not in TYPES and kind != STRING:
            reader.report(f"attribute {name}", f"attributes of type {kind} are not known")
            continue
        found[key] = {"type": kind, "domain": domain, "v": _read_values(reader, attribute, where)}
        reader.pause()
    # The built-in ones stand where Blender made them, and nobody can tell.
    placed = items.place({key: entry for key, entry in found.items() if values.key_name(key) not in _BUILT_IN}, old)
    return {key: placed.get(key, entry) for key, entry in found.items()}


def _read_values(reader: Any, attribute: Any, place: tuple[Any, ...]) -> Any:
    where = (reader.doc, *place, "a", attribute.name)
    if attribute.data_type == STRING:
        texts = [item.value for item in attribute.data]
        packed = b"".join(len(text).to_bytes(_LENGTH_BYTES, "little") + text for text in texts)
        return reader.blobs.put_raw(packed, "u1", [len(packed)], where)
    prop, dtype, width = TYPES[attribute.data_type]
    array = np.empty(len(attribute.data) * width, dtype=dtype)
    attribute.data.foreach_get(prop, array)
    return reader.blobs.put(array.reshape(-1, width) if width > 1 else array, where)


def write_attributes(writer: Any, data: Any, patch: Tree, full: Tree) -> None:
    """Adds, removes and sets attributes of data whose element counts are right already."""
    for key in patch:
        name = values.key_name(key)
        have = data.attributes.get(name)
        entry = full.get(key)
        if have is not None and name not in _BUILT_IN and (entry is None or not _alike(have, entry)):
            data.attributes.remove(have)
    wanted = [k for k in patch if k in full]
    if any(isinstance(patch[k], dict) and "pos" in patch[k] for k in wanted):
        wanted += [k for k in _misplaced(data, full) if k not in patch]
    for key in sorted(wanted, key=lambda k: _place_of(full, k)):
        try:
            _write_attribute(writer, data, values.key_name(key), full[key])
        except (ValueError, RuntimeError, TypeError, KeyError) as e:
            writer.refuse(f"attribute {values.key_name(key)}", e)


def _place_of(full: Tree, key: str) -> tuple[str, str]:
    return full[key].get("pos", ""), key


def _misplaced(data: Any, full: Tree) -> list[str]:
    """Removes the attributes that have to stand behind one that is missing or misplaced; their keys, to be written anew.

    Blender appends, and moves none. (Up to 5.1 it keeps those of one domain and type together, for everybody alike.)
    """
    wanted = [k for k in sorted(full, key=lambda k: _place_of(full, k)) if values.key_name(k) not in _BUILT_IN]
    names = [values.key_name(k) for k in wanted]
    have = [a.name for a in data.attributes if a.name in names]
    same = next((i for i, (a, b) in enumerate(zip(names, have, strict=False)) if a != b), min(len(names), len(have)))
    again = [k for k in wanted[same:] if values.key_name(k) in have]
    for key in again:
        data.attributes.remove(data.attributes[values.key_name(key)])
    return again


def _alike(attribute: Any, entry: Tree) -> bool:
    return bool(attribute.data_type == entry["type"] and attribute.domain == entry["domain"])


def _write_attribute(writer: Any, data: Any, name: str, entry: Tree) -> None:
    kind = entry["type"]
    if kind not in TYPES and kind != STRING:
        raise ValueError(f"no such attribute type here: {kind}")
    array = _unpacked(writer, entry["v"]) if kind == STRING else writer.blobs.get(entry["v"], TYPES[kind][1])
    if name not in data.attributes and not _make_attribute(data, name, entry):
        # A vertex group may have the name of an attribute, but no attribute is made with that of a group.
        with weights.renamed(writer, data, name):
            if not _make_attribute(data, name, entry):
                raise ValueError("Blender made none of that name")
    attribute = data.attributes[name]
    prop, _, width = TYPES.get(kind, ("value", "", 1))
    if len(array) != len(attribute.data) * width:
        raise ValueError(f"{len(array)} values for {len(attribute.data)} elements")
    if kind == STRING:
        for item, text in zip(attribute.data, array, strict=True):
            item.value = text
    else:
        attribute.data.foreach_set(prop, array)


def _make_attribute(data: Any, name: str, entry: Tree) -> bool:
    made = data.attributes.new(name, entry["type"], entry["domain"])
    if made is not None and made.name != name:
        data.attributes.remove(made)
    return name in data.attributes


def _unpacked(writer: Any, value: Any) -> list[bytes]:
    data = bytes(writer.blobs.get_raw(value))
    texts, at = [], 0
    while at < len(data):
        begin = at + _LENGTH_BYTES
        at = begin + int.from_bytes(data[at:begin], "little")
        if at > len(data):
            raise ValueError("a text is longer than its blob")
        texts.append(data[begin:at])
    return texts


def chosen(tree: Tree) -> tuple[str | None, Tree]:
    """The geometry of a mesh's tree: the item that `p.geometry` names, the last by key where it names none that is there."""
    shapes = tree.get("i", {}).get("geometry") or {}
    key = tree.get("p", {}).get("geometry")
    if key not in shapes:
        key = max(shapes, default=None)
    return (key, shapes[key]) if key is not None else (None, {})


def moves_keys(before: Tree, after: Tree, key: Tree) -> bool:
    """Whether a change of a mesh in the room moves blocks of its shape keys, too: a new shape does, and one that moved does where
    it stands for points that are missing."""
    (name, shape), (new_name, new_shape) = chosen(before), chosen(after)
    if name != new_name:
        return True
    moved = shape.get("a", {}).get(POSITION) != new_shape.get("a", {}).get(POSITION)
    return moved and shapekeys.lies_on_owner(key, 3 * new_shape["p"]["counts"][0])


# Collections of items of which only one counts: all the numbers of one shape.
SHAPES = ("geometry", "points")


def tidy(patch: Tree, room: Tree) -> None:
    """Two people who reshape something at once leave a shape too many: whoever makes the next one clears up."""
    for name, entries in list((patch.get("i") or {}).items()):
        known = room.get("i", {}).get(name, {})
        if not isinstance(entries, dict):
            continue
        if name not in SHAPES:
            for key, entry in entries.items():
                if isinstance(entry, dict) and "type" not in entry:
                    tidy(entry, known.get(key, {}))
        elif any(isinstance(entry, dict) and "type" in entry for entry in entries.values()):
            # The patch shares parts with the tree that it comes from: they are replaced, not changed.
            patch["i"] = {**patch["i"], name: {**dict.fromkeys(known), **entries}}


def keep_whole(mine: Tree, other: Tree) -> None:
    """A shape that an undo brought back counts as a new one. Whose it is says the property that names the one that counts."""
    for name in SHAPES:
        for whose, rest in ((mine, other), (other, mine)):
            if name in (whose.get("p") or {}) and (shapes := (rest.get("i") or {}).get(name)):
                rest["i"] = {n: entries for n, entries in rest["i"].items() if n != name}
                whose["i"] = {**(whose.get("i") or {}), name: {**shapes, **(whose.get("i") or {}).get(name, {})}}
    for name in (mine.get("i") or {}).keys() & (other.get("i") or {}).keys():
        for key in mine["i"][name].keys() & other["i"][name].keys():
            keep_whole(mine["i"][name][key], other["i"][name][key])


def _topology(geometry: Tree) -> list[Any]:
    p, a = geometry.get("p", {}), geometry.get("a", {})
    return [p.get("counts"), p.get("face_offsets"), *(a.get(key, {}).get("v") for key in TOPOLOGY)]


def read(reader: Any, mesh: Any, old: Tree, out: Tree) -> None:
    """Arrays of one length must not be mixed with those of another, so geometry is an item: a new topology is a new one,
    and what somebody else still does to the old one comes to nothing."""
    p = out["p"]
    objects.slots.read(reader, mesh, old, out)
    p["uv_render"] = next((uv.name for uv in mesh.uv_layers if uv.active_render), "")
    colors = mesh.color_attributes
    p["color_render"] = colors.default_color_name or ""
    p["color_active"] = colors.active_color_name or ""
    key, before = chosen(old)
    i = out.setdefault("i", {})
    seen_key, seen = chosen(reader.seen)
    if mesh.is_editmode:
        reader.remarked.add(reader.doc)
    if mesh.is_editmode and seen_key is not None:
        # The edit mesh is elsewhere: what stands here is stale until the mode is left.
        p["geometry"] = seen_key
        i["geometry"] = {seen_key: seen}
        if "vertex_groups" in reader.seen["i"]:
            i["vertex_groups"] = reader.seen["i"]["vertex_groups"]
        return
    geometry = _read_geometry(reader, mesh, before)
    if MARKS:
        _read_marks(reader, mesh, seen, before.get("a", {}), geometry)
    weights.read(reader, mesh, old, before, i, geometry["p"])
    if key is None or _topology(before) != _topology(geometry):
        key = identity.mint_key()
    p["geometry"] = key
    i["geometry"] = {key: geometry}
    if not mesh.is_editmode:
        reader.remarked.discard(reader.doc)


def _read_marks(reader: Any, mesh: Any, seen: Tree, before: Tree, geometry: Tree) -> None:
    a = geometry["a"]
    stays = len(mesh.edges) > MARKS_READ_EDGES_MAX and reader.doc not in reader.remarked
    stays = stays and _topology(seen) == _topology(geometry)
    for key, (elements, domain) in MARKS.items():
        if key in a:
            continue
        if stays:
            if key in seen.get("a", {}):
                a[key] = seen["a"][key]
            continue
        marks = np.empty(len(getattr(mesh, elements)), dtype=bool)
        getattr(mesh, elements).foreach_get("use_freestyle_mark", marks)
        if key in before or marks.any():
            entry = {"type": "BOOLEAN", "domain": domain, "v": reader.blobs.put(marks, (reader.doc, "a", key))}
            # The place that newer Blenders have given it.
            a[key] = {**entry, "pos": before[key]["pos"]} if "pos" in before.get(key, {}) else entry


def _write_marks(writer: Any, mesh: Any, attributes: Tree, full: Tree) -> None:
    for key in attributes.keys() & MARKS.keys():
        elements = getattr(mesh, MARKS[key][0])
        try:
            marks = np.zeros(len(elements), dtype=bool)
            if key in full:
                marks = writer.blobs.get(full[key]["v"], "bool")
            if len(marks) != len(elements):
                raise ValueError(f"{len(marks)} values for {len(elements)} elements")
            elements.foreach_set("use_freestyle_mark", marks)
            writer.reader.remarked.add(writer.doc)
        except (ValueError, RuntimeError, TypeError, KeyError) as e:
            writer.refuse(f"attribute {values.key_name(key)}", e)


def _read_geometry(reader: Any, mesh: Any, before: Tree) -> Tree:
    p: Tree = {"counts": [len(mesh.vertices), len(mesh.edges), len(mesh.polygons), len(mesh.loops)]}
    offsets = np.empty(len(mesh.polygons), dtype=np.int32)
    mesh.polygons.foreach_get("loop_start", offsets)
    p["face_offsets"] = reader.blobs.put(offsets, (reader.doc, "face_offsets"))
    _read_normals(reader, mesh, p)
    skin.read(reader, mesh, p)
    a = read_attributes(reader, mesh, before.get("a", {}))
    if any(key in a for key in TOPOLOGY):
        # All or none of them are there once a mesh is built; an old file may hold some of a mesh that is empty.
        for key, (kind, domain) in BUILT.items():
            if key not in a:
                a[key] = {"type": kind, "domain": domain, "v": []}
    return {"type": "Geometry", "p": p, "a": a}


def _read_normals(reader: Any, mesh: Any, p: Tree) -> None:
    """Custom normals are an attribute from 4.5 on; before, only their result can be read."""
    if mesh.has_custom_normals and "custom_normal" not in mesh.attributes:
        normals = np.empty(len(mesh.loops) * 3, dtype=np.float32)
        mesh.corner_normals.foreach_get("vector", normals)
        p["normals"] = reader.blobs.put(normals.reshape(-1, 3), (reader.doc, "normals"))


def write(writer: Any, mesh: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    objects.slots.write(writer, mesh, patch, full, cur)
    _, want = chosen(full)
    touched = "geometry" in (patch.get("p") or {}) or "geometry" in (patch.get("i") or {})
    change = mergepatch.diff(chosen(cur)[1], want) if touched and want else {}
    p, attributes = change.get("p") or {}, change.get("a") or {}
    rebuild = "counts" in p or "face_offsets" in p or any(key in attributes for key in TOPOLOGY)
    # Of the groups, too, is read what was seen before it: those made now would be its user's afterwards.
    if mesh.is_editmode and (change or "vertex_groups" in (patch.get("i") or {})):
        writer.defer("geometry", "the mesh is in edit mode here")
        return
    had_skin = len(mesh.skin_vertices) > 0
    if rebuild:
        _rebuild(writer, mesh, want)
        attributes = want.get("a", {})
    elif "materials" in (patch.get("p") or {}) and MATERIALS in want.get("a", {}) and not mesh.is_editmode:
        # Where a slot goes Blender moves the faces to others, or forgets all of them: whoever took it away has said where they go.
        attributes = {**attributes, MATERIALS: want["a"][MATERIALS]}
    if attributes:
        _write_marks(writer, mesh, attributes, want.get("a", {}))
        unbuilt = {k: v for k, v in attributes.items() if k not in TOPOLOGY and k not in MARKS}
        write_attributes(writer, mesh, unbuilt, {k: v for k, v in want.get("a", {}).items() if k not in MARKS})
    reskinned = skin.write(writer, mesh, want.get("p", {}), skin.NAMES & p.keys(), had_skin if rebuild else None)
    if rebuild and mesh.shape_keys is not None and POSITION in attributes:
        shapekeys.fill(mesh)
    _write_render_layers(mesh, full.get("p", {}))
    if want and ("normals" in p or (rebuild and "normals" in want["p"])):
        normals = writer.blobs.get(want["p"]["normals"], "float32") if want["p"].get("normals") else None
        if normals is not None and len(normals) == 3 * len(mesh.loops):
            mesh.normals_split_custom_set(normals.reshape(-1, 3).tolist())
    weights.write(writer, mesh, patch, full, cur, want.get("p", {}) if "weights" in p or rebuild else None, rebuild)
    if rebuild or attributes or reskinned:
        if POSITION in attributes:
            shapekeys.renew_bounds(mesh)
        mesh.update()


def _write_render_layers(mesh: Any, p: Tree) -> None:
    uv = mesh.uv_layers.get(p.get("uv_render") or "")
    if uv is not None and not uv.active_render:
        uv.active_render = True
    elif p.get("uv_render") == "" and getattr(mesh.uv_layers, "active_render", None) is not None:
        mesh.uv_layers.active_render = None  # from 5.2 on; files of before may name none
    # By name, which may be empty: a first colour attribute is chosen by Blender, and not by everybody.
    colors = mesh.color_attributes
    for prop, key in (("default_color_name", "color_render"), ("active_color_name", "color_active")):
        if key in p and (getattr(colors, prop) or "") != p[key]:
            setattr(colors, prop, p[key])


def _rebuild(writer: Any, mesh: Any, full: Tree) -> None:
    counts = [int(n) for n in full["p"]["counts"]]
    a = full.get("a", {})

    def array(key: str) -> np.ndarray:
        entry = a.get(key)
        return writer.blobs.get(entry["v"], "int32") if entry else np.empty(0, np.int32)

    edges, corner_verts, corner_edges = (array(k) for k in TOPOLOGY)
    offsets = writer.blobs.get(full["p"]["face_offsets"], "int32")
    check_topology(counts, edges, corner_verts, corner_edges, offsets)
    position = a.get(POSITION)
    if (len(writer.blobs.get(position["v"], "float32")) if position else 0) != 3 * counts[0]:
        # Also keeps a number alone from making Blender allocate any amount.
        raise ValueError("positions of another number than vertices")
    shapekeys.fit(mesh, counts[0])
    if len(mesh.attributes) or any(key in a for key in TOPOLOGY):
        # Leaves an empty topology, which a mesh that never had an edge or a face has not.
        mesh.clear_geometry()
    verts, n_edges, faces, corners = counts
    mesh.vertices.add(verts)
    mesh.edges.add(n_edges)
    mesh.loops.add(corners)
    mesh.polygons.add(faces)
    if n_edges:
        mesh.edges.foreach_set("vertices", edges.astype(np.uint32))
    if corners:
        mesh.loops.foreach_set("vertex_index", corner_verts.astype(np.uint32))
        mesh.loops.foreach_set("edge_index", corner_edges.astype(np.uint32))
    if faces:
        mesh.polygons.foreach_set("loop_start", offsets)


def check_topology(
    counts: list[int], edges: np.ndarray, corner_verts: np.ndarray, corner_edges: np.ndarray, offsets: np.ndarray
) -> None:
    """Raises ValueError for what would make Blender read outside its arrays."""
    verts, n_edges, faces, corners = counts
    if min(counts) < 0 or len(edges) != 2 * n_edges or len(corner_verts) != corners or len(corner_edges) != corners:
        raise ValueError("mesh arrays of wrong lengths")
    if len(offsets) != faces or (faces and (offsets[0] != 0 or offsets[-1] >= corners)):
        raise ValueError("face offsets out of range")
    if faces and (np.any(np.diff(offsets) < 0)):
        raise ValueError("face offsets not ascending")
    for name, array, limit in (
        ("edge", edges, verts),
        ("corner", corner_verts, verts),
        ("face", corner_edges, n_edges),
    ):
        if len(array) and (array.min() < 0 or array.max() >= limit):
            raise ValueError(f"{name} indices out of range")


def _read_cloud(reader: Any, cloud: Any, old: Tree, out: Tree) -> None:
    objects.slots.read(reader, cloud, old, out)
    out["p"]["count"] = len(cloud.points)
    out["a"] = read_attributes(reader, cloud, old.get("a", {}))


def _write_cloud(writer: Any, cloud: Any, patch: Tree, full: Tree, cur: Tree) -> None:
    objects.slots.write(writer, cloud, patch, full, cur)
    count = full.get("p", {}).get("count", 0)
    if len(cloud.points) != count:
        if not hasattr(cloud, "resize"):
            writer.refuse("points", "this Blender cannot resize a point cloud")
            return
        cloud.resize(count)
    if patch.get("a"):
        write_attributes(writer, cloud, patch["a"], full.get("a", {}))


pointcloud = SimpleNamespace(read=_read_cloud, write=_write_cloud)
