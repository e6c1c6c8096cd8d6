# SPDX-License-Identifier: GPL-3.0-or-later
"""How long an invite works: what there is to choose from, until when the link that was copied does, and what it opens.

The choice is kept for as long as Blender runs, and is a week in the next one: a door that stands open for ever is opened on
purpose each time. The server knows when a link ends and says so with it; here that becomes a sentence with this machine's clock, on
which the server runs, too.
"""

from __future__ import annotations

import time

from .words import translated

# Hours; 0: for ever. The names are those of the choice in the panel.
HOURS = {"HOUR": 1.0, "DAY": 24.0, "WEEK": 168.0, "NEVER": 0.0}
USUAL = "WEEK"


def is_over(expires_s: float, now_s: float) -> bool:
    """`expires_s`: seconds since 1970; 0: never."""
    return 0 < expires_s <= now_s


def opening(room: str) -> str:
    """Where it leads. `room`: the name of the only one; empty: it lets in to all that there are, and may create more."""
    return (
        translated("It opens the room “{room}” only.").format(room=room) if room else translated("It opens every room.")
    )


def lasting(expires_s: float, now_s: float) -> str:
    """Until when it works. On the same day the time of day is enough."""
    if expires_s <= 0:
        return translated("It works until you revoke it.")
    end, now = time.localtime(expires_s), time.localtime(now_s)
    clock = time.strftime("%H:%M", end)
    if end[:3] == now[:3]:
        return translated("It works until {time} today.").format(time=clock)
    return translated("It works until {date}, {time}.").format(date=time.strftime("%Y-%m-%d", end), time=clock)
