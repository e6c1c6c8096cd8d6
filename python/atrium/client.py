# SPDX-License-Identifier: MIT
"""Client and Room: a participant for scripts, tests and bots.

Everything is synchronous and on the caller's thread: a method that waits takes events from the engine and applies them to the rooms'
documents while it waits, and nothing changes between two calls. `pump` does the same for a caller that waits for nothing in particular.
The engine's own thread keeps the connection meanwhile, so a script that computes for an hour stays connected and then catches up.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from atrium import _core
from atrium._core import AtriumError
from atrium.engine import Engine, Message
from atrium.patch import merge

if TYPE_CHECKING:
    from typing_extensions import Buffer

TIMEOUT_S = 60.0

# The Blender that a room states when a script creates it: the newest whose names the schema uses.
BLENDER = (5, 0, 1)

# How often a full command queue is tried again; the engine empties a whole queue in less.
_RETRY_S = 0.005

# The engine confirms a cancel at once, unless the machine has better to do.
_CANCEL_S = 2.0

# As the engine takes and gives them.
_ID_DIGITS = 32
_KEY_DIGITS = 64

_T = TypeVar("_T")

# ATR_JSON_DEPTH_MAX, less the command around a document; and ATR_JSON_INT_MAX.
_DEPTH_MAX = 63
_INT_MAX = 2**53

# So many events of a room that nobody follows are kept for a later follow().
_FOLLOW_EVENTS_MAX = 100_000


@dataclass(frozen=True, slots=True)
class RoomInfo:
    """One line of the server's list of rooms."""

    id: str
    name: str
    users: int
    bytes: int
    blender: tuple[int, int, int]
    ready: bool
    has_password: bool = False
    is_mine: bool = False  # this user has created it, and may set its password


@dataclass(frozen=True, slots=True)
class FoundHost:
    """Somebody on the same network who says that a server is there. A hint: whose it is shows when one connects."""

    name: str
    address: str
    key: str
    known: bool  # this key is remembered for this address; or for another, and was proved at this one
    rooms: tuple[RoomInfo, ...] | None = None  # those that this user may enter; None: not asked for, or not told


@dataclass(frozen=True, slots=True)
class Deafness:
    """This machine's own firewall may drop what hosts answer; the command that lets it in."""

    tool: str
    command: str


@dataclass(frozen=True, slots=True)
class Event:
    """A change of one document: `tree` is the whole tree ("create"), the merge patch ("edit") or None ("delete")."""

    doc: str
    kind: str
    tree: dict[str, Any] | None
    seq: int
    by: str
    show: str | None = None


@dataclass(slots=True)
class Knock:
    """Somebody asks to enter."""

    key: str
    name: str
    code: str


