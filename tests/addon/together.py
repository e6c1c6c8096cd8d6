# SPDX-License-Identifier: MIT
"""What tests with several people need: an add-on to install, "the same scene for all", silence, a line that can be cut.

Whether two scenes are the same is decided by the dumper of tests/fidelity, which shares no code with the add-on.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from tests.blender.blenders import REPO
from tests.blender.inside import bpy
from tests.blender.party import Person
from tests.fidelity import compare

SILENCE_S = 1.0
"""More than one round of every poll of the add-on (the slowest comes every half second)."""


def find_zip() -> Path:
    """ATRIUM_ZIP, else the one that is built here from the present sources."""
    given = os.environ.get("ATRIUM_ZIP")
    if given:
        return Path(given)
    folder = REPO / "build" / "zip-for-tests"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests that run side by side build in the same place
        subprocess.run(
            [sys.executable, str(REPO / "addon" / "build_zip.py"), "--out", str(folder)], check=True, timeout=600
        )
    (found,) = folder.glob("atrium-*.zip")
    return found


# --- sent to Blender ---------------------------------------------------------------------------------------------------


def dump_scene(repo: str, path: str) -> None:
    if repo not in sys.path:
        sys.path.insert(0, repo)
    from tests.fidelity.dump import dump

    dump(path)


def session() -> Any:
    module = next(m for name, m in sys.modules.items() if name.endswith("atrium.session.runtime"))
    return module.need()


SLEEP_S_MAX = 0.05
"""For which a call or tick on Blender's main thread may sleep: some milliseconds for the disk, or until another thread gives Python back."""


def moment() -> list[float]:
    """Now, and for how long this thread has slept until now (for a lock, a disk, a peer), both in seconds. What it waits for a processor does not count, so
    that a busy machine changes nothing."""
    import time
    from pathlib import Path

    worked_ns, ready_ns, _ = Path("/proc/thread-self/schedstat").read_text().split()
    now = time.monotonic()
    return [now, now - (int(worked_ns) + int(ready_ns)) / 1e9]


class Worst:
    """Of what ran within it, each time: the longest, and the longest sleep in it, in seconds."""

    took = slept = 0.0

    def __enter__(self) -> None:
        self._at, self._slept_at = moment()

    def __exit__(self, *_: object) -> None:
        at, slept_at = moment()
        self.took, self.slept = max(self.took, at - self._at), max(self.slept, slept_at - self._slept_at)


def watch_operations() -> None:
    """From now on every operation that the add-on hands to the engine is noted."""
    link = session().link
    noted: list[Any] = []
    submit = link.submit

    def noting(doc: str, kind: str, tree: Any = None, **how: Any) -> bool:
        noted.append([kind, session().replicator._name(doc), tree])
        return bool(submit(doc, kind, tree, **how))

    link.submit = noting
    globals()["noted"] = noted


def stay_idle(seconds: float) -> Generator[None, None, list[Any]]:
    """The operations that are sent although nobody does anything: all ticks of some time, and one whole pass."""
    noted = globals()["noted"]
    noted.clear()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
    session().replicator.capture_all()
    return list(noted)


def forget_operations() -> None:
    globals()["noted"].clear()


def operations() -> list[Any]:
    """What was sent since it was last forgotten."""
    return list(globals()["noted"])


def note_knocks() -> None:
    """From now on: one may come and go between two looks at the list."""
    state = session().state
    noted: list[str] = []
    heard = state.on

    def hearing(event: dict[str, Any]) -> None:
        if event.get("t") == "knock":
            noted.append(event["name"])
        heard(event)

    state.on = hearing
    globals()["noted_knocks"] = noted


def knocks_noted() -> Generator[None, None, int]:
    """How many, a moment later: what the server has sent meanwhile is here then."""
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        yield
    return len(globals()["noted_knocks"])


# --- the test's side ---------------------------------------------------------------------------------------------------


def flush_all(people: Sequence[Person]) -> None:
    """Two rounds: what one gets in the first may make Blender change something that the others then get."""
    for _ in range(2):
        for person in people:
            person.flush()


def differences(people: Sequence[Person], folder: Path) -> list[str]:
    """What distinguishes the scenes at rest; empty if all have the same."""
    flush_all(people)
    dumps = []
    for person in people:
        dumps.append(folder / f"{person.name}.dump")
        person.call(dump_scene, str(REPO), str(dumps[-1]))
    out = []
    for person, other in zip(people[1:], dumps[1:], strict=True):
        report = compare.compare(dumps[0], other)
        out += [f"{people[0].name} and {person.name}: {d}" for d in report.differences]
    return out


def watch(people: Sequence[Person]) -> None:
    for person in people:
        person.blender.define(session)
        person.call(watch_operations)


def chatter(people: Sequence[Person]) -> dict[str, Any]:
    """What is sent while nobody does anything."""
    flush_all(people)
    numbers = [person.send(stay_idle, SILENCE_S) for person in people]
    said = {p.name: p.wait(n) for p, n in zip(people, numbers, strict=True)}
    return {name: operations for name, operations in said.items() if operations}


@contextlib.contextmanager
def only_hearing(people: Sequence[Person]) -> Generator[None, None, None]:
    """For as long as others edit: who does nothing sends nothing, however much arrives."""
    for person in people:
        person.call(forget_operations)
    yield
    said = {p.name: p.call(operations) for p in people}
    echoes = {name: sent for name, sent in said.items() if sent}
    assert not echoes, f"operations of people who did nothing: {echoes}"


class Line:
    """A TCP relay on loopback that a test can cut and mend; bytes under way are lost with the cut, as on a real line."""

    def __init__(self, target_port: int) -> None:
        self._target = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.is_cut = self.is_held = False
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._closed = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._closed:
            sockets = [self._listener, *(s for pair in self._pairs for s in pair)]
            with contextlib.suppress(OSError, ValueError):
                time.sleep(0.05 if self.is_held else 0)
                for ready in [] if self.is_held else select.select(sockets, [], [], 0.05)[0]:
                    self._serve(ready)

    def _serve(self, ready: socket.socket) -> None:
        if ready is self._listener:
            client, _ = self._listener.accept()
            if self.is_cut:
                client.close()
            else:
                self._pairs.append((client, socket.create_connection(("127.0.0.1", self._target))))
            return
        for pair in [p for p in self._pairs if ready in p]:
            data = ready.recv(65536)
            if data:
                (pair[1] if ready is pair[0] else pair[0]).sendall(data)
            else:
                self._drop(pair)

    def _drop(self, pair: tuple[socket.socket, socket.socket]) -> None:
        self._pairs.remove(pair)
        for end in pair:
            end.close()

    def cut(self) -> None:
        self.is_cut = True
        for pair in list(self._pairs):
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def hold(self) -> None:
        """Passes nothing on, and loses nothing."""
        self.is_held = True

    def mend(self) -> None:
        self.is_cut = self.is_held = False

    def close(self) -> None:
        self._closed = True
        self._thread.join(2.0)
        self._listener.close()
        for pair in list(self._pairs):
            self._drop(pair)


def state_becomes(wanted: str, timeout_s: float) -> Generator[None, None, str]:
    end = time.monotonic() + timeout_s
    while bpy.context.window_manager.atrium.state != wanted and time.monotonic() < end:
        yield
    return str(bpy.context.window_manager.atrium.state)
