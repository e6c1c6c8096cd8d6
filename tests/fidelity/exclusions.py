# SPDX-License-Identifier: MIT
"""What the scene dumper leaves out, one reason per line.

Only what cannot mean anything to another person's Blender may stand here: every further line could
hide a defect. A line is (RNA struct, property, reason). The struct matches itself and all its
subclasses; `*` as struct matches all; a property may end or begin with `*`.

This table is the dumper's own. The add-on has a table too; they are written apart on purpose, so
that what the add-on forgets shows as a difference.
"""

from __future__ import annotations

import fnmatch
from functools import cache

# bpy.data.<name>: (collection, reason)
COLLECTIONS = (
    ("all_ids", "all other collections once more"),
    ("window_managers", "windows of this process"),
    ("workspaces", "user interface of one person"),
    ("screens", "user interface of one person"),
    ("brushes", "tools of one person"),
    ("palettes", "tools of one person"),
    ("paint_curves", "tools of one person"),
)

PROPERTIES = (
    # Identity inside one process, or inside one read of the dumper.
    ("*", "rna_type", "describes the type, not the data"),
    ("*", "bl_rna", "describes the type, not the data"),
    ("ID", "session_uid", "numbered by each process"),
    ("ID", "original", "points to itself, or to evaluated data"),
    ("ID", "is_evaluated", "always False for what bpy.data holds"),
    ("ID", "is_runtime_data", "whether this process made it or read it from a file"),
    ("ID", "tag", "scratch flag for scripts"),
    ("ID", "users", "follows from the references, which are compared; windows and add-ons count too"),
    ("ID", "name_full", "name and library, which the path of every struct states"),
    ("ID", "use_extra_user", "held by an editor of this process"),
    ("ID", "preview", "thumbnail that each Blender draws again"),
    ("ID", "asset_data", "asset catalogue of one person's library, not scene data"),
    ("ID", "library_weak_reference", "where this process appended from, to avoid appending twice"),
    ("Material", "preview_*", "how the thumbnail is drawn"),
    # What each person looks at: presence in the design, never stored.
    ("*", "select", "selection is presence"),
    ("Bone", "select_*", "selection is presence"),
    ("Keyframe", "select_*", "selection is presence"),
    ("BezierSplinePoint", "select_*", "selection is presence"),
    ("MovieTracking*", "select_*", "selection is presence"),
    ("MeshUVLoopLayer", "*_selection", "selection is presence"),
    ("*", "active", "what one person has clicked last"),
    ("*", "active_*", "what one person has clicked last"),
    ("Object", "mode", "mode is presence"),
    ("Scene", "frame_current", "the frame each looks at is presence"),
    ("Scene", "frame_current_final", "the frame each looks at is presence"),
    ("Scene", "frame_float", "the frame each looks at is presence"),
    ("Scene", "frame_subframe", "the frame each looks at is presence"),
    ("NodeTree", "view_center", "where each looks is presence"),
    ("Node", "show_texture", "set on the texture node that one person has clicked last"),
    ("*", "show_expanded", "what one person has unfolded"),
    ("Scene", "cursor", "the 3D cursor is the tool in one person's hand"),
    ("Scene", "transform_orientation_slots", "the tool in one person's hand"),
    ("Scene", "tool_settings", "the tool in one person's hand"),
    ("Scene", "is_nla_tweakmode", "mode of one person's editor"),
    ("Text", "current_*", "text cursor"),
    ("Text", "select_*", "text cursor"),
    # What Blender computes from the rest, at moments of its own choosing.
    ("Scene", "keying_sets_all", "Blender's built-in sets besides those of the scene, which are compared"),
    ("View3DShading", "selected_studio_light", "file of one person's installation, named in studio_light"),
    ("ViewLayer", "depsgraph", "evaluated data"),
    ("Modifier", "is_active", "the modifier that one person has clicked last"),
    # Of Principled's "Subsurface IOR" the startup file of 4.2 to 5.0 says otherwise, until the node is first changed.
    ("NodeSocket", "enabled", "set by the node from its settings, whenever it changes; a file holds what was so then"),
    ("NodeSocket", "is_unavailable", "the reverse of enabled"),
    ("NodeSocket", "is_inactive", "inferred when this process draws the node"),
    ("NodeSocket", "is_icon_visible", "inferred when this process draws the node"),
    ("Attribute", "storage_type", "how this process keeps it in memory: saving and loading is enough to change it"),
    ("Modifier", "execution_time", "measured by this process"),
    ("Modifier", "persistent_uid", "random number, minted for every modifier as it is made"),
    ("Object", "motion_path", "evaluated data: a path computed at one person's click"),
    ("PoseBone", "motion_path", "evaluated data: a path computed at one person's click"),
    ("AnimVizMotionPaths", "has_motion_paths", "whether such a path was computed"),
    ("*", "is_override_data", "means something only inside a library override, which is not shared as one"),
    ("NodeTreeInterfacePanel", "persistent_uid", "numbered by each Blender"),
    ("NodesModifier", "node_warnings", "outcome of the evaluation"),
    ("MeshUVLoopLayer", "pin", "reading it adds the attribute .pn.*, in which the pins are compared"),
    ("MeshVertex", "undeformed_co", "evaluated data"),
    ("Curves", "normals", "computed from the points when read, some of it from memory that Blender leaves unset"),
    ("GPencilStroke", "bound_box_*", "computed from the points at moments of Blender's choosing"),
    ("Mesh", "loop_triangles", "computed on demand from corners"),
    ("Mesh", "loop_triangle_polygons", "computed on demand from corners"),
    ("MeshPolygon", "vertices", "derived from loop_start and .corner_vert"),
    ("ColorManagedViewSettings", "white_balance_whitepoint", "temperature and tint, which are compared, as a colour"),
    ("NodeTreeInterfaceSocket", "bl_socket_idname", "follows from socket_type and subtype, which are compared"),
    ("Material", "texture_paint_*", "its texture nodes' images, listed anew when one person paints"),
    ("LayerCollection", "is_visible", "follows from the flags; of the root only reading a file sets it"),
    # Nothing but a file can carry these: Blender has no way to set them.
    ("NodeTree", "name", "read-only where embedded; groups are told by their path"),
    ("ColorManagedInputColorspaceSettings", "is_data", "follows from the name; old files hold an alias of it"),
)

