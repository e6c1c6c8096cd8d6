# SPDX-License-Identifier: MIT
"""The server as a process: its command line, its files, its end, and what strangers throw at its port."""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import signal
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import atrium
from atrium import AtriumError, Client

from .conftest import ROOT, Process, eventually, free_port, sanitizer, server_command
from .raw import Raw, hello, message

Start = Callable[..., Process]
Clients = Callable[..., Client]
COMMANDS = {"c": server_command(), "python": [sys.executable, "-m", "atrium.server"]}


def run(*options: str, home: Path | None = None, which: str = "c") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python"), **(sanitizer(None) if which == "c" else {})}
    if home:
        environment["ATRIUM_HOME"] = str(home)
    return subprocess.run(
        [*COMMANDS[which], *options], capture_output=True, text=True, timeout=20, env=environment, check=False
    )


@pytest.mark.parametrize("which", COMMANDS)
def test_version_help_and_mistakes(which: str) -> None:
    assert run("--version", which=which).stdout == f"atrium-server {atrium.__version__} (protocol 1)\n"
    text = run("--help", which=which)
    assert text.returncode == 0
    for option in ("--port", "--bind", "--data", "--open", "--allow", "--log", "--ring-mb", "--idle-exit-min"):
        assert option in text.stdout
    for mistake in (
        ["--port", "x"],
        ["--port"],
        ["--nothing"],
        ["--open=1"],
        ["--allow", "abc"],
        ["--ring-mb", "0"],
        ["x"],
    ):
        wrong = run(*mistake, which=which)
        assert wrong.returncode == 2
        assert mistake[0].split("=")[0] in wrong.stderr


@pytest.mark.parametrize("which", COMMANDS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly(start: Start, clients: Clients, which: str, number: signal.Signals) -> None:
    server = start("--open", command=COMMANDS[which])
    client = clients()
    client.connect(server.address)
    began = time.monotonic()
    assert server.end(number) == 0
    assert time.monotonic() - began < 3
    eventually(lambda: (client.pump(0.01) and False) or client.state == "RECONNECTING", what="noticing the end")


def test_files_are_the_users_own(start: Start) -> None:
    server = start()
    for folder in (server.home / "server", server.home / "tokens"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        for file in folder.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_data_is_a_folder_of_its_own(start: Start, tmp_path: Path, clients: Clients) -> None:
    server = start("--data", str(tmp_path / "data"))
    assert (tmp_path / "data" / "identity.pem").exists()
    host = clients(home=server.home)  # the token is in the home all the same
    host.connect(server.address)
    assert host.welcome["host"] is True


def test_two_servers_do_not_share_a_folder(start: Start) -> None:
    """Each would write its own list of users over the other's: whom one has let in, the next start would not know."""
    first = start()
    began = time.monotonic()
    second = run("--port", "0", home=first.home)
    assert time.monotonic() - began > 2.5  # ATR_FOLDER_WAIT_MS: the first could have been about to end
    assert second.returncode == 1
    assert str(first.home / "server") in second.stderr and f"port {first.port}" in second.stderr
    assert "--data" in second.stderr
    other = start("--data", str(first.home / "other"), home=first.home)
    assert other.port != first.port
    number = first.port
    assert first.end() == 0
    start("--port", str(number), home=first.home)


def test_a_server_waits_for_the_one_before_it(start: Start, tmp_path: Path) -> None:
    first = start()
    ending = threading.Timer(0.5, first.end)
    ending.start()
    start(home=first.home)
    ending.join()


def test_nobody_reads_what_it_says(tmp_path: Path) -> None:
    """`atrium-server | head -1`: that the reader goes is no reason to end."""
    port = free_port()
    words = " ".join(
        map(shlex.quote, [*server_command(), "--port", str(port), "--bind", "127.0.0.1", "--idle-exit-min", "0.05"])
    )
    with subprocess.Popen(
        ["sh", "-c", f"{{ sleep 0.3; {words}; echo $? >status; }} | true"],
        cwd=tmp_path,
        env={**os.environ, "ATRIUM_HOME": str(tmp_path)},
    ) as shell:
        shell.wait(30)
    eventually(lambda: (tmp_path / "status").exists(), what="the server's end")
    assert (tmp_path / "status").read_text() == "0\n"


def test_a_busy_port_is_a_clear_error(start: Start, tmp_path: Path) -> None:
    server = start()
    second = run("--port", str(server.port), home=tmp_path / "second")
    assert second.returncode == 1
    assert str(server.port) in second.stderr
    assert "in use" in second.stderr
    with pytest.raises(AtriumError) as busy:
        atrium.serve(server.port, home=tmp_path / "third")
    assert busy.value.code == "PORT_BUSY"


def test_a_home_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    wrong = run("--port", "0", home=tmp_path / "file" / "home")
    assert wrong.returncode == 1
    assert str(tmp_path / "file") in wrong.stderr


def test_a_damaged_key_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir(mode=0o700)
    (tmp_path / "server" / "identity.pem").write_text("garbage")
    (tmp_path / "server" / "identity.pem").chmod(0o600)
    wrong = run("--port", "0", home=tmp_path)
    assert wrong.returncode == 1
    assert "identity.pem" in wrong.stderr


def test_an_unreadable_key_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "server" / "identity.pem").mkdir(mode=0o700, parents=True)
    (tmp_path / "server").chmod(0o700)
    wrong = run("--port", "0", home=tmp_path)
    assert wrong.returncode == 1
    assert "identity.pem" in wrong.stderr and "folder" in wrong.stderr
    (tmp_path / "identity.pem").mkdir()
    with pytest.raises(AtriumError) as ours:
        Client(tmp_path)
    assert ours.value.code == "IO" and "identity.pem" in ours.value.text


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="NOT ROOT: nobody else to become")
def test_somebody_elses_key_file_is_a_clear_error() -> None:
    """Root reads everything, so this is tried as another user."""
    nobody = 65534
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        (home / "server").mkdir(mode=0o700)
        key = home / "server" / "identity.pem"
        key.write_text("root's")
        key.chmod(0o600)
        for folder in (home, home / "server"):
            os.chown(folder, nobody, nobody)
        wrong = subprocess.run(
            [*COMMANDS["c"], "--port", "0"],
            capture_output=True,
            text=True,
            timeout=20,
            env={**os.environ, "ATRIUM_HOME": str(home), **sanitizer(None)},
            user=nobody,
            group=nobody,
            extra_groups=[],
            check=False,
        )
        assert wrong.returncode == 1
        assert str(key) in wrong.stderr and "permission denied" in wrong.stderr
        assert key.read_text() == "root's"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="NOT ROOT: no small disk can be mounted")
