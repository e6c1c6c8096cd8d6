# SPDX-License-Identifier: GPL-3.0-or-later
"""All that the add-on knows of its connection, in one object without Blender.

Two things are followed side by side. `link` is what the engine says of the connection (OFFLINE ... LOBBY,
RECONNECTING). `stage` is how far the add-on itself is with a room: asked for it, uploading or receiving the scene,
replacing it, live. What scripts and the panel see as `state` is made of both: a lost connection hides the stage,
which goes on where it was when the connection is back.

Events of the engine come in through `on`. What the user may do at a moment is asked by `why_not`: one place gives
both the reason that a greyed button shows and the error of the operator behind it. What somebody waits for is a
`Task`; there is at most one, and every way it can end sets it done, with a problem if it failed. `revision` grows
with each change, so that whoever mirrors or draws the state knows when to look.

Blender resets stored properties on every file load; this object is a plain Python one and is not touched.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from . import address, colors, inviting
from .history import History
from .said import said
from .sentences import ERRORS, Problem, problem, refusal
from .settings import Settings
from .words import translated

Event = dict[str, Any]
Version = tuple[int, ...]

OFFLINE, CONNECTING, CONFIRMING, KNOCKING = "OFFLINE", "CONNECTING", "CONFIRMING", "KNOCKING"
LOBBY, JOINING, JOINED, RECONNECTING = "LOBBY", "JOINING", "JOINED", "RECONNECTING"
PHASES = (OFFLINE, CONNECTING, CONFIRMING, KNOCKING, LOBBY, JOINING, JOINED, RECONNECTING)
UNDER_WAY = frozenset({CONNECTING, CONFIRMING, KNOCKING})


class Stage(Enum):
    NONE = "none"
    ASKED = "asked"  # create or join was sent, the server has not answered
    UPLOADING = "uploading"  # the scene becomes documents
    SETTLING = "settling"  # all is sent; waiting until the server has it
    RECEIVING = "receiving"  # the room's documents arrive, the scene is untouched
    REPLACING = "replacing"  # the scene is being replaced, no way back
    LIVE = "live"


@dataclass
class Task:
    """Something that a person or a script waits for."""

    kind: str
    text: str
    done: bool = False
    problem: Problem | None = None

    def finish(self, trouble: Problem | None = None) -> None:
        if not self.done:
            self.done, self.problem = True, trouble


@dataclass(frozen=True)
class Room:
    id: str
    name: str
    users: int
    size_bytes: int
    blender: Version
    reason: str  # why it cannot be joined; empty if it can
    has_password: bool = False
    is_mine: bool = False  # this user has created it

    @property
    def joinable(self) -> bool:
        return not self.reason


@dataclass(frozen=True)
class User:
    id: str
    name: str
    color: colors.Color
    is_me: bool
    key: str = ""  # by which the server knows the person, in whichever Blender


@dataclass(frozen=True)
class Knock:
    key: str
    name: str
    check_code: str


@dataclass(frozen=True)
class KeptOut:
    """Somebody whom the host has refused for good."""

    key: str
    name: str
    check_code: str = ""  # empty: not known


@dataclass(frozen=True)
class FoundHost:
    """Somebody on the local network who says that a server is there: a hint, until its key is proved."""

    name: str
    address: str
    known: bool  # the key that it announces is remembered for this address, or was proved here
    key: str = ""
    rooms: tuple[Room, ...] = ()  # those that this user may enter; none where the host has not shown them


@dataclass(frozen=True)
class Deafness:
    """This machine's own firewall may drop what hosts answer; the command that lets it in."""

    tool: str
    command: str


@dataclass(frozen=True)
class Question:
    """A host whose key is not known yet; the user compares its check code. Another key than a known one is no question but an error."""

    address: str
    code: str


@dataclass(frozen=True)
class Host:
    """What the server said of itself when it let us in."""

    is_mine: bool
    port: int
    check_code: str  # of the server's key, which those who connect compare
    runs_with: frozenset[str] | None = None  # what it was started with; None: it is not for us to start anew
    lets_create: bool = True  # rooms; else we were let into single ones


@dataclass
class Here:
    """The room that this Blender is in, or on its way into."""

    name: str
    id: str = ""
    handle: int | None = None
    created: bool = False


