# SPDX-License-Identifier: GPL-3.0-or-later
"""One session: takes commands of the user, moves events between engine, state and replicator, a little in each tick.

What takes more than one tick (starting a server, uploading, joining, flushing) is a generator. It yields WORK when
there is more to do at once and WAIT when only the engine or time can bring it on; `tick` runs it for as long as the
budget lasts. Cancelling closes the generator, and its `finally` puts everything back, wherever it was.

Nothing here knows Blender. What is needed of it comes in as a `Scene` (join.py has the real one, the tests a fake
one), and commands that cannot be done raise `Trouble` with the same reason that greys out the button.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from . import address
from .checking import Checking, CheckLike
from .history import keepable
from .link import EngineLike, Link
from .looking import Looking
from .sentences import Problem, problem
from .settings import NAME_MAX
from .state import LOBBY, OFFLINE, RECONNECTING, UNDER_WAY, Event, Here, Stage, State, Task
from .tunneling import Tunneling, TunnelLike
from .words import translated

log = logging.getLogger("atrium")

WORK, WAIT = True, False
Job = Generator[bool, None, None]

EVENTS_PER_TICK = 512  # json.loads of one takes some 5 microseconds: a tick stays within 3 ms

# What the room has refused of a new room's scene is offered again as often as the replicator does that; the last time is to hear the end of it.
UPLOADS_AGAIN = 4
# Leaving waits this long for the server to have what was queued; the connection may be gone, and the user is waiting.
GOODBYE_S = 5.0
# The same while Blender loads another file, when nothing can be drawn or cancelled. The engine has all by then, and goes on sending.
LOAD_HELD_S = 0.7
HELD_STEP_S = 0.005
# The engine confirms a cancel at once; a new connection waits for that, at most this long.
HANG_UP_S = 2.0
# A server on this machine that has gone is looked for (and started) again in these steps.
REVIVE_PAUSE_S = 2.0


class Trouble(Exception):
    """A command that cannot be carried out."""

    def __init__(self, trouble: Problem) -> None:
        super().__init__(trouble.sentence)
        self.problem = trouble


class Replicator(Protocol):
    """addon/sync, as far as a session uses it."""

    refused: Any
    unread: Any
    left_out: Any  # names of what the room has refused
    pending: int  # datablocks to capture and events to apply
    behind: bool  # as much has come already as it is to hold
    busy: bool

    def upload_all(self) -> Iterator[float]: ...
    def upload_again(self) -> Iterator[float]: ...
    def replace_all(self) -> Iterator[float]: ...
    def tick(self, budget_ms: float) -> Any: ...
    def capture_slowly(self) -> Iterator[float]: ...
    def name_of(self, doc: str) -> str: ...
    def detach(self) -> None: ...


class Scene(Protocol):
    """What a session needs of Blender."""

    def replicator(self, link: Link, room_id: str) -> Replicator: ...
    def is_full(self, error: Exception) -> bool: ...
    def is_rendering(self) -> bool: ...
    @property
    def holds_others_work(self) -> bool: ...
    def is_unsaved(self) -> bool: ...
    def secure(self, mode: str) -> Any: ...
    def clear(self) -> None: ...
    def restore(self, copy: Any) -> None: ...
    def discard(self, copy: Any) -> None: ...
    def mark_unsaved(self) -> None: ...


class ServerStart(Protocol):
    """`atrium.hosting.EnsureServer`: its phase becomes "ready" or "failed"."""

    error: str
    detail: str

    def poll(self) -> str: ...
    def cancel(self) -> None: ...


@dataclass
class Options:
    """What the preferences and the command line decide."""

    port: int = address.DEFAULT_PORT
    open_door: bool = False  # let everybody in without asking
    online: bool = True  # Blender's own switch
    discovery: bool = True  # look for hosts on the local network, and be found there
    map_port: bool = True  # have the router pass on the port of one's own server
    background: bool = False
    trust_first: bool = False  # ATRIUM_TRUST=first-use

    @property
    def server_settings(self) -> frozenset[str]:
        """What a server is started with here, as it tells its host (`runs_with`)."""
        wanted = {
            "network": self.online,
            "open": self.open_door,
            "discovery": self.discovery,
            "map_port": self.map_port and self.online,
        }
        return frozenset(name for name, on in wanted.items() if on)


@dataclass(frozen=True)
class Helpers:
    """What else of the package `atrium` is used beside the engine."""

    make_check: Callable[[str], CheckLike]
    look_at_machine: Callable[[int | None], CheckLike]  # at this port; None: that of the preferences
    make_tunnel: Callable[[str, int], TunnelLike]
    installed_tunnels: Callable[[], list[str]]


class Session:
    def __init__(
        self,
        state: State,
        scene: Scene,
        make_engine: Callable[[], EngineLike],
        ensure_server: Callable[..., ServerStart],
        options: Callable[[], Options],
        helpers: Helpers,
    ) -> None:
        self.state = state
        self.engine: EngineLike | None = None
        self.link: Link | None = None
        self.replicator: Replicator | None = None
        self._scene = scene
        self._make_engine = make_engine
        self._ensure_server = ensure_server
        self._options = options
        self._outbox: deque[dict[str, Any]] = deque()
        self._job: Job | None = None
        self._job_waits = False  # the last step has found nothing to do
        self._server: ServerStart | None = None
        self._next_revival = 0.0
        self._trusted: set[str] = set()
        self._comes_for_room = False  # by an invite, a room's password or a click, until it is in
        self._clicked_room = ""  # whose row under a host that was found
        self._invited_to = ""  # that room, until it is joined
        self._renews = False  # the own server, which nobody uses, was told to end; until it has, or says no
        self._may_renew = False  # once for each Connect
        self._typed = ""  # where the connection goes, in the user's words
        self._flushes = 0
        self._flushed = 0
        self._farewell = False  # goodbye was said, not yet heard
        self._hanging_up_until = 0.0
        self.looking = Looking(state, self._may_look, self._send)
        self.checking = Checking(state, helpers.make_check, helpers.look_at_machine, self._send)
        self.tunneling = Tunneling(state, helpers.make_tunnel, helpers.installed_tunnels, self._send)
        self._lost: Trouble | None = None  # the scene of before a join that could not be brought back
        self._overtaken = False  # Blender itself replaces the scene right now: nothing to bring back

    # --- commands ----------------------------------------------------------------------------------------------------

    def host(self) -> Task:
        """On this machine, with a server of one's own: whoever else's it is that answers there is told nothing."""
        return self.connect("localhost", own=True)

    def connect(
        self, host: str, password: str = "", room: str = "", *, into: str = "", key: str = "", own: bool = False
    ) -> Task:
        """`host`: an address, or an invite, also inside of a sentence. `room`: the name of the one room whose password it is. An
        invite, and a room's password, lead into the room. `into`: the id of the room that was clicked. `key`: of the host
        that was clicked, where it is known, which must prove it. `own`: to a server of this user only."""
        state, options = self.state, self._options()
        self._require("connect")
        host = address.tidy(host)
        if not host:
            raise Trouble(problem("NO_ADDRESS"))
        self._open_engine()  # who reads the address
        local = address.is_local(host)
        if not local and not options.online:
            raise Trouble(problem("OFFLINE_MODE"))
        state.by_invite = address.is_invite(host)
        self._typed = host
        state.typed = host if address.is_web(host) and address.is_storable(host) else ""
        shown = translated("the invite's host") if state.by_invite else address.shown(host)
        task = state.begin("connect", translated("Connecting to {address}.").format(address=shown))
        state.address, state.attempt, state.check_report = shown, 0, []  # what a check found before is history
        state.set_link("CONNECTING")
        self._may_renew, self._renews = local, False
        self._clicked_room = into
        self._comes_for_room = state.by_invite or bool(password and room) or bool(into)
        fields: dict[str, Any] = {"password": password, "room": room} if password else {}
        fields |= {"key": key, "own": own, "asks_here": address.is_hosting(host)}
        self._start(self._connecting(host, local, fields))
        self._run_job(0.0)  # its first step: a tick is some 5 ms away, in which a near server has answered
        return task

    def disconnect(self) -> Task:
        self._require("disconnect")
        self._abandon(problem("CANCELED"))
        task = self.state.begin("disconnect", translated("Disconnecting."))
        self._start(self._leaving("disconnect"))
        return task

    def cancel(self) -> None:
        """Gives up what is under way, at once. A scene that is just being replaced comes back."""
        self._require("cancel")
        state = self.state
        if state.ask_unsaved:
            state.ask_unsaved = ""
            state.changed()
            return
        self._abandon(problem("CANCELED"))
        state.problem = None  # it is what the user wanted
        if state.link not in (LOBBY, RECONNECTING):
            self._hang_up()

    def give_up(self, task: Task) -> None:
        """Whoever waited for this task has lost patience."""
        if task is self.state.forgetting:
            return
        if task is self.state.checking:
            self.checking.cancel()
            return
        if task.kind == "tunnel":
            self.tunneling.close()
            return
        self._abandon(problem("CANCELED"))
        if task.kind in ("connect", "disconnect"):
            self._hang_up()

    def trust_host(self, code: str) -> None:
        self._require("trust_host")
        code = plain_code(code)
        question = self.state.question
        if question is None:
            if not code:
                raise Trouble(problem("NO_QUESTION"))
            self._trusted.add(code)
        elif code != plain_code(question.code):
            raise Trouble(problem("CODE_DIFFERS"))
        else:
            self._send({"t": "trust", "code": question.code, "accept": True})
            self.state.question = None
            self.state.set_link("CONNECTING")

    def forget_host(self, host: str) -> Task:
        """Beside whatever else is under way. What it was about stays on show until the engine has answered."""
        host = address.tidy(host)
        if not host or address.is_invite(host):
            raise Trouble(problem("NO_ADDRESS"))
        read = address.read(host, self._port_of(host))
        if read is None:
            raise Trouble(problem("ADDR_SYNTAX", address=address.shown(host), text=address.fault(host)))
        self._open_engine()
        self._send({"t": "forget_host", "host": read.text})
        self.state.forgetting = Task("forget", translated("Forgetting the host's key."))
        return self.state.forgetting

    def answer_knock(self, key: str, admit: bool, remember: bool) -> None:
        self._require("admit")
        knocks = self.state.knocks
        if not any(knock.key == key for knock in knocks):
            raise Trouble(problem("NO_KNOCK"))
        self._send({"t": "admit" if admit else "refuse", "key": key, "remember": remember})
        self.state.knocks = [knock for knock in knocks if knock.key != key]
        self.state.changed()

    def remove_user(self, user: str, remember: bool) -> None:
        """Out of the server with all Blenders of the person whose participant `user` is. `remember`: and never in again."""
        self._require("remove_user")
        found = next((u for u in self.state.users if u.id == user), None)
        if found is None:
            raise Trouble(problem("NO_USER"))
        if not self.state.may_remove(found):
            raise Trouble(problem("HOST_STAYS"))
        self._send({"t": "refuse", "key": found.key, "remember": remember})

    def pardon(self, key: str) -> None:
        """Takes a refusal for good back. The list is the server's, and comes anew."""
        self._require("pardon")
        if not any(user.key == key for user in self.state.kept_out):
            raise Trouble(problem("NOT_KEPT_OUT"))
        self._send({"t": "pardon", "key": key})

    def create_invite(self, expires_h: float, addresses: Sequence[str] = ()) -> Task:
        """A link into the room that one is in, or to the server; it is in state.invite when the task is done. `addresses`: further ones, tried
        before all others. The public one that the user has typed is none of them: the server of this machine knows it (tell_public_address), and puts it
        behind those of VPNs and networks; no other server leads there."""
        self._require("create_invite")
        task = self.state.begin("invite", translated("Making an invite."))
        message: dict[str, Any] = {"t": "invite_create", "expires_h": expires_h, "addresses": list(addresses)}
        if self.state.here is not None and self.state.here.id:
            message["room"] = self.state.here.id
        self._send(message)
        return task

    def tell_public_address(self) -> None:
        """To the server of this machine, which judges who can reach it; what was typed counts there until something else is."""
        state = self.state
        if state.problem is not None and state.problem.code == "PUBLIC_ADDRESS":
            state.problem = None  # it was about the one before
        if state.host is not None and state.host.is_mine:
            self._send({"t": "reach", "public": address.tidy(state.settings.public_address)})

    def _greet_own_server(self) -> None:
        if self.state.host is not None and self.state.host.is_mine:
            self.tunneling.look()
            self.tunneling.tell()
            if address.tidy(self.state.settings.public_address):
                self.tell_public_address()

    @property
    def server_differs(self) -> bool:
        """The own server, which Connect has started, runs with other settings than one that would be started now."""
        host = self.state.host
        if host is None or host.runs_with is None or not address.is_local(self.state.address):
            return False
        return host.runs_with != self._options().server_settings

    def restart_server(self) -> Task:
        """With the settings that count now. Whoever is connected comes back by themselves, as after any loss, and rooms with somebody in
        them come back with them; the others end with the server."""
        self._require("restart_server")
        task = self.state.begin("restart", translated("Restarting the server."))
        self._send({"t": "end"})
        return task

    def start_tunnel(self, program: str) -> Task:
        """A way in from the internet to the server of this machine."""
        self._require("start_tunnel")
        if not self._options().online:
            raise Trouble(problem("OFFLINE_MODE"))
        return self.tunneling.start(program)

    def check_network(self, host: str) -> Task:
        """Beside whatever else is going on; the report is in state.check_report when the task is done."""
        if host and not address.is_local(host) and not self._options().online:
            raise Trouble(problem("OFFLINE_MODE"))
        return self.checking.start(host)

    def revoke_invites(self) -> Task:
        self._require("revoke_invites")
        task = self.state.begin("revoke", translated("Revoking the invites."))
        self._send({"t": "invites_revoke"})
        return task

    def set_password(self, password: str, room: str = "") -> Task:
        """`room`: name or id of the one that it opens; empty: everything."""
        found = self.state.room_named(room) if room else None
        if room and found is None:
            raise Trouble(problem("NOROOM", room=room))
        self._require("set_room_password" if found and found.is_mine else "set_password")
        task = self.state.begin("password", translated("Setting the password."))
        self._send({"t": "password", "text": password, **({"room": found.id} if found else {})})
        return task

    def create_room(self, name: str) -> Task:
        self._require("create_room")
        name = " ".join(name.split())
        if not name or len(name) > NAME_MAX:
            raise Trouble(problem("ROOM_NAME", room=name))
        task = self.state.begin("create", translated("Creating the room “{name}”.").format(name=name))
        self.state.enter(Here(name, created=True), translated("Asking for the room"))
        self._send({"t": "create", "name": name, "blender": list(self.state.blender)})
        self._start(self._creating())
        return task

    def join_room(self, name: str, unsaved: str) -> Task | None:
        """None: the user is asked about unsaved work first (state.ask_unsaved)."""
        self._require("join_room")
        room = self.state.room_named(name)
        if room is None:
            raise Trouble(problem("NOROOM", room=name))
        if not room.joinable:
            raise Trouble(
                problem(
                    "BLENDER_VERSION" if room.blender[:2] != self.state.blender[:2] else "NOT_READY",
                    room=room.name,
                    text=room.reason,
                )
            )
        if unsaved == "ASK":
            if self._options().background:
                unsaved = "KEEP_COPY"
            elif self._scene.is_unsaved():
                self.state.ask_unsaved = room.id
                self.state.changed()
                return None
        task = self.state.begin("join", translated("Joining the room “{name}”.").format(name=room.name))
        self.state.enter(Here(room.name, room.id), translated("Asking for the room"))
        self._start(self._joining(room.id, unsaved))
        return task

    def leave_room(self) -> Task:
        self._require("leave_room")
        self._abandon(problem("CANCELED"))
        task = self.state.begin("leave", translated("Leaving the room."))
        self._start(self._leaving("leave"))
        return task

    def flush(self) -> Task:
        self._require("flush")
        if self.state.stage is not Stage.LIVE:
            raise Trouble(problem("NOT_IN_ROOM"))
        task = self.state.begin("flush", translated("Waiting until everything has arrived."))
        self._start(self._flushing(task))
        return task

    def file_loads(self) -> None:
        """Blender is about to load another file: everything must be read before, and cannot be put off."""
        here, was_live = self.state.here, self.state.stage is Stage.LIVE
        if here is not None:
            self._leave_at_once(LOAD_HELD_S)
            self.state.left = here if was_live else None
            self.state.changed()

    def quits(self) -> None:
        """Blender ends, or the add-on is switched off: what was changed last goes out, if that takes no more than some seconds."""
        if self.state.stage is Stage.LIVE:
            self._leave_at_once(LOAD_HELD_S if self.state.link == RECONNECTING else GOODBYE_S)

    def _leave_at_once(self, hold_s: float) -> None:
        """Out of the room before this returns, after what was changed has gone out if that takes no longer than `hold_s`."""
        self._overtaken = True
        self._abandon(problem("CANCELED"))
        self._overtaken = False
        self.state.begin("leave", translated("Leaving the room."))
        self._start(self._leaving("leave"))
        held_s = 0.0
        while self._job is not None and held_s < hold_s:
            self.tick(50.0)
            if self._job_waits:
                time.sleep(HELD_STEP_S)
                held_s += HELD_STEP_S
        self._abandon(None)
        if self.state.here is not None:
            # What is loaded must not be taken for changes to the room, whatever could not be read.
            self._exit_room()

    def close(self) -> None:
        """The add-on goes away, or Blender ends. May be called again."""
        self._stop_job()
        self.checking.cancel()
        self.tunneling.close()
        if self._server is not None:
            self._server.cancel()
            self._server = None
        self._drop_replicator()
        if self.engine is not None:
            self.engine.close()
            self.engine = None
        self._outbox.clear()
        self.looking.forget()
        self.state.set_link(OFFLINE)
        self.state.finish(trouble=None)
        if self.state.forgetting is not None:
            self.state.forgetting.finish()

    @property
    def others_work_is_unsaved(self) -> bool:
        """Blender itself does not count it, and asks nobody before it ends."""
        return self.state.stage is Stage.LIVE and self._scene.holds_others_work

    @property
    def has_work(self) -> bool:
        """More to do than looking round."""
        if self._job is not None or (self.link is not None and self.link.waiting):
            return True
        return self.replicator is not None and self.replicator.pending > 0

    # --- one step ----------------------------------------------------------------------------------------------------

    def tick(self, budget_ms: float) -> None:
        self._look()
        self.checking.step()
        self.tunneling.step()
        if self.engine is None:
            return
        end = time.perf_counter() + budget_ms / 1000.0
        paused = self._scene.is_rendering()
        if paused != self.state.paused:
            self.state.paused = paused
            self.state.changed()
        self._post()
        self._take_events(self.engine)
        self._run_job(end)
        if not paused and self.replicator is not None and self.state.stage is Stage.LIVE:
            self._guarded(self.replicator.tick, budget_ms)
        self._revive_server()
        self._post()
        if self._lost is not None:
            # Whatever else there is to say: cancelling says nothing, a room that was closed something else.
            self.state.problem, self._lost = self._lost.problem, None
            self.state.changed()

    def _may_look(self) -> bool:
        options = self._options()
        return options.online and options.discovery

    def _look(self) -> None:
        """For hosts on the local network. That may need an engine before anybody connects; without one the list stays empty, and
        Connect says why."""
        if self.engine is None and self.looking.wanted:
            try:
                self._open_engine()
            except Trouble:
                self.looking.forget()
        if self.engine is not None:
            self.looking.step()

    def _take_events(self, engine: EngineLike) -> None:
        # Of a room that is being made nobody takes anything before all is sent, which is told behind what waits: no more than the scene,
        # refused.
        makes = self.state.stage in (Stage.UPLOADING, Stage.SETTLING)
        if self.link is not None and self.link.full and not makes:
            return
        if self.state.stage is Stage.LIVE and self.replicator is not None and self.replicator.behind:
            return
        for event in engine.poll(EVENTS_PER_TICK):
            if event.get("t") in ("doc", "refused") and self.link is not None and self.state.is_here(event):
                self.link.deliver(event)
                if event.get("t") == "doc" and self.state.stage is Stage.LIVE and not self._scene.holds_others_work:
                    self._scene.mark_unsaved()
                    self.state.changed()
            if event.get("t") != "doc":
                self._on(event)

    def _on(self, event: Event) -> None:
        state = self.state
        kind = event.get("t")
        log.debug("event %s", discreet(event))
        had_room = state.here is not None
        if self._hanging_up_until and kind in ("state", "confirm_host", "knocking"):
            if event.get("state") == OFFLINE:
                self._hanging_up_until = 0.0
            return
        if self._renews and kind == "error" and event.get("re") == "end":
            self._renews = False  # somebody uses it: the panel has a button
            self._send({"t": "rooms"})
            return
        if self._renews and kind == "rooms":
            return  # of the server that is about to end: the list of the next one ends connecting
        if kind == "refused" and self.replicator is not None:
            event = {**event, "name": self.replicator.name_of(str(event.get("doc")))}
        state.on(event)
        if kind == "confirm_host":
            self._answer_alone()
        elif kind == "probed":
            self._stop_job()
            state.set_link(OFFLINE)
            state.finish(trouble=problem("OTHERS_SERVER", port=self._port_of(self._typed)))
        elif kind == "welcome":
            if self._comes_for_room:
                # Only now: the engine shows the invite at each reconnect, when the user may have left the room long since.
                self._invited_to = self._clicked_room or str(event.get("invited_to") or "")
                self._comes_for_room = False
            if state.by_invite:
                if address.is_storable(state.address):  # else part of it is not shown, and the link stays in its place
                    state.settings.host = state.address  # the key is known there now; the link has done its work
                state.by_invite = False
                self._typed = state.address
            state.history.add(self._typed if keepable(self._typed) else state.address)
            self._greet_own_server()
            state.finish("restart")
            # An own server that nobody uses gives way to one with the settings of today; _revive_server starts that.
            self._renews = self._may_renew and self.server_differs
            self._may_renew = False
            if self._renews:
                self._send({"t": "end", "unused": True})
        elif kind == "rooms" and self._invited_to:
            self._follow_invite()
        elif kind == "joined" and state.here is not None and self.link is None and self.engine is not None:
            self.link = Link(self.engine, state.here.id)
        elif kind == "progress" and event.get("complete") and self.link is not None:
            self.link.complete = True
        elif kind == "flushed":
            self._flushed = max(self._flushed, int(event.get("n") or 0))
        elif kind == "state" and self._farewell and state.link in (LOBBY, OFFLINE):
            self._farewell = False
        if had_room and state.here is None:
            self._stop_job()
            self._drop_replicator()
            self._scene.mark_unsaved()

    def _follow_invite(self) -> None:
        """Into the room that the invite named, or that was clicked under "On This Network", as if the user had chosen it from the list."""
        wanted, self._invited_to = self._invited_to, ""
        if self.state.here is not None:
            return
        try:
            if self.state.room_named(wanted) is None:
                raise Trouble(problem("CLICKED_ROOM_GONE" if self._clicked_room else "INVITED_ROOM_GONE"))
            self.join_room(wanted, "ASK")
        except Trouble as trouble:
            self.state.problem = trouble.problem
            self.state.changed()

    def _answer_alone(self) -> None:
        """A code that was trusted beforehand needs no question; in background nobody could answer one."""
        question, options = self.state.question, self._options()
        if question is None:
            return
        if plain_code(question.code) in self._trusted or options.trust_first:
            self.trust_host(question.code)
        elif options.background:
            self._stop_job()
            self._hang_up()
            detail = translated("Check code: {code}").format(code=question.code)
            trouble = problem("KEY_UNKNOWN", detail=detail, address=question.address)
            self.state.finish(trouble=trouble)

    # --- jobs --------------------------------------------------------------------------------------------------------

    def _connecting(self, host: str, local: bool, proof: dict[str, Any]) -> Job:
        state, options = self.state, self._options()
        port = self._port_of(host)
        if local:
            self.checking.cancel()
            while self.checking.ending:
                yield WAIT
            state.note = translated("Looking for a server on this machine")
            self._server = self._begin_server(port, options)
            while (phase := self._server.poll()) not in ("ready", "failed"):
                if phase == "starting":
                    state.note = translated("Starting a server on this machine")
                yield WAIT
            server, self._server = self._server, None
            if phase == "failed":
                trouble = problem("SERVER_START", text=server.error, detail=server.detail)
                state.set_link(OFFLINE)
                state.finish(trouble=trouble)
                return
        while time.monotonic() < self._hanging_up_until:
            yield WAIT
        self._hanging_up_until = 0.0
        state.note = ""
        name, color = state.settings.user_name, state.settings.user_color
        message = {"t": "connect", "host": host, "port": port, "name": name, "color": list(color), "rooms": True}
        self._send({**message, **({key: value for key, value in proof.items() if value})})

    def _port_of(self, host: str) -> int:
        """As typed; else that of one's own server for this machine, and the usual one for others."""
        usual = self._options().port if address.is_local(host) else address.DEFAULT_PORT
        return address.port_in(host) or usual

    def _begin_server(self, port: int, options: Options) -> ServerStart:
        wanted = options.server_settings
        bind = "::" if "network" in wanted else "127.0.0.1"
        rest = {name: name in wanted for name in ("open", "discovery", "map_port")}
        return self._ensure_server(port, bind=bind, **rest)

    def _creating(self) -> Job:
        state = self.state
        while self.link is None:
            yield WAIT
        state.set_stage(Stage.UPLOADING, translated("Reading the scene"))
        self.link.complete = True
        yield from self._having_the_scene()
        replicator = self._attach()
        yield from self._steps(replicator.upload_all(), "UPLOAD_FAILED")
        yield from self._sending(self.link)
        for _ in range(UPLOADS_AGAIN if state.refusals else 0):
            yield from self._steps(replicator.upload_again(), "UPLOAD_FAILED")
            yield from self._sending(self.link)
        self._send({"t": "ready", "room": self.link.room})
        state.set_stage(Stage.LIVE)
        state.finish("create")
        if replicator.left_out:
            state.problem = problem("NOT_ALL_SENT", name="”, “".join(replicator.left_out))
            state.changed()

    def _sending(self, link: Link) -> Job:
        """Until the room has all of the scene, or has refused it."""
        state = self.state
        state.set_stage(Stage.SETTLING, translated("Sending the scene"))
        total = state.unsent  # told by the engine, ten times a second
        number = self._ask_flush()
        while self._flushed < number:
            total = max(total, state.unsent)
            if total:
                state.set_progress(1.0 - state.unsent / total)
            yield WAIT

    def _joining(self, room: str, unsaved: str) -> Job:
        state = self.state
        # It may be the room that is still being left.
        yield from self._waiting_for_goodbye()
        self._send({"t": "join", "room": room, "blender": list(state.blender)})
        while self.link is None:
            yield WAIT
        while not self.link.complete:
            yield WAIT
        yield from self._having_the_scene()
        copy = self._try("SAVE_FAILED", self._scene.secure, unsaved)
        state.set_stage(Stage.REPLACING, translated("Building the scene"))
        try:
            self._try("REPLACE_FAILED", self._scene.clear)
            replicator = self._attach()
            yield from self._steps(replicator.replace_all(), "REPLACE_FAILED")
        except BaseException as error:  # also GeneratorExit: cancelled, or the connection ended for good
            self._drop_replicator()
            lost = None if self._overtaken else self._bring_back(copy)
            if lost is not None and isinstance(error, Exception):
                raise lost from error
            self._lost = lost
            raise
        self._scene.discard(copy)
        state.set_stage(Stage.LIVE)
        state.finish("join")

    def _bring_back(self, copy: Any) -> Trouble | None:
        """The scene of before the join; what to tell if that fails."""
        try:
            self._scene.restore(copy)
        except Exception as error:
            return self._trouble("RESTORE_FAILED", error)
        return None

    def _leaving(self, kind: str) -> Job:
        """Captures what was not captured yet, says goodbye, and waits (within GOODBYE_S) until it is heard. A render may take hours: what was changed
        just before it began stays here then, and counts as unsaved."""
        state, room = self.state, self.link.room if self.link else None
        if self.replicator is not None and state.stage is Stage.LIVE and not self._scene.is_rendering():
            yield from self._capture_all(self.replicator)
        self._drop_replicator()
        if state.here is not None:
            self._scene.mark_unsaved()
        state.leave()
        self._send({"t": "leave", "room": room} if kind == "leave" else {"t": "disconnect"})
        self._farewell = kind == "disconnect" or room is not None
        yield from self._waiting_for_goodbye()
        if kind == "disconnect":
            state.set_link(OFFLINE)
        state.finish(kind)

    def _waiting_for_goodbye(self) -> Job:
        end = time.monotonic() + GOODBYE_S
        while self._farewell and time.monotonic() < end:
            yield WAIT

    def _flushing(self, task: Task) -> Job:
        assert self.replicator is not None and self.link is not None
        yield from self._having_the_scene()
        yield from self._capture_all(self.replicator)
        number = self._ask_flush()
        while self._flushed < number:
            yield WAIT
        while self.link.waiting or self.replicator.busy:
            yield WAIT  # the tick itself applies
        task.finish()
        self.state.changed()

    def _having_the_scene(self) -> Job:
        """Waits while it belongs to threads of Blender's."""
        while self._scene.is_rendering():
            yield WAIT

    def _capture_all(self, replicator: Replicator) -> Job:
        """One complete pass; where the engine's queue is full, another one when it has emptied a little."""
        while True:
            try:
                for _ in replicator.capture_slowly():
                    yield WORK
                    yield from self._having_the_scene()
                return
            except Exception as error:
                if not self._scene.is_full(error):
                    raise self._trouble("INTERNAL", error) from error
            yield WAIT

    def _steps(self, steps: Iterator[float], code: str) -> Job:
        """Runs the replicator's steps; its failure becomes `code`."""
        while True:
            yield from self._having_the_scene()
            try:
                value = next(steps)
            except StopIteration:
                return
            except Exception as error:
                raise self._trouble(code, error) from error
            self.state.set_progress(value)
            yield WORK

    def _run_job(self, end: float) -> None:
        while (job := self._job) is not None:
            try:
                waits = self._job_waits = next(job) is WAIT
            except StopIteration:
                if self._job is job:
                    self._job = None
                return
            except Trouble as trouble:
                self._give_up(trouble.problem)
                return
            except Exception as error:  # a bug of ours must end the task, not the timer
                self._give_up(self._trouble("INTERNAL", error).problem)
                return
            if waits or time.perf_counter() >= end:
                return

    def _give_up(self, trouble: Problem) -> None:
        """The job has failed: out of the room, if it was about one; not connecting any more, if it did that."""
        self._job = None
        if self.state.link in UNDER_WAY:
            self._hang_up()
        if self.state.here is not None and self.state.stage is not Stage.LIVE:
            self._exit_room()
        self.state.finish(trouble=trouble)

    def _abandon(self, trouble: Problem | None) -> None:
        """Stops what is under way; a room that was not reached yet is left."""
        self._stop_job()
        if self._server is not None:
            self._server.cancel()
            self._server = None
        if self.state.here is not None and self.state.stage is not Stage.LIVE:
            self._exit_room()
        self.state.finish(trouble=trouble)

    def _hang_up(self) -> None:
        """Offline at once for the user, and out of the room if there was one: a server that has started anew asks again who its guests
        are. The engine confirms a little later, which must not end a connection that was begun meanwhile."""
        had_room = self.state.here is not None
        self._send({"t": "cancel"})
        self._hanging_up_until = time.monotonic() + HANG_UP_S
        self._drop_replicator()
        self.state.set_link(OFFLINE)
        if had_room:
            self._scene.mark_unsaved()

    def _exit_room(self) -> None:
        here = self.state.here
        self._drop_replicator()
        if here is not None and here.id:
            self._send({"t": "leave", "room": here.id})
        else:
            self._send({"t": "cancel"})
        self.state.leave()

    # --- helpers -----------------------------------------------------------------------------------------------------

    def _require(self, action: str) -> None:
        reason = self.state.why_not(action)
        if reason is not None:
            raise Trouble(reason)

    def _open_engine(self) -> None:
        if self.engine is not None:
            return
        try:
            self.engine = self._make_engine()
        except Exception as error:
            raise Trouble(problem("NO_ENGINE", text=str(error), detail=traceback.format_exc())) from error
        self.state.me = self.engine.participant
        self.state.check_code = self.engine.check_code

    def _start(self, job: Job) -> None:
        self._stop_job()
        self._job = job

    def _stop_job(self) -> None:
        job, self._job = self._job, None
        if job is not None:
            job.close()

    def _attach(self) -> Replicator:
        assert self.link is not None
        try:
            self.replicator = self._scene.replicator(self.link, self.link.room)
        except Exception as error:
            raise self._trouble("INTERNAL", error) from error
        return self.replicator

    def _drop_replicator(self) -> None:
        replicator, self.replicator, self.link = self.replicator, None, None
        if replicator is not None:
            self._guarded(replicator.detach)

    def _ask_flush(self) -> int:
        assert self.link is not None
        self._flushes += 1
        self._send({"t": "flush", "room": self.link.room, "n": self._flushes})
        return self._flushes

    def _send(self, message: dict[str, Any]) -> None:
        log.debug("command %s", discreet(message))
        self._outbox.append(message)
        self._post()

    def _post(self) -> None:
        """Commands wait here while the engine's queue is full; their order stays."""
        while self._outbox and self.engine is not None and self.engine.send(self._outbox[0]):
            self._outbox.popleft()

    def _guarded(self, call: Callable[..., Any], *args: Any) -> Any:
        """A failure of the replicator is shown and logged; the session goes on: the next pass compares everything again."""
        try:
            return call(*args)
        except Exception as error:
            self.state.problem = self._trouble("INTERNAL", error).problem
            self.state.changed()
            return None

    def _try(self, code: str, call: Callable[..., Any], *args: Any) -> Any:
        try:
            return call(*args)
        except Exception as error:
            raise self._trouble(code, error) from error

    def _trouble(self, code: str, error: BaseException) -> Trouble:
        log.error("%s", code, exc_info=error)
        detail = "".join(traceback.format_exception(error))
        return Trouble(problem(code, text=str(error).strip(), detail=detail, address=self.state.address))

    def _revive_server(self) -> None:
        """The server of this machine has gone (killed, or the machine slept too long): its host must start it again. Nobody
        else may: theirs would have another key, and nobody would trust it."""
        state = self.state
        hosts = state.host is not None and state.host.is_mine and address.is_local(state.address)
        if state.link != RECONNECTING or not hosts or self._job is not None:
            if self._server is not None and self._job is None:
                self._server.cancel()
                self._server = None
            return
        now = time.monotonic()
        if self._server is None and now >= self._next_revival:
            options = self._options()
            self._server = self._begin_server(self._port_of(state.address), options)
        if self._server is not None and self._server.poll() in ("ready", "failed"):
            self._server = None
            self._next_revival = now + REVIVE_PAUSE_S


# What opens a door, and would stand in a log for ever.
SECRETS = {"connect": ("password",), "password": ("text",), "invite": ("link",)}


def discreet(message: dict[str, Any]) -> dict[str, Any]:
    """A command or event as a log may show it."""
    out = {**message, **{name: "***" for name in SECRETS.get(str(message.get("t")), ()) if name in message}}
    for name in ("host", "public"):  # boxes into which people paste whatever they have
        if name in out:
            out[name] = address.shown(str(out[name]))
    return out


def plain_code(code: str) -> str:
    """A check code as typed or pasted: case, spaces and dashes do not count."""
    return "".join(c for c in code.upper() if c.isalnum())
