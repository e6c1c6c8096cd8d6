# SPDX-License-Identifier: MIT
"""One end of the short path: the add-on's replicator without engine, network and server.

Runs inside Blender:

    direct.py upload SCENE FOLDER     opens the scene, records what the replicator sends, dumps
    direct.py join FOLDER             plays it to a replicator in an empty Blender, dumps

What goes between them is a pickle of the room: the documents in their order, merged, and the blobs.
Where the short path is exact and the real one is not, the fault is outside `addon/sync`. Both ends
also make one full idle pass; every operation that it sends is an echo, and is told by document.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import sys
import traceback
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO))
sys.path.insert(0, os.environ.get("ATRIUM_ADDON", str(REPO / "addon")))

import bpy  # noqa: E402

from sync import mergepatch  # noqa: E402
from sync.replicator import Replicator  # noqa: E402
from tests.fidelity.dump import dump  # noqa: E402


class Room:
    """A link whose other end is this object: what is submitted is merged, in order."""

    def __init__(self) -> None:
        self.docs: dict[str, dict[str, Any]] = {}
        self.blobs: dict[str, bytes] = {}
        self.sent: list[tuple[str, str, Any]] = []
        self.events: list[dict[str, Any]] = []

    def submit(self, doc: str, kind: str, tree: Any, **_more: Any) -> bool:
        tree = json.loads(json.dumps(tree, allow_nan=False))  # what could not travel fails here
        self.sent.append((doc, kind, tree))
        self.merge(doc, kind, tree)
        return True

    def merge(self, doc: str, kind: str, tree: Any) -> None:
        if kind == "create":
            self.docs.pop(doc, None)
            self.docs[doc] = tree
        elif kind == "edit":
            self.docs[doc] = mergepatch.merge(self.docs[doc], tree)
        else:
            del self.docs[doc]

    def put_blob(self, data: Any) -> str | None:
        raw = bytes(data)
        name = hashlib.sha256(raw).hexdigest()
        self.blobs[name] = raw
        return name

    def blob(self, name: str) -> memoryview | None:
        raw = self.blobs.get(name)
        return None if raw is None else memoryview(raw)

    def fingerprint(self, data: Any) -> int:
        return int.from_bytes(hashlib.blake2b(bytes(data), digest_size=8).digest(), "little")

    def poll(self, max_events: int) -> list[dict[str, Any]]:
        taken, self.events = self.events[:max_events], self.events[max_events:]
        return taken


def idle_pass(replicator: Any, room: Room) -> list[str]:
    """What a full pass sends although nobody edited anything."""
    room.sent.clear()
    replicator.tick(1e6)
    replicator.capture_all()
    lines = []
    for doc, kind, tree in room.sent:
        text = json.dumps(tree)
        lines.append(f"{kind} {room.docs.get(doc, {}).get('name', doc)}: {text[:300]}")
    return lines


def upload(scene: str, folder: Path) -> dict[str, Any]:
    bpy.ops.wm.open_mainfile(filepath=scene, load_ui=False)
    room = Room()
    replicator = Replicator(room, room_id="0" * 32, files=str(folder / "files"))
    _end.append((replicator, room))
    for _progress in replicator.upload_all():
        pass
    documents = len(room.docs)
    echoes = idle_pass(replicator, room)
    with open(folder / "room.pickle", "wb") as file:
        pickle.dump((room.docs, room.blobs), file)
    dump(folder / "left")
    return {"documents": documents, "echoes": echoes, "notes": [str(item) for item in replicator.unread]}


def join(folder: Path) -> dict[str, Any]:
    room = Room()
    with open(folder / "room.pickle", "rb") as file:
        room.docs, room.blobs = pickle.load(file)
    room.events = [
        {"t": "doc", "n": n, "room": 0, "doc": doc, "kind": "create", "tree": tree, "show": None, "seq": n, "by": "a"}
        for n, (doc, tree) in enumerate(room.docs.items(), 1)
    ]
    replicator = Replicator(room, room_id="0" * 32, files=str(folder / "files"))
    _end.append((replicator, room))
    for _progress in replicator.replace_all():
        pass
    replicator.tick(1e6)
    echoes = idle_pass(replicator, room)
    dump(folder / "right")
    return {"documents": len(room.docs), "echoes": echoes, "notes": [" ".join(map(str, r)) for r in replicator.refused]}


# Step by step, for tests that go on after the join. One process is one end.

_end: list[tuple[Any, Room]] = []


def host_scene(scene: str, folder: str) -> None:
    """Opens a scene and has its room written to the folder."""
    upload(scene, Path(folder))


def join_scene(folder: str) -> list[str]:
    """Joins what `host_scene` wrote; the echoes."""
    echoes: list[str] = join(Path(folder))["echoes"]
    return echoes


def send_changes(folder: str) -> int:
    """Captures what has changed here and writes it to the folder; the number of operations."""
    replicator, room = _end[-1]
    room.sent.clear()
    replicator.capture_all()
    with open(Path(folder) / "changes.pickle", "wb") as file:
        pickle.dump((room.sent, room.blobs), file)
    return len(room.sent)


def receive_changes(folder: str) -> list[str]:
    """Applies what `send_changes` wrote; the echoes of a full idle pass afterwards."""
    replicator, room = _end[-1]
    with open(Path(folder) / "changes.pickle", "rb") as file:
        sent, room.blobs = pickle.load(file)
    for doc, kind, tree in sent:
        room.merge(doc, kind, tree)
        room.events.append({"t": "doc", "doc": doc, "kind": kind, "tree": tree, "show": None})
    replicator.tick(1e6)
    return idle_pass(replicator, room)


def main(arguments: list[str]) -> dict[str, Any]:
    folder = Path(arguments[-1])
    (folder / "files").mkdir(parents=True, exist_ok=True)
    return upload(arguments[1], folder) if arguments[0] == "upload" else join(folder)


if __name__ == "__main__":
    given = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]  # an executable's own come first
    try:
        answer = main(given)
    except Exception:
        answer = {"failed": traceback.format_exc()}
    (Path(given[-1]) / f"{given[0]}.json").write_text(json.dumps(answer))
    sys.stdout.flush()
    os._exit(1 if "failed" in answer else 0)
