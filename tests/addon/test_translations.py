# SPDX-License-Identifier: MIT
"""No text of the add-on is missing in any of its languages, none is left over, and each keeps its fields.

The texts are read from the sources (texts.py), so a sentence that is added without its translation fails here, by name and place.
"""

from __future__ import annotations

import importlib.util
import re
import string
import sys
from types import ModuleType

import pytest
from atrium_session import failures, said, words

from tests.addon import texts
from tests.addon.texts import BUTTON, PLAIN, REPO

FOLDER = REPO / "addon" / "ui" / "translations"
LANGUAGES = sorted(path.stem for path in FOLDER.glob("??.py"))


def load(language: str) -> ModuleType:
    """Without the package's own __init__, which needs Blender."""
    if "atrium_translations" not in sys.modules:
        package = ModuleType("atrium_translations")
        package.__path__ = [str(FOLDER)]
        sys.modules["atrium_translations"] = package
    return importlib.import_module(f"atrium_translations.{language}")


def wanted() -> dict[texts.Text, str]:
    found, _ = texts.of_python()
    return {**texts.of_c(), **texts.of_tables(), **found}


def given(language: str) -> dict[texts.Text, str]:
    module = load(language)
    plain = {(PLAIN, english): text for english, text in module.TEXTS.items()}
    return {**plain, **{(BUTTON, english): text for english, text in module.BUTTONS.items()}}


def fields(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def test_there_is_spanish() -> None:
    assert "es" in LANGUAGES


def test_every_text_can_be_looked_up() -> None:
    _, faults = texts.of_python()
    assert not faults, "\n".join(faults)


def test_the_reader_sees_what_it_should() -> None:
    """A reader that finds nothing would make every other test here pass."""
    everything = wanted()
    for text in (
        (BUTTON, "Connect"),  # bl_label
        (PLAIN, "Copy to the clipboard"),  # a docstring
        (BUTTON, "Let In Once"),  # n_
        (BUTTON, "Change Password"),  # a conditional
        (PLAIN, "All changes sent"),  # text= of a label
        (PLAIN, "Let Everybody In"),  # a property
        (PLAIN, "Write no log"),  # an item of an enumeration
        (PLAIN, "Only the one who hosts can do this."),  # a table
        (PLAIN, "The room is full."),  # csrc/base/error.h
        (PLAIN, "The host has decided not to let you in."),  # csrc/server
        (PLAIN, "Loading objects"),
    ):
        assert text in everything, text


# What only a script's author can cause.
NOT_FOR_PEOPLE = ("The add-on Atrium is not enabled.",)


def test_no_sentence_was_forgotten() -> None:
    """A literal that nobody marked is English for ever."""
    forgotten = texts.unmarked({text for _, text in wanted()} | set(NOT_FOR_PEOPLE))
    assert not forgotten, "\n".join(forgotten)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_missing(language: str) -> None:
    have = given(language)
    missing = [f"{place}: {text!r}" for text, place in wanted().items() if text not in have]
    assert not missing, "no translation in addon/ui/translations:\n" + "\n".join(missing)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_left_over(language: str) -> None:
    stale = set(given(language)) - set(wanted())
    assert not stale, "nobody says this any more:\n" + "\n".join(map(str, sorted(stale)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_have_the_fields_of_the_original(language: str) -> None:
    for (_, english), text in given(language).items():
        assert fields(text) == fields(english), english
        assert text and text == text.strip(), english
        assert re.search(r"[.?:]$", english) is None or re.search(r"[.?:]$", text), f"{english!r} ends a sentence"


def test_spanish_is_spelled_as_today() -> None:
    """Since 2010 neither “solo” nor “este” carries an accent that tells it from its namesake; one page with both looks like two hands. And
    one thing has one name: a router is no “enrutador” somewhere else, a token no “ficha”; and who reads is “tú”, nobody “vosotros”."""
    strange = re.compile(
        r"\b(sólo|[éÉ]st[aeo]s?|[éÉ]s[aeo]s?|aquéll?[aeo]s?|enrutador\w*|fichas?|vosotros|\w+[áé]is)\b", re.I
    )
    pages = {page.name: page.read_text("utf-8") for page in (REPO / "docs" / "es").glob("*.md")}
    assert len(pages) > 3
    for where, text in [*pages.items(), *(("es", text) for text in given("es").values())]:
        assert strange.findall(text) == [], where


def test_fields_in_sentences_of_the_engine_are_known() -> None:
    with_fields = {text for (_, text) in texts.of_c() if "{" in text}
    assert with_fields <= set(said.TEMPLATES), "session/said.py lacks them"


def test_the_engine_says_of_each_failure_what_the_panel_says() -> None:
    source = (REPO / "csrc/client/sentences.c").read_text("utf-8")
    joined = re.sub(r'"\s*"', "", source)
    named = dict(re.findall(r'static const char (\w+)\[\] =\s*"([^"]*)";', joined))
    rows = re.findall(r'\{ATR_(\w+),\s*"([^"]*)",\s*(?:"([^"]*)"|(\w+)),\s*(\w+)\}', joined)
    said_by_c = {code: typed for code, typed, *_ in rows}
    said_by_c |= {f"INVITED_{code}": text or named[name] for code, _, text, name, _ in rows if name != "NULL"}
    said_by_c |= {f"AGAIN_{code}": named[name] for code, _, _, _, name in rows if name != "NULL"}
    said_by_c |= {"FOUND_KEY_CHANGED": named["found"], "SCOPED_RESOLVE": named["scoped"]}
    assert len(rows) == 14 and said_by_c == failures.FAILURES


def test_what_was_filled_in_is_taken_apart_and_translated() -> None:
    spanish = load("es").TEXTS
    words.look_up_with(lambda text: spanish.get(text, text))
    try:
        assert said.said("The room is full.") == "La sala está llena."
        started = "The server did not start: Another server uses /home/ada/s already, at port 12800: connect to that one, end it first, or choose another folder (--data)."
        assert said.said(started).startswith(
            "El servidor no se inició: Otro servidor usa ya /home/ada/s, en el puerto 12800: "
        )
        assert said.said('The room "Set {0}" is full.') == "La sala “Set {0}” está llena."
        assert said.said("The connection to 192.0.2.7:12800 failed: The server is full.") == (
            "La conexión con 192.0.2.7:12800 falló: El servidor está lleno."
        )
        assert said.said("Nobody listens at {x}:1: is the host connected, and is the port right?").startswith(
            "Nadie escucha en {x}:1:"
        )
        assert said.said("ENOSPC: no space left") == "ENOSPC: no space left"
        assert said.said("") == ""
    finally:
        words.look_up_with(str)
