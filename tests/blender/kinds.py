# SPDX-License-Identifier: MIT
"""What people do to datablocks of each kind: a table, which runs inside Blender (test_kinds_together.py chooses who does what, and when).

A kind is a collection of `bpy.data`. Each has a function that makes one with what belongs to it, and functions that change what only this
kind has: its references, its parts, what a call of Blender's sets. That every plain property arrives is asked of all kinds alike: `sweep` gives
another value to each that Blender lets one write and that the dumper compares. A kind has three things, one of each person; those of thing
1 refer to things 1 of other kinds, so that who changes one of them works on what others have made.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import bpy

from tests.fidelity import exclusions

Block = Any
REFUSALS = (AttributeError, RuntimeError, TypeError, ValueError)
MOMENT_S = 0.3
CHANGED_MIN = 5
"""So many plain properties of its own has each of these kinds at least."""

# Plain properties that no sweep writes: (struct, property, reason).
UNSWEPT = (
    ("*", "name", "renaming is a step of its own"),
    ("Image", "source", "makes another image of it, without its pixels"),
    ("Image", "filepath*", "names a file; paths have tests of their own"),
    ("Camera", "custom_*", "code for renderers, which reaches nobody without his consent"),
    ("Light", "type", "makes another class of it: a step of its own"),
    ("Light", "use_nodes", "the nodes are a step of their own"),
    ("World", "use_nodes", "the nodes are a step of their own"),
)

KINDS = ("collections", "lights", "cameras", "worlds", "images")


def title(kind: str, number: int) -> str:
    return f"{kind} {number}"


def of(kind: str, number: int) -> Block:
    return getattr(bpy.data, kind)[title(kind, number)]


def in_scene(name: str, data: Block) -> Block:
    ob = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(ob)
    return ob


# Makes one, with what refers to it.


def make_collection(name: str) -> None:
    outer, inner = bpy.data.collections.new(name), bpy.data.collections.new(f"{name} inner")
    outer.children.link(inner)
    bpy.context.scene.collection.children.link(outer)
    for place in (outer, inner):
        place.objects.link(bpy.data.objects.new(f"in {place.name}", None))


def make_light(name: str) -> None:
    in_scene(name, bpy.data.lights.new(name, "POINT"))


def make_camera(name: str) -> None:
    in_scene(name, bpy.data.cameras.new(name))


def make_world(name: str) -> None:
    bpy.data.worlds.new(name).use_nodes = True


def make_image(name: str) -> None:
    """In a material's texture node, packed: its pixels are a file inside the scene, and looked at as that (of an image in memory Blender
    4.2 says another resolution)."""
    image = bpy.data.images.new(name, 8, 4, alpha=True)
    paint(image, 0.25)
    image.pack()
    image.buffers_free()
    material = bpy.data.materials.new(f"with {name}")
    material.use_nodes = True
    material.node_tree.nodes.new("ShaderNodeTexImage").image = image
    in_scene(f"shows {name}", bpy.data.meshes.new(name)).data.materials.append(material)


def paint(image: Block, grey: float) -> None:
    pixels = list(image.pixels)
    pixels[: len(pixels) // 2] = [grey] * (len(pixels) // 2)
    image.pixels = pixels


MAKERS: dict[str, Callable[[str], None]] = {
    "collections": make_collection,
    "lights": make_light,
    "cameras": make_camera,
    "worlds": make_world,
    "images": make_image,
}


# What only one kind has. `n` is the number of the thing; each person does it to another's.


def refer_collection(n: int) -> None:
    """Its colour and place, a second place, members of others, and an object that shows it."""
    found, inner = of("collections", n), bpy.data.collections[f"{title('collections', n)} inner"]
    found.color_tag = f"COLOR_0{n + 1}"
    found.instance_offset = (n, 2.0, -1.5)
    found.objects.link(bpy.data.objects[title("lights", n)])
    bpy.context.scene.collection.objects.unlink(bpy.data.objects[title("lights", n)])
    of("collections", (n + 1) % 3).children.link(inner)
    shows = in_scene(f"instance {n}", None)
    shows.instance_type, shows.instance_collection = "COLLECTION", found
    layer = bpy.context.view_layer.layer_collection.children[found.name]
    layer.exclude, layer.holdout = n == 0, n == 1


def refer_light(n: int) -> None:
    """Another type, which is another class; and its nodes, with values of their own."""
    found = of("lights", n)
    found.type = ("SUN", "SPOT", "AREA")[n]
    found = of("lights", n)
    found.use_nodes = True
    emission = next(node for node in found.node_tree.nodes if node.type == "EMISSION")
    emission.inputs["Strength"].default_value = 2.0 + n
    fall = found.node_tree.nodes.new("ShaderNodeLightFalloff")
    found.node_tree.links.new(fall.outputs[n], emission.inputs["Strength"])
    found["shines"] = bpy.data.objects[title("cameras", n)]


def refer_camera(n: int) -> None:
    """What it looks at sharply, the picture behind it, and the scene that looks through it."""
    found = of("cameras", n)
    found.dof.use_dof, found.dof.focus_object = True, bpy.data.objects[title("lights", n)]
    found.show_background_images = True
    behind = found.background_images.new()
    behind.image, behind.alpha, behind.frame_method = of("images", n), 0.25, "CROP"
    behind.image_user.frame_duration = 7 + n
    bpy.context.scene.camera = bpy.data.objects[title("cameras", n)]


def refer_world(n: int) -> None:
    """The scene's, with an environment."""
    found = of("worlds", n)
    tree = found.node_tree
    sky = next(node for node in tree.nodes if node.type == "BACKGROUND")
    sky.inputs["Strength"].default_value = 0.5 + n
    environment = tree.nodes.new("ShaderNodeTexEnvironment")
    environment.image, environment.projection = of("images", n), "MIRROR_BALL"
    tree.links.new(environment.outputs["Color"], sky.inputs["Color"])
    bpy.context.scene.world = found


