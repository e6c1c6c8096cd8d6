# SPDX-License-Identifier: MIT
"""Atrium without Blender: host, join, read and write documents, follow changes.

Host a room and edit it, in one script (more in docs/scripting.md):

    import atrium

    with atrium.serve(port=0) as server, atrium.Client() as client:
        client.connect(f"localhost:{server.port}")
        room = client.create_room("studio")
        lamp = room.create({"type": "Light", "p": {"energy": 10.0}})
        room.edit(lamp, {"p": {"energy": 12.5}})
        room.flush()
"""

from atrium._core import AtriumError, __version__
from atrium.client import Client, Deafness, Event, FoundHost, Knock, Room, RoomInfo
from atrium.engine import forward_log
from atrium.serving import RunningServer, serve

__all__ = [
    "AtriumError",
    "Client",
    "Deafness",
    "Event",
    "FoundHost",
    "Knock",
    "Room",
    "RoomInfo",
    "RunningServer",
    "__version__",
    "forward_log",
    "serve",
]
