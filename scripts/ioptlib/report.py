# SPDX-License-Identifier: GPL-2.0-only
"""What a history says: changes with the revisions they lie between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import changes, history
from .history import Mark, Run, Series


@dataclass(frozen=True)
class Finding:
    """Something that changed between two runs that follow each other.

    what: the case and operation, or the case and its counter. good: the
    run before, bad: the first one after, so the cause lies behind good, up to
    and with bad. before, after: ratios, or values of a counter. p: of a
    ratio's change, 0 for a counter. mark: what a person said of it.
    """

    case: str
    what: str
    good: Run
    bad: Run
    before: float
    after: float
    p: float
    is_counter: bool
    mark: Mark | None

    @property
    def span(self) -> str:
        """The revisions, as git takes them."""
        return f"{self.good.revision}..{self.bad.revision}"

    @property
    def percent(self) -> float | None:
        """By how much it grew; None when it was 0."""
        return None if self.before == 0 \
            else (self.after / self.before - 1) * 100

    @property
    def is_worse(self) -> bool:
        """Did it grow? Of a counter only that it changed is known."""
        return not self.is_counter and self.after > self.before

    @property
    def change(self) -> str:
        """By how much, in words."""
        if self.is_counter:
            return f"{self.before:g} -> {self.after:g}"
        return f"{self.percent:+.1f} % (p = {self.p:.1g})"

    @property
    def text(self) -> str:
        """All of it in one line."""
        said = f" [{self.mark.kind}: {self.mark.reason}]" if self.mark else ""
        return f"{self.what}: {self.change} in {self.span}{said}"


def _of_series(one: Series, runs: dict[str, Run], marks: Sequence[Mark]) \
        -> list[Finding]:
    found = []
    for change in changes.find(one.ratios):
        good, bad = (runs[one.runs[i]] for i in (change.index - 1,
                                                 change.index))
        found.append(Finding(
            one.case, one.title, good, bad, change.before, change.after,
            change.p, False,
            history.mark_of(marks, bad, one.case)))
    return found


def _of_counters(good: Run, bad: Run, marks: Sequence[Mark]) -> list[Finding]:
    found = []
    for case, counters in bad.counters.items():
        for name, value in counters.items():
            before = good.counters.get(case, {}).get(name)
            if before is None or before == value:
                continue
            found.append(Finding(
                case, f"{case} {name}", good, bad, before, value, 0.0, True,
                history.mark_of(marks, bad, case)))
    return found


def findings(runs: Sequence[Run], marks: Sequence[Mark]) -> list[Finding]:
    """What changed in the runs of a machine, the newest first, and of the
    same run what got most worse first; ignored changes come last."""
    by_id = {run.id: run for run in runs}
    order = {run.id: i for i, run in enumerate(runs)}
    found = [finding for one in history.series_of(runs)
             for finding in _of_series(one, by_id, marks)]
    anchors: dict[str, Run] = {}
    for run in runs:
        if run.anchor in anchors:
            found += _of_counters(anchors[run.anchor], run, marks)
        anchors[run.anchor] = run
    return sorted(found, key=lambda f: (
        f.mark is not None and f.mark.kind == history.IGNORED,
        -order[f.bad.id], f.is_counter, -(f.percent or 0), f.what))
