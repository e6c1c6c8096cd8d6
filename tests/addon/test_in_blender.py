# SPDX-License-Identifier: MIT
"""The add-on in every Blender, with a fake engine: registering, operators' errors, what survives a file load, unsaved work.

What users lose most easily is their scene, so each way of joining is tried on real files, including the ways it fails.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.addon.blender_side import atrium, error_of, prepare
from tests.blender.blenders import Blender
from tests.blender.conftest import Start
from tests.blender.inside import bpy
from tests.blender.process import BlenderProcess

# Known to the functions that run in Blender.
addon: Any
engine: Any
runtime: Any


@pytest.fixture
def anna(kind: Blender, start: Start) -> BlenderProcess:
    process = start(kind, "anna")
    prepare(process)
    return process


def register_again(times: int) -> list[str]:
    for _ in range(times):
        addon.unregister()
        addon.register()
    left = [name for name in dir(bpy.types) if name.startswith("ATRIUM_")]
    handlers = [h for h in bpy.app.handlers.load_post if "atrium" in h.__module__]
    return [str(len(set(left)) == len(left)), str(len(handlers)), atrium().state]


def test_registering_again_and_again_leaves_nothing_behind(anna: BlenderProcess) -> None:
    assert anna.call(register_again, 5) == ["True", "1", "OFFLINE"]


def looks_like_the_server(map_port: bool, online: bool) -> list[object]:
    """With what the look at this machine is made, behind its home."""
    import dataclasses
    import time

    import atrium.machine as machine

    made: list[tuple[object, ...]] = []

    class Look:
        def __init__(self, *args: object) -> None:
            made.append(args)

        def poll(self) -> str:
            return "done"

        def cancel(self) -> None:
            pass

    real, usual = machine.MachineCheck, runtime.options
    machine.MachineCheck = Look
    runtime.options = lambda: dataclasses.replace(usual(), map_port=map_port, online=online)
    try:
        look = runtime._look_at_machine(None)
        while not look.ended:
            time.sleep(0.01)
    finally:
        machine.MachineCheck, runtime.options = real, usual
    return list(made[0][2:])


def test_check_network_asks_the_router_only_where_the_server_would(anna: BlenderProcess) -> None:
    """It opened the port although Map Port on the Router was off."""
    assert anna.call(looks_like_the_server, True, True) == ["::", True]
    assert anna.call(looks_like_the_server, False, True) == ["::", False]
    assert anna.call(looks_like_the_server, True, False) == ["127.0.0.1", False]


def texts_without_translation() -> list[list[str]]:
    """Of what Blender itself holds of the add-on's classes: texts and contexts as it looks them up when it draws."""
    import sys

    translations = next(m for name, m in sys.modules.items() if name.endswith("ui.translations"))
    own = [getattr(bpy.types, name) for name in dir(bpy.types) if name.startswith("ATRIUM_") and "_UL_" not in name]
    for base in (bpy.types.PropertyGroup, bpy.types.AddonPreferences):
        own += [cls for cls in base.__subclasses__() if "atrium" in cls.__module__]
    known = translations.tables()["es"]
    of_blender = bpy.types.PropertyGroup.bl_rna.properties["name"].description  # for a name that has no description
    found, out = 0, []
    for cls in own:
        rna, wanted = cls.bl_rna, []
        if issubclass(cls, bpy.types.Operator):
            rna = getattr(bpy.ops.atrium, cls.bl_idname.partition(".")[2]).get_rna_type()
            wanted = [(rna.translation_context, rna.name), ("*", rna.description)]
        elif issubclass(cls, (bpy.types.Panel, bpy.types.Menu)):
            wanted = [("*", cls.bl_label), ("*", cls.__doc__ or "")]
        for name in getattr(cls, "__annotations__", {}):
            prop = rna.properties[name]
            wanted += [(prop.translation_context, prop.name), ("*", prop.description)]
            wanted += [("*", text) for i in getattr(prop, "enum_items", ()) for text in (i.name, i.description)]
        found += len(wanted)
        out += [[cls.__name__, *text] for text in wanted if text[1] not in ("", of_blender) and text not in known]
    return out if found > 100 else [["too little was looked at", str(found)]]


