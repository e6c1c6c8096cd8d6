# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine, the server and the package `atrium` say, in the user's language.

Their sentences arrive in English and whole, with names and numbers filled in: the wire knows no languages. A sentence without fields
is looked up as it is. One with fields is compared with the templates below; what stood in the fields is filled into the
translated template, and where it is such a sentence itself it is translated, too. A sentence that is not known here is shown as
it came. tests/addon/test_translations.py compares the list with the sources that say these things.
"""

from __future__ import annotations

import re

from .failures import FAILURES
from .words import translated

TEMPLATES = (
    *(text for text in FAILURES.values() if "{" in text),
    # csrc/client
    "The host at {0} is not known yet: its check code is {1}; if that is what its panel shows, trust it.",
    "The connection to {0} failed: {1}",
    # csrc/server
    "The file {0} cannot be written: {1}.",
    "Another server uses {0} already, at port {1}: connect to that one, end it first, or choose another folder (--data).",
    "This server runs Atrium {0} (protocol {1}), you run Atrium {2} (protocol {3}): both must be of one version.",
    "The list of keys {0} cannot be read: {1}.",
    "The list of keys {0} is too long.",
    'The room "{0}" was made with Blender {1}.{2}, and this is Blender {3}.{4}: both must be equal.',
    'The room "{0}" is still being filled by who created it: try again in a moment.',
    'The room "{0}" is full.',
    'The room "{0}" was made by an Atrium that writes documents of schema {1}, and this one writes {2}: install the same version.',
    "The file {0} is not one that this server has written: delete it and set the password anew.",
    "A password has between 1 and {0} bytes.",
    "Too many passwords were tried here: try again in {0} seconds, or ask for an invite.",
    # csrc/session, csrc/transport
    "{0} belongs to another user: choose a folder of your own.",
    "{0} belongs to another user: it is not used.",
    "{0} holds no usable key. If no other copy exists, delete it: a new one is made.",
    "No key could be made: {0}",
    "Port {0} is in use by another program: end that, or choose another port.",
    "This user may not listen on port {0}: choose one above 1023.",
    "{0} is not an address of this machine: choose one of its own, or :: for all of them.",
    # python/atrium/hosting.py
    "The server on port {0} did not start within {1} seconds.",
    "Another program uses port {0} of this machine: choose another port in Atrium's preferences.",
    "The server did not start: {0}",
    "The server could not be started: {0}.",
    # join.py
    "The scene has no file name yet.",
    "The image “{0}” is painted and not saved, and cannot be packed: save it first.",
    "What was written is not the whole file: is the disk full?",
)


FIELD = re.compile(r"\{(\w+)\}")


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<f_\1>.+?)", re.escape(template)), re.DOTALL)


def _filled(template: str, fields: dict[str, str]) -> str:
    """Not by `format`, which takes no number for a name."""
    return FIELD.sub(lambda one: fields[one[1]], template)


_patterns = [(_pattern(template), template) for template in TEMPLATES]


def said(text: str) -> str:
    """The sentence in the user's language, if it is one of ours."""
    own = translated(text)
    if own != text:
        return own
    for pattern, template in _patterns:
        found = pattern.fullmatch(text)
        if found:
            fields = {name.removeprefix("f_"): said(field) for name, field in found.groupdict().items()}
            return _filled(translated(template), fields)
    return text
