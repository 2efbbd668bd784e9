# SPDX-License-Identifier: GPL-2.0-only
"""Change points of a series: where a history moved, and by how much.

E-divisive (Matteson and James, 2014) finds where two halves of a stretch
differ most by energy distance; a t-test of the two segments that meet there
says whether that is more than noise, in place of E-divisive's permutations.
Values are ratios, so differences are taken of their logarithms.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

MAX_P = 0.001
WINDOW = 50
MIN_SEGMENT = 3
MIN_MAGNITUDE = 0.015

Series = NDArray[np.float64]


@dataclass(frozen=True)
class Rules:
    """What counts as a change.

    max_p: of the t-test between the segments that meet. window: points that
    are looked at together. min_segment: points of a segment, so also how
    many must follow before a change is told. min_magnitude: of the change,
    as a share of the value before.
    """

    max_p: float = MAX_P
    window: int = WINDOW
    min_segment: int = MIN_SEGMENT
    min_magnitude: float = MIN_MAGNITUDE


@dataclass(frozen=True)
class Change:
    """A change between points index - 1 and index.

    before, after: geometric means of the segments that meet there. p: of
    the t-test between them.
    """

    index: int
    before: float
    after: float
    p: float

    @property
    def factor(self) -> float:
        """After over before."""
        return self.after / self.before


def _split(logs: Series, min_segment: int) -> int | None:
    """Where two parts differ most, None when there is no room for two."""
    best, at = 0.0, None
    n = len(logs)
    for k in range(min_segment, n - min_segment + 1):
        distance = stats.energy_distance(logs[:k], logs[k:])
        weight = k * (n - k) / n * distance * distance
        if weight > best:
            best, at = weight, k
    return at


def _p(left: Series, right: Series) -> float:
    """Of a t-test; segments without any spread differ or they do not."""
    if np.ptp(left) == 0 and np.ptp(right) == 0:
        return 1.0 if left[0] == right[0] else 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(stats.ttest_ind(left, right).pvalue)


def _candidates(logs: Series, start: int, end: int,
                rules: Rules) -> list[int]:
    """Where [start, end) is split into parts that differ, be it weakly.

    Parts are split further first: as a whole those beside a short stretch
    that came and went are alike, but what is next to the cut is not.
    """
    at = _split(logs[start:end], rules.min_segment)
    if at is None:
        return []
    at += start
    before = _candidates(logs, start, at, rules)
    after = _candidates(logs, at, end, rules)
    near = logs[max(before, default=start):at], logs[at:min(after,
                                                            default=end)]
    if min(_p(logs[start:at], logs[at:end]), _p(*near)) >= rules.max_p * 10:
        return before + after
    return [*before, at, *after]


def _windows(nr: int, window: int) -> list[tuple[int, int]]:
    """Stretches of a window each that overlap by half."""
    if nr <= window:
        return [(0, nr)]
    starts = list(range(0, nr - window, max(1, window // 2))) + [nr - window]
    return [(start, start + window) for start in starts]


def _settle(logs: Series, cuts: list[int], i: int, window: int) -> int:
    """Where between its neighbours a cut leaves the least spread.

    A split keeps segments of a least length, so it may take points of the
    other side in to fill one up.
    """
    start = max(cuts[i - 1] if i else 0, cuts[i] - window)
    end = min(cuts[i + 1] if i + 1 < len(cuts) else len(logs),
              cuts[i] + window)
    return min(range(start + 1, end), key=lambda k: float(
        np.var(logs[start:k]) * (k - start) + np.var(logs[k:end]) * (end - k)))


def _judge(logs: Series, cuts: list[int], i: int, rules: Rules) -> Change:
    """The change at a cut, between the segments up to the cuts beside it."""
    start = max(cuts[i - 1] if i else 0, cuts[i] - rules.window)
    end = cuts[i + 1] if i + 1 < len(cuts) else len(logs)
    end = min(end, cuts[i] + rules.window)
    left, right = logs[start:cuts[i]], logs[cuts[i]:end]
    return Change(cuts[i], math.exp(float(np.mean(left))),
                  math.exp(float(np.mean(right))), _p(left, right))


def _weakness(change: Change, cuts: list[int], i: int, nr: int,
              rules: Rules) -> float:
    """Above 0 for a change that does not count; the larger the weaker."""
    before = change.index - (cuts[i - 1] if i else 0)
    after = (cuts[i + 1] if i + 1 < len(cuts) else nr) - change.index
    if min(before, after) < rules.min_segment:
        return math.inf
    if abs(change.factor - 1) < rules.min_magnitude:
        return 2 - abs(change.factor - 1)
    return change.p if change.p >= rules.max_p else 0.0


def find(values: Sequence[float], rules: Rules = Rules()) -> list[Change]:
    """The changes of a series of positive values, in order.

    Cuts that do not count are taken out one at a time, the weakest first,
    since that lets the segments beside it grow.

    Raises ValueError when a value is not positive and finite.
    """
    if any(not math.isfinite(v) or v <= 0 for v in values):
        raise ValueError("a series of ratios holds numbers above zero")
    logs = np.log(np.asarray(values, dtype=np.float64))
    cuts = sorted({cut for start, end in _windows(len(logs), rules.window)
                   for cut in _candidates(logs, start, end, rules)})
    while cuts:
        for i in range(len(cuts)):
            cuts[i] = _settle(logs, cuts, i, rules.window)
        changes = [_judge(logs, cuts, i, rules) for i in range(len(cuts))]
        weak = [_weakness(change, cuts, i, len(logs), rules)
                for i, change in enumerate(changes)]
        if max(weak) == 0:
            return changes
        del cuts[weak.index(max(weak))]
    return []
