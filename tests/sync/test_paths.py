# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and code of others: the table knows every path in RNA, and nothing reaches Blender that must not.

A property that names a file and is missing in the table could make one Blender write where another says, or read what it
should not.
"""

from __future__ import annotations

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import Stage, available

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


def test_outputs_and_code_wait_for_consent(stage):
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
    import json

    stage.room.submit(9, doc, "edit", json.dumps({"p": {"source": "FILE", "file": str(secret)}}))
    stage.settle()
    assert b"secret" not in stage.room.blobs.values()
    assert b.do("bpy.data.images['bait'].filepath_raw") == "secret.png"
    # The same on the way out of the scene's folder.
    b.do(f"bpy.ops.wm.save_as_mainfile(filepath={str(tmp_path / 'deep' / 'scene.blend')!r}, relative_remap=False)")
    for path, shown in (("//../secret.png", "secret.png"), ("//../../gone/lost.png", "//../../gone/lost.png")):
        stage.room.submit(9, doc, "edit", json.dumps({"p": {"source": "FILE", "file": path}}))
        stage.settle()
        assert b.do("bpy.data.images['bait'].filepath_raw") == shown
    stage.room.submit(9, doc, "edit", json.dumps({"p": {"source": "FILE", "file": "//server/share/x.png"}}))
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
