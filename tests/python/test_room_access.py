# SPDX-License-Identifier: MIT
"""Somebody who was let into one room is in that room, and to him the server has no other: no other rooms, no other users, nothing to create.

By an invite for a room, or by the room's password: typed with the room's name before anything proves that he may know of it, so a name that does not
exist must answer as one that does. The table of rights is tested in tests/c/test_rights.c.
"""

from __future__ import annotations

import base64
import json
import signal
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atrium import AtriumError, Client

from .conftest import Process, Wire, eventually, settle
from .raw import CONTROL, STATE, Raw, frame, hello, message
from .test_entering import connect_in_thread

Start = Callable[..., Process]
Clients = Callable[..., Client]
SECRET = "nur für den Film"


def fails(code: str, call: Callable[..., object], *words: object, **options: object) -> AtriumError:
    with pytest.raises(AtriumError) as failure:
        call(*words, **options)
    assert failure.value.code == code, failure.value
    return failure.value


def names(client: Client) -> list[str]:
    return sorted(room.name for room in client.rooms())


def test_an_invite_to_a_room_opens_that_room_alone(server: Process, host: Client, clients: Clients) -> None:
    film, book = host.create_room("Film"), host.create_room("Book")
    guest = clients("guest")
    guest.connect(host.create_invite(film.id), timeout=10)
    assert guest.invited_to == film.id
    assert names(guest) == ["Film"]
    room = guest.join(film.id)
    assert {member["name"] for member in room.members} == {"script"}
    fails("NOROOM", lambda: guest.join("Book"))
    join = {"t": "join", "room": book.id, "blender": [5, 0, 1]}
    there = fails("NOROOM", lambda: guest._enter(join, 5))
    nowhere = fails("NOROOM", lambda: guest._enter({**join, "room": "ab" * 16}, 5))
    assert there.text == nowhere.text
    assert "single rooms" in fails("DENIED", lambda: guest.create_room("Mine")).text
    fails("DENIED", guest.create_invite)
    fails("DENIED", lambda: guest.set_password("mine"))
    fails("DENIED", lambda: guest.set_password("mine", room=film.id))
    fails("NOROOM", lambda: guest.set_password("mine", room=book.id))
    room.create({"type": "Text"})  # it works there like anybody
    room.flush(10)
    settle([host], lambda: film.documents, what="the guest's document")
    host.create_room("Third")
    guest.pump(0.3)
    assert names(guest) == ["Film"]


def test_an_invite_to_everything_opens_everything(host: Client, clients: Clients) -> None:
    host.create_room("Film")
    host.create_room("Book")
    guest = clients("guest")
    guest.connect(host.create_invite(), timeout=10)
    assert names(guest) == ["Book", "Film"]
    guest.create_room("Mine")
    assert [room.name for room in guest.rooms() if room.is_mine] == ["Mine"]


def test_a_guest_keeps_its_rooms_when_links_are_made_anew(
    server: Process, host: Client, clients: Clients, start: Start
) -> None:
    film, book = host.create_room("Film"), host.create_room("Book")
    first, second = host.create_invite(film.id), host.create_invite(book.id)
    guest, late = clients("guest"), clients("late")
    guest.connect(first, timeout=10)
    guest.disconnect()
    assert host.revoke_invites() == 2
    guest.connect(first, timeout=10)  # the old link still says which host
    assert guest.invited_to == film.id and names(guest) == ["Film"]
    guest.disconnect()
    fails("INVITE", lambda: late.connect(second, timeout=10))
    guest.connect(host.create_invite(book.id), timeout=10)
    assert guest.invited_to == book.id and names(guest) == ["Book", "Film"]
    guest.disconnect()
    kept = server.home / "server" / "guests"
    rows = "".join(f"room {guest.key} {room.id} script\n" for room in (film, book))
    eventually(lambda: kept.read_text() == rows, what="the list")
    guest.connect(host.create_invite(), timeout=10)  # and then everything
    host.create_room("Third")
    settle([guest], lambda: names(guest) == ["Book", "Film", "Third"], what="the third room")
    eventually(lambda: kept.read_text() == f"allow {guest.key} script\n", what="the new list")


