# SPDX-License-Identifier: MIT
"""Somebody sits on the way, or knocks with what is not his: each attack on trust ends with an error, and nobody is let in or told a secret by it.

What an attacker can do is done here in earnest: he answers in the host's place, ends TLS himself, offers older versions, changes bytes, says again what he has
recorded, shows what he has copied. docs/security.md lists all attacks and where each is tested.
"""

from __future__ import annotations

import base64
import contextlib
import secrets
import select
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from atrium import AtriumError, Client
from atrium.check import check
from atrium.engine import Engine

from .conftest import Process, Wire, eventually, settle
from .raw import WELCOME, Raw, hello, message

Start = Callable[..., Process]
Clients = Callable[..., Client]
SECRET = "näher als gedacht"
CASTAGNOLI = 0x82F63B78


def refused(client: Client, address: str, password: str | None = None) -> AtriumError:
    with pytest.raises(AtriumError) as failure:
        client.connect(address, password, timeout=20)
    assert client.state == "OFFLINE"
    return failure.value


def came_in(server: Process, name: str = "script") -> int:
    return server.log.read_text().count(f'"{name}" is in')


# --- tokens ----------------------------------------------------------------------------------------------------------


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (CASTAGNOLI if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def with_token(link: str, token: bytes) -> str:
    """The link of somebody who knows all but the token."""
    payload = link.split("#")[1]
    data = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))[:-4]
    data = data[:33] + token + data[49:]
    return "atrium://join#" + base64.urlsafe_b64encode(data + struct.pack(">I", crc32c(data))).decode().rstrip("=")


def test_a_wrong_token_opens_nothing(server: Process, host: Client, clients: Clients) -> None:
    link = host.create_invite()
    payload = link.split("#")[1]
    own = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))[33:49]
    before = came_in(server)
    for i, token in enumerate((bytes(16), secrets.token_bytes(16), own[:-1] + bytes([own[-1] ^ 1]))):
        assert refused(clients(f"thief {i}"), with_token(link, token)).code == "INVITE"
    assert came_in(server) == before
    clients("guest").connect(with_token(link, own), timeout=10)  # the link was made rightly


def test_a_wrong_token_of_the_home_makes_no_host(
    server: Process,
    host: Client,
    certificate: Path,
) -> None:
    real = next((server.home / "tokens").iterdir()).read_text().strip()
    for token in ("", "00" * 32, real[:-2], real[:-1] + ("0" if real[-1] != "0" else "1"), real + "00"):
        peer = Raw(server.port, certificate)
        peer.send(hello(token=token))
        assert next(peer.messages())["t"] == "knocking", token
        peer.tls.close()
    peer = Raw(server.port, certificate)
    peer.send(hello(token=real))
    assert peer.until("welcome")["host"] is True
    peer.tls.close()


# --- in the host's place ---------------------------------------------------------------------------------------------


class Middle:
    """Answers at the host's address with a key of his own, and passes on to the host what he hears and back; notes all of it.

    `asks` for who calls: then no more follows, for he trusts nobody's certificate; but he has seen it."""

    def __init__(
        self,
        certificate: Path,
        port: int,
        version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
        asks: bool = False,
    ) -> None:
        self._to_port = port
        self._certificate = certificate
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._context.maximum_version = version
        self._context.set_alpn_protocols(["atrium/1"])
        self._context.verify_mode = ssl.CERT_REQUIRED if asks else ssl.CERT_NONE
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.heard = b""
        self.connections = 0
        self.refusals: list[ssl.SSLError] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self.connections += 1
                with contextlib.suppress(OSError), self._greet(near) as tls:
                    self._pass_on(tls)

    def _greet(self, near: socket.socket) -> ssl.SSLSocket:
        try:
            return self._context.wrap_socket(near, server_side=True)
        except ssl.SSLError as error:
            self.refusals.append(error)
            raise

    @property
    def certificates_seen(self) -> int:
        """What he does not trust he has been shown."""
        return sum(isinstance(error, ssl.SSLCertVerificationError) for error in self.refusals)

    def _pass_on(self, near: ssl.SSLSocket) -> None:
        with Raw(self._to_port, self._certificate).tls as far:
            for one in (near, far):
                one.setblocking(False)
            while True:
                select.select([near, far], [], [], 0.05)
                for source, sink in ((near, far), (far, near)):
                    with contextlib.suppress(ssl.SSLWantReadError):
                        if not (data := source.recv(65536)):
                            return
                        self.heard += data if source is near else b""
                        sink.sendall(data)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def middle(certificate: Path) -> Iterator[Callable[..., Middle]]:
    made: list[Middle] = []

    def make(port: int, **options: Any) -> Middle:
        made.append(Middle(certificate, port, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def at_port(link: str, *ports: int) -> str:
    """An invite of this host whose addresses lead to somebody else: he stands at the right address."""
    assert link.startswith("atrium://join#")
    payload = link.split("#")[1]
    data = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))[:-4]
    data = data[:65] + b"".join(b"\x01\x06\x7f\x00\x00\x01" + struct.pack(">H", port) for port in ports)
    return "atrium://join#" + base64.urlsafe_b64encode(data + struct.pack(">I", crc32c(data))).decode().rstrip("=")


