# SPDX-License-Identifier: MIT
"""The engine with dicts instead of JSON texts.

The add-on and `atrium.Client` talk to the engine through this class only. It holds no state besides the C object: json.loads
and json.dumps are all that Python does per message, everything else is done on the engine's own thread.

What engines and servers of this process log arrives in Python's `logging` as "atrium.engine", on the thread that polls.
"""

from __future__ import annotations

import json
import logging
import os
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from atrium import _core
from atrium.home import home_folder

if TYPE_CHECKING:
    from typing_extensions import Buffer

Message = dict[str, Any]

# Keys need no escaping to ASCII and no spaces: the engine reads UTF-8, and a shorter text is parsed sooner.
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


_log = logging.getLogger("atrium.engine")
# As libraries do: a program that never set up logging gets no lines on its stderr.
logging.getLogger("atrium").addHandler(logging.NullHandler())
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def forward_log() -> None:
    """Passes on what was logged since the last time. Each poll does it; a program that only runs a server calls it now and then."""
    for unix_s, level, text in _core.log_poll():
        number = _LEVELS[level]
        if _log.isEnabledFor(number):
            record = _log.makeRecord(_log.name, number, "", 0, "%s", (text,), None)
            record.created, record.msecs = unix_s, unix_s % 1 * 1000
            _log.handle(record)


class Engine:
    """One participant. See `_core.Engine` for what each method promises."""

    def __init__(
        self,
        home: str | os.PathLike[str] | None = None,
        *,
        interactive: bool = False,
        queue_slots: int = 65536,
    ) -> None:
        self._core = _core.Engine(home_folder(home), interactive=interactive, queue_slots=queue_slots)
        # Also at exit: the C libraries tidy up then, and no thread may be using them.
        weakref.finalize(self, self._core.close)

    def send(self, message: Mapping[str, Any]) -> bool:
        """Queues one command; False when the queue is full. ValueError for a number that JSON cannot hold (NaN)."""
        return self._core.send(_encode(message))

    def poll(self, max: int = 256) -> list[Message]:
        """At most `max` events, oldest first; never waits."""
        forward_log()
        return [json.loads(text) for text in self._core.poll(max)]

    def wait(self, timeout_s: float) -> bool:
        """Sleeps until there is an event, or the time is over. Not for Blender's main thread."""
        return self._core.wait(timeout_s)

    def put_blob(self, data: Buffer) -> str | None:
        """Hands bytes over and gives the name by which a tree may name them; None: the queue is full, try again later."""
        return self._core.put_blob(data)

    def blob(self, hash: str) -> _core.Blob | None:
        """The bytes of a blob, or None if they are not here."""
        return self._core.blob(hash)

    @staticmethod
    def fingerprint(data: Buffer) -> int:
        """XXH3-64 of the bytes, for comparing only."""
        return _core.fingerprint(data)

    @property
    def key(self) -> str:
        """SHA-256 of this home's public key."""
        return self._core.key

    @property
    def check_code(self) -> str:
        """What others see when this user knocks."""
        return self._core.check_code

    @property
    def participant(self) -> str:
        """This engine's id in rooms."""
        return self._core.participant

    def close(self) -> None:
        """Ends the engine's thread; may be called again."""
        self._core.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
