# SPDX-License-Identifier: MIT
"""Who may enter a server, and whom a client trusts.

The rules are in csrc/server/admission.c and csrc/client/link.c. They exist because a server listens on all interfaces: a stranger must see
neither rooms nor users, and a client must notice when another machine answers at a known address.
"""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from atrium import AtriumError, Client
from tests.addresses import own_address

from .conftest import ROOT, Process, free_port, host_of, settle
from .raw import CONTROL, WELCOME, Raw, hello, message
from .raw import frame as frame_of

Start = Callable[..., Process]
Clients = Callable[..., Client]


def connect_in_thread(client: Client, address: str, timeout: float = 20) -> tuple[threading.Thread, list[AtriumError]]:
    """connect() waits while the host is asked; the host answers meanwhile, on the test's thread."""
    failures: list[AtriumError] = []

    def run() -> None:
        try:
            client.connect(address, timeout=timeout, name=f"user of {address}")
        except AtriumError as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, failures


def test_the_hosts_own_home_enters_as_host(start: Start, clients: Clients) -> None:
    server = start()
    host = host_of(server, clients)
    assert host.state == "LOBBY"
    assert host.welcome["host"] is True
    assert host.welcome["port"] == server.port
    assert host.welcome["check_code"] == server.check_code


def test_a_knock_that_nobody_answers_in_time_is_no_silence(start: Start, clients: Clients) -> None:
    server = start()
    guest = clients("guest")
    guest.trust_host(server.check_code)
    with pytest.raises(AtriumError) as unanswered:
        guest.connect(server.address, timeout=1.5)
    assert unanswered.value.code == "KNOCKING"
    assert "let you in" in str(unanswered.value)


def test_a_stranger_knocks_and_is_admitted_for_good(start: Start, clients: Clients) -> None:
    server = start()
    host, guest = clients(home=server.home), clients("guest")
    host.connect(server.address)
    thread, failures = connect_in_thread(guest, server.address)
    settle([host], lambda: host.knocks, what="the knock")
    (knock,) = host.knocks.values()
    assert (knock.key, knock.code) == (guest.key, guest.check_code)
    assert guest.state != "LOBBY"
    host.admit(knock.key, remember=True)
    thread.join(20)
    assert not failures
    assert guest.state == "LOBBY"
    assert guest.welcome["host"] is False

    # For good: also for a server that starts later with the same data folder.
    guest.disconnect()
    host.close()
    assert server.end() == 0
    again = start(home=server.home)
    guest.connect(again.address)
    assert guest.state == "LOBBY"


def test_admitted_once_lasts_as_long_as_the_server(start: Start, clients: Clients) -> None:
    server = start()
    host, guest = clients(home=server.home), clients("guest")
    host.connect(server.address)
    thread, failures = connect_in_thread(guest, server.address)
    settle([host], lambda: host.knocks, what="the knock")
    host.admit(guest.key, remember=False)
    thread.join(20)
    assert not failures
    guest.disconnect()
    guest.connect(server.address)  # a connection that broke does not make its user knock again
    assert (
        guest.key not in (server.home / "server" / "guests").read_text()
        if (server.home / "server" / "guests").exists()
        else True
    )


def test_a_refused_stranger_is_told_and_may_ask_again(start: Start, clients: Clients) -> None:
    server = start()
    host, guest = clients(home=server.home), clients("guest")
    host.connect(server.address)
    for remember in (False, True):
        thread, failures = connect_in_thread(guest, server.address)
        settle([host], lambda: guest.key in host.knocks, what="the knock")
        host.refuse(guest.key, remember=remember)
        thread.join(20)
        assert [error.code for error in failures] == ["REFUSED"]
    with pytest.raises(AtriumError) as refused:  # remembered: nobody is asked any more
        guest.connect(server.address)
    assert refused.value.code == "REFUSED"
    host.pump(0.1)
    assert not host.knocks


