# SPDX-License-Identifier: MIT
"""Who hosts on the same network stands in the panel by himself, and is one click away: over real machines' networks (tests/net/lab.py).

Both have a router with a way out, and both are watched all the time: real Blenders that may go online speak to nobody but each other and the
router.
"""

from __future__ import annotations

import time
from collections.abc import Generator

import pytest

from tests.addon.test_panel import state_is
from tests.addon.together import session
from tests.addon.windows import atrium, task_is_done
from tests.blender.blenders import Blender
from tests.blender.inside import bpy
from tests.blender.party import Party, admit_next
from tests.blender.test_invited import make_object, names
from tests.blender.test_networks import lab  # noqa: F401
from tests.net.lab import Lab
from tests.net.test_quiet import ANSWERS, LOOKING, ROUTER, SYSTEM, TUNNELS, goes_astray, router_over_ipv6
from tests.net.watch import Allowed, Watch, strays, unused

HOST_ADDRESS, GUEST_ADDRESS = "192.168.0.10", "192.168.0.48"
NET = "2001:db8:1::"
SEEN_S = 30.0


def hosts_listed(seconds: float) -> Generator[None, None, list[list[object]]]:
    """What the panel shows under "On This Network", once there is anything: addresses, and whether known."""
    end = time.monotonic() + seconds
    while not session().state.hosts and time.monotonic() < end:
        yield
    return [[host.address, host.known] for host in session().state.hosts]


def go_online() -> None:
    """Without Blender's own questions for news of its extensions, which are not what is watched here."""
    for repository in bpy.context.preferences.extensions.repos:
        if repository.use_remote_url:
            repository.enabled = False
    bpy.context.preferences.system.use_online_access = True


# Not a later one: from 5.2 on Blender itself asks for its library of assets, and has no switch for that.
@pytest.mark.parametrize("window_kind", ["deb43"], indirect=True)
def test_a_host_nearby_is_one_click_away(window_kind: Blender, lab: Lab, party: Party) -> None:  # noqa: F811
    internet, lan = lab.segment("internet"), lab.segment("lan")
    router = lab.router("router", (internet, "203.0.113.17/24"), (lan, "192.168.0.1/24"))
    router.ip(f"addr add {NET}1/64 dev eth1 nodad")
    anna_host, ben_host = lab.host("anna"), lab.host("ben")
    for host, address in ((anna_host, HOST_ADDRESS), (ben_host, GUEST_ADDRESS)):
        host.plug(lan, f"{address}/24", f"{NET}{address.rpartition('.')[2]}/64", via="192.168.0.1")
        host.ip(f"-6 route add default via {NET}1")
    hosts, comes = Watch(anna_host), Watch(ben_host)

    with anna_host.inside():
        anna = party.invite(window_kind, "anna")
    anna.call(go_online)
    anna.host("Film")
    with ben_host.inside():
        ben = party.invite(window_kind, "ben", window=True)
    for person in (anna, ben):
        person.blender.define(atrium, session)
    ben.call(go_online)
    ben.window.open_sidebar("Atrium")
    address = f"{HOST_ADDRESS}:{party.port}"
    assert ben.call(hosts_listed, SEEN_S, timeout=60) == [[address, False]]
    ben.window.press(f'atrium.connect_found(host="{address}"')
    # Found is not trusted: the code is to be compared, and whoever hosts is asked.
    ben.call(state_is, "CONFIRMING")
    shown = anna.blender.evaluate("session().state.host.check_code")
    assert ben.blender.evaluate("session().state.question.code") == shown
    ben.window.press("atrium.trust_host")
    anna.call(admit_next, True)
    ben.call(task_is_done)
    ben.call(state_is, "LOBBY")
    ben.operate("atrium.join_room", name="Film", unsaved="DISCARD")
    ben.call(task_is_done)
    ben.call(state_is, "JOINED")
    anna.call(make_object, "From Anna")
    anna.flush()
    ben.operate("atrium.flush")
    ben.call(task_is_done)
    assert "From Anna" in ben.call(names)
    assert anna.call(names) == ben.call(names)

    system = [*SYSTEM, Allowed("neighbours", f"{NET}/64", "icmpv6")]
    own = [Allowed("this machine's own server", where, "tcp", {party.port}) for where in ("127.0.0.1/32", "::1/128")]
    hosting = [*own, TUNNELS, *ROUTER, router_over_ipv6(NET), *ANSWERS]
    coming = [*LOOKING, Allowed("the host that was clicked", f"{HOST_ADDRESS}/32", "tcp", {party.port})]
    assert strays(hosts, [*system, *hosting]) == []
    assert strays(comes, [*system, *coming]) == []
    assert not {TUNNELS.why, ROUTER[0].why, ROUTER[1].why} & set(unused(hosts, hosting)), "the server has looked around"
    goes_astray(ben_host, comes, [*system, *coming])