def test_a_guest_brings_its_room_back_and_no_other(
    server: Process, host: Client, clients: Clients, start: Start, raw: Callable[[int], Raw]
) -> None:
    film = host.create_room("Film")
    film.create({"type": "Text"})
    film.flush()
    guest = clients("guest")
    guest.connect(host.create_invite(film.id), timeout=10)
    room = guest.join(film.id)
    host.close()
    server.end(signal.SIGKILL)
    settle([guest], lambda: guest.state == "RECONNECTING", what="the cut")
    start("--bind", "127.0.0.1", "--port", str(server.port), home=server.home)
    settle([guest], lambda: guest.state == "JOINED", what="the return")
    room.create({"type": "Text"})
    room.flush(10)
    assert len(room.documents) == 2
    fails("DENIED", lambda: guest.set_password("mine", room=film.id))  # bringing back is not creating
    lost = {"t": "create", "name": "x", "blender": [5, 0, 1], "schema": 1, "room": "cd" * 16, "base": 1}
    guest._engine.send(lost)  # the engine makes a new one of it: also not for a guest
    settle([guest], lambda: guest._now.error is not None, what="the refusal")
    assert guest._now.error and guest._now.error.code == "DENIED"


def test_who_types_the_rooms_password_is_in_that_room_alone(server: Process, host: Client, clients: Clients) -> None:
    film = host.create_room("Film")
    host.create_room("Book")
    host.set_password(SECRET, room=film.id)
    guest, address = clients("guest"), f"127.0.0.1:{server.port}"
    guest.connect(address, SECRET, room="Film", timeout=20)
    assert guest.invited_to == film.id
    assert names(guest) == ["Film"]
    assert [room.has_password for room in guest.rooms()] == [True]
    guest.disconnect()
    guest.connect(address)  # known by its key from now on
    assert names(guest) == ["Film"]
    for path in server.home.rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes()
    kept = server.home / "server" / "password"
    assert kept.read_text().startswith(f"room {film.id} argon2id ")
    assert kept.stat().st_mode & 0o77 == 0


def test_a_rooms_password_is_no_other_rooms_and_not_the_servers(
    server: Process, host: Client, clients: Clients
) -> None:
    film, book = host.create_room("Film"), host.create_room("Book")
    host.set_password("server's")
    host.set_password("film's", room=film.id)
    host.set_password("book's", room=book.id)
    address = f"127.0.0.1:{server.port}"
    wrong: list[tuple[str | None, str]] = [
        (None, "film's"),
        ("Film", "server's"),
        ("Film", "book's"),
        ("film", "film's"),
        ("", "film's"),
    ]
    for i, (room, password) in enumerate(wrong):
        fails("PASSWORD", clients(f"thief {i}").connect, address, password, room=room, timeout=20)
    guest = clients("guest")
    guest.connect(address, "book's", room="Book", timeout=20)
    assert names(guest) == ["Book"]
    guest.disconnect()
    guest.connect(address, "server's", timeout=20)
    assert names(guest) == ["Book", "Film"]


def test_passwords_of_rooms_are_changed_removed_and_outlive_the_server(
    server: Process, host: Client, clients: Clients, start: Start
) -> None:
    film = host.create_room("Film")
    address = f"127.0.0.1:{server.port}"
    host.set_password("first", room=film.id)
    host.set_password("second", room=film.id)
    fails("PASSWORD", lambda: clients("one").connect(address, "first", room="Film", timeout=20))
    clients("two").connect(address, "second", room="Film", timeout=20)
    host.close()
    server.end(signal.SIGKILL)
    start("--bind", "127.0.0.1", "--port", str(server.port), home=server.home)
    early = clients("three")  # before the room is back: the password is right, and he is asked about
    fails("KNOCKING", lambda: early.connect(address, "second", room="Film", timeout=5))
    host = clients(home=server.home)
    host.connect(server.address)
    again = host.create_room("Film")
    host.set_password("third", room=again.id)
    host.set_password("", room=again.id)
    fails("PASSWORD", lambda: clients("four").connect(address, "third", room="Film", timeout=20))