def test_a_refusal_for_good_can_be_taken_back(start: Start, clients: Clients) -> None:
    server = start()
    host, guest = clients(home=server.home), clients("guest")
    host.connect(server.address)
    known = {guest.key: f"user of {server.address}"}

    def knock_and_be_refused(remember: bool) -> None:
        thread, failures = connect_in_thread(guest, server.address)
        settle([host], lambda: guest.key in host.knocks, what="the knock")
        host.refuse(guest.key, remember=remember)
        thread.join(20)
        assert [error.code for error in failures] == ["REFUSED"]
        host.disconnect()
        host.connect(server.address)  # whoever comes as host is told
        host.pump(0.2)
        assert host.kept_out == (known if remember else {})

    knock_and_be_refused(remember=True)
    host.pardon(guest.key)
    settle([host], lambda: not host.kept_out, what="the pardon")
    knock_and_be_refused(remember=False)  # the pardon lets nobody in: he knocks, as anybody
    knock_and_be_refused(remember=True)
    host.refuse(guest.key, remember=True)
    host.pump(0.2)
    assert host.kept_out == known, "the name stays with somebody who is not there"
    assert host.kept_out_codes == {guest.key: guest.check_code}, "which tells him from another of his name"
    host.close()
    assert server.end() == 0
    again = start(home=server.home)
    later = clients(home=server.home)
    later.connect(again.address)
    settle([later], lambda: later.kept_out, what="the list")
    assert later.kept_out_codes == {guest.key: guest.check_code}
    later.pardon(guest.key)
    settle([later], lambda: not later.kept_out, what="the pardon")
    guest.connect(later.create_invite())
    assert guest.state == "LOBBY"


def test_only_a_host_pardons(start: Start, clients: Clients) -> None:
    server = start("--open")
    host, guest, other = clients(home=server.home), clients("guest"), clients("other")
    host.connect(server.address)
    host.refuse(other.key, remember=True)
    settle([host], lambda: host.kept_out, what="the list")
    guest.connect(server.address)
    guest.pardon(other.key)
    with pytest.raises(AtriumError) as denied:
        guest._wait(lambda: False, 5, "no answer")
    assert denied.value.code == "DENIED"
    assert not guest.kept_out, "nobody but the host is told"
    with pytest.raises(AtriumError) as refused:
        other.connect(server.address)
    assert refused.value.code == "REFUSED"


def test_who_is_kept_out_is_told_as_the_protocol_says(start: Start, raw: Callable[[int], Raw], tmp_path: Path) -> None:
    """Byte by byte; and a file that somebody has edited in another encoding breaks no connection."""
    page = (ROOT / "docs/protocol.md").read_text()
    example = re.search(r"^```example frame-kept-out\n(.*?)^```", page, re.M | re.S)
    assert example is not None
    expected = bytes.fromhex(example[1])
    nameless = frame_of(CONTROL, expected[3:].replace(b"Eve", b""))
    for name, frame in ((b"Eve", expected), (b"\xc9ve", nameless)):
        home = tmp_path / name.hex()
        (home / "server").mkdir(parents=True, mode=0o700)
        home.chmod(0o700)
        (home / "server" / "guests").write_bytes(b"refuse " + bytes(range(32)).hex().encode() + b" " + name + b"\n")
        server = start(home=home)
        (token,) = (home / "tokens").iterdir()
        host = raw(server.port)
        host.send(hello(token=token.read_text()))
        told = next(payload for lane, payload in host.frames() if lane == CONTROL and b'"kept_out"' in payload)
        assert frame_of(CONTROL, told) == frame


@pytest.mark.parametrize("remember", [False, True])
def test_who_is_removed_is_told_and_does_not_come_back_by_itself(
    remember: bool, start: Start, clients: Clients
) -> None:
    server = start()
    host, guest = clients(home=server.home), clients("guest")
    host.connect(server.address)
    room = host.create_room("Film")
    guest.connect(host.create_invite(), timeout=10)
    guest.join(room.id)
    host.refuse(guest.key, remember=remember)
    settle([host, guest], lambda: guest.state == "OFFLINE", what="the end")
    guest.pump(1.0)
    assert guest.state == "OFFLINE"
    told = guest._now.error  # what the newest state said, if it is the end
    assert told is not None and (told.code, str(told)) == ("KICKED", "The host has removed you.")
    settle([host], lambda: len(room.members) == 1, what="its leaving")
    if remember:
        with pytest.raises(AtriumError) as refused:
            guest.connect(server.address)
        assert refused.value.code == "REFUSED"
        return
    guest.connect(server.address)  # once is once: what let it in still does
    assert guest.state == "LOBBY"


