# SPDX-License-Identifier: GPL-3.0-or-later
"""The tab "Atrium" in the sidebar of the 3D editor. Panels draw what the state says, and nothing else.

From top to bottom: who I am and where to; what is happening right now, with a way out of it; what needs an answer (a
host to trust, somebody who knocks, unsaved work); how others reach this machine; the rooms, or the room one is in.
Parts that mean nothing at the moment are not drawn. The time that something takes is shown in whole seconds, for
which runtime.announce asks for a redraw.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import bpy

from ..session import address, reaching, runtime
from ..session.sentences import Problem
from ..session.state import (
    CONFIRMING,
    CONNECTING,
    JOINED,
    KNOCKING,
    LOBBY,
    OFFLINE,
    RECONNECTING,
    FoundHost,
    Room,
    State,
)
from ..session.words import n_, translated
from . import reach_panels, swatches
from .drawing import BUTTON_WIDTH, Panel, code_row, paragraph

MEGABYTE = 1_000_000
NOT_TAKEN_COPIED_MAX = 1000  # lines; more does not fit a message to somebody who shall help

# What the network check can say more about.
UNREACHED = frozenset(
    {
        "RESOLVE",
        "WEB_RESOLVE",
        "NAME_SERVER",
        "NAME_INSIDE",
        "UNREACHABLE",
        "CONNREFUSED",
        "SILENT",
        "TUNNEL_EMPTY",
        "HTTPS_ONLY",
        "NOT_ATRIUM",
        "TLS",
        "TIMEOUT",
        "CLOSED",
    }
)
UNREACHED_INVITED = frozenset(f"INVITED_{code}" for code in UNREACHED)


def size_text(count: int) -> str:
    if count >= 1000 * MEGABYTE:
        return f"{count / 1000 / MEGABYTE:.1f} GB"
    if count >= MEGABYTE:
        return f"{count / MEGABYTE:.0f} MB" if count >= 10 * MEGABYTE else f"{count / MEGABYTE:.1f} MB"
    return f"{count / 1000:.0f} kB" if count >= 1000 else f"{count} B"


def milliseconds(value: float) -> str:
    """Empty before the first measurement."""
    return "" if value <= 0 else f"{value:.1f} ms" if value < 10 else f"{value:.0f} ms"


def clock_text(at_s: float, now_s: float) -> str:
    """On the same day the time of day is enough."""
    at, now = time.localtime(at_s), time.localtime(now_s)
    return time.strftime("%H:%M" if at[:3] == now[:3] else "%Y-%m-%d %H:%M", at)


def status_text(state: State) -> tuple[str, str]:
    """One line on what is happening, and its icon."""
    phase, seconds = state.phase, state.elapsed_s
    if state.paused and state.in_room:
        return translated("Waiting while Blender renders"), "RENDER_STILL"
    if phase == CONNECTING:
        what = state.note or translated("Connecting to {address}").format(address=state.address)
        return translated("{what} ({seconds} s)").format(what=what, seconds=seconds), "SORTTIME"
    if phase == CONFIRMING:
        return translated("{address} is not trusted yet").format(address=state.address), "QUESTION"
    if phase == KNOCKING:
        return translated("Waiting for {address} to let you in ({seconds} s)").format(
            address=state.address, seconds=seconds
        ), "SORTTIME"
    if state.server_restarts:
        text = translated("The server is being restarted: the connection comes back by itself ({seconds} s)")
        return text.format(seconds=seconds), "FILE_REFRESH"
    if phase == RECONNECTING:
        return translated("Connection lost; attempt {attempt} ({seconds} s)").format(
            attempt=max(1, state.attempt), seconds=seconds
        ), "UNLINKED"
    if phase == OFFLINE:
        return translated("Not connected"), "UNLINKED"
    return translated("Connected to {address} since {time}").format(
        address=state.shown_address, time=clock_text(state.connected_s, time.time())
    ), "LINKED"


class ATRIUM_PT_main(Panel):
    bl_idname = "ATRIUM_PT_main"
    bl_label = "Atrium"

    def draw(self, context: Any) -> None:
        layout, atrium, state = self.layout, context.window_manager.atrium, runtime.state()
        self._who(layout, atrium, state)
        self._where(layout, atrium, state)
        if not bpy.app.online_access:
            self._offline_mode(layout, context, state)
        elif state.link == OFFLINE and not (runtime.home() / "server").is_dir():
            self._before_hosting(layout, context)
        self._status(layout, context, state)
        if state.question is not None:
            self._trust(layout, context, state)
        if state.phase == KNOCKING:
            paragraph(layout, translated("The host sees your name and this code:"), context)
            code_row(layout, state.check_code)
        if (
            state.problem is not None and state.problem.code != "OFFLINE_MODE"
        ):  # which has a box of its own, for as long as it is so
            self._problem(layout, context, state, state.problem)

    def _who(self, layout: Any, atrium: Any, state: State) -> None:
        row = layout.row(align=True)
        row.enabled = state.link == OFFLINE
        color = row.row(align=True)
        color.ui_units_x = 2.0
        color.prop(atrium, "user_color", text="")
        row.prop(atrium, "user_name", text="")

    def _where(self, layout: Any, atrium: Any, state: State) -> None:
        row = layout.row(align=True)
        row.enabled = state.link == OFFLINE
        row.prop(atrium, "host", text="", icon="NETWORK_DRIVE", placeholder=translated("Host: an invite or an address"))
        row.operator("atrium.paste_host", text="", icon="PASTEDOWN")
        if state.history.hosts:
            row.menu("ATRIUM_MT_hosts", text="", icon="DOWNARROW_HLT")
        if state.link == OFFLINE and address.takes_password(state.settings.host):
            layout.prop(atrium, "password", icon="LOCKED")
            if atrium.password:
                layout.prop(atrium, "password_room", icon="HOME")
        row = layout.row(align=True)
        if state.link == OFFLINE:
            row.operator("atrium.connect")
            row.operator("atrium.host")
        elif state.phase in (CONNECTING, CONFIRMING, KNOCKING) and not state.in_room:
            row.operator("atrium.cancel", icon="CANCEL")
        else:
            row.operator("atrium.disconnect")

    def _offline_mode(self, layout: Any, context: Any, state: State) -> None:
        """Red once it was in the user's way."""
        box = layout.box()
        said = box.column()
        said.alert = state.problem is not None and state.problem.code == "OFFLINE_MODE"
        paragraph(
            said,
            translated(
                "Blender is set to stay offline: only this machine can be connected, and others cannot join here."
            ),
            context,
            "INTERNET_OFFLINE",
        )
        row = box.row()
        row.enabled = not bpy.app.online_access_override
        row.prop(context.preferences.system, "use_online_access", text=translated("Allow Online Access"))
        if bpy.app.online_access_override:
            paragraph(box, translated("It was started with --offline-mode."), context)

    def _before_hosting(self, layout: Any, context: Any) -> None:
        """What the system will ask at the first time, before it does."""
        texts = reaching.before_hosting(sys.platform)
        if texts:
            box = layout.box()
            for number, text in enumerate(texts):
                paragraph(box, text, context, "NONE" if number else "INFO")

    def _status(self, layout: Any, context: Any, state: State) -> None:
        text, icon = status_text(state)
        row = layout.row(align=True)
        paragraph(row.column(), text, context, icon, reserved=BUTTON_WIDTH)
        if not runtime.need().checking.running and not state.check_report:
            row.operator("atrium.check_network", text="", icon="VIEWZOOM", emboss=False)
        reach_panels.draw_check(layout, context, state)

    def _trust(self, layout: Any, context: Any, state: State) -> None:
        question = state.question
        assert question is not None
        box = layout.box()
        text = translated(
            "You have never connected to {address}. Ask its owner whether the panel there shows this code:"
        )
        paragraph(box, text.format(address=question.address), context, "QUESTION")
        code_row(box, question.code)
        box.operator("atrium.trust_host").code = question.code

    def _problem(self, layout: Any, context: Any, state: State, trouble: Problem) -> None:
        box = layout.box()
        box.alert = True
        paragraph(box, trouble.sentence, context, "ERROR")
        row = box.row(align=True)
        row.alert = False  # no danger in these
        row.operator("atrium.copy", text="Copy Details", icon="COPYDOWN").text = state.report(trouble)
        if trouble.code in UNREACHED | UNREACHED_INVITED and not runtime.need().checking.running:
            row.operator("atrium.check_network", icon="VIEWZOOM")
        if trouble.code == "KEY_CHANGED" and state.link == OFFLINE:
            row.operator("atrium.forget_host").host = state.address


