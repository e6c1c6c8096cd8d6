# SPDX-License-Identifier: MIT
"""A bad line between two segments: a machine whose two interfaces this program joins, frame by frame, late and not every one.

Not every kernel has netem. A frame is read from a packet socket, waits in a queue per direction until its delay and its jitter are over, and is written
to the other interface; none overtakes another, as on one line. Frames come with the kernel's own header of what is still to be done for them
(checksums, cutting into segments), which goes on with them. To see each packet of a connection by itself, and lose it by itself, the
hosts' interfaces make no larger ones (`gso_max_segs`).

    python -m tests.net.wire DELAY_MS JITTER_MS LOSS_PERCENT SEED      between eth0 and eth1, each way
"""

from __future__ import annotations

import random
import select
import socket
import sys
import time
from collections import deque

ALL = 0x0003
SOL_PACKET, PACKET_VNET_HDR, PACKET_OUTGOING = 263, 15, 4
FRAME_BYTES = 70000
QUEUE_FRAMES = 4000


def opened(interface: str) -> socket.socket:
    line = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL))
    line.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    line.bind((interface, ALL))
    line.setblocking(False)
    return line


def main() -> None:
    delay, jitter, loss = (float(word) for word in sys.argv[1:4])
    chance = random.Random(int(sys.argv[4]))
    ends = [opened("eth0"), opened("eth1")]
    queues: list[deque[tuple[float, bytes]]] = [deque(), deque()]
    while True:
        now = time.monotonic()
        for queue, out in zip(queues, reversed(ends), strict=True):
            while queue and queue[0][0] <= now:
                try:
                    out.send(queue.popleft()[1])
                except OSError:
                    pass  # the other side is down, or its queue full: lost, as on any line
        due = min((queue[0][0] for queue in queues if queue), default=now + 1)
        ready, _, _ = select.select(ends, [], [], max(0.0, due - now))
        for end in ready:
            take(end, queues[ends.index(end)], chance, delay / 1000, jitter / 1000, loss / 100)


def take(
    end: socket.socket,
    queue: deque[tuple[float, bytes]],
    chance: random.Random,
    delay: float,
    jitter: float,
    loss: float,
) -> None:
    while True:
        try:
            frame, (_, _, kind, *_) = end.recvfrom(FRAME_BYTES)
        except BlockingIOError:
            return
        except OSError:  # the interface is down for now
            return
        if kind == PACKET_OUTGOING or chance.random() < loss or len(queue) >= QUEUE_FRAMES:
            continue
        due = time.monotonic() + delay + chance.uniform(-jitter, jitter)
        queue.append((max(due, queue[-1][0] if queue else 0.0), frame))


if __name__ == "__main__":
    main()
