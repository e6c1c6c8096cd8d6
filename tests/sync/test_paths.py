# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and code of others: the table knows every path in RNA, and nothing reaches Blender that must not.

A property that names a file and is missing in the table could make one Blender write where another says, or read what it
should not.
"""

from __future__ import annotations

import json
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import Stage, assert_silent, available

VERSIONS = [v for v in ("bpy42", "bpy45", "bpy50") if available(v)]

WALK = """
from sync import paths, rna
ui = ("Preferences", "File", "Asset", "User", "Theme", "Script", "StudioLight", "BlendData", "BlendImport", "PathCompare",
      "VolumeGrids", "KeyMap")
lacking = []
for name in dir(bpy.types):
    struct = getattr(getattr(bpy.types, name), "bl_rna", None)
    if struct is None or struct.identifier.startswith(ui) or "_OT_" in name or name.isupper():
        continue
    lineage = rna.lineage_of(struct)
    if {"Operator", "OperatorProperties", "AddonPreferences"} & set(lineage):
        continue
    for p in struct.properties:
        if p.type == "STRING" and p.subtype in ("FILE_PATH", "DIR_PATH"):
            if not any(f"{t}.{p.identifier}" in paths.KINDS for t in lineage):
                lacking.append(f"{struct.identifier}.{p.identifier}")
sorted(set(lacking))
"""


@pytest.fixture(params=VERSIONS)
def stage(request):
    stage = Stage()
    stage.version = request.param
    yield stage
    stage.close()


def test_the_table_knows_every_path(stage):
    lacking = stage.peer(stage.version).do(WALK)
    assert [x for x in lacking if not x.startswith(("WM_", "OBJECT_", "SCENE_"))] == []


RUNS = """
pointers = [f"{s.identifier}.{p.identifier}" for n in dir(bpy.types) if not n.startswith("Space")
            for s in [getattr(getattr(bpy.types, n), "bl_rna", None)] if s
            for p in s.properties if p.type == "POINTER" and p.fixed_type and p.fixed_type.identifier == "Text"]
code = [f"{s.identifier}.{p.identifier}" for n in dir(bpy.types)
        for s in [getattr(getattr(bpy.types, n), "bl_rna", None)] if s and s.identifier == n
        for p in s.properties if p.type == "STRING" and "bytecode" in p.identifier]
