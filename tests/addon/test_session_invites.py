# SPDX-License-Identifier: MIT
"""Who may come in, against a fake engine: invites, passwords, knocks, and whom a host keeps out.

An invite opens the door for whoever holds it, so it stands in no error, no log and no setting.
"""

from __future__ import annotations

from typing import Any

import pytest
from atrium_session import settings
from atrium_session.driver import Trouble

from tests.addon.bench import LINK, ROOM, Bench

PAYLOAD = "AdhZpxwKvh0NX1gj5AKCiU9cOKCJweKOlKehcs9qFmJjqiC8kyoYTdzamnxnwJJgAAAAAAAAAAAAAAAAAAAAABBsAAAgJdvwIS_QAAAAAAAAAAAAAAAAAAAl2_I-EHug"


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
    assert bench.engine.kinds() == ["connect", "join"]
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


@pytest.mark.parametrize("ask", ["create_invite", "revoke_invites", "set_password"])
def test_a_question_that_the_line_has_lost_is_asked_again(ask: str) -> None:
    """The sentence stays when the connection is back, a moment later: else nobody would know that there is no invite."""
    bench = Bench().in_lobby()
    bench.tick({"t": "welcome", "host": True, "port": 12800})
    state = bench.state
    arguments: dict[str, Any] = {"create_invite": {"expires_h": 1}, "set_password": {"password": "x"}}.get(ask, {})
    task = getattr(bench.session, ask)(**arguments)
    bench.tick()
    command = bench.engine.kinds()[-1]
    text = "The connection was lost before the answer came: try again."
    bench.tick(
        {"t": "error", "code": "UNANSWERED", "text": text, "re": command},
        {"t": "state", "state": "RECONNECTING", "address": "localhost:12800", "attempt": 1},
    )
    assert task.done and task.problem is not None and task.problem.sentence == text
    bench.tick({"t": "state", "state": "RECONNECTING", "address": "localhost:12800", "code": "CLOSED", "attempt": 4})
    assert state.problem is not None and state.problem.code == "CLOSED"
    bench.tick({"t": "state", "state": "LOBBY", "address": "localhost:12800"})
    assert state.problem is not None and state.problem.sentence == text
    assert not getattr(bench.session, ask)(**arguments).done and state.problem is None
    bench.tick()
    assert bench.engine.kinds()[-1] == command


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


def test_a_row_that_was_clicked_was_a_hint() -> None:
    """Whose key was never trusted at that address cannot have changed it, and there is no old one to forget; the engine knows whether it was."""
    bench = Bench()
    failure = {"t": "state", "state": "OFFLINE", "address": "192.0.2.7:12800", "code": "KEY_CHANGED", "error": "No."}
    for found, said in ({"found": True}, "Another host answers at 192.0.2.7:12800"), ({}, "than the one you trusted"):
        bench.session.connect("192.0.2.7:12800", key="ab" * 32)
        bench.tick({**failure, **found})
        assert bench.state.problem is not None and said in bench.state.problem.sentence


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
    assert bench.engine.kinds() == ["connect", "join"]


def test_who_was_let_into_single_rooms_may_create_none() -> None:
    bench = Bench()
    bench.session.connect("192.0.2.7")
    for welcome, lets_create in (({}, True), ({"guest": True}, False)):
        bench.tick({"t": "welcome", "host": False, "port": 12800, **welcome})
        assert bench.state.host is not None and bench.state.host.lets_create is lets_create


def test_the_servers_password_leads_to_the_list_of_rooms() -> None:
    bench = Bench()
    bench.session.connect("192.0.2.7", "a secret")
    bench.tick()
    in_lobby(bench)
    assert "room" not in bench.engine.sent[0]
    assert bench.engine.kinds() == ["connect"]


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
    assert not bench.state.invite_only_here
    bench.tick({"t": "invite", "link": LINK, "expires": 0, "only_here": True})
    assert bench.state.invite_only_here
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
    told = {"t": "kept_out", "users": [{"key": "k1", "name": "Eve", "code": "0123-4567"}, {"key": "k2", "name": ""}]}
    bench.tick(told)
    with pytest.raises(Trouble) as raised:
        bench.session.pardon("k1")
    assert raised.value.problem.code == "NOT_HOST"
    bench.tick({"t": "welcome", "host": True, "port": 12800}, told)
    people = [(user.key, user.name, user.check_code) for user in bench.state.kept_out]
    assert people == [("k2", "", ""), ("k1", "Eve", "0123-4567")], "the newest first"
    with pytest.raises(Trouble) as raised:
        bench.session.pardon("k3")
    assert raised.value.problem.code == "NOT_KEPT_OUT"
    bench.session.pardon("k1")
    bench.tick({"t": "kept_out", "users": []})
    assert bench.engine.sent[-1] == {"t": "pardon", "key": "k1"} and bench.state.kept_out == []
    bench.tick(told, {"t": "welcome", "host": True, "port": 12800})
    assert bench.state.kept_out == [], "the next server says who it is there"


def test_who_knocked_before_the_line_was_lost_knocks_again_or_has_gone() -> None:
    bench = Bench().in_lobby()
    knock = {"t": "knock", "key": "k1", "name": "Eve", "code": "X"}
    bench.tick({"t": "welcome", "host": True, "port": 12800}, knock)
    assert [one.key for one in bench.state.knocks] == ["k1"]
    bench.tick({"t": "state", "state": "RECONNECTING"}, {"t": "welcome", "host": True, "port": 12800})
    assert bench.state.knocks == []
    bench.tick(knock)
    assert [one.key for one in bench.state.knocks] == ["k1"]


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


@pytest.mark.parametrize("begin", ["trium://join#", "atrium://join%23", "atrium://join/#", "ATRIUM://JOIN#", "#", ""])
def test_an_invite_with_a_damaged_beginning_is_one(begin: str, caplog: Any, tmp_path: Any) -> None:
    """It was taken for an address: its token stood in the panel, in the log and in the settings."""
    pasted, payload = begin + PAYLOAD, PAYLOAD
    with caplog.at_level("DEBUG"):
        bench = Bench()
        bench.session.connect(pasted)
        bench.tick()
        assert bench.state.by_invite
        bench.state.settings.host = bench.state.settings.public_address = pasted
        bench.session._send({"t": "reach", "public": pasted})
    assert bench.engine.sent[0]["host"] == pasted
    assert payload[:8] not in caplog.text
    assert payload[:8] not in bench.state.address and payload[:8] not in str(bench.state.task)
    assert settings.save(tmp_path, bench.state.settings)
    assert payload not in (tmp_path / settings.FILE).read_text()


def test_an_invite_is_not_kept_in_the_settings(tmp_path: Any) -> None:
    kept = settings.Settings("Anna", (1.0, 0.5, 0.0), f"<{LINK}>")
    assert settings.save(tmp_path, kept)
    assert "join#" not in (tmp_path / settings.FILE).read_text()
    assert settings.load(tmp_path).host == "localhost"


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
