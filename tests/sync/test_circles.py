# SPDX-License-Identifier: GPL-3.0-or-later
"""Several people close a circle that nobody of them would be let close alone: at rest it is open at the same place for all.

Blender takes of parents, collections inside of collections, objects that show collections, background sets and node groups only what comes
before the last of the circle, and who has got what first must not matter.
"""

from __future__ import annotations

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import at_once, both


def test_parents_in_a_circle(three):
    stage, a, b, c = three
    at_once(
        stage,
        (a, "bpy.data.objects['Cube'].parent = bpy.data.objects['Light']"),
        (b, "bpy.data.objects['Light'].parent = bpy.data.objects['Cube']"),
    )
    shown = "sorted((o.name, o.parent and o.parent.name) for o in bpy.data.objects)"
    circle = both(a, b, shown)
    assert c.do(shown) == circle and circle != [("Camera", None), ("Cube", None), ("Light", None)]
    # Whoever lets go gives the other one's word its due again.
    child = a.do("next(o.name for o in bpy.data.objects if o.parent)")
    a.do(f"bpy.data.objects[{child!r}].parent = None")
    stage.settle()
    assert both(a, b, shown) == c.do(shown)
    assert [n for n, parent in c.do(shown) if parent] == [n for n in ("Cube", "Light") if n != child]


def test_parents_that_change_places(three):
    """On the way there may be a circle that is in nobody's mind."""
    stage, a, b, c = three
    a.do("bpy.data.objects['Cube'].parent = bpy.data.objects['Light']")
    a.do("bpy.data.objects['Light'].parent = bpy.data.objects['Camera']")
    stage.settle()
    a.do("bpy.data.objects['Light'].parent = None; bpy.data.objects['Cube'].parent = None")
    a.do("bpy.data.objects['Light'].parent = bpy.data.objects['Cube']")
    a.do("bpy.data.objects['Camera'].parent = bpy.data.objects['Light']")
    stage.settle()
    shown = "sorted((o.name, o.parent and o.parent.name) for o in bpy.data.objects)"
    assert both(a, b, shown) == c.do(shown) == [("Camera", "Light"), ("Cube", None), ("Light", "Cube")]


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("opened", ["the object", "the collection"])
def test_an_object_shows_a_collection_that_gets_it(three, first, opened):
    """Blender takes only one of the two: everywhere it is the collection's, until somebody opens the circle."""
    stage, a, b, c = three
    a.do("""
        made = bpy.data.collections.new("Box")
        bpy.context.scene.collection.children.link(made)
        bpy.context.scene.collection.objects.link(bpy.data.objects.new("Shows", None))
    """)
    stage.settle()
    deeds = [
        (a, "bpy.data.collections['Box'].objects.link(bpy.data.objects['Shows'])"),
        (b, "bpy.data.objects['Shows'].instance_collection = bpy.data.collections['Box']"),
    ]
    at_once(stage, *(deeds if first == 0 else deeds[::-1]))
    inside = "[o.name for o in bpy.data.collections['Box'].objects]"
    shows = "(found := bpy.data.objects['Shows'].instance_collection) and found.name"
    assert both(a, b, inside) == c.do(inside) == ["Shows"]
    assert both(a, b, shows) is None and c.do(shows) is None
    if opened == "the collection":
        c.do("bpy.data.collections['Box'].objects.unlink(bpy.data.objects['Shows'])")
    else:
        # Whoever has it show something else means that.
        a.do("bpy.data.objects['Shows'].instance_collection = bpy.data.collections['Collection']")
    stage.settle()
    assert both(a, b, shows) == c.do(shows) == ("Box" if opened == "the collection" else "Collection")
    assert both(a, b, inside) == c.do(inside) == ([] if opened == "the collection" else ["Shows"])


BOXES = """
for name in ("A", "B", "C", "Else"):
    made = bpy.data.collections.new(name)
    bpy.context.scene.collection.children.link(made)
    made.objects.link(bpy.data.objects.new("in " + name, None))
"""
INSIDE = "{c.name: sorted(x.name for x in c.children) for c in [bpy.context.scene.collection, *bpy.data.collections]}"
IN_SIGHT = "sorted(o.name for o in bpy.context.scene.objects if o.name[:3] == 'in ')"
ALL_BOXES = ["in A", "in B", "in C", "in Else"]


