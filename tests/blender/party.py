# SPDX-License-Identifier: MIT
"""Several people with real Blenders around one server on this machine.

    with Party(folder, zip_file) as party:
        anna = party.invite(blender, "anna")
        anna.host("A room")
        ben = party.invite(blender, "ben")
        ben.join("A room", let_in_by=anna)

Everybody has an ATRIUM_HOME of their own, so newcomers knock and are let in,
as between strangers. The server is the one that the first person's Blender
starts; a free port is chosen so that parallel runs do not meet, and the server
is ended with the party. Only the add-on's public names are used: operators and
`window_manager.atrium`.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, Self

from tests.blender import extension
from tests.blender.blenders import Blender
from tests.blender.inside import bpy
from tests.blender.process import BlenderError, BlenderProcess
from tests.blender.window import WindowedBlender

TICK = f"{extension.MODULE}:tick"
SERVER_END_S = 10.0
MISHAP = " ERROR INTERNAL"
"""As addon/session/driver.py logs what should never happen."""


# --- sent to Blender ---------------------------------------------------------


def prepare(module: str, port: int, name: str) -> None:
    bpy.context.preferences.addons[module].preferences.port = port
    bpy.context.window_manager.atrium.user_name = name


def run_operator(name: str, arguments: dict[str, Any]) -> None:
    group, _, operator = name.partition(".")
    result = getattr(getattr(bpy.ops, group), operator)(**arguments)
    if result != {"FINISHED"}:
        raise RuntimeError(f"{name} gave {result}: {bpy.context.window_manager.atrium.error}")


def wait_for_state(wanted: list[str]) -> Generator[None, None, str]:
    atrium = bpy.context.window_manager.atrium
    while atrium.state not in wanted:
        # While RECONNECTING it says why the last attempt failed, and the next one comes.
        if atrium.error and atrium.state != "RECONNECTING":
            raise RuntimeError(f"{atrium.state} instead of {wanted}: {atrium.error}")
        yield
        atrium = bpy.context.window_manager.atrium
    return str(atrium.state)


def wait_for_room(name: str) -> Generator[None, None, None]:
    while not any(room.name == name for room in bpy.context.window_manager.atrium.rooms):
        yield


def admit_next(remember: bool) -> Generator[None, None, list[str]]:
    while not bpy.context.window_manager.atrium.knocks:
        yield
    knock = bpy.context.window_manager.atrium.knocks[0]
    told = [knock.name, knock.check_code]
    bpy.ops.atrium.admit(key=knock.key, remember=remember)
    return told


# --- the test's side ---------------------------------------------------------


class Person:
    """One Blender with the add-on, and what its user does there."""

    def __init__(self, party: Party, name: str, process: BlenderProcess) -> None:
        self.party = party
        self.name = name
        self.blender = process
        self.call = process.call
        self.send = process.send
        self.wait = process.wait
        process.define(run_operator)

    @property
    def window(self) -> WindowedBlender:
        assert isinstance(self.blender, WindowedBlender), f"{self.name} has no window"
        return self.blender

    @property
    def state(self) -> str:
        return str(self.blender.evaluate("bpy.context.window_manager.atrium.state"))

    @property
    def error(self) -> str:
        return str(self.blender.evaluate("bpy.context.window_manager.atrium.error"))

    def operate(self, operator: str, timeout: float = 60.0, **arguments: Any) -> None:
        """Runs bpy.ops.OPERATOR; fails with the sentence that it reports."""
        self.call(run_operator, operator, arguments, timeout=timeout)

    def begin(self, operator: str, **arguments: Any) -> int:
        """The same, but others may act before `wait` is called with the number."""
        return self.send(run_operator, operator, arguments)

    def host(self, room: str, timeout: float = 60.0) -> None:
        """Starts the server, connects and creates a room with the present scene."""
        self.operate("atrium.host")
        self.operate("atrium.create_room", timeout=timeout, name=room)

    def connect(self, let_in_by: Person | None = None, remember: bool = True) -> list[str]:
        """Connects to the party's server; name and check code that its host saw."""
        address = f"127.0.0.1:{self.party.port}"
        self.blender.execute(f"bpy.context.window_manager.atrium.host = {address!r}")
        number = self.begin("atrium.connect")
        told: list[str] = []
        if let_in_by is not None:
            told = let_in_by.call(admit_next, remember)
        self.wait(number)
        self.call(wait_for_state, ["LOBBY"])
        return told

    def join(self, room: str, let_in_by: Person | None = None, timeout: float = 120.0) -> None:
        """Connects, if that is still to be done, and joins the room."""
        if self.state == "OFFLINE":
            self.connect(let_in_by)
        self.call(wait_for_room, room)
        self.operate("atrium.join_room", timeout=timeout, name=room, unsaved="DISCARD")
        self.call(wait_for_state, ["JOINED"], timeout=timeout)

    def flush(self) -> None:
        self.operate("atrium.flush")


class Party:
    def __init__(self, folder: Path, zip_file: Path) -> None:
        self.folder = folder
        self.zip_file = zip_file
        self.port = free_port()
        self.people: list[Person] = []

    def invite(
        self,
        blender: Blender,
        name: str,
        *,
        window: bool = False,
        home: Path | None = None,
        arguments: tuple[str, ...] = (),
    ) -> Person:
        """Gives a new person the installed add-on and starts their Blender."""
        if not (self.folder / name / "resources" / "extensions").exists():
            extension.install_again(blender, self.folder, name, self.zip_file)
        environment = {} if home is None else {"ATRIUM_HOME": str(home)}
        start: Callable[..., BlenderProcess] = WindowedBlender if window else BlenderProcess
        process = start(blender, self.folder, name, tick=TICK, environment=environment, arguments=arguments)
        try:
            extension.enable(process)
            process.call(prepare, extension.MODULE, self.port, name.capitalize())
        except BaseException:
            process.close()
            raise
        person = Person(self, name, process)
        self.people.append(person)
        return person

    def close(self) -> None:
        for person in self.people:
            person.blender.close()
        end_server(self)

    def mishaps(self) -> list[str]:
        """What the add-on caught and wrote down as its own fault: it goes on after such, and the people may notice nothing."""
        found = []
        for log in self.folder.glob("*/atrium/logs/addon.log"):
            text = log.read_text(errors="replace")
            if MISHAP in text:
                found.append(f"{log}:\n{text[text.index(MISHAP) :][:2000]}")
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.close()
        found = self.mishaps()
        if kind is None and found:
            raise BlenderError("\n".join(found))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def server_pids(party: Party) -> list[int]:
    """The party's servers: their command line names its port, and their ATRIUM_HOME is in its folder. The port alone says nothing: other
    tests run at the same time, some in networks of their own with the same port."""
    found = []
    home = f"ATRIUM_HOME={party.folder}/".encode()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            variables = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        named = any(b"atrium.server" in word or b"atrium-server" in word for word in words)
        if named and str(party.port).encode() in words and any(v.startswith(home) for v in variables):
            found.append(int(folder.name))
    return found


def end_server(party: Party) -> None:
    """Ends the party's server as an administrator would, by SIGTERM."""
    for pid in server_pids(party):
        os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + SERVER_END_S
    while left := server_pids(party):
        if time.monotonic() > end:
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            raise BlenderError(f"the server on port {party.port} did not end within {SERVER_END_S:g} s")
        time.sleep(0.02)
