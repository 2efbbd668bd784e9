# SPDX-License-Identifier: GPL-2.0-only
"""Which ratios of a model to a kernel are out of bounds, and what is said."""

from __future__ import annotations

import math

import pytest
from ioptlib import fidelity
from ioptlib.fidelity import Row, Table


def row(ratio: float, spread: float = 0.02,
        case: str = "map/granule:4K") -> Row:
    """A row whose interval is the ratio and so much to either side."""
    return Row(case, 100.0, 100.0 * ratio, ratio, ratio - spread,
               ratio + spread)


def table(*ratios: float) -> Table:
    """A table with a row for each ratio."""
    return Table("lpae-6.12", "kernel-6.12 (6.12.3)",
                 tuple(row(ratio) for ratio in ratios))


@pytest.mark.parametrize("ratio, spread, is_outside", [
    (1.0, 0.01, False), (0.79, 0.02, False), (0.77, 0.02, True),
    (1.26, 0.02, False), (1.28, 0.02, True), (1.6, 0.5, False),
])
def test_a_case_is_outside_with_all_of_its_interval(
        ratio: float, spread: float, is_outside: bool) -> None:
    assert row(ratio, spread).is_outside == is_outside


def test_geometric_mean() -> None:
    assert math.isclose(table(0.5, 2.0).mean(), 1.0)
    assert math.isclose(table(1.0, 1.21).mean(), 1.1)
    assert not table(0.96, 1.04).is_mean_outside
    assert table(1.06, 1.08).is_mean_outside


def test_what_has_no_reason_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fidelity, "REASONS", ())
    assert table(1.0, 1.01).unexplained == []
    found = table(1.0, 0.6)
    assert found.unexplained == ["map/granule:4K", "geometric mean 0.775"]
    text = "\n".join(fidelity.render(found))
    assert text.count("OUTSIDE: no reason known") == 2
    monkeypatch.setattr(fidelity, "REASONS", (
        (r"^lpae-6\.12 map/", "it is made of tin"), (" mean$", "so are all")))
    assert table(1.0, 0.6).unexplained == []
    text = "\n".join(fidelity.render(table(1.0, 0.6)))
    assert "OUTSIDE: it is made of tin" in text
    assert "OUTSIDE: so are all" in text


def test_a_reason_is_of_its_model() -> None:
    for pattern, why in fidelity.REASONS:
        assert pattern.startswith("^") and why
    assert not table(1.0).reason("map/granule:4K", 0.5)


def test_a_slow_model_has_no_excuse() -> None:
    assert table(0.9, 0.9).reason("mean", 0.9)
    assert not table(1.1, 1.1).reason("mean", 1.1)
    assert table(1.1, 1.1).unexplained == ["geometric mean 1.100"]


def test_table_says_each_family() -> None:
    lines = fidelity.render(Table("lpae-6.1", "kernel-6.1 (6.1.2)", (
        row(1.0), row(1.1, case="unmap/granule:4K"))))
    assert lines[0] == "lpae-6.1 against kernel-6.1 (6.1.2)"
    assert lines[-1].strip() == ("geometric mean: map 1.000, unmap 1.100; "
                                 "all 1.049, 2 cases")
