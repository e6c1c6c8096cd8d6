# SPDX-License-Identifier: MIT
"""A machine's own firewall, ufw itself: it is seen, and the commands that are named are those that it takes and that help.

ufw knows one machine, whose rules are in /etc/ufw: each of its runs here, and the server, see a copy of the lab's own in that place.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from atrium import AtriumError, Client
from tests.net.conftest import PORT, ROOT, World, needs, settle
from tests.net.lab import Host
from tests.net.test_paths import HOST, edit_together

SECONDS = 2.5

RULES, AS_INSTALLED = Path("/etc/ufw"), Path("/usr/share/ufw")


def ufw_on(host: Host, folder: Path) -> None:
    """As it is after `ufw enable` on a machine where nobody has used it yet."""
    own = folder / f"{host.name}-ufw"
    shutil.copytree(RULES, own)
    shutil.copy(AS_INSTALLED / "ufw.conf", own)
    for rules in (AS_INSTALLED / "iptables").glob("user*.rules"):
        shutil.copy(rules, own)
    script = f'mount --bind {own} {RULES} && exec "$@"'
    host.launcher = ("unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh")
    ufw(host, "ufw --force enable")


def ufw(host: Host, command: str) -> None:
    with host.inside():
        done = subprocess.run([*host.launcher, *command.split()], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done


def told(host: Client) -> dict[str, Any]:
    """What the host is told about guests from its own network."""
    return next((one for one in host.reach if one["audience"] == "lan"), {})


@needs("ufw", "iptables")
def test_ufw_lets_guests_in_after_the_command_that_is_named(world: World, tmp_path: Path) -> None:
    anna, _, lan = world.home_of("anna", HOST)
    ben = world.lab.host("ben")
    ben.plug(lan, "192.168.0.48/24", via="192.168.0.1")
    ufw_on(anna, tmp_path)
    server = world.serve(anna, "--open")
    host = world.owner(server)
    room = host.create_room("Film")
    settle([host], lambda: told(host), what="the report")
    assert (told(host)["state"], told(host)["reason"]) == ("should", "firewall"), host.reach
    assert told(host)["with"]["tool"] == "ufw"
    early = world.client(ben, "early")
    with pytest.raises(AtriumError) as failure:
        early.connect(f"192.168.0.10:{PORT}", timeout=15)
    assert failure.value.code == "SILENT", failure.value

    ufw(anna, told(host)["with"]["tcp"].removeprefix("sudo "))
    host.look_around()
    settle([host], lambda: told(host)["reason"] != "firewall", what="word that the firewall lets guests in")
    guest = world.guest(ben, server, f"192.168.0.10:{PORT}")
    edit_together(host, guest, room.id)
    settle([host, guest], lambda: told(host)["state"] == "works", what="the proof of the network")


# Looks until it has found somebody, or for so long; who was found, and what its own firewall does about that. argv: home, seconds
LOOKER = """
import sys
from atrium import Client
with Client(sys.argv[1]) as guest:
    print([one.address for one in guest.discover(float(sys.argv[2]))], guest.deafness, sep="\\n")
"""


@needs("ufw", "iptables")
def test_a_firewall_of_who_looks_is_named_with_the_command_that_helps(world: World) -> None:
    """ufw lets in what belongs to a conversation, and drops the rest: an answer to a question to all belongs to none."""
    anna, ben, lan = world.lab.host("anna"), world.lab.host("ben"), world.lab.segment("lan")
    anna.plug(lan, "192.168.0.10/24")
    ben.plug(lan, "192.168.0.48/24")
    world.serve(anna)

    def looked(name: str) -> list[str]:
        log = world.folder / f"{name}.log"
        words = (sys.executable, "-c", LOOKER, str(world.folder / "ben-user"), str(SECONDS))
        assert ben.spawn(*words, log=log, env={**os.environ, "PYTHONPATH": str(ROOT / "python")}).wait(30) == 0, (
            log.read_text()
        )
        return log.read_text().splitlines()[-2:]

    there = [f"['192.168.0.10:{PORT}']", "None"]
    assert looked("open") == there
    ufw_on(ben, world.folder)
    command = "sudo ufw allow proto udp from any port 12800 to any port 32768:60999"
    assert looked("closed") == ["[]", f"Deafness(tool='ufw', command='{command}')"]
    ufw(ben, command.removeprefix("sudo "))
    assert looked("allowed") == there
