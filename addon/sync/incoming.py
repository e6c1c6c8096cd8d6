# SPDX-License-Identifier: GPL-3.0-or-later
"""Events of the link -> Blender, in batches.

One batch is one rebuild of Blender's dependency graph. Its steps: what the user changed in the datablocks concerned is
captured and sent first (it is later in the room's order, so it is replayed on top of what has arrived); then new datablocks are made in
the order of dependency, all patches written, pointers that waited set, names set in two steps, and removals done in one
call. At the end everything touched is read back: that reading is the new baseline of the echo guard.

Documents that merely depend on those touched are captured before and read back after as well: a removed target turns
their pointers to None, a mesh's materials change the slots of its objects, and neither is the user's doing.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from . import constructors, dirty, editmode, history, idtypes, mergepatch, renames, shadow, special, values, versions
from .apply import ERRORS, Writer
from .audit import Audit
from .capture import Reader
from .children import Children
from .circles import Groups, Parents, Sets
from .identity import Identity
from .instances import Instances
from .last import Last
from .state import State
from .viewlayers import ViewLayers

Tree = dict[str, Any]

# Parts of a document that show in other documents: their referrers are read back too.
STRUCTURAL: dict[str, tuple[tuple[str, str], ...]] = {
    # A new shape of the mesh is one of its shape keys too.
    "Mesh": (("p", "materials"), ("i", "vertex_groups"), ("p", "geometry")),
    "Curve": (("p", "materials"),),
    "Lattice": (("i", "vertex_groups"),),
    "MetaBall": (("p", "materials"),),
    "NodeTree": (("i", "interface"),),
    "Armature": (("i", "bones"),),
    "Collection": (("m", "objects"), ("m", "children")),
    "Action": (("i", "slots"), ("i", "layers")),
    "Key": (("i", "key_blocks"),),
    "Object": (("p", "parent"), ("i", "modifiers")),
}


# Of each document what has happened to it in the room, in order. What the user changed in it after something had arrived and before it was
# applied stands among that, as an event of this kind: it is later in the room's order, and what arrives after it has seen it.
OWN = "own"
# Nothing has happened to it now; what was left out while its user was in edit mode is written.
REST = "rest"
Batch = dict[str, list[dict[str, Any]]]

# Of what has just been made: shape keys may be, while their owner is in edit mode, and then show nothing of what the room says.
NOTHING_SEEN: Tree = {"i": {}}


@dataclass
class Change:
    """What a batch does to one document."""

    doc: str
    room: Tree | None
    shape: Tree = field(default_factory=dict)
    replaced: bool = False
    by_others: bool = True
    rest: bool = False


# The members of a struct that are objects; whatever else is under these names was not made by a replicator.
_OBJECTS = ("p", "s", "i", "m", "c", "a", "make")


def is_tree(tree: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a tree or patch has the outer shape of one, so that it can be taken in at all."""
    return (
        isinstance(tree, dict)
        and all(isinstance(tree[name], (dict, type(None))) for name in _OBJECTS if name in tree)
        and all(isinstance(tree[name], str) for name in ("type", "name") if name in tree)
    )


def is_structural_patch(kind: str, patch: Tree) -> bool:
    """Whether what a patch changes in a document of that type shows in others."""
    return any(name in (patch.get(member) or {}) for member, name in STRUCTURAL.get(kind, ()))


def _moves_keys(shape: Tree, before: Tree, after: Tree, key: Tree) -> bool:
    try:
        return special.moves_keys(shape, before, after, key)
    except ERRORS:  # a tree from elsewhere may hold anything
        return True


def _goes(events: list[dict[str, Any]]) -> bool:
    """Whether a document with these events is deleted at their end."""
    kinds = [event["kind"] for event in events if event["kind"] in ("create", "delete")]
    return kinds[-1:] == ["delete"]