def test_a_full_disk_at_key_creation_is_a_clear_error(tmp_path: Path, clients: Clients) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "none", disk], capture_output=True, check=False
    )
    if mount.returncode:
        pytest.skip("NO MOUNT: this container may not mount a small disk")
    try:
        (disk / "home").mkdir(mode=0o700)
        with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
            while filler.write(b"x" * 4096):
                pass
        wrong = run("--port", "0", home=disk / "home")
        assert wrong.returncode == 1
        assert "identity.pem" in wrong.stderr and "make room on that disk" in wrong.stderr
        with pytest.raises(AtriumError) as ours:
            Client(disk / "home")
        assert ours.value.code == "IO" and "make room on that disk" in ours.value.text
        (disk / "filler").unlink()
        assert not [file for file in (disk / "home").rglob("*") if file.is_file() and file.stat().st_size]
        with Client(disk / "home") as client:  # there is room now, and no half key is in the way
            assert len(client.key) == 64
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--port", "70000"], '--port takes a number from 0 to 65535, not "70000"'),
        (["--bind", "192.0.2.9", "--port", "0"], "choose one of its own, or :: for all of them"),
        (["--bind", "here", "--port", "0"], "is not an IP address to listen on: choose"),
        (["--log", "/nowhere/log"], "choose another with --log"),
        (["--allow", "zz"], 'takes a user\'s key of 64 hexadecimal digits, not "zz"'),
        (["--data", "/proc/atrium", "--port", "0"], "/proc/atrium cannot be made"),
    ],
)
def test_a_failure_is_one_sentence_that_says_what_to_do(tmp_path: Path, options: list[str], says: str) -> None:
    wrong = run(*options, home=tmp_path)
    assert wrong.returncode in (1, 2)
    assert says in wrong.stderr
    assert wrong.stderr.startswith("atrium-server: ") and wrong.stderr.count("\n") == 1


@pytest.mark.parametrize("which", COMMANDS)
def test_who_has_no_home_folder_is_told_to_name_one(tmp_path: Path, which: str) -> None:
    """Users that only run a server often have none; where the rooms are kept was said, and it is not about that."""
    wrong = run("--data", str(tmp_path / "data"), "--port", "0", home=Path("/proc/home"), which=which)
    assert wrong.returncode == 1
    assert "set ATRIUM_HOME" in wrong.stderr and "/proc/home" in wrong.stderr
    assert wrong.stderr.startswith("atrium-server: ") and wrong.stderr.count("\n") == 1


def test_so_many_keys_are_allowed_by_name(tmp_path: Path) -> None:
    """ATR_ALLOW_MAX."""
    words = [word for number in range(1001) for word in ("--allow", f"{number:064x}")]
    wrong = run(*words, home=tmp_path)
    assert wrong.returncode == 2
    assert wrong.stderr == "atrium-server: --allow can be given 1000 times; let the others knock\n"


