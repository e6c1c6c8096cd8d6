# SPDX-License-Identifier: GPL-3.0-or-later
"""View layers show the same to all also where the room says nothing of a collection in them.

Blender makes layer collections by itself, with flags that depend on where they come to be: each of these ended with some who saw a
collection held out or excluded, and others who did not.
"""

from __future__ import annotations

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import at_once

FLAGS = ("exclude", "holdout", "indirect_only", "hide_viewport")
SHOWN = """
def below(layer):
    names = ("exclude", "holdout", "indirect_only", "hide_viewport")
    return {l.name: ([n for n in names if getattr(l, n)], below(l)) for l in sorted(layer.children, key=lambda l: l.name)}
{f"{s.name} {v.name}": below(v.layer_collection) for s in bpy.data.scenes for v in s.view_layers}
"""
ADD = "bpy.data.collections['Collection'].children.link(bpy.data.collections.new('Inner'))"
LAYER = "bpy.context.view_layer.layer_collection"


def all_show(*peers):
    """What everybody's view layers show of the collections, the same to all."""
    shown = [peer.do(SHOWN) for peer in peers]
    assert all(other == shown[0] for other in shown), shown
    return shown[0]


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("first", [0, 1])
def test_a_collection_in_one_that_a_new_view_layer_sets_aside(three, flag, first):
    """Who puts it there knows nothing of that layer, and says nothing of it."""
    stage, a, b, c = three
    aside = f"bpy.context.scene.view_layers.new('V').layer_collection.children['Collection'].{flag} = True"
    deeds = [(a, ADD), (b, aside)]
    at_once(stage, *(deeds if first == 0 else deeds[::-1]))
    shown = all_show(a, b, c)
    assert shown["Scene V"] == {"Collection": ([flag], {"Inner": ([], {})})}
    # Its first change makes it in the room, and later ones find it there.
    layer = "bpy.context.scene.view_layers['V'].layer_collection.children['Collection'].children['Inner']"
    c.do(f"{layer}.holdout = True")
    stage.settle()
    assert all_show(a, b, c)["Scene V"] == {"Collection": ([flag], {"Inner": (["holdout"], {})})}
    a.do(f"{layer}.indirect_only = True")
    stage.settle()
    assert all_show(a, b, c)["Scene V"] == {"Collection": ([flag], {"Inner": (["holdout", "indirect_only"], {})})}


def test_a_collection_is_linked_again_into_what_another_fills(three):
    """Who fills it no longer saw it in the scene."""
    stage, a, b, c = three
    a.do("s = bpy.context.scene.collection.children; s.unlink(s['Collection']); rep.capture_all()")
    b.do("link.hold = True; rep.tick(1000); " + ADD + "; rep.capture_all()")
    c.do("rep.tick(1000); bpy.context.scene.collection.children.link(bpy.data.collections['Collection'])")
    c.do(f"{LAYER}.children['Collection'].indirect_only = True; rep.capture_all()")
    b.do("link.release()")
    stage.settle()
    assert all_show(a, b, c)["Scene ViewLayer"] == {"Collection": (["indirect_only"], {"Inner": ([], {})})}


def test_a_collection_moves_with_what_its_layer_was(three):
    """Who moves it takes its flags along in the layers that he knows, and Blender for each what it had."""
    stage, a, b, c = three
    a.do(ADD + f"; {LAYER}.children['Collection'].children['Inner'].holdout = True")
    stage.settle()
    move = """
        inner = bpy.data.collections['Inner']
        bpy.context.scene.collection.children.link(inner); bpy.data.collections['Collection'].children.unlink(inner)
    """
    aside = "bpy.context.scene.view_layers.new('V').layer_collection.children['Collection'].children['Inner']"
    at_once(stage, (a, move), (b, aside + ".exclude = True"))
    shown = all_show(a, b, c)
    assert shown["Scene V"] == {"Collection": ([], {}), "Inner": ([], {})}


def test_a_change_of_what_came_between_an_undo_and_the_next_look(three):
    """What is new is told as a whole, also where all around it is another's word: the room would drop its changes."""
    stage, a, b, c = three
    b.do("bpy.ops.ed.undo_push(message='joined')")
    b.do(f"{LAYER}.children['Collection'].exclude = True; bpy.ops.ed.undo_push(message='exclude'); rep.tick(1000)")
    stage.settle()
    a.do("s = bpy.context.scene.collection.children; s.unlink(s['Collection'])")
    stage.settle()
    b.do("bpy.ops.ed.undo(); bpy.context.scene.collection.children.link(bpy.data.collections.new('New'))")
    stage.settle()
    all_show(a, b, c)
    c.do(f"{LAYER}.children['New'].exclude = True")
    stage.settle()
    assert all_show(a, b, c)["Scene ViewLayer"]["New"] == (["exclude"], {})
