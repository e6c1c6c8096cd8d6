# SPDX-License-Identifier: GPL-3.0-or-later
"""What the room holds and Blender takes only in part, depending on which came first there.

A mender knows one such case. It notes the documents that do not show what the room says, and makes all Blenders show the same of it:
circles.py, instances.py, children.py, viewlayers.py, renames.py. The room keeps what everybody has said, so that it counts again once it can be shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .apply import Writer
from .identity import Identity
from .state import State

Tree = dict[str, Any]


class Mender:
    # The properties and members that suspects may show otherwise than the room says, on purpose.
    decides: tuple[str, ...] = ()

    def __init__(
        self,
        identity: Identity,
        writer: Writer,
        state: State,
        capture: Callable[[str], Tree],
        settle: Callable[[str], None],
    ) -> None:
        self._identity = identity
        self._writer = writer
        self._state = state
        # Sends what the user has changed in a document; reads it back after it was written.
        self._capture = capture
        self._settle = settle
        self.suspects: set[str] = set()

    def note(self, doc: str, read: Tree, room: Tree) -> None:
        """After a document was read back."""
        raise NotImplementedError

    def _suspect(self, doc: str, differs: bool) -> None:
        if differs:
            self.suspects.add(doc)
        else:
            self.suspects.discard(doc)

    def mend(self) -> None:
        raise NotImplementedError
