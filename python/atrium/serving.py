# SPDX-License-Identifier: MIT
"""serve(): a server on a thread of this process."""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from types import TracebackType

from atrium import _core
from atrium.home import home_folder


class RunningServer:
    """What `serve` returns; a context manager. The process that made it must keep it."""

    def __init__(self, core: _core.Server) -> None:
        self._core = core
        weakref.finalize(self, core.close)  # at exit too: no thread may outlive what it uses

    @property
    def port(self) -> int:
        """The port it listens on, also where 0 was asked for."""
        return self._core.port

    @property
    def key(self) -> str:
        """SHA-256 of the server's public key."""
        return self._core.key

    def close(self) -> None:
        """Ends it; may be called again."""
        self._core.close()

    def __enter__(self) -> RunningServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def serve(
    port: int = 12800,
    bind: str = "::",
    data: str | os.PathLike[str] | None = None,
    open: bool = False,
    *,
    home: str | os.PathLike[str] | None = None,
    allow: Sequence[str] = (),
    discovery: bool = True,
    map_port: bool = False,
    looks_only: bool = False,
) -> RunningServer:
    """Starts a server in this process and returns when clients can connect. Port 0 takes a free one.

    `discovery`: answers those on the same network who look for hosts (only where it listens on every interface). `map_port`:
    asks the router to pass the port on, likewise. `looks_only`: for a check; another server may have the folder `data`, and nothing there is changed.
    """
    core = _core.Server(
        home=home_folder(home),
        port=port,
        bind=bind,
        data=None if data is None else os.fspath(data),
        open=open,
        allow=list(allow),
        discovery=discovery,
        map_port=map_port,
        looks_only=looks_only,
    )
    core.start()
    return RunningServer(core)
