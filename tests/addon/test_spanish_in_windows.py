# SPDX-License-Identifier: MIT
"""A visit in Spanish, in a real window: host, create a room, copy the invite by which somebody comes, see the list of rooms, fail to connect.

That every text has a translation is what test_translations.py shows; here Blender itself looks them up, as it draws: a text that is put together in
the wrong order, drawn in another context, or never asked for stands there in English. What the panels draw is noted down on its way to Blender, which
is asked for the same words that it shows; the pictures are for eyes.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from atrium import Client
from tests.addon.screenshots import allow_online, speak
from tests.addon.test_guests_in_windows import clipboard_begins, error_says, users_are
from tests.addon.test_panel import state_is
from tests.addon.test_translations import load
from tests.addon.windows import atrium
from tests.blender import blenders
from tests.blender.inside import bpy
from tests.blender.party import Party, Person
from tests.blender.window import sidebar_of

WORDS_MIN = 4  # of an English sentence that is looked for in the midst of others; "Show" may be anything


# --- sent to Blender -------------------------------------------------------------------------------------------------------


def note_what_is_drawn() -> None:
    """Each panel draws into a layout that writes down the texts, as Blender will show them, and passes everything on."""
    look_up = bpy.app.translations.pgettext_iface
    notes: list[str] = []

    def operator_text(name: str) -> str:
        group, _, operator = name.partition(".")
        rna = getattr(getattr(bpy.ops, group), operator).get_rna_type()
        return str(look_up(rna.name, "Operator"))

    def note(kind: str, arguments: Any, named: Any) -> None:
        text = named.get("text")
        if text:
            context = {"operator": "Operator"}.get(kind, "*")
            notes.append(text if named.get("translate") is False else look_up(text, context))
        elif kind == "operator" and text is None:
            notes.append(operator_text(arguments[0]))
        elif kind == "prop" and text is None:
            data, name = arguments[:2]
            notes.append(look_up(data.bl_rna.properties[name].name))

    class Noted:
        def __init__(self, real: Any) -> None:
            self.__dict__["real"] = real

        def __setattr__(self, name: str, value: Any) -> None:
            setattr(self.real, name, value)

        def __getattr__(self, name: str) -> Any:
            what = getattr(self.real, name)
            if not callable(what):
                return what

            def call(*arguments: Any, **named: Any) -> Any:
                note(name, arguments, named)
                out = what(*arguments, **named)
                return Noted(out) if isinstance(out, bpy.types.UILayout) else out

            return call

    class Drawn:
        def __init__(self, panel: Any) -> None:
            self.panel, self.layout = panel, Noted(panel.layout)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.panel, name)

    def watch(panel: Any) -> None:
        draw = panel.draw

        def draw_noted(self: Any, context: Any) -> None:
            notes.append(look_up(panel.bl_label))
            draw(Drawn(self), context)

        panel.draw = draw_noted

    for panel in bpy.types.Panel.__subclasses__():
        for one in [panel, *panel.__subclasses__()]:
            if one.__name__.startswith("ATRIUM_PT_"):
                watch(one)
    globals()["notes"] = notes


def drawn() -> Generator[None, None, list[str]]:
    notes = globals()["notes"]
    notes.clear()
    sidebar_of()[2].tag_redraw()
    while not notes:
        yield
    return list(notes)


def rooms_are(count: int) -> Iterator[None]:
    while len(atrium().rooms) != count:
        yield


# --- the test's side -------------------------------------------------------------------------------------------------------


def english() -> list[re.Pattern[str]]:
    """What must not be read: each text that is another one in Spanish, alone, or a sentence in the midst of others, with anything in its fields."""
    module = load("es")
    found = []
    for text, spanish in [*module.TEXTS.items(), *module.BUTTONS.items()]:
        if text == spanish:
            continue
        pattern = ".+".join(re.escape(part) for part in re.split(r"\{[^}]*\}", text))
        is_sentence = len(re.sub(r"\{[^}]*\}", "", text).split()) >= WORDS_MIN
        found.append(re.compile(pattern if is_sentence else f"(?m)^{pattern}$"))
    return found


ENGLISH = english()


def reads(person: Person, picture: str, *wanted: str) -> None:
    """All of it is Spanish, and that is among it. A paragraph is drawn line by line."""
    lines = person.call(drawn)
    person.window.picture(f"spanish_{picture}")
    text = " ".join(lines)
    assert [one for one in wanted if one not in text] == [], lines
    left = [one.pattern for one in ENGLISH if one.search("\n".join(lines)) or one.search(text)]
    assert left == [], lines


@pytest.fixture
def anna(tmp_path: Path, zip_file: Path) -> Iterator[Person]:
    blender = blenders.find("deb52") or blenders.find("deb43")
    if blender is None or blender.missing_for_window is not None:
        pytest.skip("NO WINDOW: run tests/setup/blenders.sh deb52")
    with Party(tmp_path, zip_file) as party:
        anna = party.invite(blender, "anna", window=True)
        anna.blender.define(atrium, sidebar_of)
        anna.call(speak, "es")
        anna.call(note_what_is_drawn)
        anna.window.open_sidebar("Atrium")
        anna.window.widen_sidebar(110)
        yield anna
        log = anna.blender.log.read_text(errors="replace")
        assert "Traceback" not in log, log[-3000:]


def test_a_visit_in_spanish(anna: Person, tmp_path: Path) -> None:
    reads(
        anna, "offline", "Conectar", "Alojar", "Sin conexión", "Blender está configurado para permanecer sin conexión"
    )
    anna.call(allow_online)
    reads(anna, "start", "Conectar", "Alojar", "Sin conexión", "En esta red")
    anna.window.press("atrium.host(")
    anna.call(state_is, "LOBBY")
    where = f"Conectado con localhost:{anna.party.port} desde"
    reads(anna, "hosting", where, "Aquí todavía no hay ninguna sala: crear una con la escena actual.", "Crear sala")
    anna.window.press("atrium.create_room(")
    anna.call(state_is, "JOINED")
    anna.operate("atrium.create_invite")
    link = anna.call(clipboard_begins, "atrium://join#")
    with Client(tmp_path / "ben") as ben:
        ben.connect(link, name="Ben", timeout=20)
        ben.join(ben.invited_to)
        anna.call(users_are, 2)
        reads(anna, "room", "Copiar invitación", "Escena de Anna", "Salir", "Todos los cambios enviados")
        anna.operate("atrium.leave_room")
        anna.call(state_is, "LOBBY")
        anna.call(rooms_are, 1)
        reads(anna, "rooms", "Salas", "Entrar en la sala", "Definir contraseña de la sala")

    anna.operate("atrium.disconnect")
    anna.call(state_is, "OFFLINE")
    fails(anna, "nobody.invalid", "No se conoce ningún equipo con el nombre en “nobody.invalid:12800”: comprobar")
    reads(anna, "nobody", anna.error)


def fails(anna: Person, host: str, wanted: str) -> None:
    anna.blender.execute(f"atrium().host = {host!r}")
    anna.operate("atrium.connect")
    anna.call(error_says, wanted)
    assert [one.pattern for one in ENGLISH if one.search(anna.error)] == [], anna.error