def restarted(server: Process, start: Start, host: Client, clients: Clients) -> Client:
    """The host, on the next day: her server has ended, and with it all rooms."""
    host.close()
    server.end(signal.SIGTERM)
    start("--bind", "127.0.0.1", "--port", str(server.port), home=server.home)
    host = clients(home=server.home)
    host.connect(server.address)
    return host


def test_a_room_of_the_next_day_has_its_own_password_and_not_that_of_its_namesake(
    server: Process, host: Client, clients: Clients, start: Start
) -> None:
    kept, address = server.home / "server" / "password", f"127.0.0.1:{server.port}"
    host.set_password("Monday's", room=host.create_room("Anna's scene").id)
    host.set_password("the book's", room=host.create_room("Book").id)
    host = restarted(server, start, host, clients)
    room = host.create_room("Anna's scene")
    fails("PASSWORD", lambda: clients("early").connect(address, "Monday's", room="Anna's scene", timeout=20))
    host.set_password("Tuesday's", room=room.id)
    guest = clients("guest")
    guest.connect(address, "Tuesday's", room="Anna's scene", timeout=20)
    assert guest.invited_to == room.id and names(guest) == ["Anna's scene"]
    fails("PASSWORD", lambda: clients("late").connect(address, "Monday's", room="Anna's scene", timeout=20))
    rooms = sorted(line.split(" ", 6)[-1].split(" ", 1)[-1] for line in kept.read_text().splitlines())
    assert rooms == ["Anna's scene", "Anna's scene", "Book"]  # Monday's may be brought back


def test_a_guest_whose_room_is_gone_knocks_like_a_stranger(
    server: Process, host: Client, clients: Clients, start: Start
) -> None:
    """He stood in a lobby without rooms, where he may create none, and nobody was asked about him."""
    film, address = host.create_room("Film"), f"127.0.0.1:{server.port}"
    link, late = host.create_invite(film.id), clients("late")
    guest, member = clients("guest"), clients("member")
    guest.connect(link, timeout=10)
    assert guest.welcome["guest"] is True and "guest" not in host.welcome
    guest.disconnect()
    member.connect(host.create_invite(), timeout=10)
    assert "guest" not in member.welcome
    member.disconnect()
    host = restarted(server, start, host, clients)
    for one, way in ((guest, address), (guest, link), (late, link)):
        fails("KNOCKING", one.connect, way, timeout=1)
    member.connect(address)
    assert names(member) == []
    host.create_room("Tuesday")
    fails("KNOCKING", guest.connect, address, timeout=1)  # another room is none of his
    thread, failures = connect_in_thread(guest, address)
    settle([host], lambda: guest.key in host.knocks, what="the knock")
    assert host.knocks[guest.key].code == guest.check_code
    host.admit(guest.key)
    thread.join(20)
    assert not failures and names(guest) == ["Tuesday"]
    guest.create_room("Mine")


def test_who_knocks_is_let_in_when_his_room_is_brought_back(
    server: Process, host: Client, clients: Clients, start: Start, raw: Callable[[int], Raw]
) -> None:
    film, address = host.create_room("Film"), f"127.0.0.1:{server.port}"
    link, guest, other = host.create_invite(film.id), clients("guest"), clients("other")
    guest.connect(link, timeout=10)
    guest.disconnect()
    other.connect(host.create_invite(host.create_room("Book").id), timeout=10)
    other.disconnect()
    host = restarted(server, start, host, clients)
    threads = [connect_in_thread(one, address) for one in (guest, other)]
    settle([host], lambda: {guest.key, other.key} <= set(host.knocks), what="the knocks")
    payload = link.split("#")[1]
    token = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))[33:49].hex()
    peer = raw(server.port)
    peer.send(hello(invite=token, returns=True))
    assert peer.until("welcome")["guest"] is True  # the room is not there yet
    lost = {"t": "create", "name": "Film", "blender": [5, 0, 1], "schema": 1, "room": film.id, "base": 1}
    peer.send(message(lost))
    peer.until("joined")
    threads[0][0].join(20)
    assert not threads[0][1] and names(guest) == ["Film"]
    settle([host], lambda: set(host.knocks) == {other.key}, what="the end of the knock")
    host.refuse(other.key)
    threads[1][0].join(20)
    assert [error.code for error in threads[1][1]] == ["REFUSED"]