class Room:
    """A room that was joined. `documents` holds what the room holds, own edits included, as of the last call that pumped."""

    def __init__(self, client: Client, id: str, name: str) -> None:
        self.id = id
        self.name = name
        self.documents: dict[str, dict[str, Any]] = {}
        self.shown_names: dict[str, str] = {}
        self.members: list[dict[str, Any]] = []
        self.refusals: list[Message] = []
        self.healed = 0  # documents that differed from the server's of the same version, and were replaced
        self.complete = False
        self.progress = 0.0
        self.closed: AtriumError | None = None
        self.on_event: Callable[[Event], None] | None = None
        self.on_presence: Callable[[int, Any], None] | None = None
        self._client = client
        self._events: deque[Event] = deque()
        self._lost_events = False  # since the last follow(), because there were too many to keep
        self._flushed = 0

    # --- writing ---

    def create(self, tree: dict[str, Any], doc: str | None = None, needs: Sequence[str] = (), action: int = 0) -> str:
        """Makes a document (or replaces, or revives it) and returns its id. `needs`: documents that must be there before it."""
        doc = secrets.token_hex(16) if doc is None else _hex_of(doc, _ID_DIGITS, "A document's id")
        if _holds_null(tree):
            raise AtriumError("JSON_NULL", 'A document holds no null: leave the member out, or write ["$none"].')
        _require_json(tree)
        self._submit(doc, "create", tree, action, list(needs))
        self.documents[doc] = merge(None, tree)
        return doc

    def edit(self, doc: str, patch: dict[str, Any], action: int = 0) -> None:
        """Applies a merge patch to a document."""
        self._require(doc)
        _require_json(patch)
        self._submit(doc, "edit", patch, action)
        merge(self.documents[doc], patch)

    def delete(self, doc: str, action: int = 0) -> None:
        """Deletes a document."""
        self._require(doc)
        self._submit(doc, "delete", None, action)
        self.documents.pop(doc, None)

    def flush(self, timeout: float = TIMEOUT_S) -> None:
        """Returns when all own edits are acknowledged and everything that the server had by then is in `documents`."""
        n = self._client._next_number()
        self._client._command({"t": "flush", "room": self.id, "n": n}, timeout)
        self._client._wait(lambda: self._flushed >= n, timeout, "The room did not answer in time.", self)

    def ready(self) -> None:
        """The creator's first upload is complete: others may join from the moment that this returns."""
        self._client._command({"t": "ready", "room": self.id})
        self.flush()

    def send_presence(self, data: Mapping[str, Any]) -> None:
        """Tells the others where this participant is; only the newest counts."""
        self._client._command({"t": "presence", "room": self.id, "data": data})

    def leave(self) -> None:
        """Ends the membership; `documents` stays as it is."""
        self._client._leave(self)

    # --- reading ---

    def follow(self, timeout: float | None = None) -> Iterator[Event]:
        """Changes by others as they arrive. Ends when none came for `timeout` seconds (None: never) or the room is closed.

        Those that came while nobody followed come first. Where they were more than 100,000, they are dropped and this raises `LIMIT`, once:
        `documents` holds what they led to, and the next call goes on from there.
        """
        while True:
            if self._lost_events:
                self._lost_events = False
                raise AtriumError(
                    "LIMIT",
                    f"Nobody followed the room {self.name!r} for more than {_FOLLOW_EVENTS_MAX:,} changes: read its documents anew, "
                    "then follow again.",
                )
            while self._events:
                yield self._events.popleft()
            if self.closed is not None:
                return
            if not self._client._pump_until(lambda: bool(self._events) or self.closed is not None, timeout):
                return

    # --- events ---

    def _require(self, doc: str) -> None:
        """A mistake is told where it was made; what only the server can know comes later, as one of `refusals`."""
        if self.closed is not None:
            raise self.closed
        if doc not in self.documents:
            raise AtriumError("NOENT", f"There is no document {doc!r} in the room {self.name!r}.")

    def _submit(
        self, doc: str, kind: str, tree: Mapping[str, Any] | None, action: int, needs: list[str] | None = None
    ) -> None:
        if self.closed is not None:
            raise self.closed
        message: Message = {"t": "submit", "room": self.id, "doc": doc, "kind": kind, "action": action}
        if tree is not None:
            message["tree"] = tree
        if needs:
            message["needs"] = needs
        self._client._command(message)

    def _take_doc(self, message: Message) -> None:
        event = Event(
            doc=message["doc"],
            kind=message["kind"],
            tree=message.get("tree"),
            seq=message["seq"],
            by=message["by"],
            show=message.get("show"),
        )
        if event.kind == "delete":
            self.documents.pop(event.doc, None)
        else:
            old = self.documents.get(event.doc) if event.kind == "edit" else None
            self.documents[event.doc] = merge(old, event.tree)
        if event.show is None:
            self.shown_names.pop(event.doc, None)
        else:
            self.shown_names[event.doc] = event.show
        if len(self._events) >= _FOLLOW_EVENTS_MAX:
            self._events.clear()
            self._lost_events = True
        self._events.append(event)
        if self.on_event:
            self.on_event(event)


