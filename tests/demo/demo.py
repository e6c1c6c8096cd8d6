# SPDX-License-Identifier: MIT
"""`make demo`: three people with real Blenders edit one scene.

    python -m tests.demo.demo [--zip FILE] [--blender NAME] [--keep FOLDER]

First act, without windows: anna's Blender installs the packed add-on, hosts a
real scene, lets ben and cleo in and everybody edits; printed is what arrived
where in how many milliseconds, and whether all three hold the same scene at
the end, by a dump that shares no code with the add-on. Second act, where a
window is possible: the same with real clicks on the real panel, and pictures
of it in build/screenshots.

Blender is the one on PATH, if it is 4.2 or newer; else an official build as a
Python wheel, and with root Debian's builds, which have windows. The scene is
one of ATRIUM_SCENES or ../shared/scenes; else a small one is made.

The exit status is 0 when everything that could be shown here went well: all edits arrived, and all hold the same scene. An act
that this machine cannot have (no root, no window) is skipped with a loud line and fails nothing, unless none is left.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.blender import blenders, extension
from tests.blender.blenders import REPO, Blender
from tests.blender.inside import bpy
from tests.blender.party import Party, Person
from tests.blender.process import BlenderError
from tests.demo import edits, scene
from tests.fidelity import compare

OLDEST = (4, 2)
ROOM = "Demo"
EDIT_TIMEOUT_S = 30.0
WITHOUT_WINDOW = ("bpy45", "bpy50", "bpy42")
WITH_WINDOW = ("deb52", "deb43")


def say(text: str = "") -> None:
    print(text, flush=True)


@contextmanager
def timed(text: str) -> Iterator[None]:
    """Prints what is done, and how long it took."""
    begin = time.monotonic()
    print(f"  {text:<58}", end="", flush=True)
    try:
        yield
    except BaseException:
        print("failed", flush=True)
        raise
    print(f"{time.monotonic() - begin:6.2f} s", flush=True)


# --- which Blender -----------------------------------------------------------


def on_path(folder: Path) -> Blender | None:
    """The user's own Blender, wrapped as those of the cache are."""
    program = shutil.which("blender")
    if program is None:
        return None
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        say(f"  the Blender on PATH does not start ({error}); taking another")
        return None
    found = re.search(r"^Blender (\d+)\.(\d+)\.(\d+)", done.stdout, re.MULTILINE)
    if found is None or tuple(map(int, found.groups()))[:2] < OLDEST:
        say(f"  the Blender on PATH is older than {OLDEST[0]}.{OLDEST[1]}; taking another")
        return None
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "blender").symlink_to(program)
    (folder / "version").write_text(".".join(found.groups()))
    return Blender("path", folder)


def get(names: tuple[str, ...]) -> Blender | None:
    """The first of these that is there; else the first that can be got."""
    for name in names:
        if blenders.why_missing(name) is None:
            return blenders.find(name)
    for name in names:
        subprocess.run([REPO / "tests/setup/blenders.sh", name], check=False)
        if blenders.why_missing(name) is None:
            return blenders.find(name)
    return None


def why_no_window() -> str:
    return "no such Blender could be got (see above)" if os.geteuid() == 0 else "needs root, or a Blender on PATH"


# --- sent to Blender ---------------------------------------------------------


def dump_scene(repo: str, path: str) -> None:
    if repo not in sys.path:
        sys.path.insert(0, repo)
    from tests.fidelity.dump import dump

    dump(path)


def contents() -> list[int]:
    return [len(bpy.context.scene.objects), sum(len(m.vertices) for m in bpy.data.meshes)]


def redraw_ms() -> float:
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        begin = time.monotonic()
        bpy.ops.wm.redraw_timer(type="DRAW_WIN", iterations=3)
        return (time.monotonic() - begin) / 3 * 1000


# --- acts --------------------------------------------------------------------