class ATRIUM_MT_hosts(bpy.types.Menu):
    """Hosts that you were at"""

    bl_idname = "ATRIUM_MT_hosts"
    bl_label = "Hosts"

    def draw(self, _: Any) -> None:
        layout = self.layout
        for host in runtime.state().history.hosts:
            layout.operator("atrium.use_host", text=host, icon="NETWORK_DRIVE", translate=False).host = host
        layout.separator()
        layout.menu("ATRIUM_MT_forget_hosts", icon="TRASH")


class ATRIUM_MT_forget_hosts(bpy.types.Menu):
    """Take addresses off the list"""

    bl_idname = "ATRIUM_MT_forget_hosts"
    bl_label = "Forget"

    def draw(self, _: Any) -> None:
        layout = self.layout
        for host in runtime.state().history.hosts:
            layout.operator("atrium.forget_used_hosts", text=host, icon="X", translate=False).host = host
        layout.separator()
        layout.operator("atrium.forget_used_hosts", icon="TRASH")


def people_text(room: Room) -> str:
    if room.users == 0:
        return translated("{room}, nobody there").format(room=room.name)
    if room.users == 1:
        return translated("{room}, 1 person").format(room=room.name)
    return translated("{room}, {count} people").format(room=room.name, count=room.users)


class ATRIUM_PT_nearby(Panel):
    """Who hosts on the local network"""

    # Drawing it is what makes the engine look.
    bl_idname = "ATRIUM_PT_nearby"
    bl_label = "On This Network"

    @classmethod
    def poll(cls, _: Any) -> bool:
        options = runtime.options()
        return runtime.state().link == OFFLINE and options.online and options.discovery

    def draw(self, context: Any) -> None:
        layout, state = self.layout, runtime.state()
        runtime.glance()
        column = layout.column(align=True)
        for host in state.hosts:
            text = f"{host.name}  ({host.address})"
            icon = "CHECKMARK" if host.known else "NETWORK_DRIVE"
            button = column.operator("atrium.connect_found", text=text, icon=icon, translate=False)
            button.host, button.key = host.address, host.key if host.known else ""
            for room in host.rooms:
                self._room(column, host, room)
        if any(not host.known for host in state.hosts):
            paragraph(layout, translated("A host's rooms are shown once you have been let in there."), context)
        if not state.hosts:
            paragraph(layout, translated("Nobody answered on this network."), context)
            if state.deafness is not None:
                reach_panels.draw_deafness(layout, context, state.deafness)

    def _room(self, layout: Any, host: FoundHost, room: Room) -> None:
        row = layout.row(align=True)
        row.separator(factor=3.0)
        row.enabled = room.joinable
        button = row.operator("atrium.connect_found", text=people_text(room), icon="HOME", translate=False)
        button.host, button.room, button.key = host.address, room.id, host.key