def test_blender_finds_a_translation_for_all_that_it_shows_of_the_add_on(anna: BlenderProcess) -> None:
    assert anna.call(texts_without_translation) == []


def speak(language: str) -> bool:
    """False where this build has no languages."""
    view = bpy.context.preferences.view
    if not bpy.app.build_options.international:
        return False
    view.language = language
    view.use_translate_interface = view.use_translate_tooltips = view.use_translate_reports = True
    return True


def words_of_the_panel() -> list[str]:
    iface = bpy.app.translations.pgettext_iface
    atrium().host = ""
    try:
        bpy.ops.atrium.connect()
        error = ""
    except RuntimeError as failure:
        error = str(failure)
    return [iface("Host", "Operator"), iface("Host"), error.removeprefix("Error: ").strip(), atrium().new_room_name]


def what_blender_calls_otherwise(language: str) -> list[tuple[str, str, str]]:
    import sys

    tables = next(m for name, m in sys.modules.items() if name.endswith(".ui.translations")).tables()
    look_up = bpy.app.translations.pgettext_iface
    wanted = tables[language].items()
    return [(english, text, look_up(english, at)) for (at, english), text in wanted if look_up(english, at) != text]


def test_no_word_of_ours_is_one_that_blender_means_otherwise(anna: BlenderProcess) -> None:
    """Its own tables come first: "Log" was “Logarítmico” in the preferences, and "Remove" somebody “Eliminar”."""
    if anna.call(speak, "es"):
        assert anna.call(what_blender_calls_otherwise, "es") == []


def test_it_speaks_the_language_that_blender_speaks(anna: BlenderProcess) -> None:
    english = ["Host", "Host", "Type the host's address first."]
    assert anna.call(words_of_the_panel)[:3] == english
    if not anna.call(speak, "es"):  # the official wheels are built without: every text stays as it is
        assert anna.call(words_of_the_panel)[:3] == english
        return
    spanish = anna.call(words_of_the_panel)
    assert spanish[:3] == ["Alojar", "Anfitrión", "Escribir antes la dirección del anfitrión."]
    assert spanish[3].startswith("Escena de ")
    anna.execute("addon.unregister()")
    assert anna.evaluate("bpy.app.translations.pgettext_iface('Host', 'Operator')") == "Host"
    anna.execute("addon.register()")
    assert anna.evaluate("bpy.app.translations.pgettext_iface('Host', 'Operator')") == "Alojar"


def test_a_check_and_a_tunnel_are_waited_for_in_background(anna: BlenderProcess) -> None:
    anna.execute("bpy.context.preferences.system.use_online_access = True")
    anna.execute("bpy.ops.atrium.check_network(host='host.invalid')")
    assert "No machine is known by the name" in anna.evaluate("atrium().check_report")
    assert anna.evaluate("error_of(bpy.ops.atrium.start_tunnel)") == "Connect to a host first."
    anna.execute("bpy.ops.atrium.host()")
    waited = anna.evaluate("error_of(bpy.ops.atrium.start_tunnel, program='ngrok', timeout=0.1)")
    assert waited.startswith("This took longer than 0.1 seconds: Opening a tunnel with ngrok.")
    assert anna.evaluate("runtime.need().tunneling.program") == ""


def unregister_while_busy() -> list[Any]:
    bpy.ops.atrium.connect()
    bpy.ops.atrium.create_room(name="Set")
    addon.unregister()
    return [engine.closed, hasattr(bpy.types.WindowManager, "atrium")]


def test_unregistering_in_a_room_closes_the_engine(anna: BlenderProcess) -> None:
    assert anna.call(unregister_while_busy) == [1, False]


