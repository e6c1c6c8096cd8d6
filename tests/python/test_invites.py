# SPDX-License-Identifier: MIT
"""One link is all that a guest needs: who pastes it is in, in the right room, at the right host; until it expires or is revoked.

The link's bytes are tested in tests/c/test_invite.c, the race of its addresses in test_race.c; here it goes through real servers.
"""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from atrium import AtriumError, Client
from atrium.inviting import ONLY_HERE

from .conftest import ROOT, Process, free_port, settle

Start = Callable[..., Process]
Clients = Callable[..., Client]


def refused(client: Client, link: str) -> AtriumError:
    with pytest.raises(AtriumError) as failure:
        client.connect(link, timeout=10)
    return failure.value


def test_who_pastes_the_link_is_in_unasked_and_knows_the_room(host: Client, clients: Clients) -> None:
    room = host.create_room("Film")
    link = host.create_invite(room.id)
    guest = clients("guest")
    guest.connect(f"Come to Atrium: <{link}>, we start at nine.", timeout=10)
    assert guest.state == "LOBBY"
    assert guest.confirm is None and not host.knocks
    assert guest.welcome["host"] is False
    assert guest.invited_to == room.id
    assert guest.join(room.id).name == "Film"


def run(home: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "ATRIUM_HOME": str(home), "PYTHONPATH": str(ROOT / "python")}
    command = [sys.executable, "-m", "atrium", "invite", *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)


def test_a_server_without_a_panel_has_invites_too(server: Process, clients: Clients) -> None:
    made = run(server.home, "--port", str(server.port), "--expires-h", "1")
    assert (made.returncode, made.stderr) == (0, f"{ONLY_HERE}\n")  # the server listens at 127.0.0.1
    guest = clients("guest")
    guest.connect(made.stdout, timeout=10)
    assert guest.state == "LOBBY" and guest.welcome["host"] is False
    further = run(server.home, "--port", str(server.port), "--address", "203.0.113.5:9090")
    assert (further.returncode, further.stderr) == (0, "")
    payload = further.stdout.strip().partition("#")[2]
    assert b"\xcb\x00\x71\x05" in base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))


def test_nobody_makes_invites_to_the_server_of_another_user(server: Process, host: Client, tmp_path: Path) -> None:
    made = run(tmp_path / "other", "--port", str(server.port))
    assert (made.returncode, made.stdout) == (1, "")
    assert "another user's does" in made.stderr and "ATRIUM_HOME" in made.stderr
    host.pump(0.3)
    assert not host.knocks
    nowhere = run(tmp_path / "other", "--port", str(free_port()))
    assert (nowhere.returncode, nowhere.stdout) == (1, "") and nowhere.stderr


def test_a_guest_comes_back_by_the_address_alone(server: Process, host: Client, clients: Clients) -> None:
    guest = clients("guest")
    guest.connect(host.create_invite(), timeout=10)
    guest.disconnect()
    guest.connect(f"127.0.0.1:{server.port}", timeout=10)
    assert guest.state == "LOBBY"
    assert guest.confirm is None  # the key was pinned


def test_the_line_comes_back_by_itself(server: Process, host: Client, clients: Clients, start: Start) -> None:
    link = host.create_invite()
    guest = clients("guest")
    guest.connect(link, timeout=10)
    server.end(signal.SIGKILL)
    settle([guest], lambda: guest.state == "RECONNECTING", what="the cut")
    start("--bind", "127.0.0.1", "--port", str(server.port), home=server.home)
    settle([guest], lambda: guest.state == "LOBBY", what="the return")


def test_revoked_links_are_useless_and_guests_keep_their_access(
    server: Process, host: Client, clients: Clients
) -> None:
    link, second = host.create_invite(), host.create_invite()
    guest, late = clients("guest"), clients("late")
    guest.connect(link, timeout=10)
    guest.disconnect()
    assert host.revoke_invites() == 2
    for old in (link, second):
        error = refused(late, old)
        assert error.code == "INVITE"
        assert "no longer valid" in error.text
    guest.connect(link, timeout=10)
    late.connect(host.create_invite(), timeout=10)
    assert late.state == "LOBBY"


def test_an_invite_expires(host: Client, clients: Clients) -> None:
    link = host.create_invite(expires_h=1 / 3600)
    time.sleep(2.1)
    assert refused(clients("guest"), link).code == "INVITE"
    with pytest.raises(AtriumError, match="ten years"):
        host.create_invite(expires_h=-1)


