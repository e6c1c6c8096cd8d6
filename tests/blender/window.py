# SPDX-License-Identifier: MIT
"""A real Blender with a real window, used as a person uses it.

    with WindowedBlender(blenders.find("deb52"), tmp_path, "anna") as anna:
        anna.open_sidebar("Atrium")
        anna.write("atrium.host", "localhost")
        anna.press("atrium.connect")
        anna.picture("anna_connected")

Blender does not tell where it drew a button. So the pointer is moved over the
sidebar, and at each point Blender is asked what is under it: the operators
behind "Copy Python Command" and the context member `property` answer for the
button that the pointer highlights. That needs no pixel positions, fonts or
colours, holds for any layout, theme and scale, and finds only what a person
could hover over. Buttons that are greyed out answer too; pressing one does
nothing, and its tooltip, in a picture, says why.

Each such question makes Blender draw its window anew, in software: that is
most of the processor's time that a test takes. So it is asked only once Blender
has seen the motion, no button is met twice without need, and where a
button was seen before is looked first.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.blender.blenders import Blender
from tests.blender.inside import bpy
from tests.blender.process import BlenderError, BlenderProcess
from tests.blender.screen import Screen

SETTLE_S = 0.02
"""How long Blender gets after a motion that it has seen, from the second attempt on; doubled with each,
because a busy machine needs longer."""
MOTION_ROUNDS = 100
"""Of Blender's main loop, in which it has to see a motion: half a second of one that is not busy."""
ATTEMPTS = 3
ROW_STEPS = (0.9, 0.45)
"""Of the height of a button: at the first attempt each is met at least once, later twice."""
COLUMNS = (0.5, -2.3, 0.15, 0.85, 0.3, 0.7, 0.06, 0.93, 0.97)
"""Where in the width of the sidebar to look, likeliest first; below 0 in heights of a button from its right edge, where icons stand."""
HEIGHT_BELOW = 18
"""So many heights of a button without one, half of a usual sidebar, are its end: what a host reads of his router is that long."""
SIZE = (1280, 800)
"""Software GL takes its time per pixel, and two windows share the machine."""
NEAR_ROWS = 8
"""So far up and down from where a button was it is looked for before anywhere else."""
TAB_STRIP = 0.1
"""Share of the sidebar's width that its tabs take, at the right."""


@dataclass(frozen=True)
class Button:
    """What lies under one point of the screen."""

    command: str
    """As "Copy Python Command" gives it: 'bpy.ops.atrium.connect()'; or ""."""
    path: str
    """Data path of the property from its ID, e.g. "atrium.host"; or ""."""
    x: float
    y: float

    def is_for(self, wanted: str) -> bool:
        """`wanted` is the beginning of a call with its parenthesis, such as
        "atrium.connect(" or "atrium.join_room(name='A')", or a property's path."""
        if "(" in wanted:
            return self.command.removeprefix("bpy.ops.").startswith(wanted)
        # Blender 4.3 names properties of an add-on's group by their last part only.
        return self.path != "" and (wanted == self.path or wanted.endswith("." + self.path))

    def is_alone(self, wanted: str) -> bool:
        """Whether there is no other button for that, of which the topmost would be meant."""
        return bool(self.path) or self.command.endswith("()") or "=" in wanted


# Where the tests of this process have found their buttons (test, window, how many before, what): how far to the left of the sidebar's right
# edge, and below its top.
_places: dict[tuple[Any, ...], tuple[float, float]] = {}

# --- sent to Blender ---------------------------------------------------------


def sidebar_of() -> Any:
    window = bpy.context.window_manager.windows[0]
    area = next(a for a in window.screen.areas if a.type == "VIEW_3D")
    region = next(r for r in area.regions if r.type == "UI")
    return window, area, region


def show_tab(tab: str) -> Iterator[None]:
    _, area, region = sidebar_of()
    area.spaces.active.show_region_ui = True
    for _ in range(200):
        # A tab can be chosen once the sidebar was drawn with it.
        try:
            region.active_panel_category = tab
        except (AttributeError, TypeError):
            pass
        area.tag_redraw()
        yield
        if region.active_panel_category == tab and region.width > 1:
            return
    raise LookupError(f"the sidebar shows no tab {tab!r} but {region.active_panel_category!r}")


def sidebar_place() -> dict[str, float]:
    window, _, region = sidebar_of()
    return {
        "x": region.x,
        "top": window.height - region.y - region.height,
        "width": region.width,
        "height": region.height,
        "row": 20 * bpy.context.preferences.system.ui_scale,
    }