# What Blender shows, or only measures light with.
harmless = ("NodeFrame.text", "ShaderNodeTexIES.ies")
from sync import paths
[x for x in sorted(set(pointers + code)) if x not in harmless and paths.KINDS.get(x) != paths.CODE]
"""


def test_the_table_knows_all_that_runs_a_text(stage):
    assert stage.peer(stage.version).do(RUNS) == []


def test_a_file_is_never_looked_for_where_its_sender_says(stage, tmp_path):
    """A hash that is a path, with the name and size of a file that is there: it would be read, and could be asked for."""
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"secret")
    a, b = stage.peer(stage.version), stage.peer(stage.version)
    a.upload()
    b.join()
    stage.settle()
    a.do("i = bpy.data.images.new('bait', 4, 4)")
    stage.settle()
    doc = a.do("rep.identity.doc(bpy.data.images['bait'])")
    for hash, name in (
        (str(tmp_path), "secret.png"),
        (str(tmp_path / "secret.png"), "."),
        ("../" * 20 + str(tmp_path), "secret.png"),
    ):
        value = ["$blob", hash, "file", [6], name]
        stage.room.submit(0, doc, "edit", json.dumps({"p": {"source": "FILE", "file": value}}))
        for peer in (a, b):
            peer.do("rep.tick(1000); rep.capture_all(); rep.tick(1000)")
        assert str(tmp_path) not in b.do("bpy.data.images['bait'].filepath_raw")
    assert b"secret" not in stage.room.blobs.values()


def test_parts_of_an_output_path_stay_below_it(stage):
    a, b = stage.peer(stage.version), stage.peer(stage.version)
    a.upload()
    b.join()
    stage.settle()
    show = "[v.file_suffix for v in bpy.context.scene.render.views]"
    a.do("bpy.context.scene.render.views[0].file_suffix = '_left'")
    stage.settle()
    assert "_left" in b.do(show)
    a.do("bpy.context.scene.render.views[0].file_suffix = '/../../../home/x'")
    stage.settle()
    assert not any(".." in suffix for suffix in b.do(show))
    if stage.version == "bpy50":  # its file output has items, whose names lose what leads elsewhere
        return
    a.do("""
        scene = bpy.context.scene
        scene.use_nodes = True
        node = scene.node_tree.nodes.new("CompositorNodeOutputFile")
        node.file_slots[0].path = "beauty/rgb_"
        node.file_slots.new("x")
    """)
    stage.settle()
    slots = "[s.path for n in bpy.context.scene.node_tree.nodes if n.type == 'OUTPUT_FILE' for s in n.file_slots]"
    assert "beauty/rgb_" in b.do(slots)
    a.do(
        "node = next(n for n in bpy.context.scene.node_tree.nodes if n.type == 'OUTPUT_FILE'); node.file_slots[0].path = '../../home/x'"
    )
    stage.settle()
    assert not any(".." in path for path in b.do(slots))
    b.do("link.sent.clear(); rep.capture_all()")
    assert b.do("link.sent") == []


def test_outputs_and_code_of_others_stay_out(stage):
    a, b = stage.peer(stage.version), stage.peer(stage.version)
    a.upload()
    b.join()
    stage.settle()
    a.do("""
        bpy.context.scene.render.filepath = "/etc/target"
        t = bpy.data.texts.new("job.py"); t.write("import os"); t.use_module = True
        d = bpy.data.objects["Cube"].driver_add("location", 0).driver
        d.expression = "__import__('os').getpid()"
        e = bpy.data.objects["Cube"].driver_add("location", 1).driver
        e.expression = "1 + 2"
    """)
    stage.settle()
    assert b.do("bpy.context.scene.render.filepath") != "/etc/target"
    assert b.do("bpy.data.texts['job.py'].use_module") is False
    assert b.do("[d.driver.expression for d in bpy.data.objects['Cube'].animation_data.drivers]") == ["", "1 + 2"]
    told = " ".join(b.do("[str(r) for r in rep.refused]"))
    assert "RenderSettings.filepath" in told and "Text.use_module" in told and "Driver.expression" in told
    # And none of it is taken for the user's own change.
    b.do("link.sent.clear(); rep.capture_all()")
    assert b.do("link.sent") == []


def test_what_others_make_of_a_script_does_not_run_by_itself(stage):
    """A rig's script that is run with its file: who edits it elsewhere would run it here."""
    a, b = stage.peer(stage.version), stage.peer(stage.version)
    a.do("t = bpy.data.texts.new('rig_ui.py'); t.write('import bpy'); t.use_module = True")
    a.upload()
    b.join()
    stage.settle()
    assert a.do("bpy.data.texts['rig_ui.py'].use_module") is True  # nobody has touched it
    b.do("bpy.data.texts['rig_ui.py'].write('\\nimport os')")
    stage.settle()
    assert "import os" in a.do("bpy.data.texts['rig_ui.py'].as_string()")
    assert a.do("bpy.data.texts['rig_ui.py'].use_module") is False
    assert "Text.use_module" in " ".join(a.do("[str(r) for r in rep.refused]"))
    for peer in (a, b):
        peer.do("link.sent.clear(); rep.capture_all()")
        assert peer.do("link.sent") == []


def test_an_expression_does_not_come_in_under_another_type(stage):
    """Where a driver's type does not use it, it waits there until the type changes."""
    a, b = stage.peer(stage.version), stage.peer(stage.version)
    a.upload()
    b.join()
    stage.settle()
    a.do("""
        d = bpy.data.objects["Cube"].driver_add("location", 0).driver
        d.type = "AVERAGE"
        d.expression = "__import__('os').getpid()"
        e = bpy.data.objects["Cube"].driver_add("location", 1).driver
        e.type = "AVERAGE"
        e.expression = "1 + 2"
    """)
    stage.settle()
    a.do("for d in bpy.data.objects['Cube'].animation_data.drivers: d.driver.type = 'SCRIPTED'")
    stage.settle()
    shown = "[(d.driver.type, d.driver.expression) for d in bpy.data.objects['Cube'].animation_data.drivers]"
    assert b.do(shown) == [("SCRIPTED", ""), ("SCRIPTED", "1 + 2")]


def test_what_every_new_file_has_is_not_listed(stage):
    """Whoever joined a room with Blender's startup scene was told that its output path is missing here."""
    a, b = stage.peer(stage.version), stage.peer(stage.version)
    a.upload()
    b.join()
    stage.settle()
    assert b.do("[str(r) for r in rep.refused]") == []
    assert b.do("bpy.context.scene.render.filepath") == a.do("bpy.context.scene.render.filepath")
    for peer in (a, b):  # nor what both have chosen
        peer.do("bpy.context.scene.render.filepath = '//frames'")
        stage.settle()
    a.do("bpy.context.scene.frame_end = 99")
    stage.settle()
    assert b.do("bpy.context.scene.frame_end") == 99
    assert b.do("[str(r) for r in rep.refused]") == []


