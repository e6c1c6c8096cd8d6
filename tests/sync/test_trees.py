# SPDX-License-Identifier: GPL-3.0-or-later
"""The replicator's bpy-free parts: values, merge patches, fractional indices, shadows.

They decide what is sent and what is an echo, so each rule has a test that fails without it.
"""

from __future__ import annotations

import json
import math
import os
import random
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "addon"))
from sync import fractional, mergepatch, shadow, values


@pytest.mark.parametrize("x", [0.1, -0.0, math.inf, -math.inf, 1e300])
def test_floats_survive(x):
    assert values.decode(json.loads(json.dumps(values.encode_float(x)))) == x


def test_nan_and_large_integers_survive():
    assert math.isnan(values.decode(json.loads(json.dumps(values.encode_float(math.nan)))))
    for i in (2**53, 2**53 + 1, -(2**63), 2**64 - 1):
        assert values.decode(json.loads(json.dumps(values.encode_int(i)))) == i


def test_an_array_that_looks_like_a_tag_is_literal():
    tricky = ["$ref", "x"]
    assert values.ref_target(values.encode_array(tricky)) is None
    assert values.decode(values.encode_array(tricky)) == tricky
    assert values.refs_in({"p": {"a": values.encode_array(tricky), "b": values.ref("d")}}) == {"d"}


def test_references_in_sets_count():
    assert values.refs_in({"s": {"@collection": {"m": {"objects": {"d1": 1, "d2": 1}}}}}) == {"d1", "d2"}


# RFC 7396, appendix A, as far as trees are objects.
RFC = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("target", "patch", "result"), RFC)
def test_merge_patch_by_the_book(target, patch, result):
    before = json.dumps(target)
    assert mergepatch.merge(target, patch) == result
    assert json.dumps(target) == before


def test_an_item_is_created_replaced_or_left_out():
    tree = {"i": {"m": {"@a": {"type": "T", "p": {"x": 1, "y": 2}}}}}
    assert mergepatch.merge(tree, {"i": {"m": {"@b": {"p": {"x": 1}}}}}) == tree
    assert mergepatch.merge(tree, {"i": {"m": {"@a": {"p": {"x": 5}}}}})["i"]["m"]["@a"]["p"] == {"x": 5, "y": 2}
    assert mergepatch.merge(tree, {"i": {"m": {"@a": {"type": "T", "p": {"x": 5}}}}})["i"]["m"]["@a"]["p"] == {"x": 5}
    assert mergepatch.merge({}, {"s": {"@r": {"p": {"x": 1}}}}) == {"s": {}}


def random_tree(rng, depth=0):
    out = {}
    for _ in range(rng.randint(0, 4)):
        key = rng.choice("abcd") if rng.random() < 0.6 else "@" + rng.choice("wxyz")
        if key.startswith("@"):
            out[key] = {"type": rng.choice("TU"), **random_tree(rng, depth + 1)}
        elif depth < 3 and rng.random() < 0.5:
            out[key] = random_tree(rng, depth + 1)
        else:
            out[key] = rng.choice([1, 2.5, "s", True, [1, 2], ["$none"], -0.0, 0.0])
    return out


@pytest.mark.parametrize("seed", range(300))
def test_diff_leads_from_one_tree_to_the_other(seed):
    rng = random.Random(seed)
    a, b = random_tree(rng), random_tree(rng)
    assert mergepatch.merge(a, mergepatch.diff(a, b)) == b
    assert mergepatch.diff(a, a) == {}


def test_true_is_not_one_and_minus_zero_is_not_zero():
    assert mergepatch.diff({"a": 1}, {"a": True}) == {"a": True}
    assert str(mergepatch.diff({"a": [0.0]}, {"a": [-0.0]})) == "{'a': [-0.0]}"


def test_between_any_two_there_is_another():
    rng = random.Random(1)
    order = fractional.spread(5)
    for _ in range(3000):
        at = rng.randint(0, len(order))
        low = order[at - 1] if at else ""
        high = order[at] if at < len(order) else ""
        new = fractional.between(low, high)
        assert (not low or low < new) and (not high or new < high)
        assert not new.endswith("0")
        order.insert(at, new)
    assert order == sorted(order)
    assert max(map(len, order)) < 40


def test_keeping_positions_changes_as_few_as_possible():
    kept = fractional.keep_ascending(["A", None, "C", "B", "D"])
    assert kept[0] == "A" and kept[4] == "D"
    assert sum(a == b for a, b in zip(kept, ["A", None, "C", "B", "D"], strict=True)) == 3
    assert kept == sorted(kept) and len(set(kept)) == 5


def test_a_shadow_gives_back_what_it_was_given():
    rng = random.Random(7)
    for _ in range(200):
        read, room = random_tree(rng), random_tree(rng)
        theirs = rng.choice([None, True, {"p": True}])
        s = shadow.Shadow(read, room, theirs)
        s.pack()
        assert s.load() == (read, room, theirs)
        assert s.reads_as(read)
        assert not s.reads_as({**read, "new": 1})


def test_who_wrote_what():
    theirs = shadow.mark(None, {"p": {"a": 1, "b": 2}}, by_others=True)
    theirs = shadow.mark(theirs, {"p": {"b": 3}}, by_others=False)
    mine, other = shadow.split({"p": {"a": 0, "b": 0, "c": 0}}, theirs)
    assert (mine, other) == ({"p": {"b": 0, "c": 0}}, {"p": {"a": 0}})


def test_what_others_made_is_theirs_but_for_what_i_changed():
    theirs = shadow.mark(True, {"p": {"b": 3}}, by_others=False)
    mine, other = shadow.split({"p": {"a": 0, "b": 0}, "name": "x"}, theirs)
    assert (mine, other) == ({"p": {"b": 0}}, {"p": {"a": 0}, "name": "x"})
    theirs = shadow.mark(theirs, {"p": {"b": 4}}, by_others=True)
    assert shadow.split({"p": {"b": 0}}, theirs) == ({}, {"p": {"b": 0}})