def sidebar_is_wider(before: float, rounds: int) -> Generator[None, None, bool]:
    """Soon; the motions of a busy machine come late."""
    for _ in range(rounds):
        if sidebar_of()[2].width > before:
            return True
        yield
    return False


def define_pointer() -> None:
    """An operator that is invoked gets the last event that Blender has handled, wherever it is invoked from."""

    class TRIED_OT_pointer(bpy.types.Operator):  # type: ignore[misc]
        bl_idname = "tried.pointer"
        bl_label = "Pointer"
        bl_options = {"INTERNAL"}

        def invoke(self, context, event):
            globals()["pointer"] = [event.mouse_x, event.mouse_y]
            return {"FINISHED"}

    bpy.utils.register_class(TRIED_OT_pointer)


def under_pointer(x: int, y: int, rounds: int) -> Generator[None, None, list[str]]:
    """What is at that point of the screen, once Blender has seen the pointer there; after so many rounds in any case."""
    window, area, region = sidebar_of()
    for _ in range(rounds):
        with bpy.context.temp_override(window=window):
            bpy.ops.tried.pointer("INVOKE_DEFAULT")
        if globals()["pointer"] == [x, window.height - 1 - y]:
            break
        yield
    yield  # drawn with what the motion has changed
    command = path = ""
    with bpy.context.temp_override(window=window, area=area, region=region):
        manager = bpy.context.window_manager
        if bpy.ops.ui.copy_python_command_button.poll():
            before = manager.clipboard
            bpy.ops.ui.copy_python_command_button()
            command = manager.clipboard
            manager.clipboard = before
        found = getattr(bpy.context, "property", None)
        if found is not None:
            path = found[1]
    return [command, path]


def set_clipboard(text: str) -> None:
    bpy.context.window_manager.clipboard = text


def redraw_all() -> Iterator[None]:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            area.tag_redraw()
    for _ in range(10):
        yield


# --- the test's side ---------------------------------------------------------


