# SPDX-License-Identifier: MIT
"""Stands in for ngrok and cloudflared, which need an account and the internet: takes the arguments that the real ones take, says what they say,
tells of itself on a local port as they do, and really passes connections on, cloudflared's through a TLS of its own.

    python stand_in_tunnel.py ngrok|cloudflared ARGUMENT...

What it shall do besides is in the environment: STAND_IN_HOST, the address at which its public end listens; STAND_IN_CERTIFICATE; STAND_IN_TROUBLE:
`account`, `card`, `silent`, `dies`, `stubborn`; STAND_IN_PID, a file for its process number.
"""

from __future__ import annotations

import argparse
import contextlib
import http.server
import json
import os
import signal
import socket
import ssl
import sys
import threading
import time

TROUBLE = os.environ.get("STAND_IN_TROUBLE", "")


def say(**record: object) -> None:
    print(json.dumps({"lvl": "info", "t": "2026-01-01T00:00:00Z", **record}), flush=True)


def carry(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


def public_end(target: int, context: ssl.SSLContext | None) -> str:
    """Listens and passes on; returns host:port."""
    listener = socket.create_server((os.environ["STAND_IN_HOST"], 0))

    def serve(near: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if context:
                near = context.wrap_socket(near, server_side=True)
            far = socket.create_connection(("127.0.0.1", target))
            threading.Thread(target=carry, args=(far, near), daemon=True).start()
            carry(near, far)

    def accept() -> None:
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return "{}:{}".format(*listener.getsockname()[:2])


def tell(port: int, answers: dict[str, object]) -> int:
    """The local interface."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers.get(self.path)
            self.send_response(404 if answer is None else 200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return int(server.server_address[1])


def operator() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.environ["STAND_IN_CERTIFICATE"])
    return context


def ngrok(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["tcp", "http"])
    parser.add_argument("target")
    parser.add_argument("--log", choices=["stdout"], required=True)
    parser.add_argument("--log-format", choices=["json"], required=True)
    a = parser.parse_args(arguments)
    say(msg="no configuration paths supplied")
    if TROUBLE == "account":
        say(lvl="eror", msg="failed to reconnect session", err="authentication failed: ...\r\n\r\nERR_NGROK_4018\r\n")
        sys.exit("ERROR:  authentication failed\nERROR:  ERR_NGROK_4018")
    if TROUBLE == "card" and a.kind == "tcp":
        say(lvl="crit", msg="command failed", err="You must add a card. ERR_NGROK_8013")
        sys.exit(1)
    target = int(a.target.rpartition(":")[2])
    is_tcp = a.kind == "tcp"
    public = ("tcp://" if is_tcp else "https://") + public_end(target, None if is_tcp else operator())
    config = {"addr": a.target if is_tcp else f"http://{a.target}", "inspect": False}
    tunnel = {"name": "command_line", "public_url": public, "proto": a.kind, "config": config}
    port = tell(0, {"/api/tunnels": {"tunnels": [tunnel], "uri": "/api/tunnels"}})
    say(msg="starting web service", obj="web", addr=f"127.0.0.1:{port}", allow_hosts=[])
    say(msg="started tunnel", obj="tunnels", name="command_line", addr=f"//{a.target}", url=public)


def cloudflared(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["tunnel"])
    parser.add_argument("--config", required=True)
    parser.add_argument("--no-autoupdate", action="store_true", required=True)
    parser.add_argument("--metrics", required=True)
    parser.add_argument("--url", required=True)
    a = parser.parse_args(arguments)
    with open(a.config) as config:
        assert json.load(config) == {}
    host = public_end(int(a.url.rpartition(":")[2]), operator())
    rules = {"version": 0, "config": {"ingress": [{"hostname": "", "path": "", "service": a.url}]}}
    tell(int(a.metrics.rpartition(":")[2]), {"/quicktunnel": {"hostname": host}, "/config": rules})
    start = "2026-01-01T00:00:00Z INF "
    print(start + "Thank you. By using it you agree to https://www.example.org/terms", file=sys.stderr, flush=True)
    print(start + "|  Your quick Tunnel has been created! Visit it at:  |", file=sys.stderr, flush=True)
    print(start + f"|  https://{host}                                    |", file=sys.stderr, flush=True)


def main() -> None:
    program, *arguments = sys.argv[1:]
    if "STAND_IN_PID" in os.environ:
        with open(os.environ["STAND_IN_PID"], "w") as file:
            file.write(str(os.getpid()))
    if TROUBLE == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if TROUBLE != "silent":
        {"ngrok": ngrok, "cloudflared": cloudflared}[program](arguments)
    if TROUBLE == "dies":
        print("the line to our service is cut", file=sys.stderr, flush=True)
        sys.exit(1)
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main()
