# SPDX-License-Identifier: GPL-2.0-only
"""What a history says: changes with the revisions they lie between."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from . import changes, comparison, history
from .history import Mark, Run, Series


@dataclass(frozen=True)
class Finding:
    """Something that changed between two runs that follow each other.

    what: the case and operation, or the case and its counter. good: the
    run before, bad: the first one after, so the cause lies behind good, up to
    and with bad. before, after: ratios, or values of a counter, which are
    whole. p: of a ratio's change, 0 for a counter. mark: what a person said
    of it.
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
            return f"{self.before} -> {self.after}"
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


def _counted(counters: Mapping[str, int], titles: Iterable[str]) \
        -> dict[str, int]:
    """What is known of the counters of these titles, name@profile: a kind of
    command that is not there is 0 where its profile was counted."""
    profiles = {title.partition("@")[2] for title in counters} - {""}
    found = {}
    for title in titles:
        name, _, profile = title.partition("@")
        if title in counters or \
                profile in profiles and comparison.is_sent(name):
            found[title] = counters.get(title, 0)
    return found


def _of_counters(runs: Sequence[Run], marks: Sequence[Mark]) -> list[Finding]:
    """Each difference from the run that last knew a counter, whatever that
    was held against."""
    titles: dict[str, dict[str, int]] = {}
    for run in runs:
        for case, counters in run.counters.items():
            titles.setdefault(case, {}).update(counters)
    last: dict[tuple[str, str], tuple[Run, int]] = {}
    found = []
    for run in runs:
        for case, counters in run.counters.items():
            for title, value in _counted(counters, titles[case]).items():
                good, before = last.get((case, title), (run, value))
                last[case, title] = run, value
                if before != value:
                    found.append(Finding(
                        case, f"{case} {title}", good, run, before, value,
                        0.0, True, history.mark_of(marks, run, case)))
    return found


def findings(runs: Sequence[Run], marks: Sequence[Mark]) -> list[Finding]:
    """What changed in the runs of a machine, the newest first, and of the
    same run what got most worse first; ignored changes come last."""
    by_id = {run.id: run for run in runs}
    order = {run.id: i for i, run in enumerate(runs)}
    found = [finding for one in history.series_of(runs)
             for finding in _of_series(one, by_id, marks)]
    found += _of_counters(runs, marks)
    return sorted(found, key=lambda f: (
        f.mark is not None and f.mark.kind == history.IGNORED,
        -order[f.bad.id], f.is_counter, -(f.percent or 0), f.what))
