# SPDX-License-Identifier: MIT
"""The session against a fake engine: what goes out, what the user is told, what happens to the user's scene.

The rules that users rely on are here: a join touches the scene only after all has arrived, whatever fails or is
cancelled brings it back, leaving sends first, and every wait ends with a sentence.
"""

from __future__ import annotations

import time

import pytest
from atrium_session import settings
from atrium_session.checking import MachineLook
from atrium_session.driver import Helpers, Options, Session, Trouble
from atrium_session.sentences import problem
from atrium_session.state import Stage, State

from tests.addon.fakes import FakeCheck, FakeEngine, FakeScene, FakeServerStart, FakeTunnel

ROOM = "ab" * 16


class Bench:
    """A session with everything around it faked."""

    def __init__(self, **options: Any) -> None:
        self.engine = FakeEngine()
        self.scene = FakeScene()
        self.starts: list[FakeServerStart] = []
        self.start_phase = "ready"
        self.checks: list[FakeCheck] = []
        self.tunnels: list[FakeTunnel] = []
        self.options = Options(**options)
        state = State(settings.Settings("Anna", (1.0, 0.5, 0.0)), (5, 0, 1))
        self.session = Session(
            state, self.scene, lambda: self.engine, self._ensure, lambda: self.options, self._helpers()
        )
        self.state = state

    def _ensure(self, port: int, **how: Any) -> FakeServerStart:
        self.starts.append(FakeServerStart(port, how))
        self.starts[-1].phase = self.start_phase
        return self.starts[-1]

    def _helpers(self) -> Helpers:
        return Helpers(self._check, self._look_at_machine, self._tunnel, lambda: ["ngrok", "cloudflared"])

    def _tunnel(self, program: str, port: int) -> FakeTunnel:
        self.tunnels.append(FakeTunnel(program, port))
        return self.tunnels[-1]

    def _look_at_machine(self) -> FakeCheck:
        return self._check("")

    def _check(self, host: str) -> FakeCheck:
        self.checks.append(FakeCheck(host))
        return self.checks[-1]

    def tick(self, *events: dict[str, Any], times: int = 3) -> None:
        self.engine.events.extend(events)
        for _ in range(times):
            self.session.tick(1000.0)

    def in_lobby(self) -> Bench:
        self.session.connect("192.0.2.7")
        rooms = [
            {"id": ROOM, "name": "Set", "users": 2, "bytes": 10, "blender": [5, 0, 1], "ready": True},
            {"id": "cd" * 16, "name": "Old", "users": 1, "bytes": 10, "blender": [4, 2, 9], "ready": True},
            {"id": "ef" * 16, "name": "New", "users": 1, "bytes": 10, "blender": [5, 0, 1], "ready": False},
        ]
        self.tick({"t": "state", "state": "LOBBY", "address": "192.0.2.7:12800"}, {"t": "rooms", "rooms": rooms})
        return self

    def receiving(self, unsaved: str = "KEEP_COPY") -> Any:
        task = self.session.join_room("Set", unsaved)
        self.tick({"t": "joined", "room": ROOM, "handle": 3, "created": False, "name": "Set", "participant": "aa" * 16})
        return task

    def joined(self) -> Bench:
        self.receiving()
        self.tick(progress(1.0, True))
        assert self.state.phase == "JOINED"
        return self


def progress(value: float, complete: bool) -> dict[str, Any]:
    return {"t": "progress", "room": ROOM, "value": value, "complete": complete}


def doc(n: int) -> dict[str, Any]:
    return {"t": "doc", "n": n, "room": ROOM, "doc": "00" * 16, "kind": "create", "tree": {"type": "Object"}}


# --- the local network -----------------------------------------------------------------------------------------------


def found(*names: str) -> dict[str, Any]:
    hosts = [
        {"name": n, "address": f"192.0.2.{i}:12800", "key": "ab" * 32, "known": i == 1} for i, n in enumerate(names, 1)
    ]
    return {"t": "hosts", "hosts": hosts}


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


# --- who can reach this machine --------------------------------------------------------------------------------------

HOSTING = (
    {"t": "welcome", "host": True, "port": 12800},
    {"t": "state", "state": "LOBBY", "address": "127.0.0.1:12800"},
)


def hosting(**options: Any) -> Bench:
    bench = Bench(**options)
    bench.session.connect("localhost")
    bench.tick()
    bench.tick(*HOSTING, {"t": "rooms", "rooms": []})
    return bench


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


# --- connecting ------------------------------------------------------------------------------------------------------


def runs_with(*settings: str) -> dict[str, Any]:
    return {"t": "welcome", "host": True, "port": 12800, "runs_with": list(settings)}


LOCAL_LOBBY = {"t": "state", "state": "LOBBY", "address": "localhost:12800"}


def test_an_own_server_that_nobody_uses_gives_way_to_one_with_other_settings() -> None:
    """It was found again for ten minutes after the user had done what the panel said, and nothing changed."""
    bench = Bench()
    task = bench.session.connect("localhost")
    bench.tick()
    bench.tick(runs_with("discovery"), LOCAL_LOBBY)
    assert bench.engine.sent[-1] == {"t": "end", "unused": True} and not task.done
    bench.tick({"t": "state", "state": "RECONNECTING", "address": "localhost:12800", "code": "CLOSED", "attempt": 1})
    assert len(bench.starts) == 2 and bench.starts[1].how["bind"] == "::" and not task.done
    bench.tick(runs_with("network", "discovery", "map_port"), LOCAL_LOBBY, {"t": "rooms", "rooms": []})
    assert bench.engine.kinds() == ["connect", "end", "rooms"] and task.done and task.problem is None
    assert not bench.session.server_differs and bench.state.problem is None


def test_an_own_server_that_is_used_stays_and_the_panel_offers_to_restart_it() -> None:
    bench = Bench()
    task = bench.session.connect("localhost")
    bench.tick()
    bench.tick(runs_with("discovery"), LOCAL_LOBBY)
    bench.tick({"t": "error", "re": "end", "code": "DENIED", "text": "Somebody else is here, or there are rooms."})
    bench.tick({"t": "rooms", "rooms": []})
    assert bench.engine.kinds() == ["connect", "end", "rooms"] and task.done and bench.state.problem is None
    assert bench.session.server_differs
    task = bench.session.restart_server()
    bench.tick()
    assert bench.engine.sent[-1] == {"t": "end"}
    bench.tick({"t": "state", "state": "RECONNECTING", "address": "localhost:12800", "code": "CLOSED", "attempt": 1})
    assert len(bench.starts) == 2 and not task.done
    bench.tick(runs_with("network", "discovery", "map_port"), LOCAL_LOBBY)
    assert task.done and task.problem is None and bench.engine.kinds()[-1] == "rooms"