class WindowedBlender(BlenderProcess):
    """A Blender on a screen of its own."""

    def __init__(self, blender: Blender, folder: Path, label: str = "window", **options: Any) -> None:
        self.screen = Screen(*options.pop("size", SIZE))
        self._seen: dict[tuple[str, str], Button] = {}
        self._finds = 0
        arguments = ["--window-geometry", "0", "0", str(self.screen.width), str(self.screen.height)]
        arguments += options.pop("arguments", [])
        try:
            super().__init__(blender, folder, label, display=self.screen.display, arguments=arguments, **options)
            self.define(sidebar_of)
            self.call(define_pointer)
        except BaseException:
            self.screen.close()
            raise

    def kill(self) -> None:
        super().kill()
        self.screen.close()

    def open_sidebar(self, tab: str) -> None:
        """Shows the 3D editor's sidebar with that tab in front."""
        self.call(show_tab, tab)
        self.call(redraw_all)

    def widen_sidebar(self, pixels: int) -> None:
        """Drags the sidebar's edge to the left, for readable pictures. Where
        the edge can be grabbed differs by some pixels between versions."""
        before = self.call(sidebar_place)["width"]
        for inside in (6, 3, 9, 0):
            place = self.call(sidebar_place)
            x, y = place["x"] + inside, place["top"] + 3 * place["row"]
            self.look_at(x, y)
            self.screen.drag(x, y, x - pixels, y)
            if self.call(sidebar_is_wider, before, MOTION_ROUNDS):
                self.call(redraw_all)
                return
        raise BlenderError(f"{self.label}: the sidebar's edge cannot be dragged")

    def find(self, wanted: str, attempts: int = ATTEMPTS) -> Button:
        """Moves the pointer over the sidebar until it is over that button."""
        self._finds += 1
        # Tests differ by what is in brackets only in the Blender, or the language.
        test = os.environ.get("PYTEST_CURRENT_TEST", "").partition("[")[0]
        place = self.call(sidebar_place)
        lookup = (test, self.folder.name, self._finds, wanted)
        right, top = place["x"] + place["width"], place["top"]
        left, below = _places.get(lookup, (0.0, 0.0))
        points = [(right - left, top + below)] if lookup in _places else []
        button = self._find_known(wanted, points) or self._find_anywhere(wanted, attempts)
        if button.is_alone(wanted):
            _places[lookup] = (right - button.x, button.y - top)
        return button

    def _find_known(self, wanted: str, points: list[tuple[float, float]]) -> Button | None:
        """Where it was in this window, else where it was found in another Blender, else near where it was in this window."""
        moved = []
        for known in sorted((b for b in self._seen.values() if b.is_for(wanted)), key=lambda button: button.y):
            if self._is_stable(known):
                return known
            del self._seen[known.command, known.path]
            moved.append(known)
        found = self._first_of(wanted, points)
        if found is None and moved and moved[0].is_alone(wanted):
            return self._near(wanted, moved[0])
        return found

    def _near(self, wanted: str, known: Button) -> Button | None:
        place = self.call(sidebar_place)
        step = place["row"] * ROW_STEPS[0]
        rows = [known.y + side * n * step for n in range(1, NEAR_ROWS) for side in (1, -1)]
        inside = [y for y in rows if place["top"] < y < place["top"] + place["height"]]
        return self._first_of(wanted, [(known.x, y) for y in inside])

    def _first_of(self, wanted: str, points: list[tuple[float, float]]) -> Button | None:
        for x, y in points:
            button = self.look_at(x, y)
            if button.command or button.path:
                self._seen[button.command, button.path] = button
            if button.is_for(wanted) and self._is_stable(button):
                return button
        return None

    def _find_anywhere(self, wanted: str, attempts: int) -> Button:
        seen: set[str] = set()
        for attempt in range(attempts):
            for button in self._sweep(ROW_STEPS[min(attempt, 1)], SETTLE_S * 2**attempt if attempt else 0):
                seen.add(button.command or button.path)
                self._seen[button.command, button.path] = button
                if button.is_for(wanted) and self._is_stable(button):
                    return button
        self.picture(f"not_found_{self.folder.name}")
        raise BlenderError(f"{self.label}: no button {wanted!r} in the sidebar; seen: {sorted(seen)}")

    def _sweep(self, row_step: float, settle_s: float) -> Iterator[Button]:
        """All points of the sidebar that show a button, column by column."""
        place = self.call(sidebar_place)
        step = place["row"] * row_step
        bottom = int(place["height"] / step)
        rows_below = int(HEIGHT_BELOW / row_step)
        lowest = -1
        for row, button in self._column(place, COLUMNS[0], step, bottom, settle_s):
            if button is not None:
                lowest = row
                yield button
            elif row > lowest + rows_below:
                break
        if lowest < 0:
            # An open pop-up, such as that of an error, takes all motions.
            self.screen.key("Escape")
            return
        for column in COLUMNS[1:]:
            for _, button in self._column(place, column, step, min(bottom, lowest + rows_below), settle_s):
                if button is not None:
                    yield button

    def _column(
        self, place: dict[str, float], column: float, step: float, bottom: int, settle_s: float
    ) -> Iterator[tuple[int, Button | None]]:
        width = place["width"]
        x = place["x"] + (width * (1 - TAB_STRIP) * column if column > 0 else width + column * place["row"])
        for row in range(bottom):
            button = self.look_at(x, place["top"] + (row + 0.5) * step, settle_s)
            yield row, button if button.command or button.path else None

    def look_at(self, x: float, y: float, settle_s: float = 0) -> Button:
        """What Blender says is under that point of the screen."""
        self.screen.move(x, y)
        time.sleep(settle_s)
        command, path = self.call(under_pointer, int(x), int(y), MOTION_ROUNDS)
        return Button(command, path, x, y)

    def _is_stable(self, button: Button) -> bool:
        """Blender may have answered for the point before: look once more."""
        again = self.look_at(button.x, button.y, 0.15)
        return (again.command, again.path) == (button.command, button.path)

    def press(self, operator: str) -> None:
        """Clicks the button of that operator, e.g. "atrium.connect"; several
        buttons of one operator differ by their arguments: "tried.press(number=2"."""
        button = self.find(operator if "(" in operator else operator + "(")
        self.screen.click(button.x, button.y)

    def write(self, path: str, text: str) -> None:
        """Clicks the text field of that property, replaces what it holds and
        confirms. What an English keyboard lacks is pasted, as people do."""
        button = self.find(path)
        self.screen.click(button.x, button.y)
        time.sleep(0.2)
        self.screen.key("ctrl+a")
        if text.isascii():
            self.screen.type(text)
        else:
            self.call(set_clipboard, text)
            self.screen.key("ctrl+v")
        self.screen.key("Return")
        time.sleep(0.2)

    def picture(self, name: str) -> Path:
        """Saves the screen as build/screenshots/NAME.png."""
        self.call(redraw_all)
        time.sleep(0.3)
        return self.screen.picture(name)
