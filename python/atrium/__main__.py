# SPDX-License-Identifier: MIT
"""`python -m atrium check HOST`: says whether a host can be reached from here, and what to do if not."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from atrium.check import TIMEOUT_S, check


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0: Atrium answers there; 1: it does not."""
    parser = argparse.ArgumentParser(prog="python -m atrium", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("check", help="can this host be reached from here?")
    one.add_argument("host", help="an address, as in the Host box; an invite is read from the standard input with -")
    one.add_argument("--timeout", type=float, default=TIMEOUT_S, help="seconds")
    arguments = parser.parse_args(argv)
    host = sys.stdin.readline().strip() if arguments.host == "-" else arguments.host
    result = check(host, arguments.timeout)
    print(result.report())
    return 0 if result.reached else 1


if __name__ == "__main__":
    sys.exit(main())
