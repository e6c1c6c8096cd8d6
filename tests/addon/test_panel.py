# SPDX-License-Identifier: MIT
"""The panel in a real window, clicked with a real pointer; the engine behind it is a fake.

Each moment of a session is drawn once: a panel that raises while drawing shows nothing, and Blender only writes it
into its log, so the log is looked at. With a fake every moment can be held for as long as a picture takes.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.addon.blender_side import atrium, prepare
from tests.blender.blenders import Blender
from tests.blender.inside import bpy
from tests.blender.process import BlenderError
from tests.blender.test_window import TOOLTIP_S
from tests.blender.window import WindowedBlender, set_clipboard, sidebar_of

SIZE = (800, 800)
"""Narrower than usual: the sidebar is what is looked at, and each pixel of a window costs its time."""
TALL = (800, 1100)
"""In which all of a host's panels can be seen at once."""

addon: Any
engine: Any
runtime: Any


@contextlib.contextmanager
def opened(blender: Blender, folder: Path, widen: int = 120, size: tuple[int, int] = SIZE) -> Iterator[WindowedBlender]:
    with WindowedBlender(blender, folder, "anna", size=size) as process:
        prepare(process)
        process.open_sidebar("Atrium")
        if widen:
            process.widen_sidebar(widen)
        yield process
        text = process.log.read_text(errors="replace")
        assert "Traceback" not in text and "rna_uiItem" not in text, text[-3000:]


@pytest.fixture
def anna(window_kind: Blender, tmp_path: Path) -> Iterator[WindowedBlender]:
    with opened(window_kind, tmp_path) as process:
        yield process


@pytest.fixture
def tall_anna(window_kind: Blender, tmp_path: Path) -> Iterator[WindowedBlender]:
    with opened(window_kind, tmp_path, size=TALL) as process:
        yield process


@pytest.fixture
def narrow_anna(window_kind: Blender, tmp_path: Path) -> Iterator[WindowedBlender]:
    with opened(window_kind, tmp_path, widen=0, size=TALL) as process:
        yield process


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


def status() -> str:
    """The line that says what is happening, as it is drawn."""
    return str(addon.ui.panels.status_text(runtime.state())[0])


def connected_since(anna: WindowedBlender) -> None:
    assert re.fullmatch(r"Connected to 127\.0\.0\.1:12800 since [0-2][0-9]:[0-5][0-9]", anna.call(status))


def says(anna: WindowedBlender, wanted: str) -> int:
    """The line is that one, with the seconds that it has lasted in place of SECONDS; how many these are, -1 for none."""
    text = anna.call(status)
    found = re.fullmatch(re.escape(wanted).replace("SECONDS", "([0-9]+)"), text)
    assert found, text
    return int(found[1]) if found.groups() else -1


def hold_server() -> None:
    """The server's start stays where `start.phase` says."""
    import sys

    start = sys.modules["atrium_fakes"].FakeServerStart(12800, {})
    start.phase = "looking"
    runtime.need()._ensure_server = lambda port, **how: start
    globals()["start"] = start


def not_everything_fits() -> None:
    replicator = runtime.need().replicator
    replicator.refused += ["Light: type was not taken (no such thing).", "Cube: parent was not taken (a loop)."]
    replicator.unread.append("Cube: attribute tiny was not sent (not known).")
    runtime.state().changed()


def open_empty_file() -> None:
    """As File > Open does it, but with the windows left as they are."""
    import os

    bpy.ops.wm.read_homefile(
        filepath=os.path.join(os.path.dirname(runtime.__file__), "empty.dat"), use_empty=True, load_ui=False
    )


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