def _put(what, into, out_of="bpy.context.scene.collection"):
    """As the outliner does it: out of where it was."""
    what = f"bpy.data.collections[{what!r}]"
    out = f"; {out_of}.children.unlink({what})" if out_of else ""
    return f"bpy.data.collections[{into!r}].children.link({what}){out}"


def _boxes(*peers):
    """What is in each collection, the same to all, and what is in it in sight; and nobody is told that one is missing."""
    told = "[str(r) for r in rep.refused if 'children' in r.what]"
    assert [peer.do(told) for peer in peers] == [[]] * len(peers)
    shown = [peer.do(INSIDE) for peer in peers]
    assert all(other == shown[0] for other in shown), shown
    assert all(peer.do(IN_SIGHT) == ALL_BOXES for peer in peers)
    return shown[0]


@pytest.mark.parametrize("shown", ["still in the scene", "nowhere else"])
@pytest.mark.parametrize("first", [0, 1])
def test_collections_in_a_circle(three, first, shown):
    stage, a, b, c = three
    a.do(BOXES)
    stage.settle()
    out_of = None if shown == "still in the scene" else "bpy.context.scene.collection"
    deeds = [(a, _put("A", "B", out_of)), (b, _put("B", "A", out_of))]
    at_once(stage, *(deeds if first == 0 else deeds[::-1]))
    inside = _boxes(a, b, c)
    assert sorted((inside["A"], inside["B"])) == [[], ["A"]] or sorted((inside["A"], inside["B"])) == [[], ["B"]]
    # Whoever takes one out gives the other one's word its due again.
    outer, inner = ("A", "B") if inside["A"] else ("B", "A")
    scene = "bpy.context.scene.collection"
    link = "" if shown == "still in the scene" else f"{scene}.children.link(bpy.data.collections[{inner!r}]); "
    c.do(f"{link}bpy.data.collections[{outer!r}].children.unlink(bpy.data.collections[{inner!r}])")
    stage.settle()
    opened = _boxes(a, b, c)
    assert (opened[outer], opened[inner]) == ([], [outer])
    left = {"A", "B"} if shown == "still in the scene" else {inner}
    assert set(opened["Scene Collection"]) == {"C", "Collection", "Else"} | left


@pytest.mark.parametrize("shown", ["still in the scene", "nowhere else"])
def test_three_collections_in_a_circle(three, shown):
    stage, a, b, c = three
    a.do(BOXES)
    stage.settle()
    out_of = None if shown == "still in the scene" else "bpy.context.scene.collection"
    at_once(stage, (a, _put("A", "B", out_of)), (b, _put("B", "C", out_of)), (c, _put("C", "A", out_of)))
    inside = _boxes(a, b, c)
    assert sorted(len(inside[name]) for name in "ABC") == [0, 1, 1]
    # One of the three goes elsewhere, and no longer is the circle one.
    outer = next(name for name in "ABC" if not any(name in inside[other] for other in "ABC"))
    inner = inside[outer][0]
    b.do(_put(inner, "Else", f"bpy.data.collections[{outer!r}]"))
    stage.settle()
    opened = _boxes(a, b, c)
    last = next(name for name in "ABC" if name not in (outer, inner))
    assert (opened["Else"], opened[inner], opened[last], opened[outer]) == ([inner], [last], [outer], [])


def _two_in_a_circle(stage, a, b):
    """A into B and B into A, at once."""
    a.do(BOXES)
    stage.settle()
    at_once(stage, (a, _put("A", "B")), (b, _put("B", "A")))


def test_a_collection_of_a_circle_is_deleted(three):
    stage, a, b, c = three
    _two_in_a_circle(stage, a, b)
    outer = "A" if both(a, b, INSIDE)["A"] else "B"
    # What was inside is out of sight with what it was in, as ever; nothing else is there to show it.
    c.do(f"bpy.data.collections.remove(bpy.data.collections[{outer!r}])")
    stage.settle()
    assert both(a, b, INSIDE) == c.do(INSIDE)
    assert both(a, b, "sorted(o.name for o in bpy.data.objects)") == ["Camera", "Cube", "Light", *ALL_BOXES]