@dataclass(slots=True)
class _Waiting:
    """What the engine has said that a waiting method looks at."""

    state: str = "OFFLINE"
    address: str = ""
    error: AtriumError | None = None
    joined: Room | None = None
    rooms: list[RoomInfo] | None = None
    forgotten: bool | None = None  # whether the host that was to be forgotten was known
    invite: Message | None = None
    revoked: int | None = None
    password: bool | None = None
    reach: int = 0  # the newest question that was answered
    password_of: str = ""  # the room whose password is being set; empty: the server's


class Client:
    """A participant. One thread at a time may use it; close it, or use it as a context manager."""

    def __init__(self, home: str | os.PathLike[str] | None = None) -> None:
        self.joined: dict[str, Room] = {}
        self.knocks: dict[str, Knock] = {}
        self.kept_out: dict[str, str] = {}  # for hosts: the names of those who were refused for good, by key
        self.kept_out_codes: dict[str, str] = {}  # and their check codes, where they are known
        self.hosts: list[FoundHost] = []
        self.deafness: Deafness | None = None
        self.reach: list[
            Message
        ] = []  # for hosts: who can reach them, as in the protocol; `atrium.reach` has the sentences
        self.welcome: Message = {}
        self.latency_us = 0
        self.confirm: Message | None = None  # the unknown key that the engine asks about, where it asks
        self._engine = Engine(home)
        self._now = _Waiting()
        self._number = 0

    # --- connection ---

    @property
    def state(self) -> str:
        """OFFLINE CONNECTING CONFIRMING KNOCKING LOBBY JOINING JOINED RECONNECTING, as of the last call that pumped."""
        return self._now.state

    @property
    def key(self) -> str:
        """SHA-256 of this user's public key, as `atrium-server --allow` takes it."""
        return self._engine.key

    @property
    def check_code(self) -> str:
        """What the host sees when this user knocks."""
        return self._engine.check_code

    @property
    def participant(self) -> str:
        """This client's id in rooms: the `by` of its own changes."""
        return self._engine.participant

    def trust_host(self, code: str) -> None:
        """Trusts the host that shows this check code, at the next `connect` or at the question that is open."""
        self._command({"t": "trust", "code": code})

    def forget_host(self, host: str, timeout: float = TIMEOUT_S) -> bool:
        """Forgets the key that is pinned for this address; False where none was."""
        self._now.error = self._now.forgotten = None
        self._command({"t": "forget_host", "host": host})
        self._wait(lambda: self._now.forgotten is not None, timeout, "The engine did not answer in time.")
        return bool(self._now.forgotten)

    def discover(self, seconds: float = 2.0, *, port: int = 0, rooms: bool = False) -> list[FoundHost]:
        """Looks for hosts on the same network for so long; those whose key is remembered come first.

        Where nobody was found, `deafness` is set if this machine's own firewall may be why.
        `port`: the UDP port that hosts answer on, if not the usual one. `rooms`: also asks those whose key is remembered for their
        rooms, over a connection to each that ends with that; so a host that has got another address is known again by its key, which
        `connect` takes.
        """
        self.hosts, self._now.error = [], None
        self._command({"t": "discover", "on": True, "port": port, "rooms": rooms})
        self._pump_until(lambda: self._now.error is not None, seconds)
        found, error = self.hosts, self._now.error
        self._command({"t": "discover", "on": False})
        if error is not None:
            raise error
        return found

    def connect(
        self,
        host: str = "localhost",
        password: str | None = None,
        timeout: float = TIMEOUT_S,
        *,
        room: str | None = None,
        key: str | None = None,
        name: str = "script",
        color: Sequence[float] = (0.8, 0.8, 0.8),
    ) -> None:
        """Connects and returns when the server has let this user in; where the host is asked first, that can take a while.

        `host`: an address, or an invite's link, also inside of the sentence with which it was sent. `password`: the host's, for a
        typed address; a host that does not know it too learns nothing and is not trusted. `room`: the name of the one room whose password
        it is; `invited_to` is its id then. Whether there is such a room at all, only the right password tells. `key`: of a known host
        that was found (`FoundHost.key`): whoever is there must prove it, and it is trusted for it.
        """
        if room is not None and not password:
            raise AtriumError("INVAL", "A room is named together with its password.")
        self.pump()
        if self._now.state != "OFFLINE":
            raise AtriumError("STATE", "This client is connected already: disconnect it first.")
        self._now.error = None
        self._now.state = "CONNECTING"
        message: Message = {
            "t": "connect",
            "host": host,
            "name": name,
            "color": list(color),
            "version": _core.__version__,
        }
        if key is not None:
            message["key"] = _hex_of(key, _KEY_DIGITS, "A host's key")
        if password:
            message["password"] = password
            if room is not None:
                message["room"] = room
        self._command(message)
        try:
            self._wait(
                lambda: self._now.state in ("LOBBY", "JOINING", "JOINED"),
                timeout,
                f"{_shown(host)} did not answer in time.",
            )
        except AtriumError as error:
            knocked = error.code == "TIMEOUT" and self._now.state == "KNOCKING"
            self._engine.send({"t": "cancel"})
            self._pump_until(lambda: self._now.state == "OFFLINE", _CANCEL_S)
            if knocked:
                raise AtriumError(
                    "KNOCKING", "You have knocked, and the host has not answered in time: ask them to let you in."
                ) from None
            raise

    def disconnect(self, timeout: float = 5.0) -> None:
        """Says goodbye; the rooms keep their last documents."""
        self._command({"t": "disconnect"})
        self._pump_until(lambda: self._now.state == "OFFLINE", timeout)
        self.joined.clear()

    def close(self) -> None:
        """Ends the engine's thread; may be called again. What has not gone out is lost: `Room.flush` or `Room.leave` first."""
        self._engine.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- rooms ---

    def rooms(self, timeout: float = TIMEOUT_S) -> list[RoomInfo]:
        """The server's list of rooms."""
        self._now.rooms = None
        self._command({"t": "rooms"})
        self._wait(lambda: self._now.rooms is not None, timeout, "The server did not answer in time.")
        return list(self._now.rooms or ())

    def create_room(self, name: str, timeout: float = TIMEOUT_S, *, ready: bool = True) -> Room:
        """Creates a room and joins it. `ready=False`: others cannot join before `Room.ready()`."""
        room = self._enter({"t": "create", "name": name, "blender": list(BLENDER)}, timeout)
        if ready:
            room.ready()
        return room

    def join(self, room: str, timeout: float = TIMEOUT_S) -> Room:
        """Joins a room, by its id or its name, and returns when all that it held has arrived."""
        found = next((info for info in self.rooms(timeout) if room in (info.id, info.name)), None)
        if found is None:
            raise AtriumError("NOROOM", f"There is no room {room!r} on this server.")
        return self._enter({"t": "join", "room": found.id, "blender": list(found.blender)}, timeout)

    def admit(self, key: str, remember: bool = True) -> None:
        """Lets somebody in who knocks."""
        _hex_of(key, _KEY_DIGITS, "A user's key")
        self._command({"t": "admit", "key": key, "remember": remember})
        self.knocks.pop(key, None)

    def refuse(self, key: str, remember: bool = False) -> None:
        """Refuses somebody who knocks, and removes who is in. With `remember` that key does not get in any more, until it is pardoned."""
        _hex_of(key, _KEY_DIGITS, "A user's key")
        self._command({"t": "refuse", "key": key, "remember": remember})
        self.knocks.pop(key, None)

    def pardon(self, key: str) -> None:
        """Takes a refusal for good back: who has this key may knock again, or come by an invite or a password. Only the host may; `kept_out` has the keys."""
        self._command({"t": "pardon", "key": _hex_of(key, _KEY_DIGITS, "A user's key")})

    def create_invite(
        self,
        room: str | None = None,
        expires_h: float = 168,
        addresses: Sequence[str] = (),
        timeout: float = TIMEOUT_S,
    ) -> str:
        """A link that lets in whoever pastes it, for so many hours (0: for ever). Only the host may.

        `room`: the id of the one room that it lets in to; its guests see nothing else (None: everything). `addresses`: further ones at which the host can be reached, such as a
        router's or a tunnel's public one; they are tried first.
        """
        message: Message = {"t": "invite_create", "expires_h": expires_h, "addresses": list(addresses)}
        if room is not None:
            message["room"] = _hex_of(room, _ID_DIGITS, "A room's id")
        self._now.invite, self._now.error = None, None
        self._command(message, timeout)
        self._wait(lambda: self._now.invite is not None, timeout, "The server did not answer in time.")
        assert self._now.invite is not None
        return str(self._now.invite["link"])

    def revoke_invites(self, timeout: float = TIMEOUT_S) -> int:
        """Makes every link that was given out useless; returns how many. Who came by one keeps the access."""
        self._now.revoked, self._now.error = None, None
        self._command({"t": "invites_revoke"}, timeout)
        self._wait(lambda: self._now.revoked is not None, timeout, "The server did not answer in time.")
        return self._now.revoked or 0

    def look_around(
        self, public: str | None = None, agent: int | None = None, timeout: float = TIMEOUT_S
    ) -> list[Message]:
        """The server looks at once who can reach it; returns `reach`, of which a newer one comes by itself when something changes. Only
        the host may.

        `public`: the address that a router or a tunnel passes on to the server, which goes into invites from then on; empty: none.
        `agent`: a port of the server's machine on which a tunnel's program tells of itself, besides the usual ones.
        """
        number = self._next_number()
        message: Message = {"t": "reach", "n": number}
        if public is not None:
            message["public"] = public
        if agent is not None:
            message["agent"] = agent
        self._now.error = None
        self._command(message, timeout)
        self._wait(lambda: self._now.reach == number, timeout, "The server did not answer in time.")
        return self.reach

    @property
    def invited_to(self) -> str:
        """The id of the room for which this client came, by its invite or with its password; empty where there was none."""
        return str(self.welcome.get("invited_to", ""))

    def set_password(self, password: str, timeout: float = TIMEOUT_S, *, room: str | None = None) -> None:
        """Who knows the password may enter from now on; an empty one removes it. Only the host may, and who has created a room for that.

        `room`: the id of the one room that it opens (None: everything). Who was let in before stays so.
        """
        message: Message = {"t": "password", "text": password}
        if room is not None:
            message["room"] = _hex_of(room, _ID_DIGITS, "A room's id")
        self._now.password, self._now.error, self._now.password_of = None, None, message.get("room", "")
        self._command(message, timeout)
        self._wait(lambda: self._now.password is not None, timeout, "The server did not answer in time.")

    def put_blob(self, data: Buffer) -> str:
        """Hands bytes over and gives the name by which a tree may name them: ["$blob", name, dtype, shape]."""
        return self._patiently(lambda: self._engine.put_blob(data))

    def blob(self, hash: str) -> _core.Blob | None:
        """The bytes of a blob that a document names."""
        return self._engine.blob(hash)

    # --- waiting ---

    def pump(self, timeout: float = 0.0) -> int:
        """Applies what has arrived, after waiting at most `timeout` seconds for it; returns how many events."""
        events = self._engine.poll(4096)
        if not events and timeout > 0 and self._engine.wait(timeout):
            events = self._engine.poll(4096)
        for message in events:
            self._take(message)
        return len(events)

    def _pump_until(self, done: Callable[[], bool], timeout: float | None) -> bool:
        end = None if timeout is None else time.monotonic() + timeout
        self.pump()
        while not done():
            left = 1.0 if end is None else end - time.monotonic()
            if left <= 0:
                return False
            self.pump(min(left, 1.0))
        return True

    def _wait(self, done: Callable[[], bool], timeout: float, sentence: str, room: Room | None = None) -> None:
        def failure() -> AtriumError | None:
            return self._now.error or (room.closed if room else None)

        if not self._pump_until(lambda: done() or failure() is not None, timeout):
            raise AtriumError("TIMEOUT", sentence)
        error = failure()
        if error is not None and not done():
            self._now.error = None
            raise error

    def _command(self, message: Message, timeout: float = TIMEOUT_S) -> None:
        self._patiently(lambda: self._engine.send(message), timeout)

    def _patiently(self, push: Callable[[], _T | None], timeout: float = TIMEOUT_S) -> _T:
        """What the engine's queue takes, once there is room in it."""
        end = time.monotonic() + timeout
        while not (taken := push()):
            if time.monotonic() >= end:
                raise AtriumError("FULL", "The engine's queue is full.")
            self.pump(_RETRY_S)
        return taken

    def _enter(self, message: Message, timeout: float) -> Room:
        self._now.joined = None
        self._now.error = None
        self._command(message, timeout)
        self._wait(
            lambda: self._now.joined is not None and self._now.joined.complete,
            timeout,
            "The room did not arrive in time.",
        )
        assert self._now.joined is not None
        return self._now.joined

    def _leave(self, room: Room) -> None:
        if self.joined.pop(room.id, None) is not None and room.closed is None:
            self._command({"t": "leave", "room": room.id})
        room.closed = room.closed or AtriumError("STATE", "The room was left.")

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    # --- events ---

    def _take(self, message: Message) -> None:
        handler = getattr(self, "_on_" + message["t"], None)
        if handler is not None:
            handler(message)
            return
        room = self.joined.get(message.get("room", ""))
        if room is not None:
            _ROOM_EVENTS.get(message["t"], _ignore)(room, message)

    def _on_state(self, message: Message) -> None:
        self._now.state = message["state"]
        self._now.address = message.get("address", "")
        if message.get("error") and message["state"] == "OFFLINE":
            self._now.error = _error_of(message, "error")

    def _on_error(self, message: Message) -> None:
        self._now.error = _error_of(message, "text")

    def _on_hosts(self, message: Message) -> None:
        self.hosts = [
            FoundHost(h["name"], h["address"], h["key"], h["known"], _rooms_of(h) if "rooms" in h else None)
            for h in message["hosts"]
        ]
        self.deafness = Deafness(**message["firewall"]) if "firewall" in message else None

    def _on_forgotten(self, message: Message) -> None:
        self._now.forgotten = message["known"]

    def _on_welcome(self, message: Message) -> None:
        self.welcome = message
        self.kept_out, self.kept_out_codes = {}, {}  # who is follows, where there is somebody

    def _on_confirm_host(self, message: Message) -> None:
        self.confirm = message

    def _on_rooms(self, message: Message) -> None:
        self._now.rooms = list(_rooms_of(message))

    def _on_invite(self, message: Message) -> None:
        self._now.invite = message

    def _on_password(self, message: Message) -> None:
        if message.get("room", "") == self._now.password_of:
            self._now.password = message["set"]

    def _on_reach(self, message: Message) -> None:
        self.reach = message["audiences"]
        self._now.reach = message.get("n", self._now.reach)

    def _on_invites_revoked(self, message: Message) -> None:
        self._now.revoked = message["count"]

    def _on_knock(self, message: Message) -> None:
        self.knocks[message["key"]] = Knock(message["key"], message["name"], message["code"])

    def _on_knock_end(self, message: Message) -> None:
        self.knocks.pop(message["key"], None)

    def _on_kept_out(self, message: Message) -> None:
        self.kept_out = {user["key"]: user["name"] for user in message["users"]}
        self.kept_out_codes = {user["key"]: user["code"] for user in message["users"] if "code" in user}

    def _on_joined(self, message: Message) -> None:
        room = self.joined.get(message["room"])
        if room is None:
            room = self.joined[message["room"]] = Room(self, message["room"], message["name"])
        self._now.joined = room

    def _on_latency(self, message: Message) -> None:
        self.latency_us = message["us"]

    def _on_closed(self, message: Message) -> None:
        room = self.joined.pop(message["room"], None)
        if room is not None:
            room.closed = _error_of(message, "text")


