# SPDX-License-Identifier: GPL-3.0-or-later
"""A log filter: what fails in a tick fails in the next one too, a hundred times a second.

The same thing is written once in a while, with how often it came, so that a log of a lasting error stays readable and small.
"""

from __future__ import annotations

import logging

REPEATS_S = 10.0


class Repeats(logging.Filter):
    def __init__(self) -> None:
        super().__init__()
        self._last, self._times, self._until = "", 0, 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        text = f"{record.getMessage()} {error!r}"
        if text == self._last and record.created < self._until:
            self._times += 1
            return False
        if text == self._last and self._times:
            record.msg, record.args = f"{record.getMessage()} [{self._times} more]", None
        self._last, self._times, self._until = text, 0, record.created + REPEATS_S
        return True
