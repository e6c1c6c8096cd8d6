# SPDX-License-Identifier: MIT
"""From the host's address to the lobby, against a fake engine: connecting, trust, and the way back after a line was lost.

Every wait ends with a sentence that says what to do, a cancel is at once, and who was in a room is in it again.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from atrium_session.driver import Trouble

from tests.addon.bench import ROOM, Bench, hosting

REPO = Path(__file__).resolve().parents[2]

# --- connecting ------------------------------------------------------------------------------------------------------


def runs_with(*settings: str) -> dict[str, Any]:
    return {"t": "welcome", "host": True, "port": 12800, "runs_with": list(settings)}


LOCAL_LOBBY = {"t": "state", "state": "LOBBY", "address": "localhost:12800"}


def test_an_own_server_that_nobody_uses_gives_way_to_one_with_other_settings() -> None:
    """It was found again for ten minutes after the user had done what the panel said, and nothing changed."""
    bench = Bench()
    task = bench.session.connect("localhost")
    bench.tick()
    bench.tick(runs_with("discovery"), LOCAL_LOBBY, {"t": "rooms", "rooms": []})
    assert bench.engine.sent[-1] == {"t": "end", "unused": True}
    assert not task.done, "the list that came with the welcome is of the server that ends"
    bench.tick({"t": "state", "state": "RECONNECTING", "address": "localhost:12800", "code": "CLOSED", "attempt": 1})
    assert len(bench.starts) == 2 and bench.starts[1].how["bind"] == "::" and not task.done
    bench.tick(runs_with("network", "discovery", "map_port"), LOCAL_LOBBY, {"t": "rooms", "rooms": []})
    assert bench.engine.kinds() == ["connect", "end"] and task.done and task.problem is None
    assert not bench.session.server_differs and bench.state.problem is None


def test_an_own_server_that_is_used_stays_and_the_panel_offers_to_restart_it() -> None:
    bench = Bench()
    task = bench.session.connect("localhost")
    bench.tick()
    bench.tick(runs_with("discovery"), LOCAL_LOBBY, {"t": "rooms", "rooms": []})
    assert not task.done
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
    assert task.done and task.problem is None and bench.engine.kinds()[-1] == "end"


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
    assert bench.engine.kinds() == ["connect"] and not bench.session.server_differs


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
    assert bench.engine.kinds() == ["connect"] and bench.engine.sent[0]["rooms"] is True and not task.done
    bench.tick({"t": "rooms", "rooms": []})
    assert task.done and task.problem is None


def test_hosting_goes_to_nobody_elses_server() -> None:
    bench = Bench(port=12900)
    task = bench.session.host()
    bench.tick()
    assert bench.engine.sent[0]["own"] is True
    bench.tick(
        {"t": "probed", "address": "localhost:12900", "code": "X", "key": "new"}, {"t": "state", "state": "OFFLINE"}
    )
    assert task.done and task.problem is not None and task.problem.code == "OTHERS_SERVER"
    assert "port 12900" in task.problem.sentence and bench.state.problem is task.problem
    assert bench.state.phase == "OFFLINE" and bench.engine.kinds() == ["connect"]


@pytest.mark.parametrize(
    ("host", "asks"),
    [
        *(
            (typed, True)
            for typed in (
                "localhost",
                "localhost:9090",
                "localhost:9090/",
                "(localhost)",
                "LocalHost.",
                "“localhost : 9090”",
            )
        ),
        *((typed, False) for typed in ("127.0.0.1", "127.0.0.1:9090/", "192.0.2.7", "localhost -> 192.0.2.7:9090")),
    ],
)
def test_localhost_is_ones_own_server_or_asked_about(host: str, asks: bool) -> None:
    """A number is what somebody else has told: whoever works on one machine with others types that."""
    bench = Bench()
    bench.session.connect(host)
    bench.tick()
    (sent,) = bench.engine.sent
    assert sent.get("asks_here", False) is asks and "own" not in sent


@pytest.mark.parametrize(
    "host", ["localhost:9090", "localhost:9090/", "(localhost:9090)", "atrium://localhost:9090", "[::1]:9090."]
)
def test_a_server_is_started_for_whatever_the_engine_reads_as_this_machine(host: str) -> None:
    bench = Bench(online=False)
    bench.start_phase = "starting"
    bench.session.connect(host)
    bench.tick()
    assert [start.port for start in bench.starts] == [9090]


def test_connecting_begins_with_the_click_and_ends_with_the_first_tick_that_sees_the_list() -> None:
    """A tick is 5 ms away, and a near server answers within that: the first step waited for one, the question for the list for another."""
    bench = Bench()
    task = bench.session.connect("192.0.2.7")
    assert bench.engine.kinds() == ["connect"] and bench.engine.sent[0]["rooms"] is True
    revision = bench.state.revision
    bench.tick(times=1)
    assert bench.state.revision == revision, "nothing is drawn anew for nothing"
    bench.tick(
        {"t": "welcome", "host": False, "port": 12800},
        {"t": "state", "state": "LOBBY", "address": "192.0.2.7:12800"},
        {"t": "rooms", "rooms": [{"id": ROOM, "name": "Set", "blender": [5, 0, 1], "ready": True}]},
        times=1,
    )
    assert task.done and [room.name for room in bench.state.rooms] == ["Set"] and bench.engine.kinds() == ["connect"]


def test_looking_for_a_server_here_begins_with_the_click() -> None:
    bench = Bench()
    bench.start_phase = "looking"
    bench.session.connect("localhost")
    assert len(bench.starts) == 1 and bench.state.note == "Looking for a server on this machine"


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


def said_at_the_door() -> list[tuple[str, str]]:
    """What the server says of its own to who came to its door, with the code."""
    source = "".join(path.read_text("utf-8") for path in sorted((REPO / "csrc/server").glob("*.c")))
    calls = re.findall(r'conn_fail\(([^;]*?),\s*"hello"\);', source)
    found = [(re.search(r"ATR_(\w+)", call), re.search(r'"((?:[^"\\]|\\.)+)"', call)) for call in calls]
    return [(code[1], text[1]) for code, text in found if code and text]


def test_what_the_server_says_at_its_door_reaches_the_panel() -> None:
    texts = said_at_the_door()
    assert len(texts) == 8 and ("TIMEOUT", "The host has not answered.") in texts
    for code, text in texts:
        bench = Bench()
        task = bench.session.connect("192.0.2.7")
        failed = {"t": "state", "state": "OFFLINE", "address": "192.0.2.7:12800", "code": code, "detail": "closed"}
        bench.tick({**failed, "error": text, "said": True})
        assert task.problem is not None and text in task.problem.report(), code
        if code != "REFUSED":  # whose sentence says the same, and whom to ask
            assert text in task.problem.sentence, code
    bench = Bench()
    task = bench.session.connect("192.0.2.7")
    bench.tick({**failed, "code": "TIMEOUT", "error": "192.0.2.7:12800 took too long to answer: try again."})
    assert task.problem is not None and task.problem.code == "TIMEOUT", "the engine's own word"


def test_an_address_of_the_web_is_shown_as_it_was_typed() -> None:
    bench = Bench()
    task = bench.session.connect("https://x.trycloudflare.com")
    at = "wss://x.trycloudflare.com:443/atrium"
    bench.tick({"t": "state", "state": "OFFLINE", "address": at, "code": "RESOLVE", "error": "?"})
    assert task.problem is not None and task.problem.code == "WEB_RESOLVE"
    assert "in https://x.trycloudflare.com:" in task.problem.sentence and "ask for a new one" in task.problem.sentence
    task = bench.session.connect("[fe80::1%eth9]")
    bench.tick({"t": "state", "state": "OFFLINE", "address": "[fe80::1%eth9]:12800", "code": "RESOLVE", "error": "?"})
    assert task.problem is not None and "no network interface" in task.problem.sentence
    task = bench.session.connect("host.invalid")
    bench.tick({"t": "state", "state": "OFFLINE", "address": "host.invalid:12800", "code": "RESOLVE", "error": "?"})
    assert task.problem is not None and task.problem.code == "RESOLVE" and "host.invalid:12800" in task.problem.sentence


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


# --- the way back ----------------------------------------------------------------------------------------------------


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