def _shown(host: str) -> str:
    """For a sentence: an invite holds a secret, and so may an address behind a question mark or before an @."""
    if _core.find_invite(host) >= 0:
        return "The host of the invite"
    return re.sub(r"^(.*?://)?.*@", r"\1", host.partition("?")[0], flags=re.DOTALL)


def _hex_of(text: str, digits: int, what: str) -> str:
    if len(text) != digits or not set(text) <= set("0123456789abcdef"):
        raise AtriumError("INVAL", f"{what} has {digits} hexadecimal digits in lower case, and {text[:80]!r} is none.")
    return text


def _holds_null(tree: Any) -> bool:
    if isinstance(tree, dict):
        return any(_holds_null(value) for value in tree.values())
    if isinstance(tree, list):
        return any(_holds_null(value) for value in tree)
    return tree is None


def _require_json(value: object, depth: int = _DEPTH_MAX) -> None:
    """What the engine would refuse only when it reads it, on its own thread."""
    if isinstance(value, str):
        if "\0" in value:
            raise AtriumError("JSON_NUL", "A document holds no NUL character.")
        if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
            raise AtriumError("JSON_UTF8", "A document holds no half of a surrogate pair: it is not Unicode text.")
    elif isinstance(value, int) and abs(value) > _INT_MAX:
        raise AtriumError("JSON_NUMBER", 'A whole number beyond 2**53 is written as text: ["$i", "..."].')
    elif isinstance(value, Mapping | list | tuple):
        if depth == 0:
            raise AtriumError("JSON_DEPTH", f"A document is nested at most {_DEPTH_MAX} deep.")
        for item in value:
            _require_json(item, depth - 1)
        if isinstance(value, Mapping):
            for item in value.values():
                _require_json(item, depth - 1)


