# SPDX-License-Identifier: GPL-3.0-or-later
"""Every sentence that tells a user what went wrong and what to do.

The engine names an error by a code (csrc/base/error.h) and adds details for whoever looks into it. Its own texts are
true everywhere, hence general; here the add-on knows what the user was doing and with which address, and says the
next step. A code without a line here shows the engine's own text.

Sentences are whole and carry named fields, never glued from parts, so that a translator can reorder them. They are
looked up through `translated`, before they are filled in; the user interface sets it to Blender's own function
(ui/translations), and without Blender it gives the sentence back. What the engine and the package `atrium` have filled in
already is taken apart again by said.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from .failures import FAILURES
from .said import said
from .words import translated

# code -> sentence; {address} and {room} are filled in, {text} is the engine's own text
ERRORS: dict[str, str] = {
    **FAILURES,
    # reaching the host
    "ADDR_SYNTAX": "“{address}” is not an address: type a name or an IP address, with or without a port. {text}",
    "PUBLIC_ADDRESS": "“{address}” cannot be your public address. {text}",
    "VERSION": "Atrium here and at {address} do not fit together: install the same version. {text}",
    "KEY_UNKNOWN": "{address} was never trusted here: compare its check code with its owner, then trust it.",
    "WEB_RESOLVE": "No machine is known by the name in {address}: a tunnel has another address after each start, so ask for a new one, or "
    "check the spelling.",
    # what a server has said itself to who came to its door; the state puts SAID_ before those codes
    "SAID_TIMEOUT": "You were not let in at {address}. {text} Tell the host that you are there, and connect again.",
    "SAID_DENIED": "You were not let in at {address}. {text}",
    "SAID_SERVER_FULL": "You were not let in at {address}. {text}",
    "PASSWORD": "You were not let in at {address}. {text}",
    "LATER": "You were not let in at {address}. {text}",
    "INVITE": "This invite does not work. {text}",
    "KICKED": "The host at {address} has removed you: ask its owner.",
    "REFUSED": "The host at {address} did not let you in: ask its owner.",
    "OFFLINE_MODE": "Blender is set to stay offline, so only this machine can be reached: allow online access in "
    "Preferences, System, Network.",
    # starting a server here
    "PORT_BUSY": "Another program uses the port of {address}: end it, or choose another port in Atrium's preferences.",
    "OTHERS_SERVER": "Another user of this machine hosts on port {port}: to host yourself, choose another port in Atrium's preferences; "
    "to join there, type localhost and click Connect.",
    "SERVER_START": "The server on this machine could not be started. {text}",
    # rooms
    "NOROOM": "There is no room “{room}” any more: choose one from the list.",
    "CLICKED_ROOM_GONE": "The room is not there any more: choose one from the list.",
    "INVITED_ROOM_GONE": "The room that the invite names is not there any more: choose one from the list, or ask for a new invite.",
    "ROOM_FULL": "The room “{room}” is full: try again when somebody has left.",
    "ROOM_NAME": "“{room}” cannot be the name of a room: use 1 to 63 characters.",
    "EXISTS": "There is a room “{room}” already: join it, or choose another name.",
    "BLENDER_VERSION": "The room “{room}” cannot be joined with this Blender. {text}",
    "NOT_READY": "The room “{room}” is still being filled by the one who created it: wait a moment.",
    "DENIED": "You may not do this here: ask the host.",
    "SAVE_FAILED": "Your scene could not be saved, so the room was not joined and nothing was changed. {text}",
    "RESTORE_FAILED": "Your scene could not be brought back by itself, but nothing of it is lost: open this file. {text}",
    "REPLACE_FAILED": "The room's scene could not be built, so your own was brought back. {text}",
    "NOT_ALL_SENT": "The room was created, but it does not hold all of your scene: “{name}” was not taken. The list in the panel says why.",
    "UPLOAD_FAILED": "The scene could not be read, so the room was not created. {text}",
    # asking for the impossible
    "BUSY": "Atrium is busy: {text} Wait for it, or cancel.",
    "NOT_CONNECTED": "Connect to a host first.",
    "CONNECTED": "You are connected already: disconnect first.",
    "NOT_IN_ROOM": "Join or create a room first.",
    "IN_ROOM": "You are in the room “{room}”: leave it first.",
    "NOT_HOST": "Only the one who hosts can do this.",
    "NOT_STARTED": "Blender has not started this server: restart it where it was started.",
    "NO_USER": "This person is not in the room any more.",
    "HOST_STAYS": "Whoever hosts cannot be removed: disconnect instead.",
    "NOT_KEPT_OUT": "This person is not kept out any more.",
    "NO_KNOCK": "Nobody with this key is asking to enter.",
    "NO_QUESTION": "No host waits to be trusted: connect first.",
    "CODE_DIFFERS": "This is not the check code that the host shows: ask its owner to read it out once more.",
    "HOST_UNKNOWN": "No key is remembered for {address}, so there is nothing to forget.",
    "NO_ADDRESS": "Type the host's address first.",
    "WAITED": "This took longer than {seconds} seconds: {text}",
    "CANCELED": "It was cancelled.",
    "NO_ENGINE": "Atrium's engine could not be loaded: install the add-on again from its zip. {text}",
    "INTERNAL": "Something went wrong inside Atrium: copy the details and report them.",
}


# What the room did not take of the user's own changes: code -> sentence; {name} is that of the datablock, {text} the engine's own.
REFUSALS: dict[str, str] = {
    "GONE": "“{name}” was deleted by somebody else, and your last change to it with it.",
    "DOC_SIZE": "“{name}” is too large for the room, so your last change to it was not taken: split it into smaller ones.",
    "BLOB_SIZE": "“{name}” has data too large for the room, so your last change to it was not taken: split it into smaller ones.",
    "LIMIT": "A limit of the room was reached, so your last change to “{name}” was not taken: delete what nobody needs.",
    "NOBLOB": "The arrays or files of “{name}” did not all reach the room, so your last change to it was not taken: make it once more.",
    "NOENT": "“{name}” is not in the room, so your last change to it was not taken.",
    "STORE_BUSY": "The server could not keep up, so your last change to “{name}” was not taken: make it once more.",
    "FULL": "Too much was on its way, so your last change to “{name}” was not taken: make it once more.",
}
REFUSED = "Your last change to “{name}” was not taken by the room. {text}"
REFUSED_UNNAMED = "One of your changes was not taken by the room. {text}"

# What a person typed or another program sent can be of any length; so much of it is enough to know it again.
FIELD_MAX = 80


@dataclass(frozen=True)
class Problem:
    """What went wrong: a code for programs, a sentence for people, details to copy."""

    code: str
    sentence: str
    detail: str = ""

    def report(self) -> str:
        """Everything, as the copy button gives it."""
        lines = [self.sentence, f"Code: {self.code}"]
        return "\n".join(lines + ([self.detail] if self.detail else []))


def problem(code: str, *, detail: str = "", text: str = "", **fields: object) -> Problem:
    """The problem `code` as a sentence; `text` is what the engine said itself."""
    own = said(text)
    template = ERRORS.get(code)
    if template is None:
        return Problem(code, own or translated(ERRORS["INTERNAL"]), detail)
    known = {
        "address": "the host",
        "room": "",
        "seconds": "",
        "name": "",
        "port": "",
        **{k: shortened(str(v)) for k, v in fields.items()},
    }
    known["text"] = own
    return Problem(code, translated(template).format(**known).strip(), detail)


def refusal(code: str, name: str, text: str) -> str:
    """A change of the user's that the room did not take."""
    template = (REFUSALS.get(code) or REFUSED) if name else REFUSED_UNNAMED
    return translated(template).format(name=shortened(name), text=said(text)).strip()


def shortened(text: str) -> str:
    return text if len(text) <= FIELD_MAX else text[: FIELD_MAX - 1] + "…"
