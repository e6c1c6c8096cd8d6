# SPDX-License-Identifier: MIT
"""Programs in the middle, as threads of the test: their sockets are made on a host of the lab and stay there."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from typing import Self

from tests.net.lab import Host

HOLD_S = 0.2
HOLD_BYTES = 4096


class _Listener:
    """Accepts connections on a host, each served by a thread of its own, which is in the host's namespace too."""

    def __init__(self, host: Host, port: int) -> None:
        self.host = host
        self.open: list[socket.socket] = []
        with host.inside():
            self.listener = socket.create_server(("0.0.0.0", port))
            self.thread = threading.Thread(target=self._accept, daemon=True)
            self.thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self.listener.accept()
                self.open.append(peer)
                threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with contextlib.suppress(OSError), peer:
            self.serve(peer)

    def serve(self, peer: socket.socket) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Ends what threads wait for; a closed descriptor alone would not wake them."""
        for one in (self.listener, *self.open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


class Hoarder(_Listener):
    """Passes bytes on when it has many of them, or has had the first for long."""

    def __init__(self, host: Host, port: int, target: tuple[str, int]) -> None:
        self.target = target
        super().__init__(host, port)

    def serve(self, peer: socket.socket) -> None:
        with socket.create_connection(self.target, 5) as server:
            self.open.append(server)
            other = threading.Thread(target=self._pump, args=(server, peer), daemon=True)
            other.start()
            self._pump(peer, server)
            other.join()

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket) -> None:
        held, due = bytearray(), 0.0
        with contextlib.suppress(OSError):
            while True:
                wait = max(0.0, due - time.monotonic()) if held else None
                ready, _, _ = select.select([source], [], [], wait)
                if ready:
                    data = source.recv(65536)
                    due = due if held else time.monotonic() + HOLD_S
                    held += data
                    if not data:
                        sink.sendall(held)
                        break
                if len(held) >= HOLD_BYTES or (held and time.monotonic() >= due):
                    sink.sendall(held)
                    held.clear()
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


class Portal(_Listener):
    """Answers a page to whatever is said."""

    PAGE = b"<html><title>Welcome to our hotel</title>Please pay.</html>"

    def __init__(self, host: Host, port: int) -> None:
        self.asked: list[bytes] = []
        super().__init__(host, port)

    def serve(self, peer: socket.socket) -> None:
        self.asked.append(peer.recv(65536))
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(self.PAGE)}\r\n\r\n"
        peer.sendall(head.encode() + self.PAGE)
        peer.recv(65536)
