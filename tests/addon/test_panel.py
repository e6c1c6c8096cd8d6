# SPDX-License-Identifier: MIT
"""The panel in a real window, clicked with a real pointer; the engine behind it is a fake.

Each moment of a session is drawn once: a panel that raises while drawing shows nothing, and Blender only writes it
into its log, so the log is looked at. With a fake every moment can be held for as long as a picture takes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.addon.blender_side import atrium, prepare
from tests.blender.blenders import Blender
from tests.blender.inside import bpy
from tests.blender.window import WindowedBlender

engine: Any
runtime: Any


@pytest.fixture
def anna(window_kind: Blender, tmp_path: Path) -> Iterator[WindowedBlender]:
    with WindowedBlender(window_kind, tmp_path, "anna") as process:
        prepare(process)
        process.open_sidebar("Atrium")
        process.widen_sidebar(120)
        yield process
        text = process.log.read_text(errors="replace")
        assert "Traceback" not in text and "rna_uiItem" not in text, text[-3000:]


def tell(*events: dict[str, Any]) -> None:
    engine.events.extend(events)


def state_is(wanted: str) -> Iterator[None]:
    for _ in range(400):
        if atrium().state == wanted:
            return
        yield
    raise AssertionError(f"{atrium().state}, not {wanted}: {atrium().error}")


def host_is(wanted: str) -> Iterator[None]:
    for _ in range(400):
        if atrium().host == wanted:
            return
        yield
    raise AssertionError(f"{atrium().host!r}, not {wanted!r}")


def hold(*commands: str) -> None:
    engine.silent.update(commands)


def name_of(anna: WindowedBlender, what: str) -> str:
    return f"panel_{anna.blender.name}_{what}"


def speak_spanish() -> None:
    view = bpy.context.preferences.view
    view.language = "es"
    view.use_translate_interface = view.use_translate_tooltips = view.use_translate_reports = True


def test_the_panel_speaks_spanish(anna: WindowedBlender) -> None:
    anna.call(speak_spanish)
    anna.picture(name_of(anna, "es_offline"))
    anna.write("atrium.host", "nonsense:99999999")
    anna.press("atrium.connect")
    time.sleep(0.5)
    assert "acceso en línea" in anna.evaluate("atrium().error")
    anna.picture(name_of(anna, "es_error"))
    anna.press("atrium.host(")
    anna.call(tell, {"t": "knock", "key": "k1", "name": "Eve", "code": "ABCD-EFGH-JKMN-PQRS-TVWX"})
    anna.call(state_is, "LOBBY")
    anna.picture(name_of(anna, "es_hosting"))
    anna.press("atrium.create_room")
    anna.call(state_is, "JOINED")
    anna.picture(name_of(anna, "es_room"))


def test_every_moment_of_a_session_is_drawn(anna: WindowedBlender) -> None:
    anna.picture(name_of(anna, "offline"))
    anna.call(hold, "connect", "join")
    anna.write("atrium.host", "192.0.2.7")
    anna.call(host_is, "192.0.2.7")
    anna.execute("bpy.context.preferences.system.use_online_access = True")
    anna.press("atrium.connect")
    anna.call(state_is, "CONNECTING")
    anna.picture(name_of(anna, "connecting"))
    anna.call(tell, {"t": "confirm_host", "address": "192.0.2.7:12800", "code": "AAAA-BBBB-CCCC-DDDD-EEEE"})
    anna.call(state_is, "CONFIRMING")
    anna.picture(name_of(anna, "confirming"))
    anna.press("atrium.trust_host")
    anna.call(tell, {"t": "state", "state": "KNOCKING", "address": "192.0.2.7:12800"})
    anna.call(state_is, "KNOCKING")
    anna.picture(name_of(anna, "knocking"))
    anna.execute("engine.events.extend(engine._answer_connect({}))")
    anna.call(tell, {"t": "knock", "key": "k1", "name": "Eve", "code": "ABCD-EFGH-JKMN-PQRS-TVWX"})
    anna.call(state_is, "LOBBY")
    anna.picture(name_of(anna, "lobby"))
    anna.press('atrium.copy(text="192.0.2.7:12800"')  # what others connect to
    time.sleep(0.3)
    assert anna.evaluate("bpy.context.window_manager.clipboard") == "192.0.2.7:12800"
    anna.press("atrium.admit")
    time.sleep(0.5)
    assert anna.evaluate("engine.sent[-1]") == {"t": "admit", "key": "k1", "remember": False}
    anna.execute("bpy.ops.mesh.primitive_cube_add(); bpy.ops.ed.undo_push()")
    anna.press("atrium.join_room")
    time.sleep(0.5)
    anna.picture(name_of(anna, "unsaved"))
    assert anna.evaluate("[runtime.state().ask_unsaved, atrium().state]") == ["Set", "LOBBY"]
    anna.execute("bpy.ops.atrium.join_room(name='Set', unsaved='KEEP_COPY')")
    anna.execute("engine.events.extend(engine._joined(False, 'Set'))")
    anna.call(tell, {"t": "progress", "room": "ab" * 16, "value": 0.4, "text": "Receiving 40 of 100 objects"})
    anna.call(state_is, "JOINING")
    anna.picture(name_of(anna, "joining"))
    anna.call(tell, {"t": "progress", "room": "ab" * 16, "value": 1.0, "complete": True}, {"t": "latency", "us": 1234})
    anna.call(state_is, "JOINED")
    assert anna.evaluate("[o.name for o in bpy.data.objects]") == ["From the room"]
    anna.call(tell, {"t": "refused", "room": "ab" * 16, "doc": "00" * 16, "code": "GONE", "text": "It was deleted."})
    anna.picture(name_of(anna, "joined"))
    assert "“Cube”" in anna.evaluate("runtime.state().fresh_refusals[0]")
    anna.call(
        tell, {"t": "state", "state": "RECONNECTING", "code": "CLOSED", "attempt": 3}, {"t": "pending", "operations": 7}
    )
    anna.call(state_is, "RECONNECTING")
    anna.picture(name_of(anna, "reconnecting"))
    anna.call(tell, {"t": "state", "state": "KNOCKING", "address": "192.0.2.7:12800"})
    anna.call(state_is, "KNOCKING")
    anna.find("atrium.leave_room(")  # still in the room, at the door of a server that has started anew
    anna.picture(name_of(anna, "knocking_again"))
    anna.call(tell, {"t": "state", "state": "OFFLINE", "code": "CONNREFUSED", "detail": "ECONNREFUSED"})
    anna.call(state_is, "OFFLINE")
    anna.picture(name_of(anna, "failed"))


def hosts_are_looked_for() -> Iterator[None]:
    for _ in range(400):
        if {"t": "discover", "on": True} in engine.sent:
            return
        yield
    raise AssertionError(engine.sent)


def test_a_host_on_this_network_is_one_click_away(anna: WindowedBlender) -> None:
    anna.execute("bpy.context.preferences.system.use_online_access = True")
    anna.call(hosts_are_looked_for)  # the panel is there to be seen, and that is enough
    host = {"name": "studio", "address": "192.0.2.7:12800", "key": "ab" * 32, "known": False}
    anna.call(tell, {"t": "hosts", "hosts": [host]})
    anna.find('atrium.connect_found(host="192.0.2.7:12800"')
    anna.picture(name_of(anna, "nearby"))
    anna.press('atrium.connect_found(host="192.0.2.7:12800"')
    anna.call(state_is, "LOBBY")
    assert anna.evaluate("atrium().host") == "192.0.2.7:12800"


def test_a_scene_can_be_shared_with_clicks_alone(anna: WindowedBlender) -> None:
    anna.press("atrium.host")
    anna.call(state_is, "LOBBY")
    anna.press("atrium.create_room")
    anna.call(state_is, "JOINED")
    anna.press("atrium.leave_room")
    anna.call(state_is, "LOBBY")
    anna.press("atrium.disconnect")
    anna.call(state_is, "OFFLINE")
    assert anna.evaluate("sorted(o.name for o in bpy.data.objects)") == ["Camera", "Cube", "Light"]
