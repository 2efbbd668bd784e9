# SPDX-License-Identifier: GPL-2.0-only
"""Paired statistics of repeated measurements."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import bdtr

LEVEL = 0.95
MIN_PAIRS = 6


@dataclass(frozen=True)
class Ratio:
    """New over old from pairs: median, with an interval or the range.

    is_interval: low and high are the sign test's nominal 95 % interval of
    the median; otherwise there are too few pairs for one, and they are the
    smallest and the largest ratio seen.
    """

    point: float
    low: float
    high: float
    nr_pairs: int
    is_interval: bool


def median(values: Sequence[float]) -> float:
    """The middle value, or the mean of the middle two."""
    ordered = sorted(values)
    half = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[half]
    return (ordered[half - 1] + ordered[half]) / 2


def ratio_in_turns(old: Sequence[float], new: Sequence[float]) -> float:
    """New over old of two processes that measured in turns: the median over
    turns that follow each other, so that what the machine does to both, and
    what it does in a few turns to one of them, is not in it.

    Raises ValueError when there are none.
    """
    logs = [math.log(n / o) for o, n in zip(old, new)]
    if not logs:
        raise ValueError("no turns: no ratio")
    return math.exp(median(logs))


def sign_test_rank(nr_pairs: int, level: float = LEVEL) -> int:
    """The k for which the k-th smallest and k-th largest value bound the
    median with at least this confidence; 0 when there is none."""
    tail = (1 - level) / 2
    return sum(bool(bdtr(k, nr_pairs, 0.5) < tail) for k in range(nr_pairs))


def paired_ratio(old: Sequence[float], new: Sequence[float]) -> Ratio:
    """Compare samples taken in pairs: exp(median ln(new/old)) and how sure.

    Raises ValueError when they do not pair up or are not positive.
    """
    if len(old) != len(new) or not old:
        raise ValueError(f"{len(old)} old and {len(new)} new samples: no pairs")
    if min(old) <= 0 or min(new) <= 0:
        raise ValueError("a ratio needs times above zero")
    logs = sorted(math.log(n / o) for o, n in zip(old, new))
    rank = sign_test_rank(len(logs)) if len(logs) >= MIN_PAIRS else 0
    is_interval = rank > 0
    low, high = (logs[rank - 1], logs[-rank]) if is_interval \
        else (logs[0], logs[-1])
    return Ratio(math.exp(median(logs)), math.exp(low), math.exp(high),
                 len(logs), is_interval)