@dataclass
class Progress:
    text: str
    value: float = 0.0

    @property
    def shown(self) -> str:
        return f"{self.text} ({self.value:.0%})"


@dataclass
class State:
    settings: Settings
    blender: Version
    clock: Callable[[], float] = time.monotonic
    link: str = OFFLINE
    stage: Stage = Stage.NONE
    address: str = ""
    typed: str = ""  # what the user wrote to get there, where that is an address of the web
    attempt: int = 0
    since: float = 0.0
    connected_s: float = 0.0  # since 1970: when the connection came up, or came back
    restarts: bool = False  # the server that has gone said that another follows at once
    note: str = ""  # what is happening besides, e.g. that a server is being started
    me: str = ""  # this participant
    check_code: str = ""  # of this user's own key
    question: Question | None = None
    host: Host | None = None
    here: Here | None = None
    hosts: list[FoundHost] = field(default_factory=list)  # on the local network, while one looks
    deafness: Deafness | None = None  # why there may be none
    rooms: list[Room] = field(default_factory=list)
    users: list[User] = field(default_factory=list)
    knocks: list[Knock] = field(default_factory=list)
    kept_out: list[KeptOut] = field(default_factory=list)  # the newest first
    progress: Progress | None = None
    pending: int = 0  # own operations that the room has not confirmed
    unsent: int = 0  # bytes of these, and of the blobs that are still to go
    latency_ms: float = 0.0
    problem: Problem | None = None
    refusals: list[str] = field(default_factory=list)
    healed: int = 0  # documents of this room that differed from the server's, and were replaced
    refused_at: float = 0.0
    left: Here | None = None  # offered to be joined again
    ask_unsaved: str = ""  # id of the room whose join waits for a word on unsaved work
    paused: bool = False  # Blender renders or bakes
    invite: str = ""  # the newest link that was made here
    revoked: bool = False  # all links, since the newest was made
    invite_expires_s: float = 0.0  # since 1970; 0: never
    invite_only_here: bool = False  # nobody on another machine gets in by it
    invite_room: str = ""  # the name of the only room that it opens; empty: it opens all
    invite_lasts: str = inviting.USUAL  # how long the next one shall work, as the user has chosen
    by_invite: bool = False  # one was pasted to get here, and its host has not let us in yet
    has_password: bool = False  # as far as it is known: the server tells when it changes
    task: Task | None = None
    forgetting: Task | None = None  # of a host's key: beside `task`
    checking: Task = field(default_factory=lambda: Task("check", "", done=True))  # of the network: beside `task`, too
    check_report: list[str] = field(default_factory=list)  # of the last check, in lines
    reach: list[Event] = field(default_factory=list)  # who can reach this machine, as its server says
    reach_news: int = 0  # how often it has said so with nothing left to find out
    history: History = field(default_factory=History)
    revision: int = 0

    # --- reading -----------------------------------------------------------------------------------------------------

    @property
    def phase(self) -> str:
        if self.link != LOBBY or self.stage is Stage.NONE:
            return self.link
        return JOINED if self.stage is Stage.LIVE else JOINING

    @property
    def in_room(self) -> bool:
        """Also while the line is down, or the server asks anew who comes."""
        return self.here is not None and self.stage is Stage.LIVE

    @property
    def entering(self) -> bool:
        """On the way into a room, which can be cancelled; also while the line is down."""
        return self.here is not None and self.stage is not Stage.LIVE

    @property
    def online(self) -> bool:
        return self.link in (LOBBY, RECONNECTING) or self.in_room

    @property
    def elapsed_s(self) -> int:
        return int(self.clock() - self.since)

    @property
    def server_restarts(self) -> bool:
        """What the server has said counts for a while: one that does not come back has gone."""
        return self.phase == RECONNECTING and self.restarts and self.elapsed_s <= RESTART_S

    @property
    def fresh_refusals(self) -> list[str]:
        """What the user should hear now: the newest, for a while."""
        return self.refusals[-REFUSALS_SHOWN:] if self.clock() - self.refused_at < REFUSALS_SHOWN_S else []

    def room_named(self, name: str) -> Room | None:
        """By name; where two have one name, the first that can be joined. An id is taken too."""
        found = [room for room in self.rooms if name in (room.name, room.id)]
        return next((room for room in found if room.joinable), found[0] if found else None)

    def may_lock(self, room: Room) -> bool:
        """Set its password: the host may, and who has created it."""
        return room.is_mine or (self.host is not None and self.host.is_mine)

    def may_remove(self, user: User) -> bool:
        """The host may, but not himself, who may be there with several Blenders."""
        mine = next((u.key for u in self.users if u.is_me), "")
        return self.host is not None and self.host.is_mine and user.key not in ("", mine)

    def why_not(self, action: str) -> Problem | None:
        """None if the user may do this now; else the reason."""
        busy = self.task if self.task and not self.task.done else None
        if action in ("connect", "host"):
            if busy:
                return problem("BUSY", text=busy.text)
            return problem("CONNECTED") if self.link != OFFLINE else None
        if action == "disconnect":
            return problem("NOT_CONNECTED") if self.link == OFFLINE else None
        if action == "trust_host":
            return None if self.question or self.link == OFFLINE else problem("NO_QUESTION")
        if action == "cancel":
            return None if busy or self.link in UNDER_WAY or self.ask_unsaved else problem("NOT_CONNECTED")
        if not self.online:
            return problem("NOT_CONNECTED")
        return self._why_not_in_lobby(action, busy)

    def _why_not_in_lobby(self, action: str, busy: Task | None) -> Problem | None:
        if action in ("leave_room", "flush"):
            if self.here is None:
                return problem("NOT_IN_ROOM")
            if action == "flush" and busy:
                return problem("BUSY", text=busy.text)
            return None
        if action in ("create_invite", "revoke_invites", "set_password"):
            if self.host is None or not self.host.is_mine:
                return problem("NOT_HOST")
            return problem("BUSY", text=busy.text) if busy else None
        if action == "restart_server":
            if self.host is None or not self.host.is_mine:
                return problem("NOT_HOST")
            if self.link != LOBBY:
                return problem("NOT_CONNECTED")
            if self.host.runs_with is None or not address.is_local(self.address):  # nobody would start the next
                return problem("NOT_STARTED")
            return problem("BUSY", text=busy.text) if busy else None
        if action in ("start_tunnel", "remove_user", "pardon"):
            return None if self.host is not None and self.host.is_mine else problem("NOT_HOST")
        if action == "set_room_password":
            return problem("BUSY", text=busy.text) if busy else None
        if action in ("create_room", "join_room"):
            if busy:
                return problem("BUSY", text=busy.text)
            if self.here is not None:
                return problem("IN_ROOM", room=self.here.name)
        return None

    # --- what the add-on does itself ---------------------------------------------------------------------------------

    def changed(self) -> None:
        self.revision += 1

    def begin(self, kind: str, text: str) -> Task:
        """A new task; the problem of an earlier one is history."""
        self.task = Task(kind, text)
        self.problem = None
        self.changed()
        return self.task

    def finish(self, *kinds: str, trouble: Problem | None = None) -> None:
        """Ends the task if it is one of these kinds (any, if none is named)."""
        if trouble is not None:
            self.problem = trouble
        if self.task and not self.task.done and (not kinds or self.task.kind in kinds):
            self.task.finish(trouble)
        self.changed()

    def set_link(self, link: str) -> None:
        if link != self.link:
            if link == LOBBY:
                self.connected_s = time.time()
            self.link, self.since = link, self.clock()
        if link != CONFIRMING:
            self.question = None
        if link == OFFLINE:
            self.forget_connection()
        self.changed()

    def set_stage(self, stage: Stage, text: str = "") -> None:
        self.stage, self.since = stage, self.clock()
        self.progress = Progress(text) if text else None
        self.changed()

    def set_progress(self, value: float, text: str = "") -> None:
        if self.progress is None:
            self.progress = Progress(text)
        shown = self.progress.shown
        self.progress.value = min(1.0, max(0.0, value))
        self.progress.text = text or self.progress.text
        if self.progress.shown != shown:  # each change draws the panel anew, and a build takes a step every millisecond
            self.changed()

    def enter(self, here: Here, text: str) -> None:
        self.here, self.left, self.ask_unsaved = here, None, ""
        self.refusals.clear()
        self.healed = 0
        self.set_stage(Stage.ASKED, text)

    def leave(self) -> None:
        """Out of the room, whatever the reason; the connection stays as it is."""
        self.here, self.users, self.pending, self.unsent, self.progress = None, [], 0, 0, None
        self.set_stage(Stage.NONE)

    def forget_connection(self) -> None:
        self.leave()
        self.left, self.ask_unsaved = None, ""
        self.host, self.rooms, self.knocks, self.kept_out, self.attempt, self.note = None, [], [], [], 0, ""
        self.invite, self.revoked, self.has_password, self.reach = "", False, False, []
        self.latency_ms = 0.0

    # --- what the engine says ----------------------------------------------------------------------------------------

    def on(self, event: Event) -> None:
        handler = _HANDLERS.get(str(event.get("t")))
        if handler is not None:
            handler(self, event)
            self.changed()

    def _on_state(self, event: Event) -> None:
        link = str(event.get("state", OFFLINE))
        if link in (JOINING, JOINED):  # the connection is up; how far the room is, is known better here
            link = LOBBY
        self.address = str(event.get("address") or self.address)
        self.attempt = int(event.get("attempt") or 0)
        trouble = self._problem_of(event) if event.get("code") else None
        self.restarts = bool(event.get("restarts"))
        if link == RECONNECTING:
            self.problem = trouble or self.problem
        was = self.link
        self.set_link(link)
        if link == OFFLINE:
            self._on_offline(trouble)
        elif link == LOBBY:
            self.note = ""
            self.problem = self._unanswered() if was == RECONNECTING else self.problem

    def _unanswered(self) -> Problem | None:
        """What the lost line has cost, which its return does not give back: nobody would see the sentence if it went with that."""
        trouble = self.task.problem if self.task else None
        return trouble if trouble is not None and trouble.code == "UNANSWERED" else None

    def _on_offline(self, trouble: Problem | None) -> None:
        if self.task and self.task.kind == "disconnect":
            self.finish("disconnect")
        elif trouble is not None or (self.task and not self.task.done):
            self.finish(trouble=trouble or problem("CLOSED", address=self.address))

    @property
    def shown_address(self) -> str:
        """One of the web as it was typed, which the engine knows with scheme, port and path: nobody knows that one again."""
        return self.typed if self.typed and address.is_web(self.address) else self.address

    def _on_confirm_host(self, event: Event) -> None:
        self.set_link(CONFIRMING)
        self.question = Question(str(event.get("address") or self.address), str(event.get("code", "")))

    def _on_welcome(self, event: Event) -> None:
        port = int(event.get("port") or 0)
        runs_with = event.get("runs_with")
        settings = frozenset(map(str, runs_with)) if isinstance(runs_with, list) else None
        code, lets_create = str(event.get("check_code") or ""), not event.get("guest")
        self.host = Host(bool(event.get("host")), port, code, settings, lets_create)
        self.knocks, self.kept_out = [], []  # who is follows, where there is somebody

    def _on_hosts(self, event: Event) -> None:
        self.hosts = [
            FoundHost(
                str(h.get("name", "")),
                str(h.get("address", "")),
                bool(h.get("known")),
                str(h.get("key", "")),
                tuple(self._room_of(room) for room in h.get("rooms") or ()),
            )
            for h in event.get("hosts") or ()
        ]
        firewall = event.get("firewall") or {}
        self.deafness = Deafness(str(firewall["tool"]), str(firewall["command"])) if firewall else None

    def _on_rooms(self, event: Event) -> None:
        """The first list ends connecting: a script may join at once."""
        self.rooms = [self._room_of(room) for room in event.get("rooms") or ()]
        if self.ask_unsaved and self.room_named(self.ask_unsaved) is None:
            self.ask_unsaved = ""
        self.finish("connect")

    def _room_of(self, room: Event) -> Room:
        blender = tuple(int(n) for n in room.get("blender") or ())
        reason = ""
        if blender[:2] != self.blender[:2]:
            text = translated("Made with Blender {theirs}; this is Blender {ours}.")
            reason = text.format(theirs=dotted(blender[:2]), ours=dotted(self.blender[:2]))
        elif not room.get("ready", True):
            reason = translated("Its creator is still uploading the scene.")
        size, users = int(room.get("bytes") or 0), int(room.get("users") or 0)
        locked, mine = bool(room.get("password")), bool(room.get("mine"))
        return Room(str(room["id"]), str(room["name"]), users, size, blender, reason, locked, mine)

    def _on_joined(self, event: Event) -> None:
        if self.here is None:
            return
        self.here.id = str(event.get("room", self.here.id))
        self.here.handle = event.get("handle", self.here.handle)
        self.here.name = str(event.get("name") or self.here.name)
        self.me = str(event.get("participant") or self.me)
        if self.stage is Stage.ASKED and not self.here.created:
            self.set_stage(Stage.RECEIVING, translated("Receiving the room"))

    def _on_members(self, event: Event) -> None:
        if not self.is_here(event):
            return
        members = sorted(event.get("members") or (), key=lambda m: int(m.get("member", 0)))
        shades = colors.distinct(m.get("color") or (0.75, 0.75, 0.75) for m in members)
        self.users = [
            User(
                str(m.get("participant", "")),
                str(m.get("name", "")),
                shade,
                m.get("participant") == self.me,
                str(m.get("key", "")),
            )
            for m, shade in zip(members, shades, strict=True)
        ]

    def is_here(self, event: Event) -> bool:
        """Events name the room by id or by handle; one without belongs to the only room there is."""
        room = event.get("room")
        return self.here is not None and room in (None, self.here.id, self.here.handle)

    def _on_invite(self, event: Event) -> None:
        self.invite, self.revoked = str(event.get("link") or ""), False
        self.invite_expires_s = float(event.get("expires") or 0)
        self.invite_only_here = bool(event.get("only_here"))
        # The room that one was in; who has left it meanwhile finds it in the list. Zeros: all rooms.
        only = str(event.get("room") or "").strip("0") and str(event["room"])
        found = next((room for room in (self.here, *self.rooms) if room is not None and room.id == only), None)
        self.invite_room = found.name if found else only
        self.finish("invite")

    def _on_invites_revoked(self, _: Event) -> None:
        self.invite, self.revoked = "", True
        self.finish("revoke")

    def _on_password(self, event: Event) -> None:
        if not event.get("room"):  # a room's stands in the list of rooms
            self.has_password = bool(event.get("set"))
        self.finish("password")

    def _on_reach(self, event: Event) -> None:
        self.reach = [entry for entry in event.get("audiences") or () if isinstance(entry, dict)]
        self.reach_news += bool(event.get("settled", True))

    def _on_knock(self, event: Event) -> None:
        knock = Knock(str(event["key"]), str(event.get("name", "")), str(event.get("code", "")))
        self.knocks = [k for k in self.knocks if k.key != knock.key] + [knock]

    def _on_knock_end(self, event: Event) -> None:
        self.knocks = [k for k in self.knocks if k.key != event.get("key")]

    def _on_kept_out(self, event: Event) -> None:
        users = (user for user in event.get("users") or () if isinstance(user, dict))
        self.kept_out = [
            KeptOut(str(user.get("key")), str(user.get("name") or ""), str(user.get("code") or "")) for user in users
        ][::-1]

    def _on_progress(self, event: Event) -> None:
        if self.is_here(event) and self.stage is Stage.RECEIVING:
            self.set_progress(float(event.get("value") or 0.0), said(str(event.get("text") or "")))

    def _on_latency(self, event: Event) -> None:
        self.latency_ms = float(event.get("us") or 0) / 1000.0

    def _on_pending(self, event: Event) -> None:
        if self.is_here(event):
            self.pending = int(event.get("operations") or 0)
            self.unsent = int(event.get("bytes", self.unsent))

    def _on_refused(self, event: Event) -> None:
        code, text = str(event.get("code") or ""), str(event.get("text") or "")
        self.refusals.append(refusal(code, str(event.get("name") or ""), text or code))
        self.refused_at = self.clock()
        del self.refusals[:-REFUSALS_MAX]

    def _on_healed(self, event: Event) -> None:
        if self.is_here(event):
            self.healed = int(event.get("count") or 0)

    def report(self, trouble: Problem) -> str:
        """Everything, as the copy button gives it."""
        healed = f"\nHealed: {self.healed}" if self.healed else ""
        return trouble.report() + healed

    def _on_closed(self, event: Event) -> None:
        if self.is_here(event):
            trouble = self._problem_of(event)
            self.leave()
            self.finish("create", "join", "flush", "leave", trouble=trouble)

    def _on_forgotten(self, event: Event) -> None:
        """The problem that led here is solved; or there was nothing to forget."""
        known, host = bool(event.get("known")), str(event.get("address"))
        self.problem = None if known else problem("HOST_UNKNOWN", address=host)
        if self.forgetting is not None:
            self.forgetting.finish(self.problem)

    def _on_error(self, event: Event) -> None:
        """Ends what waits for the command that failed; an answer to another command is shown and ends nothing."""
        trouble, re = self._problem_of(event), str(event.get("re"))
        if re == "reach" and event.get("code") == "ADDR_SYNTAX":
            self.problem = problem(
                "PUBLIC_ADDRESS", address=self.settings.public_address, text=str(event.get("text") or "")
            )
            return
        if re in ("discover", "reach"):
            return  # nobody asked for it: the list just stays as it is
        if re in ("create", "join") and self.stage is Stage.ASKED:
            self.leave()
        if self.task is not None and self.task.kind in TASKS_OF.get(re, ()):
            self.finish(trouble=trouble)
        if re == "forget_host" and self.forgetting is not None:
            self.forgetting.finish(trouble)
        self.problem = trouble

    def _problem_of(self, event: Event) -> Problem:
        code = str(event.get("code") or "INTERNAL")
        room = self.here.name if self.here else ""
        detail, text = str(event.get("detail") or ""), str(event.get("text") or event.get("error") or "")
        if event.get("said"):
            detail = "\n".join(filter(None, (text, detail)))  # as it came, for who helps and reads no Spanish
            code = f"SAID_{code}" if f"SAID_{code}" in ERRORS else code
        elif code == "RESOLVE" and not self.by_invite and address.is_web(self.address):
            code = "WEB_RESOLVE"
        elif code == "RESOLVE" and not self.by_invite and "%" in self.address:
            code = "SCOPED_RESOLVE"
        if event.get("state") == RECONNECTING and f"AGAIN_{code}" in ERRORS:
            code = f"AGAIN_{code}"
        elif self.by_invite and f"INVITED_{code}" in ERRORS:
            code = f"INVITED_{code}"
        elif event.get("found") and f"FOUND_{code}" in ERRORS:
            code = f"FOUND_{code}"
        return problem(code, detail=detail, text=text, address=self.shown_address, room=room)


