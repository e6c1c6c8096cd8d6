# SPDX-License-Identifier: MIT
"""A machine's own firewall, ufw and firewalld themselves: they are seen, and the commands that are named are those that they take and that help.

Each knows one machine, whose rules are in /etc: each of its runs here, and the server, see a copy of the lab's own in that place. firewalld takes
commands by a system bus, which is the lab's own too. That it runs is told by systemd, which knows nothing of a lab: the folder that it would keep
for it among the control groups is made here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atrium import AtriumError, Client
from tests.net.conftest import PORT, ROOT, World, needs, settle
from tests.net.lab import Host
from tests.net.test_paths import HOST, edit_together

SECONDS = 2.5
COMMAND_S = 60.0  # each of firewalld's is a Python that loads much

UFW, UFW_AS_INSTALLED, FIREWALLD = Path("/etc/ufw"), Path("/usr/share/ufw"), Path("/etc/firewalld")
LETS_ANSWERS_IN = {
    "ufw": "sudo ufw allow proto udp from any port 12800 to any port 32768:60999",
    "firewalld": "sudo firewall-cmd --permanent --add-source-port=12800/udp && sudo firewall-cmd --reload",
}
# What a guest meets: ufw drops what comes, firewalld sends word.
REFUSED_AS = {"ufw": "SILENT", "firewalld": "UNREACHABLE"}

firewalls = pytest.mark.parametrize(
    "tool",
    [
        pytest.param("ufw", marks=needs("ufw", "iptables")),
        pytest.param("firewalld", marks=needs("firewalld", "firewall-cmd", "dbus-daemon", "nft")),
    ],
)


def own_places(host: Host, places: dict[Path, Path]) -> None:
    """What is started on that machine from now on sees these folders in place of the real ones."""
    mounts = [f"mount --bind {own} {real}" for real, own in places.items()]
    script = " && ".join([*mounts, 'exec "$@"'])
    host.launcher = ("unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh")


def switch_on(tool: str, host: Host, folder: Path) -> None:
    """As it is on a machine where nobody has used it yet, right after it was switched on."""
    own = folder / f"{host.name}-{tool}"
    if tool == "ufw":
        shutil.copytree(UFW, own)
        shutil.copy(UFW_AS_INSTALLED / "ufw.conf", own)
        for rules in (UFW_AS_INSTALLED / "iptables").glob("user*.rules"):
            shutil.copy(rules, own)
        own_places(host, {UFW: own})
        does(host, "sudo ufw --force enable")
        return
    run, groups = own / "run", own / "cgroup"
    service = groups / "system.slice" / "firewalld.service"
    for place in (own / "firewalld", run / "dbus", service):
        place.mkdir(parents=True)
    shutil.copy(FIREWALLD / "firewalld.conf", own / "firewalld")
    own_places(host, {FIREWALLD: own / "firewalld", Path("/run"): run, Path("/sys/fs/cgroup"): groups})
    host.spawn("dbus-daemon", "--system", "--nofork", "--nopidfile", log=folder / f"{host.name}-bus.log")
    log = folder / f"{host.name}-firewalld.log"
    until(lambda: (run / "dbus" / "system_bus_socket").exists(), log)
    daemon = host.spawn("firewalld", "--nofork", "--nopid", log=log)
    until(lambda: tried(host, "firewall-cmd --state").returncode == 0, log)
    (service / "cgroup.procs").write_text(f"{daemon.pid}\n")


def until(done: Callable[[], bool], log: Path) -> None:
    end = time.monotonic() + COMMAND_S
    while not done():
        assert time.monotonic() < end, log.read_text() if log.exists() else log
        time.sleep(0.05)


def tried(host: Host, command: str) -> subprocess.CompletedProcess[str]:
    with host.inside():
        return subprocess.run([*host.launcher, "sh", "-c", command], capture_output=True, text=True, timeout=COMMAND_S)


def does(host: Host, command: str) -> None:
    """What the user does who has read the command; whoever tests here is root already."""
    done = tried(host, command.replace("sudo ", ""))
    assert done.returncode == 0, done


def told(host: Client) -> dict[str, Any]:
    """What the host is told about guests from its own network."""
    return next((one for one in host.reach if one["audience"] == "lan"), {})


@firewalls
def test_guests_get_in_after_the_command_that_is_named(world: World, tmp_path: Path, tool: str) -> None:
    anna, _, lan = world.home_of("anna", HOST)
    ben = world.lab.host("ben")
    ben.plug(lan, "192.168.0.48/24", via="192.168.0.1")
    switch_on(tool, anna, tmp_path)
    server = world.serve(anna, "--open")
    host = world.owner(server)
    room = host.create_room("Film")
    settle([host], lambda: told(host), what="the report")
    assert (told(host)["state"], told(host)["reason"]) == ("should", "firewall"), host.reach
    assert told(host)["with"]["tool"] == tool
    early = world.client(ben, "early")
    with pytest.raises(AtriumError) as failure:
        early.connect(f"192.168.0.10:{PORT}", timeout=15)
    assert failure.value.code == REFUSED_AS[tool], failure.value

    does(anna, told(host)["with"]["tcp"])
    host.look_around()
    if tool == "ufw":  # firewalld's rules are not everybody's to read
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


def looks(host: Host, folder: Path, name: str) -> list[str]:
    log = folder / f"{name}.log"
    words = (sys.executable, "-c", LOOKER, str(folder / f"{host.name}-user"), str(SECONDS))
    looker = host.spawn(*words, log=log, env={**os.environ, "PYTHONPATH": str(ROOT / "python")})
    assert looker.wait(30) == 0, log.read_text()
    return log.read_text().splitlines()[-2:]


THERE = [f"['192.168.0.10:{PORT}']", "None"]


def two_machines(world: World) -> tuple[Host, Host]:
    anna, ben, lan = world.lab.host("anna"), world.lab.host("ben"), world.lab.segment("lan")
    anna.plug(lan, "192.168.0.10/24")
    ben.plug(lan, "192.168.0.48/24")
    return anna, ben


@firewalls
def test_a_firewall_of_who_looks_is_named_with_the_command_that_helps(world: World, tool: str) -> None:
    """A firewall lets in what belongs to a conversation, and drops the rest: an answer to a question to all belongs to none."""
    anna, ben = two_machines(world)
    world.serve(anna)
    assert looks(ben, world.folder, "open") == THERE
    switch_on(tool, ben, world.folder)
    command = LETS_ANSWERS_IN[tool]
    assert looks(ben, world.folder, "closed") == ["[]", f"Deafness(tool='{tool}', command='{command}')"]
    does(ben, command)
    assert looks(ben, world.folder, "allowed") == THERE


@firewalls
def test_a_host_is_found_after_the_command_that_is_named(world: World, tool: str) -> None:
    anna, ben = two_machines(world)
    switch_on(tool, anna, world.folder)
    host = world.owner(world.serve(anna))
    settle([host], lambda: told(host), what="the report")
    assert looks(ben, world.folder, "closed") == ["[]", "None"]
    does(anna, told(host)["with"]["udp"])
    assert looks(ben, world.folder, "allowed") == THERE
