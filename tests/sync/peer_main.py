# SPDX-License-Identifier: GPL-3.0-or-later
"""The Blender side of peers.py: one replicator on a fake link, told what to do."""

import ast
import faulthandler
import gc
import os
import sys
import traceback

import bpy

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "..", "addon"))

from peers import KEY, Manager


def plain(value):
    """Blender's own objects cannot travel."""
    return repr(value) if isinstance(value, bpy.types.bpy_struct) else value


def run(code, names):
    tree = ast.parse(code)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<test>", "exec"), names)
    if last is not None:
        return eval(compile(ast.Expression(last.value), "<test>", "eval"), names)
    return None


def main():
    faulthandler.enable()
    args = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    address, number = args[0], args[1]
    blend = args[2] if len(args) > 2 else ""
    Manager.register("room")
    Manager.register("queue")
    manager = Manager(address=address, authkey=KEY)
    manager.connect()
    calls, answers = manager.queue(f"call{number}"), manager.queue(f"answer{number}")
    if blend:
        bpy.ops.wm.open_mainfile(filepath=blend)
    names = {}

    def begin_anew():
        """As in a new process: all names go, and what tests have put into the replicator's modules goes with these."""
        if "rep" in names:
            names["rep"].detach()
        for name in [name for name in sys.modules if name.partition(".")[0] in ("sync", "fake_link")]:
            del sys.modules[name]
        from fake_link import FakeLink

        from sync.replicator import Replicator

        link = FakeLink(manager.room(), int(number))
        names.clear()
        names.update(bpy=bpy, link=link, rep=Replicator(link, room_id="f" * 32), fresh_room=manager.room)
        names.update(FakeLink=FakeLink, Replicator=Replicator, begin_anew=begin_anew)

    begin_anew()
    # What is here by now stays: looking through it again and again took a tenth of the time.
    gc.freeze()
    while True:
        code = calls.get()
        if code is None:
            break
        try:
            answers.put((True, plain(run(code, names))))
        except Exception:
            answers.put((False, traceback.format_exc()))
    sys.stdout.flush()
    os._exit(0)


main()