RULE = {"address": "192.168.0.48", "port": 12800, "public_port": 12800}
NOT_FROM_OUTSIDE = {
    "audience": "internet",
    "label": "",
    "addresses": [],
    "state": "no",
    "reason": "no_mapping",
    "with": RULE,
}
HOME = [
    {
        "audience": "machine",
        "label": "",
        "addresses": ["localhost:12800"],
        "state": "works",
        "reason": "proved",
        "with": {"bound": "*"},
    },
    {"audience": "lan", "label": "Wi-Fi", "addresses": ["192.168.0.48:12800"], "state": "works", "reason": "proved"},
]
ZEROTIER = {
    "audience": "vpn",
    "label": "ZeroTier",
    "addresses": ["10.147.17.3:12800"],
    "state": "should",
    "reason": "listening",
}
MAPPED = {
    "audience": "internet",
    "label": "",
    "addresses": ["203.0.113.17:9090"],
    "state": "should",
    "reason": "mapped",
    "with": {**RULE, "protocol": "UPnP", "public_port": 9090},
}


OUTSIDE_PROVED = {
    **MAPPED,
    "addresses": ["[2001:db8::5]:12800"],
    "others": ["203.0.113.17:9090"],
    "state": "works",
    "reason": "proved",
}


NGROK = {
    "audience": "tunnel",
    "label": "ngrok",
    "addresses": ["0.tcp.example.org:12489"],
    "state": "should",
    "reason": "tunnel",
}


def tunnel() -> Any:
    return runtime.need().tunneling._tunnel


def server_restarts() -> Iterator[None]:
    while not runtime.state().server_restarts:
        yield


def reach_is(count: int) -> Iterator[None]:
    while len(runtime.state().reach) != count:
        yield


@pytest.mark.parametrize("language", ["en", "es"])
def test_who_can_reach_this_machine_is_shown(tall_anna: WindowedBlender, language: str) -> None:
    anna = tall_anna
    anna.execute("bpy.context.preferences.system.use_online_access = True")
    if language == "es":
        anna.call(speak_spanish)
    anna.press("atrium.host(")
    anna.call(state_is, "LOBBY")
    anna.define(tunnel)
    anna.press("atrium.create_room")
    anna.call(state_is, "JOINED")
    anna.call(tell, {"t": "reach", "audiences": [*HOME, NOT_FROM_OUTSIDE]})
    anna.call(reach_is, 3)
    anna.picture(name_of(anna, f"reach_{language}_trouble"))
    anna.find("atrium.public_address")  # open unasked, with the field that belongs to it
    anna.press('atrium.copy(text="192.168.0.48:12800"')
    time.sleep(0.3)
    assert anna.evaluate("bpy.context.window_manager.clipboard") == "192.168.0.48:12800"
    anna.write("atrium.public_address", "203.0.113.17:9090")
    time.sleep(0.3)
    assert anna.evaluate("engine.sent[-1]") == {"t": "reach", "public": "203.0.113.17:9090"}
    anna.call(tell, {"t": "reach", "audiences": [*HOME, ZEROTIER, MAPPED]})
    anna.call(reach_is, 4)
    anna.picture(name_of(anna, f"reach_{language}_well"))
    anna.press('atrium.copy(text="203.0.113.17:9090"')
    anna.press("atrium.start_tunnel(program='cloudflared'")
    time.sleep(0.3)
    assert anna.evaluate("runtime.need().tunneling.program") == "cloudflared"
    anna.execute("tunnel().phase, tunnel().failure = 'failed', 'ended'")
    time.sleep(0.3)
    anna.picture(name_of(anna, f"reach_{language}_tunnel_failed"))
    anna.press("atrium.start_tunnel(program='ngrok'")
    time.sleep(0.3)
    anna.execute("tunnel().phase = 'running'")
    anna.call(tell, {"t": "reach", "audiences": [*HOME, ZEROTIER, MAPPED, NGROK]})
    anna.call(reach_is, 5)
    anna.picture(name_of(anna, f"reach_{language}_tunnel"))
    anna.press("atrium.stop_tunnel")
    time.sleep(0.3)
    assert anna.evaluate("tunnel().stopped")
    anna.call(tell, {"t": "reach", "audiences": [*HOME, OUTSIDE_PROVED]})
    anna.call(reach_is, 3)
    anna.picture(name_of(anna, f"reach_{language}_proved"))
    anna.press('atrium.copy(text="[2001:db8::5]:12800"')  # in the closed line, by which somebody has come


