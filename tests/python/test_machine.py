# SPDX-License-Identifier: MIT
"""Who can reach this machine, as a report: `python -m atrium check` and `atrium-server --check` say the same, ask the server that runs or one of
their own, leave nothing behind, tell no secret, and end at once when they are told to.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from atrium import Client
from atrium.machine import check_machine

from .conftest import BINARY, ROOT, SERVER_ENVIRONMENT, Process, free_port

Start = Callable[..., Process]
Clients = Callable[..., Client]

PYTHON = [sys.executable, "-m", "atrium", "check"]
SERVER = [str(BINARY), "--check"]
BOTH = pytest.mark.parametrize("command", [PYTHON, SERVER], ids=["python", "server"])


def environment(home: Path, command: list[str]) -> dict[str, str]:
    sanitized = SERVER_ENVIRONMENT if command is SERVER else {}
    return {**os.environ, "ATRIUM_HOME": str(home), "PYTHONPATH": str(ROOT / "python"), **sanitized}


def run(command: list[str], home: Path, *options: str) -> tuple[int, str]:
    done = subprocess.run(
        [*command, *options], env=environment(home, command), capture_output=True, text=True, timeout=30
    )
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


@contextlib.contextmanager
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as one:
        yield one


@BOTH
def test_the_server_that_runs_is_asked(command: list[str], start: Start) -> None:
    server = start("--bind", "127.0.0.1")
    status, report = run(command, server.home, "--port", str(server.port), "--bind", "127.0.0.1")
    assert status == 0
    assert report.startswith(f"You host here, on port {server.port}. Check code: {server.check_code}.\n")
    assert f"This machine: works: localhost:{server.port}\n    Somebody has come in this way.\n" in report
    assert re.search(
        r"^The internet: not reachable\n    This server takes connections from this machine only", report, re.M
    )


@BOTH
def test_where_none_runs_one_is_tried_and_ends(command: list[str], tmp_path: Path) -> None:
    port = free_port()
    begin = time.monotonic()
    status, report = run(command, tmp_path, "--port", str(port), "--bind", "127.0.0.1")
    assert status == 0
    assert time.monotonic() - begin < 10
    assert report.startswith(f"You do not host here now. This was tried on port {port} with a server")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_both_say_the_same(tmp_path: Path) -> None:
    options = ("--port", str(free_port()), "--bind", "127.0.0.1")
    assert run(PYTHON, tmp_path, *options) == run(SERVER, tmp_path, *options)


@BOTH
def test_a_port_that_is_taken(command: list[str], tmp_path: Path) -> None:
    with listener() as other:
        port = other.getsockname()[1]
        command_line = [*command, "--port", str(port), "--bind", "127.0.0.1"]
        with subprocess.Popen(
            command_line, env=environment(tmp_path, command), stdout=subprocess.PIPE, text=True
        ) as check:
            peer, _ = other.accept()
            with peer:
                peer.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
            report = check.communicate(timeout=20)[0]
        assert check.returncode == 1
        assert (
            report
            == f"Another program uses port {port} of this machine: choose another port in Atrium's preferences.\n"
        )


@BOTH
def test_a_program_that_is_silent(command: list[str], tmp_path: Path) -> None:
    """ATR_CHECKUP_ANSWER_MS. It takes the connection and waits; the check waited with it, for as long as a handshake may last."""
    with listener() as silent:
        port = silent.getsockname()[1]
        begin = time.monotonic()
        status, report = run(command, tmp_path, "--port", str(port), "--bind", "127.0.0.1")
        took_s = time.monotonic() - begin
    assert (status, report) == (
        1,
        f"Another program uses port {port} of this machine: choose another port in Atrium's preferences.\n",
    )
    assert 2.9 < took_s < 6


@BOTH
@pytest.mark.parametrize("options", [(), ("--open",)], ids=["knocking", "open"])
def test_the_server_of_another_user_is_told_nothing(
    command: list[str], options: tuple[str, ...], start: Start, clients: Clients, tmp_path: Path
) -> None:
    """Its host saw somebody called "check" knock, or come in, and the key was remembered here."""
    server = start("--bind", "127.0.0.1", *options)
    host = clients(home=server.home)
    host.connect(server.address)
    status, report = run(command, tmp_path / "other", "--port", str(server.port), "--bind", "127.0.0.1")
    assert status == 1
    told = f"Another user of this machine hosts on port {server.port}: that user's panel shows who can connect.\n"
    assert report == told
    host.pump(0.5)
    assert not host.knocks
    said = server.log.read_text()
    assert '"check"' not in said and "knocks" not in said and said.count("is in") == 1
    assert not list((tmp_path / "other").rglob("known_hosts"))


@BOTH
def test_it_ends_at_once_when_it_is_told_to(command: list[str], tmp_path: Path) -> None:
    with listener() as silent:  # takes the connection and says nothing
        port = silent.getsockname()[1]
        check = subprocess.Popen(
            [*command, "--port", str(port), "--bind", "127.0.0.1"],
            env=environment(tmp_path, command),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell in the background ignores it
        )
        peer, _ = silent.accept()
        with peer:
            peer.recv(1)
            begin = time.monotonic()
            check.send_signal(signal.SIGINT)
            output = check.communicate(timeout=10)
    assert time.monotonic() - begin < 2
    assert (check.returncode, *output) == (130, b"", b"")


@BOTH
def test_no_secret_is_in_the_report(command: list[str], start: Start, clients: Clients) -> None:
    server = start("--bind", "127.0.0.1")
    host = clients(home=server.home)
    host.connect(server.address)
    host.set_password("correct horse")
    link = host.create_invite()
    host.look_around(public="203.0.113.5:9090")
    status, report = run(command, server.home, "--port", str(server.port), "--bind", "127.0.0.1")
    assert status == 0
    assert "203.0.113.5:9090" in report
    tokens = [path.read_text() for path in (server.home / "tokens").iterdir()]
    assert tokens
    keys = [server.key, host.key]
    for secret in ["correct horse", link, link.partition("#")[2][:40], *tokens, *keys]:
        assert secret.lower() not in report.lower()
    assert not re.search(r"[0-9a-fA-F]{32}", report), "no key and no token, however it is cut"


def test_it_can_be_given_up(tmp_path: Path) -> None:
    from atrium.machine import MachineCheck

    look = MachineCheck(free_port(), tmp_path, "127.0.0.1")
    look.cancel()
    look.cancel()
    assert check_machine(free_port(), tmp_path, "127.0.0.1").listening


@BOTH
def test_another_port_is_looked_at_beside_the_server_that_runs(command: list[str], start: Start) -> None:
    """The server that is started for it has the same folder, which it only reads."""
    server = start("--bind", "127.0.0.1")
    port = free_port()
    status, report = run(command, server.home, "--port", str(port), "--bind", "127.0.0.1")
    assert status == 0, report
    assert f"localhost:{port}" in report


@BOTH
@pytest.mark.parametrize(
    ("bind", "said"),
    [
        (
            "203.0.113.50",
            "203.0.113.50 is not an address of this machine: choose one of its own, or :: for all of them.",
        ),
        (
            "2001:db8::50",
            "2001:db8::50 is not an address of this machine: choose one of its own, or :: for all of them.",
        ),
        ("foo", '"foo" is not an IP address to listen on: choose one of this machine\'s, or :: for all of them.'),
        (
            "localhost",
            '"localhost" is not an IP address to listen on: choose one of this machine\'s, or :: for all of them.',
        ),
    ],
)
def test_an_address_that_no_server_can_listen_at(command: list[str], bind: str, said: str, tmp_path: Path) -> None:
    """The machine whose address it was got a call, and what that led to was told of this one."""
    begin = time.monotonic()
    status, report = run(command, tmp_path, "--port", str(free_port()), "--bind", bind)
    assert (status, report) == (1, f"This could not be found out: {said}\n")
    assert time.monotonic() - begin < 2


@pytest.mark.parametrize("text", [None, ""], ids=["missing", "empty"])
def test_a_password_file_that_keeps_the_server_from_starting(text: str | None, tmp_path: Path) -> None:
    path = tmp_path / "password"
    if text is not None:
        path.write_text(text)
    options = ["--port", str(free_port()), "--bind", "127.0.0.1", "--password-file", str(path)]
    done = [
        subprocess.run(command, env=environment(tmp_path, SERVER), capture_output=True, text=True, timeout=30)
        for command in ([*SERVER, *options], [str(BINARY), *options])
    ]
    assert done[0].stderr == done[1].stderr and str(path) in done[0].stderr
    assert [(one.returncode, one.stdout) for one in done] == [(1, "")] * 2


def test_a_password_file_is_read_and_the_standard_input_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("correct horse\n")
    path.chmod(0o600)
    for file in (str(path), "-"):
        status, report = run(
            SERVER, tmp_path, "--port", str(free_port()), "--bind", "127.0.0.1", "--password-file", file
        )
        assert status == 0 and "This machine: works" in report and "horse" not in report