def all_errors() -> dict[str, str]:
    ops, out = bpy.ops.atrium, {}
    for name in (
        "disconnect",
        "create_room",
        "join_room",
        "leave_room",
        "flush",
        "admit",
        "refuse",
        "trust_host",
        "cancel",
    ):
        out[name] = error_of(getattr(ops, name))
        assert atrium().error == out[name], name
    atrium().host = "  "
    out["connect"] = error_of(ops.connect)
    return out


def test_every_operator_fails_with_a_sentence(anna: BlenderProcess) -> None:
    errors = anna.call(all_errors)
    assert errors.pop("trust_host") == "No host waits to be trusted: connect first."
    assert errors.pop("connect") == "Type the host's address first."
    assert set(errors.values()) == {"Connect to a host first."}


def said_without_rooms() -> list[str]:
    import sys

    panels = next(m for name, m in sys.modules.items() if name.endswith("ui.panels"))
    out = []
    for welcome in ({}, {"guest": True}):
        runtime.state().on({"t": "welcome", "host": False, "port": 1, **welcome})
        out.append(panels.no_room(runtime.state()))
    return out


def test_a_guest_is_not_told_to_create_a_room(anna: BlenderProcess) -> None:
    member, guest = anna.call(said_without_rooms)
    assert member == "There is no room here yet: create one with your scene."
    assert guest.startswith("The room that you were let into is not here any more: connect again")


def errors_when_connected() -> list[str]:
    bpy.ops.atrium.connect()
    assert atrium().state == "LOBBY"
    out = [
        error_of(bpy.ops.atrium.connect),
        error_of(bpy.ops.atrium.create_room, name="x" * 64),
        error_of(bpy.ops.atrium.join_room, name="Nowhere"),
        error_of(bpy.ops.atrium.join_room, name="Old"),
        error_of(bpy.ops.atrium.leave_room),
        error_of(bpy.ops.atrium.admit, key="unknown"),
    ]
    engine.silent.add("join")
    out.append(error_of(bpy.ops.atrium.join_room, name="Set", timeout=0.2))
    assert atrium().error == out[-1] and atrium().state == "LOBBY"
    return out


def test_errors_in_the_lobby_say_what_to_do(anna: BlenderProcess, kind: Blender) -> None:
    version = ".".join(map(str, kind.version[:2]))
    assert anna.call(errors_when_connected) == [
        "You are connected already: disconnect first.",
        "“" + "x" * 64 + "” cannot be the name of a room: use 1 to 63 characters.",
        "There is no room “Nowhere” any more: choose one from the list.",
        f"The room “Old” cannot be joined with this Blender. Made with Blender 3.6; this is Blender {version}.",
        "Join or create a room first.",
        "Nobody with this key is asking to enter.",
        "This took longer than 0.2 seconds: Asking for the room",
    ]


def session_over_a_file_load() -> list[Any]:
    atrium().user_name = "  Anna\nB "
    atrium().host = "localhost"
    assert atrium().invite_lasts == "WEEK"
    atrium().invite_lasts = "DAY"
    bpy.ops.atrium.host()
    names = ("name", "id", "users", "bytes", "blender_version", "joinable", "reason")
    before = [atrium().state, atrium().user_name, [[getattr(r, name) for name in names] for r in atrium().rooms]]
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    after = [atrium().state, atrium().user_name, [[getattr(r, name) for name in names] for r in atrium().rooms]]
    assert before == after, (before, after)
    assert atrium().invite_lasts == "DAY"
    bpy.ops.atrium.create_room(name="My set")
    assert [u.name for u in atrium().users] == ["Anna"] and atrium().users[0].is_me
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    left = runtime.state().left
    return [*after, atrium().room, left.name, engine.kinds()[-1], [u.name for u in atrium().users]]


