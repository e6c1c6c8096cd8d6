# SPDX-License-Identifier: GPL-3.0-or-later
"""`bpy.context.window_manager.atrium`: the session's state as Blender properties.

Plain values are read from the Python state and written to it; Blender stores none of them, so a file load cannot
reset them. Lists cannot be computed on reading, because Blender's collections and list widgets store their items:
they are copies, made anew by `mirror` whenever the state has changed and after every file load.
"""

from collections.abc import Sequence
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ..session import address, inviting, runtime, settings
from ..session.state import OFFLINE, PHASES
from ..session.words import translated

_PHASE_ITEMS = [
    ("OFFLINE", "Offline", "Not connected"),
    ("CONNECTING", "Connecting", "On the way to the host"),
    ("CONFIRMING", "Confirming", "The host's check code is to be compared"),
    ("KNOCKING", "Knocking", "The host was asked to let you in"),
    ("LOBBY", "Lobby", "Connected, in no room"),
    ("JOINING", "Joining", "A room is being created or joined"),
    ("JOINED", "Joined", "In a room"),
    ("RECONNECTING", "Reconnecting", "The connection was lost and is being restored"),
]

_INVITE_ITEMS = [
    ("HOUR", "1 Hour", "The link works for an hour"),
    ("DAY", "1 Day", "The link works for a day"),
    ("WEEK", "1 Week", "The link works for a week"),
    ("NEVER", "Unlimited", "The link works until you revoke it"),
]


class AtriumRoom(bpy.types.PropertyGroup):
    name: StringProperty(name="Name")
    id: StringProperty(name="Id")
    users: IntProperty(name="Users")
    bytes: StringProperty(name="Size", description="Bytes, as text: a room may be larger than Blender's integers")
    blender_version: StringProperty(name="Blender")
    joinable: BoolProperty(name="Joinable")
    reason: StringProperty(name="Reason", description="Why it cannot be joined")


class AtriumUser(bpy.types.PropertyGroup):
    name: StringProperty(name="Name")
    id: StringProperty(name="Id")
    color: FloatVectorProperty(name="Color", subtype="COLOR_GAMMA", size=3, min=0.0, max=1.0)
    is_me: BoolProperty(name="Is Me")


class AtriumKnock(bpy.types.PropertyGroup):
    name: StringProperty(name="Name")
    key: StringProperty(name="Key")
    check_code: StringProperty(name="Check Code")


def _store(setting: str, value: Any) -> None:
    state = runtime.state()
    setattr(state.settings, setting, value)
    settings.save(runtime.home(), state.settings, setting)
    state.changed()


def _get_host(_: Any) -> str:
    """Not an invite: Blender notes the value of a text field in the Info editor whenever it was edited, and a crash report holds all of that."""
    return address.discreet(runtime.state().settings.host)


def _set_host(_: Any, value: str) -> None:
    if value == address.HIDDEN and address.is_invite(runtime.state().settings.host):
        return  # what the field showed was confirmed, or a script gives back what it has read
    _store("host", value)


def _get_public_address(_: Any) -> str:
    return address.discreet(runtime.state().settings.public_address)


def _set_public_address(_: Any, value: str) -> None:
    _store("public_address", value)
    runtime.need().tell_public_address()


def _get_user_name(_: Any) -> str:
    return runtime.state().settings.user_name


def _set_user_name(_: Any, value: str) -> None:
    _store("user_name", settings.clean_name(value) or settings.system_user())


def _get_user_color(_: Any) -> Sequence[float]:
    return runtime.state().settings.user_color


def _set_user_color(_: Any, value: Sequence[float]) -> None:
    _store("user_color", (value[0], value[1], value[2]))


def _set_invite_lasts(value: int) -> None:
    runtime.state().invite_lasts = list(inviting.HOURS)[value]
    runtime.state().changed()


def _get_room(_: Any) -> str:
    here = runtime.state().here
    return here.name if here else ""


def _get_error(_: Any) -> str:
    trouble = runtime.state().problem
    return trouble.sentence if trouble else ""


# The room that is chosen, by its id: the server lists the newest first, so places change under the user's hand.
_selected_room = ""


def _get_room_index(_: Any) -> int:
    """At first it is the first one. Where the one that was chosen has gone, it is none: a click that comes at that moment is about no other."""
    global _selected_room
    ids = [room.id for room in runtime.state().rooms]
    if not _selected_room and ids:
        _selected_room = ids[0]
    return ids.index(_selected_room) if _selected_room in ids else -1


def _set_room_index(_: Any, value: int) -> None:
    global _selected_room
    rooms = runtime.state().rooms
    _selected_room = rooms[value].id if 0 <= value < len(rooms) else ""


