# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender shows after it was told, compared with what it should show.

The echo guard takes whatever was read back for the new baseline, so that a Blender which clamps or rounds sends nothing; by itself it would
never notice that something was not taken. Here the reading is compared with the room's tree. What others wrote and this Blender does
not show is listed, with both values, and written once more when there is nothing else to do: that heals what went wrong on the way (a
thing that had to be there first, items in another order), and what it heals is counted. What then still differs is what Blender will
not take: it stays listed, and is not tried again before others change the document. Nothing of this is ever sent.

What Blender refused in words (`Writer.refuse`) is held to the same: of each document it counts for as long as something that it showed
otherwise then, it still shows otherwise. Neither is listed what is shown alike by all although the room says something else: a place in
a collection for an object that has gone, a link to a socket that nobody has, weights of a group that was removed.

Also what was forgotten since counts: the audit that goes round all documents (replicator.py) brings each of them here.

Known to differ, and no fault: names that show a suffix, numbers rounded or clamped to what Blender keeps, references to what is not here (they are
set when it comes), what the user holds in edit mode (deferred), and what the menders show differently to all alike.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from . import handlers, identity, mergepatch, rna, shadow, special, values
from .apply import ERRORS, Writer, property_of
from .blobs import MissingBlob
from .state import State

Tree = dict[str, Any]

# Blender keeps most numbers in 32 bits, some of them (angles, colours) after a conversion.
REL_TOLERANCE, ABS_TOLERANCE = 1e-5, 1e-6
# Of one document so many differences are listed: a mesh that was not taken is one fault, not a million.
LISTED_MAX = 16
# A value in the list is no longer than this.
SHOWN_CHARS_MAX = 60
_MEMBERS = ("p", "s", "i", "m", "c", "a")
# Computed anew by each Blender whenever it evaluates the data.
_COMPUTED = ("texspace_location", "texspace_size")
# What follows from a tree or from circles, and is computed from the room by all alike (viewlayers.py, children.py, armatures.py).
_ELSEWHERE = ("layer_collections", "children")
# Where files lie, which is nobody else's affair; and the number that each Blender gives to a socket of a group.
_PLACES = ("file", "filepath", "directory", "files", "tiles", "id")
# Made by Blender with their owner, never by us: there may be more than the room knows.
_FIXED = ("inputs", "outputs")
# What gives nodes and modifiers sockets that come and go with others' changes of it.
_GROUPS = ("node_tree", "node_group")
_GROUP_ENDS = ("NodeGroupInput", "NodeGroupOutput")
# Inputs of a modifier, by the socket of its group.
_SOCKET_INPUT = "@:"
# Where the parent has gone, it means nothing.
_PARENTED_HOW = ("parent_type", "parent_bone")
_NODE_SIZES = ("width", "height")
# A slot of an object that overrides nothing.
_OF_THE_DATA = ["DATA", 0]
_SUFFIX = re.compile(r"(\.\d{3,})+$")
# Follow from how a bone lies relative to its parent, which is one value (special/restpose.py).
_FROM_REST = ("head", "tail", "roll")
# Between the keys of a path.
_STEP = "\0"
_DOC = re.compile(r"[0-9a-f]{32}$")


class Difference(NamedTuple):
    """One thing that is another one here."""

    path: str
    room: Any
    here: Any
    # The same path by keys, which stay.
    place: str = ""
    # Where a file lies is nobody else's affair: it counts only where just that was refused.
    is_file: bool = False

    @property
    def why(self) -> str:
        return f"the room says {_shown(self.room)}, here it is {_shown(self.here)}"