def everybody_edits(people: list[Person]) -> None:
    """Each edit is made by another person, and all others are waited for."""
    target = people[0].call(edits.first_mesh_object)
    say("\n  milliseconds from an edit until the others' Blenders show it:")
    for turn, edit in enumerate(edits.all_edits(target)):
        who = people[turn % len(people)]
        others = [person for person in people if person is not who]
        numbers = [other.send(edit.see, *edit.args) for other in others]
        begin = who.call(edit.do, *edit.args)
        seen = []
        for other, number in zip(others, numbers, strict=True):
            end = other.wait(number, timeout=EDIT_TIMEOUT_S)
            seen.append(f"{other.name} {(end - begin) * 1000:6.1f}")
        say(f"    {who.name:5} {edit.title:40} {'   '.join(seen)}")


def compare_all(people: list[Person], folder: Path) -> set[str]:
    """Everybody's scene, dumped and compared with the first one's; the kinds
    of values that differ."""
    for person in people:
        person.flush()
    for person in people:
        person.call(dump_scene, str(REPO), str(folder / f"dump-{person.name}"), timeout=300)
    different: set[str] = set()
    for other in people[1:]:
        first = folder / f"dump-{people[0].name}"
        report = compare.compare(first, folder / f"dump-{other.name}")
        different |= {difference.kind for difference in report.differences}
        say(
            f"  {people[0].name} and {other.name}: {report.values:,} values compared, "
            f"{len(report.differences)} different"
        )
        for line in list(compare.lines(report, 5))[:8] if report.differences else []:
            say(f"    {line}")
    return different


def without_windows(blender: Blender, zip_file: Path, folder: Path) -> set[str]:
    say(f"\nWithout windows: Blender {blender.version_text} for everybody")
    with Party(folder / "act1", zip_file) as party:
        with timed("anna installs the add-on and starts Blender"):
            anna = party.invite(blender, "anna")
        with timed("anna opens the scene"):
            title = scene.open_or_make(anna)
        objects, vertices = anna.call(contents)
        say(f"    {title}: {objects} objects, {vertices:,} vertices")
        with timed("anna hosts: a server starts, a room is made of the scene"):
            anna.host(ROOM, timeout=300)
        people = [anna]
        for name in ("ben", "cleo"):
            with timed(f"{name} installs the add-on and starts Blender"):
                person = party.invite(blender, name)
            with timed(f"{name} knocks, and anna lets them in"):
                told = person.connect(let_in_by=anna)
            say(f"    anna saw the name {told[0]} and the check code {told[1]}")
            with timed(f"{name} joins"):
                person.join(ROOM, timeout=300)
            people.append(person)
        everybody_edits(people)
        say("\n  at rest:")
        return compare_all(people, folder)


def pictures(people: list[Person], moment: str) -> None:
    for person in people:
        path = person.window.picture(f"demo_{person.name}_{moment}")
        say(f"    {path.relative_to(REPO)}")


def with_windows(blender: Blender, zip_file: Path, folder: Path) -> set[str]:
    say(f"\nWith windows, real clicks on the panel: Blender {blender.version_text}")
    with Party(folder / "act2", zip_file) as party:
        people: list[Person] = []
        for name in ("anna", "ben"):
            with timed(f"{name} installs the add-on and starts Blender"):
                person = party.invite(blender, name, window=True)
                people.append(person)
                person.window.open_sidebar("Atrium")
                person.window.widen_sidebar(120)
        anna, ben = people
        with timed("anna clicks Host"):
            title = scene.open_or_make(anna)
            anna.window.open_sidebar("Atrium")
            click_until(anna, "atrium.host", ["LOBBY"])
        with timed(f"anna clicks Create Room for {title}"):
            click_until(anna, "atrium.create_room", ["JOINED"])
        with timed("ben types the address and clicks Connect"):
            ben.window.write("atrium.host", f"127.0.0.1:{party.port}")
            click_until(ben, "atrium.connect", ["KNOCKING", "LOBBY"])
            anna.call(wait_for_knock)
        pictures(people, "knocking")
        with timed("anna clicks Let In for Good"):
            key = anna.blender.evaluate("bpy.context.window_manager.atrium.knocks[0].key")
            anna.window.press(f'atrium.admit(key="{key}", remember=True')
            ben.call(wait_for_lobby)
        with timed("ben clicks Join Room"):
            click_until(ben, "atrium.join_room", ["JOINED"])
        everybody_edits(people)
        for person in people:
            took_ms = person.call(redraw_ms)
            say(f"    (drawn in software, {person.name}'s window takes {took_ms:.0f} ms for each redraw)")
        pictures(people, "together")
        say("\n  at rest:")
        return compare_all(people, folder)