@pytest.mark.parametrize(
    "welcome",
    [{"t": "welcome", "host": True}, {"t": "welcome", "host": False}, runs_with("network", "discovery", "map_port")],
)
def test_other_servers_are_left_alone(welcome: dict[str, Any]) -> None:
    """A service, somebody else's, and one that has the settings that it should have."""
    bench = Bench()
    bench.session.connect("localhost")
    bench.tick()
    bench.tick(welcome, LOCAL_LOBBY)
    assert bench.engine.kinds() == ["connect", "rooms"] and not bench.session.server_differs


def test_a_restart_that_is_refused_says_why() -> None:
    bench = hosting()
    with pytest.raises(Trouble) as trouble:
        bench.session.restart_server()
    assert trouble.value.problem.code == "NOT_STARTED", "a service"
    bench.tick(runs_with("network"))
    task = bench.session.restart_server()
    bench.tick({"t": "error", "re": "end", "code": "DENIED", "text": "Only the host can end the server."})
    assert task.done and task.problem is not None and task.problem.code == "DENIED"
    bench.tick({"t": "state", "state": "LOBBY", "address": "192.168.0.48:12800"})
    assert bench.state.why_not("restart_server").code == "NOT_STARTED", (
        "only by localhost is it started again when it has gone"
    )
    bench.tick({"t": "welcome", "host": False})
    assert bench.state.why_not("restart_server").code == "NOT_HOST"


def test_localhost_starts_a_server_and_says_so() -> None:
    bench = Bench(port=12900)
    bench.start_phase = "starting"
    task = bench.session.connect(' "localhost" ')
    bench.tick()
    assert bench.state.phase == "CONNECTING" and bench.state.note == "Starting a server on this machine"
    assert bench.starts[0].port == 12900 and bench.starts[0].how == {
        "bind": "::",
        "open": False,
        "discovery": True,
        "map_port": True,
    }
    assert bench.engine.sent == []
    bench.starts[0].phase = "ready"
    bench.tick()
    assert bench.engine.sent[0]["t"] == "connect" and bench.engine.sent[0]["port"] == 12900
    assert not task.done
    bench.tick({"t": "welcome", "host": True, "port": 12900}, {"t": "state", "state": "LOBBY"})
    assert bench.engine.kinds() == ["connect", "rooms"] and not task.done
    bench.tick({"t": "rooms", "rooms": []})
    assert task.done and task.problem is None


def test_a_server_that_does_not_start_is_a_sentence_with_details() -> None:
    bench = Bench()
    bench.start_phase = "failed"
    task = bench.session.connect("localhost")
    bench.starts or bench.tick(times=1)
    assert task.done and task.problem is not None and task.problem.code == "SERVER_START"
    assert bench.state.phase == "OFFLINE"


def test_the_preference_opens_the_door_of_a_server_that_is_started() -> None:
    bench = Bench(open_door=True)
    bench.session.connect("localhost")
    bench.tick()
    assert bench.starts[0].how["open"] is True


def test_a_start_that_raises_ends_the_connecting() -> None:
    """Found with localhost:99999: the error was shown, and the panel went on counting the seconds."""
    bench = Bench()
    bench.session._ensure_server = lambda *_, **__: 1 / 0  # type: ignore[assignment,return-value]
    task = bench.session.connect("localhost")
    bench.tick()
    assert task.done and task.problem is not None and task.problem.code == "INTERNAL"
    assert bench.state.phase == "OFFLINE"


def test_a_port_that_is_none_starts_no_server() -> None:
    bench = Bench()
    bench.session.connect("localhost:99999")
    bench.tick()
    assert bench.starts == [] and bench.engine.sent[0]["host"] == "localhost:99999"


def test_offline_mode_reaches_this_machine_only() -> None:
    bench = Bench(online=False)
    with pytest.raises(Trouble) as raised:
        bench.session.connect("192.0.2.7")
    assert "allow online access" in str(raised.value)
    bench.session.connect("::1")
    bench.tick()
    assert bench.starts[0].how["bind"] == "127.0.0.1"


def test_a_remote_host_is_asked_at_the_default_port_whatever_is_hosted_here() -> None:
    bench = Bench(port=12900)
    bench.session.connect("192.0.2.7")
    bench.tick()
    assert bench.starts == [] and bench.engine.sent[0]["port"] == 12800
    assert bench.engine.sent[0]["name"] == "Anna"


def test_a_failed_connection_names_the_address_and_what_to_do() -> None:
    bench = Bench()
    task = bench.session.connect("192.0.2.7")
    bench.tick(
        {
            "t": "state",
            "state": "OFFLINE",
            "address": "192.0.2.7:12800",
            "code": "CONNREFUSED",
            "error": "Nothing.",
            "detail": "d",
        }
    )
    assert task.problem is not None
    assert task.problem.sentence == "Nobody listens at 192.0.2.7:12800: is the host connected, and is the port right?"
    assert "CONNREFUSED" in task.problem.report() and task.problem.detail == "d"


def test_cancel_while_connecting_is_at_once_and_no_error() -> None:
    bench = Bench()
    task = bench.session.connect("192.0.2.7")
    bench.tick()
    bench.session.cancel()
    assert task.done and bench.state.phase == "OFFLINE" and bench.state.problem is None
    assert bench.engine.kinds() == ["connect", "cancel"]


def test_the_end_of_a_cancelled_connection_does_not_end_the_next() -> None:
    bench = Bench()
    bench.session.connect("192.0.2.7")
    bench.tick()
    bench.session.cancel()
    task = bench.session.connect("192.0.2.8")
    bench.tick()
    assert bench.engine.kinds() == ["connect", "cancel"]
    bench.tick({"t": "state", "state": "OFFLINE", "code": "CANCELED"})
    assert bench.engine.kinds() == ["connect", "cancel", "connect"] and not task.done


def test_the_connection_is_refused_twice_at_a_time() -> None:
    bench = Bench().in_lobby()
    with pytest.raises(Trouble):
        bench.session.connect("192.0.2.8")


# --- trust -----------------------------------------------------------------------------------------------------------

QUESTION = {"t": "confirm_host", "address": "192.0.2.7:12800", "code": "AAAA-BBBB-CCCC-DDDD-EEEE"}


def test_a_window_asks_and_a_wrong_code_is_not_taken() -> None:
    bench = Bench()
    bench.session.connect("192.0.2.7")
    bench.tick(QUESTION)
    assert bench.state.phase == "CONFIRMING"
    with pytest.raises(Trouble):
        bench.session.trust_host("AAAA-BBBB-CCCC-DDDD-EEEF")
    bench.session.trust_host(" aaaa bbbb cccc dddd eeee ")
    assert bench.engine.sent[-1]["t"] == "trust" and bench.state.phase == "CONNECTING"


