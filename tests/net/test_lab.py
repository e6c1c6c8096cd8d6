# SPDX-License-Identifier: MIT
"""The lab itself: it leaves nothing behind, whatever happens to it, and nothing leaves it."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.net import lab as labs
from tests.net.conftest import ROOT
from tests.net.lab import Lab

LEFT_BEHIND = """
import time
from tests.net.lab import Lab
lab = Lab().__enter__()
segment = lab.segment("lan")
host = lab.host("host")
host.plug(segment, "192.168.0.10/24")
sleep = host.spawn("sleep", "600")
print(host.namespace, sleep.pid, flush=True)
time.sleep(600)
"""


def namespaces() -> list[str]:
    return [path.name for path in Path("/run/netns").glob(f"{labs.PREFIX}{os.getpid()}-*")]


def test_a_killed_run_is_cleared_away_by_the_next(lab: Lab) -> None:
    run = subprocess.Popen([sys.executable, "-c", LEFT_BEHIND], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert run.stdout
    name, pid = run.stdout.readline().split()
    run.send_signal(signal.SIGKILL)
    run.wait()
    run.stdout.close()
    assert Path("/run/netns", name).exists() and Path("/proc", pid).exists()
    labs.sweep()
    assert not Path("/run/netns", name).exists()
    end = time.monotonic() + 5
    while Path("/proc", pid).exists() and Path("/proc", pid, "stat").read_text().split()[2] != "Z":
        assert time.monotonic() < end


def test_a_failure_leaves_nothing(lab: Lab) -> None:
    before = namespaces()
    with pytest.raises(AssertionError), Lab() as other:
        host = other.host("failing")
        sleep = host.spawn("sleep", "600")
        assert len(namespaces()) == len(before) + 1
        host.ip("link set nonsense up")
    assert namespaces() == before
    assert sleep.poll() is not None


def test_nothing_leaves_the_lab(lab: Lab) -> None:
    host = lab.host("host")
    host.plug(lab.segment("lan"), "192.168.0.10/24")
    with host.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, pytest.raises(OSError) as failure:
        probe.connect(("192.0.2.1", 9))
    assert failure.value.errno == errno.ENETUNREACH