class ATRIUM_PT_knocks(Panel):
    """Who asks to enter"""

    # First, because somebody is waiting.
    bl_idname = "ATRIUM_PT_knocks"
    bl_label = "Somebody Knocks"

    @classmethod
    def poll(cls, _: Any) -> bool:
        return bool(runtime.state().knocks)

    def draw(self, context: Any) -> None:
        for knock in runtime.state().knocks:
            box = self.layout.box()
            paragraph(box, translated("{name} asks to enter, with the code").format(name=knock.name), context, "USER")
            code_row(box, knock.check_code)
            grid = box.grid_flow(columns=2, align=True, even_columns=True, row_major=True)
            for operator, once, good in (
                ("atrium.admit", n_("Let In Once", "Operator"), n_("Let In for Good", "Operator")),
                ("atrium.refuse", n_("Refuse Once", "Operator"), n_("Refuse for Good", "Operator")),
            ):
                for text, remember in ((once, False), (good, True)):
                    button = grid.operator(operator, text=text)
                    button.key, button.remember = knock.key, remember


class ATRIUM_PT_kept_out(Panel):
    """Whom you have refused for good"""

    bl_idname = "ATRIUM_PT_kept_out"
    bl_label = "Kept Out"

    @classmethod
    def poll(cls, _: Any) -> bool:
        state = runtime.state()
        return bool(state.kept_out) and state.why_not("pardon") is None

    def draw(self, _: Any) -> None:
        column = self.layout.column(align=True)
        for user in runtime.state().kept_out:
            row = column.row(align=True)
            row.label(text=user.name or translated("Without a name"), icon="USER", translate=False)
            row.operator("atrium.pardon").key = user.key
            if user.check_code:
                code_row(column, user.check_code)


