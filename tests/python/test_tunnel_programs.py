# SPDX-License-Identifier: MIT
"""A tunnel's program is found, started for our port, and ended again, whatever happens; its address goes into invites, and guests come through it.

ngrok and cloudflared need an account and the internet, so stand_in_tunnel.py takes their place: the same arguments, the same words, and a real
tunnel. What their local interfaces may answer besides is tested in tests/c/test_agents.c.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from atrium import Client, tunnels
from atrium.tunnels import Phase, Tunnel
from tests.addresses import own_address

from .conftest import ROOT, Process, eventually, free_port, settle

Start = Callable[..., Process]
Clients = Callable[..., Client]
Open = Callable[..., Tunnel]

STAND_IN = Path(__file__).with_name("stand_in_tunnel.py")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operator_certificate: Path) -> Path:
    """Both programs, installed."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("ngrok", "cloudflared"):
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I "{STAND_IN}" {name} "$@"\n')
        script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("STAND_IN_HOST", own_address())
    monkeypatch.setenv("STAND_IN_CERTIFICATE", str(operator_certificate))
    monkeypatch.setenv("STAND_IN_PID", str(tmp_path / "pid"))
    return folder


@pytest.fixture
def opened(programs: Path, tmp_path: Path) -> Iterator[Open]:
    made: list[Tunnel] = []

    def make(program: str, port: int) -> Tunnel:
        made.append(Tunnel(program, port, tmp_path / "home"))
        return made[-1]

    yield make
    for one in made:
        one.close()


def is_alive(tmp_path: Path) -> bool:
    try:
        os.kill(int((tmp_path / "pid").read_text()), 0)
    except (OSError, ValueError):
        return False
    return True


def test_what_is_installed_is_found(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tunnels.installed() == ["ngrok", "cloudflared"]
    (programs / "ngrok").unlink()
    monkeypatch.setenv("PATH", str(programs))
    assert tunnels.installed() == ["cloudflared"]


def test_a_program_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    tunnel = Tunnel("cloudflared", 12800, tmp_path)
    assert tunnel.poll() is Phase.FAILED
    assert tunnel.error == "cloudflared is not installed on this machine."


@pytest.mark.parametrize(("program", "scheme"), [("ngrok", "tcp://"), ("cloudflared", "https://")])
def test_guests_come_through_it(
    program: str, scheme: str, start: Start, clients: Clients, opened: Open, tmp_path: Path
) -> None:
    server = start("--bind", "127.0.0.1")
    host = clients(home=server.home)
    host.connect(server.address)
    tunnel = opened(program, server.port)
    assert tunnel.wait() is Phase.RUNNING, tunnel.error
    assert tunnel.address.startswith(scheme)
    host.look_around(agent=tunnel.agent)

    def entry() -> dict[str, object]:
        return next((one for one in host.reach if one["audience"] == "tunnel"), {})

    settle([host], entry, what="the tunnel")
    assert (entry()["label"], entry()["state"]) == (program, "should")
    guests = [clients(f"guest{n}") for n in range(3)]
    for guest in guests:
        guest.connect(host.create_invite(), timeout=20)
    assert len({guest.key for guest in guests}) == 3
    settle([host, *guests], lambda: entry()["state"] == "works", what="the proof")
    tunnel.stop()
    assert tunnel.wait() is Phase.STOPPED
    assert not is_alive(tmp_path)
    host.look_around()
    settle([host], lambda: not entry(), what="its end")


def test_ngrok_without_a_card_carries_http(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAND_IN_TROUBLE", "card")
    tunnel = opened("ngrok", free_port())
    assert tunnel.wait() is Phase.RUNNING, tunnel.error
    assert tunnel.address.startswith("https://")


@pytest.mark.parametrize(
    ("trouble", "failure", "words"),
    [("account", "account", "wants an account"), ("dies", "ended", "ngrok has ended: the line to our service is cut")],
)
def test_troubles_have_a_sentence(
    trouble: str, failure: str, words: str, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN_TROUBLE", trouble)
    tunnel = opened("ngrok", free_port())
    eventually(lambda: tunnel.poll() is Phase.FAILED, what="the failure")
    assert tunnel.failure == failure
    assert words in tunnel.error
    assert tunnel.step


def test_one_that_says_nothing(opened: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STAND_IN_TROUBLE", "silent")
    monkeypatch.setattr(tunnels, "START_TIMEOUT_S", 1.0)
    tunnel = opened("cloudflared", free_port())
    assert tunnel.wait() is Phase.FAILED
    assert tunnel.failure == "silent"
    eventually(lambda: not is_alive(tmp_path), what="its end")


def test_one_that_will_not_end_is_killed(opened: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STAND_IN_TROUBLE", "stubborn")
    tunnel = opened("ngrok", free_port())
    assert tunnel.wait() is Phase.RUNNING
    assert is_alive(tmp_path)
    tunnel.stop()
    eventually(lambda: not is_alive(tmp_path), what="its end")
    assert tunnel.wait() is Phase.STOPPED


def test_it_does_not_outlive_who_has_started_it(programs: Path, tmp_path: Path) -> None:
    """However that ends: here it is killed."""
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[1]); from atrium.tunnels import Tunnel\n"
        "tunnel = Tunnel('ngrok', 12800, sys.argv[2]); print(tunnel.wait(), flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(ROOT / "python"), str(tmp_path / "home")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "running\n"
        assert is_alive(tmp_path)
        parent.kill()
    eventually(lambda: not is_alive(tmp_path), what="its end")


def test_polling_never_blocks_and_the_log_is_nobody_elses(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAND_IN_TROUBLE", "silent")
    tunnel = opened("ngrok", free_port())
    slowest = 0.0
    for _ in range(200):
        begin = time.perf_counter()
        assert tunnel.poll() is Phase.STARTING
        slowest = max(slowest, time.perf_counter() - begin)
    assert slowest < 0.1
    assert stat.S_IMODE(tunnel.log.stat().st_mode) == 0o600


def test_every_failure_reads_as_a_sentence() -> None:
    for failure in tunnels.FAILURES.values():
        for text in (failure.sentence, failure.step):
            filled = text.format_map({"program": "ngrok", "said": "no."})
            assert re.fullmatch(r"[A-Za-z].*[.?!]", filled), filled
