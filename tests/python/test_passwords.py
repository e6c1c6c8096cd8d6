# SPDX-License-Identifier: MIT
"""A typed address and a password: the guest proves to the host that it knows it and the host to the guest, and neither shows it.

CPace itself is tested against its draft's vectors in tests/c/test_cpace.c, the budget of guesses in test_guard.c.
"""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from atrium import AtriumError, Client
from atrium.engine import Engine

from .conftest import Process

Start = Callable[..., Process]
Clients = Callable[..., Client]

SECRET = "correct horse, häst"


@pytest.fixture
def server(start: Start, tmp_path: Path) -> Process:
    file = tmp_path / "password.txt"
    file.write_text(SECRET + "\n", encoding="utf-8")
    return start("--bind", "127.0.0.1", "--password-file", str(file))


def refused(client: Client, address: str, password: str | None) -> AtriumError:
    with pytest.raises(AtriumError) as failure:
        client.connect(address, password, timeout=20)
    return failure.value


def test_who_knows_the_password_is_in_and_trusts_the_host(server: Process, clients: Clients) -> None:
    guest = clients("guest")
    guest.connect(f"127.0.0.1:{server.port}", SECRET)
    assert guest.state == "LOBBY"
    assert guest.confirm is None
    guest.disconnect()
    guest.connect(f"127.0.0.1:{server.port}")  # known by its key from now on
    assert guest.state == "LOBBY"
    for path in server.home.rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes()


def test_who_does_not_know_it_is_out(server: Process, clients: Clients) -> None:
    guest = clients("guest")
    error = refused(guest, f"127.0.0.1:{server.port}", "correct horse, hast")
    assert (error.code, error.text) == ("PASSWORD", "The password is not right.")
    assert "wrong password" in server.log.read_text()
    assert "is in" not in server.log.read_text()
    guest.connect(f"127.0.0.1:{server.port}", SECRET)


def test_the_host_sets_changes_and_removes_it(start: Start, clients: Clients) -> None:
    server = start("--bind", "127.0.0.1")
    host = clients(home=server.home)
    host.connect(server.address)
    address = f"127.0.0.1:{server.port}"
    assert "has no password" in refused(clients("early"), address, "x").text
    host.set_password("first")
    clients("one").connect(address, "first")
    host.set_password("second")
    assert refused(clients("two"), address, "first").code == "PASSWORD"
    clients("two, again").connect(address, "second")
    server.end(signal.SIGKILL)
    again = start("--bind", "127.0.0.1", "--port", str(server.port), home=server.home)
    clients("three").connect(address, "second")
    host.close()
    host = clients(home=server.home)
    host.connect(server.address)
    host.set_password("")
    assert "has no password" in refused(clients("four"), address, "second").text
    assert (again.home / "server" / "password").stat().st_mode & 0o77 == 0
    again.end()
    third = start("--bind", "127.0.0.1", "--port", str(server.port), home=server.home)
    assert "has no password" in refused(clients("five"), address, "second").text
    third.end()
    (third.home / "server" / "password").write_text("argon2id 2 nonsense\n")
    with pytest.raises((AssertionError, IndexError, ValueError)):
        start("--port", str(server.port), home=server.home)
    assert "delete it and set the password anew" in third.log.read_text()


def test_what_the_host_decided_last_counts(start: Start, clients: Clients) -> None:
    """A password takes a tenth of a second to be derived; who removes it meanwhile has removed it."""
    server = start("--bind", "127.0.0.1")
    host = clients(home=server.home)
    host.connect(server.address)
    host._command({"t": "password", "text": "first"}, 5)
    host.set_password("")
    time.sleep(1)
    assert "has no password" in refused(clients("late"), f"127.0.0.1:{server.port}", "first").text
    host._command({"t": "password", "text": "second"}, 5)
    assert server.end() == 0  # with one under way


def test_a_member_who_types_one_where_there_is_none_comes_in_all_the_same(start: Start, clients: Clients) -> None:
    server = start("--bind", "127.0.0.1")
    host, guest = clients(home=server.home), clients("guest")
    host.connect(server.address)
    guest.connect(host.create_invite())
    guest.disconnect()
    guest.connect(f"127.0.0.1:{server.port}", "what I remember")
    assert guest.state == "LOBBY"


def test_only_the_host_sets_it(start: Start, clients: Clients) -> None:
    server = start("--bind", "127.0.0.1", "--open")
    guest = clients("guest")
    guest.connect(server.address)
    with pytest.raises(AtriumError, match="Only the host"):
        guest.set_password("mine")


def test_a_host_that_does_not_know_it_is_not_trusted(start: Start, clients: Clients, tmp_path: Path) -> None:
    """Somebody else answers at the typed address. He lets everybody in, whatever they say; but he cannot prove anything."""
    file = tmp_path / "other.txt"
    file.write_text("a guess\n")
    fake = start("--bind", "127.0.0.1", "--open", "--password-file", str(file))
    guest = clients("guest")
    assert refused(guest, f"127.0.0.1:{fake.port}", SECRET).code == "PASSWORD"
    assert not (tmp_path / "guest" / "known_hosts").exists()
    assert "is in" not in fake.log.read_text()


def test_a_changed_key_is_a_hard_stop_with_a_password_too(
    server: Process, start: Start, clients: Clients, tmp_path: Path
) -> None:
    guest = clients("guest")
    address = f"127.0.0.1:{server.port}"
    guest.connect(address, SECRET)
    guest.disconnect()
    server.end()
    file = tmp_path / "password.txt"
    start("--bind", "127.0.0.1", "--port", str(server.port), "--password-file", str(file), home=tmp_path / "another")
    assert refused(guest, address, SECRET).code == "KEY_CHANGED"


def test_strangers_share_one_budget_and_members_never_wait(server: Process, clients: Clients) -> None:
    member, address = clients("member"), f"127.0.0.1:{server.port}"
    member.connect(address, SECRET)
    member.disconnect()
    codes = [refused(clients(f"thief {i % 4}"), address, f"guess {i}").code for i in range(14)]
    assert codes[:10] == ["PASSWORD"] * 10
    assert codes[10] == "LATER"  # whoever asks: keys are free
    error = refused(clients("newcomer"), address, SECRET)
    assert error.code == "LATER"
    seconds = re.search(r"in (\d+) seconds", error.text)
    assert seconds and 0 < int(seconds[1]) <= 11
    start = time.monotonic()
    member.connect(address)
    assert time.monotonic() - start < 5
    member.disconnect()
    member.connect(address, SECRET)  # a budget of its own
    assert member.state == "LOBBY"


def test_an_engine_may_be_closed_while_it_derives(server: Process, clients: Clients, tmp_path: Path) -> None:
    for i in range(12):
        with Engine(tmp_path / "hasty") as engine:
            assert engine.send({"t": "connect", "host": f"127.0.0.1:{server.port}", "password": SECRET})
            time.sleep(i * 0.01)
            if i % 2:
                engine.send({"t": "cancel"})
    assert server.popen.poll() is None


@pytest.mark.parametrize("content", ["", "\n", "x" * 1025 + "\n"])
def test_a_file_without_password_is_a_sentence(start: Start, tmp_path: Path, content: str) -> None:
    file = tmp_path / "empty.txt"
    file.write_text(content)
    with pytest.raises((AssertionError, IndexError, ValueError)):
        start("--password-file", str(file))
    assert "must be a password" in (tmp_path / "host" / "stderr.txt").read_text()
