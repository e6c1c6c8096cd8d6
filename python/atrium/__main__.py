# SPDX-License-Identifier: MIT
"""`python -m atrium check [HOST]`: says whether a host can be reached from here, or who can reach this machine, and what to do if not.
`python -m atrium invite`: prints an invite to the server of this user on this machine."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from atrium._core import AtriumError, find_invite
from atrium.check import TIMEOUT_S, check
from atrium.inviting import create_invite
from atrium.machine import check_machine


def _say_aside(text: str) -> None:
    print(text, file=sys.stderr)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0: Atrium answers there, or can be hosted here, or the invite is printed; 1: not so; 2: cannot be done; 130: interrupted."""
    parser = argparse.ArgumentParser(prog="python -m atrium", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser(
        "check", help="can this host be reached from here? without HOST: who can reach this machine?"
    )
    one.add_argument(
        "host",
        nargs="?",
        help="an address, as in the Host box; with - it is read from the standard input: a message with an invite in it, whole, which is taken in no other way",
    )
    one.add_argument("--timeout", type=float, default=TIMEOUT_S, help="seconds that a host has to answer")
    one.add_argument("--port", type=int, default=12800, help="of the server on this machine")
    one.add_argument("--bind", default="::", help="the address on which it listens, or would")
    one.add_argument(
        "--map-port",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="ask the router to pass the port on while it is looked, as a server with --map-port does; without it none is asked",
    )
    two = commands.add_parser("invite", help="an invite to the server of this user on this machine")
    two.add_argument("--port", type=int, default=12800, help="of the server on this machine")
    two.add_argument("--expires-h", type=float, default=168, help="hours; 0: for ever")
    two.add_argument(
        "--address",
        action="append",
        default=[],
        help="a further one at which the server can be reached; may be repeated",
    )
    words = sys.argv[1:] if argv is None else argv
    # Before the parser, which repeats what it does not know.
    if any(find_invite(text) >= 0 for text in (*words, " ".join(words))):
        print("An invite is a secret, and command lines can be seen: pass - and paste it.", file=sys.stderr)
        return 2
    arguments = parser.parse_args(words)
    try:
        if arguments.command == "invite":
            print(create_invite(arguments.port, arguments.expires_h, arguments.address, warn=_say_aside))
            return 0
        if arguments.host is None:
            found = check_machine(arguments.port, bind=arguments.bind, map_port=arguments.map_port)
            print(found.report())
            return 0 if found.listening else 1
        host = sys.stdin.read().strip() if arguments.host == "-" else arguments.host
        result = check(host, arguments.timeout)
        print(result.report())
        return 0 if result.reached else 1
    except AtriumError as error:
        print(error.text, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