def test_the_state_survives_file_loads_and_a_load_leaves_the_room(anna: BlenderProcess) -> None:
    whole = anna.evaluate("'.'.join(map(str, bpy.app.version))")
    minor = ".".join(whole.split(".")[:2])
    assert anna.call(session_over_a_file_load) == [
        "LOBBY",
        "Anna B",
        [
            ["Set", "ab" * 16, 1, "3000000000", whole, True, ""],
            ["Old", "cd" * 16, 0, "10", "3.6.0", False, f"Made with Blender 3.6; this is Blender {minor}."],
        ],
        "", "My set", "leave", [],
    ]  # fmt: skip


def rhythm() -> dict[str, list[float]]:
    """Milliseconds that a tick may take, and seconds to the next one, at each moment."""
    import time
    from types import SimpleNamespace

    session, out = runtime.need(), {}

    def note(moment: str) -> None:
        out[moment] = [runtime._budget(session), runtime._interval()]

    def nothing_was_asked() -> None:
        runtime._asked_at = time.monotonic() - 60.0

    nothing_was_asked()
    note("offline")
    bpy.ops.atrium.connect()
    note("just connected")
    nothing_was_asked()
    note("lobby")
    engine.silent.add("flush")
    task = session.create_room("Set")
    while session.replicator is None:
        runtime.tick()
    note("creating, in background")
    runtime.bpy = SimpleNamespace(app=SimpleNamespace(background=False, timers=bpy.app.timers))
    note("creating, with a window")
    runtime.bpy = bpy
    while not task.done:
        runtime.tick()
        engine.events.extend(engine._answer_flush({"n": 1}))
    session.replicator.pending = 0
    runtime._worked_at = time.monotonic() - 60.0
    note("nothing happens")
    runtime._worked_at = time.monotonic()
    note("nothing any more")
    session.replicator.pending = 1
    note("at work")
    session.replicator.pending = 1000
    note("far behind")
    return out


@pytest.mark.parametrize("kind", ["bpy50"], indirect=True)
def test_ticks_take_the_time_that_they_are_given(anna: BlenderProcess) -> None:
    """1 ms when idle; what is long leaves time to draw 30 pictures a second."""
    assert anna.call(rhythm) == {
        "offline": [1.0, 0.1],
        "just connected": [1.0, 0.004],
        "lobby": [1.0, 0.1],
        "creating, in background": [50.0, 0.02],
        "creating, with a window": [25.0, 0.02],
        "nothing happens": [1.0, 0.016],
        "nothing any more": [1.0, 0.008],
        "at work": [4.0, 0.008],
        "far behind": [10.0, 0.008],
    }


def a_file_that_does_not_load(path: str) -> list[Any]:
    """What a room has left behind is unsaved before and after; a file that loads ends that."""
    with open(path, "wb") as file:
        file.write(b"BLENDER, but no file of it")
    bpy.ops.atrium.connect()
    bpy.ops.atrium.create_room(name="Set")
    error = error_of(bpy.ops.wm.open_mainfile, filepath=path)
    kept = runtime.scene()._session_work  # is_unsaved() is always true in background
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    return [bool(error), atrium().state, kept, runtime.scene()._session_work]


def test_a_file_that_does_not_load_leaves_the_work_unsaved(anna: BlenderProcess, tmp_path: Path) -> None:
    assert anna.call(a_file_that_does_not_load, str(tmp_path / "anna" / "broken.blend")) == [
        True, "LOBBY", True, False,
    ]  # fmt: skip


def a_render_that_cannot_begin(path: str) -> list[Any]:
    """Blender says that it begins, and nothing afterwards."""
    begun: list[str] = []
    bpy.app.handlers.render_init.append(lambda *_: begun.append("begun"))
    for name in ("render_complete", "render_cancel"):
        getattr(bpy.app.handlers, name).append(lambda *_: begun.append("ended"))
    bpy.ops.atrium.connect()
    bpy.ops.atrium.create_room(name="Set")
    render = bpy.context.scene.render
    render.resolution_x = render.resolution_y = 32
    if hasattr(render.image_settings, "media_type"):
        render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format, render.filepath = "FFMPEG", path
    error_of(bpy.ops.render.render, animation=True)
    runtime.tick()
    paused = runtime.state().paused
    bpy.ops.atrium.disconnect(timeout=10.0)
    return [begun, paused, atrium().state]


