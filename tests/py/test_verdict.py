# SPDX-License-Identifier: GPL-2.0-only
"""The verdict engine: intervals, Holm, two stages; and that A against A and
an injected step come out as docs/method.md says."""

from __future__ import annotations

import math
import random

import pytest

from ioptlib.verdict import (FASTER, SAME, SLOWER, UNRESOLVED, Estimate,
                             Stages, decide, estimate, floor_of, holm,
                             judge, sign_p)


def made(ratios: list[float]) -> Estimate:
    found = estimate([100.0] * len(ratios), [100 * r for r in ratios])
    assert found is not None
    return found


# pairs, rank of the order statistics that bound the median (from 1)
RANKS = [(6, 1), (9, 2), (10, 2), (20, 6), (40, 14)]


@pytest.mark.parametrize("nr,rank", RANKS)
def test_interval_is_the_sign_tests(nr: int, rank: int) -> None:
    ratios = [1 + i / 1000 for i in range(nr)]
    found = made(random.Random(1).sample(ratios, nr))
    assert found.is_interval
    assert found.low == pytest.approx(ratios[rank - 1])
    assert found.high == pytest.approx(ratios[-rank])


def test_point_is_the_median_of_logarithms() -> None:
    found = made([0.5, 2.0, 1.0, 1.0, 1.0, 1.0, 4.0])
    assert found.point == pytest.approx(1.0)
    even = made([0.5, 2.0] * 4)
    assert even.point == pytest.approx(1.0), "the geometric middle, not 1.25"


# more, less, the exact two-sided p: 2 * sum(C(n, i), i <= k) / 2^n
SIGNS = [(10, 0, 2 / 1024), (9, 1, 22 / 1024), (8, 2, 112 / 1024),
         (5, 5, 1.0), (20, 0, 2 / 2**20), (0, 6, 2 / 64), (0, 0, 1.0)]


@pytest.mark.parametrize("more,less,p", SIGNS)
def test_sign_p(more: int, less: int, p: float) -> None:
    news = [2.0] * more + [0.5] * less + [1.0]
    assert sign_p([1.0] * len(news), news) == pytest.approx(p)


def test_holm_by_hand() -> None:
    adjusted = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    # 4 * 0.005, 3 * 0.01, 2 * 0.03, then never less than the one before.
    assert adjusted == pytest.approx(
        {"d": 0.02, "a": 0.03, "c": 0.06, "b": 0.06})
    assert holm({"x": 0.9, "y": 0.8}) == {"y": 1.0, "x": 1.0}
    assert not holm({})


# ten ratios that have this interval -> verdict with a floor of 1 %
VERDICTS = [
    ([1.05] * 10, SLOWER), ([0.95] * 10, FASTER), ([1.001] * 10, SAME),
    ([1.0101] * 10, SLOWER), ([1.0099] * 10, SAME),
    ([0.999, 1.001] * 5, SAME),
    ([0.9, 1.1] * 5, UNRESOLVED),
    # excludes 1, but the effect is below the floor and the interval outside
    ([1.002] * 3 + [1.008] * 5 + [1.02] * 2, UNRESOLVED),
    ([1.5] * 5, UNRESOLVED),
]


@pytest.mark.parametrize("ratios,want", VERDICTS)
def test_judge(ratios: list[float], want: str) -> None:
    assert judge(made(ratios)) == want


def test_no_pairs() -> None:
    assert estimate([], []) is None
    assert judge(None) == UNRESOLVED
    with pytest.raises(ValueError):
        estimate([1.0], [])
    with pytest.raises(ValueError):
        estimate([0.0], [1.0])


def test_detectable() -> None:
    wide = made([0.9, 0.9, 0.95, 1.0, 1.0, 1.0, 1.0, 1.05, 1.1, 1.1])
    assert wide.detectable(0.01) == pytest.approx(1 / 0.9 - 1)
    assert made([1.0] * 10).detectable(0.01) == 0.01
    assert made([1.5] * 5).detectable(0.01) is None