def test_background_fails_on_first_contact_unless_trusted_before() -> None:
    bench = Bench(background=True)
    task = bench.session.connect("192.0.2.7")
    bench.tick()
    bench.tick(QUESTION)
    assert task.problem is not None and task.problem.code == "KEY_UNKNOWN"
    assert "AAAA-BBBB" in task.problem.detail and bench.engine.kinds()[-1] == "cancel"
    bench.session.trust_host(str(QUESTION["code"]))
    bench.session.connect("192.0.2.7")
    bench.tick({"t": "state", "state": "OFFLINE"})
    bench.tick(QUESTION)
    assert bench.engine.kinds()[-1] == "trust"


def test_first_use_never_covers_a_changed_key() -> None:
    bench = Bench(background=True, trust_first=True)
    task = bench.session.connect("192.0.2.7")
    bench.tick({"t": "state", "state": "OFFLINE", "code": "KEY_CHANGED", "error": "Another key."})
    assert task.problem is not None and task.problem.code == "KEY_CHANGED"
    assert "trust" not in bench.engine.kinds()


# --- rooms -----------------------------------------------------------------------------------------------------------


def test_create_uploads_then_flushes_then_opens_the_room() -> None:
    bench = Bench().in_lobby()
    task = bench.session.create_room("  My   set ")
    assert bench.engine.sent[-1] == {"t": "create", "name": "My set", "blender": [5, 0, 1]}
    assert bench.state.phase == "JOINING"
    bench.tick({"t": "joined", "room": ROOM, "handle": 3, "created": True, "name": "My set"})
    assert bench.state.stage is Stage.SETTLING and bench.engine.kinds()[-1] == "flush"
    assert bench.scene.log == []  # creating touches nothing
    bench.tick({"t": "flushed", "room": ROOM, "n": 1, "seq": 9})
    assert bench.engine.kinds()[-1] == "ready" and task.done and bench.state.phase == "JOINED"


def test_a_room_that_lacks_something_of_the_scene_says_so() -> None:
    """It said that all was well, and who joined got a scene without objects."""
    bench = Bench().in_lobby()
    task = bench.session.create_room("Mine")
    bench.tick({"t": "joined", "room": ROOM, "handle": 3, "created": True, "name": "Mine"})
    bench.tick({"t": "refused", "room": ROOM, "doc": "00" * 16, "code": "NOBLOB", "text": "Not there."})
    (replicator,) = bench.scene.replicators
    replicator.left_out = ["Scene", "Cube"]
    for n in range(1, 6):  # each is one more attempt
        assert not task.done
        bench.tick({"t": "flushed", "room": ROOM, "n": n, "seq": 9})
    assert task.done and bench.state.phase == "JOINED" and replicator.log.count("upload_again") == 4
    assert "“Scene”, “Cube” was not taken" in bench.state.problem.sentence
    assert bench.state.problem.code == "NOT_ALL_SENT"
    assert "“Cube” did not all reach the room" in bench.state.fresh_refusals[0]


def test_the_name_of_a_room_is_measured_in_characters() -> None:
    """As its sentence says: in Japanese 21 characters are 63 bytes."""
    bench = Bench().in_lobby()
    for name in ("", "x" * 64, "部" * 64):
        with pytest.raises(Trouble) as refused:
            bench.session.create_room(name)
        assert refused.value.problem.code == "ROOM_NAME"
    bench.session.create_room("部" * 63)
    assert bench.engine.sent[-1]["name"] == "部" * 63


def test_the_bar_of_sending_grows_from_nothing() -> None:
    """The engine tells a moment later how much there is to send; until then nothing is sent, not everything."""
    bench = Bench().in_lobby()
    bench.session.create_room("Mine")
    bench.tick({"t": "joined", "room": ROOM, "handle": 3, "created": True, "name": "Mine"})
    values = []
    for operations in (None, 8, 6, 2, 0):
        bench.tick(*([{"t": "pending", "room": ROOM, "operations": operations}] if operations is not None else []))
        assert bench.state.progress is not None and bench.state.progress.text == "Sending the scene"
        values.append(bench.state.progress.value)
    assert values == [0.0, 0.0, 0.25, 0.75, 1.0]


@pytest.mark.parametrize("when", [Stage.ASKED, Stage.UPLOADING, Stage.SETTLING])
def test_a_room_that_is_being_created_is_given_up(when: Stage) -> None:
    """The scene stays as it is, and the server hears `leave`, upon which the room goes from everybody's list."""
    bench = Bench().in_lobby()
    bench.scene.replicator_steps = 3 if when is Stage.SETTLING else 1_000_000
    task = bench.session.create_room("Mine")
    if when is not Stage.ASKED:
        bench.engine.events.append({"t": "joined", "room": ROOM, "handle": 3, "created": True, "name": "Mine"})
        bench.session.tick(1.0)
        bench.tick({"t": "pending", "room": ROOM, "operations": 7}, times=1)
    assert bench.state.stage is when
    sent = len(bench.engine.sent)
    bench.session.cancel()
    bench.tick()
    assert bench.engine.sent[sent:] == [{"t": "leave", "room": ROOM} if when is not Stage.ASKED else {"t": "cancel"}]
    assert bench.scene.log == [] and bench.state.phase == "LOBBY" and bench.state.problem is None
    assert task.done and bench.state.here is None and bench.state.progress is None and bench.state.pending == 0
    assert all(replicator.log[-1] == "detach" for replicator in bench.scene.replicators)
    assert bench.session.replicator is None and not bench.session.has_work
    # What the engine had said before it heard of that changes nothing, and another room can be made.
    late = [{"t": "flushed", "room": ROOM, "n": 1, "seq": 9}] if when is Stage.SETTLING else []
    bench.tick({"t": "progress", "room": ROOM, "value": 0.5, "complete": False}, *late)
    assert bench.state.phase == "LOBBY" and bench.state.progress is None
    bench.scene.replicator_steps = 3
    again = bench.session.create_room("Mine")
    bench.tick({"t": "joined", "room": "ba" * 16, "handle": 4, "created": True, "name": "Mine"})
    number = bench.engine.sent[-1]["n"]
    bench.tick({"t": "flushed", "room": "ba" * 16, "n": number, "seq": 9})
    assert again.done and bench.state.phase == "JOINED"


def test_a_room_of_another_version_is_refused_with_both_named() -> None:
    bench = Bench().in_lobby()
    with pytest.raises(Trouble) as raised:
        bench.session.join_room("Old", "DISCARD")
    assert "4.2" in str(raised.value) and "5.0" in str(raised.value)
    with pytest.raises(Trouble) as raised:
        bench.session.join_room("New", "DISCARD")
    assert raised.value.problem.code == "NOT_READY"


def test_a_join_touches_the_scene_only_after_all_has_arrived() -> None:
    bench = Bench().in_lobby()
    task = bench.receiving()
    bench.tick(doc(1), progress(0.5, False), doc(2))
    assert bench.scene.log == [] and bench.state.stage is Stage.RECEIVING
    assert bench.state.progress is not None and bench.state.progress.value == 0.5
    bench.tick(progress(1.0, True))
    assert bench.scene.log == ["secure KEEP_COPY", "clear", "discard copy"]
    assert task.done and task.problem is None and bench.state.phase == "JOINED"


