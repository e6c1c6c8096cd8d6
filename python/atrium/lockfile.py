# SPDX-License-Identifier: MIT
"""A lock between processes that its owner's death always releases.

The operating system holds it, not the file's existence: nothing is ever stale. The file itself stays.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


class LockFile:
    """Not held at first; `try_acquire` never waits."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1

    @property
    def held(self) -> bool:
        """True between a successful `try_acquire` and `release`."""
        return self._fd >= 0

    def try_acquire(self) -> bool:
        """True where this object holds the lock now."""
        if self.held:
            return True
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(fd)
        except OSError:
            os.close(fd)
            return False
        self._fd = fd
        return True

    def release(self) -> None:
        """Lets go; closing the file is what unlocks it."""
        if self.held:
            os.close(self._fd)
            self._fd = -1


if sys.platform == "win32":
    import msvcrt

    def _lock(fd: int) -> None:
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