class ATRIUM_UL_rooms(bpy.types.UIList):
    bl_idname = "ATRIUM_UL_rooms"

    def draw_item(
        self,
        _context: Any,
        layout: Any,
        _data: Any,
        item: Any,
        _icon: int,
        _active: Any,
        _property: str,
        _index: int = 0,
    ) -> None:
        row = layout.row()
        row.enabled = item.joinable
        row.label(text=item.name, icon="HOME" if item.joinable else "INFO", translate=False)
        users = row.row()
        users.alignment = "RIGHT"
        users.label(text=str(item.users), icon="USER", translate=False)
        users.label(text=size_text(int(item.bytes or 0)), translate=False)


class ATRIUM_PT_rooms(Panel):
    bl_idname = "ATRIUM_PT_rooms"
    bl_label = "Rooms"

    @classmethod
    def poll(cls, _: Any) -> bool:
        state = runtime.state()
        return state.phase == LOBBY or state.entering

    def draw(self, context: Any) -> None:
        layout, atrium, state = self.layout, context.window_manager.atrium, runtime.state()
        if state.entering:
            draw_progress(layout, state)
            return
        if state.left is not None:
            self._rejoin(layout, context, state)
        layout.template_list("ATRIUM_UL_rooms", "", atrium, "rooms", atrium, "room_index", rows=3)
        index = atrium.room_index
        room = atrium.rooms[index] if 0 <= index < len(atrium.rooms) else None
        if state.ask_unsaved:
            self._unsaved(layout, context, state)
        else:
            self._join(layout, context, room)
            draw_lock(layout, state, room.id if room else "")
        column = layout.column(align=True)
        column.prop(atrium, "new_room_name", text="")
        column.operator("atrium.create_room", icon="ADD").name = atrium.new_room_name

    def _join(self, layout: Any, context: Any, room: Any) -> None:
        row = layout.row()
        row.enabled = room is not None and room.joinable
        row.operator("atrium.join_room", icon="IMPORT").name = room.id if room else ""
        if room is None and runtime.state().rooms:
            paragraph(layout, translated("The room that you had chosen is gone: choose another one."), context)
        elif room is None:
            paragraph(layout, no_room(runtime.state()), context)
        elif not room.joinable:
            paragraph(layout, room.reason, context, "INFO")

    def _unsaved(self, layout: Any, context: Any, state: State) -> None:
        box = layout.box()
        text = translated("The scene of “{room}” takes the place of yours, which has changes that are not saved.")
        room = state.room_named(state.ask_unsaved)
        paragraph(box, text.format(room=room.name if room else "?"), context, "QUESTION")
        column = box.column(align=True)
        saved = bool(bpy.data.filepath)
        for mode, label in (
            ("KEEP_COPY", n_("Keep a Copy and Join", "Operator")),
            ("SAVE", n_("Save and Join", "Operator")),
            ("DISCARD", n_("Join Without Saving", "Operator")),
        ):
            row = column.row(align=True)
            row.enabled = saved or mode != "SAVE"
            button = row.operator("atrium.join_room", text=label)
            button.name, button.unsaved = state.ask_unsaved, mode
        if not saved:
            paragraph(box, translated("It cannot be saved in place, as it has no file name yet."), context)
        box.operator("atrium.cancel", text="Do Not Join")

    def _rejoin(self, layout: Any, context: Any, state: State) -> None:
        assert state.left is not None
        box = layout.box()
        text = translated("You left “{room}” when another file was loaded.").format(room=state.left.name)
        paragraph(box, text, context, "INFO")
        box.operator("atrium.join_room", text="Join Again").name = state.left.id