def test_invites_outlive_the_server_and_no_file_holds_a_token(
    server: Process, host: Client, clients: Clients, start: Start
) -> None:
    link = host.create_invite()
    payload = link.split("#")[1]
    token = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))[33:49]
    server.end()
    texts = [path.read_bytes() for path in server.home.rglob("*") if path.is_file()]
    assert texts
    for text in texts:
        assert token not in text and token.hex().encode() not in text and payload.encode() not in text
    start("--bind", "127.0.0.1", "--port", str(server.port), home=server.home)
    guest = clients("guest")
    guest.connect(link, timeout=10)
    assert guest.state == "LOBBY"
    private = server.home / "server" / "invites"
    assert private.stat().st_mode & 0o77 == 0


def test_another_host_at_the_address_gets_nothing(
    host: Client, server: Process, clients: Clients, start: Start, tmp_path: Path
) -> None:
    link = host.create_invite()
    server.end()
    fake = start("--bind", "127.0.0.1", "--open", "--port", str(server.port), home=tmp_path / "fake")
    guest = clients("guest")
    error = refused(guest, link)
    assert error.code == "KEY_CHANGED"
    assert "Somebody else answers" in error.text
    assert link.split("#")[1] not in error.text
    fake.end()
    assert "is in" not in fake.log.read_text()


def test_what_the_host_typed_is_raced_too(host: Client, server: Process, clients: Clients) -> None:
    dead = [f"127.0.0.1:{free_port()}" for _ in range(3)]
    link = host.create_invite(addresses=[*dead, f"127.0.0.1:{server.port}"])
    guest = clients("guest")
    guest.connect(link, timeout=10)
    assert guest.state == "LOBBY"
    with pytest.raises(AtriumError):
        host.create_invite(addresses=["not an address"])


def test_an_address_that_no_link_can_hold_makes_no_token(host: Client, server: Process) -> None:
    with pytest.raises(AtriumError, match="too long"):
        host.create_invite(addresses=["wss://host.example/" + "a" * 250])
    assert not (server.home / "server" / "invites").exists()


def test_a_link_that_was_not_copied_whole_says_so(host: Client, clients: Clients) -> None:
    link = host.create_invite()
    error = refused(clients("guest"), link[:-3])
    assert error.code == "INVITE"
    assert "copy it once more" in error.text


def test_only_the_host_invites(host: Client, clients: Clients) -> None:
    guest = clients("guest")
    guest.connect(host.create_invite(), timeout=10)
    for command in (guest.create_invite, guest.revoke_invites):
        with pytest.raises(AtriumError, match="Only the host"):
            command()


def test_who_was_refused_for_good_stays_out(host: Client, server: Process, clients: Clients) -> None:
    guest = clients("guest")
    link = host.create_invite()
    host.refuse(guest.key, remember=True)
    host.pump(0.2)
    assert refused(guest, link).code == "REFUSED"


@pytest.mark.parametrize(
    "damaged",
    [
        "trium://join#{}",
        "atrium://join%23{}",
        "atrium://join/#{}",
        "{}",
        "_atrium://join#{}_",
        "Paste the whole atrium://join# link: atrium://join#{}",
    ],
)
def test_a_link_with_a_damaged_beginning_leads_in(damaged: str, host: Client, clients: Clients) -> None:
    """It was taken for an address, and its token was shown."""
    payload = host.create_invite().partition("#")[2]
    clients("guest").connect(damaged.format(payload), timeout=10)
    cut = refused(clients("late"), damaged.format(payload[:-3]))
    assert cut.code == "INVITE" and "not copied whole" in str(cut) and payload[:20] not in str(cut)


def test_the_link_has_no_character_that_chats_break(host: Client) -> None:
    assert re.fullmatch(r"atrium://join#[A-Za-z0-9_-]+", host.create_invite())


def emphasized(link: str) -> bool:
    """As chats with Markdown see it: a run of underscores opens behind a sign and closes before one (CommonMark 6.2); some take a pair for both."""
    opens = [found.end() for found in re.finditer(r"(?<=-)_+|__+", link)]
    closes = [found.start() for found in re.finditer(r"_+(?=-|$)|__+", link)]
    return any(a < b for a in opens for b in closes)


def test_the_link_has_no_underscores_that_chats_take_for_emphasis(
    start: Start, clients: Clients, tmp_path: Path
) -> None:
    """The typed address ends one in every link, so one in a hundred tokens would begin one. Where the host's key does, no token helps."""
    address = "10.1.255.239:12800"
    for i in range(9):
        server = start(home=tmp_path / f"home {i}")
        host = clients(home=server.home)
        host.connect(server.address)
        link = host.create_invite(addresses=[address])
        if not re.search("-_|__", link.partition("#")[2][:44]):
            break
    assert "_-" in link.partition("#")[2][88:], "what ends it in every link"
    for _ in range(3):
        links = [host.create_invite(addresses=[address]) for _ in range(200)]
        assert not [link for link in links if emphasized(link)]
        host.revoke_invites()
