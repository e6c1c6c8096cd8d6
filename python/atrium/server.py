# SPDX-License-Identifier: MIT
"""`python -m atrium.server`: the command `atrium-server`, run by this Python. The arguments are parsed in C for both."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from atrium import _core


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a server until SIGTERM or SIGINT (or until it has been idle, where that was asked for); gives the exit status."""
    return _core.server_main(sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    sys.exit(main())
