# SPDX-License-Identifier: MIT
"""A peer that says whatever it is told to: frames (docs/protocol.md, 2) over Python's own TLS, with a key that the openssl command made."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import ssl
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CONTROL, PRESENCE, STATE, BULK = range(4)
WELCOME = {
    "t": "welcome",
    "version": "x",
    "server": "0" * 32,
    "host": True,
    "port": 1,
}


def frame(lane: int, payload: bytes, more: bool = False) -> bytes:
    return struct.pack(">BH", lane | (0x80 if more else 0), len(payload)) + payload


def message(value: object) -> bytes:
    return frame(CONTROL, b"\x01" + (value if isinstance(value, bytes) else json.dumps(value).encode()))


def hello(**changes: Any) -> bytes:
    fields = {"t": "hello", "proto": 1, "version": "x", "name": "raw", "color": [1, 1, 1]}
    return message({**fields, "participant": secrets.token_hex(16), **changes})


def submit(counter: int, kind: int, doc: bytes, tree: bytes, blobs: tuple[bytes, ...] = (), room: int = 1) -> bytes:
    head = struct.pack(">BIQBB16sQH", 0x20, room, counter, kind, 0, doc, 0, len(blobs))
    return frame(STATE, head + b"".join(blobs) + tree)


class Raw:
    """A peer that says whatever it is told to."""

    def __init__(self, port: int, certificate: Path, source: str = "127.0.0.1") -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.load_cert_chain(certificate)
        context.set_alpn_protocols(["atrium/1"])
        self.tls = context.wrap_socket(socket.create_connection(("127.0.0.1", port), 10, (source, 0)))
        self._bytes = b""

    def send(self, *parts: bytes) -> None:
        with contextlib.suppress(OSError):
            self.tls.sendall(b"".join(parts))

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """Lane and payload of each message until the server closes; its fragments are put together."""
        begun: dict[int, bytes] = {}
        while True:
            while len(self._bytes) >= 3:
                lane, size = struct.unpack(">BH", self._bytes[:3])
                if len(self._bytes) < 3 + size:
                    break
                payload, self._bytes = self._bytes[3 : 3 + size], self._bytes[3 + size :]
                if lane & 0x80:
                    begun[lane & 3] = begun.get(lane & 3, b"") + payload
                else:
                    yield lane, begun.pop(lane, b"") + payload
            try:
                more = self.tls.recv(65536)
            except (ConnectionError, ssl.SSLError):
                return
            if not more:
                return
            self._bytes += more

    def messages(self) -> Iterator[dict[str, Any]]:
        """JSON messages until the server closes."""
        for lane, payload in self.frames():
            if lane == CONTROL and payload[:1] == b"\x01":
                yield json.loads(payload[1:])

    def until(self, t: str) -> dict[str, Any]:
        return next(m for m in self.messages() if m["t"] == t)

    def join(self) -> int:
        """Into the one room of a server; its handle."""
        self.send(hello())
        self.until("welcome")
        self.send(message({"t": "rooms"}))
        (room,) = self.until("rooms")["rooms"]
        self.send(message({"t": "join", "room": room["id"], "blender": [5, 0, 1], "schema": 1}))
        return int(self.until("joined")["handle"])

    def refusal(self) -> tuple[str, str]:
        """Name and text of the next REFUSED."""
        for lane, payload in self.frames():
            if lane == STATE and payload[0] == 0x23:
                name = payload[14 : 14 + payload[13]]
                return name.decode(), payload[14 + payload[13] :].decode()
        raise AssertionError("the connection was closed")