def test_who_passes_everything_on_gets_neither_token_nor_hello(
    server: Process, host: Client, clients: Clients, middle: Callable[..., Middle]
) -> None:
    link = host.create_invite()
    one = middle(server.port)
    before = came_in(server)
    assert refused(clients("guest"), at_port(link, one.port)).code == "KEY_CHANGED"
    assert one.connections >= 1 and one.heard == b""
    assert came_in(server) == before


def test_who_passes_a_password_on_proves_nothing_to_either_side(
    server: Process, host: Client, clients: Clients, middle: Callable[..., Middle], tmp_path: Path
) -> None:
    """The guest knows the password and the host too; but each side's run is bound to its own connection and keys."""
    host.set_password(SECRET)
    one = middle(server.port)
    before = came_in(server)
    assert refused(clients("guest"), f"127.0.0.1:{one.port}", SECRET).code == "PASSWORD"
    assert b'"share"' in one.heard and b'"tag"' in one.heard, "the attack itself must come so far"
    assert b'"hello"' not in one.heard and SECRET.encode() not in one.heard
    assert came_in(server) == before
    assert not (tmp_path / "guest" / "known_hosts").exists()
    clients("guest 2").connect(f"127.0.0.1:{server.port}", SECRET, timeout=20)


def test_a_known_host_is_not_replaced(
    server: Process, host: Client, clients: Clients, middle: Callable[..., Middle], tmp_path: Path
) -> None:
    guest = clients("guest")
    guest.connect(host.create_invite(), timeout=10)
    guest.disconnect()
    one = middle(server.port)
    pins = tmp_path / "guest" / "known_hosts"
    pins.write_text(
        pins.read_text().replace(f":{server.port}", f":{one.port}")
    )  # the same address, seen from the guest
    error = refused(guest, f"127.0.0.1:{one.port}")
    assert error.code == "KEY_CHANGED" and "forget the old key" in error.text
    assert one.heard == b""


def test_a_fake_host_does_not_learn_who_calls(
    server: Process, host: Client, clients: Clients, middle: Callable[..., Middle]
) -> None:
    """A certificate says who its owner is, wherever he goes. It is shown to the key that the invite names, and to nobody who stands at its addresses."""
    link = host.create_invite()
    fakes = [middle(server.port, asks=True) for _ in range(3)]
    error = refused(clients("guest"), at_port(link, *(one.port for one in fakes)))
    assert error.code == "KEY_CHANGED" and "Somebody else answers" in error.text
    clients("guest 2").connect(at_port(link, *(one.port for one in fakes), server.port), timeout=20)
    for one in fakes:
        eventually(lambda one=one: len(one.refusals) >= 1, what="the end of the handshake")
        assert one.certificates_seen == 0, one.refusals