class Incoming:
    def __init__(
        self,
        identity: Identity,
        reader: Reader,
        writer: Writer,
        state: State,
        capture: Callable[[str], Tree],
        reported: Container[str],
        last: Last,
    ) -> None:
        self._identity = identity
        self._reader = reader
        self._writer = writer
        self._state = state
        # Captures and sends what the user changed in a document; the patch.
        self._capture = capture
        # Documents that Blender has named as changed.
        self._reported = reported
        self._last = last
        # Documents deleted by others whose datablocks go once no modal operator runs.
        self._doomed: dict[str, None] = {}
        # Datablocks whose name another one still has here; it is to get another name, which has not arrived yet.
        self._misnamed: set[str] = set()
        # Objects, by number, that windows showed in edit mode before something was applied.
        self._in_hand: set[int] = set()
        # Of the batch at hand, what each document is to become.
        self._rooms: dict[str, Tree] = {}
        kinds = (Parents, Sets, Groups, Children, Instances, ViewLayers, renames.Renames)
        self._poses = renames.Poses(identity, writer, state, capture, self._settle)
        self._menders = [*(kind(identity, writer, state, capture, self._settle) for kind in kinds), self._poses]
        # What Blender shows of what others wrote, compared with that.
        self.audit = Audit(state, writer, self._is_in_hand, self._mended)
        # For tests: what a batch did.
        self.batches = 0

    def apply(self, batch: Batch, removals_wait: bool = False) -> None:
        """Applies one batch. Raises QueueFull before anything is touched if the user's own changes cannot be sent."""
        if not removals_wait:
            self._end_editing(batch)
        self._in_hand |= editmode.in_hand()
        for doc, events in batch.items():
            # Of what goes, only what the user is known to have changed: it is refused, and the user told.
            goes = events[-1]["kind"] == "delete" and doc not in self._reported
            if doc in self._state.shadows and not goes:
                # Whoever captures it adds what is sent to the batch.
                self._capture(doc)
        changes = self._fold(batch)
        moved = self._keys_moved(changes)
        dependents = (self._dependents(changes) | moved | self._misnamed) - set(changes)
        following = self._following(changes) - dependents
        for doc in dependents | following:
            self._capture(doc)
        with self._reader.blobs.comparing():
            self._carry_out(changes, dependents, moved, following, removals_wait)
        history.settle(modal=removals_wait)

    def _carry_out(
        self,
        changes: dict[str, Change],
        dependents: set[str],
        moved: set[str],
        following: set[str],
        removals_wait: bool,
    ) -> None:
        """Blender shows what has come, and what it shows then is remembered."""
        self.batches += 1
        dirty.tracker.foreign = True
        living = [c for c in changes.values() if c.room is not None]
        for doc in changes.keys() - {c.doc for c in living}:
            self.forget(doc)
        suffixed = {name for change in living for name in self._suffixed(change)}
        self._rooms = {c.doc: c.room or {} for c in living}
        fresh = [c for c in living if self._identity.block(c.doc) is None]
        made = self._spare(living) | self._make_and_write(living, fresh)
        self._write_waiting(made, dependents | moved, self._rooms)
        stilled = self._stilled(changes)
        # What goes gives its name free first.
        self.bury([c.doc for c in changes.values() if c.room is None], removals_wait)
        self.set_names(self._rooms)
        for doc in stilled:
            self.write_rest(doc, self._rooms.get(doc))
        touched = {c.doc for c in living}
        for change in living:
            self._try(change, self._read_back)
        for doc in (dependents | following) - touched:
            self._settle(doc)
        for doc in dependents | touched if suffixed else ():
            self._keep_poses(doc, suffixed)
        self.mend()
        # What goes may leave its place to another: of two first shape keys of one mesh only one is shown.
        if made or len(living) < len(changes):
            history.rigs.note_datablocks()
            self.try_parked()

    def _spare(self, living: list[Change]) -> set[str]:
        """Who deleted them has taken that back before they could go from here: their datablocks stay, as if just made."""
        back = {change.doc for change in living if change.doc in self._doomed}
        for change in living:
            self._doomed.pop(change.doc, None)
            self._state.buried.discard(change.doc)
        return back

    def forget(self, doc: str) -> None:
        """It goes: nothing of it is listed any more."""
        self._writer.forget(doc)
        self.audit.forget(doc)

    def is_doomed(self, doc: str) -> bool:
        """Whether others have deleted it and only its datablock is still here: nothing that happens to that is sent."""
        return doc in self._doomed

    def mend(self) -> None:
        for mender in self._menders:
            mender.mend()

    # Before

    def _end_editing(self, batch: Batch) -> None:
        """What goes ends its user's edit mode, and only then can be seen what was done there: before anything is read that might take it
        for what has come."""
        going = [doc for doc, events in batch.items() if _goes(events)]
        blocks = [block for doc in going if (block := self._identity.block(doc)) is not None]
        history.note_gone(blocks)
        self._leave_edit_mode(editmode.going(blocks), going)

    def end_editing(self, *, of_all: bool = False) -> None:
        """What others have taken out of its user's sight is out of edit mode, too; of all objects, whoever has done it. Raises QueueFull."""
        if not self._in_hand and not of_all:
            return
        out, self._in_hand = editmode.out_of_hand(self._in_hand), set()
        if out:
            dirty.tracker.foreign = True
            self._leave_edit_mode(out)

    def _leave_edit_mode(self, objects: list[Any], going: Container[str] = ()) -> None:
        editmode.leave(objects)
        for ob in objects:
            for data in (ob.data, getattr(ob.data, "shape_keys", None)):
                doc = self._identity.doc(data) if data is not None else None
                if doc in self._state.shadows and doc not in going:
                    self._capture(doc)
            # What goes may be what another took the place of meanwhile, and would take its object along.
            self.apply_deferred()

    def apply_deferred(self, held: Container[str] = ()) -> None:
        """What waited for the end of edit mode, as what comes now: what was done there is later, so it is looked at before any of that is
        written, and what depends on it is no user's doing."""
        ready: set[str] = set()
        for doc in self._writer.deferred:
            block = self._identity.block(doc)
            waits = block is not None and (doc in held or special.is_edited(block) or special.is_found_by_name(block))
            if not waits or doc not in self._state.shadows:
                ready.add(doc)
        gone = {doc for doc in ready if self._identity.block(doc) is None or doc not in self._state.shadows}
        self._writer.deferred -= gone
        docs = (ready - gone).union(*(self.keys_of(doc) for doc in ready - gone))
        if docs:
            order = sorted(docs, key=lambda d: (idtypes.ORDER.get(self._identity.type_of(d), 0), d))
            self.apply({doc: [{"doc": doc, "kind": REST}] for doc in order}, removals_wait=True)

    def note_back(self, doc: str) -> None:
        """The user has made it, or brought it back by an undo: what others have made to point to it in the meantime is written next."""
        for other in self._state.referrers.get(doc, set()) | self._writer.waiting.pop(doc, set()):
            known = self._state.shadows.get(other)
            if known is not None and doc not in values.refs_in(known.load()[0]):
                self._writer.deferred.add(other)

    def _fold(self, batch: Batch) -> dict[str, Change]:
        """The events of each document as one change, those of the user's own among them that were sent meanwhile."""
        changes: dict[str, Change] = {}
        for doc, events in batch.items():
            change = Change(doc, self._state.room_tree(doc))
            for event in events:
                self._fold_one(change, event)
            if change.room is not None and change.room.get("type") == "Scene":
                change.room = self._last.keep_a_layer(doc, self._state.room_tree(doc) or {}, change.room)
            if change.room is not None and change.rest:
                change.shape = mergepatch.diff(self._state.shadows[doc].load()[0], change.room)
            elif change.room is not None:
                change.shape = mergepatch.diff(self._state.room_tree(doc) or {}, change.room)
                self._poses.note_change(doc, change.shape)
                if doc in self._state.shadows:
                    self._state.gone.note(doc, change.shape, self._state.shadows[doc].load()[0])
            if change.room is not None or doc in self._state:
                changes[doc] = change
        self._keep_a_scene(changes)
        return changes

    def _keep_a_scene(self, changes: dict[str, Change]) -> None:
        going = {doc for doc, change in changes.items() if change.room is None}
        comes = any((c.room or {}).get("type") == "Scene" and c.doc not in self._state for c in changes.values())
        kept = self._last.keep_a_scene(going) if going and not comes else None
        if kept is not None:
            changes[kept[0]].room = kept[1]

    def _fold_one(self, change: Change, event: dict[str, Any]) -> None:
        kind: str = event["kind"]
        tree: Any = event.get("tree")
        if kind == OWN:
            if change.room is not None:
                change.room = mergepatch.merge(change.room, tree)
            return
        if kind == REST:
            change.rest = True
            return
        change.by_others = not event.get("mine", False)
        self._note_shown(change.doc, event)
        if kind == "delete":
            change.room = None
        elif not is_tree(tree):
            self._writer.doc = change.doc
            self._writer.refuse("the document as a whole", "it is no document tree", firm=True)
        elif kind == "create":
            change.room = versions.from_schema(tree)
            change.replaced = True
        elif change.room is not None:
            change.room = mergepatch.merge(change.room, versions.from_schema(tree or {}))

    def _note_shown(self, doc: str, event: dict[str, Any]) -> None:
        """Every event says under which name a document is shown where that is not its own."""
        if event.get("show"):
            self._state.shown[doc] = event["show"]
        else:
            self._state.shown.pop(doc, None)

    def _dependents(self, changes: dict[str, Change]) -> set[str]:
        """Documents here that will change because others do."""
        found: set[str] = set()
        scenes = False
        for doc, change in changes.items():
            if self._is_structural(doc, change):
                found |= self._state.referrers.get(doc, set())
                kind = change.room.get("type") if change.room is not None else ""
                # What is new is seen by no scene until a collection has it.
                scenes |= kind == "Collection" or (kind == "Object" and self._identity.block(doc) is not None)
        if scenes:
            found |= {d for d in self._identity.docs() if self._identity.type_of(d) == "Scene"}
        return {d for d in found if d in self._state.shadows and self._identity.block(d) is not None} - set(changes)

    def _following(self, changes: dict[str, Change]) -> set[str]:
        """Documents in which Blender changes what leads to something that is renamed: actions, and what has drivers."""
        found: set[str] = set()
        for doc, change in changes.items():
            if change.room is None or not renames.renames(change.shape):
                continue
            # Bones are animated by the actions of objects.
            users = {d for d in self._state.referrers.get(doc, ()) if self._identity.type_of(d) == "Object"}
            users = {doc, *users} if change.room.get("type") == "Armature" else {doc}
            for user in users & self._state.shadows.keys():
                found |= {d for d in self._state.shadows[user].refs if self._identity.type_of(d) == "Action"}
                found |= {d for d in self._state.referrers.get(user, ()) if self._has_drivers(d)}
            found |= users
        return {d for d in found if d in self._state.shadows and self._identity.block(d) is not None} - set(changes)

    def _has_drivers(self, doc: str) -> bool:
        data = getattr(self._identity.block(doc), "animation_data", None)
        return data is not None and len(data.drivers) > 0

    def _stilled(self, changes: dict[str, Change]) -> set[str]:
        """Documents whose action goes: they no longer show its last frame here, which need not be that of whoever has removed it."""
        going = [
            doc for doc, change in changes.items() if change.room is None and self._identity.type_of(doc) == "Action"
        ]
        found = {d for doc in going for d in self._state.referrers.get(doc, ())}
        return {d for d in found if d not in changes or changes[d].room is not None}

    def keys_of(self, owner: str) -> list[str]:
        """The shape keys of a mesh, curve or lattice: one document, or two of which one waits."""
        found = [d for d in self._state.referrers.get(owner, ()) if self._identity.type_of(d) == "Key"]
        return sorted(d for d in found if d in self._state.shadows and self._identity.block(d) is not None)

    def _keys_moved(self, changes: dict[str, Change]) -> set[str]:
        """Shape keys that Blender moves with their owner, whatever the batch does to them."""
        found: set[str] = set()
        for doc, change in changes.items():
            keys = self.keys_of(doc) if change.room is not None else []
            before: Tree = {}
            if keys:
                before = self._state.shadows[doc].load()[0] if change.rest else self._state.room_tree(doc) or {}
            for key in keys:
                room = changes[key].room if key in changes else self._state.room_tree(key)
                if room is not None and _moves_keys(change.shape, before, change.room or {}, room):
                    found.add(key)
        return found

    def _is_structural(self, doc: str, change: Change) -> bool:
        if change.room is None or change.replaced or self._identity.block(doc) is None:
            return True
        return is_structural_patch(change.room.get("type", ""), change.shape)

    # Making and writing

    def _make_and_write(self, living: list[Change], fresh: list[Change]) -> set[str]:
        """Type by type, so that what a constructor needs is there; objects all before any of them is written."""
        made: set[str] = set()
        new = {c.doc for c in fresh}
        by_type: dict[int, list[Change]] = {}
        for change in living:
            rank = idtypes.ORDER.get((change.room or {}).get("type", ""), len(idtypes.ORDER))
            by_type.setdefault(rank, []).append(change)
        for rank in sorted(by_type):
            group = by_type[rank]
            for change in group:
                if change.doc in new and self._make(change):
                    made.add(change.doc)
            if rank == idtypes.ORDER["NodeTree"]:
                self._write_interfaces(group, new)
            for change in group:
                if self._identity.block(change.doc) is not None:
                    self._try(change, self._write, change.doc in new)
        return made

    def _write_interfaces(self, group: list[Change], new: set[str]) -> None:
        """Of all node groups before the nodes of any: groups use groups, and links need the sockets."""
        for change in group:
            if change.doc in new or change.replaced or change.shape.get("i"):
                self._try(change, self._write_interface, change.doc in new)

    def _write_interface(self, change: Change, is_new: bool) -> None:
        block, room = self._identity.block(change.doc), change.room or {}
        wanted = (room.get("i") or {}).get("interface")
        if block is None or not wanted:
            return
        known = self._state.shadows.get(change.doc)
        old = room if is_new or known is None else known.load()[0]
        cur = self._reader.read_block(change.doc, block, old, fresh=True)
        patch = mergepatch.diff(cur.get("i", {}).get("interface", {}), wanted)
        if patch:
            self._writer.write_block(change.doc, block, {"i": {"interface": patch}}, room, cur)

    def _make(self, change: Change) -> bool:
        room = change.room or {}
        self._state.buried.discard(change.doc)
        self._writer.doc = change.doc
        # Of when it waited for something: where its maker has changed nothing of it, nothing is written that would say so.
        self._writer.forget(change.doc)
        try:
            needs = constructors.needs_of(room)
            if any(self._identity.block(n) is None for n in needs):
                raise constructors.CannotMake("waits for the data it is made of")
            self._contend(change.doc, room)
            constructors.create(self._writer, change.doc, room, self._state.name_of(change.doc, room))
            return True
        except Exception as e:  # a tree from elsewhere may hold anything
            self._state.park(change.doc, room)
            self._writer.refuse(f"{room.get('type')} {room.get('name')}", e)
            return False

    def _contend(self, doc: str, room: Tree) -> None:
        """Two people who give one mesh its first shape keys at once make two documents for one datablock. The lower one has it,
        for all; the other waits, or both would contend for it for ever."""
        user = self._identity.resolve((room.get("make") or {}).get("user"))
        here = getattr(user, "shape_keys", None)
        other = self._identity.living_doc(here.session_uid) if here is not None else None
        if other is None or other == doc:
            return
        if other < doc:
            raise constructors.CannotMake("what it belongs to has shape keys of another document")
        self._state.park(other, self._state.room_tree(other) or self._rooms.get(other, {}))
        self._identity.forget(other)

    def _try(self, change: Change, step: Callable[..., None], *more: Any) -> None:
        """One document that cannot be read or written, whatever is wrong with it, must not keep the others waiting."""
        try:
            step(change, *more)
        except Exception as e:  # a tree from elsewhere may hold anything
            self._writer.doc = change.doc
            self._writer.refuse("the document as a whole", e, firm=step == self._read_back)

    def _write(self, change: Change, is_new: bool) -> None:
        room = change.room or {}
        if change.rest:
            self._writer.deferred.discard(change.doc)
        is_new |= self._writer.set_class(change.doc, room)
        block = self._identity.block(change.doc)
        known = self._state.shadows.get(change.doc)
        if is_new or known is None:
            # With the room's keys: what Blender puts into a new datablock by itself (a view layer, nodes) is reused.
            cur = self._reader.read_block(change.doc, block, room, fresh=True)
            patch = mergepatch.diff(cur, room)
        else:
            cur = known.load()[0]
            if room.get("type") == "NodeTree":
                cur = self._reader.read_block(change.doc, block, cur)
            patch = mergepatch.diff(cur, room)
            if not change.replaced:
                patch = mergepatch.restrict(patch, change.shape)
        patch.pop("name", None)
        if patch:
            self._writer.write_block(change.doc, block, patch, room, cur)
            self._tag(block)
        if "@animation_data" in (change.shape.get("s") or {}):
            # What is animated no longer shows its last frame here, which need not be that of whoever took the animation away.
            self.write_rest(change.doc, room)

    @staticmethod
    def _tag(block: Any) -> None:
        """What was set through arrays or custom properties is not seen by the dependency graph otherwise."""
        try:
            block.update_tag()
        except ERRORS:
            pass

    def _write_waiting(self, made: set[str], dependents: set[str], rooms: dict[str, Tree]) -> None:
        """Documents that point to what has just come. Those of this batch are held to their new trees."""
        again: set[str] = set()
        for target in made:
            again |= self._writer.waiting.pop(target, set())
            again |= self._state.referrers.get(target, set())
        again |= dependents
        if any(self._identity.type_of(doc) == "Collection" for doc in again):
            # A collection that gets what it waited for brings it into the layers of scenes that are written already.
            again |= {doc for doc, room in rooms.items() if room.get("type") == "Scene"}
        for doc in sorted(again, key=lambda d: idtypes.ORDER.get(self._identity.type_of(d), 0)):
            try:
                self.write_rest(doc, rooms.get(doc))
            except Exception as e:  # a tree from elsewhere may hold anything
                self._writer.doc = doc
                self._writer.refuse("the document as a whole", e)

    def write_rest(self, doc: str, newer: Tree | None = None, shape: Tree | None = None) -> None:
        """Tries to set all that differs between what Blender shows and the room, or a newer tree of it; of that only what lies in `shape`."""
        known = self._state.shadows.get(doc)
        if known is None and newer is None:
            return
        # What was made in this batch is not remembered yet: it is read back at the batch's end.
        read, room, theirs = known.load() if known is not None else (newer or {}, {}, None)
        room = newer or room
        remade = self._writer.set_class(doc, room)
        block = self._identity.block(doc)
        if block is None:
            return
        with self._reader.blobs.comparing():
            # With the keys of what was just written: what is new there would be taken for something else, and made a second time.
            cur = self._reader.read_block(doc, block, room if remade else newer or read, seen=read, fresh=remade)
            patch = mergepatch.diff(cur, room)
            if shape is not None and not remade:
                patch = mergepatch.restrict(patch, shape)
            if known is not None and not remade:
                # It is about to be said to the others.
                patch = mergepatch.beyond(patch, renames.own(cur, room, theirs))
            patch.pop("name", None)
            if patch:
                self._writer.write_block(doc, block, patch, room, cur)
                self._tag(block)
                if known is not None:
                    tree = self._reader.read_block(doc, block, room, seen=read)
                    self.put(doc, tree, room, theirs)

    def try_parked(self) -> None:
        """What waited for data that is here now."""
        ready = []
        for doc, room in self._state.parked.items():
            needs = constructors.needs_of(room)
            if needs and all(self._identity.block(n) is not None for n in needs):
                ready.append(
                    {
                        "t": "doc",
                        "doc": doc,
                        "kind": "create",
                        "tree": versions.to_schema(room),
                        "show": self._state.shown.get(doc),
                    }
                )
        if ready:
            self.apply({str(event["doc"]): [event] for event in ready})

    # Names

    def set_names(self, rooms: dict[str, Tree]) -> None:
        """In two steps: several datablocks may be swapping names, and Blender would give one of them a suffix. Those of
        earlier batches that got one are tried again."""
        wanted: dict[str, str] = {}
        held = set()
        again = {doc: self._state.room_tree(doc) or {} for doc in self._misnamed if self._is_named_as_read(doc)}
        for doc, room in (again | rooms).items():
            block = self._identity.block(doc)
            if block is not None and block.library is None:
                name = self._state.name_of(doc, room)
                if name and block.name != name:
                    if special.is_found_by_name(block):
                        held.add(doc)
                    else:
                        wanted[doc] = name
        if len(wanted) > 1:
            self._step_aside(wanted)
        for doc, name in wanted.items():
            try:
                self._identity.block(doc).name = name
            except ERRORS as e:
                self._writer.doc = doc
                self._writer.refuse("name", e)
            if name != (again | rooms)[doc].get("name"):
                self._state.given.setdefault(doc, set()).add(name)
        if wanted:
            history.rigs.note_datablocks()
            history.note_gone([block for doc in wanted if (block := self._identity.block(doc)) is not None])
        for doc in again.keys() - rooms.keys():
            # Whoever asked reads back only what he asked for.
            self._note_name(doc)
        self._misnamed = held | {doc for doc, name in wanted.items() if self._identity.block(doc).name != name}
        self._writer.deferred |= held

    def _is_named_as_read(self, doc: str) -> bool:
        """Otherwise its user has named it since, which is not captured yet."""
        block, known = self._identity.block(doc), self._state.shadows.get(doc)
        return block is not None and (known is None or known.load()[0].get("name") == block.name)

    def _note_name(self, doc: str) -> None:
        known = self._state.shadows.get(doc)
        if known is not None:
            read, room, theirs = known.load()
            self._state.put(doc, {**read, "name": self._identity.block(doc).name}, room, theirs)

    def _step_aside(self, wanted: dict[str, str]) -> None:
        for doc in wanted:
            block = self._identity.block(doc)
            try:
                block.name = f"atrium {doc[:24]}"
            except ERRORS:
                pass

    # After

    def bury(self, docs: list[str], removals_wait: bool) -> None:
        blocks = []
        for doc in docs:
            self._state.buried.add(doc)
            block = self._identity.block(doc)
            self._state.drop(doc)
            if block is None:
                continue
            if removals_wait:
                self._unlink(block)
                self._doomed[doc] = None
            else:
                blocks.append(block)
                self._identity.forget(doc)
        self.remove(blocks)
        self.let_go(docs)

    def let_go(self, docs: list[str]) -> list[str]:
        """What was removed may have left traces in what pointed to it; the documents that held any."""
        found = {doc for target in docs for doc in self._state.referrers.get(target, ())}
        return [doc for doc in found if special.nodes.drop_idle_sockets(self._identity.block(doc))]

    def remove_doomed(self) -> None:
        """Called when no modal operator runs."""
        # One that lives in the room again is not ours to remove: that would be a deletion of the user's.
        docs, self._doomed = [doc for doc in self._doomed if doc not in self._state.shadows], {}
        blocks = [b for b in (self._identity.block(d) for d in docs) if b is not None]
        for doc in docs:
            self._identity.forget(doc)
        self.remove(blocks)
        self.let_go(docs)

    def remove(self, blocks: list[Any]) -> None:
        if not blocks:
            return
        try:
            history.rigs.note_datablocks()
            history.note_gone(blocks)
            editmode.leave(editmode.going(blocks))
            constructors.remove_many(blocks)
        except (constructors.CannotMake, *ERRORS) as e:
            self._writer.refuse("remove", e)

    @staticmethod
    def _unlink(block: Any) -> None:
        if idtypes.base_type(block) == "Object":
            for collection in list(block.users_collection):
                collection.objects.unlink(block)

    def _read_back(self, change: Change) -> None:
        doc, room = change.doc, change.room or {}
        block = self._identity.block(doc)
        if block is None:
            return
        known = self._state.shadows.get(doc)
        theirs = known.load()[2] if known is not None else None
        if change.replaced:
            theirs = True if change.by_others else None
        elif not change.rest:  # its marks were made when it came
            theirs = shadow.mark(theirs, change.shape, by_others=change.by_others)
        tree = self._reader.read_block(doc, block, room, seen=known.load()[0] if known is not None else NOTHING_SEEN)
        self.put(doc, tree, room, theirs, is_new=True)

    def _suffixed(self, change: Change) -> list[str]:
        """Of an armature the new names of bones that are this user's, and that get a suffix."""
        known = self._state.shadows.get(change.doc)
        if known is None or self._identity.type_of(change.doc) != "Armature":
            return []
        read, _, theirs = known.load()
        found = special.armatures.suffixed(read, change.room or {})
        mine, _ = shadow.split({"i": {"bones": {key: {"name": name} for key, name in found.items()}}}, theirs)
        return [bone["name"] for bone in mine.get("i", {}).get("bones", {}).values()]

    def _keep_poses(self, doc: str, names: set[str]) -> None:
        """What its user has posed before the bone got its suffix, is said again."""
        known = self._state.shadows.get(doc)
        if known is not None and self._identity.type_of(doc) == "Object":
            read, room, theirs = known.load()
            kept = special.armatures.keep_poses(read, room, names)
            if kept is not read:
                self._state.put(doc, kept, room, theirs)

    def _settle(self, doc: str) -> None:
        """Reads a dependent back: whatever has changed in it is no user's doing."""
        block = self._identity.block(doc)
        known = self._state.shadows.get(doc)
        if block is None or known is None:
            return
        read, room, theirs = known.load()
        self.put(doc, self._reader.read_block(doc, block, room, seen=read), room, theirs)

    def put(self, doc: str, tree: Tree, room: Tree, theirs: Any, *, is_new: bool = False) -> None:
        """Remembers what a document shows after it was written, or after others were."""
        self._state.put(doc, tree, room, theirs)
        for mender in self._menders:
            mender.note(doc, tree, room)
        self.audit.note(doc, is_new=is_new)

    def _is_in_hand(self, doc: str) -> bool:
        """Whether it shows something else than the room says, and is to: its user has it in hand, it is about to go, or it is linked."""
        if doc in self._writer.deferred or doc in self._doomed:
            return True
        block = self._identity.block(doc)
        return block is None or block.library is not None or special.is_edited(block)

    def _mended(self, doc: str) -> set[str]:
        """What of a document menders show otherwise on purpose."""
        return {name for mender in self._menders if doc in mender.suspects for name in mender.decides}

    def heal(self, doc: str) -> None:
        """Writes once more what a document does not show of what others wrote."""
        self._capture(doc)
        try:
            self.audit.heal(doc, self._write_once_more)
        except Exception as e:  # a tree from elsewhere may hold anything
            self._writer.doc = doc
            self._writer.refuse("the document as a whole", e)

    def _write_once_more(self, doc: str) -> None:
        """Of two properties that forbid each other what they are to be, one pushes the other away: then that one is put back, or this
        Blender would show another of the two than those that had no reason to write again."""
        wrong = self.audit.shape(doc)
        self.write_rest(doc, shape=wrong)
        pushed = mergepatch.beyond(self.audit.shape(doc), wrong)
        if pushed:
            self.write_rest(doc, shape=pushed)
