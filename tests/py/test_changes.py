# SPDX-License-Identifier: GPL-2.0-only
"""Change points: found where they are, and nowhere else."""

from __future__ import annotations

import math
import os

import numpy as np
import pytest
from ioptlib import changes

SEED = int(os.environ.get("IOPT_SEED", "20240229"))


def noisy(levels: list[tuple[int, float]], sigma: float,
          seed: int = SEED) -> list[float]:
    """Points at levels, with a spread of sigma as a share of each."""
    rng = np.random.default_rng(seed)
    return [float(level * math.exp(rng.normal(0, sigma)))
            for nr, level in levels for _ in range(nr)]


# What is in the series (points, level), its spread, where it changes.
FOUND = [
    ([(30, 1.0), (10, 1.03)], 0.005, [30]),
    ([(30, 1.0), (10, 0.95)], 0.005, [30]),
    ([(20, 1.0), (20, 1.05), (20, 1.0)], 0.005, [20, 40]),
    ([(200, 1.0), (100, 1.02)], 0.005, [200]),
    ([(10, 1.0), (3, 2.0)], 0.01, [10]),
    ([(3, 1.0), (10, 2.0)], 0.0, [3]),
    ([(60, 1.0), (5, 1.2), (60, 1.0)], 0.005, [60, 65]),
    # What came and went within a window, whatever its size.
    ([(20, 1.0), (3, 2.0), (20, 1.0)], 0.005, [20, 23]),
    ([(20, 1.0), (4, 2.0), (20, 1.0)], 0.005, [20, 24]),
    ([(20, 1.0), (6, 2.0), (20, 1.0)], 0.005, [20, 26]),
    ([(10, 1.0), (4, 2.0), (10, 1.0)], 0.005, [10, 14]),
    ([(20, 1.0), (4, 1.03), (10, 1.0)], 0.005, [20, 24]),
    ([(20, 1.0), (3, 2.0), (20, 1.0)], 0.0, [20, 23]),
]


@pytest.mark.parametrize("levels,sigma,where", FOUND)
def test_found(levels: list[tuple[int, float]], sigma: float,
               where: list[int]) -> None:
    found = changes.find(noisy(levels, sigma))
    got = [change.index for change in found]
    assert len(got) == len(where), f"seed {SEED}: {got}, expected {where}"
    for at, change, (_, old), (_, new) in zip(where, found, levels,
                                              levels[1:]):
        assert abs(change.index - at) <= 1
        # The mean of the shortest segment, three points, is off by at most
        # four of its standard errors.
        assert change.factor == pytest.approx(
            new / old, rel=0.001 + 4 * sigma / math.sqrt(3))


# Too small to matter, not yet confirmed, no change, an outlier alone.
@pytest.mark.parametrize("levels,sigma", [
    ([(50, 1.0), (50, 1.01)], 0.001),
    ([(30, 1.0), (2, 2.0)], 0.001),
    ([(50, 1.0)], 0.02),
    ([(20, 1.0), (1, 3.0), (20, 1.0)], 0.005),
    ([(4, 1.0)], 0.0),
    ([], 0.0),
])
def test_not_found(levels: list[tuple[int, float]], sigma: float) -> None:
    assert changes.find(noisy(levels, sigma)) == []


def test_false_alarms() -> None:
    """Few quiet series of 100 points have a change at p < 0.001, although
    their spread is above the floor.

    50 splits of a window make more of it than one in a thousand: of 180 that
    were tried 10 had one, and at p < 0.01 as many as 83.
    """
    alarms = sum(bool(changes.find(noisy([(100, 1.0)], 0.02, SEED + i)))
                 for i in range(60))
    assert alarms <= 10, f"seed {SEED}: {alarms} of 60"


def test_floor() -> None:
    values = noisy([(30, 1.0), (30, 1.01)], 0.001)
    rules = changes.Rules(min_magnitude=0.005)
    assert [c.index for c in changes.find(values, rules)] == [30]


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_no_ratios(bad: float) -> None:
    with pytest.raises(ValueError, match="above zero"):
        changes.find([1.0, bad])
