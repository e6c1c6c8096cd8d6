# SPDX-License-Identifier: MIT
"""A screen without a monitor: Xvfb, a mouse and a keyboard, pictures.

Each Screen is a display of its own (Xvfb picks a free number), so tests and
people's real windows never meet. Pointer and keys go through the X server's
own test extension (xdotool): Blender cannot tell them from a hand, and they
take the same way through its event handling. There is no window manager; the
key focus follows the pointer, and a window keeps the place it asked for.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Self

from tests.blender.blenders import REPO

START_TIMEOUT_S = 20.0
COMMAND_TIMEOUT_S = 20.0
SCREENSHOTS = REPO / "build" / "screenshots"


class Screen:
    """One display. Coordinates are pixels from the top left corner."""

    def __init__(self, width: int = 1600, height: int = 900) -> None:
        self.width = width
        self.height = height
        self._hand: subprocess.Popen[str] | None = None
        read_end, write_end = os.pipe()
        xvfb = shutil.which("Xvfb")
        assert xvfb is not None, "no Xvfb: run tests/setup/packages.sh"
        with os.fdopen(read_end, "rb") as numbers:
            self._process = subprocess.Popen(
                [
                    xvfb,
                    "-displayfd",
                    str(write_end),
                    "-screen",
                    "0",
                    f"{width}x{height}x24",
                    "-nolisten",
                    "tcp",
                    "-noreset",
                ],
                pass_fds=[write_end],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            os.close(write_end)
            if not select.select([numbers], [], [], START_TIMEOUT_S)[0]:
                self.close()
                raise RuntimeError(f"Xvfb did not start within {START_TIMEOUT_S:g} s")
            number = numbers.readline().decode().strip()
        if not number:
            raise RuntimeError("Xvfb ended at once")
        self.display = f":{number}"
        self._hand = subprocess.Popen(
            ["xdotool", "-"],
            env={**os.environ, "DISPLAY": self.display},
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def _xdotool(self, *words: str) -> None:
        """One command for the xdotool that lives as long as the screen: a new
        process for each would take longer than what it does."""
        assert self._hand is not None
        assert self._hand.stdin is not None
        self._hand.stdin.write(" ".join(words) + "\n")
        self._hand.stdin.flush()

    def move(self, x: float, y: float) -> None:
        """Moves the pointer; twice, because Blender activates what is under
        it on a motion inside the region, not on entering it."""
        self._xdotool("mousemove", str(int(x) - 1), str(int(y)))
        self._xdotool("mousemove", str(int(x)), str(int(y)))

    def click(self, x: float, y: float, button: int = 1) -> None:
        self.move(x, y)
        time.sleep(0.1)
        # Press and release apart, as a finger does: a pair of the same moment
        # is easily taken for a drag or lost between two redraws.
        self._xdotool("mousedown", str(button))
        time.sleep(0.08)
        self._xdotool("mouseup", str(button))
        time.sleep(0.1)

    def drag(self, x: float, y: float, to_x: float, to_y: float) -> None:
        self.move(x, y)
        time.sleep(0.2)
        self._xdotool("mousedown", "1")
        for step in range(1, 11):
            time.sleep(0.03)
            self.move(x + (to_x - x) * step / 10, y + (to_y - y) * step / 10)
        time.sleep(0.1)
        self._xdotool("mouseup", "1")
        time.sleep(0.1)

    def key(self, *names: str) -> None:
        """Keys by their X names, e.g. "Return", "ctrl+a"."""
        for name in names:
            self._xdotool("key", name)
            time.sleep(0.05)

    def type(self, text: str) -> None:
        """Types a line; a process of its own, which takes any character and
        returns when all are typed."""
        self._run("xdotool", "type", "--delay", "30", "--", text)

    def _run(self, *command: str) -> None:
        subprocess.run(
            command,
            env={**os.environ, "DISPLAY": self.display},
            check=True,
            timeout=COMMAND_TIMEOUT_S,
            stdout=subprocess.DEVNULL,
        )

    def picture(self, name: str, crop: tuple[int, int, int, int] | None = None) -> Path:
        """Saves the screen, or (width, height, x, y) of it, as
        build/screenshots/NAME.png."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        area = [] if crop is None else ["-crop", "{}x{}+{}+{}".format(*crop), "+repage"]
        self._run("import", "-window", "root", *area, str(path))
        return path

    def close(self) -> None:
        if self._hand is not None:
            self._hand.kill()
            self._hand.wait(5.0)
        try:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(5.0)
        except ProcessLookupError:
            pass
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