class Audit:
    def __init__(
        self, state: State, writer: Writer, is_in_hand: Callable[[str], bool], mended: Callable[[str], set[str]]
    ) -> None:
        self._state = state
        self._writer = writer
        self._block_of = writer.identity.block
        # Whether a document waits for its user; what of it menders make it show otherwise on purpose.
        self._is_in_hand = is_in_hand
        self._mended = mended
        # document -> what is not as it should be.
        self.listed: dict[str, list[Difference]] = {}
        # How many documents were as they should be after they were written once more.
        self.healed = 0
        self._due: dict[str, None] = {}
        self._tried: set[str] = set()
        # Of the document that is being compared.
        self._doc = ""
        self._items: Tree = {}
        self._props: Tree = {}

    def note(self, doc: str, *, is_new: bool = False) -> None:
        """Compares what a document shows with what it should. `is_new`: others have just changed it."""
        known = self._state.shadows.get(doc)
        if is_new:
            self._tried.discard(doc)
        if known is None or self._is_in_hand(doc):
            self.forget(doc)
            return
        read, room, theirs = known.load()
        self._doc = doc
        told = list(self._writer.refused.get(doc, ()))
        mended = self._mended(doc)
        if told:
            self._look_again(doc, told, mended, read, room)
        found: list[Difference] = []
        if read is not room and not mended:
            found = list(islice(self._differences(read, room, theirs), LISTED_MAX))
        if not found or mended:
            self.forget(doc)
            if read is not room and not mended:
                known.note_alike()
            return
        self.listed[doc] = found
        if doc not in self._tried:
            self._due[doc] = None

    def _look_again(self, doc: str, told: list[str], mended: set[str], read: Tree, room: Tree) -> None:
        """Drops what was refused of a document and is shown now, or is not to be any more. Also what its user has said was refused, if
        others had a hand in it: a script that they have changed."""
        patch = mergepatch.diff(read, room)
        found = list(self._compared(patch, read, room, files=True))
        ways = [(d, set(d.place.split(_STEP))) for d in found]
        for what in told:
            name = property_of(what)
            own = {name, f"@{name}"} if name else set()
            concerned = {
                d.place
                for d, way in ways
                if mended.isdisjoint(way) and (not own.isdisjoint(way) if own else not d.is_file)
            }
            self._writer.look_again(doc, what, concerned, alike=not patch)

    def forget(self, doc: str) -> None:
        self.listed.pop(doc, None)
        self._due.pop(doc, None)

    def due(self) -> list[str]:
        """Documents that are to be written once more."""
        return list(self._due) if self._due else []

    def heal(self, doc: str, write: Callable[[str], None]) -> None:
        """Writes it once more; `write` reads it back and notes it."""
        self._due.pop(doc, None)
        self._tried.add(doc)
        write(doc)
        if doc in self.listed:
            return
        self._tried.discard(doc)
        self.healed += 1

    def shape(self, doc: str) -> Tree:
        """What of a document others wrote and it does not show: as a patch of what it shows."""
        known = self._state.shadows.get(doc)
        if known is None:
            return {}
        read, room, theirs = known.load()
        return shadow.split(mergepatch.diff(read, room), theirs)[1]

    def _differences(self, read: Tree, room: Tree, theirs: Any) -> Iterator[Difference]:
        patch = mergepatch.diff(read, room)
        patch.pop("name", None)
        if patch and theirs:
            yield from self._compared(shadow.split(patch, theirs)[1], read, room)

    def _compared(self, patch: Tree, read: Tree, room: Tree, *, files: bool = False) -> Iterator[Difference]:
        self._items, self._props = read.get("i", {}), read.get("p", {})
        for difference in self._walk(patch, read, room, (), ()):
            if files or not difference.is_file:
                yield difference

    def _walk(
        self, patch: Tree, read: Tree, room: Tree, path: tuple[str, ...], at: tuple[str, ...], kind: str = ""
    ) -> Iterator[Difference]:
        """`kind` is the type of the struct whose members these are, `path` how people call where they are, `at` how the room does."""
        for key, change in patch.items():
            here, there = read.get(key), room.get(key)
            if key in _ELSEWHERE:
                continue
            title = "" if key in _MEMBERS else self._title(key, here, there)
            way, place = ((*path, title) if title else path), (*at, key)
            if here is None and key in _MEMBERS and isinstance(there, dict):
                # Empty members are left out of a tree: what is missing is in there.
                here = {}
            if isinstance(change, dict) and isinstance(here, dict) and isinstance(there, dict):
                inner = self._of_items(room, change, here, there) if key == "i" else change
                yield from self._walk(inner, here, there, way, place, str(room.get("type", "")))
            elif change is None and there is None:
                if _counts_as_more(path, key, here):
                    yield self._difference(way, None, here, place)
            elif key in _PLACES:
                yield self._difference(way, there, here, place, is_file=True)
            elif not self._is_tolerated(kind, key, here, there) and not self._has_no_member(place, there):
                yield self._difference(way, there, here, place)

    def _difference(
        self, way: tuple[str, ...], there: Any, here: Any, place: tuple[str, ...], *, is_file: bool = False
    ) -> Difference:
        return Difference(".".join(way), self._told(there), self._told(here), _STEP.join(place), is_file)

    def _has_no_member(self, place: tuple[str, ...], there: Any) -> bool:
        """A place in a set for what is not here: it has gone, or what keeps it from being made is listed of itself."""
        return len(place) > 2 and place[-3] == "m" and bool(there) and place[-1] not in self._state.shadows

    def _name_of(self, doc: str) -> str:
        block = self._block_of(doc)
        try:
            name = block.name if block is not None else (self._state.parked.get(doc) or {}).get("name")
        except UnicodeDecodeError:  # of a file of long ago
            name = ""
        return str(name or "something that is not here")

    def _title(self, key: str, *trees: Any) -> str:
        """What people call a part of a document; nothing where it has no name but its key."""
        named = next((t["name"] for t in trees if isinstance(t, dict) and t.get("name")), None)
        if not key.startswith("@"):
            return self._name_of(key) if _DOC.match(key) else key
        if named is None and values.is_minted(key):
            return ""
        return str(named or (values.key_name(key) if key.startswith("@=") else key[1:]))

    def _told(self, value: Any) -> Any:
        """A value as it can be shown: nobody knows datablocks by their numbers, nor arrays by that of their bytes."""
        if isinstance(value, dict):
            return {name: value[name] for name in ("name", "type") if name in value}
        target = values.ref_target(value)
        if target is not None:
            return {"name": self._name_of(target)}
        if value == values.NONE_VALUE:
            return None
        if values.is_tagged(value, values.BLOB):
            return {"name": str(value[4]) if len(value) > 4 else "other data"}
        if isinstance(value, list) and not any(isinstance(one, (int, float)) for one in value[:1]):
            return [_shown(told) if isinstance(told := self._told(one), dict) else told for one in value]
        return value

    def _of_items(self, struct: Tree, patch: Tree, read: Tree, room: Tree) -> Tree:
        """A patch of the collections of a struct without what cannot be shown as it is said, and is shown alike by all."""
        out = _moving(struct, patch, read, room)
        for name, change in out.items():
            have, wanted = read.get(name) or {}, room.get(name) or {}
            if name == "links" and isinstance(change, dict):
                nodes = read.get("nodes") or {}
                out[name] = {k: v for k, v in change.items() if k in have or self._has_ends(wanted.get(k), nodes)}
            elif name == "bones" and isinstance(change, dict):
                out[name] = {k: _lying(v, have.get(k), wanted.get(k)) for k, v in change.items()}
        return out

    def _has_ends(self, link: Any, nodes: Tree) -> bool:
        """Whether there are sockets here that a link may join. What keeps them from being here is listed of itself."""
        block = self._block_of(self._doc)
        tree = getattr(block, "node_tree", None) or block
        try:
            return all(
                special.nodes.end_of(self._writer.identity, tree, link["make"][side], nodes, output) is not None
                for side, output in (("from", True), ("to", False))
            )
        except ERRORS:  # a tree from elsewhere may hold anything
            return True

    def _is_tolerated(self, kind: str, key: str, here: Any, there: Any) -> bool:
        if here is None and (self._is_of_another_class(kind, key) or key.startswith(_SOCKET_INPUT)):
            return True
        if isinstance(there, dict):
            return _is_empty(there) or (key == "@image_user" and kind == "Object" and not self._shows_image())
        if key in _PARENTED_HOW and self._props.get("parent") == values.NONE_VALUE:
            return True
        if key in _COMPUTED:
            return True
        if key == "relative_to":
            # Blender gives a shape key another one to be relative to where that has gone.
            return all(block.get("name") != there for block in self._items.get("key_blocks", {}).values())
        if key == "material_slots" and isinstance(here, list) and isinstance(there, list):
            return _are_slots_alike(here, there)
        if key == "weights":
            return self._are_weights_alike(here, there)
        if key == "name" and isinstance(here, str) and isinstance(there, str):
            return _SUFFIX.sub("", here) == _SUFFIX.sub("", there)
        if values.ref_target(there) is not None and here == values.NONE_VALUE:
            return values.ref_target(there) not in self._state.shadows
        return _about(here, there) or _is_clamped(self._limits_of(kind, key), here, there)

    def _are_weights_alike(self, here: Any, there: Any) -> bool:
        """But for those of groups that have gone."""
        try:
            return special.weights.are_alike(self._writer.blobs, here, there, self._items.get("vertex_groups") or {})
        except (MissingBlob, *ERRORS):  # a tree from elsewhere may hold anything
            return False

    def _shows_image(self) -> bool:
        p = self._props
        return p.get("data") != values.NONE_VALUE and p.get("empty_display_type") == "IMAGE"

    def _is_of_another_class(self, kind: str, key: str) -> bool:
        """Of two people one may set the size of an area light, and the other make it a spot: the room keeps it, for when it is one again."""
        block = self._block_of(self._doc)
        if kind not in identity.CHANGING_CLASS or block is None or kind not in rna.lineage_of(block.bl_rna):
            return False
        return key.removeprefix("@") not in block.bl_rna.properties

    def _limits_of(self, kind: str, key: str) -> tuple[float, float] | None:
        """A document names the type that all lights have, and their sizes belong to the class of one. Each type of node has least
        sizes of its own, which only a node tells; old files hold smaller ones."""
        block = self._block_of(self._doc)
        if key in _NODE_SIZES:
            for tree in (block, getattr(block, "node_tree", None)):
                for node in getattr(tree, "nodes", ()):
                    if node.bl_rna.identifier == kind:
                        return getattr(node, f"bl_{key}_min"), getattr(node, f"bl_{key}_max")
        if block is not None and kind in rna.lineage_of(block.bl_rna):
            kind = block.bl_rna.identifier
        return rna.limits_of(kind, key)


