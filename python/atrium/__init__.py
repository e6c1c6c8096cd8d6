# SPDX-License-Identifier: MIT
"""Atrium without Blender: host, join, read and write documents, follow changes.

    import atrium

    with atrium.serve(port=0) as server, atrium.Client() as client:
        client.connect(f"localhost:{server.port}")
        room = client.create_room("studio")
        lamp = room.create({"type": "Light", "p": {"energy": 10.0}})
        room.edit(lamp, {"p": {"energy": 12.5}})
        room.flush()
"""

from atrium._core import AtriumError, __version__
from atrium.client import Client, Event, Room, RoomInfo
from atrium.serving import serve

__all__ = ["AtriumError", "Client", "Event", "Room", "RoomInfo", "__version__", "serve"]
