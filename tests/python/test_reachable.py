# SPDX-License-Identifier: MIT
"""The host is told who can reach it, and nobody else is; what it types and what its tunnels give goes into invites by itself.

The table of verdicts is tested in tests/c/test_verdict.c, the sentences in test_reach.py, real routes and tunnels in tests/net; here one
machine tells its own host.
"""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from atrium import AtriumError, Client
from atrium.engine import Message

from .conftest import Process, settle

Start = Callable[..., Process]
Clients = Callable[..., Client]


class Agent:
    """The local interface of a tunnel's program: answers these paths with JSON, everything else with 404."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        agent = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                agent.asked.append(self.path)
                answer = agent.answers.get(self.path)
                self.send_response(404 if answer is None else 200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def agent() -> Iterator[Agent]:
    one = Agent({})
    with contextlib.closing(one):
        yield one


def entries(client: Client, audience: str) -> list[Message]:
    return [entry for entry in client.reach if entry["audience"] == audience]


def only(client: Client, audience: str) -> Message:
    (entry,) = entries(client, audience)
    return entry


def payload(link: str) -> bytes:
    text = link.partition("#")[2]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def ngrok(port: int, public: str) -> dict[str, Any]:
    return {"tunnels": [{"public_url": public, "proto": "tcp", "config": {"addr": f"localhost:{port}"}}]}


def test_the_host_is_told_as_soon_as_it_is_in(server: Process, host: Client) -> None:
    settle([host], lambda: host.reach, what="the report")
    machine = only(host, "machine")
    assert (machine["state"], machine["reason"]) == ("works", "proved")
    assert machine["addresses"] == [f"localhost:{server.port}"]
    assert {entry["reason"] for entry in entries(host, "lan")} <= {"loopback_only", "no_network"}
    assert only(host, "internet")["state"] == "no"


def test_guests_are_not_told(host: Client, clients: Clients) -> None:
    guest = clients("guest")
    guest.connect(host.create_invite(), timeout=10)
    with pytest.raises(AtriumError, match="Only the host"):
        guest.look_around()
    host.look_around(public="203.0.113.5:9090")
    guest.pump(0.3)
    assert guest.reach == []


def test_what_the_host_types_goes_into_invites(server: Process, host: Client, clients: Clients) -> None:
    with pytest.raises(AtriumError):
        host.look_around(public="not an address")
    host.look_around(public="203.0.113.5:9090")
    internet = only(host, "internet")
    assert (internet["state"], internet["reason"], internet["addresses"]) == ("should", "typed", ["203.0.113.5:9090"])
    typed = socket.inet_aton("203.0.113.5") + (9090).to_bytes(2, "big")
    assert typed in payload(host.create_invite())
    host.look_around(public="")
    assert only(host, "internet")["reason"] != "typed"
    assert typed not in payload(host.create_invite())


def test_the_address_by_which_a_guest_came_is_proved(server: Process, host: Client, clients: Clients) -> None:
    """As with `ssh -R`: everybody arrives from the machine itself, and the guest says by which address."""
    with passed_on(server.port) as port:
        host.look_around(public=f"localhost:{port}")
        assert only(host, "internet")["state"] == "should"
        guest = clients("guest")
        guest.connect(host.create_invite(), timeout=10)
        settle([host, guest], lambda: only(host, "internet")["state"] == "works", what="the proof")
        # Another address is another matter.
        host.look_around(public="localhost:9")
        assert only(host, "internet")["state"] == "should"


@contextlib.contextmanager
def passed_on(target: int) -> Iterator[int]:
    """A port of this machine that leads to another one."""

    def carry(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", target))
                threading.Thread(target=carry, args=(near, far), daemon=True).start()
                threading.Thread(target=carry, args=(far, near), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield int(listener.getsockname()[1])


def test_a_tunnel_is_found_and_goes_into_invites(server: Process, host: Client, agent: Agent) -> None:
    assert b"0.tcp.example.org" not in payload(host.create_invite())
    agent.answers["/api/tunnels"] = ngrok(server.port, "tcp://0.tcp.example.org:12489")
    host.look_around(agent=agent.port)
    settle([host], lambda: entries(host, "tunnel"), what="the tunnel")
    tunnel = only(host, "tunnel")
    assert (tunnel["label"], tunnel["state"], tunnel["reason"]) == ("ngrok", "should", "tunnel")
    assert tunnel["addresses"] == ["0.tcp.example.org:12489"]
    assert b"0.tcp.example.org" in payload(host.create_invite())
    agent.answers.clear()
    host.look_around()
    settle([host], lambda: not entries(host, "tunnel"), what="its end")
    assert b"0.tcp.example.org" not in payload(host.create_invite())


def test_a_tunnel_to_something_else_is_none_of_ours(server: Process, host: Client, agent: Agent) -> None:
    agent.answers["/api/tunnels"] = ngrok(server.port + 1, "tcp://0.tcp.example.org:12489")
    agent.answers["/quicktunnel"] = {"hostname": "some-words.example.org"}
    agent.answers["/config"] = {"config": {"ingress": [{"service": "http://localhost:1"}]}}
    host.look_around(agent=agent.port)
    settle([host], lambda: "/config" in agent.asked, what="the question")
    host.pump(0.3)
    assert not entries(host, "tunnel")


def test_cloudflared_carries_a_websocket(server: Process, host: Client, agent: Agent) -> None:
    agent.answers["/quicktunnel"] = {"hostname": "some-words.example.org"}
    agent.answers["/config"] = {"config": {"ingress": [{"service": f"http://localhost:{server.port}"}]}}
    host.look_around(agent=agent.port)
    settle([host], lambda: entries(host, "tunnel"), what="the tunnel")
    assert only(host, "tunnel")["label"] == "cloudflared"
    assert only(host, "tunnel")["addresses"] == ["wss://some-words.example.org:443/atrium"]


def test_a_tunnel_that_was_named_is_asked_for_the_next_host_too(
    server: Process, clients: Clients, agent: Agent
) -> None:
    with contextlib.closing(Client(server.home)) as first:
        first.connect(server.address)
        first.look_around(agent=agent.port)
        settle([first], lambda: agent.asked, what="a question")
    asked = len(agent.asked)
    again = clients(home=server.home)
    again.connect(server.address)
    settle([again], lambda: len(agent.asked) > asked, what="a question when it is back")
