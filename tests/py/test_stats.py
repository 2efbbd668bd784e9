# SPDX-License-Identifier: GPL-2.0-only
"""The paired ratio and its interval."""

from __future__ import annotations

import pytest
from ioptlib import stats


# P(at most k-1 of n fair coins) <= 2.5 %: n=10: (1+10)/1024 = 1.1 %, one
# more would be 5.5 %; n=5: 1/32 = 3.1 %, so not even the extremes do.
@pytest.mark.parametrize("n,rank", [(5, 0), (6, 1), (9, 2), (10, 2),
                                    (20, 6), (40, 14)])
def test_rank(n: int, rank: int) -> None:
    assert stats.sign_test_rank(n) == rank


def test_ratio() -> None:
    old = [100.0] * 9
    new = [50.0, 51, 52, 53, 54, 55, 56, 57, 500]
    ratio = stats.paired_ratio(old, new)
    assert ratio.point == pytest.approx(0.54)
    assert (ratio.low, ratio.high) == pytest.approx((0.51, 0.57))
    assert ratio.is_interval and ratio.nr_pairs == 9


def test_pairs_not_pools() -> None:
    # Each pair says 2, though the rounds differ by a factor of 100.
    ratio = stats.paired_ratio([1, 10, 100, 1, 10, 100],
                               [2, 20, 200, 2, 20, 200])
    assert (ratio.low, ratio.point, ratio.high) == pytest.approx((2, 2, 2))


def test_few_pairs_give_the_range() -> None:
    ratio = stats.paired_ratio([10, 10, 10], [10, 20, 40])
    assert not ratio.is_interval
    assert (ratio.low, ratio.point, ratio.high) == pytest.approx((1, 2, 4))


@pytest.mark.parametrize("old,new", [([], []), ([1.0], [1.0, 2.0]),
                                     ([0.0], [1.0]), ([1.0], [-1.0])])
def test_no_pairs(old: list[float], new: list[float]) -> None:
    with pytest.raises(ValueError):
        stats.paired_ratio(old, new)


@pytest.mark.parametrize("old,new,ratio", [
    # a machine that is slower in the second turn, for both
    ([10, 15, 10], [11, 16.5, 11], 1.1),
    # a burst that only one of them had
    ([10, 10, 6, 10, 10], [11, 11, 11, 11, 11], 1.1),
    # one turn more on one side
    ([10, 10], [11, 11, 20], 1.1),
    ([10], [11], 1.1),
])
def test_ratio_in_turns(old: list[float], new: list[float],
                        ratio: float) -> None:
    assert stats.ratio_in_turns(old, new) == pytest.approx(ratio)


def test_no_turns_have_no_ratio() -> None:
    with pytest.raises(ValueError, match="no turns"):
        stats.ratio_in_turns([], [1.0])