def _moving(struct: Tree, patch: Tree, read: Tree, room: Tree) -> Tree:
    """A patch of the collections of a struct; without the places of what Blender cannot move, or stands where Blender allows it to."""
    out, kind = {}, str(struct.get("type", ""))
    for name, change in patch.items():
        if isinstance(change, dict) and not handlers.is_out_of_order(
            kind, name, read.get(name) or {}, room.get(name) or {}
        ):
            change = {key: _without_place(entry) for key, entry in change.items()}
        if name in _FIXED and isinstance(change, dict) and _has_group(struct):
            # What is set of a socket stays in the room when another group comes, or the socket goes.
            have = read.get(name) or {}
            change = {key: entry for key, entry in change.items() if key in have}
        if change != {}:
            out[name] = change
    return out


def _has_group(struct: Tree) -> bool:
    return struct.get("type") in _GROUP_ENDS or any(name in struct.get("p", {}) for name in _GROUPS)


def _without_place(entry: Any) -> Any:
    return {key: v for key, v in entry.items() if key != "pos"} if isinstance(entry, dict) else entry


def _are_slots_alike(here: list[Any], there: list[Any]) -> bool:
    """There are as many as the data has materials, and an object only says which of them it overrides."""
    count = min(len(here), len(there))
    return here[:count] == there[:count] and all(slot == _OF_THE_DATA for slot in here[count:])


