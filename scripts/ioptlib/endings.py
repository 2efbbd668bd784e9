# SPDX-License-Identifier: GPL-2.0-only
"""Requests to end, held back while a command runs or work is half done."""

from __future__ import annotations

import signal
import subprocess
from types import FrameType

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Endings:
    """Requests to end, of which there may be many; they wait until nothing is
    half changed or half put back.

    While a command runs they are its business, since it may have something to
    save. Ctrl-C reaches it by itself, and all others are handed on.
    """

    def __init__(self) -> None:
        self.noted: list[int] = []
        self._child: subprocess.Popen[bytes] | None = None
        self._before = {number: signal.getsignal(number)
                        for number in ENDINGS}

    def __enter__(self) -> Endings:
        for number in ENDINGS:
            signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.noted.append(number)
        if self._child is not None and number != signal.SIGINT:
            self._child.send_signal(number)

    def run(self, command: list[str]) -> int:
        """A command's exit code, as a shell tells it; raises OSError when it
        cannot be started."""
        self._child = subprocess.Popen(command)
        for number in self.noted:  # meanwhile
            self._child.send_signal(number)
        code = self._child.wait()
        self._child = None
        return code if code >= 0 else 128 - code