def test_a_host_is_not_removed(start: Start, clients: Clients) -> None:
    server = start()
    host = host_of(server, clients)
    host.refuse(host.key)
    host.pump(0.5)
    assert host.state == "LOBBY"


def test_a_stranger_sees_neither_rooms_nor_users(start: Start, clients: Clients) -> None:
    server = start()
    host, guest = clients(home=server.home), clients("guest")
    host.connect(server.address)
    host.create_room("secret")
    thread, _ = connect_in_thread(guest, server.address, timeout=1)
    settle([host], lambda: host.knocks, what="the knock")
    thread.join(20)
    assert guest.welcome == {}
    assert guest._now.rooms is None
    settle([host], lambda: not host.knocks, what="the end of the knock")


def test_only_a_host_admits(start: Start, clients: Clients) -> None:
    server = start("--open")
    guest, other = clients("guest"), clients("other")
    guest.connect(server.address)
    guest.admit(other.key)
    with pytest.raises(AtriumError) as denied:
        guest._wait(lambda: False, 5, "no answer")
    assert denied.value.code == "DENIED"


def test_open_admits_everybody(start: Start, clients: Clients) -> None:
    server = start("--open")
    guest = clients()
    guest.connect(server.address)
    assert guest.welcome["host"] is False


def test_allow_admits_a_key(start: Start, clients: Clients) -> None:
    guest = clients()
    server = start("--allow", guest.key)
    guest.connect(server.address)
    assert guest.state == "LOBBY"


def test_allow_is_above_a_refusal_for_good(start: Start, clients: Clients) -> None:
    """Until the server ends: what was decided stays in the file."""
    guest = clients("guest")
    server = start()
    host = host_of(server, clients)
    host.refuse(guest.key, remember=True)
    settle([host], lambda: host.kept_out, what="the list")
    host.close()
    assert server.end() == 0
    allowing = start("--allow", guest.key, home=server.home)
    guest.connect(allowing.address)
    assert guest.state == "LOBBY"
    guest.disconnect()
    assert allowing.end() == 0
    with pytest.raises(AtriumError) as refused:
        guest.connect(start(home=server.home).address)
    assert refused.value.code == "REFUSED"


def test_a_long_name_is_refused_by_name(start: Start, clients: Clients) -> None:
    """ATR_USER_NAME_BYTES_MAX, 255."""
    server = start("--open")
    guest = clients()
    with pytest.raises(AtriumError) as long:
        guest.connect(server.address, name="x" * 10_000)
    assert long.value.code == "LIMIT"
    guest.connect(server.address, name="ü" * 127)


def test_a_long_room_name_is_refused_by_name(start: Start, clients: Clients) -> None:
    """ATR_ROOM_NAME_BYTES_MAX, 255."""
    guest = clients()
    guest.connect(start("--open").address)
    for length in (256, 10_000):
        with pytest.raises(AtriumError) as long:
            guest.create_room("x" * length)
        assert long.value.code == "ROOM_NAME"
    assert guest.create_room("ü" * 127 + "x").id


def test_a_changed_key_is_a_hard_stop_until_it_is_forgotten(start: Start, clients: Clients, tmp_path: Path) -> None:
    port = free_port()
    guest = clients()
    first = start("--open", "--port", str(port))
    guest.connect(first.address)
    guest.disconnect()
    assert first.end() == 0
    second = start("--open", "--port", str(port), home=tmp_path / "another host")
    assert second.key != first.key
    with pytest.raises(AtriumError) as changed:
        guest.connect(second.address)
    assert changed.value.code == "KEY_CHANGED"
    assert second.address.split(":")[1] in changed.value.text
    assert guest.forget_host(second.address)
    guest.connect(second.address)
    assert guest.state == "LOBBY"


def test_forgetting_a_host_is_answered(clients: Clients) -> None:
    guest = clients()
    assert not guest.forget_host("192.0.2.7:9")  # never met
    with pytest.raises(AtriumError) as wrong:
        guest.forget_host("http:/x y")
    assert wrong.value.code == "ADDR_SYNTAX"