@pytest.mark.parametrize("when", ["asked", "receiving"])
def test_a_join_cancelled_early_changes_nothing(when: str) -> None:
    bench = Bench().in_lobby()
    if when == "asked":
        bench.session.join_room("Set", "DISCARD")
    else:
        bench.receiving("DISCARD")
        bench.tick(doc(1))
    bench.session.cancel()
    assert bench.scene.log == [] and bench.state.phase == "LOBBY" and bench.state.problem is None
    assert bench.engine.kinds()[-1] == "leave"


def test_a_join_that_fails_while_building_brings_the_scene_back() -> None:
    bench = Bench().in_lobby()
    bench.scene.replicator_fails = "replace_all"
    task = bench.receiving("DISCARD")
    bench.tick(progress(1.0, True))
    assert bench.scene.log == ["secure DISCARD", "clear", "restore copy"]
    assert task.problem is not None and task.problem.code == "REPLACE_FAILED"
    assert bench.engine.kinds()[-1] == "leave" and bench.state.phase == "LOBBY"


@pytest.mark.parametrize("how", ["cancel", "closed", "offline"])
def test_a_join_interrupted_while_building_brings_the_scene_back(how: str) -> None:
    bench = Bench().in_lobby()
    bench.scene.replicator_steps = 1_000_000
    task = bench.receiving("SAVE")
    bench.engine.events.append(progress(1.0, True))
    bench.session.tick(1.0)
    bench.session.tick(1.0)
    assert bench.state.stage is Stage.REPLACING
    if how == "cancel":
        bench.session.cancel()
    elif how == "closed":
        bench.tick({"t": "closed", "room": ROOM, "code": "NOROOM"}, times=1)
    else:
        bench.tick({"t": "state", "state": "OFFLINE", "code": "CLOSED"}, times=1)
    assert bench.scene.log[:3] == ["secure SAVE", "clear", "restore copy"]
    assert task.done and bench.state.here is None


@pytest.mark.parametrize("how", ["fails", "cancel", "closed", "offline"])
def test_a_scene_that_does_not_come_back_is_told_where_it_lies(how: str) -> None:
    bench = Bench().in_lobby()
    bench.scene.fails = "restore"
    bench.scene.replicator_steps = 1_000_000
    if how == "fails":
        bench.scene.replicator_fails = "replace_all"
    task = bench.receiving("DISCARD")
    bench.engine.events.append(progress(1.0, True))
    bench.session.tick(1.0)
    bench.session.tick(1.0)
    assert bench.state.stage is Stage.REPLACING or how == "fails"
    if how == "cancel":
        bench.session.cancel()
    elif how == "closed":
        bench.engine.events.append({"t": "closed", "room": ROOM, "code": "NOROOM"})
    elif how == "offline":
        bench.engine.events.append({"t": "state", "state": "OFFLINE", "code": "CLOSED"})
    bench.tick(times=2)
    assert task.done and bench.state.here is None
    assert bench.state.problem is not None and "/home/recovered/copy.blend" in bench.state.problem.sentence


def test_a_room_that_is_still_being_left_is_joined_when_that_is_done() -> None:
    bench = Bench().in_lobby().joined()
    bench.session.file_loads()  # the server says nothing, and Blender does not wait
    before = bench.engine.kinds().count("join")
    bench.session.join_room("Set", "DISCARD")
    bench.tick()
    assert bench.engine.kinds().count("join") == before
    bench.tick({"t": "state", "state": "LOBBY", "address": "192.0.2.7:12800"})
    assert bench.engine.kinds().count("join") == before + 1


@pytest.mark.parametrize("stage", ["live", "replacing", "nowhere"])
def test_who_quits_sends_what_was_changed_last(stage: str) -> None:
    bench = Bench().in_lobby()
    if stage == "live":
        bench.receiving("DISCARD")
        bench.tick(progress(1.0, True))
        assert bench.state.stage is Stage.LIVE
    elif stage == "replacing":
        bench.scene.replicator_steps = 1_000_000
        bench.receiving("DISCARD")
        bench.engine.events.append(progress(1.0, True))
        bench.session.tick(1.0)
    bench.session.quits()
    assert ("leave" in bench.engine.kinds()) == (stage == "live")
    if stage == "live":
        assert "capture_all" in bench.scene.replicators[-1].log and bench.state.here is None
    bench.session.close()
    if stage == "replacing":
        assert bench.scene.log[-1] == "restore copy"


def test_a_scene_that_cannot_be_saved_is_not_touched() -> None:
    bench = Bench().in_lobby()
    bench.scene.fails = "secure"
    task = bench.receiving("SAVE")
    bench.tick(progress(1.0, True))
    assert bench.scene.log == [] and task.problem is not None
    assert "The disk is full." in task.problem.sentence


def test_with_a_window_unsaved_work_is_asked_about() -> None:
    bench = Bench().in_lobby()
    bench.scene.unsaved = True
    sent = len(bench.engine.sent)
    assert bench.session.join_room("Set", "ASK") is None
    assert bench.state.ask_unsaved == ROOM and len(bench.engine.sent) == sent
    bench.session.cancel()
    assert bench.state.ask_unsaved == "" and bench.state.phase == "LOBBY"
    bench.scene.unsaved = False
    assert bench.session.join_room("Set", "ASK") is not None


def test_in_background_unsaved_work_is_kept_as_a_copy() -> None:
    bench = Bench(background=True, trust_first=True).in_lobby()
    bench.receiving("ASK")
    bench.tick(progress(1.0, True))
    assert bench.scene.log[0] == "secure KEEP_COPY"


def test_a_refused_create_ends_in_the_lobby_with_the_reason() -> None:
    bench = Bench().in_lobby()
    task = bench.session.create_room("Set")
    bench.tick({"t": "error", "re": "create", "code": "EXISTS", "text": "It exists already."})
    assert task.problem is not None and "Set" in task.problem.sentence and bench.state.phase == "LOBBY"


def test_leaving_captures_and_says_goodbye() -> None:
    bench = Bench().in_lobby().joined()
    replicator = bench.scene.replicators[0]
    task = bench.session.leave_room()
    bench.tick()
    assert replicator.log[-2:] == ["capture_all", "detach"] and bench.engine.kinds()[-1] == "leave"
    assert not task.done and "mark_unsaved" in bench.scene.log
    bench.tick({"t": "state", "state": "LOBBY"})
    assert task.done and bench.state.phase == "LOBBY"


def test_loading_another_file_leaves_and_offers_to_come_back() -> None:
    bench = Bench().in_lobby().joined()
    bench.engine.events.append({"t": "state", "state": "LOBBY"})
    bench.session.file_loads()
    assert bench.engine.kinds()[-1] == "leave" and bench.state.here is None
    assert bench.state.left is not None and bench.state.left.id == ROOM