def wait_for_knock() -> Any:
    while not bpy.context.window_manager.atrium.knocks:
        yield


def wait_for_lobby() -> Any:
    while bpy.context.window_manager.atrium.state != "LOBBY":
        yield


def wait_for_any(states: list[str]) -> Any:
    atrium = bpy.context.window_manager.atrium
    while atrium.state not in states:
        if atrium.error:
            raise RuntimeError(f"{atrium.state} instead of {states}: {atrium.error}")
        yield
        atrium = bpy.context.window_manager.atrium


def click_until(person: Person, button: str, states: list[str]) -> None:
    person.window.press(button)
    person.call(wait_for_any, states, timeout=120)


def zip_of(option: Path | None) -> Path:
    if option is not None:
        return option.resolve()
    with timed("builds the engine and packs the add-on"):
        return extension.build()


def main() -> int:
    parser = argparse.ArgumentParser(description="Three people edit one scene in real Blenders.")
    parser.add_argument("--zip", type=Path, help="the packed add-on (default: packs it)")
    parser.add_argument("--blender", help=f"one of {', '.join(blenders.ALL)} for both acts")
    parser.add_argument("--keep", type=Path, help="folder for logs and dumps")
    options = parser.parse_args()
    say("Atrium demo")
    zip_file = zip_of(options.zip)
    with tempfile.TemporaryDirectory(prefix="atrium-demo-") as temporary:
        folder = (options.keep or Path(temporary)).resolve()
        chosen = (options.blender,) if options.blender else None
        own = None if chosen else on_path(folder / "path-blender")
        plain = own or get(chosen or WITHOUT_WINDOW)
        windowed = own or get(chosen or WITH_WINDOW)
        results: list[set[str] | None] = []
        if plain is None:
            say("************ SKIPPED: no Blender can be had here (see above)")
        else:
            results.append(attempt(without_windows, plain, zip_file, folder))
        if windowed is None:
            say(f"************ SKIPPED: NO WINDOW: {why_no_window()}")
        elif windowed.missing_for_window is not None:
            say(f"************ SKIPPED: NO WINDOW: {windowed.missing_for_window}")
        else:
            results.append(attempt(with_windows, windowed, zip_file, folder))
    return verdict(results)


def attempt(act: Callable[[Blender, Path, Path], set[str]], *args: Any) -> set[str] | None:
    """What differs in the end; None where the act broke off. The other act is shown all the same."""
    try:
        return act(*args)
    except (BlenderError, OSError, subprocess.SubprocessError) as error:
        say(f"\n************ FAILED: {error}")
        return None


def verdict(results: list[set[str] | None]) -> int:
    """The last words, and the exit status."""
    different = sorted(set().union(*(result for result in results if result)))
    if not results:
        say("\nNothing could be shown.")
    elif None in results:
        say("\nThe demo FAILED (see above).")
    elif different:
        say(f"\nAll edits arrived, but the scenes are NOT the same everywhere: {', '.join(different)}.")
    else:
        say("\nAll edits arrived, and all Blenders hold the same scene.")
    return 0 if results and None not in results and not different else 1


if __name__ == "__main__":
    os.chdir(REPO)
    sys.exit(main())
