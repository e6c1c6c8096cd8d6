# SPDX-License-Identifier: MIT
"""A name server on a host of the lab, as a thread of the test: what it knows, and what it was asked.

with NameServer(host, {"host.example": ["203.0.113.5", "2001:db8::5"]}) as names:
    machine.names_from("203.0.113.53", folder)       # tests/net/lab.py
    ...
    names.asked                                      # [("host.example", "A"), ("host.example", "AAAA")]
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
import threading
from typing import Self

from tests.net.lab import Host

PORT = 53
KINDS = {1: "A", 28: "AAAA"}
TTL_S = 60
NO_SUCH_NAME = 3


class NameServer:
    """Answers A and AAAA over UDP. A name that it does not know there is not; to what it is mute about it gives no answer at all."""

    def __init__(self, host: Host, names: dict[str, list[str]]) -> None:
        self.names = names
        self.mute: set[str] = set()  # kinds of questions
        self.asked: list[tuple[str, str]] = []
        with host.inside():
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.udp.bind(("0.0.0.0", PORT))
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # closed: the end
            while True:
                question, peer = self.udp.recvfrom(2048)
                if not question:
                    return
                answer = self._answer(question)
                if self.asked[-1][1] not in self.mute:
                    self.udp.sendto(answer, peer)

    def _answer(self, question: bytes) -> bytes:
        labels, at = [], 12
        while length := question[at]:
            labels.append(question[at + 1 : at + 1 + length].decode("ascii", "replace"))
            at += 1 + length
        name, end = ".".join(labels).lower(), at + 5
        kind = KINDS.get(struct.unpack(">H", question[at + 1 : at + 3])[0], "")
        self.asked.append((name, kind))
        version = {"A": 4, "AAAA": 6}.get(kind)
        found = [one for text in self.names.get(name, []) if (one := ipaddress.ip_address(text)).version == version]
        flags = 0x8180 | (0 if name in self.names else NO_SUCH_NAME)
        head = question[:2] + struct.pack(">HHHHH", flags, 1, len(found), 0, 0)
        records = b"".join(
            b"\xc0\x0c" + question[at + 1 : end] + struct.pack(">IH", TTL_S, len(one.packed)) + one.packed
            for one in found
        )
        return head + question[12:end] + records

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self.udp.shutdown(socket.SHUT_RDWR)
        self.udp.close()
        self.thread.join(5)