def test_the_password_of_a_room_that_is_brought_back_counts(
    server: Process, host: Client, clients: Clients, start: Start
) -> None:
    film, address = host.create_room("Film"), f"127.0.0.1:{server.port}"
    host.set_password(SECRET, room=film.id)
    server.end(signal.SIGKILL)
    start("--bind", "127.0.0.1", "--port", str(server.port), home=server.home)
    settle([host], lambda: host.state == "JOINED", what="the return")
    guest = clients("guest")
    guest.connect(address, SECRET, room="Film", timeout=20)
    assert guest.invited_to == film.id and names(guest) == ["Film"]


def test_nobody_ends_the_password_of_a_lost_room_by_taking_its_name(
    server: Process, host: Client, clients: Clients, start: Start, wire: Callable[[int], Wire]
) -> None:
    """A member who was back first made a room of the same name, and the one that came back opened to nobody who knew its password."""
    line, address = wire(server.port), f"127.0.0.1:{server.port}"
    maker, keeper = clients("maker"), clients("keeper")
    maker.connect(host.create_invite(), timeout=10)
    maker.disconnect()
    film = host.create_room("Film")
    host.set_password(SECRET, room=film.id)
    keeper.connect(f"127.0.0.1:{line.port}", SECRET, room="Film", timeout=20)
    keeper.join(film.id)
    line.refuses = True
    line.cut()
    settle([keeper], lambda: keeper.state == "RECONNECTING", what="the cut")
    host = restarted(server, start, host, clients)
    maker.connect(address)
    theirs = maker.create_room("Film")
    fails("PASSWORD", lambda: clients("early").connect(address, SECRET, room="Film", timeout=20))
    maker.set_password("the maker's", room=theirs.id)
    assert {room.id: room.has_password for room in host.rooms()} == {theirs.id: True}
    line.refuses = False
    settle([keeper], lambda: film.id in {room.id for room in host.rooms()}, what="the return")
    guest = clients("guest")
    guest.connect(address, SECRET, room="Film", timeout=20)
    assert guest.invited_to == film.id and names(guest) == ["Film"]
    fails("PASSWORD", lambda: clients("late").connect(address, "the maker's", room="Film", timeout=20))
    assert {room.id: room.has_password for room in host.rooms()} == {film.id: True, theirs.id: False}
    fails("STATE", lambda: maker.set_password("another", room=theirs.id))


def test_of_two_rooms_of_one_name_one_has_the_password(server: Process, host: Client, clients: Clients) -> None:
    """A guest types a name: with two passwords for one, a member's room would take those in who look for the host's."""
    maker, address = clients("maker"), f"127.0.0.1:{server.port}"
    maker.connect(host.create_invite(), timeout=10)
    theirs = maker.create_room("Film")
    maker.set_password("the maker's", room=theirs.id)
    film = host.create_room("Film")
    assert "Another room of this name" in fails("STATE", lambda: host.set_password(SECRET, room=film.id)).text
    assert sorted(room.has_password for room in host.rooms()) == [False, True]
    fails("PASSWORD", lambda: clients("one").connect(address, SECRET, room="Film", timeout=20))
    host.set_password("", room=theirs.id)  # the host may
    host.set_password(SECRET, room=film.id)
    fails("STATE", lambda: maker.set_password("the maker's", room=theirs.id))
    guest = clients("guest")
    guest.connect(address, SECRET, room="Film", timeout=20)
    assert guest.invited_to == film.id


