# SPDX-License-Identifier: GPL-2.0-only
"""Settings of a machine that make times less sure: changed, and put back.

All that is touched are files below proc and sys, so that another root can
stand for the machine.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from .results import write_atomic

# Settings end with the system that was booted, and so does this file.
STATE = Path("/run/iopt-bench-tune.json")


class TuneError(Exception):
    """What went wrong, as a line for a person."""


@dataclass(frozen=True)
class Setting:
    """What should be, and why.

    pattern: files below the root, a glob; below: write only if the value is
    a number above it; among: a file beside it that must name the value.
    """

    pattern: str
    value: str
    why: str
    above: int | None = None
    unless: tuple[str, ...] = ()
    among: str = ""


CPU = "sys/devices/system/cpu"

SETTINGS = (
    Setting(f"{CPU}/cpufreq/policy*/scaling_governor", "performance",
            "the frequency no longer follows the load",
            among="scaling_available_governors"),
    Setting(f"{CPU}/intel_pstate/no_turbo", "1",
            "nor heat and what other cores do"),
    Setting(f"{CPU}/cpufreq/boost", "0", "nor heat and what other cores do"),
    Setting("proc/sys/kernel/numa_balancing", "0",
            "no page moves to another node while it is measured"),
    Setting("proc/sys/kernel/nmi_watchdog", "0",
            "its counter is free for perf events"),
    Setting("proc/sys/kernel/perf_event_paranoid", "1",
            "perf events may count the kernel's share too", above=1),
    Setting("sys/kernel/mm/transparent_hugepage/enabled", "madvise",
            "page tables lie in huge pages, as the kernel's do",
            unless=("always", "madvise")),
)


@dataclass(frozen=True)
class Change:
    """A file whose value is changed."""

    path: str
    old: str
    new: str
    why: str = ""


def chosen(text: str) -> str:
    """The value that a file says it has: of several the one in brackets."""
    match = re.search(r"\[([^]]*)\]", text)
    return match[1] if match else text.strip()


class Machine:
    """The files of a machine, below a root."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root

    def find(self, pattern: str) -> list[str]:
        """Files of a pattern, in the order of the numbers in them."""
        def key(path: str) -> list[tuple[int, str]]:
            return [(int(part), "") if part.isdigit() else (0, part)
                    for part in re.split(r"(\d+)", path)]
        return sorted((str(p.relative_to(self.root))
                       for p in self.root.glob(pattern)), key=key)

    def read(self, path: str) -> str | None:
        """The value of a file, None when it cannot be read."""
        try:
            return chosen((self.root / path).read_text("ascii"))
        except (OSError, UnicodeDecodeError):
            return None

    def words(self, path: str) -> list[str]:
        """The words of a file, none when it cannot be read."""
        try:
            return (self.root / path).read_text("ascii").split()
        except (OSError, UnicodeDecodeError):
            return []

    def may_write(self, path: str) -> bool:
        """May this user change a file?"""
        return os.access(self.root / path, os.W_OK)

    def write(self, path: str, value: str) -> None:
        """Change a file; raises OSError. One write, as the kernel wants."""
        descriptor = os.open(self.root / path, os.O_WRONLY | os.O_TRUNC)
        try:
            os.write(descriptor, f"{value}\n".encode("ascii"))
        finally:
            os.close(descriptor)


def _is_wanted(machine: Machine, setting: Setting, path: str,
               old: str) -> bool:
    if old in (setting.value, *setting.unless):
        return False
    if setting.above is not None:
        return old.lstrip("-").isdigit() and int(old) > setting.above
    if not setting.among:
        return True
    beside = str(Path(path).parent / setting.among)
    return setting.value in machine.words(beside)


def plan(machine: Machine) -> list[Change]:
    """What would be changed, in the order of doing it."""
    changes = []
    for setting in SETTINGS:
        for path in machine.find(setting.pattern):
            old = machine.read(path)
            if old is not None and _is_wanted(machine, setting, path, old):
                changes.append(Change(path, old, setting.value, setting.why))
    return changes


def describe(changes: Sequence[Change]) -> list[str]:
    """A line for each kind of change, files that are alike in one."""
    groups: dict[tuple[str, str, str, str], list[str]] = {}
    for c in changes:
        alike = re.sub(r"\d+", "*", c.path)
        groups.setdefault((alike, c.old, c.new, c.why), []).append(c.path)
    return [f"/{paths[0] if len(paths) == 1 else alike}: {old} -> {new}"
            + (f" in {len(paths)} files" if len(paths) > 1 else "")
            + (f"; {why}" if why else "")
            for (alike, old, new, why), paths in groups.items()]


def save(state: Path, changes: Sequence[Change]) -> None:
    """Remember what was before; raises TuneError."""
    try:
        write_atomic(state, json.dumps([asdict(c) for c in changes], indent=1)
                     + "\n")
    except OSError as error:
        raise TuneError(f"cannot write {state}: {error.strerror}; nothing "
                        "was changed") from error


def load(state: Path) -> list[Change]:
    """What was remembered, nothing if there is no such file."""
    try:
        return [Change(**entry) for entry in json.loads(state.read_text())]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError) as error:
        raise TuneError(f"{state} is no record of changes: {error}") from error


def _set(machine: Machine, change: Change) -> None:
    """Change a file and see that it took; raises TuneError."""
    try:
        machine.write(change.path, change.new)
    except OSError as error:
        raise TuneError(f"/{change.path} does not take {change.new}: "
                        f"{error.strerror}") from error
    if machine.read(change.path) != change.new:
        raise TuneError(f"/{change.path} did not become {change.new}: it is "
                        f"{machine.read(change.path)}")


def undo(machine: Machine, state: Path) -> list[str]:
    """Put back all that is remembered, and forget it.

    The last change first. What cannot be put back stays remembered. Returns
    what a person should know; raises TuneError when something is left.
    """
    left: list[Change] = []
    told: list[str] = []
    failures: list[str] = []
    for change in reversed(load(state)):
        now = machine.read(change.path)
        if now not in (change.old, change.new):
            told.append(f"/{change.path} had become {now} meanwhile")
        if now == change.old:
            continue
        try:
            _set(machine, Change(change.path, change.new, change.old))
        except TuneError as error:
            left.insert(0, change)
            failures.append(str(error))
    if left:
        save(state, left)
        raise TuneError("; ".join([*failures, "the rest was put back"]))
    state.unlink(missing_ok=True)
    return told


def apply(machine: Machine, changes: Sequence[Change], state: Path) -> None:
    """Make changes that can be put back.

    What was before is on disk before anything is changed. When one fails, all
    are put back and the reason is raised. A signal that raises in the midst of
    that would leave it half done: the caller holds them up meanwhile.
    """
    if load(state):
        raise TuneError(f"{state} remembers changes already; put them back "
                        "first: make untune")
    refused = [c.path for c in changes if not machine.may_write(c.path)]
    if refused:
        raise TuneError(f"/{refused[0]} may not be written by this user; "
                        "as root: make tune")
    save(state, changes)
    try:
        for change in changes:
            _set(machine, change)
    except BaseException:
        undo(machine, state)
        raise
