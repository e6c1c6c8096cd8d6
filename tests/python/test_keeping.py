# SPDX-License-Identifier: MIT
"""What a host decides is on the disk before he is told so, and no disk holds anybody else up.

The disk is slow where a test says so: a library in front of the server's fsync() waits as long as a file exists, and counts. The machinery
below, without a server, is tested in tests/c/test_keeper_threads.c.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from atrium import AtriumError, Client

from .conftest import BINARY, IS_RELEASE, Process, free_port, settle

Start = Callable[..., Process]
Clients = Callable[..., Client]

SLOW_FSYNC = r"""
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int fsync(int fd)
{
  int count = open(getenv("SLOW_DISK_COUNT"), O_WRONLY | O_CREAT | O_APPEND, 0600);

  (void)fd;
  (void)!write(count, "x", 1);
  close(count);
  while (access(getenv("SLOW_DISK_WAITS"), F_OK) == 0)
    usleep(5000);
  return 0;
}
"""

WRITES_SYNC = 2  # times for each file: itself, and its folder


class Disk:
    """The disk of one server."""

    def __init__(self, folder: Path, start: Start) -> None:
        self.waits, self.count = folder / "waits", folder / "count"
        (folder / "slow.c").write_text(SLOW_FSYNC)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", folder / "slow.so", folder / "slow.c"], check=True)
        self.command = [
            "env",
            f"LD_PRELOAD={folder / 'slow.so'}",
            f"SLOW_DISK_WAITS={self.waits}",
            f"SLOW_DISK_COUNT={self.count}",
            str(BINARY),
        ]
        self.start = start
        self.port = free_port()
        self.server = self.serve()

    def serve(self) -> Process:
        return self.start("--bind", "127.0.0.1", "--port", str(self.port), command=self.command)

    def kill(self, owner: Client) -> None:
        """And starts the server again, with the disk as it was."""
        self.server.end(signal.SIGKILL)
        settle([owner], lambda: owner.state == "RECONNECTING", what="the cut")
        self.server = self.serve()
        settle([owner], lambda: owner.state == "LOBBY", what="the return")

    def writes(self) -> int:
        return len(self.count.read_bytes()) // WRITES_SYNC if self.count.exists() else 0


@pytest.fixture
def disk(tmp_path: Path, start: Start) -> Disk:
    if not IS_RELEASE:
        pytest.skip("a sanitizer must be the first library in the server")
    return Disk(tmp_path, start)


@pytest.fixture
def owner(disk: Disk, clients: Clients) -> Client:
    client = clients(home=disk.server.home)
    client.connect(f"127.0.0.1:{disk.port}")
    return client


def is_kept_waiting(client: Client, what: Callable[[], object], others: list[Client]) -> bool:
    """Not in a while that is long for a server and short for a disk."""
    end = time.monotonic() + 0.5
    while time.monotonic() < end and not what():
        for one in (client, *others):
            one.pump(0.005)
    return not what()


def test_a_slow_disk_holds_nobody_up_and_the_answer_back(disk: Disk, owner: Client, clients: Clients) -> None:
    link = owner.create_invite()
    guest = clients("guest")
    guest.connect(link, timeout=10)
    room = owner.create_room("Film")
    disk.waits.touch()
    owner._now.revoked, owner._now.error = None, None
    owner._command({"t": "invites_revoke"})
    started = time.monotonic()
    assert guest.join(room.id).name == "Film"  # the disk still waits
    assert time.monotonic() - started < 5
    with pytest.raises(AtriumError) as failure:
        clients("late").connect(link, timeout=10)
    assert failure.value.code == "INVITE", "in memory it is revoked already"
    assert is_kept_waiting(owner, lambda: owner._now.revoked is not None, [guest])
    disk.waits.unlink()
    settle([owner, guest], lambda: owner._now.revoked == 1, what="the answer")


def test_what_a_host_was_told_outlives_a_server_that_is_killed(disk: Disk, owner: Client, clients: Clients) -> None:
    link = owner.create_invite()
    disk.kill(owner)
    guest = clients("guest")
    guest.connect(link, timeout=10)  # it was given to its host: so it is good
    owner.revoke_invites()
    disk.kill(owner)
    guest.disconnect()
    guest.connect(link, timeout=10)  # came by it in time, and the link says where
    with pytest.raises(AtriumError) as failure:
        clients("late").connect(link, timeout=10)
    assert failure.value.code == "INVITE"

    owner.refuse(guest.key, remember=True)
    settle([owner], lambda: owner.kept_out, what="the list")
    disk.kill(owner)
    guest.close()
    with pytest.raises(AtriumError) as failure:
        clients("guest").connect(f"127.0.0.1:{disk.port}", timeout=10)
    assert failure.value.code == "REFUSED"

    owner.set_password("first")
    owner.set_password("")
    disk.kill(owner)
    assert (disk.server.home / "server" / "password").read_text() == ""


def test_who_comes_together_is_written_together(disk: Disk, owner: Client, clients: Clients) -> None:
    link = owner.create_invite()
    guests = [clients(f"guest{n}") for n in range(8)]
    disk.waits.touch()
    before = disk.writes()
    for guest in guests:
        guest.connect(link, timeout=10)
    disk.waits.unlink()
    kept = disk.server.home / "server" / "guests"
    settle([owner], lambda: kept.exists() and len(kept.read_text().splitlines()) == len(guests), what="the list")
    assert disk.writes() - before <= 2


def test_who_was_let_in_is_known_after_the_server_was_told_to_end(
    server: Process, host: Client, clients: Clients
) -> None:
    link = host.create_invite()
    guests = [clients(f"guest{n}") for n in range(3)]
    for guest in guests:
        guest.connect(link, timeout=10)
    assert server.end() == 0
    kept = (server.home / "server" / "guests").read_text()
    assert all(guest.key in kept for guest in guests)


def test_a_folder_that_cannot_be_written_is_said_and_nothing_is_lost(
    server: Process, host: Client, clients: Clients
) -> None:
    link = host.create_invite()
    folder = server.home / "server"
    away = folder.rename(server.home / "away")
    guest = clients("guest")
    guest.connect(link, timeout=10)
    with pytest.raises(AtriumError, match="could not be kept"):
        host.create_invite()
    host.set_password("x" * 8, timeout=20)
    settle([host], lambda: host._now.error, what="the warning")
    assert "until this server ends" in str(host._now.error)
    with pytest.raises(AtriumError, match="until this server ends"):
        host.revoke_invites()
    with pytest.raises(AtriumError) as failure:
        clients("late").connect(link, timeout=10)
    assert failure.value.code == "INVITE"
    clients("typed").connect(f"127.0.0.1:{server.port}", "x" * 8, timeout=20)
    host.refuse(guest.key, remember=True)
    settle([host], lambda: host.kept_out, what="the list")
    assert "could not be kept" in str(host._now.error)
    away.rename(folder)
    assert server.end() == 0
    assert f"refuse {guest.key}" in (folder / "guests").read_text()
    assert (folder / "invites").read_text() == ""
    assert (folder / "password").read_text().startswith("argon2id ")
    assert "until this server ends" in server.log.read_text()