def ask_as_macos_does() -> None:
    import sys
    import types

    panels = next(module for name, module in sys.modules.items() if name.endswith("ui.panels"))
    panels.sys = types.SimpleNamespace(platform="darwin")


def test_what_the_system_will_ask_and_what_its_firewall_stops_is_said(narrow_anna: WindowedBlender) -> None:
    """In Spanish, whose words are longer, and in a sidebar as narrow as Blender has it at first."""
    anna = narrow_anna
    anna.call(speak_spanish)
    anna.execute("bpy.context.preferences.system.use_online_access = True")
    anna.call(ask_as_macos_does)
    anna.picture(name_of(anna, "es_before_hosting"))
    anna.press("atrium.host(")
    anna.call(state_is, "LOBBY")
    commands = {"tcp": "sudo ufw allow 12800/tcp", "udp": "sudo ufw allow 12800/udp"}
    lan = {**HOME[1], "state": "should", "reason": "firewall", "with": {"tool": "ufw", **commands}}
    anna.call(tell, {"t": "reach", "audiences": [HOME[0], lan, NOT_FROM_OUTSIDE]})
    anna.call(reach_is, 3)
    anna.picture(name_of(anna, "es_firewall"))
    anna.press('atrium.copy(text="sudo ufw allow 12800/tcp"')
    time.sleep(0.3)
    assert anna.evaluate("bpy.context.window_manager.clipboard") == "sudo ufw allow 12800/tcp"


def clipboard_is(wanted: str) -> Iterator[None]:
    for _ in range(400):
        if bpy.context.window_manager.clipboard == wanted:
            return
        yield
    raise AssertionError(bpy.context.window_manager.clipboard)


def test_an_invite_that_is_made_is_copied(anna: WindowedBlender) -> None:
    """The button has returned long before the link is there."""
    anna.press("atrium.host(")
    anna.call(state_is, "LOBBY")
    anna.find("atrium.create_invite(")
    anna.call(set_clipboard, "something else")
    anna.press("atrium.create_invite(")
    anna.call(sent, "invite_create")
    assert anna.evaluate("bpy.context.window_manager.clipboard") == "something else"
    anna.call(tell, {"t": "invite", "link": "atrium://join#AbCd-_9", "expires": time.time() + 168 * 3600})
    anna.call(clipboard_is, "atrium://join#AbCd-_9")
    assert anna.call(last, "invite_create")["expires_h"] == 168
    anna.picture(name_of(anna, "invite_copied"))
    anna.call(tell, {"t": "invite", "link": "atrium://join#AbCd-_9", "expires": 0, "only_here": True})
    anna.picture(name_of(anna, "invite_only_here"))


def differs_is(wanted: bool) -> Iterator[None]:
    for _ in range(400):
        if runtime.need().server_differs is wanted:
            return
        yield
    raise AssertionError(runtime.state().host)


@pytest.mark.parametrize("language", ["en_US", "es"])
def test_a_server_with_other_settings_is_started_anew_when_the_host_says_so(
    tall_anna: WindowedBlender, language: str
) -> None:
    """The button is there only then, and what is lost is said before it is."""
    anna = tall_anna
    if language == "es":
        anna.call(speak_spanish)
    anna.press("atrium.host(")
    anna.call(state_is, "LOBBY")
    welcome = {"t": "welcome", "host": True, "port": 12800, "check_code": "anchor apple"}
    anna.call(tell, {**welcome, "runs_with": ["open", "discovery"]})
    anna.call(differs_is, True)
    button = anna.find("atrium.restart_server(")
    anna.screen.click(button.x, button.y)
    time.sleep(0.5)
    anna.picture(name_of(anna, f"{language}_restart"))
    anna.screen.key("Escape")
    time.sleep(0.5)
    assert not [message for message in anna.evaluate("engine.sent") if message["t"] == "end"]
    anna.press("atrium.restart_server(")
    time.sleep(0.5)
    anna.screen.key("Return")
    anna.call(sent, "end")
    assert anna.call(last, "end") == {"t": "end"}
    anna.call(tell, {**welcome, "runs_with": ["discovery"]})  # Blender is offline here
    anna.call(differs_is, False)
    with pytest.raises(BlenderError, match="no button"):
        anna.find("atrium.restart_server(", attempts=1)


