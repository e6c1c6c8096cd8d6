# SPDX-License-Identifier: MIT
"""Runs a program for as long as its parent lives: `python -I keeper.py PROGRAM ARGUMENT...`.

A tunnel that outlives the program that opened it is an open door that nobody remembers. No system ends the children of a process that
crashes or is killed; but the end of a pipe is seen whatever happened. So this small process stands in between: its standard input is a pipe
whose other end only the parent holds, and when that ends, the program is told to end, and killed if it does not.

It imports nothing of the package, and is started by its path.
"""

import contextlib
import os
import subprocess
import sys
import threading

END_S = 3.0


def _watch(child: "subprocess.Popen[bytes]") -> None:
    while os.read(0, 4096):  # not sys.stdin, whose lock this thread would hold when the process ends
        pass
    with contextlib.suppress(OSError):
        child.terminate()
    try:
        child.wait(END_S)
    except subprocess.TimeoutExpired:
        child.kill()


def main() -> int:
    """The program's own exit status."""
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    watcher = threading.Thread(target=_watch, args=(child,), daemon=True)
    watcher.start()
    return child.wait()


if __name__ == "__main__":
    sys.exit(main())