def test_who_takes_a_circle_out_of_sight(three):
    """It is shown as long as it is one: nothing else would show what is in it."""
    stage, a, b, c = three
    _two_in_a_circle(stage, a, b)
    inside = _boxes(a, b, c)
    outer = "A" if inside["A"] else "B"
    c.do(f"s = bpy.context.scene.collection.children; s.unlink(s[{outer!r}])")
    stage.settle()
    assert _boxes(a, b, c) == inside


def test_a_collection_in_a_circle_is_set_aside(three):
    stage, a, b, c = three
    _two_in_a_circle(stage, a, b)
    outer = "A" if both(a, b, INSIDE)["A"] else "B"
    c.do(f"bpy.context.view_layer.layer_collection.children[{outer!r}].holdout = True")
    stage.settle()
    shown = "{l.name: l.holdout for l in bpy.context.view_layer.layer_collection.children}"
    assert both(a, b, shown) == c.do(shown) == {"C": False, "Collection": False, "Else": False, outer: True}


@pytest.mark.parametrize("first", [0, 1])
def test_a_collection_gets_one_that_shows_it(three, first):
    """Blender refuses to put a collection into one that is shown inside of it. What is shown inside goes, and not what was shown before stays."""
    stage, a, b, c = three
    a.do(BOXES + "bpy.data.objects['in Else'].instance_collection = bpy.data.collections['C']")
    stage.settle()
    deeds = [
        (a, "bpy.data.collections['A'].children.link(bpy.data.collections['Else'])"),
        (b, "bpy.data.objects['in Else'].instance_collection = bpy.data.collections['A']"),
    ]
    at_once(stage, *(deeds if first == 0 else deeds[::-1]))
    assert _boxes(a, b, c)["A"] == ["Else"]
    shows = "(shown := bpy.data.objects['in Else'].instance_collection) and shown.name"
    assert both(a, b, shows) is None and c.do(shows) is None
    a.do("bpy.data.collections['A'].children.unlink(bpy.data.collections['Else'])")
    stage.settle()
    assert both(a, b, shows) == c.do(shows) == "A"


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("way", ["each other", "one that shows it", "three"])
def test_objects_show_collections_in_a_circle(three, first, way):
    """Blender takes it, and crashes when it evaluates the scene: everybody's would, and that of who joins."""
    stage, a, b, c = three
    between = "bpy.data.objects['in {}'].instance_collection = bpy.data.collections['{}']".format
    a.do(BOXES + (between("Else", "C") if way == "one that shows it" else ""))
    stage.settle()
    if way == "one that shows it":
        deeds = [(a, "bpy.data.collections['A'].children.link(bpy.data.collections['Else'])"), (b, between("C", "A"))]
    elif way == "three":
        deeds = [(a, between("A", "B")), (b, between("B", "C")), (c, between("C", "A"))]
    else:
        deeds = [(a, between("A", "B")), (b, between("B", "A"))]
    at_once(stage, *(deeds if first == 0 else deeds[::-1]))
    for peer in (a, b, c):
        peer.do("bpy.context.view_layer.update()")
    stage.settle()
    _boxes(a, b, c)
    shows = "{o.name[3:]: o.instance_collection.name for o in bpy.data.objects if o.instance_collection}"
    shown = both(a, b, shows)
    assert c.do(shows) == shown and len(shown) == (2 if way == "three" else 1)
    # As soon as it is open all show what they are to.
    name = next(iter(shown))
    c.do(f"bpy.data.objects['in {name}'].instance_collection = None")
    stage.settle()
    opened = both(a, b, shows)
    assert c.do(shows) == opened and len(opened) == len(shown) and name not in opened


