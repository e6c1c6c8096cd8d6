# SPDX-License-Identifier: MIT
"""The C engine as Python sees it.

Nothing here blocks except `wait`, `Server.start` and `server_main`, which say so and run without the GIL. Messages are JSON
texts; what they may hold is listed in docs/architecture.md ("JSON messages"). `atrium.engine.Engine` is the same with dicts.
"""

from collections.abc import Sequence
from typing import Self, final

from typing_extensions import Buffer

__version__: str
PASTED_BYTES_MAX: int  # of a text in which an address is looked for

class AtriumError(Exception):
    """A named error of the engine. `code` is a name of csrc/base/error.h ("CONNREFUSED"), `text` one sentence for a person."""

    def __init__(self, code: str, text: str, /) -> None: ...
    @property
    def code(self) -> str: ...
    @property
    def text(self) -> str: ...

@final
class Blob:
    """An immutable run of bytes, read through the buffer protocol without a copy: `memoryview(blob)`, `numpy.frombuffer(blob)`."""

    @property
    def hash(self) -> str: ...
    def __len__(self) -> int: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

@final
class Engine:
    """A participant: a network thread of its own, and two queues of messages.

    All methods are called by one thread at a time (the GIL sees to that). After `close()` they raise AtriumError("STATE").
    """

    def __new__(cls, home: str, *, interactive: bool = False, queue_slots: int = 65536) -> Self:
        """`home` is the folder of key and pins; it is made if missing. `interactive`: an unknown host's key is asked about
        (`confirm_host`); otherwise it is refused unless ATRIUM_TRUST=first-use."""

    def send(self, message: str | bytes, /) -> bool:
        """Queues one command. False: the queue is full, nothing was taken, try again in the next tick."""

    def poll(self, max: int = 256, /) -> list[str]:
        """Takes at most `max` events, oldest first. Never waits."""

    def wait(self, timeout_s: float, /) -> bool:
        """Sleeps until an event can be polled (True) or the time is over (False). For scripts; without the GIL."""

    def put_blob(self, data: Buffer, /) -> str | None:
        """Copies the bytes once and gives their SHA-256 in hex, by which trees name them. Call it before the `submit`
        that names the blob. None: the queue is full, and the blob has to be put again later."""

    def blob(self, hash: str, /) -> Blob | None:
        """The bytes of a blob that a document names; None if it is not here (a newer event of that document follows)."""

    def close(self) -> None:
        """Ends the thread and waits for it, at most some milliseconds. May be called again, at any time, while busy."""

    @property
    def key(self) -> str:
        """SHA-256 of this home's public key: the user's identity."""
    @property
    def check_code(self) -> str:
        """The check code of that key, as others see it when this user knocks."""
    @property
    def participant(self) -> str:
        """The id of this engine in rooms (`by` of its own documents' events)."""

@final
class Server:
    """A server on a thread of this process."""

    def __new__(
        cls,
        *,
        home: str,
        port: int = 12800,
        bind: str = "::",
        data: str | None = None,
        open: bool = False,
        allow: Sequence[str] = (),
        idle_exit_min: float = 0.0,
        discovery: bool = True,
        map_port: bool = False,
        looks_only: bool = False,
    ) -> Self: ...
    def start(self) -> None:
        """Binds and listens; returns when clients can connect. AtriumError("PORT_BUSY") and others."""
    @property
    def port(self) -> int: ...
    @property
    def key(self) -> str: ...
    @property
    def running(self) -> bool: ...
    def close(self) -> None:
        """Says goodbye to all, ends the thread and waits for it. May be called again."""

def fingerprint(data: Buffer, /) -> int:
    """XXH3-64 of the bytes: for comparing only. Without the GIL where they are many."""

def find_invite(text: str, /) -> int:
    """Where in this text an invite begins: the first whole one, else what looks like a damaged one or a piece of one; -1: there is none.

    Each of them is a secret, which is neither shown, kept nor logged."""

def read_address(text: str, port: int, /) -> tuple[str, str, int | None, bool, bool]:
    """What the Host box means, read as the command `connect` reads it; `port` counts where none was typed. AtriumError("ADDR_SYNTAX") says what
    is wrong with it; AtriumError("INVITE"): it is an invite.

    The address in its one spelling, with what may be a secret in it; its host; the port that was typed; whether it is this machine, to which one
    connects without a tunnel; whether the host is a name."""

def sha256(data: Buffer, /) -> str:
    """SHA-256 in hex, the name `put_blob` would give. Without the GIL where they are many."""

def log_poll() -> list[tuple[float, str, str]]:
    """Takes the lines that engines and servers of this process have logged: Unix time, "debug" "info" "warning" or "error", text. The
    newest thousand are kept for whoever does not look."""

def server_main(argv: Sequence[str], /) -> int:
    """The command `atrium-server` with these arguments (without the program's name). Returns its exit status when the server ends;
    handles SIGTERM and SIGINT itself meanwhile. Without the GIL."""
