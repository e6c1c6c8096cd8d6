# SPDX-License-Identifier: MIT
"""Makes the pictures of the documentation, from two real windows in one room.

    build/venv/bin/python -m tests.addon.screenshots [--language es] [--only start,hosting] [--out FOLDER] [SCENE.blend]

`make pictures` does it in both languages. Nothing in them is drawn by hand: when the panel changes, running this again
brings the pictures up to date. They are written to docs/images (those in Spanish to docs/images/es), with few colours
so that the repository stays small.

A host's panel shows the machine's networks. So that it shows the same ones wherever this is run, and asks nobody's
router, the script enters a network of its own, as root: a Wi-Fi, a VPN, and a router that does not answer.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.addon.together import find_zip
from tests.blender import blenders
from tests.blender.blenders import REPO
from tests.blender.inside import bpy
from tests.blender.party import Party, Person

IMAGES = REPO / "docs" / "images"
PORT = 12800  # free in a network of one's own

# name of the interface, address; its other end lies in the same network and takes what is sent
VPN = "ztatrium"
NETWORK = (("wlp3s0", "192.168.0.48/24"), (VPN, "10.147.17.3/16"))
WHEEL_UP, WHEEL_DOWN = 4, 5
INSIDE = "ATRIUM_SCREENSHOTS_INSIDE"


def open_scene(path: str) -> None:
    bpy.ops.wm.open_mainfile(filepath=path, load_ui=False)


def look_at_all() -> None:
    """Everything in view, as materials look, with smooth lines."""
    bpy.context.preferences.system.viewport_aa = "8"
    window = bpy.context.window_manager.windows[0]
    for area in window.screen.areas:
        if area.type == "VIEW_3D":
            area.spaces.active.shading.type = "SOLID"
            area.spaces.active.shading.color_type = "MATERIAL"
            region = next(r for r in area.regions if r.type == "WINDOW")
            with bpy.context.temp_override(window=window, area=area, region=region):
                bpy.ops.view3d.view_all(use_all_regions=False)


def allow_online() -> None:
    bpy.context.preferences.system.use_online_access = True


def state_is(wanted: str) -> Iterator[None]:
    while bpy.context.window_manager.atrium.state != wanted:
        yield


def somebody_knocks() -> Iterator[None]:
    while not bpy.context.window_manager.atrium.knocks:
        yield


def reach_is_known() -> Iterator[None]:
    import sys

    runtime = next(m for name, m in sys.modules.items() if name.endswith("atrium.session.runtime"))
    while not runtime.state().reach or any(entry["state"] == "checking" for entry in runtime.state().reach):
        yield


def no_vpn_is_left() -> Iterator[None]:
    import sys

    runtime = next(m for name, m in sys.modules.items() if name.endswith("atrium.session.runtime"))
    while any(entry.get("audience") == "vpn" for entry in runtime.state().reach):
        yield


def speak(language: str) -> None:
    view = bpy.context.preferences.view
    view.language = language
    view.use_translate_interface = view.use_translate_tooltips = view.use_translate_reports = True


def enter_network() -> None:
    """Runs this script anew in a network of its own, and ends."""
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", "--net", sys.executable, "-m", "tests.addon.screenshots", *sys.argv[1:]])


def make_network() -> None:
    def ip(*arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True)

    ip("link", "set", "lo", "up")
    for name, address in NETWORK:
        ip("link", "add", name, "type", "veth", "peer", "name", f"{name}-peer")
        ip("addr", "add", address, "dev", name)
        for end in (name, f"{name}-peer"):
            ip("link", "set", end, "addrgenmode", "none")  # no link-local addresses, which differ each time
            ip("link", "set", end, "up")
    ip("route", "add", "default", "via", "192.168.0.1")


class Pictures:
    """Those that are wanted, in one language."""

    def __init__(self, language: str, only: str, folder: Path) -> None:
        self.language = language
        self._folder = folder / language if language != "en" else folder
        self._only = set(only.split(",")) if only else set()

    def take(self, person: Person, name: str, area: str = "") -> None:
        if not self._only or name in self._only:
            take(person, name, area, self._folder / f"{name}.png")


def take(person: Person, name: str, area: str, out: Path) -> None:
    person.window.screen.move(400, 650)  # away from the panel: no tooltip, nothing highlighted
    time.sleep(0.5)
    picture = person.window.picture(f"docs_{name}")
    out.parent.mkdir(parents=True, exist_ok=True)
    # Blender's own messages stand in the lowest line and have nothing to do with us.
    crop = ["-crop", area, "+repage"] if area else ["-resize", "1280x", "-crop", "1280x776+0+0", "+repage"]
    subprocess.run(["convert", str(picture), *crop, "-dither", "None", "-colors", "128", f"png8:{out}"], check=True)
    print(out, f"{out.stat().st_size // 1000} kB")


def panel_area(person: Person, height: int, below: int = 0) -> str:
    """So high, from so far below the sidebar's upper end."""
    from tests.blender.window import sidebar_place

    place = person.call(sidebar_place)
    return f"{int(place['width'])}x{height}+{int(place['x'])}+{int(place['top']) + below}"


