# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user sees: properties, operators, panels, preferences, in his language. Draw and call, nothing else."""

from . import operators, panels, preferences, properties, swatches, translations

MODULES = (translations, preferences, properties, swatches, operators, panels)


def register() -> None:
    for module in MODULES:
        module.register()


def unregister() -> None:
    for module in reversed(MODULES):
        module.unregister()
