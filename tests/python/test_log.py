# SPDX-License-Identifier: MIT
"""The engine logs on threads that never touch Python; its lines reach Python's `logging` on the thread that polls."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import atrium
from atrium import AtriumError, Client, _core

from .conftest import ROOT, Process, Wire, settle

Start = Callable[..., Process]
Clients = Callable[..., Client]


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "atrium.engine"]


def test_a_client_tells_what_its_connection_does(
    start: Start, clients: Clients, wire: Callable[[int], Wire], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "atrium.engine")
    line = wire(start("--open").port)
    client = clients()
    before = time.time()
    client.connect(f"localhost:{line.port}")
    room = client.create_room("red room")
    assert any(text.startswith(f"connected to localhost:{line.port}") for text in lines(caplog))
    assert 'room "red room" is created' in lines(caplog)
    line.cut()
    settle([client], lambda: client.state == "JOINED" and any("broke" in text for text in lines(caplog)))
    assert all(before - 1 <= r.created <= time.time() + 1 for r in caplog.records if r.name == "atrium.engine")
    room.leave()


def test_a_failure_is_logged_with_its_name(clients: Clients, nobody: str, caplog: pytest.LogCaptureFixture) -> None:
    client = clients()
    with pytest.raises(AtriumError):
        client.connect(nobody)
    warnings = [r.getMessage() for r in caplog.records if r.name == "atrium.engine" and r.levelno == logging.WARNING]
    assert any("CONNREFUSED" in text and nobody in text for text in warnings)


def test_a_server_in_this_process_is_heard_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "atrium.engine")
    with atrium.serve(port=0, home=tmp_path):
        pass
    atrium.forward_log()
    assert any("the server ends" in text for text in lines(caplog))


def test_whoever_never_looks_keeps_the_newest_lines(tmp_path: Path) -> None:
    """Each forgotten host is a line; a thousand stay (ATR_LOG_KEPT_MAX), and the first of what is taken says how many went."""
    engine = _core.Engine(str(tmp_path))
    (tmp_path / "known_hosts").write_text("".join(f"h{i}:1 {i:064x}\n" for i in range(1100)))
    (tmp_path / "known_hosts").chmod(0o600)
    _core.log_poll()
    answers = 0
    for i in range(1100):
        while not engine.send(f'{{"t":"forget_host","host":"h{i}:1"}}'):
            pass
    while answers < 1100:
        engine.wait(5)
        answers += len(engine.poll(4096))
    taken = _core.log_poll()
    engine.close()
    assert taken[0][2] == "100 older lines were not taken in time"
    assert [text for _, _, text in taken[1:]] == [f"the key of h{i}:1 is forgotten" for i in range(100, 1100)]
    assert _core.log_poll() == []


def test_a_program_without_logging_hears_nothing(tmp_path: Path, nobody: str) -> None:
    """Python prints warnings that nobody handles; a script that handles the error itself wants none."""
    code = f"""if True:
        import atrium
        client = atrium.Client({str(tmp_path)!r})
        try:
            client.connect({nobody!r})
        except atrium.AtriumError as error:
            print(error.code)
        client.close()
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert (run.stdout, run.stderr) == ("CONNREFUSED\n", "")
