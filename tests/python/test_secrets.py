# SPDX-License-Identifier: MIT
"""A password or a token is where it must be and nowhere else: a whole session with everything that holds a secret, at the most talkative log level,
and then a search through all that anybody else could read.

Searched: the logs of servers and client, what they print, the texts of errors and their tracebacks, a dump of all threads as after a crash, the command line
and the environment of every process of the machine, discovery packets, the report of a check, and every file of the homes. Secrets are made anew for
each run, so nothing but a leak can hold one. In Blender there are more places, the Info editor, crash reports and the add-on's settings: tests/addon/test_in_blender.py,
`test_passwords_go_where_they_were_meant_for_and_nowhere_else`, and tests/addon/test_panel.py, `test_an_invite_stands_in_no_report`.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .conftest import ROOT, TIMEOUT_S, Process, free_port, server_command

# A client that does everything wrong and right. Gets its secrets from stdin; says "ready" when it has done all, and stays until stdin ends.
SESSION = """
import faulthandler, json, logging, sys, traceback
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
from atrium import AtriumError, Client, hosting, serve
from atrium.check import check
work = json.loads(sys.stdin.readline())
address, home = work["address"], work["home"]

def fails(call, *words, **options):
    try:
        call(*words, **options)
    except AtriumError as error:
        print(repr(error), error.text, vars(error) if hasattr(error, "__dict__") else "")
        traceback.print_exc(file=sys.stdout)
    else:
        raise SystemExit("that should have failed")

host = Client(work["host_home"])
host.connect(address)
room = host.create_room("Film")
host.set_password(work["room_password"], room=room.id)
links = [host.create_invite(), host.create_invite(room.id)]
clients = [host]
for number, (password, where) in enumerate([
    (work["password"], None), (work["wrong"], None), (work["room_password"], "Film"), (work["wrong"], "Film"), (work["password"], "Film"),
]):
    guest = Client(f"{home}/{number}")
    clients.append(guest)
    right = number in (0, 2)
    (guest.connect if right else lambda *w, **o: fails(guest.connect, *w, **o))(address, password, room=where)
for number, link in enumerate(links):
    guest = Client(f"{home}/link{number}")
    clients.append(guest)
    guest.connect(f"Come over: <{link}>!")
    guest.disconnect()
    fails(Client(f"{home}/cut").connect, link[:-4])
print("report", flush=True)
for link in links:
    print(check(link), check(link).report())
print(check(address), check(address).report())
host.revoke_invites()
fails(Client(f"{home}/late").connect, links[0])
fails(host.set_password, work["wrong"] * 100)
fails(Client(f"{home}/long").connect, address, work["wrong"] * 100)
fails(Client(f"{home}/nobody").connect, "127.0.0.1:1", work["password"])

# An HTTP tunnel whose address holds a token, as what was typed and in an invite: reached, and not; and a name with a password, which is no address.
tunnel = f"ws://{address}/p?token={work['token']}"
typed = Client(f"{home}/typed")
typed.connect(tunnel, work["password"])
clients.append(typed)
print(check(tunnel), check(tunnel).report())
links.append(host.create_invite(addresses=[tunnel, f"ws://127.0.0.1:1/?{work['token']}"]))
invited = Client(f"{home}/invited")
invited.connect(links[-1])
clients.append(invited)
for at, options in [(f"ws://127.0.0.1:1/p?token={work['token']}", {}), (tunnel, {"timeout": 0.0001}),
                    (f"https://ada:{work['token']}@127.0.0.1/", {}), (f"ws://127.0.0.1:1/?{work['token']}", {"password": work["wrong"]})]:
    fails(Client(f"{home}/away").connect, at, **options)
    print(check(at), check(at).report())

# Servers with a log of their own level: in this process, at DEBUG; and one that Connect would start.
with serve(port=0, bind="127.0.0.1", home=f"{home}/own") as server:
    owner = Client(f"{home}/own")
    owner.connect(f"127.0.0.1:{server.port}")
    owner.set_password(work["password"])
    guest = Client(f"{home}/of-own")
    guest.connect(f"127.0.0.1:{server.port}", work["password"])
    guest.pump(0.2)
    owner.pump(0.2)
started = hosting.ensure_server(work["port"], home=f"{home}/started", bind="127.0.0.1")
started.wait()
owner = Client(f"{home}/started")
owner.connect(f"127.0.0.1:{work['port']}")
owner.set_password(work["password"])
links.append(owner.create_invite())
found = host.discover(1.0)
for client in clients:
    client.pump(0.05)
faulthandler.dump_traceback(sys.stdout, all_threads=True)
open(work["links"], "w").write(json.dumps(links))
print("ready", flush=True)
sys.stdin.read()
for client in [*clients, owner]:
    client.close()
"""


def processes() -> Iterator[tuple[str, bytes]]:
    """Command line and environment of all that this user may look at."""
    for folder in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                yield f"{folder}/{name}", (folder / name).read_bytes()
            except OSError:
                pass


def forms_of(secret: bytes) -> set[bytes]:
    """As it is, and as it would be written down."""
    return {
        secret,
        secret.hex().encode(),
        base64.urlsafe_b64encode(secret).rstrip(b"="),
        base64.b64encode(secret).rstrip(b"="),
    }


def packets(server: Process) -> bytes:
    """What this server answers to who looks for hosts."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        asking.settimeout(TIMEOUT_S)
        asking.sendto((b"ATRd\x01\x01" + os.urandom(8)).ljust(112, b"\0"), ("127.255.255.255", 12800))
        while (answer := asking.recv(2048))[16:48] != bytes.fromhex(server.key):
            pass
    return answer


