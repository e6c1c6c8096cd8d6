# SPDX-License-Identifier: GPL-3.0-or-later
"""What does the text in the Host box mean?

The engine alone reads it (csrc/transport/address.c), and it alone knows what looks like an invite, whole or damaged. The add-on asks, before
anything is sent, whether a server may be started for this text and whether it is allowed while Blender stays offline. In doubt, and without the
engine's package, the answer is no, which starts nothing and sends nothing.
"""

from __future__ import annotations

import re
from typing import NamedTuple

HIDDEN = "atrium://join#***"
# The longest link has 5600 characters (csrc/transport/invite.c); the rest is for the marks that mail puts before each of its lines.
INVITE_MAX = 8000
TEXT_MAX = 255  # an address is shorter
WORD_MAX = 39  # without the engine: no piece of an invite that holds its token is as short
DEFAULT_PORT = 12800


class Read(NamedTuple):
    """An address as Connect will understand it."""

    text: str  # in the one spelling that its key is kept under
    host: str
    port: int | None  # that was typed
    is_here: bool  # this machine, without a tunnel
    is_name: bool


def read(text: str, port: int = DEFAULT_PORT) -> Read | None:
    """None: it is no address, or an invite. `port` counts where none was typed."""
    try:
        from atrium._core import AtriumError, read_address
    except ImportError:
        return None
    try:
        return Read(*read_address(text, port))
    except AtriumError:
        return None


def fault(text: str) -> str:
    """What the engine says of a text that is no address."""
    from atrium._core import AtriumError, read_address

    try:
        read_address(text, DEFAULT_PORT)
    except AtriumError as error:
        return error.text
    return ""


def tidy(text: str) -> str:
    """Without the spaces and quotes that come along when an address is pasted."""
    return text.strip().strip("\"'`<>“”‘’«»").strip()


def pasted(text: str) -> str:
    """What of a message belongs into the Host box, as one line: a text field of Blender's has no more, and takes the first of the clipboard's.

    An invite ends where its checksum fits, which the engine finds out, also across the blanks that stand here for line breaks;
    what stands before it is of no use.
    """
    start = _find_invite(text)
    line = _whole_words(text) if start <= 0 else ""
    if start < 0 or (line and _find_invite(line) < 0):
        return line  # where the engine has given up looking at a long text: there is none where it looks
    # Cut twice: the clipboard may hold a film.
    return " ".join(text[start:][: 2 * INVITE_MAX].split())[:INVITE_MAX]


def _whole_words(text: str) -> str:
    """The first, as many as the engine looks at: half an address would be another one. Without the engine's package nobody can be joined."""
    try:
        from atrium._core import PASTED_BYTES_MAX as bytes_max
    except ImportError:
        bytes_max = INVITE_MAX
    line = " ".join(text.split(None, bytes_max)[:bytes_max]).encode("utf-8", "surrogatepass")
    if len(line) > bytes_max:
        line = line[: bytes_max + 1].rpartition(b" ")[0] or line[:bytes_max]
    return line.decode("utf-8", "ignore")


def is_invite(text: str) -> bool:
    """A link that lets its bearer in, alone or inside of a sentence, whole or a piece of one: a secret, which is neither shown nor kept."""
    return _find_invite(text) >= 0


def _find_invite(text: str) -> int:
    """Where it begins, or -1. Without the engine's package nobody can be joined; then whatever is as long is taken for one."""
    try:
        from atrium._core import find_invite
    except ImportError:
        lowered = text.lower()
        is_secret = "join" in lowered or any(len(word) > WORD_MAX for word in text.split())
        return max(lowered.find("atrium:"), 0) if is_secret else -1
    return find_invite(text)


def discreet(text: str) -> str:
    """As it may be shown and logged. Blender writes down what stands in a text field, in the Info editor and in the report of a crash."""
    return HIDDEN if is_invite(text) else text


def shown(text: str) -> str:
    """Of an address, without what may open a door: what stands behind a question mark, or before an @. As the engine shows it, who has read it."""
    return (
        discreet(text) if is_invite(text) else re.sub(r"^(.*?://)?.*@", r"\1", text.partition("?")[0], flags=re.DOTALL)
    )


def is_storable(text: str) -> bool:
    """Whether this may lie in a file: one word, and none that opens a door. An address with a name and password or with a query in it may
    hold such things, and so may a whole sentence."""
    if len(text) > TEXT_MAX or is_invite(text) or not text.isprintable():
        return False
    return not any(c in text for c in " @?#")


def is_same(one: str, other: str) -> bool:
    """Whether both name one host and port. In doubt not."""
    first, second = read(one), read(other)
    return first is not None and second is not None and first.text == second.text


def is_local(text: str) -> bool:
    address = read(text)
    return address is not None and address.is_here


def is_web(text: str) -> bool:
    """An address with a path, as the engine writes it or people type it."""
    return text.lower().startswith(("http://", "https://", "ws://", "wss://"))


def is_hosting(text: str) -> bool:
    """This machine by its name: whoever types that means a server of their own."""
    address = read(text)
    return address is not None and address.is_here and address.is_name


def port_in(text: str) -> int | None:
    """That was typed."""
    address = read(text)
    return address.port if address else None


def takes_password(host: str) -> bool:
    """Not this machine, and not an invite, which has a key of its own."""
    return bool(host) and not is_local(host) and not is_invite(host)
