# SPDX-License-Identifier: MIT
"""Programs in the middle: threads of the test, whose sockets are made on a host of the lab and stay there, and bore and frp, tunnels of their own."""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import socket
import textwrap
import threading
import time
from pathlib import Path
from typing import Self

from tests.net.lab import Host

CACHE = Path(os.environ.get("ATRIUM_CACHE") or Path.home() / ".cache" / "atrium")
# tests/setup/tunnels.sh
BORE, FRPC, FRPS = (shutil.which(name) or str(CACHE / "tunnels" / "bin" / name) for name in ("bore", "frpc", "frps"))
BORE_PORT = 7835
FRP_PORT = 7000
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "get-connected.md"
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


def bore_tunnel(machine: Host, relay: Host, relay_address: str, port: int, folder: Path) -> str:
    """The real bore, with a relay of one's own: that port of this machine at an address of the relay's, which it says and chooses itself."""
    relay.spawn(BORE, "server", "--secret", "film", log=folder / "bore-server.log")
    relay.listens(BORE_PORT)
    log = folder / "bore.log"
    words = ("local", str(port), "--to", relay_address, "--secret", "film")
    agent = machine.spawn(BORE, *words, log=log, env={**os.environ, "NO_COLOR": "1"})
    end = time.monotonic() + 20
    while not (said := re.search(r"listening at ([\d.]+:\d+)", log.read_text() if log.exists() else "")):
        assert agent.poll() is None and time.monotonic() < end, log.read_text()
        time.sleep(0.02)
    return said[1]


def frp_tunnel(machine: Host, relay: Host, relay_address: str, folder: Path) -> str:
    """The real frp, with a server of one's own, and the file that the guide names for port 12800: the address that it has then."""
    said = re.search(
        r"### frp\n.*?\n\n((?:    .*\n|\n)+)The address is `relay\.example\.org(:\d+)`", GUIDE.read_text(), re.S
    )
    assert said, "the guide has no frpc.toml"
    config = folder / "frpc.toml"
    config.write_text(textwrap.dedent(said[1]).replace("relay.example.org", relay_address))
    relay.spawn(FRPS, log=folder / "frps.log")
    relay.listens(FRP_PORT)
    machine.spawn(FRPC, "-c", str(config), log=folder / "frpc.log")
    relay.listens(int(said[2][1:]))
    return relay_address + said[2]