@pytest.mark.parametrize("why", ["no answer", "rendering", "full"])
def test_loading_another_file_is_held_for_a_moment_only_and_always_leaves(why: str) -> None:
    """Still in the room, the session would take the other file for changes to it: everything deleted."""
    bench = Bench().in_lobby().joined()
    bench.scene.rendering = why == "rendering"
    bench.scene.replicators[0].full = 1_000_000 if why == "full" else 0
    begin = time.monotonic()
    bench.session.file_loads()
    assert time.monotonic() - begin < 2.0
    assert bench.state.here is None and bench.state.left is not None and bench.session.replicator is None
    assert bench.engine.kinds()[-1] == "leave" and bench.scene.replicators[0].log[-1] == "detach"


def test_loading_a_file_while_building_restores_nothing_over_it() -> None:
    bench = Bench().in_lobby()
    bench.scene.replicator_steps = 1_000_000
    bench.receiving("DISCARD")
    bench.engine.events.append(progress(1.0, True))
    bench.session.tick(1.0)
    bench.session.tick(1.0)
    bench.session.file_loads()
    assert "restore copy" not in bench.scene.log and bench.state.left is None


def test_flush_captures_asks_and_drains() -> None:
    bench = Bench().in_lobby().joined()
    task = bench.session.flush()
    bench.tick(doc(5))
    assert bench.engine.kinds()[-1] == "flush" and "capture_all" in bench.scene.replicators[0].log
    bench.tick({"t": "flushed", "room": ROOM, "n": 1, "seq": 5})
    assert task.done and task.problem is None


def test_flush_goes_on_when_the_queue_was_full() -> None:
    bench = Bench().in_lobby().joined()
    bench.scene.replicators[0].full = 2
    task = bench.session.flush()
    bench.tick(times=6)
    assert bench.engine.kinds()[-1] == "flush" and not task.done


def test_refusals_reach_the_user_and_the_replicator() -> None:
    bench = Bench().in_lobby().joined()
    bench.scene.rendering = True
    bench.tick({"t": "refused", "room": ROOM, "doc": "00" * 16, "code": "DENIED", "text": "No."})
    assert bench.state.refusals == ["Your last change to “Cube” was not taken by the room. No."]
    bench.tick({"t": "refused", "room": ROOM, "doc": "11" * 16, "code": "NEW", "text": "It rained."})
    bench.tick({"t": "refused", "room": ROOM, "doc": "00" * 16, "code": "GONE", "text": "The document was deleted."})
    assert bench.state.fresh_refusals[1:] == [
        "One of your changes was not taken by the room. It rained.",
        "“Cube” was deleted by somebody else, and your last change to it with it.",
    ]
    bench.state.clock = lambda: bench.state.refused_at + 3600
    assert bench.state.fresh_refusals == [] and len(bench.state.refusals) == 3
    assert bench.session.link is not None and bench.session.link.poll()[0]["t"] == "refused"


def test_what_was_healed_is_counted_in_the_details() -> None:
    bench = Bench().in_lobby().joined()
    trouble = problem("CLOSED")
    assert "Healed" not in bench.state.report(trouble)
    bench.tick({"t": "healed", "room": ROOM, "doc": "00" * 16, "seq": 5, "count": 1})
    bench.tick({"t": "healed", "room": ROOM, "doc": "11" * 16, "seq": 6, "count": 2})
    assert bench.state.report(trouble).endswith("\nHealed: 2")


def test_rendering_stops_capture_and_apply_and_says_so() -> None:
    bench = Bench().in_lobby().joined()
    replicator = bench.scene.replicators[0]
    replicator.log.clear()
    bench.scene.rendering = True
    bench.tick(doc(7))
    assert replicator.log == [] and bench.state.paused
    bench.scene.rendering = False
    bench.tick()
    assert "tick" in replicator.log and not bench.state.paused


def test_connecting_and_leaving_do_not_wait_for_a_render() -> None:
    """It may take hours; what reads or writes the scene waits for it."""
    bench = Bench()
    bench.scene.rendering = True
    bench.session.connect("192.0.2.7")
    bench.tick()
    assert bench.engine.kinds() == ["connect"]
    bench = Bench().in_lobby().joined()
    bench.scene.rendering = True
    flush = bench.session.flush()
    bench.tick(times=5)
    assert "capture_all" not in bench.scene.replicators[0].log and not flush.done
    leave = bench.session.leave_room()
    bench.tick()
    bench.tick({"t": "state", "state": "LOBBY"})
    assert leave.done and "capture_all" not in bench.scene.replicators[0].log
    bench.scene.log.clear()
    bench.receiving("DISCARD")
    bench.tick(progress(1.0, True), times=5)
    assert not any(line.startswith(("secure", "clear")) for line in bench.scene.log)
    bench.scene.rendering = False
    bench.tick(times=10)
    assert "clear" in bench.scene.log


def test_what_others_have_changed_is_said_to_be_in_no_file() -> None:
    bench = Bench().in_lobby().joined()
    assert not bench.session.others_work_is_unsaved
    bench.tick(doc(9))
    assert bench.session.others_work_is_unsaved
    bench.scene.holds_others_work = False  # saved
    assert not bench.session.others_work_is_unsaved


def test_what_was_about_a_room_of_another_host_is_forgotten() -> None:
    bench = Bench().in_lobby()
    bench.scene.unsaved = True
    bench.session.join_room("Set", "ASK")
    bench.tick({"t": "rooms", "rooms": []})
    assert bench.state.ask_unsaved == ""
    bench = Bench().in_lobby().joined()
    bench.engine.events.append({"t": "state", "state": "LOBBY"})
    bench.session.file_loads()
    assert bench.state.left is not None
    bench.session.disconnect()
    bench.tick({"t": "state", "state": "OFFLINE"}, times=3)
    assert bench.state.left is None


def test_a_long_render_leaves_the_events_in_the_engine() -> None:
    bench = Bench().in_lobby().joined()
    bench.scene.rendering = True
    bench.engine.events = [doc(n) for n in range(6000)]
    bench.tick(times=30)
    assert 0 < len(bench.engine.events) < 6000


def test_reconnecting_keeps_the_room_and_revives_the_server_here() -> None:
    bench = Bench()
    bench.session.connect("localhost")
    bench.tick({"t": "welcome", "host": True}, {"t": "state", "state": "LOBBY", "address": "localhost:12800"})
    bench.tick({"t": "rooms", "rooms": [{"id": ROOM, "name": "Set", "blender": [5, 0, 1], "ready": True}]})
    bench.joined()
    bench.tick({"t": "state", "state": "RECONNECTING", "address": "localhost:12800", "code": "CLOSED", "attempt": 1})
    assert bench.state.phase == "RECONNECTING" and bench.state.here is not None and bench.session.replicator is not None
    assert len(bench.starts) == 2
    bench.tick({"t": "state", "state": "JOINED", "address": "localhost:12800", "attempt": 1})
    assert bench.state.phase == "JOINED" and bench.state.problem is None