def _error_of(message: Message, text: str) -> AtriumError:
    return AtriumError(message.get("code", "UNKNOWN"), message[text])


def _rooms_of(message: Message) -> tuple[RoomInfo, ...]:
    return tuple(
        RoomInfo(
            r["id"],
            r["name"],
            r["users"],
            r["bytes"],
            tuple(r["blender"]),
            r["ready"],
            r.get("password", False),
            r.get("mine", False),
        )
        for r in message["rooms"]
    )


def _ignore(room: Room, message: Message) -> None:
    """An event of a newer engine."""


def _on_members(room: Room, message: Message) -> None:
    room.members = message["members"]


def _on_progress(room: Room, message: Message) -> None:
    room.progress = message["value"]
    room.complete = room.complete or message["complete"]


def _on_flushed(room: Room, message: Message) -> None:
    room._flushed = max(room._flushed, message["n"])


def _on_refused(room: Room, message: Message) -> None:
    room.refusals.append(message)


def _on_healed(room: Room, message: Message) -> None:
    room.healed = message["count"]


def _on_presence(room: Room, message: Message) -> None:
    if room.on_presence:
        room.on_presence(message["member"], message["data"])


_ROOM_EVENTS: dict[str, Callable[[Room, Message], None]] = {
    "doc": Room._take_doc,
    "members": _on_members,
    "progress": _on_progress,
    "flushed": _on_flushed,
    "refused": _on_refused,
    "healed": _on_healed,
    "presence": _on_presence,
}
