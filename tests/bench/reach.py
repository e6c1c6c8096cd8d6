# SPDX-License-Identifier: MIT
"""What reaching a host costs: connecting, handshakes, a WebSocket instead of TCP, an invite whose other addresses are dead.

A dead address is a listener whose queue is full: the kernel drops what comes, as a firewall does, so an attempt at it stays silent.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from harness import ROOT, Bench, Entry, atrium, bench, entry, free_port, replication_server, wait_for_port
from members import processor_ns

sys.path.insert(0, str(ROOT / "python"))

HANDSHAKES = 3000
DEAD = 5
RACES = 7
CONNECTS = 15


def certificate(folder: Path) -> tuple[Path, Path]:
    """Ed25519, as all of ours are."""
    cert, key = folder / "peer-cert.pem", folder / "peer-key.pem"
    words = ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "2", "-subj", "/CN=bench"]
    subprocess.run([*words, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    return cert, key


# --- connecting


def atrium_connect_ms(port: int, home: Path) -> float:
    """From the call to the list of rooms, by somebody who has been here before: name, TLS both ways, key, hello, list."""
    from atrium import Client

    with Client(home) as guest:
        start = time.perf_counter()
        guest.connect(f"127.0.0.1:{port}")
        rooms = guest.rooms()
        took_ms = (time.perf_counter() - start) * 1000
        assert len(rooms) == 1
        guest.disconnect()
        return took_ms


def reach_connect_script() -> list[Entry]:
    """In turns, each connection from a client of its own."""
    from atrium import Client

    with atrium() as (b, port), bench() as peer, Client(b.folder / "host") as host:
        host.connect(f"127.0.0.1:{port}")
        host.create_room("Film")
        atrium_connect_ms(port, b.folder / "guest")  # the first time makes a key
        python, program, peer_port = replication_server(peer)
        ours, theirs = [], []
        for _ in range(CONNECTS):
            ours.append(atrium_connect_ms(port, b.folder / "guest"))
            theirs.append(peer.result(peer.start(python, program, "connect", peer_port))["ms"])
    ms = statistics.median(ours), statistics.median(theirs)
    return [entry("reach.connect_script", ms[0], "ms", "replication 0.10.3", ms[1], more_is_better=False)]


# --- handshakes


def shake(port: int, context: ssl.SSLContext, count: int) -> None:
    """Connects, waits until the server has taken our certificate (it then answers the end), and ends."""
    for _ in range(count):
        raw = socket.create_connection(("127.0.0.1", port), timeout=10)
        with raw, context.wrap_socket(raw) as line, contextlib.suppress(OSError):
            line.unwrap()


def handshakes_per_core_second(process: subprocess.Popen[str], port: int, cert: Path, key: Path) -> float:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(cert, key)
    context.set_alpn_protocols(["atrium/1"])
    shake(port, context, 100)
    before = processor_ns(process)
    shake(port, context, HANDSHAKES)
    return HANDSHAKES / ((processor_ns(process) - before) / 1e9)


def atrium_handshakes() -> float:
    with atrium() as (b, port):
        cert, key = certificate(b.folder)
        assert b.server
        return handshakes_per_core_second(b.server, port, cert, key)


def openssl_handshakes() -> float:
    with bench() as b:
        cert, key = certificate(b.folder)
        port = free_port()
        words = ("-cert", cert, "-key", key, "-Verify", 1, "-verify_return_error", "-CAfile", cert, "-tls1_3")
        server = b.start(
            "openssl", "s_server", "-accept", port, *words, "-num_tickets", 0, "-alpn", "atrium/1", "-quiet"
        )
        wait_for_port(port)
        return handshakes_per_core_second(server, port, cert, key)


def reach_handshakes() -> list[Entry]:
    ours, theirs = atrium_handshakes(), openssl_handshakes()
    return [entry("reach.handshakes", ours, "1/s and core", "openssl s_server", theirs, more_is_better=True)]


# --- an invite with dead addresses


@contextmanager
def dead_addresses(count: int) -> Iterator[list[str]]:
    with ExitStack() as stack:
        out = []
        for _ in range(count):
            listener = stack.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            for _ in range(8):
                filler = stack.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
            out.append(f"127.0.0.1:{listener.getsockname()[1]}")
        yield out


def connect_ms(b: Bench, link: str, name: str) -> float:
    from atrium import Client

    with Client(b.folder / name) as guest:
        start = time.perf_counter()
        guest.connect(link)
        return (time.perf_counter() - start) * 1000


def reach_race() -> list[Entry]:
    """Milliseconds from the paste to the lobby with the live address last; the limit is that of the live one alone and 250 ms."""
    from atrium import Client, serve

    with ExitStack() as stack:
        b, dead = stack.enter_context(bench()), stack.enter_context(dead_addresses(DEAD))
        server = stack.enter_context(serve(port=0, bind="127.0.0.1", home=b.folder / "host"))
        host = stack.enter_context(Client(b.folder / "host"))
        address = f"127.0.0.1:{server.port}"
        host.connect(address)
        alone, among = host.create_invite(), host.create_invite(addresses=[*dead, address])
        one = [connect_ms(b, alone, f"alone-{i}") for i in range(RACES)]
        all_of_them = [connect_ms(b, among, f"among-{i}") for i in range(RACES)]
    limit = statistics.median(one) + 250
    return [entry("reach.race", statistics.median(all_of_them), "ms", "limit", limit, more_is_better=False)]
