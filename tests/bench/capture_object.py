# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes object.json: the document of the cube that Blender starts with, as the add-on captures it. Runs in a Blender:

~/.cache/atrium/blenders/bpy50/run tests/bench/capture_object.py
"""

import json
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "sync"), str(TESTS.parent / "addon")]

import bpy
from fake_link import FakeLink, FakeRoom

from sync.replicator import Replicator

link = FakeLink(FakeRoom(), 1)
replicator = Replicator(link, room_id="f" * 32)
for _ in replicator.upload_all():
    pass
tree = link.room.tree_of(replicator.identity.doc(bpy.data.objects["Cube"]))
Path(__file__).with_name("object.json").write_text(json.dumps(tree, indent=1) + "\n")
