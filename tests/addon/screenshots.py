# SPDX-License-Identifier: MIT
"""Makes the pictures of the documentation, from two real windows in one room.

    build/venv/bin/python -m tests.addon.screenshots [SCENE.blend]

Nothing in them is drawn by hand: when the panel changes, running this again brings the pictures up to date. They are
written to docs/images, with few colours so that the repository stays small.
"""

from __future__ import annotations

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


def open_scene(path: str) -> None:
    bpy.ops.wm.open_mainfile(filepath=path, load_ui=False)


def look_at_all() -> None:
    """Everything in view, as materials look."""
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


def take(person: Person, name: str, area: str = "") -> None:
    person.window.screen.move(400, 650)  # away from the panel: no tooltip, nothing highlighted
    time.sleep(0.5)
    picture = person.window.picture(f"docs_{name}")
    IMAGES.mkdir(parents=True, exist_ok=True)
    # Blender's own messages stand in the lowest line and have nothing to do with us.
    crop = ["-crop", area, "+repage"] if area else ["-resize", "1280x", "-crop", "1280x776+0+0", "+repage"]
    out = IMAGES / f"{name}.png"
    subprocess.run(["convert", str(picture), *crop, "-dither", "None", "-colors", "128", f"png8:{out}"], check=True)
    print(out.relative_to(REPO), f"{out.stat().st_size // 1000} kB")


def panel_area(person: Person, height: int) -> str:
    from tests.blender.window import sidebar_place

    place = person.call(sidebar_place)
    return f"{int(place['width'])}x{height}+{int(place['x'])}+{int(place['top'])}"


def visit(party: Party, scene: str) -> None:
    blender = blenders.find("deb52") or blenders.find("deb43")
    assert blender is not None, "no Blender with a window: run tests/setup/blenders.sh deb52"
    people = [party.invite(blender, name, window=True) for name in ("anna", "ben")]
    anna, ben = people
    for person in people:
        person.call(allow_online)
    if scene:
        anna.call(open_scene, scene)
    for person in people:
        person.window.open_sidebar("Atrium")
        person.window.widen_sidebar(110)
    take(anna, "start", panel_area(anna, 200))
    anna.window.press("atrium.host")
    anna.call(state_is, "LOBBY")
    take(anna, "hosting", panel_area(anna, 560))
    anna.operate("atrium.create_room", name="Studio")
    anna.call(state_is, "JOINED", timeout=120)
    ben.window.write("atrium.host", f"127.0.0.1:{party.port}")
    ben.window.press("atrium.connect")
    anna.call(somebody_knocks)
    take(anna, "knock", panel_area(anna, 404))
    anna.window.press("atrium.admit")
    ben.call(state_is, "LOBBY")
    take(ben, "rooms", panel_area(ben, 420))
    ben.operate("atrium.join_room", name="Studio", unsaved="DISCARD")
    ben.call(state_is, "JOINED", timeout=120)
    for person in people:
        person.call(look_at_all)
        person.window.open_sidebar("Atrium")
    take(ben, "together")


def main() -> None:
    scene = sys.argv[1] if len(sys.argv) > 1 else ""
    with tempfile.TemporaryDirectory() as folder, Party(Path(folder), find_zip()) as party:
        if scene:  # Blender runs in a folder of its own and sees the party's
            scene = shutil.copy(scene, folder)
        visit(party, scene)


if __name__ == "__main__":
    main()