def test_since_when_one_is_connected_is_told_until_the_line_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the clock on the wall, whatever happens in between; once back, since then."""
    now = [1000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    bench = Bench().in_lobby()
    now[0] += 60
    bench.joined()
    assert bench.state.connected_s == 1000.0
    bench.tick({"t": "state", "state": "RECONNECTING", "address": "192.0.2.7:12800", "code": "CLOSED", "attempt": 1})
    bench.tick({"t": "state", "state": "JOINED", "address": "192.0.2.7:12800", "attempt": 1})
    assert bench.state.connected_s == 1060.0


def test_who_is_on_the_way_back_is_told_why_it_takes_so_long() -> None:
    """Not to check the port: it was the right one a moment ago."""
    bench = Bench().in_lobby().joined()
    trouble = {"t": "state", "state": "RECONNECTING", "address": "192.0.2.7:12800", "attempt": 4}
    bench.tick({**trouble, "code": "NOT_ATRIUM", "error": "…", "detail": "192.0.2.7:12800 NOT_ATRIUM"})
    assert bench.state.phase == "RECONNECTING" and bench.state.in_room and bench.state.problem is not None
    assert "a login in the browser" in bench.state.problem.sentence
    bench.tick({**trouble, "code": "TUNNEL_EMPTY", "error": "…", "attempt": 5})
    assert "nobody is behind it" in bench.state.problem.sentence
    bench.tick({"t": "state", "state": "JOINED", "address": "192.0.2.7:12800"})
    assert bench.state.phase == "JOINED" and bench.state.problem is None


def back_at_the_door() -> Bench:
    """Let in once, into a server that was killed and has started anew: it asks again."""
    bench = Bench().in_lobby().joined()
    bench.tick({"t": "state", "state": "RECONNECTING", "address": "192.0.2.7:12800", "code": "CLOSED", "attempt": 1})
    bench.tick({"t": "state", "state": "KNOCKING", "address": "192.0.2.7:12800"})
    return bench


def test_who_has_to_knock_again_keeps_the_room() -> None:
    bench = back_at_the_door()
    assert bench.state.phase == "KNOCKING" and bench.state.in_room
    assert bench.session.replicator is not None and bench.session.replicator.log[-1] == "tick"
    assert bench.state.why_not("leave_room") is None and bench.state.why_not("disconnect") is None
    bench.tick({"t": "state", "state": "JOINED", "address": "192.0.2.7:12800"})
    assert bench.state.phase == "JOINED"


def test_giving_up_at_the_door_leaves_nothing_of_the_room() -> None:
    """The old replicator and its link stayed, and the next join took them for its own."""
    bench = back_at_the_door()
    replicator = bench.scene.replicators[-1]
    bench.session.cancel()
    assert bench.state.phase == "OFFLINE" and not bench.state.in_room
    assert bench.session.replicator is None and bench.session.link is None
    assert replicator.log[-1] == "detach" and bench.scene.log[-1] == "mark_unsaved"


def test_only_the_host_revives_the_server() -> None:
    bench = Bench()
    bench.session.connect("localhost")
    bench.tick({"t": "welcome", "host": False}, {"t": "state", "state": "LOBBY", "address": "localhost:12800"})
    bench.tick({"t": "state", "state": "RECONNECTING", "address": "localhost:12800", "code": "CLOSED", "attempt": 1})
    assert len(bench.starts) == 1  # that of connecting


def test_a_full_queue_keeps_the_commands_in_order() -> None:
    bench = Bench()
    bench.engine.room = 0
    bench.session.connect("192.0.2.7")
    bench.tick()
    bench.session.cancel()
    assert bench.engine.sent == []
    bench.engine.room = 10
    bench.tick()
    assert bench.engine.kinds() == ["connect", "cancel"]


def test_a_failing_replicator_shows_an_error_and_the_session_goes_on() -> None:
    bench = Bench().in_lobby().joined()
    bench.scene.replicators[0].fails = "tick"
    bench.tick()
    assert bench.state.phase == "JOINED" and bench.state.problem is not None
    assert "tick failed" in bench.state.problem.detail


def test_a_restart_is_said_for_a_while() -> None:
    bench = Bench().in_lobby().joined()
    now = [0.0]
    bench.state.clock = lambda: now[0]
    bench.tick({"t": "state", "state": "RECONNECTING", "attempt": 1, "restarts": True})
    assert bench.state.server_restarts
    now[0] = 20.0
    bench.tick({"t": "state", "state": "RECONNECTING", "attempt": 6, "restarts": True})
    assert bench.state.server_restarts
    now[0] = 31.0
    assert not bench.state.server_restarts, "it does not come back: the line is lost"
    bench.tick({"t": "state", "state": "JOINED"}, {"t": "state", "state": "RECONNECTING", "attempt": 1})
    assert not bench.state.server_restarts


def test_knocks_are_answered_once() -> None:
    bench = Bench().in_lobby()
    bench.tick(
        {"t": "knock", "key": "k1", "name": "Eve", "code": "X"}, {"t": "knock", "key": "k1", "name": "Eve", "code": "X"}
    )
    assert len(bench.state.knocks) == 1
    bench.session.answer_knock("k1", True, True)
    assert bench.engine.sent[-1] == {"t": "admit", "key": "k1", "remember": True} and bench.state.knocks == []
    with pytest.raises(Trouble):
        bench.session.answer_knock("k1", True, True)


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
    assert bench.engine.sent[-1]["host"] == "tcp://0.tcp.example.org:12489"


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
    bench.session.connect("192.0.2.1:12800", into=ROOM)
    bench.tick({"t": "state", "state": "LOBBY", "address": "192.0.2.1:12800"})
    bench.tick({"t": "welcome", "host": False, "port": 12800}, {"t": "rooms", "rooms": rooms})
    assert bench.engine.sent[-1]["t"] == "join" and bench.engine.sent[-1]["room"] == ROOM


def test_a_room_that_was_clicked_and_has_gone_leads_to_the_list() -> None:
    bench = Bench(background=True)
    bench.session.connect("192.0.2.1:12800", into=ROOM)
    bench.tick({"t": "state", "state": "LOBBY", "address": "192.0.2.1:12800"})
    bench.tick({"t": "welcome", "host": False, "port": 12800}, {"t": "rooms", "rooms": []})
    assert bench.state.problem is not None and bench.state.problem.code == "CLICKED_ROOM_GONE"
    assert bench.state.link == "LOBBY"


def test_close_is_idempotent_and_ends_every_wait() -> None:
    bench = Bench().in_lobby()
    task = bench.receiving()
    bench.session.close()
    bench.session.close()
    assert bench.engine.closed == 1 and task.done and bench.state.phase == "OFFLINE"


def test_a_step_that_shows_no_other_number_draws_nothing_anew() -> None:
    """A build takes a step every millisecond; a panel that is drawn as often leaves no time for clicks."""
    state = Bench().state
    state.set_progress(0.0, "Building the scene")
    before = state.revision
    for step in range(5000):
        state.set_progress(step / 5000)
    assert 90 <= state.revision - before <= 101
    assert state.progress is not None and state.progress.value == 4999 / 5000


# --- invites and passwords -------------------------------------------------------------------------------------------

LINK = "atrium://join#AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"


def test_an_invite_leads_into_its_room_and_is_shown_nowhere() -> None:
    bench = Bench(background=True)
    state = bench.state
    state.settings.host = f"Come over: {LINK}!"
    bench.session.connect(state.settings.host)
    bench.tick()
    assert bench.engine.sent[0]["host"] == f"Come over: {LINK}!"
    assert "join#" not in state.address and "join#" not in (state.task.text if state.task else "")
    bench.tick(
        {"t": "state", "state": "LOBBY", "address": "192.0.2.7:12800"},
        {"t": "welcome", "host": False, "port": 12800, "invited_to": ROOM},
        {
            "t": "rooms",
            "rooms": [{"id": ROOM, "name": "Set", "users": 1, "bytes": 1, "blender": [5, 0, 1], "ready": True}],
        },
    )
    assert bench.engine.kinds() == ["connect", "rooms", "join"]
    assert state.task is not None and state.task.kind == "join" and not state.task.done
    assert state.settings.host == "192.0.2.7:12800"


def test_an_invite_stays_in_the_host_box_where_the_address_is_not_shown_whole() -> None:
    """Its tunnel's token is stars by then, and leads nowhere."""
    bench = Bench()
    bench.state.settings.host = LINK
    bench.session.connect(LINK)
    bench.tick()
    bench.tick(
        {"t": "state", "state": "LOBBY", "address": "wss://x.example:443/p?***1f0a"},
        {"t": "welcome", "host": False, "port": 12800},
    )
    assert bench.state.settings.host == LINK and bench.state.history.hosts == []


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("SILENT", "The host of this invite answers at none of its addresses"),
        ("KEY_CHANGED", "Somebody else answers at 192.0.2.7:12800, an address of this invite"),
        ("CLOSED", "was closed before the host had answered"),
        ("TIMEOUT", "192.0.2.7:12800 took too long to answer"),
    ],
)
def test_an_invite_that_fails_is_not_told_like_a_typed_address(code: str, said: str) -> None:
    """It once said "another key than the one you trusted" to somebody who had never been asked to trust one."""
    bench = Bench()
    failure = {"t": "state", "state": "OFFLINE", "address": "192.0.2.7:12800", "code": code, "error": "No."}
    bench.session.connect(LINK)
    bench.tick(failure)
    assert bench.state.problem is not None and said in bench.state.problem.sentence
    bench.session.connect("192.0.2.7")
    bench.tick(failure)
    assert bench.state.problem.code == code and "invite" not in bench.state.problem.sentence