def test_only_stage_two_confirms() -> None:
    hit, miss = made([1.05] * 20), made([0.99, 1.01] * 10)
    cases = {
        "confirmed": Stages(made([1.05] * 10), hit),
        "not again": Stages(made([1.05] * 10), miss),
        "other way": Stages(made([1.05] * 10), made([0.95] * 20)),
        "never seen": Stages(made([1.05] * 10)),
        "no suspect": Stages(made([1.0] * 10)),
    }
    assert [key for key, stages in cases.items() if stages.is_suspect] == \
        ["confirmed", "not again", "other way", "never seen"]
    assert decide(cases) == {
        "confirmed": SLOWER, "not again": SAME, "other way": FASTER,
        "never seen": UNRESOLVED, "no suspect": SAME}
    assert decide({"x": Stages(hit)}, is_gated=False) == {"x": SLOWER}


def test_holm_over_the_suspects_takes_weak_ones_away() -> None:
    # 16 of 20 signs: p = 0.012, so the interval excludes 1 ...
    weak = made([1.05] * 16 + [0.99] * 4)
    alone = {"x": Stages(made([1.05] * 10), weak)}
    assert decide(alone) == {"x": SLOWER}
    # ... but not among five of the same kind: 5 * 0.012 > 0.05.
    many = {i: Stages(made([1.05] * 10), weak) for i in range(5)}
    assert set(decide(many).values()) == {UNRESOLVED}


def test_sides_that_have_to_be_apart() -> None:
    hit = Stages(made([1.5] * 10), is_apart=False)
    assert decide({"x": hit}, is_gated=False) == {"x": UNRESOLVED}
    same = Stages(made([1.0] * 10), is_apart=False)
    assert decide({"x": same}, is_gated=False) == {"x": SAME}


# case, usual floor -> its own
FLOORS = [
    ("map/engine:e/granule:4K/cache:warm", 0.01, 0.01),
    ("map/engine:e/granule:4K/cache:cold", 0.01, 0.02),
    ("limit/op:fill/granule:4K/count:1", 0.01, 0.01),
    # two result files
    ("map/engine:e/granule:4K/cache:cold", 0.1, 0.1),
]


@pytest.mark.parametrize("name,usual,floor", FLOORS)
def test_floors(name: str, usual: float, floor: float) -> None:
    assert floor_of(name, usual) == floor


def test_floor_of_a_case() -> None:
    assert judge(made([1.05] * 10), 0.10) == SAME
    assert judge(made([1.15] * 10), 0.10) == SLOWER


def simulate(rng: random.Random, nr: int, step: float) -> Estimate:
    """Pairs whose common drift is ten times what tells them apart."""
    olds, news = [], []
    for _ in range(nr):
        drift = math.exp(rng.gauss(0, 0.05))
        olds.append(100 * drift * math.exp(rng.gauss(0, 0.005)))
        news.append(100 * step * drift * math.exp(rng.gauss(0, 0.005)))
    found = estimate(olds, news)
    assert found is not None
    return found


def two_stages(rng: random.Random, step: float) -> str:
    first = simulate(rng, 10, step)
    stages = Stages(first)
    if stages.is_suspect:
        stages = Stages(first, simulate(rng, 20, step))
    return decide({0: stages})[0]


def test_same_against_same_hardly_ever_differs() -> None:
    rng = random.Random(5)
    wrong = sum(two_stages(rng, 1.0) in (FASTER, SLOWER) for _ in range(400))
    assert wrong <= 1


def test_a_step_is_found() -> None:
    rng = random.Random(6)
    found = sum(two_stages(rng, 1.05) == SLOWER for _ in range(200))
    assert found >= 196
    found = sum(two_stages(rng, 1 / 1.05) == FASTER for _ in range(200))
    assert found >= 196


@pytest.mark.parametrize("ratios,is_hinted", [
    ([1.05] * 10, True),
    # two pairs were disturbed: no interval excludes 1, stage two looks
    ([1.05] * 8 + [0.7, 0.75], True),
    ([1.05] * 7 + [0.7, 0.75, 0.8], False),
    # below the floor there is nothing to look at
    ([1.005] * 8 + [0.7, 0.75], False),
    ([1.05] * 5, False),
])
def test_who_is_looked_at_again(ratios: list[float], is_hinted: bool) -> None:
    first = estimate([1.0] * len(ratios), ratios)
    assert Stages(first).is_hinted is is_hinted
    if is_hinted:
        same = estimate([1.0] * 20, [0.999, 1.001] * 10)
        assert decide({"a": Stages(first, same)})["a"] == "same"
