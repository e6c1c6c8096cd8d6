# SPDX-License-Identifier: MIT
"""What a host does beside working stops Blender for no moment: finding hosts, inviting, passwords, the network check, tunnels.

As in test_resilience.py, where it is connecting, creating, joining and leaving, each call and each tick on Blender's main thread is timed, in
the situations in which there is most to wait for: a name server that never answers, a host that never answers, a server that hangs, a
tunnel's program that does not end. The engine and all helpers are the real ones.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.addon.test_resilience import TICK_S_MAX
from tests.addon.test_tunnels import STAND_IN, use_programs
from tests.addon.together import SLEEP_S_MAX, Worst, moment, session
from tests.blender import blenders
from tests.blender.conftest import _get
from tests.blender.inside import bpy
from tests.blender.party import Party, Person, server_pids
from tests.python.test_tunnel_programs import own_address

SILENT_NAME_SERVER = "127.0.0.77"


def watched(call: str, over: str, least_s: float = 0.0) -> list[float]:
    """Seconds of the longest of the call and the ticks until `over` (and for `least_s`), of the longest sleep in one of them, and of the whole. Both are
    Python of the session."""
    import sys
    import time

    current = session()
    names = {"session": current, "state": current.state}
    tick = next(m for name, m in sys.modules.items() if name.endswith("atrium.session.runtime")).tick
    begin = time.monotonic()
    worst = Worst()
    with worst:
        eval(call, names)
    while time.monotonic() - begin < least_s or not eval(over, names):
        assert time.monotonic() - begin < 30, (call, over)
        with worst:
            tick()
        time.sleep(0.005)
    return [worst.took, worst.slept, time.monotonic() - begin]


class Watcher:
    """What a person does, each of it timed."""

    def __init__(self, person: Person) -> None:
        self.person = person
        person.blender.define(session, moment, Worst)

    def __call__(self, call: str, over: str = "True", least_s: float = 0.0) -> float:
        worst, slept, whole = self.person.call(watched, call, over, least_s)
        assert worst < TICK_S_MAX and slept < SLEEP_S_MAX, (call, worst, slept, whole)
        return float(whole)


def go_online() -> None:
    bpy.context.preferences.system.use_online_access = True
    (preferences,) = (a.preferences for a in bpy.context.preferences.addons if a.module.endswith("atrium"))
    preferences.map_port = False


@pytest.fixture
def anna(party: Party) -> Person:
    anna = party.invite(_get(blenders.OFFICIAL[-1]), "anna")
    anna.call(go_online)
    return anna


def ask_silent_name_server(address: str) -> None:
    """This process alone, before it has a thread that could look up a name."""
    import ctypes
    import tempfile
    from subprocess import run

    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.unshare(0x20000) == 0, ctypes.get_errno()  # CLONE_NEWNS
    with tempfile.NamedTemporaryFile("w", delete=False) as file:
        file.write(f"nameserver {address}\noptions timeout:10 attempts:2\n")
    for arguments in (["--make-rprivate", "/"], ["--bind", file.name, "/etc/resolv.conf"]):
        run(["mount", *arguments], check=True)
    os.unlink(file.name)


@pytest.fixture
def silent_name_server() -> Iterator[str]:
    if os.geteuid() != 0 or sys.platform != "linux":
        pytest.skip("NOT ROOT: no name server can be put in place of this machine's")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((SILENT_NAME_SERVER, 53))
        server.setblocking(False)
        yield SILENT_NAME_SERVER
        assert b"host" in server.recv(512), "it was not asked at all"


def test_a_name_server_that_is_silent_stops_nobody(anna: Person, silent_name_server: str) -> None:
    """The system's own look-up cannot be cut short, and takes twenty seconds here: nobody waits for it, not even to give up."""
    anna.call(ask_silent_name_server, silent_name_server)
    do = Watcher(anna)
    for _ in range(3):
        do("session.check_network('host.example')", "True", 1.0)
        do("session.checking.cancel()", "state.checking.done", 0.3)
    do("session.connect('host.example')", "True", 1.0)
    do("session.cancel()", "state.link == 'OFFLINE'", 0.3)


