# SPDX-License-Identifier: MIT
"""The network check: each way of not reaching a host has a name and a next step, and nothing of it leaves a trace."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from atrium import Client
from atrium.__main__ import main
from atrium.check import Check, check

from .conftest import ROOT, Process, free_port

Start = Callable[..., Process]
Clients = Callable[..., Client]


def test_a_host_that_answers(start: Start) -> None:
    server = start("--bind", "127.0.0.1")
    result = check(server.address)
    assert result.reached
    assert result.check_code == server.check_code
    assert "Atrium answers at" in result.report()
    assert not (server.home / "server" / "guests").exists()
    assert "knock" not in server.log.read_text()


def test_a_known_and_a_changed_key(start: Start, clients: Clients, tmp_path: Path) -> None:
    server = start("--bind", "127.0.0.1", "--open")
    address = f"127.0.0.1:{server.port}"
    assert check(address, home=tmp_path / "guest").key == "new"
    guest = clients("guest")
    guest.connect(address)
    guest.close()
    assert check(address, home=tmp_path / "guest").key == "known"
    server.end()
    start("--bind", "127.0.0.1", "--port", str(server.port), home=tmp_path / "another")
    result = check(address, home=tmp_path / "guest")
    assert result.key == "changed" and "NOT the one" in result.report()


def test_it_can_be_given_up_at_any_time(start: Start) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    attempt = Check(f"127.0.0.1:{silent.getsockname()[1]}")
    assert attempt.poll() is None
    attempt.cancel()
    result = attempt.poll()
    assert result is not None and result.code == "CANCELED" and "cancelled" in result.report()
    attempt.cancel()
    silent.close()


def test_each_failure_has_a_name_and_a_next_step(nobody: str) -> None:
    cases = {
        nobody: ("CONNREFUSED", "is the host connected, and is the port right?"),
        "no-such-host.invalid": ("RESOLVE", "check the spelling, or type its IP address."),
        "two words": ("ADDR_SYNTAX", "no host's name has."),
        "atrium://join#AAAA": ("INVITE", "copy it once more."),
        "trium://join#AAAA": ("INVITE", "copy it once more."),
        "atrium://join%23AAAA": ("INVITE", "copy it once more."),
        "AQAbCdEf" * 14: ("INVITE", "copy it once more."),
    }
    for host, (code, said) in cases.items():
        result = check(host)
        assert result.code == code
        assert not result.reached
        assert said in result.report()


def test_something_else_answers() -> None:
    def serve() -> None:
        peer, _ = listener.accept()
        peer.recv(100)
        peer.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
        peer.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        result = check(f"127.0.0.1:{listener.getsockname()[1]}")
    assert result.code == "NOT_ATRIUM"


def test_it_is_bounded_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:  # answers, and says nothing
        result = check(f"127.0.0.1:{listener.getsockname()[1]}", timeout=0.5)
    assert result.code == "TIMEOUT"
    assert result.took_ms < 5000


def test_an_invite_is_checked_and_not_used_up_nor_shown(start: Start, clients: Clients) -> None:
    server = start("--bind", "127.0.0.1")
    host = clients(home=server.home)
    host.connect(server.address)
    link = host.create_invite()
    words = [sys.executable, "-m", "atrium", "check", "-"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    message = f"Come over:\n\n> {link[:76]}\n> {link[76:]}\n> Anna\n"
    run = subprocess.run(words, input=message, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Atrium answers" in run.stdout
    assert link.split("#")[1] not in run.stdout + run.stderr
    assert not (server.home / "server" / "guests").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["check", "{}"],
        ["check", "Come over: {} (Anna)"],
        ["check", "--timeout", "1", "{}"],
        ["check", "Come", "over:", "{}"],
        ["{}"],
    ],
)
def test_an_invite_on_the_command_line_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Everybody on the machine can read there, and the shell keeps it. It is said at once, and not repeated."""
    for link in ("Atrium://join#QUJDRA", "trium://join#QUJDRA", "atrium://join%23QUJDRA", "AQAbCdEf" * 14):
        assert main([word.format(link) for word in words]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err == "An invite is a secret, and command lines can be seen: pass - and paste it.\n"


def test_the_command_says_by_its_status_what_it_found(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "atrium", "check", f"127.0.0.1:{free_port()}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python"), "ATRIUM_HOME": str(tmp_path / "home")}
    run = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 1
    assert "Nobody listens at" in run.stdout and "Nothing answers" not in run.stdout
    assert not list((tmp_path / "home").rglob("*"))
