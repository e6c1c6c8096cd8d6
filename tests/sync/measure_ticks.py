# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the replicator keeps Blender's main thread: run in a Blender, prints milliseconds per tick.

~/.cache/atrium/blenders/bpy50/run tests/sync/measure_ticks.py [WHAT ...] [--scene FILE] [--objects N] [--profile]

Each line is one situation: the number of ticks, the median, the 99th percentile and the longest of the time that one tick
takes, and the time until nothing is left to do. The link does what the engine does on the main thread (JSON, XXH3) and no
more. Blender's own work between ticks (the rebuild of its dependency graph) is done, and reported apart. What is counted is
the processor time of the main thread: on a machine with other work the clock on the wall says little.
"""

from __future__ import annotations

import cProfile
import hashlib
import json
import os
import pstats
import sys
import time
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
for path in (HERE, os.path.join(HERE, "..", "..", "addon"), os.path.join(HERE, "..", "..", "python")):
    sys.path.insert(0, path)

import bpy
import numpy as np

from sync.replicator import Replicator

try:
    from atrium._core import fingerprint
except ImportError:  # not built here: crc32 is slower

    def fingerprint(data):
        return zlib.crc32(data)


clock = time.thread_time

BUDGET_IDLE_MS, BUDGET_MS, BUDGET_LONG_MS = 1.0, 4.0, 25.0  # addon/session/runtime.py
# Ticks after which a situation counts as never ending.
TICKS_MAX = 20000


class Link:
    """What the engine does on the main thread."""

    def __init__(self):
        self.created = []
        self.blobs = {}
        self.events = []
        self.submitted = 0

    def submit(self, doc, kind, tree, *, needs=(), action=0, preview=False):
        text = json.dumps(tree, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        self.submitted += 1
        if kind == "create":
            self.created.append((doc, text))
        return True

    def put_blob(self, data):
        raw = bytes(data)
        sha = hashlib.sha256(raw).hexdigest()
        self.blobs[sha] = raw
        return sha

    def blob(self, sha):
        data = self.blobs.get(sha)
        return None if data is None else memoryview(data)

    def fingerprint(self, data):
        return fingerprint(data)

    def poll(self, max_events):
        out, self.events = self.events[:max_events], self.events[max_events:]
        return out


class Ticks:
    """The times of the ticks of one situation."""

    def __init__(self, name, after=lambda: None):
        self.name, self.times, self.between = name, [], []
        self.after = after

    def run(self, step):
        begin = clock()
        result = step()
        self.times.append((clock() - begin) * 1000)
        begin = clock()
        bpy.context.view_layer.update()
        self.between.append((clock() - begin) * 1000)
        return result

    def until(self, step, done):
        while len(self.times) < TICKS_MAX:
            self.run(step)
            if done():
                return self
        raise SystemExit(f"{self.name}: no end")

    def print(self):
        at = sorted(self.times)
        p99 = at[min(len(at) - 1, int(len(at) * 0.99))]
        print(
            f"{self.name:44} {len(at):6} ticks  p50 {at[len(at) // 2]:8.2f}  p99 {p99:8.2f}  max {at[-1]:8.2f}"
            f"  sum {sum(at):9.1f} ms  Blender {sum(self.between):9.1f} ms",
            flush=True,
        )


def steps(iterator, budget_ms):
    """Runs a generator as the driver does: for as long as the budget lasts. False when it has ended."""

    def step():
        end = time.perf_counter() + budget_ms / 1000
        return any(time.perf_counter() >= end for _ in iterator)

    return step


def drain(name, iterator, budget_ms):
    ticks = Ticks(name)
    step = steps(iterator, budget_ms)
    while ticks.run(step):
        pass
    ticks.print()


def empty():
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)


def fresh(link=None):
    rep = Replicator(link or Link(), room_id="f" * 32)
    return rep


def uploaded():
    rep = fresh()
    for _ in rep.upload_all():
        pass
    quiet(rep)
    return rep


def quiet(rep):
    for _ in range(5):
        rep.tick(10000)


def settle(rep, name, budget_ms=BUDGET_MS):
    """Ticks until nothing is pending."""
    Ticks(name).until(lambda: rep.tick(budget_ms), lambda: rep.pending == 0).print()


def objects(count, link_them=True):
    mesh = bpy.data.meshes.new("shared")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    for i in range(count):
        ob = bpy.data.objects.new(f"o{i}", mesh)
        ob.location.x = i
        if link_them:
            bpy.context.scene.collection.objects.link(ob)
    bpy.context.view_layer.update()


def action(curves, keys=20):
    ob = bpy.data.objects.new("animated", None)
    bpy.context.scene.collection.objects.link(ob)
    for c in range(curves):
        for k in range(keys):
            ob[f"p{c}"] = float(k)
            ob.keyframe_insert(f'["p{c}"]', frame=1 + 5 * k)
    bpy.context.view_layer.update()
    return ob.animation_data.action


def curves_of(act):
    return act.layers[0].strips[0].channelbags[0].fcurves if hasattr(act, "layers") and act.layers else act.fcurves


# --- situations --------------------------------------------------------------------------------------------------------


def idle(args):
    """The audit of a scene in which nothing happens."""
    if args.scene:
        bpy.ops.wm.open_mainfile(filepath=args.scene)
    else:
        objects(args.objects)
    rep = uploaded()
    ticks = Ticks(f"idle, {len(rep.identity.docs())} documents")
    for _ in range(600):
        ticks.run(lambda: rep.tick(BUDGET_IDLE_MS))
    ticks.print()


def move(args):
    """One object of many is moved, again and again."""
    objects(args.objects)
    rep = uploaded()
    ticks = Ticks(f"one of {args.objects} objects moves")
    for i in range(100):
        bpy.data.objects["o5"].location.y = i + 1
        bpy.context.view_layer.update()
        ticks.run(lambda: rep.tick(BUDGET_MS))
    ticks.print()


def mesh(args):
    """A vertex of a mesh of 100,000 moves, again and again; once with two vertex groups."""
    for weights in (False, True):
        empty()
        edit_mesh(grid(weights), ", weights" if weights else "")


def grid(weights):
    n = 316
    x, y = np.meshgrid(np.arange(n), np.arange(n))
    co = np.column_stack([x.ravel(), y.ravel(), np.zeros(n * n)])
    at = np.arange(n * n).reshape(n, n)
    faces = np.stack([at[:-1, :-1], at[:-1, 1:], at[1:, 1:], at[1:, :-1]], axis=-1).reshape(-1, 4)
    data = bpy.data.meshes.new("grid")
    data.from_pydata(co.tolist(), [], faces.tolist())
    ob = bpy.data.objects.new("grid", data)
    bpy.context.scene.collection.objects.link(ob)
    for name in ("one", "two") if weights else ():
        group = ob.vertex_groups.new(name=name)
        for i in range(n * n):
            group.add([i], (i % 97) / 97, "REPLACE")
    bpy.context.view_layer.update()
    return data


def edit_mesh(data, more):
    rep = uploaded()
    sent = rep._link.submitted
    ticks = Ticks(f"mesh of {len(data.vertices)} vertices edited{more}")
    for i in range(10):
        data.vertices[5].co.z = i + 1
        data.update()
        bpy.context.view_layer.update()
        ticks.until(lambda: rep.tick(BUDGET_MS), lambda: rep.pending == 0)
    ticks.print()
    assert rep._link.submitted == sent + 10, rep._link.submitted - sent
    idle_for(rep)


def idle_for(rep, count=300):
    ticks = Ticks("  and idle")
    for _ in range(count):
        ticks.run(lambda: rep.tick(BUDGET_IDLE_MS))
        time.sleep(0.004)
    ticks.print()


def keys(args):
    """An action of 350 curves: uploaded, one key changed, and idle."""
    act = action(350)
    rep = fresh()
    drain("action of 350 curves, upload", rep.upload_all(), BUDGET_LONG_MS)
    quiet(rep)
    doc = rep.identity.doc(act)
    begin = clock()
    rep._outgoing.capture(doc)
    print(f"  one whole reading: {(clock() - begin) * 1000:.1f} ms")
    ticks = Ticks("  one key changed")
    for i in range(10):
        curves_of(act)[7].keyframe_points[3].co.y = 100 + i
        act.update_tag()
        bpy.context.view_layer.update()
        rep._dirty[doc] = None
        ticks.until(lambda: rep.tick(BUDGET_MS), lambda: rep.pending == 0)
    ticks.print()
    idle_for(rep)


def pixels(args):
    """An image of 4096 by 4096 pixels, painted on: what is in one piece is read and given to the engine in one tick."""
    image = bpy.data.images.new("painted", 4096, 4096)
    image.use_fake_user = True
    image.pixels[:4] = (1, 0, 0, 1)
    rep = uploaded()
    ticks = Ticks("a painted image of 4096 x 4096, one stroke")
    for i in range(5):
        image.pixels[:4] = (0, i / 5, 0, 1)
        rep._dirty[rep.identity.doc(image)] = None
        ticks.until(lambda: rep.tick(BUDGET_MS), lambda: rep.pending == 0)
    ticks.print()


def nodes(args):
    """A material of 1000 nodes."""
    mat = bpy.data.materials.new("many")
    mat.use_nodes = True
    last = None
    for _ in range(1000):
        node = mat.node_tree.nodes.new("ShaderNodeMath")
        if last is not None:
            mat.node_tree.links.new(node.inputs[0], last.outputs[0])
        last = node
    rep = fresh()
    drain("1000 nodes, upload", rep.upload_all(), BUDGET_LONG_MS)
    quiet(rep)
    doc = rep.identity.doc(mat)
    begin = clock()
    rep._outgoing.capture(doc)
    print(f"  one whole reading: {(clock() - begin) * 1000:.1f} ms")
    ticks = Ticks("  one value changed")
    for i in range(5):
        mat.node_tree.nodes[7].inputs[1].default_value = 100 + i
        rep._dirty[doc] = None
        ticks.until(lambda: rep.tick(BUDGET_MS), lambda: rep.pending == 0)
    ticks.print()
    idle_for(rep)


def bones(args):
    """An armature of 1000 bones."""
    data = bpy.data.armatures.new("many")
    ob = bpy.data.objects.new("many", data)
    bpy.context.scene.collection.objects.link(ob)
    bpy.context.view_layer.objects.active = ob
    bpy.ops.object.mode_set(mode="EDIT")
    for i in range(1000):
        bone = data.edit_bones.new(f"b{i}")
        bone.head, bone.tail = (i, 0, 0), (i, 0, 1)
    bpy.ops.object.mode_set(mode="OBJECT")
    rep = fresh()
    drain("1000 bones, upload", rep.upload_all(), BUDGET_LONG_MS)
    quiet(rep)
    for block in (data, ob):
        begin = clock()
        rep._outgoing.capture(rep.identity.doc(block))
        print(f"  one whole reading of the {type(block).__name__}: {(clock() - begin) * 1000:.1f} ms")
    ticks = Ticks("  one bone posed")
    for i in range(5):
        ob.pose.bones[7].location.x = i + 1
        bpy.context.view_layer.update()
        ticks.until(lambda: rep.tick(BUDGET_MS), lambda: rep.pending == 0)
    ticks.print()
    idle_for(rep)


def room_of(build):
    """The events by which a scene arrives."""
    build()
    link = uploaded()._link
    return link, [
        {"t": "doc", "doc": doc, "kind": "create", "tree": json.loads(text), "mine": False}
        for doc, text in link.created
    ]


def arrive(args):
    """Objects arrive in a joined scene."""
    link, events = room_of(lambda: objects(args.objects))
    empty()
    rep = fresh(Link())
    for _ in rep.upload_all():
        pass
    quiet(rep)
    scene = rep.identity.doc(bpy.context.scene)
    rep._link.blobs = link.blobs
    events = [e for e in events if e["tree"]["type"] != "Scene"]
    names = {"t": "doc", "doc": scene, "kind": "edit", "mine": False}
    docs = {e["doc"]: 1 for e in events if e["tree"]["type"] == "Object"}
    names["tree"] = {"s": {"@collection": {"m": {"objects": docs}}}}
    rep._link.events = [*events, names]
    ticks = Ticks(f"{args.objects} objects arrive")
    ticks.until(lambda: rep.tick(BUDGET_MS), lambda: rep.pending == 0 and not rep._link.events).print()
    assert len(bpy.context.scene.objects) == args.objects, len(bpy.context.scene.objects)
    rep._link.events = [
        {"t": "doc", "doc": doc, "kind": "edit", "tree": {"p": {"location": [0, i, 0]}}, "mine": False}
        for i, doc in enumerate(docs)
    ]
    ticks = Ticks(f"{args.objects} objects moved by others")
    ticks.until(lambda: rep.tick(BUDGET_MS), lambda: rep.pending == 0 and not rep._link.events).print()
    rep._link.events = [{"t": "doc", "doc": doc, "kind": "delete", "tree": None, "mine": False} for doc in docs]
    ticks = Ticks(f"{args.objects} objects deleted by others")
    ticks.until(lambda: rep.tick(BUDGET_MS), lambda: rep.pending == 0 and not rep._link.events).print()


def room(args):
    """Create Room with a scene, and Join of it."""
    name = os.path.basename(args.scene) if args.scene else f"{args.objects} objects"
    if args.scene:
        bpy.ops.wm.open_mainfile(filepath=args.scene)
    else:
        objects(args.objects)
    rep = fresh()
    drain(f"Create Room, {name}", rep.upload_all(), BUDGET_LONG_MS)
    ticks = Ticks("  a whole pass (flush)")
    ticks.run(rep.capture_all)
    ticks.print()
    link, events = rep._link, []
    for doc, text in link.created:
        events.append({"t": "doc", "doc": doc, "kind": "create", "tree": json.loads(text), "mine": False})
    rep.detach()
    empty()
    other = fresh(Link())
    other._link.blobs, other._link.events = link.blobs, events
    drain(f"Join, {name}", other.replace_all(), BUDGET_LONG_MS)
    settle(other, "  afterwards, until nothing is pending")


class Args:
    def __init__(self, argv):
        self.what, self.scene, self.objects, self.profile = [], "", 2000, False
        argv = iter(argv)
        for a in argv:
            if a == "--scene":
                self.scene = next(argv)
            elif a == "--objects":
                self.objects = int(next(argv))
            elif a == "--profile":
                self.profile = True
            elif not a.startswith("--"):
                self.what.append(a)


SITUATIONS = {f.__name__: f for f in (idle, move, mesh, keys, pixels, nodes, bones, arrive, room)}


def main():
    args = Args(sys.argv[1:])
    for name in args.what or list(SITUATIONS):
        empty()
        profile = cProfile.Profile() if args.profile else None
        if profile:
            profile.enable()
        SITUATIONS[name](args)
        if profile:
            profile.disable()
            pstats.Stats(profile).sort_stats("tottime").print_stats(30)
    sys.stdout.flush()
    os._exit(0)


main()