def test_who_replaces_a_known_host_does_not_learn_who_calls(
    server: Process, host: Client, clients: Clients, middle: Callable[..., Middle], tmp_path: Path
) -> None:
    """And the user sees the code of the key that was shown, as ever. The last one is how it looks when a certificate is shown: to a new host it must be."""
    guest = clients("guest")
    guest.connect(host.create_invite(), timeout=10)
    guest.disconnect()
    fake = middle(server.port, asks=True)
    pins = tmp_path / "guest" / "known_hosts"
    pins.write_text(pins.read_text().replace(f":{server.port}", f":{fake.port}"))
    address = f"127.0.0.1:{fake.port}"
    for password in (None, SECRET):
        error = refused(guest, address, password)
        assert error.code == "KEY_CHANGED" and "forget the old key" in error.text
    guest.close()
    details = failed_connect(tmp_path / "guest", address)["detail"]
    changed = check(address, home=tmp_path / "guest")
    eventually(lambda: len(fake.refusals) >= 4, what="the ends of the handshakes")
    assert fake.certificates_seen == 0, fake.refusals
    forgetful = clients(home=tmp_path / "guest")
    assert forgetful.forget_host(address)
    unknown = check(address, home=tmp_path / "guest")
    assert (changed.key, unknown.key) == ("changed", "new")
    assert changed.check_code == unknown.check_code == details
    eventually(lambda: fake.certificates_seen >= 1, what="a certificate")


def test_a_stranger_at_one_address_does_not_end_it_for_who_was_in(
    server: Process, host: Client, clients: Clients, start: Start, tmp_path: Path
) -> None:
    """A laptop wakes up where one of the invite's addresses is another host's, and the others are dead until its VPN is there."""
    room = host.create_room("Film")
    wire, stranger = Wire(server.port), start("--bind", "127.0.0.1", home=tmp_path / "stranger")
    guest = clients("guest")
    guest.connect(at_port(host.create_invite(), stranger.port, wire.port), timeout=10)
    theirs = guest.join(room.id)
    wire.refuses = True
    wire.cut()
    theirs.create({"type": "Text", "name": "made elsewhere"})
    seen: set[str] = set()
    end = time.monotonic() + 3
    while time.monotonic() < end:
        guest.pump(0.05)
        seen.add(guest.state)
    assert seen <= {"JOINED", "RECONNECTING"} and guest.state == "RECONNECTING"
    wire.refuses = False
    settle([host, guest], lambda: "made elsewhere" in {d["name"] for d in room.documents.values()}, what="the edit")
    assert came_in(stranger) == 0
    wire.close()


@pytest.mark.parametrize("way", ["typed", "invited"])
def test_another_key_at_the_only_address_ends_it_also_for_who_was_in(
    server: Process, host: Client, clients: Clients, start: Start, tmp_path: Path, way: str
) -> None:
    link = host.create_invite()
    guest = clients("guest")
    guest.connect(at_port(link, server.port), timeout=10)
    if way == "typed":
        guest.disconnect()
        guest.connect(f"127.0.0.1:{server.port}", timeout=10)
    server.end(signal.SIGKILL)
    start("--bind", "127.0.0.1", "--port", str(server.port), home=tmp_path / "other")
    settle([guest], lambda: guest.state == "OFFLINE", what="the hard stop")
    assert guest._now.error is not None and guest._now.error.code == "KEY_CHANGED"


def failed_connect(home: Path, address: str) -> dict[str, Any]:
    """The event of the engine, with what the panel copies as details."""
    engine = Engine(home)
    engine.send({"t": "connect", "host": address, "name": "x", "color": [1, 1, 1]})
    try:
        while True:
            assert engine.wait(20)
            for event in engine.poll():
                if event["t"] == "state" and event.get("code"):
                    return event
    finally:
        engine.close()


PLAIN = [
    message(WELCOME),
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"\x15\x03\x03\x00\x02\x02\x46",  # "no TLS of this version, please"
    b"\x15\x03\x03\x00\x02\x01\x00",  # "goodbye"
]


