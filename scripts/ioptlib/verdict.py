# SPDX-License-Identifier: GPL-2.0-only
"""Is the new one faster, slower, the same, or can it not be told?

The sign test, its interval and Holm's correction; docs/method.md says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from scipy.stats import binomtest

from . import names
from .stats import LEVEL, paired_ratio

FASTER, SLOWER, SAME, UNRESOLVED = "faster", "slower", "same", "unresolved"

FLOOR = 0.01
# What begins cold fetches its code too, and where the linker put that decides
# from how many lines: 1.1 % of a map of 256 pages in two other layouts.
COLD_FLOOR = 0.02
ALPHA = 1 - LEVEL

# Eight pairs of ten on one side.
SUSPECT_P = 0.11

Key = TypeVar("Key")


def floor_of(key: str, usual: float = FLOOR) -> float:
    """The least effect of this case that counts, as a share; usual is that of
    cases which begin warm."""
    return max(usual, COLD_FLOOR) if names.is_cold(key) else usual


@dataclass(frozen=True)
class Estimate:
    """New over old from pairs of samples.

    point is exp(median ln(new/old)), low and high the nominal interval of
    the sign test, or the range of what was seen with fewer than six pairs.
    p is the two-sided one of the exact sign test.
    """

    nr_pairs: int
    point: float
    low: float
    high: float
    p: float
    is_interval: bool

    @property
    def effect(self) -> float:
        """By how much new differs, as a share of old."""
        return abs(1 - self.point)

    @property
    def excludes_one(self) -> bool:
        """Is there an interval, and does it say that they differ?"""
        return self.is_interval and not self.low <= 1 <= self.high

    def is_inside(self, floor: float) -> bool:
        """Is there an interval, and none of it as far off as the floor?"""
        return self.is_interval and 1 - floor <= self.low \
            and self.high <= 1 + floor

    def detectable(self, floor: float) -> float | None:
        """The least effect that an interval as wide as this would have
        shown, as a share; None when there is no interval."""
        if not self.is_interval:
            return None
        half = max(self.point / self.low, self.high / self.point) - 1
        return max(half, floor)


def sign_p(old: Sequence[float], new: Sequence[float]) -> float:
    """The exact two-sided p of the sign test; ties are left out."""
    nr_more = sum(n > o for o, n in zip(old, new))
    nr_less = sum(n < o for o, n in zip(old, new))
    if not nr_more + nr_less:
        return 1.0
    return float(binomtest(nr_more, nr_more + nr_less, 0.5).pvalue)


def estimate(old: Sequence[float], new: Sequence[float]) -> Estimate | None:
    """Compare samples taken in pairs; None when there are none.

    Raises ValueError when they do not pair up or are not positive.
    """
    if not old and not new:
        return None
    ratio = paired_ratio(old, new)
    return Estimate(ratio.nr_pairs, ratio.point, ratio.low, ratio.high,
                    sign_p(old, new), ratio.is_interval)


def judge(found: Estimate | None, floor: float = FLOOR) -> str:
    """One of the four verdicts, by this estimate alone."""
    if found is None:
        return UNRESOLVED
    if found.excludes_one and found.effect >= floor:
        return FASTER if found.point < 1 else SLOWER
    if found.is_inside(floor):
        return SAME
    return UNRESOLVED


def holm(ps: Mapping[Key, float]) -> dict[Key, float]:
    """Each p adjusted for all of them, as Holm steps down."""
    adjusted: dict[Key, float] = {}
    highest = 0.0
    for rank, (key, p) in enumerate(sorted(ps.items(), key=lambda kp: kp[1])):
        highest = max(highest, min(1.0, p * (len(ps) - rank)))
        adjusted[key] = highest
    return adjusted


@dataclass(frozen=True)
class Stages:
    """What both stages found of one case; second is None when stage one
    did not make it a suspect, or stage two did not come to it.

    is_apart: no sample of one side lies among those of the other, where that
        is asked for
    """

    first: Estimate | None
    second: Estimate | None = None
    floor: float = FLOOR
    is_apart: bool = True

    @property
    def is_suspect(self) -> bool:
        """Does it look faster or slower by stage one?"""
        return judge(self.first, self.floor) in (FASTER, SLOWER)

    @property
    def is_hinted(self) -> bool:
        """Must stage two look at it? Also where two pairs of ten were
        disturbed: it is stage two that decides, and it corrects for all."""
        first = self.first
        return self.is_suspect or (
            first is not None and first.is_interval
            and first.effect >= self.floor and first.p <= SUSPECT_P)

    @property
    def deciding(self) -> Estimate | None:
        """The estimate that the verdict rests on."""
        return self.second or self.first


def null_stages(first: Estimate | None, second: Estimate | None,
                floor: float = FLOOR) -> Stages:
    """Of the same against the same: stage two counts only where stage one
    looks different. It is there for the sides, and looks at all of theirs."""
    one = Stages(first, None, floor)
    return Stages(first, second, floor) if one.is_suspect else one


def decide(cases: Mapping[Key, Stages], is_gated: bool = True) \
        -> dict[Key, str]:
    """The verdict of each case.

    A suspect of stage one is faster or slower only if stage two, measured
    afresh, says so and Holm's correction over all suspects leaves it; one
    that stage two never saw is unresolved. Without is_gated there is no
    stage two, and stage one decides. Sides that have to be apart and are
    not are neither faster nor slower.
    """
    adjusted = holm({key: stages.second.p for key, stages in cases.items()
                     if stages.second is not None})
    verdicts = {}
    for key, stages in cases.items():
        verdict = judge(stages.deciding, stages.floor)
        is_confirmed = stages.second is not None and \
            adjusted[key] <= ALPHA
        if verdict in (FASTER, SLOWER) and (
                not stages.is_apart or is_gated and not is_confirmed):
            verdict = UNRESOLVED
        verdicts[key] = verdict
    return verdicts