def test_the_network_check_can_run_and_be_given_up(anna: Person, party: Party) -> None:
    do = Watcher(anna)
    with socket.create_server(
        ("127.0.0.2", 0)
    ) as silent:  # another machine, as far as addresses tell, that says nothing
        do(f"session.checking.start('[::ffff:127.0.0.2]:{silent.getsockname()[1]}')", "True", 1.0)
        do("session.checking.cancel()", "state.checking.done")
        do(f"session.checking.start('[::ffff:127.0.0.2]:{silent.getsockname()[1]}')", "state.checking.done")
    do("session.checking.start('localhost')", "True", 0.1)  # for which a server is started, and ended again
    do("session.checking.cancel()", "not session.checking.ending")
    do("session.checking.start('localhost')", "state.checking.done and not session.checking.ending")
    assert anna.blender.evaluate("len(session().state.check_report)") > 2
    anna.operate("atrium.host")
    do("session.checking.start('localhost')", "state.checking.done")
    (server,) = server_pids(party)
    os.kill(server, signal.SIGSTOP)
    try:
        do("session.checking.start('localhost')", "True", 1.0)
        do("session.checking.cancel()", "state.checking.done")
    finally:
        os.kill(server, signal.SIGCONT)


def test_looking_for_hosts_can_be_switched_on_and_off(anna: Person) -> None:
    do = Watcher(anna)
    for _ in range(3):
        do("session.looking.glance()", "session.looking.on", 0.5)
        do("setattr(session.looking, '_seen_until', 0.0)", "not session.looking.on", 0.3)


def test_inviting_and_passwords_are_asked_for_and_not_waited_for(anna: Person, party: Party) -> None:
    anna.host("Studio")
    do = Watcher(anna)
    do("session.create_invite(1.0)", "state.task.done and state.invite")
    do("session.revoke_invites()", "state.task.done and not state.invite")
    do("session.create_invite(168.0)", "state.task.done and state.invite")
    do("session.set_password('a long one for everything')", "state.task.done and state.has_password")
    do("session.set_password('a long one for the room', 'Studio')", "state.task.done")
    do("session.set_password('')", "state.task.done and not state.has_password")
    (server,) = server_pids(party)
    os.kill(server, signal.SIGSTOP)
    try:
        for call in ("create_invite(1.0)", "revoke_invites()", "set_password('another one')"):
            do(f"session.{call}", "True", 0.5)
            do("session.cancel()", "state.task.done")
    finally:
        os.kill(server, signal.SIGCONT)


STUBBORN = """#!/usr/bin/env python3
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
time.sleep(60)
"""


def programs_in(folder: Path, ngrok: str) -> dict[str, str]:
    folder.mkdir()
    for name, text in (("ngrok", ngrok), ("cloudflared", STUBBORN)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}", "STAND_IN_HOST": own_address()}


def test_tunnels_open_and_close_beside_the_work(anna: Person, tmp_path: Path) -> None:
    ngrok = f'#!/bin/sh\nexec "{sys.executable}" -I "{STAND_IN}" ngrok "$@"\n'
    anna.call(use_programs, programs_in(tmp_path / "bin", ngrok))
    anna.host("Studio")
    do = Watcher(anna)
    do("session.start_tunnel('ngrok')", "session.tunneling.running")
    do("session.tunneling.stop()", "session.tunneling.program == ''")
    do("session.start_tunnel('cloudflared')", "True", 1.0)  # says nothing, and does not end when it is told to
    assert do("session.tunneling.stop()", "session.tunneling.program == ''") > 1
    do("session.start_tunnel('cloudflared')", "True", 0.5)
    do("session.disconnect()", "state.task.done and session.tunneling.program == ''")