@pytest.mark.parametrize("answer", PLAIN)
@pytest.mark.parametrize("password", [None, SECRET])
def test_without_tls_nothing_is_said(clients: Clients, answer: bytes, password: str | None) -> None:
    """Whoever answers in the open, or asks for less, hears the greeting of TLS 1.3 again and again, and nothing else."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    near, _ = listener.accept()
                    with near:
                        heard.append(near.recv(65536))
                        near.sendall(answer)
                        near.settimeout(1)
                        with contextlib.suppress(TimeoutError):
                            while more := near.recv(65536):
                                heard[-1] += more

        threading.Thread(target=serve, daemon=True).start()
        error = refused(clients("guest"), f"127.0.0.1:{listener.getsockname()[1]}", password)
    assert error.code in ("NOT_ATRIUM", "TLS", "CLOSED"), error
    for one in heard:
        assert one[0] == 0x16, "a record of the handshake"
        kinds = {one[at] for at in records(one)}
        assert kinds <= {0x16, 0x14, 0x15}, "greetings and alerts, no data"


def records(data: bytes) -> Iterator[int]:
    at = 0
    while at + 5 <= len(data):
        yield at
        at += 5 + int.from_bytes(data[at + 3 : at + 5])


def test_an_older_tls_is_not_spoken(
    server: Process, host: Client, clients: Clients, middle: Callable[..., Middle]
) -> None:
    one = middle(server.port, version=ssl.TLSVersion.TLSv1_2)
    assert refused(clients("guest"), f"127.0.0.1:{one.port}", SECRET).code in ("TLS", "NOT_ATRIUM", "CLOSED")
    assert one.heard == b""


def test_the_server_speaks_no_older_tls_and_to_nobody_without_a_key(
    server: Process,
    certificate: Path,
) -> None:
    def context() -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
        return made

    older, nameless, other = context(), context(), context()
    older.maximum_version = ssl.TLSVersion.TLSv1_2
    older.load_cert_chain(certificate)
    older.set_alpn_protocols(["atrium/1"])
    nameless.set_alpn_protocols(["atrium/1"])  # as if somebody had taken the certificate out
    other.load_cert_chain(certificate)
    other.set_alpn_protocols(["http/1.1"])
    for one in (older, nameless, other):
        with (
            pytest.raises((ssl.SSLError, ConnectionError)),
            socket.create_connection(("127.0.0.1", server.port), 5) as raw,
            one.wrap_socket(raw) as tls,
        ):
            tls.sendall(hello())
            assert tls.recv(65536) == b"", "it was answered"
            raise ConnectionResetError  # closed without a word: good, too
    assert "is in" not in server.log.read_text() and "knocks" not in server.log.read_text()


# --- bytes -----------------------------------------------------------------------------------------------------------


class Tape:
    """A line that records what is said to the server, and may change one byte of it."""

    def __init__(self, port: int, change_at: int | None = None) -> None:
        self._to_port, self._change_at = port, change_at
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.said: list[bytes] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to_port))
                self.said.append(b"")
                threading.Thread(target=self._copy, args=(far, near, None), daemon=True).start()
                threading.Thread(target=self._copy, args=(near, far, len(self.said) - 1), daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket, tape: int | None) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if tape is not None:
                    at = -1 if self._change_at is None else self._change_at - len(self.said[tape])
                    self.said[tape] += data
                    if 0 <= at < len(data):
                        data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()


def test_what_was_recorded_opens_nothing_when_it_is_said_again(server: Process, host: Client, clients: Clients) -> None:
    """A whole connection, from the greeting to an edit in a room: once more, byte by byte, as it was."""
    room = host.create_room("Film")
    host.set_password(SECRET)
    tape = Tape(server.port)
    guest = clients("guest")
    guest.connect(f"127.0.0.1:{tape.port}", SECRET, timeout=20)
    guest.join(room.id).create({"type": "Text"})
    guest.joined[room.id].flush(10)
    guest.disconnect()
    settle([host], lambda: len(room.documents) == 1 and len(room.members) == 1, what="the guest's work and its end")
    tape.close()
    (recorded,) = tape.said
    assert len(recorded) > 1000
    before, joins = came_in(server), server.log.read_text().count("joins")
    for pause in (0.0, 0.02):
        with socket.create_connection(("127.0.0.1", server.port), 10) as again:
            answers = b""
            for at in records(recorded):
                end = at + 5 + int.from_bytes(recorded[at + 3 : at + 5])
                with contextlib.suppress(OSError):
                    again.sendall(recorded[at:end])
                time.sleep(pause)
            again.settimeout(10)
            with contextlib.suppress(ConnectionError):
                while more := again.recv(65536):
                    answers += more
        assert answers, "the server greets, and then finds that nobody proves a key"
    host.pump(0.3)
    assert (came_in(server), server.log.read_text().count("joins")) == (before, joins)
    assert len(room.documents) == 1 and len(room.members) == 1


def test_a_byte_that_was_changed_ends_the_connection(server: Process, host: Client, clients: Clients) -> None:
    """In the greeting, in the certificate, in the proof, in the hello, in an edit: nothing of what follows is taken."""
    room = host.create_room("Film")
    link = host.create_invite()
    whole = Tape(server.port)
    guest = clients("guest")
    guest.connect(at_port(link, whole.port), timeout=10)
    length = len(whole.said[0])
    guest.close()
    whole.close()
    before = came_in(server)
    for at in (11, 45, length // 3, length // 2, 2 * length // 3):
        tape = Tape(server.port, change_at=at)
        error = refused(clients(f"guest {at}"), at_port(link, tape.port))
        assert error.code in ("KEY_CHANGED", "TLS", "CLOSED", "NOT_ATRIUM"), (at, error)
        tape.close()
    assert came_in(server) == before
    late = Tape(server.port, change_at=length + 200)
    guest = clients("late")
    guest.connect(at_port(link, late.port), timeout=10)
    with contextlib.suppress(AtriumError):
        guest.join(room.id, 5)
    eventually(lambda: "gone: " in server.log.read_text().split('"script" is in')[-1], what="the end")
    late.close()
    host.pump(0.2)
    assert all(document.get("type") == "Text" for document in room.documents.values())


# --- what can be copied of somebody ----------------------------------------------------------------------------------


def test_a_copied_name_opens_nothing(server: Process, host: Client, clients: Clients, tmp_path: Path) -> None:
    """A stranger with a member's user name, and with a certificate that says word for word what the member's does; but for the key."""
    member = clients("member")
    member.connect(host.create_invite(), timeout=10, name="Ada")
    member.disconnect()
    original = tmp_path / "member" / "identity.pem"
    words = ["openssl", "x509", "-noout", "-subject", "-serial", "-nameopt", "compat"]
    said = subprocess.run([*words, "-in", str(original)], check=True, capture_output=True, text=True).stdout
    name, serial = (line.split("=", 1)[1].strip() for line in said.splitlines())
    copy = tmp_path / "copy"
    copy.mkdir()
    command = f"openssl req -x509 -newkey ed25519 -nodes -days 2 -keyout key.pem -out cert.pem -set_serial 0x{serial}"
    subprocess.run(
        [*command.split(), "-subj", "/" + name.strip("/ ")],
        cwd=copy,
        check=True,
        capture_output=True,
    )
    both = copy / "both.pem"
    both.write_text((copy / "key.pem").read_text() + (copy / "cert.pem").read_text())
    peer = Raw(server.port, both)
    peer.send(hello(name="Ada", participant=member.participant))
    assert next(peer.messages())["t"] == "knocking"
    settle([host], lambda: host.knocks, what="the knock")
    (knock,) = host.knocks.values()
    assert knock.name == "Ada" and knock.key != member.key and knock.code != member.check_code
    peer.tls.close()


# --- HTTP ------------------------------------------------------------------------------------------------------------

UPGRADE = (
    b"GET /atrium HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: atrium.1\r\n\r\n"
)


def upgraded(port: int) -> socket.socket:
    line = socket.create_connection(("127.0.0.1", port), 10)
    line.sendall(UPGRADE)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += line.recv(1)
    assert head.startswith(b"HTTP/1.1 101")
    return line


def masked(payload: bytes, opcode: int = 2, fin: bool = True, mask: bytes = b"\x01\x02\x03\x04") -> bytes:
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size)
    return (
        bytes([(0x80 if fin else 0) | opcode]) + length + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
    )


BROKEN = {
    "unmasked": b"\x82\x05\x16\x03\x01\x00\x00",
    "text": masked(b"hello", opcode=1),
    "reserved bits": b"\xf2" + masked(b"x")[1:],
    "unknown kind": masked(b"x", opcode=3),
    "a long ping": masked(bytes(126), opcode=9),
    "a fragmented ping": masked(b"x", opcode=9, fin=False),
    "the rest of nothing": masked(b"x", opcode=0),
    "a beginning inside of another": masked(b"\x16", fin=False) + masked(b"\x03", fin=False),
    "oversized": b"\x82\xff" + struct.pack(">Q", 17 << 20) + bytes(4),
    "absurdly oversized": b"\x82\xff" + b"\xff" * 8 + bytes(4),
}


def test_who_pings_and_reads_nothing_gets_no_more_answers(server: Process) -> None:
    """ATR_WS_PONGS_BYTES_MAX: they wait in the server's memory. What the system keeps on the way is answered."""
    line = upgraded(server.port)
    ping, sent = masked(bytes(125), opcode=9) * 1000, 0
    line.settimeout(5)
    while sent < 100_000:
        line.sendall(ping)
        sent += 1000
    line.settimeout(1)
    got = 0
    with contextlib.suppress(TimeoutError):
        while data := line.recv(1 << 20):
            got += len(data)
    line.close()
    assert 0 < got < sent * 127