def test_passwords_of_rooms_that_are_gone_take_no_places(server: Process, clients: Clients, start: Start) -> None:
    """ATR_ROOMS_MAX, 256"""
    server.end()
    kept = server.home / "server" / "password"
    lines = [f"room {i:032x} argon2id 2 64 {i:032x} {i:064x} day {i}\n" for i in range(1, 257)]
    kept.write_text("".join(lines))
    kept.chmod(0o600)
    start("--bind", "127.0.0.1", "--port", str(server.port), home=server.home)
    host = clients(home=server.home)
    host.connect(server.address)
    film = host.create_room("Film")
    host.set_password(SECRET, room=film.id)
    text = kept.read_text().splitlines(keepends=True)
    assert text[:-1] == lines[1:] and text[-1].startswith(f"room {film.id} ")  # the oldest has made way


def test_a_password_from_a_file_stands_beside_those_of_rooms(start: Start, clients: Clients, tmp_path: Path) -> None:
    """--password-file is not written down, and does not drop what is."""
    file = tmp_path / "password.txt"
    file.write_text("from the file\n")
    server = start("--bind", "127.0.0.1", "--password-file", str(file))
    host = clients(home=server.home)
    host.connect(server.address)
    film = host.create_room("Film")
    host.set_password("film's", room=film.id)
    address = f"127.0.0.1:{server.port}"
    clients("one").connect(address, "from the file", timeout=20)
    host.close()
    server.end()
    assert "from the file" not in (server.home / "server" / "password").read_text()
    start("--bind", "127.0.0.1", "--port", str(server.port), home=server.home)
    two = clients("two")  # whose room is not there: he is asked about, for the password is right
    fails("KNOCKING", lambda: two.connect(address, "film's", room="Film", timeout=5))
    error = fails("PASSWORD", lambda: clients("three").connect(address, "from the file", timeout=20))
    assert "has no password" in error.text


def test_who_has_created_a_room_sets_its_password(server: Process, host: Client, clients: Clients) -> None:
    maker, other = clients("maker"), clients("other")
    for one in (maker, other):
        one.connect(host.create_invite(), timeout=10)
    film = maker.create_room("Film")
    maker.set_password(SECRET, room=film.id)
    assert "who has created" in fails("DENIED", lambda: other.set_password("x", room=film.id)).text
    fails("DENIED", lambda: maker.set_password("x"))
    guest = clients("guest")
    guest.connect(f"127.0.0.1:{server.port}", SECRET, room="Film", timeout=20)
    assert guest.invited_to == film.id
    host.set_password("", room=film.id)  # the host may, whoever made it
    settle([maker], lambda: not maker.rooms()[0].has_password, what="the end of the password")


def steps(peer: Raw, name: str) -> list[dict[str, Any]]:
    """What the server answers to a guess at this room's password."""
    peer.send(message({"t": "pake", "room": name}))
    heard = [next(peer.messages())]
    share = "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"
    peer.send(message({"t": "pake", "share": share}))
    heard.append(next(peer.messages()))
    peer.send(message({"t": "pake", "tag": "00" * 64}))
    heard.extend(peer.messages())
    return heard


def test_names_of_rooms_that_exist_and_that_do_not_answer_alike(
    server: Process, host: Client, start: Start, raw: Callable[[int], Raw]
) -> None:
    film, open_one = host.create_room("Film"), host.create_room("Open")
    before = {name: steps(raw(server.port), name) for name in ("Film", "Open", "Nowhere", "später")}
    host.set_password(SECRET, room=film.id)
    later = host.create_room("später")
    host.set_password("x", room=later.id)
    after = {name: steps(raw(server.port), name) for name in before}
    for name in before:
        salt, share, last = before[name]
        assert (salt, last) == (after[name][0], after[name][2]), "what changes tells that there is something"
        assert sorted(salt) == ["memory_kib", "passes", "salt", "t"] and len(salt["salt"]) == 32
        assert (sorted(share), len(share["share"])) == (["share", "t"], 64)
        assert share["share"] != after[name][1]["share"]
        assert (last["code"], last["re"]) == ("PASSWORD", "pake")
    everything = [json.dumps({**step, "salt": "", "share": ""}) for name in before for step in after[name]]
    assert len(set(everything)) == 3
    assert len({before[name][0]["salt"] for name in before}) == len(before)
    host.close()
    server.end()
    start("--bind", "127.0.0.1", "--port", str(server.port), home=server.home)
    for name in before:  # neither kind changes with the server
        assert steps(raw(server.port), name)[0] == before[name][0]
    assert open_one.id