def test_an_invite_leads_nowhere_when_the_line_comes_back() -> None:
    """The engine shows it at every reconnect; who has left the room since then must not lose the scene to it."""
    bench = Bench()
    bench.session.connect(LINK)
    welcome = {"t": "welcome", "host": False, "port": 12800, "invited_to": ROOM}
    room = {"id": ROOM, "name": "Set", "users": 1, "bytes": 1, "blender": [5, 0, 1], "ready": True}
    bench.tick({"t": "state", "state": "LOBBY", "address": "192.0.2.7:12800"}, welcome)
    bench.tick({"t": "rooms", "rooms": []})
    assert bench.state.problem is not None and bench.state.problem.code == "INVITED_ROOM_GONE"
    bench.tick({"t": "state", "state": "RECONNECTING", "attempt": 1})
    bench.tick({"t": "state", "state": "LOBBY", "address": "192.0.2.7:12800"}, welcome)
    bench.tick({"t": "rooms", "rooms": [room]})
    assert "join" not in bench.engine.kinds() and bench.state.phase == "LOBBY"


def in_lobby(bench: Bench, **room: object) -> None:
    """Connected, with one room."""
    line = {"id": ROOM, "name": "Set", "users": 1, "bytes": 1, "blender": [5, 0, 1], "ready": True, **room}
    bench.tick(
        {"t": "state", "state": "LOBBY", "address": "192.0.2.7:12800"},
        {"t": "welcome", "host": False, "port": 12800, "invited_to": ROOM},
        {"t": "rooms", "rooms": [line]},
    )


def test_a_rooms_password_leads_into_the_room() -> None:
    bench = Bench(background=True)
    bench.session.connect("192.0.2.7", "a secret", "Set")
    bench.tick()
    in_lobby(bench)
    assert (bench.engine.sent[0]["password"], bench.engine.sent[0]["room"]) == ("a secret", "Set")
    assert bench.engine.kinds() == ["connect", "rooms", "join"]


def test_the_servers_password_leads_to_the_list_of_rooms() -> None:
    bench = Bench()
    bench.session.connect("192.0.2.7", "a secret")
    bench.tick()
    in_lobby(bench)
    assert "room" not in bench.engine.sent[0]
    assert bench.engine.kinds() == ["connect", "rooms"]


def test_who_has_created_a_room_sets_its_password() -> None:
    bench = Bench()
    bench.session.connect("192.0.2.7")
    in_lobby(bench, mine=True)
    assert bench.state.may_lock(bench.state.rooms[0]) and not bench.state.rooms[0].has_password
    task = bench.session.set_password("a secret", "Set")
    assert bench.engine.sent[-1] == {"t": "password", "text": "a secret", "room": ROOM}
    bench.tick({"t": "password", "set": True, "room": ROOM})
    assert task.done and task.problem is None and not bench.state.has_password
    with pytest.raises(Trouble, match="hosts"):
        bench.session.set_password("a secret")
    in_lobby(bench, mine=False, password=True)
    assert bench.state.rooms[0].has_password and not bench.state.may_lock(bench.state.rooms[0])
    with pytest.raises(Trouble, match="hosts"):
        bench.session.set_password("a secret", "Set")
    with pytest.raises(Trouble):
        bench.session.set_password("a secret", "Nowhere")


def test_an_invite_to_a_room_that_cannot_be_joined_says_so() -> None:
    bench = Bench(background=True)
    task = bench.session.connect(LINK)
    bench.tick(
        {"t": "state", "state": "LOBBY", "address": "192.0.2.7:12800"},
        {"t": "welcome", "host": False, "port": 12800, "invited_to": ROOM},
        {
            "t": "rooms",
            "rooms": [{"id": ROOM, "name": "Old", "users": 1, "bytes": 1, "blender": [4, 2, 9], "ready": True}],
        },
    )
    assert task.done and task.problem is None
    assert bench.state.phase == "LOBBY"
    assert bench.state.problem is not None and bench.state.problem.code == "BLENDER_VERSION"


