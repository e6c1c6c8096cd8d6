# SPDX-License-Identifier: MIT
"""What the session knows of hosts and networks, against a fake engine: who is found nearby, who can reach this machine, the
network check, tunnels, and the hosts that were used.

What is looked at while nobody is connected starts no server for longer than the look, and nothing of it outlives what it is about.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
from atrium_session.checking import MachineLook
from atrium_session.driver import Trouble

from tests.addon.bench import HOSTING, LINK, ROOM, Bench, found, hosting

# --- the local network -----------------------------------------------------------------------------------------------


def test_it_looks_for_hosts_while_somebody_looks_at_the_panel() -> None:
    now = [100.0]
    bench = Bench()
    looking = bench.session.looking
    looking._clock = lambda: now[0]
    bench.tick()
    assert bench.session.engine is None, "nobody has looked yet"
    looking.glance()
    bench.tick(found("studio", "attic"))
    assert bench.engine.sent == [{"t": "discover", "on": True, "rooms": True}]
    assert [(h.name, h.known) for h in bench.state.hosts] == [("studio", True), ("attic", False)]
    now[0] += 10
    revision = bench.state.revision
    bench.tick()
    assert bench.state.revision > revision, "a redraw is asked for, which would be the next glance"
    now[0] += 11
    bench.tick()
    assert bench.engine.sent[-1] == {"t": "discover", "on": False, "rooms": False} and bench.state.hosts == []


def test_it_does_not_look_while_connected_nor_where_it_may_not() -> None:
    bench = Bench()
    bench.session.looking.glance()
    bench.tick(found("studio"))
    bench.in_lobby()
    assert {"t": "discover", "on": False, "rooms": False} in bench.engine.sent and bench.state.hosts == []
    for forbidden in ({"online": False}, {"discovery": False}):
        bench = Bench(**forbidden)
        bench.session.looking.glance()
        bench.tick()
        assert bench.session.engine is None


def test_a_firewall_of_ones_own_is_named_while_nobody_is_found() -> None:
    bench = Bench()
    bench.session.looking.glance()
    command = "sudo ufw allow proto udp from any port 12800 to any port 32768:60999"
    bench.tick({"t": "hosts", "hosts": [], "firewall": {"tool": "ufw", "command": command}})
    assert bench.state.deafness is not None and bench.state.deafness.command == command
    bench.tick(found("studio"))
    assert bench.state.deafness is None


def test_a_network_that_cannot_be_asked_is_no_problem_to_the_user() -> None:
    bench = Bench()
    bench.session.looking.glance()
    bench.tick({"t": "error", "code": "IO", "text": "No.", "re": "discover"})
    assert bench.state.problem is None and bench.state.hosts == []


def test_who_does_not_want_to_be_found_starts_a_silent_server() -> None:
    bench = Bench(discovery=False)
    bench.session.connect("localhost")
    bench.tick()
    assert bench.starts[0].how["discovery"] is False


def test_the_router_is_asked_only_where_others_may_come_and_the_user_wants_it() -> None:
    for options, wanted in (({}, True), ({"map_port": False}, False), ({"online": False}, False)):
        bench = Bench(**options)
        bench.session.connect("localhost")
        bench.tick()
        assert bench.starts[0].how["map_port"] is wanted


def test_the_rooms_of_hosts_are_shown_and_one_is_a_click_away() -> None:
    bench = Bench(background=True)
    event = found("studio", "attic")
    rooms = [
        {"id": ROOM, "name": "Film", "users": 3, "bytes": 10, "blender": [5, 0, 1], "ready": True},
        {"id": "cd" * 16, "name": "Old", "users": 1, "bytes": 10, "blender": [4, 2, 9], "ready": True},
    ]
    event["hosts"][0]["rooms"] = rooms
    bench.session.looking.glance()
    bench.tick(event)
    studio, attic = bench.state.hosts
    assert [(room.name, room.users, room.joinable) for room in studio.rooms] == [("Film", 3, True), ("Old", 1, False)]
    assert attic.rooms == ()
    assert studio.key == "ab" * 32
    bench.session.connect("192.0.2.1:12800", into=ROOM, key=studio.key)
    bench.tick({"t": "state", "state": "LOBBY", "address": "192.0.2.1:12800"})
    assert [one["key"] for one in bench.engine.sent if one["t"] == "connect"] == [studio.key], (
        "the one that was clicked"
    )
    bench.tick({"t": "welcome", "host": False, "port": 12800}, {"t": "rooms", "rooms": rooms})
    assert bench.engine.sent[-1]["t"] == "join" and bench.engine.sent[-1]["room"] == ROOM


def test_a_room_that_was_clicked_and_has_gone_leads_to_the_list() -> None:
    bench = Bench(background=True)
    bench.session.connect("192.0.2.1:12800", into=ROOM)
    bench.tick({"t": "state", "state": "LOBBY", "address": "192.0.2.1:12800"})
    bench.tick({"t": "welcome", "host": False, "port": 12800}, {"t": "rooms", "rooms": []})
    assert bench.state.problem is not None and bench.state.problem.code == "CLICKED_ROOM_GONE"
    assert bench.state.link == "LOBBY"


# --- who can reach this machine --------------------------------------------------------------------------------------


def test_the_server_says_who_can_reach_it_until_the_connection_ends() -> None:
    bench = hosting()
    entry = {"audience": "machine", "label": "", "addresses": ["localhost:12800"], "state": "works", "reason": "proved"}
    bench.tick({"t": "reach", "audiences": [entry, "nonsense"]})
    assert bench.state.reach == [entry]
    bench.tick({"t": "state", "state": "OFFLINE", "code": "CLOSED"})
    assert bench.state.reach == []


def test_a_public_address_is_told_to_the_own_server_alone() -> None:
    bench = Bench()
    bench.state.settings.public_address = " 203.0.113.17:9090 "
    bench.in_lobby()
    bench.tick({"t": "welcome", "host": False, "port": 12800})
    assert "reach" not in bench.engine.kinds()
    bench.session.disconnect()
    bench.tick({"t": "state", "state": "OFFLINE"})
    bench.session.connect("localhost")
    bench.tick()
    bench.tick(*HOSTING)
    assert {"t": "reach", "public": "203.0.113.17:9090"} in bench.engine.sent
    bench.state.settings.public_address = ""
    bench.session.tell_public_address()
    assert bench.engine.sent[-1] == {"t": "reach", "public": ""}
    bench.tick({"t": "error", "code": "INVAL", "text": "There is no such command.", "re": "reach"})
    assert bench.state.problem is None


def test_a_public_address_that_is_none_is_said_until_another_is_typed() -> None:
    bench = hosting()
    bench.state.settings.public_address = "192.168.0.48"
    bench.session.tell_public_address()
    bench.tick({"t": "error", "code": "ADDR_SYNTAX", "text": "It is one of a private network.", "re": "reach"})
    assert bench.state.problem is not None
    assert bench.state.problem.sentence.startswith("“192.168.0.48” cannot be your public address. It is one of")
    bench.state.settings.public_address = ""
    bench.session.tell_public_address()
    assert bench.state.problem is None


# --- the network check -----------------------------------------------------------------------------------------------


class Found:
    """`atrium.check.Result`, as far as it is used."""

    def report(self, translate: Any) -> str:
        return translate("The server is full.") + "\nTried: 192.0.2.7"


def test_a_check_runs_beside_the_session_and_leaves_a_report() -> None:
    bench = Bench()
    task = bench.session.check_network(" 192.0.2.7 ")
    bench.tick()
    assert bench.session.checking.running and not task.done and bench.checks[0].host == "192.0.2.7"
    assert bench.session.engine is None and bench.state.phase == "OFFLINE"
    assert bench.state.why_not("connect") is None, "one can connect meanwhile"
    bench.checks[0].found = Found()
    bench.tick()
    assert task.done and task.problem is None and bench.checks[0].cancelled
    assert bench.state.check_report[:2] == ["The server is full.", "Tried: 192.0.2.7"]
    assert bench.state.check_report[-1].startswith("Atrium ") and "Blender 5.0.1" in bench.state.check_report[-1]


def test_a_check_can_be_given_up_and_started_anew() -> None:
    bench = Bench()
    first = bench.session.check_network("192.0.2.7")
    second = bench.session.check_network("192.0.2.8")
    assert first.done and first.problem is not None and first.problem.code == "CANCELED" and bench.checks[0].cancelled
    bench.session.give_up(second)
    assert second.done and not bench.session.checking.running and bench.state.check_report == []
    third = bench.session.check_network("192.0.2.9")
    bench.session.close()
    assert third.done and bench.checks[2].cancelled


def test_a_host_checks_its_own_machine() -> None:
    bench = hosting()
    cgnat = {"audience": "internet", "label": "", "addresses": [], "state": "no", "reason": "cgnat", "with": {}}
    bench.tick({"t": "reach", "audiences": [cgnat]})
    task = bench.session.check_network("localhost")
    bench.tick()
    assert not task.done and bench.engine.sent[-1] == {"t": "reach"}, "the server looks again"
    bench.tick({"t": "reach", "audiences": [cgnat], "settled": False})
    assert not task.done
    bench.tick({"t": "reach", "audiences": [cgnat], "settled": True})
    assert task.done and bench.checks == []
    assert bench.state.check_report[0] == "The internet: not reachable"
    assert "CGNAT" in bench.state.check_report[1]


def test_offline_mode_checks_nobody_else() -> None:
    bench = Bench(online=False)
    with pytest.raises(Trouble):
        bench.session.check_network("192.0.2.7")
    bench.session.check_network("localhost")
    assert [check.host for check in bench.checks] == [""], "this machine is looked at all the same"


class FoundHere:
    """`atrium.machine.MachineResult`."""

    how, port, code, said, complete = "tried", 12800, "", "", False
    audiences = ({"audience": "internet", "label": "", "addresses": [], "state": "no", "reason": "cgnat", "with": {}},)


@pytest.mark.parametrize(("host", "asked"), [("localhost:9090", ":9090"), ("localhost", ""), ("", "")])
def test_this_machine_is_looked_at_where_the_host_box_says(host: str, asked: str) -> None:
    bench = Bench()
    bench.session.check_network(host)
    assert bench.checks[0].host == asked


def test_before_hosting_this_machine_is_looked_at_with_a_server_for_the_moment() -> None:
    bench = Bench()
    task = bench.session.check_network("")
    bench.tick()
    assert not task.done
    bench.checks[0].found = FoundHere()
    bench.tick()
    assert task.done and "has ended again" in bench.state.check_report[0]
    assert bench.state.check_report[1] == "The internet: not reachable"
    assert bench.state.check_report[-2] == "Not everything was known in time."
    bench.session.connect("localhost")
    assert bench.state.check_report == [], "it says nothing about the connection that follows"


def test_hosting_waits_for_the_end_of_the_checks_server() -> None:
    bench = Bench()
    bench.session.check_network("")
    bench.checks[0].ended = False
    bench.session.connect("localhost")
    bench.tick()
    assert bench.checks[0].cancelled and bench.starts == [], "or it would be taken for the real one"
    bench.checks[0].ended = True
    bench.tick()
    assert len(bench.starts) == 1


def test_a_look_at_the_machine_is_on_a_thread_and_always_tidies_up() -> None:
    class Look:
        def __init__(self, found: Any) -> None:
            self.found, self.tidied = found, 0

        def poll(self) -> Any:
            if isinstance(self.found, Exception):
                raise self.found
            return self.found

        def wait(self, _: float) -> None:
            time.sleep(0.001)

        def cancel(self) -> None:
            self.tidied += 1

    def outcome(look: Look, cancelled: bool) -> Any:
        thread = MachineLook(lambda: look)
        if cancelled:
            assert thread.poll() is None
            thread.cancel()
        end = time.monotonic() + 10
        while not thread.ended and time.monotonic() < end:
            time.sleep(0.001)
        return thread.poll()

    found = Look("found")
    assert outcome(found, cancelled=False) == "found" and found.tidied == 1
    endless = Look(None)
    assert outcome(endless, cancelled=True) is None and endless.tidied == 1
    broken = Look(OSError("no"))
    with pytest.raises(OSError, match="no"):
        outcome(broken, cancelled=False)
    assert broken.tidied == 1


def test_a_server_that_finds_no_end_is_not_waited_for() -> None:
    bench = hosting()
    now = [100.0]
    bench.session.checking._clock = lambda: now[0]
    task = bench.session.check_network("")
    bench.tick()
    assert not task.done
    now[0] += 12.5
    bench.tick()
    assert task.done and len(bench.state.check_report) == 1


# --- tunnels ---------------------------------------------------------------------------------------------------------


def test_a_tunnel_is_opened_for_the_servers_port_and_closed_again() -> None:
    bench = hosting()
    assert bench.session.tunneling.programs == ["ngrok", "cloudflared"]
    task = bench.session.start_tunnel("cloudflared")
    tunnel = bench.tunnels[0]
    assert (tunnel.program, tunnel.port) == ("cloudflared", 12800) and bench.session.tunneling.program == "cloudflared"
    bench.tick()
    assert not task.done
    tunnel.phase, tunnel.agent = "running", 20241
    bench.tick()
    assert task.done and task.problem is None and bench.session.tunneling.running
    assert bench.engine.sent[-1] == {"t": "reach", "agent": 20241}
    bench.session.tunneling.stop()
    assert tunnel.stopped
    tunnel.phase = "stopped"
    bench.tick()
    assert bench.session.tunneling.program == "" and bench.engine.sent[-1] == {"t": "reach", "agent": 0}
    assert bench.session.tunneling.failure is None


def test_a_tunnel_that_fails_says_what_to_do() -> None:
    bench = hosting()
    task = bench.session.start_tunnel("ngrok")
    bench.tunnels[0].phase, bench.tunnels[0].failure = "failed", "account"
    bench.tick()
    assert task.problem is not None and task.problem is bench.session.tunneling.failure
    assert "ngrok wants an account" in task.problem.sentence and "Make a free one" in task.problem.sentence
    assert bench.state.problem is None, "the session itself goes on well"
    bench.session.start_tunnel("cloudflared")
    assert bench.session.tunneling.failure is None


def test_no_tunnel_outlives_the_connection_to_its_server() -> None:
    bench = hosting()
    bench.session.start_tunnel("ngrok")
    bench.tunnels[0].phase, bench.tunnels[0].agent = "running", 20241
    bench.tick()
    bench.tick({"t": "state", "state": "RECONNECTING"})
    assert not bench.tunnels[0].closed, "the server comes back at the same port"
    bench.tick({"t": "state", "state": "OFFLINE", "code": "CLOSED"})
    assert bench.tunnels[0].stopped and bench.session.tunneling.closing
    assert not bench.tunnels[0].closed, "Blender does not wait for a program to end"
    bench.tunnels[0].phase = "stopped"
    bench.tick()
    assert bench.tunnels[0].closed and bench.session.tunneling.program == ""
    assert bench.engine.sent[-1] != {"t": "reach", "agent": 0}, "there is no server to be told"
    bench = hosting()
    bench.session.start_tunnel("ngrok")
    bench.session.close()
    assert bench.tunnels[0].closed


def test_a_server_that_comes_anew_is_told_of_the_tunnel_that_runs() -> None:
    bench = hosting()
    bench.session.start_tunnel("cloudflared")
    bench.tunnels[0].phase, bench.tunnels[0].agent = "running", 20241
    bench.tick()
    bench.engine.sent.clear()
    bench.tick({"t": "state", "state": "RECONNECTING", "address": "127.0.0.1:12800"})
    bench.tick(*HOSTING, {"t": "rooms", "rooms": []})
    assert {"t": "reach", "agent": 20241} in bench.engine.sent
    bench.tunnels[0].phase = "stopped"
    bench.tick()
    bench.engine.sent.clear()
    bench.tick({"t": "state", "state": "RECONNECTING", "address": "127.0.0.1:12800"})
    bench.tick(*HOSTING, {"t": "rooms", "rooms": []})
    assert "reach" not in bench.engine.kinds()


def test_only_a_host_that_is_online_opens_tunnels() -> None:
    bench = Bench().in_lobby()
    with pytest.raises(Trouble):
        bench.session.start_tunnel("ngrok")
    bench = hosting(online=False)
    with pytest.raises(Trouble):
        bench.session.start_tunnel("ngrok")
    assert bench.tunnels == []


# --- hosts that were used --------------------------------------------------------------------------------------------


def test_a_host_that_let_the_user_in_is_remembered_by_its_address() -> None:
    bench = Bench()
    bench.session.connect('"192.0.2.7:9090"')
    bench.tick()
    assert bench.state.history.hosts == [], "nobody has answered yet"
    bench.tick({"t": "state", "state": "LOBBY", "address": "192.0.2.7:9090"}, {"t": "welcome", "host": False})
    assert bench.state.history.hosts == ["192.0.2.7:9090"]


@pytest.mark.parametrize(
    "typed", ["come in: atrium://join#AAAA", "Forwarding  tcp://0.example.org:1 -> localhost:12800"]
)
def test_of_an_invite_or_a_pasted_line_only_the_address_is_remembered(typed: str) -> None:
    bench = Bench()
    bench.session.connect(typed)
    bench.tick({"t": "state", "state": "CONNECTING", "address": "0.example.org:1"}, {"t": "welcome", "host": False})
    assert bench.state.history.hosts == ["0.example.org:1"]


def test_ones_own_machine_is_no_history() -> None:
    assert hosting().state.history.hosts == []


def test_the_failure_of_another_command_ends_no_task() -> None:
    bench = Bench(port=12900)
    bench.session.forget_host("localhost")
    assert bench.engine.sent == [{"t": "forget_host", "host": "localhost:12900"}]
    task = bench.session.connect("192.0.2.7")
    bench.tick({"t": "error", "re": "forget_host", "code": "NOENT", "text": "No key is remembered."})
    assert not task.done and bench.state.problem is not None


def test_forgetting_a_host_is_answered() -> None:
    bench = Bench(port=12900)
    task = bench.session.forget_host("localhost")
    assert not task.done
    bench.tick({"t": "forgotten", "address": "localhost:12900", "known": True})
    assert task.done and task.problem is None and bench.state.problem is None
    task = bench.session.forget_host("192.0.2.7")
    bench.tick({"t": "forgotten", "address": "192.0.2.7:12900", "known": False})
    assert task.problem is not None and "192.0.2.7" in task.problem.sentence
    task = bench.session.forget_host("192.0.2.7")
    bench.tick({"t": "error", "re": "forget_host", "code": "IO", "text": "It could not be written."})
    assert task.problem is not None and task.problem.code == "IO"
    with pytest.raises(Trouble):
        bench.session.forget_host(LINK)  # no address, and not to be shown in an error
    bench.session.forget_host("tcp://0.tcp.example.org:12489")
    assert bench.engine.sent[-1]["host"] == "0.tcp.example.org:12489"


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ("203.0.113.17:9090.", "203.0.113.17:9090"),
        ("203.0.113.17 : 9090", "203.0.113.17:9090"),
        ("203.0.113.17:9090/", "203.0.113.17:9090"),
        ("(203.0.113.17)", "203.0.113.17:12800"),
        ("localhost/", "localhost:12900"),
        ("I am at 203.0.113.17:9090, come in!", "203.0.113.17:9090"),
        ("203.0.113.17:9090 -> 192.168.0.48:12800", "203.0.113.17:9090"),
        ("2001:DB8::5", "[2001:db8::5]:12800"),
        ("https://x.example.org", "wss://x.example.org:443/atrium"),
    ],
)
def test_the_key_of_a_host_is_forgotten_by_whatever_connect_takes(typed: str, asked: str) -> None:
    bench = Bench(port=12900)
    bench.session.forget_host(typed)
    assert bench.engine.sent == [{"t": "forget_host", "host": asked}]


def test_what_is_no_address_is_told_by_its_name_when_it_is_to_be_forgotten() -> None:
    bench = Bench()
    with pytest.raises(Trouble) as refused:
        bench.session.forget_host("hunter2@studio pc")
    sentence = refused.value.problem.sentence
    assert sentence.startswith("“studio pc” is not an address") and sentence.endswith("no host's name has.")
    assert bench.engine.sent == []