@pytest.mark.parametrize("name", BROKEN)
def test_frames_of_a_websocket_that_break_its_rules_end_it(server: Process, host: Client, name: str) -> None:
    room = host.create_room("Film")
    with upgraded(server.port) as line:
        line.sendall(BROKEN[name])
        with contextlib.suppress(ConnectionError):
            while line.recv(65536):
                pass
    room.create({"type": "Text"})
    room.flush(5)


def greeting(certificate: Path) -> tuple[ssl.SSLObject, ssl.MemoryBIO, ssl.MemoryBIO]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(certificate)
    context.set_alpn_protocols(["atrium/1"])
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    return context.wrap_bio(incoming, outgoing), incoming, outgoing


def test_a_greeting_in_the_smallest_fragments_is_one(server: Process, certificate: Path) -> None:
    """What the rules allow is no attack: a boundary of frames or messages means nothing."""
    tls, incoming, outgoing = greeting(certificate)
    with upgraded(server.port) as line:
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.do_handshake()
        data = outgoing.read()
        for i, byte in enumerate(data):
            line.sendall(masked(bytes([byte]), opcode=0 if i else 2, fin=i == len(data) - 1))
        line.settimeout(10)
        answer = line.recv(65536)
        assert answer[0] == 0x82 and b"\x16\x03\x03" in answer[:8], "a ServerHello in a binary frame"
    assert incoming.pending == 0