def test_nobody_can_ask_for_a_file_of_others(stage, tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"secret")
    (tmp_path / "deep").mkdir()
    a, b = stage.peer(stage.version), stage.peer(stage.version)
    a.upload()
    b.join()
    stage.settle()
    a.do("i = bpy.data.images.new('bait', 4, 4)")
    stage.settle()
    doc = a.do("rep.identity.doc(bpy.data.images['bait'])")
    stage.room.submit(0, doc, "edit", json.dumps({"p": {"source": "FILE", "file": str(secret)}}))
    stage.settle()
    assert b"secret" not in stage.room.blobs.values()
    assert b.do("bpy.data.images['bait'].filepath_raw") == "secret.png"
    # The same on the way out of the scene's folder.
    b.do(f"bpy.ops.wm.save_as_mainfile(filepath={str(tmp_path / 'deep' / 'scene.blend')!r}, relative_remap=False)")
    for path, shown in (("//../secret.png", "secret.png"), ("//../../gone/lost.png", "//../../gone/lost.png")):
        stage.room.submit(0, doc, "edit", json.dumps({"p": {"source": "FILE", "file": path}}))
        stage.settle()
        assert b.do("bpy.data.images['bait'].filepath_raw") == shown
    stage.room.submit(0, doc, "edit", json.dumps({"p": {"source": "FILE", "file": "//server/share/x.png"}}))
    stage.settle()
    assert b"secret" not in stage.room.blobs.values()


def test_a_file_travels_by_content(stage, tmp_path):
    a, b = stage.peer(stage.version), stage.peer(stage.version)
    a.upload()
    b.join()
    stage.settle()
    picture = tmp_path / "tile.png"
    a.do(f"""
        i = bpy.data.images.new("made", 2, 2); i.pixels[0:4] = (1, 0, 0, 1)
        i.filepath_raw = {str(picture)!r}; i.file_format = "PNG"; i.save()
        bpy.data.images.remove(i)
        bpy.data.images.load({str(picture)!r})
    """)
    stage.settle()
    assert b.do("bpy.data.images['tile.png'].filepath").endswith("tile.png")
    assert b.do("bpy.data.images['tile.png'].filepath") != str(picture)
    assert b.do("list(bpy.data.images['tile.png'].pixels)[0:4]") == [1, 0, 0, 1]
    b.do("link.sent.clear(); rep.capture_all()")
    assert b.do("link.sent") == []


def test_long_names_are_cut_before_their_end(stage):
    """They lost the number and the kind of file, and those that begin alike became one."""
    peer = stage.peer(stage.version)
    peer.do("from sync import paths")
    head = "x" * 150
    names = [f"/a/{head}_{i:04d}.png" for i in range(3)] + [f"/a/{head}y_0001.png", "/a/" + "\u6c34" * 100 + ".exr"]
    short = peer.do(f"[paths.name_of(x) for x in {names!r}]")
    assert len(set(short)) == len(names)
    assert all(len(name.encode()) <= 120 for name in short)
    assert [name[-8:] for name in short[:4]] == ["0000.png", "0001.png", "0002.png", "0001.png"]
    assert len({name[:-8] for name in short[:3]}) == 1  # one sequence
    assert short[4].endswith(".exr")
    assert peer.do(f"[paths.name_of(x) for x in {short!r}]") == short
    assert peer.do("paths.name_of('/a/wood.png')") == "wood.png"


def test_a_file_goes_to_the_next_room_too(stage):
    """Whoever left and hosted again sent the name of a file, and none of its bytes: all that named one was refused."""
    a = stage.peer(stage.version)
    path = os.path.join(stage.folder, "wood.png")
    a.do(f"i = bpy.data.images.new('Wood', 4, 4); i.filepath_raw = {path!r}; i.file_format = 'PNG'; i.save()")
    a.upload()
    files = len(stage.room.blobs)
    assert files
    stage.room.blobs.clear()
    a.do("rep.detach(); link = FakeLink(fresh_room(), 1); rep = Replicator(link, room_id='e' * 32)")
    a.upload()
    assert len(stage.room.blobs) == files