def test_the_log_goes_to_a_file(start: Start, clients: Clients, tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    server = start("--open", "--log", str(log))
    client = clients()
    client.connect(server.address, name="Ada\nfaked line")
    eventually(lambda: '"?"' in log.read_text(), what="the log line")
    assert "faked line" not in log.read_text()
    assert server.log.read_text() == ""


def test_idleness_ends_it_when_asked_for(start: Start, clients: Clients) -> None:
    server = start("--open", "--idle-exit-min", "0.02")  # 1.2 s
    client = clients()
    client.connect(server.address)
    time.sleep(2)
    assert server.popen.poll() is None  # somebody is there
    client.close()
    assert server.wait(10) == 0


def test_whoever_knocks_does_not_keep_an_idle_server_open(start: Start, certificate: Path) -> None:
    """Nobody is there who could answer, and a stranger could knock for ever."""
    server = start("--idle-exit-min", "0.02")
    peer = Raw(server.port, certificate)
    peer.send(hello())
    assert next(peer.messages())["t"] == "knocking"
    assert server.wait(10) == 0
    peer.tls.close()


def test_whoever_looks_does_not_keep_an_idle_server_open(start: Start, certificate: Path) -> None:
    """A panel that lists the hosts looks every half minute, for as long as it is shown; here many do."""
    server = start("--open", "--idle-exit-min", "0.02")
    end, looks = time.monotonic() + 10, 0
    while server.popen.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError):
            peer = Raw(server.port, certificate)
            peer.send(message({"t": "hello", "proto": 1, "version": "x", "look": True}))
            looks += [told["t"] for told in peer.messages()] == ["rooms"]
            peer.tls.close()
    assert server.wait(1) == 0 and looks > 10


def test_serve_runs_in_this_process(tmp_path: Path, clients: Clients) -> None:
    with atrium.serve(port=0, home=tmp_path / "host", bind="127.0.0.1") as server:
        host = clients(home=tmp_path / "host")
        host.connect(f"localhost:{server.port}")
        assert host.welcome["host"] is True
        (internet,) = [entry for entry in host.look_around() if entry["audience"] == "internet"]
        assert internet["reason"] == "loopback_only"
    server.close()
    with pytest.raises(AtriumError):
        clients("late").connect(f"localhost:{server.port}")


def throw(port: int, data: bytes, wait: float = 5.0) -> bytes:
    """Sends bytes and reads until the other side closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait) as raw:
        try:
            raw.sendall(data)
            answer = b""
            while more := raw.recv(4096):
                answer += more
        except ConnectionError:
            answer = b""
        return answer


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x00" * 100,
        b"SSH-2.0-OpenSSH_9.0\r\n",
        b"\x16\x03\x01\xff\xff" + b"\xff" * 70000,
        b"\x16" + secrets.token_bytes(500),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(600),
    ],
)
def test_garbage_is_closed_and_nobody_suffers(start: Start, clients: Clients, data: bytes) -> None:
    server = start("--open")
    client = clients()
    client.connect(server.address)
    room = client.create_room("r")
    throw(server.port, data)
    doc = room.create({"type": "Object", "p": {}})
    room.flush(10)
    assert doc in room.documents
    assert server.popen.poll() is None


def test_a_silent_connection_does_not_keep_others_out(start: Start, clients: Clients) -> None:
    server = start("--open")
    idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(200)]
    try:
        clients().connect(server.address)
    finally:
        for raw in idle:
            raw.close()


def test_tls_without_a_key_or_with_another_alpn_is_refused(start: Start) -> None:
    server = start("--open")
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["atrium/1"])
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as raw, context.wrap_socket(raw) as tls:
        assert tls.version() == "TLSv1.3"
        with pytest.raises((ssl.SSLError, ConnectionError)):
            tls.sendall(b"\x00\x00\x01x")
            if tls.recv(100) == b"":
                raise ConnectionResetError
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as raw, pytest.raises((ssl.SSLError, OSError)):
        context.wrap_socket(raw).close()


@pytest.mark.parametrize("which", COMMANDS)
def test_the_machines_openssl_configuration_is_left_alone(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    """A configuration that takes every cipher away from other programs takes none from a server and a client of ours."""
    config = tmp_path / "openssl.cnf"
    config.write_text("openssl_conf = all\n[all]\nproviders = providers\n[providers]\nnull = on\n[on]\nactivate = 1\n")
    monkeypatch.setenv("OPENSSL_CONF", str(config))
    other = subprocess.run(["openssl", "dgst", "-sha256"], input=b"x", capture_output=True, check=False)
    assert other.returncode != 0, "the configuration does nothing; this test shows nothing"
    server = start("--open", command=COMMANDS[which])
    script = f"import atrium; client = atrium.Client({str(tmp_path / 'c')!r}); client.connect({server.address!r}); print(client.state)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python"), "ATRIUM_TRUST": "first-use"}
    run = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert (run.stdout, run.stderr) == ("LOBBY\n", "")