# What is in one document: how to make two of a kind that can be in each other, to put one into the other or nowhere, and to see them.
FRAMES = (
    """
    tree = bpy.data.node_groups.new("Tree", "ShaderNodeTree")
    tree.use_fake_user = True
    for name in ("A", "B", "C"):
        tree.nodes.new("NodeFrame").name = name
    del tree
    """,
    "(lambda n: setattr(n[{what!r}], 'parent', n.get({into!r})))(bpy.data.node_groups['Tree'].nodes)",
    "{n.name: n.parent and n.parent.name for n in bpy.data.node_groups['Tree'].nodes}",
)
PANELS = (
    """
    tree = bpy.data.node_groups.new("Tree", "ShaderNodeTree")
    tree.use_fake_user = True
    for name in ("A", "B", "C"):
        tree.interface.new_panel(name)
    tree.interface.new_socket("In A", in_out="INPUT", socket_type="NodeSocketFloat", parent=tree.interface.items_tree["A"])
    del tree
    """,
    """
    (lambda i: i.move_to_parent(i.items_tree[{what!r}], i.items_tree.get({into!r}) or next(x.parent for x in i.items_tree if x.parent.index < 0), 9))(
        bpy.data.node_groups['Tree'].interface)
    """,
    "{i.name: i.parent.name or None for i in bpy.data.node_groups['Tree'].interface.items_tree if i.item_type == 'PANEL'}",
)
PENCILS = "getattr(bpy.data, 'grease_pencils_v3', bpy.data.grease_pencils)"
LAYER_GROUPS = (
    f"""
    pencil = {PENCILS}.new("Pencil")
    pencil.use_fake_user = True
    for name in ("A", "B", "C"):
        pencil.layer_groups.new(name)
    pencil.layers.new("In A", layer_group=pencil.layer_groups["A"])
    del pencil
    """,
    f"(lambda g: g.move_to_layer_group(g[{{what!r}}], g.get({{into!r}})))({PENCILS}['Pencil'].layer_groups)",
    f"{{g.name: g.parent_group and g.parent_group.name for g in {PENCILS}['Pencil'].layer_groups}}",
)
BONE_COLLECTIONS = (
    """
    armature = bpy.data.armatures.new("Rig")
    armature.use_fake_user = True
    for name in ("A", "B", "C"):
        armature.collections.new(name)
    del armature
    """,
    "(lambda c: setattr(c[{what!r}], 'parent', c.get({into!r})))(bpy.data.armatures['Rig'].collections_all)",
    "{c.name: c.parent and c.parent.name for c in bpy.data.armatures['Rig'].collections_all}",
)
IN_A_DOCUMENT = {"frames": FRAMES, "panels": PANELS, "layer groups": LAYER_GROUPS, "bone collections": BONE_COLLECTIONS}


@pytest.fixture(params=IN_A_DOCUMENT)
def family(request, version):
    """What people put into each other: a call that does it, and what shows it."""
    if version == "bpy42" and request.param in ("panels", "layer groups"):
        pytest.skip("Blender 4.2 has no panels in panels, and no groups of layers")
    made, put, shown = IN_A_DOCUMENT[request.param]
    return made, lambda what, into: put.format(what=what, into=into or "").strip(), shown


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("by", ["the inner", "the outer", "a third"])
def test_items_of_one_document_in_a_circle(three, family, first, by):
    stage, a, b, c = three
    made, put, shown = family
    a.do(made)
    stage.settle()
    deeds = [(a, put("A", "B")), (b, put("B", "A"))]
    at_once(stage, *(deeds if first == 0 else deeds[::-1]))
    circle = both(a, b, shown)
    assert c.do(shown) == circle and sorted(map(str, circle.values())) in (["A", "None", "None"], ["B", "None", "None"])
    # Whoever lets go of what is shown gives the other one's word its due again.
    inner, outer = ("B", "A") if circle["B"] else ("A", "B")
    opener = {"the inner": a if inner == "A" else b, "the outer": a if outer == "A" else b, "a third": c}[by]
    opener.do(put(inner, "C"))
    stage.settle()
    assert both(a, b, shown) == c.do(shown) == {inner: "C", outer: inner, "C": None}


def test_items_of_one_document_turn_round(three, family):
    """On the way there may be a circle that is in nobody's mind."""
    stage, a, b, c = three
    made, put, shown = family
    a.do(made)
    a.do(put("A", "B"))
    a.do(put("B", "C"))
    stage.settle()
    assert both(a, b, shown) == c.do(shown) == {"A": "B", "B": "C", "C": None}
    for what, into in (("B", None), ("A", None), ("C", "B"), ("B", "A")):
        a.do(put(what, into))
    stage.settle()
    assert both(a, b, shown) == c.do(shown) == {"A": None, "B": "A", "C": "B"}
    a.do(put("B", None))
    stage.settle()
    assert both(a, b, shown) == c.do(shown) == {"A": None, "B": None, "C": "B"}