def refer_image(n: int) -> None:
    """Painted on and packed again, painted on and left so, or of another size; and another in the texture node."""
    found = of("images", n)
    if n == 2:
        found.scale(4, 8)
    paint(found, 0.75)
    if n != 1:
        found.pack()
    found.colorspace_settings.name = "Non-Color"
    nodes = bpy.data.materials[f"with {found.name}"].node_tree.nodes
    node = next(node for node in nodes if node.type == "TEX_IMAGE")
    node.image_user.frame_offset = 3
    node.interpolation = "Closest"
    node.image = of("images", (n + 1) % 3)


REFERRERS: dict[str, Callable[[int], None]] = {
    "collections": refer_collection,
    "lights": refer_light,
    "cameras": refer_camera,
    "worlds": refer_world,
    "images": refer_image,
}


# The same once more, otherwise: what was referred to goes, or another takes its place.


def refer_collection_again(n: int) -> None:
    found, inner = of("collections", n), bpy.data.collections[f"{title('collections', n)} inner"]
    found.children.unlink(inner)
    found.objects.link(bpy.data.objects[title("cameras", n)])
    bpy.data.objects[f"instance {n}"].instance_collection = of("collections", (n + 2) % 3)
    found.color_tag = "NONE"
    layer = bpy.context.view_layer.layer_collection.children[found.name]
    layer.exclude, layer.indirect_only = n == 1, n == 2


def refer_light_again(n: int) -> None:
    found = of("lights", n)
    found.type = ("AREA", "POINT", "SUN")[n]
    found = of("lights", n)
    found.node_tree.nodes.remove(next(node for node in found.node_tree.nodes if node.type == "LIGHT_FALLOFF"))
    found["shines"] = of("worlds", n)
    bpy.data.objects[title("lights", n)].data = of("lights", (n + 1) % 3)


def refer_camera_again(n: int) -> None:
    found = of("cameras", n)
    found.dof.focus_object = bpy.data.objects[title("lights", (n + 1) % 3)] if n else None
    found.background_images[0].image = of("images", (n + 2) % 3)
    found.background_images.new().alpha = 0.75
    if n == 1:
        found.background_images.remove(found.background_images[0])
    bpy.context.scene.camera = None


def refer_world_again(n: int) -> None:
    tree = of("worlds", n).node_tree
    environment = next(node for node in tree.nodes if node.type == "TEX_ENVIRONMENT")
    environment.image = None if n == 2 else of("images", (n + 1) % 3)
    environment.texture_mapping.scale = (1.0, 2.0, 3.0 + n)
    bpy.context.scene.world = None if n == 0 else of("worlds", (n + 1) % 3)


def refer_image_again(n: int) -> None:
    found = of("images", n)
    paint(found, 0.5)
    found.pack()
    nodes = bpy.data.materials[f"with {found.name}"].node_tree.nodes
    node = next(node for node in nodes if node.type == "TEX_IMAGE")
    node.image = None if n == 0 else found
    node.projection = "BOX"


REFERRERS_AGAIN: dict[str, Callable[[int], None]] = {
    "collections": refer_collection_again,
    "lights": refer_light_again,
    "cameras": refer_camera_again,
    "worlds": refer_world_again,
    "images": refer_image_again,
}


# Every plain property


def sweep(struct: Any) -> list[str]:
    """Gives another value to each plain property of a struct and of its parts; their names."""
    changed: list[str] = []
    types = lineage(struct)
    for prop in struct.bl_rna.properties:
        name = prop.identifier
        if exclusions.excluded(types, name) or exclusions._match(UNSWEPT, types, name):
            continue
        if prop.type == "POINTER":
            part = getattr(struct, name)
            if part is not None and not isinstance(part, bpy.types.ID) and prop.identifier != "animation_data":
                changed += [f"{name}.{inner}" for inner in sweep(part)]
        elif prop.type != "COLLECTION" and not struct.is_property_readonly(name) and becomes_another(struct, prop):
            changed.append(name)
    return changed


