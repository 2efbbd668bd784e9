# SPDX-License-Identifier: GPL-2.0-only
"""Prices that are known are found again; what cannot be told is named."""

from __future__ import annotations

import math
import os
import random
from pathlib import Path

import pytest
from ioptlib import live_fit
from ioptlib.live_fit import BadFit, Fit, KEYS, Point

TRUE = {"ioctl": 900.0, "call": 310.0, "sync": 470.0, "exec": 62.0,
        "context_exec": 1500.0, "unpin_4k": 21.0, "unpin_2m": 640.0}
BASE = {"call": 446.0, "sync": 280.0, "exec": 74.0, "context_exec": 74.0,
        "unpin_4k": 74.4, "unpin_2m": 5490.0}
PROFILES = Path(__file__).resolve().parents[2] / "data" / "profiles"


def seed() -> int:
    """IOPT_SEED, or any."""
    given = os.environ.get("IOPT_SEED")
    value = int(given, 0) if given else random.randrange(1 << 30)
    print(f"IOPT_SEED={value}")
    return value


def made(rng: random.Random, count: int, noise: float,
         zero: tuple[str, ...] = ()) -> list[Point]:
    """Rows of all sizes, whose times follow from TRUE and a noise."""
    points = []
    for i in range(count):
        scale = 10 ** rng.uniform(0, 5)
        counts = {key: 0.0 if key in zero or rng.random() < 0.3 else
                  float(math.ceil(scale * rng.random())) for key in KEYS}
        counts["ioctl"] = float(rng.choice((1, 1, 16, 64)))
        cpu = 40.0 + 7.0 * scale * rng.random()
        time = cpu + sum(TRUE[key] * counts[key] for key in KEYS)
        points.append(Point(f"row{i}", time * (1 + rng.gauss(0, noise)), cpu,
                            counts))
    return points


def test_known_prices_are_found() -> None:
    """Without noise to the digit, all of them."""
    done = live_fit.fit(made(random.Random(seed()), 60, 0.0), BASE)
    for key in KEYS:
        assert not done.prices[key].held, done.prices[key]
        assert done.prices[key].ns == pytest.approx(TRUE[key], rel=1e-6), key
    assert done.rms < 1e-9


def test_with_noise_within_the_errors() -> None:
    """With 2 % of noise each is within five of its own standard errors."""
    done = live_fit.fit(made(random.Random(seed()), 400, 0.02), BASE)
    for key in KEYS:
        price = done.prices[key]
        if price.is_at_bound:
            continue
        assert price.error_ns and price.error_ns > 0
        assert abs(price.ns - TRUE[key]) < 5 * price.error_ns, price
    assert 0.01 < done.rms < 0.04


def test_what_nothing_was_done_of_stays() -> None:
    """A column of nothing leaves the base's price, and is named."""
    done = live_fit.fit(made(random.Random(seed()), 60, 0.0,
                             ("context_exec", "unpin_2m")), BASE)
    for key in ("context_exec", "unpin_2m"):
        assert done.prices[key].ns == BASE[key]
        assert done.prices[key].held == "no row did any of it"
    assert done.prices["sync"].ns == pytest.approx(TRUE["sync"], rel=1e-6)
    assert "left at 74 ns: no row did any of it" in \
        "\n".join(live_fit.report(done))


def test_what_follows_from_others_stays() -> None:
    """A command for each sync: the command keeps the base's price, the sync
    gets the rest of the sum.
    """
    points = []
    for point in made(random.Random(seed()), 60, 0.0):
        counts = {**point.counts, "exec": point.counts["sync"]}
        time = point.cpu_ns + sum(TRUE[key] * counts[key] for key in KEYS)
        points.append(Point(point.name, time, point.cpu_ns, counts))
    done = live_fit.fit(points, BASE)
    assert done.prices["exec"].ns == BASE["exec"]
    assert done.prices["exec"].held == "in these rows it follows from sync"
    assert done.prices["sync"].ns == pytest.approx(
        TRUE["sync"] + TRUE["exec"] - BASE["exec"], rel=1e-6)
    assert done.rms < 1e-9


def test_no_price_is_negative() -> None:
    """Rows that took less than the CPU time leave nothing for any price."""
    points = [Point(f"row{i}", 100.0 + i, 5000.0,
                    {"ioctl": 1.0, "call": 1.0 + i}) for i in range(8)]
    done = live_fit.fit(points, BASE)
    assert all(price.ns >= 0 for price in done.prices.values())
    assert done.prices["ioctl"].is_at_bound
    assert "nothing is left for it" in "\n".join(live_fit.told(done))