GROUPS = """
    for name in ("A", "B", "C"):
        tree = bpy.data.node_groups.new(name, KIND)
        tree.use_fake_user = True
        for way in ("INPUT", "OUTPUT"):
            tree.interface.new_socket("one", in_out=way, socket_type="NodeSocketFloat")
            tree.interface.new_socket("two", in_out=way, socket_type="NodeSocketFloat")
        ends = tree.nodes.new("NodeGroupInput"), tree.nodes.new("NodeGroupOutput")
        tree.links.new(ends[0].outputs["two"], ends[1].inputs["two"])
"""
# What is inside of each group, with the values and links of its node.
INNER = """{
    t.name: sorted(
        (
            n.name,
            n.node_tree and n.node_tree.name,
            [s.default_value for s in n.inputs],
            sorted((l.from_node.name, l.from_socket.name, l.to_socket.name) for l in t.links if n in (l.from_node, l.to_node)),
        )
        for n in t.nodes
        if hasattr(n, "node_tree")
    )
    for t in bpy.data.node_groups
}"""
KINDS = ["ShaderNodeTree", "GeometryNodeTree", "CompositorNodeTree"]


def _use(inner, outer, kind):
    """A node of one group in another, linked to what comes in and goes out, and with a value."""
    return f"""
        outer = bpy.data.node_groups[{outer!r}]
        node = outer.nodes.new({kind.replace("Tree", "Group")!r})
        node.name = {"in " + outer!r}
        node.node_tree = bpy.data.node_groups[{inner!r}]
        node.inputs[1].default_value = 0.25
        outer.links.new(outer.nodes["Group Input"].outputs["one"], node.inputs["one"])
        outer.links.new(node.outputs["one"], outer.nodes["Group Output"].inputs["one"])
    """


def _used(inner, outer):
    links = [("Group Input", "one", "one"), ("in " + outer, "one", "one")]
    return ("in " + outer, inner, [0.0, 0.25], links)


def _inner(*peers):
    """What each group shows, the same to all, and nothing in anybody's list."""
    for peer in peers:
        assert peer.do("[str(r) for r in rep.refused]") == []
    shown = [peer.do(INNER) for peer in peers]
    assert all(other == shown[0] for other in shown), shown
    return {name: [tuple(node) for node in nodes] for name, nodes in shown[0].items()}


def _groups_in_a_circle(stage, peers, kind, first=0, names="AB"):
    """Each into the next one's, at once; the names of the one that shows nothing and of those that show something."""
    peers[0].do(GROUPS.replace("KIND", repr(kind)))
    stage.settle()
    pairs = list(zip(names, names[1:] + names[:1], strict=True))
    deeds = [(peer, _use(inner, outer, kind)) for peer, (outer, inner) in zip(peers, pairs, strict=False)]
    at_once(stage, *(deeds if first == 0 else deeds[::-1]))
    shown = _inner(*peers)
    empty = [name for name in names if shown[name] == [("in " + name, None, [], [])]]
    assert len(empty) == 1
    for outer, inner in pairs:
        assert outer in empty or shown[outer] == [_used(inner, outer)]
    return empty[0], dict(pairs)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("first", [0, 1])
def test_node_groups_in_a_circle(three, first, kind):
    stage, a, b, c = three
    empty, inside = _groups_in_a_circle(stage, (a, b, c), kind, first)
    # Whoever takes out the one that is shown gives the other one's word its due again, with all that was said of its sockets.
    other = inside[empty]
    c.do(f"tree = bpy.data.node_groups[{other!r}]; tree.nodes.remove(tree.nodes['in {other}'])")
    stage.settle()
    assert _inner(a, b, c) == {empty: [_used(other, empty)], other: [], "C": []}


def test_three_node_groups_in_a_circle(three):
    stage, a, b, c = three
    empty, inside = _groups_in_a_circle(stage, (a, b, c), "GeometryNodeTree", names="ABC")
    first, second = inside[empty], inside[inside[empty]]
    b.do(f"bpy.data.node_groups.remove(bpy.data.node_groups[{second!r}])")
    stage.settle()
    assert _inner(a, b, c) == {empty: [_used(first, empty)], first: [("in " + first, None, [], [])]}