class AtriumState(bpy.types.PropertyGroup):
    """The session: where it is, with whom, and what went wrong"""

    host: StringProperty(
        name="Host",
        description="An invite that somebody sent you, or the host's name or IP address, with or without a port. "
        "“localhost” is this machine: if no server runs here, one is started",
        get=_get_host,
        set=_set_host,
    )
    password: StringProperty(
        name="Password",
        description="The host's password, if it has one; not needed with an invite, nor by those who came before",
        subtype="PASSWORD",
        get=lambda _: _password,
        set=lambda _, value: _set_password(value),
    )
    password_room: StringProperty(
        name="Room",
        description="The name of the room, if the password is that of one room; left empty, it is the host's",
        get=lambda _: _password_room,
        set=lambda _, value: _set_password_room(value),
    )
    public_address: StringProperty(
        name="Public Address",
        description="What your router or tunnel gives this machine, with its port if that is another one than here "
        "(203.0.113.17:9090, tcp://0.tcp.example.org:12489). It goes into invites, behind those of VPNs and networks",
        get=_get_public_address,
        set=_set_public_address,
    )
    invite: StringProperty(
        name="Invite", description="The link that was made last", get=lambda _: runtime.state().invite
    )
    invite_lasts: EnumProperty(
        name="Works For",
        description="How long the link works that Copy Invite makes",
        items=_INVITE_ITEMS,
        get=lambda _: list(inviting.HOURS).index(runtime.state().invite_lasts),
        set=lambda _, value: _set_invite_lasts(value),
    )
    check_report: StringProperty(
        name="Network Check",
        description="What the last network check has found",
        get=lambda _: "\n".join(runtime.state().check_report),
    )
    user_name: StringProperty(
        name="Name",
        description="What others call you; counts from the next Connect",
        get=_get_user_name,
        set=_set_user_name,
    )
    user_color: FloatVectorProperty(
        name="Color",
        description="Your color for others; counts from the next Connect. Who comes second with one color gets another",
        subtype="COLOR_GAMMA",
        size=3,
        min=0.0,
        max=1.0,
        get=_get_user_color,
        set=_set_user_color,
    )
    state: EnumProperty(name="State", items=_PHASE_ITEMS, get=lambda _: PHASES.index(runtime.state().phase))
    room: StringProperty(name="Room", description="The room you are in", get=_get_room)
    rooms: CollectionProperty(name="Rooms", type=AtriumRoom)
    users: CollectionProperty(name="Users", type=AtriumUser)
    knocks: CollectionProperty(name="Knocks", type=AtriumKnock)
    check_code: StringProperty(
        name="My Check Code",
        description="The code that others compare with you",
        get=lambda _: runtime.state().check_code,
    )
    pending: IntProperty(
        name="Pending",
        description="Your changes that the server has not confirmed yet",
        get=lambda _: runtime.state().pending,
    )
    latency_ms: FloatProperty(
        name="Latency",
        description="Round trip to the server, in milliseconds",
        get=lambda _: runtime.state().latency_ms,
    )
    error: StringProperty(name="Error", description="What went wrong last", get=_get_error)
    room_index: IntProperty(name="Selected Room", get=_get_room_index, set=_set_room_index)
    new_room_name: StringProperty(
        name="Name",
        description="Name of the room to create",
        get=lambda _: _new_room(),
        set=lambda _, v: _set_new_room(v),
    )


_password = ""
_password_room = ""


def _set_password(value: str) -> None:
    global _password
    _password = value


def _set_password_room(value: str) -> None:
    global _password_room
    _password_room = value.strip()


def take_password() -> str:
    """What was typed, once: it does not stay in memory for the next host."""
    global _password
    value, _password = _password, ""
    return value


def take_password_for(host: str) -> tuple[str, str]:
    """What was typed, and its room, for a host that was clicked: nothing where the Host box names another one, for which it was meant."""
    password, typed = take_password(), runtime.state().settings.host
    if address.takes_password(typed) and address.is_same(typed, host):
        return password, _password_room
    _set_password_room("")
    return "", ""


_new_room_name = ""


def _new_room() -> str:
    """What was typed; else the name of the file, else the user's."""
    if _new_room_name:
        return _new_room_name
    path = bpy.data.filepath
    name = bpy.path.display_name_from_filepath(path) if path else _first_room_name()
    return name[: settings.NAME_MAX]


def _first_room_name() -> str:
    return translated("{name}'s scene").format(name=runtime.state().settings.user_name)


def _set_new_room(value: str) -> None:
    global _new_room_name
    _new_room_name = value


def _managers() -> Any:
    """None while Blender starts: it enables add-ons before bpy.data may be read. The first tick makes up for it."""
    return getattr(bpy.data, "window_managers", ())


def mirror() -> None:
    """Copies the lists into Blender's collections. Not from a draw function: Blender forbids writing there."""
    if runtime.session() is None:
        return
    global _selected_room
    state = runtime.state()
    if not state.rooms:
        _selected_room = ""
    for manager in _managers():
        target = manager.atrium
        rooms = [
            (r.name, r.id, r.users, str(r.size_bytes), ".".join(map(str, r.blender)), r.joinable, r.reason)
            for r in state.rooms
        ]
        _fill(target.rooms, ("name", "id", "users", "bytes", "blender_version", "joinable", "reason"), rooms)
        _fill(target.users, ("name", "id", "color", "is_me"), [(u.name, u.id, u.color, u.is_me) for u in state.users])
        _fill(target.knocks, ("name", "key", "check_code"), [(k.name, k.key, k.check_code) for k in state.knocks])


def _fill(items: Any, names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    while len(items) > len(rows):
        items.remove(len(items) - 1)
    while len(items) < len(rows):
        items.add()
    for item, row in zip(items, rows, strict=True):
        for name, value in zip(names, row, strict=True):
            setattr(item, name, value)


def redraw() -> None:
    """Asks every sidebar that may show the panel to draw itself anew."""
    for manager in _managers():
        for window in manager.windows:
            for area in window.screen.areas:
                if area.type == "VIEW_3D":
                    for region in area.regions:
                        if region.type == "UI":
                            region.tag_redraw()


def _changed() -> None:
    mirror()
    if not bpy.app.background:
        redraw()


CLASSES = (AtriumRoom, AtriumUser, AtriumKnock, AtriumState)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.WindowManager.atrium = PointerProperty(type=AtriumState)
    runtime.listen(_changed, _changed)


def unregister() -> None:
    runtime.unlisten()
    del bpy.types.WindowManager.atrium
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)


assert PHASES[0] == OFFLINE and [item[0] for item in _PHASE_ITEMS] == list(PHASES)
assert [item[0] for item in _INVITE_ITEMS] == list(inviting.HOURS)