def lineage(struct: Any) -> tuple[str, ...]:
    found, rna = [], struct.bl_rna
    while rna is not None:
        found.append(rna.identifier)
        rna = rna.base
    return tuple(found)


def becomes_another(struct: Any, prop: Any) -> bool:
    """Whether Blender has taken one of the values that are worth a try."""
    before = value_of(struct, prop.identifier)
    for other in other_values(prop, before):
        try:
            setattr(struct, prop.identifier, other)
        except REFUSALS:
            continue
        if value_of(struct, prop.identifier) != before:
            return True
    return False


def value_of(struct: Any, name: str) -> Any:
    value = getattr(struct, name)
    return list(value) if hasattr(value, "__len__") and not isinstance(value, str | set) else value


def other_values(prop: Any, before: Any) -> Iterator[Any]:
    if prop.type == "ENUM":
        names = [item.identifier for item in prop.enum_items]
        yield from ({name} if prop.is_enum_flag else name for name in names if name != before)
    elif prop.type == "STRING":
        yield "another"
    elif isinstance(before, list):
        yield [near(prop, value) for value in before]
    else:
        yield near(prop, before)


def near(prop: Any, value: Any) -> Any:
    if prop.type == "BOOLEAN":
        return not value
    step = 1 if prop.type == "INT" else 0.125
    return value + step if value + step <= prop.hard_max else value - step


# The steps. Each does its part for every kind, to the things of number `n`.


def make(n: int) -> None:
    for kind in KINDS:
        MAKERS[kind](title(kind, n))


def change(n: int) -> None:
    for kind in KINDS:
        swept = sweep(of(kind, n))
        assert len(swept) >= CHANGED_MIN, f"{kind}: only {swept} could be changed"


def refer(n: int) -> None:
    for kind in KINDS:
        REFERRERS[kind](n)


def refer_again(n: int) -> None:
    for kind in KINDS:
        REFERRERS_AGAIN[kind](n)


def change_and_undo(n: int) -> Iterator[None]:
    bpy.ops.ed.undo_push(message="before")
    change(n)
    bpy.ops.ed.undo_push(message="changed")
    yield from a_moment()
    bpy.ops.ed.undo()
    yield from a_moment()


def delete_and_undo(n: int) -> Iterator[None]:
    bpy.ops.ed.undo_push(message="before")
    for kind in KINDS:
        getattr(bpy.data, kind).remove(of(kind, n))
    bpy.ops.ed.undo_push(message="deleted")
    yield from a_moment()
    bpy.ops.ed.undo()
    yield from a_moment()
    assert all(title(kind, n) in getattr(bpy.data, kind) for kind in KINDS), f"not back: {names()}"


def a_moment() -> Iterator[None]:
    """In which the others may hear of it, and their changes may come; nothing depends on whether they do."""
    end = time.monotonic() + MOMENT_S
    while time.monotonic() < end:
        yield


def rename(n: int) -> None:
    for kind in KINDS:
        of(kind, n).name = f"{title(kind, n)} renamed ☂"


def delete(n: int) -> None:
    for kind in KINDS:
        blocks = getattr(bpy.data, kind)
        blocks.remove(blocks[f"{title(kind, n)} renamed ☂"])


# All of them at once, to the same things


def add_twin(_: int) -> None:
    for kind in KINDS:
        MAKERS[kind](f"twin of {kind}")


def change_one(n: int) -> None:
    """One property, which each gives a value of his own."""
    bpy.data.collections["twin of collections"].instance_offset.x = 5.0 + n
    bpy.data.lights["twin of lights"].energy = 20.0 + n
    bpy.data.cameras["twin of cameras"].lens = 30.0 + n
    bpy.data.worlds["twin of worlds"].color = (0.1, 0.2, n * 0.25)
    paint(bpy.data.images["twin of images"], n * 0.25)


def rename_onto(n: int) -> None:
    for kind in KINDS:
        blocks = sorted((b for b in getattr(bpy.data, kind) if b.name.startswith(f"twin of {kind}")), key=order)
        blocks[n].name = f"one name for {kind}"


def order(block: Block) -> str:
    return str(block.name)


def delete_or_change(n: int) -> None:
    """The first one deletes what the others change."""
    for kind in KINDS:
        blocks = getattr(bpy.data, kind)
        found = blocks[f"one name for {kind}"]
        if n == 0:
            blocks.remove(found)
        else:
            sweep(found)
            found["note"] = f"still here, {n}"


def names() -> dict[str, list[str]]:
    return {kind: sorted(block.name for block in getattr(bpy.data, kind)) for kind in KINDS}