def lasts_is(wanted: str) -> Iterator[None]:
    for _ in range(400):
        if atrium().invite_lasts == wanted:
            return
        yield
    raise AssertionError(atrium().invite_lasts)


def test_how_long_an_invite_works_is_chosen_beside_it(narrow_anna: WindowedBlender) -> None:
    """In the menu, with the pointer and a key; in Spanish, whose words are longer, and in a sidebar as narrow as Blender has it at first."""
    anna = narrow_anna
    anna.call(speak_spanish)
    anna.press("atrium.host(")
    anna.call(state_is, "LOBBY")
    for times, (key, lasts, hours) in enumerate((("1", "HOUR", 1), ("4", "NEVER", 0)), 1):
        menu = anna.find("atrium.invite_lasts")
        anna.screen.click(menu.x, menu.y)
        time.sleep(0.3)
        anna.picture(name_of(anna, f"es_invite_choice_{key}"))
        anna.screen.key(key)
        anna.call(lasts_is, lasts)
        anna.press("atrium.create_invite(")
        expires = time.time() + hours * 3600 if hours else 0
        anna.call(sent, "invite_create", times)
        assert anna.call(last, "invite_create")["expires_h"] == hours
        anna.call(tell, {"t": "invite", "link": f"atrium://join#{lasts}", "expires": expires})
        anna.call(clipboard_is, f"atrium://join#{lasts}")
        anna.picture(name_of(anna, f"es_invite_{lasts.lower()}"))
    anna.call(open_empty_file)
    assert anna.evaluate("atrium().invite_lasts") == "NEVER", "a file has nothing to say in this"
    anna.call(tell, {"t": "invite", "link": "atrium://join#old", "expires": time.time() - 1})
    anna.picture(name_of(anna, "es_invite_over"))


def test_a_message_with_an_invite_is_pasted_whole(anna: WindowedBlender) -> None:
    """Of which a text field takes the first line alone."""
    anna.execute("bpy.context.preferences.system.use_online_access = True")
    anna.find("atrium.paste_host(")
    anna.picture(name_of(anna, "paste"))
    anna.call(set_clipboard, "Come over, says Anna:\n<atrium://join#AbCd\n-_9>\n")
    anna.press("atrium.paste_host(")
    anna.call(host_is, "atrium://join#***")
    anna.press("atrium.connect(")
    anna.call(sent, "connect")
    assert anna.call(last, "connect")["host"] == "atrium://join#AbCd -_9"


