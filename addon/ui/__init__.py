# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user sees: properties, operators, panels, preferences. Draw and call, nothing else."""

from bpy.app.translations import pgettext_rpt

from ..session import sentences
from . import operators, panels, preferences, properties, swatches

MODULES = (preferences, properties, swatches, operators, panels)


def register() -> None:
    sentences.translated = pgettext_rpt
    for module in MODULES:
        module.register()


def unregister() -> None:
    for module in reversed(MODULES):
        module.unregister()
    sentences.translated = str
