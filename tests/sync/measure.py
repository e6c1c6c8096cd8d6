# SPDX-License-Identifier: GPL-3.0-or-later
"""What the replicator costs: run in a Blender, prints milliseconds and bytes. The numbers in comments come from here.

~/.cache/atrium/blenders/bpy50/run tests/sync/measure.py [OBJECTS]
"""

from __future__ import annotations

import cProfile
import json
import os
import pstats
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import bpy
from fake_link import FakeLink, FakeRoom

sys.path.insert(0, os.path.join(HERE, "..", "..", "addon"))
from sync.replicator import Replicator


def timed(name, function, times=1):
    begin = time.perf_counter()
    for _ in range(times):
        function()
    ms = (time.perf_counter() - begin) * 1000 / times
    print(f"{name:48} {ms:10.3f} ms")


def main():
    count = int(next((a for a in sys.argv[1:] if a.isdigit()), "2000"))
    mesh = bpy.data.meshes.new("shared")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    for i in range(count):
        ob = bpy.data.objects.new(f"o{i}", mesh)
        ob.location.x = i
        bpy.context.scene.collection.objects.link(ob)
    bpy.context.view_layer.update()
    link = FakeLink(FakeRoom(), 1)
    rep = Replicator(link, room_id="f" * 32)
    profile = cProfile.Profile() if "--profile" in sys.argv else None
    if profile:
        profile.enable()
    timed(f"upload of {count} objects", lambda: list(rep.upload_all()))
    if profile:
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
    ob = bpy.data.objects["o5"]
    doc = rep.identity.doc(ob)
    timed("capture of one unchanged object", lambda: rep._outgoing.capture(doc), 200)
    timed("capture of the scene, unchanged", lambda: rep._outgoing.capture(rep.identity.doc(bpy.context.scene)), 5)
    if profile:
        profile = cProfile.Profile()
        profile.enable()
        timed("capture of the scene, profiled", lambda: rep._outgoing.capture(rep.identity.doc(bpy.context.scene)), 5)
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
    timed("look for new and removed datablocks", rep._scan, 5)
    sizes = [rep.state.shadows[rep.identity.doc(o)].bytes_used() for o in bpy.data.objects[:100]]
    print(f"{'shadow of a plain object':48} {sum(sizes) / len(sizes):10.0f} bytes")
    rep.tick(1000)
    for _ in range(5):
        ob.location.x += 1
        bpy.context.view_layer.update()
        timed(f"tick(1) after a move, {len(rep._dirty)} waiting", lambda: rep.tick(1))
    timed("idle tick(1)", lambda: rep.tick(1), 20)
    other = FakeLink(link.room, 2)
    for i in range(3):
        other.room.submit(2, doc, "edit", json.dumps({"p": {"location": [i, 0, 0]}}))
        timed("tick(1) with one edit of another", lambda: rep.tick(1))


main()