def test_a_recorded_greeting_of_a_host_opens_nothing_at_the_guest(
    server: Process, host: Client, clients: Clients
) -> None:
    """And the other way round: what a host once said to a guest proves his key to nobody else."""
    said_by_host: list[bytes] = []
    link = host.create_invite()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def serve() -> None:
            with contextlib.suppress(OSError):
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", server.port))
                for one in (near, far):
                    one.settimeout(0.5)
                said_by_host.append(b"")
                for _ in range(6):
                    with contextlib.suppress(TimeoutError):
                        far.sendall(near.recv(65536))
                    with contextlib.suppress(TimeoutError):
                        data = far.recv(65536)
                        said_by_host[0] += data
                        near.sendall(data)
                near.close()
                far.close()
                while True:
                    near, _ = listener.accept()
                    with near:
                        near.recv(65536)
                        near.sendall(said_by_host[0])
                        near.settimeout(1)
                        with contextlib.suppress(TimeoutError, ConnectionError):
                            while near.recv(65536):
                                pass

        threading.Thread(target=serve, daemon=True).start()
        first = clients("first")
        with contextlib.suppress(AtriumError):
            first.connect(at_port(link, port), timeout=10)
        first.close()
        assert said_by_host and len(said_by_host[0]) > 500
        error = refused(clients("second"), at_port(link, port))
    assert error.code in ("KEY_CHANGED", "TLS", "NOT_ATRIUM", "CLOSED")


def test_the_tools_of_this_file_work(server: Process, host: Client, clients: Clients) -> None:
    """A link that was rebuilt with the right address and token opens the door: the tests above fail for no other reason."""
    guest = clients("guest")
    guest.connect(at_port(host.create_invite(), server.port), timeout=10)
    assert guest.state == "LOBBY"
