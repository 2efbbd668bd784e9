# SPDX-License-Identifier: GPL-2.0-only
"""What a person sees while it runs: one live line, or plain ones."""

from __future__ import annotations

import os
import shutil
import sys
import time
from typing import TextIO

REDRAW_S = 0.1


def printable(text: object) -> str:
    """Text on one line that moves no cursor, colours nothing and turns no
    line round: tabs and line ends become blanks, all else of that kind a ?.
    What comes from a file and is shown to anyone goes through here."""
    return "".join(c if c.isprintable() else " " if c in "\t\n" else "?"
                   for c in str(text))


def _lines(text: str) -> str:
    return "\n".join(map(printable, text.splitlines()))


def duration(seconds: float) -> str:
    """A span of time for a person: 45 s, 3 min 20 s, 2 h 5 min."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class Console:
    """Lines for a person; a reader that went away is no reason to stop.

    After a failed write it stays silent, and is_broken says so.
    """

    def __init__(self, out: TextIO = sys.stdout,
                 err: TextIO = sys.stderr) -> None:
        self._out = out
        self._err = err
        self._is_live = err.isatty()
        self._is_shown = False
        self._drawn_at = 0.0
        self.is_broken = False

    def _write(self, stream: TextIO, text: str) -> None:
        try:
            stream.write(text)
            stream.flush()
        except (OSError, ValueError):
            self.is_broken = True
            self._sink(stream)

    @staticmethod
    def _sink(stream: TextIO) -> None:
        """What is still buffered would fail again at exit: let it go."""
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
        except (OSError, ValueError):
            pass

    def _clear(self) -> None:
        if self._is_shown:
            self._write(self._err, "\r\033[K")
            self._is_shown = False

    def say(self, text: str = "") -> None:
        """A line, or several, on standard output."""
        self._clear()
        if not self.is_broken:
            self._write(self._out, _lines(text) + "\n")

    def complain(self, text: str) -> None:
        """A line on standard error."""
        self._clear()
        self._write(self._err, _lines(text) + "\n")

    def live(self, text: str) -> None:
        """Redraw the progress line; nothing where no terminal is."""
        now = time.monotonic()
        if not self._is_live or now - self._drawn_at < REDRAW_S:
            return
        self._drawn_at = now
        width = shutil.get_terminal_size().columns - 1
        self._write(self._err, "\r\033[K" + printable(text)[:width])
        self._is_shown = True

    def step(self, text: str) -> None:
        """A plain progress line, where no terminal is."""
        if not self._is_live:
            self._write(self._err, _lines(text) + "\n")

    def done(self) -> None:
        """Take the progress line away."""
        self._clear()
