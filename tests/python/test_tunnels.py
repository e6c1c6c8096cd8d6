# SPDX-License-Identifier: MIT
"""Through tunnels that carry only HTTP: the same port answers a WebSocket, inside of which the same TLS proves the same key.

The frames are tested in tests/c/test_websocket.c and the stream in test_stream.c; here real clients reach a real server, directly and
through a proxy that ends the outer TLS, as ngrok and cloudflared do.
"""

from __future__ import annotations

import contextlib
import http.client
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from atrium import AtriumError, Client

from .conftest import Process, host_of, settle

Start = Callable[..., Process]
Clients = Callable[..., Client]


def pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


class Proxy:
    """Ends TLS (or not) and passes the bytes on to the server, each connection on two threads; remembers what it saw."""

    def __init__(self, target: int, certificate: Path | None = None, answer: bytes = b"") -> None:
        self.target = target
        self.answer = answer  # instead of passing anything on
        self.names: list[str | None] = []
        self.seen = bytearray()
        self.context: ssl.SSLContext | None = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate)
            self.context.maximum_version = ssl.TLSVersion.TLSv1_2
            self.context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()

    def serve(self, peer: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self.context:
                peer = self.context.wrap_socket(peer, server_side=True)
            if self.answer:
                peer.recv(65536)
                peer.sendall(self.answer)
                peer.close()
                return
            with socket.create_connection(("127.0.0.1", self.target)) as server:
                thread = threading.Thread(target=pump, args=(server, peer), daemon=True)
                thread.start()
                while data := peer.recv(65536):
                    self.seen += data
                    server.sendall(data)
                server.shutdown(socket.SHUT_WR)
                thread.join()

    def close(self) -> None:
        self.listener.close()


@pytest.fixture
def proxy() -> Iterator[Callable[..., Proxy]]:
    made: list[Proxy] = []

    def make(*args: object, **options: object) -> Proxy:
        made.append(Proxy(*args, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_the_same_port_answers_a_websocket(start: Start, clients: Clients) -> None:
    server = start("--bind", "127.0.0.1", "--open")
    host, guest = host_of(server, clients), clients("guest")
    room = host.create_room("Film")
    room.create({"type": "Object", "name": "Cube"})
    room.flush()
    guest.connect(f"http://127.0.0.1:{server.port}", timeout=10)
    blob = host.put_blob(bytes(range(256)) * 4000)
    room.create({"type": "Mesh", "name": "M", "a": ["$blob", blob, "u1", [1024000]]})
    room.flush()
    joined = guest.join(room.id)
    assert {tree["name"] for tree in joined.documents.values()} == {"Cube", "M"}
    found = guest.blob(blob)
    assert found is not None and bytes(found) == bytes(range(256)) * 4000


def test_a_tunnel_with_tls_of_its_own_reads_nothing(
    start: Start, clients: Clients, proxy: Callable[..., Proxy], operator_certificate: Path
) -> None:
    server = start("--bind", "127.0.0.1", "--open")
    host, guest = host_of(server, clients), clients("guest")
    tunnel = proxy(server.port, operator_certificate)
    room = host.create_room("Film")
    guest.connect(f"https://localhost:{tunnel.port}/some/path?with=query", timeout=10)
    joined = guest.join(room.id)
    joined.create({"type": "Text", "name": "a secret that the tunnel's owner must not read"})
    joined.flush()
    assert tunnel.names == ["localhost"]
    assert tunnel.seen.startswith(b"GET /some/path?with=query HTTP/1.1\r\n")
    assert f"Host: localhost:{tunnel.port}\r\n".encode() in tunnel.seen
    head, _, rest = bytes(tunnel.seen).partition(b"\r\n\r\n")
    # Unmasked, the first bytes inside are a TLS record of a handshake, and nothing of the document is in the clear.
    mask = rest[4:8] if rest[1] & 0x7F == 126 else rest[2:6]
    start_of_payload = rest[8:11] if rest[1] & 0x7F == 126 else rest[6:9]
    assert bytes(a ^ b for a, b in zip(start_of_payload, mask, strict=False)) == b"\x16\x03\x01"
    assert b"secret" not in tunnel.seen


def test_five_users_through_one_tunnel_are_five_users(
    start: Start, clients: Clients, proxy: Callable[..., Proxy], operator_certificate: Path
) -> None:
    server = start("--bind", "127.0.0.1")
    host = host_of(server, clients)
    room = host.create_room("Film")
    tunnel = proxy(server.port, operator_certificate)
    link = host.create_invite(room.id, addresses=[f"wss://localhost:{tunnel.port}"])
    guests = [clients(f"guest {i}") for i in range(5)]
    for guest in guests:
        guest.connect(link, timeout=10)
        guest.join(room.id)
    assert len({guest.key for guest in guests}) == 5
    assert len(host.rooms()) == 1 and host.rooms()[0].users == 6


def test_the_invite_comes_through_where_the_direct_way_is_dead(
    start: Start, clients: Clients, proxy: Callable[..., Proxy], operator_certificate: Path
) -> None:
    server = start("--bind", "127.0.0.1")
    tunnel = proxy(server.port, operator_certificate)
    link = host_of(server, clients).create_invite(addresses=["127.0.0.1:9", f"https://localhost:{tunnel.port}"])
    guest = clients("guest")
    guest.connect(link, timeout=10)
    assert guest.state == "LOBBY"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        b"\x00\xff garbage \r\n\r\n",
        b"x" * 20000,
    ],
    ids=["page", "redirect", "other websocket", "garbage", "endless"],
)
def test_what_is_not_atrium_is_said_to_be_that(proxy: Callable[..., Proxy], clients: Clients, answer: bytes) -> None:
    portal = proxy(0, answer=answer)
    with pytest.raises(AtriumError) as failure:
        clients("guest").connect(f"http://127.0.0.1:{portal.port}", timeout=10)
    assert failure.value.code == "NOT_ATRIUM"
    assert "is not Atrium" in failure.value.text


NOBODY = {
    "nginx": b"HTTP/1.1 502 Bad Gateway\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n",
    "cloudflare": b"HTTP/1.1 530 <none>\r\nServer: cloudflare\r\nContent-Length: 0\r\n\r\n",
    "ngrok": b"HTTP/1.1 404 Not Found\r\nngrok-error-code: ERR_NGROK_3200\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("kind", NOBODY)
def test_a_tunnel_that_reaches_nobody_is_said_to_be_that(
    proxy: Callable[..., Proxy], clients: Clients, kind: str
) -> None:
    tunnel = proxy(0, answer=NOBODY[kind])
    with pytest.raises(AtriumError, match="but nobody is behind it: is the host connected") as failure:
        clients("guest").connect(f"http://127.0.0.1:{tunnel.port}", timeout=10)
    assert failure.value.code == "TUNNEL_EMPTY"


@pytest.mark.parametrize("host", ["127.0.0.1", "portal.example"])
@pytest.mark.parametrize(
    "status", [b"301 Moved Permanently", b"302 Found", b"307 Temporary Redirect", b"308 Permanent Redirect"]
)
def test_who_is_sent_on_to_https_is_told_to_type_it(
    proxy: Callable[..., Proxy], clients: Clients, status: bytes, host: str
) -> None:
    """Not so by the login page of a network, to which it sends everybody."""
    tunnel = proxy(
        0,
        answer=b"HTTP/1.1 "
        + status
        + b"\r\nLocation: https://"
        + host.encode()
        + b"/atrium\r\nContent-Length: 0\r\n\r\n",
    )
    with pytest.raises(AtriumError) as failure:
        clients("guest").connect(f"http://127.0.0.1:{tunnel.port}", timeout=10)
    wanted = (
        ("HTTPS_ONLY", "wants https: type the address with https://")
        if host == "127.0.0.1"
        else ("NOT_ATRIUM", "in a browser first")
    )
    assert failure.value.code == wanted[0] and wanted[1] in failure.value.text


AWAY = {
    "its proxy says so": (NOBODY["nginx"], "TUNNEL_EMPTY", "nobody is behind it"),
    "a hotel wants its login": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nLogin",
        "NOT_ATRIUM",
        "a login in the browser",
    ),
}


@pytest.mark.parametrize("why", AWAY)
def test_who_was_in_waits_for_the_server_to_come_back(
    start: Start, clients: Clients, proxy: Callable[..., Proxy], why: str
) -> None:
    """Every answer of a proxy's but the right one threw guests out for good, with all that they had not sent yet."""
    answer, code, sentence = AWAY[why]
    server = start("--bind", "127.0.0.1", "--open")
    host, guest = host_of(server, clients), clients("guest")
    tunnel = proxy(server.port)
    room = host.create_room("Film")
    guest.connect(f"http://127.0.0.1:{tunnel.port}", timeout=10)
    theirs = guest.join(room.id)
    told: list[dict[str, Any]] = []
    take = guest._take
    guest._take = lambda message: (told.append(message), take(message))  # type: ignore[assignment, method-assign]
    tunnel.answer = answer
    server.end(signal.SIGKILL)
    settle([guest], lambda: guest.state == "RECONNECTING", what="noticing the end")
    theirs.create({"type": "Text", "name": "made meanwhile"})
    settle([guest], lambda: any(message.get("code") for message in told), what="word why")
    assert {message["state"] for message in told if message["t"] == "state"} == {"RECONNECTING"}
    reasons = [message for message in told if message.get("code")]
    assert reasons[0]["code"] == code and sentence in reasons[0]["error"]
    tunnel.answer = b""
    start("--bind", "127.0.0.1", "--open", "--port", str(server.port), home=server.home)
    settle([host, guest], lambda: "made meanwhile" in {d["name"] for d in room.documents.values()}, what="the edit")
    assert guest.state == "JOINED"


@pytest.mark.parametrize(("method", "status"), [("GET", 426), ("HEAD", 405)])
def test_a_browser_is_told_what_this_is(start: Start, method: str, status: int) -> None:
    server = start("--bind", "127.0.0.1")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    if method == "GET":
        connection.request(method, "/")
        answer = connection.getresponse()
        assert answer.status == status
        assert b"Host box" in answer.read()
    else:  # only what begins like a WebSocket's request is answered at all
        with pytest.raises((http.client.HTTPException, OSError)):
            connection.request(method, "/")
            connection.getresponse()
    connection.close()