# Results of evaluation, compared only where Blender evaluates the object, that is where it is visible in a view
# layer, and where they follow from the scene alone (extras.py, `stale`). Of others a file holds what was true when they were
# last shown: (RNA struct, property)
EVALUATED = (
    ("Object", "matrix_world"),
    ("Object", "matrix_local"),
    ("Object", "bound_box"),
    ("Object", "dimensions"),
    ("PoseBone", "matrix"),
    ("PoseBone", "matrix_channel"),
    ("PoseBone", "head"),
    ("PoseBone", "tail"),
    ("PoseBone", "length"),
)
RESULTS = frozenset(name for _struct, name in EVALUATED)

# What no other Blender gets (design, section 5): (RNA struct, property, reason)
CONSENT = (("RenderSettings", "filepath", "output path: Blender writes there"),)

# Datablocks that are not data: (collection, property, value, reason)
BLOCKS = (("images", "source", "VIEWER", "buffer of this process: render result, viewer node"),)

# Types of datablocks that are left out, too, where they come from: Blender has files of brushes, and links one to them as one person
# takes it into his hand.
TOOLS = frozenset({"BRUSH", "PALETTE", "PAINTCURVE"})

# Items of collections, by name: (collection property, name, reason)
ITEMS = (
    ("attributes", ".select_*", "selection is presence"),
    ("attributes", ".uv_select*", "selection is presence"),
    ("attributes", ".vs.*", "selection is presence"),
    ("attributes", ".es.*", "selection is presence"),
)

# Active states that do reach the result: these are compared although they match `active*` above.
KEPT = (
    ("AttributeGroup*", "active_color_name", "colour attribute that viewport and paint use"),
    ("*", "active_clone", "names data, not a click"),
    ("Scene", "active_clip", "the clip that constraints and nodes may use"),
    ("*", "active_render", "the UV or colour layer that renders"),
)


# Items that Blender makes by itself and in an order of its own: compared, but not their places among the others.
UNPLACED = (("attributes", ("position", ".edge_verts", ".corner_vert", ".corner_edge")),)


def _match(rows: tuple[tuple[str, str, str], ...], types: tuple[str, ...], prop: str) -> bool:
    return any(
        fnmatch.fnmatchcase(prop, row_prop) and any(fnmatch.fnmatchcase(t, row_type) for t in types)
        for row_type, row_prop, _reason in rows
    )


@cache
def excluded(types: tuple[str, ...], prop: str) -> bool:
    """Whether `prop` of a struct with these types (itself, then its bases) is left out."""
    return _match(PROPERTIES + CONSENT, types, prop) and not _match(KEPT, types, prop)


@cache
def evaluated(types: tuple[str, ...], prop: str) -> bool:
    """Whether the property is a result of evaluation."""
    return any((t, prop) in EVALUATED for t in types)


def item_excluded(prop: str, name: str | None) -> bool:
    """Whether an item of the collection `prop` is left out."""
    return name is not None and any(p == prop and fnmatch.fnmatchcase(name, glob) for p, glob, _why in ITEMS)


def unplaced(prop: str, names: list[str]) -> list[str]:
    """Which of these items of the collection `prop` stand where Blender has put them."""
    return sorted(name for p, fixed in UNPLACED if p == prop for name in names if name in fixed)


def block_excluded(collection: str, block: object) -> bool:
    """Whether a datablock is left out as a whole."""
    # A copied mesh counts one user of its shape keys too many: the last key's removal leaves them, and only loading a file drops them.
    if collection == "shape_keys" and getattr(getattr(block, "user", None), "shape_keys", None) != block:
        return True
    if collection == "libraries" and (users := getattr(block, "users_id", ())):
        return all(user.id_type in TOOLS for user in users)
    return any(c == collection and getattr(block, prop) == value for c, prop, value, _why in BLOCKS)


def excluded_collections() -> frozenset[str]:
    return frozenset(name for name, _reason in COLLECTIONS)
