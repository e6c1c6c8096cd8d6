# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts that let this user in, newest first, to be chosen again.

They lie in ATRIUM_HOME/history.json, beside the settings and not among them: two Blenders of one user write them, so each change reads
the file anew and writes it whole. Only addresses are kept, and only after a host has answered to one. An invite never is (it opens a
door), nor an address with a name and password or with a query in it, where such things stand.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path

from . import address

FILE = "history.json"
HOSTS_MAX = 12  # a menu that is read at a glance


def keepable(host: str) -> bool:
    """Whether this is worth finding again, and may lie in a file."""
    return bool(host) and not address.is_local(host) and address.is_storable(host)


class History:
    def __init__(self, home: Path | None = None) -> None:
        """Without a folder it lasts as long as this object."""
        self._path = home / FILE if home is not None else None
        self.hosts: list[str] = []
        self._read()

    def add(self, host: str) -> None:
        """This one was used just now."""
        host = address.tidy(host)
        if keepable(host):
            self._read()
            if self.hosts[:1] == [host]:
                return  # where one goes every day; and it is written while the user waits for the list of rooms
            self.hosts = [host, *(old for old in self.hosts if old != host)][:HOSTS_MAX]
            self._write()

    def forget(self, host: str) -> None:
        self._read()
        self.hosts = [old for old in self.hosts if old != host]
        self._write()

    def forget_all(self) -> None:
        self.hosts = []
        self._write()

    def _read(self) -> None:
        """A damaged file is an empty history; one that cannot be read leaves what is known."""
        if self._path is None:
            return
        try:
            data = json.loads(self._path.read_text("utf-8"))
        except FileNotFoundError:
            self.hosts = []
            return
        except OSError:
            return
        except ValueError:
            data = []
        hosts = data if isinstance(data, list) else []
        self.hosts = [host for host in hosts if isinstance(host, str) and keepable(host)][:HOSTS_MAX]

    def _write(self) -> None:
        """Written beside and renamed; a folder that cannot be written costs the history, nothing else."""
        if self._path is None:
            return
        temporary = ""
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, temporary = tempfile.mkstemp(prefix=".history-", dir=self._path.parent)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(self.hosts, file, ensure_ascii=False, indent=1)
            os.replace(temporary, self._path)
            temporary = ""
        if temporary:
            Path(temporary).unlink(missing_ok=True)