def no_room(state: State) -> str:
    if state.host is not None and not state.host.lets_create:
        return translated(
            "The room that you were let into is not here any more: connect again to ask the host, or ask for a new invite."
        )
    return translated("There is no room here yet: create one with your scene.")


def draw_lock(layout: Any, state: State, room: str) -> None:
    """The password of one room, for those who may set it."""
    found = state.room_named(room) if room else None
    if found is not None and state.may_lock(found):
        text = n_("Change Room Password", "Operator") if found.has_password else n_("Set Room Password", "Operator")
        layout.operator("atrium.set_password", text=text, icon="LOCKED").room = found.id


def draw_progress(layout: Any, state: State) -> None:
    progress = state.progress
    row = layout.row(align=True)
    if progress is not None:
        row.progress(factor=progress.value, text=progress.shown, translate=False)
    else:
        row.label(text="Joining")
    row.operator("atrium.cancel", text="", icon="CANCEL")


class ATRIUM_PT_room(Panel):
    bl_idname = "ATRIUM_PT_room"
    bl_label = "Room"

    @classmethod
    def poll(cls, _: Any) -> bool:
        return runtime.state().in_room

    def draw(self, context: Any) -> None:
        layout, atrium, state = self.layout, context.window_manager.atrium, runtime.state()
        row = layout.row()
        row.label(text=atrium.room, icon="HOME", translate=False)
        row.operator("atrium.leave_room", text="Leave", icon="EXPORT")
        if state.progress is not None:
            draw_progress(layout, state)
        column = layout.column(align=True)
        for user in state.users:
            name = translated("{name} (you)").format(name=user.name) if user.is_me else user.name
            row = column.row(align=True)
            row.label(text=name, icon_value=swatches.icon_of(user.color), translate=False)
            if state.may_remove(user):
                row.operator("atrium.remove_user", text="", icon="X", emboss=False).user = user.id
        self._pending(layout, context, state)
        if runtime.need().others_work_is_unsaved:
            paragraph(
                layout,
                translated("What others have changed is not in your file yet: save it to keep that."),
                context,
                "INFO",
            )
        self._not_taken(layout, context)
        draw_lock(layout, state, state.here.id if state.here is not None else "")

    def _pending(self, layout: Any, context: Any, state: State) -> None:
        if state.phase != JOINED:
            text = translated("Go on working: what you change ({count} so far) is sent when the connection is back.")
            paragraph(layout, text.format(count=state.pending), context, "INFO")
        else:
            row = layout.row()
            if state.pending:
                text = translated("{count} changes on their way").format(count=state.pending)
                row.label(text=text, icon="SORTTIME", translate=False)
            else:
                row.label(text="All changes sent", icon="CHECKMARK")
            delay = row.row()
            delay.alignment = "RIGHT"
            delay.label(text=milliseconds(state.latency_ms), translate=False)
        for text in state.fresh_refusals:
            paragraph(layout, text, context, "INFO")

    def _not_taken(self, layout: Any, context: Any) -> None:
        """What this Blender would not take from the room, and what of this scene cannot be sent; both stay where they are."""
        replicator = runtime.need().replicator
        if replicator is None:
            return
        for items, text in (
            (replicator.refused, translated("In the room, but not in this Blender: {count}")),
            (replicator.unread, translated("In this Blender, but not in the room: {count}")),
        ):
            if items:
                row = layout.row()
                row.label(text=text.format(count=len(items)), icon="INFO", translate=False)
                button = row.operator("atrium.copy", text="", icon="COPYDOWN", emboss=False)
                button.text = "\n".join(str(item) for item in items[:NOT_TAKEN_COPIED_MAX])


CLASSES = (
    ATRIUM_MT_hosts,
    ATRIUM_MT_forget_hosts,
    ATRIUM_PT_main,
    ATRIUM_PT_knocks,
    ATRIUM_PT_nearby,
    ATRIUM_UL_rooms,
    ATRIUM_PT_rooms,
    ATRIUM_PT_room,
    ATRIUM_PT_kept_out,
    *reach_panels.CLASSES,
)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