def test_a_render_that_cannot_begin_stops_nothing(anna: BlenderProcess) -> None:
    assert anna.call(a_render_that_cannot_begin, "/proc/nowhere/film") == [["begun"], False, "OFFLINE"]


def shown_in_dialogs() -> list[str]:
    names = [name for name in dir(bpy.ops.atrium) if not name.startswith("_")]
    types = [getattr(bpy.ops.atrium, name).get_rna_type() for name in names]
    return [t.identifier for t in types if "timeout" in t.properties and not t.properties["timeout"].is_hidden]


def test_what_only_scripts_need_is_in_no_dialog(anna: BlenderProcess) -> None:
    assert anna.call(shown_in_dialogs) == []


def passwords() -> list[Any]:
    """What Blender has noted down of them, and what is sent where the field is not drawn."""
    state = atrium()
    state.host, state.password = "192.0.2.7", "a secret"
    state.host = "localhost"
    bpy.ops.atrium.connect()
    connects = [message for message in engine.sent if message["t"] == "connect"]
    bpy.ops.atrium.set_password("EXEC_DEFAULT", password="a secret")
    listed = " ".join(str(dict(o.properties.items())) for o in bpy.context.window_manager.operators)
    return ["password" in connects[-1], state.password, "a secret" in listed]


def test_passwords_go_where_they_were_meant_for_and_nowhere_else(anna: BlenderProcess) -> None:
    assert anna.call(passwords) == [False, "", False]


def click(clicked: str) -> list[Any]:
    """What goes to a host that was clicked while the boxes hold a password for the host 192.0.2.7; then what the boxes hold."""
    state = atrium()
    state.host, state.password, state.password_room = " 192.0.2.7", "a secret", "Set"
    bpy.ops.atrium.connect_found(host=clicked, key="ab" * 32)
    sent = [message for message in engine.sent if message["t"] == "connect"][-1]
    left = [state.password, state.password_room]
    bpy.ops.atrium.disconnect()
    return [sent["host"], sent.get("password"), sent.get("room"), *left]


@pytest.mark.parametrize("clicked", ["192.0.2.8:12800", "192.0.2.7:9090", "192.0.2.7:12800"])
def test_a_click_on_a_host_takes_no_password_along_that_is_anothers(anna: BlenderProcess, clicked: str) -> None:
    meant = clicked == "192.0.2.7:12800"
    anna.execute("bpy.context.preferences.system.use_online_access = True")
    sent, left = (["a secret", "Set"], ["", "Set"]) if meant else ([None, None], ["", ""])
    assert anna.call(click, clicked) == [clicked, *sent, *left]


def make_file(folder: str) -> None:
    """A scene with a file, an image beside it, a change that is not saved, and paint on an image."""
    os.makedirs(folder, exist_ok=True)
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(folder, "mine.blend"))
    image = bpy.data.images.new("beside", 4, 4)
    image.source, image.filepath, image.use_fake_user = "FILE", "//beside.png", True
    bpy.data.objects["Cube"].location.x = 42
    painted = bpy.data.images.new("painted", 4, 4)
    painted.use_fake_user = True
    painted.pixels[:] = [0.0, 1.0, 0.0, 1.0] * 16
    bpy.ops.atrium.connect()


def join(unsaved: str) -> dict[str, Any]:
    error = error_of(bpy.ops.atrium.join_room, name="Set", unsaved=unsaved)
    recovered = os.path.join(os.environ["ATRIUM_HOME"], "recovered")
    cube = bpy.data.objects.get("Cube")
    image = bpy.data.images.get("beside")
    return {
        "error": error,
        "objects": [o.name for o in bpy.data.objects],
        "file": bpy.data.filepath,
        "x": cube.location.x if cube else None,
        "image": image.filepath if image else None,
        "green": bpy.data.images["painted"].pixels[1] if "painted" in bpy.data.images else None,
        "recovered": sorted(os.listdir(recovered)) if os.path.isdir(recovered) else [],
        "state": atrium().state,
    }