def test_a_node_group_of_a_circle_is_deleted(three):
    """The one that the empty node would show: nobody sees its links any more, and nobody is told that they are missing."""
    stage, a, b, c = three
    empty, inside = _groups_in_a_circle(stage, (a, b, c), "ShaderNodeTree")
    b.do(f"bpy.data.node_groups.remove(bpy.data.node_groups[{inside[empty]!r}])")
    stage.settle()
    assert _inner(a, b, c) == {empty: [("in " + empty, None, [], [])], "C": []}


@pytest.mark.parametrize("deed", ["moves it", "links another", "removes it", "gives it another group"])
def test_work_on_a_node_that_cannot_show_its_group(three, deed):
    """What is not shown is not removed by it, and what is removed leaves nothing behind in the room."""
    stage, a, b, c = three
    empty, inside = _groups_in_a_circle(stage, (a, b, c), "ShaderNodeTree")
    other = inside[empty]
    c.do(f"tree = bpy.data.node_groups[{empty!r}]; node = tree.nodes['in {empty}']")
    c.do(
        {
            "moves it": "node.location = (40, 50); node.label = 'Here'",
            "links another": "tree.links.remove(tree.links[0]); tree.nodes['Group Input'].location.x = -300",
            "removes it": "tree.nodes.remove(node)",
            "gives it another group": "node.node_tree = bpy.data.node_groups['C']",
        }[deed]
    )
    stage.settle()
    now = {
        "removes it": [],
        "gives it another group": [("in " + empty, "C", [0.0, 0.0], [])],
    }.get(deed, [("in " + empty, None, [], [])])
    assert _inner(a, b, c)[empty] == now
    c.do(f"tree = bpy.data.node_groups[{other!r}]; tree.nodes.remove(tree.nodes['in {other}'])")
    stage.settle()
    if deed in ("moves it", "links another"):
        now = [_used(other, empty)]
    assert _inner(a, b, c) == {empty: now, other: [], "C": []}


@pytest.mark.parametrize("first", [0, 1])
def test_who_undoes_an_end_of_a_circle(three, first):
    stage, a, b, c = three
    for peer in (a, b):
        peer.do("bpy.ops.ed.undo_push(message='begun')")
    a.do(GROUPS.replace("KIND", "'ShaderNodeTree'") + "    bpy.ops.ed.undo_push(message='made')")
    stage.settle()
    deeds = [(a, _use("B", "A", "ShaderNodeTree")), (b, _use("A", "B", "ShaderNodeTree"))]
    deeds = [(peer, deed + "    bpy.ops.ed.undo_push(message='used')") for peer, deed in deeds]
    at_once(stage, *(deeds if first == 0 else deeds[::-1]))
    shown = _inner(a, b, c)
    a.do("bpy.ops.ed.undo(); rep.tick(1000)")
    stage.settle()
    undone = _inner(a, b, c)
    assert undone["A"] == [] and undone["B"] == [_used("A", "B")]
    a.do("bpy.ops.ed.redo(); rep.tick(1000)")
    stage.settle()
    assert _inner(a, b, c) == shown


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("count", [2, 3])
def test_background_sets_in_a_circle(three, first, count):
    stage, a, b, c = three
    names = ["Scene", "Second", "Third"][:count]
    a.do(f"for name in {names[1:]}: bpy.data.scenes.new(name)")
    stage.settle()
    behind = "bpy.data.scenes[{!r}].background_set = bpy.data.scenes[{!r}]".format
    pairs = dict(zip(names, names[1:] + names[:1], strict=True))
    deeds = [(peer, behind(*pair)) for peer, pair in zip((a, b, c), pairs.items(), strict=False)]
    at_once(stage, *(deeds if first == 0 else deeds[::-1]))
    sets = "{s.name: s.background_set.name for s in bpy.data.scenes if s.background_set}"
    shown = both(a, b, sets)
    assert c.do(sets) == shown and len(shown) == count - 1 and shown.items() <= pairs.items()
    # Whoever lets go gives the other one's word its due again.
    gone = next(iter(shown))
    c.do(f"bpy.data.scenes[{gone!r}].background_set = None")
    stage.settle()
    assert both(a, b, sets) == c.do(sets) == {name: pairs[name] for name in names if name != gone}
