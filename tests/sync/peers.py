# SPDX-License-Identifier: GPL-3.0-or-later
"""Real Blenders as peers of a fake room.

The test process holds the room behind a multiprocessing manager; each peer is a bpy process that runs the code it is
given and answers with the result. Only the tests' own code is ever sent.
"""

from __future__ import annotations

import atexit
import os
import queue
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.managers import BaseManager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
BLENDERS = Path(os.environ.get("ATRIUM_BLENDERS", Path.home() / ".cache" / "atrium" / "blenders"))
KEY = b"atrium tests"
OFFICIAL = ("bpy42", "bpy45", "bpy50")


class Manager(BaseManager):
    pass


def available(version: str) -> bool:
    return (BLENDERS / version / "run").exists()


class Stage:
    """A room, and the Blenders that share it."""

    def __init__(self) -> None:
        sys.path.insert(0, str(HERE))
        from fake_link import FakeRoom

        self.room = FakeRoom()
        self._queues: dict[str, queue.Queue[Any]] = {}
        self.folder = tempfile.mkdtemp(prefix="atrium-sync-")
        self.address = os.path.join(self.folder, "room")
        # A class of its own: what is registered belongs to the class, and two stages may stand side by side.
        own: type[Manager] = type("Manager", (Manager,), {})
        own.register("room", callable=lambda: self.room)
        own.register("queue", callable=self._queue)
        manager = own(address=self.address, authkey=KEY)
        self._server = manager.get_server()
        import threading

        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.peers: list[Peer] = []
        # Blenders of an earlier test.
        self.spare: list[Peer] = []
        self.started = 0

    def _queue(self, name: str) -> queue.Queue[Any]:
        return self._queues.setdefault(name, queue.Queue())

    def peer(self, version: str = "bpy42", blend: str | None = None) -> Peer:
        peer = next((p for p in self.spare if p.version == version), None) if blend is None else None
        if peer is not None:
            self.spare.remove(peer)
            peer.begin_anew()
        else:
            self.started += 1
            peer = Peer(self, self.started, version, blend)
        self.peers.append(peer)
        return peer

    def lives(self) -> bool:
        return all(peer.process.poll() is None for peer in self.peers + self.spare)

    def set_aside(self, peers: list[Peer]) -> None:
        """They have left the room; the next that is asked for is one of them."""
        for peer in peers:
            self.peers.remove(peer)
            if peer.blend is None:
                self.spare.append(peer)
            else:
                peer.close()

    def close(self) -> None:
        for peer in self.peers + self.spare:
            peer.close()

    def settle(self, rounds: int = 12) -> None:
        """Lets all peers work until a whole round of full captures changes nothing: the first one, where nobody heard anything in it, else a second."""
        before = -1
        for _ in range(rounds):
            start = self.room.head()
            busy = [peer.do(WORK) for peer in self.peers]
            head = self.room.head()
            if head == before or (head == start and not any(busy)):
                return
            before = head
        raise AssertionError(f"no rest after {rounds} rounds: {self.room.log[-5:]}")


class Peer:
    def __init__(self, stage: Stage, number: int, version: str, blend: str | None) -> None:
        self.stage = stage
        self.number = number
        self.version = version
        self.blend = blend
        self.chapter = _chapter[0]
        self._calls = stage._queue(f"call{number}")
        self._answers = stage._queue(f"answer{number}")
        # A Blender in a folder of its own sees only what it is given.
        bind = f"{stage.folder}:{HERE.parents[1]}:{tempfile.gettempdir()}"
        env = {**os.environ, "ATRIUM_HOME": os.path.join(stage.folder, f"home{number}"), "ATRIUM_BIND": bind}
        self.log_path = os.path.join(stage.folder, f"peer{number}.log")
        self.process = subprocess.Popen(
            [str(BLENDERS / version / "run"), str(HERE / "peer_main.py"), stage.address, str(number), blend or ""],
            stdout=open(self.log_path, "w"),
            stderr=subprocess.STDOUT,
            env=env,
        )

    def do(self, code: str, timeout: float = 240) -> Any:
        """Runs statements in the peer; the value of a last expression is the answer."""
        self._calls.put(textwrap.dedent(code))
        waited = 0.0
        while True:
            try:
                ok, value = self._answers.get(timeout=0.5)
                break
            except queue.Empty:
                waited += 0.5
                if self.process.poll() is not None or waited > timeout:
                    raise RuntimeError(f"peer {self.number} gave no answer:\n{self.log()}") from None
        if not ok:
            raise RuntimeError(f"peer {self.number}: {value}\n{self.log()[-2000:]}")
        return value

    def log(self) -> str:
        return Path(self.log_path).read_text(errors="replace")[-6000:]

    def begin_anew(self) -> None:
        """As if it had just been started."""
        if self.chapter != _chapter[0]:
            self.do("begin_anew()")
            self.chapter = _chapter[0]
        self.do(FRESH.format(member=self.number))

    def upload(self) -> None:
        self.do("for _ in rep.upload_all(): pass")

    def join(self) -> None:
        self.do("for _ in rep.replace_all(): pass")

    def close(self) -> None:
        if self.process.poll() is None:
            self._calls.put(None)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()