def timed(peer: Raw, name: str) -> list[float]:
    """How long each step of a guess takes; nothing where the guess was refused for now."""
    share = "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"
    answers, times = peer.messages(), []
    for step in ({"room": name}, {"share": share}, {"tag": "00" * 64}):
        start = time.perf_counter()
        peer.send(message({"t": "pake", **step}))
        answer = next(answers)
        times.append(time.perf_counter() - start)
        if answer.get("code") == "LATER":
            return []
    return times


def test_the_time_that_an_answer_takes_does_not_tell_either(
    server: Process, host: Client, raw: Callable[[int], Raw]
) -> None:
    """In turns, so that what else the machine does meets all. A step that was left out would be half of its time or more."""
    kinds: dict[str, list[list[float]]] = {"locked": [], "open": [], "nowhere": []}
    for i in range(20):
        room = host.create_room(f"locked {i}")
        host.set_password("x", room=room.id)
        host.create_room(f"open {i}")
    for _ in range(4):
        for i in range(20):
            for kind, found in kinds.items():
                if times := timed(raw(server.port), f"{kind} {i}"):
                    found.append(times)
    for step in range(3):
        quick = {kind: sorted(times[step] for times in found)[len(found) // 4] for kind, found in kinds.items()}
        assert max(quick.values()) < 1.5 * min(quick.values()), (step, quick)


def test_the_budget_of_guesses_does_not_tell_either(server: Process, host: Client, raw: Callable[[int], Raw]) -> None:
    """Each name has its budget, whether there is such a room or not; and all keys that may not enter there share it."""
    film = host.create_room("Film")
    host.set_password(SECRET, room=film.id)
    for name in ("Film", "Nowhere"):
        codes = [steps_until_refused(raw(server.port), name) for _ in range(12)]
        assert codes == ["PASSWORD"] * 10 + ["LATER"] * 2, (name, codes)


def steps_until_refused(peer: Raw, name: str) -> str:
    share = "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"
    peer.send(
        message({"t": "pake", "room": name}),
        message({"t": "pake", "share": share}),
        message({"t": "pake", "tag": "00" * 64}),
    )
    return next(str(m["code"]) for m in peer.messages() if m["t"] == "error")


def test_guests_of_one_room_are_strangers_to_another(server: Process, host: Client, clients: Clients) -> None:
    """An invite makes as many known keys as its bearer likes; they must not bring as many guesses along."""
    film, book = host.create_room("Film"), host.create_room("Book")
    host.set_password(SECRET, room=film.id)
    link, address = host.create_invite(book.id), f"127.0.0.1:{server.port}"
    codes = []
    for i in range(4):
        thief = clients(f"thief {i}")
        thief.connect(link, timeout=10)
        thief.disconnect()
        for guess in range(3):
            with pytest.raises(AtriumError) as failure:
                thief.connect(address, f"guess {guess}", room="Film", timeout=20)
            codes.append(failure.value.code)
    assert codes[:10] == ["PASSWORD"] * 10 and "LATER" in codes[10:]
    start = time.monotonic()
    member = clients("thief 0")
    member.connect(address)  # what it was let into stays open meanwhile
    assert time.monotonic() - start < 5 and names(member) == ["Book"]


def test_each_step_comes_once(server: Process, host: Client, raw: Callable[[int], Raw]) -> None:
    share = {"t": "pake", "share": "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"}
    question, tag = {"t": "pake", "room": "Film"}, {"t": "pake", "tag": "00" * 64}
    assert host.state == "LOBBY"
    for words in ([question, question], [question, share, share], [question, share, question], [tag], [question, tag]):
        peer = raw(server.port)
        peer.send(*[message(word) for word in words])
        assert [m["code"] for m in peer.messages() if m["t"] == "error"] == ["PROTO"], words
    for bad in ({"t": "pake", "room": 1}, {"t": "pake", "room": "x" * 256}):
        peer = raw(server.port)
        peer.send(message(bad))
        assert [m["code"] for m in peer.messages() if m["t"] == "error"] == ["PROTO"]


def test_a_room_without_its_password_is_a_mistake_told_at_once(clients: Clients) -> None:
    fails("INVAL", lambda: clients().connect("localhost", room="Film"))


def test_few_passwords_are_derived_at_a_time(server: Process, clients: Clients) -> None:
    """ATR_PASSWORDS_AT_ONCE, 4: each takes 64 MiB, and any member may create rooms."""
    host = clients(home=server.home)
    host.connect(server.address)
    rooms = [host.create_room(f"room {i}") for i in range(12)]
    codes: list[str] = []
    host._on_error = lambda message: codes.append(message["code"])  # type: ignore[method-assign]
    for room in rooms:
        host._command({"t": "password", "room": room.id, "text": "x"}, 5)
    settle([host], lambda: codes, what="the refusal")
    assert set(codes) == {"LATER"}
    settle([host], lambda: sum(room.has_password for room in host.rooms()) >= 4, what="those that were begun")
    host.pump(1)
    assert len(codes) + sum(room.has_password for room in host.rooms()) == len(rooms)


def test_a_guest_does_not_get_at_what_lies_in_other_rooms(
    server: Process, host: Client, raw: Callable[[int], Raw]
) -> None:
    """Files are named by their hash. Who knows one, from a list that somebody published or a room that he has left, learns nothing by it elsewhere."""
    film, book = host.create_room("Film"), host.create_room("Book")
    name = host.put_blob(b"known by its hash" * 100)
    book.create({"type": "Mesh", "a": ["$blob", name, "u1", [1700]]})
    book.flush()
    link = host.create_invite(film.id).split("#")[1]
    token = base64.urlsafe_b64decode(link + "=" * (-len(link) % 4))[33:49].hex()
    peer = raw(server.port)
    peer.send(hello(invite=token))
    peer.until("welcome")
    peer.send(message({"t": "join", "room": film.id, "blender": [5, 0, 1], "schema": 1}))
    handle = struct.pack(">I", int(peer.until("joined")["handle"]))
    hash_of, nothing = bytes.fromhex(name), bytes(32)
    offer = b"\x05" + handle + b"\x00\x01" + hash_of + struct.pack(">Q", 1700) + nothing
    tree = json.dumps({"type": "Mesh", "a": ["$blob", name, "u1", [1700]]}).encode()
    create = (
        b"\x20"
        + handle
        + struct.pack(">Q", 1)
        + b"\x01\x00"
        + bytes(15)
        + b"\x01"
        + bytes(8)
        + b"\x00\x01"
        + hash_of
        + tree
    )
    get = b"\x07" + handle + b"\x00\x01" + hash_of + nothing
    peer.send(frame(CONTROL, get))
    assert status_of(peer) == 4  # unknown
    peer.send(frame(STATE, create))
    assert peer.refusal()[0] == "NOBLOB"
    peer.send(frame(CONTROL, offer))
    assert status_of(peer) == 0  # wanted, like any that nobody has


def status_of(peer: Raw) -> int:
    """The status in the next BLOB_STATUS, which names one blob."""
    while True:
        while len(peer._bytes) >= 3 and len(peer._bytes) >= 3 + (size := struct.unpack(">H", peer._bytes[1:3])[0]):
            payload, peer._bytes = peer._bytes[3 : 3 + size], peer._bytes[3 + size :]
            if payload[0] == 6:
                return payload[-1]
        more = peer.tls.recv(65536)
        assert more, "the connection was closed"
        peer._bytes += more