def cube_x_in(path: str) -> float:
    with bpy.data.libraries.load(path) as (source, target):
        target.objects = [name for name in source.objects if name == "Cube"]
    return float(target.objects[0].location.x)


def green_in(path: str) -> float:
    """Of the painted image in a file; nothing where the file has none."""
    with bpy.data.libraries.load(path) as (source, target):
        target.images = [name for name in source.images if name == "painted"]
    return float(target.images[0].pixels[1]) if target.images else 0.0


@pytest.mark.parametrize("unsaved", ["ASK", "KEEP_COPY", "SAVE", "DISCARD"])
def test_joining_replaces_the_scene_and_keeps_what_was_asked(
    anna: BlenderProcess, tmp_path: Path, unsaved: str
) -> None:
    anna.define(cube_x_in)
    anna.define(green_in)
    anna.call(make_file, str(tmp_path / "files"))
    after = anna.call(join, unsaved)
    assert after["error"] == "" and after["state"] == "JOINED"
    assert after["objects"] == ["From the room"]
    kept = unsaved in ("ASK", "KEEP_COPY")  # in background ASK means a copy
    assert len(after["recovered"]) == (1 if kept else 0)
    mine = str(tmp_path / "files" / "mine.blend")
    assert anna.call(cube_x_in, mine) == (42.0 if unsaved == "SAVE" else 0.0)
    assert anna.call(green_in, mine) == (1.0 if unsaved == "SAVE" else 0.0)
    if kept:
        copy = tmp_path / "anna" / "atrium" / "recovered" / after["recovered"][0]
        assert anna.call(cube_x_in, str(copy)) == 42.0
        assert anna.call(green_in, str(copy)) == 1.0


@pytest.mark.parametrize("unsaved", ["KEEP_COPY", "DISCARD"])
def test_a_join_that_fails_brings_everything_back(anna: BlenderProcess, tmp_path: Path, unsaved: str) -> None:
    anna.call(make_file, str(tmp_path / "files"))
    anna.execute("bpy.data.materials.new('Unused'); os.environ['ATRIUM_TEST_FAIL'] = '1'")
    after = anna.call(join, unsaved)
    assert after["error"].startswith("The room's scene could not be built, so your own was brought back. no such thing")
    assert sorted(after["objects"]) == ["Camera", "Cube", "Light"] and after["x"] == 42
    assert after["file"] == str(tmp_path / "files" / "mine.blend") and after["image"] == "//beside.png"
    assert after["green"] == 1.0
    assert after["state"] == "LOBBY"
    assert len(after["recovered"]) == (1 if unsaved == "KEEP_COPY" else 0)
    # What nothing uses is in no saved file, but in the scene as it was.
    assert anna.evaluate("[bpy.data.materials['Unused'].users, bpy.data.materials['Unused'].use_fake_user]") == [
        0,
        False,
    ]


def join_without_a_file(unsaved: str) -> dict[str, Any]:
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    bpy.data.objects["Cube"].location.x = 42
    bpy.ops.atrium.connect()
    return join(unsaved)


def test_saving_a_scene_without_a_file_fails_and_changes_nothing(anna: BlenderProcess) -> None:
    anna.define(join)
    after = anna.call(join_without_a_file, "SAVE")
    assert "has no file name yet" in after["error"] and after["x"] == 42 and after["state"] == "LOBBY"


def settings_file() -> str:
    with open(os.path.join(os.environ["ATRIUM_HOME"], "settings.json"), encoding="utf-8") as file:
        return file.read()


def test_name_and_colour_are_kept_for_the_next_start(anna: BlenderProcess) -> None:
    anna.execute("atrium().user_name = 'Zoë'; atrium().user_color = (0.25, 0.5, 0.75)")
    text = anna.call(settings_file)
    assert "Zoë" in text and "0.75" in text
