# SPDX-License-Identifier: MIT
"""Ask, without blocking, what listens on a port of this machine.

A TLS handshake that offers the ALPN `atrium/1` is enough of a greeting: a server of ours selects it, anything else does not, answers
garbage, or says nothing. No key is shown and nothing is trusted here; that is for the engine, when it connects.
"""

from __future__ import annotations

import contextlib
import enum
import select
import socket
import ssl
import time

ALPN = "atrium/1"

# A server of ours answers a local handshake in some milliseconds, also under load; what is silent for longer is something else.
PROBE_TIMEOUT_S = 3.0


class Answer(enum.Enum):
    """What is known of the port."""

    WAITING = "waiting"
    NOTHING = "nothing"
    OURS = "ours"
    FOREIGN = "foreign"


class Probe:
    """One attempt. Call `step` until it says something other than WAITING; then it has closed its socket."""

    def __init__(self, port: int, timeout_s: float = PROBE_TIMEOUT_S) -> None:
        self._end = time.monotonic() + timeout_s
        self._tls: ssl.SSLSocket | None = None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._answer = Answer.WAITING
        with contextlib.suppress(OSError):  # "under way" comes as an error; a real one shows in SO_ERROR
            self._socket.connect(("127.0.0.1", port))

    def step(self) -> Answer:
        """Advances as far as it goes without waiting."""
        if self._answer is Answer.WAITING:
            self._answer = self._greeted() if self._tls else self._connected()
            if self._answer is Answer.WAITING and time.monotonic() >= self._end:
                # Connected and silent: something that speaks first, or another protocol. Not connected: a packet filter.
                self._answer = Answer.FOREIGN if self._tls else Answer.NOTHING
            if self._answer is not Answer.WAITING:
                self.close()
        return self._answer

    def close(self) -> None:
        """Gives up; harmless when it has ended."""
        (self._tls or self._socket).close()

    def _connected(self) -> Answer:
        if not select.select([], [self._socket], [self._socket], 0)[1]:
            return Answer.WAITING
        if self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0:
            return Answer.NOTHING
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols([ALPN])
        try:
            self._tls = context.wrap_socket(self._socket, do_handshake_on_connect=False)
        except OSError:  # gone again between the two calls
            return Answer.NOTHING
        return self._greeted()

    def _greeted(self) -> Answer:
        assert self._tls is not None
        try:
            self._tls.do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return Answer.WAITING
        except ConnectionError:
            return Answer.NOTHING  # it is just ending; the next attempt tells
        except OSError:
            return Answer.FOREIGN
        return Answer.OURS if self._tls.selected_alpn_protocol() == ALPN else Answer.FOREIGN
