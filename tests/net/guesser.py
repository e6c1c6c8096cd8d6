# SPDX-License-Identifier: MIT
"""Guesses a password as fast as it can, without the honest client's care: each guess a connection, a share and a tag that is as good as any.

python -m tests.net.guesser ADDRESS PORT CERTIFICATE GUESSES [ROOM]     prints what each got: the name of the error
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import struct
import sys
from collections.abc import Iterator

CONTROL = 0
# A point of ristretto255: its generator. A guess that is none would be refused as nonsense, not as a guess.
POINT = "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"
TAG_BYTES = 64


def said(value: object) -> bytes:
    payload = b"\x01" + json.dumps(value).encode()
    return struct.pack(">BH", CONTROL, len(payload)) + payload


def heard(tls: ssl.SSLSocket) -> Iterator[dict[str, str]]:
    held = b""
    while more := tls.recv(65536):
        held += more
        while len(held) >= 3 and len(held) >= 3 + (size := struct.unpack(">H", held[1:3])[0]):
            lane, payload, held = held[0], held[3 : 3 + size], held[3 + size :]
            if lane == CONTROL and payload[:1] == b"\x01":
                yield json.loads(payload[1:])


def guess(context: ssl.SSLContext, address: tuple[str, int], room: str | None) -> str:
    with context.wrap_socket(socket.create_connection(address, 10)) as tls:
        question = {"t": "pake"} if room is None else {"t": "pake", "room": room}
        tls.sendall(said(question) + said({"t": "pake", "share": POINT}))
        for message in heard(tls):
            if "share" in message:
                tls.sendall(said({"t": "pake", "tag": os.urandom(TAG_BYTES).hex()}))
            if "code" in message:
                return message["code"]
    return "CLOSED"


def main() -> None:
    address, port, certificate, guesses = sys.argv[1:5]
    room = sys.argv[5] if len(sys.argv) > 5 else None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(certificate)
    context.set_alpn_protocols(["atrium/1"])
    for _ in range(int(guesses)):
        print(guess(context, (address, int(port)), room), flush=True)


if __name__ == "__main__":
    main()