def info_reports() -> str:
    """All that the Info editor lists."""
    window, area, _ = sidebar_of()
    kind, area.type = area.type, "INFO"
    region = next(r for r in area.regions if r.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.info.select_all(action="SELECT")
        bpy.ops.info.report_copy()
    area.type = kind
    return str(bpy.context.window_manager.clipboard)


def test_an_invite_stands_in_no_report(anna: WindowedBlender) -> None:
    """Typed, or pasted into either box, it came to the Info editor and from there into the report of a crash: its bearer is let in."""
    anna.execute("bpy.context.preferences.system.use_online_access = True")
    token = secrets.token_hex(8)
    anna.write("atrium.host", f"Come: atrium://join#{token}")
    anna.call(host_is, "atrium://join#***")
    field = anna.find("atrium.host")
    anna.screen.click(field.x, field.y)
    time.sleep(0.3)
    anna.picture(name_of(anna, "invite_hidden"))
    anna.screen.key("Return")  # what is shown does not take the place of what is held
    anna.press("atrium.connect(")
    anna.call(sent, "connect")
    assert anna.call(last, "connect")["host"] == f"Come: atrium://join#{token}"
    anna.press("atrium.disconnect(")
    anna.call(state_is, "OFFLINE")
    anna.execute(f"bpy.ops.atrium.check_network(host='atrium://join#{token}')")
    anna.write("atrium.host", "192.0.2.7")

    reports = anna.call(info_reports)
    assert 'host = "atrium://join#***"' in reports and 'host = "192.0.2.7"' in reports, reports
    assert token not in reports
    os.kill(blender_below(anna.pid), signal.SIGSEGV)
    anna.wait_for_end()
    (crash,) = anna.folder.rglob("*.crash.txt")
    said = crash.read_text(errors="replace")
    assert 'host = "atrium://join#***"' in said and token not in said
    assert token not in anna.log.read_text(errors="replace")


def blender_below(pid: int) -> int:
    """A Blender in a folder of its own has a shell or two above it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return blender_below(int(children[0])) if children else pid


def test_passwords_that_are_typed_are_sent(anna: WindowedBlender) -> None:
    """And once: none stays in its field for the next host."""
    anna.execute("bpy.context.preferences.system.use_online_access = True")
    anna.write("atrium.host", "192.0.2.7")
    anna.call(host_is, "192.0.2.7")
    anna.write("atrium.password", "the door's")
    anna.write("atrium.password_room", "Film")
    anna.press("atrium.connect(")
    anna.call(sent, "connect")
    message = anna.call(last, "connect")
    assert [message.get(name) for name in ("host", "password", "room")] == ["192.0.2.7", "the door's", "Film"]
    assert anna.evaluate("atrium().password") == ""


def use_other_hosts() -> None:
    for host in ("studio.example", "192.0.2.7:9090", "wss://relay.example.org/atrium"):
        runtime.state().history.add(host)
    runtime.state().changed()


def show_menu() -> None:
    window, area, region = sidebar_of()
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.wm.call_menu(name="ATRIUM_MT_hosts")


def choose_host(host: str) -> None:
    """As the menu's button does; what a key chooses in a menu that a script has opened differs between versions."""
    bpy.ops.atrium.use_host(host=host)


def test_hosts_that_were_used_can_be_chosen_again_and_forgotten(anna: WindowedBlender) -> None:
    anna.call(use_other_hosts)
    anna.screen.move(150, 300)  # beside the sidebar
    anna.call(show_menu)
    anna.picture(name_of(anna, "history"))
    anna.screen.key("Escape")
    anna.call(choose_host, "wss://relay.example.org/atrium")
    anna.call(host_is, "wss://relay.example.org/atrium")
    anna.execute("bpy.ops.atrium.forget_used_hosts(host='studio.example')")
    assert anna.evaluate("runtime.state().history.hosts") == ["wss://relay.example.org/atrium", "192.0.2.7:9090"]
    anna.execute("bpy.ops.atrium.forget_used_hosts()")
    assert anna.evaluate("runtime.state().history.hosts") == []


def check_is_over() -> Iterator[None]:
    while not runtime.state().checking.done:
        yield


def test_the_network_check_runs_while_one_works_and_can_be_given_up(anna: WindowedBlender) -> None:
    """With the real engine underneath: a host that never answers, and one where nobody listens."""
    anna.execute("bpy.context.preferences.system.use_online_access = True")
    anna.write("atrium.host", "host.invalid")
    anna.press("atrium.check_network")
    anna.call(check_is_over)
    assert "No machine is known by the name" in anna.evaluate("atrium().check_report")
    anna.picture(name_of(anna, "checked"))
    anna.press("atrium.cancel_check")
    time.sleep(0.3)
    assert anna.evaluate("atrium().check_report") == ""
    with socket.create_server(("127.0.0.2", 0)) as silent:
        # By the operator: 127.0.0.2 is this machine, too, which the panel's own button does not ask. Its name is another one.
        anna.execute(f"runtime.need().checking.start('[::ffff:127.0.0.2]:{silent.getsockname()[1]}')")
        anna.picture(name_of(anna, "checking"))
        anna.press("atrium.cancel_check")
        anna.call(check_is_over)


def test_every_moment_of_a_session_is_drawn(tall_anna: WindowedBlender) -> None:
    anna = tall_anna
    anna.picture(name_of(anna, "offline"))
    says(anna, "Not connected")
    anna.call(hold, "connect", "join")
    anna.write("atrium.host", "192.0.2.7")
    anna.call(host_is, "192.0.2.7")
    anna.execute("bpy.context.preferences.system.use_online_access = True")
    anna.press("atrium.connect")
    anna.call(state_is, "CONNECTING")
    began = says(anna, "Connecting to 192.0.2.7 (SECONDS s)")
    anna.picture(name_of(anna, "connecting"))
    time.sleep(1.1)
    assert says(anna, "Connecting to 192.0.2.7 (SECONDS s)") > began
    anna.call(tell, {"t": "confirm_host", "address": "192.0.2.7:12800", "code": "AAAA-BBBB-CCCC-DDDD-EEEE"})
    anna.call(state_is, "CONFIRMING")
    anna.picture(name_of(anna, "confirming"))
    says(anna, "192.0.2.7 is not trusted yet")
    anna.press("atrium.trust_host")
    anna.call(tell, {"t": "state", "state": "KNOCKING", "address": "192.0.2.7:12800"})
    anna.call(state_is, "KNOCKING")
    anna.picture(name_of(anna, "knocking"))
    says(anna, "Waiting for 192.0.2.7:12800 to let you in (SECONDS s)")
    anna.execute("engine.events.extend(engine._answer_connect({}))")
    anna.call(tell, {"t": "knock", "key": "k1", "name": "Eve", "code": "ABCD-EFGH-JKMN-PQRS-TVWX"})
    anna.call(state_is, "LOBBY")
    anna.call(tell, {"t": "reach", "audiences": HOME})
    anna.call(reach_is, len(HOME))
    anna.picture(name_of(anna, "lobby"))
    connected_since(anna)
    anna.press('atrium.copy(text="192.168.0.48:12800"')  # what others connect to
    time.sleep(0.3)
    assert anna.evaluate("bpy.context.window_manager.clipboard") == "192.168.0.48:12800"
    anna.press("atrium.admit")
    time.sleep(0.5)
    assert anna.evaluate("engine.sent[-1]") == {"t": "admit", "key": "k1", "remember": False}
    anna.execute("bpy.ops.mesh.primitive_cube_add(); bpy.ops.ed.undo_push()")
    anna.press("atrium.join_room")
    time.sleep(0.5)
    anna.picture(name_of(anna, "unsaved"))
    assert anna.evaluate("[runtime.state().ask_unsaved, atrium().state]") == ["ab" * 16, "LOBBY"]
    anna.press(f"atrium.join_room(name=\"{'ab' * 16}\", unsaved='DISCARD'")  # Join Without Saving
    anna.call(sent, "join")
    assert anna.evaluate("sorted(o.name for o in bpy.data.objects)") == ["Camera", "Cube", "Cube.001", "Light"]
    anna.execute("engine.events.extend(engine._joined(False, 'Set'))")
    anna.call(tell, {"t": "progress", "room": "ab" * 16, "value": 0.4, "text": "Receiving 40 of 100 objects"})
    anna.call(state_is, "JOINING")
    anna.picture(name_of(anna, "joining"))
    grey_buttons_say_why(anna)
    anna.call(tell, {"t": "progress", "room": "ab" * 16, "value": 1.0, "complete": True}, {"t": "latency", "us": 1234})
    anna.call(state_is, "JOINED")
    assert anna.evaluate("[o.name for o in bpy.data.objects]") == ["From the room"]
    anna.call(tell, {"t": "refused", "room": "ab" * 16, "doc": "00" * 16, "code": "GONE", "text": "It was deleted."})
    anna.picture(name_of(anna, "joined"))
    assert "“Cube”" in anna.evaluate("runtime.state().fresh_refusals[0]")
    connected_since(anna)
    anna.call(
        tell, {"t": "state", "state": "RECONNECTING", "code": "CLOSED", "attempt": 3}, {"t": "pending", "operations": 7}
    )
    anna.call(state_is, "RECONNECTING")
    anna.picture(name_of(anna, "reconnecting"))
    says(anna, "Connection lost; attempt 3 (SECONDS s)")
    anna.call(tell, {"t": "state", "state": "RECONNECTING", "restarts": True, "attempt": 1})
    anna.call(server_restarts)
    says(anna, "The server is being restarted: the connection comes back by itself (SECONDS s)")
    anna.call(tell, {"t": "state", "state": "KNOCKING", "address": "192.0.2.7:12800"})
    anna.call(state_is, "KNOCKING")
    anna.find("atrium.leave_room(")  # still in the room, at the door of a server that has started anew
    anna.picture(name_of(anna, "knocking_again"))
    anna.call(tell, {"t": "state", "state": "OFFLINE", "code": "CONNREFUSED", "detail": "ECONNREFUSED"})
    anna.call(state_is, "OFFLINE")
    anna.picture(name_of(anna, "failed"))
    anna.press('atrium.copy(text="Nobody listens at')
    time.sleep(0.3)
    assert anna.evaluate("bpy.context.window_manager.clipboard").splitlines() == [
        "Nobody listens at 192.0.2.7:12800: is the host connected, and is the port right?",
        "Code: CONNREFUSED",
        "ECONNREFUSED",
    ]


def why_grey(name: str) -> str:
    """What Blender answers to whoever calls an operator that cannot be called: it is the text in the button's tooltip."""
    try:
        getattr(bpy.ops.atrium, name)()
    except RuntimeError as error:
        return str(error)
    return "it is not grey"


def grey_buttons_say_why(anna: WindowedBlender) -> None:
    """While a room is joined, what the host can do otherwise has to wait."""
    for name in ("create_invite", "set_password", "revoke_invites"):
        assert "Atrium is busy: Joining the room “Set”. Wait for it, or cancel." in anna.call(why_grey, name)
    before = anna.evaluate("len(engine.sent)")
    anna.press("atrium.revoke_invites")
    anna.find("atrium.create_invite(")
    time.sleep(TOOLTIP_S)
    anna.picture(name_of(anna, "grey"))
    assert anna.evaluate("len(engine.sent)") == before


def sent(kind: str, times: int = 1) -> Iterator[None]:
    for _ in range(400):
        if sum(message["t"] == kind for message in engine.sent) >= times:
            return
        yield
    raise AssertionError(engine.sent)


def last(kind: str) -> dict[str, Any]:
    """What the engine was told last, of that kind."""
    return next(message for message in reversed(engine.sent) if message["t"] == kind)


def hosts_are_looked_for() -> Iterator[None]:
    for _ in range(400):
        if {"t": "discover", "on": True, "rooms": True} in engine.sent:
            return
        yield
    raise AssertionError(engine.sent)


def test_a_host_on_this_network_is_one_click_away(anna: WindowedBlender) -> None:
    anna.execute("bpy.context.preferences.system.use_online_access = True")
    anna.call(hosts_are_looked_for)  # the panel is there to be seen, and that is enough
    command = "sudo ufw allow proto udp from any port 12800 to any port 32768:60999"
    anna.call(tell, {"t": "hosts", "hosts": [], "firewall": {"tool": "ufw", "command": command}})
    anna.find(f'atrium.copy(text="{command}"')
    anna.picture(name_of(anna, "nobody-nearby"))
    host = {"name": "studio", "address": "192.0.2.7:12800", "key": "ab" * 32, "known": False}
    anna.call(tell, {"t": "hosts", "hosts": [host]})
    anna.find('atrium.connect_found(host="192.0.2.7:12800"')
    anna.picture(name_of(anna, "nearby"))
    room = {"id": "ab" * 16, "name": "Film", "users": 3, "bytes": 1, "blender": [3, 6, 0], "ready": True}
    known = {"name": "attic", "address": "192.0.2.8:12800", "key": "cd" * 32, "known": True, "rooms": [room]}
    known["rooms"][0]["blender"] = list(anna.evaluate("engine.blender"))
    anna.call(tell, {"t": "hosts", "hosts": [known, host]})
    its_room = f'atrium.connect_found(host="192.0.2.8:12800", room="{room["id"]}"'
    anna.find(its_room)
    anna.picture(name_of(anna, "rooms-nearby"))
    anna.press('atrium.connect_found(host="192.0.2.7:12800"')
    anna.call(state_is, "LOBBY")
    assert anna.evaluate("atrium().host") == "192.0.2.7:12800"
    anna.press("atrium.disconnect")
    anna.call(state_is, "OFFLINE")
    anna.execute("bpy.ops.mesh.primitive_cube_add(); bpy.ops.ed.undo_push()")
    anna.call(tell, {"t": "hosts", "hosts": [known, host]})
    anna.press(its_room)
    anna.call(state_is, "LOBBY")
    assert anna.evaluate("runtime.state().ask_unsaved") == room["id"], "unsaved work is asked about, as Join Room does"
    anna.press(f"atrium.join_room(name=\"{room['id']}\", unsaved='DISCARD'")
    anna.call(state_is, "JOINED")


def test_a_scene_can_be_shared_with_clicks_alone(anna: WindowedBlender) -> None:
    anna.call(hold_server)
    anna.press("atrium.host")
    anna.call(state_is, "CONNECTING")
    says(anna, "Looking for a server on this machine (SECONDS s)")
    anna.execute("start.phase = 'starting'")
    time.sleep(0.5)
    says(anna, "Starting a server on this machine (SECONDS s)")
    anna.execute("start.phase = 'ready'")
    anna.call(state_is, "LOBBY")
    anna.press("atrium.create_room")
    anna.call(state_is, "JOINED")
    what_does_not_fit_is_counted_and_can_be_copied(anna)
    anna.press("atrium.leave_room")
    anna.call(state_is, "LOBBY")
    assert anna.evaluate("sorted(o.name for o in bpy.data.objects)") == ["Camera", "Cube", "Light"]
    opening_a_file_in_a_room_offers_the_way_back(anna)
    anna.press("atrium.disconnect")
    anna.call(state_is, "OFFLINE")


def what_does_not_fit_is_counted_and_can_be_copied(anna: WindowedBlender) -> None:
    anna.call(not_everything_fits)
    anna.picture(name_of(anna, "not_taken"))
    for beginning, lines in (("Light: type", 2), ("Cube: attribute tiny", 1)):
        anna.press(f'atrium.copy(text="{beginning}')
        time.sleep(0.3)
        copied = anna.evaluate("bpy.context.window_manager.clipboard")
        assert copied.startswith(beginning) and len(copied.splitlines()) == lines


def nothing_is_under_way() -> Iterator[None]:
    while not runtime.state().task.done:
        yield


def opening_a_file_in_a_room_offers_the_way_back(anna: WindowedBlender) -> None:
    anna.call(nothing_is_under_way)
    anna.execute("bpy.ops.atrium.join_room(name='Set', unsaved='DISCARD')")
    anna.call(state_is, "JOINED")
    anna.call(open_empty_file)
    anna.call(state_is, "LOBBY")
    assert anna.evaluate("runtime.state().left.name") == "Set"
    anna.execute("atrium().room_index = 1")  # so that Join Room is about another one
    anna.picture(name_of(anna, "left"))
    anna.press(f'atrium.join_room(name="{"ab" * 16}"')  # Join Again
    anna.call(state_is, "JOINED")
    assert anna.evaluate("[o.name for o in bpy.data.objects]") == ["From the room"]