def scroll_sidebar(person: Person, button: int) -> None:
    """As far as there is something to see."""
    from tests.blender.window import sidebar_place

    place = person.call(sidebar_place)
    for _ in range(12):
        person.window.screen.click(place["x"] + place["width"] / 2, place["top"] + 20, button)


def visit(party: Party, scene: str, pictures: Pictures) -> None:
    blender = blenders.find("deb52") or blenders.find("deb43")
    assert blender is not None, "no Blender with a window: run tests/setup/blenders.sh deb52"
    people = [party.invite(blender, name, window=True) for name in ("anna", "ben")]
    anna, ben = people
    for person in people:
        person.call(allow_online)
        person.call(speak, "es" if pictures.language == "es" else "en_US")
    if scene:
        anna.call(open_scene, scene)
    for person in people:
        person.window.open_sidebar("Atrium")
        person.window.widen_sidebar(110)
    pictures.take(anna, "start", panel_area(anna, 230))
    anna.window.press("atrium.host(")
    anna.call(state_is, "LOBBY")
    anna.call(reach_is_known, timeout=60)
    pictures.take(anna, "hosting", panel_area(anna, 632))
    anna.operate("atrium.create_room", name="Studio")
    anna.call(state_is, "JOINED", timeout=120)
    # Nobody far away can come any more: the panel says why, unasked.
    subprocess.run(["ip", "link", "del", VPN], check=True)
    anna.call(no_vpn_is_left, timeout=60)
    scroll_sidebar(anna, WHEEL_DOWN)
    pictures.take(anna, "router", panel_area(anna, 392, below=240))
    scroll_sidebar(anna, WHEEL_UP)
    ben.window.write("atrium.host", f"127.0.0.1:{party.port}")
    ben.window.press("atrium.connect")
    anna.call(somebody_knocks)
    pictures.take(anna, "knock", panel_area(anna, 404))
    anna.window.press("atrium.admit")
    ben.call(state_is, "LOBBY")
    pictures.take(ben, "rooms", panel_area(ben, 420))
    ben.operate("atrium.join_room", name="Studio", unsaved="DISCARD")
    ben.call(state_is, "JOINED", timeout=120)
    for person in people:
        person.call(look_at_all)
        person.window.open_sidebar("Atrium")
    if pictures.language == "en":  # it stands in the README
        pictures.take(ben, "together")


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes the pictures of the documentation.")
    parser.add_argument("scene", nargs="?", default="", help="what Anna has open; else Blender's own cube")
    parser.add_argument("--language", choices=("en", "es"), default="en")
    parser.add_argument("--only", default="", help="names of pictures, with commas between them; else all")
    parser.add_argument("--out", type=Path, default=IMAGES, help="folder of the pictures; else docs/images")
    arguments = parser.parse_args()
    if not os.environ.get(INSIDE):
        os.environ["ATRIUM_ZIP"] = str(find_zip())  # building may need the real network
        enter_network()
    make_network()
    with tempfile.TemporaryDirectory() as folder, Party(Path(folder), find_zip()) as party:
        party.port = PORT
        scene = shutil.copy(arguments.scene, folder) if arguments.scene else ""  # Blender sees the party's folder alone
        visit(party, scene, Pictures(arguments.language, arguments.only, arguments.out.absolute()))


if __name__ == "__main__":
    main()