def test_an_unknown_host_is_refused_in_background(
    start: Start, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ATRIUM_TRUST", raising=False)
    address = own_address()
    server = start("--open")
    guest = clients()
    with pytest.raises(AtriumError) as unknown:
        guest.connect(f"{address}:{server.port}")
    assert unknown.value.code == "KEY_UNKNOWN"
    assert server.check_code in unknown.value.text
    guest.trust_host("0000-0000-0000-0000-0000")
    with pytest.raises(AtriumError):
        guest.connect(f"{address}:{server.port}")
    guest.trust_host(server.check_code.lower())
    guest.connect(f"{address}:{server.port}")
    guest.disconnect()
    guest.connect(f"{address}:{server.port}")  # pinned


def test_first_use_trusts_an_unknown_host(start: Start, clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATRIUM_TRUST", "first-use")
    address = own_address()
    server = start("--open")
    guest = clients()
    guest.connect(f"{address}:{server.port}")
    assert guest.state == "LOBBY"


def test_with_a_window_the_user_is_asked(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from atrium.engine import Engine

    monkeypatch.delenv("ATRIUM_TRUST", raising=False)
    address = own_address()
    server = start("--open")
    with Engine(tmp_path / "window", interactive=True) as engine:

        def until(t: str, **fields: object) -> dict[str, object]:
            while engine.wait(10):
                for event in engine.poll(1):
                    if event["t"] == t and all(event.get(key) == value for key, value in fields.items()):
                        return event
            raise AssertionError(f"no {t}")

        engine.send(
            {"t": "connect", "host": f"{address}:{server.port}", "name": "w", "color": [1, 1, 1], "version": "1"}
        )
        question = until("confirm_host")
        assert question["code"] == server.check_code
        engine.send({"t": "trust", "accept": False})
        until("state", state="OFFLINE")
        engine.send(
            {"t": "connect", "host": f"{address}:{server.port}", "name": "w", "color": [1, 1, 1], "version": "1"}
        )
        until("confirm_host")
        engine.send({"t": "trust", "accept": True})
        until("state", state="LOBBY")


def test_what_the_server_said_itself_is_told_from_what_the_engine_says(start: Start, tmp_path: Path) -> None:
    from atrium.engine import Engine

    server = start()

    def state(engine: Engine, wanted: str) -> dict[str, object]:
        while engine.wait(10):
            for event in engine.poll(1):
                if event["t"] == "state" and event["state"] == wanted:
                    return event
        raise AssertionError(f"not {wanted}")

    with Engine(tmp_path / "guest") as first, Engine(tmp_path / "guest") as second:
        first.send({"t": "connect", "host": server.address, "name": "w"})
        state(first, "KNOCKING")
        second.send({"t": "connect", "host": server.address, "name": "w"})
        refused = state(first, "OFFLINE")
        assert (refused["code"], refused["said"]) == ("DENIED", True)
        assert refused["error"] == "You have asked to enter a second time: the host's answer goes there."
        first.send({"t": "connect", "host": f"127.0.0.1:{free_port()}", "name": "w"})
        while "code" not in (failed := state(first, "OFFLINE")):
            pass
        assert failed["code"] == "CONNREFUSED" and "said" not in failed


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_a_server_here_that_is_anothers_is_not_taken_for_ones_own(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """Whoever listens first at the port of this machine would get the scene of who clicks Host."""
    from atrium.engine import Engine

    monkeypatch.delenv("ATRIUM_TRUST", raising=False)
    server = start("--open")

    def first(engine: Engine, *kinds: str, **how: bool) -> dict[str, object]:
        engine.send({"t": "connect", "host": f"{host}:{server.port}", "name": "w", **how})
        while engine.wait(10):
            for event in engine.poll(1):
                if event["t"] in kinds:
                    return event
        raise AssertionError(f"none of {kinds}")

    answers = "probed", "confirm_host", "welcome"
    with Engine(tmp_path / "other", interactive=True) as other:
        assert first(other, *answers, own=True, asks_here=True)["t"] == "probed"
        question = first(other, *answers, asks_here=True)
        assert (question["t"], question["code"]) == ("confirm_host", server.check_code)
        assert first(other, *answers)["t"] == "welcome"
    with Engine(server.home, interactive=True) as own:
        assert first(own, *answers, own=True, asks_here=True)["host"] is True


def test_an_interface_that_is_not_there_is_no_unknown_name(clients: Clients) -> None:
    with pytest.raises(AtriumError) as failure:
        clients().connect("[fe80::1%nowhere9]:12800")
    assert failure.value.code == "RESOLVE"
    assert "no network interface of the name behind the % in [fe80::1%nowhere9]:12800" in failure.value.text


def test_the_server_ends_while_somebody_knocks(start: Start, clients: Clients) -> None:
    server = start()
    guest = clients()
    thread, failures = connect_in_thread(guest, server.address)
    while guest.state != "KNOCKING":
        assert thread.is_alive()
    assert server.end(signal.SIGTERM) == 0
    thread.join(20)
    assert failures
    assert failures[0].code == "CLOSED"


@pytest.mark.parametrize("host", ["localhost:{}", "127.0.0.1:{}", "[::1]:{}", ' "localhost:{}" ', "tcp://127.0.0.1:{}"])
def test_addresses_as_people_type_them(start: Start, clients: Clients, host: str) -> None:
    server = start("--open")
    client = clients()
    client.connect(host.format(server.port))
    assert client.state == "LOBBY"


def test_the_user_may_take_time_over_the_check_code(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection may end meanwhile; the answer "yes" then connects anew, to the key that was shown."""
    from atrium.engine import Engine

    monkeypatch.delenv("ATRIUM_TRUST", raising=False)
    server = start("--open")
    with Engine(tmp_path / "window", interactive=True) as engine:
        states: list[str] = []

        def until(t: str, **fields: object) -> None:
            while engine.wait(10):
                for event in engine.poll(1):
                    if event["t"] == "state":
                        states.append(event["state"])
                    if event["t"] == t and all(event.get(key) == value for key, value in fields.items()):
                        return
            raise AssertionError(f"no {t}")

        engine.send({"t": "connect", "host": f"{own_address()}:{server.port}", "name": "w"})
        until("confirm_host")
        port = str(server.port)
        assert server.end(signal.SIGKILL) < 0  # what a patient user's host does in the worst case
        start("--open", "--port", port, home=server.home)
        engine.poll()
        engine.send({"t": "trust", "accept": True})
        until("state", state="LOBBY")
    assert "OFFLINE" not in states


@contextlib.contextmanager
def mute_host(certificate: Path, *answers: bytes) -> Iterator[str]:
    """Its TLS works, and it is alive: it sends pings. The first connections are answered, and closed with that; those behind them never."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.set_alpn_protocols(["atrium/1"])
    listener = socket.create_server(("127.0.0.1", 0))
    ping = frame_of(CONTROL, b"\x03" + struct.pack(">Q", 1))

    def serve(near: socket.socket, answer: bytes) -> None:
        heard = b""
        with contextlib.suppress(OSError), context.wrap_socket(near, server_side=True) as tls:
            tls.settimeout(0.5)
            while not (answer and b'"hello"' in heard):
                try:
                    more = tls.recv(4096)
                except TimeoutError:
                    tls.sendall(ping)
                    continue
                if not more:
                    return
                heard += more
            tls.sendall(answer)

    def accept() -> None:
        left = list(answers)
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                answer = left.pop(0) if left else b""
                threading.Thread(target=serve, args=(near, answer), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    with listener:
        yield f"localhost:{listener.getsockname()[1]}"


def test_a_host_that_never_answers_is_given_up(certificate: Path, tmp_path: Path) -> None:
    """ATR_ANSWER_TIMEOUT_MS, 10,000. It answered pings, so it was never dead, and the panel said "Connecting" for ever. Who was in tries again."""
    from atrium.engine import Engine

    with contextlib.ExitStack() as stack:
        hosts = {
            "hello": stack.enter_context(mute_host(certificate)),
            "password": stack.enter_context(mute_host(certificate)),
            "back": stack.enter_context(mute_host(certificate, message(WELCOME))),
        }
        engines = {name: stack.enter_context(Engine(tmp_path / name)) for name in hosts}
        ends: dict[str, dict[str, object]] = {}
        took: dict[str, float] = {}
        begin = time.monotonic()
        for name, host in hosts.items():
            password = {"password": "open sesame"} if name == "password" else {}
            engines[name].send({"t": "connect", "host": host, "name": name, **password})
        while len(ends) < len(hosts):
            assert time.monotonic() - begin < 40, ends
            for name, engine in engines.items():
                engine.wait(0.02)
                for event in engine.poll():
                    is_end = event["t"] == "state" and (event["state"] == "OFFLINE" or event["attempt"] == 2)
                    if is_end and name not in ends:
                        ends[name], took[name] = event, time.monotonic() - begin
    for name in ("hello", "password"):
        assert ends[name]["state"] == "OFFLINE" and ends[name]["code"] == "TIMEOUT"
        assert ends[name]["error"] == f"{hosts[name]} took too long to answer: try again."
    assert ends["back"]["state"] == "RECONNECTING"
    assert all(9.5 < seconds < 30 for seconds in took.values()), took


def look_example() -> bytes:
    page = (ROOT / "docs/protocol.md").read_text()
    example = re.search(r"^```example frame-look\n(.*?)^```", page, re.M | re.S)
    assert example is not None
    return bytes.fromhex(example[1])


def test_who_looks_is_shown_the_rooms_and_is_not_there(
    start: Start, clients: Clients, raw: Callable[[int], Raw]
) -> None:
    server = start("--open")
    host = host_of(server, clients)
    host.create_room("Film")
    peer = raw(server.port)
    peer.send(look_example())
    (told,) = peer.messages()
    assert told["t"] == "rooms" and [(room["name"], room["users"]) for room in told["rooms"]] == [("Film", 1)]


def test_who_asks_for_the_rooms_with_the_hello_has_them_behind_the_welcome(
    start: Start, clients: Clients, raw: Callable[[int], Raw]
) -> None:
    """Once, and again when there is news; who has not asked is not told."""
    server = start("--open")
    host = host_of(server, clients)
    host.create_room("Film")
    asks, quiet = raw(server.port), raw(server.port)
    asks.send(hello(rooms=True))
    quiet.send(hello(), message({"t": "invite_create"}))
    told = asks.messages()
    assert next(told)["rooms"] is True
    assert [room["name"] for room in next(m for m in told if m["t"] == "rooms")["rooms"]] == ["Film"]
    answers = quiet.messages()
    assert "rooms" not in next(answers) and next(answers)["t"] == "error"
    host.create_room("Second")
    while len(news := next(m for m in told if m["t"] == "rooms")["rooms"]) < 2:
        pass
    assert {room["name"] for room in news} == {"Film", "Second"}


def test_who_knocks_is_not_shown_the_rooms_before_it_is_let_in(
    start: Start, clients: Clients, raw: Callable[[int], Raw]
) -> None:
    server = start()
    host = host_of(server, clients)
    host.create_room("Film")
    peer = raw(server.port)
    peer.send(hello(rooms=True))
    told = peer.messages()
    assert next(told)["t"] == "knocking"
    settle([host], lambda: bool(host.knocks), what="the knock")
    host.admit(next(iter(host.knocks)))
    host.pump(0.2)
    assert next(told)["t"] == "welcome" and next(m for m in told if m["t"] == "rooms")["rooms"][0]["name"] == "Film"


def test_a_stranger_who_looks_is_told_nothing_and_asks_nobody(
    start: Start, clients: Clients, raw: Callable[[int], Raw]
) -> None:
    server = start()
    host = host_of(server, clients)
    host.create_room("Film")
    before = (server.home / "server" / "guests").read_bytes() if (server.home / "server" / "guests").exists() else b""
    for _ in range(3):
        peer = raw(server.port)
        peer.send(look_example())
        assert list(peer.messages()) == []
    host.pump(0.5)
    assert host.knocks == {}
    after = (server.home / "server" / "guests").read_bytes() if (server.home / "server" / "guests").exists() else b""
    assert after == before, "no row for it"