def test_a_file_too_large_is_not_read(stage):
    """A film of 30 GB was read as a whole before its size was looked at."""
    a = stage.peer(stage.version)
    path = os.path.join(stage.folder, "film.mov")
    with open(path, "wb") as film:
        film.truncate((1 << 30) + 1)
    a.do(f"i = bpy.data.images.new('Film', 4, 4); i.source = 'FILE'; i.filepath_raw = {path!r}")
    a.do("from unittest import mock; import pathlib; real = pathlib.Path.read_bytes")
    a.do("read = mock.patch.object(pathlib.Path, 'read_bytes', side_effect=AssertionError); read.start(); None")
    a.upload()
    assert a.do("[str(x) for x in rep.unread]") == [
        "Film: the file film.mov was not sent (it is larger than 1024 MiB)."
    ]
    assert a.do("[t['p']['file'] for _, _, t in link.sent if t.get('name') == 'Film']") == [path]


FRAMES = """
import os, time
for i in range({count}):
    open(os.path.join({folder!r}, f"frame_{{i:04d}}.png"), "wb").write(b"%d" % i)
editor = bpy.context.scene.sequence_editor_create()
strips = editor.strips if hasattr(editor, "strips") else editor.sequences
strip = strips.new_image("Frames", os.path.join({folder!r}, "frame_0000.png"), 1, 1)
for i in range(1, {count}):
    strip.elements.append(f"frame_{{i:04d}}.png")
put, counts = link.put_blob, []
def slow(data):
    counts[-1] += len(data) < 4
    time.sleep(0.02)
    return put(data)
link.put_blob = slow
"""


def test_the_frames_of_a_strip_are_read_one_after_another(stage):
    """All of them were read, copied and hashed in one tick."""
    a, count = stage.peer(stage.version), 12
    a.upload()
    a.do(FRAMES.format(folder=stage.folder, count=count))
    a.do("for _ in range(60):\n    counts.append(0); rep.tick(1.0)")
    counts = a.do("counts")
    assert sum(counts) == count
    assert max(counts) <= count // 3  # a tick looks in three ways, each time for one slice
    scene = next(t for t in stage.room.all_trees().values() if t["type"] == "Scene")
    (strip,) = scene["s"]["@sequence_editor"]["i"]["strips"].values()
    assert [value[4] for value in strip["p"]["files"]] == [f"frame_{i:04d}.png" for i in range(count)]


LINK = """
import os
path = os.path.join({folder!r}, "library.blend")
m = bpy.data.meshes.new("Far"); m.from_pydata([(0, 0, 0), (1, 0, 0)], [(0, 1)], []); m["mark"] = 1
o = bpy.data.objects.new("Far", m)
light = bpy.data.objects.new("Lamp", bpy.data.lights.new("Lamp", "POINT"))
bpy.data.libraries.write(path, {{o, light}})
bpy.data.batch_remove([o, m, light, light.data])
with bpy.data.libraries.load(path, link=True) as (there, here):
    here.objects = ["Far", "Lamp"]
for o in here.objects:
    bpy.context.scene.collection.objects.link(o)
"""


def test_what_is_linked_is_not_changed_by_others(stage):
    """It was, and all of that was gone without a word when the file was loaded again: Blender saves nothing of a linked datablock."""
    a, b = stage.peer(stage.version), stage.peer(stage.version)
    a.do(LINK.format(folder=stage.folder))
    a.upload()
    b.join()
    stage.settle()
    looks = "[o.library is not None, o.location.x, len(o.data.vertices), o.data['mark'], bpy.data.lights['Lamp'].type]"
    far = "o = bpy.data.objects['Far']; "
    assert b.do(far + looks) == [False, 0, 2, 1, "POINT"]
    b.do(far + "o.location.x = 3; o.data.vertices.add(1); o.data['mark'] = 2; bpy.data.lights['Lamp'].type = 'SUN'")
    b.do("o = bpy.data.objects['Cube']; o.location.x = 5")
    stage.settle()
    assert a.do(far + looks) == [True, 0, 2, 1, "POINT"]
    assert a.do("bpy.data.objects['Cube'].location.x") == 5
    assert b.do(far + looks) == [False, 3, 3, 2, "SUN"]
    told = a.do("sorted(str(x) for x in rep.refused)")
    why = "what others have changed was not taken (it is linked from another file; make it local, or change it there)."
    assert told == [f"Far: {why}", f"Far: {why}", f"Lamp: {why}"]
    assert_silent(stage)
    a.do("bpy.data.objects['Far'].make_local()")
    stage.settle()
    b.do("bpy.data.objects['Far'].location.y = 7")
    stage.settle()
    assert a.do("bpy.data.objects['Far'].location.y") == 7