# A server is there again within a second or two; on a machine that is busy, within some more.
RESTART_S = 30

# The engine's refusals are shown as a short list; more than these nobody reads.
REFUSALS_MAX = 50
REFUSALS_SHOWN = 3
REFUSALS_SHOWN_S = 60.0

# command -> tasks that its failure ends
TASKS_OF: dict[str, tuple[str, ...]] = {
    "connect": ("connect",),
    "hello": ("connect",),
    "trust": ("connect",),
    "rooms": ("connect",),
    "create": ("create",),
    "ready": ("create",),
    "join": ("join",),
    "flush": ("flush", "create"),
    "leave": ("leave",),
    "invite_create": ("invite",),
    "invites_revoke": ("revoke",),
    "end": ("restart",),
    "password": ("password",),
}

_HANDLERS: dict[str, Callable[[State, Event], None]] = {
    "state": State._on_state,
    "confirm_host": State._on_confirm_host,
    "welcome": State._on_welcome,
    "hosts": State._on_hosts,
    "rooms": State._on_rooms,
    "joined": State._on_joined,
    "members": State._on_members,
    "invite": State._on_invite,
    "invites_revoked": State._on_invites_revoked,
    "password": State._on_password,
    "reach": State._on_reach,
    "knock": State._on_knock,
    "knock_end": State._on_knock_end,
    "kept_out": State._on_kept_out,
    "forgotten": State._on_forgotten,
    "progress": State._on_progress,
    "latency": State._on_latency,
    "pending": State._on_pending,
    "refused": State._on_refused,
    "healed": State._on_healed,
    "closed": State._on_closed,
    "error": State._on_error,
}


def dotted(version: Iterable[int]) -> str:
    return ".".join(str(n) for n in version)
