# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the text in the Host box mean this very machine?

The engine parses addresses for real (csrc/transport), and it alone knows what looks like an invite, whole or damaged. The add-on only
needs to know, before anything is sent, whether a server may be started for this text and whether it is allowed while Blender stays offline.
When in doubt the answer is no, which starts nothing and sends nothing.
"""

from __future__ import annotations

import ipaddress
import re

PORT_MAX = 65535
HIDDEN = "atrium://join#***"
# The longest link has 5600 characters (csrc/transport/invite.c); the rest is for the marks that mail puts before each of its lines.
INVITE_MAX = 8000
TEXT_MAX = 255  # an address is shorter
WORD_MAX = 39  # without the engine: no piece of an invite that holds its token is as short
DEFAULT_PORT = 12800
LOCAL_NAMES = frozenset({"localhost", "localhost.", "ip6-localhost"})


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


def split(text: str) -> tuple[str, int | None]:
    """Name or IP address, and the port if there is one. A text that is no address comes back whole."""
    text = tidy(text)
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket:
            return text, None
    elif text.count(":") == 1:
        host, colon, rest = text.partition(":")
        rest = colon + rest
    else:
        return text, None
    if not rest:
        return host, None
    port = rest.removeprefix(":")
    if rest == port or not (port.isascii() and port.isdigit() and 0 < int(port[:6]) <= PORT_MAX):
        return text, None
    return host, int(port)


def with_port(text: str, port: int) -> str:
    """The address with this port, as it is written: IPv6 in brackets. One with a scheme has a port of its own, or that of the scheme."""
    host, _ = split(text)
    if "://" in host:
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_same(one: str, other: str) -> bool:
    """Whether both name one host and port. In doubt not."""
    (host, port), (other_host, other_port) = split(one), split(other)
    return host.lower() == other_host.lower() and (port or DEFAULT_PORT) == (other_port or DEFAULT_PORT)


def is_local(text: str) -> bool:
    try:
        return is_hosting(text) or ipaddress.ip_address(split(text)[0]).is_loopback
    except ValueError:
        return False


def is_web(text: str) -> bool:
    """An address with a path, as the engine writes it or people type it."""
    return text.lower().startswith(("http://", "https://", "ws://", "wss://"))


def is_hosting(host: str) -> bool:
    """This machine by its name: whoever types that means a server of their own."""
    return split(host)[0].lower() in LOCAL_NAMES


def takes_password(host: str) -> bool:
    """Not this machine, and not an invite, which has a key of its own."""
    return bool(host) and not is_local(host) and not is_invite(host)