def _lying(change: Any, here: Any, there: Any) -> Any:
    """A patch of a bone without what follows from how it lies, where that is as it should be: of two who moved it at once, one has
    said where its tail is, and the other how all of it lies."""
    if not all(isinstance(tree, dict) and isinstance(tree.get("p"), dict) for tree in (change, here, there)):
        return change
    if not _about(here["p"].get("rest"), there["p"].get("rest")):
        return change
    return {**change, "p": {name: value for name, value in change["p"].items() if name not in _FROM_REST}}


def _is_empty(tree: Any) -> bool:
    """Empty members are left out of a tree, but may be left over in the room's."""
    return isinstance(tree, dict) and all(_is_empty(value) for value in tree.values())


def _counts_as_more(path: tuple[str, ...], key: str, here: Any) -> bool:
    """Of what is here and not in the room: a thing too many. A room's tree need not name all properties; and what only a name tells from
    others (pose bones) comes with what has that name."""
    minted = key.startswith("@") and key[1:2] not in ("=", ":")
    return minted and isinstance(here, dict) and not (path and path[-1] in _FIXED)


def _about(a: Any, b: Any) -> bool:
    """Whether two values are one but for rounding."""
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_about(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, bool) or isinstance(b, bool) or not isinstance(a, int | float) or not isinstance(b, int | float):
        return bool(a == b)
    return math.isclose(a, b, rel_tol=REL_TOLERANCE, abs_tol=ABS_TOLERANCE)


def _is_clamped(limits: tuple[float, float] | None, here: Any, there: Any) -> bool:
    """Whether Blender shows the nearest value that it takes at all."""
    if limits is None:
        return False
    if isinstance(here, list) and isinstance(there, list):
        return len(here) == len(there) and all(
            _about(x, y) or _is_clamped(limits, x, y) for x, y in zip(here, there, strict=True)
        )
    if isinstance(there, bool) or not isinstance(there, int | float):
        return False
    return _about(here, min(max(there, limits[0]), limits[1]))


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return str(value.get("name") or value.get("type") or "something")
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN_CHARS_MAX else text[: SHOWN_CHARS_MAX - 1] + "…"
