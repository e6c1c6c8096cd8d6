# SPDX-License-Identifier: GPL-3.0-or-later
"""The replicator as the rest of the add-on sees it: upload, join, tick, flush.

`tick` is called by a timer with a budget in milliseconds. It applies what has arrived, captures what Blender reported,
then uses what is left of the budget to look at what Blender does not report: the audit goes round all documents, a few at
a time, and finds custom properties, markers, texts and whatever else has changed in silence. Nothing here walks the whole
scene in one tick except the comparison of session_uids that finds new and removed datablocks, and that only when Blender reported something or once in a while.

What does not fit into one tick: a large document is read in slices (capture.py), and what arrives in large numbers is applied
in several batches (inbox.py).
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import bpy
import numpy as np

from . import dirty, editmode, history, idtypes, items, mergepatch, paths, shadow, special
from .apply import Writer
from .blobs import Blobs, QueueFull
from .capture import Paused, Reader
from .identity import Identity
from .inbox import Inbox
from .incoming import Incoming
from .last import Last
from .outgoing import Link, Outgoing
from .state import State

log = logging.getLogger("atrium")

Tree = dict[str, Any]

# What of a datablock could not be read when nothing of it could.
WHOLE = "the datablock as a whole"
# Events taken from the link at a time: one batch is one rebuild of Blender's dependency graph, so many are taken at once.
EVENTS_PER_BATCH = 4096
# New and removed datablocks that Blender did not report are looked for this often.
SCAN_EVERY_S = 0.5
# What its user cannot take out of edit mode is looked for this often.
EDITED_EVERY_S = 0.5
# Types of which something goes unreported and that are few: looked at this often, before the general audit.
POLLED = ("Scene", "Text")
POLL_EVERY_S = 0.25
# Of the time, at most this share goes into looking at any one document that is not reported as changed: a mesh of a million
# vertices takes some ten milliseconds. What takes less than LOOK_FREE_S is looked at whenever it is its turn.
POLL_SHARE = 0.02
AUDIT_SHARE = 0.005
LOOK_FREE_S = 0.001
# Operators that have the selected things, or what is sculpted or painted on, in hand while they run.
DRAGGING = (
    "TRANSFORM_OT_",
    "POSE_OT_",
    "SCULPT_OT_",
    "SCULPT_CURVES_OT_",
    "PAINT_OT_",
    "PARTICLE_OT_",
    "GPENCIL_OT_",
    "GREASE_PENCIL_OT_",
)
# What runs a pass over everything asks for its time between two slices of at most this length.
UPLOAD_SLICE_S = 0.005
# What the room has refused because bytes were missing is offered so often again.
OFFERED_AGAIN_MAX = 3
# Why the room has refused a datablock, as its user reads it; others as the engine says it.
REFUSED_BECAUSE = {
    "NOBLOB": "its arrays or files did not all arrive",
    "DOC_SIZE": "it is too large for the room",
    "BLOB_SIZE": "an array or a file of it is too large for the room",
    "LIMIT": "the room is full, or it has too many arrays or files",
    "DENIED": "you do not have the right to do this",
}
# Documents with events to apply. One that many have edited counts once.
BEHIND_DOCS = 4096
# What the user has just changed is mostly a document or two; in a large scene Blender may have named all of them.
BEFORE_UNDO_S = 0.05
# What builds a scene does as much between two looks at Blender's lists of datablocks, which take 3 ms for ten thousand.
BUILD_SLICE_S = 0.03


class Refusal(NamedTuple):
    """One thing that stays in the room and does not reach this Blender. Prints as a sentence."""

    doc: str
    name: str
    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.name}: {self.what} was not taken ({self.why.strip()})."


class Unread(NamedTuple):
    """One thing that stays in this Blender and does not reach the room. Prints as a sentence."""

    doc: str
    name: str
    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.name}: {self.what} was not sent ({self.why.strip()})."


class Replicator:
    """Keeps one Blender and one room alike. Main thread only."""

    def __init__(self, link: Link, *, room_id: str, files: str | None = None) -> None:
        if files:
            paths.set_folder(files)
        self._link = link
        self._room_id = room_id
        self.identity = Identity()
        self.state = State()
        blobs = Blobs(link)
        self._reader = Reader(self.identity, blobs)
        self._writer = Writer(self.identity, blobs, self._reader)
        self._outgoing = Outgoing(link, self.identity, self._reader, self.state)
        self._dirty: dict[str, None] = {}
        self._last = Last(self.identity, self.state, self._outgoing)
        self._incoming = Incoming(
            self.identity, self._reader, self._writer, self.state, self._look_at, self._dirty, self._last
        )
        self._inbox = Inbox(self.identity, self.state)
        self._after_undo: dict[str, None] = {}
        # Made since then: nobody else has ever heard of them.
        self._made_since: set[str] = set()
        self._audit: list[str] = []
        # document -> (seconds that looking at it took, when); and what a look that is not finished has taken so far.
        self._costs: dict[str, tuple[float, float]] = {}
        self._spent: dict[str, float] = {}
        self._scanned = 0.0
        self._looked = 0.0
        # Per type, the numbers of its datablocks at the last scan: as bytes, and as a set.
        self._stamps: dict[str, bytes] = {}
        self._living: dict[str, set[int]] = {}
        self._polled = 0.0
        # What this user has made and the room has refused, and why: it stays in this Blender, and is not offered again unless it was for
        # want of bytes; and how often that was done.
        self._left_alone: dict[str, tuple[str, str]] = {}
        self._offered_again: dict[str, int] = {}
        # During a join, the number of the scene that Blender shows until the room's are there.
        self._stand_in = 0
        dirty.attach(self._capture_before_undo)

    # For the panel

    @property
    def refused(self) -> list[Refusal]:
        """What the room holds and this Blender does not take: what it said so of, and what it shows otherwise without a word."""
        of = self._writer.refused
        told = [Refusal(doc, self._name(doc), what, it.why) for doc, whats in of.items() for what, it in whats.items()]
        listed = self._incoming.audit.listed.items()
        return told + [
            Refusal(doc, self._name(doc), d.path, d.why) for doc, found in listed if doc not in of for d in found
        ]

    @property
    def healed(self) -> int:
        """How many documents did not show what others wrote, and do since they were written once more."""
        return self._incoming.audit.healed

    @property
    def unread(self) -> list[Unread]:
        """What this Blender holds and cannot send."""
        here = [
            (doc, what, why) for (doc, what), why in self._reader.unread.items() if self.identity.uid(doc) is not None
        ]
        here += [
            (doc, WHOLE, REFUSED_BECAUSE.get(code, text))
            for doc, (code, text) in self._left_alone.items()
            if self.identity.block(doc) is not None
        ]
        return [Unread(doc, self._name(doc), what, why) for doc, what, why in here]

    @property
    def left_out(self) -> list[str]:
        """Names of the datablocks that the room has refused."""
        return [self._name(doc) for doc in self._left_alone if self.identity.block(doc) is not None]

    def name_of(self, doc: str) -> str:
        """What the user knows a document by; empty where this Blender does not have it."""
        block = self.identity.block(doc)
        try:
            return block.name if block is not None else str(self.state.parked.get(doc, {}).get("name", ""))
        except UnicodeDecodeError:  # of a file of long ago
            return ""

    def _name(self, doc: str) -> str:
        return self.name_of(doc) or self.identity.type_of(doc) or "datablock"

    @property
    def busy(self) -> bool:
        """Whether something has been taken from the link and is not applied yet."""
        return bool(self._inbox)

    @property
    def pending(self) -> int:
        """Datablocks known to have changed and not yet captured, and documents with events not yet applied."""
        return len(self._dirty) + len(self._inbox)

    @property
    def behind(self) -> bool:
        """As many documents as a session holds back wait here: more stays in the engine, which merges it."""
        return len(self._inbox) >= BEHIND_DOCS

    # Create Room

    def upload_all(self) -> Iterator[float]:
        """Sends everything as new documents, in the order of making; yields the progress from 0 to 1.

        What is changed meanwhile is reported as always and sent by the first ticks.
        """
        dirty.tracker.take()
        self._renew_texts()
        todo = [self.identity.doc_or_mint(b) for _, b in idtypes.all_blocks() if not idtypes.skip_reason(b)]
        for i, doc in enumerate(todo):
            while not self._try_capture(doc):
                yield i / len(todo)
                self._note_changes()
            yield (i + 1) / len(todo)
            self._note_changes()

    def upload_again(self) -> Iterator[float]:
        """What the room has refused of that, as far as another attempt may help."""
        self._take_in()
        todo = sorted(self._dirty, key=self._rank)
        for i, doc in enumerate(todo):
            while not self._try_capture(doc):
                yield i / len(todo)
            self._dirty.pop(doc, None)
        yield 1.0

    def _try_capture(self, doc: str) -> bool:
        """One slice of reading and sending a document; whether it is done."""
        try:
            self._outgoing.capture(doc, time.perf_counter() + UPLOAD_SLICE_S)
        except (QueueFull, Paused):
            return False
        except Exception as e:
            self._could_not_read(doc, e)
        return True

    # Join Room

    def replace_all(self, arrived: Callable[[], bool] = lambda: True) -> Iterator[float]:
        """Waits until everything has arrived, then replaces the local data; yields the progress from 0 to 1.

        Closing the generator before it passes 0.2 leaves the scene as it was. Afterwards each slice is complete in itself, as a tick is:
        what the user does between two of them is captured, and nothing between the last look at the old data and its removal.
        """
        while (events := self._link.poll(EVENTS_PER_BATCH)) or not arrived():
            self._inbox.extend(self._doc_events(events))
            if not events:
                yield 0.2
        self._stand_in = _clear_file().session_uid
        yield 0.3
        total = len(self._inbox)
        while self._inbox:
            self._build()
            yield 0.3 + 0.7 * max(0.0, 1 - len(self._inbox) / total)
        self._note_changes()
        self._show_first_scene()
        with _window():
            # The user's first undo ends here, and not at the empty scene that was loaded before.
            history.begin("Join Room")
        # Blender evaluates what it shows for the first time, and names all of it as changed.
        with _window():
            if bpy.context.view_layer is not None:
                bpy.context.view_layer.update()
        dirty.tracker.take()
        yield 1.0

    def _build(self) -> None:
        """One slice of what has arrived."""
        if dirty.tracker.busy():
            return
        with _window():
            try:
                self._begin()
                self._receive(time.perf_counter() + BUILD_SLICE_S)
            except QueueFull:
                return

    def _show_first_scene(self) -> None:
        """In the place of the one that stood in, together with what the user has made in that."""
        scene = next((self.identity.block(d) for d in self.state.shadows if self.identity.type_of(d) == "Scene"), None)
        # An undo may have taken away what Python held of it, or itself.
        stand_in = next((s for s in bpy.data.scenes if s.session_uid == self._stand_in), None)
        self._stand_in = 0
        if scene is None:
            # The room has none: this one goes there.
            if stand_in is not None:
                stand_in.name = "Scene"
            return
        for window in bpy.context.window_manager.windows:
            window.scene = scene
        if stand_in is None:
            return
        for name in ("objects", "children"):
            for block in getattr(stand_in.collection, name):
                getattr(scene.collection, name).link(block)
        bpy.data.scenes.remove(stand_in)

    # Every now and then

    def tick(self, budget_ms: float) -> None:
        """A slice of work on the main thread. Longer than the budget by one datablock at most, and where Blender's graph has to be
        rebuilt, by what the rebuild itself takes."""
        if dirty.tracker.busy():
            return
        with _window():
            self._tick(budget_ms)

    def _tick(self, budget_ms: float) -> None:
        deadline = time.perf_counter() + budget_ms / 1000.0
        try:
            self._begin()
            self._receive(deadline)
            self._capture_dirty(deadline)
            self._poll_unreported(deadline)
            self._heal_one(deadline)
            self._audit_some(deadline)
        except QueueFull:
            return

    def capture_all(self) -> None:
        """One complete pass over every datablock, at once. Raises QueueFull if the link takes no more."""
        for _ in self.capture_slowly():
            pass

    def capture_slowly(self) -> Iterator[float]:
        """The same with a yield of the progress after each datablock: what flush waits for. Ticks may go on in between."""
        if dirty.tracker.busy():
            return
        with _window():
            self._begin(force=True)
            self._receive()
        todo = self.identity.docs()
        for i, doc in enumerate(todo):
            while not self._try_look(doc):
                yield i / len(todo)
            yield (i + 1) / len(todo)

    def _try_look(self, doc: str) -> bool:
        """One slice of looking at a document; whether it is done."""
        if dirty.tracker.busy():
            return False
        self._take_in()
        with _window():
            try:
                self._look_at(doc, time.perf_counter() + UPLOAD_SLICE_S)
            except Paused:
                return False
        self._dirty.pop(doc, None)
        return True

    def detach(self) -> None:
        """Leaves the room: no handler remains, the data stays as it is."""
        dirty.detach()

    # What has come

    def _take_in(self) -> None:
        """What is in the link counts as seen, so what the user does from here on comes after it: it must lie where that is noted
        (`note_own`) before anything is captured. Never while a batch is applied, which takes what lies there for applied."""
        while events := self._link.poll(EVENTS_PER_BATCH):
            self._inbox.extend(self._doc_events(events))

    def _begin(self, force: bool = False) -> None:
        self._take_in()
        tracker = dirty.tracker
        undone, tracker.undone = tracker.undone, False
        if undone:
            self.identity.drop_references()
            self._outgoing.begin_all_again()
            self._stamps.clear()
            self._after_undo = dict.fromkeys(self.state.shadows)
            self._made_since.clear()
            self._renew_texts()
        if undone or special.objects.are_idle_slots_seen():
            tracker.foreign |= special.objects.drop_idle_slots()
        self._note_changes()
        now = time.monotonic()
        if (force or undone or now - self._looked > EDITED_EVERY_S) and not _modal():
            self._looked = now
            self._incoming.end_editing(of_all=True)
            self._renew_edited()
        if force or tracker.structure or now - self._scanned > SCAN_EVERY_S:
            tracker.structure = False
            self._scanned = now
            self._scan()
        if not _modal():
            self._incoming.remove_doomed()
        # What the user has changed here may open a circle.
        self._incoming.mend()
        if self._writer.deferred:
            self._incoming.apply_deferred(self._dragged())
        history.settle(modal=_modal())

    def _renew_texts(self) -> None:
        """Nothing may read those that Blender has lost."""
        for lost in special.curves.lost_texts():
            name, doc = lost.name, self.identity.doc(lost)
            known = self.state.shadows.get(doc or "")
            made = special.curves.renew(self._reader, self._writer, doc or "", lost, known.load()[0] if known else None)
            if doc is not None:
                self.identity.bind(doc, made)
            self._incoming.remove([lost])
            made.name = name

    def _renew_edited(self) -> None:
        """Nothing can be written to data whose object a script has removed in edit mode, and its user cannot edit it any more."""
        for lost in editmode.lost():
            made = editmode.renew(lost)
            for old, new in (lost, made), (getattr(lost, "shape_keys", None), getattr(made, "shape_keys", None)):
                doc = self.identity.doc(old) if old is not None else None
                if doc is not None and new is not None:
                    self.identity.bind(doc, new)
                    self._dirty[doc] = None
            self._incoming.remove([lost])

    def _capture_before_undo(self) -> None:
        """What its user has just changed is sent: after the undo nobody could tell it from what others wrote and the undo took away."""
        history.note_undone()
        if dirty.tracker.busy() or dirty.tracker.undone:
            return
        self._take_in()
        with _window():
            self._note_changes()
            try:
                self._capture_reported(time.perf_counter() + BEFORE_UNDO_S)
            except (QueueFull, Paused):
                return

    def _note_changes(self) -> None:
        """Marks what Blender's handlers have named since the last time."""
        changed = dirty.tracker.take()
        history.rigs.look(changed, modal=_modal())
        for uid in changed:
            doc = self.identity.doc_of_uid(uid) or self.identity.owner_of_part(uid)
            if doc is not None:
                self._dirty[doc] = None
                self._outgoing.begin_again(doc)

    def _receive(self, deadline: float = math.inf) -> None:
        """Applies what has arrived: until the deadline, and one batch at least."""
        self._take_in()
        if not self._inbox:
            return
        # What the user has deleted meanwhile must not be made again by an edit of others.
        self._scan()
        for batch, rebuilds in self._inbox.batches(deadline, self._dragged()):
            if rebuilds:
                self._stamps.clear()
            self._incoming.apply(batch, removals_wait=_modal())
        if not _modal():
            self._incoming.end_editing()

    def _dragged(self) -> set[str]:
        """What the user has in hand: what others did to it is applied when it is let go, or it would jump away from the pointer."""
        if not _drags():
            return set()
        held = {doc for block in _in_hand() if block is not None and (doc := self.identity.doc(block)) is not None}
        # Another's first shape keys are made in the mesh.
        return held | self._inbox.made_of(held)

    def _doc_events(self, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        out: list[dict[str, Any]] = []
        for event in events:
            if event["t"] == "refused":
                self._note_refusal(event)
            elif event["t"] == "doc" and not self._is_own_refused(event):
                out.append(event)
        return out

    def _note_refusal(self, event: dict[str, Any]) -> None:
        """A datablock that its user made is work: where the room does not take it, it is not the room's to remove."""
        doc = event["doc"]
        if (
            event.get("code") not in ("GONE", "NOENT")
            and doc in self.state.own
            and self.identity.block(doc) is not None
        ):
            self._left_alone[doc] = str(event.get("code")), str(event.get("text"))

    def _is_own_refused(self, event: dict[str, Any]) -> bool:
        """That such a document is not in the room leaves its datablock here; a later event means that it is there after all."""
        doc = event["doc"]
        if doc not in self._left_alone:
            return False
        if event["kind"] != "delete":
            del self._left_alone[doc]
            return False
        self.state.drop(doc)
        self._inbox.drop(doc)
        self._dirty.pop(doc, None)
        tries = self._offered_again.get(doc, 0)
        if self._left_alone[doc][0] == "NOBLOB" and tries < OFFERED_AGAIN_MAX:
            # Read once more, its bytes are put once more.
            self._offered_again[doc] = tries + 1
            self._reader.blobs.forget(doc)
            del self._left_alone[doc]
            self._dirty[doc] = None
        return True

    def _scan(self) -> None:
        """Finds datablocks that appeared or vanished, by their numbers; only a type whose numbers changed is looked at."""
        # Deleted by others, and back through an undo here.
        doomed: list[str] = []
        again: list[tuple[str, int]] = []
        # Kept once all is dealt with: while the queue is full, each scan finds the same again.
        seen: dict[str, bytes] = {}
        for kind in idtypes.COLLECTIONS:
            blocks = idtypes.collection(kind)
            if blocks is None:
                continue
            uids = np.empty(len(blocks), dtype=np.int32)
            blocks.foreach_get("session_uid", uids)
            stamp = uids.tobytes()
            if self._stamps.get(kind) == stamp:
                continue
            seen[kind] = stamp
            here = uids.tolist()
            self._living[kind] = set(here)
            for i, uid in enumerate(here):
                doc = self.identity.living_doc(uid)
                if doc in self.state.shadows:
                    if self.identity.uid(doc) != uid:
                        again.append((kind, uid))
                        seen[kind] = b""
                elif not self._appeared(blocks[i], doomed):
                    # Looked at again next time: an image may stop being a render result.
                    seen[kind] = b""
        if not seen:
            return
        self._take_back(again)
        gone = [
            d for d in self.state.shadows if self.identity.uid(d) not in self._living.get(self.identity.type_of(d), ())
        ]
        for doc in gone:
            self._vanished(doc)
        self._stamps.update(seen)
        self._incoming.bury(doomed, _modal())
        if gone:
            self._incoming.try_parked()

    def _appeared(self, block: Any, doomed: list[str]) -> bool:
        """A datablock that was not here at the last scan. Says whether it is dealt with for good."""
        doc = self.identity.doc(block)
        if doc is not None and doc in self.state.shadows:
            return True
        if idtypes.skip_reason(block) or block.session_uid == self._stand_in:
            return False
        if doc is None:
            doc = self.identity.doc_or_mint(block)
            self._made_since.add(doc)
        self.identity.bind(doc, block)
        if doc in self._left_alone:
            return True
        if doc in self.state.buried and not self._last.is_last_scene(block):
            doomed.append(doc)
            return False
        self._dirty[doc] = None
        return True

    def _take_back(self, again: list[tuple[str, int]]) -> None:
        """Datablocks back through an undo whose documents have been given others meanwhile: those go on, if they are still here. Also those
        that gave way to others while an operator ran."""
        for kind, uid in again:
            block = next(b for b in idtypes.collection(kind) if b.session_uid == uid)
            doc = self.identity.doc(block) or ""
            other = self.identity.block(doc)
            if other is None:
                self.identity.bind(doc, block)
                self._dirty[doc] = None
            else:
                block.user_remap(other)
                if not _modal():
                    self._incoming.remove([block])

    def _vanished(self, doc: str) -> None:
        """Removed by the user, or by an undo of what others did: then it is put back."""
        if doc in self._after_undo and doc not in self.state.own:
            room = self.state.room_tree(doc)
            self.state.drop(doc)
            self.identity.forget(doc)
            again = {"doc": doc, "kind": "create", "tree": room, "mine": False, "show": self.state.shown.get(doc)}
            self._inbox.put_first(again)
            return
        self._outgoing.send_delete(doc)
        self._incoming.forget(doc)
        # What others did to it before is overtaken.
        self._inbox.drop(doc)
        self.state.drop(doc)
        self.identity.forget(doc)
        self._dirty.pop(doc, None)
        self._after_undo.pop(doc, None)
        self._dirty.update(dict.fromkeys(self._incoming.let_go([doc])))

    # What has changed here

    def _capture_reported(self, deadline: float) -> bool:
        """Whether all was looked at before the deadline. Raises Paused where a document is half read."""
        for doc in sorted(self._dirty, key=self._rank):
            self._look_at(doc, deadline)
            self._dirty.pop(doc, None)
            if time.perf_counter() > deadline:
                return False
        return True

    def _capture_dirty(self, deadline: float) -> None:
        try:
            if not self._capture_reported(deadline):
                return
        except Paused:
            return
        for doc in list(self._after_undo):
            self._look_at(doc)
            if time.perf_counter() > deadline:
                return

    def _rank(self, doc: str) -> tuple[bool, int]:
        """In the order of making; a large document that is known already lets what is quickly done go first."""
        waits = self._outgoing.is_half_read(doc) and doc in self.state.shadows
        return waits, idtypes.ORDER.get(self.identity.type_of(doc), 99)

    def _look_at(self, doc: str, deadline: float = math.inf) -> Tree:
        """Captures a document and sends what its user changed; the patch. One that fails must not stop the others."""
        mine = self._captured(doc, deadline)
        if mine:
            self._inbox.note_own(doc, mine)
            if doc in self._incoming.audit.listed:
                # It may be the user's word now.
                self._incoming.audit.note(doc)
        return mine

    def _captured(self, doc: str, deadline: float) -> Tree:
        if doc in self._left_alone or self._incoming.is_doomed(doc):
            return {}
        try:
            if doc not in self._after_undo:
                is_new = doc not in self.state.shadows
                mine = self._outgoing.capture(doc, deadline)
                if is_new:
                    self._incoming.note_back(doc)
                if ("i" in mine or "s" in mine) and doc in self.state.shadows:
                    self._give_way(doc, mine)
                if mine and special.clear_up(self.identity.block(doc), mine):
                    dirty.tracker.foreign = True
                return mine
            mine = self._undone(doc)
        except (QueueFull, Paused):
            raise
        except Exception as e:
            self._could_not_read(doc, e)
            mine = {}
        self._after_undo.pop(doc, None)
        return mine

    def _could_not_read(self, doc: str, why: Exception) -> None:
        """One that fails must not stop the others: an add-on's own property may raise anything, a name of long ago be no text."""
        if (doc, WHOLE) not in self._reader.unread:
            log.error("%s could not be read", self._name(doc), exc_info=why)
        self._reader.unread[doc, WHOLE] = f"{type(why).__name__}: {why}"

    def _give_way(self, doc: str, mine: Tree) -> None:
        """What the user has removed, renamed or moved may leave its name to a thing of another, which had to show a suffix, or its place to one
        that it kept away."""
        read, room, _ = self.state.shadows[doc].load()
        if items.misnamed(read, room) or items.uncovers(mine, read, room) or items.lets_in(mine, read, room):
            self._incoming.write_rest(doc)

    def _undone(self, doc: str) -> Tree:
        """After undo or redo: what this user wrote is sent, what others wrote is put back."""
        # Blender moves them with their mesh: their user's undo shows only before that is written.
        keys = self._incoming.keys_of(doc) if self.identity.type_of(doc) == "Mesh" else []
        for key in keys:
            self._look_at(key)
        block = self.identity.block(doc)
        known = self.state.shadows.get(doc)
        if block is None or known is None:
            return {}
        read, room, theirs = known.load()
        gone = self.state.gone.of(doc)
        if "vertex_groups" in read.get("i", {}) or ("vertex_groups",) in gone:
            # Looked at even where no object shows them: what others did to them is undone all the same.
            self._reader.through_objects.add(doc)
        if special.nodes.drop_idle_sockets(block):
            # Of a group that was back, for a use that the room has not, and has gone again.
            dirty.tracker.foreign = True
        if self.identity.type_of(doc) == "Image":
            special.images.keep_painted(block, shadow.split({"p": read["p"]}, theirs)[0].get("p", {}))
        tree = self._reader.read_block(doc, block, read, gone=gone)
        if known.reads_as(tree):
            return {}
        known_keys = frozenset(key for heads in gone.values() for key in heads)
        mine, other = shadow.split(
            mergepatch.one_by_one(mergepatch.diff(read, tree), read), theirs, known_keys, self._made_since
        )
        special.keep_whole(mine, other)
        if self.state.is_given(doc, mine.get("name"), room):
            # Of before it got its suffix, or another.
            other["name"] = mine.pop("name")
        special.layers.complete(mine, room, tree)
        items.whole_order(mine, room, tree)
        if mine:
            self._outgoing.send_edit(doc, mine)
            self.state.gone.note(doc, mine, read)
            if "name" in mine:
                self.state.note_named(doc)
            room = mergepatch.merge(room, mine)
            theirs = shadow.mark(theirs, mine, by_others=False)
        if other:
            target = mergepatch.merge(read, mine)
            block = None
            remade = self._writer.set_class(doc, target)
            block = self.identity.block(doc)
            if remade:
                tree = self._reader.read_block(doc, block, target, fresh=True)
            patch = mergepatch.diff(tree, target)
            if "name" in patch:
                self._incoming.set_names({doc: room})
                patch.pop("name")
            self._writer.write_block(doc, block, patch, target, tree)
            with self._reader.blobs.comparing():
                tree = self._reader.read_block(doc, block, target, seen=tree)
        self._incoming.put(doc, tree, room, theirs)
        if "@animation_data" in other.get("s", {}):
            # What is animated no longer shows its last frame, which was read as the value of before.
            self._incoming.write_rest(doc)
        if "i" in other:
            for key in keys:
                self._incoming.write_rest(key)
        return mine

    def _poll_unreported(self, deadline: float) -> None:
        now = time.monotonic()
        if now - self._polled < POLL_EVERY_S or time.perf_counter() > deadline:
            return
        self._polled = now
        active = getattr(bpy.context, "active_object", None)
        first = self.identity.doc(active) if active is not None else None
        polled = [d for d in self.identity.docs() if self.identity.type_of(d) in POLLED]
        for doc in ([first] if first else []) + polled:
            self._look_unless_dear(doc, now, POLL_SHARE, deadline)
            if time.perf_counter() > deadline:
                return

    def _look_unless_dear(self, doc: str, now: float, share: float, deadline: float) -> bool:
        """Looks at a document of which nothing was reported, unless that took more than its share of the time lately; whether it did."""
        cost, when = self._costs.get(doc, (0.0, 0.0))
        if cost > LOOK_FREE_S and now - when < cost / share and doc not in self._spent:
            return False
        begin = time.perf_counter()
        try:
            self._look_at(doc, deadline)
        except Paused:
            # The audit goes on with it.
            self._spent[doc] = self._spent.get(doc, 0.0) + time.perf_counter() - begin
            self._audit.append(doc)
            return False
        self._costs[doc] = (self._spent.pop(doc, 0.0) + time.perf_counter() - begin, now)
        return True

    def _heal_one(self, deadline: float) -> None:
        """Writes a document once more that does not show what others wrote, when there is nothing else to do."""
        due = self._incoming.audit.due()
        if not due or self._inbox or self._dirty or _modal() or time.perf_counter() > deadline:
            return
        self._incoming.heal(due[0])

    def _audit_some(self, deadline: float) -> None:
        """Goes on round all documents for as long as the budget lasts, one at least: what its user has changed in silence is sent, what it does
        not show of what others wrote is listed and healed."""
        if not self._audit:
            self._audit = self.identity.docs()
        now = time.monotonic()
        while self._audit:
            doc = self._audit.pop()
            if self._look_unless_dear(doc, now, AUDIT_SHARE, deadline):
                self._incoming.audit.note(doc)
            if time.perf_counter() > deadline:
                return


@contextmanager
def _window() -> Iterator[None]:
    """A timer runs without a window; operators (edit mode for bones, force fields) need one."""
    windows: Any = bpy.context.window_manager.windows if bpy.context.window_manager else ()
    if bpy.context.window is not None or not len(windows):
        yield
        return
    with bpy.context.temp_override(window=windows[0]):
        yield


def _modal() -> bool:
    """Whether the user is in the middle of an operator: then nothing is removed. Only Blender's own count, which keep pointers: many
    add-ons have one running all the time, and for them nothing would ever be removed."""
    python_class = bpy.types.Operator.bl_rna_get_subclass_py
    return any(python_class(name) is None for name in dirty.running())


def _drags() -> bool:
    return any(name.startswith(DRAGGING) for name in dirty.running())


def _in_hand() -> Iterator[Any]:
    """The datablocks that an operator which drags may be writing to: the chosen objects, what they are made of, and what is drawn on."""
    for window in bpy.context.window_manager.windows:
        for ob in (*window.view_layer.objects.selected, window.view_layer.objects.active):
            if ob is not None:
                yield from (ob, ob.data, getattr(ob.data, "shape_keys", None))
                for slot in ob.material_slots if ob.mode == "TEXTURE_PAINT" else ():
                    yield from slot.material.texture_paint_images if slot.material else ()
        yield window.scene.tool_settings.image_paint.canvas
        yield from (getattr(window.scene, name, None) for name in ("annotation", "grease_pencil"))
        for area in window.screen.areas:
            if area.type == "IMAGE_EDITOR":
                yield area.spaces.active.image


def _clear_file() -> Any:
    """Removes all local data. Blender needs one scene: the one that is shown stands in until the room's are here. Removing that one
    right after a file was loaded, before Blender has looked at its events, crashes 4.3.2."""
    stand_in = bpy.context.scene
    stand_in.name = "atrium joining"
    for window in bpy.context.window_manager.windows:
        if window.scene != stand_in:
            window.scene = stand_in
    for scene in [s for s in bpy.data.scenes if s != stand_in]:
        bpy.data.scenes.remove(scene)
    doomed = [b for kind, b in idtypes.all_blocks() if kind not in ("Scene", "Key") and _is_ours_to_clear(b)]
    if doomed:
        bpy.data.batch_remove(doomed)
    return stand_in


def _is_ours_to_clear(block: Any) -> bool:
    return not (idtypes.base_type(block) == "Image" and block.source == "VIEWER")