def test_unsaved_work_is_asked_about_before_an_invite_replaces_it() -> None:
    bench = Bench()
    bench.scene.unsaved = True
    bench.session.connect(LINK)
    bench.tick(
        {"t": "state", "state": "LOBBY", "address": "192.0.2.7:12800"},
        {"t": "welcome", "host": False, "port": 12800, "invited_to": ROOM},
        {
            "t": "rooms",
            "rooms": [{"id": ROOM, "name": "Set", "users": 1, "bytes": 1, "blender": [5, 0, 1], "ready": True}],
        },
    )
    assert bench.state.ask_unsaved == ROOM
    assert "join" not in bench.engine.kinds()


def test_only_the_host_makes_invites() -> None:
    bench = Bench().in_lobby()
    bench.tick({"t": "welcome", "host": False, "port": 12800})
    for call in (
        lambda: bench.session.create_invite(1.0),
        bench.session.revoke_invites,
        lambda: bench.session.set_password("x"),
    ):
        with pytest.raises(Trouble) as raised:
            call()
        assert raised.value.problem.code == "NOT_HOST"
    bench.tick({"t": "welcome", "host": True, "port": 12800})
    task = bench.session.create_invite(2.0)
    bench.tick()
    assert bench.engine.sent[-1] == {"t": "invite_create", "expires_h": 2.0, "addresses": []}
    bench.tick({"t": "invite", "link": LINK, "expires": 0})
    bench.state.settings.public_address = ' "203.0.113.17:9090" '
    task = bench.session.create_invite(2.0)
    bench.tick()
    assert bench.engine.sent[-1]["addresses"] == [], "the server knows it, and where it belongs"
    bench.tick({"t": "invite", "link": LINK, "expires": 0})
    assert task.done and bench.state.invite == LINK and bench.state.invite_expires_s == 0
    bench.tick({"t": "invite", "link": LINK, "expires": 1_800_000_000})
    assert bench.state.invite_expires_s == 1_800_000_000
    task = bench.session.revoke_invites()
    bench.tick({"t": "invites_revoked", "count": 1})
    assert task.done and bench.state.invite == "" and bench.state.revoked
    bench.tick({"t": "invite", "link": LINK, "expires": 0})
    assert not bench.state.revoked
    task = bench.session.set_password("secret")
    bench.tick({"t": "error", "code": "INVAL", "text": "A password has at most 1,024 bytes.", "re": "password"})
    assert task.done and task.problem is not None


def test_the_panel_knows_what_an_invite_opens() -> None:
    """The server says for which room the link is; here that room has a name, also when one has left it meanwhile."""
    bench = Bench().in_lobby().joined()
    bench.tick({"t": "welcome", "host": True, "port": 12800})
    bench.session.create_invite(2.0)
    bench.tick()
    assert bench.engine.sent[-1]["room"] == ROOM
    bench.tick({"t": "invite", "link": LINK, "expires": 0, "room": ROOM})
    assert bench.state.invite_room == "Set"
    bench.state.here = None
    bench.tick({"t": "invite", "link": LINK, "expires": 0, "room": "cd" * 16})
    assert bench.state.invite_room == "Old"
    bench.tick({"t": "invite", "link": LINK, "expires": 0, "room": "00" * 16})
    assert bench.state.invite_room == ""


def test_whoever_hosts_can_remove_the_others() -> None:
    """All Blenders of a person go at once, as the server knows people by key; the host's own others are his."""
    bench = Bench().in_lobby().joined()
    people = [("aa" * 16, "k1", "Anna"), ("bb" * 16, "k1", "Anna"), ("cc" * 16, "k2", "Ben")]
    members = [{"member": n, "participant": p, "key": k, "name": name} for n, (p, k, name) in enumerate(people)]
    bench.tick({"t": "members", "members": members})
    assert not any(map(bench.state.may_remove, bench.state.users)), "a guest has no such right"
    with pytest.raises(Trouble) as raised:
        bench.session.remove_user("cc" * 16, False)
    assert raised.value.problem.code == "NOT_HOST"
    bench.tick({"t": "welcome", "host": True, "port": 12800})
    assert [user.name for user in bench.state.users if bench.state.may_remove(user)] == ["Ben"]
    for user, code in (("aa" * 16, "HOST_STAYS"), ("bb" * 16, "HOST_STAYS"), ("dd" * 16, "NO_USER"), ("", "NO_USER")):
        with pytest.raises(Trouble) as raised:
            bench.session.remove_user(user, False)
        assert raised.value.problem.code == code
    assert "refuse" not in bench.engine.kinds()
    bench.session.remove_user("cc" * 16, True)
    bench.tick()
    assert bench.engine.sent[-1] == {"t": "refuse", "key": "k2", "remember": True}


def test_whoever_hosts_can_allow_again_whom_he_keeps_out() -> None:
    bench = Bench().in_lobby()
    told = {"t": "kept_out", "users": [{"key": "k1", "name": "Eve"}, {"key": "k2", "name": ""}]}
    bench.tick(told)
    with pytest.raises(Trouble) as raised:
        bench.session.pardon("k1")
    assert raised.value.problem.code == "NOT_HOST"
    bench.tick({"t": "welcome", "host": True, "port": 12800}, told)
    assert [(user.key, user.name) for user in bench.state.kept_out] == [("k2", ""), ("k1", "Eve")], "the newest first"
    with pytest.raises(Trouble) as raised:
        bench.session.pardon("k3")
    assert raised.value.problem.code == "NOT_KEPT_OUT"
    bench.session.pardon("k1")
    bench.tick({"t": "kept_out", "users": []})
    assert bench.engine.sent[-1] == {"t": "pardon", "key": "k1"} and bench.state.kept_out == []
    bench.tick(told, {"t": "welcome", "host": True, "port": 12800})
    assert bench.state.kept_out == [], "the next server says who it is there"


def test_secrets_do_not_reach_the_log(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    with caplog.at_level("DEBUG", logger="atrium"):
        bench.session.connect(LINK)
        bench.tick({"t": "invite", "link": LINK})
        bench.session.disconnect()
        bench.tick({"t": "state", "state": "OFFLINE"}, times=5)
        bench.session.connect("192.0.2.7", "a secret password")
        bench.tick()
    assert bench.engine.sent[-1]["password"] == "a secret password"
    assert "command" in caplog.text and "event" in caplog.text
    assert LINK not in caplog.text and "a secret" not in caplog.text


def test_an_invite_is_not_kept_in_the_settings(tmp_path: Any) -> None:
    kept = settings.Settings("Anna", (1.0, 0.5, 0.0), f"<{LINK}>")
    assert settings.save(tmp_path, kept)
    assert "join#" not in (tmp_path / settings.FILE).read_text()
    assert settings.load(tmp_path).host == "localhost"
