# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's texts in other languages, given to Blender's own translation.

One module per language holds two tables from the English text to the translated one: `TEXTS` for what stands in labels, tooltips and
sentences, `BUTTONS` for the texts of operators. Blender keeps these apart ("*" and "Operator" are its contexts), as one English word
can be the name of a thing here and a command there. Texts with fields are translated with the fields standing, and filled in
afterwards. Blender looks into its own tables first and into these afterwards, in whatever language the user has chosen there: a word that
it has itself ("Log", "Remove") is shown as it has it (“Logarítmico”, “Eliminar”), whatever stands here, and needs another name. A build
without languages gives every text back as it is.

A new language is a file like es.py and a line in LANGUAGES; tests/addon/test_translations.py says what it lacks.
"""

import bpy

from ...session import words
from . import es

LANGUAGES = {"es": es}
NAME = __package__ or "atrium"


def tables() -> dict[str, dict[tuple[str, str], str]]:
    """language -> (context, English) -> text, as Blender takes it."""
    contexts = bpy.app.translations.contexts
    out = {}
    for language, module in LANGUAGES.items():
        texts = {(contexts.default, english): text for english, text in module.TEXTS.items()}
        buttons = {(contexts.operator_default, english): text for english, text in module.BUTTONS.items()}
        out[language] = {**texts, **buttons}
    return out


def register() -> None:
    bpy.app.translations.register(NAME, tables())
    words.look_up_with(bpy.app.translations.pgettext_iface)


def unregister() -> None:
    words.look_up_with(str)
    bpy.app.translations.unregister(NAME)
