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
from .raw import Raw, hello

Start = Callable[..., Process]
Clients = Callable[..., Client]
TOKEN = slice(1 + 32, 1 + 32 + 16)  # in an invite's payload, behind version and key


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
    assert (internet["state"], internet["reason"], internet["addresses"]) == ("unknown", "typed", ["203.0.113.5:9090"])
    typed = socket.inet_aton("203.0.113.5") + (9090).to_bytes(2, "big")
    assert typed in payload(host.create_invite())
    host.look_around(public="")
    assert only(host, "internet")["reason"] != "typed"
    assert typed not in payload(host.create_invite())


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("127.0.0.1:9090", "this machine itself"),
        ("192.168.0.48", "private network"),
        ("100.64.3.4", "CGNAT"),
    ],
)
def test_what_nobody_outside_can_use_is_refused_where_it_is_typed(host: Client, typed: str, said: str) -> None:
    host.look_around(public="203.0.113.5:9090")
    with pytest.raises(AtriumError, match=said):
        host.look_around(public=typed)
    host.look_around()
    assert only(host, "internet")["addresses"] == [], "the one before is not what the field shows"


def test_a_relay_that_was_typed_is_proved_by_who_comes_by_it(
    server: Process, host: Client, raw: Callable[[int], Raw]
) -> None:
    """As with `ssh -R`: everybody arrives from the machine itself, and says by which address. (tests/net has a real relay.)"""
    host.look_around(public="203.0.113.5:9090")
    peer = raw(server.port)
    peer.send(hello(via="203.0.113.5:9090", invite=payload(host.create_invite())[TOKEN].hex()))
    peer.until("welcome")
    settle([host], lambda: only(host, "internet")["state"] == "works", what="the proof")
    # Another address is another matter.
    host.look_around(public="203.0.113.5:9")
    assert only(host, "internet")["state"] == "unknown"


def test_what_a_stranger_says_proves_nothing(server: Process, host: Client, raw: Callable[[int], Raw]) -> None:
    """Who only knocks says by which address he came, and could have read it anywhere; once he is let in, it counts."""
    host.look_around(public="203.0.113.5:9090")
    peer = raw(server.port)
    peer.send(hello(via="203.0.113.5:9090"))
    peer.until("knocking")
    settle([host], lambda: host.knocks, what="the knock")
    assert only(host, "internet")["state"] == "unknown"
    host.admit(next(iter(host.knocks)))
    settle([host], lambda: only(host, "internet")["state"] == "works", what="the proof")


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
