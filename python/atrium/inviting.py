# SPDX-License-Identifier: MIT
"""An invite to the server of this user that runs on this machine: `python -m atrium invite`.

For servers that no panel belongs to. The server is asked by its own host, as the network check does it, and only once it knows what its router
and its tunnels' programs say: until then the link would lack the addresses that guests from elsewhere need.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence

from atrium._core import AtriumError, __version__
from atrium.engine import Engine, Message
from atrium.home import home_folder

# The router has been asked since the server began; the tunnels' programs are asked now, and answer at once.
SETTLED_S = 5.0
TIMEOUT_S = 15.0
POLL_S = 0.05
ONLY_HERE = "This invite works on this machine only: the server has no address for others."
ANOTHER = "No server of this user runs on port {port} of this machine, with this ATRIUM_HOME: another user's does."


def create_invite(
    port: int = 12800,
    expires_h: float = 168,
    addresses: Sequence[str] = (),
    home: str | os.PathLike[str] | None = None,
    warn: Callable[[str], object] = lambda _: None,
) -> str:
    """The link. `expires_h`: hours, 0 for ever; `addresses`: further ones at which the server can be reached, tried first. `warn` is told where nobody
    from another machine could use it."""
    wanted: Message = {"t": "invite_create", "expires_h": expires_h, "addresses": list(addresses)}
    is_in = asked = False
    with contextlib.closing(Engine(home_folder(home))) as engine:
        user = {"name": "invite", "color": [0, 0, 0], "version": __version__}
        engine.send({"t": "connect", "host": f"127.0.0.1:{port}", "own": True, **user})
        for event in _events(engine):
            if event["t"] == "invite":
                if event.get("only_here"):
                    warn(ONLY_HERE)
                return str(event["link"])
            if event["t"] == "welcome" and event["host"]:
                is_in = True
                engine.send({"t": "reach"})
            elif event["t"] in ("probed", "welcome") or event.get("state") == "KNOCKING":
                raise AtriumError("DENIED", ANOTHER.format(port=port))
            elif event["t"] == "error" or event.get("code"):
                raise AtriumError(str(event.get("code")), str(event.get("error") or event.get("text")))
            elif is_in and not asked and (event["t"] == "late" or (event["t"] == "reach" and event["settled"])):
                asked = True
                engine.send(wanted)
    raise AtriumError("TIMEOUT", f"The server on port {port} of this machine did not answer in time.")


def _events(engine: Engine) -> Iterator[Message]:
    """What happens, until the time is over; and once that not everything is settled yet."""
    begin, is_late = time.monotonic(), False
    while time.monotonic() < begin + TIMEOUT_S:
        yield from engine.poll()
        if not is_late and time.monotonic() >= begin + SETTLED_S:
            is_late = True
            yield {"t": "late"}
        engine.wait(POLL_S)