@pytest.mark.parametrize("bad", [
    Point("x", math.nan, 1.0, {"call": 1.0}),
    Point("x", math.inf, 1.0, {"call": 1.0}),
    Point("x", 0.0, 1.0, {"call": 1.0}),
    Point("x", -5.0, 1.0, {"call": 1.0}),
    Point("x", 5.0, math.nan, {"call": 1.0}),
    Point("x", 5.0, 1.0, {"call": -1.0}),
    Point("x", 5.0, 1.0, {"call": math.inf}),
])
def test_hostile_points_are_left_out(bad: Point) -> None:
    """One that is no number is named; alone it is refused."""
    good = made(random.Random(seed()), 60, 0.0)
    done = live_fit.fit([*good, bad], BASE)
    assert len(done.residuals) == 60
    assert len(done.dropped) == 1 and done.dropped[0].startswith("x: ")
    assert done.prices["call"].ns == pytest.approx(TRUE["call"], rel=1e-6)
    with pytest.raises(BadFit, match="no row"):
        live_fit.fit([bad], BASE)


def test_one_row_and_equal_rows() -> None:
    """Too few to tell anything: one price is fitted, the rest is held."""
    point = Point("a", 5000.0, 1000.0, {key: 2.0 for key in KEYS})
    for points in ([point], [point] * 5):
        done = live_fit.fit(points, BASE)
        assert [key for key in KEYS if not done.prices[key].held] == ["ioctl"]
        assert all(done.prices[key].ns == BASE[key] for key in KEYS[1:])


def test_prices_foretell_other_rows() -> None:
    """Of the same machine to the digit; of one twice as slow at half."""
    rng = random.Random(seed())
    done = live_fit.fit(made(rng, 60, 0.0), BASE)
    others = made(rng, 20, 0.0)
    assert live_fit.against(done, others).rms < 1e-6
    slow = live_fit.against(done, [
        Point(p.name, 2 * p.measured_ns, p.cpu_ns, p.counts)
        for p in others])
    assert slow.prices == done.prices
    assert slow.rms == pytest.approx(0.5, rel=1e-6)
    assert "held against b.json: rms 50.0%" in \
        live_fit.foretold(slow, "b.json")[0]
    with pytest.raises(BadFit, match="hold the prices against"):
        live_fit.against(done, [])


def test_the_better_features_win() -> None:
    """The fit with the least error, which knows the other."""
    good = made(random.Random(seed()), 60, 0.0)
    worse = [Point(p.name, p.measured_ns, p.cpu_ns,
                   {**p.counts, "call": 1.0}) for p in good]
    done = live_fit.best([live_fit.fit(worse, BASE, "wrong"),
                          live_fit.fit(good, BASE, "right")])
    assert done.label == "right" and set(done.others) == {"wrong"}
    assert done.others["wrong"] > done.rms
    with pytest.raises(BadFit):
        live_fit.best([])


def base_profile() -> str:
    """A shipped one."""
    return (PROFILES / "smmuv3-ril.ini").read_text("utf-8")


def profile(done: Fit) -> str:
    """Written as a profile."""
    return live_fit.profile_text(done, base_profile(), "smmuv3-ril", "host",
                                 "a title", True, "run.json, today")


def test_a_profile_has_each_price_with_its_source() -> None:
    """Fitted ones are derived and say so, held ones say why and from whom."""
    done = live_fit.fit(made(random.Random(seed()), 60, 0.0,
                             ("context_exec",)),
                        live_fit.base_prices(base_profile()))
    text = profile(done)
    ini = live_fit.read_profile(text)
    prices = live_fit.base_prices(text)
    assert set(prices) == set(live_fit.base_prices(base_profile()))
    for key in ("call", "sync", "exec", "unpin_4k", "unpin_2m"):
        assert prices[key] == pytest.approx(TRUE[key], abs=0.001)
        assert ini[key]["kind"] == "derived"
        assert "least squares" in ini[key]["arithmetic"]
        assert ini[key]["source"] == "fitted: run.json, today"
    assert prices["context_exec"] == 74
    assert "(no row did any of it)" in " ".join(
        ini["context_exec"]["source"].split())
    # One thread cannot tell issue from execution: never above it.
    assert prices["issue"] == min(20, prices["exec"])
    assert ini["profile"]["ril"] == "on" and "900 ns" in text


def test_lines_of_a_profile_are_short() -> None:
    """Its reader refuses more than 198 characters; what is folded reads as it
    was."""
    done = live_fit.fit(made(random.Random(seed()), 60, 0.0, (
        "context_exec",)), live_fit.base_prices(base_profile()))
    source = "a run of " + " ".join(["many words"] * 20) + " " + "x" * 300
    text = live_fit.profile_text(done, base_profile(), "smmuv3-ril", "host",
                                 "a title", True, source)
    assert max(map(len, text.splitlines())) <= 198
    told = live_fit.read_profile(text)["sync"]["source"]
    assert " ".join(told.split()).startswith(
        "fitted: a run of many words many words")
    assert "no row did any of it" in " ".join(
        live_fit.read_profile(text)["context_exec"]["source"].split())


@pytest.mark.parametrize("text, says", [
    ("no section", "cannot be read"),
    ("[call]\nvalue = 5 parsecs\n", "is no time"),
])
def test_a_bad_base_profile(text: str, says: str) -> None:
    """It is named as the base profile."""
    with pytest.raises(BadFit, match=says):
        live_fit.base_prices(text)