def both(a, b, expression):
    """The value, which must be the same in both Blenders."""
    left, right = a.do(expression), b.do(expression)
    assert left == right, expression
    return left


def assert_silent(stage: Stage) -> None:
    """One full idle round sends nothing."""
    before = stage.room.head()
    for peer in stage.peers:
        peer.do("link.sent.clear(); rep.capture_all()")
        peer.do("rep.tick(2000)")
        assert peer.do("link.sent") == []
    assert stage.room.head() == before


def at_once(stage, *deeds):
    """Everybody acts before anybody hears of the others; who is named first comes first in the room's order."""
    for peer, _ in deeds:
        peer.do("link.hold = True")
    for peer, code in deeds:
        peer.do(code)
        peer.do("rep.capture_all()")
    for peer, _ in deeds:
        peer.do("link.release()")
    stage.settle()


def rig(*bones):
    """An armature, and an object of it, with bones that stand upright."""
    return f"""
    data = bpy.data.armatures.new("Rig")
    rig = bpy.data.objects.new("Rig", data)
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    for name in {bones!r}:
        data.edit_bones.new(name).tail = (0, 0, 1)
    bpy.ops.object.mode_set(mode="OBJECT")
    del data, rig
"""


# A link whose queue has no room for every other blob, until it is asked again.
HESITANT = """
    turns, put = [0], link.put_blob
    def hesitant(data):
        turns[0] += 1
        return None if turns[0] % 2 else put(data)
    link.put_blob = hesitant
"""

# A full look at everything, and whether something has come or is still to be done.
WORK = "_heard = link.cursor; rep.capture_all(); rep.tick(1000); link.cursor != _heard or rep.pending > 0"

# What a peer does to be as if it had just been started.
FRESH = """
    rep.detach()
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    link = FakeLink(fresh_room(), {member})
    rep = Replicator(link, room_id="f" * 32)
"""

# The stage that stays for the next test: starting three Blenders takes longer than most tests.
_kept: list[tuple[str, Stage]] = []


# Counts the files of tests: what one does to the replicator's modules is not there for the next.
_chapter = [0]


def next_chapter() -> None:
    _chapter[0] += 1


def fresh_stage(version: str, count: int) -> tuple[Stage, list[Peer]]:
    """A stage with so many Blenders, each with the factory scene and a replicator that has joined nothing."""
    if _kept and (_kept[0][0] != version or not _kept[0][1].lives()):
        drop_stage()
    if not _kept:
        _kept.append((version, Stage()))
        atexit.register(_kept[0][1].close)
    stage = _kept[0][1]
    stage.room = type(stage.room)()
    stage.set_aside(stage.peers[count:])
    for peer in stage.peers:
        peer.begin_anew()
    while len(stage.peers) < count:
        stage.peer(version)
    return stage, list(stage.peers)


def drop_stage() -> None:
    """After a failure nobody knows what state the Blenders are in."""
    while _kept:
        _kept.pop()[1].close()


@contextmanager
def joined(version: str, count: int) -> Iterator[tuple[Stage, list[Peer]]]:
    """Several Blenders in one room: the first one's scene, which the others have joined."""
    stage, peers = fresh_stage(version, count)
    try:
        peers[0].upload()
        for peer in peers[1:]:
            peer.join()
        stage.settle()
        yield stage, peers
    except BaseException:
        drop_stage()
        raise