def memory_of(pid: int) -> bytes:
    """All that the process may write to."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        found = []
        for line in maps:
            span, rights = line.split()[:2]
            if rights.startswith("rw"):
                begin, end = (int(edge, 16) for edge in span.split("-"))
                with contextlib.suppress(OSError, ValueError):
                    memory.seek(begin)
                    found.append(memory.read(min(end - begin, 1 << 28)))  # a sanitizer maps more than there is
    return b"".join(found)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no /proc here to look into")
@pytest.mark.parametrize("way", ["file", "-"])
def test_the_server_forgets_its_password_and_says_who_may_read_it(
    start: Callable[..., Process], tmp_path: Path, way: str
) -> None:
    """It once stayed in a buffer of the C library's, from which a core dump would have taken it along."""
    password = f"secret {secrets.token_hex(16)}"
    file = tmp_path / "password.txt"
    file.write_text(password + "\n")
    file.chmod(0o644)
    words = [*server_command(), "--password-file", str(file)]
    if way == "-":
        words = ["sh", "-c", 'exec "$@" < "$0"', str(file), *server_command(), "--password-file", "-"]
    server = start(command=words)
    held = memory_of(server.popen.pid)
    assert len(held) > 100_000
    assert password[-20:].encode() not in held
    warned = "other users of this machine may read" in server.log.read_text()
    assert warned == (way == "file")
    server.end()
    file.chmod(0o600)
    kept = start("--password-file", str(file), home=tmp_path / "kept")
    assert "other users" not in kept.log.read_text()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc here to look into")
def test_no_secret_is_anywhere_else(start: Callable[..., Process], tmp_path: Path) -> None:
    password, room_password, wrong = (f"ñ{secrets.token_hex(8)}" for _ in range(3))
    token = secrets.token_hex(8)
    file = tmp_path / "elsewhere" / "password.txt"
    file.parent.mkdir()
    file.write_text(password + "\n", encoding="utf-8")
    server = start("--password-file", str(file))
    homes, links_file = tmp_path / "homes", tmp_path / "elsewhere" / "links"
    work = {
        "address": f"127.0.0.1:{server.port}",
        "home": str(homes),
        "host_home": str(server.home),
        "password": password,
        "room_password": room_password,
        "wrong": wrong,
        "port": free_port(),
        "token": token,
        "links": str(links_file),
    }
    printed = tmp_path / "elsewhere" / "printed.txt"
    with printed.open("wb") as out:
        session = subprocess.Popen(
            [sys.executable, "-c", SESSION],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": str(ROOT / "python")},
            text=True,
        )
        assert session.stdin
        try:
            session.stdin.write(json.dumps(work) + "\n")
            session.stdin.flush()
            while session.poll() is None and not printed.read_text(encoding="utf-8").endswith("ready\n"):
                try:
                    session.wait(0.2)
                except subprocess.TimeoutExpired:
                    continue
            assert session.poll() is None, printed.read_text(encoding="utf-8")
            seen = dict(processes())
            seen["a discovery packet"] = packets(server)
        finally:
            session.stdin.close()
            session.wait(TIMEOUT_S)
            end_started(work["port"])
    server.end()
    assert server.popen.stdout and server.popen.stdout.closed
    seen["printed"] = printed.read_bytes()
    seen["said by the server"] = "\n".join(server.lines).encode()
    for path in [*homes.rglob("*"), *server.home.rglob("*")]:
        if path.is_file():
            seen[str(path)] = path.read_bytes()

    secret = {
        name: forms_of(text.encode())
        for name, text in (("password", password), ("room's", room_password), ("typed", wrong), ("tunnel's", token))
    }
    for number, link in enumerate(json.loads(links_file.read_text())):
        payload = link.split("#")[1]
        data = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        secret[f"link {number}"] = {payload[46:64].encode()}  # the digits that hold nothing but the token
        secret[f"token {number}"] = forms_of(data[33:49])
    # These files are secrets themselves, readable by their user alone; what they hold must be in no other place.
    for path in map(Path, list(seen)):
        if path.parent.name == "tokens" or path.name in ("identity.pem", "password"):
            assert path.stat().st_mode & 0o77 == 0, path
            lines = [line for line in path.read_bytes().splitlines() if line and not line.startswith(b"-----")]
            private = (
                lines[:1]
                if path.name == "identity.pem"
                else [word for line in lines for word in line.split() if len(word) == 64]
            )
            secret[str(path)] = set(private)
            seen[str(path)] = b"".join(line for line in lines if not set(line.split()) & set(private))
    assert len(secret) >= 3 + 2 * 3 + 3

    assert b"INFO:atrium.engine:" in seen["printed"] and b"wrong password" in seen[str(server.log)]
    assert b"The password is not right." in seen["printed"] and b"Traceback" in seen["printed"]
    assert any(b"atrium" in text for name, text in seen.items() if name.endswith("/cmdline"))
    leaks = [
        f"{name} in {where}"
        for where, text in seen.items()
        for name, forms in secret.items()
        if any(form and form in text for form in forms)
    ]
    assert not leaks, "\n".join(sorted(set(leaks)))


def end_started(port: int) -> None:
    """The server that Connect would start outlives who has started it."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"--port" in words and words[words.index(b"--port") + 1] == str(port).encode():
            os.kill(int(folder.name), 15)
